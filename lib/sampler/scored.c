/* Orders that look at all masked tokens, and decide those that score best: confidence (MaskGIT, Chang et al.
 * 2022; LLaDA, Nie et al. 2025), margin (Kim et al. 2025), entropy (Ye et al. 2025), threshold (Fast-dLLM, Wu
 * et al. 2025).
 *
 * The random number of a draw is new in every step. Confidence needs that: a draw that was left for its small
 * probability would be drawn at the same number again. */
#include "sampler/unmasking_orders.h"

/* Whether a masked token is the next one of its cell. */
static bool is_next(const fb3_unmasking *u, size_t i) {
    return fb3_is_masked(u, i) && (u->run == NULL || i == u->run[i] || !fb3_is_masked(u, i - 1));
}

bool fb3_scored_next(fb3_unmasking *u, uint8_t *wanted) {
    unsigned turn = UINT8_MAX;
    for (size_t i = 0; u->turn != NULL && i < u->tokens; i++)
        if (fb3_is_masked(u, i) && u->turn[i] < turn)
            turn = u->turn[i];
    bool any = false;
    for (size_t i = 0; i < u->tokens; i++) {
        wanted[i] = is_next(u, i) && (u->turn == NULL || u->turn[i] == turn);
        any = any || wanted[i] != 0;
    }
    return any;
}

/* Moves the best of candidates[from ..] to from; the first of equals. */
static void bring_best(fb3_candidate *candidates, size_t from, size_t count) {
    size_t best = from;
    for (size_t k = from + 1; k < count; k++)
        if (candidates[k].score > candidates[best].score ||
            (candidates[k].score == candidates[best].score && candidates[k].token < candidates[best].token))
            best = k;
    fb3_candidate c = candidates[best];
    candidates[best] = candidates[from];
    candidates[from] = c;
}

/* Whether the best of those left, after kept ones of this step, is kept too. */
static bool is_kept(const fb3_unmasking *u, const flowbd3_sampler_options *o, const fb3_candidate *c,
                    size_t kept) {
    if (o->order == FLOWBD3_ORDER_THRESHOLD)
        return kept == 0 || c->score >= o->threshold;
    return kept < (u->step + 1) * u->undecided / u->steps - u->step * u->undecided / u->steps;
}

void fb3_scored_apply(fb3_unmasking *u, const float *const *logits, const flowbd3_sampler_options *o,
                      fb3_unmasking_scratch *scratch) {
    fb3_candidate *candidates = scratch->candidates;
    size_t count = 0;
    for (size_t i = 0; i < u->tokens; i++)
        if (logits[i] != NULL) {
            uint32_t number = (uint32_t)(u->step * u->tokens + i);
            candidates[count++] = fb3_unmasking_draw(u, i, number, logits[i], o, scratch);
        }
    for (size_t kept = 0; kept < count; kept++) {
        bring_best(candidates, kept, count);
        if (!is_kept(u, o, &candidates[kept], kept))
            break;
        if (kept > 0 && u->allow != NULL) { /* what the others of this step leave of its values */
            size_t i = candidates[kept].token;
            candidates[kept] =
                fb3_unmasking_draw(u, i, (uint32_t)(u->step * u->tokens + i), logits[i], o, scratch);
        }
        fb3_unmasking_keep(u, &candidates[kept]);
    }
    u->step++;
}
