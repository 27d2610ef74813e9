/* Training rows beside rows held out: a generator that remembers is nearer to the ones. */
#include "evaluator/distances.h"

/* Share of the generated rows nearer to a training row than to a held-out one, of as many; ties are halved.
 */
static flowbd3_status find_share(fb3_comparison *comparison, flowbd3_context *context,
                                 const fb3_points *generated, const fb3_neighbours *training,
                                 const fb3_neighbours *holdout, flowbd3_error *err) {
    double *nearer = fb3_allocate(context, generated->count, sizeof *nearer);
    bool whole = nearer != NULL;
    for (size_t i = 0; whole && i < generated->count; i++) {
        double a = training->square[i], b = holdout->square[i];
        nearer[i] = a < b ? 1.0 : a == b ? 0.5 : 0.0;
    }
    whole = whole && fb3_find_point_mean(comparison, offsetof(fb3_summary, dcr_train_share), context,
                                         FB3_POPULATION_GENERATED, generated, nearer);
    fb3_release(context, nearer);
    return whole ? FLOWBD3_OK : fb3_no_memory(err, "distances to rows held out");
}

static flowbd3_status compare_shares(fb3_comparison *comparison, fb3_work *work, const fb3_exposure *e,
                                     flowbd3_error *err) {
    fb3_neighbours training = {0}, holdout = {0};
    flowbd3_status status = fb3_nearest(&training, work, e->generated, e->equal_training, 1, err);
    if (status == FLOWBD3_OK)
        status = fb3_nearest(&holdout, work, e->generated, e->equal_holdout, 1, err);
    if (status == FLOWBD3_OK)
        status = find_share(comparison, work->context, e->generated, &training, &holdout, err);
    fb3_neighbours_destroy(&training, work->context);
    fb3_neighbours_destroy(&holdout, work->context);
    return status;
}

static uint64_t times_at(const fb3_sorted_rows *of, size_t i) {
    return of->times != NULL ? of->times[of->rows[i]] : 1;
}

double fb3_largest_lead(const fb3_sorted_rows *a, const fb3_sorted_rows *b) {
    uint64_t of_a = 0, of_b = 0;
    double n = (double)a->n, m = (double)b->n, lead = 0.0;
    for (size_t i = 0, j = 0; i < a->n; i++) {
        of_a += times_at(a, i);
        if (i + 1 < a->n && a->values[i + 1] == a->values[i])
            continue;
        while (j < b->n && b->values[j] <= a->values[i])
            of_b += times_at(b, j++);
        lead = fmax(lead, ((double)of_a * m - (double)of_b * n) / (n * m));
    }
    return lead;
}

/* The squared distances of all rows: values[rows] as they are, and sorted in to. rows: scratch memory. */
static bool sort_squares(fb3_sorted_rows *to, double *values, double *sorted, uint32_t *rows,
                         flowbd3_context *context, const fb3_points *points, const fb3_neighbours *nearest) {
    size_t present;
    fb3_row_values(values, points, nearest->square, nearest->k);
    *to = (fb3_sorted_rows){sorted, NULL, NULL, points->rows};
    return fb3_sort_cells(context, values, points->rows, sorted, rows, &present);
}

/* Of members and others, by their squared distances to generated rows. */
static bool find_lead(fb3_comparison *comparison, flowbd3_context *context, const fb3_exposure *e,
                      const fb3_neighbours *back, const fb3_neighbours *holdout) {
    size_t n = e->training->rows, m = e->holdout->rows, most = n > m ? n : m;
    double *members = fb3_allocate(context, n, sizeof *members);
    double *others = fb3_allocate(context, m, sizeof *others);
    double *sorted[2] = {fb3_allocate(context, n, sizeof **sorted),
                         fb3_allocate(context, m, sizeof **sorted)};
    uint32_t *rows = fb3_allocate(context, most, sizeof *rows);
    fb3_sorted_rows a, b;
    bool whole = members != NULL && others != NULL && sorted[0] != NULL && sorted[1] != NULL &&
                 rows != NULL && sort_squares(&a, members, sorted[0], rows, context, e->training, back) &&
                 sort_squares(&b, others, sorted[1], rows, context, e->holdout, holdout);
    if (whole)
        comparison->summary.mia_advantage = fb3_largest_lead(&a, &b);
    if (whole && comparison->keeps)
        whole = fb3_keep_lead(&comparison->outcomes, context, offsetof(fb3_summary, mia_advantage),
                              e->of_training, members, n, e->of_holdout, others, m);
    fb3_release(context, members);
    fb3_release(context, others);
    fb3_release(context, sorted[0]);
    fb3_release(context, sorted[1]);
    fb3_release(context, rows);
    return whole;
}

static flowbd3_status compare_attack(fb3_comparison *comparison, fb3_work *work, const fb3_exposure *e,
                                     const fb3_neighbours *back, flowbd3_error *err) {
    fb3_neighbours holdout = {0};
    flowbd3_status status = fb3_nearest(&holdout, work, e->holdout, e->generated, 1, err);
    if (status == FLOWBD3_OK && !find_lead(comparison, work->context, e, back, &holdout))
        status = fb3_no_memory(err, "the attack by distance");
    fb3_neighbours_destroy(&holdout, work->context);
    return status;
}

flowbd3_status fb3_compare_exposure(fb3_comparison *comparison, fb3_work *work, const fb3_exposure *exposure,
                                    flowbd3_error *err) {
    fb3_neighbours found = {0};
    const fb3_neighbours *back = exposure->back;
    flowbd3_status status = compare_shares(comparison, work, exposure, err);
    if (status == FLOWBD3_OK && back == NULL) {
        status = fb3_nearest(&found, work, exposure->training, exposure->generated, 1, err);
        back = &found;
    }
    if (status == FLOWBD3_OK)
        status = compare_attack(comparison, work, exposure, back, err);
    fb3_neighbours_destroy(&found, work->context);
    return status;
}
