/* The n-th allocation fails, for every n: a status, nothing leaked, nothing half made. */
#include "compare_tables.h"
#include "counted.h"
#include "table/arrow.h"
#include "table/table.h"
#include "test_main.h"

#include <flowbd3/stream.h>

#include <stdio.h>
#include <unistd.h>

typedef flowbd3_status (*step)(flowbd3_context *context, flowbd3_table *table);

static flowbd3_status build(flowbd3_context *context, flowbd3_table *table) {
    static const double rate[] = {0.5, 1.25};
    static const int32_t codes[] = {0, 1};
    static const char *const names[] = {"a", "b"}, *const hosts[] = {"::1", "10.0.0.1"};
    static const int64_t times[] = {0, 1500000000};
    (void)table;
    flowbd3_table *t;
    flowbd3_status status = flowbd3_table_create(&t, context, NULL);
    if (status == FLOWBD3_OK)
        status = flowbd3_table_add_real(t, "r", rate, NULL, 2, NULL);
    if (status == FLOWBD3_OK)
        status = flowbd3_table_add_categorical(t, "k", names, 2, NULL);
    if (status == FLOWBD3_OK)
        status = flowbd3_table_add_codes(t, "d", codes, NULL, 2, names, 2, NULL);
    if (status == FLOWBD3_OK)
        status = flowbd3_table_add_timestamp(t, "t", times, NULL, 2, NULL);
    if (status == FLOWBD3_OK)
        status = flowbd3_table_add_address(t, "h", hosts, 2, NULL);
    flowbd3_table_destroy(&t);
    return status;
}

static flowbd3_status split(flowbd3_context *context, flowbd3_table *table) {
    (void)context;
    flowbd3_table *a, *b;
    flowbd3_status status = flowbd3_table_split(&a, &b, table, 0.5, 1, NULL);
    if (status == FLOWBD3_OK)
        status = flowbd3_table_append(a, b, NULL);
    flowbd3_table_destroy(&a);
    flowbd3_table_destroy(&b);
    return status;
}

/* A second reading, missing cells, and all types. */
static flowbd3_status read_text(flowbd3_context *context, flowbd3_table *table) {
    static const char text[] = "i,r,k,late,none,t,h,not\n"
                               "1,0.5,a,1,,2011-08-17 12:01:33,::1,FE80::1\n"
                               ",2,b,2,,,,2\n"
                               "3,,,x,,2011-08-17 12:01:33.5,10.0.0.1,x\n";
    (void)table;
    flowbd3_table *t;
    flowbd3_status status = flowbd3_table_parse_csv(&t, context, text, sizeof text - 1, NULL, NULL);
    flowbd3_table_destroy(&t);
    return status;
}

static flowbd3_status write_and_read(flowbd3_context *context, flowbd3_table *table) {
    static const char path[] = "flowbd3-table-memory.csv";
    flowbd3_table *t = NULL;
    flowbd3_status status = flowbd3_table_write_csv(table, path, NULL, NULL);
    if (status == FLOWBD3_OK)
        status = flowbd3_table_read_csv(&t, context, path, NULL, NULL);
    (void)unlink(path);
    flowbd3_table_destroy(&t);
    return status;
}

static flowbd3_status through_arrow(flowbd3_context *context, flowbd3_table *table) {
    struct ArrowSchema schema;
    struct ArrowArray array;
    flowbd3_table *t = NULL;
    flowbd3_status status = flowbd3_table_export_arrow(table, &schema, &array, NULL);
    if (status != FLOWBD3_OK)
        return status;
    status = flowbd3_table_import_arrow(&t, context, &schema, &array, NULL);
    if (status != FLOWBD3_OK) {
        schema.release(&schema);
        array.release(&array);
    }
    flowbd3_table_destroy(&t);
    return status;
}

/* A column that turns categorical, and chunks of one row. */
static flowbd3_status stream_file(flowbd3_context *context, flowbd3_table *table) {
    static const char path[] = "flowbd3-table-memory-stream.csv", *const names[] = {"late", "r"};
    static const char *const missing[] = {"-"};
    (void)table;
    FILE *file = fopen(path, "wb");
    (void)fputs("r,late,h\n1,2,::1\n-,x,\n0.5,3,10.0.0.1\n", file);
    (void)fclose(file);
    flowbd3_csv_options options = FLOWBD3_CSV_OPTIONS_INIT;
    options.missing = missing;
    options.n_missing = 1;
    flowbd3_table_stream *stream;
    flowbd3_table *chunk = NULL;
    flowbd3_status status = flowbd3_table_stream_csv(&stream, context, path, &options, 1, NULL);
    if (status == FLOWBD3_OK)
        status = flowbd3_table_stream_select(stream, names, 2, NULL);
    for (int i = 0; i < 4 && status == FLOWBD3_OK; i++) {
        flowbd3_table_destroy(&chunk);
        status = flowbd3_table_stream_next(stream, &chunk, NULL);
    }
    flowbd3_table_stream_destroy(&stream);
    flowbd3_table_destroy(&chunk);
    (void)unlink(path);
    return status;
}

static const step steps[] = {build, split, read_text, write_and_read, through_arrow, stream_file};

START_TEST(every_allocation_fails_once) {
    static const char text[] = "i,r,k,t,h\n1,0.5,a,2011-08-17 12:01:33,::1\n,2,b,,\n3,,,,::1\n"
                               "4,1,\"c,\",2011-08-17 12:01:33.5,10.0.0.1\n";
    counted l = {.left = -1};
    flowbd3_context *context = counted_context(&l);
    flowbd3_table *t, *same;
    ck_assert_int_eq(flowbd3_table_parse_csv(&t, context, text, sizeof text - 1, NULL, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_slice(&same, t, 0, 4, NULL), FLOWBD3_OK);
    long alive = l.blocks;
    long n = 0;
    flowbd3_status status = FLOWBD3_ERROR_MEMORY;
    for (; status != FLOWBD3_OK; n++) {
        ck_assert_int_lt(n, 1000);
        l.left = n;
        status = steps[_i](context, t);
        ck_assert(status == FLOWBD3_OK || status == FLOWBD3_ERROR_MEMORY);
        l.left = -1;
        ck_assert_int_eq(l.blocks, alive);
        ck_assert(same_tables(t, same));
    }
    ck_assert_int_gt(n, 5);
    flowbd3_table_destroy(&t);
    flowbd3_table_destroy(&same);
    flowbd3_context_destroy(&context);
    ck_assert_int_eq(l.blocks, 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("table_memory");
    TCase *tests = tcase_create("table_memory");
    tcase_add_loop_test(tests, every_allocation_fails_once, 0, (int)FB3_COUNT(steps));
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
