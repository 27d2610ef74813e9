/* What of a tile goes through the network at a time. */
#include "sampler/strata.h"
#include "sampler/tile.h"

#include <string.h>

/* Tokens of block number block of the window that sequence i has. */
size_t fb3_tile_block_tokens(const fb3_tile *t, size_t i, size_t block) {
    size_t flows = fb3_smaller(t->sequences[i].flows, t->window + t->sizes->window);
    size_t end = flows > t->window ? (flows - t->window) * t->sizes->slots : 0,
           begin = block * t->sizes->block;
    return begin < end ? fb3_smaller(end - begin, t->sizes->block) : 0;
}

/* ---- rows of the batch ------------------------------------------------------------------------- */

/* Number of the flows that share the order of their columns and the strata of their draws with a flow of
 * sequence i: those with its number in a run of sequences, or it alone. */
uint64_t fb3_tile_group(const fb3_tile *t, size_t i, size_t flow) {
    uint64_t sequence = t->first_sequence + i;
    bool shared = t->sampler->options.draws == FLOWBD3_DRAWS_STRATIFIED;
    return (shared ? sequence / FB3_STRATA : sequence) * t->sizes->length + flow;
}

/* Slot of token number token of the window of sequence i. */
size_t fb3_tile_slot(fb3_tile *t, size_t i, size_t token) {
    size_t slots = t->sizes->slots, place = token % slots;
    if (!fb3_model_has_order(t->sampler->model))
        return place;
    uint64_t flow = (t->first_sequence + i) * t->sizes->length + t->window + token / slots;
    if (t->w->ordered_flow != flow + 1) {
        uint64_t group = fb3_tile_group(t, i, t->window + token / slots);
        fb3_model_order(t->sampler->model, t->w->order, t->sampler->options.seed, group, 0);
        fb3_sampler_take_turns(t->sampler, t->w->order, t->first_row[i] + t->window + token / slots);
    }
    t->w->ordered_flow = flow + 1;
    return t->w->order[place];
}

uint16_t *fb3_tile_token(const fb3_tile *t, size_t i, size_t token, size_t slot) {
    size_t slots = t->sizes->slots, flow = t->window + token / slots;
    return &t->tokens[(i * t->sizes->length + flow) * slots + slot];
}

/* Whether a copy does not see a token of the window. */
static bool is_hidden(const fb3_tile *t, size_t i, size_t copy, size_t token, size_t slot) {
    uint64_t row = t->first_row[i] + t->window + token / t->sizes->slots;
    return copy > 0 && fb3_guidance_hides(t->sampler, row, slot);
}

/* A row that holds value where the copy sees it, and whose logits are wanted only there. */
static size_t add_row(fb3_tile *t, size_t i, size_t copy, size_t token, uint16_t value, uint8_t wanted) {
    size_t row = t->rows++, slots = t->sizes->slots, slot = fb3_tile_slot(t, i, token);
    bool hidden = is_hidden(t, i, copy, token, slot);
    t->w->slots[row] = (uint16_t)slot;
    t->w->positions[row] = (uint32_t)(token / slots * slots + slot);
    t->w->inputs[row] = hidden ? (uint16_t)t->sampler->model->vocabulary[slot] : value;
    t->w->masked[row] = hidden ? 0 : wanted;
    return row;
}

/* Place of a copy of sequence i among all copies. */
size_t fb3_tile_place(const fb3_tile *t, size_t i, size_t copy) {
    return copy * t->count + i;
}

/* Keys of a copy of sequence i that are there before the batch. */
static size_t keys_before(const fb3_tile *t, size_t i, size_t copy) {
    return t->w->cache != NULL ? fb3_cache_used(t->w->cache, fb3_tile_place(t, i, copy)) : 0;
}

/* The group of rows first .. of a copy in the batch, which see everything up to themselves. */
static void add_group(fb3_tile *t, size_t i, size_t copy, size_t first, size_t rows) {
    uint32_t before = (uint32_t)(keys_before(t, i, copy) + first + rows);
    t->w->groups[t->groups++] =
        (fb3_query_group){.query = (uint32_t)first, .queries = (uint32_t)rows, .before = before};
}

/* Rows of a finished block; how many. */
static size_t add_finished(fb3_tile *t, size_t i, size_t copy, size_t block) {
    size_t tokens = fb3_tile_block_tokens(t, i, block), begin = block * t->sizes->block;
    for (size_t token = begin; token < begin + tokens; token++)
        add_row(t, i, copy, token, *fb3_tile_token(t, i, token, fb3_tile_slot(t, i, token)), 0);
    add_group(t, i, copy, 0, tokens);
    return tokens;
}

/* Rows of the block at hand, behind `behind` others of the copy. */
static void add_block(fb3_tile *t, size_t i, size_t copy, size_t block, size_t behind) {
    fb3_unmasking *u = &t->w->unmasking[i];
    size_t begin = block * t->sizes->block;
    const uint8_t *wanted = t->w->asked + i * t->sizes->block;
    for (size_t k = 0; k < u->tokens; k++) {
        size_t row = add_row(t, i, copy, begin + k, u->values[k], wanted[k]);
        t->w->owner[row] = fb3_tile_place(t, i, copy) * t->sizes->block + k;
    }
    add_group(t, i, copy, behind, u->tokens);
}

void fb3_batch_begin(fb3_tile *t) {
    t->rows = t->groups = t->batched = 0;
}

static void end_copy(fb3_tile *t, size_t i, size_t copy) {
    t->w->cached[t->batched++] = fb3_tile_place(t, i, copy);
    t->w->first[t->batched] = t->rows;
    t->w->first_group[t->batched] = t->groups;
}

/* All copies of a finished block, as sequences of the batch of their own. */
void fb3_batch_add_finished(fb3_tile *t, size_t i, size_t block) {
    for (size_t copy = 0; copy < t->sizes->copies; copy++) {
        add_finished(t, i, copy, block);
        end_copy(t, i, copy);
    }
}

void fb3_batch_evaluate(fb3_tile *t) {
    fb3_batch batch = {.sequences = t->batched,
                       .first = t->w->first,
                       .inputs = t->w->inputs,
                       .slots = t->w->slots,
                       .positions = t->w->positions,
                       .groups = t->w->groups,
                       .first_group = t->w->first_group,
                       .masked = t->w->masked,
                       .cache = t->w->cache,
                       .cached = t->w->cached};
    fb3_network_logits(t->w->network, &batch);
}

/* Whether sequences i and j, with nothing before their blocks, hold the same tokens in the same order. */
static bool alike(const fb3_tile *t, size_t i, size_t j) {
    const fb3_unmasking *u = &t->w->unmasking[i], *v = &t->w->unmasking[j];
    return u->tokens == v->tokens && memcmp(u->values, v->values, u->tokens * sizeof *u->values) == 0 &&
           (!fb3_model_has_order(t->sampler->model) ||
            fb3_tile_group(t, i, t->window) == fb3_tile_group(t, j, t->window));
}

/* Finds for every active sequence the first one in the same state, which goes through the network for all of
 * them, and gathers what they want there. Given cells can make any two differ in the order of columns. */
static void find_alike(fb3_tile *t, bool finish) {
    fb3_sampler_worker *w = t->w;
    const flowbd3_sampler_options *o = &t->sampler->options;
    size_t size = t->sizes->block;
    bool shares = !finish && t->sizes->copies == 1 && o->n_given == 0 && o->complete == 0;
    memcpy(w->asked, w->wanted, t->count * size * sizeof *w->asked);
    for (size_t i = 0; i < t->count; i++) {
        w->same[i] = i;
        for (size_t j = 0; shares && w->active[i] && keys_before(t, i, 0) == 0 && j < i; j++)
            if (w->active[j] && w->same[j] == j && keys_before(t, j, 0) == 0 && alike(t, i, j)) {
                w->same[i] = j;
                break;
            }
        for (size_t k = 0; w->same[i] != i && k < w->unmasking[i].tokens; k++)
            w->asked[w->same[i] * size + k] |= w->wanted[i * size + k];
    }
}

void fb3_batch_add_blocks(fb3_tile *t, size_t block, bool finish) {
    find_alike(t, finish);
    for (size_t i = 0; i < t->count; i++)
        for (size_t copy = 0; t->w->active[i] && t->w->same[i] == i && copy < t->sizes->copies; copy++) {
            add_block(t, i, copy, block, finish ? add_finished(t, i, copy, block - 1) : 0);
            end_copy(t, i, copy);
        }
}

/* Gives every sequence the logits of the one in its place, of what it wants itself. */
static void hand_out(fb3_tile *t) {
    fb3_sampler_worker *w = t->w;
    size_t size = t->sizes->block;
    for (size_t i = t->count; i-- > 0;) { /* those in whose place others go come before them */
        const float **logits = w->logits + i * size, **theirs = w->logits + w->same[i] * size;
        for (size_t k = 0; w->active[i] && k < w->unmasking[i].tokens; k++)
            logits[k] = w->wanted[i * size + k] != 0 ? theirs[k] : NULL;
    }
}

/* Points the wanted tokens of all blocks to their logits. */
void fb3_batch_find_logits(fb3_tile *t) {
    fb3_sampler_worker *w = t->w;
    memset(w->logits, 0, t->sizes->copies * t->count * t->sizes->block * sizeof(const float *));
    for (size_t slot = 0; slot < t->sizes->slots; slot++) {
        size_t count, stride;
        const uint32_t *positions;
        const float *logits = fb3_network_slot_logits(w->network, slot, &count, &stride, &positions);
        for (size_t i = 0; i < count; i++)
            w->logits[w->owner[positions[i]]] = logits + i * stride;
    }
    hand_out(t);
}
