/* The n-th call of a progress function cancels, for every n or, of long work, for many: CANCELLED, and err
 * says so, nothing handed over and nothing lost, and afterwards the same call ends as if nothing had been. */
#include "../unit/counted.h"
#include "../unit/test_main.h"

#include <flowbd3/flowbd3.h>

#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { MOST_TRIES = 120 };

static counted memory;
static flowbd3_context *context;
static flowbd3_table *table, *halves[2];
static flowbd3_model *model;
static char path[512];

typedef struct counter {
    long calls, cancel_at;
} counter;

/* From the chosen call on: who asks once may be asked again. */
static int count(void *user, const flowbd3_progress *progress) {
    counter *c = user;
    ck_assert(progress->total == 0 || progress->done <= progress->total);
    return c->calls++ >= c->cancel_at;
}

static void read_flows(flowbd3_table **out, const char *name) {
    flowbd3_error err = {0};
    (void)snprintf(path, sizeof path, "%s/data/%s", getenv("FLOWBD3_TEST_DATA"), name);
    ck_assert_msg(flowbd3_table_read_csv(out, context, path, NULL, &err) == FLOWBD3_OK, "%s", err.message);
}

/* A small model of sequences: rows of argus.csv by source. */
static void make_model(void) {
    static const char *const by[] = {"SrcAddr"};
    flowbd3_tokenizer *tokenizer = NULL;
    flowbd3_tokenizer_options fitting = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    flowbd3_model_options sizes = FLOWBD3_MODEL_OPTIONS_INIT;
    flowbd3_error err = {0};
    fitting.bins = 8;
    fitting.group_by = by;
    fitting.n_group_by = 1;
    fitting.order_by = "StartTime";
    sizes.d_model = 16;
    sizes.n_heads = 1;
    sizes.n_layers = 1;
    sizes.d_ff = 16;
    ck_assert_msg(flowbd3_tokenizer_create(&tokenizer, table, &fitting, &err) == FLOWBD3_OK, "%s",
                  err.message);
    ck_assert_msg(flowbd3_model_create(&model, tokenizer, &sizes, &err) == FLOWBD3_OK, "%s", err.message);
    flowbd3_tokenizer_destroy(&tokenizer);
}

static void setup(void) {
    memory = (counted){.left = -1};
    context = counted_context(&memory);
    read_flows(&table, "argus.csv");
    ck_assert_int_eq(flowbd3_table_split(&halves[0], &halves[1], table, 0.5, 1, NULL), FLOWBD3_OK);
    make_model();
}

static void teardown(void) {
    flowbd3_model_destroy(&model);
    flowbd3_table_destroy(&halves[0]);
    flowbd3_table_destroy(&halves[1]);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
    ck_assert_int_eq(memory.blocks, 0);
}

/* ---- work that reports progress ------------------------------------------------------------------- */

/* What was handed over; destroyed by the ladder. */
typedef struct result {
    flowbd3_table *table;
    flowbd3_rules *rules;
    flowbd3_calibration *calibration;
    flowbd3_model *model;
    flowbd3_trainer *trainer;
    flowbd3_sampler *sampler;
    flowbd3_evaluator *evaluator;
    double nll[512];
} result;

static flowbd3_status read_csv(result *r, counter *c, flowbd3_error *err) {
    flowbd3_csv_options options = FLOWBD3_CSV_OPTIONS_INIT;
    options.progress = count;
    options.progress_user = c;
    return flowbd3_table_read_csv(&r->table, context, path, &options, err);
}

static flowbd3_status write_csv(result *r, counter *c, flowbd3_error *err) {
    flowbd3_csv_options options = FLOWBD3_CSV_OPTIONS_INIT;
    options.progress = count;
    options.progress_user = c;
    (void)r;
    return flowbd3_table_write_csv(table, "/dev/null", &options, err);
}

static flowbd3_status search(result *r, counter *c, flowbd3_error *err) {
    flowbd3_rules_search_options options = FLOWBD3_RULES_SEARCH_OPTIONS_INIT;
    options.progress = count;
    options.progress_user = c;
    return flowbd3_rules_search(&r->rules, table, NULL, &options, err);
}

static flowbd3_status train(result *r, counter *c, flowbd3_error *err) {
    flowbd3_trainer_options options = FLOWBD3_TRAINER_OPTIONS_INIT;
    options.epochs = 2;
    options.batch_size = 32;
    options.clip_search = 1;
    flowbd3_model_options sizes = FLOWBD3_MODEL_OPTIONS_INIT;
    (void)flowbd3_model_get_options(model, &sizes, NULL);
    flowbd3_status status = flowbd3_model_create(&r->model, flowbd3_model_tokenizer(model), &sizes, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_trainer_create(&r->trainer, r->model, halves[0], halves[1], &options, err);
    return status == FLOWBD3_OK ? flowbd3_trainer_run(r->trainer, count, c, err) : status;
}

static flowbd3_status generate(result *r, counter *c, flowbd3_error *err) {
    flowbd3_status status = flowbd3_sampler_create(&r->sampler, model, NULL, err);
    return status == FLOWBD3_OK ? flowbd3_sampler_generate(r->sampler, 300, &r->table, count, c, err)
                                : status;
}

static flowbd3_status score(result *r, counter *c, flowbd3_error *err) {
    flowbd3_score_options options = FLOWBD3_SCORE_OPTIONS_INIT;
    options.progress = count;
    options.progress_user = c;
    return flowbd3_model_score(model, table, &options, r->nll, NULL, err);
}

static flowbd3_status calibrate(result *r, counter *c, flowbd3_error *err) {
    flowbd3_calibration_options options = FLOWBD3_CALIBRATION_OPTIONS_INIT;
    options.progress = count;
    options.progress_user = c;
    return flowbd3_calibration_create(&r->calibration, model, table, &options, err);
}

static flowbd3_status evaluate(result *r, counter *c, flowbd3_error *err) {
    static const char *const by[] = {"SrcAddr"};
    flowbd3_evaluator_options options = FLOWBD3_EVALUATOR_OPTIONS_INIT;
    options.group_by = by;
    options.n_group_by = 1;
    options.order_by = "StartTime";
    options.bootstrap = 2;
    options.max_classifier_rows = 80;
    options.target = "Proto";
    options.training = halves[0];
    flowbd3_status status = flowbd3_rules_default(&r->rules, table, err);
    options.rules = r->rules;
    if (status == FLOWBD3_OK)
        status = flowbd3_evaluator_create(&r->evaluator, context, halves[0], halves[1], &options, err);
    return status == FLOWBD3_OK ? flowbd3_evaluator_run(r->evaluator, table, count, c, err) : status;
}

typedef struct work {
    const char *name;
    flowbd3_status (*run)(result *r, counter *c, flowbd3_error *err);
} work;

static const work works[] = {
    {"read_csv", read_csv}, {"write_csv", write_csv}, {"search", search},       {"train", train},
    {"generate", generate}, {"score", score},         {"calibrate", calibrate}, {"evaluate", evaluate},
};

static void release(result *r) {
    flowbd3_evaluator_destroy(&r->evaluator);
    flowbd3_sampler_destroy(&r->sampler);
    flowbd3_trainer_destroy(&r->trainer);
    flowbd3_model_destroy(&r->model);
    flowbd3_calibration_destroy(&r->calibration);
    flowbd3_rules_destroy(&r->rules);
    flowbd3_table_destroy(&r->table);
}

/* ---- the ladder ----------------------------------------------------------------------------------- */

/* Returns the calls there were. How many depends on the time that passes between them. */
static long try_once(const work *w, long cancel_at) {
    result r = {0};
    counter c = {.cancel_at = cancel_at};
    flowbd3_error err = {0};
    long before = memory.blocks;
    flowbd3_status status = w->run(&r, &c, &err);
    bool cancelled = c.calls > cancel_at;
    ck_assert_msg(status == (cancelled ? FLOWBD3_CANCELLED : FLOWBD3_OK), "%s, call %ld of %ld: %d: %s",
                  w->name, cancel_at, c.calls, (int)status, err.message);
    if (cancelled) {
        ck_assert_msg(err.status == FLOWBD3_CANCELLED && strstr(err.message, "cancelled") != NULL,
                      "%s, call %ld: %s", w->name, cancel_at, err.message);
        ck_assert_msg(r.table == NULL && r.calibration == NULL && flowbd3_evaluator_count(r.evaluator) == 0,
                      "%s, call %ld: something was handed over", w->name, cancel_at);
    }
    release(&r);
    ck_assert_msg(memory.blocks == before, "%s, call %ld: %ld blocks leaked", w->name, cancel_at,
                  memory.blocks - before);
    return c.calls;
}

START_TEST(any_call_can_cancel) {
    const work *w = &works[_i];
    long calls = try_once(w, LONG_MAX), stride = 1 + (calls - 1) / MOST_TRIES;
    ck_assert_int_gt(calls, 0);
    for (long n = 0; n < calls; n += stride)
        (void)try_once(w, n);
    ck_assert_int_gt(try_once(w, LONG_MAX), 0);
    (void)fprintf(stderr, "# %s: %ld calls\n", w->name, calls);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("cancel");
    TCase *tests = tcase_create("cancel");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 300);
    tcase_add_loop_test(tests, any_call_can_cancel, 0, sizeof works / sizeof *works);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
