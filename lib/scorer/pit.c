/* The probability integral transform of observed tokens, non-randomised, and figures of its histogram. */
#include "scorer/pit.h"

#include <math.h>

fb3_place fb3_place_of(const float *logits, size_t count, size_t token, bool by_probability) {
    size_t highest = 0;
    for (size_t i = 1; i < count; i++)
        highest = logits[i] > logits[highest] ? i : highest;
    double total = 0.0, below = 0.0, observed = (double)logits[token];
    for (size_t i = 0; i < count; i++) {
        double value = (double)logits[i], part = exp(value - (double)logits[highest]);
        bool before = by_probability ? value > observed || (value == observed && i < token) : i < token;
        total += part;
        below += before ? part : 0.0;
    }
    return (fb3_place){.below = below / total,
                       .mass = exp(observed - (double)logits[highest]) / total,
                       .highest = 1.0 / total,
                       .is_highest = token == highest};
}

bool fb3_place_is_finite(const fb3_place *place) {
    return isfinite(place->below) && isfinite(place->mass) && isfinite(place->highest);
}

/* ---- gathering ------------------------------------------------------------------------------------ */

bool fb3_pit_create(fb3_pit *pit, flowbd3_context *context, size_t bins) {
    *pit = (fb3_pit){.bins = bins, .sums = fb3_allocate_zero(context, 4 * bins, sizeof(double))};
    if (pit->sums == NULL)
        return false;
    pit->squares = pit->sums + bins;
    pit->hits = pit->squares + bins;
    pit->spread = pit->hits + bins;
    return true;
}

void fb3_pit_release(fb3_pit *pit, flowbd3_context *context) {
    fb3_release(context, pit->sums);
    *pit = (fb3_pit){0};
}

/* The bin of a number from 0 to 1; the last one holds its upper edge too. */
static size_t bin_of(const fb3_pit *pit, double u) {
    size_t bin = (size_t)(u * (double)pit->bins);
    return bin < pit->bins ? bin : pit->bins - 1;
}

/* The part of [from, to] that lies in a bin; of a single point, or of one that rounding left, all or none. */
static double part_in(const fb3_pit *pit, size_t bin, double from, double to) {
    if (to <= from)
        return bin == bin_of(pit, from) ? 1.0 : 0.0;
    double low = (double)bin / (double)pit->bins, high = (double)(bin + 1) / (double)pit->bins;
    low = low > from ? low : from;
    high = high < to ? high : to;
    return high > low ? (high - low) / (to - from) : 0.0;
}

void fb3_pit_add(fb3_pit *pit, double below, double mass) {
    double from = below < 1.0 ? below : 1.0, to = from + mass < 1.0 ? from + mass : 1.0;
    for (size_t bin = 0; bin < pit->bins; bin++) {
        double part = part_in(pit, bin, from, to) - 1.0 / (double)pit->bins;
        pit->sums[bin] += part;
        pit->squares[bin] += part * part;
    }
    double middle = 0.5 * (from + to) - 0.5;
    pit->middle += middle;
    pit->middles += middle * middle;
    pit->cells++;
}

void fb3_pit_add_highest(fb3_pit *pit, double probability, bool came) {
    size_t bin = bin_of(pit, probability);
    pit->hits[bin] += (came ? 1.0 : 0.0) - probability;
    pit->spread[bin] += probability * (1.0 - probability);
    pit->classified++;
}

/* ---- figures -------------------------------------------------------------------------------------- */

/* Standard error of a mean, from the sum and the squares of n numbers. */
static double mean_error(double sum, double squares, uint64_t n) {
    if (n < 2)
        return (double)NAN;
    double mean = sum / (double)n, variance = squares / (double)n - mean * mean;
    return sqrt((variance > 0.0 ? variance : 0.0) / (double)(n - 1));
}

/* Mean of |x| of a normal number with mean 0 and standard deviation 1. */
static double half_normal(void) {
    return sqrt(2.0 / acos(-1.0));
}

double fb3_pit_share(const fb3_pit *pit, size_t bin) {
    return pit->cells > 0 ? 1.0 / (double)pit->bins + pit->sums[bin] / (double)pit->cells : (double)NAN;
}

double fb3_pit_error(const fb3_pit *pit, size_t bin) {
    return mean_error(pit->sums[bin], pit->squares[bin], pit->cells);
}

double fb3_pit_distance(const fb3_pit *pit) {
    double distance = 0.0;
    for (size_t bin = 0; bin < pit->bins; bin++)
        distance += fabs(pit->sums[bin]);
    return distance / (double)pit->cells;
}

double fb3_pit_distance_floor(const fb3_pit *pit) {
    double errors = 0.0;
    for (size_t bin = 0; bin < pit->bins; bin++)
        errors += fb3_pit_error(pit, bin);
    return half_normal() * errors;
}

double fb3_pit_bias(const fb3_pit *pit) {
    return pit->middle / (double)pit->cells;
}

double fb3_pit_bias_error(const fb3_pit *pit) {
    return mean_error(pit->middle, pit->middles, pit->cells);
}

double fb3_pit_confidence_error(const fb3_pit *pit) {
    double error = 0.0;
    for (size_t bin = 0; bin < pit->bins; bin++)
        error += fabs(pit->hits[bin]);
    return error / (double)pit->classified;
}

double fb3_pit_confidence_floor(const fb3_pit *pit) {
    double errors = 0.0;
    for (size_t bin = 0; bin < pit->bins; bin++)
        errors += sqrt(pit->spread[bin]);
    return half_normal() * errors / (double)pit->classified;
}
