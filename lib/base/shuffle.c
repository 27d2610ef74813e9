/* Shuffles without memory: a bijection of 0..count-1 for every key.
 *
 * A generalized Feistel network (Black and Rogaway 2002: Ciphers with arbitrary finite domains, section 5)
 * permutes the pairs of two numbers below `high` and `low`, which are about equal; its round function is
 * Philox. Pairs that are not below count go through it again until one is (cycle walking, section 4).
 * Mitchell, Stokes, Frank and Holmes (Bandwidth-optimal random shuffling for GPUs, 2022) shuffle arrays in
 * this way. */
#include "base.h"

#include <math.h>

/* Few numbers need rounds, and fewer than LEAST pairs would not reach all of their permutations. */
enum { ROUNDS = 8, LEAST = 64 };

fb3_shuffle fb3_shuffle_of(uint64_t count, uint64_t seed, fb3_purpose purpose, uint32_t step) {
    uint64_t pairs = count < LEAST ? LEAST : count, high = (uint64_t)sqrt((double)pairs);
    while (high <= UINT32_MAX && high * high < pairs)
        high++;
    return (fb3_shuffle){count, seed, purpose, step, high, (pairs - 1) / high + 1};
}

/* The round function: a number below `range` for half of a pair. Both are at most 2^32. */
static uint64_t random_below(const fb3_shuffle *s, unsigned round, uint64_t half, uint64_t range) {
    uint32_t word[4];
    fb3_random(word, s->seed, s->purpose, half | (uint64_t)round << 32, s->step);
    return word[0] * range >> 32;
}

uint64_t fb3_shuffle_at(const fb3_shuffle *s, uint64_t place) {
    do {
        uint64_t high = place / s->low, low = place % s->low;
        for (unsigned round = 0; round < ROUNDS; round += 2) {
            high += random_below(s, round, low, s->high);
            high -= high >= s->high ? s->high : 0;
            low += random_below(s, round + 1, high, s->low);
            low -= low >= s->low ? s->low : 0;
        }
        place = high * s->low + low;
    } while (place >= s->count);
    return place;
}

uint64_t fb3_shuffle_place(const fb3_shuffle *s, uint64_t number) {
    do {
        uint64_t high = number / s->low, low = number % s->low;
        for (unsigned round = ROUNDS; round > 0; round -= 2) {
            uint64_t back = random_below(s, round - 1, high, s->low);
            low += low < back ? s->low - back : -back;
            back = random_below(s, round - 2, low, s->high);
            high += high < back ? s->high - back : -back;
        }
        number = high * s->low + low;
    } while (number >= s->count);
    return number;
}
