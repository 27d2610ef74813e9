/* Flows of hosts in time whose distribution is known: state is a fair bit at first and flips from one flow of
 * a host to the next with probability 0.1; times are 1, 2 or 3 apart with equal probability, and 1 apart
 * after a flip. The rows of the hosts are interleaved, their times not sorted in the file. */
#ifndef MARKOV_H
#define MARKOV_H

#include "toy.h"

#include <string.h>

enum { MARKOV_HOSTS = 40, MARKOV_FLOWS = 100, MARKOV_ROWS = MARKOV_HOSTS * MARKOV_FLOWS, MARKOV_LENGTH = 8 };
#define MARKOV_FLIP 0.1

/* Nats of a flow after another one of its host: whether it flips, and when it comes if it does not. */
static inline double markov_entropy_rate(void) {
    double h = -MARKOV_FLIP * log(MARKOV_FLIP) - (1.0 - MARKOV_FLIP) * log(1.0 - MARKOV_FLIP);
    return h + (1.0 - MARKOV_FLIP) * log(3.0);
}

static inline flowbd3_table *markov_table(flowbd3_context *context, uint64_t seed) {
    static int64_t time[MARKOV_ROWS], state[MARKOV_ROWS];
    static const char *host[MARKOV_ROWS];
    static char names[MARKOV_HOSTS][8];
    for (size_t h = 0; h < MARKOV_HOSTS; h++) {
        int64_t now = (int64_t)(1000 * h), bit = fb3_uniform(seed, FB3_RANDOM_SPLIT, h, 0) < 0.5;
        snprintf(names[h], sizeof names[h], "h%zu", h);
        for (size_t i = 0; i < MARKOV_FLOWS; i++) {
            size_t row = (MARKOV_FLOWS - 1 - i) * MARKOV_HOSTS + h; /* last flows first */
            bool flips = i > 0 && fb3_uniform(seed, FB3_RANDOM_SPLIT, h, (uint32_t)(2 * i)) < MARKOV_FLIP;
            double u = fb3_uniform(seed, FB3_RANDOM_SPLIT, h, (uint32_t)(2 * i + 1));
            bit = flips ? 1 - bit : bit;
            now += i == 0 ? 0 : flips ? 1 : 1 + (int64_t)(3.0 * u);
            host[row] = names[h];
            time[row] = now;
            state[row] = bit;
        }
    }
    flowbd3_table *table = NULL;
    ck_assert_int_eq(flowbd3_table_create(&table, context, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_integer(table, "time", time, NULL, MARKOV_ROWS, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_categorical(table, "host", host, MARKOV_ROWS, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_integer(table, "state", state, NULL, MARKOV_ROWS, NULL), FLOWBD3_OK);
    return table;
}

/* A model of sequences of MARKOV_LENGTH flows in blocks of block tokens, not trained. */
static inline flowbd3_model *markov_model(const flowbd3_table *table, uint32_t block,
                                          flowbd3_column_order order) {
    static const char *const host[] = {"host"};
    flowbd3_tokenizer *tokenizer = NULL;
    flowbd3_model *model = NULL;
    flowbd3_error err = {0};
    flowbd3_tokenizer_options groups = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    groups.group_by = host;
    groups.n_group_by = 1;
    groups.order_by = "time";
    flowbd3_model_options options = FLOWBD3_MODEL_OPTIONS_INIT;
    options.d_model = 32;
    options.n_heads = 2;
    options.n_layers = 2;
    options.dropout = -1.0;
    options.sequence_length = MARKOV_LENGTH;
    options.column_order = order;
    ck_assert_msg(flowbd3_tokenizer_create(&tokenizer, table, &groups, &err) == FLOWBD3_OK, "%s",
                  err.message);
    options.block_size = block != 0 ? block : (uint32_t)flowbd3_tokenizer_slots(tokenizer);
    ck_assert_msg(flowbd3_model_create(&model, tokenizer, &options, &err) == FLOWBD3_OK, "%s", err.message);
    flowbd3_tokenizer_destroy(&tokenizer);
    return model;
}

static inline void markov_train(flowbd3_model *model, const flowbd3_table *table, uint32_t epochs) {
    flowbd3_trainer *trainer = NULL;
    flowbd3_error err = {0};
    flowbd3_trainer_options options = toy_options();
    options.epochs = epochs;
    options.batch_size = 64;
    ck_assert_int_eq(flowbd3_trainer_create(&trainer, model, table, NULL, &options, &err), FLOWBD3_OK);
    ck_assert_msg(flowbd3_trainer_run(trainer, NULL, NULL, &err) == FLOWBD3_OK, "%s", err.message);
    flowbd3_trainer_destroy(&trainer);
}

#endif
