/* Axes: from values to pixels, ticks, numbers as short text. */
#ifndef PLOTS_AXES_H
#define PLOTS_AXES_H

#include "plots_canvas.h"

typedef struct axis {
    double low, high;   /* values, low < high; above 0 when log */
    double first, last; /* pixels of low and high */
    bool log;
} axis;

/* Pixel of value; outside of the axis it is its nearer end. */
double axis_pixel(const axis *a, double value);

/* An axis from 0 to a little above the largest value. */
axis axis_from_zero(double largest, double first, double last);

/* A linear axis over low to high with a margin of share of their distance on both sides; also where both are
 * the same. */
axis axis_around(double low, double high, double share, double first, double last);

/* Lines across the picture and numbers beside them: at most one number per spacing pixels. draw_x_axis draws
 * for an axis along the lower edge of a panel from top to bottom, draw_y_axis along the left edge. */
void draw_x_axis(const axis *a, double top, double bottom, double spacing, double size);
/* The same with whole numbers alone. */
void draw_epoch_axis(const axis *a, double top, double bottom, double spacing, double size);
void draw_y_axis(const axis *a, double left, double right, double spacing, double size);

/* "real (1,000 flows)" and "generated (1,000 flows)" with their colours, ending at right. */
void draw_legend(double right, double y, size_t real_rows, size_t generated_rows);

/* Three or four significant digits with k, M, G, T for thousands. */
void short_number(char out[32], double value);

#endif
