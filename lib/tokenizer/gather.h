/* What a tokenizer is fitted to, gathered from a stream in memory that does not grow with its rows. */
#ifndef FB3_GATHER_H
#define FB3_GATHER_H

#include "tokenizer/sketch.h"

/* ---- a sample of rows (row_sample.c) ----------------------------------------------------------- */

/* A uniform sample without replacement, in the order of the rows: those whose draws, one for every row by
 * seed and number alone, are the least. It does not depend on chunks. */
typedef struct fb3_row_sample {
    flowbd3_context *context;
    uint64_t seed;
    size_t limit;
    flowbd3_table *rows; /* up to twice as many while it is drawn; NULL: none so far */
    int64_t *draws;      /* [rows] */
    size_t capacity;
    bool full;        /* there were more than limit, ... */
    int64_t greatest; /* ... of which the draws above this one are not among the least */
} fb3_row_sample;

/* The rows of a chunk, the first of which has that number. */
flowbd3_status fb3_row_sample_add(fb3_row_sample *sample, const flowbd3_table *chunk, uint64_t first,
                                  flowbd3_error *err);

/* Leaves limit rows at most. */
flowbd3_status fb3_row_sample_finish(fb3_row_sample *sample, flowbd3_error *err);
void fb3_row_sample_release(fb3_row_sample *sample);

/* ---- the cells of all columns (gather.c) ------------------------------------------------------- */

/* How much is kept: distinct numbers of a column before they become a sketch, keys of its widest level, rows
 * that are looked at together. */
typedef struct fb3_gather_limits {
    size_t values, sketch, rows;
} fb3_gather_limits;

typedef struct fb3_gathered {
    fb3_cells cells;            /* distinct until there are too many, ... */
    fb3_sketch sketch;          /* ... then the sketch, with the ends */
    int64_t low, high;          /* of numbers */
    fb3_dictionary *dictionary; /* of texts: that of the first chunk, or one that grows */
    char *name;
    fb3_digits *digits; /* where they are counted apart */
    flowbd3_error err;
} fb3_gathered;

typedef struct fb3_gathering {
    flowbd3_context *context;
    fb3_gather_limits limits;
    uint64_t seed;
    fb3_gathered *columns; /* [n_columns] */
    size_t n_columns;
    uint64_t rows;
    fb3_row_sample sample;
} fb3_gathering;

flowbd3_status fb3_gathering_create(fb3_gathering **out, const flowbd3_table *columns,
                                    const fb3_gather_limits *limits, uint64_t seed, flowbd3_error *err);
void fb3_gathering_destroy(fb3_gathering **gathering);

/* Takes in the rows of a chunk of these columns. */
flowbd3_status fb3_gathering_add(fb3_gathering *gathering, const flowbd3_table *chunk, flowbd3_error *err);

/* Sketches become distinct values, and the sample what it is to be; nothing can be added any more. */
flowbd3_status fb3_gathering_finish(fb3_gathering *gathering, flowbd3_error *err);

/* ---- fitting (fit_stream.c) -------------------------------------------------------------------- */

/* flowbd3_tokenizer_create_stream with other limits. */
flowbd3_status fb3_tokenizer_fit_stream(flowbd3_tokenizer **out, flowbd3_table_stream *stream,
                                        const flowbd3_tokenizer_options *options,
                                        const fb3_gather_limits *limits, flowbd3_error *err);

#endif
