/* Where pictures are drawn: pixels with the origin at the top left. The only door to PLplot. */
#ifndef PLOTS_CANVAS_H
#define PLOTS_CANVAS_H

#include "plots.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct colour {
    int red, green, blue; /* 0 to 255 */
    double alpha;         /* 0 = nothing to see, 1 = opaque */
} colour;

/* The colours of all pictures. */
extern const colour colour_ink, colour_grey, colour_axis, colour_grid, colour_missing;
extern const colour colour_real, colour_real_fill, colour_generated, colour_generated_fill;
extern const colour colour_training, colour_validation;

/* Left, centred, right. */
#define TEXT_LEFT   0.0
#define TEXT_CENTRE 0.5
#define TEXT_RIGHT  1.0

/* Draws what draw(data) draws into memory, without a background: a PNG of scale times width x height pixels,
 * for dense screens, or an SVG where scale is 0. Returns 0, or -1 and a message. */
int draw_image(plot_image *image, double scale, int width, int height, void (*draw)(const void *data),
               const void *data, char message[256]);

/* Draws what draw(data) draws on a white canvas of width x height pixels and writes it to path: PNG or SVG,
 * by the ending. draw must not hold anything that it would have to free. Returns 0, or -1 and a message. */
int draw_picture(const char *path, int width, int height, void (*draw)(const void *data), const void *data,
                 char message[256]);

/* Inside draw only. Sizes and widths in pixels. */
void draw_rectangle(double left, double top, double right, double bottom, colour c);
void draw_frame(double left, double top, double right, double bottom, colour c);
void draw_line(double x0, double y0, double x1, double y1, double width, colour c);
void draw_lines(size_t n, const double *x, const double *y, double width, colour c);
void draw_polygon(size_t n, const double *x, const double *y, colour c); /* at most 256 corners */
void draw_dot(double x, double y, double radius, colour c);

/* Text of a given height whose middle is at y; angle in degrees, counter-clockwise about (x, y). Plain UTF-8:
 * no character has a meaning of its own. */
void draw_text(double x, double y, double size, double justification, colour c, const char *text);
void draw_bold(double x, double y, double size, double justification, colour c, const char *text);
void draw_turned(double x, double y, double size, double justification, double angle, colour c,
                 const char *text);

/* About how wide text is, from the widths of common sans-serif fonts. */
double text_width(const char *text, double size);

/* Copies text to out[room], with an ellipsis for its middle where it is wider than width. */
void fit_text(char *out, size_t room, const char *text, double size, double width);

#endif
