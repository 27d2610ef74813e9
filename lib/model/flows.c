/* A table as sequences of tokens. */
#include "model/model.h"
#include "tokenizer/tokenizer.h"

#include <string.h>

/* ---- sequences --------------------------------------------------------------------------------- */

/* All rows, which stay in their order, are one group. */
static void cut_rows(fb3_flows *f) {
    f->sequences = (f->count + f->length - 1) / f->length;
}

/* Whether no group but the last one has a sequence of fewer flows than the others. */
static bool are_even(const fb3_arrangement *a, size_t length) {
    for (size_t g = 0; g + 1 < a->groups; g++)
        if ((a->first[g + 1] - a->first[g]) % length != 0)
            return false;
    return true;
}

/* Cuts every group into sequences of at most f->length flows. */
static bool cut_groups(fb3_flows *f, const fb3_arrangement *a) {
    size_t length = f->length, sequences = 0;
    if (are_even(a, length)) {
        cut_rows(f);
        return true;
    }
    for (size_t g = 0; g < a->groups; g++)
        sequences += (a->first[g + 1] - a->first[g] + length - 1) / length;
    f->first = fb3_allocate(f->context, sequences + 1, sizeof *f->first);
    if (f->first == NULL)
        return false;
    for (size_t g = 0; g < a->groups; g++)
        for (size_t place = a->first[g]; place < a->first[g + 1]; place += length)
            f->first[f->sequences++] = place;
    f->first[f->sequences] = a->rows;
    return true;
}

/* Brings tokens, which are in the order of the table, into that of the sequences, often the same. */
static bool reorder(fb3_flows *f, size_t slots) {
    size_t in_place = 0;
    while (in_place < f->count && f->rows[in_place] == in_place)
        in_place++;
    if (in_place == f->count) {
        fb3_release(f->context, f->rows);
        f->rows = NULL;
        return true;
    }
    uint16_t *tokens = fb3_allocate(f->context, f->count * slots, sizeof *tokens);
    if (tokens == NULL)
        return false;
    for (size_t place = 0; place < f->count; place++)
        memcpy(tokens + place * slots, f->tokens + f->rows[place] * slots, slots * sizeof *tokens);
    fb3_release(f->context, f->tokens);
    f->tokens = tokens;
    return true;
}

/* Arranges the rows of a table as the tokenizer does. */
static flowbd3_status arrange(fb3_flows *f, const flowbd3_model *model, const flowbd3_table *table,
                              flowbd3_error *err) {
    if (model->tokenizer->sequencing == NULL) {
        cut_rows(f);
        return FLOWBD3_OK;
    }
    fb3_arrangement *arrangement = NULL;
    flowbd3_status status = fb3_tokenizer_arrange(model->tokenizer, table, &arrangement, err);
    if (status != FLOWBD3_OK)
        return status;
    f->rows = arrangement->order;
    arrangement->order = NULL;
    if (!cut_groups(f, arrangement) || !reorder(f, model->config.slots))
        status = fb3_no_memory(err, "the sequences");
    fb3_arrangement_destroy(&arrangement);
    return status;
}

/* ---- the door ---------------------------------------------------------------------------------- */

/* Sequences without a flow so far. NULL: no memory. */
static fb3_flows *allocate_flows(const flowbd3_model *model) {
    fb3_flows *f = fb3_allocate_zero(model->context, 1, sizeof *f);
    if (f == NULL)
        return NULL;
    f->context = fb3_context_retain(model->context);
    f->length = model->blocking.length;
    return f;
}

flowbd3_status fb3_flows_create(fb3_flows **out, const flowbd3_model *model, const flowbd3_table *table,
                                bool known, flowbd3_error *err) {
    fb3_flows *f = *out = allocate_flows(model);
    if (f == NULL)
        return fb3_no_memory(err, "the tokens");
    f->count = flowbd3_table_rows(table);
    f->tokens = fb3_allocate(f->context, f->count * model->config.slots, sizeof *f->tokens);
    flowbd3_status status = f->tokens != NULL ? FLOWBD3_OK : fb3_no_memory(err, "the tokens");
    if (status == FLOWBD3_OK)
        status = (known ? fb3_tokenizer_encode_known : flowbd3_tokenizer_encode)(model->tokenizer, table,
                                                                                 f->tokens, err);
    if (status == FLOWBD3_OK)
        status = arrange(f, model, table, err);
    if (status != FLOWBD3_OK)
        fb3_flows_destroy(out);
    return status;
}

/* Room for rows more flows: for all there are, when the stream tells. */
static bool reserve(fb3_flows *f, const flowbd3_table_stream *stream, size_t slots, size_t rows,
                    size_t *capacity) {
    size_t all = (size_t)flowbd3_table_stream_rows(stream), needed = f->count + rows;
    if (needed <= *capacity)
        return true;
    *capacity = all > needed ? all : needed + (f->count > 0 ? needed / 2 : 0);
    uint16_t *tokens = fb3_reallocate(f->context, f->tokens, *capacity * slots, sizeof *tokens);
    f->tokens = tokens != NULL ? tokens : f->tokens;
    return tokens != NULL;
}

static flowbd3_status encode_stream(fb3_flows *f, const flowbd3_model *model, flowbd3_table_stream *stream,
                                    flowbd3_error *err) {
    size_t slots = model->config.slots, capacity = 0;
    flowbd3_table *chunk = NULL;
    flowbd3_status status = flowbd3_table_stream_rewind(stream, err);
    do {
        flowbd3_table_destroy(&chunk);
        if (status == FLOWBD3_OK)
            status = flowbd3_table_stream_next(stream, &chunk, err);
        if (status != FLOWBD3_OK || chunk == NULL)
            break;
        if (!reserve(f, stream, slots, flowbd3_table_rows(chunk), &capacity))
            status = fb3_no_memory(err, "the tokens");
        else
            status = fb3_tokenizer_encode_chunk(model->tokenizer, chunk, f->count,
                                                f->tokens + f->count * slots, err);
        f->count += flowbd3_table_rows(chunk);
    } while (status == FLOWBD3_OK);
    flowbd3_table_destroy(&chunk);
    /* When giving memory back fails, the larger one serves as well. */
    uint16_t *tokens = status == FLOWBD3_OK && f->count < capacity
                           ? fb3_reallocate(f->context, f->tokens, f->count * slots, sizeof *tokens)
                           : NULL;
    f->tokens = tokens != NULL ? tokens : f->tokens;
    return status;
}

flowbd3_status fb3_flows_create_stream(fb3_flows **out, const flowbd3_model *model,
                                       flowbd3_table_stream *stream, flowbd3_error *err) {
    fb3_flows *f = *out = allocate_flows(model);
    if (f == NULL)
        return fb3_no_memory(err, "the tokens");
    flowbd3_status status = FLOWBD3_OK;
    if (model->tokenizer->sequencing != NULL)
        status = fb3_fail(err, FLOWBD3_ERROR_ARGUMENT,
                          "the tokenizer groups or orders rows, which needs a table and not a stream");
    if (status == FLOWBD3_OK)
        status = encode_stream(f, model, stream, err);
    if (status == FLOWBD3_OK && f->count == 0)
        status = fb3_fail(err, FLOWBD3_ERROR_FORMAT, "the stream has no row, expected one at least");
    if (status == FLOWBD3_OK)
        cut_rows(f);
    else
        fb3_flows_destroy(out);
    return status;
}

void fb3_flows_destroy(fb3_flows **flows) {
    fb3_flows *f = *flows;
    if (f == NULL)
        return;
    flowbd3_context *context = f->context;
    fb3_release(context, f->tokens);
    fb3_release(context, f->rows);
    fb3_release(context, f->first);
    fb3_release(context, f);
    flowbd3_context_destroy(&context);
    *flows = NULL;
}
