/* Sizes and schedule of a training, as options of a program and as options of the library. */
#ifndef TRAINING_SETTINGS_H
#define TRAINING_SETTINGS_H

#include "command_line.h"

#include <flowbd3/flowbd3.h>

/* A size of blocks that depends on the slots of a flow; 0 is the library's default, one flow. */
#define BLOCK_OF_FLOW     (UINT64_MAX - 2)
#define BLOCK_OF_SEQUENCE (UINT64_MAX - 1)

/* Counts are COUNT_UNSET and reals NaN where the library chooses. 0 means none: no dropout, no decay. */
typedef struct training_settings {
    uint64_t bins, binning; /* binning as flowbd3_binning */
    text_list codecs;       /* "COLUMN=CODEC" or "COLUMN=CODEC:BINS" */
    uint64_t rare_rows;
    char *rules; /* a file of rules, or NULL */
    bool no_relations;
    text_list group_by;
    char *order_by; /* NULL: the order of the table */
    uint64_t sequence_length, block_size;
    uint64_t column_order;   /* as flowbd3_column_order */
    text_list first_columns; /* of a fixed order */
    uint64_t d_model, n_heads, n_layers, d_ff;
    double dropout;
    uint64_t epochs, batch_size;
    double learning_rate, weight_decay, gradient_clip;
    uint64_t warmup_steps;
    double ema_decay;
    uint64_t patience;
    double max_minutes;
    uint64_t memory_budget; /* MB */
    uint64_t noise;         /* 0: FLOWBD3_NOISE_COUNT, otherwise 1 + the schedule of FLOWBD3_NOISE_LEVEL */
    double clip_low, clip_high;
    bool clip_search, resample;
    double condition_dropout;
    double train_split; /* share of the rows that trains, the others validate */
    uint64_t seed;
    flowbd3_column_codec *column_codecs; /* [codecs.count], owned; set by parse_training_settings */
    text_list codec_columns;             /* their names */
} training_settings;

/* Everything is left to the library, but for the clip, train_split and seed. */
#define TRAINING_SETTINGS_INIT                                                                           \
    {                                                                                                    \
        .bins = COUNT_UNSET, .sequence_length = COUNT_UNSET, .block_size = COUNT_UNSET,                  \
        .d_model = COUNT_UNSET, .n_heads = COUNT_UNSET, .n_layers = COUNT_UNSET, .d_ff = COUNT_UNSET,    \
        .dropout = (double)NAN, .epochs = COUNT_UNSET, .batch_size = COUNT_UNSET,                        \
        .learning_rate = (double)NAN, .weight_decay = (double)NAN, .gradient_clip = (double)NAN,         \
        .warmup_steps = COUNT_UNSET, .ema_decay = (double)NAN, .patience = COUNT_UNSET, .clip_low = 0.0, \
        .clip_high = 1.0, .train_split = 0.9                                                             \
    }

enum { TRAINING_OPTIONS = 35 };

/* Fills options[TRAINING_OPTIONS]. */
void list_training_options(program_option *options, training_settings *settings);

/* Takes the codecs apart once all are there. -1, or the status to exit with. */
int parse_training_settings(training_settings *settings);

/* Frees what parse_training_settings made; release_options frees the rest. */
void release_training_settings(training_settings *settings);

/* Each points into settings. The rules are those of the file that settings name. */
flowbd3_tokenizer_options tokenizer_options(const training_settings *settings, const flowbd3_rules *rules);
flowbd3_model_options model_options(const training_settings *settings, const flowbd3_tokenizer *tokenizer);
flowbd3_trainer_options trainer_options(const training_settings *settings);

/* Takes up what the library chose. */
void settings_in_effect(training_settings *settings, const flowbd3_model *model,
                        const flowbd3_trainer *trainer);

#endif
