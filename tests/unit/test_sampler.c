/* The sampler: the joint distribution it draws, and that a row depends on its number alone. */
#include "draw_token.h"
#include "sampler/sampler.h"
#include "test_main.h"
#include "toy.h"

#include <string.h>

static flowbd3_context *context;
static flowbd3_table *table;
static flowbd3_model *model;

static void set_up(void) {
    context = toy_context(2);
    table = toy_table(context, TOY_SEED);
    model = toy_model(table);
    flowbd3_trainer *trainer = NULL;
    flowbd3_trainer_options options = toy_options();
    ck_assert_int_eq(flowbd3_trainer_create(&trainer, model, table, NULL, &options, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_trainer_run(trainer, NULL, NULL, NULL), FLOWBD3_OK);
    flowbd3_trainer_destroy(&trainer);
}

static void tear_down(void) {
    flowbd3_model_destroy(&model);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
}

static flowbd3_table *generate(const flowbd3_sampler_options *options, uint64_t first, uint64_t rows) {
    flowbd3_sampler *sampler = NULL;
    flowbd3_table *out = NULL;
    flowbd3_error err = {0};
    ck_assert_msg(flowbd3_sampler_create(&sampler, model, options, &err) == FLOWBD3_OK, "%s", err.message);
    flowbd3_sampler_seek(sampler, first);
    ck_assert_msg(flowbd3_sampler_generate(sampler, rows, &out, NULL, NULL, &err) == FLOWBD3_OK, "%s",
                  err.message);
    ck_assert_uint_eq(flowbd3_table_rows(out), rows);
    ck_assert_uint_eq(flowbd3_sampler_position(sampler), first + rows);
    flowbd3_sampler_destroy(&sampler);
    return out;
}

static const char *kind_of(const flowbd3_table *t, size_t row) {
    return flowbd3_table_category(t, 3, (size_t)flowbd3_table_codes(t, 3)[row]);
}

/* Cell (a, b, kind) of a row, 0 to 7. */
static size_t cell(const flowbd3_table *t, size_t row) {
    size_t a = (size_t)flowbd3_table_integer(t, 0)[row], b = (size_t)flowbd3_table_integer(t, 1)[row];
    return 4 * a + 2 * b + (strcmp(kind_of(t, row), "x") == 0);
}

static double broken_parity(const flowbd3_table *t) {
    size_t broken = 0;
    for (size_t i = 0; i < flowbd3_table_rows(t); i++)
        broken += (flowbd3_table_integer(t, 0)[i] ^ flowbd3_table_integer(t, 1)[i]) !=
                  flowbd3_table_integer(t, 2)[i];
    return (double)broken / (double)flowbd3_table_rows(t);
}

/* Total variation distance from the toy's joint distribution over (a, b, kind). */
static double distance(const flowbd3_table *t) {
    double seen[8] = {0}, sum = 0.0;
    for (size_t i = 0; i < flowbd3_table_rows(t); i++)
        seen[cell(t, i)] += 1.0 / (double)flowbd3_table_rows(t);
    for (size_t c = 0; c < 8; c++) {
        double x = c & 4 ? 0.8 : 0.3, expected = 0.25 * (c & 1 ? x : 1.0 - x);
        sum += fabs(seen[c] - expected) / 2.0;
    }
    return sum;
}

static void assert_same_rows(const flowbd3_table *a, size_t first, const flowbd3_table *b) {
    for (size_t i = 0; i < flowbd3_table_rows(b); i++) {
        for (size_t c = 0; c < 3; c++)
            ck_assert_int_eq(flowbd3_table_integer(a, c)[first + i], flowbd3_table_integer(b, c)[i]);
        ck_assert_str_eq(kind_of(a, first + i), kind_of(b, i));
    }
}

START_TEST(exact_order_draws_the_joint_distribution) {
    flowbd3_table *t = generate(NULL, 0, 8000);
    ck_assert_double_lt(broken_parity(t), 0.03);
    ck_assert_double_lt(distance(t), 0.04);
    flowbd3_table_destroy(&t);
}
END_TEST

/* All slots in one step are independent: the parity is right half of the time, the marginals stay. */
START_TEST(one_step_draws_independent_slots) {
    flowbd3_sampler_options options = FLOWBD3_SAMPLER_OPTIONS_INIT;
    options.steps = 1;
    flowbd3_table *t = generate(&options, 0, 8000);
    ck_assert_double_eq_tol(broken_parity(t), 0.5, 0.04);
    flowbd3_table_destroy(&t);
    options.steps = 2;
    t = generate(&options, 0, 8000);
    double two = broken_parity(t);
    ck_assert_double_gt(two, 0.05);
    ck_assert_double_lt(two, 0.45);
    flowbd3_table_destroy(&t);
}
END_TEST

START_TEST(rows_depend_on_their_number_alone) {
    flowbd3_sampler_options options = FLOWBD3_SAMPLER_OPTIONS_INIT;
    options.seed = 4;
    flowbd3_table *whole = generate(&options, 0, 700);
    static const uint32_t batches[] = {1, 33, 64, 5000};
    for (size_t i = 0; i < FB3_COUNT(batches); i++) {
        options.batch_size = batches[i];
        flowbd3_table *t = generate(&options, 0, 300), *part = generate(&options, 251, 101);
        assert_same_rows(whole, 0, t);
        assert_same_rows(whole, 251, part);
        flowbd3_table_destroy(&t);
        flowbd3_table_destroy(&part);
    }
    char path[] = "/tmp/flowbd3-test-XXXXXX";
    int descriptor = mkstemp(path);
    ck_assert_int_ge(descriptor, 0);
    ck_assert_int_eq(flowbd3_model_save(model, path, NULL), FLOWBD3_OK);
    for (uint32_t threads = 1; threads <= 4; threads *= 4) { /* another context, and a model that was saved */
        flowbd3_context *other = toy_context(threads);
        flowbd3_model *original = model;
        flowbd3_error err = {0};
        ck_assert_msg(flowbd3_model_load(&model, other, path, &err) == FLOWBD3_OK, "%s", err.message);
        flowbd3_table *t = generate(&options, 0, 700);
        assert_same_rows(whole, 0, t);
        flowbd3_table_destroy(&t);
        flowbd3_model_destroy(&model);
        model = original;
        flowbd3_context_destroy(&other);
    }
    remove(path);
    options.seed = 5;
    flowbd3_table *t = generate(&options, 0, 700);
    size_t same = 0;
    for (size_t i = 0; i < 700; i++)
        same += cell(t, i) == cell(whole, i);
    ck_assert_uint_lt(same, 300);
    flowbd3_table_destroy(&t);
    flowbd3_table_destroy(&whole);
}
END_TEST

/* Two calls of one sampler go on where the first ended. */
START_TEST(calls_continue) {
    flowbd3_table *whole = generate(NULL, 0, 200), *part = NULL;
    flowbd3_sampler *sampler = NULL;
    ck_assert_int_eq(flowbd3_sampler_create(&sampler, model, NULL, NULL), FLOWBD3_OK);
    for (size_t first = 0; first < 200; first += 40) {
        ck_assert_int_eq(flowbd3_sampler_generate(sampler, 40, &part, NULL, NULL, NULL), FLOWBD3_OK);
        assert_same_rows(whole, first, part);
        flowbd3_table_destroy(&part);
    }
    ck_assert_int_eq(flowbd3_sampler_generate(sampler, 0, &part, NULL, NULL, NULL), FLOWBD3_OK);
    ck_assert_uint_eq(flowbd3_table_rows(part), 0);
    ck_assert_uint_eq(flowbd3_table_columns(part), 4);
    flowbd3_table_destroy(&part);
    flowbd3_sampler_destroy(&sampler);
    flowbd3_table_destroy(&whole);
}
END_TEST

typedef struct sink_state {
    uint64_t rows, most;
} sink_state;

static int count_rows(void *user, const flowbd3_table *chunk) {
    sink_state *state = user;
    state->rows += flowbd3_table_rows(chunk);
    return state->rows >= state->most;
}

static int cancel(void *user, const flowbd3_progress *progress) {
    (void)user;
    return progress->done > 0;
}

static int cancel_at_once(void *user, const flowbd3_progress *progress) {
    (void)user;
    (void)progress;
    return 1;
}

START_TEST(streams_can_be_cancelled) {
    flowbd3_sampler *sampler = NULL;
    flowbd3_table *out = NULL;
    ck_assert_int_eq(flowbd3_sampler_create(&sampler, model, NULL, NULL), FLOWBD3_OK);
    sink_state state = {0, UINT64_MAX};
    ck_assert_int_eq(flowbd3_sampler_stream(sampler, 3000, count_rows, &state, NULL, NULL, NULL), FLOWBD3_OK);
    ck_assert_uint_eq(state.rows, 3000);
    state = (sink_state){0, 1000};
    ck_assert_int_eq(flowbd3_sampler_stream(sampler, 9000, count_rows, &state, NULL, NULL, NULL),
                     FLOWBD3_CANCELLED);
    ck_assert_uint_lt(state.rows, 9000);
    ck_assert_uint_eq(flowbd3_sampler_position(sampler), 3000 + state.rows);
    uint64_t before = flowbd3_sampler_position(sampler);
    ck_assert_int_eq(flowbd3_sampler_generate(sampler, 9000, &out, cancel, NULL, NULL), FLOWBD3_CANCELLED);
    ck_assert_ptr_null(out);
    ck_assert_uint_eq(flowbd3_sampler_position(sampler), before);
    flowbd3_sampler_destroy(&sampler);
}
END_TEST

/* One row is asked for, of a sequence that takes minutes: a cancel ends it between two evaluations. */
START_TEST(long_sequences_can_be_cancelled) {
    flowbd3_sampler *sampler = NULL;
    flowbd3_table *out = NULL;
    flowbd3_sampler_options options = FLOWBD3_SAMPLER_OPTIONS_INIT;
    options.sequence_flows = 1u << 20;
    ck_assert_int_eq(flowbd3_sampler_create(&sampler, model, &options, NULL), FLOWBD3_OK);
    double began = fb3_seconds();
    ck_assert_int_eq(flowbd3_sampler_generate(sampler, 1, &out, cancel_at_once, NULL, NULL),
                     FLOWBD3_CANCELLED);
    ck_assert_double_lt(fb3_seconds() - began, 20.0);
    ck_assert_ptr_null(out);
    ck_assert_uint_eq(flowbd3_sampler_position(sampler), 0);
    flowbd3_sampler_destroy(&sampler);
}
END_TEST

START_TEST(options_out_of_range) {
    flowbd3_sampler *sampler = NULL;
    flowbd3_error err = {0};
    flowbd3_sampler_options bad[5];
    for (int i = 0; i < 5; i++)
        bad[i] = (flowbd3_sampler_options)FLOWBD3_SAMPLER_OPTIONS_INIT;
    bad[0].temperature = -1.0;
    bad[1].top_p = 1.5;
    bad[2].batch_size = 1u << 30;
    bad[3].decoding = (flowbd3_decoding)7;
    bad[4].complete = 2;
    static const char *const names[] = {"temperature", "top_p", "batch_size", "decoding", "complete"};
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(flowbd3_sampler_create(&sampler, model, &bad[i], &err), FLOWBD3_ERROR_RANGE);
        ck_assert_ptr_nonnull(strstr(err.message, names[i]));
    }
    flowbd3_table *generated = NULL;
    ck_assert_int_eq(flowbd3_sampler_create(&sampler, model, NULL, NULL), FLOWBD3_OK);
    flowbd3_sampler_seek(sampler, UINT64_MAX - 2);
    ck_assert_int_eq(flowbd3_sampler_generate(sampler, 5, &generated, NULL, NULL, &err), FLOWBD3_ERROR_RANGE);
    ck_assert_ptr_null(generated);
    flowbd3_sampler_destroy(&sampler);

    flowbd3_model *other = NULL;
    flowbd3_model_options infinite = FLOWBD3_MODEL_OPTIONS_INIT;
    infinite.dropout = -INFINITY;
    ck_assert_int_eq(flowbd3_model_create(&other, flowbd3_model_tokenizer(model), &infinite, &err),
                     FLOWBD3_ERROR_RANGE);
}
END_TEST

/* ---- drawing one token ------------------------------------------------------------------------- */

static const float logits[4] = {1.0f, 3.0f, -1.0f, 2.0f};

/* Frequencies of tokens over an even grid of u. */
static void frequencies(double share[4], double temperature, double top_p) {
    enum { GRID = 100000 };
    double probabilities[4];
    uint32_t ranking[4];
    for (int i = 0; i < 4; i++)
        share[i] = 0.0;
    for (int i = 0; i < GRID; i++)
        share[draw_token(logits, 4, temperature, top_p, (i + 0.5) / GRID, probabilities, ranking)] +=
            1.0 / GRID;
}

START_TEST(token_frequencies_follow_the_softmax) {
    for (double temperature = 0.5; temperature < 3.0; temperature *= 2.0) {
        double share[4], sum = 0.0;
        frequencies(share, temperature, 1.0);
        for (int i = 0; i < 4; i++)
            sum += exp((double)logits[i] / temperature);
        for (int i = 0; i < 4; i++)
            ck_assert_double_eq_tol(share[i], exp((double)logits[i] / temperature) / sum, 1e-4);
    }
}
END_TEST

START_TEST(nucleus_keeps_the_most_probable) {
    double share[4]; /* softmax: 0.0871, 0.6439, 0.0118, 0.2369... */
    frequencies(share, 1.0, 0.5);
    ck_assert_double_eq_tol(share[1], 1.0, 1e-9);
    frequencies(share, 1.0, 0.85);
    ck_assert_double_eq_tol(share[1], 1.0 / (1.0 + exp(-1.0)), 1e-4);
    ck_assert_double_eq_tol(share[3], exp(-1.0) / (1.0 + exp(-1.0)), 1e-4);
    frequencies(share, 1.0, 1e-9);
    ck_assert_double_eq_tol(share[1], 1.0, 1e-9);
}
END_TEST

int main(void) {
    setenv("CK_FORK", "no", 1);
    Suite *suite = suite_create("sampler");
    TCase *tests = tcase_create("sampler"), *draws = tcase_create("draw");
    tcase_set_timeout(tests, 120);
    tcase_add_unchecked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, exact_order_draws_the_joint_distribution);
    tcase_add_test(tests, one_step_draws_independent_slots);
    tcase_add_test(tests, rows_depend_on_their_number_alone);
    tcase_add_test(tests, calls_continue);
    tcase_add_test(tests, streams_can_be_cancelled);
    tcase_add_test(tests, long_sequences_can_be_cancelled);
    tcase_add_test(tests, options_out_of_range);
    tcase_add_test(draws, token_frequencies_follow_the_softmax);
    tcase_add_test(draws, nucleus_keeps_the_most_probable);
    suite_add_tcase(suite, tests);
    suite_add_tcase(suite, draws);
    return run_suite(suite);
}
