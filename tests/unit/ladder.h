/* A context one of whose allocations fails: the one after *left more, none while *left is negative. */
#ifndef LADDER_H
#define LADDER_H

#include <flowbd3/context.h>

#include <check.h>
#include <stdlib.h>

static void *ladder_allocate(void *user, size_t size) {
    long *left = user;
    return (*left)-- == 0 ? NULL : malloc(size);
}

static void *ladder_reallocate(void *user, void *memory, size_t size) {
    long *left = user;
    return (*left)-- == 0 ? NULL : realloc(memory, size);
}

static void ladder_release(void *user, void *memory) {
    (void)user;
    free(memory);
}

static inline flowbd3_context *ladder_context(long *left) {
    flowbd3_context *context = NULL;
    flowbd3_context_options options = FLOWBD3_CONTEXT_OPTIONS_INIT;
    options.threads = 1;
    options.allocator = (flowbd3_allocator){ladder_allocate, ladder_reallocate, ladder_release, left};
    ck_assert_int_eq(flowbd3_context_create(&context, &options, NULL), FLOWBD3_OK);
    return context;
}

#endif
