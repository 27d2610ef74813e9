/* Options on how a CSV file is read. */
#include "csv_arguments.h"
#include "failure.h"

#include <stdlib.h>
#include <string.h>

void list_csv_options(program_option *options, csv_arguments *arguments) {
    options[0] = (program_option){.name = "type",
                                  .kind = OPTION_LIST,
                                  .value = &arguments->types,
                                  .argument = "COLUMN=TYPE",
                                  .help = "Type of a column: real, integer or categorical (may be repeated; "
                                          "default: inferred)",
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
}

static flowbd3_type type_of(const char *name) {
    static const char *const names[] = {"real", "integer", "categorical"};
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
            return usage_failure("--type: '%s' is not COLUMN=real, COLUMN=integer or COLUMN=categorical",
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

void release_csv_arguments(csv_arguments *arguments) {
    for (size_t i = 0; arguments->column_names != NULL && i < arguments->types.count; i++)
        free(arguments->column_names[i]);
    free(arguments->column_names);
    free(arguments->column_types);
    arguments->column_names = NULL;
    arguments->column_types = NULL;
}
