/* A rule as one line of text: "Proto in {icmp}: Sport missing". */
#include "rules/rules.h"

#include <math.h>
#include <string.h>

/* A line that grows; whole: there was memory for all of it. */
typedef struct line {
    fb3_buffer bytes;
    bool whole;
} line;

static void add(line *l, const char *text) {
    l->whole = l->whole && fb3_buffer_append(&l->bytes, text, strlen(text));
}

/* A name or a category, which may hold anything: what would break the line becomes '?'. */
static void add_name(line *l, const char *name) {
    size_t start = l->bytes.size;
    add(l, name);
    for (size_t i = start; i < l->bytes.size; i++) {
        unsigned char c = (unsigned char)l->bytes.data[i];
        if (c < 0x20 || c == 0x7f)
            l->bytes.data[i] = '?';
    }
}

static void add_number(line *l, double value) {
    char text[FB3_REAL_TEXT];
    bool whole = fabs(value) < 1e15 && value == nearbyint(value);
    fb3_print_real(text, value + 0.0, whole ? 0 : -1);
    add(l, text);
}

/* ---- tests ------------------------------------------------------------------------------------- */

/* " = 0", " >= 1", " <= 9", " in [1, 9]". */
static void add_interval(line *l, const fb3_interval *interval) {
    if (interval->low == interval->high) {
        add(l, " = ");
        add_number(l, interval->low);
    } else if (isinf(interval->high)) {
        add(l, " >= ");
        add_number(l, interval->low);
    } else if (isinf(interval->low)) {
        add(l, " <= ");
        add_number(l, interval->high);
    } else {
        add(l, " in [");
        add_number(l, interval->low);
        add(l, ", ");
        add_number(l, interval->high);
        add(l, "]");
    }
}

/* " in {1, [5, 9], >= 20}". */
static void add_intervals(line *l, const fb3_test *test) {
    for (size_t i = 0; i < test->n_intervals; i++) {
        line inner = {{.context = l->bytes.context}, true};
        add_interval(&inner, &test->intervals[i]);
        const char *text = inner.bytes.data;
        size_t skip = 1;
        if (inner.whole && strncmp(text, " = ", 3) == 0)
            skip = 3;
        else if (inner.whole && strncmp(text, " in ", 4) == 0)
            skip = 4;
        add(l, i == 0 ? " in {" : ", ");
        l->whole =
            l->whole && inner.whole && fb3_buffer_append(&l->bytes, text + skip, inner.bytes.size - skip);
        fb3_buffer_release(&inner.bytes);
    }
    add(l, "}");
}

/* " in {tcp, udp, like icmp*}". */
static void add_texts(line *l, const fb3_test *test) {
    add(l, test->except ? " not in {" : " in {");
    for (size_t i = 0; i < test->n_texts; i++) {
        add(l, i == 0 ? "" : ", ");
        add_name(l, test->texts[i]);
    }
    for (size_t i = 0; i < test->n_patterns; i++) {
        add(l, i == 0 && test->n_texts == 0 ? "like " : ", like ");
        add_name(l, test->patterns[i]);
    }
    add(l, "}");
}

static void add_test(line *l, const fb3_test *test) {
    add_name(l, test->column);
    bool values = true;
    if (test->any)
        add(l, " present");
    else if (test->n_intervals == 1)
        add_interval(l, test->intervals);
    else if (test->n_intervals > 1)
        add_intervals(l, test);
    else if (test->n_texts + test->n_patterns > 0)
        add_texts(l, test);
    else
        values = false;
    if (test->missing)
        add(l, values ? " or missing" : " missing");
}

static void add_tests(line *l, const fb3_test *tests, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            add(l, " and ");
        add_test(l, &tests[i]);
    }
}

/* ---- comparisons and derived columns ----------------------------------------------------------- */

/* "60 * ", of 1 nothing. */
static void add_factor(line *l, double factor) {
    if (factor == 1.0)
        return;
    add_number(l, factor);
    add(l, " * ");
}

/* " + 3", " - 3", of 0 nothing. */
static void add_offset(line *l, double offset) {
    if (offset == 0.0)
        return;
    add(l, offset < 0.0 ? " - " : " + ");
    add_number(l, fabs(offset));
}

static void add_comparison(line *l, const fb3_comparison_claim *claim) {
    add_name(l, claim->left);
    add(l, claim->at_least ? " >= " : " <= ");
    if (claim->right == NULL) {
        add_number(l, claim->offset);
        return;
    }
    add_factor(l, claim->factor);
    add_name(l, claim->right);
    add_offset(l, claim->offset);
}

static void add_derived(line *l, const fb3_derived_claim *claim) {
    static const char *const signs[] = {
        [FB3_SUM] = " + ", [FB3_DIFFERENCE] = " - ", [FB3_PRODUCT] = " * ", [FB3_RATIO] = " / "};
    bool brackets =
        claim->scale != 1.0 && (claim->operation == FB3_SUM || claim->operation == FB3_DIFFERENCE);
    add_name(l, claim->column);
    add(l, " = ");
    add_factor(l, claim->scale);
    add(l, brackets ? "(" : "");
    add_name(l, claim->a);
    if (claim->operation != FB3_COPY) {
        add(l, signs[claim->operation]);
        add_name(l, claim->b);
    }
    add(l, brackets ? ")" : "");
    add_offset(l, claim->offset);
    if (claim->decimals >= 0) {
        char digits[64];
        (void)snprintf(digits, sizeof digits, ", %s%d digit%s", claim->truncated ? "cut to " : "",
                       claim->decimals, claim->decimals == 1 ? "" : "s");
        add(l, digits);
    }
    if (!claim->otherwise_missing) {
        add(l, ", otherwise ");
        add_number(l, claim->otherwise);
    }
}

char *fb3_rule_write(const fb3_rule *rule, flowbd3_context *context) {
    line l = {{.context = context}, true};
    if (rule->n_when > 0) {
        add_tests(&l, rule->when, rule->n_when);
        add(&l, ": ");
    }
    if (rule->claim == FB3_CLAIM_TESTS)
        add_tests(&l, rule->tests, rule->n_tests);
    else if (rule->claim == FB3_CLAIM_COMPARISON)
        add_comparison(&l, &rule->comparison);
    else
        add_derived(&l, &rule->derived);
    l.whole = l.whole && fb3_buffer_append(&l.bytes, "", 1);
    if (!l.whole)
        fb3_buffer_release(&l.bytes);
    return l.bytes.data;
}
