/* Rows made by number, as a table and as a stream of chunks with dictionaries of their own. */
#ifndef ROW_STREAM_H
#define ROW_STREAM_H

#include "base/base.h"

#include <flowbd3/stream.h>

#include <check.h>
#include <math.h>
#include <stdlib.h>

typedef struct row_stream {
    flowbd3_context *context;
    size_t rows, chunk_rows, next;
    size_t begin;   /* number of the row that is the first */
    size_t strange; /* number of the row whose state is NEW; 0: none */
    size_t odd;     /* number of the row in which total is not packets + bytes; SIZE_MAX: none */
    size_t fails;   /* number of the row that does not come; SIZE_MAX: all do */
} row_stream;

/* Rows first, first + 1, ... of columns duration (real, three digits, few missing), packets, bytes, total
 * (packets + bytes), size (integers up to 10^9), protocol and state. */
static inline flowbd3_status make_rows(const row_stream *s, flowbd3_table **out, size_t first, size_t rows,
                                       flowbd3_error *err) {
    static const char *const protocols[] = {"udp", "tcp", "icmp"}, *const states[] = {"CON", "FIN", "INT",
                                                                                      "RST"};
    double *duration = calloc(rows + 1, sizeof *duration);
    int64_t *packets = calloc(rows + 1, sizeof *packets), *bytes = calloc(rows + 1, sizeof *bytes);
    int64_t *total = calloc(rows + 1, sizeof *total), *size = calloc(rows + 1, sizeof *size);
    const char **protocol = calloc(rows + 1, sizeof *protocol), **state = calloc(rows + 1, sizeof *state);
    for (size_t i = 0; i < rows; i++) {
        uint32_t word[4];
        fb3_random(word, 77, FB3_RANDOM_SUBSAMPLE, first + i, 0);
        duration[i] =
            word[3] % 40 == 0 ? (double)NAN : nearbyint(-1e4 * log(fb3_uniform32(word[0]))) / 1000.0;
        packets[i] = 1 + (int64_t)(word[1] % 60);
        bytes[i] = 40 * packets[i] + (int64_t)(word[2] % 1000);
        total[i] = packets[i] + bytes[i] + (first + i == s->odd);
        size[i] = (int64_t)exp(fb3_uniform32(word[2]) * log(1e9));
        protocol[i] = protocols[(first + i) / 7 % 3];
        state[i] = word[0] % 11 == 0 ? NULL : states[word[1] % 4];
        if (s->strange > 0 && first + i == s->strange)
            state[i] = "NEW";
    }
    flowbd3_status status = flowbd3_table_create(out, s->context, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_table_add_real(*out, "duration", duration, NULL, rows, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_table_set_decimals(*out, 0, 3, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_table_add_integer(*out, "packets", packets, NULL, rows, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_table_add_integer(*out, "bytes", bytes, NULL, rows, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_table_add_integer(*out, "total", total, NULL, rows, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_table_add_integer(*out, "size", size, NULL, rows, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_table_add_categorical(*out, "protocol", protocol, rows, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_table_add_categorical(*out, "state", state, rows, err);
    if (status != FLOWBD3_OK)
        flowbd3_table_destroy(out);
    void *const arrays[] = {duration, packets, bytes, total, size, (void *)protocol, (void *)state};
    for (size_t i = 0; i < FB3_COUNT(arrays); i++)
        free(arrays[i]);
    return status;
}

static inline flowbd3_status next_rows(void *user, flowbd3_table **chunk, flowbd3_error *err) {
    row_stream *s = user;
    size_t left = s->rows - s->next, rows = left < s->chunk_rows ? left : s->chunk_rows;
    if (rows == 0)
        return FLOWBD3_OK;
    if (s->fails >= s->next && s->fails < s->next + rows)
        return fb3_fail_at(err, FLOWBD3_ERROR_IO, (int64_t)s->fails + 1, 0, "the line is down");
    s->next += rows;
    return make_rows(s, chunk, s->next - rows, rows, err);
}

static inline flowbd3_status rewind_rows(void *user, flowbd3_error *err) {
    (void)err;
    ((row_stream *)user)->next = ((row_stream *)user)->begin;
    return FLOWBD3_OK;
}

static inline flowbd3_status stream_rows(flowbd3_table_stream **out, row_stream *s) {
    flowbd3_table_source source = FLOWBD3_TABLE_SOURCE_INIT;
    source.user = s;
    source.next = next_rows;
    source.rewind = rewind_rows;
    return flowbd3_table_stream_create(out, s->context, &source, NULL);
}

#endif
