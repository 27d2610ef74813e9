/* Tables with planted relations: what is decoded obeys every certain rule, and every row of the table passes
 * its own rules. */
#include "../unit/test_main.h"
#include "../unit/two_threads.h"
#include "tokenizer/tokenizer.h"

#include <math.h>

enum { TABLES = 60, MOST_ROWS = 400, MOST_COLUMNS = 9 };

/* ---- random tables --------------------------------------------------------------------------------- */

typedef struct dice {
    uint64_t seed, next;
} dice;

static double uniform(dice *d) {
    return fb3_uniform(d->seed, FB3_RANDOM_SUBSAMPLE, d->next++, 0);
}

static size_t below(dice *d, size_t n) {
    return (size_t)(uniform(d) * (double)n);
}

static double rounded(double value, double digits) {
    return nearbyint(value * digits) / digits;
}

/* part <= whole, both = part + whole; rate = whole / duration, of the printed duration or of what it was
 * before; icmp has no port, and its state is ECO. */
static flowbd3_table *random_table(dice *d) {
    int64_t part[MOST_ROWS], whole[MOST_ROWS], both[MOST_ROWS], port[MOST_ROWS];
    double duration[MOST_ROWS], rate[MOST_ROWS], noise[MOST_ROWS];
    const char *proto[MOST_ROWS], *state[MOST_ROWS];
    uint8_t there[MOST_ROWS];
    size_t rows = 60 + below(d, MOST_ROWS - 60);
    bool printed = below(d, 2) == 0;
    for (size_t i = 0; i < rows; i++) {
        double u = uniform(d);
        proto[i] = u < 0.6 ? "tcp" : u < 0.9 ? "udp" : "icmp";
        state[i] = u >= 0.9 ? "ECO" : below(d, 2) ? "CON" : "FIN";
        there[i] = u < 0.9;
        port[i] = (int64_t)below(d, 65536);
        part[i] = (int64_t)(40 / (uniform(d) + 1e-3));
        whole[i] = part[i] + (int64_t)(below(d, 3) ? below(d, 3000) : 0);
        both[i] = part[i] + whole[i];
        double exact = below(d, 5) == 0 ? 0.0 : 0.0006 + pow(uniform(d), 6) * 300;
        duration[i] = rounded(exact, 1000);
        rate[i] = duration[i] > 0 ? rounded((double)whole[i] / (printed ? duration[i] : exact), 1e3) : 0.0;
        noise[i] = rounded(uniform(d), 1e4);
    }
    flowbd3_table *table;
    ck_assert_int_eq(flowbd3_table_create(&table, context, NULL), FLOWBD3_OK);
    flowbd3_table_add_categorical(table, "proto", proto, rows, NULL);
    flowbd3_table_add_integer(table, "port", port, there, rows, NULL);
    flowbd3_table_add_integer(table, "part", part, NULL, rows, NULL);
    flowbd3_table_add_integer(table, "whole", whole, NULL, rows, NULL);
    flowbd3_table_add_integer(table, "both", both, NULL, rows, NULL);
    flowbd3_table_add_real(table, "duration", duration, NULL, rows, NULL);
    flowbd3_table_add_real(table, "rate", rate, NULL, rows, NULL);
    flowbd3_table_add_categorical(table, "state", state, rows, NULL);
    flowbd3_table_add_real(table, "noise", noise, NULL, rows, NULL);
    ck_assert_uint_eq(flowbd3_table_columns(table), MOST_COLUMNS);
    return table;
}

static flowbd3_tokenizer *random_tokenizer(const flowbd3_table *table, dice *d) {
    flowbd3_column_codec codecs[MOST_COLUMNS];
    flowbd3_tokenizer_options options = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    flowbd3_tokenizer *tokenizer;
    flowbd3_error err = {0};
    options.bins = (uint32_t)(4 + below(d, 60));
    options.binning = (flowbd3_binning)below(d, 4);
    for (size_t i = 0; i < MOST_COLUMNS; i++) {
        flowbd3_type type = flowbd3_table_type(table, i);
        size_t kinds = type == FLOWBD3_TYPE_CATEGORICAL ? 2 : type == FLOWBD3_TYPE_INTEGER ? 5 : 4;
        codecs[i] = (flowbd3_column_codec){flowbd3_table_name(table, i), (flowbd3_codec)below(d, kinds), 0};
    }
    options.codecs = codecs;
    options.n_codecs = below(d, 3) ? MOST_COLUMNS : 0;
    ck_assert_msg(flowbd3_tokenizer_create(&tokenizer, table, &options, &err) == FLOWBD3_OK, "%s",
                  err.message);
    return tokenizer;
}

/* ---- properties ------------------------------------------------------------------------------------ */

static uint16_t *encode(const flowbd3_tokenizer *tokenizer, const flowbd3_table *table) {
    uint16_t *tokens = malloc(flowbd3_table_rows(table) * tokenizer->n_slots * sizeof *tokens);
    ck_assert_int_eq(flowbd3_tokenizer_encode(tokenizer, table, tokens, NULL), FLOWBD3_OK);
    return tokens;
}

static flowbd3_table *decode(const flowbd3_tokenizer *tokenizer, const uint16_t *tokens, size_t rows,
                             flowbd3_decoding way) {
    flowbd3_table *table;
    ck_assert_int_eq(flowbd3_tokenizer_decode(tokenizer, tokens, rows, way, 3, 0, &table, NULL), FLOWBD3_OK);
    return table;
}

/* No row violates a certain rule; or only one that computes a column, as the others may contradict. */
static void check_rules(const flowbd3_tokenizer *t, const flowbd3_table *table, bool derivations) {
    const flowbd3_rules *rules = flowbd3_tokenizer_rules(t);
    size_t count = flowbd3_rules_count(rules);
    flowbd3_rule_result *results = calloc(count + 1, sizeof *results);
    ck_assert(count == 0 || flowbd3_rules_check(rules, table, results, NULL, NULL) == FLOWBD3_OK);
    for (size_t i = 0; i < count; i++) {
        const fb3_rule *rule = &rules->rules[i];
        bool computes = rule->claim == FB3_CLAIM_DERIVED && rule->n_when == 0;
        size_t column = 0;
        while (computes && strcmp(t->columns[column].name, rule->derived.column) != 0)
            column++;
        if (fb3_rule_is_certain(rule) && (!derivations || (computes && t->columns[column].derived)))
            ck_assert_msg(results[i].violated == 0, "%s: %llu rows, first %llu", flowbd3_rules_text(rules, i),
                          (unsigned long long)results[i].violated, (unsigned long long)results[i].first);
    }
    free(results);
}

static void check_ranges(const flowbd3_tokenizer *t, const flowbd3_table *table, bool derived) {
    for (size_t i = 0; i < t->n_columns; i++) {
        if (t->columns[i].categories.dictionary != NULL || (t->columns[i].derived && !derived))
            continue;
        fb3_interval range = fb3_codec_range(&t->columns[i], NULL, 0);
        for (size_t row = 0; row < flowbd3_table_rows(table); row++) {
            double number = flowbd3_table_number(table, row, i);
            ck_assert_msg(isnan(number) || (number >= range.low && number <= range.high),
                          "%s, row %zu: %.17g", t->columns[i].name, row, number);
        }
    }
}

/* Values with a token of their own come back. */
static void check_exact(const flowbd3_tokenizer *t, const flowbd3_table *table, const flowbd3_table *decoded,
                        const uint16_t *tokens) {
    for (size_t i = 0; i < t->n_columns; i++) {
        const fb3_codec *codec = &t->columns[i];
        for (size_t row = 0; codec->slots > 0 && row < flowbd3_table_rows(table); row++) {
            const uint16_t *own = tokens + row * t->n_slots + codec->first_slot;
            bool exact = codec->levels.count == 0 || fb3_codec_is_missing(codec, own) ||
                         codec->levels.bins[fb3_levels_of_tokens(&codec->levels, own)].knots == 1;
            double a = flowbd3_table_number(table, row, i), b = flowbd3_table_number(decoded, row, i);
            if (exact)
                ck_assert_msg(a == b || (isnan(a) && isnan(b)), "%s, row %zu: %.17g is %.17g", codec->name,
                              row, a, b);
        }
    }
}

START_TEST(decoded_rows_obey) {
    size_t derived = 0;
    for (uint64_t i = 0; i < TABLES; i++) {
        dice d = {i, 0};
        flowbd3_table *table = random_table(&d);
        flowbd3_tokenizer *tokenizer = random_tokenizer(table, &d);
        uint16_t *tokens = encode(tokenizer, table);
        for (int way = 0; way < 2; way++) {
            flowbd3_table *decoded =
                decode(tokenizer, tokens, flowbd3_table_rows(table), (flowbd3_decoding)way);
            check_rules(tokenizer, decoded, false);
            check_ranges(tokenizer, decoded, true);
            check_exact(tokenizer, table, decoded, tokens);
            flowbd3_table_destroy(&decoded);
        }
        for (size_t c = 0; c < tokenizer->n_columns; c++)
            derived += tokenizer->columns[c].derived;
        free(tokens);
        flowbd3_tokenizer_destroy(&tokenizer);
        flowbd3_table_destroy(&table);
    }
    ck_assert_uint_ge(derived, TABLES);
}
END_TEST

/* The tokens of a fitted row are allowed one after the other, and it settles. */
START_TEST(every_fitted_row_passes_its_own_rules) {
    uint8_t *allowed = malloc(FB3_TOKENS_MAX + 1);
    for (uint64_t i = 0; i < TABLES; i++) {
        dice d = {1000 + i, 0};
        flowbd3_table *table = random_table(&d);
        flowbd3_tokenizer *t = random_tokenizer(table, &d);
        uint16_t *tokens = encode(t, table);
        fb3_row *row;
        ck_assert_int_eq(fb3_row_create(&row, t->restraint, NULL), FLOWBD3_OK);
        for (size_t k = 0; k < flowbd3_table_rows(table); k++) {
            const uint16_t *of_row = tokens + k * t->n_slots;
            fb3_row_begin(row);
            for (size_t s = 0; s < t->n_slots; s++) {
                ck_assert_uint_ge(fb3_row_allow(row, s, of_row, allowed), 1);
                ck_assert_msg(allowed[of_row[s]] == 1, "table %d, row %zu, column '%s'", (int)i, k,
                              t->columns[t->slots[s].column].name);
                fb3_row_know(row, s, of_row);
            }
            for (int way = 0; way < 2; way++) {
                fb3_row_begin(row);
                ck_assert_msg(fb3_row_settle(row, of_row, (flowbd3_decoding)way, 7, k), "table %d, row %zu",
                              (int)i, k);
            }
        }
        fb3_row_destroy(&row);
        free(tokens);
        flowbd3_tokenizer_destroy(&t);
        flowbd3_table_destroy(&table);
    }
    free(allowed);
}
END_TEST

/* A token that is allowed, drawn by its frequency; false: none is. */
static bool draw_allowed(const flowbd3_tokenizer *t, size_t slot, const uint8_t *allowed, double u,
                         uint16_t *token) {
    const uint64_t *counts = fb3_tokenizer_counts(t, slot);
    double total = 0, reached = 0;
    for (size_t k = 0; k < t->slots[slot].vocabulary; k++)
        total += allowed[k] ? (double)counts[k] : 0;
    for (size_t k = 0; k < t->slots[slot].vocabulary; k++) {
        reached += allowed[k] ? (double)counts[k] : 0;
        if (allowed[k])
            *token = (uint16_t)k;
        if (reached > u * total)
            break;
    }
    return total > 0;
}

/* Rows of allowed tokens, drawn without regard to one another, settle in most cases. */
START_TEST(allowed_tokens_lead_to_rows) {
    enum { ROWS = 100 };
    size_t settled = 0, begun = 0;
    uint8_t *allowed = malloc(FB3_TOKENS_MAX + 1);
    uint16_t tokens[FB3_SLOTS_MAX * MOST_COLUMNS];
    for (uint64_t i = 0; i < TABLES; i++) {
        dice d = {2000 + i, 0};
        flowbd3_table *table = random_table(&d);
        flowbd3_tokenizer *t = random_tokenizer(table, &d);
        fb3_row *row;
        ck_assert_int_eq(fb3_row_create(&row, t->restraint, NULL), FLOWBD3_OK);
        for (size_t k = 0; k < ROWS; k++, begun++) {
            bool left = true;
            fb3_row_begin(row);
            for (size_t s = 0; left && s < t->n_slots; s++) {
                (void)fb3_row_allow(row, s, tokens, allowed);
                left = draw_allowed(t, s, allowed, uniform(&d), &tokens[s]);
                if (left)
                    fb3_row_know(row, s, tokens);
            }
            fb3_row_begin(row);
            settled += left && fb3_row_settle(row, tokens, FLOWBD3_DECODE_DRAW, 7, k);
        }
        fb3_row_destroy(&row);
        flowbd3_tokenizer_destroy(&t);
        flowbd3_table_destroy(&table);
    }
    ck_assert_msg((double)settled >= 0.95 * (double)begun, "%zu of %zu rows settle", settled, begun);
    free(allowed);
}
END_TEST

/* Tokens drawn without regard to anything decode, in range, and rules compute what they compute. */
START_TEST(any_tokens_decode) {
    enum { ROWS = 300 };
    for (uint64_t i = 0; i < TABLES; i++) {
        dice d = {3000 + i, 0};
        flowbd3_table *table = random_table(&d);
        flowbd3_tokenizer *t = random_tokenizer(table, &d);
        uint16_t *tokens = malloc(ROWS * t->n_slots * sizeof *tokens);
        for (size_t k = 0; k < ROWS * t->n_slots; k++)
            tokens[k] = (uint16_t)below(&d, t->slots[k % t->n_slots].vocabulary);
        for (int way = 0; way < 2; way++) {
            flowbd3_table *decoded = decode(t, tokens, ROWS, (flowbd3_decoding)way);
            check_ranges(t, decoded, false);
            check_rules(t, decoded, true);
            free(encode(t, decoded));
            flowbd3_table_destroy(&decoded);
        }
        free(tokens);
        flowbd3_tokenizer_destroy(&t);
        flowbd3_table_destroy(&table);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("tokenizer_rows");
    TCase *tests = tcase_create("tokenizer_rows");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, decoded_rows_obey);
    tcase_add_test(tests, every_fitted_row_passes_its_own_rules);
    tcase_add_test(tests, allowed_tokens_lead_to_rows);
    tcase_add_test(tests, any_tokens_decode);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
