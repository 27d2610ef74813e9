/* Rows that violate rules, as a table. */
#ifndef VIOLATIONS_H
#define VIOLATIONS_H

#include <flowbd3/flowbd3.h>

/* Writes the first generated rows that violate each rule to a CSV file, the rule in a column more. */
flowbd3_status write_violations(const char *path, const flowbd3_evaluator *evaluator,
                                const flowbd3_rules *rules, const flowbd3_table *generated,
                                const flowbd3_csv_options *options, flowbd3_error *err);

#endif
