/* Rules: what the rows of a table obey. Written by a user, known for usual columns of flows, or found in a
 * table; checked by an evaluator, kept by a tokenizer, enforced by a sampler. */
#ifndef FLOWBD3_RULES_H
#define FLOWBD3_RULES_H

#include <flowbd3/table.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A list of rules. Immutable once created. Thread-safety: may be shared by any number of threads. */
typedef struct flowbd3_rules flowbd3_rules;

/* Reads rules from JSON text (format: docs/rules.md), or from a file of it. The caller owns *out.
 * Errors: IO, FORMAT (names the rule and the member), VERSION, MEMORY. */
FLOWBD3_API flowbd3_status flowbd3_rules_from_json(flowbd3_rules **out, flowbd3_context *context,
                                                   const char *json, size_t size, flowbd3_error *err);
FLOWBD3_API flowbd3_status flowbd3_rules_load(flowbd3_rules **out, flowbd3_context *context, const char *path,
                                              flowbd3_error *err);

/* JSON text that reads back equal, NUL-terminated, to be given back with flowbd3_string_destroy; and a file
 * of it. */
FLOWBD3_API flowbd3_status flowbd3_rules_to_json(const flowbd3_rules *rules, char **json, flowbd3_error *err);
FLOWBD3_API flowbd3_status flowbd3_rules_save(const flowbd3_rules *rules, const char *path,
                                              flowbd3_error *err);

/* The rules of network flows that apply to the columns of a table, recognised by the names that NetFlow,
 * Argus, Zeek, CICFlowMeter and nfdump give them (docs/rules.md lists them); none when it has no such column.
 * The caller owns *out. Errors: ARGUMENT, MEMORY. */
FLOWBD3_API flowbd3_status flowbd3_rules_default(flowbd3_rules **out, const flowbd3_table *table,
                                                 flowbd3_error *err);

typedef struct flowbd3_rules_search_options {
    size_t struct_size;
    double min_share;  /* of the rows that a rule applies to, how many must obey for it to be reported; in
                          (0.5, 1]; default 0 = 0.99. Only rules that all rows obey are ever enforced */
    uint64_t min_rows; /* rows that a rule must apply to; default 0 = 30, or 1 in 1000 rows if that is more */
    uint64_t seed;     /* which rows of a large table are looked at first */
    flowbd3_progress_function progress;
    void *progress_user;
} flowbd3_rules_search_options;

#define FLOWBD3_RULES_SEARCH_OPTIONS_INIT \
    { sizeof(flowbd3_rules_search_options), 0.0, 0, 0, NULL, NULL }

FLOWBD3_API flowbd3_status flowbd3_rules_search_options_init(flowbd3_rules_search_options *options,
                                                             size_t size);

/* Finds rules in a table: derived columns, implications, order and bounds; each with the share of rows that
 * obey it. given, or NULL, holds rules of the user, which come first in *out with their shares counted, and
 * what it forbids is left out. options may be NULL. The caller owns *out.
 * Errors: ARGUMENT (no rows), SCHEMA (a given rule names a column that is not there), RANGE, CANCELLED,
 * MEMORY. */
FLOWBD3_API flowbd3_status flowbd3_rules_search(flowbd3_rules **out, const flowbd3_table *table,
                                                const flowbd3_rules *given,
                                                const flowbd3_rules_search_options *options,
                                                flowbd3_error *err);
FLOWBD3_API void flowbd3_rules_destroy(flowbd3_rules **rules);

/* Rules by number 0 <= i < count: the name, and the rule as one line of text such as
 * "SrcBytes <= TotBytes" or "Proto in {icmp}: Sport missing". NULL when out of range. Both live as long as
 * the rules. */
FLOWBD3_API size_t flowbd3_rules_count(const flowbd3_rules *rules);
FLOWBD3_API const char *flowbd3_rules_name(const flowbd3_rules *rules, size_t i);
FLOWBD3_API const char *flowbd3_rules_text(const flowbd3_rules *rules, size_t i);

/* How the rows of a table stand to a rule. */
typedef struct flowbd3_rule_result {
    uint64_t applies;  /* rows that the rule says something about */
    uint64_t violated; /* of them */
    uint64_t first;    /* number of the first row that violates it; UINT64_MAX: none does */
} flowbd3_rule_result;

/* Checks every row against every rule. results[flowbd3_rules_count]; *any, or NULL, takes the rows that
 * violate one rule or more. Errors: ARGUMENT, SCHEMA (a column that is not there or of another kind, named
 * with the rule), MEMORY. */
FLOWBD3_API flowbd3_status flowbd3_rules_check(const flowbd3_rules *rules, const flowbd3_table *table,
                                               flowbd3_rule_result *results, uint64_t *any,
                                               flowbd3_error *err);

#ifdef __cplusplus
}
#endif

#endif
