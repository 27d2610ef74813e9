/* Points of a scrambled Sobol' net. */
#include "sampler/strata.h"

/* Draws that share a net; those of different nets are independent. */
enum { DIMENSIONS = 4, BITS = 8 };

/* Direction numbers of the first four dimensions (Joe & Kuo 2008). */
static const uint8_t directions[DIMENSIONS][BITS] = {{128, 64, 32, 16, 8, 4, 2, 1},
                                                     {128, 192, 160, 240, 136, 204, 170, 255},
                                                     {128, 192, 96, 144, 232, 92, 142, 197},
                                                     {128, 192, 32, 80, 248, 116, 162, 147}};

static unsigned sobol(size_t index, size_t dimension) {
    unsigned point = 0;
    for (size_t bit = 0; bit < BITS; bit++)
        if ((index >> bit & 1) != 0)
            point ^= directions[dimension][bit];
    return point;
}

/* Owen's nested scrambling: each bit is turned or not by a random bit of its own for every value of the bits
 * above it, which are the inner nodes of a binary tree, numbered from 1. */
static uint8_t scramble(unsigned point, const uint32_t random[BITS]) {
    unsigned scrambled = 0;
    for (unsigned depth = 0; depth < BITS; depth++) {
        unsigned node = 1u << depth | point >> (BITS - depth), shift = BITS - 1 - depth;
        unsigned turn = random[node / 32] >> node % 32 & 1u;
        scrambled |= ((point >> shift & 1u) ^ turn) << shift;
    }
    return (uint8_t)scrambled;
}

void fb3_strata_fill(uint8_t *strata, size_t draws, uint64_t seed, uint64_t group) {
    size_t index[FB3_STRATA];
    uint32_t random[BITS];
    fb3_random(random, seed, FB3_RANDOM_STRATA, group, 0);
    uint64_t own = (uint64_t)random[1] << 32 | random[0]; /* seed of the group */
    for (size_t draw = 0; draw < draws; draw++) {
        if (draw % DIMENSIONS == 0)
            fb3_permutation(index, FB3_STRATA, own, FB3_RANDOM_STRATA, (uint32_t)(draw / DIMENSIONS));
        fb3_random(random, own, FB3_RANDOM_STRATA, FB3_STRATA, (uint32_t)draw);
        fb3_random(random + 4, own, FB3_RANDOM_STRATA, FB3_STRATA + 1, (uint32_t)draw);
        for (size_t row = 0; row < FB3_STRATA; row++)
            strata[draw * FB3_STRATA + row] = scramble(sobol(index[row], draw % DIMENSIONS), random);
    }
}
