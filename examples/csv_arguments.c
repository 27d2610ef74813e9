/* Options on how a CSV file is read. */
#include "csv_arguments.h"
#include "failure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void list_csv_options(program_option *options, csv_arguments *arguments) {
    options[0] =
        (program_option){.name = "type",
                         .kind = OPTION_LIST,
                         .value = &arguments->types,
                         .argument = "COLUMN=TYPE",
                         .help = "Type of a column: real, integer, categorical, timestamp or address (may "
                                 "be repeated; default: inferred)",
                         .configurable = true};
    options[1] = (program_option){.name = "delimiter",
                                  .kind = OPTION_TEXT,
                                  .value = &arguments->delimiter,
                                  .argument = "CHARACTER",
                                  .help = "Delimiter of the CSV file, or 'tab' (default: comma)",
                                  .configurable = true};
    options[2] = (program_option){.name = "no-header",
                                  .kind = OPTION_FLAG,
                                  .value = &arguments->no_header,
                                  .help = "The CSV file has no line with names; columns are c1, c2, ...",
                                  .configurable = true};
    options[3] = (program_option){.name = "columns",
                                  .kind = OPTION_NAMES,
                                  .value = &arguments->columns,
                                  .argument = "A,B",
                                  .help = "Take these columns only, and those that are needed in any case",
                                  .configurable = true};
    options[4] = (program_option){.name = "drop",
                                  .kind = OPTION_NAMES,
                                  .value = &arguments->drop,
                                  .argument = "A,B",
                                  .help = "Take all columns but these",
                                  .configurable = true};
}

static flowbd3_type type_of(const char *name) {
    static const char *const names[] = {"real", "integer", "categorical", "timestamp", "address"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0)
            return (flowbd3_type)(FLOWBD3_TYPE_REAL + i);
    return FLOWBD3_TYPE_AUTO;
}

int parse_csv_arguments(csv_arguments *arguments) {
    size_t count = arguments->types.count;
    const char *delimiter = arguments->delimiter;
    if (delimiter != NULL && strcmp(delimiter, "tab") != 0 && strlen(delimiter) != 1)
        return usage_failure("--delimiter: '%s' is not one character or 'tab'", delimiter);
    arguments->column_types = calloc(count + 1, sizeof *arguments->column_types);
    arguments->column_names = calloc(count + 1, sizeof *arguments->column_names);
    if (arguments->column_types == NULL || arguments->column_names == NULL)
        return failure("out of memory");
    for (size_t i = 0; i < count; i++) {
        const char *text = arguments->types.items[i], *equals = strrchr(text, '=');
        flowbd3_type type = equals != NULL && equals > text ? type_of(equals + 1) : FLOWBD3_TYPE_AUTO;
        if (type == FLOWBD3_TYPE_AUTO)
            return usage_failure("--type: '%s' is not COLUMN=real, COLUMN=integer, COLUMN=categorical, "
                                 "COLUMN=timestamp or COLUMN=address",
                                 text);
        arguments->column_names[i] = strndup(text, (size_t)(equals - text));
        if (arguments->column_names[i] == NULL)
            return failure("out of memory");
        arguments->column_types[i] = (flowbd3_column_type){arguments->column_names[i], type};
    }
    return -1;
}

flowbd3_csv_options csv_options(const csv_arguments *arguments) {
    flowbd3_csv_options options = FLOWBD3_CSV_OPTIONS_INIT;
    const char *delimiter = arguments->delimiter;
    if (delimiter != NULL)
        options.delimiter = strcmp(delimiter, "tab") == 0 ? '\t' : *delimiter;
    options.header = arguments->no_header ? FLOWBD3_CSV_HEADER_NO : FLOWBD3_CSV_HEADER_YES;
    options.types = arguments->column_types;
    options.n_types = arguments->types.count;
    return options;
}

static bool is_listed(const text_list *list, const char *name) {
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], name) == 0)
            return true;
    return false;
}

flowbd3_status check_columns(const flowbd3_table *table, const char *option, const text_list *names,
                             const char *path, flowbd3_error *err) {
    for (size_t i = 0; i < names->count; i++)
        if (flowbd3_table_find(table, names->items[i]) < 0) {
            *err = (flowbd3_error){.status = FLOWBD3_ERROR_ARGUMENT};
            snprintf(err->message, sizeof err->message, "%s: '%.100s' has no column '%.100s'", option, path,
                     names->items[i]);
            return err->status;
        }
    return FLOWBD3_OK;
}

flowbd3_status keep_columns(flowbd3_table **table, const char *const *names, size_t count,
                            flowbd3_error *err) {
    flowbd3_table *kept = NULL;
    flowbd3_status status = flowbd3_table_select(&kept, *table, names, count, err);
    if (status == FLOWBD3_OK) {
        flowbd3_table_destroy(table);
        *table = kept;
    }
    return status;
}

static flowbd3_status check_selection(const flowbd3_table *table, const csv_arguments *arguments,
                                      const text_list *needed, const char *path, flowbd3_error *err) {
    flowbd3_status status = check_columns(table, "--columns", &arguments->columns, path, err);
    if (status == FLOWBD3_OK)
        status = check_columns(table, "--drop", &arguments->drop, path, err);
    for (size_t i = 0; status == FLOWBD3_OK && i < needed->count; i++)
        if (is_listed(&arguments->drop, needed->items[i])) {
            status = FLOWBD3_ERROR_ARGUMENT;
            *err = (flowbd3_error){.status = status};
            snprintf(err->message, sizeof err->message, "--drop: column '%.100s' is needed",
                     needed->items[i]);
        }
    return status;
}

/* names has room for all candidates. */
static size_t list_selection(const char **names, const flowbd3_table *table, const csv_arguments *arguments,
                             const text_list *needed) {
    const text_list *wanted = &arguments->columns;
    size_t count = 0;
    for (size_t i = 0; wanted->count > 0 && i < needed->count; i++)
        if (!is_listed(wanted, needed->items[i]))
            names[count++] = needed->items[i];
    for (size_t i = 0; i < (wanted->count > 0 ? wanted->count : flowbd3_table_columns(table)); i++) {
        const char *name = wanted->count > 0 ? wanted->items[i] : flowbd3_table_name(table, i);
        if (!is_listed(&arguments->drop, name))
            names[count++] = name;
    }
    return count;
}

flowbd3_status select_columns(flowbd3_table **table, const csv_arguments *arguments, const text_list *needed,
                              const char *path, flowbd3_error *err) {
    size_t wanted = arguments->columns.count;
    flowbd3_status status = check_selection(*table, arguments, needed, path, err);
    if (status != FLOWBD3_OK || (wanted == 0 && arguments->drop.count == 0))
        return status;
    const char **names = calloc(flowbd3_table_columns(*table) + wanted + needed->count, sizeof *names);
    if (names == NULL) {
        *err = (flowbd3_error){FLOWBD3_ERROR_MEMORY, 0, 0, "out of memory for the names of columns"};
        return err->status;
    }
    size_t count = list_selection(names, *table, arguments, needed);
    if (count > 0) {
        status = keep_columns(table, names, count, err);
    } else {
        status = FLOWBD3_ERROR_ARGUMENT;
        *err = (flowbd3_error){.status = status};
        snprintf(err->message, sizeof err->message, "--drop: no column of '%.100s' is left", path);
    }
    free(names);
    return status;
}

void release_csv_arguments(csv_arguments *arguments) {
    for (size_t i = 0; arguments->column_names != NULL && i < arguments->types.count; i++)
        free(arguments->column_names[i]);
    free(arguments->column_names);
    free(arguments->column_types);
    arguments->column_names = NULL;
    arguments->column_types = NULL;
}
