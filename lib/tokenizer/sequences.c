/* Sequences of flows: how the tokenizer was told to make them, which ones to generate, and tables of them. */
#include "tokenizer/tokenizer.h"

flowbd3_status fb3_tokenizer_arrange(const flowbd3_tokenizer *tokenizer, const flowbd3_table *table,
                                     fb3_arrangement **out, flowbd3_error *err) {
    if (tokenizer->sequencing != NULL)
        return fb3_sequencing_arrange(tokenizer->sequencing, table, out, err);
    return fb3_arrangement_create(out, table, &(fb3_criteria){.order_by = SIZE_MAX}, err);
}

size_t fb3_tokenizer_gap_slot(const flowbd3_tokenizer *tokenizer) {
    const fb3_sequencing *sequencing = tokenizer->sequencing;
    if (sequencing == NULL || sequencing->order_by == NULL)
        return SIZE_MAX;
    size_t column = 0;
    while (strcmp(tokenizer->columns[column].name, sequencing->order_by) != 0)
        column++;
    return tokenizer->columns[column].first_slot;
}

fb3_sequence fb3_tokenizer_sequence(const flowbd3_tokenizer *tokenizer, size_t length, uint64_t seed,
                                    uint64_t number) {
    const fb3_sequencing *s = tokenizer->sequencing;
    if (s != NULL)
        return fb3_sequence_draw(s->group, s->groups, s->time, length, seed, number);
    return fb3_sequence_draw(&(fb3_group){.rows = tokenizer->rows}, 1, FLOWBD3_TYPE_AUTO, length, seed,
                             number);
}

static flowbd3_status check_sequences(const flowbd3_tokenizer *tokenizer, const fb3_sequence *sequences,
                                      size_t n_sequences, size_t rows, flowbd3_error *err) {
    size_t groups = tokenizer->sequencing != NULL ? tokenizer->sequencing->groups : 1, left = rows;
    for (size_t i = 0; i < n_sequences; i++) {
        if (sequences[i].group >= groups)
            return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "sequence %zu is of group %zu, expected below %zu",
                            i, sequences[i].group, groups);
        if (sequences[i].flows > left)
            return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "sequence %zu goes beyond the %zu rows there are", i,
                            rows);
        left -= sequences[i].flows;
    }
    if (left != 0)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "%zu of %zu rows are in no sequence", left, rows);
    return FLOWBD3_OK;
}

flowbd3_status fb3_tokenizer_decode_sequences(const flowbd3_tokenizer *tokenizer, const uint16_t *tokens,
                                              size_t rows, const fb3_decoder *decoder,
                                              const fb3_sequence *sequences, size_t n_sequences,
                                              flowbd3_table **out, flowbd3_error *err) {
    *out = NULL;
    flowbd3_status status = check_sequences(tokenizer, sequences, n_sequences, rows, err);
    if (status != FLOWBD3_OK)
        return status;
    flowbd3_table *table;
    status = fb3_tokenizer_decode_rows(tokenizer, tokens, rows, decoder, &table, err);
    if (status == FLOWBD3_OK && tokenizer->sequencing != NULL)
        return fb3_sequencing_restore(tokenizer->sequencing, &table, sequences, n_sequences, out, err);
    *out = table;
    return status;
}

flowbd3_status flowbd3_tokenizer_columns_table(const flowbd3_tokenizer *tokenizer, flowbd3_table **out,
                                               flowbd3_error *err) {
    if (out != NULL)
        *out = NULL;
    if (tokenizer == NULL || out == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_tokenizer_columns_table: %s is NULL",
                        tokenizer == NULL ? "tokenizer" : "out");
    fb3_decoder decoder = {.restraint = tokenizer->restraint};
    return fb3_tokenizer_decode_sequences(tokenizer, NULL, 0, &decoder, NULL, 0, out, err);
}
