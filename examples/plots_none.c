/* The pictures of a build without PLplot: none. */
#include "plots.h"

#include <stdio.h>

static int no_picture(char message[256]) {
    snprintf(message, 256, "no pictures: built without PLplot");
    return -1;
}

bool plots_available(void) {
    return false;
}

int plot_distributions(const char *path, const flowbd3_table *real, const flowbd3_table *generated,
                       char message[256]) {
    (void)path, (void)real, (void)generated;
    return no_picture(message);
}

int plot_correlations(const char *path, const flowbd3_evaluator *evaluator, const flowbd3_table *real,
                      char message[256]) {
    (void)path, (void)evaluator, (void)real;
    return no_picture(message);
}

int plot_pca(const char *path, const flowbd3_table *real, const flowbd3_table *generated, char message[256]) {
    (void)path, (void)real, (void)generated;
    return no_picture(message);
}

int plot_losses(const char *path, const flowbd3_epoch *epochs, size_t count, char message[256]) {
    (void)path, (void)epochs, (void)count;
    return no_picture(message);
}

int plot_summary(const char *path, const flowbd3_table *real, const flowbd3_table *generated,
                 char message[256]) {
    (void)path, (void)real, (void)generated;
    return no_picture(message);
}

void release_image(plot_image *image) {
    *image = (plot_image){0};
}

int image_of_column(plot_image *image, const flowbd3_table *real, size_t column,
                    const flowbd3_table *generated, char message[256]) {
    (void)image, (void)real, (void)column, (void)generated;
    return no_picture(message);
}

int image_of_correlations(plot_image *image, plot_matrix which, const flowbd3_evaluator *evaluator,
                          const flowbd3_table *real, char message[256]) {
    (void)image, (void)which, (void)evaluator, (void)real;
    return no_picture(message);
}

int images_of_components(plot_image images[3], const flowbd3_table *real, const flowbd3_table *generated,
                         char message[256]) {
    (void)images, (void)real, (void)generated;
    return no_picture(message);
}

int image_of_pair(plot_image *image, const flowbd3_table *real, size_t x, size_t y,
                  const flowbd3_table *generated, char message[256]) {
    (void)image, (void)real, (void)x, (void)y, (void)generated;
    return no_picture(message);
}

int image_of_curve(plot_image *image, const plot_curve *curve, char message[256]) {
    (void)image, (void)curve;
    return no_picture(message);
}
