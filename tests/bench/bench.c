/* Options, data and results of the benchmark programs. */
#include "bench.h"

#include <math.h>
#include <popt.h>
#include <stdio.h>
#include <sys/resource.h>

static const bench_config configs[] = {{"default", 256, 64, 256, 8, 6, 1024, 8, 3e-4},
                                       {"quick", 128, 32, 512, 16, 16, 1024, 6, 3e-5}};

void bench_fail(const char *what) {
    fprintf(stderr, "%s\n", what);
    exit(1);
}

void bench_check(flowbd3_status status, const flowbd3_error *err) {
    if (status != FLOWBD3_OK)
        bench_fail(err->message);
}

/* ---- options ----------------------------------------------------------------------------------- */

static const bench_config *find_config(char *name) {
    const bench_config *found = name == NULL ? &configs[0] : NULL;
    for (size_t i = 0; found == NULL && i < FB3_COUNT(configs); i++)
        if (strcmp(name, configs[i].name) == 0)
            found = &configs[i];
    free(name);
    return found;
}

static void wrong_usage(const char *what) {
    fprintf(stderr, "%s\n", what);
    exit(2);
}

static void take_sizes(bench_options *o, char *name, char *blocks) {
    o->config = find_config(name);
    if (o->config == NULL)
        wrong_usage("unknown --config, expected default or quick");
    if (blocks != NULL && strcmp(blocks, "flow") != 0 && strcmp(blocks, "token") != 0)
        wrong_usage("unknown --blocks, expected flow or token");
    o->token_blocks = blocks != NULL && strcmp(blocks, "token") == 0;
    free(blocks);
}

bench_options bench_parse(int argc, char **argv, bool sizes) {
    char *name = NULL, *blocks = NULL;
    bench_options o = {.seconds = 10};
    int average = 0;
    struct poptOption of_model[] = {
        {"config", 'c', POPT_ARG_STRING, &name, 0, "sizes: default or quick", "NAME"},
        {"blocks", 'b', POPT_ARG_STRING, &blocks, 0, "blocks of a flow or of a token (flow)", "NAME"},
        {"average", 'a', POPT_ARG_NONE, &average, 0, "keep an average of the weights in training", NULL},
        POPT_TABLEEND};
    struct poptOption table[] = {
        {"threads", 't', POPT_ARG_INT, &o.threads, 0, "threads; 0 = processors online", "N"},
        {"seconds", 's', POPT_ARG_INT, &o.seconds, 0, "least time measured (10)", "N"},
        {"json", 'j', POPT_ARG_STRING, &o.json, 0, "also write the figures to FILE", "FILE"},
        POPT_AUTOHELP{NULL, 0, POPT_ARG_INCLUDE_TABLE, of_model, 0, "The model:", NULL},
        POPT_TABLEEND};
    if (!sizes)
        table[FB3_COUNT(table) - 2] = table[FB3_COUNT(table) - 1];
    poptContext popt = poptGetContext(NULL, argc, (const char **)argv, table, 0);
    int rc = poptGetNextOpt(popt);
    if (rc < -1 || poptPeekArg(popt) != NULL || o.threads < 0 || o.seconds < 1)
        wrong_usage("wrong usage: see --help");
    poptFreeContext(popt);
    o.average = average != 0;
    if (sizes)
        take_sizes(&o, name, blocks);
    return o;
}

/* ---- data -------------------------------------------------------------------------------------- */

flowbd3_context *bench_context(const bench_options *o) {
    flowbd3_context *context = NULL;
    flowbd3_error err = {0};
    flowbd3_context_options options = FLOWBD3_CONTEXT_OPTIONS_INIT;
    options.threads = (uint32_t)o->threads;
    bench_check(flowbd3_context_create(&context, &options, &err), &err);
    return context;
}

flowbd3_table *bench_table(flowbd3_context *context, size_t rows, size_t columns) {
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
            values[r] = exp(sum);
        }
        bench_check(flowbd3_table_add_real(table, name, values, NULL, rows, &err), &err);
    }
    free(values);
    return table;
}

flowbd3_model *bench_model(const bench_options *o, const flowbd3_table *table) {
    const bench_config *c = o->config;
    flowbd3_tokenizer *tokenizer = NULL;
    flowbd3_model *model = NULL;
    flowbd3_error err = {0};
    flowbd3_tokenizer_options bins = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    flowbd3_model_options sizes = FLOWBD3_MODEL_OPTIONS_INIT;
    bins.binning = FLOWBD3_BINNING_QUANTILE;
    bins.bins = c->bins;
    bench_check(flowbd3_tokenizer_create(&tokenizer, table, &bins, &err), &err);
    if (flowbd3_tokenizer_slots(tokenizer) != c->columns)
        bench_fail("the tokenizer has not one slot a column");
    sizes.d_model = c->width;
    sizes.n_heads = c->heads;
    sizes.n_layers = c->layers;
    sizes.d_ff = c->hidden;
    sizes.block_size = o->token_blocks ? 1 : (uint32_t)c->columns;
    bench_check(flowbd3_model_create(&model, tokenizer, &sizes, &err), &err);
    flowbd3_tokenizer_destroy(&tokenizer);
    return model;
}

/* ---- results ----------------------------------------------------------------------------------- */

double bench_peak_rss_mb(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024.0;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(double *x, size_t n) {
    qsort(x, n, sizeof *x, ascending);
    return 0.5 * (x[(n - 1) / 2] + x[n / 2]);
}

void bench_print(bench_options *o, const char *name, flowbd3_context *context, json_t *figures) {
    json_t *all = json_pack("{s:s, s:I, s:s}", "bench", name, "threads",
                            (json_int_t)flowbd3_context_threads(context), "build", flowbd3_build_info());
    json_t *sizes = o->config == NULL ? json_object()
                                      : json_pack("{s:s, s:s}", "config", o->config->name, "blocks",
                                                  o->token_blocks ? "token" : "flow");
    if (json_object_update(all, sizes) != 0 || json_object_update(all, figures) != 0)
        bench_fail("out of memory");
    json_decref(sizes);
    char *text = json_dumps(all, JSON_REAL_PRECISION(6));
    if (text == NULL)
        bench_fail("out of memory");
    puts(text);
    if (o->json != NULL && json_dump_file(all, o->json, JSON_REAL_PRECISION(6)) != 0)
        bench_fail("cannot write the --json file");
    free(text);
    free(o->json);
    json_decref(all);
    json_decref(figures);
}
