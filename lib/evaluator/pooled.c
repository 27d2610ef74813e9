/* Rows of two tables put together for a classifier: their choice, order, folds and ranks. */
#include "classifier.h"

#include <stdlib.h>

/* Steps of the random choices. */
enum { CHOICE_REAL = 1, CHOICE_OTHER = 2, CHOICE_FOLDS = 3 };

/* Identical rows that are more than this share of all, and more than FEW, are spread over the folds. */
enum { ATOM_SHARE = 100, FEW = 5 };

/* ---- order ----------------------------------------------------------------------------------------- */

typedef struct place {
    uint32_t source;
    bool other;
} place;

typedef struct tables {
    const fb3_features *features;
    const fb3_sample *real, *other;
} tables;

static double cell_of(const tables *of, place row, size_t column) {
    return (row.other ? of->other : of->real)->columns[column].values[row.source];
}

static int compare_cells(const tables *of, place a, place b) {
    for (size_t c = 0; c < of->features->count; c++) {
        double x = cell_of(of, a, c), y = cell_of(of, b, c);
        int order = isnan(x) || isnan(y) ? !isnan(x) - !isnan(y) : (x > y) - (x < y);
        if (order != 0)
            return order;
    }
    return 0;
}

static int compare_places(const void *a, const void *b, void *argument) {
    const place *x = a, *y = b;
    int order = compare_cells(argument, *x, *y);
    if (order == 0)
        order = x->other - y->other;
    return order != 0 ? order : (x->source > y->source) - (x->source < y->source);
}

static void choose(place *to, size_t n, size_t rows, bool other, uint64_t seed) {
    fb3_shuffle shuffle =
        fb3_shuffle_of(rows, seed, FB3_RANDOM_SUBSAMPLE, other ? CHOICE_OTHER : CHOICE_REAL);
    for (size_t i = 0; i < n; i++)
        to[i] = (place){(uint32_t)(n < rows ? fb3_shuffle_at(&shuffle, i) : i), other};
}

/* ---- folds ----------------------------------------------------------------------------------------- */

/* Rows that go to one fold together. */
typedef struct unit {
    size_t first, size, drawn; /* drawn: its place in a random order */
} unit;

static int compare_units(const void *a, const void *b) {
    const unit *x = a, *y = b;
    int order = (x->size < y->size) - (x->size > y->size);
    return order != 0 ? order : (x->drawn > y->drawn) - (x->drawn < y->drawn);
}

/* Identical rows, which lie side by side, or single ones of those that are many. */
static size_t find_units(unit *units, const tables *of, const place *places, size_t rows) {
    size_t most = rows / ATOM_SHARE > FEW ? rows / ATOM_SHARE : FEW, n = 0;
    for (size_t first = 0, end; first < rows; first = end) {
        end = first + 1;
        while (end < rows && compare_cells(of, places[first], places[end]) == 0)
            end++;
        size_t size = end - first <= most ? end - first : 1;
        for (size_t i = first; i < end; i += size)
            units[n++] = (unit){.first = i, .size = size};
    }
    return n;
}

/* The fold in which the unit makes the squared numbers of rows of the two tables grow least. */
static uint8_t emptiest(size_t counts[FB3_FOLDS][2], const size_t add[2]) {
    size_t best = 0;
    for (size_t f = 1; f < FB3_FOLDS; f++)
        if (counts[f][0] * add[0] + counts[f][1] * add[1] <
            counts[best][0] * add[0] + counts[best][1] * add[1])
            best = f;
    return (uint8_t)best;
}

/* Large units first, in random order among those of one size. */
static bool assign_folds(fb3_pooled *pooled, flowbd3_context *context, const tables *of, const place *places,
                         uint64_t seed) {
    unit *units = fb3_allocate(context, pooled->rows, sizeof *units);
    if (units == NULL)
        return false;
    size_t n = find_units(units, of, places, pooled->rows), counts[FB3_FOLDS][2] = {{0}};
    fb3_shuffle shuffle = fb3_shuffle_of(n, seed, FB3_RANDOM_SPLIT, CHOICE_FOLDS);
    for (size_t i = 0; i < n; i++)
        units[i].drawn = (size_t)fb3_shuffle_at(&shuffle, i);
    qsort(units, n, sizeof *units, compare_units);
    for (size_t i = 0; i < n; i++) {
        size_t first = units[i].first, end = first + units[i].size, add[2] = {0};
        for (size_t row = first; row < end; row++)
            add[places[row].other]++;
        uint8_t fold = emptiest(counts, add);
        memset(pooled->fold + first, fold, units[i].size);
        counts[fold][0] += add[0];
        counts[fold][1] += add[1];
    }
    fb3_release(context, units);
    return true;
}

/* ---- ranks ----------------------------------------------------------------------------------------- */

static bool rank_numbers(double *ranks, flowbd3_context *context, const double *cells, size_t rows) {
    double *sorted = fb3_allocate(context, rows, sizeof *sorted);
    uint32_t *order = fb3_allocate(context, rows, sizeof *order);
    size_t present = 0;
    bool whole =
        sorted != NULL && order != NULL && fb3_sort_cells(context, cells, rows, sorted, order, &present);
    for (size_t i = 0; i < rows; i++)
        ranks[i] = NAN;
    for (size_t first = 0, end; first < present; first = end) {
        end = first + 1;
        while (end < present && sorted[end] == sorted[first])
            end++;
        for (size_t i = first; i < end; i++)
            ranks[order[i]] = (double)(first + end) / (2.0 * (double)present);
    }
    fb3_release(context, sorted);
    fb3_release(context, order);
    return whole;
}

/* codes: those of the real table, then one for all others; the code after these is a missing cell. */
static bool rank_categories(double *ranks, flowbd3_context *context, const double *cells, size_t rows,
                            size_t codes) {
    fb3_frequency *list = fb3_allocate(context, codes, sizeof *list);
    double *place_of = fb3_allocate(context, codes, sizeof *place_of);
    bool whole = list != NULL && place_of != NULL;
    for (size_t code = 0; whole && code < codes; code++)
        list[code] = (fb3_frequency){0, code};
    for (size_t i = 0; whole && i < rows; i++)
        if (cells[i] < (double)codes)
            list[(size_t)cells[i]].count++;
    if (whole)
        fb3_sort_frequencies(list, codes);
    for (size_t i = 0; whole && i < codes; i++)
        place_of[list[i].code] = (double)i;
    for (size_t i = 0; whole && i < rows; i++)
        ranks[i] = cells[i] < (double)codes ? place_of[(size_t)cells[i]] : NAN;
    fb3_release(context, list);
    fb3_release(context, place_of);
    return whole;
}

/* ---- all of it ------------------------------------------------------------------------------------- */

static bool fill(fb3_pooled *pooled, flowbd3_context *context, const tables *of, const place *places) {
    for (size_t i = 0; i < pooled->rows; i++) {
        pooled->source[i] = places[i].source;
        pooled->other[i] = places[i].other;
    }
    for (size_t c = 0; c < of->features->count; c++) {
        const fb3_feature *feature = &of->features->list[c];
        double *cells = pooled->cells + c * pooled->rows, *ranks = pooled->ranks + c * pooled->rows;
        for (size_t i = 0; i < pooled->rows; i++)
            cells[i] = cell_of(of, places[i], c);
        if (feature->numeric
                ? !rank_numbers(ranks, context, cells, pooled->rows)
                : !rank_categories(ranks, context, cells, pooled->rows, feature->n_categories + 1))
            return false;
    }
    return true;
}

bool fb3_pooled_create(fb3_pooled *pooled, flowbd3_context *context, const fb3_features *features,
                       const fb3_sample *real, const fb3_sample *other, uint64_t max_rows, uint64_t seed) {
    size_t n = fb3_pooled_share(real->rows, other->rows, max_rows), rows = 2 * n;
    tables of = {features, real, other};
    *pooled = (fb3_pooled){.features = features, .rows = rows};
    place *places = fb3_allocate(context, rows, sizeof *places);
    pooled->source = fb3_allocate(context, rows, sizeof *pooled->source);
    pooled->other = fb3_allocate(context, rows, sizeof *pooled->other);
    pooled->fold = fb3_allocate(context, rows, sizeof *pooled->fold);
    if (rows <= SIZE_MAX / features->count) {
        pooled->cells = fb3_allocate(context, rows * features->count, sizeof *pooled->cells);
        pooled->ranks = fb3_allocate(context, rows * features->count, sizeof *pooled->ranks);
    }
    bool whole = places != NULL && pooled->source != NULL && pooled->other != NULL && pooled->fold != NULL &&
                 pooled->cells != NULL && pooled->ranks != NULL;
    if (whole) {
        choose(places, n, real->rows, false, seed);
        choose(places + n, n, other->rows, true, seed);
        qsort_r(places, rows, sizeof *places, compare_places, &of);
        whole = assign_folds(pooled, context, &of, places, seed) && fill(pooled, context, &of, places);
    }
    fb3_release(context, places);
    if (!whole)
        fb3_pooled_destroy(pooled, context);
    return whole;
}

void fb3_pooled_destroy(fb3_pooled *pooled, flowbd3_context *context) {
    fb3_release(context, pooled->source);
    fb3_release(context, pooled->other);
    fb3_release(context, pooled->fold);
    fb3_release(context, pooled->cells);
    fb3_release(context, pooled->ranks);
    *pooled = (fb3_pooled){0};
}
