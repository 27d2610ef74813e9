/* Unmasking: the table of orders, a block's memory and life, and the drawing of one of its tokens. */
#include "sampler/unmasking.h"

#include "sampler/sampler.h"
#include "sampler/strata.h"
#include "sampler/unmasking_orders.h"

#include <math.h>

#define PLANNED(name) fb3_##name##_start, fb3_##name##_next, fb3_planned_apply
#define SCORED        NULL, fb3_scored_next, fb3_scored_apply
#define REMASKED      fb3_remasking_start, fb3_remasking_next, fb3_remasking_apply

static const fb3_order orders[] = {
    [FLOWBD3_ORDER_RANDOM] = {"random", 0, false, PLANNED(random)},
    [FLOWBD3_ORDER_ANCESTRAL] = {"ancestral", 2, false, PLANNED(ancestral)},
    [FLOWBD3_ORDER_CONFIDENCE] = {"confidence", 0, false, SCORED},
    [FLOWBD3_ORDER_MARGIN] = {"margin", 0, false, SCORED},
    [FLOWBD3_ORDER_ENTROPY] = {"entropy", 0, false, SCORED},
    [FLOWBD3_ORDER_THRESHOLD] = {"threshold", 0, false, SCORED},
    [FLOWBD3_ORDER_REMASK_CAP] = {"remask-cap", 4, true, REMASKED},
    [FLOWBD3_ORDER_REMASK_RESCALE] = {"remask-rescale", 4, true, REMASKED},
    [FLOWBD3_ORDER_REMASK_CONFIDENCE] = {"remask-confidence", 4, true, REMASKED},
    [FLOWBD3_ORDER_REMASK_LOOP] = {"remask-loop", 4, true, REMASKED},
};

const fb3_order *fb3_order_of(const flowbd3_sampler_options *o) {
    int number = (int)o->order;
    return number >= 0 && (size_t)number < FB3_COUNT(orders) ? &orders[number] : NULL;
}

/* ---- memory ------------------------------------------------------------------------------------ */

flowbd3_status fb3_unmasking_scratch_create(fb3_unmasking_scratch **out, flowbd3_context *context,
                                            size_t vocabulary, size_t tokens, flowbd3_error *err) {
    fb3_unmasking_scratch *s = *out = fb3_allocate_zero(context, 1, sizeof *s);
    if (s == NULL)
        return fb3_no_memory(err, "the scratch of an unmasking");
    s->probabilities = fb3_allocate(context, vocabulary, sizeof *s->probabilities);
    s->ranking = fb3_allocate(context, vocabulary, sizeof *s->ranking);
    s->allowed = fb3_allocate(context, vocabulary, sizeof *s->allowed);
    s->candidates = fb3_allocate(context, tokens, sizeof *s->candidates);
    if (s->probabilities != NULL && s->ranking != NULL && s->allowed != NULL && s->candidates != NULL)
        return FLOWBD3_OK;
    fb3_unmasking_scratch_destroy(out, context);
    return fb3_no_memory(err, "the scratch of an unmasking");
}

void fb3_unmasking_scratch_destroy(fb3_unmasking_scratch **scratch, flowbd3_context *context) {
    if (scratch == NULL || *scratch == NULL)
        return;
    fb3_release(context, (*scratch)->probabilities);
    fb3_release(context, (*scratch)->ranking);
    fb3_release(context, (*scratch)->allowed);
    fb3_release(context, (*scratch)->candidates);
    fb3_release(context, *scratch);
    *scratch = NULL;
}

flowbd3_status fb3_unmasking_create(fb3_unmasking **out, flowbd3_context *context, size_t blocks,
                                    size_t tokens, flowbd3_error *err) {
    fb3_unmasking *u = *out = fb3_allocate_zero(context, blocks > 0 ? blocks : 1, sizeof *u);
    if (u == NULL)
        return fb3_no_memory(err, "the blocks of an unmasking");
    /* The first block's members own the memory of all. */
    u->plan = fb3_allocate(context, blocks * tokens, sizeof *u->plan);
    u->probability = fb3_allocate(context, blocks * tokens, sizeof *u->probability);
    u->remasked = fb3_allocate(context, blocks * tokens, sizeof *u->remasked);
    u->spare = fb3_allocate(context, blocks * tokens, sizeof *u->spare);
    if (u->plan == NULL || u->probability == NULL || u->remasked == NULL || u->spare == NULL) {
        fb3_unmasking_destroy(out, context);
        return fb3_no_memory(err, "the blocks of an unmasking");
    }
    for (size_t b = 1; b < blocks; b++) {
        u[b].plan = u->plan + b * tokens;
        u[b].probability = u->probability + b * tokens;
        u[b].remasked = u->remasked + b * tokens;
        u[b].spare = u->spare + b * tokens;
    }
    return FLOWBD3_OK;
}

void fb3_unmasking_destroy(fb3_unmasking **blocks, flowbd3_context *context) {
    if (blocks == NULL || *blocks == NULL)
        return;
    fb3_release(context, (*blocks)->plan);
    fb3_release(context, (*blocks)->probability);
    fb3_release(context, (*blocks)->remasked);
    fb3_release(context, (*blocks)->spare);
    fb3_release(context, *blocks);
    *blocks = NULL;
}

/* ---- a block's life ---------------------------------------------------------------------------- */

void fb3_unmasking_start(fb3_unmasking *u, const flowbd3_sampler_options *options) {
    u->options = options;
    u->seed = fb3_attempt_seed(options->seed, u->attempt);
    u->undecided = 0;
    for (size_t i = 0; i < u->tokens; i++) {
        if (fb3_is_fixed(u, i))
            continue;
        u->values[i] = (uint16_t)u->vocabulary[i];
        u->undecided++;
    }
    u->step = u->drawn = 0;
    u->log_mass = 0.0;
    u->steps = fb3_unmasking_steps(options, u->tokens, u->undecided);
    const fb3_order *order = fb3_order_of(options);
    if (order->start != NULL)
        order->start(u);
}

bool fb3_unmasking_next(fb3_unmasking *u, uint8_t *wanted) {
    for (size_t i = 0; i < u->tokens; i++)
        wanted[i] = 0;
    return u->undecided > 0 && fb3_order_of(u->options)->next(u, wanted);
}

void fb3_unmasking_apply(fb3_unmasking *u, const float *const *logits, const flowbd3_sampler_options *options,
                         fb3_unmasking_scratch *scratch) {
    fb3_order_of(options)->apply(u, logits, options, scratch);
}

/* ---- one token --------------------------------------------------------------------------------- */

/* By which the orders of scored.c choose. Read off the distribution before the nucleus is cut out of it:
 * after it most values would be certain, and tell nothing apart. */
static double score(flowbd3_order order, const fb3_distribution *d, double probability) {
    switch (order) {
    case FLOWBD3_ORDER_CONFIDENCE:
        return probability;
    case FLOWBD3_ORDER_MARGIN:
        return d->largest - d->second;
    case FLOWBD3_ORDER_ENTROPY:
        return -d->entropy;
    case FLOWBD3_ORDER_THRESHOLD:
        return d->largest;
    default:
        return 0.0;
    }
}

/* Multiplies the probabilities of allowed values by their factors, and leaves none to others; log of the
 * share that this is of the probability of all values that may ever be, at the largest factor. Where nothing
 * is left they stay as they are. */
static double leave_allowed(double *probabilities, const uint8_t *allowed, const double *factors,
                            size_t count, double *sum) {
    double possible = 0.0, kept = 0.0, largest = 0.0;
    for (size_t v = 0; v < count; v++) {
        double factor = factors != NULL ? factors[v] : 1.0;
        possible += allowed == NULL || allowed[v] != FB3_NEVER ? probabilities[v] : 0.0;
        kept += allowed == NULL || allowed[v] == FB3_ALLOWED ? probabilities[v] * factor : 0.0;
        largest = fmax(largest, factor);
    }
    if (!(kept > 0.0))
        return -INFINITY;
    for (size_t v = 0; v < count; v++)
        if (allowed != NULL && allowed[v] != FB3_ALLOWED)
            probabilities[v] = 0.0;
        else if (factors != NULL)
            probabilities[v] *= factors[v];
    *sum = kept;
    return fmin(0.0, log(kept / (possible * largest)));
}

/* Random number `number` of the block, with which token i is drawn. */
static double random_number(const fb3_unmasking *u, size_t i, uint32_t number) {
    double x = fb3_uniform(u->seed, FB3_RANDOM_TOKEN, u->key, number);
    return u->strata != NULL && number == i ? (u->strata[i] + x) / FB3_STRATA : x;
}

fb3_candidate fb3_unmasking_draw(const fb3_unmasking *u, size_t i, uint32_t number, const float *logits,
                                 const flowbd3_sampler_options *o, fb3_unmasking_scratch *s) {
    uint16_t forbidden = u->forbidden != NULL ? u->forbidden[i] : UINT16_MAX;
    fb3_distribution d = fb3_softmax(s->probabilities, logits, u->vocabulary[i], forbidden, o->temperature);
    fb3_candidate c = {.token = i};
    const double *factors = u->weights != NULL ? u->weights[i] : NULL;
    const uint8_t *allowed = u->allow != NULL && u->allow(u->user, u, i, s->allowed) ? s->allowed : NULL;
    if (factors != NULL || allowed != NULL)
        c.log_mass = leave_allowed(s->probabilities, allowed, factors, u->vocabulary[i], &d.sum);
    c.value = fb3_draw(s->probabilities, s->ranking, u->vocabulary[i], d.sum, o->top_p,
                       random_number(u, i, number));
    c.probability = s->probabilities[c.value] / d.sum;
    c.score = score(o->order, &d, c.probability);
    return c;
}

void fb3_unmasking_keep(fb3_unmasking *u, const fb3_candidate *candidate) {
    u->values[candidate->token] = candidate->value;
    u->probability[candidate->token] = candidate->probability;
    if (u->drawn++ > 0 || !u->first_is_free || candidate->log_mass == -INFINITY)
        u->log_mass += candidate->log_mass;
}
