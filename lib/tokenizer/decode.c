/* Tokens as tables. */
#include "tokenizer/tokenizer.h"

#include <math.h>

enum { CHUNK_ROWS = 4096 };

typedef struct decoding {
    const flowbd3_tokenizer *tokenizer;
    const uint16_t *tokens; /* [rows, n_slots] */
    size_t rows;
    const fb3_decoder *decoder;
    int64_t *given;      /* [n_columns] columns of the given table, -1: none; NULL: there is no such table */
    fb3_column *columns; /* [n_columns] of the table to come */
    size_t *missing;     /* [chunks, n_columns] */
    atomic_bool no_memory;
} decoding;

/* ---- a chunk of rows --------------------------------------------------------------------------- */

static void put_missing(fb3_column *column, size_t row) {
    column->valid[row] = 0;
    fb3_put_missing(column, row);
}

static void put_value(fb3_column *column, size_t row, int64_t value) {
    column->valid[row] = 1;
    if (column->type == FLOWBD3_TYPE_REAL)
        column->real[row] = fb3_real_of_key(value);
    else if (fb3_has_dictionary(column->type))
        column->codes[row] = (int32_t)value;
    else
        column->integer[row] = value;
}

/* A cell without regard to the others of its row. */
static void put_alone(const decoding *d, size_t number, const uint16_t *tokens, size_t row) {
    const fb3_codec *codec = &d->tokenizer->columns[number];
    const uint16_t *own = tokens + codec->first_slot;
    const fb3_decoder *decoder = d->decoder;
    if (codec->derived || fb3_codec_is_missing(codec, own))
        put_missing(&d->columns[number], row);
    else if (codec->levels.count == 0) /* one value for the tokens: nothing is drawn */
        put_value(&d->columns[number], row, fb3_codec_draw(codec, own, 0.0));
    else if (decoder->way == FLOWBD3_DECODE_CENTRE)
        put_value(&d->columns[number], row, fb3_codec_centre(codec, own));
    else
        put_value(&d->columns[number], row,
                  fb3_codec_draw(codec, own,
                                 fb3_uniform(decoder->seed, FB3_RANDOM_DECODE, decoder->first_row + row,
                                             (uint32_t)number)));
}

/* The cells of a row as they have been put. */
static void read_cells(const decoding *d, fb3_cell *cells, size_t row) {
    for (size_t i = 0; i < d->tokenizer->n_columns; i++) {
        const fb3_column *column = &d->columns[i];
        cells[i] = (fb3_cell){.missing = column->valid[row] == 0, .code = -1};
        if (cells[i].missing)
            continue;
        if (column->dictionary != NULL)
            cells[i].code = column->codes[row];
        else
            cells[i].number =
                column->type == FLOWBD3_TYPE_REAL ? column->real[row] : (double)column->integer[row];
    }
}

/* Computes the columns that rules compute from the cells of a row that breaks other rules: round after round,
 * so that every column comes after those it is computed from. */
static void derive(const decoding *d, fb3_row *r, size_t row) {
    const fb3_bound *bound = d->decoder->restraint->bound;
    read_cells(d, r->cells, row);
    for (size_t round = 0; round < bound->count; round++)
        for (size_t i = 0; i < bound->count; i++) {
            const fb3_bound_rule *rule = &bound->bound[i];
            if (rule->rule->claim == FB3_CLAIM_DERIVED && rule->rule->n_when == 0 &&
                d->tokenizer->columns[rule->column].derived)
                r->cells[rule->column] = fb3_bound_derive(bound, i, r->cells);
        }
    for (size_t i = 0; i < d->tokenizer->n_columns; i++) {
        const fb3_codec *codec = &d->tokenizer->columns[i];
        if (codec->derived && !r->cells[i].missing)
            put_value(&d->columns[i], row, fb3_codec_key(codec, r->cells[i].number));
    }
}

bool fb3_tokenizer_cell(const flowbd3_tokenizer *t, size_t column, const flowbd3_table *table,
                        int64_t of_table, size_t row, fb3_cell *cell, int64_t *key) {
    *cell = (fb3_cell){.code = -1};
    if (of_table < 0)
        return false;
    const size_t from = (size_t)of_table;
    const uint8_t *valid = flowbd3_table_valid(table, from);
    const int32_t *codes = flowbd3_table_codes(table, from);
    const double *real = flowbd3_table_real(table, from);
    if ((valid != NULL && !valid[row]) || (codes != NULL && codes[row] < 0))
        return false;
    if (codes != NULL) {
        const fb3_categories *c = &t->columns[column].categories;
        int32_t code = fb3_categories_find(c, flowbd3_table_category(table, from, (size_t)codes[row]));
        *key = cell->code = code >= 0 && (size_t)code < c->dictionary->count ? code : -1;
        return true;
    }
    *key = real != NULL ? fb3_key_of_real(real[row]) : flowbd3_table_integer(table, from)[row];
    cell->number = fb3_number_of_key(flowbd3_table_type(table, from), *key);
    return true;
}

/* The given cell of a row in a column; false: there is none. */
static bool given_cell(const decoding *d, size_t column, size_t row, fb3_cell *cell, int64_t *key) {
    size_t of_table = d->decoder->given_row + row;
    return d->given != NULL && of_table < flowbd3_table_rows(d->decoder->given) &&
           fb3_tokenizer_cell(d->tokenizer, column, d->decoder->given, d->given[column], of_table, cell, key);
}

/* The row's cells given and drawn so that they obey; false: they do not. */
static bool put_obeying(const decoding *d, fb3_row *r, const uint16_t *tokens, size_t row) {
    const fb3_decoder *decoder = d->decoder;
    fb3_cell cell;
    int64_t key;
    fb3_row_begin(r);
    for (size_t i = 0; i < d->tokenizer->n_columns; i++)
        if (given_cell(d, i, row, &cell, &key) && !fb3_row_set(r, i, &cell))
            return false;
    if (!fb3_row_settle(r, tokens, decoder->way, decoder->seed, decoder->first_row + row))
        return false;
    for (size_t i = 0; i < d->tokenizer->n_columns; i++)
        if (r->cells[i].missing)
            put_missing(&d->columns[i], row);
        else
            put_value(&d->columns[i], row, r->keys[i]);
    return true;
}

static void put_row(const decoding *d, fb3_row *r, size_t row) {
    const uint16_t *tokens = d->tokens + row * d->tokenizer->n_slots;
    bool obeys = r != NULL && put_obeying(d, r, tokens, row);
    for (size_t i = 0; i < d->tokenizer->n_columns; i++) {
        fb3_cell cell;
        int64_t key;
        if (given_cell(d, i, row, &cell, &key)) { /* to the last bit: keys have no zero with a sign */
            put_value(&d->columns[i], row, key);
            if (d->columns[i].type == FLOWBD3_TYPE_REAL)
                d->columns[i].real[row] =
                    flowbd3_table_real(d->decoder->given, (size_t)d->given[i])[d->decoder->given_row + row];
        } else if (!obeys)
            put_alone(d, i, tokens, row);
    }
    if (r != NULL && !obeys)
        derive(d, r, row);
}

/* Rows without rules and given cells, column by column. */
static void put_columns(const decoding *d, size_t begin, size_t end) {
    for (size_t i = 0; i < d->tokenizer->n_columns; i++)
        for (size_t row = begin; row < end; row++)
            put_alone(d, i, d->tokens + row * d->tokenizer->n_slots, row);
}

static void decode_chunk(void *argument, size_t chunk, unsigned worker) {
    (void)worker;
    decoding *d = argument;
    size_t begin = chunk * CHUNK_ROWS, columns = d->tokenizer->n_columns;
    size_t end = d->rows - begin < CHUNK_ROWS ? d->rows : begin + CHUNK_ROWS;
    fb3_row *r = NULL;
    if (d->decoder->restraint->bound->count > 0 &&
        fb3_row_create(&r, d->decoder->restraint, NULL) != FLOWBD3_OK) {
        atomic_store(&d->no_memory, true);
        return;
    }
    if (r == NULL && d->given == NULL)
        put_columns(d, begin, end);
    else
        for (size_t row = begin; row < end; row++)
            put_row(d, r, row);
    for (size_t i = 0; i < columns; i++) {
        size_t missing = 0;
        for (size_t row = begin; row < end; row++)
            missing += d->columns[i].valid[row] == 0;
        d->missing[chunk * columns + i] = missing;
    }
    fb3_row_destroy(&r);
}

/* ---- the table --------------------------------------------------------------------------------- */

static flowbd3_status check_tokens(const flowbd3_tokenizer *t, const uint16_t *tokens, size_t rows,
                                   flowbd3_error *err) {
    for (size_t row = 0; row < rows; row++)
        for (size_t s = 0; s < t->n_slots; s++)
            if (tokens[row * t->n_slots + s] >= t->slots[s].vocabulary) {
                size_t column = t->slots[s].column;
                return fb3_fail_at(err, FLOWBD3_ERROR_RANGE, (int64_t)row + 1, (int64_t)column + 1,
                                   "row %zu, column '%.80s': token is %u, expected below %zu", row + 1,
                                   t->columns[column].name, (unsigned)tokens[row * t->n_slots + s],
                                   t->slots[s].vocabulary);
            }
    return FLOWBD3_OK;
}

/* Empty columns with room for rows cells. False: no memory. */
static bool start_columns(decoding *d) {
    const flowbd3_tokenizer *t = d->tokenizer;
    for (size_t i = 0; i < t->n_columns; i++) {
        fb3_column *column = &d->columns[i];
        column->type = t->columns[i].type;
        column->decimals = t->columns[i].decimals;
        column->form = t->columns[i].form;
        column->name = fb3_duplicate(t->context, t->columns[i].name);
        column->cells = fb3_allocate(t->context, d->rows, fb3_cell_size(column->type));
        column->valid = fb3_allocate(t->context, d->rows, 1);
        if (column->name == NULL || column->cells == NULL || column->valid == NULL)
            return false;
        if (t->columns[i].categories.dictionary != NULL)
            column->dictionary = fb3_dictionary_retain(t->columns[i].categories.dictionary);
    }
    return true;
}

/* Decodes the rows and hands the columns to a new table. */
static flowbd3_status fill_table(decoding *d, size_t chunks, flowbd3_table **out, flowbd3_error *err) {
    flowbd3_status status = flowbd3_table_create(out, d->tokenizer->context, err);
    if (status != FLOWBD3_OK)
        return status;
    fb3_parallel(d->tokenizer->context, chunks, decode_chunk, d);
    if (atomic_load(&d->no_memory))
        status = fb3_no_memory(err, "decoding a table");
    for (size_t i = 0; status == FLOWBD3_OK && i < d->tokenizer->n_columns; i++) {
        for (size_t chunk = 0; chunk < chunks; chunk++)
            d->columns[i].missing += d->missing[chunk * d->tokenizer->n_columns + i];
        status = fb3_table_adopt(*out, &d->columns[i], d->rows, err);
    }
    if (status != FLOWBD3_OK)
        flowbd3_table_destroy(out);
    return status;
}

/* Which columns of the given table are the tokenizer's. */
static bool find_given(decoding *d) {
    if (d->decoder->given == NULL)
        return true;
    d->given = fb3_allocate(d->tokenizer->context, d->tokenizer->n_columns, sizeof *d->given);
    for (size_t i = 0; d->given != NULL && i < d->tokenizer->n_columns; i++)
        d->given[i] = flowbd3_table_find(d->decoder->given, d->tokenizer->columns[i].name);
    return d->given != NULL;
}

flowbd3_status fb3_tokenizer_decode_rows(const flowbd3_tokenizer *tokenizer, const uint16_t *tokens,
                                         size_t rows, const fb3_decoder *decoder, flowbd3_table **out,
                                         flowbd3_error *err) {
    *out = NULL;
    flowbd3_status status = check_tokens(tokenizer, tokens, rows, err);
    if (status != FLOWBD3_OK)
        return status;
    flowbd3_context *context = tokenizer->context;
    size_t chunks = rows / CHUNK_ROWS + (rows % CHUNK_ROWS != 0), columns = tokenizer->n_columns;
    decoding d = {.tokenizer = tokenizer, .tokens = tokens, .rows = rows, .decoder = decoder};
    atomic_init(&d.no_memory, false);
    d.columns = fb3_allocate_zero(context, columns, sizeof *d.columns);
    d.missing = fb3_allocate_zero(context, chunks * columns, sizeof *d.missing);
    if (d.columns == NULL || d.missing == NULL || !find_given(&d) || !start_columns(&d))
        status = fb3_no_memory(err, "decoding a table");
    else
        status = fill_table(&d, chunks, out, err);
    for (size_t i = 0; d.columns != NULL && i < columns; i++)
        fb3_column_release(context, &d.columns[i]);
    fb3_release(context, d.columns);
    fb3_release(context, d.missing);
    fb3_release(context, d.given);
    return status;
}

flowbd3_status flowbd3_tokenizer_decode(const flowbd3_tokenizer *tokenizer, const uint16_t *tokens,
                                        size_t rows, flowbd3_decoding way, uint64_t seed, uint64_t first_row,
                                        flowbd3_table **out, flowbd3_error *err) {
    if (out == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_tokenizer_decode: out is NULL");
    *out = NULL;
    if (tokenizer == NULL || (tokens == NULL && rows != 0))
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_tokenizer_decode: %s is NULL",
                        tokenizer == NULL ? "tokenizer" : "tokens");
    if (way != FLOWBD3_DECODE_DRAW && way != FLOWBD3_DECODE_CENTRE)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "decoding is %d, expected 0 or 1", (int)way);
    fb3_decoder decoder = {tokenizer->restraint, way, seed, first_row, NULL, 0};
    return fb3_tokenizer_decode_rows(tokenizer, tokens, rows, &decoder, out, err);
}
