/* Quantiles of more numbers than memory holds. */
#ifndef FB3_SKETCH_H
#define FB3_SKETCH_H

#include "tokenizer/tokenizer.h"

enum { FB3_SKETCH_LEVELS = 56 };

/* A KLL sketch (Karnin, Lang and Liberty 2016): a key on level h stands for 2^h cells. A level that is full
 * is sorted, and every other key, the odd or the even ones by chance, goes one level up.
 *
 * Rank error: a level that is halved moves the rank of a number by 0 or, with equal chances, by +-2^h cells.
 * n cells fill level h, of k_h = k (2/3)^(H-1-h) keys, at most n / (2^h k_h) times, and level H-2 once, with
 * k keys, so that k 2^(H-2) <= n. The squares of all these steps add up to 6 (n / k)^2 at most, and by
 * Hoeffding's inequality a rank is off by e n or more with probability 2 exp(-(e k)^2 / 12) at most. */
typedef struct fb3_sketch {
    flowbd3_context *context;
    size_t k;
    uint64_t seed, number;       /* of the chances: option and column */
    size_t n_levels, held, most; /* keys on all levels, and how many there may be */
    struct {
        int64_t *keys;                /* [count] of capacity */
        size_t count, capacity, room; /* it is full with room keys */
    } levels[FB3_SKETCH_LEVELS];
    uint32_t halved; /* times */
} fb3_sketch;

/* Cells with a key. False: no memory. */
bool fb3_sketch_add(fb3_sketch *sketch, int64_t key, size_t cells);
void fb3_sketch_release(fb3_sketch *sketch);

/* Its keys as distinct values, as many cells as were added, with the least and the greatest of all. False: no
 * memory. */
bool fb3_sketch_distinct(const fb3_sketch *sketch, flowbd3_type type, int64_t low, int64_t high,
                         fb3_distinct *distinct);

#endif
