/* Rows obey: every kind of rule, in every order, at any temperature, with every codec in one table; what
 * cannot be met is said at once, or ends. */
#include "flows.h"
#include "sampler/sampler.h"
#include "test_main.h"

#include <stdio.h>

static flowbd3_context *context;
static flowbd3_table *table;

static const flows_kind kinds[] = {{0, 1, FLOWBD3_COLUMNS_FIXED, true, 1.0F},
                                   {1, 1, FLOWBD3_COLUMNS_RANDOM, true, 1.0F},
                                   {1, 1, FLOWBD3_COLUMNS_FIXED, false, 0.3F},
                                   {5, 1, FLOWBD3_COLUMNS_RANDOM, false, 0.3F},
                                   {1, 4, FLOWBD3_COLUMNS_RANDOM, true, 0.3F},
                                   {7, 4, FLOWBD3_COLUMNS_FIXED, true, 0.3F},
                                   {0, 4, FLOWBD3_COLUMNS_FIXED, false, 1.0F},
                                   {24, 4, FLOWBD3_COLUMNS_FIXED, true, 1.0F}};

enum { KINDS = 8, ORDERS = FLOWBD3_ORDER_REMASK_LOOP + 1 };

static flowbd3_model *models[KINDS];

static const char more[] = "{\"format\":\"flowbd3-rules\",\"version\":1,\"rules\":["
                           "{\"when\":{\"proto\":\"tcp\"},\"then\":{\"state\":[\"CON\",\"FIN\"]}},"
                           "{\"compare\":{\"left\":\"total\",\"at_most\":90000}},"
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
           (int)o->order, o->temperature, o->steps, (int)o->decoding, err.message,
           evaluations / (double)rows, (double)rows / (fb3_seconds() - began));
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
        for (int k = 0; k < 4; k++) {
            flowbd3_sampler_options o = FLOWBD3_SAMPLER_OPTIONS_INIT;
            o.order = (flowbd3_order)order;
            o.temperature = k & 1 ? 2.0 : 0.0;
            if (order != FLOWBD3_ORDER_THRESHOLD)
                o.steps = k >= 2 ? 3 : 0;
            else
                o.threshold = k >= 2 ? 0.05 : 0.0;
            o.rules = k != 2 ? rules : NULL;
            o.decoding = k == 3 ? FLOWBD3_DECODE_CENTRE : FLOWBD3_DECODE_DRAW;
            check_rows(models[_i], &o, 650);
        }
    flowbd3_rules_destroy(&rules);
}
END_TEST

int main(void) {
    setenv("CK_FORK", "no", 1);
    Suite *suite = suite_create("restrained");
    TCase *tests = tcase_create("restrained");
    tcase_set_timeout(tests, 240);
    tcase_add_unchecked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, rows_obey_in_every_order, 0, KINDS);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
