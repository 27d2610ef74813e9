/* Panels of matrix products in the layout of a micro-kernel; compiled once per instruction set as
 * FB3_VARIANT. */
#include "nn/vector.h"

typedef float quad __attribute__((vector_size(16), aligned(4), may_alias));
typedef float octet __attribute__((vector_size(32), aligned(4), may_alias));

/* Lanes of a, then of b, by their numbers; the first four transpose halves. */
#define PAIRS_0(a, b)   __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13)
#define PAIRS_1(a, b)   __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15)
#define FIRSTS(ab, cd)  __builtin_shufflevector(ab, cd, 0, 1, 8, 9, 4, 5, 12, 13)
#define SECONDS(ab, cd) __builtin_shufflevector(ab, cd, 2, 3, 10, 11, 6, 7, 14, 15)
#define HALVES(a, b)    __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7)

/* to[4][panel] = from[8][stride]': eight columns of four rows of a panel. */
static inline __attribute__((always_inline)) void
transpose_octets(float *restrict to, size_t panel, const float *restrict from, size_t stride) {
    octet x[4];
    for (size_t i = 0; i < 4; i++)
        x[i] = HALVES(*(const quad *)(from + i * stride), *(const quad *)(from + (i + 4) * stride));
    octet ab0 = PAIRS_0(x[0], x[1]), ab1 = PAIRS_1(x[0], x[1]);
    octet cd0 = PAIRS_0(x[2], x[3]), cd1 = PAIRS_1(x[2], x[3]);
    *(octet *)to = FIRSTS(ab0, cd0);
    *(octet *)(to + panel) = SECONDS(ab0, cd0);
    *(octet *)(to + 2 * panel) = FIRSTS(ab1, cd1);
    *(octet *)(to + 3 * panel) = SECONDS(ab1, cd1);
}

/* Whole rows of a panel. */
static inline __attribute__((always_inline)) void
copy_rows(float *restrict to, size_t panel, const float *restrict from, size_t stride, size_t k) {
    for (size_t p = 0; p < k; p++) {
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
    size_t whole_k = stride_k == 1 ? k / 4 * 4 : 0, whole_width = width / 8 * 8;
    for (size_t j = 0; j < whole_width; j += 8)
        for (size_t p = 0; p < whole_k; p += 4)
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
