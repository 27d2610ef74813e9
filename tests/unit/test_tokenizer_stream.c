/* Tokenizers fitted to streams: the same as to tables where everything is kept, near them where it is not,
 * and in memory that does not grow. */
#include "counted.h"
#include "row_stream.h"
#include "test_main.h"
#include "tokenizer/gather.h"

#include <limits.h>
#include <malloc.h>

static flowbd3_context *context;
static flowbd3_error err;
static const fb3_gather_limits plenty = {.values = 1 << 17, .sketch = 1 << 14, .rows = 1 << 17};

static void start(void) {
    memset(&err, 0, sizeof err);
    ck_assert_int_eq(flowbd3_context_create(&context, NULL, &err), FLOWBD3_OK);
}

static void stop(void) {
    flowbd3_context_destroy(&context);
}

static row_stream rows_of(size_t rows, size_t chunk_rows) {
    return (row_stream){
        .context = context, .rows = rows, .chunk_rows = chunk_rows, .odd = SIZE_MAX, .fails = SIZE_MAX};
}

static char *json_of(const flowbd3_tokenizer *tokenizer) {
    char *json;
    ck_assert_int_eq(flowbd3_tokenizer_to_json(tokenizer, &json, &err), FLOWBD3_OK);
    return json;
}

static flowbd3_tokenizer *fitted(flowbd3_table_stream *stream, const flowbd3_tokenizer_options *options,
                                 const fb3_gather_limits *limits) {
    flowbd3_tokenizer *tokenizer;
    ck_assert_msg(fb3_tokenizer_fit_stream(&tokenizer, stream, options, limits, &err) == FLOWBD3_OK, "%s",
                  err.message);
    return tokenizer;
}

static flowbd3_tokenizer *fitted_rows(row_stream rows, const flowbd3_tokenizer_options *options,
                                      const fb3_gather_limits *limits) {
    flowbd3_table_stream *stream;
    ck_assert_int_eq(stream_rows(&stream, &rows), FLOWBD3_OK);
    flowbd3_tokenizer *tokenizer = fitted(stream, options, limits);
    flowbd3_table_stream_destroy(&stream);
    return tokenizer;
}

static flowbd3_tokenizer *fitted_table(row_stream rows, const flowbd3_tokenizer_options *options) {
    flowbd3_table *table;
    flowbd3_tokenizer *tokenizer;
    ck_assert_int_eq(make_rows(&rows, &table, 0, rows.rows, &err), FLOWBD3_OK);
    ck_assert_msg(flowbd3_tokenizer_create(&tokenizer, table, options, &err) == FLOWBD3_OK, "%s",
                  err.message);
    flowbd3_table_destroy(&table);
    return tokenizer;
}

static void assert_same(flowbd3_tokenizer *a, flowbd3_tokenizer *b) {
    char *x = json_of(a), *y = json_of(b);
    ck_assert_str_eq(x, y);
    flowbd3_string_destroy(context, &x);
    flowbd3_string_destroy(context, &y);
    flowbd3_tokenizer_destroy(&a);
    flowbd3_tokenizer_destroy(&b);
}

/* ---- the same as of a table -------------------------------------------------------------------- */

START_TEST(files_give_the_tokenizer_of_the_whole) {
    static const char *const names[] = {"flows", "sequences", "protocols", "servers"};
    static const size_t chunks[] = {1, 37, 1000};
    for (size_t i = 0; i < FB3_COUNT(names) * FB3_COUNT(chunks); i++) {
        char path[PATH_MAX];
        flowbd3_table *table;
        flowbd3_table_stream *stream;
        flowbd3_tokenizer *whole, *streamed;
        (void)snprintf(path, sizeof path, "%s/data/%s.csv", getenv("FLOWBD3_TEST_DATA"),
                       names[i / FB3_COUNT(chunks)]);
        ck_assert_int_eq(flowbd3_table_read_csv(&table, context, path, NULL, &err), FLOWBD3_OK);
        ck_assert_int_eq(flowbd3_tokenizer_create(&whole, table, NULL, &err), FLOWBD3_OK);
        flowbd3_table_destroy(&table);
        ck_assert_int_eq(
            flowbd3_table_stream_csv(&stream, context, path, NULL, chunks[i % FB3_COUNT(chunks)], &err),
            FLOWBD3_OK);
        ck_assert_int_eq(flowbd3_tokenizer_create_stream(&streamed, stream, NULL, &err), FLOWBD3_OK);
        flowbd3_table_stream_destroy(&stream);
        assert_same(whole, streamed);
    }
}
END_TEST

START_TEST(rows_give_the_tokenizer_of_the_table) {
    static const flowbd3_column_codec codecs[] = {{"bytes", FLOWBD3_CODEC_DIGITS, 0},
                                                  {"size", FLOWBD3_CODEC_FINE, 32},
                                                  {"packets", FLOWBD3_CODEC_EXACT, 0}};
    for (int variant = 0; variant < 4; variant++) {
        flowbd3_tokenizer_options options = FLOWBD3_TOKENIZER_OPTIONS_INIT;
        options.binning = (flowbd3_binning)variant;
        options.seed = 3;
        options.codecs = codecs;
        options.n_codecs = variant == 0 ? FB3_COUNT(codecs) : 0;
        options.rare_rows = variant == 1 ? 20 : 0;
        assert_same(fitted_table(rows_of(6000, 0), &options),
                    fitted_rows(rows_of(6000, 700), &options, &plenty));
    }
}
END_TEST

/* Values are all kept, rows are not: the codecs are the same, and so are rules that are found in a sample. */
START_TEST(a_sample_of_rows_is_enough_for_the_rules) {
    const fb3_gather_limits few_rows = {.values = 1 << 17, .sketch = 1 << 14, .rows = 4000};
    flowbd3_tokenizer_options options = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    assert_same(fitted_table(rows_of(9000, 0), &options),
                fitted_rows(rows_of(9000, 1000), &options, &few_rows));
    options.relations = FLOWBD3_RELATIONS_OFF;
    assert_same(fitted_table(rows_of(9000, 0), &options),
                fitted_rows(rows_of(9000, 1234), &options, &few_rows));
}
END_TEST

/* The rule that computes total, or NULL. */
static const fb3_rule *rule_of_total(const flowbd3_tokenizer *tokenizer) {
    for (size_t i = 0; tokenizer->rules != NULL && i < tokenizer->rules->count; i++) {
        const fb3_rule *rule = &tokenizer->rules->rules[i];
        if (rule->claim == FB3_CLAIM_DERIVED && strcmp(rule->derived.column, "total") == 0)
            return rule;
    }
    return NULL;
}

START_TEST(one_row_outside_the_sample_breaks_a_rule) {
    enum { ROWS = 20000 };
    const fb3_gather_limits few_rows = {.values = 1 << 17, .sketch = 1 << 14, .rows = 500};
    for (int broken = 0; broken < 2; broken++) {
        row_stream rows = rows_of(ROWS, 999);
        rows.odd = broken ? ROWS - 1 : SIZE_MAX;
        flowbd3_tokenizer *tokenizer = fitted_rows(rows, NULL, &few_rows);
        const fb3_rule *rule = rule_of_total(tokenizer);
        ck_assert_ptr_nonnull(rule);
        ck_assert_uint_eq(rule->applies, ROWS);
        ck_assert_uint_eq(rule->obey, broken ? ROWS - 1 : ROWS);
        ck_assert_int_eq(fb3_rule_is_certain(rule), !broken);
        ck_assert_int_eq(tokenizer->columns[3].derived, !broken);
        flowbd3_tokenizer_destroy(&tokenizer);
    }
}
END_TEST

/* ---- sketches ---------------------------------------------------------------------------------- */

enum { SKETCHED_ROWS = 60000 };
static const fb3_gather_limits sketches = {.values = 2000, .sketch = 4096, .rows = 5000};

/* Share of the cells below a level's first key. */
static double share_below(const fb3_distinct *exact, int64_t key) {
    return (double)exact->before[fb3_lower_bound(exact->keys, 0, exact->count, key)] / (double)exact->rows;
}

START_TEST(bins_of_a_sketch_hold_what_they_say) {
    flowbd3_tokenizer_options options = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    options.relations = FLOWBD3_RELATIONS_OFF;
    row_stream rows = rows_of(SKETCHED_ROWS, 4096);
    flowbd3_table *table;
    ck_assert_int_eq(make_rows(&rows, &table, 0, rows.rows, &err), FLOWBD3_OK);
    double bound = 2.0 * sqrt(12.0 * log(2e6)) / 4096.0; /* of the difference of two ranks */
    for (int binning = FLOWBD3_BINNING_AUTO; binning <= FLOWBD3_BINNING_KMEANS; binning++) {
        options.binning = (flowbd3_binning)binning;
        flowbd3_tokenizer *tokenizer = fitted_rows(rows, &options, &sketches);
        for (size_t c = 0; c < 5; c += 4) { /* duration and size */
            const fb3_codec *codec = &tokenizer->columns[c];
            const fb3_levels *levels = &codec->levels;
            fb3_distinct exact;
            ck_assert(fb3_distinct_create(&exact, context, table, c));
            ck_assert_uint_gt(exact.count, sketches.values);
            ck_assert_uint_eq(codec->missing, flowbd3_table_missing(table, c));
            ck_assert_int_eq(levels->knots[0], exact.keys[0]);
            ck_assert_int_eq(levels->knots[levels->n_knots - 1], exact.keys[exact.count - 1]);
            uint64_t sum = 0;
            for (size_t i = 0; i < levels->count; i++) {
                double below = i > 0 ? share_below(&exact, levels->first[i]) : 0.0;
                double above = i + 1 < levels->count ? share_below(&exact, levels->first[i + 1]) : 1.0;
                ck_assert_double_lt(fabs((double)levels->counts[i] / (double)exact.rows - (above - below)),
                                    bound);
                sum += levels->counts[i];
            }
            ck_assert_uint_eq(sum, exact.rows);
            fb3_distinct_release(&exact, context);
        }
        flowbd3_tokenizer_destroy(&tokenizer);
    }
    flowbd3_table_destroy(&table);
}
END_TEST

/* Draws of a sketched column are distributed as its cells are, and not a list of those that were kept. */
START_TEST(draws_of_a_sketch_follow_the_cells) {
    enum { QUANTILES = 50 };
    flowbd3_tokenizer_options options = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    options.relations = FLOWBD3_RELATIONS_OFF;
    row_stream rows = rows_of(SKETCHED_ROWS, 4096);
    flowbd3_table *table, *back;
    ck_assert_int_eq(make_rows(&rows, &table, 0, rows.rows, &err), FLOWBD3_OK);
    flowbd3_tokenizer *tokenizer = fitted_rows(rows, &options, &sketches);
    size_t slots = flowbd3_tokenizer_slots(tokenizer);
    uint16_t *tokens = calloc(SKETCHED_ROWS * slots, sizeof *tokens);
    ck_assert_int_eq(flowbd3_tokenizer_encode(tokenizer, table, tokens, &err), FLOWBD3_OK);
    ck_assert_int_eq(
        flowbd3_tokenizer_decode(tokenizer, tokens, SKETCHED_ROWS, FLOWBD3_DECODE_DRAW, 1, 0, &back, &err),
        FLOWBD3_OK);
    for (size_t c = 0; c < 5; c += 4) {
        fb3_distinct exact, drawn;
        ck_assert(fb3_distinct_create(&exact, context, table, c));
        ck_assert(fb3_distinct_create(&drawn, context, back, c));
        for (size_t q = 1; q < QUANTILES; q++) {
            int64_t key = fb3_order_statistic(&exact, q * exact.rows / QUANTILES);
            ck_assert_double_lt(fabs(share_below(&exact, key) - share_below(&drawn, key)), 0.005);
        }
        ck_assert_uint_gt(drawn.count, 3 * sketches.values);
        fb3_distinct_release(&exact, context);
        fb3_distinct_release(&drawn, context);
    }
    free(tokens);
    flowbd3_table_destroy(&back);
    flowbd3_table_destroy(&table);
    flowbd3_tokenizer_destroy(&tokenizer);
}
END_TEST

START_TEST(digits_of_a_sketch_are_exact) {
    static const flowbd3_column_codec codecs[] = {{"size", FLOWBD3_CODEC_DIGITS, 0}};
    flowbd3_tokenizer_options options = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    options.codecs = codecs;
    options.n_codecs = 1;
    options.relations = FLOWBD3_RELATIONS_OFF;
    flowbd3_tokenizer *streamed = fitted_rows(rows_of(20000, 999), &options, &sketches);
    flowbd3_tokenizer *whole = fitted_table(rows_of(20000, 0), &options);
    ck_assert_mem_eq(streamed->columns[4].digits, whole->columns[4].digits, sizeof(fb3_digits));
    flowbd3_tokenizer_destroy(&streamed);
    flowbd3_tokenizer_destroy(&whole);
}
END_TEST

/* ---- what is refused --------------------------------------------------------------------------- */

static void refuse(row_stream rows, const flowbd3_tokenizer_options *options, flowbd3_status expected,
                   const char *message) {
    flowbd3_table_stream *stream;
    flowbd3_tokenizer *tokenizer = NULL;
    ck_assert_int_eq(stream_rows(&stream, &rows), FLOWBD3_OK);
    ck_assert_int_eq(fb3_tokenizer_fit_stream(&tokenizer, stream, options, &sketches, &err), expected);
    ck_assert_ptr_null(tokenizer);
    ck_assert_msg(strstr(err.message, message) != NULL, "%s", err.message);
    flowbd3_table_stream_destroy(&stream);
}

START_TEST(what_cannot_be_streamed_is_refused) {
    static const char *const groups[] = {"protocol"};
    static const flowbd3_column_codec exact[] = {{"size", FLOWBD3_CODEC_EXACT, 0}};
    static const flowbd3_column_codec absent[] = {{"absent", FLOWBD3_CODEC_EXACT, 0}};
    flowbd3_tokenizer_options options = FLOWBD3_TOKENIZER_OPTIONS_INIT, by = options, rare = options;
    row_stream rows = rows_of(9000, 1000);
    by.group_by = groups;
    by.n_group_by = 1;
    refuse(rows, &by, FLOWBD3_ERROR_ARGUMENT, "group_by needs all rows at once");
    by.n_group_by = 0;
    by.order_by = "size";
    refuse(rows, &by, FLOWBD3_ERROR_ARGUMENT, "order_by needs all rows at once");
    rare.rare_rows = 5;
    refuse(rows, &rare, FLOWBD3_ERROR_ARGUMENT, "'duration' has too many values for rare_rows");
    options.codecs = exact;
    options.n_codecs = 1;
    refuse(rows, &options, FLOWBD3_ERROR_FORMAT, "'size' has more than");
    options.codecs = absent;
    refuse(rows, &options, FLOWBD3_ERROR_ARGUMENT, "absent");
    rows.fails = 4711;
    refuse(rows, NULL, FLOWBD3_ERROR_IO, "the line is down");
    ck_assert_int_eq(err.row, 4712);
    refuse(rows_of(0, 1), NULL, FLOWBD3_ERROR_FORMAT, "no row");
    flowbd3_tokenizer *tokenizer;
    ck_assert_int_eq(flowbd3_tokenizer_create_stream(&tokenizer, NULL, NULL, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_ptr_null(tokenizer);
}
END_TEST

/* A stream that has a row less when it is read again. */
static flowbd3_status rewind_to_fewer(void *user, flowbd3_error *error) {
    row_stream *s = user;
    (void)error;
    s->rows -= s->next > 0;
    s->next = 0;
    return FLOWBD3_OK;
}

START_TEST(a_stream_that_changes_is_refused) {
    row_stream rows = rows_of(9000, 1000);
    flowbd3_table_source source = FLOWBD3_TABLE_SOURCE_INIT;
    flowbd3_table_stream *stream;
    flowbd3_tokenizer *tokenizer = NULL;
    source.user = &rows;
    source.next = next_rows;
    source.rewind = rewind_to_fewer;
    ck_assert_int_eq(flowbd3_table_stream_create(&stream, context, &source, &err), FLOWBD3_OK);
    ck_assert_int_eq(fb3_tokenizer_fit_stream(&tokenizer, stream, NULL, &sketches, &err),
                     FLOWBD3_ERROR_FORMAT);
    ck_assert_ptr_nonnull(strstr(err.message, "when it was rewound"));
    flowbd3_table_stream_destroy(&stream);
}
END_TEST

/* ---- memory ------------------------------------------------------------------------------------ */

typedef struct meter {
    size_t now, peak;
} meter;

static void note(meter *m, size_t freed, size_t taken) {
    m->now = m->now - freed + taken;
    m->peak = m->now > m->peak ? m->now : m->peak;
}

static void *metered_allocate(void *user, size_t size) {
    void *memory = malloc(size);
    note(user, 0, malloc_usable_size(memory));
    return memory;
}

static void *metered_reallocate(void *user, void *memory, size_t size) {
    size_t before = malloc_usable_size(memory);
    void *moved = realloc(memory, size);
    note(user, before, malloc_usable_size(moved));
    return moved;
}

static void metered_release(void *user, void *memory) {
    note(user, malloc_usable_size(memory), 0);
    free(memory);
}

static size_t peak_of_fit(size_t rows) {
    meter m = {0, 0};
    flowbd3_context_options options = FLOWBD3_CONTEXT_OPTIONS_INIT;
    options.threads = 1;
    options.allocator = (flowbd3_allocator){metered_allocate, metered_reallocate, metered_release, &m};
    flowbd3_context *metered;
    ck_assert_int_eq(flowbd3_context_create(&metered, &options, &err), FLOWBD3_OK);
    row_stream s = rows_of(rows, 2000);
    s.context = metered;
    flowbd3_tokenizer *tokenizer = fitted_rows(s, NULL, &sketches);
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_context_destroy(&metered);
    ck_assert_uint_eq(m.now, 0);
    return m.peak;
}

START_TEST(memory_does_not_grow_with_the_rows) {
    size_t few = peak_of_fit(100000), many = peak_of_fit(500000); /* a sketch has log2(5) levels more */
    ck_assert_uint_lt(many, few + few / 10);
}
END_TEST

START_TEST(every_allocation_fails_once) {
    static const fb3_gather_limits tiny = {.values = 40, .sketch = 16, .rows = 50};
    static const flowbd3_column_codec codecs[] = {{"size", FLOWBD3_CODEC_DIGITS, 0}};
    flowbd3_tokenizer_options options = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    counted l = {.left = -1};
    flowbd3_context *limited = counted_context(&l);
    options.codecs = codecs;
    options.n_codecs = 1;
    options.bins = 8;
    row_stream rows = rows_of(300, 100);
    rows.context = limited;
    flowbd3_table_stream *stream;
    ck_assert_int_eq(stream_rows(&stream, &rows), FLOWBD3_OK);
    long n = 0;
    /* Memory that is only given back may fail to be without harm. */
    for (bool failed = true; failed; n += 1 + n / 50) {
        flowbd3_tokenizer *tokenizer = NULL;
        l.left = n;
        flowbd3_status status = fb3_tokenizer_fit_stream(&tokenizer, stream, &options, &tiny, &err);
        failed = l.left < 0;
        l.left = -1;
        ck_assert(failed || status == FLOWBD3_OK);
        ck_assert(status == FLOWBD3_OK || status == FLOWBD3_ERROR_MEMORY);
        flowbd3_tokenizer_destroy(&tokenizer);
        ck_assert_int_eq(flowbd3_table_stream_rewind(stream, &err), FLOWBD3_OK);
    }
    ck_assert_int_gt(n, 100);
    flowbd3_table_stream_destroy(&stream);
    flowbd3_context_destroy(&limited);
    ck_assert_int_eq(l.blocks, 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("tokenizer_stream");
    TCase *tests = tcase_create("tokenizer_stream");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, start, stop);
    tcase_add_test(tests, files_give_the_tokenizer_of_the_whole);
    tcase_add_test(tests, rows_give_the_tokenizer_of_the_table);
    tcase_add_test(tests, a_sample_of_rows_is_enough_for_the_rules);
    tcase_add_test(tests, one_row_outside_the_sample_breaks_a_rule);
    tcase_add_test(tests, bins_of_a_sketch_hold_what_they_say);
    tcase_add_test(tests, draws_of_a_sketch_follow_the_cells);
    tcase_add_test(tests, digits_of_a_sketch_are_exact);
    tcase_add_test(tests, what_cannot_be_streamed_is_refused);
    tcase_add_test(tests, a_stream_that_changes_is_refused);
    if (!THREADS_SANITIZED) {
        tcase_add_test(tests, memory_does_not_grow_with_the_rows);
        tcase_add_test(tests, every_allocation_fails_once);
    }
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
