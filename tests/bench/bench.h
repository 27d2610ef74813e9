/* What the benchmark programs share: their two configurations, a ceiling, memory, and JSON lines. */
#ifndef BENCH_H
#define BENCH_H

#include "base/base.h"
#include "nn/nn.h"

#include <flowbd3/flowbd3.h>

#include <jansson.h>
#include <popt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* The reference system's documented configuration, and that of its quick script. */
typedef struct bench_config {
    const char *name;
    uint32_t bins, batch, width, heads, layers, hidden;
    size_t columns;
    double learning_rate;
} bench_config;

static const bench_config bench_configs[] = {{"default", 256, 64, 256, 8, 6, 1024, 8, 3e-4},
                                             {"quick", 128, 32, 512, 16, 16, 1024, 6, 3e-5}};

typedef struct bench_options {
    const bench_config *config;
    int threads, seconds;
    char *json;
} bench_options;

static inline void bench_fail(const char *what) {
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static inline void bench_check(flowbd3_status status, const flowbd3_error *err) {
    if (status != FLOWBD3_OK)
        bench_fail(err->message);
}

/* --config default|quick --threads N --seconds N --json FILE */
static inline bench_options bench_parse(int argc, const char **argv) {
    char *name = NULL;
    bench_options o = {&bench_configs[0], 0, 10, NULL};
    struct poptOption table[] = {
        {"config", 'c', POPT_ARG_STRING, &name, 0, "sizes: default or quick", "NAME"},
        {"threads", 't', POPT_ARG_INT, &o.threads, 0, "threads; 0 = processors online", "N"},
        {"seconds", 's', POPT_ARG_INT, &o.seconds, 0, "least time measured (10)", "N"},
        {"json", 'j', POPT_ARG_STRING, &o.json, 0, "also write the figures to FILE", "FILE"},
        POPT_AUTOHELP POPT_TABLEEND};
    poptContext popt = poptGetContext(NULL, argc, argv, table, 0);
    int rc = poptGetNextOpt(popt);
    if (rc < -1 || poptPeekArg(popt) != NULL || o.threads < 0 || o.seconds < 1)
        bench_fail("wrong usage: see --help");
    poptFreeContext(popt);
    for (size_t i = 0; name != NULL && i < FB3_COUNT(bench_configs); i++)
        if (strcmp(name, bench_configs[i].name) == 0) {
            o.config = &bench_configs[i];
            free(name);
            name = NULL;
        }
    if (name != NULL)
        bench_fail("unknown --config: default or quick");
    return o;
}

/* Log-normal columns, as those the reference stand-in is timed on. */
static inline flowbd3_table *bench_table(flowbd3_context *context, size_t rows, size_t columns) {
    flowbd3_table *table = NULL;
    flowbd3_error err = {0};
    double *values = malloc(rows * sizeof *values);
    bench_check(flowbd3_table_create(&table, context, &err), &err);
    for (size_t c = 0; values != NULL && c < columns; c++) {
        char name[24];
        snprintf(name, sizeof name, "x%zu", c);
        for (size_t r = 0; r < rows; r++) {
            double sum = -6.0; /* twelve uniforms: near enough to normal */
            for (uint32_t i = 0; i < 12; i++)
                sum += fb3_uniform(c, FB3_RANDOM_SPLIT, r, i);
            values[r] = __builtin_exp(sum);
        }
        bench_check(flowbd3_table_add_real(table, name, values, NULL, rows, &err), &err);
    }
    free(values);
    return table;
}

static inline flowbd3_context *bench_context(const bench_options *o) {
    flowbd3_context *context = NULL;
    flowbd3_error err = {0};
    flowbd3_context_options options = FLOWBD3_CONTEXT_OPTIONS_INIT;
    options.threads = (uint32_t)o->threads;
    bench_check(flowbd3_context_create(&context, &options, &err), &err);
    return context;
}

static inline flowbd3_model *bench_model(const bench_config *c, const flowbd3_table *table) {
    flowbd3_tokenizer *tokenizer = NULL;
    flowbd3_model *model = NULL;
    flowbd3_error err = {0};
    flowbd3_tokenizer_options bins = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    flowbd3_model_options sizes = FLOWBD3_MODEL_OPTIONS_INIT;
    bins.binning = FLOWBD3_BINNING_QUANTILE;
    bins.bins = c->bins;
    sizes.d_model = c->width;
    sizes.n_heads = c->heads;
    sizes.n_layers = c->layers;
    sizes.d_ff = c->hidden;
    bench_check(flowbd3_tokenizer_create(&tokenizer, table, &bins, &err), &err);
    bench_check(flowbd3_model_create(&model, tokenizer, &sizes, &err), &err);
    flowbd3_tokenizer_destroy(&tokenizer);
    return model;
}

/* One 512-square product for each thread at a time: what BLIS itself reaches. */
typedef struct bench_products {
    float *a, *b, *c, *scratch;
    size_t repeats;
} bench_products;

enum { BENCH_SQUARE = 512 };

static inline void bench_product(void *argument, size_t i, unsigned worker) {
    const bench_products *p = argument;
    for (size_t r = 0; r < p->repeats; r++)
        fb3_gemm(FB3_PLAIN, FB3_PLAIN, BENCH_SQUARE, BENCH_SQUARE, BENCH_SQUARE, p->a, BENCH_SQUARE + 16,
                 p->b, BENCH_SQUARE + 16, 0.0f, p->c + i * BENCH_SQUARE * (BENCH_SQUARE + 16),
                 BENCH_SQUARE + 16, p->scratch + worker * fb3_gemm_scratch());
}

/* Gflop/s of BLIS on all threads of the context. */
static inline double bench_ceiling(flowbd3_context *context) {
    size_t threads = flowbd3_context_threads(context), size = BENCH_SQUARE * (BENCH_SQUARE + 16);
    bench_products p = {fb3_allocate_floats(context, size), fb3_allocate_floats(context, size),
                        fb3_allocate_floats(context, threads * size),
                        fb3_allocate_floats(context, threads * fb3_gemm_scratch()), 20};
    if (p.a == NULL || p.b == NULL || p.c == NULL)
        bench_fail("out of memory");
    double best = 0.0;
    for (int round = 0; round < 6; round++) { /* the first one warms up */
        double started = fb3_seconds();
        fb3_parallel(context, threads, bench_product, &p);
        double flops = 2.0 * BENCH_SQUARE * BENCH_SQUARE * BENCH_SQUARE * (double)(p.repeats * threads);
        double rate = flops / (fb3_seconds() - started) / 1e9;
        best = rate > best ? rate : best;
    }
    fb3_release_floats(context, p.a);
    fb3_release_floats(context, p.b);
    fb3_release_floats(context, p.c);
    fb3_release_floats(context, p.scratch);
    return best;
}

/* Floats of the matrices that every token passes through. */
static inline double bench_matrix_parameters(const bench_config *c) {
    return c->layers * (4.0 * c->width * c->width + 2.0 * c->width * c->hidden);
}

static inline double bench_peak_rss_mb(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024.0;
}

/* Prints the figures as one JSON line, and writes them to --json. Takes the reference. */
static inline void bench_print(const bench_options *o, json_t *figures) {
    char *text = json_dumps(figures, JSON_REAL_PRECISION(6));
    if (text == NULL)
        bench_fail("out of memory");
    puts(text);
    if (o->json != NULL && json_dump_file(figures, o->json, JSON_REAL_PRECISION(6)) != 0)
        bench_fail("cannot write the --json file");
    free(text);
    free(o->json);
    json_decref(figures);
}

#endif
