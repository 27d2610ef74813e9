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
