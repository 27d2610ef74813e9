/* Quantiles and samples of streams: how far off they are, and that they are the same however rows come. */
#include "row_stream.h"
#include "test_main.h"
#include "tokenizer/gather.h"

#include <stdio.h>

static flowbd3_context *context;

static void start(void) {
    ck_assert_int_eq(flowbd3_context_create(&context, NULL, NULL), FLOWBD3_OK);
}

static void stop(void) {
    flowbd3_context_destroy(&context);
}

/* ---- ranks ------------------------------------------------------------------------------------- */

enum { CELLS = 200000, WIDTH = 256 };

/* Key number i of a stream: sorted, reversed, shuffled, in turns from both ends, of few values. */
static int64_t key_of(int kind, size_t i) {
    fb3_shuffle shuffle = fb3_shuffle_of(CELLS, 5, FB3_RANDOM_SHUFFLE, 1);
    int64_t n = (int64_t)i;
    switch (kind) {
    case 0:
        return n;
    case 1:
        return CELLS - 1 - n;
    case 2:
        return (int64_t)fb3_shuffle_at(&shuffle, i);
    case 3:
        return i % 2 == 0 ? n / 2 : CELLS - 1 - n / 2;
    default:
        return (int64_t)(40.0 * pow(fb3_uniform(1, FB3_RANDOM_SUBSAMPLE, i, 0), 3.0));
    }
}

static fb3_distinct sketched(int kind, size_t cells, size_t width, uint64_t seed) {
    fb3_sketch sketch = {.context = context, .k = width, .seed = seed};
    fb3_distinct distinct;
    int64_t low = INT64_MAX, high = INT64_MIN;
    for (size_t i = 0; i < cells; i++) {
        int64_t key = key_of(kind, i);
        low = key < low ? key : low;
        high = key > high ? key : high;
        ck_assert(fb3_sketch_add(&sketch, key, 1));
    }
    ck_assert_uint_le(sketch.held, 3 * width + 2 * FB3_SKETCH_LEVELS);
    ck_assert(fb3_sketch_distinct(&sketch, FLOWBD3_TYPE_INTEGER, low, high, &distinct));
    fb3_sketch_release(&sketch);
    ck_assert_uint_eq(distinct.rows, cells);
    ck_assert_int_eq(distinct.keys[0], low);
    ck_assert_int_eq(distinct.keys[distinct.count - 1], high);
    return distinct;
}

/* Cells below a key. */
static double rank_in(const fb3_distinct *d, int64_t key) {
    return (double)d->before[fb3_lower_bound(d->keys, 0, d->count, key)];
}

static double true_rank(int kind, int64_t key) {
    static double ranks[41];
    if (kind < 4)
        return (double)key;
    bool counted = ranks[40] > 0.0;
    for (size_t i = 0; !counted && i < CELLS; i++)
        for (int64_t k = key_of(kind, i) + 1; k <= 40; k++)
            ranks[k]++;
    return ranks[key];
}

/* No rank of a hundred, of all seeds, is off by more than what is off once in 10^6 times. */
START_TEST(ranks_are_off_by_less_than_is_stated) {
    double bound = sqrt(12.0 * log(2e6)) / WIDTH * CELLS, sum = 0.0, squares = 0.0, most = 0.0, n = 0.0;
    for (uint64_t seed = 0; seed < 5; seed++) {
        fb3_distinct d = sketched(_i, CELLS, WIDTH, seed);
        for (int q = 1; q < 100; q++) {
            int64_t key = _i < 4 ? CELLS / 100 * q : q % 40;
            double error = rank_in(&d, key) - true_rank(_i, key);
            ck_assert_double_lt(fabs(error), bound);
            most = fmax(most, fabs(error));
            sum += error;
            squares += error * error;
            n++;
        }
        fb3_distinct_release(&d, context);
    }
    double deviation = sqrt(squares / n) / CELLS;
    printf("# stream %d: ranks are off by %.3f %%, at most %.3f %%, in 10^6 once by %.3f %%\n", _i,
           100.0 * deviation, 100.0 * most / CELLS, 100.0 * bound / CELLS);
    ck_assert_double_lt(deviation, sqrt(6.0) / WIDTH); /* the bound on it that the proof has */
    ck_assert_double_gt(most, 0.0);
    ck_assert_double_lt(fabs(sum / n) / CELLS, deviation); /* neither way more often */
}
END_TEST

START_TEST(few_cells_are_kept) {
    fb3_distinct d = sketched(2, WIDTH, WIDTH, 1);
    for (size_t i = 0; i < d.count; i++)
        ck_assert_uint_eq(d.before[i], i);
    ck_assert_uint_eq(d.count, WIDTH);
    fb3_distinct_release(&d, context);
    d = sketched(0, 1, WIDTH, 1);
    ck_assert_uint_eq(d.count, 1);
    fb3_distinct_release(&d, context);
}
END_TEST

/* ---- sorting ----------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b) {
    const int64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

START_TEST(keys_are_sorted) {
    static int64_t keys[30000], same[30000];
    for (int kind = 0; kind < 6; kind++)
        for (size_t count = 0; count <= FB3_COUNT(keys); count = 3 * count + 1) {
            for (size_t i = 0; i < count; i++) {
                uint32_t word[4];
                fb3_random(word, (uint64_t)kind, FB3_RANDOM_SUBSAMPLE, i, (uint32_t)count);
                uint64_t bits = (uint64_t)word[0] << 32 | word[1];
                keys[i] = same[i] = kind == 0   ? (int64_t)bits
                                    : kind == 1 ? (int64_t)(bits % 5) - 2
                                    : kind == 2 ? (int64_t)i
                                    : kind == 3 ? -(int64_t)i
                                    : kind == 4 ? (bits % 2 == 0 ? INT64_MIN : INT64_MAX)
                                                : (int64_t)(bits % 3 << 40);
            }
            fb3_sort_keys(keys, count);
            qsort(same, count, sizeof *same, ascending);
            ck_assert(count == 0 || memcmp(keys, same, count * sizeof *keys) == 0);
        }
}
END_TEST

/* ---- samples of rows --------------------------------------------------------------------------- */

/* Rows first, first + 1, ... of a column that holds their number, and one of texts. */
static flowbd3_table *numbered(size_t first, size_t rows) {
    int64_t number[1000];
    const char *text[1000];
    flowbd3_table *table;
    for (size_t i = 0; i < rows; i++) {
        number[i] = (int64_t)(first + i);
        text[i] = (first + i) % 3 == 0 ? "fizz" : (first + i) % 5 == 0 ? "buzz" : NULL;
    }
    ck_assert_int_eq(flowbd3_table_create(&table, context, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_integer(table, "n", number, NULL, rows, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_categorical(table, "t", text, rows, NULL), FLOWBD3_OK);
    return table;
}

static fb3_row_sample sample_of(size_t rows, size_t chunk, size_t limit, uint64_t seed) {
    fb3_row_sample sample = {.context = context, .seed = seed, .limit = limit};
    for (size_t first = 0; first < rows; first += chunk) {
        flowbd3_table *table = numbered(first, rows - first < chunk ? rows - first : chunk);
        ck_assert_int_eq(fb3_row_sample_add(&sample, table, first, NULL), FLOWBD3_OK);
        flowbd3_table_destroy(&table);
    }
    ck_assert_int_eq(fb3_row_sample_finish(&sample, NULL), FLOWBD3_OK);
    return sample;
}

START_TEST(samples_do_not_depend_on_chunks) {
    static const size_t chunks[] = {1, 3, 50, 99, 100, 101, 1000}, limits[] = {1, 10, 100, 999, 1000, 2000};
    for (size_t l = 0; l < FB3_COUNT(limits); l++) {
        fb3_row_sample first = {0};
        for (size_t i = 0; i < FB3_COUNT(chunks); i++) {
            fb3_row_sample sample = sample_of(1000, chunks[i], limits[l], 4);
            const int64_t *number = flowbd3_table_integer(sample.rows, 0);
            size_t rows = flowbd3_table_rows(sample.rows);
            ck_assert_uint_eq(rows, limits[l] < 1000 ? limits[l] : 1000);
            for (size_t row = 0; row < rows; row++) {
                int32_t code = flowbd3_table_codes(sample.rows, 1)[row];
                const char *text = code >= 0 ? flowbd3_table_category(sample.rows, 1, (size_t)code) : "";
                ck_assert(row == 0 || number[row] > number[row - 1]);
                ck_assert_str_eq(text, number[row] % 3 == 0 ? "fizz" : number[row] % 5 == 0 ? "buzz" : "");
            }
            if (i == 0)
                first = sample;
            ck_assert_mem_eq(number, flowbd3_table_integer(first.rows, 0), rows * sizeof *number);
            if (i > 0)
                fb3_row_sample_release(&sample);
        }
        fb3_row_sample_release(&first);
    }
}
END_TEST

START_TEST(every_row_is_as_likely) {
    enum { ROWS = 60, LIMIT = 20, SEEDS = 3000 };
    double counts[ROWS] = {0}, square = 0.0, expected = (double)LIMIT * SEEDS / ROWS;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        fb3_row_sample sample = sample_of(ROWS, 7, LIMIT, seed);
        for (size_t i = 0; i < LIMIT; i++)
            counts[flowbd3_table_integer(sample.rows, 0)[i]]++;
        fb3_row_sample_release(&sample);
    }
    for (size_t i = 0; i < ROWS; i++)
        square += (counts[i] - expected) * (counts[i] - expected) / expected;
    ck_assert_double_lt(square, ROWS + 4.5 * sqrt(2.0 * ROWS)); /* fewer, as they are without replacement */
}
END_TEST

int main(void) {
    Suite *suite = suite_create("sketch");
    TCase *tests = tcase_create("sketch");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, start, stop);
    tcase_add_loop_test(tests, ranks_are_off_by_less_than_is_stated, 0, 5);
    tcase_add_test(tests, few_cells_are_kept);
    tcase_add_test(tests, keys_are_sorted);
    tcase_add_test(tests, samples_do_not_depend_on_chunks);
    tcase_add_test(tests, every_row_is_as_likely);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
