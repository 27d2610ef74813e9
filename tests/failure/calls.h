/* System calls of the library, counted, of which one or more can be made to fail: linked with --wrap, so that
 * those of the static library go through calls.c. */
#ifndef CALLS_H
#define CALLS_H

#include <stdbool.h>

enum call {
    CALL_OPEN,
    CALL_CREATE, /* open with O_CREAT */
    CALL_READ,   /* read, pread */
    CALL_WRITE,
    CALL_FLUSH, /* fsync */
    CALL_CLOSE,
    CALL_RENAME,
    CALL_STATE, /* stat, fstat, lstat */
    CALL_SEEK,
    CALL_MODE, /* fchmod */
    CALL_THREAD,
    CALL_ENTROPY,
    CALL_KINDS
};

typedef enum failure {
    FAILURE_ERROR, /* fails with `error`; what is closed is closed all the same */
    FAILURE_SHORT, /* reads and writes half of it, at least a byte; other calls are as ever */
    FAILURE_KILL   /* SIGKILL to this process; a write is half done by then */
} failure;

typedef struct failing_calls {
    bool on;
    unsigned kinds; /* bits: calls that are counted */
    long left;      /* calls until one fails; negative: none does */
    bool lasting;   /* those behind it fail too */
    failure how;
    int error;
    long count; /* calls so far */
} failing_calls;

extern failing_calls calls;

/* From now on the n-th call of the kinds fails. */
static inline void fail_calls(unsigned kinds, long n, bool lasting, failure how, int error) {
    calls = (failing_calls){true, kinds, n, lasting, how, error, 0};
}

static inline void stop_failing(void) {
    calls.on = false;
}

#endif
