/* Tables read from CSV files, with progress. */
#ifndef CSV_TABLE_H
#define CSV_TABLE_H

#include <flowbd3/flowbd3.h>

/* Reads path; the progress of options is a bar. The caller owns *table. */
flowbd3_status read_csv(flowbd3_table **table, flowbd3_context *context, const char *path,
                        flowbd3_csv_options options, flowbd3_error *err);

typedef enum likeness {
    LIKE_TYPES,  /* the very types of the other table */
    LIKE_NUMBERS /* its integers as real: a number is a number, whether or not all of them are whole; columns
                    of addresses as they come: what is none is a category */
} likeness;

/* Reads the columns of another table from path, all of them and in their types: what looks like a number in
 * one file may be a category in the other. Types of options count for the columns that other has not. All
 * columns of the file are left. */
flowbd3_status read_csv_like(flowbd3_table **table, flowbd3_context *context, const char *path,
                             const flowbd3_table *other, likeness how, flowbd3_csv_options options,
                             flowbd3_error *err);

/* Leaves the columns of other in *table, in that order. */
flowbd3_status keep_columns_of(flowbd3_table **table, const flowbd3_table *other, flowbd3_error *err);

/* The same of streams: a file read chunk by chunk, in the types of other where that is not NULL. The caller
 * owns *stream. */
flowbd3_status stream_csv(flowbd3_table_stream **stream, flowbd3_context *context, const char *path,
                          const flowbd3_table *other, flowbd3_csv_options options, flowbd3_error *err);
flowbd3_status stream_columns_of(flowbd3_table_stream *stream, const flowbd3_table *other,
                                 flowbd3_error *err);

/* The rows of two streams of the same columns, which must outlive it, one after the other. */
flowbd3_status join_streams(flowbd3_table_stream **joined, flowbd3_context *context,
                            flowbd3_table_stream *streams[2], flowbd3_error *err);

/* Bytes of a regular file; 0 for what is none. */
uint64_t size_of_file(const char *path);

#endif
