/* Any bytes as the JSON of a tokenizer: an error, or a tokenizer that is its JSON, whose tokens decode to
 * values of their range that have the tokens where no rules move them, or with sequences to tables of them,
 * and whose rows obey its rules. */
#include "../unit/compare_tables.h"
#include "fuzz.h"
#include "tokenizer/tokenizer.h"

#include <math.h>

static void round_trip(flowbd3_context *context, const flowbd3_tokenizer *tokenizer) {
    char *first, *second;
    flowbd3_tokenizer *again;
    check(flowbd3_tokenizer_to_json(tokenizer, &first, NULL) == FLOWBD3_OK);
    check(flowbd3_tokenizer_from_json(&again, context, first, strlen(first), NULL) == FLOWBD3_OK);
    check(flowbd3_tokenizer_to_json(again, &second, NULL) == FLOWBD3_OK);
    check(strcmp(first, second) == 0);
    flowbd3_string_destroy(context, &first);
    flowbd3_string_destroy(context, &second);
    flowbd3_tokenizer_destroy(&again);
}

enum { SEQUENCES = 8, LENGTH = 8 };

/* What is generated is a table of the fitted kind, whose rows can be arranged. */
static void sequences_are_tables(const flowbd3_tokenizer *tokenizer) {
    fb3_sequence sequences[SEQUENCES];
    size_t slots = flowbd3_tokenizer_slots(tokenizer), rows = 0;
    for (size_t i = 0; i < SEQUENCES; i++) {
        sequences[i] = fb3_tokenizer_sequence(tokenizer, LENGTH, 1, i);
        check(sequences[i].flows >= 1 && sequences[i].flows <= LENGTH);
        rows += sequences[i].flows;
    }
    uint16_t *tokens = calloc(rows * slots, sizeof *tokens);
    check(tokens != NULL);
    for (size_t i = 0; i < rows * slots; i++)
        tokens[i] = (uint16_t)(i / slots % flowbd3_tokenizer_vocabulary(tokenizer, i % slots));
    flowbd3_table *table;
    fb3_arrangement *arrangement;
    check(fb3_tokenizer_decode_sequences(
              tokenizer, tokens, rows,
              &(fb3_decoder){tokenizer->restraint, FLOWBD3_DECODE_DRAW, 1, 0, NULL, 0}, sequences, SEQUENCES,
              &table, NULL) == FLOWBD3_OK);
    check(fb3_tokenizer_arrange(tokenizer, table, &arrangement, NULL) == FLOWBD3_OK);
    check(arrangement->rows == rows && arrangement->groups <= SEQUENCES);
    fb3_arrangement_destroy(&arrangement);
    flowbd3_table_destroy(&table);
    free(tokens);
}

/* Every number lies in the range of its column, unless a rule computes it. */
static void in_range(const flowbd3_tokenizer *t, const flowbd3_table *table) {
    for (size_t i = 0; i < t->n_columns; i++) {
        const fb3_codec *codec = &t->columns[i];
        if (codec->derived || codec->categories.dictionary != NULL)
            continue;
        fb3_interval range = fb3_codec_range(codec, NULL, 0);
        for (size_t row = 0; row < flowbd3_table_rows(table); row++) {
            double number = flowbd3_table_number(table, row, i);
            check(isnan(number) || (number >= range.low && number <= range.high));
        }
    }
}

/* What the tokens of a column come back as when no rules move its values; false: that is not known. */
static bool expected_tokens(const flowbd3_tokenizer *t, size_t column, const uint16_t *own,
                            uint16_t *expected) {
    const fb3_codec *codec = &t->columns[column];
    if (codec->digits != NULL ||
        (codec->categories.rare > 0 && own[0] >= codec->categories.dictionary->count))
        return false;
    memcpy(expected, own, codec->slots * sizeof *expected);
    if (fb3_codec_is_missing(codec, own))
        fb3_codec_encode_missing(codec, expected);
    else if (codec->levels.groups != NULL)
        fb3_levels_tokens(&codec->levels, fb3_levels_of_tokens(&codec->levels, own), expected);
    return true;
}

static void tokens_come_back(const flowbd3_tokenizer *t, flowbd3_decoding way) {
    size_t slots = t->n_slots, rows = 0;
    for (size_t s = 0; s < slots; s++)
        rows = t->slots[s].vocabulary > rows ? t->slots[s].vocabulary : rows;
    rows *= 4;
    uint16_t *tokens = calloc(rows * slots, sizeof *tokens), *again = calloc(rows * slots, sizeof *again);
    check(tokens != NULL && again != NULL);
    for (size_t i = 0; i < rows * slots; i++)
        tokens[i] = (uint16_t)(i / slots % t->slots[i % slots].vocabulary);
    flowbd3_table *table;
    check(flowbd3_tokenizer_decode(t, tokens, rows, way, 1, 0, &table, NULL) == FLOWBD3_OK);
    in_range(t, table);
    check(flowbd3_tokenizer_encode(t, table, again, NULL) == FLOWBD3_OK);
    for (size_t row = 0; t->restraint->bound->count == 0 && row < rows; row++)
        for (size_t i = 0; i < t->n_columns; i++) {
            const fb3_codec *codec = &t->columns[i];
            uint16_t expected[FB3_SLOTS_MAX];
            size_t at = row * slots + codec->first_slot;
            if (codec->slots > 0 && expected_tokens(t, i, tokens + at, expected))
                check(memcmp(expected, again + at, codec->slots * sizeof *expected) == 0);
        }
    flowbd3_table_destroy(&table);
    free(tokens);
    free(again);
}

/* Rows of tokens that are allowed, slot after slot; what settles obeys. */
static void rows_obey(const flowbd3_tokenizer *t) {
    size_t most = 0;
    for (size_t s = 0; s < t->n_slots; s++)
        most = t->slots[s].vocabulary > most ? t->slots[s].vocabulary : most;
    uint16_t *tokens = calloc(t->n_slots, sizeof *tokens);
    uint8_t *allowed = calloc(most, 1);
    fb3_row *row;
    check(tokens != NULL && allowed != NULL && fb3_row_create(&row, t->restraint, NULL) == FLOWBD3_OK);
    for (size_t number = 0; number < 16; number++) {
        bool left = true;
        fb3_row_begin(row);
        for (size_t s = 0; left && s < t->n_slots; s++) {
            size_t count = fb3_row_allow(row, s, tokens, allowed), token = 0;
            left = count > 0;
            for (size_t k = left ? (number + s) % count : 0; left && (k > 0 || !allowed[token]); token++)
                k -= allowed[token];
            tokens[s] = (uint16_t)token;
            if (left)
                fb3_row_know(row, s, tokens);
        }
        if (!left || !fb3_row_settle(row, tokens, FLOWBD3_DECODE_DRAW, 1, number))
            continue;
        for (size_t i = 0; i < t->restraint->bound->count; i++)
            check(fb3_bound_judge(t->restraint->bound, i, row->cells) != FB3_VIOLATED);
    }
    fb3_row_destroy(&row);
    free(tokens);
    free(allowed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    flowbd3_context *context = fuzz_context();
    flowbd3_tokenizer *tokenizer;
    flowbd3_error err = {0};
    flowbd3_status status = flowbd3_tokenizer_from_json(&tokenizer, context, (const char *)data, size, &err);
    if (status == FLOWBD3_OK) {
        round_trip(context, tokenizer);
        sequences_are_tables(tokenizer);
        rows_obey(tokenizer);
        if (tokenizer->sequencing == NULL) {
            tokens_come_back(tokenizer, FLOWBD3_DECODE_DRAW);
            tokens_come_back(tokenizer, FLOWBD3_DECODE_CENTRE);
        }
    } else {
        check(tokenizer == NULL && err.status == status && err.message[0] != '\0');
    }
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_context_destroy(&context);
    return 0;
}
