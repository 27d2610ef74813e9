/* What a network is made of; seen by its forward and backward halves. */
#ifndef FB3_NETWORK_INTERNAL_H
#define FB3_NETWORK_INTERNAL_H

#include "model/network.h"

/* Activations of one layer over the rows of the batch. What the backward pass puts in their place is noted
 * after the arrow; the products of phase two read it there. */
typedef struct fb3_activations {
    float *x;        /* [M, D] input -> gradient of the output of the layer before */
    float *inverse1; /* [M] */
    float *h1;       /* [M, D] norm of x */
    float *qkv;      /* [M, 3 D] -> its gradient */
    float *heads;    /* [M, D] output of attention */
    float *log_sums; /* [H, M] logarithms of its sums of exponentials; NULL without gradients */
    float *mid;      /* [M, D] x after attention -> its gradient */
    float *inverse2; /* [M] */
    float *h2;       /* [M, D] norm of mid */
    float *up;       /* [M, F] -> its gradient */
    float *hidden;   /* [M, F] gelu of up */
} fb3_activations;

/* Behind the attention of the last layer only the rows go on whose logits are wanted: there mid to hidden,
 * and x behind them, have those alone, one after the other. */

/* The embedding table and the head of a slot, with what its features add. */
typedef struct fb3_slot_tables {
    const float *embedding,
        *head; /* [V_s + 1, D], [D, V_s]: those of the parameters when there are no features */
    float *own_embedding, *own_head; /* memory for the sums; NULL without features */
} fb3_slot_tables;

/* The rows of one slot whose logits are wanted. */
typedef struct fb3_head {
    size_t count;
    uint32_t *positions; /* [count] row of the batch, ascending */
    uint32_t *outputs;   /* [count] its number among the wanted rows of all slots */
    size_t *first;       /* [shards + 1] of positions, by shard */
    float *x;            /* [count, D] last layer's output */
    float *inverse;      /* [count] */
    float *h;            /* [count, D] its norm */
    float *logits;       /* [count, V_s] -> their gradient */
    uint16_t *targets;   /* [count] */
    float *scale;        /* [count] */
    float *losses;       /* [count] cross entropies */
} fb3_head;

/* first .. first + count - 1 */
typedef struct fb3_span {
    size_t first, count;
} fb3_span;

/* Consecutive sequences whose part of the gradient of the gains is summed up first, so that it does not
 * depend on the number of threads. */
typedef struct fb3_slice {
    fb3_span rows, wanted;
    float *gains; /* [2 layers + 1, D] */
} fb3_slice;

/* Consecutive slices that one thread takes through the network. */
typedef struct fb3_shard {
    fb3_span sequences, rows, wanted, slices;
} fb3_shard;

/* What one thread needs besides. */
typedef struct fb3_scratch {
    float *d;        /* [M of a shard, D] */
    float *residual; /* [M of a shard, D] */
    float *hidden;   /* [M of a shard, F] */
    float *attention;
    float *gemm;
} fb3_scratch;

/* One tile of a weight gradient: phase two. */
typedef struct fb3_product {
    enum { FB3_PRODUCT_LAYER, FB3_PRODUCT_HEAD, FB3_PRODUCT_EMBEDDING, FB3_PRODUCT_GAINS } kind;
    size_t index; /* layer or slot */
    enum fb3_layer_tensor which;
    size_t column, columns;
    double square_sum; /* of the whole gradient's tile */
} fb3_product;

struct fb3_network {
    flowbd3_context *context;
    const fb3_layout *layout;
    const fb3_kernels *kernels;
    fb3_network_config config; /* its vocabulary is a copy */
    fb3_limits limits;
    size_t max_slices, max_shard_rows;
    bool gradients;
    size_t stride_d, stride_3d, stride_f;
    fb3_attention attention;
    float *angles;
    float *memory;                /* all float arrays below */
    fb3_activations *activations; /* with gradients: [layers + 1], the last one has x alone; without: [2] */
    fb3_slot_tables *tables;      /* [S] */
    fb3_head *heads;              /* [S] */
    uint32_t *wanted;             /* [n_wanted] rows of the batch whose logits are wanted, ascending; without
                                     gradients, those of a shard begin at the number of its first row */
    size_t n_wanted;
    float *wanted_heads;  /* [n_wanted, D] output of the last layer's attention */
    fb3_scratch *scratch; /* [threads] */
    fb3_slice *slices;
    fb3_shard *shards;
    size_t n_slices, n_shards;
    fb3_product *products;
    size_t n_products;

    /* the call that runs */
    const float *parameters;
    const fb3_batch *batch; /* the part of it that is in the network */
    size_t *part_first;     /* [sequences + 1] first of a part */
    fb3_batch part;
    size_t rows_before, wanted_before; /* in the parts before */
    bool last_part;
    float *gradient;
    uint64_t seed;
    uint32_t step;
    bool training;
};

/* Activations of layer, or of the output of the last one when layer == layers. */
static inline fb3_activations *fb3_layer(const fb3_network *network, size_t layer) {
    return &network->activations[network->gradients ? layer : layer % 2];
}

/* Whether the wanted rows alone go on behind the attention of layer. */
static inline bool fb3_only_wanted(const fb3_network *network, size_t layer) {
    return layer + 1 == network->config.layers;
}

/* The rows of a shard behind the attention of layer, by number of the arrays there. */
static inline fb3_span fb3_rows_behind(const fb3_network *network, size_t layer, const fb3_shard *shard) {
    return fb3_only_wanted(network, layer) ? shard->wanted : shard->rows;
}

/* The row of the dropout mask behind the attention of layer of row `row` there. */
static inline size_t fb3_dropout_row(const fb3_network *network, size_t layer, size_t row) {
    return row + (fb3_only_wanted(network, layer) ? network->wanted_before : network->rows_before);
}

static inline const float *fb3_weight(const fb3_network *network, const fb3_tensor *tensor) {
    return network->parameters + tensor->offset;
}

static inline fb3_dropout fb3_dropout_of(const fb3_network *network, size_t layer, unsigned which) {
    return (fb3_dropout){.rate = network->training ? network->config.dropout : 0.0f,
                         .seed = network->seed,
                         .stream = 2 * layer + which,
                         .step = network->step};
}
enum { FB3_DROPOUT_ATTENTION = 0, FB3_DROPOUT_FEED_FORWARD = 1 };

/* The cache for layer of a sequence: rows of keys and values, 2 D floats. */
typedef struct fb3_cached_layer {
    float *keys;
    size_t stride, used;
} fb3_cached_layer;
fb3_cached_layer fb3_cache_layer(const fb3_cache *cache, size_t sequence, size_t layer);

/* Slices are of about so many rows, or one sequence, and shards of up to so many slices: a shard passes over
 * all weights, which are the less work for each row the more rows it has. */
enum { FB3_SLICE_ROWS = 128, FB3_SHARD_SLICES = 4 };

/* Makes the next part of a batch, from sequence *sequence on, which moves behind it, the one in the network.
 */
void fb3_network_next_part(fb3_network *network, const fb3_batch *batch, size_t *sequence);

/* Cuts the part into slices and shards, and lists the wanted rows of every slot. whole: into one shard. */
void fb3_network_begin(fb3_network *network, const fb3_batch *part, bool whole, bool training);

/* Takes a shard forward to the logits of its wanted rows. */
void fb3_network_forward(fb3_network *network, fb3_shard *shard, fb3_scratch *scratch);

/* Turns a shard's logits into gradients and hands out its losses. */
void fb3_network_cross_entropy(fb3_network *network, size_t shard_index);

/* The weighted sum of the losses. */
double fb3_network_total(const fb3_network *network);

/* From the gradients of the tables, in the place of embedding.s and head.s.weight, to those of the features.
 */
void fb3_network_embedding_gradient(const fb3_network *network, size_t slot, float *gradient,
                                    fb3_scratch *scratch);
void fb3_network_head_gradient(const fb3_network *network, size_t slot, float *gradient,
                               fb3_scratch *scratch);

/* Lists the products of phase two; false without memory. */
bool fb3_network_plan(fb3_network *network);

#endif
