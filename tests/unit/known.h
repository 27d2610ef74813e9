/* A table of four columns whose joint distribution is known and strongly dependent, and models of it.
 *
 *     proto    a, b, c        0.5, 0.35, 0.15
 *     n        0 .. 5         2 k + 0 or 1 of proto number k, evenly; in one row of five missing
 *     service  s0 .. s3       (k + n) mod 4 with probability 0.7, another one with 0.1 each; n missing: s0
 *     x        [0, 4)         number of the service, plus a number from 0 to 1 evenly, two digits */
#ifndef KNOWN_H
#define KNOWN_H

#include "toy.h"

#include <stdio.h>
#include <string.h>

enum { KNOWN_ROWS = 4000, KNOWN_CELLS = 3 * 7 * 4 * 4 };

static inline flowbd3_table *known_table(flowbd3_context *context) {
    static const char *const protos[] = {"a", "b", "c"}, *const services[] = {"s0", "s1", "s2", "s3"};
    static const char *proto[KNOWN_ROWS], *service[KNOWN_ROWS];
    static int64_t n[KNOWN_ROWS];
    static uint8_t there[KNOWN_ROWS];
    static double x[KNOWN_ROWS];
    for (size_t i = 0; i < KNOWN_ROWS; i++) {
        double u[5];
        for (uint32_t k = 0; k < 5; k++)
            u[k] = fb3_uniform(31, FB3_RANDOM_SPLIT, i, k);
        size_t k = u[0] < 0.5 ? 0 : u[0] < 0.85 ? 1 : 2;
        there[i] = u[1] >= 0.2;
        n[i] = (int64_t)(2 * k + (u[2] < 0.5));
        size_t s = there[i] ? (k + (size_t)n[i]) % 4 : 0;
        if (there[i] && u[3] < 0.3)
            s = (s + 1 + (size_t)(u[3] * 10.0)) % 4;
        proto[i] = protos[k];
        service[i] = services[s];
        x[i] = (double)s + floor(u[4] * 100.0) / 100.0;
    }
    flowbd3_table *table = NULL;
    ck_assert_int_eq(flowbd3_table_create(&table, context, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_categorical(table, "proto", proto, KNOWN_ROWS, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_integer(table, "n", n, there, KNOWN_ROWS, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_categorical(table, "service", service, KNOWN_ROWS, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_real(table, "x", x, NULL, KNOWN_ROWS, NULL), FLOWBD3_OK);
    return table;
}

/* 12 bins of x: wide ones, that conditions cut. */
static inline flowbd3_model *known_model(const flowbd3_table *table, uint32_t block,
                                         flowbd3_column_order order, uint32_t epochs) {
    flowbd3_tokenizer *tokenizer = NULL;
    flowbd3_model *model = NULL;
    flowbd3_trainer *trainer = NULL;
    flowbd3_error err = {0};
    flowbd3_tokenizer_options fitting = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    fitting.bins = 12;
    fitting.relations = FLOWBD3_RELATIONS_OFF;
    flowbd3_model_options options = FLOWBD3_MODEL_OPTIONS_INIT;
    options.d_model = 32;
    options.n_heads = 2;
    options.n_layers = 2;
    options.dropout = -1.0;
    options.block_size = block;
    options.column_order = order;
    ck_assert_msg(flowbd3_tokenizer_create(&tokenizer, table, &fitting, &err) == FLOWBD3_OK, "%s",
                  err.message);
    ck_assert_msg(flowbd3_model_create(&model, tokenizer, &options, &err) == FLOWBD3_OK, "%s", err.message);
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_trainer_options training = FLOWBD3_TRAINER_OPTIONS_INIT;
    training.epochs = epochs;
    training.batch_size = 50;
    training.learning_rate = 3e-3;
    training.ema_decay = 0.98;
    training.seed = 5;
    ck_assert_int_eq(flowbd3_trainer_create(&trainer, model, table, NULL, &training, &err), FLOWBD3_OK);
    ck_assert_msg(flowbd3_trainer_run(trainer, NULL, NULL, &err) == FLOWBD3_OK, "%s", err.message);
    flowbd3_trainer_destroy(&trainer);
    return model;
}

/* A row, and its cell of the joint. */
typedef struct known_row {
    int proto, n, service; /* n -1: missing */
    double x;
} known_row;

static inline int known_code(const flowbd3_table *t, size_t row, size_t column) {
    const char *text = flowbd3_table_category(t, column, (size_t)flowbd3_table_codes(t, column)[row]);
    return column == 0 ? text[0] - 'a' : text[1] - '0';
}

static inline known_row known_row_of(const flowbd3_table *t, size_t row) {
    const uint8_t *valid = flowbd3_table_valid(t, 1);
    known_row r = {.proto = known_code(t, row, 0),
                   .n = valid != NULL && !valid[row] ? -1 : (int)flowbd3_table_integer(t, 1)[row],
                   .service = known_code(t, row, 2),
                   .x = flowbd3_table_real(t, 3)[row]};
    ck_assert(r.proto >= 0 && r.proto < 3 && r.n >= -1 && r.n <= 5 && r.service >= 0 && r.service < 4);
    ck_assert(r.x >= 0.0 && r.x < 4.0);
    return r;
}

static inline size_t known_cell(const known_row *r) {
    return (((size_t)r->proto * 7 + (size_t)(r->n + 1)) * 4 + (size_t)r->service) * 4 +
           (size_t)(r->x * 2.0) % 4;
}

#endif
