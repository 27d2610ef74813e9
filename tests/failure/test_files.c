/* Every call that reads or writes a file fails, is interrupted or falls short, for every n: a status, nothing
 * lost, and under the name the old file or the new one, whole. */
#include "../unit/counted.h"
#include "../unit/directory.h"
#include "../unit/flows.h"
#include "../unit/test_main.h"
#include "calls.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROWS = 40, MOST_CALLS = 20000 };
#define ALL_CALLS (~(1u << CALL_THREAD | 1u << CALL_ENTROPY))

static counted memory = {.left = -1};
static flowbd3_context *context;
static flowbd3_table *table;
static flowbd3_model *model;
static flowbd3_tokenizer *tokenizer;
static flowbd3_rules *rules;
static flowbd3_trainer *trainer;
static char directory[DIRECTORY_NAME], path[96];

static void setup(void) {
    static const flows_kind kind = {0, 1, FLOWBD3_COLUMNS_FIXED, true, 0.1F};
    flowbd3_trainer_options options = FLOWBD3_TRAINER_OPTIONS_INIT;
    make_directory(directory);
    (void)snprintf(path, sizeof path, "%s/file", directory);
    count_jansson(&memory);
    context = counted_context(&memory);
    flowbd3_table *all = flows_table(context);
    ck_assert_int_eq(flowbd3_table_slice(&table, all, 0, ROWS, NULL), FLOWBD3_OK);
    flowbd3_table_destroy(&all);
    model = flows_model(table, &kind);
    tokenizer = flowbd3_model_tokenizer(model);
    rules = flows_read(context, flows_rules);
    options.epochs = 2;
    ck_assert_int_eq(flowbd3_trainer_create(&trainer, model, table, NULL, &options, NULL), FLOWBD3_OK);
}

static void teardown(void) {
    flowbd3_trainer_destroy(&trainer);
    flowbd3_rules_destroy(&rules);
    flowbd3_model_destroy(&model);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
    unlink(path);
    rmdir(directory);
}

/* Before and after every test. */
static void remove_file(void) {
    (void)unlink(path);
}

/* ---- what is read and written ------------------------------------------------------------------ */

typedef flowbd3_status (*use)(const char *file, flowbd3_error *err);

static flowbd3_status save_model(const char *file, flowbd3_error *err) {
    return flowbd3_model_save(model, file, err);
}

static flowbd3_status save_trainer(const char *file, flowbd3_error *err) {
    return flowbd3_trainer_save(trainer, file, err);
}

static flowbd3_status save_tokenizer(const char *file, flowbd3_error *err) {
    return flowbd3_tokenizer_save(tokenizer, file, err);
}

static flowbd3_status save_rules(const char *file, flowbd3_error *err) {
    return flowbd3_rules_save(rules, file, err);
}

static flowbd3_status save_table(const char *file, flowbd3_error *err) {
    return flowbd3_table_write_csv(table, file, NULL, err);
}

static flowbd3_status load_model(const char *file, flowbd3_error *err) {
    flowbd3_model *loaded;
    flowbd3_status status = flowbd3_model_load(&loaded, context, file, err);
    ck_assert_int_eq(status == FLOWBD3_OK, loaded != NULL);
    flowbd3_model_destroy(&loaded);
    return status;
}

static flowbd3_status resume_trainer(const char *file, flowbd3_error *err) {
    flowbd3_trainer *other;
    flowbd3_trainer_options options = FLOWBD3_TRAINER_OPTIONS_INIT;
    options.epochs = 2;
    ck_assert_int_eq(flowbd3_trainer_create(&other, model, table, NULL, &options, NULL), FLOWBD3_OK);
    flowbd3_status status = flowbd3_trainer_resume(other, file, err);
    flowbd3_trainer_destroy(&other);
    return status;
}

static flowbd3_status load_tokenizer(const char *file, flowbd3_error *err) {
    flowbd3_tokenizer *loaded;
    flowbd3_status status = flowbd3_tokenizer_load(&loaded, context, file, err);
    ck_assert_int_eq(status == FLOWBD3_OK, loaded != NULL);
    flowbd3_tokenizer_destroy(&loaded);
    return status;
}

static flowbd3_status load_rules(const char *file, flowbd3_error *err) {
    flowbd3_rules *loaded;
    flowbd3_status status = flowbd3_rules_load(&loaded, context, file, err);
    ck_assert_int_eq(status == FLOWBD3_OK, loaded != NULL);
    flowbd3_rules_destroy(&loaded);
    return status;
}

static flowbd3_status read_table(const char *file, flowbd3_error *err) {
    flowbd3_table *loaded;
    flowbd3_status status = flowbd3_table_read_csv(&loaded, context, file, NULL, err);
    ck_assert_int_eq(status == FLOWBD3_OK, loaded != NULL);
    if (status == FLOWBD3_OK)
        ck_assert_uint_eq(flowbd3_table_rows(loaded), ROWS);
    flowbd3_table_destroy(&loaded);
    return status;
}

static const struct {
    const char *name;
    use write, read;
    long least; /* calls of writing and of reading, at least */
} uses[] = {{"model", save_model, load_model, 20},
            {"checkpoint", save_trainer, resume_trainer, 40},
            {"tokenizer", save_tokenizer, load_tokenizer, 5},
            {"rules", save_rules, load_rules, 5},
            {"table", save_table, read_table, 5}};

/* ---- what is left ------------------------------------------------------------------------------ */

static size_t entries(const char *place) {
    size_t count = 0;
    DIR *d = opendir(place);
    ck_assert_ptr_nonnull(d);
    while (readdir(d) != NULL)
        count++;
    closedir(d);
    return count - 2;
}

static void put(const char *text) {
    FILE *file = fopen(path, "wb");
    ck_assert(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

static char *contents(size_t *size) {
    FILE *file = fopen(path, "rb");
    char *data = malloc(1 << 20);
    ck_assert(file != NULL && data != NULL);
    *size = fread(data, 1, 1 << 20, file);
    ck_assert_int_eq(fclose(file), 0);
    return data;
}

static void check_contents(const char *data, size_t size, const char *what, long n) {
    size_t found;
    char *there = contents(&found);
    ck_assert_msg(found == size && memcmp(there, data, size) == 0, "%s, call %ld: another file of %zu bytes",
                  what, n, found);
    free(there);
}

/* ---- the ladders ------------------------------------------------------------------------------- */

static const struct {
    unsigned kinds;
    bool lasting;
    failure how;
    int error;
    bool harmless; /* the call has to succeed all the same */
} failures[] = {{ALL_CALLS, false, FAILURE_ERROR, EIO, false},
                {ALL_CALLS, true, FAILURE_ERROR, ENOSPC, false},
                {ALL_CALLS, false, FAILURE_ERROR, EINTR, false},
                {1u << CALL_READ | 1u << CALL_WRITE, false, FAILURE_ERROR, EINTR, true},
                {1u << CALL_READ | 1u << CALL_WRITE, false, FAILURE_SHORT, 0, true},
                {1u << CALL_READ | 1u << CALL_WRITE, true, FAILURE_SHORT, 0, true}};
enum { FAILURES = sizeof failures / sizeof *failures, USES = sizeof uses / sizeof *uses };

/* The number of the call that fails next: every one with FLOWBD3_EVERY, otherwise fewer and fewer. */
static long next_call(long n) {
    return getenv("FLOWBD3_EVERY") != NULL ? n + 1 : n + 1 + n / 6;
}

static flowbd3_status fail_one(use call, size_t f, long n, const char *what) {
    size_t descriptors = entries("/proc/self/fd"), bytes = memory.bytes;
    flowbd3_error err = {0};
    fail_calls(failures[f].kinds, n, failures[f].lasting, failures[f].how, failures[f].error);
    flowbd3_status status = call(path, &err);
    stop_failing();
    ck_assert_msg(status == FLOWBD3_OK || (status == FLOWBD3_ERROR_IO && !failures[f].harmless),
                  "%s, failure %zu, call %ld: %s: %s", what, f, n, flowbd3_status_name(status), err.message);
    ck_assert_msg(entries("/proc/self/fd") == descriptors, "%s, call %ld: descriptors", what, n);
    ck_assert_msg(memory.bytes == bytes, "%s, call %ld: memory", what, n);
    return status;
}

START_TEST(writing) {
    size_t u = (size_t)_i / FAILURES, f = (size_t)_i % FAILURES, size;
    const char *what = uses[u].name, *old = "an old file\n";
    ck_assert_int_eq(uses[u].write(path, NULL), FLOWBD3_OK);
    char *whole = contents(&size);
    long failed = 0;
    for (long n = 0;; n = next_call(n)) {
        ck_assert_int_lt(n, MOST_CALLS);
        put(old);
        flowbd3_status status = fail_one(uses[u].write, f, n, what);
        failed += status != FLOWBD3_OK;
        check_contents(status == FLOWBD3_OK ? whole : old, status == FLOWBD3_OK ? size : strlen(old), what,
                       n);
        ck_assert_msg(entries(directory) == 1, "%s, call %ld: a file is left over", what, n);
        if (calls.count <= n)
            break;
    }
    ck_assert_msg(failures[f].kinds != ALL_CALLS || (calls.count > uses[u].least && failed > 0),
                  "%s: %ld calls", what, calls.count);
    free(whole);
}
END_TEST

START_TEST(reading) {
    size_t u = (size_t)_i / FAILURES, f = (size_t)_i % FAILURES;
    const char *what = uses[u].name;
    ck_assert_int_eq(uses[u].write(path, NULL), FLOWBD3_OK);
    long n = 0, failed = 0;
    for (;; n = next_call(n)) {
        ck_assert_int_lt(n, MOST_CALLS);
        failed += fail_one(uses[u].read, f, n, what) != FLOWBD3_OK;
        if (calls.count <= n)
            break;
    }
    ck_assert_int_gt(n, 0);
    ck_assert_msg(failures[f].harmless == (failed == 0), "%s: %ld of %ld calls failed", what, failed, n);
}
END_TEST

/* ---- a disk that is full ----------------------------------------------------------------------- */

/* Everything that is written fails with IO and the reason, and leaves the old file and nothing else. */
static void refuse_writing(const char *reason) {
    for (size_t u = 0; u < USES; u++) {
        size_t descriptors = entries("/proc/self/fd"), size = memory.bytes;
        flowbd3_error err = {0};
        flowbd3_status status = uses[u].write(path, &err);
        ck_assert_msg(status == FLOWBD3_ERROR_IO && strstr(err.message, reason) != NULL, "%s: %s: %s",
                      uses[u].name, flowbd3_status_name(status), err.message);
        check_contents("an old file\n", 12, uses[u].name, 0);
        ck_assert_uint_eq(entries("/proc/self/fd"), descriptors);
        ck_assert_uint_eq(memory.bytes, size);
    }
}

/* Fills the file system of directory. */
static void fill(const char *filler) {
    static const char block[4096] = {1};
    FILE *file = fopen(filler, "wb");
    ck_assert_ptr_nonnull(file);
    setbuf(file, NULL);
    while (fwrite(block, 1, sizeof block, file) == sizeof block) {
    }
    (void)fclose(file);
}

/* Names beside a file that is written are drawn without entropy too, and others than one that was left there.
 */
START_TEST(no_entropy) {
    fail_calls(1u << CALL_ENTROPY, 0, true, FAILURE_ERROR, ENOSYS);
    for (size_t u = 0; u < USES; u++)
        ck_assert_int_eq(uses[u].write(path, NULL), FLOWBD3_OK);
    ck_assert_int_gt(calls.count, 0);
    stop_failing();
    for (size_t u = 0; u < 2; u++) { /* the first name is taken */
        fail_calls(1u << CALL_CREATE, 0, false, FAILURE_ERROR, EEXIST);
        ck_assert_int_eq(uses[u].write(path, NULL), FLOWBD3_OK);
        ck_assert_int_eq(calls.count, 2);
        stop_failing();
    }
}
END_TEST

/* Training that finds no place for its checkpoint says so, and goes on when there is some to the same bits.
 */
static void train_through_a_full_disk(const char *filler) {
    float *weights[2];
    for (int full = 0; full < 2; full++) {
        static const flows_kind kind = {0, 1, FLOWBD3_COLUMNS_FIXED, true, 0.1F};
        flowbd3_model *trained = flows_model(table, &kind);
        flowbd3_trainer *t = NULL;
        flowbd3_trainer_options options = FLOWBD3_TRAINER_OPTIONS_INIT;
        options.epochs = 4;
        options.batch_size = 8;
        options.best_path = path;
        ck_assert_int_eq(flowbd3_trainer_create(&t, trained, table, NULL, &options, NULL), FLOWBD3_OK);
        if (full) {
            put("an old file\n");
            fill(filler);
            ck_assert_int_eq(flowbd3_trainer_run(t, NULL, NULL, NULL), FLOWBD3_ERROR_IO);
            check_contents("an old file\n", 12, "training", 0);
            ck_assert_int_eq(unlink(filler), 0);
        }
        ck_assert_int_eq(flowbd3_trainer_run(t, NULL, NULL, NULL), FLOWBD3_OK);
        ck_assert_int_eq(load_model(path, NULL), FLOWBD3_OK);
        size_t size = trained->layout->size * sizeof(float);
        weights[full] = malloc(size);
        memcpy(weights[full], trained->parameters, size);
        if (full)
            ck_assert_mem_eq(weights[0], weights[1], size);
        flowbd3_trainer_destroy(&t);
        flowbd3_model_destroy(&trained);
    }
    free(weights[0]);
    free(weights[1]);
}

START_TEST(a_full_disk) {
    char filler[96];
    (void)snprintf(filler, sizeof filler, "%s/filler", directory);
    /* In a name space of its own, which ends with this process. */
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", directory, "tmpfs", 0, "size=1m") != 0) {
        (void)fprintf(stderr, "# a full disk: left out, no tmpfs can be mounted here: %s\n", strerror(errno));
        return;
    }
    put("an old file\n");
    fill(filler);
    refuse_writing("No space left on device");
    ck_assert_uint_eq(entries(directory), 2);
    ck_assert_int_eq(unlink(filler), 0);
    train_through_a_full_disk(filler);
    ck_assert_int_eq(umount2(directory, MNT_DETACH), 0);
}
END_TEST

START_TEST(files_that_may_not_grow) {
    struct rlimit before, small;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 100;
    put("an old file\n");
    (void)signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    refuse_writing("File too large");
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, SIG_DFL);
    ck_assert_uint_eq(entries(directory), 1);
}
END_TEST

START_TEST(descriptors_that_have_run_out) {
    struct rlimit before, small;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    int next = open("/dev/null", O_RDONLY);
    (void)close(next);
    small = before;
    small.rlim_cur = (rlim_t)next;
    put("an old file\n");
    for (size_t u = 0; u < USES; u++) {
        flowbd3_error err = {0};
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &small), 0);
        flowbd3_status written = uses[u].write(path, NULL), status = uses[u].read(path, &err);
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
        ck_assert_int_eq(written, FLOWBD3_ERROR_IO);
        ck_assert_msg(status == FLOWBD3_ERROR_IO && strstr(err.message, strerror(EMFILE)) != NULL, "%s: %s",
                      uses[u].name, err.message);
    }
    check_contents("an old file\n", 12, "descriptors", 0);
}
END_TEST

/* ---- what is no file --------------------------------------------------------------------------- */

static void refuse_all(bool is_read, bool is_written) {
    for (size_t u = 0; u < USES; u++) {
        flowbd3_error err = {0};
        flowbd3_status status = is_read ? uses[u].read(path, &err) : FLOWBD3_ERROR_IO;
        ck_assert_msg(status == FLOWBD3_ERROR_IO, "read %s: %s: %s", uses[u].name,
                      flowbd3_status_name(status), err.message);
        status = is_written ? uses[u].write(path, &err) : FLOWBD3_ERROR_IO;
        ck_assert_msg(status == FLOWBD3_ERROR_IO, "write %s: %s: %s", uses[u].name,
                      flowbd3_status_name(status), err.message);
    }
}

START_TEST(what_cannot_be_read) {
    refuse_all(true, false); /* nothing there */
    ck_assert_int_eq(mkdir(path, 0700), 0);
    refuse_all(true, true);
    ck_assert_int_eq(rmdir(path), 0);
    ck_assert_int_eq(symlink("nowhere/at/all", path), 0);
    refuse_all(true, false);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(symlink("file", path), 0); /* to itself */
    refuse_all(true, false);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_uint_eq(entries(directory), 0);
    put("an old file\n");
    strcat(path, "/below");
    refuse_all(true, true);
    path[strlen(path) - strlen("/below")] = '\0';
    check_contents("an old file\n", 12, "below a file", 0);
    ck_assert_int_eq(chmod(path, 0), 0);
    ck_assert_int_eq(chmod(directory, 0500), 0);
    if (geteuid() == 0)
        ck_assert_int_eq(seteuid(65534), 0);
    refuse_all(true, true);
    if (getuid() == 0)
        ck_assert_int_eq(seteuid(0), 0);
    ck_assert_int_eq(chmod(directory, 0700), 0);
}
END_TEST

START_TEST(a_device_that_is_full) {
    strcpy(path, "/dev/full");
    refuse_all(false, true);
    (void)snprintf(path, sizeof path, "%s/file", directory);
}
END_TEST

/* Nobody is at the other end. _i: 0 for models, 1 for tables. */
START_TEST(a_pipe_without_another_end) {
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    size_t descriptors = entries("/proc/self/fd");
    flowbd3_error err = {0};
    size_t u = _i == 0 ? 0 : USES - 1;
    flowbd3_status status = uses[u].read(path, &err);
    ck_assert_msg(status == FLOWBD3_ERROR_IO, "%s: %s", uses[u].name, err.message);
    status = uses[u].write(path, &err);
    ck_assert_msg(status == FLOWBD3_ERROR_IO, "%s: %s", uses[u].name, err.message);
    ck_assert_uint_eq(entries("/proc/self/fd"), descriptors);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("files");
    TCase *tests = tcase_create("files");
    tcase_add_unchecked_fixture(tests, setup, teardown);
    tcase_add_checked_fixture(tests, remove_file, remove_file);
    tcase_set_timeout(tests, 300);
    tcase_add_loop_test(tests, writing, 0, USES * FAILURES);
    tcase_add_loop_test(tests, reading, 0, USES * FAILURES);
    tcase_add_test(tests, no_entropy);
    tcase_add_test(tests, a_full_disk);
    tcase_add_test(tests, files_that_may_not_grow);
    tcase_add_test(tests, descriptors_that_have_run_out);
    tcase_add_test(tests, what_cannot_be_read);
    tcase_add_test(tests, a_device_that_is_full);
    tcase_add_loop_test(tests, a_pipe_without_another_end, 0, 2);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
