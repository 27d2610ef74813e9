/* Numbers as text, the same in every locale. */
#include "base.h"

#include <ctype.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static locale_t c_locale;
static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;

static void make_c_locale(void) {
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

static const double power_of_ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                      1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static double parse_slowly(const char *text, size_t size) {
    char small[128], *copy = small;
    if (size >= sizeof small && (copy = malloc(size + 1)) == NULL)
        return (double)NAN;
    memcpy(copy, text, size);
    copy[size] = '\0';
    pthread_once(&c_locale_once, make_c_locale);
    double value = strtod_l(copy, NULL, c_locale);
    if (copy != small)
        free(copy);
    return value;
}

bool fb3_parse_real(const char *text, size_t size, double *value, int *decimals) {
    const char *p = text, *end = text + size;
    bool negative = false, exact = true;
    if (p < end && (*p == '-' || *p == '+'))
        negative = *p++ == '-';
    uint64_t mantissa = 0;
    int digits = 0, fraction = 0, exponent = 0;
    bool any = false, point = false;
    for (; p < end && (is_digit(*p) || (*p == '.' && !point)); p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        any = true;
        if (point && fraction < 1 << 20)
            fraction++;
        if (mantissa == 0 && *p == '0')
            continue;
        if (++digits > 18)
            exact = false;
        else
            mantissa = 10 * mantissa + (uint64_t)(*p - '0');
    }
    if (!any)
        return false;
    bool scientific = p < end && (*p == 'e' || *p == 'E');
    if (scientific) {
        p++;
        bool down = false;
        if (p < end && (*p == '-' || *p == '+'))
            down = *p++ == '-';
        if (p == end)
            return false;
        for (; p < end && is_digit(*p); p++)
            if (exponent < 100000)
                exponent = 10 * exponent + (*p - '0');
        if (down)
            exponent = -exponent;
    }
    if (p != end)
        return false;
    *decimals = scientific ? -1 : fraction;
    int scale = exponent - fraction;
    /* Both factors are exact doubles, so that one rounding gives the nearest double (Clinger 1990). */
    if (exact && mantissa <= (uint64_t)1 << 53 && scale >= -22 && scale <= 22) {
        double m = (double)mantissa;
        m = scale < 0 ? m / power_of_ten[-scale] : m * power_of_ten[scale];
        *value = negative ? -m : m;
        return true;
    }
    *value = parse_slowly(text, size);
    return isfinite(*value);
}

bool fb3_parse_integer(const char *text, size_t size, int64_t *value) {
    const char *p = text, *end = text + size;
    bool negative = p < end && *p == '-';
    if (negative)
        p++;
    if (p == end || end - p > 19 || !is_digit(*p) || (*p == '0' && (end - p > 1 || negative)))
        return false;
    uint64_t magnitude = 0;
    for (; p < end; p++) {
        if (!is_digit(*p))
            return false;
        magnitude = 10 * magnitude + (uint64_t)(*p - '0');
    }
    if (magnitude > (uint64_t)INT64_MAX + (negative ? 1 : 0))
        return false;
    *value = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

static size_t print_in_c_locale(char *text, const char *format, int precision, double value) {
    pthread_once(&c_locale_once, make_c_locale);
    locale_t before = uselocale(c_locale);
    int length = snprintf(text, FB3_REAL_TEXT, format, precision, value);
    uselocale(before);
    return length > 0 ? (size_t)length : 0;
}

/* Fixed notation by integers, for magnitudes that leave no doubt about the digits. */
static size_t print_fixed(char *text, double value, int decimals) {
    double scaled = fabs(value) * power_of_ten[decimals];
    if (!(scaled < 1e15))
        return print_in_c_locale(text, "%.*f", decimals, value);
    uint64_t digits = (uint64_t)nearbyint(scaled);
    char reversed[40];
    size_t n = 0;
    for (int i = 0; digits != 0 || i <= decimals; i++) {
        if (i == decimals && decimals != 0)
            reversed[n++] = '.';
        reversed[n++] = (char)('0' + digits % 10);
        digits /= 10;
    }
    size_t length = 0;
    if (signbit(value))
        text[length++] = '-';
    while (n > 0)
        text[length++] = reversed[--n];
    text[length] = '\0';
    return length;
}

size_t fb3_print_real(char *text, double value, int decimals) {
    if (decimals >= 0 && decimals <= 17)
        return print_fixed(text, value, decimals);
    size_t length = 0;
    for (int precision = 15; precision <= 17; precision++) {
        double back;
        int unused;
        length = print_in_c_locale(text, "%.*g", precision, value);
        if (precision == 17 || (fb3_parse_real(text, length, &back, &unused) && back == value))
            break;
    }
    return length;
}
