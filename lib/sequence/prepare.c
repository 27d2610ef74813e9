/* Tables as they are tokenized: columns that group and order the rows found, groups stored, gaps for times.
 */
#include "sequence/sequence.h"

/* ---- which columns ----------------------------------------------------------------------------- */

static bool is_group_column(const fb3_criteria *criteria, size_t column) {
    for (size_t i = 0; i < criteria->n_group_by; i++)
        if (criteria->group_by[i] == column)
            return true;
    return false;
}

/* Finds a column that an option names, and that none of those before does. */
static flowbd3_status find_named(size_t *column, const fb3_criteria *before, const flowbd3_table *table,
                                 const char *option, const char *name, flowbd3_error *err) {
    if (name == NULL || *name == '\0')
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "%s names a column that is %s, expected a name", option,
                        name == NULL ? "NULL" : "empty");
    int64_t found = flowbd3_table_find(table, name);
    if (found < 0)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "%s: the table has no column '%.80s'", option, name);
    *column = (size_t)found;
    if (is_group_column(before, *column))
        return fb3_fail_at(err, FLOWBD3_ERROR_ARGUMENT, 0, found + 1,
                           "%s: column '%.80s' groups the rows already, expected another one", option, name);
    return FLOWBD3_OK;
}

/* The columns that the options name; criteria has room for them. */
static flowbd3_status read_options(fb3_criteria *criteria, const flowbd3_table *table,
                                   const char *const *group_by, size_t n_group_by, const char *order_by,
                                   flowbd3_error *err) {
    flowbd3_status status = FLOWBD3_OK;
    criteria->order_by = SIZE_MAX;
    for (size_t i = 0; status == FLOWBD3_OK && i < n_group_by; i++) {
        status = find_named(&criteria->group_by[i], criteria, table, "group_by", group_by[i], err);
        criteria->n_group_by += status == FLOWBD3_OK;
    }
    if (status == FLOWBD3_OK && n_group_by == table->n_columns)
        status = fb3_fail(err, FLOWBD3_ERROR_ARGUMENT,
                          "group_by names all columns of the table, expected one more to learn");
    if (status == FLOWBD3_OK && order_by != NULL)
        status = find_named(&criteria->order_by, criteria, table, "order_by", order_by, err);
    if (status == FLOWBD3_OK && order_by != NULL &&
        fb3_has_dictionary(table->columns[criteria->order_by].type))
        status = fb3_fail_at(err, FLOWBD3_ERROR_ARGUMENT, 0, (int64_t)criteria->order_by + 1,
                             "order_by: column '%.80s' is %s, expected real, integer or timestamp", order_by,
                             fb3_type_name(table->columns[criteria->order_by].type));
    return status;
}

static flowbd3_status find_fitted(size_t *column, const flowbd3_table *table, const char *name,
                                  flowbd3_type type, flowbd3_error *err) {
    int64_t found = flowbd3_table_find(table, name);
    if (found < 0)
        return fb3_fail(err, FLOWBD3_ERROR_SCHEMA, "the table has no column '%.80s', expected one of type %s",
                        name, fb3_type_name(type));
    *column = (size_t)found;
    if (!fb3_type_serves(table->columns[found].type, type))
        return fb3_fail_at(err, FLOWBD3_ERROR_SCHEMA, 0, found + 1, "column '%.80s' is %s, expected %s", name,
                           fb3_type_name(table->columns[found].type), fb3_type_name(type));
    return FLOWBD3_OK;
}

/* The columns of another table; criteria has room for them. */
static flowbd3_status find_criteria(fb3_criteria *criteria, const fb3_sequencing *s,
                                    const flowbd3_table *table, flowbd3_error *err) {
    flowbd3_status status = FLOWBD3_OK;
    criteria->order_by = SIZE_MAX;
    criteria->n_group_by = s->keys->n_columns;
    for (size_t i = 0; status == FLOWBD3_OK && i < criteria->n_group_by; i++) {
        const fb3_column *key = &s->keys->columns[i];
        status = find_fitted(&criteria->group_by[i], table, key->name, key->type, err);
    }
    if (status == FLOWBD3_OK && s->order_by != NULL)
        status = find_fitted(&criteria->order_by, table, s->order_by, s->time, err);
    return status;
}

/* ---- groups to keep ---------------------------------------------------------------------------- */

/* kept[count] of the groups, ascending: all, or a uniform sample by selection (Knuth, The Art of Computer
 * Programming 2, 3.4.2, algorithm S). */
static void choose_groups(size_t *kept, size_t count, size_t groups, uint64_t seed) {
    size_t chosen = 0;
    for (size_t i = 0; chosen < count; i++)
        if (fb3_uniform(seed, FB3_RANDOM_GROUP, i, 0) * (double)(groups - i) < (double)(count - chosen))
            kept[chosen++] = i;
}

static fb3_group_cell cell_of(const fb3_column *column, size_t row) {
    fb3_group_cell cell = {.there = !fb3_is_missing(column, row)};
    if (column->type == FLOWBD3_TYPE_REAL)
        cell.real = column->real[row] + 0.0; /* both zeros are one value */
    else if (fb3_has_integers(column->type))
        cell.integer = column->integer[row];
    else if (cell.there)
        cell.text = fb3_dictionary_text(column->dictionary, (size_t)column->codes[row]);
    return cell;
}

static int64_t time_key(const fb3_column *column, size_t row) {
    return column->type == FLOWBD3_TYPE_REAL ? fb3_key_of_real(column->real[row]) : column->integer[row];
}

static void store_groups(fb3_sequencing *s, const flowbd3_table *table, const fb3_criteria *criteria,
                         const fb3_arrangement *a, const size_t *kept) {
    uint64_t before = 0;
    for (size_t i = 0; i < s->groups; i++) {
        size_t begin = a->first[kept[i]], end = a->first[kept[i] + 1];
        s->group[i] = (fb3_group){.before = before, .rows = end - begin};
        if (s->order_by != NULL) {
            const fb3_column *times = &table->columns[criteria->order_by];
            s->group[i].first = time_key(times, a->order[begin]);
            s->group[i].last = time_key(times, a->order[end - 1]);
        }
        before += end - begin;
    }
}

static flowbd3_status store_keys(fb3_sequencing *s, const flowbd3_table *table, const fb3_criteria *criteria,
                                 const fb3_arrangement *a, const size_t *kept, flowbd3_error *err) {
    flowbd3_status status = FLOWBD3_OK;
    fb3_group_cell *cells = fb3_allocate(s->context, s->groups, sizeof *cells);
    if (cells == NULL)
        return fb3_no_memory(err, "the keys of groups");
    for (size_t c = 0; status == FLOWBD3_OK && c < criteria->n_group_by; c++) {
        const fb3_column *column = &table->columns[criteria->group_by[c]];
        for (size_t i = 0; i < s->groups; i++)
            cells[i] = cell_of(column, a->order[a->first[kept[i]]]);
        status =
            fb3_sequencing_add_key(s, column->name, column->type, column->decimals, column->form, cells, err);
    }
    fb3_release(s->context, cells);
    return status;
}

/* Names and type of the fitted table's columns. False: no memory. */
static bool store_columns(fb3_sequencing *s, const flowbd3_table *table, size_t order_by) {
    bool fine = true;
    for (size_t i = 0; fine && i < s->n_columns; i++)
        fine = (s->columns[i] = fb3_duplicate(s->context, table->columns[i].name)) != NULL;
    if (order_by == SIZE_MAX)
        return fine;
    s->time = table->columns[order_by].type;
    s->order_by = fb3_duplicate(s->context, table->columns[order_by].name);
    return fine && s->order_by != NULL;
}

static flowbd3_status store(fb3_sequencing **out, const flowbd3_table *table, const fb3_criteria *criteria,
                            const fb3_arrangement *a, uint64_t seed, flowbd3_error *err) {
    flowbd3_context *context = table->context;
    size_t groups = a->groups < FB3_GROUPS_MAX ? a->groups : FB3_GROUPS_MAX;
    size_t *kept = fb3_allocate(context, groups, sizeof *kept);
    fb3_sequencing *s = fb3_sequencing_allocate(context, table->n_columns, groups);
    flowbd3_status status = FLOWBD3_OK;
    if (kept == NULL || s == NULL || !store_columns(s, table, criteria->order_by)) {
        status = fb3_no_memory(err, "the groups of a table");
    } else {
        choose_groups(kept, groups, a->groups, seed);
        store_groups(s, table, criteria, a, kept);
        status = store_keys(s, table, criteria, a, kept, err);
    }
    fb3_release(context, kept);
    if (status != FLOWBD3_OK)
        fb3_sequencing_destroy(&s);
    *out = s;
    return status;
}

/* ---- gaps in place of times -------------------------------------------------------------------- */

static flowbd3_status prepare(fb3_prepared *prepared, const flowbd3_table *table, size_t order_by,
                              const fb3_arrangement *a, flowbd3_error *err) {
    prepared->table = *table;
    if (order_by == SIZE_MAX)
        return FLOWBD3_OK;
    prepared->columns = fb3_allocate(table->context, table->n_columns, sizeof *prepared->columns);
    if (prepared->columns == NULL)
        return fb3_no_memory(err, "a table with gaps");
    flowbd3_status status = fb3_gaps_create(&prepared->gaps, table, order_by, a, err);
    memcpy(prepared->columns, table->columns, table->n_columns * sizeof *prepared->columns);
    prepared->columns[order_by] = prepared->gaps;
    prepared->table.columns = prepared->columns;
    return status;
}

void fb3_prepared_release(fb3_prepared *prepared) {
    flowbd3_context *context = prepared->table.context;
    fb3_release(context, prepared->columns);
    fb3_release(context, prepared->gaps.cells);
    fb3_release(context, prepared->gaps.valid);
    *prepared = (fb3_prepared){0};
}

/* ---- the door ---------------------------------------------------------------------------------- */

static flowbd3_status check_gaps(const fb3_arrangement *a, const char *order_by, flowbd3_error *err) {
    if (order_by == NULL || a->groups < a->rows)
        return FLOWBD3_OK;
    return fb3_fail(err, FLOWBD3_ERROR_FORMAT,
                    "order_by: every group has a single row, so that column '%.80s' has no gaps to learn",
                    order_by);
}

flowbd3_status fb3_sequencing_create(fb3_sequencing **out, fb3_prepared *prepared, const flowbd3_table *table,
                                     const char *const *group_by, size_t n_group_by, const char *order_by,
                                     uint64_t seed, flowbd3_error *err) {
    fb3_arrangement *arrangement = NULL;
    fb3_criteria criteria = {0};
    *out = NULL;
    *prepared = (fb3_prepared){.table.context = table->context};
    if (group_by == NULL && n_group_by != 0)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "group_by is NULL, expected %zu names", n_group_by);
    criteria.group_by = fb3_allocate(table->context, n_group_by, sizeof *criteria.group_by);
    flowbd3_status status = criteria.group_by == NULL
                                ? fb3_no_memory(err, "the names of columns")
                                : read_options(&criteria, table, group_by, n_group_by, order_by, err);
    if (status == FLOWBD3_OK)
        status = fb3_arrangement_create(&arrangement, table, &criteria, err);
    if (status == FLOWBD3_OK)
        status = check_gaps(arrangement, order_by, err);
    if (status == FLOWBD3_OK)
        status = prepare(prepared, table, criteria.order_by, arrangement, err);
    if (status == FLOWBD3_OK)
        status = store(out, table, &criteria, arrangement, seed, err);
    fb3_arrangement_destroy(&arrangement);
    fb3_release(table->context, criteria.group_by);
    return status;
}

/* The arrangement of another table, and the column of its times. */
static flowbd3_status arrange(const fb3_sequencing *s, const flowbd3_table *table, fb3_arrangement **out,
                              size_t *order_by, flowbd3_error *err) {
    fb3_criteria criteria = {0};
    *out = NULL;
    criteria.group_by = fb3_allocate(table->context, s->keys->n_columns, sizeof *criteria.group_by);
    if (criteria.group_by == NULL)
        return fb3_no_memory(err, "the names of columns");
    flowbd3_status status = find_criteria(&criteria, s, table, err);
    if (status == FLOWBD3_OK)
        status = fb3_arrangement_create(out, table, &criteria, err);
    *order_by = criteria.order_by;
    fb3_release(table->context, criteria.group_by);
    return status;
}

flowbd3_status fb3_sequencing_arrange(const fb3_sequencing *s, const flowbd3_table *table,
                                      fb3_arrangement **out, flowbd3_error *err) {
    size_t order_by;
    return arrange(s, table, out, &order_by, err);
}

flowbd3_status fb3_sequencing_prepare(const fb3_sequencing *s, const flowbd3_table *table,
                                      fb3_prepared *prepared, flowbd3_error *err) {
    fb3_arrangement *arrangement;
    size_t order_by;
    *prepared = (fb3_prepared){.table.context = table->context};
    flowbd3_status status = arrange(s, table, &arrangement, &order_by, err);
    if (status == FLOWBD3_OK)
        status = prepare(prepared, table, order_by, arrangement, err);
    fb3_arrangement_destroy(&arrangement);
    return status;
}
