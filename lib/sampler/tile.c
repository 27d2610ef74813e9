/* A tile of sequences, block by block.
 *
 * All sequences of a tile are at the same block; those that are shorter drop out. The first evaluation of a
 * block also takes the finished block before it through the network, whose keys and values then stay in the
 * cache. When the context is full, the next window begins with its last flows as if a sequence began with
 * them.
 *
 * Where rows have something to obey, blocks are drawn in units that end with a flow, and a unit of a sequence
 * whose rows do not obey, or are not kept, is drawn again from the cache that it began with.
 *
 * Under guidance a sequence goes through the network in two copies: itself, and its twin, which does not see
 * what is conditioned and has a place of its own in the cache. */
#include "sampler/tile.h"
#include "sampler/strata.h"

#include <math.h>
#include <string.h>

/* ---- one block --------------------------------------------------------------------------------- */

/* The tokens of the flow that token number k of a block is of, as far as they are decided, by their slots. */
static void gather_flow(fb3_tile *t, size_t i, const fb3_unmasking *u, size_t begin, size_t k) {
    fb3_restrained *r = t->w->restrained;
    size_t slots = t->sizes->slots, flow = (begin + k) / slots;
    for (size_t place = 0; place < slots; place++) {
        size_t token = flow * slots + place, slot = fb3_tile_slot(t, i, token);
        if (token < begin)
            r->tokens[slot] = *fb3_tile_token(t, i, token, slot);
        else if (token - begin < u->tokens)
            r->tokens[slot] = u->values[token - begin];
        else
            r->tokens[slot] = (uint16_t)t->sampler->model->vocabulary[slot];
    }
}

/* Which values token number k may take. */
static bool allow(void *user, const fb3_unmasking *u, size_t k, uint8_t *allowed) {
    fb3_tile *t = user;
    size_t i = (size_t)(u - t->w->unmasking), begin = t->block * t->sizes->block;
    size_t flow = t->window + (begin + k) / t->sizes->slots;
    gather_flow(t, i, u, begin, k);
    return fb3_restrained_allow(t->sampler, t->w->restrained, i, flow, t->first_row[i] + flow,
                                fb3_tile_slot(t, i, begin + k), allowed);
}

/* Whether everything that comes before a block in its unit is given. */
static bool nothing_drawn(fb3_tile *t, size_t i, size_t begin) {
    size_t unit = t->block / t->sizes->unit * t->sizes->unit * t->sizes->block;
    for (size_t token = unit; token < begin; token++)
        if (fb3_sampler_given_token(t->sampler, t->first_row[i] + t->window + token / t->sizes->slots,
                                    fb3_tile_slot(t, i, token)) == UINT16_MAX)
            return false;
    return true;
}

/* What the rows of a block have to obey. Given tokens of blocks that end inside a flow are fixed as long as
 * nothing is drawn before them; later ones are drawn with one value allowed, which has its weight. */
static void restrain(fb3_tile *t, size_t i, size_t begin) {
    const flowbd3_sampler *s = t->sampler;
    fb3_restrained *r = t->w->restrained;
    fb3_unmasking *u = &t->w->unmasking[i];
    size_t place = i * t->sizes->block, slots = t->sizes->slots, run = 0;
    bool whole = !fb3_model_has_order(s->model), free = nothing_drawn(t, i, begin);
    u->first_is_free = free;
    for (size_t k = 0; k < u->tokens; k++) {
        size_t slot = fb3_tile_slot(t, i, begin + k), flow = (begin + k) / slots;
        uint64_t row = t->first_row[i] + t->window + flow;
        uint16_t given = fb3_sampler_given_token(s, row, slot);
        run = s->model->tokenizer->slots[slot].place == 0 || k == 0 ? k : run;
        r->run[place + k] = (uint32_t)run;
        r->turn[place + k] = fb3_sampler_turn(s, row, slot);
        r->weights[place + k] = s->weights != NULL ? s->weights[slot] : NULL;
        free = free && (whole || given != UINT16_MAX);
        r->fixed[place + k] = given != UINT16_MAX && (whole || free);
        if (r->fixed[place + k])
            u->values[k] = given;
    }
    u->run = r->run + place;
    u->turn = r->turn + place;
    u->fixed = r->fixed + place;
    u->weights = r->weights + place;
    u->allow = allow;
    u->user = t;
}

/* Only the first attempt has strata: later ones are those of some rows of a group. */
static bool has_strata(const fb3_tile *t) {
    return t->sampler->options.draws == FLOWBD3_DRAWS_STRATIFIED && t->attempt == 0;
}

/* Strata of the tokens of a block, flow by flow, in which the sequences of a tile are of one group or two. */
static void choose_strata(fb3_tile *t, size_t block) {
    fb3_sampler_worker *w = t->w;
    size_t slots = t->sizes->slots, begin = block * t->sizes->block, end = begin + t->sizes->block;
    for (size_t first = begin, next; first < end; first = next) {
        next = fb3_smaller((first / slots + 1) * slots, end);
        for (size_t i = 0; i < t->count; i++) {
            size_t tokens = w->active[i] ? fb3_tile_block_tokens(t, i, block) : 0;
            if (first - begin >= tokens)
                continue;
            uint64_t group = fb3_tile_group(t, i, t->window + first / slots);
            if (w->strata_group != group + 1)
                fb3_strata_fill(w->strata, slots, t->sampler->options.seed, group);
            w->strata_group = group + 1;
            size_t row = (size_t)((t->first_sequence + i) % FB3_STRATA);
            for (size_t token = first; token < next; token++)
                w->stratum[i * t->sizes->block + token - begin] = w->strata[token % slots * FB3_STRATA + row];
        }
    }
}

/* Masks the tokens of block number block; ordinal counts the blocks of a sequence. */
static void start_block(fb3_tile *t, size_t i, size_t block, size_t ordinal) {
    const flowbd3_sampler *s = t->sampler;
    fb3_sampler_worker *w = t->w;
    fb3_unmasking *u = &w->unmasking[i];
    size_t begin = block * t->sizes->block, place = i * t->sizes->block;
    size_t gap = fb3_tokenizer_gap_slot(s->model->tokenizer);
    u->attempt = t->attempt;
    u->key = (t->first_sequence + i) * t->sizes->blocks + ordinal;
    u->tokens = fb3_tile_block_tokens(t, i, block);
    u->vocabulary = w->vocabulary + place;
    u->forbidden = w->forbidden + place;
    u->values = w->values + place;
    u->strata = has_strata(t) ? w->stratum + place : NULL;
    for (size_t k = 0; k < u->tokens; k++) {
        size_t slot = fb3_tile_slot(t, i, begin + k), flow = t->window + (begin + k) / t->sizes->slots;
        w->vocabulary[place + k] = (uint32_t)s->model->vocabulary[slot];
        /* Only the first flow of a group has no gap; what is hidden is not emitted. */
        w->forbidden[place + k] = slot == gap && flow > 0
                                      ? (uint16_t)(s->model->vocabulary[slot] - 1)
                                      : (uint16_t)fb3_tokenizer_hidden(s->model->tokenizer, slot);
    }
    if (w->restrained != NULL)
        restrain(t, i, begin);
    fb3_unmasking_start(u, &s->options);
}

/* Finds out which sequences need another evaluation; false when none does. */
static bool advance(fb3_tile *t) {
    bool any = false;
    for (size_t i = 0; i < t->count; i++) {
        if (t->w->active[i])
            t->w->active[i] = fb3_unmasking_next(&t->w->unmasking[i], t->w->wanted + i * t->sizes->block);
        any = any || t->w->active[i];
    }
    return any;
}

/* Draws from the logits of all copies of sequence i. */
static void apply(fb3_tile *t, size_t i) {
    fb3_sampler_worker *w = t->w;
    fb3_unmasking *u = &w->unmasking[i];
    const float **logits = w->logits + i * t->sizes->block;
    if (t->sizes->copies > 1)
        fb3_guidance_apply(t->sampler, w, logits, w->logits + fb3_tile_place(t, i, 1) * t->sizes->block,
                           u->vocabulary, u->tokens);
    fb3_unmasking_apply(u, logits, &t->sampler->options, w->scratch);
}

/* One evaluation of the blocks that are not finished; with finish, the blocks before them go along. */
static void step(fb3_tile *t, size_t block, bool finish) {
    fb3_sampler_worker *w = t->w;
    fb3_batch_begin(t);
    fb3_batch_add_blocks(t, block, finish);
    for (size_t i = 0; i < t->count; i++)
        w->evaluations += w->active[i] ? t->sizes->copies : 0;
    fb3_batch_evaluate(t);
    fb3_batch_find_logits(t);
    for (size_t k = 0; finish && k < t->batched; k++)
        fb3_cache_keep(w->cache, w->cached[k], fb3_tile_block_tokens(t, w->cached[k] % t->count, block - 1));
    for (size_t i = 0; i < t->count; i++)
        if (w->active[i])
            apply(t, i);
}

static void keep_values(fb3_tile *t, size_t i, size_t block) {
    const fb3_unmasking *u = &t->w->unmasking[i];
    size_t begin = block * t->sizes->block;
    for (size_t k = 0; k < u->tokens; k++)
        *fb3_tile_token(t, i, begin + k, fb3_tile_slot(t, i, begin + k)) = u->values[k];
}

/* Takes finished blocks into the cache of the sequences that lag more than one block behind: those between
 * had nothing to draw. */
static void catch_up(fb3_tile *t, size_t block) {
    for (size_t b = 0; t->w->cache != NULL && b + 1 < block; b++) {
        fb3_batch_begin(t);
        for (size_t i = 0; i < t->count; i++)
            if (t->w->active[i] && fb3_cache_used(t->w->cache, i) == b * t->sizes->block)
                fb3_batch_add_finished(t, i, b);
        if (t->batched == 0)
            continue;
        fb3_batch_evaluate(t);
        for (size_t k = 0; k < t->batched; k++)
            fb3_cache_keep(t->w->cache, t->w->cached[k], t->sizes->block);
    }
}

static void run_block(fb3_tile *t, size_t block, size_t ordinal) {
    fb3_restrained *r = t->w->restrained;
    t->block = block;
    for (size_t i = 0; i < t->count; i++)
        t->w->active[i] = t->w->pending[i] && fb3_tile_block_tokens(t, i, block) > 0;
    if (has_strata(t))
        choose_strata(t, block);
    for (size_t i = 0; i < t->count; i++)
        if (t->w->active[i])
            start_block(t, i, block, ordinal);
    for (bool first = true; advance(t) && !fb3_sampler_cancelled(t->sampler, t->w); first = false) {
        if (first && r != NULL)
            catch_up(t, block);
        step(t, block, first && block > 0);
    }
    for (size_t i = 0; i < t->count; i++)
        if (t->w->pending[i] && fb3_tile_block_tokens(t, i, block) > 0) {
            keep_values(t, i, block);
            if (r != NULL)
                r->rows[i].log_mass += t->w->unmasking[i].log_mass;
        }
}

/* ---- units ------------------------------------------------------------------------------------- */

/* Flows that the unit that begins with a block has in sequence i, and the first of them. */
static size_t unit_flows(const fb3_tile *t, size_t i, size_t block, size_t *first) {
    size_t tokens = 0;
    for (size_t b = block; b < block + t->sizes->unit; b++)
        tokens += fb3_tile_block_tokens(t, i, b);
    *first = t->window + block * t->sizes->block / t->sizes->slots;
    return tokens / t->sizes->slots;
}

/* Decides what becomes of the attempt of every sequence that is pending; false: none is any more. */
static bool judge(fb3_tile *t, size_t block, size_t ordinal) {
    const flowbd3_sampler *s = t->sampler;
    fb3_restrained *r = t->w->restrained;
    bool last = t->attempt + 1 == s->options.attempts, any = false;
    for (size_t i = 0; i < t->count; i++) {
        size_t first, flows = unit_flows(t, i, block, &first), slots = t->sizes->slots;
        uint16_t *tokens = &t->tokens[(i * t->sizes->length + first) * slots];
        if (!t->w->pending[i])
            continue;
        for (size_t f = 0; f < flows; f++)
            if (!fb3_restrained_obeys(s, r, i, tokens + f * slots, t->first_row[i] + first + f))
                r->rows[i].log_mass = -INFINITY;
        uint64_t key = (t->first_sequence + i) * t->sizes->blocks + ordinal;
        t->w->pending[i] = !fb3_restrained_offer(s, r, i, tokens, flows * slots, key, t->attempt);
        if (t->w->pending[i] && last && !fb3_restrained_choice(s, r, i, tokens, flows * slots))
            fb3_sampler_give_up(t->sampler, t->first_row[i] + first, flows);
        any = any || t->w->pending[i];
    }
    return any && !last;
}

/* Takes the sequences that are pending back to where the unit began. */
static void rewind_unit(fb3_tile *t) {
    for (size_t i = 0; i < t->count; i++)
        if (t->w->pending[i]) {
            fb3_restrained_forget(t->w->restrained, i);
            for (size_t copy = 0; t->w->cache != NULL && copy < t->sizes->copies; copy++)
                fb3_cache_truncate(t->w->cache, fb3_tile_place(t, i, copy), t->w->restrained->rows[i].cached);
        }
}

static void run_unit(fb3_tile *t, size_t block, size_t ordinal) {
    fb3_restrained *r = t->w->restrained;
    for (size_t i = 0; i < t->count; i++) {
        t->w->pending[i] = fb3_tile_block_tokens(t, i, block) > 0;
        if (r == NULL)
            continue;
        fb3_restrained_start(r, i);
        fb3_restrained_forget(r, i);
        r->rows[i].cached = t->w->cache != NULL ? fb3_cache_used(t->w->cache, i) : 0;
    }
    for (t->attempt = 0;; t->attempt++) {
        for (size_t b = 0; b < t->sizes->unit; b++)
            run_block(t, block + b, ordinal + b);
        if (r == NULL || fb3_sampler_cancelled(t->sampler, t->w) || !judge(t, block, ordinal))
            break;
        rewind_unit(t);
    }
    if (r != NULL) /* the choice among attempts is not the last one, whose keys are in the cache */
        rewind_unit(t);
}

/* ---- windows ----------------------------------------------------------------------------------- */

static bool reaches(const fb3_tile *t, size_t block) {
    for (size_t i = 0; i < t->count; i++)
        if (fb3_tile_block_tokens(t, i, block) > 0)
            return true;
    return false;
}

/* Takes the blocks 0 .. blocks - 1 of the window, which are there already, into the cache. */
static void take_in(fb3_tile *t, size_t blocks) {
    for (size_t block = 0; block < blocks; block++) {
        fb3_batch_begin(t);
        for (size_t i = 0; i < t->count; i++)
            if (fb3_tile_block_tokens(t, i, blocks) > 0) /* something will be drawn after them */
                fb3_batch_add_finished(t, i, block);
        fb3_batch_evaluate(t);
        for (size_t b = 0; b < t->batched; b++)
            fb3_cache_keep(t->w->cache, t->w->cached[b], t->sizes->block);
    }
}

void fb3_sampler_tile(flowbd3_sampler *sampler, fb3_sampler_worker *worker, uint64_t first_sequence,
                      const fb3_sequence *sequences, const uint64_t *first_row, uint16_t *tokens) {
    fb3_tile t = {.sampler = sampler,
                  .sizes = &sampler->sizes,
                  .w = worker,
                  .first_sequence = first_sequence,
                  .sequences = sequences,
                  .first_row = first_row,
                  .count = sampler->sizes.tile,
                  .tokens = tokens};
    size_t block = 0, ordinal = 0;
    while (reaches(&t, block) && !atomic_load(&sampler->cancelled)) {
        for (size_t place = 0; worker->cache != NULL && place < t.sizes->copies * t.count; place++)
            fb3_cache_clear(worker->cache, place);
        if (block > 0)
            take_in(&t, block - 1);
        for (; reaches(&t, block) && !atomic_load(&sampler->cancelled); block += t.sizes->unit) {
            run_unit(&t, block, ordinal);
            for (size_t b = 0; b < t.sizes->unit; b++)
                ordinal += reaches(&t, block + b);
        }
        t.window += t.sizes->window - t.sizes->kept;
        block = t.sizes->kept * t.sizes->slots / t.sizes->block;
    }
}
