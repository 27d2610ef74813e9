#include "plots_values.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

bool values_of_column(values *v, const flowbd3_table *table, size_t column) {
    v->rows = flowbd3_table_rows(table);
    v->count = 0;
    v->sorted = malloc((v->rows + 1) * sizeof *v->sorted);
    if (v->sorted == NULL)
        return false;
    for (size_t i = 0; i < v->rows; i++) {
        double x = flowbd3_table_number(table, i, column);
        if (isfinite(x))
            v->sorted[v->count++] = x;
    }
    qsort(v->sorted, v->count, sizeof *v->sorted, compare);
    return true;
}

void values_destroy(values *v) {
    free(v->sorted);
    *v = (values){0};
}

double values_quantile(const values *v, double p) {
    if (v->count == 0)
        return NAN;
    double place = p * (double)(v->count - 1);
    size_t below = (size_t)place;
    size_t above = below + 1 < v->count ? below + 1 : below;
    return v->sorted[below] + (place - (double)below) * (v->sorted[above] - v->sorted[below]);
}

bool values_heavy_tailed(const values *v) {
    if (v->count < 8)
        return false;
    double middle = values_quantile(v, 0.5);
    double half = values_quantile(v, 0.75) - values_quantile(v, 0.25);
    double reach = fmax(v->sorted[v->count - 1] - middle, middle - v->sorted[0]);
    return reach > 0.0 && reach > 15.0 * half;
}

bool column_is_numeric(const flowbd3_table *table, size_t column) {
    flowbd3_type type = flowbd3_table_type(table, column);
    return type == FLOWBD3_TYPE_REAL || type == FLOWBD3_TYPE_INTEGER || type == FLOWBD3_TYPE_TIMESTAMP;
}

int matching_column(size_t *out, const flowbd3_table *real, size_t column, const flowbd3_table *generated,
                    const char *path, char message[256]) {
    const char *name = flowbd3_table_name(real, column);
    int64_t found = flowbd3_table_find(generated, name);
    if (found < 0) {
        snprintf(message, 256, "%s: the generated table has no column '%s'", path, name);
        return -1;
    }
    *out = (size_t)found;
    if (column_is_numeric(real, column) == column_is_numeric(generated, *out))
        return 0;
    snprintf(message, 256, "%s: column '%s' holds numbers in one table and categories in the other", path,
             name);
    return -1;
}

static bool varies(const flowbd3_table *table, size_t column) {
    values v;
    if (!column_is_numeric(table, column) || !values_of_column(&v, table, column))
        return false;
    bool result = v.count > 1 && v.sorted[0] < v.sorted[v.count - 1];
    values_destroy(&v);
    return result;
}

size_t count_varying_columns(const flowbd3_table *real) {
    size_t count = 0;
    for (size_t c = 0; c < flowbd3_table_columns(real); c++)
        count += varies(real, c);
    return count;
}
