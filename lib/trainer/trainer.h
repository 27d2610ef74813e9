/* The trainer room from inside. */
#ifndef FB3_TRAINER_H
#define FB3_TRAINER_H

#include <flowbd3/trainer.h>

#include "diffusion/diffusion.h"
#include "model/model.h"

/* Sequences to train on or to validate: all of tokens, or a random part. */
typedef struct fb3_set {
    fb3_flows *tokens;
    bool is_part;
    fb3_shuffle split; /* of a part: its sequences are those at the places first, first + 1, ... */
    size_t first, count, flows;
} fb3_set;

struct flowbd3_trainer {
    flowbd3_context *context;
    flowbd3_model *model;            /* its parameters are the averaged ones, if an average is kept */
    flowbd3_trainer_options options; /* defaults filled in */
    char *best_path, *latest_path;

    fb3_set train, validation;
    uint32_t checksum;        /* CRC-32 of the training and validation tokens */
    uint64_t steps_per_epoch; /* as many as if every batch were full */

    fb3_network *network;
    float *parameters; /* [layout size] those in training; the model's own when no average is kept */
    float *gradient, *first_moment, *second_moment; /* [layout size] */
    float *best; /* weights of the best epoch; NULL without validation rows */

    fb3_joint *joint;
    uint16_t *columns; /* [flows of a sequence, S] order of columns; NULL where it does not matter */
    uint16_t *known;   /* [flows of a sequence, S] tokens, masks for unknown ones; NULL: all are known */
    fb3_noise noise;   /* of the training loss, with the clip in use */

    /* What a checkpoint holds besides the slabs. */
    struct fb3_training_state {
        uint64_t step; /* optimiser steps done */
        uint64_t step_in_epoch;
        uint64_t position, flows;  /* sequences of this epoch that are done, and their flows */
        double loss_sum, norm_sum; /* over the flows and over the steps of this epoch */
        double seconds;            /* spent in this epoch */
        double best_nelbo;
        uint32_t stale; /* epochs since the best */
        /* Epochs after which the learning rate began to be taken down early, and over how many; 0: it has not
         * been. */
        uint32_t fading_from, fading_for;
        bool finished;
    } state;
    bool best_due, latest_due; /* the files of best_path and latest_path are still to be written */
    double saved;              /* when the latest checkpoint was written, fb3_seconds */
    flowbd3_epoch *history;
    size_t n_history;
};

/* ---- run.c ------------------------------------------------------------------------------------- */

/* Flows trained on so far, repeats counted. */
uint64_t fb3_trainer_done(const flowbd3_trainer *trainer);

/* The masked shares to train on from now on, which the model remembers. */
void fb3_trainer_set_clip(flowbd3_trainer *trainer, double low, double high);

/* ---- data.c ------------------------------------------------------------------------------------ */

/* Rows to train on or to validate: a table, a stream, or neither. */
typedef struct fb3_rows {
    const flowbd3_table *table;
    flowbd3_table_stream *stream;
} fb3_rows;

static inline bool fb3_rows_are_there(const fb3_rows *rows) {
    return rows->stream != NULL || (rows->table != NULL && flowbd3_table_rows(rows->table) > 0);
}

/* Encodes rows and cuts them into sequences, or holds sequences of train out for validation. */
flowbd3_status fb3_trainer_take_rows(flowbd3_trainer *trainer, const fb3_rows *train,
                                     const fb3_rows *validation, flowbd3_error *err);
void fb3_trainer_release_data(flowbd3_trainer *trainer);

/* The number in its tokens of sequence i of a set. */
size_t fb3_set_sequence(const fb3_set *set, size_t i);

/* Flows of the first `count` sequences of a set in an order, or as they are where that is NULL. */
size_t fb3_set_flows(const fb3_set *set, const fb3_shuffle *order, size_t count);

/* Fills the joint with sequences of set from *position on, in an order (NULL: as they are) until the batch is
 * full, with one at least, moves *position behind them, and hides what the masks of noise hide. The mean over
 * flows is the scale of the loss. step: of training, or number of the batch in validation. */
fb3_batch fb3_trainer_batch(flowbd3_trainer *trainer, const fb3_set *set, const fb3_shuffle *order,
                            size_t *position, const fb3_noise *noise, fb3_purpose purpose, uint32_t step);

/* The order of the sequences in the epoch after the first `epochs`. */
fb3_shuffle fb3_trainer_order(const flowbd3_trainer *trainer, size_t epochs);

/* ---- dropout.c --------------------------------------------------------------------------------- */

/* Whether the model can be trained with the options' condition dropout. */
flowbd3_status fb3_condition_dropout_check(const flowbd3_trainer_options *options, const flowbd3_model *model,
                                           flowbd3_error *err);

/* Makes columns of tokens[S] of flow number flow unknown, or none, in training step step. */
void fb3_condition_dropout(const flowbd3_trainer *trainer, uint16_t *tokens, uint64_t flow, uint32_t step);

/* ---- validate.c -------------------------------------------------------------------------------- */

/* NELBO of the validation sequences with the averaged weights, the same masks every time, several for each
 * when there are few; and the moments of a block's loss. False: cancelled. */
bool fb3_trainer_validate(flowbd3_trainer *trainer, fb3_reporter *reporter, double *nelbo,
                          fb3_moments *moments);

/* ---- optimiser.c ------------------------------------------------------------------------------- */

/* From 1 at share 0 of the way to final at share 1, and after it. */
double fb3_cosine_decay(double share, double final);

/* Learning rate of step 0, 1, ... of total: linear warm-up, then a cosine. */
double fb3_learning_rate(const flowbd3_trainer_options *options, double step, double total);

/* One AdamW step on the gradient, whose norm is given, clipped to the norm of the options, and one of the
 * moving average. */
void fb3_optimiser_step(flowbd3_trainer *trainer, double learning_rate, double norm);

/* ---- checkpoint.c ------------------------------------------------------------------------------ */

flowbd3_status fb3_trainer_append_history(flowbd3_trainer *trainer, const flowbd3_epoch *epoch,
                                          flowbd3_error *err);

#endif
