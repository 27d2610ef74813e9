/* Context: allocator, logger and thread pool shared by all handles. */
#ifndef FLOWBD3_CONTEXT_H
#define FLOWBD3_CONTEXT_H

#include <flowbd3/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Thread-safety: a context may be shared by any number of threads. Handles made from it keep it alive,
 * so that it may be destroyed in any order with them.
 *
 * After fork() the child goes on with the handles that no other thread was changing at that moment: contexts,
 * tables, tokenizers, rules and models that were only read, whatever calls were running on them, and
 * trainers, samplers, evaluators, streams and writers on which none was. It may call, and destroy, with the
 * same results, on the calling thread alone; contexts that it creates have threads again. A handle that a
 * call was changing is to be left alone in the child, which also keeps the memory that this call held. An
 * allocator of the caller must itself be usable after fork().
 *
 * Of what belongs to the calling program a call leaves as it was: thread counts of OpenMP and BLIS, the
 * rounding mode and other floating-point controls, locale, signal masks and handlers, thread names. errno is
 * not kept. */
typedef struct flowbd3_context flowbd3_context;

/* How much a line of the log matters. */
typedef enum flowbd3_log_level {
    FLOWBD3_LOG_DEBUG = 0,
    FLOWBD3_LOG_INFO = 1,
    FLOWBD3_LOG_WARNING = 2,
    FLOWBD3_LOG_ERROR = 3
} flowbd3_log_level;

/* One line of text without a newline; may be called from any thread that calls into the library. */
typedef void (*flowbd3_log_function)(void *user, flowbd3_log_level level, const char *text);

/* How far a long operation is. */
typedef struct flowbd3_progress {
    size_t struct_size;
    const char *stage;      /* "read", "train", "generate", "score", "evaluate", ... static storage */
    uint64_t done;          /* units finished: rows, flows of training, steps of an evaluation */
    uint64_t total;         /* of so many; 0 when not known */
    double elapsed_seconds; /* since the operation began */
    double loss;            /* training: mean NELBO of the last steps, nats per flow; otherwise NaN */
} flowbd3_progress;

/* Called now and then from the thread that made the call. A value other than 0 cancels the operation:
 * it returns FLOWBD3_CANCELLED and everything stays valid. It may call the library, but with the handle that
 * is at work only to read from it, and flowbd3_trainer_save. */
typedef int (*flowbd3_progress_function)(void *user, const flowbd3_progress *progress);

/* Memory functions with the meaning of malloc, realloc and free, plus a user pointer. All three or none.
 * They are called from any thread that calls into the library and from the context's own worker threads, by
 * several at once. */
typedef struct flowbd3_allocator {
    void *(*allocate)(void *user, size_t size);                 /* as malloc */
    void *(*reallocate)(void *user, void *memory, size_t size); /* as realloc */
    void (*release)(void *user, void *memory);                  /* as free */
    void *user;
} flowbd3_allocator;

typedef struct flowbd3_context_options {
    size_t struct_size;
    uint32_t threads;            /* worker threads, the caller included; default 0 = processors online */
    flowbd3_log_level log_level; /* least level that is logged; default FLOWBD3_LOG_DEBUG = all */
    flowbd3_log_function log;    /* default NULL = no logging */
    void *log_user;
    flowbd3_allocator allocator; /* default all NULL = malloc, realloc, free */
} flowbd3_context_options;

#define FLOWBD3_CONTEXT_OPTIONS_INIT                                         \
    {                                                                        \
        sizeof(flowbd3_context_options), 0, FLOWBD3_LOG_DEBUG, NULL, NULL, { \
            NULL, NULL, NULL, NULL                                           \
        }                                                                    \
    }

/* Sets *options, of which the caller knows size bytes, to the defaults. */
FLOWBD3_API flowbd3_status flowbd3_context_options_init(flowbd3_context_options *options, size_t size);

/* Creates a context. options may be NULL. The caller owns *out.
 * Errors: ARGUMENT (size, half an allocator, more than 1024 threads), MEMORY, THREAD. */
FLOWBD3_API flowbd3_status flowbd3_context_create(flowbd3_context **out,
                                                  const flowbd3_context_options *options, flowbd3_error *err);

/* Gives up the caller's reference and writes NULL. NULL-safe. */
FLOWBD3_API void flowbd3_context_destroy(flowbd3_context **context);

/* Number of threads that work in a call, the calling one included. Calls with one context share its workers:
 * while a loop of one call has them, loops of others run on their calling threads alone. */
FLOWBD3_API uint32_t flowbd3_context_threads(const flowbd3_context *context);

/* Frees a string that the library handed out with context's allocator, and writes NULL. Without a context,
 * which has to outlive its strings, it does nothing. */
FLOWBD3_API void flowbd3_string_destroy(flowbd3_context *context, char **string);

/* Version of the library that runs, "major.minor.patch". Static storage. */
FLOWBD3_API const char *flowbd3_version(void);

/* One line on how the library was built and what it uses on this machine: version, compiler, BLIS version
 * and kernel, vector variant, made with or without XGBoost. Static storage, filled at the first call. The
 * environment variable FLOWBD3_KERNELS, read once, names a lesser variant than the processor's best, for BLIS
 * too when it is part of the library: portable, avx2 or avx512; other names count as none. Results differ in
 * rounding between variants. */
FLOWBD3_API const char *flowbd3_build_info(void);

#ifdef __cplusplus
}
#endif

#endif
