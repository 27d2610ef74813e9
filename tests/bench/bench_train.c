/* Training steps at the reference's configurations: rows per second, and the share of the BLIS ceiling.
 *
 * gflops counts 3 passes forward of what the weights' products need (bench_needed_gflop): forward, gradients
 * of activations, gradients of weights. A flow of S slots in one block is S tokens, of which (S + 1) / 2 are
 * masked on average; in blocks of a token it is S - 1 clean tokens and S masked ones.
 * No average of the weights is kept, as in the reference, but with --average.
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
    bench_print(&o, "train", context, figures);
    flowbd3_model_destroy(&model);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
    return 0;
}
