/* Unmasking: that a block depends on itself alone, comes to an end in every order, and honours its options.
 */
#include "counted.h"
#include "draw_token.h"
#include "oracle.h"
#include "sampler/sampler.h"
#include "test_main.h"

/* ---- one block ---------------------------------------------------------------------------------- */

static void options_of(flowbd3_sampler_options *o, int order) {
    *o = checked((flowbd3_sampler_options){.struct_size = sizeof *o,
                                           .order = (flowbd3_order)order,
                                           .seed = 7,
                                           .temperature = 0.8,
                                           .top_p = 0.95});
}

/* The random order, written down again: the same numbers as ever, so that a seed gives the rows it gave. */
START_TEST(random_keeps_its_numbers) {
    flowbd3_sampler_options o;
    options_of(&o, FLOWBD3_ORDER_RANDOM);
    for (uint64_t key = 0; key < 200; key++) {
        uint16_t values[ORACLE_TOKENS], expected[ORACLE_TOKENS], order[ORACLE_TOKENS];
        for (size_t i = 0; i < ORACLE_TOKENS; i++) {
            size_t j = (size_t)(fb3_uniform(7, FB3_RANDOM_ORDER, key, (uint32_t)i) * (double)(i + 1));
            order[i] = order[j];
            order[j] = (uint16_t)i;
            expected[i] = (uint16_t)oracle_vocabulary[i];
        }
        for (size_t k = 0; k < ORACLE_TOKENS; k++) {
            size_t i = order[k];
            expected[i] = draw_token(joint.logits[oracle_number(expected, true)][i], oracle_vocabulary[i],
                                     0.8, 0.95, fb3_uniform(7, FB3_RANDOM_TOKEN, key, (uint32_t)i),
                                     scratch->probabilities, scratch->ranking);
        }
        begin(&blocks[0], key, values, &o);
        while (advance(&blocks[0], &o))
            continue;
        ck_assert_mem_eq(values, expected, sizeof values);
    }
}
END_TEST

/* Blocks that take turns come out as each does alone, and again when it is started again. */
START_TEST(blocks_do_not_see_each_other) {
    flowbd3_sampler_options o;
    options_of(&o, _i);
    uint16_t beside[BESIDE][ORACLE_TOKENS], alone[ORACLE_TOKENS];
    for (size_t b = 0; b < BESIDE; b++)
        begin(&blocks[b], 1000 + b, beside[b], &o);
    for (bool any = true; any;) {
        any = false;
        for (size_t b = 0; b < BESIDE; b++)
            any = advance(&blocks[b], &o) || any;
    }
    size_t differing = 0;
    for (size_t b = BESIDE; b-- > 0;) {
        begin(&blocks[0], 1000 + b, alone, &o);
        while (advance(&blocks[0], &o))
            continue;
        ck_assert_mem_eq(alone, beside[b], sizeof alone);
        differing += memcmp(alone, beside[0], sizeof alone) != 0;
    }
    ck_assert_uint_gt(differing, 0);
}
END_TEST

/* One token alone is drawn from the softmax at temperature 2, cut to the nucleus, by every order. Weights 1,
 * 2, 4, 8 have the square roots 1, 1.41, 2, 2.83 of sum 7.24; top_p 0.7 keeps the last three. 13.82 is the
 * 0.999 quantile of chi-square with 2 degrees of freedom. */
START_TEST(temperature_and_top_p_are_honoured) {
    enum { DRAWS = 20000 };
    static const float logits[4] = {0.0f, 0.6931472f, 1.3862944f, 2.0794415f};
    static const uint32_t vocabulary[1] = {4};
    const float *pointers[1] = {logits};
    flowbd3_sampler_options o;
    options_of(&o, _i);
    o.temperature = 2.0;
    o.top_p = 0.7;
    size_t seen[4] = {0};
    for (uint64_t key = 0; key < DRAWS; key++) {
        uint16_t value;
        uint8_t wanted;
        fb3_unmasking *u = &blocks[0];
        u->key = key;
        u->tokens = 1;
        u->vocabulary = vocabulary;
        u->values = &value;
        fb3_unmasking_start(u, &o);
        while (fb3_unmasking_next(u, &wanted))
            fb3_unmasking_apply(u, pointers, &o, scratch);
        seen[value]++;
    }
    double chi_square = 0.0, sum = sqrt(2.0) + 2.0 + sqrt(8.0);
    for (int v = 1; v < 4; v++) {
        double expected = DRAWS * sqrt(exp2(v)) / sum;
        chi_square += ((double)seen[v] - expected) * ((double)seen[v] - expected) / expected;
    }
    ck_assert_uint_eq(seen[0], 0);
    ck_assert_double_lt(chi_square, 13.82);
}
END_TEST

/* Which token goes first, of three whose probabilities are known. */
START_TEST(scores_choose_the_token) {
    static const struct {
        double threshold;
        flowbd3_order order;
        int decided; /* bits of the tokens */
    } rules[] = {{0.0, FLOWBD3_ORDER_MARGIN, 1 << 1},
                 {0.0, FLOWBD3_ORDER_ENTROPY, 1 << 0},
                 {0.95, FLOWBD3_ORDER_THRESHOLD, 1 << 2},
                 {0.48, FLOWBD3_ORDER_THRESHOLD, 1 << 2 | 1 << 0}};
    static const double probabilities[3][4] = {
        {0.49, 0.49, 0.01, 0.01}, {0.46, 0.18, 0.18, 0.18}, {0.5, 0.3, 0.1, 0.1}};
    static const uint32_t vocabulary[3] = {4, 4, 4};
    float logits[3][4];
    const float *pointers[3] = {logits[0], logits[1], logits[2]};
    for (int i = 0; i < 12; i++)
        logits[i / 4][i % 4] = (float)log(probabilities[i / 4][i % 4]);
    for (size_t r = 0; r < FB3_COUNT(rules); r++) {
        uint16_t values[3];
        uint8_t wanted[3];
        flowbd3_sampler_options o = checked((flowbd3_sampler_options){
            .struct_size = sizeof o, .order = rules[r].order, .threshold = rules[r].threshold, .top_p = 0.2});
        fb3_unmasking *u = &blocks[0];
        u->tokens = 3;
        u->vocabulary = vocabulary;
        u->values = values;
        fb3_unmasking_start(u, &o);
        ck_assert(fb3_unmasking_next(u, wanted));
        fb3_unmasking_apply(u, pointers, &o, scratch);
        for (int i = 0; i < 3; i++)
            ck_assert_int_eq(values[i] != 4, rules[r].decided >> i & 1);
    }
}
END_TEST

/* ---- edges -------------------------------------------------------------------------------------- */

/* Takes a block of n tokens of vocabularies 1 to 4 to its end on made-up logits; checks every evaluation. */
static void finish(const flowbd3_sampler_options *o, size_t n, uint8_t fixed_share, bool forbid) {
    enum { MOST = 40 };
    uint32_t vocabulary[MOST];
    uint16_t values[MOST], forbidden[MOST];
    uint8_t fixed[MOST], wanted[MOST];
    float made_up[MOST][4];
    const float *logits[MOST];
    fb3_unmasking *u = NULL;
    fb3_unmasking_scratch *s = NULL;
    ck_assert_int_eq(fb3_unmasking_create(&u, context, 1, n, NULL), FLOWBD3_OK);
    ck_assert_int_eq(fb3_unmasking_scratch_create(&s, context, 4, n, NULL), FLOWBD3_OK);
    for (size_t i = 0; i < n; i++) {
        vocabulary[i] = 1 + (uint32_t)i % 4;
        forbidden[i] = i % 3 == 0 ? 0 : UINT16_MAX;
        fixed[i] = fixed_share == 2 || (fixed_share == 1 && i % 2 == 0);
        values[i] = 0;
        for (size_t v = 0; v < 4; v++)
            made_up[i][v] = v == i % 4 ? -INFINITY : (float)(i * v % 5);
    }
    u->tokens = n;
    u->vocabulary = vocabulary;
    u->values = values;
    u->fixed = fixed_share != 0 ? fixed : NULL;
    u->forbidden = forbid ? forbidden : NULL;
    fb3_unmasking_start(u, o);
    size_t evaluations = 0;
    for (; fb3_unmasking_next(u, wanted); evaluations++) {
        size_t asked = 0;
        for (size_t i = 0; i < n; i++) {
            ck_assert(wanted[i] == 0 || (values[i] == vocabulary[i] && (fixed_share == 0 || fixed[i] == 0)));
            logits[i] = wanted[i] != 0 ? made_up[i] : NULL;
            asked += wanted[i];
        }
        ck_assert_uint_gt(asked, 0);
        ck_assert_uint_lt(evaluations, u->steps);
        fb3_unmasking_apply(u, logits, o, s);
    }
    ck_assert_uint_eq(evaluations == 0, u->undecided == 0);
    for (size_t i = 0; i < n; i++) {
        ck_assert_uint_lt(values[i], vocabulary[i]);
        ck_assert(wanted[i] == 0);
        if (u->fixed != NULL && fixed[i] != 0)
            ck_assert_uint_eq(values[i], 0);
        else if (forbid && i > 0 && vocabulary[i] > 2) /* another value can be drawn */
            ck_assert_uint_ne(values[i], forbidden[i]);
    }
    ck_assert(!fb3_unmasking_next(u, wanted));
    fb3_unmasking_destroy(&u, context);
    fb3_unmasking_scratch_destroy(&s, context);
}

START_TEST(every_block_comes_to_an_end) {
    static const size_t sizes[] = {1, 2, 7, 40};
    static const uint32_t steps[] = {0, 1, 3, 1000};
    static const double strengths[] = {0.0, 1e-9, 1.0};
    for (size_t k = 0; k < FB3_COUNT(sizes) * FB3_COUNT(steps) * FB3_COUNT(strengths); k++) {
        flowbd3_sampler_options o = {.struct_size = sizeof o, .order = (flowbd3_order)_i, .seed = k};
        o.steps = _i != FLOWBD3_ORDER_THRESHOLD ? steps[k / 4 % 4] : 0;
        o.remask = _i >= FLOWBD3_ORDER_REMASK_CAP ? strengths[k / 16] : 0.0;
        o = checked(o);
        for (uint8_t fixed_share = 0; fixed_share < 3; fixed_share++)
            for (int forbid = 0; forbid < 2; forbid++)
                finish(&o, sizes[k % 4], fixed_share, forbid != 0);
    }
}
END_TEST

START_TEST(steps_bound_the_evaluations) {
    flowbd3_sampler_options o;
    uint16_t values[ORACLE_TOKENS];
    for (int order = FLOWBD3_ORDER_RANDOM; order <= FLOWBD3_ORDER_ENTROPY; order++)
        for (uint32_t steps = 0; steps <= 6; steps++) {
            o = checked((flowbd3_sampler_options){
                .struct_size = sizeof o, .order = (flowbd3_order)order, .steps = steps, .seed = 3});
            size_t evaluations = 0;
            begin(&blocks[0], 5, values, &o);
            while (advance(&blocks[0], &o))
                evaluations++;
            size_t expected = steps == 0 || steps > ORACLE_TOKENS ? ORACLE_TOKENS : steps;
            if (order == FLOWBD3_ORDER_ANCESTRAL)
                ck_assert_uint_le(evaluations, expected);
            else
                ck_assert_uint_eq(evaluations, expected);
        }
}
END_TEST

/* A value that is impossible, forbidden or not a number is never drawn while there is another. */
START_TEST(softmax_leaves_out_what_cannot_be) {
    static const float odd[4] = {-INFINITY, NAN, 1.0f, 1.0f},
                       none[4] = {-INFINITY, NAN, -INFINITY, -INFINITY};
    double weights[4];
    fb3_distribution d = fb3_softmax(weights, odd, 4, UINT16_MAX, 1.0);
    ck_assert_double_eq(weights[0] + weights[1], 0.0);
    ck_assert_double_eq_tol(d.largest, 0.5, 1e-12);
    ck_assert_double_eq_tol(d.second, 0.5, 1e-12);
    ck_assert_double_eq_tol(d.entropy, log(2.0), 1e-12);
    d = fb3_softmax(weights, odd, 4, 2, 1.0);
    ck_assert_uint_eq(d.mode, 3);
    ck_assert_double_eq(d.largest, 1.0);
    ck_assert_double_eq(d.second, 0.0);
    ck_assert_double_eq(d.entropy, 0.0);
    d = fb3_softmax(weights, none, 4, 3, 1.0);
    ck_assert_uint_eq(d.mode, 3);
    ck_assert_double_eq(weights[0] + weights[1] + weights[2], 0.0);
    d = fb3_softmax(weights, none, 4, UINT16_MAX, 1.0);
    ck_assert_uint_eq(d.mode, 0);
}
END_TEST

/* ---- options ------------------------------------------------------------------------------------ */

static void assert_refused(flowbd3_sampler_options o, flowbd3_status expected, const char *name) {
    flowbd3_error err = {0};
    ck_assert_int_eq(fb3_unmasking_check(&o, &err), expected);
    ck_assert_msg(strncmp(err.message, name, strlen(name)) == 0, "%s", err.message);
}

START_TEST(options_of_other_orders_are_refused) {
    for (int order = 0; order <= FLOWBD3_ORDER_REMASK_LOOP; order++) {
        flowbd3_sampler_options o = {.struct_size = sizeof o, .order = (flowbd3_order)order};
        if (order != FLOWBD3_ORDER_THRESHOLD) {
            o.threshold = 0.5;
            assert_refused(o, FLOWBD3_ERROR_ARGUMENT, "threshold");
            o.threshold = 0.0;
        } else {
            o.steps = 4;
            assert_refused(o, FLOWBD3_ERROR_ARGUMENT, "steps");
            o.steps = 0;
        }
        if (order < FLOWBD3_ORDER_REMASK_CAP) {
            o.remask = 0.5;
            assert_refused(o, FLOWBD3_ERROR_ARGUMENT, "remask");
            o.remask = 0.0;
        }
        if (order != FLOWBD3_ORDER_REMASK_LOOP) {
            o.loop_from = 0.5;
            assert_refused(o, FLOWBD3_ERROR_ARGUMENT, "loop_from");
            o.loop_from = 0.0;
            o.loop_to = 0.5;
            assert_refused(o, FLOWBD3_ERROR_ARGUMENT, "loop_to");
        }
    }
}
END_TEST

START_TEST(options_out_of_range) {
    flowbd3_sampler_options o = {.struct_size = sizeof o};
    o.order = (flowbd3_order)10;
    assert_refused(o, FLOWBD3_ERROR_RANGE, "order");
    o.order = (flowbd3_order)-1;
    assert_refused(o, FLOWBD3_ERROR_RANGE, "order");
    assert_refused(ORDER(ANCESTRAL, .steps = 65537), FLOWBD3_ERROR_RANGE, "steps");
    assert_refused(ORDER(REMASK_CAP, .steps = 65537), FLOWBD3_ERROR_RANGE, "steps");
    assert_refused(ORDER(THRESHOLD, .threshold = 1.01), FLOWBD3_ERROR_RANGE, "threshold");
    assert_refused(ORDER(THRESHOLD, .threshold = NAN), FLOWBD3_ERROR_RANGE, "threshold");
    assert_refused(ORDER(REMASK_CAP, .remask = -0.1), FLOWBD3_ERROR_RANGE, "remask");
    assert_refused(ORDER(REMASK_CONFIDENCE, .remask = 1.1), FLOWBD3_ERROR_RANGE, "remask");
    assert_refused(ORDER(REMASK_LOOP, .loop_from = 1.0), FLOWBD3_ERROR_RANGE, "loop_from");
    assert_refused(ORDER(REMASK_LOOP, .loop_to = 0.6), FLOWBD3_ERROR_RANGE, "loop_to");
}
END_TEST

/* The defaults, and that checked options pass again unchanged. */
START_TEST(defaults_are_filled_in) {
    flowbd3_sampler_options o = checked(ORDER(REMASK_LOOP));
    ck_assert_double_eq(o.remask, 0.02);
    ck_assert_double_eq(o.loop_from, 0.55);
    ck_assert_double_eq(o.loop_to, 0.05);
    ck_assert_double_eq(checked(ORDER(THRESHOLD)).threshold, 0.9);
    ck_assert_double_eq(checked(ORDER(REMASK_CONFIDENCE)).remask, 0.2);
    for (int order = 0; order <= FLOWBD3_ORDER_REMASK_LOOP; order++) {
        options_of(&o, order);
        flowbd3_sampler_options again = checked(o);
        ck_assert_mem_eq(&again, &o, sizeof o);
    }
}
END_TEST

START_TEST(memory_may_run_out) {
    counted l = {.left = -1};
    flowbd3_context *failing = counted_context(&l);
    long alive = l.blocks;
    fb3_unmasking *u = NULL;
    fb3_unmasking_scratch *s = NULL;
    for (long left = 0; left < 4; left++) {
        l.left = left;
        ck_assert_int_eq(fb3_unmasking_create(&u, failing, 3, 5, NULL), FLOWBD3_ERROR_MEMORY);
        l.left = left;
        ck_assert_int_eq(fb3_unmasking_scratch_create(&s, failing, 3, 5, NULL), FLOWBD3_ERROR_MEMORY);
        ck_assert(u == NULL && s == NULL && l.blocks == alive);
    }
    flowbd3_context_destroy(&failing);
}
END_TEST

int main(void) {
    enum { ORDERS = FLOWBD3_ORDER_REMASK_LOOP + 1 };
    setenv("CK_FORK", "no", 1);
    Suite *suite = suite_create("unmasking_edges");
    TCase *tests = tcase_create("unmasking_edges");
    tcase_set_timeout(tests, 120);
    tcase_add_unchecked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, random_keeps_its_numbers);
    tcase_add_loop_test(tests, blocks_do_not_see_each_other, 0, ORDERS);
    tcase_add_loop_test(tests, temperature_and_top_p_are_honoured, 0, ORDERS);
    tcase_add_test(tests, scores_choose_the_token);
    tcase_add_loop_test(tests, every_block_comes_to_an_end, 0, ORDERS);
    tcase_add_test(tests, steps_bound_the_evaluations);
    tcase_add_test(tests, softmax_leaves_out_what_cannot_be);
    tcase_add_test(tests, options_of_other_orders_are_refused);
    tcase_add_test(tests, options_out_of_range);
    tcase_add_test(tests, defaults_are_filled_in);
    tcase_add_test(tests, memory_may_run_out);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
