/* Options on which rows are generated: --given, --rules, --weighted, --weight, --attempts. */
#ifndef ROW_CONDITIONS_H
#define ROW_CONDITIONS_H

#include "command_line.h"

#include <flowbd3/flowbd3.h>

typedef struct row_conditions {
    text_list given; /* "Proto=tcp" */
    char *rules;     /* a file, "default" or NULL */
    char *weighted;
    text_list weights;       /* "VALUE=FACTOR" */
    uint64_t attempts;       /* 0: the library's default */
    flowbd3_weight *factors; /* [weights.count], owned; set by parse_row_conditions */
    text_list values;        /* that they are of */
} row_conditions;

enum { CONDITION_OPTIONS = 5 };

/* Fills options[CONDITION_OPTIONS]. */
void list_condition_options(program_option *options, row_conditions *conditions);

/* Takes the weights apart once all are there. -1, or the status to exit with. */
int parse_row_conditions(row_conditions *conditions);

/* The rules that are asked for, known ones being those for the columns of model; NULL for none. The caller
 * owns *rules. */
flowbd3_status read_row_rules(flowbd3_rules **rules, flowbd3_context *context,
                              const row_conditions *conditions, const flowbd3_model *model,
                              flowbd3_error *err);

/* Sets what the conditions say; points into them and to rules. */
void set_row_conditions(flowbd3_sampler_options *options, const row_conditions *conditions,
                        const flowbd3_rules *rules);

/* Frees what parse_row_conditions made; release_options frees the rest. */
void release_row_conditions(row_conditions *conditions);

#endif
