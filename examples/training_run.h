/* A training from tables to a model: what flowbd3-train and flowbd3-quick have in common. */
#ifndef TRAINING_RUN_H
#define TRAINING_RUN_H

#include "progress_bar.h"
#include "training_settings.h"

typedef struct training_run {
    flowbd3_tokenizer *tokenizer;
    flowbd3_model *model;
    flowbd3_trainer *trainer;
} training_run;

/* The rows that train, and those that validate, or NULL: both are tables, or both are streams. */
typedef struct training_rows {
    flowbd3_table *table, *validation_table;
    flowbd3_table_stream *stream, *validation_stream;
} training_rows;

void release_rows(training_rows *rows);

/* Fits the tokenizer to all rows, those that validate too, with the rules of settings. The caller owns *out.
 */
flowbd3_status fit_tokenizer(flowbd3_tokenizer **out, flowbd3_context *context, const training_rows *rows,
                             const training_settings *settings, flowbd3_error *err);

/* Fits the tokenizer, makes the model and its trainer, which write best.safetensors and
 * latest.safetensors into directory; with resume, takes up the latter. What validates are the rows for it or,
 * without, a share of those that train by settings. settings then say what is in effect. The rows are not
 * needed any more. */
flowbd3_status prepare_training(training_run *run, flowbd3_context *context, const training_rows *rows,
                                training_settings *settings, const char *directory, bool resume,
                                flowbd3_error *err);

/* Finished epochs, [*count], to be freed. NULL when memory is short, as *err then says. */
flowbd3_epoch *epochs_of(const flowbd3_trainer *trainer, size_t *count, flowbd3_error *err);

/* Writes the finished epochs to directory/history.csv. */
flowbd3_status write_history(const training_run *run, flowbd3_context *context, const char *directory,
                             flowbd3_error *err);

void release_training(training_run *run);

#endif
