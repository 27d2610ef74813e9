/* IPv4 and IPv6 addresses as text, and back. */
#include "table/table.h"

#include <string.h>

enum { IPV4 = 4, IPV6 = 16 };

/* ---- in ---------------------------------------------------------------------------------------- */

/* Four numbers up to 255 without zeros before them. */
static bool parse_dotted(const char *text, size_t size, uint8_t bytes[IPV4]) {
    size_t at = 0;
    for (size_t i = 0; i < IPV4; i++) {
        unsigned number = 0;
        if (i > 0 && (at == size || text[at++] != '.'))
            return false;
        size_t begin = at;
        for (; at < size && at - begin < 3 && text[at] >= '0' && text[at] <= '9'; at++)
            number = 10 * number + (unsigned)(text[at] - '0');
        if (at == begin || number > 255 || (at - begin > 1 && text[begin] == '0'))
            return false;
        bytes[i] = (uint8_t)number;
    }
    return at == size;
}

static int hexadecimal(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* One to four digits; how many. */
static size_t parse_group(const char *text, size_t size, uint8_t bytes[2]) {
    unsigned group = 0;
    size_t i = 0;
    for (int digit; i < size && i < 4 && (digit = hexadecimal(text[i])) >= 0; i++)
        group = 16 * group + (unsigned)digit;
    bytes[0] = (uint8_t)(group >> 8);
    bytes[1] = (uint8_t)group;
    return i;
}

/* The groups before "::", when there is one, and those after it, which move to the end. */
static bool parse_groups(const char *text, size_t size, uint8_t bytes[IPV6]) {
    size_t at = 0, filled = 0, gap = SIZE_MAX;
    memset(bytes, 0, IPV6);
    while (at < size || filled == 0) {
        if (size - at >= 2 && text[at] == ':' && text[at + 1] == ':') {
            if (gap != SIZE_MAX)
                return false;
            gap = filled;
            at += 2;
            if (at == size)
                break;
        } else if (filled > 0 && (at == size || text[at++] != ':')) {
            return false;
        }
        if (filled <= IPV6 - IPV4 && parse_dotted(text + at, size - at, bytes + filled)) {
            filled += IPV4;
            break;
        }
        size_t digits = filled < IPV6 ? parse_group(text + at, size - at, bytes + filled) : 0;
        if (digits == 0)
            return false;
        filled += 2;
        at += digits;
    }
    if (gap == SIZE_MAX)
        return filled == IPV6;
    if (filled == IPV6)
        return false;
    memmove(bytes + gap + (IPV6 - filled), bytes + gap, filled - gap);
    memset(bytes + gap, 0, IPV6 - filled);
    return true;
}

bool fb3_address_parse(const char *text, size_t size, uint8_t bytes[16], unsigned *family_bytes) {
    if (size < 2 || size >= FB3_ADDRESS_TEXT)
        return false;
    bool dotted = parse_dotted(text, size, bytes);
    *family_bytes = dotted ? IPV4 : IPV6;
    return dotted || parse_groups(text, size, bytes);
}

/* ---- out --------------------------------------------------------------------------------------- */

static char *put_dotted(char *to, const uint8_t *bytes) {
    for (size_t i = 0; i < IPV4; i++) {
        if (i > 0)
            *to++ = '.';
        if (bytes[i] >= 100)
            *to++ = (char)('0' + bytes[i] / 100);
        if (bytes[i] >= 10)
            *to++ = (char)('0' + bytes[i] / 10 % 10);
        *to++ = (char)('0' + bytes[i] % 10);
    }
    return to;
}

static unsigned group_at(const uint8_t *bytes, size_t group) {
    return (unsigned)bytes[2 * group] << 8 | bytes[2 * group + 1];
}

static char *put_group(char *to, unsigned group) {
    int shift = group >= 0x1000 ? 12 : group >= 0x100 ? 8 : group >= 0x10 ? 4 : 0;
    for (; shift >= 0; shift -= 4)
        *to++ = "0123456789abcdef"[group >> shift & 15];
    return to;
}

/* The first of the longest runs of zero groups; one group alone is no run (RFC 5952, 4.2). */
static size_t longest_run(const uint8_t *bytes, size_t groups, size_t *length) {
    size_t best = groups;
    *length = 1;
    for (size_t i = 0, run = 0; i < groups; i++) {
        run = group_at(bytes, i) == 0 ? run + 1 : 0;
        if (run > *length) {
            *length = run;
            best = i + 1 - run;
        }
    }
    return best;
}

static char *put_groups(char *to, const uint8_t *bytes, size_t groups) {
    size_t length, run = longest_run(bytes, groups, &length);
    for (size_t i = 0; i < groups; i++) {
        if (i == run) {
            *to++ = ':';
            *to++ = ':';
            i += length - 1;
            continue;
        }
        if (i > 0 && to[-1] != ':')
            *to++ = ':';
        to = put_group(to, group_at(bytes, i));
    }
    return to;
}

size_t fb3_address_print(char text[FB3_ADDRESS_TEXT], const uint8_t *bytes, unsigned family_bytes) {
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    char *to = text;
    if (family_bytes == IPV4) {
        to = put_dotted(to, bytes);
    } else if (memcmp(bytes, mapped, sizeof mapped) == 0) {
        /* An IPv4 address in IPv6 ends as one (RFC 5952, 5). */
        memcpy(to, "::ffff:", 7);
        to = put_dotted(to + 7, bytes + sizeof mapped);
    } else {
        to = put_groups(to, bytes, 8);
    }
    *to = '\0';
    return (size_t)(to - text);
}

size_t fb3_address_canonical(char canonical[FB3_ADDRESS_TEXT], const char *text, size_t size) {
    uint8_t bytes[16];
    unsigned family_bytes;
    return fb3_address_parse(text, size, bytes, &family_bytes)
               ? fb3_address_print(canonical, bytes, family_bytes)
               : 0;
}
