/* A fixture: a context of two threads. */
#ifndef TWO_THREADS_H
#define TWO_THREADS_H

#include <flowbd3/context.h>

#include <check.h>

static flowbd3_context *context;

static void setup(void) {
    flowbd3_context_options options = FLOWBD3_CONTEXT_OPTIONS_INIT;
    options.threads = 2;
    ck_assert_int_eq(flowbd3_context_create(&context, &options, NULL), FLOWBD3_OK);
}

static void teardown(void) {
    flowbd3_context_destroy(&context);
}

#endif
