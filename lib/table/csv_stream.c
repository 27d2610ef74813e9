/* CSV files as streams of chunks: a first reading finds the types and the categories, every other one fills
 * the columns anew for each chunk. */
#include "table/csv_reader.h"
#include "table/stream.h"

enum { CHUNK_ROWS = 1 << 16, SCANNED_ROWS = 1 << 12 };

/* What the first reading found of a column. */
typedef struct found {
    flowbd3_type type;
    size_t categories;
} found;

typedef struct csv_stream {
    flowbd3_context *context;
    fb3_csv_reader reader;
    flowbd3_csv_options options; /* those that count after the first reading */
    char *path;
    char **missing; /* [options.n_missing] */
    size_t chunk_rows;
    size_t given;   /* of the rows that the reader's columns hold */
    found *columns; /* [columns of the reader] */
} csv_stream;

/* ---- the first reading ------------------------------------------------------------------------- */

/* Reads the whole file, whose cells are forgotten soon. */
static flowbd3_status scan(fb3_csv_reader *r) {
    flowbd3_status status = fb3_csv_reader_start(r);
    while (status == FLOWBD3_OK && r->parsing) {
        status = fb3_csv_reader_advance(r);
        if (r->rows - r->first >= SCANNED_ROWS)
            r->first = r->rows;
    }
    return status;
}

/* Reads once more for the categories of columns that began with numbers. */
static flowbd3_status scan_again(fb3_csv_reader *r) {
    size_t again = 0;
    r->second = true;
    r->expected_rows = r->rows;
    for (size_t i = 0; i < r->n_columns; i++) {
        again += r->columns[i].again;
        r->columns[i].filled = !r->columns[i].again;
        r->columns[i].again = false;
    }
    return again > 0 ? scan(r) : FLOWBD3_OK;
}

static flowbd3_status note_columns(csv_stream *s, flowbd3_error *err) {
    fb3_csv_reader *r = &s->reader;
    s->columns = fb3_allocate(s->context, r->n_columns, sizeof *s->columns);
    if (s->columns == NULL)
        return fb3_no_memory(err, "the columns of a stream");
    for (size_t i = 0; i < r->n_columns; i++) {
        fb3_csv_column *c = &r->columns[i];
        c->filled = false;
        fb3_csv_column_settle(c);
        const fb3_dictionary *dictionary = c->column.dictionary;
        s->columns[i] = (found){c->column.type, dictionary != NULL ? dictionary->count : 0};
    }
    return FLOWBD3_OK;
}

static flowbd3_status find_columns(csv_stream *s, flowbd3_error *err) {
    flowbd3_status status = scan(&s->reader);
    if (status == FLOWBD3_OK)
        status = fb3_csv_reader_check_nonfinite(&s->reader);
    if (status == FLOWBD3_OK)
        status = scan_again(&s->reader);
    return status == FLOWBD3_OK ? note_columns(s, err) : status;
}

/* ---- chunks ------------------------------------------------------------------------------------ */

/* Whether all cells fit what the first reading found. */
static bool is_unchanged(const csv_stream *s) {
    for (size_t i = 0; i < s->reader.n_columns; i++) {
        const fb3_csv_column *c = &s->reader.columns[i];
        const fb3_dictionary *dictionary = c->column.dictionary;
        if (c->again || c->column.type != s->columns[i].type ||
            (dictionary != NULL && dictionary->count != s->columns[i].categories))
            return false;
    }
    return true;
}

/* Rows of a column that is being read, as one of a table. */
static flowbd3_status copy_column(flowbd3_table *table, const fb3_column *from, size_t first, size_t rows,
                                  flowbd3_error *err) {
    flowbd3_context *context = table->context;
    size_t size = fb3_cell_size(from->type);
    fb3_column column = {.type = from->type, .decimals = from->decimals, .form = from->form};
    for (size_t row = first; from->valid != NULL && row < first + rows; row++)
        column.missing += from->valid[row] == 0;
    column.name = fb3_duplicate(context, from->name);
    column.cells = fb3_allocate(context, rows, size);
    column.valid = column.missing > 0 ? fb3_allocate(context, rows, 1) : NULL;
    column.dictionary = fb3_dictionary_retain(from->dictionary);
    bool there = column.name != NULL && column.cells != NULL && (column.valid != NULL || column.missing == 0);
    if (there && rows > 0)
        memcpy(column.cells, (const char *)from->cells + first * size, rows * size);
    if (there && column.valid != NULL)
        memcpy(column.valid, from->valid + first, rows);
    flowbd3_status status =
        there ? fb3_table_adopt(table, &column, rows, err) : fb3_no_memory(err, "a chunk of rows");
    if (status != FLOWBD3_OK)
        fb3_column_release(context, &column);
    return status;
}

static flowbd3_status copy_chunk(const csv_stream *s, size_t rows, flowbd3_table **chunk,
                                 flowbd3_error *err) {
    flowbd3_status status = flowbd3_table_create(chunk, s->context, err);
    for (size_t i = 0; i < s->reader.n_columns && status == FLOWBD3_OK; i++)
        status = copy_column(*chunk, &s->reader.columns[i].column, s->given, rows, err);
    if (status != FLOWBD3_OK)
        flowbd3_table_destroy(chunk);
    return status;
}

/* Moves what was read beyond the chunks, the cells of a record without end too, to the front. */
static void drop_given(csv_stream *s) {
    fb3_csv_reader *r = &s->reader;
    size_t rows = s->given, left = r->rows - r->first - rows + (r->cell > 0);
    for (size_t i = 0; i < r->n_columns; i++) {
        fb3_csv_column *c = &r->columns[i];
        size_t room = c->capacity > rows ? c->capacity - rows : 0, count = left < room ? left : room;
        size_t size = fb3_cell_size(c->column.type);
        if (count == 0 || rows == 0)
            continue;
        memmove(c->column.cells, (char *)c->column.cells + rows * size, count * size);
        if (c->column.valid != NULL)
            memmove(c->column.valid, c->column.valid + rows, count);
    }
    r->first += rows;
    s->given = 0;
}

static size_t rows_left(const csv_stream *s) {
    return s->reader.rows - s->reader.first - s->given;
}

static flowbd3_status next_chunk(csv_stream *s, flowbd3_table **chunk, flowbd3_error *err) {
    fb3_csv_reader *r = &s->reader;
    flowbd3_status status = FLOWBD3_OK;
    while (status == FLOWBD3_OK && r->parsing && rows_left(s) < s->chunk_rows) {
        drop_given(s);
        status = fb3_csv_reader_advance(r);
    }
    if (status == FLOWBD3_OK && !is_unchanged(s))
        status = fb3_csv_reader_changed(r);
    if (status != FLOWBD3_OK)
        return status;
    size_t rows = rows_left(s) < s->chunk_rows ? rows_left(s) : s->chunk_rows;
    if (rows == 0)
        return FLOWBD3_OK;
    status = copy_chunk(s, rows, chunk, err);
    s->given += rows;
    return status;
}

static flowbd3_status csv_next(void *user, flowbd3_table **chunk, flowbd3_error *err) {
    csv_stream *s = user;
    flowbd3_error here = {0};
    s->reader.err = &here;
    flowbd3_status status = next_chunk(s, chunk, &here);
    if (status == FLOWBD3_OK)
        return status;
    fb3_csv_name_the_file(&here, status, s->path);
    if (err != NULL)
        *err = here;
    return status;
}

static flowbd3_status csv_rewind(void *user, flowbd3_error *err) {
    csv_stream *s = user;
    s->reader.err = err;
    s->given = 0;
    if (!is_unchanged(s))
        return fb3_fail(err, FLOWBD3_ERROR_FORMAT, "'%.100s': the file changed while it was read", s->path);
    return fb3_csv_reader_start(&s->reader);
}

static void csv_release(void *user) {
    csv_stream *s = user;
    flowbd3_context *context = s->context;
    fb3_csv_reader_release(&s->reader);
    for (size_t i = 0; s->missing != NULL && i < s->options.n_missing; i++)
        fb3_release(context, s->missing[i]);
    fb3_release(context, s->missing);
    fb3_release(context, s->path);
    fb3_release(context, s->columns);
    fb3_release(context, s);
    flowbd3_context_destroy(&context);
}

/* ---- the door ---------------------------------------------------------------------------------- */

/* Keeps of the options what the caller need not keep. */
static flowbd3_status keep_options(csv_stream *s, const flowbd3_csv_options *options, const char *path,
                                   flowbd3_error *err) {
    s->options = *options;
    s->options.n_missing = 0;
    s->path = fb3_duplicate(s->context, path);
    s->missing = fb3_allocate(s->context, options->n_missing, sizeof *s->missing);
    bool whole = s->path != NULL && s->missing != NULL;
    while (whole && s->options.n_missing < options->n_missing) {
        char *text = fb3_duplicate(s->context, options->missing[s->options.n_missing]);
        whole = text != NULL;
        if (whole)
            s->missing[s->options.n_missing++] = text;
    }
    s->options.missing = (const char *const *)s->missing;
    return whole ? FLOWBD3_OK : fb3_no_memory(err, "a stream of rows");
}

static flowbd3_status open_stream(csv_stream *s, const flowbd3_csv_options *options, const char *path,
                                  flowbd3_error *err) {
    flowbd3_status status = keep_options(s, options, path, err);
    if (status == FLOWBD3_OK)
        status = fb3_csv_source_open(&s->reader.source, s->context, s->path, err);
    if (status != FLOWBD3_OK)
        return status;
    s->reader.context = s->context;
    s->reader.options = &s->options;
    s->reader.err = err;
    status = find_columns(s, err);
    s->options.types = NULL;
    s->options.n_types = 0;
    s->options.progress = NULL;
    return status;
}

flowbd3_status flowbd3_table_stream_csv(flowbd3_table_stream **out, flowbd3_context *context,
                                        const char *path, const flowbd3_csv_options *options,
                                        size_t chunk_rows, flowbd3_error *err) {
    if (out != NULL)
        *out = NULL;
    if (out == NULL || context == NULL || path == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT,
                        "flowbd3_table_stream_csv: out, context or path is NULL");
    flowbd3_csv_options taken;
    flowbd3_status status = fb3_csv_options_take(&taken, options, err);
    if (status != FLOWBD3_OK)
        return status;
    csv_stream *s = fb3_allocate_zero(context, 1, sizeof *s);
    if (s == NULL)
        return fb3_no_memory(err, "a stream of rows");
    s->context = s->reader.context = s->reader.source.context = fb3_context_retain(context);
    s->reader.source.descriptor = -1;
    s->chunk_rows = chunk_rows > 0 ? chunk_rows : CHUNK_ROWS;
    status = open_stream(s, &taken, path, err);
    fb3_csv_name_the_file(err, status, path);
    flowbd3_table_source source = {sizeof source, s, csv_next, csv_rewind, csv_release};
    if (status == FLOWBD3_OK)
        status = csv_rewind(s, err);
    if (status == FLOWBD3_OK)
        status = fb3_table_stream_allocate(out, context, &source, err);
    if (status == FLOWBD3_OK) {
        (*out)->rows = s->reader.expected_rows;
        status = copy_chunk(s, 0, &(*out)->columns, err);
        if (status != FLOWBD3_OK)
            flowbd3_table_stream_destroy(out);
    } else {
        csv_release(s);
    }
    return status;
}
