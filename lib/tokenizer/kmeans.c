/* One-dimensional k-means: greedy k-means++ seeds (Arthur and Vassilvitskii 2007), then Lloyd's iteration. */
#include "tokenizer/tokenizer.h"

#include <math.h>
#include <stdlib.h>

enum { STARTS = 10, ITERATIONS = 1000, SEED_POINTS = 65536, GROUP = 256 };

/* The distinct values, moved and scaled to [0, 1], with the sums that make a cluster's mean and inertia a
 * difference of two. */
typedef struct points {
    size_t count;
    const size_t *before; /* [count + 1] cells */
    double *place;        /* [count] */
    double *sum;          /* [count + 1] of place over cells */
    double *squares;      /* [count + 1] */
} points;

/* At most SEED_POINTS of the points, evenly spaced, and the seeds chosen among them. */
typedef struct seeding {
    size_t count;
    double *place;    /* [count] */
    double *weight;   /* [count] cells they stand for */
    double *distance; /* [count] weight times squared distance to the nearest seed */
    double *group;    /* [(count + GROUP - 1) / GROUP] sums of distance */
} seeding;

static bool points_create(points *p, const fb3_distinct *distinct, flowbd3_context *context) {
    *p = (points){.count = distinct->count, .before = distinct->before};
    p->place = fb3_allocate(context, p->count, sizeof *p->place);
    p->sum = fb3_allocate(context, p->count + 1, sizeof *p->sum);
    p->squares = fb3_allocate(context, p->count + 1, sizeof *p->squares);
    if (p->place == NULL || p->sum == NULL || p->squares == NULL)
        return false;
    /* Halves, so that no difference overflows. */
    double low = fb3_number_of_key(distinct->type, distinct->keys[0]) / 2;
    double width = fb3_number_of_key(distinct->type, distinct->keys[p->count - 1]) / 2 - low;
    p->sum[0] = p->squares[0] = 0;
    for (size_t i = 0; i < p->count; i++) {
        double cells = (double)(p->before[i + 1] - p->before[i]);
        double offset = fb3_number_of_key(distinct->type, distinct->keys[i]) / 2 - low;
        double y = p->place[i] = width > 0 ? offset / width : 0;
        p->sum[i + 1] = p->sum[i] + cells * y;
        p->squares[i + 1] = p->squares[i] + cells * y * y;
    }
    return true;
}

static void points_release(points *p, flowbd3_context *context) {
    fb3_release(context, p->place);
    fb3_release(context, p->sum);
    fb3_release(context, p->squares);
}

static bool seeding_create(seeding *s, const points *p, flowbd3_context *context) {
    *s = (seeding){.count = p->count < SEED_POINTS ? p->count : SEED_POINTS};
    s->place = fb3_allocate(context, s->count, sizeof *s->place);
    s->weight = fb3_allocate(context, s->count, sizeof *s->weight);
    s->distance = fb3_allocate(context, s->count, sizeof *s->distance);
    s->group = fb3_allocate(context, s->count / GROUP + 1, sizeof *s->group);
    if (s->place == NULL || s->weight == NULL || s->distance == NULL || s->group == NULL)
        return false;
    for (size_t i = 0; i < s->count; i++) {
        size_t begin = i * p->count / s->count, end = (i + 1) * p->count / s->count;
        s->place[i] = p->place[begin];
        s->weight[i] = (double)(p->before[end] - p->before[begin]);
    }
    return true;
}

static void seeding_release(seeding *s, flowbd3_context *context) {
    fb3_release(context, s->place);
    fb3_release(context, s->weight);
    fb3_release(context, s->distance);
    fb3_release(context, s->group);
}

static void sum_groups(seeding *s, size_t begin, size_t end) {
    for (size_t g = begin / GROUP; g * GROUP < end; g++) {
        double sum = 0;
        for (size_t i = g * GROUP; i < s->count && i < (g + 1) * GROUP; i++)
            sum += s->distance[i];
        s->group[g] = sum;
    }
}

/* Weighted squared distance of a point to a seed. */
static double distance_to(const seeding *s, size_t point, size_t seed) {
    double d = s->place[point] - s->place[seed];
    return s->weight[point] * d * d;
}

/* The points that a seed at point seed would be nearer to than those there are: its neighbours up to half-way
 * to the next ones. Returns by how much all distances would shrink. */
static double reach(const seeding *s, size_t seed, size_t *begin, size_t *end) {
    double gain = s->distance[seed];
    *begin = seed;
    *end = seed + 1;
    for (double d; *begin > 0 && (d = distance_to(s, *begin - 1, seed)) < s->distance[*begin - 1]; --*begin)
        gain += s->distance[*begin - 1] - d;
    for (double d; *end < s->count && (d = distance_to(s, *end, seed)) < s->distance[*end]; ++*end)
        gain += s->distance[*end] - d;
    return gain;
}

static void add_seed(seeding *s, size_t seed) {
    size_t begin, end;
    (void)reach(s, seed, &begin, &end);
    for (size_t i = begin; i < end; i++)
        s->distance[i] = distance_to(s, i, seed);
    sum_groups(s, begin, end);
}

/* Index at which the running sum of values passes target; the last one above zero when rounding hides it. */
static size_t pick(const double *values, size_t count, double *target) {
    size_t chosen = count;
    for (size_t i = 0; i < count; i++) {
        if (!(values[i] > 0))
            continue;
        chosen = i;
        if (*target < values[i])
            break;
        *target -= values[i];
    }
    return chosen;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* A point drawn in proportion to its distance from the seeds; count when all distances are 0. */
static size_t draw_point(const seeding *s, double uniform) {
    size_t n_groups = (s->count + GROUP - 1) / GROUP;
    double total = 0;
    for (size_t g = 0; g < n_groups; g++)
        total += s->group[g];
    double target = uniform * total;
    size_t group = pick(s->group, n_groups, &target);
    if (group == n_groups)
        return s->count;
    size_t size = s->count - group * GROUP < GROUP ? s->count - group * GROUP : GROUP;
    return group * GROUP + pick(s->distance + group * GROUP, size, &target);
}

/* Chooses up to k seeds, each the best of a few drawn (greedy k-means++, as in scikit-learn). */
static size_t choose_seeds(seeding *s, double *centres, size_t k, uint64_t seed, uint32_t start) {
    size_t chosen = 0, trials = 2 + (size_t)log((double)k);
    for (size_t i = 0; i < s->count; i++)
        s->distance[i] = s->weight[i];
    sum_groups(s, 0, s->count);
    for (; chosen < k; chosen++) {
        size_t best = s->count, begin, end;
        double best_gain = -1;
        for (size_t trial = 0; trial < (chosen == 0 ? 1 : trials); trial++) {
            double uniform = fb3_uniform(seed, FB3_RANDOM_KMEANS, (uint64_t)chosen << 32 | trial, start);
            size_t point = draw_point(s, uniform);
            double gain = point < s->count ? reach(s, point, &begin, &end) : -1;
            if (gain > best_gain) {
                best = point;
                best_gain = gain;
            }
        }
        if (best == s->count)
            break;
        if (chosen == 0)
            for (size_t i = 0; i < s->count; i++)
                s->distance[i] = (double)INFINITY;
        add_seed(s, best);
        centres[chosen] = s->place[best];
    }
    qsort(centres, chosen, sizeof *centres, ascending);
    return chosen;
}

static size_t first_at_least(const double *place, size_t begin, size_t end, double value) {
    while (begin < end) {
        size_t middle = begin + (end - begin) / 2;
        if (place[middle] < value)
            begin = middle + 1;
        else
            end = middle;
    }
    return begin;
}

/* Moves centres[*k] to the means of their points until none moves; clusters that lose all points go.
 * Returns the inertia. */
static double lloyd(const points *p, double *centres, size_t *k) {
    double inertia = 0;
    bool moved = true;
    for (int iteration = 0; moved && iteration < ITERATIONS; iteration++) {
        size_t kept = 0, begin = 0;
        moved = false;
        inertia = 0;
        for (size_t i = 0; i < *k; i++) {
            size_t end = p->count;
            if (i + 1 < *k)
                end = first_at_least(p->place, begin, p->count, fb3_middle(centres[i], centres[i + 1]));
            if (end == begin)
                continue;
            double cells = (double)(p->before[end] - p->before[begin]), sum = p->sum[end] - p->sum[begin];
            double mean = sum / cells;
            inertia += p->squares[end] - p->squares[begin] - sum * mean;
            moved = moved || mean != centres[i];
            centres[kept++] = mean;
            begin = end;
        }
        moved = moved || kept != *k;
        *k = kept;
    }
    return inertia;
}

static size_t edges_of_centres(double *edges, const fb3_distinct *distinct, const double *centres, size_t k) {
    double low = fb3_number_of_key(distinct->type, distinct->keys[0]);
    double high = fb3_number_of_key(distinct->type, distinct->keys[distinct->count - 1]);
    edges[0] = low;
    for (size_t i = 1; i < k; i++) {
        double y = fb3_middle(centres[i - 1], centres[i]);
        edges[i] = isfinite(high - low) ? low + y * (high - low) : low * (1 - y) + high * y;
        edges[i] = fmin(fmax(edges[i], low), high);
    }
    edges[k] = high;
    return fb3_ascending_edges(edges, k + 1);
}

size_t fb3_kmeans_edges(double *edges, const fb3_distinct *distinct, size_t bins, uint64_t seed,
                        flowbd3_context *context) {
    points p = {0};
    seeding s = {0};
    size_t n_edges = 0, best_k = 0;
    double *centres = fb3_allocate(context, bins, sizeof *centres);
    double *best = fb3_allocate(context, bins, sizeof *best), best_inertia = (double)INFINITY;
    if (centres == NULL || best == NULL || !points_create(&p, distinct, context) ||
        !seeding_create(&s, &p, context))
        goto done;
    for (uint32_t start = 0; start < STARTS; start++) {
        size_t k = choose_seeds(&s, centres, bins, seed, start);
        double inertia = lloyd(&p, centres, &k);
        if (best_k == 0 || inertia < best_inertia) {
            double *swap = best;
            best = centres;
            centres = swap;
            best_inertia = inertia;
            best_k = k;
        }
    }
    n_edges = edges_of_centres(edges, distinct, best, best_k);
done:
    seeding_release(&s, context);
    points_release(&p, context);
    fb3_release(context, centres);
    fb3_release(context, best);
    return n_edges;
}
