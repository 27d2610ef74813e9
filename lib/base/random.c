/* Philox 4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers, as easy as 1, 2, 3; SC11). */
#include "base.h"

#include <Random123/philox.h>

void fb3_random(uint32_t out[4], uint64_t seed, fb3_purpose purpose, uint64_t index, uint32_t step) {
    philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    philox4x32_ctr_t counter = {{(uint32_t)index, (uint32_t)(index >> 32), step, (uint32_t)purpose}};
    philox4x32_ctr_t word = philox4x32(counter, key);
    for (int i = 0; i < 4; i++)
        out[i] = word.v[i];
}

double fb3_uniform32(uint32_t word) {
    return ((double)word + 0.5) * 0x1p-32;
}

double fb3_uniform53(uint32_t high, uint32_t low) {
    uint64_t bits = ((uint64_t)high << 32 | low) >> 11;
    return ((double)bits + 0.5) * 0x1p-53;
}

double fb3_uniform(uint64_t seed, fb3_purpose purpose, uint64_t index, uint32_t step) {
    uint32_t word[4];
    fb3_random(word, seed, purpose, index, step);
    return fb3_uniform53(word[0], word[1]);
}

void fb3_permutation(size_t *out, size_t count, uint64_t seed, fb3_purpose purpose, uint32_t step) {
    for (size_t i = 0; i < count; i++) {
        size_t j = (size_t)(fb3_uniform(seed, purpose, i, step) * (double)(i + 1));
        if (j > i)
            j = i;
        out[i] = out[j];
        out[j] = i;
    }
}
