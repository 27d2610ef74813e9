/* Scores at the reference's configurations, by masks and by the chain rule: rows per second, and the share of
 * the BLIS ceiling.
 *
 * gflops counts what the weights' products need (bench_needed_gflop) for a flow of S slots. In one block:
 * NELBO, 16 draws of S tokens, of which a share of 1 / S masks everything and is the same for every flow, the
 * others want S / 2 on average; EXACT, S - 1 evaluations of S tokens with one wanted. In blocks of a token: S
 * - 1 clean tokens and S - 1 masked ones a draw, of which NELBO has 16 and EXACT one. */
#include "bench.h"

enum { ROWS = 512, DRAWS = 16 };

static void score_once(const flowbd3_model *model, const flowbd3_table *table, flowbd3_score_method method) {
    static double nll[ROWS];
    flowbd3_error err = {0};
    flowbd3_score_options options = FLOWBD3_SCORE_OPTIONS_INIT;
    options.method = method;
    bench_check(flowbd3_model_score(model, table, &options, nll, NULL, &err), &err);
}

/* Rows per second of a method, in windows. */
static double score(const flowbd3_model *model, const flowbd3_table *table, const bench_options *o,
                    flowbd3_score_method method, double gflop_a_row, bench_windows *windows) {
    double elapsed = 0.0, done = 0.0;
    while (elapsed < o->seconds) {
        double started = fb3_seconds(), window, rows = 0.0;
        do {
            score_once(model, table, method);
            rows += ROWS;
            window = fb3_seconds() - started;
        } while (window < BENCH_WINDOW);
        elapsed += window;
        done += rows;
        bench_windows_next(windows, rows * gflop_a_row / window);
    }
    return done / elapsed;
}

int main(int argc, char **argv) {
    bench_options o = bench_parse(argc, argv, true);
    const bench_config *c = o.config;
    flowbd3_error err = {0};
    flowbd3_context *context = bench_context(&o);
    flowbd3_table *table = bench_table(context, 4096, c->columns), *scored = NULL;
    flowbd3_model *model = bench_model(&o, table);
    bench_check(flowbd3_table_slice(&scored, table, 0, ROWS, &err), &err);
    size_t slots = c->columns, tokens = o.token_blocks ? 2 * slots - 1 : slots;
    bench_products products =
        bench_forward_products(c, bench_shard_rows(ROWS * tokens, flowbd3_context_threads(context)));
    double decided = (double)slots - 1.0, of_flow = decided * (double)slots;
    double of_nelbo = o.token_blocks ? bench_needed_gflop(c, 2.0 * decided, decided)
                                     : bench_needed_gflop(c, decided, 0.5 * decided);
    double of_exact = bench_needed_gflop(c, o.token_blocks ? 2.0 * decided : of_flow, decided);
    bench_windows of_masks, of_chain;
    score_once(model, scored, FLOWBD3_SCORE_NELBO);
    score_once(model, scored, FLOWBD3_SCORE_EXACT);
    double rss = bench_peak_rss_mb();
    bench_windows_begin(&of_masks, &products, context);
    double nelbo = score(model, scored, &o, FLOWBD3_SCORE_NELBO, DRAWS * of_nelbo, &of_masks);
    bench_windows_begin(&of_chain, &products, context);
    double exact = score(model, scored, &o, FLOWBD3_SCORE_EXACT, of_exact, &of_chain);
    json_t *figures =
        json_pack("{s:f, s:f, s:f}", "rows_per_s", exact, "nelbo_rows_per_s", nelbo, "peak_rss_mb", rss);
    bench_windows_add(figures, "nelbo_", &of_masks);
    bench_windows_add(figures, "", &of_chain);
    bench_print(&o, "score", context, figures);
    flowbd3_model_destroy(&model);
    flowbd3_table_destroy(&scored);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
    return 0;
}
