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

/* Prints figures as one JSON line after what they were taken with, and writes them to --json. Takes the
 * reference; frees the options. */
void bench_print(bench_options *options, const char *name, flowbd3_context *context, json_t *figures);

/* ---- products (products.c) --------------------------------------------------------------------- */

enum { BENCH_RATES = 256 }; /* that are kept of a product */

/* One product of the network; `count` of it a pass. */
typedef struct bench_product {
    const char *matrix; /* qkv, out, up, down */
    fb3_transpose transpose_a, transpose_b;
    size_t m, n, k;
    size_t stride_a, stride_b, stride_c;
    double count;
    double one, all; /* Gflop/s, medians: of one thread, of all, each with a product of its own */
    double rates[2][BENCH_RATES];
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

/* What BLIS reaches in Gflop/s: over the products, weighed by their operations, on one thread and on all of
 * the context's; and for products of 512-square matrices, on all. */
typedef struct bench_ceiling {
    double one, all, square;
} bench_ceiling;

/* Measures products, leaving the median of all rates seen so far in each, and returns the ceiling. To be
 * called before and after the timed work, since the machine may have other work. Its few megabytes are given
 * back; what is to be counted as peak memory is read before the second call. */
bench_ceiling bench_measure(bench_products *products, bench_product *square, flowbd3_context *context);

/* One product of 512-square matrices. */
bench_product bench_square(void);

/* Multiplications and additions in 1e9 that the layers' matrices need for one pass forward of tokens tokens,
 * of which the logits of wanted are asked for: 2 * (4 D^2 + 2 D F) a token and layer; but in the last layer
 * all tokens need keys and values alone, 2 * 2 D^2, and only the wanted ones the rest. Heads, embeddings and
 * attention itself are not counted. */
double bench_needed_gflop(const bench_config *config, double tokens, double wanted);

/* Adds rate and ceiling to figures: gflops, ceiling_gflops, ceiling_share, ceiling_one_gflops,
 * square_gflops. */
void bench_add_ceiling(json_t *figures, double gflops, const bench_ceiling *ceiling);

#endif
