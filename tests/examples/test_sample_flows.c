/* Sample flows: their moments and shares against the closed forms, and the relations between columns. */
#include "sample_flows.h"
#include "test_main.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { flows = 40000 };

static flowbd3_context *context;

static void begin(void) {
    ck_assert_int_eq(flowbd3_context_create(&context, NULL, NULL), FLOWBD3_OK);
}

static void end(void) {
    flowbd3_context_destroy(&context);
}

static flowbd3_table *make(size_t rows, int features, uint64_t seed) {
    flowbd3_table *table = NULL;
    flowbd3_error err = {0};
    ck_assert_msg(make_sample_flows(&table, context, rows, features, seed, &err) == FLOWBD3_OK, "%s",
                  err.message);
    ck_assert_uint_eq(flowbd3_table_rows(table), rows);
    return table;
}

static double cell(const flowbd3_table *table, size_t row, const char *name) {
    int64_t column = flowbd3_table_find(table, name);
    ck_assert_int_ge(column, 0);
    return flowbd3_table_number(table, row, (size_t)column);
}

/* The mean of a column is within 5 standard errors of what it should be; deviation is that of one cell. */
static void check_mean(const flowbd3_table *table, const char *name, double mean, double deviation) {
    double sum = 0.0;
    size_t rows = flowbd3_table_rows(table);
    for (size_t i = 0; i < rows; i++)
        sum += cell(table, i, name);
    double error = deviation / sqrt((double)rows);
    ck_assert_msg(fabs(sum / (double)rows - mean) < 5.0 * error, "%s: mean %g, expected %g +- %g", name,
                  sum / (double)rows, mean, error);
}

static void check_share(const flowbd3_table *table, const char *name, double value, double share) {
    size_t rows = flowbd3_table_rows(table), found = 0;
    for (size_t i = 0; i < rows; i++)
        found += cell(table, i, name) == value ? 1 : 0;
    double error = sqrt(share * (1.0 - share) / (double)rows);
    ck_assert_msg(fabs((double)found / (double)rows - share) < 5.0 * error,
                  "%s = %g: share %g, expected %g +- %g", name, value, (double)found / (double)rows, share,
                  error);
}

START_TEST(columns_have_names_and_types) {
    static const char *const names[] = {"duration",      "total_packets",   "total_bytes", "packets_per_sec",
                                        "bytes_per_sec", "avg_packet_size", "protocol",    "port_ratio"};
    static const size_t of_six[] = {0, 1, 2, 3, 4, 6};
    for (int features = 6; features <= 8; features += 2) {
        flowbd3_table *table = make(100, features, 1);
        ck_assert_uint_eq(flowbd3_table_columns(table), (size_t)features);
        for (size_t c = 0; c < (size_t)features; c++) {
            size_t k = features == 6 ? of_six[c] : c;
            bool integer = k == 1 || k == 6;
            ck_assert_str_eq(flowbd3_table_name(table, c), names[k]);
            ck_assert_int_eq(flowbd3_table_type(table, c),
                             integer ? FLOWBD3_TYPE_INTEGER : FLOWBD3_TYPE_REAL);
            ck_assert_int_eq(flowbd3_table_decimals(table, c), integer ? 0 : 6);
        }
        flowbd3_table_destroy(&table);
    }
}
END_TEST

/* With d ~ Exp(10) and m = max(1, 5 d): split at d = 0.2, with e = exp(-0.02),
 * E m = (1 - e) + 5 (0.2 + 10) e. E m^2 = (1 - e) + 25 (0.04 + 4 + 200) e. Packets are Poisson(m), so their
 * variance is E m + Var m. */
START_TEST(means_are_those_of_the_distributions) {
    flowbd3_table *table = make(flows, 8, 2);
    double e = exp(-0.02);
    double packets = (1.0 - e) + 51.0 * e, squares = (1.0 - e) + 25.0 * 204.04 * e;
    double packets_deviation = sqrt(packets + squares - packets * packets);
    check_mean(table, "duration", 10.0, 10.0);
    check_mean(table, "total_packets", packets, packets_deviation);
    check_mean(table, "port_ratio", 1.0, 1.0);
    /* Clipping to [64, 1500] moves both tails inwards: E max(a, min(X, b)) of a normal X. */
    double low = (64.0 - 800.0) / 300.0, high = (1500.0 - 800.0) / 300.0;
    double below = 0.5 * erfc(-low / sqrt(2.0)), above = 0.5 * erfc(high / sqrt(2.0));
    double densities = (exp(-0.5 * low * low) - exp(-0.5 * high * high)) / sqrt(2.0 * acos(-1.0));
    double size = 64.0 * below + 1500.0 * above + 800.0 * (1.0 - below - above) + 300.0 * densities;
    check_mean(table, "avg_packet_size", size, 300.0);
    check_share(table, "avg_packet_size", 64.0, below);
    check_share(table, "avg_packet_size", 1500.0, above);
    flowbd3_table_destroy(&table);
}
END_TEST

START_TEST(protocols_have_their_shares) {
    flowbd3_table *table = make(flows, 6, 3);
    check_share(table, "protocol", 6.0, 0.70);
    check_share(table, "protocol", 17.0, 0.25);
    check_share(table, "protocol", 1.0, 0.05);
    for (size_t i = 0; i < flows; i++) {
        double protocol = cell(table, i, "protocol");
        ck_assert(protocol == 6.0 || protocol == 17.0 || protocol == 1.0);
    }
    flowbd3_table_destroy(&table);
}
END_TEST

/* Packets given the duration: their squared distance from the mean, over the mean, has mean 1; bytes
 * likewise. */
START_TEST(packets_and_bytes_spread_as_they_should) {
    flowbd3_table *table = make(flows, 8, 4);
    double packets_sum = 0.0, bytes_sum = 0.0;
    size_t with_bytes = 0;
    for (size_t i = 0; i < flows; i++) {
        double mean = fmax(1.0, 5.0 * cell(table, i, "duration")), packets = cell(table, i, "total_packets");
        double size = cell(table, i, "avg_packet_size");
        packets_sum += (packets - mean) * (packets - mean) / mean;
        if (packets > 0.0 && size > 400.0) { /* far from the least size */
            bytes_sum += pow((cell(table, i, "total_bytes") - packets * size) / (50.0 * packets), 2.0);
            with_bytes++;
        }
    }
    /* Variance of (X - m)^2 / m: 2 + 1/m <= 3; of a squared standard normal: 2. */
    ck_assert_double_lt(fabs(packets_sum / flows - 1.0), 5.0 * sqrt(3.0 / flows));
    ck_assert_double_lt(fabs(bytes_sum / (double)with_bytes - 1.0), 5.0 * sqrt(2.0 / (double)with_bytes));
    flowbd3_table_destroy(&table);
}
END_TEST

START_TEST(relations_hold) {
    flowbd3_table *table = make(5000, 6, 5);
    for (size_t i = 0; i < 5000; i++) {
        double duration = cell(table, i, "duration"), packets = cell(table, i, "total_packets");
        double bytes = cell(table, i, "total_bytes");
        ck_assert_double_ge(duration, 0.0);
        ck_assert_double_ge(bytes, 64.0 * packets);
        ck_assert_double_lt(fabs(cell(table, i, "packets_per_sec") * fmax(duration, 0.001) - packets),
                            1e-6 * fmax(duration, 1.0));
        ck_assert_double_lt(fabs(cell(table, i, "bytes_per_sec") * fmax(duration, 0.001) - bytes),
                            1e-6 * fmax(duration, 1.0));
    }
    flowbd3_table_destroy(&table);
}
END_TEST

START_TEST(a_seed_decides_everything) {
    flowbd3_table *table[] = {make(500, 8, 6), make(500, 8, 6), make(500, 8, 7), make(200, 8, 6)};
    size_t different = 0;
    for (size_t i = 0; i < 500; i++) {
        for (size_t c = 0; c < 8; c++) {
            double x = flowbd3_table_number(table[0], i, c);
            ck_assert(x == flowbd3_table_number(table[1], i, c));
            different += x != flowbd3_table_number(table[2], i, c) ? 1 : 0;
            /* Fewer flows are the first ones. */
            ck_assert(i >= 200 || x == flowbd3_table_number(table[3], i, c));
        }
    }
    ck_assert_uint_gt(different, 3000);
    for (int t = 0; t < 4; t++)
        flowbd3_table_destroy(&table[t]);
}
END_TEST

START_TEST(bad_arguments_are_refused) {
    flowbd3_table *table = NULL;
    flowbd3_error err = {0};
    ck_assert_int_eq(make_sample_flows(&table, context, 10, 7, 1, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.message, "6 or 8"));
    ck_assert_int_eq(make_sample_flows(&table, context, 0, 6, 1, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(make_sample_flows(NULL, context, 10, 6, 1, NULL), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_int_eq(make_sample_flows(&table, NULL, 10, 6, 1, &err), FLOWBD3_ERROR_ARGUMENT);
    ck_assert_ptr_null(table);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("sample flows");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_test(tests, columns_have_names_and_types);
    tcase_add_test(tests, means_are_those_of_the_distributions);
    tcase_add_test(tests, protocols_have_their_shares);
    tcase_add_test(tests, packets_and_bytes_spread_as_they_should);
    tcase_add_test(tests, relations_hold);
    tcase_add_test(tests, a_seed_decides_everything);
    tcase_add_test(tests, bad_arguments_are_refused);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
