/* The rules room: what rows obey.
 *
 * A rule says: where all tests of `when` hold, a claim holds. The claim is one of three: more tests, a
 * comparison of two columns, or a column that is computed from others. */
#ifndef FB3_RULES_H
#define FB3_RULES_H

#include "table/table.h"

#include <flowbd3/rules.h>

#include <jansson.h>

/* ---- rules ------------------------------------------------------------------------------------- */

/* Numbers from low to high, both included. */
typedef struct fb3_interval {
    double low, high;
} fb3_interval;

/* Cells of a column that pass: missing ones if `missing`; numbers inside one of the intervals; texts that
 * equal one of `texts` or match one of the patterns ('*' any run, '?' any one character), or when `except`
 * those that do not. Numeric columns have intervals, categorical ones texts and patterns. `any` passes all
 * values. */
typedef struct fb3_test {
    char *column;
    bool missing, any, except;
    fb3_interval *intervals; /* [n_intervals] ascending, apart */
    size_t n_intervals;
    char **texts; /* [n_texts] */
    size_t n_texts;
    char **patterns; /* [n_patterns] */
    size_t n_patterns;
} fb3_test;

typedef enum fb3_claim { FB3_CLAIM_TESTS, FB3_CLAIM_COMPARISON, FB3_CLAIM_DERIVED } fb3_claim;

/* left <= factor * right + offset, or >= ; factor above 0. Without a column right: left against offset. A
 * rule says nothing about rows in which a column of its comparison is missing. */
typedef struct fb3_comparison_claim {
    char *left, *right; /* right: NULL for none */
    bool at_least;      /* >=, otherwise <= */
    double factor, offset;
} fb3_comparison_claim;

typedef enum fb3_operation {
    FB3_COPY,       /* a */
    FB3_SUM,        /* a + b */
    FB3_DIFFERENCE, /* a - b */
    FB3_PRODUCT,    /* a * b */
    FB3_RATIO       /* a / b */
} fb3_operation;

/* column = round(scale * (a op b) + offset, decimals). */
typedef struct fb3_derived_claim {
    char *column, *a, *b; /* b: NULL for COPY */
    fb3_operation operation;
    double scale, offset;
    int decimals;   /* digits after the point that it is rounded to, half away from zero; -1: not rounded */
    bool truncated; /* cut off towards zero instead of rounded */
    /* In rows where a or b is missing, or a ratio's b is 0: the column is missing, or has this value. */
    bool otherwise_missing;
    double otherwise;
} fb3_derived_claim;

typedef struct fb3_rule {
    char *name;
    fb3_test *when; /* [n_when] */
    size_t n_when;
    fb3_claim claim;
    fb3_test *tests; /* [n_tests] FB3_CLAIM_TESTS */
    size_t n_tests;
    fb3_comparison_claim comparison;
    fb3_derived_claim derived;
    bool found;       /* in a table, not stated by a user */
    uint64_t applies; /* rows of that table that the rule says something about; 0: not counted */
    uint64_t obey;    /* of them */
    char *text;       /* the rule as a line */
} fb3_rule;

/* What a user does not want found: a rule of that name, or any rule that speaks of all these columns. */
typedef struct fb3_forbidden_rule {
    char *name;     /* or NULL */
    char **columns; /* [n_columns] */
    size_t n_columns;
} fb3_forbidden_rule;

struct flowbd3_rules {
    flowbd3_context *context;
    atomic_uint references;
    fb3_rule *rules; /* [count] */
    size_t count, capacity;
    fb3_forbidden_rule *forbidden; /* [n_forbidden] */
    size_t n_forbidden;
    bool search; /* of a file: whether more rules are to be searched for; default true */
};

/* An empty list, and a rule more, zeroed, at its end; NULL: no memory. fb3_rules_finish writes the texts of
 * all rules and names those that have none. (rules.c) */
flowbd3_rules *fb3_rules_create(flowbd3_context *context);
fb3_rule *fb3_rules_append(flowbd3_rules *rules);
flowbd3_status fb3_rules_finish(flowbd3_rules *rules, flowbd3_error *err);
flowbd3_rules *fb3_rules_retain(flowbd3_rules *rules);

/* A copy of a rule, or of all of a list that NULL is an empty one of, at the end; false: no memory. (rules.c)
 */
bool fb3_rules_append_copy(flowbd3_rules *rules, const fb3_rule *from);
bool fb3_rules_append_all(flowbd3_rules *rules, const flowbd3_rules *from);

/* Forbids what another list does too; false: no memory. (rules.c) */
bool fb3_rules_forbid_all(flowbd3_rules *rules, const flowbd3_rules *from);

/* Forbids one thing more: the name, or NULL, and columns[n] are copied; false: no memory. (rules.c) */
bool fb3_rules_forbid(flowbd3_rules *rules, const char *name, const char *const *columns, size_t n);

/* A deep copy of a rule; on failure *to is zeroed. Release frees what a rule holds and zeroes it. (rules.c)
 */
bool fb3_rule_copy(fb3_rule *to, const fb3_rule *from, flowbd3_context *context);
void fb3_rule_release(fb3_rule *rule, flowbd3_context *context);

/* A rule as one line, to be freed with fb3_release; NULL: no memory. (text.c) */
char *fb3_rule_write(const fb3_rule *rule, flowbd3_context *context);

/* Whether a rule is one that all rows obey as far as is known: stated by a user, or found without a
 * violation. (rules.c) */
bool fb3_rule_is_certain(const fb3_rule *rule);

/* As a JSON value that the caller owns (NULL: no memory), and back. (json_write.c, json_read.c) */
json_t *fb3_rules_to_json_value(const flowbd3_rules *rules);
flowbd3_status fb3_rules_from_json_value(flowbd3_rules **out, flowbd3_context *context, const json_t *value,
                                         flowbd3_error *err);

/* A test from its JSON value, as it stands in a rule file: of conditions too. Leaves *test zeroed or filled
 * (free with fb3_test_release). (json_read.c) */
flowbd3_status fb3_test_from_json_value(fb3_test *test, flowbd3_context *context, const char *column,
                                        const json_t *value, flowbd3_error *err);
void fb3_test_release(fb3_test *test, flowbd3_context *context);

/* Whether a text passes the test of a categorical column. (bound.c) */
bool fb3_test_passes_text(const fb3_test *test, const char *text);

/* Takes out the rules that were found and that fewer rows obey, as a share or at all, than have to; and by
 * default have to, of so many. (search.c) */
#define FB3_LEAST_SHARE 0.99
void fb3_rules_drop_weak(flowbd3_rules *rules, double min_share, uint64_t min_rows);
uint64_t fb3_rules_least_rows(uint64_t rows);

/* ---- rules bound to columns (bound.c) ---------------------------------------------------------- */

/* A column that rules are bound to. Of categorical ones the dictionary must outlive what is bound. */
typedef struct fb3_rule_column {
    const char *name;
    flowbd3_type type;
    int decimals;
    const fb3_dictionary *dictionary; /* categorical */
} fb3_rule_column;

/* A cell: a number, or a code of the dictionary, unless it is missing. */
typedef struct fb3_cell {
    double number;
    int32_t code;
    bool missing;
} fb3_cell;

/* A test with its column and its codes: bit c of codes is set when code c of the dictionary passes. */
typedef struct fb3_bound_test {
    size_t column;
    bool missing, any;
    const fb3_interval *intervals; /* [n_intervals] of the rule */
    size_t n_intervals;
    uint64_t *codes; /* [(n_codes + 63) / 64] categorical; `any` and `except` are worked in */
    size_t n_codes;
} fb3_bound_test;

typedef struct fb3_bound_rule {
    const fb3_rule *rule;
    size_t number;                /* of the rule in its list */
    fb3_bound_test *when, *tests; /* [rule->n_when], [rule->n_tests] */
    size_t left, right;           /* of a comparison; right SIZE_MAX: none */
    size_t column, a, b;          /* of a derived column; b SIZE_MAX: none */
} fb3_bound_rule;

/* Rules with names resolved to columns, texts and patterns to sets of codes. Rules whose columns are not all
 * there are an error, or with `skip` left out. */
typedef struct fb3_bound {
    flowbd3_context *context;
    flowbd3_rules *rules;     /* a reference */
    fb3_rule_column *columns; /* [n_columns] a copy; names and dictionaries are the caller's */
    size_t n_columns;
    fb3_bound_rule *bound; /* [count] */
    size_t count;
} fb3_bound;
flowbd3_status fb3_bound_create(fb3_bound **out, flowbd3_context *context, const flowbd3_rules *rules,
                                const fb3_rule_column *columns, size_t n_columns, bool skip,
                                flowbd3_error *err);
void fb3_bound_destroy(fb3_bound **bound);

/* The columns of a table, which must outlive what is bound to them, to be freed with fb3_release (NULL: no
 * memory); rules bound to them in the table's context; and a row of the table as cells[columns]. */
fb3_rule_column *fb3_rule_columns_of_table(flowbd3_context *context, const flowbd3_table *table);
flowbd3_status fb3_bound_create_table(fb3_bound **out, const flowbd3_rules *rules, const flowbd3_table *table,
                                      bool skip, flowbd3_error *err);
void fb3_cells_of_row(fb3_cell *cells, const flowbd3_table *table, size_t row);

/* How a row, cells[n_columns], stands to bound rule i. */
typedef enum fb3_verdict { FB3_SAYS_NOTHING, FB3_OBEYED, FB3_VIOLATED } fb3_verdict;
fb3_verdict fb3_bound_judge(const fb3_bound *bound, size_t i, const fb3_cell *cells);

/* The value of a derived column, rounded as the rule says and to the column's digits. A cell obeys the rule
 * when numbers that print as the cells of the sources do give one that prints as it does: half a unit of the
 * last digit of every real column, and 1e-9 of the value, are granted. */
fb3_cell fb3_bound_derive(const fb3_bound *bound, size_t i, const fb3_cell *cells);

/* ---- tables against rules (check.c) ------------------------------------------------------------ */

enum { FB3_ROWS_SHOWN = 5 };

/* How the rows of a table stand to a rule, and the first of those that violate it, ascending. */
typedef struct fb3_rule_count {
    uint64_t applies, violated;
    uint64_t rows[FB3_ROWS_SHOWN]; /* [n_rows] */
    size_t n_rows;
} fb3_rule_count;

/* counts[bound->count], on the threads of what is bound, of the table whose columns rules are bound to; *any:
 * rows that violate one rule or more. Errors: MEMORY. */
flowbd3_status fb3_bound_check(const fb3_bound *bound, const flowbd3_table *table, fb3_rule_count *counts,
                               uint64_t *any, flowbd3_error *err);

/* ---- domains of the cells of a row (domain.c) --------------------------------------------------- */

/* A test that numbers have to pass, or with `except` have to fail. */
typedef struct fb3_filter {
    const fb3_bound_test *test;
    bool except;
} fb3_filter;

/* What a cell of a row may still be: missing; a number from low to high that passes every filter; a category
 * of the set. The ends of numbers pass the filters too, and are whole ones in an integer column; they may be
 * infinite, numbers are not. Thread-safety: used by one thread at a time, as is a row of them. */
typedef struct fb3_domain {
    bool numeric, integer;
    bool missing;        /* it may be */
    bool changed, fresh; /* since fb3_bound_narrow last ran; in its last round */
    double low, high;    /* numeric; none when low > high */
    fb3_filter *filters; /* [n_filters] of filters_capacity */
    size_t n_filters, filters_capacity;
    uint64_t *codes; /* categorical: a bit for every code of the dictionary */
    size_t n_codes;
    size_t first, end; /* words of codes; the others are 0 */
} fb3_domain;

/* The domains of the columns of a row. */
typedef struct fb3_domains {
    flowbd3_context *context;
    fb3_domain *columns; /* [n_columns], in one slab with their filters and codes */
    size_t n_columns;
} fb3_domains;

/* Domains that hold every cell; NULL: no memory. They have room for every test of the rules as a filter and
 * for a few more; a filter for which there is no room is left out, so that only the ends tell of it. */
fb3_domains *fb3_domains_create(const fb3_bound *bound);
void fb3_domains_destroy(fb3_domains **domains);
uint64_t fb3_domains_bytes(const fb3_domains *domains);

/* Every cell again; and what other domains of the same bound rules hold. */
void fb3_domains_reset(fb3_domains *domains);
void fb3_domains_copy(fb3_domains *to, const fb3_domains *from);

/* Leaves of a domain the cells that pass a test, those that fail it, the numbers from low to high (missing
 * cells stay), the cells that are not missing, one cell. The test must live as long as what is in the domain.
 * set returns false, and leaves the domain as it was, when the cell is not in it. */
void fb3_domain_restrict(fb3_domain *domain, const fb3_bound_test *test);
void fb3_domain_exclude(fb3_domain *domain, const fb3_bound_test *test);
void fb3_domain_cut(fb3_domain *domain, double low, double high);
void fb3_domain_require(fb3_domain *domain);
bool fb3_domain_set(fb3_domain *domain, const fb3_cell *cell);

bool fb3_domain_is_empty(const fb3_domain *domain);
bool fb3_domain_has(const fb3_domain *domain, const fb3_cell *cell);
bool fb3_domain_has_number(const fb3_domain *domain, double number);

/* The cell of a domain that holds one; false: it holds more or none. */
bool fb3_domain_only(const fb3_domain *domain, fb3_cell *cell);

/* Whether a domain holds a number from low to high; and the least and the greatest of them, low 1 and high 0
 * when there is none. */
bool fb3_domain_meets(const fb3_domain *domain, double low, double high);

/* The first run of numbers of a domain from `from` on, up to high at most; low 1 and high 0: there is none.
 */
fb3_interval fb3_domain_run(const fb3_domain *domain, double from, double high);
fb3_interval fb3_domain_meet(const fb3_domain *domain, double low, double high);

/* What the cells of a domain that is not empty make of a test. */
typedef enum fb3_truth { FB3_FAILS, FB3_OPEN, FB3_HOLDS } fb3_truth;
fb3_truth fb3_domain_test(const fb3_domain *domain, const fb3_bound_test *test);

/* ---- propagation (narrow.c) --------------------------------------------------------------------- */

/* Narrows the domains[n_columns] of a row by every rule until nothing changes. False: some domain is empty,
 * so that no row obeys.
 *
 * A domain may be left too large and is never too small: a row that obeys every rule and lay in the domains
 * still does. Only rules of columns that changed since the last call are looked at. The ends of numbers in
 * rules that feed each other may creep (x <= 0.9 y, y <= x); after 64 rounds more than there are rules they
 * are left where they are. Without such rings, and with the tests of `when` decided, comparisons of columns
 * that are not missing leave the least and the greatest number that each column takes in any row. */
bool fb3_bound_narrow(const fb3_bound *bound, fb3_domain *domains);

/* ---- rows that obey (complete.c) ---------------------------------------------------------------- */

/* Writes a cell of the domain; false: it has none to offer. */
typedef bool (*fb3_pick)(void *user, size_t column, const fb3_domain *domain, fb3_cell *cell);

/* Decides every column of a row, cells[n_columns], and narrows the domains after each. First the columns of
 * order[n] that no rule computes are picked, one after the other; then those are computed whose sources are
 * known, and where none is, one more is picked: of the row that no rule computes, of order, of the row.
 * Columns whose domain holds one cell are neither picked nor computed. False: a pick failed, a computed value
 * is not in its domain, a domain got empty, or the row violates a rule; then cells and domains are half done.
 */
bool fb3_bound_settle(const fb3_bound *bound, fb3_domain *domains, const size_t *order, size_t n,
                      fb3_pick pick, void *user, fb3_cell *cells);

#endif
