/* The one place that knows BLIS.
 *
 * Every call runs on one thread. BLIS's path for small matrices, which packs nothing, is taken where it is
 * both safe and faster: never for C = A B', where it reads past the end of A in some shapes (BLIS 0.9.0,
 * flame/blis issue 821); only for whole vectors of columns, since others make it reach past A and C too; and
 * not for a B that does not stay in the cache. tests/unit/test_gemm.c holds it to that. */
#include "nn/nn.h"

#include <blis.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* rntm_t has another layout in BLIS 0.x than later, under one soname. */
#ifdef FB3_BLIS_RNTM_HAS_THREAD_IMPL
#define COMPILED_LAYOUT 1
#else
#define COMPILED_LAYOUT 0
#endif

/* Floats of B up to which the small-matrix path is the faster one, and columns of a whole vector. */
enum { SMALL = 200000, VECTOR = 16 };

static rntm_t packing, small_matrices;
static bool layouts_agree;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void initialise(void) {
    bli_init();
    const char *version = bli_info_get_version_str();
    layouts_agree = (strncmp(version, "0.", 2) != 0) == COMPILED_LAYOUT;
    if (!layouts_agree)
        return;
    rntm_t rntm = BLIS_RNTM_INITIALIZER;
    bli_rntm_set_num_threads(1, &rntm);
    small_matrices = rntm;
    bli_rntm_disable_l3_sup(&rntm);
    packing = rntm;
}

void fb3_gemm(fb3_transpose transpose_a, fb3_transpose transpose_b, size_t m, size_t n, size_t k,
              const float *a, size_t stride_a, const float *b, size_t stride_b, float beta, float *c,
              size_t stride_c) {
    if (m == 0 || n == 0)
        return;
    pthread_once(&once, initialise);
    bool small = transpose_b == FB3_PLAIN && n % VECTOR == 0 && n * k <= SMALL;
    rntm_t rntm = small ? small_matrices : packing; /* a copy: BLIS writes into it */
    float one = 1.0f;
    bli_sgemm_ex(transpose_a == FB3_PLAIN ? BLIS_NO_TRANSPOSE : BLIS_TRANSPOSE,
                 transpose_b == FB3_PLAIN ? BLIS_NO_TRANSPOSE : BLIS_TRANSPOSE, (dim_t)m, (dim_t)n, (dim_t)k,
                 &one, (float *)(uintptr_t)a, (inc_t)stride_a, 1, (float *)(uintptr_t)b, (inc_t)stride_b, 1,
                 &beta, c, (inc_t)stride_c, 1, NULL, layouts_agree ? &rntm : NULL);
}

void fb3_gemm_describe(char *text, size_t size, bool *generic) {
    pthread_once(&once, initialise);
    arch_t architecture = bli_arch_query_id();
    *generic = architecture == BLIS_ARCH_GENERIC;
    snprintf(text, size, "%s (%s)", bli_info_get_version_str(), bli_arch_string(architecture));
}

size_t fb3_stride(size_t width) {
    size_t stride = (width + 15) / 16 * 16;
    return stride % 256 == 0 ? stride + 16 : stride;
}
