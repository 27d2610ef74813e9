/* Mean and standard deviation to the last digits. */
#include "evaluator.h"

fb3_moments fb3_moments_of(const double *x, size_t n) {
    fb3_sum sum = {0.0, 0.0}, squares = {0.0, 0.0}, rest = {0.0, 0.0};
    bool constant = true;
    if (n == 0)
        return (fb3_moments){NAN, NAN, NAN};
    for (size_t i = 0; i < n; i++) {
        fb3_sum_add(&sum, x[i]);
        constant = constant && x[i] == x[0];
    }
    double mean = constant ? x[0] : fb3_sum_value(&sum) / (double)n;
    for (size_t i = 0; i < n; i++) {
        double difference = x[i] - mean;
        fb3_sum_add(&squares, difference * difference);
        fb3_sum_add(&rest, difference);
    }
    double error = fb3_sum_value(&rest) / (double)n;
    double variance = fb3_sum_value(&squares) / (double)n - error * error;
    /* Not fmax: it would hide a NaN from an overflow. */
    return (fb3_moments){mean, error, sqrt(variance < 0.0 ? 0.0 : variance)};
}
