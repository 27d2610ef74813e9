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

/* ---- columns and tables (table.c) -------------------------------------------------------------- */

typedef struct fb3_column {
    char *name;
    flowbd3_type type;
    int decimals;
    union {
        void *cells;
        double *real;     /* NaN where missing */
        int64_t *integer; /* 0 where missing */
        int32_t *codes;   /* -1 where missing */
    };
    uint8_t *valid; /* NULL when missing == 0 */
    size_t missing;
    fb3_dictionary *dictionary; /* categorical only */
} fb3_column;

struct flowbd3_table {
    flowbd3_context *context;
    fb3_column *columns; /* [columns_capacity] */
    size_t n_columns, columns_capacity;
    size_t rows;
    size_t capacity; /* rows there is room for in every column, >= rows */
};

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

/* "real", "integer" or "categorical", for messages. */
const char *fb3_type_name(flowbd3_type type);

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
