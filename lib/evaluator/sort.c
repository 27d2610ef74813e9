/* Cells of a column in ascending order: a radix sort of (key, row), linear in the number of rows. */
#include "evaluator.h"

enum { DIGIT_BITS = 11, DIGITS = 6, BUCKETS = 1 << DIGIT_BITS };

typedef struct item {
    uint64_t key;
    uint32_t row;
} item;

/* Unsigned integers in the order of the numbers; the two zeros are one. */
static uint64_t key_of(double x) {
    uint64_t bits;
    x += 0.0;
    memcpy(&bits, &x, sizeof bits);
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static double number_of(uint64_t key) {
    uint64_t bits = key >> 63 ? key & ~(UINT64_C(1) << 63) : ~key;
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static size_t digit(uint64_t key, int place) {
    return (size_t)(key >> place * DIGIT_BITS) & (BUCKETS - 1);
}

/* One stable pass by a digit; false when all items share it and nothing was moved. */
static bool scatter(item *to, const item *from, size_t n, int place, const size_t *counts) {
    size_t first[BUCKETS], sum = 0;
    if (counts[digit(from[0].key, place)] == n)
        return false;
    for (size_t b = 0; b < BUCKETS; b++) {
        first[b] = sum;
        sum += counts[b];
    }
    for (size_t i = 0; i < n; i++)
        to[first[digit(from[i].key, place)]++] = from[i];
    return true;
}

bool fb3_sort_cells(flowbd3_context *context, const double *x, size_t n, double *sorted, uint32_t *order,
                    size_t *present) {
    item *items = fb3_allocate(context, n, sizeof *items), *other = fb3_allocate(context, n, sizeof *other);
    size_t(*counts)[BUCKETS] = fb3_allocate_zero(context, DIGITS, sizeof *counts);
    bool whole = items != NULL && other != NULL && counts != NULL;
    if (whole) {
        size_t m = 0;
        for (size_t i = 0; i < n; i++) {
            if (isnan(x[i]))
                continue;
            items[m] = (item){.key = key_of(x[i]), .row = (uint32_t)i};
            for (int place = 0; place < DIGITS; place++)
                counts[place][digit(items[m].key, place)]++;
            m++;
        }
        for (int place = 0; place < DIGITS && m > 0; place++) {
            if (!scatter(other, items, m, place, counts[place]))
                continue;
            item *swap = items;
            items = other;
            other = swap;
        }
        for (size_t i = 0; i < m; i++) {
            sorted[i] = number_of(items[i].key);
            order[i] = items[i].row;
        }
        *present = m;
    }
    fb3_release(context, items);
    fb3_release(context, other);
    fb3_release(context, counts);
    return whole;
}
