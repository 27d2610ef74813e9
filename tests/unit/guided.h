/* Models of the toy table that can leave out the kind, and the guided distribution of a, b and parity given
 * the kind: that of the network, summed up over all cells, and that of the table. */
#ifndef GUIDED_H
#define GUIDED_H

#include "model/model.h"
#include "toy.h"

#include <string.h>

enum { SLOT_A, SLOT_B, SLOT_PARITY, SLOT_KIND, TOY_SLOTS, FREE_SLOTS = 3, GUIDED_CELLS = 8, UNDECIDED = 99 };

/* A model in blocks of so many tokens, the kind first where blocks are smaller than a flow. */
static inline flowbd3_model *guided_model(const flowbd3_table *table, uint32_t block,
                                          flowbd3_column_order order, double condition_dropout) {
    static const char *const first[] = {"kind"};
    flowbd3_tokenizer *tokenizer = NULL;
    flowbd3_model *model = NULL;
    flowbd3_trainer *trainer = NULL;
    flowbd3_error err = {0};
    flowbd3_model_options sizes = FLOWBD3_MODEL_OPTIONS_INIT;
    sizes.d_model = 32;
    sizes.n_heads = 2;
    sizes.n_layers = 2;
    sizes.dropout = -1.0;
    sizes.block_size = block;
    sizes.column_order = order;
    sizes.columns = first;
    sizes.n_columns = block < TOY_SLOTS && order == FLOWBD3_COLUMNS_FIXED ? 1 : 0;
    flowbd3_trainer_options options = toy_options();
    options.epochs = sizes.n_columns > 0 ? 10 : 15; /* one conditional of each token is learned sooner */
    /* A seed by which the network hardly depends on the order: neighbouring rows share theirs, so that counts
     * of rows vary with it more than independent rows would. */
    options.seed += 1;
    options.condition_dropout = condition_dropout;
    ck_assert_int_eq(flowbd3_tokenizer_create(&tokenizer, table, NULL, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_model_create(&model, tokenizer, &sizes, NULL), FLOWBD3_OK);
    ck_assert_msg(flowbd3_trainer_create(&trainer, model, table, NULL, &options, &err) == FLOWBD3_OK, "%s",
                  err.message);
    ck_assert_int_eq(flowbd3_trainer_run(trainer, NULL, NULL, NULL), FLOWBD3_OK);
    flowbd3_trainer_destroy(&trainer);
    flowbd3_tokenizer_destroy(&tokenizer);
    return model;
}

/* The network's logits of a slot given the tokens that are not UNDECIDED, the kind unknown or not. */
typedef struct guided_network {
    const flowbd3_model *model;
    fb3_network *network;
    fb3_joint *joint;
} guided_network;

static inline guided_network guided_network_create(const flowbd3_model *model) {
    guided_network g = {.model = model};
    fb3_limits limits = fb3_joint_limits(&model->blocking, 1, 1);
    ck_assert_int_eq(
        fb3_network_create(&g.network, model->context, &model->config, model->layout, &limits, false, NULL),
        FLOWBD3_OK);
    fb3_network_prepare(g.network, model->parameters);
    ck_assert_int_eq(fb3_joint_create(&g.joint, model->context, &model->blocking, 1, 1, NULL), FLOWBD3_OK);
    return g;
}

static inline void guided_network_destroy(guided_network *g) {
    fb3_joint_destroy(&g->joint);
    fb3_network_destroy(&g->network);
}

static inline void guided_logits(guided_network *g, const uint16_t decided[TOY_SLOTS],
                                 const uint16_t order[TOY_SLOTS], bool kind_known, size_t slot,
                                 double out[2]) {
    uint16_t tokens[TOY_SLOTS];
    size_t count, stride;
    const uint32_t *rows;
    for (size_t s = 0; s < TOY_SLOTS; s++)
        tokens[s] = decided[s] != UNDECIDED ? decided[s] : 0;
    if (!kind_known)
        tokens[SLOT_KIND] = (uint16_t)g->model->vocabulary[SLOT_KIND];
    fb3_joint_clear(g->joint);
    fb3_joint_add(g->joint, tokens, 1, order);
    for (size_t b = 0; b < g->joint->n_blocks; b++)
        for (size_t row = g->joint->blocks[b].first;
             row < g->joint->blocks[b].first + g->joint->blocks[b].tokens; row++) {
            size_t at = g->joint->slots[row];
            g->joint->masked[row] = at == slot                 ? FB3_MASKED
                                    : decided[at] == UNDECIDED ? FB3_HIDDEN
                                                               : FB3_VISIBLE;
        }
    fb3_batch batch = fb3_joint_batch(g->joint);
    fb3_network_logits(g->network, &batch);
    const float *logits = fb3_network_slot_logits(g->network, slot, &count, &stride, &rows);
    ck_assert_uint_eq(count, 1);
    for (size_t v = 0; v < 2; v++)
        out[v] = (double)logits[v];
}

/* Adds probability times that of each way to decide the slots of an order from place on to out[cells]. */
static inline void guided_descend(guided_network *g, uint16_t decided[TOY_SLOTS],
                                  const uint16_t order[TOY_SLOTS], size_t place, double strength,
                                  double probability, double out[GUIDED_CELLS]) {
    if (place == TOY_SLOTS) {
        out[decided[SLOT_A] + 2 * decided[SLOT_B] + 4 * decided[SLOT_PARITY]] += probability;
        return;
    }
    size_t slot = order[place];
    double given[2], without[2];
    guided_logits(g, decided, order, true, slot, given);
    guided_logits(g, decided, order, false, slot, without);
    double difference = (1.0 + strength) * (given[1] - given[0]) - strength * (without[1] - without[0]);
    double one = 1.0 / (1.0 + exp(-difference));
    for (uint16_t v = 0; v < 2; v++) {
        decided[slot] = v;
        guided_descend(g, decided, order, place + 1, strength, probability * (v == 1 ? one : 1.0 - one), out);
    }
    decided[slot] = UNDECIDED;
}

/* The guided distribution of the model: the mean over the orders that it draws in. Strength -1 leaves the
 * kind out. */
static inline void guided_distribution(const flowbd3_model *model, uint16_t kind, double strength,
                                       double out[GUIDED_CELLS]) {
    static const uint16_t orders[6][TOY_SLOTS] = {{SLOT_KIND, 0, 1, 2}, {SLOT_KIND, 0, 2, 1},
                                                  {SLOT_KIND, 1, 0, 2}, {SLOT_KIND, 1, 2, 0},
                                                  {SLOT_KIND, 2, 0, 1}, {SLOT_KIND, 2, 1, 0}};
    bool fixed = model->blocking.block == 1 && model->options.column_order == FLOWBD3_COLUMNS_FIXED;
    guided_network g = guided_network_create(model);
    memset(out, 0, GUIDED_CELLS * sizeof *out);
    for (size_t i = 0; i < (fixed ? 1 : 6); i++) {
        uint16_t decided[TOY_SLOTS] = {UNDECIDED, UNDECIDED, UNDECIDED, kind};
        guided_descend(&g, decided, orders[i], 1, strength, fixed ? 1.0 : 1.0 / 6.0, out);
    }
    guided_network_destroy(&g);
}

/* Share of a = 1 among rows of kind x under guidance: p(a | x)^(1 + w) / p(a)^w, renormalised. The parity and
 * b do not tell anything of it that a does not, in any order. */
static inline double guided_share(double strength) {
    double one = pow(0.8 / 1.1, 1.0 + strength), zero = pow(0.3 / 1.1, 1.0 + strength);
    return one / (one + zero);
}

#endif
