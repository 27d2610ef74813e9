/* Unmasking under restraint, on a known joint distribution: tokens that are drawn among allowed values, and
 * blocks that are kept with the mass of what was allowed, follow the distribution given the condition.
 *
 * Every statistic is a chi-square over the cells of the condition that are expected at least five times; its
 * bound is the 0.9999 quantile by Wilson and Hilferty, so that of the hundred or so of this file one passes
 * it by chance in a hundred changes of the random numbers. */
#include "oracle.h"
#include "sampler/sampler.h"
#include "test_main.h"

#include <stdio.h>

enum { BLOCKS = 3000, ATTEMPTS = 4000 };

/* ---- conditions -------------------------------------------------------------------------------- */

typedef bool (*condition)(const uint16_t *x);

static bool anything(const uint16_t *x) {
    (void)x;
    return true;
}

static bool one_value(const uint16_t *x) {
    return x[3] == 1;
}

static bool two_sets(const uint16_t *x) {
    return x[1] != 0 && x[2] >= 2;
}

static bool relation(const uint16_t *x) {
    return x[1] <= x[2] && (x[0] == 0 || x[3] == 0);
}

/* Each token alone may take any value. */
static bool parity(const uint16_t *x) {
    return (x[0] + x[1] + x[2] + x[3]) % 2 == 0;
}

/* Less than one block in a hundred. */
static bool improbable(const uint16_t *x) {
    return x[0] == 0 && x[1] == 1 && x[2] % 2 == 0;
}

static const condition conditions[] = {anything, one_value, two_sets, relation, parity, improbable};

/* How far a mask looks ahead. */
typedef enum sight {
    EXACT, /* a value is allowed when some completion of the block meets the condition */
    SHORT, /* the same, but while two tokens or more would stay masked, everything is */
    BLIND  /* only the last token is masked at all */
} sight;

typedef struct restraint {
    condition meets;
    sight sight;
    condition own; /* met by all rows that were learned, part of meets; NULL: there is none */
} restraint;

static bool agrees(const uint16_t *given, const uint16_t *x, size_t but, size_t value) {
    for (size_t i = 0; i < ORACLE_TOKENS; i++)
        if (i == but ? x[i] != value : given[i] != oracle_vocabulary[i] && given[i] != x[i])
            return false;
    return true;
}

static bool can_be_met(condition meets, const uint16_t *values, size_t i, size_t value) {
    uint16_t x[ORACLE_TOKENS];
    for (size_t cell = 0; cell < ORACLE_CELLS; cell++) {
        oracle_values(x, cell, false);
        if (agrees(values, x, i, value) && meets(x))
            return true;
    }
    return false;
}

static bool allow(void *user, const fb3_unmasking *u, size_t i, uint8_t *allowed) {
    restraint *r = user;
    size_t masked = 0;
    for (size_t k = 0; k < ORACLE_TOKENS; k++)
        masked += u->values[k] == oracle_vocabulary[k];
    if (masked > (r->sight == EXACT ? ORACLE_TOKENS : r->sight == SHORT ? 2 : 1))
        return false;
    for (size_t v = 0; v < oracle_vocabulary[i]; v++)
        allowed[v] = can_be_met(r->meets, u->values, i, v)                   ? FB3_ALLOWED
                     : r->own == NULL || can_be_met(r->own, u->values, i, v) ? FB3_BARRED
                                                                             : FB3_NEVER;
    return true;
}

/* ---- blocks that are kept ---------------------------------------------------------------------- */

/* Draws a block until one is kept; how many that took. */
static uint32_t draw_kept(fb3_unmasking *u, uint64_t key, uint16_t *values, const flowbd3_sampler_options *o,
                          const restraint *r) {
    for (u->attempt = 0; u->attempt < ATTEMPTS; u->attempt++) {
        begin(u, key, values, o);
        while (advance(u, o))
            continue;
        double x = fb3_uniform(fb3_attempt_seed(o->seed, u->attempt), FB3_RANDOM_ACCEPT, key, 0);
        ck_assert(u->log_mass <= 0.0 || u->log_mass == -INFINITY);
        if (log(x) < u->log_mass && r->meets(values))
            return u->attempt + 1;
        ck_assert(r->sight != EXACT || r->meets(values));
    }
    ck_abort_msg("no block was kept in %d attempts", ATTEMPTS);
    return 0;
}

typedef struct target {
    double p[ORACLE_CELLS];
} target;

/* Probability that the joint gives to the first count values of x, the last of which is value. */
static double probability_of(const uint16_t *x, size_t count, size_t value) {
    uint16_t y[ORACLE_TOKENS];
    double sum = 0.0;
    for (size_t cell = 0; cell < ORACLE_CELLS; cell++) {
        oracle_values(y, cell, false);
        bool agrees = y[count - 1] == value;
        for (size_t i = 0; i + 1 < count; i++)
            agrees = agrees && y[i] == x[i];
        sum += agrees ? joint.joint[cell] : 0.0;
    }
    return sum;
}

/* Probability of x when each token in turn is drawn among the values with which the rows that were learned go
 * on: those that do not leave theirs to the others. */
static double learned(const uint16_t *x, condition own) {
    double p = 1.0;
    uint16_t given[ORACLE_TOKENS];
    for (size_t i = 0; i < ORACLE_TOKENS; i++)
        given[i] = (uint16_t)oracle_vocabulary[i];
    for (size_t i = 0; i < ORACLE_TOKENS; i++) {
        double sum = 0.0;
        for (size_t v = 0; v < oracle_vocabulary[i]; v++)
            sum += can_be_met(own, given, i, v) ? probability_of(x, i + 1, v) : 0.0;
        p *= can_be_met(own, given, i, x[i]) ? probability_of(x, i + 1, x[i]) / sum : 0.0;
        if (p == 0.0)
            break;
        given[i] = x[i];
    }
    return p;
}

/* The joint given a condition and the values of fixed tokens, reweighed. */
static target target_of(const fb3_unmasking *u, const restraint *r, const uint16_t *fixed) {
    target t = {{0}};
    double total = 0.0;
    uint16_t x[ORACLE_TOKENS];
    for (size_t cell = 0; cell < ORACLE_CELLS; cell++) {
        oracle_values(x, cell, false);
        double p = !r->meets(x) ? 0.0 : r->own != NULL ? learned(x, r->own) : joint.joint[cell];
        for (size_t i = 0; i < ORACLE_TOKENS; i++) {
            if (u->weights != NULL && u->weights[i] != NULL)
                p *= u->weights[i][x[i]];
            if (u->fixed != NULL && u->fixed[i] != 0 && x[i] != fixed[i])
                p = 0.0;
        }
        total += t.p[cell] = p;
    }
    for (size_t cell = 0; cell < ORACLE_CELLS; cell++)
        t.p[cell] /= total;
    return t;
}

/* The 0.9999 quantile of chi-square (Wilson and Hilferty 1931). */
static double quantile(double freedom) {
    double z = 3.719, a = 2.0 / (9.0 * freedom), b = 1.0 - a + z * sqrt(a);
    return freedom * b * b * b;
}

/* Compares what is drawn with the target. */
static void check_blocks(fb3_unmasking *u, const flowbd3_sampler_options *o, restraint *r,
                         const uint16_t *fixed) {
    size_t seen[ORACLE_CELLS] = {0}, attempts = 0;
    uint16_t values[ORACLE_TOKENS];
    target t = target_of(u, r, fixed);
    u->first_is_free = true;
    for (uint64_t key = 0; key < BLOCKS; key++) {
        memcpy(values, fixed, sizeof values);
        attempts += draw_kept(u, key, values, o, r);
        seen[oracle_number(values, false)]++;
    }
    double statistic = 0.0, freedom = -1.0, rare = 0.0, rare_seen = 0.0;
    for (size_t cell = 0; cell < ORACLE_CELLS; cell++) {
        double expected = BLOCKS * t.p[cell], off = (double)seen[cell] - expected;
        ck_assert(expected > 0.0 || seen[cell] == 0);
        if (expected < 5.0) {
            rare += expected;
            rare_seen += (double)seen[cell];
            continue;
        }
        statistic += off * off / expected;
        freedom += 1.0;
    }
    if (rare >= 5.0) {
        statistic += (rare_seen - rare) * (rare_seen - rare) / rare;
        freedom += 1.0;
    }
    printf("# order %d sight %d: chi-square %.1f of %.0f degrees, %.2f attempts\n", (int)o->order,
           (int)r->sight, statistic, freedom, (double)attempts / BLOCKS);
    fflush(stdout);
    if (freedom > 0.0)
        ck_assert_double_lt(statistic, quantile(freedom));
}

static const flowbd3_sampler_options exact_orders[] = {ORDER(RANDOM), ORDER(MARGIN), ORDER(ENTROPY),
                                                       ORDER(THRESHOLD), ORDER(ANCESTRAL, .steps = 4096)};

/* A block that starts from nothing. */
static fb3_unmasking *fresh(restraint *r) {
    fb3_unmasking *u = &blocks[0];
    u->attempt = 0;
    u->forbidden = NULL;
    u->fixed = NULL;
    u->run = NULL;
    u->turn = NULL;
    u->weights = NULL;
    u->strata = NULL;
    u->first_is_free = false;
    u->allow = r != NULL ? allow : NULL;
    u->user = r;
    return u;
}

static const uint16_t nothing[ORACLE_TOKENS] = {0};

START_TEST(exact_orders_follow_the_condition) {
    for (size_t c = 0; c < FB3_COUNT(conditions); c++)
        for (int s = EXACT; s <= BLIND; s++) {
            flowbd3_sampler_options o = checked(exact_orders[_i]);
            restraint r = {.meets = conditions[c], .sight = (sight)s};
            if (s != EXACT && conditions[c] == improbable)
                continue; /* hundreds of attempts */
            check_blocks(fresh(&r), &o, &r, nothing);
        }
}
END_TEST

/* Tokens 0 and 2 are given: only the others are drawn. */
START_TEST(fixed_tokens_are_given) {
    static const uint16_t given[ORACLE_TOKENS] = {1, 0, 3, 0};
    uint8_t fixed[ORACLE_TOKENS] = {1, 0, 1, 0};
    flowbd3_sampler_options o = checked(exact_orders[_i]);
    restraint r = {.meets = relation};
    fb3_unmasking *u = fresh(&r);
    u->fixed = fixed;
    check_blocks(u, &o, &r, given);
}
END_TEST

/* ---- runs, turns ------------------------------------------------------------------------------- */

/* The order in which tokens of a block are decided. */
static void decided_order(fb3_unmasking *u, const flowbd3_sampler_options *o, uint64_t key,
                          size_t order[ORACLE_TOKENS]) {
    uint16_t values[ORACLE_TOKENS] = {0}, before[ORACLE_TOKENS];
    size_t at = 0;
    begin(u, key, values, o);
    memcpy(before, values, sizeof before);
    while (advance(u, o)) {
        for (size_t i = 0; i < ORACLE_TOKENS; i++)
            if (values[i] != before[i])
                order[i] = at++;
        memcpy(before, values, sizeof before);
    }
    ck_assert_uint_eq(at, ORACLE_TOKENS);
}

static const uint32_t runs[ORACLE_TOKENS] = {0, 1, 1, 1};
static const uint8_t turns[ORACLE_TOKENS] = {2, 1, 2, 0};

START_TEST(runs_are_decided_in_order) {
    flowbd3_sampler_options o = checked(exact_orders[_i]);
    size_t order[ORACLE_TOKENS], first = 0;
    fb3_unmasking *u = fresh(NULL);
    u->run = runs;
    for (uint64_t key = 0; key < 500; key++) {
        decided_order(u, &o, key, order);
        ck_assert(order[1] < order[2] && order[2] < order[3]);
        first += order[0] == 0;
    }
    if (o.order == FLOWBD3_ORDER_RANDOM || o.order == FLOWBD3_ORDER_ANCESTRAL) { /* one time in four */
        ck_assert_uint_gt(first, 80);
        ck_assert_uint_lt(first, 170);
    }
    restraint r = {.meets = relation};
    u = fresh(&r);
    u->run = runs;
    check_blocks(u, &o, &r, nothing);
}
END_TEST

START_TEST(lesser_turns_come_first) {
    flowbd3_sampler_options o = checked(exact_orders[_i]);
    size_t order[ORACLE_TOKENS];
    restraint r = {.meets = relation};
    fb3_unmasking *u = fresh(&r);
    u->turn = turns;
    for (uint64_t key = 0; key < 500 && o.order != FLOWBD3_ORDER_ANCESTRAL; key++) {
        decided_order(u, &o, key, order);
        ck_assert_uint_eq(order[3], 0);
        ck_assert_uint_eq(order[1], 1);
    }
    check_blocks(u, &o, &r, nothing);
}
END_TEST

static const double uneven[] = {0.0, 3.0, 1.0, 0.25}, pair[] = {5.0, 1.0};

static bool relation_and_value(const uint16_t *x) {
    return relation(x) && x[2] == 2;
}

static bool relation_and_parity(const uint16_t *x) {
    return relation(x) && parity(x);
}

/* What all learned rows obey costs no attempts, and changes nothing about tokens that come before what it
 * speaks of; a condition beside it selects among such rows. Tokens are drawn in the order of their numbers.
 */
START_TEST(rules_of_learned_rows_have_no_weight) {
    static const uint8_t in_order[ORACLE_TOKENS] = {0, 1, 2, 3};
    static const condition meets[] = {relation, relation_and_value, relation_and_parity};
    flowbd3_sampler_options o = checked((flowbd3_sampler_options)ORDER(RANDOM));
    restraint r = {.meets = meets[_i], .own = relation};
    fb3_unmasking *u = fresh(&r);
    u->turn = in_order;
    check_blocks(u, &o, &r, nothing);
    uint16_t values[ORACLE_TOKENS];
    for (uint64_t key = 0; _i == 0 && key < 100; key++)
        ck_assert_uint_eq(draw_kept(u, key, values, &o, &r), 1);
    const double *weights[ORACLE_TOKENS] = {NULL, NULL, uneven, NULL};
    u->weights = weights;
    check_blocks(u, &o, &r, nothing);
}
END_TEST

/* ---- weights ----------------------------------------------------------------------------------- */

/* Wherever in the order the weighted tokens come. */
START_TEST(weights_reweigh) {
    static const condition under[] = {anything, relation, parity};
    for (size_t c = 0; c < FB3_COUNT(under); c++) {
        const double *weights[ORACLE_TOKENS] = {NULL, NULL, uneven, NULL};
        flowbd3_sampler_options o = checked(exact_orders[_i]);
        restraint r = {.meets = under[c]};
        fb3_unmasking *u = fresh(&r);
        u->weights = weights;
        check_blocks(u, &o, &r, nothing);
        u->turn = turns;
        check_blocks(u, &o, &r, nothing);
        weights[0] = pair;
        check_blocks(u, &o, &r, nothing);
    }
}
END_TEST

/* A value of weight 0 is not drawn, even where the network knows no other. */
START_TEST(weights_that_leave_nothing_keep_nothing) {
    static const double none[] = {0.0, 0.0, 0.0, 0.0};
    const double *weights[ORACLE_TOKENS] = {NULL, none, NULL, NULL};
    flowbd3_sampler_options o = checked((flowbd3_sampler_options){.order = (flowbd3_order)_i});
    uint16_t values[ORACLE_TOKENS];
    fb3_unmasking *u = fresh(NULL);
    u->weights = weights;
    u->first_is_free = true;
    begin(u, 1, values, &o);
    while (advance(u, &o))
        continue;
    ck_assert(u->log_mass == -INFINITY);
}
END_TEST

/* ---- all orders -------------------------------------------------------------------------------- */

/* Members that say nothing leave every bit as it was. */
START_TEST(nothing_changes_without_them) {
    static const double ones[] = {1.0, 1.0, 1.0, 1.0};
    const double *weights[ORACLE_TOKENS] = {ones, NULL, ones, ones};
    static const uint8_t same[ORACLE_TOKENS] = {2, 2, 2, 2};
    static const uint32_t alone[ORACLE_TOKENS] = {0, 1, 2, 3};
    for (uint32_t steps = 0; steps < 4; steps++) {
        flowbd3_sampler_options o = {.struct_size = sizeof o,
                                     .order = (flowbd3_order)_i,
                                     .steps = _i != FLOWBD3_ORDER_THRESHOLD ? steps : 0,
                                     .temperature = 1.3,
                                     .top_p = 0.9};
        o = checked(o);
        restraint r = {.meets = anything};
        for (uint64_t key = 0; key < 300; key++) {
            uint16_t plain[ORACLE_TOKENS], restrained[ORACLE_TOKENS];
            fb3_unmasking *u = fresh(NULL);
            begin(u, key, plain, &o);
            while (advance(u, &o))
                continue;
            u = fresh(&r);
            u->run = alone;
            u->turn = same;
            u->weights = weights;
            begin(u, key, restrained, &o);
            while (advance(u, &o))
                continue;
            ck_assert_mem_eq(plain, restrained, sizeof plain);
            ck_assert_double_eq(u->log_mass, 0.0);
        }
    }
}
END_TEST

/* With a mask that looks ahead, every block of every order meets the condition at the first attempt, however
 * many tokens a step draws. Tokens that are masked again may meet others that came after them. */
START_TEST(allowed_values_are_drawn) {
    for (uint32_t steps = 0; steps < 4; steps++)
        for (size_t c = 0; c < FB3_COUNT(conditions); c++) {
            flowbd3_sampler_options o = {.struct_size = sizeof o, .order = (flowbd3_order)_i};
            if (_i != FLOWBD3_ORDER_THRESHOLD)
                o.steps = steps;
            else
                o.threshold = 0.25 * (double)(steps + 1);
            if (_i >= FLOWBD3_ORDER_REMASK_CAP)
                o.remask = 0.9;
            o = checked(o);
            restraint r = {.meets = conditions[c]};
            for (uint64_t key = 0; key < 500; key++) {
                uint16_t values[ORACLE_TOKENS];
                fb3_unmasking *u = fresh(&r);
                begin(u, key, values, &o);
                while (advance(u, &o))
                    continue;
                ck_assert(conditions[c](values));
                ck_assert(isfinite(u->log_mass) && u->log_mass <= 0.0);
            }
        }
}
END_TEST

/* Attempts of one block differ, and come out the same again. */
START_TEST(attempts_have_their_own_numbers) {
    flowbd3_sampler_options o = checked((flowbd3_sampler_options){.order = (flowbd3_order)_i});
    uint16_t drawn[50][ORACLE_TOKENS], again[ORACLE_TOKENS];
    size_t differing = 0;
    for (uint32_t attempt = 0; attempt < 100; attempt++) {
        fb3_unmasking *u = fresh(NULL);
        u->attempt = attempt % 50;
        uint16_t *values = attempt < 50 ? drawn[attempt] : again;
        begin(u, 9, values, &o);
        while (advance(u, &o))
            continue;
        if (attempt >= 50)
            ck_assert_mem_eq(again, drawn[attempt % 50], sizeof again);
        else
            differing += memcmp(values, drawn[0], sizeof again) != 0;
    }
    ck_assert_uint_gt(differing, 15);
}
END_TEST

int main(void) {
    enum { ORDERS = FLOWBD3_ORDER_REMASK_LOOP + 1 };
    setenv("CK_FORK", "no", 1);
    Suite *suite = suite_create("unmasking_restrained");
    TCase *tests = tcase_create("unmasking_restrained");
    tcase_set_timeout(tests, 240);
    tcase_add_unchecked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, exact_orders_follow_the_condition, 0, (int)FB3_COUNT(exact_orders));
    tcase_add_loop_test(tests, fixed_tokens_are_given, 0, (int)FB3_COUNT(exact_orders));
    tcase_add_loop_test(tests, runs_are_decided_in_order, 0, (int)FB3_COUNT(exact_orders));
    tcase_add_loop_test(tests, lesser_turns_come_first, 0, (int)FB3_COUNT(exact_orders));
    tcase_add_loop_test(tests, rules_of_learned_rows_have_no_weight, 0, 3);
    tcase_add_loop_test(tests, weights_reweigh, 0, (int)FB3_COUNT(exact_orders));
    tcase_add_loop_test(tests, weights_that_leave_nothing_keep_nothing, 0, ORDERS);
    tcase_add_loop_test(tests, nothing_changes_without_them, 0, ORDERS);
    tcase_add_loop_test(tests, allowed_values_are_drawn, 0, ORDERS);
    tcase_add_loop_test(tests, attempts_have_their_own_numbers, 0, ORDERS);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
