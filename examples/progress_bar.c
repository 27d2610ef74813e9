/* Progress on standard error. */
#include "progress_bar.h"
#include "interrupt.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BAR_WIDTH = 24 };

static void begin_stage(progress_bar *bar, const flowbd3_progress *now) {
    end_progress(bar);
    *bar = (progress_bar){.unit = bar->unit,
                          .stage = now->stage,
                          .first_done = now->done,
                          .first_seconds = now->elapsed_seconds,
                          .loss = (double)NAN,
                          .last_seconds = now->elapsed_seconds};
}

/* "0:05", "12:34", "3:02:01" */
static void print_duration(char text[32], double seconds) {
    unsigned long whole = seconds < 1e8 ? (unsigned long)(seconds + 0.5) : 0;
    if (whole >= 3600)
        snprintf(text, 32, "%lu:%02lu:%02lu", whole / 3600, whole / 60 % 60, whole % 60);
    else
        snprintf(text, 32, "%lu:%02lu", whole / 60, whole % 60);
}

/* "1200 of 5000 rows, 640 rows/s, 0:06 left, loss 12.345" */
static void describe(char *text, size_t size, const progress_bar *bar, const flowbd3_progress *now) {
    size_t used = (size_t)snprintf(text, size, "%llu", (unsigned long long)now->done);
    if (now->total > 0)
        used += (size_t)snprintf(text + used, size - used, " of %llu", (unsigned long long)now->total);
    used += (size_t)snprintf(text + used, size - used, " %s", bar->unit);
    double seconds = now->elapsed_seconds - bar->first_seconds;
    double rate = seconds > 0.0 ? (double)(now->done - bar->first_done) / seconds : 0.0;
    if (rate > 0.0) {
        used +=
            (size_t)snprintf(text + used, size - used, ", %.*f %s/s", rate < 10.0 ? 1 : 0, rate, bar->unit);
        if (now->done < now->total) {
            char left[32];
            print_duration(left, (double)(now->total - now->done) / rate);
            used += (size_t)snprintf(text + used, size - used, ", %s left", left);
        }
    }
    if (!isnan(bar->loss))
        snprintf(text + used, size - used, ", loss %.4g", bar->loss);
}

static void draw_bar(progress_bar *bar, const flowbd3_progress *now, const char *text) {
    char cells[BAR_WIDTH + 1];
    size_t full = now->total > 0 ? (size_t)(now->done * BAR_WIDTH / now->total) : 0;
    memset(cells, '-', BAR_WIDTH);
    memset(cells, '#', full < BAR_WIDTH ? full : BAR_WIDTH);
    cells[BAR_WIDTH] = '\0';
    /* ESC [K clears what a longer line left. */
    fprintf(stderr, "\r%-8s [%s] %s\033[K", now->stage, cells, text);
    fflush(stderr);
    bar->open = true;
}

/* A line at every tenth, though not more than two a second, and after ten seconds without one. A stage that
 * takes less than a second has none. */
static bool line_is_due(progress_bar *bar, const flowbd3_progress *now) {
    unsigned tenth = now->total > 0 ? (unsigned)(now->done * 10 / now->total) : 0;
    double since = now->elapsed_seconds - bar->last_seconds;
    bool complete = now->total > 0 && now->done == now->total;
    bool last = complete && bar->last_tenth < 10 && now->elapsed_seconds >= 1.0;
    if (!last && !(tenth > bar->last_tenth && since >= 0.5) && since < 10.0)
        return false;
    bar->last_tenth = tenth;
    bar->last_seconds = now->elapsed_seconds;
    return true;
}

int show_progress(void *user, const flowbd3_progress *now) {
    progress_bar *bar = user;
    if (bar->stage == NULL || strcmp(bar->stage, now->stage) != 0)
        begin_stage(bar, now);
    if (!isnan(now->loss))
        bar->loss = now->loss;
    char text[160];
    describe(text, sizeof text, bar, now);
    if (isatty(STDERR_FILENO))
        draw_bar(bar, now, text);
    else if (line_is_due(bar, now))
        fprintf(stderr, "%s: %s\n", now->stage, text);
    return interrupted();
}

void end_progress(progress_bar *bar) {
    if (bar->open)
        fputc('\n', stderr);
    bar->open = false;
}
