/* Any bytes as CSV, under options taken from the first two: a table or an error; and a table that is written
 * reads back equal. */
#include "../unit/compare_tables.h"
#include "fuzz.h"

#include <unistd.h>

static void round_trip(flowbd3_context *context, const flowbd3_table *t, flowbd3_csv_options o) {
    char path[] = "/tmp/flowbd3-fuzz-XXXXXX";
    flowbd3_error err = {0};
    int descriptor = mkstemp(path);
    check(descriptor >= 0);
    (void)close(descriptor);
    flowbd3_column_type *types = calloc(flowbd3_table_columns(t), sizeof *types);
    check(types != NULL);
    for (size_t i = 0; i < flowbd3_table_columns(t); i++)
        types[i] = (flowbd3_column_type){flowbd3_table_name(t, i), flowbd3_table_type(t, i)};
    o.types = types;
    o.n_types = flowbd3_table_columns(t);
    o.max_rows = 0;
    flowbd3_table *back;
    check(flowbd3_table_write_csv(t, path, &o, &err) == FLOWBD3_OK);
    check(flowbd3_table_read_csv(&back, context, path, &o, &err) == FLOWBD3_OK);
    check(same_tables(t, back));
    flowbd3_table_destroy(&back);
    free(types);
    (void)unlink(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char delimiters[] = ",;\t| :,,", quotes[] = "\"'\"\"";
    static const char *const missing[] = {"NA", "-"};
    if (size < 2)
        return 0;
    flowbd3_csv_options o = FLOWBD3_CSV_OPTIONS_INIT;
    o.delimiter = delimiters[data[0] & 7];
    o.quote = quotes[data[0] >> 3 & 3];
    o.header = data[0] & 0x20 ? FLOWBD3_CSV_HEADER_NO : FLOWBD3_CSV_HEADER_YES;
    o.nonfinite = (flowbd3_csv_nonfinite)((data[0] >> 6) % 3);
    o.missing = missing;
    o.n_missing = data[1] & 1 ? 2 : 0;
    o.max_rows = data[1] & 2 ? 3 : 0;
    flowbd3_context *context = fuzz_context();
    flowbd3_error err = {0};
    flowbd3_table *t;
    flowbd3_status status = flowbd3_table_parse_csv(&t, context, (const char *)data + 2, size - 2, &o, &err);
    if (status != FLOWBD3_OK)
        check_error(status, &err);
    else if (data[1] & 4)
        round_trip(context, t, o);
    flowbd3_table_destroy(&t);
    flowbd3_context_destroy(&context);
    return 0;
}
