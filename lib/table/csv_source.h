/* Where CSV text comes from: a file read piece by piece, or memory. */
#ifndef FB3_CSV_SOURCE_H
#define FB3_CSV_SOURCE_H

#include "base/base.h"

typedef struct fb3_csv_source {
    flowbd3_context *context;
    const char *path; /* NULL for memory */
    const char *text; /* [size] the whole of it, when there is no descriptor */
    size_t size, at;
    char *owned;    /* a piece of the file, or the whole of what cannot be rewound */
    int descriptor; /* -1 when the text is in memory */
} fb3_csv_source;

flowbd3_status fb3_csv_source_open(fb3_csv_source *source, flowbd3_context *context, const char *path,
                                   flowbd3_error *err);
void fb3_csv_source_close(fb3_csv_source *source);

/* The next piece, as long as can be except at the end; *size is 0 there. It lives until the next call. */
flowbd3_status fb3_csv_source_next(fb3_csv_source *source, const char **piece, size_t *size,
                                   flowbd3_error *err);
flowbd3_status fb3_csv_source_rewind(fb3_csv_source *source, flowbd3_error *err);

#endif
