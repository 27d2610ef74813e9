/* What the library was built with and what it uses on this machine. */
#include "nn/nn.h"

#include <flowbd3/context.h>
#include <flowbd3/version.h>

#include <pthread.h>
#include <stdio.h>

#define TEXT_(a) #a
#define TEXT(a)  TEXT_(a)
#define VERSION  TEXT(FLOWBD3_API_MAJOR) "." TEXT(FLOWBD3_API_MINOR) "." TEXT(FLOWBD3_API_PATCH)

static char info[256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void describe(void) {
    char blis[96];
    bool generic;
    fb3_gemm_describe(blis, sizeof blis, &generic);
    snprintf(info, sizeof info, "libflowbd3 %s, %s %s, BLIS %s, kernels %s, %s XGBoost", VERSION,
#if defined(__clang__)
             "clang", __clang_version__,
#else
             "gcc", __VERSION__,
#endif
             blis, fb3_kernels_best()->name,
#ifdef FB3_XGBOOST
             "with"
#else
             "without"
#endif
    );
}

const char *flowbd3_build_info(void) {
    pthread_once(&once, describe);
    return info;
}

const char *flowbd3_version(void) {
    return VERSION;
}
