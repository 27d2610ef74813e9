/* Tokenizers: fitted to a table, shared, and described. */
#include "tokenizer/tokenizer.h"

#include <math.h>

enum { DEFAULT_BINS = 256 };

/* ---- memory ------------------------------------------------------------------------------------ */

flowbd3_tokenizer *fb3_tokenizer_allocate(flowbd3_context *context, size_t columns) {
    flowbd3_tokenizer *t = fb3_allocate_zero(context, 1, sizeof *t);
    if (t == NULL)
        return NULL;
    atomic_init(&t->references, 1);
    t->context = fb3_context_retain(context);
    t->columns = fb3_allocate_zero(context, columns, sizeof *t->columns);
    t->slots = fb3_allocate_zero(context, columns, sizeof *t->slots);
    if (t->columns == NULL || t->slots == NULL) {
        flowbd3_tokenizer_destroy(&t);
        return NULL;
    }
    t->n_columns = t->n_slots = columns;
    return t;
}

bool fb3_slot_allocate(fb3_slot *slot, flowbd3_context *context, size_t values, bool missing,
                       size_t n_knots) {
    slot->values = values;
    slot->vocabulary = values + missing;
    slot->n_knots = n_knots;
    slot->counts = fb3_allocate_zero(context, slot->vocabulary, sizeof *slot->counts);
    if (n_knots == 0)
        return slot->counts != NULL;
    slot->first = fb3_allocate_zero(context, values, sizeof *slot->first);
    slot->bins = fb3_allocate_zero(context, values, sizeof *slot->bins);
    slot->knots = fb3_allocate_zero(context, n_knots, sizeof *slot->knots);
    slot->cumulative = fb3_allocate_zero(context, n_knots, sizeof *slot->cumulative);
    return slot->counts != NULL && slot->first != NULL && slot->bins != NULL && slot->knots != NULL &&
           slot->cumulative != NULL;
}

static void slot_release(fb3_slot *slot, flowbd3_context *context) {
    fb3_release(context, slot->counts);
    fb3_release(context, slot->first);
    fb3_release(context, slot->bins);
    fb3_release(context, slot->knots);
    fb3_release(context, slot->cumulative);
    fb3_release(context, slot->sorted);
    fb3_dictionary_release(&slot->dictionary);
}

flowbd3_tokenizer *fb3_tokenizer_retain(flowbd3_tokenizer *tokenizer) {
    atomic_fetch_add_explicit(&tokenizer->references, 1, memory_order_relaxed);
    return tokenizer;
}

void flowbd3_tokenizer_destroy(flowbd3_tokenizer **tokenizer) {
    if (tokenizer == NULL || *tokenizer == NULL)
        return;
    flowbd3_tokenizer *t = *tokenizer;
    *tokenizer = NULL;
    if (atomic_fetch_sub_explicit(&t->references, 1, memory_order_acq_rel) != 1)
        return;
    flowbd3_context *context = t->context;
    for (size_t i = 0; i < t->n_columns; i++)
        fb3_release(context, t->columns[i].name);
    for (size_t i = 0; i < t->n_slots; i++)
        slot_release(&t->slots[i], context);
    fb3_release(context, t->columns);
    fb3_release(context, t->slots);
    fb3_sequencing_destroy(&t->sequencing);
    fb3_release(context, t);
    flowbd3_context_destroy(&context);
}

/* ---- fitting ----------------------------------------------------------------------------------- */

flowbd3_status flowbd3_tokenizer_options_init(flowbd3_tokenizer_options *options, size_t size) {
    return fb3_options_init(options, size, sizeof *options);
}

static flowbd3_status check_options(flowbd3_tokenizer_options *o, const flowbd3_tokenizer_options *options,
                                    flowbd3_error *err) {
    flowbd3_status status = fb3_options_copy(o, sizeof *o, options, "flowbd3_tokenizer_options", err);
    if (status != FLOWBD3_OK)
        return status;
    if (o->binning < FLOWBD3_BINNING_AUTO || o->binning > FLOWBD3_BINNING_KMEANS)
        return fb3_fail(err, FLOWBD3_ERROR_RANGE, "binning is %d, expected 0 to 3", (int)o->binning);
    if (o->bins == 0)
        o->bins = DEFAULT_BINS;
    if (o->bins < 2 || o->bins > FB3_TOKENS_MAX)
        return fb3_fail(err, FLOWBD3_ERROR_RANGE, "bins is %u, expected 2 to %d", o->bins, FB3_TOKENS_MAX);
    return FLOWBD3_OK;
}

typedef struct fit {
    flowbd3_tokenizer *tokenizer;
    const flowbd3_table *table;
    const size_t *columns; /* [columns of the tokenizer] those of the table */
    const flowbd3_tokenizer_options *options;
    flowbd3_error *errors; /* [columns of the tokenizer] */
} fit;

static void fit_column(void *argument, size_t i, unsigned worker) {
    (void)worker;
    fit *f = argument;
    flowbd3_context *context = f->tokenizer->context;
    fb3_codec *column = &f->tokenizer->columns[i];
    size_t from = f->columns[i];
    column->type = flowbd3_table_type(f->table, from);
    column->decimals = flowbd3_table_decimals(f->table, from);
    column->form = flowbd3_table_time_form(f->table, from);
    column->name = fb3_duplicate(context, flowbd3_table_name(f->table, from));
    if (column->name == NULL)
        (void)fb3_no_memory(&f->errors[i], "the name of a column");
    else
        (void)fb3_slot_fit(&f->tokenizer->slots[i], context, f->table, from, f->options, &f->errors[i]);
    f->tokenizer->slots[i].column = i;
}

/* columns[]: those of the table that do not group its rows; how many. */
static size_t columns_to_fit(size_t *columns, const flowbd3_table *table, const fb3_sequencing *sequencing) {
    size_t count = 0;
    for (size_t i = 0; i < flowbd3_table_columns(table); i++)
        if (sequencing == NULL || flowbd3_table_find(sequencing->keys, flowbd3_table_name(table, i)) < 0)
            columns[count++] = i;
    return count;
}

static flowbd3_status first_error(const flowbd3_error *errors, size_t count, flowbd3_error *err) {
    for (size_t i = 0; i < count; i++)
        if (errors[i].status != FLOWBD3_OK) {
            if (err != NULL)
                *err = errors[i];
            return errors[i].status;
        }
    return FLOWBD3_OK;
}

/* Fits every column of a table as it is tokenized, and takes over its sequencing on success. */
static flowbd3_status fit_columns(flowbd3_tokenizer **out, const flowbd3_table *table,
                                  fb3_sequencing **sequencing, const flowbd3_tokenizer_options *options,
                                  flowbd3_error *err) {
    flowbd3_context *context = table->context;
    size_t *columns = fb3_allocate(context, flowbd3_table_columns(table), sizeof *columns);
    if (columns == NULL)
        return fb3_no_memory(err, "a tokenizer");
    size_t count = columns_to_fit(columns, table, *sequencing);
    flowbd3_status status = FLOWBD3_OK;
    flowbd3_tokenizer *tokenizer = fb3_tokenizer_allocate(context, count);
    flowbd3_error *errors = fb3_allocate_zero(context, count, sizeof *errors);
    if (tokenizer == NULL || errors == NULL) {
        status = fb3_no_memory(err, "a tokenizer");
    } else {
        fit f = {tokenizer, table, columns, options, errors};
        tokenizer->rows = flowbd3_table_rows(table);
        fb3_parallel(context, count, fit_column, &f);
        status = first_error(errors, count, err);
    }
    fb3_release(context, errors);
    fb3_release(context, columns);
    if (status != FLOWBD3_OK) {
        flowbd3_tokenizer_destroy(&tokenizer);
    } else {
        tokenizer->sequencing = *sequencing;
        *sequencing = NULL;
    }
    *out = tokenizer;
    return status;
}

flowbd3_status flowbd3_tokenizer_create(flowbd3_tokenizer **out, const flowbd3_table *table,
                                        const flowbd3_tokenizer_options *options, flowbd3_error *err) {
    if (out == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_tokenizer_create: out is NULL");
    *out = NULL;
    if (table == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_tokenizer_create: table is NULL");
    size_t columns = flowbd3_table_columns(table);
    if (columns == 0 || flowbd3_table_rows(table) == 0)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT,
                        "the table to fit a tokenizer to has no %s, expected at least one",
                        columns == 0 ? "column" : "row");
    flowbd3_tokenizer_options o;
    fb3_sequencing *sequencing = NULL;
    flowbd3_status status = check_options(&o, options, err);
    if (status != FLOWBD3_OK)
        return status;
    if (o.n_group_by == 0 && o.order_by == NULL)
        return fit_columns(out, table, &sequencing, &o, err);
    fb3_prepared prepared;
    status = fb3_sequencing_create(&sequencing, &prepared, table, o.group_by, o.n_group_by, o.order_by,
                                   o.seed, err);
    if (status == FLOWBD3_OK)
        status = fit_columns(out, &prepared.table, &sequencing, &o, err);
    fb3_sequencing_destroy(&sequencing);
    fb3_prepared_release(&prepared);
    return status;
}

/* ---- describing -------------------------------------------------------------------------------- */

static const fb3_slot *slot_of(const flowbd3_tokenizer *tokenizer, size_t slot) {
    return tokenizer != NULL && slot < tokenizer->n_slots ? &tokenizer->slots[slot] : NULL;
}

size_t flowbd3_tokenizer_slots(const flowbd3_tokenizer *tokenizer) {
    return tokenizer != NULL ? tokenizer->n_slots : 0;
}

size_t flowbd3_tokenizer_columns(const flowbd3_tokenizer *tokenizer) {
    return tokenizer != NULL ? tokenizer->n_columns : 0;
}

const char *flowbd3_tokenizer_name(const flowbd3_tokenizer *tokenizer, size_t column) {
    return column < flowbd3_tokenizer_columns(tokenizer) ? tokenizer->columns[column].name : NULL;
}

flowbd3_type flowbd3_tokenizer_type(const flowbd3_tokenizer *tokenizer, size_t column) {
    return column < flowbd3_tokenizer_columns(tokenizer) ? tokenizer->columns[column].type
                                                         : FLOWBD3_TYPE_AUTO;
}

size_t flowbd3_tokenizer_vocabulary(const flowbd3_tokenizer *tokenizer, size_t slot) {
    const fb3_slot *s = slot_of(tokenizer, slot);
    return s != NULL ? s->vocabulary : 0;
}

double flowbd3_tokenizer_centre(const flowbd3_tokenizer *tokenizer, size_t slot, size_t token) {
    const fb3_slot *s = slot_of(tokenizer, slot);
    if (s == NULL || s->bins == NULL || token >= s->values)
        return (double)NAN;
    return fb3_middle(s->bins[token].low, s->bins[token].high);
}

flowbd3_context *fb3_tokenizer_context(const flowbd3_tokenizer *tokenizer) {
    return tokenizer->context;
}

const uint64_t *fb3_tokenizer_counts(const flowbd3_tokenizer *tokenizer, size_t slot) {
    const fb3_slot *s = slot_of(tokenizer, slot);
    return s != NULL ? s->counts : NULL;
}

uint64_t fb3_tokenizer_rows(const flowbd3_tokenizer *tokenizer) {
    return tokenizer->rows;
}

size_t fb3_tokenizer_slot_column(const flowbd3_tokenizer *tokenizer, size_t slot) {
    return tokenizer->slots[slot].column;
}

bool fb3_tokenizer_is_ordered(const flowbd3_tokenizer *tokenizer, size_t slot) {
    const fb3_slot *s = slot_of(tokenizer, slot);
    return s != NULL && s->bins != NULL;
}

bool fb3_tokenizer_has_missing(const flowbd3_tokenizer *tokenizer, size_t slot) {
    const fb3_slot *s = slot_of(tokenizer, slot);
    return s != NULL && s->vocabulary > s->values;
}
