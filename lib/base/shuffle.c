/* Shuffles without memory: a bijection of 0..count-1 for every key.
 *
 * A Feistel network (Luby and Rackoff 1988) of two halves, whose round function is Philox, permutes the
 * numbers of so many bits; numbers that are not below count go through it again until one is (cycle walking,
 * Black and Rogaway 2002). Mitchell, Stokes, Frank and Holmes (Bandwidth-optimal random shuffling for GPUs,
 * 2022) shuffle arrays in this way. */
#include "base.h"

/* Halves of few bits need rounds; fewer than LEAST_BITS would not reach all permutations of few numbers. */
enum { ROUNDS = 8, LEAST_BITS = 6 };

fb3_shuffle fb3_shuffle_of(uint64_t count, uint64_t seed, fb3_purpose purpose, uint32_t step) {
    unsigned bits = LEAST_BITS;
    while (bits < 64 && (count - 1) >> bits != 0)
        bits++;
    return (fb3_shuffle){count, seed, purpose, step, bits / 2, bits - bits / 2};
}

static uint64_t mask_of(unsigned bits) {
    return (UINT64_C(1) << bits) - 1;
}

/* The round function: a word for a half of the number, which has up to 32 bits. */
static uint64_t word_of(const fb3_shuffle *s, unsigned round, uint64_t half) {
    uint32_t word[4];
    uint64_t index = half | (uint64_t)round << 32 | (uint64_t)(s->low + s->high) << 40;
    fb3_random(word, s->seed, s->purpose, index, s->step);
    return word[0];
}

/* One round; every other one changes the low half. It is its own inverse. */
static uint64_t turn(const fb3_shuffle *s, unsigned round, uint64_t number) {
    uint64_t low = number & mask_of(s->low), high = number >> s->low;
    if (round % 2 == 0)
        high ^= word_of(s, round, low) & mask_of(s->high);
    else
        low ^= word_of(s, round, high) & mask_of(s->low);
    return high << s->low | low;
}

uint64_t fb3_shuffle_at(const fb3_shuffle *s, uint64_t place) {
    uint64_t number = place;
    do {
        for (unsigned round = 0; round < ROUNDS; round++)
            number = turn(s, round, number);
    } while (number >= s->count);
    return number;
}

uint64_t fb3_shuffle_place(const fb3_shuffle *s, uint64_t number) {
    uint64_t place = number;
    do {
        for (unsigned round = ROUNDS; round-- > 0;)
            place = turn(s, round, place);
    } while (place >= s->count);
    return place;
}
