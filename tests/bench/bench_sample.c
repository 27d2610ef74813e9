/* Exact sampling at the reference's configurations, one slot an evaluation: rows per second, and the share of
 * the BLIS ceiling.
 *
 * gflops counts what the weights' products need (bench_needed_gflop) for a row of S slots: S - 1 evaluations
 * of S tokens with one wanted in blocks of a flow; S - 1 tokens once decided and S - 1 once masked and wanted
 * in blocks of a token, whose keys and values are kept. The first evaluation is not counted: nothing is
 * decided then, and it is the same for every row.
 *
 * rows_crc32 is that of the first rows: the same for any number of threads. */
#include "bench.h"

#include "sampler/sampler.h"

#include <stdio.h>
#include <zlib.h>

enum { FIRST_ROWS = 128 };

static int ignore(void *user, const flowbd3_table *chunk) {
    *(uint64_t *)user += flowbd3_table_rows(chunk);
    return 0;
}

static int sum_up(void *user, const flowbd3_table *chunk) {
    uLong *crc = user;
    for (size_t c = 0; c < flowbd3_table_columns(chunk); c++)
        *crc = crc32_z(*crc, (const void *)flowbd3_table_real(chunk, c),
                       flowbd3_table_rows(chunk) * sizeof(double));
    return 0;
}

static fb3_sampler_sizes sampler_sizes(const flowbd3_model *model) {
    fb3_sampler_sizes sizes;
    flowbd3_error err = {0};
    flowbd3_sampler_options options = FLOWBD3_SAMPLER_OPTIONS_INIT;
    bench_check(fb3_sampler_measure(&sizes, model, &options, &err), &err);
    return sizes;
}

/* A sampler that has drawn once; crc: of its first rows. */
static flowbd3_sampler *warm_sampler(const flowbd3_model *model, uint64_t rows, char crc[9]) {
    flowbd3_sampler *sampler = NULL;
    flowbd3_error err = {0};
    uLong sum = 0;
    uint64_t done = 0;
    bench_check(flowbd3_sampler_create(&sampler, model, NULL, &err), &err);
    bench_check(flowbd3_sampler_stream(sampler, FIRST_ROWS, sum_up, &sum, NULL, NULL, &err), &err);
    snprintf(crc, 9, "%08lx", sum & 0xffffffff);
    flowbd3_sampler_seek(sampler, rows * (FIRST_ROWS / rows + 1)); /* where no tile is cut */
    bench_check(flowbd3_sampler_stream(sampler, rows, ignore, &done, NULL, NULL, &err), &err);
    return sampler;
}

/* Rows per second in windows, rows at a time. */
static double sample(flowbd3_sampler *sampler, const bench_options *o, uint64_t rows, double gflop_a_row,
                     bench_windows *windows) {
    flowbd3_error err = {0};
    uint64_t done = 0;
    double elapsed = 0.0;
    while (elapsed < o->seconds) {
        uint64_t before = done;
        double started = fb3_seconds(), window;
        do {
            bench_check(flowbd3_sampler_stream(sampler, rows, ignore, &done, NULL, NULL, &err), &err);
            window = fb3_seconds() - started;
        } while (window < BENCH_WINDOW);
        elapsed += window;
        bench_windows_next(windows, (double)(done - before) * gflop_a_row / window);
    }
    return (double)done / elapsed;
}

int main(int argc, char **argv) {
    bench_options o = bench_parse(argc, argv, true);
    const bench_config *c = o.config;
    flowbd3_context *context = bench_context(&o);
    flowbd3_table *table = bench_table(context, 4096, c->columns);
    flowbd3_model *model = bench_model(&o, table);
    fb3_sampler_sizes sizes = sampler_sizes(model);
    bench_products products = bench_forward_products(c, sizes.limits.rows);
    bench_windows windows;
    char crc[9];
    double decided = (double)c->columns - 1.0;
    double tokens = o.token_blocks ? 2.0 * decided : decided * (double)c->columns;
    uint64_t at_once = 4 * sizes.tile * flowbd3_context_threads(context); /* a few tiles for every thread */
    flowbd3_sampler *sampler = warm_sampler(model, at_once, crc);
    double rss = bench_peak_rss_mb();
    bench_windows_begin(&windows, &products, context);
    double rows = sample(sampler, &o, at_once, bench_needed_gflop(c, tokens, decided), &windows);
    json_t *figures = json_pack("{s:f, s:f, s:s}", "rows_per_s", rows, "peak_rss_mb", rss, "rows_crc32", crc);
    bench_windows_add(figures, "", &windows);
    bench_print(&o, "sample", context, figures);
    flowbd3_sampler_destroy(&sampler);
    flowbd3_model_destroy(&model);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
    return 0;
}
