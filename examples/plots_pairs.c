/* The rows of two tables by two columns of numbers. */
#include "plots.h"
#include "plots_axes.h"
#include "plots_values.h"

#include <math.h>
#include <stdio.h>

enum { most_points = 1500 };

/* How the numbers of one column are laid out. */
typedef struct scale {
    const char *name;
    size_t column[2]; /* in real, in generated */
    double low, high;
    bool log;
    bool zeros; /* beside a logarithmic axis, which has no place for them */
} scale;

typedef struct picture {
    const flowbd3_table *table[2];
    scale x, y;
} picture;

static const double width = 450.0, height = 400.0, left = 78.0, top = 14.0, right = 440.0, bottom = 344.0;
static const double gutter = 40.0; /* of zeros */
static const colour dots[2] = {{31, 119, 180, 0.35}, {240, 120, 10, 0.35}};

/* Returns 0, or -1 and a message. */
static int measure(scale *s, const flowbd3_table *real, size_t column, const flowbd3_table *generated,
                   char message[256]) {
    const flowbd3_table *table[2] = {real, generated};
    double positive = INFINITY;
    bool heavy = false;
    *s = (scale){flowbd3_table_name(real, column), {column, 0}, INFINITY, -INFINITY, false, false};
    if (matching_column(&s->column[1], real, column, generated, "a pair of columns", message) != 0)
        return -1;
    for (int i = 0; i < 2; i++) {
        values v;
        if (!values_of_column(&v, table[i], s->column[i])) {
            snprintf(message, 256, "a pair of columns: out of memory");
            return -1;
        }
        heavy |= i == 0 && values_heavy_tailed(&v);
        if (v.count > 0) {
            s->low = fmin(s->low, v.sorted[0]);
            s->high = fmax(s->high, v.sorted[v.count - 1]);
        }
        for (size_t k = 0; k < v.count && positive > v.sorted[k]; k++)
            positive = v.sorted[k] > 0.0 ? v.sorted[k] : positive;
        values_destroy(&v);
    }
    if (s->low > s->high)
        s->low = s->high = 0.0;
    s->log = heavy && s->low >= 0.0 && s->high > 50.0 * positive;
    s->zeros = s->log && s->low == 0.0;
    if (s->log)
        s->low = positive;
    return 0;
}

static axis axis_of(const scale *s, double first, double last) {
    double shift = s->zeros ? copysign(gutter, last - first) : 0.0;
    if (!s->log)
        return axis_around(s->low, s->high, 0.03, first, last);
    return (axis){s->low * 0.8, s->high * 1.25, first + shift, last, true};
}

/* NaN for a missing cell. */
static double place_of(const scale *s, const axis *a, double first, double last, const flowbd3_table *table,
                       size_t row, int which) {
    double value = flowbd3_table_number(table, row, s->column[which]);
    if (!isfinite(value))
        return NAN;
    return s->zeros && value == 0.0 ? first + copysign(8.0, last - first) : axis_pixel(a, value);
}

/* Rows at equal distances, a few of each table in turn, so that none lies on top. */
static void draw_rows(const picture *pic, const axis *x, const axis *y) {
    for (size_t n = 0; n < most_points; n++) {
        for (int which = 0; which < 2; which++) {
            size_t rows = flowbd3_table_rows(pic->table[which]);
            size_t count = rows < most_points ? rows : most_points;
            if (n >= count)
                continue;
            size_t row = (size_t)((double)n * (double)rows / (double)count);
            double px = place_of(&pic->x, x, left, right, pic->table[which], row, which);
            double py = place_of(&pic->y, y, bottom, top, pic->table[which], row, which);
            if (isfinite(px) && isfinite(py))
                draw_dot(px, py, 2.2, dots[which]);
        }
    }
}

static void draw(const void *data) {
    const picture *pic = data;
    char name[256];
    axis x = axis_of(&pic->x, left, right), y = axis_of(&pic->y, bottom, top);
    draw_y_axis(&y, left, right, 48.0, 13.0);
    draw_x_axis(&x, top, bottom, 62.0, 13.0);
    if (pic->x.zeros)
        draw_text(left + 8.0, bottom + 14.0, 13.0, TEXT_CENTRE, colour_grey, "0");
    if (pic->y.zeros)
        draw_text(left - 6.0, bottom - 8.0, 13.0, TEXT_RIGHT, colour_grey, "0");
    draw_frame(left, top, right, bottom, colour_axis);
    fit_text(name, sizeof name, pic->x.name, 14.0, right - left);
    draw_text(0.5 * (left + right), bottom + 38.0, 14.0, TEXT_CENTRE, colour_ink, name);
    fit_text(name, sizeof name, pic->y.name, 14.0, bottom - top);
    draw_turned(12.0, 0.5 * (top + bottom), 14.0, TEXT_CENTRE, 90.0, colour_ink, name);
    draw_rows(pic, &x, &y);
}

int image_of_pair(plot_image *image, const flowbd3_table *real, size_t x, size_t y,
                  const flowbd3_table *generated, char message[256]) {
    picture pic = {.table = {real, generated}};
    int result = measure(&pic.x, real, x, generated, message);
    if (result == 0)
        result = measure(&pic.y, real, y, generated, message);
    if (result == 0)
        result = draw_image(image, 1.5, (int)width, (int)height, draw, &pic, message);
    return result;
}
