/* The evaluator room: what is kept of a table, the comparison of two samples, and the report. */
#ifndef FB3_EVALUATOR_H
#define FB3_EVALUATOR_H

#include "evaluator/outcomes.h"
#include "rules/rules.h"
#include "sequence/sequence.h"

#include <flowbd3/evaluator.h>

#include <math.h>
#include <string.h>

/* ---- compensated sums (Neumaier 1974) ----------------------------------------------------------- */

typedef struct fb3_sum {
    double high, low;
} fb3_sum;

static inline void fb3_sum_add(fb3_sum *sum, double x) {
    double total = sum->high + x;
    sum->low += fabs(sum->high) >= fabs(x) ? sum->high - total + x : x - total + sum->high;
    sum->high = total;
}

static inline double fb3_sum_value(const fb3_sum *sum) {
    return sum->high + sum->low;
}

/* Moments of a sample; NaN when it is empty (moments.c). */
typedef struct fb3_moments {
    double mean, rest; /* rest: what rounding took from the mean, so that close means can be subtracted */
    double deviation;  /* population standard deviation (ddof = 0) */
} fb3_moments;

fb3_moments fb3_moments_of(const double *x, size_t n);

/* ---- sorting (sort.c) --------------------------------------------------------------------------- */

/* Sorts the cells of x[n] that are not NaN: sorted[*present] ascending, order[*present] their indices,
 * stable. n < 2^32. False when memory is short. */
bool fb3_sort_cells(flowbd3_context *context, const double *x, size_t n, double *sorted, uint32_t *order,
                    size_t *present);

/* ---- places (ranks.c) --------------------------------------------------------------------------- */

/* Cells of sorted[n] below x, or up to x. */
size_t fb3_cells_below(const double *sorted, size_t n, double x, bool up_to);

/* The value below which a share of sorted[n] lies: linear between neighbours, as numpy.quantile; NaN for
 * n = 0. */
double fb3_quantile(const double *sorted, size_t n, double share);

/* How often a category comes. */
typedef struct fb3_frequency {
    uint64_t count;
    size_t code;
} fb3_frequency;

/* The most frequent ones first, of equally frequent ones the lower code. */
void fb3_sort_frequencies(fb3_frequency *list, size_t n);

/* ---- Kolmogorov's distribution (kolmogorov.c) --------------------------------------------------- */

/* p-value of the two-sided two-sample Kolmogorov-Smirnov test for samples of n1, n2 > 0 values whose
 * statistic is difference / (n1 * n2). Exact when both have at most 10,000 values, otherwise the distribution
 * of the one-sample statistic for round(n1 n2 / (n1 + n2)) values. False when memory is short. */
bool fb3_kolmogorov_smirnov_p(flowbd3_context *context, uint64_t n1, uint64_t n2, uint64_t difference,
                              double *p);

/* P(D_n >= x) of the one-sample statistic. False when memory is short. */
bool fb3_kolmogorov_tail(flowbd3_context *context, uint64_t n, double x, double *p);

/* ---- work in steps, with progress (work.c) ------------------------------------------------------- */

typedef struct fb3_work {
    flowbd3_context *context;
    fb3_reporter reporter;
    uint64_t done;
} fb3_work;

/* Runs task for 0..count-1 on the context's threads, a few at a time, and reports in between from the calling
 * thread. False when the caller cancels. */
bool fb3_work_run(fb3_work *work, size_t count, fb3_task task, void *argument);

/* ---- samples (sample.c) ------------------------------------------------------------------------- */

/* What the real table fixes about a column. */
typedef struct fb3_feature {
    char *name;
    flowbd3_type type;
    bool numeric;
    char **categories; /* [n_categories], sorted by strcmp; a category's code is its place here */
    size_t n_categories;
} fb3_feature;

typedef struct fb3_features {
    fb3_feature *list;
    size_t count;
    size_t *numeric; /* [n_numeric] places of the numeric columns */
    size_t n_numeric;
    size_t *all; /* [count] 0, 1, ... */
} fb3_features;

flowbd3_status fb3_features_create(fb3_features *features, flowbd3_context *context,
                                   const flowbd3_table *real, flowbd3_error *err);
void fb3_features_destroy(fb3_features *features, flowbd3_context *context);

typedef struct fb3_sample_column {
    /* [rows]: a number, NaN when missing; or a category's code, n_categories for one that the real table does
     * not have, n_categories + 1 for a missing cell. */
    double *values;
    size_t missing, present;
    double *sorted;      /* numeric: [present] */
    uint32_t *order;     /* numeric: [present] rows in the order of sorted */
    fb3_moments moments; /* numeric */
    uint64_t *counts;    /* categorical: [n_categories + 2] rows with each code */
    bool failed;         /* memory was short */
} fb3_sample_column;

typedef struct fb3_sequences fb3_sequences;
typedef struct fb3_clouds fb3_clouds;

typedef struct fb3_sample {
    size_t rows;
    fb3_sample_column *columns; /* one per feature */
    double *pearson, *spearman; /* [n_numeric, n_numeric], NULL without the group JOINT */
    fb3_sequences *sequences;   /* NULL: none */
} fb3_sample;

/* Copies table's cells column by column, matched by name, and computes what depends on this sample alone, of
 * the groups of figures that are asked for. role names the table in messages. Errors: ARGUMENT (no rows),
 * SCHEMA, LIMIT, CANCELLED, MEMORY. */
flowbd3_status fb3_sample_create(fb3_sample *sample, fb3_work *work, const fb3_features *features,
                                 const flowbd3_table *table, const char *role, uint32_t groups,
                                 flowbd3_error *err);
/* Correlation matrices of a sample, which it has none of (sample.c). Errors: CANCELLED, MEMORY. */
flowbd3_status fb3_sample_correlate(fb3_sample *sample, fb3_work *work, const fb3_features *features,
                                    flowbd3_error *err);
void fb3_sample_destroy(fb3_sample *sample, const fb3_features *features, flowbd3_context *context);

/* Steps that fb3_sample_create reports. */
uint64_t fb3_sample_steps(const fb3_features *features, uint32_t groups);

/* ---- bins (bins.c) ------------------------------------------------------------------------------ */

/* Bins of the marginal figures and of the figures of pairs, at most; categories that pairs tell apart. */
enum { FB3_MARGINAL_BINS = 50, FB3_PAIR_BINS = 20, FB3_KEPT_CATEGORIES = 50 };

/* A number v is in bin k where k cuts are at most v. */
typedef struct fb3_bins {
    double cuts[FB3_MARGINAL_BINS - 1]; /* [n_cuts] ascending */
    size_t n_cuts;
} fb3_bins;

/* At most most bins, by the quantiles of sorted[n]; a value that holds two of them is a bin of its own. */
void fb3_bins_cut(fb3_bins *bins, const double *sorted, size_t n, size_t most);

/* counts[n_cuts + 1] of sorted[n]. */
void fb3_bins_count(uint64_t *counts, const fb3_bins *bins, const double *sorted, size_t n);

/* Codes below count of the cells of a column in both samples; the last one is missing. */
typedef struct fb3_codes {
    size_t count;
    const uint8_t *real, *other; /* [rows] of either sample */
    uint8_t *memory;
} fb3_codes;

/* Numbers: FB3_PAIR_BINS bins. Categories: the FB3_KEPT_CATEGORIES most frequent of the real column, the
 * others of the real column, those that it does not have. False when memory is short; release it then too. */
bool fb3_codes_create(fb3_codes *codes, flowbd3_context *context, const fb3_feature *feature,
                      const fb3_sample_column *real, size_t real_rows, const fb3_sample_column *other,
                      size_t other_rows);
void fb3_codes_release(fb3_codes *codes, flowbd3_context *context);

/* ---- comparisons -------------------------------------------------------------------------------- */

/* NaN stands for a figure that does not apply. docs/metrics.md defines them. */
typedef struct fb3_column_figures {
    double ks, ks_p, emd, emd_scaled;
    double mean_real, mean_generated, mean_difference;
    double std_real, std_generated, std_difference;
    double emd_rank, quantile_difference, support_coverage;
    double tvd, category_coverage;
    double js;
    double missing_real, missing_generated, missing_difference;
    double autocorrelation_diff, transition_tvd;
} fb3_column_figures;

typedef struct fb3_summary {
    double rows_real, rows_generated;
    double ks_mean, ks_max, emd_mean, emd_scaled_mean;
    double mean_difference_mean, std_difference_mean;
    double emd_rank_mean, quantile_difference_mean, support_coverage_mean;
    double tvd_mean, tvd_max, category_coverage_mean, js_mean, missing_difference_mean;
    double corr_frobenius, corr_max, corr_mean;
    double spearman_frobenius, spearman_max, spearman_mean;
    double association_frobenius, association_max, association_mean;
    double nmi_diff, nmi_diff_max, pair_tvd_mean, pair_tvd_max;
    double c2st_auc, c2st_auc_logistic, tstr, trtr;
    double nearest_min, nearest_mean, nearest_std;
    double alpha_precision, beta_recall, precision, recall, density, coverage;
    double authenticity, authenticity_reference;
    double dcr_mean, dcr_p5, dcr_train_share, nndr_mean, nndr_p5, copies, mia_advantage;
    double rule_violations, rule_violations_real;
    double interarrival_ks, interarrival_emd_scaled, group_size_ks, group_duration_ks, burst_size_ks;
    double autocorrelation_diff, transition_tvd_mean, transition_tvd_max;
} fb3_summary;

/* The figure at offset in a struct of figures. */
static inline double fb3_figure_at(const void *figures, size_t offset) {
    double value;
    memcpy(&value, (const char *)figures + offset, sizeof value);
    return value;
}

static inline void fb3_figure_put(void *figures, size_t offset, double value) {
    memcpy((char *)figures + offset, &value, sizeof value);
}

/* [count, count] over all features, symmetric. */
typedef struct fb3_matrices {
    double *association[2], *nmi[2]; /* of the real sample, of the other */
    double *pair_tvd;
    double *memory;
} fb3_matrices;

enum { FB3_CURVE = 100 }; /* points of a curve: k / FB3_CURVE for k = 1 .. FB3_CURVE */

typedef struct fb3_comparison {
    fb3_column_figures *columns; /* one per feature; NULL before there is a comparison */
    fb3_summary summary;
    fb3_summary low, high; /* ends of the intervals of the summary */
    bool has_intervals;
    fb3_matrices matrices;
    bool keeps; /* outcomes are wanted of all figures that have them */
    fb3_outcomes outcomes;
    double alpha_precision[FB3_CURVE], beta_recall[FB3_CURVE]; /* the first is NaN where there is none */
} fb3_comparison;

/* How the rows of a table stand to rules (violations.c). Without rules share is NaN. */
typedef struct fb3_violations {
    fb3_rule_count *counts; /* [rules->count] */
    double share;           /* of the rows, those that violate one rule or more */
} fb3_violations;

/* What is compared. */
typedef struct fb3_pair {
    const fb3_features *features;
    const flowbd3_evaluator_options *options; /* groups is not 0; names of columns are in criteria */
    const fb3_sample *real, *other;
    const fb3_violations *real_violations, *violations;
    const fb3_criteria *criteria; /* of sequences, as columns of the real table */
    const fb3_clouds *clouds;     /* of the group NEIGHBOURS */
    bool floor;                   /* other is the second real sample */
    bool resampled;               /* other was drawn from another sample */
} fb3_pair;

/* Rows of the tables, 0 where there is none; other, that the real one is compared with, is the second one for
 * the floor. */
typedef struct fb3_sizes {
    size_t real, second, training, other;
    bool floor;
} fb3_sizes;

/* All figures of a pair, of the groups that are asked for; of a resampled one those that depend on it and are
 * quick to compute. Errors: CANCELLED, MEMORY. (comparison.c) */
flowbd3_status fb3_compare(fb3_comparison *comparison, fb3_work *work, const fb3_pair *pair,
                           flowbd3_error *err);
void fb3_comparison_release(fb3_comparison *comparison, flowbd3_context *context);

/* Steps that fb3_compare reports. */
uint64_t fb3_compare_steps(const fb3_features *features, const flowbd3_evaluator_options *options,
                           const fb3_sizes *sizes, bool resampled);

/* Whether there are figures to compute of a resampled pair (comparison.c). */
bool fb3_compare_resamples(const flowbd3_evaluator_options *options);

/* 1 - 2 mean_k |curve[k - 1] - k / FB3_CURVE| (fidelity.c). */
double fb3_integrated(const double curve[FB3_CURVE]);

/* Intervals of the summary, where options ask for them; of the floor that of trtr alone. Errors: CANCELLED,
 * MEMORY. (bootstrap.c) */
flowbd3_status fb3_bootstrap(fb3_comparison *comparison, fb3_work *work, const fb3_pair *pair,
                             flowbd3_error *err);
uint64_t fb3_bootstrap_steps(const fb3_features *features, const flowbd3_evaluator_options *options,
                             const fb3_sizes *sizes);

/* Marginal figures of every column, which are NaN before, and their summary (marginals.c). Errors:
 * CANCELLED, MEMORY. */
flowbd3_status fb3_compare_marginals(fb3_comparison *comparison, fb3_work *work, const fb3_pair *pair,
                                     flowbd3_error *err);

/* Walks through both sorted samples at once. *difference: max |i nb - j na| over the empirical distribution
 * functions i/na and j/nb, so that the statistic is exact and symmetric; *distance: the area between them
 * (marginals.c). */
void fb3_walk_distributions(const double *a, size_t na, const double *b, size_t nb, uint64_t *difference,
                            double *distance);

/* Mean of the figure at offset over the columns where it is finite; NaN when there is none (marginals.c). */
double fb3_mean_figure(const fb3_column_figures *columns, size_t count, size_t offset);
#define FB3_MEAN_FIGURE(columns, count, member) \
    fb3_mean_figure(columns, count, offsetof(fb3_column_figures, member))

/* Pearson correlation of x and y, both of which are overwritten; 0 when one is constant (joint.c). */
double fb3_pearson(double *x, double *y, size_t n);

/* Those of a column that do not depend on its unit (distributions.c). */
void fb3_compare_distributions(fb3_column_figures *to, const fb3_feature *feature,
                               const fb3_sample_column *real, size_t real_rows,
                               const fb3_sample_column *other, size_t other_rows);

/* Correlation matrix [n_numeric, n_numeric] of a sample, of the values or of their ranks (joint.c). */
flowbd3_status fb3_correlate(double *matrix, fb3_work *work, const fb3_features *features,
                             const fb3_sample *sample, bool ranks, flowbd3_error *err);
uint64_t fb3_correlate_steps(const fb3_features *features);

/* Figures of the two samples' matrices (joint.c). */
void fb3_compare_correlations(fb3_summary *summary, const fb3_features *features, const fb3_sample *real,
                              const fb3_sample *other);

/* How far two symmetric matrices [n, n] are apart; b may be NULL for zeros. max and mean are those of the
 * absolute differences above the diagonal; NaN when n < 2 (joint.c). */
typedef struct fb3_gap {
    double frobenius, max, mean;
} fb3_gap;

fb3_gap fb3_compare_matrices(const double *a, const double *b, size_t n);

/* Matrices over all columns and their summary (association.c). Errors: CANCELLED, MEMORY. */
flowbd3_status fb3_compare_pairs(fb3_comparison *comparison, fb3_work *work, const fb3_pair *pair,
                                 flowbd3_error *err);
uint64_t fb3_pair_steps(const fb3_features *features);

/* Distance from each row of other to the nearest row of real; at most max_rows rows of each, chosen by seed,
 * 0 = all (neighbours.c). Errors: CANCELLED, MEMORY. */
flowbd3_status fb3_compare_neighbours(fb3_comparison *comparison, fb3_work *work,
                                      const fb3_features *features, const fb3_sample *real,
                                      const fb3_sample *other, uint64_t max_rows, uint64_t seed,
                                      flowbd3_error *err);
uint64_t fb3_neighbour_steps(size_t rows, uint64_t max_rows);

/* ---- classifiers (classifier.c) ----------------------------------------------------------------- */

/* c2st_auc, c2st_auc_logistic, tstr, and trtr of the floor. Errors: CANCELLED, MEMORY, NUMERIC (XGBoost's own
 * message). */
flowbd3_status fb3_compare_by_classifiers(fb3_comparison *comparison, fb3_work *work, const fb3_pair *pair,
                                          flowbd3_error *err);
uint64_t fb3_classifier_steps(const flowbd3_evaluator_options *options, const fb3_sizes *sizes);

/* What computed c2st_auc and tstr. Static storage. */
const char *fb3_classifier_name(void);

/* ---- sequences (sequences.c, sequence_figures.c) ------------------------------------------------- */

enum {
    FB3_LAGS = 10,      /* autocorrelations */
    FB3_STATES_MAX = 64 /* categories of a column that have a state of their own */
};

/* Values in ascending order, NaN left out. */
typedef struct fb3_distribution {
    double *sorted; /* [count] */
    size_t count;
} fb3_distribution;

/* False: no memory. */
bool fb3_distribution_create(fb3_distribution *to, flowbd3_context *context, const double *x, size_t n);

/* Rows of a sample as groups of rows in order; those without a cell in the column that orders them have no
 * place. */
struct fb3_sequences {
    const fb3_sample *sample;
    size_t rows, groups;
    size_t *row;            /* [rows] the sample's row at each place: group by group */
    size_t *first;          /* [groups + 1] place where each group begins */
    double *gaps;           /* [rows] to the place before, NaN for the first of a group */
    double *durations;      /* [groups]; gaps and durations are NULL without order_by */
    fb3_distribution sizes; /* rows of the groups */
    fb3_distribution sorted_gaps, sorted_durations;
    double *autocorrelation; /* [features, FB3_LAGS] of numeric columns; NaN where no two pairs of rows are */
};

/* The columns that options name, none without the group SEQUENCES. group_by is to be freed with fb3_release,
 * also on failure. Errors: ARGUMENT, MEMORY. */
flowbd3_status fb3_criteria_create(fb3_criteria *criteria, flowbd3_context *context,
                                   const fb3_features *features, const flowbd3_evaluator_options *options,
                                   flowbd3_error *err);

/* Room for so many rows and groups, with gaps and durations when timed; NULL: no memory. */
fb3_sequences *fb3_sequences_allocate(flowbd3_context *context, const fb3_sample *sample, size_t rows,
                                      size_t groups, size_t features, bool timed);

/* Fills in sizes, sorted_gaps, sorted_durations. False: no memory. */
bool fb3_sequences_sort(fb3_sequences *sequences, flowbd3_context *context);

/* The rows of a table, of which sample is the copy. Errors: CANCELLED, MEMORY. */
flowbd3_status fb3_sequences_create(fb3_sequences **out, fb3_work *work, const fb3_features *features,
                                    const fb3_criteria *criteria, const fb3_sample *sample,
                                    const flowbd3_table *table, flowbd3_error *err);
void fb3_sequences_destroy(fb3_sequences **sequences, flowbd3_context *context);

/* Fills in the autocorrelations. Errors: CANCELLED, MEMORY. */
flowbd3_status fb3_autocorrelate(fb3_sequences *sequences, fb3_work *work, const fb3_features *features,
                                 const fb3_criteria *criteria, flowbd3_error *err);

/* times[n]: how often each of 0..n-1 comes in n draws with replacement, a function of seed, purpose, step
 * (resample.c). */
void fb3_resample_draw(uint32_t *times, size_t n, uint64_t seed, fb3_purpose purpose, uint32_t step);

/* The sample that has each row of from so many times, all rows together, with what fb3_sample_create computes
 * (resample.c). Errors: CANCELLED, MEMORY. */
flowbd3_status fb3_sample_resample(fb3_sample *to, fb3_work *work, const fb3_features *features,
                                   const fb3_sample *from, const uint32_t *times, uint32_t groups,
                                   flowbd3_error *err);

/* As many groups, drawn with replacement from those of from, of the same sample (resample.c). Errors:
 * CANCELLED, MEMORY. */
flowbd3_status fb3_sequences_resample(fb3_sequences **out, fb3_work *work, const fb3_features *features,
                                      const fb3_criteria *criteria, const fb3_sequences *from, uint64_t seed,
                                      uint32_t step, flowbd3_error *err);

/* Figures of sequences; leaves them where there are none. Errors: CANCELLED, MEMORY. */
flowbd3_status fb3_compare_sequences(fb3_comparison *comparison, fb3_work *work, const fb3_pair *pair,
                                     flowbd3_error *err);

static inline bool fb3_has_sequences(const flowbd3_evaluator_options *options) {
    return options->n_group_by > 0 || options->order_by != NULL;
}

/* Steps that fb3_autocorrelate reports, and fb3_compare_sequences too. */
uint64_t fb3_sequence_steps(const fb3_features *features, const flowbd3_evaluator_options *options);

/* ---- rules (violations.c) ----------------------------------------------------------------------- */

/* rules may be NULL. role names the table in messages. Errors: SCHEMA, MEMORY. */
flowbd3_status fb3_violations_count(fb3_violations *violations, flowbd3_context *context,
                                    const flowbd3_rules *rules, const flowbd3_table *table, const char *role,
                                    flowbd3_error *err);
void fb3_violations_release(fb3_violations *violations, flowbd3_context *context);

/* ---- report (report.c) -------------------------------------------------------------------------- */

/* Finite figures by name. */
typedef struct fb3_figures {
    struct fb3_figure {
        char *name;
        double value;
    } * list;       /* [count] in the order of the report */
    size_t *sorted; /* [count] places in list, by name */
    size_t count, capacity;
} fb3_figures;

/* What is reported. floor and rules may be NULL. */
typedef struct fb3_results {
    const fb3_features *features;
    const fb3_comparison *comparison, *floor;
    const flowbd3_rules *rules;
    const fb3_violations *generated, *real;
} fb3_results;

/* Errors: MEMORY. */
flowbd3_status fb3_figures_create(fb3_figures *figures, flowbd3_context *context, const fb3_results *results,
                                  flowbd3_error *err);
void fb3_figures_destroy(fb3_figures *figures, flowbd3_context *context);
double fb3_figures_get(const fb3_figures *figures, const char *name);

/* The pairs of columns that differ most, as a JSON array (report_pairs.c). NULL when memory is short. */
struct json_t *fb3_report_pairs(flowbd3_context *context, const fb3_results *results);

/* A curve of FB3_CURVE values by name, NULL where there is none. */
const double *fb3_curve_get(const fb3_comparison *comparison, const fb3_comparison *floor, const char *name);

flowbd3_status fb3_report_json(char **json, flowbd3_context *context, const fb3_results *results,
                               flowbd3_error *err);

#endif
