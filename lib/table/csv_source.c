/* Where CSV text comes from: a file read piece by piece, or memory. */
#include "table/csv_source.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 1 << 17 };

flowbd3_status fb3_csv_source_open(fb3_csv_source *source, flowbd3_context *context, const char *path,
                                   flowbd3_error *err) {
    *source = (fb3_csv_source){.context = context, .path = path, .descriptor = -1};
    struct stat info;
    if (stat(path, &info) != 0)
        return fb3_io_failure(err, "open", path, errno);
    /* What cannot be rewound is held in memory. */
    if (!S_ISREG(info.st_mode)) {
        flowbd3_status status = fb3_file_read(&source->owned, &source->size, context, path, err);
        source->text = source->owned;
        return status;
    }
    source->descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (source->descriptor < 0)
        return fb3_io_failure(err, "open", path, errno);
    source->owned = fb3_allocate(context, PIECE, 1);
    if (source->owned == NULL) {
        fb3_csv_source_close(source);
        return fb3_no_memory(err, path);
    }
    return FLOWBD3_OK;
}

void fb3_csv_source_close(fb3_csv_source *source) {
    fb3_release(source->context, source->owned);
    if (source->descriptor >= 0)
        (void)close(source->descriptor);
    source->owned = NULL;
    source->descriptor = -1;
}

static flowbd3_status read_piece(fb3_csv_source *source, size_t *size, flowbd3_error *err) {
    *size = 0;
    while (*size < PIECE) {
        ssize_t got = read(source->descriptor, source->owned + *size, PIECE - *size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fb3_io_failure(err, "read", source->path, errno);
        if (got == 0)
            break;
        *size += (size_t)got;
    }
    return FLOWBD3_OK;
}

flowbd3_status fb3_csv_source_next(fb3_csv_source *source, const char **piece, size_t *size,
                                   flowbd3_error *err) {
    if (source->descriptor >= 0) {
        *piece = source->owned;
        return read_piece(source, size, err);
    }
    size_t left = source->size - source->at;
    *piece = source->text + source->at;
    *size = left < PIECE ? left : PIECE;
    source->at += *size;
    return FLOWBD3_OK;
}

flowbd3_status fb3_csv_source_rewind(fb3_csv_source *source, flowbd3_error *err) {
    source->at = 0;
    if (source->descriptor >= 0 && lseek(source->descriptor, 0, SEEK_SET) != 0)
        return fb3_io_failure(err, "rewind", source->path, errno);
    return FLOWBD3_OK;
}
