/* Pictures of tables, figures and training.
 *
 * Every function writes one picture to path, whose ending decides the format (".png" or ".svg"), and returns
 * 0, or -1 with a one-line message. The file appears whole or not at all. Columns of the generated table are
 * matched by name. Thread-safety: none, one picture at a time in a process (PLplot is the same). */
#ifndef PLOTS_H
#define PLOTS_H

#include <flowbd3/flowbd3.h>

#include <stdbool.h>

/* Whether the program was built with PLplot and PLplot has its Cairo drivers here. */
bool plots_available(void);

/* A panel per column, at most 48: share of the flows by value, or by category (the 10 most frequent and all
 * others). A column of numbers that are not negative and span many magnitudes has a logarithmic axis. */
int plot_distributions(const char *path, const flowbd3_table *real, const flowbd3_table *generated,
                       char message[256]);

/* Pearson correlations of the numeric columns of real, the table that evaluator was made with: real,
 * generated, and generated less real. */
int plot_correlations(const char *path, const flowbd3_evaluator *evaluator, const flowbd3_table *real,
                      char message[256]);

/* The first two principal components of real's numeric columns (at most 200), those over many magnitudes as
 * sign(x) log(1 + |x|), all standardised; generated is projected on the same axes. A missing cell counts as
 * the mean of its column. */
int plot_pca(const char *path, const flowbd3_table *real, const flowbd3_table *generated, char message[256]);

/* Training loss, validation NELBO and learning rate by epoch. */
int plot_losses(const char *path, const flowbd3_epoch *epochs, size_t count, char message[256]);

/* Mean and standard deviation of every numeric column, real beside generated. */
int plot_summary(const char *path, const flowbd3_table *real, const flowbd3_table *generated,
                 char message[256]);

/* ---- pictures in memory ------------------------------------------------------------------------ */

/* A picture without a background, for a page. */
typedef struct plot_image {
    char *bytes; /* [size] */
    size_t size;
    const char *type;  /* "image/png" */
    int width, height; /* at which it is to be shown, pixels */
} plot_image;

void release_image(plot_image *image);

/* Each fills *image, to be given back with release_image, and returns 0, or -1 with a one-line message.
 *
 * A panel of plot_distributions by itself. */
int image_of_column(plot_image *image, const flowbd3_table *real, size_t column,
                    const flowbd3_table *generated, char message[256]);

/* One matrix of plot_correlations. */
typedef enum plot_matrix { MATRIX_REAL, MATRIX_GENERATED, MATRIX_DIFFERENCE } plot_matrix;
int image_of_correlations(plot_image *image, plot_matrix which, const flowbd3_evaluator *evaluator,
                          const flowbd3_table *real, char message[256]);

/* The panels of plot_pca: real, generated, both. */
int images_of_components(plot_image images[3], const flowbd3_table *real, const flowbd3_table *generated,
                         char message[256]);

/* The rows of both tables by two numeric columns of real, over logarithmic axes where they span magnitudes.
 */
int image_of_pair(plot_image *image, const flowbd3_table *real, size_t x, size_t y,
                  const flowbd3_table *generated, char message[256]);

/* A curve over shares: value[k] at (k + 1) / n. floor may be NULL. A straight line from 0 to 1 is drawn for
 * comparison. */
typedef struct plot_curve {
    const char *title, *x, *y; /* of the picture and its axes */
    const double *value, *floor;
    size_t n, n_floor;
} plot_curve;
int image_of_curve(plot_image *image, const plot_curve *curve, char message[256]);

#endif
