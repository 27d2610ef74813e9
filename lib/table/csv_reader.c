/* Records and cells of a CSV file: libcsv finds the cells, a callback stores each one in its column. */
#include "table/csv_reader.h"

#include <math.h>
#include <string.h>

/* A cell that does not end (an open quote in a large file) stops here, not at the end of memory. */
#define MOST_CELL_BYTES ((size_t)64 << 20)

enum { MOST_COLUMNS = 16384, LEAST_CELL_GROWTH = 4096 };

static flowbd3_status fail_here(fb3_csv_reader *r, flowbd3_status status, size_t column, const char *text) {
    int64_t line = r->cell != 0 ? r->record_line : r->line;
    return fb3_fail_at(r->err, status, line, (int64_t)column, "line %lld, column %zu: %s", (long long)line,
                       column, text);
}

/* ---- names and types of columns ---------------------------------------------------------------- */

/* Takes over the type that the caller gave for a column; the last one given counts. */
static void set_type(fb3_csv_reader *r, fb3_csv_column *column) {
    for (size_t i = 0; i < r->options->n_types; i++)
        if (strcmp(r->options->types[i].name, column->column.name) == 0) {
            column->column.type = r->options->types[i].type;
            column->fixed = column->column.type != FLOWBD3_TYPE_AUTO;
        }
}

static flowbd3_status add_column(fb3_csv_reader *r, const char *name, size_t size) {
    if (r->n_columns == MOST_COLUMNS)
        return fail_here(r, FLOWBD3_ERROR_LIMIT, r->n_columns + 1, "expected at most 16384 columns");
    if (r->n_columns == r->columns_capacity) {
        size_t capacity = r->columns_capacity < 16 ? 16 : 2 * r->columns_capacity;
        fb3_csv_column *columns = fb3_reallocate(r->context, r->columns, capacity, sizeof *columns);
        if (columns == NULL)
            return fb3_no_memory(r->err, "columns");
        r->columns = columns;
        r->columns_capacity = capacity;
    }
    char *copy = fb3_allocate(r->context, size + 1, 1);
    if (copy == NULL)
        return fb3_no_memory(r->err, "a column name");
    memcpy(copy, name, size);
    copy[size] = '\0';
    r->columns[r->n_columns] = (fb3_csv_column){.column = {.name = copy}};
    set_type(r, &r->columns[r->n_columns++]);
    return FLOWBD3_OK;
}

/* A column without a name is called after its place. */
static flowbd3_status add_numbered_column(fb3_csv_reader *r) {
    char name[32];
    int size = snprintf(name, sizeof name, "c%zu", r->n_columns + 1);
    return add_column(r, name, (size_t)size);
}

static flowbd3_status check_names(fb3_csv_reader *r) {
    fb3_dictionary *seen = fb3_dictionary_create(r->context);
    if (seen == NULL)
        return fb3_no_memory(r->err, "column names");
    flowbd3_status status = FLOWBD3_OK;
    for (size_t i = 0; i < r->n_columns && status == FLOWBD3_OK; i++) {
        const char *name = r->columns[i].column.name;
        int32_t code;
        status = fb3_dictionary_intern(seen, name, strlen(name), &code);
        if (status == FLOWBD3_ERROR_FORMAT)
            status = fail_here(r, status, i + 1, "the name is not valid UTF-8");
        else if (status != FLOWBD3_OK)
            status = fb3_dictionary_failure(r->err, status, name, 0, 0);
        else if ((size_t)code != i)
            status = fb3_fail_at(r->err, FLOWBD3_ERROR_FORMAT, r->record_line, (int64_t)i + 1,
                                 "line %lld: columns %d and %zu are both named '%.80s'",
                                 (long long)r->record_line, (int)code + 1, i + 1, name);
    }
    fb3_dictionary_release(&seen);
    return status;
}

/* A first record of numbers is data, unless they count the columns ("0,1,2" or "1,2,3"). */
static flowbd3_status check_header(fb3_csv_reader *r) {
    size_t numbers = 0, from_zero = 0, from_one = 0;
    for (size_t i = 0; i < r->n_columns; i++) {
        const char *name = r->columns[i].column.name;
        double value;
        int decimals;
        bool number = fb3_parse_real(name, strlen(name), &value, &decimals);
        numbers += number;
        from_zero += number && value == (double)i;
        from_one += number && value == (double)i + 1.0;
    }
    if (numbers == r->n_columns && from_zero != numbers && from_one != numbers)
        return fb3_fail_at(
            r->err, FLOWBD3_ERROR_FORMAT, r->record_line, 1,
            "line %lld: expected names of columns, found numbers; is it a file without header?",
            (long long)r->record_line);
    if (numbers != 0)
        fb3_log(r->context, FLOWBD3_LOG_WARNING,
                "%s: %zu of the %zu column names are numbers; is there a header?",
                r->source.path != NULL ? r->source.path : "CSV text", numbers, r->n_columns);
    return check_names(r);
}

static flowbd3_status check_types(fb3_csv_reader *r) {
    for (size_t i = 0; i < r->options->n_types; i++) {
        const char *name = r->options->types[i].name;
        size_t column = 0;
        while (column < r->n_columns && strcmp(r->columns[column].column.name, name) != 0)
            column++;
        if (column == r->n_columns)
            return fb3_fail(r->err, FLOWBD3_ERROR_ARGUMENT,
                            "there is no column '%.80s', expected one of that name", name);
    }
    return FLOWBD3_OK;
}

/* ---- what the parser finds --------------------------------------------------------------------- */

/* Lines that end inside a cell. */
static int64_t line_ends(const char *text, size_t size) {
    int64_t count = 0;
    for (size_t i = 0; i < size; i++)
        count += text[i] == '\n' || (text[i] == '\r' && (i + 1 == size || text[i + 1] != '\n'));
    return count;
}

static flowbd3_status store(fb3_csv_reader *r, size_t column, const char *text, size_t size) {
    if (r->in_header && r->second)
        return FLOWBD3_OK;
    if (r->in_header)
        return size != 0 ? add_column(r, text, size) : add_numbered_column(r);
    /* The columns of a file without header are those of its first record. */
    if (!r->named) {
        flowbd3_status status = add_numbered_column(r);
        if (status != FLOWBD3_OK)
            return status;
    }
    if (column >= r->n_columns)
        return FLOWBD3_OK; /* counted, and refused at the end of the record */
    return fb3_csv_column_put(&r->columns[column], r->context, r->options, r->rows - r->first, text, size,
                              (fb3_csv_place){r->record_line, (int64_t)column + 1}, r->err);
}

static void take_cell(void *cell, size_t size, void *user) {
    fb3_csv_reader *r = user;
    if (r->status != FLOWBD3_OK || r->enough)
        return;
    if (r->cell == 0)
        r->record_line = r->line;
    const char *text = size != 0 ? cell : "";
    r->status = store(r, r->cell++, text, size);
    r->line += line_ends(text, size);
    r->after_return = false;
}

/* The first record of the first reading is over: all columns are known. */
static flowbd3_status end_naming(fb3_csv_reader *r) {
    r->named = true;
    flowbd3_status status = r->in_header ? check_header(r) : FLOWBD3_OK;
    return status == FLOWBD3_OK ? check_types(r) : status;
}

static flowbd3_status end_row(fb3_csv_reader *r) {
    if (r->cell != r->n_columns) {
        size_t column = (r->cell < r->n_columns ? r->cell : r->n_columns) + 1;
        return fb3_fail_at(r->err, FLOWBD3_ERROR_FORMAT, r->record_line, (int64_t)column,
                           "line %lld has %zu cells, expected %zu", (long long)r->record_line, r->cell,
                           r->n_columns);
    }
    if (r->second && r->rows == r->expected_rows)
        return fb3_csv_reader_changed(r);
    r->rows++;
    r->enough = r->options->max_rows != 0 && r->rows >= r->options->max_rows;
    return FLOWBD3_OK;
}

static void take_record(int ended_by, void *user) {
    fb3_csv_reader *r = user;
    if (r->status != FLOWBD3_OK || r->enough)
        return;
    if (r->cell != 0) {
        if (!r->named)
            r->status = end_naming(r);
        if (r->status == FLOWBD3_OK && !r->in_header)
            r->status = end_row(r);
        r->in_header = false;
        r->cell = 0;
    }
    if (ended_by != '\n' || !r->after_return)
        r->line++;
    r->after_return = ended_by == '\r';
}

/* ---- readings ---------------------------------------------------------------------------------- */

static flowbd3_status parse(fb3_csv_reader *r, const char *text, size_t size) {
    size_t parsed = csv_parse(&r->parser, text, size, take_cell, take_record, r);
    if (r->status != FLOWBD3_OK || r->enough)
        return r->status;
    if (parsed == size) {
        size_t buffer = csv_get_buffer_size(&r->parser);
        /* libcsv grows its buffer by a constant; a long cell would be copied too often. */
        if (buffer > 2 * LEAST_CELL_GROWTH)
            csv_set_blk_size(&r->parser, buffer / 2);
        if (r->parser.entry_pos <= MOST_CELL_BYTES)
            return FLOWBD3_OK;
        return fail_here(r, FLOWBD3_ERROR_LIMIT, r->cell + 1, "a cell has more than 64 MiB; an open quote?");
    }
    if (csv_error(&r->parser) == CSV_EPARSE)
        return fail_here(r, FLOWBD3_ERROR_FORMAT, r->cell + 1,
                         "a quote inside an unquoted cell, or text after a closing quote");
    return fb3_no_memory(r->err, "a cell");
}

/* Text up to a NUL, which no text file has, and the failure at its place. */
static flowbd3_status parse_text(fb3_csv_reader *r, const char *text, size_t size) {
    const char *nul = memchr(text, 0, size);
    flowbd3_status status = parse(r, text, nul != NULL ? (size_t)(nul - text) : size);
    if (status == FLOWBD3_OK && !r->enough && nul != NULL)
        status = fail_here(r, FLOWBD3_ERROR_FORMAT, r->cell + 1, "a NUL byte, expected a text file in UTF-8");
    return status;
}

static size_t byte_order_mark(const char *text, size_t size) {
    return size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

static flowbd3_status report(fb3_csv_reader *r) {
    if (!fb3_report(&r->reporter, r->rows, (double)NAN))
        return FLOWBD3_OK;
    return fb3_fail(r->err, FLOWBD3_CANCELLED, "reading was cancelled after %zu rows", r->rows);
}

/* The source is at its end: its last record is too. */
static flowbd3_status parse_end(fb3_csv_reader *r) {
    int ended = csv_fini(&r->parser, take_cell, take_record, r);
    if (r->status != FLOWBD3_OK)
        return r->status;
    if (ended != 0)
        return csv_error(&r->parser) == CSV_EPARSE
                   ? fail_here(r, FLOWBD3_ERROR_FORMAT, r->cell + 1, "the quote opened here is not closed")
                   : fb3_no_memory(r->err, "a cell");
    if (r->n_columns == 0)
        return fb3_fail(r->err, FLOWBD3_ERROR_FORMAT, "there is no data, expected a header and rows");
    if (r->rows == 0)
        return fb3_fail(r->err, FLOWBD3_ERROR_FORMAT, "there is a header but no row of data");
    return FLOWBD3_OK;
}

flowbd3_status fb3_csv_reader_start(fb3_csv_reader *r) {
    fb3_csv_reader_stop(r);
    /* libcsv keeps the cell that it is in by malloc: its hooks know no context. */
    if (csv_init(&r->parser, CSV_STRICT | CSV_STRICT_FINI | CSV_REPALL_NL) != 0)
        return fb3_fail(r->err, FLOWBD3_ERROR_STATE, "libcsv does not start");
    r->parsing = true;
    csv_set_delim(&r->parser, (unsigned char)r->options->delimiter);
    csv_set_quote(&r->parser, (unsigned char)r->options->quote);
    csv_set_blk_size(&r->parser, LEAST_CELL_GROWTH);
    r->status = FLOWBD3_OK;
    r->rows = r->first = r->cell = 0;
    r->line = r->record_line = 1;
    r->begun = r->enough = r->after_return = false;
    r->in_header = r->options->header == FLOWBD3_CSV_HEADER_YES;
    fb3_reporter_start(&r->reporter, r->options->progress, r->options->progress_user, "read", 0);
    return fb3_csv_source_rewind(&r->source, r->err);
}

static flowbd3_status end_reading(fb3_csv_reader *r) {
    flowbd3_status status = r->enough ? FLOWBD3_OK : parse_end(r);
    if (status == FLOWBD3_OK && r->second && r->rows != r->expected_rows)
        status = fb3_csv_reader_changed(r);
    r->reporter.total = r->rows;
    if (status == FLOWBD3_OK)
        status = report(r);
    fb3_csv_reader_stop(r);
    return status;
}

flowbd3_status fb3_csv_reader_advance(fb3_csv_reader *r) {
    const char *piece;
    size_t size = 0;
    flowbd3_status status = r->enough ? FLOWBD3_OK : fb3_csv_source_next(&r->source, &piece, &size, r->err);
    if (status != FLOWBD3_OK)
        return status;
    if (size == 0)
        return end_reading(r);
    size_t skipped = r->begun ? 0 : byte_order_mark(piece, size);
    r->begun = true;
    status = parse_text(r, piece + skipped, size - skipped);
    return status == FLOWBD3_OK ? report(r) : status;
}

void fb3_csv_reader_stop(fb3_csv_reader *r) {
    if (r->parsing)
        csv_free(&r->parser);
    r->parsing = false;
}

void fb3_csv_reader_release(fb3_csv_reader *r) {
    fb3_csv_reader_stop(r);
    for (size_t i = 0; i < r->n_columns; i++)
        fb3_column_release(r->context, &r->columns[i].column);
    fb3_release(r->context, r->columns);
    fb3_csv_source_close(&r->source);
}

/* ---- what is said at the end ------------------------------------------------------------------- */

flowbd3_status fb3_csv_reader_changed(fb3_csv_reader *r) {
    return fb3_fail_at(r->err, FLOWBD3_ERROR_FORMAT, r->record_line, 0, "the file changed while it was read");
}

flowbd3_status fb3_csv_reader_check_nonfinite(fb3_csv_reader *r) {
    const fb3_csv_column *first = NULL;
    for (size_t i = 0; i < r->n_columns; i++) {
        const fb3_csv_column *c = &r->columns[i];
        if (c->nonfinite != 0 && c->column.type != FLOWBD3_TYPE_CATEGORICAL &&
            (first == NULL || c->nonfinite < first->nonfinite))
            first = c;
    }
    if (first == NULL || r->options->nonfinite != FLOWBD3_CSV_NONFINITE_ERROR)
        return FLOWBD3_OK;
    return fb3_fail_at(r->err, FLOWBD3_ERROR_FORMAT, first->nonfinite, (int64_t)(first - r->columns) + 1,
                       "line %lld, column '%.80s': not a finite number", (long long)first->nonfinite,
                       first->column.name);
}

void fb3_csv_name_the_file(flowbd3_error *err, flowbd3_status status, const char *path) {
    if (err == NULL ||
        (status != FLOWBD3_ERROR_FORMAT && status != FLOWBD3_ERROR_LIMIT && status != FLOWBD3_ERROR_ARGUMENT))
        return;
    flowbd3_error plain = *err;
    fb3_fail_at(err, status, plain.row, plain.column, "'%.100s': %s", path, plain.message);
}
