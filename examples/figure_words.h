/* What the figures of an evaluator are called, and how they are to be read. */
#ifndef FIGURE_WORDS_H
#define FIGURE_WORDS_H

#include <stddef.h>

typedef enum preference {
    BETTER_UNSAID,      /* a description, neither good nor bad */
    BETTER_LOWER,       /* 0 is perfect */
    BETTER_HIGHER,      /* 1 is perfect */
    BETTER_HALF,        /* 0.5 is perfect */
    BETTER_NEAR_FLOOR,  /* below the floor is as bad as above */
    BETTER_UP_TO_FLOOR, /* below the floor is no better */
    BETTER_LARGE        /* higher, without an end */
} preference;

typedef struct figure_words {
    const char *key;
    const char *group;
    const char *title;
    preference better;
    const char *meaning; /* one line */
    /* How far from perfect it counts as a discrepancy of its own where there is no floor; any number where
     * only a floor tells, and 0 for one that sums up what is told column by column or pair by pair, or is
     * none. */
    double notable;
} figure_words;

/* The groups of figures in the order of a report, NULL at the end. */
extern const char *const figure_groups[];

/* The words for a key of the summary, or NULL for one that is not known here. */
const figure_words *words_of_figure(const char *key);

/* "lower is better" and so on; "" where nothing is to be said. */
const char *words_of_better(preference better);

/* How far a figure is from perfect; NaN where that is not known. */
double distance_from_perfect(preference better, double value);

#endif
