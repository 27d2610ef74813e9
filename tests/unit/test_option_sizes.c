/* Structs of callers who know fewer or more members than the library: docs/abi.md promises that both work. */
#include "test_main.h"
#include "toy.h"

#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static flowbd3_context *context;
static flowbd3_table *table;
static flowbd3_model *model;
static flowbd3_trainer *trainer;
static const char text[] = "a,b\n1,2\n3,4\n";
static char path[64];

/* ---- what takes options, and makes something of them ------------------------------------------- */

static flowbd3_status of_context(const void *options) {
    flowbd3_context *made = NULL;
    flowbd3_status status = flowbd3_context_create(&made, options, NULL);
    flowbd3_context_destroy(&made);
    return status;
}

static flowbd3_status of_csv(const void *options) {
    flowbd3_table *made = NULL;
    flowbd3_status status = flowbd3_table_parse_csv(&made, context, text, sizeof text - 1, options, NULL);
    flowbd3_table_destroy(&made);
    return status;
}

static flowbd3_status of_writer(const void *options) {
    flowbd3_csv_writer *made = NULL;
    flowbd3_status status = flowbd3_csv_writer_create(&made, context, path, options, NULL);
    flowbd3_csv_writer_destroy(&made);
    return status;
}

static flowbd3_status of_stream(const void *options) {
    flowbd3_table_stream *made = NULL;
    flowbd3_status status = flowbd3_table_write_csv(table, path, NULL, NULL);
    ck_assert_int_eq(status, FLOWBD3_OK);
    status = flowbd3_table_stream_csv(&made, context, path, options, 0, NULL);
    flowbd3_table_stream_destroy(&made);
    unlink(path);
    return status;
}

static flowbd3_status of_rules_search(const void *options) {
    flowbd3_rules *made = NULL;
    flowbd3_status status = flowbd3_rules_search(&made, table, NULL, options, NULL);
    flowbd3_rules_destroy(&made);
    return status;
}

static flowbd3_status of_tokenizer(const void *options) {
    flowbd3_tokenizer *made = NULL;
    flowbd3_status status = flowbd3_tokenizer_create(&made, table, options, NULL);
    flowbd3_tokenizer_destroy(&made);
    return status;
}

static flowbd3_status of_model(const void *options) {
    flowbd3_model *made = NULL;
    flowbd3_status status = flowbd3_model_create(&made, flowbd3_model_tokenizer(model), options, NULL);
    flowbd3_model_destroy(&made);
    return status;
}

static flowbd3_status of_trainer(const void *options) {
    flowbd3_trainer *made = NULL;
    flowbd3_status status = flowbd3_trainer_create(&made, model, table, NULL, options, NULL);
    flowbd3_trainer_destroy(&made);
    return status;
}

static flowbd3_status of_sampler(const void *options) {
    flowbd3_sampler *made = NULL;
    uint64_t bytes;
    flowbd3_status status = flowbd3_sampler_create(&made, model, options, NULL);
    flowbd3_sampler_destroy(&made);
    ck_assert_int_eq(flowbd3_sampler_memory(model, options, &bytes, NULL), status);
    return status;
}

static flowbd3_status of_score(const void *options) {
    double *nll = malloc(flowbd3_table_rows(table) * sizeof *nll);
    flowbd3_table *few = NULL;
    ck_assert_int_eq(flowbd3_table_slice(&few, table, 0, 10, NULL), FLOWBD3_OK);
    flowbd3_status status = flowbd3_model_score(model, few, options, nll, NULL, NULL);
    flowbd3_table_destroy(&few);
    free(nll);
    return status;
}

static flowbd3_status of_calibration(const void *options) {
    flowbd3_calibration *made = NULL;
    flowbd3_table *few = NULL;
    ck_assert_int_eq(flowbd3_table_slice(&few, table, 0, 10, NULL), FLOWBD3_OK);
    flowbd3_status status = flowbd3_calibration_create(&made, model, few, options, NULL);
    flowbd3_calibration_destroy(&made);
    flowbd3_table_destroy(&few);
    return status;
}

static flowbd3_status of_evaluator(const void *options) {
    flowbd3_evaluator *made = NULL;
    flowbd3_status status = flowbd3_evaluator_create(&made, context, table, NULL, options, NULL);
    flowbd3_evaluator_destroy(&made);
    return status;
}

static const struct {
    const char *name;
    size_t size;
    flowbd3_status (*use)(const void *options);
} options[] = {
    {"context", sizeof(flowbd3_context_options), of_context},
    {"csv", sizeof(flowbd3_csv_options), of_csv},
    {"csv, writer", sizeof(flowbd3_csv_options), of_writer},
    {"csv, stream", sizeof(flowbd3_csv_options), of_stream},
    {"rules search", sizeof(flowbd3_rules_search_options), of_rules_search},
    {"tokenizer", sizeof(flowbd3_tokenizer_options), of_tokenizer},
    {"model", sizeof(flowbd3_model_options), of_model},
    {"trainer", sizeof(flowbd3_trainer_options), of_trainer},
    {"sampler", sizeof(flowbd3_sampler_options), of_sampler},
    {"score", sizeof(flowbd3_score_options), of_score},
    {"calibration", sizeof(flowbd3_calibration_options), of_calibration},
    {"evaluator", sizeof(flowbd3_evaluator_options), of_evaluator},
};

/* ---- structs at the very end of memory ---------------------------------------------------------- */

static unsigned char *end; /* the byte behind may neither be read nor written */

static void set_up(void) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert(pages != MAP_FAILED);
    ck_assert_int_eq(mprotect(pages + page, page, PROT_NONE), 0);
    end = pages + page;
    snprintf(path, sizeof path, "option_sizes_%ld.csv", (long)getpid());
    context = toy_context(1);
    table = toy_table(context, TOY_SEED);
    model = toy_model(table);
    flowbd3_trainer_options once = {.struct_size = sizeof once, .epochs = 1};
    ck_assert_int_eq(flowbd3_trainer_create(&trainer, model, table, NULL, &once, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_trainer_run(trainer, NULL, NULL, NULL), FLOWBD3_OK);
}

static void tear_down(void) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    flowbd3_trainer_destroy(&trainer);
    flowbd3_model_destroy(&model);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
    ck_assert_int_eq(munmap(end - page, 2 * page), 0);
}

/* A struct of size bytes that says it has told bytes. */
static void *struct_of(size_t size, size_t told, unsigned char filling) {
    memset(end - size, filling, size);
    memcpy(end - size, &told, size < sizeof told ? size : sizeof told);
    return end - size;
}

/* Members end at multiples of four bytes, or lie inside such a stretch. */
START_TEST(options_of_every_size) {
    size_t size = options[_i].size;
    for (size_t told = sizeof told; told <= size; told += 4)
        ck_assert_msg(options[_i].use(struct_of(told, told, 0)) == FLOWBD3_OK, "%s: %zu bytes",
                      options[_i].name, told);
    ck_assert_int_eq(options[_i].use(struct_of(size, 0, 0)), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(options[_i].use(struct_of(size, sizeof(size_t) - 1, 0)), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(options[_i].use(struct_of(size, SIZE_MAX, 0)), FLOWBD3_ERROR_ARGUMENT);
    unsigned char *longer = struct_of(size + 24, size + 24, 0);
    ck_assert_int_eq(options[_i].use(longer), FLOWBD3_OK);
    longer[size + 23] = 1;
    ck_assert_int_eq(options[_i].use(longer), FLOWBD3_ERROR_VERSION);
}
END_TEST

static flowbd3_status no_more(void *user, flowbd3_table **chunk, flowbd3_error *err) {
    (void)user;
    (void)err;
    *chunk = NULL;
    return FLOWBD3_OK;
}

static flowbd3_status begin_again(void *user, flowbd3_error *err) {
    (void)user;
    (void)err;
    return FLOWBD3_OK;
}

static flowbd3_status of_source(size_t told, unsigned char behind) {
    const flowbd3_table_source whole = {sizeof whole, NULL, no_more, begin_again, NULL};
    unsigned char *source = struct_of(told, told, behind);
    memcpy(source + sizeof told, (const unsigned char *)&whole + sizeof told,
           (told < sizeof whole ? told : sizeof whole) - sizeof told);
    flowbd3_table_stream *made = NULL;
    flowbd3_status status = flowbd3_table_stream_create(&made, context, (void *)source, NULL);
    flowbd3_table_stream_destroy(&made);
    return status;
}

/* A source without its functions is none. */
START_TEST(sources_of_every_size) {
    size_t least = offsetof(flowbd3_table_source, release), size = sizeof(flowbd3_table_source);
    for (size_t told = sizeof told; told <= size + 24; told += sizeof(void *))
        ck_assert_int_eq(of_source(told, 0), (told < least ? FLOWBD3_ERROR_ARGUMENT : FLOWBD3_OK));
    ck_assert_int_eq(of_source(size + 24, 1), FLOWBD3_ERROR_VERSION);
}
END_TEST

/* ---- structs that the library fills ------------------------------------------------------------- */

static flowbd3_status get_model(void *to) {
    return flowbd3_model_get_options(model, to, NULL);
}

static flowbd3_status get_trainer(void *to) {
    return flowbd3_trainer_get_options(trainer, to, NULL);
}

static flowbd3_status get_epoch(void *to) {
    return flowbd3_trainer_get_epoch(trainer, 0, to, NULL);
}

static const struct {
    size_t size;
    flowbd3_status (*get)(void *to);
} given[] = {{sizeof(flowbd3_model_options), get_model},
             {sizeof(flowbd3_trainer_options), get_trainer},
             {sizeof(flowbd3_epoch), get_epoch}};

START_TEST(what_is_given_has_the_size_asked_for) {
    size_t size = given[_i].size;
    unsigned char whole[512];
    ck_assert_uint_le(size, sizeof whole);
    memcpy(whole, &size, sizeof size);
    ck_assert_int_eq(given[_i].get(whole), FLOWBD3_OK);
    for (size_t told = sizeof told; told <= size + 24; told++) {
        unsigned char *some = struct_of(told, told, 0xa5);
        ck_assert_int_eq(given[_i].get(some), FLOWBD3_OK);
        ck_assert_mem_eq(some, &told, sizeof told);
        for (size_t i = sizeof told; i < told; i++)
            ck_assert_uint_eq(some[i], i < size ? whole[i] : 0);
    }
    ck_assert_int_eq(given[_i].get(struct_of(size, 0, 0)), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(given[_i].get(struct_of(size, SIZE_MAX, 0)), FLOWBD3_ERROR_ARGUMENT);
}
END_TEST

START_TEST(epochs_that_there_are) {
    flowbd3_epoch epoch = FLOWBD3_EPOCH_INIT;
    flowbd3_error err = {0};
    ck_assert_uint_eq(flowbd3_trainer_epochs(trainer), 1);
    ck_assert_uint_eq(flowbd3_trainer_epochs(NULL), 0);
    ck_assert_int_eq(flowbd3_trainer_get_epoch(trainer, 0, &epoch, &err), FLOWBD3_OK);
    ck_assert_uint_eq(epoch.epoch, 1);
    ck_assert_int_eq(flowbd3_trainer_get_epoch(trainer, 1, &epoch, &err), FLOWBD3_ERROR_RANGE);
    ck_assert_str_eq(err.message, "epoch 1 is not among the 1 finished ones");
    ck_assert_int_eq(flowbd3_trainer_get_epoch(NULL, 0, &epoch, NULL), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(flowbd3_trainer_get_epoch(trainer, 0, NULL, NULL), FLOWBD3_ERROR_ARGUMENT);
}
END_TEST

/* ---- handles that hold others ------------------------------------------------------------------- */

START_TEST(handles_go_in_any_order) {
    flowbd3_context *own = toy_context(2);
    flowbd3_table *rows = toy_table(own, TOY_SEED), *generated = NULL;
    flowbd3_model *shared = toy_model(rows);
    flowbd3_sampler *sampler = NULL;
    flowbd3_trainer *training = NULL;
    flowbd3_trainer_options once = {.struct_size = sizeof once, .epochs = 1};
    ck_assert_int_eq(flowbd3_trainer_create(&training, shared, rows, NULL, &once, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_sampler_create(&sampler, shared, NULL, NULL), FLOWBD3_OK);
    flowbd3_context_destroy(&own);
    flowbd3_table_destroy(&rows);
    flowbd3_model_destroy(&shared);
    ck_assert_int_eq(flowbd3_trainer_run(training, NULL, NULL, NULL), FLOWBD3_OK);
    flowbd3_trainer_destroy(&training);
    ck_assert_int_eq(flowbd3_sampler_generate(sampler, 100, &generated, NULL, NULL, NULL), FLOWBD3_OK);
    flowbd3_sampler_destroy(&sampler);
    ck_assert_uint_eq(flowbd3_table_rows(generated), 100);
    flowbd3_table_destroy(&generated);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("option_sizes");
    TCase *tests = tcase_create("option_sizes");
    tcase_set_timeout(tests, 60);
    tcase_add_unchecked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, options_of_every_size, 0, (int)FB3_COUNT(options));
    tcase_add_test(tests, sources_of_every_size);
    tcase_add_loop_test(tests, what_is_given_has_the_size_asked_for, 0, (int)FB3_COUNT(given));
    tcase_add_test(tests, epochs_that_there_are);
    tcase_add_test(tests, handles_go_in_any_order);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
