/* Progress calls at a bearable rate. */
#include "base.h"

void fb3_reporter_start(fb3_reporter *reporter, flowbd3_progress_function function, void *user,
                        const char *stage, uint64_t total) {
    *reporter = (fb3_reporter){.function = function, .user = user, .stage = stage, .total = total};
    reporter->started = fb3_seconds();
    reporter->last = -1.0;
}

bool fb3_report(fb3_reporter *reporter, uint64_t done, double loss) {
    if (reporter->function == NULL)
        return false;
    double now = fb3_seconds();
    bool complete = reporter->total != 0 && done == reporter->total;
    if (!complete && reporter->last >= 0.0 && now - reporter->last < 0.1)
        return false;
    reporter->last = now;
    flowbd3_progress progress = {.struct_size = sizeof progress,
                                 .stage = reporter->stage,
                                 .done = done,
                                 .total = reporter->total,
                                 .elapsed_seconds = now - reporter->started,
                                 .loss = loss};
    return reporter->function(reporter->user, &progress) != 0;
}
