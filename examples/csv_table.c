/* Tables read from CSV files. */
#include "csv_table.h"
#include "csv_arguments.h"
#include "progress_bar.h"

#include <stdlib.h>
#include <string.h>

flowbd3_status read_csv(flowbd3_table **table, flowbd3_context *context, const char *path,
                        flowbd3_csv_options options, flowbd3_error *err) {
    progress_bar bar = {.unit = "rows"};
    options.progress = show_progress;
    options.progress_user = &bar;
    flowbd3_status status = flowbd3_table_read_csv(table, context, path, &options, err);
    end_progress(&bar);
    return status;
}

flowbd3_status read_csv_like(flowbd3_table **table, flowbd3_context *context, const char *path,
                             const flowbd3_table *other, likeness how, flowbd3_csv_options options,
                             flowbd3_error *err) {
    size_t columns = flowbd3_table_columns(other);
    flowbd3_column_type *types = calloc(options.n_types + columns, sizeof *types);
    if (types == NULL) {
        *err = (flowbd3_error){FLOWBD3_ERROR_MEMORY, 0, 0, "out of memory for the types of columns"};
        return err->status;
    }
    for (size_t i = 0; i < options.n_types; i++)
        types[i] = options.types[i];
    for (size_t i = 0; i < columns; i++) {
        flowbd3_type type = flowbd3_table_type(other, i);
        if (how == LIKE_NUMBERS && type == FLOWBD3_TYPE_INTEGER)
            type = FLOWBD3_TYPE_REAL;
        if (how == LIKE_TYPES || type != FLOWBD3_TYPE_ADDRESS)
            types[options.n_types++] = (flowbd3_column_type){flowbd3_table_name(other, i), type};
    }
    options.types = types;
    flowbd3_status status = read_csv(table, context, path, options, err);
    free(types);
    return status;
}

flowbd3_status keep_columns_of(flowbd3_table **table, const flowbd3_table *other, flowbd3_error *err) {
    size_t columns = flowbd3_table_columns(other);
    const char **names = calloc(columns, sizeof *names);
    if (names == NULL) {
        *err = (flowbd3_error){FLOWBD3_ERROR_MEMORY, 0, 0, "out of memory for the names of columns"};
        return err->status;
    }
    for (size_t i = 0; i < columns; i++)
        names[i] = flowbd3_table_name(other, i);
    flowbd3_status status = keep_columns(table, names, columns, err);
    free(names);
    return status;
}
