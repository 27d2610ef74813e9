/* Numbers and cells of the report's page. */
#include "report_sections.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- numbers ------------------------------------------------------------------------------------ */

/* A whole number with commas between thousands. */
static void put_whole(html *page, double value) {
    char digits[32];
    size_t length = (size_t)snprintf(digits, sizeof digits, "%.0f", fabs(value));
    for (size_t i = 0; i < length; i++)
        html_format(page, "%s%c", i > 0 && (length - i) % 3 == 0 ? "," : "", digits[i]);
}

double number_in(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

void put_number(html *page, double value) {
    double size = fabs(value);
    if (!isfinite(value)) {
        html_raw(page, "\u2013");
        return;
    }
    if (value < 0.0)
        html_raw(page, "\u2212");
    if ((size == floor(size) || size >= 1000.0) && size < 1e12)
        put_whole(page, value);
    else if (size >= 1e12 || size < 1e-4)
        html_format(page, "%.2e", size);
    else
        html_format(page, "%.*f",
                    size >= 100.0  ? 1
                    : size >= 10.0 ? 2
                    : size >= 0.1  ? 3
                    : size >= 0.01 ? 4
                                   : 5,
                    size);
}

void put_percent(html *page, double share) {
    double percent = 100.0 * share;
    if (!isfinite(percent))
        html_raw(page, "\u2013");
    else if (percent == 0.0 || percent >= 99.995 || (percent >= 9.95 && percent < 99.0))
        html_format(page, percent == 0.0 || percent >= 99.995 ? "%.0f\u00a0%%" : "%.1f\u00a0%%", percent);
    else
        html_format(page, percent >= 0.1 ? "%.2f\u00a0%%" : "%.2g\u00a0%%", percent);
}

/* 2011-08-17 12:01:33.250 */
static void put_time(html *page, int64_t nanoseconds) {
    int64_t second = nanoseconds / 1000000000, rest = nanoseconds % 1000000000;
    if (rest < 0) {
        rest += 1000000000;
        second--;
    }
    time_t when = (time_t)second;
    struct tm parts;
    char text[64];
    if (gmtime_r(&when, &parts) == NULL || strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts) == 0)
        return;
    html_raw(page, text);
    if (rest != 0)
        html_format(page, ".%03d", (int)(rest / 1000000));
}

void put_value(html *page, const flowbd3_table *table, size_t column, double value) {
    /* The range of int64_t. */
    if (flowbd3_table_type(table, column) == FLOWBD3_TYPE_TIMESTAMP && fabs(value) < 9.2e18)
        put_time(page, (int64_t)value);
    else
        put_number(page, value);
}

void put_cell(html *page, const flowbd3_table *table, size_t row, size_t column, bool whole) {
    const int32_t *codes = flowbd3_table_codes(table, column);
    const int64_t *integer = flowbd3_table_integer(table, column);
    const double *real = flowbd3_table_real(table, column);
    const uint8_t *valid = flowbd3_table_valid(table, column);
    int decimals = flowbd3_table_decimals(table, column);
    if ((valid != NULL && valid[row] == 0) || (codes != NULL && codes[row] < 0))
        html_raw(page, "<span class=\"none\">\u2013</span>");
    else if (codes != NULL)
        html_text(page, flowbd3_table_category(table, column, (size_t)codes[row]));
    else if (integer != NULL && flowbd3_table_type(table, column) == FLOWBD3_TYPE_TIMESTAMP)
        put_time(page, integer[row]);
    else if (integer != NULL)
        html_format(page, "%" PRId64, integer[row]);
    else if (real != NULL && whole && real[row] == floor(real[row]) && fabs(real[row]) < 1e15)
        html_format(page, "%.0f", real[row]);
    else if (real != NULL && decimals >= 0)
        html_format(page, "%.*f", decimals, real[row]);
    else if (real != NULL)
        html_format(page, "%.17g", real[row]);
}

/* ---- a value beside its floor ------------------------------------------------------------------- */

/* By how many times the distance from perfect is that of the floor; NaN where chance makes both, or neither
 * is known. */
static double excess(preference better, double value, double floor) {
    static const double chance = 1e-3;
    /* A floor that is 0.5, or 1, by chance is no measure. */
    double least = better == BETTER_HALF || better == BETTER_HIGHER ? 0.02 : chance;
    double distance = distance_from_perfect(better, value), of_floor = distance_from_perfect(better, floor);
    if (better == BETTER_NEAR_FLOOR) {
        distance = fmax(value, floor);
        of_floor = fmin(value, floor);
    }
    if (!isfinite(value) || !isfinite(floor) || isnan(distance) || fmax(distance, of_floor) <= chance)
        return (double)NAN;
    return distance / fmax(of_floor, least);
}

/* Within a quarter of the floor, within twice it, beyond. */
static const char *verdict(double times) {
    return isnan(times) ? "" : times <= 1.25 ? " good" : times <= 2.0 ? " fair" : " poor";
}

void put_beside_floor(html *page, preference better, double value, double floor) {
    html_raw(page, "<td class=\"n\">");
    put_number(page, value);
    html_raw(page, "</td><td class=\"n\">");
    put_number(page, floor);
    html_format(page, "</td><td class=\"n\"><span class=\"ratio%s\">", verdict(excess(better, value, floor)));
    double ratio = value / floor;
    if (isfinite(ratio) && floor > 0.0)
        html_format(page, ratio < 99.95 ? "%.2f" : "%.0f", ratio);
    else
        html_raw(page, floor == 0.0 && value > 0.0 ? "\u221e" : "\u2013");
    html_raw(page, "</span></td>");
}
