/* The network's backward half, in two phases without a barrier inside: first every shard goes forward and
 * back through the whole network and leaves the gradients of all layer outputs behind; then the weight
 * gradients, each a product over all rows of the batch, are computed tile by tile. Neither depends on the
 * number of threads. */
#include "model/network_internal.h"

#include <math.h>
#include <string.h>

/* ---- phase one: gradients of activations ------------------------------------------------------- */

/* dx[rows, tensor rows] = dy[rows, tensor columns] * tensor'. */
static void linear_backward(const fb3_network *n, const float *dy, size_t stride_dy, const fb3_tensor *tensor,
                            float *dx, size_t stride_dx, size_t rows, fb3_scratch *scratch) {
    fb3_gemm(FB3_PLAIN, FB3_TRANSPOSED, rows, tensor->rows, tensor->columns, dy, stride_dy,
             fb3_weight(n, tensor), tensor->stride, 0.0f, dx, stride_dx, scratch->gemm);
}

/* From the gradient of the logits to that of the last layer's output. */
static void head_backward(fb3_network *n, size_t slot, fb3_shard *shard, fb3_scratch *scratch) {
    fb3_head *h = &n->heads[slot];
    size_t i = (size_t)(shard - n->shards), first = h->first[i], count = h->first[i + 1] - first;
    size_t d = n->config.width, sd = n->stride_d;
    const fb3_tensor *weight = fb3_slot_tensor(n->layout, slot, FB3_HEAD_WEIGHT);
    float *dx = fb3_layer(n, n->config.layers)->x;
    fb3_gemm(FB3_PLAIN, FB3_TRANSPOSED, count, weight->rows, weight->columns,
             h->logits + first * weight->stride, weight->stride, n->tables[slot].head, weight->stride, 0.0f,
             scratch->d, sd, scratch->gemm);
    const fb3_slice *slice = &n->slices[shard->slices.first];
    for (size_t j = first; j < first + count; j++) {
        while (h->outputs[j] >= slice->wanted.first + slice->wanted.count)
            slice++;
        n->kernels->rms_norm_backward(dx + h->outputs[j] * sd, slice->gains + 2 * n->config.layers * sd,
                                      scratch->d + (j - first) * sd, h->x + j * sd,
                                      fb3_weight(n, fb3_final_norm(n->layout)), h->inverse + j, 1, d, sd);
    }
}

/* Adds the gradient of a norm's input x[M, D], scratch->d being that of its output, to scratch->residual;
 * both begin with row first. */
static void norm_backward(fb3_network *n, size_t layer, enum fb3_layer_tensor which, const fb3_shard *shard,
                          fb3_scratch *scratch, const float *x, const float *inverse) {
    const float *gain = fb3_weight(n, fb3_layer_tensor(n->layout, layer, which));
    bool wanted = which == FB3_NORM2 && fb3_only_wanted(n, layer);
    size_t sd = n->stride_d, index = 2 * layer + (which == FB3_NORM2);
    size_t first = wanted ? shard->wanted.first : shard->rows.first;
    for (size_t i = shard->slices.first; i < shard->slices.first + shard->slices.count; i++) {
        fb3_span rows = wanted ? n->slices[i].wanted : n->slices[i].rows;
        size_t row = rows.first - first;
        n->kernels->rms_norm_backward(scratch->residual + row * sd, n->slices[i].gains + index * sd,
                                      scratch->d + row * sd, x + rows.first * sd, gain, inverse + rows.first,
                                      rows.count, n->config.width, sd);
    }
}

/* x[wanted rows of the shard, D] becomes x[rows of the shard, D], zero where nothing was wanted. */
static void scatter_wanted(const fb3_network *n, const fb3_shard *shard, float *x) {
    size_t sd = n->stride_d, end = shard->rows.count;
    for (size_t i = shard->wanted.count; i-- > 0;) {
        size_t row = n->wanted[shard->wanted.first + i] - shard->rows.first;
        memmove(x + row * sd, x + i * sd, sd * sizeof *x);
        memset(x + (row + 1) * sd, 0, (end - row - 1) * sd * sizeof *x);
        end = row;
    }
    memset(x, 0, end * sd * sizeof *x);
}

/* From the gradient of a layer's output to those of up and mid; the latter goes to scratch->residual too. */
static void feed_backward(fb3_network *n, size_t layer, fb3_shard *shard, fb3_scratch *scratch) {
    fb3_activations *a = fb3_layer(n, layer);
    fb3_span rows = fb3_rows_behind(n, layer, shard);
    size_t d = n->config.width, sd = n->stride_d, sf = n->stride_f;
    size_t first = rows.first, bytes = rows.count * sd * sizeof(float);
    float *up = a->up + first * sf, *dout = fb3_layer(n, layer + 1)->x + first * sd;

    /* The residual keeps the gradient as it is; dout becomes that of the feed-forward's output. */
    memcpy(scratch->residual, dout, bytes);
    fb3_dropout dropout = fb3_dropout_of(n, layer, FB3_DROPOUT_FEED_FORWARD);
    n->kernels->dropout(dout, &dropout, fb3_dropout_row(n, layer, first), rows.count, d, sd);
    linear_backward(n, dout, sd, fb3_layer_tensor(n->layout, layer, FB3_DOWN), scratch->hidden, sf,
                    rows.count, scratch);
    n->kernels->gelu_backward(up, scratch->hidden, rows.count, n->config.hidden, sf);
    linear_backward(n, up, sf, fb3_layer_tensor(n->layout, layer, FB3_UP), scratch->d, sd, rows.count,
                    scratch);
    norm_backward(n, layer, FB3_NORM2, shard, scratch, a->mid, a->inverse2);
    memcpy(a->mid + first * sd, scratch->residual, bytes);
}

/* From the gradient of a layer's mid, in scratch->residual, to those of qkv and x. */
static void attend_backward(fb3_network *n, size_t layer, fb3_shard *shard, fb3_scratch *scratch) {
    const fb3_batch *batch = n->batch;
    fb3_activations *a = fb3_layer(n, layer);
    fb3_span behind = fb3_rows_behind(n, layer, shard);
    size_t sd = n->stride_d, s3 = n->stride_3d, first = shard->rows.first, rows = shard->rows.count;
    float *qkv = a->qkv + first * s3;
    linear_backward(n, a->mid + behind.first * sd, sd, fb3_layer_tensor(n->layout, layer, FB3_OUT),
                    scratch->d, sd, behind.count, scratch);
    if (fb3_only_wanted(n, layer)) {
        scatter_wanted(n, shard, scratch->d);
        scatter_wanted(n, shard, scratch->residual);
    }
    fb3_dropout dropout = fb3_dropout_of(n, layer, FB3_DROPOUT_ATTENTION);
    for (size_t b = shard->sequences.first; b < shard->sequences.first + shard->sequences.count; b++) {
        size_t row = batch->first[b], groups = batch->first_group[b];
        n->kernels->attention_backward(a->qkv + row * s3, s3, a->heads + row * sd,
                                       scratch->d + (row - first) * sd, sd, a->log_sums + row, n->limits.rows,
                                       batch->first[b + 1] - row, batch->groups + groups,
                                       batch->first_group[b + 1] - groups, &n->attention, &dropout,
                                       n->rows_before + row, scratch->attention);
    }
    n->kernels->rope_backward(qkv, s3, batch->positions + first, rows, &n->attention);
    linear_backward(n, qkv, s3, fb3_layer_tensor(n->layout, layer, FB3_QKV), scratch->d, sd, rows, scratch);
    norm_backward(n, layer, FB3_NORM1, shard, scratch, a->x, a->inverse1);
    memcpy(a->x + first * sd, scratch->residual, rows * sd * sizeof(float));
}

static void shard_task(void *argument, size_t i, unsigned worker) {
    fb3_network *n = argument;
    fb3_shard *shard = &n->shards[i];
    fb3_scratch *scratch = &n->scratch[worker];
    size_t sd = n->stride_d;
    fb3_network_forward(n, shard, scratch);
    fb3_network_cross_entropy(n, i);
    for (size_t j = shard->slices.first; j < shard->slices.first + shard->slices.count; j++)
        memset(n->slices[j].gains, 0, (2 * n->config.layers + 1) * sd * sizeof(float));
    memset(fb3_layer(n, n->config.layers)->x + shard->wanted.first * sd, 0,
           shard->wanted.count * sd * sizeof(float));
    for (size_t slot = 0; slot < n->config.slots; slot++)
        head_backward(n, slot, shard, scratch);
    for (size_t layer = n->config.layers; layer-- > 0;) {
        feed_backward(n, layer, shard, scratch);
        attend_backward(n, layer, shard, scratch);
    }
}

/* ---- phase two: gradients of weights ----------------------------------------------------------- */

/* Columns of one task of a product. */
enum { TILE = 256 };

bool fb3_network_plan(fb3_network *n) {
    size_t most = 2 * n->config.slots + 1;
    for (size_t i = 0; i < n->layout->n_tensors; i++)
        most += n->layout->tensors[i].columns / TILE + 1;
    n->products = fb3_allocate(n->context, most, sizeof *n->products);
    if (n->products == NULL)
        return false;
    size_t count = 0;
    for (size_t layer = 0; layer < n->config.layers; layer++)
        for (enum fb3_layer_tensor which = FB3_QKV; which <= FB3_DOWN; which++) {
            size_t columns = fb3_layer_tensor(n->layout, layer, which)->columns;
            for (size_t column = 0; column < columns; column += TILE)
                n->products[count++] =
                    (fb3_product){.kind = FB3_PRODUCT_LAYER,
                                  .index = layer,
                                  .which = which,
                                  .column = column,
                                  .columns = columns - column < TILE ? columns - column : TILE};
        }
    for (size_t slot = 0; slot < n->config.slots; slot++) {
        n->products[count++] = (fb3_product){.kind = FB3_PRODUCT_HEAD, .index = slot};
        n->products[count++] = (fb3_product){.kind = FB3_PRODUCT_EMBEDDING, .index = slot};
    }
    n->products[count++] = (fb3_product){.kind = FB3_PRODUCT_GAINS};
    n->n_products = count;
    return true;
}

/* 1 when the gradient adds to that of the parts before. */
static float kept(const fb3_network *n) {
    return n->rows_before > 0 ? 1.0f : 0.0f;
}

static void clear(const fb3_network *n, float *gradient, size_t floats) {
    if (n->rows_before == 0)
        memset(gradient, 0, floats * sizeof *gradient);
}

/* One tile of x' dy over all rows of the batch, behind the last attention over the wanted ones. */
static void layer_product(fb3_network *n, const fb3_product *p, fb3_scratch *scratch) {
    const fb3_activations *a = fb3_layer(n, p->index);
    const fb3_tensor *tensor = fb3_layer_tensor(n->layout, p->index, p->which);
    const float *x = NULL, *dy = NULL;
    size_t stride_x = n->stride_d, stride_dy = n->stride_d;
    bool wanted = fb3_only_wanted(n, p->index);
    size_t rows = wanted && p->which != FB3_QKV ? n->n_wanted : fb3_batch_rows(n->batch);
    switch (p->which) {
    case FB3_QKV:
        x = a->h1;
        dy = a->qkv;
        stride_dy = n->stride_3d;
        break;
    case FB3_OUT:
        x = wanted ? n->wanted_heads : a->heads;
        dy = a->mid;
        break;
    case FB3_UP:
        x = a->h2;
        dy = a->up;
        stride_dy = n->stride_f;
        break;
    default:
        x = a->hidden;
        stride_x = n->stride_f;
        dy = fb3_layer(n, p->index + 1)->x;
        break;
    }
    fb3_gemm(FB3_TRANSPOSED, FB3_PLAIN, tensor->rows, p->columns, rows, x, stride_x, dy + p->column,
             stride_dy, kept(n), n->gradient + tensor->offset + p->column, tensor->stride, scratch->gemm);
}

static void head_product(fb3_network *n, size_t slot, fb3_scratch *scratch) {
    const fb3_head *h = &n->heads[slot];
    const fb3_tensor *weight = fb3_slot_tensor(n->layout, slot, FB3_HEAD_WEIGHT);
    const fb3_tensor *bias = fb3_slot_tensor(n->layout, slot, FB3_HEAD_BIAS);
    float *gradient = n->gradient + weight->offset;
    fb3_gemm(FB3_TRANSPOSED, FB3_PLAIN, weight->rows, weight->columns, h->count, h->h, n->stride_d, h->logits,
             weight->stride, kept(n), gradient, weight->stride, scratch->gemm);
    if (n->last_part)
        fb3_network_head_gradient(n, slot, n->gradient, scratch);
    clear(n, n->gradient + bias->offset, bias->columns);
    n->kernels->column_sums(n->gradient + bias->offset, h->logits, h->count, bias->columns, weight->stride);
}

static void embedding_product(fb3_network *n, size_t slot, fb3_scratch *scratch) {
    const fb3_tensor *table = fb3_slot_tensor(n->layout, slot, FB3_EMBEDDING);
    const fb3_tensor *position = fb3_slot_embedding(n->layout);
    float *gradient = n->gradient + table->offset;
    float *gradient_position = n->gradient + position->offset + slot * position->stride;
    const float *dx = fb3_layer(n, 0)->x;
    size_t rows = fb3_batch_rows(n->batch), d = n->config.width;
    clear(n, gradient, table->rows * table->stride);
    clear(n, gradient_position, d);
    for (size_t row = 0; row < rows; row++) {
        if (n->batch->slots[row] != slot)
            continue;
        n->kernels->add(gradient + n->batch->inputs[row] * table->stride, dx + row * n->stride_d, 1, d, d);
        n->kernels->add(gradient_position, dx + row * n->stride_d, 1, d, d);
    }
    if (n->last_part)
        fb3_network_embedding_gradient(n, slot, n->gradient, scratch);
}

/* The slices' parts are added in the order of the slices. */
static void gain_product(fb3_network *n) {
    for (size_t i = 0; i <= 2 * n->config.layers; i++) {
        const fb3_tensor *gain = i == 2 * n->config.layers
                                     ? fb3_final_norm(n->layout)
                                     : fb3_layer_tensor(n->layout, i / 2, i % 2 == 0 ? FB3_NORM1 : FB3_NORM2);
        float *gradient = n->gradient + gain->offset;
        clear(n, gradient, gain->columns);
        for (size_t j = 0; j < n->n_slices; j++)
            n->kernels->add(gradient, n->slices[j].gains + i * n->stride_d, 1, gain->columns, 0);
    }
}

/* Of columns of the gradient of a tensor, or of no tensor. */
static double square_sum(const fb3_network *n, const fb3_tensor *tensor, size_t first, size_t count) {
    double sum = 0.0;
    for (size_t row = 0; tensor != NULL && row < tensor->rows; row++)
        sum += n->kernels->square_sum(n->gradient + tensor->offset + row * tensor->stride + first, count);
    return sum;
}

static double whole_square_sum(const fb3_network *n, const fb3_tensor *tensor) {
    return square_sum(n, tensor, 0, tensor != NULL ? tensor->columns : 0);
}

/* Of what the product wrote, while the caches still hold it. */
static double product_square_sum(const fb3_network *n, const fb3_product *p) {
    const fb3_layout *layout = n->layout;
    double sum = 0.0;
    switch (p->kind) {
    case FB3_PRODUCT_LAYER:
        return square_sum(n, fb3_layer_tensor(layout, p->index, p->which), p->column, p->columns);
    case FB3_PRODUCT_HEAD:
        for (enum fb3_slot_tensor which = FB3_HEAD_WEIGHT; which <= FB3_HEAD_BIAS; which++)
            sum += whole_square_sum(n, fb3_slot_tensor(layout, p->index, which));
        return sum;
    case FB3_PRODUCT_EMBEDDING:
        for (enum fb3_slot_tensor which = FB3_EMBEDDING; which <= FB3_EMBEDDING_FEATURES; which++)
            sum += whole_square_sum(n, fb3_slot_tensor(layout, p->index, which));
        return sum;
    default:
        for (size_t layer = 0; layer < n->config.layers; layer++)
            sum += whole_square_sum(n, fb3_layer_tensor(layout, layer, FB3_NORM1)) +
                   whole_square_sum(n, fb3_layer_tensor(layout, layer, FB3_NORM2));
        return sum + whole_square_sum(n, fb3_final_norm(layout));
    }
}

static void product_task(void *argument, size_t i, unsigned worker) {
    fb3_network *n = argument;
    fb3_scratch *scratch = &n->scratch[worker];
    fb3_product *p = &n->products[i];
    switch (p->kind) {
    case FB3_PRODUCT_LAYER:
        layer_product(n, p, scratch);
        break;
    case FB3_PRODUCT_HEAD:
        head_product(n, p->index, scratch);
        break;
    case FB3_PRODUCT_EMBEDDING:
        embedding_product(n, p->index, scratch);
        break;
    case FB3_PRODUCT_GAINS:
        gain_product(n);
        break;
    }
    if (n->last_part)
        p->square_sum = product_square_sum(n, p);
}

double fb3_network_gradient(fb3_network *network, const float *parameters, const fb3_batch *batch,
                            float *gradient, uint64_t seed, uint32_t step) {
    network->gradient = gradient;
    network->seed = seed;
    network->step = step;
    fb3_network_prepare(network, parameters);
    double total = 0.0;
    for (size_t sequence = 0; sequence < batch->sequences;) {
        fb3_network_next_part(network, batch, &sequence);
        fb3_network_begin(network, &network->part, false, true);
        fb3_parallel(network->context, network->n_shards, shard_task, network);
        fb3_parallel(network->context, network->n_products, product_task, network);
        total += fb3_network_total(network);
    }
    return total;
}

double fb3_network_gradient_norm(const fb3_network *network) {
    double sum = whole_square_sum(network, fb3_slot_embedding(network->layout));
    for (size_t i = 0; i < network->n_products; i++)
        sum += network->products[i].square_sum;
    return sqrt(sum);
}
