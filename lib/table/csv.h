/* CSV inside the table room: checked options, and the columns of a file while they are read. */
#ifndef FB3_CSV_H
#define FB3_CSV_H

#include "table/table.h"

/* ---- options (csv_options.c) ------------------------------------------------------------------- */

/* Copies options over the defaults, fills in delimiter and quote, and checks every field. */
flowbd3_status fb3_csv_options_take(flowbd3_csv_options *to, const flowbd3_csv_options *from,
                                    flowbd3_error *err);

/* Whether a cell stands for a missing one: empty, or one of options->missing. */
bool fb3_csv_is_missing(const flowbd3_csv_options *options, const char *text, size_t size);

/* ---- columns while they are read (csv_column.c) ------------------------------------------------ */

/* A column starts without a type, takes the one of its first cell and widens: integer to real, and any to
 * categorical. Numbers, times and addresses that were not canonical forget their text, so a column that turns
 * categorical after one is left for a second reading. */
typedef struct fb3_csv_column {
    fb3_column column; /* type AUTO: no cell so far, no memory */
    size_t capacity;   /* rows there is room for */
    bool fixed;        /* the type is given and does not widen */
    bool again;        /* to be filled by a second reading, as categorical */
    bool filled;       /* by the first reading */
    bool forgotten;    /* a cell was read of which the text is gone */
    bool long_integer; /* an integer of more digits than a double has was read */
    int64_t nonfinite; /* line of the first cell like "nan", 0 when there is none */
} fb3_csv_column;

/* Where a cell stands, for messages: 1-based line of the file and column. */
typedef struct fb3_csv_place {
    int64_t line, column;
} fb3_csv_place;

/* Stores the text of a cell as cell row, which is the next one. Errors: FORMAT, LIMIT, MEMORY. */
flowbd3_status fb3_csv_column_put(fb3_csv_column *column, flowbd3_context *context,
                                  const flowbd3_csv_options *options, size_t row, const char *text,
                                  size_t size, fb3_csv_place place, flowbd3_error *err);

/* Gives a type to a column that had no cell, and no memory: real, with a digit after the point. */
void fb3_csv_column_settle(fb3_csv_column *column);

/* Ends a reading of rows rows: gives memory back, and a type to a column without cells. */
flowbd3_status fb3_csv_column_finish(fb3_csv_column *column, flowbd3_context *context, size_t rows,
                                     flowbd3_error *err);

#endif
