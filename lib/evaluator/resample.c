/* Samples drawn from a sample with replacement. A row that was drawn k times is there k times, beside itself,
 * so that the order of the cells of a column follows from the one that is known, without another sort. */
#include "evaluator.h"

void fb3_resample_draw(uint32_t *times, size_t n, uint64_t seed, fb3_purpose purpose, uint32_t step) {
    memset(times, 0, n * sizeof *times);
    for (size_t i = 0; i < n; i += 2) {
        uint32_t word[4];
        fb3_random(word, seed, purpose, i / 2, step);
        for (size_t k = 0; k < 2 && i + k < n; k++) {
            size_t chosen = (size_t)(fb3_uniform53(word[2 * k], word[2 * k + 1]) * (double)n);
            times[chosen < n ? chosen : n - 1]++;
        }
    }
}

/* ---- rows ---------------------------------------------------------------------------------------- */

typedef struct fill_argument {
    flowbd3_context *context;
    const fb3_features *features;
    const fb3_sample *from;
    fb3_sample *to;
    const uint32_t *times; /* [rows] how often each row was drawn */
    const uint32_t *place; /* [rows] of the first of them */
} fill_argument;

static bool fill_numeric(fb3_sample_column *to, const fill_argument *fill, const fb3_sample_column *from) {
    to->sorted = fb3_allocate(fill->context, fill->from->rows, sizeof *to->sorted);
    to->order = fb3_allocate(fill->context, fill->from->rows, sizeof *to->order);
    if (to->sorted == NULL || to->order == NULL)
        return false;
    for (size_t i = 0; i < from->present; i++)
        for (uint32_t k = 0; k < fill->times[from->order[i]]; k++) {
            to->sorted[to->present] = from->sorted[i];
            to->order[to->present++] = fill->place[from->order[i]] + k;
        }
    to->moments = fb3_moments_of(to->sorted, to->present);
    return true;
}

static bool fill_categorical(fb3_sample_column *to, const fill_argument *fill, size_t n_categories) {
    to->counts = fb3_allocate_zero(fill->context, n_categories + 2, sizeof *to->counts);
    if (to->counts == NULL)
        return false;
    for (size_t row = 0; row < fill->from->rows; row++)
        to->counts[(size_t)to->values[row]]++;
    to->present = fill->from->rows - (size_t)to->counts[n_categories + 1];
    return true;
}

static void fill_column(void *argument, size_t i, unsigned worker) {
    (void)worker;
    const fill_argument *fill = argument;
    const fb3_feature *feature = &fill->features->list[i];
    const fb3_sample_column *from = &fill->from->columns[i];
    fb3_sample_column *to = &fill->to->columns[i];
    size_t rows = fill->from->rows;
    to->values = fb3_allocate(fill->context, rows, sizeof *to->values);
    to->failed = to->values == NULL;
    if (to->failed)
        return;
    for (size_t row = 0; row < rows; row++)
        for (uint32_t k = 0; k < fill->times[row]; k++)
            to->values[fill->place[row] + k] = from->values[row];
    to->failed = !(feature->numeric ? fill_numeric(to, fill, from)
                                    : fill_categorical(to, fill, feature->n_categories));
    to->missing = rows - to->present;
}

static flowbd3_status fill_columns(fb3_sample *to, fb3_work *work, const fb3_features *features,
                                   const fb3_sample *from, const uint32_t *times, const uint32_t *place,
                                   flowbd3_error *err) {
    fill_argument fill = {work->context, features, from, to, times, place};
    if (!fb3_work_run(work, features->count, fill_column, &fill))
        return fb3_fail(err, FLOWBD3_CANCELLED, "the evaluation was cancelled");
    for (size_t c = 0; c < features->count; c++)
        if (to->columns[c].failed)
            return fb3_no_memory(err, "a resampled table");
    return FLOWBD3_OK;
}

flowbd3_status fb3_sample_resample(fb3_sample *to, fb3_work *work, const fb3_features *features,
                                   const fb3_sample *from, const uint32_t *times, uint32_t groups,
                                   flowbd3_error *err) {
    flowbd3_context *context = work->context;
    *to = (fb3_sample){.rows = from->rows};
    to->columns = fb3_allocate_zero(context, features->count, sizeof *to->columns);
    uint32_t *place = fb3_allocate(context, from->rows, sizeof *place);
    flowbd3_status status = FLOWBD3_OK;
    if (to->columns == NULL || place == NULL) {
        status = fb3_no_memory(err, "a resampled table");
    } else {
        for (size_t row = 0, before = 0; row < from->rows; before += times[row++])
            place[row] = (uint32_t)before;
        status = fill_columns(to, work, features, from, times, place, err);
    }
    if (status == FLOWBD3_OK && (groups & FLOWBD3_METRICS_JOINT) != 0)
        status = fb3_sample_correlate(to, work, features, err);
    fb3_release(context, place);
    if (status != FLOWBD3_OK)
        fb3_sample_destroy(to, features, context);
    return status;
}

/* ---- groups -------------------------------------------------------------------------------------- */

static void copy_group(fb3_sequences *to, size_t at, const fb3_sequences *from, size_t g) {
    size_t first = from->first[g], rows = from->first[g + 1] - first;
    memcpy(to->row + to->first[at], from->row + first, rows * sizeof *to->row);
    to->first[at + 1] = to->first[at] + rows;
    if (from->gaps == NULL)
        return;
    memcpy(to->gaps + to->first[at], from->gaps + first, rows * sizeof *to->gaps);
    to->durations[at] = from->durations[g];
}

static fb3_sequences *draw_groups(flowbd3_context *context, const fb3_features *features,
                                  const fb3_sequences *from, const uint32_t *times) {
    size_t rows = 0, at = 0;
    for (size_t g = 0; g < from->groups; g++)
        rows += times[g] * (from->first[g + 1] - from->first[g]);
    /* Sorting has 32 bits for a row. */
    if (rows > UINT32_MAX)
        return NULL;
    fb3_sequences *to = fb3_sequences_allocate(context, from->sample, rows, from->groups, features->count,
                                               from->gaps != NULL);
    for (size_t g = 0; to != NULL && g < from->groups; g++)
        for (uint32_t k = 0; k < times[g]; k++)
            copy_group(to, at++, from, g);
    if (to != NULL && !fb3_sequences_sort(to, context))
        fb3_sequences_destroy(&to, context);
    return to;
}

flowbd3_status fb3_sequences_resample(fb3_sequences **out, fb3_work *work, const fb3_features *features,
                                      const fb3_criteria *criteria, const fb3_sequences *from, uint64_t seed,
                                      uint32_t step, flowbd3_error *err) {
    uint32_t *times = fb3_allocate(work->context, from->groups, sizeof *times);
    *out = NULL;
    if (times != NULL) {
        fb3_resample_draw(times, from->groups, seed, FB3_RANDOM_BOOTSTRAP_GROUPS, step);
        *out = draw_groups(work->context, features, from, times);
    }
    fb3_release(work->context, times);
    if (*out == NULL)
        return fb3_no_memory(err, "resampled sequences");
    flowbd3_status status = fb3_autocorrelate(*out, work, features, criteria, err);
    if (status != FLOWBD3_OK)
        fb3_sequences_destroy(out, work->context);
    return status;
}
