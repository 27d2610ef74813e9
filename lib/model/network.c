/* The network's forward half. */
#include "model/network_internal.h"

#include <string.h>

/* ---- the batch --------------------------------------------------------------------------------- */

/* An even number of slices, whatever the number of threads. */
static size_t count_slices(const fb3_batch *batch) {
    size_t slices = (fb3_batch_rows(batch) + FB3_SLICE_ROWS - 1) / FB3_SLICE_ROWS;
    slices += slices % 2;
    return slices < batch->sequences ? slices : batch->sequences;
}

/* Slices of a shard: as many as leave work for every thread, of FB3_SHARD_SLICES * FB3_SLICE_ROWS rows at
 * most or a single one. */
static size_t slices_of_shard(const fb3_network *n, size_t rows) {
    size_t most = FB3_SHARD_SLICES * FB3_SLICE_ROWS * n->n_slices / (rows > 0 ? rows : 1);
    size_t share = n->n_slices / flowbd3_context_threads(n->context);
    size_t slices = share < most ? share : most;
    return slices > 0 ? slices : 1;
}

/* A slice begins with the first sequence that begins at its share of the rows or behind. */
static void cut(fb3_network *n, const fb3_batch *batch, bool whole) {
    size_t rows = fb3_batch_rows(batch), sequence = 0;
    n->n_slices = whole ? 1 : count_slices(batch);
    size_t slices = slices_of_shard(n, rows);
    n->n_shards = 0;
    for (size_t i = 0; i < n->n_slices; i++) {
        fb3_shard *shard = &n->shards[i / slices];
        if (i % slices == 0) {
            *shard = (fb3_shard){
                .sequences.first = sequence, .rows.first = batch->first[sequence], .slices.first = i};
            n->n_shards++;
        }
        fb3_slice *slice = &n->slices[i];
        slice->rows.first = batch->first[sequence];
        while (sequence < batch->sequences && batch->first[sequence] < (i + 1) * rows / n->n_slices)
            sequence++;
        slice->rows.count = batch->first[sequence] - slice->rows.first;
        shard->sequences.count = sequence - shard->sequences.first;
        shard->rows.count = batch->first[sequence] - shard->rows.first;
        shard->slices.count++;
    }
}

static void want(fb3_network *n, const fb3_batch *batch, size_t row) {
    fb3_head *h = &n->heads[batch->slots[row]];
    h->positions[h->count] = (uint32_t)row;
    h->outputs[h->count] = (uint32_t)n->n_wanted;
    h->targets[h->count] = batch->targets != NULL ? batch->targets[row] : 0;
    h->scale[h->count] = batch->scale != NULL ? batch->scale[row] : 1.0f;
    h->count++;
    n->wanted[n->n_wanted++] = (uint32_t)row;
}

static void list_wanted(fb3_network *n, const fb3_batch *batch, fb3_slice *slice) {
    slice->wanted.first = n->n_wanted;
    for (size_t row = slice->rows.first; row < slice->rows.first + slice->rows.count; row++)
        if (batch->masked[row] != 0)
            want(n, batch, row);
    slice->wanted.count = n->n_wanted - slice->wanted.first;
}

/* Whether the part takes in sequence b of batch too: heads[].count are the wanted rows of each slot. */
static bool takes(fb3_network *n, const fb3_batch *batch, size_t first, size_t b) {
    if (b > first &&
        (b - first >= n->limits.sequences || batch->first[b + 1] - batch->first[first] > n->limits.rows))
        return false;
    bool within = true; /* a single sequence always is */
    for (size_t row = batch->first[b]; row < batch->first[b + 1]; row++)
        if (batch->masked[row] != 0 && ++n->heads[batch->slots[row]].count > n->limits.wanted)
            within = false;
    return within || b == first;
}

void fb3_network_next_part(fb3_network *n, const fb3_batch *batch, size_t *sequence) {
    size_t first = *sequence, row = batch->first[first];
    n->rows_before = first == 0 ? 0 : n->rows_before + fb3_batch_rows(&n->part);
    n->wanted_before = first == 0 ? 0 : n->wanted_before + n->n_wanted;
    for (size_t s = 0; s < n->config.slots; s++)
        n->heads[s].count = 0;
    while (*sequence < batch->sequences && takes(n, batch, first, *sequence))
        ++*sequence;
    for (size_t b = first; b <= *sequence; b++)
        n->part_first[b - first] = batch->first[b] - row;
    n->last_part = *sequence == batch->sequences;
    n->part = *batch;
    n->part.sequences = *sequence - first;
    n->part.first = n->part_first;
    n->part.inputs += row;
    n->part.slots += row;
    n->part.positions += row;
    n->part.first_group += first;
    n->part.masked += row;
    n->part.targets += row;
    n->part.scale += row;
    if (batch->losses != NULL)
        n->part.losses += row;
}

void fb3_network_begin(fb3_network *n, const fb3_batch *batch, bool whole, bool training) {
    n->batch = batch;
    n->training = training;
    cut(n, batch, whole);
    n->n_wanted = 0;
    for (size_t s = 0; s < n->config.slots; s++)
        n->heads[s].count = 0;
    for (size_t i = 0; i < n->n_shards; i++) {
        fb3_shard *shard = &n->shards[i];
        for (size_t s = 0; s < n->config.slots; s++)
            n->heads[s].first[i] = n->heads[s].count;
        if (!n->gradients) /* layers share their arrays: each shard keeps to its part of them */
            n->n_wanted = shard->rows.first;
        shard->wanted.first = n->n_wanted;
        for (size_t j = 0; j < shard->slices.count; j++)
            list_wanted(n, batch, &n->slices[shard->slices.first + j]);
        shard->wanted.count = n->n_wanted - shard->wanted.first;
    }
    for (size_t s = 0; s < n->config.slots; s++)
        n->heads[s].first[n->n_shards] = n->heads[s].count;
}

/* ---- forward ----------------------------------------------------------------------------------- */

static void embed(const fb3_network *n, float *x, fb3_span rows) {
    const fb3_tensor *position = fb3_slot_embedding(n->layout);
    for (size_t r = 0; r < rows.count; r++) {
        size_t slot = n->batch->slots[rows.first + r];
        const fb3_tensor *table = fb3_slot_tensor(n->layout, slot, FB3_EMBEDDING);
        const float *e = n->tables[slot].embedding + n->batch->inputs[rows.first + r] * table->stride;
        const float *p = fb3_weight(n, position) + slot * position->stride;
        for (size_t i = 0; i < n->config.width; i++)
            x[r * n->stride_d + i] = e[i] + p[i];
    }
}

/* y[rows, tensor columns] = x[rows, tensor rows] * tensor + beta y. */
static void linear(const fb3_network *n, const float *x, size_t stride_x, const fb3_tensor *tensor,
                   float beta, float *y, size_t stride_y, size_t rows, fb3_scratch *scratch) {
    fb3_gemm(FB3_PLAIN, FB3_PLAIN, rows, tensor->columns, tensor->rows, x, stride_x, fb3_weight(n, tensor),
             tensor->stride, beta, y, stride_y, scratch->gemm);
}

/* The keys and values that a sequence's rows see: those of the batch, or the cached ones and those behind. */
typedef struct seen {
    const float *keys; /* [keys, D], values D floats behind */
    size_t stride;
} seen;

static seen gather(const fb3_network *n, size_t layer, size_t sequence, const float *qkv, size_t rows) {
    const fb3_batch *batch = n->batch;
    size_t d = n->config.width;
    if (batch->cache == NULL)
        return (seen){qkv + d, n->stride_3d};
    fb3_cached_layer cached = fb3_cache_layer(batch->cache, batch->cached[sequence], layer);
    for (size_t i = 0; i < rows; i++)
        memcpy(cached.keys + (cached.used + i) * cached.stride, qkv + d + i * n->stride_3d,
               2 * d * sizeof *qkv);
    return (seen){cached.keys, cached.stride};
}

static void attend(fb3_network *n, size_t layer, const fb3_shard *shard, fb3_scratch *scratch) {
    const fb3_batch *batch = n->batch;
    const fb3_activations *a = fb3_layer(n, layer);
    fb3_dropout dropout = fb3_dropout_of(n, layer, FB3_DROPOUT_ATTENTION);
    n->kernels->rope_forward(a->qkv + shard->rows.first * n->stride_3d, n->stride_3d,
                             batch->positions + shard->rows.first, shard->rows.count, &n->attention);
    for (size_t b = shard->sequences.first; b < shard->sequences.first + shard->sequences.count; b++) {
        size_t first = batch->first[b], groups = batch->first_group[b];
        const float *qkv = a->qkv + first * n->stride_3d;
        seen s = gather(n, layer, b, qkv, batch->first[b + 1] - first);
        n->kernels->attention_forward(a->heads + first * n->stride_d, n->stride_d,
                                      n->gradients ? a->log_sums + first : NULL, n->limits.rows, qkv,
                                      n->stride_3d, s.keys, s.keys + n->config.width, s.stride,
                                      batch->groups + groups, batch->first_group[b + 1] - groups,
                                      &n->attention, &dropout, n->rows_before + first, scratch->attention);
    }
}

static void feed_forward(fb3_network *n, size_t layer, fb3_span rows, fb3_scratch *scratch) {
    const fb3_kernels *k = n->kernels;
    fb3_activations *a = fb3_layer(n, layer);
    size_t d = n->config.width, sd = n->stride_d, sf = n->stride_f, first = rows.first;
    float *mid = a->mid + first * sd, *h2 = a->h2 + first * sd, *up = a->up + first * sf;
    float *hidden = a->hidden + first * sf, *out = fb3_layer(n, layer + 1)->x + first * sd;
    k->rms_norm_forward(h2, a->inverse2 + first, mid,
                        fb3_weight(n, fb3_layer_tensor(n->layout, layer, FB3_NORM2)), rows.count, d, sd);
    linear(n, h2, sd, fb3_layer_tensor(n->layout, layer, FB3_UP), 0.0f, up, sf, rows.count, scratch);
    k->gelu_forward(hidden, up, rows.count, n->config.hidden, sf);
    linear(n, hidden, sf, fb3_layer_tensor(n->layout, layer, FB3_DOWN), 0.0f, out, sd, rows.count, scratch);
    fb3_dropout dropout = fb3_dropout_of(n, layer, FB3_DROPOUT_FEED_FORWARD);
    k->dropout(out, &dropout, fb3_dropout_row(n, layer, first), rows.count, d, sd);
    k->add(out, mid, rows.count, d, sd);
}

/* to[wanted of a shard, D] = those rows of from. */
static void gather_wanted(const fb3_network *n, fb3_span wanted, float *to, const float *from) {
    for (size_t i = wanted.first; i < wanted.first + wanted.count; i++)
        memcpy(to + i * n->stride_d, from + n->wanted[i] * n->stride_d, n->config.width * sizeof *to);
}

static void layer_forward(fb3_network *n, size_t layer, const fb3_shard *shard, fb3_scratch *scratch) {
    fb3_activations *a = fb3_layer(n, layer);
    size_t sd = n->stride_d, first = shard->rows.first;
    const float *heads = a->heads;
    fb3_span rows = fb3_rows_behind(n, layer, shard);
    n->kernels->rms_norm_forward(a->h1 + first * sd, a->inverse1 + first, a->x + first * sd,
                                 fb3_weight(n, fb3_layer_tensor(n->layout, layer, FB3_NORM1)),
                                 shard->rows.count, n->config.width, sd);
    linear(n, a->h1 + first * sd, sd, fb3_layer_tensor(n->layout, layer, FB3_QKV), 0.0f,
           a->qkv + first * n->stride_3d, n->stride_3d, shard->rows.count, scratch);
    attend(n, layer, shard, scratch);
    if (fb3_only_wanted(n, layer)) {
        gather_wanted(n, rows, a->mid, a->x);
        gather_wanted(n, rows, n->wanted_heads, a->heads);
        heads = n->wanted_heads;
    } else {
        memcpy(a->mid + first * sd, a->x + first * sd, shard->rows.count * sd * sizeof(float));
    }
    linear(n, heads + rows.first * sd, sd, fb3_layer_tensor(n->layout, layer, FB3_OUT), 1.0f,
           a->mid + rows.first * sd, sd, rows.count, scratch);
    feed_forward(n, layer, rows, scratch);
}

static void head_forward(fb3_network *n, size_t slot, size_t shard_index, fb3_scratch *scratch) {
    fb3_head *h = &n->heads[slot];
    size_t first = h->first[shard_index], count = h->first[shard_index + 1] - first, sd = n->stride_d;
    const float *x = fb3_layer(n, n->config.layers)->x;
    const fb3_tensor *weight = fb3_slot_tensor(n->layout, slot, FB3_HEAD_WEIGHT);
    for (size_t i = first; i < first + count; i++)
        memcpy(h->x + i * sd, x + h->outputs[i] * sd, n->config.width * sizeof *x);
    n->kernels->rms_norm_forward(h->h + first * sd, h->inverse + first, h->x + first * sd,
                                 fb3_weight(n, fb3_final_norm(n->layout)), count, n->config.width, sd);
    fb3_gemm(FB3_PLAIN, FB3_PLAIN, count, weight->columns, weight->rows, h->h + first * sd, sd,
             n->tables[slot].head, weight->stride, 0.0f, h->logits + first * weight->stride, weight->stride,
             scratch->gemm);
}

void fb3_network_forward(fb3_network *n, fb3_shard *shard, fb3_scratch *scratch) {
    embed(n, fb3_layer(n, 0)->x + shard->rows.first * n->stride_d, shard->rows);
    for (size_t layer = 0; layer < n->config.layers; layer++)
        layer_forward(n, layer, shard, scratch);
    for (size_t slot = 0; slot < n->config.slots; slot++)
        head_forward(n, slot, (size_t)(shard - n->shards), scratch);
}

void fb3_network_cross_entropy(fb3_network *n, size_t shard_index) {
    for (size_t slot = 0; slot < n->config.slots; slot++) {
        fb3_head *h = &n->heads[slot];
        const fb3_tensor *bias = fb3_slot_tensor(n->layout, slot, FB3_HEAD_BIAS);
        size_t first = h->first[shard_index], end = h->first[shard_index + 1];
        size_t stride = fb3_slot_tensor(n->layout, slot, FB3_HEAD_WEIGHT)->stride;
        n->kernels->cross_entropy(h->logits + first * stride, fb3_weight(n, bias), h->targets + first,
                                  h->scale + first, h->losses + first, end - first, bias->columns, stride);
        for (size_t i = first; n->batch->losses != NULL && i < end; i++)
            n->batch->losses[h->positions[i]] = h->losses[i];
    }
}

double fb3_network_total(const fb3_network *n) {
    double total = 0.0;
    for (size_t slot = 0; slot < n->config.slots; slot++) {
        const fb3_head *h = &n->heads[slot];
        for (size_t i = 0; i < h->count; i++)
            total += (double)h->scale[i] * (double)h->losses[i];
    }
    return total;
}

static void loss_task(void *argument, size_t i, unsigned worker) {
    fb3_network *n = argument;
    fb3_network_forward(n, &n->shards[i], &n->scratch[worker]);
    fb3_network_cross_entropy(n, i);
}

double fb3_network_loss(fb3_network *network, const float *parameters, const fb3_batch *batch) {
    fb3_network_prepare(network, parameters);
    double total = 0.0;
    for (size_t sequence = 0; sequence < batch->sequences;) {
        fb3_network_next_part(network, batch, &sequence);
        fb3_network_begin(network, &network->part, false, false);
        fb3_parallel(network->context, network->n_shards, loss_task, network);
        total += fb3_network_total(network);
    }
    return total;
}

/* Adds the bias to a slot's logits first .. end - 1. */
static void add_bias(const fb3_network *n, size_t slot, size_t first, size_t end) {
    const fb3_tensor *bias = fb3_slot_tensor(n->layout, slot, FB3_HEAD_BIAS);
    size_t stride = fb3_stride(n->config.vocabulary[slot]);
    for (size_t i = first; i < end; i++)
        for (size_t v = 0; v < bias->columns; v++)
            n->heads[slot].logits[i * stride + v] += fb3_weight(n, bias)[v];
}

typedef struct visiting {
    fb3_network *network;
    fb3_logits_visitor visit;
    void *user;
} visiting;

static void visit_task(void *argument, size_t i, unsigned worker) {
    const visiting *v = argument;
    fb3_network *n = v->network;
    fb3_network_forward(n, &n->shards[i], &n->scratch[worker]);
    for (size_t slot = 0; slot < n->config.slots; slot++) {
        const fb3_head *h = &n->heads[slot];
        size_t stride = fb3_stride(n->config.vocabulary[slot]);
        add_bias(n, slot, h->first[i], h->first[i + 1]);
        for (size_t k = h->first[i]; k < h->first[i + 1]; k++)
            v->visit(v->user, n->rows_before + h->positions[k], h->logits + k * stride);
    }
}

void fb3_network_visit(fb3_network *network, const float *parameters, const fb3_batch *batch,
                       fb3_logits_visitor visit, void *user) {
    visiting v = {network, visit, user};
    fb3_network_prepare(network, parameters);
    for (size_t sequence = 0; sequence < batch->sequences;) {
        fb3_network_next_part(network, batch, &sequence);
        fb3_network_begin(network, &network->part, false, false);
        fb3_parallel(network->context, network->n_shards, visit_task, &v);
    }
}

void fb3_network_logits(fb3_network *network, const fb3_batch *batch) {
    fb3_network_begin(network, batch, true, false);
    fb3_network_forward(network, &network->shards[0], &network->scratch[0]);
    network->batch = NULL;
    for (size_t s = 0; s < network->config.slots; s++)
        add_bias(network, s, 0, network->heads[s].count);
}

const float *fb3_network_slot_logits(const fb3_network *network, size_t slot, size_t *count, size_t *stride,
                                     const uint32_t **positions) {
    const fb3_head *h = &network->heads[slot];
    *count = h->count;
    *stride = fb3_stride(network->config.vocabulary[slot]);
    *positions = h->positions;
    return h->logits;
}
