/* Quantiles of more numbers than memory holds: a KLL sketch. */
#include "tokenizer/sketch.h"

#include <math.h>
#include <stdlib.h>

/* One level more, on top. Those below have two thirds of the room of the one above. */
static void add_level(fb3_sketch *s) {
    double room = (double)s->k;
    s->most = 0;
    for (size_t level = ++s->n_levels; level-- > 0; room *= 2.0 / 3.0)
        s->most += s->levels[level].room = (size_t)ceil(room) + 1;
}

static bool append(fb3_sketch *s, size_t level, int64_t key) {
    if (s->levels[level].count == s->levels[level].capacity) {
        size_t capacity = 2 * s->levels[level].capacity + 64;
        int64_t *keys = fb3_reallocate(s->context, s->levels[level].keys, capacity, sizeof *keys);
        if (keys == NULL)
            return false;
        s->levels[level].keys = keys;
        s->levels[level].capacity = capacity;
    }
    s->levels[level].keys[s->levels[level].count++] = key;
    return true;
}

/* Gives back what a level had room for when it was a higher one; it keeps a key at most. */
static void shrink(fb3_sketch *s, size_t level) {
    size_t capacity = s->levels[level].room + 1;
    if (s->levels[level].capacity / 3 < capacity)
        return;
    int64_t *keys = fb3_reallocate(s->context, s->levels[level].keys, capacity, sizeof *keys);
    if (keys == NULL) /* the larger memory serves as well */
        return;
    s->levels[level].keys = keys;
    s->levels[level].capacity = capacity;
}

/* Halves a level; a key without a partner, the greatest, stays. */
static bool halve(fb3_sketch *s, size_t level) {
    int64_t *keys = s->levels[level].keys;
    size_t count = s->levels[level].count, pairs = count / 2;
    uint32_t word[4];
    fb3_random(word, s->seed, FB3_RANDOM_SKETCH, s->number, s->halved++);
    if (level + 1 == s->n_levels)
        add_level(s);
    fb3_sort_keys(keys, count);
    for (size_t i = 0; i < pairs; i++)
        if (!append(s, level + 1, keys[2 * i + (word[0] & 1)]))
            return false;
    if (count % 2 != 0)
        keys[0] = keys[count - 1];
    s->levels[level].count = count % 2;
    s->held -= pairs;
    shrink(s, level);
    return true;
}

bool fb3_sketch_add(fb3_sketch *s, int64_t key, size_t cells) {
    if (s->n_levels == 0)
        add_level(s);
    for (size_t i = 0; i < cells; i++) {
        if (!append(s, 0, key))
            return false;
        if (++s->held < s->most)
            continue;
        size_t level = 0;
        while (s->levels[level].count < s->levels[level].room)
            level++;
        if (!halve(s, level))
            return false;
    }
    return true;
}

void fb3_sketch_release(fb3_sketch *s) {
    for (size_t level = 0; level < FB3_SKETCH_LEVELS; level++)
        fb3_release(s->context, s->levels[level].keys);
}

/* ---- as distinct values ------------------------------------------------------------------------ */

typedef struct weighted {
    int64_t key;
    size_t cells;
} weighted;

static int by_key(const void *a, const void *b) {
    const weighted *x = a, *y = b;
    return x->key < y->key ? -1 : x->key > y->key;
}

/* All keys, ascending, with the ends: each of them has a cell of the key next to it. */
static size_t list_keys(weighted *list, const fb3_sketch *s, int64_t low, int64_t high) {
    size_t count = 1;
    for (size_t level = 0; level < s->n_levels; level++)
        for (size_t i = 0; i < s->levels[level].count; i++)
            list[count++] = (weighted){s->levels[level].keys[i], (size_t)1 << level};
    list[0] = (weighted){low, 1};
    list[count] = (weighted){high, 1};
    qsort(list + 1, count - 1, sizeof *list, by_key);
    list[1].cells--;
    list[count - 1].cells--;
    return count + 1;
}

bool fb3_sketch_distinct(const fb3_sketch *s, flowbd3_type type, int64_t low, int64_t high,
                         fb3_distinct *distinct) {
    weighted *list = fb3_allocate(s->context, s->held + 2, sizeof *list);
    *distinct = (fb3_distinct){.type = type, .sketched = true};
    distinct->keys = fb3_allocate(s->context, s->held + 2, sizeof *distinct->keys);
    distinct->before = fb3_allocate(s->context, s->held + 3, sizeof *distinct->before);
    if (list == NULL || distinct->keys == NULL || distinct->before == NULL) {
        fb3_release(s->context, list);
        fb3_distinct_release(distinct, s->context);
        return false;
    }
    size_t count = list_keys(list, s, low, high);
    for (size_t i = 0; i < count; i++) {
        if (list[i].cells == 0)
            continue;
        if (distinct->count == 0 || distinct->keys[distinct->count - 1] != list[i].key) {
            distinct->before[distinct->count] = distinct->rows;
            distinct->keys[distinct->count++] = list[i].key;
        }
        distinct->rows += list[i].cells;
    }
    distinct->before[distinct->count] = distinct->rows;
    fb3_release(s->context, list);
    return true;
}
