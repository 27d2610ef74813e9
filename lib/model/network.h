/* The network: parameters in one slab, forward and backward over a batch of sequences.
 *
 * Shapes: B sequences of rows, a row for every token that goes through the network, M rows in all, D width,
 * H heads, F feed-forward width, S slots, V_s values of slot s. Token V_s of slot s is its mask. Which rows
 * see which is said by groups (nn.h); the network knows nothing of blocks. */
#ifndef FB3_NETWORK_H
#define FB3_NETWORK_H

#include "base/base.h"
#include "nn/nn.h"

typedef struct fb3_network_config {
    size_t slots, positions;             /* S, rotary positions 0 .. positions - 1 */
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

/* ---- network (network.c, backward.c, memory.c) ------------------------------------------------- */

typedef struct fb3_network fb3_network;

/* The most that goes through the network at a time. */
typedef struct fb3_limits {
    size_t sequences, rows;
    size_t sequence_rows; /* of one sequence */
    size_t keys;          /* of one sequence, cached ones included */
    size_t wanted;        /* masked rows of one slot */
} fb3_limits;

/* Room for what is within limits; with gradients: also for fb3_network_gradient. config's vocabulary is
 * copied, layout and features must outlive the network. */
flowbd3_status fb3_network_create(fb3_network **out, flowbd3_context *context,
                                  const fb3_network_config *config, const fb3_layout *layout,
                                  const fb3_limits *limits, bool gradients, flowbd3_error *err);
void fb3_network_destroy(fb3_network **network);

/* Bytes that fb3_network_create takes, allocations of a few bytes aside. */
flowbd3_status fb3_network_bytes(uint64_t *bytes, flowbd3_context *context, const fb3_network_config *config,
                                 const fb3_layout *layout, const fb3_limits *limits, bool gradients,
                                 flowbd3_error *err);

typedef struct fb3_cache fb3_cache;

typedef struct fb3_batch {
    size_t sequences;
    const size_t *first;           /* [B + 1] the rows of sequence b are first[b] .. first[b + 1] - 1 */
    const uint16_t *inputs;        /* [M] tokens, a slot's mask where masked */
    const uint16_t *slots;         /* [M] */
    const uint32_t *positions;     /* [M] rotary positions */
    const fb3_query_group *groups; /* who sees whom; rows are counted from 0 in every sequence */
    const size_t *first_group;     /* [B + 1] */
    const uint8_t *masked;         /* [M] 1 where the loss is taken, or logits are wanted */
    const uint16_t *targets;       /* [M] */
    const float *scale;            /* [M] factor of the cross entropy of a masked row */
    float *losses;                 /* [M] takes the cross entropy of the masked rows; or NULL */
    fb3_cache *cache;              /* keys before those of the batch, or NULL */
    const size_t *cached;          /* [B] the cache's sequence of each sequence */
} fb3_batch;

static inline size_t fb3_batch_rows(const fb3_batch *batch) {
    return batch->first[batch->sequences];
}

/* Returns sum over masked rows of scale * cross entropy; gradient[layout size] is that sum's, overwritten.
 * The result does not depend on the number of threads. seed and step key the dropout masks. A batch beyond
 * the limits goes through the network in parts, each of as many whole sequences as are within. */
double fb3_network_gradient(fb3_network *network, const float *parameters, const fb3_batch *batch,
                            float *gradient, uint64_t seed, uint32_t step);

/* Euclidean norm of the gradient that fb3_network_gradient left last. */
double fb3_network_gradient_norm(const fb3_network *network);

/* The same sum without dropout and gradient. */
double fb3_network_loss(fb3_network *network, const float *parameters, const fb3_batch *batch);

/* Shows the logits [V_s] of every masked row to visit, with its number in the batch: in the same parts, and
 * from any of the context's threads. */
typedef void (*fb3_logits_visitor)(void *user, size_t row, const float *logits);
void fb3_network_visit(fb3_network *network, const float *parameters, const fb3_batch *batch,
                       fb3_logits_visitor visit, void *user);

/* Takes up parameters for fb3_network_logits: sums up the tables of all slots. (tables.c) */
void fb3_network_prepare(fb3_network *network, const float *parameters);

/* Logits of the masked rows of a batch within the limits: those of slot s are rows 0 .. *count - 1 of the
 * returned matrix, in the order of their position in the batch; valid until the next call. Runs on the
 * calling thread alone. */
void fb3_network_logits(fb3_network *network, const fb3_batch *batch);
const float *fb3_network_slot_logits(const fb3_network *network, size_t slot, size_t *count, size_t *stride,
                                     const uint32_t **positions);

/* ---- cache (cache.c) --------------------------------------------------------------------------- */

/* Keys and values of rows that have gone through the network, in every layer. With a cache, the keys of a
 * sequence are numbered from the cached ones on: used, then the rows of the batch, whose keys and values are
 * laid down behind the used ones. They count as used once fb3_cache_keep says so. */
flowbd3_status fb3_cache_create(fb3_cache **out, flowbd3_context *context, const fb3_network_config *config,
                                size_t sequences, size_t keys, flowbd3_error *err);
void fb3_cache_destroy(fb3_cache **cache);
uint64_t fb3_cache_bytes(const fb3_network_config *config, size_t sequences, size_t keys);

size_t fb3_cache_used(const fb3_cache *cache, size_t sequence);
void fb3_cache_keep(fb3_cache *cache, size_t sequence, size_t rows);
void fb3_cache_clear(fb3_cache *cache, size_t sequence);

/* Keeps the first `used` keys of a sequence alone. */
void fb3_cache_truncate(fb3_cache *cache, size_t sequence, size_t used);

#endif
