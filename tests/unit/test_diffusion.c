/* Masks: schedules and their weights, strata, clips, and the uniformity of subsets. */
#include "diffusion/range.h"
#include "test_main.h"

#include <math.h>
#include <string.h>

static const flowbd3_schedule schedules[] = {FLOWBD3_SCHEDULE_LINEAR, FLOWBD3_SCHEDULE_COSINE,
                                             FLOWBD3_SCHEDULE_SQUARE, FLOWBD3_SCHEDULE_SQUARE_ROOT,
                                             FLOWBD3_SCHEDULE_LOGARITHMIC};

enum { BLOCKS = 60, N = 5, ROWS = BLOCKS * N };

/* A batch of equal blocks, one after the other. */
typedef struct batch {
    uint8_t masked[ROWS];
    float scale[ROWS];
    size_t blocks, n;
} batch;

static size_t masked_of(const batch *b, size_t block) {
    size_t k = 0;
    for (size_t i = 0; i < b->n; i++)
        k += b->masked[block * b->n + i];
    return k;
}

static void draw(batch *b, size_t blocks, size_t n, const fb3_noise *noise, uint64_t seed, uint32_t step) {
    fb3_block list[ROWS];
    for (size_t i = 0; i < blocks; i++)
        list[i] = (fb3_block){i * n, n};
    b->blocks = blocks;
    b->n = n;
    fb3_mask_blocks(b->masked, b->scale, list, blocks, noise, 1.0f, seed, FB3_RANDOM_MASK, step);
}

/* ---- schedules --------------------------------------------------------------------------------- */

static double probability(flowbd3_schedule schedule, double t) {
    const double pi = acos(-1.0);
    switch (schedule) {
    case FLOWBD3_SCHEDULE_COSINE:
        return 1.0 - cos(pi * t / 2.0);
    case FLOWBD3_SCHEDULE_SQUARE:
        return t * t;
    case FLOWBD3_SCHEDULE_SQUARE_ROOT:
        return sqrt(t);
    case FLOWBD3_SCHEDULE_LOGARITHMIC:
        return log(1.0 + t) / log(2.0);
    case FLOWBD3_SCHEDULE_LINEAR:
        break;
    }
    return t;
}

START_TEST(schedules_match_their_formulas) {
    flowbd3_schedule schedule = schedules[_i];
    ck_assert_double_eq_tol(fb3_schedule_probability(schedule, 1.0), 1.0, 1e-15);
    ck_assert_double_eq_tol(fb3_schedule_level(schedule, 1.0), 1.0, 1e-15);
    for (int i = 1; i <= 1000; i++) {
        double t = i / 1000.0, h = 1e-6 * t, p = probability(schedule, t);
        double slope = (probability(schedule, t + h) - probability(schedule, t - h)) / (2.0 * h);
        ck_assert_double_eq_tol(fb3_schedule_probability(schedule, t), p, 1e-14);
        ck_assert_double_eq_tol(fb3_schedule_weight(schedule, t) * p / slope, 1.0, 2e-4);
        ck_assert_double_eq_tol(fb3_schedule_level(schedule, p) / t, 1.0, 1e-9);
    }
}
END_TEST

/* ---- counts ------------------------------------------------------------------------------------ */

START_TEST(count_weights_every_block_alike) {
    const fb3_noise noise = {.kind = FLOWBD3_NOISE_COUNT};
    for (uint32_t step = 0; step < 50; step++) {
        batch b;
        size_t of_count[N + 1] = {0};
        draw(&b, BLOCKS, N, &noise, 3, step);
        for (size_t i = 0; i < ROWS; i++) {
            double expected = b.masked[i] != 0 ? (double)N / (double)masked_of(&b, i / N) : 0.0;
            ck_assert_double_eq_tol((double)b.scale[i], expected, 1e-6);
        }
        for (size_t i = 0; i < BLOCKS; i++)
            of_count[masked_of(&b, i)]++;
        ck_assert_uint_eq(of_count[0], 0);
        for (size_t k = 1; k <= N; k++) /* stratified: each count as often, but for rounding at the start */
            ck_assert_uint_le(of_count[k] > BLOCKS / N ? of_count[k] - BLOCKS / N : BLOCKS / N - of_count[k],
                              1);
    }
}
END_TEST

/* chi-square over the 10 pairs of 5 tokens, 9 degrees of freedom; 27.88 is its 0.999 quantile. */
START_TEST(subsets_are_uniform) {
    const fb3_noise noise = {.kind = FLOWBD3_NOISE_COUNT};
    size_t seen[32] = {0}, total = 0;
    for (uint32_t step = 0; step < 1000; step++) {
        batch b;
        draw(&b, BLOCKS, N, &noise, 8, step);
        for (size_t block = 0; block < BLOCKS; block++) {
            size_t set = 0;
            for (size_t i = 0; i < N; i++)
                set |= (size_t)b.masked[block * N + i] << i;
            if (masked_of(&b, block) == 2) {
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

/* ---- the draws of earlier versions ------------------------------------------------------------- */

/* Six blocks of seven tokens, by count and by linear level, whose bits training runs depend on. */
START_TEST(masks_keep_their_bits) {
    static const char *const expected[3][2] = {
        {"000100000100101010001110010111111011111111", "000000000100001010000110010110111101111111"},
        {"100000010100001000011111010011110111111111", "000010011101001000000111010111110011110110"},
        {"010101000011111010111011111100000010000011", "010001000001101010100010011100000000000001"}};
    static const float weights[3][2][6] = {
        {{7, 3.5, 2.33333349F, 1.75, 1.16666675F, 1},
         {16.9130459F, 4.43211412F, 2.55020094F, 1.79010665F, 1.37907076F, 1.12154651F}},
        {{7, 3.5, 2.33333349F, 1.75, 1.16666675F, 1},
         {14.0915203F, 4.21115303F, 2.47546387F, 1.75295699F, 1.35691714F, 1.10685015F}},
        {{2.33333349F, 1.75, 1.39999998F, 1.16666675F, 7, 3.5},
         {2.93894243F, 1.97332668F, 1.48531377F, 1.19081867F, 137.770889F, 5.75511646F}}};
    for (uint32_t step = 0; step < 3; step++)
        for (int kind = 0; kind < 2; kind++) {
            const fb3_noise noise = {.kind = (flowbd3_noise)kind};
            batch b;
            draw(&b, 6, 7, &noise, 5000000011, step);
            for (size_t i = 0; i < 42; i++) {
                ck_assert_uint_eq(b.masked[i], expected[step][kind][i] == '1');
                if (b.masked[i] != 0)
                    ck_assert_float_eq_tol(b.scale[i] / weights[step][kind][i / 7], 1.0F, 3e-7F);
            }
        }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("diffusion");
    TCase *tests = tcase_create("diffusion");
    tcase_add_loop_test(tests, schedules_match_their_formulas, 0, (int)FB3_COUNT(schedules));
    tcase_add_test(tests, count_weights_every_block_alike);
    tcase_add_test(tests, subsets_are_uniform);
    tcase_add_test(tests, masks_keep_their_bits);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
