/* What a clip admits: numbers of masked tokens, and noise levels. */
#include "diffusion/range.h"

#include <math.h>

/* Least mask probability that is drawn: the weights stay bounded. */
static const double least_probability = 1e-3;

static double clip_high(const fb3_noise *noise) {
    return noise->clip_high > 0.0 ? noise->clip_high : 1.0;
}

static double share(size_t k, size_t n) {
    return (double)k / (double)n;
}

/* The share of the clip's ends is rounded: what decides is the comparison with k / n itself. */
fb3_counts fb3_counts_drawn(const fb3_noise *noise, size_t n) {
    double low = noise->clip_low, high = clip_high(noise);
    size_t above = (size_t)(low * (double)n), below = (size_t)(high * (double)n) + 1;
    while (above < 1 || (above < n && share(above, n) < low))
        above++;
    below = below < n ? below : n;
    while (below > 0 && share(below, n) > high)
        below--;
    if (above > below) { /* none inside: the nearest of the two beside it, and at least one */
        bool down = below > 0 && low - share(below, n) < share(above, n) - high;
        above = below = down ? below : above;
    }
    return (fb3_counts){above, below};
}

fb3_counts fb3_counts_accepted(const fb3_noise *noise, size_t n) {
    fb3_counts all = {0, n}, inside = fb3_counts_drawn(noise, n);
    if (!noise->resample || share(inside.least, n) < noise->clip_low ||
        share(inside.least, n) > clip_high(noise))
        return all;
    if (noise->clip_low <= 0.0)
        inside.least = 0;
    return inside;
}

/* The mean total weight of n tokens is n E[p w(t)] = n E[p'(t)] = n (high - low) / span over the levels that
 * are drawn. A range of one level has the limit: w = 1 / p. */
fb3_levels fb3_levels_drawn(const fb3_noise *noise) {
    fb3_levels levels = {.schedule = noise->schedule, .high = clip_high(noise)};
    levels.low = fmin(fmax(noise->clip_low, least_probability), levels.high);
    levels.start = fb3_schedule_level(levels.schedule, levels.low);
    if (levels.high > levels.low) {
        levels.span = fb3_schedule_level(levels.schedule, levels.high) - levels.start;
        levels.normaliser = levels.span / (levels.high - levels.low);
    } else {
        levels.normaliser = 1.0 / (levels.high * fb3_schedule_weight(levels.schedule, levels.start));
    }
    return levels;
}
