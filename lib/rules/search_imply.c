/* Which implications become rules: those that do not follow from others. */
#include "rules/search.h"

#include <stdlib.h>
#include <string.h>

typedef struct net {
    fb3_search *search;
    const fb3_coding *codings;
    fb3_implication *implications; /* [n] */
    size_t n, n_codings;
    size_t *starts; /* [n_codings^2 + 1] where implications from x to y begin */
    bool *dropped;  /* [n] */
} net;

/* ---- what follows ------------------------------------------------------------------------------ */

static bool is_within(const fb3_codes *inner, const fb3_codes *outer) {
    for (size_t w = 0; w < FB3_COUNT(inner->bits); w++)
        if ((inner->bits[w] & ~outer->bits[w]) != 0)
            return false;
    return true;
}

/* The implications from x to y: [*first, return value). */
static size_t between(const net *g, size_t x, size_t y, size_t *first) {
    *first = g->starts[x * g->n_codings + y];
    return g->starts[x * g->n_codings + y + 1];
}

/* Whether implication k is there to conclude from: kept, another one than i, and no weaker. */
static bool is_premise(const net *g, size_t k, size_t i) {
    const fb3_implication *premise = &g->implications[k], *conclusion = &g->implications[i];
    return !g->dropped[k] && k != i &&
           (double)premise->violated * (double)conclusion->applies <=
               (double)conclusion->violated * (double)premise->applies;
}

/* Takes from `left` the codes of y that others than implication i leave no row in which x has a code: by what
 * x implies, and by what codes of y imply of x. */
static void exclude(const net *g, size_t i, size_t x, size_t code, size_t y, fb3_codes *left) {
    size_t first, end = between(g, x, y, &first);
    for (size_t k = first; k < end; k++)
        for (size_t w = 0; w < FB3_COUNT(left->bits); w++)
            if (is_premise(g, k, i) && fb3_codes_have(&g->implications[k].when, code))
                left->bits[w] &= g->implications[k].claim.bits[w];
    end = between(g, y, x, &first);
    for (size_t k = first; k < end; k++)
        for (size_t w = 0; w < FB3_COUNT(left->bits); w++)
            if (is_premise(g, k, i) && !fb3_codes_have(&g->implications[k].claim, code))
                left->bits[w] &= ~g->implications[k].when.bits[w];
}

/* The codes that there are. */
static fb3_codes all_codes(const fb3_coding *coding) {
    fb3_codes codes = {{0}};
    for (size_t code = 0; code < coding->n_codes; code++)
        if (coding->stretches[code] > 0)
            fb3_codes_add(&codes, code);
    return codes;
}

/* Whether rows in which column z has a code of a set have one of the claim of implication i. */
static bool leads_on(const net *g, size_t i, size_t z, const fb3_codes *set) {
    const fb3_implication *to = &g->implications[i];
    fb3_codes all = all_codes(&g->codings[to->y]);
    for (size_t code = 0; code < g->codings[z].n_codes; code++) {
        fb3_codes left = all;
        if (!fb3_codes_have(set, code) || g->codings[z].stretches[code] == 0)
            continue;
        exclude(g, i, z, code, to->y, &left);
        if (!is_within(&left, &to->claim))
            return false;
    }
    return true;
}

/* Whether implication i follows from those between its columns, or through a third column. */
static bool follows(const net *g, size_t i) {
    const fb3_implication *to = &g->implications[i];
    if (leads_on(g, i, to->x, &to->when))
        return true;
    for (size_t z = 0; z < g->n_codings; z++) {
        if (z == to->x || z == to->y)
            continue;
        fb3_codes reached = {{0}}, all = all_codes(&g->codings[z]);
        for (size_t code = 0; code < g->codings[to->x].n_codes; code++) {
            fb3_codes left = all;
            if (!fb3_codes_have(&to->when, code) || g->codings[to->x].stretches[code] == 0)
                continue;
            exclude(g, i, to->x, code, z, &left);
            for (size_t w = 0; w < FB3_COUNT(left.bits); w++)
                reached.bits[w] |= left.bits[w];
        }
        if (leads_on(g, i, z, &reached))
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
    bool texts = fb3_has_dictionary(column->type);
    char **listed_texts = texts ? fb3_allocate_zero(context, n, sizeof *test->texts) : NULL;
    fb3_interval *intervals = texts ? NULL : fb3_allocate_zero(context, n, sizeof *test->intervals);
    test->texts = listed_texts;
    test->intervals = intervals;
    bool whole = texts ? listed_texts != NULL : intervals != NULL;
    for (size_t code = FB3_CODE_VALUES; code < coding->n_codes && whole; code++) {
        double value = coding->values[code];
        if (fb3_codes_have(codes, code) != listed)
            continue;
        if (intervals != NULL) {
            intervals[test->n_intervals++] = (fb3_interval){value, value};
        } else if (listed_texts != NULL) {
            const char *text = fb3_dictionary_text(column->dictionary, (size_t)value);
            listed_texts[test->n_texts] = fb3_duplicate(context, text);
            whole = listed_texts[test->n_texts] != NULL;
            test->n_texts += whole;
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

static void sort_implications(net *g) {
    if (g->n > 0)
        qsort(g->implications, g->n, sizeof *g->implications, compare_implications);
    size_t k = 0;
    for (size_t pair = 0; pair <= g->n_codings * g->n_codings; pair++) {
        g->starts[pair] = k;
        while (k < g->n && g->implications[k].x * g->n_codings + g->implications[k].y == pair)
            k++;
    }
}

flowbd3_status fb3_implications_choose(fb3_search *search, const fb3_coding *codings, size_t n_codings,
                                       fb3_implication *implications, size_t n, flowbd3_error *err) {
    net g = {search,
             codings,
             implications,
             n,
             n_codings,
             fb3_allocate(search->context, n_codings * n_codings + 1, sizeof *g.starts),
             fb3_allocate_zero(search->context, n, sizeof *g.dropped)};
    bool whole = g.starts != NULL && g.dropped != NULL;
    if (whole)
        sort_implications(&g);
    /* First those that some rows violate, then those that none does. */
    for (int certain = 0; certain < 2 && whole; certain++)
        for (size_t i = 0; i < n; i++)
            if ((implications[i].violated == 0) == (certain == 1))
                g.dropped[i] = follows(&g, i) || follows_from_bound(&g, &implications[i]);
    for (size_t i = 0; i < n && whole; i++)
        whole = g.dropped[i] || append_rule(&g, &implications[i]);
    fb3_release(search->context, g.starts);
    fb3_release(search->context, g.dropped);
    return whole ? FLOWBD3_OK : fb3_no_memory(err, "implications");
}
