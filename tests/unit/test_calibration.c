/* Calibration: closed forms, scores, and tokens that the model drew itself. */
#include "markov.h"
#include "model/model.h"
#include "test_main.h"
#include "tokenizer/tokenizer.h"

static flowbd3_context *context;

static void set_up(void) {
    context = toy_context(2);
}

static void tear_down(void) {
    flowbd3_context_destroy(&context);
}

/* ---- models ------------------------------------------------------------------------------------ */

enum { ROWS = 2048, LEVELS = 64, KINDS = 5 };

static const char *const names[4] = {"level", "count", "kind", "x"};
enum { LEVEL, COUNT, KIND, X };

/* level   0 .. 63 in two slots, of which every pair of tokens is a value
 * count   0 .. 1023 as two digits, all of them; in one row of eight missing
 * kind    five categories; in one row of nine missing
 * x       a real number from 0 to 1 */
static flowbd3_table *mixed_table(size_t rows, uint64_t seed) {
    static const char *const kinds[KINDS] = {"k0", "k1", "k2", "k3", "k4"};
    static int64_t level[ROWS], count[ROWS];
    static uint8_t there[ROWS];
    static const char *kind[ROWS];
    static double x[ROWS];
    for (size_t i = 0; i < rows; i++) {
        double u = fb3_uniform(seed, FB3_RANDOM_SPLIT, i, 0);
        level[i] = (int64_t)(i % LEVELS);
        count[i] = (int64_t)(i % 1024);
        there[i] = u > 0.125;
        kind[i] = i % 9 == 8 ? NULL : kinds[(size_t)(u * u * KINDS)];
        x[i] = i < 2 ? (double)i : fb3_uniform(seed, FB3_RANDOM_SPLIT, i, 1);
    }
    there[0] = there[rows > 1023 ? 1023 : 0] = 1;
    flowbd3_table *table = NULL;
    ck_assert_int_eq(flowbd3_table_create(&table, context, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_integer(table, "level", level, NULL, rows, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_integer(table, "count", count, there, rows, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_categorical(table, "kind", kind, rows, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_real(table, "x", x, NULL, rows, NULL), FLOWBD3_OK);
    return table;
}

/* A model that was not trained, with heads of some strength: by chance, or with independent of it weights 1
 * to 5 of every token. block 0: a whole flow. */
static flowbd3_model *mixed_model(const flowbd3_table *table, uint32_t block, flowbd3_column_order order,
                                  bool independent) {
    static const flowbd3_column_codec codecs[] = {{"level", FLOWBD3_CODEC_FINE, 0},
                                                  {"count", FLOWBD3_CODEC_DIGITS, 0}};
    flowbd3_tokenizer *tokenizer = NULL;
    flowbd3_model *model = NULL;
    flowbd3_error err = {0};
    flowbd3_tokenizer_options fitting = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    fitting.binning = FLOWBD3_BINNING_UNIFORM;
    fitting.bins = 8;
    fitting.codecs = codecs;
    fitting.n_codecs = 2;
    fitting.relations = FLOWBD3_RELATIONS_OFF;
    flowbd3_model_options options = FLOWBD3_MODEL_OPTIONS_INIT;
    options.d_model = 16;
    options.n_heads = 2;
    options.n_layers = 2;
    options.dropout = -1.0;
    options.column_order = order;
    ck_assert_msg(flowbd3_tokenizer_create(&tokenizer, table, &fitting, &err) == FLOWBD3_OK, "%s",
                  err.message);
    ck_assert_uint_eq(flowbd3_tokenizer_slots(tokenizer), 6);
    options.block_size = block != 0 ? block : 6;
    ck_assert_msg(flowbd3_model_create(&model, tokenizer, &options, &err) == FLOWBD3_OK, "%s", err.message);
    flowbd3_tokenizer_destroy(&tokenizer);
    for (size_t slot = 0; slot < 6; slot++)
        for (int which = FB3_HEAD_WEIGHT; which <= FB3_HEAD_BIAS; which++) {
            const fb3_tensor *t = fb3_slot_tensor(model->layout, slot, (enum fb3_slot_tensor)which);
            for (size_t i = 0; t != NULL && i < t->rows * t->columns; i++) {
                float *p = &model->parameters[t->offset + i / t->columns * t->stride + i % t->columns];
                double chance = fb3_uniform(3, FB3_RANDOM_SPLIT, i, (uint32_t)(slot * 4) + (uint32_t)which);
                bool bias = which == FB3_HEAD_BIAS;
                double strength = bias ? 2.0 : which == FB3_HEAD_WEIGHT ? 1.0 : 0.1;
                *p = !independent ? (float)((chance - 0.5) * strength)
                     : bias       ? logf((float)(1 + (i * 7 + slot) % 5))
                                  : 0.0f;
            }
        }
    return model;
}

static flowbd3_calibration *calibrated(const flowbd3_model *model, const flowbd3_table *table,
                                       const flowbd3_calibration_options *options) {
    flowbd3_calibration *c = NULL;
    flowbd3_error err = {0};
    ck_assert_msg(flowbd3_calibration_create(&c, model, table, options, &err) == FLOWBD3_OK, "%s",
                  err.message);
    return c;
}

/* ---- closed forms ------------------------------------------------------------------------------ */

/* Share of [below, below + mass] in bin of bins: F(u | x) of Czado et al. at its ends. */
static double share_of(double below, double mass, size_t bin, size_t bins) {
    double low = ((double)bin / (double)bins - below) / mass;
    double high = ((double)(bin + 1) / (double)bins - below) / mass;
    return fmin(fmax(high, 0.0), 1.0) - fmin(fmax(low, 0.0), 1.0);
}

static double weight_of(size_t slot, size_t token) {
    return (double)(1 + (token * 7 + slot) % 5);
}

/* Below and mass of tokens[slots] in slots that are independent: the sum over all that are smaller, one after
 * the other, or more probable. */
static void independent_place(const flowbd3_tokenizer *t, size_t column, const uint16_t *tokens,
                              double *below, double *mass) {
    size_t first, slots = fb3_tokenizer_column_slots(t, column, &first);
    size_t wide = flowbd3_tokenizer_vocabulary(t, first);
    size_t deep = slots > 1 ? flowbd3_tokenizer_vocabulary(t, first + 1) : 1;
    size_t second = slots > 1 ? tokens[1] : 0;
    bool missing = fb3_tokenizer_has_missing(t, first) && tokens[0] == wide - 1;
    double total = 0.0;
    *below = *mass = 0.0;
    for (size_t a = 0; a < wide; a++)
        for (size_t b = 0; b < deep; b++) {
            double w = weight_of(first, a) * (slots > 1 ? weight_of(first + 1, b) : 1.0);
            bool own = a == tokens[0] && (missing || b == second);
            bool before = a < tokens[0] || (a == tokens[0] && b < second && !missing);
            if (column == KIND)
                before =
                    w > weight_of(first, tokens[0]) || (w == weight_of(first, tokens[0]) && a < tokens[0]);
            total += w;
            *below += before ? w : 0.0;
            *mass += own ? w : 0.0;
        }
    *below /= total;
    *mass /= total;
}

/* Blocks of one token, of two, that cut columns in two and end inside them, and of a flow. */
static const uint32_t block_sizes[] = {1, 4, 0};

START_TEST(independent_cells_have_the_closed_form) {
    enum { BINS = 16, SLOTS = 6, N = 1500 };
    flowbd3_table *table = mixed_table(ROWS, 1), *rows = NULL;
    flowbd3_model *model = mixed_model(table, block_sizes[_i], FLOWBD3_COLUMNS_AUTO, true);
    flowbd3_calibration_options options = FLOWBD3_CALIBRATION_OPTIONS_INIT;
    static uint16_t tokens[N * SLOTS];
    options.bins = BINS;
    options.seed = 9;
    ck_assert_int_eq(flowbd3_table_slice(&rows, table, 0, N, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_tokenizer_encode(model->tokenizer, rows, tokens, NULL), FLOWBD3_OK);
    flowbd3_calibration *c = calibrated(model, rows, &options);
    ck_assert_uint_eq(flowbd3_calibration_bins(c), BINS);
    for (size_t column = 0; column < 4; column++) {
        size_t first;
        double expected[BINS] = {0}, bias = 0.0, l1 = 0.0;
        fb3_tokenizer_column_slots(model->tokenizer, column, &first);
        for (size_t i = 0; i < N; i++) {
            double below, mass;
            independent_place(model->tokenizer, column, &tokens[i * SLOTS + first], &below, &mass);
            bias += (below + mass / 2.0 - 0.5) / N;
            for (size_t bin = 0; bin < BINS; bin++)
                expected[bin] += share_of(below, mass, bin, BINS) / N;
        }
        const double *share = flowbd3_calibration_histogram(c, column, NULL);
        for (size_t bin = 0; bin < BINS; bin++) {
            ck_assert_double_eq_tol(share[bin], expected[bin], 1e-6);
            l1 += fabs(expected[bin] - 1.0 / BINS);
        }
        ck_assert_double_eq_tol(flowbd3_calibration_get(c, column, FLOWBD3_CALIBRATION_PIT_BIAS), bias, 1e-6);
        ck_assert_double_eq_tol(flowbd3_calibration_get(c, column, FLOWBD3_CALIBRATION_PIT_L1), l1, 1e-5);
        ck_assert_double_eq(flowbd3_calibration_get(c, column, FLOWBD3_CALIBRATION_UNSEEN), 0.0);
    }
    flowbd3_calibration_destroy(&c);
    ck_assert_ptr_null(c);
    flowbd3_model_destroy(&model);
    flowbd3_table_destroy(&rows);
    flowbd3_table_destroy(&table);
}
END_TEST

/* rows times all values of a column: rows * count, value by value, the other cells as they are. */
static flowbd3_table *with_all_values(const flowbd3_table *rows, size_t column, size_t count) {
    static const char *const kinds[KINDS + 1] = {"k0", "k1", "k2", "k3", "k4", NULL};
    size_t n = flowbd3_table_rows(rows), total = n * count;
    int64_t *level = calloc(total, sizeof *level), *counts = calloc(total, sizeof *counts);
    uint8_t *there = calloc(total, 1);
    const char **kind = calloc(total, sizeof *kind);
    double *x = calloc(total, sizeof *x);
    for (size_t i = 0; i < total; i++) {
        int32_t code = flowbd3_table_codes(rows, KIND)[i % n];
        level[i] = column == LEVEL ? (int64_t)(i / n) : flowbd3_table_integer(rows, LEVEL)[i % n];
        counts[i] = flowbd3_table_integer(rows, COUNT)[i % n];
        there[i] = flowbd3_table_valid(rows, COUNT)[i % n];
        kind[i] = column == KIND ? kinds[i / n]
                  : code < 0     ? NULL
                                 : flowbd3_table_category(rows, KIND, (size_t)code);
        x[i] = flowbd3_table_real(rows, X)[i % n];
    }
    flowbd3_table *table = NULL;
    ck_assert_int_eq(flowbd3_table_create(&table, context, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_integer(table, "level", level, NULL, total, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_integer(table, "count", counts, there, total, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_categorical(table, "kind", kind, total, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_real(table, "x", x, NULL, total, NULL), FLOWBD3_OK);
    free(level);
    free(counts);
    free(there);
    free(kind);
    free(x);
    return table;
}

/* The scores of all values of a column, given those before it in the order, are its distribution. */
START_TEST(places_are_what_scores_say) {
    enum { BINS = 10, N = 45 };
    static const char *const order[] = {"x", "kind", "level", "count"};
    flowbd3_table *table = mixed_table(ROWS, 1), *rows = NULL;
    flowbd3_model *model = mixed_model(table, 0, FLOWBD3_COLUMNS_FIXED, false);
    flowbd3_calibration_options options = FLOWBD3_CALIBRATION_OPTIONS_INIT;
    options.order = order;
    options.n_order = 4;
    ck_assert_int_eq(flowbd3_table_slice(&rows, table, 700, N, NULL), FLOWBD3_OK);
    flowbd3_calibration *c = calibrated(model, rows, &options);
    for (size_t place = 1; place < 3; place++) {
        static double nll[N * LEVELS];
        size_t column = place == 1 ? KIND : LEVEL, count = place == 1 ? KINDS + 1 : LEVELS;
        flowbd3_table *values = with_all_values(rows, column, count);
        flowbd3_score_options scoring = FLOWBD3_SCORE_OPTIONS_INIT;
        scoring.method = FLOWBD3_SCORE_EXACT;
        scoring.order = scoring.given = order;
        scoring.scored = order + place;
        scoring.n_order = 4;
        scoring.n_given = place;
        scoring.n_scored = 1;
        ck_assert_int_eq(flowbd3_model_score(model, values, &scoring, nll, NULL, NULL), FLOWBD3_OK);
        double expected[BINS] = {0};
        for (size_t i = 0; i < N; i++) {
            int32_t code = flowbd3_table_codes(rows, KIND)[i];
            size_t own = column == LEVEL ? (size_t)flowbd3_table_integer(rows, LEVEL)[i]
                         : code < 0      ? KINDS
                                         : (size_t)flowbd3_table_category(rows, KIND, (size_t)code)[1] - '0';
            double below = 0.0, total = 0.0;
            for (size_t v = 0; v < count; v++) {
                bool before = column == LEVEL ? v < own : nll[v * N + i] < nll[own * N + i];
                below += before ? exp(-nll[v * N + i]) : 0.0;
                total += exp(-nll[v * N + i]);
            }
            ck_assert_double_eq_tol(total, 1.0, 1e-5);
            for (size_t bin = 0; bin < BINS; bin++)
                expected[bin] += share_of(below, exp(-nll[own * N + i]), bin, BINS) / N;
        }
        const double *share = flowbd3_calibration_histogram(c, column, NULL);
        for (size_t bin = 0; bin < BINS; bin++)
            ck_assert_double_eq_tol(share[bin], expected[bin], 1e-4); /* float logits over a narrow mass */
        flowbd3_table_destroy(&values);
    }
    flowbd3_calibration_destroy(&c);
    flowbd3_model_destroy(&model);
    flowbd3_table_destroy(&rows);
    flowbd3_table_destroy(&table);
}
END_TEST

/* ---- what the model itself has drawn ----------------------------------------------------------- */

enum { DRAWN = 12000, SEED = 21 };

static flowbd3_table *drawn_from(const flowbd3_model *model, uint64_t rows, uint64_t seed) {
    flowbd3_sampler *sampler = NULL;
    flowbd3_table *table = NULL;
    flowbd3_error err = {0};
    flowbd3_sampler_options options = FLOWBD3_SAMPLER_OPTIONS_INIT;
    options.seed = seed;
    options.draws = FLOWBD3_DRAWS_INDEPENDENT;
    ck_assert_msg(flowbd3_sampler_create(&sampler, model, &options, &err) == FLOWBD3_OK, "%s", err.message);
    ck_assert_msg(flowbd3_sampler_generate(sampler, rows, &table, NULL, NULL, &err) == FLOWBD3_OK, "%s",
                  err.message);
    flowbd3_sampler_destroy(&sampler);
    return table;
}

/* Blocks of one token, whose order is the sampler's for the same seed. 160 shares and 8 means of normal
 * numbers: one of them 4.6 standard errors off comes by chance with probability 0.0007. */
START_TEST(cells_that_the_model_drew_are_uniform) {
    enum { BINS = 20 };
    static const flowbd3_column_order orders[] = {FLOWBD3_COLUMNS_FIXED, FLOWBD3_COLUMNS_RANDOM};
    flowbd3_table *table = mixed_table(ROWS, 1);
    flowbd3_model *model = mixed_model(table, 1, orders[_i], false);
    flowbd3_table *drawn = drawn_from(model, DRAWN, SEED);
    flowbd3_calibration_options options = FLOWBD3_CALIBRATION_OPTIONS_INIT;
    options.bins = BINS;
    options.seed = SEED;
    flowbd3_calibration *c = calibrated(model, drawn, &options);
    for (size_t column = 0; column < 4; column++) {
        const double *error, *share = flowbd3_calibration_histogram(c, column, &error);
        for (size_t bin = 0; bin < BINS; bin++) {
            ck_assert_double_gt(error[bin], 0.0);
            ck_assert_double_le(error[bin], sqrt(0.05 * 0.95 / DRAWN) * 1.05); /* that of random numbers */
            ck_assert_msg(fabs(share[bin] - 1.0 / BINS) < 4.6 * error[bin], "%s, bin %zu: %g, error %g",
                          names[column], bin, share[bin], error[bin]);
        }
        double bias = flowbd3_calibration_get(c, column, FLOWBD3_CALIBRATION_PIT_BIAS);
        ck_assert_double_lt(fabs(bias),
                            4.6 * flowbd3_calibration_get(c, column, FLOWBD3_CALIBRATION_PIT_BIAS_ERROR));
    }
    flowbd3_calibration_destroy(&c);
    flowbd3_model_destroy(&model);
    flowbd3_table_destroy(&drawn);
    flowbd3_table_destroy(&table);
}
END_TEST

/* Over many tables that the model drew, the figures are their floors on average. The ratio of one table
 * scatters by 0.76 at most, where all bins move together: that of the modulus of a normal number. */
START_TEST(floors_are_what_chance_makes) {
    enum { TABLES = 100, FEW = 500 };
    flowbd3_table *table = mixed_table(ROWS, 1);
    flowbd3_model *model = mixed_model(table, 1, FLOWBD3_COLUMNS_FIXED, false);
    double ratio[4] = {0}, confidence = 0.0;
    for (uint64_t seed = 0; seed < TABLES; seed++) {
        flowbd3_table *drawn = drawn_from(model, FEW, seed);
        flowbd3_calibration *c = calibrated(model, drawn, NULL);
        for (size_t column = 0; column < 4; column++) {
            ratio[column] += flowbd3_calibration_get(c, column, FLOWBD3_CALIBRATION_PIT_L1) /
                             flowbd3_calibration_get(c, column, FLOWBD3_CALIBRATION_PIT_L1_FLOOR) / TABLES;
            bool classes = column == KIND;
            ck_assert_int_eq(isnan(flowbd3_calibration_get(c, column, FLOWBD3_CALIBRATION_ECE)), !classes);
        }
        confidence += flowbd3_calibration_get(c, KIND, FLOWBD3_CALIBRATION_ECE) /
                      flowbd3_calibration_get(c, KIND, FLOWBD3_CALIBRATION_ECE_FLOOR) / TABLES;
        flowbd3_calibration_destroy(&c);
        flowbd3_table_destroy(&drawn);
    }
    double four_errors = 4.0 * 0.76 / sqrt(TABLES);
    printf("# pit_l1 / floor: level %.2f, count %.2f, kind %.2f, x %.2f; ece / floor: kind %.2f\n", ratio[0],
           ratio[1], ratio[2], ratio[3], confidence);
    for (size_t column = 0; column < 4; column++)
        ck_assert_double_eq_tol(ratio[column], 1.0, four_errors);
    ck_assert_double_eq_tol(confidence, 1.0, four_errors);
    flowbd3_model_destroy(&model);
    flowbd3_table_destroy(&table);
}
END_TEST

/* Eight levels more, and kinds that are drawn evenly: far off, and in the direction that they are off. */
START_TEST(other_cells_are_not) {
    static int64_t level[DRAWN];
    flowbd3_table *table = mixed_table(ROWS, 1), *shifted = NULL;
    flowbd3_model *model = mixed_model(table, 1, FLOWBD3_COLUMNS_FIXED, false);
    flowbd3_table *drawn = drawn_from(model, DRAWN, SEED);
    ck_assert_int_eq(flowbd3_table_select(&shifted, drawn, names + 1, 3, NULL), FLOWBD3_OK);
    for (size_t i = 0; i < DRAWN; i++) {
        int64_t v = flowbd3_table_integer(drawn, LEVEL)[i];
        level[i] = v + 8 < LEVELS ? v + 8 : LEVELS - 1;
    }
    ck_assert_int_eq(flowbd3_table_add_integer(shifted, "level", level, NULL, DRAWN, NULL), FLOWBD3_OK);
    flowbd3_calibration *c = calibrated(model, shifted, NULL);
    ck_assert_uint_eq(flowbd3_calibration_bins(c), 10);
    ck_assert_double_gt(flowbd3_calibration_get(c, LEVEL, FLOWBD3_CALIBRATION_PIT_L1),
                        10.0 * flowbd3_calibration_get(c, LEVEL, FLOWBD3_CALIBRATION_PIT_L1_FLOOR));
    ck_assert_double_gt(flowbd3_calibration_get(c, LEVEL, FLOWBD3_CALIBRATION_PIT_BIAS), 0.05);
    flowbd3_calibration_destroy(&c);
    c = calibrated(model, table, NULL); /* kinds by u * u, which the model knows nothing of */
    ck_assert_double_gt(flowbd3_calibration_get(c, KIND, FLOWBD3_CALIBRATION_PIT_L1),
                        5.0 * flowbd3_calibration_get(c, KIND, FLOWBD3_CALIBRATION_PIT_L1_FLOOR));
    ck_assert_double_gt(flowbd3_calibration_get(c, KIND, FLOWBD3_CALIBRATION_ECE),
                        5.0 * flowbd3_calibration_get(c, KIND, FLOWBD3_CALIBRATION_ECE_FLOOR));
    flowbd3_calibration_destroy(&c);
    flowbd3_model_destroy(&model);
    flowbd3_table_destroy(&shifted);
    flowbd3_table_destroy(&drawn);
    flowbd3_table_destroy(&table);
}
END_TEST

/* ---- sequences, threads ------------------------------------------------------------------------ */

/* Blocks of one token, of one flow, of three flows. Whether the state of a trained model's fresh flows flips
 * is predicted about as well as can be. */
static const uint32_t markov_blocks[] = {1, 2, 6};

START_TEST(sequences_are_calibrated) {
    flowbd3_table *flows = markov_table(context, 3), *fresh = markov_table(context, 4);
    flowbd3_model *model = markov_model(flows, markov_blocks[_i], FLOWBD3_COLUMNS_FIXED);
    double l1[2];
    for (int trained = 0; trained < 2; trained++) {
        flowbd3_calibration *c = calibrated(model, fresh, NULL);
        ck_assert_uint_eq(flowbd3_tokenizer_columns(model->tokenizer), 2);
        ck_assert_ptr_null(flowbd3_calibration_histogram(c, 2, NULL));
        l1[trained] = flowbd3_calibration_get(c, 0, FLOWBD3_CALIBRATION_PIT_L1) +
                      flowbd3_calibration_get(c, 1, FLOWBD3_CALIBRATION_PIT_L1);
        flowbd3_calibration_destroy(&c);
        if (!trained)
            markov_train(model, flows, 12);
    }
    ck_assert_double_lt(l1[1], 0.12);
    ck_assert_double_gt(l1[0], 2.0 * l1[1]);
    flowbd3_model_destroy(&model);
    flowbd3_table_destroy(&flows);
    flowbd3_table_destroy(&fresh);
}
END_TEST

START_TEST(threads_change_nothing) {
    double share[2][4][20];
    for (uint32_t threads = 1; threads <= 2; threads++) {
        flowbd3_context_destroy(&context);
        context = toy_context(threads);
        flowbd3_table *table = mixed_table(ROWS, 1);
        flowbd3_model *model = mixed_model(table, block_sizes[_i], FLOWBD3_COLUMNS_AUTO, false);
        flowbd3_calibration *c = calibrated(model, table, NULL);
        for (size_t column = 0; column < 4; column++) {
            const double *error, *shares = flowbd3_calibration_histogram(c, column, &error);
            memcpy(share[threads - 1][column], shares, 10 * sizeof *shares);
            memcpy(share[threads - 1][column] + 10, error, 10 * sizeof *error);
        }
        flowbd3_calibration_destroy(&c);
        flowbd3_model_destroy(&model);
        flowbd3_table_destroy(&table);
    }
    ck_assert_mem_eq(share[0], share[1], sizeof share[0]);
}
END_TEST

/* ---- what training never saw, and bad options -------------------------------------------------- */

START_TEST(unseen_cells_are_at_the_end) {
    enum { N = 4 };
    int64_t level[N] = {5, -3, 6, 1000}, count[N] = {1, 2, 3, 4};
    const uint8_t there[N] = {1, 1, 0, 1};
    const char *kind[N] = {"k0", "new", NULL, "newer"};
    double x[N] = {0.5, -1.0, 2.0, 1e300};
    flowbd3_table *table = mixed_table(ROWS, 1), *odd = NULL;
    flowbd3_model *model = mixed_model(table, 1, FLOWBD3_COLUMNS_FIXED, true);
    ck_assert_int_eq(flowbd3_table_create(&odd, context, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_integer(odd, "level", level, there, N, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_integer(odd, "count", count, NULL, N, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_categorical(odd, "kind", kind, N, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_real(odd, "x", x, NULL, N, NULL), FLOWBD3_OK);
    flowbd3_calibration *c = calibrated(model, odd, NULL);
    ck_assert_double_eq(flowbd3_calibration_get(c, LEVEL, FLOWBD3_CALIBRATION_UNSEEN), 1.0);
    ck_assert_double_eq(flowbd3_calibration_get(c, COUNT, FLOWBD3_CALIBRATION_UNSEEN), 0.0);
    ck_assert_double_eq(flowbd3_calibration_get(c, KIND, FLOWBD3_CALIBRATION_UNSEEN), 2.0);
    ck_assert_double_eq(flowbd3_calibration_get(c, X, FLOWBD3_CALIBRATION_UNSEEN), 0.0);
    ck_assert_double_ge(flowbd3_calibration_histogram(c, KIND, NULL)[9], 0.5);
    ck_assert_double_ge(flowbd3_calibration_histogram(c, X, NULL)[9], 0.1);
    for (size_t column = 0; column < 4; column++) {
        double sum = 0.0;
        for (size_t bin = 0; bin < 10; bin++)
            sum += flowbd3_calibration_histogram(c, column, NULL)[bin];
        ck_assert_double_eq_tol(sum, 1.0, 1e-12);
    }
    flowbd3_calibration_destroy(&c);
    flowbd3_table *one = NULL;
    ck_assert_int_eq(flowbd3_table_slice(&one, odd, 0, 1, NULL), FLOWBD3_OK);
    c = calibrated(model, one, NULL);
    ck_assert(isfinite(flowbd3_calibration_get(c, X, FLOWBD3_CALIBRATION_PIT_L1)));
    ck_assert(isnan(flowbd3_calibration_get(c, X, FLOWBD3_CALIBRATION_PIT_L1_FLOOR)));
    flowbd3_calibration_destroy(&c);
    flowbd3_table_destroy(&one);
    flowbd3_table_destroy(&odd);
    flowbd3_model_destroy(&model);
    flowbd3_table_destroy(&table);
}
END_TEST

static int cancel(void *user, const flowbd3_progress *progress) {
    ck_assert_str_eq(progress->stage, "calibrate");
    (void)user;
    return progress->done > 0;
}

START_TEST(bad_calls_are_named) {
    static const char *const nobody[] = {"c"};
    flowbd3_table *table = mixed_table(ROWS, 1), *few = NULL;
    flowbd3_model *model = mixed_model(table, 1, FLOWBD3_COLUMNS_FIXED, true);
    flowbd3_calibration *c = NULL;
    flowbd3_error err = {0};
    flowbd3_calibration_options options = FLOWBD3_CALIBRATION_OPTIONS_INIT, same;
    ck_assert_int_eq(flowbd3_calibration_options_init(&same, sizeof same), FLOWBD3_OK);
    ck_assert_uint_eq(same.struct_size, options.struct_size);
    ck_assert(same.bins == options.bins && same.order == options.order && same.n_order == options.n_order);
    ck_assert(same.seed == options.seed && same.progress == options.progress &&
              same.progress_user == options.progress_user);
    ck_assert_int_eq(flowbd3_calibration_create(NULL, model, table, NULL, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(flowbd3_calibration_create(&c, NULL, table, NULL, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(flowbd3_calibration_create(&c, model, NULL, NULL, &err), FLOWBD3_ERROR_ARGUMENT);
    for (uint32_t bins = 1; bins <= 1001; bins += 1000) {
        options.bins = bins;
        ck_assert_int_eq(flowbd3_calibration_create(&c, model, table, &options, &err), FLOWBD3_ERROR_RANGE);
        ck_assert_ptr_nonnull(strstr(err.message, "bins"));
    }
    options = same;
    options.order = nobody;
    options.n_order = 1;
    ck_assert_int_eq(flowbd3_calibration_create(&c, model, table, &options, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.message, "'c'"));
    options = same;
    options.progress = cancel;
    ck_assert_int_eq(flowbd3_calibration_create(&c, model, table, &options, &err), FLOWBD3_CANCELLED);
    ck_assert_int_eq(flowbd3_table_select(&few, table, names, 3, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_calibration_create(&c, model, few, NULL, &err), FLOWBD3_ERROR_SCHEMA);
    flowbd3_table_destroy(&few);
    ck_assert_int_eq(flowbd3_table_slice(&few, table, 0, 0, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_calibration_create(&c, model, few, NULL, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.message, "no rows"));
    ck_assert_ptr_null(c);
    flowbd3_calibration_destroy(&c);
    flowbd3_calibration_destroy(NULL);
    ck_assert(isnan(flowbd3_calibration_get(NULL, 0, FLOWBD3_CALIBRATION_PIT_L1)));
    ck_assert_uint_eq(flowbd3_calibration_bins(NULL), 0);
    flowbd3_table_destroy(&few);
    flowbd3_model_destroy(&model);
    flowbd3_table_destroy(&table);
}
END_TEST

int main(void) {
    setenv("CK_FORK", "no", 1);
    Suite *suite = suite_create("calibration");
    TCase *tests = tcase_create("calibration");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, independent_cells_have_the_closed_form, 0, FB3_COUNT(block_sizes));
    tcase_add_test(tests, places_are_what_scores_say);
    tcase_add_loop_test(tests, cells_that_the_model_drew_are_uniform, 0, 2);
    tcase_add_test(tests, floors_are_what_chance_makes);
    tcase_add_test(tests, other_cells_are_not);
    tcase_add_loop_test(tests, sequences_are_calibrated, 0, FB3_COUNT(markov_blocks));
    tcase_add_loop_test(tests, threads_change_nothing, 0, FB3_COUNT(block_sizes));
    tcase_add_test(tests, unseen_cells_are_at_the_end);
    tcase_add_test(tests, bad_calls_are_named);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
