/* Where two tables differ most in a column. */
#ifndef COLUMN_GAP_H
#define COLUMN_GAP_H

#include <flowbd3/flowbd3.h>

#include <stdbool.h>

/* Shares are of the rows that have a cell, from 0 to 1; of categories, of all rows. */
typedef struct column_gap {
    bool single;            /* a value or a category by itself; otherwise all values up to value */
    double value;           /* of numbers */
    const char *category;   /* of categories, NULL stands for missing cells; lives as long as the tables */
    double real, generated; /* shares of the rows with that value or category, or with values up to value */
    double larger;          /* of numbers up to a value: > 0 where generated values are the larger ones */
} column_gap;

/* Finds the value where the distribution functions of a numeric column are farthest apart, or the category
 * whose shares are. False when there is none (no cell on one side), or memory is short. */
bool find_column_gap(column_gap *gap, const flowbd3_table *real, size_t column,
                     const flowbd3_table *generated);

#endif
