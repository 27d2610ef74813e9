/* Options on how a CSV file is read: --type, --delimiter, --no-header, --columns, --drop. */
#ifndef CSV_ARGUMENTS_H
#define CSV_ARGUMENTS_H

#include "command_line.h"

#include <flowbd3/flowbd3.h>

typedef struct csv_arguments {
    text_list types; /* "COLUMN=TYPE" */
    char *delimiter;
    bool no_header;
    text_list columns, drop;
    flowbd3_column_type *column_types; /* [types.count], owned; set by parse_csv_arguments */
    char **column_names;               /* [types.count], owned */
} csv_arguments;

enum { CSV_OPTIONS = 5 };

/* Fills options[CSV_OPTIONS]. */
void list_csv_options(program_option *options, csv_arguments *arguments);

/* Takes the arguments apart once all are there. -1, or the status to exit with. */
int parse_csv_arguments(csv_arguments *arguments);

/* What they say; points into arguments. */
flowbd3_csv_options csv_options(const csv_arguments *arguments);

/* Checks that the columns which an option names are in table, read from path. */
flowbd3_status check_columns(const flowbd3_table *table, const char *option, const text_list *names,
                             const char *path, flowbd3_error *err);

/* Leaves the columns of *table, read from path, that were asked for. Those of needed, which are there, are
 * taken in any case, in front of others that --columns names. */
flowbd3_status select_columns(flowbd3_table **table, const csv_arguments *arguments, const text_list *needed,
                              const char *path, flowbd3_error *err);

/* Leaves the columns names[count] of *table, in that order. */
flowbd3_status keep_columns(flowbd3_table **table, const char *const *names, size_t count,
                            flowbd3_error *err);

/* Frees what parse_csv_arguments made; release_options frees the rest. */
void release_csv_arguments(csv_arguments *arguments);

#endif
