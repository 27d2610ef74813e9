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

/* BLIS tells Intel's processors with AVX-512 by their names and takes kernels of half the rate where it does
 * not know one. A BLIS that is part of this library can be asked for the kernels of an architecture; a shared
 * one does not show the function, and its own choice stands. */
#if COMPILED_LAYOUT
#define lookup bli_gks_lookup_cntx
#pragma weak bli_gks_lookup_cntx
#else
#define lookup bli_gks_lookup_nat_cntx
#pragma weak bli_gks_lookup_nat_cntx
#endif

static rntm_t packing, small_matrices;
static bool layouts_agree;
static arch_t architecture;
static const cntx_t *kernels; /* NULL: BLIS's own choice */
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* The architecture whose kernels are the fastest that may be used, among those that this BLIS has. */
static arch_t choose_architecture(void) {
    arch_t own = bli_arch_query_id();
#ifdef FB3_HAVE_X86_VARIANTS
    fb3_instructions set = fb3_instructions_best();
    __builtin_cpu_init();
#ifdef BLIS_CONFIG_SKX
    if (set == FB3_AVX512 && __builtin_cpu_is("intel"))
        return BLIS_ARCH_SKX;
#endif
#ifdef BLIS_CONFIG_HASWELL
    if (set != FB3_PORTABLE && (own == BLIS_ARCH_GENERIC || own == BLIS_ARCH_SKX))
        return BLIS_ARCH_HASWELL;
#endif
#ifdef BLIS_CONFIG_GENERIC
    if (set == FB3_PORTABLE)
        return BLIS_ARCH_GENERIC;
#endif
#endif
    return own;
}

static void initialise(void) {
    bli_init();
    architecture = bli_arch_query_id();
    if (lookup != NULL) {
        architecture = choose_architecture();
        kernels = lookup(architecture);
    }
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
                 &beta, c, (inc_t)stride_c, 1, (cntx_t *)(uintptr_t)kernels, layouts_agree ? &rntm : NULL);
}

void fb3_gemm_describe(char *text, size_t size, bool *generic) {
    pthread_once(&once, initialise);
    *generic = architecture == BLIS_ARCH_GENERIC;
    snprintf(text, size, "%s (%s)", bli_info_get_version_str(), bli_arch_string(architecture));
}

size_t fb3_stride(size_t width) {
    size_t stride = (width + 15) / 16 * 16;
    return stride % 256 == 0 ? stride + 16 : stride;
}
