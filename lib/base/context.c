/* Context: allocator, logger, reference count. */
#include "context.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void *standard_allocate(void *user, size_t size) {
    (void)user;
    return malloc(size);
}

static void *standard_reallocate(void *user, void *memory, size_t size) {
    (void)user;
    return realloc(memory, size);
}

static void standard_release(void *user, void *memory) {
    (void)user;
    free(memory);
}

flowbd3_status flowbd3_context_options_init(flowbd3_context_options *options, size_t size) {
    return fb3_options_init(options, size);
}

static unsigned processors_online(void) {
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > 1024 ? 1024 : (unsigned)n;
}

flowbd3_status flowbd3_context_create(flowbd3_context **out, const flowbd3_context_options *options,
                                      flowbd3_error *err) {
    if (out == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_context_create: out is NULL");
    *out = NULL;
    flowbd3_context_options o;
    flowbd3_status status = fb3_options_copy(&o, sizeof o, options, "flowbd3_context_options", err);
    if (status != FLOWBD3_OK)
        return status;
    if (o.threads > 1024)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "threads is %u, expected at most 1024", o.threads);
    if (o.log_level < FLOWBD3_LOG_DEBUG || o.log_level > FLOWBD3_LOG_ERROR)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "log_level is %d, expected 0 to 3", (int)o.log_level);
    flowbd3_allocator a = o.allocator;
    if (a.allocate == NULL && a.reallocate == NULL && a.release == NULL)
        a = (flowbd3_allocator){standard_allocate, standard_reallocate, standard_release, NULL};
    if (a.allocate == NULL || a.reallocate == NULL || a.release == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT,
                        "allocator lacks a function, expected all three or none");

    flowbd3_context *context = a.allocate(a.user, sizeof *context);
    if (context == NULL)
        return fb3_no_memory(err, "a context");
    memset(context, 0, sizeof *context);
    atomic_init(&context->references, 1);
    context->threads = o.threads != 0 ? o.threads : processors_online();
    context->log_level = o.log_level;
    context->log = o.log;
    context->log_user = o.log_user;
    context->allocator = a;
    status = fb3_pool_create(&context->pool, context, context->threads, err);
    if (status != FLOWBD3_OK) {
        a.release(a.user, context);
        return status;
    }
    *out = context;
    return FLOWBD3_OK;
}

void flowbd3_context_destroy(flowbd3_context **context) {
    if (context == NULL || *context == NULL)
        return;
    flowbd3_context *c = *context;
    *context = NULL;
    if (atomic_fetch_sub_explicit(&c->references, 1, memory_order_acq_rel) != 1)
        return;
    fb3_pool_destroy(c->pool, c);
    flowbd3_allocator a = c->allocator;
    a.release(a.user, c);
}

flowbd3_context *fb3_context_retain(flowbd3_context *context) {
    atomic_fetch_add_explicit(&context->references, 1, memory_order_relaxed);
    return context;
}

uint32_t flowbd3_context_threads(const flowbd3_context *context) {
    return context != NULL ? context->threads : 0;
}

static bool product(size_t count, size_t size, size_t *bytes) {
    if (size != 0 && count > PTRDIFF_MAX / size)
        return false;
    *bytes = count * size != 0 ? count * size : 1;
    return true;
}

void *fb3_allocate(flowbd3_context *context, size_t count, size_t size) {
    size_t bytes;
    return product(count, size, &bytes) ? context->allocator.allocate(context->allocator.user, bytes) : NULL;
}

void *fb3_allocate_zero(flowbd3_context *context, size_t count, size_t size) {
    void *memory = fb3_allocate(context, count, size);
    if (memory != NULL)
        memset(memory, 0, count * size);
    return memory;
}

void *fb3_reallocate(flowbd3_context *context, void *memory, size_t count, size_t size) {
    size_t bytes;
    if (memory == NULL)
        return fb3_allocate(context, count, size);
    return product(count, size, &bytes)
               ? context->allocator.reallocate(context->allocator.user, memory, bytes)
               : NULL;
}

void fb3_release(flowbd3_context *context, void *memory) {
    if (memory != NULL)
        context->allocator.release(context->allocator.user, memory);
}

char *fb3_duplicate(flowbd3_context *context, const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = fb3_allocate(context, size, 1);
    if (copy != NULL)
        memcpy(copy, text, size);
    return copy;
}

/* The pointer that the allocator gave stands just before the aligned one. */
enum { FLOAT_ALIGNMENT = 64, FLOAT_SLACK = 256 };

float *fb3_allocate_floats(flowbd3_context *context, size_t count) {
    if (count > (PTRDIFF_MAX - FLOAT_SLACK - 2 * FLOAT_ALIGNMENT) / sizeof(float))
        return NULL;
    size_t bytes = count * sizeof(float) + FLOAT_SLACK;
    char *raw = fb3_allocate(context, bytes + FLOAT_ALIGNMENT + sizeof(void *), 1);
    if (raw == NULL)
        return NULL;
    uintptr_t start = (uintptr_t)raw + sizeof(void *);
    start += (FLOAT_ALIGNMENT - start % FLOAT_ALIGNMENT) % FLOAT_ALIGNMENT;
    char *aligned = raw + (start - (uintptr_t)raw);
    memcpy(aligned - sizeof(void *), &raw, sizeof raw);
    memset(aligned, 0, bytes);
    return (float *)(void *)aligned;
}

void fb3_release_floats(flowbd3_context *context, float *memory) {
    if (memory == NULL)
        return;
    void *raw;
    memcpy(&raw, (char *)memory - sizeof(void *), sizeof raw);
    fb3_release(context, raw);
}

void flowbd3_string_destroy(flowbd3_context *context, char **string) {
    if (context == NULL || string == NULL)
        return;
    fb3_release(context, *string);
    *string = NULL;
}

void fb3_log(flowbd3_context *context, flowbd3_log_level level, const char *format, ...) {
    if (context->log == NULL || level < context->log_level)
        return;
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    context->log(context->log_user, level, text);
}

double fb3_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
