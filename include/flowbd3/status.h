/* Status codes, error details and the export macro. */
#ifndef FLOWBD3_STATUS_H
#define FLOWBD3_STATUS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Marks what the library exports. */
#if defined(__GNUC__)
#define FLOWBD3_API __attribute__((visibility("default")))
#else
#define FLOWBD3_API
#endif

/* Every status: name, value, text. Values are pinned; new ones take unused numbers. */
#define FLOWBD3_STATUS_LIST(X)                             \
    X(OK, 0, "success")                                    \
    X(ERROR_ARGUMENT, -1, "invalid argument")              \
    X(ERROR_MEMORY, -2, "out of memory")                   \
    X(ERROR_IO, -3, "input or output failed")              \
    X(ERROR_FORMAT, -4, "malformed input")                 \
    X(ERROR_VERSION, -5, "unsupported version")            \
    X(ERROR_CHECKSUM, -6, "checksum mismatch")             \
    X(ERROR_SCHEMA, -7, "table does not match the schema") \
    X(ERROR_STATE, -8, "call out of order")                \
    X(ERROR_RANGE, -9, "value out of range")               \
    X(ERROR_NUMERIC, -10, "numeric failure")               \
    X(ERROR_THREAD, -11, "thread creation failed")         \
    X(ERROR_LIMIT, -12, "limit exceeded")                  \
    X(CANCELLED, -20, "cancelled")

/* What every call that can fail returns: 0 or, of what went wrong, a negative number. Where a call hands
 * something over (*out, *json and the like), that is NULL after a failure. */
typedef enum flowbd3_status {
#define FLOWBD3_STATUS_ENUM(name, value, text) FLOWBD3_##name = (value),
    FLOWBD3_STATUS_LIST(FLOWBD3_STATUS_ENUM)
#undef FLOWBD3_STATUS_ENUM
        FLOWBD3_STATUS_FORCE_INT = 0x7fffffff
} flowbd3_status;

/* Details of a failure, filled by the call that failed and left alone by one that succeeds.
 * Functions that take it take it last and accept NULL. */
typedef struct flowbd3_error {
    flowbd3_status status; /* what the call returned */
    int64_t row;           /* 1-based data row (CSV: line of the file), 0 when none applies */
    int64_t column;        /* 1-based column, 0 when none applies */
    char message[256];     /* one line: what was wrong with what, and what was expected */
} flowbd3_error;

/* Name of a status, for example "FLOWBD3_ERROR_IO"; "FLOWBD3_UNKNOWN" for other values. Static storage. */
FLOWBD3_API const char *flowbd3_status_name(flowbd3_status status);

/* Text of a status, for example "input or output failed". Static storage. */
FLOWBD3_API const char *flowbd3_status_text(flowbd3_status status);

#ifdef __cplusplus
}
#endif

#endif
