#include "plots.h"
#include "plots_axes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct picture {
    const flowbd3_table *real;
    const size_t *columns;   /* [n] in real */
    const double *matrix[3]; /* [n, n] real, generated, difference */
    size_t n;
    double side;       /* of a matrix, pixels */
    double names_left; /* room for the names beside and below */
    double names_below;
    double names_size;
    size_t names_step; /* every one, or every so many */
    double width, height;
    const char *title; /* of the only one */
} picture;

static const char *const titles[] = {"real", "generated", "generated \u2212 real"};

static const double margin = 24.0, margin_top = 104.0, gap = 26.0, bar_room = 92.0;

/* -1 blue, 0 white, 1 red: the ends and quarters of ColorBrewer's RdBu (Brewer 2003). */
static colour diverging(double value) {
    static const double stop[5][3] = {
        {33, 102, 172}, {103, 169, 207}, {255, 255, 255}, {239, 138, 98}, {178, 24, 43}};
    if (isnan(value))
        return colour_missing;
    double place = (fmin(fmax(value, -1.0), 1.0) + 1.0) * 2.0;
    int below = place < 3.0 ? (int)place : 3;
    int mixed[3];
    for (int i = 0; i < 3; i++)
        mixed[i] = (int)lround(stop[below][i] + (place - below) * (stop[below + 1][i] - stop[below][i]));
    return (colour){mixed[0], mixed[1], mixed[2], 1.0};
}

static void draw_value(double x, double y, double size, double value) {
    static const colour white = {255, 255, 255, 1.0};
    char text[32];
    if (isnan(value))
        snprintf(text, sizeof text, "\u2013");
    else
        snprintf(text, sizeof text, "%s%.2f", value <= -0.005 ? "\u2212" : "", fabs(value));
    draw_text(x, y, size, TEXT_CENTRE, fabs(value) > 0.7 ? white : colour_ink, text);
}

static const char *name_of(const picture *pic, size_t i) {
    return flowbd3_table_name(pic->real, pic->columns == NULL ? i : pic->columns[i]);
}

static void draw_matrix(const picture *pic, const double *matrix, double left, double top) {
    double cell = pic->side / (double)pic->n, size = fmin(15.0, 0.26 * cell);
    for (size_t row = 0; row < pic->n; row++) {
        for (size_t column = 0; column < pic->n; column++) {
            double value = matrix[row * pic->n + column];
            double x = left + cell * (double)column, y = top + cell * (double)row;
            draw_rectangle(x, y, x + cell, y + cell, diverging(value));
            if (pic->n <= 10)
                draw_value(x + 0.5 * cell, y + 0.5 * cell, size, value);
        }
    }
    draw_frame(left, top, left + pic->side, top + pic->side, colour_axis);
    for (size_t i = 0; i < pic->n; i += pic->names_step) {
        char name[256];
        fit_text(name, sizeof name, name_of(pic, i), pic->names_size, pic->names_below - 12.0);
        double x = left + cell * ((double)i + 0.5);
        draw_turned(x, top + pic->side + 8.0, pic->names_size, TEXT_RIGHT, 90.0, colour_ink, name);
    }
}

static void draw_row_names(const picture *pic, double right, double top) {
    double cell = pic->side / (double)pic->n;
    for (size_t i = 0; i < pic->n; i += pic->names_step) {
        char name[256];
        fit_text(name, sizeof name, name_of(pic, i), pic->names_size, pic->names_left - 12.0);
        draw_text(right, top + cell * ((double)i + 0.5), pic->names_size, TEXT_RIGHT, colour_ink, name);
    }
}

static void draw_colour_bar(double left, double top, double bottom) {
    enum { steps = 128 };
    static const double width = 18.0;
    double height = (bottom - top) / steps;
    for (int i = 0; i < steps; i++) {
        double y = top + height * i;
        draw_rectangle(left, y, left + width, y + height, diverging(1.0 - (2.0 * i + 1.0) / steps));
    }
    draw_frame(left, top, left + width, bottom, colour_axis);
    static const char *const label[] = {"1", "0.5", "0", "\u22120.5", "\u22121"};
    for (int i = 0; i < 5; i++) {
        double y = top + (bottom - top) * i / 4.0;
        draw_line(left + width, y, left + width + 4.0, y, 1.0, colour_axis);
        draw_text(left + width + 8.0, y, 14.0, TEXT_LEFT, colour_grey, label[i]);
    }
}

static void draw(const void *data) {
    const picture *pic = data;
    draw_bold(margin, 32.0, 24.0, TEXT_LEFT, colour_ink, "Pearson correlations of real and generated flows");
    double left = margin + pic->names_left;
    draw_row_names(pic, left - 8.0, margin_top);
    for (int i = 0; i < 3; i++) {
        draw_bold(left + 0.5 * pic->side, margin_top - 22.0, 17.0, TEXT_CENTRE, colour_ink, titles[i]);
        draw_matrix(pic, pic->matrix[i], left, margin_top);
        left += pic->side + gap;
    }
    draw_colour_bar(left, margin_top, margin_top + pic->side);
}

static void lay_out(picture *pic) {
    static const double longest = 190.0;
    double widest = 0.0;
    pic->width = 1560.0;
    pic->names_size = pic->n <= 14 ? 15.0 : pic->n <= 22 ? 13.0 : pic->n <= 36 ? 10.0 : 7.0;
    for (size_t i = 0; i < pic->n; i++)
        widest = fmax(widest, text_width(name_of(pic, i), pic->names_size));
    pic->names_left = pic->names_below = fmin(widest, longest) + 16.0;
    pic->side = floor((pic->width - 2.0 * margin - pic->names_left - bar_room - 2.0 * gap) / 3.0);
    pic->names_step = (size_t)ceil(1.1 * pic->names_size * (double)pic->n / pic->side);
    pic->height = margin_top + pic->side + pic->names_below + 12.0;
}

/* Takes the matrices; *difference [n, n] is to be freed. Returns 0, or -1 and a message. */
static int take_matrices(picture *pic, double **difference, const flowbd3_evaluator *evaluator,
                         const char *path, char message[256]) {
    *difference = NULL;
    pic->matrix[0] =
        flowbd3_evaluator_matrix(evaluator, "pearson", FLOWBD3_SAMPLE_REAL, &pic->n, &pic->columns);
    pic->matrix[1] = flowbd3_evaluator_matrix(evaluator, "pearson", FLOWBD3_SAMPLE_GENERATED, NULL, NULL);
    if (pic->matrix[0] == NULL || pic->matrix[1] == NULL || pic->n == 0) {
        snprintf(message, 256, "%s: there are no correlations to draw (%s)", path,
                 pic->matrix[0] == NULL ? "the evaluator has not run" : "no numeric columns");
        return -1;
    }
    *difference = malloc(pic->n * pic->n * sizeof **difference);
    if (*difference == NULL) {
        snprintf(message, 256, "%s: out of memory", path);
        return -1;
    }
    for (size_t i = 0; i < pic->n * pic->n; i++)
        (*difference)[i] = pic->matrix[1][i] - pic->matrix[0][i];
    pic->matrix[2] = *difference;
    return 0;
}

int plot_correlations(const char *path, const flowbd3_evaluator *evaluator, const flowbd3_table *real,
                      char message[256]) {
    picture pic = {.real = real};
    double *difference;
    int result = take_matrices(&pic, &difference, evaluator, path, message);
    if (result == 0) {
        lay_out(&pic);
        result = draw_picture(path, (int)pic.width, (int)pic.height, draw, &pic, message);
    }
    free(difference);
    return result;
}

/* ---- one matrix -------------------------------------------------------------------------------- */

static const double alone_side = 300.0, alone_top = 34.0, alone_margin = 6.0;

static void draw_alone(const void *data) {
    const picture *pic = data;
    double left = alone_margin + pic->names_left;
    draw_bold(left + 0.5 * pic->side, 16.0, 15.0, TEXT_CENTRE, colour_ink, pic->title);
    draw_row_names(pic, left - 8.0, alone_top);
    draw_matrix(pic, pic->matrix[0], left, alone_top);
    draw_colour_bar(left + pic->side + 10.0, alone_top, alone_top + pic->side);
}

static void lay_out_alone(picture *pic) {
    static const double longest = 110.0;
    double widest = 0.0;
    pic->names_size = pic->n <= 14 ? 13.0 : pic->n <= 22 ? 11.0 : 9.0;
    for (size_t i = 0; i < pic->n; i++)
        widest = fmax(widest, text_width(name_of(pic, i), pic->names_size));
    pic->names_left = pic->names_below = fmin(widest, longest) + 14.0;
    pic->side = alone_side;
    pic->names_step = (size_t)ceil(1.1 * pic->names_size * (double)pic->n / pic->side);
    pic->width = alone_margin + pic->names_left + pic->side + 74.0;
    pic->height = alone_top + pic->side + pic->names_below + 8.0;
}

int image_of_correlations(plot_image *image, plot_matrix which, const flowbd3_evaluator *evaluator,
                          const flowbd3_table *real, char message[256]) {
    picture pic = {.real = real, .title = titles[which]};
    double *difference;
    int result = take_matrices(&pic, &difference, evaluator, "correlations", message);
    if (result == 0) {
        pic.matrix[0] = pic.matrix[which];
        lay_out_alone(&pic);
        result = draw_image(image, 2.0, (int)pic.width, (int)pic.height, draw_alone, &pic, message);
    }
    free(difference);
    return result;
}
