/* Files made from a good one by a random change, its checksums made right again where it is to go deep. */
#ifndef MUTATE_H
#define MUTATE_H

#include "model/tensor_file_internal.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

typedef struct bytes {
    char *data;
    size_t size;
} bytes;

typedef struct draws {
    uint64_t seed, index;
} draws;

/* Uniform in 0 .. count - 1. */
static inline size_t draw(draws *d, size_t count) {
    return (size_t)(fb3_uniform(d->seed, FB3_RANDOM_SHUFFLE, d->index++, 7) * (double)count);
}

static inline bytes copy_bytes(const char *data, size_t size) {
    bytes b = {malloc(size + 1), size};
    if (b.data == NULL)
        abort();
    memcpy(b.data, data, size);
    b.data[size] = '\0';
    return b;
}

/* b with its bytes from at on, count of them, replaced. */
static inline void splice(bytes *b, size_t at, size_t count, const char *data, size_t size) {
    bytes out = {malloc(b->size - count + size + 1), b->size - count + size};
    if (out.data == NULL)
        abort();
    memcpy(out.data, b->data, at);
    memcpy(out.data + at, data, size);
    memcpy(out.data + at + size, b->data + at + count, b->size - at - count + 1);
    free(b->data);
    *b = out;
}

static inline size_t header_end(const bytes *b) {
    uint64_t size;
    memcpy(&size, b->data, sizeof size);
    return FB3_HEADER_SIZE_SIZE + (size_t)size;
}

/* Header size and header checksum as they should be, for a header that ends at end. */
static inline void correct(bytes *b, size_t end) {
    if (end > b->size || end < FB3_CHECKSUM_OFFSET + FB3_CHECKSUM_DIGITS)
        return;
    uint64_t size = end - FB3_HEADER_SIZE_SIZE;
    char digits[FB3_CHECKSUM_DIGITS + 1];
    memcpy(b->data, &size, sizeof size);
    fb3_print_checksum(digits, fb3_header_checksum(b->data, end));
    memcpy(b->data + FB3_CHECKSUM_OFFSET, digits, FB3_CHECKSUM_DIGITS);
}

/* ---- bytes ------------------------------------------------------------------------------------- */

static inline void flip_bits(bytes *b, draws *d) {
    for (size_t n = 1 + draw(d, 8); n > 0; n--)
        b->data[draw(d, b->size)] ^= (char)(1 << draw(d, 8));
}

static inline void truncate_or_extend(bytes *b, draws *d) {
    if (draw(d, 8) > 0)
        b->size = draw(d, b->size);
    else
        splice(b, b->size, 0, "more than there was", 1 + draw(d, 19));
}

/* The beginning of b and the end of another file; sometimes just its header. */
static inline void splice_files(bytes *b, const bytes *other, draws *d) {
    bool at_headers = draw(d, 2);
    size_t cut = at_headers ? header_end(b) : draw(d, b->size);
    size_t from = at_headers ? header_end(other) : draw(d, other->size);
    splice(b, cut, b->size - cut, other->data + from, other->size - from);
}

/* Somewhere in the header text a piece is taken out, doubled, or overwritten by a telling one. */
static inline void change_header_text(bytes *b, draws *d) {
    static const char *const pieces[] = {"0",
                                         "-1",
                                         "9223372036854775807",
                                         "9223372036854775808",
                                         "1e308",
                                         "1e-400",
                                         "NaN",
                                         "null",
                                         "true",
                                         "\"",
                                         "\\\"",
                                         "\\u0000",
                                         "\xff",
                                         "[",
                                         "]",
                                         "{",
                                         "}",
                                         ",",
                                         ":",
                                         "{}",
                                         "[]",
                                         "\\",
                                         "4294967296",
                                         "-9223372036854775808",
                                         "1e999",
                                         "F64",
                                         "__metadata__",
                                         " "};
    size_t end = header_end(b), begin = FB3_CHECKSUM_OFFSET + FB3_CHECKSUM_DIGITS;
    for (size_t n = 1 + draw(d, 3); n > 0; n--) {
        size_t at = begin + draw(d, end - begin), count = draw(d, 2) ? 1 + draw(d, 12) : 0;
        count = count < end - at ? count : end - at;
        const char *piece = pieces[draw(d, FB3_COUNT(pieces))];
        size_t from = begin + draw(d, end - begin), length = 1 + draw(d, 200);
        bool own = draw(d, 3) == 0;
        length = own ? (length < end - from ? length : end - from) : strlen(piece);
        bytes text = copy_bytes(own ? b->data + from : piece, length);
        splice(b, at, count, text.data, text.size);
        free(text.data);
        end = end - count + length;
    }
    correct(b, end);
}

/* A header of values that take much memory, or of deep nesting, or of one long number. */
static inline void fill_header(bytes *b, draws *d) {
    static const char *const fillings[] = {"[",      "{},", "[],", "1,", "\"\",",
                                           "{\"\":", "9",   "-",   "0.", "\"\\u0041\","};
    const char *filling = fillings[draw(d, FB3_COUNT(fillings))];
    size_t end = header_end(b), repeated = (size_t)1 << draw(d, 18), length = strlen(filling);
    size_t at = end - 1;
    while (at > 0 && b->data[at] != '}')
        at--;
    bytes text = copy_bytes(",\"a\":[", 6);
    text.data = realloc(text.data, 6 + repeated * length + 4);
    if (text.data == NULL)
        abort();
    for (size_t i = 0; i < repeated; i++)
        memcpy(text.data + 6 + i * length, filling, length);
    text.size = 6 + repeated * length;
    memcpy(text.data + text.size, draw(d, 2) ? "0]}" : "]  ", 3);
    text.size += 3;
    splice(b, at, 1, text.data, text.size);
    correct(b, end - 1 + text.size);
    free(text.data);
}

/* ---- values ------------------------------------------------------------------------------------ */

static inline json_t *nested(size_t depth) {
    json_t *value = json_array();
    for (; depth > 0; depth--) {
        json_t *outer = json_array();
        json_array_append_new(outer, value);
        value = outer;
    }
    return value;
}

/* Another value for one that is there: near it, or absurd. */
static inline json_t *absurd(const json_t *value, draws *d) {
    static const json_int_t numbers[] = {
        0,      1,          2,          -1,         3,          255,       256,       65535,   65536,  65537,
        100000, 2147483647, 2147483648, 4294967295, 4294967296, INT64_MAX, INT64_MIN, 1 << 20, 1 << 24};
    static const double reals[] = {0.0, -0.0, 1e-300, 1e308, -1e308, 0.5, 1.0, 1.5, 1e15, 9007199254740993.0};
    switch (draw(d, 12)) {
    case 0:
    case 1:
    case 2:
        return json_integer(numbers[draw(d, FB3_COUNT(numbers))]);
    case 3:
        return json_real(reals[draw(d, FB3_COUNT(reals))]);
    case 4:
        return json_null();
    case 5:
        return json_boolean(draw(d, 2));
    case 6:
        return json_string(draw(d, 2) ? "" : "x");
    case 7:
        return draw(d, 2) ? json_array() : json_object();
    case 8:
        return nested(draw(d, 60));
    case 9:
        return json_is_integer(value) ? json_integer(json_integer_value(value) ^ (1 << draw(d, 31)))
                                      : json_real(json_number_value(value) * 1.0000001);
    default:
        return json_is_number(value)
                   ? json_integer((json_int_t)json_number_value(value) + (draw(d, 2) ? 1 : -1))
                   : json_deep_copy(value);
    }
}

static inline size_t count_values(const json_t *value) {
    size_t count = 1, i;
    const char *name;
    json_t *child;
    json_object_foreach((json_t *)(uintptr_t)value, name, child) count += count_values(child);
    json_array_foreach(value, i, child) count += count_values(child);
    return count;
}

static inline void change_array(json_t *array, size_t i, draws *d) {
    size_t size = json_array_size(array), j = draw(d, size);
    switch (draw(d, 5)) {
    case 0:
        json_array_remove(array, i);
        break;
    case 1:
        json_array_insert_new(array, j, json_deep_copy(json_array_get(array, i)));
        break;
    case 2:
        json_array_set_new(array, i, json_deep_copy(json_array_get(array, j)));
        break;
    case 3: /* many of the same */
        for (size_t n = draw(d, 300); n > 0; n--)
            json_array_append_new(array, json_deep_copy(json_array_get(array, i)));
        break;
    default:
        json_array_set_new(array, i, absurd(json_array_get(array, i), d));
    }
}

static inline void change_object(json_t *object, const char *key, draws *d) {
    bytes name = copy_bytes(key, strlen(key));
    json_t *value = json_object_get(object, key);
    switch (draw(d, 5)) {
    case 0:
        json_object_del(object, name.data);
        break;
    case 1:
        json_object_set_new(object, draw(d, 2) ? "another" : "", json_deep_copy(value));
        break;
    default:
        json_object_set_new(object, name.data, absurd(value, d));
    }
    free(name.data);
}

/* Changes the value number *n below value, counted as they are walked. */
static inline bool change_value(json_t *value, size_t *n, draws *d) {
    const char *name;
    json_t *child;
    size_t i;
    json_object_foreach(value, name, child) {
        if ((*n)-- == 0) {
            change_object(value, name, d);
            return true;
        }
        if (change_value(child, n, d))
            return true;
    }
    json_array_foreach(value, i, child) {
        if ((*n)-- == 0) {
            change_array(value, i, d);
            return true;
        }
        if (change_value(child, n, d))
            return true;
    }
    return false;
}

static inline void change_some(json_t *value, draws *d) {
    for (size_t times = draw(d, 4) == 0 ? 2 + draw(d, 3) : 1; times > 0; times--) {
        size_t count = count_values(value), n = count > 1 ? draw(d, count - 1) : 0;
        (void)change_value(value, &n, d);
    }
}

static inline void release_json_text(char *text) {
    json_free_t release;
    json_get_alloc_funcs(NULL, &release);
    if (text != NULL)
        release(text);
}

/* The header from its JSON value, before the blob of b. */
static inline void put_header(bytes *b, const json_t *header) {
    char *text = json_dumps(header, JSON_COMPACT);
    if (text == NULL) /* what cannot be written, an object under itself, is not there */
        return;
    size_t end = header_end(b), size = strlen(text);
    splice(b, FB3_HEADER_SIZE_SIZE, end - FB3_HEADER_SIZE_SIZE, text, size);
    correct(b, FB3_HEADER_SIZE_SIZE + size);
    release_json_text(text);
}

static inline json_t *get_header(const bytes *b) {
    return json_loadb(b->data + FB3_HEADER_SIZE_SIZE, header_end(b) - FB3_HEADER_SIZE_SIZE, 0, NULL);
}

/* A member of the metadata that is the text of a JSON value has something in that value changed. */
static inline void change_member(bytes *b, draws *d) {
    static const char *const members[] = {"model", "tokenizer", "tokenizer", "tokenizer",
                                          "clip",  "training",  "checksums"};
    json_t *header = get_header(b), *metadata = json_object_get(header, FB3_METADATA);
    const char *member = members[draw(d, FB3_COUNT(members))];
    const json_t *text = json_object_get(metadata, member);
    json_t *value = json_loads(text != NULL ? json_string_value(text) : "{}", JSON_DECODE_ANY, NULL);
    change_some(value, d);
    char *changed = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    json_object_set_new(metadata, member, json_string(changed));
    put_header(b, header);
    release_json_text(changed);
    json_decref(value);
    json_decref(header);
}

/* Entries of tensors: shapes and offsets that are absurd, or agree with each other and with nothing else. */
static inline void change_entries(bytes *b, draws *d) {
    json_t *header = get_header(b);
    json_t *metadata = json_incref(json_object_get(header, FB3_METADATA));
    json_object_del(header, FB3_METADATA);
    change_some(header, d);
    json_t *whole = json_pack("{s:O}", FB3_METADATA, metadata);
    json_object_update(whole, header);
    put_header(b, whole);
    json_decref(whole);
    json_decref(metadata);
    json_decref(header);
}

/* A member of the header stands there twice. */
static inline void double_name(bytes *b, draws *d) {
    json_t *header = get_header(b);
    size_t n = draw(d, json_object_size(header)), end = header_end(b);
    const char *name;
    json_t *value;
    json_object_foreach(header, name, value) {
        if (n-- > 0)
            continue;
        json_t *member = json_pack("{s:O}", name, value);
        char *text = json_dumps(member, JSON_COMPACT);
        size_t at = end - 1, size = strlen(text);
        while (b->data[at] != '}')
            at--;
        text[0] = ',';
        splice(b, at, 1, text, size);
        correct(b, end - 1 + size);
        release_json_text(text);
        json_decref(member);
        break;
    }
    json_decref(header);
}

/* Weights of one tensor become other numbers, its checksum with them. */
static inline void change_weights(bytes *b, draws *d) {
    static const uint32_t patterns[] = {0x7fc00000, 0x7f800000, 0xff800000, 0x7f7fffff,
                                        1,          0x80000000, 0x3f800000};
    json_t *header = get_header(b), *metadata = json_object_get(header, FB3_METADATA);
    size_t n = 1 + draw(d, json_object_size(header) - 1), blob = header_end(b);
    const char *name;
    json_t *value;
    json_object_foreach(header, name, value) {
        if (n-- > 0)
            continue;
        json_t *offsets = json_object_get(value, "data_offsets");
        size_t from = (size_t)json_integer_value(json_array_get(offsets, 0)),
               to = (size_t)json_integer_value(json_array_get(offsets, 1));
        for (size_t times = 1 + draw(d, 64); times > 0; times--)
            memcpy(b->data + blob + from + draw(d, (to - from) / 4) * 4,
                   &patterns[draw(d, FB3_COUNT(patterns))], 4);
        json_t *checksums =
            json_loads(json_string_value(json_object_get(metadata, "checksums")), JSON_DECODE_ANY, NULL);
        char digits[FB3_CHECKSUM_DIGITS + 1];
        fb3_print_checksum(digits, (uint32_t)crc32_z(0, (unsigned char *)b->data + blob + from, to - from));
        json_object_set_new(checksums, name, json_string(digits));
        char *text = json_dumps(checksums, JSON_COMPACT);
        json_object_set_new(metadata, "checksums", json_string(text));
        put_header(b, header);
        release_json_text(text);
        json_decref(checksums);
        break;
    }
    json_decref(header);
}

/* ---- the change of a seed ---------------------------------------------------------------------- */

enum { MUTATIONS = 16 };

/* A changed copy of bases[which]. *refused: it must not be loaded. */
static inline bytes mutate(const bytes *bases, size_t n_bases, uint64_t seed, size_t *which, bool *refused) {
    draws d = {seed, 0};
    *which = draw(&d, n_bases);
    const bytes *base = &bases[*which], *other = &bases[draw(&d, n_bases)];
    bytes b = copy_bytes(base->data, base->size);
    size_t kind = draw(&d, MUTATIONS);
    *refused = kind < 3 || kind == 3;
    switch (kind) {
    case 0:
    case 1:
        flip_bits(&b, &d);
        break;
    case 2:
        truncate_or_extend(&b, &d);
        break;
    case 3:
        double_name(&b, &d);
        break;
    case 4:
        splice_files(&b, other, &d);
        break;
    case 5:
        change_header_text(&b, &d);
        break;
    case 6:
        fill_header(&b, &d);
        break;
    case 7:
        change_weights(&b, &d);
        break;
    case 8:
    case 9:
        change_entries(&b, &d);
        break;
    default:
        change_member(&b, &d);
    }
    if (b.size == base->size && memcmp(b.data, base->data, b.size) == 0)
        *refused = false;
    return b;
}

#endif
