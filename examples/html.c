/* Text that grows, with what HTML needs. */
#include "html.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for more bytes and the NUL; NULL when memory is short. */
static char *extend(html *page, size_t more) {
    if (page->failed)
        return NULL;
    if (page->size + more + 1 > page->room) {
        size_t room = 2 * (page->size + more) + 4096;
        char *text = realloc(page->text, room);
        if (text == NULL) {
            page->failed = true;
            return NULL;
        }
        page->text = text;
        page->room = room;
    }
    char *end = page->text + page->size;
    page->size += more;
    page->text[page->size] = '\0';
    return end;
}

static void append(html *page, const char *bytes, size_t size) {
    char *end = extend(page, size);
    if (end != NULL)
        memcpy(end, bytes, size);
}

void html_raw(html *page, const char *markup) {
    append(page, markup, strlen(markup));
}

void html_format(html *page, const char *format, ...) {
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length >= 0) {
        append(page, text, (size_t)length);
        free(text);
    } else {
        page->failed = true;
    }
}

/* ---- text -------------------------------------------------------------------------------------- */

static bool continues(const unsigned char *c, size_t count) {
    for (size_t i = 1; i <= count; i++)
        if ((c[i] & 0xc0) != 0x80)
            return false;
    return true;
}

/* Bytes of the UTF-8 character at c, 0 when there is none (RFC 3629, section 4). */
static size_t character_at(const unsigned char *c) {
    if (c[0] < 0x80)
        return 1;
    if (c[0] >= 0xc2 && c[0] <= 0xdf)
        return continues(c, 1) ? 2 : 0;
    if (c[0] >= 0xe0 && c[0] <= 0xef) {
        bool overlong = c[0] == 0xe0 && c[1] < 0xa0, surrogate = c[0] == 0xed && c[1] > 0x9f;
        return !overlong && !surrogate && continues(c, 2) ? 3 : 0;
    }
    if (c[0] >= 0xf0 && c[0] <= 0xf4) {
        bool overlong = c[0] == 0xf0 && c[1] < 0x90, beyond = c[0] == 0xf4 && c[1] > 0x8f;
        return !overlong && !beyond && continues(c, 3) ? 4 : 0;
    }
    return 0;
}

static const char *escape_of(unsigned char c) {
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    case '\t':
    case '\n':
    case '\r':
        return " ";
    default:
        return c < 0x20 || c == 0x7f ? "\ufffd" : NULL;
    }
}

void html_text(html *page, const char *text) {
    const unsigned char *c = (const unsigned char *)text;
    while (*c != '\0') {
        size_t n = character_at(c);
        const char *escape = n == 0 ? "\ufffd" : n == 1 ? escape_of(*c) : NULL;
        if (escape != NULL)
            html_raw(page, escape);
        else
            append(page, (const char *)c, n);
        c += n == 0 ? 1 : n;
    }
}

/* ---- base64 (RFC 4648, section 4) --------------------------------------------------------------- */

void html_data_uri(html *page, const char *type, const char *bytes, size_t size) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    html_format(page, "data:%s;base64,", type);
    char *out = extend(page, (size + 2) / 3 * 4);
    for (size_t i = 0; out != NULL && i < size; i += 3, out += 4) {
        uint32_t group = 0;
        for (size_t k = 0; k < 3; k++)
            group = group << 8 | (i + k < size ? (unsigned char)bytes[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            out[k] = i + k > size ? '=' : digits[group >> (18 - 6 * k) & 63];
    }
}
