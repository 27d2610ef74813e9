/* Which of the derived columns that were fitted become rules. */
#include "rules/search.h"

#include <string.h>

/* ---- which fit is better ----------------------------------------------------------------------- */

static bool is_real(const fb3_search *search, size_t column) {
    const fb3_column *c = &search->table->columns[column];
    return c->type == FLOWBD3_TYPE_REAL && c->decimals != 0;
}

static int real_sources(const fb3_search *search, const fb3_fit *fit) {
    return is_real(search, fit->a) + (fit->b != SIZE_MAX && is_real(search, fit->b));
}

static int operation_rank(fb3_operation operation) {
    static const int ranks[] = {
        [FB3_COPY] = 0, [FB3_SUM] = 1, [FB3_PRODUCT] = 2, [FB3_RATIO] = 3, [FB3_DIFFERENCE] = 4};
    return ranks[operation];
}

int fb3_fit_compare(const fb3_search *search, const fb3_fit *x, const fb3_fit *y) {
    const fb3_profile *px = &search->profiles[x->column], *py = &search->profiles[y->column];
    const double keys[][2] = {
        {x->obey < x->applies, y->obey < y->applies},
        {(double)(x->applies - x->obey) / (double)x->applies,
         (double)(y->applies - y->obey) / (double)y->applies},
        {!fb3_fit_is_exact(x), !fb3_fit_is_exact(y)},
        {!is_real(search, x->column), !is_real(search, y->column)},
        {x->operation != FB3_COPY, y->operation != FB3_COPY},
        {real_sources(search, x), real_sources(search, y)},
        {x->scale != trunc(x->scale), y->scale != trunc(y->scale)},
        {x->offset != 0.0, y->offset != 0.0},
        {x->length > 1000, y->length > 1000},
        {operation_rank(x->operation), operation_rank(y->operation)},
        {x->length, y->length},
        {-(double)px->distinct, -(double)py->distinct},
        {-(double)x->column, -(double)y->column},
        {(double)x->a, (double)y->a},
        {x->b == SIZE_MAX ? -1.0 : (double)x->b, y->b == SIZE_MAX ? -1.0 : (double)y->b},
    };
    for (size_t i = 0; i < FB3_COUNT(keys); i++)
        if (keys[i][0] != keys[i][1])
            return keys[i][0] < keys[i][1] ? -1 : 1;
    return 0;
}

/* ---- choosing ---------------------------------------------------------------------------------- */

bool fb3_search_depends(const fb3_search *search, size_t column, size_t on) {
    if (column == on)
        return true;
    for (int i = 0; i < 2; i++)
        if (search->sources[column][i] != SIZE_MAX &&
            fb3_search_depends(search, search->sources[column][i], on))
            return true;
    return false;
}

static bool is_free(const fb3_search *search, const fb3_fit *fit) {
    return !search->profiles[fit->column].derived && !fb3_search_depends(search, fit->a, fit->column) &&
           (fit->b == SIZE_MAX || !fb3_search_depends(search, fit->b, fit->column));
}

/* Whether numbers of the sources' digits make one of the target's, so that nothing is rounded. */
static bool is_whole(const fb3_search *search, const fb3_fit *fit) {
    const fb3_column *columns = search->table->columns, *target = &columns[fit->column];
    int digits = fb3_has_integers(target->type) ? 0 : target->decimals;
    const size_t sources[] = {fit->a, fit->b != SIZE_MAX ? fit->b : fit->a};
    for (int i = 0; i < 2; i++) {
        const fb3_column *source = &columns[sources[i]];
        int source_digits = fb3_has_integers(source->type) ? 0 : source->decimals;
        if (source_digits != 0 && (fit->operation == FB3_PRODUCT || source_digits > digits))
            return false;
        if (source_digits < 0)
            return false;
    }
    return fit->operation != FB3_RATIO && fit->scale == trunc(fit->scale) &&
           fit->offset == trunc(fit->offset);
}

static bool append_rule(const fb3_search *search, const fb3_fit *fit) {
    flowbd3_context *context = search->context;
    const fb3_column *columns = search->table->columns, *target = &columns[fit->column];
    fb3_rule *rule = fb3_rules_append(search->found);
    if (rule == NULL)
        return false;
    int digits = fb3_has_integers(target->type) ? 0 : target->decimals;
    rule->claim = FB3_CLAIM_DERIVED;
    rule->derived = (fb3_derived_claim){
        .column = fb3_duplicate(context, target->name),
        .a = fb3_duplicate(context, columns[fit->a].name),
        .b = fit->b != SIZE_MAX ? fb3_duplicate(context, columns[fit->b].name) : NULL,
        .operation = fit->operation,
        .scale = fit->scale,
        .offset = fit->offset,
        .decimals = is_whole(search, fit) ? -1 : digits,
        .truncated = fit->truncated,
        .otherwise_missing = fit->otherwise_missing,
        .otherwise = fit->otherwise,
    };
    return rule->derived.column != NULL && rule->derived.a != NULL &&
           (fit->b == SIZE_MAX || rule->derived.b != NULL);
}

static bool choose(fb3_search *search, const fb3_fit *fit) {
    search->profiles[fit->column].derived = true;
    search->sources[fit->column][0] = fit->a;
    search->sources[fit->column][1] = fit->b;
    return append_rule(search, fit);
}

/* Fits that all rows of the table obey as they come; then, unless these are all that is wanted, those that
 * most rows obey, best first. */
static flowbd3_status choose_fits(fb3_search *search, fb3_fit *fits, size_t n_fits, bool certain,
                                  flowbd3_error *err) {
    size_t left = 0;
    for (size_t i = 0; i < n_fits; i++) {
        fb3_fit fit = fits[i];
        bool no_memory = false;
        if (!is_free(search, &fit) || (certain && (fit.obey < fit.applies || !fb3_fit_is_exact(&fit))))
            continue;
        if (!fb3_fit_table(search, &fit, &no_memory))
            return no_memory ? fb3_no_memory(err, "the rows of a rule") : fb3_search_cancelled(err);
        if (!fb3_fit_holds(search, &fit) || fit.applies < search->options.min_rows)
            continue;
        if (fit.obey < fit.applies)
            fits[left++] = fit;
        else if (!choose(search, &fit))
            return fb3_no_memory(err, "a rule");
    }
    while (left > 0 && !certain) {
        size_t best = 0;
        for (size_t i = 1; i < left; i++)
            if (fb3_fit_compare(search, &fits[i], &fits[best]) < 0)
                best = i;
        if (is_free(search, &fits[best]) && !choose(search, &fits[best]))
            return fb3_no_memory(err, "a rule");
        fits[best] = fits[--left];
    }
    return FLOWBD3_OK;
}

/* ---- the door ---------------------------------------------------------------------------------- */

static void sort_fits(const fb3_search *search, fb3_fit *fits, size_t n) {
    for (size_t i = 1; i < n; i++) {
        fb3_fit fit = fits[i];
        size_t at = i;
        for (; at > 0 && fb3_fit_compare(search, &fit, &fits[at - 1]) < 0; at--)
            fits[at] = fits[at - 1];
        fits[at] = fit;
    }
}

flowbd3_status fb3_fit_choose(fb3_search *search, fb3_fit *fits, size_t n_fits, bool certain,
                              flowbd3_error *err) {
    sort_fits(search, fits, n_fits);
    return choose_fits(search, fits, n_fits, certain, err);
}
