/* Status names and texts, and the one way to fail. */
#include "base.h"

#include <string.h>

/* What follows defines the functions themselves. */
#undef fb3_fail
#undef fb3_fail_at
#undef fb3_no_memory
#undef fb3_io_failure

const char *flowbd3_status_name(flowbd3_status status) {
    switch (status) {
#define NAME(name, value, text) \
    case FLOWBD3_##name:        \
        return "FLOWBD3_" #name;
        FLOWBD3_STATUS_LIST(NAME)
#undef NAME
    default:
        return "FLOWBD3_UNKNOWN";
    }
}

const char *flowbd3_status_text(flowbd3_status status) {
    switch (status) {
#define TEXT(name, value, text) \
    case FLOWBD3_##name:        \
        return text;
        FLOWBD3_STATUS_LIST(TEXT)
#undef TEXT
    default:
        return "unknown status";
    }
}

static void fill(flowbd3_error *err, flowbd3_status status, int64_t row, int64_t column, const char *format,
                 va_list arguments) {
    if (err == NULL)
        return;
    err->status = status;
    err->row = row;
    err->column = column;
    (void)vsnprintf(err->message, sizeof err->message, format, arguments);
    for (char *c = err->message; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
}

flowbd3_status fb3_fail(flowbd3_error *err, flowbd3_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fill(err, status, 0, 0, format, arguments);
    va_end(arguments);
    return status;
}

flowbd3_status fb3_fail_at(flowbd3_error *err, flowbd3_status status, int64_t row, int64_t column,
                           const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fill(err, status, row, column, format, arguments);
    va_end(arguments);
    return status;
}

flowbd3_status fb3_no_memory(flowbd3_error *err, const char *what) {
    return fb3_fail(err, FLOWBD3_ERROR_MEMORY, "out of memory for %s", what);
}

flowbd3_status fb3_io_failure(flowbd3_error *err, const char *verb, const char *path, int error_number) {
    char memory[128] = "unknown error";
#if defined(__GLIBC__) && defined(_GNU_SOURCE)
    const char *text = strerror_r(error_number, memory, sizeof memory);
#else
    (void)strerror_r(error_number, memory, sizeof memory);
    const char *text = memory;
#endif
    enum { BEGIN = 40, END = 100 }; /* what is shown of a long path; the reason has to fit behind it */
    size_t size = strlen(path);
    if (size <= BEGIN + END)
        return fb3_fail(err, FLOWBD3_ERROR_IO, "cannot %s '%s': %s", verb, path, text);
    return fb3_fail(err, FLOWBD3_ERROR_IO, "cannot %s '%.*s...%s': %s", verb, BEGIN, path, path + size - END,
                    text);
}
