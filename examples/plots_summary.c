#include "plots.h"
#include "plots_axes.h"
#include "plots_values.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { most_rows = 60 };

typedef struct moments {
    double mean, deviation; /* NaN without values */
} moments;

typedef struct line {
    const char *name;
    moments of[2]; /* real, generated */
} line;

typedef struct picture {
    line *lines; /* [n] */
    size_t n, columns;
    size_t rows[2];
    double names; /* room for them */
} picture;

static const double width = 1500.0, margin = 24.0, margin_top = 128.0, row_height = 52.0, gap = 40.0;
static const double numbers_room = 254.0;

/* In the order of the values, which keeps small ones from getting lost; deviation by n - 1. */
static moments moments_of(const values *v) {
    moments m = {NAN, NAN};
    if (v->count == 0)
        return m;
    double count = (double)v->count, squares = 0.0;
    /* From the first value on, so that the mean of a constant is that constant. */
    m.mean = v->sorted[0];
    for (size_t i = 0; i < v->count; i++)
        m.mean += v->sorted[i] / count - v->sorted[0] / count;
    for (size_t i = 0; i < v->count; i++)
        squares += (v->sorted[i] - m.mean) * (v->sorted[i] - m.mean);
    m.deviation = v->count > 1 ? sqrt(squares / (count - 1.0)) : NAN;
    return m;
}

static double figure(const line *l, int table, int deviation) {
    return deviation ? l->of[table].deviation : l->of[table].mean;
}

/* Decades that hold the sizes of all figures. */
static axis sizes_axis(const picture *pic, int deviation, double first, double last) {
    double low = INFINITY, high = 0.0;
    for (size_t i = 0; i < pic->n; i++) {
        for (int t = 0; t < 2; t++) {
            double size = fabs(figure(&pic->lines[i], t, deviation));
            if (!isfinite(size) || size == 0.0)
                continue;
            low = fmin(low, size);
            high = fmax(high, size);
        }
    }
    if (high == 0.0)
        low = high = 1.0;
    /* Every bar has some length. */
    low = pow(10.0, floor(log10(low) - 0.3));
    high = pow(10.0, ceil(log10(high) - 1e-9));
    return (axis){low, high > low ? high : 10.0 * low, first, last, true};
}

static void draw_bars(const line *l, int deviation, const axis *x, double middle) {
    const colour c[2] = {colour_real, colour_generated};
    for (int t = 0; t < 2; t++) {
        double value = figure(l, t, deviation), top = t == 0 ? middle - 16.0 : middle + 1.0;
        if (isfinite(value) && value != 0.0)
            draw_rectangle(x->first, top, axis_pixel(x, fabs(value)), top + 15.0, c[t]);
    }
}

/* Both figures and how far the second is from the first. */
static void draw_numbers(const line *l, int deviation, double left, double middle) {
    char text[32];
    const colour c[2] = {colour_real, colour_generated};
    double value[2];
    for (int t = 0; t < 2; t++) {
        value[t] = figure(l, t, deviation);
        short_number(text, value[t]);
        draw_text(left + 66.0 + 86.0 * t, middle, 14.0, TEXT_RIGHT, c[t], text);
    }
    double change = 100.0 * (value[1] - value[0]) / fabs(value[0]);
    if (isfinite(change) && fabs(change) < 9999.5)
        snprintf(text, sizeof text, "%s%.*f %%",
                 fabs(change) < 0.05 ? ""
                 : change < 0.0      ? "\u2212"
                                     : "+",
                 fabs(change) < 99.95 ? 1 : 0, fabs(change));
    else
        snprintf(text, sizeof text, "\u2013");
    draw_text(left + numbers_room - 4.0, middle, 14.0, TEXT_RIGHT, colour_ink, text);
}

static void draw_half(const picture *pic, int deviation, double left, double right) {
    double bottom = margin_top + (double)pic->n * row_height, numbers = right - numbers_room;
    axis x = sizes_axis(pic, deviation, left, numbers - 12.0);
    draw_bold(left, margin_top - 32.0, 17.0, TEXT_LEFT, colour_ink,
              deviation ? "standard deviation" : "mean");
    draw_text(numbers + 66.0, margin_top - 32.0, 13.0, TEXT_RIGHT, colour_grey, "real");
    draw_text(numbers + 152.0, margin_top - 32.0, 13.0, TEXT_RIGHT, colour_grey, "generated");
    draw_text(right - 4.0, margin_top - 32.0, 13.0, TEXT_RIGHT, colour_grey, "difference");
    draw_x_axis(&x, margin_top - 8.0, bottom, 52.0, 13.0);
    for (size_t i = 0; i < pic->n; i++) {
        double middle = margin_top + row_height * ((double)i + 0.5);
        draw_bars(&pic->lines[i], deviation, &x, middle);
        draw_numbers(&pic->lines[i], deviation, numbers, middle);
    }
    draw_line(left, margin_top - 8.0, left, bottom, 1.0, colour_axis);
    draw_line(left, bottom, numbers - 12.0, bottom, 1.0, colour_axis);
}

static void draw(const void *data) {
    const picture *pic = data;
    draw_bold(margin, 32.0, 24.0, TEXT_LEFT, colour_ink,
              "Means and standard deviations of real and generated flows");
    draw_legend(width - margin, 32.0, pic->rows[0], pic->rows[1]);
    char note[128] = "bars: size of the figure, logarithmic";
    if (pic->n < pic->columns)
        snprintf(note, sizeof note,
                 "bars: size of the figure, logarithmic; the first %zu of %zu numeric columns", pic->n,
                 pic->columns);
    draw_text(margin, 62.0, 14.0, TEXT_LEFT, colour_grey, note);
    double left = margin + pic->names, half = (width - margin - left - gap) / 2.0;
    for (size_t i = 0; i < pic->n; i++) {
        char name[256];
        double middle = margin_top + row_height * ((double)i + 0.5);
        fit_text(name, sizeof name, pic->lines[i].name, 15.0, pic->names - 10.0);
        draw_text(left - 8.0, middle, 15.0, TEXT_RIGHT, colour_ink, name);
    }
    draw_half(pic, 0, left, left + half);
    draw_half(pic, 1, left + half + gap, width - margin);
}

/* Returns 0, or -1 and a message. */
static int measure(line *l, const flowbd3_table *real, size_t column, const flowbd3_table *generated,
                   const char *path, char message[256]) {
    const flowbd3_table *table[2] = {real, generated};
    size_t place[2] = {column, 0};
    if (matching_column(&place[1], real, column, generated, path, message) != 0)
        return -1;
    l->name = flowbd3_table_name(real, column);
    for (int t = 0; t < 2; t++) {
        values v;
        if (!values_of_column(&v, table[t], place[t])) {
            snprintf(message, 256, "%s: out of memory", path);
            return -1;
        }
        l->of[t] = moments_of(&v);
        values_destroy(&v);
    }
    return 0;
}

int plot_summary(const char *path, const flowbd3_table *real, const flowbd3_table *generated,
                 char message[256]) {
    static const double longest_name = 240.0;
    size_t columns = flowbd3_table_columns(real);
    picture pic = {.rows = {flowbd3_table_rows(real), flowbd3_table_rows(generated)}};
    pic.lines = calloc(most_rows, sizeof *pic.lines);
    int result = pic.lines == NULL ? -1 : 0;
    if (result != 0)
        snprintf(message, 256, "%s: out of memory", path);
    for (size_t c = 0; c < columns && result == 0; c++) {
        if (!column_is_numeric(real, c) || ++pic.columns > most_rows)
            continue;
        line *l = &pic.lines[pic.n++];
        result = measure(l, real, c, generated, path, message);
        pic.names = fmin(fmax(pic.names, text_width(flowbd3_table_name(real, c), 15.0) + 12.0), longest_name);
    }
    if (result == 0 && pic.n == 0) {
        snprintf(message, 256, "%s: the table has no numeric columns to sum up", path);
        result = -1;
    }
    if (result == 0) {
        double height = margin_top + (double)pic.n * row_height + 44.0;
        result = draw_picture(path, (int)width, (int)height, draw, &pic, message);
    }
    free(pic.lines);
    return result;
}
