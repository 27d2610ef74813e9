/* The transposes and products of attention, too small for a call of BLIS. Compiled once per instruction set.
 */
#ifndef FB3_SMALL_PRODUCTS_H
#define FB3_SMALL_PRODUCTS_H

#include "nn/lanes.h"

/* ---- transposes -------------------------------------------------------------------------------- */

/* x becomes its transpose: in every round rows half a square apart are interleaved. */
ALWAYS_INLINE void transpose_square(vector x[LANES]) {
    vector y[LANES];
    UNROLLED for (size_t round = 1; round < LANES; round *= 2) {
        UNROLLED for (size_t i = 0; i < LANES / 2; i++) {
            y[2 * i] = LOW(x[i], x[i + LANES / 2]);
            y[2 * i + 1] = HIGH(x[i], x[i + LANES / 2]);
        }
        UNROLLED for (size_t i = 0; i < LANES; i++) x[i] = y[i];
    }
}

/* Lane i becomes the sum of the lanes of x[i]. */
ALWAYS_INLINE vector sums(vector x[LANES]) {
    UNROLLED for (size_t left = LANES / 2; left > 0; left /= 2) UNROLLED for (size_t i = 0; i < left; i++)
        x[i] = LOW(x[i], x[i + left]) + HIGH(x[i], x[i + left]);
    return x[0];
}

/* to[columns, lanes] = factor * from[rows, columns]', whatever in the lanes behind the rows; lanes is a
 * multiple of LANES. */
static void transpose_rows(float *restrict to, size_t stride_to, const float *restrict from,
                           size_t stride_from, size_t rows, size_t columns, size_t lanes, float factor) {
    for (size_t first = 0; first < lanes; first += LANES, from += LANES * stride_from, to += LANES) {
        size_t column = 0, last = (rows - first < LANES ? rows - first : LANES) - 1;
        for (; column + LANES <= columns; column += LANES) {
            vector x[LANES];
            const float *row = from + column;
            UNROLLED for (size_t i = 0; i < LANES; i++) {
                x[i] = load(row) * factor;
                row += i < last ? stride_from : 0;
            }
            transpose_square(x);
            UNROLLED for (size_t i = 0; i < LANES; i++) store(to + (column + i) * stride_to, x[i]);
        }
        for (; column < columns; column++)
            for (size_t i = 0; i < LANES; i++)
                to[column * stride_to + i] = factor * from[(i < last ? i : last) * stride_from + column];
    }
}

/* out[rows] = the sums of a[rows, width] b[rows, width] over the width. */
static void dot_rows(float *restrict out, const float *restrict a, size_t stride_a, const float *restrict b,
                     size_t stride_b, size_t rows, size_t width) {
    size_t whole = width / LANES * LANES;
    for (size_t first = 0; first < rows; first += LANES) {
        size_t last = (rows - first < LANES ? rows - first : LANES) - 1;
        const float *ai = a + first * stride_a, *bi = b + first * stride_b;
        vector x[LANES];
        UNROLLED for (size_t i = 0; i < LANES; i++) {
            x[i] = (vector){0};
            for (size_t c = 0; c < whole; c += LANES)
                x[i] += load(ai + c) * load(bi + c);
            ai += i < last ? stride_a : 0;
            bi += i < last ? stride_b : 0;
        }
        vector sum = sums(x);
        for (size_t i = 0; i <= last; i++) {
            out[first + i] = sum[i];
            for (size_t c = whole; c < width; c++)
                out[first + i] += a[(first + i) * stride_a + c] * b[(first + i) * stride_b + c];
        }
    }
}

/* ---- products ---------------------------------------------------------------------------------- */

/* The left operand of a product, as it lies in memory: [rows, k] or [k, rows]. */
typedef enum lie { PLAIN, TRANSPOSED } lie;

ALWAYS_INLINE const float *element(const float *a, size_t stride_a, lie how, size_t i, size_t p) {
    return how == PLAIN ? a + i * stride_a + p : a + p * stride_a + i;
}

/* c[rows, vectors * LANES] (+)= a[rows, k] b[k, vectors * LANES]: how, rows and vectors are constants where
 * it is called. */
ALWAYS_INLINE void tile(float *restrict c, size_t stride_c, const float *restrict a, size_t stride_a, lie how,
                        const float *restrict b, size_t stride_b, size_t k, size_t rows, size_t vectors,
                        bool add) {
    vector sum[TILE_ROWS][2];
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < vectors; j++)
            sum[i][j] = add ? load(c + i * stride_c + j * LANES) : (vector){0};
    for (size_t p = 0; p < k; p++)
        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < vectors; j++)
                sum[i][j] += *element(a, stride_a, how, i, p) * load(b + p * stride_b + j * LANES);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < vectors; j++)
            store(c + i * stride_c + j * LANES, sum[i][j]);
}

/* The columns of one row of tiles: two vectors at a time, then one. */
ALWAYS_INLINE void tile_row(float *restrict c, size_t stride_c, const float *restrict a, size_t stride_a,
                            lie how, const float *restrict b, size_t stride_b, size_t k, size_t rows,
                            size_t columns, bool add) {
    size_t j = 0;
    for (; j + 2 * LANES <= columns; j += 2 * LANES)
        tile(c + j, stride_c, a, stride_a, how, b + j, stride_b, k, rows, 2, add);
    if (j + LANES <= columns)
        tile(c + j, stride_c, a, stride_a, how, b + j, stride_b, k, rows, 1, add);
}

/* The rows of a tile are constants, or its sums do not stay in registers. */
ALWAYS_INLINE void tiles(float *restrict c, size_t stride_c, const float *restrict a, size_t stride_a,
                         lie how, const float *restrict b, size_t stride_b, size_t k, size_t rows,
                         size_t columns, bool add) {
    for (size_t i = 0; i < rows; i += TILE_ROWS) {
        float *restrict ci = c + i * stride_c;
        const float *restrict ai = element(a, stride_a, how, i, 0);
        switch (rows - i) {
        case 1:
            tile_row(ci, stride_c, ai, stride_a, how, b, stride_b, k, 1, columns, add);
            break;
        case 2:
            tile_row(ci, stride_c, ai, stride_a, how, b, stride_b, k, 2, columns, add);
            break;
        case 3:
            tile_row(ci, stride_c, ai, stride_a, how, b, stride_b, k, 3, columns, add);
            break;
#if defined(__AVX512F__)
        case 4:
            tile_row(ci, stride_c, ai, stride_a, how, b, stride_b, k, 4, columns, add);
            break;
        case 5:
            tile_row(ci, stride_c, ai, stride_a, how, b, stride_b, k, 5, columns, add);
            break;
        case 6:
            tile_row(ci, stride_c, ai, stride_a, how, b, stride_b, k, 6, columns, add);
            break;
        case 7:
            tile_row(ci, stride_c, ai, stride_a, how, b, stride_b, k, 7, columns, add);
            break;
#endif
        default:
            tile_row(ci, stride_c, ai, stride_a, how, b, stride_b, k, TILE_ROWS, columns, add);
            break;
        }
    }
}

/* Columns that are a multiple of LANES. */
static void whole_columns(float *restrict c, size_t stride_c, const float *restrict a, size_t stride_a,
                          lie how, const float *restrict b, size_t stride_b, size_t k, size_t rows,
                          size_t columns, bool add) {
    if (how == PLAIN)
        tiles(c, stride_c, a, stride_a, PLAIN, b, stride_b, k, rows, columns, add);
    else
        tiles(c, stride_c, a, stride_a, TRANSPOSED, b, stride_b, k, rows, columns, add);
}

/* Most rows of the right operand of a product whose columns fill no whole vector. */
enum { DEEPEST = 64 };

/* Fewer than LANES columns, in copies of LANES. */
static void last_columns(float *restrict c, size_t stride_c, const float *restrict a, size_t stride_a,
                         lie how, const float *restrict b, size_t stride_b, size_t k, size_t rows,
                         size_t columns, bool add) {
    float wide_b[DEEPEST * LANES] = {0}, wide_c[TILE_ROWS * LANES] = {0};
    for (size_t p = 0; p < k; p++)
        memcpy(wide_b + p * LANES, b + p * stride_b, columns * sizeof *b);
    for (size_t i = 0; i < rows; i += TILE_ROWS) {
        size_t n = rows - i < TILE_ROWS ? rows - i : TILE_ROWS;
        for (size_t r = 0; r < n; r++)
            memcpy(wide_c + r * LANES, c + (i + r) * stride_c, columns * sizeof *c);
        whole_columns(wide_c, LANES, element(a, stride_a, how, i, 0), stride_a, how, wide_b, LANES, k, n,
                      LANES, add);
        for (size_t r = 0; r < n; r++)
            memcpy(c + (i + r) * stride_c, wide_c + r * LANES, columns * sizeof *c);
    }
}

/* c[rows, columns] (+)= a[rows, k] b[k, columns]; k is at most DEEPEST if columns is no multiple of LANES. */
static void product(float *restrict c, size_t stride_c, const float *restrict a, size_t stride_a, lie how,
                    const float *restrict b, size_t stride_b, size_t k, size_t rows, size_t columns,
                    bool add) {
    size_t whole = columns / LANES * LANES;
    if (whole > 0)
        whole_columns(c, stride_c, a, stride_a, how, b, stride_b, k, rows, whole, add);
    if (whole < columns)
        last_columns(c + whole, stride_c, a, stride_a, how, b + whole, stride_b, k, rows, columns - whole,
                     add);
}

#endif
