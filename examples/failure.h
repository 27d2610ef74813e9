/* How a program fails: one line on standard error that begins with its name, and an exit status. */
#ifndef FAILURE_H
#define FAILURE_H

#include <flowbd3/status.h>

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_CANCELLED = 130 };

/* Each prints its line and returns the exit status: EXIT_FAILED, EXIT_USAGE; EXIT_CANCELLED after
 * FLOWBD3_CANCELLED and EXIT_FAILED after any other failure of the library. */
__attribute__((format(printf, 1, 2), nonnull(1))) int failure(const char *format, ...);
__attribute__((format(printf, 1, 2), nonnull(1))) int usage_failure(const char *format, ...);
int library_failure(const flowbd3_error *err);

/* Puts the file that was being worked on, or two of which the second came behind the first, before the
 * message of a failure in a row or column, unless it names one. second may be NULL. */
void name_files(flowbd3_error *err, const char *path, const char *second);

#endif
