/* Files of text that appear whole or not at all. */
#include "text_file.h"
#include "failure.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int write_text_file(const char *path, const char *text) {
    char beside[PATH_MAX];
    if (snprintf(beside, sizeof beside, "%s.partial", path) >= (int)sizeof beside)
        return failure("the path '%.100s...' is too long", path);
    FILE *file = fopen(beside, "w");
    if (file == NULL)
        return failure("cannot create '%s': %s", path, strerror(errno));
    bool fine = fputs(text, file) >= 0 && fputc('\n', file) != EOF;
    /* Both are needed, and the first reason is the one to give. */
    int reason = fine ? 0 : errno;
    if (fclose(file) != 0 && reason == 0)
        reason = errno;
    if (reason == 0 && rename(beside, path) != 0)
        reason = errno;
    if (reason == 0)
        return 0;
    (void)unlink(beside);
    return failure("cannot write '%s': %s", path, strerror(reason));
}
