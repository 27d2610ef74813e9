/* Clipped schedules: the variance of the training loss of a block under a clip, from moments by the number of
 * masked tokens, and the clip where it is least (Arriola et al. 2025, clipped schedules). */
#include "diffusion/range.h"

#include <math.h>
#include <string.h>

/* ---- moments ----------------------------------------------------------------------------------- */

void fb3_moments_init(fb3_moments *moments, size_t tokens) {
    memset(moments, 0, sizeof *moments);
    moments->tokens = tokens;
}

static size_t classes(const fb3_moments *m) {
    return m->tokens < FB3_MOMENT_CLASSES ? m->tokens : FB3_MOMENT_CLASSES;
}

static size_t class_of(const fb3_moments *m, size_t k) {
    return (k - 1) * classes(m) / m->tokens;
}

void fb3_moments_add(fb3_moments *moments, size_t k, double cross_entropy_sum) {
    if (k < 1 || k > moments->tokens)
        return;
    double mean = cross_entropy_sum / (double)k;
    size_t c = class_of(moments, k);
    moments->count[c]++;
    moments->sum[c] += mean;
    moments->squares[c] += mean * mean;
}

/* First and second moment of a quantity. */
typedef struct pair {
    double first, second;
} pair;

static void accumulate(pair *sum, double weight, pair value) {
    sum->first += weight * value.first;
    sum->second += weight * value.second;
}

/* Moments of every class, those without a sample on the line between the nearest with one. The line keeps a
 * second moment at least the square of the first. */
static void complete(pair of_class[FB3_MOMENT_CLASSES], const fb3_moments *m) {
    size_t count = classes(m), before = count;
    for (size_t c = 0; c < count; c++)
        of_class[c] = (pair){(double)NAN, (double)NAN};
    for (size_t c = 0; c < count; c++) {
        if (m->count[c] <= 0.0)
            continue;
        of_class[c] = (pair){m->sum[c] / m->count[c], m->squares[c] / m->count[c]};
        for (size_t gap = before < count ? before + 1 : 0; gap < c; gap++) {
            double along = before < count ? (double)(gap - before) / (double)(c - before) : 1.0;
            of_class[gap] = (pair){0.0, 0.0};
            accumulate(&of_class[gap], along, of_class[c]);
            if (before < count)
                accumulate(&of_class[gap], 1.0 - along, of_class[before]);
        }
        before = c;
    }
    for (size_t c = before + 1; c < count; c++)
        of_class[c] = of_class[before];
}

/* ---- loss at a number and at a level ----------------------------------------------------------- */

/* What a clip is evaluated on. */
typedef struct mixture {
    const fb3_moments *moments;
    const fb3_noise *noise;
    pair of_class[FB3_MOMENT_CLASSES];
    fb3_counts accepted;
} mixture;

/* Moments of the sum of the cross entropies of k masked tokens. */
static pair sum_moments(const mixture *x, size_t k) {
    if (k == 0)
        return (pair){0.0, 0.0};
    pair mean = x->of_class[class_of(x->moments, k)];
    return (pair){(double)k * mean.first, (double)k * (double)k * mean.second};
}

/* The distribution of the number of masked tokens at one level, not normalised: probability of a number
 * below, inside and above those that are accepted, and the moments summed over those inside. */
typedef struct shares {
    double below, inside, above;
    pair sum;
} shares;

static void add_number(shares *s, const mixture *x, size_t k, double probability) {
    if (k < x->accepted.least) {
        s->below += probability;
    } else if (k > x->accepted.most) {
        s->above += probability;
    } else {
        s->inside += probability;
        accumulate(&s->sum, probability, sum_moments(x, k));
    }
}

/* k ~ Binomial(n, p) by the ratios of its probabilities, from the mode outwards to where they vanish. */
static shares binomial_shares(const mixture *x, double p) {
    const double negligible = 1e-18;
    size_t n = x->moments->tokens, mode = (size_t)((double)(n + 1) * p);
    mode = mode < n ? mode : n;
    shares s = {0};
    double probability = 1.0;
    for (size_t k = mode; k <= n && probability > negligible; k++) {
        add_number(&s, x, k, probability);
        probability *= p < 1.0 ? (double)(n - k) / (double)(k + 1) * p / (1.0 - p) : 0.0;
    }
    probability = 1.0;
    for (size_t k = mode; k > 0; k--) {
        probability *= (double)k / (double)(n - k + 1) * (1.0 - p) / p;
        if (probability <= negligible)
            break;
        add_number(&s, x, k - 1, probability);
    }
    return s;
}

/* Moments of the sum of cross entropies at mask probability p. With r the share of draws that are refused, a
 * number inside is kept with 1 + r + r^2 + ... times its probability, and what is refused to the end goes to
 * the nearest end of the clip (masking.c). Without resampling nothing is refused. */
static pair level_moments(const mixture *x, double p) {
    shares s = binomial_shares(x, p);
    double total = s.below + s.inside + s.above, refused = (s.below + s.above) / total;
    double tries = 0.0, still_refused = 1.0;
    for (int i = 0; i < FB3_RESAMPLE_DRAWS; i++) {
        tries += still_refused;
        still_refused *= refused;
    }
    pair result = {0.0, 0.0};
    accumulate(&result, tries / total, s.sum);
    if (refused > 0.0) {
        double last = still_refused / refused / total;
        accumulate(&result, s.below * last, sum_moments(x, x->accepted.least));
        accumulate(&result, s.above * last, sum_moments(x, x->accepted.most));
    }
    return result;
}

/* ---- the loss under a clip --------------------------------------------------------------------- */

static pair loss_by_count(const mixture *x) {
    size_t n = x->moments->tokens;
    fb3_counts counts = fb3_counts_drawn(x->noise, n);
    double numbers = (double)(counts.most - counts.least + 1);
    pair loss = {0.0, 0.0};
    for (size_t k = counts.least; k <= counts.most; k++) {
        pair sum = sum_moments(x, k);
        double weight = (double)n / (double)k;
        accumulate(&loss, 1.0 / numbers, (pair){weight * sum.first, weight * weight * sum.second});
    }
    return loss;
}

/* The integral over t, taken over ln p, in which neither rare masks nor steep schedules are crowded: with
 * r = p' / p, dt = d(ln p) / r, and the weight c r with c = span / width of the range of p,
 *
 *     E_t[c r y] = integral of y d(ln p) / width,   E_t[(c r y)^2] = c integral of r y^2 d(ln p) / width
 *
 * so that the mean is the same under every schedule. Simpson's rule. */
static pair loss_by_level(const mixture *x) {
    enum { INTERVALS = 256 };
    fb3_levels levels = fb3_levels_drawn(x->noise);
    pair loss = {0.0, 0.0};
    if (levels.span <= 0.0) {
        pair sum = level_moments(x, levels.high);
        return (pair){sum.first / levels.high, sum.second / (levels.high * levels.high)};
    }
    double first = log(levels.low), step = (log(levels.high) - first) / INTERVALS;
    double part = step / 3.0 / (levels.high - levels.low);
    for (int i = 0; i <= INTERVALS; i++) {
        double p = fmin(exp(first + step * i), levels.high);
        double weight =
            levels.normaliser * fb3_schedule_weight(levels.schedule, fb3_schedule_level(levels.schedule, p));
        pair sum = level_moments(x, p);
        double rule = i == 0 || i == INTERVALS ? 1.0 : i % 2 == 1 ? 4.0 : 2.0;
        accumulate(&loss, rule * part, (pair){sum.first, weight * sum.second});
    }
    return loss;
}

static fb3_clip evaluate(mixture *x, double low, double high) {
    fb3_noise noise = *x->noise;
    noise.clip_low = low;
    noise.clip_high = high;
    mixture clipped = *x;
    clipped.noise = &noise;
    clipped.accepted = fb3_counts_accepted(&noise, x->moments->tokens);
    pair loss = noise.kind == FLOWBD3_NOISE_LEVEL ? loss_by_level(&clipped) : loss_by_count(&clipped);
    double variance = loss.second - loss.first * loss.first;
    return (fb3_clip){low, high, variance < 0.0 ? 0.0 : variance, loss.first};
}

static mixture prepare(const fb3_moments *moments, const fb3_noise *noise) {
    mixture x = {.moments = moments, .noise = noise};
    complete(x.of_class, moments);
    return x;
}

static bool empty(const fb3_moments *moments) {
    for (size_t c = 0; c < FB3_MOMENT_CLASSES; c++)
        if (moments->count[c] > 0.0)
            return false;
    return true;
}

fb3_clip fb3_clip_evaluate(const fb3_moments *moments, const fb3_noise *noise, double low, double high) {
    if (empty(moments))
        return (fb3_clip){low, high, (double)NAN, (double)NAN};
    mixture x = prepare(moments, noise);
    return evaluate(&x, low, high);
}

/* ---- search ------------------------------------------------------------------------------------ */

/* The grid in twentieths. Narrower clips have less variance still, and train fewer levels of the bound. */
enum { GRID = 20, WIDEST = 18, NARROWEST = 10, NARROWER = 2 };

fb3_clip fb3_clip_search(const fb3_moments *moments, const fb3_noise *noise) {
    if (empty(moments))
        return (fb3_clip){0.0, 1.0, (double)NAN, (double)NAN};
    if (moments->tokens == 1)
        return fb3_clip_evaluate(moments, noise, 1.0, 1.0);
    mixture x = prepare(moments, noise);
    fb3_clip best = evaluate(&x, 0.0, 1.0);
    for (int width = WIDEST; width >= NARROWEST; width -= NARROWER)
        for (int start = 0; start + width <= GRID; start++) {
            fb3_clip clip = evaluate(&x, (double)start / GRID, (double)(start + width) / GRID);
            if (clip.variance < best.variance)
                best = clip;
        }
    return best;
}
