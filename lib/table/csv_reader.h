/* A CSV file while it is read, piece by piece, into its columns. */
#ifndef FB3_CSV_READER_H
#define FB3_CSV_READER_H

#include "table/csv.h"
#include "table/csv_source.h"

#include <csv.h>

/* Zeroed but for context, options, err and source it is one that has read nothing. */
typedef struct fb3_csv_reader {
    flowbd3_context *context;
    const flowbd3_csv_options *options;
    flowbd3_error *err;
    fb3_csv_source source;
    fb3_reporter reporter;
    struct csv_parser parser;
    bool parsing, begun;   /* there is a parser; it has had a piece */
    flowbd3_status status; /* of what the callbacks did; they do nothing after a failure */

    fb3_csv_column *columns; /* [columns_capacity] */
    size_t n_columns, columns_capacity;
    bool named;           /* all columns are known */
    bool in_header;       /* no record has ended, and the first one is the header */
    bool second;          /* this is not the first reading */
    size_t rows;          /* complete ones in this reading */
    size_t first;         /* of them, that the columns begin with: the caller moves it on */
    size_t expected_rows; /* in other readings than the first: of that */
    bool enough;          /* max_rows are there */

    int64_t line;        /* the one that the parser is on, 1-based */
    int64_t record_line; /* the one on which the record began */
    size_t cell;         /* cells seen in this record */
    bool after_return;   /* the last thing seen was a carriage return at the end of a record */
} fb3_csv_reader;

/* Begins a reading. Each advance takes one piece of the source more, until after the last one parsing is
 * false; the parser's memory is freed there, or by stop. */
flowbd3_status fb3_csv_reader_start(fb3_csv_reader *reader);
flowbd3_status fb3_csv_reader_advance(fb3_csv_reader *reader);
void fb3_csv_reader_stop(fb3_csv_reader *reader);

/* Frees everything, the source too. */
void fb3_csv_reader_release(fb3_csv_reader *reader);

/* What could only be said when the type of every column was known. */
flowbd3_status fb3_csv_reader_check_nonfinite(fb3_csv_reader *reader);

/* The error of a file that another reading finds other than the first. */
flowbd3_status fb3_csv_reader_changed(fb3_csv_reader *reader);

/* The message of a file that is malformed, or has not the columns that were named, begins with its name. */
void fb3_csv_name_the_file(flowbd3_error *err, flowbd3_status status, const char *path);

#endif
