/* Any bytes as the JSON of rules: an error, or rules that are their JSON. */
#include "fuzz.h"
#include "rules/rules.h"

static void round_trip(flowbd3_context *context, const flowbd3_rules *rules) {
    char *first, *second;
    flowbd3_rules *again;
    check(flowbd3_rules_to_json(rules, &first, NULL) == FLOWBD3_OK);
    check(flowbd3_rules_from_json(&again, context, first, strlen(first), NULL) == FLOWBD3_OK);
    check(flowbd3_rules_to_json(again, &second, NULL) == FLOWBD3_OK);
    check(strcmp(first, second) == 0);
    flowbd3_string_destroy(context, &first);
    flowbd3_string_destroy(context, &second);
    flowbd3_rules_destroy(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    flowbd3_context *context = fuzz_context();
    flowbd3_rules *rules;
    flowbd3_error err = {0};
    flowbd3_status status = flowbd3_rules_from_json(&rules, context, (const char *)data, size, &err);
    if (status == FLOWBD3_OK)
        round_trip(context, rules);
    else
        check(rules == NULL && err.status == status && err.message[0] != '\0');
    flowbd3_rules_destroy(&rules);
    flowbd3_context_destroy(&context);
    return 0;
}
