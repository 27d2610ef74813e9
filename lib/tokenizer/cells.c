/* What a tokenizer is fitted to: the cells of every column, without their order, and rows that are looked at
 * together. */
#include "tokenizer/tokenizer.h"

/* counts[categories] of a column with a dictionary. */
static bool count_texts(fb3_cells *cells, flowbd3_context *context, const fb3_column *column) {
    cells->dictionary = column->dictionary;
    cells->counts = fb3_allocate_zero(context, column->dictionary->count, sizeof *cells->counts);
    for (size_t row = 0; cells->counts != NULL && row < cells->rows; row++)
        if (column->codes[row] >= 0)
            cells->counts[column->codes[row]]++;
    return cells->counts != NULL;
}

flowbd3_status fb3_cells_create(fb3_cells *cells, flowbd3_context *context, const flowbd3_table *table,
                                size_t column, flowbd3_error *err) {
    const fb3_column *c = &table->columns[column];
    *cells = (fb3_cells){.name = c->name,
                         .type = c->type,
                         .decimals = c->decimals,
                         .form = c->form,
                         .column = column,
                         .rows = table->rows,
                         .missing = c->missing};
    bool whole = fb3_has_dictionary(c->type) ? count_texts(cells, context, c)
                                             : fb3_distinct_create(&cells->distinct, context, table, column);
    return whole ? FLOWBD3_OK : fb3_no_memory(err, "the distinct values of a column");
}

void fb3_cells_release(fb3_cells *cells, flowbd3_context *context) {
    fb3_distinct_release(&cells->distinct, context);
    fb3_release(context, cells->counts);
    *cells = (fb3_cells){0};
}

flowbd3_status fb3_material_take(fb3_cells *cells, const fb3_material *material, size_t column,
                                 flowbd3_error *err) {
    if (material->cells == NULL)
        return fb3_cells_create(cells, material->table->context, material->table, column, err);
    *cells = material->cells[column];
    return FLOWBD3_OK;
}

void fb3_material_give_back(fb3_cells *cells, const fb3_material *material) {
    if (material->cells == NULL)
        fb3_cells_release(cells, material->table->context);
}
