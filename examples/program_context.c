/* The context of a program, and what the library says through it. */
#include "program_context.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static void show_warning(void *user, flowbd3_log_level level, const char *text) {
    (void)user;
    (void)level;
    /* A bar may stand on the line. */
    fprintf(stderr, "%s%s: warning: %s\n", isatty(STDERR_FILENO) == 1 ? "\r\033[K" : "",
            program_invocation_short_name, text);
}

flowbd3_status create_program_context(flowbd3_context **out, uint64_t threads, flowbd3_error *err) {
    flowbd3_context_options options = FLOWBD3_CONTEXT_OPTIONS_INIT;
    options.threads = (uint32_t)threads;
    options.log_level = FLOWBD3_LOG_WARNING;
    options.log = show_warning;
    return flowbd3_context_create(out, &options, err);
}
