/* The report's pairs of columns: those whose two-dimensional histograms differ most come first. */
#include "evaluator.h"

#include <jansson.h>
#include <stdlib.h>

enum { MOST_PAIRS = 200 };

typedef struct ranked_pair {
    double tvd;
    size_t first, second; /* columns */
} ranked_pair;

static int compare_pairs(const void *a, const void *b) {
    const ranked_pair *x = a, *y = b;
    if (x->tvd != y->tvd)
        return x->tvd > y->tvd ? -1 : 1;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return x->second < y->second ? -1 : 1;
}

static ranked_pair *rank_pairs(flowbd3_context *context, const double *tvd, size_t n) {
    ranked_pair *pairs = fb3_allocate(context, n * (n - 1) / 2, sizeof *pairs);
    size_t count = 0;
    for (size_t i = 0; pairs != NULL && i < n; i++)
        for (size_t j = i + 1; j < n; j++)
            pairs[count++] = (ranked_pair){tvd[i * n + j], i, j};
    if (pairs != NULL)
        qsort(pairs, count, sizeof *pairs, compare_pairs);
    return pairs;
}

static json_t *number(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *pair_object(const fb3_results *results, const ranked_pair *pair) {
    const fb3_features *features = results->features;
    const fb3_matrices *matrices = &results->comparison->matrices;
    size_t at = pair->first * features->count + pair->second;
    json_t *object = json_object(), *columns = json_array();
    int failed = object == NULL || columns == NULL ||
                 json_array_append_new(columns, json_string(features->list[pair->first].name)) ||
                 json_array_append_new(columns, json_string(features->list[pair->second].name)) ||
                 json_object_set(object, "columns", columns) ||
                 json_object_set_new(object, "tvd", number(matrices->pair_tvd[at]));
    if (!failed && results->floor != NULL)
        failed = json_object_set_new(object, "floor_tvd", number(results->floor->matrices.pair_tvd[at]));
    failed = failed || json_object_set_new(object, "nmi_real", number(matrices->nmi[0][at])) ||
             json_object_set_new(object, "nmi_generated", number(matrices->nmi[1][at])) ||
             json_object_set_new(object, "association_real", number(matrices->association[0][at])) ||
             json_object_set_new(object, "association_generated", number(matrices->association[1][at]));
    json_decref(columns);
    if (failed) {
        json_decref(object);
        return NULL;
    }
    return object;
}

json_t *fb3_report_pairs(flowbd3_context *context, const fb3_results *results) {
    const double *distances = results->comparison->matrices.pair_tvd;
    if (distances == NULL)
        return json_array();
    size_t n = results->features->count, count = n * (n - 1) / 2;
    ranked_pair *pairs = rank_pairs(context, distances, n);
    json_t *list = pairs != NULL ? json_array() : NULL;
    for (size_t p = 0; list != NULL && p < count && p < MOST_PAIRS; p++)
        if (json_array_append_new(list, pair_object(results, &pairs[p])) != 0) {
            json_decref(list);
            list = NULL;
        }
    fb3_release(context, pairs);
    return list;
}
