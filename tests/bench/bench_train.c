/* Training steps at the reference's configurations: rows per second, and the share of the BLIS ceiling. */
#include "bench.h"

#include <math.h>

typedef struct clock_state {
    uint64_t batch;
    double seconds, started;
    uint64_t first, last;
} clock_state;

/* Starts the clock after three steps and stops the run when the time is up. */
static int watch(void *user, const flowbd3_progress *progress) {
    clock_state *c = user;
    if (progress->done >= 3 * c->batch && c->first == 0) {
        c->first = progress->done;
        c->started = fb3_seconds();
    }
    c->last = progress->done;
    return c->first != 0 && c->last > c->first && fb3_seconds() - c->started >= c->seconds;
}

int main(int argc, char **argv) {
    bench_options o = bench_parse(argc, (const char **)argv);
    const bench_config *c = o.config;
    flowbd3_error err = {0};
    flowbd3_context *context = bench_context(&o);
    flowbd3_table *table = bench_table(context, 4096, c->columns);
    flowbd3_model *model = bench_model(c, table);
    flowbd3_trainer *trainer = NULL;
    flowbd3_trainer_options options = FLOWBD3_TRAINER_OPTIONS_INIT;
    options.batch_size = c->batch;
    options.learning_rate = c->learning_rate;
    options.epochs = 10000;
    clock_state state = {.batch = c->batch, .seconds = o.seconds};
    bench_check(flowbd3_trainer_create(&trainer, model, table, NULL, &options, &err), &err);
    flowbd3_status status = flowbd3_trainer_run(trainer, watch, &state, &err);
    if (status != FLOWBD3_CANCELLED)
        bench_check(status, &err);
    double seconds = fb3_seconds() - state.started, trained = (double)(state.last - state.first);
    double rss = bench_peak_rss_mb(), rows = trained / seconds;
    double gflops = 6.0 * bench_matrix_parameters(c) * (double)c->columns * rows / 1e9;
    bench_print(&o, json_pack("{s:s, s:s, s:I, s:f, s:f, s:f, s:f, s:f}", "bench", "train", "config", c->name,
                              "threads", (json_int_t)flowbd3_context_threads(context), "step_ms",
                              1e3 * c->batch / rows, "rows_per_s", rows, "gflops", gflops, "ceiling_gflops",
                              bench_ceiling(context), "peak_rss_mb", rss));
    flowbd3_trainer_destroy(&trainer);
    flowbd3_model_destroy(&model);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
    return 0;
}
