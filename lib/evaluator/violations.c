/* Violations of rules by the rows of a table. */
#include "evaluator.h"

static flowbd3_status count_bound(fb3_violations *violations, flowbd3_context *context,
                                  const fb3_bound *bound, const flowbd3_table *table, flowbd3_error *err) {
    uint64_t any = 0;
    violations->counts = fb3_allocate_zero(context, bound->count, sizeof *violations->counts);
    if (violations->counts == NULL)
        return fb3_no_memory(err, "the violations of rules");
    flowbd3_status status = fb3_bound_check(bound, table, violations->counts, &any, err);
    size_t rows = flowbd3_table_rows(table);
    violations->share = rows > 0 ? (double)any / (double)rows : NAN;
    if (status != FLOWBD3_OK)
        fb3_violations_release(violations, context);
    return status;
}

static flowbd3_status bind_and_count(fb3_violations *violations, flowbd3_context *context,
                                     const flowbd3_rules *rules, const flowbd3_table *table,
                                     flowbd3_error *err) {
    fb3_rule_column *columns = fb3_rule_columns_of_table(context, table);
    if (columns == NULL)
        return fb3_no_memory(err, "the columns of rules");
    fb3_bound *bound;
    flowbd3_status status =
        fb3_bound_create(&bound, context, rules, columns, flowbd3_table_columns(table), false, err);
    fb3_release(context, columns);
    if (status == FLOWBD3_OK)
        status = count_bound(violations, context, bound, table, err);
    fb3_bound_destroy(&bound);
    return status;
}

flowbd3_status fb3_violations_count(fb3_violations *violations, flowbd3_context *context,
                                    const flowbd3_rules *rules, const flowbd3_table *table, const char *role,
                                    flowbd3_error *err) {
    *violations = (fb3_violations){NULL, NAN};
    flowbd3_error inner = {0};
    flowbd3_status status =
        rules != NULL ? bind_and_count(violations, context, rules, table, &inner) : FLOWBD3_OK;
    if (status == FLOWBD3_OK)
        return FLOWBD3_OK;
    return fb3_fail_at(err, status, inner.row, inner.column, "the %s table: %s", role, inner.message);
}

void fb3_violations_release(fb3_violations *violations, flowbd3_context *context) {
    fb3_release(context, violations->counts);
    *violations = (fb3_violations){NULL, NAN};
}
