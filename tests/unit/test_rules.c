/* The rules room: JSON in and out, lines of text, what rows obey, whole tables. */
#include "rules/rules.h"
#include "test_main.h"

#include <math.h>
#include <unistd.h>

static flowbd3_context *context;

static void setup(void) {
    flowbd3_context_options options = FLOWBD3_CONTEXT_OPTIONS_INIT;
    options.threads = 3;
    ck_assert_int_eq(flowbd3_context_create(&context, &options, NULL), FLOWBD3_OK);
}

static void teardown(void) {
    flowbd3_context_destroy(&context);
}

static flowbd3_rules *read_json(const char *json) {
    flowbd3_rules *rules;
    flowbd3_error err = {0};
    ck_assert_msg(flowbd3_rules_from_json(&rules, context, json, strlen(json), &err) == FLOWBD3_OK, "%s",
                  err.message);
    return rules;
}

/* Rules from the text between the brackets. */
static flowbd3_rules *read_rules(const char *list) {
    char json[4096];
    int size =
        snprintf(json, sizeof json, "{\"format\":\"flowbd3-rules\",\"version\":1,\"rules\":[%s]}", list);
    ck_assert_int_lt(size, (int)sizeof json);
    return read_json(json);
}

static flowbd3_table *parse(const char *csv) {
    flowbd3_table *table;
    flowbd3_error err = {0};
    ck_assert_msg(flowbd3_table_parse_csv(&table, context, csv, strlen(csv), NULL, &err) == FLOWBD3_OK, "%s",
                  err.message);
    return table;
}

/* ---- lines of text ----------------------------------------------------------------------------- */

static const struct {
    const char *rule, *text;
} lines[] = {
    {"{\"then\":{\"a\":null}}", "a missing"},
    {"{\"then\":{\"a\":{\"any\":true}}}", "a present"},
    {"{\"then\":{\"a\":0}}", "a = 0"},
    {"{\"then\":{\"a\":{\"min\":-1.5}}}", "a >= -1.5"},
    {"{\"then\":{\"a\":{\"max\":1e20}}}", "a <= 1e+20"},
    {"{\"then\":{\"a\":{\"min\":1,\"max\":9}}}", "a in [1, 9]"},
    {"{\"then\":{\"a\":[7,{\"min\":9},{\"max\":2},{\"min\":1,\"max\":3},null]}}",
     "a in {<= 3, 7, >= 9} or missing"},
    {"{\"then\":{\"a\":\"x\"}}", "a in {x}"},
    {"{\"then\":{\"a\":[\"x\",{\"like\":\"y*\"},null]}}", "a in {x, like y*} or missing"},
    {"{\"then\":{\"a\":{\"not\":[{\"like\":\"?\"},\"a\\nb\"]}}}", "a not in {a?b, like ?}"},
    {"{\"when\":{\"Proto\":\"icmp\"},\"then\":{\"Sport\":null,\"Dport\":null}}",
     "Proto in {icmp}: Sport missing and Dport missing"},
    {"{\"compare\":{\"left\":\"SrcBytes\",\"at_most\":\"TotBytes\"}}", "SrcBytes <= TotBytes"},
    {"{\"compare\":{\"left\":\"TotBytes\",\"at_least\":{\"times\":60,\"column\":\"TotPkts\"}}}",
     "TotBytes >= 60 * TotPkts"},
    {"{\"compare\":{\"left\":\"a\",\"at_least\":{\"times\":0.1,\"column\":\"b\",\"plus\":-3}}}",
     "a >= 0.1 * b - 3"},
    {"{\"compare\":{\"left\":\"a\",\"at_most\":{\"column\":\"b\",\"plus\":1}}}", "a <= b + 1"},
    {"{\"compare\":{\"left\":\"a\",\"at_most\":65535}}", "a <= 65535"},
    {"{\"derive\":{\"column\":\"rate\",\"ratio\":[\"packets\",\"duration\"],\"decimals\":6}}",
     "rate = packets / duration, 6 digits"},
    {"{\"derive\":{\"column\":\"a\",\"copy\":\"b\"}}", "a = b"},
    {"{\"derive\":{\"column\":\"a\",\"sum\":[\"b\",\"c\"],\"times\":0.5,\"plus\":1,\"decimals\":1,"
     "\"truncated\":true,\"otherwise\":0}}",
     "a = 0.5 * (b + c) + 1, cut to 1 digit, otherwise 0"},
    {"{\"derive\":{\"column\":\"a\",\"difference\":[\"b\",\"c\"]}}", "a = b - c"},
    {"{\"derive\":{\"column\":\"a\",\"product\":[\"b\",\"c\"],\"times\":-2}}", "a = -2 * b * c"},
};

START_TEST(rule_as_a_line) {
    flowbd3_rules *rules = read_rules(lines[_i].rule);
    ck_assert_uint_eq(flowbd3_rules_count(rules), 1);
    ck_assert_str_eq(flowbd3_rules_text(rules, 0), lines[_i].text);
    ck_assert_str_eq(flowbd3_rules_name(rules, 0), lines[_i].text);
    ck_assert_ptr_null(flowbd3_rules_text(rules, 1));
    ck_assert_ptr_null(flowbd3_rules_name(rules, 1));
    flowbd3_rules_destroy(&rules);
}
END_TEST

START_TEST(names_differ) {
    flowbd3_rules *rules = read_rules("{\"then\":{\"a\":1}},{\"name\":\"a = 1 (2)\",\"then\":{\"b\":1}},"
                                      "{\"then\":{\"a\":1}},{\"then\":{\"a\":1}}");
    ck_assert_str_eq(flowbd3_rules_name(rules, 0), "a = 1");
    ck_assert_str_eq(flowbd3_rules_name(rules, 1), "a = 1 (2)");
    ck_assert_str_eq(flowbd3_rules_name(rules, 2), "a = 1 (3)");
    ck_assert_str_eq(flowbd3_rules_name(rules, 3), "a = 1 (4)");
    flowbd3_rules_destroy(&rules);
}
END_TEST

/* ---- JSON -------------------------------------------------------------------------------------- */

static const char all[] =
    "{\"format\":\"flowbd3-rules\",\"version\":1,\"search\":false,\n"
    "\"rules\":[\n"
    " {\"name\":\"ICMP has no "
    "ports\",\"when\":{\"Proto\":\"icmp\"},\"then\":{\"Sport\":null,\"Dport\":null}},\n"
    " {\"when\":{\"a\":[{\"max\":2},5,{\"min\":7}],\"b\":[{\"any\":true},null]},\"then\":{\"c\":{\"not\":["
    "\"x\",{"
    "\"like\":\"*_*\"}]}}},\n"
    " {\"compare\":{\"left\":\"a\",\"at_least\":{\"times\":0.1,\"column\":\"b\",\"plus\":-3}},\"found\":true,"
    "\"applies\":10,\"obey\":9},\n"
    " {\"compare\":{\"left\":\"a\",\"at_most\":\"b\"}},\n"
    " {\"compare\":{\"left\":\"a\",\"at_most\":0.30000000000000004}},\n"
    " {\"derive\":{\"column\":\"r\",\"ratio\":[\"p\",\"d\"],\"times\":1000,\"plus\":0.5,\"decimals\":6,"
    "\"truncated\":true,\"otherwise\":0}}],\n"
    "\"forbid\":[\n"
    " {\"name\":\"x\"},\n"
    " {\"columns\":[\"a\",\"b\"]}]}";

START_TEST(text_comes_back) {
    flowbd3_rules *rules = read_json(all), *again;
    char *json;
    ck_assert(!rules->search);
    ck_assert_uint_eq(rules->n_forbidden, 2);
    ck_assert_int_eq(flowbd3_rules_to_json(rules, &json, NULL), FLOWBD3_OK);
    ck_assert_str_eq(json, all);
    flowbd3_string_destroy(context, &json);
    ck_assert_int_eq(flowbd3_rules_save(rules, "flowbd3-rules.json", NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_rules_load(&again, context, "flowbd3-rules.json", NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_rules_to_json(again, &json, NULL), FLOWBD3_OK);
    ck_assert_str_eq(json, all);
    (void)unlink("flowbd3-rules.json");
    flowbd3_string_destroy(context, &json);
    flowbd3_rules_destroy(&rules);
    flowbd3_rules_destroy(&again);
    ck_assert_ptr_null(again);
    flowbd3_rules_destroy(&again);
    flowbd3_rules_destroy(NULL);
}
END_TEST

/* {"max": 5} and {"min": 4} together are all numbers, for which there is no single text. */
START_TEST(all_numbers_come_back) {
    static const char overlapping[] = "{\"format\":\"flowbd3-rules\",\"version\":1,\"rules\":["
                                      "{\"then\":{\"a\":[{\"max\":5},{\"min\":4},null]}}]}";
    flowbd3_rules *rules = read_json(overlapping), *again;
    char *json;
    ck_assert_int_eq(flowbd3_rules_to_json(rules, &json, NULL), FLOWBD3_OK);
    ck_assert_ptr_nonnull(strstr(json, "{\"a\":[{\"max\":0},{\"min\":0},null]}"));
    again = read_json(json);
    ck_assert_str_eq(flowbd3_rules_text(rules, 0), flowbd3_rules_text(again, 0));
    flowbd3_string_destroy(context, &json);
    flowbd3_rules_destroy(&rules);
    flowbd3_rules_destroy(&again);
}
END_TEST

START_TEST(copies_are_whole) {
    flowbd3_rules *rules = read_json(all), *copy = fb3_rules_create(context);
    copy->search = false;
    for (size_t i = 0; i < rules->count; i++) {
        fb3_rule *rule = fb3_rules_append(copy);
        ck_assert(fb3_rule_copy(rule, &rules->rules[i], context));
    }
    json_t *a = fb3_rules_to_json_value(rules), *b = fb3_rules_to_json_value(copy);
    ck_assert(json_equal(json_object_get(a, "rules"), json_object_get(b, "rules")));
    ck_assert(fb3_rule_is_certain(&copy->rules[0]) && !fb3_rule_is_certain(&copy->rules[2]));
    json_decref(a);
    json_decref(b);
    flowbd3_rules_destroy(&rules);
    flowbd3_rules_destroy(&copy);
}
END_TEST

START_TEST(defaults_of_a_file) {
    flowbd3_rules *rules = read_json("{\"format\":\"flowbd3-rules\",\"version\":1}");
    ck_assert(rules->search);
    ck_assert_uint_eq(flowbd3_rules_count(rules), 0);
    flowbd3_rules_destroy(&rules);
    ck_assert_uint_eq(flowbd3_rules_count(NULL), 0);
}
END_TEST

/* What stands together only seems to be a contradiction. */
START_TEST(rules_that_agree) {
    static const char *const lists[] = {
        "{\"then\":{\"a\":[\"x\",\"y\"]}},{\"then\":{\"a\":[\"y\",\"z\"]}}",
        "{\"then\":{\"a\":[1,null]}},{\"then\":{\"a\":[2,null]}}",
        "{\"when\":{\"b\":1},\"then\":{\"a\":1}},{\"when\":{\"b\":2},\"then\":{\"a\":2}}",
        "{\"when\":{\"b\":1},\"then\":{\"a\":1}},{\"then\":{\"a\":2}}",
        "{\"then\":{\"a\":{\"min\":1,\"max\":5}}},{\"then\":{\"a\":{\"min\":5,\"max\":9}}}",
        "{\"then\":{\"a\":{\"like\":\"x*\"}}},{\"then\":{\"a\":{\"not\":\"x\"}}}",
        "{\"then\":{\"a\":{\"not\":\"x\"}}},{\"then\":{\"a\":{\"not\":\"y\"}}}",
        "{\"compare\":{\"left\":\"a\",\"at_most\":5}},{\"compare\":{\"left\":\"a\",\"at_least\":5}}",
        "{\"compare\":{\"left\":\"a\",\"at_most\":5}},{\"then\":{\"a\":[{\"min\":6},null]}}",
        "{\"then\":{\"a\":1}},{\"then\":{\"a\":2},\"found\":true,\"applies\":2,\"obey\":1}",
    };
    flowbd3_rules *rules = read_rules(lists[_i]);
    ck_assert_uint_eq(flowbd3_rules_count(rules), 2);
    flowbd3_rules_destroy(&rules);
}
END_TEST

/* Lines: name, status, part of the message, JSON, with tabs between. */
START_TEST(bad_json_is_refused) {
    const char *data = getenv("FLOWBD3_TEST_DATA");
    char path[4096], *line = NULL;
    snprintf(path, sizeof path, "%s/golden/bad/rules.txt", data != NULL ? data : "tests");
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "%s", path);
    size_t capacity = 0, count = 0;
    ssize_t size;
    for (; (size = getline(&line, &capacity, file)) > 0; count++) {
        char *rest = line;
        line[size - 1] = '\0';
        const char *name = strsep(&rest, "\t"), *status = strsep(&rest, "\t"), *part = strsep(&rest, "\t");
        ck_assert_msg(rest != NULL, "%s", name);
        flowbd3_error err = {0};
        flowbd3_rules *rules = (flowbd3_rules *)1;
        flowbd3_status expected =
            strcmp(status, "VERSION") == 0 ? FLOWBD3_ERROR_VERSION : FLOWBD3_ERROR_FORMAT;
        flowbd3_status got = flowbd3_rules_from_json(&rules, context, rest, strlen(rest), &err);
        ck_assert_msg(got == expected && err.status == expected, "%s: %s: %s", name, flowbd3_status_name(got),
                      err.message);
        ck_assert_msg(strstr(err.message, part) != NULL, "%s: %s", name, err.message);
        ck_assert_ptr_null(rules);
    }
    ck_assert_uint_ge(count, 99);
    free(line);
    fclose(file);
}
END_TEST

START_TEST(arguments_that_are_refused) {
    flowbd3_rules *rules = read_rules("");
    flowbd3_error err = {0};
    flowbd3_table *table = parse("a\n1\n");
    char *json;
    ck_assert_int_eq(flowbd3_rules_from_json(NULL, context, "{}", 2, &err), FLOWBD3_ERROR_ARGUMENT);
    flowbd3_rules *none;
    ck_assert_int_eq(flowbd3_rules_from_json(&none, NULL, "{}", 2, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(flowbd3_rules_from_json(&none, context, NULL, 2, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(flowbd3_rules_load(&none, context, NULL, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(flowbd3_rules_load(&none, context, "/nowhere/rules.json", &err), FLOWBD3_ERROR_IO);
    ck_assert_int_eq(flowbd3_rules_to_json(NULL, &json, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(flowbd3_rules_to_json(rules, NULL, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(flowbd3_rules_save(rules, NULL, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(flowbd3_rules_save(rules, "/nowhere/rules.json", &err), FLOWBD3_ERROR_IO);
    ck_assert_int_eq(flowbd3_rules_check(NULL, table, NULL, NULL, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(flowbd3_rules_check(rules, NULL, NULL, NULL, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(flowbd3_rules_check(rules, table, NULL, NULL, &err), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_rules_default(NULL, table, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(flowbd3_rules_default(&none, NULL, &err), FLOWBD3_ERROR_ARGUMENT);
    flowbd3_rules_destroy(&rules);
    flowbd3_table_destroy(&table);
}
END_TEST

/* ---- what rows obey ---------------------------------------------------------------------------- */

/* A letter for every row: obeyed, violated, says nothing. */
static void judge_rows(const char *rule, const char *csv, const char *expected) {
    flowbd3_rules *rules = read_rules(rule);
    flowbd3_table *table = parse(csv);
    flowbd3_error err = {0};
    fb3_bound *bound;
    ck_assert_msg(fb3_bound_create_table(&bound, rules, table, false, &err) == FLOWBD3_OK, "%s", err.message);
    size_t rows = flowbd3_table_rows(table);
    ck_assert_uint_eq(rows, strlen(expected));
    for (size_t row = 0; row < rows; row++) {
        static const char letters[] = {[FB3_OBEYED] = 'o', [FB3_VIOLATED] = 'v', [FB3_SAYS_NOTHING] = '-'};
        fb3_cell cells[8];
        fb3_cells_of_row(cells, table, row);
        char letter = letters[fb3_bound_judge(bound, 0, cells)];
        ck_assert_msg(letter == expected[row], "%s: row %zu is %c, expected %c", rule, row, letter,
                      expected[row]);
    }
    fb3_bound_destroy(&bound);
    flowbd3_rules_destroy(&rules);
    flowbd3_table_destroy(&table);
}

static const struct {
    const char *rule, *csv, *expected;
} judged[] = {
    {"{\"then\":{\"a\":null}}", "a,b\n1,1\n,1\n", "vo"},
    {"{\"then\":{\"a\":{\"any\":true}}}", "a,b\n1,1\n,1\nx,1\n", "ovo"},
    {"{\"then\":{\"a\":[1,{\"min\":3,\"max\":4.5}]}}", "a\n0\n1\n2\n3\n4.5\n4.6\n", "vovoov"},
    {"{\"then\":{\"a\":[1,null]}}", "a,b\n,1\n1,1\n2,1\n", "oov"},
    {"{\"then\":{\"a\":[\"x\",{\"like\":\"y?*\"}]}}", "a\nx\ny\nyz\nyzz\nxx\n\xc3\xa4\n", "ovoovv"},
    {"{\"then\":{\"a\":{\"like\":\"?\"}}}", "a\nx\n\xc3\xa4\n\xc3\xa4\xc3\xa4\n\xe2\x82\xac\n", "oovo"},
    {"{\"then\":{\"a\":{\"like\":\"*a*b?\"}}}", "a\nabc\nxaxxbbc\nab\naxbxb\nxabcbd\n", "oovvo"},
    {"{\"then\":{\"a\":{\"not\":[\"x\",{\"like\":\"*_*\"}]}}}", "a,b\nx,1\na_b,1\ny,1\n,1\n", "vvov"},
    {"{\"then\":{\"a\":[{\"not\":\"x\"},null]}}", "a,b\nx,1\ny,1\n,1\n", "voo"},
    {"{\"when\":{\"p\":\"icmp\"},\"then\":{\"s\":null}}", "p,s\nicmp,\nicmp,1\ntcp,1\n,1\n", "ov--"},
    {"{\"when\":{\"p\":[\"icmp\",null]},\"then\":{\"s\":null}}", "p,s\nicmp,\n,1\ntcp,1\n", "ov-"},
    {"{\"compare\":{\"left\":\"a\",\"at_most\":\"b\"}}", "a,b\n1,1\n2,1\n,1\n1,\n", "ov--"},
    {"{\"compare\":{\"left\":\"a\",\"at_most\":\"b\"}}",
     "a,b\n9007199254740991,9007199254740990\n1000000000000001,1000000000000000\n", "vv"},
    {"{\"compare\":{\"left\":\"a\",\"at_least\":{\"times\":40,\"column\":\"b\",\"plus\":2}}}",
     "a,b\n82,2\n81,2\n400000000000001,10000000000000\n400000000000002,10000000000000\n", "ovvo"},
    {"{\"compare\":{\"left\":\"a\",\"at_least\":{\"times\":0.1,\"column\":\"b\"}}}", "a,b\n0.3,3\n0.29,3\n",
     "ov"},
    {"{\"compare\":{\"left\":\"a\",\"at_most\":{\"times\":0.7,\"column\":\"b\"}}}",
     "a,b\n0.7,1\n2.1,3\n4.2,6\n", "ooo"},
    {"{\"compare\":{\"left\":\"a\",\"at_most\":5}}", "a,b\n5,1\n6,1\n,1\n", "ov-"},
    /* Packets / duration: the duration 0.001 may be any from 0.0005 to 0.0015. */
    {"{\"derive\":{\"column\":\"r\",\"ratio\":[\"p\",\"d\"],\"decimals\":6}}",
     "r,p,d\n2000.000000,2,0.001\n1400.000000,2,0.001\n1300.000000,2,0.001\n,2,0.000\n,,0.100\n1.0,,0.100\n,"
     "2,0.001\n"
     "1.0,2,0.000\n",
     "oovoovvv"},
    {"{\"derive\":{\"column\":\"r\",\"ratio\":[\"p\",\"d\"],\"otherwise\":0}}",
     "r,p,d\n0,3,0\n1,3,0\n,3,0\n1.5,3,2\n1.6,3,2\n", "ovvov"},
    {"{\"derive\":{\"column\":\"a\",\"sum\":[\"b\",\"c\"]}}", "a,b,c\n3,1,2\n4,1,2\n,1,2\n,,2\n3,,2\n",
     "ovvov"},
    {"{\"derive\":{\"column\":\"a\",\"difference\":[\"b\",\"c\"],\"times\":2,\"plus\":1}}",
     "a,b,c\n3,2,1\n-1,1,2\n4,2,1\n", "oov"},
    {"{\"derive\":{\"column\":\"a\",\"product\":[\"b\",\"c\"]}}", "a,b,c\n6,2,3\n6.3,2.1,3\n7,2,3\n", "oov"},
    {"{\"derive\":{\"column\":\"a\",\"copy\":\"b\"}}", "a,b\n1.5,1.5\n1.5,1.6\n", "ov"},
    /* Half a unit away is granted, and cutting off is not rounding. */
    {"{\"derive\":{\"column\":\"a\",\"ratio\":[\"b\",\"c\"],\"decimals\":2,\"truncated\":true}}",
     "a,b,c\n0.66,2,3\n0.67,2,3\n-0.66,-2,3\n-0.67,-2,3\n", "ovov"},
    {"{\"derive\":{\"column\":\"a\",\"ratio\":[\"b\",\"c\"],\"decimals\":2}}",
     "a,b,c\n0.67,2,3\n0.66,2,3\n-0.67,-2,3\n0.125,1,8\n0.13,1,8\n", "ovovo"},
    {"{\"derive\":{\"column\":\"a\",\"ratio\":[\"b\",\"c\"]}}", "a,b,c\n1,2,3\n0,2,3\n2,5,3\n", "ovo"},
    /* Digits that the rule does not have are wrong even close by. */
    {"{\"derive\":{\"column\":\"a\",\"copy\":\"b\",\"decimals\":1}}", "a,b\n0.12,0.12\n0.10,0.12\n", "vo"},
};

START_TEST(rows_are_judged) {
    judge_rows(judged[_i].rule, judged[_i].csv, judged[_i].expected);
}
END_TEST

/* Whatever a rule derives, it takes for obeyed. */
START_TEST(derived_cells_obey) {
    static const char *const claims[] = {"\"copy\":\"b\"",
                                         "\"sum\":[\"b\",\"c\"]",
                                         "\"difference\":[\"b\",\"c\"]",
                                         "\"product\":[\"b\",\"c\"]",
                                         "\"ratio\":[\"b\",\"c\"]",
                                         "\"ratio\":[\"b\",\"c\"],\"otherwise\":7.77",
                                         "\"ratio\":[\"c\",\"b\"],\"times\":-1000,\"plus\":0.3"};
    static const char *const roundings[] = {"", ",\"decimals\":0", ",\"decimals\":3",
                                            ",\"decimals\":2,\"truncated\":true"};
    fb3_rule_column columns[] = {{"a", FLOWBD3_TYPE_REAL, 0, NULL},
                                 {"b", FLOWBD3_TYPE_REAL, 0, NULL},
                                 {"c", FLOWBD3_TYPE_INTEGER, 0, NULL}};
    for (size_t i = 0; i < FB3_COUNT(claims) * FB3_COUNT(roundings) * 6; i++) {
        char text[256];
        snprintf(text, sizeof text, "{\"derive\":{\"column\":\"a\",%s%s}}", claims[i % FB3_COUNT(claims)],
                 roundings[i / FB3_COUNT(claims) % FB3_COUNT(roundings)]);
        flowbd3_rules *rules = read_rules(text);
        columns[0].decimals = (int)(i / FB3_COUNT(claims) / FB3_COUNT(roundings)) - 1;
        columns[0].type = columns[0].decimals == 0 ? FLOWBD3_TYPE_INTEGER : FLOWBD3_TYPE_REAL;
        columns[1].decimals = (int)(i % 5) - 1;
        fb3_bound *bound;
        ck_assert_int_eq(fb3_bound_create(&bound, context, rules, columns, 3, false, NULL), FLOWBD3_OK);
        for (uint32_t k = 0; k < 200; k++) {
            double b = 2000.0 * fb3_uniform(1, FB3_RANDOM_DECODE, i, k) - 1000.0;
            double c = floor(20.0 * fb3_uniform(2, FB3_RANDOM_DECODE, i, k)) - 10.0;
            fb3_cell cells[3] = {
                {0}, {fb3_round_to_decimals(b, columns[1].decimals), -1, k % 17 == 0}, {c, -1, k % 19 == 0}};
            cells[0] = fb3_bound_derive(bound, 0, cells);
            ck_assert_msg(fb3_bound_judge(bound, 0, cells) == FB3_OBEYED, "%s: b %.17g c %.17g: %.17g", text,
                          cells[1].number, c, cells[0].number);
        }
        fb3_bound_destroy(&bound);
        flowbd3_rules_destroy(&rules);
    }
}
END_TEST

/* ---- binding ----------------------------------------------------------------------------------- */

static const struct {
    const char *rule, *message;
} unbound[] = {
    {"{\"name\":\"n\",\"then\":{\"x\":1}}", "rule 'n': there is no column 'x'"},
    {"{\"when\":{\"x\":1},\"then\":{\"a\":1}}", "there is no column 'x'"},
    {"{\"then\":{\"a\":\"x\"}}", "column 'a' is integer, expected texts"},
    {"{\"then\":{\"t\":1}}", "column 't' is categorical, expected numbers"},
    {"{\"compare\":{\"left\":\"t\",\"at_most\":1}}", "column 't' is categorical, expected numbers"},
    {"{\"compare\":{\"left\":\"a\",\"at_most\":\"x\"}}", "there is no column 'x'"},
    {"{\"derive\":{\"column\":\"t\",\"copy\":\"a\"}}", "column 't' is categorical, expected numbers"},
    {"{\"derive\":{\"column\":\"r\",\"sum\":[\"a\",\"t\"]}}", "column 't' is categorical, expected numbers"},
    {"{\"derive\":{\"column\":\"r\",\"sum\":[\"x\",\"a\"]}}", "there is no column 'x'"},
};

START_TEST(columns_that_do_not_fit) {
    flowbd3_rules *rules = read_rules(unbound[_i].rule);
    flowbd3_table *table = parse("a,r,t\n1,0.5,x\n");
    flowbd3_rule_result result;
    flowbd3_error err = {0};
    ck_assert_int_eq(flowbd3_rules_check(rules, table, &result, NULL, &err), FLOWBD3_ERROR_SCHEMA);
    ck_assert_msg(strstr(err.message, unbound[_i].message) != NULL, "%s", err.message);
    ck_assert_msg(strncmp(err.message, "rule '", 6) == 0, "%s", err.message);
    flowbd3_rules_destroy(&rules);
    flowbd3_table_destroy(&table);
}
END_TEST

START_TEST(rules_of_other_columns_are_skipped) {
    flowbd3_rules *rules = read_rules("{\"then\":{\"x\":1}},{\"then\":{\"a\":1}},"
                                      "{\"compare\":{\"left\":\"a\",\"at_most\":\"x\"}},"
                                      "{\"derive\":{\"column\":\"r\",\"sum\":[\"a\",\"x\"]}},"
                                      "{\"when\":{\"x\":1},\"then\":{\"a\":1}}");
    flowbd3_table *table = parse("a,r,t\n1,0.5,x\n");
    fb3_bound *bound;
    ck_assert_int_eq(fb3_bound_create_table(&bound, rules, table, true, NULL), FLOWBD3_OK);
    flowbd3_rules_destroy(&rules);
    ck_assert_uint_eq(bound->count, 1);
    ck_assert_uint_eq(bound->bound[0].number, 1);
    ck_assert_str_eq(bound->bound[0].rule->name, "a = 1");
    fb3_bound_destroy(&bound);
    fb3_bound_destroy(&bound);
    flowbd3_table_destroy(&table);
}
END_TEST

/* ---- tables ------------------------------------------------------------------------------------ */

enum { ROWS = 20000 };

START_TEST(all_rows_are_checked) {
    int64_t *a = malloc(ROWS * sizeof *a), *b = malloc(ROWS * sizeof *b);
    uint8_t *valid = malloc(ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        a[i] = (int64_t)i;
        b[i] = (int64_t)i - (i % 1000 == 777);
        valid[i] = i % 10 != 3;
    }
    flowbd3_table *table;
    ck_assert_int_eq(flowbd3_table_create(&table, context, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_integer(table, "a", a, valid, ROWS, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_table_add_integer(table, "b", b, NULL, ROWS, NULL), FLOWBD3_OK);
    flowbd3_rules *rules = read_rules("{\"compare\":{\"left\":\"a\",\"at_most\":\"b\"}},"
                                      "{\"then\":{\"a\":{\"any\":true}}},"
                                      "{\"when\":{\"a\":{\"max\":99}},\"then\":{\"b\":{\"max\":99}}},"
                                      "{\"when\":{\"b\":-5},\"then\":{\"b\":1}}");
    flowbd3_rule_result results[4];
    uint64_t any;
    ck_assert_int_eq(flowbd3_rules_check(rules, table, results, &any, NULL), FLOWBD3_OK);
    ck_assert_uint_eq(results[0].applies, ROWS / 10 * 9);
    ck_assert_uint_eq(results[0].violated, ROWS / 1000);
    ck_assert_uint_eq(results[0].first, 777);
    ck_assert_uint_eq(results[1].applies, ROWS);
    ck_assert_uint_eq(results[1].violated, ROWS / 10);
    ck_assert_uint_eq(results[1].first, 3);
    ck_assert_uint_eq(results[2].applies, 90);
    ck_assert_uint_eq(results[2].violated, 0);
    ck_assert_uint_eq(results[2].first, UINT64_MAX);
    ck_assert_uint_eq(results[3].applies, 0);
    ck_assert_uint_eq(any, ROWS / 1000 + ROWS / 10);
    fb3_bound *bound;
    fb3_rule_count counts[4];
    ck_assert_int_eq(fb3_bound_create_table(&bound, rules, table, false, NULL), FLOWBD3_OK);
    ck_assert_int_eq(fb3_bound_check(bound, table, counts, &any, NULL), FLOWBD3_OK);
    ck_assert_uint_eq(counts[0].n_rows, FB3_ROWS_SHOWN);
    for (size_t i = 0; i < FB3_ROWS_SHOWN; i++)
        ck_assert_uint_eq(counts[0].rows[i], 777 + 1000 * i);
    fb3_bound_destroy(&bound);
    flowbd3_rules_destroy(&rules);
    flowbd3_table_destroy(&table);
    free(a);
    free(b);
    free(valid);
}
END_TEST

START_TEST(table_without_rows) {
    flowbd3_table *table, *none;
    flowbd3_rules *rules = read_rules("{\"then\":{\"a\":1}}");
    flowbd3_rule_result result;
    uint64_t any = 5;
    table = parse("a\n2\n");
    ck_assert_int_eq(flowbd3_table_slice(&none, table, 0, 0, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_rules_check(rules, none, &result, &any, NULL), FLOWBD3_OK);
    ck_assert(result.applies == 0 && result.violated == 0 && result.first == UINT64_MAX && any == 0);
    flowbd3_rules_destroy(&rules);
    flowbd3_table_destroy(&table);
    flowbd3_table_destroy(&none);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("rules");
    TCase *tests = tcase_create("rules");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, rule_as_a_line, 0, (int)FB3_COUNT(lines));
    tcase_add_test(tests, names_differ);
    tcase_add_test(tests, text_comes_back);
    tcase_add_test(tests, all_numbers_come_back);
    tcase_add_test(tests, copies_are_whole);
    tcase_add_test(tests, defaults_of_a_file);
    tcase_add_loop_test(tests, rules_that_agree, 0, 10);
    tcase_add_test(tests, bad_json_is_refused);
    tcase_add_test(tests, arguments_that_are_refused);
    tcase_add_loop_test(tests, rows_are_judged, 0, (int)FB3_COUNT(judged));
    tcase_add_test(tests, derived_cells_obey);
    tcase_add_loop_test(tests, columns_that_do_not_fit, 0, (int)FB3_COUNT(unbound));
    tcase_add_test(tests, rules_of_other_columns_are_skipped);
    tcase_add_test(tests, all_rows_are_checked);
    tcase_add_test(tests, table_without_rows);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
