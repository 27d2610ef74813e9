/* Figures of single columns: Kolmogorov-Smirnov, earth mover's distance, moments, total variation. */
#include "evaluator.h"

void fb3_walk_distributions(const double *a, size_t na, const double *b, size_t nb, uint64_t *difference,
                            double *distance) {
    fb3_sum area = {0.0, 0.0};
    size_t i = 0, j = 0;
    *difference = 0;
    while (i < na || j < nb) {
        double x = j == nb || (i < na && a[i] <= b[j]) ? a[i] : b[j];
        while (i < na && a[i] == x)
            i++;
        while (j < nb && b[j] == x)
            j++;
        if (i == na && j == nb)
            break;
        uint64_t left = (uint64_t)i * nb, right = (uint64_t)j * na;
        uint64_t gap = left > right ? left - right : right - left;
        if (gap > *difference)
            *difference = gap;
        double next = j == nb || (i < na && a[i] <= b[j]) ? a[i] : b[j];
        fb3_sum_add(&area, (double)gap * (next - x));
    }
    *distance = fb3_sum_value(&area) / ((double)na * (double)nb);
}

/* Without the p-value, which takes longer than all others, when resampled. */
static bool compare_numbers(fb3_column_figures *to, flowbd3_context *context, const fb3_sample_column *real,
                            const fb3_sample_column *other, bool resampled) {
    const fb3_moments *p = &real->moments, *q = &other->moments;
    to->mean_real = p->mean;
    to->std_real = p->deviation;
    to->mean_generated = q->mean;
    to->std_generated = q->deviation;
    to->mean_difference = fabs(q->mean - p->mean + (q->rest - p->rest));
    to->std_difference = fabs(q->deviation - p->deviation);
    if (real->present == 0 && other->present == 0) {
        to->ks = to->emd = to->emd_scaled = 0.0;
        return true;
    }
    if (real->present == 0 || other->present == 0) {
        to->ks = 1.0;
        return true;
    }
    uint64_t difference;
    fb3_walk_distributions(real->sorted, real->present, other->sorted, other->present, &difference, &to->emd);
    to->ks = (double)difference / ((double)real->present * (double)other->present);
    to->emd_scaled = to->emd == 0.0 ? 0.0 : p->deviation > 0.0 ? to->emd / p->deviation : NAN;
    return resampled ||
           fb3_kolmogorov_smirnov_p(context, real->present, other->present, difference, &to->ks_p);
}

/* Half the sum of |p - q| over the categories of the real table, all others together, and missing. */
static double total_variation(const fb3_feature *feature, const fb3_sample_column *real, size_t real_rows,
                              const fb3_sample_column *other, size_t other_rows) {
    uint64_t sum = 0;
    for (size_t k = 0; k < feature->n_categories + 2; k++) {
        uint64_t left = real->counts[k] * other_rows, right = other->counts[k] * real_rows;
        sum += left > right ? left - right : right - left;
    }
    return 0.5 * (double)sum / ((double)real_rows * (double)other_rows);
}

typedef struct compare_argument {
    flowbd3_context *context;
    const fb3_features *features;
    const fb3_sample *real, *other;
    bool resampled;
    fb3_column_figures *figures;
    bool *failed; /* per column */
} compare_argument;

static void compare_column(void *argument, size_t i, unsigned worker) {
    (void)worker;
    compare_argument *compare = argument;
    const fb3_feature *feature = &compare->features->list[i];
    const fb3_sample_column *real = &compare->real->columns[i], *other = &compare->other->columns[i];
    fb3_column_figures *to = &compare->figures[i];
    to->missing_real = (double)real->missing / (double)compare->real->rows;
    to->missing_generated = (double)other->missing / (double)compare->other->rows;
    to->missing_difference = fabs(to->missing_generated - to->missing_real);
    if (feature->numeric)
        compare->failed[i] = !compare_numbers(to, compare->context, real, other, compare->resampled);
    else
        to->tvd = total_variation(feature, real, compare->real->rows, other, compare->other->rows);
    fb3_compare_distributions(to, feature, real, compare->real->rows, other, compare->other->rows);
}

double fb3_mean_figure(const fb3_column_figures *columns, size_t count, size_t offset) {
    fb3_sum sum = {0.0, 0.0};
    size_t n = 0;
    for (size_t c = 0; c < count; c++) {
        double value = fb3_figure_at(&columns[c], offset);
        if (!isfinite(value))
            continue;
        fb3_sum_add(&sum, value);
        n++;
    }
    return n == 0 ? NAN : fb3_sum_value(&sum) / (double)n;
}

#define MEAN(member) FB3_MEAN_FIGURE(columns, count, member)

static void summarise(fb3_summary *summary, const fb3_column_figures *columns, size_t count) {
    summary->ks_mean = MEAN(ks);
    summary->emd_mean = MEAN(emd);
    summary->emd_scaled_mean = MEAN(emd_scaled);
    summary->mean_difference_mean = MEAN(mean_difference);
    summary->std_difference_mean = MEAN(std_difference);
    summary->emd_rank_mean = MEAN(emd_rank);
    summary->quantile_difference_mean = MEAN(quantile_difference);
    summary->support_coverage_mean = MEAN(support_coverage);
    summary->tvd_mean = MEAN(tvd);
    summary->category_coverage_mean = MEAN(category_coverage);
    summary->js_mean = MEAN(js);
    summary->missing_difference_mean = MEAN(missing_difference);
    summary->ks_max = summary->tvd_max = NAN;
    for (size_t c = 0; c < count; c++) {
        summary->ks_max = fmax(summary->ks_max, columns[c].ks);
        summary->tvd_max = fmax(summary->tvd_max, columns[c].tvd);
    }
}

flowbd3_status fb3_compare_marginals(fb3_comparison *comparison, fb3_work *work, const fb3_pair *pair,
                                     flowbd3_error *err) {
    const fb3_features *features = pair->features;
    bool *failed = fb3_allocate_zero(work->context, features->count, sizeof *failed);
    flowbd3_status status = FLOWBD3_OK;
    compare_argument compare = {work->context,       features, pair->real, pair->other, pair->resampled,
                                comparison->columns, failed};
    if (failed == NULL)
        status = fb3_no_memory(err, "the figures of the columns");
    else if (!fb3_work_run(work, features->count, compare_column, &compare))
        status = fb3_fail(err, FLOWBD3_CANCELLED, "the evaluation was cancelled");
    for (size_t c = 0; status == FLOWBD3_OK && c < features->count; c++)
        if (failed[c])
            status = fb3_no_memory(err, "the Kolmogorov-Smirnov test");
    fb3_release(work->context, failed);
    if (status == FLOWBD3_OK)
        summarise(&comparison->summary, comparison->columns, features->count);
    return status;
}
