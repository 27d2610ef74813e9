/* Memory of models of sequences: what a sampler takes is what it says, and the n-th allocation fails, for
 * every n: a status, nothing leaked, nothing half made. */
#include "counted.h"
#include "markov.h"
#include "ragged.h"
#include "test_main.h"

#include <flowbd3/calibration.h>
#include <flowbd3/score.h>

#include <stdatomic.h>
#include <unistd.h>

/* ---- bytes ------------------------------------------------------------------------------------- */

/* Adds up what is allocated, by any thread; what is released stays in. */
static void *count_allocate(void *user, size_t size) {
    atomic_fetch_add((atomic_size_t *)user, size);
    return malloc(size);
}

static void *count_reallocate(void *user, void *memory, size_t size) {
    atomic_fetch_add((atomic_size_t *)user, size);
    return realloc(memory, size);
}

static void count_release(void *user, void *memory) {
    (void)user;
    free(memory);
}

static flowbd3_context *counting_context(atomic_size_t *bytes, uint32_t threads) {
    flowbd3_context *context = NULL;
    flowbd3_context_options options = FLOWBD3_CONTEXT_OPTIONS_INIT;
    options.threads = threads;
    options.allocator = (flowbd3_allocator){count_allocate, count_reallocate, count_release, bytes};
    ck_assert_int_eq(flowbd3_context_create(&context, &options, NULL), FLOWBD3_OK);
    return context;
}

static void assert_stated(const flowbd3_model *model, const flowbd3_sampler_options *options,
                          atomic_size_t *counter) {
    uint64_t stated = 0;
    flowbd3_error err = {0};
    flowbd3_sampler *sampler = NULL;
    ck_assert_msg(flowbd3_sampler_memory(model, options, &stated, &err) == FLOWBD3_OK, "%s", err.message);
    size_t before = atomic_load(counter);
    ck_assert_msg(flowbd3_sampler_create(&sampler, model, options, &err) == FLOWBD3_OK, "%s", err.message);
    double share = (double)(atomic_load(counter) - before) / (double)stated;
    double few = 8192.0 / (double)stated; /* small allocations */
    ck_assert_msg(share >= 0.95 && share <= 1.02 + few,
                  "block %zu, %u flows, batch %u: %llu bytes, stated %llu", model->blocking.block,
                  options->sequence_flows, options->batch_size,
                  (unsigned long long)(atomic_load(counter) - before), (unsigned long long)stated);
    flowbd3_sampler_destroy(&sampler);
}

static const uint32_t blocks[] = {1, 2, 6, 2 * MARKOV_LENGTH};

START_TEST(a_sampler_takes_what_it_says) {
    atomic_size_t bytes = 0;
    for (uint32_t threads = 1; threads <= 3; threads += 2) {
        flowbd3_context *context = counting_context(&bytes, threads);
        flowbd3_table *table = markov_table(context, 3), *toys = toy_table(context, TOY_SEED);
        flowbd3_model *model = markov_model(table, blocks[_i], FLOWBD3_COLUMNS_FIXED), *toy = toy_model(toys);
        static const uint32_t flows[] = {0, 3, 21, 3000}, batches[] = {0, 1, 5000};
        for (size_t f = 0; f < FB3_COUNT(flows); f++)
            for (size_t b = 0; b < FB3_COUNT(batches); b++) {
                flowbd3_sampler_options options = FLOWBD3_SAMPLER_OPTIONS_INIT;
                options.sequence_flows = flows[f];
                options.batch_size = batches[b];
                assert_stated(model, &options, &bytes);
                assert_stated(toy, &options, &bytes);
            }
        flowbd3_model_destroy(&model);
        flowbd3_model_destroy(&toy);
        flowbd3_table_destroy(&table);
        flowbd3_table_destroy(&toys);
        flowbd3_context_destroy(&context);
    }
}
END_TEST

START_TEST(memory_refuses_what_create_refuses) {
    flowbd3_context *context = toy_context(1);
    flowbd3_table *table = ragged_table(context);
    flowbd3_model *model = ragged_model(table, 3, FLOWBD3_COLUMNS_FIXED);
    flowbd3_error err = {0};
    uint64_t bytes = 0;
    flowbd3_sampler_options options = FLOWBD3_SAMPLER_OPTIONS_INIT;
    ck_assert_int_eq(flowbd3_sampler_memory(NULL, &options, &bytes, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.message, "model is NULL"));
    ck_assert_int_eq(flowbd3_sampler_memory(model, &options, NULL, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.message, "bytes is NULL"));
    ck_assert_int_eq(flowbd3_sampler_memory(model, NULL, &bytes, NULL), FLOWBD3_OK);
    options.sequence_flows = UINT32_MAX;
    ck_assert_int_eq(flowbd3_sampler_memory(model, &options, &bytes, &err), FLOWBD3_ERROR_RANGE);
    ck_assert_ptr_nonnull(strstr(err.message, "sequence_flows"));
    options.sequence_flows = 1 << 20;
    ck_assert_int_eq(flowbd3_sampler_memory(model, &options, &bytes, &err), FLOWBD3_OK);
    ck_assert_uint_gt(bytes, (uint64_t)RAGGED_SLOTS * sizeof(uint16_t) << 20);
    options = (flowbd3_sampler_options)FLOWBD3_SAMPLER_OPTIONS_INIT;
    options.threshold = 0.5;
    ck_assert_int_eq(flowbd3_sampler_memory(model, &options, &bytes, &err), FLOWBD3_ERROR_ARGUMENT);
    options.struct_size = 3;
    ck_assert_int_eq(flowbd3_sampler_memory(model, &options, &bytes, &err), FLOWBD3_ERROR_ARGUMENT);
    flowbd3_model_destroy(&model);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
}
END_TEST

/* ---- allocations that fail --------------------------------------------------------------------- */

/* Something done with a model of sequences and its table. */
typedef flowbd3_status (*use)(flowbd3_model *model, const flowbd3_table *table);

static flowbd3_status generate(flowbd3_model *model, const flowbd3_table *table) {
    (void)table;
    flowbd3_sampler *sampler = NULL;
    flowbd3_table *first = NULL, *second = NULL;
    flowbd3_sampler_options options = FLOWBD3_SAMPLER_OPTIONS_INIT;
    options.batch_size = 1;
    options.steps = 1;
    flowbd3_status status = flowbd3_sampler_create(&sampler, model, &options, NULL);
    ck_assert_int_eq(status == FLOWBD3_OK, sampler != NULL);
    if (status == FLOWBD3_OK)
        status = flowbd3_sampler_generate(sampler, 1, &first, NULL, NULL, NULL);
    if (status == FLOWBD3_OK)
        status = flowbd3_sampler_generate(sampler, sampler != NULL ? 300 : 0, &second, NULL, NULL, NULL);
    ck_assert_int_eq(status == FLOWBD3_OK, second != NULL);
    if (sampler != NULL)
        ck_assert_uint_eq(flowbd3_sampler_position(sampler), status == FLOWBD3_OK ? 301 : first != NULL);
    flowbd3_table_destroy(&first);
    flowbd3_table_destroy(&second);
    flowbd3_sampler_destroy(&sampler);
    return status;
}

static flowbd3_status generate_windows(flowbd3_model *model, const flowbd3_table *table) {
    (void)table;
    flowbd3_sampler *sampler = NULL;
    flowbd3_table *rows = NULL;
    uint64_t bytes;
    flowbd3_sampler_options options = FLOWBD3_SAMPLER_OPTIONS_INIT;
    options.batch_size = 1;
    options.steps = 1;
    options.sequence_flows = RAGGED_LENGTH + 2;
    flowbd3_status status = flowbd3_sampler_memory(model, &options, &bytes, NULL);
    if (status == FLOWBD3_OK)
        status = flowbd3_sampler_create(&sampler, model, &options, NULL);
    if (status == FLOWBD3_OK)
        status = flowbd3_sampler_generate(sampler, 1, &rows, NULL, NULL, NULL);
    flowbd3_table_destroy(&rows);
    flowbd3_sampler_destroy(&sampler);
    return status;
}

static flowbd3_status create_with_columns(flowbd3_model *model, const flowbd3_table *table) {
    (void)table;
    static const char *const columns[] = {"time", "bytes"};
    flowbd3_model *other = NULL;
    flowbd3_model_options options = ragged_options(4, FLOWBD3_COLUMNS_FIXED);
    options.columns = columns;
    options.n_columns = 2;
    flowbd3_status status = flowbd3_model_create(&other, flowbd3_model_tokenizer(model), &options, NULL);
    ck_assert_int_eq(status == FLOWBD3_OK, other != NULL);
    flowbd3_model_destroy(&other);
    return status;
}

static flowbd3_status score(flowbd3_model *model, const flowbd3_table *table) {
    static const char *const order[] = {"bytes"}, *const given[] = {"port"}, *const scored[] = {"time"};
    double nll[RAGGED_ROWS], se[RAGGED_ROWS];
    flowbd3_score_options options = FLOWBD3_SCORE_OPTIONS_INIT;
    options.draws = 2;
    flowbd3_status status = flowbd3_model_score(model, table, &options, nll, se, NULL);
    options.method = FLOWBD3_SCORE_EXACT;
    options.draws = 1;
    options.order = order;
    options.given = given;
    options.scored = scored;
    options.n_order = options.n_given = options.n_scored = 1;
    if (status == FLOWBD3_OK)
        status = flowbd3_model_score(model, table, &options, nll, NULL, NULL);
    return status;
}

static flowbd3_status calibrate(flowbd3_model *model, const flowbd3_table *table) {
    flowbd3_calibration *calibration = NULL;
    flowbd3_status status = flowbd3_calibration_create(&calibration, model, table, NULL, NULL);
    ck_assert_int_eq(status == FLOWBD3_OK, calibration != NULL);
    flowbd3_calibration_destroy(&calibration);
    return status;
}

/* Cancels training after its first step. */
static int cancel(void *user, const flowbd3_progress *progress) {
    (void)user;
    return progress->done > 0;
}

static flowbd3_status train(flowbd3_model *model, const flowbd3_table *table) {
    flowbd3_trainer *trainer = NULL;
    flowbd3_trainer_options options = FLOWBD3_TRAINER_OPTIONS_INIT;
    options.batch_size = 20;
    options.condition_dropout = 0.5;
    options.validation_share = 0.25;
    flowbd3_status status = flowbd3_trainer_create(&trainer, model, table, NULL, &options, NULL);
    ck_assert_int_eq(status == FLOWBD3_OK, trainer != NULL);
    if (status == FLOWBD3_OK) {
        ck_assert_int_eq(flowbd3_trainer_run(trainer, cancel, NULL, NULL), FLOWBD3_CANCELLED);
    }
    flowbd3_trainer_destroy(&trainer);
    return status;
}

static char path[64];

/* One short epoch, with a file written in it. */
static flowbd3_status train_epoch(flowbd3_model *model, const flowbd3_table *table) {
    flowbd3_trainer *trainer = NULL;
    flowbd3_table *few = NULL;
    flowbd3_trainer_options options = FLOWBD3_TRAINER_OPTIONS_INIT;
    options.epochs = 1;
    options.best_path = path;
    flowbd3_status status = flowbd3_table_slice(&few, table, 0, 40, NULL);
    if (status == FLOWBD3_OK)
        status = flowbd3_trainer_create(&trainer, model, few, few, &options, NULL);
    if (status == FLOWBD3_OK)
        status = flowbd3_trainer_run(trainer, NULL, NULL, NULL);
    flowbd3_trainer_destroy(&trainer);
    flowbd3_table_destroy(&few);
    return status;
}

static const struct {
    const char *name;
    use use;
    uint32_t block;
    flowbd3_column_order order;
    long least; /* allocations */
} uses[] = {{"generate", generate, 2, FLOWBD3_COLUMNS_RANDOM, 80},
            {"generate_windows", generate_windows, 6, FLOWBD3_COLUMNS_FIXED, 60},
            {"create", create_with_columns, 3, FLOWBD3_COLUMNS_FIXED, 10},
            {"score", score, 1, FLOWBD3_COLUMNS_RANDOM, 60},
            {"score_flows", score, 6, FLOWBD3_COLUMNS_FIXED, 60},
            {"calibrate", calibrate, 2, FLOWBD3_COLUMNS_RANDOM, 40},
            {"train", train, 1, FLOWBD3_COLUMNS_RANDOM, 50},
            {"train_epoch", train_epoch, 3, FLOWBD3_COLUMNS_FIXED, 50}};

START_TEST(every_allocation_fails_once) {
    counted l = {.left = -1};
    strcpy(path, "/tmp/flowbd3-sequences-memory-XXXXXX");
    close(mkstemp(path));
    flowbd3_context *context = counted_context(&l);
    flowbd3_table *table = ragged_table(context);
    flowbd3_model *model = ragged_model(table, uses[_i].block, uses[_i].order);
    long alive = l.blocks, n = 0;
    flowbd3_status status = FLOWBD3_ERROR_MEMORY;
    for (; status != FLOWBD3_OK; n++) {
        ck_assert_int_lt(n, 1000);
        l.left = n;
        status = uses[_i].use(model, table);
        ck_assert_msg(status == FLOWBD3_OK || status == FLOWBD3_ERROR_MEMORY, "%s, allocation %ld: %s",
                      uses[_i].name, n, flowbd3_status_name(status));
        l.left = -1;
        ck_assert_msg(l.blocks == alive, "%s, allocation %ld: %ld leaked", uses[_i].name, n,
                      l.blocks - alive);
    }
    ck_assert_msg(n > uses[_i].least, "%s: %ld allocations", uses[_i].name, n);
    flowbd3_model_destroy(&model);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
    ck_assert_int_eq(l.blocks, 0);
    unlink(path);
}
END_TEST

int main(void) {
    setenv("CK_FORK", "no", 1);
    Suite *suite = suite_create("sequences_memory");
    TCase *tests = tcase_create("sequences_memory");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, a_sampler_takes_what_it_says, 0, FB3_COUNT(blocks));
    tcase_add_test(tests, memory_refuses_what_create_refuses);
    if (!THREADS_SANITIZED)
        tcase_add_loop_test(tests, every_allocation_fails_once, 0, FB3_COUNT(uses));
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
