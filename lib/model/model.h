/* The model room's door: a network's parameters together with the tokenizer that feeds it. */
#ifndef FB3_MODEL_H
#define FB3_MODEL_H

#include <flowbd3/model.h>

#include "model/joint.h"
#include "model/network.h"

#include <jansson.h>
#include <stdatomic.h>

struct flowbd3_model {
    atomic_uint references;
    flowbd3_context *context;
    flowbd3_tokenizer *tokenizer;
    flowbd3_model_options options; /* defaults filled in */
    size_t *vocabulary;            /* [S] */
    float **features;              /* [S] see fb3_network_config */
    fb3_network_config config;
    fb3_blocking blocking;
    size_t columns;             /* that have slots */
    size_t *order;              /* [S] slots in the order that blocks take them in */
    double clip_low, clip_high; /* masked shares that training would go on with */
    double condition_dropout;   /* of the last training */
    fb3_layout *layout;
    float *parameters; /* [layout size] */
};

/* One more reference, to be given up with flowbd3_model_destroy. */
flowbd3_model *fb3_model_retain(const flowbd3_model *model);

/* A model without memory for its parameters, and that memory. */
flowbd3_status fb3_model_create_empty(flowbd3_model **out, flowbd3_tokenizer *tokenizer,
                                      const flowbd3_model_options *options, flowbd3_error *err);
flowbd3_status fb3_model_allocate(flowbd3_model *model, flowbd3_error *err);

/* Whether blocks end inside flows, so that the order matters in which they take in a flow's slots; and that
 * order[S], of flow number flow, which is random by seed, flow and step when the model's columns are.
 * (order.c)
 */
bool fb3_model_has_order(const flowbd3_model *model);
void fb3_model_order(const flowbd3_model *model, uint16_t *order, uint64_t seed, uint64_t flow,
                     uint32_t step);

/* Takes up the options columns, or reports the name that is wrong. (order.c) */
flowbd3_status fb3_model_set_columns(flowbd3_model *model, const flowbd3_model_options *options,
                                     flowbd3_error *err);

/* Features [V_s + 1, FB3_FEATURES] of a slot's tokens, zero for those of missing cells and of masks; NULL
 * when the tokens have no order. (features.c) */
flowbd3_status fb3_token_features(float **out, const flowbd3_tokenizer *tokenizer, size_t slot,
                                  flowbd3_error *err);

/* A table's rows as sequences of tokens: its groups of rows, cut into sequences of at most L flows. What is
 * the same for every row is not kept for each of them. (flows.c) */
typedef struct fb3_flows {
    flowbd3_context *context;
    size_t count, sequences; /* flows, in so many sequences */
    size_t length;           /* flows of every sequence but the last, where first is NULL */
    uint16_t *tokens;        /* [count, S] sequence by sequence */
    size_t *rows;            /* [count] the table's row of each flow; NULL: they are in its order */
    size_t *first;           /* [sequences + 1] flow that each sequence begins with; NULL: by their length */
} fb3_flows;

/* Flow that a sequence begins with, or that ends the last one; and the table's row of a flow. */
static inline size_t fb3_flows_first(const fb3_flows *flows, size_t sequence) {
    if (flows->first != NULL)
        return flows->first[sequence];
    return sequence < flows->sequences ? sequence * flows->length : flows->count;
}

static inline size_t fb3_flows_row(const fb3_flows *flows, size_t flow) {
    return flows->rows != NULL ? flows->rows[flow] : flow;
}

/* known: a cell that no token stands for becomes its slot's mask; otherwise it is an error. */
flowbd3_status fb3_flows_create(fb3_flows **out, const flowbd3_model *model, const flowbd3_table *table,
                                bool known, flowbd3_error *err);

/* The same of all rows of a stream, a chunk of which is held at a time. Errors: those of the stream and of
 * encoding, ARGUMENT (a tokenizer of sequences), FORMAT (no rows). */
flowbd3_status fb3_flows_create_stream(fb3_flows **out, const flowbd3_model *model,
                                       flowbd3_table_stream *stream, flowbd3_error *err);
void fb3_flows_destroy(fb3_flows **flows);

/* A member of a model file besides the model itself: a slab of floats laid out as the parameters are. */
typedef struct fb3_slab {
    const char *prefix; /* of the tensors' names, for example "trainer.first_moment." */
    float *floats;
} fb3_slab;

/* Writes the model and, for a checkpoint, slabs[n_slabs] and the JSON state of training (or NULL). */
flowbd3_status fb3_model_write(const flowbd3_model *model, const char *path, const json_t *training,
                               const fb3_slab *slabs, size_t n_slabs, flowbd3_error *err);

/* The state of training in a checkpoint of this very model: the same tokenizer and sizes. A new reference. */
flowbd3_status fb3_model_read_training(const flowbd3_model *model, const char *path, json_t **training,
                                       flowbd3_error *err);

/* The parameters and the slabs of a checkpoint; nothing changes on failure. */
flowbd3_status fb3_model_read_slabs(flowbd3_model *model, const char *path, const fb3_slab *slabs,
                                    size_t n_slabs, flowbd3_error *err);

#endif
