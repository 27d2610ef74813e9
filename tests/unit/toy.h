/* A table whose distribution is known: a and b are fair bits, parity is a xor b, kind is "x" or "y" with
 * probability 0.8 when a is set and 0.3 when not. Its entropy is 2 ln 2 + (H(0.8) + H(0.3)) / 2 nats. */
#ifndef TOY_H
#define TOY_H

#include "base/base.h"

#include <flowbd3/flowbd3.h>

#include <check.h>
#include <math.h>

enum { TOY_ROWS = 4000 };
#define TOY_SEED 99

static inline flowbd3_context *toy_context(uint32_t threads) {
    flowbd3_context *context = NULL;
    flowbd3_context_options options = FLOWBD3_CONTEXT_OPTIONS_INIT;
    options.threads = threads;
    ck_assert_int_eq(flowbd3_context_create(&context, &options, NULL), FLOWBD3_OK);
    return context;
}

static inline double toy_entropy(void) {
    double h8 = -0.8 * log(0.8) - 0.2 * log(0.2), h3 = -0.3 * log(0.3) - 0.7 * log(0.7);
    return 2.0 * log(2.0) + 0.5 * (h8 + h3);
}

/* The frequencies of a and b are exact. */
static inline flowbd3_table *toy_table(flowbd3_context *context, uint64_t seed) {
    static int64_t a[TOY_ROWS], b[TOY_ROWS], parity[TOY_ROWS];
    static const char *kind[TOY_ROWS];
    for (size_t i = 0; i < TOY_ROWS; i++) {
        a[i] = (int64_t)(i & 1);
        b[i] = (int64_t)(i >> 1 & 1);
        parity[i] = a[i] ^ b[i];
        double u = fb3_uniform(seed, FB3_RANDOM_SPLIT, i, 0);
        kind[i] = u < (a[i] ? 0.8 : 0.3) ? "x" : "y";
    }
    flowbd3_table *table = NULL;
    flowbd3_error err = {0};
    ck_assert_int_eq(flowbd3_table_create(&table, context, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_integer(table, "a", a, NULL, TOY_ROWS, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_integer(table, "b", b, NULL, TOY_ROWS, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_integer(table, "parity", parity, NULL, TOY_ROWS, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_categorical(table, "kind", kind, TOY_ROWS, &err), FLOWBD3_OK);
    return table;
}

static inline flowbd3_model *toy_model(const flowbd3_table *table) {
    flowbd3_tokenizer *tokenizer = NULL;
    flowbd3_model *model = NULL;
    flowbd3_model_options options = FLOWBD3_MODEL_OPTIONS_INIT;
    flowbd3_error err = {0};
    options.d_model = 32;
    options.n_heads = 2;
    options.n_layers = 2;
    options.dropout = 0.05;
    ck_assert_msg(flowbd3_tokenizer_create(&tokenizer, table, NULL, &err) == FLOWBD3_OK, "%s", err.message);
    options.block_size = (uint32_t)flowbd3_tokenizer_slots(tokenizer);
    ck_assert_msg(flowbd3_model_create(&model, tokenizer, &options, &err) == FLOWBD3_OK, "%s", err.message);
    flowbd3_tokenizer_destroy(&tokenizer);
    return model;
}

static inline flowbd3_trainer_options toy_options(void) {
    flowbd3_trainer_options options = FLOWBD3_TRAINER_OPTIONS_INIT;
    options.epochs = 12;
    options.batch_size = 50;
    options.learning_rate = 3e-3;
    options.ema_decay = 0.98;
    options.patience = UINT32_MAX;
    options.seed = 5;
    return options;
}

#endif
