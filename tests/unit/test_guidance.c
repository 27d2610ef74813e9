/* Classifier-free guidance: the distribution that it makes, what it needs, and that rows depend on nothing
 * else. The naive sampler of test_sampler_naive.c draws the same tokens. */
#include "counted.h"
#include "guided.h"
#include "sampler/sampler.h"
#include "test_main.h"

#include <stdio.h>
#include <unistd.h>

static flowbd3_context *context;
static flowbd3_table *table;

static const struct {
    const char *name;
    uint32_t block;
    flowbd3_column_order order;
    double condition_dropout;
} kinds[] = {{"a flow", TOY_SLOTS, FLOWBD3_COLUMNS_FIXED, 0.0},
             {"1 token", 1, FLOWBD3_COLUMNS_FIXED, 0.3},
             {"1 token, random order", 1, FLOWBD3_COLUMNS_RANDOM, 0.3}};
enum { KINDS = FB3_COUNT(kinds) };
static flowbd3_model *models[KINDS];

static void set_up(void) {
    context = toy_context(2);
    table = toy_table(context, TOY_SEED);
    for (size_t i = 0; i < KINDS; i++)
        models[i] = guided_model(table, kinds[i].block, kinds[i].order, kinds[i].condition_dropout);
}

static void tear_down(void) {
    for (size_t i = 0; i < KINDS; i++)
        flowbd3_model_destroy(&models[i]);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
}

static const char *const kind_x[] = {"kind=x"};

static flowbd3_sampler_options guided_options(double strength) {
    flowbd3_sampler_options options = FLOWBD3_SAMPLER_OPTIONS_INIT;
    options.given = kind_x;
    options.n_given = 1;
    options.guidance = strength;
    return options;
}

static flowbd3_table *generated(const flowbd3_model *model, const flowbd3_sampler_options *options,
                                uint64_t rows) {
    flowbd3_sampler *sampler = NULL;
    flowbd3_table *out = NULL;
    flowbd3_error err = {0};
    ck_assert_msg(flowbd3_sampler_create(&sampler, model, options, &err) == FLOWBD3_OK, "%s", err.message);
    ck_assert_msg(flowbd3_sampler_generate(sampler, rows, &out, NULL, NULL, &err) == FLOWBD3_OK, "%s",
                  err.message);
    flowbd3_sampler_destroy(&sampler);
    return out;
}

/* Rows of each cell, from row first on. */
static void count_cells(const flowbd3_table *rows, size_t first, size_t end, size_t step,
                        double out[GUIDED_CELLS]) {
    const int64_t *a = flowbd3_table_integer(rows, SLOT_A), *b = flowbd3_table_integer(rows, SLOT_B),
                  *parity = flowbd3_table_integer(rows, SLOT_PARITY);
    memset(out, 0, GUIDED_CELLS * sizeof *out);
    for (size_t i = first; i < end; i += step)
        out[a[i] + 2 * b[i] + 4 * parity[i]]++;
}

static double share_of_a(const double cells[GUIDED_CELLS]) {
    double one = 0.0, all = 0.0;
    for (size_t cell = 0; cell < GUIDED_CELLS; cell++) {
        all += cells[cell];
        one += cell % 2 == 1 ? cells[cell] : 0.0;
    }
    return one / all;
}

/* ---- the distribution -------------------------------------------------------------------------- */

enum { ROWS = 6000 };

/* Chi-square of counts, the cells of fewer than five expected rows taken together. */
static double chi_square(const double counts[GUIDED_CELLS], const double expected[GUIDED_CELLS],
                         double rows) {
    double sum = 0.0, rest = 0.0, rest_expected = 0.0;
    for (size_t cell = 0; cell < GUIDED_CELLS; cell++) {
        double e = rows * expected[cell], d = counts[cell] - e;
        if (e < 5.0) {
            rest += counts[cell];
            rest_expected += e;
        } else
            sum += d * d / e;
    }
    ck_assert_double_le(rest, rest_expected + 5.0 * sqrt(rest_expected + 1.0));
    return sum;
}

/* 24.3 is the 0.999 quantile at 7 degrees of freedom. The table of docs/diffusion.md is printed here. */
START_TEST(rows_follow_the_guided_distribution) {
    static const double strengths[] = {0.0, 0.5, 1.0, 2.0, 4.0};
    double last = 0.0;
    for (size_t i = 0; i < FB3_COUNT(strengths); i++) {
        flowbd3_sampler_options options = guided_options(strengths[i]);
        flowbd3_table *rows = generated(models[_i], &options, ROWS);
        double counts[GUIDED_CELLS], expected[GUIDED_CELLS];
        const fb3_codec *kind = &models[_i]->tokenizer->columns[SLOT_KIND];
        count_cells(rows, 0, ROWS, 1, counts);
        guided_distribution(models[_i], (uint16_t)fb3_categories_find(&kind->categories, "x"), strengths[i],
                            expected);
        double share = share_of_a(counts), chi = chi_square(counts, expected, ROWS);
        printf("# | %s | %g | %.3f | %.3f | %.3f | %.1f |\n", kinds[_i].name, strengths[i],
               guided_share(strengths[i]), share_of_a(expected), share, chi);
        ck_assert_double_lt(chi, 24.3);
        ck_assert_double_eq_tol(share, guided_share(strengths[i]), 0.03);
        ck_assert_double_gt(share, last);
        last = share;
        for (size_t row = 0; row < ROWS; row++)
            ck_assert_str_eq(
                flowbd3_table_category(rows, SLOT_KIND, (size_t)flowbd3_table_codes(rows, SLOT_KIND)[row]),
                "x");
        flowbd3_table_destroy(&rows);
    }
}
END_TEST

/* Nats that the network's a, b and parity cost above those of the table, the kind left out. */
static double excess_without_kind(const flowbd3_model *model) {
    double cells[GUIDED_CELLS], sum = 0.0;
    guided_distribution(model, 0, -1.0, cells);
    for (size_t a = 0; a < 2; a++)
        for (size_t b = 0; b < 2; b++)
            sum -= 0.25 * log(cells[a + 2 * b + 4 * (a ^ b)]);
    return sum - 2.0 * log(2.0);
}

/* And given x and y. */
static double excess_given_kind(const flowbd3_model *model) {
    const fb3_categories *categories = &model->tokenizer->columns[SLOT_KIND].categories;
    double sum = 0.0;
    for (size_t kind = 0; kind < 2; kind++) {
        double cells[GUIDED_CELLS];
        guided_distribution(model, (uint16_t)fb3_categories_find(categories, kind == 0 ? "x" : "y"), 0.0,
                            cells);
        for (size_t a = 0; a < 2; a++) {
            double of_x = a == 1 ? 0.8 : 0.3, joint = 0.5 * (kind == 0 ? of_x : 1.0 - of_x);
            double share = joint / (kind == 0 ? 0.55 : 0.45);
            for (size_t b = 0; b < 2; b++)
                sum += 0.5 * joint * (log(0.5 * share) - log(cells[a + 2 * b + 4 * (a ^ b)]));
        }
    }
    return sum;
}

/* What the network knows without the kind, and that it knows no less with it. */
START_TEST(condition_dropout_teaches_to_do_without) {
    flowbd3_model *without = guided_model(table, 1, FLOWBD3_COLUMNS_FIXED, 0.0);
    flowbd3_model *some = guided_model(table, 1, FLOWBD3_COLUMNS_FIXED, 0.1);
    const flowbd3_model *trained[] = {without, some, models[1], models[0]};
    for (size_t i = 0; i < FB3_COUNT(trained); i++) {
        double excess = excess_without_kind(trained[i]), given = excess_given_kind(trained[i]);
        printf("# dropout | %s | %g | %.4f | %.4f |\n", i < 3 ? "1 token" : "a flow",
               flowbd3_model_condition_dropout(trained[i]), excess, given);
        ck_assert_double_lt(given, 0.03);
        if (i > 0)
            ck_assert_double_lt(excess, 0.03);
        if (i == 1 || i == 2)
            ck_assert_double_lt(excess, excess_without_kind(without));
    }
    flowbd3_model_destroy(&without);
    flowbd3_model_destroy(&some);
}
END_TEST

/* Half of the kinds are given to a table, half are missing. */
START_TEST(cells_of_a_table_guide_their_own_rows) {
    static const char *kind[ROWS];
    flowbd3_table *partial = NULL, *rows = NULL;
    flowbd3_sampler *sampler = NULL;
    flowbd3_error err = {0};
    flowbd3_sampler_options options = FLOWBD3_SAMPLER_OPTIONS_INIT;
    options.complete = 1;
    options.guidance = 2.0;
    for (size_t i = 0; i < ROWS; i++)
        kind[i] = i % 2 == 0 ? "x" : NULL;
    ck_assert_int_eq(flowbd3_table_create(&partial, context, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_categorical(partial, "kind", kind, ROWS, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_sampler_create(&sampler, models[_i], &options, NULL), FLOWBD3_OK);
    ck_assert_msg(flowbd3_sampler_complete(sampler, partial, &rows, NULL, NULL, &err) == FLOWBD3_OK, "%s",
                  err.message);
    double counts[GUIDED_CELLS];
    count_cells(rows, 0, ROWS, 2, counts);
    ck_assert_double_eq_tol(share_of_a(counts), guided_share(2.0), 0.03);
    count_cells(rows, 1, ROWS, 2, counts);
    ck_assert_double_eq_tol(share_of_a(counts), 0.5, 0.03);
    flowbd3_sampler_destroy(&sampler);
    flowbd3_table_destroy(&partial);
    flowbd3_table_destroy(&rows);
}
END_TEST

/* A column that is weighted guides as one that is given. */
START_TEST(a_weighted_column_guides) {
    static const flowbd3_weight only_x[] = {{"y", 0.0}};
    flowbd3_sampler_options options = FLOWBD3_SAMPLER_OPTIONS_INIT;
    options.weighted = "kind";
    options.weights = only_x;
    options.n_weights = 1;
    options.guidance = 1.0;
    flowbd3_table *rows = generated(models[_i], &options, ROWS);
    double counts[GUIDED_CELLS];
    count_cells(rows, 0, ROWS, 1, counts);
    ck_assert_double_eq_tol(share_of_a(counts), guided_share(1.0), 0.03);
    flowbd3_table_destroy(&rows);
}
END_TEST

/* ---- what it depends on ------------------------------------------------------------------------ */

static void assert_same_rows(const flowbd3_table *a, const flowbd3_table *b, size_t rows) {
    for (size_t column = SLOT_A; column < SLOT_KIND; column++)
        ck_assert_mem_eq(flowbd3_table_integer(a, column), flowbd3_table_integer(b, column),
                         rows * sizeof(int64_t));
}

static flowbd3_model *copied(const flowbd3_model *model, flowbd3_context *to) {
    char directory[] = "/tmp/flowbd3-test-XXXXXX", path[64];
    flowbd3_model *copy = NULL;
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/model", directory);
    ck_assert_int_eq(flowbd3_model_save(model, path, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_model_load(&copy, to, path, NULL), FLOWBD3_OK);
    unlink(path);
    rmdir(directory);
    return copy;
}

START_TEST(rows_depend_on_neither_threads_nor_batches) {
    enum { FEW = 700 };
    flowbd3_sampler_options options = guided_options(1.5);
    flowbd3_table *rows = generated(models[_i], &options, FEW);
    for (uint32_t threads = 1; threads <= 3; threads += 2)
        for (uint32_t batch = 1; batch <= 1001; batch += 500) {
            flowbd3_context *other = toy_context(threads);
            flowbd3_model *copy = copied(models[_i], other);
            options.batch_size = batch;
            flowbd3_table *again = generated(copy, &options, FEW);
            assert_same_rows(rows, again, FEW);
            flowbd3_table_destroy(&again);
            flowbd3_model_destroy(&copy);
            flowbd3_context_destroy(&other);
        }
    flowbd3_table_destroy(&rows);
}
END_TEST

/* Every step costs two. */
START_TEST(evaluations_are_counted_twice) {
    uint64_t evaluations[2], flows[2];
    for (size_t i = 0; i < 2; i++) {
        flowbd3_sampler_options options = guided_options((double)i);
        flowbd3_sampler *sampler = NULL;
        flowbd3_table *rows = NULL;
        ck_assert_int_eq(flowbd3_sampler_create(&sampler, models[_i], &options, NULL), FLOWBD3_OK);
        ck_assert_int_eq(flowbd3_sampler_generate(sampler, 100, &rows, NULL, NULL, NULL), FLOWBD3_OK);
        evaluations[i] = flowbd3_sampler_evaluations(sampler, &flows[i]);
        flowbd3_table_destroy(&rows);
        flowbd3_sampler_destroy(&sampler);
    }
    ck_assert_uint_eq(evaluations[0], FREE_SLOTS * flows[0]);
    ck_assert_uint_eq(evaluations[1], 2 * FREE_SLOTS * flows[1]);
}
END_TEST

/* ---- what it needs ----------------------------------------------------------------------------- */

static void refused(const flowbd3_model *model, const flowbd3_sampler_options *options, flowbd3_status status,
                    const char *text) {
    flowbd3_sampler *sampler = NULL;
    flowbd3_error err = {0};
    uint64_t bytes;
    ck_assert_int_eq(flowbd3_sampler_create(&sampler, model, options, &err), status);
    ck_assert_ptr_null(sampler);
    ck_assert_msg(strstr(err.message, text) != NULL, "%s", err.message);
    ck_assert_int_eq(flowbd3_sampler_memory(model, options, &bytes, &err), status);
}

START_TEST(refusals) {
    static const double strengths[] = {-1.0, -1e-300, 1001.0, (double)NAN, (double)INFINITY};
    for (size_t i = 0; i < FB3_COUNT(strengths); i++) {
        flowbd3_sampler_options bad = guided_options(strengths[i]);
        refused(models[0], &bad, FLOWBD3_ERROR_RANGE, "guidance is");
    }
    flowbd3_sampler_options options = guided_options(1.0);
    options.n_given = 0;
    refused(models[0], &options, FLOWBD3_ERROR_ARGUMENT, "no condition");
    flowbd3_model *untrained = copied(models[1], context);
    ck_assert(flowbd3_model_condition_dropout(untrained) == 0.3);
    untrained->condition_dropout = 0.0;
    options = guided_options(1.0);
    refused(untrained, &options, FLOWBD3_ERROR_STATE, "condition_dropout");
    options.guidance = 0.0;
    flowbd3_table *rows = generated(untrained, &options, 1);
    flowbd3_table_destroy(&rows);
    flowbd3_model_destroy(&untrained);
    /* An older caller's options have no such member. */
    options = guided_options(1.0);
    options.struct_size = offsetof(flowbd3_sampler_options, guidance);
    rows = generated(models[1], &options, 1);
    flowbd3_table_destroy(&rows);
}
END_TEST

/* ---- memory ------------------------------------------------------------------------------------ */

static void *count_allocate(void *user, size_t size) {
    *(size_t *)user += size;
    return malloc(size);
}

static void *count_reallocate(void *user, void *memory, size_t size) {
    *(size_t *)user += size;
    return realloc(memory, size);
}

static void count_release(void *user, void *memory) {
    (void)user;
    free(memory);
}

/* What guidance adds is what memory says that it adds. */
START_TEST(the_twin_is_counted) {
    size_t taken = 0;
    flowbd3_context_options of_context = FLOWBD3_CONTEXT_OPTIONS_INIT;
    of_context.threads = 1;
    of_context.allocator = (flowbd3_allocator){count_allocate, count_reallocate, count_release, &taken};
    flowbd3_context *other = NULL;
    ck_assert_int_eq(flowbd3_context_create(&other, &of_context, NULL), FLOWBD3_OK);
    flowbd3_model *model = copied(models[_i], other);
    double stated[2], real[2];
    for (size_t i = 0; i < 2; i++) {
        flowbd3_sampler_options options = guided_options((double)i);
        flowbd3_sampler *sampler = NULL;
        uint64_t bytes;
        ck_assert_int_eq(flowbd3_sampler_memory(model, &options, &bytes, NULL), FLOWBD3_OK);
        size_t before = taken;
        ck_assert_int_eq(flowbd3_sampler_create(&sampler, model, &options, NULL), FLOWBD3_OK);
        ck_assert_uint_eq(sampler->sizes.copies, 1 + i);
        real[i] = (double)(taken - before);
        stated[i] = (double)bytes;
        flowbd3_sampler_destroy(&sampler);
    }
    ck_assert_double_gt(stated[1], stated[0]);
    ck_assert_double_eq_tol((real[1] - real[0]) / (stated[1] - stated[0]), 1.0, 0.05);
    flowbd3_model_destroy(&model);
    flowbd3_context_destroy(&other);
}
END_TEST

/* The n-th allocation fails, for every n. */
START_TEST(a_lost_allocation_is_reported) {
    counted steps = {.left = -1};
    flowbd3_context *other = counted_context(&steps);
    flowbd3_model *model = copied(models[_i], other);
    flowbd3_sampler_options options = guided_options(1.0);
    options.batch_size = 1;
    long before = steps.blocks, n = 0;
    for (bool whole = false; !whole; n++) {
        flowbd3_sampler *sampler = NULL;
        flowbd3_table *rows = NULL;
        steps.left = n;
        flowbd3_status status = flowbd3_sampler_create(&sampler, model, &options, NULL);
        if (status == FLOWBD3_OK)
            status = flowbd3_sampler_generate(sampler, 20, &rows, NULL, NULL, NULL);
        whole = steps.left >= 0;
        ck_assert_int_eq(status, whole ? FLOWBD3_OK : FLOWBD3_ERROR_MEMORY);
        steps.left = -1;
        flowbd3_table_destroy(&rows);
        flowbd3_sampler_destroy(&sampler);
        ck_assert_int_eq(steps.blocks, before);
    }
    ck_assert_int_gt(n, 50);
    flowbd3_model_destroy(&model);
    flowbd3_context_destroy(&other);
    ck_assert_int_eq(steps.blocks, 0);
}
END_TEST

int main(void) {
    setenv("CK_FORK", "no", 1);
    Suite *suite = suite_create("guidance");
    TCase *tests = tcase_create("guidance");
    tcase_set_timeout(tests, 120);
    tcase_add_unchecked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, rows_follow_the_guided_distribution, 0, KINDS);
    tcase_add_test(tests, condition_dropout_teaches_to_do_without);
    tcase_add_loop_test(tests, cells_of_a_table_guide_their_own_rows, 0, KINDS);
    tcase_add_loop_test(tests, a_weighted_column_guides, 0, KINDS);
    tcase_add_loop_test(tests, rows_depend_on_neither_threads_nor_batches, 0, KINDS);
    tcase_add_loop_test(tests, evaluations_are_counted_twice, 0, KINDS);
    tcase_add_test(tests, refusals);
    tcase_add_loop_test(tests, the_twin_is_counted, 0, KINDS);
    tcase_add_loop_test(tests, a_lost_allocation_is_reported, 0, KINDS);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
