/* Rules bound to columns that tests make up. */
#ifndef BIND_RULES_H
#define BIND_RULES_H

#include "rules/rules.h"

#include <check.h>

enum { CODES = 3 };

static inline fb3_dictionary *letters(flowbd3_context *context) {
    fb3_dictionary *dictionary = fb3_dictionary_create(context);
    ck_assert_ptr_nonnull(dictionary);
    for (int i = 0; i < CODES; i++) {
        const char text = (char)('a' + i);
        int32_t code;
        ck_assert_int_eq(fb3_dictionary_intern(dictionary, &text, 1, &code), FLOWBD3_OK);
        ck_assert_int_eq(code, i);
    }
    return dictionary;
}

static inline fb3_bound *bind_rules(flowbd3_context *context, const fb3_rule *list, size_t count,
                                    const fb3_rule_column *columns, size_t n_columns) {
    flowbd3_error err = {0};
    flowbd3_rules *rules = fb3_rules_create(context);
    ck_assert_ptr_nonnull(rules);
    for (size_t i = 0; i < count; i++) {
        fb3_rule *rule = fb3_rules_append(rules);
        ck_assert(rule != NULL && fb3_rule_copy(rule, &list[i], context));
    }
    ck_assert_int_eq(fb3_rules_finish(rules, &err), FLOWBD3_OK);
    fb3_bound *bound;
    ck_assert_msg(fb3_bound_create(&bound, context, rules, columns, n_columns, false, &err) == FLOWBD3_OK,
                  "%s", err.message);
    flowbd3_rules_destroy(&rules);
    return bound;
}

#endif
