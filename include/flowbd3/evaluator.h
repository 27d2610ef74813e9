/* Evaluator: compares a generated table with a real one. */
#ifndef FLOWBD3_EVALUATOR_H
#define FLOWBD3_EVALUATOR_H

#include <flowbd3/rules.h>
#include <flowbd3/table.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Thread-safety: one thread at a time. */
typedef struct flowbd3_evaluator flowbd3_evaluator;

/* Groups of figures (docs/metrics.md), to be combined by |. */
typedef enum flowbd3_metrics {
    FLOWBD3_METRICS_MARGINALS = 1,  /* of single columns */
    FLOWBD3_METRICS_JOINT = 2,      /* of pairs of columns */
    FLOWBD3_METRICS_CLASSIFIER = 4, /* of classifiers that learn from the tables */
    FLOWBD3_METRICS_NEIGHBOURS = 8, /* of distances between rows */
    FLOWBD3_METRICS_RULES = 16,     /* of rows that violate rules */
    FLOWBD3_METRICS_SEQUENCES = 32  /* of the order of rows */
} flowbd3_metrics;

typedef struct flowbd3_evaluator_options {
    size_t struct_size;
    uint64_t max_rows;          /* rows of each table used for distances between rows; default 0 = all */
    uint64_t seed;              /* choice of those rows, of resampled ones, and of folds */
    const flowbd3_rules *rules; /* whose violations are counted; default NULL = none. The evaluator keeps a
                                   reference of its own */
    uint32_t groups;            /* flowbd3_metrics to compute, others are NaN; default 0 = all */
    uint32_t bootstrap;         /* resamplings of rows that give intervals; default 0 = none */
    /* [n_group_by] columns whose equal cells make rows one sequence, for example the source host; missing
     * cells are equal. Default none: all rows are one. */
    const char *const *group_by;
    size_t n_group_by;
    /* Column of numbers or times that orders the rows of a sequence; rows without a cell there have no place.
     * Default NULL: the table's order. Figures of sequences need group_by or order_by. */
    const char *order_by;
    /* The rows that the generator has learned from, for the figures of privacy (docs/metrics.md); real are
     * then rows that it has not seen. Default NULL: it has learned from real, and not from second_real.
     * Copied by create; only the group NEIGHBOURS reads it. */
    const flowbd3_table *training;
    uint32_t reference_authenticity; /* 1: also authenticity_reference, as the implementation in wide use
                                   computes it; default 0 = no */
    uint64_t max_classifier_rows; /* rows of each table used for classifiers; default 0 = 10,000, fewer than 5
                                     = no classifiers */
    /* Column that tstr and trtr foretell from the others; only the group CLASSIFIER reads it. Default NULL =
     * none. */
    const char *target;
} flowbd3_evaluator_options;

#define FLOWBD3_EVALUATOR_OPTIONS_INIT \
    { sizeof(flowbd3_evaluator_options), 0, 0, NULL, 0, 0, NULL, 0, NULL, NULL, 0, 0, NULL }

FLOWBD3_API flowbd3_status flowbd3_evaluator_options_init(flowbd3_evaluator_options *options, size_t size);

/* Creates an evaluator against the rows of real. second_real, or NULL, is a second real sample: every figure
 * is then computed for it too, as the floor. All tables are copied as far as they are needed. Errors:
 * ARGUMENT (no rows or columns, a group that there is not; with the group SEQUENCES a column of group_by or
 * order_by that is not there or is named twice, an order_by of categories or addresses), SCHEMA (the tables'
 * columns differ, the target is not there, or a rule's column is not there or of the other kind), LIMIT (2^31
 * rows), MEMORY. */
FLOWBD3_API flowbd3_status flowbd3_evaluator_create(flowbd3_evaluator **out, flowbd3_context *context,
                                                    const flowbd3_table *real,
                                                    const flowbd3_table *second_real,
                                                    const flowbd3_evaluator_options *options,
                                                    flowbd3_error *err);
FLOWBD3_API void flowbd3_evaluator_destroy(flowbd3_evaluator **evaluator);

/* Computes every figure for generated, whose columns are matched by name; real and integer columns match each
 * other, columns that the real table does not have are ignored with a warning in the log. Replaces the
 * figures of an earlier call; a call that fails leaves them. Errors: ARGUMENT (no rows), SCHEMA (names the
 * column that is not there or is of the other kind, and the rule if one needs it), LIMIT, CANCELLED, NUMERIC
 * (XGBoost failed), MEMORY.
 */
FLOWBD3_API flowbd3_status flowbd3_evaluator_run(flowbd3_evaluator *evaluator, const flowbd3_table *generated,
                                                 flowbd3_progress_function progress, void *progress_user,
                                                 flowbd3_error *err);

/* Figures by name ("summary.ks_mean", "floor.ks_mean", "low.ks_mean", "columns.duration.ks", ...;
 * docs/metrics.md lists them all) and by number 0 <= i < flowbd3_evaluator_count. NaN and NULL for what is
 * not there. */
FLOWBD3_API double flowbd3_evaluator_get(const flowbd3_evaluator *evaluator, const char *name);
FLOWBD3_API size_t flowbd3_evaluator_count(const flowbd3_evaluator *evaluator);
FLOWBD3_API const char *flowbd3_evaluator_figure(const flowbd3_evaluator *evaluator, size_t i, double *value);

/* The tables of an evaluator. */
typedef enum flowbd3_sample {
    FLOWBD3_SAMPLE_REAL = 0,
    FLOWBD3_SAMPLE_GENERATED = 1,
    FLOWBD3_SAMPLE_SECOND_REAL = 2
} flowbd3_sample;

/* A matrix of the last run by name (docs/metrics.md defines them), symmetric, row-major [n, n], column
 * indices of the real table in columns[n] (or NULL). Over the numeric columns: "pearson", "spearman". Over
 * all: "association" (Pearson's correlation, correlation ratio, Cramér's V), "nmi" (normalised mutual
 * information), "pair_tvd" (distance of the two-dimensional histograms from the real table's; the generated
 * table's for REAL as for GENERATED). NULL, with *n = 0 and *columns = NULL, for what is not there, without
 * the group JOINT and before the first run. Both pointers live until the next run. */
FLOWBD3_API const double *flowbd3_evaluator_matrix(const flowbd3_evaluator *evaluator, const char *name,
                                                   flowbd3_sample sample, size_t *n, const size_t **columns);

/* A curve by name: "alpha_precision" holds P_alpha at alpha = k / *n for k = 1 .. *n, "beta_recall" R_beta in
 * the same way, and with "floor_" before the name those of the second real sample. NULL, and *n 0, before the
 * first run and for what is not there. The pointer lives until the next run; n may be NULL. */
FLOWBD3_API const double *flowbd3_evaluator_curve(const flowbd3_evaluator *evaluator, const char *name,
                                                  size_t *n);

/* Rows of a table that violate rule i of the options, rows[*n] ascending from 0: the first few of the
 * REAL or the GENERATED. NULL and 0 before the first run, without the group RULES and without such a rule.
 * The pointer lives until the next run. */
FLOWBD3_API const uint64_t *flowbd3_evaluator_violations(const flowbd3_evaluator *evaluator, size_t i,
                                                         flowbd3_sample sample, size_t *n);

/* The report as JSON text with the members summary, floor, columns, pairs, curves, classifier, low and high
 * where there are intervals, and rules where there are some; to be given back with flowbd3_string_destroy.
 * Errors: STATE (no run yet), MEMORY. */
FLOWBD3_API flowbd3_status flowbd3_evaluator_to_json(const flowbd3_evaluator *evaluator, char **json,
                                                     flowbd3_error *err);

#ifdef __cplusplus
}
#endif

#endif
