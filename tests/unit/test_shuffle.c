/* Shuffles without memory: bijections, as even as random permutations, and independent of one another. */
#include "base/base.h"
#include "test_main.h"

#include <math.h>
#include <string.h>

/* Whether it takes every number of 0..count-1 once, and back to its place. */
static void assert_bijection(const fb3_shuffle *shuffle, uint64_t count) {
    uint8_t *seen = calloc((size_t)count, 1);
    ck_assert_ptr_nonnull(seen);
    for (uint64_t place = 0; place < count; place++) {
        uint64_t number = fb3_shuffle_at(shuffle, place);
        ck_assert_uint_lt(number, count);
        ck_assert_uint_eq(seen[number]++, 0);
        ck_assert_uint_eq(fb3_shuffle_place(shuffle, number), place);
    }
    free(seen);
}

START_TEST(every_count_is_permuted) {
    static const uint64_t large[] = {1000, 4095, 4096, 4097, 65535, 65537};
    for (uint64_t count = 1; count <= 400; count++) {
        fb3_shuffle shuffle = fb3_shuffle_of(count, count % 7, FB3_RANDOM_SHUFFLE, (uint32_t)count % 3);
        assert_bijection(&shuffle, count);
    }
    for (size_t i = 0; i < FB3_COUNT(large); i++) {
        fb3_shuffle shuffle = fb3_shuffle_of(large[i], 5, FB3_RANDOM_SPLIT, 0);
        assert_bijection(&shuffle, large[i]);
    }
}
END_TEST

START_TEST(places_of_counts_too_large_to_list) {
    static const uint64_t counts[] = {UINT64_C(10000000), (UINT64_C(1) << 32) + 1, UINT64_C(1) << 63,
                                      UINT64_MAX};
    for (size_t i = 0; i < FB3_COUNT(counts); i++) {
        fb3_shuffle shuffle = fb3_shuffle_of(counts[i], 3, FB3_RANDOM_SHUFFLE, 1);
        for (uint64_t k = 0; k < 2000; k++) {
            uint64_t place = k % 2 == 0 ? k : counts[i] - 1 - k * (counts[i] / 2001);
            uint64_t number = fb3_shuffle_at(&shuffle, place);
            ck_assert_uint_lt(number, counts[i]);
            ck_assert_uint_eq(fb3_shuffle_place(&shuffle, number), place);
        }
    }
}
END_TEST

/* How far the chi-square of counts that are equally likely is above its mean, in standard deviations. */
static double deviation(const uint32_t *counts, size_t cells, double draws) {
    double expected = draws / (double)cells, square = 0.0;
    for (size_t i = 0; i < cells; i++)
        square += ((double)counts[i] - expected) * ((double)counts[i] - expected) / expected;
    return (square - (double)(cells - 1)) / sqrt(2.0 * (double)(cells - 1));
}

enum { DRAWS = 40000, MOST_PERMUTATIONS = 720, MOST_PAIRED = 40 };
static const double most_deviation = 4.5;

/* The number of a permutation of count numbers among all. */
static size_t rank_of(const fb3_shuffle *shuffle, size_t count) {
    uint64_t number[6];
    size_t rank = 0;
    for (size_t i = 0; i < count; i++)
        number[i] = fb3_shuffle_at(shuffle, i);
    for (size_t i = 0; i < count; i++) {
        size_t below = 0;
        for (size_t k = i + 1; k < count; k++)
            below += number[k] < number[i];
        rank = rank * (count - i) + below;
    }
    return rank;
}

START_TEST(all_permutations_of_few_numbers_are_equally_likely) {
    static const size_t permutations[] = {1, 1, 2, 6, 24, 120, MOST_PERMUTATIONS};
    for (size_t count = 2; count < FB3_COUNT(permutations); count++) {
        uint32_t counts[MOST_PERMUTATIONS] = {0};
        for (uint64_t seed = 0; seed < DRAWS; seed++) {
            fb3_shuffle shuffle = fb3_shuffle_of(count, seed, FB3_RANDOM_SHUFFLE, 1);
            counts[rank_of(&shuffle, count)]++;
        }
        ck_assert_double_lt(deviation(counts, permutations[count], DRAWS), most_deviation);
    }
}
END_TEST

/* The numbers at two places, over seeds or over epochs: each, and both together. */
START_TEST(pairs_of_numbers_are_equally_likely) {
    static const size_t counts[] = {7, 17, 32, MOST_PAIRED};
    for (size_t i = 0; i < 2 * FB3_COUNT(counts); i++) {
        size_t count = counts[i / 2], last = count - 1;
        uint32_t single[MOST_PAIRED] = {0}, pairs[MOST_PAIRED * MOST_PAIRED] = {0};
        for (uint32_t draw = 0; draw < DRAWS; draw++) {
            fb3_shuffle shuffle = i % 2 == 0 ? fb3_shuffle_of(count, draw, FB3_RANDOM_SHUFFLE, 1)
                                             : fb3_shuffle_of(count, 11, FB3_RANDOM_SHUFFLE, draw);
            size_t a = (size_t)fb3_shuffle_at(&shuffle, 0);
            size_t b = (size_t)fb3_shuffle_at(&shuffle, 1 + draw % last);
            single[a]++;
            pairs[a * last + (b > a ? b - 1 : b)]++;
        }
        ck_assert_double_lt(deviation(single, count, DRAWS), most_deviation);
        ck_assert_double_lt(deviation(pairs, count * last, DRAWS), most_deviation);
    }
}
END_TEST

/* Where a number of one epoch is in the next one says nothing: neither its place nor the one after it. */
START_TEST(epochs_are_independent) {
    enum { COUNT = 20000, PARTS = 25 };
    for (uint32_t epoch = 1; epoch <= 8; epoch++) {
        uint32_t places[PARTS * PARTS] = {0}, next[PARTS * PARTS] = {0};
        fb3_shuffle one = fb3_shuffle_of(COUNT, 9, FB3_RANDOM_SHUFFLE, epoch);
        fb3_shuffle other = fb3_shuffle_of(COUNT, 9, FB3_RANDOM_SHUFFLE, epoch + 1);
        size_t same = 0;
        for (size_t place = 0; place < COUNT; place++) {
            uint64_t there = fb3_shuffle_place(&other, fb3_shuffle_at(&one, place));
            uint64_t after = fb3_shuffle_place(&other, fb3_shuffle_at(&one, (place + 1) % COUNT));
            places[place * PARTS / COUNT * PARTS + there * PARTS / COUNT]++;
            next[there * PARTS / COUNT * PARTS + after * PARTS / COUNT]++;
            same += there == place;
        }
        ck_assert_double_lt(deviation(places, PARTS * PARTS, COUNT), most_deviation);
        ck_assert_double_lt(deviation(next, PARTS * PARTS, COUNT), most_deviation);
        ck_assert_uint_lt(same, 10); /* one on average */
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("shuffle");
    TCase *tests = tcase_create("shuffle");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, every_count_is_permuted);
    tcase_add_test(tests, places_of_counts_too_large_to_list);
    tcase_add_test(tests, all_permutations_of_few_numbers_are_equally_likely);
    tcase_add_test(tests, pairs_of_numbers_are_equally_likely);
    tcase_add_test(tests, epochs_are_independent);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
