/* What is kept of a fitted table's sequences: its groups, and how a table is put together again. */
#include "sequence/sequence.h"

#include <math.h>

/* ---- memory ------------------------------------------------------------------------------------ */

fb3_sequencing *fb3_sequencing_allocate(flowbd3_context *context, size_t columns, size_t groups) {
    fb3_sequencing *s = fb3_allocate_zero(context, 1, sizeof *s);
    if (s == NULL)
        return NULL;
    *s = (fb3_sequencing){.context = context, .n_columns = columns, .groups = groups};
    s->columns = fb3_allocate_zero(context, columns, sizeof *s->columns);
    s->group = fb3_allocate_zero(context, groups, sizeof *s->group);
    if (s->columns == NULL || s->group == NULL || flowbd3_table_create(&s->keys, context, NULL) != FLOWBD3_OK)
        fb3_sequencing_destroy(&s);
    return s;
}

void fb3_sequencing_destroy(fb3_sequencing **sequencing) {
    fb3_sequencing *s = *sequencing;
    *sequencing = NULL;
    if (s == NULL)
        return;
    for (size_t i = 0; s->columns != NULL && i < s->n_columns; i++)
        fb3_release(s->context, s->columns[i]);
    fb3_release(s->context, s->columns);
    fb3_release(s->context, s->order_by);
    fb3_release(s->context, s->group);
    flowbd3_table_destroy(&s->keys);
    fb3_release(s->context, s);
}

/* ---- keys -------------------------------------------------------------------------------------- */

static flowbd3_status put_cell(fb3_column *column, size_t row, const fb3_group_cell *cell) {
    column->valid[row] = cell->there;
    column->missing += !cell->there;
    if (!cell->there)
        fb3_put_missing(column, row);
    else if (column->type == FLOWBD3_TYPE_REAL)
        column->real[row] = cell->real;
    else if (fb3_has_integers(column->type))
        column->integer[row] = cell->integer;
    else
        return fb3_dictionary_intern(column->dictionary, cell->text, strlen(cell->text), &column->codes[row]);
    return FLOWBD3_OK;
}

flowbd3_status fb3_sequencing_add_key(fb3_sequencing *s, const char *name, flowbd3_type type, int decimals,
                                      unsigned form, const fb3_group_cell *cells, flowbd3_error *err) {
    bool text = fb3_has_dictionary(type);
    fb3_column column = {.type = type, .decimals = decimals, .form = form};
    column.name = fb3_duplicate(s->context, name);
    column.cells = fb3_allocate(s->context, s->groups, fb3_cell_size(type));
    column.valid = fb3_allocate(s->context, s->groups, 1);
    column.dictionary = text ? fb3_dictionary_create(s->context) : NULL;
    flowbd3_status status = FLOWBD3_OK;
    if (column.name == NULL || column.cells == NULL || column.valid == NULL ||
        (text && column.dictionary == NULL))
        status = fb3_no_memory(err, "the keys of groups");
    for (size_t i = 0; status == FLOWBD3_OK && i < s->groups; i++) {
        status = put_cell(&column, i, &cells[i]);
        if (status != FLOWBD3_OK)
            status = fb3_dictionary_failure(err, status, name, 0, 0);
    }
    if (status == FLOWBD3_OK && text)
        fb3_dictionary_seal(column.dictionary);
    if (status == FLOWBD3_OK)
        status = fb3_table_adopt(s->keys, &column, s->groups, err);
    if (status != FLOWBD3_OK)
        fb3_column_release(s->context, &column);
    return status;
}

/* ---- tables of sequences ----------------------------------------------------------------------- */

/* cells[rows, group columns] of the groups that the rows are drawn from. */
static flowbd3_status repeat_keys(flowbd3_table **out, const fb3_sequencing *s, const fb3_sequence *sequences,
                                  size_t n_sequences, size_t rows, flowbd3_error *err) {
    size_t *group = fb3_allocate(s->context, rows, sizeof *group), row = 0;
    if (group == NULL)
        return fb3_no_memory(err, "the groups of rows");
    for (size_t i = 0; i < n_sequences; i++)
        for (size_t flow = 0; flow < sequences[i].flows; flow++)
            group[row++] = sequences[i].group;
    flowbd3_status status = flowbd3_table_take(out, s->keys, group, rows, err);
    fb3_release(s->context, group);
    return status;
}

/* Moves the columns of both tables to a third, in the fitted order, which those of rest are in already. NULL
 * keys: there are none. */
static flowbd3_status join(flowbd3_table *to, const fb3_sequencing *s, flowbd3_table *keys,
                           flowbd3_table *rest, flowbd3_error *err) {
    size_t next = 0, rows = rest->rows;
    flowbd3_status status = FLOWBD3_OK;
    for (size_t i = 0; status == FLOWBD3_OK && i < s->n_columns; i++) {
        int64_t key = keys != NULL ? flowbd3_table_find(s->keys, s->columns[i]) : -1;
        fb3_column *column = key >= 0 ? &keys->columns[key] : &rest->columns[next++];
        status = fb3_table_adopt(to, column, rows, err);
    }
    return status;
}

flowbd3_status fb3_sequencing_restore(const fb3_sequencing *s, flowbd3_table **table,
                                      const fb3_sequence *sequences, size_t n_sequences, flowbd3_table **out,
                                      flowbd3_error *err) {
    flowbd3_table *keys = NULL;
    int64_t time = flowbd3_table_find(*table, s->order_by);
    if (time >= 0)
        fb3_gaps_to_times(&(*table)->columns[time], sequences, n_sequences);
    flowbd3_status status = flowbd3_table_create(out, s->context, err);
    if (status == FLOWBD3_OK && s->keys->n_columns != 0)
        status = repeat_keys(&keys, s, sequences, n_sequences, (*table)->rows, err);
    if (status == FLOWBD3_OK)
        status = join(*out, s, keys, *table, err);
    if (status != FLOWBD3_OK)
        flowbd3_table_destroy(out);
    flowbd3_table_destroy(&keys);
    flowbd3_table_destroy(table);
    return status;
}
