/* The directory a program writes into. */
#include "output_directory.h"
#include "failure.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int make_output_directory(const char *directory) {
    char path[PATH_MAX];
    if (*directory == '\0' || strlen(directory) + 64 > sizeof path)
        return failure("the name of the output directory is %s", *directory == '\0' ? "empty" : "too long");
    strcpy(path, directory);
    for (char *c = path + 1;; c++) {
        if (*c != '/' && *c != '\0')
            continue;
        char end = *c;
        *c = '\0';
        if (mkdir(path, 0777) != 0 && errno != EEXIST)
            return failure("cannot make the directory '%s': %s", path, strerror(errno));
        *c = end;
        if (end == '\0')
            break;
    }
    struct stat about;
    if (stat(directory, &about) != 0 || !S_ISDIR(about.st_mode))
        return failure("'%s' is not a directory", directory);
    return 0;
}

const char *path_in(char path[PATH_MAX], const char *directory, const char *name) {
    snprintf(path, PATH_MAX, "%s/%s", directory, name);
    return path;
}
