/* The layers in plain C that the compiler vectorises; compiled once per instruction set as FB3_VARIANT. */
#include "base/base.h"
#include "nn/nn.h"

#include <math.h>
#include <string.h>

#define JOIN_(a, b) a##b
#define JOIN(a, b)  JOIN_(a, b)
#define TEXT_(a)    #a
#define TEXT(a)     TEXT_(a)

static const float norm_epsilon = 1e-6f;

/* exp(x) to 2 ulp by a degree-6 polynomial on [-ln 2 / 2, ln 2 / 2] (coefficients of Cephes expf). */
static inline float exponential(float x) {
    x = x < -87.0f ? -87.0f : x > 88.0f ? 88.0f : x;
    float n = x * 1.44269504088896341f + 12582912.0f; /* 1.5 * 2^23: rounds to an integer */
    int32_t bits;
    memcpy(&bits, &n, sizeof bits);
    n -= 12582912.0f;
    float r = x - n * 0.693359375f + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    bits = (int32_t)((uint32_t)(bits + 127) << 23); /* the low bits of n hold the integer */
    float scale;
    memcpy(&scale, &bits, sizeof scale);
    return p * scale;
}

/* ---- root mean square norm --------------------------------------------------------------------- */

static void rms_norm_forward(float *restrict out, float *restrict inverse, const float *restrict x,
                             const float *restrict gain, size_t rows, size_t width, size_t stride) {
    for (size_t r = 0; r < rows; r++) {
        const float *restrict xr = x + r * stride;
        float *restrict o = out + r * stride;
        float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
        for (size_t i = 0; i < width; i++)
            sum += xr[i] * xr[i];
        float inv = 1.0f / sqrtf(sum / (float)width + norm_epsilon);
        inverse[r] = inv;
        for (size_t i = 0; i < width; i++)
            o[i] = xr[i] * inv * gain[i];
    }
}

static void rms_norm_backward(float *restrict dx, float *restrict dgain, const float *restrict dout,
                              const float *restrict x, const float *restrict gain,
                              const float *restrict inverse, size_t rows, size_t width, size_t stride) {
    for (size_t r = 0; r < rows; r++) {
        const float *restrict xr = x + r * stride, *restrict d = dout + r * stride;
        float *restrict dxr = dx + r * stride;
        float inv = inverse[r], dot = 0.0f;
#pragma omp simd reduction(+ : dot)
        for (size_t i = 0; i < width; i++)
            dot += d[i] * gain[i] * xr[i];
        dot *= inv * inv * inv / (float)width;
        for (size_t i = 0; i < width; i++) {
            dgain[i] += d[i] * xr[i] * inv;
            dxr[i] += d[i] * gain[i] * inv - xr[i] * dot;
        }
    }
}

/* ---- GELU -------------------------------------------------------------------------------------- */

/* 0.5 (1 + tanh u) = 1 / (1 + exp(-2 u)), u = sqrt(2 / pi) (x + 0.044715 x^3). */
static const float gelu_a = 1.5957691216057308f, gelu_b = 0.044715f;

static void gelu_forward(float *restrict out, const float *restrict x, size_t rows, size_t width,
                         size_t stride) {
    for (size_t r = 0; r < rows; r++) {
        const float *restrict xr = x + r * stride;
        float *restrict o = out + r * stride;
        for (size_t i = 0; i < width; i++) {
            float v = xr[i];
            o[i] = v / (1.0f + exponential(-gelu_a * (v + gelu_b * v * v * v)));
        }
    }
}

static void gelu_backward(float *restrict x, const float *restrict dout, size_t rows, size_t width,
                          size_t stride) {
    for (size_t r = 0; r < rows; r++) {
        float *restrict xr = x + r * stride;
        const float *restrict d = dout + r * stride;
        for (size_t i = 0; i < width; i++) {
            float v = xr[i];
            float s = 1.0f / (1.0f + exponential(-gelu_a * (v + gelu_b * v * v * v)));
            float slope = gelu_a * (1.0f + 3.0f * gelu_b * v * v);
            xr[i] = d[i] * (s + v * s * (1.0f - s) * slope);
        }
    }
}

/* ---- dropout ----------------------------------------------------------------------------------- */

enum { DRAWS = 8 }; /* 16-bit draws from one call of the generator */

/* Factors for elements first .. first + count - 1 of a mask; first is a multiple of DRAWS. */
static void dropout_factors(float *factors, const fb3_dropout *dropout, uint64_t first, size_t count) {
    uint32_t threshold = (uint32_t)(dropout->rate * 65536.0f + 0.5f);
    float keep = 65536.0f / (65536.0f - (float)threshold);
    for (size_t i = 0; i < count; i += DRAWS) {
        uint32_t word[4];
        fb3_random(word, dropout->seed, FB3_RANDOM_DROPOUT, dropout->stream << 40 | (first + i) / DRAWS,
                   dropout->step);
        for (size_t j = 0; j < DRAWS && i + j < count; j++)
            factors[i + j] = (word[j / 2] >> (j % 2 * 16) & 0xffffu) >= threshold ? keep : 0.0f;
    }
}

static void dropout_apply(float *x, const fb3_dropout *dropout, size_t first_row, size_t rows, size_t width,
                          size_t stride) {
    enum { CHUNK = 256 };
    float factors[CHUNK];
    if (dropout->rate <= 0.0f)
        return;
    uint64_t row_draws = (width + DRAWS - 1) / DRAWS * DRAWS;
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < width; i += CHUNK) {
            size_t n = width - i < CHUNK ? width - i : CHUNK;
            dropout_factors(factors, dropout, (first_row + r) * row_draws + i, n);
            for (size_t j = 0; j < n; j++)
                x[r * stride + i + j] *= factors[j];
        }
}

static void add(float *restrict y, const float *restrict x, size_t rows, size_t width, size_t stride) {
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < width; i++)
            y[r * stride + i] += x[r * stride + i];
}

/* ---- rotary positions -------------------------------------------------------------------------- */

static void rope(float *qkv, size_t stride, const fb3_attention *shape, float direction) {
    size_t half = shape->head_width / 2, width = shape->heads * shape->head_width;
    for (size_t t = 0; t < shape->tokens; t++) {
        const float *restrict c = shape->cosine + t * half, *restrict s = shape->sine + t * half;
        for (size_t head = 0; head < 2 * shape->heads; head++) { /* those of q, then those of k */
            float *restrict a =
                qkv + t * stride + (head / shape->heads) * width + (head % shape->heads) * shape->head_width;
            float *restrict b = a + half;
            for (size_t i = 0; i < half; i++) {
                float x = a[i], y = b[i], sine = direction * s[i];
                a[i] = x * c[i] - y * sine;
                b[i] = y * c[i] + x * sine;
            }
        }
    }
}

static void rope_forward(float *qkv, size_t stride, const fb3_attention *shape) {
    rope(qkv, stride, shape, 1.0f);
}

static void rope_backward(float *dqkv, size_t stride, const fb3_attention *shape) {
    rope(dqkv, stride, shape, -1.0f);
}

/* ---- attention --------------------------------------------------------------------------------- */

/* Rows of scratch are padded to whole vectors of LANES tokens, so that the loops over keys have fixed length.
 */
enum { LANES = 8 };

static size_t padded(size_t tokens) {
    return (tokens + LANES - 1) / LANES * LANES;
}

/* Tokens that token t sees. */
static size_t seen(const fb3_attention *shape, size_t t) {
    size_t end = (t / shape->block + 1) * shape->block;
    return end < shape->tokens ? end : shape->tokens;
}

/* to[head_width, Tp] = from[T, head_width]', zero beyond T. */
static void transpose(float *restrict to, const float *restrict from, size_t stride, size_t tokens,
                      size_t width) {
    size_t tp = padded(tokens);
    for (size_t d = 0; d < width; d++)
        for (size_t t = 0; t < tp; t++)
            to[d * tp + t] = t < tokens ? from[t * stride + d] : 0.0f;
}

/* out[Tp] = x[width] * m[width, Tp], the first `lanes` columns. */
static void row_times_matrix(float *restrict out, const float *restrict x, const float *restrict m,
                             size_t width, size_t tp, size_t lanes) {
    for (size_t j = 0; j < lanes; j += LANES) {
        float sum[LANES] = {0};
        for (size_t d = 0; d < width; d++)
            for (size_t l = 0; l < LANES; l++)
                sum[l] += x[d] * m[d * tp + j + l];
        memcpy(out + j, sum, sizeof sum);
    }
}

/* y[width] += a * x[width]. */
static inline void axpy(float *restrict y, float a, const float *restrict x, size_t width) {
    for (size_t i = 0; i < width; i++)
        y[i] += a * x[i];
}

/* The dropout factors of one head's weights, [T, Tp]. */
static void attention_factors(float *factors, const fb3_dropout *dropout, const fb3_attention *shape,
                              size_t sequence, size_t head) {
    size_t count = shape->tokens * padded(shape->tokens);
    if (dropout->rate > 0.0f)
        dropout_factors(factors, dropout, (sequence * shape->heads + head) * count, count);
    else
        for (size_t i = 0; i < count; i++)
            factors[i] = 1.0f;
}

/* Softmax of scores[n] into p[n]. */
static void softmax(float *restrict p, const float *restrict scores, size_t n) {
    float largest = scores[0], sum = 0.0f;
    for (size_t j = 1; j < n; j++)
        largest = scores[j] > largest ? scores[j] : largest;
    for (size_t j = 0; j < n; j++)
        p[j] = exponential(scores[j] - largest);
    for (size_t j = 0; j < n; j++)
        sum += p[j];
    float inverse = 1.0f / sum;
    for (size_t j = 0; j < n; j++)
        p[j] *= inverse;
}

static void attention_forward(float *restrict out, size_t stride_out, float *restrict weights,
                              const float *restrict qkv, size_t stride_qkv, const fb3_attention *shape,
                              const fb3_dropout *dropout, size_t sequence, float *restrict scratch) {
    size_t tokens = shape->tokens, tp = padded(tokens), hw = shape->head_width, width = shape->heads * hw;
    float scale = 1.0f / sqrtf((float)hw);
    float *restrict keys = scratch, *restrict factors = keys + hw * tp,
                    *restrict scores = factors + tokens * tp;
    float *restrict query = scores + tp;
    for (size_t head = 0; head < shape->heads; head++) {
        const float *q = qkv + head * hw, *k = q + width, *v = k + width;
        float *p = weights + head * tokens * tokens;
        transpose(keys, k, stride_qkv, tokens, hw);
        attention_factors(factors, dropout, shape, sequence, head);
        for (size_t i = 0; i < tokens; i++) {
            size_t n = seen(shape, i);
            for (size_t d = 0; d < hw; d++)
                query[d] = q[i * stride_qkv + d] * scale;
            row_times_matrix(scores, query, keys, hw, tp, padded(n));
            softmax(p + i * tokens, scores, n);
            float *restrict o = out + i * stride_out + head * hw;
            memset(o, 0, hw * sizeof *o);
            for (size_t j = 0; j < n; j++)
                axpy(o, p[i * tokens + j] * factors[i * tp + j], v + j * stride_qkv, hw);
        }
    }
}

static void attention_backward(float *restrict qkv, size_t stride_qkv, const float *restrict weights,
                               const float *restrict dout, size_t stride_out, const fb3_attention *shape,
                               const fb3_dropout *dropout, size_t sequence, float *restrict scratch) {
    size_t tokens = shape->tokens, tp = padded(tokens), hw = shape->head_width, width = shape->heads * hw;
    float scale = 1.0f / sqrtf((float)hw);
    float *restrict values = scratch, *restrict factors = values + hw * tp,
                    *restrict dp = factors + tokens * tp;
    float *restrict dq = dp + tp, *restrict dk = dq + tokens * hw, *restrict dv = dk + tokens * hw;
    for (size_t head = 0; head < shape->heads; head++) {
        float *q = qkv + head * hw, *k = q + width, *v = k + width;
        const float *p = weights + head * tokens * tokens;
        transpose(values, v, stride_qkv, tokens, hw);
        attention_factors(factors, dropout, shape, sequence, head);
        memset(dq, 0, 3 * tokens * hw * sizeof *dq);
        for (size_t i = 0; i < tokens; i++) {
            size_t n = seen(shape, i);
            const float *restrict d = dout + i * stride_out + head * hw;
            row_times_matrix(dp, d, values, hw, tp, padded(n));
            float dot = 0.0f;
            for (size_t j = 0; j < n; j++) {
                dp[j] *= factors[i * tp + j];
                dot += dp[j] * p[i * tokens + j];
            }
            for (size_t j = 0; j < n; j++) {
                float weight = p[i * tokens + j];
                float ds = weight * (dp[j] - dot) * scale;
                axpy(dq + i * hw, ds, k + j * stride_qkv, hw);
                axpy(dk + j * hw, ds, q + i * stride_qkv, hw);
                axpy(dv + j * hw, weight * factors[i * tp + j], d, hw);
            }
        }
        for (size_t i = 0; i < tokens; i++) {
            memcpy(q + i * stride_qkv, dq + i * hw, hw * sizeof *dq);
            memcpy(k + i * stride_qkv, dk + i * hw, hw * sizeof *dk);
            memcpy(v + i * stride_qkv, dv + i * hw, hw * sizeof *dv);
        }
    }
}

/* ---- loss -------------------------------------------------------------------------------------- */

/* Largest of x[count], in lanes that every compiler turns into vectors. */
static float maximum(const float *x, size_t count) {
    float lane[16], largest = x[0];
    size_t i = 0;
    for (size_t l = 0; l < 16; l++)
        lane[l] = x[0];
    for (; i + 16 <= count; i += 16)
        for (size_t l = 0; l < 16; l++)
            lane[l] = x[i + l] > lane[l] ? x[i + l] : lane[l];
    for (; i < count; i++)
        largest = x[i] > largest ? x[i] : largest;
    for (size_t l = 0; l < 16; l++)
        largest = lane[l] > largest ? lane[l] : largest;
    return largest;
}

static double cross_entropy(float *restrict logits, const float *restrict bias, const uint16_t *targets,
                            const float *scale, size_t rows, size_t width, size_t stride) {
    double loss = 0.0;
    for (size_t r = 0; r < rows; r++) {
        float *restrict z = logits + r * stride;
        for (size_t i = 0; i < width; i++)
            z[i] += bias[i];
        float largest = maximum(z, width), sum = 0.0f;
        float target = z[targets[r]] - largest;
#pragma omp simd reduction(+ : sum)
        for (size_t i = 0; i < width; i++) {
            z[i] = exponential(z[i] - largest);
            sum += z[i];
        }
        loss += (double)scale[r] * (log((double)sum) - (double)target);
        float factor = scale[r] / sum;
        for (size_t i = 0; i < width; i++)
            z[i] *= factor;
        z[targets[r]] -= scale[r];
    }
    return loss;
}

static void column_sums(float *restrict out, const float *restrict x, size_t rows, size_t width,
                        size_t stride) {
    memset(out, 0, width * sizeof *out);
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < width; i++)
            out[i] += x[r * stride + i];
}

/* ---- optimiser --------------------------------------------------------------------------------- */

static double square_sum(const float *x, size_t count) {
    double sum = 0.0;
    for (size_t i = 0; i < count; i += 4096) { /* floats within a stretch, doubles between */
        size_t n = count - i < 4096 ? count - i : 4096;
        float part = 0.0f;
#pragma omp simd reduction(+ : part)
        for (size_t j = 0; j < n; j++)
            part += x[i + j] * x[i + j];
        sum += (double)part;
    }
    return sum;
}

static void adamw(float *restrict parameter, const float *restrict gradient, float *restrict first,
                  float *restrict second, float *restrict average, size_t count, const fb3_adamw *constants) {
    fb3_adamw c = *constants;
    float decay = 1.0f - c.learning_rate * c.weight_decay;
    float rate = c.learning_rate / c.correction1, root = 1.0f / sqrtf(c.correction2);
    for (size_t i = 0; i < count; i++) {
        float g = gradient[i] * c.gradient_scale;
        float m = c.beta1 * first[i] + (1.0f - c.beta1) * g;
        float v = c.beta2 * second[i] + (1.0f - c.beta2) * g * g;
        first[i] = m;
        second[i] = v;
        parameter[i] = parameter[i] * decay - rate * m / (sqrtf(v) * root + c.epsilon);
    }
    if (average != NULL)
        for (size_t i = 0; i < count; i++)
            average[i] += (1.0f - c.ema_decay) * (parameter[i] - average[i]);
}

const fb3_kernels JOIN(fb3_kernels_, FB3_VARIANT) = {.name = TEXT(FB3_VARIANT),
                                                     .rms_norm_forward = rms_norm_forward,
                                                     .rms_norm_backward = rms_norm_backward,
                                                     .gelu_forward = gelu_forward,
                                                     .gelu_backward = gelu_backward,
                                                     .dropout = dropout_apply,
                                                     .add = add,
                                                     .rope_forward = rope_forward,
                                                     .rope_backward = rope_backward,
                                                     .attention_forward = attention_forward,
                                                     .attention_backward = attention_backward,
                                                     .cross_entropy = cross_entropy,
                                                     .column_sums = column_sums,
                                                     .square_sum = square_sum,
                                                     .adamw = adamw};
