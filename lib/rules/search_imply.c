/* Which implications become rules: those that do not follow from others. */
#include "rules/search.h"

#include <stdlib.h>
#include <string.h>

typedef struct net {
    fb3_search *search;
    const fb3_coding *codings;
    fb3_implication *implications; /* [n] */
    size_t n;
    bool *dropped; /* [n] */
} net;

/* ---- what follows ------------------------------------------------------------------------------ */

static bool is_within(const fb3_codes *inner, const fb3_codes *outer) {
    for (size_t w = 0; w < FB3_COUNT(inner->bits); w++)
        if ((inner->bits[w] & ~outer->bits[w]) != 0)
            return false;
    return true;
}

static double violated_share(const fb3_implication *i) {
    return (double)i->violated / (double)i->applies;
}

/* Whether where column `through` has a code, y has one of the claim by another implication. */
static bool leads_on(const net *g, size_t through, size_t code, const fb3_implication *to) {
    for (size_t k = 0; k < g->n; k++) {
        const fb3_implication *second = &g->implications[k];
        if (!g->dropped[k] && second != to && second->x == through && second->y == to->y &&
            violated_share(second) <= violated_share(to) && fb3_codes_have(&second->when, code) &&
            is_within(&second->claim, &to->claim))
            return true;
    }
    return false;
}

/* x -> z -> y by implications that are kept, no weaker than x -> y. */
static bool follows(const net *g, size_t i) {
    const fb3_implication *to = &g->implications[i];
    for (size_t k = 0; k < g->n; k++) {
        const fb3_implication *first = &g->implications[k];
        if (k == i || g->dropped[k] || first->x != to->x || first->y == to->y ||
            violated_share(first) > violated_share(to) || !is_within(&to->when, &first->when))
            continue;
        bool all = true;
        for (size_t code = 0; code < g->codings[first->y].n_codes && all; code++)
            all = !fb3_codes_have(&first->claim, code) || leads_on(g, first->y, code, to);
        if (all)
            return true;
    }
    return false;
}

/* The only code of a set; SIZE_MAX: it has more. */
static size_t only_code(const fb3_codes *codes) {
    size_t only = SIZE_MAX;
    for (size_t code = 0; code < FB3_MOST_CODES; code++)
        if (fb3_codes_have(codes, code)) {
            if (only != SIZE_MAX)
                return SIZE_MAX;
            only = code;
        }
    return only;
}

static bool is_zero(const fb3_coding *coding, const fb3_search *search, const fb3_codes *codes) {
    size_t code = only_code(codes);
    return code != SIZE_MAX && code >= FB3_CODE_VALUES && search->profiles[coding->column].numeric &&
           coding->values[code] == 0.0;
}

/* Whether x = 0: y = 0 follows from a bound y <= factor * x of numbers from 0 on. */
static bool follows_from_bound(const net *g, const fb3_implication *i) {
    const fb3_coding *x = &g->codings[i->x], *y = &g->codings[i->y];
    if (!is_zero(x, g->search, &i->when) || !is_zero(y, g->search, &i->claim) ||
        g->search->profiles[y->column].low < 0.0)
        return false;
    for (size_t k = 0; k < g->search->found->count; k++) {
        const fb3_rule *rule = &g->search->found->rules[k];
        const fb3_comparison_claim *claim = &rule->comparison;
        if (rule->claim != FB3_CLAIM_COMPARISON)
            continue;
        size_t left = fb3_search_column(g->search, claim->left);
        size_t right = fb3_search_column(g->search, claim->right);
        if ((claim->at_least ? left : right) == x->column && (claim->at_least ? right : left) == y->column)
            return true;
    }
    return false;
}

/* ---- rules ------------------------------------------------------------------------------------- */

static size_t count_values(const fb3_coding *coding, const fb3_codes *codes, bool listed) {
    size_t n = 0;
    for (size_t code = FB3_CODE_VALUES; code < coding->n_codes; code++)
        n += fb3_codes_have(codes, code) == listed;
    return n;
}

/* Lists the values of a test: those that have a code in a set, or that have none. */
static bool list_values(const fb3_search *search, fb3_test *test, const fb3_coding *coding,
                        const fb3_codes *codes, bool listed) {
    flowbd3_context *context = search->context;
    const fb3_column *column = &search->table->columns[coding->column];
    size_t n = count_values(coding, codes, listed);
    bool texts = column->type == FLOWBD3_TYPE_CATEGORICAL;
    if (texts)
        test->texts = fb3_allocate_zero(context, n, sizeof *test->texts);
    else
        test->intervals = fb3_allocate_zero(context, n, sizeof *test->intervals);
    bool whole = test->texts != NULL || test->intervals != NULL;
    for (size_t code = FB3_CODE_VALUES; code < coding->n_codes && whole; code++) {
        double value = coding->values[code];
        if (fb3_codes_have(codes, code) != listed)
            continue;
        if (texts) {
            const char *text = fb3_dictionary_text(column->dictionary, (size_t)value);
            whole = (test->texts[test->n_texts] = fb3_duplicate(context, text)) != NULL;
            test->n_texts += whole;
        } else {
            test->intervals[test->n_intervals++] = (fb3_interval){value, value};
        }
    }
    return whole;
}

/* The codes of a column as a test: values that it lists, all others than those, or any. */
static bool write_test(const fb3_search *search, fb3_test *test, const fb3_coding *coding,
                       const fb3_codes *codes) {
    test->column = fb3_duplicate(search->context, search->table->columns[coding->column].name);
    test->missing = fb3_codes_have(codes, FB3_CODE_MISSING);
    bool listed = !fb3_codes_have(codes, FB3_CODE_OTHER);
    if (test->column == NULL)
        return false;
    if (count_values(coding, codes, listed) == 0) {
        test->any = !listed;
        return true;
    }
    test->except = !listed;
    return list_values(search, test, coding, codes, listed);
}

static bool append_rule(const net *g, const fb3_implication *i) {
    fb3_rule *rule = fb3_rules_append(g->search->found);
    if (rule == NULL)
        return false;
    rule->claim = FB3_CLAIM_TESTS;
    rule->when = fb3_allocate_zero(g->search->context, 1, sizeof *rule->when);
    rule->n_when = rule->when != NULL;
    rule->tests = fb3_allocate_zero(g->search->context, 1, sizeof *rule->tests);
    rule->n_tests = rule->tests != NULL;
    return rule->when != NULL && rule->tests != NULL &&
           write_test(g->search, rule->when, &g->codings[i->x], &i->when) &&
           write_test(g->search, rule->tests, &g->codings[i->y], &i->claim);
}

/* By the column of the condition, then of the claim. */
static int compare_implications(const void *x, const void *y) {
    const fb3_implication *a = x, *b = y;
    if (a->x != b->x)
        return a->x < b->x ? -1 : 1;
    if (a->y != b->y)
        return a->y < b->y ? -1 : 1;
    return fb3_codes_compare(&a->when, &b->when);
}

flowbd3_status fb3_implications_choose(fb3_search *search, const fb3_coding *codings,
                                       fb3_implication *implications, size_t n, flowbd3_error *err) {
    net g = {search, codings, implications, n, fb3_allocate_zero(search->context, n, sizeof *g.dropped)};
    flowbd3_status status = FLOWBD3_OK;
    if (g.dropped == NULL)
        return fb3_no_memory(err, "implications");
    if (n > 0)
        qsort(implications, n, sizeof *implications, compare_implications);
    /* First those that some rows violate, then those that none does. */
    for (int certain = 0; certain < 2; certain++)
        for (size_t i = 0; i < n; i++)
            if ((implications[i].violated == 0) == (certain == 1))
                g.dropped[i] = follows(&g, i) || follows_from_bound(&g, &implications[i]);
    for (size_t i = 0; i < n && status == FLOWBD3_OK; i++)
        if (!g.dropped[i] && !append_rule(&g, &implications[i]))
            status = fb3_no_memory(err, "a rule");
    fb3_release(search->context, g.dropped);
    return status;
}
