/* Vectors of LANES floats as the compilers of GNU C know them, and random numbers in them. Compiled once per
 * instruction set. */
#ifndef FB3_LANES_H
#define FB3_LANES_H

#include "nn/vector.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* SHUFFLE(a, b, ...): lanes of a, then of b, by their numbers. */
#ifdef __clang__
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (integers){__VA_ARGS__})
#endif

/* Before a loop over an array of vectors: they come to lie in registers once it is unrolled. */
#ifdef __clang__
#define UNROLLED _Pragma("unroll")
#else
#define UNROLLED _Pragma("GCC unroll 16")
#endif

/* The low and the high halves of a and b, one lane of a and one of b in turn. */
#if defined(__AVX512F__)
enum { LANES = 16, TILE_ROWS = 8 };
#define LOW(a, b)  SHUFFLE(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define HIGH(a, b) SHUFFLE(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#elif defined(__AVX__)
enum { LANES = 8, TILE_ROWS = 4 };
#define LOW(a, b)  SHUFFLE(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define HIGH(a, b) SHUFFLE(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#else
enum { LANES = 4, TILE_ROWS = 4 };
#define LOW(a, b)  SHUFFLE(a, b, 0, 4, 1, 5)
#define HIGH(a, b) SHUFFLE(a, b, 2, 6, 3, 7)
#endif

/* The floats of a register, and integers in their place. An array of floats does not stay in registers. */
typedef float vector __attribute__((vector_size(LANES * sizeof(float)), aligned(sizeof(float)), may_alias));
typedef int32_t integers
    __attribute__((vector_size(LANES * sizeof(int32_t)), aligned(sizeof(int32_t)), may_alias));

ALWAYS_INLINE vector load(const float *x) {
    return *(const vector *)x;
}

ALWAYS_INLINE void store(float *x, vector v) {
    *(vector *)x = v;
}

ALWAYS_INLINE vector all_lanes(float x) {
    return (vector){0} + x;
}

/* The larger of every lane: b where there is no number in one of them. */
ALWAYS_INLINE vector larger(vector a, vector b) {
    vector c;
    for (size_t l = 0; l < LANES; l++)
        c[l] = a[l] > b[l] ? a[l] : b[l];
    return c;
}

/* a where the mask is set, elsewhere b. */
ALWAYS_INLINE vector choose(integers mask, vector a, vector b) {
    return (vector)((mask & (integers)a) | (~mask & (integers)b));
}

/* exp(x) for x below 88, as exponential() computes it; 0 for x below -87.7. */
ALWAYS_INLINE vector exponential_lanes(vector x) {
    x = larger(all_lanes(-88.0f), x);
    vector n = x * 1.44269504088896341f + 12582912.0f;
    integers bits = (integers)n;
    n -= 12582912.0f;
    vector r = x - n * 0.693359375f + n * 2.12194440e-4f;
    vector p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    return p * (vector)((bits + 127) << 23);
}

/* log(x) of x from 1 on, to 2 ulp of x's exponent (coefficients of Cephes logf). */
ALWAYS_INLINE vector logarithm_lanes(vector x) {
    integers bits = (integers)x - 0x3f3504f3; /* sqrt(1/2): the fraction comes to lie around 1 */
    integers exponent = bits >> 23;
    vector m = (vector)((bits & 0x7fffff) + 0x3f3504f3) - 1.0f, e = {0};
    for (size_t l = 0; l < LANES; l++)
        e[l] = (float)exponent[l];
    vector p = m * 7.0376836292e-2f - 1.1514610310e-1f;
    p = p * m + 1.1676998740e-1f;
    p = p * m - 1.2420140846e-1f;
    p = p * m + 1.4249322787e-1f;
    p = p * m - 1.6668057665e-1f;
    p = p * m + 2.0000714765e-1f;
    p = p * m - 2.4999993993e-1f;
    p = p * m + 3.3333331174e-1f;
    vector square = m * m;
    return p * m * square + e * -2.12194440e-4f - 0.5f * square + m + e * 0.693359375f;
}

/* ---- random numbers ---------------------------------------------------------------------------- */

typedef uint32_t words __attribute__((vector_size(LANES * sizeof(uint32_t)), may_alias));
typedef uint64_t pairs __attribute__((vector_size(LANES * sizeof(uint32_t)), may_alias));

/* The products of the lower halves of a with b. GCC does not see that the upper ones do not count, and
 * multiplies three times: attention over 512 tokens then takes a tenth (AVX-512) to a quarter (AVX2) longer.
 */
ALWAYS_INLINE pairs multiply_lower(pairs a, uint32_t b) {
#if defined(__AVX512F__)
    return (pairs)_mm512_mul_epu32((__m512i)a, _mm512_set1_epi64(b));
#elif defined(__AVX2__)
    return (pairs)_mm256_mul_epu32((__m256i)a, _mm256_set1_epi64x(b));
#else
    return (a & 0xffffffffu) * b;
#endif
}

/* Four words for each of LANES / 2 counters, in the lower halves: Philox 4x32-10 (Salmon et al. 2011), as
 * fb3_random. What is in the upper halves does not count. */
ALWAYS_INLINE void random_pairs(pairs word[4], const fb3_dropout *dropout, pairs counter) {
    pairs a = counter, b = counter >> 32, c = (pairs){0} + dropout->step, d = (pairs){0} + FB3_RANDOM_DROPOUT;
    uint32_t key0 = (uint32_t)dropout->seed, key1 = (uint32_t)(dropout->seed >> 32);
    for (size_t round = 0; round < 10; round++) {
        pairs x = multiply_lower(a, 0xd2511f53u), y = multiply_lower(c, 0xcd9e8d57u);
        a = y >> 32 ^ b ^ key0;
        b = y;
        c = x >> 32 ^ d ^ key1;
        d = x;
        key0 += 0x9e3779b9u;
        key1 += 0xbb67ae85u;
    }
    word[0] = a;
    word[1] = b;
    word[2] = c;
    word[3] = d;
}

/* Four words for each of LANES counters of the masks of dropout: lane l has first + l * step. */
ALWAYS_INLINE void random_lanes(words word[4], const fb3_dropout *dropout, uint64_t first, uint64_t step) {
    pairs even, even_word[4], odd_word[4];
    for (size_t l = 0; l < LANES / 2; l++)
        even[l] = first + 2 * l * step;
    random_pairs(even_word, dropout, even);
    random_pairs(odd_word, dropout, even + step);
    for (size_t i = 0; i < 4; i++)
        word[i] = (words)((even_word[i] & 0xffffffffu) | odd_word[i] << 32);
}

/* The factors of the elements that draw number draw of those words, below DRAWS, is for. */
ALWAYS_INLINE vector dropout_lanes(const words word[4], size_t draw, const fb3_dropout *dropout) {
    words drawn = word[draw / 2] >> draw % 2 * 16 & 0xffffu;
    return choose((integers)drawn >= (int32_t)dropout_threshold(dropout), all_lanes(dropout_keep(dropout)),
                  (vector){0});
}

#endif
