/* Model: a block diffusion transformer over the slots of a flow, with the tokenizer that feeds it. */
#ifndef FLOWBD3_MODEL_H
#define FLOWBD3_MODEL_H

#include <flowbd3/tokenizer.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Thread-safety: one thread while a trainer changes it; any number of samplers and readers otherwise. */
typedef struct flowbd3_model flowbd3_model;

/* The order in which the blocks of a flow take in its columns. It matters where blocks are smaller than a
 * flow or end inside one; elsewhere a warning says that it has no effect. */
typedef enum flowbd3_column_order {
    FLOWBD3_COLUMNS_AUTO = 0,  /* FIXED with the option columns or blocks of whole flows, otherwise RANDOM */
    FLOWBD3_COLUMNS_FIXED = 1, /* that of the tokenizer, or that of the option columns */
    FLOWBD3_COLUMNS_RANDOM = 2 /* a random order for every flow: any columns can be given to a model of small
                                  blocks, it generalises better, and a likelihood is one of many */
} flowbd3_column_order;

typedef struct flowbd3_model_options {
    size_t struct_size;
    /* Sizes that are 0 are chosen by the rows of the tokenizer's table: D 64 with 3 transformer blocks below
     * 4,000 rows, 128 with 4 below 200,000, otherwise 256 with 6. */
    uint32_t d_model;  /* width D, a multiple of n_heads */
    uint32_t n_heads;  /* attention heads H; D / H is even; default 0 = the most, up to D / 32, for which it
                          is, or 1 */
    uint32_t n_layers; /* transformer blocks */
    uint32_t d_ff;     /* feed-forward width F; default 0 = 4 D */
    double dropout;    /* of attention weights and of feed-forward output, below 1; default 0 = 0.1, below 0 =
                          none */
    uint64_t seed;     /* initial weights */
    uint32_t sequence_length; /* flows of a group that see each other, L; longer groups are cut into sequences
                                 of so many, the last one shorter; default 0 = 1: flows are independent */
    uint32_t block_size; /* tokens that are denoised together, 1 (autoregressive) to L times the slots of a
                            flow (full diffusion); where it does not divide a sequence, the sequence's last
                            block is smaller; default 0 = 1, docs/fidelity.md says why */
    flowbd3_column_order column_order; /* default AUTO */
    const char *const *columns; /* [n_columns] names of columns in the order of FLOWBD3_COLUMNS_FIXED; those
                                   not named follow as they stand; default NULL */
    size_t n_columns;
} flowbd3_model_options;

#define FLOWBD3_MODEL_OPTIONS_INIT \
    { sizeof(flowbd3_model_options), 0, 0, 0, 0, 0.0, 0, 0, 0, FLOWBD3_COLUMNS_AUTO, NULL, 0 }

FLOWBD3_API flowbd3_status flowbd3_model_options_init(flowbd3_model_options *options, size_t size);

/* Creates a model with random weights for the slots of a tokenizer, which it keeps alive.
 * options may be NULL. The caller owns *out. Errors: RANGE (sizes), ARGUMENT (columns), MEMORY. */
FLOWBD3_API flowbd3_status flowbd3_model_create(flowbd3_model **out, flowbd3_tokenizer *tokenizer,
                                                const flowbd3_model_options *options, flowbd3_error *err);
FLOWBD3_API void flowbd3_model_destroy(flowbd3_model **model);

/* Writes the model (schema, tokenizer, weights; format: docs/model-file.md) beside path and renames it there.
 * Errors: IO, MEMORY. */
FLOWBD3_API flowbd3_status flowbd3_model_save(const flowbd3_model *model, const char *path,
                                              flowbd3_error *err);

/* Loads a model, or a trainer's checkpoint as a model. The caller owns *out.
 * Errors: IO, FORMAT, VERSION, CHECKSUM, NUMERIC (weights that are not finite), MEMORY. */
FLOWBD3_API flowbd3_status flowbd3_model_load(flowbd3_model **out, flowbd3_context *context, const char *path,
                                              flowbd3_error *err);

/* The model's tokenizer; lives as long as the model. */
FLOWBD3_API flowbd3_tokenizer *flowbd3_model_tokenizer(const flowbd3_model *model);

/* The sizes the model was made with, every default filled in; names live as long as the model.
 * Errors: ARGUMENT. */
FLOWBD3_API flowbd3_status flowbd3_model_get_options(const flowbd3_model *model,
                                                     flowbd3_model_options *options, flowbd3_error *err);

/* The masked shares that training would go on with, low to high: those of the options, or what the search
 * found at the last validation; 0 and 1 unless training is clipped. */
FLOWBD3_API void flowbd3_model_clip(const flowbd3_model *model, double *low, double *high);

/* The condition_dropout of the trainer that the model was last given to; 0 for one that had none. */
FLOWBD3_API double flowbd3_model_condition_dropout(const flowbd3_model *model);

/* Trainable parameters, padding not counted. */
FLOWBD3_API uint64_t flowbd3_model_parameters(const flowbd3_model *model);

#ifdef __cplusplus
}
#endif

#endif
