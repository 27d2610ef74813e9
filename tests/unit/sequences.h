/* Tables whose rows are sequences, and tokenizers told so. */
#ifndef SEQUENCES_H
#define SEQUENCES_H

#include "compare_tables.h"
#include "tokenizer/tokenizer.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static flowbd3_context *context;

static inline void setup(void) {
    flowbd3_context_options options = FLOWBD3_CONTEXT_OPTIONS_INIT;
    options.threads = 2;
    ck_assert_int_eq(flowbd3_context_create(&context, &options, NULL), FLOWBD3_OK);
}

static inline void teardown(void) {
    flowbd3_context_destroy(&context);
}

static inline flowbd3_table *parse(const char *csv) {
    flowbd3_table *table;
    flowbd3_error err = {0};
    ck_assert_msg(flowbd3_table_parse_csv(&table, context, csv, strlen(csv), NULL, &err) == FLOWBD3_OK, "%s",
                  err.message);
    return table;
}

static inline flowbd3_status try_fit(flowbd3_tokenizer **out, const flowbd3_table *table,
                                     const char *const *group_by, size_t n_group_by, const char *order_by,
                                     flowbd3_error *err) {
    flowbd3_tokenizer_options options = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    options.bins = 5000;
    options.seed = 7;
    options.group_by = group_by;
    options.n_group_by = n_group_by;
    options.order_by = order_by;
    return flowbd3_tokenizer_create(out, table, &options, err);
}

static inline flowbd3_tokenizer *fit(const flowbd3_table *table, const char *const *group_by,
                                     size_t n_group_by, const char *order_by) {
    flowbd3_tokenizer *tokenizer;
    flowbd3_error err = {0};
    ck_assert_msg(try_fit(&tokenizer, table, group_by, n_group_by, order_by, &err) == FLOWBD3_OK, "%s",
                  err.message);
    return tokenizer;
}

static const char little[] = "bytes,time,source,state\n"
                             "10,0.3,b,x\n"
                             "20,5.0,a,x\n"
                             "30,0.1,b,y\n"
                             "40,7.5,,y\n"
                             "50,5.0,a,x\n"
                             "60,0.6,b,x\n"
                             "70,6.5,,y\n";

static inline uint32_t draw(uint32_t *state, uint32_t below) {
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 8) % below;
}

/* Columns integer, real, text (with missing cells) and time, of few different values. */
static inline flowbd3_table *random_table(uint32_t seed, size_t rows) {
    static const char *const texts[] = {"a", "bb", "", "b", "ab"};
    int64_t *integer = malloc(rows * sizeof *integer), *bytes = malloc(rows * sizeof *bytes);
    double *real = malloc(rows * sizeof *real), *time = malloc(rows * sizeof *time);
    uint8_t *valid = malloc(rows);
    const char **text = malloc(rows * sizeof *text);
    uint32_t state = seed, kinds = 1 + draw(&state, 4), times = 1 + draw(&state, 200);
    for (size_t i = 0; i < rows; i++) {
        integer[i] = (int64_t)draw(&state, kinds) - 1;
        valid[i] = draw(&state, 5) != 0;
        real[i] = (double)draw(&state, kinds) / 4 - 0.25;
        text[i] = texts[draw(&state, 5)];
        time[i] = ((double)draw(&state, times) - 100) / 100;
        bytes[i] = (int64_t)i;
    }
    flowbd3_table *table;
    ck_assert_int_eq(flowbd3_table_create(&table, context, NULL), FLOWBD3_OK);
    flowbd3_table_add_integer(table, "integer", integer, valid, rows, NULL);
    flowbd3_table_add_real(table, "real", real, NULL, rows, NULL);
    flowbd3_table_add_categorical(table, "text", text, rows, NULL);
    flowbd3_table_add_real(table, "time", time, NULL, rows, NULL);
    flowbd3_table_add_integer(table, "bytes", bytes, NULL, rows, NULL);
    free(integer);
    free(bytes);
    free(real);
    free(time);
    free(valid);
    free(text);
    return table;
}

static const char *const three[] = {"integer", "real", "text"};

#endif
