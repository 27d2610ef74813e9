/* Narrows the domains of rows of 20 columns by 40 rules of all kinds, as between the draws of a row's cells,
 * and prints what it took, as JSON: microseconds of processor time of the first narrowing of a row from
 * domains that hold everything, of each decision of a cell with the narrowing that follows, and of a row that
 * is settled and judged.
 *
 *   bench-narrow [rows]     default: 20,000 */
#include "rules/rules.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

enum { COLUMNS = 20, CATEGORIES = 4, RULES = 40, CODES = 200 };

static char names[COLUMNS][8];
static char texts[CODES][8];
static uint64_t steps;

/* Seconds that this thread has run: the machine may have other work. */
static double seconds(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double uniform(void) {
    return fb3_uniform(7, FB3_RANDOM_TOKEN, steps++, 0);
}

/* Columns 0..3 are categories, 4..13 integers, 14..19 reals of two digits. */
static bool describe(fb3_rule_column *columns, fb3_dictionary *dictionary) {
    int32_t code;
    for (size_t i = 0; i < CODES; i++)
        if (fb3_dictionary_intern(dictionary, texts[i], (size_t)snprintf(texts[i], 8, "v%u", (unsigned)i),
                                  &code) != FLOWBD3_OK)
            return false;
    for (size_t i = 0; i < COLUMNS; i++) {
        (void)snprintf(names[i], sizeof names[i], "c%u", (unsigned)i);
        columns[i] = (fb3_rule_column){names[i],
                                       i < CATEGORIES ? FLOWBD3_TYPE_CATEGORICAL
                                       : i < 14       ? FLOWBD3_TYPE_INTEGER
                                                      : FLOWBD3_TYPE_REAL,
                                       i < 14 ? 0 : 2, i < CATEGORIES ? dictionary : NULL};
    }
    return true;
}

/* 12 implications of a category, 8 ranges, 14 comparisons and 6 derived columns. */
static flowbd3_rules *state_rules(flowbd3_context *context) {
    static const fb3_operation operations[] = {FB3_SUM, FB3_RATIO, FB3_PRODUCT};
    static fb3_interval range = {0.0, 5000.0}, parts[] = {{0.0, 0.0}, {20.0, 400.0}, {600.0, 4000.0}};
    flowbd3_rules *rules = fb3_rules_create(context);
    for (size_t i = 0; rules != NULL && i < RULES; i++) {
        char *list[] = {texts[i], texts[i + 20], texts[i + 40]};
        fb3_test when = {.column = names[i % CATEGORIES], .texts = list, .n_texts = 3};
        fb3_test test = {.column = names[4 + i % 10], .intervals = i < 12 ? parts : &range};
        test.n_intervals = i < 12 ? 3 : 1;
        fb3_rule rule = {.when = &when, .n_when = i < 12 || i % 3 == 0, .tests = &test, .n_tests = 1};
        if (i >= 20 && i < 34)
            rule = (fb3_rule){
                .when = &when,
                .n_when = i % 2,
                .claim = FB3_CLAIM_COMPARISON,
                .comparison = {.left = names[4 + i % 5], .right = names[9 + i % 5], .factor = 1.0}};
        else if (i >= 34)
            rule = (fb3_rule){.claim = FB3_CLAIM_DERIVED,
                              .derived = {.column = names[i - 20],
                                          .a = names[i - 30],
                                          .b = names[i - 29],
                                          .operation = operations[i % 3],
                                          .scale = 1.0,
                                          .decimals = 2,
                                          .otherwise_missing = true}};
        fb3_rule *next = fb3_rules_append(rules);
        if (next == NULL || !fb3_rule_copy(next, &rule, context))
            flowbd3_rules_destroy(&rules);
    }
    if (rules != NULL && fb3_rules_finish(rules, NULL) != FLOWBD3_OK)
        flowbd3_rules_destroy(&rules);
    return rules;
}

static bool pick(void *user, size_t column, const fb3_domain *domain, fb3_cell *cell) {
    (void)user;
    (void)column;
    *cell = (fb3_cell){.code = -1};
    for (int tries = 0; !domain->numeric && tries < 10000; tries++) {
        cell->code = (int32_t)(uniform() * CODES);
        if (fb3_domain_has(domain, cell))
            return true;
    }
    double low = fmax(domain->low, 0.0), high = fmin(domain->high, 5000.0);
    fb3_interval part = fb3_domain_meet(domain, low + uniform() * (high - low), (double)INFINITY);
    cell->missing = part.low > part.high && domain->missing;
    cell->number = part.low <= part.high ? part.low : domain->low;
    return true;
}

/* Seconds of each. */
typedef struct figures {
    double first, next, settled;
    size_t calls, whole; /* narrowings that followed a decision; rows that settled */
} figures;

static void decide_all(const fb3_bound *bound, fb3_domain *domains, figures *f) {
    double began = seconds();
    bool left = fb3_bound_narrow(bound, domains);
    double narrowed = seconds();
    for (size_t i = 0; i < COLUMNS && left; i++) {
        size_t column = (i * 7 + 3) % COLUMNS;
        fb3_cell cell;
        left = pick(NULL, column, &domains[column], &cell) && fb3_domain_set(&domains[column], &cell) &&
               fb3_bound_narrow(bound, domains);
        f->calls++;
    }
    f->first += narrowed - began;
    f->next += seconds() - narrowed;
}

static bool measure(const fb3_bound *bound, size_t rows, figures *f) {
    fb3_domains *all = fb3_domains_create(bound), *domains = fb3_domains_create(bound);
    fb3_cell cells[COLUMNS];
    size_t order[COLUMNS];
    for (size_t i = 0; i < COLUMNS; i++)
        order[i] = i;
    for (size_t i = 0; all != NULL && domains != NULL && i < rows; i++) {
        fb3_domains_copy(domains, all);
        decide_all(bound, domains->columns, f);
        fb3_domains_copy(domains, all);
        double began = seconds();
        f->whole += fb3_bound_settle(bound, domains->columns, order, COLUMNS, pick, NULL, cells);
        f->settled += seconds() - began;
    }
    bool done = all != NULL && domains != NULL;
    fb3_domains_destroy(&all);
    fb3_domains_destroy(&domains);
    return done;
}

int main(int argc, char **argv) {
    size_t rows = argc > 1 ? strtoul(argv[1], NULL, 10) : 20000;
    flowbd3_context *context;
    if (flowbd3_context_create(&context, NULL, NULL) != FLOWBD3_OK)
        return 1;
    fb3_dictionary *dictionary = fb3_dictionary_create(context);
    fb3_rule_column columns[COLUMNS];
    flowbd3_rules *rules = NULL;
    fb3_bound *bound = NULL;
    figures f = {.calls = 0};
    bool done = dictionary != NULL && describe(columns, dictionary) &&
                (rules = state_rules(context)) != NULL &&
                fb3_bound_create(&bound, context, rules, columns, COLUMNS, false, NULL) == FLOWBD3_OK &&
                measure(bound, rows, &f);
    if (done)
        printf("{\"columns\": %d, \"rules\": %d, \"first_us\": %.2f, \"next_us\": %.2f, \"settle_us\": %.2f, "
               "\"settled_share\": %.3f}\n",
               COLUMNS, RULES, 1e6 * f.first / (double)rows, 1e6 * f.next / (double)f.calls,
               1e6 * f.settled / (double)rows, (double)f.whole / (double)rows);
    if (bound != NULL)
        fb3_bound_destroy(&bound);
    flowbd3_rules_destroy(&rules);
    fb3_dictionary_release(&dictionary);
    flowbd3_context_destroy(&context);
    return done ? 0 : 1;
}
