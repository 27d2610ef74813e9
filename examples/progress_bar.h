/* Progress on standard error: a bar on a terminal, a line now and then elsewhere. */
#ifndef PROGRESS_BAR_H
#define PROGRESS_BAR_H

#include <flowbd3/context.h>

#include <stdbool.h>

/* {.unit = "rows"} is a bar that has shown nothing. */
typedef struct progress_bar {
    const char *unit;     /* of done and total: "rows", "steps" */
    const char *stage;    /* the one that is shown */
    uint64_t first_done;  /* where the stage began, */
    double first_seconds; /* and when */
    double loss;          /* the last that was known */
    double last_seconds;  /* of the last plain line */
    unsigned last_tenth;  /* of the last plain line */
    bool open;            /* the terminal's line has no end yet */
} progress_bar;

/* A flowbd3_progress_function with a progress_bar as user; cancels after an interrupt. */
int show_progress(void *bar, const flowbd3_progress *progress);

/* Ends the line of the bar, so that other text may follow. */
void end_progress(progress_bar *bar);

#endif
