/* The n-th thread cannot be started, for every n: a status, no thread and no memory left behind. */
#include "../unit/counted.h"
#include "../unit/test_main.h"
#include "calls.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <time.h>

enum { THREADS = 9 };

static size_t threads_now(void) {
    size_t count = 0;
    DIR *tasks = opendir("/proc/self/task");
    ck_assert_ptr_nonnull(tasks);
    while (readdir(tasks) != NULL)
        count++;
    closedir(tasks);
    return count;
}

/* A thread that was joined may be listed a moment longer. */
static void check_threads(size_t expected) {
    for (int tries = 0; threads_now() != expected && tries < 500; tries++)
        (void)nanosleep(&(struct timespec){0, 10000000}, NULL);
    ck_assert_uint_eq(threads_now(), expected);
}

START_TEST(every_thread_fails_to_start) {
    static const int errors[] = {EAGAIN, EPERM, ENOMEM};
    size_t before = threads_now();
    for (size_t e = 0; e < sizeof errors / sizeof *errors; e++)
        for (long n = 0; n < THREADS - 1; n++) {
            counted memory = {.left = -1};
            flowbd3_context *context = NULL;
            flowbd3_context_options options = counted_options(&memory, THREADS);
            flowbd3_error err = {0};
            fail_calls(1u << CALL_THREAD, n, false, FAILURE_ERROR, errors[e]);
            flowbd3_status status = flowbd3_context_create(&context, &options, &err);
            stop_failing();
            ck_assert_int_eq(calls.count, n + 1);
            ck_assert_int_eq(status, FLOWBD3_ERROR_THREAD);
            ck_assert_ptr_null(context);
            ck_assert_ptr_nonnull(strstr(err.message, "cannot start thread"));
            ck_assert_int_eq(memory.blocks, 0);
            check_threads(before);
        }
    flowbd3_context *context = NULL;
    counted memory = {.left = -1};
    flowbd3_context_options options = counted_options(&memory, THREADS);
    fail_calls(1u << CALL_THREAD, THREADS - 1, false, FAILURE_ERROR, EAGAIN);
    ck_assert_int_eq(flowbd3_context_create(&context, &options, NULL), FLOWBD3_OK);
    stop_failing();
    check_threads(before + THREADS - 1);
    flowbd3_context_destroy(&context);
    check_threads(before);
    ck_assert_int_eq(memory.blocks, 0);
}
END_TEST

START_TEST(every_allocation_of_a_context_fails) {
    flowbd3_context *context = NULL;
    long n = 0;
    for (flowbd3_status status = FLOWBD3_ERROR_MEMORY; status != FLOWBD3_OK; n++) {
        counted memory = {.left = n};
        flowbd3_context_options options = counted_options(&memory, 3);
        status = flowbd3_context_create(&context, &options, NULL);
        ck_assert(status == FLOWBD3_OK || status == FLOWBD3_ERROR_MEMORY);
        ck_assert_int_eq(status == FLOWBD3_OK, context != NULL);
        flowbd3_context_destroy(&context);
        ck_assert_int_eq(memory.blocks, 0);
    }
    ck_assert_int_gt(n, 2);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("threads");
    TCase *tests = tcase_create("threads");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, every_thread_fails_to_start);
    tcase_add_test(tests, every_allocation_of_a_context_fails);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
