/* Panels of matrix products in the layout of a micro-kernel; compiled once per instruction set as
 * FB3_VARIANT. */
#include "nn/vector.h"

typedef float quad __attribute__((vector_size(16), aligned(4), may_alias));
typedef float octet __attribute__((vector_size(32), aligned(4), may_alias));
typedef int octet_mask __attribute__((vector_size(32)));

/* Lanes of a, then of b, by their numbers. */
#ifdef __clang__
#define SHUFFLE_OCTETS(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE_OCTETS(a, b, ...) __builtin_shuffle(a, b, (octet_mask){__VA_ARGS__})
#endif
#define PAIRS_0(a, b)   SHUFFLE_OCTETS(a, b, 0, 8, 1, 9, 4, 12, 5, 13)
#define PAIRS_1(a, b)   SHUFFLE_OCTETS(a, b, 2, 10, 3, 11, 6, 14, 7, 15)
#define FIRSTS(ab, cd)  SHUFFLE_OCTETS(ab, cd, 0, 1, 8, 9, 4, 5, 12, 13)
#define SECONDS(ab, cd) SHUFFLE_OCTETS(ab, cd, 2, 3, 10, 11, 6, 7, 14, 15)

/* By its address: without vectors of 256 bits, how they are handed over is not settled. */
static inline __attribute__((always_inline)) void store_halves(float *low, float *high, const octet *x) {
    *(quad *)low = (quad){(*x)[0], (*x)[1], (*x)[2], (*x)[3]};
    *(quad *)high = (quad){(*x)[4], (*x)[5], (*x)[6], (*x)[7]};
}

/* to[8][panel] = from[4][stride]': four columns of eight rows of a panel. */
static inline __attribute__((always_inline)) void
transpose_octets(float *restrict to, size_t panel, const float *restrict from, size_t stride) {
    octet a = *(const octet *)from, b = *(const octet *)(from + stride);
    octet c = *(const octet *)(from + 2 * stride), d = *(const octet *)(from + 3 * stride);
    octet ab0 = PAIRS_0(a, b), ab1 = PAIRS_1(a, b), cd0 = PAIRS_0(c, d), cd1 = PAIRS_1(c, d);
    octet rows[4] = {FIRSTS(ab0, cd0), SECONDS(ab0, cd0), FIRSTS(ab1, cd1), SECONDS(ab1, cd1)};
    for (size_t i = 0; i < 4; i++)
        store_halves(to + i * panel, to + (i + 4) * panel, &rows[i]);
}

/* Whole rows of a panel; those of the next one are on their way meanwhile. */
static inline __attribute__((always_inline)) void
copy_rows(float *restrict to, size_t panel, const float *restrict from, size_t stride, size_t k) {
    for (size_t p = 0; p < k; p++) {
        for (size_t j = 0; j < panel; j += 16)
            __builtin_prefetch(from + p * stride + panel + j);
        size_t j = 0;
        for (; j + 8 <= panel; j += 8)
            *(octet *)(to + p * panel + j) = *(const octet *)(from + p * stride + j);
        for (; j + 4 <= panel; j += 4)
            *(quad *)(to + p * panel + j) = *(const quad *)(from + p * stride + j);
        for (; j < panel; j++)
            to[p * panel + j] = from[p * stride + j];
    }
}

static inline __attribute__((always_inline)) void pack_panel(float *restrict to, size_t panel,
                                                             const float *restrict from, size_t stride_k,
                                                             size_t stride_j, size_t k, size_t width) {
    if (stride_j == 1 && width == panel) {
        copy_rows(to, panel, from, stride_k, k);
        return;
    }
    size_t whole_k = stride_k == 1 ? k / 8 * 8 : 0, whole_width = width / 4 * 4;
    for (size_t j = 0; j < whole_width; j += 4)
        for (size_t p = 0; p < whole_k; p += 8)
            transpose_octets(to + p * panel + j, panel, from + p + j * stride_j, stride_j);
    for (size_t p = 0; p < k; p++) {
        for (size_t j = p < whole_k ? whole_width : 0; j < width; j++)
            to[p * panel + j] = from[p * stride_k + j * stride_j];
        for (size_t j = width; j < panel; j++)
            to[p * panel + j] = 0.0f;
    }
}

void JOIN(fb3_pack_, FB3_VARIANT)(float *restrict to, size_t panel, const float *restrict from,
                                  size_t stride_k, size_t stride_j, size_t k, size_t width) {
    switch (panel) { /* constants, for the compiler, of BLIS's kernels on x86 */
    case 32:
        pack_panel(to, 32, from, stride_k, stride_j, k, width);
        break;
    case 16:
        pack_panel(to, 16, from, stride_k, stride_j, k, width);
        break;
    case 12:
        pack_panel(to, 12, from, stride_k, stride_j, k, width);
        break;
    case 6:
        pack_panel(to, 6, from, stride_k, stride_j, k, width);
        break;
    default:
        pack_panel(to, panel, from, stride_k, stride_j, k, width);
    }
}
