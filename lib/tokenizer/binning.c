/* Bins: how the distinct values of a numeric column are shared out among tokens. */
#include "tokenizer/tokenizer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- edges given as numbers -------------------------------------------------------------------- */

size_t fb3_ascending_edges(double *edges, size_t count) {
    size_t kept = 1;
    for (size_t i = 1; i < count; i++)
        if (edges[i] > edges[kept - 1])
            edges[kept++] = edges[i];
    return kept;
}

/* low at share 0, high at share 1; of the two forms of numpy's percentile, so that the ends are exact. */
static double interpolate(double low, double high, double share) {
    double width = high - low;
    if (!isfinite(width))
        return low * (1 - share) + high * share;
    return share < 0.5 ? low + width * share : high - width * (1 - share);
}

size_t fb3_uniform_edges(double *edges, const fb3_distinct *distinct, size_t bins) {
    double low = fb3_number_of_key(distinct->type, distinct->keys[0]);
    double high = fb3_number_of_key(distinct->type, distinct->keys[distinct->count - 1]);
    double step = (high - low) / (double)bins;
    for (size_t i = 0; i < bins; i++)
        edges[i] = isfinite(step) ? fmin(low + (double)i * step, high)
                                  : interpolate(low, high, (double)i / (double)bins);
    edges[bins] = high;
    return fb3_ascending_edges(edges, bins + 1);
}

size_t fb3_quantile_edges(double *edges, const fb3_distinct *distinct, size_t bins) {
    for (size_t i = 0; i <= bins; i++) {
        /* Position i (rows - 1) / bins in the sorted cells, in parts that do not overflow. */
        size_t last = distinct->rows - 1, whole = last / bins * i + last % bins * i / bins;
        double share = (double)(last % bins * i % bins) / (double)bins;
        double low = fb3_number_of_key(distinct->type, fb3_order_statistic(distinct, whole));
        double high = low;
        if (share > 0)
            high = fb3_number_of_key(distinct->type, fb3_order_statistic(distinct, whole + 1));
        edges[i] = interpolate(low, high, share);
    }
    return fb3_ascending_edges(edges, bins + 1);
}

/* The first key of the range whose bin begins at low, when the bin before ends at high. Values between the
 * two came in no cell and take the nearer bin. */
static int64_t boundary(const fb3_distinct *distinct, const fb3_range *before, const fb3_range *after) {
    int64_t key = fb3_key_at_least(
        distinct->type, before->high == after->low ? after->low : fb3_middle(before->high, after->low));
    int64_t last = distinct->keys[before->end - 1], first = distinct->keys[after->begin];
    return key <= last ? last + 1 : key > first ? first : key;
}

/* Bins without a value are left out: a token that came in no cell could be neither learned nor decoded.
 * Values that are one as doubles leave one edge, and one bin. */
static size_t ranges_of_edges(fb3_range *ranges, const fb3_distinct *distinct, const double *edges,
                              size_t n_edges) {
    size_t count = 0, begin = 0;
    if (n_edges == 1)
        ranges[count++] = (fb3_range){0, distinct->count, INT64_MIN, edges[0], edges[0]};
    for (size_t bin = 0; bin + 1 < n_edges; bin++) {
        size_t end = distinct->count;
        if (bin + 2 < n_edges)
            end = fb3_lower_bound(distinct->keys, begin, distinct->count,
                                  fb3_key_at_least(distinct->type, edges[bin + 1]));
        if (end == begin)
            continue;
        fb3_range *range = &ranges[count];
        *range = (fb3_range){begin, end, INT64_MIN, edges[bin], edges[bin + 1]};
        if (count > 0)
            range->first = boundary(distinct, range - 1, range);
        count++;
        begin = end;
    }
    return count;
}

/* ---- auto: exact values, frequent values, bins of equal count ---------------------------------- */

typedef struct spike {
    size_t value, cells;
} spike;

static int by_cells(const void *a, const void *b) {
    const spike *x = a, *y = b;
    if (x->cells != y->cells)
        return x->cells < y->cells ? 1 : -1;
    return x->value < y->value ? -1 : x->value > y->value;
}

static int by_value(const void *a, const void *b) {
    const spike *x = a, *y = b;
    return x->value < y->value ? -1 : x->value > y->value;
}

static size_t cells_of(const fb3_distinct *distinct, size_t begin, size_t end) {
    return distinct->before[end] - distinct->before[begin];
}

/* Runs of values between spikes, which are in the order of value. */
static size_t gaps_between(const spike *spikes, size_t count, size_t values) {
    size_t gaps = 0, next = 0;
    for (size_t i = 0; i < count; i++) {
        gaps += spikes[i].value > next;
        next = spikes[i].value + 1;
    }
    return gaps + (next < values);
}

/* A range whose edges are its least and its greatest value. */
static void append(fb3_range *ranges, size_t *count, const fb3_distinct *distinct, size_t begin, size_t end) {
    int64_t low = distinct->keys[begin], high = distinct->keys[end - 1];
    int64_t first = begin == 0 ? INT64_MIN : fb3_middle_key(distinct->type, distinct->keys[begin - 1], low);
    ranges[(*count)++] = (fb3_range){begin, end, first, fb3_number_of_key(distinct->type, low),
                                     fb3_number_of_key(distinct->type, high)};
}

void fb3_cut_evenly(fb3_range *ranges, size_t *count, const fb3_distinct *distinct, size_t begin, size_t end,
                    size_t bins) {
    for (; bins > 0; bins--) {
        size_t cut = bins == 1 ? end : begin + 1, limit = end - (bins - 1);
        double target = (double)cells_of(distinct, begin, end) / (double)bins;
        /* One value more as long as that brings the range nearer to its share. */
        while (cut < limit &&
               (double)cells_of(distinct, begin, cut) + (double)cells_of(distinct, cut, cut + 1) / 2 <=
                   target)
            cut++;
        append(ranges, count, distinct, begin, cut);
        begin = cut;
    }
}

/* Values that fill a bin's share of the cells alone, in the order of value: the most frequent ones, as many
 * as leave at least one bin for every run of values between them. */
static size_t choose_spikes(spike *spikes, const fb3_distinct *distinct, size_t bins) {
    size_t found = 0;
    for (size_t i = 0; i < distinct->count; i++) {
        size_t cells = cells_of(distinct, i, i + 1);
        if ((double)cells * (double)bins >= (double)distinct->rows && found < bins)
            spikes[found++] = (spike){i, cells};
    }
    /* A spike more never makes spikes and runs fewer, so that the greatest number is found by halving. */
    size_t fits = 0, most = found;
    while (fits < most) {
        size_t count = most - (most - fits) / 2;
        qsort(spikes, found, sizeof *spikes, by_cells);
        qsort(spikes, count, sizeof *spikes, by_value);
        if (count + gaps_between(spikes, count, distinct->count) <= bins)
            fits = count;
        else
            most = count - 1;
    }
    qsort(spikes, found, sizeof *spikes, by_cells);
    qsort(spikes, fits, sizeof *spikes, by_value);
    return fits;
}

static void ranges_of_spikes(fb3_range *ranges, size_t *count, const fb3_distinct *distinct, size_t bins,
                             const spike *spikes, size_t n_spikes) {
    size_t gaps = gaps_between(spikes, n_spikes, distinct->count), cells = distinct->rows;
    for (size_t i = 0; i < n_spikes; i++)
        cells -= spikes[i].cells;
    bins -= n_spikes;
    *count = 0;
    for (size_t i = 0, next = 0; i <= n_spikes; i++) {
        size_t end = i < n_spikes ? spikes[i].value : distinct->count;
        if (end > next) {
            size_t here = cells_of(distinct, next, end), most = bins - --gaps;
            double share = nearbyint((double)here / (double)cells * (double)bins);
            size_t part = share < 1 ? 1 : share > (double)most ? most : (size_t)share;
            part = gaps == 0 ? bins : part;
            part = part > end - next ? end - next : part;
            fb3_cut_evenly(ranges, count, distinct, next, end, part);
            bins -= part;
            cells -= here;
        }
        if (i < n_spikes)
            append(ranges, count, distinct, end, end + 1);
        next = end + 1;
    }
}

/* Bins of equal count are wide where values are rare: one token in SPARE is kept to cut the widest ones, on a
 * scale that is linear up to the 5 % quantile of magnitudes and logarithmic beyond, into parts of PART cells
 * at least. */
enum { SPARE = 16, PART = 2 };

static double small_magnitude(const fb3_distinct *distinct) {
    double low = fabs(fb3_number_of_key(distinct->type, fb3_order_statistic(distinct, distinct->rows / 20)));
    double high = fabs(fb3_number_of_key(distinct->type, fb3_order_statistic(distinct, distinct->rows - 1)));
    double scale = low > 0.0 ? low : high / 1e6;
    return scale > 0.0 ? scale : 1.0;
}

/* Cells of the first part when a range is cut near its middle; 0 when it cannot be. */
static size_t middle_of(const fb3_range *range, const fb3_distinct *distinct) {
    size_t half = (distinct->before[range->begin] + distinct->before[range->end]) / 2, cut = range->begin + 1;
    while (cut < range->end && distinct->before[cut] < half)
        cut++;
    bool wide = cut < range->end && cells_of(distinct, range->begin, cut) >= PART &&
                cells_of(distinct, cut, range->end) >= PART;
    return wide ? cut : 0;
}

static void refine(fb3_range *ranges, size_t *count, const fb3_distinct *distinct, size_t bins) {
    double scale = small_magnitude(distinct);
    while (*count < bins) {
        size_t widest = 0;
        double width = 0.0;
        for (size_t i = 0; i < *count; i++) {
            double w = asinh(ranges[i].high / scale) - asinh(ranges[i].low / scale);
            if (w > width && middle_of(&ranges[i], distinct) != 0) {
                width = w;
                widest = i;
            }
        }
        if (width == 0.0)
            return;
        size_t begin = ranges[widest].begin, cut = middle_of(&ranges[widest], distinct),
               end = ranges[widest].end;
        size_t at = widest;
        memmove(ranges + widest + 2, ranges + widest + 1, (*count - widest - 1) * sizeof *ranges);
        append(ranges, &at, distinct, begin, cut);
        append(ranges, &at, distinct, cut, end);
        ++*count;
    }
}

static flowbd3_status automatic(fb3_range *ranges, size_t *count, const fb3_distinct *distinct,
                                flowbd3_context *context, size_t bins, flowbd3_error *err) {
    if (distinct->count <= bins) {
        *count = 0;
        fb3_cut_evenly(ranges, count, distinct, 0, distinct->count, distinct->count);
        return FLOWBD3_OK;
    }
    spike *spikes = fb3_allocate(context, bins, sizeof *spikes);
    if (spikes == NULL)
        return fb3_no_memory(err, "the frequent values of a column");
    size_t even = bins - bins / SPARE, n_spikes = choose_spikes(spikes, distinct, even);
    ranges_of_spikes(ranges, count, distinct, even, spikes, n_spikes);
    refine(ranges, count, distinct, bins);
    fb3_release(context, spikes);
    return FLOWBD3_OK;
}

/* ---- the door ---------------------------------------------------------------------------------- */

flowbd3_status fb3_binning(fb3_range *ranges, size_t *count, const fb3_distinct *distinct,
                           flowbd3_context *context, flowbd3_binning binning, size_t bins, uint64_t seed,
                           flowbd3_error *err) {
    if (binning == FLOWBD3_BINNING_AUTO || distinct->count == 1)
        return automatic(ranges, count, distinct, context, bins, err);
    double *edges = fb3_allocate(context, bins + 1, sizeof *edges);
    size_t n_edges = 0;
    if (edges != NULL && binning == FLOWBD3_BINNING_UNIFORM)
        n_edges = fb3_uniform_edges(edges, distinct, bins);
    else if (edges != NULL && binning == FLOWBD3_BINNING_QUANTILE)
        n_edges = fb3_quantile_edges(edges, distinct, bins);
    else if (edges != NULL)
        n_edges = fb3_kmeans_edges(edges, distinct, bins, seed, context);
    if (n_edges != 0)
        *count = ranges_of_edges(ranges, distinct, edges, n_edges);
    fb3_release(context, edges);
    return n_edges != 0 ? FLOWBD3_OK : fb3_no_memory(err, "the edges of bins");
}
