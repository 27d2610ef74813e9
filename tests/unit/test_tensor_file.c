/* Tensor files: what is written is read back, and no damaged file is. */
#include "counted.h"
#include "model/tensor_file.h"
#include "test_main.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

static flowbd3_context *context;
static char directory[64], path[80];

static void setup(void) {
    strcpy(directory, "/tmp/flowbd3-tensor-file-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/model", directory);
    ck_assert_int_eq(flowbd3_context_create(&context, NULL, NULL), FLOWBD3_OK);
}

static void teardown(void) {
    flowbd3_context_destroy(&context);
    unlink(path);
    rmdir(directory);
}

/* A matrix of [3, 2] in rows of 4, a vector of 5 and a matrix without gaps. */
static float padded[12], vector[5], dense[6];
static const fb3_tensor_view views[] = {
    {"layers.0.up", 2, {3, 2}, 4, padded},
    {"bias", 1, {5, 0}, 0, vector},
    {"embedding", 2, {2, 3}, 3, dense},
};

static void fill(void) {
    for (int i = 0; i < 12; i++)
        padded[i] = (float)i / 3.0f;
    for (int i = 0; i < 5; i++)
        vector[i] = -1e30f * (float)i;
    for (int i = 0; i < 6; i++)
        dense[i] = i == 4 ? NAN : 1e-40f;
}

static void save(void) {
    flowbd3_error err = {0};
    json_t *metadata = json_pack("{s:s, s:{s:i, s:[f, n, b]}}", "note", "caf\xc3\xa9 \"x\"\n", "model",
                                 "width", 16, "list", 0.1, 1);
    fill();
    flowbd3_status status = fb3_tensor_file_save(context, path, metadata, views, FB3_COUNT(views), &err);
    ck_assert_msg(status == FLOWBD3_OK, "%s", err.message);
    json_decref(metadata);
}

static flowbd3_status open_status(flowbd3_error *err) {
    fb3_tensor_file *file;
    *err = (flowbd3_error){0};
    flowbd3_status status = fb3_tensor_file_open(&file, context, path, err);
    ck_assert_int_eq(status == FLOWBD3_OK, file != NULL);
    ck_assert_int_eq(err->status, status);
    fb3_tensor_file_close(&file);
    return status;
}

static char *read_bytes(size_t *size) {
    char *bytes;
    ck_assert_int_eq(fb3_file_read(&bytes, size, context, path, NULL), FLOWBD3_OK);
    return bytes;
}

static void write_bytes(const char *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
}

/* Writes a file with this text for a header, after its beginning, and this blob, all checksums right. */
#define BEGIN "{\"__metadata__\":{\"format\":\"flowbd3\",\"version\":\"1\",\"checksum_header\":\""
static void write_header(const char *rest, const char *blob, size_t blob_size) {
    size_t begin = sizeof BEGIN - 1, size = begin + 8 + strlen(rest);
    char *bytes = malloc(8 + size + blob_size + 1);
    uint64_t length = size;
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, BEGIN "00000000", begin + 8);
    strcpy(bytes + 8 + begin + 8, rest);
    char digits[9];
    snprintf(digits, sizeof digits, "%08lx", crc32(0, (unsigned char *)bytes, (uInt)(8 + size)));
    memcpy(bytes + 8 + begin, digits, 8);
    memcpy(bytes + 8 + size, blob, blob_size);
    write_bytes(bytes, 8 + size + blob_size);
    free(bytes);
}

static size_t count_files(void) {
    DIR *dir = opendir(directory);
    size_t count = 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

START_TEST(what_is_saved_is_read_back) {
    save();
    flowbd3_error err = {0};
    fb3_tensor_file *file;
    ck_assert_int_eq(fb3_tensor_file_open(&file, context, path, &err), FLOWBD3_OK);
    ck_assert_uint_eq(fb3_tensor_file_count(file), 3);
    ck_assert(fb3_tensor_file_has(file, "bias"));
    ck_assert(!fb3_tensor_file_has(file, "bia"));
    ck_assert(!fb3_tensor_file_has(file, "__metadata__"));
    float into[12], flat[6], line[5];
    memset(into, 0x55, sizeof into);
    fb3_tensor_view view = views[0];
    view.data = into;
    ck_assert_int_eq(fb3_tensor_file_copy(file, &view, &err), FLOWBD3_OK);
    for (int r = 0; r < 3; r++) {
        ck_assert_mem_eq(into + 4 * r, padded + 4 * r, 2 * sizeof(float));
        ck_assert_mem_eq(into + 4 * r + 2, "UUUUUUUU", 2 * sizeof(float));
    }
    view = views[1];
    view.data = line;
    ck_assert_int_eq(fb3_tensor_file_copy(file, &view, &err), FLOWBD3_OK);
    ck_assert_mem_eq(line, vector, sizeof vector);
    view = views[2];
    view.data = flat;
    ck_assert_int_eq(fb3_tensor_file_copy(file, &view, &err), FLOWBD3_OK);
    ck_assert_mem_eq(flat, dense, sizeof dense);
    view.data = NULL;
    ck_assert_int_eq(fb3_tensor_file_copy(file, &view, &err), FLOWBD3_OK);

    const json_t *metadata = fb3_tensor_file_metadata(file);
    ck_assert_str_eq(json_string_value(json_object_get(metadata, "note")), "caf\xc3\xa9 \"x\"\n");
    ck_assert_str_eq(json_string_value(json_object_get(metadata, "format")), "flowbd3");
    json_t *model, *expected = json_pack("{s:i, s:[f, n, b]}", "width", 16, "list", 0.1, 1);
    ck_assert_int_eq(fb3_tensor_file_json(file, "model", &model, &err), FLOWBD3_OK);
    ck_assert(json_equal(model, expected));
    json_decref(model);
    json_decref(expected);
    ck_assert_int_eq(fb3_tensor_file_json(file, "note", &model, &err), FLOWBD3_ERROR_FORMAT);
    ck_assert_ptr_null(model);
    ck_assert_int_eq(fb3_tensor_file_json(file, "absent", &model, &err), FLOWBD3_ERROR_FORMAT);
    fb3_tensor_file_close(&file);
    ck_assert_ptr_null(file);
    ck_assert_uint_eq(count_files(), 1);
}
END_TEST

START_TEST(blob_is_aligned_and_rows_have_no_gaps) {
    save();
    size_t size;
    char *bytes = read_bytes(&size);
    uint64_t header;
    memcpy(&header, bytes, 8);
    ck_assert_uint_eq((8 + header) % 64, 0);
    ck_assert_uint_eq(size, 8 + header + 4 * (6 + 5 + 6));
    ck_assert_mem_eq(bytes + 8 + header + 8, padded + 4, 8);
    fb3_release(context, bytes);
}
END_TEST

START_TEST(other_names_and_shapes_are_refused) {
    save();
    flowbd3_error err = {0};
    fb3_tensor_file *file;
    ck_assert_int_eq(fb3_tensor_file_open(&file, context, path, &err), FLOWBD3_OK);
    float data[16];
    const fb3_tensor_view wrong[] = {
        {"absent", 1, {5, 0}, 0, data},      {"__metadata__", 1, {5, 0}, 0, data},
        {"bias", 1, {4, 0}, 0, data},        {"bias", 2, {5, 1}, 1, data},
        {"embedding", 2, {3, 2}, 2, data},   {"embedding", 1, {6, 0}, 0, data},
        {"layers.0.up", 2, {3, 4}, 4, data},
    };
    for (size_t i = 0; i < FB3_COUNT(wrong); i++)
        ck_assert_int_eq(fb3_tensor_file_copy(file, &wrong[i], &err), FLOWBD3_ERROR_FORMAT);
    fb3_tensor_file_close(&file);
    fb3_tensor_file_close(&file);
}
END_TEST

START_TEST(file_without_tensors) {
    flowbd3_error err = {0};
    ck_assert_int_eq(fb3_tensor_file_save(context, path, NULL, NULL, 0, &err), FLOWBD3_OK);
    fb3_tensor_file *file;
    ck_assert_int_eq(fb3_tensor_file_open(&file, context, path, &err), FLOWBD3_OK);
    ck_assert_uint_eq(fb3_tensor_file_count(file), 0);
    fb3_tensor_file_close(&file);
}
END_TEST

START_TEST(no_flipped_bit_is_accepted) {
    save();
    size_t size;
    char *bytes = read_bytes(&size);
    flowbd3_error err;
    for (size_t i = 0; i < size; i++)
        for (int bit = 0; bit < 9; bit++) {
            char before = bytes[i];
            bytes[i] = (char)(bit < 8 ? before ^ 1 << bit : ~before);
            int descriptor = open(path, O_WRONLY | O_CLOEXEC);
            ck_assert_int_eq(pwrite(descriptor, bytes + i, 1, (off_t)i), 1);
            flowbd3_status status = open_status(&err);
            ck_assert_msg(status == FLOWBD3_ERROR_FORMAT || status == FLOWBD3_ERROR_CHECKSUM ||
                              status == FLOWBD3_ERROR_VERSION,
                          "byte %zu bit %d: %d", i, bit, status);
            bytes[i] = before;
            ck_assert_int_eq(pwrite(descriptor, bytes + i, 1, (off_t)i), 1);
            close(descriptor);
        }
    ck_assert_int_eq(open_status(&err), FLOWBD3_OK);
    fb3_release(context, bytes);
}
END_TEST

START_TEST(checksum_failure_names_the_tensor) {
    save();
    size_t size;
    char *bytes = read_bytes(&size);
    bytes[size - 24 - 4] ^= 1;
    write_bytes(bytes, size);
    flowbd3_error err;
    ck_assert_int_eq(open_status(&err), FLOWBD3_ERROR_CHECKSUM);
    ck_assert_ptr_nonnull(strstr(err.message, "'bias'"));
    fb3_release(context, bytes);
}
END_TEST

START_TEST(no_other_length_is_accepted) {
    save();
    size_t size;
    char *bytes = read_bytes(&size);
    flowbd3_error err;
    for (size_t length = size; length-- > 0;) {
        ck_assert_int_eq(truncate(path, (off_t)length), 0);
        ck_assert_int_eq(open_status(&err), FLOWBD3_ERROR_FORMAT);
        char actual[32];
        snprintf(actual, sizeof actual, "%zu bytes", length);
        if (length > 8)
            ck_assert_msg(strstr(err.message, actual) != NULL, "%zu: %s", length, err.message);
    }
    write_bytes(bytes, size + 1);
    ck_assert_int_eq(open_status(&err), FLOWBD3_ERROR_FORMAT);
    fb3_release(context, bytes);
}
END_TEST

START_TEST(change_after_open_is_noticed) {
    save();
    flowbd3_error err = {0};
    fb3_tensor_file *file;
    ck_assert_int_eq(fb3_tensor_file_open(&file, context, path, &err), FLOWBD3_OK);
    size_t size;
    char *bytes = read_bytes(&size);
    bytes[size - 1] ^= 1;
    float data[6];
    fb3_tensor_view view = views[2];
    view.data = data;
    write_bytes(bytes, size);
    ck_assert_int_eq(fb3_tensor_file_copy(file, &view, &err), FLOWBD3_ERROR_CHECKSUM);
    ck_assert_int_eq(truncate(path, (off_t)size - 1), 0);
    ck_assert_int_eq(fb3_tensor_file_copy(file, &view, &err), FLOWBD3_ERROR_IO);
    fb3_tensor_file_close(&file);
    fb3_release(context, bytes);
}
END_TEST

static const struct {
    const char *rest; /* of the header, after the digits of its checksum */
    flowbd3_status status;
    const char *message;
} headers[] = {
#define ONE   "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}"
#define SUM   "\",\"checksums\":\"{\\\"a\\\":\\\"6522df69\\\"}\"},"
#define SUM_2 "\",\"checksums\":\"{\\\"a\\\":\\\"2144df1c\\\",\\\"b\\\":\\\"2144df1c\\\"}\"},"
    {SUM ONE "}", FLOWBD3_OK, ""},
    {SUM ONE "} \n", FLOWBD3_OK, ""},
    {SUM ONE "} {}", FLOWBD3_ERROR_FORMAT, "JSON"},
    {SUM ONE, FLOWBD3_ERROR_FORMAT, "JSON"},
    {SUM ONE "," ONE "}", FLOWBD3_ERROR_FORMAT, "duplicate"},
    {SUM ONE ",\"__metadata__\":{}}", FLOWBD3_ERROR_FORMAT, "duplicate"},
    {"\"}," ONE "}", FLOWBD3_ERROR_FORMAT, "no metadata member 'checksums'"},
    {"\",\"checksums\":[]}," ONE "}", FLOWBD3_ERROR_FORMAT, "'checksums' is not a string"},
    {"\",\"checksums\":\"[1]\"}," ONE "}", FLOWBD3_ERROR_FORMAT, "0 checksums"},
    {"\",\"checksums\":\"{}\"}," ONE "}", FLOWBD3_ERROR_FORMAT, "0 checksums"},
    {"\",\"checksums\":\"{\\\"b\\\":\\\"00000000\\\"}\"}," ONE "}", FLOWBD3_ERROR_FORMAT, "no checksum"},
    {"\",\"checksums\":\"{\\\"a\\\":\\\"6522DF69\\\"}\"}," ONE "}", FLOWBD3_ERROR_FORMAT, "eight digits"},
    {"\",\"checksums\":\"{\\\"a\\\":\\\"6522df6\\\"}\"}," ONE "}", FLOWBD3_ERROR_FORMAT, "eight digits"},
    {"\",\"checksums\":\"{\\\"a\\\":\\\"6522df68\\\"}\"}," ONE "}", FLOWBD3_ERROR_CHECKSUM, "'a'"},
    {SUM_2 "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
           "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
     FLOWBD3_OK, ""},
    {SUM_2 "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
           "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
     FLOWBD3_ERROR_FORMAT, "'b' [1, 1] lies at 4..8"},
    {SUM_2 "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]},"
           "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
     FLOWBD3_ERROR_FORMAT, "'a' [1, 1] lies at 4..8"},
    {SUM "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", FLOWBD3_ERROR_FORMAT, "lies at"},
    {SUM "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", FLOWBD3_ERROR_FORMAT, "bytes"},
    {SUM "\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,12]}}", FLOWBD3_ERROR_FORMAT, "bytes"},
    {SUM "\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", FLOWBD3_ERROR_FORMAT, "lies at"},
    {SUM "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", FLOWBD3_ERROR_FORMAT,
     "described"},
    {SUM "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[-8,0]}}", FLOWBD3_ERROR_FORMAT,
     "described"},
    {SUM "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,8]}}", FLOWBD3_ERROR_FORMAT,
     "described"},
    {SUM "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8]}}", FLOWBD3_ERROR_FORMAT, "described"},
    {SUM "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8.0]}}", FLOWBD3_ERROR_FORMAT,
     "described"},
    {SUM "\"a\":{\"dtype\":\"F32\",\"shape\":[2,0],\"data_offsets\":[0,8]}}", FLOWBD3_ERROR_FORMAT,
     "described"},
    {SUM "\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,8]}}", FLOWBD3_ERROR_FORMAT, "described"},
    {SUM "\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,2],\"data_offsets\":[0,8]}}", FLOWBD3_ERROR_FORMAT,
     "described"},
    {SUM "\"a\":{\"dtype\":\"F32\",\"shape\":2,\"data_offsets\":[0,8]}}", FLOWBD3_ERROR_FORMAT, "described"},
    {SUM "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"x\":1}}", FLOWBD3_ERROR_FORMAT,
     "described"},
    {SUM "\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", FLOWBD3_ERROR_FORMAT, "described"},
    {SUM "\"a\":[]}", FLOWBD3_ERROR_FORMAT, "described"},
    {SUM "\"a\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]}}", FLOWBD3_ERROR_FORMAT, "'F64'"},
    {SUM "\"a\":{\"dtype\":32,\"shape\":[2],\"data_offsets\":[0,8]}}", FLOWBD3_ERROR_FORMAT, "described"},
    /* Products that wrap around to the eight bytes there are. */
    {SUM "\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387906,1],\"data_offsets\":[0,8]}}",
     FLOWBD3_ERROR_FORMAT, "lies at"},
    {SUM "\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}",
     FLOWBD3_ERROR_FORMAT, "lies at"},
    {SUM "\"a\":{\"dtype\":\"F32\",\"shape\":[99999999999999999999],\"data_offsets\":[0,8]}}",
     FLOWBD3_ERROR_FORMAT, "JSON"},
    {SUM
     "\"a\":{\"dtype\":\"F32\",\"shape\":[2305843009213693951],\"data_offsets\":[0,9223372036854775804]}}",
     FLOWBD3_ERROR_FORMAT, "bytes"},
};

START_TEST(headers_that_lie) {
    flowbd3_error err;
    for (size_t i = 0; i < FB3_COUNT(headers); i++) {
        write_header(headers[i].rest, "\0\0\0\0\0\0\0", 8);
        flowbd3_status status = open_status(&err);
        ck_assert_msg(status == headers[i].status && strstr(err.message, headers[i].message) != NULL,
                      "header %zu: %d %s", i, status, err.message);
    }
}
END_TEST

START_TEST(deep_and_dense_headers) {
    const size_t size = 9000000;
    char *rest = malloc(size + 100);
    flowbd3_error err;
    static const struct {
        const char *before, *repeated;
    } bombs[] = {
        {"\",\"x\":", "["}, {"\",\"x\":", "{\"a\":"}, {"\"},\"x\":[[]", ",[]"}, {"\"},\"x\":[{}", ",{}"}};
    for (size_t i = 0; i < FB3_COUNT(bombs); i++) {
        size_t step = strlen(bombs[i].repeated), at = strlen(bombs[i].before);
        strcpy(rest, bombs[i].before);
        for (; at + step < size; at += step)
            memcpy(rest + at, bombs[i].repeated, step);
        strcpy(rest + at, "]}");
        write_header(rest, "", 0);
        ck_assert_int_eq(open_status(&err), FLOWBD3_ERROR_FORMAT);
        ck_assert_ptr_nonnull(strstr(err.message, "nested deeper than 32"));
    }
    free(rest);
}
END_TEST

/* tests/golden/tensor_file.py writes the same file without the library. */
START_TEST(golden_file) {
    char golden[PATH_MAX], *expected, *actual;
    snprintf(golden, sizeof golden, "%s/golden/tensor_file.safetensors", getenv("FLOWBD3_TEST_DATA"));
    float matrix[] = {0.0f, 0.25f, 9.0f, 0.5f, 0.75f, 9.0f, 1.0f, 1.25f, 9.0f}, line[] = {1.0f, -2.5f, 3e38f};
    const fb3_tensor_view tensors[] = {{"embedding.0", 2, {3, 2}, 3, matrix},
                                       {"head.0.bias", 1, {3, 0}, 0, line}};
    json_t *metadata = json_pack("{s:s}", "note", "golden");
    ck_assert_int_eq(fb3_tensor_file_save(context, path, metadata, tensors, 2, NULL), FLOWBD3_OK);
    json_decref(metadata);
    size_t expected_size, actual_size;
    ck_assert_int_eq(fb3_file_read(&expected, &expected_size, context, golden, NULL), FLOWBD3_OK);
    actual = read_bytes(&actual_size);
    ck_assert_uint_eq(actual_size, expected_size);
    ck_assert_mem_eq(actual, expected, expected_size);
    fb3_release(context, actual);
    fb3_release(context, expected);
}
END_TEST

START_TEST(golden_bad_files) {
    const char *data = getenv("FLOWBD3_TEST_DATA");
    char name[PATH_MAX], line[256];
    snprintf(name, sizeof name, "%s/golden/bad/model.txt", data);
    FILE *list = fopen(name, "r");
    ck_assert_ptr_nonnull(list);
    int files = 0;
    while (fgets(line, sizeof line, list) != NULL) {
        char file[64], text[32], message[128];
        if (*line == '#')
            continue;
        ck_assert_int_eq(sscanf(line, "%63s %31s %127[^\n]", file, text, message), 3);
        snprintf(name, sizeof name, "%s/golden/bad/%s", data, file);
        fb3_tensor_file *opened;
        flowbd3_error err = {0};
        flowbd3_status status = fb3_tensor_file_open(&opened, context, name, &err);
        ck_assert_ptr_null(opened);
        ck_assert_str_eq(flowbd3_status_name(status) + strlen("FLOWBD3_ERROR_"), text);
        ck_assert_msg(strstr(err.message, message) != NULL, "%s: %s", file, err.message);
        files++;
    }
    fclose(list);
    ck_assert_int_gt(files, 20);
}
END_TEST

/* Those of the library; Jansson takes its own from malloc. */
START_TEST(every_allocation_fails_once) {
    save();
    flowbd3_context *usual = context;
    counted l = {.left = -1};
    context = counted_context(&l);
    long steps = 0;
    for (bool failed = true; failed; steps++) {
        json_t *metadata = json_pack("{s:s, s:[i, i]}", "note", "x", "list", 1, 2);
        l.left = steps;
        flowbd3_status saved = fb3_tensor_file_save(context, path, metadata, views, FB3_COUNT(views), NULL);
        fb3_tensor_file *file = NULL;
        flowbd3_status opened = saved;
        if (saved == FLOWBD3_OK)
            opened = fb3_tensor_file_open(&file, context, path, NULL);
        failed = opened != FLOWBD3_OK;
        ck_assert_int_eq(opened, failed ? FLOWBD3_ERROR_MEMORY : FLOWBD3_OK);
        fb3_tensor_file_close(&file);
        json_decref(metadata);
        l.left = -1;
        flowbd3_error err;
        ck_assert_int_eq(open_status(&err), FLOWBD3_OK);
        ck_assert_uint_eq(count_files(), 1);
    }
    ck_assert_int_gt(steps, 8);
    flowbd3_context_destroy(&context);
    context = usual;
}
END_TEST

START_TEST(absurd_header_sizes) {
    save();
    size_t size;
    char *bytes = read_bytes(&size);
    flowbd3_error err;
    const uint64_t absurd[] = {
        0, 1, 68, 77, size - 7, 100000000, 100000001, UINT32_MAX, INT64_MAX, UINT64_MAX - 7, UINT64_MAX};
    for (size_t i = 0; i < FB3_COUNT(absurd); i++) {
        memcpy(bytes, &absurd[i], 8);
        write_bytes(bytes, size);
        flowbd3_status status = open_status(&err);
        ck_assert_msg(status == FLOWBD3_ERROR_FORMAT || status == FLOWBD3_ERROR_CHECKSUM, "%zu: %d", i,
                      status);
    }
    fb3_release(context, bytes);
}
END_TEST

START_TEST(files_of_another_kind) {
    flowbd3_error err;
#define BYTES(text) \
    { text, sizeof text - 1 }
    static const struct {
        const char *bytes;
        size_t size;
    } files[] = {
        BYTES(""),
        BYTES("12345678"),
        BYTES("123456789"),
        BYTES("duration,protocol\n1,2\n"),
        /* A safetensors file of another program. */
        BYTES("\x38\0\0\0\0\0\0\0{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}  \0\0\0\0"),
    };
    for (size_t i = 0; i < FB3_COUNT(files); i++) {
        write_bytes(files[i].bytes, files[i].size);
        ck_assert_int_eq(open_status(&err), FLOWBD3_ERROR_FORMAT);
        ck_assert_ptr_nonnull(strstr(err.message, "is not a flowbd3 model file"));
    }
    unlink(path);
    ck_assert_int_eq(open_status(&err), FLOWBD3_ERROR_IO);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_int_eq(open_status(&err), FLOWBD3_ERROR_IO);
    unlink(path);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    ck_assert_int_eq(open_status(&err), FLOWBD3_ERROR_IO);
    rmdir(path);
}
END_TEST

START_TEST(another_version) {
    save();
    size_t size;
    char *bytes = read_bytes(&size);
    flowbd3_error err;
    const size_t at = 8 + strlen("{\"__metadata__\":{\"format\":\"flowbd3\",\"version\":\"");
    ck_assert_int_eq(bytes[at], '1');
    bytes[at] = '2';
    write_bytes(bytes, size);
    ck_assert_int_eq(open_status(&err), FLOWBD3_ERROR_VERSION);
    ck_assert_ptr_nonnull(strstr(err.message, "'2', expected '1'"));
    fb3_release(context, bytes);
}
END_TEST

START_TEST(arguments_that_cannot_be_saved) {
    float data[4] = {0};
    flowbd3_error err = {0};
    const fb3_tensor_view wrong[][2] = {
        {{"", 1, {2, 0}, 0, data}, {"b", 1, {2, 0}, 0, data}},
        {{"__metadata__", 1, {2, 0}, 0, data}, {"b", 1, {2, 0}, 0, data}},
        {{"a b", 1, {2, 0}, 0, data}, {"b", 1, {2, 0}, 0, data}},
        {{"a\xff", 1, {2, 0}, 0, data}, {"b", 1, {2, 0}, 0, data}},
        {{"b", 1, {2, 0}, 0, data}, {"b", 1, {2, 0}, 0, data}},
        {{"a", 0, {2, 0}, 0, data}, {"b", 1, {2, 0}, 0, data}},
        {{"a", 3, {2, 0}, 0, data}, {"b", 1, {2, 0}, 0, data}},
        {{"a", 1, {0, 0}, 0, data}, {"b", 1, {2, 0}, 0, data}},
        {{"a", 2, {2, 0}, 0, data}, {"b", 1, {2, 0}, 0, data}},
        {{"a", 2, {2, 2}, 1, data}, {"b", 1, {2, 0}, 0, data}},
        {{"a", 2, {UINT64_MAX, UINT64_MAX / 8}, SIZE_MAX, data}, {"b", 1, {2, 0}, 0, data}},
    };
    for (size_t i = 0; i < FB3_COUNT(wrong); i++)
        ck_assert_int_eq(fb3_tensor_file_save(context, path, NULL, wrong[i], 2, &err),
                         FLOWBD3_ERROR_ARGUMENT);
    static const char *const reserved[] = {"format", "version", "checksums", "checksum_header"};
    for (size_t i = 0; i < FB3_COUNT(reserved); i++) {
        json_t *metadata = json_pack("{s:s}", reserved[i], "x");
        ck_assert_int_eq(fb3_tensor_file_save(context, path, metadata, NULL, 0, &err),
                         FLOWBD3_ERROR_ARGUMENT);
        json_decref(metadata);
    }
    json_t *nul = json_pack("{s:s%}", "x", "a\0b", (size_t)3);
    ck_assert_int_eq(fb3_tensor_file_save(context, path, nul, NULL, 0, &err), FLOWBD3_ERROR_ARGUMENT);
    json_decref(nul);
    nul = json_pack("{s:[s%]}", "x", "a\0b", (size_t)3);
    ck_assert_int_eq(fb3_tensor_file_save(context, path, nul, NULL, 0, &err), FLOWBD3_ERROR_LIMIT);
    json_decref(nul);
    json_t *deep = json_array();
    for (int i = 0; i < 32; i++)
        deep = json_pack("[o]", deep);
    deep = json_pack("{s:o}", "x", deep);
    ck_assert_int_eq(fb3_tensor_file_save(context, path, deep, NULL, 0, &err), FLOWBD3_ERROR_LIMIT);
    json_decref(deep);
    ck_assert_uint_eq(count_files(), 0);
}
END_TEST

/* In a child, because limits and signals belong to the process. */
START_TEST(full_disk_leaves_the_old_file) {
    save();
    size_t size, after;
    char *old = read_bytes(&size);
    for (size_t limit = 0; limit < size; limit += 7) {
        pid_t child = fork();
        if (child == 0) {
            const struct rlimit small = {limit, limit};
            signal(SIGXFSZ, SIG_IGN);
            setrlimit(RLIMIT_FSIZE, &small);
            json_t *metadata = json_pack("{s:s, s:{s:i, s:[f, n, b]}}", "note", "caf\xc3\xa9 \"x\"\n",
                                         "model", "width", 17, "list", 0.1, 1);
            flowbd3_status status =
                fb3_tensor_file_save(context, path, metadata, views, FB3_COUNT(views), NULL);
            json_decref(metadata);
            fb3_release(context, old); /* what the child has of it */
            _exit(status == FLOWBD3_ERROR_IO ? 0 : 1);
        }
        int exit_status;
        ck_assert_int_eq(waitpid(child, &exit_status, 0), child);
        ck_assert_int_eq(exit_status, 0);
        ck_assert_uint_eq(count_files(), 1);
        char *now = read_bytes(&after);
        ck_assert_uint_eq(after, size);
        ck_assert_mem_eq(now, old, size);
        fb3_release(context, now);
    }
    fb3_release(context, old);
}
END_TEST

START_TEST(directory_that_is_not_there) {
    flowbd3_error err = {0};
    strcat(path, "/x");
    ck_assert_int_eq(fb3_tensor_file_save(context, path, NULL, NULL, 0, &err), FLOWBD3_ERROR_IO);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("tensor_file");
    TCase *tests = tcase_create("tensor_file");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, what_is_saved_is_read_back);
    tcase_add_test(tests, blob_is_aligned_and_rows_have_no_gaps);
    tcase_add_test(tests, other_names_and_shapes_are_refused);
    tcase_add_test(tests, file_without_tensors);
    tcase_add_test(tests, no_flipped_bit_is_accepted);
    tcase_add_test(tests, checksum_failure_names_the_tensor);
    tcase_add_test(tests, no_other_length_is_accepted);
    tcase_add_test(tests, change_after_open_is_noticed);
    tcase_add_test(tests, headers_that_lie);
    tcase_add_test(tests, deep_and_dense_headers);
    tcase_add_test(tests, golden_file);
    tcase_add_test(tests, golden_bad_files);
    tcase_add_test(tests, every_allocation_fails_once);
    tcase_add_test(tests, absurd_header_sizes);
    tcase_add_test(tests, files_of_another_kind);
    tcase_add_test(tests, another_version);
    tcase_add_test(tests, arguments_that_cannot_be_saved);
    tcase_add_test(tests, full_disk_leaves_the_old_file);
    tcase_add_test(tests, directory_that_is_not_there);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
