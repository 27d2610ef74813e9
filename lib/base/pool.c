/* Thread pool: one parallel loop at a time. */
#include "context.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

struct fb3_pool {
    pthread_mutex_t busy;  /* held by the caller whose loop runs */
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t begin, end;
    uint64_t generation; /* raised by one for every loop */
    unsigned working;    /* workers that have not left the current loop */
    bool stop;
    fb3_task task;
    void *argument;
    size_t count;
    atomic_size_t next;
    pid_t process; /* workers exist in this process alone */
    unsigned n_workers;
    struct worker {
        fb3_pool *pool;
        unsigned index;
        pthread_t thread;
    } * workers;
};

static void run_tasks(fb3_pool *pool, unsigned worker) {
    for (;;) {
        size_t i = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
        if (i >= pool->count)
            return;
        pool->task(pool->argument, i, worker);
    }
}

static void *work(void *argument) {
    struct worker *worker = argument;
    fb3_pool *pool = worker->pool;
    uint64_t seen = 0;
    pthread_mutex_lock(&pool->mutex);
    for (;;) {
        while (pool->generation == seen && !pool->stop)
            pthread_cond_wait(&pool->begin, &pool->mutex);
        if (pool->stop)
            break;
        seen = pool->generation;
        pthread_mutex_unlock(&pool->mutex);
        run_tasks(pool, worker->index);
        pthread_mutex_lock(&pool->mutex);
        if (--pool->working == 0)
            pthread_cond_signal(&pool->end);
    }
    pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

/* Workers take no signals: those are the host program's. */
static int start_thread(struct worker *worker) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&worker->thread, NULL, work, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

flowbd3_status fb3_pool_create(fb3_pool **out, flowbd3_context *context, unsigned threads,
                               flowbd3_error *err) {
    *out = NULL;
    fb3_pool *pool = fb3_allocate_zero(context, 1, sizeof *pool);
    if (pool == NULL)
        return fb3_no_memory(err, "the thread pool");
    pool->workers = fb3_allocate_zero(context, threads, sizeof *pool->workers);
    if (pool->workers == NULL) {
        fb3_release(context, pool);
        return fb3_no_memory(err, "the thread pool");
    }
    pthread_mutex_init(&pool->busy, NULL);
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->begin, NULL);
    pthread_cond_init(&pool->end, NULL);
    pool->process = getpid();
    for (unsigned i = 0; i + 1 < threads; i++) {
        pool->workers[i].pool = pool;
        pool->workers[i].index = i + 1;
        int error = start_thread(&pool->workers[i]);
        if (error != 0) {
            fb3_pool_destroy(pool, context);
            return fb3_fail(err, FLOWBD3_ERROR_THREAD, "cannot start thread %u of %u", i + 2, threads);
        }
        pool->n_workers++;
    }
    *out = pool;
    return FLOWBD3_OK;
}

void fb3_pool_destroy(fb3_pool *pool, flowbd3_context *context) {
    if (pool->process == getpid()) {
        pthread_mutex_lock(&pool->mutex);
        pool->stop = true;
        pthread_cond_broadcast(&pool->begin);
        pthread_mutex_unlock(&pool->mutex);
        for (unsigned i = 0; i < pool->n_workers; i++)
            pthread_join(pool->workers[i].thread, NULL);
        pthread_cond_destroy(&pool->end);
        pthread_cond_destroy(&pool->begin);
        pthread_mutex_destroy(&pool->mutex);
        pthread_mutex_destroy(&pool->busy);
    }
    fb3_release(context, pool->workers);
    fb3_release(context, pool);
}

void fb3_parallel(flowbd3_context *context, size_t count, fb3_task task, void *argument) {
    fb3_pool *pool = context->pool;
    if (count < 2 || pool->n_workers == 0 || pool->process != getpid() ||
        pthread_mutex_trylock(&pool->busy) != 0) {
        for (size_t i = 0; i < count; i++)
            task(argument, i, 0);
        return;
    }
    pthread_mutex_lock(&pool->mutex);
    pool->task = task;
    pool->argument = argument;
    pool->count = count;
    atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
    pool->working = pool->n_workers;
    pool->generation++;
    pthread_cond_broadcast(&pool->begin);
    pthread_mutex_unlock(&pool->mutex);

    run_tasks(pool, 0);

    pthread_mutex_lock(&pool->mutex);
    while (pool->working != 0)
        pthread_cond_wait(&pool->end, &pool->mutex);
    pthread_mutex_unlock(&pool->mutex);
    pthread_mutex_unlock(&pool->busy);
}
