/* The sampler room from inside.
 *
 * A tile is a fixed run of sequences (numbers first, first + 1, ... from a multiple of its size on) that one
 * thread takes through all blocks. The network's products see whole tiles alone, so that a sequence comes out
 * the same to the last bit whatever the batch size, the number of threads and the calls it is asked for in.
 */
#ifndef FB3_SAMPLER_H
#define FB3_SAMPLER_H

#include <flowbd3/sampler.h>

#include "model/model.h"
#include "sampler/draw.h"
#include "sampler/unmasking.h"
#include "tokenizer/tokenizer.h"

/* Sizes of a sampler. */
typedef struct fb3_sampler_sizes {
    size_t slots, block; /* S; tokens of a block */
    size_t length;       /* flows of the longest sequence */
    size_t window;       /* flows that see each other: the model's sequence length */
    size_t kept;         /* flows that the next window keeps of a full one, whole blocks; 0: none */
    size_t blocks;       /* blocks of the longest sequence, at most */
    size_t tile, tiles;  /* sequences of a tile; tiles in flight */
    size_t vocabulary;   /* of the slot with the most values */
    size_t cached;       /* keys that the cache has room for in a sequence; 0: no cache */
    fb3_limits limits;   /* of the network */
} fb3_sampler_sizes;

/* What one thread needs for a tile. */
typedef struct fb3_sampler_worker {
    fb3_network *network;
    fb3_cache *cache;         /* NULL: sequences of one block */
    fb3_unmasking *unmasking; /* [tile] */
    fb3_unmasking_scratch *scratch;
    /* [tile, block] of the block at hand */
    uint32_t *vocabulary;
    uint16_t *values, *forbidden;
    uint8_t *wanted;
    const float **logits;
    /* of the batch */
    uint16_t *order;                      /* [S] of the columns of one flow, */
    uint64_t ordered_flow;                /* this one, + 1 */
    size_t *first, *first_group, *cached; /* [tile + 1], [tile + 1], [tile] */
    fb3_query_group *groups;              /* [2 tile] */
    uint16_t *inputs, *slots;             /* [rows] */
    uint32_t *positions;
    uint8_t *masked;
    size_t *owner; /* [rows] place in [tile, block] of a row of the block at hand */
    bool *active;  /* [tile] sequences whose block is not finished */
    uint64_t evaluations;
} fb3_sampler_worker;

struct flowbd3_sampler {
    flowbd3_context *context;
    const flowbd3_model *model;
    flowbd3_sampler_options options; /* defaults filled in */
    fb3_sampler_sizes sizes;
    uint64_t position;      /* row that comes next */
    uint64_t drawn;         /* flows so far */
    fb3_reporter *reporter; /* of the call that runs */
    uint64_t done;          /* rows that it has handed out */
    atomic_bool cancelled;
    fb3_sampler_worker *workers; /* [threads] */

    /* The sequences at hand. */
    uint64_t first_sequence, first_row; /* of the first; a multiple of tile */
    size_t count, rows;                 /* sequences, and their flows */
    fb3_sequence *sequences;            /* [tiles * tile] */
    uint16_t *tokens;                   /* [tiles * tile, length, S]; packed once all are there */
    flowbd3_table *table;               /* the flows; NULL: none */
};

/* Sizes for options whose defaults are filled in. Errors: RANGE. (sizes.c) */
flowbd3_status fb3_sampler_measure(fb3_sampler_sizes *sizes, const flowbd3_model *model,
                                   const flowbd3_sampler_options *options, flowbd3_error *err);

/* Bytes that a sampler of such sizes takes. (sizes.c) */
flowbd3_status fb3_sampler_bytes(uint64_t *bytes, const fb3_sampler_sizes *sizes, const flowbd3_model *model,
                                 flowbd3_error *err);

/* Memory of a worker. (sizes.c) */
flowbd3_status fb3_sampler_worker_create(fb3_sampler_worker *worker, const flowbd3_sampler *sampler,
                                         flowbd3_error *err);
void fb3_sampler_worker_release(fb3_sampler_worker *worker, flowbd3_context *context);

/* Sequence number of the sampler. (sequences.c) */
fb3_sequence fb3_sampler_sequence(const flowbd3_sampler *sampler, uint64_t number);

/* Makes sure that the sequence of row position is at hand. done rows of the call have been handed out: what
 * the reporter counts from. Errors: CANCELLED, MEMORY. (sequences.c) */
flowbd3_status fb3_sampler_fill(flowbd3_sampler *sampler, uint64_t rows, fb3_reporter *reporter,
                                uint64_t done, flowbd3_error *err);

/* Tells the caller's progress function from its own thread, worker 0, and whether anybody has cancelled.
 * (sequences.c) */
bool fb3_sampler_cancelled(flowbd3_sampler *sampler, const fb3_sampler_worker *worker);

/* Draws the sequences of a tile, of which the first has the number first_sequence: the flows of sequence i
 * go to tokens[i * length]. When cancelled, it leaves off. (tile.c) */
void fb3_sampler_tile(flowbd3_sampler *sampler, fb3_sampler_worker *worker, uint64_t first_sequence,
                      const fb3_sequence *sequences, uint16_t *tokens);

#endif
