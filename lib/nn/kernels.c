/* The layers in plain C that the compiler vectorises; compiled once per instruction set as FB3_VARIANT. */
#include "nn/lanes.h"

static const float norm_epsilon = 1e-6f;

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

/* 1 / (1 + exp(-2 u)) at x. Beyond 60 it is 0 or 1 to far more digits than a float has. */
static inline float gelu_sigmoid(float x) {
    return 1.0f / (1.0f + exponential(limited(-gelu_a * (x + gelu_b * x * x * x), 60.0f)));
}

static void gelu_forward(float *restrict out, const float *restrict x, size_t rows, size_t width,
                         size_t stride) {
    for (size_t r = 0; r < rows; r++) {
        const float *restrict xr = x + r * stride;
        float *restrict o = out + r * stride;
        for (size_t i = 0; i < width; i++) {
            float v = xr[i];
            o[i] = v * gelu_sigmoid(v);
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
            float s = gelu_sigmoid(v);
            float slope = gelu_a * (1.0f + 3.0f * gelu_b * v * v);
            xr[i] = d[i] * (s + v * s * (1.0f - s) * slope);
        }
    }
}

/* ---- dropout ----------------------------------------------------------------------------------- */

/* Elements whose factors come from the same COUNTERS counters. Their order among the draws of those does not
 * depend on LANES. */
enum { COUNTERS = 16, CHUNK = COUNTERS * DRAWS };

static void dropout_factors(float factors[CHUNK], const fb3_dropout *dropout, uint64_t first) {
    for (size_t l = 0; l < COUNTERS; l += LANES) {
        words word[4];
        random_lanes(word, dropout, dropout->stream << 40 | (first + l), 1);
        for (size_t draw = 0; draw < DRAWS; draw++)
            store(factors + draw * COUNTERS + l, dropout_lanes(word, draw, dropout));
    }
}

static void dropout_apply(float *x, const fb3_dropout *dropout, size_t first_row, size_t rows, size_t width,
                          size_t stride) {
    float factors[CHUNK];
    if (dropout->rate <= 0.0f)
        return;
    uint64_t row_chunks = (width + CHUNK - 1) / CHUNK;
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < width; i += CHUNK) {
            size_t n = width - i < CHUNK ? width - i : CHUNK;
            dropout_factors(factors, dropout, ((first_row + r) * row_chunks + i / CHUNK) * COUNTERS);
            for (size_t j = 0; j < n; j++)
                x[r * stride + i + j] *= factors[j];
        }
}

static void add(float *restrict y, const float *restrict x, size_t rows, size_t width, size_t stride) {
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < width; i++)
            y[r * stride + i] += x[r * stride + i];
}

/* ---- loss -------------------------------------------------------------------------------------- */

static void cross_entropy(float *restrict logits, const float *restrict bias, const uint16_t *targets,
                          const float *scale, float *restrict losses, size_t rows, size_t width,
                          size_t stride) {
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
        losses[r] = (float)(log((double)sum) - (double)target);
        float factor = scale[r] / sum;
        for (size_t i = 0; i < width; i++)
            z[i] *= factor;
        z[targets[r]] -= scale[r];
    }
}

static void column_sums(float *restrict out, const float *restrict x, size_t rows, size_t width,
                        size_t stride) {
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

/* ---- searching --------------------------------------------------------------------------------- */

static double offsets(float *restrict y, const double *restrict x, const double *restrict middle,
                      size_t count, double scale, double most) {
    double sum = 0.0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < count; i++) {
        double offset = (x[i] - middle[i]) * scale;
        offset = offset < most ? offset : most;
        y[i] = (float)(offset > -most ? offset : -most);
        sum += (double)y[i] * (double)y[i];
    }
    return sum;
}

static size_t first_within(const float *x, size_t count, float limit) {
    enum { BLOCK = 64 };
    size_t i = 0;
    for (; i + BLOCK <= count; i += BLOCK) {
        int any = 0;
        for (size_t j = 0; j < BLOCK; j++)
            any |= x[i + j] <= limit;
        if (any != 0)
            break;
    }
    while (i < count && !(x[i] <= limit))
        i++;
    return i;
}

const fb3_kernels JOIN(fb3_kernels_,
                       FB3_VARIANT) = {.name = TEXT(FB3_VARIANT),
                                       .pack = JOIN(fb3_pack_, FB3_VARIANT),
                                       .rms_norm_forward = rms_norm_forward,
                                       .rms_norm_backward = rms_norm_backward,
                                       .gelu_forward = gelu_forward,
                                       .gelu_backward = gelu_backward,
                                       .dropout = dropout_apply,
                                       .add = add,
                                       .rope_forward = JOIN(fb3_rope_forward_, FB3_VARIANT),
                                       .rope_backward = JOIN(fb3_rope_backward_, FB3_VARIANT),
                                       .attention_forward = JOIN(fb3_attention_forward_, FB3_VARIANT),
                                       .attention_backward = JOIN(fb3_attention_backward_, FB3_VARIANT),
                                       .cross_entropy = cross_entropy,
                                       .column_sums = column_sums,
                                       .square_sum = square_sum,
                                       .offsets = offsets,
                                       .first_within = first_within,
                                       .adamw = adamw};
