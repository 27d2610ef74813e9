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

/* Time and rows between the first report of progress and the last. */
typedef struct stopwatch {
    double seconds, started, ended;
    uint64_t first, last;
} stopwatch;

static int watch(void *user, const flowbd3_progress *progress) {
    stopwatch *w = user;
    w->last = progress->done;
    w->ended = fb3_seconds();
    if (w->first == 0) {
        w->first = progress->done;
        w->started = w->ended;
    }
    return w->ended - w->started >= w->seconds;
}

static double train(flowbd3_model *model, const flowbd3_table *table, const bench_options *o) {
    flowbd3_trainer *trainer = NULL;
    flowbd3_error err = {0};
    flowbd3_trainer_options options = trainer_options(o, 100000);
    stopwatch w = {.seconds = o->seconds};
    bench_check(flowbd3_trainer_create(&trainer, model, table, NULL, &options, &err), &err);
    flowbd3_status status = flowbd3_trainer_run(trainer, watch, &w, &err);
    if (status != FLOWBD3_CANCELLED)
        bench_check(status, &err);
    flowbd3_trainer_destroy(&trainer);
    return (double)(w.last - w.first) / (w.ended - w.started);
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
    bench_product square = bench_square();
    char crc[9];
    bench_measure(&products, &square, context);
    train_some_steps(model, table, &o, crc);
    double rows = train(model, table, &o), rss = bench_peak_rss_mb();
    bench_ceiling ceiling = bench_measure(&products, &square, context);
    json_t *figures = json_pack("{s:f, s:f, s:f, s:s}", "step_ms", 1e3 * c->batch / rows, "rows_per_s", rows,
                                "peak_rss_mb", rss, "weights_crc32", crc);
    bench_add_ceiling(figures, 3.0 * rows * bench_needed_gflop(c, (double)tokens, masked), &ceiling);
    bench_print(&o, "train", context, figures);
    flowbd3_model_destroy(&model);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
    return 0;
}
