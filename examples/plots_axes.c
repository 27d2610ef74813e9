#include "plots_axes.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

double axis_pixel(const axis *a, double value) {
    double share;
    if (a->log)
        share = value <= 0.0 ? 0.0 : log(value / a->low) / log(a->high / a->low);
    else
        share = (value - a->low) / (a->high - a->low);
    share = share >= 0.0 ? fmin(share, 1.0) : 0.0;
    return a->first + share * (a->last - a->first);
}

axis axis_from_zero(double largest, double first, double last) {
    return (axis){0.0, largest > 0.0 ? largest * 1.06 : 1.0, first, last, false};
}

axis axis_around(double low, double high, double share, double first, double last) {
    double margin = (high - low) * share;
    if (!(margin > 0.0))
        margin = low == 0.0 ? 1.0 : fabs(low) * 0.1;
    return (axis){low - margin, high + margin, first, last, false};
}

/* ---- numbers ----------------------------------------------------------------------------------- */

/* The unit of thousands for values up to largest. */
static double unit_of(double largest, const char **letter) {
    static const struct {
        double from, unit;
        const char *letter;
    } units[] = {{1e12, 1e12, "T"}, {1e9, 1e9, "G"}, {1e6, 1e6, "M"}, {1e4, 1e3, "k"}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (largest >= units[i].from * (1.0 - 1e-9) && largest < 1e15) {
            *letter = units[i].letter;
            return units[i].unit;
        }
    *letter = "";
    return 1.0;
}

/* "1e-06" as "1e-6". */
static void shorten_exponent(char *digits) {
    char *e = strchr(digits, 'e');
    if (e == NULL)
        return;
    char *from = e + 2, *to = e[1] == '-' ? e + 2 : e + 1;
    while (*from == '0' && from[1] != '\0')
        from++;
    memmove(to, from, strlen(from) + 1);
}

/* The sign as the typographic minus. */
static void put_number(char out[32], char *digits, const char *letter) {
    shorten_exponent(digits);
    bool zero = strspn(digits, "-0.") == strlen(digits);
    bool minus = digits[0] == '-';
    if (zero)
        snprintf(out, 32, "0");
    else
        snprintf(out, 32, "%s%s%s", minus ? "\u2212" : "", digits + (minus ? 1 : 0), letter);
}

/* value as a multiple of step. */
static void tick_number(char out[32], double value, double step, double largest) {
    const char *letter;
    double unit = unit_of(largest, &letter);
    char digits[32];
    if (largest >= 1e15 || largest < 1e-4)
        snprintf(digits, sizeof digits, "%.3g", fabs(value) < step * 1e-6 ? 0.0 : value);
    else
        snprintf(digits, sizeof digits, "%.*f", (int)fmax(0.0, ceil(-log10(step / unit) - 1e-9)),
                 value / unit);
    put_number(out, digits, letter);
}

void short_number(char out[32], double value) {
    const char *letter;
    double size = fabs(value), unit = unit_of(size, &letter);
    char digits[32];
    if (!isfinite(value)) {
        snprintf(out, 32, "\u2013");
        return;
    }
    if (size != 0.0 && (size < 1e-3 || size >= 1e15)) {
        snprintf(digits, sizeof digits, "%.1e", value);
    } else {
        double scaled = size / unit;
        int decimals = scaled >= 99.95 ? 0 : scaled >= 9.995 ? 1 : scaled >= 0.9995 ? 2 : 3;
        if (scaled >= 99.95 && letter[0] == '\0' && scaled < 999.95)
            decimals = 1;
        snprintf(digits, sizeof digits, "%.*f", decimals, value / unit);
    }
    put_number(out, digits, letter);
}

/* ---- ticks ------------------------------------------------------------------------------------- */

enum { most_ticks = 40 };

typedef struct ticks {
    size_t count;
    double value[most_ticks];
    char label[most_ticks][32];
} ticks;

/* Multiples of 1, 2 or 5 times a power of ten, at most room of them. */
static void linear_ticks(ticks *t, const axis *a, double room) {
    double raw = (a->high - a->low) / fmax(room, 1.0);
    double power = pow(10.0, floor(log10(raw)));
    double step = raw <= power * 1.0001 ? power
                  : raw <= 2.0 * power  ? 2.0 * power
                  : raw <= 5.0 * power  ? 5.0 * power
                                        : 10.0 * power;
    double largest = fmax(fabs(a->low), fabs(a->high));
    for (double k = ceil(a->low / step - 1e-9); k * step <= a->high + step * 1e-9; k += 1.0) {
        if (t->count == most_ticks)
            return;
        t->value[t->count] = k * step;
        tick_number(t->label[t->count++], k * step, step, largest);
    }
}

/* A power of ten, or 2 or 5 times one. */
static void power_number(char out[32], double value) {
    const char *letter;
    double unit = unit_of(value, &letter);
    if (value >= 0.9e3 && value < 0.9e4) {
        unit = 1e3;
        letter = "k";
    }
    char digits[32];
    snprintf(digits, sizeof digits, "%g", value / unit);
    put_number(out, digits, letter);
}

static void log_ticks(ticks *t, const axis *a, double room) {
    int first = (int)floor(log10(a->low)), last = (int)ceil(log10(a->high));
    double decades = log10(a->high / a->low);
    int stride = (int)fmax(1.0, ceil(decades / fmax(room, 1.0)));
    static const double all[] = {1.0, 2.0, 5.0};
    size_t per_decade = decades * 3.0 <= room && decades < 3.0 ? 3 : 1;
    for (int power = first; power <= last; power++) {
        if (power % stride != 0)
            continue;
        for (size_t i = 0; i < per_decade; i++) {
            double value = all[i] * pow(10.0, power);
            if (value < a->low * (1.0 - 1e-9) || value > a->high * (1.0 + 1e-9) || t->count == most_ticks)
                continue;
            t->value[t->count] = value;
            power_number(t->label[t->count++], value);
        }
    }
}

static void find_ticks(ticks *t, const axis *a, double room) {
    t->count = 0;
    if (a->log)
        log_ticks(t, a, room);
    if (t->count < 2) {
        t->count = 0;
        linear_ticks(t, a, room);
    }
}

/* With fewer numbers where they would touch. */
static void find_x_ticks(ticks *t, const axis *a, double spacing, double size) {
    bool touch = true;
    for (double room = (a->last - a->first) / spacing; touch && room > 1.0; room *= 0.7) {
        find_ticks(t, a, room);
        touch = false;
        for (size_t i = 1; i < t->count; i++)
            touch |= axis_pixel(a, t->value[i]) - axis_pixel(a, t->value[i - 1]) <
                     0.5 * (text_width(t->label[i], size) + text_width(t->label[i - 1], size)) + size;
    }
}

static void draw_x_ticks(const ticks *t, const axis *a, double top, double bottom, double size) {
    for (size_t i = 0; i < t->count; i++) {
        double x = axis_pixel(a, t->value[i]);
        draw_line(x, top, x, bottom, 1.0, colour_grid);
        draw_line(x, bottom, x, bottom + 4.0, 1.0, colour_axis);
        draw_text(x, bottom + 6.0 + 0.6 * size, size, TEXT_CENTRE, colour_grey, t->label[i]);
    }
}

void draw_x_axis(const axis *a, double top, double bottom, double spacing, double size) {
    ticks t = {0};
    find_x_ticks(&t, a, spacing, size);
    draw_x_ticks(&t, a, top, bottom, size);
}

void draw_epoch_axis(const axis *a, double top, double bottom, double spacing, double size) {
    ticks t = {0};
    size_t used = 0;
    find_x_ticks(&t, a, spacing, size);
    for (size_t i = 0; i < t.count; i++) {
        if (fabs(t.value[i] - round(t.value[i])) > 1e-9)
            continue;
        t.value[used] = round(t.value[i]) + 0.0; /* no -0 */
        snprintf(t.label[used], sizeof t.label[0], "%.0f", t.value[used]);
        used++;
    }
    t.count = used;
    draw_x_ticks(&t, a, top, bottom, size);
}

void draw_y_axis(const axis *a, double left, double right, double spacing, double size) {
    ticks t;
    find_ticks(&t, a, fabs(a->last - a->first) / spacing);
    for (size_t i = 0; i < t.count; i++) {
        double y = axis_pixel(a, t.value[i]);
        draw_line(left, y, right, y, 1.0, colour_grid);
        draw_text(left - 6.0, y, size, TEXT_RIGHT, colour_grey, t.label[i]);
    }
}

/* With a comma between thousands. */
static void grouped_number(char out[32], size_t n) {
    char digits[24];
    size_t length = (size_t)snprintf(digits, sizeof digits, "%zu", n), used = 0;
    for (size_t i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            out[used++] = ',';
        out[used++] = digits[i];
    }
    out[used] = '\0';
}

static double legend_entry(double right, double y, const char *name, size_t rows, colour c) {
    static const double size = 16.0, square = 14.0;
    char number[32], text[96];
    grouped_number(number, rows);
    snprintf(text, sizeof text, "%s (%s flow%s)", name, number, rows == 1 ? "" : "s");
    double left = right - text_width(text, size);
    draw_text(left, y, size, TEXT_LEFT, colour_ink, text);
    draw_rectangle(left - 8.0 - square, y - 0.5 * square, left - 8.0, y + 0.5 * square, c);
    return left - 8.0 - square;
}

void draw_legend(double right, double y, size_t real_rows, size_t generated_rows) {
    double left = legend_entry(right, y, "generated", generated_rows, colour_generated);
    legend_entry(left - 28.0, y, "real", real_rows, colour_real);
}
