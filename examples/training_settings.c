/* Sizes and schedule of a training. */
#include "training_settings.h"
#include "failure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- as options of a program ------------------------------------------------------------------- */

static const char *const binnings[] = {"auto", "uniform", "quantile", "kmeans", NULL};
static const char *const column_orders[] = {"auto", "fixed", "random", NULL};
static const char *const noises[] = {"count",       "linear",      "cosine", "square",
                                     "square-root", "logarithmic", NULL};
static const named_count blocks[] = {{"flow", BLOCK_OF_FLOW}, {"sequence", BLOCK_OF_SEQUENCE}, {NULL, 0}};

#define SETTING(option_name, option_kind, field, low, high, argument_name, text)                          \
    {                                                                                                     \
        .name = (option_name), .kind = (option_kind), .value = &s->field, .least = (low), .most = (high), \
        .argument = (argument_name), .help = (text), .configurable = true                                 \
    }
#define CHOICE(option_name, field, texts, argument_name, text)                                \
    {                                                                                         \
        .name = (option_name), .kind = OPTION_CHOICE, .value = &s->field, .choices = (texts), \
        .argument = (argument_name), .help = (text), .configurable = true                     \
    }

void list_training_options(program_option *options, training_settings *s) {
    const program_option list[TRAINING_OPTIONS] = {
        SETTING("bins", OPTION_COUNT, bins, 2, 65000, "N",
                "Tokens of a numeric column (default: rows / 16, 64 to 256)"),
        CHOICE("binning", binning, binnings, "STRATEGY",
               "How numbers become tokens: auto, uniform, quantile or kmeans (default: auto)"),
        SETTING(
            "codec", OPTION_LIST, codecs, 0, 0, "COLUMN=CODEC",
            "Tokens of a column: auto, exact, bins, fine or digits; fine:128 with bins of its own (may be "
            "repeated; default: auto)"),
        SETTING("rare-rows", OPTION_COUNT, rare_rows, 0, UINT32_MAX, "N",
                "Give no value that came in fewer rows, 0 = give all (default: 0)"),
        SETTING(
            "rules", OPTION_TEXT, rules, 0, 0, "FILE.json",
            "Rules that generated rows obey, and relations that are not to be found; docs/rules.md has the "
            "format, relations.json is such a file"),
        SETTING("no-relations", OPTION_FLAG, no_relations, 0, 0, NULL,
                "Search the rows for no relations; those of --rules are kept"),
        SETTING("group-by", OPTION_NAMES, group_by, 0, 0, "A,B",
                "Columns whose equal cells make rows one group, such as the source host; taken besides "
                "--columns, not learned but generated with the sequences (default: all rows are one group)"),
        SETTING(
            "order-by", OPTION_TEXT, order_by, 0, 0, "COLUMN",
            "Column of numbers that orders the rows of a group, such as the time; taken besides --columns, "
            "learned as the gaps between rows (default: the order of the file)"),
        SETTING("sequence-length", OPTION_COUNT, sequence_length, 1, 1048576, "N",
                "Flows of a group that see each other; longer groups are cut (default: 1, flows are "
                "independent)"),
        {.name = "block-size",
         .kind = OPTION_COUNT,
         .value = &s->block_size,
         .least = 1,
         .most = 1048576,
         .words = blocks,
         .argument = "N|flow|sequence",
         .help = "Tokens that are denoised together; most columns have one token, 1 is autoregressive "
                 "(default: 1)",
         .configurable = true},
        CHOICE(
            "column-order", column_order, column_orders, "ORDER",
            "Order in which blocks smaller than a flow take in its columns: fixed, random, or auto, which is "
            "random without --first-columns (default: auto)"),
        SETTING("first-columns", OPTION_NAMES, first_columns, 0, 0, "A,B",
                "Columns that come first in the fixed order, as they are named here; the others follow as "
                "they stand"),
        SETTING("d-model", OPTION_COUNT, d_model, 1, 65536, "N",
                "Width of the network (default: 64, 128 or 256, by the rows)"),
        SETTING("n-heads", OPTION_COUNT, n_heads, 1, 1024, "N",
                "Attention heads (default: d-model / 32, or fewer)"),
        SETTING("n-layers", OPTION_COUNT, n_layers, 1, 1024, "N",
                "Transformer blocks (default: 3, 4 or 6, by the rows)"),
        SETTING("d-ff", OPTION_COUNT, d_ff, 1, 1048576, "N", "Feed-forward width (default: 4 d-model)"),
        SETTING("dropout", OPTION_REAL, dropout, 0, 0.99, "SHARE", "Dropout (default: 0.1)"),
        SETTING("epochs", OPTION_COUNT, epochs, 1, 999999, "N",
                "Passes over the rows (default: 450,000 / rows, 1 to 32)"),
        SETTING("batch-size", OPTION_COUNT, batch_size, 1, 65536, "N", "Rows in a step (default: 64)"),
        SETTING("learning-rate", OPTION_REAL, learning_rate, 1e-12, 9, "RATE",
                "Peak of the learning rate (default: 0.128 / d-model, at most 1.5e-3)"),
        SETTING("weight-decay", OPTION_REAL, weight_decay, 0, 9, "RATE",
                "AdamW's weight decay (default: 0.01)"),
        SETTING("gradient-clip", OPTION_REAL, gradient_clip, 0, 1e30, "NORM",
                "Largest norm of a gradient, 0 = any (default: 1)"),
        SETTING("warmup-steps", OPTION_COUNT, warmup_steps, 0, UINT32_MAX, "N",
                "Steps to the peak of the learning rate (default: 5 % of all, at most 1000)"),
        SETTING("ema-decay", OPTION_REAL, ema_decay, 0, 0.9999999, "RATE",
                "Moving average of the weights, 0 = none (default: 0.999)"),
        SETTING(
            "patience", OPTION_COUNT, patience, 0, UINT32_MAX, "N",
            "End, the learning rate going down, after so many epochs without a better validation, 0 = never "
            "(default: an eighth of the epochs, at least 4)"),
        SETTING("max-minutes", OPTION_REAL, max_minutes, 0, 1e7, "M",
                "Stop after so long; --resume goes on, 0 = never (default: 0)"),
        SETTING("memory-budget", OPTION_COUNT, memory_budget, 0, UINT32_MAX, "MB",
                "Megabytes that training may take besides the table; batches that need more are taken in "
                "parts, 0 = no limit (default: 0)"),
        CHOICE("noise", noise, noises, "NOISE",
               "How masks are drawn in training: count, or levels of the schedule linear, cosine, square, "
               "square-root or logarithmic (default: count)"),
        SETTING("clip-low", OPTION_REAL, clip_low, 0, 1, "SHARE",
                "Least share of a block that training masks (default: 0)"),
        SETTING("clip-high", OPTION_REAL, clip_high, 0, 1, "SHARE",
                "Largest share of a block that training masks (default: 1)"),
        SETTING("clip-search", OPTION_FLAG, clip_search, 0, 0, NULL,
                "Search the clip of least variance after every validation"),
        SETTING("resample", OPTION_FLAG, resample, 0, 0, NULL,
                "Draw masks of noise levels again until their share lies inside the clip"),
        SETTING("condition-dropout", OPTION_REAL, condition_dropout, 0, 0.99, "SHARE",
                "Share of the rows whose columns are partly unknown in a step, for --guidance of models of "
                "several blocks (default: 0)"),
        SETTING("train-split", OPTION_REAL, train_split, 0.01, 1, "SHARE",
                "Share of the rows, or of their sequences, to train on; the others validate (default: 0.9)"),
        SETTING("seed", OPTION_COUNT, seed, 0, LARGEST_SEED, "N", "Seed of everything random (default: 0)"),
    };
    memcpy(options, list, sizeof list);
    options[0].other_names[0] = "n-bins";
    options[1].other_names[0] = "strategy";
    options[1].other_names[1] = "tokenizer-strategy";
}

/* ---- codecs ------------------------------------------------------------------------------------ */

/* As flowbd3_codec. */
static const char *const codec_names[] = {"auto", "exact", "bins", "fine", "digits"};
enum { CODECS = sizeof codec_names / sizeof *codec_names, MOST_BINS = 65000 };

/* "64" after the colon of "fine:64". */
static bool read_bins(uint32_t *bins, const char *text) {
    char *end;
    long value = strtol(text, &end, 10);
    *bins = (uint32_t)value;
    return *text >= '0' && *text <= '9' && *end == '\0' && value >= 2 && value <= MOST_BINS;
}

/* "fine" or "fine:64"; a codec without bins takes no number of them. */
static bool read_codec(flowbd3_column_codec *codec, const char *text) {
    size_t length = strcspn(text, ":");
    for (int i = 0; i < CODECS; i++)
        if (strlen(codec_names[i]) == length && strncmp(codec_names[i], text, length) == 0) {
            codec->codec = (flowbd3_codec)i;
            return text[length] == '\0' || (i != FLOWBD3_CODEC_EXACT && i != FLOWBD3_CODEC_DIGITS &&
                                            read_bins(&codec->bins, text + length + 1));
        }
    return false;
}

int parse_training_settings(training_settings *s) {
    s->column_codecs = calloc(s->codecs.count + 1, sizeof *s->column_codecs);
    if (s->column_codecs == NULL)
        return failure("out of memory");
    for (size_t i = 0; i < s->codecs.count; i++) {
        const char *text = s->codecs.items[i], *equals = strrchr(text, '=');
        flowbd3_column_codec *codec = &s->column_codecs[i];
        if (equals == NULL || equals == text || !read_codec(codec, equals + 1))
            return usage_failure(
                "--codec: '%s' is not COLUMN=auto, exact, bins, fine or digits, with :BINS from "
                "2 to %d after auto, bins or fine",
                text, MOST_BINS);
        add_text(&s->codec_columns, text, (size_t)(equals - text));
        codec->name = s->codec_columns.items[i];
    }
    return -1;
}

void release_training_settings(training_settings *s) {
    free(s->column_codecs);
    s->column_codecs = NULL;
    release_texts(&s->codec_columns);
}

/* ---- as options of the library ----------------------------------------------------------------- */

/* The library's options have 0 for its own choice, and below 0 for none. */

static uint32_t chosen(uint64_t count) {
    return count != COUNT_UNSET ? (uint32_t)count : 0;
}

/* What is too large for the library's option is too large for its sequences. */
static uint32_t tokens_of_block(const training_settings *s, size_t slots) {
    uint64_t flows = s->sequence_length != COUNT_UNSET ? s->sequence_length : 1;
    uint64_t tokens = s->block_size == BLOCK_OF_SEQUENCE ? flows * slots
                      : s->block_size == BLOCK_OF_FLOW   ? slots
                      : s->block_size != COUNT_UNSET     ? s->block_size
                                                         : 0;
    return tokens < UINT32_MAX ? (uint32_t)tokens : UINT32_MAX;
}

static double chosen_or_none(double real) {
    return isnan(real) ? 0.0 : real == 0.0 ? -1.0 : real;
}

flowbd3_tokenizer_options tokenizer_options(const training_settings *s, const flowbd3_rules *rules) {
    flowbd3_tokenizer_options options = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    options.binning = (flowbd3_binning)s->binning;
    options.bins = chosen(s->bins);
    options.seed = s->seed;
    options.group_by = (const char *const *)s->group_by.items;
    options.n_group_by = s->group_by.count;
    options.order_by = s->order_by;
    options.codecs = s->column_codecs;
    options.n_codecs = s->codecs.count;
    options.rare_rows = (uint32_t)s->rare_rows;
    options.rules = rules;
    options.relations = s->no_relations ? FLOWBD3_RELATIONS_OFF : FLOWBD3_RELATIONS_SEARCH;
    return options;
}

flowbd3_model_options model_options(const training_settings *s, const flowbd3_tokenizer *tokenizer) {
    flowbd3_model_options options = FLOWBD3_MODEL_OPTIONS_INIT;
    options.d_model = chosen(s->d_model);
    options.n_heads = chosen(s->n_heads);
    options.n_layers = chosen(s->n_layers);
    options.d_ff = chosen(s->d_ff);
    options.dropout = chosen_or_none(s->dropout);
    options.seed = s->seed;
    options.sequence_length = chosen(s->sequence_length);
    options.block_size = tokens_of_block(s, flowbd3_tokenizer_slots(tokenizer));
    options.column_order = (flowbd3_column_order)s->column_order;
    options.columns = (const char *const *)s->first_columns.items;
    options.n_columns = s->first_columns.count;
    return options;
}

flowbd3_trainer_options trainer_options(const training_settings *s) {
    flowbd3_trainer_options options = FLOWBD3_TRAINER_OPTIONS_INIT;
    options.epochs = chosen(s->epochs);
    options.batch_size = chosen(s->batch_size);
    options.learning_rate = isnan(s->learning_rate) ? 0.0 : s->learning_rate;
    options.weight_decay = chosen_or_none(s->weight_decay);
    options.gradient_clip = chosen_or_none(s->gradient_clip);
    /* One step at the peak at once is what no warm-up means. */
    options.warmup_steps = s->warmup_steps == 0 ? 1 : chosen(s->warmup_steps);
    options.ema_decay = chosen_or_none(s->ema_decay);
    options.patience = s->patience == 0 ? UINT32_MAX : chosen(s->patience);
    options.max_seconds = s->max_minutes * 60.0;
    options.seed = s->seed;
    options.noise = s->noise == 0 ? FLOWBD3_NOISE_COUNT : FLOWBD3_NOISE_LEVEL;
    options.schedule = s->noise == 0 ? FLOWBD3_SCHEDULE_LINEAR : (flowbd3_schedule)(s->noise - 1);
    options.clip_low = s->clip_low;
    options.clip_high = s->clip_high;
    options.clip_search = s->clip_search;
    options.resample = s->resample;
    options.memory_budget = s->memory_budget * 1000000;
    options.condition_dropout = s->condition_dropout;
    options.validation_share = s->train_split < 1.0 ? 1.0 - s->train_split : 0.0;
    return options;
}

static double in_effect(double library) {
    return library > 0.0 ? library : 0.0;
}

void settings_in_effect(training_settings *s, const flowbd3_model *model, const flowbd3_trainer *trainer) {
    flowbd3_model_options m = FLOWBD3_MODEL_OPTIONS_INIT;
    flowbd3_trainer_options t = FLOWBD3_TRAINER_OPTIONS_INIT;
    if (flowbd3_model_get_options(model, &m, NULL) != FLOWBD3_OK ||
        flowbd3_trainer_get_options(trainer, &t, NULL) != FLOWBD3_OK)
        return;
    s->d_model = m.d_model;
    s->n_heads = m.n_heads;
    s->n_layers = m.n_layers;
    s->d_ff = m.d_ff;
    s->dropout = in_effect(m.dropout);
    s->sequence_length = m.sequence_length;
    if (s->block_size == COUNT_UNSET)
        s->block_size = m.block_size;
    s->column_order = (uint64_t)m.column_order;
    s->epochs = t.epochs;
    s->batch_size = t.batch_size;
    s->learning_rate = t.learning_rate;
    s->weight_decay = in_effect(t.weight_decay);
    s->gradient_clip = in_effect(t.gradient_clip);
    s->warmup_steps = t.warmup_steps;
    s->ema_decay = in_effect(t.ema_decay);
    s->patience = t.patience == UINT32_MAX ? 0 : t.patience;
    s->clip_low = t.clip_low;
    s->clip_high = t.clip_high;
}
