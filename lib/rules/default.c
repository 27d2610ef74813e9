/* The rules of network flows that apply to the columns of a table. docs/rules.md says where each is from. */
#include "rules/roles.h"

#include <math.h>
#include <string.h>
#include <strings.h>

/* ---- what is built ----------------------------------------------------------------------------- */

/* column[role]: its number in the table, SIZE_MAX: none. whole: there was memory for all of it. */
typedef struct builder {
    flowbd3_rules *rules;
    const flowbd3_table *table;
    size_t column[FB3_ROLES];
    fb3_role_detail detail[FB3_ROLES];
    bool whole;
} builder;

static bool has(const builder *b, fb3_role role) {
    return b->column[role] != SIZE_MAX;
}

static const fb3_column *column_of(const builder *b, fb3_role role) {
    return &b->table->columns[b->column[role]];
}

static void find_roles(builder *b) {
    for (size_t i = 0; i < FB3_ROLES; i++)
        b->column[i] = SIZE_MAX;
    for (size_t i = 0; i < b->table->n_columns; i++) {
        fb3_role_detail detail;
        fb3_role role = fb3_role_of_column(b->table, i, &detail);
        bool texts = fb3_has_dictionary(b->table->columns[i].type);
        bool fits = role == FB3_ROLE_STATE ? texts : role <= FB3_ROLE_DESTINATION_PORT ? true : !texts;
        if (role >= FB3_ROLES || !fits || has(b, role))
            continue;
        b->column[role] = i;
        b->detail[role] = detail;
    }
}

/* ---- parts of rules ---------------------------------------------------------------------------- */

static fb3_rule *add_rule(builder *b, fb3_claim claim) {
    fb3_rule *rule = b->whole ? fb3_rules_append(b->rules) : NULL;
    b->whole = rule != NULL;
    if (rule != NULL)
        rule->claim = claim;
    return rule;
}

/* A rule that cannot be finished is the last one, and goes with the list. */
static char *copy_name(builder *b, const char *name) {
    char *copy = b->whole ? fb3_duplicate(b->rules->context, name) : NULL;
    b->whole = copy != NULL;
    return copy;
}

static fb3_test *add_test(builder *b, fb3_test **tests, size_t *count, const fb3_column *column) {
    fb3_test *grown = b->whole ? fb3_reallocate(b->rules->context, *tests, *count + 1, sizeof *grown) : NULL;
    b->whole = grown != NULL;
    if (grown == NULL)
        return NULL;
    *tests = grown;
    fb3_test *test = &grown[(*count)++];
    *test = (fb3_test){0};
    test->column = copy_name(b, column->name);
    return test;
}

static void add_interval(builder *b, fb3_test *test, double low, double high) {
    fb3_interval *grown =
        b->whole ? fb3_reallocate(b->rules->context, test->intervals, test->n_intervals + 1, sizeof *grown)
                 : NULL;
    b->whole = grown != NULL;
    if (grown == NULL)
        return;
    test->intervals = grown;
    test->intervals[test->n_intervals++] = (fb3_interval){low, high};
}

static void add_text(builder *b, char ***texts, size_t *count, const char *text) {
    char **grown = b->whole ? fb3_reallocate(b->rules->context, *texts, *count + 1, sizeof *grown) : NULL;
    b->whole = grown != NULL;
    if (grown == NULL)
        return;
    *texts = grown;
    (*texts)[*count] = copy_name(b, text);
    *count += b->whole;
}

/* ---- protocols --------------------------------------------------------------------------------- */

typedef struct protocol {
    const char *const *names;
    size_t n_names;
    const int *numbers; /* ascending */
    size_t n_numbers;
} protocol;

static const char *const tcp_names[] = {"tcp", "6"}, *const udp_names[] = {"udp", "17"};
static const char *const icmp_names[] = {"icmp", "icmp6", "icmpv6", "ipv6-icmp", "1", "58"};
static const char *const portless_names[] = {"igmp", "gre", "esp", "ah", "ospf", "pim",
                                             "2",    "47",  "50",  "51", "89",   "103"};
static const char *const ported_names[] = {"tcp", "udp", "sctp", "dccp", "6", "17", "33", "132"};
static const int ported_numbers[] = {6, 17, 33, 132};
static const int tcp_numbers[] = {6}, udp_numbers[] = {17}, icmp_numbers[] = {1, 58};
static const int portless_numbers[] = {2, 47, 50, 51, 89, 103};

#define PROTOCOL(names, numbers) \
    { names, FB3_COUNT(names), numbers, FB3_COUNT(numbers) }
static const protocol tcp = PROTOCOL(tcp_names, tcp_numbers), udp = PROTOCOL(udp_names, udp_numbers);
static const protocol icmp = PROTOCOL(icmp_names, icmp_numbers);
static const protocol ported = PROTOCOL(ported_names, ported_numbers);
static const protocol portless = PROTOCOL(portless_names, portless_numbers);

static bool is_called(const protocol *p, const char *text) {
    for (size_t i = 0; i < p->n_names; i++)
        if (strcasecmp(p->names[i], text) == 0)
            return true;
    return false;
}

static bool has_number(const protocol *p, double number) {
    for (size_t i = 0; i < p->n_numbers; i++)
        if (number == p->numbers[i])
            return true;
    return false;
}

/* Whether a row has a protocol. */
static bool row_has(const builder *b, const protocol *p, size_t row) {
    const fb3_column *column = column_of(b, FB3_ROLE_PROTOCOL);
    if (fb3_is_missing(column, row))
        return false;
    if (fb3_has_dictionary(column->type))
        return is_called(p, fb3_dictionary_text(column->dictionary, (size_t)column->codes[row]));
    return has_number(p, flowbd3_table_number(b->table, row, b->column[FB3_ROLE_PROTOCOL]));
}

/* Whether a table names a protocol, as far as its dictionary tells. */
static bool table_has(const builder *b, const protocol *p) {
    const fb3_column *column = column_of(b, FB3_ROLE_PROTOCOL);
    if (!fb3_has_dictionary(column->type))
        return true;
    for (size_t i = 0; i < column->dictionary->count; i++)
        if (is_called(p, fb3_dictionary_text(column->dictionary, i)))
            return true;
    return false;
}

static void add_spellings(builder *b, fb3_test *test, const fb3_dictionary *dictionary, const char *name) {
    for (size_t i = 0; i < dictionary->count; i++) {
        const char *text = fb3_dictionary_text(dictionary, i);
        if (strcasecmp(name, text) == 0)
            add_text(b, &test->texts, &test->n_texts, text);
    }
}

/* when: the protocol is this one, as the table spells it. */
static void when_protocol(builder *b, fb3_rule *rule, const protocol *p) {
    const fb3_column *column = column_of(b, FB3_ROLE_PROTOCOL);
    fb3_test *test = rule != NULL ? add_test(b, &rule->when, &rule->n_when, column) : NULL;
    if (test == NULL)
        return;
    if (!fb3_has_dictionary(column->type)) {
        for (size_t i = 0; i < p->n_numbers; i++)
            add_interval(b, test, p->numbers[i], p->numbers[i]);
        return;
    }
    for (size_t i = 0; i < p->n_names; i++)
        add_spellings(b, test, column->dictionary, p->names[i]);
}

static void when_not_tcp(builder *b, fb3_rule *rule) {
    const fb3_column *column = column_of(b, FB3_ROLE_PROTOCOL);
    if (fb3_has_dictionary(column->type)) {
        when_protocol(b, rule, &tcp);
        if (!b->whole)
            return;
        fb3_test *test = &rule->when[rule->n_when - 1];
        test->except = true;
        if (test->n_texts == 0)
            add_text(b, &test->texts, &test->n_texts, tcp_names[0]);
        return;
    }
    fb3_test *test = rule != NULL ? add_test(b, &rule->when, &rule->n_when, column) : NULL;
    if (test == NULL)
        return;
    add_interval(b, test, -(double)INFINITY, tcp_numbers[0] - 1);
    add_interval(b, test, tcp_numbers[0] + 1, (double)INFINITY);
}

/* ---- comparisons ------------------------------------------------------------------------------- */

/* left >= or <= factor * right, or without a column right, offset; of a protocol, or NULL. */
static void compare(builder *b, const protocol *p, const fb3_column *left, bool at_least, double factor,
                    const fb3_column *right, double offset) {
    if (p != NULL && !table_has(b, p))
        return;
    fb3_rule *rule = add_rule(b, FB3_CLAIM_COMPARISON);
    if (rule == NULL)
        return;
    if (p != NULL)
        when_protocol(b, rule, p);
    rule->comparison.left = copy_name(b, left->name);
    rule->comparison.right = right != NULL ? copy_name(b, right->name) : NULL;
    rule->comparison.at_least = at_least;
    rule->comparison.factor = factor;
    rule->comparison.offset = offset;
}

/* A header of IP has 20 bytes or more, one of TCP 20, one of UDP or ICMP 8. A packet of IP has 65535 at most,
 * its frame on Ethernet 22 more with two tags. */
static void bytes_of_packets(builder *b, fb3_role bytes_role, fb3_role packets_role) {
    if (!has(b, bytes_role) || !has(b, packets_role))
        return;
    const fb3_column *bytes = column_of(b, bytes_role), *packets = column_of(b, packets_role);
    fb3_role_detail of = b->detail[bytes_role];
    bool frames = of == FB3_BYTES_OF_LINK || of == FB3_PLAIN;
    compare(b, NULL, bytes, false, frames ? 65557.0 : 65535.0, packets, 0.0);
    if (!has(b, FB3_ROLE_PROTOCOL) || (of != FB3_BYTES_OF_IP && of != FB3_BYTES_OF_LINK))
        return;
    compare(b, &tcp, bytes, true, 40.0, packets, 0.0);
    compare(b, &udp, bytes, true, 28.0, packets, 0.0);
    compare(b, &icmp, bytes, true, 28.0, packets, 0.0);
}

/* A part is not above the whole. */
static void part_of(builder *b, fb3_role part, fb3_role whole) {
    if (has(b, part) && has(b, whole))
        compare(b, NULL, column_of(b, part), false, 1.0, column_of(b, whole), 0.0);
}

static void at_least(builder *b, fb3_role role, double least) {
    if (has(b, role))
        compare(b, NULL, column_of(b, role), true, 1.0, NULL, least);
}

/* ---- ports ------------------------------------------------------------------------------------- */

/* A port has 16 bits. What other protocols have in that column is not said. */
static void port_range(builder *b, fb3_role role) {
    bool protocols = has(b, FB3_ROLE_PROTOCOL);
    if (!has(b, role) || fb3_has_dictionary(column_of(b, role)->type) ||
        (protocols && !table_has(b, &ported)))
        return;
    fb3_rule *rule = add_rule(b, FB3_CLAIM_TESTS);
    if (protocols)
        when_protocol(b, rule, &ported);
    fb3_test *test = b->whole ? add_test(b, &rule->tests, &rule->n_tests, column_of(b, role)) : NULL;
    if (test == NULL)
        return;
    add_interval(b, test, 0.0, 65535.0);
    test->missing = true;
}

/* Whether the rows of a protocol, and there are some, never have a cell in a column. Many exporters put the
 * type and the code of ICMP where the ports are. */
static bool never_has(const builder *b, const protocol *p, fb3_role role) {
    const fb3_column *column = column_of(b, role);
    bool some = false;
    for (size_t row = 0; column->missing > 0 && row < b->table->rows; row++) {
        if (!row_has(b, p, row))
            continue;
        if (!fb3_is_missing(column, row))
            return false;
        some = true;
    }
    return some;
}

static void no_port(builder *b, const protocol *p, fb3_role role) {
    if (!has(b, role) || !has(b, FB3_ROLE_PROTOCOL) || !never_has(b, p, role))
        return;
    fb3_rule *rule = add_rule(b, FB3_CLAIM_TESTS);
    when_protocol(b, rule, p);
    fb3_test *test = b->whole ? add_test(b, &rule->tests, &rule->n_tests, column_of(b, role)) : NULL;
    if (test != NULL)
        test->missing = true;
}

/* ---- flags ------------------------------------------------------------------------------------- */

/* "......", "0x00", "-": no flag is set. */
static bool is_no_flag(const char *text) {
    return strspn(text, ".") == strlen(text) || strspn(text, "-") == strlen(text) || strcmp(text, "0") == 0 ||
           (strncasecmp(text, "0x", 2) == 0 && strspn(text + 2, "0") == strlen(text + 2));
}

/* Protocols other than TCP have no flags. */
static void no_flags(builder *b, const fb3_column *flags) {
    fb3_rule *rule = add_rule(b, FB3_CLAIM_TESTS);
    when_not_tcp(b, rule);
    fb3_test *test = b->whole ? add_test(b, &rule->tests, &rule->n_tests, flags) : NULL;
    if (test == NULL)
        return;
    test->missing = true;
    if (!fb3_has_dictionary(flags->type)) {
        add_interval(b, test, 0.0, 0.0);
        return;
    }
    for (size_t i = 0; i < flags->dictionary->count; i++) {
        const char *text = fb3_dictionary_text(flags->dictionary, i);
        if (is_no_flag(text))
            add_text(b, &test->texts, &test->n_texts, text);
    }
}

/* Argus writes the state of TCP as the flags of both sides, FSPA_FSPA, and that of others without a '_'. */
static void state_of_tcp(builder *b) {
    if (!has(b, FB3_ROLE_STATE) || !has(b, FB3_ROLE_PROTOCOL))
        return;
    fb3_rule *rule = add_rule(b, FB3_CLAIM_TESTS);
    when_not_tcp(b, rule);
    fb3_test *test =
        b->whole ? add_test(b, &rule->tests, &rule->n_tests, column_of(b, FB3_ROLE_STATE)) : NULL;
    if (test == NULL)
        return;
    test->missing = test->except = true;
    add_text(b, &test->patterns, &test->n_patterns, "*_*");
}

/* ---- one packet -------------------------------------------------------------------------------- */

static void when_count(builder *b, fb3_rule *rule, fb3_role role, double count) {
    fb3_test *test = rule != NULL ? add_test(b, &rule->when, &rule->n_when, column_of(b, role)) : NULL;
    if (test != NULL)
        add_interval(b, test, count, count);
}

/* A flow of one packet ends when it begins. */
static void one_packet(builder *b) {
    bool sides = has(b, FB3_ROLE_SOURCE_PACKETS) && has(b, FB3_ROLE_DESTINATION_PACKETS);
    if (!has(b, FB3_ROLE_DURATION) || b->detail[FB3_ROLE_DURATION] != FB3_FIRST_TO_LAST ||
        (!has(b, FB3_ROLE_PACKETS) && !sides))
        return;
    fb3_rule *rule = add_rule(b, FB3_CLAIM_TESTS);
    if (has(b, FB3_ROLE_PACKETS)) {
        when_count(b, rule, FB3_ROLE_PACKETS, 1.0);
    } else {
        when_count(b, rule, FB3_ROLE_SOURCE_PACKETS, 1.0);
        when_count(b, rule, FB3_ROLE_DESTINATION_PACKETS, 0.0);
    }
    fb3_test *test =
        b->whole ? add_test(b, &rule->tests, &rule->n_tests, column_of(b, FB3_ROLE_DURATION)) : NULL;
    if (test == NULL)
        return;
    add_interval(b, test, 0.0, 0.0);
    test->missing = true;
}

/* ---- the door ---------------------------------------------------------------------------------- */

/* Columns of which there may be several. */
static void each_column(builder *b) {
    for (size_t i = 0; i < b->table->n_columns; i++) {
        fb3_role_detail detail;
        fb3_role role = fb3_role_of_column(b->table, i, &detail);
        const fb3_column *column = &b->table->columns[i];
        if (role == FB3_ROLE_TCP_FLAGS && has(b, FB3_ROLE_PROTOCOL))
            no_flags(b, column);
        if (role == FB3_ROLE_RATE && !fb3_has_dictionary(column->type))
            compare(b, NULL, column, true, 1.0, NULL, 0.0);
    }
}

static void build(builder *b) {
    find_roles(b);
    no_port(b, &icmp, FB3_ROLE_SOURCE_PORT);
    no_port(b, &icmp, FB3_ROLE_DESTINATION_PORT);
    no_port(b, &portless, FB3_ROLE_SOURCE_PORT);
    no_port(b, &portless, FB3_ROLE_DESTINATION_PORT);
    port_range(b, FB3_ROLE_SOURCE_PORT);
    port_range(b, FB3_ROLE_DESTINATION_PORT);
    state_of_tcp(b);
    at_least(b, FB3_ROLE_PACKETS, 1.0);
    part_of(b, FB3_ROLE_SOURCE_PACKETS, FB3_ROLE_PACKETS);
    part_of(b, FB3_ROLE_DESTINATION_PACKETS, FB3_ROLE_PACKETS);
    part_of(b, FB3_ROLE_SOURCE_BYTES, FB3_ROLE_BYTES);
    part_of(b, FB3_ROLE_DESTINATION_BYTES, FB3_ROLE_BYTES);
    bytes_of_packets(b, FB3_ROLE_BYTES, FB3_ROLE_PACKETS);
    bytes_of_packets(b, FB3_ROLE_SOURCE_BYTES, FB3_ROLE_SOURCE_PACKETS);
    bytes_of_packets(b, FB3_ROLE_DESTINATION_BYTES, FB3_ROLE_DESTINATION_PACKETS);
    at_least(b, FB3_ROLE_DURATION, 0.0);
    one_packet(b);
    each_column(b);
}

flowbd3_status flowbd3_rules_default(flowbd3_rules **out, const flowbd3_table *table, flowbd3_error *err) {
    if (out != NULL)
        *out = NULL;
    if (out == NULL || table == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_rules_default: %s is NULL",
                        out == NULL ? "out" : "table");
    builder b = {.rules = fb3_rules_create(table->context), .table = table};
    if (b.rules == NULL)
        return fb3_no_memory(err, "rules");
    b.whole = true;
    build(&b);
    flowbd3_status status = b.whole ? fb3_rules_finish(b.rules, err) : fb3_no_memory(err, "rules");
    if (status != FLOWBD3_OK)
        flowbd3_rules_destroy(&b.rules);
    *out = b.rules;
    return status;
}
