/* Runs one suite and prints TAP, read by `meson test`. Include after the tests; call from main. */
#ifndef TEST_MAIN_H
#define TEST_MAIN_H

#include <check.h>
#include <stdlib.h>

/* Whether a sanitizer slows everything down: what is learned, and every other combination, is then left to
 * the other builds. That for threads has nothing to say about tests of one thread. */
#if defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1, THREADS_SANITIZED = 1 };
#elif defined(__SANITIZE_ADDRESS__)
enum { SANITIZED = 1, THREADS_SANITIZED = 0 };
#else
enum { SANITIZED = 0, THREADS_SANITIZED = 0 };
#endif

static int run_suite(Suite *suite) {
    SRunner *runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
