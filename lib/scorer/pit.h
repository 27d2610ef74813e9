/* Whether predicted distributions hold: the probability integral transform of what was observed. */
#ifndef FB3_PIT_H
#define FB3_PIT_H

#include "base/base.h"

/* Where an observed token lies in the distribution that was predicted for it. */
typedef struct fb3_place {
    double below, mass; /* probability of the tokens before it, and its own */
    double highest;     /* probability of the most probable token, of equals the first, ... */
    bool is_highest;    /* ... and whether it is that */
} fb3_place;

/* The place of token in the softmax of logits[count]. Before it come the tokens that are smaller; with
 * by_probability those that are more probable, and of equals the smaller ones. */
fb3_place fb3_place_of(const float *logits, size_t count, size_t token, bool by_probability);

bool fb3_place_is_finite(const fb3_place *place);

/* The cells of a column, by the places that they have: [below, below + mass] is where the transform of a cell
 * lies, evenly, when the distribution holds. */
typedef struct fb3_pit {
    size_t bins;
    uint64_t cells;
    double *sums, *squares; /* [bins] of a cell's share in a bin, from 1 / bins */
    double middle, middles; /* sum and squares of below + mass / 2, from 1 / 2 */
    uint64_t classified;    /* cells whose most probable token is counted */
    double *hits, *spread;  /* [bins] by its probability p: sums of (whether it came) - p, and of p (1 - p) */
} fb3_pit;

/* False: no memory. */
bool fb3_pit_create(fb3_pit *pit, flowbd3_context *context, size_t bins);
void fb3_pit_release(fb3_pit *pit, flowbd3_context *context);

void fb3_pit_add(fb3_pit *pit, double below, double mass);
void fb3_pit_add_highest(fb3_pit *pit, double probability, bool came);

/* The share of the cells in a bin, non-randomised (Czado, Gneiting & Held 2009, eq. 2), and the standard
 * error of a mean over so many cells. NaN: there are too few. */
double fb3_pit_share(const fb3_pit *pit, size_t bin);
double fb3_pit_error(const fb3_pit *pit, size_t bin);

/* sum over bins of |share - 1 / bins|, and what chance makes of it where every prediction holds. */
double fb3_pit_distance(const fb3_pit *pit);
double fb3_pit_distance_floor(const fb3_pit *pit);

/* Mean of below + mass / 2, from 1 / 2, and its standard error. */
double fb3_pit_bias(const fb3_pit *pit);
double fb3_pit_bias_error(const fb3_pit *pit);

/* Expected calibration error (Guo et al. 2017, eq. 3), and what chance makes of it. */
double fb3_pit_confidence_error(const fb3_pit *pit);
double fb3_pit_confidence_floor(const fb3_pit *pit);

#endif
