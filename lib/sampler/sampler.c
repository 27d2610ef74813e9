/* Sampler: options, life, and the rows of a call. */
#include "sampler/sampler.h"

#include <math.h>
#include <string.h>

flowbd3_status flowbd3_sampler_options_init(flowbd3_sampler_options *options, size_t size) {
    return fb3_options_init(options, size);
}

/* Longest sequence that is generated; attempts at a row that obeys. */
enum { MOST_FLOWS = 1 << 20, DEFAULT_ATTEMPTS = 64, MOST_GUIDANCE = 1000 };

static flowbd3_status check_options(flowbd3_sampler_options *o, flowbd3_error *err) {
    if (o->temperature == 0.0)
        o->temperature = 1.0;
    if (o->top_p == 0.0)
        o->top_p = 1.0;
    if (!(o->temperature > 0.0 && o->temperature <= 1e6))
        return fb3_fail(err, FLOWBD3_ERROR_RANGE, "temperature is %g, expected above 0 and at most 1e6",
                        o->temperature);
    if (!(o->top_p > 0.0 && o->top_p <= 1.0))
        return fb3_fail(err, FLOWBD3_ERROR_RANGE, "top_p is %g, expected above 0 and at most 1", o->top_p);
    if (o->batch_size > 1u << 20)
        return fb3_fail(err, FLOWBD3_ERROR_RANGE, "batch_size is %u, expected at most %u", o->batch_size,
                        1u << 20);
    if (o->decoding != FLOWBD3_DECODE_DRAW && o->decoding != FLOWBD3_DECODE_CENTRE)
        return fb3_fail(err, FLOWBD3_ERROR_RANGE, "decoding is %d, expected 0 or 1", (int)o->decoding);
    if (o->draws != FLOWBD3_DRAWS_STRATIFIED && o->draws != FLOWBD3_DRAWS_INDEPENDENT)
        return fb3_fail(err, FLOWBD3_ERROR_RANGE, "draws is %d, expected 0 or 1", (int)o->draws);
    if (o->complete > 1)
        return fb3_fail(err, FLOWBD3_ERROR_RANGE, "complete is %u, expected 0 or 1", o->complete);
    if (o->sequence_flows > MOST_FLOWS)
        return fb3_fail(err, FLOWBD3_ERROR_RANGE, "sequence_flows is %u, expected at most %d",
                        o->sequence_flows, MOST_FLOWS);
    if (!(o->guidance >= 0.0 && o->guidance <= MOST_GUIDANCE))
        return fb3_fail(err, FLOWBD3_ERROR_RANGE, "guidance is %g, expected 0 to %d", o->guidance,
                        MOST_GUIDANCE);
    if (o->attempts == 0)
        o->attempts = DEFAULT_ATTEMPTS;
    return fb3_unmasking_check(o, err);
}

/* The options with every default filled in, and the sizes that follow. */
static flowbd3_status measure(fb3_sampler_sizes *sizes, flowbd3_sampler_options *o,
                              const flowbd3_model *model, const flowbd3_sampler_options *options,
                              flowbd3_error *err) {
    flowbd3_status status = fb3_options_copy(o, sizeof *o, options, "flowbd3_sampler_options", err);
    if (status == FLOWBD3_OK)
        status = check_options(o, err);
    if (status == FLOWBD3_OK)
        status = fb3_sampler_measure(sizes, model, o, err);
    if (status == FLOWBD3_OK)
        status = fb3_guidance_check(o, model, sizes, err);
    return status;
}

flowbd3_status flowbd3_sampler_memory(const flowbd3_model *model, const flowbd3_sampler_options *options,
                                      uint64_t *bytes, flowbd3_error *err) {
    if (model == NULL || bytes == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_sampler_memory: %s is NULL",
                        model == NULL ? "model" : "bytes");
    fb3_sampler_sizes sizes;
    flowbd3_sampler_options o;
    flowbd3_status status = measure(&sizes, &o, model, options, err);
    return status == FLOWBD3_OK ? fb3_sampler_bytes(bytes, &sizes, model, err) : status;
}

/* ---- life -------------------------------------------------------------------------------------- */

static flowbd3_status allocate(flowbd3_sampler *s, flowbd3_error *err) {
    size_t sequences = s->sizes.tiles * s->sizes.tile;
    s->sequences = fb3_allocate(s->context, sequences, sizeof *s->sequences);
    s->tokens = fb3_allocate(s->context, sequences * s->sizes.length * s->sizes.slots, sizeof *s->tokens);
    s->workers = fb3_allocate_zero(s->context, flowbd3_context_threads(s->context), sizeof *s->workers);
    s->starts = fb3_allocate(s->context, sequences, sizeof *s->starts);
    if (s->sequences == NULL || s->starts == NULL || s->tokens == NULL || s->workers == NULL)
        return fb3_no_memory(err, "the sampler");
    flowbd3_status status = fb3_sampler_take_conditions(s, err);
    for (unsigned i = 0; status == FLOWBD3_OK && i < flowbd3_context_threads(s->context); i++)
        status = fb3_sampler_worker_create(&s->workers[i], s, err);
    return status;
}

flowbd3_status flowbd3_sampler_create(flowbd3_sampler **out, const flowbd3_model *model,
                                      const flowbd3_sampler_options *options, flowbd3_error *err) {
    if (out != NULL)
        *out = NULL;
    if (out == NULL || model == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_sampler_create: %s is NULL",
                        out == NULL ? "out" : "model");
    fb3_sampler_sizes sizes;
    flowbd3_sampler_options o;
    flowbd3_status status = measure(&sizes, &o, model, options, err);
    if (status != FLOWBD3_OK)
        return status;
    flowbd3_sampler *sampler = fb3_allocate_zero(model->context, 1, sizeof *sampler);
    if (sampler == NULL)
        return fb3_no_memory(err, "a sampler");
    sampler->context = fb3_context_retain(model->context);
    sampler->model = fb3_model_retain(model);
    sampler->options = o;
    sampler->sizes = sizes;
    status = allocate(sampler, err);
    if (status != FLOWBD3_OK)
        flowbd3_sampler_destroy(&sampler);
    *out = sampler;
    return status;
}

void flowbd3_sampler_destroy(flowbd3_sampler **sampler) {
    if (sampler == NULL || *sampler == NULL)
        return;
    flowbd3_sampler *s = *sampler;
    flowbd3_context *context = s->context;
    *sampler = NULL;
    for (unsigned i = 0; s->workers != NULL && i < flowbd3_context_threads(context); i++)
        fb3_sampler_worker_release(&s->workers[i], s);
    flowbd3_table_destroy(&s->table);
    fb3_sampler_release_conditions(s);
    fb3_sampler_drop_partial(s);
    fb3_release(context, s->starts);
    fb3_release(context, s->workers);
    fb3_release(context, s->sequences);
    fb3_release(context, s->tokens);
    flowbd3_model_destroy(&s->model);
    fb3_release(context, s);
    flowbd3_context_destroy(&context);
}

uint64_t flowbd3_sampler_evaluations(const flowbd3_sampler *sampler, uint64_t *flows) {
    uint64_t evaluations = 0;
    for (unsigned i = 0; sampler != NULL && i < flowbd3_context_threads(sampler->context); i++)
        evaluations += sampler->workers[i].evaluations;
    if (flows != NULL)
        *flows = sampler != NULL ? sampler->drawn : 0;
    return evaluations;
}

uint64_t flowbd3_sampler_position(const flowbd3_sampler *sampler) {
    return sampler != NULL ? sampler->position : 0;
}

void flowbd3_sampler_seek(flowbd3_sampler *sampler, uint64_t row) {
    if (sampler != NULL)
        sampler->position = row;
}

/* ---- chunks ------------------------------------------------------------------------------------ */

/* The next of rows rows that are at hand, done of the call having been handed out. */
static flowbd3_status next_chunk(flowbd3_sampler *s, uint64_t rows, uint64_t done, fb3_reporter *reporter,
                                 flowbd3_table **chunk, size_t *count, flowbd3_error *err) {
    flowbd3_status status = fb3_sampler_fill(s, rows - done, reporter, done, err);
    if (status != FLOWBD3_OK)
        return status;
    size_t first = (size_t)(s->position - s->first_row), available = s->rows - first;
    *count = available < rows - done ? available : (size_t)(rows - done);
    return flowbd3_table_slice(chunk, s->table, first, *count, err);
}

flowbd3_status flowbd3_sampler_stream(flowbd3_sampler *sampler, uint64_t rows, flowbd3_sampler_sink sink,
                                      void *sink_user, flowbd3_progress_function progress,
                                      void *progress_user, flowbd3_error *err) {
    if (sampler == NULL || sink == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_sampler_stream: %s is NULL",
                        sampler == NULL ? "sampler" : "sink");
    if (sampler->position > INT64_MAX || rows > INT64_MAX - sampler->position)
        return fb3_fail(err, FLOWBD3_ERROR_RANGE,
                        "%llu rows from row %llu on, expected that row numbers stay below 2^63",
                        (unsigned long long)rows, (unsigned long long)sampler->position);
    fb3_reporter reporter;
    fb3_reporter_start(&reporter, progress, progress_user, "generate", rows);
    for (uint64_t done = 0; done < rows;) {
        flowbd3_table *chunk = NULL;
        size_t count;
        flowbd3_status status = next_chunk(sampler, rows, done, &reporter, &chunk, &count, err);
        if (status != FLOWBD3_OK)
            return status;
        int stop = sink(sink_user, chunk);
        flowbd3_table_destroy(&chunk);
        sampler->position += count;
        done += count;
        if (fb3_report(&reporter, done, (double)NAN) || stop != 0)
            return fb3_fail(err, FLOWBD3_CANCELLED, "generation was cancelled");
    }
    return FLOWBD3_OK;
}

typedef struct collector {
    flowbd3_table *table;
    flowbd3_status status;
    flowbd3_error err;
} collector;

static int collect(void *user, const flowbd3_table *chunk) {
    collector *c = user;
    c->status = c->table == NULL
                    ? flowbd3_table_slice(&c->table, chunk, 0, flowbd3_table_rows(chunk), &c->err)
                    : flowbd3_table_append(c->table, chunk, &c->err);
    return c->status != FLOWBD3_OK;
}

flowbd3_status flowbd3_sampler_generate(flowbd3_sampler *sampler, uint64_t rows, flowbd3_table **out,
                                        flowbd3_progress_function progress, void *progress_user,
                                        flowbd3_error *err) {
    if (out != NULL)
        *out = NULL;
    if (sampler == NULL || out == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_sampler_generate: %s is NULL",
                        sampler == NULL ? "sampler" : "out");
    if (rows == 0)
        return flowbd3_tokenizer_columns_table(sampler->model->tokenizer, out, err);
    uint64_t start = sampler->position;
    collector c = {.status = FLOWBD3_OK};
    flowbd3_status status = flowbd3_sampler_stream(sampler, rows, collect, &c, progress, progress_user, err);
    if (c.status != FLOWBD3_OK) /* the stream calls it cancelled */
        status = fb3_fail(err, c.status, "%s", c.err.message);
    if (status != FLOWBD3_OK) {
        sampler->position = start;
        flowbd3_table_destroy(&c.table);
    }
    *out = c.table;
    return status;
}

/* ---- completing a table ------------------------------------------------------------------------ */

flowbd3_status flowbd3_sampler_complete(flowbd3_sampler *sampler, const flowbd3_table *partial,
                                        flowbd3_table **out, flowbd3_progress_function progress,
                                        void *progress_user, flowbd3_error *err) {
    if (out != NULL)
        *out = NULL;
    if (sampler == NULL || partial == NULL || out == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_sampler_complete: %s is NULL",
                        sampler == NULL   ? "sampler"
                        : partial == NULL ? "partial"
                                          : "out");
    if (sampler->options.complete == 0)
        return fb3_fail(err, FLOWBD3_ERROR_STATE,
                        "flowbd3_sampler_complete: the sampler was not made with the option complete");
    if (sampler->model->tokenizer->sequencing != NULL || sampler->sizes.length > 1)
        return fb3_fail(err, FLOWBD3_ERROR_STATE,
                        "flowbd3_sampler_complete: the model's flows are in sequences, expected one of "
                        "independent flows");
    uint64_t position = sampler->position;
    flowbd3_table_destroy(&sampler->table);
    sampler->position = 0;
    flowbd3_status status = fb3_sampler_take_partial(sampler, partial, err);
    if (status == FLOWBD3_OK)
        status =
            flowbd3_sampler_generate(sampler, flowbd3_table_rows(partial), out, progress, progress_user, err);
    fb3_sampler_drop_partial(sampler);
    flowbd3_table_destroy(&sampler->table);
    sampler->position = position;
    return status;
}
