/* The cells of all columns of a stream: texts counted, numbers as distinct values until they are too many. */
#include "tokenizer/gather.h"

/* ---- numbers ----------------------------------------------------------------------------------- */

static size_t cells_at(const fb3_distinct *d, size_t i) {
    return d->before[i + 1] - d->before[i];
}

/* The values of both, in place of the first. False: no memory. */
static bool merge(fb3_distinct *to, const fb3_distinct *more, flowbd3_context *context) {
    fb3_distinct both = {.type = more->type};
    both.keys = fb3_allocate(context, to->count + more->count, sizeof *both.keys);
    both.before = fb3_allocate(context, to->count + more->count + 1, sizeof *both.before);
    if (both.keys == NULL || both.before == NULL) {
        fb3_distinct_release(&both, context);
        return false;
    }
    for (size_t i = 0, k = 0; i < to->count || k < more->count; both.count++) {
        bool first = k == more->count || (i < to->count && to->keys[i] <= more->keys[k]);
        bool second = i == to->count || (k < more->count && more->keys[k] <= to->keys[i]);
        both.keys[both.count] = first ? to->keys[i] : more->keys[k];
        both.before[both.count] = both.rows;
        both.rows += (first ? cells_at(to, i) : 0) + (second ? cells_at(more, k) : 0);
        i += first;
        k += second;
    }
    both.before[both.count] = both.rows;
    fb3_distinct_release(to, context);
    *to = both;
    return true;
}

static bool add_to_sketch(fb3_gathered *g, const fb3_distinct *more) {
    for (size_t i = 0; i < more->count; i++)
        if (!fb3_sketch_add(&g->sketch, more->keys[i], cells_at(more, i)))
            return false;
    return true;
}

/* Too many values: from now on they go to the sketch. */
static bool start_sketch(fb3_gathered *g, const fb3_gathering *all, size_t column) {
    g->sketch.context = all->context;
    g->sketch.k = all->limits.sketch;
    g->sketch.seed = all->seed;
    g->sketch.number = column;
    bool whole = add_to_sketch(g, &g->cells.distinct);
    fb3_distinct_release(&g->cells.distinct, all->context);
    return whole;
}

static bool gather_numbers(fb3_gathered *g, const fb3_gathering *all, const flowbd3_table *chunk,
                           size_t column) {
    fb3_distinct more;
    bool whole = fb3_distinct_create(&more, all->context, chunk, column);
    if (whole && more.count > 0) {
        g->low = more.keys[0] < g->low ? more.keys[0] : g->low;
        g->high = more.keys[more.count - 1] > g->high ? more.keys[more.count - 1] : g->high;
        if (g->sketch.k > 0)
            whole = add_to_sketch(g, &more);
        else
            whole = merge(&g->cells.distinct, &more, all->context);
    }
    fb3_distinct_release(&more, all->context);
    return whole && g->cells.distinct.count > all->limits.values ? start_sketch(g, all, column) : whole;
}

/* ---- texts ------------------------------------------------------------------------------------- */

/* The codes of another dictionary's texts in that of the column, to which new ones are added; NULL in *map:
 * they are the same. */
static flowbd3_status map_texts(fb3_gathered *g, const fb3_dictionary *other, flowbd3_context *context,
                                int32_t **map) {
    *map = NULL;
    if (other == g->dictionary)
        return FLOWBD3_OK;
    if (atomic_load(&g->dictionary->references) > 1) {
        fb3_dictionary *own = fb3_dictionary_copy(g->dictionary, context);
        if (own == NULL)
            return fb3_no_memory(&g->err, "a dictionary of categories");
        fb3_dictionary_release(&g->dictionary);
        g->dictionary = own;
    }
    *map = fb3_allocate(context, other->count, sizeof **map);
    if (*map == NULL)
        return fb3_no_memory(&g->err, "a dictionary of categories");
    flowbd3_status status = FLOWBD3_OK;
    for (size_t i = 0; i < other->count && status == FLOWBD3_OK; i++)
        status = fb3_dictionary_intern(g->dictionary, fb3_dictionary_text(other, i),
                                       fb3_dictionary_size(other, i), &(*map)[i]);
    return status == FLOWBD3_OK ? status : fb3_dictionary_failure(&g->err, status, g->name, 0, 0);
}

static flowbd3_status gather_texts(fb3_gathered *g, flowbd3_context *context, const flowbd3_table *chunk,
                                   const fb3_column *column) {
    if (g->dictionary == NULL)
        g->dictionary = fb3_dictionary_retain(column->dictionary);
    size_t before = g->cells.counts != NULL ? g->cells.dictionary->count : 0;
    int32_t *map;
    flowbd3_status status = map_texts(g, column->dictionary, context, &map);
    size_t texts = g->dictionary->count;
    if (status == FLOWBD3_OK && (g->cells.counts == NULL || texts > before)) {
        uint64_t *counts = fb3_reallocate(context, g->cells.counts, texts + 1, sizeof *counts);
        if (counts == NULL)
            status = fb3_no_memory(&g->err, "the categories of a column");
        else
            memset(counts + before, 0, (texts - before) * sizeof *counts);
        g->cells.counts = counts != NULL ? counts : g->cells.counts;
    }
    g->cells.dictionary = g->dictionary;
    for (size_t row = 0; status == FLOWBD3_OK && row < chunk->rows; row++)
        if (column->codes[row] >= 0)
            g->cells.counts[map != NULL ? map[column->codes[row]] : column->codes[row]]++;
    fb3_release(context, map);
    return status;
}

/* ---- columns ----------------------------------------------------------------------------------- */

typedef struct adding {
    fb3_gathering *gathering;
    const flowbd3_table *chunk;
} adding;

static void gather_column(void *argument, size_t i, unsigned worker) {
    (void)worker;
    const adding *a = argument;
    fb3_gathered *g = &a->gathering->columns[i];
    const fb3_column *column = &a->chunk->columns[i];
    fb3_cells *cells = &g->cells;
    cells->rows += a->chunk->rows;
    cells->missing += column->missing;
    if (cells->decimals >= 0 && (column->decimals < 0 || column->decimals > cells->decimals))
        cells->decimals = column->decimals;
    if (fb3_has_dictionary(column->type))
        (void)gather_texts(g, a->gathering->context, a->chunk, column);
    else if (!gather_numbers(g, a->gathering, a->chunk, i))
        (void)fb3_no_memory(&g->err, "the values of a column");
}

flowbd3_status fb3_gathering_add(fb3_gathering *gathering, const flowbd3_table *chunk, flowbd3_error *err) {
    fb3_parallel(gathering->context, gathering->n_columns, gather_column, &(adding){gathering, chunk});
    for (size_t i = 0; i < gathering->n_columns; i++) {
        const flowbd3_error *here = &gathering->columns[i].err;
        if (here->status == FLOWBD3_OK)
            continue;
        if (err != NULL)
            *err = *here;
        return here->status;
    }
    flowbd3_status status = fb3_row_sample_add(&gathering->sample, chunk, gathering->rows, err);
    gathering->rows += chunk->rows;
    return status;
}

flowbd3_status fb3_gathering_finish(fb3_gathering *gathering, flowbd3_error *err) {
    for (size_t i = 0; i < gathering->n_columns; i++) {
        fb3_gathered *g = &gathering->columns[i];
        if (g->sketch.k == 0)
            continue;
        if (!fb3_sketch_distinct(&g->sketch, g->cells.type, g->low, g->high, &g->cells.distinct))
            return fb3_no_memory(err, "the values of a column");
        fb3_sketch_release(&g->sketch);
        g->sketch = (fb3_sketch){.k = g->sketch.k};
    }
    flowbd3_status status = fb3_row_sample_finish(&gathering->sample, err);
    /* Rows that are not in the sample may have more digits. */
    for (size_t i = 0; status == FLOWBD3_OK && i < gathering->n_columns; i++)
        gathering->sample.rows->columns[i].decimals = gathering->columns[i].cells.decimals;
    return status;
}

/* ---- life -------------------------------------------------------------------------------------- */

flowbd3_status fb3_gathering_create(fb3_gathering **out, const flowbd3_table *columns,
                                    const fb3_gather_limits *limits, uint64_t seed, flowbd3_error *err) {
    flowbd3_context *context = columns->context;
    fb3_gathering *all = *out = fb3_allocate_zero(context, 1, sizeof *all);
    if (all == NULL)
        return fb3_no_memory(err, "the columns of a stream");
    *all = (fb3_gathering){.context = fb3_context_retain(context), .limits = *limits, .seed = seed};
    all->sample = (fb3_row_sample){.context = context, .seed = seed, .limit = limits->rows};
    all->columns = fb3_allocate_zero(context, columns->n_columns, sizeof *all->columns);
    bool whole = all->columns != NULL;
    for (; whole && all->n_columns < columns->n_columns; all->n_columns++) {
        const fb3_column *column = &columns->columns[all->n_columns];
        fb3_gathered *g = &all->columns[all->n_columns];
        g->name = fb3_duplicate(context, column->name);
        g->cells = (fb3_cells){.name = g->name,
                               .type = column->type,
                               .decimals = column->decimals,
                               .form = column->form,
                               .column = all->n_columns};
        g->low = INT64_MAX;
        g->high = INT64_MIN;
        whole = g->name != NULL;
    }
    if (whole)
        return FLOWBD3_OK;
    fb3_gathering_destroy(out);
    return fb3_no_memory(err, "the columns of a stream");
}

void fb3_gathering_destroy(fb3_gathering **gathering) {
    fb3_gathering *all = *gathering;
    if (all == NULL)
        return;
    flowbd3_context *context = all->context;
    for (size_t i = 0; i < all->n_columns; i++) {
        fb3_gathered *g = &all->columns[i];
        fb3_cells_release(&g->cells, context);
        fb3_sketch_release(&g->sketch);
        fb3_dictionary_release(&g->dictionary);
        fb3_release(context, g->digits);
        fb3_release(context, g->name);
    }
    fb3_row_sample_release(&all->sample);
    fb3_release(context, all->columns);
    fb3_release(context, all);
    flowbd3_context_destroy(&context);
    *gathering = NULL;
}
