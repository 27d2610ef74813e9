/* Streams of tables: chunks of a CSV file that are the parts of the whole, and chunks from a callback. */
#include "base/base.h"
#include "compare_tables.h"
#include "test_main.h"

#include <flowbd3/stream.h>

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

static flowbd3_context *context;
static flowbd3_error err;
static char directory[] = "/tmp/flowbd3-stream-XXXXXX", path[PATH_MAX];

static void start(void) {
    memset(&err, 0, sizeof err);
    ck_assert_ptr_nonnull(mkdtemp(directory));
    (void)snprintf(path, sizeof path, "%s/table.csv", directory);
    ck_assert_int_eq(flowbd3_context_create(&context, NULL, &err), FLOWBD3_OK);
}

static void stop(void) {
    flowbd3_context_destroy(&context);
    (void)unlink(path);
    ck_assert_int_eq(rmdir(directory), 0);
}

static void write_text(const char *text, size_t size) {
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(text, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
}

/* ---- chunks of a file -------------------------------------------------------------------------- */

enum { ROWS = 3000 };

/* Columns of every type; some of which find their type, their digits or a missing cell in the last rows. */
static void write_file(void) {
    static const char *const names[] = {"tcp", "udp", "\"a, \"\"b\"\"\"", "icmp", "\"two\nlines\""};
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    (void)fputs("i,late_real,late_text,r,t,h,late_name,k,none,gap,odd\n", file);
    for (int i = 0; i < ROWS; i++) {
        bool last = i >= ROWS - 2;
        (void)fprintf(file, "%d,%s,%s,%.*f,2011-08-17 12:%02d:%02d.%d,", i * 7 % 1000,
                      last       ? "0.125"
                      : i == 100 ? "123456789012345678"
                                 : "5",
                      last         ? "x"
                      : i % 3 == 0 ? "1.50"
                                   : "7",
                      i % 4, i / 8.0, i / 60 % 60, i % 60, i % 10);
        (void)fprintf(file, "%s,%s,%s,,%s,%s\n", i % 2 == 0 ? "10.0.0.1" : "FE80::0001",
                      last         ? "no address"
                      : i % 5 == 0 ? "10.1.1.1"
                                   : "::1",
                      names[i * i % 5], last ? "" : "3", i % 50 == 0 ? "nan" : "2.5");
    }
    ck_assert_int_eq(fclose(file), 0);
}

static void assert_same_columns(const flowbd3_table *a, const flowbd3_table *b) {
    ck_assert_uint_eq(flowbd3_table_columns(a), flowbd3_table_columns(b));
    for (size_t i = 0; i < flowbd3_table_columns(a); i++) {
        ck_assert_str_eq(flowbd3_table_name(a, i), flowbd3_table_name(b, i));
        ck_assert_int_eq(flowbd3_table_type(a, i), flowbd3_table_type(b, i));
        ck_assert_int_eq(flowbd3_table_decimals(a, i), flowbd3_table_decimals(b, i));
        ck_assert_uint_eq(flowbd3_table_time_form(a, i), flowbd3_table_time_form(b, i));
        ck_assert_uint_eq(flowbd3_table_categories(a, i), flowbd3_table_categories(b, i));
        for (size_t k = 0; k < flowbd3_table_categories(a, i); k++)
            ck_assert_str_eq(flowbd3_table_category(a, i, k), flowbd3_table_category(b, i, k));
    }
}

/* The chunks of a stream, of which all but the last have chunk_rows rows, are the slices of the whole. */
static void assert_slices(flowbd3_table_stream *stream, const flowbd3_table *whole, size_t chunk_rows) {
    size_t rows = 0;
    for (;;) {
        flowbd3_table *chunk, *slice;
        ck_assert_msg(flowbd3_table_stream_next(stream, &chunk, &err) == FLOWBD3_OK, "%s", err.message);
        if (chunk == NULL)
            break;
        size_t left = flowbd3_table_rows(whole) - rows, count = left < chunk_rows ? left : chunk_rows;
        ck_assert_uint_eq(flowbd3_table_rows(chunk), count);
        ck_assert_int_eq(flowbd3_table_slice(&slice, whole, rows, count, &err), FLOWBD3_OK);
        assert_same_columns(chunk, slice);
        ck_assert(same_tables(chunk, slice));
        rows += count;
        flowbd3_table_destroy(&chunk);
        flowbd3_table_destroy(&slice);
    }
    ck_assert_uint_eq(rows, flowbd3_table_rows(whole));
}

START_TEST(chunks_are_slices_of_the_whole) {
    static const size_t chunks[] = {1, 7, 1000, ROWS - 1, ROWS, ROWS + 1, 0};
    flowbd3_table *whole;
    write_file();
    ck_assert_int_eq(flowbd3_table_read_csv(&whole, context, path, NULL, &err), FLOWBD3_OK);
    for (size_t i = 0; i < FB3_COUNT(chunks); i++) {
        flowbd3_table_stream *stream;
        flowbd3_table *columns, *end;
        ck_assert_int_eq(flowbd3_table_stream_csv(&stream, context, path, NULL, chunks[i], &err), FLOWBD3_OK);
        ck_assert_uint_eq(flowbd3_table_stream_rows(stream), ROWS);
        ck_assert_int_eq(flowbd3_table_stream_columns(stream, &columns, &err), FLOWBD3_OK);
        ck_assert_uint_eq(flowbd3_table_rows(columns), 0);
        assert_same_columns(columns, whole);
        flowbd3_table_destroy(&columns);
        size_t rows = chunks[i] > 0 ? chunks[i] : 65536;
        assert_slices(stream, whole, rows);
        ck_assert_int_eq(flowbd3_table_stream_next(stream, &end, &err), FLOWBD3_OK);
        ck_assert_ptr_null(end);
        ck_assert_int_eq(flowbd3_table_stream_rewind(stream, &err), FLOWBD3_OK);
        ck_assert_int_eq(flowbd3_table_stream_next(stream, &end, &err), FLOWBD3_OK);
        flowbd3_table_destroy(&end); /* rewound in the middle */
        ck_assert_int_eq(flowbd3_table_stream_rewind(stream, &err), FLOWBD3_OK);
        assert_slices(stream, whole, rows);
        flowbd3_table_stream_destroy(&stream);
        ck_assert_ptr_null(stream);
    }
    flowbd3_table_destroy(&whole);
}
END_TEST

/* Files of a hundred thousand short lines go through the reader in several pieces. */
START_TEST(pieces_end_inside_records) {
    enum { LINES = 60000 };
    flowbd3_table *whole;
    flowbd3_table_stream *stream;
    FILE *file = fopen(path, "wb");
    (void)fputs("a,b,c\n", file);
    for (int i = 0; i < LINES; i++)
        (void)fprintf(file, "%d,%s,w%d\n", i, i % 3 == 0 ? "" : "0.5", i % 11);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(flowbd3_table_read_csv(&whole, context, path, NULL, &err), FLOWBD3_OK);
    for (size_t chunk = 100; chunk < 100000; chunk *= 7) {
        ck_assert_int_eq(flowbd3_table_stream_csv(&stream, context, path, NULL, chunk, &err), FLOWBD3_OK);
        assert_slices(stream, whole, chunk);
        flowbd3_table_stream_destroy(&stream);
    }
    flowbd3_table_destroy(&whole);
}
END_TEST

START_TEST(options_count_as_for_a_whole_file) {
    static const char text[] = "# a;b;c\n007;NULL;nan\n+5;'x;y';inf\n12;;3\n";
    static const char *const missing[] = {"NULL"};
    static const flowbd3_column_type types[] = {{"c1", FLOWBD3_TYPE_INTEGER}};
    for (int nonfinite = FLOWBD3_CSV_NONFINITE_MISSING; nonfinite <= FLOWBD3_CSV_NONFINITE_TEXT;
         nonfinite++) {
        flowbd3_csv_options options = FLOWBD3_CSV_OPTIONS_INIT;
        options.delimiter = ';';
        options.quote = '\'';
        options.header = FLOWBD3_CSV_HEADER_NO;
        options.nonfinite = (flowbd3_csv_nonfinite)nonfinite;
        options.missing = missing;
        options.n_missing = 1;
        options.types = types;
        options.n_types = 1;
        options.max_rows = 2;
        write_text(text + 8, sizeof text - 9);
        flowbd3_table *whole;
        flowbd3_table_stream *stream;
        flowbd3_error other = {0};
        flowbd3_status status = flowbd3_table_read_csv(&whole, context, path, &options, &err);
        ck_assert_int_eq(flowbd3_table_stream_csv(&stream, context, path, &options, 1, &other), status);
        ck_assert_int_eq(status == FLOWBD3_OK, nonfinite != FLOWBD3_CSV_NONFINITE_ERROR);
        if (status != FLOWBD3_OK) {
            ck_assert_str_eq(other.message, err.message);
            continue;
        }
        memset(&options, 0x5a, sizeof options); /* they were copied */
        assert_slices(stream, whole, 1);
        flowbd3_table_stream_destroy(&stream);
        flowbd3_table_destroy(&whole);
    }
}
END_TEST

/* ---- what is wrong with a file ----------------------------------------------------------------- */

START_TEST(errors_are_those_of_a_whole_file) {
    static const char *const texts[] = {"",
                                        "a,b\n",
                                        "a,b\n1,2\n3\n",
                                        "a,a\n1,2\n",
                                        "1,2.5\n3,4\n",
                                        "a,b\n1,\"x\n",
                                        "a,b\n1,x\"y\n",
                                        "a,b\n1,2\n\xff\xfe,3\n",
                                        "a\n1\n\"\"\"\n"};
    flowbd3_csv_options options = FLOWBD3_CSV_OPTIONS_INIT;
    static const flowbd3_column_type types[] = {{"absent", FLOWBD3_TYPE_REAL}};
    for (size_t i = 0; i <= FB3_COUNT(texts); i++) {
        const char *text = i < FB3_COUNT(texts) ? texts[i] : "a,b\n1,2\n";
        flowbd3_table *whole;
        flowbd3_table_stream *stream;
        flowbd3_error other = {0};
        memset(&err, 0, sizeof err);
        options.types = types;
        options.n_types = i == FB3_COUNT(texts);
        write_text(text, strlen(text));
        flowbd3_status status = flowbd3_table_read_csv(&whole, context, path, &options, &err);
        ck_assert_int_ne(status, FLOWBD3_OK);
        ck_assert_int_eq(flowbd3_table_stream_csv(&stream, context, path, &options, 0, &other), status);
        ck_assert_ptr_null(stream);
        ck_assert_str_eq(other.message, err.message);
        ck_assert_int_eq(other.row, err.row);
        ck_assert_int_eq(other.column, err.column);
    }
    flowbd3_table_stream *stream;
    (void)unlink(path);
    ck_assert_int_eq(flowbd3_table_stream_csv(&stream, context, path, NULL, 0, &err), FLOWBD3_ERROR_IO);
    ck_assert_int_eq(flowbd3_table_stream_csv(&stream, context, NULL, NULL, 0, &err), FLOWBD3_ERROR_ARGUMENT);
}
END_TEST

/* Every way in which a file may be another one when it is read again. */
START_TEST(a_file_that_changes_is_refused) {
    static const char text[] = "a,b,c\n1,x,2\n2,y,2.5\n";
    static const char *const changed[] = {"a,b,c\n1,x,2\n2,y,2.5\n3,x,1\n", "a,b,c\n1,x,2\n",
                                          "a,b,c\n1,x,2\n2,z,2.5\n", "a,b,c\n1,x,2\n2,y,t\n",
                                          "a,b,c\n1.5,x,2\n2,y,2.5\n"};
    for (size_t i = 0; i < FB3_COUNT(changed); i++) {
        flowbd3_table_stream *stream;
        flowbd3_table *chunk = NULL;
        write_text(text, sizeof text - 1);
        ck_assert_int_eq(flowbd3_table_stream_csv(&stream, context, path, NULL, 0, &err), FLOWBD3_OK);
        write_text(changed[i], strlen(changed[i]));
        ck_assert_int_eq(flowbd3_table_stream_next(stream, &chunk, &err), FLOWBD3_ERROR_FORMAT);
        ck_assert_ptr_null(chunk);
        ck_assert_ptr_nonnull(strstr(err.message, "changed while it was read"));
        ck_assert_ptr_nonnull(strstr(err.message, path));
        ck_assert_int_eq(flowbd3_table_stream_next(stream, &chunk, &err), FLOWBD3_ERROR_STATE);
        flowbd3_table_stream_destroy(&stream);
    }
}
END_TEST

/* ---- columns ----------------------------------------------------------------------------------- */

START_TEST(columns_are_selected) {
    static const char *const names[] = {"k", "i"}, *const wrong[] = {"k", "absent"},
                             *const twice[] = {"k", "k"};
    flowbd3_table *whole, *chosen, *columns, *chunk;
    flowbd3_table_stream *stream;
    write_file();
    ck_assert_int_eq(flowbd3_table_read_csv(&whole, context, path, NULL, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_select(&chosen, whole, names, 2, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_stream_csv(&stream, context, path, NULL, 999, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_stream_select(stream, wrong, 2, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.message, "absent"));
    ck_assert_int_eq(flowbd3_table_stream_select(stream, twice, 2, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(flowbd3_table_stream_select(stream, names, 0, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(flowbd3_table_stream_select(stream, names, 2, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_stream_select(stream, names, 2, &err), FLOWBD3_ERROR_STATE);
    ck_assert_int_eq(flowbd3_table_stream_columns(stream, &columns, &err), FLOWBD3_OK);
    assert_same_columns(columns, chosen);
    assert_slices(stream, chosen, 999);
    flowbd3_table_stream_destroy(&stream);
    ck_assert_int_eq(flowbd3_table_stream_csv(&stream, context, path, NULL, 999, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_stream_next(stream, &chunk, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_stream_select(stream, names, 2, &err), FLOWBD3_ERROR_STATE);
    flowbd3_table_destroy(&chunk);
    flowbd3_table_stream_destroy(&stream);
    flowbd3_table_destroy(&columns);
    flowbd3_table_destroy(&chosen);
    flowbd3_table_destroy(&whole);
}
END_TEST

/* ---- chunks of a callback ---------------------------------------------------------------------- */

/* Tables of rows[parts] rows; the one at `other` has another column, that at `fails` does not come. */
typedef struct parts {
    size_t next;
    int other, fails, released;
    flowbd3_type type;
} parts;

static const size_t part_rows[] = {0, 3, 0, 0, 5, 1};

static flowbd3_status next_part(void *user, flowbd3_table **chunk, flowbd3_error *error) {
    static const double values[5] = {0.5, 1, 2, 3, 4};
    static const int64_t integers[5] = {1, 2, 3, 4, 5};
    parts *p = user;
    if (p->next == FB3_COUNT(part_rows))
        return FLOWBD3_OK;
    if ((int)p->next == p->fails)
        return fb3_fail(error, FLOWBD3_ERROR_IO, "the line is down");
    size_t rows = part_rows[p->next];
    bool other = (int)p->next++ == p->other;
    ck_assert_int_eq(flowbd3_table_create(chunk, context, error), FLOWBD3_OK);
    const char *name = other && p->type == FLOWBD3_TYPE_REAL ? "y" : "x";
    return other && p->type == FLOWBD3_TYPE_INTEGER
               ? flowbd3_table_add_integer(*chunk, name, integers, NULL, rows, error)
               : flowbd3_table_add_real(*chunk, name, values, NULL, rows, error);
}

static flowbd3_status rewind_parts(void *user, flowbd3_error *error) {
    (void)error;
    ((parts *)user)->next = 0;
    return FLOWBD3_OK;
}

static void release_parts(void *user) {
    ((parts *)user)->released++;
}

static flowbd3_table_stream *stream_of(parts *p) {
    flowbd3_table_stream *stream = NULL;
    flowbd3_table_source source = FLOWBD3_TABLE_SOURCE_INIT;
    source.user = p;
    source.next = next_part;
    source.rewind = rewind_parts;
    source.release = release_parts;
    ck_assert_int_eq(flowbd3_table_stream_create(&stream, context, &source, &err), FLOWBD3_OK);
    return stream;
}

START_TEST(a_callback_gives_chunks) {
    parts p = {.other = -1, .fails = -1};
    flowbd3_table_stream *stream = stream_of(&p);
    flowbd3_table *columns, *chunk;
    ck_assert_uint_eq(flowbd3_table_stream_rows(stream), 0);
    ck_assert_int_eq(flowbd3_table_stream_columns(stream, &columns, &err), FLOWBD3_OK);
    ck_assert_str_eq(flowbd3_table_name(columns, 0), "x");
    flowbd3_table_destroy(&columns);
    for (int pass = 0; pass < 2; pass++) {
        static const size_t rows[] = {3, 5, 1}; /* none without a row */
        for (size_t i = 0; i < FB3_COUNT(rows); i++) {
            ck_assert_int_eq(flowbd3_table_stream_next(stream, &chunk, &err), FLOWBD3_OK);
            ck_assert_uint_eq(flowbd3_table_rows(chunk), rows[i]);
            flowbd3_table_destroy(&chunk);
        }
        ck_assert_int_eq(flowbd3_table_stream_next(stream, &chunk, &err), FLOWBD3_OK);
        ck_assert_ptr_null(chunk);
        ck_assert_uint_eq(flowbd3_table_stream_rows(stream), 9);
        ck_assert_int_eq(flowbd3_table_stream_rewind(stream, &err), FLOWBD3_OK);
    }
    ck_assert_int_eq(p.released, 0);
    flowbd3_table_stream_destroy(&stream);
    flowbd3_table_stream_destroy(&stream);
    ck_assert_int_eq(p.released, 1);
}
END_TEST

static void read_until(flowbd3_table_stream *stream, flowbd3_status expected) {
    flowbd3_table *chunk = NULL;
    flowbd3_status status = FLOWBD3_OK;
    for (int i = 0; i < 10 && status == FLOWBD3_OK; i++) {
        flowbd3_table_destroy(&chunk);
        status = flowbd3_table_stream_next(stream, &chunk, &err);
    }
    ck_assert_int_eq(status, expected);
    ck_assert_ptr_null(chunk);
}

START_TEST(a_chunk_of_other_columns_is_refused) {
    static const flowbd3_type types[] = {FLOWBD3_TYPE_REAL, FLOWBD3_TYPE_INTEGER};
    static const char *const messages[] = {"is 'y', expected 'x'", "is integer, expected real"};
    for (int i = 0; i < 2; i++) {
        parts p = {.other = 4, .fails = -1, .type = types[i]};
        flowbd3_table_stream *stream = stream_of(&p);
        read_until(stream, FLOWBD3_ERROR_SCHEMA);
        ck_assert_msg(strstr(err.message, messages[i]) != NULL, "%s", err.message);
        ck_assert_ptr_nonnull(strstr(err.message, "from row 4 on"));
        flowbd3_table_stream_destroy(&stream);
    }
}
END_TEST

START_TEST(a_callback_that_fails_midway) {
    parts p = {.other = -1, .fails = 4};
    flowbd3_table_stream *stream = stream_of(&p);
    read_until(stream, FLOWBD3_ERROR_IO);
    ck_assert_str_eq(err.message, "the line is down");
    read_until(stream, FLOWBD3_ERROR_STATE);
    p.fails = -1;
    ck_assert_int_eq(flowbd3_table_stream_rewind(stream, &err), FLOWBD3_OK);
    read_until(stream, FLOWBD3_OK);
    ck_assert_uint_eq(flowbd3_table_stream_rows(stream), 9);
    flowbd3_table_stream_destroy(&stream);
}
END_TEST

START_TEST(sources_without_rows_or_functions) {
    parts p = {.next = FB3_COUNT(part_rows), .other = -1, .fails = -1};
    flowbd3_table_stream *stream = stream_of(&p);
    flowbd3_table *columns;
    ck_assert_int_eq(flowbd3_table_stream_columns(stream, &columns, &err), FLOWBD3_ERROR_FORMAT);
    ck_assert_ptr_null(columns);
    flowbd3_table_stream_destroy(&stream);
    flowbd3_table_source source = FLOWBD3_TABLE_SOURCE_INIT;
    ck_assert_int_eq(flowbd3_table_stream_create(&stream, context, &source, &err), FLOWBD3_ERROR_ARGUMENT);
    source.next = next_part;
    ck_assert_int_eq(flowbd3_table_stream_create(&stream, context, &source, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.message, "rewind"));
    ck_assert_int_eq(flowbd3_table_stream_create(&stream, context, NULL, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(flowbd3_table_stream_next(NULL, &columns, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(flowbd3_table_stream_rewind(NULL, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_uint_eq(flowbd3_table_stream_rows(NULL), 0);
    flowbd3_table_source set;
    ck_assert_int_eq(flowbd3_table_source_init(&set, sizeof set), FLOWBD3_OK);
    flowbd3_table_source same = FLOWBD3_TABLE_SOURCE_INIT;
    ck_assert_mem_eq(&set, &same, sizeof set);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("stream");
    TCase *tests = tcase_create("stream");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, start, stop);
    tcase_add_test(tests, chunks_are_slices_of_the_whole);
    tcase_add_test(tests, pieces_end_inside_records);
    tcase_add_test(tests, options_count_as_for_a_whole_file);
    tcase_add_test(tests, errors_are_those_of_a_whole_file);
    tcase_add_test(tests, a_file_that_changes_is_refused);
    tcase_add_test(tests, columns_are_selected);
    tcase_add_test(tests, a_callback_gives_chunks);
    tcase_add_test(tests, a_chunk_of_other_columns_is_refused);
    tcase_add_test(tests, a_callback_that_fails_midway);
    tcase_add_test(tests, sources_without_rows_or_functions);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
