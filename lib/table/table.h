/* The table room: columns with validity masks, dictionaries of categories, CSV and Arrow in and out. */
#ifndef FB3_TABLE_H
#define FB3_TABLE_H

#include "base/base.h"

#include <flowbd3/table.h>

#include <stdatomic.h>
#include <string.h>

/* ---- dictionaries (dictionary.c) --------------------------------------------------------------- */

/* Distinct non-empty UTF-8 texts, coded 0, 1, ... in order of first appearance. Shared by the tables that
 * were cut from one another, and copied before one of them adds to it. */
typedef struct fb3_dictionary {
    flowbd3_context *context;
    atomic_uint references;
    fb3_buffer text;        /* the texts, each NUL-terminated */
    size_t *start;          /* [capacity] where they begin */
    size_t count, capacity; /* texts */
    uint64_t *index;        /* [index_size] hash << 32 | code + 1, 0 = free; NULL until a text is interned */
    size_t index_size;      /* a power of two */
} fb3_dictionary;

fb3_dictionary *fb3_dictionary_create(flowbd3_context *context);
fb3_dictionary *fb3_dictionary_retain(fb3_dictionary *dictionary);
void fb3_dictionary_release(fb3_dictionary **dictionary);
fb3_dictionary *fb3_dictionary_copy(const fb3_dictionary *dictionary, flowbd3_context *context);
const char *fb3_dictionary_text(const fb3_dictionary *dictionary, size_t code);

/* Bytes of the text, the NUL after it not counted. */
size_t fb3_dictionary_size(const fb3_dictionary *dictionary, size_t code);

/* Code of a text, which is added when new. Errors: FORMAT (not UTF-8, or a NUL in it), LIMIT, MEMORY. The
 * empty text has no code: it stands for a missing cell. */
flowbd3_status fb3_dictionary_intern(fb3_dictionary *dictionary, const char *text, size_t size,
                                     int32_t *code);

/* Frees the index, which a dictionary that no longer grows does not need. */
void fb3_dictionary_seal(fb3_dictionary *dictionary);

/* The error of a failed intern, of which row and column are 1-based or 0. */
flowbd3_status fb3_dictionary_failure(flowbd3_error *err, flowbd3_status status, const char *name,
                                      int64_t row, int64_t column);

/* Whether size bytes are valid UTF-8 (RFC 3629) without NUL. */
bool fb3_is_utf8(const char *text, size_t size);

/* ---- times as text (timestamp.c) --------------------------------------------------------------- */

enum { FB3_TIME_DIGITS = 9, FB3_TIME_FORMS = 8, FB3_TIME_TEXT = 32 };

typedef struct fb3_time {
    int64_t nanoseconds; /* since 1970-01-01T00:00:00Z */
    int decimals;        /* digits of the second */
    unsigned form;       /* flowbd3_time_form */
} fb3_time;

/* Parses all size bytes as a date and time (docs/table.md). A distance from UTC is taken off and counts as a
 * Z. */
bool fb3_time_parse(fb3_time *time, const char *text, size_t size);

/* Writes any time, its digits beyond decimals (0 to 9) cut off, and a NUL; returns the length. */
size_t fb3_time_print(char text[FB3_TIME_TEXT], int64_t nanoseconds, int decimals, unsigned form);

/* The nearest time with so many digits of the second; nanoseconds itself where that is out of range. */
int64_t fb3_time_round(int64_t nanoseconds, int decimals);

/* Fewest digits of the second that print every valid time exactly. */
int fb3_time_decimals_of(const int64_t *nanoseconds, const uint8_t *valid, size_t rows);

/* A form as a pattern ("YYYY-MM-DDThh:mm:ssZ"), and back: FB3_TIME_FORMS for a text that is none. */
const char *fb3_time_form_text(unsigned form);
unsigned fb3_time_form_of(const char *text, size_t size);

/* ---- addresses as text (address.c) ------------------------------------------------------------- */

enum { FB3_ADDRESS_TEXT = 46 };

/* Parses all size bytes as an IPv4 or IPv6 address, as inet_pton does: network byte order, and 4 or 16 bytes
 * of it. */
bool fb3_address_parse(const char *text, size_t size, uint8_t bytes[16], unsigned *family_bytes);

/* Writes 4 bytes as dotted decimal, or 16 as RFC 5952 says, and a NUL; returns the length. */
size_t fb3_address_print(char text[FB3_ADDRESS_TEXT], const uint8_t *bytes, unsigned family_bytes);

/* The canonical text of an address; its length, or 0 for what is no address. */
size_t fb3_address_canonical(char canonical[FB3_ADDRESS_TEXT], const char *text, size_t size);

/* ---- columns and tables (table.c) -------------------------------------------------------------- */

typedef struct fb3_column {
    char *name;
    flowbd3_type type;
    int decimals;
    unsigned form; /* of times: flowbd3_time_form */
    union {
        void *cells;
        double *real;     /* NaN where missing */
        int64_t *integer; /* integers and times; 0 where missing */
        int32_t *codes;   /* -1 where missing */
    };
    uint8_t *valid; /* NULL when missing == 0 */
    size_t missing;
    fb3_dictionary *dictionary; /* of categories or addresses only */
} fb3_column;

struct flowbd3_table {
    flowbd3_context *context;
    fb3_column *columns; /* [columns_capacity] */
    size_t n_columns, columns_capacity;
    size_t rows;
    size_t capacity; /* rows there is room for in every column, >= rows */
};

/* Whether cells are codes of a dictionary. */
static inline bool fb3_has_dictionary(flowbd3_type type) {
    return type == FLOWBD3_TYPE_CATEGORICAL || type == FLOWBD3_TYPE_ADDRESS;
}

/* Whether cells are 64-bit integers. */
static inline bool fb3_has_integers(flowbd3_type type) {
    return type == FLOWBD3_TYPE_INTEGER || type == FLOWBD3_TYPE_TIMESTAMP;
}

/* Whether a column of type given serves where one of type fitted was: addresses are categories too. */
static inline bool fb3_type_serves(flowbd3_type given, flowbd3_type fitted) {
    return given == fitted || (given == FLOWBD3_TYPE_ADDRESS && fitted == FLOWBD3_TYPE_CATEGORICAL);
}

size_t fb3_cell_size(flowbd3_type type);
void fb3_column_release(flowbd3_context *context, fb3_column *column);

/* Appends a column whose memory the table takes over; cells and valid have room for exactly rows. On failure
 * the column still belongs to the caller. Errors: ARGUMENT (name, length), MEMORY. */
flowbd3_status fb3_table_adopt(flowbd3_table *table, fb3_column *column, size_t rows, flowbd3_error *err);

/* Fewest digits after the point, at least 1, that print every value there is exactly; -1 when more than 15
 * significant digits are needed. NaN is skipped. */
int fb3_decimals_of(const double *values, size_t rows);

/* The nearest number with so many digits after the point; value itself where that is no question: decimals
 * below 0, or a value so large that it has none. */
double fb3_round_to_decimals(double value, int decimals);

/* A type's word: "real", "integer", "categorical", "timestamp" or "address"; and back: AUTO for a text that
 * is none. */
const char *fb3_type_name(flowbd3_type type);
flowbd3_type fb3_type_of_name(const char *name);

/* Writes what a missing cell of the column holds. */
void fb3_put_missing(fb3_column *column, size_t row);

static inline bool fb3_is_missing(const fb3_column *column, size_t row) {
    return column->valid != NULL && !column->valid[row];
}

/* ---- keys: cells of numeric columns as integers of the same order ------------------------------ */

/* The key of an integer is itself; that of a real is its bits, arranged so that they order as the numbers do.
 * Both zeros have one key. key + 1 is the key of the next number. */
static inline int64_t fb3_key_of_real(double value) {
    int64_t bits;
    value += 0.0;
    memcpy(&bits, &value, sizeof bits);
    return bits < 0 ? bits ^ INT64_MAX : bits;
}

static inline double fb3_real_of_key(int64_t key) {
    double value;
    key = key < 0 ? key ^ INT64_MAX : key;
    memcpy(&value, &key, sizeof value);
    return value;
}

static inline double fb3_number_of_key(flowbd3_type type, int64_t key) {
    return type == FLOWBD3_TYPE_REAL ? fb3_real_of_key(key) : (double)key;
}

#endif
