/* Streams: the chunks of a source, checked to be parts of one table. */
#include "table/stream.h"

flowbd3_status flowbd3_table_source_init(flowbd3_table_source *source, size_t size) {
    return fb3_options_init(source, size);
}

/* ---- life -------------------------------------------------------------------------------------- */

flowbd3_status fb3_table_stream_allocate(flowbd3_table_stream **out, flowbd3_context *context,
                                         const flowbd3_table_source *source, flowbd3_error *err) {
    flowbd3_table_stream *s = *out = fb3_allocate_zero(context, 1, sizeof *s);
    if (s == NULL)
        return fb3_no_memory(err, "a stream of rows");
    s->context = fb3_context_retain(context);
    s->source = *source;
    return FLOWBD3_OK;
}

flowbd3_status flowbd3_table_stream_create(flowbd3_table_stream **out, flowbd3_context *context,
                                           const flowbd3_table_source *source, flowbd3_error *err) {
    if (out != NULL)
        *out = NULL;
    if (out == NULL || context == NULL || source == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_table_stream_create: %s is NULL",
                        out == NULL       ? "out"
                        : context == NULL ? "context"
                                          : "source");
    flowbd3_table_source taken;
    flowbd3_status status = fb3_options_copy(&taken, sizeof taken, source, "flowbd3_table_source", err);
    if (status == FLOWBD3_OK && (taken.next == NULL || taken.rewind == NULL))
        status = fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_table_source: %s is NULL",
                          taken.next == NULL ? "next" : "rewind");
    return status == FLOWBD3_OK ? fb3_table_stream_allocate(out, context, &taken, err) : status;
}

static void release_names(flowbd3_table_stream *s) {
    for (size_t i = 0; s->names != NULL && i < s->n_names; i++)
        fb3_release(s->context, s->names[i]);
    fb3_release(s->context, s->names);
    s->names = NULL;
    s->n_names = 0;
}

void flowbd3_table_stream_destroy(flowbd3_table_stream **stream) {
    if (stream == NULL || *stream == NULL)
        return;
    flowbd3_table_stream *s = *stream;
    flowbd3_context *context = s->context;
    *stream = NULL;
    if (s->source.release != NULL)
        s->source.release(s->source.user);
    flowbd3_table_destroy(&s->columns);
    flowbd3_table_destroy(&s->waiting);
    release_names(s);
    fb3_release(context, s);
    flowbd3_context_destroy(&context);
}

/* ---- chunks ------------------------------------------------------------------------------------ */

/* A chunk has the columns of the first. */
static flowbd3_status check_chunk(const flowbd3_table_stream *s, const flowbd3_table *chunk,
                                  flowbd3_error *err) {
    const flowbd3_table *first = s->columns;
    if (chunk->n_columns != first->n_columns)
        return fb3_fail(err, FLOWBD3_ERROR_SCHEMA, "the chunk from row %llu on has %zu columns, expected %zu",
                        (unsigned long long)s->given + 1, chunk->n_columns, first->n_columns);
    for (size_t i = 0; i < chunk->n_columns; i++) {
        const fb3_column *here = &chunk->columns[i], *there = &first->columns[i];
        if (strcmp(here->name, there->name) != 0)
            return fb3_fail_at(err, FLOWBD3_ERROR_SCHEMA, 0, (int64_t)i + 1,
                               "column %zu of the chunk from row %llu on is '%.60s', expected '%.60s'", i + 1,
                               (unsigned long long)s->given + 1, here->name, there->name);
        if (here->type != there->type)
            return fb3_fail_at(err, FLOWBD3_ERROR_SCHEMA, 0, (int64_t)i + 1,
                               "column '%.80s' of the chunk from row %llu on is %s, expected %s", here->name,
                               (unsigned long long)s->given + 1, fb3_type_name(here->type),
                               fb3_type_name(there->type));
    }
    return FLOWBD3_OK;
}

/* The next chunk of the source that has rows, as it comes. */
static flowbd3_status fetch(flowbd3_table_stream *s, flowbd3_table **chunk, flowbd3_error *err) {
    flowbd3_status status = FLOWBD3_OK;
    *chunk = s->waiting;
    s->waiting = NULL;
    while (status == FLOWBD3_OK && *chunk == NULL && !s->ended) {
        status = s->source.next(s->source.user, chunk, err);
        s->ended = status == FLOWBD3_OK && *chunk == NULL;
        if (status == FLOWBD3_OK && *chunk != NULL && (*chunk)->rows == 0)
            flowbd3_table_destroy(chunk);
    }
    if (status == FLOWBD3_OK && *chunk != NULL && s->columns == NULL)
        status = flowbd3_table_slice(&s->columns, *chunk, 0, 0, err);
    if (status == FLOWBD3_OK && *chunk != NULL)
        status = check_chunk(s, *chunk, err);
    if (status != FLOWBD3_OK) {
        s->failed = true;
        flowbd3_table_destroy(chunk);
    }
    return status;
}

static flowbd3_status leave_columns(const flowbd3_table_stream *s, flowbd3_table **table,
                                    flowbd3_error *err) {
    if (s->names == NULL)
        return FLOWBD3_OK;
    flowbd3_table *left = NULL;
    flowbd3_status status =
        flowbd3_table_select(&left, *table, (const char *const *)s->names, s->n_names, err);
    flowbd3_table_destroy(table);
    *table = left;
    return status;
}

flowbd3_status flowbd3_table_stream_next(flowbd3_table_stream *stream, flowbd3_table **chunk,
                                         flowbd3_error *err) {
    if (chunk != NULL)
        *chunk = NULL;
    if (stream == NULL || chunk == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_table_stream_next: %s is NULL",
                        stream == NULL ? "stream" : "chunk");
    if (stream->failed)
        return fb3_fail(err, FLOWBD3_ERROR_STATE, "the stream has failed and was not rewound");
    flowbd3_status status = fetch(stream, chunk, err);
    if (status != FLOWBD3_OK)
        return status;
    if (*chunk == NULL) {
        stream->rows = stream->given;
        return FLOWBD3_OK;
    }
    stream->given += (*chunk)->rows;
    status = leave_columns(stream, chunk, err);
    stream->failed = status != FLOWBD3_OK;
    return status;
}

flowbd3_status flowbd3_table_stream_rewind(flowbd3_table_stream *stream, flowbd3_error *err) {
    if (stream == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_table_stream_rewind: stream is NULL");
    flowbd3_table_destroy(&stream->waiting);
    stream->given = 0;
    stream->ended = false;
    flowbd3_status status = stream->source.rewind(stream->source.user, err);
    stream->failed = status != FLOWBD3_OK;
    return status;
}

/* ---- columns ----------------------------------------------------------------------------------- */

/* Makes the columns known: by the first chunk, which waits. */
static flowbd3_status know_columns(flowbd3_table_stream *s, flowbd3_error *err) {
    if (s->columns != NULL)
        return FLOWBD3_OK;
    if (s->failed)
        return fb3_fail(err, FLOWBD3_ERROR_STATE, "the stream has failed and was not rewound");
    flowbd3_table *chunk;
    flowbd3_status status = fetch(s, &chunk, err);
    s->waiting = chunk;
    return status == FLOWBD3_OK && chunk == NULL
               ? fb3_fail(err, FLOWBD3_ERROR_FORMAT, "the stream has no row, expected one at least")
               : status;
}

flowbd3_status flowbd3_table_stream_select(flowbd3_table_stream *stream, const char *const *names,
                                           size_t count, flowbd3_error *err) {
    if (stream == NULL || names == NULL || count == 0)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT,
                        "flowbd3_table_stream_select: expected a stream and one name at least");
    if (stream->given > 0 || stream->names != NULL)
        return fb3_fail(err, FLOWBD3_ERROR_STATE, "flowbd3_table_stream_select: the stream has given %s",
                        stream->given > 0 ? "rows" : "up columns");
    flowbd3_table *columns = NULL;
    flowbd3_status status = know_columns(stream, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_table_select(&columns, stream->columns, names, count, err);
    flowbd3_table_destroy(&columns);
    if (status != FLOWBD3_OK)
        return status;
    stream->names = fb3_allocate_zero(stream->context, count, sizeof *stream->names);
    bool whole = stream->names != NULL;
    for (; whole && stream->n_names < count; stream->n_names += whole) {
        char *name = stream->names[stream->n_names] = fb3_duplicate(stream->context, names[stream->n_names]);
        whole = name != NULL;
    }
    if (whole)
        return FLOWBD3_OK;
    release_names(stream);
    return fb3_no_memory(err, "the columns of a stream");
}

flowbd3_status flowbd3_table_stream_columns(flowbd3_table_stream *stream, flowbd3_table **columns,
                                            flowbd3_error *err) {
    if (columns != NULL)
        *columns = NULL;
    if (stream == NULL || columns == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_table_stream_columns: %s is NULL",
                        stream == NULL ? "stream" : "columns");
    flowbd3_status status = know_columns(stream, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_table_slice(columns, stream->columns, 0, 0, err);
    return status == FLOWBD3_OK ? leave_columns(stream, columns, err) : status;
}

uint64_t flowbd3_table_stream_rows(const flowbd3_table_stream *stream) {
    return stream != NULL ? stream->rows : 0;
}
