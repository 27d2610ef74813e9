/* Propagation: domains of a row narrowed by what rules say of them. */
#include "rules/interval.h"

#include <float.h>
#include <math.h>

enum { MORE_ROUNDS = 64 };

/* Twice what a derived value is granted of itself: on the way in and on the way out. */
#define SHARE 2e-9

static const fb3_interval none = {1.0, 0.0};

static bool is_none(fb3_interval x) {
    return x.low > x.high;
}

static fb3_interval hull(fb3_interval a, fb3_interval b) {
    if (is_none(a) || is_none(b))
        return is_none(a) ? b : a;
    return (fb3_interval){a.low < b.low ? a.low : b.low, a.high > b.high ? a.high : b.high};
}

static fb3_interval numbers_of(const fb3_domain *domain) {
    return (fb3_interval){domain->low, domain->high};
}

static bool meets(const fb3_domain *domain, fb3_interval x) {
    return !is_none(x) && fb3_domain_meets(domain, x.low, x.high);
}

static void cut(fb3_domain *domain, fb3_interval x) {
    fb3_domain_cut(domain, x.low, x.high);
}

/* ---- comparisons ------------------------------------------------------------------------------- */

/* What the left side is compared with. */
static fb3_interval right_side(const fb3_bound_rule *rule, const fb3_domain *domains) {
    const fb3_comparison_claim *claim = &rule->rule->comparison;
    if (rule->right == SIZE_MAX)
        return (fb3_interval){claim->offset, claim->offset};
    return fb3_interval_affine(numbers_of(&domains[rule->right]), claim->factor, claim->offset);
}

/* A number on one side is bounded by those of the other where that one cannot be missing. */
static void narrow_comparison(const fb3_bound_rule *rule, fb3_domain *domains) {
    const fb3_comparison_claim *claim = &rule->rule->comparison;
    fb3_domain *left = &domains[rule->left], *right = rule->right != SIZE_MAX ? &domains[rule->right] : NULL;
    if (right == NULL || (!right->missing && !is_none(numbers_of(right)))) {
        fb3_interval side = right_side(rule, domains);
        if (claim->at_least)
            fb3_domain_cut(left, side.low, (double)INFINITY);
        else
            fb3_domain_cut(left, -(double)INFINITY, side.high);
    }
    if (right != NULL && !left->missing && !is_none(numbers_of(left))) {
        fb3_interval side = fb3_interval_affine_inverse(numbers_of(left), claim->factor, claim->offset);
        if (claim->at_least)
            fb3_domain_cut(right, -(double)INFINITY, side.high);
        else
            fb3_domain_cut(right, side.low, (double)INFINITY);
    }
}

static bool comparison_is_possible(const fb3_bound_rule *rule, const fb3_domain *domains) {
    const fb3_domain *left = &domains[rule->left];
    if (left->missing || (rule->right != SIZE_MAX && domains[rule->right].missing))
        return true;
    fb3_interval side = right_side(rule, domains);
    return rule->rule->comparison.at_least ? left->high >= side.low : left->low <= side.high;
}

/* ---- derived columns --------------------------------------------------------------------------- */

/* What the domains of a row leave of a derived column. */
typedef struct derivation {
    fb3_domain *column, *a, *b;  /* b: NULL for none */
    fb3_interval from_a, from_b; /* numbers that print as the sources do */
    fb3_interval value;          /* what may be computed of them; none: nothing that the column may be */
    fb3_interval otherwise;      /* the value in other rows; none: missing */
    fb3_interval nought;         /* of a ratio: 0, and divisors that may make it too large for a double */
    bool zero;                   /* b may be one of them */
    bool infinite;               /* other numbers of the sources may be too large, too */
    bool other;                  /* the column may be as in other rows */
} derivation;

/* A unit of the last of so many digits; 0: not rounded. */
static double unit_of(int decimals) {
    static const double unit[] = {1e0,  1e-1,  1e-2,  1e-3,  1e-4,  1e-5,  1e-6,  1e-7,  1e-8,
                                  1e-9, 1e-10, 1e-11, 1e-12, 1e-13, 1e-14, 1e-15, 1e-16, 1e-17};
    if (decimals < 0)
        return 0.0;
    return unit[(size_t)decimals < FB3_COUNT(unit) ? (size_t)decimals : FB3_COUNT(unit) - 1];
}

static int digits_of(const fb3_rule_column *column) {
    return fb3_has_integers(column->type) ? 0 : column->decimals;
}

/* How far the number behind a cell may be from it. */
static double blur_of(const fb3_rule_column *column) {
    return column->type == FLOWBD3_TYPE_REAL ? 0.5 * unit_of(column->decimals) : 0.0;
}

/* Numbers that print as those of a domain do. A divisor keeps its sign. */
static fb3_interval blurred(const fb3_domain *domain, const fb3_rule_column *column, bool divisor) {
    fb3_interval x = numbers_of(domain);
    double blur = blur_of(column);
    if (!(blur > 0.0))
        return x;
    fb3_interval wide = fb3_interval_widen(x, blur, 0.0);
    if (divisor && x.low >= 0.0)
        wide.low = x.low - blur > 0.5 * x.low ? wide.low : 0.5 * x.low;
    if (divisor && x.high <= 0.0)
        wide.high = x.high + blur < 0.5 * x.high ? wide.high : 0.5 * x.high;
    return wide;
}

/* A divisor is not 0, and of an integer column not nearer to it than 1. */
static fb3_interval divided(fb3_interval a, fb3_interval b, double least) {
    fb3_interval above = {b.low > least ? b.low : least, b.high};
    fb3_interval below = {b.low, b.high < -least ? b.high : -least};
    return hull(is_none(above) ? none : fb3_interval_quotient(a, above),
                is_none(below) ? none : fb3_interval_quotient(a, below));
}

static fb3_interval combine(const derivation *d, fb3_operation operation) {
    switch (operation) {
    case FB3_COPY:
        break;
    case FB3_SUM:
        return fb3_interval_sum(d->from_a, d->from_b);
    case FB3_DIFFERENCE:
        return fb3_interval_difference(d->from_a, d->from_b);
    case FB3_PRODUCT:
        return fb3_interval_product(d->from_a, d->from_b);
    case FB3_RATIO:
        return divided(d->from_a, d->from_b, d->b != NULL && d->b->integer ? 1.0 : 0.0);
    }
    return d->from_a;
}

/* A number rounded to digits, half away from zero or cut off towards it. */
static double rounded(double value, double unit, bool truncated) {
    double scaled = value / unit;
    if (!(fabs(scaled) < 0x1p53))
        return value;
    return (truncated ? trunc(scaled) : round(scaled)) * unit;
}

/* Numbers rounded to digits; the ends are widened first, as either may be half a unit. */
static fb3_interval round_ends(fb3_interval x, double unit, bool truncated) {
    x = fb3_interval_widen(x, 0.0, SHARE);
    return unit > 0.0 ? (fb3_interval){rounded(x.low, unit, truncated), rounded(x.high, unit, truncated)} : x;
}

/* What rounding makes of numbers: of the rule, then of the column. It is monotone. A last grant is for the
 * cell that it is compared with. */
static fb3_interval printed(const fb3_derived_claim *claim, int digits, fb3_interval x) {
    x = round_ends(x, unit_of(claim->decimals), claim->truncated);
    return fb3_interval_widen(round_ends(x, unit_of(digits), false), 0.0, SHARE);
}

/* The numbers that printed makes such numbers of. */
static fb3_interval unprinted(const fb3_derived_claim *claim, int digits, fb3_interval x) {
    double unit = unit_of(claim->decimals), last = unit_of(digits);
    x = fb3_interval_widen(x, 0.0, SHARE);
    if (last > 0.0 && !(unit > 0.0 && claim->decimals <= digits))
        x = fb3_interval_widen(x, 0.5 * last, 0.0);
    if (unit > 0.0 && claim->truncated)
        x = (fb3_interval){x.low > 0.0 ? x.low : x.low - unit, x.high < 0.0 ? x.high : x.high + unit};
    else if (unit > 0.0)
        x = fb3_interval_widen(x, 0.5 * unit, 0.0);
    return fb3_interval_widen(x, 0.0, SHARE);
}

/* Sets nought, zero and infinite from the sources. What is too large has no value either. */
static void find_limits(derivation *d, const fb3_derived_claim *claim, fb3_interval x) {
    if (claim->operation != FB3_RATIO) {
        fb3_interval y = is_none(x) ? x : fb3_interval_affine(x, claim->scale, claim->offset);
        d->infinite = !isfinite(x.low) || !isfinite(x.high) || !isfinite(y.low) || !isfinite(y.high);
        return;
    }
    double scale = fmax(1.0, fabs(claim->scale));
    double most = fmax(fabs(d->from_a.low), fabs(d->from_a.high)) * scale / 1e300;
    d->infinite = !isfinite(most) || fabs(claim->offset) > 1e300;
    d->nought = d->infinite ? (fb3_interval){0.0, 0.0} : (fb3_interval){-most, most};
    d->zero = meets(d->b, d->nought);
}

/* Sets value from the sources, and the limits. */
static void compute(derivation *d, const fb3_derived_claim *claim, int digits) {
    d->value = none;
    if (is_none(numbers_of(d->a)) || (d->b != NULL && is_none(numbers_of(d->b))))
        return;
    fb3_interval x = combine(d, claim->operation);
    find_limits(d, claim, x);
    if (!is_none(x))
        d->value = printed(claim, digits, fb3_interval_affine(x, claim->scale, claim->offset));
}

static derivation derive(const fb3_bound *bound, const fb3_bound_rule *rule, fb3_domain *domains) {
    const fb3_derived_claim *claim = &rule->rule->derived;
    bool pair = rule->b != SIZE_MAX;
    int digits = digits_of(&bound->columns[rule->column]);
    derivation d = {.column = &domains[rule->column],
                    .a = &domains[rule->a],
                    .b = pair ? &domains[rule->b] : NULL,
                    .otherwise = none};
    d.from_a = blurred(d.a, &bound->columns[rule->a], false);
    if (pair)
        d.from_b = blurred(d.b, &bound->columns[rule->b], claim->operation == FB3_RATIO);
    compute(&d, claim, digits);
    d.other = d.a->missing || (pair && d.b->missing) || d.zero || d.infinite;
    if (claim->otherwise_missing) {
        d.other = d.other && d.column->missing;
    } else {
        double value = fb3_round_to_decimals(claim->otherwise, digits);
        d.otherwise = fb3_interval_widen((fb3_interval){value, value}, 0.0, SHARE);
        d.other = d.other && meets(d.column, d.otherwise);
    }
    if (!meets(d.column, d.value))
        d.value = none;
    return d;
}

/* No computed value fits: a source is missing, or a divisor 0. */
static void narrow_without_value(const derivation *d) {
    bool a_is_there = !d->a->missing;
    if (d->b == NULL) {
        cut(d->a, none);
        return;
    }
    if (!d->b->missing && !d->zero)
        cut(d->a, none);
    if (a_is_there)
        cut(d->b, d->zero ? d->nought : none);
}

/* The numbers of a, and of b, with which those of x can be computed. */
static fb3_interval source_a(const derivation *d, fb3_operation operation, fb3_interval x) {
    switch (operation) {
    case FB3_COPY:
        break;
    case FB3_SUM:
        return fb3_interval_difference(x, d->from_b);
    case FB3_DIFFERENCE:
        return fb3_interval_sum(x, d->from_b);
    case FB3_PRODUCT:
        return fb3_interval_factor(x, d->from_b);
    case FB3_RATIO:
        return fb3_interval_product(x, d->from_b);
    }
    return x;
}

static fb3_interval source_b(const derivation *d, fb3_operation operation, fb3_interval x) {
    switch (operation) {
    case FB3_COPY:
        break;
    case FB3_SUM:
        return fb3_interval_difference(x, d->from_a);
    case FB3_DIFFERENCE:
        return fb3_interval_difference(d->from_a, x);
    case FB3_PRODUCT:
        return fb3_interval_factor(x, d->from_a);
    case FB3_RATIO:
        return fb3_interval_factor(d->from_a, x);
    }
    return x;
}

/* A number of a source has to compute to one of the column where the other source is there for certain. */
static void narrow_sources(const derivation *d, const fb3_bound *bound, const fb3_bound_rule *rule) {
    const fb3_derived_claim *claim = &rule->rule->derived;
    const fb3_rule_column *columns = bound->columns;
    fb3_interval x = fb3_domain_meet(d->column, d->value.low, d->value.high);
    if (is_none(x))
        return;
    x = unprinted(claim, digits_of(&columns[rule->column]), x);
    x = fb3_interval_affine_inverse(x, claim->scale, claim->offset);
    bool zero = d->zero && d->other, a_is_there = !d->a->missing;
    if (d->b == NULL || (!d->b->missing && !zero)) {
        fb3_interval a = source_a(d, claim->operation, x);
        cut(d->a, is_none(a) ? a : fb3_interval_widen(a, blur_of(&columns[rule->a]), 0.0));
    }
    if (d->b != NULL && a_is_there) {
        fb3_interval b = source_b(d, claim->operation, x);
        if (!is_none(b))
            b = fb3_interval_widen(b, blur_of(&columns[rule->b]), 0.0);
        cut(d->b, zero ? hull(b, d->nought) : b);
    }
}

/* The column is computed: its sources are there, and a divisor is not 0. */
static void require_sources(const derivation *d) {
    fb3_domain_require(d->a);
    if (d->b == NULL)
        return;
    fb3_domain_require(d->b);
    if (d->zero && d->b->low == 0.0)
        fb3_domain_cut(d->b, DBL_TRUE_MIN, (double)INFINITY);
    if (d->zero && d->b->high == 0.0)
        fb3_domain_cut(d->b, -(double)INFINITY, -DBL_TRUE_MIN);
}

/* Whether the column may be whatever is computed, so that it says nothing about its sources. */
static bool takes_all(const derivation *d) {
    return d->column->n_filters == 0 && d->column->low <= d->value.low && d->value.high <= d->column->high;
}

static void narrow_derived(const fb3_bound *bound, const fb3_bound_rule *rule, fb3_domain *domains) {
    derivation d = derive(bound, rule, domains);
    bool open = takes_all(&d);
    if (!d.other || !rule->rule->derived.otherwise_missing)
        fb3_domain_require(d.column);
    cut(d.column, d.other ? hull(d.value, d.otherwise) : d.value);
    if (!d.other)
        require_sources(&d);
    if (d.other && d.infinite)
        return;
    if (is_none(d.value))
        narrow_without_value(&d);
    else if (!open)
        narrow_sources(&d, bound, rule);
}

static bool derived_is_possible(const fb3_bound *bound, const fb3_bound_rule *rule, fb3_domain *domains) {
    derivation d = derive(bound, rule, domains);
    return d.other || !is_none(d.value);
}

/* ---- rules ------------------------------------------------------------------------------------- */

static void narrow_claim(const fb3_bound *bound, const fb3_bound_rule *rule, fb3_domain *domains) {
    switch (rule->rule->claim) {
    case FB3_CLAIM_TESTS:
        for (size_t i = 0; i < rule->rule->n_tests; i++)
            fb3_domain_restrict(&domains[rule->tests[i].column], &rule->tests[i]);
        break;
    case FB3_CLAIM_COMPARISON:
        narrow_comparison(rule, domains);
        break;
    case FB3_CLAIM_DERIVED:
        narrow_derived(bound, rule, domains);
        break;
    }
}

static bool claim_is_possible(const fb3_bound *bound, const fb3_bound_rule *rule, fb3_domain *domains) {
    switch (rule->rule->claim) {
    case FB3_CLAIM_TESTS:
        for (size_t i = 0; i < rule->rule->n_tests; i++)
            if (fb3_domain_test(&domains[rule->tests[i].column], &rule->tests[i]) == FB3_FAILS)
                return false;
        break;
    case FB3_CLAIM_COMPARISON:
        return comparison_is_possible(rule, domains);
    case FB3_CLAIM_DERIVED:
        return derived_is_possible(bound, rule, domains);
    }
    return true;
}

/* Where every test of `when` holds, so does the claim; where the claim cannot hold, the one test that is
 * still open fails. */
static void narrow_by_rule(const fb3_bound *bound, const fb3_bound_rule *rule, fb3_domain *domains) {
    const fb3_bound_test *open = NULL;
    for (size_t i = 0; i < rule->rule->n_when; i++) {
        fb3_truth truth = fb3_domain_test(&domains[rule->when[i].column], &rule->when[i]);
        if (truth == FB3_FAILS || (truth == FB3_OPEN && open != NULL))
            return;
        if (truth == FB3_OPEN)
            open = &rule->when[i];
    }
    if (open == NULL)
        narrow_claim(bound, rule, domains);
    else if (!claim_is_possible(bound, rule, domains))
        fb3_domain_exclude(&domains[open->column], open);
}

/* ---- rounds ------------------------------------------------------------------------------------ */

static bool has_changed(const fb3_domain *domains, size_t column) {
    return column != SIZE_MAX && (domains[column].changed || domains[column].fresh);
}

static bool tests_changed(const fb3_domain *domains, const fb3_bound_test *tests, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (has_changed(domains, tests[i].column))
            return true;
    return false;
}

/* Whether a rule may find something new since it was last looked at. */
static bool is_due(const fb3_bound_rule *rule, const fb3_domain *domains) {
    if (tests_changed(domains, rule->when, rule->rule->n_when))
        return true;
    switch (rule->rule->claim) {
    case FB3_CLAIM_TESTS:
        return tests_changed(domains, rule->tests, rule->rule->n_tests);
    case FB3_CLAIM_COMPARISON:
        return has_changed(domains, rule->left) || has_changed(domains, rule->right);
    case FB3_CLAIM_DERIVED:
        return has_changed(domains, rule->column) || has_changed(domains, rule->a) ||
               has_changed(domains, rule->b);
    }
    return true;
}

bool fb3_bound_narrow(const fb3_bound *bound, fb3_domain *domains) {
    for (size_t round = 0;; round++) {
        bool due = false;
        for (size_t i = 0; i < bound->n_columns; i++) {
            domains[i].fresh = domains[i].changed;
            if (!domains[i].changed)
                continue;
            if (fb3_domain_is_empty(&domains[i]))
                return false;
            domains[i].changed = false;
            due = true;
        }
        if (!due)
            return true;
        if (round >= bound->count + MORE_ROUNDS)
            break;
        for (size_t i = 0; i < bound->count; i++)
            if (is_due(&bound->bound[i], domains))
                narrow_by_rule(bound, &bound->bound[i], domains);
    }
    for (size_t i = 0; i < bound->n_columns; i++)
        domains[i].fresh = false;
    return true;
}
