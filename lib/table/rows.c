/* Rows and columns of a table as a new one, and rows appended. */
#include "table/table.h"

#include <math.h>
#include <string.h>

/* ---- copies of rows ---------------------------------------------------------------------------- */

/* Which rows to copy: rows[count], or first, first + 1, ... when rows is NULL. */
typedef struct selection {
    const size_t *rows;
    size_t first, count;
} selection;

static void copy_cells(fb3_column *to, const fb3_column *from, const selection *s) {
    size_t size = fb3_cell_size(from->type);
    if (s->rows == NULL) {
        if (s->count != 0)
            memcpy(to->cells, (const char *)from->cells + s->first * size, s->count * size);
    } else if (size == sizeof(int32_t)) {
        for (size_t i = 0; i < s->count; i++)
            to->codes[i] = from->codes[s->rows[i]];
    } else {
        for (size_t i = 0; i < s->count; i++)
            to->integer[i] = from->integer[s->rows[i]];
    }
    for (size_t i = 0; i < s->count && from->valid != NULL; i++) {
        to->valid[i] = from->valid[s->rows != NULL ? s->rows[i] : s->first + i];
        to->missing += to->valid[i] == 0;
    }
}

static flowbd3_status add_copy(flowbd3_table *to, const fb3_column *from, const selection *s,
                               flowbd3_error *err) {
    flowbd3_context *context = to->context;
    fb3_column column = {.type = from->type, .decimals = from->decimals, .form = from->form};
    column.dictionary = fb3_dictionary_retain(from->dictionary);
    column.name = fb3_duplicate(context, from->name);
    column.cells = fb3_allocate(context, s->count, fb3_cell_size(from->type));
    if (from->valid != NULL)
        column.valid = fb3_allocate(context, s->count, 1);
    flowbd3_status status = FLOWBD3_OK;
    if (column.name == NULL || column.cells == NULL || (from->valid != NULL && column.valid == NULL)) {
        status = fb3_no_memory(err, "a column");
    } else {
        copy_cells(&column, from, s);
        status = fb3_table_adopt(to, &column, s->count, err);
    }
    if (status != FLOWBD3_OK)
        fb3_column_release(context, &column);
    return status;
}

static flowbd3_status copy_rows(flowbd3_table **out, const flowbd3_table *table, const selection *s,
                                flowbd3_error *err) {
    flowbd3_status status = flowbd3_table_create(out, table->context, err);
    for (size_t i = 0; i < table->n_columns && status == FLOWBD3_OK; i++)
        status = add_copy(*out, &table->columns[i], s, err);
    if (status != FLOWBD3_OK)
        flowbd3_table_destroy(out);
    return status;
}

flowbd3_status flowbd3_table_slice(flowbd3_table **out, const flowbd3_table *table, size_t first,
                                   size_t count, flowbd3_error *err) {
    if (out != NULL)
        *out = NULL;
    if (out == NULL || table == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_table_slice: out or table is NULL");
    if (first > table->rows || count > table->rows - first)
        return fb3_fail(err, FLOWBD3_ERROR_RANGE,
                        "%zu rows from row %zu on, expected within the %zu there are", count, first,
                        table->rows);
    return copy_rows(out, table, &(selection){NULL, first, count}, err);
}

flowbd3_status flowbd3_table_take(flowbd3_table **out, const flowbd3_table *table, const size_t *rows,
                                  size_t count, flowbd3_error *err) {
    if (out != NULL)
        *out = NULL;
    if (out == NULL || table == NULL || (rows == NULL && count != 0))
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_table_take: out, table or rows is NULL");
    for (size_t i = 0; i < count; i++)
        if (rows[i] >= table->rows)
            return fb3_fail(err, FLOWBD3_ERROR_RANGE,
                            "rows[%zu] is %zu, expected less than the %zu there are", i, rows[i],
                            table->rows);
    return copy_rows(out, table, &(selection){rows, 0, count}, err);
}

flowbd3_status flowbd3_table_select(flowbd3_table **out, const flowbd3_table *table, const char *const *names,
                                    size_t count, flowbd3_error *err) {
    if (out != NULL)
        *out = NULL;
    if (out == NULL || table == NULL || (names == NULL && count != 0))
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_table_select: out, table or names is NULL");
    flowbd3_status status = flowbd3_table_create(out, table->context, err);
    for (size_t i = 0; i < count && status == FLOWBD3_OK; i++) {
        int64_t column = flowbd3_table_find(table, names[i]);
        if (column < 0)
            status = fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "the table has no column '%.80s'",
                              names[i] != NULL ? names[i] : "NULL");
        else
            status = add_copy(*out, &table->columns[column], &(selection){NULL, 0, table->rows}, err);
    }
    if (status != FLOWBD3_OK)
        flowbd3_table_destroy(out);
    return status;
}

flowbd3_status flowbd3_table_split(flowbd3_table **first, flowbd3_table **second, const flowbd3_table *table,
                                   double share, uint64_t seed, flowbd3_error *err) {
    if (first != NULL)
        *first = NULL;
    if (second != NULL)
        *second = NULL;
    if (first == NULL || second == NULL || table == NULL || first == second)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT,
                        "flowbd3_table_split: expected a table and two different places for its parts");
    if (!(share > 0.0 && share < 1.0))
        return fb3_fail(err, FLOWBD3_ERROR_RANGE, "share is %g, expected more than 0 and less than 1", share);
    size_t rows = table->rows;
    if (rows < 2)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "the table has %zu rows, a split needs two", rows);
    double wanted = nearbyint(share * (double)rows);
    size_t count = wanted < 1.0 ? 1 : wanted > (double)(rows - 1) ? rows - 1 : (size_t)wanted;

    flowbd3_context *context = table->context;
    size_t *parts = fb3_allocate(context, rows, sizeof *parts);
    flowbd3_status status = FLOWBD3_OK;
    if (parts == NULL) {
        status = fb3_no_memory(err, "a split of rows");
    } else {
        fb3_shuffle shuffle = fb3_shuffle_of(rows, seed, FB3_RANDOM_SPLIT, 0);
        size_t next[2] = {count, 0}; /* where the next row goes, of the second part and of the first */
        for (size_t row = 0; row < rows; row++)
            parts[next[fb3_shuffle_place(&shuffle, row) < count]++] = row;
        status = copy_rows(first, table, &(selection){parts, 0, count}, err);
        if (status == FLOWBD3_OK)
            status = copy_rows(second, table, &(selection){parts + count, 0, rows - count}, err);
    }
    if (status != FLOWBD3_OK)
        flowbd3_table_destroy(first);
    fb3_release(context, parts);
    return status;
}

/* ---- append ------------------------------------------------------------------------------------ */

static flowbd3_status check_same_columns(const flowbd3_table *table, const flowbd3_table *other,
                                         flowbd3_error *err) {
    if (table->n_columns != other->n_columns)
        return fb3_fail(err, FLOWBD3_ERROR_SCHEMA, "the rows to append have %zu columns, expected %zu",
                        other->n_columns, table->n_columns);
    for (size_t i = 0; i < table->n_columns; i++) {
        const fb3_column *a = &table->columns[i], *b = &other->columns[i];
        if (strcmp(a->name, b->name) != 0)
            return fb3_fail_at(err, FLOWBD3_ERROR_SCHEMA, 0, (int64_t)i + 1,
                               "column %zu of the rows to append is '%.60s', expected '%.60s'", i + 1,
                               b->name, a->name);
        if (a->type != b->type)
            return fb3_fail_at(err, FLOWBD3_ERROR_SCHEMA, 0, (int64_t)i + 1,
                               "column '%.80s' of the rows to append has another type", a->name);
    }
    return FLOWBD3_OK;
}

/* Room for capacity rows in a column, and a mask when the new rows need one. */
static bool reserve_rows(flowbd3_table *table, fb3_column *column, size_t capacity, bool masked) {
    void *cells = fb3_reallocate(table->context, column->cells, capacity, fb3_cell_size(column->type));
    if (cells == NULL)
        return false;
    column->cells = cells;
    if (column->valid == NULL && !masked)
        return true;
    bool all_there = column->valid == NULL;
    uint8_t *valid = fb3_reallocate(table->context, column->valid, capacity, 1);
    if (valid == NULL)
        return false;
    column->valid = valid;
    if (all_there)
        memset(valid, 1, table->rows);
    return true;
}

static flowbd3_status reserve(flowbd3_table *table, const flowbd3_table *other, flowbd3_error *err) {
    if (other->rows > PTRDIFF_MAX - table->rows)
        return fb3_no_memory(err, "rows to append");
    size_t needed = table->rows + other->rows;
    size_t capacity = needed > table->capacity ? needed + needed / 2 : table->capacity;
    for (size_t i = 0; i < table->n_columns; i++) {
        fb3_column *column = &table->columns[i];
        bool masked = other->columns[i].valid != NULL;
        if ((needed > table->capacity || (masked && column->valid == NULL)) &&
            !reserve_rows(table, column, capacity, masked))
            return fb3_no_memory(err, "rows to append");
    }
    table->capacity = capacity;
    return FLOWBD3_OK;
}

/* Codes of the appended rows, written behind the table's own, in the table's dictionary. */
static flowbd3_status append_codes(flowbd3_table *table, fb3_column *to, const fb3_column *from, size_t rows,
                                   flowbd3_error *err) {
    int32_t *codes = to->codes + table->rows;
    if (to->dictionary == from->dictionary) {
        memcpy(codes, from->codes, rows * sizeof *codes);
        return FLOWBD3_OK;
    }
    if (atomic_load(&to->dictionary->references) > 1) {
        fb3_dictionary *own = fb3_dictionary_copy(to->dictionary, table->context);
        if (own == NULL)
            return fb3_no_memory(err, "a dictionary of categories");
        fb3_dictionary_release(&to->dictionary);
        to->dictionary = own;
    }
    size_t count = from->dictionary->count;
    int32_t *map = fb3_allocate(table->context, count, sizeof *map);
    if (map == NULL)
        return fb3_no_memory(err, "a dictionary of categories");
    flowbd3_status status = FLOWBD3_OK;
    for (size_t i = 0; i < count && status == FLOWBD3_OK; i++) {
        const char *text = fb3_dictionary_text(from->dictionary, i);
        status = fb3_dictionary_intern(to->dictionary, text, strlen(text), &map[i]);
    }
    for (size_t i = 0; i < rows && status == FLOWBD3_OK; i++)
        codes[i] = from->codes[i] < 0 ? -1 : map[from->codes[i]];
    fb3_release(table->context, map);
    return status == FLOWBD3_OK ? status : fb3_dictionary_failure(err, status, to->name, 0, 0);
}

flowbd3_status flowbd3_table_append(flowbd3_table *table, const flowbd3_table *other, flowbd3_error *err) {
    if (table == NULL || other == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_table_append: table or other is NULL");
    flowbd3_status status = check_same_columns(table, other, err);
    if (status != FLOWBD3_OK || other->rows == 0)
        return status;
    status = reserve(table, other, err);
    if (status != FLOWBD3_OK)
        return status;
    size_t rows = table->rows, more = other->rows;
    /* What can fail comes first; cells beyond table->rows are nobody's until the count is raised. */
    for (size_t i = 0; i < table->n_columns; i++) {
        fb3_column *to = &table->columns[i];
        const fb3_column *from = &other->columns[i];
        if (!fb3_has_dictionary(to->type))
            memcpy(to->integer + rows, from->integer, more * sizeof *to->integer);
        else if ((status = append_codes(table, to, from, more, err)) != FLOWBD3_OK)
            return status;
    }
    for (size_t i = 0; i < table->n_columns; i++) {
        fb3_column *to = &table->columns[i];
        const fb3_column *from = &other->columns[i];
        if (from->valid != NULL)
            memcpy(to->valid + rows, from->valid, more);
        else if (to->valid != NULL)
            memset(to->valid + rows, 1, more);
        to->missing += from->missing;
        if (to->decimals >= 0)
            to->decimals =
                from->decimals < 0 || from->decimals > to->decimals ? from->decimals : to->decimals;
    }
    table->rows = rows + more;
    return FLOWBD3_OK;
}
