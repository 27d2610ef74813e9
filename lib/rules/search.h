/* The search for rules, from inside: what its parts share. */
#ifndef FB3_RULES_SEARCH_H
#define FB3_RULES_SEARCH_H

#include "rules/rules.h"

#include <math.h>

/* What the sampled rows say of a column. */
typedef struct fb3_profile {
    bool numeric;
    size_t distinct; /* values, missing not counted */
    double low, high;
    double blur;  /* half a unit of the last digit of a real column with digits; 0 otherwise */
    bool derived; /* computed from others by a rule that was given or found */
} fb3_profile;

typedef struct fb3_search {
    flowbd3_context *context;
    const flowbd3_table *table;
    const flowbd3_rules *given;           /* NULL: none */
    flowbd3_rules *found;                 /* what the parts append to */
    flowbd3_rules_search_options options; /* defaults resolved */
    fb3_reporter reporter;
    double from, to; /* what share of the search the part that runs begins and ends at */
    size_t n_columns, rows;
    size_t *sample; /* [n_sample] rows in random order; all of them when there are few */
    size_t n_sample;
    double *values;        /* [n_columns, n_sample] of these rows, as fb3_search_value has them */
    fb3_profile *profiles; /* [n_columns] */
    size_t (*sources)[2];  /* [n_columns] what derived columns are computed from; SIZE_MAX: nothing (more) */
} fb3_search;

/* A cell as a number: of a categorical column the code. NaN when it is missing. */
static inline double fb3_search_value(const fb3_column *column, size_t row) {
    if (fb3_is_missing(column, row))
        return (double)NAN;
    if (column->type == FLOWBD3_TYPE_REAL)
        return column->real[row];
    return fb3_has_integers(column->type) ? (double)column->integer[row] : (double)column->codes[row];
}

static inline const double *fb3_search_values(const fb3_search *search, size_t column) {
    return search->values + column * search->n_sample;
}

/* A parallel loop with progress: from search->from to search->to. False: cancelled. (search.c) */
bool fb3_search_run(fb3_search *search, size_t count, fb3_task task, void *argument);

/* Rows in pieces of so many, for loops over a whole table. */
enum { FB3_SEARCH_PIECE = 16384 };
static inline size_t fb3_search_pieces(const fb3_search *search) {
    return (search->rows + FB3_SEARCH_PIECE - 1) / FB3_SEARCH_PIECE;
}

/* Column of that name; SIZE_MAX: none, or name is NULL. (search.c) */
size_t fb3_search_column(const fb3_search *search, const char *name);

/* Whether the user forbids rules that speak of these columns and maybe of others. (search.c) */
bool fb3_search_forbids(const fb3_search *search, const size_t *columns, size_t count);

/* The error of a search that was cancelled. (search.c) */
flowbd3_status fb3_search_cancelled(flowbd3_error *err);

/* The parts. (search_derived.c, search_bounds.c, search_implications.c) */
flowbd3_status fb3_search_derived(fb3_search *search, flowbd3_error *err);
flowbd3_status fb3_search_bounds(fb3_search *search, flowbd3_error *err);
flowbd3_status fb3_search_implications(fb3_search *search, flowbd3_error *err);

/* ---- numbers that are short (search_fit.c) ----------------------------------------------------- */

/* The number in [low, high] that is shortest to write, as a decimal or as 1/n; low <= high, finite.
 * *length, or NULL: its significand as an integer (of 1/n twice n's), less for shorter numbers. */
double fb3_shortest_between(double low, double high, double *length);

/* ---- derived columns fitted to rows (search_fit.c) --------------------------------------------- */

/* What is fitted: the scale of a claim without offset, or the offset of one whose scale is known. */
typedef enum fb3_unknown { FB3_UNKNOWN_SCALE, FB3_UNKNOWN_OFFSET } fb3_unknown;

typedef struct fb3_fit {
    size_t column, a, b; /* b SIZE_MAX: none */
    fb3_operation operation;
    fb3_unknown unknown;
    double scale, offset;
    double length; /* of the unknown, once it is shortened */
    bool truncated, otherwise_missing;
    double otherwise;
    uint64_t applies, obey; /* rows */
    uint64_t exact;         /* rows of which the claim prints just the cell */
    uint64_t otherwise_rows;
} fb3_fit;

/* The numbers that a fit has to do with: blur of the target and the sources, and 10^digits of the target, 0
 * when it has no certain number of digits. */
typedef struct fb3_fit_scales {
    double blur_c, blur_a, blur_b, power;
} fb3_fit_scales;
fb3_fit_scales fb3_fit_scales_of(const fb3_search *search, const fb3_fit *fit);

/* What a row (target c, sources a, b) leaves of the unknown. False: it says nothing about it. */
typedef enum fb3_rounding { FB3_ROUNDED, FB3_TRUNCATED, FB3_EITHER } fb3_rounding;
bool fb3_fit_range(const fb3_fit *fit, const fb3_fit_scales *scales, fb3_rounding rounding, double c,
                   double a, double b, fb3_interval *range);

/* Whether a fit predicts c of a and b, otherwise rows apart. */
bool fb3_fit_predicts(const fb3_fit *fit, const fb3_fit_scales *scales, double c, double a, double b);

/* Fits the unknown, within range, and the rest of the claim to the sampled rows, and counts them. */
void fb3_fit_sample(const fb3_search *search, fb3_fit *fit, fb3_interval range);

/* Whether as many rows obey as have to for a rule to be reported. */
static inline bool fb3_fit_holds(const fb3_search *search, const fb3_fit *fit) {
    return (double)fit->obey >= search->options.min_share * (double)fit->applies;
}

/* Rows with sources of which the claim does not print just the cell. */
static inline uint64_t fb3_fit_inexact(const fb3_fit *fit) {
    return fit->applies - fit->otherwise_rows - fit->exact;
}

static inline bool fb3_fit_is_exact(const fb3_fit *fit) {
    return 1000 * fb3_fit_inexact(fit) <= fit->applies - fit->otherwise_rows;
}

/* Fits it again to all rows and counts these. False: cancelled or, with *no_memory, that. */
bool fb3_fit_table(fb3_search *search, fb3_fit *fit, bool *no_memory);

/* ---- derived columns chosen (search_choose.c) -------------------------------------------------- */

/* Which of two fits is the better one: below 0 x, above 0 y. Fits that all rows obey first, then those that
 * print the very cells; of real columns rather than of counts; from one source, from counts; with whole,
 * short numbers; of the column of more values, and of the later one. */
int fb3_fit_compare(const fb3_search *search, const fb3_fit *x, const fb3_fit *y);

/* Makes rules of the best fits, so that no column is computed twice or, through others, from itself; when
 * `certain` only of those that all rows obey and that print the very cells. Sorts fits. */
flowbd3_status fb3_fit_choose(fb3_search *search, fb3_fit *fits, size_t n_fits, bool certain,
                              flowbd3_error *err);

/* Whether a column is computed from another one, through others or directly; every one is from itself. */
bool fb3_search_depends(const fb3_search *search, size_t column, size_t on);

/* ---- order and bounds chosen (search_order.c) -------------------------------------------------- */

/* factor * a <= b of two numeric columns. */
typedef struct fb3_edge {
    size_t a, b;
    double factor;
    bool narrow; /* asserted for the ratio's narrow range, not for rows that attain it */
    bool given;  /* by the user, or by a sum */
    uint64_t applies, violated, attained;
    double lowest; /* b / a of rows with a > 0 */
} fb3_edge;

/* Makes rules of the edges that do not follow from two others, or from a greater factor of the same columns.
 */
flowbd3_status fb3_edges_choose(fb3_search *search, const fb3_edge *edges, size_t n_edges,
                                flowbd3_error *err);

/* ---- implications (search_implications.c, search_claims.c, search_imply.c) --------------------- */

/* Cells of a column in few codes: missing, a value of no code of its own, values. */
enum { FB3_CODE_MISSING, FB3_CODE_OTHER, FB3_CODE_VALUES, FB3_MOST_CODES = 256 };
typedef struct fb3_coding {
    size_t column;
    size_t n_codes;
    double values[FB3_MOST_CODES]; /* [n_codes] ascending from FB3_CODE_VALUES on; of categories the codes */
    uint8_t *of_category;          /* [categories] of a categorical column */
    bool whole;                    /* a categorical column of which every category has a code */
    uint8_t stretches[FB3_MOST_CODES]; /* of 64 of equal length in the table, in which a code is */
    bool conditional;                  /* a condition may be any value, not only missing, 0 and 1 */
} fb3_coding;

/* Codes as bits. */
typedef struct fb3_codes {
    uint64_t bits[FB3_MOST_CODES / 64];
} fb3_codes;

static inline bool fb3_codes_have(const fb3_codes *codes, size_t code) {
    return (codes->bits[code / 64] >> code % 64 & 1) != 0;
}

static inline void fb3_codes_add(fb3_codes *codes, size_t code) {
    codes->bits[code / 64] |= UINT64_C(1) << code % 64;
}

/* Any order, in which only equal sets are equal. */
static inline int fb3_codes_compare(const fb3_codes *x, const fb3_codes *y) {
    for (size_t w = 0; w < FB3_COUNT(x->bits); w++)
        if (x->bits[w] != y->bits[w])
            return x->bits[w] < y->bits[w] ? -1 : 1;
    return 0;
}

/* Where column x has a code of `when`, y has one of `claim`. */
typedef struct fb3_implication {
    size_t x, y; /* codings */
    fb3_codes when, claim;
    uint64_t applies, violated;
    double effect; /* share of the rows that it applies to which violated it, were y independent of x */
} fb3_implication;

/* Rows by codes of two columns: counts[x->n_codes, y->n_codes]. */
typedef struct fb3_crossing {
    size_t x, y; /* codings */
    const fb3_coding *coding_x, *coding_y;
    const uint64_t *counts;
    double min_share;
    uint64_t min_rows;
    double min_expected; /* violations of a claim, were the columns independent */
} fb3_crossing;

/* Appends to list what the rows of a crossing obey, either way round. False: no memory. (search_claims.c) */
bool fb3_crossing_claims(const fb3_crossing *crossing, fb3_buffer *list);

/* Makes rules of implications that do not follow from others. (search_imply.c) */
flowbd3_status fb3_implications_choose(fb3_search *search, const fb3_coding *codings, size_t n_codings,
                                       fb3_implication *implications, size_t n, flowbd3_error *err);

#endif
