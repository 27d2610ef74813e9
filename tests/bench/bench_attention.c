/* Attention alone, on one thread, for sequences of 8 to 16384 tokens in blocks of 8 as a joint pass trains on
 * them: microseconds of processor time per row and layer, the rate of the products of pairs that see each
 * other, and scratch memory, forward, backward, and for the last block of a sequence whose other keys are
 * cached. Then steps of a trainer on one sequence of 1,000 flows. */
#include "bench.h"
#include "model/joint.h"

#include <time.h>

enum { BLOCK = 8, SEQUENCE_FLOWS = 1000, ROUNDS = 10 };

static const size_t lengths[] = {8, 64, 512, 4096, 16384};

/* Seconds that this thread has run: the machine may have other work. */
static double processor_seconds(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- the kernels ------------------------------------------------------------------------------- */

/* Sequences of one length, one behind the other. */
typedef struct problem {
    flowbd3_context *context;
    const fb3_kernels *kernels;
    fb3_attention shape;
    size_t width, stride, stride_qkv;
    size_t sequences, rows, n_groups; /* rows and groups of one */
    fb3_query_group *groups;
    double pairs; /* of a sequence that see each other */
    float *inputs, *qkv, *out, *dout, *log_sums, *scratch;
} problem;

static float *floats(const problem *p, size_t count) {
    float *x = fb3_allocate_floats(p->context, count);
    if (x == NULL)
        bench_fail("out of memory");
    return x;
}

static float *noise(const problem *p, size_t count) {
    float *x = floats(p, count);
    for (size_t i = 0; i < count; i++)
        x[i] = (float)(fb3_uniform(5, FB3_RANDOM_SPLIT, i, 0) - 0.5);
    return x;
}

static void add_group(problem *p, size_t query, size_t before, size_t owned) {
    p->groups[p->n_groups++] = (fb3_query_group){.query = (uint32_t)query,
                                                 .queries = BLOCK,
                                                 .before = (uint32_t)before,
                                                 .own = (uint32_t)(owned > 0 ? query : 0),
                                                 .owned = (uint32_t)owned};
    p->pairs += BLOCK * (double)(before + owned);
}

/* The joint pass of model/joint.h over tokens tokens. */
static problem joint_problem(flowbd3_context *context, const bench_config *c, size_t tokens) {
    size_t clean = tokens - BLOCK;
    problem p = {.context = context,
                 .kernels = fb3_kernels_best(),
                 .shape = {.heads = c->heads, .head_width = c->width / c->heads, .keys = clean + tokens},
                 .width = c->width,
                 .stride = fb3_stride(c->width),
                 .stride_qkv = fb3_stride(3 * c->width),
                 .sequences = tokens < 512 ? 512 / tokens : 1,
                 .rows = clean + tokens};
    p.groups = malloc((clean + tokens) / BLOCK * sizeof *p.groups);
    if (p.groups == NULL)
        bench_fail("out of memory");
    for (size_t begin = 0; begin < clean; begin += BLOCK)
        add_group(&p, begin, begin + BLOCK, 0);
    for (size_t begin = 0; begin < tokens; begin += BLOCK)
        add_group(&p, clean + begin, begin, BLOCK);
    size_t rows = p.sequences * p.rows;
    size_t forward = fb3_attention_forward_scratch(&p.shape, p.rows),
           backward = fb3_attention_backward_scratch(&p.shape, p.rows);
    p.inputs = noise(&p, rows * p.stride_qkv);
    p.qkv = floats(&p, rows * p.stride_qkv);
    p.out = floats(&p, rows * p.stride);
    p.dout = noise(&p, rows * p.stride);
    p.log_sums = floats(&p, rows * c->heads);
    p.scratch = floats(&p, forward > backward ? forward : backward);
    return p;
}

static void release(problem *p) {
    float *const arrays[] = {p->inputs, p->qkv, p->out, p->dout, p->log_sums, p->scratch};
    for (size_t i = 0; i < FB3_COUNT(arrays); i++)
        fb3_release_floats(p->context, arrays[i]);
    free(p->groups);
}

static void forward(problem *p, const fb3_dropout *dropout) {
    size_t d = p->width, s3 = p->stride_qkv, all = p->sequences * p->rows;
    for (size_t row = 0; row < all; row += p->rows) {
        const float *qkv = p->qkv + row * s3;
        p->kernels->attention_forward(p->out + row * p->stride, p->stride, p->log_sums + row, all, qkv, s3,
                                      qkv + d, qkv + 2 * d, s3, p->groups, p->n_groups, &p->shape, dropout,
                                      row, p->scratch);
    }
}

static void backward(problem *p, const fb3_dropout *dropout) {
    size_t all = p->sequences * p->rows;
    for (size_t row = 0; row < all; row += p->rows)
        p->kernels->attention_backward(p->qkv + row * p->stride_qkv, p->stride_qkv, p->out + row * p->stride,
                                       p->dout + row * p->stride, p->stride, p->log_sums + row, all, p->rows,
                                       p->groups, p->n_groups, &p->shape, dropout, row, p->scratch);
}

/* The last block of every sequence, the other tokens' keys and values in a cache: rows of 2 D floats. */
static void cached_block(problem *p, const float *cache, size_t stride, size_t tokens) {
    fb3_query_group group = {.queries = BLOCK, .before = (uint32_t)tokens};
    fb3_dropout none = {.rate = 0.0f};
    for (size_t i = 0; i < p->sequences; i++) {
        const float *k = cache + i * tokens * stride;
        p->kernels->attention_forward(p->out + i * BLOCK * p->stride, p->stride, NULL, 0,
                                      p->inputs + i * BLOCK * p->stride_qkv, p->stride_qkv, k, k + p->width,
                                      stride, &group, 1, &p->shape, &none, 0, p->scratch);
    }
}

/* Least seconds of a run, of as many as fit into the time, but one at least. */
typedef struct best_times {
    double forward, backward, cached;
} best_times;

static best_times measure(problem *p, size_t tokens, double seconds) {
    fb3_dropout dropout = {.rate = 0.1f, .seed = 1};
    size_t stride = fb3_stride(2 * p->width);
    float *cache = noise(p, p->sequences * tokens * stride);
    best_times best = {1e9, 1e9, 1e9};
    double began = processor_seconds();
    do {
        memcpy(p->qkv, p->inputs, p->sequences * p->rows * p->stride_qkv * sizeof *p->qkv);
        double a = processor_seconds();
        forward(p, &dropout);
        double b = processor_seconds();
        backward(p, &dropout);
        double c = processor_seconds();
        cached_block(p, cache, stride, tokens);
        double d = processor_seconds();
        best.forward = b - a < best.forward ? b - a : best.forward;
        best.backward = c - b < best.backward ? c - b : best.backward;
        best.cached = d - c < best.cached ? d - c : best.cached;
    } while (processor_seconds() - began < seconds);
    fb3_release_floats(p->context, cache);
    return best;
}

/* A score and a weighted value are 4 D operations for all heads, their five products backward 10 D. */
static json_t *kernel_figures(flowbd3_context *context, const bench_config *c, size_t tokens,
                              double seconds) {
    problem p = joint_problem(context, c, tokens);
    best_times t = measure(&p, tokens, seconds);
    double rows = (double)(p.sequences * p.rows), n = (double)p.sequences, d = (double)p.width;
    double pairs = n * p.pairs, cached_pairs = n * BLOCK * (double)tokens;
    json_t *figures = json_pack(
        "{s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "tokens", (json_int_t)tokens, "rows",
        (json_int_t)p.rows, "keys_per_row", p.pairs / (double)p.rows, "forward_us_per_row",
        1e6 * t.forward / rows, "forward_gflops", 4e-9 * d * pairs / t.forward, "backward_us_per_row",
        1e6 * t.backward / rows, "backward_gflops", 10e-9 * d * pairs / t.backward, "cached_us_per_block",
        1e6 * t.cached / n, "cached_gflops", 4e-9 * d * cached_pairs / t.cached, "forward_scratch_kb",
        (double)fb3_attention_forward_scratch(&p.shape, p.rows) / 256.0, "backward_scratch_kb",
        (double)fb3_attention_backward_scratch(&p.shape, p.rows) / 256.0);
    release(&p);
    return figures;
}

/* ---- a long sequence --------------------------------------------------------------------------- */

typedef struct steps {
    double last, best;
    int done;
} steps;

/* Every epoch is one step; the first one touches the memory. */
static int watch(void *user, const flowbd3_progress *progress) {
    steps *s = user;
    double now = fb3_seconds();
    if (progress->done == 0)
        return 0;
    if (s->done > 0 && now - s->last < s->best)
        s->best = now - s->last;
    s->done++;
    s->last = now;
    return s->done > 3;
}

/* One sequence of SEQUENCE_FLOWS flows in blocks of a flow is a batch. */
static json_t *training_figures(flowbd3_context *context, const bench_config *c) {
    flowbd3_error err = {0};
    flowbd3_table *table = bench_table(context, SEQUENCE_FLOWS, c->columns);
    flowbd3_tokenizer *tokenizer = NULL;
    flowbd3_model *model = NULL;
    flowbd3_trainer *trainer = NULL;
    flowbd3_tokenizer_options bins = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    bins.bins = c->bins;
    bench_check(flowbd3_tokenizer_create(&tokenizer, table, &bins, &err), &err);
    flowbd3_model_options sizes = FLOWBD3_MODEL_OPTIONS_INIT;
    sizes.d_model = c->width;
    sizes.n_heads = c->heads;
    sizes.n_layers = c->layers;
    sizes.d_ff = c->hidden;
    sizes.sequence_length = SEQUENCE_FLOWS;
    sizes.block_size = (uint32_t)c->columns;
    bench_check(flowbd3_model_create(&model, tokenizer, &sizes, &err), &err);
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_trainer_options options = FLOWBD3_TRAINER_OPTIONS_INIT;
    options.batch_size = SEQUENCE_FLOWS;
    options.epochs = 1000;
    steps s = {.best = 1e9};
    bench_check(flowbd3_trainer_create(&trainer, model, table, NULL, &options, &err), &err);
    flowbd3_status status = flowbd3_trainer_run(trainer, watch, &s, &err);
    if (status != FLOWBD3_CANCELLED)
        bench_check(status, &err);
    flowbd3_trainer_destroy(&trainer);
    flowbd3_model_destroy(&model);
    flowbd3_table_destroy(&table);
    return json_pack("{s:i, s:I, s:f, s:f}", "flows", SEQUENCE_FLOWS, "tokens",
                     (json_int_t)(SEQUENCE_FLOWS * c->columns), "step_s", s.best, "peak_rss_mb",
                     bench_peak_rss_mb());
}

int main(int argc, char **argv) {
    bench_options o = bench_parse(argc, argv, true);
    flowbd3_context *context = bench_context(&o);
    json_t *training = training_figures(context, o.config); /* first, or the peak is that of the kernels */
    json_t *kernels = json_array();
    for (size_t i = 0; i < FB3_COUNT(lengths); i++)
        (void)json_array_append_new(
            kernels, kernel_figures(context, o.config, lengths[i], o.seconds / (double)FB3_COUNT(lengths)));
    bench_products none = {.count = 0};
    bench_product square = bench_square();
    for (int round = 0; round < ROUNDS; round++)
        bench_measure(&none, &square, context);
    bench_medians(&none, &square);
    bench_print(&o, "attention", context,
                json_pack("{s:f, s:o, s:o}", "square_one_gflops", square.one, "sequences", kernels,
                          "training", training));
    flowbd3_context_destroy(&context);
    return 0;
}
