/* Scores: options, memory, and the table taken batch by batch. */
#include "scorer/scorer.h"
#include "tokenizer/tokenizer.h"

#include <math.h>

flowbd3_status flowbd3_score_options_init(flowbd3_score_options *options, size_t size) {
    return fb3_options_init(options, size);
}

/* ---- options ----------------------------------------------------------------------------------- */

enum { DEFAULT_DRAWS = 16, MOST_DRAWS = 1 << 20 };

static flowbd3_status check_draws(flowbd3_score_options *o, flowbd3_error *err) {
    bool chain = o->method == FLOWBD3_SCORE_EXACT;
    if (o->draws == 0)
        o->draws = chain ? 1 : DEFAULT_DRAWS;
    if (o->draws > MOST_DRAWS)
        return fb3_fail(err, FLOWBD3_ERROR_RANGE, "draws is %u, expected at most %d", o->draws, MOST_DRAWS);
    if (!chain && o->draws % 2 != 0)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "draws is %u, expected an even number", o->draws);
    if (!chain && o->n_order > 0)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "order is for the method EXACT alone");
    if (chain && o->n_order > 0 && o->draws > 1)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "draws is %u, but the order is given", o->draws);
    return FLOWBD3_OK;
}

static flowbd3_status check_options(flowbd3_score_options *o, const flowbd3_model *model,
                                    flowbd3_error *err) {
    if (o->method != FLOWBD3_SCORE_NELBO && o->method != FLOWBD3_SCORE_EXACT)
        return fb3_fail(err, FLOWBD3_ERROR_RANGE, "method is %d, expected 0 or 1", (int)o->method);
    if (o->per_sequence > 1)
        return fb3_fail(err, FLOWBD3_ERROR_RANGE, "per_sequence is %u, expected 0 or 1", o->per_sequence);
    if (!(o->unseen >= 0.0))
        return fb3_fail(err, FLOWBD3_ERROR_RANGE, "unseen is %g, expected 0 or more", o->unseen);
    if (o->unseen == 0.0)
        o->unseen = log((double)fb3_tokenizer_rows(model->tokenizer) + 1.0);
    return check_draws(o, err);
}

/* ---- memory ------------------------------------------------------------------------------------ */

/* Flows that are scored together, unless a sequence has more. */
enum { BATCH_TOKENS = 4096 };

size_t fb3_scorer_flows(const fb3_scorer *s) {
    const fb3_blocking *b = &s->model->blocking;
    size_t flows = BATCH_TOKENS / b->slots;
    return flows > b->length ? flows : b->length;
}

static bool allocate(fb3_scorer *s, size_t flows) {
    const fb3_blocking *b = &s->model->blocking;
    bool ordered = fb3_model_has_order(s->model);
    if (ordered)
        s->columns = fb3_allocate(s->context, b->length * b->slots, sizeof *s->columns);
    size_t rows = fb3_joint_limits(b, flows, flows).rows;
    s->chain = fb3_allocate(s->context, rows, sizeof *s->chain);
    s->scored = fb3_allocate(s->context, rows, sizeof *s->scored);
    s->keys = fb3_allocate(s->context, rows, sizeof *s->keys);
    s->sum = fb3_allocate(s->context, flows, sizeof *s->sum);
    s->before = fb3_allocate_zero(s->context, flows, sizeof *s->before);
    s->nll = fb3_allocate(s->context, flows, sizeof *s->nll);
    s->variance = fb3_allocate(s->context, flows, sizeof *s->variance);
    return (s->columns != NULL || !ordered) && s->chain != NULL && s->scored != NULL && s->keys != NULL &&
           s->sum != NULL && s->before != NULL && s->nll != NULL && s->variance != NULL;
}

static flowbd3_status set_up(fb3_scorer *s, const flowbd3_table *table, flowbd3_error *err) {
    const fb3_blocking *b = &s->model->blocking;
    size_t flows = fb3_scorer_flows(s);
    fb3_limits limits = fb3_joint_limits(b, flows, flows);
    flowbd3_status status = fb3_scorer_set_roles(s, err);
    if (status == FLOWBD3_OK)
        status = fb3_flows_create(&s->flows, s->model, table, true, err);
    if (status == FLOWBD3_OK)
        status = fb3_joint_create(&s->joint, s->context, b, flows, flows, err);
    if (status == FLOWBD3_OK)
        status = fb3_network_create(&s->network, s->context, &s->model->config, s->model->layout, &limits,
                                    false, err);
    if (status == FLOWBD3_OK && !allocate(s, flows))
        status = fb3_no_memory(err, "the scores");
    /* Without a choice of masks and orders, one draw is all there is. */
    bool columns_fixed = s->model->options.column_order == FLOWBD3_COLUMNS_FIXED;
    s->fixed = s->rank != NULL || (b->block == 1 && columns_fixed);
    if (s->fixed)
        s->options.draws = 1;
    return status;
}

flowbd3_status fb3_scorer_begin(fb3_scorer *s, const flowbd3_table *table, flowbd3_error *err) {
    flowbd3_status status = check_options(&s->options, s->model, err);
    return status == FLOWBD3_OK ? set_up(s, table, err) : status;
}

void fb3_scorer_end(fb3_scorer *s) {
    fb3_flows_destroy(&s->flows);
    fb3_joint_destroy(&s->joint);
    fb3_network_destroy(&s->network);
    void *const arrays[] = {s->roles, s->rank, s->columns, s->chain, s->scored,
                            s->keys,  s->sum,  s->before,  s->nll,   s->variance};
    for (size_t i = 0; i < FB3_COUNT(arrays); i++)
        fb3_release(s->context, arrays[i]);
}

/* ---- batches ----------------------------------------------------------------------------------- */

/* Adds sequences from number sequence on until the joint is full; the first one that does not fit. */
static size_t add_sequences(fb3_scorer *s, size_t sequence, uint32_t draw) {
    size_t slots = s->model->config.slots, most = fb3_scorer_flows(s);
    const fb3_flows *f = s->flows;
    fb3_joint_clear(s->joint);
    for (; sequence < f->sequences; sequence++) {
        size_t first = fb3_flows_first(f, sequence), flows = fb3_flows_first(f, sequence + 1) - first;
        if (s->joint->flows + flows > most)
            break;
        for (size_t i = 0; s->columns != NULL && i < flows; i++)
            fb3_scorer_order(s, s->columns + i * slots, first + i, draw);
        fb3_joint_add(s->joint, f->tokens + first * slots, flows, s->columns);
    }
    return sequence;
}

void fb3_scorer_lay_out(fb3_scorer *s, uint32_t draw) {
    if (draw > 0 && s->columns != NULL)
        add_sequences(s, s->first_sequence, draw);
}

/* Adds what the scored but unseen tokens of each flow cost. */
static void add_unseen(fb3_scorer *s) {
    const fb3_joint *j = s->joint;
    for (size_t b = 0; b < j->n_blocks; b++)
        for (size_t row = j->blocks[b].first; row < j->blocks[b].first + j->blocks[b].tokens; row++)
            if (s->roles[j->slots[row]] == FB3_SCORED && !fb3_is_scored(s, row))
                s->nll[j->cells[row] / j->blocking.slots] += s->options.unseen;
}

/* Weights that a training has driven far away may be finite and what the network makes of them not. */
static bool is_finite(const fb3_scorer *s) {
    const fb3_joint *j = s->joint;
    for (size_t i = 0; i < j->flows; i++)
        if (!isfinite(s->nll[i]))
            return false;
    for (size_t row = 0; s->places != NULL && row < j->rows; row++)
        if (fb3_is_scored(s, row) && !fb3_place_is_finite(&s->places[j->cells[row]]))
            return false;
    return true;
}

flowbd3_status fb3_scorer_run(fb3_scorer *s, const char *stage, fb3_scorer_take take, void *user,
                              flowbd3_error *err) {
    fb3_reporter_start(&s->reporter, s->options.progress, s->options.progress_user, stage, s->flows->count);
    for (size_t sequence = 0; sequence < s->flows->sequences;) {
        s->first_sequence = sequence;
        s->first_flow = fb3_flows_first(s->flows, sequence);
        size_t end = add_sequences(s, sequence, 0);
        for (size_t i = 0; i < s->joint->flows; i++)
            s->nll[i] = s->variance[i] = 0.0;
        bool chain = s->options.method == FLOWBD3_SCORE_EXACT;
        if (!(chain ? fb3_scorer_chain(s) : fb3_scorer_nelbo(s)))
            return fb3_fail(err, FLOWBD3_CANCELLED, "scoring was cancelled");
        if (!is_finite(s))
            return fb3_fail(err, FLOWBD3_ERROR_NUMERIC,
                            "the model's predictions are not finite; its training has diverged");
        add_unseen(s);
        take(s, sequence, end, user);
        sequence = end;
        if (fb3_report(&s->reporter, fb3_flows_first(s->flows, end), (double)NAN))
            return fb3_fail(err, FLOWBD3_CANCELLED, "scoring was cancelled");
    }
    return FLOWBD3_OK;
}

/* ---- scores ------------------------------------------------------------------------------------ */

typedef struct scores {
    double *nll, *standard_error; /* [rows of the table]; the second may be NULL */
} scores;

/* Hands the scores of sequences first .. end - 1 out to the rows of the table. */
static void hand_out(const fb3_scorer *s, size_t first, size_t end, void *user) {
    const fb3_flows *f = s->flows;
    const scores *to = user;
    for (size_t sequence = first; sequence < end; sequence++) {
        double sum = 0.0, variance = 0.0;
        size_t begin = fb3_flows_first(f, sequence), next = fb3_flows_first(f, sequence + 1);
        for (size_t i = begin; i < next; i++) {
            sum += s->nll[i - s->first_flow];
            variance += s->variance[i - s->first_flow];
        }
        for (size_t i = begin; i < next; i++) {
            bool whole = s->options.per_sequence != 0;
            to->nll[fb3_flows_row(f, i)] = whole ? sum : s->nll[i - s->first_flow];
            if (to->standard_error != NULL)
                to->standard_error[fb3_flows_row(f, i)] =
                    sqrt(whole ? variance : s->variance[i - s->first_flow]);
        }
    }
}

flowbd3_status flowbd3_model_score(const flowbd3_model *model, const flowbd3_table *table,
                                   const flowbd3_score_options *options, double *nll, double *standard_error,
                                   flowbd3_error *err) {
    if (model == NULL || table == NULL || nll == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_model_score: %s is NULL",
                        model == NULL   ? "model"
                        : table == NULL ? "table"
                                        : "nll");
    fb3_scorer scorer = {.context = model->context, .model = model};
    scores to = {nll, standard_error};
    flowbd3_status status =
        fb3_options_copy(&scorer.options, sizeof scorer.options, options, "flowbd3_score_options", err);
    if (status == FLOWBD3_OK)
        status = fb3_scorer_begin(&scorer, table, err);
    if (status == FLOWBD3_OK)
        status = fb3_scorer_run(&scorer, "score", hand_out, &to, err);
    fb3_scorer_end(&scorer);
    return status;
}
