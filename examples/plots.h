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

#endif
