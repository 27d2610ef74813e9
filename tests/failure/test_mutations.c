/* Model files that were changed at random are loaded or refused, with no more memory than they justify, and
 * what was loaded can be used. FLOWBD3_MUTATIONS: how many; FLOWBD3_MUTATION: one alone, as a failure names
 * it. */
#include "../unit/counted.h"
#include "../unit/flows.h"
#include "../unit/test_main.h"
#include "mutate.h"

#include <sys/mman.h>
#include <unistd.h>

enum { PARTS = 4, BASES = 4, SHORT = 2000, ROWS = 60 };

/* What a file of size bytes may take: jansson's values for its text, tables of names and shapes, and its
 * tensors twice. */
enum { PER_BYTE = 64, ANYWAY = 16 << 20, FOR_USE = 256 << 20 };

/* The seed at hand, and what came of those before; shared with Check's child, that it may be named if that
 * dies. */
static struct tally {
    uint64_t seed[PARTS];
    size_t loaded[PARTS], refused[PARTS],
        worst[PARTS]; /* worst: bytes of memory beyond ANYWAY per byte of file */
} * tally;

static counted memory = {.left = -1};
static flowbd3_context *context;
static flowbd3_table *few;
static bytes bases[BASES];

static bytes read_file(const char *path) {
    char *data;
    size_t size;
    ck_assert_int_eq(fb3_file_read(&data, &size, context, path, NULL), FLOWBD3_OK);
    bytes b = copy_bytes(data, size);
    fb3_release(context, data);
    return b;
}

/* A checkpoint in the midst of training. */
static int after_first_steps(void *user, const flowbd3_progress *progress) {
    (void)user;
    return progress->done > ROWS;
}

static flowbd3_trainer *trainer_of(flowbd3_model *model) {
    flowbd3_trainer *trainer = NULL;
    flowbd3_trainer_options options = FLOWBD3_TRAINER_OPTIONS_INIT;
    options.epochs = 3;
    options.batch_size = 16;
    options.validation_share = 0.25;
    ck_assert_int_eq(flowbd3_trainer_create(&trainer, model, few, NULL, &options, NULL), FLOWBD3_OK);
    return trainer;
}

/* Models of independent flows under stated rules, of blocks of tokens under relations that were found, and of
 * sequences; and a checkpoint. */
static void setup(void) {
    static const flows_kind kinds[] = {{0, 1, FLOWBD3_COLUMNS_FIXED, true, 0.1F},
                                       {1, 1, FLOWBD3_COLUMNS_RANDOM, false, 0.1F},
                                       {0, 4, FLOWBD3_COLUMNS_FIXED, true, 0.1F}};
    char path[] = "/tmp/flowbd3-mutations-XXXXXX";
    close(mkstemp(path));
    count_jansson(&memory);
    context = counted_context(&memory);
    flowbd3_table *table = flows_table(context);
    ck_assert_int_eq(flowbd3_table_slice(&few, table, 0, ROWS, NULL), FLOWBD3_OK);
    for (size_t k = 0; k < FB3_COUNT(kinds); k++) {
        flowbd3_model *model = flows_model(few, &kinds[k]);
        ck_assert_int_eq(flowbd3_model_save(model, path, NULL), FLOWBD3_OK);
        bases[k] = read_file(path);
        if (k == 0) {
            flowbd3_trainer *trainer = trainer_of(model);
            ck_assert_int_eq(flowbd3_trainer_run(trainer, after_first_steps, NULL, NULL), FLOWBD3_CANCELLED);
            ck_assert_int_eq(flowbd3_trainer_save(trainer, path, NULL), FLOWBD3_OK);
            flowbd3_trainer_destroy(&trainer);
            bases[BASES - 1] = read_file(path);
        }
        flowbd3_model_destroy(&model);
    }
    flowbd3_table_destroy(&table);
    unlink(path);
}

static void teardown(void) {
    for (size_t i = 0; i < BASES; i++)
        free(bases[i].data);
    flowbd3_table_destroy(&few);
    flowbd3_context_destroy(&context);
    ck_assert_int_eq(memory.blocks, 0);
}

static int soon(void *user, const flowbd3_progress *progress) {
    (void)progress;
    return ++*(int *)user > 3;
}

/* What was loaded writes a file and generates rows, or says why not. */
static void use_model(flowbd3_model *model) {
    flowbd3_sampler *sampler = NULL;
    flowbd3_table *rows = NULL;
    flowbd3_error err = {0};
    flowbd3_sampler_options options = FLOWBD3_SAMPLER_OPTIONS_INIT;
    options.batch_size = 4;
    options.attempts = 4;
    ck_assert_int_eq(flowbd3_model_save(model, "/dev/null", &err), FLOWBD3_OK);
    flowbd3_status status = flowbd3_sampler_create(&sampler, model, &options, &err);
    int calls = 0;
    if (status == FLOWBD3_OK)
        status = flowbd3_sampler_generate(sampler, 3, &rows, soon, &calls, &err);
    ck_assert_msg(status == FLOWBD3_OK || (err.status == status && err.message[0] != '\0'), "%s",
                  flowbd3_status_name(status));
    flowbd3_table_destroy(&rows);
    flowbd3_sampler_destroy(&sampler);
}

/* A trainer takes up what is one of its checkpoints, and trains on. */
static void use_checkpoint(const char *path) {
    flowbd3_model *model = NULL;
    flowbd3_error err = {0};
    if (flowbd3_model_load(&model, context, path, &err) != FLOWBD3_OK)
        return;
    flowbd3_trainer *trainer = NULL;
    flowbd3_trainer_options options = FLOWBD3_TRAINER_OPTIONS_INIT;
    options.epochs = 3;
    options.batch_size = 16;
    options.validation_share = 0.25;
    flowbd3_status status = flowbd3_trainer_create(&trainer, model, few, NULL, &options, &err);
    if (status == FLOWBD3_OK)
        status = flowbd3_trainer_resume(trainer, path, &err);
    int calls = 0;
    if (status == FLOWBD3_OK)
        status = flowbd3_trainer_run(trainer, soon, &calls, &err);
    ck_assert_msg(status == FLOWBD3_OK || (err.status == status && err.message[0] != '\0'), "%s",
                  flowbd3_status_name(status));
    flowbd3_trainer_destroy(&trainer);
    flowbd3_model_destroy(&model);
}

static void load_mutation(uint64_t seed, size_t part) {
    size_t which;
    bool refused;
    bytes b = mutate(bases, BASES, seed, &which, &refused);
    int descriptor = memfd_create("mutation", MFD_CLOEXEC);
    ck_assert(descriptor >= 0 && write(descriptor, b.data, b.size) == (ssize_t)b.size);
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);

    size_t before = memory.bytes, allowed = PER_BYTE * b.size + ANYWAY;
    long blocks = memory.blocks;
    memory.most = before;
    memory.beyond = false;
    memory.limit = before + allowed;
    flowbd3_model *model = NULL;
    flowbd3_error err = {0};
    flowbd3_status status = flowbd3_model_load(&model, context, path, &err);
    ck_assert_msg(!memory.beyond, "more than %zu bytes for a file of %zu", allowed, b.size);
    ck_assert_msg((status == FLOWBD3_OK) == (model != NULL), "%s", flowbd3_status_name(status));
    ck_assert_msg(status == FLOWBD3_OK || (err.status == status && err.message[0] != '\0'), "%s",
                  flowbd3_status_name(status));
    ck_assert_msg(status != FLOWBD3_OK || !refused, "what should have been refused was loaded");
    size_t taken = memory.most - before, rate = taken > ANYWAY ? (taken - ANYWAY) / (b.size + 1) : 0;
    tally->worst[part] = rate > tally->worst[part] ? rate : tally->worst[part];
    *(status == FLOWBD3_OK ? &tally->loaded[part] : &tally->refused[part]) += 1;

    memory.limit = before + FOR_USE;
    if (status == FLOWBD3_OK)
        use_model(model);
    flowbd3_model_destroy(&model);
    if (status == FLOWBD3_OK && which == BASES - 1)
        use_checkpoint(path);
    memory.limit = 0;
    ck_assert_msg(memory.blocks == blocks && memory.bytes == before, "%ld blocks leaked",
                  memory.blocks - blocks);
    (void)close(descriptor);
    free(b.data);
}

static uint64_t number_from(const char *name, uint64_t otherwise) {
    const char *text = getenv(name);
    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

START_TEST(files_that_are_no_mutations) {
    for (size_t i = 0; i < BASES; i++) {
        int descriptor = memfd_create("base", MFD_CLOEXEC);
        ck_assert(descriptor >= 0 &&
                  write(descriptor, bases[i].data, bases[i].size) == (ssize_t)bases[i].size);
        char path[64];
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
        flowbd3_model *model = NULL;
        flowbd3_error err = {0};
        ck_assert_msg(flowbd3_model_load(&model, context, path, &err) == FLOWBD3_OK, "%s", err.message);
        use_model(model);
        if (i == BASES - 1) {
            flowbd3_trainer *trainer = trainer_of(model);
            ck_assert_int_eq(flowbd3_trainer_resume(trainer, path, NULL), FLOWBD3_OK);
            flowbd3_trainer_destroy(&trainer);
        }
        flowbd3_model_destroy(&model);
        (void)close(descriptor);
    }
}
END_TEST

START_TEST(loaded_or_refused) {
    size_t part = (size_t)_i;
    uint64_t one = number_from("FLOWBD3_MUTATION", UINT64_MAX),
             count = number_from("FLOWBD3_MUTATIONS", SHORT);
    for (uint64_t seed = part; one == UINT64_MAX ? seed < count : seed < PARTS; seed += PARTS) {
        tally->seed[part] = one == UINT64_MAX ? seed : one;
        load_mutation(tally->seed[part], part);
    }
    ck_assert(one != UINT64_MAX || (tally->loaded[part] > 0 && tally->refused[part] > 0));
}
END_TEST

int main(void) {
    tally = mmap(NULL, sizeof *tally, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (tally == MAP_FAILED)
        return EXIT_FAILURE;
    Suite *suite = suite_create("mutations");
    TCase *tests = tcase_create("mutations");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 600);
    tcase_add_test(tests, files_that_are_no_mutations);
    tcase_add_loop_test(tests, loaded_or_refused, 0, PARTS);
    suite_add_tcase(suite, tests);
    int status = run_suite(suite);
    for (size_t p = 0; p < PARTS; p++)
        printf("# part %zu: %zu loaded, %zu refused, at most 16 MiB and %zu bytes per byte, last seed %llu\n",
               p, tally->loaded[p], tally->refused[p], tally->worst[p], (unsigned long long)tally->seed[p]);
    return status;
}
