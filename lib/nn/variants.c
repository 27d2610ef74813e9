/* The choice among the vector variants of the kernels, and what attention needs of scratch. */
#include "nn/attention.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

extern const fb3_kernels fb3_kernels_portable;
#ifdef FB3_HAVE_X86_VARIANTS
extern const fb3_kernels fb3_kernels_avx2;
extern const fb3_kernels fb3_kernels_avx512;
#endif

static const fb3_kernels *all[4];
static fb3_instructions best;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static fb3_instructions of_processor(void) {
#ifdef FB3_HAVE_X86_VARIANTS
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                       __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw")
                   ? FB3_AVX512
                   : FB3_AVX2;
#endif
    return FB3_PORTABLE;
}

static void choose(void) {
    static const fb3_kernels *const variants[] = {&fb3_kernels_portable,
#ifdef FB3_HAVE_X86_VARIANTS
                                                  &fb3_kernels_avx2, &fb3_kernels_avx512
#endif
    };
    const char *wanted = getenv("FLOWBD3_KERNELS");
    fb3_instructions most = of_processor();
    for (best = FB3_PORTABLE; best < most; best++)
        if (wanted != NULL && strcmp(wanted, variants[best]->name) == 0)
            break;
    memcpy(all, variants, ((size_t)best + 1) * sizeof *all);
}

fb3_instructions fb3_instructions_best(void) {
    pthread_once(&once, choose);
    return best;
}

const fb3_kernels *fb3_kernels_best(void) {
    return all[fb3_instructions_best()];
}

const fb3_kernels *const *fb3_kernels_all(void) {
    pthread_once(&once, choose);
    return all;
}

static size_t tile_floats(size_t rows) {
    return (rows + FB3_TILE_QUERIES - 1) / FB3_TILE_QUERIES * sizeof(fb3_query_tile) / sizeof(float);
}

size_t fb3_attention_forward_scratch(const fb3_attention *shape, size_t rows) {
    return FB3_TILES * FB3_TILE_QUERIES * shape->head_width + tile_floats(rows);
}

size_t fb3_attention_backward_scratch(const fb3_attention *shape, size_t rows) {
    return (2 * FB3_TILE_QUERIES + 2 * FB3_TILE_KEYS + rows) * shape->head_width + rows + tile_floats(rows);
}
