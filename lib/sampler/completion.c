/* Completion: a table whose cells that are there are given to the rows. */
#include "sampler/sampler.h"

#include <string.h>

/* Takes up a cell that is there. */
static flowbd3_status take_cell(flowbd3_sampler *s, size_t column, size_t row, flowbd3_error *err) {
    const flowbd3_tokenizer *t = s->model->tokenizer;
    const fb3_codec *codec = &t->columns[column];
    int64_t of_table = s->partial.columns[column];
    uint16_t *tokens = s->partial.tokens + row * t->n_slots + codec->first_slot;
    fb3_cell cell;
    int64_t key;
    if (!fb3_tokenizer_cell(t, column, s->partial.table, of_table, row, &cell, &key))
        return FLOWBD3_OK;
    if (codec->categories.dictionary != NULL && cell.code < 0)
        return fb3_fail_at(
            err, FLOWBD3_ERROR_RANGE, (int64_t)row + 1, of_table + 1,
            "row %zu: the model knows no value '%.60s' of column '%.80s'", row + 1,
            flowbd3_table_category(s->partial.table, (size_t)of_table,
                                   (size_t)flowbd3_table_codes(s->partial.table, (size_t)of_table)[row]),
            codec->name);
    fb3_interval range =
        codec->categories.dictionary == NULL ? fb3_codec_range(codec, NULL, 0) : (fb3_interval){0.0, 0.0};
    if (codec->categories.dictionary == NULL && (cell.number < range.low || cell.number > range.high))
        return fb3_fail_at(err, FLOWBD3_ERROR_RANGE, (int64_t)row + 1, of_table + 1,
                           "row %zu: %.10g is outside the range of column '%.80s', %.10g to %.10g", row + 1,
                           cell.number, codec->name, range.low, range.high);
    if (codec->derived)
        return FLOWBD3_OK;
    if (codec->categories.dictionary != NULL)
        tokens[0] = (uint16_t)cell.code;
    else
        fb3_codec_encode(codec, key, tokens);
    return FLOWBD3_OK;
}

/* The given cells of a row, as far as the columns before the first that contradicts them; with `narrow` what
 * rules make of them, cell by cell, too. How many columns could be set. */
static size_t set_cells(const flowbd3_sampler *s, fb3_row *r, size_t row, bool narrow) {
    const flowbd3_tokenizer *t = s->model->tokenizer;
    for (size_t i = 0; i < t->n_columns; i++) {
        fb3_cell cell;
        int64_t key;
        if (fb3_tokenizer_cell(t, i, s->partial.table, s->partial.columns[i], row, &cell, &key) &&
            (!fb3_row_set(r, i, &cell) || (narrow && !fb3_row_narrow(r))))
            return i;
    }
    return t->n_columns;
}

void fb3_sampler_set_given(const flowbd3_sampler *s, fb3_row *row, uint64_t number) {
    if (s->partial.table != NULL && number < s->partial.rows)
        (void)set_cells(s, row, (size_t)number, false);
}

/* Whether rules leave a row of given cells. */
static flowbd3_status check_row(const flowbd3_sampler *s, fb3_row *r, size_t row, flowbd3_error *err) {
    const flowbd3_tokenizer *t = s->model->tokenizer;
    fb3_row_begin(r);
    if (set_cells(s, r, row, false) == t->n_columns && fb3_row_narrow(r))
        return FLOWBD3_OK;
    fb3_row_begin(r);
    size_t column = set_cells(s, r, row, true);
    if (column == t->n_columns)
        return FLOWBD3_OK;
    return fb3_fail_at(
        err, FLOWBD3_ERROR_RANGE, (int64_t)row + 1, s->partial.columns[column] + 1,
        "row %zu: column '%.80s' contradicts a rule or a condition, beside the cells before it", row + 1,
        t->columns[column].name);
}

static flowbd3_status check_rows(const flowbd3_sampler *s, flowbd3_error *err) {
    fb3_row *r = NULL;
    flowbd3_status status = fb3_row_create(&r, s->restraint, err);
    for (size_t row = 0; status == FLOWBD3_OK && row < s->partial.rows; row++)
        status = check_row(s, r, row, err);
    fb3_row_destroy(&r);
    return status;
}

static flowbd3_status find_columns(flowbd3_sampler *s, flowbd3_error *err) {
    const flowbd3_tokenizer *t = s->model->tokenizer;
    for (size_t i = 0; i < t->n_columns; i++) {
        int64_t column = s->partial.columns[i] = flowbd3_table_find(s->partial.table, t->columns[i].name);
        if (column < 0)
            continue;
        flowbd3_type type = flowbd3_table_type(s->partial.table, (size_t)column), own = t->columns[i].type;
        if (fb3_type_serves(type, own))
            continue;
        /* A column without a cell is real. */
        if (flowbd3_table_missing(s->partial.table, (size_t)column) == flowbd3_table_rows(s->partial.table))
            s->partial.columns[i] = -1;
        else
            return fb3_fail_at(err, FLOWBD3_ERROR_SCHEMA, 0, column + 1, "column '%.80s' is %s, expected %s",
                               t->columns[i].name, fb3_type_name(type), fb3_type_name(own));
    }
    return FLOWBD3_OK;
}

flowbd3_status fb3_sampler_take_partial(flowbd3_sampler *s, const flowbd3_table *table, flowbd3_error *err) {
    const flowbd3_tokenizer *t = s->model->tokenizer;
    size_t rows = flowbd3_table_rows(table);
    s->partial.table = table;
    s->partial.rows = rows;
    s->partial.columns = fb3_allocate(s->context, t->n_columns, sizeof *s->partial.columns);
    s->partial.tokens = fb3_allocate(s->context, rows * t->n_slots, sizeof *s->partial.tokens);
    if (s->partial.columns == NULL || s->partial.tokens == NULL)
        return fb3_no_memory(err, "a table to complete");
    memset(s->partial.tokens, 0xff, rows * t->n_slots * sizeof *s->partial.tokens);
    flowbd3_status status = find_columns(s, err);
    for (size_t i = 0; status == FLOWBD3_OK && i < t->n_columns; i++)
        for (size_t row = 0; status == FLOWBD3_OK && s->partial.columns[i] >= 0 && row < rows; row++)
            status = take_cell(s, i, row, err);
    return status == FLOWBD3_OK ? check_rows(s, err) : status;
}

void fb3_sampler_drop_partial(flowbd3_sampler *s) {
    fb3_release(s->context, s->partial.columns);
    fb3_release(s->context, s->partial.tokens);
    s->partial = (fb3_partial){0};
}
