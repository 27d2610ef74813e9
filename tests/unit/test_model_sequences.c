/* Models of sequences: options that are refused, and what of them a model file keeps. */
#include "model/tensor_file.h"
#include "ragged.h"
#include "test_main.h"
#include "tokenizer/tokenizer.h"

#include <string.h>
#include <unistd.h>

static flowbd3_context *context;
static flowbd3_table *table;
static flowbd3_tokenizer *tokenizer;
static char path[64];

static void set_up(void) {
    strcpy(path, "/tmp/flowbd3-model-sequences-XXXXXX");
    close(mkstemp(path));
    context = toy_context(1);
    table = ragged_table(context);
    tokenizer = ragged_tokenizer(table);
}

static void tear_down(void) {
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
    unlink(path);
}

static flowbd3_model *model_of(const flowbd3_model_options *options) {
    flowbd3_model *model = NULL;
    flowbd3_error err = {0};
    ck_assert_msg(flowbd3_model_create(&model, tokenizer, options, &err) == FLOWBD3_OK, "%s", err.message);
    return model;
}

/* ---- options ----------------------------------------------------------------------------------- */

static const char *const no_column[] = {"bytes", "host"}, *const twice[] = {"port", "bytes", "port"},
                         *const null_name[] = {"port", NULL}, *const empty_name[] = {""},
                         *const fine[] = {"time", "bytes"};

START_TEST(options_that_are_refused) {
    flowbd3_model_options bad[13];
    static const struct {
        flowbd3_status status;
        const char *words[3];
    } expected[] = {{FLOWBD3_ERROR_RANGE, {"block_size is 19", "18", "6 flows"}},
                    {FLOWBD3_ERROR_RANGE, {"block_size is 4294967295", "18", ""}},
                    {FLOWBD3_ERROR_RANGE, {"block_size is 4", "3", "1 flows"}},
                    {FLOWBD3_ERROR_RANGE, {"sequence_length is 4294967295", "3 slots", "1048576"}},
                    {FLOWBD3_ERROR_RANGE, {"sequence_length is 349526", "3 slots", "1048576"}},
                    {FLOWBD3_ERROR_RANGE, {"column_order is 3", "", ""}},
                    {FLOWBD3_ERROR_RANGE, {"column_order is -1", "", ""}},
                    {FLOWBD3_ERROR_ARGUMENT, {"'host'", "no column", ""}}, /* it groups the rows: no slot */
                    {FLOWBD3_ERROR_ARGUMENT, {"'port'", "twice", ""}},
                    {FLOWBD3_ERROR_ARGUMENT, {"(null)", "", ""}},
                    {FLOWBD3_ERROR_ARGUMENT, {"''", "no column", ""}},
                    {FLOWBD3_ERROR_ARGUMENT, {"columns names 2", "random", ""}},
                    {FLOWBD3_ERROR_ARGUMENT, {"n_columns is 2", "NULL", ""}}};
    for (size_t i = 0; i < FB3_COUNT(bad); i++)
        bad[i] = ragged_options(0, FLOWBD3_COLUMNS_FIXED);
    bad[0].block_size = RAGGED_LENGTH * RAGGED_SLOTS + 1;
    bad[1].block_size = UINT32_MAX;
    bad[2].block_size = 4;
    bad[2].sequence_length = 0; /* one */
    bad[3].sequence_length = UINT32_MAX;
    bad[4].sequence_length = (1 << 20) / RAGGED_SLOTS + 1;
    bad[5].column_order = (flowbd3_column_order)3;
    bad[6].column_order = (flowbd3_column_order)-1;
    const char *const *const columns[] = {no_column, twice, null_name, empty_name, fine, NULL};
    static const size_t n_columns[] = {2, 3, 2, 1, 2, 2};
    for (size_t i = 0; i < FB3_COUNT(columns); i++) {
        bad[7 + i].columns = columns[i];
        bad[7 + i].n_columns = n_columns[i];
    }
    bad[11].column_order = FLOWBD3_COLUMNS_RANDOM;
    for (size_t i = 0; i < FB3_COUNT(bad); i++) {
        flowbd3_model *model = NULL;
        flowbd3_error err = {0};
        flowbd3_status status = flowbd3_model_create(&model, tokenizer, &bad[i], &err);
        ck_assert_msg(status == expected[i].status, "%zu: %s, %s", i, flowbd3_status_name(status),
                      err.message);
        ck_assert_ptr_null(model);
        for (size_t w = 0; w < 3; w++)
            ck_assert_msg(strstr(err.message, expected[i].words[w]) != NULL, "%zu: %s", i, err.message);
    }
}
END_TEST

/* The longest sequence is accepted. Where blocks are whole flows, the order of columns is kept but unused. */
START_TEST(options_at_their_ends) {
    flowbd3_model_options options = ragged_options(UINT32_C(1) << 16, FLOWBD3_COLUMNS_RANDOM);
    options.sequence_length = (1 << 20) / RAGGED_SLOTS;
    flowbd3_model *model = model_of(&options);
    flowbd3_sampler *sampler = NULL;
    flowbd3_error err = {0};
    ck_assert_int_eq(flowbd3_sampler_create(&sampler, model, NULL, &err), FLOWBD3_ERROR_RANGE);
    ck_assert_ptr_nonnull(strstr(err.message, "65536 tokens"));
    flowbd3_model_destroy(&model);
    options = ragged_options(RAGGED_SLOTS, FLOWBD3_COLUMNS_RANDOM);
    model = model_of(&options);
    ck_assert(!fb3_model_has_order(model));
    flowbd3_model_destroy(&model);
}
END_TEST

/* ---- files ------------------------------------------------------------------------------------- */

static void assert_options(const flowbd3_model *model, const flowbd3_model_options *given) {
    flowbd3_model_options o = FLOWBD3_MODEL_OPTIONS_INIT;
    ck_assert_int_eq(flowbd3_model_get_options(model, &o, NULL), FLOWBD3_OK);
    ck_assert_uint_eq(o.sequence_length, given->sequence_length);
    ck_assert_uint_eq(o.block_size, given->block_size);
    ck_assert_int_eq(o.column_order, given->column_order);
    ck_assert_uint_eq(o.n_columns, given->n_columns);
    for (size_t i = 0; i < given->n_columns; i++)
        ck_assert_str_eq(o.columns[i], given->columns[i]);
    ck_assert_uint_eq(model->blocking.block, given->block_size);
    ck_assert_uint_eq(model->blocking.length, given->sequence_length);
    ck_assert_uint_eq(model->config.positions, given->sequence_length * RAGGED_SLOTS);
}

static flowbd3_model *load(void) {
    flowbd3_model *model = NULL;
    flowbd3_error err = {0};
    ck_assert_msg(flowbd3_model_load(&model, context, path, &err) == FLOWBD3_OK, "%s", err.message);
    return model;
}

START_TEST(options_come_back) {
    static const struct {
        uint32_t length, block;
        flowbd3_column_order order;
        size_t named;
        double low, high;
    } cases[] = {
        {1, 3, FLOWBD3_COLUMNS_FIXED, 0, 0.0, 1.0},     {6, 1, FLOWBD3_COLUMNS_RANDOM, 0, 0.25, 0.75},
        {6, 18, FLOWBD3_COLUMNS_FIXED, 0, 0.1, 0.6},    {5, 7, FLOWBD3_COLUMNS_FIXED, 2, 1.0, 1.0},
        {1000, 2, FLOWBD3_COLUMNS_FIXED, 1, 0.0, 0.05}, {2, 6, FLOWBD3_COLUMNS_RANDOM, 0, 0.3, 1.0}};
    for (size_t i = 0; i < FB3_COUNT(cases); i++) {
        flowbd3_model_options options = ragged_options(cases[i].block, cases[i].order);
        options.sequence_length = cases[i].length;
        options.columns = fine;
        options.n_columns = cases[i].named;
        flowbd3_model *model = model_of(&options), *again = NULL;
        double low = -1.0, high = -1.0;
        model->clip_low = cases[i].low;
        model->clip_high = cases[i].high;
        assert_options(model, &options);
        ck_assert_int_eq(flowbd3_model_save(model, path, NULL), FLOWBD3_OK);
        flowbd3_model *loaded = load();
        assert_options(loaded, &options);
        ck_assert_mem_eq(loaded->order, model->order, RAGGED_SLOTS * sizeof *model->order);
        flowbd3_model_clip(loaded, &low, &high);
        ck_assert(low == cases[i].low && high == cases[i].high);
        /* What get_options says makes the same model. */
        flowbd3_model_options back = FLOWBD3_MODEL_OPTIONS_INIT;
        ck_assert_int_eq(flowbd3_model_get_options(loaded, &back, NULL), FLOWBD3_OK);
        again = model_of(&back);
        assert_options(again, &options);
        ck_assert_mem_eq(again->order, model->order, RAGGED_SLOTS * sizeof *model->order);
        flowbd3_model_destroy(&again);
        flowbd3_model_destroy(&loaded);
        flowbd3_model_destroy(&model);
    }
    flowbd3_model_clip(NULL, NULL, NULL);
}
END_TEST

/* Writes a model of options with another value of member in its description, or of the whole clip; a value of
 * NULL: without it. */
static void write_changed(const flowbd3_model_options *options, const char *member, json_t *value) {
    flowbd3_model *model = model_of(options);
    fb3_tensor_file *file = NULL;
    json_t *description = NULL, *metadata = json_object();
    size_t count = model->layout->n_tensors;
    fb3_tensor_view *views = calloc(count, sizeof *views);
    ck_assert_int_eq(flowbd3_model_save(model, path, NULL), FLOWBD3_OK);
    ck_assert_int_eq(fb3_tensor_file_open(&file, context, path, NULL), FLOWBD3_OK);
    ck_assert_int_eq(fb3_tensor_file_json(file, "model", &description, NULL), FLOWBD3_OK);
    json_object_set_new(metadata, "tokenizer", fb3_tokenizer_to_json_value(tokenizer));
    if (strcmp(member, "clip") == 0 && value != NULL)
        json_object_set_new(metadata, member, value);
    else if (value != NULL)
        json_object_set_new(description, member, value);
    else
        json_object_del(description, member);
    json_object_set_new(metadata, "model", description);
    for (size_t i = 0; i < count; i++) {
        const fb3_tensor *t = &model->layout->tensors[i];
        views[i] = (fb3_tensor_view){
            t->name, t->dimensions, {t->rows, t->columns}, t->stride, model->parameters + t->offset};
        if (t->dimensions == 1)
            views[i].shape[0] = t->columns;
    }
    fb3_tensor_file_close(&file);
    ck_assert_int_eq(fb3_tensor_file_save(context, path, metadata, views, count, NULL), FLOWBD3_OK);
    json_decref(metadata);
    free(views);
    flowbd3_model_destroy(&model);
}

START_TEST(descriptions_that_are_refused) {
    flowbd3_model_options options = ragged_options(4, FLOWBD3_COLUMNS_FIXED);
    const struct {
        const char *member;
        json_t *value;
        const char *word;
    } changes[] = {{"sequence_length", json_integer(0), "size"},
                   {"sequence_length", json_integer(-1), "size"},
                   {"sequence_length", json_integer(1), "block_size is 4"},
                   {"sequence_length", json_integer(UINT32_MAX), "sequence_length is 4294967295"},
                   {"sequence_length", json_integer(INT64_MAX), "size"},
                   {"sequence_length", json_string("6"), ""},
                   {"sequence_length", json_real(6.0), ""},
                   {"block_size", json_integer(19), "block_size is 19"},
                   {"block_size", json_integer(-1), "size"},
                   {"block_size", json_integer(UINT32_MAX), "block_size"},
                   {"block_size", json_integer((json_int_t)UINT32_MAX + 5), "size"},
                   {"block_size", json_null(), ""},
                   {"column_order", json_string("reverse"), "column_order"},
                   {"column_order", json_string(""), "column_order"},
                   {"column_order", json_integer(1), "column_order"},
                   {"column_order", json_null(), "column_order"},
                   {"columns", json_pack("[s]", "host"), "'host'"},
                   {"columns", json_pack("[s, s]", "port", "port"), "twice"},
                   {"columns", json_pack("[s, i]", "port", 1), "(null)"},
                   {"columns", json_pack("[n]"), "(null)"},
                   {"columns", json_pack("[[s]]", "port"), "(null)"},
                   {"columns", json_pack("[s, s, s, s]", "port", "time", "bytes", "port"), "twice"},
                   {"columns", json_string("port"), "columns"},
                   {"columns", json_pack("{s:i}", "port", 0), "columns"},
                   {"columns", json_integer(0), "columns"},
                   {"columns", json_null(), "columns"},
                   {"clip", json_pack("[f, f]", 0.75, 0.25), "clip"},
                   {"clip", json_pack("[f, f]", -0.25, 1.0), "clip"},
                   {"clip", json_pack("[f, f]", 0.0, 1.25), "clip"},
                   {"clip", json_pack("[f]", 0.5), "clip"},
                   {"clip", json_pack("[f, f, f]", 0.0, 0.5, 1.0), "clip"},
                   {"clip", json_pack("[s, s]", "0", "1"), "clip"},
                   {"clip", json_pack("[n, n]"), "clip"},
                   {"clip", json_array(), "clip"},
                   {"clip", json_object(), "clip"},
                   {"clip", json_real(1.0), "clip"}};
    for (size_t i = 0; i < FB3_COUNT(changes); i++) {
        flowbd3_model *loaded = NULL;
        flowbd3_error err = {0};
        write_changed(&options, changes[i].member, changes[i].value);
        flowbd3_status status = flowbd3_model_load(&loaded, context, path, &err);
        ck_assert_msg(status == FLOWBD3_ERROR_FORMAT && strstr(err.message, path) != NULL &&
                          strstr(err.message, changes[i].word) != NULL,
                      "%zu, %s: %s, %s", i, changes[i].member, flowbd3_status_name(status), err.message);
        ck_assert_ptr_null(loaded);
    }
    options.column_order = FLOWBD3_COLUMNS_RANDOM; /* and no order of names */
    write_changed(&options, "columns", json_pack("[s]", "port"));
    flowbd3_model *loaded = NULL;
    ck_assert_int_eq(flowbd3_model_load(&loaded, context, path, NULL), FLOWBD3_ERROR_FORMAT);
    ck_assert_ptr_null(loaded);
}
END_TEST

/* Files of models of independent flows have none of the members. */
START_TEST(older_files) {
    static const char *const members[] = {"sequence_length", "block_size", "column_order", "columns"};
    flowbd3_model_options options = ragged_options(RAGGED_SLOTS, FLOWBD3_COLUMNS_FIXED);
    options.sequence_length = 1;
    flowbd3_model *model = model_of(&options);
    for (size_t i = 0; i < FB3_COUNT(members); i++) {
        write_changed(&options, members[i], NULL);
        flowbd3_model *loaded = load();
        double low = -1.0, high = -1.0;
        assert_options(loaded, &options);
        flowbd3_model_clip(loaded, &low, &high);
        ck_assert(low == 0.0 && high == 1.0);
        ck_assert_mem_eq(loaded->parameters, model->parameters, model->layout->size * sizeof(float));
        flowbd3_model_destroy(&loaded);
    }
    flowbd3_model_destroy(&model);
}
END_TEST

int main(void) {
    setenv("CK_FORK", "no", 1);
    Suite *suite = suite_create("model_sequences");
    TCase *tests = tcase_create("model_sequences");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, options_that_are_refused);
    tcase_add_test(tests, options_at_their_ends);
    tcase_add_test(tests, options_come_back);
    tcase_add_test(tests, descriptions_that_are_refused);
    tcase_add_test(tests, older_files);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
