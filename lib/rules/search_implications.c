/* Implications: where a column has some values, another one has some, or is missing. The rows are counted by
 * the codes of every two columns: of a large table first sampled rows, then for the columns that these leave
 * all rows. */
#include "rules/search.h"

#include <stdlib.h>
#include <string.h>

enum {
    MOST_CROSSED = 1024,    /* columns of a table whose pairs are looked at */
    CROSSED_ROWS = 1 << 17, /* of a table, at first */
    CONDITION_VALUES = 64,  /* of a numeric column all of whose values may be conditions */
    COUNT_VALUES = 10,
    LEAST_EXPECTED = 25,      /* violations of a claim, were the columns independent */
    LEAST_EXPECTED_FIRST = 5, /* the same in the rows looked at first */
};

/* Pairs of columns times rows that are looked at first: with the most columns some 8000 rows. */
#define MOST_CROSSINGS 8e9

typedef struct implications {
    fb3_search *search;
    fb3_coding *codings; /* [n] */
    size_t n;
    size_t rows;        /* [rows] of the table that are coded */
    uint8_t *codes;     /* [n, rows] */
    uint64_t *counts;   /* [threads, FB3_MOST_CODES^2] */
    fb3_buffer *lists;  /* [n] of implications between a coding and later ones */
    bool *failed;       /* [n] no memory */
    const size_t *pair; /* that count_piece counts */
} implications;

/* ---- codes ------------------------------------------------------------------------------------- */

static int compare_numbers(const void *x, const void *y) {
    double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

typedef struct run {
    double value;
    size_t rows;
} run;

/* Most rows first. */
static int compare_runs(const void *x, const void *y) {
    const run *a = x, *b = y;
    if (a->rows != b->rows)
        return a->rows > b->rows ? -1 : 1;
    return compare_numbers(&a->value, &b->value);
}

/* Distinct values of the sample, most frequent first. NULL: no memory. */
static run *runs_of(const fb3_search *search, size_t column, size_t *n_runs) {
    const double *values = fb3_search_values(search, column);
    double *sorted = fb3_allocate(search->context, search->n_sample, sizeof *sorted);
    run *runs = fb3_allocate(search->context, search->n_sample, sizeof *runs);
    size_t n = 0;
    *n_runs = 0;
    if (sorted == NULL || runs == NULL) {
        fb3_release(search->context, sorted);
        fb3_release(search->context, runs);
        return NULL;
    }
    for (size_t i = 0; i < search->n_sample; i++)
        if (!isnan(values[i]))
            sorted[n++] = values[i];
    qsort(sorted, n, sizeof *sorted, compare_numbers);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || sorted[i] != sorted[i - 1])
            runs[(*n_runs)++] = (run){sorted[i], 0};
        runs[*n_runs - 1].rows++;
    }
    qsort(runs, *n_runs, sizeof *runs, compare_runs);
    fb3_release(search->context, sorted);
    return runs;
}

/* Whether a numeric column counts something, rather than name it: it has more than COUNT_VALUES values, and
 * most of the first so many whole numbers. */
static bool is_count(const fb3_profile *profile, const run *runs, size_t n_runs) {
    size_t low = 0;
    for (size_t i = 0; i < n_runs; i++)
        low += runs[i].value < profile->low + COUNT_VALUES && runs[i].value == trunc(runs[i].value);
    return n_runs > COUNT_VALUES && 10 * low >= 8 * COUNT_VALUES;
}

/* Codes for the values that so many rows may have; of a column of few categories for all of them. */
static void code_values(const fb3_search *search, fb3_coding *coding, const run *runs, size_t n_runs) {
    const fb3_column *column = &search->table->columns[coding->column];
    double least = 0.5 * (double)search->options.min_rows * (double)search->n_sample / (double)search->rows;
    size_t most = FB3_MOST_CODES - FB3_CODE_VALUES, n = 0, frequent = 0, present = 0;
    coding->whole = !search->profiles[coding->column].numeric && column->dictionary->count <= most;
    for (size_t i = 0; i < n_runs; i++) {
        present += runs[i].rows;
        if ((double)runs[i].rows >= least)
            frequent += runs[i].rows;
        if (!coding->whole && n < most && (double)runs[i].rows >= least)
            coding->values[FB3_CODE_VALUES + n++] = runs[i].value;
    }
    for (size_t i = 0; coding->whole && i < column->dictionary->count; i++)
        coding->values[FB3_CODE_VALUES + n++] = (double)i;
    qsort(coding->values + FB3_CODE_VALUES, n, sizeof(double), compare_numbers);
    coding->n_codes = FB3_CODE_VALUES + n;
    coding->values[FB3_CODE_MISSING] = coding->values[FB3_CODE_OTHER] = (double)NAN;
    coding->conditional = coding->whole
                              ? 10 * frequent >= 9 * present
                              : search->profiles[coding->column].numeric && n_runs <= CONDITION_VALUES &&
                                    !is_count(&search->profiles[coding->column], runs, n_runs);
}

/* The code of a value that is no category. */
static uint8_t code_of_value(const fb3_coding *coding, double value) {
    size_t low = FB3_CODE_VALUES, high = coding->n_codes;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (coding->values[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low < coding->n_codes && coding->values[low] == value ? (uint8_t)low : FB3_CODE_OTHER;
}

static bool start_coding(const fb3_search *search, fb3_coding *coding, size_t column) {
    const fb3_column *c = &search->table->columns[column];
    coding->column = column;
    size_t n_runs;
    run *runs = runs_of(search, column, &n_runs);
    if (runs == NULL)
        return false;
    code_values(search, coding, runs, n_runs);
    fb3_release(search->context, runs);
    if (!fb3_has_dictionary(c->type))
        return true;
    coding->of_category = fb3_allocate(search->context, c->dictionary->count, 1);
    for (size_t i = 0; coding->of_category != NULL && i < c->dictionary->count; i++)
        coding->of_category[i] = code_of_value(coding, (double)i);
    return coding->of_category != NULL;
}

static uint8_t code_of_cell(const fb3_search *search, const fb3_coding *coding, size_t row) {
    const fb3_column *column = &search->table->columns[coding->column];
    if (fb3_is_missing(column, row))
        return FB3_CODE_MISSING;
    return coding->of_category != NULL ? coding->of_category[column->codes[row]]
                                       : code_of_value(coding, fb3_search_value(column, row));
}

static void code_column(void *argument, size_t i, unsigned worker) {
    const implications *s = argument;
    (void)worker;
    uint8_t *codes = s->codes + i * s->rows;
    uint64_t stretches[FB3_MOST_CODES] = {0};
    double stretch = (double)s->search->rows / (double)s->rows;
    for (size_t k = 0; k < s->rows; k++) {
        size_t row = s->rows == s->search->rows ? k : (size_t)((double)k * stretch);
        codes[k] = code_of_cell(s->search, &s->codings[i], row);
        stretches[codes[k]] |= UINT64_C(1) << k * 64 / s->rows;
    }
    for (size_t code = 0; code < FB3_MOST_CODES; code++)
        s->codings[i].stretches[code] = (uint8_t)__builtin_popcountll(stretches[code]);
}

/* ---- crossings --------------------------------------------------------------------------------- */

static fb3_crossing crossing_of(const implications *s, size_t x, size_t y, const uint64_t *counts) {
    return (fb3_crossing){.x = x,
                          .y = y,
                          .coding_x = &s->codings[x],
                          .coding_y = &s->codings[y],
                          .counts = counts,
                          .min_share = s->search->options.min_share,
                          .min_rows = s->search->options.min_rows,
                          .min_expected = LEAST_EXPECTED};
}

/* Claims of the coded rows between a column and those behind it; when these are not all rows, claims that all
 * rows might make. */
static void cross_column(void *argument, size_t x, unsigned worker) {
    implications *s = argument;
    const uint8_t *codes_x = s->codes + x * s->rows;
    uint64_t *counts = s->counts + (size_t)worker * FB3_MOST_CODES * FB3_MOST_CODES;
    for (size_t y = x + 1; y < s->n && !s->failed[x]; y++) {
        const uint8_t *codes_y = s->codes + y * s->rows;
        size_t width = s->codings[y].n_codes;
        if (fb3_search_forbids(s->search, (size_t[]){s->codings[x].column, s->codings[y].column}, 2))
            continue;
        memset(counts, 0, s->codings[x].n_codes * width * sizeof *counts);
        for (size_t k = 0; k < s->rows; k++)
            counts[codes_x[k] * width + codes_y[k]]++;
        fb3_crossing crossing = crossing_of(s, x, y, counts);
        if (s->rows < s->search->rows) {
            double part = (double)s->rows / (double)s->search->rows;
            crossing.min_rows = (uint64_t)(0.5 * part * (double)crossing.min_rows);
            crossing.min_share = 1.0 - 1.5 * (1.0 - crossing.min_share);
            crossing.min_expected = LEAST_EXPECTED_FIRST;
        }
        s->failed[x] = !fb3_crossing_claims(&crossing, &s->lists[x]);
    }
}

static void count_piece(void *argument, size_t i, unsigned worker) {
    const implications *s = argument;
    const fb3_coding *x = &s->codings[s->pair[0]], *y = &s->codings[s->pair[1]];
    uint64_t *counts = s->counts + (size_t)worker * FB3_MOST_CODES * FB3_MOST_CODES;
    size_t first = i * FB3_SEARCH_PIECE, end = first + FB3_SEARCH_PIECE;
    for (size_t row = first; row < end && row < s->search->rows; row++)
        counts[code_of_cell(s->search, x, row) * y->n_codes + code_of_cell(s->search, y, row)]++;
}

/* Claims of all rows for a pair of columns. */
static flowbd3_status cross_all_rows(implications *s, const size_t pair[2], fb3_buffer *list,
                                     flowbd3_error *err) {
    fb3_search *search = s->search;
    size_t threads = flowbd3_context_threads(search->context), square = FB3_MOST_CODES * FB3_MOST_CODES;
    memset(s->counts, 0, threads * square * sizeof *s->counts);
    s->pair = pair;
    if (!fb3_search_run(search, fb3_search_pieces(search), count_piece, s))
        return fb3_search_cancelled(err);
    for (size_t t = 1; t < threads; t++)
        for (size_t k = 0; k < square; k++)
            s->counts[k] += s->counts[t * square + k];
    fb3_crossing crossing = crossing_of(s, pair[0], pair[1], s->counts);
    return fb3_crossing_claims(&crossing, list) ? FLOWBD3_OK : fb3_no_memory(err, "implications");
}

/* What all rows say of the pairs of columns about which the coded rows said something. */
static flowbd3_status cross_again(implications *s, fb3_buffer *all, flowbd3_error *err) {
    fb3_buffer list = {.context = all->context};
    const fb3_implication *found = (const fb3_implication *)(const void *)all->data;
    size_t n = all->size / sizeof *found;
    flowbd3_status status = FLOWBD3_OK;
    size_t pair[2] = {SIZE_MAX, SIZE_MAX};
    for (size_t i = 0; i < n && status == FLOWBD3_OK; i++) {
        size_t low = found[i].x < found[i].y ? found[i].x : found[i].y;
        size_t high = found[i].x < found[i].y ? found[i].y : found[i].x;
        if (low == pair[0] && high == pair[1])
            continue;
        pair[0] = low;
        pair[1] = high;
        status = cross_all_rows(s, pair, &list, err);
    }
    fb3_buffer_release(all);
    *all = list;
    return status;
}

/* ---- the door ---------------------------------------------------------------------------------- */

static flowbd3_status cross_and_choose(implications *s, flowbd3_error *err) {
    fb3_search *search = s->search;
    double until = search->to;
    search->to = search->from + 0.6 * (until - search->from);
    if (!fb3_search_run(search, s->n, code_column, s) || !fb3_search_run(search, s->n, cross_column, s))
        return fb3_search_cancelled(err);
    search->from = search->to;
    search->to = until;
    fb3_buffer all = {.context = search->context};
    bool whole = true;
    for (size_t i = 0; i < s->n && whole; i++)
        whole = !s->failed[i] && fb3_buffer_append(&all, s->lists[i].data, s->lists[i].size);
    flowbd3_status status = whole ? FLOWBD3_OK : fb3_no_memory(err, "implications");
    if (status == FLOWBD3_OK && s->rows < search->rows)
        status = cross_again(s, &all, err);
    if (status == FLOWBD3_OK) {
        fb3_implication *found = (fb3_implication *)(void *)all.data;
        status = fb3_implications_choose(search, s->codings, s->n, found, all.size / sizeof *found, err);
    }
    fb3_buffer_release(&all);
    return status;
}

/* Codes of the columns that are not computed from others: what holds of these follows. */
static bool start_codings(implications *s) {
    fb3_search *search = s->search;
    flowbd3_context *context = search->context;
    s->codings = fb3_allocate_zero(context, search->n_columns, sizeof *s->codings);
    if (s->codings == NULL)
        return false;
    for (size_t i = 0; i < search->n_columns && s->n < MOST_CROSSED; i++)
        if (!search->profiles[i].derived && !start_coding(search, &s->codings[s->n++], i))
            return false;
    size_t threads = flowbd3_context_threads(context);
    double most = MOST_CROSSINGS / ((double)s->n * (double)s->n + 1.0);
    s->rows = most < CROSSED_ROWS ? (size_t)most : CROSSED_ROWS;
    s->rows = s->rows < search->rows ? s->rows : search->rows;
    s->codes = fb3_allocate(context, s->n, s->rows);
    s->counts = fb3_allocate(context, threads, FB3_MOST_CODES * FB3_MOST_CODES * sizeof *s->counts);
    s->lists = fb3_allocate_zero(context, s->n, sizeof *s->lists);
    s->failed = fb3_allocate_zero(context, s->n, sizeof *s->failed);
    for (size_t i = 0; i < s->n && s->lists != NULL; i++)
        s->lists[i].context = context;
    return s->codes != NULL && s->counts != NULL && s->lists != NULL && s->failed != NULL;
}

flowbd3_status fb3_search_implications(fb3_search *search, flowbd3_error *err) {
    flowbd3_context *context = search->context;
    implications s = {.search = search};
    flowbd3_status status =
        start_codings(&s) ? cross_and_choose(&s, err) : fb3_no_memory(err, "implications");
    for (size_t i = 0; i < s.n; i++) {
        fb3_release(context, s.codings[i].of_category);
        if (s.lists != NULL)
            fb3_buffer_release(&s.lists[i]);
    }
    fb3_release(context, s.codings);
    fb3_release(context, s.codes);
    fb3_release(context, s.counts);
    fb3_release(context, s.lists);
    fb3_release(context, s.failed);
    return status;
}
