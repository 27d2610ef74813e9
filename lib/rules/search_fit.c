/* A derived column fitted to rows: every row confines the scale (or the offset) to the numbers for which the
 * claim prints as the row's cell does; the shortest number in what all rows have in common is it. */
#include "rules/search.h"

#include <string.h>

/* ---- numbers that are short -------------------------------------------------------------------- */

/* The nearest number of so many significant digits, and these digits without zeros at their end. */
static double round_to_significant(double value, int digits, double *significand) {
    int exponent = (int)floor(log10(fabs(value))) - digits + 1;
    double unit = pow(10.0, exponent < 0 ? -exponent : exponent);
    double whole = exponent < 0 ? round(value * unit) : round(value / unit);
    *significand = fabs(whole);
    while (*significand >= 10.0 && fmod(*significand, 10.0) == 0.0)
        *significand /= 10.0;
    return exponent < 0 ? whole / unit : whole * unit;
}

double fb3_shortest_between(double low, double high, double *length) {
    double ignored, *significand = length != NULL ? length : &ignored;
    double middle = low + (high - low) / 2.0, best = middle;
    *significand = 0.0;
    if (low <= 0.0 && high >= 0.0)
        return 0.0;
    *significand = 1e18;
    for (int digits = 1; digits <= 17; digits++) {
        double size, value = round_to_significant(middle, digits, &size);
        if (value >= low && value <= high) {
            best = value;
            *significand = size;
            break;
        }
    }
    /* 1/n, as of bytes in a kilobyte: 1/1024 is shorter than its decimals. */
    double n = low > 0.0 ? ceil(1.0 / high) : floor(1.0 / low);
    double size;
    if (fabs(n) >= 2.0 && fabs(n) < 1e9 && 1.0 / n >= low && 1.0 / n <= high) {
        (void)round_to_significant(n, 10, &size);
        if (2.0 * size < *significand) {
            best = 1.0 / n;
            *significand = 2.0 * size;
        }
    }
    return best;
}

/* ---- one row ----------------------------------------------------------------------------------- */

fb3_fit_scales fb3_fit_scales_of(const fb3_search *search, const fb3_fit *fit) {
    const fb3_column *target = &search->table->columns[fit->column];
    int digits = fb3_has_integers(target->type) ? 0 : target->decimals;
    return (fb3_fit_scales){
        .blur_c = digits >= 0 ? 0.5 * pow(10.0, -digits) : 0.0,
        .blur_a = search->profiles[fit->a].blur,
        .blur_b = fit->b != SIZE_MAX ? search->profiles[fit->b].blur : 0.0,
        .power = digits >= 0 ? pow(10.0, digits) : 0.0,
    };
}

static double combine(fb3_operation operation, double a, double b) {
    switch (operation) {
    case FB3_SUM:
        return a + b;
    case FB3_DIFFERENCE:
        return a - b;
    case FB3_PRODUCT:
        return a * b;
    case FB3_RATIO:
        return a / b;
    case FB3_COPY:
        break;
    }
    return a;
}

/* How far the blur of the sources moves what is made of them. */
static double blur_of(const fb3_fit *fit, const fb3_fit_scales *s, double a, double b, double value) {
    switch (fit->operation) {
    case FB3_SUM:
    case FB3_DIFFERENCE:
        return s->blur_a + s->blur_b;
    case FB3_PRODUCT:
        return fabs(a) * s->blur_b + fabs(b) * s->blur_a + s->blur_a * s->blur_b;
    case FB3_RATIO:
        return (s->blur_a + fabs(value) * s->blur_b) / (fabs(b) - s->blur_b);
    case FB3_COPY:
        break;
    }
    return s->blur_a;
}

static bool has_sources(const fb3_fit *fit, double a, double b) {
    if (isnan(a) || (fit->b != SIZE_MAX && isnan(b)))
        return false;
    return fit->operation != FB3_RATIO || b != 0.0;
}

/* What is granted to a number besides its rounding: the last bits. Of a column whose cells are printed as
 * they are, some more, which the order of a computation may change. */
static double slack_of(const fb3_fit_scales *scales) {
    return scales->power > 0.0 ? 2e-15 : 1e-13;
}

/* The numbers that print as c. */
static fb3_interval numbers_of(const fb3_fit_scales *s, fb3_rounding rounding, double c) {
    double below = s->blur_c, above = s->blur_c, slack = slack_of(s) * fabs(c);
    /* What is cut off is less than a unit. */
    double cut = rounding == FB3_TRUNCATED ? 2.0 * s->blur_c * (1.0 - 1e-6) - 2.0 * slack : 2.0 * s->blur_c;
    if (rounding == FB3_TRUNCATED)
        below = above = 0.0;
    if (rounding != FB3_ROUNDED && c >= 0.0)
        above = fmax(cut, 0.0);
    if (rounding != FB3_ROUNDED && c <= 0.0)
        below = fmax(cut, 0.0);
    return (fb3_interval){c - below - slack, c + above + slack};
}

bool fb3_fit_range(const fb3_fit *fit, const fb3_fit_scales *scales, fb3_rounding rounding, double c,
                   double a, double b, fb3_interval *range) {
    if (isnan(c) || !has_sources(fit, a, b))
        return false;
    double value = combine(fit->operation, a, b), blur = blur_of(fit, scales, a, b, value);
    fb3_interval numbers = numbers_of(scales, rounding, c);
    if (fit->unknown == FB3_UNKNOWN_OFFSET) {
        double product = fit->scale * value, reach = fabs(fit->scale) * blur;
        *range = (fb3_interval){numbers.low - product - reach, numbers.high - product + reach};
        return isfinite(range->low) && isfinite(range->high);
    }
    if (!(fabs(value) > blur) || !isfinite(value))
        return false;
    if (value < 0.0) {
        value = -value;
        numbers = (fb3_interval){-numbers.high, -numbers.low};
    }
    range->low = numbers.low / (numbers.low >= 0.0 ? value + blur : value - blur);
    range->high = numbers.high / (numbers.high >= 0.0 ? value - blur : value + blur);
    return isfinite(range->low) && isfinite(range->high);
}

/* What the claim says in a row with sources; false: no number. */
static bool predict(const fb3_fit *fit, double a, double b, double *value, double *combined) {
    *combined = combine(fit->operation, a, b);
    *value = fit->scale * *combined + fit->offset;
    return isfinite(*value);
}

bool fb3_fit_predicts(const fb3_fit *fit, const fb3_fit_scales *scales, double c, double a, double b) {
    double value, combined;
    if (isnan(c) || !has_sources(fit, a, b) || !predict(fit, a, b, &value, &combined))
        return false;
    fb3_interval numbers = numbers_of(scales, fit->truncated ? FB3_TRUNCATED : FB3_ROUNDED, c);
    double reach = fabs(fit->scale) * blur_of(fit, scales, a, b, combined) + 0x1p-50 * fabs(value);
    return value + reach >= numbers.low && value - reach <= numbers.high;
}

/* Whether it prints just the cell, halves rounded either way. */
static bool prints(const fb3_fit *fit, const fb3_fit_scales *scales, double c, double a, double b) {
    double value, combined;
    fb3_interval numbers = numbers_of(scales, fit->truncated ? FB3_TRUNCATED : FB3_ROUNDED, c);
    return predict(fit, a, b, &value, &combined) && value >= numbers.low && value <= numbers.high;
}

/* ---- counts ------------------------------------------------------------------------------------ */

/* What rows say, added up piece by piece. */
typedef struct tally {
    fb3_interval range; /* of the unknown: what rows that have something in common leave of it */
    uint64_t applies, obey, exact, otherwise_rows;
    bool has_otherwise, otherwise_missing; /* what the first row without sources has */
    double otherwise;
} tally;

static void tally_row(tally *t, const fb3_fit *fit, const fb3_fit_scales *scales, double c, double a,
                      double b) {
    double value, combined;
    t->applies++;
    if (!has_sources(fit, a, b) || !predict(fit, a, b, &value, &combined)) {
        if (!t->has_otherwise) {
            t->has_otherwise = true;
            t->otherwise_missing = isnan(c);
            t->otherwise = isnan(c) ? 0.0 : c;
        }
        t->otherwise_rows++;
        t->obey += (fit->otherwise_missing ? isnan(c) : c == fit->otherwise) ? 1 : 0;
        return;
    }
    bool exact = !isnan(c) && prints(fit, scales, c, a, b);
    t->exact += exact;
    t->obey += exact || fb3_fit_predicts(fit, scales, c, a, b);
}

/* Narrows the range by a row that has something in common with it. */
static void narrow(tally *t, const fb3_fit *fit, const fb3_fit_scales *scales, double c, double a, double b) {
    fb3_interval range;
    fb3_rounding rounding = fit->truncated ? FB3_TRUNCATED : FB3_ROUNDED;
    if (!fb3_fit_range(fit, scales, rounding, c, a, b, &range) || range.low > t->range.high ||
        range.high < t->range.low)
        return;
    t->range.low = fmax(t->range.low, range.low);
    t->range.high = fmin(t->range.high, range.high);
}

static void set_counts(fb3_fit *fit, const tally *t) {
    fit->applies = t->applies;
    fit->obey = t->obey;
    fit->exact = t->exact;
    fit->otherwise_rows = t->otherwise_rows;
}

static void set_unknown(fb3_fit *fit, fb3_interval range) {
    double *unknown = fit->unknown == FB3_UNKNOWN_SCALE ? &fit->scale : &fit->offset;
    *unknown = fb3_shortest_between(range.low, range.high, &fit->length);
}

/* ---- the sample -------------------------------------------------------------------------------- */

/* What most of the sampled rows without sources have: the one that survives a vote of pairs (Boyer and Moore
 * 1991). Without such rows: missing, or 0 where the column has no missing cell and a divisor may be 0. */
static void settle_otherwise(const fb3_search *search, fb3_fit *fit, const double *c, const double *a,
                             const double *b) {
    double kept = (double)NAN;
    size_t votes = 0, rows = 0;
    for (size_t i = 0; i < search->n_sample; i++) {
        if (has_sources(fit, a[i], b[i]))
            continue;
        rows++;
        bool same = votes > 0 && (isnan(kept) ? isnan(c[i]) : kept == c[i]);
        if (votes == 0)
            kept = c[i];
        votes = votes == 0 || same ? votes + 1 : votes - 1;
    }
    fit->otherwise_missing =
        rows > 0 ? isnan(kept)
                 : fit->operation != FB3_RATIO || search->table->columns[fit->column].missing > 0;
    fit->otherwise = fit->otherwise_missing || rows == 0 ? 0.0 : kept;
}

static tally tally_sample(const fb3_search *search, const fb3_fit *fit, const fb3_fit_scales *scales,
                          const double *c, const double *a, const double *b) {
    tally t = {0};
    for (size_t i = 0; i < search->n_sample; i++)
        tally_row(&t, fit, scales, c[i], a[i], b[i]);
    return t;
}

/* Whether counts x are better than y: more rows obey, or print just the cell; a shorter number if equal. */
static bool is_better(const fb3_fit *x, const fb3_fit *y) {
    if (x->obey != y->obey)
        return x->obey > y->obey;
    return x->exact != y->exact ? x->exact > y->exact : x->length < y->length;
}

/* The range as it is, or narrowed by the sample: rows that do not belong may have narrowed it wrongly. */
static void fit_rounding(const fb3_search *search, fb3_fit *best, const fb3_fit *start, fb3_interval range,
                         bool narrowed) {
    const double *c = fb3_search_values(search, start->column), *a = fb3_search_values(search, start->a);
    const double *b = start->b != SIZE_MAX ? fb3_search_values(search, start->b) : a;
    fb3_fit_scales scales = fb3_fit_scales_of(search, start);
    fb3_fit fit = *start;
    tally t = {.range = range};
    for (size_t i = 0; i < search->n_sample && narrowed; i++)
        narrow(&t, &fit, &scales, c[i], a[i], b[i]);
    set_unknown(&fit, t.range);
    t = tally_sample(search, &fit, &scales, c, a, b);
    set_counts(&fit, &t);
    if (best->applies == 0 || is_better(&fit, best))
        *best = fit;
}

void fb3_fit_sample(const fb3_search *search, fb3_fit *fit, fb3_interval range) {
    const double *c = fb3_search_values(search, fit->column), *a = fb3_search_values(search, fit->a);
    settle_otherwise(search, fit, c, a, fit->b != SIZE_MAX ? fb3_search_values(search, fit->b) : a);
    fb3_fit best = {.applies = 0}, start = *fit;
    fit_rounding(search, &best, &start, range, false);
    fit_rounding(search, &best, &start, range, true);
    start.truncated = true;
    if (fb3_fit_scales_of(search, fit).power > 0.0 && best.exact + best.otherwise_rows < best.applies) {
        fit_rounding(search, &best, &start, range, false);
        fit_rounding(search, &best, &start, range, true);
    }
    *fit = best;
}

/* ---- the table --------------------------------------------------------------------------------- */

typedef struct whole {
    const fb3_search *search;
    const fb3_fit *fit;
    fb3_fit_scales scales;
    fb3_interval start;
    tally *tallies; /* [pieces] */
} whole;

static void tally_piece(void *argument, size_t i, unsigned worker) {
    whole *w = argument;
    (void)worker;
    const fb3_column *columns = w->search->table->columns;
    size_t first = i * FB3_SEARCH_PIECE, end = first + FB3_SEARCH_PIECE;
    tally *t = &w->tallies[i];
    *t = (tally){.range = w->start};
    for (size_t row = first; row < end && row < w->search->rows; row++) {
        double c = fb3_search_value(&columns[w->fit->column], row);
        double a = fb3_search_value(&columns[w->fit->a], row);
        double b = w->fit->b != SIZE_MAX ? fb3_search_value(&columns[w->fit->b], row) : a;
        narrow(t, w->fit, &w->scales, c, a, b);
        tally_row(t, w->fit, &w->scales, c, a, b);
    }
}

static tally add_up(const whole *w, size_t pieces) {
    tally sum = {.range = w->start};
    for (size_t i = 0; i < pieces; i++) {
        const tally *t = &w->tallies[i];
        sum.applies += t->applies;
        sum.obey += t->obey;
        sum.exact += t->exact;
        sum.otherwise_rows += t->otherwise_rows;
        if (t->range.low <= sum.range.high && t->range.high >= sum.range.low) {
            sum.range.low = fmax(sum.range.low, t->range.low);
            sum.range.high = fmin(sum.range.high, t->range.high);
        }
        if (t->has_otherwise && !sum.has_otherwise) {
            sum.has_otherwise = true;
            sum.otherwise_missing = t->otherwise_missing;
            sum.otherwise = t->otherwise;
        }
    }
    return sum;
}

bool fb3_fit_table(fb3_search *search, fb3_fit *fit, bool *no_memory) {
    size_t pieces = fb3_search_pieces(search);
    double unknown = fit->unknown == FB3_UNKNOWN_SCALE ? fit->scale : fit->offset;
    double slack = fmax(fabs(unknown), 1.0) * 1e-3;
    whole w = {.search = search,
               .fit = fit,
               .scales = fb3_fit_scales_of(search, fit),
               .start = {unknown - slack, unknown + slack},
               .tallies = fb3_allocate(search->context, pieces, sizeof(tally))};
    *no_memory = w.tallies == NULL;
    bool sampled_otherwise = fit->otherwise_rows > 0, whole_table = w.tallies != NULL;
    fb3_fit best = {.applies = 0};
    for (int pass = 0; pass < 2 && whole_table; pass++) {
        whole_table = fb3_search_run(search, pieces, tally_piece, &w);
        if (!whole_table)
            break;
        tally sum = add_up(&w, pieces);
        set_counts(fit, &sum);
        if (pass == 0 || is_better(fit, &best))
            best = *fit;
        if (fit->obey == fit->applies)
            break;
        /* Rows that were not sampled may know the number better, or be the first without sources. */
        set_unknown(fit, sum.range);
        if (!sampled_otherwise && sum.has_otherwise) {
            fit->otherwise_missing = sum.otherwise_missing;
            fit->otherwise = sum.otherwise;
        }
    }
    *fit = best;
    fb3_release(search->context, w.tallies);
    return whole_table;
}
