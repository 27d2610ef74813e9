/* Features of the tokens of an ordered slot: smooth functions of a token's rank and of its value, fine and
 * coarse. A table built on them (lib/model/tables.c) gives near values near embeddings and near logits. */
#include "model/model.h"
#include "tokenizer/tokenizer.h"

#include <math.h>

/* Columns: rank and value, their squares, and waves of rank and of value in octaves. */
enum { RANK_WAVES = 6, VALUE_WAVES = 8, SMOOTH = 4 };
_Static_assert(SMOOTH + 2 * RANK_WAVES + 2 * VALUE_WAVES == FB3_FEATURES, "the columns fill the features");

static const double pi = 3.14159265358979323846;

/* A scale below which values count as small: the 5 % quantile of the magnitudes that are not zero. */
static double small_magnitude(const double *centres, const uint64_t *counts, size_t values) {
    double total = 0.0, least = 0.0, seen = 0.0;
    for (size_t i = 0; i < values; i++)
        total += centres[i] != 0.0 ? (double)counts[i] : 0.0;
    for (;;) { /* magnitudes in ascending order; the tokens are few */
        double next = INFINITY, count = 0.0;
        for (size_t i = 0; i < values; i++) {
            double magnitude = fabs(centres[i]);
            if (magnitude > least && magnitude < next)
                next = magnitude;
        }
        if (!isfinite(next))
            return least > 0.0 ? least : 1.0;
        for (size_t i = 0; i < values; i++)
            count += fabs(centres[i]) == next ? (double)counts[i] : 0.0;
        least = next;
        seen += count;
        if (seen >= 0.05 * total)
            return least;
    }
}

/* Values on a scale that is linear near zero and logarithmic beyond, with mean 0 and deviation 1 over the
 * table. */
static void standardise(double *values, const uint64_t *counts, size_t count, double scale) {
    double total = 0.0, mean = 0.0, variance = 0.0;
    for (size_t i = 0; i < count; i++) {
        values[i] = asinh(values[i] / scale);
        total += (double)counts[i];
        mean += (double)counts[i] * values[i];
    }
    mean /= total;
    for (size_t i = 0; i < count; i++)
        variance += (double)counts[i] * (values[i] - mean) * (values[i] - mean);
    double deviation = sqrt(variance / total);
    for (size_t i = 0; i < count; i++)
        values[i] = deviation > 0.0 ? (values[i] - mean) / deviation : 0.0;
}

/* Weight of the smooth columns: logits that are a parabola in them make peaks as narrow as a bin without
 * large weights. */
static const double smooth_scale = 6.0;

static void fill(float *row, double rank, double value) {
    double r = sqrt(12.0) * (rank - 0.5);
    size_t n = 0;
    row[n++] = (float)(smooth_scale * r);
    row[n++] = (float)(smooth_scale * (r * r - 1.0));
    row[n++] = (float)(smooth_scale * value);
    row[n++] = (float)(smooth_scale * (value * value - 1.0));
    for (int wave = 0; wave < RANK_WAVES; wave++) {
        row[n++] = (float)cos(ldexp(pi, wave) * rank);
        row[n++] = (float)sin(ldexp(pi, wave) * rank);
    }
    for (int wave = 0; wave < VALUE_WAVES; wave++) {
        row[n++] = (float)cos(ldexp(0.5, wave) * value);
        row[n++] = (float)sin(ldexp(0.5, wave) * value);
    }
}

flowbd3_status fb3_token_features(float **out, const flowbd3_tokenizer *tokenizer, size_t slot,
                                  flowbd3_error *err) {
    *out = NULL;
    if (!fb3_tokenizer_is_ordered(tokenizer, slot))
        return FLOWBD3_OK;
    flowbd3_context *context = fb3_tokenizer_context(tokenizer);
    size_t vocabulary = flowbd3_tokenizer_vocabulary(tokenizer, slot);
    size_t values = vocabulary - (fb3_tokenizer_has_missing(tokenizer, slot) ? 1 : 0);
    const uint64_t *counts = fb3_tokenizer_counts(tokenizer, slot);
    double *centres = fb3_allocate(context, values, sizeof *centres);
    float *features = fb3_allocate_floats(context, (vocabulary + 1) * FB3_FEATURES);
    if (centres == NULL || features == NULL) {
        fb3_release(context, centres);
        fb3_release_floats(context, features);
        return fb3_no_memory(err, "the features of tokens");
    }
    for (size_t i = 0; i < values; i++)
        centres[i] = fb3_tokenizer_place(tokenizer, slot, i);
    standardise(centres, counts, values, small_magnitude(centres, counts, values));
    for (size_t i = 0; i < values; i++)
        fill(features + i * FB3_FEATURES, ((double)i + 0.5) / (double)values, centres[i]);
    fb3_release(context, centres);
    *out = features;
    return FLOWBD3_OK;
}
