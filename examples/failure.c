/* How a program fails. */
#include "failure.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 1, 0), nonnull)) static void print_line(const char *format, va_list arguments,
                                                                      const char *end) {
    fprintf(stderr, "%s: ", program_invocation_short_name);
    vfprintf(stderr, format, arguments);
    fputs(end, stderr);
}

int failure(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    print_line(format, arguments, "\n");
    va_end(arguments);
    return EXIT_FAILED;
}

int usage_failure(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    print_line(format, arguments, " (--help lists the options)\n");
    va_end(arguments);
    return EXIT_USAGE;
}

void name_file(flowbd3_error *err, const char *path) {
    if ((err->row == 0 && err->column == 0) || strstr(err->message, path) != NULL)
        return;
    flowbd3_error before = *err;
    if (snprintf(err->message, sizeof err->message, "'%s': %s", path, before.message) >=
        (int)sizeof err->message)
        *err = before; /* what is wrong counts for more than where */
}

int library_failure(const flowbd3_error *err) {
    (void)failure("%s", err->message);
    return err->status == FLOWBD3_CANCELLED ? EXIT_CANCELLED : EXIT_FAILED;
}
