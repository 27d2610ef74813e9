/* The probability integral transform against NumPy and SciPy: tests/golden/calibration.py. */
#include "scorer/pit.h"
#include "test_main.h"
#include "toy.h"

#include <jansson.h>
#include <limits.h>

static flowbd3_context *context;
static json_t *golden;

static void load_golden(void) {
    char path[PATH_MAX];
    context = toy_context(1);
    (void)snprintf(path, sizeof path, "%s/golden/calibration.json", getenv("FLOWBD3_TEST_DATA"));
    golden = json_load_file(path, 0, NULL);
    ck_assert_ptr_nonnull(golden);
}

static void drop_golden(void) {
    json_decref(golden);
    flowbd3_context_destroy(&context);
}

static double number(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    ck_assert(json_is_number(value));
    return json_number_value(value);
}

static double element(const json_t *object, const char *key, size_t i) {
    return json_number_value(json_array_get(json_object_get(object, key), i));
}

static void assert_close(double value, double expected) {
    ck_assert_double_eq_tol(value, expected, 1e-9 * fabs(expected) + 1e-13);
}

START_TEST(histograms_are_those_of_numpy) {
    const json_t *list = json_object_get(golden, "histograms");
    for (size_t c = 0; c < json_array_size(list); c++) {
        const json_t *h = json_array_get(list, c);
        fb3_pit pit;
        ck_assert(fb3_pit_create(&pit, context, (size_t)number(h, "bins")));
        for (size_t i = 0; i < json_array_size(json_object_get(h, "below")); i++)
            fb3_pit_add(&pit, element(h, "below", i), element(h, "mass", i));
        for (size_t bin = 0; bin < pit.bins; bin++) {
            assert_close(fb3_pit_share(&pit, bin), element(h, "share", bin));
            assert_close(fb3_pit_error(&pit, bin), element(h, "standard_error", bin));
        }
        assert_close(fb3_pit_distance(&pit), number(h, "l1"));
        assert_close(fb3_pit_distance_floor(&pit), number(h, "l1_floor"));
        assert_close(fb3_pit_bias(&pit), number(h, "bias"));
        assert_close(fb3_pit_bias_error(&pit), number(h, "bias_error"));
        fb3_pit_release(&pit, context);
    }
    ck_assert_uint_eq(json_array_size(list), 4);
}
END_TEST

START_TEST(places_are_those_of_numpy) {
    const json_t *list = json_object_get(golden, "places");
    for (size_t c = 0; c < json_array_size(list); c++) {
        const json_t *p = json_array_get(list, c);
        float logits[64];
        size_t count = json_array_size(json_object_get(p, "logits")), token = (size_t)number(p, "token");
        for (size_t i = 0; i < count; i++)
            logits[i] = (float)element(p, "logits", i);
        for (int by_probability = 0; by_probability < 2; by_probability++) {
            const char *how = by_probability ? "probability" : "value";
            fb3_place place = fb3_place_of(logits, count, token, by_probability);
            assert_close(place.below, element(p, how, 0));
            assert_close(place.mass, element(p, how, 1));
            assert_close(place.highest, number(p, "highest"));
            ck_assert_int_eq(place.is_highest, json_is_true(json_object_get(p, "is_highest")));
        }
    }
    ck_assert_uint_eq(json_array_size(list), 14);
}
END_TEST

START_TEST(confidence_errors_are_those_of_numpy) {
    const json_t *list = json_object_get(golden, "confidences");
    for (size_t c = 0; c < json_array_size(list); c++) {
        const json_t *e = json_array_get(list, c), *came = json_object_get(e, "came");
        fb3_pit pit;
        ck_assert(fb3_pit_create(&pit, context, (size_t)number(e, "bins")));
        ck_assert(isnan(fb3_pit_confidence_error(&pit)));
        for (size_t i = 0; i < json_array_size(came); i++)
            fb3_pit_add_highest(&pit, element(e, "probability", i), json_is_true(json_array_get(came, i)));
        assert_close(fb3_pit_confidence_error(&pit), number(e, "ece"));
        assert_close(fb3_pit_confidence_floor(&pit), number(e, "ece_floor"));
        fb3_pit_release(&pit, context);
    }
    ck_assert_uint_eq(json_array_size(list), 2);
}
END_TEST

/* Whatever lies where, a cell is one cell. */
START_TEST(degenerate_places_keep_their_mass) {
    static const struct {
        double below, mass;
        size_t bin;
    } points[] = {{0.0, 0.0, 0},  {1.0, 0.0, 9},       {0.3, 1e-300, 3}, {0.95, 1e-17, 9},
                  {1.5, 0.25, 9}, {0.999999, 0.25, 9}, {0.5, 0.0, 5}};
    for (size_t i = 0; i < FB3_COUNT(points); i++) {
        fb3_pit pit;
        double sum = 0.0;
        ck_assert(fb3_pit_create(&pit, context, 10));
        ck_assert(isnan(fb3_pit_share(&pit, 0)) && isnan(fb3_pit_distance(&pit)));
        fb3_pit_add(&pit, points[i].below, points[i].mass);
        for (size_t bin = 0; bin < 10; bin++)
            sum += fb3_pit_share(&pit, bin);
        ck_assert_double_eq_tol(sum, 1.0, 1e-12);
        ck_assert_double_eq_tol(fb3_pit_share(&pit, points[i].bin), 1.0, 1e-12);
        ck_assert(isnan(fb3_pit_error(&pit, 0)) && isnan(fb3_pit_distance_floor(&pit)));
        fb3_pit_release(&pit, context);
    }
}
END_TEST

int main(void) {
    setenv("CK_FORK", "no", 1);
    Suite *suite = suite_create("pit");
    TCase *tests = tcase_create("pit");
    tcase_add_checked_fixture(tests, load_golden, drop_golden);
    tcase_add_test(tests, histograms_are_those_of_numpy);
    tcase_add_test(tests, places_are_those_of_numpy);
    tcase_add_test(tests, confidence_errors_are_those_of_numpy);
    tcase_add_test(tests, degenerate_places_keep_their_mass);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
