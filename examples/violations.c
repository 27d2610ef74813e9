/* Rows that violate rules, as a table. */
#include "violations.h"

#include <stdlib.h>

static size_t count_rows(const flowbd3_evaluator *evaluator, const flowbd3_rules *rules) {
    size_t count = 0;
    for (size_t i = 0; i < flowbd3_rules_count(rules); i++) {
        size_t n;
        (void)flowbd3_evaluator_violations(evaluator, i, FLOWBD3_SAMPLE_GENERATED, &n);
        count += n;
    }
    return count;
}

flowbd3_status write_violations(const char *path, const flowbd3_evaluator *evaluator,
                                const flowbd3_rules *rules, const flowbd3_table *generated,
                                const flowbd3_csv_options *options, flowbd3_error *err) {
    size_t count = count_rows(evaluator, rules), at = 0;
    size_t *rows = calloc(count + 1, sizeof *rows);
    const char **names = calloc(count + 1, sizeof *names);
    flowbd3_table *table = NULL;
    flowbd3_status status = FLOWBD3_OK;
    if (rows == NULL || names == NULL) {
        status = FLOWBD3_ERROR_MEMORY;
        *err = (flowbd3_error){.status = status, .message = "out of memory"};
    }
    for (size_t i = 0; status == FLOWBD3_OK && i < flowbd3_rules_count(rules); i++) {
        size_t n;
        const uint64_t *violating = flowbd3_evaluator_violations(evaluator, i, FLOWBD3_SAMPLE_GENERATED, &n);
        for (size_t k = 0; k < n; k++, at++) {
            rows[at] = (size_t)violating[k];
            names[at] = flowbd3_rules_name(rules, i);
        }
    }
    if (status == FLOWBD3_OK)
        status = flowbd3_table_take(&table, generated, rows, count, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_table_add_categorical(table, "rule", names, count, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_table_write_csv(table, path, options, err);
    flowbd3_table_destroy(&table);
    free(rows);
    free(names);
    return status;
}
