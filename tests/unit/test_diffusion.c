/* Masks: schedules and their weights, strata, clips, and the uniformity of subsets. */
#include "diffusion/range.h"
#include "joint.h"
#include "test_main.h"

#include <math.h>
#include <string.h>

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
    flowbd3_schedule schedule = (flowbd3_schedule)_i;
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

/* ---- weights ----------------------------------------------------------------------------------- */

/* Mean of what is observed once a step, and its standard error. */
typedef struct estimate {
    double count, sum, squares;
} estimate;

static void observe(estimate *e, double value) {
    e->count++;
    e->sum += value;
    e->squares += value * value;
}

static void check_mean(const estimate *e, double expected, double tolerance, const char *what) {
    double mean = e->sum / e->count, error = sqrt((e->squares / e->count - mean * mean) / e->count);
    ck_assert_msg(fabs(mean - expected) < 5.0 * error + tolerance,
                  "%s: mean %g, standard error %g, expected %g", what, mean, error, expected);
}

/* Blocks of four sizes in one batch, under every schedule, whole and clipped. */
START_TEST(mean_weight_is_the_number_of_tokens) {
    enum { SIZES = 4, OF_EACH = 3, STEPS = 8000 };
    static const size_t sizes[SIZES] = {1, 3, 10, 64};
    fb3_noise noise = {.kind = FLOWBD3_NOISE_LEVEL, .schedule = (flowbd3_schedule)(_i / 2)};
    noise.clip_low = _i % 2 == 0 ? 0.0 : 0.3;
    noise.clip_high = _i % 2 == 0 ? 1.0 : 0.8;
    fb3_block blocks[SIZES * OF_EACH];
    for (size_t b = 0, first = 0; b < FB3_COUNT(blocks); b++) {
        blocks[b] = (fb3_block){first, sizes[b % SIZES]};
        first += blocks[b].tokens;
    }
    estimate weight[SIZES] = {{0}};
    for (uint32_t step = 0; step < STEPS; step++) {
        uint8_t masked[ROWS];
        float scale[ROWS];
        double sum[SIZES] = {0};
        fb3_mask_blocks(masked, scale, blocks, FB3_COUNT(blocks), &noise, 1.0F, 21, FB3_RANDOM_MASK, step);
        for (size_t b = 0; b < FB3_COUNT(blocks); b++)
            for (size_t i = 0; i < blocks[b].tokens; i++)
                sum[b % SIZES] += (double)scale[blocks[b].first + i];
        for (size_t s = 0; s < SIZES; s++)
            observe(&weight[s], sum[s] / OF_EACH);
    }
    for (size_t s = 0; s < SIZES; s++)
        check_mean(&weight[s], (double)sizes[s], 0.0, "weight");
}
END_TEST

/* With the exact conditionals of a joint every order of unmasking yields its probability, so that the NELBO
 * is the entropy: of the count, and of the level under every schedule (_i > 0). The levels below 0.001 that
 * are left out change the mean by less than a thousandth of the largest loss. */
START_TEST(every_estimator_has_the_mean_of_the_bound) {
    enum { STEPS = 20000, BATCH = 16 };
    fb3_noise noise = {.kind = _i == 0 ? FLOWBD3_NOISE_COUNT : FLOWBD3_NOISE_LEVEL,
                       .schedule = (flowbd3_schedule)(_i == 0 ? 0 : _i - 1)};
    joint_loss loss;
    joint_losses(loss);
    estimate nelbo = {0};
    for (uint32_t step = 0; step < STEPS; step++) {
        batch b;
        double sum = 0.0;
        draw(&b, BATCH, JOINT_TOKENS, &noise, 4, step);
        for (size_t block = 0; block < BATCH; block++)
            sum += joint_sample(loss, b.masked + block * JOINT_TOKENS, b.scale + block * JOINT_TOKENS, 4,
                                step * BATCH + (uint32_t)block);
        observe(&nelbo, sum / BATCH);
    }
    check_mean(&nelbo, joint_entropy(), 2e-3, _i == 0 ? "count" : "level");
}
END_TEST

/* ---- clips ------------------------------------------------------------------------------------- */

static const double clips[][2] = {{0.0, 1.0},  {0.0, 0.5}, {0.3, 0.8}, {0.45, 0.95}, {0.5, 1.0},
                                  {0.4, 0.45}, {0.0, 0.1}, {0.9, 1.0}, {1.0, 1.0}};

static double distance(size_t k, size_t n, const double clip[2]) {
    double share = (double)k / (double)n;
    return share < clip[0] ? clip[0] - share : share > clip[1] ? share - clip[1] : 0.0;
}

/* How near a share of one masked token or more can come to the clip. */
static double least_distance(size_t n, const double clip[2]) {
    double least = 1.0;
    for (size_t k = 1; k <= n; k++)
        least = fmin(least, distance(k, n, clip));
    return least;
}

/* The count always, the level with resampling wherever a share lies inside. */
START_TEST(shares_stay_inside_the_clip) {
    const double *clip = clips[_i];
    for (size_t n = 1; n <= 20; n++) {
        double least = least_distance(n, clip);
        for (int variant = 0; variant <= SCHEDULES; variant++) {
            fb3_noise noise = {.kind = variant == 0 ? FLOWBD3_NOISE_COUNT : FLOWBD3_NOISE_LEVEL,
                               .schedule = (flowbd3_schedule)(variant == 0 ? 0 : variant - 1),
                               .clip_low = clip[0],
                               .clip_high = clip[1],
                               .resample = variant > 0};
            for (uint32_t step = 0; step < 40; step++) {
                batch b;
                draw(&b, ROWS / 20, n, &noise, 6, step);
                for (size_t block = 0; block < b.blocks; block++) {
                    size_t k = masked_of(&b, block);
                    if (variant == 0)
                        ck_assert(k > 0 && distance(k, n, clip) <= least + 1e-12);
                    else if (least <= 0.0)
                        ck_assert(distance(k, n, clip) <= 0.0);
                }
            }
        }
    }
}
END_TEST

/* One count of 300 tokens is accepted, which 32 draws often miss. */
START_TEST(resampling_ends_inside_the_clip) {
    const fb3_noise noise = {
        .kind = FLOWBD3_NOISE_LEVEL, .clip_low = 0.3, .clip_high = 0.3005, .resample = true};
    size_t early = 0;
    for (uint32_t step = 0; step < 300; step++) {
        batch b;
        draw(&b, 1, ROWS, &noise, 9, step);
        ck_assert_uint_eq(masked_of(&b, 0), 90);
        for (size_t i = 0; i < ROWS / 2; i++)
            early += b.masked[i];
    }
    ck_assert_double_eq_tol((double)early / (300.0 * ROWS / 2), 0.3, 0.01);
}
END_TEST

START_TEST(resampling_keeps_accepted_masks) {
    fb3_noise noise = {.kind = FLOWBD3_NOISE_LEVEL, .clip_low = 0.4, .clip_high = 1.0};
    size_t kept = 0;
    for (uint32_t step = 0; step < 20; step++) {
        batch once, again;
        noise.resample = false;
        draw(&once, BLOCKS, N, &noise, 9, step);
        noise.resample = true;
        draw(&again, BLOCKS, N, &noise, 9, step);
        for (size_t block = 0; block < BLOCKS; block++) {
            bool same = memcmp(once.masked + block * N, again.masked + block * N, N) == 0;
            ck_assert(same == (masked_of(&once, block) >= 2));
            kept += same;
        }
    }
    ck_assert_uint_gt(kept, 20 * BLOCKS / 2);
}
END_TEST

/* ---- strata ------------------------------------------------------------------------------------ */

/* The weight tells the level: one of them in each of as many equal parts of the range as there are blocks. */
START_TEST(levels_are_spread_evenly) {
    enum { FEW = 20, TOKENS = ROWS / FEW };
    const double low = _i % 2 == 0 ? 0.3 : 0.001, high = _i % 2 == 0 ? 0.8 : 1.0;
    const fb3_noise noise = {.kind = FLOWBD3_NOISE_LEVEL,
                             .schedule = _i < 2 ? FLOWBD3_SCHEDULE_LINEAR : FLOWBD3_SCHEDULE_SQUARE,
                             .clip_low = low,
                             .clip_high = high};
    const double start = _i < 2 ? low : sqrt(low), span = (_i < 2 ? high : sqrt(high)) - start;
    const double numerator = _i < 2 ? 1.0 : 2.0 * span / (high - low); /* of the weight over t */
    for (uint32_t step = 0; step < 50; step++) {
        batch b;
        size_t in_part[FEW + 1] = {0}, blank = 0, most = 0;
        draw(&b, FEW, TOKENS, &noise, 30, step);
        double offset = fb3_uniform(30, FB3_RANDOM_MASK, UINT64_MAX, step);
        for (size_t block = 0; block < FEW; block++) {
            float weight = 0.0F;
            for (size_t i = 0; i < TOKENS; i++)
                weight = fmaxf(weight, b.scale[block * TOKENS + i]);
            blank += weight <= 0.0F;
            if (weight <= 0.0F)
                continue;
            double u = (numerator / (double)weight - start) / span;
            double part = u * FEW - (offset * FEW - floor(offset * FEW)) + 0.5;
            in_part[(size_t)fmax(part, 0.0)]++;
        }
        for (size_t i = 0; i <= FEW; i++)
            most = in_part[i] > most ? in_part[i] : most;
        ck_assert_uint_eq(most, 1);
        ck_assert_uint_lt(blank, FEW / 2);
    }
}
END_TEST

START_TEST(clipped_counts_are_spread_evenly) {
    const fb3_noise noise = {.kind = FLOWBD3_NOISE_COUNT, .clip_low = 0.3, .clip_high = 0.8};
    for (uint32_t step = 0; step < 50; step++) {
        batch b;
        size_t of_count[11] = {0};
        draw(&b, 30, 10, &noise, 5, step);
        for (size_t block = 0; block < 30; block++)
            of_count[masked_of(&b, block)]++;
        for (size_t k = 3; k <= 8; k++)
            ck_assert(of_count[k] >= 4 && of_count[k] <= 6);
    }
}
END_TEST

/* ---- limits ------------------------------------------------------------------------------------ */

/* The autoregressive limit: everything masked, weight 1, times the factor. */
START_TEST(clip_of_one_masks_everything) {
    const fb3_block blocks[] = {{0, 7}, {7, 1}, {8, 0}, {8, 20}};
    for (int variant = 0; variant <= SCHEDULES; variant++) {
        const fb3_noise noise = {.kind = variant == 0 ? FLOWBD3_NOISE_COUNT : FLOWBD3_NOISE_LEVEL,
                                 .schedule = (flowbd3_schedule)(variant == 0 ? 0 : variant - 1),
                                 .clip_low = 1.0,
                                 .clip_high = 1.0,
                                 .resample = variant > 0};
        uint8_t masked[28];
        float scale[28];
        fb3_mask_blocks(masked, scale, blocks, FB3_COUNT(blocks), &noise, 0.25F, 1, FB3_RANDOM_MASK, 0);
        for (size_t i = 0; i < FB3_COUNT(masked); i++) {
            ck_assert_uint_eq(masked[i], 1);
            ck_assert_float_eq_tol(scale[i], 0.25F, 1e-7F);
        }
    }
}
END_TEST

/* A block of one token: always masked by count; by level with the probability of the level. */
START_TEST(one_token_is_a_block) {
    fb3_noise noise = {.kind = FLOWBD3_NOISE_COUNT, .clip_high = 0.5};
    batch b;
    draw(&b, BLOCKS, 1, &noise, 2, 0);
    for (size_t block = 0; block < BLOCKS; block++) {
        ck_assert_uint_eq(b.masked[block], 1);
        ck_assert_float_eq_tol(b.scale[block], 1.0F, 1e-7F);
    }
    size_t sum = 0;
    noise = (fb3_noise){.kind = FLOWBD3_NOISE_LEVEL, .clip_low = 0.2, .clip_high = 0.6, .resample = true};
    for (uint32_t step = 0; step < 200; step++) {
        draw(&b, BLOCKS, 1, &noise, 2, step);
        for (size_t block = 0; block < BLOCKS; block++)
            sum += b.masked[block];
    }
    ck_assert_double_eq_tol((double)sum / (200.0 * BLOCKS), 0.4, 0.02);
}
END_TEST

/* Rows of no block are left alone, and blocks may stand anywhere; a clip below the least level is that level.
 */
START_TEST(only_rows_of_blocks_are_written) {
    const fb3_block blocks[] = {{6, 2}, {1, 3}};
    const fb3_noise noise = {.kind = FLOWBD3_NOISE_LEVEL, .clip_high = 0.0005};
    uint8_t masked[9];
    float scale[9];
    for (uint32_t step = 0; step < 2000; step++) {
        memset(masked, 7, sizeof masked);
        fb3_mask_blocks(masked, scale, blocks, 2, &noise, 1.0F, 1, FB3_RANDOM_MASK, step);
        fb3_mask_blocks(masked, scale, blocks, 0, &noise, 1.0F, 1, FB3_RANDOM_MASK, step);
        for (size_t i = 0; i < FB3_COUNT(masked); i++) {
            bool inside = (i >= 1 && i < 4) || (i >= 6 && i < 8);
            ck_assert(inside ? masked[i] <= 1 : masked[i] == 7);
            if (inside)
                ck_assert_float_eq_tol(scale[i], masked[i] != 0 ? 2000.0F : 0.0F, 1e-2F);
        }
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("diffusion");
    TCase *tests = tcase_create("diffusion");
    tcase_add_loop_test(tests, schedules_match_their_formulas, 0, SCHEDULES);
    tcase_add_test(tests, count_weights_every_block_alike);
    tcase_add_test(tests, subsets_are_uniform);
    tcase_add_test(tests, masks_keep_their_bits);
    tcase_add_loop_test(tests, mean_weight_is_the_number_of_tokens, 0, 2 * SCHEDULES);
    tcase_add_loop_test(tests, every_estimator_has_the_mean_of_the_bound, 0, 1 + SCHEDULES);
    tcase_add_loop_test(tests, shares_stay_inside_the_clip, 0, (int)FB3_COUNT(clips));
    tcase_add_test(tests, resampling_ends_inside_the_clip);
    tcase_add_test(tests, resampling_keeps_accepted_masks);
    tcase_add_loop_test(tests, levels_are_spread_evenly, 0, 4);
    tcase_add_test(tests, clipped_counts_are_spread_evenly);
    tcase_add_test(tests, clip_of_one_masks_everything);
    tcase_add_test(tests, one_token_is_a_block);
    tcase_add_test(tests, only_rows_of_blocks_are_written);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
