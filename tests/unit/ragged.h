/* Flows of groups of 1 to 11 flows, which make sequences of every length up to RAGGED_LENGTH, and models of
 * them whose every token depends on all that it sees. */
#ifndef RAGGED_H
#define RAGGED_H

#include "model/model.h"
#include "toy.h"

enum { RAGGED_GROUPS = 44, RAGGED_ROWS = 4 * 66, RAGGED_LENGTH = 6, RAGGED_SLOTS = 3 };

static inline size_t ragged_flows(size_t group) {
    return 1 + 5 * group % 11;
}

/* Columns port, time, host, bytes. */
static inline flowbd3_table *ragged_table(flowbd3_context *context) {
    static const char *const ports[] = {"53", "80", "443", "8080"};
    int64_t time[RAGGED_ROWS], host[RAGGED_ROWS];
    double bytes[RAGGED_ROWS];
    const char *port[RAGGED_ROWS];
    size_t row = 0;
    for (size_t group = 0; group < RAGGED_GROUPS; group++)
        for (size_t i = 0; i < ragged_flows(group); i++, row++) {
            host[row] = (int64_t)group;
            time[row] = (int64_t)(100 * group + i * i);
            bytes[row] = 0.5 * (double)(7 * row % 5);
            port[row] = ports[3 * row % 4];
        }
    ck_assert_uint_eq(row, RAGGED_ROWS);
    flowbd3_table *table = NULL;
    ck_assert_int_eq(flowbd3_table_create(&table, context, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_categorical(table, "port", port, RAGGED_ROWS, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_integer(table, "time", time, NULL, RAGGED_ROWS, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_integer(table, "host", host, NULL, RAGGED_ROWS, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_real(table, "bytes", bytes, NULL, RAGGED_ROWS, NULL), FLOWBD3_OK);
    return table;
}

static inline flowbd3_tokenizer *ragged_tokenizer(const flowbd3_table *table) {
    static const char *const host[] = {"host"};
    flowbd3_tokenizer *tokenizer = NULL;
    flowbd3_error err = {0};
    flowbd3_tokenizer_options groups = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    groups.group_by = host;
    groups.n_group_by = 1;
    groups.order_by = "time";
    ck_assert_msg(flowbd3_tokenizer_create(&tokenizer, table, &groups, &err) == FLOWBD3_OK, "%s",
                  err.message);
    return tokenizer;
}

static inline flowbd3_model_options ragged_options(uint32_t block, flowbd3_column_order order) {
    flowbd3_model_options options = FLOWBD3_MODEL_OPTIONS_INIT;
    options.d_model = 16;
    options.n_heads = 2;
    options.n_layers = 2;
    options.d_ff = 16;
    options.dropout = -1.0;
    options.sequence_length = RAGGED_LENGTH;
    options.block_size = block != 0 ? block : RAGGED_SLOTS;
    options.column_order = order;
    return options;
}

/* Large random weights. */
static inline flowbd3_model *ragged_model(const flowbd3_table *table, uint32_t block,
                                          flowbd3_column_order order) {
    flowbd3_tokenizer *tokenizer = ragged_tokenizer(table);
    flowbd3_model_options options = ragged_options(block, order);
    flowbd3_model *model = NULL;
    flowbd3_error err = {0};
    ck_assert_msg(flowbd3_model_create(&model, tokenizer, &options, &err) == FLOWBD3_OK, "%s", err.message);
    ck_assert_uint_eq(model->config.slots, RAGGED_SLOTS);
    for (size_t i = 0; i < model->layout->size; i++)
        model->parameters[i] = (float)(2.0 * fb3_uniform(9, FB3_RANDOM_INITIAL_WEIGHTS, i, 1) - 1.0);
    flowbd3_tokenizer_destroy(&tokenizer);
    return model;
}

#endif
