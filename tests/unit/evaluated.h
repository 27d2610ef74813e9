/* Evaluations: whole, watched, and with allocations that fail. */
#ifndef EVALUATED_H
#define EVALUATED_H

#include "counted.h"
#include "test_main.h"

#include <flowbd3/evaluator.h>

static inline flowbd3_evaluator *evaluated(flowbd3_context *context, const flowbd3_table *real,
                                           const flowbd3_table *second, const flowbd3_table *generated,
                                           const flowbd3_evaluator_options *options) {
    flowbd3_evaluator *evaluator;
    flowbd3_error err = {0};
    ck_assert_msg(flowbd3_evaluator_create(&evaluator, context, real, second, options, &err) == FLOWBD3_OK,
                  "%s", err.message);
    ck_assert_msg(flowbd3_evaluator_run(evaluator, generated, NULL, NULL, &err) == FLOWBD3_OK, "%s",
                  err.message);
    return evaluator;
}

/* Progress as it was last reported; the call that cancels, 0 = none. */
typedef struct watch {
    uint64_t calls, cancel_at, done, total;
} watch;

static inline int watch_progress(void *user, const flowbd3_progress *progress) {
    watch *w = user;
    ck_assert_str_eq(progress->stage, "evaluate");
    ck_assert_uint_ge(progress->done, w->done);
    w->done = progress->done;
    w->total = progress->total;
    return ++w->calls == w->cancel_at;
}

/* Every stride-th allocation from creation to report fails in turn, fewer under a sanitizer, and with lasting
 * all behind it: a status, and nothing is lost. */
static inline void climb_evaluation(const flowbd3_table *real, const flowbd3_table *second,
                                    const flowbd3_table *generated, const flowbd3_evaluator_options *options,
                                    long stride, bool lasting) {
    counted l = {.left = -1, .lasting = lasting};
    flowbd3_context *tight = counted_context(&l);
    long alive = l.blocks;
    flowbd3_status status = FLOWBD3_ERROR_MEMORY;
    stride *= SANITIZED ? 3 : 1;
    for (long n = 0; status != FLOWBD3_OK; n += stride) {
        ck_assert_int_lt(n, 10000);
        flowbd3_evaluator *evaluator;
        char *json = NULL;
        l.left = n;
        status = flowbd3_evaluator_create(&evaluator, tight, real, second, options, NULL);
        if (status == FLOWBD3_OK)
            status = flowbd3_evaluator_run(evaluator, generated, NULL, NULL, NULL);
        if (status == FLOWBD3_OK)
            status = flowbd3_evaluator_to_json(evaluator, &json, NULL);
        ck_assert(status == FLOWBD3_OK || status == FLOWBD3_ERROR_MEMORY);
        flowbd3_string_destroy(tight, &json);
        flowbd3_evaluator_destroy(&evaluator);
        ck_assert_int_eq(l.blocks, alive);
    }
    flowbd3_context_destroy(&tight);
    ck_assert_int_eq(l.blocks, 0);
}

#endif
