/* Tokens as tables. */
#include "tokenizer/tokenizer.h"

#include <math.h>

enum { CHUNK_ROWS = 4096 };

typedef struct decoding {
    const flowbd3_tokenizer *tokenizer;
    const uint16_t *tokens; /* [rows, n_slots] */
    size_t rows;
    flowbd3_decoding way;
    uint64_t seed, first_row;
    fb3_column *columns; /* [n_columns] of the table to come */
    size_t *missing;     /* [chunks, n_columns] */
} decoding;

/* ---- one cell ---------------------------------------------------------------------------------- */

static int64_t clamp(int64_t key, int64_t low, int64_t high) {
    return key < low ? low : key > high ? high : key;
}

static int64_t round_integer(const fb3_codec *codec, int64_t key) {
    return codec->type == FLOWBD3_TYPE_TIMESTAMP ? fb3_time_round(key, codec->decimals) : key;
}

/* The key share of the way from low to high, rounded as the column is. */
static int64_t between(const fb3_codec *codec, int64_t low, int64_t high, double share) {
    if (fb3_has_integers(codec->type)) {
        uint64_t width = (uint64_t)high - (uint64_t)low, offset = (uint64_t)rint(share * (double)width);
        return round_integer(codec, (int64_t)((uint64_t)low + (offset < width ? offset : width)));
    }
    double value = fb3_real_of_key(low) * (1 - share) + fb3_real_of_key(high) * share;
    return fb3_key_of_real(fb3_round_to_decimals(value, codec->decimals));
}

/* A draw stays between the least and the greatest fitted value of the bin, which have its token, and so has
 * all that lies between them. */
static int64_t draw(const fb3_slot *slot, const fb3_codec *codec, size_t token, double uniform) {
    const fb3_bin *bin = &slot->bins[token];
    const int64_t *knots = slot->knots + bin->knot;
    if (bin->discrete) {
        const uint64_t *cumulative = slot->cumulative + bin->knot;
        double target = uniform * (double)cumulative[bin->knots - 1];
        size_t i = 0;
        while (i + 1 < bin->knots && (double)cumulative[i] <= target)
            i++;
        return knots[i];
    }
    double place = uniform * (double)(bin->knots - 1);
    size_t i = (size_t)place < bin->knots - 2 ? (size_t)place : bin->knots - 2;
    int64_t key = between(codec, knots[i], knots[i + 1], place - (double)i);
    return clamp(key, knots[0], knots[bin->knots - 1]);
}

/* The centre, or where rounding it leaves the bin, the fitted value nearest to it. */
static int64_t centre(const fb3_slot *slot, const fb3_codec *codec, size_t token) {
    const fb3_bin *bin = &slot->bins[token];
    const int64_t *knots = slot->knots + bin->knot;
    if (bin->knots == 1 && bin->low == bin->high)
        return knots[0];
    double value = fb3_middle(bin->low, bin->high);
    int64_t key = codec->type == FLOWBD3_TYPE_REAL
                      ? fb3_key_of_real(fb3_round_to_decimals(value, codec->decimals))
                      : round_integer(codec, fb3_key_at_least(codec->type, rint(value)));
    const int64_t *last = slot->knots + slot->n_knots - 1;
    if (fb3_slot_token(slot, key) != token || key < slot->knots[0] || key > *last)
        key = clamp(key, knots[0], knots[bin->knots - 1]);
    return key;
}

/* ---- a chunk of rows --------------------------------------------------------------------------- */

static void put_cell(const decoding *d, size_t slot_index, size_t row, size_t *missing) {
    const fb3_slot *slot = &d->tokenizer->slots[slot_index];
    const fb3_codec *codec = &d->tokenizer->columns[slot->column];
    fb3_column *column = &d->columns[slot->column];
    size_t token = d->tokens[row * d->tokenizer->n_slots + slot_index];
    if (token >= slot->values) {
        column->valid[row] = 0;
        ++*missing;
        fb3_put_missing(column, row);
        return;
    }
    column->valid[row] = 1;
    if (fb3_has_dictionary(codec->type)) {
        column->codes[row] = (int32_t)token;
        return;
    }
    int64_t key = slot->knots[slot->bins[token].knot];
    if (d->way == FLOWBD3_DECODE_CENTRE)
        key = centre(slot, codec, token);
    else if (slot->bins[token].knots > 1)
        key = draw(slot, codec, token,
                   fb3_uniform(d->seed, FB3_RANDOM_DECODE, d->first_row + row, (uint32_t)slot->column));
    if (codec->type == FLOWBD3_TYPE_REAL)
        column->real[row] = fb3_real_of_key(key);
    else
        column->integer[row] = key;
}

static void decode_chunk(void *argument, size_t chunk, unsigned worker) {
    (void)worker;
    const decoding *d = argument;
    size_t begin = chunk * CHUNK_ROWS;
    size_t end = d->rows - begin < CHUNK_ROWS ? d->rows : begin + CHUNK_ROWS;
    for (size_t slot = 0; slot < d->tokenizer->n_slots; slot++) {
        size_t missing = 0;
        for (size_t row = begin; row < end; row++)
            put_cell(d, slot, row, &missing);
        d->missing[chunk * d->tokenizer->n_columns + d->tokenizer->slots[slot].column] = missing;
    }
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
    }
    for (size_t s = 0; s < t->n_slots; s++)
        if (t->slots[s].dictionary != NULL)
            d->columns[t->slots[s].column].dictionary = fb3_dictionary_retain(t->slots[s].dictionary);
    return true;
}

/* Decodes the rows and hands the columns to a new table. */
static flowbd3_status fill_table(decoding *d, size_t chunks, flowbd3_table **out, flowbd3_error *err) {
    flowbd3_status status = flowbd3_table_create(out, d->tokenizer->context, err);
    if (status != FLOWBD3_OK)
        return status;
    fb3_parallel(d->tokenizer->context, chunks, decode_chunk, d);
    for (size_t i = 0; status == FLOWBD3_OK && i < d->tokenizer->n_columns; i++) {
        for (size_t chunk = 0; chunk < chunks; chunk++)
            d->columns[i].missing += d->missing[chunk * d->tokenizer->n_columns + i];
        status = fb3_table_adopt(*out, &d->columns[i], d->rows, err);
    }
    if (status != FLOWBD3_OK)
        flowbd3_table_destroy(out);
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
    flowbd3_status status = check_tokens(tokenizer, tokens, rows, err);
    if (status != FLOWBD3_OK)
        return status;
    flowbd3_context *context = tokenizer->context;
    size_t chunks = rows / CHUNK_ROWS + (rows % CHUNK_ROWS != 0), columns = tokenizer->n_columns;
    decoding d = {tokenizer, tokens, rows, way, seed, first_row, NULL, NULL};
    d.columns = fb3_allocate_zero(context, columns, sizeof *d.columns);
    d.missing = fb3_allocate_zero(context, chunks * columns, sizeof *d.missing);
    if (d.columns == NULL || d.missing == NULL || !start_columns(&d))
        status = fb3_no_memory(err, "decoding a table");
    else
        status = fill_table(&d, chunks, out, err);
    for (size_t i = 0; d.columns != NULL && i < columns; i++)
        fb3_column_release(context, &d.columns[i]);
    fb3_release(context, d.columns);
    fb3_release(context, d.missing);
    return status;
}
