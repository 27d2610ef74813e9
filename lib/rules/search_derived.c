/* Derived columns: every column against every pair of others on a few telling rows, what is left on all
 * sampled rows, and what is chosen on all rows.
 *
 * Columns that stand in one relation can each be computed from the others: one of them is chosen, the best by
 * compare_fits, and no column is computed, through others, from itself. */
#include "rules/search.h"

#include <stdlib.h>
#include <string.h>

enum {
    TELLING_ROWS = 64,      /* looked at for every pair */
    LEAST_DISTINCT = 10,    /* values of a column that a rule is worth while for */
    LEAST_INFORMATIVE = 16, /* of the telling rows */
    KEPT_FITS = 12,         /* of a column */
    MOST_PAIRED = 256       /* numeric columns of a table whose pairs are looked at */
};

/* Telling rows of a target: rows of the sample with distinct values of it as far as there are. */
typedef struct telling {
    size_t n;
    double c[TELLING_ROWS];
    double *cells; /* [n_columns, TELLING_ROWS] */
} telling;

typedef struct target {
    fb3_fit fits[KEPT_FITS]; /* best first */
    size_t n_fits;
} target;

typedef struct derivation {
    fb3_search *search;
    size_t *sources; /* [n_sources] numeric columns of more than one value */
    size_t n_sources;
    target *targets; /* [n_columns] */
    telling *rows;   /* [threads] */
} derivation;

/* ---- the best fits of a target ------------------------------------------------------------------ */

static void keep_fit(const fb3_search *search, target *t, const fb3_fit *fit) {
    size_t at = t->n_fits;
    while (at > 0 && fb3_fit_compare(search, fit, &t->fits[at - 1]) < 0)
        at--;
    if (at == KEPT_FITS)
        return;
    size_t n = t->n_fits < KEPT_FITS ? t->n_fits : KEPT_FITS - 1;
    memmove(&t->fits[at + 1], &t->fits[at], (n - at) * sizeof *t->fits);
    t->fits[at] = *fit;
    t->n_fits = n + 1;
}

/* ---- telling rows ------------------------------------------------------------------------------ */

static bool has_value(const telling *rows, double c) {
    for (size_t i = 0; i < rows->n; i++)
        if (rows->c[i] == c)
            return true;
    return false;
}

static void pick_rows(const derivation *d, size_t column, telling *rows) {
    const fb3_search *search = d->search;
    const double *c = fb3_search_values(search, column);
    size_t picked[TELLING_ROWS];
    rows->n = 0;
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < search->n_sample && rows->n < TELLING_ROWS; i++) {
            if (isnan(c[i]) || (round == 0) == has_value(rows, c[i]))
                continue;
            picked[rows->n] = i;
            rows->c[rows->n++] = c[i];
        }
    for (size_t s = 0; s < d->n_sources; s++)
        for (size_t i = 0; i < rows->n; i++)
            rows->cells[s * TELLING_ROWS + i] = fb3_search_values(search, d->sources[s])[picked[i]];
}

/* ---- one relation on the telling rows ---------------------------------------------------------- */

/* Two rows leave something of the unknown in common, in one of the first three pairs of rows that say
 * anything: what is no relation mostly ends here. */
static bool begins_well(const fb3_fit *fit, const fb3_fit_scales *scales, const telling *rows,
                        const double *a, const double *b) {
    fb3_interval before = {0};
    int said = 0;
    for (size_t i = 0; i < rows->n && said < 6; i++) {
        fb3_interval range;
        if (!fb3_fit_range(fit, scales, FB3_EITHER, rows->c[i], a[i], b[i], &range))
            continue;
        if (fit->unknown == FB3_UNKNOWN_SCALE && range.low <= 0.0 && range.high >= 0.0)
            continue;
        if (said++ % 2 == 1 && range.low <= before.high && range.high >= before.low)
            return true;
        before = range;
    }
    return false;
}

typedef struct end {
    double at;
    int step; /* 1: a range begins, -1: one ends */
} end;

static int compare_ends(const void *x, const void *y) {
    const end *a = x, *b = y;
    if (a->at != b->at)
        return a->at < b->at ? -1 : 1;
    return b->step - a->step;
}

/* What most rows have in common, and how many they are of *said that say something. */
static int common_range(const fb3_fit *fit, const fb3_fit_scales *scales, const telling *rows,
                        const double *a, const double *b, fb3_interval *common, int *said) {
    end ends[2 * TELLING_ROWS];
    size_t n = 0;
    for (size_t i = 0; i < rows->n; i++) {
        fb3_interval range;
        if (!fb3_fit_range(fit, scales, FB3_EITHER, rows->c[i], a[i], b[i], &range))
            continue;
        ends[n++] = (end){range.low, 1};
        ends[n++] = (end){range.high, -1};
    }
    *said = (int)(n / 2);
    qsort(ends, n, sizeof *ends, compare_ends);
    int open = 0, most = 0;
    for (size_t i = 0; i < n; i++) {
        open += ends[i].step;
        if (open > most) {
            most = open;
            *common = (fb3_interval){ends[i].at, ends[i + 1].at};
        }
    }
    return most;
}

/* How often the fit predicts a row's value of the sources of another row: often, when the values hardly
 * differ, so that to predict them says little. */
static double chance(const fb3_fit *fit, const fb3_fit_scales *scales, const telling *rows, const double *a,
                     const double *b) {
    size_t hits = 0, tries = 0;
    for (size_t i = 0; i < rows->n; i++)
        for (size_t j = 0; j < rows->n; j++)
            if (i != j) {
                tries++;
                hits += fb3_fit_predicts(fit, scales, rows->c[i], a[j], b[j]);
            }
    return tries > 0 ? (double)hits / (double)tries : 1.0;
}

/* Values of the target, up to LEAST_DISTINCT, in sampled rows that the fit predicts. */
static size_t predicted_values(const fb3_search *search, const fb3_fit *fit, const fb3_fit_scales *scales) {
    const double *c = fb3_search_values(search, fit->column), *a = fb3_search_values(search, fit->a);
    const double *b = fit->b != SIZE_MAX ? fb3_search_values(search, fit->b) : a;
    double seen[LEAST_DISTINCT];
    size_t n = 0;
    for (size_t i = 0; i < search->n_sample && n < LEAST_DISTINCT; i++) {
        bool known = !fb3_fit_predicts(fit, scales, c[i], a[i], b[i]);
        for (size_t k = 0; k < n && !known; k++)
            known = seen[k] == c[i];
        if (!known)
            seen[n++] = c[i];
    }
    return n;
}

static void try_fit(const derivation *d, const telling *rows, const double *a, const double *b, fb3_fit fit) {
    fb3_search *search = d->search;
    fb3_fit_scales scales = fb3_fit_scales_of(search, &fit);
    fb3_interval common = {0};
    int said;
    if (!begins_well(&fit, &scales, rows, a, b) ||
        common_range(&fit, &scales, rows, a, b, &common, &said) * 5 < said * 4 || said < LEAST_INFORMATIVE)
        return;
    fb3_fit_sample(search, &fit, common);
    if (!fb3_fit_holds(search, &fit) || fit.scale == 0.0)
        return;
    /* A sum with a number that is not round is chance, and one with 0 the relation without it. */
    if (fit.unknown == FB3_UNKNOWN_OFFSET && (fit.offset == 0.0 || fit.length > 1000.0))
        return;
    if (chance(&fit, &scales, rows, a, b) > 0.5 || predicted_values(search, &fit, &scales) < LEAST_DISTINCT)
        return;
    if (fit.operation == FB3_DIFFERENCE && fit.scale < 0.0) {
        size_t swap = fit.a;
        fit.a = fit.b;
        fit.b = swap;
        fit.scale = -fit.scale;
    }
    keep_fit(search, &d->targets[fit.column], &fit);
}

/* c = scale * a + offset with both unknown: the scale from the rows of the least and the greatest a. */
static void try_line(const derivation *d, const telling *rows, const double *a, fb3_fit fit) {
    size_t low = SIZE_MAX, high = SIZE_MAX;
    for (size_t i = 0; i < rows->n; i++) {
        if (isnan(a[i]))
            continue;
        low = low == SIZE_MAX || a[i] < a[low] ? i : low;
        high = high == SIZE_MAX || a[i] > a[high] ? i : high;
    }
    if (low == SIZE_MAX || !(a[high] > a[low]))
        return;
    fb3_fit_scales s = fb3_fit_scales_of(d->search, &fit);
    double run = a[high] - a[low], rise = rows->c[high] - rows->c[low];
    double slack = 4.0 * s.blur_c + 2.0 * fabs(rise / run) * s.blur_a + 1e-12 * fabs(rise);
    double length, low_scale = (rise - slack) / run, high_scale = (rise + slack) / run;
    if (!isfinite(low_scale) || !isfinite(high_scale))
        return;
    fit.scale = fb3_shortest_between(low_scale, high_scale, &length);
    if (fit.scale != 0.0 && fit.scale != 1.0 && length <= 10000.0)
        try_fit(d, rows, a, a, fit);
}

/* ---- all relations of a target ----------------------------------------------------------------- */

static void try_source(const derivation *d, const telling *rows, size_t column, size_t s) {
    size_t a = d->sources[s];
    const double *cells = rows->cells + s * TELLING_ROWS;
    if (a == column || fb3_search_forbids(d->search, (size_t[]){column, a}, 2))
        return;
    fb3_fit fit = {.column = column, .a = a, .b = SIZE_MAX, .scale = 1.0};
    try_fit(d, rows, cells, cells, fit);
    fit.unknown = FB3_UNKNOWN_OFFSET;
    try_fit(d, rows, cells, cells, fit);
    try_line(d, rows, cells, fit);
}

static void try_pair(const derivation *d, const telling *rows, size_t column, size_t s, size_t t) {
    size_t a = d->sources[s], b = d->sources[t];
    const double *x = rows->cells + s * TELLING_ROWS, *y = rows->cells + t * TELLING_ROWS;
    if (a == column || b == column || fb3_search_forbids(d->search, (size_t[]){column, a, b}, 3))
        return;
    static const fb3_operation plain[] = {FB3_SUM, FB3_DIFFERENCE, FB3_PRODUCT, FB3_RATIO};
    fb3_fit fit = {.column = column, .a = a, .b = b, .scale = 1.0}, swapped = fit;
    swapped.a = b;
    swapped.b = a;
    for (size_t i = 0; i < FB3_COUNT(plain); i++) {
        fit.operation = swapped.operation = plain[i];
        fit.unknown = FB3_UNKNOWN_SCALE;
        try_fit(d, rows, x, y, fit);
        fit.unknown = FB3_UNKNOWN_OFFSET;
        if (plain[i] != FB3_PRODUCT)
            try_fit(d, rows, x, y, fit);
        if (plain[i] == FB3_DIFFERENCE || plain[i] == FB3_RATIO) {
            swapped.unknown = FB3_UNKNOWN_OFFSET;
            try_fit(d, rows, y, x, swapped);
        }
        if (plain[i] == FB3_RATIO) {
            swapped.unknown = FB3_UNKNOWN_SCALE;
            try_fit(d, rows, y, x, swapped);
        }
    }
    /* 100 - a - b */
    fit = (fb3_fit){
        .column = column, .a = a, .b = b, .operation = FB3_SUM, .unknown = FB3_UNKNOWN_OFFSET, .scale = -1.0};
    try_fit(d, rows, x, y, fit);
}

/* A second source is worth while when it explains half of what one source leaves. */
static void drop_idle_pairs(target *t) {
    uint64_t violated = UINT64_MAX, inexact = UINT64_MAX;
    for (size_t i = 0; i < t->n_fits; i++) {
        const fb3_fit *fit = &t->fits[i];
        if (fit->operation != FB3_COPY)
            continue;
        violated = fit->applies - fit->obey < violated ? fit->applies - fit->obey : violated;
        inexact = fb3_fit_inexact(fit) < inexact ? fb3_fit_inexact(fit) : inexact;
    }
    size_t kept = 0;
    for (size_t i = 0; i < t->n_fits; i++) {
        const fb3_fit *fit = &t->fits[i];
        if (fit->operation == FB3_COPY || fit->applies - fit->obey < violated / 2 ||
            fb3_fit_inexact(fit) < inexact / 2)
            t->fits[kept++] = *fit;
    }
    t->n_fits = kept;
}

/* Picks telling rows of a column; false: it is none that can be derived. */
static bool start_target(const derivation *d, size_t column, telling *rows) {
    const fb3_profile *profile = &d->search->profiles[column];
    if (!profile->numeric || profile->derived || profile->distinct < LEAST_DISTINCT)
        return false;
    pick_rows(d, column, rows);
    return rows->n >= LEAST_INFORMATIVE;
}

static void search_one_source(void *argument, size_t column, unsigned worker) {
    const derivation *d = argument;
    telling *rows = &d->rows[worker];
    bool started = start_target(d, column, rows);
    for (size_t s = 0; started && s < d->n_sources; s++)
        try_source(d, rows, column, s);
}

static void search_two_sources(void *argument, size_t column, unsigned worker) {
    const derivation *d = argument;
    telling *rows = &d->rows[worker];
    bool started = d->n_sources <= MOST_PAIRED && start_target(d, column, rows);
    for (size_t s = 0; started && s < d->n_sources; s++)
        for (size_t t = s + 1; t < d->n_sources; t++)
            try_pair(d, rows, column, s, t);
    drop_idle_pairs(&d->targets[column]);
}

/* ---- the door ---------------------------------------------------------------------------------- */

/* The columns that others may be computed from; no copies, of which the other column says all. */
static void list_sources(derivation *d) {
    const fb3_search *search = d->search;
    d->n_sources = 0;
    for (size_t i = 0; i < search->n_columns; i++) {
        bool copy = search->sources[i][0] != SIZE_MAX && search->sources[i][1] == SIZE_MAX;
        if (search->profiles[i].numeric && search->profiles[i].distinct > 1 && !copy)
            d->sources[d->n_sources++] = i;
    }
}

static flowbd3_status choose(derivation *d, bool certain, flowbd3_error *err) {
    fb3_search *search = d->search;
    size_t n = 0;
    for (size_t i = 0; i < search->n_columns; i++)
        n += d->targets[i].n_fits;
    fb3_fit *fits = fb3_allocate(search->context, n, sizeof *fits);
    if (fits == NULL)
        return fb3_no_memory(err, "derived columns");
    n = 0;
    for (size_t i = 0; i < search->n_columns; i++)
        for (size_t k = 0; k < d->targets[i].n_fits; k++)
            fits[n++] = d->targets[i].fits[k];
    flowbd3_status status = fb3_fit_choose(search, fits, n, certain, err);
    fb3_release(search->context, fits);
    return status;
}

/* From one source first: columns that are copies for certain are then out of the way. */
static flowbd3_status search_and_choose(derivation *d, flowbd3_error *err) {
    fb3_search *search = d->search;
    double from = search->from, until = search->to;
    for (int sources = 1; sources <= 2; sources++) {
        list_sources(d);
        search->to = from + (sources == 1 ? 0.2 : 0.8) * (until - from);
        if (!fb3_search_run(search, search->n_columns, sources == 1 ? search_one_source : search_two_sources,
                            d))
            return fb3_search_cancelled(err);
        search->from = search->to;
        search->to = from + (sources == 1 ? 0.3 : 1.0) * (until - from);
        flowbd3_status status = choose(d, sources == 1, err);
        if (status != FLOWBD3_OK)
            return status;
        search->from = search->to;
    }
    return FLOWBD3_OK;
}

flowbd3_status fb3_search_derived(fb3_search *search, flowbd3_error *err) {
    flowbd3_context *context = search->context;
    size_t threads = flowbd3_context_threads(context);
    derivation d = {.search = search,
                    .sources = fb3_allocate(context, search->n_columns, sizeof *d.sources),
                    .targets = fb3_allocate_zero(context, search->n_columns, sizeof *d.targets),
                    .rows = fb3_allocate_zero(context, threads, sizeof *d.rows)};
    bool whole = d.sources != NULL && d.targets != NULL && d.rows != NULL;
    for (size_t t = 0; t < threads && whole; t++) {
        d.rows[t].cells = fb3_allocate(context, search->n_columns, TELLING_ROWS * sizeof(double));
        whole = d.rows[t].cells != NULL;
    }
    flowbd3_status status = whole ? search_and_choose(&d, err) : fb3_no_memory(err, "derived columns");
    for (size_t t = 0; t < threads && d.rows != NULL; t++)
        fb3_release(context, d.rows[t].cells);
    fb3_release(context, d.sources);
    fb3_release(context, d.targets);
    fb3_release(context, d.rows);
    return status;
}
