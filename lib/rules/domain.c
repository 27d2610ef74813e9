/* Domains: what a cell of a row may still be. */
#include "rules/rules.h"

#include <math.h>
#include <string.h>

/* ---- numbers ----------------------------------------------------------------------------------- */

/* The first interval of a test that does not end before a number. */
static size_t find_interval(const fb3_bound_test *test, double number) {
    size_t low = 0, high = test->n_intervals;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (test->intervals[middle].high < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Raises *x to the least number from it on that passes a filter; false: there is none. */
static bool raise_past(const fb3_filter *filter, double *x) {
    const fb3_bound_test *test = filter->test;
    if (test->any)
        return !filter->except;
    size_t i = find_interval(test, *x);
    if (!filter->except) {
        if (i < test->n_intervals && test->intervals[i].low > *x)
            *x = test->intervals[i].low;
        return i < test->n_intervals;
    }
    for (; i < test->n_intervals && test->intervals[i].low <= *x; i++) {
        if (test->intervals[i].high == (double)INFINITY)
            return false;
        *x = nextafter(test->intervals[i].high, (double)INFINITY);
    }
    return true;
}

static bool lower_past(const fb3_filter *filter, double *x) {
    const fb3_bound_test *test = filter->test;
    if (test->any)
        return !filter->except;
    size_t i = find_interval(test, *x); /* the one after the last that may hold x */
    i += i < test->n_intervals && test->intervals[i].low <= *x;
    if (!filter->except) {
        if (i > 0 && test->intervals[i - 1].high < *x)
            *x = test->intervals[i - 1].high;
        return i > 0;
    }
    for (; i > 0 && test->intervals[i - 1].high >= *x; i--) {
        if (test->intervals[i - 1].low == -(double)INFINITY)
            return false;
        *x = nextafter(test->intervals[i - 1].low, -(double)INFINITY);
    }
    return true;
}

/* The least number of a domain from *x on, which it is raised to; false: there is none. `more` is one filter
 * more, or NULL. Every step but the last passes an end of an interval. */
static bool find_least(const fb3_domain *domain, const fb3_filter *more, double *x) {
    double before;
    do {
        before = *x;
        if (domain->integer)
            *x = ceil(*x);
        for (size_t i = 0; i < domain->n_filters; i++)
            if (!raise_past(&domain->filters[i], x))
                return false;
        if ((more != NULL && !raise_past(more, x)) || *x > domain->high)
            return false;
    } while (*x != before);
    return true;
}

static bool find_greatest(const fb3_domain *domain, const fb3_filter *more, double *x) {
    double before;
    do {
        before = *x;
        if (domain->integer)
            *x = floor(*x);
        for (size_t i = 0; i < domain->n_filters; i++)
            if (!lower_past(&domain->filters[i], x))
                return false;
        if ((more != NULL && !lower_past(more, x)) || *x < domain->low)
            return false;
    } while (*x != before);
    return true;
}

static bool has_numbers(const fb3_domain *domain) {
    return domain->numeric && domain->low <= domain->high;
}

fb3_interval fb3_domain_meet(const fb3_domain *domain, double low, double high) {
    fb3_interval part = {low > domain->low ? low : domain->low, high < domain->high ? high : domain->high};
    if (!has_numbers(domain) || !(part.low <= part.high) || !find_least(domain, NULL, &part.low) ||
        part.low > part.high || !find_greatest(domain, NULL, &part.high))
        return (fb3_interval){1.0, 0.0};
    return part;
}

bool fb3_domain_meets(const fb3_domain *domain, double low, double high) {
    double x = low > domain->low ? low : domain->low;
    return has_numbers(domain) && x <= high && find_least(domain, NULL, &x) && x <= high;
}

/* Lowers *high to where the numbers from x on that pass a filter end; x is one. */
static void end_run(const fb3_filter *filter, double x, double *high) {
    const fb3_bound_test *test = filter->test;
    size_t i = test->any ? test->n_intervals : find_interval(test, x);
    if (i == test->n_intervals)
        return;
    double end =
        filter->except ? nextafter(test->intervals[i].low, -(double)INFINITY) : test->intervals[i].high;
    *high = end < *high ? end : *high;
}

fb3_interval fb3_domain_run(const fb3_domain *domain, double from, double high) {
    fb3_interval run = fb3_domain_meet(domain, from, high);
    for (size_t i = 0; run.low <= run.high && i < domain->n_filters; i++)
        end_run(&domain->filters[i], run.low, &run.high);
    if (domain->integer)
        run.high = floor(run.high);
    return run;
}

bool fb3_domain_has_number(const fb3_domain *domain, double number) {
    return fb3_domain_meets(domain, number, number);
}

/* Zeros without a sign; a single number needs no filter. */
static void set_numbers(fb3_domain *domain, double low, double high) {
    domain->low = low + 0.0;
    domain->high = high + 0.0;
    domain->changed = true;
    if (!(low < high))
        domain->n_filters = 0;
}

void fb3_domain_cut(fb3_domain *domain, double low, double high) {
    if (!has_numbers(domain) || (low <= domain->low && domain->high <= high))
        return;
    fb3_interval part = fb3_domain_meet(domain, low, high);
    set_numbers(domain, part.low, part.high);
}

static void filter_numbers(fb3_domain *domain, const fb3_bound_test *test, bool except) {
    const fb3_filter pass = {test, except}, fail = {test, !except};
    double low = domain->low, high = domain->high;
    if (!has_numbers(domain))
        return;
    if (!find_least(domain, &pass, &low) || !find_greatest(domain, &pass, &high)) {
        set_numbers(domain, 1.0, 0.0);
        return;
    }
    if (low > domain->low || high < domain->high)
        set_numbers(domain, low, high);
    if (find_least(domain, &fail, &low) && domain->n_filters < domain->filters_capacity) {
        domain->filters[domain->n_filters++] = pass;
        domain->changed = true;
    }
}

/* ---- categories -------------------------------------------------------------------------------- */

/* Word i of the codes that pass a test. */
static uint64_t word_of(const fb3_bound_test *test, size_t i) {
    return i < (test->n_codes + 63) / 64 ? test->codes[i] : 0;
}

/* Drops words that are 0 from either end. */
static void trim(fb3_domain *domain) {
    while (domain->first < domain->end && domain->codes[domain->first] == 0)
        domain->first++;
    while (domain->first < domain->end && domain->codes[domain->end - 1] == 0)
        domain->end--;
}

static void filter_codes(fb3_domain *domain, const fb3_bound_test *test, bool except) {
    uint64_t gone = 0;
    for (size_t i = domain->first; i < domain->end; i++) {
        uint64_t word = domain->codes[i], pass = except ? ~word_of(test, i) : word_of(test, i);
        gone |= word & ~pass;
        domain->codes[i] = word & pass;
    }
    domain->changed |= gone != 0;
    trim(domain);
}

static bool has_code(const fb3_domain *domain, int32_t code) {
    size_t word = (size_t)code / 64;
    return code >= 0 && word >= domain->first && word < domain->end &&
           (domain->codes[word] >> (size_t)code % 64 & 1) != 0;
}

/* The code of a set of one; -1: it has more or none. */
static int32_t only_code(const fb3_domain *domain) {
    if (domain->end != domain->first + 1)
        return -1;
    uint64_t word = domain->codes[domain->first];
    return (word & (word - 1)) == 0 ? (int32_t)(domain->first * 64) + __builtin_ctzll(word) : -1;
}

static void clear_codes(fb3_domain *domain) {
    if (domain->first < domain->end)
        memset(domain->codes + domain->first, 0, (domain->end - domain->first) * sizeof *domain->codes);
    domain->first = domain->end = 0;
}

/* ---- cells ------------------------------------------------------------------------------------- */

static bool has_values(const fb3_domain *domain) {
    return domain->numeric ? domain->low <= domain->high : domain->first < domain->end;
}

bool fb3_domain_is_empty(const fb3_domain *domain) {
    return !domain->missing && !has_values(domain);
}

bool fb3_domain_has(const fb3_domain *domain, const fb3_cell *cell) {
    if (cell->missing)
        return domain->missing;
    return domain->numeric ? fb3_domain_has_number(domain, cell->number) : has_code(domain, cell->code);
}

bool fb3_domain_only(const fb3_domain *domain, fb3_cell *cell) {
    int32_t code = domain->numeric ? -1 : only_code(domain);
    bool values = has_values(domain), one = domain->numeric ? domain->low == domain->high : code >= 0;
    if (domain->missing ? values : !one)
        return false;
    *cell = (fb3_cell){.code = code, .missing = domain->missing};
    if (domain->numeric && values)
        cell->number = domain->low;
    return true;
}

void fb3_domain_require(fb3_domain *domain) {
    domain->changed |= domain->missing;
    domain->missing = false;
}

bool fb3_domain_set(fb3_domain *domain, const fb3_cell *cell) {
    fb3_cell only;
    if (!fb3_domain_has(domain, cell))
        return false;
    if (fb3_domain_only(domain, &only))
        return true;
    domain->changed = true;
    domain->missing = cell->missing;
    if (domain->numeric) {
        set_numbers(domain, cell->missing ? 1.0 : cell->number, cell->missing ? 0.0 : cell->number);
        return true;
    }
    clear_codes(domain);
    if (!cell->missing) {
        domain->first = (size_t)cell->code / 64;
        domain->end = domain->first + 1;
        domain->codes[domain->first] = UINT64_C(1) << (size_t)cell->code % 64;
    }
    return true;
}

/* ---- tests ------------------------------------------------------------------------------------- */

static void filter(fb3_domain *domain, const fb3_bound_test *test, bool except) {
    if (test->missing == except)
        fb3_domain_require(domain);
    if (domain->numeric)
        filter_numbers(domain, test, except);
    else
        filter_codes(domain, test, except);
}

void fb3_domain_restrict(fb3_domain *domain, const fb3_bound_test *test) {
    filter(domain, test, false);
}

void fb3_domain_exclude(fb3_domain *domain, const fb3_bound_test *test) {
    filter(domain, test, true);
}

fb3_truth fb3_domain_test(const fb3_domain *domain, const fb3_bound_test *test) {
    bool holds = domain->missing && test->missing, fails = domain->missing && !test->missing;
    if (has_numbers(domain)) {
        const fb3_filter pass = {test, false}, fail = {test, true};
        double x = domain->low, y = domain->low;
        holds = holds || find_least(domain, &pass, &x);
        fails = fails || find_least(domain, &fail, &y);
    } else if (!domain->numeric) {
        for (size_t i = domain->first; i < domain->end && !(holds && fails); i++) {
            uint64_t pass = word_of(test, i);
            holds = holds || (domain->codes[i] & pass) != 0;
            fails = fails || (domain->codes[i] & ~pass) != 0;
        }
    }
    return !holds ? FB3_FAILS : fails ? FB3_OPEN : FB3_HOLDS;
}

/* ---- rows -------------------------------------------------------------------------------------- */

enum { MORE_FILTERS = 8 }; /* of a column, beyond the tests of rules: conditions */

static size_t words_of(const fb3_domain *domain) {
    return (domain->n_codes + 63) / 64;
}

static void count_tests(fb3_domain *columns, const fb3_bound_test *tests, size_t count) {
    for (size_t i = 0; i < count; i++)
        columns[tests[i].column].filters_capacity++;
}

/* What every column is, and the room it needs. */
static void describe(fb3_domain *columns, const fb3_bound *bound) {
    for (size_t i = 0; i < bound->n_columns; i++) {
        const fb3_rule_column *column = &bound->columns[i];
        columns[i] = (fb3_domain){.numeric = !fb3_has_dictionary(column->type),
                                  .integer = fb3_has_integers(column->type),
                                  .filters_capacity = MORE_FILTERS};
        if (!columns[i].numeric)
            columns[i].n_codes = column->dictionary->count;
    }
    for (size_t i = 0; i < bound->count; i++) {
        const fb3_bound_rule *rule = &bound->bound[i];
        count_tests(columns, rule->when, rule->rule->n_when);
        count_tests(columns, rule->tests, rule->tests != NULL ? rule->rule->n_tests : 0);
    }
    for (size_t i = 0; i < bound->n_columns; i++)
        if (!columns[i].numeric)
            columns[i].filters_capacity = 0;
}

fb3_domains *fb3_domains_create(const fb3_bound *bound) {
    fb3_domains *domains = fb3_allocate_zero(bound->context, 1, sizeof *domains);
    if (domains == NULL)
        return NULL;
    *domains = (fb3_domains){.context = fb3_context_retain(bound->context), .n_columns = bound->n_columns};
    fb3_domain *columns = fb3_allocate(bound->context, bound->n_columns, sizeof *columns);
    size_t filters = 0, words = 0;
    if (columns != NULL) {
        describe(columns, bound);
        for (size_t i = 0; i < bound->n_columns; i++) {
            filters += columns[i].filters_capacity;
            words += words_of(&columns[i]);
        }
        size_t size =
            bound->n_columns * sizeof *columns + filters * sizeof(fb3_filter) + words * sizeof(uint64_t);
        domains->columns = fb3_reallocate(bound->context, columns, size, 1);
    }
    if (domains->columns == NULL) {
        fb3_release(bound->context, columns);
        fb3_domains_destroy(&domains);
        return NULL;
    }
    fb3_filter *filter = (fb3_filter *)(domains->columns + bound->n_columns);
    uint64_t *word = (uint64_t *)(filter + filters);
    for (size_t i = 0; i < bound->n_columns; i++) {
        domains->columns[i].filters = filter;
        domains->columns[i].codes = word;
        filter += domains->columns[i].filters_capacity;
        word += words_of(&domains->columns[i]);
    }
    fb3_domains_reset(domains);
    return domains;
}

uint64_t fb3_domains_bytes(const fb3_domains *domains) {
    uint64_t bytes = sizeof *domains + domains->n_columns * sizeof *domains->columns;
    for (size_t i = 0; i < domains->n_columns; i++)
        bytes += domains->columns[i].filters_capacity * sizeof(fb3_filter) +
                 words_of(&domains->columns[i]) * sizeof(uint64_t);
    return bytes;
}

void fb3_domains_destroy(fb3_domains **domains) {
    if (*domains == NULL)
        return;
    flowbd3_context *context = (*domains)->context;
    fb3_release(context, (*domains)->columns);
    fb3_release(context, *domains);
    flowbd3_context_destroy(&context);
    *domains = NULL;
}

void fb3_domains_reset(fb3_domains *domains) {
    for (size_t i = 0; i < domains->n_columns; i++) {
        fb3_domain *domain = &domains->columns[i];
        double most = domain->integer ? 0x1p63 : (double)INFINITY;
        domain->missing = domain->changed = true;
        domain->n_filters = 0;
        domain->low = domain->numeric ? -most : 1.0;
        domain->high = domain->numeric ? most : 0.0;
        domain->first = 0;
        domain->end = words_of(domain);
        for (size_t code = 0; code < domain->n_codes; code += 64) {
            size_t left = domain->n_codes - code;
            domain->codes[code / 64] = left >= 64 ? UINT64_MAX : (UINT64_C(1) << left) - 1;
        }
    }
}

void fb3_domains_copy(fb3_domains *to, const fb3_domains *from) {
    for (size_t i = 0; i < from->n_columns; i++) {
        fb3_domain *t = &to->columns[i];
        const fb3_domain *f = &from->columns[i];
        fb3_filter *filters = t->filters;
        uint64_t *codes = t->codes;
        if (f->n_filters > 0)
            memcpy(filters, f->filters, f->n_filters * sizeof *filters);
        if (f->n_codes > 0)
            memcpy(codes, f->codes, words_of(f) * sizeof *codes);
        *t = *f;
        t->filters = filters;
        t->codes = codes;
    }
}
