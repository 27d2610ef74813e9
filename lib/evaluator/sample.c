/* Samples: a table's columns in the order of the real table, sorted, counted and coded once. */
#include "evaluator.h"

#include "table/table.h"

#include <stdlib.h>

/* ---- what the real table fixes ------------------------------------------------------------------ */

static int compare_texts(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool copy_categories(fb3_feature *feature, flowbd3_context *context, const flowbd3_table *real,
                            size_t column) {
    size_t n = flowbd3_table_categories(real, column);
    feature->categories = fb3_allocate_zero(context, n, sizeof *feature->categories);
    if (feature->categories == NULL)
        return false;
    feature->n_categories = n;
    for (size_t i = 0; i < n; i++) {
        feature->categories[i] = fb3_duplicate(context, flowbd3_table_category(real, column, i));
        if (feature->categories[i] == NULL)
            return false;
    }
    qsort(feature->categories, n, sizeof *feature->categories, compare_texts);
    return true;
}

flowbd3_status fb3_features_create(fb3_features *features, flowbd3_context *context,
                                   const flowbd3_table *real, flowbd3_error *err) {
    size_t count = flowbd3_table_columns(real);
    *features = (fb3_features){0};
    features->list = fb3_allocate_zero(context, count, sizeof *features->list);
    features->numeric = fb3_allocate(context, count, sizeof *features->numeric);
    features->all = fb3_allocate(context, count, sizeof *features->all);
    if (features->list == NULL || features->numeric == NULL || features->all == NULL)
        goto no_memory;
    features->count = count;
    for (size_t c = 0; c < count; c++) {
        fb3_feature *feature = &features->list[c];
        features->all[c] = c;
        feature->type = flowbd3_table_type(real, c);
        feature->numeric = !fb3_has_dictionary(feature->type);
        feature->name = fb3_duplicate(context, flowbd3_table_name(real, c));
        if (feature->name == NULL || (!feature->numeric && !copy_categories(feature, context, real, c)))
            goto no_memory;
        if (feature->numeric)
            features->numeric[features->n_numeric++] = c;
    }
    return FLOWBD3_OK;
no_memory:
    fb3_features_destroy(features, context);
    return fb3_no_memory(err, "the evaluator's columns");
}

void fb3_features_destroy(fb3_features *features, flowbd3_context *context) {
    for (size_t c = 0; c < features->count; c++) {
        fb3_feature *feature = &features->list[c];
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): count is 0 where there is no list */
        for (size_t i = 0; i < feature->n_categories; i++)
            fb3_release(context, feature->categories[i]);
        fb3_release(context, feature->categories);
        fb3_release(context, feature->name);
    }
    fb3_release(context, features->list);
    fb3_release(context, features->numeric);
    fb3_release(context, features->all);
    *features = (fb3_features){0};
}

/* ---- matching a table's columns ----------------------------------------------------------------- */

static flowbd3_status match_columns(int64_t *source, flowbd3_context *context, const fb3_features *features,
                                    const flowbd3_table *table, const char *role, flowbd3_error *err) {
    size_t rows = flowbd3_table_rows(table);
    for (size_t c = 0; c < features->count; c++) {
        const fb3_feature *feature = &features->list[c];
        source[c] = flowbd3_table_find(table, feature->name);
        if (source[c] < 0)
            return fb3_fail_at(err, FLOWBD3_ERROR_SCHEMA, 0, (int64_t)c + 1,
                               "the %s table has no column '%s', expected every column of the real table",
                               role, feature->name);
        flowbd3_type type = flowbd3_table_type(table, (size_t)source[c]);
        /* A column without a single cell says nothing about its type. */
        if (!fb3_has_dictionary(type) != feature->numeric &&
            flowbd3_table_missing(table, (size_t)source[c]) < rows)
            return fb3_fail_at(err, FLOWBD3_ERROR_SCHEMA, 0, source[c] + 1,
                               "column '%s' of the %s table is %s, expected %s as in the real table",
                               feature->name, role, fb3_type_name(type),
                               feature->numeric ? "a numeric one" : "a categorical one");
    }
    if (flowbd3_table_columns(table) > features->count)
        fb3_log(context, FLOWBD3_LOG_WARNING,
                "the %s table has %zu columns that the real table does not have; they are ignored", role,
                flowbd3_table_columns(table) - features->count);
    return FLOWBD3_OK;
}

/* ---- columns ------------------------------------------------------------------------------------ */

static bool fill_numeric(fb3_sample_column *to, flowbd3_context *context, const flowbd3_table *table,
                         size_t column, size_t rows) {
    const double *reals = flowbd3_table_real(table, column);
    const int64_t *integers = flowbd3_table_integer(table, column);
    const uint8_t *valid = flowbd3_table_valid(table, column);
    for (size_t i = 0; i < rows; i++) {
        bool there = valid == NULL || valid[i] != 0;
        to->values[i] = !there             ? NAN
                        : reals != NULL    ? reals[i]
                        : integers != NULL ? (double)integers[i]
                                           : NAN;
    }
    to->sorted = fb3_allocate(context, rows, sizeof *to->sorted);
    to->order = fb3_allocate(context, rows, sizeof *to->order);
    if (to->sorted == NULL || to->order == NULL ||
        !fb3_sort_cells(context, to->values, rows, to->sorted, to->order, &to->present))
        return false;
    to->missing = rows - to->present;
    to->moments = fb3_moments_of(to->sorted, to->present);
    return true;
}

static size_t find_category(const fb3_feature *feature, const char *text) {
    char **found = bsearch(&text, feature->categories, feature->n_categories, sizeof *feature->categories,
                           compare_texts);
    return found != NULL ? (size_t)(found - feature->categories) : feature->n_categories;
}

static bool fill_categorical(fb3_sample_column *to, flowbd3_context *context, const fb3_feature *feature,
                             const flowbd3_table *table, size_t column, size_t rows) {
    size_t missing = feature->n_categories + 1, n = flowbd3_table_categories(table, column);
    const int32_t *codes = flowbd3_table_codes(table, column);
    size_t *place = fb3_allocate(context, n, sizeof *place);
    to->counts = fb3_allocate_zero(context, missing + 1, sizeof *to->counts);
    if (place == NULL || to->counts == NULL) {
        fb3_release(context, place);
        return false;
    }
    for (size_t i = 0; i < n; i++)
        place[i] = find_category(feature, flowbd3_table_category(table, column, i));
    for (size_t i = 0; i < rows; i++) {
        size_t code = codes != NULL && codes[i] >= 0 && (size_t)codes[i] < n ? place[codes[i]] : missing;
        to->values[i] = (double)code;
        to->counts[code]++;
    }
    to->missing = (size_t)to->counts[missing];
    to->present = rows - to->missing;
    fb3_release(context, place);
    return true;
}

typedef struct fill_argument {
    fb3_sample *sample;
    flowbd3_context *context;
    const fb3_features *features;
    const flowbd3_table *table;
    const int64_t *source;
} fill_argument;

static void fill_column(void *argument, size_t i, unsigned worker) {
    (void)worker;
    fill_argument *fill = argument;
    fb3_sample_column *to = &fill->sample->columns[i];
    const fb3_feature *feature = &fill->features->list[i];
    size_t rows = fill->sample->rows, column = (size_t)fill->source[i];
    to->values = fb3_allocate(fill->context, rows, sizeof *to->values);
    to->failed =
        to->values == NULL ||
        !(feature->numeric ? fill_numeric(to, fill->context, fill->table, column, rows)
                           : fill_categorical(to, fill->context, feature, fill->table, column, rows));
}

static flowbd3_status fill_columns(fb3_sample *sample, fb3_work *work, const fb3_features *features,
                                   const flowbd3_table *table, const int64_t *source, flowbd3_error *err) {
    fill_argument fill = {sample, work->context, features, table, source};
    if (!fb3_work_run(work, features->count, fill_column, &fill))
        return fb3_fail(err, FLOWBD3_CANCELLED, "the evaluation was cancelled");
    for (size_t c = 0; c < features->count; c++)
        if (sample->columns[c].failed)
            return fb3_no_memory(err, "the evaluator's copy of a table");
    return FLOWBD3_OK;
}

flowbd3_status fb3_sample_correlate(fb3_sample *sample, fb3_work *work, const fb3_features *features,
                                    flowbd3_error *err) {
    size_t cells = features->n_numeric * features->n_numeric;
    sample->pearson = fb3_allocate(work->context, cells, sizeof *sample->pearson);
    sample->spearman = fb3_allocate(work->context, cells, sizeof *sample->spearman);
    if (sample->pearson == NULL || sample->spearman == NULL)
        return fb3_no_memory(err, "correlation matrices");
    flowbd3_status status = fb3_correlate(sample->pearson, work, features, sample, false, err);
    return status != FLOWBD3_OK ? status : fb3_correlate(sample->spearman, work, features, sample, true, err);
}

uint64_t fb3_sample_steps(const fb3_features *features, uint32_t groups) {
    bool joint = (groups & FLOWBD3_METRICS_JOINT) != 0;
    return features->count + (joint ? 2 * fb3_correlate_steps(features) : 0);
}

flowbd3_status fb3_sample_create(fb3_sample *sample, fb3_work *work, const fb3_features *features,
                                 const flowbd3_table *table, const char *role, uint32_t groups,
                                 flowbd3_error *err) {
    *sample = (fb3_sample){.rows = flowbd3_table_rows(table)};
    if (sample->rows == 0)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "the %s table has no rows, expected at least one", role);
    /* Products of two row counts are added in 64 bits, and row numbers are kept in 32. */
    if (sample->rows > INT32_MAX)
        return fb3_fail(err, FLOWBD3_ERROR_LIMIT, "the %s table has %zu rows, expected at most %d", role,
                        sample->rows, INT32_MAX);
    int64_t *source = fb3_allocate(work->context, features->count, sizeof *source);
    sample->columns = fb3_allocate_zero(work->context, features->count, sizeof *sample->columns);
    flowbd3_status status;
    if (source == NULL || sample->columns == NULL)
        status = fb3_no_memory(err, "the evaluator's copy of a table");
    else
        status = match_columns(source, work->context, features, table, role, err);
    if (status == FLOWBD3_OK)
        status = fill_columns(sample, work, features, table, source, err);
    if (status == FLOWBD3_OK && (groups & FLOWBD3_METRICS_JOINT) != 0)
        status = fb3_sample_correlate(sample, work, features, err);
    fb3_release(work->context, source);
    if (status != FLOWBD3_OK)
        fb3_sample_destroy(sample, features, work->context);
    return status;
}

void fb3_sample_destroy(fb3_sample *sample, const fb3_features *features, flowbd3_context *context) {
    for (size_t c = 0; sample->columns != NULL && c < features->count; c++) {
        fb3_sample_column *column = &sample->columns[c];
        fb3_release(context, column->values);
        fb3_release(context, column->sorted);
        fb3_release(context, column->order);
        fb3_release(context, column->counts);
    }
    fb3_release(context, sample->columns);
    fb3_release(context, sample->pearson);
    fb3_release(context, sample->spearman);
    fb3_sequences_destroy(&sample->sequences, context);
    *sample = (fb3_sample){0};
}
