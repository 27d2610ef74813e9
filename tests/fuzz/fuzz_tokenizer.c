/* Any bytes as the JSON of a tokenizer: an error, or a tokenizer that is its JSON and whose every token
 * decodes to a value that has the token, or with sequences to tables of them. */
#include "../unit/compare_tables.h"
#include "tokenizer/tokenizer.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
    if (!holds)
        abort();
}

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

static void tokens_come_back(const flowbd3_tokenizer *tokenizer, flowbd3_decoding way) {
    size_t slots = flowbd3_tokenizer_slots(tokenizer), rows = 0;
    for (size_t s = 0; s < slots; s++) {
        size_t vocabulary = flowbd3_tokenizer_vocabulary(tokenizer, s);
        rows = vocabulary > rows ? vocabulary : rows;
    }
    rows *= 4;
    uint16_t *tokens = calloc(rows * slots, sizeof *tokens), *again = calloc(rows * slots, sizeof *again);
    check(tokens != NULL && again != NULL);
    for (size_t i = 0; i < rows * slots; i++)
        tokens[i] = (uint16_t)(i / slots % flowbd3_tokenizer_vocabulary(tokenizer, i % slots));
    flowbd3_table *table;
    check(flowbd3_tokenizer_decode(tokenizer, tokens, rows, way, 1, 0, &table, NULL) == FLOWBD3_OK);
    check(flowbd3_tokenizer_encode(tokenizer, table, again, NULL) == FLOWBD3_OK);
    check(memcmp(tokens, again, rows * slots * sizeof *tokens) == 0);
    flowbd3_table_destroy(&table);
    free(tokens);
    free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    flowbd3_context_options single = FLOWBD3_CONTEXT_OPTIONS_INIT;
    single.threads = 1;
    flowbd3_context *context;
    flowbd3_tokenizer *tokenizer;
    flowbd3_error err = {0};
    check(flowbd3_context_create(&context, &single, NULL) == FLOWBD3_OK);
    flowbd3_status status = flowbd3_tokenizer_from_json(&tokenizer, context, (const char *)data, size, &err);
    if (status == FLOWBD3_OK) {
        round_trip(context, tokenizer);
        sequences_are_tables(tokenizer);
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
