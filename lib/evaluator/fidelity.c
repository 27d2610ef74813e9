/* Alpha-precision and beta-recall (Alaa et al. 2022, ICML, "How faithful is your synthetic data?"), precision
 * and recall (Kynkaanniemi et al. 2019), density and coverage (Naeem et al. 2020). docs/metrics.md has the
 * formulas. */
#include "evaluator/distances.h"

/* ---- distances to the centre of a sample -------------------------------------------------------- */

/* Mean of the numeric coordinates, and of the categories as vectors of shares. */
typedef struct centre {
    double *mean;   /* [numeric] */
    double *square; /* [sum of n_categories + 2] squared distance of each code from the shares */
    size_t *begin;  /* [categorical] its codes in square */
} centre;

static void release_centre(centre *c, flowbd3_context *context) {
    fb3_release(context, c->mean);
    fb3_release(context, c->square);
    fb3_release(context, c->begin);
}

/* Two rows with different categories are 1 apart, so the vector of a category is 1/sqrt(2) long: that of code
 * k is (1 - 2 p_k + sum p^2) / 2 from the shares p. */
static void square_shares(double *square, size_t codes, double rows) {
    fb3_sum squares = {0.0, 0.0};
    for (size_t k = 0; k < codes; k++)
        fb3_sum_add(&squares, square[k] / rows * (square[k] / rows));
    for (size_t k = 0; k < codes; k++)
        square[k] = 0.5 * (1.0 - 2.0 * (square[k] / rows) + fb3_sum_value(&squares));
}

static bool find_centre(centre *c, flowbd3_context *context, const fb3_features *features,
                        const fb3_points *points) {
    size_t codes = 0, at = 0, rows = points->rows;
    for (size_t f = 0; f < features->count; f++)
        codes += features->list[f].numeric ? 0 : features->list[f].n_categories + 2;
    c->mean = fb3_allocate_zero(context, points->numeric, sizeof *c->mean);
    c->square = fb3_allocate_zero(context, codes, sizeof *c->square);
    c->begin = fb3_allocate(context, points->categorical, sizeof *c->begin);
    if (c->mean == NULL || c->square == NULL || c->begin == NULL)
        return false;
    for (size_t f = 0; f < points->numeric; f++) {
        fb3_sum sum = {0.0, 0.0};
        for (size_t i = 0; i < points->count; i++)
            fb3_sum_add(&sum, points->x[i * points->numeric + f] * points->weight[i]);
        c->mean[f] = fb3_sum_value(&sum) / (double)rows;
    }
    codes = 0;
    for (size_t f = 0; f < features->count; f++) {
        if (features->list[f].numeric)
            continue;
        for (size_t i = 0; i < points->count; i++)
            c->square[codes + points->codes[i * points->categorical + at]] += points->weight[i];
        square_shares(c->square + codes, features->list[f].n_categories + 2, (double)rows);
        c->begin[at++] = codes;
        codes += features->list[f].n_categories + 2;
    }
    return true;
}

/* to[points] squared, in units. */
static void distances_to(double *to, const centre *c, const fb3_points *points) {
    for (size_t i = 0; i < points->count; i++) {
        double sum = 0.0;
        for (size_t f = 0; f < points->numeric; f++) {
            double difference = (points->x[i * points->numeric + f] - c->mean[f]) / points->unit;
            sum += difference * difference;
        }
        for (size_t f = 0; f < points->categorical; f++)
            sum += c->square[c->begin[f] + points->codes[i * points->categorical + f]];
        to[i] = sum;
    }
}

/* ---- curves ------------------------------------------------------------------------------------- */

/* The values of all rows in ascending order, INFINITY last. False when memory is short. */
static bool sort_rows(double *sorted, flowbd3_context *context, const fb3_points *points, const double *of) {
    size_t n = points->rows, present;
    double *values = fb3_allocate(context, n, sizeof *values);
    uint32_t *order = fb3_allocate(context, n, sizeof *order);
    bool whole = values != NULL && order != NULL;
    if (whole) {
        fb3_row_values(values, points, of, 1);
        whole = fb3_sort_cells(context, values, n, sorted, order, &present);
    }
    fb3_release(context, values);
    fb3_release(context, order);
    return whole;
}

/* curve[k - 1] = share of values[n] up to the smallest radius that holds k / FB3_CURVE of the rows that
 * within[m] belong to; both sorted. */
static void draw_curve(double curve[FB3_CURVE], const double *within, size_t m, const double *values,
                       size_t n) {
    size_t at = 0;
    for (size_t k = 1; k <= FB3_CURVE; k++) {
        size_t rows = (m * k + FB3_CURVE - 1) / FB3_CURVE;
        while (at < n && values[at] <= within[rows - 1])
            at++;
        curve[k - 1] = (double)at / (double)n;
    }
}

double fb3_integrated(const double curve[FB3_CURVE]) {
    fb3_sum sum = {0.0, 0.0};
    for (size_t k = 1; k <= FB3_CURVE; k++)
        fb3_sum_add(&sum, fabs(curve[k - 1] - (double)k / FB3_CURVE));
    return 1.0 - 2.0 * fb3_sum_value(&sum) / FB3_CURVE;
}

/* The curve of the rows of points by their values[points], as draw_curve draws it. False when memory is
 * short. */
static bool keep_curve(fb3_outcomes *outcomes, flowbd3_context *context, size_t figure,
                       const fb3_cloud *cloud, const double *values, const double *within, size_t m) {
    const fb3_points *points = &cloud->points;
    double radii[FB3_CURVE], *levels = fb3_allocate(context, points->rows, sizeof *levels);
    for (size_t k = 1; k <= FB3_CURVE; k++)
        radii[k - 1] = within[(m * k + FB3_CURVE - 1) / FB3_CURVE - 1];
    for (size_t row = 0; levels != NULL && row < points->rows; row++)
        levels[row] = (double)fb3_cells_below(radii, FB3_CURVE, values[points->point[row]], false);
    bool whole = levels != NULL && fb3_keep_curve(outcomes, context, figure, cloud->of, levels, points->rows);
    fb3_release(context, levels);
    return whole;
}

/* ---- what is worked on -------------------------------------------------------------------------- */

typedef struct sheet {
    const fb3_cloud *real, *other;
    double *real_radii, *other_radii;   /* [points] k = FB3_BALL_NEIGHBOURS */
    double *real_nearest;               /* [points] k = 1 */
    double *real_values, *other_values; /* [points] */
    double *real_sorted, *other_sorted; /* [rows] */
    uint64_t *counts;                   /* [points] of either */
} sheet;

static bool allocate_sheet(sheet *s, flowbd3_context *context) {
    size_t real = s->real->points.count, other = s->other->points.count;
    s->real_radii = fb3_allocate(context, real, sizeof(double));
    s->other_radii = fb3_allocate(context, other, sizeof(double));
    s->real_nearest = fb3_allocate(context, real, sizeof(double));
    s->real_values = fb3_allocate(context, real, sizeof(double));
    s->other_values = fb3_allocate(context, other, sizeof(double));
    s->real_sorted = fb3_allocate(context, s->real->points.rows, sizeof(double));
    s->other_sorted = fb3_allocate(context, s->other->points.rows, sizeof(double));
    s->counts = fb3_allocate(context, real > other ? real : other, sizeof *s->counts);
    return s->real_radii != NULL && s->other_radii != NULL && s->real_nearest != NULL &&
           s->real_values != NULL && s->other_values != NULL && s->real_sorted != NULL &&
           s->other_sorted != NULL && s->counts != NULL;
}

static void release_sheet(sheet *s, flowbd3_context *context) {
    fb3_release(context, s->real_radii);
    fb3_release(context, s->other_radii);
    fb3_release(context, s->real_nearest);
    fb3_release(context, s->real_values);
    fb3_release(context, s->other_values);
    fb3_release(context, s->real_sorted);
    fb3_release(context, s->other_sorted);
    fb3_release(context, s->counts);
}

static flowbd3_status compare_supports(fb3_comparison *comparison, flowbd3_context *context, sheet *s,
                                       const fb3_features *features, flowbd3_error *err) {
    centre c = {NULL, NULL, NULL};
    bool whole = find_centre(&c, context, features, &s->real->points);
    if (whole) {
        distances_to(s->real_values, &c, &s->real->points);
        distances_to(s->other_values, &c, &s->other->points);
        whole = sort_rows(s->real_sorted, context, &s->real->points, s->real_values) &&
                sort_rows(s->other_sorted, context, &s->other->points, s->other_values);
    }
    release_centre(&c, context);
    if (!whole)
        return fb3_no_memory(err, "alpha-precision");
    draw_curve(comparison->alpha_precision, s->real_sorted, s->real->points.rows, s->other_sorted,
               s->other->points.rows);
    comparison->summary.alpha_precision = fb3_integrated(comparison->alpha_precision);
    if (comparison->keeps &&
        !keep_curve(&comparison->outcomes, context, offsetof(fb3_summary, alpha_precision), s->other,
                    s->other_values, s->real_sorted, s->real->points.rows))
        return fb3_no_memory(err, "alpha-precision");
    return FLOWBD3_OK;
}

/* A real row belongs to the curve from the radius on at which its ball holds a generated row. */
static flowbd3_status compare_reach(fb3_comparison *comparison, fb3_work *work, sheet *s,
                                    const fb3_features *features, flowbd3_error *err) {
    flowbd3_context *context = work->context;
    centre c = {NULL, NULL, NULL};
    bool whole = find_centre(&c, context, features, &s->other->points);
    if (whole) {
        distances_to(s->other_values, &c, &s->other->points);
        whole = sort_rows(s->other_sorted, context, &s->other->points, s->other_values);
    }
    release_centre(&c, context);
    if (!whole)
        return fb3_no_memory(err, "beta-recall");
    flowbd3_status status = fb3_least_within(s->real_values, work, &s->real->points, s->real_nearest,
                                             &s->other->points, s->other_values, err);
    if (status != FLOWBD3_OK)
        return status;
    if (!sort_rows(s->real_sorted, context, &s->real->points, s->real_values))
        return fb3_no_memory(err, "beta-recall");
    draw_curve(comparison->beta_recall, s->other_sorted, s->other->points.rows, s->real_sorted,
               s->real->points.rows);
    comparison->summary.beta_recall = fb3_integrated(comparison->beta_recall);
    if (comparison->keeps && !keep_curve(&comparison->outcomes, context, offsetof(fb3_summary, beta_recall),
                                         s->real, s->real_values, s->other_sorted, s->other->points.rows))
        return fb3_no_memory(err, "beta-recall");
    return FLOWBD3_OK;
}

/* Of generated rows: precision, and density, whose balls are whole numbers. */
static bool find_precision(fb3_comparison *comparison, flowbd3_context *context, sheet *s) {
    double *values = s->other_values;
    for (size_t i = 0; i < s->other->points.count; i++)
        values[i] = s->counts[i] > 0 ? 1.0 : 0.0;
    if (!fb3_find_point_mean(comparison, offsetof(fb3_summary, precision), context, s->other->of,
                             &s->other->points, values))
        return false;
    for (size_t i = 0; i < s->other->points.count; i++)
        values[i] = (double)s->counts[i] / FB3_BALL_NEIGHBOURS;
    return fb3_find_point_mean(comparison, offsetof(fb3_summary, density), context, s->other->of,
                               &s->other->points, values);
}

/* Of real rows. A single generated row has no ball. */
static bool find_recall(fb3_comparison *comparison, flowbd3_context *context, sheet *s,
                        const fb3_crossing *crossing) {
    double *values = s->real_values;
    for (size_t i = 0; i < s->real->points.count; i++)
        values[i] = s->counts[i] > 0 ? 1.0 : 0.0;
    if (s->other->points.rows > 1 && !fb3_find_point_mean(comparison, offsetof(fb3_summary, recall), context,
                                                          s->real->of, &s->real->points, values))
        return false;
    for (size_t i = 0; i < s->real->points.count; i++)
        values[i] = crossing->back.square[i] <= s->real_radii[i] ? 1.0 : 0.0;
    return fb3_find_point_mean(comparison, offsetof(fb3_summary, coverage), context, s->real->of,
                               &s->real->points, values);
}

static flowbd3_status compare_balls(fb3_comparison *comparison, fb3_work *work, sheet *s,
                                    const fb3_crossing *crossing, flowbd3_error *err) {
    const fb3_points *real = &s->real->points, *other = &s->other->points;
    flowbd3_status status = fb3_count_around(s->counts, work, other, real, s->real_radii, err);
    if (status == FLOWBD3_OK && !find_precision(comparison, work->context, s))
        status = fb3_no_memory(err, "precision");
    if (status == FLOWBD3_OK)
        status = fb3_count_around(s->counts, work, real, other, s->other_radii, err);
    if (status == FLOWBD3_OK && !find_recall(comparison, work->context, s, crossing))
        status = fb3_no_memory(err, "recall");
    return status;
}

flowbd3_status fb3_compare_fidelity(fb3_comparison *comparison, fb3_work *work, const fb3_features *features,
                                    const fb3_cloud *real, const fb3_cloud *other,
                                    const fb3_crossing *crossing, flowbd3_error *err) {
    sheet s = {.real = real, .other = other};
    flowbd3_status status;
    if (!allocate_sheet(&s, work->context)) {
        status = fb3_no_memory(err, "fidelity and diversity");
    } else {
        fb3_radii(s.real_radii, real, FB3_BALL_NEIGHBOURS);
        fb3_radii(s.other_radii, other, FB3_BALL_NEIGHBOURS);
        fb3_radii(s.real_nearest, real, 1);
        status = compare_supports(comparison, work->context, &s, features, err);
    }
    if (status == FLOWBD3_OK)
        status = compare_reach(comparison, work, &s, features, err);
    if (status == FLOWBD3_OK)
        status = compare_balls(comparison, work, &s, crossing, err);
    release_sheet(&s, work->context);
    /* A single real row has no neighbour, and so no ball. */
    if (real->points.rows < 2) {
        fb3_summary *summary = &comparison->summary;
        summary->beta_recall = summary->precision = summary->density = summary->coverage = NAN;
        comparison->beta_recall[0] = NAN;
    }
    return status;
}
