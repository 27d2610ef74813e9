/* Clipped schedules: the variance of the loss from moments, against enumeration and against the estimator
 * itself, and the search. */
#include "diffusion/range.h"
#include "joint.h"
#include "test_main.h"

static const double clips[][2] = {{0.0, 1.0}, {0.1, 0.6}, {0.3, 0.8}, {0.45, 0.95}, {0.5, 1.0}, {1.0, 1.0}};

static fb3_noise noise_of(int variant, bool resample) {
    return (fb3_noise){.kind = variant == 0 ? FLOWBD3_NOISE_COUNT : FLOWBD3_NOISE_LEVEL,
                       .schedule = (flowbd3_schedule)(variant == 0 ? 0 : variant - 1),
                       .resample = resample && variant > 0};
}

/* Exact moments of the joint: every value as often as its share, every subset once. */
static fb3_moments joint_moments(void) {
    joint_loss loss;
    joint_losses(loss);
    fb3_moments moments;
    fb3_moments_init(&moments, JOINT_TOKENS);
    for (unsigned value = 0; value < JOINT_VALUES; value++)
        for (unsigned part = 0; part < joint_parts[value]; part++)
            for (unsigned set = 0; set < JOINT_VALUES; set++)
                fb3_moments_add(&moments, (size_t)__builtin_popcount(set), loss[value][set]);
    return moments;
}

/* ---- against enumeration ----------------------------------------------------------------------- */

/* First and second moment of the loss with the weight and the probability of every subset at one level. */
static void enumerate(double sum[2], double share, double weight, double p) {
    joint_loss loss;
    joint_losses(loss);
    for (unsigned value = 0; value < JOINT_VALUES; value++)
        for (unsigned set = 0; set < JOINT_VALUES; set++) {
            int k = __builtin_popcount(set);
            double probability = pow(p, k) * pow(1.0 - p, JOINT_TOKENS - k);
            double y = weight * loss[value][set], q = joint_parts[value] / (double)JOINT_WHOLE;
            sum[0] += share * probability * q * y;
            sum[1] += share * probability * q * y * y;
        }
}

/* Midpoints in t, the variable that is drawn; the square root's are crowded at the start, where it is steep.
 */
START_TEST(level_agrees_with_enumeration) {
    enum { POINTS = 4000 };
    const double *clip = clips[_i];
    fb3_moments moments = joint_moments();
    for (int variant = 1; variant <= SCHEDULES; variant++) {
        fb3_noise noise = noise_of(variant, false);
        double low = fmax(clip[0], 1e-3), sum[2] = {0.0, 0.0};
        double start = fb3_schedule_level(noise.schedule, low);
        double span = fb3_schedule_level(noise.schedule, clip[1]) - start;
        for (int i = 0; i < POINTS && span > 0.0; i++) {
            double a = start * pow((start + span) / start, (double)i / POINTS);
            double b = start * pow((start + span) / start, (i + 1.0) / POINTS), t = sqrt(a * b);
            double weight = fb3_schedule_weight(noise.schedule, t) * span / (clip[1] - low);
            enumerate(sum, (b - a) / span, weight, fb3_schedule_probability(noise.schedule, t));
        }
        if (span <= 0.0)
            enumerate(sum, 1.0, 1.0, 1.0);
        fb3_clip found = fb3_clip_evaluate(&moments, &noise, clip[0], clip[1]);
        ck_assert_double_eq_tol(found.mean / sum[0], 1.0, 1e-5);
        ck_assert_double_eq_tol(found.variance / (sum[1] - sum[0] * sum[0]), 1.0, 1e-4);
    }
}
END_TEST

/* k of three is 2 alone in [0.45, 0.95], 1..3 in [0, 1]. */
START_TEST(count_agrees_with_enumeration) {
    joint_loss loss;
    joint_losses(loss);
    fb3_moments moments = joint_moments();
    const fb3_noise noise = noise_of(0, false);
    double first = 0.0, second = 0.0, two = 0.0;
    for (unsigned value = 0; value < JOINT_VALUES; value++)
        for (unsigned set = 1; set < JOINT_VALUES; set++) {
            int k = __builtin_popcount(set);
            double q = joint_parts[value] / (double)JOINT_WHOLE / (k < 3 ? 3.0 : 1.0);
            double y = (double)JOINT_TOKENS / k * loss[value][set];
            first += q * y / 3.0;
            second += q * y * y / 3.0;
            two += k == 2 ? q * y : 0.0;
        }
    fb3_clip all = fb3_clip_evaluate(&moments, &noise, 0.0, 1.0);
    ck_assert_double_eq_tol(all.mean, joint_entropy(), 1e-12);
    ck_assert_double_eq_tol(all.mean, first, 1e-12);
    ck_assert_double_eq_tol(all.variance, second - first * first, 1e-12);
    ck_assert_double_eq_tol(fb3_clip_evaluate(&moments, &noise, 0.45, 0.95).mean, two, 1e-12);
}
END_TEST

/* ---- against the estimator --------------------------------------------------------------------- */

/* Mean and variance of the loss of single blocks whose masks are drawn, resampled where _i is odd. */
START_TEST(moments_agree_with_draws) {
    enum { DRAWS = 200000 };
    const double *clip = clips[1 + _i % 4];
    const fb3_block block = {0, JOINT_TOKENS};
    joint_loss loss;
    joint_losses(loss);
    fb3_moments moments = joint_moments();
    fb3_noise noise = noise_of(_i / 4, _i % 2 == 1);
    fb3_clip expected = fb3_clip_evaluate(&moments, &noise, clip[0], clip[1]);
    noise.clip_low = clip[0];
    noise.clip_high = clip[1];
    double power[5] = {0.0}; /* sums of powers of the distance from the expected mean */
    for (uint32_t step = 0; step < DRAWS; step++) {
        uint8_t masked[JOINT_TOKENS];
        float scale[JOINT_TOKENS];
        fb3_mask_blocks(masked, scale, &block, 1, &noise, 1.0F, 17, FB3_RANDOM_MASK, step);
        double distance = joint_sample(loss, masked, scale, 17, step) - expected.mean, product = 1.0;
        for (int i = 0; i < 5; i++, product *= distance)
            power[i] += product / DRAWS;
    }
    double mean_error = sqrt(power[2] / DRAWS);
    double variance_error = sqrt((power[4] - power[2] * power[2]) / DRAWS);
    ck_assert_msg(fabs(power[1]) < 5.0 * mean_error, "mean %g is off by %g, standard error %g", expected.mean,
                  power[1], mean_error);
    ck_assert_msg(fabs(power[2] - expected.variance) < 5.0 * variance_error,
                  "variance %g, expected %g, standard error %g", power[2], expected.variance, variance_error);
}
END_TEST

/* A resampled mask that is refused to the end: only 90 of 300 tokens are accepted. The loss is k nats. */
START_TEST(refused_masks_count_too) {
    fb3_moments moments;
    fb3_moments_init(&moments, 300);
    for (size_t k = 1; k <= 300; k++)
        fb3_moments_add(&moments, k, (double)k);
    fb3_clip clip =
        fb3_clip_evaluate(&moments, &(fb3_noise){.kind = FLOWBD3_NOISE_LEVEL, .resample = true}, 0.3, 0.3005);
    double mean = 90.0 * log(0.3005 / 0.3) / 0.0005;
    ck_assert_double_eq_tol(clip.mean, mean, 1e-6);
    ck_assert_double_eq_tol(clip.variance, 90.0 * 90.0 / (0.3 * 0.3005) - mean * mean, 1e-3);
}
END_TEST

/* ---- classes ----------------------------------------------------------------------------------- */

/* More tokens than classes: a loss of 0.7 nats per token has no variance by count, and the mean by level. */
START_TEST(large_blocks_share_classes) {
    static const size_t sizes[] = {64, 65, 200, 3000};
    fb3_moments moments;
    size_t n = sizes[_i];
    fb3_moments_init(&moments, n);
    for (size_t k = 1; k <= n; k++)
        fb3_moments_add(&moments, k, 0.7 * (double)k);
    double samples = 0.0;
    for (size_t c = 0; c < FB3_MOMENT_CLASSES; c++) {
        ck_assert(moments.count[c] >= 1.0);
        samples += moments.count[c];
    }
    ck_assert_double_eq_tol(samples, (double)n, 0.5);
    for (int variant = 0; variant <= SCHEDULES; variant++) {
        fb3_noise noise = noise_of(variant, false);
        fb3_clip clip = fb3_clip_evaluate(&moments, &noise, 0.0, 1.0);
        ck_assert_double_eq_tol(clip.mean / (0.7 * (double)n), 1.0, 1e-6);
        ck_assert(variant == 0 ? clip.variance < 1e-6 * (double)n : clip.variance > 0.01);
    }
}
END_TEST

/* Five classes, of which the second and the fourth have a sample: 2 and 4 nats per token. */
START_TEST(missing_classes_lie_between_neighbours) {
    fb3_moments moments;
    fb3_moments_init(&moments, 5);
    fb3_moments_add(&moments, 2, 4.0);
    fb3_moments_add(&moments, 4, 16.0);
    fb3_noise noise = noise_of(0, false);
    static const double expected[] = {2.0, 2.0, 3.0, 4.0, 4.0};
    for (size_t k = 1; k <= 5; k++) {
        double share = (double)k / 5.0;
        fb3_clip clip = fb3_clip_evaluate(&moments, &noise, share, share);
        ck_assert_double_eq_tol(clip.mean, 5.0 * expected[k - 1], 1e-12);
        ck_assert_double_ge(clip.variance, 0.0);
    }
}
END_TEST

START_TEST(no_moments_have_no_variance) {
    fb3_moments moments;
    fb3_moments_init(&moments, 4);
    fb3_moments_add(&moments, 0, 1.0);
    fb3_moments_add(&moments, 5, 1.0);
    for (int variant = 0; variant <= SCHEDULES; variant++) {
        fb3_noise noise = noise_of(variant, true);
        ck_assert(isnan(fb3_clip_evaluate(&moments, &noise, 0.3, 0.8).variance));
        fb3_clip clip = fb3_clip_search(&moments, &noise);
        ck_assert(isnan(clip.variance) && isnan(clip.mean));
        ck_assert(clip.low == 0.0 && clip.high == 1.0);
    }
}
END_TEST

/* ---- search ------------------------------------------------------------------------------------ */

/* Twelve tokens whose loss grows with the number masked and varies most when few are. */
static fb3_moments steep_moments(void) {
    fb3_moments moments;
    fb3_moments_init(&moments, 12);
    for (size_t k = 1; k <= 12; k++)
        for (int sign = -1; sign <= 1; sign += 2)
            fb3_moments_add(&moments, k, (double)k * (1.0 + 0.1 * (double)k) + sign * 1.5);
    return moments;
}

START_TEST(search_is_exhaustive) {
    fb3_moments moments = _i < 12 ? steep_moments() : joint_moments();
    fb3_noise noise = noise_of(_i / 2 % 6, _i % 2 == 1);
    fb3_clip found = fb3_clip_search(&moments, &noise);
    fb3_clip best = fb3_clip_evaluate(&moments, &noise, 0.0, 1.0);
    for (int width = 90; width >= 50; width -= 10)
        for (int start = 0; start + width <= 100; start += 5) {
            fb3_clip clip = fb3_clip_evaluate(&moments, &noise, start / 100.0, (start + width) / 100.0);
            if (clip.variance < best.variance)
                best = clip;
        }
    ck_assert_double_eq_tol(found.low, best.low, 1e-12);
    ck_assert_double_eq_tol(found.high, best.high, 1e-12);
    ck_assert_double_eq_tol(found.variance, best.variance, 1e-12);
    ck_assert_double_eq_tol(found.mean, best.mean, 1e-12);
}
END_TEST

START_TEST(ties_go_to_the_wider) {
    fb3_moments moments;
    fb3_moments_init(&moments, 8);
    for (size_t k = 1; k <= 8; k++)
        fb3_moments_add(&moments, k, 0.5 * (double)k);
    const fb3_noise noise = noise_of(0, false);
    fb3_clip clip = fb3_clip_search(&moments, &noise);
    ck_assert(clip.low == 0.0 && clip.high == 1.0 && clip.variance == 0.0);
}
END_TEST

START_TEST(one_token_is_always_masked) {
    fb3_moments moments;
    fb3_moments_init(&moments, 1);
    fb3_moments_add(&moments, 1, 1.0);
    fb3_moments_add(&moments, 1, 3.0);
    for (int variant = 0; variant <= SCHEDULES; variant++) {
        fb3_noise noise = noise_of(variant, true);
        fb3_clip clip = fb3_clip_search(&moments, &noise);
        ck_assert(clip.low == 1.0 && clip.high == 1.0);
        ck_assert_double_eq_tol(clip.mean, 2.0, 1e-12);
        ck_assert_double_eq_tol(clip.variance, 1.0, 1e-12);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("clip");
    TCase *tests = tcase_create("clip");
    tcase_add_loop_test(tests, level_agrees_with_enumeration, 0, (int)FB3_COUNT(clips));
    tcase_add_test(tests, count_agrees_with_enumeration);
    tcase_add_loop_test(tests, moments_agree_with_draws, 0, 4 * (1 + SCHEDULES));
    tcase_add_test(tests, refused_masks_count_too);
    tcase_add_loop_test(tests, large_blocks_share_classes, 0, 4);
    tcase_add_test(tests, missing_classes_lie_between_neighbours);
    tcase_add_test(tests, no_moments_have_no_variance);
    tcase_add_loop_test(tests, search_is_exhaustive, 0, 4 * (1 + SCHEDULES));
    tcase_add_test(tests, ties_go_to_the_wider);
    tcase_add_test(tests, one_token_is_always_masked);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
