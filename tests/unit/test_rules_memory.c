/* The n-th allocation of rules fails, for every n: a status, nothing leaked, nothing half made. */
#include "counted.h"
#include "rules/rules.h"
#include "test_main.h"

#include <unistd.h>

static const char json[] =
    "{\"format\":\"flowbd3-rules\",\"version\":1,\"rules\":["
    "{\"name\":\"n\",\"when\":{\"Proto\":[\"icmp\",null],\"TotPkts\":[1,{\"min\":3}]},\"then\":{\"Sport\":"
    "null}},"
    "{\"then\":{\"Proto\":{\"not\":[\"x\",{\"like\":\"y*\"}]}}},"
    "{\"compare\":{\"left\":\"SrcBytes\",\"at_most\":\"TotBytes\"}},"
    "{\"compare\":{\"left\":\"TotBytes\",\"at_least\":{\"times\":0.1,\"column\":\"TotPkts\"}}},"
    "{\"derive\":{\"column\":\"Rate\",\"ratio\":[\"TotPkts\",\"Dur\"],\"decimals\":6,\"otherwise\":0}}],"
    "\"forbid\":[{\"name\":\"x\"},{\"columns\":[\"a\",\"b\"]}]}";

static const char csv[] = "Dur,Proto,Sport,TotPkts,TotBytes,SrcBytes,Rate,State\n0.5,tcp,80,1,60,60,2,S_\n"
                          "0,icmp,,2,120,60,0,ECO\n0.1,udp,53,2,120,60,20,CON\n";

typedef flowbd3_status (*step)(flowbd3_context *context, const flowbd3_table *table,
                               const flowbd3_rules *rules);

static flowbd3_status read_text(flowbd3_context *context, const flowbd3_table *table,
                                const flowbd3_rules *rules) {
    (void)table, (void)rules;
    flowbd3_rules *r;
    flowbd3_status status = flowbd3_rules_from_json(&r, context, json, sizeof json - 1, NULL);
    ck_assert((status == FLOWBD3_OK) == (r != NULL));
    flowbd3_rules_destroy(&r);
    return status;
}

static flowbd3_status write_and_read(flowbd3_context *context, const flowbd3_table *table,
                                     const flowbd3_rules *rules) {
    (void)table;
    flowbd3_rules *r = NULL;
    flowbd3_status status = flowbd3_rules_save(rules, "flowbd3-rules-memory.json", NULL);
    if (status == FLOWBD3_OK)
        status = flowbd3_rules_load(&r, context, "flowbd3-rules-memory.json", NULL);
    (void)unlink("flowbd3-rules-memory.json");
    flowbd3_rules_destroy(&r);
    return status;
}

static flowbd3_status copy(flowbd3_context *context, const flowbd3_table *table, const flowbd3_rules *rules) {
    (void)table;
    flowbd3_rules *r = fb3_rules_create(context);
    bool whole = r != NULL;
    for (size_t i = 0; whole && i < rules->count; i++) {
        fb3_rule *rule = fb3_rules_append(r);
        whole = rule != NULL && fb3_rule_copy(rule, &rules->rules[i], context);
    }
    flowbd3_status status = whole ? fb3_rules_finish(r, NULL) : FLOWBD3_ERROR_MEMORY;
    flowbd3_rules_destroy(&r);
    return status;
}

static flowbd3_status check(flowbd3_context *context, const flowbd3_table *table,
                            const flowbd3_rules *rules) {
    (void)context;
    flowbd3_rule_result results[5];
    return flowbd3_rules_check(rules, table, results, NULL, NULL);
}

static flowbd3_status known(flowbd3_context *context, const flowbd3_table *table,
                            const flowbd3_rules *rules) {
    (void)context, (void)rules;
    flowbd3_rules *r;
    flowbd3_status status = flowbd3_rules_default(&r, table, NULL);
    ck_assert((status == FLOWBD3_OK) == (r != NULL));
    flowbd3_rules_destroy(&r);
    return status;
}

static const step steps[] = {read_text, write_and_read, copy, check, known};

START_TEST(every_allocation_fails_once) {
    counted l = {.left = -1};
    flowbd3_context *context = counted_context(&l);
    flowbd3_table *table;
    flowbd3_rules *rules;
    ck_assert_int_eq(flowbd3_table_parse_csv(&table, context, csv, sizeof csv - 1, NULL, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_rules_from_json(&rules, context, json, sizeof json - 1, NULL), FLOWBD3_OK);
    long alive = l.blocks, n = 0;
    flowbd3_status status = FLOWBD3_ERROR_MEMORY;
    for (; status != FLOWBD3_OK; n++) {
        ck_assert_int_lt(n, 1000);
        l.left = n;
        status = steps[_i](context, table, rules);
        ck_assert(status == FLOWBD3_OK || status == FLOWBD3_ERROR_MEMORY);
        l.left = -1;
        ck_assert_int_eq(l.blocks, alive);
    }
    ck_assert_int_gt(n, 5);
    flowbd3_table_destroy(&table);
    flowbd3_rules_destroy(&rules);
    flowbd3_context_destroy(&context);
    ck_assert_int_eq(l.blocks, 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("rules_memory");
    TCase *tests = tcase_create("rules_memory");
    tcase_add_loop_test(tests, every_allocation_fails_once, 0, (int)FB3_COUNT(steps));
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
