/* Curves over shares from 0 to 1, beside the straight line that two equal tables would give. */
#include "plots.h"
#include "plots_axes.h"

#include <math.h>

static const double width = 424.0, height = 392.0, left = 62.0, top = 36.0, right = 412.0, bottom = 336.0;

/* value[n] at 1/n, 2/n, ...; from 0 on. */
static void draw_curve(const double *value, size_t n, const axis *x, const axis *y, colour c) {
    double last_x = x->first, last_y = y->first;
    for (size_t k = 0; k < n; k++) {
        double px = axis_pixel(x, (double)(k + 1) / (double)n), py = axis_pixel(y, value[k]);
        if (isfinite(value[k]))
            draw_line(last_x, last_y, px, py, 2.2, c);
        last_x = px;
        last_y = py;
    }
}

static void draw(const void *data) {
    const plot_curve *curve = data;
    axis x = {0.0, 1.0, left, right, false}, y = {0.0, 1.0, bottom, top, false};
    draw_bold(left, 16.0, 16.0, TEXT_LEFT, colour_ink, curve->title);
    draw_y_axis(&y, left, right, 56.0, 13.0);
    draw_x_axis(&x, top, bottom, 62.0, 13.0);
    draw_line(left, bottom, right, top, 1.2, colour_axis);
    draw_frame(left, top, right, bottom, colour_axis);
    if (curve->floor != NULL)
        draw_curve(curve->floor, curve->n_floor, &x, &y, colour_real);
    draw_curve(curve->value, curve->n, &x, &y, colour_generated);
    draw_text(0.5 * (left + right), bottom + 40.0, 14.0, TEXT_CENTRE, colour_grey, curve->x);
    draw_turned(12.0, 0.5 * (top + bottom), 14.0, TEXT_CENTRE, 90.0, colour_grey, curve->y);
}

int image_of_curve(plot_image *image, const plot_curve *curve, char message[256]) {
    return draw_image(image, 0.0, (int)width, (int)height, draw, curve, message);
}
