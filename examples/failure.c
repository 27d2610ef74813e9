/* How a program fails. */
#include "failure.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
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

static bool names(const flowbd3_error *err, const char *path) {
    char quoted[sizeof err->message + 2];
    return path != NULL && snprintf(quoted, sizeof quoted, "'%s'", path) < (int)sizeof quoted &&
           strstr(err->message, quoted) != NULL;
}

void name_files(flowbd3_error *err, const char *path, const char *second) {
    if ((err->row == 0 && err->column == 0) || names(err, path) || names(err, second))
        return;
    flowbd3_error before = *err;
    int size = second == NULL ? snprintf(err->message, sizeof err->message, "'%s': %s", path, before.message)
                              : snprintf(err->message, sizeof err->message, "'%s' and, behind it, '%s': %s",
                                         path, second, before.message);
    if (size >= (int)sizeof err->message)
        *err = before; /* what is wrong counts for more than where */
}

int library_failure(const flowbd3_error *err) {
    (void)failure("%s", err->message);
    return err->status == FLOWBD3_CANCELLED ? EXIT_CANCELLED : EXIT_FAILED;
}
