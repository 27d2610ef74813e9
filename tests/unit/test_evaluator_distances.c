/* Figures made from distances between rows: the searches against all pairs, the figures against NumPy
 * (tests/golden/evaluator_distances.py), and degenerate tables. */
#include "evaluated.h"
#include "evaluator/distances.h"
#include "golden_table.h"
#include "test_main.h"
#include "two_threads.h"

static flowbd3_table *new_table(void) {
    flowbd3_table *table;
    ck_assert_int_eq(flowbd3_table_create(&table, context, NULL), FLOWBD3_OK);
    return table;
}

static double uniform(uint64_t seed, size_t row, uint32_t column) {
    return fb3_uniform(seed, FB3_RANDOM_SPLIT, row, column);
}

/* ---- searches against all pairs --------------------------------------------------------------------- */

typedef enum shape { SPREAD, COARSE, FAR_AND_NEAR, HEAVY, ON_A_LINE, MANY_CATEGORIES, SHAPES } shape;

/* A cell of a row. FAR_AND_NEAR: clusters far from each other whose rows differ in the eighth digit. HEAVY: a
 * few rows lie millions of times farther out than all others. */
static double cell_of(shape s, uint64_t seed, size_t row, uint32_t column) {
    double u = uniform(seed, row, column);
    switch (s) {
    case COARSE:
        return floor(3.0 * u);
    case FAR_AND_NEAR:
        return 1e3 * floor(6.0 * uniform(seed, row, 99)) + 1e-8 * u;
    case HEAVY:
        return pow(u, -4.0);
    case ON_A_LINE:
        return uniform(seed, row, 99) * (column + 1.0);
    default:
        return u;
    }
}

static flowbd3_table *shaped_table(shape s, size_t rows, uint64_t seed) {
    enum { NUMERIC = 5 };
    flowbd3_table *table = new_table();
    double *x = malloc(rows * sizeof *x);
    const char **texts = malloc(rows * sizeof *texts);
    char(*names)[16] = malloc(rows * sizeof *names);
    for (uint32_t c = 0; c < NUMERIC; c++) {
        char name[8];
        snprintf(name, sizeof name, "x%u", c);
        for (size_t i = 0; i < rows; i++)
            x[i] = cell_of(s, seed, i, c);
        ck_assert_int_eq(flowbd3_table_add_real(table, name, x, NULL, rows, NULL), FLOWBD3_OK);
    }
    double kinds = s == MANY_CATEGORIES ? 5000.0 : 3.0;
    for (size_t i = 0; i < rows; i++) {
        snprintf(names[i], sizeof names[i], "%d", (int)(kinds * uniform(seed, i, 50)));
        texts[i] = uniform(seed, i, 51) < 0.1 ? NULL : names[i];
    }
    ck_assert_int_eq(flowbd3_table_add_categorical(table, "t", texts, rows, NULL), FLOWBD3_OK);
    free(x);
    free(texts);
    free(names);
    return table;
}

typedef struct pair {
    fb3_features features;
    fb3_sample real, other;
    fb3_points among, queries;
} pair;

static void make_pair(pair *p, fb3_space space, shape s) {
    fb3_work work = {.context = context};
    flowbd3_table *real = shaped_table(s, 900, 1), *other = shaped_table(s, 700, 2);
    ck_assert_int_eq(fb3_features_create(&p->features, context, real, NULL), FLOWBD3_OK);
    ck_assert_int_eq(
        fb3_sample_create(&p->real, &work, &p->features, real, "real", FLOWBD3_METRICS_NEIGHBOURS, NULL),
        FLOWBD3_OK);
    ck_assert_int_eq(
        fb3_sample_create(&p->other, &work, &p->features, other, "other", FLOWBD3_METRICS_NEIGHBOURS, NULL),
        FLOWBD3_OK);
    ck_assert_int_eq(fb3_points_create(&p->among, context, space, &p->features, &p->real,
                                       fb3_part_of(&p->real, 0, 0), NULL),
                     FLOWBD3_OK);
    ck_assert_int_eq(fb3_points_create(&p->queries, context, space, &p->features, &p->real,
                                       fb3_part_of(&p->other, 0, 0), NULL),
                     FLOWBD3_OK);
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&other);
}

static void drop_pair(pair *p) {
    fb3_points_destroy(&p->among, context);
    fb3_points_destroy(&p->queries, context);
    fb3_sample_destroy(&p->real, &p->features, context);
    fb3_sample_destroy(&p->other, &p->features, context);
    fb3_features_destroy(&p->features, context);
}

/* The next nearest row after (square, row) in the order of both; false when there is none. */
static bool next_nearest(const fb3_points *queries, size_t i, const fb3_points *among, double *square,
                         size_t *row) {
    double best = INFINITY;
    size_t at = SIZE_MAX;
    for (size_t r = 0; r < among->rows; r++) {
        size_t j = among->point[r], first = among->first[j];
        double d = fb3_squared_distance(queries, i, among, j);
        /* A row of the query's own point stands for it: the first is left out. */
        if (queries == among && j == i && r == first)
            continue;
        bool after = d > *square || (d == *square && r > *row) || *row == SIZE_MAX;
        if (after && (d < best || (d == best && r < at))) {
            best = d;
            at = r;
        }
    }
    *square = best;
    *row = at;
    return at != SIZE_MAX;
}

static void check_nearest(const fb3_points *queries, const fb3_points *among, size_t k) {
    fb3_work work = {.context = context};
    fb3_neighbours found;
    ck_assert_int_eq(fb3_nearest(&found, &work, queries, among, k, NULL), FLOWBD3_OK);
    for (size_t i = 0; i < queries->count; i += 3) {
        double square = -1.0;
        size_t row = SIZE_MAX;
        for (size_t n = 0; n < k; n++) {
            ck_assert(next_nearest(queries, i, among, &square, &row));
            ck_assert_msg(found.square[i * k + n] == square, "query %zu, neighbour %zu: %.17g, not %.17g", i,
                          n, found.square[i * k + n], square);
            if (n == 0 && queries != among)
                ck_assert_uint_eq(found.point[i * k], among->point[row]);
        }
    }
    fb3_neighbours_destroy(&found, context);
}

START_TEST(nearest_rows_are_those_of_all_pairs) {
    for (int s = 0; s < SHAPES; s++)
        for (int space = 0; space < 2; space++) {
            pair p;
            make_pair(&p, (fb3_space)space, (shape)s);
            check_nearest(&p.queries, &p.among, 1);
            check_nearest(&p.queries, &p.among, FB3_MOST_NEIGHBOURS);
            check_nearest(&p.among, &p.among, FB3_BALL_NEIGHBOURS);
            drop_pair(&p);
        }
}
END_TEST

START_TEST(balls_hold_what_they_hold_of_all_pairs) {
    for (int s = 0; s < SHAPES; s++)
        for (int space = 0; space < 2; space++) {
            pair p;
            fb3_work work = {.context = context};
            make_pair(&p, (fb3_space)space, (shape)s);
            size_t n = p.queries.count, m = p.among.count, larger = n > m ? n : m;
            double *radius = malloc(larger * sizeof *radius), *value = malloc(m * sizeof *value);
            double *least = malloc(n * sizeof *least);
            uint64_t *counts = malloc(n * sizeof *counts);
            /* Radii that end at a point: the distance to another one. */
            for (size_t i = 0; i < m; i++) {
                radius[i] = fb3_squared_distance(&p.queries, i % n, &p.among, i);
                value[i] = uniform(9, i, 0);
            }
            ck_assert_int_eq(fb3_count_around(counts, &work, &p.queries, &p.among, radius, NULL), FLOWBD3_OK);
            for (size_t i = 0; i < n; i++) {
                uint64_t expected = 0;
                for (size_t j = 0; j < m; j++)
                    expected +=
                        fb3_squared_distance(&p.queries, i, &p.among, j) <= radius[j] ? p.among.weight[j] : 0;
                ck_assert_uint_eq(counts[i], expected);
                radius[i] = fb3_squared_distance(&p.queries, i, &p.among, i % m);
            }
            ck_assert_int_eq(fb3_least_within(least, &work, &p.queries, radius, &p.among, value, NULL),
                             FLOWBD3_OK);
            for (size_t i = 0; i < n; i++) {
                double expected = INFINITY;
                for (size_t j = 0; j < m; j++)
                    if (fb3_squared_distance(&p.queries, i, &p.among, j) <= radius[i])
                        expected = fmin(expected, value[j]);
                ck_assert(least[i] == expected);
            }
            free(radius);
            free(value);
            free(least);
            free(counts);
            drop_pair(&p);
        }
}
END_TEST

START_TEST(points_hold_every_row_once) {
    pair p;
    make_pair(&p, FB3_SPACE_RANK, COARSE);
    ck_assert_uint_lt(p.among.count, 900);
    uint64_t rows = 0;
    for (size_t i = 0; i < p.among.count; i++) {
        rows += p.among.weight[i];
        ck_assert_uint_eq(p.among.point[p.among.first[i]], i);
    }
    ck_assert_uint_eq(rows, 900);
    drop_pair(&p);
}
END_TEST

/* ---- golden figures ---------------------------------------------------------------------------------- */

static void check_curves(const flowbd3_evaluator *evaluator, json_t *curves) {
    const char *name;
    json_t *values, *value;
    size_t k, n;
    json_object_foreach(curves, name, values) {
        const double *curve = flowbd3_evaluator_curve(evaluator, name, &n);
        ck_assert_ptr_nonnull(curve);
        ck_assert_uint_eq(n, json_array_size(values));
        json_array_foreach(values, k, value) assert_close(name, curve[k], json_number_value(value));
    }
}

static void check_case(const char *name) {
    json_t *content = golden_content("distances"), *expected = json_object_get(content, name);
    json_t *tables = json_object_get(expected, "tables"), *learned = json_object_get(tables, "training");
    flowbd3_table *real = golden_table(context, json_object_get(tables, "real"));
    flowbd3_table *generated = golden_table(context, json_object_get(tables, "generated"));
    flowbd3_table *second = golden_table(context, json_object_get(tables, "second"));
    flowbd3_table *training = learned != NULL ? golden_table(context, learned) : NULL;
    flowbd3_evaluator_options options = FLOWBD3_EVALUATOR_OPTIONS_INIT;
    options.training = training;
    options.reference_authenticity = json_is_true(json_object_get(expected, "reference"));
    flowbd3_evaluator *evaluator;
    ck_assert_int_eq(flowbd3_evaluator_create(&evaluator, context, real, second, &options, NULL), FLOWBD3_OK);
    flowbd3_table_destroy(&training);
    ck_assert_ptr_null(flowbd3_evaluator_curve(evaluator, "alpha_precision", NULL));
    for (int run = 0; run < 2; run++) {
        ck_assert_int_eq(flowbd3_evaluator_run(evaluator, generated, NULL, NULL, NULL), FLOWBD3_OK);
        assert_figures(evaluator, "summary.", json_object_get(expected, "summary"));
        assert_figures(evaluator, "floor.", json_object_get(expected, "floor"));
        check_curves(evaluator, json_object_get(expected, "curves"));
    }
    ck_assert_int_eq(isnan(flowbd3_evaluator_get(evaluator, "summary.authenticity_reference")) != 0,
                     !options.reference_authenticity);
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&generated);
    flowbd3_table_destroy(&second);
    json_decref(content);
}

START_TEST(golden_rows_that_tie_and_repeat) {
    check_case("coarse");
}
END_TEST

START_TEST(golden_rows_and_rows_held_out) {
    check_case("fine");
}
END_TEST

START_TEST(golden_training_rows_apart) {
    check_case("training");
}
END_TEST

/* ---- properties --------------------------------------------------------------------------------------- */

static double summary_of(const flowbd3_evaluator *evaluator, const char *key) {
    char name[64];
    snprintf(name, sizeof name, "summary.%s", key);
    return flowbd3_evaluator_get(evaluator, name);
}

static double floor_of(const flowbd3_evaluator *evaluator, const char *key) {
    char name[64];
    snprintf(name, sizeof name, "floor.%s", key);
    return flowbd3_evaluator_get(evaluator, name);
}

START_TEST(copied_rows_are_seen) {
    flowbd3_table *real = shaped_table(SPREAD, 600, 1), *second = shaped_table(SPREAD, 600, 2);
    flowbd3_evaluator *evaluator = evaluated(context, real, second, real, NULL);
    ck_assert(summary_of(evaluator, "copies") == 1.0);
    ck_assert(summary_of(evaluator, "authenticity") == 0.0);
    ck_assert(summary_of(evaluator, "dcr_mean") == 0.0 && summary_of(evaluator, "dcr_p5") == 0.0);
    ck_assert(summary_of(evaluator, "nndr_mean") == 0.0);
    ck_assert(summary_of(evaluator, "dcr_train_share") == 1.0);
    ck_assert(summary_of(evaluator, "mia_advantage") == 1.0);
    ck_assert(summary_of(evaluator, "precision") == 1.0 && summary_of(evaluator, "recall") == 1.0);
    ck_assert(summary_of(evaluator, "coverage") == 1.0);
    assert_close("alpha_precision", summary_of(evaluator, "alpha_precision"), 1.0);
    ck_assert(floor_of(evaluator, "copies") == 0.0);
    /* One source: 300 of the rows held out against as many training rows, 2 sd of 300 coins 0.058. */
    ck_assert(fabs(floor_of(evaluator, "dcr_train_share") - 0.5) < 0.12);
    ck_assert(floor_of(evaluator, "mia_advantage") < 0.15);
    ck_assert(floor_of(evaluator, "alpha_precision") > 0.9);
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&second);
}
END_TEST

/* The floor of the figures that need rows held out is that of two halves, one in place of generated rows. */
START_TEST(halves_make_the_floor) {
    enum { TRAINING = 240, HELD = 481, HALF = HELD / 2 };
    size_t order[HELD], cut[TRAINING];
    flowbd3_table *real = shaped_table(SPREAD, TRAINING, 1), *second = shaped_table(SPREAD, HELD, 2);
    flowbd3_table *half, *rest;
    flowbd3_evaluator_options options = FLOWBD3_EVALUATOR_OPTIONS_INIT;
    options.seed = 77;
    flowbd3_evaluator *evaluator = evaluated(context, real, second, real, &options);
    fb3_permutation(order, HELD, options.seed, FB3_RANDOM_SUBSAMPLE, 0);
    ck_assert_int_eq(flowbd3_table_take(&half, second, order, HALF, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_take(&rest, second, order + HALF, HELD - HALF, NULL), FLOWBD3_OK);
    flowbd3_evaluator *direct = evaluated(context, real, rest, half, &options);
    ck_assert(floor_of(evaluator, "mia_advantage") == summary_of(direct, "mia_advantage"));
    flowbd3_evaluator_destroy(&direct);
    /* 241 rows held out are cut to the 240 training rows. */
    memcpy(cut, order + HALF, sizeof cut);
    flowbd3_table *equal;
    ck_assert_int_eq(flowbd3_table_take(&equal, second, cut, TRAINING, NULL), FLOWBD3_OK);
    direct = evaluated(context, real, equal, half, &options);
    ck_assert(floor_of(evaluator, "dcr_train_share") == summary_of(direct, "dcr_train_share"));
    flowbd3_evaluator_destroy(&direct);
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&second);
    flowbd3_table_destroy(&half);
    flowbd3_table_destroy(&rest);
    flowbd3_table_destroy(&equal);
}
END_TEST

/* ---- degenerate tables --------------------------------------------------------------------------------- */

static flowbd3_table *numbers(const double *x, size_t rows) {
    flowbd3_table *table = new_table();
    ck_assert_int_eq(flowbd3_table_add_real(table, "x", x, NULL, rows, NULL), FLOWBD3_OK);
    return table;
}

START_TEST(one_real_row_has_no_ball) {
    static const char *const none[] = {
        "beta_recall", "precision",       "density", "coverage",      "authenticity",          "nndr_mean",
        "nndr_p5",     "dcr_train_share", "recall",  "mia_advantage", "authenticity_reference"};
    static const double three[] = {3.0}, five[] = {5.0};
    flowbd3_table *real = numbers(three, 1), *generated = numbers(five, 1);
    flowbd3_evaluator_options options = FLOWBD3_EVALUATOR_OPTIONS_INIT;
    options.reference_authenticity = 1;
    flowbd3_evaluator *evaluator = evaluated(context, real, NULL, generated, &options);
    for (size_t i = 0; i < FB3_COUNT(none); i++)
        ck_assert_msg(isnan(summary_of(evaluator, none[i])), "%s", none[i]);
    ck_assert(summary_of(evaluator, "copies") == 0.0);
    /* The mean rank of the only real row is 1 of 2, beyond it 2 of 2. */
    ck_assert(summary_of(evaluator, "dcr_mean") == 0.5);
    ck_assert_ptr_null(flowbd3_evaluator_curve(evaluator, "beta_recall", NULL));
    ck_assert_ptr_nonnull(flowbd3_evaluator_curve(evaluator, "alpha_precision", NULL));
    ck_assert_ptr_null(flowbd3_evaluator_curve(evaluator, "floor_alpha_precision", NULL));
    ck_assert_ptr_null(flowbd3_evaluator_curve(evaluator, "ks", NULL));
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&generated);
}
END_TEST

START_TEST(fewer_rows_than_neighbours) {
    /* Ranks 1, 3, 5 of 6: every ball reaches to the farthest of the three. */
    static const double real_x[] = {1.0, 2.0, 3.0}, other_x[] = {2.0, 2.0, 9.0, 1.0};
    flowbd3_table *real = numbers(real_x, 3), *generated = numbers(other_x, 4);
    flowbd3_evaluator *evaluator = evaluated(context, real, NULL, generated, NULL);
    ck_assert(summary_of(evaluator, "precision") == 1.0);
    ck_assert(summary_of(evaluator, "coverage") == 1.0);
    /* Radii 4, 2, 4: 2.0 and 1.0 are in all three balls but 1.0 lies 2 from 2.0; 9.0, rank 6, in the last. */
    assert_close("density", summary_of(evaluator, "density"), (3 + 3 + 1 + 3) / 20.0);
    assert_close("copies", summary_of(evaluator, "copies"), 0.75);
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&generated);
}
END_TEST

START_TEST(rows_that_are_all_equal) {
    static const double same[] = {4.0, 4.0, 4.0, 4.0}, other[] = {4.0, 5.0};
    flowbd3_table *real = numbers(same, 4), *generated = numbers(other, 2);
    flowbd3_evaluator *evaluator = evaluated(context, real, real, generated, NULL);
    ck_assert(summary_of(evaluator, "precision") == 0.5);
    ck_assert(summary_of(evaluator, "coverage") == 1.0);
    ck_assert(summary_of(evaluator, "authenticity") == 0.5);
    /* Both neighbours of a copy are as near: it singles nobody out. */
    ck_assert(summary_of(evaluator, "nndr_mean") == 1.0);
    ck_assert(summary_of(evaluator, "copies") == 0.5);
    ck_assert(summary_of(evaluator, "dcr_train_share") == 0.5);
    ck_assert(summary_of(evaluator, "mia_advantage") == 0.0);
    assert_close("alpha_precision of copies", floor_of(evaluator, "alpha_precision"),
                 1.0 - 2.0 * (1.0 - 0.505));
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&generated);
}
END_TEST

START_TEST(unknown_and_missing_cells_in_copies) {
    static const double x[] = {1.0, -0.0, NAN, 2.0}, y[] = {0.0, NAN, 1.0};
    static const char *const t[] = {"a", "b", NULL, "a"}, *const u[] = {"b", NULL, "z"};
    flowbd3_table *real = numbers(x, 4), *generated = numbers(y, 3);
    ck_assert_int_eq(flowbd3_table_add_categorical(real, "t", t, 4, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_categorical(generated, "t", u, 3, NULL), FLOWBD3_OK);
    flowbd3_evaluator_options options = FLOWBD3_EVALUATOR_OPTIONS_INIT;
    flowbd3_evaluator *evaluator = evaluated(context, real, NULL, generated, &options);
    assert_close("copies", summary_of(evaluator, "copies"), 2.0 / 3.0);
    flowbd3_evaluator_destroy(&evaluator);
    /* A category that the real table does not have counts as no copy, though the training rows have it. */
    options.training = generated;
    evaluator = evaluated(context, real, NULL, generated, &options);
    assert_close("copies", summary_of(evaluator, "copies"), 2.0 / 3.0);
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&generated);
}
END_TEST

START_TEST(curves_are_in_the_report) {
    flowbd3_table *real = shaped_table(SPREAD, 60, 1), *other = shaped_table(SPREAD, 50, 2);
    flowbd3_evaluator *evaluator = evaluated(context, real, other, other, NULL);
    char *text;
    ck_assert_int_eq(flowbd3_evaluator_to_json(evaluator, &text, NULL), FLOWBD3_OK);
    json_t *report = json_loads(text, 0, NULL), *curves = json_object_get(report, "curves"), *values;
    ck_assert_uint_eq(json_object_size(curves), 4);
    const char *name;
    json_object_foreach(curves, name, values) {
        size_t n;
        const double *curve = flowbd3_evaluator_curve(evaluator, name, &n);
        ck_assert_uint_eq(n, json_array_size(values));
        for (size_t k = 0; k < n; k++)
            ck_assert(json_number_value(json_array_get(values, k)) == curve[k]);
    }
    ck_assert_ptr_null(flowbd3_evaluator_curve(NULL, "beta_recall", NULL));
    json_decref(report);
    flowbd3_string_destroy(context, &text);
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&other);
}
END_TEST

/* Nothing is searched, not even the training rows are read, whose columns are others. */
START_TEST(other_groups_have_no_distances) {
    flowbd3_table *real = shaped_table(SPREAD, 30, 1), *training = new_table();
    const double x[] = {1.0};
    ck_assert_int_eq(flowbd3_table_add_real(training, "y", x, NULL, 1, NULL), FLOWBD3_OK);
    flowbd3_evaluator_options options = FLOWBD3_EVALUATOR_OPTIONS_INIT;
    options.training = training;
    flowbd3_evaluator *evaluator;
    ck_assert_int_eq(flowbd3_evaluator_create(&evaluator, context, real, real, &options, NULL),
                     FLOWBD3_ERROR_SCHEMA);
    options.groups = FLOWBD3_METRICS_MARGINALS;
    ck_assert_int_eq(flowbd3_evaluator_create(&evaluator, context, real, real, &options, NULL), FLOWBD3_OK);
    watch w = {0};
    ck_assert_int_eq(flowbd3_evaluator_run(evaluator, real, watch_progress, &w, NULL), FLOWBD3_OK);
    ck_assert_uint_eq(w.done, w.total);
    ck_assert(flowbd3_evaluator_curve(evaluator, "alpha_precision", NULL) == NULL);
    ck_assert(flowbd3_evaluator_curve(evaluator, "floor_beta_recall", NULL) == NULL);
    ck_assert(isnan(flowbd3_evaluator_get(evaluator, "summary.copies")));
    ck_assert(isnan(flowbd3_evaluator_get(evaluator, "floor.dcr_mean")));
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&training);
}
END_TEST

START_TEST(steps_add_up) {
    flowbd3_table *tables[4];
    for (size_t i = 0; i < 4; i++)
        tables[i] = shaped_table(SPREAD, 300 + 280 * i, i);
    for (int second = 0; second < 2; second++)
        for (int training = 0; training < 2; training++)
            for (uint64_t max_rows = 0; max_rows <= 600; max_rows += 300) {
                flowbd3_evaluator_options options = FLOWBD3_EVALUATOR_OPTIONS_INIT;
                options.max_rows = max_rows;
                options.bootstrap = 1;
                options.groups =
                    FLOWBD3_METRICS_MARGINALS | FLOWBD3_METRICS_JOINT | FLOWBD3_METRICS_NEIGHBOURS;
                options.training = training ? tables[3] : NULL;
                options.reference_authenticity = max_rows == 300;
                flowbd3_evaluator *evaluator;
                ck_assert_int_eq(flowbd3_evaluator_create(&evaluator, context, tables[0],
                                                          second ? tables[2] : NULL, &options, NULL),
                                 FLOWBD3_OK);
                for (int run = 0; run < 2; run++) {
                    watch w = {0};
                    ck_assert_int_eq(flowbd3_evaluator_run(evaluator, tables[1], watch_progress, &w, NULL),
                                     FLOWBD3_OK);
                    ck_assert_uint_gt(w.calls, 0);
                    ck_assert_uint_eq(w.done, w.total);
                }
                flowbd3_evaluator_destroy(&evaluator);
            }
    for (size_t i = 0; i < 4; i++)
        flowbd3_table_destroy(&tables[i]);
}
END_TEST

START_TEST(every_allocation_may_fail) {
    flowbd3_table *real = shaped_table(SPREAD, 30, 1), *second = shaped_table(SPREAD, 20, 2);
    flowbd3_evaluator_options options = FLOWBD3_EVALUATOR_OPTIONS_INIT;
    options.groups = FLOWBD3_METRICS_NEIGHBOURS;
    options.training = real;
    for (uint32_t reference = 0; reference < 2; reference++) {
        options.reference_authenticity = reference;
        climb_evaluation(second, real, real, &options, 1, false);
    }
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&second);
}
END_TEST

START_TEST(threads_change_no_figure) {
    char *reports[3] = {NULL};
    flowbd3_table *tables[4];
    for (size_t i = 0; i < 4; i++)
        tables[i] = shaped_table(i == 0 ? COARSE : SPREAD, 600 + 100 * i, i);
    for (uint32_t threads = 1; threads <= 3; threads++) {
        flowbd3_context_options o = FLOWBD3_CONTEXT_OPTIONS_INIT;
        o.threads = threads;
        flowbd3_context *other;
        flowbd3_evaluator *evaluator;
        flowbd3_evaluator_options options = FLOWBD3_EVALUATOR_OPTIONS_INIT;
        options.groups = FLOWBD3_METRICS_NEIGHBOURS;
        options.training = tables[3];
        ck_assert_int_eq(flowbd3_context_create(&other, &o, NULL), FLOWBD3_OK);
        ck_assert_int_eq(flowbd3_evaluator_create(&evaluator, other, tables[0], tables[1], &options, NULL),
                         FLOWBD3_OK);
        ck_assert_int_eq(flowbd3_evaluator_run(evaluator, tables[2], NULL, NULL, NULL), FLOWBD3_OK);
        ck_assert_int_eq(flowbd3_evaluator_to_json(evaluator, &reports[threads - 1], NULL), FLOWBD3_OK);
        flowbd3_evaluator_destroy(&evaluator);
        flowbd3_context_destroy(&other);
    }
    ck_assert_str_eq(reports[0], reports[1]);
    ck_assert_str_eq(reports[0], reports[2]);
    for (size_t i = 0; i < 3; i++)
        flowbd3_string_destroy(context, &reports[i]);
    for (size_t i = 0; i < 4; i++)
        flowbd3_table_destroy(&tables[i]);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("evaluator_distances");
    TCase *tests = tcase_create("evaluator_distances");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, nearest_rows_are_those_of_all_pairs);
    tcase_add_test(tests, balls_hold_what_they_hold_of_all_pairs);
    tcase_add_test(tests, points_hold_every_row_once);
    tcase_add_test(tests, golden_rows_that_tie_and_repeat);
    tcase_add_test(tests, golden_rows_and_rows_held_out);
    tcase_add_test(tests, golden_training_rows_apart);
    tcase_add_test(tests, copied_rows_are_seen);
    tcase_add_test(tests, halves_make_the_floor);
    tcase_add_test(tests, one_real_row_has_no_ball);
    tcase_add_test(tests, fewer_rows_than_neighbours);
    tcase_add_test(tests, rows_that_are_all_equal);
    tcase_add_test(tests, unknown_and_missing_cells_in_copies);
    tcase_add_test(tests, curves_are_in_the_report);
    tcase_add_test(tests, other_groups_have_no_distances);
    tcase_add_test(tests, steps_add_up);
    tcase_add_test(tests, threads_change_no_figure);
    if (!THREADS_SANITIZED)
        tcase_add_test(tests, every_allocation_may_fail);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
