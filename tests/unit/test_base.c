/* The base room: statuses, numbers as text, random numbers, files, thread pool. */
#include "base/base.h"
#include "directory.h"
#include "test_main.h"

#include <fcntl.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

START_TEST(status_names_and_texts) {
    ck_assert_str_eq(flowbd3_status_name(FLOWBD3_OK), "FLOWBD3_OK");
    ck_assert_str_eq(flowbd3_status_name(FLOWBD3_ERROR_IO), "FLOWBD3_ERROR_IO");
#define EACH(name, value, text)                                                       \
    ck_assert_str_eq(flowbd3_status_name((flowbd3_status)(value)), "FLOWBD3_" #name); \
    ck_assert_str_eq(flowbd3_status_text((flowbd3_status)(value)), text);
    FLOWBD3_STATUS_LIST(EACH)
#undef EACH
    ck_assert_str_eq(flowbd3_status_text(FLOWBD3_CANCELLED), "cancelled");
    ck_assert_str_eq(flowbd3_status_name((flowbd3_status)-77), "FLOWBD3_UNKNOWN");
}
END_TEST

START_TEST(options_of_other_sizes) {
    flowbd3_error err = {0};
    flowbd3_context *context = NULL;
    struct {
        flowbd3_context_options known;
        int appended;
    } later = {FLOWBD3_CONTEXT_OPTIONS_INIT, 0};
    later.known.struct_size = sizeof later;
    ck_assert_int_eq(flowbd3_context_create(&context, &later.known, &err), FLOWBD3_OK);
    flowbd3_context_destroy(&context);
    later.appended = 1;
    ck_assert_int_eq(flowbd3_context_create(&context, &later.known, &err), FLOWBD3_ERROR_VERSION);
    flowbd3_context_options earlier = {.struct_size = offsetof(flowbd3_context_options, log_level),
                                       .threads = 3,
                                       .log_level = (flowbd3_log_level)99};
    ck_assert_int_eq(flowbd3_context_create(&context, &earlier, &err), FLOWBD3_OK);
    ck_assert_uint_eq(flowbd3_context_threads(context), 3);
    flowbd3_context_destroy(&context);
    ck_assert_ptr_null(context);
    flowbd3_context_destroy(&context);
}
END_TEST

/* Known answers of the Random123 distribution (kat_vectors, philox4x32 10). */
START_TEST(philox_known_answers) {
    uint32_t word[4];
    fb3_random(word, 0, (fb3_purpose)0, 0, 0);
    ck_assert_uint_eq(word[0], 0x6627e8d5);
    ck_assert_uint_eq(word[1], 0xe169c58d);
    ck_assert_uint_eq(word[2], 0xbc57ac4c);
    ck_assert_uint_eq(word[3], 0x9b00dbd8);
}
END_TEST

START_TEST(permutation_is_one) {
    size_t order[1000];
    unsigned char seen[1000] = {0};
    fb3_permutation(order, 1000, 7, FB3_RANDOM_SHUFFLE, 3);
    for (size_t i = 0; i < 1000; i++) {
        ck_assert_uint_lt(order[i], 1000);
        ck_assert_uint_eq(seen[order[i]]++, 0);
    }
}
END_TEST

START_TEST(numbers_round_trip) {
    char text[FB3_REAL_TEXT];
    double back;
    int decimals;
    for (uint64_t i = 0; i < 20000; i++) {
        uint32_t word[4];
        fb3_random(word, 1, FB3_RANDOM_DECODE, i, 0);
        uint64_t bits = (uint64_t)word[0] << 32 | word[1];
        double value;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        size_t length = fb3_print_real(text, value, -1);
        ck_assert(fb3_parse_real(text, length, &back, &decimals));
        ck_assert(back == value);
        int digits = (int)(word[2] % 10);
        double fixed = nearbyint(ldexp((double)word[3], -12) * pow(10, digits)) / pow(10, digits);
        length = fb3_print_real(text, fixed, digits);
        char expected[64];
        snprintf(expected, sizeof expected, "%.*f", digits, fixed);
        ck_assert_str_eq(text, expected);
        ck_assert(fb3_parse_real(text, length, &back, &decimals));
        ck_assert(back == fixed);
        ck_assert_int_eq(decimals, digits);
    }
}
END_TEST

START_TEST(numbers_refused) {
    static const char *const bad[] = {"",     "-",  "+",  ".",   "e5",  "1e",    "1e+",
                                      "0x10", "1 ", " 1", "nan", "inf", "1.2.3", "1e400"};
    for (size_t i = 0; i < FB3_COUNT(bad); i++) {
        double value;
        int decimals;
        ck_assert_msg(!fb3_parse_real(bad[i], strlen(bad[i]), &value, &decimals), "%s", bad[i]);
    }
    static const char *const not_integer[] = {"",    "-",  "+1", "01", "-0", "1.0", "9223372036854775808",
                                              "1e3", "--1"};
    int64_t integer;
    for (size_t i = 0; i < FB3_COUNT(not_integer); i++)
        ck_assert_msg(!fb3_parse_integer(not_integer[i], strlen(not_integer[i]), &integer), "%s",
                      not_integer[i]);
    ck_assert(fb3_parse_integer("-9223372036854775808", 20, &integer));
    ck_assert_int_eq(integer, INT64_MIN);
}
END_TEST

static void count(void *argument, size_t i, unsigned worker) {
    (void)worker;
    atomic_fetch_add(&((atomic_int *)argument)[i], 1);
}

START_TEST(parallel_runs_each_task_once) {
    for (unsigned threads = 1; threads <= 4; threads++) {
        flowbd3_context *context;
        flowbd3_context_options options = FLOWBD3_CONTEXT_OPTIONS_INIT;
        options.threads = threads;
        ck_assert_int_eq(flowbd3_context_create(&context, &options, NULL), FLOWBD3_OK);
        atomic_int done[97];
        for (size_t i = 0; i < 97; i++)
            atomic_init(&done[i], 0);
        for (int loop = 0; loop < 200; loop++)
            fb3_parallel(context, 97, count, done);
        for (size_t i = 0; i < 97; i++)
            ck_assert_int_eq(atomic_load(&done[i]), 200);
        flowbd3_context_destroy(&context);
    }
}
END_TEST

/* ---- files --------------------------------------------------------------------------------------- */

enum { PATH_SIZE = DIRECTORY_NAME + 32 };

/* A context, a folder of the test's own, and the path of what is called name there. */
static flowbd3_context *begin_in(char directory[DIRECTORY_NAME], char path[PATH_SIZE], const char *name) {
    flowbd3_context *context;
    ck_assert_int_eq(flowbd3_context_create(&context, NULL, NULL), FLOWBD3_OK);
    make_directory(directory);
    (void)snprintf(path, PATH_SIZE, "%s/%s", directory, name);
    return context;
}

START_TEST(files_are_whole_or_not_there) {
    char directory[DIRECTORY_NAME], path[PATH_SIZE];
    flowbd3_context *context = begin_in(directory, path, "file");
    flowbd3_error err = {0};
    fb3_file *file;
    ck_assert_int_eq(fb3_file_create(&file, context, path, &err), FLOWBD3_OK);
    ck_assert_int_eq(fb3_file_write(file, "hello", 5, &err), FLOWBD3_OK);
    ck_assert_int_ne(access(path, F_OK), 0);
    fb3_file_discard(&file);
    ck_assert_int_ne(access(path, F_OK), 0);
    ck_assert_int_eq(rmdir(directory), 0);
    make_directory(directory);
    snprintf(path, sizeof path, "%s/file", directory);
    ck_assert_int_eq(fb3_file_create(&file, context, path, &err), FLOWBD3_OK);
    ck_assert_int_eq(fb3_file_write(file, "hello", 5, &err), FLOWBD3_OK);
    ck_assert_int_eq(fb3_file_commit(&file, &err), FLOWBD3_OK);
    char *data;
    size_t size;
    ck_assert_int_eq(fb3_file_read(&data, &size, context, path, &err), FLOWBD3_OK);
    ck_assert_uint_eq(size, 5);
    ck_assert_str_eq(data, "hello");
    fb3_release(context, data);
    unlink(path);
    rmdir(directory);
    ck_assert_int_eq(fb3_file_read(&data, &size, context, path, &err), FLOWBD3_ERROR_IO);
    ck_assert_ptr_nonnull(strstr(err.message, path));
    ck_assert_ptr_nonnull(strstr(err.message, "No such file"));
    flowbd3_context_destroy(&context);
}
END_TEST

START_TEST(a_long_path_leaves_room_for_the_reason) {
    flowbd3_context *context;
    ck_assert_int_eq(flowbd3_context_create(&context, NULL, NULL), FLOWBD3_OK);
    char path[600], *data;
    size_t size;
    flowbd3_error err = {0};
    memset(path, 'x', sizeof path);
    memcpy(path, "/tmp/", 5);
    for (size_t i = 100; i < sizeof path; i += 100)
        path[i] = '/';
    strcpy(path + sizeof path - 10, "/model.st");
    ck_assert_int_eq(fb3_file_read(&data, &size, context, path, &err), FLOWBD3_ERROR_IO);
    ck_assert_msg(strncmp(err.message, "cannot open '/tmp/xxx", 21) == 0, "%s", err.message);
    ck_assert_msg(strstr(err.message, "/model.st': No such file or directory") != NULL, "%s", err.message);
    flowbd3_context_destroy(&context);
}
END_TEST

START_TEST(pipes_are_written_in_place) {
    char directory[DIRECTORY_NAME], path[PATH_SIZE], text[8] = "";
    flowbd3_context *context = begin_in(directory, path, "pipe");
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    int reader = open(path, O_RDONLY | O_NONBLOCK);
    flowbd3_error err = {0};
    fb3_file *file;
    ck_assert_int_eq(fb3_file_create(&file, context, path, &err), FLOWBD3_OK);
    ck_assert_int_eq(fb3_file_write(file, "hello", 5, &err), FLOWBD3_OK);
    ck_assert_int_eq(fb3_file_commit(&file, &err), FLOWBD3_OK);
    ck_assert_int_eq(read(reader, text, sizeof text - 1), 5);
    ck_assert_str_eq(text, "hello");
    struct stat info;
    ck_assert_int_eq(stat(path, &info), 0);
    ck_assert(S_ISFIFO(info.st_mode));
    close(reader);
    unlink(path);
    ck_assert_int_eq(fb3_file_create(&file, context, directory, &err), FLOWBD3_ERROR_IO);
    ck_assert_int_eq(rmdir(directory), 0);
    flowbd3_context_destroy(&context);
}
END_TEST

static void write_text(flowbd3_context *context, const char *path, const char *text) {
    fb3_file *file;
    ck_assert_int_eq(fb3_file_create(&file, context, path, NULL), FLOWBD3_OK);
    ck_assert_int_eq(fb3_file_write(file, text, strlen(text), NULL), FLOWBD3_OK);
    ck_assert_int_eq(fb3_file_commit(&file, NULL), FLOWBD3_OK);
}

static mode_t mode_of(const char *path) {
    struct stat info;
    ck_assert_int_eq(stat(path, &info), 0);
    return info.st_mode & 07777;
}

START_TEST(new_files_are_what_the_umask_leaves_and_old_ones_stay_as_they_are) {
    char directory[DIRECTORY_NAME], path[PATH_SIZE];
    flowbd3_context *context = begin_in(directory, path, "file");
    static const mode_t masks[] = {077, 022, 0, 0137};
    mode_t before = umask(0);
    for (size_t i = 0; i < FB3_COUNT(masks); i++) {
        umask(masks[i]);
        write_text(context, path, "new");
        ck_assert_uint_eq(mode_of(path), 0666 & ~masks[i]);
        ck_assert_int_eq(chmod(path, 0604), 0);
        write_text(context, path, "old");
        ck_assert_uint_eq(mode_of(path), 0604);
        unlink(path);
    }
    umask(before);
    ck_assert_int_eq(rmdir(directory), 0);
    flowbd3_context_destroy(&context);
}
END_TEST

START_TEST(links_stay_and_descriptors_are_shared) {
    char directory[DIRECTORY_NAME], path[PATH_SIZE], link[PATH_SIZE], through[64], *data;
    flowbd3_context *context = begin_in(directory, path, "file");
    snprintf(link, sizeof link, "%s/link", directory);
    write_text(context, path, "one");
    ck_assert_int_eq(symlink("file", link), 0);
    write_text(context, link, "two");
    int open_file = open(path, O_RDWR);
    ck_assert_int_eq(lseek(open_file, 0, SEEK_END), 3);
    snprintf(through, sizeof through, "/proc/self/fd/%d", open_file);
    ck_assert_int_eq(unlink(link), 0);
    ck_assert_int_eq(symlink(through, link), 0);
    write_text(context, link, "three");
    struct stat info;
    ck_assert_int_eq(lstat(link, &info), 0);
    ck_assert(S_ISLNK(info.st_mode));
    size_t size;
    ck_assert_int_eq(fb3_file_read(&data, &size, context, path, NULL), FLOWBD3_OK);
    ck_assert_str_eq(data, "twothree");
    fb3_release(context, data);
    close(open_file);
    unlink(link);
    unlink(path);
    ck_assert_int_eq(rmdir(directory), 0);
    flowbd3_context_destroy(&context);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("base");
    TCase *tests = tcase_create("base");
    tcase_add_test(tests, status_names_and_texts);
    tcase_add_test(tests, options_of_other_sizes);
    tcase_add_test(tests, philox_known_answers);
    tcase_add_test(tests, permutation_is_one);
    tcase_add_test(tests, numbers_round_trip);
    tcase_add_test(tests, numbers_refused);
    tcase_add_test(tests, parallel_runs_each_task_once);
    tcase_add_test(tests, files_are_whole_or_not_there);
    tcase_add_test(tests, a_long_path_leaves_room_for_the_reason);
    tcase_add_test(tests, pipes_are_written_in_place);
    tcase_add_test(tests, new_files_are_what_the_umask_leaves_and_old_ones_stay_as_they_are);
    tcase_add_test(tests, links_stay_and_descriptors_are_shared);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
