/* What the sources that read and write the JSON of rules share. */
#ifndef FB3_RULES_JSON_INTERNAL_H
#define FB3_RULES_JSON_INTERNAL_H

#include "base/json.h"
#include "rules/rules.h"

/* ---- values (json_test.c) ---------------------------------------------------------------------- */

/* A finite number. */
bool fb3_rules_json_number(const json_t *value, double *number);

/* A number as an integer where it is one; NULL: no memory. */
json_t *fb3_rules_json_of_number(double number);

/* A member of an object that is not one of known[n_known], or NULL. */
const char *fb3_rules_json_stranger(const json_t *object, const char *const *known, size_t n_known);

/* A test as it stands in a file; NULL: no memory. */
json_t *fb3_test_to_json_value(const fb3_test *test);

/* "copy", "sum", ... (json_read.c) */
const char *fb3_operation_name(fb3_operation operation);

/* ---- contradictions (conflict.c) --------------------------------------------------------------- */

/* Rules that are certain and say under equal conditions what cannot both hold are an error, FORMAT, that
 * names both. */
flowbd3_status fb3_rules_check_conflicts(const flowbd3_rules *rules, flowbd3_error *err);

#endif
