/* Rows as points: their coordinates by the real table, equal rows together, near ones side by side.
 *
 * Points are put in order by halving them at the median of their widest coordinate, as in a k-d tree (Bentley
 * 1975), down to tiles. A tile then is a small box: searches leave out tiles that are too far away, and
 * coordinates taken from the box's middle are small where points are near, so that single precision tells
 * them apart. */
#include "evaluator/neighbours.h"

#include "nn/nn.h"

#include <stdlib.h>

/* ---- coordinates -------------------------------------------------------------------------------- */

/* By the range of the real column; where that is empty, 0 for its value and 1 for others. Limited where
 * squares would overflow. */
static double by_range(double x, const fb3_sample_column *real) {
    const double most = 1e150;
    double low = real->present > 0 ? real->sorted[0] : NAN;
    double high = real->present > 0 ? real->sorted[real->present - 1] : NAN;
    if (isnan(x))
        return -1.0;
    if (!(high > low))
        return x == low ? 0.0 : 1.0;
    double scaled = (0.5 * x - 0.5 * low) / (0.5 * high - 0.5 * low);
    return scaled < -most ? -most : scaled > most ? most : scaled;
}

/* Real cells below x and up to x, added; missing cells are below all numbers. */
static double by_rank(double x, const fb3_sample_column *real) {
    if (isnan(x))
        return (double)real->missing;
    return 2.0 * (double)real->missing + (double)fb3_cells_below(real->sorted, real->present, x, false) +
           (double)fb3_cells_below(real->sorted, real->present, x, true);
}

/* Rows of a part in the order of the part, equal ones not yet together. */
typedef struct raw {
    size_t rows, numeric, categorical;
    double *x;       /* [rows, numeric] */
    uint32_t *codes; /* [rows, categorical] */
} raw;

typedef struct place_argument {
    raw *to;
    fb3_space space;
    const fb3_features *features;
    const fb3_sample *real, *sample;
    const size_t *chosen; /* [rows], or NULL */
    size_t *place;        /* [features] among the columns of its kind */
} place_argument;

static void place_feature(void *argument, size_t f, unsigned worker) {
    (void)worker;
    const place_argument *p = argument;
    const double *values = p->sample->columns[f].values;
    const fb3_sample_column *real = &p->real->columns[f];
    for (size_t i = 0; i < p->to->rows; i++) {
        double value = values[p->chosen != NULL ? p->chosen[i] : i];
        if (!p->features->list[f].numeric)
            p->to->codes[i * p->to->categorical + p->place[f]] = (uint32_t)value;
        else
            p->to->x[i * p->to->numeric + p->place[f]] =
                p->space == FB3_SPACE_RANGE ? by_range(value, real) : by_rank(value, real);
    }
}

/* count * width elements, NULL where that overflows. */
static void *allocate_matrix(flowbd3_context *context, size_t count, size_t width, size_t size) {
    return width == 0 || count <= SIZE_MAX / width ? fb3_allocate(context, count * width, size) : NULL;
}

static bool place_rows(raw *to, flowbd3_context *context, fb3_space space, const fb3_features *features,
                       const fb3_sample *real, fb3_part part) {
    *to = (raw){.rows = part.end - part.begin, .numeric = features->n_numeric};
    to->categorical = features->count - to->numeric;
    to->x = allocate_matrix(context, to->rows, to->numeric, sizeof *to->x);
    to->codes = allocate_matrix(context, to->rows, to->categorical, sizeof *to->codes);
    size_t *place = fb3_allocate(context, features->count, sizeof *place), *order = NULL;
    bool whole = to->x != NULL && to->codes != NULL && place != NULL;
    if (whole && to->rows < part.sample->rows) {
        order = fb3_allocate(context, part.sample->rows, sizeof *order);
        whole = order != NULL;
        if (whole)
            fb3_permutation(order, part.sample->rows, part.seed, FB3_RANDOM_SUBSAMPLE, 0);
    }
    if (whole) {
        size_t kinds[2] = {0, 0};
        for (size_t f = 0; f < features->count; f++)
            place[f] = kinds[features->list[f].numeric]++;
        place_argument argument = {
            to, space, features, real, part.sample, order != NULL ? order + part.begin : NULL, place};
        fb3_parallel(context, features->count, place_feature, &argument);
    }
    fb3_release(context, place);
    fb3_release(context, order);
    return whole;
}

fb3_part fb3_part_of(const fb3_sample *sample, uint64_t max_rows, uint64_t seed) {
    bool some = max_rows != 0 && max_rows < sample->rows;
    return (fb3_part){sample, 0, some ? (size_t)max_rows : sample->rows, seed};
}

/* ---- equal rows --------------------------------------------------------------------------------- */

static uint64_t hash_row(const void *rows, size_t i) {
    const raw *r = rows;
    uint64_t hash = 0;
    for (size_t f = 0; f < r->numeric; f++)
        hash = fb3_hash_cell(hash, r->x[i * r->numeric + f]);
    for (size_t f = 0; f < r->categorical; f++)
        hash = fb3_hash_cell(hash, (double)r->codes[i * r->categorical + f]);
    return hash;
}

static bool equal_rows(const void *rows, size_t i, size_t j) {
    const raw *r = rows;
    for (size_t f = 0; f < r->numeric; f++)
        if (r->x[i * r->numeric + f] != r->x[j * r->numeric + f])
            return false;
    return r->categorical == 0 || memcmp(r->codes + i * r->categorical, r->codes + j * r->categorical,
                                         r->categorical * sizeof *r->codes) == 0;
}

/* ---- order -------------------------------------------------------------------------------------- */

typedef struct by_column {
    const double *x;
    size_t width, column;
} by_column;

static int compare_rows(const void *a, const void *b, void *argument) {
    const by_column *by = argument;
    uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    double left = by->x[i * by->width + by->column], right = by->x[j * by->width + by->column];
    return left != right ? (left > right) - (left < right) : (i > j) - (i < j);
}

static void column_range(const raw *from, const uint32_t *order, size_t n, size_t column, double *low,
                         double *high) {
    *low = INFINITY;
    *high = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        double x = from->x[order[i] * from->numeric + column];
        *low = x < *low ? x : *low;
        *high = x > *high ? x : *high;
    }
}

/* Sorts rows order[n] into tiles. */
static void order_tiles(const raw *from, uint32_t *order, size_t n) {
    while (n > FB3_TILE) {
        by_column by = {from->x, from->numeric, 0};
        double widest = 0.0;
        for (size_t f = 0; f < from->numeric; f++) {
            double low, high;
            column_range(from, order, n, f, &low, &high);
            if (high - low <= widest)
                continue;
            widest = high - low;
            by.column = f;
        }
        if (widest == 0.0)
            return;
        qsort_r(order, n, sizeof *order, compare_rows, &by);
        size_t half = (size_t)fb3_search_steps(n) / 2 * FB3_TILE;
        order_tiles(from, order, half);
        order += half;
        n -= half;
    }
}

/* ---- tiles -------------------------------------------------------------------------------------- */

double fb3_centred(float *y, const double *x, const double *middle, size_t width, double unit,
                   double factor) {
    const double most = 1e6; /* units */
    return fb3_kernels_best()->offsets(y, x, middle, width, factor / unit, most * fabs(factor));
}

static void describe_tile(fb3_points *to, size_t tile) {
    size_t begin = tile * FB3_TILE, end = begin + FB3_TILE < to->count ? begin + FB3_TILE : to->count;
    double *low = to->low + tile * to->numeric, *high = to->high + tile * to->numeric, reach = 0.0;
    double *middle = to->middle + tile * to->numeric;
    for (size_t f = 0; f < to->numeric; f++) {
        low[f] = INFINITY;
        high[f] = -INFINITY;
        for (size_t i = begin; i < end; i++) {
            double x = to->x[i * to->numeric + f];
            low[f] = x < low[f] ? x : low[f];
            high[f] = x > high[f] ? x : high[f];
        }
        middle[f] = 0.5 * low[f] + 0.5 * high[f];
    }
    for (size_t i = begin; i < end; i++) {
        double square =
            fb3_centred(to->y + i * to->numeric, to->x + i * to->numeric, middle, to->numeric, to->unit, 1.0);
        to->square[i] = (float)square;
        reach = square > reach ? square : reach;
        for (size_t f = 0; f < to->categorical; f++)
            to->columns[(tile * to->categorical + f) * FB3_TILE + i - begin] =
                to->codes[i * to->categorical + f];
    }
    to->reach[tile] = sqrt(reach);
}

static bool allocate_points(fb3_points *to, flowbd3_context *context) {
    size_t boxes = to->tiles * to->numeric;
    to->x = allocate_matrix(context, to->count, to->numeric, sizeof *to->x);
    to->codes = allocate_matrix(context, to->count, to->categorical, sizeof *to->codes);
    to->weight = fb3_allocate_zero(context, to->count, sizeof *to->weight);
    to->low = fb3_allocate(context, boxes, sizeof *to->low);
    to->high = fb3_allocate(context, boxes, sizeof *to->high);
    to->middle = fb3_allocate(context, boxes, sizeof *to->middle);
    to->y = fb3_allocate_floats(context, to->count * to->numeric);
    to->square = fb3_allocate(context, to->count, sizeof *to->square);
    to->reach = fb3_allocate(context, to->tiles, sizeof *to->reach);
    to->columns = fb3_allocate_zero(context, to->tiles * to->categorical * FB3_TILE, sizeof *to->columns);
    return to->x != NULL && to->codes != NULL && to->weight != NULL && to->low != NULL && to->high != NULL &&
           to->middle != NULL && to->y != NULL && to->square != NULL && to->reach != NULL &&
           to->columns != NULL;
}

/* Rows rank[d] of the distinct ones, first[d], become the points, in the order of their tiles. */
static void fill_points(fb3_points *to, const raw *from, const uint32_t *order, uint32_t *place,
                        const uint32_t *number) {
    for (size_t i = 0; i < to->count; i++) {
        size_t row = order[i];
        place[number[row]] = (uint32_t)i;
        to->first[i] = order[i];
        if (from->numeric > 0)
            memcpy(to->x + i * from->numeric, from->x + row * from->numeric, from->numeric * sizeof *to->x);
        if (from->categorical > 0)
            memcpy(to->codes + i * from->categorical, from->codes + row * from->categorical,
                   from->categorical * sizeof *to->codes);
    }
    for (size_t row = 0; row < from->rows; row++) {
        to->point[row] = place[number[row]];
        to->weight[to->point[row]]++;
    }
    for (size_t tile = 0; tile < to->tiles; tile++)
        describe_tile(to, tile);
}

/* placed: whether from is whole. Takes its memory. */
static flowbd3_status create_points(fb3_points *points, flowbd3_context *context, raw from, bool placed,
                                    double unit, flowbd3_error *err) {
    size_t rows = from.rows;
    *points = (fb3_points){.rows = rows, .unit = unit};
    points->point = fb3_allocate(context, rows, sizeof *points->point);
    points->first = fb3_allocate(context, rows, sizeof *points->first);
    uint32_t *number = fb3_allocate(context, rows, sizeof *number);
    uint32_t *place = fb3_allocate(context, rows, sizeof *place);
    uint32_t *order = fb3_allocate(context, rows, sizeof *order);
    bool whole = placed && points->point != NULL && points->first != NULL && number != NULL &&
                 place != NULL && order != NULL &&
                 fb3_distinct(context, &from, rows, hash_row, equal_rows, number, order, &points->count);
    points->numeric = from.numeric;
    points->categorical = from.categorical;
    points->tiles = (size_t)fb3_search_steps(points->count);
    whole = whole && allocate_points(points, context);
    if (whole) {
        order_tiles(&from, order, points->count);
        fill_points(points, &from, order, place, number);
    }
    fb3_release(context, from.x);
    fb3_release(context, from.codes);
    fb3_release(context, number);
    fb3_release(context, place);
    fb3_release(context, order);
    if (whole)
        return FLOWBD3_OK;
    fb3_points_destroy(points, context);
    return fb3_no_memory(err, "the rows as points");
}

flowbd3_status fb3_points_create(fb3_points *points, flowbd3_context *context, fb3_space space,
                                 const fb3_features *features, const fb3_sample *real, fb3_part part,
                                 flowbd3_error *err) {
    raw from;
    bool placed = place_rows(&from, context, space, features, real, part);
    double unit = space == FB3_SPACE_RANGE ? 1.0 : 2.0 * (double)real->rows;
    return create_points(points, context, from, placed, unit, err);
}

flowbd3_status fb3_points_take(fb3_points *points, flowbd3_context *context, const fb3_points *of,
                               const uint32_t *chosen, size_t n, flowbd3_error *err) {
    raw from = {.rows = n, .numeric = of->numeric, .categorical = of->categorical};
    from.x = allocate_matrix(context, n, from.numeric, sizeof *from.x);
    from.codes = allocate_matrix(context, n, from.categorical, sizeof *from.codes);
    bool placed = from.x != NULL && from.codes != NULL;
    for (size_t i = 0; placed && i < n; i++) {
        for (size_t f = 0; f < from.numeric; f++)
            from.x[i * from.numeric + f] = of->x[chosen[i] * of->numeric + f];
        for (size_t f = 0; f < from.categorical; f++)
            from.codes[i * from.categorical + f] = of->codes[chosen[i] * of->categorical + f];
    }
    return create_points(points, context, from, placed, of->unit, err);
}

void fb3_points_destroy(fb3_points *points, flowbd3_context *context) {
    fb3_release(context, points->x);
    fb3_release(context, points->codes);
    fb3_release(context, points->weight);
    fb3_release(context, points->first);
    fb3_release(context, points->point);
    fb3_release(context, points->low);
    fb3_release(context, points->high);
    fb3_release(context, points->middle);
    fb3_release_floats(context, points->y);
    fb3_release(context, points->square);
    fb3_release(context, points->reach);
    fb3_release(context, points->columns);
    *points = (fb3_points){0};
}
