/* The kernels that are no layers, in every variant, against plain loops. */
#include "base/base.h"
#include "nn/nn.h"
#include "test_main.h"

#include <math.h>

enum { MOST = 300 };

static double draw(size_t i, uint32_t stream) {
    return 2.0 * fb3_uniform(13, FB3_RANDOM_INITIAL_WEIGHTS, i, stream) - 1.0;
}

START_TEST(the_first_within_is_found) {
    for (const fb3_kernels *const *k = fb3_kernels_all(); *k != NULL; k++) {
        float x[MOST];
        for (size_t i = 0; i < MOST; i++)
            x[i] = i % 7 == 3 ? NAN : i % 11 == 5 ? INFINITY : 2.0f;
        for (size_t count = 0; count <= MOST; count++)
            ck_assert_uint_eq((*k)->first_within(x, count, 1.0f), count); /* none, and NaN is none */
        for (size_t at = 0; at < MOST; at++) {
            float before = x[at];
            x[at] = 1.0f; /* as much as the limit is within */
            ck_assert_uint_eq((*k)->first_within(x, MOST, 1.0f), at);
            ck_assert_uint_eq((*k)->first_within(x, at, 1.0f), at);
            ck_assert_uint_eq((*k)->first_within(x + at, MOST - at, 1.0f), 0);
            x[at] = before;
        }
        ck_assert_uint_eq((*k)->first_within(x, MOST, INFINITY), 0);
    }
}
END_TEST

START_TEST(offsets_are_limited) {
    double x[MOST], middle[MOST];
    for (size_t i = 0; i < MOST; i++) {
        x[i] = 4.0 * draw(i, 0);
        middle[i] = draw(i, 1);
    }
    for (const fb3_kernels *const *k = fb3_kernels_all(); *k != NULL; k++)
        for (size_t count = 0; count <= MOST; count += 1 + count / 9) {
            float y[MOST + 1];
            double sum = 0.0, most = 3.0, got;
            size_t limited = 0;
            y[count] = 77.0f;
            got = (*k)->offsets(y, x, middle, count, -2.0, most);
            for (size_t i = 0; i < count; i++) {
                double offset = -2.0 * (x[i] - middle[i]);
                float expected = (float)fmax(-most, fmin(most, offset));
                ck_assert(y[i] == expected);
                limited += fabs(offset) > most;
                sum += (double)expected * (double)expected;
            }
            ck_assert_double_eq_tol(got, sum, 1e-12 * (1.0 + sum));
            ck_assert(y[count] == 77.0f);
            ck_assert(count < MOST || (limited > 20 && limited < MOST - 20));
        }
}
END_TEST

START_TEST(squares_are_summed) {
    static float x[20000];
    double sum = 0.0;
    for (size_t i = 0; i < FB3_COUNT(x); i++) {
        x[i] = (float)draw(i, 2);
        sum += (double)x[i] * (double)x[i];
    }
    for (const fb3_kernels *const *k = fb3_kernels_all(); *k != NULL; k++) {
        ck_assert_double_eq_tol((*k)->square_sum(x, FB3_COUNT(x)), sum, 1e-5 * sum);
        ck_assert_double_eq_tol((*k)->square_sum(x, 3),
                                (double)(x[0] * x[0]) + (double)(x[1] * x[1]) + (double)(x[2] * x[2]), 1e-6);
        ck_assert((*k)->square_sum(x, 0) == 0.0);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("kernels");
    TCase *tests = tcase_create("kernels");
    tcase_add_test(tests, the_first_within_is_found);
    tcase_add_test(tests, offsets_are_limited);
    tcase_add_test(tests, squares_are_summed);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
