/* ReMDM (Wang, Schiff, Sahoo, Kuleshov 2025): the reverse process from time t to s, in which a decided token
 * is masked again with probability sigma and a masked one is drawn with probability
 *
 *     (alpha_s - (1 - sigma) alpha_t) / (1 - alpha_t),    0 <= sigma <= min(1, (1 - alpha_s) / alpha_t),
 *
 * so that the share of masked tokens at time s is 1 - alpha_s whatever sigma is. alpha_t = 1 - t, but for the
 * loop. Which tokens change does not depend on the logits of the step: one that draws none needs no
 * evaluation. */
#include "sampler/unmasking_orders.h"

#include <math.h>

/* Share of decided tokens during the loop (Wang et al. 2025, experiments on text). */
static const double loop_alpha = 0.9;

static double alpha(const flowbd3_sampler_options *o, double t) {
    if (o->order != FLOWBD3_ORDER_REMASK_LOOP)
        return 1.0 - t;
    if (t > o->loop_from)
        return loop_alpha * (1.0 - t) / (1.0 - o->loop_from);
    return t > o->loop_to ? loop_alpha : 1.0 - (1.0 - loop_alpha) * t / o->loop_to;
}

static double sigma(const flowbd3_sampler_options *o, double t, double alpha_t, double alpha_s) {
    double largest = alpha_t > 1.0 - alpha_s ? (1.0 - alpha_s) / alpha_t : 1.0;
    switch (o->order) {
    case FLOWBD3_ORDER_REMASK_CAP:
        return fmin(o->remask, largest);
    case FLOWBD3_ORDER_REMASK_LOOP:
        return t > o->loop_to && t <= o->loop_from ? fmin(o->remask, largest) : 0.0;
    default:
        return o->remask * largest;
    }
}

/* Sum of exp(-psi) over the decided tokens. */
static double confidence_sum(const fb3_unmasking *u) {
    double sum = 0.0;
    for (size_t i = 0; i < u->tokens; i++)
        if (!fb3_is_masked(u, i) && !fb3_is_fixed(u, i))
            sum += exp(-u->probability[i]);
    return sum;
}

/* What a step does. */
typedef struct transition {
    double unmask; /* probability of a masked token */
    double remask; /* probability of a decided token; at confidence to be multiplied by exp(-psi) */
    bool by_confidence;
} transition;

/* At confidence, sigma is shared among the decided tokens, and is 0 for the masked ones, whose psi is
 * infinite: the share of masked tokens is above 1 - alpha then. */
static transition transition_of(const fb3_unmasking *u) {
    const flowbd3_sampler_options *o = u->options;
    double t = (double)(u->steps - u->step) / (double)u->steps;
    double s = (double)(u->steps - u->step - 1) / (double)u->steps;
    double alpha_t = alpha(o, t), alpha_s = alpha(o, s), remask = sigma(o, t, alpha_t, alpha_s);
    transition p = {.remask = remask, .by_confidence = o->order == FLOWBD3_ORDER_REMASK_CONFIDENCE};
    if (p.by_confidence) {
        double sum = confidence_sum(u);
        p.remask = sum > 0.0 ? remask / sum : 0.0;
        remask = 0.0;
    }
    p.unmask = (alpha_s - (1.0 - remask) * alpha_t) / (1.0 - alpha_t);
    return p;
}

void fb3_remasking_start(fb3_unmasking *u) {
    for (size_t i = 0; i < u->tokens; i++)
        u->remasked[i] = 0;
}

/* Chooses the tokens that change in this step; whether any is to be drawn. */
static bool choose(fb3_unmasking *u, uint8_t *wanted) {
    transition p = transition_of(u);
    bool last = u->step + 1 == u->steps, any = false;
    for (size_t i = 0; i < u->tokens; i++) {
        wanted[i] = u->remasked[i] = 0;
        if (fb3_is_fixed(u, i))
            continue;
        double x = fb3_uniform(u->seed, FB3_RANDOM_UNMASK, u->key, (uint32_t)(u->step * u->tokens + i));
        if (fb3_is_masked(u, i))
            wanted[i] = last || x < p.unmask;
        else
            u->remasked[i] = !last && x < p.remask * (p.by_confidence ? exp(-u->probability[i]) : 1.0);
        any = any || wanted[i] != 0;
    }
    return any;
}

static void finish_step(fb3_unmasking *u) {
    for (size_t i = 0; i < u->tokens; i++)
        if (u->remasked[i] != 0)
            u->values[i] = (uint16_t)u->vocabulary[i];
    u->step++;
}

bool fb3_remasking_next(fb3_unmasking *u, uint8_t *wanted) {
    for (; u->step < u->steps; finish_step(u))
        if (choose(u, wanted))
            return true;
    return false;
}

/* The tokens that this step masks again are seen by its draws, and leave after them. */
void fb3_remasking_apply(fb3_unmasking *u, const float *const *logits, const flowbd3_sampler_options *o,
                         fb3_unmasking_scratch *scratch) {
    for (size_t i = 0; i < u->tokens; i++) {
        if (logits[i] == NULL)
            continue;
        uint32_t number = (uint32_t)(u->step * u->tokens + i);
        fb3_candidate c = fb3_unmasking_draw(u, i, number, logits[i], o, scratch);
        fb3_unmasking_keep(u, &c);
    }
    finish_step(u);
}
