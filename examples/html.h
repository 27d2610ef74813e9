/* Text that grows, with what HTML needs: escapes and embedded files. */
#ifndef HTML_H
#define HTML_H

#include <stdbool.h>
#include <stddef.h>

typedef struct html {
    char *text; /* NUL-terminated; NULL before the first piece. Freed by the caller */
    size_t size, room;
    bool failed; /* memory was short: the text is not whole */
} html;

/* Appends markup as it stands. */
void html_raw(html *page, const char *markup);
__attribute__((format(printf, 2, 3))) void html_format(html *page, const char *format, ...);

/* Appends text of any bytes for the inside of an element or of a quoted attribute: markup loses its meaning,
 * bytes that are no UTF-8 and control characters become U+FFFD. */
void html_text(html *page, const char *text);

/* Appends bytes[size] as a data: URI. */
void html_data_uri(html *page, const char *type, const char *bytes, size_t size);

#endif
