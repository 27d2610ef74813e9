/* Completing a table: given cells come back to the last bit, the others are generated given them and obey. */
#include "compare_tables.h"
#include "flows.h"
#include "known.h"
#include "sampler/sampler.h"
#include "test_main.h"

static flowbd3_context *context;
static flowbd3_table *table, *flows;

enum { KINDS = 4, FLOWS_KINDS = 3, HOLES_ROWS = 120 };

static const struct {
    uint32_t block;
    flowbd3_column_order order;
} kinds[KINDS] = {{0, FLOWBD3_COLUMNS_FIXED},
                  {1, FLOWBD3_COLUMNS_RANDOM},
                  {3, FLOWBD3_COLUMNS_RANDOM},
                  {1, FLOWBD3_COLUMNS_FIXED}};
static const flows_kind flows_kinds[FLOWS_KINDS] = {{0, 1, FLOWBD3_COLUMNS_FIXED, true, 0.0F},
                                                    {5, 1, FLOWBD3_COLUMNS_RANDOM, false, 0.0F},
                                                    {1, 1, FLOWBD3_COLUMNS_RANDOM, true, 0.0F}};
static flowbd3_model *models[KINDS], *flows_models[FLOWS_KINDS];

static void set_up(void) {
    context = toy_context(2);
    table = known_table(context);
    flows = flows_table(context);
    for (int k = 0; k < KINDS; k++)
        models[k] = known_model(table, kinds[k].block, kinds[k].order, 10);
    for (int k = 0; k < FLOWS_KINDS; k++)
        flows_models[k] = flows_model(flows, &flows_kinds[k]);
}

static void tear_down(void) {
    for (int k = 0; k < KINDS; k++)
        flowbd3_model_destroy(&models[k]);
    for (int k = 0; k < FLOWS_KINDS; k++)
        flowbd3_model_destroy(&flows_models[k]);
    flowbd3_table_destroy(&table);
    flowbd3_table_destroy(&flows);
    flowbd3_context_destroy(&context);
}

static flowbd3_status try_complete(const flowbd3_model *model, const flowbd3_table *partial,
                                   flowbd3_table **out, flowbd3_error *err) {
    flowbd3_sampler *sampler = NULL;
    flowbd3_sampler_options o = FLOWBD3_SAMPLER_OPTIONS_INIT;
    o.complete = 1;
    o.seed = 11;
    ck_assert_int_eq(flowbd3_sampler_create(&sampler, model, &o, NULL), FLOWBD3_OK);
    flowbd3_status status = flowbd3_sampler_complete(sampler, partial, out, NULL, NULL, err);
    ck_assert_int_eq(status == FLOWBD3_OK, *out != NULL);
    flowbd3_sampler_destroy(&sampler);
    return status;
}

static flowbd3_table *complete(const flowbd3_model *model, const flowbd3_table *partial) {
    flowbd3_table *out = NULL;
    flowbd3_error err = {0};
    ck_assert_msg(try_complete(model, partial, &out, &err) == FLOWBD3_OK, "%s", err.message);
    ck_assert_uint_eq(flowbd3_table_rows(out), flowbd3_table_rows(partial));
    return out;
}

static flowbd3_table *empty(void) {
    flowbd3_table *t = NULL;
    ck_assert_int_eq(flowbd3_table_create(&t, context, NULL), FLOWBD3_OK);
    return t;
}

/* That cells which are there come back, to the last bit. */
static void assert_kept(const flowbd3_table *partial, const flowbd3_table *t) {
    for (size_t c = 0; c < flowbd3_table_columns(t); c++) {
        int64_t of = flowbd3_table_find(partial, flowbd3_table_name(t, c));
        if (of < 0)
            continue;
        const uint8_t *valid = flowbd3_table_valid(partial, (size_t)of);
        for (size_t i = 0; i < flowbd3_table_rows(t); i++) {
            const int32_t *codes = flowbd3_table_codes(partial, (size_t)of);
            if ((valid != NULL && !valid[i]) || (codes != NULL && codes[i] < 0))
                continue;
            const uint8_t *there = flowbd3_table_valid(t, c);
            ck_assert(there == NULL || there[i]);
            if (codes != NULL)
                ck_assert_str_eq(text_of(partial, i, (size_t)of), text_of(t, i, c));
            else if (flowbd3_table_integer(t, c) != NULL)
                ck_assert_int_eq(flowbd3_table_integer(partial, (size_t)of)[i],
                                 flowbd3_table_integer(t, c)[i]);
            else
                ck_assert_mem_eq(&flowbd3_table_real(partial, (size_t)of)[i], &flowbd3_table_real(t, c)[i],
                                 sizeof(double));
        }
    }
}

/* ---- frequencies ------------------------------------------------------------------------------- */

/* service and x are given, as the table has them; of n and proto given those, the frequencies are those of
 * the table. */
START_TEST(frequencies_are_those_given_the_cells) {
    flowbd3_table *partial = empty();
    static const char *service[KNOWN_ROWS];
    static int64_t n[KNOWN_ROWS];
    static uint8_t valid[KNOWN_ROWS];
    for (size_t i = 0; i < KNOWN_ROWS; i++) {
        known_row r = known_row_of(table, i);
        service[i] = text_of(table, i, 2);
        n[i] = r.n;
        valid[i] = r.n >= 0 && i % 2 == 0;
    }
    ck_assert_int_eq(
        flowbd3_table_add_real(partial, "x", flowbd3_table_real(table, 3), NULL, KNOWN_ROWS, NULL),
        FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_integer(partial, "n", n, valid, KNOWN_ROWS, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_categorical(partial, "other", service, KNOWN_ROWS, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_categorical(partial, "service", service, KNOWN_ROWS, NULL),
                     FLOWBD3_OK);
    flowbd3_table *t = complete(models[_i], partial);
    ck_assert_uint_eq(flowbd3_table_columns(t), 4);
    assert_kept(partial, t);
    static double drawn[3 * 7 * 4], of_table[3 * 7 * 4];
    memset(drawn, 0, sizeof drawn);
    memset(of_table, 0, sizeof of_table);
    double distance = 0.0, noise = 0.0;
    for (size_t i = 0; i < KNOWN_ROWS; i++) {
        known_row a = known_row_of(t, i), b = known_row_of(table, i);
        drawn[known_cell(&a) / 4] += 1.0 / KNOWN_ROWS;
        of_table[known_cell(&b) / 4] += 1.0 / KNOWN_ROWS;
    }
    for (size_t c = 0; c < FB3_COUNT(drawn); c++) {
        double p = (drawn[c] + of_table[c]) / 2.0;
        distance += 0.5 * fabs(drawn[c] - of_table[c]);
        noise += 0.5 * sqrt(2.0 / acos(-1.0) * p * (1.0 - p) * 2.0 / KNOWN_ROWS);
    }
    printf("# block %u: distance %.3f, noise %.3f\n", kinds[_i].block, distance, noise);
    /* 0.05: what the models are off without anything given; the fixed order is given what comes behind. */
    ck_assert_double_lt(distance, 1.25 * noise + (_i == 3 ? 0.1 : 0.05));
    flowbd3_table_destroy(&t);
    flowbd3_table_destroy(&partial);
}
END_TEST

/* ---- cells ------------------------------------------------------------------------------------- */

/* A share of the cells of every column of the flows, in another order of columns, and with others. */
static flowbd3_table *holes(uint32_t share) {
    static const char *text[HOLES_ROWS];
    static uint8_t valid[HOLES_ROWS];
    flowbd3_table *t = empty();
    for (size_t k = flowbd3_table_columns(flows); k-- > 0;) {
        const char *name = flowbd3_table_name(flows, k);
        for (size_t i = 0; i < HOLES_ROWS; i++) {
            const uint8_t *there = flowbd3_table_valid(flows, k);
            valid[i] = (there == NULL || there[i]) &&
                       fb3_uniform(3, FB3_RANDOM_SPLIT, i, (uint32_t)k) * 100.0 < share;
            text[i] = flowbd3_table_codes(flows, k) != NULL && valid[i] ? text_of(flows, i, k) : NULL;
        }
        flowbd3_status status;
        if (flowbd3_table_codes(flows, k) != NULL)
            status = flowbd3_table_add_categorical(t, name, text, HOLES_ROWS, NULL);
        else if (flowbd3_table_integer(flows, k) != NULL)
            status =
                flowbd3_table_add_integer(t, name, flowbd3_table_integer(flows, k), valid, HOLES_ROWS, NULL);
        else
            status = flowbd3_table_add_real(t, name, flowbd3_table_real(flows, k), valid, HOLES_ROWS, NULL);
        ck_assert_int_eq(status, FLOWBD3_OK);
    }
    return t;
}

START_TEST(given_cells_are_kept_and_rows_obey) {
    static const uint32_t shares[] = {0, 10, 50, 90, 100};
    const flowbd3_model *model = flows_models[(size_t)_i / FB3_COUNT(shares)];
    uint32_t share = shares[(size_t)_i % FB3_COUNT(shares)];
    double began = fb3_seconds();
    flowbd3_table *partial = holes(share), *t = complete(model, partial);
    printf("# model %d, %u of 100 cells given: %.0f rows/s\n", _i / 5, share,
           HOLES_ROWS / (fb3_seconds() - began));
    fflush(stdout);
    assert_kept(partial, t);
    flows_obey(t, flowbd3_tokenizer_rules(flowbd3_model_tokenizer(model)));
    flows_in_range(t, flows);
    for (size_t c = 0; c < flowbd3_table_columns(t); c++)
        ck_assert_str_eq(flowbd3_table_name(t, c), flowbd3_table_name(flows, c));
    if (share == 100)
        ck_assert_uint_le(flowbd3_table_missing(t, 1), flowbd3_table_missing(flows, 1));
    flowbd3_table_destroy(&t);
    flowbd3_table_destroy(&partial);
}
END_TEST

/* Values beyond 2^53, of 17 digits, between those that came, of digits that did not come, and a zero with a
 * sign. */
START_TEST(odd_cells_are_kept) {
    enum { N = 150 };
    static int64_t large[N], digits[N], few[N];
    static double real[N], fine[N];
    static const char *name[N];
    for (size_t i = 0; i < N; i++) {
        large[i] = INT64_C(9007199254740993) + (int64_t)(i * i * 7919);
        digits[i] = (int64_t)(i % 5) * 70000 - 300;
        few[i] = (int64_t)(i % 3) * 1000;
        real[i] = (double)i / 7.0 - 20.0;
        fine[i] = (double)(i * i) / 3.0 - 1.0;
        name[i] = i % 2 ? "odd" : "even, \"or\" so";
    }
    flowbd3_table *t = empty();
    flowbd3_status all = flowbd3_table_add_integer(t, "large", large, NULL, N, NULL);
    all |= flowbd3_table_add_integer(t, "digits", digits, NULL, N, NULL);
    all |= flowbd3_table_add_integer(t, "few", few, NULL, N, NULL);
    all |= flowbd3_table_add_real(t, "real", real, NULL, N, NULL);
    all |= flowbd3_table_add_real(t, "fine", fine, NULL, N, NULL);
    all |= flowbd3_table_add_categorical(t, "name", name, N, NULL);
    ck_assert_int_eq(all, FLOWBD3_OK);
    static const flowbd3_column_codec codecs[] = {{"digits", FLOWBD3_CODEC_DIGITS, 0},
                                                  {"fine", FLOWBD3_CODEC_FINE, 4}};
    flowbd3_tokenizer_options fitting = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    fitting.bins = 8;
    fitting.codecs = codecs;
    fitting.n_codecs = 2;
    static const char rule[] = "{\"format\":\"flowbd3-rules\",\"version\":1,\"rules\":["
                               "{\"compare\":{\"left\":\"few\",\"at_most\":2000}}]}";
    flowbd3_rules *rules = flows_read(context, rule);
    fitting.rules = rules;
    fitting.relations = FLOWBD3_RELATIONS_OFF;
    for (int block = 0; block < 2; block++) {
        flowbd3_tokenizer *tokenizer = NULL;
        flowbd3_model *model = NULL;
        flowbd3_model_options options = FLOWBD3_MODEL_OPTIONS_INIT;
        options.d_model = 16;
        options.n_heads = 2;
        options.n_layers = 1;
        options.block_size = (uint32_t)block;
        options.column_order = block == 1 ? FLOWBD3_COLUMNS_RANDOM : FLOWBD3_COLUMNS_FIXED;
        ck_assert_int_eq(flowbd3_tokenizer_create(&tokenizer, t, &fitting, NULL), FLOWBD3_OK);
        ck_assert_int_eq(flowbd3_model_create(&model, tokenizer, &options, NULL), FLOWBD3_OK);
        flowbd3_tokenizer_destroy(&tokenizer);
        for (uint32_t mask = 1; mask < 32; mask++) {
            static uint8_t valid[5][N];
            static int64_t large_given[N], digits_given[N], few_given[N];
            static double real_given[N], fine_given[N];
            for (size_t i = 0; i < N; i++) {
                double u = fb3_uniform(mask, FB3_RANDOM_SPLIT, i, 9);
                for (uint32_t c = 0; c < 5; c++)
                    valid[c][i] = mask >> c & 1;
                large_given[i] = large[i] + (i + 1 < N) * (int64_t)(u * 7919.0);
                digits_given[i] = (int64_t)(u * 280000.0) - 300;
                few_given[i] = (int64_t)(u * 2000.0);
                real_given[i] = i == 0 ? -0.0 : real[i] + (i + 1 < N) * u / 8.0;
                fine_given[i] = i == 1 ? -0.0 : fine[i] + (i + 1 < N) * u / 4.0;
            }
            flowbd3_table *partial = empty();
            all = flowbd3_table_add_integer(partial, "large", large_given, valid[0], N, NULL);
            all |= flowbd3_table_add_integer(partial, "digits", digits_given, valid[1], N, NULL);
            all |= flowbd3_table_add_integer(partial, "few", few_given, valid[2], N, NULL);
            all |= flowbd3_table_add_real(partial, "real", real_given, valid[3], N, NULL);
            all |= flowbd3_table_add_real(partial, "fine", fine_given, valid[4], N, NULL);
            ck_assert_int_eq(all, FLOWBD3_OK);
            flowbd3_table *out = complete(model, partial);
            assert_kept(partial, out);
            flowbd3_table_destroy(&out);
            flowbd3_table_destroy(&partial);
        }
        flowbd3_model_destroy(&model);
    }
    flowbd3_rules_destroy(&rules);
    flowbd3_table_destroy(&t);
}
END_TEST

/* ---- refusals ---------------------------------------------------------------------------------- */

/* Rows 1 and 2 are fine, row 3 is what is tested. */
static void refuse(const char *csv, flowbd3_status expected, int64_t row, const char *says) {
    flowbd3_table *partial = NULL, *out = NULL;
    flowbd3_error err = {0};
    ck_assert_msg(flowbd3_table_parse_csv(&partial, context, csv, strlen(csv), NULL, &err) == FLOWBD3_OK,
                  "%s", err.message);
    flowbd3_status status = try_complete(flows_models[0], partial, &out, &err);
    ck_assert_msg(status == expected && strstr(err.message, says) != NULL, "%s: %d %s", csv, (int)status,
                  err.message);
    ck_assert_int_eq(err.row, row);
    flowbd3_table_destroy(&partial);
    flowbd3_table_destroy(&out);
}

START_TEST(wrong_cells_are_refused) {
    refuse("proto\ntcp\nudp\ngre\n", FLOWBD3_ERROR_RANGE, 3, "'gre' of column 'proto'");
    refuse("pkts\n1\n300\n301\n", FLOWBD3_ERROR_RANGE, 3, "301 is outside the range of column 'pkts'");
    refuse("total\n100\n200\n900000\n", FLOWBD3_ERROR_RANGE, 3, "column 'total'");
    refuse("pkts\n1\n3.5\n7\n", FLOWBD3_ERROR_SCHEMA, 0, "column 'pkts' is real");
    refuse("pkts\n1\nx\n7\n", FLOWBD3_ERROR_SCHEMA, 0, "column 'pkts'");
    refuse("sport,proto\n,icmp\n53,udp\n53,icmp\n", FLOWBD3_ERROR_RANGE, 3, "contradicts");
    refuse("dst,src\n10,50\n,60\n70,60\n", FLOWBD3_ERROR_RANGE, 3, "row 3: column 'dst' contradicts");
    refuse("dst,src,total\n10,50,60\n,60,\n10,60,80\n", FLOWBD3_ERROR_RANGE, 3, "column 'total' contradicts");
    refuse("pkts,dur,rate\n10,50.5,0.198\n10,,\n10,100.5,0.3\n", FLOWBD3_ERROR_RANGE, 3,
           "column 'rate' contradicts");
}
END_TEST

START_TEST(calls_are_checked) {
    flowbd3_sampler *sampler = NULL;
    flowbd3_table *out = NULL, *none = empty();
    flowbd3_error err = {0};
    flowbd3_sampler_options o = FLOWBD3_SAMPLER_OPTIONS_INIT;
    ck_assert_int_eq(flowbd3_sampler_create(&sampler, flows_models[0], &o, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_sampler_complete(sampler, none, &out, NULL, NULL, &err), FLOWBD3_ERROR_STATE);
    ck_assert_ptr_nonnull(strstr(err.message, "option complete"));
    ck_assert_int_eq(flowbd3_sampler_complete(NULL, none, &out, NULL, NULL, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(flowbd3_sampler_complete(sampler, NULL, &out, NULL, NULL, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(flowbd3_sampler_complete(sampler, none, NULL, NULL, NULL, &err), FLOWBD3_ERROR_ARGUMENT);
    flowbd3_sampler_destroy(&sampler);
    out = complete(flows_models[0], none); /* no rows, no columns */
    ck_assert_uint_eq(flowbd3_table_columns(out), flowbd3_table_columns(flows));
    flowbd3_table_destroy(&out);
    flowbd3_table *headed = NULL;
    ck_assert_int_eq(flowbd3_table_slice(&headed, flows, 0, 0, NULL), FLOWBD3_OK);
    out = complete(flows_models[1], headed);
    ck_assert_uint_eq(flowbd3_table_rows(out), 0);
    flowbd3_table_destroy(&out);
    flowbd3_table_destroy(&headed);
    flowbd3_table_destroy(&none);
}
END_TEST

/* A column without a cell is real, whatever it was. */
START_TEST(columns_may_be_all_missing) {
    static const char csv[] = "proto,pkts,state,dur\n,,,\n,,,\n,,,\n";
    flowbd3_table *partial = NULL;
    ck_assert_int_eq(flowbd3_table_parse_csv(&partial, context, csv, strlen(csv), NULL, NULL), FLOWBD3_OK);
    flowbd3_table *t = complete(flows_models[0], partial);
    ck_assert_uint_eq(flowbd3_table_missing(t, 0), 0);
    ck_assert_int_eq(flowbd3_table_type(t, 2), FLOWBD3_TYPE_INTEGER);
    flowbd3_table_destroy(&t);
    flowbd3_table_destroy(&partial);
}
END_TEST

/* The position of the sampler stays, its rows are those it would have given, and a completion comes out the
 * same again, in parts of no matter which size. */
START_TEST(a_sampler_goes_on_after_it) {
    flowbd3_sampler_options o = FLOWBD3_SAMPLER_OPTIONS_INIT;
    o.complete = 1;
    o.seed = 11;
    flowbd3_sampler *sampler = NULL;
    flowbd3_table *partial = holes(40), *first = complete(flows_models[1], partial), *again = NULL,
                  *before = NULL, *after = NULL, *whole = NULL;
    ck_assert_int_eq(flowbd3_sampler_create(&sampler, flows_models[1], &o, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_sampler_generate(sampler, 40, &before, NULL, NULL, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_sampler_complete(sampler, partial, &again, NULL, NULL, NULL), FLOWBD3_OK);
    ck_assert(same_tables(first, again));
    ck_assert_uint_eq(flowbd3_sampler_position(sampler), 40);
    ck_assert_int_eq(flowbd3_sampler_generate(sampler, 40, &after, NULL, NULL, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_append(before, after, NULL), FLOWBD3_OK);
    flowbd3_sampler_seek(sampler, 0);
    ck_assert_int_eq(flowbd3_sampler_generate(sampler, 80, &whole, NULL, NULL, NULL), FLOWBD3_OK);
    ck_assert(same_tables(whole, before));
    flowbd3_sampler_destroy(&sampler);
    o.batch_size = 1;
    flowbd3_table_destroy(&again);
    ck_assert_int_eq(flowbd3_sampler_create(&sampler, flows_models[1], &o, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_sampler_complete(sampler, partial, &again, NULL, NULL, NULL), FLOWBD3_OK);
    ck_assert(same_tables(first, again));
    flowbd3_sampler_destroy(&sampler);
    flowbd3_table *const all[] = {partial, first, again, before, after, whole};
    for (size_t i = 0; i < FB3_COUNT(all); i++) {
        flowbd3_table *t = all[i];
        flowbd3_table_destroy(&t);
    }
}
END_TEST

int main(void) {
    setenv("CK_FORK", "no", 1);
    Suite *suite = suite_create("complete");
    TCase *tests = tcase_create("complete");
    tcase_set_timeout(tests, 240);
    tcase_add_unchecked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, frequencies_are_those_given_the_cells, 0, KINDS);
    tcase_add_loop_test(tests, given_cells_are_kept_and_rows_obey, 0, FLOWS_KINDS * 5);
    tcase_add_test(tests, odd_cells_are_kept);
    tcase_add_test(tests, wrong_cells_are_refused);
    tcase_add_test(tests, calls_are_checked);
    tcase_add_test(tests, columns_may_be_all_missing);
    tcase_add_test(tests, a_sampler_goes_on_after_it);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
