/* train_on TABLE.csv DIRECTORY THREADS [CALLS]: trains in slices, with a checkpoint after each, goes on where
 * the latest checkpoint in DIRECTORY is, and writes the finished model. Kills itself in the midst of the call
 * number CALLS that writes a file. For test_kill.c. */
#include "calls.h"

#include <flowbd3/flowbd3.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct paths {
    char latest[512], best[512], final[512];
} paths;

/* Seconds between two checkpoints: some tens of them in the whole. */
static const double slice = 0.01;

static flowbd3_status make_model(flowbd3_model **model, const flowbd3_table *table, flowbd3_error *err) {
    flowbd3_tokenizer *tokenizer = NULL;
    flowbd3_model_options options = FLOWBD3_MODEL_OPTIONS_INIT;
    options.d_model = 16;
    options.n_heads = 2;
    options.n_layers = 1;
    flowbd3_status status = flowbd3_tokenizer_create(&tokenizer, table, NULL, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_model_create(model, tokenizer, &options, err);
    flowbd3_tokenizer_destroy(&tokenizer);
    return status;
}

static flowbd3_status train(flowbd3_model *model, const flowbd3_table *table, const paths *p,
                            flowbd3_error *err) {
    flowbd3_trainer *trainer = NULL;
    flowbd3_trainer_options options = FLOWBD3_TRAINER_OPTIONS_INIT;
    options.epochs = 30;
    options.batch_size = 32;
    options.learning_rate = 3e-3;
    options.ema_decay = 0.9;
    options.patience = UINT32_MAX;
    options.validation_share = 0.2;
    options.clip_search = 1;
    options.max_seconds = slice;
    options.best_path = p->best;
    options.latest_path = p->latest;
    flowbd3_status status = flowbd3_trainer_create(&trainer, model, table, NULL, &options, err);
    if (status == FLOWBD3_OK && access(p->latest, F_OK) == 0)
        status = flowbd3_trainer_resume(trainer, p->latest, err);
    while (status == FLOWBD3_OK && !flowbd3_trainer_finished(trainer))
        status = flowbd3_trainer_run(trainer, NULL, NULL, err);
    flowbd3_trainer_destroy(&trainer);
    return status;
}

int main(int argc, char **argv) {
    if (argc < 4)
        return 2;
    paths p;
    (void)snprintf(p.latest, sizeof p.latest, "%s/latest", argv[2]);
    (void)snprintf(p.best, sizeof p.best, "%s/best", argv[2]);
    (void)snprintf(p.final, sizeof p.final, "%s/final", argv[2]);
    flowbd3_context *context = NULL;
    flowbd3_table *table = NULL;
    flowbd3_model *model = NULL;
    flowbd3_error err = {0};
    flowbd3_context_options options = FLOWBD3_CONTEXT_OPTIONS_INIT;
    options.threads = (uint32_t)atoi(argv[3]);
    if (argc > 4)
        fail_calls(1u << CALL_CREATE | 1u << CALL_MODE | 1u << CALL_WRITE | 1u << CALL_FLUSH |
                       1u << CALL_RENAME,
                   atol(argv[4]), false, FAILURE_KILL, 0);
    flowbd3_status status = flowbd3_context_create(&context, &options, &err);
    if (status == FLOWBD3_OK)
        status = flowbd3_table_read_csv(&table, context, argv[1], NULL, &err);
    if (status == FLOWBD3_OK)
        status = make_model(&model, table, &err);
    if (status == FLOWBD3_OK)
        status = train(model, table, &p, &err);
    if (status == FLOWBD3_OK)
        status = flowbd3_model_save(model, p.final, &err);
    if (status != FLOWBD3_OK)
        (void)fprintf(stderr, "train_on: %s\n", err.message);
    flowbd3_model_destroy(&model);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
    return status == FLOWBD3_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
