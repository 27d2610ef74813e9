/* Sampler: options, memory, life, and the rows of a call cut into chunks of tiles.
 *
 * A tile is a fixed run of rows (row numbers first, first + 1, ... from a multiple of its size on) that one
 * thread takes through all steps. The network's products see whole tiles alone, so that a row comes out the
 * same to the last bit whatever the batch size, the number of threads and the calls it is asked for in. */
#include "sampler/sampler.h"
#include "tokenizer/tokenizer.h"

#include <math.h>
#include <string.h>

flowbd3_status flowbd3_sampler_options_init(flowbd3_sampler_options *options, size_t size) {
    return fb3_options_init(options, size, sizeof *options);
}

static flowbd3_status check_options(flowbd3_sampler_options *o, size_t slots, flowbd3_error *err) {
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
    if (o->steps == 0 || o->steps > slots)
        o->steps = (uint32_t)slots;
    return FLOWBD3_OK;
}

/* ---- life -------------------------------------------------------------------------------------- */

/* About as many tokens as the matrix products need to run at full rate. */
enum { TILE_TOKENS = 128, TILES_IN_FLIGHT = 16 };

static flowbd3_status allocate(flowbd3_sampler *s, flowbd3_error *err) {
    size_t slots = s->model->config.slots, largest = 0;
    for (size_t i = 0; i < slots; i++)
        largest = s->model->vocabulary[i] > largest ? s->model->vocabulary[i] : largest;
    s->tokens = fb3_allocate(s->context, s->chunk * slots, sizeof *s->tokens);
    s->workers = fb3_allocate_zero(s->context, flowbd3_context_threads(s->context), sizeof *s->workers);
    if (s->tokens == NULL || s->workers == NULL)
        return fb3_no_memory(err, "the sampler");
    for (unsigned i = 0; i < flowbd3_context_threads(s->context); i++) {
        fb3_sampler_worker *w = &s->workers[i];
        flowbd3_status status = fb3_network_create(&w->network, s->context, &s->model->config,
                                                   s->model->layout, s->tile, false, err);
        if (status != FLOWBD3_OK)
            return status;
        fb3_network_prepare(w->network, s->model->parameters);
        w->inputs = fb3_allocate(s->context, s->tile * slots, sizeof *w->inputs);
        w->wanted = fb3_allocate(s->context, s->tile * slots, sizeof *w->wanted);
        w->order = fb3_allocate(s->context, s->tile * slots, sizeof *w->order);
        w->probabilities = fb3_allocate(s->context, largest, sizeof *w->probabilities);
        w->ranking = fb3_allocate(s->context, largest, sizeof *w->ranking);
        if (w->inputs == NULL || w->wanted == NULL || w->order == NULL || w->probabilities == NULL ||
            w->ranking == NULL)
            return fb3_no_memory(err, "the sampler");
    }
    return FLOWBD3_OK;
}

flowbd3_status flowbd3_sampler_create(flowbd3_sampler **out, const flowbd3_model *model,
                                      const flowbd3_sampler_options *options, flowbd3_error *err) {
    if (out == NULL || model == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_sampler_create: %s is NULL",
                        out == NULL ? "out" : "model");
    *out = NULL;
    flowbd3_sampler_options o;
    flowbd3_status status = fb3_options_copy(&o, sizeof o, options, "flowbd3_sampler_options", err);
    if (status == FLOWBD3_OK)
        status = check_options(&o, model->config.slots, err);
    if (status != FLOWBD3_OK)
        return status;
    flowbd3_sampler *sampler = fb3_allocate_zero(model->context, 1, sizeof *sampler);
    if (sampler == NULL)
        return fb3_no_memory(err, "a sampler");
    sampler->context = fb3_context_retain(model->context);
    sampler->model = model;
    sampler->options = o;
    sampler->tile = model->config.slots < TILE_TOKENS ? TILE_TOKENS / model->config.slots : 1;
    size_t tiles = o.batch_size == 0 ? TILES_IN_FLIGHT * (size_t)flowbd3_context_threads(model->context)
                                     : (o.batch_size + sampler->tile - 1) / sampler->tile;
    sampler->chunk = tiles * sampler->tile;
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
    for (unsigned i = 0; s->workers != NULL && i < flowbd3_context_threads(context); i++) {
        fb3_sampler_worker *w = &s->workers[i];
        fb3_network_destroy(&w->network);
        fb3_release(context, w->inputs);
        fb3_release(context, w->wanted);
        fb3_release(context, w->order);
        fb3_release(context, w->probabilities);
        fb3_release(context, w->ranking);
    }
    fb3_release(context, s->workers);
    fb3_release(context, s->tokens);
    fb3_release(context, s);
    flowbd3_context_destroy(&context);
}

uint64_t flowbd3_sampler_position(const flowbd3_sampler *sampler) {
    return sampler != NULL ? sampler->position : 0;
}

void flowbd3_sampler_seek(flowbd3_sampler *sampler, uint64_t row) {
    if (sampler != NULL)
        sampler->position = row;
}

/* ---- chunks ------------------------------------------------------------------------------------ */

static void tile_task(void *argument, size_t i, unsigned worker) {
    flowbd3_sampler *s = argument;
    fb3_sampler_tile(s, &s->workers[worker], s->first_row + i * s->tile,
                     s->tokens + i * s->tile * s->model->config.slots);
}

/* Makes sure that the buffer holds row position and returns how many of the next rows it holds. */
static size_t fill(flowbd3_sampler *s, uint64_t rows) {
    if (s->position >= s->first_row && s->position - s->first_row < s->filled)
        return (size_t)(s->first_row + s->filled - s->position);
    s->first_row = s->position / s->tile * s->tile;
    uint64_t needed = s->position - s->first_row + rows;
    size_t tiles = needed < s->chunk ? (size_t)((needed + s->tile - 1) / s->tile) : s->chunk / s->tile;
    fb3_parallel(s->context, tiles, tile_task, s);
    s->filled = tiles * s->tile;
    return (size_t)(s->first_row + s->filled - s->position);
}

static flowbd3_status next_chunk(flowbd3_sampler *s, uint64_t rows, flowbd3_table **chunk, size_t *count,
                                 flowbd3_error *err) {
    size_t available = fill(s, rows);
    *count = available < rows ? available : (size_t)rows;
    const uint16_t *tokens = s->tokens + (s->position - s->first_row) * s->model->config.slots;
    return flowbd3_tokenizer_decode(s->model->tokenizer, tokens, *count, s->options.decoding, s->options.seed,
                                    s->position, chunk, err);
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
        flowbd3_status status = next_chunk(sampler, rows - done, &chunk, &count, err);
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
    flowbd3_error *err;
} collector;

static int collect(void *user, const flowbd3_table *chunk) {
    collector *c = user;
    c->status = c->table == NULL ? flowbd3_table_slice(&c->table, chunk, 0, flowbd3_table_rows(chunk), c->err)
                                 : flowbd3_table_append(c->table, chunk, c->err);
    return c->status != FLOWBD3_OK;
}

/* The columns of the model without rows. */
static flowbd3_status empty_table(flowbd3_sampler *s, flowbd3_table **out, flowbd3_error *err) {
    return flowbd3_tokenizer_decode(s->model->tokenizer, s->tokens, 0, s->options.decoding, 0, 0, out, err);
}

flowbd3_status flowbd3_sampler_generate(flowbd3_sampler *sampler, uint64_t rows, flowbd3_table **out,
                                        flowbd3_progress_function progress, void *progress_user,
                                        flowbd3_error *err) {
    if (sampler == NULL || out == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_sampler_generate: %s is NULL",
                        sampler == NULL ? "sampler" : "out");
    *out = NULL;
    if (rows == 0)
        return empty_table(sampler, out, err);
    uint64_t start = sampler->position;
    collector c = {NULL, FLOWBD3_OK, err};
    flowbd3_status status = flowbd3_sampler_stream(sampler, rows, collect, &c, progress, progress_user, err);
    if (c.status != FLOWBD3_OK)
        status = c.status;
    if (status != FLOWBD3_OK) {
        sampler->position = start;
        flowbd3_table_destroy(&c.table);
    }
    *out = c.table;
    return status;
}
