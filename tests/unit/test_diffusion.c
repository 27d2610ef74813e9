/* Masks: the weights of both estimators, the strata, and the uniformity of subsets. */
#include "diffusion/diffusion.h"
#include "test_main.h"

#include <math.h>

enum { BLOCKS = 60, N = 5 };

/* Sum of the weights of the masked tokens; the NELBO of a constant loss of 1 nat per token is N nats. */
static double weight(const uint8_t *masked, const float *scale) {
    double sum = 0.0;
    for (size_t i = 0; i < BLOCKS * N; i++)
        sum += masked[i] != 0 ? (double)scale[i / N] : 0.0;
    return sum;
}

START_TEST(count_weights_every_batch_alike) {
    for (uint32_t step = 0; step < 50; step++) {
        uint8_t masked[BLOCKS * N];
        float scale[BLOCKS];
        size_t of_count[N + 1] = {0};
        fb3_mask_by_count(masked, scale, BLOCKS, N, 3, FB3_RANDOM_MASK, step);
        ck_assert_double_eq_tol(weight(masked, scale), N, 1e-5);
        for (size_t b = 0; b < BLOCKS; b++) {
            size_t k = 0;
            for (size_t i = 0; i < N; i++)
                k += masked[b * N + i];
            of_count[k]++;
            ck_assert_double_eq_tol((double)scale[b] * (double)k * BLOCKS, N, 1e-5);
        }
        ck_assert_uint_eq(of_count[0], 0);
        for (size_t k = 1; k <= N; k++) /* stratified: each count as often, but for rounding at the start */
            ck_assert_uint_le(of_count[k] > BLOCKS / N ? of_count[k] - BLOCKS / N : BLOCKS / N - of_count[k],
                              1);
    }
}
END_TEST

START_TEST(level_has_the_same_mean) {
    enum { STEPS = 4000 };
    double sum = 0.0, squares = 0.0, masked_share = 0.0;
    for (uint32_t step = 0; step < STEPS; step++) {
        uint8_t masked[BLOCKS * N];
        float scale[BLOCKS];
        fb3_mask_by_level(masked, scale, BLOCKS, N, 3, FB3_RANDOM_MASK, step);
        double w = weight(masked, scale);
        sum += w;
        squares += w * w;
        for (size_t i = 0; i < BLOCKS * N; i++)
            masked_share += masked[i];
    }
    double mean = sum / STEPS, error = sqrt((squares / STEPS - mean * mean) / STEPS);
    ck_assert_msg(fabs(mean - N) < 5.0 * error, "mean weight %g, standard error %g, expected %d", mean, error,
                  N);
    ck_assert_double_eq_tol(masked_share / (STEPS * BLOCKS * N), 0.5, 0.005);
}
END_TEST

/* chi-square over the 10 pairs of 5 tokens, 9 degrees of freedom; 27.88 is its 0.999 quantile. */
START_TEST(subsets_are_uniform) {
    size_t seen[32] = {0}, total = 0;
    for (uint32_t step = 0; step < 1000; step++) {
        uint8_t masked[BLOCKS * N];
        float scale[BLOCKS];
        fb3_mask_by_count(masked, scale, BLOCKS, N, 8, FB3_RANDOM_MASK, step);
        for (size_t b = 0; b < BLOCKS; b++) {
            size_t set = 0, k = 0;
            for (size_t i = 0; i < N; i++) {
                set |= (size_t)masked[b * N + i] << i;
                k += masked[b * N + i];
            }
            if (k == 2) {
                seen[set]++;
                total++;
            }
        }
    }
    double chi = 0.0, expected = (double)total / 10.0;
    for (size_t set = 0; set < 32; set++)
        if (__builtin_popcountll(set) == 2)
            chi += ((double)seen[set] - expected) * ((double)seen[set] - expected) / expected;
    ck_assert_double_lt(chi, 27.88);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("diffusion");
    TCase *tests = tcase_create("diffusion");
    tcase_add_test(tests, count_weights_every_batch_alike);
    tcase_add_test(tests, level_has_the_same_mean);
    tcase_add_test(tests, subsets_are_uniform);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
