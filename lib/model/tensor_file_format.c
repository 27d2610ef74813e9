/* The parts of the format that reader and writer of tensor files share. */
#include "base/json.h"
#include "model/tensor_file_internal.h"

#include <string.h>
#include <zlib.h>

uint32_t fb3_header_checksum(const char *begin, size_t size) {
    const unsigned char *bytes = (const unsigned char *)begin;
    const size_t after = FB3_CHECKSUM_OFFSET + FB3_CHECKSUM_DIGITS;
    uLong crc = crc32_z(0, bytes, FB3_CHECKSUM_OFFSET);
    crc = crc32_z(crc, (const unsigned char *)"00000000", FB3_CHECKSUM_DIGITS);
    return (uint32_t)crc32_z(crc, bytes + after, size - after);
}

void fb3_print_checksum(char text[FB3_CHECKSUM_DIGITS + 1], uint32_t checksum) {
    for (int i = 0; i < FB3_CHECKSUM_DIGITS; i++)
        text[i] = "0123456789abcdef"[checksum >> (28 - 4 * i) & 15];
    text[FB3_CHECKSUM_DIGITS] = '\0';
}

bool fb3_parse_checksum(const char *text, size_t size, uint32_t *checksum) {
    if (size != FB3_CHECKSUM_DIGITS)
        return false;
    uint32_t value = 0;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
        value = value << 4 | (uint32_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    *checksum = value;
    return true;
}

void fb3_tensor_rows(const fb3_tensor_view *view, size_t *rows, size_t *columns) {
    *rows = 1;
    *columns = (size_t)view->shape[0];
    if (view->dimensions == 1)
        return;
    if (view->stride == view->shape[1]) {
        *columns *= view->stride;
        return;
    }
    *rows = *columns;
    *columns = (size_t)view->shape[1];
}

/* What the parser allocates is estimated from the text before it begins: bytes for an object, for an array
 * and for every other value or name. Tokenizers take some 20 bytes per byte of text; "{},{},{}" takes 80. */
enum { MAX_DEPTH = 32, OBJECT_BYTES = 240, ARRAY_BYTES = 140, VALUE_BYTES = 64 };
enum { FREE_BYTES = 1 << 26, BYTES_PER_BYTE = 32 };

static bool is_modest(const char *text, size_t size) {
    uint64_t depth = 0, bytes = 0;
    bool quoted = false;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (quoted) {
            if (c == '\\')
                i++;
            else if (c == '"')
                quoted = false;
            continue;
        }
        if (c == '"')
            quoted = true;
        else if (c == '[' || c == '{') {
            bytes += c == '{' ? OBJECT_BYTES : ARRAY_BYTES;
            if (++depth > MAX_DEPTH)
                return false;
        } else if (c == ']' || c == '}')
            depth -= depth > 0;
        else if (c == ',' || c == ':')
            bytes += VALUE_BYTES;
    }
    return bytes <= FREE_BYTES + (uint64_t)BYTES_PER_BYTE * size;
}

flowbd3_status fb3_json_parse(json_t **out, const char *text, size_t size, const char *what, const char *path,
                              flowbd3_error *err) {
    *out = NULL;
    if (!is_modest(text, size))
        return fb3_fail(err, FLOWBD3_ERROR_FORMAT,
                        "'%s': %s is nested deeper than %d or has more values than its size justifies", path,
                        what, MAX_DEPTH);
    json_error_t error;
    bool no_memory;
    *out = fb3_json_read(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error, &no_memory);
    if (*out != NULL)
        return FLOWBD3_OK;
    if (no_memory)
        return fb3_no_memory(err, what);
    return fb3_fail(err, FLOWBD3_ERROR_FORMAT, "'%s': %s is not valid JSON: %s at byte %d", path, what,
                    error.text, error.position);
}
