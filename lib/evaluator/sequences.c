/* Rows of a table as sequences: groups of rows in order, and the gaps between them. */
#include "evaluator.h"

#include <float.h>

/* ---- which columns ------------------------------------------------------------------------------- */

static flowbd3_status find_column(size_t *column, const fb3_criteria *before, const fb3_features *features,
                                  const char *option, const char *name, flowbd3_error *err) {
    if (name == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "%s names a column that is NULL, expected a name",
                        option);
    size_t c = 0;
    while (c < features->count && strcmp(features->list[c].name, name) != 0)
        c++;
    if (c == features->count)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "%s: the real table has no column '%.80s'", option,
                        name);
    for (size_t i = 0; i < before->n_group_by; i++)
        if (before->group_by[i] == c)
            return fb3_fail_at(err, FLOWBD3_ERROR_ARGUMENT, 0, (int64_t)c + 1,
                               "%s: column '%.80s' groups the rows already, expected another one", option,
                               name);
    *column = c;
    return FLOWBD3_OK;
}

static flowbd3_status find_columns(fb3_criteria *criteria, const fb3_features *features,
                                   const flowbd3_evaluator_options *options, flowbd3_error *err) {
    flowbd3_status status = FLOWBD3_OK;
    for (size_t i = 0; status == FLOWBD3_OK && i < options->n_group_by; i++) {
        status =
            find_column(&criteria->group_by[i], criteria, features, "group_by", options->group_by[i], err);
        criteria->n_group_by += status == FLOWBD3_OK;
    }
    if (status != FLOWBD3_OK || options->order_by == NULL)
        return status;
    status = find_column(&criteria->order_by, criteria, features, "order_by", options->order_by, err);
    if (status == FLOWBD3_OK && !features->list[criteria->order_by].numeric) {
        criteria->order_by = SIZE_MAX;
        status =
            fb3_fail(err, FLOWBD3_ERROR_ARGUMENT,
                     "order_by: column '%.80s' is categorical, expected numbers or times", options->order_by);
    }
    return status;
}

flowbd3_status fb3_criteria_create(fb3_criteria *criteria, flowbd3_context *context,
                                   const fb3_features *features, const flowbd3_evaluator_options *options,
                                   flowbd3_error *err) {
    *criteria = (fb3_criteria){NULL, 0, SIZE_MAX};
    if ((options->groups & FLOWBD3_METRICS_SEQUENCES) == 0)
        return FLOWBD3_OK;
    if (options->group_by == NULL && options->n_group_by != 0)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "group_by is NULL, expected %zu names",
                        options->n_group_by);
    if (options->n_group_by > features->count)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT,
                        "group_by names %zu columns, expected at most those of the real table (%zu)",
                        options->n_group_by, features->count);
    criteria->group_by = fb3_allocate(context, options->n_group_by, sizeof *criteria->group_by);
    if (criteria->group_by == NULL)
        return fb3_no_memory(err, "the columns that group the rows");
    return find_columns(criteria, features, options, err);
}

/* ---- rows that have a place ------------------------------------------------------------------------ */

/* The rows with a cell in the column that orders them: all, or those of kept[*count]. */
typedef struct ordered_rows {
    size_t *kept; /* NULL: all */
    size_t count;
} ordered_rows;

static bool find_ordered(ordered_rows *rows, flowbd3_context *context, const flowbd3_table *table,
                         size_t order_by) {
    *rows = (ordered_rows){NULL, table->rows};
    if (order_by == SIZE_MAX || table->columns[order_by].missing == 0)
        return true;
    rows->kept = fb3_allocate(context, table->rows, sizeof *rows->kept);
    rows->count = 0;
    for (size_t row = 0; rows->kept != NULL && row < table->rows; row++)
        if (!fb3_is_missing(&table->columns[order_by], row))
            rows->kept[rows->count++] = row;
    return rows->kept != NULL;
}

/* The arrangement of those rows; its row numbers are places in kept. */
static flowbd3_status arrange(fb3_arrangement **out, const flowbd3_table *table, const fb3_criteria *criteria,
                              const ordered_rows *rows, flowbd3_error *err) {
    if (rows->kept == NULL)
        return fb3_arrangement_create(out, table, criteria, err);
    flowbd3_table *some;
    flowbd3_status status = flowbd3_table_take(&some, table, rows->kept, rows->count, err);
    if (status != FLOWBD3_OK)
        return status;
    status = fb3_arrangement_create(out, some, criteria, err);
    flowbd3_table_destroy(&some);
    return status;
}

/* ---- gaps ---------------------------------------------------------------------------------------- */

/* From one row to a later one, in the column's unit, of times in nanoseconds; of reals rounded to the
 * column's decimals, so that 0.3 - 0.1 is 0.2. */
static double gap_between(const fb3_column *times, size_t from, size_t to) {
    if (fb3_has_integers(times->type))
        return (double)((uint64_t)times->integer[to] - (uint64_t)times->integer[from]);
    return fb3_round_to_decimals(fmin(times->real[to] - times->real[from], DBL_MAX), times->decimals);
}

static void measure_gaps(fb3_sequences *s, const fb3_column *times) {
    for (size_t g = 0; g < s->groups; g++) {
        size_t first = s->first[g], end = s->first[g + 1];
        s->gaps[first] = NAN;
        for (size_t place = first + 1; place < end; place++)
            s->gaps[place] = gap_between(times, s->row[place - 1], s->row[place]);
        s->durations[g] = gap_between(times, s->row[first], s->row[end - 1]);
    }
}

bool fb3_distribution_create(fb3_distribution *to, flowbd3_context *context, const double *x, size_t n) {
    uint32_t *order = fb3_allocate(context, n, sizeof *order);
    to->sorted = fb3_allocate(context, n, sizeof *to->sorted);
    bool whole =
        order != NULL && to->sorted != NULL && fb3_sort_cells(context, x, n, to->sorted, order, &to->count);
    fb3_release(context, order);
    return whole;
}

static bool sort_sizes(fb3_sequences *s, flowbd3_context *context) {
    double *sizes = fb3_allocate(context, s->groups, sizeof *sizes);
    for (size_t g = 0; sizes != NULL && g < s->groups; g++)
        sizes[g] = (double)(s->first[g + 1] - s->first[g]);
    bool whole = sizes != NULL && fb3_distribution_create(&s->sizes, context, sizes, s->groups);
    fb3_release(context, sizes);
    return whole;
}

bool fb3_sequences_sort(fb3_sequences *s, flowbd3_context *context) {
    return sort_sizes(s, context) &&
           (s->gaps == NULL ||
            (fb3_distribution_create(&s->sorted_gaps, context, s->gaps, s->rows) &&
             fb3_distribution_create(&s->sorted_durations, context, s->durations, s->groups)));
}

/* ---- the door ------------------------------------------------------------------------------------ */

fb3_sequences *fb3_sequences_allocate(flowbd3_context *context, const fb3_sample *sample, size_t rows,
                                      size_t groups, size_t features, bool timed) {
    fb3_sequences *s = fb3_allocate_zero(context, 1, sizeof *s);
    if (s == NULL)
        return NULL;
    *s = (fb3_sequences){.sample = sample, .rows = rows, .groups = groups};
    s->row = fb3_allocate(context, rows, sizeof *s->row);
    s->first = fb3_allocate_zero(context, groups + 1, sizeof *s->first);
    s->autocorrelation = features <= SIZE_MAX / FB3_LAGS
                             ? fb3_allocate(context, features * FB3_LAGS, sizeof *s->autocorrelation)
                             : NULL;
    bool whole = s->row != NULL && s->first != NULL && s->autocorrelation != NULL;
    if (timed) {
        s->gaps = fb3_allocate(context, rows, sizeof *s->gaps);
        s->durations = fb3_allocate(context, groups, sizeof *s->durations);
        whole = whole && s->gaps != NULL && s->durations != NULL;
    }
    if (!whole)
        fb3_sequences_destroy(&s, context);
    return s;
}

void fb3_sequences_destroy(fb3_sequences **sequences, flowbd3_context *context) {
    fb3_sequences *s = *sequences;
    if (s == NULL)
        return;
    fb3_release(context, s->row);
    fb3_release(context, s->first);
    fb3_release(context, s->gaps);
    fb3_release(context, s->durations);
    fb3_release(context, s->sizes.sorted);
    fb3_release(context, s->sorted_gaps.sorted);
    fb3_release(context, s->sorted_durations.sorted);
    fb3_release(context, s->autocorrelation);
    fb3_release(context, s);
    *sequences = NULL;
}

/* The places of an arrangement as rows of the table, and its gaps. NULL: no memory. */
static fb3_sequences *place_rows(flowbd3_context *context, const fb3_sample *sample, size_t features,
                                 const fb3_arrangement *a, const ordered_rows *rows,
                                 const fb3_column *times) {
    fb3_sequences *s = fb3_sequences_allocate(context, sample, a->rows, a->groups, features, times != NULL);
    if (s == NULL)
        return NULL;
    for (size_t place = 0; place < a->rows; place++)
        s->row[place] = rows->kept != NULL ? rows->kept[a->order[place]] : a->order[place];
    memcpy(s->first, a->first, (a->groups + 1) * sizeof *s->first);
    if (times != NULL)
        measure_gaps(s, times);
    if (!fb3_sequences_sort(s, context))
        fb3_sequences_destroy(&s, context);
    return s;
}

/* The columns of features in a table that has them all. */
static bool translate(fb3_criteria *to, flowbd3_context *context, const fb3_criteria *criteria,
                      const fb3_features *features, const flowbd3_table *table) {
    *to = (fb3_criteria){fb3_allocate(context, criteria->n_group_by, sizeof *to->group_by),
                         criteria->n_group_by, SIZE_MAX};
    for (size_t i = 0; to->group_by != NULL && i < to->n_group_by; i++)
        to->group_by[i] = (size_t)flowbd3_table_find(table, features->list[criteria->group_by[i]].name);
    if (criteria->order_by != SIZE_MAX)
        to->order_by = (size_t)flowbd3_table_find(table, features->list[criteria->order_by].name);
    return to->group_by != NULL;
}

flowbd3_status fb3_sequences_create(fb3_sequences **out, fb3_work *work, const fb3_features *features,
                                    const fb3_criteria *criteria, const fb3_sample *sample,
                                    const flowbd3_table *table, flowbd3_error *err) {
    flowbd3_context *context = work->context;
    fb3_arrangement *a = NULL;
    fb3_criteria here;
    ordered_rows rows = {NULL, 0};
    *out = NULL;
    flowbd3_status status = FLOWBD3_OK;
    if (!translate(&here, context, criteria, features, table) ||
        !find_ordered(&rows, context, table, here.order_by))
        status = fb3_no_memory(err, "the sequences of rows");
    if (status == FLOWBD3_OK)
        status = arrange(&a, table, &here, &rows, err);
    if (status == FLOWBD3_OK) {
        *out = place_rows(context, sample, features->count, a, &rows,
                          here.order_by != SIZE_MAX ? &table->columns[here.order_by] : NULL);
        status = *out != NULL ? fb3_autocorrelate(*out, work, features, criteria, err)
                              : fb3_no_memory(err, "the sequences of rows");
    }
    if (status != FLOWBD3_OK)
        fb3_sequences_destroy(out, context);
    fb3_arrangement_destroy(&a);
    fb3_release(context, rows.kept);
    fb3_release(context, here.group_by);
    return status;
}
