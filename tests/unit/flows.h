/* Flows with a relation of every kind, columns of every codec, and models of it. With large random weights
 * any row that tokens can make comes, and only what is enforced keeps rows right. */
#ifndef FLOWS_H
#define FLOWS_H

#include "model/model.h"
#include "rules/rules.h"
#include "toy.h"

#include <string.h>

enum { FLOWS_ROWS = 3000 };

/* proto; sport, missing for icmp; pkts; src, dst, total = src + dst; dur, rate = pkts / dur; host; start.
 * src >= 40 pkts, dst <= src. */
static inline flowbd3_table *flows_table(flowbd3_context *context) {
    static const char *const protos[] = {"tcp", "udp", "icmp"}, *const states[] = {"CON", "FIN", "URP",
                                                                                   "ECO"};
    static const char *proto[FLOWS_ROWS], *state[FLOWS_ROWS];
    static int64_t sport[FLOWS_ROWS], pkts[FLOWS_ROWS], src[FLOWS_ROWS], dst[FLOWS_ROWS], total[FLOWS_ROWS],
        host[FLOWS_ROWS], start[FLOWS_ROWS];
    static uint8_t there[FLOWS_ROWS];
    static double dur[FLOWS_ROWS], rate[FLOWS_ROWS];
    for (size_t i = 0; i < FLOWS_ROWS; i++) {
        double u[9];
        for (uint32_t k = 0; k < 9; k++)
            u[k] = fb3_uniform(41, FB3_RANDOM_SPLIT, i, k);
        size_t k = u[0] < 0.5 ? 0 : u[0] < 0.8 ? 1 : 2;
        proto[i] = protos[k];
        state[i] = k == 2 ? states[3] : k == 1 ? states[u[7] < 0.5 ? 0 : 2] : states[u[7] < 0.5];
        there[i] = k != 2;
        sport[i] = there[i] ? (u[1] < 0.3 ? 53 : (int64_t)(1024 + u[1] * 60000.0)) : 0;
        pkts[i] = 1 + (int64_t)(u[2] * u[2] * 300.0);
        src[i] = 40 * pkts[i] + (int64_t)(u[3] * u[3] * 1e5);
        dst[i] = u[4] < 0.2 ? 0 : (int64_t)(u[4] * (double)src[i]);
        total[i] = src[i] + dst[i];
        dur[i] = u[5] < 0.1 ? 0.0 : floor(u[5] * u[5] * 5e5) / 100.0;
        rate[i] = dur[i] > 0.0 ? fb3_round_to_decimals((double)pkts[i] / dur[i], 4) : 0.0;
        host[i] = (int64_t)(u[6] * 60.0);
        start[i] = (int64_t)i;
    }
    flowbd3_table *t = NULL;
    ck_assert_int_eq(flowbd3_table_create(&t, context, NULL), FLOWBD3_OK);
    flowbd3_status all = FLOWBD3_OK;
    all |= flowbd3_table_add_categorical(t, "proto", proto, FLOWS_ROWS, NULL);
    all |= flowbd3_table_add_integer(t, "sport", sport, there, FLOWS_ROWS, NULL);
    all |= flowbd3_table_add_integer(t, "pkts", pkts, NULL, FLOWS_ROWS, NULL);
    all |= flowbd3_table_add_integer(t, "src", src, NULL, FLOWS_ROWS, NULL);
    all |= flowbd3_table_add_integer(t, "dst", dst, NULL, FLOWS_ROWS, NULL);
    all |= flowbd3_table_add_integer(t, "total", total, NULL, FLOWS_ROWS, NULL);
    all |= flowbd3_table_add_real(t, "dur", dur, NULL, FLOWS_ROWS, NULL);
    all |= flowbd3_table_add_real(t, "rate", rate, NULL, FLOWS_ROWS, NULL);
    all |= flowbd3_table_add_categorical(t, "state", state, FLOWS_ROWS, NULL);
    all |= flowbd3_table_add_integer(t, "host", host, NULL, FLOWS_ROWS, NULL);
    all |= flowbd3_table_add_integer(t, "start", start, NULL, FLOWS_ROWS, NULL);
    ck_assert_int_eq(all, FLOWBD3_OK);
    return t;
}

static const char flows_rules[] =
    "{\"format\":\"flowbd3-rules\",\"version\":1,\"rules\":["
    "{\"derive\":{\"column\":\"total\",\"sum\":[\"src\",\"dst\"]}},"
    "{\"derive\":{\"column\":\"rate\",\"ratio\":[\"pkts\",\"dur\"],\"decimals\":4,\"otherwise\":0}},"
    "{\"when\":{\"proto\":\"icmp\"},\"then\":{\"sport\":null,\"state\":\"ECO\"}},"
    "{\"when\":{\"proto\":[\"tcp\",\"udp\"]},\"then\":{\"sport\":{\"any\":true}}},"
    "{\"compare\":{\"left\":\"dst\",\"at_most\":\"src\"}},"
    "{\"compare\":{\"left\":\"src\",\"at_least\":{\"times\":40,\"column\":\"pkts\"}}}]}";

static inline flowbd3_rules *flows_read(flowbd3_context *context, const char *json) {
    flowbd3_rules *rules = NULL;
    flowbd3_error err = {0};
    ck_assert_msg(flowbd3_rules_from_json(&rules, context, json, strlen(json), &err) == FLOWBD3_OK, "%s",
                  err.message);
    return rules;
}

typedef struct flows_kind {
    uint32_t block, length;
    flowbd3_column_order order;
    bool stated;  /* rules are those of flows_rules; otherwise they are searched for */
    float spread; /* of random weights; 0: trained for a few epochs */
} flows_kind;

static inline void flows_train(flowbd3_model *model, const flowbd3_table *table) {
    flowbd3_trainer *trainer = NULL;
    flowbd3_trainer_options training = FLOWBD3_TRAINER_OPTIONS_INIT;
    training.epochs = 3;
    training.batch_size = 50;
    training.learning_rate = 5e-3;
    training.ema_decay = 0.9;
    ck_assert_int_eq(flowbd3_trainer_create(&trainer, model, table, NULL, &training, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_trainer_run(trainer, NULL, NULL, NULL), FLOWBD3_OK);
    flowbd3_trainer_destroy(&trainer);
}

static inline flowbd3_model *flows_model(const flowbd3_table *table, const flows_kind *kind) {
    static const flowbd3_column_codec codecs[] = {{"src", FLOWBD3_CODEC_FINE, 8},
                                                  {"dst", FLOWBD3_CODEC_DIGITS, 0},
                                                  {"sport", FLOWBD3_CODEC_DIGITS, 0},
                                                  {"pkts", FLOWBD3_CODEC_EXACT, 0}};
    static const char *const host[] = {"host"};
    flowbd3_tokenizer *tokenizer = NULL;
    flowbd3_model *model = NULL;
    flowbd3_error err = {0};
    flowbd3_rules *rules = kind->stated ? flows_read(table->context, flows_rules) : NULL;
    flowbd3_tokenizer_options fitting = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    fitting.bins = 24;
    fitting.codecs = codecs;
    fitting.n_codecs = FB3_COUNT(codecs);
    fitting.rules = rules;
    fitting.relations = kind->stated ? FLOWBD3_RELATIONS_OFF : FLOWBD3_RELATIONS_SEARCH;
    fitting.group_by = host;
    fitting.n_group_by = kind->length > 1;
    fitting.order_by = kind->length > 1 ? "start" : NULL;
    ck_assert_msg(flowbd3_tokenizer_create(&tokenizer, table, &fitting, &err) == FLOWBD3_OK, "%s",
                  err.message);
    flowbd3_rules_destroy(&rules);
    flowbd3_model_options options = FLOWBD3_MODEL_OPTIONS_INIT;
    options.d_model = 16;
    options.n_heads = 2;
    options.n_layers = 1;
    options.d_ff = 16;
    options.dropout = -1.0;
    options.sequence_length = kind->length;
    options.block_size = kind->block;
    options.column_order = kind->order;
    ck_assert_msg(flowbd3_model_create(&model, tokenizer, &options, &err) == FLOWBD3_OK, "%s", err.message);
    for (size_t i = 0; kind->spread > 0.0F && i < model->layout->size; i++)
        model->parameters[i] =
            kind->spread * (float)(2.0 * fb3_uniform(9, FB3_RANDOM_INITIAL_WEIGHTS, i, 1) - 1.0);
    flowbd3_tokenizer_destroy(&tokenizer);
    if (kind->spread == 0.0F)
        flows_train(model, table);
    return model;
}

/* That no rule of a list that is certain is violated. */
static inline void flows_obey(const flowbd3_table *t, const flowbd3_rules *rules) {
    size_t count = flowbd3_rules_count(rules);
    flowbd3_rule_result *results = calloc(count + 1, sizeof *results);
    flowbd3_error err = {0};
    ck_assert_msg(flowbd3_rules_check(rules, t, results, NULL, &err) == FLOWBD3_OK, "%s", err.message);
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(results[i].violated == 0 || !fb3_rule_is_certain(&rules->rules[i]),
                      "%s: %llu of %llu rows violate it, the first is %llu", flowbd3_rules_text(rules, i),
                      (unsigned long long)results[i].violated, (unsigned long long)results[i].applies,
                      (unsigned long long)results[i].first);
    free(results);
}

/* That numbers lie in the range that the other table has, and cells are missing only where it has such. */
static inline void flows_in_range(const flowbd3_table *t, const flowbd3_table *of) {
    for (size_t c = 0; c < flowbd3_table_columns(t); c++) {
        int64_t other = flowbd3_table_find(of, flowbd3_table_name(t, c));
        ck_assert_int_ge(other, 0);
        ck_assert(flowbd3_table_missing(t, c) == 0 || flowbd3_table_missing(of, (size_t)other) > 0);
        if (flowbd3_table_codes(t, c) != NULL || strcmp(flowbd3_table_name(t, c), "start") == 0)
            continue;
        double low = INFINITY, high = -INFINITY;
        for (size_t i = 0; i < flowbd3_table_rows(of); i++) {
            low = fmin(low, flowbd3_table_number(of, i, (size_t)other));
            high = fmax(high, flowbd3_table_number(of, i, (size_t)other));
        }
        for (size_t i = 0; i < flowbd3_table_rows(t); i++) {
            double x = flowbd3_table_number(t, i, c);
            ck_assert_msg(!(x < low || x > high), "%s: %.17g, row %zu", flowbd3_table_name(t, c), x, i);
        }
    }
}

#endif
