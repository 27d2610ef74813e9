/* Calibration of a model: the places of a table's cells in the distributions that it predicts for them. */
#include "scorer/scorer.h"
#include "tokenizer/tokenizer.h"

#include <flowbd3/calibration.h>

#include <math.h>

typedef struct column {
    size_t first, slots; /* of the column; slots 0: a rule computes it, nothing else is there */
    bool classes;        /* its values have no order */
    fb3_pit pit;
    uint64_t unseen;
    double *shares, *errors; /* [bins] of the histogram */
} column;

struct flowbd3_calibration {
    flowbd3_context *context;
    size_t bins, n_columns;
    column *columns; /* [n_columns] */
};

flowbd3_status flowbd3_calibration_options_init(flowbd3_calibration_options *options, size_t size) {
    return fb3_options_init(options, size);
}

void flowbd3_calibration_destroy(flowbd3_calibration **calibration) {
    if (calibration == NULL || *calibration == NULL)
        return;
    flowbd3_calibration *c = *calibration;
    flowbd3_context *context = c->context;
    for (size_t i = 0; c->columns != NULL && i < c->n_columns; i++) {
        fb3_pit_release(&c->columns[i].pit, context);
        fb3_release(context, c->columns[i].shares);
    }
    fb3_release(context, c->columns);
    fb3_release(context, c);
    flowbd3_context_destroy(&context);
    *calibration = NULL;
}

/* Memory for the columns of a tokenizer. */
static flowbd3_status create(flowbd3_calibration **out, flowbd3_context *context,
                             const flowbd3_tokenizer *tokenizer, size_t bins, flowbd3_error *err) {
    flowbd3_calibration *c = fb3_allocate_zero(context, 1, sizeof *c);
    *out = c;
    if (c == NULL)
        return fb3_no_memory(err, "a calibration");
    c->context = fb3_context_retain(context);
    c->bins = bins;
    c->n_columns = flowbd3_tokenizer_columns(tokenizer);
    c->columns = fb3_allocate_zero(context, c->n_columns, sizeof *c->columns);
    if (c->columns == NULL)
        return fb3_no_memory(err, "a calibration");
    for (size_t i = 0; i < c->n_columns; i++) {
        column *k = &c->columns[i];
        k->slots = fb3_tokenizer_column_slots(tokenizer, i, &k->first);
        if (k->slots == 0)
            continue;
        k->classes = !fb3_tokenizer_is_ordered(tokenizer, k->first);
        k->shares = fb3_allocate(context, 2 * bins, sizeof *k->shares);
        if (k->shares == NULL || !fb3_pit_create(&k->pit, context, bins))
            return fb3_no_memory(err, "a calibration");
        k->errors = k->shares + bins;
    }
    return FLOWBD3_OK;
}

/* ---- cells ------------------------------------------------------------------------------------- */

/* Adds the cell of a column: tokens and places are those of its slots. A slot after the first lies inside
 * what those before it leave; missing is said in the first alone. */
static void add_cell(column *k, const flowbd3_tokenizer *tokenizer, const uint16_t *tokens,
                     const fb3_place *places) {
    size_t vocabulary = flowbd3_tokenizer_vocabulary(tokenizer, k->first);
    if (tokens[0] == vocabulary) {
        fb3_pit_add(&k->pit, 1.0, 0.0);
        k->unseen++;
        return;
    }
    bool missing = fb3_tokenizer_has_missing(tokenizer, k->first) && tokens[0] + 1u == vocabulary;
    double below = places[0].below, mass = places[0].mass;
    for (size_t place = 1; place < k->slots && !missing; place++) {
        below += mass * places[place].below;
        mass *= places[place].mass;
    }
    fb3_pit_add(&k->pit, below, mass);
    if (k->classes)
        fb3_pit_add_highest(&k->pit, places[0].highest, places[0].is_highest);
}

static void take_batch(const fb3_scorer *s, size_t first, size_t end, void *user) {
    (void)first;
    (void)end;
    flowbd3_calibration *c = user;
    size_t slots = s->model->config.slots;
    for (size_t flow = 0; flow < s->joint->flows; flow++) {
        const uint16_t *tokens = s->flows->tokens + (s->first_flow + flow) * slots;
        const fb3_place *places = s->places + flow * slots;
        for (size_t i = 0; i < c->n_columns; i++) {
            column *k = &c->columns[i];
            if (k->slots > 0)
                add_cell(k, s->model->tokenizer, tokens + k->first, places + k->first);
        }
    }
}

static void finish(flowbd3_calibration *c) {
    for (size_t i = 0; i < c->n_columns; i++)
        for (size_t bin = 0; c->columns[i].slots > 0 && bin < c->bins; bin++) {
            c->columns[i].shares[bin] = fb3_pit_share(&c->columns[i].pit, bin);
            c->columns[i].errors[bin] = fb3_pit_error(&c->columns[i].pit, bin);
        }
}

/* ---- the door ---------------------------------------------------------------------------------- */

enum { DEFAULT_BINS = 10, MOST_BINS = 1000 };

static flowbd3_status check(flowbd3_calibration_options *o, const flowbd3_table *table, flowbd3_error *err) {
    if (o->bins == 0)
        o->bins = DEFAULT_BINS;
    if (o->bins < 2 || o->bins > MOST_BINS)
        return fb3_fail(err, FLOWBD3_ERROR_RANGE, "bins is %u, expected 2 to %d", o->bins, MOST_BINS);
    if (flowbd3_table_rows(table) == 0)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_calibration_create: the table has no rows");
    return FLOWBD3_OK;
}

static flowbd3_status calibrate(flowbd3_calibration *c, fb3_scorer *s, const flowbd3_table *table,
                                flowbd3_error *err) {
    flowbd3_status status = fb3_scorer_begin(s, table, err);
    if (status != FLOWBD3_OK)
        return status;
    s->places = fb3_allocate(s->context, fb3_scorer_flows(s) * s->model->config.slots, sizeof *s->places);
    if (s->places == NULL)
        return fb3_no_memory(err, "a calibration");
    return fb3_scorer_run(s, "calibrate", take_batch, c, err);
}

flowbd3_status flowbd3_calibration_create(flowbd3_calibration **out, const flowbd3_model *model,
                                          const flowbd3_table *table,
                                          const flowbd3_calibration_options *options, flowbd3_error *err) {
    if (out != NULL)
        *out = NULL;
    if (out == NULL || model == NULL || table == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_calibration_create: %s is NULL",
                        out == NULL     ? "out"
                        : model == NULL ? "model"
                                        : "table");
    flowbd3_calibration_options o;
    flowbd3_status status = fb3_options_copy(&o, sizeof o, options, "flowbd3_calibration_options", err);
    if (status == FLOWBD3_OK)
        status = check(&o, table, err);
    if (status != FLOWBD3_OK)
        return status;
    fb3_scorer scorer = {.context = model->context,
                         .model = model,
                         .options = {.method = FLOWBD3_SCORE_EXACT,
                                     .order = o.order,
                                     .n_order = o.n_order,
                                     .seed = o.seed,
                                     .progress = o.progress,
                                     .progress_user = o.progress_user}};
    status = create(out, model->context, model->tokenizer, o.bins, err);
    if (status == FLOWBD3_OK)
        status = calibrate(*out, &scorer, table, err);
    fb3_release(scorer.context, scorer.places);
    fb3_scorer_end(&scorer);
    if (status == FLOWBD3_OK)
        finish(*out);
    else
        flowbd3_calibration_destroy(out);
    return status;
}

/* ---- results ----------------------------------------------------------------------------------- */

static const column *column_of(const flowbd3_calibration *calibration, size_t i) {
    bool there = calibration != NULL && i < calibration->n_columns && calibration->columns[i].slots > 0;
    return there ? &calibration->columns[i] : NULL;
}

const double *flowbd3_calibration_histogram(const flowbd3_calibration *calibration, size_t i,
                                            const double **standard_error) {
    const column *k = column_of(calibration, i);
    if (standard_error != NULL)
        *standard_error = k != NULL ? k->errors : NULL;
    return k != NULL ? k->shares : NULL;
}

size_t flowbd3_calibration_bins(const flowbd3_calibration *calibration) {
    return calibration != NULL ? calibration->bins : 0;
}

double flowbd3_calibration_get(const flowbd3_calibration *calibration, size_t i,
                               flowbd3_calibration_figure figure) {
    const column *k = column_of(calibration, i);
    if (k == NULL)
        return (double)NAN;
    switch (figure) {
    case FLOWBD3_CALIBRATION_PIT_L1:
        return fb3_pit_distance(&k->pit);
    case FLOWBD3_CALIBRATION_PIT_L1_FLOOR:
        return fb3_pit_distance_floor(&k->pit);
    case FLOWBD3_CALIBRATION_PIT_BIAS:
        return fb3_pit_bias(&k->pit);
    case FLOWBD3_CALIBRATION_PIT_BIAS_ERROR:
        return fb3_pit_bias_error(&k->pit);
    case FLOWBD3_CALIBRATION_ECE:
        return k->classes ? fb3_pit_confidence_error(&k->pit) : (double)NAN;
    case FLOWBD3_CALIBRATION_ECE_FLOOR:
        return k->classes ? fb3_pit_confidence_floor(&k->pit) : (double)NAN;
    case FLOWBD3_CALIBRATION_UNSEEN:
        return (double)k->unseen;
    }
    return (double)NAN;
}
