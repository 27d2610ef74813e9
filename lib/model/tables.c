/* Tables of slots whose tokens are numbers: neighbours share what they learn through fixed features of their
 * values. */
#include "model/network_internal.h"

#include <string.h>

/* The tables of one slot: table + features, or the parameters themselves without features. */
static void sum_slot(void *argument, size_t slot, unsigned worker) {
    fb3_network *n = argument;
    float *scratch = n->scratch[worker].gemm;
    fb3_slot_tables *t = &n->tables[slot];
    const fb3_tensor *embedding = fb3_slot_tensor(n->layout, slot, FB3_EMBEDDING);
    const fb3_tensor *head = fb3_slot_tensor(n->layout, slot, FB3_HEAD_WEIGHT);
    const fb3_tensor *of_embedding = fb3_slot_tensor(n->layout, slot, FB3_EMBEDDING_FEATURES);
    const fb3_tensor *of_head = fb3_slot_tensor(n->layout, slot, FB3_HEAD_FEATURES);
    t->embedding = fb3_weight(n, embedding);
    t->head = fb3_weight(n, head);
    if (t->own_embedding == NULL)
        return;
    const float *features = n->config.features[slot];
    memcpy(t->own_embedding, t->embedding, embedding->rows * embedding->stride * sizeof(float));
    fb3_gemm(FB3_PLAIN, FB3_PLAIN, embedding->rows, embedding->columns, FB3_FEATURES, features, FB3_FEATURES,
             fb3_weight(n, of_embedding), of_embedding->stride, 1.0f, t->own_embedding, embedding->stride,
             scratch);
    memcpy(t->own_head, t->head, head->rows * head->stride * sizeof(float));
    fb3_gemm(FB3_PLAIN, FB3_TRANSPOSED, head->rows, head->columns, FB3_FEATURES, fb3_weight(n, of_head),
             of_head->stride, features, FB3_FEATURES, 1.0f, t->own_head, head->stride, scratch);
    t->embedding = t->own_embedding;
    t->head = t->own_head;
}

void fb3_network_prepare(fb3_network *network, const float *parameters) {
    network->parameters = parameters;
    fb3_parallel(network->context, network->config.slots, sum_slot, network);
}

void fb3_network_embedding_gradient(const fb3_network *n, size_t slot, float *gradient,
                                    fb3_scratch *scratch) {
    const fb3_tensor *table = fb3_slot_tensor(n->layout, slot, FB3_EMBEDDING);
    const fb3_tensor *features = fb3_slot_tensor(n->layout, slot, FB3_EMBEDDING_FEATURES);
    if (features != NULL)
        fb3_gemm(FB3_TRANSPOSED, FB3_PLAIN, features->rows, features->columns, table->rows,
                 n->config.features[slot], FB3_FEATURES, gradient + table->offset, table->stride, 0.0f,
                 gradient + features->offset, features->stride, scratch->gemm);
}

void fb3_network_head_gradient(const fb3_network *n, size_t slot, float *gradient, fb3_scratch *scratch) {
    const fb3_tensor *table = fb3_slot_tensor(n->layout, slot, FB3_HEAD_WEIGHT);
    const fb3_tensor *features = fb3_slot_tensor(n->layout, slot, FB3_HEAD_FEATURES);
    if (features != NULL)
        fb3_gemm(FB3_PLAIN, FB3_PLAIN, features->rows, features->columns, table->columns,
                 gradient + table->offset, table->stride, n->config.features[slot], FB3_FEATURES, 0.0f,
                 gradient + features->offset, features->stride, scratch->gemm);
}
