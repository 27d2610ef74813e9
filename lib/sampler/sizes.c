/* How much a sampler takes at a time, and the memory for it. */
#include "sampler/restrained.h"
#include "sampler/strata.h"

#include <string.h>

/* About as many rows of an evaluation as the matrix products need to run at full rate; memory that the caches
 * of a tile may take; most flows of a tile, for whoever asks for a few rows; flows in flight on a thread. */
enum {
    TILE_ROWS = 256,
    CACHE_BYTES = 64 << 20,
    TILE_FLOWS = 8192,
    FLOWS_IN_FLIGHT = 2048,
    TILES_IN_FLIGHT = 16
};

/* Flows of a full window that the next one begins with: half of them, cut to whole blocks. What they were
 * given is forgotten, so that they are seen as the first flows of a sequence are in training. */
static size_t kept_flows(const fb3_sampler_sizes *z) {
    size_t kept = z->window / 2;
    while (kept > 0 && kept * z->slots % z->block != 0)
        kept--;
    return kept;
}

static size_t windows(const fb3_sampler_sizes *z) {
    size_t rest = z->length > z->window ? z->length - z->window : 0, step = z->window - z->kept;
    return 1 + (rest + step - 1) / step;
}

/* Blocks that an evaluation takes of a copy: the one at hand, and the finished one before it. */
static size_t blocks_at_once(const fb3_sampler_sizes *z) {
    return z->cached > 0 ? 2 : 1;
}

static size_t tile_size(const fb3_sampler_sizes *z, const flowbd3_model *model) {
    size_t rows = blocks_at_once(z) * z->block, tile = rows < TILE_ROWS ? TILE_ROWS / rows : 1;
    uint64_t bytes = z->cached > 0 ? fb3_cache_bytes(&model->config, z->copies, z->cached) : 0;
    if (bytes * tile > CACHE_BYTES)
        tile = bytes < CACHE_BYTES ? (size_t)(CACHE_BYTES / bytes) : 1;
    if (z->length * tile > TILE_FLOWS)
        tile = z->length < TILE_FLOWS ? TILE_FLOWS / z->length : 1;
    return tile;
}

/* Tiles in flight: a few for every thread. */
static size_t count_tiles(const fb3_sampler_sizes *z, const flowbd3_sampler_options *o, size_t threads) {
    size_t flows = z->tile * z->length;
    if (o->batch_size > 0)
        return (o->batch_size + flows - 1) / flows;
    size_t each = FLOWS_IN_FLIGHT / flows;
    return threads * (each < 1 ? 1 : each > TILES_IN_FLIGHT ? TILES_IN_FLIGHT : each);
}

/* Blocks of the least run of them that ends with a flow. */
static size_t unit_blocks(const fb3_sampler_sizes *z, size_t tokens) {
    size_t unit = 1;
    while (unit * z->block < tokens && unit * z->block % z->slots != 0)
        unit++;
    return unit;
}

static size_t held_rows(const flowbd3_model *model, const flowbd3_sampler_options *o) {
    if (o->n_given > 0 || o->rules != NULL || o->complete != 0)
        return 2;
    return model->tokenizer->restraint->restrains || o->weighted != NULL ? 1 : 0;
}

flowbd3_status fb3_sampler_measure(fb3_sampler_sizes *sizes, const flowbd3_model *model,
                                   const flowbd3_sampler_options *o, flowbd3_error *err) {
    const fb3_blocking *blocking = &model->blocking;
    fb3_sampler_sizes z = {.slots = blocking->slots, .block = blocking->block, .window = blocking->length};
    z.length = o->sequence_flows > 0 ? o->sequence_flows : blocking->length;
    if (z.block > UINT16_MAX)
        return fb3_fail(err, FLOWBD3_ERROR_RANGE,
                        "the model's blocks have %zu tokens, a sampler takes at most %d", z.block,
                        UINT16_MAX);
    size_t tokens = (z.length < z.window ? z.length : z.window) * z.slots;
    bool several = z.block < tokens; /* blocks of a window */
    z.kept = z.length > z.window ? kept_flows(&z) : 0;
    z.blocks = windows(&z) * ((tokens + z.block - 1) / z.block);
    z.cached = several ? tokens + z.block : 0; /* what is drawn lies behind what is kept */
    z.held = held_rows(model, o);
    z.unit = z.held > 0 ? unit_blocks(&z, tokens) : 1;
    z.copies = o->guidance > 0.0 ? 2 : 1;
    z.tile = tile_size(&z, model);
    z.tiles = count_tiles(&z, o, flowbd3_context_threads(model->context));
    for (size_t s = 0; s < z.slots; s++)
        z.vocabulary = model->vocabulary[s] > z.vocabulary ? model->vocabulary[s] : z.vocabulary;
    size_t blocks = blocks_at_once(&z);
    /* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): a flow has a slot */
    size_t flows = z.block / z.slots + 2; /* that a block touches */
    z.limits = (fb3_limits){.sequences = z.copies * z.tile,
                            .rows = blocks * z.copies * z.tile * z.block,
                            .sequence_rows = blocks * z.block,
                            .keys = several ? z.cached : z.block,
                            .wanted = z.copies * z.tile * flows};
    *sizes = z;
    return FLOWBD3_OK;
}

/* ---- a worker ---------------------------------------------------------------------------------- */

static bool allocate_arrays(fb3_sampler_worker *w, const fb3_sampler_sizes *z, flowbd3_context *context) {
    size_t tokens = z->tile * z->block, rows = z->limits.rows, sequences = z->limits.sequences;
    w->vocabulary = fb3_allocate(context, tokens, sizeof *w->vocabulary);
    w->values = fb3_allocate(context, tokens, sizeof *w->values);
    w->forbidden = fb3_allocate(context, tokens, sizeof *w->forbidden);
    w->wanted = fb3_allocate(context, tokens, sizeof *w->wanted);
    w->logits = fb3_allocate(context, z->copies * tokens, sizeof *w->logits);
    w->order = fb3_allocate(context, z->slots, sizeof *w->order);
    w->strata = fb3_allocate(context, z->slots * FB3_STRATA, sizeof *w->strata);
    w->stratum = fb3_allocate(context, tokens, sizeof *w->stratum);
    w->first = fb3_allocate_zero(context, sequences + 1, sizeof *w->first);
    w->first_group = fb3_allocate_zero(context, sequences + 1, sizeof *w->first_group);
    w->cached = fb3_allocate(context, sequences, sizeof *w->cached);
    w->groups = fb3_allocate(context, 2 * sequences, sizeof *w->groups);
    w->inputs = fb3_allocate(context, rows, sizeof *w->inputs);
    w->slots = fb3_allocate(context, rows, sizeof *w->slots);
    w->positions = fb3_allocate(context, rows, sizeof *w->positions);
    w->masked = fb3_allocate(context, rows, sizeof *w->masked);
    w->owner = fb3_allocate(context, rows, sizeof *w->owner);
    w->active = fb3_allocate(context, z->tile, sizeof *w->active);
    w->same = fb3_allocate(context, z->tile, sizeof *w->same);
    w->asked = fb3_allocate(context, tokens, sizeof *w->asked);
    w->pending = fb3_allocate(context, z->tile, sizeof *w->pending);
    if (z->copies > 1)
        w->guided = fb3_allocate_floats(context, z->block * z->vocabulary);
    return w->vocabulary != NULL && w->values != NULL && w->forbidden != NULL && w->wanted != NULL &&
           w->logits != NULL && w->order != NULL && w->strata != NULL && w->stratum != NULL &&
           w->first != NULL && w->first_group != NULL && w->cached != NULL && w->groups != NULL &&
           w->inputs != NULL && w->slots != NULL && w->positions != NULL && w->masked != NULL &&
           w->owner != NULL && w->active != NULL && w->same != NULL && w->asked != NULL &&
           w->pending != NULL && (w->guided != NULL || z->copies == 1);
}

flowbd3_status fb3_sampler_worker_create(fb3_sampler_worker *w, const flowbd3_sampler *s,
                                         flowbd3_error *err) {
    const flowbd3_model *model = s->model;
    const fb3_sampler_sizes *z = &s->sizes;
    flowbd3_status status =
        fb3_network_create(&w->network, s->context, &model->config, model->layout, &z->limits, false, err);
    if (status != FLOWBD3_OK)
        return status;
    fb3_network_prepare(w->network, model->parameters);
    if (z->cached > 0)
        status = fb3_cache_create(&w->cache, s->context, &model->config, z->limits.sequences, z->cached, err);
    if (status == FLOWBD3_OK)
        status = fb3_unmasking_create(&w->unmasking, s->context, z->tile, z->block, err);
    if (status == FLOWBD3_OK)
        status = fb3_unmasking_scratch_create(&w->scratch, s->context, z->vocabulary, z->block, err);
    if (status == FLOWBD3_OK && !allocate_arrays(w, z, s->context))
        status = fb3_no_memory(err, "the sampler");
    if (status == FLOWBD3_OK && z->held > 0)
        status = fb3_restrained_create(&w->restrained, s, err);
    return status;
}

void fb3_sampler_worker_release(fb3_sampler_worker *w, const flowbd3_sampler *s) {
    flowbd3_context *context = s->context;
    fb3_restrained_destroy(&w->restrained, s);
    fb3_network_destroy(&w->network);
    fb3_cache_destroy(&w->cache);
    fb3_unmasking_destroy(&w->unmasking, context);
    fb3_unmasking_scratch_destroy(&w->scratch, context);
    void *const arrays[] = {w->vocabulary, w->values,  w->forbidden, w->wanted,      w->logits, w->order,
                            w->strata,     w->stratum, w->first,     w->first_group, w->cached, w->groups,
                            w->inputs,     w->slots,   w->positions, w->masked,      w->owner,  w->active,
                            w->pending,    w->same,    w->asked};
    for (size_t i = 0; i < FB3_COUNT(arrays); i++)
        fb3_release(context, arrays[i]);
    fb3_release_floats(context, w->guided);
}

/* ---- memory, before it is taken ---------------------------------------------------------------- */

/* Bytes of the small arrays of a worker, for every token in flight. */
static uint64_t array_bytes(const fb3_sampler_sizes *z) {
    const fb3_sampler_worker *w = NULL;
    const fb3_unmasking *u = NULL;
    const fb3_unmasking_scratch *scratch = NULL;
    uint64_t of_token = sizeof *w->vocabulary + sizeof *w->values + sizeof *w->forbidden + sizeof *w->wanted +
                        sizeof *w->asked + sizeof *w->stratum + z->copies * sizeof *w->logits +
                        sizeof *u->plan + sizeof *u->probability + sizeof *u->remasked + sizeof *u->spare;
    uint64_t of_row =
        sizeof *w->inputs + sizeof *w->slots + sizeof *w->positions + sizeof *w->masked + sizeof *w->owner;
    uint64_t of_copy = sizeof *w->first + sizeof *w->first_group + sizeof *w->cached + 2 * sizeof *w->groups;
    uint64_t of_sequence =
        z->copies * of_copy + sizeof *w->active + sizeof *w->same + sizeof *w->pending + sizeof *u;
    uint64_t guided = z->copies > 1 ? z->block * z->vocabulary * sizeof *w->guided : 0;
    return z->tile * (z->block * of_token + of_sequence) + z->limits.rows * of_row + guided +
           z->vocabulary *
               (sizeof *scratch->probabilities + sizeof *scratch->ranking + sizeof *scratch->allowed) +
           z->block * sizeof *scratch->candidates +
           z->slots * (sizeof *w->order + FB3_STRATA * sizeof *w->strata);
}

flowbd3_status fb3_sampler_bytes(uint64_t *bytes, const fb3_sampler_sizes *z, const flowbd3_model *model,
                                 flowbd3_error *err) {
    uint64_t network = 0, cache = 0, rows = z->held > 0 ? fb3_restrained_bytes(z, model->tokenizer) : 0;
    flowbd3_status status =
        fb3_network_bytes(&network, model->context, &model->config, model->layout, &z->limits, false, err);
    if (z->cached > 0)
        cache = fb3_cache_bytes(&model->config, z->limits.sequences, z->cached);
    uint64_t threads = flowbd3_context_threads(model->context);
    uint64_t flows = (uint64_t)z->tiles * z->tile * z->length;
    *bytes = threads * (network + cache + rows + array_bytes(z)) + flows * z->slots * sizeof(uint16_t) +
             (uint64_t)z->tiles * z->tile * (sizeof(fb3_sequence) + sizeof(uint64_t));
    return status;
}
