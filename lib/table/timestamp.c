/* Times: nanoseconds since 1970 as digits of the calendar, and back. */
#include "table/table.h"

#include <string.h>

enum { SECOND = 1000000000, DAY = 86400 };

static const int64_t power_of_ten[] = {1,      10,      100,      1000,      10000,
                                       100000, 1000000, 10000000, 100000000, 1000000000};

/* ---- calendar ---------------------------------------------------------------------------------- */

typedef struct date {
    int year, month, day;
} date;

static bool is_leap(int year) {
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_of_month(int year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Days since 1970-01-01 in the Gregorian calendar, of years that begin in March so that a leap day comes last
 * (Hinnant, chrono-Compatible Low-Level Date Algorithms). year >= 0. */
static int64_t days_from_date(date d) {
    int year = d.month <= 2 ? d.year - 1 : d.year;
    int month = d.month <= 2 ? d.month + 9 : d.month - 3; /* March is 0 */
    int era = (year + 400) / 400 - 1, of_era = year - 400 * era;
    int day = (153 * month + 2) / 5 + d.day - 1;
    return (int64_t)era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + day - 719468;
}

/* days >= -719468, which is 0000-03-01. */
static date date_from_days(int64_t days) {
    int64_t era = (days + 719468) / 146097;
    int of_era = (int)(days + 719468 - 146097 * era);
    int year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int day = of_era - (365 * year + year / 4 - year / 100), month = (5 * day + 2) / 153;
    date d = {.month = month < 10 ? month + 3 : month - 9, .day = day - (153 * month + 2) / 5 + 1};
    d.year = year + 400 * (int)era + (d.month <= 2);
    return d;
}

/* ---- in ---------------------------------------------------------------------------------------- */

/* The number of count digits; -1 when one is none. */
static int digits(const char *text, size_t count) {
    int number = 0;
    for (size_t i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        number = 10 * number + (text[i] - '0');
    }
    return number;
}

/* A number from low to high of count digits. */
static bool field(int *number, const char *text, size_t count, int low, int high) {
    *number = digits(text, count);
    return *number >= low && *number <= high;
}

/* "YYYY-MM-DD" or with slashes: days since 1970. */
static bool parse_date(int64_t *days, unsigned *form, const char *text) {
    date d;
    if (text[4] != text[7] || (text[4] != '-' && text[4] != '/') || !field(&d.year, text, 4, 0, 9999) ||
        !field(&d.month, text + 5, 2, 1, 12) ||
        !field(&d.day, text + 8, 2, 1, days_of_month(d.year, d.month)))
        return false;
    *form |= text[4] == '/' ? FLOWBD3_TIME_SLASHES : 0U;
    *days = days_from_date(d);
    return true;
}

/* "hh:mm:ss": seconds of the day. */
static bool parse_clock(int *seconds, const char *text) {
    int hour, minute, second;
    if (!field(&hour, text, 2, 0, 23) || text[2] != ':' || !field(&minute, text + 3, 2, 0, 59) ||
        text[5] != ':' || !field(&second, text + 6, 2, 0, 59))
        return false;
    *seconds = (60 * hour + minute) * 60 + second;
    return true;
}

/* Nothing, ".5" to nine digits: nanoseconds; how many bytes that was. */
static size_t parse_fraction(int64_t *nanoseconds, int *decimals, const char *text, size_t size) {
    *nanoseconds = 0;
    *decimals = 0;
    if (size == 0 || *text != '.')
        return 0;
    size_t i = 1;
    for (; i < size && i <= FB3_TIME_DIGITS && text[i] >= '0' && text[i] <= '9'; i++)
        *nanoseconds = 10 * *nanoseconds + (text[i] - '0');
    *decimals = (int)i - 1;
    *nanoseconds *= power_of_ten[FB3_TIME_DIGITS - *decimals];
    return *decimals == 0 ? 0 : i;
}

/* "Z", "+hh:mm", "+hhmm" or the same with a minus: seconds ahead of UTC. */
static bool parse_zone(int *seconds, const char *text, size_t size) {
    *seconds = 0;
    if (size == 1 && *text == 'Z')
        return true;
    int hours, minutes;
    bool colon = size == 6 && text[3] == ':';
    if ((size != 5 && !colon) || (*text != '+' && *text != '-') || !field(&hours, text + 1, 2, 0, 23) ||
        !field(&minutes, text + (colon ? 4 : 3), 2, 0, 59))
        return false;
    *seconds = (*text == '-' ? -60 : 60) * (60 * hours + minutes);
    return true;
}

/* Whether seconds and nanoseconds below one second are together within the type. */
static bool join(int64_t *time, int64_t seconds, int64_t nanoseconds) {
    /* Both parts on one side of 0, so that only the sum can be out of range. */
    if (seconds < 0) {
        seconds++;
        nanoseconds -= SECOND;
    }
    if (seconds > INT64_MAX / SECOND || seconds < INT64_MIN / SECOND)
        return false;
    *time = seconds * SECOND;
    if (nanoseconds < 0 ? *time < INT64_MIN - nanoseconds : *time > INT64_MAX - nanoseconds)
        return false;
    *time += nanoseconds;
    return true;
}

bool fb3_time_parse(fb3_time *time, const char *text, size_t size) {
    enum { WHOLE = 19 }; /* "2011-08-17 12:01:33" */
    int64_t days, nanoseconds;
    int clock, ahead = 0;
    *time = (fb3_time){0};
    if (size < WHOLE || (text[10] != 'T' && text[10] != ' ') || !parse_date(&days, &time->form, text) ||
        !parse_clock(&clock, text + 11))
        return false;
    size_t end = WHOLE + parse_fraction(&nanoseconds, &time->decimals, text + WHOLE, size - WHOLE);
    if (end != size && !parse_zone(&ahead, text + end, size - end))
        return false;
    time->form |= (text[10] == 'T' ? FLOWBD3_TIME_T : 0U) | (end != size ? FLOWBD3_TIME_Z : 0U);
    return join(&time->nanoseconds, days * DAY + clock - ahead, nanoseconds);
}

/* ---- out --------------------------------------------------------------------------------------- */

static char *put_digits(char *to, int number, int count) {
    for (int i = count - 1; i >= 0; i--) {
        to[i] = (char)('0' + number % 10);
        number /= 10;
    }
    return to + count;
}

static char *put_date(char *to, date d, char separator) {
    to = put_digits(to, d.year, 4);
    *to++ = separator;
    to = put_digits(to, d.month, 2);
    *to++ = separator;
    return put_digits(to, d.day, 2);
}

static char *put_clock(char *to, int seconds) {
    to = put_digits(to, seconds / 3600, 2);
    *to++ = ':';
    to = put_digits(to, seconds / 60 % 60, 2);
    *to++ = ':';
    return put_digits(to, seconds % 60, 2);
}

/* Quotient and remainder, the latter 0 or more. */
static int64_t divide(int64_t number, int64_t by, int64_t *rest) {
    int64_t quotient = number / by;
    *rest = number % by;
    if (*rest < 0) {
        *rest += by;
        quotient--;
    }
    return quotient;
}

size_t fb3_time_print(char text[FB3_TIME_TEXT], int64_t nanoseconds, int decimals, unsigned form) {
    int64_t fraction, clock;
    int64_t days = divide(divide(nanoseconds, SECOND, &fraction), DAY, &clock);
    char *to = put_date(text, date_from_days(days), (form & FLOWBD3_TIME_SLASHES) != 0 ? '/' : '-');
    *to++ = (form & FLOWBD3_TIME_T) != 0 ? 'T' : ' ';
    to = put_clock(to, (int)clock);
    if (decimals > 0) {
        *to++ = '.';
        to = put_digits(to, (int)(fraction / power_of_ten[FB3_TIME_DIGITS - decimals]), decimals);
    }
    if ((form & FLOWBD3_TIME_Z) != 0)
        *to++ = 'Z';
    *to = '\0';
    return (size_t)(to - text);
}

/* ---- digits and forms -------------------------------------------------------------------------- */

int64_t fb3_time_round(int64_t nanoseconds, int decimals) {
    int64_t unit = power_of_ten[FB3_TIME_DIGITS - decimals], rest;
    if (nanoseconds < INT64_MIN + unit || nanoseconds > INT64_MAX - unit)
        return nanoseconds;
    (void)divide(nanoseconds, unit, &rest);
    return 2 * rest < unit ? nanoseconds - rest : nanoseconds + (unit - rest);
}

int fb3_time_decimals_of(const int64_t *nanoseconds, const uint8_t *valid, size_t rows) {
    int decimals = 0;
    for (size_t i = 0; i < rows; i++)
        while ((valid == NULL || valid[i]) && nanoseconds[i] % power_of_ten[FB3_TIME_DIGITS - decimals] != 0)
            decimals++;
    return decimals;
}

/* By the bits of flowbd3_time_form. */
static const char *const forms[FB3_TIME_FORMS] = {
    "YYYY-MM-DD hh:mm:ss",  "YYYY/MM/DD hh:mm:ss",  "YYYY-MM-DDThh:mm:ss",  "YYYY/MM/DDThh:mm:ss",
    "YYYY-MM-DD hh:mm:ssZ", "YYYY/MM/DD hh:mm:ssZ", "YYYY-MM-DDThh:mm:ssZ", "YYYY/MM/DDThh:mm:ssZ"};

const char *fb3_time_form_text(unsigned form) {
    return forms[form % FB3_TIME_FORMS];
}

unsigned fb3_time_form_of(const char *text, size_t size) {
    unsigned form = 0;
    while (form < FB3_TIME_FORMS && (strlen(forms[form]) != size || memcmp(forms[form], text, size) != 0))
        form++;
    return form;
}
