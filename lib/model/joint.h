/* The joint pass: all blocks of many sequences, each given the clean blocks before it, in one pass of the
 * network (Arriola et al. 2025, section 3 and appendix B: x_t + x_0 with a mask of three parts).
 *
 * The rows of a sequence are first the clean copy of its blocks but the last, which nobody sees, then the
 * noisy copy of all. A clean block sees itself and the clean ones before, a noisy block itself and the clean
 * ones before. So a sequence of one block has no clean copy. */
#ifndef FB3_JOINT_H
#define FB3_JOINT_H

#include "diffusion/diffusion.h"
#include "model/network.h"

/* How sequences become blocks. */
typedef struct fb3_blocking {
    size_t slots;             /* S */
    size_t block;             /* tokens of a block; the last one of a sequence may have fewer */
    size_t length;            /* flows of the longest sequence */
    const size_t *vocabulary; /* [S] */
} fb3_blocking;

/* What becomes of a token of a noisy block. */
enum { FB3_VISIBLE = 0, FB3_MASKED = 1, FB3_HIDDEN = 2 }; /* masked: hidden, and its logits are wanted */

typedef struct fb3_joint {
    flowbd3_context *context;
    fb3_blocking blocking;
    size_t sequences, rows, flows, n_blocks, n_groups;
    size_t *first, *first_group; /* [sequences + 1] as in fb3_batch */
    fb3_query_group *groups;     /* [n_groups] */
    fb3_block *blocks;           /* [n_blocks] the noisy rows of every block, in order */
    uint16_t *tokens, *inputs;   /* [rows] as they are; as the network sees them */
    uint16_t *slots;             /* [rows] */
    uint32_t *positions;         /* [rows] S * flow of the sequence + slot */
    uint32_t *cells;             /* [rows] S * flow of the batch + slot */
    uint8_t *masked;             /* [rows] what the caller sets for noisy rows; clean ones are visible */
    float *scale, *losses;       /* [rows] */
} fb3_joint;

/* Room for sequences of flows flows in all. blocking's vocabulary must outlive it. */
flowbd3_status fb3_joint_create(fb3_joint **out, flowbd3_context *context, const fb3_blocking *blocking,
                                size_t sequences, size_t flows, flowbd3_error *err);
void fb3_joint_destroy(fb3_joint **joint);

/* What a network needs for its batches. */
fb3_limits fb3_joint_limits(const fb3_blocking *blocking, size_t sequences, size_t flows);

void fb3_joint_clear(fb3_joint *joint);

/* Adds the sequence tokens[flows, S]; a token that is its slot's mask is unknown: hidden in both copies.
 * order[flows, S]: the slots of every flow in the order that its blocks take them in; NULL: ascending. */
void fb3_joint_add(fb3_joint *joint, const uint16_t *tokens, size_t flows, const uint16_t *order);

/* Hides the masked and the hidden tokens, and leaves 1 in masked for those whose logits are wanted: masked
 * and not unknown. The batch is valid until the next change. */
fb3_batch fb3_joint_batch(fb3_joint *joint);

#endif
