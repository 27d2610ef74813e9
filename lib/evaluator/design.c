/* Features of rows for linear models. Of a number: its standard score, the square of that, its rank, and ten
 * bins of equally many numbers, so that one weight each can follow any distribution; of a category: one for
 * each of the most frequent ones. docs/metrics.md has the whole definition. */
#include "classifier.h"

enum {
    SCORE,
    SQUARE,
    RANK,
    FIRST_BIN,
    BINS = 10,
    MISSING_NUMBER = FIRST_BIN + BINS,
    NUMBER_FEATURES,
    NUMBER_ENTRIES = 4
};

/* Categories with a feature each; the rarer ones share one, and missing cells have one. */
enum { CATEGORIES = 20 };

/* Standard scores are cut there: what is farther out is said by ranks. */
static const double farthest = 5.0;

typedef struct entries {
    uint32_t *feature; /* those of a row's column */
    double *value;
} entries;

static entries entries_of(const fb3_design *design, size_t row, size_t entry) {
    return (entries){design->feature + row * design->per_row + entry,
                     design->value + row * design->per_row + entry};
}

/* Halves, so that differences of the largest numbers are none too large. */
static double standard_score(double x, fb3_moments moments) {
    double score = (0.5 * x - 0.5 * moments.mean) / (0.5 * moments.deviation);
    return !isfinite(score) ? 0.0 : score < -farthest ? -farthest : score > farthest ? farthest : score;
}

static void put_number(entries to, size_t base, double x, double rank, fb3_moments moments) {
    double score = isnan(x) ? 0.0 : standard_score(x, moments);
    size_t bin = isnan(x) ? MISSING_NUMBER : FIRST_BIN + (size_t)fmin(BINS * rank, BINS - 1);
    to.feature[0] = (uint32_t)(base + SCORE);
    to.value[0] = score;
    to.feature[1] = (uint32_t)(base + SQUARE);
    to.value[1] = score * score;
    to.feature[2] = (uint32_t)(base + RANK);
    to.value[2] = isnan(x) ? 0.0 : sqrt(3.0) * (2.0 * rank - 1.0);
    to.feature[3] = (uint32_t)(base + bin);
    to.value[3] = 1.0;
}

/* Moments of the numbers of a column, summed up in ascending order. */
static bool moments_of(fb3_moments *moments, flowbd3_context *context, const double *cells, size_t rows) {
    double *sorted = fb3_allocate(context, rows, sizeof *sorted);
    uint32_t *order = fb3_allocate(context, rows, sizeof *order);
    size_t present = 0;
    bool whole =
        sorted != NULL && order != NULL && fb3_sort_cells(context, cells, rows, sorted, order, &present);
    if (whole)
        *moments = fb3_moments_of(sorted, present);
    fb3_release(context, sorted);
    fb3_release(context, order);
    return whole;
}

static bool put_numbers(fb3_design *design, flowbd3_context *context, const fb3_pooled *pooled, size_t column,
                        size_t entry, size_t base) {
    const double *cells = pooled->cells + column * pooled->rows,
                 *ranks = pooled->ranks + column * pooled->rows;
    fb3_moments moments;
    if (!moments_of(&moments, context, cells, pooled->rows))
        return false;
    for (size_t i = 0; i < pooled->rows; i++)
        put_number(entries_of(design, i, entry), base, cells[i], ranks[i], moments);
    return true;
}

static void put_categories(fb3_design *design, const fb3_pooled *pooled, size_t column, size_t entry,
                           size_t base) {
    const double *ranks = pooled->ranks + column * pooled->rows;
    for (size_t i = 0; i < pooled->rows; i++) {
        size_t place = isnan(ranks[i]) ? CATEGORIES + 1 : (size_t)fmin(ranks[i], CATEGORIES);
        entries to = entries_of(design, i, entry);
        to.feature[0] = (uint32_t)(base + place);
        to.value[0] = 1.0;
    }
}

static void measure(fb3_design *design, const fb3_features *features, size_t skip) {
    for (size_t c = 0; c < features->count; c++) {
        if (c == skip)
            continue;
        design->per_row += features->list[c].numeric ? NUMBER_ENTRIES : 1;
        design->width += features->list[c].numeric ? NUMBER_FEATURES : CATEGORIES + 2;
    }
    design->per_row++;
    design->width++;
}

bool fb3_design_create(fb3_design *design, flowbd3_context *context, const fb3_pooled *pooled, size_t skip) {
    const fb3_features *features = pooled->features;
    *design = (fb3_design){.rows = pooled->rows};
    measure(design, features, skip);
    if (design->rows <= SIZE_MAX / design->per_row) {
        design->feature = fb3_allocate(context, design->rows * design->per_row, sizeof *design->feature);
        design->value = fb3_allocate(context, design->rows * design->per_row, sizeof *design->value);
    }
    bool whole = design->feature != NULL && design->value != NULL;
    size_t entry = 0, base = 0;
    for (size_t c = 0; whole && c < features->count; c++) {
        if (c == skip)
            continue;
        if (features->list[c].numeric)
            whole = put_numbers(design, context, pooled, c, entry, base);
        else
            put_categories(design, pooled, c, entry, base);
        entry += features->list[c].numeric ? NUMBER_ENTRIES : 1;
        base += features->list[c].numeric ? NUMBER_FEATURES : CATEGORIES + 2;
    }
    for (size_t i = 0; whole && i < design->rows; i++) {
        entries to = entries_of(design, i, entry);
        to.feature[0] = (uint32_t)base;
        to.value[0] = 1.0;
    }
    if (!whole)
        fb3_design_destroy(design, context);
    return whole;
}

void fb3_design_destroy(fb3_design *design, flowbd3_context *context) {
    fb3_release(context, design->feature);
    fb3_release(context, design->value);
    *design = (fb3_design){0};
}
