/* What fuzz targets share: checks, and input bytes taken one value after the other. */
#ifndef FUZZ_H
#define FUZZ_H

#include <flowbd3/flowbd3.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the process when something does not hold, and says what. */
#define check(holds) fuzz_check(holds, #holds, __LINE__)

static inline void fuzz_check(bool holds, const char *what, int line) {
    if (holds)
        return;
    (void)fprintf(stderr, "line %d: %s does not hold\n", line, what);
    abort();
}

static inline void check_error(flowbd3_status status, const flowbd3_error *err) {
    check(err->status == status && err->message[0] != '\0' && err->row >= 0 && err->column >= 0);
}

typedef struct fuzz_input {
    const uint8_t *at, *end;
} fuzz_input;

/* The next byte, below a bound; 0 at the end. */
static inline unsigned fuzz_byte(fuzz_input *in) {
    return in->at < in->end ? *in->at++ : 0;
}

static inline unsigned fuzz_below(fuzz_input *in, unsigned bound) {
    return fuzz_byte(in) % bound;
}

/* One in eight times. */
static inline bool fuzz_seldom(fuzz_input *in) {
    return (fuzz_byte(in) & 7) == 7;
}

/* Eight bytes, little-endian; zeros past the end. */
static inline int64_t fuzz_word(fuzz_input *in) {
    uint64_t word = 0;
    for (unsigned i = 0; i < 8; i++)
        word |= (uint64_t)fuzz_byte(in) << 8 * i;
    return (int64_t)word;
}

static inline void *fuzz_memory(size_t size) {
    void *memory = malloc(size + (size == 0));
    check(memory != NULL);
    return memory;
}

/* The bytes up to one that is `until`, or to the end, as a text; to be freed. */
static inline char *fuzz_text(fuzz_input *in, char until) {
    const uint8_t *begin = in->at;
    while (in->at < in->end && *in->at != (uint8_t)until && *in->at != 0)
        in->at++;
    size_t size = (size_t)(in->at - begin);
    char *text = fuzz_memory(size + 1);
    if (size > 0)
        memcpy(text, begin, size);
    text[size] = '\0';
    in->at += in->at < in->end;
    return text;
}

static inline flowbd3_context *fuzz_context(void) {
    flowbd3_context_options single = FLOWBD3_CONTEXT_OPTIONS_INIT;
    flowbd3_context *context;
    single.threads = 1;
    check(flowbd3_context_create(&context, &single, NULL) == FLOWBD3_OK);
    return context;
}

#endif
