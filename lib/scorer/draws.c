/* The two ways to score: masks of random size, and the chain rule. */
#include "scorer/scorer.h"
#include "tokenizer/tokenizer.h"

#include <math.h>
#include <stdlib.h>

/* Number that keys a row's random numbers, the same whatever is scored beside it. */
static uint64_t key_of(const fb3_scorer *s, size_t row) {
    return (uint64_t)s->first_flow * s->model->config.slots + s->joint->cells[row];
}

static double uniform(const fb3_scorer *s, uint64_t key, uint32_t step) {
    return fb3_uniform(s->options.seed, FB3_RANDOM_SCORE, key, step);
}

/* Hides the unknown tokens of a block, shows the others, and counts those that are scored. */
static size_t begin_block(fb3_scorer *s, const fb3_block *block) {
    fb3_joint *j = s->joint;
    size_t scored = 0;
    for (size_t row = block->first; row < block->first + block->tokens; row++) {
        j->masked[row] = s->roles[j->slots[row]] == FB3_UNKNOWN ? FB3_HIDDEN : FB3_VISIBLE;
        scored += fb3_is_scored(s, row);
    }
    return scored;
}

/* Takes the place of a masked token. */
static void take_place(void *user, size_t row, const float *logits) {
    const fb3_scorer *s = user;
    const fb3_joint *j = s->joint;
    size_t slot = j->slots[row];
    s->places[j->cells[row]] = fb3_place_of(logits, j->blocking.vocabulary[slot], j->tokens[row],
                                            !fb3_tokenizer_is_ordered(s->model->tokenizer, slot));
}

/* Adds scale times cross entropy to the sums of the flows. */
static void add_losses(fb3_scorer *s, const fb3_batch *batch) {
    const fb3_joint *j = s->joint;
    fb3_network_loss(s->network, s->model->parameters, batch);
    for (size_t row = 0; row < j->rows; row++)
        if (j->masked[row] == FB3_MASKED)
            s->sum[j->cells[row] / j->blocking.slots] += (double)j->scale[row] * (double)j->losses[row];
}

/* Evaluates the joint as it is masked; false when that was cancelled. */
static bool evaluate(fb3_scorer *s, uint32_t draw) {
    const fb3_joint *j = s->joint;
    fb3_batch batch = fb3_joint_batch(s->joint);
    if (s->places != NULL)
        fb3_network_visit(s->network, s->model->parameters, &batch, take_place, s);
    else
        add_losses(s, &batch);
    return !fb3_report(&s->reporter, s->first_flow + j->flows * draw / s->options.draws, (double)NAN);
}

static void clear_sums(fb3_scorer *s) {
    for (size_t f = 0; f < s->joint->flows; f++)
        s->sum[f] = 0.0;
}

/* ---- masks of random size ---------------------------------------------------------------------- */

/* Draw 2 i and 2 i + 1 have levels from stratum i: k is one of the sizes that i / strata .. (i + 1) / strata
 * of the sizes 1 .. n cover. Every subset of k tokens is as likely as another. */
static void mask_block(fb3_scorer *s, const fb3_block *block, uint32_t draw) {
    fb3_joint *j = s->joint;
    size_t left = begin_block(s, block), n = left;
    if (n == 0)
        return;
    uint32_t strata = s->options.draws > 1 ? s->options.draws / 2 : 1, stratum = draw / 2;
    double level = (stratum + uniform(s, key_of(s, block->first), 2 * draw + 1)) / strata;
    size_t k = 1 + (size_t)(level * (double)n);
    k = k < n ? k : n;
    float scale = (float)((double)n / (double)k);
    for (size_t row = block->first; row < block->first + block->tokens; row++) {
        if (!fb3_is_scored(s, row))
            continue;
        if (uniform(s, key_of(s, row), 2 * draw) * (double)left < (double)k) {
            j->masked[row] = FB3_MASKED;
            j->scale[row] = scale;
            k--;
        }
        left--;
    }
}

/* Each pair of draws of a stratum has a mean, and a variance of it from the difference. */
static void add_draw(fb3_scorer *s, uint32_t draw) {
    double draws = s->options.draws;
    for (size_t f = 0; f < s->joint->flows; f++) {
        double difference = s->sum[f] - s->before[f];
        s->nll[f] += s->sum[f] / draws;
        if (draw % 2 == 1)
            s->variance[f] += difference * difference / (draws * draws);
        s->before[f] = s->sum[f];
    }
}

bool fb3_scorer_nelbo(fb3_scorer *s) {
    for (uint32_t draw = 0; draw < s->options.draws; draw++) {
        fb3_scorer_lay_out(s, draw);
        clear_sums(s);
        for (size_t b = 0; b < s->joint->n_blocks; b++)
            mask_block(s, &s->joint->blocks[b], draw);
        if (!evaluate(s, draw))
            return false;
        add_draw(s, draw);
    }
    return true;
}

/* ---- the chain rule ---------------------------------------------------------------------------- */

/* Number that keys a row's place in a random order: that of the first slot of its column where the slots of a
 * column stay together. */
static uint64_t order_key(const fb3_scorer *s, size_t row) {
    const flowbd3_tokenizer *tokenizer = s->model->tokenizer;
    size_t slot = s->joint->slots[row], first = slot;
    if (s->places != NULL)
        fb3_tokenizer_column_slots(tokenizer, fb3_tokenizer_slot_column(tokenizer, slot), &first);
    return key_of(s, row) - slot + first;
}

/* What the rows of a block are ordered by: the given order flow by flow, or a random number each. */
static void set_keys(fb3_scorer *s, uint32_t draw) {
    const fb3_joint *j = s->joint;
    size_t slots = j->blocking.slots;
    for (size_t row = 0; row < j->rows; row++) {
        size_t place = j->cells[row] / slots * 2 * slots;
        s->keys[row] =
            s->rank != NULL ? (double)(place + s->rank[j->slots[row]]) : uniform(s, order_key(s, row), draw);
    }
}

/* By their keys, and what has the same as the joint has it: the slots of a column ascend there. */
static int compare(const void *a, const void *b, void *keys) {
    size_t i = *(const size_t *)a, k = *(const size_t *)b;
    const double *key = keys;
    return key[i] != key[k] ? (key[i] < key[k] ? -1 : 1) : (i > k) - (i < k);
}

/* Sorts the scored rows of every block; the most that a block has. */
static size_t set_chains(fb3_scorer *s) {
    const fb3_joint *j = s->joint;
    size_t most = 0;
    for (size_t b = 0; b < j->n_blocks; b++) {
        size_t first = j->blocks[b].first, n = 0;
        for (size_t row = first; row < first + j->blocks[b].tokens; row++)
            if (fb3_is_scored(s, row))
                s->chain[first + n++] = row;
        qsort_r(s->chain + first, n, sizeof *s->chain, compare, s->keys);
        s->scored[b] = n;
        most = n > most ? n : most;
    }
    return most;
}

/* Step number step of the chains: its token is scored, those before it are seen, those behind hidden. */
static void mask_step(fb3_scorer *s, size_t step) {
    fb3_joint *j = s->joint;
    for (size_t b = 0; b < j->n_blocks; b++) {
        const size_t *chain = s->chain + j->blocks[b].first;
        begin_block(s, &j->blocks[b]);
        for (size_t i = step; i < s->scored[b]; i++)
            j->masked[chain[i]] = i == step ? FB3_MASKED : FB3_HIDDEN;
        if (step < s->scored[b])
            j->scale[chain[step]] = 1.0f;
    }
}

/* Running mean and sum of squared deviations over the orders (Welford 1962). */
static void add_order(fb3_scorer *s, uint32_t draw) {
    for (size_t f = 0; f < s->joint->flows; f++) {
        double difference = s->sum[f] - s->nll[f];
        s->nll[f] += difference / (draw + 1.0);
        s->variance[f] += difference * (s->sum[f] - s->nll[f]);
    }
}

bool fb3_scorer_chain(fb3_scorer *s) {
    double draws = s->options.draws;
    for (uint32_t draw = 0; draw < s->options.draws; draw++) {
        fb3_scorer_lay_out(s, draw);
        clear_sums(s);
        set_keys(s, draw);
        size_t steps = set_chains(s);
        for (size_t step = 0; step < steps; step++) {
            mask_step(s, step);
            if (!evaluate(s, draw))
                return false;
        }
        add_order(s, draw);
    }
    for (size_t f = 0; f < s->joint->flows; f++)
        s->variance[f] = s->fixed ? 0.0 : draws > 1.0 ? s->variance[f] / draws / (draws - 1.0) : (double)NAN;
    return true;
}
