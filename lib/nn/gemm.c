/* Matrix products: BLIS's micro-kernel for the processor, on panels packed here. The one place that knows
 * BLIS.
 *
 * A micro-kernel multiplies a panel of a few rows by a panel of a few columns, each laid out in the order in
 * which it is read (Van Zee & van de Geijn 2015). BLIS itself packs the panels of AVX-512 in a generic way
 * that takes a third of the time of this library's products; and its path for small matrices, which packs
 * nothing, reads past its operands in some shapes (BLIS 0.9.0, flame/blis issue 821). Nothing here does:
 * tests/unit/test_gemm.c holds it to that. */
#include "nn/nn.h"

#include <blis.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* What differs between BLIS 0.9 and 1.0, and between 1.0 and 2.0. */
#ifdef FB3_BLIS_1
#define MICROKERNEL(context) bli_cntx_get_ukr_dt(BLIS_FLOAT, BLIS_GEMM_UKR, context)
#define BY_ROWS(context)     bli_cntx_get_ukr_prefs_dt(BLIS_FLOAT, BLIS_GEMM_UKR_ROW_PREF, context)
#define MAJOR_IS_0           false
#else
#define MICROKERNEL(context) bli_cntx_get_l3_nat_ukr_dt(BLIS_FLOAT, BLIS_GEMM_UKR, context)
#define BY_ROWS(context)     bli_cntx_get_l3_nat_ukr_prefs_dt(BLIS_FLOAT, BLIS_GEMM_UKR, context)
#define MAJOR_IS_0           true
#endif
/* Kernels of an architecture. A shared BLIS before 2.0 does not show the function. */
#ifdef FB3_BLIS_2
#define CONTEXT_OF bli_gks_lookup_id
#pragma weak bli_gks_lookup_id
#else
#define CONTEXT_OF bli_gks_lookup_nat_cntx
#pragma weak bli_gks_lookup_nat_cntx
#endif

typedef void (*microkernel)(dim_t m, dim_t n, dim_t k, const void *alpha, const void *a, const void *b,
                            const void *beta, void *c, inc_t row_c, inc_t column_c, auxinfo_t *next,
                            cntx_t *context);

/* Rows of a and depth of the panels that stay in the second and in the first cache. */
enum { ROWS = 264, DEPTH = 256 };

enum { LINE = 16 }; /* floats of a line of the cache */

static arch_t architecture;
static cntx_t *context; /* NULL: the BLIS that runs is not the one compiled against */
static microkernel multiply;
static bool by_rows; /* the micro-kernel's own matrices are row-major; otherwise it computes c' = b' a' */
static size_t narrow, wide; /* rows of a panel of a, columns of a panel of b */
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* The architecture whose kernels are the fastest that may be used, among those that this BLIS has. BLIS tells
 * Intel's processors with AVX-512 by their names, and takes kernels of half the rate where it knows none. */
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
    if ((strncmp(bli_info_get_version_str(), "0.", 2) == 0) != MAJOR_IS_0)
        return;
    context = (cntx_t *)(uintptr_t)bli_gks_query_cntx();
    if (CONTEXT_OF != NULL) {
        architecture = choose_architecture();
        context = (cntx_t *)(uintptr_t)CONTEXT_OF(architecture);
    }
    multiply = (microkernel)MICROKERNEL(context);
    by_rows = BY_ROWS(context);
    size_t m = (size_t)bli_cntx_get_blksz_def_dt(BLIS_FLOAT, BLIS_MR, context);
    size_t n = (size_t)bli_cntx_get_blksz_def_dt(BLIS_FLOAT, BLIS_NR, context);
    narrow = by_rows ? m : n;
    wide = by_rows ? n : m;
}

size_t fb3_gemm_scratch(void) {
    pthread_once(&once, initialise);
    return (ROWS + narrow + wide) * DEPTH + 64;
}

/* One pair of panels: c[m, n] = a b + beta c. */
static void multiply_panels(size_t m, size_t n, size_t k, const float *a, const float *b, float beta,
                            float *c, size_t stride_c, const float *next_a) {
    static const float one = 1.0f;
    auxinfo_t next;
    memset(&next, 0, sizeof next);
    if (by_rows) {
        bli_auxinfo_set_next_ab((void *)(uintptr_t)next_a, (void *)(uintptr_t)b, &next);
        multiply((dim_t)m, (dim_t)n, (dim_t)k, &one, a, b, &beta, c, (inc_t)stride_c, 1, &next, context);
    } else {
        bli_auxinfo_set_next_ab((void *)(uintptr_t)b, (void *)(uintptr_t)next_a, &next);
        multiply((dim_t)n, (dim_t)m, (dim_t)k, &one, b, a, &beta, c, 1, (inc_t)stride_c, &next, context);
    }
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* A matrix whose element (i, j) is data[i * row + j * column]. */
typedef struct matrix {
    const float *data;
    size_t row, column;
} matrix;

static matrix part(matrix x, size_t i, size_t j) {
    return (matrix){x.data + i * x.row + j * x.column, x.row, x.column};
}

/* Asks memory for a share, index of count, of x[k, columns]. */
static void fetch(matrix x, size_t k, size_t columns, size_t index, size_t count) {
    bool by_k = x.column == 1;
    size_t pieces = by_k ? k : columns, length = by_k ? columns : k, stride = by_k ? x.row : x.column;
    for (size_t i = pieces * index / count; i < pieces * (index + 1) / count; i++)
        for (size_t j = 0; j < length; j += LINE)
            __builtin_prefetch(x.data + i * stride + j, 0, 2);
}

/* c[m, n] = a[m, k] b[k, n] + beta c for m up to ROWS and k up to DEPTH. b, which may be far away, comes
 * nearer panel by panel while the one before is multiplied. */
static void multiply_block(size_t m, size_t n, size_t k, matrix a, matrix b, float beta, float *c,
                           size_t stride_c, float *scratch) {
    const fb3_kernels *kernels = fb3_kernels_best();
    float *panels = scratch, *panel = panels + (ROWS + narrow) * DEPTH;
    size_t count = (m + narrow - 1) / narrow;
    for (size_t i = 0; i < m; i += narrow)
        kernels->pack(panels + i * k, narrow, part(a, i, 0).data, a.column, a.row, k, least(narrow, m - i));
    for (size_t j = 0; j < n; j += wide) {
        size_t columns = least(wide, n - j), next = j + columns;
        kernels->pack(panel, wide, part(b, 0, j).data, b.row, b.column, k, columns);
        for (size_t i = 0; i < m; i += narrow) {
            fetch(part(b, 0, next), k, least(wide, n - next), i / narrow, count);
            multiply_panels(least(narrow, m - i), columns, k, panels + i * k, panel, beta,
                            c + i * stride_c + j, stride_c, panels + (i + narrow < m ? i + narrow : 0) * k);
        }
    }
}

/* The parts, all about as large, that count is cut into so that none is larger than most. */
static size_t even_part(size_t count, size_t most) {
    size_t parts = (count + most - 1) / most;
    return (count + parts - 1) / parts;
}

void fb3_gemm_blis(fb3_transpose transpose_a, fb3_transpose transpose_b, size_t m, size_t n, size_t k,
                   const float *a, size_t stride_a, const float *b, size_t stride_b, float beta, float *c,
                   size_t stride_c) {
    float one = 1.0f;
    pthread_once(&once, initialise);
    bli_sgemm_ex(transpose_a == FB3_PLAIN ? BLIS_NO_TRANSPOSE : BLIS_TRANSPOSE,
                 transpose_b == FB3_PLAIN ? BLIS_NO_TRANSPOSE : BLIS_TRANSPOSE, (dim_t)m, (dim_t)n, (dim_t)k,
                 &one, (float *)(uintptr_t)a, (inc_t)stride_a, 1, (float *)(uintptr_t)b, (inc_t)stride_b, 1,
                 &beta, c, (inc_t)stride_c, 1, context, NULL);
}

void fb3_gemm(fb3_transpose transpose_a, fb3_transpose transpose_b, size_t m, size_t n, size_t k,
              const float *a, size_t stride_a, const float *b, size_t stride_b, float beta, float *c,
              size_t stride_c, float *scratch) {
    if (m == 0 || n == 0)
        return;
    pthread_once(&once, initialise);
    if (context == NULL || k == 0) {
        fb3_gemm_blis(transpose_a, transpose_b, m, n, k, a, stride_a, b, stride_b, beta, c, stride_c);
        return;
    }
    matrix left = {a, stride_a, 1}, right = {b, stride_b, 1};
    if (transpose_a == FB3_TRANSPOSED)
        left = (matrix){a, 1, stride_a};
    if (transpose_b == FB3_TRANSPOSED)
        right = (matrix){b, 1, stride_b};
    size_t depth = even_part(k, DEPTH), rows = (even_part(m, ROWS) + narrow - 1) / narrow * narrow;
    for (size_t p = 0; p < k; p += depth)
        for (size_t i = 0; i < m; i += rows)
            multiply_block(least(rows, m - i), n, least(depth, k - p), part(left, i, p), part(right, p, 0),
                           p == 0 ? beta : 1.0f, c + i * stride_c, stride_c, scratch);
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
