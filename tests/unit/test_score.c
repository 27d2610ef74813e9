/* Scores: on distributions whose entropy is known in closed form, and by the laws of probability. */
#include "markov.h"
#include "model/model.h"
#include "test_main.h"

static flowbd3_context *context;
static flowbd3_table *table;
static flowbd3_model *whole, *single,
    *shuffled; /* blocks of one flow; of one token, fixed and random order */

static flowbd3_model *trained(uint32_t block, flowbd3_column_order order, uint32_t epochs) {
    flowbd3_tokenizer *tokenizer = NULL;
    flowbd3_model *model = NULL;
    flowbd3_trainer *trainer = NULL;
    flowbd3_model_options sizes = FLOWBD3_MODEL_OPTIONS_INIT;
    flowbd3_trainer_options options = toy_options();
    sizes.d_model = 32;
    sizes.n_heads = 2;
    sizes.n_layers = 2;
    sizes.dropout = -1.0;
    sizes.column_order = order;
    options.epochs = epochs;
    ck_assert_int_eq(flowbd3_tokenizer_create(&tokenizer, table, NULL, NULL), FLOWBD3_OK);
    sizes.block_size = block != 0 ? block : (uint32_t)flowbd3_tokenizer_slots(tokenizer);
    ck_assert_int_eq(flowbd3_model_create(&model, tokenizer, &sizes, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_trainer_create(&trainer, model, table, NULL, &options, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_trainer_run(trainer, NULL, NULL, NULL), FLOWBD3_OK);
    flowbd3_trainer_destroy(&trainer);
    flowbd3_tokenizer_destroy(&tokenizer);
    return model;
}

static void make_context(void) {
    context = toy_context(2);
}

static void destroy_context(void) {
    flowbd3_context_destroy(&context);
}

static void set_up(void) {
    make_context();
    table = toy_table(context, TOY_SEED);
    whole = trained(0, FLOWBD3_COLUMNS_FIXED, 30); /* 0.005 nats from the entropy at most */
    single = trained(1, FLOWBD3_COLUMNS_FIXED, 20);
    shuffled = trained(1, FLOWBD3_COLUMNS_RANDOM, 60);
}

static void tear_down(void) {
    flowbd3_model_destroy(&whole);
    flowbd3_model_destroy(&single);
    flowbd3_model_destroy(&shuffled);
    flowbd3_table_destroy(&table);
    destroy_context();
}

/* ---- every row there is ------------------------------------------------------------------------ */

enum { CELLS = 16 };

/* All rows over (a, b, parity, kind), possible or not. */
static flowbd3_table *all_rows(void) {
    int64_t a[CELLS], b[CELLS], parity[CELLS];
    const char *kind[CELLS];
    for (int i = 0; i < CELLS; i++) {
        a[i] = i & 1;
        b[i] = i >> 1 & 1;
        parity[i] = i >> 2 & 1;
        kind[i] = i >> 3 & 1 ? "x" : "y";
    }
    flowbd3_table *all = NULL;
    ck_assert_int_eq(flowbd3_table_create(&all, context, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_integer(all, "a", a, NULL, CELLS, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_integer(all, "b", b, NULL, CELLS, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_integer(all, "parity", parity, NULL, CELLS, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_categorical(all, "kind", kind, CELLS, NULL), FLOWBD3_OK);
    return all;
}

static double probability(int i) {
    int a = i & 1, b = i >> 1 & 1, parity = i >> 2 & 1, x = i >> 3 & 1;
    double of_x = a ? 0.8 : 0.3;
    return (a ^ b) == parity ? 0.25 * (x ? of_x : 1.0 - of_x) : 0.0;
}

static void score_all(const flowbd3_model *model, const flowbd3_score_options *options, double nll[CELLS],
                      double se[CELLS]) {
    flowbd3_table *all = all_rows();
    flowbd3_error err = {0};
    ck_assert_msg(flowbd3_model_score(model, all, options, nll, se, &err) == FLOWBD3_OK, "%s", err.message);
    flowbd3_table_destroy(&all);
}

/* What the true distribution expects of nll: the cross entropy, at least the entropy. */
static double expectation(const double nll[CELLS]) {
    double sum = 0.0;
    for (int i = 0; i < CELLS; i++)
        sum += probability(i) > 0.0 ? probability(i) * nll[i] : 0.0;
    return sum;
}

static double total_probability(const double nll[CELLS]) {
    double sum = 0.0;
    for (int i = 0; i < CELLS; i++)
        sum += exp(-nll[i]);
    return sum;
}

static const char *const names[4] = {"a", "b", "parity", "kind"};

/* Order number o of the 24. */
static void permutation(const char *order[4], int o) {
    bool taken[4] = {false};
    for (int i = 0; i < 4; i++) {
        int place = o % (4 - i), k = 0;
        o /= 4 - i;
        for (;; k++)
            if (!taken[k] && place-- == 0)
                break;
        taken[k] = true;
        order[i] = names[k];
    }
}

/* ---- blocks of one flow ------------------------------------------------------------------------ */

START_TEST(exact_scores_reach_the_entropy_in_every_order) {
    double nll[CELLS], mean[CELLS] = {0}, mixture[CELLS] = {0};
    for (int o = 0; o < 24; o++) {
        const char *order[4];
        permutation(order, o);
        flowbd3_score_options options = FLOWBD3_SCORE_OPTIONS_INIT;
        options.method = FLOWBD3_SCORE_EXACT;
        options.order = order;
        options.n_order = 4;
        score_all(whole, &options, nll, NULL);
        ck_assert_double_eq_tol(total_probability(nll), 1.0, 1e-5);
        ck_assert_double_eq_tol(expectation(nll), toy_entropy(), 0.02);
        ck_assert_double_gt(expectation(nll), toy_entropy() - 1e-6); /* Gibbs' inequality */
        for (int i = 0; i < CELLS; i++) {
            mean[i] += nll[i] / 24.0;
            mixture[i] += exp(-nll[i]) / 24.0;
        }
    }
    /* The bound is the mean over the orders, and at least -log of the probability of the random order
     * sampler. */
    double bound[CELLS], se[CELLS], orders[CELLS], orders_se[CELLS];
    flowbd3_score_options options = FLOWBD3_SCORE_OPTIONS_INIT;
    options.draws = 2000;
    score_all(whole, &options, bound, se);
    options.method = FLOWBD3_SCORE_EXACT;
    options.draws = 500;
    score_all(whole, &options, orders, orders_se);
    ck_assert_double_eq_tol(expectation(bound), toy_entropy(), 0.02);
    for (int i = 0; i < CELLS; i++) {
        ck_assert_double_ge(bound[i], -log(mixture[i]) - 4.0 * se[i]);
        ck_assert_double_ge(mean[i], -log(mixture[i]));
        ck_assert_double_eq_tol(bound[i], mean[i], 4.0 * se[i] + 1e-6);
        ck_assert_double_eq_tol(orders[i], mean[i], 4.5 * orders_se[i] + 1e-6);
    }
}
END_TEST

/* The stated standard error is that of the scores over seeds. */
START_TEST(standard_errors_are_right) {
    enum { SEEDS = 60 };
    double nll[CELLS], se[CELLS], sum[CELLS] = {0}, squares[CELLS] = {0}, stated[CELLS] = {0};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        flowbd3_score_options options = FLOWBD3_SCORE_OPTIONS_INIT;
        options.seed = seed;
        score_all(whole, &options, nll, se);
        for (int i = 0; i < CELLS; i++) {
            sum[i] += nll[i] / SEEDS;
            squares[i] += nll[i] * nll[i] / SEEDS;
            stated[i] += se[i] * se[i] / SEEDS;
        }
    }
    double ratio = 0.0;
    for (int i = 0; i < CELLS; i++)
        ratio += (squares[i] - sum[i] * sum[i]) * SEEDS / (SEEDS - 1.0) / stated[i] / CELLS;
    ck_assert_double_gt(ratio, 0.7); /* 16 variances with 59 degrees of freedom each */
    ck_assert_double_lt(ratio, 1.3);
}
END_TEST

START_TEST(conditional_scores_obey_the_product_rule) {
    double joint[CELLS], marginal[CELLS], conditional[CELLS];
    flowbd3_score_options options = FLOWBD3_SCORE_OPTIONS_INIT;
    options.method = FLOWBD3_SCORE_EXACT;
    options.order = names;
    options.n_order = 4;
    score_all(whole, &options, joint, NULL);
    options.scored = names; /* a and b; the others unknown */
    options.n_scored = 2;
    score_all(whole, &options, marginal, NULL);
    options.scored = NULL;
    options.n_scored = 0;
    options.given = names;
    options.n_given = 2;
    score_all(whole, &options, conditional, NULL);
    for (int i = 0; i < CELLS; i++)
        ck_assert_double_eq_tol(joint[i], marginal[i] + conditional[i], 1e-4);
    for (int given = 0; given < 4; given++) { /* (parity, kind) given (a, b) */
        double sum = 0.0;
        for (int i = given; i < CELLS; i += 4)
            sum += exp(-conditional[i]);
        ck_assert_double_eq_tol(sum, 1.0, 1e-5);
    }
}
END_TEST

/* ---- blocks of one token ----------------------------------------------------------------------- */

START_TEST(blocks_of_one_token_need_no_sampling) {
    double nll[CELLS], se[CELLS], chain[CELLS], chain_se[CELLS];
    flowbd3_score_options options = FLOWBD3_SCORE_OPTIONS_INIT;
    score_all(single, &options, nll, se);
    options.method = FLOWBD3_SCORE_EXACT;
    options.seed = 77;
    score_all(single, &options, chain, chain_se);
    ck_assert_double_eq_tol(total_probability(nll), 1.0, 1e-5);
    ck_assert_double_eq_tol(expectation(nll), toy_entropy(), 0.02);
    for (int i = 0; i < CELLS; i++) {
        ck_assert_double_eq(se[i], 0.0);
        ck_assert_double_eq_tol(nll[i], chain[i], 1e-5);
    }
}
END_TEST

START_TEST(random_column_order_takes_any_condition) {
    double nll[CELLS], se[CELLS], conditional[CELLS];
    flowbd3_score_options options = FLOWBD3_SCORE_OPTIONS_INIT;
    options.draws = 64;
    score_all(shuffled, &options, nll, se);
    ck_assert_double_eq_tol(expectation(nll), toy_entropy(), 0.02);
    static const char *const last[] = {"kind", "parity"}, *const one[] = {"b"};
    options.given = last;
    options.n_given = 2;
    options.scored = one;
    options.n_scored = 1;
    options.draws = 2;
    score_all(shuffled, &options, conditional, NULL);
    for (int i = 0; i < CELLS; i++) { /* p(b | parity, kind) = p(b | kind) p(parity | b, kind) / ... */
        double here = 0.0, both = 0.0;
        for (int k = 0; k < CELLS; k++)
            if ((k >> 2) == (i >> 2)) {
                both += probability(k);
                here += (k >> 1 & 1) == (i >> 1 & 1) ? probability(k) : 0.0;
            }
        ck_assert_double_eq_tol(exp(-conditional[i]), here / both, 0.1); /* 0.28 off without it */
    }
}
END_TEST

START_TEST(fixed_order_refuses_what_it_cannot_know) {
    double nll[CELLS];
    flowbd3_table *all = all_rows();
    flowbd3_error err = {0};
    flowbd3_score_options options = FLOWBD3_SCORE_OPTIONS_INIT;
    static const char *const last[] = {"kind"};
    options.given = last;
    options.n_given = 1;
    ck_assert_int_eq(flowbd3_model_score(single, all, &options, nll, NULL, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.message, "kind"));
    options.given = NULL;
    options.n_given = 0;
    options.scored = last;
    options.n_scored = 1;
    ck_assert_int_eq(flowbd3_model_score(single, all, &options, nll, NULL, &err), FLOWBD3_ERROR_ARGUMENT);
    options.scored = names; /* a, b and parity come first */
    options.n_scored = 3;
    ck_assert_int_eq(flowbd3_model_score(single, all, &options, nll, NULL, &err), FLOWBD3_OK);
    flowbd3_table_destroy(&all);
}
END_TEST

/* ---- sequences --------------------------------------------------------------------------------- */

/* Blocks of one token, of one flow, and of three flows, which do not divide a sequence. */
static const uint32_t markov_blocks[] = {1, 2, 6};

START_TEST(context_reaches_the_entropy_rate) {
    flowbd3_table *flows = markov_table(context, 3), *fresh = markov_table(context, 4);
    flowbd3_model *model = markov_model(flows, markov_blocks[_i], FLOWBD3_COLUMNS_FIXED);
    static double nll[MARKOV_ROWS], sequence[MARKOV_ROWS];
    flowbd3_score_options options = FLOWBD3_SCORE_OPTIONS_INIT;
    markov_train(model, flows, 20);
    options.draws = 32;
    ck_assert_int_eq(flowbd3_model_score(model, fresh, &options, nll, NULL, NULL), FLOWBD3_OK);
    /* In place p of a sequence; the flows of a host stand in reverse order, its sequences begin every eight.
     */
    double inside = 0.0, count = 0.0;
    for (size_t row = 0; row < MARKOV_ROWS; row++) {
        size_t i = MARKOV_FLOWS - 1 - row / MARKOV_HOSTS;
        if (i % MARKOV_LENGTH != 0) {
            inside += nll[row];
            count++;
        }
    }
    /* Blocks of several flows share their bits: the first flow of a sequence is counted with them. */
    if (markov_blocks[_i] <= 2) {
        double error = sqrt(1.0 / count);
        ck_assert_double_eq_tol(inside / count, markov_entropy_rate(), 0.02 + 3.0 * error);
    }
    options.per_sequence = 1;
    ck_assert_int_eq(flowbd3_model_score(model, fresh, &options, sequence, NULL, NULL), FLOWBD3_OK);
    double total = 0.0, of_sequences = 0.0;
    for (size_t row = 0; row < MARKOV_ROWS; row++) {
        size_t i = MARKOV_FLOWS - 1 - row / MARKOV_HOSTS;
        total += nll[row];
        of_sequences += i % MARKOV_LENGTH == 0 ? sequence[row] : 0.0;
    }
    ck_assert_double_eq_tol(total, of_sequences, 1e-6 * total);
    /* 12 sequences of eight and one of four; a sequence's first flow has a fair state and a gap that its rate
     * of flips and the gaps before it spread over 1, 2, 3, or none at the start of a host. */
    double flows_inside = MARKOV_HOSTS * (12 * 7 + 3), rate = markov_entropy_rate();
    double later = log(2.0) + 0.4 * -log(0.4) + 0.6 * -log(0.3), first = log(13.0) - 12.0 / 13.0 * log(12.0);
    double expected = flows_inside * rate + MARKOV_HOSTS * (13.0 * first + 12.0 * later + log(2.0));
    ck_assert_double_gt(total / MARKOV_ROWS, expected / MARKOV_ROWS - 0.05); /* chance in the rows */
    ck_assert_double_lt(total / MARKOV_ROWS, expected / MARKOV_ROWS + (markov_blocks[_i] <= 2 ? 0.05 : 0.12));
    flowbd3_model_destroy(&model);
    flowbd3_table_destroy(&flows);
    flowbd3_table_destroy(&fresh);
}
END_TEST

/* ---- what training never saw, and bad options -------------------------------------------------- */

START_TEST(unseen_values_cost_what_is_said) {
    flowbd3_table *odd = NULL;
    int64_t a[3] = {0, 0, 0};
    const uint8_t valid[3] = {1, 1, 0};
    const char *kind[3] = {"x", "z", "x"};
    double nll[3], plain[3];
    ck_assert_int_eq(flowbd3_table_create(&odd, context, NULL), FLOWBD3_OK);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(flowbd3_table_add_integer(odd, names[i], a, i == 0 ? valid : NULL, 3, NULL),
                         FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_categorical(odd, "kind", kind, 3, NULL), FLOWBD3_OK);
    flowbd3_score_options options = FLOWBD3_SCORE_OPTIONS_INIT;
    options.method = FLOWBD3_SCORE_EXACT;
    options.order = names;
    options.n_order = 4;
    ck_assert_int_eq(flowbd3_model_score(whole, odd, &options, nll, NULL, NULL), FLOWBD3_OK);
    options.scored = names; /* without the kind, which row 1 does not know */
    options.n_scored = 3;
    ck_assert_int_eq(flowbd3_model_score(whole, odd, &options, plain, NULL, NULL), FLOWBD3_OK);
    ck_assert_double_eq_tol(nll[1], plain[1] + log(TOY_ROWS + 1.0), 1e-5);
    ck_assert_double_gt(nll[2], log(TOY_ROWS + 1.0));
    ck_assert(isfinite(nll[0]) && isfinite(nll[2]));
    options.unseen = INFINITY;
    ck_assert_int_eq(flowbd3_model_score(whole, odd, &options, nll, NULL, NULL), FLOWBD3_OK);
    ck_assert(isfinite(nll[0]) && isfinite(nll[1]) && isinf(nll[2]));
    flowbd3_table_destroy(&odd);
}
END_TEST

static int cancel(void *user, const flowbd3_progress *progress) {
    (void)user;
    return progress->done > 0;
}

START_TEST(bad_options_are_named) {
    double nll[CELLS];
    flowbd3_table *all = all_rows(), *without = NULL;
    flowbd3_error err = {0};
    static const char *const nobody[] = {"c"}, *const twice[] = {"a", "a"}, *const a[] = {"a"};
    flowbd3_score_options bad[9];
    for (int i = 0; i < 9; i++)
        bad[i] = (flowbd3_score_options)FLOWBD3_SCORE_OPTIONS_INIT;
    bad[0].draws = 3;
    bad[1].given = nobody;
    bad[1].n_given = 1;
    bad[2].given = twice;
    bad[2].n_given = 2;
    bad[3].given = bad[3].scored = a;
    bad[3].n_given = bad[3].n_scored = 1;
    bad[4].given = names;
    bad[4].n_given = 4;
    bad[5].order = names;
    bad[5].n_order = 4;
    bad[6].n_scored = 1;
    bad[7].method = (flowbd3_score_method)2;
    bad[8].unseen = -1.0;
    static const char *const words[] = {"draws", "'c'",  "twice",  "both",  "all columns",
                                        "order", "NULL", "method", "unseen"};
    for (int i = 0; i < 9; i++) {
        ck_assert_int_eq(flowbd3_model_score(whole, all, &bad[i], nll, NULL, &err),
                         i < 7 ? FLOWBD3_ERROR_ARGUMENT : FLOWBD3_ERROR_RANGE);
        ck_assert_msg(strstr(err.message, words[i]) != NULL, "%d: %s", i, err.message);
    }
    ck_assert_int_eq(flowbd3_table_select(&without, all, names, 3, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_model_score(whole, without, NULL, nll, NULL, &err), FLOWBD3_ERROR_SCHEMA);
    ck_assert_ptr_nonnull(strstr(err.message, "kind"));
    ck_assert_int_eq(flowbd3_model_score(NULL, all, NULL, nll, NULL, &err), FLOWBD3_ERROR_ARGUMENT);
    flowbd3_score_options options = FLOWBD3_SCORE_OPTIONS_INIT;
    options.progress = cancel;
    ck_assert_int_eq(flowbd3_model_score(whole, all, &options, nll, NULL, &err), FLOWBD3_CANCELLED);
    flowbd3_table_destroy(&without);
    flowbd3_table_destroy(&all);
}
END_TEST

/* No NaN comes out of weights that are finite, but too large for the network. */
START_TEST(a_model_that_diverged_is_refused) {
    flowbd3_context *own = toy_context(1);
    flowbd3_table *rows = toy_table(own, TOY_SEED);
    flowbd3_model *model = toy_model(rows);
    flowbd3_calibration *calibration = NULL;
    flowbd3_error err = {0};
    double nll[TOY_ROWS];
    for (size_t i = 0; i < model->layout->size; i++)
        model->parameters[i] = i % 2 == 0 ? 3e38F : -3e38F;
    ck_assert_int_eq(flowbd3_model_score(model, rows, NULL, nll, NULL, &err), FLOWBD3_ERROR_NUMERIC);
    ck_assert_ptr_nonnull(strstr(err.message, "diverged"));
    ck_assert_int_eq(flowbd3_calibration_create(&calibration, model, rows, NULL, &err),
                     FLOWBD3_ERROR_NUMERIC);
    ck_assert_ptr_null(calibration);
    flowbd3_model_destroy(&model);
    flowbd3_table_destroy(&rows);
    flowbd3_context_destroy(&own);
}
END_TEST

int main(void) {
    setenv("CK_FORK", "no", 1);
    Suite *suite = suite_create("score");
    TCase *tests = tcase_create("score"), *sequences = tcase_create("sequences");
    tcase_set_timeout(tests, 120);
    tcase_set_timeout(sequences, 120);
    tcase_add_unchecked_fixture(tests, set_up, tear_down);
    tcase_add_unchecked_fixture(sequences, make_context, destroy_context);
    tcase_add_test(tests, exact_scores_reach_the_entropy_in_every_order);
    tcase_add_test(tests, standard_errors_are_right);
    tcase_add_test(tests, conditional_scores_obey_the_product_rule);
    tcase_add_test(tests, blocks_of_one_token_need_no_sampling);
    tcase_add_test(tests, random_column_order_takes_any_condition);
    tcase_add_test(tests, fixed_order_refuses_what_it_cannot_know);
    tcase_add_test(tests, unseen_values_cost_what_is_said);
    tcase_add_test(tests, bad_options_are_named);
    tcase_add_loop_test(sequences, context_reaches_the_entropy_rate, 0, FB3_COUNT(markov_blocks));
    tcase_add_test(tests, a_model_that_diverged_is_refused);
    suite_add_tcase(suite, tests);
    suite_add_tcase(suite, sequences);
    return run_suite(suite);
}
