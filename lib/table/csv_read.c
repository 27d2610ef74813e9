/* CSV files read into tables.
 *
 * One reading is enough unless a column turns out categorical after numbers, of which the text is gone: such
 * columns are filled by a second one. */
#include "table/csv_reader.h"

static flowbd3_status read_once(fb3_csv_reader *r) {
    flowbd3_status status = fb3_csv_reader_start(r);
    while (status == FLOWBD3_OK && r->parsing)
        status = fb3_csv_reader_advance(r);
    return status;
}

static flowbd3_status finish_reading(fb3_csv_reader *r, size_t *again) {
    *again = 0;
    for (size_t i = 0; i < r->n_columns; i++) {
        flowbd3_status status = fb3_csv_column_finish(&r->columns[i], r->context, r->rows, r->err);
        if (status != FLOWBD3_OK)
            return status;
        *again += r->columns[i].again;
    }
    return FLOWBD3_OK;
}

static flowbd3_status read_again(fb3_csv_reader *r) {
    size_t again;
    for (size_t i = 0; i < r->n_columns; i++)
        r->columns[i].again = false;
    r->second = true;
    r->expected_rows = r->rows;
    flowbd3_status status = read_once(r);
    return status == FLOWBD3_OK ? finish_reading(r, &again) : status;
}

static flowbd3_status make_table(fb3_csv_reader *r, flowbd3_table **out) {
    flowbd3_status status = flowbd3_table_create(out, r->context, r->err);
    for (size_t i = 0; i < r->n_columns && status == FLOWBD3_OK; i++)
        status = fb3_table_adopt(*out, &r->columns[i].column, r->rows, r->err);
    if (status != FLOWBD3_OK)
        flowbd3_table_destroy(out);
    return status;
}

static flowbd3_status read_table(fb3_csv_reader *r, flowbd3_table **out) {
    size_t again = 0;
    flowbd3_status status = read_once(r);
    if (status == FLOWBD3_OK)
        status = finish_reading(r, &again);
    if (status == FLOWBD3_OK)
        status = fb3_csv_reader_check_nonfinite(r);
    if (status == FLOWBD3_OK && again != 0)
        status = read_again(r);
    return status == FLOWBD3_OK ? make_table(r, out) : status;
}

static flowbd3_status read_source(flowbd3_table **out, flowbd3_context *context, fb3_csv_source *source,
                                  const flowbd3_csv_options *options, flowbd3_error *err) {
    fb3_csv_reader r = {.context = context, .options = options, .err = err, .source = *source};
    flowbd3_status status = read_table(&r, out);
    fb3_csv_reader_release(&r);
    return status;
}

flowbd3_status flowbd3_table_read_csv(flowbd3_table **out, flowbd3_context *context, const char *path,
                                      const flowbd3_csv_options *options, flowbd3_error *err) {
    if (out != NULL)
        *out = NULL;
    if (out == NULL || context == NULL || path == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_table_read_csv: out, context or path is NULL");
    flowbd3_csv_options taken;
    fb3_csv_source source;
    flowbd3_status status = fb3_csv_options_take(&taken, options, err);
    if (status == FLOWBD3_OK)
        status = fb3_csv_source_open(&source, context, path, err);
    if (status != FLOWBD3_OK)
        return status;
    status = read_source(out, context, &source, &taken, err);
    fb3_csv_name_the_file(err, status, path);
    return status;
}

flowbd3_status flowbd3_table_parse_csv(flowbd3_table **out, flowbd3_context *context, const char *text,
                                       size_t size, const flowbd3_csv_options *options, flowbd3_error *err) {
    if (out != NULL)
        *out = NULL;
    if (out == NULL || context == NULL || (text == NULL && size != 0))
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_table_parse_csv: out, context or text is NULL");
    flowbd3_csv_options taken;
    flowbd3_status status = fb3_csv_options_take(&taken, options, err);
    if (status != FLOWBD3_OK)
        return status;
    fb3_csv_source source = {
        .context = context, .text = text != NULL ? text : "", .size = size, .descriptor = -1};
    return read_source(out, context, &source, &taken, err);
}
