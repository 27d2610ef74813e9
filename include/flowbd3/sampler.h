/* Sampler: generates flows from a trained model. */
#ifndef FLOWBD3_SAMPLER_H
#define FLOWBD3_SAMPLER_H

#include <flowbd3/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Thread-safety: one thread at a time; many samplers may share one model. */
typedef struct flowbd3_sampler flowbd3_sampler;

/* The order in which the masked tokens of a block are decided. Exact: the rows follow the model's own
 * distribution (at temperature 1 and top_p 1). Biased: they do not, in exchange for fewer evaluations or for
 * a second look at tokens already drawn; docs/diffusion.md, "Orders", says how much on a known distribution.
 */
typedef enum flowbd3_order {
    /* Uniformly random, one token an evaluation: first-hitting sampling (Zheng et al. 2025). Exact; biased
     * with fewer steps than tokens. */
    FLOWBD3_ORDER_RANDOM = 0,
    /* The reverse process in `steps` time steps of the linear schedule (Sahoo et al. 2024): step i of T
     * unmasks every masked token with probability 1 / (T - i). Steps that unmask nothing cost no evaluation.
     * Biased, because tokens of one step are drawn independently; tends to exact as T grows. */
    FLOWBD3_ORDER_ANCESTRAL = 1,
    /* All masked tokens are drawn, those whose draw is most probable are kept (MaskGIT, Chang et al. 2022;
     * LLaDA, Nie et al. 2025). Biased towards probable values even one token an evaluation. */
    FLOWBD3_ORDER_CONFIDENCE = 2,
    /* Tokens with the largest difference of their two largest probabilities first (Kim et al. 2025). The
     * order does not depend on the drawn values: exact one token an evaluation where the network's
     * conditionals are those of one joint distribution; biased with fewer steps. */
    FLOWBD3_ORDER_MARGIN = 3,
    /* Tokens of least entropy first (Ye et al. 2025). Exact and biased as MARGIN is. */
    FLOWBD3_ORDER_ENTROPY = 4,
    /* All tokens whose largest probability is at least `threshold`, and always at least one (Fast-dLLM, Wu et
     * al. 2025). Biased, the less the nearer threshold is to 1. */
    FLOWBD3_ORDER_THRESHOLD = 5,
    /* ReMDM (Wang et al. 2025): the reverse process in `steps` time steps, in which decided tokens may be
     * masked again with probability sigma, at most sigma_max = min(1, (1 - alpha_s) / alpha_t). The share of
     * masked tokens is kept at every time. Biased by the steps that draw several tokens at once. CAP: sigma =
     * min(remask, sigma_max). */
    FLOWBD3_ORDER_REMASK_CAP = 6,
    /* sigma = remask * sigma_max. */
    FLOWBD3_ORDER_REMASK_RESCALE = 7,
    /* remask * sigma_max is shared among the decided tokens by the softmax of -psi, psi the probability at
     * which each was drawn. Biased besides, because which tokens are masked again depends on their values. */
    FLOWBD3_ORDER_REMASK_CONFIDENCE = 8,
    /* No remasking until time loop_from, by when nine tenths are decided; CAP at that share until loop_to;
     * then the rest without remasking. Time runs from 1 down to 0. */
    FLOWBD3_ORDER_REMASK_LOOP = 9
} flowbd3_order;

/* How the draws of different rows hang together. Each row by itself follows the same distribution. */
typedef enum flowbd3_draws {
    /* 256 rows share the order of their columns, and their random numbers are a scrambled Sobol' net (Sobol'
     * 1967, Owen 1995): frequencies and dependences come nearer to the model's than by chance. */
    FLOWBD3_DRAWS_STRATIFIED = 0,
    FLOWBD3_DRAWS_INDEPENDENT = 1 /* rows are independent of each other */
} flowbd3_draws;

/* A factor of the probability of one value. */
typedef struct flowbd3_weight {
    const char *value; /* a category */
    double weight;     /* 0 or more */
} flowbd3_weight;

/* An option that the order does not use must be 0. Texts and rules are read by create alone. */
typedef struct flowbd3_sampler_options {
    size_t struct_size;
    uint32_t steps; /* RANDOM, CONFIDENCE, MARGIN, ENTROPY: network evaluations per block; default 0 = one per
                       token, as is any number above that. ANCESTRAL, REMASK_*: time steps, at most 65536, of
                       which those that draw a token cost an evaluation; default 0 = 2 per token of the block
                       for ANCESTRAL, 4 per token for REMASK_*. Not used by THRESHOLD. */
    double temperature; /* of the logits, above 0; default 0 = 1 */
    double top_p;  /* draw from the most probable tokens that together reach top_p; default 0 = 1 = all */
    uint64_t seed; /* of all draws */
    uint32_t
        batch_size; /* flows in flight; default 0 = chosen by the library; the rows do not depend on it */
    flowbd3_decoding decoding; /* default DRAW */
    flowbd3_order order;       /* default RANDOM */
    double threshold; /* THRESHOLD: in (0, 1], of the probabilities at temperature; default 0 = 0.9 */
    double remask; /* REMASK_*: strength of the remasking, in (0, 1]; default 0 = 0.02, for CONFIDENCE 0.2 */
    double loop_from;        /* REMASK_LOOP: time at which the loop begins, below 1; default 0 = 0.55 */
    double loop_to;          /* REMASK_LOOP: time at which it ends, in (0, loop_from); default 0 = 0.05 */
    uint32_t sequence_flows; /* flows of every sequence. Beyond the model's sequence_length its context is a
                                window: when it is full, the later half of its flows, cut to whole blocks, is
                                what the next ones are given. Default 0 = lengths drawn as those that the
                                training table was cut into */
    /* [n_given] conditions that every row meets, each of one column: "Proto=tcp", "Dport in 80,443",
     * "Dur in [0,1.5]" (either end may be left out), "Sport missing"; a value with a comma stands in double
     * quotes. Models of whole-flow blocks or random column order follow their distribution given the
     * conditions; others approach it as far as `attempts` reach. */
    const char *const *given;
    size_t n_given;
    const flowbd3_rules *rules; /* further rules that every row obeys, beside those of the tokenizer; or NULL.
                                   Rows are selected by them as by conditions */
    /* A column of categories that is drawn by other frequencies than the model's: [n_weights] factors of its
     * values, 1 for those that are not named; without weights all its values become equally frequent. NULL:
     * none. */
    const char *weighted;
    const flowbd3_weight *weights; /* [n_weights], see weighted */
    size_t n_weights;
    uint32_t attempts; /* draws of a row until one obeys and is kept; then the choice is among those that
                          obey. Default 0 = 64 */
    uint32_t complete; /* 1: the sampler is for flowbd3_sampler_complete too */
    double guidance;   /* strength w of classifier-free guidance (Ho & Salimans 2022), at most 1000: tokens of
                          columns that nothing is asked of are drawn from the logits (1 + w) l - w l', where l'
                          does not see the columns of `given`, the weighted one and the cells of a table to
                          complete. Rows become more typical of their conditions and less diverse: they do not
                          follow the model's distribution given the conditions. Twice the work. Models of
                          several blocks need a training with condition_dropout. Default 0 = none */
    flowbd3_draws draws; /* default STRATIFIED */
} flowbd3_sampler_options;

#define FLOWBD3_SAMPLER_OPTIONS_INIT                                                                        \
    {                                                                                                       \
        sizeof(flowbd3_sampler_options), 0, 0.0, 0.0, 0, 0, FLOWBD3_DECODE_DRAW, FLOWBD3_ORDER_RANDOM, 0.0, \
            0.0, 0.0, 0.0, 0, NULL, 0, NULL, NULL, NULL, 0, 0, 0, 0.0, FLOWBD3_DRAWS_STRATIFIED             \
    }

FLOWBD3_API flowbd3_status flowbd3_sampler_options_init(flowbd3_sampler_options *options, size_t size);

/* Creates a sampler of model, which it keeps alive. options may be NULL. The caller owns *out.
 * Errors: ARGUMENT, RANGE (an option; a condition or rule that no row the model knows can meet, by name),
 * SCHEMA (a rule names a column that is not there), STATE (guidance by a model that was not trained for it),
 * MEMORY. */
FLOWBD3_API flowbd3_status flowbd3_sampler_create(flowbd3_sampler **out, const flowbd3_model *model,
                                                  const flowbd3_sampler_options *options, flowbd3_error *err);
FLOWBD3_API void flowbd3_sampler_destroy(flowbd3_sampler **sampler);

/* Bytes that flowbd3_sampler_create would take for itself and its caches of keys and values, a few small
 * allocations aside. Conditions, rules and weights are counted, not read: of those, create alone tells what
 * is wrong. Other errors: as create. */
FLOWBD3_API flowbd3_status flowbd3_sampler_memory(const flowbd3_model *model,
                                                  const flowbd3_sampler_options *options, uint64_t *bytes,
                                                  flowbd3_error *err);

/* Generates the next rows flows as a table. They are those of sequence 0, 1, ...; each has the key of a group
 * of the training table, drawn by how many sequences it was cut into, and times from about one of them on.
 * Row number r of a sampler depends on the model, the options and r alone: neither on the batch size and the
 * number of threads nor on how the rows are split over calls, which may also split a sequence.
 * All rows obey the rules of the tokenizer and of the options and meet the conditions.
 * Errors: ARGUMENT, RANGE (row numbers of 2^63 and more; a row that no attempt found), CANCELLED, MEMORY. */
FLOWBD3_API flowbd3_status flowbd3_sampler_generate(flowbd3_sampler *sampler, uint64_t rows,
                                                    flowbd3_table **out, flowbd3_progress_function progress,
                                                    void *progress_user, flowbd3_error *err);

/* Takes one chunk of generated rows; the table is destroyed after the call. Not 0 ends the generation with
 * FLOWBD3_CANCELLED. */
typedef int (*flowbd3_sampler_sink)(void *user, const flowbd3_table *chunk);

/* Generates the next rows flows chunk by chunk, in order and in memory that does not grow with rows. */
FLOWBD3_API flowbd3_status flowbd3_sampler_stream(flowbd3_sampler *sampler, uint64_t rows,
                                                  flowbd3_sampler_sink sink, void *sink_user,
                                                  flowbd3_progress_function progress, void *progress_user,
                                                  flowbd3_error *err);

/* Completes a table: the cells of partial that are there are kept bit for bit, those that are missing, and
 * the columns that it does not have, are generated given them. Row for row; other columns of partial are left
 * out. The rows are numbers 0, 1, ..., whatever the sampler's position, which stays. For models of
 * independent flows. Errors: ARGUMENT, STATE (option complete; flows in sequences), SCHEMA (type of a
 * column), RANGE (a value that the model does not know, or that contradicts a rule, by row and column),
 * CANCELLED, MEMORY. */
FLOWBD3_API flowbd3_status flowbd3_sampler_complete(flowbd3_sampler *sampler, const flowbd3_table *partial,
                                                    flowbd3_table **out, flowbd3_progress_function progress,
                                                    void *progress_user, flowbd3_error *err);

/* Evaluations of a block by the network so far, added up over all blocks drawn, two a step under guidance;
 * *flows, or NULL, takes the flows drawn, those of sequences in flight that nobody has asked for yet
 * included.
 */
FLOWBD3_API uint64_t flowbd3_sampler_evaluations(const flowbd3_sampler *sampler, uint64_t *flows);

/* Number of the row that comes next; starts at 0. Where the lengths of sequences are drawn, the call after a
 * seek counts the sequences from the last ones generated on, or from the first to a row before them: about a
 * second for ten million rows. */
FLOWBD3_API uint64_t flowbd3_sampler_position(const flowbd3_sampler *sampler);
FLOWBD3_API void flowbd3_sampler_seek(flowbd3_sampler *sampler, uint64_t row);

#ifdef __cplusplus
}
#endif

#endif
