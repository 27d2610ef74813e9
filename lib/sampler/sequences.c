/* Which sequences a row belongs to, and the sequences at hand. */
#include "sampler/sampler.h"

#include <math.h>
#include <string.h>

fb3_sequence fb3_sampler_sequence(const flowbd3_sampler *s, uint64_t number) {
    fb3_sequence sequence =
        fb3_tokenizer_sequence(s->model->tokenizer, s->sizes.window, s->options.seed, number);
    if (s->options.sequence_flows > 0)
        sequence.flows = s->options.sequence_flows;
    return sequence;
}

/* ---- finding a row ----------------------------------------------------------------------------- */

/* The first sequence of the tile that row position lies in, and its row. Lengths are drawn anew from the
 * sequence at hand on, or from the first one for rows before it; sequences of one length need none. False:
 * cancelled. */
static bool find_tile(flowbd3_sampler *s, uint64_t *sequence, uint64_t *row) {
    const fb3_sampler_sizes *z = &s->sizes;
    if (s->options.sequence_flows > 0 || z->window == 1) {
        uint64_t tile = s->position / (z->length * z->tile);
        *sequence = tile * z->tile;
        *row = tile * z->tile * z->length;
        return true;
    }
    bool behind = s->table != NULL && s->position >= s->first_row;
    *sequence = behind ? s->first_sequence : 0;
    *row = behind ? s->first_row : 0;
    while (!fb3_sampler_cancelled(s, &s->workers[0])) {
        uint64_t end = *row;
        for (size_t i = 0; i < z->tile; i++)
            end += fb3_sampler_sequence(s, *sequence + i).flows;
        if (end > s->position)
            return true;
        *sequence += z->tile;
        *row = end;
    }
    return false;
}

/* Lists the sequences of as many tiles as the rows up to end need, and counts their flows. */
static void list_sequences(flowbd3_sampler *s, uint64_t end) {
    const fb3_sampler_sizes *z = &s->sizes;
    s->count = s->rows = 0;
    while (s->count < z->tiles * z->tile && s->first_row + s->rows < end)
        for (size_t i = 0; i < z->tile; i++) {
            s->sequences[s->count] = fb3_sampler_sequence(s, s->first_sequence + s->count);
            s->starts[s->count] = s->first_row + s->rows;
            s->rows += s->sequences[s->count++].flows;
        }
}

/* ---- drawing ----------------------------------------------------------------------------------- */

bool fb3_sampler_cancelled(flowbd3_sampler *s, const fb3_sampler_worker *worker) {
    if (worker == &s->workers[0] && fb3_report(s->reporter, s->done, (double)NAN))
        atomic_store(&s->cancelled, true);
    return atomic_load(&s->cancelled);
}

static void tile_task(void *argument, size_t i, unsigned worker) {
    flowbd3_sampler *s = argument;
    const fb3_sampler_sizes *z = &s->sizes;
    fb3_sampler_tile(s, &s->workers[worker], s->first_sequence + i * z->tile, s->sequences + i * z->tile,
                     s->starts + i * z->tile, s->tokens + i * z->tile * z->length * z->slots);
}

uint64_t fb3_attempt_seed(uint64_t seed, uint32_t attempt) {
    uint32_t word[4];
    if (attempt == 0)
        return seed;
    fb3_random(word, seed, FB3_RANDOM_ATTEMPT, attempt, 0);
    return (uint64_t)word[0] << 32 | word[1];
}

void fb3_sampler_give_up(flowbd3_sampler *s, uint64_t row, uint64_t rows) {
    uint64_t least = atomic_load(&s->given_up), end = row + rows;
    row = row < s->position ? s->position : row; /* nobody asked for those before it */
    if (row >= end)
        return;
    while (row < least && !atomic_compare_exchange_weak(&s->given_up, &least, row))
        ;
}

/* Closes the gaps that sequences shorter than the longest leave. */
static void pack(flowbd3_sampler *s) {
    const fb3_sampler_sizes *z = &s->sizes;
    size_t flow = 0;
    for (size_t i = 0; i < s->count; i++) {
        memmove(s->tokens + flow * z->slots, s->tokens + i * z->length * z->slots,
                s->sequences[i].flows * z->slots * sizeof *s->tokens);
        flow += s->sequences[i].flows;
    }
}

flowbd3_status fb3_sampler_fill(flowbd3_sampler *s, uint64_t rows, fb3_reporter *reporter, uint64_t done,
                                flowbd3_error *err) {
    if (s->table != NULL && s->position >= s->first_row && s->position - s->first_row < s->rows)
        return FLOWBD3_OK;
    uint64_t sequence, row;
    s->reporter = reporter;
    s->done = done;
    atomic_store(&s->cancelled, false);
    if (!find_tile(s, &sequence, &row))
        return fb3_fail(err, FLOWBD3_CANCELLED, "generation was cancelled");
    s->first_sequence = sequence;
    s->first_row = row;
    flowbd3_table_destroy(&s->table);
    list_sequences(s, s->position + rows);
    atomic_store(&s->given_up, UINT64_MAX);
    for (unsigned i = 0; i < flowbd3_context_threads(s->context); i++)
        s->workers[i].ordered_flow = 0; /* what rows are given may have changed */
    fb3_parallel(s->context, s->count / s->sizes.tile, tile_task, s);
    if (atomic_load(&s->cancelled))
        return fb3_fail(err, FLOWBD3_CANCELLED, "generation was cancelled");
    uint64_t row_given_up = atomic_load(&s->given_up);
    if (row_given_up < s->position + rows)
        return fb3_fail_at(err, FLOWBD3_ERROR_RANGE, (int64_t)row_given_up + 1, 0,
                           "row %llu: none of %u attempts met the rules and conditions",
                           (unsigned long long)row_given_up + 1, s->options.attempts);
    pack(s);
    s->drawn += s->rows;
    fb3_decoder decoder = {s->restraint, s->options.decoding, s->options.seed,
                           s->first_row, s->partial.table,    (size_t)s->first_row};
    flowbd3_status status = fb3_tokenizer_decode_sequences(s->model->tokenizer, s->tokens, s->rows, &decoder,
                                                           s->sequences, s->count, &s->table, err);
    if (row_given_up != UINT64_MAX) /* what comes before it is at hand */
        s->rows = (size_t)(row_given_up - s->first_row);
    return status;
}
