/* The trainer room from inside. */
#ifndef FB3_TRAINER_H
#define FB3_TRAINER_H

#include <flowbd3/trainer.h>

#include "diffusion/diffusion.h"
#include "model/model.h"

struct flowbd3_trainer {
    flowbd3_context *context;
    flowbd3_model *model;            /* its parameters are the averaged ones */
    flowbd3_trainer_options options; /* defaults filled in */
    char *best_path, *latest_path;

    uint16_t *train, *validation; /* [rows, S] */
    size_t n_train, n_validation;
    uint32_t checksum; /* CRC-32 of the training and validation tokens */
    uint64_t steps_per_epoch;

    fb3_network *network;
    float *parameters, *gradient, *first_moment, *second_moment; /* [layout size] */
    float *best;          /* weights of the best epoch; NULL without validation rows */
    double *partial_sums; /* [chunks of the slab] */

    size_t *order;              /* [n_train] rows in the order of this epoch */
    uint32_t ordered_epoch;     /* 1 + the epoch that order is of */
    uint16_t *inputs, *targets; /* [batch, S] */
    uint8_t *masked;            /* [batch, S] */
    float *scale;               /* [batch, S] */
    fb3_block *blocks;          /* [batch] */

    /* What a checkpoint holds besides the slabs. */
    struct fb3_training_state {
        uint64_t step; /* optimiser steps done */
        uint64_t step_in_epoch;
        double loss_sum, norm_sum; /* over the steps of this epoch */
        double seconds;            /* spent in this epoch */
        double best_nelbo;
        uint32_t stale; /* epochs since the best */
        bool finished;
    } state;
    double saved; /* when the latest checkpoint was written, fb3_seconds */
    flowbd3_epoch *history;
    size_t n_history;
};

/* ---- optimiser.c ------------------------------------------------------------------------------- */

/* Learning rate of step 0, 1, ... : linear warm-up, then a cosine. */
double fb3_learning_rate(const flowbd3_trainer_options *options, uint64_t step, uint64_t total);

/* Tasks that the slab is cut into. */
size_t fb3_optimiser_chunks(const fb3_layout *layout);

/* Norm of the gradient. */
double fb3_gradient_norm(flowbd3_trainer *trainer);

/* One AdamW step on the gradient, clipped to the norm of the options, and one of the moving average. */
void fb3_optimiser_step(flowbd3_trainer *trainer, double learning_rate, double norm);

/* ---- checkpoint.c ------------------------------------------------------------------------------ */

/* Without an average, the model's parameters follow those in training only when they are looked at. */
void fb3_trainer_publish(flowbd3_trainer *trainer);

flowbd3_status fb3_trainer_append_history(flowbd3_trainer *trainer, const flowbd3_epoch *epoch,
                                          flowbd3_error *err);

#endif
