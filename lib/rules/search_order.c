/* Which orders and bounds become rules: those that do not follow from others. */
#include "rules/search.h"

#include <string.h>

typedef struct graph {
    fb3_search *search;
    fb3_edge *edges; /* [n] first those that stand already */
    size_t n;
    bool *dropped; /* [n] */
} graph;

/* Whether edge y of the same columns follows from x. */
static bool is_stronger(const graph *g, const fb3_edge *x, const fb3_edge *y) {
    return x->violated <= y->violated && x->factor >= y->factor * (1.0 - 1e-12) &&
           (x->factor == y->factor || g->search->profiles[y->a].low >= 0.0);
}

/* Rows that miss the column between two others would not be bound through it. */
static bool is_everywhere(const graph *g, size_t column) {
    return g->search->table->columns[column].missing == 0;
}

/* From a stronger edge of the same columns, or from two through a third column. */
static bool follows(const graph *g, size_t i) {
    const fb3_edge *e = &g->edges[i];
    for (size_t j = 0; j < g->n; j++) {
        const fb3_edge *first = &g->edges[j];
        if (j == i || g->dropped[j] || first->a != e->a)
            continue;
        if (first->b == e->b && is_stronger(g, first, e))
            return true;
        for (size_t k = 0; k < g->n && is_everywhere(g, first->b); k++) {
            const fb3_edge *second = &g->edges[k];
            if (k == i || g->dropped[k] || second->a != first->b || second->b != e->b)
                continue;
            fb3_edge both = {.a = e->a,
                             .b = e->b,
                             .factor = first->factor * second->factor,
                             .violated = first->violated + second->violated};
            if (is_stronger(g, &both, e))
                return true;
        }
    }
    return false;
}

/* a <= b, b >= 60 * a, a <= 1500 * b: with a factor above 1. */
static bool append_rule(const graph *g, const fb3_edge *e) {
    fb3_search *search = g->search;
    fb3_rule *rule = fb3_rules_append(search->found);
    if (rule == NULL)
        return false;
    bool at_least = e->factor > 1.0;
    const char *a = search->table->columns[e->a].name, *b = search->table->columns[e->b].name;
    double inverse = 1.0 / e->factor, length;
    rule->claim = FB3_CLAIM_COMPARISON;
    rule->comparison = (fb3_comparison_claim){
        .left = fb3_duplicate(search->context, at_least ? b : a),
        .right = fb3_duplicate(search->context, at_least ? a : b),
        .at_least = at_least,
        .factor = at_least ? e->factor
                           : fb3_shortest_between(inverse * (1.0 - 1e-15), inverse * (1.0 + 1e-15), &length),
    };
    return rule->comparison.left != NULL && rule->comparison.right != NULL;
}

static void add_given(graph *g) {
    const flowbd3_rules *given = g->search->given;
    for (size_t i = 0; given != NULL && i < given->count; i++) {
        const fb3_comparison_claim *claim = &given->rules[i].comparison;
        if (given->rules[i].claim != FB3_CLAIM_COMPARISON || given->rules[i].n_when > 0 ||
            claim->right == NULL || claim->offset != 0.0)
            continue;
        size_t left = fb3_search_column(g->search, claim->left);
        size_t right = fb3_search_column(g->search, claim->right);
        g->edges[g->n++] =
            claim->at_least ? (fb3_edge){.a = right, .b = left, .factor = claim->factor, .given = true}
                            : (fb3_edge){.a = left, .b = right, .factor = 1.0 / claim->factor, .given = true};
    }
}

/* Either of two numbers from 0 on is at most their sum. */
static void add_sums(graph *g) {
    fb3_search *search = g->search;
    for (size_t i = 0; i < search->found->count; i++) {
        const fb3_derived_claim *claim = &search->found->rules[i].derived;
        if (search->found->rules[i].claim != FB3_CLAIM_DERIVED || claim->operation != FB3_SUM ||
            claim->scale != 1.0 || claim->offset != 0.0)
            continue;
        size_t column = fb3_search_column(search, claim->column);
        const size_t sources[] = {fb3_search_column(search, claim->a), fb3_search_column(search, claim->b)};
        bool from_zero = search->profiles[sources[0]].low >= 0.0 && search->profiles[sources[1]].low >= 0.0;
        for (int k = 0; k < 2 && from_zero; k++)
            g->edges[g->n++] = (fb3_edge){.a = sources[k], .b = column, .factor = 1.0, .given = true};
    }
}

flowbd3_status fb3_edges_choose(fb3_search *search, const fb3_edge *edges, size_t n_edges,
                                flowbd3_error *err) {
    size_t most = n_edges + 2 * search->found->count + (search->given != NULL ? search->given->count : 0);
    graph g = {.search = search,
               .edges = fb3_allocate(search->context, most, sizeof *g.edges),
               .dropped = fb3_allocate_zero(search->context, most, sizeof *g.dropped)};
    flowbd3_status status = FLOWBD3_OK;
    if (g.edges == NULL || g.dropped == NULL) {
        status = fb3_no_memory(err, "bounds of columns");
    } else {
        add_given(&g);
        add_sums(&g);
        if (n_edges > 0)
            memcpy(g.edges + g.n, edges, n_edges * sizeof *edges);
        g.n += n_edges;
    }
    /* First those that some rows violate, then those that none does. */
    for (int certain = 0; certain < 2 && status == FLOWBD3_OK; certain++)
        for (size_t i = 0; i < g.n; i++)
            if (!g.edges[i].given && (g.edges[i].violated == 0) == (certain == 1))
                g.dropped[i] = follows(&g, i);
    for (size_t i = 0; i < g.n && status == FLOWBD3_OK; i++)
        if (!g.edges[i].given && !g.dropped[i] && !append_rule(&g, &g.edges[i]))
            status = fb3_no_memory(err, "a rule");
    fb3_release(search->context, g.edges);
    fb3_release(search->context, g.dropped);
    return status;
}
