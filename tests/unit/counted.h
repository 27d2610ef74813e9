/* A context, and Jansson, whose memory is counted: bytes, blocks, the most there were, and a limit. Any one
 * allocation may be made to fail. */
#ifndef COUNTED_H
#define COUNTED_H

#include <flowbd3/context.h>

#include <check.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>

/* One thread at a time. */
typedef struct counted {
    size_t bytes, most, limit; /* limit 0: none */
    long blocks, left;         /* left: allocations until one fails; negative: none does */
    bool lasting;              /* those behind it fail too, and none of Jansson's, which aborts then */
    bool failed, jansson;      /* one has failed; one of Jansson's */
    bool beyond;               /* something was asked for that went beyond the limit */
} counted;

/* Jansson's functions know no user pointer. */
static counted *counted_memory;

/* Every block begins with its size; what follows is aligned as malloc aligns. */
enum { COUNTED_HEAD = 16 };

static inline void *counted_resize(counted *c, void *memory, size_t size) {
    char *old = memory != NULL ? (char *)memory - COUNTED_HEAD : NULL;
    size_t before = old != NULL ? *(size_t *)(void *)old : 0;
    if ((c->left == 0 && c->lasting) || (c->left >= 0 && c->left-- == 0)) {
        c->failed = true;
        return NULL;
    }
    if (c->limit > 0 && size > c->limit - (c->bytes - before)) {
        c->beyond = true;
        return NULL;
    }
    char *block = realloc(old, size + COUNTED_HEAD);
    if (block == NULL)
        return NULL;
    *(size_t *)(void *)block = size;
    c->blocks += old == NULL;
    c->bytes += size - before;
    c->most = c->bytes > c->most ? c->bytes : c->most;
    return block + COUNTED_HEAD;
}

static inline void *counted_reallocate(void *user, void *memory, size_t size) {
    return counted_resize(user, memory, size);
}

static inline void *counted_allocate(void *user, size_t size) {
    return counted_resize(user, NULL, size);
}

static inline void counted_release(void *user, void *memory) {
    counted *c = user;
    if (memory == NULL)
        return;
    char *block = (char *)memory - COUNTED_HEAD;
    c->bytes -= *(size_t *)(void *)block;
    c->blocks--;
    free(block);
}

static inline void *counted_json_allocate(size_t size) {
    counted *c = counted_memory;
    long left = c->left;
    if (c->lasting)
        c->left = -1;
    void *memory = counted_resize(c, NULL, size);
    if (c->lasting)
        c->left = left;
    c->jansson = c->jansson || memory == NULL;
    return memory;
}

static inline void counted_json_release(void *memory) {
    counted_release(counted_memory, memory);
}

static inline flowbd3_context_options counted_options(counted *c, uint32_t threads) {
    flowbd3_context_options options = FLOWBD3_CONTEXT_OPTIONS_INIT;
    options.threads = threads;
    options.allocator = (flowbd3_allocator){counted_allocate, counted_reallocate, counted_release, c};
    return options;
}

/* From here on Jansson's memory is c's; nothing of it may be alive. */
static inline void count_jansson(counted *c) {
    counted_memory = c;
    json_set_alloc_funcs(counted_json_allocate, counted_json_release);
}

static inline flowbd3_context *counted_context(counted *c) {
    flowbd3_context *context = NULL;
    flowbd3_context_options options = counted_options(c, 1);
    ck_assert_int_eq(flowbd3_context_create(&context, &options, NULL), FLOWBD3_OK);
    return context;
}

#endif
