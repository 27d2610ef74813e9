/* Random sets of tensors and metadata are read back bit by bit, and a random change of the file is noticed.
 */
#include "../unit/test_main.h"
#include "model/tensor_file.h"

#include <string.h>
#include <unistd.h>

enum { MOST_TENSORS = 12, MOST_ROWS = 40, MOST_COLUMNS = 70, MOST_GAP = 5, ROUNDS = 60 };

typedef struct stream {
    uint64_t seed, index;
} stream;

/* Uniform in 0 .. below - 1. */
static size_t below(stream *s, size_t below) {
    return (size_t)(fb3_uniform(s->seed, FB3_RANDOM_SHUFFLE, s->index++, 0) * (double)below);
}

typedef struct tensor_set {
    size_t count;
    fb3_tensor_view views[MOST_TENSORS];
    char names[MOST_TENSORS][64];
    json_t *metadata;
} tensor_set;

/* Every bit pattern of a float, NaN included. */
static float *random_floats(stream *s, size_t count) {
    float *data = malloc(count * sizeof *data);
    ck_assert_ptr_nonnull(data);
    for (size_t i = 0; i < count; i++) {
        uint32_t word[4];
        fb3_random(word, s->seed, FB3_RANDOM_MASK, s->index++, 0);
        memcpy(&data[i], word, sizeof *data);
    }
    return data;
}

static json_t *random_json(stream *s, int depth) {
    switch (below(s, depth > 0 ? 7 : 5)) {
    case 0:
        return json_integer((json_int_t)below(s, 1000000) - 500000);
    case 1:
        return json_real(fb3_uniform(s->seed, FB3_RANDOM_TOKEN, s->index++, 0) * 1e-3);
    case 2:
        return json_boolean(below(s, 2));
    case 3:
        return json_null();
    case 4:
        return json_string(below(s, 2) ? "\"\\\n\xe2\x82\xac" : "");
    case 5: {
        json_t *array = json_array();
        for (size_t n = below(s, 5); n > 0; n--)
            json_array_append_new(array, random_json(s, depth - 1));
        return array;
    }
    default: {
        json_t *object = json_object();
        for (size_t n = below(s, 5); n > 0; n--) {
            char key[32];
            snprintf(key, sizeof key, "k\t%zu", below(s, 1000));
            json_object_set_new(object, key, random_json(s, depth - 1));
        }
        return object;
    }
    }
}

static tensor_set random_set(stream *s) {
    tensor_set set = {.count = below(s, MOST_TENSORS + 1), .metadata = json_object()};
    for (size_t i = 0; i < set.count; i++) {
        fb3_tensor_view *v = &set.views[i];
        snprintf(set.names[i], sizeof set.names[i], "layers.%zu.t%zu", below(s, 100), i);
        v->dimensions = 1 + (unsigned)below(s, 2);
        v->shape[0] = 1 + below(s, MOST_ROWS);
        v->shape[1] = v->dimensions == 2 ? 1 + below(s, MOST_COLUMNS) : 0;
        v->stride = v->dimensions == 2 ? (size_t)v->shape[1] + below(s, MOST_GAP) : below(s, MOST_GAP);
        v->data = random_floats(s, (size_t)v->shape[0] * (v->stride + 1));
    }
    for (size_t n = below(s, 6); n > 0; n--) {
        char name[32];
        snprintf(name, sizeof name, "member %zu", n);
        json_object_set_new(set.metadata, name, random_json(s, 4));
    }
    return set;
}

/* Names lie in the set, which moves. */
static void name_views(tensor_set *set) {
    for (size_t i = 0; i < set->count; i++)
        set->views[i].name = set->names[i];
}

static void release_set(tensor_set *set) {
    for (size_t i = 0; i < set->count; i++)
        free(set->views[i].data);
    json_decref(set->metadata);
}

static void check_tensor(const fb3_tensor_file *file, const fb3_tensor_view *saved) {
    size_t rows = saved->dimensions == 2 ? (size_t)saved->shape[0] : 1;
    size_t columns = (size_t)saved->shape[saved->dimensions - 1], stride = columns + 3;
    fb3_tensor_view view = *saved;
    view.stride = stride;
    view.data = calloc(rows * stride, sizeof(float));
    ck_assert_int_eq(fb3_tensor_file_copy(file, &view, NULL), FLOWBD3_OK);
    for (size_t r = 0; r < rows; r++) {
        ck_assert_mem_eq(view.data + r * stride, saved->data + r * saved->stride, columns * sizeof(float));
        for (size_t c = columns; c < stride; c++)
            ck_assert(view.data[r * stride + c] == 0.0f);
    }
    free(view.data);
}

static void check_metadata(const fb3_tensor_file *file, json_t *saved) {
    const char *name;
    json_t *value, *back;
    json_object_foreach(saved, name, value) {
        if (json_is_string(value)) {
            ck_assert(json_equal(json_object_get(fb3_tensor_file_metadata(file), name), value));
            continue;
        }
        ck_assert_int_eq(fb3_tensor_file_json(file, name, &back, NULL), FLOWBD3_OK);
        ck_assert_msg(json_equal(back, value), "%s", name);
        json_decref(back);
    }
    ck_assert_uint_eq(json_object_size(fb3_tensor_file_metadata(file)), json_object_size(saved) + 4);
}

/* Overwrites one byte by another. */
static void change_byte(stream *s, const char *path) {
    FILE *file = fopen(path, "r+b");
    ck_assert_ptr_nonnull(file);
    fseek(file, 0, SEEK_END);
    long at = (long)below(s, (size_t)ftell(file));
    fseek(file, at, SEEK_SET);
    int byte = fgetc(file);
    fseek(file, at, SEEK_SET);
    fputc(byte ^ (int)(1 + below(s, 255)), file);
    ck_assert_int_eq(fclose(file), 0);
}

START_TEST(round_trip) {
    char path[] = "/tmp/flowbd3-tensor-random-XXXXXX";
    close(mkstemp(path));
    flowbd3_context *context;
    ck_assert_int_eq(flowbd3_context_create(&context, NULL, NULL), FLOWBD3_OK);
    for (uint64_t round = 0; round < ROUNDS; round++) {
        stream s = {round, 0};
        tensor_set set = random_set(&s);
        name_views(&set);
        flowbd3_error err = {0};
        flowbd3_status status = fb3_tensor_file_save(context, path, set.metadata, set.views, set.count, &err);
        ck_assert_msg(status == FLOWBD3_OK, "round %d: %s", (int)round, err.message);
        fb3_tensor_file *file;
        status = fb3_tensor_file_open(&file, context, path, &err);
        ck_assert_msg(status == FLOWBD3_OK, "round %d: %s", (int)round, err.message);
        ck_assert_uint_eq(fb3_tensor_file_count(file), set.count);
        for (size_t i = 0; i < set.count; i++)
            check_tensor(file, &set.views[i]);
        check_metadata(file, set.metadata);
        fb3_tensor_file_close(&file);
        change_byte(&s, path);
        ck_assert_int_ne(fb3_tensor_file_open(&file, context, path, &err), FLOWBD3_OK);
        release_set(&set);
    }
    flowbd3_context_destroy(&context);
    unlink(path);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("safetensors_random");
    TCase *tests = tcase_create("safetensors_random");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, round_trip);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
