/* A known joint distribution of three binary tokens, and the cross entropies of a model that knows it. */
#ifndef FB3_TEST_JOINT_H
#define FB3_TEST_JOINT_H

#include "base/base.h"

#include <math.h>

enum { JOINT_TOKENS = 3, JOINT_VALUES = 8, JOINT_WHOLE = 64, SCHEDULES = 5 };

/* Shares of 64 of the values; bit i of a value is token i. No symmetry: every subset has its own loss. */
static const unsigned joint_parts[JOINT_VALUES] = {24, 2, 5, 9, 1, 12, 4, 7};

/* Sum of the cross entropies of the masked tokens: [value][set of masked tokens]. */
typedef double joint_loss[JOINT_VALUES][JOINT_VALUES];

/* Parts whose tokens in the set known agree with value. */
static inline double joint_matching(unsigned value, unsigned known) {
    double parts = 0.0;
    for (unsigned other = 0; other < JOINT_VALUES; other++)
        parts += ((other ^ value) & known) == 0 ? joint_parts[other] : 0.0;
    return parts;
}

static inline void joint_losses(joint_loss loss) {
    for (unsigned value = 0; value < JOINT_VALUES; value++)
        for (unsigned masked = 0; masked < JOINT_VALUES; masked++) {
            unsigned known = ~masked & (JOINT_VALUES - 1);
            loss[value][masked] = 0.0;
            for (unsigned i = 0; i < JOINT_TOKENS; i++)
                if ((masked >> i & 1) != 0)
                    loss[value][masked] -=
                        log(joint_matching(value, known | 1U << i) / joint_matching(value, known));
        }
}

static inline double joint_entropy(void) {
    double entropy = 0.0;
    for (unsigned value = 0; value < JOINT_VALUES; value++)
        entropy -= joint_parts[value] / (double)JOINT_WHOLE * log(joint_parts[value] / (double)JOINT_WHOLE);
    return entropy;
}

/* The weighted loss of a value drawn from the joint, under a mask drawn for it. */
static inline double joint_sample(joint_loss loss, const uint8_t masked[JOINT_TOKENS],
                                  const float scale[JOINT_TOKENS], uint64_t seed, uint32_t draw) {
    double rest = fb3_uniform(seed, FB3_RANDOM_SUBSAMPLE, 0, draw) * JOINT_WHOLE;
    unsigned value = 0, set = 0;
    float weight = 0.0F;
    while (value + 1 < JOINT_VALUES && rest >= joint_parts[value])
        rest -= joint_parts[value++];
    for (unsigned i = 0; i < JOINT_TOKENS; i++) {
        set |= (unsigned)masked[i] << i;
        weight = fmaxf(weight, scale[i]);
    }
    return (double)weight * loss[value][set];
}

#endif
