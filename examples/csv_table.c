/* Tables read from CSV files. */
#include "csv_table.h"
#include "csv_arguments.h"
#include "progress_bar.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

flowbd3_status read_csv(flowbd3_table **table, flowbd3_context *context, const char *path,
                        flowbd3_csv_options options, flowbd3_error *err) {
    progress_bar bar = {.unit = "rows"};
    options.progress = show_progress;
    options.progress_user = &bar;
    flowbd3_status status = flowbd3_table_read_csv(table, context, path, &options, err);
    end_progress(&bar);
    return status;
}

/* Adds the columns of another table to the types of options, which the caller frees; NULL: no memory. */
static flowbd3_column_type *add_types(flowbd3_csv_options *options, const flowbd3_table *other, likeness how,
                                      flowbd3_error *err) {
    size_t columns = flowbd3_table_columns(other);
    flowbd3_column_type *types = calloc(options->n_types + columns + 1, sizeof *types);
    if (types == NULL) {
        *err = (flowbd3_error){FLOWBD3_ERROR_MEMORY, 0, 0, "out of memory for the types of columns"};
        return NULL;
    }
    for (size_t i = 0; i < options->n_types; i++)
        types[i] = options->types[i];
    for (size_t i = 0; i < columns; i++) {
        flowbd3_type type = flowbd3_table_type(other, i);
        if (how == LIKE_NUMBERS && type == FLOWBD3_TYPE_INTEGER)
            type = FLOWBD3_TYPE_REAL;
        if (how == LIKE_TYPES || type != FLOWBD3_TYPE_ADDRESS)
            types[options->n_types++] = (flowbd3_column_type){flowbd3_table_name(other, i), type};
    }
    options->types = types;
    return types;
}

flowbd3_status read_csv_like(flowbd3_table **table, flowbd3_context *context, const char *path,
                             const flowbd3_table *other, likeness how, flowbd3_csv_options options,
                             flowbd3_error *err) {
    flowbd3_column_type *types = add_types(&options, other, how, err);
    if (types == NULL)
        return err->status;
    flowbd3_status status = read_csv(table, context, path, options, err);
    free(types);
    return status;
}

/* names[columns of other], which the caller frees; NULL: no memory. */
static const char **names_of(const flowbd3_table *other, flowbd3_error *err) {
    size_t columns = flowbd3_table_columns(other);
    const char **names = calloc(columns + 1, sizeof *names);
    if (names == NULL)
        *err = (flowbd3_error){FLOWBD3_ERROR_MEMORY, 0, 0, "out of memory for the names of columns"};
    for (size_t i = 0; names != NULL && i < columns; i++)
        names[i] = flowbd3_table_name(other, i);
    return names;
}

flowbd3_status keep_columns_of(flowbd3_table **table, const flowbd3_table *other, flowbd3_error *err) {
    const char **names = names_of(other, err);
    if (names == NULL)
        return err->status;
    flowbd3_status status = keep_columns(table, names, flowbd3_table_columns(other), err);
    free(names);
    return status;
}

/* ---- streams ----------------------------------------------------------------------------------- */

flowbd3_status stream_csv(flowbd3_table_stream **stream, flowbd3_context *context, const char *path,
                          const flowbd3_table *other, flowbd3_csv_options options, flowbd3_error *err) {
    progress_bar bar = {.unit = "rows"};
    options.progress = show_progress;
    options.progress_user = &bar;
    flowbd3_column_type *types = other != NULL ? add_types(&options, other, LIKE_TYPES, err) : NULL;
    if (other != NULL && types == NULL)
        return err->status;
    flowbd3_status status = flowbd3_table_stream_csv(stream, context, path, &options, 0, err);
    end_progress(&bar);
    free(types);
    return status;
}

flowbd3_status stream_columns_of(flowbd3_table_stream *stream, const flowbd3_table *other,
                                 flowbd3_error *err) {
    const char **names = names_of(other, err);
    if (names == NULL)
        return err->status;
    flowbd3_status status = flowbd3_table_stream_select(stream, names, flowbd3_table_columns(other), err);
    free(names);
    return status;
}

typedef struct joined_streams {
    flowbd3_table_stream *streams[2];
    int current;
} joined_streams;

static flowbd3_status next_of_both(void *user, flowbd3_table **chunk, flowbd3_error *err) {
    joined_streams *j = user;
    flowbd3_status status = FLOWBD3_OK;
    for (; status == FLOWBD3_OK && *chunk == NULL && j->current < 2; j->current += *chunk == NULL)
        status = flowbd3_table_stream_next(j->streams[j->current], chunk, err);
    return status;
}

static flowbd3_status rewind_both(void *user, flowbd3_error *err) {
    joined_streams *j = user;
    j->current = 0;
    flowbd3_status status = flowbd3_table_stream_rewind(j->streams[0], err);
    return status == FLOWBD3_OK ? flowbd3_table_stream_rewind(j->streams[1], err) : status;
}

flowbd3_status join_streams(flowbd3_table_stream **joined, flowbd3_context *context,
                            flowbd3_table_stream *streams[2], flowbd3_error *err) {
    joined_streams *j = calloc(1, sizeof *j);
    if (j == NULL) {
        *err = (flowbd3_error){FLOWBD3_ERROR_MEMORY, 0, 0, "out of memory for the rows that validate"};
        return err->status;
    }
    *j = (joined_streams){{streams[0], streams[1]}, 0};
    flowbd3_table_source source = FLOWBD3_TABLE_SOURCE_INIT;
    source.user = j;
    source.next = next_of_both;
    source.rewind = rewind_both;
    source.release = free;
    flowbd3_status status = flowbd3_table_stream_create(joined, context, &source, err);
    if (status != FLOWBD3_OK)
        free(j);
    return status;
}

uint64_t size_of_file(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode) ? (uint64_t)info.st_size : 0;
}
