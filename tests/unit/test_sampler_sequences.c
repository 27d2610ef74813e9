/* Generated sequences: what markov.h says of its flows, and that a row depends on its number alone. */
#include "compare_tables.h"
#include "markov.h"
#include "sampler/sampler.h"
#include "test_main.h"

#include <unistd.h>

/* Blocks of one token in a fixed and in a random order of columns, of one flow, of three flows, and of the
 * whole sequence. */
typedef struct kind {
    uint32_t block;
    flowbd3_column_order order;
    uint32_t epochs;
    double late; /* most flips whose gap is not 1, of all: what so few epochs leave. Chance: 0.6 */
} kind;

static const kind kinds[] = {{1, FLOWBD3_COLUMNS_FIXED, 5, 0.1},
                             {1, FLOWBD3_COLUMNS_RANDOM, 8, 0.45},
                             {2, FLOWBD3_COLUMNS_FIXED, 8, 0.45},
                             {6, FLOWBD3_COLUMNS_FIXED, 16, 0.5},
                             {2 * MARKOV_LENGTH, FLOWBD3_COLUMNS_FIXED, 28, 0.5}};
enum { KINDS = 5, SINGLE = 0, FLOW = 2, THREE = 3, WHOLE = 4, PIECES = MARKOV_FLOWS / MARKOV_LENGTH + 1 };

static flowbd3_context *context;
static flowbd3_table *table;
static flowbd3_model *models[KINDS];

static void set_up(void) {
    context = toy_context(2);
    table = markov_table(context, 3);
    for (int i = 0; i < KINDS; i++) {
        models[i] = markov_model(table, kinds[i].block, kinds[i].order);
        markov_train(models[i], table, kinds[i].epochs);
    }
}

static void tear_down(void) {
    for (int i = 0; i < KINDS; i++)
        flowbd3_model_destroy(&models[i]);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
}

static flowbd3_sampler *sampler_of(const flowbd3_model *model, const flowbd3_sampler_options *options) {
    flowbd3_sampler *sampler = NULL;
    flowbd3_error err = {0};
    ck_assert_msg(flowbd3_sampler_create(&sampler, model, options, &err) == FLOWBD3_OK, "%s", err.message);
    return sampler;
}

static flowbd3_table *next_rows(flowbd3_sampler *sampler, uint64_t rows) {
    flowbd3_table *out = NULL;
    flowbd3_error err = {0};
    ck_assert_msg(flowbd3_sampler_generate(sampler, rows, &out, NULL, NULL, &err) == FLOWBD3_OK, "%s",
                  err.message);
    ck_assert_uint_eq(flowbd3_table_rows(out), rows);
    return out;
}

/* ---- what the flows are ------------------------------------------------------------------------ */

/* Counts over the flows of sequences from place first on that have one before them. */
typedef struct counts {
    double flows, flips, late; /* late: flips whose gap is not 1 */
} counts;

static void add_flows(counts *c, const flowbd3_table *t, size_t row, size_t flows, size_t first) {
    const int64_t *time = flowbd3_table_integer(t, 0), *state = flowbd3_table_integer(t, 2);
    for (size_t i = row + (first > 0 ? first : 1); i < row + flows; i++) {
        int64_t gap = time[i] - time[i - 1];
        bool flips = state[i] != state[i - 1];
        ck_assert(gap >= 1 && gap <= 3);
        c->flows += 1.0;
        c->flips += flips;
        c->late += flips && gap != 1;
    }
}

/* Within four standard errors of these flows and of the training table's. */
static void assert_flips(const counts *c, double late) {
    double variance = MARKOV_FLIP * (1.0 - MARKOV_FLIP);
    double error = sqrt(variance / c->flows + variance / (MARKOV_ROWS - MARKOV_HOSTS));
    ck_assert_double_eq_tol(c->flips / c->flows, MARKOV_FLIP, 4.0 * error);
    ck_assert_double_lt(c->late / c->flips, late);
}

static void assert_host(const flowbd3_table *t, size_t row, size_t flows, size_t seen[MARKOV_HOSTS]) {
    char *end = NULL;
    const char *host = text_of(t, row, 1);
    ck_assert_int_eq(host[0], 'h');
    unsigned long number = strtoul(host + 1, &end, 10);
    ck_assert_int_eq(*end, '\0');
    ck_assert_uint_lt(number, MARKOV_HOSTS);
    seen[number]++;
    for (size_t i = row; i < row + flows; i++)
        ck_assert_str_eq(text_of(t, i, 1), host);
}

START_TEST(sequences_are_those_of_training) {
    enum { ROWS = 4000 };
    flowbd3_sampler *sampler = sampler_of(models[_i], NULL);
    flowbd3_table *t = next_rows(sampler, ROWS);
    counts c = {0};
    double sequences = 0.0, shorter = 0.0;
    size_t hosts[MARKOV_HOSTS] = {0};
    static const char *const names[] = {"time", "host", "state"};
    ck_assert_uint_eq(flowbd3_table_columns(t), 3);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_str_eq(flowbd3_table_name(t, i), names[i]);
        ck_assert_uint_eq(flowbd3_table_missing(t, i), 0);
    }
    for (size_t row = 0; row < ROWS;) {
        fb3_sequence s = fb3_sampler_sequence(sampler, (uint64_t)sequences);
        ck_assert(s.flows == MARKOV_LENGTH || s.flows == MARKOV_FLOWS % MARKOV_LENGTH);
        if (row + s.flows > ROWS)
            break;
        ck_assert_int_eq(flowbd3_table_integer(t, 0)[row], s.integer_start);
        assert_host(t, row, s.flows, hosts);
        add_flows(&c, t, row, s.flows, 1);
        sequences += 1.0;
        shorter += s.flows < MARKOV_LENGTH;
        row += s.flows;
    }
    assert_flips(&c, kinds[_i].late);
    double share = 1.0 / PIECES, most = 0.0, least = INFINITY;
    ck_assert_double_eq_tol(shorter / sequences, share, 4.0 * sqrt(share * (1.0 - share) / sequences));
    for (size_t h = 0; h < MARKOV_HOSTS; h++) {
        most = fmax(most, (double)hosts[h]);
        least = fmin(least, (double)hosts[h]);
    }
    double each = sequences / MARKOV_HOSTS;
    ck_assert_double_lt(most, each + 4.0 * sqrt(each));
    ck_assert_double_gt(least, each - 4.0 * sqrt(each));
    flowbd3_table_destroy(&t);
    flowbd3_sampler_destroy(&sampler);
}
END_TEST

/* What comes after the first window knows of the one before: without, half of the flows that a window begins
 * with would flip. The later half of a window of one block holds no whole one. */
START_TEST(windows_go_on) {
    enum { FLOWS = 21, SEQUENCES = 250 };
    flowbd3_sampler_options options = FLOWBD3_SAMPLER_OPTIONS_INIT;
    options.sequence_flows = FLOWS;
    flowbd3_sampler *sampler = sampler_of(models[_i], &options);
    flowbd3_table *t = next_rows(sampler, FLOWS * SEQUENCES);
    counts beyond = {0}, edge = {0};
    for (size_t i = 0; i < SEQUENCES; i++) {
        add_flows(&beyond, t, i * FLOWS, FLOWS, MARKOV_LENGTH);
        add_flows(&edge, t, i * FLOWS, MARKOV_LENGTH + 1, MARKOV_LENGTH);
    }
    if (_i == WHOLE) {
        double error = sqrt(0.25 / SEQUENCES);
        ck_assert_double_eq_tol(edge.flips / edge.flows, 0.5, 4.0 * error);
    } else {
        assert_flips(&beyond, kinds[_i].late);
        assert_flips(&edge, 1.0);
    }
    flowbd3_table_destroy(&t);
    flowbd3_sampler_destroy(&sampler);
}
END_TEST

/* ---- a row depends on its number alone --------------------------------------------------------- */

static void assert_rows(const flowbd3_table *whole, size_t first, const flowbd3_table *part) {
    flowbd3_table *slice = NULL;
    ck_assert_int_eq(flowbd3_table_slice(&slice, whole, first, flowbd3_table_rows(part), NULL), FLOWBD3_OK);
    ck_assert(same_tables(slice, part));
    flowbd3_table_destroy(&slice);
}

/* The next rows are those of whole from first on. */
static void assert_next(flowbd3_sampler *sampler, const flowbd3_table *whole, size_t first, uint64_t rows) {
    ck_assert_uint_eq(flowbd3_sampler_position(sampler), first);
    flowbd3_table *part = next_rows(sampler, rows);
    assert_rows(whole, first, part);
    flowbd3_table_destroy(&part);
}

typedef struct sink_state {
    const flowbd3_table *whole;
    size_t row;
} sink_state;

static int compare_chunk(void *user, const flowbd3_table *chunk) {
    sink_state *s = user;
    assert_rows(s->whole, s->row, chunk);
    s->row += flowbd3_table_rows(chunk);
    return 0;
}

/* Calls of odd sizes, forwards and backwards, and a stream. */
static void assert_calls(const flowbd3_model *model, const flowbd3_sampler_options *options,
                         const flowbd3_table *whole) {
    size_t rows = flowbd3_table_rows(whole);
    static const size_t sizes[] = {1, 7, 2, 31, 1, 64};
    flowbd3_sampler *sampler = sampler_of(model, options);
    for (size_t i = 0, row = 0; i < FB3_COUNT(sizes); row += sizes[i++])
        assert_next(sampler, whole, row, sizes[i]);
    const size_t seeks[] = {rows - 3, 5, rows / 2, rows / 2 - 1, 0, rows - 1};
    for (size_t i = 0; i < FB3_COUNT(seeks); i++) {
        flowbd3_sampler_seek(sampler, seeks[i]);
        assert_next(sampler, whole, seeks[i], i == 4 ? rows : 1);
    }
    flowbd3_sampler_seek(sampler, 3);
    sink_state state = {whole, 3};
    ck_assert_int_eq(flowbd3_sampler_stream(sampler, rows - 5, compare_chunk, &state, NULL, NULL, NULL),
                     FLOWBD3_OK);
    ck_assert_uint_eq(state.row, rows - 2);
    flowbd3_sampler_destroy(&sampler);
}

static void assert_batches(const flowbd3_model *model, flowbd3_sampler_options options,
                           const flowbd3_table *whole) {
    static const uint32_t batches[] = {1, 100, 0};
    for (size_t i = 0; i < FB3_COUNT(batches); i++) {
        options.batch_size = batches[i];
        flowbd3_sampler *sampler = sampler_of(model, &options);
        assert_next(sampler, whole, 0, flowbd3_table_rows(whole));
        flowbd3_sampler_destroy(&sampler);
    }
}

static void assert_threads(const flowbd3_model *model, const flowbd3_sampler_options *options,
                           const flowbd3_table *whole) {
    char path[] = "/tmp/flowbd3-test-XXXXXX";
    close(mkstemp(path));
    ck_assert_int_eq(flowbd3_model_save(model, path, NULL), FLOWBD3_OK);
    for (uint32_t threads = 1; threads <= 4; threads *= 2) {
        flowbd3_context *other = toy_context(threads);
        flowbd3_model *loaded = NULL;
        flowbd3_error err = {0};
        ck_assert_msg(flowbd3_model_load(&loaded, other, path, &err) == FLOWBD3_OK, "%s", err.message);
        flowbd3_sampler *sampler = sampler_of(loaded, options);
        assert_next(sampler, whole, 0, flowbd3_table_rows(whole));
        flowbd3_sampler_destroy(&sampler);
        flowbd3_model_destroy(&loaded);
        flowbd3_context_destroy(&other);
    }
    remove(path);
}

/* Row 0 .. rows - 1, of several tiles. */
static flowbd3_table *whole_of(const flowbd3_model *model, const flowbd3_sampler_options *options,
                               uint64_t rows) {
    flowbd3_sampler *sampler = sampler_of(model, options);
    flowbd3_table *whole = next_rows(sampler, rows);
    flowbd3_sampler_destroy(&sampler);
    return whole;
}

START_TEST(rows_depend_on_their_number_alone) {
    for (uint32_t flows = 0; flows <= 21; flows += 21) {
        flowbd3_sampler_options options = FLOWBD3_SAMPLER_OPTIONS_INIT;
        options.sequence_flows = flows;
        options.seed = 8;
        flowbd3_table *whole = whole_of(models[_i], &options, _i <= 1 ? 1200 : _i == WHOLE ? 150 : 300);
        assert_calls(models[_i], &options, whole);
        assert_batches(models[_i], options, whole);
        assert_threads(models[_i], &options, whole);
        flowbd3_table_destroy(&whole);
    }
}
END_TEST

START_TEST(so_they_do_in_every_order) {
    flowbd3_sampler_options options = FLOWBD3_SAMPLER_OPTIONS_INIT;
    options.order = (flowbd3_order)_i;
    for (uint32_t flows = 0; flows <= 21; flows += 21) {
        options.sequence_flows = flows;
        flowbd3_table *whole = whole_of(models[THREE], &options, 150);
        if (flows > 0)
            assert_calls(models[THREE], &options, whole);
        assert_batches(models[THREE], options, whole);
        flowbd3_table_destroy(&whole);
    }
    options.sequence_flows = 0;
    flowbd3_table *whole = whole_of(models[WHOLE], &options, 60);
    assert_threads(models[WHOLE], &options, whole);
    flowbd3_table_destroy(&whole);
}
END_TEST

/* Sequences of many lengths are counted from the first one, or from the one at hand. */
START_TEST(far_rows_are_found_from_anywhere) {
    flowbd3_sampler *near = sampler_of(models[FLOW], NULL), *far = sampler_of(models[FLOW], NULL);
    flowbd3_sampler_seek(near, 99000);
    flowbd3_table *whole = next_rows(near, 2000);
    flowbd3_sampler_seek(far, 100000);
    flowbd3_table *part = next_rows(far, 100);
    assert_rows(whole, 1000, part);
    flowbd3_table_destroy(&part);
    flowbd3_sampler_seek(far, 99000);
    part = next_rows(far, 2000);
    assert_rows(whole, 0, part);
    flowbd3_table_destroy(&part);
    flowbd3_table_destroy(&whole);
    flowbd3_sampler_destroy(&near);
    flowbd3_sampler_destroy(&far);
}
END_TEST

/* ---- evaluations ------------------------------------------------------------------------------- */

static uint64_t evaluations(const flowbd3_model *model, flowbd3_sampler_options options, uint64_t *blocks,
                            uint64_t *tokens) {
    options.batch_size = 1;
    flowbd3_sampler *sampler = sampler_of(model, &options);
    flowbd3_table *t = next_rows(sampler, 1);
    size_t block = model->blocking.block;
    ck_assert_uint_eq(sampler->count, sampler->sizes.tile);
    *blocks = *tokens = 0;
    for (size_t i = 0; i < sampler->count; i++) {
        *tokens += 2 * sampler->sequences[i].flows;
        *blocks += (2 * sampler->sequences[i].flows + block - 1) / block;
    }
    uint64_t count = flowbd3_sampler_evaluations(sampler, NULL);
    flowbd3_table *again = next_rows(sampler, 2); /* they are there already */
    ck_assert_uint_eq(flowbd3_sampler_evaluations(sampler, NULL), count);
    flowbd3_table_destroy(&again);
    flowbd3_table_destroy(&t);
    flowbd3_sampler_destroy(&sampler);
    return count;
}

START_TEST(evaluations_are_counted) {
    uint64_t blocks, tokens, windowed;
    flowbd3_sampler_options options = FLOWBD3_SAMPLER_OPTIONS_INIT;
    ck_assert_uint_eq(evaluations(models[_i], options, &blocks, &tokens), tokens);
    options.sequence_flows = 21; /* what a window keeps is not drawn again */
    ck_assert_uint_eq(evaluations(models[_i], options, &blocks, &windowed), windowed);
    options.sequence_flows = 0;
    options.steps = 1;
    ck_assert_uint_eq(evaluations(models[_i], options, &blocks, &tokens), blocks);
    options.steps = 2; /* every block has two tokens or more, but for those of one token */
    ck_assert_uint_eq(evaluations(models[_i], options, &blocks, &tokens),
                      kinds[_i].block == 1 ? tokens : 2 * blocks);
    options.steps = 0;
    options.order = FLOWBD3_ORDER_THRESHOLD;
    options.threshold = 0.35;
    uint64_t fewer = evaluations(models[_i], options, &blocks, &tokens);
    ck_assert_uint_ge(fewer, blocks);
    ck_assert_uint_le(fewer, tokens);
    if (kinds[_i].block > 1)
        ck_assert_uint_lt(fewer, tokens);
    ck_assert_uint_eq(flowbd3_sampler_evaluations(NULL, NULL), 0);
}
END_TEST

START_TEST(sequence_flows_out_of_range) {
    flowbd3_sampler *sampler = NULL;
    flowbd3_error err = {0};
    flowbd3_sampler_options options = FLOWBD3_SAMPLER_OPTIONS_INIT;
    options.sequence_flows = (1u << 20) + 1;
    ck_assert_int_eq(flowbd3_sampler_create(&sampler, models[SINGLE], &options, &err), FLOWBD3_ERROR_RANGE);
    ck_assert_ptr_nonnull(strstr(err.message, "sequence_flows is 1048577"));
    ck_assert_ptr_null(sampler);
}
END_TEST

int main(void) {
    setenv("CK_FORK", "no", 1);
    Suite *suite = suite_create("sampler_sequences");
    TCase *tests = tcase_create("sampler_sequences");
    tcase_set_timeout(tests, 60);
    tcase_add_unchecked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, sequences_are_those_of_training, 0, KINDS);
    tcase_add_loop_test(tests, windows_go_on, 0, KINDS);
    tcase_add_loop_test(tests, rows_depend_on_their_number_alone, 0, KINDS);
    tcase_add_loop_test(tests, so_they_do_in_every_order, FLOWBD3_ORDER_RANDOM,
                        FLOWBD3_ORDER_REMASK_LOOP + 1);
    tcase_add_test(tests, far_rows_are_found_from_anywhere);
    tcase_add_loop_test(tests, evaluations_are_counted, 0, KINDS);
    tcase_add_test(tests, sequence_flows_out_of_range);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
