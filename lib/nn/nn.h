/* The nn room: matrix products and the layers of a transformer, each a forward with its backward beside it.
 * Nothing here knows of tables, tokens of columns, or diffusion.
 *
 * Matrices are row-major floats with a stride (floats from row to row) of at least their width. */
#ifndef FB3_NN_H
#define FB3_NN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- matrix products (gemm.c) ------------------------------------------------------------------ */

typedef enum fb3_transpose { FB3_PLAIN = 0, FB3_TRANSPOSED = 1 } fb3_transpose;

/* c[m, n] = op(a)[m, k] op(b)[k, n] + beta c, on the calling thread alone; beta is 0 or 1. scratch:
 * fb3_gemm_scratch() floats. */
void fb3_gemm(fb3_transpose transpose_a, fb3_transpose transpose_b, size_t m, size_t n, size_t k,
              const float *a, size_t stride_a, const float *b, size_t stride_b, float beta, float *c,
              size_t stride_c, float *scratch);
size_t fb3_gemm_scratch(void);

/* The same as BLIS itself computes it, with the same micro-kernel. */
void fb3_gemm_blis(fb3_transpose transpose_a, fb3_transpose transpose_b, size_t m, size_t n, size_t k,
                   const float *a, size_t stride_a, const float *b, size_t stride_b, float beta, float *c,
                   size_t stride_c);

/* "0.9.0 (zen3)": the version that runs and the kernel it chose; *generic: it knows no better one. */
void fb3_gemm_describe(char *text, size_t size, bool *generic);

/* Stride for rows of width floats: a multiple of 16, and not of 256, whose rows would share cache sets. */
size_t fb3_stride(size_t width);

/* ---- layers (kernels.c, attention.c) ------------------------------------------------------------ */

/* Key of the dropout masks: element i of a mask depends on seed, stream, step and i alone. rate 0: no
 * dropout. */
typedef struct fb3_dropout {
    float rate;
    uint64_t seed, stream;
    uint32_t step;
} fb3_dropout;

/* Rows of a sequence that see the same keys: the queries query .. query + queries - 1 see the keys
 * 0 .. before - 1 and own .. own + owned - 1. Every row of a sequence is a query of one group; groups are in
 * the order of their rows. */
typedef struct fb3_query_group {
    uint32_t query, queries, before, own, owned;
} fb3_query_group;

/* H heads of head_width columns. */
typedef struct fb3_attention {
    size_t heads, head_width;
    size_t keys;                /* the most of a sequence: numbers the elements of the dropout mask */
    const float *cosine, *sine; /* [positions, head_width / 2] rotary angles */
} fb3_attention;

/* Floats of scratch for the forward and for the backward pass of sequences of rows rows. */
size_t fb3_attention_forward_scratch(const fb3_attention *shape, size_t rows);
size_t fb3_attention_backward_scratch(const fb3_attention *shape, size_t rows);

/* Constants of one AdamW step (Loshchilov & Hutter 2019). */
typedef struct fb3_adamw {
    float learning_rate, beta1, beta2, epsilon, weight_decay;
    float correction1, correction2; /* 1 - beta^step */
    float gradient_scale;           /* of clipping */
    float ema_decay;                /* below 0: no average kept */
} fb3_adamw;

/* The kernels, compiled once for every vector instruction set of the architecture. */
typedef struct fb3_kernels {
    const char *name;

    /* to[k, panel] = from, whose element (p, j) is from[p * stride_k + j * stride_j]: width columns, the rest
     * zero. One of the strides is 1. */
    void (*pack)(float *restrict to, size_t panel, const float *restrict from, size_t stride_k,
                 size_t stride_j, size_t k, size_t width);

    /* out[rows, width] = x / rms(x) * gain, 1/rms kept in inverse[rows]. Zhang & Sennrich 2019, eq. 4. */
    void (*rms_norm_forward)(float *restrict out, float *restrict inverse, const float *restrict x,
                             const float *restrict gain, size_t rows, size_t width, size_t stride);
    /* Adds to dx[rows, width] and dgain[width]. */
    void (*rms_norm_backward)(float *restrict dx, float *restrict dgain, const float *restrict dout,
                              const float *restrict x, const float *restrict gain,
                              const float *restrict inverse, size_t rows, size_t width, size_t stride);

    /* out = gelu(x), the tanh form of Hendrycks & Gimpel 2016. */
    void (*gelu_forward)(float *restrict out, const float *restrict x, size_t rows, size_t width,
                         size_t stride);
    /* x becomes dout * gelu'(x). */
    void (*gelu_backward)(float *restrict x, const float *restrict dout, size_t rows, size_t width,
                          size_t stride);

    /* x[rows, width] *= mask / (1 - rate); row r of x is row first_row + r of the mask. */
    void (*dropout)(float *x, const fb3_dropout *dropout, size_t first_row, size_t rows, size_t width,
                    size_t stride);

    /* y += x. */
    void (*add)(float *restrict y, const float *restrict x, size_t rows, size_t width, size_t stride);

    /* Rotates q and k of qkv[rows, 3 D] by the rows' positions. Su et al. 2021, halves paired. */
    void (*rope_forward)(float *qkv, size_t stride, const uint32_t *positions, size_t rows,
                         const fb3_attention *shape);
    void (*rope_backward)(float *dqkv, size_t stride, const uint32_t *positions, size_t rows,
                          const fb3_attention *shape);

    /* out[rows, D] = softmax(q k' / sqrt(head_width)) v for every head of one sequence, over the keys that
     * each row sees, k and v[keys, D]. log_sums[H, rows] takes the logarithms of the sums of the exponentials
     * for the backward pass; NULL: they are not wanted. first_row: number of the sequence's first row in the
     * batch, for the dropout mask. */
    void (*attention_forward)(float *restrict out, size_t stride_out, float *restrict log_sums,
                              size_t stride_sums, const float *restrict q, size_t stride_q,
                              const float *restrict k, const float *restrict v, size_t stride_kv,
                              const fb3_query_group *groups, size_t n_groups, const fb3_attention *shape,
                              const fb3_dropout *dropout, size_t first_row, float *restrict scratch);
    /* qkv[rows, 3 D] becomes its own gradient, from out and log_sums of the forward pass and the gradient
     * dout[rows, D]. */
    void (*attention_backward)(float *restrict qkv, size_t stride_qkv, const float *restrict out,
                               const float *restrict dout, size_t stride_out, const float *restrict log_sums,
                               size_t stride_sums, size_t rows, const fb3_query_group *groups,
                               size_t n_groups, const fb3_attention *shape, const fb3_dropout *dropout,
                               size_t first_row, float *restrict scratch);

    /* losses[rows] = -log softmax(logits + bias)[target] of each row; logits become the gradient of their sum
     * weighted with scale[rows]. */
    void (*cross_entropy)(float *restrict logits, const float *restrict bias, const uint16_t *targets,
                          const float *scale, float *restrict losses, size_t rows, size_t width,
                          size_t stride);

    /* out[width] += sum over rows of x. */
    void (*column_sums)(float *restrict out, const float *restrict x, size_t rows, size_t width,
                        size_t stride);

    /* Sum of squares. */
    double (*square_sum)(const float *x, size_t count);

    /* y[count] = (x - middle) * scale, each limited to [-most, most]; returns the sum of their squares. */
    double (*offsets)(float *restrict y, const double *restrict x, const double *restrict middle,
                      size_t count, double scale, double most);

    /* Index of the first of x[count] that is at most limit; count when there is none. */
    size_t (*first_within)(const float *x, size_t count, float limit);

    /* One step for count parameters; average may be NULL. */
    void (*adamw)(float *restrict parameter, const float *restrict gradient, float *restrict first,
                  float *restrict second, float *restrict average, size_t count, const fb3_adamw *constants);
} fb3_kernels;

/* What this processor runs of the instruction sets that the kernels are compiled for, or the lesser one that
 * the environment variable FLOWBD3_KERNELS names when it is first asked: portable, avx2, avx512. */
typedef enum fb3_instructions { FB3_PORTABLE, FB3_AVX2, FB3_AVX512 } fb3_instructions;
fb3_instructions fb3_instructions_best(void);

/* The fastest variant that this processor runs, and every variant it runs (NULL-terminated, portable first).
 */
const fb3_kernels *fb3_kernels_best(void);
const fb3_kernels *const *fb3_kernels_all(void);

#endif
