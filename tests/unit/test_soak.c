/* A process that works on and on: read, train, save, load, sample, evaluate, write, from the beginning. Its
 * memory, its descriptors and its threads stay as they are after the first rounds.
 *
 * FLOWBD3_SOAK_SECONDS says for how long (`bash .ci/deep soak MINUTES`); without it, 8 seconds. */
#include "base/base.h"
#include "test_main.h"

#include <flowbd3/flowbd3.h>

#include <dirent.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ROWS = 300, WARM_UP_ROUNDS = 3 };

/* What may differ between two rounds: pages that malloc keeps or gives back as threads come and go. */
enum { RESIDENT_SLACK = 8 << 20, ALLOCATED_SLACK = 64 << 10 };

typedef struct usage {
    size_t resident; /* bytes of memory that the process holds */
    size_t
        allocated; /* of them in use, as malloc counts them, what the library has from elsewhere included */
    size_t descriptors, threads;
} usage;

static size_t entries(const char *path) {
    size_t n = 0;
    DIR *directory = opendir(path);
    ck_assert_ptr_nonnull(directory);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        n += entry->d_name[0] != '.';
    ck_assert_int_eq(closedir(directory), 0);
    return n;
}

static usage usage_now(void) {
    size_t size, resident;
    FILE *file = fopen("/proc/self/statm", "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%zu %zu", &size, &resident), 2);
    ck_assert_int_eq(fclose(file), 0);
    size_t allocated = 0;
#if defined(__GLIBC__) /* others do not say */
    struct mallinfo2 heap = mallinfo2();
    allocated = heap.uordblks + heap.hblkhd;
#endif
    return (usage){.resident = resident * (size_t)sysconf(_SC_PAGESIZE),
                   .allocated = allocated,
                   .descriptors = entries("/proc/self/fd") - 1, /* but the one that reads there */
                   .threads = entries("/proc/self/task")};
}

#define OK(call) ck_assert_msg((call) == FLOWBD3_OK, "%s", err.message)

typedef struct handles {
    flowbd3_context *context;
    flowbd3_table *table, *rows;
    flowbd3_tokenizer *tokenizer;
    flowbd3_model *model;
    flowbd3_trainer *trainer;
    flowbd3_sampler *sampler;
    flowbd3_evaluator *evaluator;
} handles;

static void train(handles *r, const char *path, uint64_t seed) {
    flowbd3_error err = {0};
    flowbd3_model_options sizes = FLOWBD3_MODEL_OPTIONS_INIT;
    sizes.d_model = 32;
    sizes.n_layers = 1;
    sizes.seed = seed;
    flowbd3_trainer_options training = FLOWBD3_TRAINER_OPTIONS_INIT;
    training.epochs = 1;
    training.seed = seed;
    training.validation_share = 0.1;
    training.latest_path = path;
    OK(flowbd3_tokenizer_create(&r->tokenizer, r->table, NULL, &err));
    OK(flowbd3_model_create(&r->model, r->tokenizer, &sizes, &err));
    OK(flowbd3_trainer_create(&r->trainer, r->model, r->table, NULL, &training, &err));
    OK(flowbd3_trainer_run(r->trainer, NULL, NULL, &err));
    flowbd3_trainer_destroy(&r->trainer);
    OK(flowbd3_model_save(r->model, path, &err));
    flowbd3_model_destroy(&r->model);
    flowbd3_tokenizer_destroy(&r->tokenizer);
}

static void judge(handles *r, uint64_t seed) {
    flowbd3_error err = {0};
    flowbd3_evaluator_options options = FLOWBD3_EVALUATOR_OPTIONS_INIT;
    char *json = NULL;
    options.seed = seed;
    options.max_classifier_rows = 200;
    OK(flowbd3_evaluator_create(&r->evaluator, r->context, r->table, NULL, &options, &err));
    OK(flowbd3_evaluator_run(r->evaluator, r->rows, NULL, NULL, &err));
    OK(flowbd3_evaluator_to_json(r->evaluator, &json, &err));
    flowbd3_string_destroy(r->context, &json);
    flowbd3_evaluator_destroy(&r->evaluator);
}

/* Calls that fail leave nothing behind either. */
static void misuse(handles *r, const char *path) {
    ck_assert_int_eq(flowbd3_model_load(&r->model, r->context, "/nonexistent/model", NULL), FLOWBD3_ERROR_IO);
    ck_assert_int_lt(flowbd3_table_read_csv(&r->rows, r->context, path, NULL, NULL), 0);
    ck_assert_int_lt(flowbd3_tokenizer_load(&r->tokenizer, r->context, path, NULL), 0);
}

static void work(const char *data, const char *model, const char *csv, uint64_t seed) {
    flowbd3_error err = {0};
    handles r = {0};
    flowbd3_context_options options = FLOWBD3_CONTEXT_OPTIONS_INIT;
    options.threads = 1 + (uint32_t)(seed % 3);
    OK(flowbd3_context_create(&r.context, &options, &err));
    OK(flowbd3_table_read_csv(&r.table, r.context, data, NULL, &err));
    train(&r, model, seed);
    misuse(&r, model);
    OK(flowbd3_model_load(&r.model, r.context, model, &err));
    flowbd3_sampler_options drawing = FLOWBD3_SAMPLER_OPTIONS_INIT;
    drawing.seed = seed;
    OK(flowbd3_sampler_create(&r.sampler, r.model, &drawing, &err));
    OK(flowbd3_sampler_generate(r.sampler, ROWS, &r.rows, NULL, NULL, &err));
    double *nll = malloc(ROWS * sizeof *nll);
    ck_assert_ptr_nonnull(nll);
    OK(flowbd3_model_score(r.model, r.rows, NULL, nll, NULL, &err));
    free(nll);
    judge(&r, seed);
    OK(flowbd3_table_write_csv(r.rows, csv, NULL, &err));
    flowbd3_context_destroy(&r.context); /* first, as handles keep it alive */
    flowbd3_sampler_destroy(&r.sampler);
    flowbd3_model_destroy(&r.model);
    flowbd3_table_destroy(&r.rows);
    flowbd3_table_destroy(&r.table);
}

static usage most(usage a, usage b) {
    return (usage){.resident = a.resident > b.resident ? a.resident : b.resident,
                   .allocated = a.allocated > b.allocated ? a.allocated : b.allocated,
                   .descriptors = a.descriptors > b.descriptors ? a.descriptors : b.descriptors,
                   .threads = a.threads > b.threads ? a.threads : b.threads};
}

static void print(const char *when, unsigned rounds, double seconds, usage u) {
    printf("# %s: %u rounds, %.0f s, %.1f MiB resident, %.1f KiB allocated, %zu descriptors, %zu threads\n",
           when, rounds, seconds, (double)u.resident / 1048576.0, (double)u.allocated / 1024.0, u.descriptors,
           u.threads);
    (void)fflush(stdout);
}

START_TEST(nothing_grows) {
    const char *source = getenv("FLOWBD3_TEST_DATA"), *text = getenv("FLOWBD3_SOAK_SECONDS");
    double seconds = text != NULL ? atof(text) : 8.0, started = fb3_seconds();
    char directory[] = "/tmp/flowbd3-soak-XXXXXX", data[PATH_MAX], model[PATH_MAX], csv[PATH_MAX];
    ck_assert_ptr_nonnull(source);
    ck_assert_double_gt(seconds, 0.0);
    ck_assert_ptr_nonnull(mkdtemp(directory));
    (void)snprintf(data, sizeof data, "%s/data/flows.csv", source);
    (void)snprintf(model, sizeof model, "%s/model", directory);
    (void)snprintf(csv, sizeof csv, "%s/rows.csv", directory);
    unsigned rounds = 0;
    usage warm = {0}, after = {0};
    /* A tenth of the time, and some rounds in any case, to fill what is filled once. */
    while (rounds < 2 * WARM_UP_ROUNDS || fb3_seconds() - started < seconds) {
        double gone = fb3_seconds() - started;
        work(data, model, csv, rounds);
        rounds++;
        bool warming = rounds <= WARM_UP_ROUNDS || gone < seconds / 10.0;
        if (warming)
            warm = most(warm, usage_now());
        else
            after = most(after, usage_now());
        if (rounds % 100 == 0 || rounds == WARM_UP_ROUNDS)
            print(warming ? "warming" : "so far", rounds, fb3_seconds() - started, usage_now());
    }
    print("most while warming", rounds, fb3_seconds() - started, warm);
    print("most after", rounds, fb3_seconds() - started, after);
    (void)unlink(model);
    (void)unlink(csv);
    ck_assert_int_eq(rmdir(directory), 0); /* nothing half-written is left */
    ck_assert_uint_le(after.resident, warm.resident + RESIDENT_SLACK);
    ck_assert_uint_le(after.allocated, warm.allocated + ALLOCATED_SLACK);
    ck_assert_uint_le(after.descriptors, warm.descriptors);
    ck_assert_uint_le(after.threads, warm.threads);
}
END_TEST

int main(void) {
    setenv("CK_FORK", "no", 1); /* threads of an earlier context would be counted in a child only */
    Suite *suite = suite_create("soak");
    TCase *tests = tcase_create("soak");
    tcase_add_test(tests, nothing_grows);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
