/* Rows of a table in groups, and in order inside each. */
#include "sequence/sequence.h"

#include <stdlib.h>

/* ---- groups ------------------------------------------------------------------------------------ */

/* Rows in groups by the columns looked at so far. */
typedef struct grouping {
    size_t rows, groups;
    size_t *group;     /* [rows] of each row, numbered in order of first appearance */
    size_t *finer;     /* [rows] the same with one column more, while it is looked at */
    size_t *first_row; /* [rows] of each group */
    size_t *index;     /* [index_size] group + 1, found by hash; 0 = free */
    size_t index_size; /* a power of two, at least twice the rows */
} grouping;

/* The finalizer of MurmurHash3 (Appleby), which spreads every bit of x over all of the result. */
static uint64_t spread(uint64_t x) {
    x = (x ^ x >> 33) * UINT64_C(0xff51afd7ed558ccd);
    x = (x ^ x >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return x ^ x >> 33;
}

/* A cell as a number that is equal where cells are; of a missing one it says nothing. */
static int64_t key_at(const fb3_column *column, size_t row) {
    if (column->type == FLOWBD3_TYPE_REAL)
        return fb3_key_of_real(column->real[row]);
    return fb3_has_integers(column->type) ? column->integer[row] : column->codes[row];
}

static bool same_group(const grouping *g, const fb3_column *column, size_t a, size_t b) {
    bool missing = fb3_is_missing(column, a);
    return g->group[a] == g->group[b] && missing == fb3_is_missing(column, b) &&
           (missing || key_at(column, a) == key_at(column, b));
}

/* Makes the groups finer by the cells of one column more. */
static void split_by(grouping *g, const fb3_column *column) {
    memset(g->index, 0, g->index_size * sizeof *g->index);
    g->groups = 0;
    for (size_t row = 0; row < g->rows; row++) {
        uint64_t cell = fb3_is_missing(column, row) ? 0 : (uint64_t)key_at(column, row) + 1;
        size_t i = (size_t)spread(cell ^ spread(g->group[row])) & (g->index_size - 1);
        while (g->index[i] != 0 && !same_group(g, column, g->first_row[g->index[i] - 1], row))
            i = (i + 1) & (g->index_size - 1);
        if (g->index[i] == 0) {
            g->first_row[g->groups] = row;
            g->index[i] = ++g->groups;
        }
        g->finer[row] = g->index[i] - 1;
    }
    size_t *swap = g->group;
    g->group = g->finer;
    g->finer = swap;
}

/* False: no memory. */
static bool find_groups(grouping *g, const flowbd3_table *table, const fb3_criteria *criteria) {
    flowbd3_context *context = table->context;
    *g = (grouping){.rows = table->rows, .groups = table->rows != 0, .index_size = 64};
    while (g->index_size / 2 < g->rows)
        g->index_size *= 2;
    g->group = fb3_allocate_zero(context, g->rows, sizeof *g->group);
    g->finer = fb3_allocate(context, g->rows, sizeof *g->finer);
    g->first_row = fb3_allocate(context, g->rows, sizeof *g->first_row);
    g->index = fb3_allocate(context, g->index_size, sizeof *g->index);
    if (g->group == NULL || g->finer == NULL || g->first_row == NULL || g->index == NULL)
        return false;
    for (size_t i = 0; i < criteria->n_group_by; i++)
        split_by(g, &table->columns[criteria->group_by[i]]);
    return true;
}

static void release_groups(grouping *g, flowbd3_context *context) {
    fb3_release(context, g->group);
    fb3_release(context, g->finer);
    fb3_release(context, g->first_row);
    fb3_release(context, g->index);
}

/* ---- order ------------------------------------------------------------------------------------- */

typedef struct timed_row {
    int64_t time;
    size_t row;
} timed_row;

static int by_time(const void *a, const void *b) {
    const timed_row *x = a, *y = b;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

/* The rows of one group, which come in the table's order, by the cells of a column. */
static void sort_rows(size_t *order, size_t count, const fb3_column *column, timed_row *scratch) {
    bool ascending = true;
    for (size_t i = 0; i < count; i++) {
        scratch[i] = (timed_row){key_at(column, order[i]), order[i]};
        ascending = ascending && (i == 0 || scratch[i - 1].time <= scratch[i].time);
    }
    if (ascending)
        return;
    qsort(scratch, count, sizeof *scratch, by_time);
    for (size_t i = 0; i < count; i++)
        order[i] = scratch[i].row;
}

static flowbd3_status sort_groups(fb3_arrangement *a, const flowbd3_table *table, size_t order_by,
                                  flowbd3_error *err) {
    if (order_by == SIZE_MAX)
        return FLOWBD3_OK;
    const fb3_column *column = &table->columns[order_by];
    for (size_t row = 0; column->missing != 0 && row < a->rows; row++)
        if (fb3_is_missing(column, row))
            return fb3_fail_at(err, FLOWBD3_ERROR_FORMAT, (int64_t)row + 1, (int64_t)order_by + 1,
                               "column '%.80s', row %zu is missing, expected a value to order the rows by",
                               column->name, row + 1);
    timed_row *scratch = fb3_allocate(a->context, a->rows, sizeof *scratch);
    if (scratch == NULL)
        return fb3_no_memory(err, "the order of rows");
    for (size_t g = 0; g < a->groups; g++)
        sort_rows(a->order + a->first[g], a->first[g + 1] - a->first[g], column, scratch);
    fb3_release(a->context, scratch);
    return FLOWBD3_OK;
}

/* ---- the door ---------------------------------------------------------------------------------- */

void fb3_arrangement_destroy(fb3_arrangement **arrangement) {
    if (arrangement == NULL || *arrangement == NULL)
        return;
    fb3_arrangement *a = *arrangement;
    flowbd3_context *context = a->context;
    fb3_release(context, a->order);
    fb3_release(context, a->first);
    fb3_release(context, a);
    flowbd3_context_destroy(&context);
    *arrangement = NULL;
}

/* NULL: no memory. */
static fb3_arrangement *allocate_arrangement(size_t rows, size_t groups, flowbd3_context *context) {
    fb3_arrangement *a = fb3_allocate_zero(context, 1, sizeof *a);
    if (a == NULL)
        return NULL;
    *a = (fb3_arrangement){fb3_context_retain(context), rows, groups, NULL, NULL};
    a->order = fb3_allocate(context, rows, sizeof *a->order);
    a->first = fb3_allocate_zero(context, groups + 1, sizeof *a->first);
    if (a->order == NULL || a->first == NULL)
        fb3_arrangement_destroy(&a);
    return a;
}

/* All rows are one group, as without columns to group by. */
static fb3_arrangement *leave_rows(const flowbd3_table *table) {
    fb3_arrangement *a = allocate_arrangement(table->rows, table->rows != 0, table->context);
    for (size_t row = 0; a != NULL && row < table->rows; row++)
        a->order[row] = row;
    if (a != NULL)
        a->first[a->groups] = table->rows;
    return a;
}

/* Puts the rows group by group, those of a group in the table's order. */
static fb3_arrangement *place_rows(grouping *g, flowbd3_context *context) {
    fb3_arrangement *a = allocate_arrangement(g->rows, g->groups, context);
    if (a == NULL)
        return NULL;
    for (size_t row = 0; row < g->rows; row++)
        a->first[g->group[row] + 1]++;
    for (size_t i = 0; i < g->groups; i++)
        a->first[i + 1] += a->first[i];
    size_t *next = g->finer;
    memcpy(next, a->first, g->groups * sizeof *next);
    for (size_t row = 0; row < g->rows; row++)
        a->order[next[g->group[row]]++] = row;
    return a;
}

static fb3_arrangement *group_rows(const flowbd3_table *table, const fb3_criteria *criteria) {
    grouping g;
    fb3_arrangement *a = find_groups(&g, table, criteria) ? place_rows(&g, table->context) : NULL;
    release_groups(&g, table->context);
    return a;
}

flowbd3_status fb3_arrangement_create(fb3_arrangement **out, const flowbd3_table *table,
                                      const fb3_criteria *criteria, flowbd3_error *err) {
    *out = criteria->n_group_by > 0 ? group_rows(table, criteria) : leave_rows(table);
    if (*out == NULL)
        return fb3_no_memory(err, "the groups of rows");
    flowbd3_status status = sort_groups(*out, table, criteria->order_by, err);
    if (status != FLOWBD3_OK)
        fb3_arrangement_destroy(out);
    return status;
}
