/* Strata of draws: each row alone is uniform, a group spreads evenly, and what is drawn keeps its
 * distribution and loses variance. */
#include "oracle.h"
#include "sampler/strata.h"
#include "test_main.h"

enum { DRAWS = 6, GROUPS = 2000 };

static uint8_t strata[DRAWS][FB3_STRATA];

static void fill(uint64_t seed, uint64_t group) {
    fb3_strata_fill(strata[0], DRAWS, seed, group);
}

START_TEST(every_draw_takes_each_part_once) {
    for (uint64_t group = 0; group < 50; group++) {
        fill(3, group);
        for (size_t d = 0; d < DRAWS; d++) {
            bool seen[FB3_STRATA] = {false};
            for (size_t row = 0; row < FB3_STRATA; row++)
                seen[strata[d][row]] = true;
            for (size_t part = 0; part < FB3_STRATA; part++)
                ck_assert(seen[part]);
        }
    }
}
END_TEST

/* Two draws cut the square into 256 boxes of any shape whose sides are powers of two; one row is in each for
 * the first two, and at most two for any pair of the first four. */
START_TEST(pairs_of_draws_spread_over_the_square) {
    for (uint64_t group = 0; group < 20; group++) {
        fill(4, group);
        for (size_t a = 0; a < 4; a++)
            for (size_t b = a + 1; b < 4; b++)
                for (unsigned bits = 0; bits <= 8; bits++) {
                    uint8_t box[FB3_STRATA] = {0}, most = 0;
                    for (size_t row = 0; row < FB3_STRATA; row++) {
                        unsigned x = (unsigned)strata[a][row] >> (8 - bits),
                                 y = (unsigned)strata[b][row] >> bits;
                        uint8_t *rows = &box[x << (8 - bits) | y];
                        *rows = (uint8_t)(*rows + 1);
                        most = *rows > most ? *rows : most;
                    }
                    ck_assert_uint_le(most, a == 0 && b == 1 ? 1 : 2);
                }
    }
}
END_TEST

/* Chi-square of 16 times 16 cells, each expected GROUPS / 256 times; 0.9999 quantile of 255 degrees: 344. */
static double chi_square(const size_t count[16][16]) {
    double expected = GROUPS / 256.0, sum = 0.0;
    for (size_t i = 0; i < 16; i++)
        for (size_t k = 0; k < 16; k++)
            sum += ((double)count[i][k] - expected) * ((double)count[i][k] - expected) / expected;
    return sum;
}

/* Over many groups the draws of one row are uniform and independent, also those of one net. */
START_TEST(a_row_alone_is_independent_and_uniform) {
    static const size_t pairs[][2] = {{0, 1}, {1, 2}, {2, 3}, {0, 3}, {3, 4}, {4, 5}};
    size_t pair = (size_t)_i;
    size_t count[16][16] = {{0}};
    for (uint64_t group = 0; group < GROUPS; group++) {
        fill(5, group);
        count[strata[pairs[pair][0]][77] / 16][strata[pairs[pair][1]][77] / 16]++;
    }
    ck_assert_double_lt(chi_square(count), 344.0);
}
END_TEST

/* Rows of one group come in no order: the parts of neighbours are as those of any two rows. */
START_TEST(neighbours_are_any_two_rows) {
    size_t count[16][16] = {{0}};
    for (uint64_t group = 0; group < GROUPS; group++) {
        fill(6, group);
        count[strata[0][100] / 16][strata[0][101] / 16]++;
    }
    /* Never in the same part of 256: 15 of the 255 others share the sixteenth. */
    double same = 0.0;
    for (size_t i = 0; i < 16; i++)
        same += (double)count[i][i];
    double expected = GROUPS * 15.0 / 255.0, deviation = sqrt(expected * (1.0 - 15.0 / 255.0));
    ck_assert_double_lt(fabs(same - expected), 4.0 * deviation);
    ck_assert_double_lt(chi_square(count), 344.0);
}
END_TEST

START_TEST(groups_and_seeds_differ) {
    uint8_t first[DRAWS][FB3_STRATA];
    fill(7, 0);
    memcpy(first, strata, sizeof first);
    fill(7, 1);
    ck_assert_int_ne(memcmp(first, strata, sizeof first), 0);
    fill(8, 0);
    ck_assert_int_ne(memcmp(first, strata, sizeof first), 0);
    fill(7, 0);
    ck_assert_int_eq(memcmp(first, strata, sizeof first), 0);
}
END_TEST

/* ---- draws ------------------------------------------------------------------------------------- */

/* Counts the cells of a group's blocks of a known joint, which share an order. */
static void draw_group(uint64_t group, bool stratified, size_t seen[ORACLE_CELLS]) {
    static const uint8_t in_order[ORACLE_TOKENS] = {0, 1, 2, 3};
    flowbd3_sampler_options o = checked((flowbd3_sampler_options){.struct_size = sizeof o, .seed = 11});
    fb3_unmasking *u = &blocks[0];
    u->turn = in_order;
    fill(o.seed, group);
    for (size_t row = 0; row < FB3_STRATA; row++) {
        uint16_t values[ORACLE_TOKENS];
        uint8_t stratum[ORACLE_TOKENS];
        for (size_t i = 0; i < ORACLE_TOKENS; i++)
            stratum[i] = strata[i][row];
        u->strata = stratified ? stratum : NULL;
        begin(u, group * FB3_STRATA + row, values, &o);
        while (advance(u, &o))
            continue;
        seen[oracle_number(values, false)]++;
    }
}

START_TEST(cells_are_as_frequent_as_they_should_be) {
    size_t seen[ORACLE_CELLS] = {0};
    enum { MANY = 60 };
    for (uint64_t group = 0; group < MANY; group++)
        draw_group(group, true, seen);
    for (size_t cell = 0; cell < ORACLE_CELLS; cell++) {
        double expected = MANY * FB3_STRATA * joint.joint[cell];
        ck_assert_double_lt(fabs((double)seen[cell] - expected), 4.5 * sqrt(expected));
    }
}
END_TEST

/* Mean square of how far the counts of a group are off, in units of what it is for independent draws. */
static double variance_of(bool stratified) {
    enum { MANY = 40 };
    double sum = 0.0;
    for (uint64_t group = 0; group < MANY; group++) {
        size_t seen[ORACLE_CELLS] = {0};
        draw_group(group, stratified, seen);
        for (size_t cell = 0; cell < ORACLE_CELLS; cell++) {
            double p = joint.joint[cell], off = (double)seen[cell] - FB3_STRATA * p;
            sum += off * off / (FB3_STRATA * p * (1.0 - p));
        }
    }
    return sum / (MANY * ORACLE_CELLS);
}

START_TEST(stratified_draws_vary_less) {
    double independent = variance_of(false), stratified = variance_of(true);
    ck_assert_double_gt(independent, 0.85);
    ck_assert_double_lt(independent, 1.15);
    ck_assert_double_lt(stratified, 0.6);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("strata");
    TCase *tests = tcase_create("strata");
    tcase_add_unchecked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, every_draw_takes_each_part_once);
    tcase_add_test(tests, pairs_of_draws_spread_over_the_square);
    tcase_add_loop_test(tests, a_row_alone_is_independent_and_uniform, 0, 6);
    tcase_add_test(tests, neighbours_are_any_two_rows);
    tcase_add_test(tests, groups_and_seeds_differ);
    tcase_add_test(tests, cells_are_as_frequent_as_they_should_be);
    tcase_add_test(tests, stratified_draws_vary_less);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
