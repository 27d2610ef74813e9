/* The Arrow C data interface: hand-built batches in, tables out and in again, ownership. */
#include "compare_tables.h"
#include "table/arrow.h"
#include "table/table.h"
#include "test_main.h"

#include <math.h>

static flowbd3_context *context;
static flowbd3_error err;
static int releases;

static void start(void) {
    memset(&err, 0, sizeof err);
    releases = 0;
    ck_assert_int_eq(flowbd3_context_create(&context, NULL, &err), FLOWBD3_OK);
}

static void stop(void) {
    flowbd3_context_destroy(&context);
}

/* ---- a producer that owns nothing but counts --------------------------------------------------- */

static void release_schema(struct ArrowSchema *schema) {
    releases++;
    schema->release = NULL;
}

static void release_array(struct ArrowArray *array) {
    releases++;
    array->release = NULL;
}

enum { MOST = 12 };

typedef struct batch {
    struct ArrowSchema schema, columns[MOST], dictionaries[MOST];
    struct ArrowArray array, arrays[MOST], values[MOST];
    struct ArrowSchema *schemas[MOST];
    struct ArrowArray *children[MOST];
    const void *buffers[MOST][3], *dictionary_buffers[MOST][3], *none[1];
} batch;

static void start_batch(batch *b, int64_t length) {
    memset(b, 0, sizeof *b);
    b->schema = (struct ArrowSchema){.format = "+s", .children = b->schemas, .release = release_schema};
    b->array = (struct ArrowArray){.length = length,
                                   .n_buffers = 1,
                                   .buffers = b->none,
                                   .children = b->children,
                                   .release = release_array};
}

static struct ArrowArray *add(batch *b, const char *name, const char *format, const void *validity,
                              const void *cells, const void *text) {
    int64_t i = b->schema.n_children++;
    b->array.n_children++;
    b->columns[i] = (struct ArrowSchema){.format = format, .name = name, .release = release_schema};
    b->schemas[i] = &b->columns[i];
    b->buffers[i][0] = validity;
    b->buffers[i][1] = cells;
    b->buffers[i][2] = text;
    b->arrays[i] = (struct ArrowArray){.length = b->array.length + b->array.offset,
                                       .null_count = validity != NULL ? -1 : 0,
                                       .n_buffers = *format == 'u' || *format == 'U' ? 3
                                                    : *format == 'n'                 ? 0
                                                                                     : 2,
                                       .buffers = b->buffers[i],
                                       .release = release_array};
    b->children[i] = &b->arrays[i];
    return &b->arrays[i];
}

static void add_dictionary(batch *b, int64_t count, const int32_t *offsets, const char *text) {
    int64_t i = b->schema.n_children - 1;
    b->dictionaries[i] = (struct ArrowSchema){.format = "u", .release = release_schema};
    b->columns[i].dictionary = &b->dictionaries[i];
    b->dictionary_buffers[i][1] = offsets;
    b->dictionary_buffers[i][2] = text;
    b->values[i] = (struct ArrowArray){
        .length = count, .n_buffers = 3, .buffers = b->dictionary_buffers[i], .release = release_array};
    b->arrays[i].dictionary = &b->values[i];
}

static flowbd3_table *import(batch *b) {
    flowbd3_table *t = NULL;
    flowbd3_status status = flowbd3_table_import_arrow(&t, context, &b->schema, &b->array, &err);
    ck_assert_msg(status == FLOWBD3_OK, "%s", err.message);
    /* The children belong to the batch: only the two structs at the top are released here. */
    ck_assert_int_eq(releases, 2);
    ck_assert_ptr_null(b->schema.release);
    ck_assert_ptr_null(b->array.release);
    releases = 0;
    return t;
}

static void refuse(batch *b, flowbd3_status expected, int64_t column, const char *mentions) {
    flowbd3_table *t = NULL;
    memset(&err, 0, sizeof err);
    ck_assert_int_eq(flowbd3_table_import_arrow(&t, context, &b->schema, &b->array, &err), expected);
    ck_assert_ptr_null(t);
    ck_assert_int_eq(releases, 0);
    ck_assert_int_eq(err.column, column);
    ck_assert_msg(strstr(err.message, mentions) != NULL, "%s", err.message);
}

/* ---- in ---------------------------------------------------------------------------------------- */

START_TEST(integers_of_every_width) {
    static const int8_t c[] = {-128, 127};
    static const uint8_t C[] = {0, 255};
    static const int16_t s[] = {-32768, 32767};
    static const uint16_t S[] = {0, 65535};
    static const int32_t i[] = {INT32_MIN, INT32_MAX};
    static const uint32_t I[] = {0, UINT32_MAX};
    static const int64_t l[] = {INT64_MIN, INT64_MAX};
    static const uint64_t L[] = {0, INT64_MAX}, large[] = {1, UINT64_MAX};
    batch b;
    start_batch(&b, 2);
    add(&b, "c", "c", NULL, c, NULL);
    add(&b, "C", "C", NULL, C, NULL);
    add(&b, "s", "s", NULL, s, NULL);
    add(&b, "S", "S", NULL, S, NULL);
    add(&b, "i", "i", NULL, i, NULL);
    add(&b, "I", "I", NULL, I, NULL);
    add(&b, "l", "l", NULL, l, NULL);
    add(&b, "L", "L", NULL, L, NULL);
    add(&b, "large", "L", NULL, large, NULL);
    flowbd3_table *t = import(&b);
    static const int64_t low[] = {-128, 0, -32768, 0, INT32_MIN, 0, INT64_MIN, 0};
    static const int64_t high[] = {127, 255, 32767, 65535, INT32_MAX, UINT32_MAX, INT64_MAX, INT64_MAX};
    for (size_t k = 0; k < 8; k++) {
        ck_assert_int_eq(flowbd3_table_integer(t, k)[0], low[k]);
        ck_assert_int_eq(flowbd3_table_integer(t, k)[1], high[k]);
    }
    ck_assert_double_eq(flowbd3_table_real(t, 8)[1], 18446744073709551616.0);
    flowbd3_table_destroy(&t);
}
END_TEST

START_TEST(reals_booleans_texts) {
    static const float f[] = {0.5f, (float)INFINITY, -1.25f};
    static const double g[] = {0.1, (double)NAN, 1e300};
    static const uint8_t bits[] = {0x05}, valid[] = {0x06};
    static const int32_t offsets[] = {0, 3, 3, 6};
    static const int64_t wide[] = {0, 3, 3, 6};
    batch b;
    start_batch(&b, 3);
    add(&b, "f", "f", NULL, f, NULL);
    add(&b, "g", "g", NULL, g, NULL);
    add(&b, "b", "b", valid, bits, NULL);
    add(&b, "u", "u", NULL, offsets, "tcpudp");
    add(&b, NULL, "U", valid, wide, "tcpudp");
    add(&b, "n", "n", NULL, NULL, NULL);
    flowbd3_table *t = import(&b);
    ck_assert_double_eq(flowbd3_table_real(t, 0)[2], -1.25);
    ck_assert_uint_eq(flowbd3_table_missing(t, 0), 1);
    ck_assert_double_eq(flowbd3_table_real(t, 1)[0], 0.1);
    ck_assert_uint_eq(flowbd3_table_missing(t, 1), 1);
    ck_assert_int_eq(flowbd3_table_codes(t, 2)[0], -1);
    ck_assert_str_eq(text_of(t, 1, 2), "false");
    ck_assert_str_eq(text_of(t, 2, 2), "true");
    ck_assert_str_eq(text_of(t, 0, 3), "tcp");
    ck_assert_int_eq(flowbd3_table_codes(t, 3)[1], -1);
    ck_assert_str_eq(flowbd3_table_name(t, 4), "c5");
    ck_assert_int_eq(flowbd3_table_codes(t, 4)[0], -1);
    ck_assert_str_eq(text_of(t, 2, 4), "udp");
    ck_assert_uint_eq(flowbd3_table_missing(t, 5), 3);
    flowbd3_table_destroy(&t);
}
END_TEST

/* A slice of a slice: the offset of the batch applies to its children, whose own offset adds to it. */
START_TEST(offsets_add_up) {
    static const int32_t cells[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    static const uint8_t valid[] = {0xff, 0xf7};
    static const int32_t offsets[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    static const uint8_t struct_valid[] = {0x3c};
    static const uint8_t indices[] = {9, 9, 9, 9, 1, 0, 1, 2, 9, 9, 9, 9};
    batch b;
    start_batch(&b, 4);
    b.array.offset = 2;
    b.none[0] = struct_valid;
    b.array.null_count = -1;
    add(&b, "i", "i", valid, cells, NULL)->offset = 6;
    add(&b, "u", "u", NULL, offsets, "abcdefghijkl")->offset = 3;
    struct ArrowArray *coded = add(&b, "k", "C", NULL, indices, NULL);
    coded->offset = 2;
    add_dictionary(&b, 3, offsets, "xyzw");
    b.values[2].offset = 1;
    b.array.null_count = -1;
    flowbd3_table *t = import(&b);
    ck_assert_int_eq(flowbd3_table_integer(t, 0)[0], 8);
    ck_assert_int_eq(flowbd3_table_integer(t, 0)[2], 10);
    ck_assert_uint_eq(flowbd3_table_valid(t, 0)[3], 0);
    ck_assert_uint_eq(flowbd3_table_missing(t, 0), 1);
    ck_assert_str_eq(text_of(t, 0, 1), "f");
    ck_assert_str_eq(text_of(t, 3, 1), "i");
    ck_assert_str_eq(text_of(t, 0, 2), "z");
    ck_assert_str_eq(text_of(t, 3, 2), "w");
    flowbd3_table_destroy(&t);
}
END_TEST

START_TEST(dictionary_with_holes) {
    static const int64_t indices[] = {0, 1, 2, 3, 3};
    static const int32_t offsets[] = {0, 1, 1, 2, 3};
    static const uint8_t dictionary_valid[] = {0x07}, valid[] = {0x0f};
    batch b;
    start_batch(&b, 5);
    add(&b, "k", "l", valid, indices, NULL);
    add_dictionary(&b, 4, offsets, "axa");
    b.dictionary_buffers[0][0] = dictionary_valid;
    b.values[0].null_count = -1;
    flowbd3_table *t = import(&b);
    ck_assert_uint_eq(flowbd3_table_categories(t, 0), 2);
    ck_assert_int_eq(flowbd3_table_codes(t, 0)[0], 0);
    ck_assert_int_eq(flowbd3_table_codes(t, 0)[1], -1);
    ck_assert_int_eq(flowbd3_table_codes(t, 0)[2], 1);
    ck_assert_uint_eq(flowbd3_table_missing(t, 0), 3);
    flowbd3_table_destroy(&t);
}
END_TEST

START_TEST(times_of_every_unit) {
    static const int64_t cells[] = {7, 1313582493, -1, 0};
    static const uint8_t valid[] = {0x0a};
    static const struct {
        const char *format;
        int64_t unit;
        int decimals;
        unsigned form;
    } cases[] = {{"tss:", 1000000000, 0, FLOWBD3_TIME_T},
                 {"tsm:UTC", 1000000, 3, FLOWBD3_TIME_T | FLOWBD3_TIME_Z},
                 {"tsu:Europe/Berlin", 1000, 6, FLOWBD3_TIME_T | FLOWBD3_TIME_Z},
                 {"tsn:+02:00", 1, 9, FLOWBD3_TIME_T | FLOWBD3_TIME_Z}};
    batch b;
    for (size_t i = 0; i < FB3_COUNT(cases); i++) {
        start_batch(&b, 3);
        b.array.offset = 1;
        add(&b, "all", cases[i].format, NULL, cells, NULL);
        add(&b, "some", cases[i].format, valid, cells, NULL);
        flowbd3_table *t = import(&b);
        for (size_t column = 0; column < 2; column++) {
            ck_assert_int_eq(flowbd3_table_type(t, column), FLOWBD3_TYPE_TIMESTAMP);
            ck_assert_int_eq(flowbd3_table_integer(t, column)[0], cells[1] * cases[i].unit);
            ck_assert_uint_eq(flowbd3_table_time_form(t, column), cases[i].form);
        }
        ck_assert_int_eq(flowbd3_table_decimals(t, 0), cases[i].decimals);
        ck_assert_int_eq(flowbd3_table_integer(t, 0)[1], -cases[i].unit);
        ck_assert_uint_eq(flowbd3_table_missing(t, 0), 0);
        ck_assert_uint_eq(flowbd3_table_missing(t, 1), 1);
        ck_assert_int_eq(flowbd3_table_integer(t, 1)[1], 0);
        flowbd3_table_destroy(&t);
    }
    static const int64_t late[] = {0, 9223372037, -9223372037};
    start_batch(&b, 2);
    add(&b, "x", "tss:", NULL, late, NULL);
    refuse(&b, FLOWBD3_ERROR_FORMAT, 1, "years");
    ck_assert_int_eq(err.row, 2);
}
END_TEST

/* Metadata of one pair more than the given one. */
static const char *metadata(char to[64], const char *key, const char *value) {
    const char *texts[] = {"k", "", key, value};
    int32_t pairs = 2;
    char *at = to;
    memcpy(at, &pairs, sizeof pairs);
    at += sizeof pairs;
    for (size_t i = 0; i < FB3_COUNT(texts); i++) {
        int32_t size = (int32_t)strlen(texts[i]);
        memcpy(at, &size, sizeof size);
        memcpy(at + sizeof size, texts[i], (size_t)size);
        at += sizeof size + (size_t)size;
    }
    return to;
}

START_TEST(metadata_tell_addresses) {
    static const int32_t offsets[] = {0, 3, 3, 11, 18}, codes[] = {2, 0, 3, 1};
    static const char text[] = "::1FE80::01fe80::1";
    char address[64], other[64], cut[64];
    metadata(address, "flowbd3.type", "address");
    metadata(other, "flowbd3.type", "addresses");
    metadata(cut, "flowbd3.type", "address");
    memset(cut + 4, 0xff, 4); /* a length below 0 */
    batch b;
    start_batch(&b, 4);
    add(&b, "texts", "u", NULL, offsets, text);
    add(&b, "dictionary", "i", NULL, codes, NULL);
    add_dictionary(&b, 4, offsets, text);
    add(&b, "other", "u", NULL, offsets, text);
    add(&b, "cut", "u", NULL, offsets, text);
    add(&b, "integer", "i", NULL, codes, NULL);
    b.columns[0].metadata = b.columns[1].metadata = b.columns[4].metadata = address;
    b.columns[2].metadata = other;
    b.columns[3].metadata = cut;
    flowbd3_table *t = import(&b);
    static const flowbd3_type types[] = {FLOWBD3_TYPE_ADDRESS, FLOWBD3_TYPE_ADDRESS, FLOWBD3_TYPE_CATEGORICAL,
                                         FLOWBD3_TYPE_CATEGORICAL, FLOWBD3_TYPE_INTEGER};
    for (size_t i = 0; i < FB3_COUNT(types); i++)
        ck_assert_int_eq(flowbd3_table_type(t, i), types[i]);
    ck_assert_uint_eq(flowbd3_table_categories(t, 0), 2);
    ck_assert_uint_eq(flowbd3_table_categories(t, 1), 2);
    ck_assert_uint_eq(flowbd3_table_categories(t, 2), 3);
    ck_assert_str_eq(text_of(t, 2, 0), "fe80::1");
    ck_assert_int_eq(flowbd3_table_codes(t, 1)[0], flowbd3_table_codes(t, 1)[2]);
    ck_assert_int_eq(flowbd3_table_codes(t, 1)[3], -1);
    flowbd3_table_destroy(&t);
    start_batch(&b, 1);
    add(&b, "x", "u", NULL, offsets, "::g");
    b.columns[0].metadata = address;
    refuse(&b, FLOWBD3_ERROR_FORMAT, 1, "addresses");
}
END_TEST

START_TEST(batches_refused) {
    static const int32_t cells[] = {0, 1, 2}, backwards[] = {0, 3, 1, 2}, outside[] = {0, 3, 1};
    static const uint8_t no_row[] = {0x05};
    static const char *const unsupported[] = {"e",  "z", "+l",  "+s", "tdD", "tsx:UTC", "d:10,2",
                                              "vu", "",  "w:4", "ts", "tsn", "tDn"};
    batch b;
    for (size_t i = 0; i < FB3_COUNT(unsupported); i++) {
        start_batch(&b, 3);
        add(&b, "good", "i", NULL, cells, NULL);
        add(&b, "bad", unsupported[i], NULL, cells, NULL);
        refuse(&b, FLOWBD3_ERROR_FORMAT, 2, "'bad'");
        ck_assert_ptr_nonnull(strstr(err.message, unsupported[i]));
    }
    start_batch(&b, 3);
    add(&b, "x", "u", NULL, backwards, "abc");
    refuse(&b, FLOWBD3_ERROR_FORMAT, 1, "offsets");
    start_batch(&b, 3);
    add(&b, "x", "i", NULL, outside, NULL);
    add_dictionary(&b, 2, cells, "ab");
    refuse(&b, FLOWBD3_ERROR_FORMAT, 1, "outside");
    start_batch(&b, 3);
    add(&b, "x", "i", NULL, outside, NULL);
    add_dictionary(&b, 2, cells, "ab");
    b.dictionaries[0].format = NULL;
    refuse(&b, FLOWBD3_ERROR_FORMAT, 1, "not of utf8");
    start_batch(&b, 3);
    add(&b, "x", "i", NULL, cells, NULL)->length = 2;
    refuse(&b, FLOWBD3_ERROR_FORMAT, 1, "fewer");
    start_batch(&b, 3);
    add(&b, "x", "i", NULL, cells, NULL);
    b.array.length = PTRDIFF_MAX; /* refused without a look at so many rows */
    b.array.null_count = -1;
    refuse(&b, FLOWBD3_ERROR_FORMAT, 1, "fewer");
    start_batch(&b, 3);
    add(&b, "x", "i", NULL, NULL, NULL);
    refuse(&b, FLOWBD3_ERROR_FORMAT, 1, "buffers");
    start_batch(&b, 3);
    add(&b, "x", "i", NULL, cells, NULL)->n_buffers = 1;
    refuse(&b, FLOWBD3_ERROR_FORMAT, 1, "buffers");
    start_batch(&b, 3);
    add(&b, "x", "i", NULL, cells, NULL)->release = NULL;
    refuse(&b, FLOWBD3_ERROR_FORMAT, 1, "released");
    start_batch(&b, 3);
    add(&b, "x", "i", NULL, cells, NULL);
    add(&b, "x", "i", NULL, cells, NULL);
    refuse(&b, FLOWBD3_ERROR_ARGUMENT, 0, "twice");
    start_batch(&b, 3);
    b.none[0] = no_row;
    b.array.null_count = 1;
    refuse(&b, FLOWBD3_ERROR_FORMAT, 0, "null");
    ck_assert_int_eq(err.row, 2);
    start_batch(&b, -1);
    refuse(&b, FLOWBD3_ERROR_FORMAT, 0, "length");
    start_batch(&b, 3);
    b.array.n_children = 1;
    refuse(&b, FLOWBD3_ERROR_FORMAT, 0, "columns");
    start_batch(&b, 3);
    b.schema.format = "i";
    refuse(&b, FLOWBD3_ERROR_FORMAT, 0, "'+s'");
    start_batch(&b, 3);
    b.array.release = NULL;
    refuse(&b, FLOWBD3_ERROR_ARGUMENT, 0, "released");
}
END_TEST

/* ---- out --------------------------------------------------------------------------------------- */

static flowbd3_table *mixed_table(void) {
    static const double rate[] = {0.5, (double)NAN, -3.0, 1e3, 0.125, 0, 1, 2, 3};
    static const int64_t count[] = {1, 2, INT64_MIN, INT64_MAX, 5, 6, 7, 8, 9};
    static const uint8_t valid[] = {1, 1, 1, 1, 0, 1, 1, 1, 0};
    static const char *const protocol[] = {"tcp", NULL, "udp", "tcp", "\xc3\xa9", "x", "", "udp", "tcp"};
    flowbd3_table *t;
    flowbd3_table_create(&t, context, NULL);
    flowbd3_table_add_real(t, "rate", rate, NULL, 9, NULL);
    flowbd3_table_add_integer(t, "count", count, valid, 9, NULL);
    flowbd3_table_add_integer(t, "all", count, NULL, 9, NULL);
    flowbd3_table_add_categorical(t, "protocol", protocol, 9, NULL);
    return t;
}

START_TEST(out_and_in_again) {
    flowbd3_table *t = mixed_table(), *back;
    struct ArrowSchema schema;
    struct ArrowArray array;
    ck_assert_int_eq(flowbd3_table_export_arrow(t, &schema, &array, &err), FLOWBD3_OK);
    ck_assert_str_eq(schema.format, "+s");
    ck_assert_int_eq(schema.n_children, 4);
    ck_assert_str_eq(schema.children[0]->format, "g");
    ck_assert_str_eq(schema.children[1]->format, "l");
    ck_assert_str_eq(schema.children[3]->format, "i");
    ck_assert_str_eq(schema.children[3]->dictionary->format, "u");
    ck_assert_int_eq(array.length, 9);
    ck_assert_int_eq(array.children[1]->null_count, 2);
    ck_assert_uint_eq(((const uint8_t *)array.children[1]->buffers[0])[0], 0xef);
    ck_assert_uint_eq(((const uint8_t *)array.children[1]->buffers[0])[1], 0x00);
    ck_assert_ptr_null(array.children[2]->buffers[0]);
    ck_assert_int_eq(array.children[3]->dictionary->length, 4);
    ck_assert_int_eq(flowbd3_table_import_arrow(&back, context, &schema, &array, &err), FLOWBD3_OK);
    ck_assert_ptr_null(schema.release);
    ck_assert_ptr_null(array.release);
    ck_assert(same_tables(t, back));
    flowbd3_table_destroy(&back);
    flowbd3_table_destroy(&t);
}
END_TEST

START_TEST(times_and_addresses_out_and_in_again) {
    static const int64_t when[] = {1313582493500000000, 0, INT64_MIN, INT64_MAX};
    static const uint8_t valid[] = {1, 0, 1, 1};
    static const char *const hosts[] = {"10.0.0.1", NULL, "::1", "10.0.0.1"};
    flowbd3_table *t, *back;
    struct ArrowSchema schema;
    struct ArrowArray array;
    flowbd3_table_create(&t, context, NULL);
    flowbd3_table_add_timestamp(t, "when", when, valid, 4, NULL);
    flowbd3_table_add_timestamp(t, "then", when, NULL, 4, NULL);
    flowbd3_table_add_address(t, "host", hosts, 4, NULL);
    flowbd3_table_set_decimals(t, 0, 2, NULL);
    flowbd3_table_set_time_form(t, 0, FLOWBD3_TIME_SLASHES, NULL);
    ck_assert_int_eq(flowbd3_table_export_arrow(t, &schema, &array, &err), FLOWBD3_OK);
    ck_assert_str_eq(schema.children[0]->format, "tsn:UTC");
    ck_assert_str_eq(schema.children[2]->format, "i");
    ck_assert_str_eq(schema.children[2]->dictionary->format, "u");
    ck_assert_int_eq(array.children[0]->null_count, 1);
    ck_assert_int_eq(((const int64_t *)array.children[1]->buffers[1])[2], INT64_MIN);
    ck_assert_int_eq(flowbd3_table_import_arrow(&back, context, &schema, &array, &err), FLOWBD3_OK);
    ck_assert(same_tables(t, back));
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(flowbd3_table_decimals(back, i), flowbd3_table_decimals(t, i));
        ck_assert_uint_eq(flowbd3_table_time_form(back, i), flowbd3_table_time_form(t, i));
    }
    flowbd3_table_destroy(&back);
    flowbd3_table_destroy(&t);
}
END_TEST

START_TEST(export_outlives_everything) {
    flowbd3_table *t = mixed_table();
    struct ArrowSchema schema;
    struct ArrowArray array;
    ck_assert_int_eq(flowbd3_table_export_arrow(t, &schema, &array, &err), FLOWBD3_OK);
    flowbd3_table_destroy(&t);
    flowbd3_context_destroy(&context);
    /* A child that is moved out lives on without its parent. */
    struct ArrowArray moved = *array.children[3];
    array.children[3]->release = NULL;
    array.release(&array);
    ck_assert_ptr_null(array.release);
    const char *text = moved.dictionary->buffers[2];
    ck_assert_mem_eq(text, "tcpudp", 6);
    ck_assert_int_eq(((const int32_t *)moved.buffers[1])[7], 1);
    ck_assert_int_eq(((const int32_t *)moved.buffers[1])[1], 0);
    moved.release(&moved);
    ck_assert_str_eq(schema.children[1]->name, "count");
    schema.release(&schema);
}
END_TEST

START_TEST(empty_tables) {
    flowbd3_table *t = mixed_table(), *none, *back;
    struct ArrowSchema schema;
    struct ArrowArray array;
    flowbd3_table_slice(&none, t, 9, 0, NULL);
    ck_assert_int_eq(flowbd3_table_export_arrow(none, &schema, &array, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_import_arrow(&back, context, &schema, &array, &err), FLOWBD3_OK);
    ck_assert(same_tables(none, back));
    flowbd3_table_destroy(&back);
    flowbd3_table_destroy(&none);
    flowbd3_table_destroy(&t);
    flowbd3_table_create(&none, context, NULL);
    ck_assert_int_eq(flowbd3_table_export_arrow(none, &schema, &array, &err), FLOWBD3_OK);
    ck_assert_int_eq(schema.n_children, 0);
    schema.release(&schema);
    array.release(&array);
    ck_assert_int_eq(flowbd3_table_export_arrow(none, NULL, &array, &err), FLOWBD3_ERROR_ARGUMENT);
    flowbd3_table_destroy(&none);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("arrow");
    TCase *tests = tcase_create("arrow");
    tcase_add_checked_fixture(tests, start, stop);
    tcase_add_test(tests, integers_of_every_width);
    tcase_add_test(tests, reals_booleans_texts);
    tcase_add_test(tests, offsets_add_up);
    tcase_add_test(tests, dictionary_with_holes);
    tcase_add_test(tests, times_of_every_unit);
    tcase_add_test(tests, metadata_tell_addresses);
    tcase_add_test(tests, batches_refused);
    tcase_add_test(tests, out_and_in_again);
    tcase_add_test(tests, times_and_addresses_out_and_in_again);
    tcase_add_test(tests, export_outlives_everything);
    tcase_add_test(tests, empty_tables);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
