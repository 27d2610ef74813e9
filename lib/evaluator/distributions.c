/* Figures of single columns that do not depend on a column's unit: over ranks, bins, quantiles, and what of
 * the real column is reached at all. */
#include "evaluator.h"

/* ---- ranks ----------------------------------------------------------------------------------------- */

/* Area between the two distribution functions of (#{a < v} + #{a <= v}) / 2na: v's mid-rank in a. */
static double rank_distance(const double *a, size_t na, const double *b, size_t nb) {
    fb3_sum area = {0.0, 0.0};
    size_t i = 0, j = 0, last = 0;
    uint64_t gap = 0;
    while (i < na || j < nb) {
        double x = j == nb || (i < na && a[i] <= b[j]) ? a[i] : b[j];
        size_t below = i;
        while (i < na && a[i] == x)
            i++;
        while (j < nb && b[j] == x)
            j++;
        fb3_sum_add(&area, (double)gap * (double)(below + i - last));
        uint64_t left = (uint64_t)i * nb, right = (uint64_t)j * na;
        gap = left > right ? left - right : right - left;
        last = below + i;
    }
    return fb3_sum_value(&area) / ((double)na * (double)nb * 2.0 * (double)na);
}

/* ---- quantiles ------------------------------------------------------------------------------------- */

/* base + rest, apart so that close quantiles can be subtracted. */
typedef struct quantile {
    double base, rest;
} quantile;

/* Linear interpolation between the order statistics around percent (n - 1) / 100: NumPy's default. */
static quantile quantile_of(const double *sorted, size_t n, unsigned percent) {
    uint64_t place = (uint64_t)(n - 1) * percent;
    size_t below = (size_t)(place / 100);
    uint64_t hundredths = place % 100;
    double step = hundredths > 0 ? sorted[below + 1] - sorted[below] : 0.0;
    return (quantile){sorted[below], (double)hundredths / 100.0 * step};
}

static double subtract(quantile a, quantile b) {
    return a.base - b.base + (a.rest - b.rest);
}

static double quantile_difference(const fb3_sample_column *real, const fb3_sample_column *other) {
    enum { QUANTILES = 5 };
    static const unsigned percents[QUANTILES] = {5, 25, 50, 75, 95};
    quantile p[QUANTILES];
    double sum = 0.0;
    for (size_t k = 0; k < QUANTILES; k++) {
        p[k] = quantile_of(real->sorted, real->present, percents[k]);
        sum += fabs(subtract(p[k], quantile_of(other->sorted, other->present, percents[k])));
    }
    double spread = subtract(p[QUANTILES - 1], p[0]);
    if (!(spread > 0.0))
        spread = real->moments.deviation;
    double mean = sum / (double)QUANTILES;
    return mean == 0.0 ? 0.0 : spread > 0.0 ? mean / spread : NAN;
}

/* ---- bins ------------------------------------------------------------------------------------------ */

/* Base 2, of p = a / na and q = b / nb over n bins. 2p / (p + q) is 1 + (a nb - b na) / (a nb + b na), whose
 * numerator is an exact integer: close distributions keep their digits. */
static double jensen_shannon(const uint64_t *a, uint64_t na, const uint64_t *b, uint64_t nb, size_t n) {
    fb3_sum sum = {0.0, 0.0};
    for (size_t k = 0; k < n; k++) {
        uint64_t left = a[k] * nb, right = b[k] * na;
        if (left == right)
            continue;
        double gap = left > right ? (double)(left - right) : -(double)(right - left);
        double ratio = gap / (double)(left + right);
        if (left > 0)
            fb3_sum_add(&sum, (double)a[k] / (double)na * log1p(ratio));
        if (right > 0)
            fb3_sum_add(&sum, (double)b[k] / (double)nb * log1p(-ratio));
    }
    return fmin(fmax(fb3_sum_value(&sum) / (2.0 * log(2.0)), 0.0), 1.0);
}

/* The share of the bins that a fills where b has something too; NaN when a is empty. */
static double coverage(const uint64_t *a, const uint64_t *b, size_t n) {
    size_t filled = 0, reached = 0;
    for (size_t k = 0; k < n; k++) {
        filled += a[k] > 0;
        reached += a[k] > 0 && b[k] > 0;
    }
    return filled > 0 ? (double)reached / (double)filled : NAN;
}

static void compare_bins(fb3_column_figures *to, const fb3_sample_column *real, size_t real_rows,
                         const fb3_sample_column *other, size_t other_rows) {
    fb3_bins bins;
    uint64_t a[FB3_MARGINAL_BINS + 1], b[FB3_MARGINAL_BINS + 1];
    fb3_bins_cut(&bins, real->sorted, real->present, FB3_MARGINAL_BINS);
    fb3_bins_count(a, &bins, real->sorted, real->present);
    fb3_bins_count(b, &bins, other->sorted, other->present);
    size_t n = bins.n_cuts + 1;
    to->support_coverage = coverage(a, b, n);
    a[n] = real->missing;
    b[n] = other->missing;
    to->js = jensen_shannon(a, real_rows, b, other_rows, n + 1);
}

void fb3_compare_distributions(fb3_column_figures *to, const fb3_feature *feature,
                               const fb3_sample_column *real, size_t real_rows,
                               const fb3_sample_column *other, size_t other_rows) {
    if (!feature->numeric) {
        to->js =
            jensen_shannon(real->counts, real_rows, other->counts, other_rows, feature->n_categories + 2);
        to->category_coverage = coverage(real->counts, other->counts, feature->n_categories);
        return;
    }
    compare_bins(to, real, real_rows, other, other_rows);
    if (real->present == 0 && other->present == 0) {
        to->emd_rank = to->quantile_difference = 0.0;
    } else if (real->present > 0 && other->present > 0) {
        to->emd_rank = rank_distance(real->sorted, real->present, other->sorted, other->present);
        to->quantile_difference = quantile_difference(real, other);
    }
}
