/* Conditions, rules and weights on models of a known joint distribution.
 *
 * What a model draws under a condition is compared with those of its unconditional rows that meet it, so that
 * how well it learned is no part of the distance; and with the table, from which they are no farther than
 * those. The distance is the total variation over 336 cells of the joint. Its bound is what the sampling of
 * both sides gives on average, a quarter more, and 0.05 for what a network's conditionals, which are learned
 * one by one, differ between the orders of columns; without conditions its rows are 0.05 beyond the sampling
 * from the table. */
#include "compare_tables.h"
#include "known.h"
#include "sampler/sampler.h"
#include "test_main.h"

#include <unistd.h>

enum { PLAIN = 16000, ROWS = 2500 };

static const double of_model = 0.05;

static flowbd3_context *context;
static flowbd3_table *table;

static const struct {
    const char *name;
    uint32_t block;
    flowbd3_column_order order;
    bool exact; /* under conditions */
} kinds[] = {{"whole flows", 0, FLOWBD3_COLUMNS_FIXED, true},
             {"one token, random order", 1, FLOWBD3_COLUMNS_RANDOM, true},
             {"three tokens, random order", 3, FLOWBD3_COLUMNS_RANDOM, true},
             {"one token, fixed order", 1, FLOWBD3_COLUMNS_FIXED, false}};

enum { KINDS = 4, EPOCHS = 10 };

static flowbd3_model *models[KINDS];
static flowbd3_table *plain[KINDS];

static flowbd3_table *draw_rows(const flowbd3_model *model, const flowbd3_sampler_options *options,
                                uint64_t rows) {
    flowbd3_sampler *sampler = NULL;
    flowbd3_table *out = NULL;
    flowbd3_error err = {0};
    ck_assert_msg(flowbd3_sampler_create(&sampler, model, options, &err) == FLOWBD3_OK, "%s", err.message);
    ck_assert_msg(flowbd3_sampler_generate(sampler, rows, &out, NULL, NULL, &err) == FLOWBD3_OK, "%s",
                  err.message);
    ck_assert_uint_eq(flowbd3_table_rows(out), rows);
    flowbd3_sampler_destroy(&sampler);
    return out;
}

static void set_up(void) {
    context = toy_context(2);
    table = known_table(context);
    for (int k = 0; k < KINDS; k++) {
        models[k] = known_model(table, kinds[k].block, kinds[k].order, EPOCHS);
        plain[k] = draw_rows(models[k], NULL, PLAIN);
    }
}

static void tear_down(void) {
    for (int k = 0; k < KINDS; k++) {
        flowbd3_table_destroy(&plain[k]);
        flowbd3_model_destroy(&models[k]);
    }
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
}

/* ---- cases ------------------------------------------------------------------------------------- */

/* Weight of a row under the case, 0 where it does not meet the condition. */
typedef double (*weight_of)(const known_row *r);

static double any(const known_row *r) {
    (void)r;
    return 1.0;
}
static double proto_b(const known_row *r) {
    return r->proto == 1;
}
static double proto_a_or_c(const known_row *r) {
    return r->proto != 1;
}
static double x_range(const known_row *r) {
    return r->x >= 0.5 && r->x <= 1.37;
}
static double two_values(const known_row *r) {
    return r->x == 0.4 || r->x == 2.21 || r->x == 2.28;
}
static double n_missing(const known_row *r) {
    return r->n == -1;
}
static double two_ranges(const known_row *r) {
    return r->n >= 1 && r->n <= 4 && r->x >= 1.4;
}
static double obeys_rules(const known_row *r) {
    return (r->proto != 0 || r->service <= 1) && (r->service != 3 || r->x >= 3.5);
}
static double weighted_proto(const known_row *r) {
    return r->proto == 0 ? 0.2 : r->proto == 1 ? 3.0 : 1.0;
}
static double weighted_service(const known_row *r) {
    return (r->n == 1 || r->n == 2) * (r->service == 2 ? 5.0 : r->service == 0 ? 0.0 : 1.0);
}
static double balanced(const known_row *r) {
    static double share[3];
    if (share[0] == 0.0)
        for (size_t i = 0; i < KNOWN_ROWS; i++)
            share[known_code(table, i, 0)] += 1.0 / KNOWN_ROWS;
    return 1.0 / share[r->proto];
}

static const char rules_json[] = "{\"format\":\"flowbd3-rules\",\"version\":1,\"rules\":["
                                 "{\"when\":{\"proto\":\"a\"},\"then\":{\"service\":[\"s0\",\"s1\"]}},"
                                 "{\"when\":{\"service\":\"s3\"},\"then\":{\"x\":{\"min\":3.5}}}]}";

typedef struct conditions_case {
    const char *given[2];
    weight_of weight;
    const char *rules, *weighted;
    flowbd3_weight weights[2];
    size_t n_weights;
} conditions_case;

static const conditions_case cases[] = {
    {{NULL}, any, NULL, NULL, {{0}}, 0},
    {{"proto=b"}, proto_b, NULL, NULL, {{0}}, 0},
    {{"proto in c, a"}, proto_a_or_c, NULL, NULL, {{0}}, 0},
    {{"x in [0.5,1.37]"}, x_range, NULL, NULL, {{0}}, 0},
    {{"x in 2.21,0.4,2.28"}, two_values, NULL, NULL, {{0}}, 0},
    {{"n missing"}, n_missing, NULL, NULL, {{0}}, 0},
    {{"n in [1,4]", "x in [1.4,]"}, two_ranges, NULL, NULL, {{0}}, 0},
    {{NULL}, obeys_rules, rules_json, NULL, {{0}}, 0},
    {{NULL}, weighted_proto, NULL, "proto", {{"a", 0.2}, {"b", 3.0}}, 2},
    {{"n in 1,2"}, weighted_service, NULL, "service", {{"s2", 5.0}, {"s0", 0.0}}, 2},
    {{NULL}, balanced, NULL, "proto", {{0}}, 0},
};

/* Options of a case; the caller destroys rules. */
static flowbd3_sampler_options options_of(const conditions_case *c, flowbd3_rules **rules) {
    flowbd3_sampler_options o = FLOWBD3_SAMPLER_OPTIONS_INIT;
    *rules = NULL;
    if (c->rules != NULL)
        ck_assert_int_eq(flowbd3_rules_from_json(rules, context, c->rules, strlen(c->rules), NULL),
                         FLOWBD3_OK);
    o.given = c->given;
    while (o.n_given < 2 && c->given[o.n_given] != NULL)
        o.n_given++;
    o.rules = *rules;
    o.weighted = c->weighted;
    o.weights = c->weights;
    o.n_weights = c->n_weights;
    o.seed = 77;
    return o;
}

/* ---- distances --------------------------------------------------------------------------------- */

typedef struct histogram {
    double share[KNOWN_CELLS], size; /* size: of an unweighted sample that is as precise */
} histogram;

static histogram histogram_of(const flowbd3_table *t, weight_of weight) {
    histogram h = {{0}, 0.0};
    double sum = 0.0, squares = 0.0;
    for (size_t i = 0; i < flowbd3_table_rows(t); i++) {
        known_row r = known_row_of(t, i);
        double w = weight(&r);
        h.share[known_cell(&r)] += w;
        sum += w;
        squares += w * w;
    }
    for (size_t c = 0; c < KNOWN_CELLS; c++)
        h.share[c] /= sum;
    h.size = sum * sum / squares;
    return h;
}

/* Distance of two histograms, and what it is on average when both are of one distribution. */
static double distance(const histogram *a, const histogram *b, double *noise) {
    double d = 0.0;
    *noise = 0.0;
    for (size_t c = 0; c < KNOWN_CELLS; c++) {
        double p = (a->share[c] * a->size + b->share[c] * b->size) / (a->size + b->size);
        d += 0.5 * fabs(a->share[c] - b->share[c]);
        *noise += 0.5 * sqrt(2.0 / acos(-1.0) * p * (1.0 - p) * (1.0 / a->size + 1.0 / b->size));
    }
    return d;
}

START_TEST(frequencies_are_those_of_the_condition) {
    const conditions_case *c = &cases[(size_t)_i / KINDS];
    int kind = _i % KINDS;
    flowbd3_rules *rules;
    flowbd3_sampler_options o = options_of(c, &rules);
    o.attempts = kinds[kind].exact ? 0 : 500;
    double began = fb3_seconds(), noise, noise_learned;
    flowbd3_table *t = draw_rows(models[kind], &o, ROWS);
    double seconds = fb3_seconds() - began;
    for (size_t i = 0; i < ROWS; i++) {
        known_row r = known_row_of(t, i);
        ck_assert_double_gt(c->weight(&r), 0.0);
    }
    histogram drawn = histogram_of(t, any), own = histogram_of(plain[kind], c->weight),
              learned = histogram_of(table, c->weight);
    double d = distance(&drawn, &own, &noise), e = distance(&drawn, &learned, &noise_learned), unused;
    double of_plain = distance(&own, &learned, &unused);
    printf("# %-27s case %2d: distance %.3f noise %.3f, of the table %.3f noise %.3f, %.0f rows/s\n",
           kinds[kind].name, _i / KINDS, d, noise, e, noise_learned, ROWS / seconds);
    fflush(stdout);
    ck_assert_double_lt(d, 1.25 * noise + of_model);
    ck_assert_double_lt(e, of_plain + noise + of_model);
    flowbd3_table_destroy(&t);
    flowbd3_rules_destroy(&rules);
}
END_TEST

/* ---- rows that depend on their number alone ---------------------------------------------------- */

/* A case with conditions, rules and weights at once. */
static const conditions_case together = {
    {"n in [1,4]", "x in [0.25,3.6]"}, any, rules_json, "proto", {{"a", 0.5}}, 1};

static void assert_part(const flowbd3_table *whole, size_t first, const flowbd3_table *part) {
    flowbd3_table *same = NULL;
    ck_assert_int_eq(flowbd3_table_slice(&same, whole, first, flowbd3_table_rows(part), NULL), FLOWBD3_OK);
    ck_assert(same_tables(same, part));
    flowbd3_table_destroy(&same);
}

static void check_parts(const flowbd3_model *model, flowbd3_sampler_options o, const flowbd3_table *whole) {
    static const uint32_t batches[] = {1, 40, 3000};
    static const size_t parts[] = {1, 7, 130, 300};
    for (size_t b = 0; b < FB3_COUNT(batches); b++) {
        flowbd3_sampler *sampler = NULL;
        o.batch_size = batches[b];
        ck_assert_int_eq(flowbd3_sampler_create(&sampler, model, &o, NULL), FLOWBD3_OK);
        size_t first = 0;
        for (size_t p = 0; p < FB3_COUNT(parts); p++) {
            flowbd3_table *t = NULL;
            ck_assert_int_eq(flowbd3_sampler_generate(sampler, parts[p], &t, NULL, NULL, NULL), FLOWBD3_OK);
            assert_part(whole, first, t);
            first += parts[p];
            flowbd3_table_destroy(&t);
        }
        flowbd3_table *t = NULL;
        flowbd3_sampler_seek(sampler, 50);
        ck_assert_int_eq(flowbd3_sampler_generate(sampler, 100, &t, NULL, NULL, NULL), FLOWBD3_OK);
        assert_part(whole, 50, t);
        flowbd3_table_destroy(&t);
        flowbd3_sampler_destroy(&sampler);
    }
}

START_TEST(rows_depend_on_their_number_alone) {
    flowbd3_rules *rules;
    flowbd3_sampler_options o = options_of(&together, &rules);
    flowbd3_table *whole = draw_rows(models[_i], &o, 500);
    check_parts(models[_i], o, whole);
    char path[] = "/tmp/flowbd3-test-XXXXXX";
    int descriptor = mkstemp(path);
    ck_assert_int_ge(descriptor, 0);
    close(descriptor);
    ck_assert_int_eq(flowbd3_model_save(models[_i], path, NULL), FLOWBD3_OK);
    for (uint32_t threads = 1; threads <= 3; threads += 2) {
        flowbd3_context *other = toy_context(threads);
        flowbd3_model *model = NULL;
        ck_assert_int_eq(flowbd3_model_load(&model, other, path, NULL), FLOWBD3_OK);
        check_parts(model, o, whole);
        flowbd3_model_destroy(&model);
        flowbd3_context_destroy(&other);
    }
    remove(path);
    flowbd3_table_destroy(&whole);
    flowbd3_rules_destroy(&rules);
}
END_TEST

/* A sampler that might complete a table draws the rows that it would draw otherwise. */
START_TEST(nothing_to_obey_changes_nothing) {
    flowbd3_sampler_options o = FLOWBD3_SAMPLER_OPTIONS_INIT;
    o.complete = 1;
    flowbd3_table *t = draw_rows(models[_i], &o, 2000);
    assert_part(plain[_i], 0, t);
    flowbd3_table_destroy(&t);
}
END_TEST

int main(void) {
    setenv("CK_FORK", "no", 1);
    Suite *suite = suite_create("conditions");
    TCase *tests = tcase_create("conditions");
    tcase_set_timeout(tests, 240);
    tcase_add_unchecked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, frequencies_are_those_of_the_condition, 0, KINDS * (int)FB3_COUNT(cases));
    tcase_add_loop_test(tests, rows_depend_on_their_number_alone, 0, KINDS);
    tcase_add_loop_test(tests, nothing_to_obey_changes_nothing, 0, KINDS);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
