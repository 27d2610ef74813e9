/* A training from tables to a model. */
#include "training_run.h"
#include "csv_table.h"
#include "output_directory.h"

#include <math.h>
#include <stdlib.h>

/* ---- before ------------------------------------------------------------------------------------ */

/* The rows of both tables as one; the caller owns *all. */
static flowbd3_status join_tables(flowbd3_table **all, const flowbd3_table *table,
                                  const flowbd3_table *validation, flowbd3_error *err) {
    flowbd3_status status = flowbd3_table_slice(all, table, 0, flowbd3_table_rows(table), err);
    return status == FLOWBD3_OK ? flowbd3_table_append(*all, validation, err) : status;
}

static flowbd3_status fit_table(flowbd3_tokenizer **out, const training_rows *rows,
                                const flowbd3_tokenizer_options *options, flowbd3_error *err) {
    flowbd3_table *all = NULL;
    flowbd3_status status = FLOWBD3_OK;
    if (rows->validation_table != NULL)
        status = join_tables(&all, rows->table, rows->validation_table, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_tokenizer_create(out, all != NULL ? all : rows->table, options, err);
    flowbd3_table_destroy(&all);
    return status;
}

static flowbd3_status fit_stream(flowbd3_tokenizer **out, flowbd3_context *context, const training_rows *rows,
                                 const flowbd3_tokenizer_options *options, flowbd3_error *err) {
    flowbd3_table_stream *all = NULL, *both[2] = {rows->stream, rows->validation_stream};
    flowbd3_status status = FLOWBD3_OK;
    if (rows->validation_stream != NULL)
        status = join_streams(&all, context, both, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_tokenizer_create_stream(out, all != NULL ? all : rows->stream, options, err);
    flowbd3_table_stream_destroy(&all);
    return status;
}

/* The tokenizer sees the rows that validate too, so that it knows every category among them. */
flowbd3_status fit_tokenizer(flowbd3_tokenizer **out, flowbd3_context *context, const training_rows *rows,
                             const training_settings *settings, flowbd3_error *err) {
    flowbd3_rules *rules = NULL;
    flowbd3_status status = FLOWBD3_OK;
    if (settings->rules != NULL)
        status = flowbd3_rules_load(&rules, context, settings->rules, err);
    if (status == FLOWBD3_OK) {
        flowbd3_tokenizer_options options = tokenizer_options(settings, rules);
        status = rows->stream != NULL ? fit_stream(out, context, rows, &options, err)
                                      : fit_table(out, rows, &options, err);
    }
    flowbd3_rules_destroy(&rules);
    return status;
}

static flowbd3_status make_model(training_run *run, const training_settings *settings, flowbd3_error *err) {
    flowbd3_model_options options = model_options(settings, run->tokenizer);
    return flowbd3_model_create(&run->model, run->tokenizer, &options, err);
}

static flowbd3_status make_trainer(training_run *run, const training_rows *rows,
                                   const training_settings *settings, const char *directory,
                                   flowbd3_error *err) {
    char best[PATH_MAX], latest[PATH_MAX];
    flowbd3_trainer_options options = trainer_options(settings);
    options.best_path = path_in(best, directory, "best.safetensors");
    options.latest_path = path_in(latest, directory, "latest.safetensors");
    if (rows->stream != NULL)
        return flowbd3_trainer_create_stream(&run->trainer, run->model, rows->stream, rows->validation_stream,
                                             &options, err);
    return flowbd3_trainer_create(&run->trainer, run->model, rows->table, rows->validation_table, &options,
                                  err);
}

flowbd3_status prepare_training(training_run *run, flowbd3_context *context, const training_rows *rows,
                                training_settings *settings, const char *directory, bool resume,
                                flowbd3_error *err) {
    char latest[PATH_MAX];
    if (rows->validation_table != NULL || rows->validation_stream != NULL)
        settings->train_split = 1.0;
    flowbd3_status status = fit_tokenizer(&run->tokenizer, context, rows, settings, err);
    if (status == FLOWBD3_OK)
        status = make_model(run, settings, err);
    if (status == FLOWBD3_OK)
        status = make_trainer(run, rows, settings, directory, err);
    if (status == FLOWBD3_OK && resume)
        status = flowbd3_trainer_resume(run->trainer, path_in(latest, directory, "latest.safetensors"), err);
    if (status == FLOWBD3_OK)
        settings_in_effect(settings, run->model, run->trainer);
    return status;
}

void release_rows(training_rows *rows) {
    flowbd3_table_destroy(&rows->table);
    flowbd3_table_destroy(&rows->validation_table);
    flowbd3_table_stream_destroy(&rows->stream);
    flowbd3_table_stream_destroy(&rows->validation_stream);
}

void release_training(training_run *run) {
    flowbd3_trainer_destroy(&run->trainer);
    flowbd3_model_destroy(&run->model);
    flowbd3_tokenizer_destroy(&run->tokenizer);
}

static flowbd3_status no_memory_for_history(flowbd3_error *err) {
    *err = (flowbd3_error){FLOWBD3_ERROR_MEMORY, 0, 0, "out of memory for the history of training"};
    return err->status;
}

flowbd3_epoch *epochs_of(const flowbd3_trainer *trainer, size_t *count, flowbd3_error *err) {
    *count = flowbd3_trainer_epochs(trainer);
    flowbd3_epoch *epochs = calloc(*count + 1, sizeof *epochs);
    if (epochs == NULL)
        (void)no_memory_for_history(err);
    for (size_t i = 0; epochs != NULL && i < *count; i++) {
        epochs[i] = (flowbd3_epoch)FLOWBD3_EPOCH_INIT;
        (void)flowbd3_trainer_get_epoch(trainer, i, &epochs[i], NULL);
    }
    return epochs;
}

/* ---- history.csv ------------------------------------------------------------------------------- */

typedef struct history_column {
    const char *name;
    bool whole;
    double (*value)(const flowbd3_epoch *epoch);
} history_column;

#define COLUMN_VALUE(field)                                 \
    static double get_##field(const flowbd3_epoch *epoch) { \
        return (double)epoch->field;                        \
    }
COLUMN_VALUE(epoch)
COLUMN_VALUE(step)
COLUMN_VALUE(train_loss)
COLUMN_VALUE(validation_nelbo)
COLUMN_VALUE(learning_rate)
COLUMN_VALUE(gradient_norm)
COLUMN_VALUE(seconds)
COLUMN_VALUE(clip_low)
COLUMN_VALUE(clip_high)
COLUMN_VALUE(loss_variance)
COLUMN_VALUE(unclipped_variance)

static const history_column history_columns[] = {
    {"epoch", true, get_epoch},
    {"step", true, get_step},
    {"train_loss", false, get_train_loss},
    {"validation_nelbo", false, get_validation_nelbo},
    {"learning_rate", false, get_learning_rate},
    {"gradient_norm", false, get_gradient_norm},
    {"seconds", false, get_seconds},
    {"clip_low", false, get_clip_low},
    {"clip_high", false, get_clip_high},
    {"loss_variance", false, get_loss_variance},
    {"unclipped_variance", false, get_unclipped_variance},
};

static flowbd3_status add_history_column(flowbd3_table *table, const history_column *column,
                                         const flowbd3_epoch *epochs, size_t count, flowbd3_error *err) {
    double *reals = calloc(count + 1, sizeof *reals);
    int64_t *integers = calloc(count + 1, sizeof *integers);
    flowbd3_status status;
    if (reals == NULL || integers == NULL) {
        status = no_memory_for_history(err);
    } else {
        for (size_t i = 0; i < count; i++) {
            reals[i] = column->value(&epochs[i]);
            integers[i] = column->whole ? (int64_t)reals[i] : 0;
        }
        status = column->whole ? flowbd3_table_add_integer(table, column->name, integers, NULL, count, err)
                               : flowbd3_table_add_real(table, column->name, reals, NULL, count, err);
    }
    free(reals);
    free(integers);
    return status;
}

flowbd3_status write_history(const training_run *run, flowbd3_context *context, const char *directory,
                             flowbd3_error *err) {
    size_t count;
    flowbd3_epoch *epochs = epochs_of(run->trainer, &count, err);
    flowbd3_table *table = NULL;
    char path[PATH_MAX];
    flowbd3_status status = epochs != NULL ? flowbd3_table_create(&table, context, err) : err->status;
    for (size_t i = 0; status == FLOWBD3_OK && i < sizeof history_columns / sizeof *history_columns; i++)
        status = add_history_column(table, &history_columns[i], epochs, count, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_table_write_csv(table, path_in(path, directory, "history.csv"), NULL, err);
    flowbd3_table_destroy(&table);
    free(epochs);
    return status;
}
