/* The sampler, with its tiles, windows and cache, against a naive one that computes every block anew from the
 * flows that it may see: every token is the same, also under guidance by conditions on a column. */
#include "ragged.h"
#include "sampler/sampler.h"
#include "sampler/strata.h"
#include "test_main.h"
#include "tokenizer/tokenizer.h"

#include <string.h>

enum { MOST_TOKENS = RAGGED_LENGTH * RAGGED_SLOTS, MOST_FLOWS = 23 };

static flowbd3_context *context;
static flowbd3_table *table;

static void set_up(void) {
    context = toy_context(2);
    table = ragged_table(context);
}

static void tear_down(void) {
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
}

/* ---- the naive sampler ------------------------------------------------------------------------- */

typedef struct naive {
    const flowbd3_model *model;
    const flowbd3_sampler *sampler; /* whose options and numbers of blocks and flows it takes */
    fb3_network *network;
    fb3_joint *joint;
    fb3_unmasking *unmasking;
    fb3_unmasking_scratch *scratch;
    uint64_t evaluations;
    uint16_t ports;              /* bit v: value v may be drawn, 0: nothing is asked of the column */
    const struct window *window; /* of the block at hand, */
    size_t begin;                /* which begins with this token */
} naive;

enum { PORT_SLOT = 0, MOST_VALUES = 16 };

static naive naive_create(const flowbd3_sampler *sampler) {
    naive n = {.model = sampler->model, .sampler = sampler};
    const fb3_blocking *blocking = &n.model->blocking;
    fb3_limits limits = fb3_joint_limits(blocking, 1, RAGGED_LENGTH);
    ck_assert_int_eq(
        fb3_network_create(&n.network, context, &n.model->config, n.model->layout, &limits, false, NULL),
        FLOWBD3_OK);
    fb3_network_prepare(n.network, n.model->parameters);
    ck_assert_int_eq(fb3_joint_create(&n.joint, context, blocking, 1, RAGGED_LENGTH, NULL), FLOWBD3_OK);
    ck_assert_int_eq(fb3_unmasking_create(&n.unmasking, context, 1, blocking->block, NULL), FLOWBD3_OK);
    ck_assert_int_eq(fb3_unmasking_scratch_create(&n.scratch, context, 100, blocking->block, NULL),
                     FLOWBD3_OK);
    return n;
}

static void naive_destroy(naive *n) {
    fb3_unmasking_destroy(&n->unmasking, context);
    fb3_unmasking_scratch_destroy(&n->scratch, context);
    fb3_joint_destroy(&n->joint);
    fb3_network_destroy(&n->network);
}

/* A window of a sequence. */
typedef struct window {
    uint64_t sequence;
    size_t first; /* flow that it begins with */
    uint16_t tokens[MOST_TOKENS], order[MOST_TOKENS];
} window;

static size_t cell_of(const window *w, size_t token) {
    return token / RAGGED_SLOTS * RAGGED_SLOTS + w->order[token];
}

/* Logits of the wanted tokens of the block from token begin on: a joint pass over all flows of the window up
 * to it, in which whatever comes behind the block is token 0. without: no port is seen, nor drawn. */
static void find_logits(naive *n, const window *w, size_t begin, const uint8_t *wanted, bool without,
                        const float **logits) {
    const fb3_unmasking *u = n->unmasking;
    uint16_t tokens[MOST_TOKENS] = {0};
    for (size_t t = 0; t < begin; t++)
        tokens[cell_of(w, t)] = w->tokens[cell_of(w, t)];
    for (size_t k = 0; k < u->tokens; k++)
        if (u->values[k] != u->vocabulary[k])
            tokens[cell_of(w, begin + k)] = u->values[k];
    for (size_t cell = PORT_SLOT; without && cell < MOST_TOKENS; cell += RAGGED_SLOTS)
        tokens[cell] = (uint16_t)n->model->vocabulary[PORT_SLOT];
    fb3_joint_clear(n->joint);
    fb3_joint_add(n->joint, tokens, (begin + u->tokens + RAGGED_SLOTS - 1) / RAGGED_SLOTS, w->order);
    const fb3_block *block = &n->joint->blocks[begin / n->model->blocking.block];
    for (size_t k = 0; k < u->tokens; k++) {
        bool hidden = u->values[k] == u->vocabulary[k];
        ck_assert(hidden || wanted[k] == 0);
        n->joint->masked[block->first + k] = wanted[k] ? FB3_MASKED : hidden ? FB3_HIDDEN : FB3_VISIBLE;
        logits[k] = NULL;
    }
    fb3_batch batch = fb3_joint_batch(n->joint);
    fb3_network_logits(n->network, &batch);
    for (size_t slot = 0; slot < RAGGED_SLOTS; slot++) {
        size_t count, stride;
        const uint32_t *rows;
        const float *from = fb3_network_slot_logits(n->network, slot, &count, &stride, &rows);
        for (size_t i = 0; i < count; i++)
            logits[rows[i] - block->first] = from + i * stride;
    }
}

/* Two passes, the logits of both at the strength of the options. */
static void find_guided(naive *n, const window *w, size_t begin, const uint8_t *wanted,
                        float guided[MOST_TOKENS][MOST_VALUES], const float **logits) {
    size_t tokens = n->unmasking->tokens;
    double strength = n->sampler->options.guidance;
    find_logits(n, w, begin, wanted, false, logits);
    n->evaluations++;
    if (strength == 0.0)
        return;
    for (size_t k = 0; k < tokens; k++)
        if (logits[k] != NULL) {
            ck_assert_uint_le(n->unmasking->vocabulary[k], MOST_VALUES);
            memcpy(guided[k], logits[k], n->unmasking->vocabulary[k] * sizeof(float));
        }
    find_logits(n, w, begin, wanted, true, logits);
    n->evaluations++;
    for (size_t k = 0; k < tokens; k++) {
        for (size_t v = 0; logits[k] != NULL && v < n->unmasking->vocabulary[k]; v++)
            guided[k][v] = (float)((1.0 + strength) * (double)guided[k][v] - strength * (double)logits[k][v]);
        logits[k] = wanted[k] != 0 ? guided[k] : NULL;
    }
}

/* Whether the ports are one only. */
static bool is_given(const naive *n, size_t slot) {
    return slot == PORT_SLOT && n->ports != 0 && (n->ports & (n->ports - 1)) == 0;
}

static bool allow_ports(void *user, const fb3_unmasking *u, size_t k, uint8_t *allowed) {
    const naive *n = user;
    if (n->window->order[n->begin + k] != PORT_SLOT)
        return false;
    for (size_t v = 0; v < u->vocabulary[k]; v++)
        allowed[v] = n->ports >> v & 1;
    return true;
}

/* What conditions on the port say of a block's tokens. */
typedef struct conditioned {
    uint32_t run[MOST_TOKENS];
    uint8_t turn[MOST_TOKENS], fixed[MOST_TOKENS];
} conditioned;

/* Given tokens are fixed in blocks of whole flows, and in others until something is drawn before them since
 * blocks and flows last ended together. */
static void condition_block(naive *n, conditioned *c, const window *w, size_t begin) {
    fb3_unmasking *u = n->unmasking;
    size_t block = n->model->blocking.block, unit = block;
    bool whole = block % RAGGED_SLOTS == 0, nothing = true;
    while (unit % RAGGED_SLOTS != 0)
        unit += block;
    for (size_t t = begin / unit * unit; t < begin; t++)
        nothing = nothing && is_given(n, w->order[t]);
    for (size_t k = 0; k < u->tokens; k++) {
        size_t slot = w->order[begin + k];
        bool given = is_given(n, slot);
        nothing = nothing && given;
        c->run[k] = (uint32_t)k;
        c->turn[k] = given ? 0 : slot == PORT_SLOT ? 1 : 2;
        c->fixed[k] = given && (whole || nothing);
        for (uint16_t v = 0; c->fixed[k] != 0 && n->ports >> v != 0; v++)
            u->values[k] = v;
    }
    u->run = c->run;
    u->turn = c->turn;
    u->fixed = c->fixed;
    u->allow = allow_ports;
    u->user = n;
    n->window = w;
    n->begin = begin;
}

/* Flows of that number in a run of FB3_STRATA sequences share an order and strata. */
static uint64_t group_of(const naive *n, const window *w, size_t f) {
    bool shared = n->sampler->options.draws == FLOWBD3_DRAWS_STRATIFIED;
    return (shared ? w->sequence / FB3_STRATA : w->sequence) * n->sampler->sizes.length + w->first + f;
}

static void find_strata(const naive *n, const window *w, size_t begin, size_t tokens, uint8_t *stratum) {
    for (size_t k = 0; k < tokens; k++) {
        uint8_t strata[RAGGED_SLOTS * FB3_STRATA];
        uint64_t group = group_of(n, w, (begin + k) / RAGGED_SLOTS);
        fb3_strata_fill(strata, RAGGED_SLOTS, n->sampler->options.seed, group);
        stratum[k] = strata[(begin + k) % RAGGED_SLOTS * FB3_STRATA + w->sequence % FB3_STRATA];
    }
}

static void draw_block(naive *n, window *w, uint64_t key, size_t begin, size_t tokens) {
    fb3_unmasking *u = n->unmasking;
    uint8_t stratum[MOST_TOKENS];
    uint32_t vocabulary[MOST_TOKENS];
    uint16_t values[MOST_TOKENS], forbidden[MOST_TOKENS];
    uint8_t wanted[MOST_TOKENS];
    float guided[MOST_TOKENS][MOST_VALUES];
    const float *logits[MOST_TOKENS];
    conditioned conditions;
    size_t gap = fb3_tokenizer_gap_slot(n->model->tokenizer);
    *u = (fb3_unmasking){.key = key,
                         .tokens = tokens,
                         .vocabulary = vocabulary,
                         .forbidden = forbidden,
                         .values = values,
                         .plan = u->plan,
                         .probability = u->probability,
                         .remasked = u->remasked,
                         .spare = u->spare};
    for (size_t k = 0; k < tokens; k++) {
        size_t slot = w->order[begin + k];
        bool first = w->first == 0 && (begin + k) / RAGGED_SLOTS == 0;
        vocabulary[k] = (uint32_t)n->model->vocabulary[slot];
        forbidden[k] = slot == gap && !first ? (uint16_t)(vocabulary[k] - 1) : UINT16_MAX;
    }
    if (n->ports != 0)
        condition_block(n, &conditions, w, begin);
    find_strata(n, w, begin, tokens, stratum);
    u->strata = n->sampler->options.draws == FLOWBD3_DRAWS_STRATIFIED ? stratum : NULL;
    fb3_unmasking_start(u, &n->sampler->options);
    while (fb3_unmasking_next(u, wanted)) {
        find_guided(n, w, begin, wanted, guided, logits);
        fb3_unmasking_apply(u, logits, &n->sampler->options, n->scratch);
    }
    for (size_t k = 0; k < tokens; k++)
        w->tokens[cell_of(w, begin + k)] = values[k];
}

/* The port comes first where columns may come in any order. */
static void bring_first(uint16_t *order) {
    size_t place = 0;
    while (order[place] != PORT_SLOT)
        place++;
    memmove(order + 1, order, place * sizeof *order);
    order[0] = PORT_SLOT;
}

static void set_order(const naive *n, window *w, size_t flows) {
    for (size_t f = 0; f < flows; f++) {
        uint16_t *order = w->order + f * RAGGED_SLOTS;
        for (size_t s = 0; s < RAGGED_SLOTS; s++)
            order[s] = (uint16_t)s;
        if (n->model->blocking.block % RAGGED_SLOTS != 0)
            fb3_model_order(n->model, order, n->sampler->options.seed, group_of(n, w, f), 0);
        if (n->ports != 0 && n->model->options.column_order == FLOWBD3_COLUMNS_RANDOM)
            bring_first(order);
    }
}

/* Whole blocks in the later half of a window. */
static size_t kept_flows(size_t block) {
    size_t kept = RAGGED_LENGTH / 2;
    while (kept * RAGGED_SLOTS % block != 0)
        kept--;
    return kept;
}

/* tokens[flows, S] of sequence number sequence. */
static void naive_sequence(naive *n, uint64_t sequence, size_t flows, uint16_t *tokens) {
    window w = {.sequence = sequence};
    size_t block = n->model->blocking.block, begin = 0, ordinal = 0;
    for (;;) {
        size_t here = flows - w.first < RAGGED_LENGTH ? flows - w.first : RAGGED_LENGTH;
        size_t end = here * RAGGED_SLOTS;
        set_order(n, &w, here);
        for (; begin < end; begin += block)
            draw_block(n, &w, sequence * n->sampler->sizes.blocks + ordinal++, begin,
                       end - begin < block ? end - begin : block);
        memcpy(tokens + w.first * RAGGED_SLOTS, w.tokens, end * sizeof *tokens);
        if (w.first + here == flows)
            break;
        begin = kept_flows(block) * RAGGED_SLOTS;
        w.first += RAGGED_LENGTH - kept_flows(block);
        memmove(w.tokens, w.tokens + MOST_TOKENS - begin, begin * sizeof *w.tokens);
    }
    ck_assert_uint_le(ordinal, n->sampler->sizes.blocks); /* no two blocks share a key */
}

/* ---- comparison -------------------------------------------------------------------------------- */

static void assert_same_given(const flowbd3_model *model, const flowbd3_sampler_options *options,
                              uint16_t ports, uint64_t row, size_t most) {
    flowbd3_sampler *sampler = NULL;
    flowbd3_table *rows = NULL;
    flowbd3_error err = {0};
    ck_assert_msg(flowbd3_sampler_create(&sampler, model, options, &err) == FLOWBD3_OK, "%s", err.message);
    flowbd3_sampler_seek(sampler, row);
    ck_assert_int_eq(flowbd3_sampler_generate(sampler, 1, &rows, NULL, NULL, NULL), FLOWBD3_OK);
    naive n = naive_create(sampler);
    n.ports = ports;
    size_t step = sampler->count > most ? sampler->count / most : 1, flow = 0;
    for (size_t i = 0; i < sampler->count; flow += sampler->sequences[i++].flows) {
        uint16_t tokens[MOST_FLOWS * RAGGED_SLOTS];
        size_t flows = sampler->sequences[i].flows;
        if (i % step != 0)
            continue;
        ck_assert_uint_le(flows, options->sequence_flows > 0 ? MOST_FLOWS : RAGGED_LENGTH);
        naive_sequence(&n, sampler->first_sequence + i, flows, tokens);
        for (size_t k = 0; k < flows * RAGGED_SLOTS; k++)
            ck_assert_msg(tokens[k] == sampler->tokens[flow * RAGGED_SLOTS + k],
                          "order %d, sequence %zu of %zu flows, token %zu: %u, expected %u",
                          (int)options->order, i, flows, k, sampler->tokens[flow * RAGGED_SLOTS + k],
                          tokens[k]);
    }
    if (step == 1)
        ck_assert_uint_eq(n.evaluations, flowbd3_sampler_evaluations(sampler, NULL));
    naive_destroy(&n);
    flowbd3_table_destroy(&rows);
    flowbd3_sampler_destroy(&sampler);
}

static void assert_same_tokens(const flowbd3_model *model, const flowbd3_sampler_options *options,
                               uint64_t row, size_t most) {
    assert_same_given(model, options, 0, row, most);
}

/* Of one token, two, a flow; that end inside flows and leave a rest; of two and three flows; of all. 4, 5, 7
 * and 18 leave no whole block to the next window. */
static const uint32_t blocks[] = {1, 2, 3, 4, 5, 6, 7, 9, 17, MOST_TOKENS};

START_TEST(sequences_drawn_as_those_of_training) {
    for (int order = FLOWBD3_COLUMNS_FIXED; order <= FLOWBD3_COLUMNS_RANDOM; order++) {
        flowbd3_model *model = ragged_model(table, blocks[_i], (flowbd3_column_order)order);
        flowbd3_sampler_options options = FLOWBD3_SAMPLER_OPTIONS_INIT;
        options.batch_size = 1;
        options.seed = 3;
        assert_same_tokens(model, &options, 0, 12);
        assert_same_tokens(model, &options, 5000, 12);
        options.draws = FLOWBD3_DRAWS_INDEPENDENT;
        assert_same_tokens(model, &options, 5000, 12);
        flowbd3_model_destroy(&model);
    }
}
END_TEST

START_TEST(sequences_of_any_length) {
    static const uint32_t lengths[] = {1, RAGGED_LENGTH - 1, RAGGED_LENGTH + 1, MOST_FLOWS};
    for (int order = FLOWBD3_COLUMNS_FIXED; order <= FLOWBD3_COLUMNS_RANDOM; order++) {
        flowbd3_model *model = ragged_model(table, blocks[_i], (flowbd3_column_order)order);
        for (size_t i = 0; i < FB3_COUNT(lengths); i++) {
            flowbd3_sampler_options options = FLOWBD3_SAMPLER_OPTIONS_INIT;
            options.batch_size = 1;
            options.sequence_flows = lengths[i];
            assert_same_tokens(model, &options, 700 * i, 3);
        }
        flowbd3_model_destroy(&model);
    }
}
END_TEST

START_TEST(every_order) {
    flowbd3_model *model = ragged_model(table, blocks[_i], FLOWBD3_COLUMNS_RANDOM);
    for (int order = FLOWBD3_ORDER_RANDOM; order <= FLOWBD3_ORDER_REMASK_LOOP; order++) {
        flowbd3_sampler_options options = FLOWBD3_SAMPLER_OPTIONS_INIT;
        options.batch_size = 1;
        options.order = (flowbd3_order)order;
        options.threshold = order == FLOWBD3_ORDER_THRESHOLD ? 0.6 : 0.0;
        options.remask = order >= FLOWBD3_ORDER_REMASK_CAP ? 0.3 : 0.0;
        options.steps = order == FLOWBD3_ORDER_RANDOM || order == FLOWBD3_ORDER_MARGIN ? 2 : 0;
        options.temperature = 0.8;
        options.top_p = 0.95;
        assert_same_tokens(model, &options, 0, 3);
        options.sequence_flows = 2 * RAGGED_LENGTH + 1;
        assert_same_tokens(model, &options, 0, 2);
    }
    flowbd3_model_destroy(&model);
}
END_TEST

/* The columns of a fixed order that is not that of the table. */
START_TEST(named_columns) {
    static const char *const columns[] = {"bytes", "port"};
    flowbd3_tokenizer *tokenizer = ragged_tokenizer(table);
    flowbd3_model_options sizes = ragged_options(blocks[_i], FLOWBD3_COLUMNS_FIXED);
    flowbd3_model *model = ragged_model(table, blocks[_i], FLOWBD3_COLUMNS_FIXED), *named = NULL;
    sizes.columns = columns;
    sizes.n_columns = 2;
    ck_assert_int_eq(flowbd3_model_create(&named, tokenizer, &sizes, NULL), FLOWBD3_OK);
    ck_assert_uint_eq(named->order[0], 2);
    ck_assert_uint_eq(named->order[1], 0);
    ck_assert_uint_eq(named->order[2], 1);
    memcpy(named->parameters, model->parameters, model->layout->size * sizeof *model->parameters);
    flowbd3_sampler_options options = FLOWBD3_SAMPLER_OPTIONS_INIT;
    options.batch_size = 1;
    options.sequence_flows = RAGGED_LENGTH + 2;
    assert_same_tokens(named, &options, 0, 3);
    flowbd3_model_destroy(&named);
    flowbd3_model_destroy(&model);
    flowbd3_tokenizer_destroy(&tokenizer);
}
END_TEST

/* A port that is given, and two of which one is drawn; one attempt, so that it is what comes out. */
START_TEST(under_guidance) {
    static const char *const given[] = {"port=80", "port in 53,443"};
    static const uint32_t flows[] = {1, RAGGED_LENGTH, 2 * RAGGED_LENGTH + 1};
    for (int order = FLOWBD3_COLUMNS_FIXED; order <= FLOWBD3_COLUMNS_RANDOM; order++) {
        flowbd3_model *model = ragged_model(table, blocks[_i], (flowbd3_column_order)order);
        const fb3_codec *port = &model->tokenizer->columns[0];
        ck_assert_uint_eq(port->first_slot, PORT_SLOT);
        uint16_t ports[] = {(uint16_t)(1U << fb3_categories_find(&port->categories, "80")),
                            (uint16_t)(1U << fb3_categories_find(&port->categories, "53") |
                                       1U << fb3_categories_find(&port->categories, "443"))};
        model->condition_dropout = 0.1; /* as if it had been trained so */
        for (size_t c = 0; c < 2; c++)
            for (size_t f = 0; f < FB3_COUNT(flows); f++)
                for (double guidance = 0.0; guidance < 3.0; guidance += 1.25) {
                    flowbd3_sampler_options options = FLOWBD3_SAMPLER_OPTIONS_INIT;
                    options.batch_size = 1;
                    options.given = &given[c];
                    options.n_given = 1;
                    options.attempts = 1;
                    options.guidance = guidance;
                    options.sequence_flows = flows[f];
                    assert_same_given(model, &options, ports[c], 900 * f, 2);
                }
        flowbd3_model_destroy(&model);
    }
}
END_TEST

START_TEST(every_order_under_guidance) {
    static const char *const given[] = {"port=443"};
    flowbd3_model *model = ragged_model(table, blocks[_i], FLOWBD3_COLUMNS_RANDOM);
    model->condition_dropout = 0.1;
    uint16_t ports = (uint16_t)(1U << fb3_categories_find(&model->tokenizer->columns[0].categories, "443"));
    for (int order = FLOWBD3_ORDER_RANDOM; order <= FLOWBD3_ORDER_REMASK_LOOP; order++) {
        flowbd3_sampler_options options = FLOWBD3_SAMPLER_OPTIONS_INIT;
        options.batch_size = 1;
        options.order = (flowbd3_order)order;
        options.given = given;
        options.n_given = 1;
        options.attempts = 1;
        options.guidance = 1.5;
        options.temperature = 0.8;
        options.top_p = 0.95;
        options.sequence_flows = RAGGED_LENGTH + 2;
        assert_same_given(model, &options, ports, 0, 2);
    }
    flowbd3_model_destroy(&model);
}
END_TEST

int main(void) {
    setenv("CK_FORK", "no", 1);
    Suite *suite = suite_create("sampler_naive");
    TCase *tests = tcase_create("sampler_naive");
    tcase_set_timeout(tests, 60);
    tcase_add_unchecked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, sequences_drawn_as_those_of_training, 0, FB3_COUNT(blocks));
    tcase_add_loop_test(tests, sequences_of_any_length, 0, FB3_COUNT(blocks));
    tcase_add_loop_test(tests, every_order, 0, FB3_COUNT(blocks));
    tcase_add_loop_test(tests, named_columns, 0, FB3_COUNT(blocks));
    tcase_add_loop_test(tests, under_guidance, 0, FB3_COUNT(blocks));
    tcase_add_loop_test(tests, every_order_under_guidance, 0, FB3_COUNT(blocks));
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
