/* Files read whole, and files written beside their path and renamed there. */
#include "base.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Letters at the end of the name of a file that is being written. */
enum { SUFFIX = 6 };

struct fb3_file {
    flowbd3_context *context;
    char *path, *temporary;
    int descriptor;
};

/* The file's directory is flushed too, so that the rename survives a power failure. */
static void flush_directory(const char *path, char *scratch) {
    const char *slash = strrchr(path, '/');
    size_t size = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
    if (size == 0) {
        scratch[0] = '.';
        size = 1;
    } else {
        memcpy(scratch, path, size);
    }
    scratch[size] = '\0';
    int descriptor = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor >= 0) {
        (void)fsync(descriptor);
        (void)close(descriptor);
    }
}

static void release(fb3_file **file) {
    fb3_file *f = *file;
    flowbd3_context *context = f->context;
    if (f->descriptor >= 0)
        (void)close(f->descriptor);
    if (f->temporary != NULL)
        (void)unlink(f->temporary);
    fb3_release(context, f->temporary);
    fb3_release(context, f->path);
    fb3_release(context, f);
    *file = NULL;
}

/* What path names in the end: a symbolic link is to stay, and what it leads to is to be replaced. */
static const char *follow_links(const char *path, char resolved[PATH_MAX]) {
    struct stat link;
    bool is_link = lstat(path, &link) == 0 && S_ISLNK(link.st_mode);
    return is_link && realpath(path, resolved) != NULL ? resolved : path;
}

/* The descriptor that path is a link to, as /dev/stdout is, or -1. Opened anew, a file that the shell has
 * redirected to would have a position of its own. */
static int linked_descriptor(const char *path) {
    static const char place[] = "/proc/self/fd/";
    char target[32], *end;
    ssize_t size = readlink(path, target, sizeof target - 1);
    if (size < (ssize_t)sizeof place || memcmp(target, place, sizeof place - 1) != 0)
        return -1;
    target[size] = '\0';
    long number = strtol(target + sizeof place - 1, &end, 10);
    return *end == '\0' && number >= 0 && number <= INT_MAX ? (int)number : -1;
}

/* A named pipe makes who opens one end wait until somebody opens the other, if need be for ever. Here the
 * wait has an end: seconds of it, and nanoseconds from try to try. */
static const double patience = 1.0;
enum { REST = 20000000 };

/* False: the time is over. */
static bool wait_for_other_end(double since) {
    const struct timespec rest = {0, REST};
    (void)nanosleep(&rest, NULL);
    return fb3_seconds() - since < patience;
}

/* Opens what is there for writing. A pipe that nobody reads: -1 and ENXIO. */
static int open_with_reader(const char *path) {
    double started = fb3_seconds();
    int descriptor;
    do
        descriptor = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK);
    while (descriptor < 0 && errno == ENXIO && wait_for_other_end(started));
    if (descriptor >= 0) /* writing waits as ever */
        (void)fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK);
    return descriptor;
}

/* Writes letters that no other file's name is likely to have over those at the end of a name. */
static void draw_suffix(char *end) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    unsigned char bytes[SUFFIX];
    if (getentropy(bytes, sizeof bytes) != 0) {
        struct timespec now; /* another one at the next try */
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        uint64_t seed = ((uint64_t)now.tv_nsec << 20) ^ (uint64_t)getpid();
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (unsigned char)(seed >> 8 * i);
    }
    for (size_t i = 0; i < sizeof bytes; i++)
        end[i] = letters[bytes[i] % (sizeof letters - 1)];
}

/* A new file, with the permissions of the one that it will replace, or those that the process gives to new
 * files. mkostemp knows neither. */
static int open_beside(char *temporary, const struct stat *replaced) {
    enum { TRIES = 100 };
    mode_t mode = replaced != NULL ? replaced->st_mode & 0777 : 0666;
    int descriptor = -1;
    for (int i = 0; i < TRIES && (i == 0 || (descriptor < 0 && errno == EEXIST)); i++) {
        draw_suffix(temporary + strlen(temporary) - SUFFIX);
        descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    }
    if (descriptor >= 0 && replaced != NULL)
        (void)fchmod(descriptor, mode);
    return descriptor;
}

/* Opens a pipe, a terminal, a device or a descriptor, of which nothing is kept and which must not be renamed
 * over, as it is; otherwise a new file beside path, whose name is left in temporary. -1 and errno. */
static int open_for_writing(const char *path, char *temporary, bool *beside) {
    struct stat old;
    int shared = linked_descriptor(path);
    bool there = stat(path, &old) == 0;
    *beside = shared < 0 && (!there || S_ISREG(old.st_mode));
    if (shared >= 0)
        return fcntl(shared, F_DUPFD_CLOEXEC, 0);
    if (!*beside)
        return open_with_reader(path);
    return open_beside(temporary, there ? &old : NULL);
}

flowbd3_status fb3_file_create(fb3_file **out, flowbd3_context *context, const char *path,
                               flowbd3_error *err) {
    static const char suffix[] = ".XXXXXX";
    char resolved[PATH_MAX];
    bool beside;
    *out = NULL;
    if (linked_descriptor(path) < 0)
        path = follow_links(path, resolved);
    size_t size = strlen(path);
    if (size == 0)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "the path of the file to write is empty");
    fb3_file *file = fb3_allocate_zero(context, 1, sizeof *file);
    if (file == NULL)
        return fb3_no_memory(err, "a file");
    file->context = context;
    file->descriptor = -1;
    file->path = fb3_duplicate(context, path);
    char *temporary = fb3_allocate(context, size + sizeof suffix, 1);
    if (file->path == NULL || temporary == NULL) {
        fb3_release(context, temporary);
        release(&file);
        return fb3_no_memory(err, "a file name");
    }
    memcpy(temporary, path, size);
    memcpy(temporary + size, suffix, sizeof suffix);
    file->descriptor = open_for_writing(path, temporary, &beside);
    if (file->descriptor < 0) {
        int error = errno;
        fb3_release(context, temporary);
        release(&file);
        return fb3_io_failure(err, "create", path, error);
    }
    if (beside)
        file->temporary = temporary;
    else
        fb3_release(context, temporary);
    *out = file;
    return FLOWBD3_OK;
}

flowbd3_status fb3_file_write(fb3_file *file, const void *data, size_t size, flowbd3_error *err) {
    const char *next = data;
    while (size > 0) {
        ssize_t written = write(file->descriptor, next, size < 1u << 30 ? size : 1u << 30);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return fb3_io_failure(err, "write", file->path, written < 0 ? errno : ENOSPC);
        next += written;
        size -= (size_t)written;
    }
    return FLOWBD3_OK;
}

flowbd3_status fb3_file_commit(fb3_file **file, flowbd3_error *err) {
    fb3_file *f = *file;
    flowbd3_status status = FLOWBD3_OK;
    if (fsync(f->descriptor) != 0 && errno != EINVAL && errno != EROFS)
        status = fb3_io_failure(err, "flush", f->path, errno);
    int closed = close(f->descriptor);
    f->descriptor = -1;
    if (status == FLOWBD3_OK && closed != 0 && errno != EINTR)
        status = fb3_io_failure(err, "close", f->path, errno);
    if (status == FLOWBD3_OK && f->temporary != NULL && rename(f->temporary, f->path) != 0)
        status = fb3_io_failure(err, "rename to", f->path, errno);
    if (status == FLOWBD3_OK && f->temporary != NULL) {
        flush_directory(f->path, f->temporary);
        fb3_release(f->context, f->temporary);
        f->temporary = NULL;
    }
    release(file);
    return status;
}

void fb3_file_discard(fb3_file **file) {
    if (file != NULL && *file != NULL)
        release(file);
}

flowbd3_status fb3_file_save(flowbd3_context *context, const char *path, const char *text,
                             flowbd3_error *err) {
    fb3_file *file;
    flowbd3_status status = fb3_file_create(&file, context, path, err);
    if (status == FLOWBD3_OK)
        status = fb3_file_write(file, text, strlen(text), err);
    if (status == FLOWBD3_OK)
        status = fb3_file_write(file, "\n", 1, err);
    if (status == FLOWBD3_OK)
        return fb3_file_commit(&file, err);
    fb3_file_discard(&file);
    return status;
}

/* Reads on, as far as there is room. *end: nothing follows. Of a pipe that has brought nothing yet, opened at
 * started, the end may be that nobody has opened it for writing. */
static flowbd3_status read_more(int descriptor, fb3_buffer *buffer, const char *path, double started,
                                bool *end, flowbd3_error *err) {
    struct pollfd data = {.fd = descriptor, .events = POLLIN};
    ssize_t got;
    *end = false;
    do {
        got = read(descriptor, buffer->data + buffer->size, buffer->capacity - buffer->size);
        if (got < 0 && errno == EAGAIN && poll(&data, 1, -1) < 0 && errno != EINTR)
            return fb3_io_failure(err, "wait for", path, errno);
    } while (got < 0 && (errno == EINTR || errno == EAGAIN));
    if (got < 0)
        return fb3_io_failure(err, "read", path, errno);
    buffer->size += (size_t)got;
    *end = got == 0 && (started < 0.0 || buffer->size > 0 || !wait_for_other_end(started));
    if (*end && buffer->size == 0 && started >= 0.0)
        return fb3_fail(err, FLOWBD3_ERROR_IO, "cannot read '%s': it is a pipe that nothing is written to",
                        path);
    return FLOWBD3_OK;
}

flowbd3_status fb3_file_read(char **data, size_t *size, flowbd3_context *context, const char *path,
                             flowbd3_error *err) {
    *data = NULL;
    *size = 0;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0)
        return fb3_io_failure(err, "open", path, errno);
    struct stat info = {0};
    fb3_buffer buffer = {.context = context};
    flowbd3_status status = FLOWBD3_OK;
    if (fstat(descriptor, &info) != 0)
        status = fb3_io_failure(err, "read", path, errno);
    else if (S_ISDIR(info.st_mode))
        status = fb3_io_failure(err, "read", path, EISDIR);
    size_t expected = S_ISREG(info.st_mode) && info.st_size > 0 ? (size_t)info.st_size : 0;
    double started = S_ISFIFO(info.st_mode) ? fb3_seconds() : -1.0;
    for (bool end = false; status == FLOWBD3_OK && !end;) {
        size_t more = buffer.size < expected ? expected - buffer.size + 1 : 65536;
        status = fb3_buffer_reserve(&buffer, more) ? read_more(descriptor, &buffer, path, started, &end, err)
                                                   : fb3_no_memory(err, path);
    }
    if (status == FLOWBD3_OK && !fb3_buffer_append(&buffer, "", 1))
        status = fb3_no_memory(err, path);
    (void)close(descriptor);
    if (status != FLOWBD3_OK) {
        fb3_buffer_release(&buffer);
        return status;
    }
    *data = buffer.data;
    *size = buffer.size - 1;
    return FLOWBD3_OK;
}
