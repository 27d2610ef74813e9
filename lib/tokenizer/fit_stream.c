/* Tokenizers fitted to a stream: one pass gathers cells and a sample of rows, another one counts the rows
 * that obey what was found in the sample. */
#include "table/stream.h"
#include "tokenizer/gather.h"

/* ---- passes ------------------------------------------------------------------------------------ */

typedef flowbd3_status (*visit)(void *user, const flowbd3_table *chunk, flowbd3_error *err);

/* All chunks of a stream, from its beginning. */
static flowbd3_status visit_chunks(flowbd3_table_stream *stream, visit visitor, void *user,
                                   flowbd3_error *err) {
    flowbd3_status status = flowbd3_table_stream_rewind(stream, err);
    for (bool ended = false; status == FLOWBD3_OK && !ended;) {
        flowbd3_table *chunk = NULL;
        status = flowbd3_table_stream_next(stream, &chunk, err);
        ended = chunk == NULL;
        if (status == FLOWBD3_OK && !ended)
            status = visitor(user, chunk, err);
        flowbd3_table_destroy(&chunk);
    }
    return status;
}

static flowbd3_status gather(void *user, const flowbd3_table *chunk, flowbd3_error *err) {
    return fb3_gathering_add(user, chunk, err);
}

/* ---- the second pass --------------------------------------------------------------------------- */

/* Rows counted by the rules, and digits of columns of too many values. */
typedef struct counting {
    fb3_gathering *gathering;
    flowbd3_rules *rules; /* NULL: none to count */
    fb3_rule_count *sums; /* [rules->count] */
    uint64_t rows;
} counting;

static flowbd3_status count_rules(counting *c, const flowbd3_table *chunk, flowbd3_error *err) {
    flowbd3_context *context = c->gathering->context;
    fb3_bound *bound = NULL;
    fb3_rule_count *counts = fb3_allocate(context, c->rules->count, sizeof *counts);
    fb3_rule_column *columns = fb3_rule_columns_of_table(context, chunk);
    flowbd3_status status = FLOWBD3_OK;
    uint64_t any;
    if (counts == NULL || columns == NULL)
        status = fb3_no_memory(err, "the rules of a stream");
    for (size_t i = 0; status == FLOWBD3_OK && i < chunk->n_columns; i++)
        columns[i].decimals = c->gathering->columns[i].cells.decimals;
    if (status == FLOWBD3_OK)
        status = fb3_bound_create(&bound, context, c->rules, columns, chunk->n_columns, false, err);
    if (status == FLOWBD3_OK)
        status = fb3_bound_check(bound, chunk, counts, &any, err);
    for (size_t i = 0; status == FLOWBD3_OK && i < bound->count; i++) {
        c->sums[bound->bound[i].number].applies += counts[i].applies;
        c->sums[bound->bound[i].number].violated += counts[i].violated;
    }
    fb3_bound_destroy(&bound);
    fb3_release(context, columns);
    fb3_release(context, counts);
    return status;
}

static void count_digits(void *argument, size_t i, unsigned worker) {
    (void)worker;
    const flowbd3_table *chunk = ((const flowbd3_table *const *)argument)[0];
    const fb3_gathering *gathering = ((const fb3_gathering *const *)argument)[1];
    const fb3_column *column = &chunk->columns[i];
    fb3_digits *digits = gathering->columns[i].digits;
    for (size_t row = 0; digits != NULL && row < chunk->rows; row++)
        if (!fb3_is_missing(column, row))
            fb3_digits_count(digits, column->integer[row], 1);
}

static flowbd3_status count_chunk(void *user, const flowbd3_table *chunk, flowbd3_error *err) {
    counting *c = user;
    c->rows += chunk->rows;
    const void *argument[] = {chunk, c->gathering};
    fb3_parallel(c->gathering->context, chunk->n_columns, count_digits, argument);
    return c->rules != NULL ? count_rules(c, chunk, err) : FLOWBD3_OK;
}

/* Makes digits for the columns that are to have them and whose values are not all known; whether there are
 * some. */
static flowbd3_status start_digits(fb3_gathering *gathering, const flowbd3_tokenizer_options *options,
                                   bool *some, flowbd3_error *err) {
    for (size_t i = 0; i < gathering->n_columns; i++) {
        fb3_gathered *g = &gathering->columns[i];
        uint32_t bins;
        if (!g->cells.distinct.sketched || !fb3_has_integers(g->cells.type) ||
            fb3_codec_asked_for(options, g->name, &bins) != FLOWBD3_CODEC_DIGITS)
            continue;
        g->cells.digits = g->digits = fb3_digits_create(gathering->context, g->low, g->high);
        if (g->digits == NULL)
            return fb3_no_memory(err, "the digits of a column");
        *some = true;
    }
    return FLOWBD3_OK;
}

static flowbd3_status count_again(fb3_gathering *gathering, flowbd3_table_stream *stream,
                                  flowbd3_rules *rules, flowbd3_error *err) {
    counting c = {.gathering = gathering, .rules = rules};
    size_t count = rules != NULL ? rules->count : 0;
    c.sums = fb3_allocate_zero(gathering->context, count, sizeof *c.sums);
    flowbd3_status status = c.sums != NULL ? visit_chunks(stream, count_chunk, &c, err)
                                           : fb3_no_memory(err, "the rules of a stream");
    if (status == FLOWBD3_OK && c.rows != gathering->rows)
        status = fb3_fail(err, FLOWBD3_ERROR_FORMAT, "the stream had %llu rows, and when it was rewound %llu",
                          (unsigned long long)gathering->rows, (unsigned long long)c.rows);
    for (size_t i = 0; status == FLOWBD3_OK && i < count; i++) {
        rules->rules[i].applies = c.sums[i].applies;
        rules->rules[i].obey = c.sums[i].applies - c.sums[i].violated;
    }
    if (status == FLOWBD3_OK && rules != NULL)
        fb3_rules_drop_weak(rules, FB3_LEAST_SHARE, fb3_rules_least_rows(gathering->rows));
    fb3_release(gathering->context, c.sums);
    return status;
}

/* ---- the door ---------------------------------------------------------------------------------- */

/* Fits to what was gathered; rules are looked for in the sample and counted in all rows. */
static flowbd3_status fit_gathered(flowbd3_tokenizer **out, fb3_gathering *gathering,
                                   flowbd3_table_stream *stream, const flowbd3_tokenizer_options *options,
                                   flowbd3_error *err) {
    const flowbd3_table *sample = gathering->sample.rows;
    fb3_sequencing *sequencing = NULL;
    flowbd3_rules *rules;
    bool again = false;
    flowbd3_status status = fb3_relations_find(&rules, sample, options, err);
    if (status == FLOWBD3_OK)
        status = start_digits(gathering, options, &again, err);
    bool sampled = sample->rows < gathering->rows && rules != NULL && rules->count > 0;
    if (status == FLOWBD3_OK && (sampled || again))
        status = count_again(gathering, stream, sampled ? rules : NULL, err);
    fb3_cells *cells = fb3_allocate(gathering->context, gathering->n_columns, sizeof *cells);
    if (status == FLOWBD3_OK && cells == NULL)
        status = fb3_no_memory(err, "the columns of a stream");
    if (status != FLOWBD3_OK) {
        flowbd3_rules_destroy(&rules);
    } else {
        for (size_t i = 0; i < gathering->n_columns; i++)
            cells[i] = gathering->columns[i].cells;
        const fb3_material material = {sample, (size_t)gathering->rows, cells};
        status = fb3_tokenizer_fit(out, &material, rules, &sequencing, options, err);
    }
    fb3_release(gathering->context, cells);
    return status;
}

static flowbd3_status check_options(flowbd3_tokenizer_options *to, const flowbd3_tokenizer_options *options,
                                    const flowbd3_table *columns, size_t rows, flowbd3_error *err) {
    flowbd3_status status = fb3_tokenizer_take_options(to, options, columns, rows, err);
    if (status != FLOWBD3_OK || (to->n_group_by == 0 && to->order_by == NULL))
        return status;
    return fb3_fail(
        err, FLOWBD3_ERROR_ARGUMENT,
        "%s needs all rows at once: a tokenizer of sequences is fitted to a table, not to a stream",
        to->n_group_by > 0 ? "group_by" : "order_by");
}

flowbd3_status fb3_tokenizer_fit_stream(flowbd3_tokenizer **out, flowbd3_table_stream *stream,
                                        const flowbd3_tokenizer_options *options,
                                        const fb3_gather_limits *limits, flowbd3_error *err) {
    flowbd3_tokenizer_options o;
    flowbd3_table *columns = NULL;
    fb3_gathering *gathering = NULL;
    flowbd3_status status = flowbd3_table_stream_columns(stream, &columns, err);
    if (status == FLOWBD3_OK)
        status = check_options(&o, options, columns, 1, err);
    if (status == FLOWBD3_OK)
        status = fb3_gathering_create(&gathering, columns, limits, o.seed, err);
    if (status == FLOWBD3_OK)
        status = visit_chunks(stream, gather, gathering, err);
    if (status == FLOWBD3_OK && gathering->rows == 0)
        status = fb3_fail(err, FLOWBD3_ERROR_FORMAT, "the stream has no row, expected one at least");
    if (status == FLOWBD3_OK)
        status = fb3_gathering_finish(gathering, err);
    if (status == FLOWBD3_OK && gathering->rows != (size_t)gathering->rows)
        status =
            fb3_fail(err, FLOWBD3_ERROR_LIMIT, "the stream has %llu rows, more than memory has addresses",
                     (unsigned long long)gathering->rows);
    if (status == FLOWBD3_OK)
        status = check_options(&o, options, columns, (size_t)gathering->rows, err);
    if (status == FLOWBD3_OK)
        status = fit_gathered(out, gathering, stream, &o, err);
    fb3_gathering_destroy(&gathering);
    flowbd3_table_destroy(&columns);
    return status;
}

flowbd3_status flowbd3_tokenizer_create_stream(flowbd3_tokenizer **out, flowbd3_table_stream *stream,
                                               const flowbd3_tokenizer_options *options, flowbd3_error *err) {
    static const fb3_gather_limits limits = {.values = 1 << 17, .sketch = 1 << 14, .rows = 1 << 17};
    if (out != NULL)
        *out = NULL;
    if (out == NULL || stream == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_tokenizer_create_stream: %s is NULL",
                        out == NULL ? "out" : "stream");
    return fb3_tokenizer_fit_stream(out, stream, options, &limits, err);
}
