/* Arithmetic of intervals. */
#include "rules/interval.h"

#include <float.h>
#include <math.h>

static const fb3_interval whole_line = {-(double)INFINITY, (double)INFINITY};
static const fb3_interval empty = {1.0, 0.0};

/* Moves a rounded end past what was rounded off. An end that is no number, as infinity less infinity, bounds
 * nothing. */
static double up(double x) {
    return isfinite(x) ? x + (fabs(x) * DBL_EPSILON + DBL_TRUE_MIN) : isnan(x) ? (double)INFINITY : x;
}

static double down(double x) {
    return -up(-x);
}

static double smaller(double a, double b) {
    return a < b ? a : b;
}

static double larger(double a, double b) {
    return a > b ? a : b;
}

static bool has_zero(fb3_interval x) {
    return x.low <= 0.0 && x.high >= 0.0;
}

static fb3_interval mirrored(fb3_interval x) {
    return (fb3_interval){-x.high, -x.low};
}

fb3_interval fb3_interval_sum(fb3_interval a, fb3_interval b) {
    return (fb3_interval){down(a.low + b.low), up(a.high + b.high)};
}

fb3_interval fb3_interval_difference(fb3_interval a, fb3_interval b) {
    return fb3_interval_sum(a, mirrored(b));
}

/* An infinite end stands for numbers however large, of which 0 times is 0. */
static double times(double a, double b) {
    return a == 0.0 || b == 0.0 ? 0.0 : a * b;
}

fb3_interval fb3_interval_product(fb3_interval a, fb3_interval b) {
    double p = times(a.low, b.low), q = times(a.low, b.high);
    double r = times(a.high, b.low), s = times(a.high, b.high);
    return (fb3_interval){down(smaller(smaller(p, q), smaller(r, s))),
                          up(larger(larger(p, q), larger(r, s)))};
}

/* By b from 0 or more; an end at 0 is not taken. */
static fb3_interval divide_by_positive(fb3_interval a, double low, double high) {
    low += 0.0; /* no -0 */
    double least = a.low >= 0.0 ? a.low / high : a.low / low;
    double greatest = a.high > 0.0 ? a.high / low : a.high / high;
    return (fb3_interval){down(least), up(greatest)};
}

fb3_interval fb3_interval_quotient(fb3_interval a, fb3_interval b) {
    if (b.low >= 0.0)
        return b.high > 0.0 ? divide_by_positive(a, b.low, b.high) : empty;
    if (b.high <= 0.0)
        return divide_by_positive(mirrored(a), -b.high, -b.low);
    return a.low == 0.0 && a.high == 0.0 ? a : whole_line;
}

fb3_interval fb3_interval_factor(fb3_interval a, fb3_interval b) {
    return has_zero(a) && has_zero(b) ? whole_line : fb3_interval_quotient(a, b);
}

/* Of a product and an offset in double arithmetic, or back. */
static double slack_of(double a, double b) {
    return 16.0 * (DBL_EPSILON * (fabs(a) + fabs(b)) + DBL_TRUE_MIN);
}

fb3_interval fb3_interval_affine(fb3_interval x, double scale, double offset) {
    if (scale == 1.0 && offset == 0.0)
        return x;
    fb3_interval y = fb3_interval_product(x, (fb3_interval){scale, scale});
    return (fb3_interval){down(y.low + offset - slack_of(y.low, offset)),
                          up(y.high + offset + slack_of(y.high, offset))};
}

fb3_interval fb3_interval_affine_inverse(fb3_interval y, double scale, double offset) {
    if (scale == 1.0 && offset == 0.0)
        return y;
    fb3_interval product = {down(y.low - offset - slack_of(y.low, offset)),
                            up(y.high - offset + slack_of(y.high, offset))};
    return fb3_interval_factor(product, (fb3_interval){scale, scale});
}

fb3_interval fb3_interval_widen(fb3_interval x, double absolute, double share) {
    return (fb3_interval){down(x.low - absolute - share * fabs(x.low)),
                          up(x.high + absolute + share * fabs(x.high))};
}
