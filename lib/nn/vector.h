/* What the sources of the kernels share. They are plain C that the compiler vectorises, compiled once per
 * instruction set as FB3_VARIANT. */
#ifndef FB3_VECTOR_H
#define FB3_VECTOR_H

#include "base/base.h"
#include "nn/nn.h"

#include <math.h>
#include <string.h>

#define JOIN_(a, b) a##b
#define JOIN(a, b)  JOIN_(a, b)
#define TEXT_(a)    #a
#define TEXT(a)     TEXT_(a)

/* Of pack.c and attention.c, for the table in kernels.c. */
extern __typeof__(*((fb3_kernels *)0)->pack) JOIN(fb3_pack_, FB3_VARIANT);
extern __typeof__(*((fb3_kernels *)0)->rope_forward) JOIN(fb3_rope_forward_, FB3_VARIANT);
extern __typeof__(*((fb3_kernels *)0)->rope_backward) JOIN(fb3_rope_backward_, FB3_VARIANT);
extern __typeof__(*((fb3_kernels *)0)->attention_forward) JOIN(fb3_attention_forward_, FB3_VARIANT);
extern __typeof__(*((fb3_kernels *)0)->attention_backward) JOIN(fb3_attention_backward_, FB3_VARIANT);

/* x limited to [-most, most], by its magnitude as an integer: comparisons of floats make compilers compute
 * what follows for the limits too, where quotients may be subnormal and take a hundred times as long. */
static inline float limited(float x, float most) {
    uint32_t bits, largest;
    memcpy(&bits, &x, sizeof bits);
    memcpy(&largest, &most, sizeof largest);
    uint32_t magnitude = bits & 0x7fffffffu;
    bits = (bits & 0x80000000u) | (magnitude < largest ? magnitude : largest);
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* exp(x) to 2 ulp by a degree-6 polynomial on [-ln 2 / 2, ln 2 / 2] (coefficients of Cephes expf). */
static inline float exponential(float x) {
    x = limited(x, 87.0f);
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

enum { DRAWS = 8 }; /* 16-bit draws from one call of the generator */

/* A draw below the threshold drops its element, another one multiplies it with what keeps the mean. */
static inline uint32_t dropout_threshold(const fb3_dropout *dropout) {
    return (uint32_t)(dropout->rate * 65536.0f + 0.5f);
}

static inline float dropout_keep(const fb3_dropout *dropout) {
    return 65536.0f / (65536.0f - (float)dropout_threshold(dropout));
}

/* Largest of x[count], in lanes that every compiler turns into vectors. */
static inline float maximum(const float *x, size_t count) {
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

#endif
