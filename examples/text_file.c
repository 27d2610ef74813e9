/* Files of text that appear whole or not at all. */
#include "text_file.h"
#include "failure.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whether path is a pipe, a terminal or a device, which must not be renamed over. */
static bool is_no_file(const char *path) {
    struct stat about;
    return stat(path, &about) == 0 && !S_ISREG(about.st_mode);
}

/* 0 or errno. */
static int write_text(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return errno;
    int reason = fputs(text, file) >= 0 && fputc('\n', file) != EOF ? 0 : errno;
    if (fclose(file) != 0 && reason == 0)
        reason = errno;
    return reason;
}

int write_text_file(const char *path, const char *text) {
    char beside[PATH_MAX];
    if (snprintf(beside, sizeof beside, "%s.partial", path) >= (int)sizeof beside)
        return failure("the path '%.100s...' is too long", path);
    if (is_no_file(path)) {
        int reason = write_text(path, text);
        return reason == 0 ? 0 : failure("cannot write '%s': %s", path, strerror(reason));
    }
    int reason = write_text(beside, text);
    if (reason == 0 && rename(beside, path) != 0)
        reason = errno;
    if (reason == 0)
        return 0;
    (void)unlink(beside);
    return failure("cannot write '%s': %s", path, strerror(reason));
}

int check_text_file(const char *path) {
    char directory[PATH_MAX];
    if (is_no_file(path) || snprintf(directory, sizeof directory, "%s", path) >= (int)sizeof directory)
        return 0; /* what is wrong with it, writing says */
    char *slash = strrchr(directory, '/');
    if (slash == NULL)
        strcpy(directory, ".");
    else
        slash[slash == directory ? 1 : 0] = '\0';
    return access(directory, W_OK | X_OK) == 0 ? 0 : failure("cannot write '%s': %s", path, strerror(errno));
}
