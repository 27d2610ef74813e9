/* The evaluator's handle: the real table as it is kept, the floor, and the figures of the last run. */
#include "evaluator/distances.h"

struct flowbd3_evaluator {
    flowbd3_context *context;
    flowbd3_evaluator_options options;
    fb3_features features;
    fb3_sample real, second;
    fb3_sample training; /* without rows where the real ones are the training rows */
    bool has_second;
    fb3_clouds clouds;
    fb3_comparison floor, current;
    fb3_figures figures;
    flowbd3_rules *rules; /* a reference, or NULL */
    fb3_violations real_violations, second_violations, violations;
    fb3_criteria criteria;      /* of sequences */
    double *pearson, *spearman; /* [n_numeric, n_numeric] of the last generated table */
};

flowbd3_status flowbd3_evaluator_options_init(flowbd3_evaluator_options *options, size_t size) {
    return fb3_options_init(options, size);
}

enum {
    ALL_GROUPS = FLOWBD3_METRICS_MARGINALS | FLOWBD3_METRICS_JOINT | FLOWBD3_METRICS_CLASSIFIER |
                 FLOWBD3_METRICS_NEIGHBOURS | FLOWBD3_METRICS_RULES | FLOWBD3_METRICS_SEQUENCES
};

enum { CLASSIFIER_ROWS = 10000 };

/* Copies the options, with their defaults in place. */
static flowbd3_status read_options(flowbd3_evaluator_options *o, const flowbd3_evaluator_options *options,
                                   flowbd3_error *err) {
    flowbd3_status status = fb3_options_copy(o, sizeof *o, options, "flowbd3_evaluator_options", err);
    if (status == FLOWBD3_OK && (o->groups & ~(uint32_t)ALL_GROUPS) != 0)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "groups is 0x%x, expected flowbd3_metrics, or 0 for all",
                        o->groups);
    if (o->groups == 0)
        o->groups = ALL_GROUPS;
    if ((o->groups & FLOWBD3_METRICS_RULES) == 0)
        o->rules = NULL;
    if (o->max_classifier_rows == 0)
        o->max_classifier_rows = CLASSIFIER_ROWS;
    return status;
}

/* The names in the options, which the caller may free, become columns. */
static flowbd3_status read_criteria(flowbd3_evaluator *evaluator, flowbd3_error *err) {
    flowbd3_evaluator_options *o = &evaluator->options;
    fb3_criteria *criteria = &evaluator->criteria;
    flowbd3_status status = fb3_criteria_create(criteria, evaluator->context, &evaluator->features, o, err);
    o->group_by = NULL;
    o->n_group_by = criteria->n_group_by;
    o->order_by = criteria->order_by != SIZE_MAX ? evaluator->features.list[criteria->order_by].name : NULL;
    return status;
}

/* The target's name, which the caller may free, becomes that of the column. A wrong one is an error whatever
 * is computed. */
static flowbd3_status read_target(flowbd3_evaluator *evaluator, flowbd3_error *err) {
    const fb3_features *features = &evaluator->features;
    const char *target = evaluator->options.target;
    evaluator->options.target = NULL;
    if (target == NULL)
        return FLOWBD3_OK;
    size_t c = 0;
    while (c < features->count && strcmp(features->list[c].name, target) != 0)
        c++;
    if (c == features->count)
        return fb3_fail(err, FLOWBD3_ERROR_SCHEMA, "the target '%s' is no column of the real table", target);
    if ((evaluator->options.groups & FLOWBD3_METRICS_CLASSIFIER) != 0)
        evaluator->options.target = features->list[c].name;
    return FLOWBD3_OK;
}

/* What is kept of a table; role names it in messages. */
static flowbd3_status read_table(const flowbd3_evaluator *evaluator, fb3_work *work,
                                 const flowbd3_table *table, const char *role, fb3_sample *sample,
                                 fb3_violations *violations, flowbd3_error *err) {
    const fb3_features *features = &evaluator->features;
    const flowbd3_evaluator_options *o = &evaluator->options;
    flowbd3_status status = fb3_sample_create(sample, work, features, table, role, o->groups, err);
    if (status == FLOWBD3_OK && fb3_has_sequences(o))
        status = fb3_sequences_create(&sample->sequences, work, features, &evaluator->criteria, sample, table,
                                      err);
    if (status == FLOWBD3_OK)
        status = fb3_violations_count(violations, work->context, evaluator->rules, table, role, err);
    return status;
}

/* The rows that the generator has learned from, which the caller may free then; only distances need them. */
static flowbd3_status read_training(flowbd3_evaluator *evaluator, fb3_work *work, flowbd3_error *err) {
    const flowbd3_table *training = evaluator->options.training;
    evaluator->options.training = NULL;
    if (training == NULL || (evaluator->options.groups & FLOWBD3_METRICS_NEIGHBOURS) == 0)
        return FLOWBD3_OK;
    return fb3_sample_create(&evaluator->training, work, &evaluator->features, training, "training",
                             FLOWBD3_METRICS_NEIGHBOURS, err);
}

flowbd3_status flowbd3_evaluator_create(flowbd3_evaluator **out, flowbd3_context *context,
                                        const flowbd3_table *real, const flowbd3_table *second_real,
                                        const flowbd3_evaluator_options *options, flowbd3_error *err) {
    if (out != NULL)
        *out = NULL;
    if (out == NULL || context == NULL || real == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_evaluator_create: %s is NULL",
                        out == NULL       ? "out"
                        : context == NULL ? "context"
                                          : "real");
    flowbd3_evaluator_options o;
    flowbd3_status status = read_options(&o, options, err);
    if (status != FLOWBD3_OK)
        return status;
    if (flowbd3_table_columns(real) == 0)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "the real table has no columns, expected at least one");
    flowbd3_evaluator *evaluator = fb3_allocate_zero(context, 1, sizeof *evaluator);
    if (evaluator == NULL)
        return fb3_no_memory(err, "an evaluator");
    evaluator->context = fb3_context_retain(context);
    evaluator->options = o;
    evaluator->rules = fb3_rules_retain((flowbd3_rules *)o.rules);
    evaluator->has_second = second_real != NULL;
    fb3_work work = {.context = context};
    status = fb3_features_create(&evaluator->features, context, real, err);
    if (status == FLOWBD3_OK)
        status = read_criteria(evaluator, err);
    if (status == FLOWBD3_OK)
        status = read_target(evaluator, err);
    if (status == FLOWBD3_OK)
        status =
            read_table(evaluator, &work, real, "real", &evaluator->real, &evaluator->real_violations, err);
    if (status == FLOWBD3_OK && second_real != NULL)
        status = read_table(evaluator, &work, second_real, "second real", &evaluator->second,
                            &evaluator->second_violations, err);
    if (status == FLOWBD3_OK)
        status = read_training(evaluator, &work, err);
    if (status != FLOWBD3_OK)
        flowbd3_evaluator_destroy(&evaluator);
    *out = evaluator;
    return status;
}

void flowbd3_evaluator_destroy(flowbd3_evaluator **evaluator) {
    if (evaluator == NULL || *evaluator == NULL)
        return;
    flowbd3_evaluator *e = *evaluator;
    flowbd3_context *context = e->context;
    *evaluator = NULL;
    fb3_figures_destroy(&e->figures, context);
    fb3_comparison_release(&e->current, context);
    fb3_comparison_release(&e->floor, context);
    fb3_release(context, e->pearson);
    fb3_release(context, e->spearman);
    fb3_sample_destroy(&e->real, &e->features, context);
    fb3_sample_destroy(&e->second, &e->features, context);
    fb3_sample_destroy(&e->training, &e->features, context);
    fb3_clouds_destroy(&e->clouds, context);
    fb3_release(context, e->criteria.group_by);
    fb3_features_destroy(&e->features, context);
    fb3_violations_release(&e->real_violations, context);
    fb3_violations_release(&e->second_violations, context);
    fb3_violations_release(&e->violations, context);
    flowbd3_rules_destroy(&e->rules);
    fb3_release(context, e);
    flowbd3_context_destroy(&context);
}

/* What is compared; generated tables and the second real one take the same path. */
static fb3_pair pair_of(const flowbd3_evaluator *evaluator, const fb3_sample *other,
                        const fb3_violations *violations) {
    return (fb3_pair){
        .features = &evaluator->features,
        .options = &evaluator->options,
        .real = &evaluator->real,
        .other = other,
        .real_violations = &evaluator->real_violations,
        .violations = violations,
        .criteria = &evaluator->criteria,
        .clouds = &evaluator->clouds,
        .floor = other == &evaluator->second,
    };
}

static fb3_sizes sizes_of(const flowbd3_evaluator *evaluator, size_t other, bool floor) {
    return (fb3_sizes){evaluator->real.rows, evaluator->second.rows, evaluator->training.rows, other, floor};
}

static uint64_t steps_of_run(const flowbd3_evaluator *evaluator, const flowbd3_table *generated) {
    const fb3_features *features = &evaluator->features;
    const flowbd3_evaluator_options *options = &evaluator->options;
    const fb3_sizes sizes = sizes_of(evaluator, flowbd3_table_rows(generated), false);
    const fb3_sizes floor = sizes_of(evaluator, evaluator->second.rows, true);
    uint64_t steps = fb3_sample_steps(features, options->groups) + fb3_sequence_steps(features, options) +
                     fb3_compare_steps(features, options, &sizes, false) +
                     fb3_bootstrap_steps(features, options, &sizes);
    if (evaluator->has_second && evaluator->floor.columns == NULL)
        steps += fb3_compare_steps(features, options, &floor, false) +
                 fb3_bootstrap_steps(features, options, &floor);
    if ((options->groups & FLOWBD3_METRICS_NEIGHBOURS) != 0 && !evaluator->clouds.ready)
        steps += fb3_clouds_steps(&sizes, options->reference_authenticity != 0, options->max_rows);
    return steps;
}

/* The searches that are the same for all generated tables are made once, as the floor is. */
static flowbd3_status create_clouds(flowbd3_evaluator *evaluator, fb3_work *work, flowbd3_error *err) {
    if ((evaluator->options.groups & FLOWBD3_METRICS_NEIGHBOURS) == 0)
        return FLOWBD3_OK;
    return fb3_clouds_create(&evaluator->clouds, work, &evaluator->features, &evaluator->real,
                             evaluator->has_second ? &evaluator->second : NULL,
                             evaluator->training.rows > 0 ? &evaluator->training : NULL, &evaluator->options,
                             err);
}

/* The floor is computed once, in the first run, where its progress can be shown. */
static flowbd3_status compare_floor(flowbd3_evaluator *evaluator, fb3_work *work, flowbd3_error *err) {
    if (!evaluator->has_second || evaluator->floor.columns != NULL)
        return FLOWBD3_OK;
    const fb3_pair pair = pair_of(evaluator, &evaluator->second, &evaluator->second_violations);
    flowbd3_status status = fb3_compare(&evaluator->floor, work, &pair, err);
    if (status == FLOWBD3_OK)
        status = fb3_bootstrap(&evaluator->floor, work, &pair, err);
    if (status != FLOWBD3_OK)
        fb3_comparison_release(&evaluator->floor, work->context);
    return status;
}

/* trtr is a figure of the second real sample. */
static void take_trtr(fb3_comparison *comparison, const fb3_comparison *floor) {
    comparison->summary.trtr = floor->summary.trtr;
    comparison->low.trtr = floor->low.trtr;
    comparison->high.trtr = floor->high.trtr;
}

static fb3_results results_of(const flowbd3_evaluator *evaluator, const fb3_comparison *comparison,
                              const fb3_violations *violations) {
    return (fb3_results){&evaluator->features, comparison, evaluator->has_second ? &evaluator->floor : NULL,
                         evaluator->rules,     violations, &evaluator->real_violations};
}

flowbd3_status flowbd3_evaluator_run(flowbd3_evaluator *evaluator, const flowbd3_table *generated,
                                     flowbd3_progress_function progress, void *progress_user,
                                     flowbd3_error *err) {
    if (evaluator == NULL || generated == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_evaluator_run: %s is NULL",
                        evaluator == NULL ? "evaluator" : "generated");
    flowbd3_context *context = evaluator->context;
    fb3_work work = {.context = context};
    fb3_reporter_start(&work.reporter, progress, progress_user, "evaluate",
                       steps_of_run(evaluator, generated));
    fb3_sample sample = {0};
    fb3_comparison comparison = {0};
    fb3_figures figures = {0};
    fb3_violations violations = {NULL, NAN};
    flowbd3_status status = read_table(evaluator, &work, generated, "generated", &sample, &violations, err);
    const fb3_pair pair = pair_of(evaluator, &sample, &violations);
    if (status == FLOWBD3_OK)
        status = create_clouds(evaluator, &work, err);
    if (status == FLOWBD3_OK)
        status = compare_floor(evaluator, &work, err);
    if (status == FLOWBD3_OK)
        status = fb3_compare(&comparison, &work, &pair, err);
    if (status == FLOWBD3_OK)
        status = fb3_bootstrap(&comparison, &work, &pair, err);
    if (status == FLOWBD3_OK && evaluator->has_second)
        take_trtr(&comparison, &evaluator->floor);
    fb3_results results = results_of(evaluator, &comparison, &violations);
    if (status == FLOWBD3_OK)
        status = fb3_figures_create(&figures, context, &results, err);
    if (status == FLOWBD3_OK) {
        fb3_figures_destroy(&evaluator->figures, context);
        fb3_comparison_release(&evaluator->current, context);
        fb3_release(context, evaluator->pearson);
        fb3_release(context, evaluator->spearman);
        fb3_violations_release(&evaluator->violations, context);
        evaluator->figures = figures;
        evaluator->violations = violations;
        evaluator->current = comparison;
        evaluator->pearson = sample.pearson;
        evaluator->spearman = sample.spearman;
        sample.pearson = sample.spearman = NULL;
    } else {
        fb3_comparison_release(&comparison, context);
        fb3_violations_release(&violations, context);
    }
    fb3_sample_destroy(&sample, &evaluator->features, context);
    return status;
}

double flowbd3_evaluator_get(const flowbd3_evaluator *evaluator, const char *name) {
    return evaluator != NULL && name != NULL ? fb3_figures_get(&evaluator->figures, name) : NAN;
}

size_t flowbd3_evaluator_count(const flowbd3_evaluator *evaluator) {
    return evaluator != NULL ? evaluator->figures.count : 0;
}

const char *flowbd3_evaluator_figure(const flowbd3_evaluator *evaluator, size_t i, double *value) {
    bool there = evaluator != NULL && i < evaluator->figures.count;
    if (value != NULL)
        *value = there ? evaluator->figures.list[i].value : NAN;
    return there ? evaluator->figures.list[i].name : NULL;
}

/* A kind of matrix: over the numeric columns alone or all; of the real table, the generated one, and the
 * second real one, where there is one. */
typedef struct named_matrix {
    const char *name;
    bool numeric;
    const double *of[3];
} named_matrix;

const double *flowbd3_evaluator_matrix(const flowbd3_evaluator *evaluator, const char *name,
                                       flowbd3_sample sample, size_t *n, const size_t **columns) {
    const flowbd3_evaluator *e = evaluator;
    const double *matrix = NULL;
    bool numeric = false;
    if (e != NULL && e->current.columns != NULL && name != NULL && sample >= FLOWBD3_SAMPLE_REAL &&
        sample <= FLOWBD3_SAMPLE_SECOND_REAL) {
        const fb3_matrices *last = &e->current.matrices, *floor = &e->floor.matrices;
        const named_matrix kinds[] = {
            {"pearson", true, {e->real.pearson, e->pearson, e->second.pearson}},
            {"spearman", true, {e->real.spearman, e->spearman, e->second.spearman}},
            {"association", false, {last->association[0], last->association[1], floor->association[1]}},
            {"nmi", false, {last->nmi[0], last->nmi[1], floor->nmi[1]}},
            {"pair_tvd", false, {last->pair_tvd, last->pair_tvd, floor->pair_tvd}},
        };
        for (size_t k = 0; k < FB3_COUNT(kinds); k++)
            if (strcmp(name, kinds[k].name) == 0) {
                matrix = kinds[k].of[sample];
                numeric = kinds[k].numeric;
            }
    }
    if (n != NULL)
        *n = matrix == NULL ? 0 : numeric ? e->features.n_numeric : e->features.count;
    if (columns != NULL)
        *columns = matrix == NULL ? NULL : numeric ? e->features.numeric : e->features.all;
    return matrix;
}

const double *flowbd3_evaluator_curve(const flowbd3_evaluator *evaluator, const char *name, size_t *n) {
    bool there = evaluator != NULL && name != NULL && evaluator->current.columns != NULL;
    const fb3_comparison *floor = there && evaluator->has_second ? &evaluator->floor : NULL;
    const double *curve = there ? fb3_curve_get(&evaluator->current, floor, name) : NULL;
    if (n != NULL)
        *n = curve != NULL ? FB3_CURVE : 0;
    return curve;
}

const uint64_t *flowbd3_evaluator_violations(const flowbd3_evaluator *evaluator, size_t i,
                                             flowbd3_sample sample, size_t *n) {
    bool there = evaluator != NULL && evaluator->current.columns != NULL &&
                 (sample == FLOWBD3_SAMPLE_REAL || sample == FLOWBD3_SAMPLE_GENERATED) &&
                 i < flowbd3_rules_count(evaluator->rules);
    const fb3_rule_count *counts = !there                          ? NULL
                                   : sample == FLOWBD3_SAMPLE_REAL ? evaluator->real_violations.counts
                                                                   : evaluator->violations.counts;
    if (n != NULL)
        *n = there ? counts[i].n_rows : 0;
    return there ? counts[i].rows : NULL;
}

flowbd3_status flowbd3_evaluator_to_json(const flowbd3_evaluator *evaluator, char **json,
                                         flowbd3_error *err) {
    if (json != NULL)
        *json = NULL;
    if (evaluator == NULL || json == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_evaluator_to_json: %s is NULL",
                        evaluator == NULL ? "evaluator" : "json");
    if (evaluator->current.columns == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_STATE,
                        "the evaluator has no figures yet, expected a call of flowbd3_evaluator_run first");
    fb3_results results = results_of(evaluator, &evaluator->current, &evaluator->violations);
    return fb3_report_json(json, evaluator->context, &results, err);
}
