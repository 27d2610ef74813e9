/* After fork() the child goes on with the parent's handles, on one thread, and gets the same bits; also when
 * another thread of the parent was inside a call then. */
#include "compare_tables.h"
#include "test_main.h"
#include "toy.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DRAWN = 300, SCORED = 100, FORKS = 12 };

static flowbd3_context *context;
static flowbd3_table *table, *few, *drawn;
static flowbd3_model *model;
static flowbd3_sampler *sampler; /* untouched by other threads */
static double nll[SCORED], loss, figure;

/* In the child nothing may be asserted: it says by its exit status what it found. */
#define TRY(call)                  \
    do {                           \
        if ((call) != FLOWBD3_OK)  \
            return __LINE__ & 127; \
    } while (0)

static int train(double *last) {
    flowbd3_model *fresh = toy_model(table);
    flowbd3_trainer *trainer = NULL;
    flowbd3_trainer_options options = toy_options();
    flowbd3_epoch epoch = FLOWBD3_EPOCH_INIT;
    options.epochs = 1;
    TRY(flowbd3_trainer_create(&trainer, fresh, few, NULL, &options, NULL));
    TRY(flowbd3_trainer_run(trainer, NULL, NULL, NULL));
    TRY(flowbd3_trainer_get_epoch(trainer, 0, &epoch, NULL));
    *last = epoch.train_loss;
    flowbd3_trainer_destroy(&trainer);
    flowbd3_model_destroy(&fresh);
    return 0;
}

static int evaluate(double *value) {
    flowbd3_evaluator *evaluator = NULL;
    flowbd3_evaluator_options options = FLOWBD3_EVALUATOR_OPTIONS_INIT;
    options.max_rows = 100;
    TRY(flowbd3_evaluator_create(&evaluator, context, few, NULL, &options, NULL));
    TRY(flowbd3_evaluator_run(evaluator, drawn, NULL, NULL, NULL));
    *value = flowbd3_evaluator_get(evaluator, "summary.c2st_auc");
    flowbd3_evaluator_destroy(&evaluator);
    return 0;
}

static int draw(flowbd3_sampler *from, flowbd3_table **out) {
    TRY(flowbd3_sampler_generate(from, DRAWN, out, NULL, NULL, NULL));
    return 0;
}

static void set_up(void) {
    context = toy_context(3);
    table = toy_table(context, TOY_SEED);
    ck_assert_int_eq(flowbd3_table_slice(&few, table, 0, SCORED, NULL), FLOWBD3_OK);
    model = toy_model(table);
    flowbd3_sampler *first = NULL;
    ck_assert_int_eq(flowbd3_sampler_create(&first, model, NULL, NULL), FLOWBD3_OK);
    ck_assert_int_eq(draw(first, &drawn), 0);
    flowbd3_sampler_destroy(&first);
    ck_assert_int_eq(flowbd3_sampler_create(&sampler, model, NULL, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_model_score(model, few, NULL, nll, NULL, NULL), FLOWBD3_OK);
    ck_assert_int_eq(train(&loss), 0);
    ck_assert_int_eq(evaluate(&figure), 0);
}

static void tear_down(void) {
    flowbd3_sampler_destroy(&sampler);
    flowbd3_table_destroy(&drawn);
    flowbd3_table_destroy(&few);
    flowbd3_model_destroy(&model);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
}

/* All that a child may do; 0, or a line. */
static int live_as_child(void) {
    flowbd3_table *rows = NULL;
    double mine[SCORED], value;
    TRY(draw(sampler, &rows));
    TRY(same_tables(rows, drawn) ? 0 : 1);
    TRY(flowbd3_model_score(model, few, NULL, mine, NULL, NULL));
    TRY(memcmp(mine, nll, sizeof mine));
    TRY(train(&value));
    TRY(value == loss ? 0 : 1);
    TRY(evaluate(&value));
    TRY(memcmp(&value, &figure, sizeof value));
    flowbd3_table_destroy(&rows);
    tear_down();
#if !defined(__SANITIZE_THREAD__) /* which lets no child start threads */
    context = toy_context(2);
    flowbd3_context_destroy(&context);
#endif
    return 0;
}

static void fork_and_wait(void) {
    int status;
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        alarm(50); /* a lock that nobody gives up would hold it for ever */
        _exit(live_as_child());
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ended with %x", status);
}

START_TEST(a_child_goes_on) {
    fork_and_wait();
    flowbd3_table *rows = NULL; /* and so does the parent */
    ck_assert_int_eq(draw(sampler, &rows), 0);
    ck_assert(same_tables(rows, drawn));
    flowbd3_table_destroy(&rows);
    flowbd3_sampler_seek(sampler, 0);
}
END_TEST

/* ---- while another thread is inside --------------------------------------------------------------- */

static atomic_bool stop;

/* Calls on the same context and model, with handles of its own. */
static void *keeps_calling(void *unused) {
    (void)unused;
    while (!atomic_load(&stop)) {
        flowbd3_sampler *other = NULL;
        flowbd3_table *rows = NULL;
        double mine[SCORED], value;
        if (flowbd3_sampler_create(&other, model, NULL, NULL) == FLOWBD3_OK)
            (void)draw(other, &rows);
        (void)flowbd3_model_score(model, few, NULL, mine, NULL, NULL);
        (void)evaluate(&value);
        flowbd3_table_destroy(&rows);
        flowbd3_sampler_destroy(&other);
    }
    return NULL;
}

START_TEST(a_child_of_a_busy_parent_goes_on) {
    pthread_t threads[2];
    atomic_store(&stop, false);
    for (size_t i = 0; i < FB3_COUNT(threads); i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, keeps_calling, NULL), 0);
    for (useconds_t i = 0; i < FORKS; i++) {
        usleep(1000 * i + 317 * i);
        fork_and_wait();
    }
    atomic_store(&stop, true);
    for (size_t i = 0; i < FB3_COUNT(threads); i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
}
END_TEST

/* The address sanitizers of 2022 do not see to it that their own locks are free in a child. */
#if defined(__SANITIZE_ADDRESS__)
enum { BUSY_PARENTS_MAY_FORK = 0 };
#else
enum { BUSY_PARENTS_MAY_FORK = 1 };
#endif

int main(void) {
    setenv("CK_FORK", "no", 1);
    Suite *suite = suite_create("fork");
    TCase *tests = tcase_create("fork");
    tcase_add_unchecked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_child_goes_on);
    if (BUSY_PARENTS_MAY_FORK)
        tcase_add_test(tests, a_child_of_a_busy_parent_goes_on);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
