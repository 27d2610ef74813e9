/* The directory a program writes into. */
#ifndef OUTPUT_DIRECTORY_H
#define OUTPUT_DIRECTORY_H

#include <limits.h>

/* Makes directory and those above it where they are missing. 0 or an exit status. */
int make_output_directory(const char *directory);

/* path = directory/name. Returns path. */
const char *path_in(char path[PATH_MAX], const char *directory, const char *name);

#endif
