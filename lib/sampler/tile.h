/* A tile: sequences that are drawn side by side, and the batch in which they go through the network. */
#ifndef FB3_TILE_H
#define FB3_TILE_H

#include "sampler/restrained.h"

typedef struct fb3_tile {
    flowbd3_sampler *sampler;
    const fb3_sampler_sizes *sizes;
    fb3_sampler_worker *w;
    uint64_t first_sequence;
    const fb3_sequence *sequences; /* [count] */
    size_t count;
    const uint64_t *first_row; /* [count] number of their first flows among all rows */
    uint16_t *tokens;          /* [count, length, S] */
    uint32_t attempt;
    size_t window;                /* flow that the window begins with */
    size_t block;                 /* of the window, that is being drawn */
    size_t rows, groups, batched; /* of the batch that is being made: rows, groups, sequences */
} fb3_tile;

static inline size_t fb3_smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Tokens of block number block of the window that sequence i has. */
size_t fb3_tile_block_tokens(const fb3_tile *tile, size_t i, size_t block);

/* Number of the flows that share the order of their columns and the strata of their draws with a flow of
 * sequence i: those with its number in a run of sequences, or it alone. */
uint64_t fb3_tile_group(const fb3_tile *tile, size_t i, size_t flow);

/* Slot of token number token of the window of sequence i, and the token of a slot. */
size_t fb3_tile_slot(fb3_tile *tile, size_t i, size_t token);
uint16_t *fb3_tile_token(const fb3_tile *tile, size_t i, size_t token, size_t slot);

/* Place of a copy of sequence i among all copies. */
size_t fb3_tile_place(const fb3_tile *tile, size_t i, size_t copy);

/* ---- batches (batch.c) ------------------------------------------------------------------------- */

void fb3_batch_begin(fb3_tile *tile);

/* All copies of a finished block of sequence i, as sequences of the batch of their own. */
void fb3_batch_add_finished(fb3_tile *tile, size_t i, size_t block);

/* The blocks of all active sequences; with finish, the finished blocks before them go along. */
void fb3_batch_add_blocks(fb3_tile *tile, size_t block, bool finish);

void fb3_batch_evaluate(fb3_tile *tile);

/* Points the wanted tokens of all blocks to their logits. */
void fb3_batch_find_logits(fb3_tile *tile);

#endif
