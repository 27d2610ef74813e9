/* One panel of the picture of distributions: the shares of the flows in bins or under labels. */
#ifndef PLOTS_PANEL_H
#define PLOTS_PANEL_H

#include "plots_values.h"

enum { panel_most_bins = 40, panel_most_bars = 12, panel_label_size = 64 };

typedef struct panel {
    const char *name; /* of the column */
    bool bars;        /* labels instead of an axis of numbers */
    bool log;
    bool clipped;                     /* the outermost bins hold what lies beyond them too */
    size_t bins;                      /* of bars: labels */
    double edge[panel_most_bins + 1]; /* ascending; not of bars */
    char label[panel_most_bars][panel_label_size];
    double share[2][panel_most_bins]; /* percent of the rows of real, generated */
    double zero[2];                   /* share of zeros, which a logarithmic axis has no place for */
    double missing[2];                /* share of missing cells, apart from the bins unless among the bars */
} panel;

/* Fills *p for a column of real and its counterpart of generated. Returns false when memory is out. */
bool panel_of_numbers(panel *p, const flowbd3_table *real, size_t column, const flowbd3_table *generated,
                      size_t other_column);
bool panel_of_categories(panel *p, const flowbd3_table *real, size_t column, const flowbd3_table *generated,
                         size_t other_column);

#endif
