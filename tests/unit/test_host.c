/* What belongs to the calling program is after every kind of call as it was before: thread counts of OpenMP
 * and BLIS, floating-point controls, locale, signals, the name of the thread. */
#include "test_main.h"
#include "toy.h"

#include <blis.h>
#include <dlfcn.h>
#include <fenv.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct settings {
    long blis_threads;
    int openmp_threads, openmp_dynamic, rounding;
    unsigned controls; /* of vectors: rounding, flush to zero, denormals are zero, exceptions that trap */
    locale_t locale;
    char locale_name[64], thread_name[17], directory[PATH_MAX];
    sigset_t mask;
    void (*handlers[NSIG])(int);
    int flags[NSIG];
    mode_t creation;
} settings;

/* OpenMP's runtime is there with XGBoost or BLIS, or not at all. */
static int ask_openmp(const char *name, int otherwise) {
    int (*function)(void);
    void *found = dlsym(RTLD_DEFAULT, name);
    if (found == NULL)
        return otherwise;
    memcpy(&function, &found, sizeof function);
    return function();
}

static void tell_openmp(const char *name, int value) {
    void (*function)(int);
    void *found = dlsym(RTLD_DEFAULT, name);
    if (found == NULL)
        return;
    memcpy(&function, &found, sizeof function);
    function(value);
}

static unsigned vector_controls(void) {
#if defined(__x86_64__)
    return __builtin_ia32_stmxcsr() & ~0x3fU; /* without the flags of what has happened */
#else
    return 0;
#endif
}

static void look(settings *s) {
    memset(s, 0, sizeof *s);
    s->blis_threads = (long)bli_thread_get_num_threads();
    s->openmp_threads = ask_openmp("omp_get_max_threads", 0);
    s->openmp_dynamic = ask_openmp("omp_get_dynamic", 0);
    s->rounding = fegetround();
    s->controls = vector_controls();
    s->locale = uselocale((locale_t)0);
    (void)snprintf(s->locale_name, sizeof s->locale_name, "%s", setlocale(LC_ALL, NULL));
    ck_assert_int_eq(prctl(PR_GET_NAME, s->thread_name), 0);
    ck_assert_ptr_nonnull(getcwd(s->directory, sizeof s->directory));
    ck_assert_int_eq(sigprocmask(SIG_SETMASK, NULL, &s->mask), 0);
    for (int i = 1; i < NSIG; i++) {
        struct sigaction action;
        if (sigaction(i, NULL, &action) == 0) {
            s->handlers[i] = action.sa_handler;
            s->flags[i] = action.sa_flags;
        }
    }
    s->creation = umask(0);
    (void)umask(s->creation);
}

static settings before;

static void expect_unchanged(const char *call) {
    settings now;
    look(&now);
    ck_assert_msg(now.blis_threads == before.blis_threads, "%s: threads of BLIS", call);
    ck_assert_msg(now.openmp_threads == before.openmp_threads, "%s: threads of OpenMP", call);
    ck_assert_msg(now.openmp_dynamic == before.openmp_dynamic, "%s: OpenMP's dynamic", call);
    ck_assert_msg(now.rounding == before.rounding, "%s: rounding", call);
    ck_assert_msg(now.controls == before.controls, "%s: controls %x", call, now.controls);
    ck_assert_msg(now.locale == before.locale, "%s: locale of the thread", call);
    ck_assert_msg(strcmp(now.locale_name, before.locale_name) == 0, "%s: locale", call);
    ck_assert_msg(strcmp(now.thread_name, before.thread_name) == 0, "%s: thread name", call);
    ck_assert_msg(strcmp(now.directory, before.directory) == 0, "%s: directory", call);
    ck_assert_msg(memcmp(&now.mask, &before.mask, sizeof now.mask) == 0, "%s: signal mask", call);
    ck_assert_msg(memcmp(now.handlers, before.handlers, sizeof now.handlers) == 0 &&
                      memcmp(now.flags, before.flags, sizeof now.flags) == 0,
                  "%s: signal handlers", call);
    ck_assert_msg(now.creation == before.creation, "%s: umask", call);
}

static void on_signal(int number) {
    (void)number;
}

/* A host that has set all of it, with rounding of its own where asked to. */
static void settle(int rounding) {
    sigset_t mask;
    bli_thread_set_num_threads(3);
    (void)dlopen("libgomp.so.1", RTLD_NOW | RTLD_GLOBAL);
    tell_openmp("omp_set_num_threads", 5);
    tell_openmp("omp_set_dynamic", 1);
    (void)setlocale(LC_ALL, "C.UTF-8");
    (void)uselocale(newlocale(LC_NUMERIC_MASK, "C", (locale_t)0));
    ck_assert_int_eq(prctl(PR_SET_NAME, "host"), 0);
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    sigaddset(&mask, SIGFPE);
    ck_assert_int_eq(sigprocmask(SIG_BLOCK, &mask, NULL), 0);
    (void)signal(SIGUSR2, on_signal);
    (void)signal(SIGPIPE, on_signal);
    (void)umask(027);
    ck_assert_int_eq(fesetround(rounding), 0);
#if defined(__x86_64__)
    __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040U); /* flush to zero, denormals are zero */
#endif
    look(&before);
}

#define CALL(function, ...)                                                                      \
    do {                                                                                         \
        flowbd3_error err = {0};                                                                 \
        ck_assert_msg(function(__VA_ARGS__, &err) == FLOWBD3_OK, #function ": %s", err.message); \
        expect_unchanged(#function);                                                             \
    } while (0)

static int goes_on(void *user, const flowbd3_progress *progress) {
    (void)user;
    (void)progress;
    expect_unchanged("progress");
    return 0;
}

static void call_everything(void) {
    char directory[] = "/tmp/flowbd3-host-XXXXXX", path[PATH_MAX];
    flowbd3_context *context = toy_context(3);
    expect_unchanged("flowbd3_context_create");
    flowbd3_table *table = toy_table(context, TOY_SEED), *few = NULL, *rows = NULL, *back = NULL;
    flowbd3_model *model = toy_model(table);
    flowbd3_trainer *trainer = NULL;
    flowbd3_sampler *sampler = NULL;
    flowbd3_evaluator *evaluator = NULL;
    flowbd3_calibration *calibration = NULL;
    flowbd3_rules *rules = NULL;
    double nll[100];
    ck_assert_ptr_nonnull(mkdtemp(directory));
    (void)snprintf(path, sizeof path, "%s/file", directory);
    expect_unchanged("flowbd3_model_create");
    CALL(flowbd3_table_slice, &few, table, 0, 100);
    CALL(flowbd3_table_write_csv, few, path, NULL);
    CALL(flowbd3_table_read_csv, &back, context, path, NULL);
    flowbd3_trainer_options options = toy_options();
    options.epochs = 1;
    CALL(flowbd3_trainer_create, &trainer, model, few, few, &options);
    CALL(flowbd3_trainer_run, trainer, goes_on, NULL);
    CALL(flowbd3_model_save, model, path);
    flowbd3_trainer_destroy(&trainer);
    flowbd3_model_destroy(&model);
    CALL(flowbd3_model_load, &model, context, path);
    CALL(flowbd3_sampler_create, &sampler, model, NULL);
    CALL(flowbd3_sampler_generate, sampler, 200, &rows, goes_on, NULL);
    CALL(flowbd3_model_score, model, few, NULL, nll, NULL);
    CALL(flowbd3_calibration_create, &calibration, model, few, NULL);
    CALL(flowbd3_rules_search, &rules, few, NULL, NULL);
    CALL(flowbd3_evaluator_create, &evaluator, context, few, NULL, NULL);
    CALL(flowbd3_evaluator_run, evaluator, rows, goes_on, NULL);
    flowbd3_rules_destroy(&rules);
    flowbd3_calibration_destroy(&calibration);
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_sampler_destroy(&sampler);
    flowbd3_model_destroy(&model);
    flowbd3_table_destroy(&back);
    flowbd3_table_destroy(&rows);
    flowbd3_table_destroy(&few);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
    expect_unchanged("flowbd3_context_destroy");
    ck_assert_ptr_nonnull(flowbd3_build_info());
    expect_unchanged("flowbd3_build_info");
    (void)unlink(path);
    ck_assert_int_eq(rmdir(directory), 0);
}

static const int roundings[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};

START_TEST(a_host_keeps_its_settings) {
    settle(roundings[_i]);
    call_everything();
}
END_TEST

int main(void) {
    Suite *suite = suite_create("host");
    TCase *tests = tcase_create("host");
    tcase_add_loop_test(tests, a_host_keeps_its_settings, 0, FB3_COUNT(roundings));
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
