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

/* Least significant byte first; keys and scratch hold count keys each. Bytes that all keys share are passed
 * over. Returns the one of the two that holds the result. */
static int64_t *radix_sort(int64_t *keys, int64_t *scratch, size_t count) {
    const uint64_t sign = UINT64_C(1) << 63;
    for (int shift = 0; shift < 64; shift += 8) {
        size_t place[256] = {0};
        for (size_t i = 0; i < count; i++)
            place[(((uint64_t)keys[i] ^ sign) >> shift) & 0xff]++;
        if (place[(((uint64_t)keys[0] ^ sign) >> shift) & 0xff] == count)
            continue;
        size_t next = 0;
        for (int byte = 0; byte < 256; byte++) {
            size_t here = place[byte];
            place[byte] = next;
            next += here;
        }
        for (size_t i = 0; i < count; i++)
            scratch[place[(((uint64_t)keys[i] ^ sign) >> shift) & 0xff]++] = keys[i];
        int64_t *swap = keys;
        keys = scratch;
        scratch = swap;
    }
    return keys;
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
    int64_t *keys = fb3_allocate(context, rows, sizeof *keys);
    int64_t *scratch = fb3_allocate(context, rows, sizeof *scratch);
    if (keys == NULL || scratch == NULL || rows == 0) {
        fb3_release(context, keys);
        fb3_release(context, scratch);
        return false;
    }
    (void)copy_keys(keys, table, column);
    distinct->keys = radix_sort(keys, scratch, rows);
    fb3_release(context, distinct->keys == keys ? scratch : keys);
    size_t count = 1;
    for (size_t i = 1; i < rows; i++)
        count += distinct->keys[i] != distinct->keys[i - 1];
    distinct->before = fb3_allocate(context, count + 1, sizeof *distinct->before);
    if (distinct->before == NULL) {
        fb3_distinct_release(distinct, context);
        return false;
    }
    for (size_t i = 0; i < rows; i++)
        if (i == 0 || distinct->keys[i] != distinct->keys[distinct->count - 1]) {
            distinct->before[distinct->count] = i;
            distinct->keys[distinct->count++] = distinct->keys[i];
        }
    distinct->before[count] = rows;
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
