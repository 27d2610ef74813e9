/* Tables: columns added, named and read. */
#include "table/table.h"

#include <math.h>
#include <string.h>

flowbd3_status flowbd3_table_create(flowbd3_table **out, flowbd3_context *context, flowbd3_error *err) {
    if (out == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_table_create: out is NULL");
    *out = NULL;
    if (context == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_table_create: context is NULL");
    flowbd3_table *table = fb3_allocate_zero(context, 1, sizeof *table);
    if (table == NULL)
        return fb3_no_memory(err, "a table");
    table->context = fb3_context_retain(context);
    *out = table;
    return FLOWBD3_OK;
}

void flowbd3_table_destroy(flowbd3_table **table) {
    if (table == NULL || *table == NULL)
        return;
    flowbd3_table *t = *table;
    flowbd3_context *context = t->context;
    for (size_t i = 0; i < t->n_columns; i++)
        fb3_column_release(context, &t->columns[i]);
    fb3_release(context, t->columns);
    fb3_release(context, t);
    flowbd3_context_destroy(&context);
    *table = NULL;
}

size_t fb3_cell_size(flowbd3_type type) {
    return fb3_has_dictionary(type) ? sizeof(int32_t) : 8;
}

void fb3_column_release(flowbd3_context *context, fb3_column *column) {
    fb3_release(context, column->name);
    fb3_release(context, column->cells);
    fb3_release(context, column->valid);
    fb3_dictionary_release(&column->dictionary);
    *column = (fb3_column){0};
}

/* ---- adding columns ---------------------------------------------------------------------------- */

static flowbd3_status check_new(const flowbd3_table *table, const char *name, size_t rows,
                                flowbd3_error *err) {
    if (table == NULL || name == NULL || *name == '\0')
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "the %s of a column to add is %s",
                        table == NULL ? "table" : "name", name != NULL && table != NULL ? "empty" : "NULL");
    if (!fb3_is_utf8(name, strlen(name)))
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "the name of column %zu is not valid UTF-8",
                        table->n_columns + 1);
    if (flowbd3_table_find(table, name) >= 0)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "column '%.80s' is there twice", name);
    if (table->n_columns != 0 && rows != table->rows)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "column '%.80s' has %zu rows, expected %zu as before",
                        name, rows, table->rows);
    return FLOWBD3_OK;
}

flowbd3_status fb3_table_adopt(flowbd3_table *table, fb3_column *column, size_t rows, flowbd3_error *err) {
    flowbd3_status status = check_new(table, column->name, rows, err);
    if (status != FLOWBD3_OK)
        return status;
    if (table->n_columns == table->columns_capacity) {
        size_t capacity = table->columns_capacity < 8 ? 8 : 2 * table->columns_capacity;
        fb3_column *columns = fb3_reallocate(table->context, table->columns, capacity, sizeof *columns);
        if (columns == NULL)
            return fb3_no_memory(err, "a column");
        table->columns = columns;
        table->columns_capacity = capacity;
    }
    if (column->missing == 0) {
        fb3_release(table->context, column->valid);
        column->valid = NULL;
    }
    table->columns[table->n_columns++] = *column;
    table->rows = rows;
    /* The new column has no room to spare, so the table has none. */
    table->capacity = rows;
    *column = (fb3_column){0};
    return FLOWBD3_OK;
}

/* An empty column with room for rows cells, and a mask filled from valid when there is one. */
static flowbd3_status start_column(fb3_column *column, flowbd3_table *table, const char *name,
                                   flowbd3_type type, const void *values, const uint8_t *valid, size_t rows,
                                   flowbd3_error *err) {
    *column = (fb3_column){.type = type};
    flowbd3_status status = check_new(table, name, rows, err);
    if (status != FLOWBD3_OK)
        return status;
    if (values == NULL && rows != 0)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "the cells of column '%.80s' are NULL", name);
    flowbd3_context *context = table->context;
    column->name = fb3_duplicate(context, name);
    column->cells = fb3_allocate(context, rows, fb3_cell_size(type));
    column->valid = fb3_allocate(context, rows, 1);
    if (fb3_has_dictionary(type))
        column->dictionary = fb3_dictionary_create(context);
    if (column->name == NULL || column->cells == NULL || column->valid == NULL ||
        (fb3_has_dictionary(type) && column->dictionary == NULL)) {
        fb3_column_release(context, column);
        return fb3_no_memory(err, "a column");
    }
    for (size_t i = 0; i < rows; i++)
        column->valid[i] = valid == NULL || valid[i] != 0;
    return FLOWBD3_OK;
}

static void mark_missing(fb3_column *column, size_t row) {
    column->valid[row] = 0;
    column->missing++;
}

static flowbd3_status finish_column(flowbd3_table *table, fb3_column *column, size_t rows,
                                    flowbd3_status status, flowbd3_error *err) {
    if (status == FLOWBD3_OK && column->dictionary != NULL)
        fb3_dictionary_seal(column->dictionary);
    if (status == FLOWBD3_OK)
        status = fb3_table_adopt(table, column, rows, err);
    if (status != FLOWBD3_OK)
        fb3_column_release(table->context, column);
    return status;
}

flowbd3_status flowbd3_table_add_real(flowbd3_table *table, const char *name, const double *values,
                                      const uint8_t *valid, size_t rows, flowbd3_error *err) {
    fb3_column column;
    flowbd3_status status = start_column(&column, table, name, FLOWBD3_TYPE_REAL, values, valid, rows, err);
    if (status != FLOWBD3_OK)
        return status;
    for (size_t i = 0; i < rows && status == FLOWBD3_OK; i++) {
        column.real[i] = column.valid[i] ? values[i] : (double)NAN;
        if (isinf(column.real[i]))
            status =
                fb3_fail_at(err, FLOWBD3_ERROR_ARGUMENT, (int64_t)i + 1, (int64_t)table->n_columns + 1,
                            "column '%.80s', row %zu is infinite, expected a finite number", name, i + 1);
        else if (isnan(column.real[i]))
            mark_missing(&column, i);
    }
    if (status == FLOWBD3_OK)
        column.decimals = fb3_decimals_of(column.real, rows);
    return finish_column(table, &column, rows, status, err);
}

static flowbd3_status add_integers(flowbd3_table *table, const char *name, flowbd3_type type,
                                   const int64_t *values, const uint8_t *valid, size_t rows,
                                   flowbd3_error *err) {
    fb3_column column;
    flowbd3_status status = start_column(&column, table, name, type, values, valid, rows, err);
    if (status != FLOWBD3_OK)
        return status;
    for (size_t i = 0; i < rows; i++) {
        column.integer[i] = column.valid[i] ? values[i] : 0;
        if (!column.valid[i])
            mark_missing(&column, i);
    }
    if (type == FLOWBD3_TYPE_TIMESTAMP) {
        column.decimals = fb3_time_decimals_of(column.integer, column.valid, rows);
        column.form = (unsigned)FLOWBD3_TIME_T | (unsigned)FLOWBD3_TIME_Z;
    }
    return finish_column(table, &column, rows, status, err);
}

flowbd3_status flowbd3_table_add_integer(flowbd3_table *table, const char *name, const int64_t *values,
                                         const uint8_t *valid, size_t rows, flowbd3_error *err) {
    return add_integers(table, name, FLOWBD3_TYPE_INTEGER, values, valid, rows, err);
}

flowbd3_status flowbd3_table_add_timestamp(flowbd3_table *table, const char *name, const int64_t *nanoseconds,
                                           const uint8_t *valid, size_t rows, flowbd3_error *err) {
    return add_integers(table, name, FLOWBD3_TYPE_TIMESTAMP, nanoseconds, valid, rows, err);
}

/* Code of a text that is not empty, in row i of the column to add. */
static flowbd3_status intern_text(fb3_column *column, const flowbd3_table *table, const char *name,
                                  const char *text, size_t i, flowbd3_error *err) {
    char canonical[FB3_ADDRESS_TEXT];
    int64_t row = (int64_t)i + 1, number = (int64_t)table->n_columns + 1;
    size_t size = strlen(text);
    if (column->type == FLOWBD3_TYPE_ADDRESS) {
        size = fb3_address_canonical(canonical, text, size);
        text = canonical;
    }
    if (size == 0)
        return fb3_fail_at(err, FLOWBD3_ERROR_ARGUMENT, row, number,
                           "column '%.80s', row %zu is no IPv4 or IPv6 address", name, i + 1);
    flowbd3_status status = fb3_dictionary_intern(column->dictionary, text, size, &column->codes[i]);
    return status == FLOWBD3_OK ? status : fb3_dictionary_failure(err, status, name, row, number);
}

static flowbd3_status add_texts(flowbd3_table *table, const char *name, flowbd3_type type,
                                const char *const *values, size_t rows, flowbd3_error *err) {
    fb3_column column;
    flowbd3_status status = start_column(&column, table, name, type, values, NULL, rows, err);
    if (status != FLOWBD3_OK)
        return status;
    for (size_t i = 0; i < rows && status == FLOWBD3_OK; i++) {
        column.codes[i] = -1;
        if (values[i] == NULL || *values[i] == '\0')
            mark_missing(&column, i);
        else
            status = intern_text(&column, table, name, values[i], i, err);
    }
    /* Bytes handed over in memory are an argument, not the content of a file. */
    if (status == FLOWBD3_ERROR_FORMAT) {
        status = FLOWBD3_ERROR_ARGUMENT;
        if (err != NULL)
            err->status = status;
    }
    return finish_column(table, &column, rows, status, err);
}

flowbd3_status flowbd3_table_add_categorical(flowbd3_table *table, const char *name,
                                             const char *const *values, size_t rows, flowbd3_error *err) {
    return add_texts(table, name, FLOWBD3_TYPE_CATEGORICAL, values, rows, err);
}

flowbd3_status flowbd3_table_add_address(flowbd3_table *table, const char *name, const char *const *values,
                                         size_t rows, flowbd3_error *err) {
    return add_texts(table, name, FLOWBD3_TYPE_ADDRESS, values, rows, err);
}

/* map[i] = code of categories[i]: repeated texts share one, empty ones are missing. */
static flowbd3_status intern_categories(fb3_dictionary *dictionary, int32_t *map,
                                        const char *const *categories, size_t count, const char *name,
                                        flowbd3_error *err) {
    for (size_t i = 0; i < count; i++) {
        map[i] = -1;
        if (categories[i] == NULL || *categories[i] == '\0')
            continue;
        flowbd3_status status =
            fb3_dictionary_intern(dictionary, categories[i], strlen(categories[i]), &map[i]);
        if (status == FLOWBD3_ERROR_FORMAT)
            return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "column '%.80s': category %zu is not valid UTF-8",
                            name, i);
        if (status != FLOWBD3_OK)
            return fb3_dictionary_failure(err, status, name, 0, 0);
    }
    return FLOWBD3_OK;
}

flowbd3_status flowbd3_table_add_codes(flowbd3_table *table, const char *name, const int32_t *codes,
                                       const uint8_t *valid, size_t rows, const char *const *categories,
                                       size_t n_categories, flowbd3_error *err) {
    fb3_column column;
    if (categories == NULL && n_categories != 0)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "the categories of a column to add are NULL");
    flowbd3_status status =
        start_column(&column, table, name, FLOWBD3_TYPE_CATEGORICAL, codes, valid, rows, err);
    if (status != FLOWBD3_OK)
        return status;
    int32_t *map = fb3_allocate(table->context, n_categories, sizeof *map);
    status = map == NULL ? fb3_no_memory(err, "a dictionary of categories")
                         : intern_categories(column.dictionary, map, categories, n_categories, name, err);
    for (size_t i = 0; i < rows && status == FLOWBD3_OK; i++) {
        column.codes[i] = -1;
        if (column.valid[i] && (codes[i] < 0 || (size_t)codes[i] >= n_categories))
            status = fb3_fail_at(err, FLOWBD3_ERROR_ARGUMENT, (int64_t)i + 1, (int64_t)table->n_columns + 1,
                                 "column '%.80s', row %zu has code %d, expected 0 to %zu", name, i + 1,
                                 (int)codes[i], n_categories == 0 ? 0 : n_categories - 1);
        else if (column.valid[i])
            column.codes[i] = map[codes[i]];
        if (column.codes[i] < 0)
            mark_missing(&column, i);
    }
    fb3_release(table->context, map);
    return finish_column(table, &column, rows, status, err);
}

int fb3_decimals_of(const double *values, size_t rows) {
    static const double power_of_ten[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                          1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    size_t decimals = 1;
    for (size_t i = 0; i < rows; i++) {
        if (isnan(values[i]))
            continue;
        for (;; decimals++) {
            if (decimals == FB3_COUNT(power_of_ten))
                return -1;
            double scaled = nearbyint(values[i] * power_of_ten[decimals]);
            if (fabs(scaled) >= 1e15)
                return -1;
            /* Both are exact, so this is the value that the printed text reads back as. */
            if (scaled / power_of_ten[decimals] == values[i])
                break;
        }
    }
    return (int)decimals;
}

double fb3_round_to_decimals(double value, int decimals) {
    static const double power_of_ten[] = {1e0, 1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,
                                          1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17};
    if (decimals < 0 || (size_t)decimals >= FB3_COUNT(power_of_ten))
        return value;
    double scaled = value * power_of_ten[decimals];
    return fabs(scaled) < 0x1p53 ? nearbyint(scaled) / power_of_ten[decimals] : value;
}

static const char *const type_names[] = {"auto", "real", "integer", "categorical", "timestamp", "address"};

const char *fb3_type_name(flowbd3_type type) {
    return type_names[type];
}

flowbd3_type fb3_type_of_name(const char *name) {
    size_t type = FLOWBD3_TYPE_REAL;
    while (type < FB3_COUNT(type_names) && strcmp(type_names[type], name) != 0)
        type++;
    return type < FB3_COUNT(type_names) ? (flowbd3_type)type : FLOWBD3_TYPE_AUTO;
}

void fb3_put_missing(fb3_column *column, size_t row) {
    if (column->type == FLOWBD3_TYPE_REAL)
        column->real[row] = (double)NAN;
    else if (fb3_has_dictionary(column->type))
        column->codes[row] = -1;
    else
        column->integer[row] = 0;
}

/* ---- reading columns --------------------------------------------------------------------------- */

static const fb3_column *column_of(const flowbd3_table *table, size_t column) {
    return table != NULL && column < table->n_columns ? &table->columns[column] : NULL;
}

size_t flowbd3_table_rows(const flowbd3_table *table) {
    return table != NULL ? table->rows : 0;
}

size_t flowbd3_table_columns(const flowbd3_table *table) {
    return table != NULL ? table->n_columns : 0;
}

int64_t flowbd3_table_find(const flowbd3_table *table, const char *name) {
    if (table == NULL || name == NULL)
        return -1;
    for (size_t i = 0; i < table->n_columns; i++)
        if (strcmp(table->columns[i].name, name) == 0)
            return (int64_t)i;
    return -1;
}

const char *flowbd3_table_name(const flowbd3_table *table, size_t column) {
    const fb3_column *c = column_of(table, column);
    return c != NULL ? c->name : NULL;
}

flowbd3_type flowbd3_table_type(const flowbd3_table *table, size_t column) {
    const fb3_column *c = column_of(table, column);
    return c != NULL ? c->type : FLOWBD3_TYPE_AUTO;
}

int flowbd3_table_decimals(const flowbd3_table *table, size_t column) {
    const fb3_column *c = column_of(table, column);
    return c != NULL ? c->decimals : 0;
}

flowbd3_status flowbd3_table_set_decimals(flowbd3_table *table, size_t column, int decimals,
                                          flowbd3_error *err) {
    if (table == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_table_set_decimals: table is NULL");
    if (column_of(table, column) == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_RANGE, "column %zu does not exist, the table has %zu", column,
                        flowbd3_table_columns(table));
    fb3_column *c = &table->columns[column];
    bool time = c->type == FLOWBD3_TYPE_TIMESTAMP;
    if (c->type != FLOWBD3_TYPE_REAL && !time)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT,
                        "column '%.80s' is %s, only real ones and times have decimals", c->name,
                        fb3_type_name(c->type));
    if (decimals < (time ? 0 : -1) || decimals > (time ? FB3_TIME_DIGITS : 17))
        return fb3_fail(err, FLOWBD3_ERROR_RANGE, "column '%.80s': decimals is %d, expected %s", c->name,
                        decimals, time ? "0 to 9" : "-1 to 17");
    c->decimals = decimals;
    return FLOWBD3_OK;
}

unsigned flowbd3_table_time_form(const flowbd3_table *table, size_t column) {
    const fb3_column *c = column_of(table, column);
    return c != NULL ? c->form : FLOWBD3_TIME_PLAIN;
}

flowbd3_status flowbd3_table_set_time_form(flowbd3_table *table, size_t column, unsigned form,
                                           flowbd3_error *err) {
    if (table == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_table_set_time_form: table is NULL");
    if (column_of(table, column) == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_RANGE, "column %zu does not exist, the table has %zu", column,
                        flowbd3_table_columns(table));
    fb3_column *c = &table->columns[column];
    if (c->type != FLOWBD3_TYPE_TIMESTAMP)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "column '%.80s' is %s, only times have a form", c->name,
                        fb3_type_name(c->type));
    if (form >= FB3_TIME_FORMS)
        return fb3_fail(err, FLOWBD3_ERROR_RANGE, "column '%.80s': form is %u, expected 0 to %d", c->name,
                        form, FB3_TIME_FORMS - 1);
    c->form = form;
    return FLOWBD3_OK;
}

const double *flowbd3_table_real(const flowbd3_table *table, size_t column) {
    const fb3_column *c = column_of(table, column);
    return c != NULL && c->type == FLOWBD3_TYPE_REAL ? c->real : NULL;
}

const int64_t *flowbd3_table_integer(const flowbd3_table *table, size_t column) {
    const fb3_column *c = column_of(table, column);
    return c != NULL && fb3_has_integers(c->type) ? c->integer : NULL;
}

const int32_t *flowbd3_table_codes(const flowbd3_table *table, size_t column) {
    const fb3_column *c = column_of(table, column);
    return c != NULL && fb3_has_dictionary(c->type) ? c->codes : NULL;
}

const uint8_t *flowbd3_table_valid(const flowbd3_table *table, size_t column) {
    const fb3_column *c = column_of(table, column);
    return c != NULL && c->missing != 0 ? c->valid : NULL;
}

size_t flowbd3_table_missing(const flowbd3_table *table, size_t column) {
    const fb3_column *c = column_of(table, column);
    return c != NULL ? c->missing : 0;
}

size_t flowbd3_table_categories(const flowbd3_table *table, size_t column) {
    const fb3_column *c = column_of(table, column);
    return c != NULL && c->dictionary != NULL ? c->dictionary->count : 0;
}

const char *flowbd3_table_category(const flowbd3_table *table, size_t column, size_t code) {
    return code < flowbd3_table_categories(table, column)
               ? fb3_dictionary_text(table->columns[column].dictionary, code)
               : NULL;
}

double flowbd3_table_number(const flowbd3_table *table, size_t row, size_t column) {
    const fb3_column *c = column_of(table, column);
    if (c == NULL || row >= table->rows || (c->valid != NULL && !c->valid[row]))
        return (double)NAN;
    if (c->type == FLOWBD3_TYPE_REAL)
        return c->real[row];
    return fb3_has_integers(c->type) ? (double)c->integer[row] : (double)NAN;
}
