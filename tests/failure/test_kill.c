/* A trainer that is killed at any moment leaves a whole checkpoint, or none before the first, and what goes
 * on from there ends with the same bits as one that nobody killed. FLOWBD3_KILLS: how many moments, of either
 * kind. */
#include "../unit/directory.h"
#include "../unit/test_main.h"
#include "base/base.h"

#include <flowbd3/flowbd3.h>

#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* WRITES: among so many calls a run is killed, enough for several checkpoints. */
enum { SHORT = 10, WRITES = 3000 };

static flowbd3_context *context;
static char whole[DIRECTORY_NAME], broken[DIRECTORY_NAME];
static double whole_seconds;

static void empty(const char *directory) {
    DIR *d = opendir(directory);
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        char path[512];
        (void)snprintf(path, sizeof path, "%s/%s", directory, e->d_name);
        (void)unlink(path);
    }
    if (d != NULL)
        closedir(d);
}

static pid_t start(const char *directory, const char *threads, const char *calls) {
    char table[512];
    (void)snprintf(table, sizeof table, "%s/data/flows.csv", getenv("FLOWBD3_TEST_DATA"));
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        execl(getenv("FLOWBD3_TRAIN_ON"), "train_on", table, directory, threads, calls, (char *)NULL);
        _exit(127);
    }
    return child;
}

/* Whether it was killed; otherwise it must have ended well. */
static bool was_killed(pid_t child) {
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) ||
                      (WIFEXITED(status) && WEXITSTATUS(status) == 0),
                  "status %x", (unsigned)status);
    return WIFSIGNALED(status);
}

static void setup(void) {
    ck_assert_int_eq(flowbd3_context_create(&context, NULL, NULL), FLOWBD3_OK);
    make_directory(whole);
    make_directory(broken);
    whole_seconds = INFINITY;
    for (int i = 0; i < 3; i++) {
        empty(whole);
        double started = fb3_seconds();
        ck_assert(!was_killed(start(whole, "2", NULL)));
        whole_seconds = fmin(whole_seconds, fb3_seconds() - started);
    }
}

static void teardown(void) {
    empty(whole);
    empty(broken);
    (void)rmdir(whole);
    (void)rmdir(broken);
    flowbd3_context_destroy(&context);
}

/* The file can be loaded if it is there. */
static bool is_there_and_whole(const char *name) {
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", broken, name);
    if (access(path, F_OK) != 0)
        return false;
    flowbd3_model *model = NULL;
    flowbd3_error err = {0};
    ck_assert_msg(flowbd3_model_load(&model, context, path, &err) == FLOWBD3_OK, "%s", err.message);
    flowbd3_model_destroy(&model);
    return true;
}

static void check_same(const char *name) {
    char paths[2][512], *data[2];
    size_t sizes[2];
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(paths[i], sizeof paths[i], "%s/%s", i == 0 ? whole : broken, name);
        ck_assert_int_eq(fb3_file_read(&data[i], &sizes[i], context, paths[i], NULL), FLOWBD3_OK);
    }
    ck_assert_msg(sizes[0] == sizes[1] && memcmp(data[0], data[1], sizes[0]) == 0, "%s differs", name);
    fb3_release(context, data[0]);
    fb3_release(context, data[1]);
}

static long kills(void) {
    const char *text = getenv("FLOWBD3_KILLS");
    return text != NULL ? atol(text) : SHORT;
}

static void sleep_for(double seconds) {
    struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    (void)nanosleep(&t, NULL);
}

/* Kills, moment by moment, one run after the other until each is through. _i: 0 from without at any time, 1
 * from within a call that writes. */
START_TEST(killed_at_any_moment) {
    long killed = 0, with_checkpoint = 0, finished = 0;
    for (uint64_t n = 0; killed < kills() || finished == 0; n++) {
        double u = fb3_uniform(11, FB3_RANDOM_SHUFFLE, n, (uint32_t)_i);
        const char *threads = n % 2 == 0 ? "1" : "2";
        char calls[32];
        (void)snprintf(calls, sizeof calls, "%d", (int)(u * WRITES));
        pid_t child = start(broken, threads, _i == 1 && killed < kills() ? calls : NULL);
        if (_i == 0 && killed < kills()) {
            sleep_for(u * whole_seconds);
            (void)kill(child, SIGKILL);
        }
        if (was_killed(child)) {
            killed++;
            with_checkpoint += is_there_and_whole("latest");
            (void)is_there_and_whole("best");
            continue;
        }
        check_same("final");
        check_same("best");
        ck_assert(is_there_and_whole("latest"));
        empty(broken);
        finished++;
    }
    ck_assert_int_gt(with_checkpoint, 0);
    (void)fprintf(stderr, "# %s: killed %ld times, a checkpoint after %ld of them; %ld runs ended\n",
                  _i == 0 ? "at random" : "while writing", killed, with_checkpoint, finished);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("kill");
    TCase *tests = tcase_create("kill");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 900);
    tcase_add_loop_test(tests, killed_at_any_moment, 0, 2);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
