#include "plots.h"
#include "plots_axes.h"
#include "plots_panel.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { most_panels = 48 };

static const double text_size = 13.0;

typedef struct picture {
    panel *panels; /* [n] */
    size_t n, columns, across;
    size_t rows[2];
    double width, height, panel_width, panel_height;
} picture;

static const double margin_top = 76.0, gap = 22.0;

/* ---- histograms -------------------------------------------------------------------------------- */

static double largest_share(const panel *p) {
    double largest = 0.0;
    for (int i = 0; i < 2; i++) {
        largest = fmax(largest, p->zero[i]);
        for (size_t b = 0; b < p->bins; b++)
            largest = fmax(largest, p->share[i][b]);
    }
    return largest;
}

/* The outline of the bins, down to the axis at both ends; xs and ys [2 bins + 2]. */
static size_t outline(double *xs, double *ys, const panel *p, int sample, const axis *x, const axis *y) {
    size_t n = 0;
    xs[n] = axis_pixel(x, p->edge[0]);
    ys[n++] = y->first;
    for (size_t b = 0; b < p->bins; b++) {
        for (size_t end = 0; end < 2; end++) {
            xs[n] = axis_pixel(x, p->edge[b + end]);
            ys[n++] = axis_pixel(y, p->share[sample][b]);
        }
    }
    xs[n] = axis_pixel(x, p->edge[p->bins]);
    ys[n++] = y->first;
    return n;
}

static void draw_zeros(const panel *p, const axis *y, double left, double right) {
    const colour fill[2] = {colour_real_fill, colour_generated_fill};
    const colour line[2] = {colour_real, colour_generated};
    for (int i = 0; i < 2; i++) {
        double top = axis_pixel(y, p->zero[i]);
        draw_rectangle(left, top, right, y->first, fill[i]);
        draw_lines(4, (double[]){left, left, right, right}, (double[]){y->first, top, top, y->first}, 1.4,
                   line[i]);
    }
    draw_text(0.5 * (left + right), y->first + 6.0 + 0.6 * text_size, text_size, TEXT_CENTRE, colour_grey,
              "0");
}

static void draw_histogram(const panel *p, double left, double top, double right, double bottom) {
    static const double zero_width = 18.0, zero_gap = 26.0;
    bool zeros = p->zero[0] > 0.0 || p->zero[1] > 0.0;
    axis y = axis_from_zero(largest_share(p), bottom, top);
    axis x = {p->edge[0], p->edge[p->bins], left + 4.0, right - 8.0, p->log};
    if (!p->log && x.low > 0.0 && x.low < 0.1 * x.high)
        x.low = 0.0;
    draw_y_axis(&y, left, right, 42.0, text_size);
    if (zeros) {
        draw_zeros(p, &y, left + 6.0, left + 6.0 + zero_width);
        x.first = left + 6.0 + zero_width + zero_gap;
    }
    draw_x_axis(&x, top, bottom, 62.0, text_size);
    double xs[2 * panel_most_bins + 2], ys[2 * panel_most_bins + 2];
    const colour fill[2] = {colour_real_fill, colour_generated_fill};
    const colour line[2] = {colour_real, colour_generated};
    for (int i = 0; i < 2; i++)
        draw_polygon(outline(xs, ys, p, i, &x, &y), xs, ys, fill[i]);
    for (int i = 0; i < 2; i++)
        draw_lines(outline(xs, ys, p, i, &x, &y), xs, ys, 1.4, line[i]);
    draw_line(left, bottom, right, bottom, 1.0, colour_axis);
}

/* ---- bars -------------------------------------------------------------------------------------- */

static void draw_upright_bars(const panel *p, double left, double top, double right, double bottom) {
    axis y = axis_from_zero(largest_share(p), bottom, top);
    draw_y_axis(&y, left, right, 42.0, text_size);
    double slot = (right - left) / (double)p->bins, bar = fmin(0.38 * slot, 46.0);
    for (size_t b = 0; b < p->bins; b++) {
        double middle = left + slot * ((double)b + 0.5);
        draw_rectangle(middle - bar, axis_pixel(&y, p->share[0][b]), middle - 1.0, bottom, colour_real);
        draw_rectangle(middle + 1.0, axis_pixel(&y, p->share[1][b]), middle + bar, bottom, colour_generated);
        draw_text(middle, bottom + 6.0 + 0.6 * text_size, text_size, TEXT_CENTRE, colour_grey, p->label[b]);
    }
    draw_line(left, bottom, right, bottom, 1.0, colour_axis);
}

/* For long names. */
static void draw_lying_bars(const panel *p, double left, double top, double right, double bottom) {
    double widest = 0.0;
    for (size_t b = 0; b < p->bins; b++)
        widest = fmax(widest, text_width(p->label[b], text_size));
    double begin = left + fmin(widest + 12.0, 0.5 * (right - left)), slot = (bottom - top) / (double)p->bins;
    axis x = axis_from_zero(largest_share(p), begin, right - 8.0);
    draw_x_axis(&x, top, bottom, 50.0, text_size);
    double bar = fmin(0.40 * slot, 20.0);
    for (size_t b = 0; b < p->bins; b++) {
        char label[panel_label_size + 8];
        double middle = top + slot * ((double)b + 0.5);
        fit_text(label, sizeof label, p->label[b], text_size, begin - left - 10.0);
        draw_text(begin - 6.0, middle, text_size, TEXT_RIGHT, colour_grey, label);
        draw_rectangle(begin, middle - bar, axis_pixel(&x, p->share[0][b]), middle - 0.5, colour_real);
        draw_rectangle(begin, middle + 0.5, axis_pixel(&x, p->share[1][b]), middle + bar, colour_generated);
    }
    draw_line(begin, top, begin, bottom, 1.0, colour_axis);
}

static bool labels_fit(const panel *p, double width) {
    for (size_t b = 0; b < p->bins; b++)
        if (text_width(p->label[b], text_size) > width / (double)p->bins - 6.0)
            return false;
    return true;
}

/* ---- the picture ------------------------------------------------------------------------------- */

/* The name, and on the right the shares of missing cells in the colours of the tables. */
static void draw_head(const panel *p, double left, double right, double y) {
    const colour c[2] = {colour_real, colour_generated};
    char title[256];
    double end = right;
    if (p->missing[0] > 0.0 || p->missing[1] > 0.0) {
        for (int i = 1; i >= 0; i--) {
            char share[32];
            snprintf(share, sizeof share, "%.*f%s", p->missing[i] < 9.995 ? 2 : 1, p->missing[i],
                     i == 1 ? " %" : "");
            draw_text(end, y, text_size, TEXT_RIGHT, c[i], share);
            end -= text_width(share, text_size) + 8.0;
        }
        draw_text(end, y, text_size, TEXT_RIGHT, colour_grey, "missing");
        end -= text_width("missing", text_size) + 8.0;
    }
    if (p->clipped) {
        static const char note[] = "end bins hold all beyond";
        draw_text(end, y, text_size, TEXT_RIGHT, colour_grey, note);
        end -= text_width(note, text_size) + 8.0;
    }
    fit_text(title, sizeof title, p->name, 16.0, (end - left) * 0.9);
    draw_bold(left, y, 16.0, TEXT_LEFT, colour_ink, title);
}

static void draw_panel(const panel *p, bool first_in_row, double left, double top, double right,
                       double bottom) {
    double inner_left = left + 52.0, inner_top = top + 34.0, inner_bottom = bottom - 34.0;
    draw_head(p, inner_left, right, top + 16.0);
    bool upright = !p->bars || labels_fit(p, right - inner_left);
    if (p->bins == 0) {
        draw_text(0.5 * (inner_left + right), 0.5 * (top + bottom), 15.0, TEXT_CENTRE, colour_grey,
                  "no values in either table");
        return;
    }
    if (!p->bars)
        draw_histogram(p, inner_left, inner_top, right, inner_bottom);
    else if (upright)
        draw_upright_bars(p, inner_left, inner_top, right, inner_bottom);
    else
        draw_lying_bars(p, left + 16.0, inner_top, right, inner_bottom);
    if (upright && first_in_row)
        draw_turned(left + 2.0, 0.5 * (inner_top + inner_bottom), 14.0, TEXT_CENTRE, 90.0, colour_grey,
                    "% of flows");
    else if (!upright)
        draw_text(right, bottom + 1.0, text_size, TEXT_RIGHT, colour_grey, "% of flows");
}

static void draw(const void *data) {
    const picture *pic = data;
    char note[128] = "";
    draw_bold(24.0, 32.0, 24.0, TEXT_LEFT, colour_ink, "Distributions of real and generated flows");
    if (pic->n < pic->columns)
        snprintf(note, sizeof note, "the first %zu of %zu columns", pic->n, pic->columns);
    draw_text(24.0, 60.0, 14.0, TEXT_LEFT, colour_grey, note);
    draw_legend(pic->width - 24.0, 32.0, pic->rows[0], pic->rows[1]);
    for (size_t i = 0; i < pic->n; i++) {
        size_t column = i % pic->across, row = i / pic->across;
        double left = 24.0 + (double)column * (pic->panel_width + gap);
        double top = margin_top + (double)row * (pic->panel_height + gap);
        draw_panel(&pic->panels[i], column == 0, left, top, left + pic->panel_width, top + pic->panel_height);
    }
}

static void lay_out(picture *pic) {
    size_t n = pic->n;
    pic->across = n <= 3 ? n : n == 4 ? 2 : n <= 9 ? 3 : 4;
    size_t down = (n + pic->across - 1) / pic->across;
    pic->width = n <= 2 ? 1200.0 : 1500.0;
    double across = (double)pic->across;
    pic->panel_width = (pic->width - 48.0 - (across - 1.0) * gap) / across;
    pic->panel_height = pic->across == 4 ? 290.0 : n <= 3 ? 400.0 : 330.0;
    pic->height = margin_top + (double)down * (pic->panel_height + gap);
}

/* Returns 0, or -1 and a message. */
static int fill_panel(panel *p, const flowbd3_table *real, size_t column, const flowbd3_table *generated,
                      const char *path, char message[256]) {
    size_t other;
    if (matching_column(&other, real, column, generated, path, message) != 0)
        return -1;
    if (column_is_numeric(real, column) ? panel_of_numbers(p, real, column, generated, other)
                                        : panel_of_categories(p, real, column, generated, other))
        return 0;
    snprintf(message, 256, "%s: out of memory", path);
    return -1;
}

int plot_distributions(const char *path, const flowbd3_table *real, const flowbd3_table *generated,
                       char message[256]) {
    picture pic = {.columns = flowbd3_table_columns(real),
                   .rows = {flowbd3_table_rows(real), flowbd3_table_rows(generated)}};
    pic.n = pic.columns < most_panels ? pic.columns : most_panels;
    if (pic.n == 0) {
        snprintf(message, 256, "%s: the table has no columns to draw", path);
        return -1;
    }
    pic.panels = calloc(pic.n, sizeof *pic.panels);
    int result = 0;
    if (pic.panels == NULL) {
        snprintf(message, 256, "%s: out of memory", path);
        result = -1;
    }
    for (size_t c = 0; c < pic.n && result == 0; c++)
        result = fill_panel(&pic.panels[c], real, c, generated, path, message);
    if (result == 0) {
        lay_out(&pic);
        result = draw_picture(path, (int)pic.width, (int)pic.height, draw, &pic, message);
    }
    free(pic.panels);
    return result;
}

/* ---- one panel --------------------------------------------------------------------------------- */

static const double alone_width = 450.0, alone_height = 290.0;

static void draw_alone(const void *data) {
    draw_panel(data, true, 8.0, 2.0, alone_width - 6.0, alone_height - 10.0);
}

int image_of_column(plot_image *image, const flowbd3_table *real, size_t column,
                    const flowbd3_table *generated, char message[256]) {
    panel *p = calloc(1, sizeof *p);
    int result = p != NULL ? fill_panel(p, real, column, generated, "a distribution", message) : -1;
    if (p == NULL)
        snprintf(message, 256, "a distribution: out of memory");
    if (result == 0)
        result = draw_image(image, 0.0, (int)alone_width, (int)alone_height, draw_alone, p, message);
    free(p);
    return result;
}
