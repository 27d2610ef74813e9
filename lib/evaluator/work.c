/* Parallel loops cut into pieces, so that progress is reported and a cancel is heeded in between. */
#include "evaluator.h"

typedef struct piece {
    fb3_task task;
    void *argument;
    size_t first;
} piece;

static void run_one(void *argument, size_t i, unsigned worker) {
    piece *p = argument;
    p->task(p->argument, p->first + i, worker);
}

bool fb3_work_run(fb3_work *work, size_t count, fb3_task task, void *argument) {
    size_t most = 4 * (size_t)flowbd3_context_threads(work->context);
    for (size_t first = 0; first < count; first += most) {
        piece p = {task, argument, first};
        size_t n = count - first < most ? count - first : most;
        fb3_parallel(work->context, n, run_one, &p);
        work->done += n;
        if (fb3_report(&work->reporter, work->done, NAN))
            return false;
    }
    return true;
}
