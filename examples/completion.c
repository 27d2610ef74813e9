/* Completing a table. */
#include "completion.h"
#include "csv_arguments.h"
#include "csv_table.h"
#include "failure.h"
#include "progress_bar.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static flowbd3_status no_memory(flowbd3_error *err) {
    *err = (flowbd3_error){FLOWBD3_ERROR_MEMORY, 0, 0, "out of memory for the rows to complete"};
    return err->status;
}

/* ---- reading ----------------------------------------------------------------------------------- */

/* The names of the columns of a file, as a table of its first row. */
static flowbd3_status read_names(flowbd3_table **table, flowbd3_context *context, const char *path,
                                 flowbd3_error *err) {
    struct stat about;
    if (stat(path, &about) == 0 && !S_ISREG(about.st_mode)) {
        *err = (flowbd3_error){.status = FLOWBD3_ERROR_ARGUMENT};
        snprintf(err->message, sizeof err->message, "--complete: '%.200s' is no file", path);
        return err->status;
    }
    flowbd3_csv_options options = FLOWBD3_CSV_OPTIONS_INIT;
    options.max_rows = 1;
    return flowbd3_table_read_csv(table, context, path, &options, err);
}

/* Leaves the columns of the model's table that the file has, and says which others there are. */
static flowbd3_status match_columns(flowbd3_table **columns, const flowbd3_table *names, const char *path,
                                    flowbd3_error *err) {
    const char **shared = calloc(flowbd3_table_columns(names), sizeof *shared);
    size_t count = 0;
    if (shared == NULL)
        return no_memory(err);
    for (size_t i = 0; i < flowbd3_table_columns(names); i++) {
        const char *name = flowbd3_table_name(names, i);
        if (flowbd3_table_find(*columns, name) >= 0)
            shared[count++] = name;
        else
            fprintf(stderr, "%s: warning: column '%s' of '%s' is left out, the model has no such column\n",
                    program_invocation_short_name, name, path);
    }
    flowbd3_status status = FLOWBD3_ERROR_ARGUMENT;
    if (count > 0) {
        status = keep_columns(columns, shared, count, err);
    } else {
        *err = (flowbd3_error){.status = status};
        snprintf(err->message, sizeof err->message, "--complete: '%.100s' has no column of the model", path);
    }
    free(shared);
    return status;
}

/* Reads the cells of columns as they are written. */
static flowbd3_status read_texts(flowbd3_table **table, flowbd3_context *context, const char *path,
                                 const flowbd3_table *columns, flowbd3_error *err) {
    size_t count = flowbd3_table_columns(columns);
    flowbd3_column_type *types = calloc(count, sizeof *types);
    if (types == NULL)
        return no_memory(err);
    flowbd3_csv_options options = FLOWBD3_CSV_OPTIONS_INIT;
    for (size_t i = 0; i < count; i++)
        types[i] = (flowbd3_column_type){flowbd3_table_name(columns, i), FLOWBD3_TYPE_CATEGORICAL};
    options.types = types;
    options.n_types = count;
    flowbd3_status status = flowbd3_table_read_csv(table, context, path, &options, err);
    if (status == FLOWBD3_OK)
        status = keep_columns_of(table, columns, err);
    free(types);
    return status;
}

flowbd3_status read_partial(partial_table *partial, flowbd3_context *context, const char *path,
                            const flowbd3_model *model, flowbd3_error *err) {
    flowbd3_table *names = NULL, *columns = NULL;
    flowbd3_csv_options options = FLOWBD3_CSV_OPTIONS_INIT;
    partial->path = path;
    flowbd3_status status = read_names(&names, context, path, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_tokenizer_columns_table(flowbd3_model_tokenizer(model), &columns, err);
    if (status == FLOWBD3_OK)
        status = match_columns(&columns, names, path, err);
    if (status == FLOWBD3_OK)
        status = read_csv_like(&partial->cells, context, path, columns, LIKE_TYPES, options, err);
    if (status == FLOWBD3_OK)
        status = keep_columns_of(&partial->cells, columns, err);
    if (status == FLOWBD3_OK)
        status = read_texts(&partial->texts, context, path, columns, err);
    flowbd3_table_destroy(&columns);
    flowbd3_table_destroy(&names);
    return status;
}

void release_partial(partial_table *partial) {
    flowbd3_table_destroy(&partial->cells);
    flowbd3_table_destroy(&partial->texts);
}

/* ---- texts that are kept ----------------------------------------------------------------------- */

static bool is_there(const flowbd3_table *table, size_t row, size_t column) {
    const uint8_t *valid = flowbd3_table_valid(table, column);
    return valid == NULL || valid[row] != 0;
}

static const char *category(const flowbd3_table *table, size_t row, size_t column) {
    return flowbd3_table_category(table, column, (size_t)flowbd3_table_codes(table, column)[row]);
}

/* A generated number as the library prints it, to be freed: with the digits of its column, or with as many as
 * it takes. */
static char *number_text(const flowbd3_table *table, size_t row, size_t column) {
    enum { MOST_DIGITS = 17 };
    char text[512];
    if (flowbd3_table_type(table, column) == FLOWBD3_TYPE_INTEGER) {
        snprintf(text, sizeof text, "%lld", (long long)flowbd3_table_integer(table, column)[row]);
        return strdup(text);
    }
    double value = flowbd3_table_real(table, column)[row];
    int digits = flowbd3_table_decimals(table, column);
    if (digits >= 0)
        snprintf(text, sizeof text, "%.*f", digits, value);
    for (int i = 1; digits < 0 && i <= MOST_DIGITS; i++) {
        snprintf(text, sizeof text, "%.*g", i, value);
        if (strtod(text, NULL) == value)
            break;
    }
    if (strpbrk(text, ".e") == NULL)
        strcat(text, ".0");
    return strdup(text);
}

/* Adds column i of partial as texts: those that it has, and the numbers of table where it has none. */
static flowbd3_status add_texts(flowbd3_table *out, const flowbd3_table *table, size_t column,
                                const partial_table *partial, size_t i, flowbd3_error *err) {
    size_t rows = flowbd3_table_rows(table);
    const char **cells = calloc(rows, sizeof *cells);
    char **generated = calloc(rows, sizeof *generated);
    bool whole = cells != NULL && generated != NULL;
    for (size_t row = 0; whole && row < rows; row++) {
        if (is_there(partial->cells, row, i)) {
            cells[row] = category(partial->texts, row, i);
        } else if (is_there(table, row, column)) {
            cells[row] = generated[row] = number_text(table, row, column);
            whole = cells[row] != NULL;
        }
    }
    flowbd3_status status =
        whole ? flowbd3_table_add_categorical(out, flowbd3_table_name(table, column), cells, rows, err)
              : no_memory(err);
    for (size_t row = 0; generated != NULL && row < rows; row++)
        free(generated[row]);
    free(generated);
    free(cells);
    return status;
}

/* ---- other columns ----------------------------------------------------------------------------- */

static flowbd3_status add_categories(flowbd3_table *out, const flowbd3_table *table, size_t column,
                                     flowbd3_error *err) {
    size_t count = flowbd3_table_categories(table, column);
    const char **texts = calloc(count + 1, sizeof *texts);
    if (texts == NULL)
        return no_memory(err);
    for (size_t i = 0; i < count; i++)
        texts[i] = flowbd3_table_category(table, column, i);
    flowbd3_status status = flowbd3_table_add_codes(
        out, flowbd3_table_name(table, column), flowbd3_table_codes(table, column),
        flowbd3_table_valid(table, column), flowbd3_table_rows(table), texts, count, err);
    free(texts);
    return status;
}

static flowbd3_status add_real(flowbd3_table *out, const flowbd3_table *table, size_t column,
                               flowbd3_error *err) {
    flowbd3_status status =
        flowbd3_table_add_real(out, flowbd3_table_name(table, column), flowbd3_table_real(table, column),
                               flowbd3_table_valid(table, column), flowbd3_table_rows(table), err);
    return status == FLOWBD3_OK ? flowbd3_table_set_decimals(out, flowbd3_table_columns(out) - 1,
                                                             flowbd3_table_decimals(table, column), err)
                                : status;
}

/* Times are written as those of partial, where it has the column, with as many digits at least. */
static flowbd3_status add_times(flowbd3_table *out, const flowbd3_table *table, size_t column,
                                const flowbd3_table *partial, int64_t i, flowbd3_error *err) {
    unsigned form = flowbd3_table_time_form(table, column);
    int digits = flowbd3_table_decimals(table, column);
    if (i >= 0 && flowbd3_table_missing(partial, (size_t)i) < flowbd3_table_rows(partial)) {
        int of_partial = flowbd3_table_decimals(partial, (size_t)i);
        form = flowbd3_table_time_form(partial, (size_t)i);
        digits = of_partial > digits ? of_partial : digits;
    }
    flowbd3_status status = flowbd3_table_add_timestamp(
        out, flowbd3_table_name(table, column), flowbd3_table_integer(table, column),
        flowbd3_table_valid(table, column), flowbd3_table_rows(table), err);
    size_t last = flowbd3_table_columns(out) - 1;
    if (status == FLOWBD3_OK)
        status = flowbd3_table_set_time_form(out, last, form, err);
    return status == FLOWBD3_OK ? flowbd3_table_set_decimals(out, last, digits, err) : status;
}

static flowbd3_status add_column(flowbd3_table *out, const flowbd3_table *table, size_t column,
                                 const partial_table *partial, flowbd3_error *err) {
    int64_t i = flowbd3_table_find(partial->cells, flowbd3_table_name(table, column));
    flowbd3_type type = flowbd3_table_type(table, column);
    if (type == FLOWBD3_TYPE_TIMESTAMP)
        return add_times(out, table, column, partial->cells, i, err);
    if (type == FLOWBD3_TYPE_CATEGORICAL || type == FLOWBD3_TYPE_ADDRESS)
        return add_categories(out, table, column, err);
    if (i >= 0)
        return add_texts(out, table, column, partial, (size_t)i, err);
    if (type == FLOWBD3_TYPE_REAL)
        return add_real(out, table, column, err);
    return flowbd3_table_add_integer(out, flowbd3_table_name(table, column),
                                     flowbd3_table_integer(table, column), flowbd3_table_valid(table, column),
                                     flowbd3_table_rows(table), err);
}

flowbd3_status complete_table(flowbd3_table **out, flowbd3_context *context, flowbd3_sampler *sampler,
                              const partial_table *partial, flowbd3_error *err) {
    progress_bar bar = {.unit = "rows"};
    flowbd3_table *table = NULL;
    flowbd3_status status =
        flowbd3_sampler_complete(sampler, partial->cells, &table, show_progress, &bar, err);
    end_progress(&bar);
    if (status != FLOWBD3_OK)
        name_files(err, partial->path, NULL);
    if (status == FLOWBD3_OK)
        status = flowbd3_table_create(out, context, err);
    for (size_t i = 0; status == FLOWBD3_OK && i < flowbd3_table_columns(table); i++)
        status = add_column(*out, table, i, partial, err);
    flowbd3_table_destroy(&table);
    return status;
}
