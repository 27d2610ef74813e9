/* Exact sampling at the reference's configurations: rows per second, and the share of the BLIS ceiling. */
#include "bench.h"

static int ignore(void *user, const flowbd3_table *chunk) {
    *(uint64_t *)user += flowbd3_table_rows(chunk);
    return 0;
}

int main(int argc, char **argv) {
    bench_options o = bench_parse(argc, (const char **)argv);
    const bench_config *c = o.config;
    flowbd3_error err = {0};
    flowbd3_context *context = bench_context(&o);
    flowbd3_table *table = bench_table(context, 4096, c->columns);
    flowbd3_model *model = bench_model(c, table);
    flowbd3_sampler *sampler = NULL;
    uint64_t rows = 0;
    bench_check(flowbd3_sampler_create(&sampler, model, NULL, &err), &err);
    bench_check(flowbd3_sampler_stream(sampler, 64, ignore, &rows, NULL, NULL, &err), &err);
    rows = 0;
    double started = fb3_seconds(), seconds;
    do {
        bench_check(flowbd3_sampler_stream(sampler, 512, ignore, &rows, NULL, NULL, &err), &err);
        seconds = fb3_seconds() - started;
    } while (seconds < o.seconds);
    double rss = bench_peak_rss_mb(), rate = (double)rows / seconds, tokens = (double)c->columns;
    double gflops =
        2.0 * bench_matrix_parameters(c) * tokens * tokens * rate / 1e9; /* a pass over all slots for each */
    bench_print(&o,
                json_pack("{s:s, s:s, s:I, s:f, s:f, s:f, s:f}", "bench", "sample", "config", c->name,
                          "threads", (json_int_t)flowbd3_context_threads(context), "rows_per_s", rate,
                          "gflops", gflops, "ceiling_gflops", bench_ceiling(context), "peak_rss_mb", rss));
    flowbd3_sampler_destroy(&sampler);
    flowbd3_model_destroy(&model);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
    return 0;
}
