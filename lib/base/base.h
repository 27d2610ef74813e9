/* The base room: errors, options, memory, threads, random numbers, files, numbers as text. */
#ifndef FB3_BASE_H
#define FB3_BASE_H

#include <flowbd3/context.h>

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#if defined(__GNUC__)
#define FB3_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define FB3_PRINTF(text, first)
#endif

#define FB3_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- errors (error.c) -------------------------------------------------------------------------- */

/* Fills *err (or nothing when NULL) and returns status, so that callers write `return fb3_fail(...)`. The
 * message is cut at its end when too long and never holds a control character. */
flowbd3_status fb3_fail(flowbd3_error *err, flowbd3_status status, const char *format, ...) FB3_PRINTF(3, 4);

/* The same with a 1-based row and column, 0 for none. */
flowbd3_status fb3_fail_at(flowbd3_error *err, flowbd3_status status, int64_t row, int64_t column,
                           const char *format, ...) FB3_PRINTF(5, 6);

/* The error for memory that was not there. */
flowbd3_status fb3_no_memory(flowbd3_error *err, const char *what);

/* The error for a failed system call on path: "cannot <verb> 'path': <strerror>". */
flowbd3_status fb3_io_failure(flowbd3_error *err, const char *verb, const char *path, int error_number);

/* The analyzer sees one source at a time: it has to be told that a failure is the status it was given. */
#ifdef __clang_analyzer__
#define fb3_fail(err, status, ...)    ((void)fb3_fail(err, status, __VA_ARGS__), (status))
#define fb3_fail_at(err, status, ...) ((void)fb3_fail_at(err, status, __VA_ARGS__), (status))
#define fb3_no_memory(err, what)      ((void)fb3_no_memory(err, what), FLOWBD3_ERROR_MEMORY)
#define fb3_io_failure(err, ...)      ((void)fb3_io_failure(err, __VA_ARGS__), FLOWBD3_ERROR_IO)
#endif

/* ---- options (options.c) ----------------------------------------------------------------------- */

/* Copies a caller's options struct of any earlier size over defaults: *to (to_size bytes, first member size_t
 * struct_size) is zeroed, then takes what from holds. NULL from leaves the zeros. Bytes a later caller
 * appended must be zero. name is the struct's name for the message. */
flowbd3_status fb3_options_copy(void *to, size_t to_size, const void *from, const char *name,
                                flowbd3_error *err);

/* The other way: writes what a caller's struct of any earlier or later size has room for, its bytes behind
 * the library's own become zero. false: its struct_size is none. */
bool fb3_options_give(void *to, const void *from, size_t from_size);

/* Body of every flowbd3_x_options_init: zeroes size bytes and writes struct_size. */
flowbd3_status fb3_options_init(void *options, size_t size);

/* ---- memory (context.c) ------------------------------------------------------------------------ */

/* count * size bytes, NULL on overflow or exhaustion; never NULL for a zero product. */
void *fb3_allocate(flowbd3_context *context, size_t count, size_t size);
void *fb3_allocate_zero(flowbd3_context *context, size_t count, size_t size);
void *fb3_reallocate(flowbd3_context *context, void *memory, size_t count, size_t size);
void fb3_release(flowbd3_context *context, void *memory);
char *fb3_duplicate(flowbd3_context *context, const char *text);

/* count zeroed floats on a 64-byte boundary, with 256 bytes of slack after them that vector code may read. */
float *fb3_allocate_floats(flowbd3_context *context, size_t count);
void fb3_release_floats(flowbd3_context *context, float *memory);

/* A reference more to the context, taken by every handle and dropped with flowbd3_context_destroy. */
flowbd3_context *fb3_context_retain(flowbd3_context *context);

void fb3_log(flowbd3_context *context, flowbd3_log_level level, const char *format, ...) FB3_PRINTF(3, 4);

/* Seconds of a monotonic clock. */
double fb3_seconds(void);

/* ---- progress (progress.c) --------------------------------------------------------------------- */

typedef struct fb3_reporter {
    flowbd3_progress_function function; /* may be NULL */
    void *user;
    const char *stage;
    uint64_t total;
    double started, last;
} fb3_reporter;

void fb3_reporter_start(fb3_reporter *reporter, flowbd3_progress_function function, void *user,
                        const char *stage, uint64_t total);

/* Calls the function, at most ten times a second and always when done == total. True: the caller cancels. */
bool fb3_report(fb3_reporter *reporter, uint64_t done, double loss);

/* ---- thread pool (pool.c) ---------------------------------------------------------------------- */

/* Runs task(argument, i, worker) for every i in 0..count-1, each once, in any order, on the context's
 * threads, and returns when all are done. worker < flowbd3_context_threads names the thread, for scratch
 * memory. A call while another one runs (from a task, or from a second caller), or after fork, does the work
 * on the calling thread alone with worker 0. Results must not depend on worker. */
typedef void (*fb3_task)(void *argument, size_t i, unsigned worker);
void fb3_parallel(flowbd3_context *context, size_t count, fb3_task task, void *argument);

/* ---- random numbers (random.c) ----------------------------------------------------------------- */

/* Counter-based: every number is a function of seed, purpose, index and step (Salmon et al. 2011, Philox
 * 4x32-10). */
typedef enum fb3_purpose {
    FB3_RANDOM_INITIAL_WEIGHTS = 1,
    FB3_RANDOM_SHUFFLE = 2,
    FB3_RANDOM_NOISE_LEVEL = 3,
    FB3_RANDOM_MASK = 4,
    FB3_RANDOM_DROPOUT = 5,
    FB3_RANDOM_ORDER = 6,
    FB3_RANDOM_TOKEN = 7,
    FB3_RANDOM_DECODE = 8,
    FB3_RANDOM_SPLIT = 9,
    FB3_RANDOM_KMEANS = 10,
    FB3_RANDOM_SUBSAMPLE = 11,
    FB3_RANDOM_VALIDATION = 12,
    FB3_RANDOM_UNMASK = 13,
    FB3_RANDOM_SEQUENCE = 16,
    FB3_RANDOM_GROUP = 17,
    FB3_RANDOM_COLUMNS = 20,
    FB3_RANDOM_SCORE = 21,
    FB3_RANDOM_ATTEMPT = 24,
    FB3_RANDOM_ACCEPT = 25,
    FB3_RANDOM_CONDITION_DROPOUT = 28,
    FB3_RANDOM_STRATA = 29,
    FB3_RANDOM_ROWS = 32,
    FB3_RANDOM_SKETCH = 33,
    FB3_RANDOM_BOOTSTRAP_ROWS = 40,
    FB3_RANDOM_BOOTSTRAP_GROUPS = 41,
    FB3_RANDOM_BOOTSTRAP_REAL = 42,
    FB3_RANDOM_BOOTSTRAP_APART = 43
} fb3_purpose;

/* Four random 32-bit words. */
void fb3_random(uint32_t out[4], uint64_t seed, fb3_purpose purpose, uint64_t index, uint32_t step);

/* Uniform in (0, 1): from one word, and with 53 bits from two. */
double fb3_uniform32(uint32_t word);
double fb3_uniform53(uint32_t high, uint32_t low);

/* One number for (seed, purpose, index, step). */
double fb3_uniform(uint64_t seed, fb3_purpose purpose, uint64_t index, uint32_t step);

/* A random permutation of 0..count-1 (Fisher-Yates) for (seed, purpose, step). */
void fb3_permutation(size_t *out, size_t count, uint64_t seed, fb3_purpose purpose, uint32_t step);

/* ---- shuffles (shuffle.c) ---------------------------------------------------------------------- */

/* A random order of 0..count-1, count > 0, for (seed, purpose, step), which takes no memory: any place of it
 * is computed by itself. */
typedef struct fb3_shuffle {
    uint64_t count, seed;
    fb3_purpose purpose;
    uint32_t step;
    uint64_t high, low; /* a number is x * low + y, x below high and y below low */
} fb3_shuffle;
fb3_shuffle fb3_shuffle_of(uint64_t count, uint64_t seed, fb3_purpose purpose, uint32_t step);

/* The number at a place below count, and the place of a number. */
uint64_t fb3_shuffle_at(const fb3_shuffle *shuffle, uint64_t place);
uint64_t fb3_shuffle_place(const fb3_shuffle *shuffle, uint64_t number);

/* ---- buffers (buffer.c) ------------------------------------------------------------------------ */

/* Bytes that grow. Zeroed but for context is an empty one. A failed append leaves it as it was. */
typedef struct fb3_buffer {
    flowbd3_context *context;
    char *data;
    size_t size, capacity;
} fb3_buffer;

bool fb3_buffer_reserve(fb3_buffer *buffer, size_t more);
bool fb3_buffer_append(fb3_buffer *buffer, const void *data, size_t size);
void fb3_buffer_release(fb3_buffer *buffer);

/* ---- files (file.c) ---------------------------------------------------------------------------- */

/* A file written beside its path and renamed there on commit; discard removes what was written. */
typedef struct fb3_file fb3_file;
flowbd3_status fb3_file_create(fb3_file **out, flowbd3_context *context, const char *path,
                               flowbd3_error *err);
flowbd3_status fb3_file_write(fb3_file *file, const void *data, size_t size, flowbd3_error *err);
/* Flushes to disk, renames and frees; frees and removes the temporary file when that fails. */
flowbd3_status fb3_file_commit(fb3_file **file, flowbd3_error *err);
void fb3_file_discard(fb3_file **file);

/* A file of one text and a newline, written in this way. */
flowbd3_status fb3_file_save(flowbd3_context *context, const char *path, const char *text,
                             flowbd3_error *err);

/* Whole regular file in memory, NUL-terminated after *size bytes. Free with fb3_release. */
flowbd3_status fb3_file_read(char **data, size_t *size, flowbd3_context *context, const char *path,
                             flowbd3_error *err);

/* ---- numbers as text, the same in every locale (number.c) -------------------------------------- */

/* Parses all size bytes as a decimal number (optional sign, digits, point, exponent; no spaces, no hex, no
 * nan/inf). Correctly rounded. *decimals: digits after the point, -1 when there is an exponent. */
bool fb3_parse_real(const char *text, size_t size, double *value, int *decimals);

/* Parses all size bytes as a 64-bit decimal integer without leading zeros or plus sign ("0", "-7", "12"). */
bool fb3_parse_integer(const char *text, size_t size, int64_t *value);

/* Writes a finite value with the given digits after the point, or with decimals < 0 the shortest text that
 * reads back equal. Returns the length; text holds FB3_REAL_TEXT bytes. */
#define FB3_REAL_TEXT 400
size_t fb3_print_real(char *text, double value, int decimals);

#endif
