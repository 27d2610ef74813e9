/* The table room: columns with validity masks, dictionaries of categories, CSV and Arrow in and out. */
#ifndef FB3_TABLE_H
#define FB3_TABLE_H

#include "base/base.h"

#include <flowbd3/table.h>

#include <stdatomic.h>

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

#endif
