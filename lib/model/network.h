/* The network: parameters in one slab, forward and backward over a batch of sequences.
 *
 * Shapes: B sequences, L blocks of S slots, T = L S tokens, D width, H heads, F feed-forward width, V_s
 * values of slot s. Token V_s of slot s is its mask. */
#ifndef FB3_NETWORK_H
#define FB3_NETWORK_H

#include "base/base.h"
#include "nn/nn.h"

typedef struct fb3_network_config {
    size_t slots, blocks;                /* S, L */
    size_t width, heads, layers, hidden; /* D, H, n_layers, F */
    float dropout;
    const size_t *vocabulary;     /* [S] */
    const float *const *features; /* [S] numbers that describe a slot's tokens, [V_s + 1, FB3_FEATURES]; NULL
                                     for a slot whose tokens have no order, or for none */
} fb3_network_config;

/* Tokens of an ordered slot share what they learn with their neighbours: with P = features[s], the embedding
 * table is embedding.s + P embedding.s.features, and the head is head.s.weight + head.s.features P'. */
enum { FB3_FEATURES = 32 };

/* ---- parameters (parameters.c) ----------------------------------------------------------------- */

typedef struct fb3_tensor {
    char name[48];
    unsigned dimensions; /* 1: [columns], 2: [rows, columns] */
    size_t rows, columns, stride, offset;
    bool decayed; /* weight decay applies */
} fb3_tensor;

/* Where every tensor lies in the slab: the decayed ones first. */
typedef struct fb3_layout {
    flowbd3_context *context;
    fb3_tensor *tensors;
    size_t n_tensors;
    size_t size, decayed; /* floats in all, and of the decayed tensors */
    size_t layers, gains; /* index of the first gain in tensors */
    size_t *slot_tensors; /* [S, kinds of slot tensors] index in tensors; SIZE_MAX: none */
} fb3_layout;

flowbd3_status fb3_layout_create(fb3_layout **out, flowbd3_context *context, const fb3_network_config *config,
                                 flowbd3_error *err);
void fb3_layout_destroy(fb3_layout **layout);

/* The tensors by what they are. */
enum fb3_layer_tensor { FB3_QKV, FB3_OUT, FB3_UP, FB3_DOWN, FB3_NORM1, FB3_NORM2 };
const fb3_tensor *fb3_layer_tensor(const fb3_layout *layout, size_t layer, enum fb3_layer_tensor which);
enum fb3_slot_tensor {
    FB3_HEAD_WEIGHT,
    FB3_HEAD_FEATURES,
    FB3_HEAD_BIAS,
    FB3_EMBEDDING,
    FB3_EMBEDDING_FEATURES,
    FB3_SLOT_TENSORS
};
/* NULL when the slot has no such tensor. */
const fb3_tensor *fb3_slot_tensor(const fb3_layout *layout, size_t slot, enum fb3_slot_tensor which);
const fb3_tensor *fb3_final_norm(const fb3_layout *layout);
const fb3_tensor *fb3_slot_embedding(const fb3_layout *layout);

/* Numbers in the tensors, padding not counted. */
uint64_t fb3_layout_count(const fb3_layout *layout);

/* ---- network (network.c, backward.c) ----------------------------------------------------------- */

typedef struct fb3_network fb3_network;

/* Room for max_sequences at a time; with gradients: also for fb3_network_gradient. */
flowbd3_status fb3_network_create(fb3_network **out, flowbd3_context *context,
                                  const fb3_network_config *config, const fb3_layout *layout,
                                  size_t max_sequences, bool gradients, flowbd3_error *err);
void fb3_network_destroy(fb3_network **network);

typedef struct fb3_batch {
    size_t sequences;
    const uint16_t *inputs;  /* [B, T], masked tokens replaced by the slot's mask */
    const uint16_t *targets; /* [B, T] */
    const uint8_t *masked;   /* [B, T], 1 where the loss is taken */
    const float *scale;      /* [B, L], factor of the cross entropy of every masked token of a block */
} fb3_batch;

/* Returns sum over masked tokens of scale * cross entropy; gradient[layout size] is that sum's, overwritten.
 * The result does not depend on the number of threads. seed and step key the dropout masks. */
double fb3_network_gradient(fb3_network *network, const float *parameters, const fb3_batch *batch,
                            float *gradient, uint64_t seed, uint32_t step);

/* The same sum without dropout and gradient. */
double fb3_network_loss(fb3_network *network, const float *parameters, const fb3_batch *batch);

/* Takes up parameters for fb3_network_logits: sums up the tables of all slots. (tables.c) */
void fb3_network_prepare(fb3_network *network, const float *parameters);

/* Logits of the tokens with masked = 1: those of slot s are rows 0 .. *count - 1 of the returned matrix, in
 * the order of their position in the batch; valid until the next call. Runs on the calling thread alone. */
void fb3_network_logits(fb3_network *network, const uint16_t *inputs, const uint8_t *masked,
                        size_t sequences);
const float *fb3_network_slot_logits(const fb3_network *network, size_t slot, size_t *count, size_t *stride,
                                     const uint32_t **positions);

#endif
