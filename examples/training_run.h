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

/* Fits the tokenizer to all rows, those of the table validation too where that is not NULL, with the rules of
 * settings. The caller owns *out. */
flowbd3_status fit_tokenizer(flowbd3_tokenizer **out, flowbd3_context *context, const flowbd3_table *table,
                             const flowbd3_table *validation, const training_settings *settings,
                             flowbd3_error *err);

/* Fits the tokenizer, makes the model and its trainer, which write best.safetensors and
 * latest.safetensors into directory; with resume, takes up the latter. What validates is the table validation
 * or, where that is NULL, a share of table by settings. settings then say what is in effect. */
flowbd3_status prepare_training(training_run *run, flowbd3_context *context, const flowbd3_table *table,
                                const flowbd3_table *validation, training_settings *settings,
                                const char *directory, bool resume, flowbd3_error *err);

/* Writes the finished epochs to directory/history.csv. */
flowbd3_status write_history(const training_run *run, flowbd3_context *context, const char *directory,
                             flowbd3_error *err);

void release_training(training_run *run);

#endif
