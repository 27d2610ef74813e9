/* What generated rows give away about single training rows. docs/metrics.md has the formulas. */
#include "evaluator/distances.h"

/* Mean and 5 % quantile of of[points] over the rows. False when memory is short. */
static bool describe(fb3_comparison *comparison, size_t mean, size_t low, flowbd3_context *context,
                     const fb3_points *points, const double *of) {
    size_t n = points->rows, present;
    double *values = fb3_allocate(context, n, sizeof *values);
    double *sorted = fb3_allocate(context, n, sizeof *sorted);
    uint32_t *order = fb3_allocate(context, n, sizeof *order);
    bool whole = values != NULL && sorted != NULL && order != NULL;
    if (whole) {
        fb3_row_values(values, points, of, 1);
        whole = fb3_sort_cells(context, values, n, sorted, order, &present);
    }
    if (whole) {
        fb3_figure_put(&comparison->summary, mean, fb3_moments_of(sorted, n).mean);
        fb3_figure_put(&comparison->summary, low, fb3_quantile(sorted, n, 0.05));
        whole = !comparison->keeps || fb3_keep_spread(&comparison->outcomes, context, mean, low,
                                                      FB3_POPULATION_GENERATED, values, n);
    }
    fb3_release(context, values);
    fb3_release(context, sorted);
    fb3_release(context, order);
    return whole;
}

static bool describe_distances(fb3_comparison *comparison, flowbd3_context *context,
                               const fb3_points *training, const fb3_points *other,
                               const fb3_neighbours *there) {
    double *values = fb3_allocate(context, other->count, sizeof *values);
    if (values == NULL)
        return false;
    for (size_t i = 0; i < other->count; i++)
        values[i] = sqrt(there->square[i * there->k]) / other->unit;
    bool whole = describe(comparison, offsetof(fb3_summary, dcr_mean), offsetof(fb3_summary, dcr_p5), context,
                          other, values);
    if (whole && training->rows > 1) {
        for (size_t i = 0; i < other->count; i++) {
            double first = there->square[i * there->k], second = there->square[i * there->k + 1];
            values[i] = second > 0.0 ? sqrt(first / second) : 1.0;
        }
        whole = describe(comparison, offsetof(fb3_summary, nndr_mean), offsetof(fb3_summary, nndr_p5),
                         context, other, values);
    }
    fb3_release(context, values);
    return whole;
}

/* ---- authenticity (Alaa et al. 2022) ------------------------------------------------------------ */

/* own[training points]: squared distances to the nearest of the other training rows. False when memory is
 * short. */
static bool find_authenticity(fb3_comparison *comparison, flowbd3_context *context, const double *own,
                              const fb3_points *other, const fb3_neighbours *there) {
    double *authentic = fb3_allocate(context, other->count, sizeof *authentic);
    bool whole = authentic != NULL;
    for (size_t i = 0; whole && i < other->count; i++)
        authentic[i] = there->square[i * there->k] > own[there->point[i * there->k]] ? 1.0 : 0.0;
    whole = whole && fb3_find_point_mean(comparison, offsetof(fb3_summary, authenticity), context,
                                         FB3_POPULATION_GENERATED, other, authentic);
    fb3_release(context, authentic);
    return whole;
}

/* own of the chosen[n] training points: the nearest row of each is itself, or one like it. */
static flowbd3_status search_own(double *own, fb3_work *work, const fb3_points *training,
                                 const uint32_t *chosen, size_t n, flowbd3_error *err) {
    fb3_points queries = {0};
    fb3_neighbours found = {0};
    flowbd3_status status = fb3_points_take(&queries, work->context, training, chosen, n, err);
    if (status == FLOWBD3_OK)
        status = fb3_nearest(&found, work, &queries, training, 2, err);
    for (size_t i = 0; status == FLOWBD3_OK && i < n; i++)
        own[chosen[i]] = found.square[queries.point[i] * found.k + 1];
    fb3_points_destroy(&queries, work->context);
    fb3_neighbours_destroy(&found, work->context);
    return status;
}

/* own of the training points that are nearest to a point of other; the rest of it is left. */
static flowbd3_status find_own(double *own, fb3_work *work, const fb3_points *training,
                               const fb3_points *other, const fb3_neighbours *there, flowbd3_error *err) {
    uint32_t *chosen = fb3_allocate(work->context, training->count, sizeof *chosen);
    bool *wanted = fb3_allocate_zero(work->context, training->count, sizeof *wanted);
    flowbd3_status status;
    if (chosen == NULL || wanted == NULL) {
        status = fb3_no_memory(err, "distances between training rows");
    } else {
        size_t n = 0;
        for (size_t i = 0; i < other->count; i++)
            wanted[there->point[i * there->k]] = true;
        for (size_t i = 0; i < training->count; i++)
            if (wanted[i])
                chosen[n++] = (uint32_t)i;
        /* Steps were counted for the most that there may be. */
        work->done += fb3_own_steps(training->rows, other->rows) - fb3_search_steps(n);
        status = search_own(own, work, training, chosen, n, err);
    }
    fb3_release(work->context, chosen);
    fb3_release(work->context, wanted);
    return status;
}

static flowbd3_status compare_authenticity(fb3_comparison *comparison, fb3_work *work,
                                           const fb3_cloud *training, const fb3_points *other,
                                           const fb3_neighbours *there, flowbd3_error *err) {
    const fb3_points *rows = &training->points;
    double *own = fb3_allocate(work->context, rows->count, sizeof *own);
    flowbd3_status status = own != NULL ? FLOWBD3_OK : fb3_no_memory(err, "authenticity");
    if (own != NULL && training->own.square == NULL)
        status = find_own(own, work, rows, other, there, err);
    for (size_t i = 0; own != NULL && training->own.square != NULL && i < rows->count; i++)
        own[i] = training->own.square[i * training->own.k];
    if (status == FLOWBD3_OK && rows->rows > 1 &&
        !find_authenticity(comparison, work->context, own, other, there))
        status = fb3_no_memory(err, "authenticity");
    fb3_release(work->context, own);
    return status;
}

/* As synthcity's AlphaPrecision computes it: over the training rows i, whose nearest generated row is a[i],
 * the share where training row number a[i] (a generated row's number) is nearer to its neighbour than i is to
 * a[i]. */
static bool find_reference(fb3_comparison *comparison, flowbd3_context *context, const fb3_cloud *training,
                           const fb3_points *other, const fb3_neighbours *back) {
    const fb3_points *points = &training->points;
    double *authentic = fb3_allocate(context, points->rows, sizeof *authentic);
    bool whole = authentic != NULL;
    for (size_t row = 0; whole && row < points->rows; row++) {
        size_t point = points->point[row];
        size_t nearest = other->first[back->point[point * back->k]];
        double own = training->own.square[points->point[nearest] * training->own.k];
        authentic[row] = own < back->square[point * back->k] ? 1.0 : 0.0;
    }
    whole = whole && fb3_find_mean(comparison, offsetof(fb3_summary, authenticity_reference), context,
                                   training->of, authentic, points->rows);
    fb3_release(context, authentic);
    return whole;
}

/* ---- copies ------------------------------------------------------------------------------------- */

/* The rows of training, and after them those of the other sample. */
typedef struct both {
    const fb3_features *features;
    const fb3_sample *training, *other;
} both;

static double cell_of(const both *b, size_t row, size_t feature) {
    size_t rows = b->training->rows;
    return row < rows ? b->training->columns[feature].values[row]
                      : b->other->columns[feature].values[row - rows];
}

static uint64_t hash_cells(const void *rows, size_t i) {
    const both *b = rows;
    uint64_t hash = 0;
    for (size_t f = 0; f < b->features->count; f++)
        hash = fb3_hash_cell(hash, cell_of(b, i, f));
    return hash;
}

/* A category that the real table does not have is equal to no other. */
static bool equal_cells(const void *rows, size_t i, size_t j) {
    const both *b = rows;
    for (size_t f = 0; f < b->features->count; f++) {
        const fb3_feature *feature = &b->features->list[f];
        double x = cell_of(b, i, f), y = cell_of(b, j, f);
        bool unknown = !feature->numeric && x == (double)feature->n_categories;
        if (unknown || !(x == y || (isnan(x) && isnan(y))))
            return false;
    }
    return true;
}

/* Share of other's rows that are in training. False when memory is short. */
static bool find_copies(fb3_comparison *comparison, flowbd3_context *context, const both *b) {
    size_t rows = b->other->rows, before = b->training->rows, n = before + rows, count;
    uint32_t *number = fb3_allocate(context, n, sizeof *number);
    uint32_t *first = fb3_allocate(context, n, sizeof *first);
    double *copied = fb3_allocate(context, rows, sizeof *copied);
    bool whole = number != NULL && first != NULL && copied != NULL &&
                 fb3_distinct(context, b, n, hash_cells, equal_cells, number, first, &count);
    for (size_t i = 0; whole && i < rows; i++)
        copied[i] = first[number[before + i]] < before ? 1.0 : 0.0;
    whole = whole && fb3_find_mean(comparison, offsetof(fb3_summary, copies), context,
                                   FB3_POPULATION_GENERATED, copied, rows);
    fb3_release(context, number);
    fb3_release(context, first);
    fb3_release(context, copied);
    return whole;
}

flowbd3_status fb3_compare_privacy(fb3_comparison *comparison, fb3_work *work, const fb3_features *features,
                                   const fb3_cloud *training, const fb3_cloud *other,
                                   const fb3_crossing *crossing, bool reference, flowbd3_error *err) {
    const fb3_points *rows = &training->points;
    flowbd3_context *context = work->context;
    both b = {features, training->part.sample, other->part.sample};
    bool whole = find_copies(comparison, context, &b) &&
                 describe_distances(comparison, context, rows, &other->points, &crossing->there);
    if (whole && reference && rows->rows > 1 && rows->rows == other->points.rows)
        whole = find_reference(comparison, context, training, &other->points, &crossing->back);
    if (!whole)
        return fb3_no_memory(err, "distances to training rows");
    return compare_authenticity(comparison, work, training, &other->points, &crossing->there, err);
}
