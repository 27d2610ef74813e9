/* Evaluates 20,000 rows of 8 columns against 20,000, or with --large 100,000 rows of 20 columns against
 * 100,000, and prints the seconds of its parts, as JSON: taking up the real table (sorts, moments,
 * correlations); marginals, pairs of columns and report, which are a run that compares a single row with its
 * nearest; and the figures made from distances, which are the rest of a whole run. Those are eight searches;
 * their rate counts 2 operations a pair of cells, as if no pair were left out, beside what the library's
 * product reaches. Processor time is that of taking up the table and of the whole run, on all threads: the
 * machine may have other work.
 *
 *   bench-evaluate [--large] [--threads N] [--seconds N] [--json FILE]     the best of as many runs as fit */
#include "bench.h"

#include <math.h>
#include <time.h>

enum { SEARCHES = 8, ROUNDS = 10 };

typedef struct figures {
    double create, marginals, whole;
    double processor; /* of create and whole, on all threads */
} figures;

static double evaluate(flowbd3_context *context, const flowbd3_table *real, const flowbd3_table *other,
                       uint64_t max_rows, double *created) {
    flowbd3_evaluator *evaluator = NULL;
    flowbd3_error err = {0};
    flowbd3_evaluator_options options = FLOWBD3_EVALUATOR_OPTIONS_INIT;
    options.max_rows = max_rows;
    options.max_classifier_rows = 1; /* too few for any */
    double started = fb3_seconds();
    bench_check(flowbd3_evaluator_create(&evaluator, context, real, NULL, &options, &err), &err);
    double between = fb3_seconds();
    bench_check(flowbd3_evaluator_run(evaluator, other, NULL, NULL, &err), &err);
    double ended = fb3_seconds();
    flowbd3_evaluator_destroy(&evaluator);
    *created = fmin(*created, between - started);
    return ended - between;
}

/* Takes --large out of the arguments. */
static bool take_large(int *argc, char **argv) {
    for (int i = 1; i < *argc; i++)
        if (strcmp(argv[i], "--large") == 0) {
            memmove(argv + i, argv + i + 1, (size_t)(*argc - i) * sizeof *argv);
            (*argc)--;
            return true;
        }
    return false;
}

int main(int argc, char **argv) {
    bool large = take_large(&argc, argv);
    size_t rows = large ? 100000 : 20000, columns = large ? 20 : 8;
    bench_options o = bench_parse(argc, argv, false);
    flowbd3_error err = {0};
    flowbd3_context *context = bench_context(&o);
    flowbd3_table *table = bench_table(context, 2 * rows, columns), *real = NULL, *other = NULL;
    bench_check(flowbd3_table_slice(&real, table, 0, rows, &err), &err);
    bench_check(flowbd3_table_slice(&other, table, rows, rows, &err), &err);
    figures f = {HUGE_VAL, HUGE_VAL, HUGE_VAL, HUGE_VAL};
    double started = fb3_seconds();
    do {
        f.marginals = fmin(f.marginals, evaluate(context, real, other, 1, &f.create));
        clock_t before = clock();
        f.whole = fmin(f.whole, evaluate(context, real, other, 0, &f.create));
        f.processor = fmin(f.processor, (double)(clock() - before) / CLOCKS_PER_SEC);
    } while (fb3_seconds() - started < o.seconds);
    double rss = bench_peak_rss_mb(), neighbours = f.whole - f.marginals;
    bench_products none = {.count = 0};
    bench_product square = bench_square();
    for (int round = 0; round < ROUNDS; round++)
        bench_measure(&none, &square, context);
    bench_medians(&none, &square);
    double gflops = 2e-9 * SEARCHES * (double)(rows * rows * columns) / neighbours;
    bench_print(&o, "evaluate", context,
                json_pack("{s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "rows", (json_int_t)rows,
                          "create_seconds", f.create, "marginal_seconds", f.marginals, "neighbour_seconds",
                          neighbours, "seconds", f.create + f.whole, "processor_seconds", f.processor,
                          "neighbour_gflops", gflops, "square_gflops", square.all, "peak_rss_mb", rss));
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&other);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
    return 0;
}
