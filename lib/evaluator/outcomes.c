/* Resamplings of what was found out about rows. */
#include "evaluator/outcomes.h"

#include "evaluator/evaluator.h"

void fb3_outcomes_release(fb3_outcomes *outcomes, flowbd3_context *context) {
    for (size_t i = 0; i < outcomes->count; i++)
        for (size_t k = 0; k < 2; k++) {
            fb3_release(context, outcomes->list[i].values[k]);
            fb3_release(context, outcomes->list[i].rows[k]);
        }
    fb3_release(context, outcomes->list);
    *outcomes = (fb3_outcomes){0};
}

/* ---- draws ---------------------------------------------------------------------------------------- */

const uint32_t *fb3_draws_of(fb3_draws *draws, fb3_population population, size_t n) {
    static const fb3_purpose purposes[] = {
        [FB3_POPULATION_GENERATED] = FB3_RANDOM_BOOTSTRAP_ROWS,
        [FB3_POPULATION_REAL] = FB3_RANDOM_BOOTSTRAP_REAL,
        [FB3_POPULATION_APART] = FB3_RANDOM_BOOTSTRAP_APART,
    };
    if (draws->n[population] != n)
        fb3_resample_draw(draws->times[population], n, draws->seed, purposes[population], draws->step);
    draws->n[population] = n;
    return draws->times[population];
}

/* Room for the rows of all outcomes. False when memory is short. */
static bool make_room(fb3_draws *draws, flowbd3_context *context, const fb3_outcomes *outcomes,
                      uint64_t seed) {
    size_t most[FB3_POPULATIONS] = {0};
    for (size_t i = 0; i < outcomes->count; i++)
        for (size_t k = 0; k < 2; k++) {
            const fb3_outcome *o = &outcomes->list[i];
            most[o->of[k]] = o->n[k] > most[o->of[k]] ? o->n[k] : most[o->of[k]];
        }
    draws->seed = seed;
    for (size_t p = 0; p < FB3_POPULATIONS; p++) {
        draws->times[p] = most[p] > 0 ? fb3_allocate(context, most[p], sizeof *draws->times[p]) : NULL;
        if (draws->times[p] == NULL && most[p] > 0)
            return false;
    }
    return true;
}

/* ---- resamplings ---------------------------------------------------------------------------------- */

typedef struct resampling {
    fb3_summary *summaries;
    const fb3_outcomes *outcomes;
    fb3_draws *draws; /* [threads] */
} resampling;

static void resample(void *argument, size_t i, unsigned worker) {
    const resampling *r = argument;
    fb3_draws *draws = &r->draws[worker];
    draws->step = (uint32_t)i;
    memset(draws->n, 0, sizeof draws->n);
    for (size_t k = 0; k < r->outcomes->count; k++)
        r->outcomes->list[k].find(&r->summaries[i], &r->outcomes->list[k], draws);
}

flowbd3_status fb3_outcomes_resample(fb3_summary *summaries, fb3_work *work, const fb3_outcomes *outcomes,
                                     uint32_t n, uint64_t seed, flowbd3_error *err) {
    size_t threads = flowbd3_context_threads(work->context);
    fb3_draws *draws = fb3_allocate_zero(work->context, threads, sizeof *draws);
    bool whole = draws != NULL;
    for (size_t t = 0; whole && t < threads; t++)
        whole = make_room(&draws[t], work->context, outcomes, seed);
    flowbd3_status status = whole ? FLOWBD3_OK : fb3_no_memory(err, "the bootstrap");
    resampling r = {summaries, outcomes, draws};
    if (whole && !fb3_work_run(work, n, resample, &r))
        status = fb3_fail(err, FLOWBD3_CANCELLED, "the evaluation was cancelled");
    for (size_t t = 0; draws != NULL && t < threads; t++)
        for (size_t p = 0; p < FB3_POPULATIONS; p++)
            fb3_release(work->context, draws[t].times[p]);
    fb3_release(work->context, draws);
    return status;
}
