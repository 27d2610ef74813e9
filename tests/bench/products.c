/* Products at the shapes of the network: what bounds the programs that train, sample and score. */
#include "bench.h"
#include "model/network_internal.h"

#include <stdio.h>

/* Columns of a weight gradient that are one task of the library (lib/model/backward.c); side of the square
 * product; operations of a measurement, a few milliseconds. */
enum { TILE = 256, SQUARE = 512, OPERATIONS = 500000000 };

/* ---- shapes ------------------------------------------------------------------------------------ */

typedef struct matrix {
    const char *name;
    size_t in, out;
} matrix;

enum { MATRICES = 4 };

static void list_matrices(matrix matrices[MATRICES], const bench_config *c) {
    size_t d = c->width, f = c->hidden;
    matrices[0] = (matrix){"qkv", d, 3 * d};
    matrices[1] = (matrix){"out", d, d};
    matrices[2] = (matrix){"up", d, f};
    matrices[3] = (matrix){"down", f, d};
}

/* y[rows, out] = x[rows, in] w[in, out]. */
static bench_product forward(const matrix *w, size_t rows, double count) {
    return (bench_product){.matrix = w->name,
                           .m = rows,
                           .n = w->out,
                           .k = w->in,
                           .stride_a = fb3_stride(w->in),
                           .stride_b = fb3_stride(w->out),
                           .stride_c = fb3_stride(w->out),
                           .count = count};
}

/* dx[rows, in] = dy[rows, out] w'. */
static bench_product activation_gradient(const matrix *w, size_t rows, double count) {
    return (bench_product){.matrix = w->name,
                           .transpose_b = FB3_TRANSPOSED,
                           .m = rows,
                           .n = w->in,
                           .k = w->out,
                           .stride_a = fb3_stride(w->out),
                           .stride_b = fb3_stride(w->out),
                           .stride_c = fb3_stride(w->in),
                           .count = count};
}

/* A tile dw[in, TILE] = x' dy[rows, TILE]; a narrower last tile counts as a share of one. */
static bench_product weight_gradient(const matrix *w, size_t rows, double layers) {
    size_t columns = w->out < TILE ? w->out : TILE;
    return (bench_product){.matrix = w->name,
                           .transpose_a = FB3_TRANSPOSED,
                           .m = w->in,
                           .n = columns,
                           .k = rows,
                           .stride_a = fb3_stride(w->in),
                           .stride_b = fb3_stride(w->out),
                           .stride_c = fb3_stride(w->out),
                           .count = (double)w->out / (double)columns * layers};
}

bench_products bench_forward_products(const bench_config *c, size_t rows) {
    bench_products p = {.count = 0};
    matrix matrices[MATRICES];
    list_matrices(matrices, c);
    for (size_t i = 0; i < MATRICES; i++)
        p.list[p.count++] = forward(&matrices[i], rows, c->layers);
    return p;
}

size_t bench_shard_rows(size_t rows, size_t threads) {
    size_t most = FB3_SHARD_SLICES * FB3_SLICE_ROWS;
    return rows / threads < most ? rows / threads : most;
}

bench_products bench_training_products(const bench_config *c, size_t rows, size_t threads) {
    bench_products p = {.count = 0};
    matrix matrices[MATRICES];
    list_matrices(matrices, c);
    size_t shard = bench_shard_rows(rows, threads);
    double shards = (double)rows / (double)shard;
    for (size_t i = 0; i < MATRICES; i++) {
        p.list[p.count++] = forward(&matrices[i], shard, shards * c->layers);
        p.list[p.count++] = activation_gradient(&matrices[i], shard, shards * c->layers);
        p.list[p.count++] = weight_gradient(&matrices[i], rows, c->layers);
    }
    return p;
}

bench_product bench_square(void) {
    size_t stride = fb3_stride(SQUARE);
    return (bench_product){.matrix = "square",
                           .m = SQUARE,
                           .n = SQUARE,
                           .k = SQUARE,
                           .stride_a = stride,
                           .stride_b = stride,
                           .stride_c = stride,
                           .count = 1.0};
}

double bench_needed_gflop(const bench_config *c, double tokens, double wanted) {
    double d = c->width, keys_and_values = 2.0 * d * d, rest = 2.0 * d * d + 2.0 * d * c->hidden;
    return 2e-9 * (tokens * (c->layers * keys_and_values + (c->layers - 1.0) * rest) + wanted * rest);
}

/* ---- rates ------------------------------------------------------------------------------------- */

/* Operands of a product: b is shared, a and c are each thread's own. */
typedef struct operands {
    const bench_product *product;
    bool blis;
    size_t repeats, each_a, each_c;
    float *a, *b, *c, *scratch;
} operands;

static size_t floats_of_a(const bench_product *p) {
    return (p->transpose_a == FB3_PLAIN ? p->m : p->k) * p->stride_a;
}

static size_t floats_of_b(const bench_product *p) {
    return (p->transpose_b == FB3_PLAIN ? p->k : p->n) * p->stride_b;
}

static size_t floats_of_c(const bench_product *p) {
    return p->m * p->stride_c;
}

static void multiply(void *argument, size_t i, unsigned worker) {
    const operands *o = argument;
    const bench_product *p = o->product;
    const float *a = o->a + i * o->each_a;
    float *c = o->c + i * o->each_c;
    for (size_t r = 0; r < o->repeats; r++)
        if (o->blis)
            fb3_gemm_blis(p->transpose_a, p->transpose_b, p->m, p->n, p->k, a, p->stride_a, o->b, p->stride_b,
                          0.0f, c, p->stride_c);
        else
            fb3_gemm(p->transpose_a, p->transpose_b, p->m, p->n, p->k, a, p->stride_a, o->b, p->stride_b,
                     0.0f, c, p->stride_c, o->scratch + worker * fb3_gemm_scratch());
}

/* Gflop/s of a product on each of so many threads. */
static double rate(operands *o, const bench_product *p, bool blis, flowbd3_context *context, size_t threads) {
    double operations = 2.0 * (double)p->m * (double)p->n * (double)p->k;
    o->product = p;
    o->blis = blis;
    o->repeats = 1 + (size_t)(OPERATIONS / operations);
    double started = fb3_seconds();
    fb3_parallel(context, threads, multiply, o);
    return operations * (double)(o->repeats * threads) / (fb3_seconds() - started) / 1e9;
}

static float *numbers(flowbd3_context *context, size_t count) {
    float *x = fb3_allocate_floats(context, count);
    if (x == NULL)
        bench_fail("out of memory");
    for (size_t i = 0; i < count; i++)
        x[i] = (float)(i * 37 % 64) / 32.0f - 1.0f;
    return x;
}

static double median(const double *rates, size_t count) {
    double sorted[BENCH_RATES];
    memcpy(sorted, rates, count * sizeof *rates);
    return bench_median(sorted, count);
}

/* All operations over all time. */
static bench_ceiling weigh(const bench_products *p, const bench_product *square) {
    double operations = 0.0, one = 0.0, all = 0.0, blis = 0.0;
    for (size_t i = 0; i < p->count; i++) {
        const bench_product *product = &p->list[i];
        double of_it = product->count * (double)product->m * (double)product->n * (double)product->k;
        operations += of_it;
        one += of_it / product->one;
        all += of_it / product->all;
        blis += of_it / product->blis;
    }
    return (bench_ceiling){operations / one, operations / all, operations / blis, square->all};
}

static size_t list_all(bench_product **list, bench_products *products, bench_product *square) {
    for (size_t i = 0; i < products->count; i++)
        list[i] = &products->list[i];
    list[products->count] = square;
    return products->count + 1;
}

static operands make_operands(bench_product *const *list, size_t count, flowbd3_context *context) {
    size_t threads = flowbd3_context_threads(context), a = 0, b = 0, c = 0;
    for (size_t i = 0; i < count; i++) {
        a = floats_of_a(list[i]) > a ? floats_of_a(list[i]) : a;
        b = floats_of_b(list[i]) > b ? floats_of_b(list[i]) : b;
        c = floats_of_c(list[i]) > c ? floats_of_c(list[i]) : c;
    }
    return (operands){.each_a = a,
                      .each_c = c,
                      .a = numbers(context, threads * a),
                      .b = numbers(context, b),
                      .c = numbers(context, threads * c),
                      .scratch = numbers(context, threads * fb3_gemm_scratch())};
}

/* Takes the products in turn, so that what disturbs one for a while does not take all of its rounds. */
bench_ceiling bench_measure(bench_products *products, bench_product *square, flowbd3_context *context) {
    bench_product *list[FB3_COUNT(products->list) + 1];
    size_t count = list_all(list, products, square), threads = flowbd3_context_threads(context);
    operands o = make_operands(list, count, context);
    for (size_t i = 0; i < count; i++) {
        bench_product *p = list[i];
        rate(&o, p, false, context, threads); /* warms up */
        p->rates[BENCH_ALL][p->n_rates] = p->all = rate(&o, p, false, context, threads);
        p->rates[BENCH_ONE][p->n_rates] = p->one = threads > 1 ? rate(&o, p, false, context, 1) : p->all;
        p->rates[BENCH_BLIS][p->n_rates] = p->blis = rate(&o, p, true, context, threads);
        p->n_rates += p->n_rates + 1 < BENCH_RATES;
    }
    fb3_release_floats(context, o.a);
    fb3_release_floats(context, o.b);
    fb3_release_floats(context, o.c);
    fb3_release_floats(context, o.scratch);
    return weigh(products, square);
}

bench_ceiling bench_medians(bench_products *products, bench_product *square) {
    bench_product *list[FB3_COUNT(products->list) + 1];
    size_t count = list_all(list, products, square);
    for (size_t i = 0; i < count; i++) {
        list[i]->one = median(list[i]->rates[BENCH_ONE], list[i]->n_rates);
        list[i]->all = median(list[i]->rates[BENCH_ALL], list[i]->n_rates);
        list[i]->blis = median(list[i]->rates[BENCH_BLIS], list[i]->n_rates);
    }
    return weigh(products, square);
}

/* ---- windows ----------------------------------------------------------------------------------- */

void bench_windows_begin(bench_windows *w, const bench_products *products, flowbd3_context *context) {
    memset(w, 0, sizeof *w);
    w->context = context;
    w->products = *products;
    w->square = bench_square();
    w->before = bench_measure(&w->products, &w->square, context);
}

void bench_windows_next(bench_windows *w, double gflops) {
    bench_ceiling behind = bench_measure(&w->products, &w->square, w->context);
    w->rates[w->count] = gflops;
    w->shares[w->count] = gflops / (0.5 * (w->before.all + behind.all));
    w->blis_shares[w->count] = gflops / (0.5 * (w->before.blis + behind.blis));
    w->before = behind;
    w->count += w->count + 1 < BENCH_RATES;
}

static void add_real(json_t *figures, const char *prefix, const char *name, double value) {
    char key[64];
    snprintf(key, sizeof key, "%s%s", prefix, name);
    if (figures == NULL || json_object_set_new(figures, key, json_real(value)) != 0)
        bench_fail("out of memory");
}

void bench_windows_add(json_t *figures, const char *prefix, bench_windows *w) {
    bench_ceiling ceiling = bench_medians(&w->products, &w->square);
    add_real(figures, prefix, "gflops", median(w->rates, w->count));
    add_real(figures, prefix, "blis_gflops", ceiling.blis);
    add_real(figures, prefix, "blis_share", median(w->blis_shares, w->count));
    add_real(figures, prefix, "ceiling_gflops", ceiling.all);
    add_real(figures, prefix, "ceiling_share", median(w->shares, w->count));
    add_real(figures, prefix, "ceiling_one_gflops", ceiling.one);
    add_real(figures, prefix, "square_gflops", ceiling.square);
}
