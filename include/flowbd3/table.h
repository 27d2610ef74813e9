/* Table: typed columns of equal length, each with a validity mask; CSV and Arrow in and out. */
#ifndef FLOWBD3_TABLE_H
#define FLOWBD3_TABLE_H

#include <flowbd3/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Thread-safety: one thread at a time while it changes; any number of readers otherwise. */
typedef struct flowbd3_table flowbd3_table;

/* What the cells of a column are. */
typedef enum flowbd3_type {
    FLOWBD3_TYPE_AUTO = 0, /* only in options: inferred from the cells */
    FLOWBD3_TYPE_REAL = 1,
    FLOWBD3_TYPE_INTEGER = 2,
    FLOWBD3_TYPE_CATEGORICAL = 3,
    FLOWBD3_TYPE_TIMESTAMP = 4, /* int64_t, nanoseconds since 1970-01-01T00:00:00Z without leap seconds */
    FLOWBD3_TYPE_ADDRESS = 5    /* IPv4 and IPv6 addresses: a dictionary as that of categorical columns, of
                                   texts in canonical form */
} flowbd3_type;

/* How the times of a column are written, combined by |; as 2011-08-17 12:01:33 without any. */
typedef enum flowbd3_time_form {
    FLOWBD3_TIME_PLAIN = 0,
    FLOWBD3_TIME_SLASHES = 1, /* 2011/08/17 */
    FLOWBD3_TIME_T = 2,       /* a T, not a blank, between date and time */
    FLOWBD3_TIME_Z = 4        /* a Z, which stands for UTC, at the end */
} flowbd3_time_form;

/* ---- building and reading columns -------------------------------------------------------------- */

/* Creates a table without columns. The caller owns *out. Errors: ARGUMENT, MEMORY. */
FLOWBD3_API flowbd3_status flowbd3_table_create(flowbd3_table **out, flowbd3_context *context,
                                                flowbd3_error *err);
FLOWBD3_API void flowbd3_table_destroy(flowbd3_table **table);

/* Append a column of rows cells; the arrays are copied. valid[rows] holds 1 for a cell that is there and 0
 * for a missing one; NULL = all there. Real cells must be finite where valid (NaN counts as missing). A
 * categorical cell is a NUL-terminated string, NULL and "" count as missing. Names and categories are UTF-8.
 * Errors: ARGUMENT (empty or repeated name, length that differs from the other columns', infinity, not
 * UTF-8), LIMIT (2^31 - 1 categories), MEMORY. */
FLOWBD3_API flowbd3_status flowbd3_table_add_real(flowbd3_table *table, const char *name,
                                                  const double *values, const uint8_t *valid, size_t rows,
                                                  flowbd3_error *err);
FLOWBD3_API flowbd3_status flowbd3_table_add_integer(flowbd3_table *table, const char *name,
                                                     const int64_t *values, const uint8_t *valid, size_t rows,
                                                     flowbd3_error *err);
FLOWBD3_API flowbd3_status flowbd3_table_add_categorical(flowbd3_table *table, const char *name,
                                                         const char *const *values, size_t rows,
                                                         flowbd3_error *err);
/* The same from a dictionary: codes[rows] index categories[n_categories], which keep their order. Equal
 * categories become one, an empty one means missing. */
FLOWBD3_API flowbd3_status flowbd3_table_add_codes(flowbd3_table *table, const char *name,
                                                   const int32_t *codes, const uint8_t *valid, size_t rows,
                                                   const char *const *categories, size_t n_categories,
                                                   flowbd3_error *err);

/* Times of any int64_t, the years 1677 to 2262. They are written as 2011-08-17T12:01:33.5Z with the fewest
 * digits that tell them apart; see flowbd3_table_set_decimals and flowbd3_table_set_time_form. */
FLOWBD3_API flowbd3_status flowbd3_table_add_timestamp(flowbd3_table *table, const char *name,
                                                       const int64_t *nanoseconds, const uint8_t *valid,
                                                       size_t rows, flowbd3_error *err);
/* Addresses as texts, which become canonical: dotted decimal, or IPv6 as in RFC 5952. NULL and "" count as
 * missing. Errors as above; ARGUMENT, with the row, for a text that is no address. */
FLOWBD3_API flowbd3_status flowbd3_table_add_address(flowbd3_table *table, const char *name,
                                                     const char *const *values, size_t rows,
                                                     flowbd3_error *err);

/* How many there are; 0 for NULL. */
FLOWBD3_API size_t flowbd3_table_rows(const flowbd3_table *table);
FLOWBD3_API size_t flowbd3_table_columns(const flowbd3_table *table);

/* Index of a column by name, or -1. */
FLOWBD3_API int64_t flowbd3_table_find(const flowbd3_table *table, const char *name);

/* Properties of column, 0 <= column < columns; NULL, AUTO, 0 when out of range. Pointers into a table live
 * until the table changes or is destroyed. */
FLOWBD3_API const char *flowbd3_table_name(const flowbd3_table *table, size_t column);
FLOWBD3_API flowbd3_type flowbd3_table_type(const flowbd3_table *table, size_t column);

/* Digits after the decimal point that print every value of a real column, at least 1: the most that a cell of
 * the CSV file had, or the fewest that print the values of an array exactly. -1 when more than 17 significant
 * digits or an exponent are needed (values are then printed shortest round-trip); 0 for integers. Of a column
 * of times the digits of the second, 0 to 9: the most that a cell had, or the fewest that print all exactly.
 */
FLOWBD3_API int flowbd3_table_decimals(const flowbd3_table *table, size_t column);

/* Sets the digits after the decimal point (-1 to 17) used when a real column is printed, or the digits of the
 * second (0 to 9) of one of times, whose further digits are cut off. Values stay as they are; a real column
 * with 0 reads back as integer. Errors: RANGE, ARGUMENT (neither real nor times). */
FLOWBD3_API flowbd3_status flowbd3_table_set_decimals(flowbd3_table *table, size_t column, int decimals,
                                                      flowbd3_error *err);

/* How the times of a column are written: bits of flowbd3_time_form; 0 for other columns. */
FLOWBD3_API unsigned flowbd3_table_time_form(const flowbd3_table *table, size_t column);
/* Errors: RANGE (column, other bits), ARGUMENT (not a column of times). */
FLOWBD3_API flowbd3_status flowbd3_table_set_time_form(flowbd3_table *table, size_t column, unsigned form,
                                                       flowbd3_error *err);

/* Cells of a column, [rows]; NULL when the column has another type. flowbd3_table_integer gives integers and
 * times, flowbd3_table_codes those of categorical columns and of addresses. Missing real cells hold NaN,
 * missing integers and times 0, missing codes -1. */
FLOWBD3_API const double *flowbd3_table_real(const flowbd3_table *table, size_t column);
FLOWBD3_API const int64_t *flowbd3_table_integer(const flowbd3_table *table, size_t column);
FLOWBD3_API const int32_t *flowbd3_table_codes(const flowbd3_table *table, size_t column);

/* valid[rows], or NULL when no cell of the column is missing. */
FLOWBD3_API const uint8_t *flowbd3_table_valid(const flowbd3_table *table, size_t column);
FLOWBD3_API size_t flowbd3_table_missing(const flowbd3_table *table, size_t column);

/* Dictionary of a column of categories or addresses: in order of first appearance in a table that was read or
 * added as texts, otherwise in the order that it was given or learned in. A table cut from another one keeps
 * the dictionary and the codes of that one, categories included that none of its cells has. */
FLOWBD3_API size_t flowbd3_table_categories(const flowbd3_table *table, size_t column);
FLOWBD3_API const char *flowbd3_table_category(const flowbd3_table *table, size_t column, size_t code);

/* Number in a real or integer cell, or nanoseconds of a time, as a double; NaN when missing, out of range or
 * of a column with a dictionary. */
FLOWBD3_API double flowbd3_table_number(const flowbd3_table *table, size_t row, size_t column);

/* ---- rows and columns of a table as a new one -------------------------------------------------- */

/* Rows first, first + 1, ... of table as a new table. Errors: ARGUMENT, RANGE, MEMORY. */
FLOWBD3_API flowbd3_status flowbd3_table_slice(flowbd3_table **out, const flowbd3_table *table, size_t first,
                                               size_t count, flowbd3_error *err);
/* The rows named by rows[count], in that order; rows may repeat. */
FLOWBD3_API flowbd3_status flowbd3_table_take(flowbd3_table **out, const flowbd3_table *table,
                                              const size_t *rows, size_t count, flowbd3_error *err);
/* The columns named by names[count], in that order. Errors: ARGUMENT (no such column), MEMORY. */
FLOWBD3_API flowbd3_status flowbd3_table_select(flowbd3_table **out, const flowbd3_table *table,
                                                const char *const *names, size_t count, flowbd3_error *err);
/* Appends the rows of other, whose columns have the same names and types in the same order. Errors: SCHEMA,
 * LIMIT, MEMORY; its rows are then as they were. */
FLOWBD3_API flowbd3_status flowbd3_table_append(flowbd3_table *table, const flowbd3_table *other,
                                                flowbd3_error *err);
/* A random split by seed: round(share * rows) rows in *first, the others in *second, each in table order, at
 * least one row in each. 0 < share < 1. Errors: ARGUMENT (fewer than two rows), RANGE, MEMORY. */
FLOWBD3_API flowbd3_status flowbd3_table_split(flowbd3_table **first, flowbd3_table **second,
                                               const flowbd3_table *table, double share, uint64_t seed,
                                               flowbd3_error *err);

/* ---- CSV (RFC 4180) ---------------------------------------------------------------------------- */

typedef enum flowbd3_csv_header {
    FLOWBD3_CSV_HEADER_YES = 0, /* the first record names the columns */
    FLOWBD3_CSV_HEADER_NO = 1   /* columns are named c1, c2, ... */
} flowbd3_csv_header;

/* What "nan", "inf", "infinity" (any case, with sign) mean in a cell of a numeric column. */
typedef enum flowbd3_csv_nonfinite {
    FLOWBD3_CSV_NONFINITE_MISSING = 0, /* the cell is missing */
    FLOWBD3_CSV_NONFINITE_ERROR = 1,   /* FLOWBD3_ERROR_FORMAT with row and column */
    FLOWBD3_CSV_NONFINITE_TEXT = 2     /* the column is categorical */
} flowbd3_csv_nonfinite;

/* A type that the caller gives. */
typedef struct flowbd3_column_type {
    const char *name;  /* of the column */
    flowbd3_type type; /* AUTO: inferred as without */
} flowbd3_column_type;

typedef struct flowbd3_csv_options {
    size_t struct_size;
    char delimiter;                  /* default 0 = ',' */
    char quote;                      /* default 0 = '"' */
    flowbd3_csv_header header;       /* default YES */
    flowbd3_csv_nonfinite nonfinite; /* default MISSING */
    const flowbd3_column_type
        *types; /* [n_types] types given by the caller, the last one for a name counts; others are inferred */
    size_t n_types;
    const char *const *missing; /* [n_missing] texts that stand for a missing cell besides the empty one */
    size_t n_missing;
    uint64_t max_rows; /* stop after so many rows; default 0 = all */
    flowbd3_progress_function progress;
    void *progress_user;
} flowbd3_csv_options;

#define FLOWBD3_CSV_OPTIONS_INIT                                                                           \
    {                                                                                                      \
        sizeof(flowbd3_csv_options), 0, 0, FLOWBD3_CSV_HEADER_YES, FLOWBD3_CSV_NONFINITE_MISSING, NULL, 0, \
            NULL, 0, 0, NULL, NULL                                                                         \
    }

FLOWBD3_API flowbd3_status flowbd3_csv_options_init(flowbd3_csv_options *options, size_t size);

/* Reads a CSV file, or size bytes of CSV text, in UTF-8 with or without byte order mark, lines ended by LF,
 * CRLF or CR. options may be NULL. The caller owns *out. Memory: the columns, and a piece of the file; what
 * is no regular file (a pipe) is held as a whole.
 *
 * A column is integer when every cell that is there is a decimal integer of 64 bits without leading zeros or
 * a plus sign, real when every one is a decimal number without leading zeros, of times when every one is a
 * date and time of one form (docs/table.md), of addresses when every one is an IPv4 or IPv6 address,
 * categorical otherwise: "007" is a category, and is written as such. Where the caller gives the type, zeros
 * and a plus before a number are allowed, and times may differ in form. A column without any cell is real. An
 * empty cell is missing, quoted or not. Blanks around an unquoted cell are dropped, blank lines are skipped,
 * a quote inside an unquoted cell is an error. A column with an empty name is called c1, c2, ... after its
 * place.
 *
 * Errors: IO, FORMAT (in *err the 1-based line on which the record begins, and the 1-based column: ragged
 * record, binary data, no data, numbers for names that do not count the columns, repeated name, open quote,
 * cell that is not of the type asked for), ARGUMENT (unknown column in types), LIMIT (16384 columns, 64 MiB
 * in a cell), CANCELLED, MEMORY.
 */
FLOWBD3_API flowbd3_status flowbd3_table_read_csv(flowbd3_table **out, flowbd3_context *context,
                                                  const char *path, const flowbd3_csv_options *options,
                                                  flowbd3_error *err);
FLOWBD3_API flowbd3_status flowbd3_table_parse_csv(flowbd3_table **out, flowbd3_context *context,
                                                   const char *text, size_t size,
                                                   const flowbd3_csv_options *options, flowbd3_error *err);

/* Writes the table beside path and renames it there. Of options only delimiter, quote, header and progress
 * are used. What is written reads back equal under the same options, with these exceptions: a categorical
 * column of numerals (nan and inf are such, and missing when read), times or addresses and a column without
 * cells need their type given then, names that are all numbers and do not count the columns are no header,
 * and a table without rows is no data. Errors: ARGUMENT (no columns), IO, CANCELLED, MEMORY. */
FLOWBD3_API flowbd3_status flowbd3_table_write_csv(const flowbd3_table *table, const char *path,
                                                   const flowbd3_csv_options *options, flowbd3_error *err);

/* A CSV file written table by table, for output that is larger than memory. The file appears under its name
 * at commit; destroy without commit leaves nothing. Thread-safety: one thread at a time. */
typedef struct flowbd3_csv_writer flowbd3_csv_writer;
FLOWBD3_API flowbd3_status flowbd3_csv_writer_create(flowbd3_csv_writer **out, flowbd3_context *context,
                                                     const char *path, const flowbd3_csv_options *options,
                                                     flowbd3_error *err);
/* Appends the rows of table; all tables have the columns of the first. Errors: SCHEMA, IO, MEMORY, CANCELLED;
 * after IO and MEMORY the file can only be destroyed. */
FLOWBD3_API flowbd3_status flowbd3_csv_writer_write(flowbd3_csv_writer *writer, const flowbd3_table *table,
                                                    flowbd3_error *err);
/* Errors: STATE (no table written, an earlier failure), IO, CANCELLED. */
FLOWBD3_API flowbd3_status flowbd3_csv_writer_commit(flowbd3_csv_writer *writer, flowbd3_error *err);
FLOWBD3_API void flowbd3_csv_writer_destroy(flowbd3_csv_writer **writer);

/* ---- Arrow C data interface (https://arrow.apache.org/docs/format/CDataInterface.html) --------- */

struct ArrowSchema;
struct ArrowArray;

/* Reads a record batch (a struct array without missing rows) of integers, float32 and float64 (real),
 * booleans (categories "false" and "true"), timestamps of any unit and time zone, utf8, large utf8,
 * dictionary-encoded utf8 and null (real, all missing). Of utf8 the metadata of an exported field tell
 * addresses from categories. uint64 columns with a value above 2^63 - 1 become real. NaN, "" and infinities
 * count as missing. The cells are copied; on success schema and array have been released, on failure both are
 * left as they were. Errors: FORMAT (unsupported or inconsistent array, names the column and the format),
 * ARGUMENT, LIMIT, MEMORY. */
FLOWBD3_API flowbd3_status flowbd3_table_import_arrow(flowbd3_table **out, flowbd3_context *context,
                                                      struct ArrowSchema *schema, struct ArrowArray *array,
                                                      flowbd3_error *err);

/* Hands the table out as a record batch of float64, int64, timestamp[ns, UTC] and dictionary<int32, utf8>
 * children; metadata of the field ("flowbd3.type" and others, docs/table.md) keep what Arrow has no type for,
 * so that addresses and the form of times are there again when it is imported. *schema and
 * *array are filled; their release callbacks free what they hold, also after the table and the context are
 * gone. After a failure both are zero. Errors: ARGUMENT, LIMIT (2^31 - 1 bytes of categories), MEMORY. */
FLOWBD3_API flowbd3_status flowbd3_table_export_arrow(const flowbd3_table *table, struct ArrowSchema *schema,
                                                      struct ArrowArray *array, flowbd3_error *err);

#ifdef __cplusplus
}
#endif

#endif
