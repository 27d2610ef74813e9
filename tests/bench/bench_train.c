/* Training steps at the reference's configurations: rows per second, and the share of the BLIS ceiling.
 *
 * gflops counts 3 passes forward of what the weights' products need (bench_needed_gflop): forward, gradients
 * of activations, gradients of weights. A flow of S slots in one block is S tokens, of which (S + 1) / 2 are
 * masked on average; in blocks of a token it is S - 1 clean tokens and S masked ones.
 * No average of the weights is kept, as in the reference, but with --average.
 *
 * threads_gain is the median ratio of the rates of all threads and of one, in pairs of windows that take
 * turns: the machine's own speed is then that of the same second.
 *
 * weights_crc32 is that of the weights after four steps: the same for any number of threads. */
#include "bench.h"

#include "model/model.h"

#include <stdio.h>
#include <zlib.h>

enum { ROWS = 4096, STEPS = 4 };

static flowbd3_trainer_options trainer_options(const bench_options *o, uint32_t epochs) {
    flowbd3_trainer_options options = FLOWBD3_TRAINER_OPTIONS_INIT;
    options.batch_size = o->config->batch;
    options.learning_rate = o->config->learning_rate;
    options.ema_decay = o->average ? 0.0 : -1.0;
    options.epochs = epochs;
    return options;
}

/* Warms up, too. */
static void train_some_steps(flowbd3_model *model, const flowbd3_table *table, const bench_options *o,
                             char crc[9]) {
    flowbd3_table *some = NULL;
    flowbd3_trainer *trainer = NULL;
    flowbd3_error err = {0};
    flowbd3_trainer_options options = trainer_options(o, 1);
    bench_check(flowbd3_table_slice(&some, table, 0, (size_t)STEPS * o->config->batch, &err), &err);
    bench_check(flowbd3_trainer_create(&trainer, model, some, NULL, &options, &err), &err);
    bench_check(flowbd3_trainer_run(trainer, NULL, NULL, &err), &err);
    flowbd3_trainer_destroy(&trainer);
    flowbd3_table_destroy(&some);
    uLong sum = crc32_z(0, (const void *)model->parameters, model->layout->size * sizeof *model->parameters);
    snprintf(crc, 9, "%08lx", sum & 0xffffffff);
}

/* Rows in windows of time, from the first report of progress on. */
typedef struct stopwatch {
    bench_windows *windows;
    double gflop_a_row, seconds, started, elapsed; /* of the window, of those before */
    uint64_t first;                                /* rows at its start */
    uint64_t rows;                                 /* in all windows */
} stopwatch;

static int watch(void *user, const flowbd3_progress *progress) {
    stopwatch *w = user;
    double now = fb3_seconds(), window = now - w->started;
    if (w->first != 0 && window < BENCH_WINDOW)
        return 0;
    if (w->first != 0) {
        uint64_t rows = progress->done - w->first;
        w->rows += rows;
        w->elapsed += window;
        bench_windows_next(w->windows, (double)rows * w->gflop_a_row / window);
    }
    w->first = progress->done;
    w->started = fb3_seconds();
    return w->elapsed >= w->seconds;
}

static void train(flowbd3_model *model, const flowbd3_table *table, const bench_options *o, stopwatch *w) {
    flowbd3_trainer *trainer = NULL;
    flowbd3_error err = {0};
    flowbd3_trainer_options options = trainer_options(o, 100000);
    bench_check(flowbd3_trainer_create(&trainer, model, table, NULL, &options, &err), &err);
    flowbd3_status status = flowbd3_trainer_run(trainer, watch, w, &err);
    if (status != FLOWBD3_CANCELLED)
        bench_check(status, &err);
    flowbd3_trainer_destroy(&trainer);
}

/* ---- all threads beside one --------------------------------------------------------------------- */

/* A training of its own, of which a window runs at a time. */
typedef struct runner {
    flowbd3_context *context;
    flowbd3_table *table;
    flowbd3_model *model;
    flowbd3_trainer *trainer;
    double started;
    uint64_t done;
} runner;

static void start(runner *r, const bench_options *o, int threads) {
    bench_options own = *o;
    own.threads = threads;
    flowbd3_error err = {0};
    flowbd3_trainer_options options = trainer_options(o, 100000);
    r->context = bench_context(&own);
    r->table = bench_table(r->context, ROWS, o->config->columns);
    r->model = bench_model(&own, r->table);
    bench_check(flowbd3_trainer_create(&r->trainer, r->model, r->table, NULL, &options, &err), &err);
}

static void stop(runner *r) {
    flowbd3_trainer_destroy(&r->trainer);
    flowbd3_model_destroy(&r->model);
    flowbd3_table_destroy(&r->table);
    flowbd3_context_destroy(&r->context);
}

static int end_of_window(void *user, const flowbd3_progress *progress) {
    runner *r = user;
    r->done = progress->done;
    return fb3_seconds() - r->started >= BENCH_WINDOW;
}

/* Rows per second in whole steps of a window. */
static double rate_of_window(runner *r) {
    flowbd3_error err = {0};
    uint64_t before = r->done;
    r->started = fb3_seconds();
    if (flowbd3_trainer_run(r->trainer, end_of_window, r, &err) != FLOWBD3_CANCELLED)
        bench_fail("training ended before its window");
    return (double)(r->done - before) / (fb3_seconds() - r->started);
}

enum { MOST_PAIRS = 1000 };

static double gain_of_threads(const bench_options *o) {
    runner one = {0}, all = {0};
    double ratios[MOST_PAIRS], begin;
    size_t pairs = 0;
    start(&one, o, 1);
    start(&all, o, o->threads);
    (void)rate_of_window(&one);
    (void)rate_of_window(&all);
    begin = fb3_seconds();
    do {
        double before = rate_of_window(&one), between = rate_of_window(&all), after = rate_of_window(&one);
        ratios[pairs++] = 2.0 * between / (before + after);
    } while (pairs < MOST_PAIRS && fb3_seconds() - begin < o->seconds);
    stop(&one);
    stop(&all);
    return bench_median(ratios, pairs);
}

int main(int argc, char **argv) {
    bench_options o = bench_parse(argc, argv, true);
    const bench_config *c = o.config;
    flowbd3_context *context = bench_context(&o);
    flowbd3_table *table = bench_table(context, ROWS, c->columns);
    flowbd3_model *model = bench_model(&o, table);
    size_t slots = c->columns, tokens = o.token_blocks ? 2 * slots - 1 : slots;
    double masked = o.token_blocks ? (double)slots : 0.5 * ((double)slots + 1.0);
    bench_products products = bench_training_products(c, c->batch * tokens, flowbd3_context_threads(context));
    bench_windows windows;
    char crc[9];
    train_some_steps(model, table, &o, crc);
    double rss = bench_peak_rss_mb();
    bench_windows_begin(&windows, &products, context);
    stopwatch w = {.windows = &windows,
                   .gflop_a_row = 3.0 * bench_needed_gflop(c, (double)tokens, masked),
                   .seconds = o.seconds};
    train(model, table, &o, &w);
    double rows = (double)w.rows / w.elapsed;
    json_t *figures = json_pack("{s:f, s:f, s:f, s:s}", "step_ms", 1e3 * c->batch / rows, "rows_per_s", rows,
                                "peak_rss_mb", rss, "weights_crc32", crc);
    bench_windows_add(figures, "", &windows);
    if (flowbd3_context_threads(context) > 1)
        json_object_set_new(figures, "threads_gain", json_real(gain_of_threads(&o)));
    bench_print(&o, "train", context, figures);
    flowbd3_model_destroy(&model);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
    return 0;
}
