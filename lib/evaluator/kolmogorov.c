/* p-values of the Kolmogorov-Smirnov test: exact for two samples, and Kolmogorov's distribution of one sample
 * by the choice of methods of Simard and L'Ecuyer 2011 (J. Stat. Softw. 39(11)). */
#include "evaluator.h"

#define PI 3.14159265358979323846

/* ---- two samples, exact -------------------------------------------------------------------------- */

/* P(D >= h / n) for two samples of n values each: 2 sum_k (-1)^(k-1) C(2n, n - kh) / C(2n, n), Gnedenko and
 * Korolyuk 1951. */
static double equal_sizes(uint64_t n, uint64_t h) {
    double ratio = 1.0, sum = 0.0, sign = 1.0;
    for (uint64_t a = 1; a <= n; a++) {
        ratio *= (double)(n - a + 1) / (double)(n + a);
        if (a % h == 0) {
            sum += sign * ratio;
            sign = -sign;
        }
    }
    return fmin(fmax(2.0 * sum, 0.0), 1.0);
}

/* P(D >= h / lcm(n1, n2)): the share of lattice paths from (0, 0) to (n1, n2) that leave
 * |x n2 - y n1| < h gcd. The share of those that reach (x, y) is the mean of the shares at the two points
 * before it, weighted by x and y; a sum of positive terms, so small values keep their digits (Hodges 1958;
 * Viehmann 2021, arXiv:2102.08037). */
static bool different_sizes(flowbd3_context *context, uint64_t n1, uint64_t n2, uint64_t divisor, uint64_t h,
                            double *p) {
    uint64_t m1 = n1 / divisor, m2 = n2 / divisor;
    double *outside = fb3_allocate(context, (size_t)n2 + 1, sizeof *outside);
    if (outside == NULL)
        return false;
    for (uint64_t y = 0; y <= n2; y++)
        outside[y] = y * m1 >= h ? 1.0 : 0.0;
    for (uint64_t x = 1; x <= n1; x++) {
        /* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): the divisor divides n1 */
        uint64_t low = x * m2 >= h ? (x * m2 - h) / m1 + 1 : 0, high = (x * m2 + h - 1) / m1;
        if (high > n2)
            high = n2;
        double before = 1.0;
        for (uint64_t y = low; y <= high; y++) {
            double share = 1.0 / (double)(x + y);
            before = (double)x * share * outside[y] + (double)y * share * before;
            outside[y] = before;
        }
    }
    *p = fmin(outside[n2], 1.0);
    fb3_release(context, outside);
    return true;
}

/* ---- one sample ---------------------------------------------------------------------------------- */

/* log(n!) - log(sqrt(2 pi n) (n / e)^n). */
static double stirling_error(double n) {
    if (n < 16.0)
        return lgamma(n + 1.0) - (n + 0.5) * log(n) + n - 0.5 * log(2.0 * PI);
    double r = 1.0 / n, s = r * r;
    return r * (1.0 / 12.0 - s * (1.0 / 360.0 - s * (1.0 / 1260.0 - s * (1.0 / 1680.0 - s / 1188.0))));
}

/* P(D_n+ >= x) = sum_j C(n, j) x (x + j/n)^(j-1) (1 - x - j/n)^(n-j) over 0 <= j <= n (1 - x), Smirnov 1944.
 * The terms are binomial probabilities in Loader's form (2000), which keeps their digits for large n. */
static double one_sided_tail(double n, double x) {
    double t = n * x, sum = exp(n * log1p(-x)), error = stirling_error(n);
    for (double j = 1.0; j < n - t; j += 1.0) {
        double rest = n - j;
        double exponent =
            j * log1p(t / j) + rest * log1p(-t / rest) + error - stirling_error(j) - stirling_error(rest);
        if (exponent > -745.0)
            sum += t / (t + j) * sqrt(n / (2.0 * PI * j * rest)) * exp(exponent);
    }
    return sum;
}

static void multiply(double *restrict out, const double *restrict a, const double *restrict b, size_t m) {
    memset(out, 0, m * m * sizeof *out);
    for (size_t i = 0; i < m; i++)
        for (size_t k = 0; k < m; k++)
            for (size_t j = 0; j < m; j++)
                out[i * m + j] += a[i * m + k] * b[k * m + j];
}

/* Durbin's matrix H[m, m] of order 2k - 1 for n x = k - h. */
static void durbin_matrix(double *H, size_t m, double h) {
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < m; j++)
            H[i * m + j] = i + 1 >= j ? 1.0 / tgamma((double)(i + 1 - j) + 1.0) : 0.0;
    double power = 1.0;
    for (size_t i = 0; i < m; i++) {
        power *= h;
        double missing = power / tgamma((double)i + 2.0);
        H[i * m] -= missing;
        H[(m - 1) * m + m - 1 - i] -= missing;
    }
    if (h > 0.5)
        H[(m - 1) * m] += pow(2.0 * h - 1.0, (double)m) / tgamma((double)m + 1.0);
}

/* Divides by a power of two when the middle element is large; adds its exponent to *exponent. */
static void rescale(double *H, size_t m, int64_t *exponent) {
    double middle = H[(m / 2) * m + m / 2];
    if (middle < 0x1p400)
        return;
    for (size_t i = 0; i < m * m; i++)
        H[i] *= 0x1p-400;
    *exponent += 400;
}

/* P(D_n < x) = n! / n^n (H^n)[k, k], Marsaglia, Tsang and Wang 2003 (J. Stat. Softw. 8(18)). */
static bool durbin(flowbd3_context *context, uint64_t n, double x, double *probability) {
    double t = (double)n * x, k = ceil(t);
    size_t m = 2 * (size_t)k - 1;
    double *memory = fb3_allocate(context, 3 * m * m, sizeof *memory);
    if (memory == NULL)
        return false;
    double *H = memory, *power = memory + m * m, *product = memory + 2 * m * m;
    durbin_matrix(H, m, k - t);
    memset(power, 0, m * m * sizeof *power);
    for (size_t i = 0; i < m; i++)
        power[i * m + i] = 1.0;
    int64_t exponent = 0, H_exponent = 0;
    for (uint64_t rest = n; rest > 0; rest /= 2) {
        if (rest % 2 == 1) {
            multiply(product, power, H, m);
            memcpy(power, product, m * m * sizeof *power);
            exponent += H_exponent;
            rescale(power, m, &exponent);
        }
        multiply(product, H, H, m);
        memcpy(H, product, m * m * sizeof *H);
        H_exponent *= 2;
        rescale(H, m, &H_exponent);
    }
    double p = power[(m / 2) * m + m / 2];
    for (uint64_t i = 1; i <= n; i++) {
        p *= (double)i / (double)n;
        if (p < 0x1p-400) {
            p *= 0x1p400;
            exponent -= 400;
        }
    }
    fb3_release(context, memory);
    *probability = exponent < -4000 ? 0.0 : ldexp(p, (int)exponent);
    return true;
}

/* P(D_n < x) by the expansion in 1 / sqrt(n) of Pelz and Good 1976, z = x sqrt(n). */
static double pelz_good(double n, double x) {
    double z = sqrt(n) * x, z2 = z * z, z4 = z2 * z2, z6 = z4 * z2, z8 = z4 * z4;
    double k0 = 0.0, k1 = 0.0, k2 = 0.0, k3 = 0.0;
    int terms = (int)ceil(16.0 * z / PI) + 1;
    for (int i = terms; i >= 0; i--) {
        double a = PI * (i + 0.5), a2 = a * a, b = PI * i, b2 = b * b;
        double e = exp(-a2 / (2.0 * z2)), f = exp(-b2 / (2.0 * z2));
        k0 += e;
        k1 += (a2 - z2) * e;
        k2 += (6.0 * z6 + 2.0 * z4 + a2 * (2.0 * z4 - 5.0 * z2) + a2 * a2 * (1.0 - 2.0 * z2)) * e -
              2.0 * z4 * b2 * f;
        k3 += (a2 * a2 * a2 * (5.0 - 30.0 * z2) + a2 * a2 * (212.0 * z4 - 60.0 * z2) +
               a2 * (135.0 * z4 - 96.0 * z6) - 30.0 * z6 - 90.0 * z8) *
                  e +
              30.0 * z4 * b2 * (3.0 * z2 - b2) * f;
    }
    double root = sqrt(2.0 * PI);
    return root * (k0 / z + k1 / (6.0 * z4 * sqrt(n)) + k2 / (72.0 * z6 * z * n) +
                   k3 / (6480.0 * z8 * z2 * n * sqrt(n)));
}

bool fb3_kolmogorov_tail(flowbd3_context *context, uint64_t n, double x, double *p) {
    double real_n = (double)n, square = real_n * x * x, below = 0.0;
    if (x >= 1.0 || square >= 370.0) {
        *p = 0.0;
        return true;
    }
    if (real_n * x <= 0.5) {
        *p = 1.0;
        return true;
    }
    if (x >= 0.5 || (n <= 140 ? square > 4.0 : square >= 2.2)) {
        *p = fmin(2.0 * one_sided_tail(real_n, x), 1.0);
        return true;
    }
    if (n <= 140 || (n <= 100000 && real_n * x * sqrt(x) <= 1.4)) {
        if (!durbin(context, n, x, &below))
            return false;
    } else {
        /* z < 0.042: every term underflows. */
        below = PI * PI / (8.0 * square) > 708.0 ? 0.0 : pelz_good(real_n, x);
    }
    *p = fmin(fmax(1.0 - below, 0.0), 1.0);
    return true;
}

/* ---- the door ------------------------------------------------------------------------------------ */

static uint64_t greatest_common_divisor(uint64_t a, uint64_t b) {
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

bool fb3_kolmogorov_smirnov_p(flowbd3_context *context, uint64_t n1, uint64_t n2, uint64_t difference,
                              double *p) {
    double size = (double)n1 * (double)n2 / ((double)n1 + (double)n2);
    double statistic = (double)difference / ((double)n1 * (double)n2);
    if (difference == 0) {
        *p = 1.0;
        return true;
    }
    if (n1 > 10000 || n2 > 10000)
        return fb3_kolmogorov_tail(context, (uint64_t)nearbyint(size), statistic, p);
    if (n1 == n2) {
        *p = equal_sizes(n1, difference / n1);
        return true;
    }
    /* About exp(-2 size statistic^2): less than the smallest double. */
    if (2.0 * size * statistic * statistic > 745.0) {
        *p = 0.0;
        return true;
    }
    uint64_t divisor = greatest_common_divisor(n1, n2);
    return different_sizes(context, n1, n2, divisor, difference / divisor, p);
}
