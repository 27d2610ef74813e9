/* Training rows beside rows held out: a generator that remembers is nearer to the ones. */
#include "evaluator/distances.h"

/* Share of the generated rows nearer to a training row than to a held-out one, of as many; ties are halved.
 */
static flowbd3_status compare_shares(fb3_summary *summary, fb3_work *work, const fb3_exposure *e,
                                     flowbd3_error *err) {
    fb3_neighbours training = {0}, holdout = {0};
    uint64_t twice = 0;
    flowbd3_status status = fb3_nearest(&training, work, e->generated, e->equal_training, 1, err);
    if (status == FLOWBD3_OK)
        status = fb3_nearest(&holdout, work, e->generated, e->equal_holdout, 1, err);
    for (size_t i = 0; status == FLOWBD3_OK && i < e->generated->count; i++) {
        double a = training.square[i], b = holdout.square[i];
        twice += (a < b ? 2 : a == b ? 1 : 0) * (uint64_t)e->generated->weight[i];
    }
    if (status == FLOWBD3_OK)
        summary->dcr_train_share = 0.5 * (double)twice / (double)e->generated->rows;
    fb3_neighbours_destroy(&training, work->context);
    fb3_neighbours_destroy(&holdout, work->context);
    return status;
}

static bool sort_squares(double *sorted, flowbd3_context *context, const fb3_points *points,
                         const fb3_neighbours *nearest) {
    size_t present;
    double *values = fb3_allocate(context, points->rows, sizeof *values);
    uint32_t *order = fb3_allocate(context, points->rows, sizeof *order);
    bool whole = values != NULL && order != NULL;
    if (whole) {
        fb3_row_values(values, points, nearest->square, nearest->k);
        whole = fb3_sort_cells(context, values, points->rows, sorted, order, &present);
    }
    fb3_release(context, values);
    fb3_release(context, order);
    return whole;
}

/* max_t of the shares of a[n] and of b[m] up to t, the one less the other; both sorted. */
static double largest_lead(const double *a, size_t n, const double *b, size_t m) {
    size_t j = 0;
    double lead = 0.0;
    for (size_t i = 0; i < n; i++) {
        if (i + 1 < n && a[i + 1] == a[i])
            continue;
        while (j < m && b[j] <= a[i])
            j++;
        lead = fmax(lead, ((double)(i + 1) * (double)m - (double)j * (double)n) / ((double)n * (double)m));
    }
    return lead;
}

static flowbd3_status compare_attack(fb3_summary *summary, fb3_work *work, const fb3_exposure *e,
                                     const fb3_neighbours *back, flowbd3_error *err) {
    flowbd3_context *context = work->context;
    size_t n = e->training->rows, m = e->holdout->rows;
    fb3_neighbours holdout = {0};
    flowbd3_status status = fb3_nearest(&holdout, work, e->holdout, e->generated, 1, err);
    if (status != FLOWBD3_OK)
        return status;
    double *members = fb3_allocate(context, n, sizeof *members);
    double *others = fb3_allocate(context, m, sizeof *others);
    if (members == NULL || others == NULL || !sort_squares(members, context, e->training, back) ||
        !sort_squares(others, context, e->holdout, &holdout))
        status = fb3_no_memory(err, "the attack by distance");
    else
        summary->mia_advantage = largest_lead(members, n, others, m);
    fb3_release(context, members);
    fb3_release(context, others);
    fb3_neighbours_destroy(&holdout, context);
    return status;
}

flowbd3_status fb3_compare_exposure(fb3_summary *summary, fb3_work *work, const fb3_exposure *exposure,
                                    flowbd3_error *err) {
    fb3_neighbours found = {0};
    const fb3_neighbours *back = exposure->back;
    flowbd3_status status = compare_shares(summary, work, exposure, err);
    if (status == FLOWBD3_OK && back == NULL) {
        status = fb3_nearest(&found, work, exposure->training, exposure->generated, 1, err);
        back = &found;
    }
    if (status == FLOWBD3_OK)
        status = compare_attack(summary, work, exposure, back, err);
    fb3_neighbours_destroy(&found, work->context);
    return status;
}
