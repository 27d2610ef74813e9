/* Domains, their narrowing by hand, and rows that are settled. */
#include "counted.h"

#include "drawn_rules.h"
#include "test_main.h"

/* ---- by hand ----------------------------------------------------------------------------------- */

typedef struct board {
    fb3_bound *bound;
    fb3_domains *domains;
    fb3_domain *i, *j, *k, *x, *c;
} board;

static board lay_out(const fb3_rule *list, size_t count) {
    board b = {.bound = bind(list, count)};
    b.domains = fb3_domains_create(b.bound);
    ck_assert_ptr_nonnull(b.domains);
    b.i = b.domains->columns;
    b.j = b.i + 1;
    b.k = b.i + 2;
    b.x = b.i + 3;
    b.c = b.i + 4;
    return b;
}

static bool narrow(board *b) {
    return fb3_bound_narrow(b->bound, b->domains->columns);
}

static void clear(board *b) {
    fb3_domains_destroy(&b->domains);
    fb3_bound_destroy(&b->bound);
}

static void put(fb3_domain *domain, double low, double high) {
    fb3_domain_require(domain);
    fb3_domain_cut(domain, low, high);
}

static void check_numbers(const fb3_domain *domain, double low, double high) {
    ck_assert_double_eq(domain->low, low);
    ck_assert_double_eq(domain->high, high);
}

/* c in {a}: i in 1..3 or 5, x there. */
START_TEST(tests_narrow_both_ways) {
    fb3_interval parts[] = {{1.0, 3.0}, {5.0, 5.0}};
    char *texts[] = {"a"};
    fb3_test when = {.column = "c", .texts = texts, .n_texts = 1};
    fb3_test claims[] = {{.column = "i", .intervals = parts, .n_intervals = 2}, {.column = "x", .any = true}};
    fb3_rule rule = {.when = &when, .n_when = 1, .tests = claims, .n_tests = 2};
    board b = lay_out(&rule, 1);
    ck_assert(narrow(&b) && b.i->missing && fb3_domain_has_number(b.i, 4.0));
    ck_assert(fb3_domain_set(b.c, &(fb3_cell){.code = 0}) && narrow(&b));
    check_numbers(b.i, 1.0, 5.0);
    ck_assert(!b.i->missing && !b.x->missing && !fb3_domain_has_number(b.i, 4.0));
    ck_assert(fb3_domain_has_number(b.i, 3.0) && !fb3_domain_has_number(b.i, 2.5));
    ck_assert(!fb3_domain_meets(b.i, 3.5, 4.9) && fb3_domain_meets(b.i, 3.5, 5.5));
    fb3_interval part = fb3_domain_meet(b.i, 1.5, 4.5);
    ck_assert(part.low == 2.0 && part.high == 3.0);
    fb3_domain_cut(b.i, 2.5, 4.9);
    check_numbers(b.i, 3.0, 3.0);
    fb3_domains_reset(b.domains);
    fb3_domain_cut(b.i, 3.0, 4.0);
    ck_assert(narrow(&b) && fb3_domain_has(b.c, &(fb3_cell){.code = 0}));
    fb3_domain_cut(b.i, 4.0, 4.0);
    ck_assert(narrow(&b) && !fb3_domain_has(b.c, &(fb3_cell){.code = 0}));
    ck_assert(b.c->missing && fb3_domain_has(b.c, &(fb3_cell){.code = 1}));
    ck_assert(!fb3_domain_set(b.c, &(fb3_cell){.code = 0}) && !fb3_domain_has(b.c, &(fb3_cell){.code = 64}));
    clear(&b);
}
END_TEST

/* c in {a}, i in 0..5: j <= k. */
START_TEST(the_last_open_test_fails) {
    fb3_interval part = {2.0, 5.0};
    char *texts[] = {"a"};
    fb3_test when[] = {{.column = "c", .texts = texts, .n_texts = 1},
                       {.column = "i", .intervals = &part, .n_intervals = 1}};
    fb3_rule rule = {.when = when,
                     .n_when = 2,
                     .claim = FB3_CLAIM_COMPARISON,
                     .comparison = {.left = "j", .right = "k", .factor = 1.0}};
    board b = lay_out(&rule, 1);
    put(b.j, 5.0, 9.0);
    put(b.k, 0.0, 4.0);
    put(b.i, 0.0, 9.0);
    ck_assert(narrow(&b) && fb3_domain_has(b.c, &(fb3_cell){.code = 0}));
    ck_assert(fb3_domain_set(b.c, &(fb3_cell){.code = 0}) && narrow(&b));
    ck_assert(fb3_domain_has_number(b.i, 1.0) && !fb3_domain_has_number(b.i, 3.0));
    check_numbers(b.i, 0.0, 9.0);
    fb3_domain_cut(b.i, 1.5, 7.0);
    check_numbers(b.i, 6.0, 7.0);
    fb3_domain_cut(b.i, 3.0, 4.0);
    ck_assert(!narrow(&b));
    clear(&b);
}
END_TEST

/* i <= j, where a conflict leaves missing cells only. */
START_TEST(missing_sides_are_silent) {
    fb3_rule rule = {.claim = FB3_CLAIM_COMPARISON, .comparison = {.left = "i", .right = "j", .factor = 1.0}};
    board b = lay_out(&rule, 1);
    put(b.i, 5.0, 9.0);
    fb3_domain_cut(b.j, 0.0, 4.0);
    ck_assert(narrow(&b) && b.j->missing && !fb3_domain_meets(b.j, -10.0, 10.0));
    check_numbers(b.i, 5.0, 9.0);
    fb3_domains_reset(b.domains);
    fb3_domain_cut(b.i, 5.0, 9.0);
    fb3_domain_cut(b.j, 0.0, 4.0);
    ck_assert(narrow(&b) && fb3_domain_has_number(b.i, 7.0) && fb3_domain_has_number(b.j, 3.0));
    clear(&b);
}
END_TEST

/* x = round(i / j, 1), missing where there is none. */
START_TEST(ratios_narrow_all_three) {
    fb3_rule rule = {.claim = FB3_CLAIM_DERIVED,
                     .derived = {.column = "x",
                                 .a = "i",
                                 .b = "j",
                                 .operation = FB3_RATIO,
                                 .scale = 1.0,
                                 .decimals = 1,
                                 .otherwise_missing = true}};
    board b = lay_out(&rule, 1);
    put(b.i, 6.0, 7.0);
    put(b.j, 0.0, 3.0);
    ck_assert(narrow(&b) && b.x->missing);
    check_numbers(b.j, 0.0, 3.0);
    ck_assert(b.x->low > 1.99 && b.x->high < 7.01);
    fb3_domain_require(b.x);
    ck_assert(narrow(&b));
    check_numbers(b.j, 1.0, 3.0);
    ck_assert(b.x->high < 7.01 && b.x->high >= 7.0);
    fb3_domain_cut(b.x, 2.3, 2.3);
    ck_assert(narrow(&b));
    check_numbers(b.i, 7.0, 7.0);
    check_numbers(b.j, 3.0, 3.0);
    fb3_domains_reset(b.domains);
    put(b.i, 6.0, 7.0);
    put(b.j, -5.0, 3.0);
    ck_assert(fb3_domain_set(b.x, &missing) && narrow(&b));
    check_numbers(b.j, 0.0, 0.0);
    fb3_domains_reset(b.domains);
    put(b.j, 1.0, 3.0);
    ck_assert(fb3_domain_set(b.x, &missing) && narrow(&b) && b.i->missing &&
              !fb3_domain_meets(b.i, -9e9, 9e9));
    clear(&b);
}
END_TEST

/* i = j + k, 0 where one is missing. */
START_TEST(sums_narrow_all_three) {
    fb3_rule rule = {.claim = FB3_CLAIM_DERIVED,
                     .derived = {.column = "i", .a = "j", .b = "k", .operation = FB3_SUM, .scale = 1.0}};
    board b = lay_out(&rule, 1);
    fb3_domain_cut(b.i, 5.0, 9.0);
    fb3_domain_cut(b.j, 0.0, 7.0);
    fb3_domain_cut(b.k, 3.0, 20.0);
    ck_assert(narrow(&b) && !b.i->missing && !b.j->missing && !b.k->missing);
    check_numbers(b.j, 0.0, 6.0);
    check_numbers(b.k, 3.0, 9.0);
    ck_assert(fb3_domain_set(b.k, &(fb3_cell){.number = 8.0}) && narrow(&b));
    check_numbers(b.i, 8.0, 9.0);
    check_numbers(b.j, 0.0, 1.0);
    ck_assert(fb3_domain_set(b.j, &(fb3_cell){.number = 1.0}) && narrow(&b));
    check_numbers(b.i, 9.0, 9.0);
    fb3_domains_reset(b.domains);
    put(b.j, 3.0, 4.0);
    put(b.i, 0.0, 1.0);
    fb3_domain_cut(b.k, 0.0, 7.0);
    ck_assert(narrow(&b) && b.k->missing && !fb3_domain_meets(b.k, 0.0, 7.0));
    check_numbers(b.i, 0.0, 0.0);
    clear(&b);
}
END_TEST

START_TEST(contradictions_are_found) {
    fb3_rule list[] = {{.claim = FB3_CLAIM_COMPARISON,
                        .comparison = {.left = "i", .right = "j", .factor = 1.0, .offset = -1.0}},
                       {.claim = FB3_CLAIM_COMPARISON,
                        .comparison = {.left = "j", .right = "i", .factor = 1.0, .offset = -1.0}}};
    board b = lay_out(list, 2);
    put(b.i, 0.0, 30.0);
    put(b.j, 0.0, 30.0);
    ck_assert(!narrow(&b) && !narrow(&b));
    fb3_domains_reset(b.domains);
    put(b.i, 0.0, 1e12);
    put(b.j, 0.0, 1e12);
    ck_assert(narrow(&b)); /* creeps */
    fb3_domain_cut(b.c, 0.0, 1.0);
    ck_assert(narrow(&b));
    fb3_domain_cut(b.x, 1.0, 0.0);
    ck_assert(narrow(&b) && b.x->missing);
    fb3_domain_require(b.x);
    ck_assert(!narrow(&b));
    clear(&b);
}
END_TEST

/* ---- whole rows -------------------------------------------------------------------------------- */

/* A cell from the lower end, the upper end or between, as they come. */
static bool pick_any(void *user, size_t column, const fb3_domain *domain, fb3_cell *cell) {
    size_t *picks = user;
    ++*picks;
    ck_assert(!fb3_domain_is_empty(domain) && !fb3_domain_only(domain, cell));
    *cell = missing;
    if (domain->missing && draw(4) == 0)
        return true;
    if (!domain->numeric) {
        for (int i = 0; i < CODES; i++)
            if (fb3_domain_has(domain, &(fb3_cell){.code = i}))
                *cell = (fb3_cell){.code = i};
        return true;
    }
    double low = fmax(domain->low, -50.0), span = fmin(domain->high, 1000.0) - low;
    double digits = columns[column].decimals == 1 ? 10.0 : 1.0, x = low + span * (double)draw(11) / 10.0;
    fb3_interval part = fb3_domain_meet(domain, ceil(x * digits) / digits, (double)INFINITY);
    if (part.low > part.high)
        part = fb3_domain_meet(domain, -(double)INFINITY, x);
    *cell = part.low <= part.high ? number(part.low) : missing;
    return true;
}

/* i = j + k; x = round(i / j, 1) or missing; c in {a}: k at most j; j in 0..50, k in 0..90, all there. */
START_TEST(rows_settle) {
    fb3_interval parts[] = {{0.0, 50.0}, {0.0, 90.0}};
    char *texts[] = {"a"};
    fb3_test when = {.column = "c", .texts = texts, .n_texts = 1};
    fb3_test tests[] = {{.column = "j", .intervals = &parts[0], .n_intervals = 1},
                        {.column = "k", .intervals = &parts[1], .n_intervals = 1}};
    fb3_rule list[] = {{.tests = tests, .n_tests = 2},
                       {.claim = FB3_CLAIM_DERIVED,
                        .derived = {.column = "x",
                                    .a = "i",
                                    .b = "j",
                                    .operation = FB3_RATIO,
                                    .scale = 1.0,
                                    .decimals = 1,
                                    .otherwise_missing = true}},
                       {.claim = FB3_CLAIM_DERIVED,
                        .derived = {.column = "i",
                                    .a = "j",
                                    .b = "k",
                                    .operation = FB3_SUM,
                                    .scale = 1.0,
                                    .otherwise_missing = true}},
                       {.when = &when,
                        .n_when = 1,
                        .claim = FB3_CLAIM_COMPARISON,
                        .comparison = {.left = "k", .right = "j", .factor = 1.0}}};
    board b = lay_out(list, FB3_COUNT(list));
    for (uint64_t n = 0; n < 500; n++) {
        fb3_cell cells[COLUMNS];
        size_t order[COLUMNS] = {3, 4, 0, 2, 1}, picks = 0;
        state = n;
        fb3_domains_reset(b.domains);
        if (n % 3 == 0)
            put(b.i, 40.0, 60.0);
        if (n % 5 == 0)
            fb3_domain_cut(b.k, 10.0, 20.0);
        ck_assert(fb3_bound_settle(b.bound, b.domains->columns, order, n % 2 == 0 ? COLUMNS : 3, pick_any,
                                   &picks, cells));
        ck_assert(obeys(b.bound, cells) && lies_in(cells, b.domains->columns));
        ck_assert_uint_le(picks, 3);
        ck_assert(n % 3 != 0 || (cells[0].number >= 40.0 && cells[0].number <= 60.0));
        ck_assert(cells[1].number == 0.0
                      ? cells[3].missing
                      : fabs(cells[3].number - cells[0].number / cells[1].number) < 0.0501);
    }
    clear(&b);
}
END_TEST

/* Rules of every kind, in rings too: what settles obeys. */
START_TEST(what_settles_obeys) {
    size_t settled = 0;
    for (uint64_t n = 0; n < 3000; n++) {
        drawn_rules drawn;
        fb3_cell cells[COLUMNS];
        size_t order[] = {1, 0, 4}, picks = 0;
        state = n + 77;
        draw_rules(&drawn, 1 + draw(4));
        board b = lay_out(drawn.rules, drawn.count);
        if (fb3_bound_settle(b.bound, b.domains->columns, order, 3, pick_any, &picks, cells)) {
            ck_assert(obeys(b.bound, cells) && lies_in(cells, b.domains->columns));
            settled++;
        }
        clear(&b);
    }
    ck_assert_uint_gt(settled, 1500);
}
END_TEST

/* Three words of codes: c in {x0, x70, x129} where i is 1. */
START_TEST(many_categories) {
    enum { MANY = 130 };
    static char many[MANY][8];
    fb3_dictionary *long_one = fb3_dictionary_create(context);
    for (int i = 0; i < MANY; i++) {
        int32_t code;
        size_t size = (size_t)snprintf(many[i], sizeof many[i], "x%d", i);
        ck_assert_int_eq(fb3_dictionary_intern(long_one, many[i], size, &code), FLOWBD3_OK);
    }
    columns[4].dictionary = long_one;
    fb3_interval one = {1.0, 1.0};
    char *texts[] = {many[0], many[70], many[129]};
    fb3_test when = {.column = "i", .intervals = &one, .n_intervals = 1};
    fb3_test test = {.column = "c", .texts = texts, .n_texts = 3};
    fb3_rule rule = {.when = &when, .n_when = 1, .tests = &test, .n_tests = 1};
    board b = lay_out(&rule, 1);
    fb3_domains *copy = fb3_domains_create(b.bound);
    fb3_cell cell;
    ck_assert(fb3_domain_has(b.c, &(fb3_cell){.code = 129}) &&
              !fb3_domain_has(b.c, &(fb3_cell){.code = 130}));
    fb3_domains_copy(copy, b.domains);
    fb3_domain_exclude(b.c, b.bound->bound->tests);
    ck_assert(fb3_domain_test(b.c, b.bound->bound->tests) == FB3_FAILS && b.c->missing);
    ck_assert(narrow(&b) && !fb3_domain_has_number(b.i, 1.0) && fb3_domain_has_number(b.i, 2.0));
    fb3_domains_copy(b.domains, copy);
    ck_assert(fb3_domain_set(b.i, &(fb3_cell){.number = 1.0}) && narrow(&b));
    ck_assert(b.c->first == 0 && b.c->end == 3 && !fb3_domain_only(b.c, &cell));
    ck_assert(!fb3_domain_has(b.c, &(fb3_cell){.code = 71}) && fb3_domain_has(b.c, &(fb3_cell){.code = 70}));
    ck_assert(fb3_domain_test(b.c, b.bound->bound->tests) == FB3_HOLDS);
    ck_assert(fb3_domain_set(b.c, &(fb3_cell){.code = 129}) && fb3_domain_only(b.c, &cell));
    ck_assert(cell.code == 129 && !cell.missing && !fb3_domain_set(b.c, &(fb3_cell){.code = 70}));
    fb3_domains_reset(b.domains);
    ck_assert(fb3_domain_has(b.c, &(fb3_cell){.code = 3}) && b.c->missing);
    fb3_domains_destroy(&copy);
    clear(&b);
    fb3_dictionary_release(&long_one);
}
END_TEST

START_TEST(domains_without_memory) {
    counted l = {.left = -1};
    flowbd3_context *small = counted_context(&l);
    fb3_rule rule = {.claim = FB3_CLAIM_COMPARISON, .comparison = {.left = "i", .right = "j", .factor = 1.0}};
    fb3_bound *bound = bind_rules(small, &rule, 1, columns, COLUMNS);
    fb3_domains *domains = NULL;
    long alive = l.blocks, rungs = 0;
    for (; domains == NULL; rungs++) {
        ck_assert_int_eq(l.blocks, alive);
        l.left = rungs;
        domains = fb3_domains_create(bound);
    }
    ck_assert_int_ge(rungs, 3);
    l.left = -1;
    fb3_domains_destroy(&domains);
    fb3_domains_destroy(&domains);
    fb3_bound_destroy(&bound);
    flowbd3_context_destroy(&small);
    ck_assert_int_eq(l.blocks, 0);
}
END_TEST

static bool pick_none(void *user, size_t column, const fb3_domain *domain, fb3_cell *cell) {
    *cell = number(12.0);
    return (user == NULL || column != *(const size_t *)user) && domain->numeric;
}

START_TEST(picks_may_fail) {
    fb3_cell cells[COLUMNS];
    size_t last = 2;
    fb3_rule rule = {.claim = FB3_CLAIM_COMPARISON, .comparison = {.left = "i", .offset = 11.0}};
    board b = lay_out(&rule, 1);
    ck_assert(!fb3_bound_settle(b.bound, b.domains->columns, NULL, 0, pick_none, NULL, cells));
    fb3_domains_reset(b.domains);
    ck_assert(fb3_domain_set(b.i, &missing));
    ck_assert(!fb3_bound_settle(b.bound, b.domains->columns, NULL, 0, pick_none, NULL, cells));
    fb3_domains_reset(b.domains);
    ck_assert(fb3_domain_set(b.i, &missing) && fb3_domain_set(b.c, &missing));
    ck_assert(!fb3_bound_settle(b.bound, b.domains->columns, NULL, 0, pick_none, &last, cells));
    fb3_domains_reset(b.domains);
    ck_assert(fb3_domain_set(b.i, &missing) && fb3_domain_set(b.c, &missing));
    ck_assert(fb3_bound_settle(b.bound, b.domains->columns, NULL, 0, pick_none, NULL, cells));
    ck_assert(cells[0].missing && cells[4].missing && cells[3].number == 12.0);
    clear(&b);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("domains");
    TCase *all = tcase_create("domains");
    tcase_add_checked_fixture(all, start, stop);
    tcase_set_timeout(all, 60);
    tcase_add_test(all, tests_narrow_both_ways);
    tcase_add_test(all, the_last_open_test_fails);
    tcase_add_test(all, missing_sides_are_silent);
    tcase_add_test(all, ratios_narrow_all_three);
    tcase_add_test(all, sums_narrow_all_three);
    tcase_add_test(all, contradictions_are_found);
    tcase_add_test(all, rows_settle);
    tcase_add_test(all, what_settles_obeys);
    tcase_add_test(all, many_categories);
    tcase_add_test(all, domains_without_memory);
    tcase_add_test(all, picks_may_fail);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
