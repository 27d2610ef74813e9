/* Distance from each generated row to its nearest real row. The space: a numeric column is scaled to 0..1 by
 * the real table's smallest and largest number, missing is -1; a categorical column adds 1 to the squared
 * distance where the two cells differ. docs/metrics.md has the whole definition. */
#include "evaluator.h"

enum { QUERIES = 32, TILE = 512 };

/* Rows of a sample in that space: x[features, rows]. */
typedef struct points {
    double *x;
    size_t rows;
} points;

typedef struct scale {
    double low, high; /* NaN when the real column has no number */
} scale;

static double scaled(double x, scale to) {
    if (isnan(x))
        return -1.0;
    if (to.high > to.low)
        return (0.5 * x - 0.5 * to.low) / (0.5 * to.high - 0.5 * to.low);
    return x == to.low ? 0.0 : 1.0;
}

static bool place_points(points *to, flowbd3_context *context, const fb3_features *features,
                         const fb3_sample *sample, const fb3_sample *real, uint64_t max_rows, uint64_t seed) {
    size_t *chosen = NULL, rows = sample->rows;
    if (max_rows != 0 && max_rows < rows) {
        chosen = fb3_allocate(context, rows, sizeof *chosen);
        if (chosen == NULL)
            return false;
        fb3_permutation(chosen, rows, seed, FB3_RANDOM_SUBSAMPLE, 0);
        rows = (size_t)max_rows;
    }
    to->rows = rows;
    to->x = rows <= SIZE_MAX / features->count ? fb3_allocate(context, features->count * rows, sizeof *to->x)
                                               : NULL;
    for (size_t f = 0; to->x != NULL && f < features->count; f++) {
        const double *values = sample->columns[f].values;
        const fb3_sample_column *truth = &real->columns[f];
        scale by = {NAN, NAN};
        if (features->list[f].numeric && truth->present > 0)
            by = (scale){truth->sorted[0], truth->sorted[truth->present - 1]};
        for (size_t i = 0; i < rows; i++) {
            double value = values[chosen != NULL ? chosen[i] : i];
            to->x[f * rows + i] = features->list[f].numeric ? scaled(value, by) : value;
        }
    }
    fb3_release(context, chosen);
    return to->x != NULL;
}

/* ---- search --------------------------------------------------------------------------------------- */

typedef struct search_argument {
    const fb3_features *features;
    points real, queries;
    double *distances; /* [queries.rows] */
} search_argument;

/* Squared distances from query to the n <= TILE real rows from first on. */
static void tile_distances(double *restrict squares, const search_argument *search, size_t query,
                           size_t first, size_t n) {
    memset(squares, 0, n * sizeof *squares);
    for (size_t f = 0; f < search->features->count; f++) {
        const double *restrict real = search->real.x + f * search->real.rows + first;
        double q = search->queries.x[f * search->queries.rows + query];
        if (search->features->list[f].numeric)
            for (size_t i = 0; i < n; i++)
                squares[i] += (real[i] - q) * (real[i] - q);
        else
            for (size_t i = 0; i < n; i++)
                squares[i] += real[i] != q ? 1.0 : 0.0;
    }
}

static double smallest(const double *x, size_t n) {
    enum { LANES = 8 };
    double least[LANES];
    for (size_t lane = 0; lane < LANES; lane++)
        least[lane] = INFINITY;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t lane = 0; lane < LANES; lane++)
            least[lane] = x[i + lane] < least[lane] ? x[i + lane] : least[lane];
    for (; i < n; i++)
        least[0] = x[i] < least[0] ? x[i] : least[0];
    for (size_t lane = 1; lane < LANES; lane++)
        least[0] = least[lane] < least[0] ? least[lane] : least[0];
    return least[0];
}

/* A block of queries against all real rows, tile by tile, so that a tile stays in the cache. */
static void search_block(void *argument, size_t block, unsigned worker) {
    (void)worker;
    search_argument *search = argument;
    double squares[TILE], best[QUERIES];
    size_t begin = block * QUERIES, end = begin + QUERIES;
    if (end > search->queries.rows)
        end = search->queries.rows;
    for (size_t q = begin; q < end; q++)
        best[q - begin] = INFINITY;
    for (size_t first = 0; first < search->real.rows; first += TILE) {
        size_t n = search->real.rows - first < TILE ? search->real.rows - first : TILE;
        for (size_t q = begin; q < end; q++) {
            tile_distances(squares, search, q, first, n);
            best[q - begin] = fmin(best[q - begin], smallest(squares, n));
        }
    }
    for (size_t q = begin; q < end; q++)
        search->distances[q] = sqrt(best[q - begin]);
}

static void summarise(fb3_summary *summary, const double *distances, size_t n) {
    fb3_moments moments = fb3_moments_of(distances, n);
    summary->nearest_mean = moments.mean;
    summary->nearest_std = moments.deviation;
    summary->nearest_min = smallest(distances, n);
}

uint64_t fb3_neighbour_steps(size_t rows, uint64_t max_rows) {
    uint64_t queries = max_rows != 0 && max_rows < rows ? max_rows : rows;
    return (queries + QUERIES - 1) / QUERIES;
}

flowbd3_status fb3_compare_neighbours(fb3_summary *summary, fb3_work *work, const fb3_features *features,
                                      const fb3_sample *real, const fb3_sample *other, uint64_t max_rows,
                                      uint64_t seed, flowbd3_error *err) {
    flowbd3_context *context = work->context;
    search_argument search = {.features = features};
    flowbd3_status status = FLOWBD3_OK;
    if (place_points(&search.real, context, features, real, real, max_rows, seed) &&
        place_points(&search.queries, context, features, other, real, max_rows, seed))
        search.distances = fb3_allocate(context, search.queries.rows, sizeof *search.distances);
    if (search.distances == NULL)
        status = fb3_no_memory(err, "distances to real rows");
    else if (!fb3_work_run(work, (size_t)fb3_neighbour_steps(other->rows, max_rows), search_block, &search))
        status = fb3_fail(err, FLOWBD3_CANCELLED, "the evaluation was cancelled");
    else
        summarise(summary, search.distances, search.queries.rows);
    fb3_release(context, search.real.x);
    fb3_release(context, search.queries.x);
    fb3_release(context, search.distances);
    return status;
}
