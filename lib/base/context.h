/* What a context is made of; seen by the base room alone. */
#ifndef FB3_CONTEXT_INTERNAL_H
#define FB3_CONTEXT_INTERNAL_H

#include "base.h"

#include <stdatomic.h>

typedef struct fb3_pool fb3_pool;

/* Starts threads - 1 workers. */
flowbd3_status fb3_pool_create(fb3_pool **out, flowbd3_context *context, unsigned threads,
                               flowbd3_error *err);
void fb3_pool_destroy(fb3_pool *pool, flowbd3_context *context);

struct flowbd3_context {
    atomic_uint references;
    unsigned threads;
    flowbd3_log_level log_level;
    flowbd3_log_function log;
    void *log_user;
    flowbd3_allocator allocator;
    fb3_pool *pool;
};

#endif
