/* Orders that are known before the first draw: random, and the time steps of the reverse process. */
#include "sampler/unmasking_orders.h"

#include <string.h>

/* Tokens of lesser turns first, otherwise in the order there is. */
static void take_turns(fb3_unmasking *u) {
    size_t count = 0;
    for (unsigned turn = 0; count < u->tokens; turn++)
        for (size_t i = 0; i < u->tokens; i++)
            if (u->turn[u->plan[i]] == turn)
                u->spare[count++] = u->plan[i];
    memcpy(u->plan, u->spare, u->tokens * sizeof *u->plan);
}

/* The tokens of a run in its order, at the places that they have together. */
static void order_runs(fb3_unmasking *u) {
    for (size_t i = 0; i < u->tokens; i++)
        u->spare[i] = 0; /* at the first of a run: those of it that have a place */
    for (size_t i = 0; i < u->tokens; i++) {
        uint32_t first = u->run[u->plan[i]];
        u->plan[i] = first + u->spare[first]++;
    }
}

/* Random order of all tokens (Fisher-Yates), then without the fixed ones, which leaves it uniform. */
void fb3_random_start(fb3_unmasking *u) {
    uint32_t *order = u->plan;
    for (size_t i = 0; i < u->tokens; i++) {
        size_t j = (size_t)(fb3_uniform(u->seed, FB3_RANDOM_ORDER, u->key, (uint32_t)i) * (double)(i + 1));
        if (j > i)
            j = i;
        order[i] = order[j];
        order[j] = (uint32_t)i;
    }
    if (u->turn != NULL)
        take_turns(u);
    if (u->run != NULL)
        order_runs(u);
    size_t left = 0;
    for (size_t i = 0; i < u->tokens; i++)
        if (!fb3_is_fixed(u, order[i]))
            order[left++] = order[i];
}

bool fb3_random_next(fb3_unmasking *u, uint8_t *wanted) {
    if (u->step == u->steps)
        return false;
    size_t to = (u->step + 1) * u->undecided / u->steps;
    for (size_t i = u->step * u->undecided / u->steps; i < to; i++)
        wanted[u->plan[i]] = 1;
    u->step++;
    return true;
}

/* A token that every step i of T unmasks with probability 1 / (T - i) is unmasked in a uniformly random one.
 */
void fb3_ancestral_start(fb3_unmasking *u) {
    for (size_t i = 0; i < u->tokens; i++) {
        double x = fb3_uniform(u->seed, FB3_RANDOM_UNMASK, u->key, (uint32_t)i);
        u->plan[i] = (uint32_t)(x * (double)u->steps);
    }
    for (size_t i = 0; u->run != NULL && i < u->tokens; i++) /* insertion: a run is short */
        for (size_t k = i; k > u->run[i] && u->plan[k] < u->plan[k - 1]; k--) {
            uint32_t step = u->plan[k];
            u->plan[k] = u->plan[k - 1];
            u->plan[k - 1] = step;
        }
}

/* Goes to the earliest step of a masked token. */
bool fb3_ancestral_next(fb3_unmasking *u, uint8_t *wanted) {
    uint32_t earliest = UINT32_MAX;
    for (size_t i = 0; i < u->tokens; i++)
        if (fb3_is_masked(u, i) && u->plan[i] < earliest)
            earliest = u->plan[i];
    for (size_t i = 0; i < u->tokens; i++)
        wanted[i] = fb3_is_masked(u, i) && u->plan[i] == earliest;
    return earliest != UINT32_MAX;
}

void fb3_planned_apply(fb3_unmasking *u, const float *const *logits, const flowbd3_sampler_options *o,
                       fb3_unmasking_scratch *scratch) {
    for (size_t i = 0; i < u->tokens; i++) {
        if (logits[i] == NULL)
            continue;
        fb3_candidate c = fb3_unmasking_draw(u, i, (uint32_t)i, logits[i], o, scratch);
        fb3_unmasking_keep(u, &c);
    }
}
