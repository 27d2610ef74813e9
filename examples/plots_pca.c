#include "plots.h"
#include "plots_axes.h"
#include "plots_values.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { most_features = 200 };

/* Of the numeric columns that vary: how a cell becomes a standardised number. */
typedef struct feature {
    size_t column[2]; /* in real, in generated */
    bool log;         /* sign(x) log(1 + |x|) first */
    double mean, deviation;
} feature;

typedef struct projection {
    feature *features; /* [n] */
    size_t n;
    double *axes;        /* [2, n] */
    double explained[2]; /* shares of the variance */
} projection;

typedef struct picture {
    double *points[2]; /* [count, 2] */
    size_t count[2], rows[2];
    double low[2], high[2]; /* of the axes */
    double explained[2];
} picture;

/* ---- components -------------------------------------------------------------------------------- */

static double transformed(const feature *f, double x) {
    return f->log ? copysign(log1p(fabs(x)), x) : x;
}

/* 0 where the cell is missing: the mean. */
static double standardised(const feature *f, const flowbd3_table *table, size_t row, int which) {
    double x = flowbd3_table_number(table, row, f->column[which]);
    return isfinite(x) ? (transformed(f, x) - f->mean) / f->deviation : 0.0;
}

/* Fills in f for its column of real. *varies tells whether it has a deviation; false when memory is out. */
static bool measure(feature *f, const flowbd3_table *real, bool *varies) {
    values v;
    if (!values_of_column(&v, real, f->column[0]))
        return false;
    double count = (double)v.count, squares = 0.0;
    f->log = values_heavy_tailed(&v);
    f->mean = 0.0;
    for (size_t i = 0; i < v.count; i++)
        f->mean += transformed(f, v.sorted[i]) / count;
    for (size_t i = 0; i < v.count; i++)
        squares += pow(transformed(f, v.sorted[i]) - f->mean, 2.0) / count;
    f->deviation = sqrt(squares);
    *varies =
        v.count > 1 && v.sorted[0] < v.sorted[v.count - 1] && f->deviation > 0.0 && isfinite(f->deviation);
    values_destroy(&v);
    return true;
}

/* Adds to covariance[n, n] that of the standardised cells of real; cells[n] is scratch. */
static void covariance_of(double *covariance, double *cells, const projection *p, const flowbd3_table *real) {
    size_t n = p->n, rows = flowbd3_table_rows(real);
    for (size_t row = 0; row < rows; row++) {
        for (size_t i = 0; i < n; i++)
            cells[i] = standardised(&p->features[i], real, row, 0);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++)
                covariance[i * n + j] += cells[i] * cells[j] / (double)rows;
    }
}

/* One Jacobi rotation (Golub and Van Loan 2013, section 8.5) that makes a[i, j] zero; vectors[n, n] by row.
 */
static void rotate(double *a, double *vectors, size_t n, size_t i, size_t j) {
    double off = a[i * n + j];
    if (off == 0.0)
        return;
    double tau = (a[j * n + j] - a[i * n + i]) / (2.0 * off);
    double t = (tau >= 0.0 ? 1.0 : -1.0) / (fabs(tau) + sqrt(1.0 + tau * tau));
    double c = 1.0 / sqrt(1.0 + t * t), s = t * c;
    for (size_t k = 0; k < n; k++) {
        double x = a[k * n + i], y = a[k * n + j];
        a[k * n + i] = c * x - s * y;
        a[k * n + j] = s * x + c * y;
    }
    for (size_t k = 0; k < n; k++) {
        double x = a[i * n + k], y = a[j * n + k];
        a[i * n + k] = c * x - s * y;
        a[j * n + k] = s * x + c * y;
        x = vectors[i * n + k];
        y = vectors[j * n + k];
        vectors[i * n + k] = c * x - s * y;
        vectors[j * n + k] = s * x + c * y;
    }
}

/* a[n, n] becomes diagonal, vectors[n, n] its eigenvectors by row. Cyclic Jacobi converges quadratically; 40
 * sweeps are several times what any matrix needs. */
static void diagonalise(double *a, double *vectors, size_t n) {
    for (size_t i = 0; i < n * n; i++)
        vectors[i] = i % (n + 1) == 0 ? 1.0 : 0.0;
    for (int sweep = 0; sweep < 40; sweep++) {
        double off = 0.0;
        for (size_t i = 0; i < n; i++)
            for (size_t j = i + 1; j < n; j++)
                off += a[i * n + j] * a[i * n + j];
        if (off < 1e-20)
            return;
        for (size_t i = 0; i < n; i++)
            for (size_t j = i + 1; j < n; j++)
                rotate(a, vectors, n, i, j);
    }
}

/* Takes the two largest components; the largest weight of each is made positive. */
static void take_components(projection *p, const double *a, const double *vectors) {
    size_t n = p->n, first = 0, second;
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += a[i * n + i];
        if (a[i * n + i] > a[first * n + first])
            first = i;
    }
    second = first == 0 ? 1 : 0;
    for (size_t i = 0; i < n; i++)
        if (i != first && a[i * n + i] > a[second * n + second])
            second = i;
    for (size_t k = 0; k < 2; k++) {
        size_t from = k == 0 ? first : second, largest = 0;
        for (size_t i = 0; i < n; i++)
            if (fabs(vectors[from * n + i]) > fabs(vectors[from * n + largest]))
                largest = i;
        double sign = vectors[from * n + largest] < 0.0 ? -1.0 : 1.0;
        for (size_t i = 0; i < n; i++)
            p->axes[k * n + i] = sign * vectors[from * n + i];
        p->explained[k] = a[from * n + from] / sum;
    }
}

static void projection_destroy(projection *p) {
    free(p->features);
    free(p->axes);
}

/* Returns 0, or -1 and a message. */
static int find_features(projection *p, const flowbd3_table *real, const flowbd3_table *generated,
                         const char *path, char message[256]) {
    size_t columns = flowbd3_table_columns(real);
    p->features = calloc(columns + 1, sizeof *p->features);
    bool good = p->features != NULL, varies = false;
    for (size_t c = 0; c < columns && p->n < most_features && good; c++) {
        feature *f = &p->features[p->n];
        if (!column_is_numeric(real, c))
            continue;
        *f = (feature){.column = {c, 0}};
        if (matching_column(&f->column[1], real, c, generated, path, message) != 0)
            return -1;
        good = measure(f, real, &varies);
        p->n += varies ? 1 : 0;
    }
    if (good && p->n >= 2)
        return 0;
    if (good)
        snprintf(message, 256, "%s: principal components need two numeric columns that vary, there %s", path,
                 p->n == 1 ? "is one" : "are none");
    else
        snprintf(message, 256, "%s: out of memory", path);
    return -1;
}

static int find_components(projection *p, const flowbd3_table *real, const flowbd3_table *generated,
                           const char *path, char message[256]) {
    if (find_features(p, real, generated, path, message) != 0)
        return -1;
    double *scratch = calloc(2 * p->n * p->n + p->n, sizeof *scratch);
    p->axes = calloc(2 * p->n, sizeof *p->axes);
    if (scratch == NULL || p->axes == NULL) {
        free(scratch);
        snprintf(message, 256, "%s: out of memory", path);
        return -1;
    }
    double *vectors = scratch + p->n * p->n;
    covariance_of(scratch, vectors + p->n * p->n, p, real);
    diagonalise(scratch, vectors, p->n);
    take_components(p, scratch, vectors);
    free(scratch);
    return 0;
}

/* ---- points ------------------------------------------------------------------------------------ */

enum { most_points = 2500 };

/* Rows at equal distances. */
static bool project(picture *pic, const projection *p, const flowbd3_table *table, int which) {
    size_t rows = flowbd3_table_rows(table);
    size_t count = rows < most_points ? rows : most_points;
    pic->rows[which] = rows;
    pic->count[which] = count;
    pic->points[which] = calloc(2 * count + 1, sizeof(double));
    if (pic->points[which] == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        size_t row = (size_t)((double)i * (double)rows / (double)count);
        double *point = &pic->points[which][2 * i];
        for (size_t k = 0; k < p->n; k++) {
            double x = standardised(&p->features[k], table, row, which);
            point[0] += x * p->axes[k];
            point[1] += x * p->axes[p->n + k];
        }
        for (int k = 0; k < 2; k++) {
            pic->low[k] = fmin(pic->low[k], point[k]);
            pic->high[k] = fmax(pic->high[k], point[k]);
        }
    }
    return true;
}

/* ---- the picture ------------------------------------------------------------------------------- */

static const double width = 1500.0, height = 620.0, margin = 24.0, panel_top = 96.0;
static const colour dots[2] = {{31, 119, 180, 0.3}, {240, 120, 10, 0.3}};

static void draw_points(const picture *pic, int which, size_t from, size_t to, const axis *x, const axis *y) {
    for (size_t i = from; i < to && i < pic->count[which]; i++)
        draw_dot(axis_pixel(x, pic->points[which][2 * i]), axis_pixel(y, pic->points[which][2 * i + 1]), 2.4,
                 dots[which]);
}

/* "component 1 (57.3 % of the variance)" */
static const char *component_label(char label[64], const picture *pic, int k) {
    snprintf(label, 64, "component %d (%.1f %% of the variance)", k + 1, 100.0 * pic->explained[k]);
    return label;
}

/* Panel 0 shows real, 1 generated, 2 both. */
static void draw_panel(const picture *pic, int i, double left, double top, double right, double bottom) {
    static const char *const title[] = {"real", "generated", "both"};
    char label[64];
    axis x = axis_around(pic->low[0], pic->high[0], 0.03, left, right);
    axis y = axis_around(pic->low[1], pic->high[1], 0.03, bottom, top);
    draw_bold(left, top - 18.0, 16.0, TEXT_LEFT, colour_ink, title[i]);
    draw_y_axis(&y, left, right, 56.0, 13.0);
    draw_x_axis(&x, top, bottom, 62.0, 13.0);
    draw_frame(left, top, right, bottom, colour_axis);
    draw_text(0.5 * (left + right), bottom + 44.0, 14.0, TEXT_CENTRE, colour_grey,
              component_label(label, pic, 0));
    /* In turns where both are shown, so that none lies on top. */
    for (size_t n = 0; n < most_points; n += 10)
        for (int which = 0; which < 2; which++)
            if (i == 2 || which == i)
                draw_points(pic, which, n, n + 10, &x, &y);
}

static void draw_vertical_label(const picture *pic, double x, double y) {
    char label[64];
    draw_turned(x, y, 14.0, TEXT_CENTRE, 90.0, colour_grey, component_label(label, pic, 1));
}

static void draw(const void *data) {
    static const double gap = 44.0, side = 436.0;
    const picture *pic = data;
    draw_bold(margin, 32.0, 24.0, TEXT_LEFT, colour_ink, "Principal components of real and generated flows");
    draw_legend(width - margin, 32.0, pic->rows[0], pic->rows[1]);
    for (int i = 0; i < 3; i++) {
        double left = margin + 56.0 + i * (side + gap);
        draw_panel(pic, i, left, panel_top, left + side, panel_top + side);
    }
    draw_vertical_label(pic, margin + 8.0, panel_top + 0.5 * side);
}

/* Fills *pic, whose points are to be freed. Returns 0, or -1 and a message. */
static int find_points(picture *pic, const flowbd3_table *real, const flowbd3_table *generated,
                       const char *path, char message[256]) {
    projection p = {0};
    *pic = (picture){.low = {INFINITY, INFINITY}, .high = {-INFINITY, -INFINITY}};
    int result = find_components(&p, real, generated, path, message);
    if (result == 0) {
        pic->explained[0] = p.explained[0];
        pic->explained[1] = p.explained[1];
        if (!project(pic, &p, real, 0) || !project(pic, &p, generated, 1)) {
            snprintf(message, 256, "%s: out of memory", path);
            result = -1;
        }
    }
    projection_destroy(&p);
    return result;
}

static void release_points(picture *pic) {
    free(pic->points[0]);
    free(pic->points[1]);
}

int plot_pca(const char *path, const flowbd3_table *real, const flowbd3_table *generated, char message[256]) {
    picture pic;
    int result = find_points(&pic, real, generated, path, message);
    if (result == 0)
        result = draw_picture(path, (int)width, (int)height, draw, &pic, message);
    release_points(&pic);
    return result;
}

/* ---- one panel --------------------------------------------------------------------------------- */

typedef struct panel_alone {
    const picture *pic;
    int which;
} panel_alone;

static void draw_alone(const void *data) {
    const panel_alone *p = data;
    draw_panel(p->pic, p->which, 68.0, 36.0, 412.0, 346.0);
    draw_vertical_label(p->pic, 12.0, 191.0);
}

int images_of_components(plot_image images[3], const flowbd3_table *real, const flowbd3_table *generated,
                         char message[256]) {
    picture pic;
    int result = find_points(&pic, real, generated, "principal components", message);
    for (int i = 0; i < 3 && result == 0; i++)
        result = draw_image(&images[i], 1.5, 424, 408, draw_alone, &(panel_alone){&pic, i}, message);
    for (int i = 0; i < 3 && result != 0; i++)
        release_image(&images[i]);
    release_points(&pic);
    return result;
}
