/* Order and bounds: factor * a <= b of two numeric columns. A factor other than 1 has to be a short number
 * that rows attain, or the ratio a narrow one. */
#include "rules/search.h"

#include <stdlib.h>
#include <string.h>

/* Significant digits of a factor, as a number. */
#define LONGEST_FACTOR 9999.0

enum {
    MOST_COMPARED = 512, /* numeric columns of a table whose pairs are looked at */
    FIRST_ROWS = 256,    /* that end most pairs */
    QUANTILE_ROWS = 512, /* that tell which ratios are low */
    LEAST_EXPECTED = 25, /* violations, were the columns independent: 1 in 10^10 has none by chance */
    LEAST_ATTAINED = 5,
    LEAST_NEAR = 20,
    LEAST_VALUES = 5 /* of a, in rows that attain a bound */
};

typedef struct bounds {
    fb3_search *search;
    size_t *columns; /* [n_columns] numeric ones of more than one value */
    size_t n_columns;
    fb3_buffer *lists; /* [n_columns] of edges that begin at a column */
    bool *failed;      /* [n_columns] no memory */
    double *ratios;    /* [threads, n_sample] */
} bounds;

/* ---- counts of a pair -------------------------------------------------------------------------- */

/* How far a row that attains a bound may be from it: what rounding does to it. */
static double reach_of(const fb3_search *search, const fb3_edge *e) {
    return search->profiles[e->b].blur + e->factor * search->profiles[e->a].blur;
}

static void count_row(fb3_edge *e, double reach, double a, double b) {
    if (isnan(a) || isnan(b))
        return;
    double bound = e->factor * a, slack = e->factor == 1.0 ? 0.0 : 0x1p-50 * fabs(bound);
    e->applies++;
    e->violated += b < bound - slack;
    /* Numbers that hardly differ from their rounding attain any bound. */
    e->attained += b != 0.0 && fabs(b - bound) <= fmin(reach, 1e-3 * fabs(b)) + 1e-12 * fabs(b);
    if (a > 0.0 && b / a < e->lowest)
        e->lowest = b / a;
}

static void start_count(fb3_edge *e) {
    e->applies = e->violated = e->attained = 0;
    e->lowest = (double)INFINITY;
}

static double allowed(const fb3_search *search, uint64_t applies) {
    return (1.0 - search->options.min_share) * (double)applies + 1e-9;
}

/* The share of rows whose b the a of another row would violate. */
static double chance(const fb3_search *search, const fb3_edge *e) {
    const double *a = fb3_search_values(search, e->a), *b = fb3_search_values(search, e->b);
    size_t n = search->n_sample, shift = n / 2, tries = 0, hits = 0;
    for (size_t i = 0; i < n; i++) {
        size_t j = i + shift < n ? i + shift : i + shift - n;
        if (isnan(a[i]) || isnan(b[j]))
            continue;
        tries++;
        hits += b[j] < e->factor * a[i];
    }
    return tries > 0 ? (double)hits / (double)tries : 0.0;
}

/* Whether so few violations say something: independent columns, or such whose ranges hardly overlap, would
 * not have many more. */
static bool is_telling(const fb3_search *search, const fb3_edge *e) {
    double share = chance(search, e), expected = share * (double)e->applies;
    return share >= 0.05 && expected >= LEAST_EXPECTED && 20.0 * (double)e->violated <= expected &&
           (double)e->violated <= allowed(search, e->applies) && e->applies > 0;
}

static bool is_attained(const fb3_edge *e, uint64_t attained, uint64_t least) {
    return attained >= least &&
           (double)attained >= (least > LEAST_ATTAINED ? 0.002 : 0.0005) * (double)e->applies;
}

/* ---- order ------------------------------------------------------------------------------------- */

/* Rows in which b is at most a tenth above a. */
static uint64_t near_rows(const double *a, const double *b, size_t n) {
    uint64_t near = 0;
    for (size_t i = 0; i < n; i++)
        near += b[i] >= a[i] && b[i] - a[i] <= 0.1 * fmax(fabs(a[i]), fabs(b[i])) && b[i] != 0.0;
    return near;
}

/* a <= b: rows with a = b, or near it, show that it is this bound that rows keep. */
static bool find_order(const bounds *s, fb3_edge *e) {
    const fb3_search *search = s->search;
    const double *a = fb3_search_values(search, e->a), *b = fb3_search_values(search, e->b);
    size_t n = search->n_sample;
    double reach = reach_of(search, e);
    start_count(e);
    for (size_t i = 0; i < n; i++) {
        count_row(e, reach, a[i], b[i]);
        if (i == FIRST_ROWS && (double)e->violated > 3.0 * allowed(search, e->applies) + 3.0)
            return false;
    }
    return is_telling(search, e) &&
           (is_attained(e, e->attained, LEAST_ATTAINED) || is_attained(e, near_rows(a, b, n), LEAST_NEAR));
}

/* ---- factors ----------------------------------------------------------------------------------- */

static int compare_numbers(const void *x, const void *y) {
    double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

/* The ratios b / a of the sample in ratios[return value], the lowest 2 % or so of them sorted at the front:
 * *n_low. *high: the highest. */
static size_t low_ratios(const fb3_search *search, const fb3_edge *e, double *ratios, size_t *n_low,
                         double *high) {
    const double *a = fb3_search_values(search, e->a), *b = fb3_search_values(search, e->b);
    double first[QUANTILE_ROWS];
    size_t n = 0;
    *high = 0.0;
    for (size_t i = 0; i < search->n_sample; i++) {
        if (!(a[i] > 0.0) || isnan(b[i]))
            continue;
        ratios[n] = b[i] / a[i];
        *high = fmax(*high, ratios[n]);
        if (n < QUANTILE_ROWS)
            first[n] = ratios[n];
        n++;
    }
    size_t m = n < QUANTILE_ROWS ? n : QUANTILE_ROWS;
    qsort(first, m, sizeof *first, compare_numbers);
    *n_low = 0;
    double limit = m > 0 ? first[(size_t)((double)m * 2.0 * (1.0 - search->options.min_share))] : 0.0;
    for (size_t i = 0; i < n; i++)
        if (ratios[i] <= limit) {
            double swap = ratios[*n_low];
            ratios[(*n_low)++] = ratios[i];
            ratios[i] = swap;
        }
    qsort(ratios, *n_low, sizeof *ratios, compare_numbers);
    return n;
}

/* The ratio that most rows share among those that leave few enough below. */
static double low_atom(const fb3_search *search, const double *ratios, size_t n_low, size_t n) {
    double best = 0.0;
    size_t most = 1;
    for (size_t i = 0, same; i < n_low && (double)i <= allowed(search, n); i += same) {
        for (same = 1; i + same < n_low && ratios[i + same] <= ratios[i] * (1.0 + 1e-12); same++) {
        }
        if (same > most) {
            most = same;
            best = ratios[i];
        }
    }
    return best;
}

/* The short factor at or a little below a ratio; below 1 the one whose inverse is short. 0: there is none. */
static double shorten(double ratio, double slack) {
    double inverse = 1.0 / ratio, length = 0.0, factor;
    if (!(ratio > 0.0) || !isfinite(ratio) || !isfinite(inverse))
        return 0.0;
    if (ratio >= 1.0)
        factor = fb3_shortest_between(ratio * (1.0 - slack), ratio, &length);
    else
        factor = 1.0 / fb3_shortest_between(inverse, inverse * (1.0 + slack), &length);
    return length <= LONGEST_FACTOR ? factor : 0.0;
}

/* Whether rows of enough values of a attain the bound. */
static bool has_attained_values(const fb3_search *search, const fb3_edge *e) {
    const double *a = fb3_search_values(search, e->a), *b = fb3_search_values(search, e->b);
    double reach = reach_of(search, e);
    double seen[LEAST_VALUES];
    size_t n = 0;
    for (size_t i = 0; i < search->n_sample && n < LEAST_VALUES; i++) {
        fb3_edge row = *e;
        start_count(&row);
        count_row(&row, reach, a[i], b[i]);
        bool known = row.attained == 0;
        for (size_t k = 0; k < n && !known; k++)
            known = seen[k] == a[i];
        if (!known)
            seen[n++] = a[i];
    }
    return n == LEAST_VALUES;
}

/* Counts a factor on the sample; whether it says something there. */
static bool try_factor(const bounds *s, fb3_edge *e, double ratio, double slack) {
    const fb3_search *search = s->search;
    const double *a = fb3_search_values(search, e->a), *b = fb3_search_values(search, e->b);
    e->factor = shorten(ratio, slack);
    if (!(e->factor > 0.0) || !isfinite(e->factor) || e->factor == 1.0)
        return false;
    start_count(e);
    double reach = reach_of(search, e);
    for (size_t i = 0; i < search->n_sample; i++)
        count_row(e, reach, a[i], b[i]);
    return (e->narrow || (is_attained(e, e->attained, LEAST_ATTAINED) && has_attained_values(search, e))) &&
           is_telling(search, e);
}

/* ---- all edges of a column --------------------------------------------------------------------- */

static bool shares_source(const size_t x[2], const size_t y[2]) {
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 2; k++)
            if (x[i] != SIZE_MAX && x[i] == y[k])
                return true;
    return false;
}

/* Whether rules that compute columns bind the two already: one comes from the other, or both from one column,
 * or one is another column times a number, of which that says all. */
static bool are_related(const fb3_search *search, size_t a, size_t b) {
    const size_t ends[] = {a, b};
    for (int i = 0; i < 2; i++)
        if (search->sources[ends[i]][0] != SIZE_MAX && search->sources[ends[i]][1] == SIZE_MAX)
            return true;
    return fb3_search_depends(search, a, b) || fb3_search_depends(search, b, a) ||
           shares_source(search->sources[a], search->sources[b]);
}

static bool keep(fb3_buffer *list, const fb3_edge *e) {
    return fb3_buffer_append(list, e, sizeof *e);
}

static bool find_factors(const bounds *s, fb3_buffer *list, fb3_edge e, double *ratios) {
    const fb3_search *search = s->search;
    if (search->profiles[e.a].low < 0.0 || search->profiles[e.b].low < 0.0)
        return true;
    double slack = search->profiles[e.a].blur + search->profiles[e.b].blur > 0.0 ? 1e-6 : 1e-12;
    double high = 0.0;
    size_t n_low, n = low_ratios(search, &e, ratios, &n_low, &high);
    if (n_low == 0)
        return true;
    double lowest = ratios[0], atom = low_atom(search, ratios, n_low, n);
    if (try_factor(s, &e, lowest, slack)) {
        if (!keep(list, &e))
            return false;
    } else if (atom != lowest && try_factor(s, &e, atom, slack) && !keep(list, &e)) {
        return false;
    }
    e.narrow = lowest > 0.0 && high <= 1.25 * lowest && high > lowest * (1.0 + 1e-9);
    return !e.narrow || !try_factor(s, &e, lowest, 0.02) || keep(list, &e);
}

static void search_from(void *argument, size_t i, unsigned worker) {
    const bounds *s = argument;
    for (size_t k = 0; k < s->n_columns && !s->failed[i]; k++) {
        fb3_edge e = {.a = s->columns[i], .b = s->columns[k], .factor = 1.0};
        if (i == k || are_related(s->search, e.a, e.b) ||
            fb3_search_forbids(s->search, (size_t[]){e.a, e.b}, 2))
            continue;
        bool whole = !find_order(s, &e) || keep(&s->lists[i], &e);
        s->failed[i] = !whole || !find_factors(s, &s->lists[i], e, s->ratios + worker * s->search->n_sample);
    }
}

/* ---- on the whole table ------------------------------------------------------------------------ */

typedef struct counting {
    const fb3_search *search;
    fb3_edge *pieces; /* [pieces] */
} counting;

static void count_piece(void *argument, size_t i, unsigned worker) {
    const counting *c = argument;
    (void)worker;
    fb3_edge *e = &c->pieces[i];
    const fb3_column *columns = c->search->table->columns;
    size_t first = i * FB3_SEARCH_PIECE, end = first + FB3_SEARCH_PIECE;
    double reach = reach_of(c->search, e);
    for (size_t row = first; row < end && row < c->search->rows; row++)
        count_row(e, reach, fb3_search_value(&columns[e->a], row), fb3_search_value(&columns[e->b], row));
}

static bool count_edge(fb3_search *search, fb3_edge *e, fb3_edge *pieces) {
    size_t n = fb3_search_pieces(search);
    start_count(e);
    for (size_t i = 0; i < n; i++)
        pieces[i] = *e;
    if (!fb3_search_run(search, n, count_piece, &(counting){search, pieces}))
        return false;
    for (size_t i = 0; i < n; i++) {
        e->applies += pieces[i].applies;
        e->violated += pieces[i].violated;
        e->attained += pieces[i].attained;
        e->lowest = fmin(e->lowest, pieces[i].lowest);
    }
    return true;
}

/* Counts an edge on all rows. When a few rows are below its factor, it is their lowest ratio that is tried
 * next; *kept tells whether either says something. False: cancelled. */
static bool confirm(const bounds *s, fb3_edge *e, fb3_edge *pieces, bool *kept) {
    fb3_search *search = s->search;
    double slack = e->narrow ? 0.02 : 1e-6;
    *kept = false;
    if (!count_edge(search, e, pieces))
        return false;
    if (e->violated > 0 && (e->factor != 1.0 || e->narrow) && e->lowest > 0.0) {
        fb3_edge lower = *e;
        lower.factor = shorten(e->lowest, slack);
        if (lower.factor > 0.0) {
            if (!count_edge(search, &lower, pieces))
                return false;
            if (lower.violated == 0 && (lower.narrow || is_attained(&lower, lower.attained, LEAST_ATTAINED)))
                *e = lower;
        }
    }
    *kept = is_telling(search, e) && e->applies >= search->options.min_rows;
    return true;
}

/* ---- the door ---------------------------------------------------------------------------------- */

static flowbd3_status confirm_all(const bounds *s, fb3_edge *edges, size_t *n_edges, flowbd3_error *err) {
    flowbd3_context *context = s->search->context;
    fb3_edge *pieces = fb3_allocate(context, fb3_search_pieces(s->search), sizeof *pieces);
    if (pieces == NULL)
        return fb3_no_memory(err, "the rows of a rule");
    size_t kept = 0;
    flowbd3_status status = FLOWBD3_OK;
    for (size_t i = 0; i < *n_edges && status == FLOWBD3_OK; i++) {
        bool keeps;
        if (!confirm(s, &edges[i], pieces, &keeps))
            status = fb3_search_cancelled(err);
        else if (keeps)
            edges[kept++] = edges[i];
    }
    *n_edges = kept;
    fb3_release(context, pieces);
    return status;
}

static flowbd3_status confirm_and_prune(bounds *s, flowbd3_error *err) {
    fb3_search *search = s->search;
    double until = search->to;
    search->to = search->from + 0.5 * (until - search->from);
    if (!fb3_search_run(search, s->n_columns, search_from, s))
        return fb3_search_cancelled(err);
    search->from = search->to;
    search->to = until;
    fb3_buffer all = {.context = search->context};
    bool whole = true;
    for (size_t i = 0; i < s->n_columns && whole; i++)
        whole = !s->failed[i] && fb3_buffer_append(&all, s->lists[i].data, s->lists[i].size);
    fb3_edge *edges = (fb3_edge *)(void *)all.data;
    size_t n = all.size / sizeof *edges;
    flowbd3_status status = whole ? confirm_all(s, edges, &n, err) : fb3_no_memory(err, "bounds of columns");
    if (status == FLOWBD3_OK)
        status = fb3_edges_choose(search, edges, n, err);
    fb3_buffer_release(&all);
    return status;
}

flowbd3_status fb3_search_bounds(fb3_search *search, flowbd3_error *err) {
    flowbd3_context *context = search->context;
    size_t threads = flowbd3_context_threads(context);
    bounds s = {.search = search,
                .columns = fb3_allocate(context, search->n_columns, sizeof *s.columns),
                .lists = fb3_allocate_zero(context, search->n_columns, sizeof *s.lists),
                .failed = fb3_allocate_zero(context, search->n_columns, sizeof *s.failed),
                .ratios = fb3_allocate(context, threads, search->n_sample * sizeof *s.ratios)};
    bool whole = s.columns != NULL && s.lists != NULL && s.failed != NULL && s.ratios != NULL;
    for (size_t i = 0; i < search->n_columns && whole && s.n_columns < MOST_COMPARED; i++)
        if (search->profiles[i].numeric && search->profiles[i].distinct > 1)
            s.columns[s.n_columns++] = i;
    for (size_t i = 0; i < s.n_columns; i++)
        s.lists[i].context = context;
    flowbd3_status status = whole ? confirm_and_prune(&s, err) : fb3_no_memory(err, "bounds of columns");
    for (size_t i = 0; i < s.n_columns; i++)
        fb3_buffer_release(&s.lists[i]);
    fb3_release(context, s.columns);
    fb3_release(context, s.lists);
    fb3_release(context, s.failed);
    fb3_release(context, s.ratios);
    return status;
}
