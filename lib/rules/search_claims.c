/* What the rows of two columns obey: for every value of one, the values, or the absence, of the other. */
#include "rules/search.h"

#include <stdlib.h>
#include <string.h>

/* A claim says something when independent columns would violate it in this share of the rows, ... */
#define LEAST_EFFECT 0.1
/* ... which is so many times what is seen. */
#define LEAST_CONTRAST 20.0
/* A set of categories is complete when at most this share of rows are the only one of their category: it is
 * about how many of further rows have one that was not seen (Good 1953). Of few rows this is not known: there
 * have to be more, and hardly a category that just two rows have. */
#define MOST_UNSEEN    0.0005
#define MOST_PAIRS     0.002
#define LEAST_SET_ROWS 200
/* Longer lists of categories are unreadable; of long ones those that are left out may be the shorter list. */
#define LONGEST_SET 16
#define LONG_SET    8
/* A category that rows do not have would be in so many of them, were the columns independent. */
#define LEAST_ABSENT 10.0
/* Rows of a condition are in so many of the stretches of a table at least: a burst of rows is one event. */
#define LEAST_STRETCHES 8
#define MOST_FUNCTION   4

/* One way to look at a crossing: columns by the codes of the condition. */
typedef struct view {
    const fb3_crossing *crossing;
    bool turned; /* the condition is column y */
    const fb3_coding *when, *claim;
    uint64_t rows;
    uint64_t when_rows[FB3_MOST_CODES], claim_rows[FB3_MOST_CODES];
} view;

static uint64_t count_of(const view *v, size_t w, size_t c) {
    const fb3_crossing *x = v->crossing;
    return v->turned ? x->counts[c * x->coding_y->n_codes + w] : x->counts[w * x->coding_y->n_codes + c];
}

static view view_of(const fb3_crossing *crossing, bool turned) {
    view v = {.crossing = crossing,
              .turned = turned,
              .when = turned ? crossing->coding_y : crossing->coding_x,
              .claim = turned ? crossing->coding_x : crossing->coding_y};
    for (size_t w = 0; w < v.when->n_codes; w++)
        for (size_t c = 0; c < v.claim->n_codes; c++) {
            uint64_t n = count_of(&v, w, c);
            v.when_rows[w] += n;
            v.claim_rows[c] += n;
            v.rows += n;
        }
    return v;
}

/* ---- claims for a set of codes ----------------------------------------------------------------- */

/* Rows by the code of the claim's column, where the condition's has a code of a set. */
static uint64_t rows_by_claim(const view *v, const fb3_codes *when, uint64_t *rows) {
    uint64_t sum = 0;
    memset(rows, 0, v->claim->n_codes * sizeof *rows);
    for (size_t w = 0; w < v->when->n_codes; w++)
        for (size_t c = 0; fb3_codes_have(when, w) && c < v->claim->n_codes; c++) {
            rows[c] += count_of(v, w, c);
            sum += count_of(v, w, c);
        }
    return sum;
}

/* Counts a claim; whether it says something. */
static bool is_telling(const view *v, const uint64_t *rows, fb3_implication *i) {
    uint64_t outside = 0;
    i->violated = 0;
    for (size_t c = 0; c < v->claim->n_codes; c++)
        if (!fb3_codes_have(&i->claim, c)) {
            i->violated += rows[c];
            outside += v->claim_rows[c] - rows[c];
        }
    if (i->applies < v->crossing->min_rows || i->applies == v->rows)
        return false;
    i->effect = (double)outside / (double)(v->rows - i->applies);
    double expected = i->effect * (double)i->applies;
    return i->effect >= LEAST_EFFECT && expected >= v->crossing->min_expected &&
           LEAST_CONTRAST * (double)i->violated <= expected &&
           (double)i->violated <= (1.0 - v->crossing->min_share) * (double)i->applies + 1e-9;
}

/* The one value, or absence, of most rows. */
static bool claim_one(const view *v, const uint64_t *rows, fb3_implication *i) {
    size_t best = FB3_CODE_MISSING;
    for (size_t c = 0; c < v->claim->n_codes; c++)
        if (c != FB3_CODE_OTHER && rows[c] > rows[best])
            best = c;
    fb3_codes_add(&i->claim, best);
    return is_telling(v, rows, i);
}

/* The categories that are seen, when they are few and about all there are. */
static bool claim_set(const view *v, const uint64_t *rows, fb3_implication *i) {
    size_t single = 0, pairs = 0, seen = 0;
    for (size_t c = 0; c < v->claim->n_codes; c++) {
        single += rows[c] == 1;
        pairs += rows[c] == 2;
        seen += rows[c] > 0;
        if (rows[c] > 0)
            fb3_codes_add(&i->claim, c);
    }
    double applies = (double)i->applies;
    bool complete = i->applies >= LEAST_SET_ROWS && (double)single <= MOST_UNSEEN * applies &&
                    (double)pairs <= MOST_PAIRS * applies;
    bool brief = seen <= LONGEST_SET && (seen <= LONG_SET || 2 * seen <= v->claim->n_codes);
    return v->claim->whole && brief && complete && is_telling(v, rows, i);
}

/* All but the categories that other rows have often and these never. */
static bool claim_exception(const view *v, const uint64_t *rows, fb3_implication *i) {
    size_t n_out = 0;
    for (size_t c = 0; c < v->claim->n_codes; c++) {
        double share = (double)(v->claim_rows[c] - rows[c]) / (double)(v->rows - i->applies);
        bool out = rows[c] == 0 && share * (double)i->applies >= LEAST_ABSENT;
        bool idle = c == FB3_CODE_MISSING && v->claim_rows[c] == 0;
        n_out += out;
        if (!out && !idle)
            fb3_codes_add(&i->claim, c);
    }
    return v->claim->whole && n_out <= LONGEST_SET && is_telling(v, rows, i);
}

static bool claim_present(const view *v, const uint64_t *rows, fb3_implication *i) {
    for (size_t c = FB3_CODE_OTHER; c < v->claim->n_codes; c++)
        fb3_codes_add(&i->claim, c);
    return is_telling(v, rows, i);
}

/* The strongest claim for the rows whose condition has a code of `when`. */
static bool find_claim(const view *v, const fb3_codes *when, fb3_implication *found) {
    static bool (*const claims[])(const view *, const uint64_t *,
                                  fb3_implication *) = {claim_one, claim_set, claim_exception, claim_present};
    uint64_t rows[FB3_MOST_CODES];
    const fb3_crossing *x = v->crossing;
    uint64_t applies = rows_by_claim(v, when, rows);
    for (size_t k = 0; k < FB3_COUNT(claims); k++) {
        *found = (fb3_implication){
            .x = v->turned ? x->y : x->x, .y = v->turned ? x->x : x->y, .when = *when, .applies = applies};
        if (claims[k](v, rows, found))
            return true;
    }
    return false;
}

/* ---- conditions -------------------------------------------------------------------------------- */

static bool is_condition(const view *v, size_t code) {
    double value = v->when->values[code];
    return v->when->stretches[code] >= LEAST_STRETCHES && v->when_rows[code] >= v->crossing->min_rows &&
           (code == FB3_CODE_MISSING ||
            (code != FB3_CODE_OTHER && (v->when->conditional || value == 0.0 || value == 1.0)));
}

/* Adds a claim to one of the same kind on other values of the condition. */
static void merge(fb3_implication *list, size_t first, size_t *n, const fb3_implication *i) {
    for (size_t k = first; k < *n; k++) {
        if (fb3_codes_compare(&list[k].claim, &i->claim) != 0 ||
            (list[k].violated == 0) != (i->violated == 0) || fb3_codes_have(&list[k].when, FB3_CODE_OTHER))
            continue;
        for (size_t w = 0; w < FB3_COUNT(i->when.bits); w++)
            list[k].when.bits[w] |= i->when.bits[w];
        list[k].effect = fmin(list[k].effect, i->effect);
        list[k].applies += i->applies;
        list[k].violated += i->violated;
        return;
    }
    list[(*n)++] = *i;
}

/* A value of a number for every value of another one is a function, which implications are no way to say:
 * what is left of more than MOST_FUNCTION is said of 0 and 1. */
static void drop_function(const view *v, fb3_implication *list, size_t first, size_t *n) {
    if (v->when->of_category != NULL || v->claim->of_category != NULL || *n - first <= MOST_FUNCTION)
        return;
    size_t kept = first;
    for (size_t k = first; k < *n; k++) {
        bool special = false;
        for (size_t w = 0; w < v->when->n_codes; w++)
            special =
                special || (fb3_codes_have(&list[k].when, w) &&
                            (w < FB3_CODE_VALUES || v->when->values[w] == 0.0 || v->when->values[w] == 1.0));
        if (special)
            list[kept++] = list[k];
    }
    *n = kept;
}

/* All claims of a view behind list[n]; room for FB3_MOST_CODES + 1 more. */
static void find_claims(const view *v, fb3_implication *list, size_t *n) {
    size_t first = *n;
    fb3_implication i;
    fb3_codes present = {{0}};
    for (size_t w = FB3_CODE_OTHER; w < v->when->n_codes; w++)
        fb3_codes_add(&present, w);
    if (v->when_rows[FB3_CODE_MISSING] > 0 && find_claim(v, &present, &i))
        list[(*n)++] = i;
    for (size_t w = 0; w < v->when->n_codes; w++) {
        fb3_codes one = {{0}};
        fb3_codes_add(&one, w);
        if (is_condition(v, w) && find_claim(v, &one, &i))
            merge(list, first, n, &i);
    }
    drop_function(v, list, first, n);
}

/* ---- what adds to what ------------------------------------------------------------------------- */

static size_t claim_size(const fb3_implication *i) {
    size_t n = 0;
    for (size_t w = 0; w < FB3_COUNT(i->claim.bits); w++)
        n += (size_t)__builtin_popcountll(i->claim.bits[w]);
    return n;
}

/* Claims without a violation first; of one value; of many rows and a large effect. */
static int compare_claims(const void *x, const void *y) {
    const fb3_implication *a = x, *b = y;
    const double keys[][2] = {{a->violated > 0, b->violated > 0},
                              {claim_size(a) > 1, claim_size(b) > 1},
                              {-a->effect * (double)a->applies, -b->effect * (double)b->applies},
                              {(double)a->x, (double)b->x}};
    for (size_t i = 0; i < FB3_COUNT(keys); i++)
        if (keys[i][0] != keys[i][1])
            return keys[i][0] < keys[i][1] ? -1 : 1;
    return fb3_codes_compare(&a->when, &b->when);
}

/* Marks the cells of a crossing that a claim forbids; the share of rows, were the columns independent, in
 * those that no earlier one did, of the rows that the claim applies to. */
static double forbid(const view *v, const fb3_implication *i, bool *forbidden, bool mark) {
    double share = 0.0, applies = 0.0;
    for (size_t w = 0; w < v->when->n_codes; w++) {
        if (!fb3_codes_have(&i->when, w))
            continue;
        applies += (double)v->when_rows[w];
        for (size_t c = 0; c < v->claim->n_codes; c++) {
            bool *cell = &forbidden[v->turned ? c * FB3_MOST_CODES + w : w * FB3_MOST_CODES + c];
            if (fb3_codes_have(&i->claim, c) || *cell)
                continue;
            *cell = mark;
            share += (double)v->when_rows[w] * (double)v->claim_rows[c] / (double)v->rows;
        }
    }
    return applies > 0.0 ? share / applies : 0.0;
}

bool fb3_crossing_claims(const fb3_crossing *crossing, fb3_buffer *list) {
    enum { MOST_CLAIMS = 2 * (FB3_MOST_CODES + 2) };
    flowbd3_context *context = list->context;
    fb3_implication *claims = fb3_allocate(context, MOST_CLAIMS, sizeof *claims);
    bool *forbidden = fb3_allocate_zero(context, FB3_MOST_CODES, FB3_MOST_CODES);
    bool whole = claims != NULL && forbidden != NULL;
    if (whole) {
        view views[2] = {view_of(crossing, false), view_of(crossing, true)};
        size_t n = 0;
        find_claims(&views[0], claims, &n);
        find_claims(&views[1], claims, &n);
        qsort(claims, n, sizeof *claims, compare_claims);
        for (size_t i = 0; i < n && whole; i++) {
            const view *v = &views[claims[i].x != crossing->x];
            if (forbid(v, &claims[i], forbidden, false) < LEAST_EFFECT)
                continue;
            if (claims[i].violated == 0)
                (void)forbid(v, &claims[i], forbidden, true);
            whole = fb3_buffer_append(list, &claims[i], sizeof *claims);
        }
    }
    fb3_release(context, claims);
    fb3_release(context, forbidden);
    return whole;
}
