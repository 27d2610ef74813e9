/* Streams of tables from inside. */
#ifndef FB3_STREAM_H
#define FB3_STREAM_H

#include "table/table.h"

#include <flowbd3/stream.h>

struct flowbd3_table_stream {
    flowbd3_context *context;
    flowbd3_table_source source;
    flowbd3_table *columns; /* of every chunk, without rows; NULL: not known so far */
    flowbd3_table *waiting; /* a chunk that was fetched and not given, or NULL */
    char **names;           /* [n_names] columns that are left; NULL: all */
    size_t n_names;
    uint64_t given; /* rows, since the beginning */
    uint64_t rows;  /* in all; 0: not known so far */
    bool ended, failed;
};

/* A stream of a source that has been checked. */
flowbd3_status fb3_table_stream_allocate(flowbd3_table_stream **out, flowbd3_context *context,
                                         const flowbd3_table_source *source, flowbd3_error *err);

#endif
