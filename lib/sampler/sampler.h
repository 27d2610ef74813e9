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
    size_t copies;       /* of a sequence in a batch: 2 under guidance, of which the second is the twin */
    size_t vocabulary;   /* of the slot with the most values */
    size_t cached;       /* keys that the cache has room for in a sequence; 0: no cache */
    size_t held;         /* rows that a sequence holds while it is drawn: 0 where there is nothing to obey, 2
                            where more is asked of them than the tokenizer's rules */
    size_t unit;         /* blocks that are drawn again together when their rows do not obey */
    fb3_limits limits;   /* of the network */
} fb3_sampler_sizes;

typedef struct fb3_restrained fb3_restrained;

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
    const float **logits; /* [copies, tile, block] */
    float *guided;        /* [block, vocabulary] logits of a block under guidance; NULL: without */
    /* of the batch */
    uint16_t *order;                      /* [S] of the columns of one flow, */
    uint64_t ordered_flow;                /* this one, + 1 */
    uint8_t *strata;                      /* [S, FB3_STRATA] of the draws of one group of flows, */
    uint64_t strata_group;                /* this one, + 1 */
    uint8_t *stratum;                     /* [tile, block] of the block at hand */
    size_t *first, *first_group, *cached; /* [copies tile + 1], the same, [copies tile] */
    fb3_query_group *groups;              /* [2 copies tile] */
    uint16_t *inputs, *slots;             /* [rows] */
    uint32_t *positions;
    uint8_t *masked;
    size_t *owner;              /* [rows] place in [copies, tile, block] of a row of the block at hand */
    bool *active;               /* [tile] sequences whose block is not finished */
    size_t *same;               /* [tile] sequence in whose place one goes through the network */
    uint8_t *asked;             /* [tile, block] what is wanted of a sequence, and of those in its place */
    bool *pending;              /* [tile] sequences that are not through with their unit */
    fb3_restrained *restrained; /* NULL: rows have nothing to obey */
    uint64_t evaluations;
} fb3_sampler_worker;

/* A table whose cells that are there are given to the rows. */
typedef struct fb3_partial {
    const flowbd3_table *table; /* NULL: there is none */
    size_t rows;
    int64_t *columns; /* [columns of the tokenizer] those of the table; -1: it has none */
    uint16_t *tokens; /* [rows, S] of given cells, UINT16_MAX of others */
} fb3_partial;

struct flowbd3_sampler {
    flowbd3_context *context;
    flowbd3_model *model; /* only read */
    flowbd3_sampler_options
        options; /* defaults filled in; pointers are the caller's, not used after create */
    fb3_sampler_sizes sizes;

    /* What rows obey. (conditions.c) */
    fb3_restraint *restraint;
    uint16_t *fixed;      /* [S] tokens that conditions leave no choice in, UINT16_MAX for others */
    uint8_t *turns;       /* [S] see fb3_unmasking; 0 is for given tokens */
    double **weights;     /* [S] see fb3_unmasking */
    size_t weighted_slot; /* SIZE_MAX: there is none */
    fb3_partial partial;

    uint64_t position;      /* row that comes next */
    uint64_t drawn;         /* flows so far */
    fb3_reporter *reporter; /* of the call that runs */
    uint64_t done;          /* rows that it has handed out */
    atomic_bool cancelled;
    _Atomic uint64_t given_up;   /* least row that no attempt found, UINT64_MAX: none */
    fb3_sampler_worker *workers; /* [threads] */

    /* The sequences at hand. */
    uint64_t first_sequence, first_row; /* of the first; a multiple of tile */
    size_t count, rows;                 /* sequences, and their flows */
    fb3_sequence *sequences;            /* [tiles * tile] */
    uint64_t *starts;                   /* [tiles * tile] numbers of their first flows among all rows */
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
void fb3_sampler_worker_release(fb3_sampler_worker *worker, const flowbd3_sampler *sampler);

/* Sequence number of the sampler. (sequences.c) */
fb3_sequence fb3_sampler_sequence(const flowbd3_sampler *sampler, uint64_t number);

/* Makes sure that the sequence of row position is at hand. done rows of the call have been handed out: what
 * the reporter counts from. Errors: CANCELLED, MEMORY. (sequences.c) */
flowbd3_status fb3_sampler_fill(flowbd3_sampler *sampler, uint64_t rows, fb3_reporter *reporter,
                                uint64_t done, flowbd3_error *err);

/* Tells the caller's progress function from its own thread, worker 0, and whether anybody has cancelled.
 * (sequences.c) */
bool fb3_sampler_cancelled(flowbd3_sampler *sampler, const fb3_sampler_worker *worker);

/* Draws the sequences of a tile, of which the first has the number first_sequence: the flows of sequence i,
 * row number first_row[i] and those after it, go to tokens[i * length]. When cancelled, it leaves off.
 * (tile.c)
 */
void fb3_sampler_tile(flowbd3_sampler *sampler, fb3_sampler_worker *worker, uint64_t first_sequence,
                      const fb3_sequence *sequences, const uint64_t *first_row, uint16_t *tokens);

/* Notes that no attempt at so many rows from one on obeyed. (sequences.c) */
void fb3_sampler_give_up(flowbd3_sampler *sampler, uint64_t row, uint64_t rows);

/* Seed of the random numbers of an attempt; that of the options for attempt 0. (sequences.c) */
uint64_t fb3_attempt_seed(uint64_t seed, uint32_t attempt);

/* Conditions of the options as rules, those of `given` first; the restraint of rows and what follows from the
 * conditions for a sampler. Errors: ARGUMENT, RANGE (what the model does not know, by name), SCHEMA, MEMORY.
 * (conditions.c) */
flowbd3_status fb3_conditions_create(flowbd3_rules **out, const flowbd3_tokenizer *tokenizer,
                                     const flowbd3_sampler_options *options, flowbd3_error *err);
flowbd3_status fb3_weights_create(double **out, size_t *slot, const flowbd3_tokenizer *tokenizer,
                                  const flowbd3_sampler_options *options, flowbd3_error *err);
flowbd3_status fb3_sampler_take_conditions(flowbd3_sampler *sampler, flowbd3_error *err);
void fb3_sampler_release_conditions(flowbd3_sampler *sampler);

/* The token that a row is given in a slot, UINT16_MAX: none; a slot's turn in it; slots[S] of its order by
 * their turns, where the model takes columns in any order (conditions.c); and the cells that its row is given
 * (completion.c). */
uint16_t fb3_sampler_given_token(const flowbd3_sampler *sampler, uint64_t row, size_t slot);
uint8_t fb3_sampler_turn(const flowbd3_sampler *sampler, uint64_t row, size_t slot);
void fb3_sampler_take_turns(const flowbd3_sampler *sampler, uint16_t *order, uint64_t row);
void fb3_sampler_set_given(const flowbd3_sampler *sampler, fb3_row *row, uint64_t number);

/* Takes up a table whose cells that are there are given to rows 0, 1, ...; and drops it. Errors: SCHEMA,
 * RANGE (what the model does not know, by row and column), MEMORY. (completion.c) */
flowbd3_status fb3_sampler_take_partial(flowbd3_sampler *sampler, const flowbd3_table *table,
                                        flowbd3_error *err);
void fb3_sampler_drop_partial(flowbd3_sampler *sampler);

/* Whether guidance has what it needs: something that is given, and a model that can do without it. Errors:
 * ARGUMENT, STATE. (guidance.c) */
flowbd3_status fb3_guidance_check(const flowbd3_sampler_options *options, const flowbd3_model *model,
                                  const fb3_sampler_sizes *sizes, flowbd3_error *err);

/* Whether the twin of a sequence does not see a slot of row number row. (guidance.c) */
bool fb3_guidance_hides(const flowbd3_sampler *sampler, uint64_t row, size_t slot);

/* Puts the guided logits of a block's tokens in the place of logits[n], as far as twin[n] has some; NULL
 * where there are none. vocabulary[n]. (guidance.c) */
void fb3_guidance_apply(const flowbd3_sampler *sampler, fb3_sampler_worker *worker, const float **logits,
                        const float *const *twin, const uint32_t *vocabulary, size_t n);

#endif
