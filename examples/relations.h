/* Rules of rows: those that are asked for, and those that a tokenizer found. */
#ifndef RELATIONS_H
#define RELATIONS_H

#include <flowbd3/flowbd3.h>

#include <stdbool.h>
#include <stdio.h>

/* Reads the rules of a file, or with "default" those known for the columns of table. NULL gives none, which
 * is NULL. The caller owns *rules. */
flowbd3_status read_rules(flowbd3_rules **rules, flowbd3_context *context, const char *argument,
                          const flowbd3_table *table, flowbd3_error *err);

/* Both take the rules of a tokenizer, NULL being none, and return 0 or an exit status.
 * One line a rule: its text, the rows that obey of those it applies to, their share, with tabs between. */
int print_relations(FILE *file, const flowbd3_rules *rules, flowbd3_context *context);

/* Writes them to path, unless that is the very file that was given, and says how many there are and which
 * come first. given may be NULL; searched says whether any were searched for. */
int write_relations(const flowbd3_rules *rules, flowbd3_context *context, const char *path, const char *given,
                    bool searched);

#endif
