/* Model files through the public interface: the same model comes back, and one that does not hold together is
 * refused. */
#include "counted.h"
#include "model/model.h"
#include "model/tensor_file.h"
#include "test_main.h"
#include "tokenizer/tokenizer.h"
#include "toy.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

static flowbd3_context *context;
static flowbd3_model *model;
static char path[64];

static void setup(void) {
    strcpy(path, "/tmp/flowbd3-model-file-XXXXXX");
    close(mkstemp(path));
    context = toy_context(1);
    flowbd3_table *table = toy_table(context, TOY_SEED);
    model = toy_model(table);
    flowbd3_table_destroy(&table);
}

static void teardown(void) {
    flowbd3_model_destroy(&model);
    flowbd3_context_destroy(&context);
    unlink(path);
}

static void refuse(flowbd3_status expected, const char *message) {
    flowbd3_error err = {0};
    flowbd3_model *loaded = model;
    flowbd3_status status = flowbd3_model_load(&loaded, context, path, &err);
    ck_assert_ptr_null(loaded);
    ck_assert_msg(status == expected && strstr(err.message, message) != NULL, "%s: %s, expected %s",
                  flowbd3_status_name(status), err.message, message);
    ck_assert_int_eq(err.status, status);
}

START_TEST(the_same_model_comes_back) {
    flowbd3_error err = {0};
    ck_assert_int_eq(flowbd3_model_save(model, path, &err), FLOWBD3_OK);
    flowbd3_model *loaded;
    flowbd3_status status = flowbd3_model_load(&loaded, context, path, &err);
    ck_assert_msg(status == FLOWBD3_OK, "%s", err.message);
    ck_assert_uint_eq(loaded->layout->size, model->layout->size);
    ck_assert_mem_eq(loaded->parameters, model->parameters, model->layout->size * sizeof(float));
    flowbd3_model_options before, after;
    ck_assert_int_eq(flowbd3_model_options_init(&before, sizeof before), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_model_options_init(&after, sizeof after), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_model_get_options(model, &before, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_model_get_options(loaded, &after, NULL), FLOWBD3_OK);
    ck_assert_uint_eq(after.d_model, before.d_model);
    ck_assert_uint_eq(after.n_layers, before.n_layers);
    ck_assert(after.dropout == before.dropout);

    /* Saved again, it is the same file. */
    char *first, *second;
    size_t first_size, second_size;
    ck_assert_int_eq(fb3_file_read(&first, &first_size, context, path, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_model_save(loaded, path, &err), FLOWBD3_OK);
    ck_assert_int_eq(fb3_file_read(&second, &second_size, context, path, NULL), FLOWBD3_OK);
    ck_assert_uint_eq(first_size, second_size);
    ck_assert_mem_eq(first, second, first_size);
    fb3_release(context, first);
    fb3_release(context, second);
    flowbd3_model_destroy(&loaded);
}
END_TEST

START_TEST(damaged_files) {
    ck_assert_int_eq(flowbd3_model_save(model, path, NULL), FLOWBD3_OK);
    char *bytes;
    size_t size;
    ck_assert_int_eq(fb3_file_read(&bytes, &size, context, path, NULL), FLOWBD3_OK);
    FILE *file = fopen(path, "r+b");
    setbuf(file, NULL);
    flowbd3_model *loaded;
    for (size_t at = 0; at < size; at += 211) {
        fseek(file, (long)at, SEEK_SET);
        fputc(bytes[at] ^ 4, file);
        ck_assert_int_ne(flowbd3_model_load(&loaded, context, path, NULL), FLOWBD3_OK);
        ck_assert_ptr_null(loaded);
        fseek(file, (long)at, SEEK_SET);
        fputc(bytes[at], file);
    }
    fclose(file);
    for (size_t length = size; length > 211; length -= 211) {
        ck_assert_int_eq(truncate(path, (off_t)length - 1), 0);
        refuse(FLOWBD3_ERROR_FORMAT, path);
    }
    fb3_release(context, bytes);
    unlink(path);
    refuse(FLOWBD3_ERROR_IO, path);
    ck_assert_int_eq(flowbd3_model_save(model, "/nowhere/at/all", NULL), FLOWBD3_ERROR_IO);
}
END_TEST

/* What a model file holds, for a test to change before it is written. */
typedef struct contents {
    json_t *metadata;
    fb3_tensor_view *views;
    size_t count;
} contents;

static contents open_contents(void) {
    contents c = {.count = model->layout->n_tensors};
    c.metadata = json_pack("{s:{s:i, s:i, s:i, s:i, s:f, s:s}, s:o}", "model", "d_model", 32, "n_heads", 2,
                           "n_layers", 2, "d_ff", 128, "dropout", 0.05, "norm", "rms", "tokenizer",
                           fb3_tokenizer_to_json_value(model->tokenizer));
    ck_assert_ptr_nonnull(c.metadata);
    c.views = calloc(c.count, sizeof *c.views);
    for (size_t i = 0; i < c.count; i++) {
        const fb3_tensor *t = &model->layout->tensors[i];
        c.views[i] = (fb3_tensor_view){
            t->name, t->dimensions, {t->rows, t->columns}, t->stride, model->parameters + t->offset};
        if (t->dimensions == 1)
            c.views[i].shape[0] = t->columns;
    }
    return c;
}

static void write_contents(contents *c) {
    flowbd3_error err = {0};
    ck_assert_msg(fb3_tensor_file_save(context, path, c->metadata, c->views, c->count, &err) == FLOWBD3_OK,
                  "%s", err.message);
    json_decref(c->metadata);
    free(c->views);
}

/* A file whose model member has another value for key; NULL value: none. */
static void write_option(const char *key, json_t *value) {
    contents c = open_contents();
    json_t *options = json_object_get(c.metadata, "model");
    if (value != NULL)
        json_object_set_new(options, key, value);
    else
        json_object_del(options, key);
    write_contents(&c);
}

START_TEST(contents_unchanged_are_a_model) {
    contents c = open_contents();
    write_contents(&c);
    flowbd3_model *loaded;
    flowbd3_error err = {0};
    flowbd3_status status = flowbd3_model_load(&loaded, context, path, &err);
    ck_assert_msg(status == FLOWBD3_OK, "%s", err.message);
    flowbd3_model_destroy(&loaded);
}
END_TEST

START_TEST(descriptions_that_do_not_fit) {
    static const char *const sizes[] = {"d_model", "n_heads", "n_layers", "d_ff"};
    static const json_int_t wrong[] = {-1, 0, 3, 64, 4096, INT32_MAX, UINT32_MAX, INT64_MAX};
    for (size_t i = 0; i < FB3_COUNT(sizes); i++) {
        for (size_t k = 0; k < FB3_COUNT(wrong); k++) {
            write_option(sizes[i], json_integer(wrong[k]));
            refuse(FLOWBD3_ERROR_FORMAT, path);
        }
        write_option(sizes[i], json_string("32"));
        refuse(FLOWBD3_ERROR_FORMAT, path);
        write_option(sizes[i], NULL);
        refuse(FLOWBD3_ERROR_FORMAT, path);
    }
    write_option("dropout", json_real(1.5));
    refuse(FLOWBD3_ERROR_FORMAT, path);
    write_option("norm", json_string("layer"));
    refuse(FLOWBD3_ERROR_VERSION, "'layer'");
    write_option("more", json_integer(1));
    refuse(FLOWBD3_ERROR_FORMAT, path);
}
END_TEST

START_TEST(members_that_are_missing_or_malformed) {
    static const char *const members[] = {"model", "tokenizer"};
    for (size_t i = 0; i < FB3_COUNT(members); i++) {
        contents c = open_contents();
        json_object_del(c.metadata, members[i]);
        write_contents(&c);
        refuse(FLOWBD3_ERROR_FORMAT, members[i]);
        json_t *const values[] = {json_string("x"), json_integer(3), json_array(), json_object(),
                                  json_null()};
        for (size_t k = 0; k < FB3_COUNT(values); k++) {
            c = open_contents();
            json_object_set_new(c.metadata, members[i], values[k]);
            write_contents(&c);
            refuse(FLOWBD3_ERROR_FORMAT, path);
        }
    }
}
END_TEST

START_TEST(tensors_that_do_not_fit) {
    contents c = open_contents();
    c.count--;
    char name[64];
    snprintf(name, sizeof name, "%s", c.views[c.count].name);
    write_contents(&c);
    refuse(FLOWBD3_ERROR_FORMAT, name);
    c = open_contents();
    c.views[0].shape[1]--;
    write_contents(&c);
    refuse(FLOWBD3_ERROR_FORMAT, model->layout->tensors[0].name);
    c = open_contents();
    c.views[0].name = "another";
    write_contents(&c);
    refuse(FLOWBD3_ERROR_FORMAT, model->layout->tensors[0].name);
}
END_TEST

START_TEST(weights_that_are_not_finite) {
    const fb3_tensor *t = &model->layout->tensors[model->layout->n_tensors - 1];
    float *weight = &model->parameters[t->offset + (t->rows - 1) * t->stride + t->columns - 1];
    static const float values[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < FB3_COUNT(values); i++) {
        *weight = values[i];
        contents c = open_contents();
        write_contents(&c);
        refuse(FLOWBD3_ERROR_NUMERIC, t->name);
    }
}
END_TEST

START_TEST(every_allocation_of_loading_fails_once) {
    ck_assert_int_eq(flowbd3_model_save(model, path, NULL), FLOWBD3_OK);
    counted l = {.left = -1};
    long steps = 0;
    flowbd3_context *other = counted_context(&l);
    for (flowbd3_status status = FLOWBD3_ERROR_MEMORY; status != FLOWBD3_OK; steps++) {
        flowbd3_model *loaded;
        flowbd3_error err = {0};
        l.left = steps;
        status = flowbd3_model_load(&loaded, other, path, &err);
        l.left = -1;
        ck_assert_int_eq(status == FLOWBD3_OK, loaded != NULL);
        ck_assert_msg(status == FLOWBD3_OK || status == FLOWBD3_ERROR_MEMORY, "step %ld: %s", steps,
                      err.message);
        flowbd3_model_destroy(&loaded);
    }
    ck_assert_int_gt(steps, 20);
    flowbd3_context_destroy(&other);
}
END_TEST

START_TEST(every_allocation_of_saving_fails_once) {
    counted l = {.left = -1};
    long steps = 0;
    flowbd3_context *other = counted_context(&l);
    flowbd3_model *loaded;
    ck_assert_int_eq(flowbd3_model_save(model, path, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_model_load(&loaded, other, path, NULL), FLOWBD3_OK);
    for (flowbd3_status status = FLOWBD3_ERROR_MEMORY; status != FLOWBD3_OK; steps++) {
        l.left = steps;
        status = flowbd3_model_save(loaded, path, NULL);
        l.left = -1;
        ck_assert(status == FLOWBD3_OK || status == FLOWBD3_ERROR_MEMORY);
        flowbd3_model *back;
        ck_assert_int_eq(flowbd3_model_load(&back, context, path, NULL), FLOWBD3_OK);
        flowbd3_model_destroy(&back);
    }
    ck_assert_int_gt(steps, 5);
    flowbd3_model_destroy(&loaded);
    flowbd3_context_destroy(&other);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("model_file");
    TCase *tests = tcase_create("model_file");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, the_same_model_comes_back);
    tcase_add_test(tests, damaged_files);
    tcase_add_test(tests, contents_unchanged_are_a_model);
    tcase_add_test(tests, descriptions_that_do_not_fit);
    tcase_add_test(tests, members_that_are_missing_or_malformed);
    tcase_add_test(tests, tensors_that_do_not_fit);
    tcase_add_test(tests, weights_that_are_not_finite);
    tcase_add_test(tests, every_allocation_of_loading_fails_once);
    tcase_add_test(tests, every_allocation_of_saving_fails_once);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
