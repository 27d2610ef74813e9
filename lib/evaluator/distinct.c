/* Equal rows found by their hashes, in a table with open addresses. */
#include "evaluator/neighbours.h"

enum { EMPTY = 0 }; /* entries are numbers of distinct rows, plus one */

bool fb3_distinct(flowbd3_context *context, const void *rows, size_t n, fb3_row_hash hash,
                  fb3_row_equal equal, uint32_t *number, uint32_t *first, size_t *count) {
    size_t size = 16;
    while (size < 2 * n)
        size *= 2;
    uint32_t *table = fb3_allocate_zero(context, size, sizeof *table);
    if (table == NULL)
        return false;
    *count = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t h = hash(rows, i);
        size_t at = (size_t)(h ^ h >> 32) & (size - 1);
        while (table[at] != EMPTY && !equal(rows, first[table[at] - 1], i))
            at = (at + 1) & (size - 1);
        if (table[at] == EMPTY) {
            first[(*count)++] = (uint32_t)i;
            table[at] = (uint32_t)*count;
        }
        number[i] = table[at] - 1;
    }
    fb3_release(context, table);
    return true;
}
