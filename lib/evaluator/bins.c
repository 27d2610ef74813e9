/* Bins of single columns: numbers between quantiles of the real column, categories by its most frequent. */
#include "evaluator.h"

/* ---- numbers --------------------------------------------------------------------------------------- */

static void add_cut(fb3_bins *bins, double cut) {
    if (bins->n_cuts == 0 || cut > bins->cuts[bins->n_cuts - 1])
        bins->cuts[bins->n_cuts++] = cut;
}

/* Order statistics, not interpolated, so that a value never falls on the other side of its own quantile. A
 * value that holds two quantiles uses up both of them: one cut before it and one behind it. */
void fb3_bins_cut(fb3_bins *bins, const double *sorted, size_t n, size_t most) {
    size_t count = n < most ? n : most;
    bins->n_cuts = 0;
    for (size_t k = 1; k < count; k++) {
        double quantile = sorted[k * n / count];
        bool again = k > 1 && quantile == sorted[(k - 1) * n / count];
        add_cut(bins, again ? nextafter(quantile, INFINITY) : quantile);
    }
}

void fb3_bins_count(uint64_t *counts, const fb3_bins *bins, const double *sorted, size_t n) {
    memset(counts, 0, (bins->n_cuts + 1) * sizeof *counts);
    for (size_t i = 0, bin = 0; i < n; i++) {
        while (bin < bins->n_cuts && sorted[i] >= bins->cuts[bin])
            bin++;
        counts[bin]++;
    }
}

static void code_numbers(uint8_t *codes, const fb3_bins *bins, const fb3_sample_column *column, size_t rows) {
    memset(codes, (int)bins->n_cuts + 1, rows);
    for (size_t i = 0, bin = 0; i < column->present; i++) {
        while (bin < bins->n_cuts && column->sorted[i] >= bins->cuts[bin])
            bin++;
        codes[column->order[i]] = (uint8_t)bin;
    }
}

/* ---- categories ------------------------------------------------------------------------------------ */

/* code_of[n_categories + 2] of the codes of a sample's column. */
static size_t rank_categories(uint8_t *code_of, fb3_frequency *by_frequency, const fb3_feature *feature,
                              const fb3_sample_column *real) {
    size_t there = 0, n = feature->n_categories;
    for (size_t k = 0; k < n; k++)
        if (real->counts[k] > 0)
            by_frequency[there++] = (fb3_frequency){real->counts[k], k};
    fb3_sort_frequencies(by_frequency, there);
    size_t kept = there < FB3_KEPT_CATEGORIES ? there : FB3_KEPT_CATEGORIES;
    memset(code_of, (int)kept + 1, n + 1);
    code_of[n + 1] = (uint8_t)(kept + 2);
    for (size_t i = 0; i < there; i++)
        code_of[by_frequency[i].code] = (uint8_t)(i < kept ? i : kept);
    return kept + 3;
}

static void code_categories(uint8_t *codes, const uint8_t *code_of, const fb3_sample_column *column,
                            size_t rows) {
    for (size_t i = 0; i < rows; i++)
        codes[i] = code_of[(size_t)column->values[i]];
}

/* ---- the door -------------------------------------------------------------------------------------- */

bool fb3_codes_create(fb3_codes *codes, flowbd3_context *context, const fb3_feature *feature,
                      const fb3_sample_column *real, size_t real_rows, const fb3_sample_column *other,
                      size_t other_rows) {
    *codes = (fb3_codes){0};
    codes->memory = fb3_allocate(context, real_rows + other_rows, 1);
    if (codes->memory == NULL)
        return false;
    codes->real = codes->memory;
    codes->other = codes->memory + real_rows;
    if (feature->numeric) {
        fb3_bins bins;
        fb3_bins_cut(&bins, real->sorted, real->present, FB3_PAIR_BINS);
        code_numbers(codes->memory, &bins, real, real_rows);
        code_numbers(codes->memory + real_rows, &bins, other, other_rows);
        codes->count = bins.n_cuts + 2;
        return true;
    }
    fb3_frequency *by_frequency = fb3_allocate(context, feature->n_categories, sizeof *by_frequency);
    uint8_t *code_of = fb3_allocate(context, feature->n_categories + 2, 1);
    bool whole = by_frequency != NULL && code_of != NULL;
    if (whole) {
        codes->count = rank_categories(code_of, by_frequency, feature, real);
        code_categories(codes->memory, code_of, real, real_rows);
        code_categories(codes->memory + real_rows, code_of, other, other_rows);
    }
    fb3_release(context, by_frequency);
    fb3_release(context, code_of);
    return whole;
}

void fb3_codes_release(fb3_codes *codes, flowbd3_context *context) {
    fb3_release(context, codes->memory);
    *codes = (fb3_codes){0};
}
