#include "calls.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

failing_calls calls;

/* Whether this call is one that fails. */
static bool is_chosen(enum call kind) {
    if (!calls.on || (calls.kinds >> kind & 1) == 0)
        return false;
    calls.count++;
    if (calls.left == 0 && calls.lasting)
        return true;
    return calls.left >= 0 && calls.left-- == 0;
}

/* The same for a call that is done whole or not at all. */
static bool fails(enum call kind) {
    if (!is_chosen(kind) || calls.how == FAILURE_SHORT)
        return false;
    if (calls.how == FAILURE_KILL)
        (void)raise(SIGKILL);
    errno = calls.error;
    return true;
}

static size_t half(size_t size) {
    return size > 1 ? size / 2 : size;
}

/* Declares the true function and begins its stand-in. */
#define WRAP(result, name, parameters) \
    result __real_##name parameters;   \
    result __wrap_##name parameters;   \
    result __wrap_##name parameters

#define WRAP_READ(name, parameters, ...)      \
    WRAP(ssize_t, name, parameters) {         \
        if (is_chosen(CALL_READ)) {           \
            if (calls.how == FAILURE_KILL)    \
                (void)raise(SIGKILL);         \
            if (calls.how == FAILURE_ERROR) { \
                errno = calls.error;          \
                return -1;                    \
            }                                 \
            size = half(size);                \
        }                                     \
        return __real_##name(__VA_ARGS__);    \
    }

WRAP_READ(read, (int descriptor, void *to, size_t size), descriptor, to, size)
WRAP_READ(pread, (int descriptor, void *to, size_t size, off_t at), descriptor, to, size, at)

WRAP(ssize_t, write, (int descriptor, const void *from, size_t size)) {
    if (!is_chosen(CALL_WRITE))
        return __real_write(descriptor, from, size);
    if (calls.how == FAILURE_ERROR) {
        errno = calls.error;
        return -1;
    }
    ssize_t written = __real_write(descriptor, from, half(size));
    if (calls.how == FAILURE_KILL)
        (void)raise(SIGKILL);
    return written;
}

#define WRAP_OPEN(name)                                   \
    WRAP(int, name, (const char *path, int flags, ...)) { \
        va_list rest;                                     \
        va_start(rest, flags);                            \
        bool creates = (flags & O_CREAT) != 0;            \
        mode_t mode = creates ? va_arg(rest, mode_t) : 0; \
        va_end(rest);                                     \
        if (fails(creates ? CALL_CREATE : CALL_OPEN))     \
            return -1;                                    \
        return __real_##name(path, flags, mode);          \
    }

WRAP_OPEN(open)

#define WRAP_WHOLE(kind, name, parameters, ...)               \
    WRAP(int, name, parameters) {                             \
        return fails(kind) ? -1 : __real_##name(__VA_ARGS__); \
    }

WRAP_WHOLE(CALL_FLUSH, fsync, (int descriptor), descriptor)
WRAP_WHOLE(CALL_RENAME, rename, (const char *from, const char *to), from, to)
WRAP_WHOLE(CALL_STATE, stat, (const char *path, struct stat *to), path, to)
WRAP_WHOLE(CALL_STATE, lstat, (const char *path, struct stat *to), path, to)
WRAP_WHOLE(CALL_STATE, fstat, (int descriptor, struct stat *to), descriptor, to)
WRAP_WHOLE(CALL_MODE, fchmod, (int descriptor, mode_t mode), descriptor, mode)

WRAP(int, close, (int descriptor)) {
    bool failed = fails(CALL_CLOSE);
    int result = __real_close(descriptor);
    if (failed)
        errno = calls.error;
    return failed ? -1 : result;
}

#define WRAP_SEEK(name)                                                              \
    WRAP(off_t, name, (int descriptor, off_t at, int whence)) {                      \
        return fails(CALL_SEEK) ? (off_t)-1 : __real_##name(descriptor, at, whence); \
    }

WRAP_SEEK(lseek)

#if defined(__GLIBC__) /* the same under the names of calls for large files */
WRAP_READ(pread64, (int descriptor, void *to, size_t size, off_t at), descriptor, to, size, at)
WRAP_OPEN(open64)
WRAP_WHOLE(CALL_STATE, stat64, (const char *path, struct stat *to), path, to)
WRAP_WHOLE(CALL_STATE, lstat64, (const char *path, struct stat *to), path, to)
WRAP_WHOLE(CALL_STATE, fstat64, (int descriptor, struct stat *to), descriptor, to)
WRAP_SEEK(lseek64)
#endif

WRAP_WHOLE(CALL_ENTROPY, getentropy, (void *to, size_t size), to, size)

WRAP(int, pthread_create,
     (pthread_t * thread, const pthread_attr_t *attributes, void *(*work)(void *), void *argument)) {
    return fails(CALL_THREAD) ? calls.error : __real_pthread_create(thread, attributes, work, argument);
}
