/* A context one of whose allocations fails, and how many of its allocations are alive. */
#ifndef LADDER_H
#define LADDER_H

#include <flowbd3/context.h>

#include <check.h>
#include <stdbool.h>
#include <stdlib.h>

typedef struct ladder {
    long left; /* allocations until one fails; negative: none does */
    long alive;
    bool lasting; /* those behind it fail too */
} ladder;

static inline bool ladder_fails(ladder *l) {
    if (l->left == 0 && l->lasting)
        return true;
    return l->left >= 0 && l->left-- == 0;
}

static inline void *ladder_allocate(void *user, size_t size) {
    ladder *l = user;
    void *memory = ladder_fails(l) ? NULL : malloc(size);
    l->alive += memory != NULL;
    return memory;
}

static inline void *ladder_reallocate(void *user, void *memory, size_t size) {
    return ladder_fails(user) ? NULL : realloc(memory, size);
}

static inline void ladder_release(void *user, void *memory) {
    ((ladder *)user)->alive -= memory != NULL;
    free(memory);
}

static inline flowbd3_context *ladder_context(ladder *l) {
    flowbd3_context *context = NULL;
    flowbd3_context_options options = FLOWBD3_CONTEXT_OPTIONS_INIT;
    options.threads = 1;
    options.allocator = (flowbd3_allocator){ladder_allocate, ladder_reallocate, ladder_release, l};
    ck_assert_int_eq(flowbd3_context_create(&context, &options, NULL), FLOWBD3_OK);
    return context;
}

#endif
