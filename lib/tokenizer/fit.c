/* Tokenizers fitted: options, columns, and what is left of their rules. */
#include "tokenizer/tokenizer.h"

/* ---- options ----------------------------------------------------------------------------------- */

/* Tokens of a numeric column of so many rows: bins that hold 16 rows each say more than narrower ones, of
 * which a model remembers single rows. */
static uint32_t choose_bins(size_t rows) {
    enum { ROWS = 16, LEAST = 64, MOST = 256 };
    size_t bins = rows / ROWS;
    return bins < LEAST ? LEAST : bins > MOST ? MOST : (uint32_t)bins;
}

flowbd3_status flowbd3_tokenizer_options_init(flowbd3_tokenizer_options *options, size_t size) {
    return fb3_options_init(options, size);
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

/* Every codec is for a column that there is. */
static flowbd3_status check_names(const flowbd3_tokenizer_options *o, const flowbd3_table *table,
                                  flowbd3_error *err) {
    for (size_t i = 0; i < o->n_codecs; i++)
        if (flowbd3_table_find(table, o->codecs[i].name) < 0)
            return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "codecs: the table has no column '%.80s'",
                            o->codecs[i].name);
    return FLOWBD3_OK;
}

flowbd3_status fb3_tokenizer_take_options(flowbd3_tokenizer_options *o,
                                          const flowbd3_tokenizer_options *options,
                                          const flowbd3_table *table, size_t rows, flowbd3_error *err) {
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
    status = check_codecs(o, err);
    return status == FLOWBD3_OK ? check_names(o, table, err) : status;
}

/* ---- columns ----------------------------------------------------------------------------------- */

typedef struct fit {
    flowbd3_tokenizer *tokenizer;
    const fb3_material *material;
    const size_t *columns; /* [columns of the tokenizer] those of the table */
    const flowbd3_tokenizer_options *options;
    bool *levels;          /* [columns of the tokenizer] whether it gets levels */
    flowbd3_error *errors; /* [columns of the tokenizer] */
} fit;

static void fit_codec(fit *f, size_t i, bool derived, bool levels) {
    fb3_cells cells;
    if (fb3_material_take(&cells, f->material, f->columns[i], &f->errors[i]) == FLOWBD3_OK)
        (void)fb3_codec_fit(&f->tokenizer->columns[i], f->tokenizer->context, &cells, derived, levels,
                            f->options, &f->errors[i]);
    fb3_material_give_back(&cells, f->material);
}

static void fit_column(void *argument, size_t i, unsigned worker) {
    (void)worker;
    fit *f = argument;
    const char *name = flowbd3_table_name(f->material->table, f->columns[i]);
    bool derived = false;
    if (fb3_relations_compute(f->tokenizer->rules, name, &derived, &f->errors[i]) == FLOWBD3_OK)
        fit_codec(f, i, derived, false);
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
    fit_codec(f, i, false, true);
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
        status = fb3_choose_levels(f->levels, f->tokenizer, f->material->table, f->columns, err);
    if (status != FLOWBD3_OK)
        return status;
    fb3_parallel(f->tokenizer->context, count, fit_levels, f);
    return first_error(f->errors, count, err);
}

/* What is left of the rules when rare values are protected. */
static flowbd3_status take_rules(flowbd3_tokenizer *t, const fb3_material *material, flowbd3_error *err) {
    flowbd3_status status = FLOWBD3_OK;
    if (t->rules != NULL && t->rare_rows > 1)
        status = fb3_relations_protect(t->rules, material, t->rare_rows, err);
    if (t->rules != NULL && t->rules->count == 0)
        flowbd3_rules_destroy(&t->rules);
    return status;
}

static flowbd3_status fit_columns(flowbd3_tokenizer *t, const fb3_material *material, const size_t *columns,
                                  const flowbd3_tokenizer_options *options, flowbd3_error *err) {
    flowbd3_context *context = t->context;
    fit f = {t, material, columns, options, NULL, NULL};
    f.errors = fb3_allocate_zero(context, t->n_columns, sizeof *f.errors);
    f.levels = fb3_allocate_zero(context, t->n_columns, sizeof *f.levels);
    flowbd3_status status = f.errors != NULL && f.levels != NULL ? take_rules(t, material, err)
                                                                 : fb3_no_memory(err, "a tokenizer");
    if (status == FLOWBD3_OK)
        status = fit_each(&f, t->n_columns, err);
    if (status == FLOWBD3_OK)
        status = fb3_tokenizer_make_slots(t, err);
    if (status == FLOWBD3_OK)
        status = fb3_restraint_create(&t->restraint, t, NULL, err);
    fb3_release(context, f.errors);
    fb3_release(context, f.levels);
    return status;
}

flowbd3_status fb3_tokenizer_fit(flowbd3_tokenizer **out, const fb3_material *material, flowbd3_rules *rules,
                                 fb3_sequencing **sequencing, const flowbd3_tokenizer_options *options,
                                 flowbd3_error *err) {
    flowbd3_context *context = material->table->context;
    size_t *columns = fb3_allocate(context, flowbd3_table_columns(material->table), sizeof *columns);
    flowbd3_tokenizer *t = NULL;
    if (columns != NULL)
        t = fb3_tokenizer_allocate(context, columns_to_fit(columns, material->table, *sequencing));
    flowbd3_status status = FLOWBD3_OK;
    if (t == NULL) {
        flowbd3_rules_destroy(&rules);
        status = fb3_no_memory(err, "a tokenizer");
    } else {
        t->rules = rules;
        t->rows = material->rows;
        t->rare_rows = options->rare_rows;
        status = fit_columns(t, material, columns, options, err);
    }
    fb3_release(context, columns);
    if (status != FLOWBD3_OK) {
        flowbd3_tokenizer_destroy(&t);
    } else {
        t->sequencing = *sequencing;
        *sequencing = NULL;
    }
    *out = t;
    return status;
}

/* ---- a whole table ----------------------------------------------------------------------------- */

static flowbd3_status fit_table(flowbd3_tokenizer **out, const flowbd3_table *table,
                                fb3_sequencing **sequencing, const flowbd3_tokenizer_options *options,
                                flowbd3_error *err) {
    const fb3_material material = {table, flowbd3_table_rows(table), NULL};
    flowbd3_rules *rules;
    flowbd3_status status = fb3_relations_find(&rules, table, options, err);
    return status == FLOWBD3_OK ? fb3_tokenizer_fit(out, &material, rules, sequencing, options, err) : status;
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
    flowbd3_status status = fb3_tokenizer_take_options(&o, options, table, flowbd3_table_rows(table), err);
    if (status != FLOWBD3_OK)
        return status;
    if (o.n_group_by == 0 && o.order_by == NULL)
        return fit_table(out, table, &sequencing, &o, err);
    fb3_prepared prepared;
    status = fb3_sequencing_create(&sequencing, &prepared, table, o.group_by, o.n_group_by, o.order_by,
                                   o.seed, err);
    if (status == FLOWBD3_OK)
        status = fit_table(out, &prepared.table, &sequencing, &o, err);
    fb3_sequencing_destroy(&sequencing);
    fb3_prepared_release(&prepared);
    return status;
}
