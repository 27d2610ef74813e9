/* Rotary positions and attention, compiled once per instruction set as FB3_VARIANT.
 *
 * Who sees whom is a list of groups (nn.h), so that no mask is ever laid out and no score of a pair that does
 * not see each other is computed. Scores live for a few queries at a time: memory grows with the keys, not
 * with their square. The backward pass computes them again. */
#include "nn/vector.h"

/* ---- rotary positions -------------------------------------------------------------------------- */

static void rotate(float *qkv, size_t stride, const uint32_t *positions, size_t rows,
                   const fb3_attention *shape, float direction) {
    size_t half = shape->head_width / 2, width = shape->heads * shape->head_width;
    for (size_t r = 0; r < rows; r++) {
        const float *restrict c = shape->cosine + positions[r] * half, *restrict s =
                                                                           shape->sine + positions[r] * half;
        for (size_t head = 0; head < 2 * shape->heads; head++) { /* those of q, then those of k */
            float *restrict a =
                qkv + r * stride + (head / shape->heads) * width + (head % shape->heads) * shape->head_width;
            float *restrict b = a + half;
            for (size_t i = 0; i < half; i++) {
                float x = a[i], y = b[i], sine = direction * s[i];
                a[i] = x * c[i] - y * sine;
                b[i] = y * c[i] + x * sine;
            }
        }
    }
}

void JOIN(fb3_rope_forward_, FB3_VARIANT)(float *qkv, size_t stride, const uint32_t *positions, size_t rows,
                                          const fb3_attention *shape) {
    rotate(qkv, stride, positions, rows, shape, 1.0f);
}

void JOIN(fb3_rope_backward_, FB3_VARIANT)(float *dqkv, size_t stride, const uint32_t *positions, size_t rows,
                                           const fb3_attention *shape) {
    rotate(dqkv, stride, positions, rows, shape, -1.0f);
}

/* ---- small products ---------------------------------------------------------------------------- */

/* The left operand of a small product: element (i, p) is data[i * row + p * column]. */
typedef struct operand {
    const float *data;
    size_t row, column;
} operand;

#ifdef __AVX__
enum { TILE_ROWS = 4, LANES = 8 };
#else
enum { TILE_ROWS = 4, LANES = 4 };
#endif

/* The floats of a register. An array of floats in their place does not stay in registers: the products below
 * take eight times as long with one. */
typedef float vector __attribute__((vector_size(LANES * sizeof(float)), aligned(sizeof(float)), may_alias));

/* c[rows, vectors * LANES] (+)= a[rows, k] b[k, vectors * LANES]: rows and vectors are constants where it is
 * called. */
static inline __attribute__((always_inline)) void tile(float *restrict c, size_t stride_c, operand a,
                                                       const float *restrict b, size_t stride_b, size_t k,
                                                       size_t rows, size_t vectors, bool add) {
    vector sum[TILE_ROWS][2];
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < vectors; j++)
            sum[i][j] = add ? *(const vector *)(c + i * stride_c + j * LANES) : (vector){0};
    for (size_t p = 0; p < k; p++)
        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < vectors; j++)
                sum[i][j] +=
                    a.data[i * a.row + p * a.column] * *(const vector *)(b + p * stride_b + j * LANES);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < vectors; j++)
            *(vector *)(c + i * stride_c + j * LANES) = sum[i][j];
}

/* One column of a tile. */
static void column(float *restrict c, size_t stride_c, operand a, const float *restrict b, size_t stride_b,
                   size_t k, size_t rows, bool add) {
    for (size_t i = 0; i < rows; i++) {
        float sum = add ? c[i * stride_c] : 0.0f;
        for (size_t p = 0; p < k; p++)
            sum += a.data[i * a.row + p * a.column] * b[p * stride_b];
        c[i * stride_c] = sum;
    }
}

/* The columns of one row of tiles: two vectors at a time, one, then the rest. */
static inline __attribute__((always_inline)) void tile_row(float *restrict c, size_t stride_c, operand a,
                                                           const float *restrict b, size_t stride_b, size_t k,
                                                           size_t rows, size_t columns, bool add) {
    size_t j = 0;
    for (; j + 2 * LANES <= columns; j += 2 * LANES)
        tile(c + j, stride_c, a, b + j, stride_b, k, rows, 2, add);
    for (; j + LANES <= columns; j += LANES)
        tile(c + j, stride_c, a, b + j, stride_b, k, rows, 1, add);
    for (; j < columns; j++)
        column(c + j, stride_c, a, b + j, stride_b, k, rows, add);
}

/* c[rows, columns] (+)= a[rows, k] b[k, columns]: products too small for a call of BLIS. */
static void product(float *restrict c, size_t stride_c, operand a, const float *restrict b, size_t stride_b,
                    size_t k, size_t rows, size_t columns, bool add) {
    size_t i = 0;
    for (; i + TILE_ROWS <= rows; i += TILE_ROWS) {
        operand here = {a.data + i * a.row, a.row, a.column};
        tile_row(c + i * stride_c, stride_c, here, b, stride_b, k, TILE_ROWS, columns, add);
    }
    for (; i < rows; i++) {
        operand here = {a.data + i * a.row, a.row, a.column};
        tile_row(c + i * stride_c, stride_c, here, b, stride_b, k, 1, columns, add);
    }
}

/* to[columns, rows] = from[rows, columns]'. */
void JOIN(fb3_transpose_, FB3_VARIANT)(float *restrict to, size_t stride_to, const float *restrict from,
                                       size_t stride_from, size_t rows, size_t columns) {
    for (size_t r = 0; r < rows; r += 16) { /* stretches of 16 rows stay in the cache */
        size_t end = rows - r < 16 ? rows : r + 16;
        for (size_t c = 0; c < columns; c++)
            for (size_t i = r; i < end; i++)
                to[c * stride_to + i] = from[i * stride_from + c];
    }
}

/* ---- scores ------------------------------------------------------------------------------------ */

/* Queries that are taken through softmax together. */
enum { QUERIES = FB3_ATTENTION_QUERIES };

/* The keys of a group are two stretches; in scratch they lie one behind the other. */
static size_t keys_of(const fb3_query_group *g) {
    return g->before + g->owned;
}

static size_t whole_vectors(size_t keys) {
    return (keys + LANES - 1) / LANES * LANES;
}

/* c[queries, keys of g] = a[queries, head_width] m[head_width, keys]: scores, and gradients of weights. Whole
 * vectors are computed: what the first stretch writes too far the second one overwrites, and behind that and
 * behind m there is room. */
static void times_keys(float *restrict c, size_t stride_c, operand a, const float *restrict m,
                       size_t stride_m, size_t queries, size_t head_width, const fb3_query_group *g) {
    product(c, stride_c, a, m, stride_m, head_width, queries, whole_vectors(g->before), false);
    product(c + g->before, stride_c, a, m + g->own, stride_m, head_width, queries, whole_vectors(g->owned),
            false);
}

/* c[queries, head_width] (+)= a[queries, keys of g] m[keys, head_width]. */
static void times_rows(float *restrict c, size_t stride_c, const float *restrict a, size_t stride_a,
                       const float *restrict m, size_t stride_m, size_t queries, size_t head_width,
                       const fb3_query_group *g) {
    operand before = {a, stride_a, 1}, own = {a + g->before, stride_a, 1};
    if (g->before > 0)
        product(c, stride_c, before, m, stride_m, g->before, queries, head_width, false);
    product(c, stride_c, own, m + g->own * stride_m, stride_m, g->owned, queries, head_width, g->before > 0);
}

/* c[keys of g, head_width] += a[queries, keys of g]' m[queries, head_width]. */
static void add_to_rows(float *restrict c, size_t stride_c, const float *restrict a, size_t stride_a,
                        const float *restrict m, size_t stride_m, size_t queries, size_t head_width,
                        const fb3_query_group *g) {
    operand before = {a, 1, stride_a}, own = {a + g->before, 1, stride_a};
    product(c, stride_c, before, m, stride_m, queries, g->before, head_width, true);
    product(c + g->own * stride_c, stride_c, own, m, stride_m, queries, g->owned, head_width, true);
}

/* p[n] = softmax(scale p). */
static void softmax(float *restrict p, size_t n, float scale) {
    float largest = maximum(p, n), sum = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (size_t j = 0; j < n; j++) {
        p[j] = exponential((p[j] - largest) * scale);
        sum += p[j];
    }
    float inverse = 1.0f / sum;
    for (size_t j = 0; j < n; j++)
        p[j] *= inverse;
}

/* The dropout factors of the weights of one query of one head; keys are numbered as in scratch. */
static void weight_factors(float *factors, const fb3_dropout *dropout, const fb3_attention *shape, size_t row,
                           size_t head, size_t keys) {
    dropout_factors(factors, dropout, (row * shape->heads + head) * shape->stride, keys);
}

/* ---- attention --------------------------------------------------------------------------------- */

void JOIN(fb3_attention_forward_,
          FB3_VARIANT)(float *restrict out, size_t stride_out, const float *restrict q, size_t stride_q,
                       const float *restrict kt, size_t stride_kt, const float *restrict v, size_t stride_v,
                       const fb3_query_group *groups, size_t n_groups, const fb3_attention *shape,
                       const fb3_dropout *dropout, size_t first_row, float *restrict scratch) {
    size_t hw = shape->head_width, stride = shape->stride;
    float scale = 1.0f / sqrtf((float)hw);
    float *restrict p = scratch, *restrict factors = p + QUERIES * stride;
    for (size_t head = 0; head < shape->heads; head++)
        for (const fb3_query_group *g = groups; g < groups + n_groups; g++)
            for (size_t i = g->query; i < g->query + g->queries; i += QUERIES) {
                size_t left = g->query + g->queries - i, n = left < QUERIES ? left : QUERIES;
                times_keys(p, stride, (operand){q + i * stride_q + head * hw, stride_q, 1},
                           kt + head * hw * stride_kt, stride_kt, n, hw, g);
                for (size_t r = 0; r < n; r++) {
                    float *restrict pr = p + r * stride;
                    softmax(pr, keys_of(g), scale);
                    if (dropout->rate > 0.0f) {
                        weight_factors(factors, dropout, shape, first_row + i + r, head, keys_of(g));
                        for (size_t j = 0; j < keys_of(g); j++)
                            pr[j] *= factors[j];
                    }
                }
                times_rows(out + i * stride_out + head * hw, stride_out, p, stride, v + head * hw, stride_v,
                           n, hw, g);
            }
}

/* From the weights p[n] before dropout and the gradient dp[n] of those after it: dp becomes the gradient of
 * the unscaled scores, p the weights after dropout. */
static void softmax_backward(float *restrict p, float *restrict dp, const float *restrict factors, size_t n,
                             float scale) {
    float dot = 0.0f;
#pragma omp simd reduction(+ : dot)
    for (size_t j = 0; j < n; j++) {
        dp[j] *= factors[j];
        dot += dp[j] * p[j];
    }
    for (size_t j = 0; j < n; j++) {
        dp[j] = p[j] * (dp[j] - dot) * scale;
        p[j] *= factors[j];
    }
}

void JOIN(fb3_attention_backward_, FB3_VARIANT)(float *restrict qkv, size_t stride_qkv,
                                                const float *restrict dout, size_t stride_out, size_t rows,
                                                const fb3_query_group *groups, size_t n_groups,
                                                const fb3_attention *shape, const fb3_dropout *dropout,
                                                size_t first_row, float *restrict scratch) {
    size_t hw = shape->head_width, stride = shape->stride, width = shape->heads * hw;
    float scale = 1.0f / sqrtf((float)hw);
    float *restrict p = scratch, *restrict dp = p + QUERIES * stride,
                    *restrict factors = dp + QUERIES * stride;
    float *restrict kt = factors + stride, *restrict vt = kt + hw * stride;
    float *restrict dq = vt + hw * stride, *restrict dk = dq + rows * hw, *restrict dv = dk + rows * hw;
    for (size_t j = 0; j < stride; j++)
        factors[j] = 1.0f;
    for (size_t head = 0; head < shape->heads; head++) {
        float *q = qkv + head * hw, *k = q + width, *v = k + width;
        JOIN(fb3_transpose_, FB3_VARIANT)(kt, stride, k, stride_qkv, rows, hw);
        JOIN(fb3_transpose_, FB3_VARIANT)(vt, stride, v, stride_qkv, rows, hw);
        memset(dk, 0, 2 * rows * hw * sizeof *dk);
        for (const fb3_query_group *g = groups; g < groups + n_groups; g++)
            for (size_t i = g->query; i < g->query + g->queries; i += QUERIES) {
                size_t left = g->query + g->queries - i, n = left < QUERIES ? left : QUERIES;
                const float *restrict d = dout + i * stride_out + head * hw;
                times_keys(p, stride, (operand){q + i * stride_qkv, stride_qkv, 1}, kt, stride, n, hw, g);
                times_keys(dp, stride, (operand){d, stride_out, 1}, vt, stride, n, hw, g);
                for (size_t r = 0; r < n; r++) {
                    softmax(p + r * stride, keys_of(g), scale);
                    if (dropout->rate > 0.0f)
                        weight_factors(factors, dropout, shape, first_row + i + r, head, keys_of(g));
                    softmax_backward(p + r * stride, dp + r * stride, factors, keys_of(g), scale);
                }
                times_rows(dq + i * hw, hw, dp, stride, k, stride_qkv, n, hw, g);
                add_to_rows(dk, hw, dp, stride, q + i * stride_qkv, stride_qkv, n, hw, g);
                add_to_rows(dv, hw, p, stride, d, stride_out, n, hw, g);
            }
        for (size_t i = 0; i < rows; i++) {
            memcpy(q + i * stride_qkv, dq + i * hw, hw * sizeof *dq);
            memcpy(k + i * stride_qkv, dk + i * hw, hw * sizeof *dk);
            memcpy(v + i * stride_qkv, dv + i * hw, hw * sizeof *dv);
        }
    }
}
