/* Tables as tokens. */
#include "tokenizer/tokenizer.h"

enum { CHUNK_ROWS = 4096 };

/* A column of the tokenizer and the column of the table that feeds it. */
typedef struct source {
    const fb3_codec *codec;
    size_t column; /* of the table */
    const double *real;
    const int64_t *integer;
    const int32_t *codes;
    const uint8_t *valid;
    int32_t *token_of_code; /* [categories] -1 for one that was not there when fitted */
} source;

typedef struct encoding {
    const flowbd3_tokenizer *tokenizer;
    size_t rows;
    uint64_t first_row; /* number of the first one, for messages */
    bool known_only;    /* what has no token is masked instead of failing */
    source *sources;    /* [n_columns] */
    uint16_t *tokens;   /* [rows, n_slots] */
    size_t *bad_row;    /* [chunks] first row of the chunk that cannot be encoded; rows when all can */
    size_t *bad_column; /* [chunks] the column it fails in */
} encoding;

/* Tokens of a cell; false: a category or a missing cell without a token. */
static bool encode_cell(const source *from, size_t row, uint16_t *tokens) {
    if ((from->valid != NULL && !from->valid[row]) || (from->codes != NULL && from->codes[row] < 0)) {
        if (from->codec->missing == 0)
            return false;
        fb3_codec_encode_missing(from->codec, tokens);
    } else if (from->codes != NULL) {
        int32_t token = from->token_of_code[from->codes[row]];
        if (token < 0)
            return false;
        tokens[0] = (uint16_t)token;
    } else {
        fb3_codec_encode(from->codec,
                         from->real != NULL ? fb3_key_of_real(from->real[row]) : from->integer[row], tokens);
    }
    return true;
}

/* The masks of a column's slots. */
static void mask_cell(const flowbd3_tokenizer *t, const fb3_codec *codec, uint16_t *tokens) {
    for (size_t place = 0; place < codec->slots; place++)
        tokens[place] = (uint16_t)t->slots[codec->first_slot + place].vocabulary;
}

static void encode_chunk(void *argument, size_t chunk, unsigned worker) {
    (void)worker;
    encoding *e = argument;
    size_t slots = e->tokenizer->n_slots, begin = chunk * CHUNK_ROWS;
    size_t end = e->rows - begin < CHUNK_ROWS ? e->rows : begin + CHUNK_ROWS;
    e->bad_row[chunk] = e->rows;
    for (size_t i = 0; i < e->tokenizer->n_columns; i++)
        for (size_t row = begin; row < end && row <= e->bad_row[chunk]; row++) {
            const fb3_codec *codec = e->sources[i].codec;
            if (codec == NULL) /* no slots */
                break;
            uint16_t *tokens = e->tokens + row * slots + codec->first_slot;
            if (encode_cell(&e->sources[i], row, tokens))
                continue;
            if (e->known_only) {
                mask_cell(e->tokenizer, codec, tokens);
            } else if (row < e->bad_row[chunk]) {
                e->bad_row[chunk] = row;
                e->bad_column[chunk] = i;
            }
        }
}

static flowbd3_status find_source(source *from, const flowbd3_tokenizer *tokenizer, size_t number,
                                  const flowbd3_table *table, flowbd3_error *err) {
    const fb3_codec *codec = &tokenizer->columns[number];
    int64_t column = flowbd3_table_find(table, codec->name);
    if (column < 0)
        return fb3_fail(err, FLOWBD3_ERROR_SCHEMA, "the table has no column '%.80s', expected one of type %s",
                        codec->name, fb3_type_name(codec->type));
    from->codec = codec;
    from->column = (size_t)column;
    flowbd3_type type = flowbd3_table_type(table, from->column);
    if (!fb3_type_serves(type, codec->type))
        return fb3_fail_at(err, FLOWBD3_ERROR_SCHEMA, 0, column + 1, "column '%.80s' is %s, expected %s",
                           codec->name, fb3_type_name(type), fb3_type_name(codec->type));
    from->real = flowbd3_table_real(table, from->column);
    from->integer = flowbd3_table_integer(table, from->column);
    from->codes = flowbd3_table_codes(table, from->column);
    from->valid = flowbd3_table_valid(table, from->column);
    if (from->codes == NULL)
        return FLOWBD3_OK;
    size_t categories = flowbd3_table_categories(table, from->column);
    from->token_of_code = fb3_allocate(tokenizer->context, categories, sizeof *from->token_of_code);
    if (from->token_of_code == NULL)
        return fb3_no_memory(err, "the categories of a column");
    for (size_t i = 0; i < categories; i++)
        from->token_of_code[i] =
            fb3_categories_find(&codec->categories, flowbd3_table_category(table, from->column, i));
    return FLOWBD3_OK;
}

/* The error of the first row that could not be encoded. */
static flowbd3_status check_rows(const encoding *e, size_t chunks, const flowbd3_table *table,
                                 flowbd3_error *err) {
    for (size_t chunk = 0; chunk < chunks; chunk++) {
        size_t row = e->bad_row[chunk];
        unsigned long long number = e->first_row + row + 1;
        if (row == e->rows)
            continue;
        const source *from = &e->sources[e->bad_column[chunk]];
        const char *name = flowbd3_table_name(table, from->column);
        int64_t column = (int64_t)from->column + 1;
        if (from->codes != NULL && from->codes[row] >= 0)
            return fb3_fail_at(
                err, FLOWBD3_ERROR_SCHEMA, (int64_t)number, column,
                "column '%.80s', row %llu holds '%.60s', which the tokenizer was not fitted with", name,
                number, flowbd3_table_category(table, from->column, (size_t)from->codes[row]));
        return fb3_fail_at(
            err, FLOWBD3_ERROR_SCHEMA, (int64_t)number, column,
            "column '%.80s', row %llu is missing, but no cell was when the tokenizer was fitted", name,
            number);
    }
    return FLOWBD3_OK;
}

/* Encodes a table that has gaps in place of times. */
static flowbd3_status encode_prepared(const flowbd3_tokenizer *tokenizer, const flowbd3_table *table,
                                      uint64_t first_row, bool known_only, uint16_t *tokens,
                                      flowbd3_error *err) {
    size_t rows = flowbd3_table_rows(table), columns = tokenizer->n_columns;
    flowbd3_context *context = tokenizer->context;
    size_t chunks = rows / CHUNK_ROWS + (rows % CHUNK_ROWS != 0);
    encoding e = {tokenizer, rows, first_row, known_only, NULL, tokens, NULL, NULL};
    e.sources = fb3_allocate_zero(context, columns, sizeof *e.sources);
    e.bad_row = fb3_allocate(context, chunks, sizeof *e.bad_row);
    e.bad_column = fb3_allocate(context, chunks, sizeof *e.bad_column);
    flowbd3_status status = FLOWBD3_OK;
    if (e.sources == NULL || e.bad_row == NULL || e.bad_column == NULL)
        status = fb3_no_memory(err, "encoding a table");
    for (size_t i = 0; status == FLOWBD3_OK && i < columns; i++)
        if (tokenizer->columns[i].slots > 0)
            status = find_source(&e.sources[i], tokenizer, i, table, err);
    if (status == FLOWBD3_OK) {
        fb3_parallel(context, chunks, encode_chunk, &e);
        status = check_rows(&e, chunks, table, err);
    }
    for (size_t i = 0; e.sources != NULL && i < columns; i++)
        fb3_release(context, e.sources[i].token_of_code);
    fb3_release(context, e.sources);
    fb3_release(context, e.bad_row);
    fb3_release(context, e.bad_column);
    return status;
}

static flowbd3_status encode(const flowbd3_tokenizer *tokenizer, const flowbd3_table *table, bool known_only,
                             uint16_t *tokens, flowbd3_error *err) {
    if (tokenizer->sequencing == NULL)
        return encode_prepared(tokenizer, table, 0, known_only, tokens, err);
    fb3_prepared prepared;
    flowbd3_status status = fb3_sequencing_prepare(tokenizer->sequencing, table, &prepared, err);
    if (status == FLOWBD3_OK)
        status = encode_prepared(tokenizer, &prepared.table, 0, known_only, tokens, err);
    fb3_prepared_release(&prepared);
    return status;
}

flowbd3_status flowbd3_tokenizer_encode(const flowbd3_tokenizer *tokenizer, const flowbd3_table *table,
                                        uint16_t *tokens, flowbd3_error *err) {
    if (tokenizer == NULL || table == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_tokenizer_encode: %s is NULL",
                        tokenizer == NULL ? "tokenizer" : "table");
    if (tokens == NULL && flowbd3_table_rows(table) != 0)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_tokenizer_encode: tokens is NULL");
    return encode(tokenizer, table, false, tokens, err);
}

flowbd3_status fb3_tokenizer_encode_known(const flowbd3_tokenizer *tokenizer, const flowbd3_table *table,
                                          uint16_t *tokens, flowbd3_error *err) {
    return encode(tokenizer, table, true, tokens, err);
}

flowbd3_status fb3_tokenizer_encode_chunk(const flowbd3_tokenizer *tokenizer, const flowbd3_table *chunk,
                                          uint64_t first_row, uint16_t *tokens, flowbd3_error *err) {
    return encode_prepared(tokenizer, chunk, first_row, false, tokens, err);
}
