/* Mean and standard deviation to the last digits. */
#include "evaluator.h"

void fb3_moments(double *mean, double *deviation, const double *x, size_t n) {
    fb3_sum sum = {0.0, 0.0}, squares = {0.0, 0.0}, rest = {0.0, 0.0};
    bool constant = true;
    *mean = *deviation = NAN;
    if (n == 0)
        return;
    for (size_t i = 0; i < n; i++) {
        fb3_sum_add(&sum, x[i]);
        constant = constant && x[i] == x[0];
    }
    *mean = constant ? x[0] : fb3_sum_value(&sum) / (double)n;
    for (size_t i = 0; i < n; i++) {
        double difference = x[i] - *mean;
        fb3_sum_add(&squares, difference * difference);
        fb3_sum_add(&rest, difference);
    }
    /* rest is n times the rounding error of the mean. */
    double correction = fb3_sum_value(&rest);
    double variance = (fb3_sum_value(&squares) - correction * correction / (double)n) / (double)n;
    /* Not fmax: it would hide a NaN from an overflow. */
    *deviation = sqrt(variance < 0.0 ? 0.0 : variance);
}
