#include "plots.h"
#include "plots_axes.h"

#include <math.h>
#include <stdio.h>

typedef struct picture {
    const flowbd3_epoch *epochs; /* [count] */
    size_t count;
    size_t best; /* lowest validation NELBO; count when there is none */
} picture;

static const double width = 1200.0, height = 820.0, left = 96.0, right = 1168.0;

static double train_loss(const flowbd3_epoch *e) {
    return e->train_loss;
}

static double validation_nelbo(const flowbd3_epoch *e) {
    return e->validation_nelbo;
}

static double learning_rate(const flowbd3_epoch *e) {
    return e->learning_rate;
}

/* A line through the finite values, with dots where they are few. */
static void draw_curve(const picture *pic, double (*of)(const flowbd3_epoch *), const axis *x, const axis *y,
                       colour c) {
    double before[2] = {NAN, NAN};
    for (size_t i = 0; i < pic->count; i++) {
        double value = of(&pic->epochs[i]);
        double here[2] = {axis_pixel(x, pic->epochs[i].epoch), axis_pixel(y, value)};
        if (!isfinite(value)) {
            before[0] = NAN;
            continue;
        }
        if (!isnan(before[0]))
            draw_line(before[0], before[1], here[0], here[1], 2.0, c);
        if (pic->count <= 30)
            draw_dot(here[0], here[1], 3.5, c);
        before[0] = here[0];
        before[1] = here[1];
    }
}

static void widen(double range[2], double value) {
    if (isfinite(value)) {
        range[0] = fmin(range[0], value);
        range[1] = fmax(range[1], value);
    }
}

/* Logarithmic when the first epochs would flatten the others. */
static axis loss_axis(const picture *pic, double top, double bottom) {
    double range[2] = {INFINITY, -INFINITY};
    for (size_t i = 0; i < pic->count; i++) {
        widen(range, pic->epochs[i].train_loss);
        widen(range, pic->epochs[i].validation_nelbo);
    }
    if (!(range[0] <= range[1]))
        range[0] = range[1] = 0.0;
    if (range[0] > 0.0 && range[1] > 20.0 * range[0])
        return (axis){range[0] / 1.1, range[1] * 1.1, bottom, top, true};
    return axis_around(range[0], range[1], 0.06, bottom, top);
}

static double draw_key(double end, double y, const char *text, colour c) {
    double start = end - text_width(text, 16.0);
    draw_text(start, y, 16.0, TEXT_LEFT, colour_ink, text);
    draw_line(start - 34.0, y, start - 8.0, y, 3.0, c);
    return start - 58.0;
}

static void draw(const void *data) {
    static const double top = 92.0, bottom = 540.0, rate_top = 628.0, rate_bottom = 752.0;
    const picture *pic = data;
    draw_bold(24.0, 32.0, 24.0, TEXT_LEFT, colour_ink, "Training");
    double end = right;
    if (pic->best < pic->count) {
        const flowbd3_epoch *best = &pic->epochs[pic->best];
        char text[96];
        snprintf(text, sizeof text, "validation NELBO, best %.3f in epoch %u", best->validation_nelbo,
                 best->epoch);
        end = draw_key(end, 32.0, text, colour_validation);
    }
    draw_key(end, 32.0, "training loss", colour_training);

    axis x = {pic->epochs[0].epoch, pic->epochs[pic->count - 1].epoch, left + 10.0, right - 10.0, false};
    if (!(x.low < x.high)) {
        x.low -= 0.5;
        x.high += 0.5;
    }
    axis y = loss_axis(pic, top, bottom);
    draw_bold(left, top - 20.0, 16.0, TEXT_LEFT, colour_ink, "loss, nats per flow");
    draw_y_axis(&y, left, right, 56.0, 14.0);
    draw_epoch_axis(&x, top, bottom, 70.0, 14.0);
    draw_line(left, bottom, right, bottom, 1.0, colour_axis);
    draw_curve(pic, train_loss, &x, &y, colour_training);
    draw_curve(pic, validation_nelbo, &x, &y, colour_validation);
    if (pic->best < pic->count)
        draw_dot(axis_pixel(&x, pic->epochs[pic->best].epoch),
                 axis_pixel(&y, pic->epochs[pic->best].validation_nelbo), 6.0, colour_validation);

    double largest = 0.0;
    for (size_t i = 0; i < pic->count; i++)
        largest = fmax(largest, isfinite(pic->epochs[i].learning_rate) ? pic->epochs[i].learning_rate : 0.0);
    axis rate = axis_from_zero(largest, rate_bottom, rate_top);
    draw_bold(left, rate_top - 20.0, 16.0, TEXT_LEFT, colour_ink, "learning rate");
    draw_y_axis(&rate, left, right, 28.0, 14.0);
    draw_epoch_axis(&x, rate_top, rate_bottom, 70.0, 14.0);
    draw_line(left, rate_bottom, right, rate_bottom, 1.0, colour_axis);
    draw_curve(pic, learning_rate, &x, &rate, colour_ink);
    draw_text(0.5 * (left + right), height - 24.0, 15.0, TEXT_CENTRE, colour_grey, "epoch");
}

int plot_losses(const char *path, const flowbd3_epoch *epochs, size_t count, char message[256]) {
    if (count == 0) {
        snprintf(message, 256, "%s: there is no finished epoch to draw", path);
        return -1;
    }
    picture pic = {epochs, count, count};
    for (size_t i = 0; i < count; i++)
        if (isfinite(epochs[i].validation_nelbo) &&
            (pic.best == count || epochs[i].validation_nelbo < epochs[pic.best].validation_nelbo))
            pic.best = i;
    return draw_picture(path, (int)width, (int)height, draw, &pic, message);
}
