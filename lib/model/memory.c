/* The network's memory: one stretch of floats for everything that grows with the batch. */
#include "model/network_internal.h"

#include <math.h>
#include <string.h>

/* Hands out 64-byte aligned pieces of one allocation; with no base it only counts. */
typedef struct carver {
    float *base;
    size_t used;
} carver;

static float *carve(carver *c, size_t count) {
    float *here = c->base == NULL ? NULL : c->base + c->used;
    c->used += (count + 15) / 16 * 16;
    return here;
}

static void carve_activations(fb3_network *n, carver *c) {
    size_t rows = n->limits.rows, layers = n->gradients ? n->config.layers : 2;
    for (size_t i = 0; i < layers; i++) {
        fb3_activations *a = &n->activations[i];
        a->x = carve(c, rows * n->stride_d);
        a->inverse1 = carve(c, rows);
        a->h1 = carve(c, rows * n->stride_d);
        a->qkv = carve(c, rows * n->stride_3d);
        a->heads = carve(c, rows * n->stride_d);
        a->log_sums = carve(c, n->gradients ? rows * n->config.heads : 0);
        a->mid = carve(c, rows * n->stride_d);
        a->inverse2 = carve(c, rows);
        a->h2 = carve(c, rows * n->stride_d);
        a->up = carve(c, rows * n->stride_f);
        a->hidden = carve(c, rows * n->stride_f);
    }
    if (n->gradients)
        n->activations[layers].x = carve(c, rows * n->stride_d);
    n->wanted_heads = carve(c, rows * n->stride_d);
}

static void carve_slots(fb3_network *n, carver *c) {
    size_t wanted = n->limits.wanted;
    for (size_t s = 0; s < n->config.slots; s++) {
        const fb3_tensor *embedding = fb3_slot_tensor(n->layout, s, FB3_EMBEDDING);
        const fb3_tensor *head = fb3_slot_tensor(n->layout, s, FB3_HEAD_WEIGHT);
        if (fb3_slot_tensor(n->layout, s, FB3_HEAD_FEATURES) != NULL) {
            n->tables[s].own_embedding = carve(c, embedding->rows * embedding->stride);
            n->tables[s].own_head = carve(c, head->rows * head->stride);
        }
        fb3_head *h = &n->heads[s];
        h->x = carve(c, wanted * n->stride_d);
        h->inverse = carve(c, wanted);
        h->h = carve(c, wanted * n->stride_d);
        h->logits = carve(c, wanted * fb3_stride(n->config.vocabulary[s]));
        h->scale = carve(c, wanted);
        h->losses = carve(c, wanted);
    }
}

static void carve_scratch(fb3_network *n, carver *c) {
    size_t rows = n->gradients ? n->max_shard_rows : 0;
    size_t attention = fb3_attention_forward_scratch(&n->attention, n->limits.sequence_rows);
    size_t backward = fb3_attention_backward_scratch(&n->attention, n->limits.sequence_rows);
    if (n->gradients && backward > attention)
        attention = backward;
    for (unsigned i = 0; i < flowbd3_context_threads(n->context); i++) {
        n->scratch[i].d = carve(c, rows * n->stride_d);
        n->scratch[i].residual = carve(c, rows * n->stride_d);
        n->scratch[i].hidden = carve(c, rows * n->stride_f);
        n->scratch[i].attention = carve(c, attention);
        n->scratch[i].gemm = carve(c, fb3_gemm_scratch());
    }
    for (size_t i = 0; i < n->max_slices; i++)
        n->slices[i].gains = carve(c, n->gradients ? (2 * n->config.layers + 1) * n->stride_d : 0);
}

static size_t carve_all(fb3_network *n, float *base) {
    carver c = {base, 0};
    carve_activations(n, &c);
    carve_slots(n, &c);
    carve_scratch(n, &c);
    n->angles = carve(&c, n->config.positions * n->attention.head_width);
    return c.used;
}

static void make_angles(fb3_network *n) {
    size_t half = n->attention.head_width / 2;
    float *cosine = n->angles, *sine = cosine + n->config.positions * half;
    for (size_t t = 0; t < n->config.positions; t++)
        for (size_t i = 0; i < half; i++) {
            double angle = (double)t * pow(10000.0, -(double)i / (double)half);
            cosine[t * half + i] = (float)cos(angle);
            sine[t * half + i] = (float)sin(angle);
        }
    n->attention.cosine = cosine;
    n->attention.sine = sine;
}

/* ---- sizes ------------------------------------------------------------------------------------- */

static void set_sizes(fb3_network *n, const fb3_network_config *config, const fb3_layout *layout,
                      const fb3_limits *limits, bool gradients) {
    n->layout = layout;
    n->kernels = fb3_kernels_best();
    n->config = *config;
    n->limits = *limits;
    n->gradients = gradients;
    n->max_slices = limits->rows / FB3_SLICE_ROWS + 2;
    /* A slice takes up whole sequences until it has its share of the rows. */
    n->max_shard_rows = limits->sequence_rows + FB3_SHARD_SLICES * FB3_SLICE_ROWS;
    if (n->max_shard_rows < 2 * limits->sequence_rows)
        n->max_shard_rows = 2 * limits->sequence_rows;
    if (n->max_shard_rows > limits->rows)
        n->max_shard_rows = limits->rows;
    n->stride_d = fb3_stride(config->width);
    n->stride_3d = fb3_stride(3 * config->width);
    n->stride_f = fb3_stride(config->hidden);
    n->attention = (fb3_attention){
        .heads = config->heads, .head_width = config->width / config->heads, .keys = limits->keys};
}

/* The small arrays, and those of a batch's lists. */
static bool allocate_lists(fb3_network *n) {
    flowbd3_context *context = n->context;
    const fb3_network_config *c = &n->config;
    n->activations = fb3_allocate_zero(context, n->gradients ? c->layers + 1 : 2, sizeof *n->activations);
    n->heads = fb3_allocate_zero(context, c->slots, sizeof *n->heads);
    n->tables = fb3_allocate_zero(context, c->slots, sizeof *n->tables);
    n->scratch = fb3_allocate_zero(context, flowbd3_context_threads(context), sizeof *n->scratch);
    n->slices = fb3_allocate_zero(context, n->max_slices, sizeof *n->slices);
    n->shards = fb3_allocate_zero(context, n->max_slices, sizeof *n->shards);
    return n->activations != NULL && n->heads != NULL && n->tables != NULL && n->scratch != NULL &&
           n->slices != NULL && n->shards != NULL;
}

static bool allocate(fb3_network *n) {
    flowbd3_context *context = n->context;
    if (!allocate_lists(n))
        return false;
    for (size_t s = 0; s < n->config.slots; s++) {
        n->heads[s].positions = fb3_allocate(context, n->limits.wanted, sizeof *n->heads->positions);
        n->heads[s].outputs = fb3_allocate(context, n->limits.wanted, sizeof *n->heads->outputs);
        n->heads[s].targets = fb3_allocate_zero(context, n->limits.wanted, sizeof *n->heads->targets);
        n->heads[s].first = fb3_allocate_zero(context, n->max_slices + 1, sizeof *n->heads->first);
        if (n->heads[s].positions == NULL || n->heads[s].outputs == NULL || n->heads[s].targets == NULL ||
            n->heads[s].first == NULL)
            return false;
    }
    n->wanted = fb3_allocate(context, n->limits.rows, sizeof *n->wanted);
    n->part_first = fb3_allocate(context, n->limits.sequences + 1, sizeof *n->part_first);
    if (n->wanted == NULL || n->part_first == NULL)
        return false;
    n->memory = fb3_allocate_floats(context, carve_all(n, NULL));
    if (n->memory == NULL)
        return false;
    carve_all(n, n->memory);
    make_angles(n);
    return !n->gradients || fb3_network_plan(n);
}

/* ---- life -------------------------------------------------------------------------------------- */

flowbd3_status fb3_network_create(fb3_network **out, flowbd3_context *context,
                                  const fb3_network_config *config, const fb3_layout *layout,
                                  const fb3_limits *limits, bool gradients, flowbd3_error *err) {
    *out = NULL;
    fb3_network *n = fb3_allocate_zero(context, 1, sizeof *n);
    if (n == NULL)
        return fb3_no_memory(err, "the network");
    n->context = fb3_context_retain(context);
    set_sizes(n, config, layout, limits, gradients);
    size_t *vocabulary = fb3_allocate(context, config->slots, sizeof *vocabulary);
    n->config.vocabulary = vocabulary;
    if (vocabulary != NULL)
        memcpy(vocabulary, config->vocabulary, config->slots * sizeof *vocabulary);
    if (vocabulary == NULL || !allocate(n)) {
        fb3_network_destroy(&n);
        return fb3_no_memory(err, "the network's activations");
    }
    *out = n;
    return FLOWBD3_OK;
}

static void release(fb3_network *n) {
    flowbd3_context *context = n->context;
    for (size_t s = 0; n->heads != NULL && s < n->config.slots; s++) {
        fb3_release(context, n->heads[s].positions);
        fb3_release(context, n->heads[s].outputs);
        fb3_release(context, n->heads[s].targets);
        fb3_release(context, n->heads[s].first);
    }
    fb3_release_floats(context, n->memory);
    fb3_release(context, n->activations);
    fb3_release(context, n->heads);
    fb3_release(context, n->tables);
    fb3_release(context, n->scratch);
    fb3_release(context, n->slices);
    fb3_release(context, n->shards);
    fb3_release(context, n->products);
    fb3_release(context, n->wanted);
    fb3_release(context, n->part_first);
}

flowbd3_status fb3_network_bytes(uint64_t *bytes, flowbd3_context *context, const fb3_network_config *config,
                                 const fb3_layout *layout, const fb3_limits *limits, bool gradients,
                                 flowbd3_error *err) {
    fb3_network n = {.context = context};
    set_sizes(&n, config, layout, limits, gradients);
    bool counted = allocate_lists(&n);
    if (counted) {
        size_t lists = limits->wanted * (2 * sizeof *n.heads->positions + sizeof *n.heads->targets) +
                       (n.max_slices + 1) * sizeof *n.heads->first;
        *bytes = carve_all(&n, NULL) * sizeof(float) + config->slots * lists +
                 limits->rows * sizeof *n.wanted + (limits->sequences + 1) * sizeof *n.part_first;
    }
    release(&n);
    return counted ? FLOWBD3_OK : fb3_no_memory(err, "the sizes of a network");
}

void fb3_network_destroy(fb3_network **network) {
    fb3_network *n = *network;
    if (n == NULL)
        return;
    flowbd3_context *context = n->context;
    release(n);
    fb3_release(context, (size_t *)(uintptr_t)n->config.vocabulary);
    fb3_release(context, n);
    flowbd3_context_destroy(&context);
    *network = NULL;
}
