/* Searches among rows as points: the space they lie in, and who is near whom. */
#ifndef FB3_NEIGHBOURS_H
#define FB3_NEIGHBOURS_H

#include "evaluator/evaluator.h"

/* ---- distinct rows (distinct.c) ----------------------------------------------------------------- */

typedef uint64_t (*fb3_row_hash)(const void *rows, size_t i);
typedef bool (*fb3_row_equal)(const void *rows, size_t i, size_t j);

/* Numbers the distinct of n < 2^32 rows in the order in which they come: number[n], and first[*count] the
 * first row of each (room for n). False when memory is short. */
bool fb3_distinct(flowbd3_context *context, const void *rows, size_t n, fb3_row_hash hash,
                  fb3_row_equal equal, uint32_t *number, uint32_t *first, size_t *count);

/* Continues the hash of a row with the bits of x; the two zeros are one, and so are all NaN. */
static inline uint64_t fb3_hash_cell(uint64_t hash, double x) {
    uint64_t bits = UINT64_MAX;
    x += 0.0;
    if (!isnan(x))
        memcpy(&bits, &x, sizeof bits);
    hash = (hash ^ bits) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 29;
}

/* ---- points (points.c) -------------------------------------------------------------------------- */

/* FB3_SPACE_RANGE: a number by the real column's range; FB3_SPACE_RANK: by the real column's distribution,
 * where coordinates are whole numbers 0 .. unit, so that squared distances are exact up to 2^53. In both, two
 * categories that differ add unit^2 to the squared distance. docs/metrics.md has the whole definition. */
typedef enum fb3_space { FB3_SPACE_RANGE, FB3_SPACE_RANK } fb3_space;

enum { FB3_TILE = 256 };

/* The rows of a sample, equal ones together, in an order that keeps near points in one tile of FB3_TILE. */
typedef struct fb3_points {
    size_t rows, count, numeric, categorical, tiles;
    double unit;                 /* what docs/metrics.md calls distance 1 */
    double *x;                   /* [count, numeric] */
    uint32_t *codes;             /* [count, categorical] */
    uint32_t *weight;            /* [count] rows that are this point */
    uint32_t *first;             /* [count] the first of them */
    uint32_t *point;             /* [rows] */
    double *low, *high, *middle; /* [tiles, numeric] the smallest box around a tile, and its middle */
    float *y;                    /* [count, numeric] in units, from the middle of the tile's box */
    float *square;               /* [count] |y|^2 */
    double *reach;               /* [tiles] the largest |y| */
    uint32_t *columns;           /* [tiles, categorical, FB3_TILE] the codes, column by column */
} fb3_points;

/* Part of a sample: its rows begin <= i < end of the order that seed draws, or all in their own order. */
typedef struct fb3_part {
    const fb3_sample *sample;
    size_t begin, end;
    uint64_t seed;
} fb3_part;

/* At most max_rows rows of a sample, 0 = all. */
fb3_part fb3_part_of(const fb3_sample *sample, uint64_t max_rows, uint64_t seed);

/* real makes the space. Errors: MEMORY. */
flowbd3_status fb3_points_create(fb3_points *points, flowbd3_context *context, fb3_space space,
                                 const fb3_features *features, const fb3_sample *real, fb3_part part,
                                 flowbd3_error *err);

/* The chosen[n] points of others, n > 0, each as one row. Errors: MEMORY. */
flowbd3_status fb3_points_take(fb3_points *points, flowbd3_context *context, const fb3_points *of,
                               const uint32_t *chosen, size_t n, flowbd3_error *err);
void fb3_points_destroy(fb3_points *points, flowbd3_context *context);

/* y[width] = factor (x - middle) in units, for products in single precision: limited, which brings points
 * nearer to each other but never farther apart. Returns the sum of their squares. (points.c) */
double fb3_centred(float *y, const double *x, const double *middle, size_t width, double unit, double factor);

/* Exact squared distance, in the square of coordinates. */
static inline double fb3_squared_distance(const fb3_points *a, size_t i, const fb3_points *b, size_t j) {
    const double *x = a->x + i * a->numeric, *y = b->x + j * b->numeric;
    const uint32_t *p = a->codes + i * a->categorical, *q = b->codes + j * b->categorical;
    double sum = 0.0;
    size_t differ = 0;
    for (size_t f = 0; f < a->numeric; f++)
        sum += (x[f] - y[f]) * (x[f] - y[f]);
    for (size_t f = 0; f < a->categorical; f++)
        differ += p[f] != q[f];
    return sum + (double)differ * (a->unit * a->unit);
}

/* ---- searches (search.c) ------------------------------------------------------------------------ */

/* The k nearest rows of each point, nearest first, of equally near ones the first of the table: squares, in
 * the square of coordinates, INFINITY where there are fewer rows, and their points. */
typedef struct fb3_neighbours {
    size_t k;
    double *square;  /* [queries, k] */
    uint32_t *point; /* [queries, k] */
} fb3_neighbours;

enum { FB3_MOST_NEIGHBOURS = 6 };

/* k <= FB3_MOST_NEIGHBOURS. among == queries: a row is no neighbour of itself. Errors: CANCELLED, MEMORY. */
flowbd3_status fb3_nearest(fb3_neighbours *neighbours, fb3_work *work, const fb3_points *queries,
                           const fb3_points *among, size_t k, flowbd3_error *err);
void fb3_neighbours_destroy(fb3_neighbours *neighbours, flowbd3_context *context);

/* counts[queries]: rows of among whose own squared radius, radius[among], holds the query.
 * Errors: CANCELLED, MEMORY. */
flowbd3_status fb3_count_around(uint64_t *counts, fb3_work *work, const fb3_points *queries,
                                const fb3_points *among, const double *radius, flowbd3_error *err);

/* least[queries]: the smallest value[among] of the points within the query's squared radius,
 * radius[queries]; INFINITY where there is none. Errors: CANCELLED, MEMORY. */
flowbd3_status fb3_least_within(double *least, fb3_work *work, const fb3_points *queries,
                                const double *radius, const fb3_points *among, const double *value,
                                flowbd3_error *err);

/* Steps that a search of so many rows reports. */
static inline uint64_t fb3_search_steps(size_t rows) {
    return (rows + FB3_TILE - 1) / FB3_TILE;
}

#endif
