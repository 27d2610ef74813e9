/* Dictionaries of categories: texts in one buffer, found by open addressing. */
#include "table/table.h"

#include <string.h>

fb3_dictionary *fb3_dictionary_create(flowbd3_context *context) {
    fb3_dictionary *dictionary = fb3_allocate_zero(context, 1, sizeof *dictionary);
    if (dictionary == NULL)
        return NULL;
    dictionary->context = context;
    dictionary->text.context = context;
    atomic_init(&dictionary->references, 1);
    return dictionary;
}

fb3_dictionary *fb3_dictionary_retain(fb3_dictionary *dictionary) {
    if (dictionary != NULL)
        atomic_fetch_add_explicit(&dictionary->references, 1, memory_order_relaxed);
    return dictionary;
}

void fb3_dictionary_release(fb3_dictionary **dictionary) {
    fb3_dictionary *d = *dictionary;
    *dictionary = NULL;
    if (d == NULL || atomic_fetch_sub_explicit(&d->references, 1, memory_order_acq_rel) != 1)
        return;
    fb3_buffer_release(&d->text);
    fb3_release(d->context, d->start);
    fb3_release(d->context, d->index);
    fb3_release(d->context, d);
}

fb3_dictionary *fb3_dictionary_copy(const fb3_dictionary *dictionary, flowbd3_context *context) {
    fb3_dictionary *copy = fb3_dictionary_create(context);
    if (copy == NULL)
        return NULL;
    copy->start = fb3_allocate(context, dictionary->count, sizeof *copy->start);
    if (copy->start == NULL ||
        !fb3_buffer_append(&copy->text, dictionary->text.data, dictionary->text.size)) {
        fb3_dictionary_release(&copy);
        return NULL;
    }
    if (dictionary->count != 0)
        memcpy(copy->start, dictionary->start, dictionary->count * sizeof *copy->start);
    copy->count = copy->capacity = dictionary->count;
    return copy;
}

const char *fb3_dictionary_text(const fb3_dictionary *dictionary, size_t code) {
    return dictionary->text.data + dictionary->start[code];
}

size_t fb3_dictionary_size(const fb3_dictionary *dictionary, size_t code) {
    size_t end = code + 1 < dictionary->count ? dictionary->start[code + 1] : dictionary->text.size;
    return end - dictionary->start[code] - 1;
}

void fb3_dictionary_seal(fb3_dictionary *dictionary) {
    fb3_release(dictionary->context, dictionary->index);
    dictionary->index = NULL;
    dictionary->index_size = 0;
}

bool fb3_is_utf8(const char *text, size_t size) {
    const unsigned char *p = (const unsigned char *)text, *end = p + size;
    while (p < end) {
        unsigned char lead = *p++;
        if (lead == 0)
            return false;
        if (lead < 0x80)
            continue;
        size_t more = lead >= 0xc2 && lead <= 0xdf   ? 1
                      : (lead & 0xf0) == 0xe0        ? 2
                      : lead >= 0xf0 && lead <= 0xf4 ? 3
                                                     : 0;
        if (more == 0 || (size_t)(end - p) < more)
            return false;
        /* No overlong form, no surrogate, nothing above U+10FFFF. */
        if ((lead == 0xe0 && p[0] < 0xa0) || (lead == 0xed && p[0] > 0x9f) || (lead == 0xf0 && p[0] < 0x90) ||
            (lead == 0xf4 && p[0] > 0x8f))
            return false;
        for (; more > 0; more--)
            if ((*p++ & 0xc0) != 0x80)
                return false;
    }
    return true;
}

static uint32_t hash(const char *text, size_t size) {
    const uint64_t factor = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t h = size * factor;
    while (size > 0) {
        uint64_t word = 0;
        size_t n = size < sizeof word ? size : sizeof word;
        memcpy(&word, text, n);
        h = (h ^ word) * factor;
        h ^= h >> 29;
        text += n;
        size -= n;
    }
    h *= factor;
    return (uint32_t)(h >> 32);
}

static void place(uint64_t *index, size_t size, uint64_t entry) {
    size_t i = (size_t)(entry >> 32) & (size - 1);
    while (index[i] != 0)
        i = (i + 1) & (size - 1);
    index[i] = entry;
}

/* Room for one text more at a load of at most one half. */
static bool grow_index(fb3_dictionary *d) {
    if (d->index != NULL && 2 * (d->count + 1) <= d->index_size)
        return true;
    size_t size = 64;
    while (size < 4 * (d->count + 1))
        size *= 2;
    uint64_t *index = fb3_allocate_zero(d->context, size, sizeof *index);
    if (index == NULL)
        return false;
    for (size_t code = 0; code < d->count; code++) {
        uint32_t h = hash(fb3_dictionary_text(d, code), fb3_dictionary_size(d, code));
        place(index, size, (uint64_t)h << 32 | (code + 1));
    }
    fb3_release(d->context, d->index);
    d->index = index;
    d->index_size = size;
    return true;
}

static bool grow_start(fb3_dictionary *d) {
    if (d->count < d->capacity)
        return true;
    size_t capacity = d->capacity < 16 ? 16 : 2 * d->capacity;
    size_t *start = fb3_reallocate(d->context, d->start, capacity, sizeof *start);
    if (start == NULL)
        return false;
    d->start = start;
    d->capacity = capacity;
    return true;
}

flowbd3_status fb3_dictionary_intern(fb3_dictionary *d, const char *text, size_t size, int32_t *code) {
    if (!grow_index(d))
        return FLOWBD3_ERROR_MEMORY;
    uint32_t h = hash(text, size);
    for (size_t i = h & (d->index_size - 1); d->index[i] != 0; i = (i + 1) & (d->index_size - 1)) {
        if ((uint32_t)(d->index[i] >> 32) != h)
            continue;
        size_t known = (size_t)(uint32_t)d->index[i] - 1;
        if (fb3_dictionary_size(d, known) == size && memcmp(fb3_dictionary_text(d, known), text, size) == 0) {
            *code = (int32_t)known;
            return FLOWBD3_OK;
        }
    }
    if (!fb3_is_utf8(text, size))
        return FLOWBD3_ERROR_FORMAT;
    if (d->count == INT32_MAX)
        return FLOWBD3_ERROR_LIMIT;
    size_t start = d->text.size;
    if (!grow_start(d) || !fb3_buffer_reserve(&d->text, size + 1))
        return FLOWBD3_ERROR_MEMORY;
    fb3_buffer_append(&d->text, text, size);
    fb3_buffer_append(&d->text, "", 1);
    d->start[d->count++] = start;
    place(d->index, d->index_size, (uint64_t)h << 32 | d->count);
    *code = (int32_t)(d->count - 1);
    return FLOWBD3_OK;
}

flowbd3_status fb3_dictionary_failure(flowbd3_error *err, flowbd3_status status, const char *name,
                                      int64_t row, int64_t column) {
    if (status == FLOWBD3_ERROR_FORMAT)
        return fb3_fail_at(err, status, row, column, "column '%.80s': a text is not valid UTF-8", name);
    if (status == FLOWBD3_ERROR_LIMIT)
        return fb3_fail_at(err, status, row, column, "column '%.80s' has more than %d categories", name,
                           (int)INT32_MAX);
    return fb3_no_memory(err, "a dictionary of categories");
}
