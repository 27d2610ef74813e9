/* Sequences to generate, drawn as those of the fitted table were distributed. */
#include "sequence/sequence.h"

#include <math.h>

static uint64_t pieces_of(uint64_t rows, uint64_t length) {
    return rows / length + (rows % length != 0);
}

/* The group that holds a row of all of them. */
static size_t group_of_row(const fb3_group *group, size_t groups, double row) {
    size_t low = 0, high = groups;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if ((double)group[middle].before <= row)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* A group in proportion to its pieces, which differ with the length, without a table of them: one is proposed
 * in proportion to rows + length and taken with probability pieces * length / (rows + length), 1/2 or more.
 * *step counts the proposals. */
static size_t draw_group(const fb3_group *group, size_t groups, size_t length, uint64_t seed, uint64_t number,
                         uint32_t *step) {
    double rows = (double)group[groups - 1].before + (double)group[groups - 1].rows;
    double total = rows + (double)groups * (double)length;
    for (;;) {
        uint32_t word[4];
        fb3_random(word, seed, FB3_RANDOM_SEQUENCE, number, (*step)++);
        double target = fb3_uniform53(word[0], word[1]) * total;
        size_t i =
            target < rows ? group_of_row(group, groups, target) : (size_t)((target - rows) / (double)length);
        i = i < groups ? i : groups - 1;
        double covered = (double)pieces_of(group[i].rows, length) * (double)length;
        if (fb3_uniform53(word[2], word[3]) * ((double)group[i].rows + (double)length) < covered)
            return i;
    }
}

/* When a piece began: the first one with its group, a later one about when its first row came, which is
 * uniform within half a mean gap. */
static void set_start(fb3_sequence *sequence, const fb3_group *group, flowbd3_type time, uint64_t row,
                      double uniform) {
    double share = 0.0;
    if (row > 0)
        share = fmin(((double)row + uniform - 0.5) / (double)(group->rows - 1), 1.0);
    if (fb3_has_integers(time)) {
        uint64_t duration = (uint64_t)group->last - (uint64_t)group->first;
        double passed = rint(share * (double)duration);
        uint64_t offset = passed < (double)duration ? (uint64_t)passed : duration;
        sequence->integer_start = (int64_t)((uint64_t)group->first + offset);
    } else if (time == FLOWBD3_TYPE_REAL) {
        double first = fb3_real_of_key(group->first), last = fb3_real_of_key(group->last);
        double duration = last - first;
        sequence->start = isfinite(duration) ? first + share * duration : first * (1 - share) + last * share;
    }
}

fb3_sequence fb3_sequence_draw(const fb3_group *group, size_t groups, flowbd3_type time, size_t length,
                               uint64_t seed, uint64_t number) {
    fb3_sequence sequence = {0};
    uint32_t word[4], step = 0;
    sequence.group = draw_group(group, groups, length, seed, number, &step);
    const fb3_group *from = &group[sequence.group];
    uint64_t pieces = pieces_of(from->rows, length);
    fb3_random(word, seed, FB3_RANDOM_SEQUENCE, number, step);
    uint64_t piece = (uint64_t)(fb3_uniform53(word[0], word[1]) * (double)pieces);
    piece = piece < pieces ? piece : pieces - 1;
    uint64_t left = from->rows - piece * length;
    sequence.flows = left < length ? (size_t)left : length;
    set_start(&sequence, from, time, piece * length, fb3_uniform53(word[2], word[3]));
    return sequence;
}
