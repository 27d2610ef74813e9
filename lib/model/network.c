/* The network's memory, and its forward half. */
#include "model/network_internal.h"

#include <math.h>
#include <string.h>

/* ---- memory ------------------------------------------------------------------------------------ */

/* Hands out 64-byte aligned stretches of one allocation; with no base it only counts. */
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
    size_t rows = n->max_sequences * n->tokens, layers = n->gradients ? n->config.layers : 2;
    for (size_t i = 0; i < layers; i++) {
        fb3_activations *a = &n->activations[i];
        a->x = carve(c, rows * n->stride_d);
        a->inverse1 = carve(c, rows);
        a->h1 = carve(c, rows * n->stride_d);
        a->qkv = carve(c, rows * n->stride_3d);
        a->weights = carve(c, n->max_sequences * n->config.heads * n->tokens * n->tokens);
        a->heads = carve(c, rows * n->stride_d);
        a->mid = carve(c, rows * n->stride_d);
        a->inverse2 = carve(c, rows);
        a->h2 = carve(c, rows * n->stride_d);
        a->up = carve(c, rows * n->stride_f);
        a->hidden = carve(c, rows * n->stride_f);
    }
    if (n->gradients)
        n->activations[layers].x = carve(c, rows * n->stride_d);
}

static void carve_rest(fb3_network *n, carver *c) {
    size_t wanted = n->max_sequences * n->config.blocks;
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
    }
    size_t rows = n->max_shard_sequences * n->tokens;
    for (unsigned i = 0; i < flowbd3_context_threads(n->context); i++) {
        n->scratch[i].d = carve(c, n->gradients ? rows * n->stride_d : 0);
        n->scratch[i].residual = carve(c, n->gradients ? rows * n->stride_d : 0);
        n->scratch[i].hidden = carve(c, n->gradients ? rows * n->stride_f : 0);
        n->scratch[i].attention = carve(c, fb3_attention_scratch(&n->attention));
    }
    for (size_t i = 0; i < n->max_shards; i++)
        n->shards[i].gains = carve(c, n->gradients ? (2 * n->config.layers + 1) * n->stride_d : 0);
}

/* Shards of at most SHARD_ROWS rows or one sequence, an even number of them, whatever the number of threads.
 */
enum { SHARD_ROWS = 128 };

size_t fb3_network_shards(const fb3_network *n, size_t sequences) {
    size_t shards = (sequences * n->tokens + SHARD_ROWS - 1) / SHARD_ROWS;
    shards += shards % 2;
    return shards < sequences ? shards : sequences;
}

static size_t shard_start(size_t sequences, size_t shards, size_t i) {
    return sequences / shards * i + (i < sequences % shards ? i : sequences % shards);
}

static void make_angles(fb3_network *n) {
    size_t half = n->attention.head_width / 2;
    float *cosine = n->angles, *sine = cosine + n->tokens * half;
    for (size_t t = 0; t < n->tokens; t++)
        for (size_t i = 0; i < half; i++) {
            double angle = (double)t * pow(10000.0, -(double)i / (double)half);
            cosine[t * half + i] = (float)cos(angle);
            sine[t * half + i] = (float)sin(angle);
        }
    n->attention.cosine = cosine;
    n->attention.sine = sine;
}

static bool allocate(fb3_network *n) {
    flowbd3_context *context = n->context;
    const fb3_network_config *c = &n->config;
    size_t layers = n->gradients ? c->layers + 1 : 2, wanted = n->max_sequences * c->blocks;
    n->activations = fb3_allocate_zero(context, layers, sizeof *n->activations);
    n->heads = fb3_allocate_zero(context, c->slots, sizeof *n->heads);
    n->tables = fb3_allocate_zero(context, c->slots, sizeof *n->tables);
    n->scratch = fb3_allocate_zero(context, flowbd3_context_threads(context), sizeof *n->scratch);
    n->shards = fb3_allocate_zero(context, n->max_shards, sizeof *n->shards);
    n->angles = fb3_allocate_floats(context, n->tokens * n->attention.head_width);
    if (n->activations == NULL || n->heads == NULL || n->tables == NULL || n->scratch == NULL ||
        n->shards == NULL || n->angles == NULL)
        return false;
    for (size_t s = 0; s < c->slots; s++) {
        n->heads[s].positions = fb3_allocate(context, wanted, sizeof *n->heads->positions);
        n->heads[s].targets = fb3_allocate_zero(context, wanted, sizeof *n->heads->targets);
        n->heads[s].first = fb3_allocate_zero(context, n->max_shards + 1, sizeof *n->heads->first);
        if (n->heads[s].positions == NULL || n->heads[s].targets == NULL || n->heads[s].first == NULL)
            return false;
    }
    carver counter = {NULL, 0};
    carve_activations(n, &counter);
    carve_rest(n, &counter);
    n->memory = fb3_allocate_floats(context, counter.used);
    if (n->memory == NULL)
        return false;
    carver real = {n->memory, 0};
    carve_activations(n, &real);
    carve_rest(n, &real);
    make_angles(n);
    return !n->gradients || fb3_network_plan(n);
}

flowbd3_status fb3_network_create(fb3_network **out, flowbd3_context *context,
                                  const fb3_network_config *config, const fb3_layout *layout,
                                  size_t max_sequences, bool gradients, flowbd3_error *err) {
    *out = NULL;
    fb3_network *n = fb3_allocate_zero(context, 1, sizeof *n);
    if (n == NULL)
        return fb3_no_memory(err, "the network");
    n->context = fb3_context_retain(context);
    n->layout = layout;
    n->kernels = fb3_kernels_best();
    n->config = *config;
    n->tokens = config->blocks * config->slots;
    n->max_sequences = max_sequences;
    n->gradients = gradients;
    n->max_shards = fb3_network_shards(n, max_sequences);
    n->max_shard_sequences = SHARD_ROWS / n->tokens + 1;
    if (n->max_shard_sequences > max_sequences)
        n->max_shard_sequences = max_sequences;
    n->stride_d = fb3_stride(config->width);
    n->stride_3d = fb3_stride(3 * config->width);
    n->stride_f = fb3_stride(config->hidden);
    n->attention = (fb3_attention){.tokens = n->tokens,
                                   .block = config->slots,
                                   .heads = config->heads,
                                   .head_width = config->width / config->heads};
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

void fb3_network_destroy(fb3_network **network) {
    fb3_network *n = *network;
    if (n == NULL)
        return;
    flowbd3_context *context = n->context;
    for (size_t s = 0; n->heads != NULL && s < n->config.slots; s++) {
        fb3_release(context, n->heads[s].positions);
        fb3_release(context, n->heads[s].targets);
        fb3_release(context, n->heads[s].first);
    }
    fb3_release_floats(context, n->memory);
    fb3_release_floats(context, n->angles);
    fb3_release(context, n->activations);
    fb3_release(context, n->heads);
    fb3_release(context, n->tables);
    fb3_release(context, n->scratch);
    fb3_release(context, n->shards);
    fb3_release(context, n->products);
    fb3_release(context, (size_t *)(uintptr_t)n->config.vocabulary);
    fb3_release(context, n);
    flowbd3_context_destroy(&context);
    *network = NULL;
}

/* ---- forward ----------------------------------------------------------------------------------- */

void fb3_network_begin(fb3_network *n, const fb3_batch *batch, size_t n_shards, bool training) {
    size_t slots = n->config.slots;
    n->batch = batch;
    n->training = training;
    n->n_shards = n_shards;
    for (size_t s = 0; s < slots; s++)
        n->heads[s].count = 0;
    for (size_t i = 0; i < n->n_shards; i++) {
        fb3_shard *shard = &n->shards[i];
        shard->first = shard_start(batch->sequences, n->n_shards, i);
        shard->count = shard_start(batch->sequences, n->n_shards, i + 1) - shard->first;
        for (size_t s = 0; s < slots; s++)
            n->heads[s].first[i] = n->heads[s].count;
        for (size_t row = shard->first * n->tokens; row < (shard->first + shard->count) * n->tokens; row++) {
            if (batch->masked[row] == 0)
                continue;
            /* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): a flow has a slot */
            fb3_head *h = &n->heads[row % slots];
            h->positions[h->count] = (uint32_t)row;
            h->targets[h->count] = batch->targets != NULL ? batch->targets[row] : 0;
            h->scale[h->count] = batch->scale != NULL ? batch->scale[row / slots] : 1.0f;
            h->count++;
        }
    }
    for (size_t s = 0; s < slots; s++)
        n->heads[s].first[n->n_shards] = n->heads[s].count;
}

static void embed(const fb3_network *n, float *x, size_t first_row, size_t rows) {
    const fb3_tensor *position = fb3_slot_embedding(n->layout);
    for (size_t r = 0; r < rows; r++) {
        size_t slot = r % n->config.slots;
        const fb3_tensor *table = fb3_slot_tensor(n->layout, slot, FB3_EMBEDDING);
        const float *e = n->tables[slot].embedding + n->batch->inputs[first_row + r] * table->stride;
        const float *p = fb3_weight(n, position) + slot * position->stride;
        for (size_t i = 0; i < n->config.width; i++)
            x[r * n->stride_d + i] = e[i] + p[i];
    }
}

/* y[rows, tensor columns] = x[rows, tensor rows] * tensor + beta y. */
static void linear(const fb3_network *n, const float *x, size_t stride_x, const fb3_tensor *tensor,
                   float beta, float *y, size_t stride_y, size_t rows) {
    fb3_gemm(FB3_PLAIN, FB3_PLAIN, rows, tensor->columns, tensor->rows, x, stride_x, fb3_weight(n, tensor),
             tensor->stride, beta, y, stride_y);
}

static void layer_forward(fb3_network *n, size_t layer, const fb3_shard *shard, fb3_scratch *scratch) {
    const fb3_kernels *k = n->kernels;
    fb3_activations *a = fb3_layer(n, layer);
    size_t d = n->config.width, f = n->config.hidden, sd = n->stride_d, s3 = n->stride_3d, sf = n->stride_f;
    size_t first = shard->first * n->tokens, rows = shard->count * n->tokens;
    float *x = a->x + first * sd, *h1 = a->h1 + first * sd, *qkv = a->qkv + first * s3;
    float *heads = a->heads + first * sd, *mid = a->mid + first * sd, *h2 = a->h2 + first * sd;
    float *up = a->up + first * sf, *hidden = a->hidden + first * sf;
    float *out = fb3_layer(n, layer + 1)->x + first * sd;

    k->rms_norm_forward(h1, a->inverse1 + first, x,
                        fb3_weight(n, fb3_layer_tensor(n->layout, layer, FB3_NORM1)), rows, d, sd);
    linear(n, h1, sd, fb3_layer_tensor(n->layout, layer, FB3_QKV), 0.0f, qkv, s3, rows);
    fb3_dropout dropout = fb3_dropout_of(n, layer, FB3_DROPOUT_ATTENTION);
    size_t weights = n->config.heads * n->tokens * n->tokens;
    for (size_t b = 0; b < shard->count; b++) {
        float *sequence = qkv + b * n->tokens * s3;
        k->rope_forward(sequence, s3, &n->attention);
        k->attention_forward(heads + b * n->tokens * sd, sd, a->weights + (shard->first + b) * weights,
                             sequence, s3, &n->attention, &dropout, shard->first + b, scratch->attention);
    }
    memcpy(mid, x, rows * sd * sizeof *mid);
    linear(n, heads, sd, fb3_layer_tensor(n->layout, layer, FB3_OUT), 1.0f, mid, sd, rows);

    k->rms_norm_forward(h2, a->inverse2 + first, mid,
                        fb3_weight(n, fb3_layer_tensor(n->layout, layer, FB3_NORM2)), rows, d, sd);
    linear(n, h2, sd, fb3_layer_tensor(n->layout, layer, FB3_UP), 0.0f, up, sf, rows);
    k->gelu_forward(hidden, up, rows, f, sf);
    linear(n, hidden, sf, fb3_layer_tensor(n->layout, layer, FB3_DOWN), 0.0f, out, sd, rows);
    dropout = fb3_dropout_of(n, layer, FB3_DROPOUT_FEED_FORWARD);
    k->dropout(out, &dropout, first, rows, d, sd);
    k->add(out, mid, rows, d, sd);
}

static void head_forward(fb3_network *n, size_t slot, size_t shard_index) {
    fb3_head *h = &n->heads[slot];
    size_t first = h->first[shard_index], count = h->first[shard_index + 1] - first, sd = n->stride_d;
    const float *x = fb3_layer(n, n->config.layers)->x;
    const fb3_tensor *weight = fb3_slot_tensor(n->layout, slot, FB3_HEAD_WEIGHT);
    for (size_t i = first; i < first + count; i++)
        memcpy(h->x + i * sd, x + h->positions[i] * sd, n->config.width * sizeof *x);
    n->kernels->rms_norm_forward(h->h + first * sd, h->inverse + first, h->x + first * sd,
                                 fb3_weight(n, fb3_final_norm(n->layout)), count, n->config.width, sd);
    fb3_gemm(FB3_PLAIN, FB3_PLAIN, count, weight->columns, weight->rows, h->h + first * sd, sd,
             n->tables[slot].head, weight->stride, 0.0f, h->logits + first * weight->stride, weight->stride);
}

void fb3_network_forward(fb3_network *n, fb3_shard *shard, fb3_scratch *scratch) {
    size_t first = shard->first * n->tokens;
    embed(n, fb3_layer(n, 0)->x + first * n->stride_d, first, shard->count * n->tokens);
    for (size_t layer = 0; layer < n->config.layers; layer++)
        layer_forward(n, layer, shard, scratch);
    for (size_t slot = 0; slot < n->config.slots; slot++)
        head_forward(n, slot, (size_t)(shard - n->shards));
}

double fb3_network_cross_entropy(fb3_network *n, size_t shard_index) {
    double loss = 0.0;
    for (size_t slot = 0; slot < n->config.slots; slot++) {
        fb3_head *h = &n->heads[slot];
        const fb3_tensor *bias = fb3_slot_tensor(n->layout, slot, FB3_HEAD_BIAS);
        size_t first = h->first[shard_index],
               stride = fb3_slot_tensor(n->layout, slot, FB3_HEAD_WEIGHT)->stride;
        loss += n->kernels->cross_entropy(h->logits + first * stride, fb3_weight(n, bias), h->targets + first,
                                          h->scale + first, h->first[shard_index + 1] - first, bias->columns,
                                          stride);
    }
    return loss;
}

static void loss_task(void *argument, size_t i, unsigned worker) {
    fb3_network *n = argument;
    fb3_network_forward(n, &n->shards[i], &n->scratch[worker]);
    n->shards[i].loss = fb3_network_cross_entropy(n, i);
}

double fb3_network_loss(fb3_network *network, const float *parameters, const fb3_batch *batch) {
    fb3_network_prepare(network, parameters);
    fb3_network_begin(network, batch, fb3_network_shards(network, batch->sequences), false);
    fb3_parallel(network->context, network->n_shards, loss_task, network);
    double loss = 0.0;
    for (size_t i = 0; i < network->n_shards; i++)
        loss += network->shards[i].loss;
    return loss;
}

void fb3_network_logits(fb3_network *network, const uint16_t *inputs, const uint8_t *masked,
                        size_t sequences) {
    fb3_batch batch = {.sequences = sequences, .inputs = inputs, .masked = masked};
    fb3_network_begin(network, &batch, 1, false);
    fb3_network_forward(network, &network->shards[0], &network->scratch[0]);
    network->batch = NULL;
    for (size_t s = 0; s < network->config.slots; s++) {
        const fb3_head *h = &network->heads[s];
        const fb3_tensor *bias = fb3_slot_tensor(network->layout, s, FB3_HEAD_BIAS);
        size_t stride = fb3_stride(network->config.vocabulary[s]);
        for (size_t i = 0; i < h->count; i++)
            for (size_t v = 0; v < bias->columns; v++)
                h->logits[i * stride + v] += fb3_weight(network, bias)[v];
    }
}

const float *fb3_network_slot_logits(const fb3_network *network, size_t slot, size_t *count, size_t *stride,
                                     const uint32_t **positions) {
    const fb3_head *h = &network->heads[slot];
    *count = h->count;
    *stride = fb3_stride(network->config.vocabulary[slot]);
    *positions = h->positions;
    return h->logits;
}
