/* Intervals from what is known of rows: against rows that are written out, closed forms and the coverage of
 * known laws. */
#include "counted.h"
#include "evaluator/classifier.h"
#include "evaluator/distances.h"
#include "test_main.h"
#include "two_threads.h"

enum { SEED = 11 };

static double uniform(uint64_t seed, uint64_t i) {
    uint32_t word[4];
    fb3_random(word, seed, FB3_RANDOM_DECODE, i, 0);
    return fb3_uniform53(word[0], word[1]);
}

/* summaries[n] of the outcomes, which are released. */
static fb3_summary *resampled(fb3_outcomes *outcomes, uint32_t n, uint64_t seed) {
    fb3_work work = {.context = context};
    fb3_summary *summaries = calloc(n, sizeof *summaries);
    ck_assert_int_eq(fb3_outcomes_resample(summaries, &work, outcomes, n, seed, NULL), FLOWBD3_OK);
    ck_assert_uint_eq(work.done, n);
    fb3_outcomes_release(outcomes, context);
    return summaries;
}

/* The rows that a resampling draws, one after the other; drawn[n]. */
static void write_out(size_t *drawn, size_t n, fb3_purpose purpose, uint32_t step) {
    uint32_t *times = malloc(n * sizeof *times);
    fb3_resample_draw(times, n, SEED, purpose, step);
    for (size_t i = 0, at = 0; i < n; i++)
        for (uint32_t k = 0; k < times[i]; k++)
            drawn[at++] = i;
    free(times);
}

static void assert_near(const char *what, double value, double expected, double tolerance) {
    ck_assert_msg(fabs(value - expected) <= tolerance, "%s is %.17g, expected %.17g within %g", what, value,
                  expected, tolerance);
}

/* Mean and standard deviation of the figure at offset. */
static fb3_moments spread_of(const fb3_summary *summaries, size_t n, size_t offset) {
    double *x = malloc(n * sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = fb3_figure_at(&summaries[i], offset);
    fb3_moments moments = fb3_moments_of(x, n);
    free(x);
    return moments;
}

/* ---- rows written out ------------------------------------------------------------------------------ */

typedef struct scored {
    double scores[303];
    bool other[303];
    uint8_t fold[303];
    size_t row[2][303], counts[2]; /* rows of the generated, of the real table */
} scored;

/* Scores that tie, of two tables, of unequal folds. */
static scored scored_rows(void) {
    scored s = {.counts = {0, 0}};
    for (size_t i = 0; i < FB3_COUNT(s.scores); i++) {
        s.other[i] = uniform(3, i) < 0.4;
        s.scores[i] = floor(12.0 * uniform(1, i)) + (s.other[i] ? 2.0 : 0.0);
        s.fold[i] = (uint8_t)(i * i % FB3_FOLDS);
        size_t table = s.other[i] ? 0 : 1;
        s.row[table][s.counts[table]++] = i;
    }
    s.scores[7] = NAN;
    return s;
}

static double pairs_of_drawn(const scored *s, uint32_t step) {
    static const fb3_purpose purposes[] = {FB3_RANDOM_BOOTSTRAP_ROWS, FB3_RANDOM_BOOTSTRAP_REAL};
    double ordered = 0.0, pairs = 0.0;
    size_t drawn[2][FB3_COUNT(s->scores)];
    for (size_t t = 0; t < 2; t++)
        write_out(drawn[t], s->counts[t], purposes[t], step);
    for (uint8_t f = 0; f < FB3_FOLDS; f++) {
        double scores[FB3_COUNT(s->scores)];
        bool labels[FB3_COUNT(s->scores)];
        size_t n = 0;
        for (size_t t = 0; t < 2; t++)
            for (size_t i = 0; i < s->counts[t]; i++) {
                size_t row = s->row[t][drawn[t][i]];
                if (s->fold[row] != f)
                    continue;
                labels[n] = s->other[row];
                scores[n++] = s->scores[row];
            }
        ck_assert(fb3_order_pairs(&ordered, &pairs, context, scores, labels, n));
    }
    return ordered / pairs;
}

START_TEST(pairs_are_those_of_rows_written_out) {
    static const size_t figures[] = {offsetof(fb3_summary, c2st_auc),
                                     offsetof(fb3_summary, c2st_auc_logistic)};
    scored s = scored_rows();
    fb3_outcomes outcomes = {0};
    ck_assert(fb3_keep_pairs(&outcomes, context, figures, s.scores, s.other, s.fold, FB3_COUNT(s.scores)));
    fb3_summary *summaries = resampled(&outcomes, 20, SEED);
    for (uint32_t step = 0; step < 20; step++) {
        assert_near("auc", summaries[step].c2st_auc, pairs_of_drawn(&s, step), 1e-12);
        ck_assert(summaries[step].c2st_auc == summaries[step].c2st_auc_logistic);
    }
    ck_assert(summaries[0].c2st_auc != summaries[1].c2st_auc);
    free(summaries);
}
END_TEST

START_TEST(targets_are_those_of_rows_written_out) {
    enum { ROWS = 120, CLASSES = 4 };
    double truth[ROWS], guess[ROWS], y[ROWS], scores[ROWS];
    for (size_t i = 0; i < ROWS; i++) {
        truth[i] = floor(CLASSES * uniform(1, i));
        guess[i] = uniform(2, i) < 0.7 ? truth[i] : floor(CLASSES * uniform(3, i));
        y[i] = uniform(4, i);
        scores[i] = y[i] + 0.3 * uniform(5, i);
    }
    fb3_outcomes outcomes = {0};
    ck_assert(fb3_keep_f1(&outcomes, context, offsetof(fb3_summary, tstr), truth, guess, ROWS, CLASSES) &&
              fb3_keep_explained(&outcomes, context, offsetof(fb3_summary, trtr), y, scores, ROWS));
    fb3_summary *summaries = resampled(&outcomes, 20, SEED);
    for (uint32_t step = 0; step < 20; step++) {
        size_t drawn[ROWS];
        double a[ROWS], b[ROWS], c[ROWS], d[ROWS];
        write_out(drawn, ROWS, FB3_RANDOM_BOOTSTRAP_REAL, step);
        for (size_t i = 0; i < ROWS; i++) {
            a[i] = truth[drawn[i]];
            b[i] = guess[drawn[i]];
            c[i] = y[drawn[i]];
            d[i] = scores[drawn[i]];
        }
        assert_near("f1", summaries[step].tstr, fb3_macro_f1(a, b, NULL, ROWS, CLASSES), 1e-12);
        assert_near("r2", summaries[step].trtr, fb3_explained(c, d, NULL, ROWS), 1e-12);
    }
    free(summaries);
}
END_TEST

START_TEST(moments_are_those_of_rows_written_out) {
    enum { ROWS = 90 };
    static const size_t figures[] = {offsetof(fb3_summary, nearest_min), offsetof(fb3_summary, nearest_mean),
                                     offsetof(fb3_summary, nearest_std)};
    double x[ROWS];
    for (size_t i = 0; i < ROWS; i++)
        x[i] = uniform(1, i);
    fb3_outcomes outcomes = {0};
    ck_assert(fb3_keep_moments(&outcomes, context, figures, FB3_POPULATION_GENERATED, x, ROWS));
    fb3_summary *summaries = resampled(&outcomes, 20, SEED);
    for (uint32_t step = 0; step < 20; step++) {
        size_t drawn[ROWS];
        double y[ROWS], least = INFINITY;
        write_out(drawn, ROWS, FB3_RANDOM_BOOTSTRAP_ROWS, step);
        for (size_t i = 0; i < ROWS; i++) {
            y[i] = x[drawn[i]];
            least = fmin(least, y[i]);
        }
        fb3_moments moments = fb3_moments_of(y, ROWS);
        ck_assert(summaries[step].nearest_min == least);
        assert_near("mean", summaries[step].nearest_mean, moments.mean, 1e-14);
        assert_near("deviation", summaries[step].nearest_std, moments.deviation, 1e-14);
    }
    free(summaries);
}
END_TEST

/* ---- closed forms ---------------------------------------------------------------------------------- */

/* sqrt(p (1 - p) / n); a standard deviation of N values is known to 1 / sqrt(2 N) of itself. */
START_TEST(error_of_a_share) {
    enum { ROWS = 500, TIMES = 4000 };
    double x[ROWS];
    for (size_t i = 0; i < ROWS; i++)
        x[i] = i % 5 == 0 ? 1.0 : 0.0;
    fb3_outcomes outcomes = {0};
    ck_assert(
        fb3_keep_mean(&outcomes, context, offsetof(fb3_summary, coverage), FB3_POPULATION_REAL, x, ROWS));
    fb3_summary *summaries = resampled(&outcomes, TIMES, SEED);
    fb3_moments found = spread_of(summaries, TIMES, offsetof(fb3_summary, coverage));
    double error = sqrt(0.2 * 0.8 / ROWS);
    assert_near("share", found.mean, 0.2, 4.0 * error / sqrt(TIMES));
    assert_near("error", found.deviation, error, 4.0 * error / sqrt(2.0 * TIMES));
    free(summaries);
}
END_TEST

/* The error of DeLong, DeLong and Clarke-Pearson 1988 for one fold, with the divisor n of what is drawn from.
 * It is that of the linear part of the figure: the rest is of the order 1/n of it. */
START_TEST(error_of_pairs) {
    enum { ROWS = 400, TIMES = 4000 };
    static const size_t figures[] = {offsetof(fb3_summary, c2st_auc), offsetof(fb3_summary, c2st_auc)};
    double scores[2 * ROWS], place[2][ROWS];
    bool other[2 * ROWS];
    uint8_t fold[2 * ROWS] = {0};
    for (size_t i = 0; i < 2 * ROWS; i++) {
        other[i] = i >= ROWS;
        scores[i] = floor(50.0 * (uniform(1, i) + uniform(2, i) + (other[i] ? 0.2 : 0.0)));
    }
    for (size_t i = 0; i < ROWS; i++) {
        place[0][i] = place[1][i] = 0.0;
        for (size_t k = 0; k < ROWS; k++) {
            double a = scores[ROWS + i] - scores[k], b = scores[ROWS + k] - scores[i];
            place[0][i] += (a > 0.0 ? 1.0 : a == 0.0 ? 0.5 : 0.0) / ROWS;
            place[1][i] += (b > 0.0 ? 1.0 : b == 0.0 ? 0.5 : 0.0) / ROWS;
        }
    }
    fb3_moments of[2] = {fb3_moments_of(place[0], ROWS), fb3_moments_of(place[1], ROWS)};
    double error = sqrt((of[0].deviation * of[0].deviation + of[1].deviation * of[1].deviation) / ROWS);
    fb3_outcomes outcomes = {0};
    ck_assert(fb3_keep_pairs(&outcomes, context, figures, scores, other, fold, 2 * ROWS));
    fb3_summary *summaries = resampled(&outcomes, TIMES, SEED);
    fb3_moments found = spread_of(summaries, TIMES, offsetof(fb3_summary, c2st_auc));
    assert_near("auc", found.mean, of[0].mean, 4.0 * error / sqrt(TIMES));
    assert_near("error", found.deviation, error, (4.0 / sqrt(2.0 * TIMES) + 1.0 / ROWS) * error);
    free(summaries);
}
END_TEST

/* Of 401 values the 5 % quantile is the 21st: it is up to the k-th of all where 21 or more of 401 draws are.
 */
START_TEST(law_of_a_quantile) {
    enum { ROWS = 401, TIMES = 4000, PLACE = 20 };
    double x[ROWS];
    for (size_t i = 0; i < ROWS; i++)
        x[i] = (double)(i * 7 % ROWS);
    fb3_outcomes outcomes = {0};
    ck_assert(fb3_keep_spread(&outcomes, context, offsetof(fb3_summary, dcr_mean),
                              offsetof(fb3_summary, dcr_p5), FB3_POPULATION_GENERATED, x, ROWS));
    fb3_summary *summaries = resampled(&outcomes, TIMES, SEED);
    for (int k = 12; k <= 30; k += 6) {
        double share = (k + 1.0) / ROWS, fewer = 0.0, found = 0.0;
        for (int j = 0; j <= PLACE; j++)
            fewer += exp(lgamma(ROWS + 1.0) - lgamma(j + 1.0) - lgamma(ROWS - j + 1.0) + j * log(share) +
                         (ROWS - j) * log1p(-share));
        for (size_t i = 0; i < TIMES; i++)
            found += summaries[i].dcr_p5 <= k ? 1.0 / TIMES : 0.0;
        assert_near("share", found, 1.0 - fewer, 4.0 * sqrt(fewer * (1.0 - fewer) / TIMES));
    }
    free(summaries);
}
END_TEST

/* ---- coverage -------------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool covers(const fb3_summary *summaries, size_t n, size_t offset, double truth) {
    double *x = malloc(n * sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = fb3_figure_at(&summaries[i], offset);
    qsort(x, n, sizeof *x, ascending);
    bool inside = fb3_quantile(x, n, 0.025) <= truth && truth <= fb3_quantile(x, n, 0.975);
    free(x);
    return inside;
}

/* 400 samples of a known law: a share, and the 5 % quantile and the mean of uniform numbers. Percentile
 * intervals of 95 % hold the truth a little less often; 400 samples know that to 0.011. */
START_TEST(intervals_hold_the_truth) {
    enum { SAMPLES = 400, ROWS = 300, TIMES = 200 };
    size_t of_share = 0, of_mean = 0, of_quantile = 0;
    for (uint64_t s = 0; s < SAMPLES; s++) {
        double x[ROWS], hits[ROWS];
        for (size_t i = 0; i < ROWS; i++) {
            x[i] = uniform(100 + s, i);
            hits[i] = x[i] < 0.3 ? 1.0 : 0.0;
        }
        fb3_outcomes outcomes = {0};
        ck_assert(fb3_keep_mean(&outcomes, context, offsetof(fb3_summary, precision),
                                FB3_POPULATION_GENERATED, hits, ROWS) &&
                  fb3_keep_spread(&outcomes, context, offsetof(fb3_summary, dcr_mean),
                                  offsetof(fb3_summary, dcr_p5), FB3_POPULATION_GENERATED, x, ROWS));
        fb3_summary *summaries = resampled(&outcomes, TIMES, s);
        of_share += covers(summaries, TIMES, offsetof(fb3_summary, precision), 0.3);
        of_mean += covers(summaries, TIMES, offsetof(fb3_summary, dcr_mean), 0.5);
        of_quantile += covers(summaries, TIMES, offsetof(fb3_summary, dcr_p5), 0.05);
        free(summaries);
    }
    printf("# of 95 %% intervals hold the truth: share %.3f, mean %.3f, quantile %.3f\n",
           (double)of_share / SAMPLES, (double)of_mean / SAMPLES, (double)of_quantile / SAMPLES);
    assert_near("share", (double)of_share / SAMPLES, 0.935, 0.044);
    assert_near("mean", (double)of_mean / SAMPLES, 0.935, 0.044);
    assert_near("quantile", (double)of_quantile / SAMPLES, 0.935, 0.044);
}
END_TEST

/* ---- edges ----------------------------------------------------------------------------------------- */

static bool keep_all(fb3_outcomes *outcomes, flowbd3_context *in, size_t n) {
    static const size_t figures[] = {offsetof(fb3_summary, nearest_min), offsetof(fb3_summary, nearest_mean),
                                     offsetof(fb3_summary, nearest_std)};
    static const double x[] = {0.5, 0.25}, level[] = {3.0, 100.0}, none[] = {NAN, NAN};
    static const bool other[] = {true, false};
    static const uint8_t fold[] = {0, 0};
    const fb3_population g = FB3_POPULATION_GENERATED, a = FB3_POPULATION_APART;
    return fb3_keep_mean(outcomes, in, offsetof(fb3_summary, copies), g, x, n) &&
           fb3_keep_moments(outcomes, in, figures, g, x, n) &&
           fb3_keep_spread(outcomes, in, offsetof(fb3_summary, dcr_mean), offsetof(fb3_summary, dcr_p5), g, x,
                           n) &&
           fb3_keep_curve(outcomes, in, offsetof(fb3_summary, alpha_precision), g, level, n) &&
           fb3_keep_lead(outcomes, in, offsetof(fb3_summary, mia_advantage), FB3_POPULATION_REAL, x, n, a, x,
                         n) &&
           fb3_keep_pairs(outcomes, in, figures, none, other, fold, n) &&
           fb3_keep_f1(outcomes, in, offsetof(fb3_summary, tstr), none + 1, none, 0, 2) &&
           fb3_keep_explained(outcomes, in, offsetof(fb3_summary, trtr), x, x, n);
}

START_TEST(one_row_is_all_that_is_drawn) {
    fb3_outcomes outcomes = {0};
    ck_assert(keep_all(&outcomes, context, 1));
    fb3_summary *summaries = resampled(&outcomes, 3, SEED);
    for (size_t i = 0; i < 3; i++) {
        const fb3_summary *s = &summaries[i];
        ck_assert(s->copies == 0.5 && s->dcr_mean == 0.5 && s->dcr_p5 == 0.5 && s->nearest_std == 0.0);
        /* Levels 3: points 4 to 100 are 1. */
        assert_near("curve", s->alpha_precision, 1.0 - 2.0 * (0.06 + 97.0 - (5050.0 - 6.0) / 100.0) / 100.0,
                    1e-12);
        ck_assert(s->mia_advantage == 0.0);
        ck_assert(isnan(s->nearest_min)); /* written over by pairs of which there is none */
        ck_assert(isnan(s->tstr) && isnan(s->trtr));
    }
    free(summaries);
}
END_TEST

static int cancel(void *user, const flowbd3_progress *progress) {
    (void)progress;
    ++*(int *)user;
    return 1;
}

START_TEST(cancelled) {
    fb3_outcomes outcomes = {0};
    fb3_work work = {.context = context};
    fb3_summary summaries[100];
    flowbd3_error err = {0};
    int calls = 0;
    fb3_reporter_start(&work.reporter, cancel, &calls, "evaluate", 100);
    ck_assert(keep_all(&outcomes, context, 2));
    ck_assert_int_eq(fb3_outcomes_resample(summaries, &work, &outcomes, 100, SEED, &err), FLOWBD3_CANCELLED);
    ck_assert_int_eq(calls, 1);
    ck_assert_uint_lt(work.done, 100);
    ck_assert_str_eq(err.message, "the evaluation was cancelled");
    fb3_outcomes_release(&outcomes, context);
}
END_TEST

START_TEST(nothing_kept_is_nothing_found) {
    fb3_outcomes outcomes = {0};
    fb3_summary *summaries = resampled(&outcomes, 3, SEED);
    fb3_summary zero = {0};
    ck_assert_mem_eq(summaries, &zero, sizeof zero);
    free(summaries);
}
END_TEST

START_TEST(every_allocation_may_fail) {
    counted l = {.left = -1};
    flowbd3_context *tight = counted_context(&l);
    long alive = l.blocks;
    bool whole = false;
    for (long n = 0; !whole; n++) {
        ck_assert_int_lt(n, 1000);
        fb3_outcomes outcomes = {0};
        fb3_work work = {.context = tight};
        fb3_summary summaries[2];
        l.left = n;
        whole = keep_all(&outcomes, tight, 2) &&
                fb3_outcomes_resample(summaries, &work, &outcomes, 2, SEED, NULL) == FLOWBD3_OK;
        fb3_outcomes_release(&outcomes, tight);
        ck_assert_int_eq(l.blocks, alive);
    }
    flowbd3_context_destroy(&tight);
    ck_assert_int_eq(l.blocks, 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("outcomes");
    TCase *tests = tcase_create("outcomes");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, pairs_are_those_of_rows_written_out);
    tcase_add_test(tests, targets_are_those_of_rows_written_out);
    tcase_add_test(tests, moments_are_those_of_rows_written_out);
    tcase_add_test(tests, error_of_a_share);
    tcase_add_test(tests, error_of_pairs);
    tcase_add_test(tests, law_of_a_quantile);
    tcase_add_test(tests, intervals_hold_the_truth);
    tcase_add_test(tests, one_row_is_all_that_is_drawn);
    tcase_add_test(tests, cancelled);
    tcase_add_test(tests, nothing_kept_is_nothing_found);
    tcase_add_test(tests, every_allocation_may_fail);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
