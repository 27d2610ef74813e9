/* CSV in and out: dialects, types, missing cells, errors with their place. */
#include "base/base.h"
#include "compare_tables.h"
#include "test_main.h"

#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static flowbd3_context *context;
static flowbd3_error err;
static char directory[] = "/tmp/flowbd3-csv-XXXXXX";

static void start(void) {
    memset(&err, 0, sizeof err);
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(flowbd3_context_create(&context, NULL, &err), FLOWBD3_OK);
}

static void stop(void) {
    flowbd3_context_destroy(&context);
    ck_assert_int_eq(rmdir(directory), 0);
}

static const char *path_to(const char *name) {
    static char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

/* The table of a text that must be well formed. */
static flowbd3_table *parse(const char *text, const flowbd3_csv_options *options) {
    flowbd3_table *t;
    flowbd3_status status = flowbd3_table_parse_csv(&t, context, text, strlen(text), options, &err);
    ck_assert_msg(status == FLOWBD3_OK, "%s: %s", text, err.message);
    return t;
}

static void refuse(const char *text, const flowbd3_csv_options *options, flowbd3_status expected, int64_t row,
                   int64_t column) {
    flowbd3_table *t = NULL;
    memset(&err, 0, sizeof err);
    ck_assert_int_eq(flowbd3_table_parse_csv(&t, context, text, strlen(text), options, &err), expected);
    ck_assert_ptr_null(t);
    ck_assert_int_eq(err.status, expected);
    ck_assert_msg(err.row == row && err.column == column, "%s (%lld, %lld)", err.message, (long long)err.row,
                  (long long)err.column);
}

/* The file that the table is written as. */
static char *written(const flowbd3_table *t, const flowbd3_csv_options *options) {
    char *text;
    size_t size;
    const char *path = path_to("written.csv");
    ck_assert_int_eq(flowbd3_table_write_csv(t, path, options, &err), FLOWBD3_OK);
    ck_assert_int_eq(fb3_file_read(&text, &size, context, path, &err), FLOWBD3_OK);
    ck_assert_int_eq(unlink(path), 0);
    return text;
}

static void expect_written(const char *text, const char *expected, const flowbd3_csv_options *options) {
    flowbd3_table *t = parse(text, options);
    char *back = written(t, options);
    ck_assert_str_eq(back, expected);
    fb3_release(context, back);
    flowbd3_table_destroy(&t);
}

START_TEST(types_are_inferred) {
    static const struct {
        const char *cells;
        flowbd3_type type;
        int decimals;
    } cases[] = {
        {"1\n-2\n0\n", FLOWBD3_TYPE_INTEGER, 0},
        {"9223372036854775807\n-9223372036854775808\n", FLOWBD3_TYPE_INTEGER, 0},
        {"9223372036854775808\n", FLOWBD3_TYPE_REAL, -1},
        {"1\n+5\n", FLOWBD3_TYPE_REAL, 1},
        {"1\n2.50\n", FLOWBD3_TYPE_REAL, 2},
        {"-0\n", FLOWBD3_TYPE_REAL, 1},
        {".5\n5.\n", FLOWBD3_TYPE_REAL, 1},
        {"1e3\n", FLOWBD3_TYPE_REAL, 1},
        {"2.5e-05\n0.1\n", FLOWBD3_TYPE_REAL, 6},
        {"12.5E1\n", FLOWBD3_TYPE_REAL, 1},
        {"1e-30\n", FLOWBD3_TYPE_REAL, -1},
        {"1e30\n", FLOWBD3_TYPE_REAL, -1},
        {"0.1234567890123456789\n", FLOWBD3_TYPE_REAL, -1},
        {"0.00000000000000012\n", FLOWBD3_TYPE_REAL, 17},
        {"123456789012345678\n1.5\n", FLOWBD3_TYPE_REAL, -1},
        {"1.5\n123456789012345678\n", FLOWBD3_TYPE_REAL, -1},
        {"007\n8\n", FLOWBD3_TYPE_CATEGORICAL, 0},
        {"00.5\n", FLOWBD3_TYPE_CATEGORICAL, 0},
        {"-01\n", FLOWBD3_TYPE_CATEGORICAL, 0},
        {"1\n0x1f\n", FLOWBD3_TYPE_CATEGORICAL, 0},
        {"1\n1.5\ntcp\n", FLOWBD3_TYPE_CATEGORICAL, 0},
        {"1e400\n", FLOWBD3_TYPE_CATEGORICAL, 0},
        {"-\n", FLOWBD3_TYPE_CATEGORICAL, 0},
        {".\n", FLOWBD3_TYPE_CATEGORICAL, 0},
        {"1 2\n", FLOWBD3_TYPE_CATEGORICAL, 0},
        {"\"\"\n\"\"\n", FLOWBD3_TYPE_REAL, 1},
        {"nan\nNaN\n-inf\n", FLOWBD3_TYPE_REAL, 1},
        {"nan\n1\n", FLOWBD3_TYPE_INTEGER, 0},
    };
    for (size_t i = 0; i < FB3_COUNT(cases); i++) {
        char text[128];
        (void)snprintf(text, sizeof text, "x\n%s", cases[i].cells);
        flowbd3_table *t = parse(text, NULL);
        ck_assert_msg(flowbd3_table_type(t, 0) == cases[i].type, "%s: type %d", cases[i].cells,
                      (int)flowbd3_table_type(t, 0));
        ck_assert_msg(flowbd3_table_decimals(t, 0) == cases[i].decimals, "%s: %d decimals", cases[i].cells,
                      flowbd3_table_decimals(t, 0));
        flowbd3_table_destroy(&t);
    }
}
END_TEST

START_TEST(cells_are_read) {
    flowbd3_table *t = parse("\xef\xbb\xbfid, name ,\"rate, in s\"\r\n"
                             "1,  tcp ,0.5\r\n"
                             "\r\n"
                             "2,\" a \"\"b\"\"\r\nc\",\r\n"
                             ",,1e2",
                             NULL);
    ck_assert_uint_eq(flowbd3_table_rows(t), 3);
    ck_assert_str_eq(flowbd3_table_name(t, 0), "id");
    ck_assert_str_eq(flowbd3_table_name(t, 1), "name");
    ck_assert_str_eq(flowbd3_table_name(t, 2), "rate, in s");
    ck_assert_str_eq(text_of(t, 0, 1), "tcp");
    ck_assert_str_eq(text_of(t, 1, 1), " a \"b\"\r\nc");
    ck_assert_uint_eq(flowbd3_table_missing(t, 0), 1);
    ck_assert_int_eq(flowbd3_table_codes(t, 1)[2], -1);
    ck_assert(isnan(flowbd3_table_real(t, 2)[1]));
    ck_assert_double_eq(flowbd3_table_real(t, 2)[2], 100.0);
    flowbd3_table_destroy(&t);
}
END_TEST

START_TEST(late_text_takes_a_second_reading) {
    fb3_buffer text = {.context = context};
    fb3_buffer_append(&text, "port,n,v\n", 9);
    enum { ROWS = 50000 };
    char line[64];
    for (int i = 0; i < ROWS; i++) {
        int size =
            snprintf(line, sizeof line, "%s%d,%d,%d.%d\n", i == ROWS - 5 ? "0x" : "", i % 100, i, i, i % 10);
        fb3_buffer_append(&text, line, (size_t)size);
    }
    /* From a file, so that it is rewound; and with nothing but "nan" before the text. */
    const char *path = path_to("ports.csv");
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(text.data, 1, text.size, file), text.size);
    ck_assert_int_eq(fclose(file), 0);
    fb3_buffer_release(&text);
    flowbd3_table *t;
    ck_assert_int_eq(flowbd3_table_read_csv(&t, context, path, NULL, &err), FLOWBD3_OK);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_uint_eq(flowbd3_table_rows(t), ROWS);
    ck_assert_int_eq(flowbd3_table_type(t, 0), FLOWBD3_TYPE_CATEGORICAL);
    ck_assert_uint_eq(flowbd3_table_categories(t, 0), 101);
    ck_assert_str_eq(text_of(t, 7, 0), "7");
    ck_assert_str_eq(text_of(t, ROWS - 5, 0), "0x95");
    ck_assert_int_eq(flowbd3_table_integer(t, 1)[ROWS - 1], ROWS - 1);
    ck_assert_double_eq(flowbd3_table_real(t, 2)[ROWS - 1], ROWS - 1 + 0.9);
    flowbd3_table_destroy(&t);
    t = parse("a,b\nnan,1\n,2\nx,3\n", NULL);
    ck_assert_str_eq(text_of(t, 0, 0), "nan");
    ck_assert_uint_eq(flowbd3_table_missing(t, 0), 1);
    ck_assert_int_eq(flowbd3_table_integer(t, 1)[2], 3);
    flowbd3_table_destroy(&t);
}
END_TEST

static void *allocate_dirty(void *user, size_t size) {
    (void)user;
    void *memory = malloc(size);
    return memory != NULL ? memset(memory, 0, size) : NULL;
}

static void *reallocate(void *user, void *memory, size_t size) {
    (void)user;
    return realloc(memory, size);
}

static void release(void *user, void *memory) {
    (void)user;
    free(memory);
}

/* Memory that looks as if every cell were missing. */
START_TEST(the_first_cell_after_missing_ones_is_there) {
    static const char text[] = "a,b,c\n,,\nx,1,1.5\ny,2,2.5\n";
    flowbd3_context_options o = FLOWBD3_CONTEXT_OPTIONS_INIT;
    o.allocator = (flowbd3_allocator){allocate_dirty, reallocate, release, NULL};
    flowbd3_context *dirty;
    flowbd3_table *t;
    ck_assert_int_eq(flowbd3_context_create(&dirty, &o, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_parse_csv(&t, dirty, text, sizeof text - 1, NULL, &err), FLOWBD3_OK);
    for (size_t column = 0; column < 3; column++) {
        const uint8_t *valid = flowbd3_table_valid(t, column);
        ck_assert(!valid[0] && valid[1] && valid[2]);
    }
    flowbd3_table_destroy(&t);
    flowbd3_context_destroy(&dirty);
}
END_TEST

START_TEST(types_given) {
    static const flowbd3_column_type types[] = {{"a", FLOWBD3_TYPE_CATEGORICAL},
                                                {"b", FLOWBD3_TYPE_REAL},
                                                {"c", FLOWBD3_TYPE_INTEGER},
                                                {"d", FLOWBD3_TYPE_REAL},
                                                {"d", FLOWBD3_TYPE_AUTO}};
    flowbd3_csv_options o = FLOWBD3_CSV_OPTIONS_INIT;
    o.types = types;
    o.n_types = 5;
    flowbd3_table *t = parse("a,b,c,d\n1,2,+007,4\n,nan,-0,\n3,,-9223372036854775808,5\n", &o);
    ck_assert_int_eq(flowbd3_table_type(t, 0), FLOWBD3_TYPE_CATEGORICAL);
    ck_assert_str_eq(text_of(t, 2, 0), "3");
    ck_assert_int_eq(flowbd3_table_type(t, 1), FLOWBD3_TYPE_REAL);
    ck_assert_uint_eq(flowbd3_table_missing(t, 1), 2);
    ck_assert_int_eq(flowbd3_table_integer(t, 2)[0], 7);
    ck_assert_int_eq(flowbd3_table_integer(t, 2)[1], 0);
    ck_assert_int_eq(flowbd3_table_integer(t, 2)[2], INT64_MIN);
    ck_assert_int_eq(flowbd3_table_type(t, 3), FLOWBD3_TYPE_INTEGER);
    flowbd3_table_destroy(&t);
    refuse("a,b,c,d\n1,2,3,4\n1,2,3.0,4\n", &o, FLOWBD3_ERROR_FORMAT, 3, 3);
    refuse("a,b,c,d\n1,x,3,4\n", &o, FLOWBD3_ERROR_FORMAT, 2, 2);
    refuse("a,b,c\n1,2,3\n", &o, FLOWBD3_ERROR_ARGUMENT, 0, 0);
    static const flowbd3_column_type numbered[] = {{"c2", FLOWBD3_TYPE_CATEGORICAL}};
    o.types = numbered;
    o.n_types = 1;
    o.header = FLOWBD3_CSV_HEADER_NO;
    t = parse("1,2\n3,4\n", &o);
    ck_assert_uint_eq(flowbd3_table_rows(t), 2);
    ck_assert_str_eq(flowbd3_table_name(t, 0), "c1");
    ck_assert_str_eq(text_of(t, 0, 1), "2");
    flowbd3_table_destroy(&t);
    refuse("1\n2\n", &o, FLOWBD3_ERROR_ARGUMENT, 0, 0);
}
END_TEST

START_TEST(nonfinite_cells) {
    static const char text[] = "a,b\n1,x\n-Infinity,nan\n";
    flowbd3_csv_options o = FLOWBD3_CSV_OPTIONS_INIT;
    flowbd3_table *t = parse(text, &o);
    ck_assert_int_eq(flowbd3_table_type(t, 0), FLOWBD3_TYPE_INTEGER);
    ck_assert_uint_eq(flowbd3_table_missing(t, 0), 1);
    ck_assert_str_eq(text_of(t, 1, 1), "nan");
    flowbd3_table_destroy(&t);
    o.nonfinite = FLOWBD3_CSV_NONFINITE_TEXT;
    t = parse(text, &o);
    ck_assert_str_eq(text_of(t, 0, 0), "1");
    ck_assert_str_eq(text_of(t, 1, 0), "-Infinity");
    flowbd3_table_destroy(&t);
    o.nonfinite = FLOWBD3_CSV_NONFINITE_ERROR;
    refuse(text, &o, FLOWBD3_ERROR_FORMAT, 3, 1);
    refuse("a,b\nnan,1\n,nan\nx,2\n", &o, FLOWBD3_ERROR_FORMAT, 3, 2);
    static const flowbd3_column_type types[] = {{"a", FLOWBD3_TYPE_INTEGER}};
    o.types = types;
    o.n_types = 1;
    refuse(text, &o, FLOWBD3_ERROR_FORMAT, 3, 1);
    o.nonfinite = FLOWBD3_CSV_NONFINITE_TEXT;
    refuse(text, &o, FLOWBD3_ERROR_FORMAT, 3, 1);
}
END_TEST

START_TEST(missing_texts) {
    static const char *const missing[] = {"NA", "-", "\\N"};
    flowbd3_csv_options o = FLOWBD3_CSV_OPTIONS_INIT;
    o.missing = missing;
    o.n_missing = 3;
    flowbd3_table *t = parse("a,b\nNA,\"-\"\n1,x\n,\\N\n", &o);
    ck_assert_int_eq(flowbd3_table_type(t, 0), FLOWBD3_TYPE_INTEGER);
    ck_assert_uint_eq(flowbd3_table_missing(t, 0), 2);
    ck_assert_uint_eq(flowbd3_table_missing(t, 1), 2);
    flowbd3_table_destroy(&t);
}
END_TEST

START_TEST(dialects) {
    static const char delimiters[] = ";\t| :";
    for (const char *d = delimiters; *d != '\0'; d++) {
        flowbd3_csv_options o = FLOWBD3_CSV_OPTIONS_INIT;
        o.delimiter = *d;
        o.quote = '\'';
        char text[64];
        (void)snprintf(text, sizeof text, "a%cb%cc\n%c'x%c''y'%c2\n1%c%c\n", *d, *d, *d, *d, *d, *d, *d);
        flowbd3_table *t = parse(text, &o);
        char value[] = {'x', *d, '\'', 'y', '\0'};
        ck_assert_str_eq(text_of(t, 0, 1), value);
        ck_assert_uint_eq(flowbd3_table_missing(t, 0), 1);
        ck_assert_uint_eq(flowbd3_table_missing(t, 2), 1);
        char *back = written(t, &o);
        ck_assert_str_eq(back, text);
        fb3_release(context, back);
        flowbd3_table_destroy(&t);
    }
}
END_TEST

START_TEST(options_refused) {
    static const char *const no_text[] = {NULL};
    static const flowbd3_column_type no_name[] = {{NULL, FLOWBD3_TYPE_REAL}},
                                     no_type[] = {{"a", (flowbd3_type)7}};
    const flowbd3_csv_options good = FLOWBD3_CSV_OPTIONS_INIT;
    flowbd3_csv_options bad[14];
    for (size_t i = 0; i < FB3_COUNT(bad); i++)
        bad[i] = good;
    bad[0].delimiter = '\n';
    bad[1].delimiter = '5';
    bad[2].delimiter = '"';
    bad[3].quote = ',';
    bad[4].quote = ' ';
    bad[5].delimiter = (char)0xe9;
    bad[6].header = (flowbd3_csv_header)2;
    bad[7].nonfinite = (flowbd3_csv_nonfinite)-1;
    bad[8].n_types = 1;
    bad[9].n_missing = 1;
    bad[10].types = no_name, bad[10].n_types = 1;
    bad[11].types = no_type, bad[11].n_types = 1;
    bad[12].missing = no_text, bad[12].n_missing = 1;
    bad[13].struct_size = 1;
    for (size_t i = 0; i < FB3_COUNT(bad); i++)
        refuse("a\n1\n", &bad[i], FLOWBD3_ERROR_ARGUMENT, 0, 0);
    flowbd3_csv_options made;
    memset(&made, 0xff, sizeof made);
    ck_assert_int_eq(flowbd3_csv_options_init(&made, sizeof made), FLOWBD3_OK);
    ck_assert_mem_eq(&made, &good, sizeof made);
}
END_TEST

START_TEST(bad_files) {
    char path[PATH_MAX], line[256], name[128], text[32];
    (void)snprintf(path, sizeof path, "%s/golden/bad/csv.txt", getenv("FLOWBD3_TEST_DATA"));
    FILE *list = fopen(path, "r");
    ck_assert_ptr_nonnull(list);
    int files = 0;
    while (fgets(line, sizeof line, list) != NULL) {
        long long row, column;
        if (*line == '#' || sscanf(line, "%127s %31s %lld %lld", name, text, &row, &column) != 4)
            continue;
        (void)snprintf(path, sizeof path, "%s/golden/bad/%s", getenv("FLOWBD3_TEST_DATA"), name);
        memset(&err, 0, sizeof err);
        flowbd3_table *t = NULL;
        flowbd3_status status = flowbd3_table_read_csv(&t, context, path, NULL, &err);
        ck_assert_ptr_null(t);
        ck_assert_str_eq(flowbd3_status_name(status) + strlen("FLOWBD3_ERROR_"), text);
        ck_assert_msg(err.row == row && err.column == column, "%s: %s (line %lld, column %lld)", name,
                      err.message, (long long)err.row, (long long)err.column);
        ck_assert_ptr_nonnull(strstr(err.message, "golden/bad"));
        files++;
    }
    fclose(list);
    ck_assert_int_gt(files, 15);
}
END_TEST

START_TEST(unreadable_paths) {
    flowbd3_table *t;
    ck_assert_int_eq(flowbd3_table_read_csv(&t, context, "/nowhere/at/all.csv", NULL, &err),
                     FLOWBD3_ERROR_IO);
    ck_assert_ptr_nonnull(strstr(err.message, "/nowhere/at/all.csv"));
    ck_assert_int_eq(flowbd3_table_read_csv(&t, context, directory, NULL, &err), FLOWBD3_ERROR_IO);
    ck_assert_int_eq(flowbd3_table_read_csv(&t, context, NULL, NULL, &err), FLOWBD3_ERROR_ARGUMENT);
    t = parse("a\n1\n", NULL);
    ck_assert_int_eq(flowbd3_table_write_csv(t, "/nowhere/at/all.csv", NULL, &err), FLOWBD3_ERROR_IO);
    ck_assert_int_eq(flowbd3_table_write_csv(t, "", NULL, &err), FLOWBD3_ERROR_ARGUMENT);
    flowbd3_table_destroy(&t);
}
END_TEST

static void *feed(void *path) {
    FILE *pipe = fopen(path, "wb");
    if (pipe != NULL) {
        (void)fputs("port\n80\nhttp\n", pipe);
        (void)fclose(pipe);
    }
    return NULL;
}

START_TEST(pipe_is_read) {
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s", path_to("pipe"));
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, feed, path), 0);
    flowbd3_table *t;
    ck_assert_int_eq(flowbd3_table_read_csv(&t, context, path, NULL, &err), FLOWBD3_OK);
    pthread_join(thread, NULL);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_str_eq(text_of(t, 0, 0), "80");
    flowbd3_table_destroy(&t);
}
END_TEST

START_TEST(long_cells_and_lines) {
    enum { LONG = 3 << 20 };
    fb3_buffer text = {.context = context};
    fb3_buffer_append(&text, "a,b\n\"", 5);
    ck_assert(fb3_buffer_reserve(&text, LONG));
    memset(text.data + text.size, 'x', LONG);
    text.data[text.size + 17] = '\n';
    text.size += LONG;
    fb3_buffer_append(&text, "\",1\ny,2,3\n", 10);
    flowbd3_table *t = NULL;
    ck_assert_int_eq(flowbd3_table_parse_csv(&t, context, text.data, text.size, NULL, &err),
                     FLOWBD3_ERROR_FORMAT);
    ck_assert_int_eq(err.row, 4);
    text.size -= 3;
    fb3_buffer_append(&text, "\n", 1);
    ck_assert_int_eq(flowbd3_table_parse_csv(&t, context, text.data, text.size, NULL, &err), FLOWBD3_OK);
    ck_assert_uint_eq(strlen(text_of(t, 0, 0)), LONG);
    flowbd3_table_destroy(&t);

    /* An open quote in a large file ends at the limit of a cell. */
    text.size = 0;
    fb3_buffer_append(&text, "a,b\n1,\"", 7);
    ck_assert(fb3_buffer_reserve(&text, (size_t)65 << 20));
    memset(text.data + text.size, 'x', (size_t)65 << 20);
    text.size += (size_t)63 << 20;
    ck_assert_int_eq(flowbd3_table_parse_csv(&t, context, text.data, text.size, NULL, &err),
                     FLOWBD3_ERROR_FORMAT);
    ck_assert_ptr_nonnull(strstr(err.message, "not closed"));
    text.size += (size_t)2 << 20;
    ck_assert_int_eq(flowbd3_table_parse_csv(&t, context, text.data, text.size, NULL, &err),
                     FLOWBD3_ERROR_LIMIT);
    ck_assert_int_eq(err.row, 2);
    ck_assert_int_eq(err.column, 2);
    fb3_buffer_release(&text);
}
END_TEST

START_TEST(first_rows_only) {
    flowbd3_csv_options o = FLOWBD3_CSV_OPTIONS_INIT;
    o.max_rows = 2;
    flowbd3_table *t = parse("a,b\n1,x\n2,y\nnot,read,at all\n", &o);
    ck_assert_uint_eq(flowbd3_table_rows(t), 2);
    ck_assert_int_eq(flowbd3_table_type(t, 0), FLOWBD3_TYPE_INTEGER);
    flowbd3_table_destroy(&t);
}
END_TEST

START_TEST(names_of_columns) {
    flowbd3_table *t = parse(",a,\"\"\n1,2,3\n", NULL);
    ck_assert_str_eq(flowbd3_table_name(t, 0), "c1");
    ck_assert_str_eq(flowbd3_table_name(t, 2), "c3");
    flowbd3_table_destroy(&t);
    t = parse("0,1,2\n5,6,7\n", NULL);
    ck_assert_str_eq(flowbd3_table_name(t, 2), "2");
    ck_assert_uint_eq(flowbd3_table_rows(t), 1);
    flowbd3_table_destroy(&t);
    t = parse("1,2\n5,6\n", NULL);
    ck_assert_str_eq(flowbd3_table_name(t, 1), "2");
    flowbd3_table_destroy(&t);
    refuse("6,80,443\n17,53,9\n", NULL, FLOWBD3_ERROR_FORMAT, 1, 1);
}
END_TEST

START_TEST(writing_is_the_inverse) {
    static const char *const texts[] = {
        "a,b\n1,x\n,y\n3,\n",
        "a\n\"\"\n1\n",
        "\" a\",\"b,c\"\n\"x\ny\",\" z\"\n\"say \"\"hi\"\"\",\"tab\t\"\n",
        "v\n0.50\n1.25\n-3.00\n",
        "v\n1.5\n2.0\n",
        "\"\xef\xbb\xbfodd\"\n1\n",
        "code\n007\n010\n",
        "r\n1.5e-20\n3.0\n",
    };
    for (size_t i = 0; i < FB3_COUNT(texts); i++)
        expect_written(texts[i], texts[i], NULL);
    expect_written("v\n1\n2.5e-3\n", "v\n1.0000\n0.0025\n", NULL);
    expect_written("v\n9007199254740993\n0.5\n", "v\n9007199254740992.0\n0.5\n", NULL);
    flowbd3_csv_options o = FLOWBD3_CSV_OPTIONS_INIT;
    o.header = FLOWBD3_CSV_HEADER_NO;
    expect_written("1,x\n2,y\n", "1,x\n2,y\n", &o);
}
END_TEST

/* Real columns keep their values to the last bit, and their type, whatever the digits. */
START_TEST(reals_read_back) {
    static const double values[] = {0.1,
                                    1.0 / 3.0,
                                    5e-324,
                                    1.7976931348623157e308,
                                    -0.0,
                                    123456789.123456789,
                                    9007199254740993.0,
                                    1e15,
                                    1e16,
                                    4503599627370497.5,
                                    2.0,
                                    1e22};
    for (int whole = 0; whole < 2; whole++) {
        flowbd3_table *t, *back;
        flowbd3_table_create(&t, context, NULL);
        const double *first = whole ? values + 10 : values;
        ck_assert_int_eq(flowbd3_table_add_real(t, "v", first, NULL, whole ? 1 : 12, &err), FLOWBD3_OK);
        if (whole)
            flowbd3_table_set_decimals(t, 0, -1, NULL);
        char *text = written(t, NULL);
        back = parse(text, NULL);
        ck_assert(same_tables(t, back));
        fb3_release(context, text);
        flowbd3_table_destroy(&back);
        flowbd3_table_destroy(&t);
    }
}
END_TEST

START_TEST(decimals_set_are_printed) {
    flowbd3_table *t = parse("v\n1.256\n-0.004\n", NULL);
    flowbd3_table_set_decimals(t, 0, 2, NULL);
    char *text = written(t, NULL);
    ck_assert_str_eq(text, "v\n1.26\n-0.00\n");
    fb3_release(context, text);
    flowbd3_table_set_decimals(t, 0, 0, NULL);
    text = written(t, NULL);
    ck_assert_str_eq(text, "v\n1\n-0\n");
    fb3_release(context, text);
    flowbd3_table_destroy(&t);
}
END_TEST

START_TEST(writer_by_pieces) {
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s", path_to("pieces.csv"));
    flowbd3_table *t = parse("a,b\n1,x\n2,\n3,z\n", NULL), *piece, *other = parse("a,c\n1,x\n", NULL), *back;
    flowbd3_csv_writer *w;
    ck_assert_int_eq(flowbd3_csv_writer_create(&w, context, path, NULL, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_csv_writer_commit(w, &err), FLOWBD3_ERROR_STATE);
    for (size_t row = 0; row < 3; row++) {
        flowbd3_table_slice(&piece, t, row, 1, NULL);
        ck_assert_int_eq(flowbd3_csv_writer_write(w, piece, &err), FLOWBD3_OK);
        flowbd3_table_destroy(&piece);
    }
    ck_assert_int_eq(flowbd3_csv_writer_write(w, other, &err), FLOWBD3_ERROR_SCHEMA);
    ck_assert_int_eq(access(path, F_OK), -1);
    ck_assert_int_eq(flowbd3_csv_writer_commit(w, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_csv_writer_commit(w, &err), FLOWBD3_ERROR_STATE);
    ck_assert_int_eq(flowbd3_csv_writer_write(w, t, &err), FLOWBD3_ERROR_STATE);
    flowbd3_csv_writer_destroy(&w);
    ck_assert_ptr_null(w);
    ck_assert_int_eq(flowbd3_table_read_csv(&back, context, path, NULL, &err), FLOWBD3_OK);
    ck_assert(same_tables(t, back));
    ck_assert_int_eq(unlink(path), 0);
    flowbd3_table_destroy(&back);

    /* Without commit nothing is left. */
    ck_assert_int_eq(flowbd3_csv_writer_create(&w, context, path, NULL, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_csv_writer_write(w, t, &err), FLOWBD3_OK);
    flowbd3_csv_writer_destroy(&w);
    flowbd3_table_destroy(&other);
    flowbd3_table_destroy(&t);
}
END_TEST

static int cancel_at(void *user, const flowbd3_progress *progress) {
    ck_assert_str_ne(progress->stage, "");
    return progress->done >= *(uint64_t *)user;
}

START_TEST(cancelled) {
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s", path_to("cancelled.csv"));
    uint64_t limit = 1;
    flowbd3_csv_options o = FLOWBD3_CSV_OPTIONS_INIT;
    o.progress = cancel_at;
    o.progress_user = &limit;
    refuse("a\n1\n2\n", &o, FLOWBD3_CANCELLED, 0, 0);
    flowbd3_table *t = parse("a\n1\n2\n", NULL);
    ck_assert_int_eq(flowbd3_table_write_csv(t, path, &o, &err), FLOWBD3_CANCELLED);
    ck_assert_int_eq(access(path, F_OK), -1);
    limit = 1000;
    ck_assert_int_eq(flowbd3_table_write_csv(t, path, &o, &err), FLOWBD3_OK);
    ck_assert_int_eq(unlink(path), 0);
    flowbd3_table_destroy(&t);
}
END_TEST

/* A file system that takes no more: the error is told, and no part of a file is left. */
START_TEST(disk_full) {
    static int64_t numbers[100000];
    flowbd3_table *t;
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s", path_to("full.csv"));
    flowbd3_table_create(&t, context, NULL);
    flowbd3_table_add_integer(t, "n", numbers, NULL, 100000, NULL);
    struct rlimit before, little;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    little = before;
    little.rlim_cur = 65536;
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &little), 0);
    flowbd3_status status = flowbd3_table_write_csv(t, path, NULL, &err);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    ck_assert_int_eq(status, FLOWBD3_ERROR_IO);
    ck_assert_ptr_nonnull(strstr(err.message, "full.csv"));
    flowbd3_table_destroy(&t);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("csv");
    TCase *tests = tcase_create("csv");
    tcase_add_checked_fixture(tests, start, stop);
    tcase_add_test(tests, types_are_inferred);
    tcase_add_test(tests, cells_are_read);
    tcase_add_test(tests, late_text_takes_a_second_reading);
    tcase_add_test(tests, the_first_cell_after_missing_ones_is_there);
    tcase_add_test(tests, types_given);
    tcase_add_test(tests, nonfinite_cells);
    tcase_add_test(tests, missing_texts);
    tcase_add_test(tests, dialects);
    tcase_add_test(tests, options_refused);
    tcase_add_test(tests, bad_files);
    tcase_add_test(tests, unreadable_paths);
    tcase_add_test(tests, pipe_is_read);
    tcase_add_test(tests, long_cells_and_lines);
    tcase_add_test(tests, first_rows_only);
    tcase_add_test(tests, names_of_columns);
    tcase_add_test(tests, writing_is_the_inverse);
    tcase_add_test(tests, reals_read_back);
    tcase_add_test(tests, decimals_set_are_printed);
    tcase_add_test(tests, writer_by_pieces);
    tcase_add_test(tests, cancelled);
    tcase_add_test(tests, disk_full);
    tcase_set_timeout(tests, 30);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
