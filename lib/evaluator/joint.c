/* Pearson and Spearman correlation matrices over the numeric columns, and how far two of them are apart. */
#include "evaluator.h"

/* Brings x[n] to mean 0 and length 1, or to 0 when it is constant, so that a correlation is an inner product
 * and a constant column has correlation 0 with all others. Scaled by a power of two first: no overflow. */
static void standardise(double *x, size_t n) {
    double low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        low = fmin(low, x[i]);
        high = fmax(high, x[i]);
    }
    if (n < 2 || low == high) {
        memset(x, 0, n * sizeof *x);
        return;
    }
    int exponent = -ilogb(fmax(fabs(low), fabs(high)));
    /* In two factors, each of which is a normal number. */
    double half = ldexp(1.0, exponent / 2), rest = ldexp(1.0, exponent - exponent / 2);
    for (size_t i = 0; i < n; i++)
        x[i] = x[i] * half * rest;
    /* The second time takes away the rounding error of the mean. */
    for (int pass = 0; pass < 2; pass++) {
        fb3_sum sum = {0.0, 0.0};
        for (size_t i = 0; i < n; i++)
            fb3_sum_add(&sum, x[i]);
        double mean = fb3_sum_value(&sum) / (double)n;
        for (size_t i = 0; i < n; i++)
            x[i] -= mean;
    }
    fb3_sum squares = {0.0, 0.0};
    for (size_t i = 0; i < n; i++)
        fb3_sum_add(&squares, x[i] * x[i]);
    double length = sqrt(fb3_sum_value(&squares));
    for (size_t i = 0; i < n; i++)
        x[i] /= length;
}

static double inner_product(const double *x, const double *y, size_t n) {
    enum { LANES = 8 };
    double sum[LANES] = {0.0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t lane = 0; lane < LANES; lane++)
            sum[lane] += x[i + lane] * y[i + lane];
    for (; i < n; i++)
        sum[0] += x[i] * y[i];
    return (sum[0] + sum[1] + (sum[2] + sum[3])) + (sum[4] + sum[5] + (sum[6] + sum[7]));
}

double fb3_pearson(double *x, double *y, size_t n) {
    standardise(x, n);
    standardise(y, n);
    return fmin(fmax(inner_product(x, y, n), -1.0), 1.0);
}

/* ranks[row] of the rows where both columns have a number: 1, 2, ... by value, the mean rank for ties. */
static void rank(double *ranks, const fb3_sample_column *column, const fb3_sample_column *partner) {
    const uint32_t *order = column->order;
    double before = 0.0;
    for (size_t first = 0, last; first < column->present; first = last) {
        size_t ties = 0;
        for (last = first; last < column->present && column->sorted[last] == column->sorted[first]; last++)
            ties += isnan(partner->values[order[last]]) ? 0 : 1;
        double shared = before + 0.5 * (double)(ties + 1);
        for (size_t i = first; i < last; i++)
            ranks[order[i]] = shared;
        before += (double)ties;
    }
}

/* ---- all pairs ----------------------------------------------------------------------------------- */

typedef struct correlate_argument {
    flowbd3_context *context;
    const fb3_features *features;
    const fb3_sample *sample;
    bool ranks;
    double **standard; /* [n_numeric] standardised column, NULL for one with missing cells */
    double *matrix;
    bool *failed; /* [n_numeric] */
} correlate_argument;

static const fb3_sample_column *numeric_column(const correlate_argument *correlate, size_t i) {
    return &correlate->sample->columns[correlate->features->numeric[i]];
}

static void standardise_column(void *argument, size_t i, unsigned worker) {
    (void)worker;
    correlate_argument *correlate = argument;
    const fb3_sample_column *column = numeric_column(correlate, i);
    size_t rows = correlate->sample->rows;
    if (column->missing > 0)
        return;
    double *x = fb3_allocate(correlate->context, rows, sizeof *x);
    if (x == NULL) {
        correlate->failed[i] = true;
        return;
    }
    if (correlate->ranks)
        rank(x, column, column);
    else
        memcpy(x, column->values, rows * sizeof *x);
    standardise(x, rows);
    correlate->standard[i] = x;
}

/* Over the rows where both columns have a number. */
static bool correlate_with_missing(const correlate_argument *correlate, size_t i, size_t j, double *r) {
    const fb3_sample_column *a = numeric_column(correlate, i), *b = numeric_column(correlate, j);
    size_t rows = correlate->sample->rows, n = 0;
    double *memory = fb3_allocate(correlate->context, 2 * rows, sizeof *memory);
    if (memory == NULL)
        return false;
    double *x = memory, *y = memory + rows;
    if (correlate->ranks) {
        rank(x, a, b);
        rank(y, b, a);
    }
    for (size_t row = 0; row < rows; row++) {
        if (isnan(a->values[row]) || isnan(b->values[row]))
            continue;
        x[n] = correlate->ranks ? x[row] : a->values[row];
        y[n] = correlate->ranks ? y[row] : b->values[row];
        n++;
    }
    *r = fb3_pearson(x, y, n);
    fb3_release(correlate->context, memory);
    return true;
}

/* Row i of the upper triangle, mirrored. */
static void correlate_row(void *argument, size_t i, unsigned worker) {
    (void)worker;
    correlate_argument *correlate = argument;
    size_t n = correlate->features->n_numeric;
    correlate->matrix[i * n + i] = 1.0;
    for (size_t j = i + 1; j < n; j++) {
        double r = 0.0;
        if (correlate->standard[i] != NULL && correlate->standard[j] != NULL)
            r = inner_product(correlate->standard[i], correlate->standard[j], correlate->sample->rows);
        else if (!correlate_with_missing(correlate, i, j, &r))
            correlate->failed[i] = true;
        r = fmin(fmax(r, -1.0), 1.0);
        correlate->matrix[i * n + j] = correlate->matrix[j * n + i] = r;
    }
}

uint64_t fb3_correlate_steps(const fb3_features *features) {
    return 2 * features->n_numeric;
}

flowbd3_status fb3_correlate(double *matrix, fb3_work *work, const fb3_features *features,
                             const fb3_sample *sample, bool ranks, flowbd3_error *err) {
    size_t n = features->n_numeric;
    flowbd3_context *context = work->context;
    correlate_argument correlate = {context, features, sample, ranks, NULL, matrix, NULL};
    correlate.standard = fb3_allocate_zero(context, n, sizeof *correlate.standard);
    correlate.failed = fb3_allocate_zero(context, n, sizeof *correlate.failed);
    flowbd3_status status = FLOWBD3_OK;
    bool failed = correlate.standard == NULL || correlate.failed == NULL;
    if (!failed && !fb3_work_run(work, n, standardise_column, &correlate))
        status = FLOWBD3_CANCELLED;
    for (size_t i = 0; !failed && i < n; i++)
        failed = correlate.failed[i];
    if (!failed && status == FLOWBD3_OK && !fb3_work_run(work, n, correlate_row, &correlate))
        status = FLOWBD3_CANCELLED;
    for (size_t i = 0; !failed && i < n; i++)
        failed = correlate.failed[i];
    for (size_t i = 0; correlate.standard != NULL && i < n; i++)
        fb3_release(context, correlate.standard[i]);
    fb3_release(context, correlate.standard);
    fb3_release(context, correlate.failed);
    if (status == FLOWBD3_CANCELLED)
        return fb3_fail(err, status, "the evaluation was cancelled");
    return failed ? fb3_no_memory(err, "a correlation matrix") : FLOWBD3_OK;
}

/* ---- two matrices --------------------------------------------------------------------------------- */

fb3_gap fb3_compare_matrices(const double *a, const double *b, size_t n) {
    fb3_sum squares = {0.0, 0.0}, sum = {0.0, 0.0};
    double most = 0.0;
    if (n < 2)
        return (fb3_gap){NAN, NAN, NAN};
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            double difference = fabs(a[i * n + j] - (b != NULL ? b[i * n + j] : 0.0));
            fb3_sum_add(&squares, difference * difference);
            if (i >= j)
                continue;
            most = fmax(most, difference);
            fb3_sum_add(&sum, difference);
        }
    return (fb3_gap){sqrt(fb3_sum_value(&squares)), most,
                     fb3_sum_value(&sum) / (0.5 * (double)n * (double)(n - 1))};
}

void fb3_compare_correlations(fb3_summary *summary, const fb3_features *features, const fb3_sample *real,
                              const fb3_sample *other) {
    fb3_gap pearson = fb3_compare_matrices(real->pearson, other->pearson, features->n_numeric);
    fb3_gap spearman = fb3_compare_matrices(real->spearman, other->spearman, features->n_numeric);
    summary->corr_frobenius = pearson.frobenius;
    summary->corr_max = pearson.max;
    summary->corr_mean = pearson.mean;
    summary->spearman_frobenius = spearman.frobenius;
    summary->spearman_max = spearman.max;
    summary->spearman_mean = spearman.mean;
}
