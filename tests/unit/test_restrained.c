/* Rows obey: every kind of rule, in every order, at any temperature, with every codec in one table; what
 * cannot be met is said at once, or ends. */
#include "flows.h"
#include "sampler/sampler.h"
#include "test_main.h"

#include <stdio.h>

static flowbd3_context *context;
static flowbd3_table *table;

static const flows_kind kinds[] = {
    {0, 1, FLOWBD3_COLUMNS_FIXED, true, 0.5F},  {1, 1, FLOWBD3_COLUMNS_RANDOM, true, 0.0F},
    {1, 1, FLOWBD3_COLUMNS_FIXED, false, 0.0F}, {5, 1, FLOWBD3_COLUMNS_RANDOM, false, 0.0F},
    {1, 4, FLOWBD3_COLUMNS_RANDOM, true, 0.0F}, {7, 4, FLOWBD3_COLUMNS_FIXED, true, 0.0F},
    {0, 4, FLOWBD3_COLUMNS_FIXED, false, 0.0F}, {24, 4, FLOWBD3_COLUMNS_FIXED, true, 0.0F}};

enum { KINDS = 8, ORDERS = FLOWBD3_ORDER_REMASK_LOOP + 1 };

static flowbd3_model *models[KINDS];

static const char more[] =
    "{\"format\":\"flowbd3-rules\",\"version\":1,\"rules\":["
    "{\"when\":{\"proto\":\"tcp\"},\"then\":{\"state\":[\"CON\",\"FIN\"]}},"
    "{\"compare\":{\"left\":\"total\",\"at_most\":150000}},"
    "{\"when\":{\"proto\":\"udp\",\"sport\":{\"max\":53}},\"compare\":{\"left\":\"pkts\","
    "\"at_most\":100}},"
    "{\"compare\":{\"left\":\"dst\",\"at_least\":{\"times\":0.25,\"column\":\"pkts\"}}},"
    "{\"when\":{\"dur\":{\"min\":0.01}},\"then\":{\"rate\":{\"max\":500}}}]}";

static void set_up(void) {
    context = toy_context(2);
    table = flows_table(context);
    for (size_t k = 0; k < KINDS; k++)
        models[k] = flows_model(table, &kinds[k]);
}

static void tear_down(void) {
    for (size_t k = 0; k < KINDS; k++)
        flowbd3_model_destroy(&models[k]);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
}

static flowbd3_sampler *create(const flowbd3_model *model, const flowbd3_sampler_options *o) {
    flowbd3_sampler *sampler = NULL;
    flowbd3_error err = {0};
    ck_assert_msg(flowbd3_sampler_create(&sampler, model, o, &err) == FLOWBD3_OK, "%s", err.message);
    return sampler;
}

/* Rows of options, which obey the rules of the tokenizer, and others. */
static void check_rows(const flowbd3_model *model, const flowbd3_sampler_options *o, uint64_t rows) {
    flowbd3_sampler *sampler = create(model, o);
    flowbd3_table *t = NULL;
    flowbd3_error err = {0};
    double began = fb3_seconds();
    flowbd3_status status = flowbd3_sampler_generate(sampler, rows, &t, NULL, NULL, &err);
    double evaluations = (double)flowbd3_sampler_evaluations(sampler, NULL);
    printf("# order %d temperature %g steps %u decoding %d: %s, %.1f evaluations a row, %.0f rows/s\n",
           (int)o->order, o->temperature, o->steps, (int)o->decoding, err.message, evaluations / (double)rows,
           (double)rows / (fb3_seconds() - began));
    fflush(stdout);
    ck_assert_msg(status == FLOWBD3_OK, "order %d steps %u: %s", (int)o->order, o->steps, err.message);
    ck_assert_uint_eq(flowbd3_table_rows(t), rows);
    flows_obey(t, flowbd3_tokenizer_rules(flowbd3_model_tokenizer(model)));
    if (o->rules != NULL)
        flows_obey(t, o->rules);
    flows_in_range(t, table);
    flowbd3_table_destroy(&t);
    flowbd3_sampler_destroy(&sampler);
}

START_TEST(rows_obey_in_every_order) {
    flowbd3_rules *rules = flows_read(context, more);
    for (int order = 0; order < ORDERS; order++)
        for (int k = order % 2; k < 4; k += 2) {
            flowbd3_sampler_options o = FLOWBD3_SAMPLER_OPTIONS_INIT;
            o.order = (flowbd3_order)order;
            o.temperature = k & 1 ? 2.0 : 0.0;
            if (order != FLOWBD3_ORDER_THRESHOLD)
                o.steps = k >= 2 ? 3 : 0;
            else
                o.threshold = k >= 2 ? 0.05 : 0.0;
            o.rules = k != 2 ? rules : NULL;
            o.decoding = k == 3 ? FLOWBD3_DECODE_CENTRE : FLOWBD3_DECODE_DRAW;
            check_rows(models[_i], &o, _i == 0 ? 8 : 24);
        }
    flowbd3_rules_destroy(&rules);
    flowbd3_sampler_options o = FLOWBD3_SAMPLER_OPTIONS_INIT;
    if (kinds[_i].length == 1 && _i > 0)
        check_rows(models[_i], &o, 2000);
    o.sequence_flows = 11; /* in windows of the model's length */
    if (kinds[_i].length > 1)
        check_rows(models[_i], &o, 66);
}
END_TEST

/* ---- what cannot be met ------------------------------------------------------------------------ */

static void assert_refused(const flowbd3_sampler_options *o, flowbd3_status expected, const char *says) {
    flowbd3_sampler *sampler = NULL;
    flowbd3_error err = {0};
    flowbd3_status status = flowbd3_sampler_create(&sampler, models[0], o, &err);
    ck_assert_ptr_null(sampler);
    ck_assert_msg(status == expected && strstr(err.message, says) != NULL, "%s: %d, %s", says, (int)status,
                  err.message);
}

/* Each alone or two at once: a condition that no row meets is named. */
START_TEST(contradictions_are_named) {
    static const struct {
        const char *given[2], *says;
        flowbd3_status status;
    } bad[] = {{{"proto=tcp", "proto=udp"}, "proto=udp", FLOWBD3_ERROR_RANGE},
               {{"proto=icmp", "sport=53"}, "sport=53", FLOWBD3_ERROR_RANGE},
               {{"proto in tcp,udp", "sport missing"}, "sport missing", FLOWBD3_ERROR_RANGE},
               {{"src in [,100]", "dst in [101,]"}, "dst in [101,]", FLOWBD3_ERROR_RANGE},
               {{"pkts in [200,]", "src in [,1000]"}, "src in [,1000]", FLOWBD3_ERROR_RANGE},
               {{"total in [,100]", "dst in [101,160]"}, "dst in [101,160]", FLOWBD3_ERROR_RANGE},
               {{"proto=gre", NULL}, "'gre'", FLOWBD3_ERROR_RANGE},
               {{"pkts in [1000,2000]", NULL}, "1 to 300", FLOWBD3_ERROR_RANGE},
               {{"dur in [60.001,60.004]", NULL}, "dur", FLOWBD3_ERROR_RANGE},
               {{"pkts=2.5", NULL}, "pkts", FLOWBD3_ERROR_RANGE},
               {{"total in [-3,-1]", NULL}, "total", FLOWBD3_ERROR_RANGE},
               {{"pkts missing", NULL}, "pkts missing", FLOWBD3_ERROR_RANGE},
               {{"pkts in [9,1]", NULL}, "low at most high", FLOWBD3_ERROR_ARGUMENT},
               {{"pkts=many", NULL}, "numbers", FLOWBD3_ERROR_ARGUMENT},
               {{"pkts=", NULL}, "a value", FLOWBD3_ERROR_ARGUMENT},
               {{"pkts in 1,,2", NULL}, "a value", FLOWBD3_ERROR_ARGUMENT},
               {{"pkts in [1,2", NULL}, "[low,high]", FLOWBD3_ERROR_ARGUMENT},
               {{"pkts in [1]", NULL}, "[low,high]", FLOWBD3_ERROR_ARGUMENT},
               {{"pkts in [nan,2]", NULL}, "[low,high]", FLOWBD3_ERROR_ARGUMENT},
               {{"packets=2", NULL}, "a column of the model", FLOWBD3_ERROR_ARGUMENT},
               {{"", NULL}, "a column of the model", FLOWBD3_ERROR_ARGUMENT},
               {{"proto", NULL}, "a column of the model", FLOWBD3_ERROR_ARGUMENT}};
    for (size_t i = 0; i < FB3_COUNT(bad); i++) {
        flowbd3_sampler_options o = FLOWBD3_SAMPLER_OPTIONS_INIT;
        o.given = bad[i].given;
        o.n_given = bad[i].given[1] != NULL ? 2 : 1;
        assert_refused(&o, bad[i].status, bad[i].says);
    }
    flowbd3_sampler_options o = FLOWBD3_SAMPLER_OPTIONS_INIT;
    o.n_given = 1;
    assert_refused(&o, FLOWBD3_ERROR_ARGUMENT, "given is NULL");
    static const char *const null[] = {NULL};
    o.given = null;
    assert_refused(&o, FLOWBD3_ERROR_ARGUMENT, "a condition is NULL");
}
END_TEST

START_TEST(weights_are_checked) {
    static const flowbd3_weight unknown[] = {{"gre", 1.0}}, negative[] = {{"tcp", -1.0}},
                                nan[] = {{"tcp", NAN}}, none[] = {{"tcp", 0.0}, {"udp", 0.0}, {"icmp", 0.0}},
                                null[] = {{NULL, 1.0}};
    static const struct {
        const char *weighted;
        const flowbd3_weight *weights;
        size_t n;
        flowbd3_status status;
        const char *says;
    } bad[] = {{"proto", unknown, 1, FLOWBD3_ERROR_RANGE, "'gre'"},
               {"proto", negative, 1, FLOWBD3_ERROR_RANGE, "-1"},
               {"proto", nan, 1, FLOWBD3_ERROR_RANGE, "nan"},
               {"proto", none, 3, FLOWBD3_ERROR_RANGE, "are 0"},
               {"proto", null, 1, FLOWBD3_ERROR_RANGE, "(null)"},
               {"proto", NULL, 1, FLOWBD3_ERROR_ARGUMENT, "weights is NULL"},
               {NULL, unknown, 1, FLOWBD3_ERROR_ARGUMENT, "weighted names no column"},
               {"pkts", NULL, 0, FLOWBD3_ERROR_ARGUMENT, "not one of categories"},
               {"packets", NULL, 0, FLOWBD3_ERROR_ARGUMENT, "no column 'packets'"}};
    for (size_t i = 0; i < FB3_COUNT(bad); i++) {
        flowbd3_sampler_options o = FLOWBD3_SAMPLER_OPTIONS_INIT;
        o.weighted = bad[i].weighted;
        o.weights = bad[i].weights;
        o.n_weights = bad[i].n;
        assert_refused(&o, bad[i].status, bad[i].says);
    }
}
END_TEST

START_TEST(rules_of_other_columns_are_refused) {
    static const char other[] = "{\"format\":\"flowbd3-rules\",\"version\":1,\"rules\":["
                                "{\"compare\":{\"left\":\"packets\",\"at_most\":9}}]}",
                      never[] = "{\"format\":\"flowbd3-rules\",\"version\":1,\"rules\":["
                                "{\"name\":\"few\",\"compare\":{\"left\":\"pkts\",\"at_most\":0}}]}";
    flowbd3_sampler_options o = FLOWBD3_SAMPLER_OPTIONS_INIT;
    flowbd3_rules *rules = flows_read(context, other);
    o.rules = rules;
    assert_refused(&o, FLOWBD3_ERROR_SCHEMA, "packets");
    flowbd3_rules_destroy(&rules);
    o.rules = rules = flows_read(context, never);
    assert_refused(&o, FLOWBD3_ERROR_RANGE, "few");
    flowbd3_rules_destroy(&rules);
}
END_TEST

/* Rare conditions on several columns give right rows, of one attempt too; and again when rows that were drawn
 * with others are asked for later. */
START_TEST(improbable_conditions_are_met) {
    static const char *const given[] = {"sport=53", "pkts=3", "state=URP", "dst in [200,210]",
                                        "dur in [60,90.5]"};
    for (uint32_t attempts = 1; attempts <= 64; attempts *= 64) {
        flowbd3_sampler_options o = FLOWBD3_SAMPLER_OPTIONS_INIT;
        o.given = given;
        o.n_given = FB3_COUNT(given);
        o.attempts = attempts;
        flowbd3_sampler *sampler = create(models[_i], &o);
        flowbd3_error err = {0};
        for (int call = 0; call < 3; call++) {
            flowbd3_table *t = NULL;
            flowbd3_status status = flowbd3_sampler_generate(sampler, 20, &t, NULL, NULL, &err);
            if (status != FLOWBD3_OK) { /* that a row failed is said; no row that fails is given out */
                ck_assert_int_eq(status, FLOWBD3_ERROR_RANGE);
                ck_assert_ptr_nonnull(strstr(err.message, "attempts met the rules"));
                ck_assert_int_gt(err.row, 20 * call);
                ck_assert_int_le(err.row, 20 * call + 20);
                ck_assert_ptr_null(t);
                ck_assert_uint_eq(flowbd3_sampler_position(sampler), (uint64_t)call * 20);
                flowbd3_sampler_seek(sampler, (uint64_t)call * 20 + 20);
                continue;
            }
            flows_obey(t, flowbd3_tokenizer_rules(flowbd3_model_tokenizer(models[_i])));
            for (size_t i = 0; i < 20; i++) {
                size_t c[5];
                static const char *const names[] = {"sport", "pkts", "dst", "dur", "state"};
                for (size_t k = 0; k < 5; k++)
                    c[k] = (size_t)flowbd3_table_find(t, names[k]);
                ck_assert_double_eq(flowbd3_table_number(t, i, c[0]), 53.0);
                ck_assert_double_eq(flowbd3_table_number(t, i, c[1]), 3.0);
                ck_assert(fabs(flowbd3_table_number(t, i, c[2]) - 205.0) <= 5.0);
                ck_assert(fabs(flowbd3_table_number(t, i, c[3]) - 75.25) <= 15.25);
                ck_assert_str_eq(flowbd3_table_category(t, c[4], (size_t)flowbd3_table_codes(t, c[4])[i]),
                                 "URP");
            }
            flowbd3_table_destroy(&t);
        }
        flowbd3_sampler_destroy(&sampler);
    }
}
END_TEST

/* Rules that domains do not see through: every attempt fails. */
static const char riddle[] =
    "{\"format\":\"flowbd3-rules\",\"version\":1,\"rules\":["
    "{\"compare\":{\"left\":\"dst\",\"at_most\":{\"times\":0.5,\"column\":\"src\",\"plus\":10}}},"
    "{\"when\":{\"pkts\":{\"min\":1}},\"compare\":{\"left\":\"dst\",\"at_least\":{\"times\":0.5,\"column\":"
    "\"src\",\"plus\":11}}}]}";

static double began;

static int cancel_soon(void *user, const flowbd3_progress *progress) {
    (void)user;
    (void)progress;
    return fb3_seconds() - began > 0.3;
}

START_TEST(hopeless_rows_are_given_up_or_cancelled) {
    flowbd3_rules *rules = flows_read(context, riddle);
    flowbd3_sampler_options o = FLOWBD3_SAMPLER_OPTIONS_INIT;
    flowbd3_sampler *sampler = NULL;
    flowbd3_error err = {0};
    flowbd3_table *t = NULL;
    o.rules = rules;
    o.attempts = 3;
    sampler = create(models[_i], &o);
    ck_assert_int_eq(flowbd3_sampler_generate(sampler, 10, &t, NULL, NULL, &err), FLOWBD3_ERROR_RANGE);
    ck_assert_ptr_nonnull(strstr(err.message, "row 1: none of 3 attempts"));
    ck_assert_int_eq(err.row, 1);
    ck_assert_int_eq(flowbd3_sampler_generate(sampler, 10, &t, NULL, NULL, &err), FLOWBD3_ERROR_RANGE);
    flowbd3_sampler_destroy(&sampler);
    o.attempts = UINT32_MAX;
    sampler = create(models[_i], &o);
    began = fb3_seconds();
    ck_assert_int_eq(flowbd3_sampler_generate(sampler, 1, &t, cancel_soon, NULL, &err), FLOWBD3_CANCELLED);
    printf("# cancelled after %.2f s\n", fb3_seconds() - began);
    ck_assert_double_lt(fb3_seconds() - began, 3.0);
    ck_assert_ptr_null(t);
    flowbd3_sampler_destroy(&sampler);
    flowbd3_rules_destroy(&rules);
}
END_TEST

int main(void) {
    setenv("CK_FORK", "no", 1);
    Suite *suite = suite_create("restrained");
    TCase *tests = tcase_create("restrained");
    tcase_set_timeout(tests, 240);
    tcase_add_unchecked_fixture(tests, set_up, tear_down);
    TCase *refusals = tcase_create("refusals");
    tcase_set_timeout(refusals, 120);
    tcase_add_unchecked_fixture(refusals, set_up, tear_down);
    tcase_add_loop_test(tests, rows_obey_in_every_order, 0, KINDS);
    tcase_add_test(refusals, contradictions_are_named);
    tcase_add_test(refusals, weights_are_checked);
    tcase_add_test(refusals, rules_of_other_columns_are_refused);
    tcase_add_loop_test(refusals, improbable_conditions_are_met, 0, KINDS);
    tcase_add_loop_test(refusals, hopeless_rows_are_given_up_or_cancelled, 0, KINDS);
    suite_add_tcase(suite, tests);
    suite_add_tcase(suite, refusals);
    return run_suite(suite);
}
