/* The distinct values of a numeric column, with how often each one came. */
#include "tokenizer/tokenizer.h"

#include <math.h>

int64_t fb3_key_at_least(flowbd3_type type, double value) {
    if (type == FLOWBD3_TYPE_REAL)
        return fb3_key_of_real(value);
    value = ceil(value);
    if (value >= 0x1p63)
        return INT64_MAX;
    return value < -0x1p63 ? INT64_MIN : (int64_t)value;
}

double fb3_middle(double low, double high) {
    double width = high - low;
    return isfinite(width) ? low + width / 2 : low / 2 + high / 2;
}

int64_t fb3_middle_key(flowbd3_type type, int64_t low, int64_t high) {
    if (fb3_has_integers(type)) {
        uint64_t width = (uint64_t)high - (uint64_t)low;
        return (int64_t)((uint64_t)low + width / 2 + (width & 1));
    }
    int64_t key = fb3_key_of_real(fb3_middle(fb3_real_of_key(low), fb3_real_of_key(high)));
    return key > low ? key : low + 1;
}

static void sort_by_insertion(int64_t *keys, size_t count) {
    for (size_t i = 1; i < count; i++) {
        int64_t key = keys[i];
        size_t at = i;
        for (; at > 0 && keys[at - 1] > key; at--)
            keys[at] = keys[at - 1];
        keys[at] = key;
    }
}

/* The byte of a key, of which the highest has the sign turned so that bytes order as keys do. */
static unsigned byte_of(int64_t key, int shift) {
    return (unsigned)(((uint64_t)key ^ UINT64_C(1) << 63) >> shift & 0xff);
}

/* Sorts keys, which are equal above the byte at shift, by that byte and those below it, in place (American
 * flag sort, McIlroy, Bostic and McIlroy 1993). */
static void sort_from(int64_t *keys, size_t count, int shift) {
    enum { FEW = 48 };
    size_t end[256] = {0}, next[256];
    if (count < FEW) {
        sort_by_insertion(keys, count);
        return;
    }
    for (size_t i = 0; i < count; i++)
        end[byte_of(keys[i], shift)]++;
    for (size_t byte = 0, sum = 0; byte < 256; byte++) {
        next[byte] = sum;
        end[byte] = sum += end[byte];
    }
    for (unsigned byte = 0; byte < 256; byte++)
        while (next[byte] < end[byte]) {
            int64_t key = keys[next[byte]];
            for (unsigned home = byte_of(key, shift); home != byte; home = byte_of(key, shift)) {
                int64_t other = keys[next[home]];
                keys[next[home]++] = key;
                key = other;
            }
            keys[next[byte]++] = key;
        }
    for (size_t byte = 0, begin = 0; byte < 256 && shift > 0; begin = end[byte++])
        sort_from(keys + begin, end[byte] - begin, shift - 8);
}

void fb3_sort_keys(int64_t *keys, size_t count) {
    sort_from(keys, count, 56);
}

static size_t copy_keys(int64_t *keys, const flowbd3_table *table, size_t column) {
    const double *real = flowbd3_table_real(table, column);
    const int64_t *integer = flowbd3_table_integer(table, column);
    const uint8_t *valid = flowbd3_table_valid(table, column);
    size_t rows = flowbd3_table_rows(table), count = 0;
    for (size_t i = 0; i < rows; i++)
        if (valid == NULL || valid[i])
            keys[count++] = real != NULL ? fb3_key_of_real(real[i]) : integer[i];
    return count;
}

bool fb3_distinct_create(fb3_distinct *distinct, flowbd3_context *context, const flowbd3_table *table,
                         size_t column) {
    size_t rows = flowbd3_table_rows(table) - flowbd3_table_missing(table, column);
    *distinct = (fb3_distinct){.type = flowbd3_table_type(table, column), .rows = rows};
    int64_t *keys = distinct->keys = fb3_allocate(context, rows, sizeof *keys);
    if (keys == NULL)
        return false;
    (void)copy_keys(keys, table, column);
    fb3_sort_keys(keys, rows);
    for (size_t i = 0; i < rows; i++)
        distinct->count += i == 0 || keys[i] != keys[i - 1];
    size_t *before = distinct->before = fb3_allocate(context, distinct->count + 1, sizeof *before);
    if (before == NULL) {
        fb3_distinct_release(distinct, context);
        return false;
    }
    size_t count = 0;
    for (size_t i = 0; i < rows; i++)
        if (i == 0 || keys[i] != keys[count - 1]) {
            before[count] = i;
            keys[count++] = keys[i];
        }
    before[count] = rows;
    /* Most columns repeat; when giving memory back fails, the larger one serves as well. */
    keys = count < rows / 2 ? fb3_reallocate(context, keys, count + 1, sizeof *keys) : NULL;
    distinct->keys = keys != NULL ? keys : distinct->keys;
    return true;
}

void fb3_distinct_release(fb3_distinct *distinct, flowbd3_context *context) {
    fb3_release(context, distinct->keys);
    fb3_release(context, distinct->before);
    *distinct = (fb3_distinct){0};
}

int64_t fb3_order_statistic(const fb3_distinct *distinct, size_t index) {
    size_t low = 0, high = distinct->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (distinct->before[middle] <= index)
            low = middle;
        else
            high = middle;
    }
    return distinct->keys[low];
}

size_t fb3_lower_bound(const int64_t *keys, size_t begin, size_t count, int64_t key) {
    while (begin < count) {
        size_t middle = begin + (count - begin) / 2;
        if (keys[middle] < key)
            begin = middle + 1;
        else
            count = middle;
    }
    return begin;
}
