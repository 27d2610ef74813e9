/* Noise schedules: Arriola et al. 2025, the comparison of schedules by their variance. */
#include "diffusion/diffusion.h"

#include <math.h>

static const double quarter_pi = 0.785398163397448309616;
static const double ln_2 = 0.693147180559945309417;

/* 1 - cos(2a) = 2 sin^2(a) keeps the digits that the difference loses at small t. */
double fb3_schedule_probability(flowbd3_schedule schedule, double t) {
    double sine;
    switch (schedule) {
    case FLOWBD3_SCHEDULE_COSINE:
        sine = sin(quarter_pi * t);
        return 2.0 * sine * sine;
    case FLOWBD3_SCHEDULE_SQUARE:
        return t * t;
    case FLOWBD3_SCHEDULE_SQUARE_ROOT:
        return sqrt(t);
    case FLOWBD3_SCHEDULE_LOGARITHMIC:
        return log1p(t) / ln_2;
    case FLOWBD3_SCHEDULE_LINEAR:
        break;
    }
    return t;
}

double fb3_schedule_weight(flowbd3_schedule schedule, double t) {
    switch (schedule) {
    case FLOWBD3_SCHEDULE_COSINE: /* sin(2a) / (1 - cos(2a)) = 1 / tan(a) */
        return 2.0 * quarter_pi / tan(quarter_pi * t);
    case FLOWBD3_SCHEDULE_SQUARE:
        return 2.0 / t;
    case FLOWBD3_SCHEDULE_SQUARE_ROOT:
        return 0.5 / t;
    case FLOWBD3_SCHEDULE_LOGARITHMIC:
        return 1.0 / ((1.0 + t) * log1p(t));
    case FLOWBD3_SCHEDULE_LINEAR:
        break;
    }
    return 1.0 / t;
}

double fb3_schedule_level(flowbd3_schedule schedule, double p) {
    switch (schedule) {
    case FLOWBD3_SCHEDULE_COSINE:
        return asin(sqrt(0.5 * p)) / quarter_pi;
    case FLOWBD3_SCHEDULE_SQUARE:
        return sqrt(p);
    case FLOWBD3_SCHEDULE_SQUARE_ROOT:
        return p * p;
    case FLOWBD3_SCHEDULE_LOGARITHMIC:
        return expm1(ln_2 * p);
    case FLOWBD3_SCHEDULE_LINEAR:
        break;
    }
    return p;
}
