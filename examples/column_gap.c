/* Where two tables differ most in a column. */
#include "column_gap.h"

#include "plots_values.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- numbers ----------------------------------------------------------------------------------- */

/* Cells of v from at on that are equal to value. */
static size_t count_equal(const values *v, size_t at, double value) {
    size_t n = at;
    while (n < v->count && v->sorted[n] == value)
        n++;
    return n - at;
}

/* A gap that one value makes by itself is told as that value's. */
static void find_gap_of_numbers(column_gap *gap, const values v[2]) {
    size_t at[2] = {0, 0};
    double largest = -1.0;
    while (at[0] < v[0].count && at[1] < v[1].count) {
        double value = fmin(v[0].sorted[at[0]], v[1].sorted[at[1]]), single[2], up_to[2];
        for (int i = 0; i < 2; i++) {
            size_t equal = count_equal(&v[i], at[i], value);
            at[i] += equal;
            single[i] = (double)equal / (double)v[i].count;
            up_to[i] = (double)at[i] / (double)v[i].count;
        }
        double distance = fabs(up_to[0] - up_to[1]);
        if (distance <= largest)
            continue;
        largest = distance;
        bool alone = fabs(single[0] - single[1]) >= 0.8 * distance;
        const double *share = alone ? single : up_to;
        *gap = (column_gap){alone, value, NULL, share[0], share[1], up_to[0] - up_to[1]};
    }
}

static bool find_in_numbers(column_gap *gap, const flowbd3_table *real, size_t column,
                            const flowbd3_table *generated, size_t other) {
    values v[2] = {{0}, {0}};
    bool good = values_of_column(&v[0], real, column) && values_of_column(&v[1], generated, other) &&
                v[0].count > 0 && v[1].count > 0;
    if (good)
        find_gap_of_numbers(gap, v);
    values_destroy(&v[0]);
    values_destroy(&v[1]);
    return good;
}

/* ---- categories -------------------------------------------------------------------------------- */

typedef struct category_count {
    const char *name; /* NULL: missing */
    size_t count[2];
} category_count;

static int compare_names(const void *a, const void *b) {
    const char *x = ((const category_count *)a)->name, *y = ((const category_count *)b)->name;
    if (x == NULL || y == NULL)
        return (x != NULL) - (y != NULL);
    return strcmp(x, y);
}

static void count_codes(category_count *counts, const flowbd3_table *table, size_t column, int which) {
    const int32_t *codes = flowbd3_table_codes(table, column);
    size_t n = flowbd3_table_categories(table, column), rows = flowbd3_table_rows(table);
    for (size_t k = 0; k < n; k++)
        counts[k].name = flowbd3_table_category(table, column, k);
    for (size_t i = 0; i < rows; i++)
        counts[codes[i] < 0 ? n : (size_t)codes[i]].count[which]++;
}

/* Equal names stand side by side. */
static void find_gap_of_categories(column_gap *gap, const category_count *counts, size_t n,
                                   const double rows[2]) {
    double largest = -1.0;
    for (size_t i = 0, end; i < n; i = end) {
        size_t sum[2] = {0, 0};
        for (end = i; end < n && compare_names(&counts[i], &counts[end]) == 0; end++)
            for (int k = 0; k < 2; k++)
                sum[k] += counts[end].count[k];
        double real = (double)sum[0] / rows[0], generated = (double)sum[1] / rows[1];
        if (fabs(real - generated) <= largest)
            continue;
        largest = fabs(real - generated);
        *gap = (column_gap){true, NAN, counts[i].name, real, generated, 0.0};
    }
}

static bool find_in_categories(column_gap *gap, const flowbd3_table *real, size_t column,
                               const flowbd3_table *generated, size_t other) {
    const double rows[2] = {(double)flowbd3_table_rows(real), (double)flowbd3_table_rows(generated)};
    size_t first = flowbd3_table_categories(real, column) + 1;
    size_t n = first + flowbd3_table_categories(generated, other) + 1;
    category_count *counts = calloc(n, sizeof *counts);
    if (counts == NULL || rows[0] == 0.0 || rows[1] == 0.0) {
        free(counts);
        return false;
    }
    count_codes(counts, real, column, 0);
    count_codes(counts + first, generated, other, 1);
    qsort(counts, n, sizeof *counts, compare_names);
    find_gap_of_categories(gap, counts, n, rows);
    free(counts);
    return true;
}

bool find_column_gap(column_gap *gap, const flowbd3_table *real, size_t column,
                     const flowbd3_table *generated) {
    int64_t other = flowbd3_table_find(generated, flowbd3_table_name(real, column));
    if (other < 0)
        return false;
    bool numeric = column_is_numeric(real, column);
    if (numeric != column_is_numeric(generated, (size_t)other))
        return false;
    return numeric ? find_in_numbers(gap, real, column, generated, (size_t)other)
                   : find_in_categories(gap, real, column, generated, (size_t)other);
}
