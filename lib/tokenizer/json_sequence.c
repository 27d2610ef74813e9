/* The member "sequence" of a tokenizer's JSON (docs/tokenizer.md): how rows become sequences, and the groups.
 */
#include "tokenizer/json_internal.h"

/* ---- writing ----------------------------------------------------------------------------------- */

/* NULL: no memory, as of the three that follow. */
static json_t *cell_value(const fb3_column *column, size_t row) {
    if (fb3_is_missing(column, row))
        return json_null();
    if (fb3_has_dictionary(column->type))
        return json_string(fb3_dictionary_text(column->dictionary, (size_t)column->codes[row]));
    return column->type == FLOWBD3_TYPE_REAL ? json_real(column->real[row])
                                             : json_integer(column->integer[row]);
}

static json_t *group_value(const fb3_sequencing *s, size_t i) {
    const fb3_group *group = &s->group[i];
    json_t *key = json_array(), *object = json_object();
    bool fine = key != NULL && object != NULL;
    for (size_t c = 0; fine && c < s->keys->n_columns; c++)
        fine = json_array_append_new(key, cell_value(&s->keys->columns[c], i)) == 0;
    fine = fine && json_object_set(object, "key", key) == 0 &&
           fb3_json_set(object, "rows", json_integer((json_int_t)group->rows));
    if (s->order_by != NULL)
        fine = fine && fb3_json_set(object, "first", fb3_json_number(s->time, group->first)) &&
               fb3_json_set(object, "last", fb3_json_number(s->time, group->last));
    json_decref(key);
    if (!fine) {
        json_decref(object);
        return NULL;
    }
    return object;
}

/* The three arrays of the member; false: no memory. */
static bool fill_arrays(const fb3_sequencing *s, json_t *group_by, json_t *columns, json_t *groups) {
    bool fine = group_by != NULL && columns != NULL && groups != NULL;
    for (size_t i = 0; fine && i < s->keys->n_columns; i++) {
        const fb3_column *key = &s->keys->columns[i];
        fine = json_array_append_new(group_by,
                                     fb3_json_column(key->name, key->type, key->decimals, key->form)) == 0;
    }
    for (size_t i = 0; fine && i < s->n_columns; i++)
        fine = json_array_append_new(columns, json_string(s->columns[i])) == 0;
    for (size_t i = 0; fine && i < s->groups; i++)
        fine = json_array_append_new(groups, group_value(s, i)) == 0;
    return fine;
}

json_t *fb3_json_sequence(const fb3_sequencing *s) {
    json_t *group_by = json_array(), *columns = json_array(), *groups = json_array(), *object = NULL;
    bool fine = fill_arrays(s, group_by, columns, groups);
    if (fine)
        object = json_pack("{s:O, s:O, s:O}", "group_by", group_by, "columns", columns, "groups", groups);
    fine = object != NULL;
    if (fine && s->order_by != NULL)
        fine = fb3_json_set(object, "order_by", json_string(s->order_by));
    json_decref(group_by);
    json_decref(columns);
    json_decref(groups);
    if (!fine) {
        json_decref(object);
        return NULL;
    }
    return object;
}

/* ---- reading ----------------------------------------------------------------------------------- */

typedef struct reader {
    const flowbd3_tokenizer *tokenizer;
    fb3_sequencing *sequencing;
    flowbd3_error *err;
    const json_t *group_by, *columns, *groups; /* arrays of the member */
    size_t group;                              /* 1-based, for messages; 0 for not there yet */
} reader;

static flowbd3_status bad(const reader *r, const char *what, const char *expected) {
    char place[40] = "";
    if (r->group != 0)
        snprintf(place, sizeof place, " group %zu:", r->group - 1);
    return fb3_fail(r->err, FLOWBD3_ERROR_FORMAT,
                    "tokenizer: sequence:%s %s is missing or wrong, expected %s", place, what, expected);
}

/* Gaps need a token for the first row of a group, and must not lead back in time. */
static bool holds_gaps(const flowbd3_tokenizer *tokenizer, const char *name, flowbd3_type *type) {
    for (size_t i = 0; i < tokenizer->n_columns; i++) {
        const fb3_codec *codec = &tokenizer->columns[i];
        if (strcmp(codec->name, name) != 0)
            continue;
        *type = codec->type;
        if (codec->digits != NULL)
            return codec->missing > 0 && codec->digits->low >= 0;
        return codec->levels.count > 0 && codec->missing > 0 && codec->levels.knots[0] >= 0;
    }
    return false;
}

static flowbd3_status read_order(reader *r, const json_t *order_by) {
    fb3_sequencing *s = r->sequencing;
    if (order_by == NULL)
        return json_array_size(r->group_by) != 0 ? FLOWBD3_OK
                                                 : bad(r, "'order_by'", "a name, as 'group_by' has none");
    const char *name = fb3_json_text(order_by);
    if (name == NULL || !holds_gaps(r->tokenizer, name, &s->time))
        return bad(r, "'order_by'", "a numeric column with a token for missing cells and none below 0");
    s->order_by = fb3_duplicate(s->context, name);
    return s->order_by != NULL ? FLOWBD3_OK : fb3_no_memory(r->err, "the name of a column");
}

static flowbd3_status read_group(reader *r, fb3_group *group, const json_t *value, uint64_t before) {
    flowbd3_type time = r->sequencing->time;
    *group = (fb3_group){.before = before};
    if (!fb3_json_count(value, "rows", &group->rows) || group->rows > r->tokenizer->rows - before)
        return bad(r, "'rows'", "an integer above 0, all of them adding up to the tokenizer's at most");
    if (json_array_size(json_object_get(value, "key")) != json_array_size(r->group_by))
        return bad(r, "'key'", "an array with a cell for each column of 'group_by'");
    if (time == FLOWBD3_TYPE_AUTO)
        return FLOWBD3_OK;
    if (!fb3_json_key(json_object_get(value, "first"), time, &group->first) ||
        !fb3_json_key(json_object_get(value, "last"), time, &group->last) || group->first > group->last)
        return bad(r, "'first' or 'last'", "two numbers of the type of 'order_by' in ascending order");
    return FLOWBD3_OK;
}

static flowbd3_status read_groups(reader *r) {
    fb3_sequencing *s = r->sequencing;
    uint64_t rows = 0;
    for (size_t i = 0; i < s->groups; i++) {
        r->group = i + 1;
        flowbd3_status status = read_group(r, &s->group[i], json_array_get(r->groups, i), rows);
        if (status != FLOWBD3_OK)
            return status;
        rows += s->group[i].rows;
    }
    r->group = 0;
    /* Only of more groups than are stored some were left out. */
    if (s->groups < FB3_GROUPS_MAX && rows != r->tokenizer->rows)
        return bad(r, "'groups'", "groups whose rows add up to the tokenizer's");
    return FLOWBD3_OK;
}

static bool read_cell(fb3_group_cell *cell, const json_t *value, flowbd3_type type) {
    int64_t key = 0;
    *cell = (fb3_group_cell){.there = !json_is_null(value)};
    if (!cell->there)
        return true;
    if (fb3_has_dictionary(type)) {
        cell->text = fb3_json_category(value, type);
        return cell->text != NULL;
    }
    if (!fb3_json_key(value, type, &key))
        return false;
    if (type == FLOWBD3_TYPE_REAL)
        cell->real = fb3_real_of_key(key);
    else
        cell->integer = key;
    return true;
}

/* One column of 'group_by', and its cell of every key. */
static flowbd3_status read_key(reader *r, size_t column, fb3_group_cell *cells) {
    const json_t *value = json_array_get(r->group_by, column);
    const char *name = fb3_json_text(json_object_get(value, "name")), *member;
    flowbd3_type type;
    int decimals;
    unsigned form;
    if (name == NULL || !fb3_is_utf8(name, strlen(name)) ||
        flowbd3_table_find(r->sequencing->keys, name) >= 0)
        return bad(r, "'name' in 'group_by'", "a text that no other column has");
    const char *expected = fb3_json_type(value, &type, &decimals, &form, &member);
    if (expected != NULL)
        return bad(r, member, expected);
    for (size_t i = 0; i < r->sequencing->groups; i++) {
        const json_t *key = json_object_get(json_array_get(r->groups, i), "key");
        r->group = i + 1;
        if (!read_cell(&cells[i], json_array_get(key, column), type))
            return bad(r, "'key'", "null or a cell of the column's type");
    }
    r->group = 0;
    return fb3_sequencing_add_key(r->sequencing, name, type, decimals, form, cells, r->err);
}

static flowbd3_status read_keys(reader *r) {
    fb3_sequencing *s = r->sequencing;
    fb3_group_cell *cells = fb3_allocate(s->context, s->groups, sizeof *cells);
    flowbd3_status status = cells != NULL ? FLOWBD3_OK : fb3_no_memory(r->err, "the keys of groups");
    for (size_t i = 0; status == FLOWBD3_OK && i < json_array_size(r->group_by); i++)
        status = read_key(r, i, cells);
    fb3_release(s->context, cells);
    return status;
}

/* Rows with equal keys would be one group, so that no two groups share theirs. */
static flowbd3_status check_keys(const reader *r) {
    const fb3_sequencing *s = r->sequencing;
    fb3_arrangement *arrangement = NULL;
    fb3_criteria all = {NULL, s->keys->n_columns, SIZE_MAX};
    if (all.n_group_by == 0)
        return s->groups == 1 ? FLOWBD3_OK : bad(r, "'groups'", "one, as 'group_by' names no column");
    all.group_by = fb3_allocate(s->context, all.n_group_by, sizeof *all.group_by);
    if (all.group_by == NULL)
        return fb3_no_memory(r->err, "the keys of groups");
    for (size_t i = 0; i < all.n_group_by; i++)
        all.group_by[i] = i;
    flowbd3_status status = fb3_arrangement_create(&arrangement, s->keys, &all, r->err);
    if (status == FLOWBD3_OK && arrangement->groups != s->groups)
        status = bad(r, "'key'", "one that no other group has");
    fb3_arrangement_destroy(&arrangement);
    fb3_release(s->context, all.group_by);
    return status;
}

/* The columns are those of the tokenizer, in its order, and between them those of group_by, each once. */
static flowbd3_status read_columns(reader *r) {
    fb3_sequencing *s = r->sequencing;
    const flowbd3_tokenizer *t = r->tokenizer;
    size_t next = 0, keys = 0;
    for (size_t i = 0; i < s->n_columns; i++) {
        const char *name = fb3_json_text(json_array_get(r->columns, i));
        if (name != NULL && next < t->n_columns && strcmp(name, t->columns[next].name) == 0)
            next++;
        else if (name != NULL && flowbd3_table_find(s->keys, name) >= 0)
            keys++;
        else
            return bad(r, "'columns'", "the tokenizer's columns in their order and those of 'group_by'");
        s->columns[i] = fb3_duplicate(s->context, name);
        if (s->columns[i] == NULL)
            return fb3_no_memory(r->err, "the name of a column");
    }
    if (next != t->n_columns || keys != s->keys->n_columns)
        return bad(r, "'columns'", "every column of the tokenizer and of 'group_by'");
    return FLOWBD3_OK;
}

/* No name twice, among the columns read or between them and the tokenizer's own. */
static flowbd3_status check_names(const reader *r) {
    const fb3_sequencing *s = r->sequencing;
    json_t *names = json_object();
    bool memory = names != NULL;
    for (size_t i = 0; memory && i < s->n_columns; i++)
        memory = json_object_set_new(names, s->columns[i], json_true()) == 0;
    size_t distinct = json_object_size(names);
    json_decref(names);
    if (!memory)
        return fb3_no_memory(r->err, "the names of columns");
    return distinct == s->n_columns ? FLOWBD3_OK : bad(r, "'columns'", "no name twice");
}

flowbd3_status fb3_json_read_sequence(flowbd3_tokenizer *tokenizer, const json_t *value, flowbd3_error *err) {
    reader r = {.tokenizer = tokenizer, .err = err};
    r.group_by = json_object_get(value, "group_by");
    r.columns = json_object_get(value, "columns");
    r.groups = json_object_get(value, "groups");
    size_t columns = json_array_size(r.columns), groups = json_array_size(r.groups);
    if (!json_is_array(r.group_by) || json_array_size(r.group_by) > FB3_COLUMNS_MAX)
        return bad(&r, "'group_by'", "an array of at most 65535");
    if (columns != tokenizer->n_columns + json_array_size(r.group_by))
        return bad(&r, "'columns'", "as many names as there are columns with those of 'group_by'");
    if (groups < 1 || groups > FB3_GROUPS_MAX)
        return bad(&r, "'groups'", "an array of 1 to 4096");
    r.sequencing = fb3_sequencing_allocate(tokenizer->context, columns, groups);
    if (r.sequencing == NULL)
        return fb3_no_memory(err, "the groups of a tokenizer");
    tokenizer->sequencing = r.sequencing;
    flowbd3_status status = read_order(&r, json_object_get(value, "order_by"));
    if (status == FLOWBD3_OK)
        status = read_groups(&r);
    if (status == FLOWBD3_OK)
        status = read_keys(&r);
    if (status == FLOWBD3_OK)
        status = check_keys(&r);
    if (status == FLOWBD3_OK)
        status = read_columns(&r);
    return status == FLOWBD3_OK ? check_names(&r) : status;
}
