/* Calls of tables, streams, rules and tokenizers. */
#include "calls.h"

/* ---- tables ------------------------------------------------------------------------------------- */

static flowbd3_status make_table(world *w) {
    EMPTY(flowbd3_table, w->tables, at);
    size_t first = fuzz_byte(&w->in), rows = fuzz_below(&w->in, TINY_ROWS + 1);
    *at = tiny_table(w->context, first, rows);
    return FLOWBD3_OK;
}

static flowbd3_status add_column(world *w) {
    flowbd3_table *t = ANY(w->tables);
    static const double reals[] = {0.5, 1e300, -0.0, 3.0}, bad[] = {(double)INFINITY, (double)NAN, 0.0, 1.0};
    static const int64_t integers[] = {INT64_MIN, INT64_MAX, 0, 7};
    static const char *const texts[] = {"a", "", NULL, "\xff"}, *const addresses[] = {"::1", NULL, "1.2.3.4",
                                                                                      ""};
    static const int32_t codes[] = {0, 1, -1, 2};
    static const uint8_t valid[] = {1, 0, 1, 1};
    const uint8_t *mask = fuzz_byte(&w->in) & 1 ? valid : NULL;
    size_t rows = fuzz_below(&w->in, 5);
    const char *of = name(w);
    switch (fuzz_below(&w->in, 7)) {
    case 0:
        return flowbd3_table_add_real(t, of, SELDOM_NULL(reals), mask, rows, ERR);
    case 1:
        return flowbd3_table_add_real(t, of, bad, mask, rows, ERR);
    case 2:
        return flowbd3_table_add_integer(t, of, SELDOM_NULL(integers), mask, rows, ERR);
    case 3:
        return flowbd3_table_add_categorical(t, of, SELDOM_NULL(texts), rows, ERR);
    case 4:
        return flowbd3_table_add_codes(t, of, SELDOM_NULL(codes), mask, rows, SELDOM_NULL(addresses), 3, ERR);
    case 5:
        return flowbd3_table_add_timestamp(t, of, SELDOM_NULL(integers), mask, rows, ERR);
    default:
        return flowbd3_table_add_address(t, of, SELDOM_NULL(addresses), rows, ERR);
    }
}

static flowbd3_status part_of_table(world *w) {
    const char *texts[2], *const *list;
    EMPTY(flowbd3_table, w->tables, at);
    switch (fuzz_below(&w->in, 5)) {
    case 0:
        return flowbd3_table_slice(SELDOM_NULL(at), ANY(w->tables), (size_t)odd_rows(w), (size_t)odd_rows(w),
                                   ERR);
    case 1: {
        size_t count = names(w, texts, &list);
        return flowbd3_table_select(SELDOM_NULL(at), ANY(w->tables), list, count, ERR);
    }
    case 2:
        return flowbd3_table_append(ANY(w->tables), ANY(w->tables), ERR);
    case 3:
        return flowbd3_table_create(SELDOM_NULL(at), SELDOM_NULL(w->context), ERR);
    default: {
        flowbd3_table *second = NULL;
        flowbd3_status status = flowbd3_table_split(SELDOM_NULL(at), &second, ANY(w->tables),
                                                    odd_number(w, 0.3), fuzz_byte(&w->in), ERR);
        flowbd3_table_destroy(&second);
        return status;
    }
    }
}

static flowbd3_status read_table(world *w) {
    const flowbd3_table *t = ANY(w->tables);
    size_t column = fuzz_below(&w->in, 9), row = fuzz_below(&w->in, 30), code = fuzz_below(&w->in, 4);
    (void)flowbd3_table_name(t, column);
    (void)flowbd3_table_find(t, name(w));
    (void)flowbd3_table_missing(t, column);
    (void)flowbd3_table_categories(t, column);
    (void)flowbd3_table_category(t, column, code);
    check(flowbd3_table_codes(t, column) == NULL || flowbd3_table_integer(t, column) == NULL);
    check(flowbd3_table_real(t, column) == NULL || flowbd3_table_type(t, column) == FLOWBD3_TYPE_REAL);
    check(!isinf(flowbd3_table_number(t, row, column)));
    if (fuzz_byte(&w->in) & 1)
        return flowbd3_table_set_time_form(ANY(w->tables), column, fuzz_below(&w->in, 9), ERR);
    return flowbd3_table_set_decimals(ANY(w->tables), column, (int)fuzz_below(&w->in, 20) - 2, ERR);
}

static flowbd3_status csv(world *w) {
    char text[TINY_PATH];
    flowbd3_csv_options o = FLOWBD3_CSV_OPTIONS_INIT;
    o.progress = progress_of(w);
    o.progress_user = w;
    o.max_rows = fuzz_below(&w->in, 3);
    if (fuzz_byte(&w->in) & 1)
        return flowbd3_table_write_csv(ANY(w->tables), path(w, text), SELDOM_NULL(&o), ERR);
    EMPTY(flowbd3_table, w->tables, at);
    return flowbd3_table_read_csv(SELDOM_NULL(at), w->context, path(w, text), SELDOM_NULL(&o), ERR);
}

static flowbd3_status write_chunks(world *w) {
    char text[TINY_PATH];
    if (fuzz_byte(&w->in) & 1)
        return flowbd3_csv_writer_write(ANY(w->writers), ANY(w->tables), ERR);
    if (fuzz_byte(&w->in) & 1)
        return flowbd3_csv_writer_commit(ANY(w->writers), ERR);
    EMPTY(flowbd3_csv_writer, w->writers, at);
    return flowbd3_csv_writer_create(SELDOM_NULL(at), SELDOM_NULL(w->context), path(w, text), NULL, ERR);
}

static flowbd3_status stream(world *w) {
    char text[TINY_PATH];
    const char *texts[2], *const *list;
    flowbd3_table_stream *s = ANY(w->streams);
    (void)flowbd3_table_stream_rows(s);
    switch (fuzz_below(&w->in, 5)) {
    case 0: {
        EMPTY(flowbd3_table_stream, w->streams, at);
        return flowbd3_table_stream_csv(SELDOM_NULL(at), w->context, path(w, text), NULL,
                                        fuzz_below(&w->in, 9), ERR);
    }
    case 1: {
        EMPTY(flowbd3_table, w->tables, at);
        return flowbd3_table_stream_next(s, SELDOM_NULL(at), ERR);
    }
    case 2: {
        EMPTY(flowbd3_table, w->tables, at);
        return flowbd3_table_stream_columns(s, SELDOM_NULL(at), ERR);
    }
    case 3: {
        size_t count = names(w, texts, &list);
        return flowbd3_table_stream_select(s, list, count, ERR);
    }
    default:
        return flowbd3_table_stream_rewind(s, ERR);
    }
}

/* ---- rules and tokenizers ----------------------------------------------------------------------- */

static flowbd3_status make_rules(world *w) {
    static const char json[] =
        "{\"format\":\"flowbd3-rules\",\"version\":1,\"rules\":[{\"compare\":{\"left\":"
        "\"bytes\",\"at_least\":{\"times\":40,\"column\":\"pkts\"}}}]}";
    flowbd3_rules_search_options o = FLOWBD3_RULES_SEARCH_OPTIONS_INIT;
    char text[TINY_PATH];
    o.min_share = odd_number(w, 0.0);
    o.min_rows = odd_count(w, 3);
    o.progress = progress_of(w);
    o.progress_user = w;
    if (fuzz_byte(&w->in) % 4 == 0)
        return flowbd3_rules_save(ANY(w->rules), path(w, text), ERR);
    EMPTY(flowbd3_rules, w->rules, at);
    switch (fuzz_below(&w->in, 4)) {
    case 0:
        return flowbd3_rules_search(SELDOM_NULL(at), ANY(w->tables), ANY(w->rules), SELDOM_NULL(&o), ERR);
    case 1:
        return flowbd3_rules_default(SELDOM_NULL(at), ANY(w->tables), ERR);
    case 2:
        return flowbd3_rules_load(SELDOM_NULL(at), w->context, path(w, text), ERR);
    default:
        return flowbd3_rules_from_json(SELDOM_NULL(at), w->context, json, sizeof json - 1, ERR);
    }
}

static flowbd3_status check_rules(world *w) {
    const flowbd3_rules *rules = ANY(w->rules);
    size_t count = flowbd3_rules_count(rules);
    flowbd3_rule_result *results = fuzz_memory(count * sizeof *results);
    uint64_t any;
    flowbd3_status status = flowbd3_rules_check(rules, ANY(w->tables), SELDOM_NULL(results), &any, ERR);
    for (size_t i = 0; i <= count; i++)
        check((flowbd3_rules_text(rules, i) != NULL) == (i < count) &&
              (flowbd3_rules_name(rules, i) != NULL) == (i < count));
    free(results);
    return status;
}

static flowbd3_status make_tokenizer(world *w) {
    flowbd3_tokenizer_options o = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    flowbd3_column_codec codec = {name(w), (flowbd3_codec)fuzz_below(&w->in, 6), odd_count(w, 0)};
    const char *texts[2];
    char text[TINY_PATH];
    EMPTY(flowbd3_tokenizer, w->tokenizers, at);
    o.binning = (flowbd3_binning)fuzz_below(&w->in, 5);
    o.bins = odd_count(w, 4);
    if (fuzz_byte(&w->in) & 1)
        o.n_group_by = names(w, texts, &o.group_by);
    o.order_by = fuzz_byte(&w->in) & 1 ? name(w) : NULL;
    o.codecs = &codec;
    o.n_codecs = fuzz_byte(&w->in) & 1;
    o.rare_rows = odd_count(w, 0);
    o.rules = ANY(w->rules);
    o.relations = (flowbd3_relations)fuzz_below(&w->in, 3);
    switch (fuzz_below(&w->in, 4)) {
    case 0:
        return flowbd3_tokenizer_create_stream(SELDOM_NULL(at), ANY(w->streams), SELDOM_NULL(&o), ERR);
    case 1:
        return flowbd3_tokenizer_load(SELDOM_NULL(at), w->context, path(w, text), ERR);
    default:
        return flowbd3_tokenizer_create(SELDOM_NULL(at), ANY(w->tables), SELDOM_NULL(&o), ERR);
    }
}

static flowbd3_status use_tokenizer(world *w) {
    EMPTY(flowbd3_table, w->tables, at);
    const flowbd3_tokenizer *t = ANY(w->tokenizers);
    const flowbd3_table *rows = ANY(w->tables);
    char text[TINY_PATH];
    size_t slots = flowbd3_tokenizer_slots(t), count = flowbd3_table_rows(rows);
    (void)flowbd3_tokenizer_name(t, fuzz_below(&w->in, 9));
    (void)flowbd3_tokenizer_centre(t, fuzz_below(&w->in, 9), fuzz_below(&w->in, 9));
    (void)flowbd3_rules_count(flowbd3_tokenizer_rules(t));
    unsigned what = fuzz_below(&w->in, 4);
    if (what == 0)
        return flowbd3_tokenizer_save(t, path(w, text), ERR);
    if (what == 1)
        return flowbd3_tokenizer_columns_table(t, SELDOM_NULL(at), ERR);
    uint16_t *tokens = fuzz_memory((count + 1) * (slots + 1) * sizeof *tokens);
    for (size_t i = 0; i < count * slots; i++)
        tokens[i] = (uint16_t)fuzz_below(&w->in, 5);
    flowbd3_status status =
        what == 2 ? flowbd3_tokenizer_encode(t, rows, tokens, ERR)
                  : flowbd3_tokenizer_decode(t, tokens, count, (flowbd3_decoding)fuzz_below(&w->in, 3), 1, 0,
                                             SELDOM_NULL(at), ERR);
    free(tokens);
    return status;
}

const call data_calls[] = {
    make_table, make_table, add_column,  part_of_table,  read_table,     csv,          write_chunks,
    stream,     make_rules, check_rules, make_tokenizer, make_tokenizer, use_tokenizer};
const size_t n_data_calls = sizeof data_calls / sizeof *data_calls;
