/* The unmasking orders on a known joint distribution: which draw it, and how far off the others are.
 *
 * Prints one line per order, `# order ...`; the table in docs/diffusion.md is made of them:
 *
 *     build/tests/unit/test_unmasking | grep '^#'
 *
 * 40 000 blocks of the joint distribution itself are at a total variation distance of about 0.01 from it. */
#include "oracle.h"
#include "test_main.h"

#include <stdio.h>

/* 0.999 quantile of chi-square with 47 degrees of freedom (R 4: qchisq(0.999, 47)). */
static const double chi_square_quantile = 82.72;

enum { BLOCKS = 40000 };

/* ---- the joint distribution -------------------------------------------------------------------- */

typedef struct measured {
    double chi_square, total_variation, evaluations;
} measured;

static measured measure(const flowbd3_sampler_options *o) {
    size_t seen[ORACLE_CELLS] = {0}, evaluations = 0;
    uint16_t values[ORACLE_TOKENS];
    for (uint64_t key = 0; key < BLOCKS; key++) {
        begin(&blocks[0], key, values, o);
        while (advance(&blocks[0], o))
            evaluations++;
        seen[oracle_number(values, false)]++;
    }
    measured m = {.evaluations = (double)evaluations / BLOCKS};
    for (size_t cell = 0; cell < ORACLE_CELLS; cell++) {
        double expected = BLOCKS * joint.joint[cell], off = (double)seen[cell] - expected;
        ck_assert_double_gt(expected, 5.0);
        m.chi_square += off * off / expected;
        m.total_variation += fabs(off) / (2.0 * BLOCKS);
    }
    return m;
}

/* What theory says of an order. */
typedef enum promise {
    EXACT,  /* the statistic stays below the quantile */
    BIASED, /* it does not; the distance is at least `least` */
    NEARLY  /* biased, but the distance is at most `most` */
} promise;

typedef struct order_case {
    const char *name;
    flowbd3_sampler_options options;
    promise promise;
    double least, most;
} order_case;

/* ReMDM promises that every token is masked with the probability it has in the forward process, so that the
 * reverse process tends to the data's distribution as the steps grow in number and sigma shrinks with them.
 * What is left at finite steps is the steps that draw two tokens or more independently; and, by confidence,
 * that which tokens are masked again depends on their values. */
static const order_case cases[] = {
    {"random", ORDER(RANDOM), EXACT, 0, 0},
    {"random", ORDER(RANDOM, .steps = 2), BIASED, 0.18, 0.24},
    {"random", ORDER(RANDOM, .steps = 1), BIASED, 0.5, 0.65},
    {"ancestral", ORDER(ANCESTRAL, .steps = 4096), EXACT, 0, 0},
    {"ancestral", ORDER(ANCESTRAL, .steps = 64), NEARLY, 0.0, 0.025},
    {"ancestral", ORDER(ANCESTRAL, .steps = 16), BIASED, 0.035, 0.06},
    {"ancestral", ORDER(ANCESTRAL), BIASED, 0.08, 0.11},
    {"ancestral", ORDER(ANCESTRAL, .steps = 2), BIASED, 0.3, 0.37},
    {"confidence", ORDER(CONFIDENCE), BIASED, 0.45, 0.55},
    {"confidence", ORDER(CONFIDENCE, .steps = 2), BIASED, 0.34, 0.43},
    {"margin", ORDER(MARGIN), EXACT, 0, 0},
    {"margin", ORDER(MARGIN, .steps = 2), BIASED, 0.32, 0.4},
    {"entropy", ORDER(ENTROPY), EXACT, 0, 0},
    {"entropy", ORDER(ENTROPY, .steps = 2), BIASED, 0.28, 0.36},
    {"threshold 0.9", ORDER(THRESHOLD), EXACT, 0, 0},
    {"threshold 0.6", ORDER(THRESHOLD, .threshold = 0.6), BIASED, 0.24, 0.31},
    {"threshold 0.5", ORDER(THRESHOLD, .threshold = 0.5), BIASED, 0.24, 0.31},
    {"remask-cap", ORDER(REMASK_CAP), BIASED, 0.035, 0.065},
    {"remask-cap", ORDER(REMASK_CAP, .steps = 256), NEARLY, 0.0, 0.025},
    {"remask-cap 0.001", ORDER(REMASK_CAP, .steps = 256, .remask = 0.001), EXACT, 0, 0},
    {"remask-rescale", ORDER(REMASK_RESCALE), BIASED, 0.035, 0.065},
    {"remask-rescale", ORDER(REMASK_RESCALE, .steps = 256), NEARLY, 0.0, 0.025},
    {"remask-confidence", ORDER(REMASK_CONFIDENCE), BIASED, 0.055, 0.085},
    {"remask-confidence", ORDER(REMASK_CONFIDENCE, .steps = 256), BIASED, 0.01, 0.03},
    {"remask-loop", ORDER(REMASK_LOOP), BIASED, 0.055, 0.085},
    {"remask-loop", ORDER(REMASK_LOOP, .steps = 256), NEARLY, 0.0, 0.025},
};

START_TEST(orders_draw_what_they_promise) {
    const order_case *c = &cases[_i];
    flowbd3_sampler_options o = checked(c->options);
    measured m = measure(&o);
    printf("# %-18s steps %-5u chi-square %9.1f  total variation %.3f  evaluations %5.2f\n", c->name,
           c->options.steps, m.chi_square, m.total_variation, m.evaluations);
    fflush(stdout);
    if (c->promise == EXACT)
        ck_assert_double_lt(m.chi_square, chi_square_quantile);
    if (c->promise == BIASED)
        ck_assert_double_gt(m.chi_square, chi_square_quantile);
    if (c->promise != EXACT) {
        ck_assert_double_ge(m.total_variation, c->least);
        ck_assert_double_le(m.total_variation, c->most);
    }
}
END_TEST

int main(void) {
    setenv("CK_FORK", "no", 1);
    Suite *suite = suite_create("unmasking");
    TCase *tests = tcase_create("unmasking");
    tcase_set_timeout(tests, 120);
    tcase_add_unchecked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, orders_draw_what_they_promise, 0, (int)FB3_COUNT(cases));
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
