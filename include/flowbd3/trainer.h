/* Trainer: fits a model to a table by masked diffusion. */
#ifndef FLOWBD3_TRAINER_H
#define FLOWBD3_TRAINER_H

#include <flowbd3/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Thread-safety: one thread at a time. The model must not be used elsewhere while a call runs. */
typedef struct flowbd3_trainer flowbd3_trainer;

/* How the training loss draws what it masks: two unbiased estimators of the NELBO. */
typedef enum flowbd3_noise {
    FLOWBD3_NOISE_COUNT = 0, /* the number k of masked slots of S, uniform on 1..S, weight S/k: the noise
                                level is integrated out, the variance is smaller */
    FLOWBD3_NOISE_LEVEL = 1  /* a noise level t, uniform on (0, 1], masks every slot with probability p(t) of
                                the schedule, weight p'(t) / p(t) (Arriola et al. 2025, eq. 8) */
} flowbd3_noise;

/* Noise schedules of FLOWBD3_NOISE_LEVEL: the mask probability p(t) = 1 - alpha_t at noise level t in (0, 1]
 * (Arriola et al. 2025). All train on the same bound; they differ in the levels that are drawn often. */
typedef enum flowbd3_schedule {
    FLOWBD3_SCHEDULE_LINEAR = 0,      /* t, the log-linear noise of Sahoo et al. 2024 */
    FLOWBD3_SCHEDULE_COSINE = 1,      /* 1 - cos(pi t / 2) */
    FLOWBD3_SCHEDULE_SQUARE = 2,      /* t^2 */
    FLOWBD3_SCHEDULE_SQUARE_ROOT = 3, /* sqrt(t) */
    FLOWBD3_SCHEDULE_LOGARITHMIC = 4  /* ln(1 + t) / ln 2 */
} flowbd3_schedule;

typedef struct flowbd3_trainer_options {
    size_t struct_size;
    uint32_t epochs;       /* passes over the training flows; default 0 = 450,000 / flows, 1 to 32 */
    uint32_t batch_size;   /* flows per step: as many whole sequences as fit, at least one; default 0 = 64 */
    double learning_rate;  /* peak of the schedule; default 0 = 0.128 / D, at most 1.5e-3 */
    double weight_decay;   /* AdamW, on matrices only; default 0 = 0.01, below 0 = none */
    double beta1;          /* AdamW; default 0 = 0.9 */
    double beta2;          /* AdamW; default 0 = 0.999 */
    double epsilon;        /* AdamW; default 0 = 1e-8 */
    double gradient_clip;  /* largest norm of the gradient; default 0 = 1.0, below 0 = none */
    uint32_t warmup_steps; /* linear warm-up; default 0 = 5 % of all steps, at most 1000 */
    double final_learning_rate; /* share of the peak at the end of the cosine, below 1; default 0 */
    double ema_decay;  /* exponential moving average of the weights; default 0 = 0.999, below 0 = none */
    uint32_t patience; /* epochs without a better validation NELBO after which the learning rate is taken down
                          over a quarter of the epochs so far, and training ends; for which validation rows
                          are needed; UINT32_MAX = never; default 0 = an eighth of the epochs, at least 4 */
    double max_seconds;    /* stop after so long, valid and resumable; default 0 = no limit */
    uint64_t seed;         /* order of rows, those held out, masks, dropout */
    const char *best_path; /* model file written when the validation NELBO improves, and by a last epoch whose
                              NELBO is less than 0.25 % above the best; without validation rows after every
                              epoch; default NULL = none */
    const char *latest_path;   /* checkpoint written after an epoch, not more often than every two seconds, at
                                  the end and on cancel; default NULL = none */
    flowbd3_noise noise;       /* estimator of the training loss */
    flowbd3_schedule schedule; /* of FLOWBD3_NOISE_LEVEL; FLOWBD3_NOISE_COUNT takes LINEAR alone */
    double clip_low;      /* training masks shares of a block in [clip_low, clip_high] only, 0 <= clip_low */
    double clip_high;     /* < clip_high <= 1, or both 1 (everything is masked); default 0 = 0 and 1: all
                             shares. The reported bound is never clipped */
    uint32_t clip_search; /* 1: after every validation the clip of least variance is searched and used from
                             then on (docs/diffusion.md); of the blocks that validate, those of full size
 count, and without one a warning is logged */
    uint32_t resample;    /* 1, of FLOWBD3_NOISE_LEVEL: a block's mask is drawn again until its masked share
                             lies inside the clip */
    double validation_share;  /* share of the training table's sequences that validate instead, when there is
                                 no validation table, below 1; default 0 = none */
    double condition_dropout; /* probability that columns of a flow are unknown in a step, every subset but
                                 the empty one as likely as another, to the flow itself and to those after it,
                                 so that a sampler can leave out conditions (option guidance); below 1, and
                                 not for models of one block per sequence, whose masks leave out any columns
                                 as it is. What is unknown adds nothing to the loss. Default 0 = none */
    uint64_t memory_budget;   /* bytes that the trainer may take: weights, moments, tokens and what a step
                                 computes. A batch that needs more goes through the network in parts whose
                                 gradients are summed up: another order of the same sums. Default 0 = parts of
                                 about 4,096 tokens, whatever that takes */
} flowbd3_trainer_options;

#define FLOWBD3_TRAINER_OPTIONS_INIT                                                                       \
    {                                                                                                      \
        sizeof(flowbd3_trainer_options), 0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0, 0.0, 0.0, 0, 0.0, 0, NULL, \
            NULL, FLOWBD3_NOISE_COUNT, FLOWBD3_SCHEDULE_LINEAR, 0.0, 0.0, 0, 0, 0.0, 0.0, 0                \
    }

FLOWBD3_API flowbd3_status flowbd3_trainer_options_init(flowbd3_trainer_options *options, size_t size);

/* One epoch. */
typedef struct flowbd3_epoch {
    size_t struct_size;
    uint32_t epoch;            /* 1, 2, ... */
    uint64_t step;             /* optimiser steps so far */
    double train_loss;         /* mean of the stochastic NELBO over the epoch, nats per flow; with
                                  condition_dropout that of the columns that were left */
    double validation_nelbo;   /* NELBO of the validation rows with the averaged weights, nats per flow; NaN
                                  without */
    double learning_rate;      /* at the end of the epoch */
    double gradient_norm;      /* mean norm before clipping */
    double seconds;            /* spent in the epoch */
    double clip_low;           /* masked shares that the next epoch trains on, from here */
    double clip_high;          /* to here */
    double loss_variance;      /* variance of a block's training loss under that clip, nats^2; NaN without
                                  validation rows */
    double unclipped_variance; /* what it would be without a clip */
} flowbd3_epoch;

#define FLOWBD3_EPOCH_INIT \
    { sizeof(flowbd3_epoch), 0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0 }

/* Creates a trainer of model, which it keeps alive, on train; validation may be NULL. Both tables are
 * encoded here, cut into the model's sequences, and not kept. options may be NULL. The caller owns *out.
 * Errors: ARGUMENT, RANGE, SCHEMA, FORMAT (an order column with a missing cell), MEMORY. */
FLOWBD3_API flowbd3_status flowbd3_trainer_create(flowbd3_trainer **out, flowbd3_model *model,
                                                  const flowbd3_table *train, const flowbd3_table *validation,
                                                  const flowbd3_trainer_options *options, flowbd3_error *err);

/* The same on the rows of streams, of which a chunk is held at a time: what stays are the tokens, two bytes a
 * slot and row. The trainer is, to the last bit, that of the same rows as a table. train must not be
 * validation; both are read once, from their first row, and left at their end. Errors: as above and those of
 * the streams; ARGUMENT (a tokenizer with group_by or order_by), FORMAT (a stream without rows). */
FLOWBD3_API flowbd3_status flowbd3_trainer_create_stream(flowbd3_trainer **out, flowbd3_model *model,
                                                         flowbd3_table_stream *train,
                                                         flowbd3_table_stream *validation,
                                                         const flowbd3_trainer_options *options,
                                                         flowbd3_error *err);
FLOWBD3_API void flowbd3_trainer_destroy(flowbd3_trainer **trainer);

/* The options the trainer was made with, every default filled in; their paths live as long as the trainer.
 * Errors: ARGUMENT. */
FLOWBD3_API flowbd3_status flowbd3_trainer_get_options(const flowbd3_trainer *trainer,
                                                       flowbd3_trainer_options *options, flowbd3_error *err);

/* Takes up the state of a checkpoint of the same model, rows and options: what follows is bit for bit what
 * would have followed without the break. Errors: IO, FORMAT, VERSION, CHECKSUM, SCHEMA (another model, table
 * or schedule), NUMERIC (a number that is not finite), STATE (training has begun), MEMORY. */
FLOWBD3_API flowbd3_status flowbd3_trainer_resume(flowbd3_trainer *trainer, const char *path,
                                                  flowbd3_error *err);

/* Trains until the last epoch, early stopping, the time limit or a cancel; may be called again to go on after
 * the latter two. On return the model holds the averaged weights: those of best_path's file when there are
 * validation rows and training has ended, otherwise those of the latest step. Errors: CANCELLED, NUMERIC (the
 * loss is not finite: nothing is written from then on, the files of the options are the last good ones; the
 * model holds the weights of the best epoch, without validation rows those of the step that went too far), IO
 * (what could not be written is written at the end of the next epoch, or by the next call after the last
 * one), MEMORY. Validation at the end of an epoch reports progress too; when it is cancelled it starts anew
 * at the next call. */
FLOWBD3_API flowbd3_status flowbd3_trainer_run(flowbd3_trainer *trainer, flowbd3_progress_function progress,
                                               void *progress_user, flowbd3_error *err);

/* Writes a checkpoint: a model file that also holds the state of training. */
FLOWBD3_API flowbd3_status flowbd3_trainer_save(const flowbd3_trainer *trainer, const char *path,
                                                flowbd3_error *err);

/* Non-zero when nothing is left to do: all epochs done or stopped early. */
FLOWBD3_API int flowbd3_trainer_finished(const flowbd3_trainer *trainer);

/* Number of finished epochs, those before a resumed checkpoint included; and epoch i < number of them, oldest
 * first, of which epoch->struct_size bytes are written. Errors: ARGUMENT, RANGE (no such epoch). */
FLOWBD3_API size_t flowbd3_trainer_epochs(const flowbd3_trainer *trainer);
FLOWBD3_API flowbd3_status flowbd3_trainer_get_epoch(const flowbd3_trainer *trainer, size_t i,
                                                     flowbd3_epoch *epoch, flowbd3_error *err);

#ifdef __cplusplus
}
#endif

#endif
