/* Whether two tables hold the same: names, types, cells by value, categories by text. */
#ifndef COMPARE_TABLES_H
#define COMPARE_TABLES_H

#include <flowbd3/table.h>

#include <stdbool.h>
#include <string.h>

static inline const char *text_of(const flowbd3_table *t, size_t row, size_t column) {
    int32_t code = flowbd3_table_codes(t, column)[row];
    return code < 0 ? "" : flowbd3_table_category(t, column, (size_t)code);
}

static inline bool same_cell(const flowbd3_table *a, const flowbd3_table *b, size_t row, size_t column) {
    const uint8_t *there_a = flowbd3_table_valid(a, column), *there_b = flowbd3_table_valid(b, column);
    bool missing_a = there_a != NULL && !there_a[row], missing_b = there_b != NULL && !there_b[row];
    if (missing_a || missing_b)
        return missing_a && missing_b;
    if (flowbd3_table_type(a, column) == FLOWBD3_TYPE_REAL)
        return flowbd3_table_real(a, column)[row] == flowbd3_table_real(b, column)[row];
    if (flowbd3_table_integer(a, column) != NULL)
        return flowbd3_table_integer(a, column)[row] == flowbd3_table_integer(b, column)[row];
    return strcmp(text_of(a, row, column), text_of(b, row, column)) == 0;
}

static inline bool same_tables(const flowbd3_table *a, const flowbd3_table *b) {
    if (flowbd3_table_rows(a) != flowbd3_table_rows(b) ||
        flowbd3_table_columns(a) != flowbd3_table_columns(b))
        return false;
    for (size_t column = 0; column < flowbd3_table_columns(a); column++) {
        if (strcmp(flowbd3_table_name(a, column), flowbd3_table_name(b, column)) != 0 ||
            flowbd3_table_type(a, column) != flowbd3_table_type(b, column))
            return false;
        for (size_t row = 0; row < flowbd3_table_rows(a); row++)
            if (!same_cell(a, b, row, column))
                return false;
    }
    return true;
}

#endif
