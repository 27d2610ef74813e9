/* A known joint distribution over four tokens, in the place of the network: the exact conditional of every
 * masked token given any of the others. And blocks that are unmasked on it. */
#ifndef ORACLE_H
#define ORACLE_H

#include "sampler/unmasking.h"

#include <check.h>
#include <math.h>
#include <string.h>

enum { ORACLE_TOKENS = 4, ORACLE_CELLS = 2 * 3 * 4 * 2, ORACLE_STATES = 3 * 4 * 5 * 3, ORACLE_LARGEST = 4 };

static const uint32_t oracle_vocabulary[ORACLE_TOKENS] = {2, 3, 4, 2};

typedef struct oracle {
    double joint[ORACLE_CELLS];
    float logits[ORACLE_STATES][ORACLE_TOKENS][ORACLE_LARGEST]; /* of the masked tokens of each state */
} oracle;

/* Number of the values in mixed radix: a cell without masks, a state with. */
static inline size_t oracle_number(const uint16_t *values, bool masks) {
    size_t number = 0;
    for (size_t i = 0; i < ORACLE_TOKENS; i++)
        number = number * (oracle_vocabulary[i] + masks) + values[i];
    return number;
}

static inline void oracle_values(uint16_t *values, size_t number, bool masks) {
    for (size_t i = ORACLE_TOKENS; i-- > 0; number /= oracle_vocabulary[i] + masks)
        values[i] = (uint16_t)(number % (oracle_vocabulary[i] + masks));
}

/* Each token leans towards a function of those before it; no cell is below 0.001. */
static inline double oracle_weight(const uint16_t *x) {
    double log_weight = 0.9 * (x[1] == 0) + 1.6 * (x[1] % 2 == x[0]) + 2.2 * (x[2] == (x[0] + x[1]) % 4) +
                        2.4 * (x[3] == (x[0] + x[2]) % 2);
    return exp(log_weight);
}

/* Sums the joint over the cells that agree with the decided values. */
static inline void oracle_condition(oracle *o, size_t state) {
    uint16_t given[ORACLE_TOKENS], x[ORACLE_TOKENS];
    double sum[ORACLE_TOKENS][ORACLE_LARGEST] = {{0}};
    oracle_values(given, state, true);
    for (size_t cell = 0; cell < ORACLE_CELLS; cell++) {
        oracle_values(x, cell, false);
        bool agrees = true;
        for (size_t i = 0; i < ORACLE_TOKENS; i++)
            agrees = agrees && (given[i] == oracle_vocabulary[i] || given[i] == x[i]);
        for (size_t i = 0; i < ORACLE_TOKENS && agrees; i++)
            sum[i][x[i]] += o->joint[cell];
    }
    for (size_t i = 0; i < ORACLE_TOKENS; i++)
        for (size_t v = 0; v < oracle_vocabulary[i]; v++)
            o->logits[state][i][v] = (float)log(sum[i][v]);
}

static inline void oracle_init(oracle *o) {
    double total = 0.0;
    uint16_t x[ORACLE_TOKENS];
    for (size_t cell = 0; cell < ORACLE_CELLS; cell++) {
        oracle_values(x, cell, false);
        total += o->joint[cell] = oracle_weight(x);
    }
    for (size_t cell = 0; cell < ORACLE_CELLS; cell++)
        o->joint[cell] /= total;
    for (size_t state = 0; state < ORACLE_STATES; state++)
        oracle_condition(o, state);
}

/* Pointers for fb3_unmasking_apply. */
static inline void oracle_answer(const oracle *o, const uint16_t *values, const uint8_t *wanted,
                                 const float *logits[ORACLE_TOKENS]) {
    size_t state = oracle_number(values, true);
    for (size_t i = 0; i < ORACLE_TOKENS; i++)
        logits[i] = wanted[i] != 0 ? o->logits[state][i] : NULL;
}

static flowbd3_context *context;
static fb3_unmasking_scratch *scratch;
static fb3_unmasking *blocks;
static oracle joint;

enum { BESIDE = 64 }; /* blocks in one array */

static inline void set_up(void) {
    ck_assert_int_eq(flowbd3_context_create(&context, NULL, NULL), FLOWBD3_OK);
    ck_assert_int_eq(fb3_unmasking_scratch_create(&scratch, context, ORACLE_LARGEST, ORACLE_TOKENS, NULL),
                     FLOWBD3_OK);
    ck_assert_int_eq(fb3_unmasking_create(&blocks, context, BESIDE, ORACLE_TOKENS, NULL), FLOWBD3_OK);
    oracle_init(&joint);
}

static inline void tear_down(void) {
    fb3_unmasking_destroy(&blocks, context);
    fb3_unmasking_scratch_destroy(&scratch, context);
    flowbd3_context_destroy(&context);
}

/* Options with the sampler's defaults filled in. */
static inline flowbd3_sampler_options checked(flowbd3_sampler_options o) {
    flowbd3_error err = {0};
    o.temperature = o.temperature > 0.0 ? o.temperature : 1.0;
    o.top_p = o.top_p > 0.0 ? o.top_p : 1.0;
    ck_assert_msg(fb3_unmasking_check(&o, &err) == FLOWBD3_OK, "%s", err.message);
    return o;
}

static inline void begin(fb3_unmasking *u, uint64_t key, uint16_t *values, const flowbd3_sampler_options *o) {
    u->key = key;
    u->tokens = ORACLE_TOKENS;
    u->vocabulary = oracle_vocabulary;
    u->values = values;
    fb3_unmasking_start(u, o);
}

/* One evaluation, with the logits of the oracle; false when there is none left. */
static inline bool advance(fb3_unmasking *u, const flowbd3_sampler_options *o) {
    uint8_t wanted[ORACLE_TOKENS];
    const float *logits[ORACLE_TOKENS];
    if (!fb3_unmasking_next(u, wanted))
        return false;
    oracle_answer(&joint, u->values, wanted, logits);
    fb3_unmasking_apply(u, logits, o, scratch);
    return true;
}

#define ORDER(which, ...)                                                                           \
    (flowbd3_sampler_options) {                                                                     \
        .struct_size = sizeof(flowbd3_sampler_options), .order = FLOWBD3_ORDER_##which, __VA_ARGS__ \
    }

#endif
