/* CSV files written table by table. */
#include "table/csv.h"

#include <math.h>
#include <string.h>

enum { FLUSH_AT = 1 << 18, ROWS_PER_REPORT = 4096 };

struct flowbd3_csv_writer {
    flowbd3_context *context;
    fb3_file *file;
    fb3_buffer buffer; /* text not yet in the file */
    char delimiter, quote;
    bool header;
    bool asks_quotes[256]; /* by byte: a cell that holds it is quoted */
    char **names;          /* [n_columns] of the first table; NULL before it */
    flowbd3_type *types;   /* [n_columns] */
    size_t n_columns;
    uint64_t rows;
    bool broken; /* a failure left a part of a row; nothing more is written */
    fb3_reporter reporter;
};

flowbd3_status flowbd3_csv_writer_create(flowbd3_csv_writer **out, flowbd3_context *context, const char *path,
                                         const flowbd3_csv_options *options, flowbd3_error *err) {
    if (out != NULL)
        *out = NULL;
    if (out == NULL || context == NULL || path == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT,
                        "flowbd3_csv_writer_create: out, context or path is NULL");
    flowbd3_csv_options taken;
    flowbd3_status status = fb3_csv_options_take(&taken, options, err);
    if (status != FLOWBD3_OK)
        return status;
    flowbd3_csv_writer *writer = fb3_allocate_zero(context, 1, sizeof *writer);
    if (writer == NULL)
        return fb3_no_memory(err, "a CSV writer");
    status = fb3_file_create(&writer->file, context, path, err);
    if (status != FLOWBD3_OK) {
        fb3_release(context, writer);
        return status;
    }
    writer->context = fb3_context_retain(context);
    writer->buffer.context = context;
    writer->delimiter = taken.delimiter;
    writer->quote = taken.quote;
    writer->header = taken.header == FLOWBD3_CSV_HEADER_YES;
    writer->asks_quotes[(unsigned char)taken.delimiter] = true;
    writer->asks_quotes[(unsigned char)taken.quote] = true;
    writer->asks_quotes['\n'] = writer->asks_quotes['\r'] = true;
    fb3_reporter_start(&writer->reporter, taken.progress, taken.progress_user, "write", 0);
    *out = writer;
    return FLOWBD3_OK;
}

void flowbd3_csv_writer_destroy(flowbd3_csv_writer **writer) {
    if (writer == NULL || *writer == NULL)
        return;
    flowbd3_csv_writer *w = *writer;
    flowbd3_context *context = w->context;
    fb3_file_discard(&w->file);
    fb3_buffer_release(&w->buffer);
    for (size_t i = 0; w->names != NULL && i < w->n_columns; i++)
        fb3_release(context, w->names[i]);
    fb3_release(context, w->names);
    fb3_release(context, w->types);
    fb3_release(context, w);
    flowbd3_context_destroy(&context);
    *writer = NULL;
}

/* ---- cells ------------------------------------------------------------------------------------- */

/* Blanks at the ends are lost without quotes; so is what looks like a byte order mark. */
static bool needs_quotes(const flowbd3_csv_writer *w, const char *text, size_t size) {
    char first = text[0], last = text[size - 1];
    if (first == ' ' || first == '\t' || last == ' ' || last == '\t' || first == '\xef')
        return true;
    for (size_t i = 0; i < size; i++)
        if (w->asks_quotes[(unsigned char)text[i]])
            return true;
    return false;
}

static bool put_text(flowbd3_csv_writer *w, const char *text, size_t size) {
    if (!needs_quotes(w, text, size))
        return fb3_buffer_append(&w->buffer, text, size);
    if (size > PTRDIFF_MAX / 2 - 2 || !fb3_buffer_reserve(&w->buffer, 2 * size + 2))
        return false;
    char *p = w->buffer.data + w->buffer.size;
    *p++ = w->quote;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == w->quote)
            *p++ = w->quote;
        *p++ = text[i];
    }
    *p++ = w->quote;
    w->buffer.size = (size_t)(p - w->buffer.data);
    return true;
}

static bool put_integer(fb3_buffer *buffer, int64_t value) {
    char reversed[24];
    size_t n = 0;
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do
        reversed[n++] = (char)('0' + magnitude % 10);
    while ((magnitude /= 10) != 0);
    if (value < 0)
        reversed[n++] = '-';
    if (!fb3_buffer_reserve(buffer, n))
        return false;
    while (n > 0)
        buffer->data[buffer->size++] = reversed[--n];
    return true;
}

/* The digits of the column, unless more than 15 significant ones would be cut by them; and always a mark of a
 * real number, so that the column reads back as one. */
static bool put_real(fb3_buffer *buffer, double value, int decimals) {
    static const double scale[] = {1e0, 1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,
                                   1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17};
    char text[FB3_REAL_TEXT + 2];
    size_t size = 0;
    if (decimals >= 0) {
        size = fb3_print_real(text, value, decimals);
        double back;
        int unused;
        if (fabs(value) * scale[decimals] >= 1e15 &&
            !(fb3_parse_real(text, size, &back, &unused) && back == value))
            size = 0;
    }
    if (size == 0) {
        size = fb3_print_real(text, value, -1);
        if (memchr(text, '.', size) == NULL && memchr(text, 'e', size) == NULL) {
            text[size++] = '.';
            text[size++] = '0';
        }
    }
    return fb3_buffer_append(buffer, text, size);
}

static bool put_cell(flowbd3_csv_writer *w, const fb3_column *column, size_t row) {
    if (column->missing != 0 && !column->valid[row]) {
        /* A line without anything on it would not be a row. */
        const char quotes[] = {w->quote, w->quote};
        return w->n_columns > 1 || fb3_buffer_append(&w->buffer, quotes, sizeof quotes);
    }
    if (column->type == FLOWBD3_TYPE_INTEGER)
        return put_integer(&w->buffer, column->integer[row]);
    if (column->type == FLOWBD3_TYPE_REAL)
        return put_real(&w->buffer, column->real[row], column->decimals);
    if (column->type == FLOWBD3_TYPE_TIMESTAMP) {
        char text[FB3_TIME_TEXT];
        return put_text(w, text, fb3_time_print(text, column->integer[row], column->decimals, column->form));
    }
    const char *text = fb3_dictionary_text(column->dictionary, (size_t)column->codes[row]);
    return put_text(w, text, strlen(text));
}

/* ---- rows -------------------------------------------------------------------------------------- */

static flowbd3_status flush(flowbd3_csv_writer *w, flowbd3_error *err) {
    flowbd3_status status = fb3_file_write(w->file, w->buffer.data, w->buffer.size, err);
    w->buffer.size = 0;
    return status;
}

static flowbd3_status remember_columns(flowbd3_csv_writer *w, const flowbd3_table *table,
                                       flowbd3_error *err) {
    w->names = fb3_allocate_zero(w->context, table->n_columns, sizeof *w->names);
    w->types = fb3_allocate(w->context, table->n_columns, sizeof *w->types);
    if (w->names == NULL || w->types == NULL)
        return fb3_no_memory(err, "column names");
    w->n_columns = table->n_columns;
    for (size_t i = 0; i < table->n_columns; i++) {
        w->types[i] = table->columns[i].type;
        w->names[i] = fb3_duplicate(w->context, table->columns[i].name);
        if (w->names[i] == NULL)
            return fb3_no_memory(err, "column names");
    }
    return FLOWBD3_OK;
}

static bool put_header(flowbd3_csv_writer *w) {
    for (size_t i = 0; i < w->n_columns; i++)
        if ((i != 0 && !fb3_buffer_append(&w->buffer, &w->delimiter, 1)) ||
            !put_text(w, w->names[i], strlen(w->names[i])))
            return false;
    return fb3_buffer_append(&w->buffer, "\n", 1);
}

static flowbd3_status begin(flowbd3_csv_writer *w, const flowbd3_table *table, flowbd3_error *err) {
    flowbd3_status status = remember_columns(w, table, err);
    if (status == FLOWBD3_OK && w->header && !put_header(w))
        status = fb3_no_memory(err, "a row of CSV");
    return status;
}

static flowbd3_status check_columns(const flowbd3_csv_writer *w, const flowbd3_table *table,
                                    flowbd3_error *err) {
    if (table->n_columns != w->n_columns)
        return fb3_fail(err, FLOWBD3_ERROR_SCHEMA, "the table to write has %zu columns, expected %zu",
                        table->n_columns, w->n_columns);
    for (size_t i = 0; i < w->n_columns; i++)
        if (strcmp(table->columns[i].name, w->names[i]) != 0 || table->columns[i].type != w->types[i])
            return fb3_fail_at(
                err, FLOWBD3_ERROR_SCHEMA, 0, (int64_t)i + 1,
                "column %zu of the table to write is '%.60s', expected '%.60s' of the same type", i + 1,
                table->columns[i].name, w->names[i]);
    return FLOWBD3_OK;
}

static bool put_row(flowbd3_csv_writer *w, const flowbd3_table *table, size_t row) {
    for (size_t i = 0; i < table->n_columns; i++)
        if ((i != 0 && !fb3_buffer_append(&w->buffer, &w->delimiter, 1)) ||
            !put_cell(w, &table->columns[i], row))
            return false;
    return fb3_buffer_append(&w->buffer, "\n", 1);
}

static flowbd3_status cancelled(const flowbd3_csv_writer *w, flowbd3_error *err) {
    return fb3_fail(err, FLOWBD3_CANCELLED, "writing was cancelled after %llu rows",
                    (unsigned long long)w->rows);
}

static flowbd3_status put_rows(flowbd3_csv_writer *w, const flowbd3_table *table, flowbd3_error *err) {
    flowbd3_status status = FLOWBD3_OK;
    for (size_t row = 0; row < table->rows && status == FLOWBD3_OK; row++) {
        if (!put_row(w, table, row))
            return fb3_no_memory(err, "a row of CSV");
        w->rows++;
        if (w->buffer.size >= FLUSH_AT)
            status = flush(w, err);
        if (status == FLOWBD3_OK && w->rows % ROWS_PER_REPORT == 0 &&
            fb3_report(&w->reporter, w->rows, (double)NAN))
            status = cancelled(w, err);
    }
    return status;
}

static flowbd3_status check_open(const flowbd3_csv_writer *w, flowbd3_error *err) {
    if (w->file == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_STATE, "the CSV file has been committed");
    if (w->broken)
        return fb3_fail(err, FLOWBD3_ERROR_STATE, "an earlier write of the CSV file failed");
    return FLOWBD3_OK;
}

flowbd3_status flowbd3_csv_writer_write(flowbd3_csv_writer *writer, const flowbd3_table *table,
                                        flowbd3_error *err) {
    if (writer == NULL || table == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_csv_writer_write: writer or table is NULL");
    flowbd3_status status = check_open(writer, err);
    if (status != FLOWBD3_OK)
        return status;
    if (writer->names != NULL)
        status = check_columns(writer, table, err);
    else if (table->n_columns == 0)
        status = fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "the table to write has no columns");
    if (status != FLOWBD3_OK)
        return status;
    if (writer->names == NULL)
        status = begin(writer, table, err);
    if (status == FLOWBD3_OK)
        status = put_rows(writer, table, err);
    writer->broken = status != FLOWBD3_OK && status != FLOWBD3_CANCELLED;
    return status;
}

flowbd3_status flowbd3_csv_writer_commit(flowbd3_csv_writer *writer, flowbd3_error *err) {
    if (writer == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_csv_writer_commit: writer is NULL");
    flowbd3_status status = check_open(writer, err);
    if (status != FLOWBD3_OK)
        return status;
    if (writer->names == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_STATE, "nothing was written to the CSV file, expected a table");
    writer->reporter.total = writer->rows;
    if (writer->rows != 0 && fb3_report(&writer->reporter, writer->rows, (double)NAN))
        return cancelled(writer, err);
    status = flush(writer, err);
    writer->broken = status != FLOWBD3_OK;
    return status == FLOWBD3_OK ? fb3_file_commit(&writer->file, err) : status;
}

flowbd3_status flowbd3_table_write_csv(const flowbd3_table *table, const char *path,
                                       const flowbd3_csv_options *options, flowbd3_error *err) {
    if (table == NULL || path == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_table_write_csv: table or path is NULL");
    flowbd3_csv_writer *writer;
    flowbd3_status status = flowbd3_csv_writer_create(&writer, table->context, path, options, err);
    if (status == FLOWBD3_OK) {
        writer->reporter.total = table->rows;
        status = flowbd3_csv_writer_write(writer, table, err);
    }
    if (status == FLOWBD3_OK)
        status = flowbd3_csv_writer_commit(writer, err);
    flowbd3_csv_writer_destroy(&writer);
    return status;
}
