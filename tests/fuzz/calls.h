/* What calls are made on, and how the bytes choose their arguments: good ones, bad ones and NULL. */
#ifndef CALLS_H
#define CALLS_H

#include "tiny.h"

#include <math.h>

enum { PLACES = 3, NAMES = 8 };

typedef struct world {
    fuzz_input in;
    flowbd3_error err;
    int until_cancel; /* progress calls; below 0: never */
    flowbd3_context *context;
    flowbd3_table *tables[PLACES];
    flowbd3_rules *rules[PLACES];
    flowbd3_tokenizer *tokenizers[PLACES];
    flowbd3_model *models[PLACES];
    flowbd3_trainer *trainers[PLACES];
    flowbd3_sampler *samplers[PLACES];
    flowbd3_evaluator *evaluators[PLACES];
    flowbd3_calibration *calibrations[PLACES];
    flowbd3_table_stream *streams[PLACES];
    flowbd3_csv_writer *writers[PLACES];
} world;

/* Calls of tables, streams, rules and tokenizers (calls_data.c), and of what is made of them (calls_model.c).
 */
typedef flowbd3_status (*call)(world *w);
extern const call data_calls[], model_calls[];
extern const size_t n_data_calls, n_model_calls;

/* ---- arguments ---------------------------------------------------------------------------------- */

#define ANY(handles)       ((handles)[fuzz_below(&w->in, PLACES)])
#define SELDOM_NULL(value) (fuzz_seldom(&w->in) && fuzz_seldom(&w->in) ? NULL : (value))
#define ERR                SELDOM_NULL(&w->err)

/* A place to make a handle in, which is emptied first. */
#define EMPTY(type, handles, at)                        \
    type **at = &(handles)[fuzz_below(&w->in, PLACES)]; \
    type##_destroy(at);                                 \
    check(*(at) == NULL)

static inline int cancel(void *user, const flowbd3_progress *progress) {
    world *w = user;
    check(progress->struct_size == sizeof *progress && progress->stage != NULL);
    check(progress->total == 0 || progress->done <= progress->total);
    return w->until_cancel >= 0 && w->until_cancel-- == 0;
}

static inline flowbd3_progress_function progress_of(world *w) {
    w->until_cancel = (int)fuzz_below(&w->in, 16) - 4;
    return fuzz_byte(&w->in) & 1 ? cancel : NULL;
}

static inline double odd_number(world *w, double right) {
    static const double odd[] = {
        0.0, -1.0, 1.0, 0.5, 1e-300, 1e308, (double)NAN, (double)INFINITY, -(double)INFINITY, 5e-324};
    return fuzz_seldom(&w->in) ? odd[fuzz_below(&w->in, sizeof odd / sizeof *odd)] : right;
}

static inline uint32_t odd_count(world *w, uint32_t right) {
    static const uint32_t odd[] = {0, 1, 2, UINT32_MAX, 0x80000000u, 3};
    return fuzz_seldom(&w->in) ? odd[fuzz_below(&w->in, sizeof odd / sizeof *odd)] : right;
}

static inline uint64_t odd_rows(world *w) {
    static const uint64_t odd[] = {0, UINT64_MAX, (uint64_t)1 << 63, (uint64_t)1 << 40};
    return fuzz_seldom(&w->in) ? odd[fuzz_below(&w->in, 4)] : fuzz_below(&w->in, 6);
}

static inline const char *name(world *w) {
    static const char *const names[NAMES] = {"proto", "host", "port", "pkts", "bytes", "dur", "start", "x"};
    return fuzz_seldom(&w->in) ? NULL : names[fuzz_below(&w->in, NAMES)];
}

/* Names [0, 2]; NULL for none. */
static inline size_t names(world *w, const char *texts[2], const char *const **list) {
    size_t count = fuzz_below(&w->in, 8);
    texts[0] = name(w);
    texts[1] = name(w);
    *list = count < 3 ? texts : NULL;
    return count < 3 ? count : 0;
}

static inline const char *path(world *w, char text[TINY_PATH]) {
    static const char *const files[] = {"input", "latest", "table", "table"};
    tiny_path(text, files[fuzz_below(&w->in, 4)]);
    return fuzz_seldom(&w->in) ? fuzz_byte(&w->in) & 1 ? NULL : "/dev/null/none" : text;
}

#endif
