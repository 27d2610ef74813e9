/* Attention of every kernel variant against its definition in double precision: random groups, sequences of
 * less than a tile and of several, keys of a cache, dropout. */
#include "base/base.h"
#include "nn/nn.h"
#include "test_main.h"

#include <math.h>
#include <string.h>

enum { MOST_ROWS = 400, MOST_GROUPS = MOST_ROWS, FIRST_ROW = 5 };

/* A sequence of rows whose keys begin with cached ones. Everything has its own memory of the exact size. */
typedef struct problem {
    fb3_attention shape;
    fb3_dropout dropout;
    size_t rows, cached, n_groups;
    fb3_query_group groups[MOST_GROUPS];
    float *q, *kv, *dout; /* [rows, D], [cached + rows, 2 D], [rows, D] */
} problem;

static uint64_t drawn;

static double uniform(void) {
    return fb3_uniform(3, FB3_RANDOM_TOKEN, drawn++, 0);
}

static uint32_t below(size_t n) {
    return (uint32_t)(uniform() * (double)n);
}

static size_t width_of(const problem *p) {
    return p->shape.heads * p->shape.head_width;
}

static void *memory(size_t count, size_t size) {
    void *m = calloc(count, size);
    ck_assert_ptr_nonnull(m);
    return m;
}

static float *noise(size_t count, double scale) {
    float *x = memory(count, sizeof *x);
    for (size_t i = 0; i < count; i++)
        x[i] = (float)(scale * (2.0 * uniform() - 1.0));
    return x;
}

/* Cuts the rows into groups of up to most rows, each of which sees some key. */
static void draw_groups(problem *p, size_t most) {
    size_t keys = p->cached + p->rows;
    p->n_groups = 0;
    for (size_t row = 0; row < p->rows;) {
        size_t n = 1 + below(most);
        n = n < p->rows - row ? n : p->rows - row;
        fb3_query_group g = {.query = (uint32_t)row, .queries = (uint32_t)n, .before = below(keys + 1)};
        if (g.before == 0 || uniform() < 0.5) {
            g.own = below(keys);
            g.owned = 1 + below(keys - g.own);
        }
        p->groups[p->n_groups++] = g;
        row += n;
    }
}

/* The groups of a joint pass (model/joint.h): clean blocks, then noisy ones. */
static void lay_blocks(problem *p, size_t tokens, size_t block) {
    uint32_t clean = (uint32_t)((tokens - 1) / block * block), b = (uint32_t)block;
    p->rows = clean + tokens;
    p->n_groups = 0;
    for (uint32_t i = 0; i < clean; i += b)
        p->groups[p->n_groups++] = (fb3_query_group){i, b, i + b, 0, 0};
    for (uint32_t i = 0; i < tokens; i += b) {
        uint32_t n = (uint32_t)tokens - i < b ? (uint32_t)tokens - i : b;
        p->groups[p->n_groups++] = (fb3_query_group){clean + i, n, i, clean + i, n};
    }
}

static void begin(problem *p) {
    size_t d = width_of(p), keys = p->cached + p->rows;
    p->shape.keys = keys;
    p->q = noise(p->rows * d, 2.0);
    p->kv = noise(keys * 2 * d, 2.0);
    p->dout = noise(p->rows * d, 1.0);
}

static void end(problem *p) {
    free(p->q);
    free(p->kv);
    free(p->dout);
}

/* ---- the definition ---------------------------------------------------------------------------- */

static double dot(const float *a, const float *b, size_t n) {
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

/* Factor of dropout of the weight of key j for row i. */
static double factor(const problem *p, size_t i, size_t head, size_t j) {
    uint32_t word[4], threshold = (uint32_t)(p->dropout.rate * 65536.0f + 0.5f);
    if (threshold == 0)
        return 1.0;
    uint64_t row = (FIRST_ROW + i) * p->shape.heads + head;
    fb3_random(word, p->dropout.seed, FB3_RANDOM_DROPOUT,
               p->dropout.stream << 40 | (row * ((p->shape.keys + 7) / 8) + j / 8), p->dropout.step);
    uint32_t draw = word[j % 8 / 2] >> (j % 2 * 16) & 0xffffu;
    return draw >= threshold ? 65536.0 / (65536.0 - threshold) : 0.0;
}

/* What has to come out: out[rows, D], log_sums[H, rows], and the gradients dq[rows, D], dkv[keys, 2 D]. */
typedef struct answer {
    double *out, *log_sums, *dq, *dkv;
} answer;

/* One query of one head that sees the keys j with sees[j]. */
static void define_row(const problem *p, answer *a, size_t i, size_t head, const bool *sees) {
    size_t hw = p->shape.head_width, d = width_of(p), keys = p->cached + p->rows, at = i * d + head * hw;
    double weight[MOST_ROWS] = {0}, slope[MOST_ROWS] = {0}, sum = 0.0, mean = 0.0,
           scale = 1.0 / sqrt((double)hw);
    for (size_t j = 0; j < keys; j++)
        sum += weight[j] = sees[j] ? exp(scale * dot(p->q + at, p->kv + j * 2 * d + head * hw, hw)) : 0.0;
    a->log_sums[head * p->rows + i] = log(sum);
    for (size_t j = 0; j < keys; j++) {
        const float *v = p->kv + j * 2 * d + d + head * hw;
        double f = factor(p, i, head, j);
        weight[j] /= sum;
        slope[j] = f * dot(p->dout + at, v, hw);
        mean += weight[j] * slope[j];
        for (size_t c = 0; c < hw; c++) {
            a->out[at + c] += f * weight[j] * (double)v[c];
            a->dkv[j * 2 * d + d + head * hw + c] += f * weight[j] * (double)p->dout[at + c];
        }
    }
    for (size_t j = 0; j < keys; j++)
        for (size_t c = 0; c < hw; c++) {
            double ds = scale * weight[j] * (slope[j] - mean);
            a->dq[at + c] += ds * (double)p->kv[j * 2 * d + head * hw + c];
            a->dkv[j * 2 * d + head * hw + c] += ds * (double)p->q[at + c];
        }
}

static answer define(const problem *p) {
    size_t d = width_of(p), keys = p->cached + p->rows;
    answer a = {memory(p->rows * d, sizeof(double)), memory(p->rows * p->shape.heads, sizeof(double)),
                memory(p->rows * d, sizeof(double)), memory(keys * 2 * d, sizeof(double))};
    ck_assert_uint_le(keys, MOST_ROWS);
    for (const fb3_query_group *g = p->groups; g < p->groups + p->n_groups; g++) {
        bool sees[MOST_ROWS];
        for (size_t j = 0; j < keys; j++)
            sees[j] = j < g->before || (j >= g->own && j < g->own + g->owned);
        for (size_t i = g->query; i < g->query + g->queries; i++)
            for (size_t head = 0; head < p->shape.heads; head++)
                define_row(p, &a, i, head, sees);
    }
    return a;
}

static void forget(answer *a) {
    free(a->out);
    free(a->log_sums);
    free(a->dq);
    free(a->dkv);
}

/* ---- the kernels ------------------------------------------------------------------------------- */

static void same(const float *x, size_t stride, const double *expected, size_t rows, size_t width,
                 double tolerance, const char *variant, const char *what) {
    for (size_t i = 0; i < rows; i++)
        for (size_t c = 0; c < width; c++) {
            double is = (double)x[i * stride + c], should = expected[i * width + c];
            if (!(fabs(is - should) <=
                  tolerance * (1.0 + fabs(should)))) /* an assertion each takes a minute */
                ck_abort_msg("%s: %s of row %zu, column %zu is %g, expected %g", variant, what, i, c, is,
                             should);
        }
}

static float *new_scratch(size_t count) {
    float *scratch = aligned_alloc(64, (count * sizeof *scratch + 63) / 64 * 64);
    ck_assert_ptr_nonnull(scratch);
    return scratch;
}

/* As in sampling: keys and values apart from the queries, no sums kept. */
static void check_forward(const fb3_kernels *k, const problem *p, const answer *a) {
    size_t d = width_of(p);
    float *out = memory(p->rows * d, sizeof *out);
    float *scratch = new_scratch(fb3_attention_forward_scratch(&p->shape, p->rows));
    k->attention_forward(out, d, NULL, 0, p->q, d, p->kv, p->kv + d, 2 * d, p->groups, p->n_groups, &p->shape,
                         &p->dropout, FIRST_ROW, scratch);
    same(out, d, a->out, p->rows, d, 1e-5, k->name, "the output");
    free(scratch);
    free(out);
}

/* As in training: one matrix of queries, keys and values, which becomes its gradient. */
static void check_backward(const fb3_kernels *k, const problem *p, const answer *a) {
    size_t d = width_of(p), rows = p->rows, heads = p->shape.heads;
    float *qkv = memory(rows * 3 * d, sizeof *qkv), *out = memory(rows * d, sizeof *out);
    float *log_sums = memory(heads * rows, sizeof *log_sums);
    for (size_t i = 0; i < rows; i++) {
        memcpy(qkv + i * 3 * d, p->q + i * d, d * sizeof *qkv);
        memcpy(qkv + i * 3 * d + d, p->kv + i * 2 * d, 2 * d * sizeof *qkv);
    }
    float *scratch = new_scratch(fb3_attention_forward_scratch(&p->shape, rows));
    k->attention_forward(out, d, log_sums, rows, qkv, 3 * d, qkv + d, qkv + 2 * d, 3 * d, p->groups,
                         p->n_groups, &p->shape, &p->dropout, FIRST_ROW, scratch);
    free(scratch);
    same(out, d, a->out, rows, d, 1e-5, k->name, "the output");
    same(log_sums, rows, a->log_sums, heads, rows, 1e-6, k->name, "the logarithm of the sum");
    scratch = new_scratch(fb3_attention_backward_scratch(&p->shape, rows));
    k->attention_backward(qkv, 3 * d, out, p->dout, d, log_sums, rows, rows, p->groups, p->n_groups,
                          &p->shape, &p->dropout, FIRST_ROW, scratch);
    same(qkv, 3 * d, a->dq, rows, d, 2e-5, k->name, "the gradient of the queries");
    same(qkv + d, 3 * d, a->dkv, rows, 2 * d, 2e-5, k->name, "the gradient of the keys and values");
    free(scratch);
    free(log_sums);
    free(out);
    free(qkv);
}

static void check(problem *p) {
    begin(p);
    answer a = define(p);
    for (const fb3_kernels *const *k = fb3_kernels_all(); *k != NULL; k++) {
        check_forward(*k, p, &a);
        if (p->cached == 0)
            check_backward(*k, p, &a);
    }
    forget(&a);
    end(p);
}

static const size_t head_widths[] = {2, 8, 12, 16, 32, 40, 64};

static problem of_width(size_t n, bool dropout) {
    return (problem){.shape = {.heads = 1 + n % 3, .head_width = head_widths[n % FB3_COUNT(head_widths)]},
                     .dropout = {dropout ? 0.3f : 0.0f, 77 + n, n, (uint32_t)n}};
}

START_TEST(short_sequences) {
    for (size_t rows = 1; rows <= 100; rows++) {
        problem p = of_width(rows + (size_t)_i, rows % 2 == 0);
        p.rows = rows;
        draw_groups(&p, rows % 5 == 0 ? 1 : rows);
        check(&p);
    }
}
END_TEST

START_TEST(long_sequences) {
    static const size_t rows[] = {129, 200, 257, 389};
    for (size_t n = 0; n < FB3_COUNT(rows); n++) {
        problem p = of_width(n + (size_t)_i, n % 2 == 0);
        p.rows = rows[n];
        draw_groups(&p, 40);
        check(&p);
    }
}
END_TEST

START_TEST(joint_passes) {
    static const size_t sizes[][2] = {{8, 8},  {8, 1},   {64, 8},  {15, 4},
                                      {20, 8}, {190, 8}, {100, 1}, {130, 32}};
    for (size_t n = 0; n < FB3_COUNT(sizes); n++) {
        problem p = of_width(4, (n + (size_t)_i) % 2 == 0);
        p.shape.heads = 8;
        lay_blocks(&p, sizes[n][0], sizes[n][1]);
        check(&p);
    }
}
END_TEST

START_TEST(cached_keys) {
    for (size_t n = 0; n < 60; n++) {
        problem p = of_width(n + (size_t)_i, false);
        p.shape.heads = 1 + n % 20;
        p.rows = 1 + n % 4 * (n % 3);
        p.cached = n < 30 ? n : 5 * n;
        draw_groups(&p, p.rows);
        check(&p);
    }
}
END_TEST

/* Scores whose exponentials overflow, and rows that one key alone decides. */
START_TEST(large_scores) {
    problem p = of_width(4, false);
    p.rows = 90;
    draw_groups(&p, 9);
    begin(&p);
    for (size_t i = 0; i < p.rows * width_of(&p); i++)
        p.q[i] *= 8.0f;
    answer a = define(&p);
    for (const fb3_kernels *const *k = fb3_kernels_all(); *k != NULL; k++)
        check_forward(*k, &p, &a);
    forget(&a);
    end(&p);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("attention");
    TCase *tests = tcase_create("attention");
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, short_sequences, 0, 7);
    tcase_add_loop_test(tests, long_sequences, 0, 7);
    tcase_add_loop_test(tests, joint_passes, 0, 2);
    tcase_add_loop_test(tests, cached_keys, 0, 3);
    tcase_add_test(tests, large_scores);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
