/* What pictures need to know of a column of numbers. */
#ifndef PLOTS_VALUES_H
#define PLOTS_VALUES_H

#include <flowbd3/table.h>

#include <stdbool.h>

typedef struct values {
    double *sorted; /* [count], ascending, without the missing ones */
    size_t count;
    size_t rows; /* missing ones included */
} values;

/* Copies and sorts a real or integer column. False when memory is out. */
bool values_of_column(values *v, const flowbd3_table *table, size_t column);
void values_destroy(values *v);

/* Linear interpolation between order statistics; NaN without values. */
double values_quantile(const values *v, double p);

/* Whether the tail is so long that a linear axis would show one bar: it reaches further than 15 times the
 * middle half is wide (an exponential distribution of a million values: 12 times). */
bool values_heavy_tailed(const values *v);

bool column_is_numeric(const flowbd3_table *table, size_t column);

/* Numeric columns with two values or more. */
size_t count_varying_columns(const flowbd3_table *table);

/* The column of generated with the name and the kind (number or category) of real's column. Returns 0, or -1
 * and a message. */
int matching_column(size_t *out, const flowbd3_table *real, size_t column, const flowbd3_table *generated,
                    const char *path, char message[256]);

#endif
