/* Stream: a table that comes chunk by chunk, for one that is larger than memory. */
#ifndef FLOWBD3_STREAM_H
#define FLOWBD3_STREAM_H

#include <flowbd3/table.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Rows in their order, as often as they are wanted. All chunks have the same columns in the same types.
 * Thread-safety: one thread at a time, which also uses the chunks while they share categories with it. */
typedef struct flowbd3_table_stream flowbd3_table_stream;

/* Opens a CSV file as a stream of chunks of chunk_rows rows (default 0 = 65536), the last one fewer. options
 * may be NULL; they are those of flowbd3_table_read_csv and are copied, but for progress, which is called
 * only here.
 *
 * The file is read here once without being kept, or twice when a column turns out categorical after numbers,
 * so that all chunks have the types, the printed precision and the categories, in the same order, that
 * flowbd3_table_read_csv finds. It has to stay as it is while the stream lives; what is found changed is
 * refused later (FORMAT). Memory: a chunk, and the categories. The caller owns *out. Errors: those of
 * flowbd3_table_read_csv, with the same file, row and column. */
FLOWBD3_API flowbd3_status flowbd3_table_stream_csv(flowbd3_table_stream **out, flowbd3_context *context,
                                                    const char *path, const flowbd3_csv_options *options,
                                                    size_t chunk_rows, flowbd3_error *err);

/* Where the rows of a stream come from. next hands over a table, or writes NULL at the end; it must not
 * destroy or keep it. rewind begins again with the first row, which must give the same rows. release, unless
 * NULL, is called when the stream is destroyed. What fails returns a status and fills *err. */
typedef struct flowbd3_table_source {
    size_t struct_size;
    void *user;
    flowbd3_status (*next)(void *user, flowbd3_table **chunk, flowbd3_error *err); /* the rows that follow */
    flowbd3_status (*rewind)(void *user, flowbd3_error *err);                      /* to the first row */
    void (*release)(void *user);                                                   /* may be NULL */
} flowbd3_table_source;

#define FLOWBD3_TABLE_SOURCE_INIT \
    { sizeof(flowbd3_table_source), NULL, NULL, NULL, NULL }

FLOWBD3_API flowbd3_status flowbd3_table_source_init(flowbd3_table_source *source, size_t size);

/* Makes a stream of a source, which is copied. Chunks may have any number of rows, and dictionaries of their
 * own. The caller owns *out; on failure release is not called. Errors: ARGUMENT, VERSION, MEMORY. */
FLOWBD3_API flowbd3_status flowbd3_table_stream_create(flowbd3_table_stream **out, flowbd3_context *context,
                                                       const flowbd3_table_source *source,
                                                       flowbd3_error *err);
FLOWBD3_API void flowbd3_table_stream_destroy(flowbd3_table_stream **stream);

/* The next chunk, of one row or more, which the caller owns; NULL at the end. Errors: those of the source,
 * SCHEMA (a chunk of other columns), STATE (an error before, and not rewound), FORMAT (the file changed),
 * IO, MEMORY. */
FLOWBD3_API flowbd3_status flowbd3_table_stream_next(flowbd3_table_stream *stream, flowbd3_table **chunk,
                                                     flowbd3_error *err);

/* Begins again with the first row. Errors: those of the source. */
FLOWBD3_API flowbd3_status flowbd3_table_stream_rewind(flowbd3_table_stream *stream, flowbd3_error *err);

/* Leaves the columns names[count] of all chunks, in that order; the stream must not have given one. Errors:
 * ARGUMENT (no such column, a name twice, none at all), STATE, MEMORY, those of the source. */
FLOWBD3_API flowbd3_status flowbd3_table_stream_select(flowbd3_table_stream *stream, const char *const *names,
                                                       size_t count, flowbd3_error *err);

/* The columns of its chunks as a table without rows, which the caller owns. Errors: FORMAT (there is no row),
 * MEMORY, those of the source. */
FLOWBD3_API flowbd3_status flowbd3_table_stream_columns(flowbd3_table_stream *stream, flowbd3_table **columns,
                                                        flowbd3_error *err);

/* Rows in all; 0 as long as that is not known: before the end was reached, unless it is a CSV file. */
FLOWBD3_API uint64_t flowbd3_table_stream_rows(const flowbd3_table_stream *stream);

#ifdef __cplusplus
}
#endif

#endif
