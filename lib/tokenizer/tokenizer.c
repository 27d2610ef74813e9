/* Tokenizers: fitted to a table, shared, and described. */
#include "tokenizer/tokenizer.h"

#include <math.h>

/* Tokens of a numeric column of so many rows: bins that hold 16 rows each say more than narrower ones, of
 * which a model remembers single rows. */
static uint32_t choose_bins(size_t rows) {
    enum { ROWS = 16, LEAST = 64, MOST = 256 };
    size_t bins = rows / ROWS;
    return bins < LEAST ? LEAST : bins > MOST ? MOST : (uint32_t)bins;
}

/* ---- memory ------------------------------------------------------------------------------------ */

flowbd3_tokenizer *fb3_tokenizer_allocate(flowbd3_context *context, size_t columns) {
    flowbd3_tokenizer *t = fb3_allocate_zero(context, 1, sizeof *t);
    if (t == NULL)
        return NULL;
    atomic_init(&t->references, 1);
    t->context = fb3_context_retain(context);
    t->columns = fb3_allocate_zero(context, columns, sizeof *t->columns);
    if (t->columns == NULL) {
        flowbd3_tokenizer_destroy(&t);
        return NULL;
    }
    t->n_columns = columns;
    return t;
}

/* Slots of a codec. */
static size_t slots_of(const fb3_codec *codec) {
    if (codec->derived)
        return 0;
    if (codec->digits != NULL)
        return codec->digits->places;
    return codec->levels.groups != NULL ? 2 : 1;
}

static bool make_slot(flowbd3_tokenizer *t, size_t column, size_t place) {
    const fb3_codec *codec = &t->columns[column];
    fb3_slot *slot = &t->slots[codec->first_slot + place];
    slot->column = column;
    slot->place = place;
    slot->values = fb3_codec_values(codec, place);
    slot->vocabulary = slot->values + (place == 0 && codec->missing > 0);
    slot->counts = fb3_allocate_zero(t->context, slot->vocabulary, sizeof *slot->counts);
    if (slot->counts == NULL)
        return false;
    fb3_codec_counts(codec, place, slot->counts);
    if (slot->vocabulary > slot->values)
        slot->counts[slot->values] = codec->missing;
    return true;
}

flowbd3_status fb3_tokenizer_make_slots(flowbd3_tokenizer *t, flowbd3_error *err) {
    size_t count = 0;
    for (size_t i = 0; i < t->n_columns; i++) {
        t->columns[i].first_slot = count;
        count += t->columns[i].slots = slots_of(&t->columns[i]);
    }
    if (count == 0)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "rules compute every column, expected one to learn");
    t->slots = fb3_allocate_zero(t->context, count, sizeof *t->slots);
    if (t->slots == NULL)
        return fb3_no_memory(err, "the slots of a tokenizer");
    t->n_slots = count;
    for (size_t i = 0; i < t->n_columns; i++)
        for (size_t place = 0; place < t->columns[i].slots; place++)
            if (!make_slot(t, i, place))
                return fb3_no_memory(err, "the slots of a tokenizer");
    return FLOWBD3_OK;
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
    fb3_restraint_destroy(&t->restraint);
    for (size_t i = 0; t->columns != NULL && i < t->n_columns; i++)
        fb3_codec_release(&t->columns[i], context);
    for (size_t i = 0; i < t->n_slots; i++)
        fb3_release(context, t->slots[i].counts);
    fb3_release(context, t->columns);
    fb3_release(context, t->slots);
    flowbd3_rules_destroy(&t->rules);
    fb3_sequencing_destroy(&t->sequencing);
    fb3_release(context, t);
    flowbd3_context_destroy(&context);
}

/* ---- fitting ----------------------------------------------------------------------------------- */

flowbd3_status flowbd3_tokenizer_options_init(flowbd3_tokenizer_options *options, size_t size) {
    return fb3_options_init(options, size, sizeof *options);
}

static flowbd3_status check_codecs(const flowbd3_tokenizer_options *o, flowbd3_error *err) {
    if (o->n_codecs > 0 && o->codecs == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "n_codecs is %zu, but codecs is NULL", o->n_codecs);
    for (size_t i = 0; i < o->n_codecs; i++) {
        const flowbd3_column_codec *c = &o->codecs[i];
        if (c->name == NULL)
            return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "codecs: number %zu has no name", i + 1);
        if (c->codec < FLOWBD3_CODEC_AUTO || c->codec > FLOWBD3_CODEC_DIGITS)
            return fb3_fail(err, FLOWBD3_ERROR_RANGE, "codecs: that of column '%.80s' is %d, expected 0 to 4",
                            c->name, (int)c->codec);
        if (c->bins == 1 || c->bins > FB3_TOKENS_MAX)
            return fb3_fail(err, FLOWBD3_ERROR_RANGE,
                            "codecs: the bins of column '%.80s' are %u, expected 2 to %d", c->name, c->bins,
                            FB3_TOKENS_MAX);
    }
    return FLOWBD3_OK;
}

static flowbd3_status check_options(flowbd3_tokenizer_options *o, const flowbd3_tokenizer_options *options,
                                    size_t rows, flowbd3_error *err) {
    flowbd3_status status = fb3_options_copy(o, sizeof *o, options, "flowbd3_tokenizer_options", err);
    if (status != FLOWBD3_OK)
        return status;
    if (o->binning < FLOWBD3_BINNING_AUTO || o->binning > FLOWBD3_BINNING_KMEANS)
        return fb3_fail(err, FLOWBD3_ERROR_RANGE, "binning is %d, expected 0 to 3", (int)o->binning);
    if (o->bins == 0)
        o->bins = choose_bins(rows);
    if (o->relations != FLOWBD3_RELATIONS_SEARCH && o->relations != FLOWBD3_RELATIONS_OFF)
        return fb3_fail(err, FLOWBD3_ERROR_RANGE, "relations is %d, expected 0 or 1", (int)o->relations);
    if (o->bins < 2 || o->bins > FB3_TOKENS_MAX)
        return fb3_fail(err, FLOWBD3_ERROR_RANGE, "bins is %u, expected 2 to %d", o->bins, FB3_TOKENS_MAX);
    return check_codecs(o, err);
}

/* Every codec is for a column that there is. */
static flowbd3_status check_names(const flowbd3_tokenizer_options *o, const flowbd3_table *table,
                                  flowbd3_error *err) {
    for (size_t i = 0; i < o->n_codecs; i++)
        if (flowbd3_table_find(table, o->codecs[i].name) < 0)
            return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "codecs: the table has no column '%.80s'",
                            o->codecs[i].name);
    return FLOWBD3_OK;
}

typedef struct fit {
    flowbd3_tokenizer *tokenizer;
    const flowbd3_table *table;
    const size_t *columns; /* [columns of the tokenizer] those of the table */
    const flowbd3_tokenizer_options *options;
    const flowbd3_rules *rules; /* NULL: none */
    bool *levels;               /* [columns of the tokenizer] whether it gets levels */
    flowbd3_error *errors;      /* [columns of the tokenizer] */
} fit;

static void fit_column(void *argument, size_t i, unsigned worker) {
    (void)worker;
    fit *f = argument;
    size_t column = f->columns[i];
    bool derived = false;
    if (fb3_relations_compute(f->rules, flowbd3_table_name(f->table, column), &derived, &f->errors[i]) ==
        FLOWBD3_OK)
        (void)fb3_codec_fit(&f->tokenizer->columns[i], f->tokenizer->context, f->table, column, derived,
                            false, f->options, &f->errors[i]);
}

/* Fits a column of bins anew that gets levels. */
static void fit_levels(void *argument, size_t i, unsigned worker) {
    (void)worker;
    fit *f = argument;
    fb3_codec *codec = &f->tokenizer->columns[i];
    if (!f->levels[i])
        return;
    fb3_codec_release(codec, f->tokenizer->context);
    *codec = (fb3_codec){0};
    (void)fb3_codec_fit(codec, f->tokenizer->context, f->table, f->columns[i], false, true, f->options,
                        &f->errors[i]);
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

/* Fits count columns, and those anew that turn out to need levels. */
static flowbd3_status fit_each(fit *f, size_t count, flowbd3_error *err) {
    fb3_parallel(f->tokenizer->context, count, fit_column, f);
    flowbd3_status status = first_error(f->errors, count, err);
    if (status == FLOWBD3_OK)
        status = fb3_choose_levels(f->levels, f->tokenizer, f->table, f->columns, err);
    if (status != FLOWBD3_OK)
        return status;
    fb3_parallel(f->tokenizer->context, count, fit_levels, f);
    return first_error(f->errors, count, err);
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
    bool *levels = fb3_allocate_zero(context, count, sizeof *levels);
    if (tokenizer == NULL || errors == NULL || levels == NULL)
        status = fb3_no_memory(err, "a tokenizer");
    else
        status = fb3_relations_find(&tokenizer->rules, table, options, err);
    if (status == FLOWBD3_OK) {
        fit f = {tokenizer, table, columns, options, tokenizer->rules, levels, errors};
        tokenizer->rows = flowbd3_table_rows(table);
        tokenizer->rare_rows = options->rare_rows;
        status = fit_each(&f, count, err);
        if (status == FLOWBD3_OK)
            status = fb3_tokenizer_make_slots(tokenizer, err);
        if (status == FLOWBD3_OK)
            status = fb3_restraint_create(&tokenizer->restraint, tokenizer, NULL, err);
    }
    fb3_release(context, errors);
    fb3_release(context, levels);
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
    flowbd3_status status = check_options(&o, options, flowbd3_table_rows(table), err);
    if (status == FLOWBD3_OK)
        status = check_names(&o, table, err);
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
    if (s == NULL || token >= s->values || s->place > 0)
        return (double)NAN;
    const fb3_codec *codec = &tokenizer->columns[s->column];
    const fb3_levels *levels = &codec->levels;
    if (codec->digits != NULL)
        return fb3_digits_centre(codec->digits, token);
    if (levels->count == 0)
        return (double)NAN;
    size_t first = levels->groups != NULL ? levels->groups[token] : token;
    size_t last = levels->groups != NULL ? levels->groups[token + 1] - 1 : token;
    return fb3_middle(levels->bins[first].low, levels->bins[last].high);
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

size_t fb3_tokenizer_column_slots(const flowbd3_tokenizer *tokenizer, size_t column, size_t *first) {
    *first = tokenizer->columns[column].first_slot;
    return tokenizer->columns[column].slots;
}

bool fb3_tokenizer_is_ordered(const flowbd3_tokenizer *tokenizer, size_t slot) {
    const fb3_slot *s = slot_of(tokenizer, slot);
    return s != NULL && tokenizer->columns[s->column].categories.dictionary == NULL;
}

double fb3_tokenizer_place(const flowbd3_tokenizer *tokenizer, size_t slot, size_t token) {
    return tokenizer->slots[slot].place == 0 ? flowbd3_tokenizer_centre(tokenizer, slot, token)
                                             : (double)token;
}

bool fb3_tokenizer_has_missing(const flowbd3_tokenizer *tokenizer, size_t slot) {
    const fb3_slot *s = slot_of(tokenizer, slot);
    return s != NULL && s->vocabulary > s->values;
}

size_t fb3_tokenizer_hidden(const flowbd3_tokenizer *tokenizer, size_t slot) {
    const fb3_slot *s = &tokenizer->slots[slot];
    return tokenizer->columns[s->column].categories.rare > 0 ? s->values - 1 : SIZE_MAX;
}
