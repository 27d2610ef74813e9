/* Narrowing of domains against enumeration of all rows, and of rows that are computed, for rules of every
 * kind that are drawn. */
#include "drawn_rules.h"
#include "test_main.h"

enum { CELLS = 9, ROWS = 40000 };

/* ---- all rows ---------------------------------------------------------------------------------- */

typedef struct rows {
    fb3_cell (*cells)[COLUMNS]; /* [count] that obey and lie in the domains */
    size_t count;
} rows;

static rows obeying;

static size_t cells_of(fb3_cell *cells, size_t column) {
    static const double reals[] = {-1.0, 0.0, 0.1, 0.5, 2.0, 3.3, 7.0};
    size_t count = 0;
    cells[count++] = missing;
    if (column < 3)
        for (int i = 0; i < 8; i++)
            cells[count++] = number(i);
    else if (column == 3)
        for (size_t i = 0; i < FB3_COUNT(reals); i++)
            cells[count++] = number(reals[i]);
    else
        for (int i = 0; i < CODES; i++)
            cells[count++] = (fb3_cell){.code = i};
    return count;
}

static void enumerate(const fb3_bound *bound, const fb3_domain *domains, fb3_cell *row, size_t column) {
    fb3_cell cells[CELLS];
    size_t count = column < COLUMNS ? cells_of(cells, column) : 0;
    if (column == COLUMNS && obeys(bound, row)) {
        ck_assert_uint_lt(obeying.count, ROWS);
        memcpy(obeying.cells[obeying.count++], row, COLUMNS * sizeof *row);
    }
    for (size_t i = 0; i < count; i++) {
        row[column] = cells[i];
        if (fb3_domain_has(&domains[column], &cells[i]))
            enumerate(bound, domains, row, column + 1);
    }
}

/* Numbers as they are enumerated, with a few of the tests before. */
static void draw_domains(const fb3_bound *bound, fb3_domain *domains) {
    for (size_t i = 0; i < 4; i++) {
        double low = (double)draw(4);
        fb3_domain_cut(&domains[i], i == 3 && draw(2) == 0 ? -1.0 : low, low + (double)draw(8));
        if (i < 3)
            fb3_domain_cut(&domains[i], 0.0, 7.0);
        if (draw(2) == 0)
            fb3_domain_require(&domains[i]);
    }
    for (size_t i = 0; i < bound->count; i++) {
        const fb3_bound_rule *rule = &bound->bound[i];
        if (rule->rule->n_when > 0 && draw(3) == 0)
            fb3_domain_exclude(&domains[rule->when->column], rule->when);
        else if (rule->rule->n_when > 0 && draw(2) == 0)
            fb3_domain_restrict(&domains[rule->when->column], rule->when);
    }
}

/* Rows that obey stay, at first and after one of them has been decided cell by cell. */
static void check_rows_stay(const fb3_bound *bound, fb3_domains *domains) {
    bool any = fb3_bound_narrow(bound, domains->columns);
    ck_assert(any || obeying.count == 0);
    for (size_t i = 0; i < obeying.count; i++)
        ck_assert(lies_in(obeying.cells[i], domains->columns));
    if (obeying.count == 0)
        return;
    const fb3_cell *chosen = obeying.cells[draw(obeying.count)];
    for (size_t step = 0, first = draw(COLUMNS); step < COLUMNS; step++) {
        size_t column = (first + 2 * step) % COLUMNS, left = 0;
        ck_assert(fb3_domain_set(&domains->columns[column], &chosen[column]));
        for (size_t i = 0; i < obeying.count; i++) {
            const fb3_cell *cell = &obeying.cells[i][column];
            if (cell->missing == chosen[column].missing && cell->code == chosen[column].code &&
                cell->number == chosen[column].number)
                memmove(obeying.cells[left++], obeying.cells[i], sizeof *obeying.cells);
        }
        obeying.count = left;
        chosen = obeying.cells[0];
        ck_assert(fb3_bound_narrow(bound, domains->columns));
        for (size_t i = 0; i < obeying.count; i++)
            ck_assert(lies_in(obeying.cells[i], domains->columns));
    }
}

/* A row whose cells are all decided is refused unless it obeys; of derived columns, which grant more than is
 * judged, that is left to the judge. */
static void check_whole_rows(const fb3_bound *bound, fb3_domains *domains) {
    for (int i = 0; i < 20; i++) {
        fb3_cell row[COLUMNS], cells[CELLS];
        fb3_domains_reset(domains);
        for (size_t j = 0; j < COLUMNS; j++) {
            row[j] = cells[draw(cells_of(cells, j))];
            ck_assert(fb3_domain_set(&domains->columns[j], &row[j]));
        }
        bool violated = false;
        for (size_t j = 0; j < bound->count; j++)
            violated = violated || (bound->bound[j].rule->claim != FB3_CLAIM_DERIVED &&
                                    fb3_bound_judge(bound, j, row) == FB3_VIOLATED);
        bool left = fb3_bound_narrow(bound, domains->columns);
        ck_assert(!(violated && left));
        ck_assert(left || !obeys(bound, row));
    }
}

START_TEST(rows_that_obey_stay) {
    enum { TABLES = 120 };
    obeying.cells = calloc(ROWS, sizeof *obeying.cells);
    for (uint64_t i = 0; i < TABLES; i++) {
        drawn_rules drawn;
        fb3_cell row[COLUMNS];
        state = (uint64_t)_i * 1000 + i;
        draw_rules(&drawn, 1 + draw(MOST_RULES));
        fb3_bound *bound = bind(drawn.rules, drawn.count);
        fb3_domains *domains = fb3_domains_create(bound), *copy = fb3_domains_create(bound);
        ck_assert(domains != NULL && copy != NULL);
        draw_domains(bound, domains->columns);
        obeying.count = 0;
        enumerate(bound, domains->columns, row, 0);
        fb3_domains_copy(copy, domains);
        check_rows_stay(bound, copy);
        check_whole_rows(bound, copy);
        fb3_domains_destroy(&domains);
        fb3_domains_destroy(&copy);
        fb3_bound_destroy(&bound);
    }
    free(obeying.cells);
}
END_TEST

/* ---- hulls of comparisons ---------------------------------------------------------------------- */

static void check_hulls(const fb3_domain *domains) {
    for (size_t column = 0; column < 3; column++) {
        double low = INFINITY, high = -(double)INFINITY;
        for (size_t i = 0; i < obeying.count; i++) {
            low = fmin(low, obeying.cells[i][column].number);
            high = fmax(high, obeying.cells[i][column].number);
        }
        ck_assert_double_eq(domains[column].low, low);
        ck_assert_double_eq(domains[column].high, high);
    }
}

/* Of i <= j + a, j <= k + b, i <= k + c and such with all cells there. */
START_TEST(comparisons_leave_exact_hulls) {
    obeying.cells = calloc(ROWS, sizeof *obeying.cells);
    for (uint64_t n = 0; n < 400; n++) {
        fb3_rule list[MOST_RULES];
        fb3_cell row[COLUMNS];
        state = n;
        size_t count = 1 + draw(MOST_RULES);
        for (size_t i = 0; i < count; i++) {
            size_t a = draw(2), b = a + 1 + draw(2 - a);
            bool turned = draw(2) == 0;
            list[i] = (fb3_rule){.claim = FB3_CLAIM_COMPARISON,
                                 .comparison = {.left = (char *)columns[turned ? b : a].name,
                                                .right = (char *)columns[turned ? a : b].name,
                                                .at_least = turned,
                                                .factor = draw(3) == 0 ? 2.0 : 1.0,
                                                .offset = (double)draw(5) - 2.0}};
        }
        fb3_bound *bound = bind(list, count);
        fb3_domains *domains = fb3_domains_create(bound);
        for (size_t i = 0; i < COLUMNS; i++) {
            double low = (double)draw(5);
            fb3_domain_require(&domains->columns[i]);
            fb3_domain_cut(&domains->columns[i], i < 3 ? low : 0.0,
                           i < 3 ? fmin(7.0, low + (double)draw(8)) : 0.0);
        }
        ck_assert(fb3_domain_set(&domains->columns[4], &(fb3_cell){.code = 1}));
        obeying.count = 0;
        enumerate(bound, domains->columns, row, 0);
        ck_assert(fb3_bound_narrow(bound, domains->columns) == (obeying.count > 0));
        if (obeying.count > 0)
            check_hulls(domains->columns);
        fb3_domains_destroy(&domains);
        fb3_bound_destroy(&bound);
    }
    free(obeying.cells);
}
END_TEST

/* ---- derived columns --------------------------------------------------------------------------- */

static const double magnitudes[] = {-1e300, -1.0, -1e-300, -0.0, 0.0,   5e-324,
                                    1e-300, 1e-9, 1.0,     1e9,  1e300, DBL_MAX};

/* Reals without digits: three of any magnitude, the third as the operation has it. */
START_TEST(extreme_numbers_stay) {
    static const fb3_rule_column reals[] = {{"i", FLOWBD3_TYPE_REAL, -1, NULL},
                                            {"j", FLOWBD3_TYPE_REAL, -1, NULL},
                                            {"k", FLOWBD3_TYPE_REAL, -1, NULL}};
    static const double scales[] = {1.0, -1e-200, 1e200, 3.0}, offsets[] = {0.0, 1e20, -1.0};
    for (uint64_t n = 0; n < 8000; n++) {
        state = n;
        fb3_rule rule = {.claim = n % 4 == 0 ? FB3_CLAIM_COMPARISON : FB3_CLAIM_DERIVED,
                         .comparison = {.left = "i", .right = "j", .at_least = n % 8 == 0}};
        rule.comparison.factor = fabs(draw_of(scales, 4));
        rule.comparison.offset = draw_of(offsets, 3);
        rule.derived =
            (fb3_derived_claim){.column = "i", .a = "j", .b = "k", .decimals = n % 3 == 0 ? 2 : -1};
        rule.derived.operation = (fb3_operation)(1 + draw(4));
        rule.derived.scale = draw_of(scales, 4);
        rule.derived.offset = draw_of(offsets, 3);
        rule.derived.otherwise_missing = draw(2) == 0;
        fb3_bound *bound = bind_rules(context, &rule, 1, reals, 3);
        fb3_domains *domains = fb3_domains_create(bound);
        fb3_cell row[3];
        for (size_t i = 0; i < 3; i++)
            row[i] = number(draw_of(magnitudes, FB3_COUNT(magnitudes)) * (draw(2) == 0 ? 1.0 : 0.7));
        if (rule.claim == FB3_CLAIM_DERIVED)
            row[0] = fb3_bound_derive(bound, 0, row);
        else if (draw(2) == 0)
            row[0].number = rule.comparison.factor * row[1].number + rule.comparison.offset;
        bool finite = row[0].missing || isfinite(row[0].number);
        for (size_t i = 0; i < 3 && finite; i++) {
            double low = draw(3) == 0 ? row[i].number : -(double)INFINITY;
            fb3_domain_cut(&domains->columns[i], low, draw(3) == 0 ? row[i].number : (double)INFINITY);
            if (draw(2) == 0 && !row[i].missing)
                fb3_domain_require(&domains->columns[i]);
        }
        if (finite && fb3_bound_judge(bound, 0, row) != FB3_VIOLATED) {
            ck_assert_msg(fb3_bound_narrow(bound, domains->columns), "case %d", (int)n);
            for (size_t i = 0; i < 3; i++)
                ck_assert_msg(fb3_domain_set(&domains->columns[i], &row[i]) &&
                                  fb3_bound_narrow(bound, domains->columns),
                              "case %d, column %d", (int)n, (int)i);
        }
        fb3_domains_destroy(&domains);
        fb3_bound_destroy(&bound);
    }
}
END_TEST

static double draw_digits(int decimals) {
    double size = pow(10.0, (double)draw(8) - 3.0), x = size * ((double)draw(20001) - 4000.0) / 1000.0;
    return fb3_round_to_decimals(draw(12) == 0 ? 0.0 : x, decimals);
}

/* Three columns of any digits. */
static void draw_columns(fb3_rule_column *three) {
    static const char *const names[] = {"i", "j", "k"};
    for (size_t i = 0; i < 3; i++) {
        bool whole = draw(3) == 0;
        three[i] = (fb3_rule_column){names[i], whole ? FLOWBD3_TYPE_INTEGER : FLOWBD3_TYPE_REAL,
                                     whole ? 0 : (int)draw(8) - 1, NULL};
    }
}

static fb3_rule draw_precise_rule(void) {
    static const double scales[] = {1.0, 1.0, 8.0, -0.001, 1000.0, 1e-6}, offsets[] = {0.0, 0.0, -1.0, 123.4};
    fb3_rule rule = {.claim = FB3_CLAIM_DERIVED,
                     .derived = {.column = "i", .a = "j", .operation = (fb3_operation)draw(5)}};
    rule.derived.b = rule.derived.operation == FB3_COPY ? NULL : "k";
    rule.derived.scale = draw_of(scales, 6);
    rule.derived.offset = draw_of(offsets, 4);
    rule.derived.decimals = (int)draw(5) - 1;
    rule.derived.truncated = draw(3) == 0;
    rule.derived.otherwise_missing = draw(2) == 0;
    return rule;
}

/* The first cell computed of the others, and perhaps a few units off. */
static void draw_row(const fb3_bound *bound, fb3_cell *row) {
    int digits = bound->columns[0].decimals;
    for (size_t i = 1; i < 3; i++)
        row[i] = draw(20) == 0 ? missing : number(draw_digits(bound->columns[i].decimals));
    row[0] = fb3_bound_derive(bound, 0, row);
    double off = ((double)draw(7) - 3.0) * pow(10.0, -(double)(digits < 0 ? 5 : digits));
    if (!row[0].missing && draw(2) == 0)
        row[0].number = fb3_round_to_decimals(row[0].number + off, digits);
}

/* Domains around a row. */
static void surround(fb3_domain *domains, const fb3_cell *row) {
    for (size_t i = 0; i < 3; i++) {
        double width = pow(10.0, (double)draw(6) - 3.0);
        double low = draw(4) == 0 ? -(double)INFINITY : row[i].number - width * (double)draw(3);
        fb3_domain_cut(&domains[i], low,
                       draw(4) == 0 ? (double)INFINITY : row[i].number + width * (double)draw(3));
        if (draw(2) == 0 && !row[i].missing)
            fb3_domain_require(&domains[i]);
    }
}

/* What is judged to obey stays in whatever lies around it. */
START_TEST(derived_rows_stay) {
    enum { RULES = 10000 };
    size_t judged = 0;
    for (uint64_t n = 0; n < RULES; n++) {
        fb3_rule_column three[3];
        fb3_cell row[3];
        state = n + (uint64_t)_i * 1000000;
        draw_columns(three);
        fb3_rule rule = draw_precise_rule();
        fb3_bound *bound = bind_rules(context, &rule, 1, three, 3);
        fb3_domains *domains = fb3_domains_create(bound);
        draw_row(bound, row);
        surround(domains->columns, row);
        bool obeyed = fb3_bound_judge(bound, 0, row) == FB3_OBEYED;
        judged += obeyed;
        for (size_t i = 0; i <= 3 && obeyed; i++) {
            ck_assert_msg(fb3_bound_narrow(bound, domains->columns), "case %d", (int)n);
            for (size_t j = 0; j < 3; j++)
                ck_assert_msg(fb3_domain_has(&domains->columns[j], &row[j]), "case %d, column %d", (int)n,
                              (int)j);
            if (i < 3)
                ck_assert(fb3_domain_set(&domains->columns[(i + n) % 3], &row[(i + n) % 3]));
        }
        fb3_domains_destroy(&domains);
        fb3_bound_destroy(&bound);
    }
    ck_assert_uint_gt(judged, RULES / 2);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("narrow");
    TCase *all = tcase_create("rules that are drawn");
    tcase_add_checked_fixture(all, start, stop);
    tcase_set_timeout(all, 120);
    tcase_add_loop_test(all, rows_that_obey_stay, 0, 5);
    tcase_add_test(all, comparisons_leave_exact_hulls);
    tcase_add_test(all, extreme_numbers_stay);
    tcase_add_loop_test(all, derived_rows_stay, 0, 3);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
