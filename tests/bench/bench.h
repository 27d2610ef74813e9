/* What the benchmark programs share: the reference's two configurations, products at the shapes of its
 * network (products.c), and figures as one JSON line. */
#ifndef BENCH_H
#define BENCH_H

#include "base/base.h"
#include "nn/nn.h"

#include <flowbd3/flowbd3.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* ---- options, data and results (bench.c) ------------------------------------------------------- */

/* The reference system's documented configuration, and that of its quick script. */
typedef struct bench_config {
    const char *name;
    uint32_t bins, batch, width, heads, layers, hidden;
    size_t columns; /* of one slot each */
    double learning_rate;
} bench_config;

typedef struct bench_options {
    const bench_config *config; /* NULL: without sizes */
    bool token_blocks;          /* --blocks token: the library's own default instead of one block a flow */
    bool average; /* --average: keep one of the weights in training, as is the library's default */
    int threads, seconds;
    char *json;
} bench_options;

/* --threads N --seconds N --json FILE, and with sizes --config default|quick --blocks flow|token
 * --average */
bench_options bench_parse(int argc, char **argv, bool sizes);

/* Ends the program with one line. */
void bench_fail(const char *what);
void bench_check(flowbd3_status status, const flowbd3_error *err);

flowbd3_context *bench_context(const bench_options *options);

/* Log-normal columns, as those the reference is timed on. */
flowbd3_table *bench_table(flowbd3_context *context, size_t rows, size_t columns);

/* A model of untrained weights for the table, of the configuration's sizes and the options' blocks. */
flowbd3_model *bench_model(const bench_options *options, const flowbd3_table *table);

double bench_peak_rss_mb(void);

/* Of x[n], which it sorts. */
double bench_median(double *x, size_t n);

/* Prints figures as one JSON line after what they were taken with, and writes them to --json. Takes the
 * reference; frees the options. */
void bench_print(bench_options *options, const char *name, flowbd3_context *context, json_t *figures);

/* ---- products (products.c) --------------------------------------------------------------------- */

enum { BENCH_RATES = 256 }; /* that are kept of a product */

/* The library's product on one thread and on all, and BLIS's own on all; each thread has one of its own. */
enum bench_kind { BENCH_ONE, BENCH_ALL, BENCH_BLIS, BENCH_KINDS };

/* One product of the network; `count` of it a pass. */
typedef struct bench_product {
    const char *matrix; /* qkv, out, up, down */
    fb3_transpose transpose_a, transpose_b;
    size_t m, n, k;
    size_t stride_a, stride_b, stride_c;
    double count;
    double one, all, blis; /* Gflop/s */
    double rates[BENCH_KINDS][BENCH_RATES];
    size_t n_rates;
} bench_product;

typedef struct bench_products {
    bench_product list[12];
    size_t count;
} bench_products;

/* The products of the four matrices of every layer over rows rows: forward. */
bench_products bench_forward_products(const bench_config *config, size_t rows);

/* The same of a training step over rows rows, cut as the library cuts them: forward and the gradients of
 * activations shard by shard, gradients of weights by tiles over all rows. */
bench_products bench_training_products(const bench_config *config, size_t rows, size_t threads);

/* Rows of the shards that the library cuts a batch into. */
size_t bench_shard_rows(size_t rows, size_t threads);

/* Gflop/s over the products, weighed by their operations, and of the library's product of 512-square matrices
 * on all threads. */
typedef struct bench_ceiling {
    double one, all, blis, square;
} bench_ceiling;

/* A round: measures every product once, leaving the rates in it, and returns its ceiling. BLIS keeps the
 * memory that it takes: what is to be counted as peak memory is read before. */
bench_ceiling bench_measure(bench_products *products, bench_product *square, flowbd3_context *context);

/* Leaves in the products the medians of their rates in all rounds, and returns the ceiling of these. */
bench_ceiling bench_medians(bench_products *products, bench_product *square);

/* Work in windows, each between two rounds, for the machine may have other work for a while. */
typedef struct bench_windows {
    flowbd3_context *context;
    bench_products products;
    bench_product square;
    bench_ceiling before;                                 /* of the last round */
    double rates[BENCH_RATES];                            /* of the windows, in Gflop/s */
    double shares[BENCH_RATES], blis_shares[BENCH_RATES]; /* of the library's product, of BLIS's own */
    size_t count;
} bench_windows;

/* Seconds of a window. */
#define BENCH_WINDOW 0.4

/* Measures the first round. */
void bench_windows_begin(bench_windows *windows, const bench_products *products, flowbd3_context *context);

/* Notes a window of work at so many Gflop/s, and measures a round. */
void bench_windows_next(bench_windows *windows, double gflops);

/* Adds medians to figures, with prefix before their names: gflops; those of BLIS's own product, blis_gflops
 * and blis_share; of the library's, ceiling_gflops, ceiling_share, ceiling_one_gflops, square_gflops. */
void bench_windows_add(json_t *figures, const char *prefix, bench_windows *windows);

/* One product of 512-square matrices. */
bench_product bench_square(void);

/* Multiplications and additions in 1e9 that the layers' matrices need for one pass forward of tokens tokens,
 * of which the logits of wanted are asked for: 2 * (4 D^2 + 2 D F) a token and layer; but in the last layer
 * all tokens need keys and values alone, 2 * 2 D^2, and only the wanted ones the rest. Heads, embeddings and
 * attention itself are not counted. */
double bench_needed_gflop(const bench_config *config, double tokens, double wanted);

#endif
