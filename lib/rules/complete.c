/* Rows that obey: columns decided one after the other. */
#include "rules/rules.h"

/* A row that is being decided. */
typedef struct settling {
    const fb3_bound *bound;
    fb3_domain *domains;
    const size_t *order; /* [n] */
    size_t n;
    fb3_cell *cells;
} settling;

static bool is_decided(const settling *s, size_t column) {
    return column == SIZE_MAX || fb3_domain_only(&s->domains[column], &s->cells[column]);
}

static bool decide(const settling *s, size_t column, const fb3_cell *cell) {
    return fb3_domain_set(&s->domains[column], cell) && fb3_bound_narrow(s->bound, s->domains);
}

static bool is_derived(const fb3_bound *bound, size_t column) {
    for (size_t i = 0; i < bound->count; i++)
        if (bound->bound[i].rule->claim == FB3_CLAIM_DERIVED && bound->bound[i].column == column)
            return true;
    return false;
}

/* Whether a rule computes a column that is open from sources that are not. */
static bool computes(const settling *s, const fb3_bound_rule *rule) {
    if (rule->rule->claim != FB3_CLAIM_DERIVED || is_decided(s, rule->column) || !is_decided(s, rule->a) ||
        !is_decided(s, rule->b))
        return false;
    for (size_t i = 0; i < rule->rule->n_when; i++)
        if (fb3_domain_test(&s->domains[rule->when[i].column], &rule->when[i]) != FB3_HOLDS)
            return false;
    return true;
}

/* A computed number just outside its domain becomes the nearest in it: what is computed from printed numbers
 * may be off what was computed before they were printed. Whether the row still obeys is judged at the end. */
static void clamp(const settling *s, size_t column, fb3_cell *cell) {
    const fb3_domain *domain = &s->domains[column];
    if (cell->missing || domain->low > domain->high ||
        (cell->number >= domain->low && cell->number <= domain->high))
        return;
    double nearest = cell->number < domain->low ? domain->low : domain->high;
    int digits = s->bound->columns[column].decimals;
    if (fb3_round_to_decimals(nearest, digits) == nearest)
        cell->number = nearest;
}

/* Computes one column; *found: whether there was one. */
static bool compute_next(const settling *s, bool *found) {
    for (size_t i = 0; i < s->bound->count; i++)
        if (computes(s, &s->bound->bound[i])) {
            fb3_cell cell = fb3_bound_derive(s->bound, i, s->cells);
            clamp(s, s->bound->bound[i].column, &cell);
            *found = true;
            return decide(s, s->bound->bound[i].column, &cell);
        }
    *found = false;
    return true;
}

/* The next column that is open, one that no rule computes if there is such; SIZE_MAX: none is. */
static size_t next_open(const settling *s) {
    for (size_t i = 0; i < s->bound->n_columns; i++)
        if (!is_derived(s->bound, i) && !is_decided(s, i))
            return i;
    for (size_t i = 0; i < s->n; i++)
        if (!is_decided(s, s->order[i]))
            return s->order[i];
    for (size_t i = 0; i < s->bound->n_columns; i++)
        if (!is_decided(s, i))
            return i;
    return SIZE_MAX;
}

static bool pick_column(const settling *s, size_t column, fb3_pick pick, void *user) {
    fb3_cell cell = {.code = -1};
    return pick(user, column, &s->domains[column], &cell) && decide(s, column, &cell);
}

static bool obeys(const fb3_bound *bound, const fb3_cell *cells) {
    for (size_t i = 0; i < bound->count; i++)
        if (fb3_bound_judge(bound, i, cells) == FB3_VIOLATED)
            return false;
    return true;
}

bool fb3_bound_settle(const fb3_bound *bound, fb3_domain *domains, const size_t *order, size_t n,
                      fb3_pick pick, void *user, fb3_cell *cells) {
    const settling s = {bound, domains, order, n, cells};
    if (!fb3_bound_narrow(bound, domains))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!is_derived(bound, order[i]) && !is_decided(&s, order[i]) &&
            !pick_column(&s, order[i], pick, user))
            return false;
    for (size_t column = 0; column != SIZE_MAX;) {
        bool found;
        if (!compute_next(&s, &found))
            return false;
        if (found)
            continue;
        column = next_open(&s);
        if (column != SIZE_MAX && !pick_column(&s, column, pick, user))
            return false;
    }
    return obeys(bound, cells);
}
