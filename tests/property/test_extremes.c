/* Whatever the table and the options, every step from fitting to the report ends with a status, and what it
 * hands out is finite where a number is promised: extreme cells, rates, batches and temperatures.
 *
 * FLOWBD3_EXTREMES_SECONDS says for how long (`bash .ci/deep extremes SECONDS`); without it, four seconds.
 * FLOWBD3_EXTREMES_FIRST is the first seed. */
#include "../unit/test_main.h"
#include "base/base.h"

#include <flowbd3/flowbd3.h>

#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MOST_ROWS = 90, MOST_COLUMNS = 5, DRAWN = 30 };

typedef struct dice {
    uint64_t seed, next;
} dice;

static size_t below(dice *d, size_t n) {
    return (size_t)(fb3_uniform(d->seed, FB3_RANDOM_SUBSAMPLE, d->next++, 0) * (double)n);
}

static double pick(dice *d, const double *from, size_t count) {
    return from[below(d, count)];
}
#define PICK(d, ...) pick(d, (const double[]){__VA_ARGS__}, FB3_COUNT(((const double[]){__VA_ARGS__})))

/* ---- tables ------------------------------------------------------------------------------------- */

static const double reals[] = {0.0,           -0.0,    DBL_MAX,    -DBL_MAX, DBL_MIN, DBL_TRUE_MIN,
                               -DBL_TRUE_MIN, 1e-310,  -3e-320,    1e308,    -1e308,  1e300,
                               1e-300,        1.0,     -1.0,       0.1,      1e15,    9007199254740993.0,
                               5e-324,        1.7e308, DBL_EPSILON};
static const int64_t integers[] = {INT64_MIN,
                                   INT64_MIN + 1,
                                   INT64_MAX,
                                   INT64_MAX - 1,
                                   0,
                                   1,
                                   -1,
                                   INT32_MAX,
                                   INT32_MIN,
                                   (int64_t)1 << 53,
                                   ((int64_t)1 << 53) + 1,
                                   -((int64_t)1 << 62)};

static void add_column(dice *d, flowbd3_table *t, size_t rows) {
    static const char *const texts[] = {"a", "b", "", "0", "-0", "nan", "1e400", "\xc3\xa9", ","};
    double real[MOST_ROWS];
    int64_t integer[MOST_ROWS];
    const char *text[MOST_ROWS];
    uint8_t valid[MOST_ROWS];
    char name[24];
    size_t type = below(d, 5), distinct = 1 + below(d, 6), missing = below(d, 4), spread = below(d, 4);
    size_t offset = below(d, 100);
    for (size_t i = 0; i < rows; i++) {
        size_t k = offset + below(d, distinct);
        double u = fb3_uniform(d->seed, FB3_RANDOM_SPLIT, i, (uint32_t)offset);
        valid[i] = missing > 1 || below(d, 5) != 0;
        real[i] = reals[k % FB3_COUNT(reals)];
        integer[i] = integers[k % FB3_COUNT(integers)];
        text[i] = texts[k % FB3_COUNT(texts)];
        if (spread == 0) { /* all different */
            real[i] *= u;
            integer[i] = (int64_t)((double)integer[i] * u * 0.999);
        }
        if (spread == 1 && real[i] != 0.0 && fabs(real[i]) < 1.0)
            real[i] = ldexp(u, -1074 + (int)below(d, 60)); /* denormal */
    }
    (void)snprintf(name, sizeof name, "c%zu", flowbd3_table_columns(t));
    flowbd3_status status = type < 2    ? flowbd3_table_add_real(t, name, real, valid, rows, NULL)
                            : type == 2 ? flowbd3_table_add_integer(t, name, integer, valid, rows, NULL)
                            : type == 3 ? flowbd3_table_add_timestamp(t, name, integer, valid, rows, NULL)
                                        : flowbd3_table_add_categorical(t, name, text, rows, NULL);
    ck_assert_int_eq(status, FLOWBD3_OK);
}

static flowbd3_table *random_table(dice *d, flowbd3_context *context) {
    static const size_t few[] = {0, 1, 2, 3};
    size_t rows = below(d, 3) == 0 ? few[below(d, 4)] : 1 + below(d, MOST_ROWS - 1);
    size_t columns = below(d, 4) == 0 ? 1 : 1 + below(d, MOST_COLUMNS);
    flowbd3_table *t = NULL;
    ck_assert_int_eq(flowbd3_table_create(&t, context, NULL), FLOWBD3_OK);
    for (size_t i = 0; i < columns; i++)
        add_column(d, t, rows);
    return t;
}

/* ---- what callers are promised ------------------------------------------------------------------- */

/* The statuses that input may lead to; nothing was cancelled, and files and memory are there. */
static bool done(flowbd3_status status, const flowbd3_error *err, uint64_t seed, const char *call) {
    if (status == FLOWBD3_OK)
        return true;
    bool expected = status == FLOWBD3_ERROR_ARGUMENT || status == FLOWBD3_ERROR_FORMAT ||
                    status == FLOWBD3_ERROR_SCHEMA || status == FLOWBD3_ERROR_RANGE ||
                    status == FLOWBD3_ERROR_NUMERIC;
    ck_assert_msg(expected && err->status == status && err->message[0] != '\0', "seed %llu: %s: %s: %s",
                  (unsigned long long)seed, call, flowbd3_status_name(status), err->message);
    fprintf(stderr, "%s: %s\n", call, err->message);
    return false;
}
#define DONE(d, function, ...) done(function(__VA_ARGS__, &err), &err, (d)->seed, #function)

/* No cell of a generated table is a NaN or an infinity where it counts as there. */
static void all_finite(const flowbd3_table *t, uint64_t seed) {
    for (size_t c = 0; c < flowbd3_table_columns(t); c++) {
        const double *cells = flowbd3_table_real(t, c);
        const uint8_t *valid = flowbd3_table_valid(t, c);
        for (size_t i = 0; cells != NULL && i < flowbd3_table_rows(t); i++)
            ck_assert_msg((valid != NULL && !valid[i]) || isfinite(cells[i]),
                          "seed %llu: column %zu, row %zu: %g", (unsigned long long)seed, c, i, cells[i]);
    }
}

/* ---- the steps ---------------------------------------------------------------------------------- */

typedef struct chain {
    dice *d;
    flowbd3_context *context;
    flowbd3_table *table, *rows;
    flowbd3_tokenizer *tokenizer;
    flowbd3_model *model;
    const char *path;
} chain;

static void write_and_read(chain *x) {
    flowbd3_error err = {0};
    flowbd3_table *back = NULL;
    if (DONE(x->d, flowbd3_table_write_csv, x->table, x->path, NULL) && flowbd3_table_rows(x->table) > 0 &&
        DONE(x->d, flowbd3_table_read_csv, &back, x->context, x->path, NULL))
        all_finite(back, x->d->seed);
    flowbd3_table_destroy(&back);
}

static bool fit(chain *x) {
    flowbd3_error err = {0};
    flowbd3_tokenizer_options options = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    flowbd3_column_codec codec = {"c0", (flowbd3_codec)below(x->d, 5), 2 * (uint32_t)below(x->d, 2)};
    options.binning = (flowbd3_binning)below(x->d, 4);
    options.bins = (uint32_t)PICK(x->d, 0.0, 2.0, 3.0, 300.0);
    options.codecs = &codec;
    options.n_codecs = below(x->d, 2);
    options.rare_rows = (uint32_t)PICK(x->d, 0.0, 0.0, 0.0, 2.0);
    if (below(x->d, 8) == 0)
        options.order_by = "c1";
    if (!DONE(x->d, flowbd3_tokenizer_create, &x->tokenizer, x->table, &options))
        return false;
    size_t rows = flowbd3_table_rows(x->table), slots = flowbd3_tokenizer_slots(x->tokenizer);
    uint16_t *tokens = malloc((rows * slots + 1) * sizeof *tokens);
    flowbd3_table *back = NULL;
    ck_assert_ptr_nonnull(tokens);
    if (DONE(x->d, flowbd3_tokenizer_encode, x->tokenizer, x->table, tokens) &&
        DONE(x->d, flowbd3_tokenizer_decode, x->tokenizer, tokens, rows, (flowbd3_decoding)below(x->d, 2),
             x->d->seed, 0, &back))
        all_finite(back, x->d->seed);
    flowbd3_table_destroy(&back);
    free(tokens);
    for (size_t slot = 0; slot < slots; slot++)
        for (size_t token = 0; token < flowbd3_tokenizer_vocabulary(x->tokenizer, slot); token++)
            ck_assert(!isinf(flowbd3_tokenizer_centre(x->tokenizer, slot, token)));
    return true;
}

static void check_history(const flowbd3_trainer *trainer, uint64_t seed) {
    for (size_t i = 0; i < flowbd3_trainer_epochs(trainer); i++) {
        flowbd3_epoch e = FLOWBD3_EPOCH_INIT;
        ck_assert_int_eq(flowbd3_trainer_get_epoch(trainer, i, &e, NULL), FLOWBD3_OK);
        ck_assert_msg(
            isfinite(e.train_loss) && isfinite(e.gradient_norm) && isfinite(e.learning_rate) &&
                !isinf(e.validation_nelbo) && !isinf(e.loss_variance) && !isinf(e.unclipped_variance),
            "seed %llu: epoch %zu: loss %g, norm %g, rate %g, validation %g", (unsigned long long)seed, i,
            e.train_loss, e.gradient_norm, e.learning_rate, e.validation_nelbo);
    }
}

static bool train(chain *x) {
    flowbd3_error err = {0};
    flowbd3_model_options sizes = FLOWBD3_MODEL_OPTIONS_INIT;
    sizes.d_model = 16;
    sizes.n_heads = 2;
    sizes.n_layers = 1;
    sizes.block_size = (uint32_t)PICK(x->d, 0.0, 0.0, 1.0, 2.0);
    sizes.dropout = PICK(x->d, 0.0, -1.0, 0.999999);
    sizes.sequence_length = (uint32_t)PICK(x->d, 0.0, 1.0, 4.0);
    if (!DONE(x->d, flowbd3_model_create, &x->model, x->tokenizer, &sizes))
        return false;
    flowbd3_trainer_options options = FLOWBD3_TRAINER_OPTIONS_INIT;
    options.epochs = 1 + (uint32_t)below(x->d, 3);
    options.batch_size = (uint32_t)PICK(x->d, 0.0, 1.0, 7.0, 1000.0, 65536.0);
    options.learning_rate = below(x->d, 16) == 0 ? 1e30 : PICK(x->d, 0.0, 1e-2, 1e-30, 9.9, 5e-324);
    options.weight_decay = PICK(x->d, 0.0, -1.0, 9.9);
    options.gradient_clip = PICK(x->d, 0.0, -1.0, 1e-30, 1e30);
    options.epsilon = PICK(x->d, 0.0, 1e-30, 0.99);
    options.beta1 = PICK(x->d, 0.0, 0.999999);
    options.beta2 = PICK(x->d, 0.0, 1e-9);
    options.ema_decay = PICK(x->d, 0.0, -1.0, 0.9999999);
    options.noise = (flowbd3_noise)below(x->d, 2);
    options.schedule = options.noise == FLOWBD3_NOISE_LEVEL ? (flowbd3_schedule)below(x->d, 5) : 0;
    options.validation_share = PICK(x->d, 0.0, 0.0, 0.3);
    options.latest_path = x->path;
    (void)unlink(x->path);
    flowbd3_trainer *trainer = NULL;
    if (!DONE(x->d, flowbd3_trainer_create, &trainer, x->model, x->table, NULL, &options))
        return false;
    bool whole = DONE(x->d, flowbd3_trainer_run, trainer, NULL, NULL);
    check_history(trainer, x->d->seed);
    if (whole) { /* the checkpoint of the end is a model */
        flowbd3_model *loaded = NULL;
        ck_assert_msg(flowbd3_model_load(&loaded, x->context, x->path, &err) == FLOWBD3_OK, "seed %llu: %s",
                      (unsigned long long)x->d->seed, err.message);
        flowbd3_model_destroy(&loaded);
    }
    flowbd3_trainer_destroy(&trainer);
    return true; /* what a training that diverged leaves is a model too */
}

static void score(chain *x) {
    flowbd3_error err = {0};
    size_t rows = flowbd3_table_rows(x->table);
    double nll[MOST_ROWS], errors[MOST_ROWS];
    flowbd3_score_options options = FLOWBD3_SCORE_OPTIONS_INIT;
    options.method = (flowbd3_score_method)below(x->d, 2);
    options.draws = options.method == FLOWBD3_SCORE_EXACT ? 2 : 4;
    if (DONE(x->d, flowbd3_model_score, x->model, x->table, &options, nll, errors))
        for (size_t i = 0; i < rows; i++)
            ck_assert_msg(isfinite(nll[i]) && isfinite(errors[i]), "seed %llu: row %zu: %g, error %g",
                          (unsigned long long)x->d->seed, i, nll[i], errors[i]);
    flowbd3_calibration *calibration = NULL;
    if (DONE(x->d, flowbd3_calibration_create, &calibration, x->model, x->table, NULL))
        for (size_t c = 0; c < flowbd3_table_columns(x->table); c++)
            for (int figure = 0; figure <= FLOWBD3_CALIBRATION_UNSEEN; figure++)
                ck_assert(
                    !isinf(flowbd3_calibration_get(calibration, c, (flowbd3_calibration_figure)figure)));
    flowbd3_calibration_destroy(&calibration);
}

static bool sample(chain *x) {
    flowbd3_error err = {0};
    flowbd3_sampler *sampler = NULL;
    flowbd3_sampler_options options = FLOWBD3_SAMPLER_OPTIONS_INIT;
    options.order = (flowbd3_order)below(x->d, 10);
    options.temperature = PICK(x->d, 0.0, 1e-6, 1e6);
    options.top_p = PICK(x->d, 0.0, 1e-9, 0.5, 1e-300);
    options.batch_size = (uint32_t)PICK(x->d, 0.0, 1.0, 3.0, 100.0);
    options.decoding = (flowbd3_decoding)below(x->d, 2);
    options.draws = (flowbd3_draws)below(x->d, 2);
    options.seed = x->d->seed;
    bool sampled = DONE(x->d, flowbd3_sampler_create, &sampler, x->model, &options) &&
                   DONE(x->d, flowbd3_sampler_generate, sampler, DRAWN, &x->rows, NULL, NULL);
    flowbd3_sampler_destroy(&sampler);
    if (sampled)
        all_finite(x->rows, x->d->seed);
    return sampled;
}

static void evaluate(chain *x) {
    flowbd3_error err = {0};
    flowbd3_evaluator *evaluator = NULL;
    flowbd3_evaluator_options options = FLOWBD3_EVALUATOR_OPTIONS_INIT;
    options.groups = below(x->d, 4) == 0 ? 0 : 1U | 2U | 8U;
    options.bootstrap = (uint32_t)PICK(x->d, 0.0, 0.0, 3.0);
    if (below(x->d, 4) == 0) {
        options.groups |= options.groups != 0 ? 32U : 0;
        options.order_by = "c0";
    }
    char *json = NULL;
    if (DONE(x->d, flowbd3_evaluator_create, &evaluator, x->context, x->table,
             below(x->d, 2) == 0 ? x->table : NULL, &options) &&
        DONE(x->d, flowbd3_evaluator_run, evaluator, x->rows, NULL, NULL)) {
        for (size_t i = 0; i < flowbd3_evaluator_count(evaluator); i++) {
            double value;
            const char *name = flowbd3_evaluator_figure(evaluator, i, &value);
            ck_assert_msg(!isinf(value), "seed %llu: %s is %g", (unsigned long long)x->d->seed, name, value);
        }
        ck_assert(DONE(x->d, flowbd3_evaluator_to_json, evaluator, &json));
        ck_assert_msg(strstr(json, "inf") == NULL && strstr(json, "nan") == NULL, "seed %llu",
                      (unsigned long long)x->d->seed);
        flowbd3_string_destroy(x->context, &json);
    }
    flowbd3_evaluator_destroy(&evaluator);
}

/* Tables that came so far. */
typedef struct reached {
    uint64_t fitted, trained, sampled;
} reached;

static void go_through(flowbd3_context *context, const char *path, uint64_t seed, reached *r) {
    dice d = {.seed = seed};
    chain x = {.d = &d, .context = context, .path = path};
    x.table = random_table(&d, context);
    write_and_read(&x);
    bool fitted = fit(&x), trained = fitted && train(&x), sampled = false;
    if (trained) {
        score(&x);
        sampled = sample(&x);
    }
    if (sampled)
        evaluate(&x);
    r->fitted += fitted;
    r->trained += trained;
    r->sampled += sampled;
    flowbd3_table_destroy(&x.rows);
    flowbd3_model_destroy(&x.model);
    flowbd3_tokenizer_destroy(&x.tokenizer);
    flowbd3_table_destroy(&x.table);
}

START_TEST(nothing_but_numbers_comes_out) {
    const char *seconds = getenv("FLOWBD3_EXTREMES_SECONDS"), *first = getenv("FLOWBD3_EXTREMES_FIRST");
    double end = fb3_seconds() + (seconds != NULL ? atof(seconds) : 4.0);
    char directory[] = "/tmp/flowbd3-extremes-XXXXXX", path[PATH_MAX];
    flowbd3_context *context = NULL;
    flowbd3_context_options options = FLOWBD3_CONTEXT_OPTIONS_INIT;
    ck_assert_ptr_nonnull(mkdtemp(directory));
    (void)snprintf(path, sizeof path, "%s/file", directory);
    options.threads = 2;
    ck_assert_int_eq(flowbd3_context_create(&context, &options, NULL), FLOWBD3_OK);
    uint64_t seed = first != NULL ? strtoull(first, NULL, 10) : 0, begin = seed;
    reached r = {0};
    do
        go_through(context, path, seed++, &r);
    while (seed < begin + 20 || fb3_seconds() < end);
    printf("# %llu tables: %llu fitted, %llu trained on, %llu sampled from and judged\n",
           (unsigned long long)(seed - begin), (unsigned long long)r.fitted, (unsigned long long)r.trained,
           (unsigned long long)r.sampled);
    ck_assert_uint_gt(r.sampled, 0);
    flowbd3_context_destroy(&context);
    (void)unlink(path);
    ck_assert_int_eq(rmdir(directory), 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("extremes");
    TCase *tests = tcase_create("extremes");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, nothing_but_numbers_comes_out);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
