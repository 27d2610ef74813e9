/* Rules planted in random tables are found, and nothing is found where nothing is. */
#include "rules/rules.h"

#include "counted.h"
#include "test_main.h"

#include <math.h>
#include <string.h>

/* ---- tables ------------------------------------------------------------------------------------ */

/* A number that looks random: a function of seed and row. */
static double noise(uint64_t seed, size_t row) {
    return fb3_uniform(seed, FB3_RANDOM_TOKEN, row, 0);
}

/* Between low and high, small ones more often. */
static double heavy(uint64_t seed, size_t row, double low, double high) {
    return low * pow(high / low, noise(seed, row));
}

static flowbd3_context *context;

static void setup(void) {
    ck_assert_int_eq(flowbd3_context_create(&context, NULL, NULL), FLOWBD3_OK);
}

static void teardown(void) {
    flowbd3_context_destroy(&context);
}

static flowbd3_table *new_table(void) {
    flowbd3_table *table = NULL;
    ck_assert_int_eq(flowbd3_table_create(&table, context, NULL), FLOWBD3_OK);
    return table;
}

/* Columns of numbers; NaN is missing. */
static void add_real(flowbd3_table *table, const char *name, const double *values, size_t rows, int digits) {
    double *rounded = malloc(rows * sizeof *rounded);
    for (size_t i = 0; i < rows; i++)
        rounded[i] = digits >= 0 && !isnan(values[i]) ? fb3_round_to_decimals(values[i], digits) : values[i];
    ck_assert_int_eq(flowbd3_table_add_real(table, name, rounded, NULL, rows, NULL), FLOWBD3_OK);
    if (digits > 0)
        ck_assert_int_eq(flowbd3_table_set_decimals(table, flowbd3_table_columns(table) - 1, digits, NULL),
                         FLOWBD3_OK);
    free(rounded);
}

static void add_integer(flowbd3_table *table, const char *name, const double *values, size_t rows) {
    int64_t *cells = calloc(rows, sizeof *cells);
    uint8_t *valid = malloc(rows);
    for (size_t i = 0; i < rows; i++) {
        valid[i] = (uint8_t)(isnan(values[i]) == 0);
        cells[i] = valid[i] ? (int64_t)values[i] : 0;
    }
    ck_assert_int_eq(flowbd3_table_add_integer(table, name, cells, valid, rows, NULL), FLOWBD3_OK);
    free(cells);
    free(valid);
}

/* Texts by number; -1 is missing. */
static void add_texts(flowbd3_table *table, const char *name, const int *codes, const char *const *texts,
                      size_t rows) {
    const char **cells = malloc(rows * sizeof *cells);
    for (size_t i = 0; i < rows; i++)
        cells[i] = codes[i] >= 0 ? texts[codes[i]] : NULL;
    ck_assert_int_eq(flowbd3_table_add_categorical(table, name, cells, rows, NULL), FLOWBD3_OK);
    free(cells);
}

static double *numbers(size_t rows) {
    return calloc(rows, sizeof(double));
}

/* ---- searching --------------------------------------------------------------------------------- */

static flowbd3_rules *search(const flowbd3_table *table, const flowbd3_rules *given) {
    flowbd3_rules *rules = NULL;
    flowbd3_error err = {0};
    flowbd3_status status = flowbd3_rules_search(&rules, table, given, NULL, &err);
    ck_assert_msg(status == FLOWBD3_OK, "%s", err.message);
    return rules;
}

static const fb3_rule *find(const flowbd3_rules *rules, const char *text) {
    for (size_t i = 0; i < rules->count; i++)
        if (strcmp(rules->rules[i].text, text) == 0)
            return &rules->rules[i];
    return NULL;
}

static void print_rules(const flowbd3_rules *rules) {
    for (size_t i = 0; i < rules->count; i++)
        (void)fprintf(stderr, "# %s (%llu of %llu)\n", rules->rules[i].text,
                      (unsigned long long)rules->rules[i].obey, (unsigned long long)rules->rules[i].applies);
}

/* The rules are these texts, in any order, and no others. Destroys both. */
static void expect(flowbd3_table *table, flowbd3_rules *rules, const char *const *texts, size_t n) {
    if (rules->count != n)
        print_rules(rules);
    for (size_t i = 0; i < n; i++) {
        const fb3_rule *rule = find(rules, texts[i]);
        if (rule == NULL)
            print_rules(rules);
        ck_assert_msg(rule != NULL, "not found: %s", texts[i]);
        ck_assert_uint_le(rule->obey, rule->applies);
    }
    ck_assert_uint_eq(rules->count, n);
    flowbd3_rules_destroy(&rules);
    flowbd3_table_destroy(&table);
}

#define EXPECT(table, rules, ...)                          \
    do {                                                   \
        static const char *const texts_[] = {__VA_ARGS__}; \
        expect(table, rules, texts_, FB3_COUNT(texts_));   \
    } while (0)

static void expect_nothing(flowbd3_table *table) {
    expect(table, search(table, NULL), NULL, 0);
}

/* ---- derived columns --------------------------------------------------------------------------- */

enum { ROWS = 3000 };

/* Packets, bytes and a duration that is 0 at times. */
static void fill_flows(double *packets, double *bytes, double *duration) {
    for (size_t i = 0; i < ROWS; i++) {
        packets[i] = floor(heavy(1, i, 1.0, 5000.0));
        bytes[i] = floor(heavy(2, i, 1.0, 1e7));
        duration[i] = noise(3, i) < 0.1 ? 0.0 : fb3_round_to_decimals(heavy(4, i, 1e-5, 1e3), 6);
    }
}

/* A table of these three and a fourth column of them. */
static flowbd3_table *flows_and(const char *name, int digits, double scale,
                                double (*f)(double packets, double bytes, double duration)) {
    double *p = numbers(ROWS), *b = numbers(ROWS), *d = numbers(ROWS), *c = numbers(ROWS);
    flowbd3_table *table = new_table();
    fill_flows(p, b, d);
    for (size_t i = 0; i < ROWS; i++)
        c[i] = scale * f(p[i], b[i], d[i]);
    add_integer(table, "p", p, ROWS);
    add_integer(table, "b", b, ROWS);
    add_real(table, "d", d, ROWS, 6);
    if (digits == 0)
        add_integer(table, name, c, ROWS);
    else
        add_real(table, name, c, ROWS, digits);
    free(p);
    free(b);
    free(d);
    free(c);
    return table;
}

static double rate(double p, double b, double d) {
    (void)b;
    return d > 0.0 ? p / d : 0.0;
}
static double rate_or_missing(double p, double b, double d) {
    (void)b;
    return d > 0.0 ? p / d : (double)NAN;
}
static double rate_or_minus_one(double p, double b, double d) {
    (void)b;
    return d > 0.0 ? p / d : -1.0;
}
static double mean(double p, double b, double d) {
    (void)d;
    return b / p;
}
static double product(double p, double b, double d) {
    (void)d;
    return p * b;
}
static double sum(double p, double b, double d) {
    (void)d;
    return p + b;
}
static double difference(double p, double b, double d) {
    (void)d;
    return p - b;
}
static double copy(double p, double b, double d) {
    (void)p;
    (void)d;
    return b;
}
static double less_one(double p, double b, double d) {
    (void)d;
    return b + p - 1.0;
}
static double kilobytes(double p, double b, double d) {
    (void)p;
    (void)d;
    return floor(b / 1024.0);
}
static double fahrenheit(double p, double b, double d) {
    (void)p;
    (void)d;
    return 1.8 * b + 32.0;
}

START_TEST(test_ratio) {
    flowbd3_table *table = flows_and("c", 6, 1.0, rate);
    EXPECT(table, search(table, NULL), "c = p / d, 6 digits, otherwise 0");
    table = flows_and("c", 6, 1.0, rate_or_missing);
    EXPECT(table, search(table, NULL), "c = p / d, 6 digits");
    table = flows_and("c", 6, 1.0, rate_or_minus_one);
    EXPECT(table, search(table, NULL), "c = p / d, 6 digits, otherwise -1");
    table = flows_and("c", 3, 1.0, mean);
    EXPECT(table, search(table, NULL), "c = b / p, 3 digits, otherwise 0");
    table = flows_and("c", 3, 8.0, mean);
    EXPECT(table, search(table, NULL), "c = 8 * b / p, 3 digits, otherwise 0");
    table = flows_and("c", -1, 1e3, mean);
    EXPECT(table, search(table, NULL), "c = 1000 * b / p, otherwise 0");
}
END_TEST

START_TEST(test_other_operations) {
    flowbd3_table *table = flows_and("c", 0, 1.0, product);
    EXPECT(table, search(table, NULL), "c = p * b");
    table = flows_and("c", 0, 1.0, sum);
    EXPECT(table, search(table, NULL), "c = p + b");
    table = flows_and("c", 1, 0.5, sum);
    EXPECT(table, search(table, NULL), "c = 0.5 * (p + b), 1 digit");
    table = flows_and("c", 0, 1.0, difference);
    EXPECT(table, search(table, NULL), "p = b + c");
    table = flows_and("c", 0, 1.0, copy);
    EXPECT(table, search(table, NULL), "c = b");
    table = flows_and("c", 0, 8.0, copy);
    EXPECT(table, search(table, NULL), "c = 8 * b");
    table = flows_and("c", 0, 1.0, less_one);
    EXPECT(table, search(table, NULL), "c = p + b - 1");
    table = flows_and("c", 0, 1.0, kilobytes);
    EXPECT(table, search(table, NULL), "c = 0.0009765625 * b, cut to 0 digits");
    table = flows_and("c", 2, 1.0 / 1024.0, copy);
    EXPECT(table, search(table, NULL), "c = 0.0009765625 * b, 2 digits");
    table = flows_and("c", 1, 1.0, fahrenheit);
    EXPECT(table, search(table, NULL), "c = 1.8 * b + 32, 1 digit");
}
END_TEST

/* Bytes both ways, their sum, its rate in bits, and the mean of a packet: each is computed once. */
START_TEST(test_chain) {
    double *p = numbers(ROWS), *b = numbers(ROWS), *d = numbers(ROWS), *c = numbers(ROWS), *e = numbers(ROWS);
    flowbd3_table *table = new_table();
    fill_flows(p, b, d);
    for (size_t i = 0; i < ROWS; i++)
        c[i] = noise(5, i) < 0.5 ? 0.0 : floor(heavy(6, i, 1.0, 1e7));
    add_integer(table, "out", b, ROWS);
    add_integer(table, "in", c, ROWS);
    for (size_t i = 0; i < ROWS; i++)
        e[i] = b[i] + c[i];
    add_integer(table, "bytes", e, ROWS);
    add_real(table, "seconds", d, ROWS, 6);
    for (size_t i = 0; i < ROWS; i++)
        c[i] = d[i] > 0.0 ? 8.0 * e[i] / d[i] : 0.0;
    add_real(table, "bits_per_second", c, ROWS, 2);
    add_integer(table, "packets", p, ROWS);
    for (size_t i = 0; i < ROWS; i++)
        c[i] = e[i] / p[i];
    add_real(table, "mean", c, ROWS, 4);
    EXPECT(table, search(table, NULL), "bytes = out + in",
           "bits_per_second = 8 * bytes / seconds, 2 digits, otherwise 0",
           "mean = bytes / packets, 4 digits, otherwise 0");
    free(p);
    free(b);
    free(d);
    free(c);
    free(e);
}
END_TEST

/* A few rows that do not obey leave the rule, which is then not certain; many leave none. */
START_TEST(test_violations) {
    for (int many = 0; many < 2; many++) {
        double *p = numbers(ROWS), *b = numbers(ROWS), *d = numbers(ROWS), *c = numbers(ROWS);
        uint64_t wrong = 0;
        flowbd3_table *table = new_table();
        fill_flows(p, b, d);
        for (size_t i = 0; i < ROWS; i++) {
            c[i] = b[i] / p[i];
            if (noise(7, i) < (many == 1 ? 0.1 : 0.004)) {
                c[i] = 2.0 * c[i] + 1.0;
                wrong++;
            }
        }
        add_integer(table, "p", p, ROWS);
        add_integer(table, "b", b, ROWS);
        add_real(table, "c", c, ROWS, 3);
        flowbd3_rules *rules = search(table, NULL);
        const fb3_rule *rule = find(rules, "c = b / p, 3 digits, otherwise 0");
        ck_assert(many == 1 ? rule == NULL : rule != NULL);
        if (rule != NULL) {
            ck_assert_uint_eq(rule->applies, ROWS);
            ck_assert_uint_eq(rule->obey, ROWS - wrong);
            ck_assert(rule->found && !fb3_rule_is_certain(rule));
        }
        flowbd3_rules_destroy(&rules);
        flowbd3_table_destroy(&table);
        free(p);
        free(b);
        free(d);
        free(c);
    }
}
END_TEST

/* Where a source is missing, the column is. */
START_TEST(test_missing_sources) {
    double *p = numbers(ROWS), *b = numbers(ROWS), *d = numbers(ROWS);
    flowbd3_table *table = new_table();
    fill_flows(p, b, d);
    for (size_t i = 0; i < ROWS; i++) {
        if (noise(8, i) < 0.2)
            p[i] = (double)NAN;
        if (noise(9, i) < 0.2)
            b[i] = (double)NAN;
        d[i] = p[i] + b[i];
    }
    add_integer(table, "p", p, ROWS);
    add_integer(table, "b", b, ROWS);
    add_integer(table, "c", d, ROWS);
    EXPECT(table, search(table, NULL), "c = p + b");
    free(p);
    free(b);
    free(d);
}
END_TEST

/* Times in milliseconds and in seconds, of which the duration is the last digits. */
START_TEST(test_timestamps) {
    double *start = numbers(ROWS), *duration = numbers(ROWS), *end = numbers(ROWS);
    for (int seconds = 0; seconds < 2; seconds++) {
        flowbd3_table *table = new_table();
        for (size_t i = 0; i < ROWS; i++) {
            start[i] = floor(1.7e12 + 30.0 * (double)i + 20.0 * noise(60, i));
            duration[i] = floor(heavy(61, i, 1.0, 900.0));
            if (seconds == 1) {
                start[i] = fb3_round_to_decimals(start[i] / 1000.0, 3);
                duration[i] = fb3_round_to_decimals(duration[i] / 1000.0, 3);
            }
            end[i] = start[i] + duration[i];
        }
        if (seconds == 0) {
            add_integer(table, "start", start, ROWS);
            add_integer(table, "duration", duration, ROWS);
            add_integer(table, "end", end, ROWS);
        } else {
            add_real(table, "start", start, ROWS, 3);
            add_real(table, "duration", duration, ROWS, 3);
            add_real(table, "end", end, ROWS, 3);
        }
        EXPECT(table, search(table, NULL), "end = start + duration");
    }
    free(start);
    free(duration);
    free(end);
}
END_TEST

/* Numbers of all sizes, and products that are too large for one. */
START_TEST(test_magnitudes) {
    static const double ends[][2] = {{1e-300, 1e-290}, {1e-5, 1e5}, {1e290, 1e300}};
    for (size_t k = 0; k < FB3_COUNT(ends); k++) {
        double *a = numbers(ROWS), *b = numbers(ROWS), *c = numbers(ROWS);
        flowbd3_table *table = new_table();
        for (size_t i = 0; i < ROWS; i++) {
            a[i] = heavy(10, i, ends[k][0], ends[k][1]);
            b[i] = heavy(11, i, ends[k][0], ends[k][1]);
            c[i] = a[i] / b[i];
        }
        add_real(table, "a", a, ROWS, -1);
        add_real(table, "b", b, ROWS, -1);
        add_real(table, "c", c, ROWS, -1);
        flowbd3_rules *rules = search(table, NULL);
        ck_assert_uint_ge(rules->count, 1);
        ck_assert_int_eq(rules->rules[0].claim, FB3_CLAIM_DERIVED);
        ck_assert_uint_eq(rules->rules[0].obey, ROWS);
        flowbd3_rules_destroy(&rules);
        flowbd3_table_destroy(&table);
        free(a);
        free(b);
        free(c);
    }
}
END_TEST

/* ---- order and bounds -------------------------------------------------------------------------- */

START_TEST(test_bounds) {
    double *p = numbers(ROWS), *b = numbers(ROWS), *s = numbers(ROWS), *m = numbers(ROWS);
    flowbd3_table *table = new_table();
    for (size_t i = 0; i < ROWS; i++) {
        p[i] = floor(heavy(20, i, 1.0, 1000.0));
        b[i] = noise(21, i) < 0.05 ? 60.0 * p[i] : floor(p[i] * heavy(22, i, 60.0, 1500.0));
        s[i] = noise(23, i) < 0.1 ? b[i] : floor(noise(24, i) * b[i]);
        m[i] = noise(25, i) < 0.1 ? s[i] : floor(noise(26, i) * s[i]);
    }
    add_integer(table, "packets", p, ROWS);
    add_integer(table, "bytes", b, ROWS);
    add_integer(table, "sent", s, ROWS);
    add_integer(table, "most", m, ROWS);
    /* most <= bytes follows from the two orders. */
    EXPECT(table, search(table, NULL), "bytes >= 60 * packets", "sent <= bytes", "most <= sent");
    free(p);
    free(b);
    free(s);
    free(m);
}
END_TEST

/* Ranges that do not overlap make no order; a narrow ratio makes two bounds. */
START_TEST(test_ranges) {
    double *a = numbers(ROWS), *b = numbers(ROWS);
    flowbd3_table *table = new_table();
    for (size_t i = 0; i < ROWS; i++) {
        a[i] = heavy(30, i, 1.0, 1000.0);
        b[i] = 2000.0 + 5000.0 * noise(31, i);
    }
    add_real(table, "a", a, ROWS, 3);
    add_real(table, "b", b, ROWS, 3);
    expect_nothing(table);
    table = new_table();
    for (size_t i = 0; i < ROWS; i++)
        b[i] = a[i] * (3.0 + 0.3 * noise(32, i));
    add_real(table, "a", a, ROWS, 3);
    add_real(table, "b", b, ROWS, 3);
    EXPECT(table, search(table, NULL), "b >= 3 * a", "b <= 3.3 * a");
    free(a);
    free(b);
}
END_TEST

/* A few rows that no sample need see lower a bound of all the others to what they have. */
START_TEST(test_rare_rows_lower_a_bound) {
    enum { MANY = 100000 };
    double *a = numbers(MANY), *b = numbers(MANY);
    flowbd3_table *table = new_table();
    for (size_t i = 0; i < MANY; i++) {
        a[i] = heavy(33, i, 1.0, 1000.0);
        b[i] = a[i] * (i % 30011 == 30010 ? 2.9 : 3.0 + 0.3 * noise(34, i));
    }
    add_real(table, "a", a, MANY, 3);
    add_real(table, "b", b, MANY, 3);
    EXPECT(table, search(table, NULL), "b >= 3 * a", "b >= 2.87 * a", "b <= 3.33 * a");
    free(a);
    free(b);
}
END_TEST

/* Where the larger one is 0, so is the smaller one: the bound says it. */
START_TEST(test_zeros_follow_from_a_bound) {
    double *a = numbers(ROWS), *b = numbers(ROWS);
    flowbd3_table *table = new_table();
    for (size_t i = 0; i < ROWS; i++) {
        a[i] = noise(35, i) < 0.2 ? 0.0 : floor(heavy(36, i, 10.0, 1000.0));
        b[i] = noise(37, i) < 0.2 ? a[i] : floor(noise(38, i) * a[i]);
    }
    add_integer(table, "a", a, ROWS);
    add_integer(table, "b", b, ROWS);
    EXPECT(table, search(table, NULL), "b <= a");
    free(a);
    free(b);
}
END_TEST

/* ---- implications ------------------------------------------------------------------------------ */

static const char *const protocols[] = {"tcp", "udp", "icmp", "arp"};
static const char *const states[] = {"EST", "FIN", "RST", "CON", "INT", "ECO", "URP"};

/* Ports where there are some, states of each protocol, arp of one packet. */
static flowbd3_table *protocol_table(size_t rows) {
    int *protocol = calloc(rows, sizeof *protocol), *state = calloc(rows, sizeof *state);
    double *port = numbers(rows), *packets = numbers(rows);
    flowbd3_table *table = new_table();
    static const int first[] = {0, 3, 5, 4}, count[] = {3, 2, 2, 1};
    for (size_t i = 0; i < rows; i++) {
        double u = noise(40, i);
        int p = u < 0.4 ? 0 : u < 0.8 ? 1 : u < 0.95 ? 2 : 3;
        protocol[i] = p;
        state[i] = first[p] + (int)(noise(41, i) * count[p]);
        port[i] = p < 2 ? floor(65536.0 * noise(42, i)) : (double)NAN;
        packets[i] = p == 3 ? 1.0 : floor(heavy(43, i, 1.0, 1000.0));
    }
    add_texts(table, "proto", protocol, protocols, rows);
    add_texts(table, "state", state, states, rows);
    add_integer(table, "port", port, rows);
    add_integer(table, "packets", packets, rows);
    free(protocol);
    free(state);
    free(port);
    free(packets);
    return table;
}

/* That tcp has the states FIN, RST and EST follows from what the other states say. The same of a table that
 * is too large for all of its rows to be looked at first. */
START_TEST(test_implications) {
    for (size_t rows = 6000; rows <= 150000; rows *= 25) {
        flowbd3_table *table = protocol_table(rows);
        EXPECT(table, search(table, NULL), "proto in {tcp, udp}: port present",
               "proto in {icmp, arp}: port missing", "proto in {arp}: packets = 1",
               "state in {CON}: proto in {udp}", "state in {INT}: proto in {udp, arp}",
               "state in {FIN, RST, EST}: proto in {tcp}", "state in {URP, ECO}: proto in {icmp}");
    }
}
END_TEST

/* A number for every one of another: implications say it of 0 and 1 alone. */
START_TEST(test_a_function_is_said_of_0_and_1) {
    static const double of[] = {17, 4, 12, 9, 3, 21, 8, 14};
    double *x = numbers(ROWS), *y = numbers(ROWS), *z = numbers(ROWS);
    flowbd3_table *table = new_table();
    for (size_t i = 0; i < ROWS; i++) {
        x[i] = floor(8.0 * noise(44, i));
        y[i] = of[(size_t)x[i]];
        z[i] = floor(heavy(46, i, 1.0, 1e6));
    }
    add_integer(table, "x", x, ROWS);
    add_integer(table, "y", y, ROWS);
    add_integer(table, "z", z, ROWS);
    EXPECT(table, search(table, NULL), "x = 0: y = 17", "x = 1: y = 4");
    free(x);
    free(y);
    free(z);
}
END_TEST

/* Protocols as numbers, and a rare one; a burst of rows alike is one event and makes no rule. */
START_TEST(test_conditions) {
    double *protocol = numbers(ROWS), *port = numbers(ROWS), *flags = numbers(ROWS);
    flowbd3_table *table = new_table();
    for (size_t i = 0; i < ROWS; i++) {
        double u = noise(50, i);
        protocol[i] = u < 0.6 ? 6.0 : u < 0.9 ? 17.0 : u < 0.995 ? 1.0 : 47.0;
        port[i] = protocol[i] == 1.0 || protocol[i] == 47.0 ? (double)NAN : floor(60000.0 * noise(51, i));
        flags[i] = protocol[i] == 6.0 ? floor(32.0 * noise(52, i)) : 0.0;
    }
    add_integer(table, "protocol", protocol, ROWS);
    add_integer(table, "port", port, ROWS);
    add_integer(table, "flags", flags, ROWS);
    /* Of 47 there are too few rows to say anything, so that the last rule does not follow. */
    EXPECT(table, search(table, NULL), "protocol = 1: port missing", "protocol in {6, 17}: port present",
           "protocol in {1, 17}: flags = 0", "port missing: flags = 0");
    for (size_t i = 0; i < ROWS; i++) {
        bool burst = i >= 1000 && i < 1100;
        protocol[i] = burst ? 99.0 : noise(50, i) < 0.6 ? 6.0 : 17.0;
        flags[i] = burst ? 7.0 : floor(32.0 * noise(52, i));
    }
    table = new_table();
    add_integer(table, "protocol", protocol, ROWS);
    add_integer(table, "flags", flags, ROWS);
    expect_nothing(table);
    free(protocol);
    free(port);
    free(flags);
}
END_TEST

/* ---- tables without rules ---------------------------------------------------------------------- */

/* Columns of all kinds that have nothing to do with one another. */
static flowbd3_table *independent_table(uint64_t seed, size_t rows) {
    static const char *const letters[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    flowbd3_table *table = new_table();
    double *values = numbers(rows);
    int *codes = calloc(rows, sizeof *codes);
    for (size_t k = 0; k < 16; k++) {
        char name[8];
        (void)snprintf(name, sizeof name, "c%zu", k);
        uint64_t s = seed * 100 + k;
        for (size_t i = 0; i < rows; i++) {
            double u = noise(s, i);
            codes[i] = (int)(8.0 * u * u * u);
            values[i] = k % 4 == 0   ? floor(heavy(s, i, 1.0, 1e6))
                        : k % 4 == 1 ? floor(6.0 * u * u)
                        : k % 4 == 2 ? heavy(s, i, 1e-4, 1e4)
                                     : u;
            if (k % 3 == 0 && noise(s + 50, i) < 0.1) {
                values[i] = (double)NAN;
                codes[i] = -1;
            }
        }
        if (k % 4 == 3)
            add_texts(table, name, codes, letters, rows);
        else if (k % 4 == 2)
            add_real(table, name, values, rows, (int)(k / 4) * 2 + 1);
        else
            add_integer(table, name, values, rows);
    }
    free(values);
    free(codes);
    return table;
}

START_TEST(test_independent) {
    static const size_t rows[] = {1, 2, 20, 40, 100, 300, 1000, 5000};
    for (uint64_t seed = 0; seed < 8; seed++)
        expect_nothing(independent_table(seed * 8 + (uint64_t)_i, rows[_i]));
}
END_TEST

START_TEST(test_poor_tables) {
    double *values = numbers(ROWS);
    flowbd3_table *table = new_table();
    add_integer(table, "zero", values, ROWS);
    expect_nothing(table);
    table = new_table();
    add_integer(table, "zero", values, ROWS);
    add_real(table, "nothing", values, ROWS, 1);
    for (size_t i = 0; i < ROWS; i++)
        values[i] = (double)NAN;
    add_real(table, "missing", values, ROWS, 1);
    add_integer(table, "missing too", values, ROWS);
    expect_nothing(table);
    flowbd3_rules *rules;
    table = new_table();
    ck_assert_int_eq(flowbd3_rules_search(&rules, table, NULL, NULL, NULL), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_ptr_null(rules);
    ck_assert_int_eq(flowbd3_rules_search(&rules, NULL, NULL, NULL, NULL), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(flowbd3_rules_search(NULL, table, NULL, NULL, NULL), FLOWBD3_ERROR_ARGUMENT);
    flowbd3_table_destroy(&table);
    free(values);
}
END_TEST

/* ---- what the user says ------------------------------------------------------------------------ */

static flowbd3_rules *given_rules(bool searched) {
    flowbd3_rules *given = fb3_rules_create(context);
    fb3_rule *rule = fb3_rules_append(given);
    rule->name = fb3_duplicate(context, "order");
    rule->claim = FB3_CLAIM_COMPARISON;
    rule->comparison = (fb3_comparison_claim){
        .left = fb3_duplicate(context, "p"), .right = fb3_duplicate(context, "b"), .factor = 1.0};
    ck_assert_int_eq(fb3_rules_finish(given, NULL), FLOWBD3_OK);
    given->search = searched;
    return given;
}

static void forbid(flowbd3_rules *given, const char *name, const char *const *columns, size_t n) {
    given->forbidden = fb3_allocate_zero(context, 1, sizeof *given->forbidden);
    given->n_forbidden = 1;
    given->forbidden[0].name = name != NULL ? fb3_duplicate(context, name) : NULL;
    given->forbidden[0].columns = fb3_allocate_zero(context, n, sizeof(char *));
    given->forbidden[0].n_columns = n;
    for (size_t i = 0; i < n; i++)
        given->forbidden[0].columns[i] = fb3_duplicate(context, columns[i]);
}

START_TEST(test_given) {
    flowbd3_table *table = flows_and("c", 6, 1.0, rate);
    flowbd3_rules *given = given_rules(true), *rules = search(table, given);
    ck_assert_uint_eq(rules->count, 2);
    ck_assert_str_eq(rules->rules[0].name, "order");
    ck_assert(!rules->rules[0].found && rules->rules[1].found);
    ck_assert_uint_eq(rules->rules[0].applies, ROWS);
    ck_assert_uint_gt(rules->rules[0].obey, 0);
    ck_assert_uint_lt(rules->rules[0].obey, ROWS);
    ck_assert_str_eq(rules->rules[1].text, "c = p / d, 6 digits, otherwise 0");
    /* What was found, given again, is found once. */
    flowbd3_rules *again = search(table, rules);
    ck_assert_uint_eq(again->count, 2);
    flowbd3_rules_destroy(&again);
    flowbd3_rules_destroy(&rules);
    flowbd3_rules_destroy(&given);
    given = given_rules(false);
    EXPECT(table, search(table, given), "p <= b");
    flowbd3_rules_destroy(&given);
    double zeros[3] = {0.0, 1.0, 2.0};
    table = new_table();
    add_integer(table, "p", zeros, 3);
    given = given_rules(true);
    ck_assert_int_eq(flowbd3_rules_search(&rules, table, given, NULL, NULL), FLOWBD3_ERROR_SCHEMA);
    ck_assert_ptr_null(rules);
    flowbd3_rules_destroy(&given);
    flowbd3_table_destroy(&table);
}
END_TEST

/* A list of all kinds is found again as it is, with the shares of the other table. */
START_TEST(test_given_again) {
    flowbd3_table *table = protocol_table(6000), *other = protocol_table(5000);
    flowbd3_rules *rules = search(table, NULL), *again = search(other, rules);
    ck_assert_uint_eq(again->count, rules->count);
    for (size_t i = 0; i < rules->count; i++) {
        ck_assert_str_eq(again->rules[i].name, rules->rules[i].name);
        ck_assert(again->rules[i].found);
        ck_assert_uint_lt(again->rules[i].applies, rules->rules[i].applies);
    }
    flowbd3_rules_destroy(&again);
    flowbd3_rules_destroy(&rules);
    flowbd3_table_destroy(&other);
    flowbd3_table_destroy(&table);
}
END_TEST

START_TEST(test_forbidden) {
    static const char *const two[] = {"c", "d"}, *const others[] = {"c", "b"};
    for (int k = 0; k < 3; k++) {
        flowbd3_table *table = flows_and("c", 6, 1.0, rate);
        flowbd3_rules *given = fb3_rules_create(context);
        if (k == 0)
            forbid(given, NULL, two, 2);
        else if (k == 1)
            forbid(given, "c = p / d, 6 digits, otherwise 0", NULL, 0);
        else
            forbid(given, NULL, others, 2);
        flowbd3_rules *rules = search(table, given);
        ck_assert(k == 2 || find(rules, "c = p / d, 6 digits, otherwise 0") == NULL);
        ck_assert_uint_eq(rules->n_forbidden, 1);
        ck_assert_uint_eq(rules->count, k == 2);
        flowbd3_rules_destroy(&rules);
        flowbd3_rules_destroy(&given);
        flowbd3_table_destroy(&table);
    }
}
END_TEST

/* ---- the call ---------------------------------------------------------------------------------- */

typedef struct watch {
    int calls, stop;
    uint64_t done, total;
} watch;

static int observe(void *user, const flowbd3_progress *progress) {
    watch *w = user;
    ck_assert_uint_ge(progress->done, w->done);
    w->done = progress->done;
    w->total = progress->total;
    return ++w->calls == w->stop;
}

START_TEST(test_progress) {
    flowbd3_table *table = flows_and("c", 6, 1.0, rate);
    watch w = {0};
    flowbd3_rules_search_options options = FLOWBD3_RULES_SEARCH_OPTIONS_INIT;
    options.progress = observe;
    options.progress_user = &w;
    flowbd3_rules *rules;
    ck_assert_int_eq(flowbd3_rules_search(&rules, table, NULL, &options, NULL), FLOWBD3_OK);
    flowbd3_rules_destroy(&rules);
    ck_assert_uint_eq(w.done, w.total);
    for (int stop = 1; stop <= w.calls; stop++) {
        watch again = {.stop = stop};
        options.progress_user = &again;
        flowbd3_status status = flowbd3_rules_search(&rules, table, NULL, &options, NULL);
        ck_assert(status == FLOWBD3_CANCELLED || again.calls < stop);
        flowbd3_rules_destroy(&rules);
    }
    flowbd3_table_destroy(&table);
}
END_TEST

START_TEST(test_options) {
    flowbd3_table *table = flows_and("c", 6, 1.0, rate);
    flowbd3_rules_search_options options = FLOWBD3_RULES_SEARCH_OPTIONS_INIT, same;
    ck_assert_int_eq(flowbd3_rules_search_options_init(&same, sizeof same), FLOWBD3_OK);
    ck_assert_mem_eq(&options, &same, sizeof same);
    static const double wrong[] = {0.5, 1.5, -1.0, NAN};
    flowbd3_rules *rules;
    for (size_t i = 0; i < FB3_COUNT(wrong); i++) {
        options.min_share = wrong[i];
        ck_assert_int_eq(flowbd3_rules_search(&rules, table, NULL, &options, NULL), FLOWBD3_ERROR_RANGE);
        ck_assert_ptr_null(rules);
    }
    options.min_share = 1.0;
    options.min_rows = ROWS + 1;
    ck_assert_int_eq(flowbd3_rules_search(&rules, table, NULL, &options, NULL), FLOWBD3_OK);
    ck_assert_uint_eq(rules->count, 0);
    flowbd3_rules_destroy(&rules);
    flowbd3_table_destroy(&table);
}
END_TEST

/* The same rules, whatever the number of threads. */
START_TEST(test_threads) {
    char *texts[2] = {NULL, NULL};
    for (uint32_t k = 0; k < 2; k++) {
        flowbd3_context_options options = FLOWBD3_CONTEXT_OPTIONS_INIT;
        options.threads = 1 + 3 * k;
        flowbd3_context_destroy(&context);
        ck_assert_int_eq(flowbd3_context_create(&context, &options, NULL), FLOWBD3_OK);
        flowbd3_table *table = protocol_table(6000);
        flowbd3_rules *rules = search(table, NULL);
        ck_assert_int_eq(flowbd3_rules_to_json(rules, &texts[k], NULL), FLOWBD3_OK);
        flowbd3_rules_destroy(&rules);
        flowbd3_table_destroy(&table);
    }
    ck_assert_str_eq(texts[0], texts[1]);
    flowbd3_string_destroy(context, &texts[0]);
    flowbd3_string_destroy(context, &texts[1]);
}
END_TEST

/* Every allocation that fails is an error, and nothing is left behind. */
START_TEST(test_memory) {
    flowbd3_context *shared = context;
    for (long n = 0;; n++) {
        counted l = {.left = -1};
        context = counted_context(&l);
        flowbd3_table *table = _i == 0 ? protocol_table(600) : flows_and("c", 0, 1.0, sum);
        l.left = n;
        flowbd3_rules *rules;
        flowbd3_status status = flowbd3_rules_search(&rules, table, NULL, NULL, NULL);
        bool reached = l.left < 0;
        l.left = -1;
        ck_assert_int_eq(status, reached ? FLOWBD3_ERROR_MEMORY : FLOWBD3_OK);
        flowbd3_rules_destroy(&rules);
        flowbd3_table_destroy(&table);
        flowbd3_context_destroy(&context);
        ck_assert_int_eq(l.blocks, 0);
        if (!reached)
            break;
    }
    context = shared;
}
END_TEST

static Suite *rules_search_suite(void) {
    Suite *suite = suite_create("rules_search");
    TCase *derived = tcase_create("derived columns"), *others = tcase_create("other rules");
    TCase *call = tcase_create("call");
    tcase_add_checked_fixture(derived, setup, teardown);
    tcase_add_checked_fixture(others, setup, teardown);
    tcase_add_checked_fixture(call, setup, teardown);
    tcase_set_timeout(others, 60);
    tcase_set_timeout(call, 60);
    tcase_add_test(derived, test_ratio);
    tcase_add_test(derived, test_other_operations);
    tcase_add_test(derived, test_chain);
    tcase_add_test(derived, test_violations);
    tcase_add_test(derived, test_missing_sources);
    tcase_add_test(derived, test_timestamps);
    tcase_add_test(derived, test_magnitudes);
    tcase_add_test(others, test_bounds);
    tcase_add_test(others, test_ranges);
    tcase_add_test(others, test_rare_rows_lower_a_bound);
    tcase_add_test(others, test_zeros_follow_from_a_bound);
    tcase_add_test(others, test_a_function_is_said_of_0_and_1);
    tcase_add_test(others, test_implications);
    tcase_add_test(others, test_conditions);
    tcase_add_loop_test(others, test_independent, 0, 8);
    tcase_add_test(others, test_poor_tables);
    tcase_add_test(call, test_given);
    tcase_add_test(call, test_given_again);
    tcase_add_test(call, test_forbidden);
    tcase_add_test(call, test_progress);
    tcase_add_test(call, test_options);
    tcase_add_test(call, test_threads);
    tcase_add_loop_test(call, test_memory, 0, 2);
    suite_add_tcase(suite, derived);
    suite_add_tcase(suite, others);
    suite_add_tcase(suite, call);
    return suite;
}

int main(void) {
    return run_suite(rules_search_suite());
}
