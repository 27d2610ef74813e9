/* Who is near whom, by blocks of products.
 *
 * A tile of queries is held against a tile of points: |q|^2 + |y|^2 - 2 q y in single precision for all pairs
 * at once, coordinates taken from the middle of the box around the points, plus 1 for every category that
 * differs. That is a filter: a pair whose square exceeds the limit by more than the rounding may have added
 * is out; any other is computed again in double precision from the coordinates and decides by that. So
 * results are those of a search through all pairs. Tiles whose boxes are farther apart than the limit are
 * left out. */
#include "evaluator/neighbours.h"

#include "nn/nn.h"

#include <stdlib.h>

typedef enum purpose { NEAREST, COUNT_AROUND, LEAST_WITHIN } purpose;

typedef struct near_tile {
    double bound; /* squared, below that of any pair */
    uint32_t tile;
} near_tile;

/* What a thread works with. */
typedef struct desk {
    float *products;  /* [FB3_TILE, FB3_TILE] */
    float *q;         /* [FB3_TILE, numeric] -2 times the queries, from the middle of the points' box */
    float *scratch;   /* of fb3_gemm */
    near_tile *order; /* [among->tiles] */
} desk;

typedef struct search {
    purpose purpose;
    const fb3_points *queries, *among;
    size_t k;
    fb3_neighbours *neighbours; /* NEAREST; point holds distinct points until it is finished */
    const double *radius;       /* COUNT_AROUND: [among]; LEAST_WITHIN: [queries] */
    double *widest;             /* COUNT_AROUND: [among->tiles] the largest of a tile */
    float *offsets;             /* [among] |y|^2, for COUNT_AROUND less the radius */
    uint64_t *counts;           /* COUNT_AROUND */
    const double *value;        /* LEAST_WITHIN: [among] */
    double *least;              /* LEAST_WITHIN */
    desk *desks;                /* per thread */
} search;

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

/* ---- what is done with a pair ------------------------------------------------------------------- */

/* Point j takes its place among the k nearest of query i, by distance and then by row. */
static void insert(const search *s, size_t i, size_t j, double square) {
    double *squares = s->neighbours->square + i * s->k;
    uint32_t *points = s->neighbours->point + i * s->k;
    const uint32_t *first = s->among->first;
    if (s->queries == s->among && i == j && s->among->weight[j] == 1)
        return;
    size_t at = s->k;
    while (at > 0 && (square < squares[at - 1] ||
                      (square == squares[at - 1] && isfinite(square) && first[j] < first[points[at - 1]])))
        at--;
    if (at == s->k)
        return;
    memmove(squares + at + 1, squares + at, (s->k - at - 1) * sizeof *squares);
    memmove(points + at + 1, points + at, (s->k - at - 1) * sizeof *points);
    squares[at] = square;
    points[at] = (uint32_t)j;
}

static void take_pair(const search *s, size_t i, size_t j) {
    double square = fb3_squared_distance(s->queries, i, s->among, j);
    if (s->purpose == NEAREST)
        insert(s, i, j, square);
    else if (s->purpose == COUNT_AROUND)
        s->counts[i] += square <= s->radius[j] ? s->among->weight[j] : 0;
    else if (square <= s->radius[i] && s->value[j] < s->least[i])
        s->least[i] = s->value[j];
}

/* Pairs of query i beyond this square are of no interest. COUNT_AROUND has it in the offsets. */
static double limit_of(const search *s, size_t i) {
    return s->purpose == NEAREST        ? s->neighbours->square[i * s->k + s->k - 1]
           : s->purpose == COUNT_AROUND ? 0.0
                                        : s->radius[i];
}

/* ---- a tile of queries against a tile of points ------------------------------------------------- */

/* row[n] = offsets + the number of categories that differ. */
static void count_categories(float *restrict row, const search *s, size_t i, size_t tile, size_t n) {
    const fb3_points *among = s->among;
    memcpy(row, s->offsets + tile * FB3_TILE, n * sizeof *row);
    for (size_t f = 0; f < among->categorical; f++) {
        const uint32_t *restrict codes = among->columns + (tile * among->categorical + f) * FB3_TILE;
        uint32_t code = s->queries->codes[i * among->categorical + f];
        for (size_t j = 0; j < n; j++)
            row[j] += codes[j] != code ? 1.0f : 0.0f;
    }
}

/* What rounding may add to a square in single precision: a product of d terms is off by at most d u |q| |y|
 * (Higham 2002, section 3.1, u = 2^-24), its operands by u each, every further sum by u of what is summed. */
static double rounding(const search *s, double square_of_query, size_t tile) {
    const fb3_points *among = s->among;
    double terms = (double)(among->numeric + 2 * among->categorical + 16);
    double reach = sqrt(square_of_query) + among->reach[tile];
    double size = reach * reach + (double)among->categorical;
    if (s->purpose == COUNT_AROUND)
        size += s->widest[tile] / (among->unit * among->unit);
    return terms * 0x1p-24 * size + 1e-37;
}

/* A float that is not below x. */
static float float_above(double x) {
    return x < 1e38 ? nextafterf((float)x, INFINITY) : INFINITY;
}

/* Takes the pairs of query i whose product may be within its limit. */
static void scan_row(const search *s, const float *row, size_t i, size_t tile, size_t n, double slack) {
    double units = s->among->unit * s->among->unit;
    float limit = float_above(limit_of(s, i) / units + slack);
    const fb3_kernels *kernels = fb3_kernels_best();
    for (size_t j = kernels->first_within(row, n, limit); j < n;) {
        take_pair(s, i, tile * FB3_TILE + j);
        limit = float_above(limit_of(s, i) / units + slack);
        j++;
        j += kernels->first_within(row + j, n - j, limit);
    }
}

static void search_tile(const search *s, desk *d, size_t begin, size_t m, size_t tile) {
    const fb3_points *among = s->among;
    size_t n = smaller(FB3_TILE, among->count - tile * FB3_TILE), width = among->numeric;
    double slack[FB3_TILE];
    for (size_t i = 0; i < m; i++) {
        double square = 0.25 * fb3_centred(d->q + i * width, s->queries->x + (begin + i) * width,
                                           among->middle + tile * width, width, among->unit, -2.0);
        slack[i] = rounding(s, square, tile) - square;
        count_categories(d->products + i * FB3_TILE, s, begin + i, tile, n);
    }
    if (width > 0)
        fb3_gemm(FB3_PLAIN, FB3_TRANSPOSED, m, n, width, d->q, width, among->y + tile * FB3_TILE * width,
                 width, 1.0f, d->products, FB3_TILE, d->scratch);
    for (size_t i = 0; i < m; i++)
        scan_row(s, d->products + i * FB3_TILE, begin + i, tile, n, slack[i]);
}

/* ---- a tile of queries against all points ------------------------------------------------------- */

static int compare_bounds(const void *a, const void *b) {
    const near_tile *left = a, *right = b;
    return left->bound != right->bound ? (left->bound > right->bound) - (left->bound < right->bound)
                                       : (left->tile > right->tile) - (left->tile < right->tile);
}

/* All tiles, the nearest boxes first. Rounding of the sum must not raise a bound above the squares. */
static void order_tiles(near_tile *order, const search *s, size_t block) {
    const fb3_points *among = s->among;
    size_t width = among->numeric;
    const double *low = s->queries->low + block * width, *high = s->queries->high + block * width;
    for (size_t tile = 0; tile < among->tiles; tile++) {
        double sum = 0.0;
        for (size_t f = 0; f < width; f++) {
            double above = among->low[tile * width + f] - high[f];
            double below = low[f] - among->high[tile * width + f];
            double gap = above > below ? above : below;
            sum += gap > 0.0 ? gap * gap : 0.0;
        }
        order[tile] = (near_tile){sum * (1.0 - 1e-12), (uint32_t)tile};
    }
    qsort(order, among->tiles, sizeof *order, compare_bounds);
}

/* The largest limit of queries begin .. begin + m - 1. */
static double widest_limit(const search *s, size_t begin, size_t m) {
    double widest = 0.0;
    for (size_t i = begin; i < begin + m; i++)
        widest = fmax(widest, limit_of(s, i));
    return widest;
}

/* The k nearest points of query i become its k nearest rows: a point counts as often as there are rows. */
static void repeat_points(const search *s, size_t i) {
    double square[FB3_MOST_NEIGHBOURS], *squares = s->neighbours->square + i * s->k;
    uint32_t point[FB3_MOST_NEIGHBOURS], *points = s->neighbours->point + i * s->k;
    memcpy(square, squares, s->k * sizeof *square);
    memcpy(point, points, s->k * sizeof *point);
    size_t filled = 0;
    for (size_t at = 0; at < s->k && filled < s->k; at++) {
        bool self = s->queries == s->among && point[at] == i;
        size_t rows = isinf(square[at]) ? s->k : s->among->weight[point[at]] - self;
        for (; rows > 0 && filled < s->k; rows--, filled++) {
            squares[filled] = square[at];
            points[filled] = point[at];
        }
    }
}

static void search_block(void *argument, size_t block, unsigned worker) {
    const search *s = argument;
    desk *d = &s->desks[worker];
    if (block >= s->queries->tiles)
        return;
    size_t begin = block * FB3_TILE, m = smaller(FB3_TILE, s->queries->count - begin);
    order_tiles(d->order, s, block);
    for (size_t at = 0; at < s->among->tiles; at++) {
        size_t tile = d->order[at].tile;
        double limit = s->purpose == COUNT_AROUND ? s->widest[tile] : widest_limit(s, begin, m);
        if (d->order[at].bound <= limit)
            search_tile(s, d, begin, m, tile);
    }
    if (s->purpose == NEAREST)
        for (size_t i = begin; i < begin + m; i++)
            repeat_points(s, i);
}

/* ---- searches ----------------------------------------------------------------------------------- */

/* Offsets of the points, and the largest radius of every tile. */
static void prepare_offsets(search *s) {
    const fb3_points *among = s->among;
    bool around = s->purpose == COUNT_AROUND;
    for (size_t tile = 0; around && tile < among->tiles; tile++)
        s->widest[tile] = 0.0;
    for (size_t j = 0; j < among->count; j++) {
        s->offsets[j] = among->square[j];
        if (!around)
            continue;
        s->offsets[j] -= (float)(s->radius[j] / (among->unit * among->unit));
        s->widest[j / FB3_TILE] = fmax(s->widest[j / FB3_TILE], s->radius[j]);
    }
}

static bool allocate_desks(search *s, flowbd3_context *context, unsigned threads) {
    s->desks = fb3_allocate_zero(context, threads, sizeof *s->desks);
    s->offsets = fb3_allocate(context, s->among->count, sizeof *s->offsets);
    s->widest = fb3_allocate(context, s->among->tiles, sizeof *s->widest);
    if (s->desks == NULL || s->offsets == NULL || s->widest == NULL)
        return false;
    for (unsigned i = 0; i < threads; i++) {
        desk *d = &s->desks[i];
        d->products = fb3_allocate_floats(context, FB3_TILE * FB3_TILE);
        d->q = fb3_allocate_floats(context, FB3_TILE * s->among->numeric);
        d->scratch = fb3_allocate_floats(context, fb3_gemm_scratch());
        d->order = fb3_allocate(context, s->among->tiles, sizeof *d->order);
        if (d->products == NULL || d->q == NULL || d->scratch == NULL || d->order == NULL)
            return false;
    }
    return true;
}

static void release_desks(search *s, flowbd3_context *context, unsigned threads) {
    for (unsigned i = 0; s->desks != NULL && i < threads; i++) {
        fb3_release_floats(context, s->desks[i].products);
        fb3_release_floats(context, s->desks[i].q);
        fb3_release_floats(context, s->desks[i].scratch);
        fb3_release(context, s->desks[i].order);
    }
    fb3_release(context, s->desks);
    fb3_release(context, s->offsets);
    fb3_release(context, s->widest);
}

static flowbd3_status run_search(search *s, fb3_work *work, flowbd3_error *err) {
    unsigned threads = flowbd3_context_threads(work->context);
    flowbd3_status status = FLOWBD3_OK;
    if (!allocate_desks(s, work->context, threads)) {
        status = fb3_no_memory(err, "a search among rows");
    } else {
        prepare_offsets(s);
        if (!fb3_work_run(work, (size_t)fb3_search_steps(s->queries->rows), search_block, s))
            status = fb3_fail(err, FLOWBD3_CANCELLED, "the evaluation was cancelled");
    }
    release_desks(s, work->context, threads);
    return status;
}

flowbd3_status fb3_nearest(fb3_neighbours *neighbours, fb3_work *work, const fb3_points *queries,
                           const fb3_points *among, size_t k, flowbd3_error *err) {
    search s = {.purpose = NEAREST, .queries = queries, .among = among, .k = k, .neighbours = neighbours};
    size_t cells = queries->count * k;
    *neighbours = (fb3_neighbours){.k = k};
    neighbours->square = fb3_allocate(work->context, cells, sizeof *neighbours->square);
    neighbours->point = fb3_allocate_zero(work->context, cells, sizeof *neighbours->point);
    flowbd3_status status;
    if (neighbours->square == NULL || neighbours->point == NULL) {
        status = fb3_no_memory(err, "the nearest rows");
    } else {
        for (size_t i = 0; i < cells; i++)
            neighbours->square[i] = INFINITY;
        status = run_search(&s, work, err);
    }
    if (status != FLOWBD3_OK)
        fb3_neighbours_destroy(neighbours, work->context);
    return status;
}

void fb3_neighbours_destroy(fb3_neighbours *neighbours, flowbd3_context *context) {
    fb3_release(context, neighbours->square);
    fb3_release(context, neighbours->point);
    *neighbours = (fb3_neighbours){0};
}

flowbd3_status fb3_count_around(uint64_t *counts, fb3_work *work, const fb3_points *queries,
                                const fb3_points *among, const double *radius, flowbd3_error *err) {
    search s = {.purpose = COUNT_AROUND, .queries = queries, .among = among};
    s.radius = radius;
    s.counts = counts;
    memset(counts, 0, queries->count * sizeof *counts);
    return run_search(&s, work, err);
}

flowbd3_status fb3_least_within(double *least, fb3_work *work, const fb3_points *queries,
                                const double *radius, const fb3_points *among, const double *value,
                                flowbd3_error *err) {
    search s = {.purpose = LEAST_WITHIN, .queries = queries, .among = among};
    s.radius = radius;
    s.value = value;
    s.least = least;
    for (size_t i = 0; i < queries->count; i++)
        least[i] = INFINITY;
    return run_search(&s, work, err);
}
