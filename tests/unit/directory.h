/* A folder of a test's own, in memory where there is such a place: what a killed process wrote stays there
 * too, and flushes take no time. */
#ifndef DIRECTORY_H
#define DIRECTORY_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { DIRECTORY_NAME = 64 };

static inline void make_directory(char name[DIRECTORY_NAME]) {
    (void)snprintf(name, DIRECTORY_NAME, "%s/flowbd3-test-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(name));
}

#endif
