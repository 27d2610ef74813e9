/* Many threads at once: on one model, one context, several contexts, tables that all read; and calls that
 * another thread cancels. For the thread sanitizer, and for the same bits as one thread alone gets. */
#include "compare_tables.h"
#include "test_main.h"
#include "toy.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

enum { THREADS = 6, DRAWN = 400, SCORED = 200 };

#define OK(call)                                                \
    do {                                                        \
        flowbd3_error err = {0};                                \
        ck_assert_msg((call) == FLOWBD3_OK, "%s", err.message); \
    } while (0)

static flowbd3_context *context;
static flowbd3_table *table, *few, *drawn; /* what one thread alone draws */
static flowbd3_model *model;
static double nll[SCORED];
static double pit_l1;
static char directory[64], model_path[PATH_MAX], csv_path[PATH_MAX];

static flowbd3_table *draw(const flowbd3_model *from) {
    flowbd3_sampler *sampler = NULL;
    flowbd3_table *out = NULL;
    flowbd3_sampler_options options = FLOWBD3_SAMPLER_OPTIONS_INIT;
    options.batch_size = 64;
    options.seed = 3;
    OK(flowbd3_sampler_create(&sampler, from, &options, &err));
    OK(flowbd3_sampler_generate(sampler, DRAWN, &out, NULL, NULL, &err));
    flowbd3_sampler_destroy(&sampler);
    return out;
}

static void score(double *to) {
    OK(flowbd3_model_score(model, few, NULL, to, NULL, &err));
}

static double calibrate(void) {
    flowbd3_calibration *calibration = NULL;
    OK(flowbd3_calibration_create(&calibration, model, few, NULL, &err));
    double figure = flowbd3_calibration_get(calibration, 3, FLOWBD3_CALIBRATION_PIT_L1);
    flowbd3_calibration_destroy(&calibration);
    return figure;
}

static void set_up(void) {
    (void)snprintf(directory, sizeof directory, "/tmp/flowbd3-threads-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    (void)snprintf(model_path, sizeof model_path, "%s/model", directory);
    (void)snprintf(csv_path, sizeof csv_path, "%s/table.csv", directory);
    context = toy_context(3);
    table = toy_table(context, TOY_SEED);
    OK(flowbd3_table_slice(&few, table, 0, SCORED, &err));
    model = toy_model(table);
    flowbd3_trainer *trainer = NULL;
    flowbd3_trainer_options options = toy_options();
    options.epochs = 1;
    OK(flowbd3_trainer_create(&trainer, model, table, NULL, &options, &err));
    OK(flowbd3_trainer_run(trainer, NULL, NULL, &err));
    flowbd3_trainer_destroy(&trainer);
    OK(flowbd3_model_save(model, model_path, &err));
    OK(flowbd3_table_write_csv(table, csv_path, NULL, &err));
    drawn = draw(model);
    score(nll);
    pit_l1 = calibrate();
}

static void tear_down(void) {
    flowbd3_table_destroy(&drawn);
    flowbd3_table_destroy(&few);
    flowbd3_model_destroy(&model);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
    (void)unlink(model_path);
    (void)unlink(csv_path);
    ck_assert_int_eq(rmdir(directory), 0);
}

/* Runs the functions at once, thread i functions[i % count], and waits for all. */
static void together(void *(*const *functions)(void *), size_t count) {
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, functions[i % count], (void *)(uintptr_t)i), 0);
    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
}

/* ---- one model ---------------------------------------------------------------------------------- */

static void *draws_the_same(void *unused) {
    (void)unused;
    flowbd3_table *rows = draw(model);
    ck_assert(same_tables(rows, drawn));
    flowbd3_table_destroy(&rows);
    return NULL;
}

static void *scores_the_same(void *unused) {
    (void)unused;
    double mine[SCORED];
    score(mine);
    ck_assert_mem_eq(mine, nll, sizeof mine);
    return NULL;
}

static void *calibrates_the_same(void *unused) {
    (void)unused;
    ck_assert_double_eq(calibrate(), pit_l1);
    return NULL;
}

START_TEST(samplers_scores_and_calibrations_share_a_model) {
    static void *(*const functions[])(void *) = {draws_the_same, scores_the_same, calibrates_the_same};
    together(functions, 1);
    together(functions, FB3_COUNT(functions));
}
END_TEST

/* ---- contexts ----------------------------------------------------------------------------------- */

/* A context of its own, gone before what was made from it. */
static void *works_in_its_own_context(void *number) {
    flowbd3_context *own = toy_context(1 + (uint32_t)((uintptr_t)number % 3));
    flowbd3_model *copy = NULL;
    OK(flowbd3_model_load(&copy, own, model_path, &err));
    flowbd3_context_destroy(&own);
    flowbd3_table *rows = draw(copy);
    flowbd3_model_destroy(&copy);
    ck_assert(same_tables(rows, drawn));
    flowbd3_table_destroy(&rows);
    return NULL;
}

/* Takes and gives up references to the context that all share. */
static void *makes_and_destroys_handles(void *unused) {
    (void)unused;
    for (int i = 0; i < 200; i++) {
        flowbd3_table *small = NULL;
        flowbd3_rules *rules = NULL;
        OK(flowbd3_table_slice(&small, table, (size_t)i, 20, &err));
        OK(flowbd3_rules_default(&rules, small, &err));
        flowbd3_table_destroy(&small);
        flowbd3_rules_destroy(&rules);
    }
    return NULL;
}

START_TEST(contexts_come_and_go_beside_each_other) {
    static void *(*const functions[])(void *) = {works_in_its_own_context, makes_and_destroys_handles,
                                                 draws_the_same};
    together(functions, 1);
    together(functions, FB3_COUNT(functions));
}
END_TEST

/* Each destroys the handle that it is given; whichever is last takes the context along. */
static flowbd3_table *shares[THREADS];

static void *destroys_its_share(void *number) {
    flowbd3_table **mine = &shares[(uintptr_t)number];
    ck_assert_double_eq(flowbd3_table_number(*mine, 0, 0), 0.0);
    flowbd3_table_destroy(mine);
    return NULL;
}

START_TEST(the_last_handle_takes_its_context_along) {
    static void *(*const functions[])(void *) = {destroys_its_share};
    for (int round = 0; round < 20; round++) {
        flowbd3_context *shared = toy_context(2);
        flowbd3_table *whole = NULL;
        OK(flowbd3_table_read_csv(&whole, shared, csv_path, NULL, &err));
        for (size_t i = 0; i < THREADS; i++)
            OK(flowbd3_table_slice(&shares[i], whole, 4 * i, 4, &err));
        flowbd3_table_destroy(&whole);
        flowbd3_context_destroy(&shared);
        together(functions, 1);
    }
}
END_TEST

/* ---- tables ------------------------------------------------------------------------------------- */

static void *reads_cells(void *unused) {
    (void)unused;
    double sum = 0.0;
    for (size_t i = 0; i < flowbd3_table_rows(table); i++)
        sum += flowbd3_table_number(table, i, 0) + (double)flowbd3_table_codes(table, 3)[i];
    ck_assert_double_gt(sum, 0.0);
    ck_assert_str_eq(flowbd3_table_name(table, 3), "kind");
    return NULL;
}

static void *copies_and_fits(void *unused) {
    (void)unused;
    flowbd3_table *copy = NULL;
    flowbd3_tokenizer *tokenizer = NULL;
    OK(flowbd3_table_slice(&copy, table, 0, TOY_ROWS, &err));
    ck_assert(same_tables(copy, table));
    OK(flowbd3_table_append(copy, table, &err)); /* the copy's categories become its own */
    OK(flowbd3_tokenizer_create(&tokenizer, table, NULL, &err));
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_table_destroy(&copy);
    return NULL;
}

static void *evaluates_and_searches(void *number) {
    flowbd3_evaluator *evaluator = NULL;
    flowbd3_evaluator_options options = FLOWBD3_EVALUATOR_OPTIONS_INIT;
    flowbd3_rules *rules = NULL;
    char path[PATH_MAX];
    options.groups = FLOWBD3_METRICS_MARGINALS | FLOWBD3_METRICS_JOINT | FLOWBD3_METRICS_NEIGHBOURS;
    options.max_rows = 100;
    OK(flowbd3_evaluator_create(&evaluator, context, table, few, &options, &err));
    OK(flowbd3_evaluator_run(evaluator, drawn, NULL, NULL, &err));
    flowbd3_evaluator_destroy(&evaluator);
    OK(flowbd3_rules_search(&rules, few, NULL, NULL, &err));
    flowbd3_rules_destroy(&rules);
    (void)snprintf(path, sizeof path, "%s/copy-%u", directory, (unsigned)(uintptr_t)number);
    OK(flowbd3_table_write_csv(table, path, NULL, &err));
    ck_assert_int_eq(unlink(path), 0);
    return NULL;
}

START_TEST(tables_are_read_by_many) {
    static void *(*const functions[])(void *) = {reads_cells, copies_and_fits, evaluates_and_searches};
    together(functions, FB3_COUNT(functions));
}
END_TEST

/* ---- cancel ------------------------------------------------------------------------------------- */

static atomic_bool cancel;
static atomic_uint reports;

static int asked_to_stop(void *user, const flowbd3_progress *progress) {
    (void)user;
    (void)progress;
    atomic_fetch_add(&reports, 1);
    return atomic_load(&cancel);
}

/* Cancels the call that runs as soon as it has reported once. */
static void *canceller(void *unused) {
    (void)unused;
    while (atomic_load(&reports) == 0)
        usleep(100);
    atomic_store(&cancel, true);
    return NULL;
}

static flowbd3_status train(void) {
    flowbd3_model *fresh = toy_model(table);
    flowbd3_trainer *trainer = NULL;
    flowbd3_trainer_options options = toy_options();
    options.epochs = 100000;
    OK(flowbd3_trainer_create(&trainer, fresh, table, few, &options, &err));
    flowbd3_status status = flowbd3_trainer_run(trainer, asked_to_stop, NULL, NULL);
    flowbd3_trainer_destroy(&trainer);
    flowbd3_model_destroy(&fresh);
    return status;
}

static flowbd3_status generate(void) {
    flowbd3_sampler *sampler = NULL;
    flowbd3_table *out = NULL;
    OK(flowbd3_sampler_create(&sampler, model, NULL, &err));
    flowbd3_status status = flowbd3_sampler_generate(sampler, 100000000, &out, asked_to_stop, NULL, NULL);
    ck_assert_ptr_null(out);
    flowbd3_sampler_destroy(&sampler);
    return status;
}

static flowbd3_status score_with_many_draws(void) {
    flowbd3_score_options options = FLOWBD3_SCORE_OPTIONS_INIT;
    double *mine = malloc(TOY_ROWS * sizeof *mine);
    ck_assert_ptr_nonnull(mine);
    options.draws = 1000000;
    options.progress = asked_to_stop;
    flowbd3_status status = flowbd3_model_score(model, table, &options, mine, NULL, NULL);
    free(mine);
    return status;
}

static flowbd3_status evaluate(void) {
    flowbd3_evaluator *evaluator = NULL;
    flowbd3_evaluator_options options = FLOWBD3_EVALUATOR_OPTIONS_INIT;
    options.bootstrap = 1000;
    OK(flowbd3_evaluator_create(&evaluator, context, table, NULL, &options, &err));
    flowbd3_status status = flowbd3_evaluator_run(evaluator, table, asked_to_stop, NULL, NULL);
    flowbd3_evaluator_destroy(&evaluator);
    return status;
}

START_TEST(another_thread_cancels) {
    static flowbd3_status (*const calls[])(void) = {train, generate, score_with_many_draws, evaluate};
    pthread_t thread;
    atomic_store(&cancel, false);
    atomic_store(&reports, 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, canceller, NULL), 0);
    ck_assert_int_eq(calls[_i](), FLOWBD3_CANCELLED);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    flowbd3_table *rows = draw(model); /* everything stays valid */
    ck_assert(same_tables(rows, drawn));
    flowbd3_table_destroy(&rows);
}
END_TEST

int main(void) {
    setenv("CK_FORK", "no", 1); /* the context's threads would not be there in a child */
    Suite *suite = suite_create("threads");
    TCase *tests = tcase_create("threads");
    tcase_add_unchecked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, samplers_scores_and_calibrations_share_a_model);
    tcase_add_test(tests, contexts_come_and_go_beside_each_other);
    tcase_add_test(tests, the_last_handle_takes_its_context_along);
    tcase_add_test(tests, tables_are_read_by_many);
    tcase_add_loop_test(tests, another_thread_cancels, 0, 4);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
