/* Golden files of the evaluator: JSON with tables and their figures. */
#ifndef GOLDEN_TABLE_H
#define GOLDEN_TABLE_H

#include <flowbd3/evaluator.h>

#include <check.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* tests/golden/evaluator/NAME.json; json_decref it. */
static inline json_t *golden_content(const char *name) {
    const char *data = getenv("FLOWBD3_TEST_DATA");
    char path[4096];
    json_error_t error;
    ck_assert_msg(data != NULL, "FLOWBD3_TEST_DATA is not set");
    snprintf(path, sizeof path, "%s/golden/evaluator/%s.json", data, name);
    json_t *content = json_load_file(path, 0, &error);
    ck_assert_msg(content != NULL, "%s: %s", path, error.text);
    return content;
}

/* column: [type, cells], null for a missing one. */
static inline void add_golden_column(flowbd3_table *table, const char *name, json_t *column) {
    const char *type = json_string_value(json_array_get(column, 0));
    json_t *cells = json_array_get(column, 1);
    size_t rows = json_array_size(cells);
    double *reals = calloc(rows, sizeof *reals);
    int64_t *integers = calloc(rows, sizeof *integers);
    uint8_t *valid = calloc(rows, 1);
    const char **texts = calloc(rows, sizeof *texts);
    for (size_t i = 0; i < rows; i++) {
        json_t *cell = json_array_get(cells, i);
        valid[i] = !json_is_null(cell);
        reals[i] = json_number_value(cell);
        integers[i] = json_integer_value(cell);
        texts[i] = json_string_value(cell);
    }
    flowbd3_status status =
        strcmp(type, "real") == 0      ? flowbd3_table_add_real(table, name, reals, valid, rows, NULL)
        : strcmp(type, "integer") == 0 ? flowbd3_table_add_integer(table, name, integers, valid, rows, NULL)
                                       : flowbd3_table_add_categorical(table, name, texts, rows, NULL);
    ck_assert_int_eq(status, FLOWBD3_OK);
    free(reals);
    free(integers);
    free(valid);
    free(texts);
}

static inline flowbd3_table *golden_table(flowbd3_context *context, json_t *columns) {
    flowbd3_table *table;
    const char *name;
    json_t *column;
    ck_assert_int_eq(flowbd3_table_create(&table, context, NULL), FLOWBD3_OK);
    json_object_foreach(columns, name, column) add_golden_column(table, name, column);
    return table;
}

static inline void assert_close(const char *name, double value, double expected) {
    double error = fabs(value - expected);
    ck_assert_msg(error <= 1e-9 * fabs(expected) + 1e-13, "%s is %.17g, expected %.17g", name, value,
                  expected);
}

static inline void assert_figures(const flowbd3_evaluator *evaluator, const char *prefix, json_t *expected) {
    const char *key;
    json_t *value;
    json_object_foreach(expected, key, value) {
        char name[256];
        snprintf(name, sizeof name, "%s%s", prefix, key);
        double figure = flowbd3_evaluator_get(evaluator, name);
        if (json_is_null(value))
            ck_assert_msg(isnan(figure), "%s is %g, expected none", name, figure);
        else
            assert_close(name, figure, json_number_value(value));
    }
}

#endif
