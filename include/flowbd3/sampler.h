/* Sampler: generates flows from a trained model. */
#ifndef FLOWBD3_SAMPLER_H
#define FLOWBD3_SAMPLER_H

#include <flowbd3/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Thread-safety: one thread at a time; many samplers may share one model. */
typedef struct flowbd3_sampler flowbd3_sampler;

typedef struct flowbd3_sampler_options {
    size_t struct_size;
    uint32_t steps; /* network evaluations per flow; default 0 = one per slot, which draws one undecided slot
                       at a time in random order and is exact; fewer draw several at once, independently of
                       each other, which is faster and biased. More than there are slots is the same as 0. */
    double temperature; /* of the logits, above 0; default 0 = 1 */
    double top_p; /* draw from the most probable tokens that together reach top_p; default 0 = 1 = all */
    uint64_t seed;
    uint32_t
        batch_size; /* flows in flight; default 0 = chosen by the library; the rows do not depend on it */
    flowbd3_decoding decoding;
} flowbd3_sampler_options;

#define FLOWBD3_SAMPLER_OPTIONS_INIT \
    { sizeof(flowbd3_sampler_options), 0, 0.0, 0.0, 0, 0, FLOWBD3_DECODE_DRAW }

FLOWBD3_API flowbd3_status flowbd3_sampler_options_init(flowbd3_sampler_options *options, size_t size);

/* Creates a sampler of model, which must outlive it. options may be NULL. The caller owns *out.
 * Errors: ARGUMENT, RANGE, MEMORY. */
FLOWBD3_API flowbd3_status flowbd3_sampler_create(flowbd3_sampler **out, const flowbd3_model *model,
                                                  const flowbd3_sampler_options *options, flowbd3_error *err);
FLOWBD3_API void flowbd3_sampler_destroy(flowbd3_sampler **sampler);

/* Generates the next rows flows as a table. Row number r of a sampler depends on the model, the options and r
 * alone: neither on the batch size and the number of threads nor on how the rows are split over calls.
 * Errors: ARGUMENT, RANGE (row numbers of 2^63 and more), CANCELLED, MEMORY. */
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

/* Number of the row that comes next; starts at 0. */
FLOWBD3_API uint64_t flowbd3_sampler_position(const flowbd3_sampler *sampler);
FLOWBD3_API void flowbd3_sampler_seek(flowbd3_sampler *sampler, uint64_t row);

#ifdef __cplusplus
}
#endif

#endif
