/* Model: sizes, initial weights, life. */
#include "model/model.h"
#include "tokenizer/tokenizer.h"

#include <math.h>
#include <string.h>

flowbd3_status flowbd3_model_options_init(flowbd3_model_options *options, size_t size) {
    return fb3_options_init(options, size);
}

/* Sizes that a table of so many rows can fill. */
static void choose_sizes(flowbd3_model_options *o, uint64_t rows) {
    static const struct {
        uint64_t below;
        uint32_t width, layers;
    } sizes[] = {{4000, 64, 3}, {200000, 128, 4}, {UINT64_MAX, 256, 6}};
    size_t i = 0;
    while (rows >= sizes[i].below && i + 1 < FB3_COUNT(sizes))
        i++;
    if (o->d_model == 0)
        o->d_model = sizes[i].width;
    if (o->n_layers == 0)
        o->n_layers = sizes[i].layers;
}

/* Heads of 32 columns, or wider ones where the width is no multiple of that. */
static uint32_t choose_heads(uint32_t width) {
    uint32_t heads = width >= 64 ? width / 32 : 1;
    while (heads > 1 && (width % heads != 0 || width / heads % 2 != 0))
        heads--;
    return heads;
}

static flowbd3_status check_options(flowbd3_model_options *o, uint64_t rows, flowbd3_error *err) {
    choose_sizes(o, rows);
    if (o->n_heads == 0)
        o->n_heads = choose_heads(o->d_model);
    if (o->d_model > 8192)
        return fb3_fail(err, FLOWBD3_ERROR_RANGE, "d_model is %u, expected at most 8192", o->d_model);
    if (o->d_ff == 0)
        o->d_ff = 4 * o->d_model;
    if (o->d_ff > 65536)
        return fb3_fail(err, FLOWBD3_ERROR_RANGE, "d_ff is %u, expected at most 65536", o->d_ff);
    if (o->n_layers > 256)
        return fb3_fail(err, FLOWBD3_ERROR_RANGE, "n_layers is %u, expected at most 256", o->n_layers);
    if (o->d_model % o->n_heads != 0 || o->d_model / o->n_heads % 2 != 0)
        return fb3_fail(err, FLOWBD3_ERROR_RANGE,
                        "d_model is %u with n_heads %u, expected an even number of columns for every head",
                        o->d_model, o->n_heads);
    if (!isfinite(o->dropout) || o->dropout >= 1.0)
        return fb3_fail(err, FLOWBD3_ERROR_RANGE, "dropout is %g, expected a finite number below 1",
                        o->dropout);
    if (o->dropout == 0.0)
        o->dropout = 0.1;
    return FLOWBD3_OK;
}

/* Tokens that one sequence may have: attention grows with them. */
enum { LONGEST_SEQUENCE = 1 << 20 };

static flowbd3_status check_blocks(flowbd3_model_options *o, size_t slots, flowbd3_error *err) {
    if (o->sequence_length == 0)
        o->sequence_length = 1;
    if (o->block_size == 0)
        o->block_size = 1;
    uint64_t tokens = (uint64_t)o->sequence_length * slots;
    if (tokens > LONGEST_SEQUENCE)
        return fb3_fail(err, FLOWBD3_ERROR_RANGE,
                        "sequence_length is %u: with %zu slots a flow that is more than %d tokens",
                        o->sequence_length, slots, LONGEST_SEQUENCE);
    if (o->block_size > tokens)
        return fb3_fail(err, FLOWBD3_ERROR_RANGE,
                        "block_size is %u tokens, expected at most the %llu of a sequence of %u flows",
                        o->block_size, (unsigned long long)tokens, o->sequence_length);
    if (o->column_order < FLOWBD3_COLUMNS_AUTO || o->column_order > FLOWBD3_COLUMNS_RANDOM)
        return fb3_fail(err, FLOWBD3_ERROR_RANGE, "column_order is %d, expected 0 to 2",
                        (int)o->column_order);
    if (o->column_order == FLOWBD3_COLUMNS_AUTO)
        o->column_order =
            o->n_columns > 0 || o->block_size % slots == 0 ? FLOWBD3_COLUMNS_FIXED : FLOWBD3_COLUMNS_RANDOM;
    return FLOWBD3_OK;
}

/* ---- initial weights --------------------------------------------------------------------------- */

/* Normal numbers by Box and Muller (1958), two for every index. */
static double normal(uint64_t seed, uint64_t index) {
    uint32_t word[4];
    fb3_random(word, seed, FB3_RANDOM_INITIAL_WEIGHTS, index / 2, 0);
    double radius = sqrt(-2.0 * log(fb3_uniform53(word[0], word[1])));
    double angle = 2.0 * 3.14159265358979323846 * fb3_uniform53(word[2], word[3]);
    return radius * (index % 2 == 0 ? cos(angle) : sin(angle));
}

static void fill_normal(flowbd3_model *model, const fb3_tensor *tensor, double deviation) {
    for (size_t r = 0; r < tensor->rows; r++)
        for (size_t c = 0; c < tensor->columns; c++) {
            uint64_t index = tensor->offset + r * tensor->stride + c;
            model->parameters[index] = (float)(deviation * normal(model->options.seed, index));
        }
}

static void fill_ones(flowbd3_model *model, const fb3_tensor *tensor) {
    for (size_t c = 0; c < tensor->columns; c++)
        model->parameters[tensor->offset + c] = 1.0f;
}

/* The head starts from the fitted table's marginal distribution: bias = log frequency, half a count at least.
 */
static void fill_log_frequencies(flowbd3_model *model, size_t slot) {
    const fb3_tensor *bias = fb3_slot_tensor(model->layout, slot, FB3_HEAD_BIAS);
    const uint64_t *counts = fb3_tokenizer_counts(model->tokenizer, slot);
    double total = 0.0;
    for (size_t v = 0; v < bias->columns; v++)
        total += (double)counts[v] + 0.5;
    for (size_t v = 0; v < bias->columns; v++)
        model->parameters[bias->offset + v] = (float)log(((double)counts[v] + 0.5) / total);
}

static void initialise(flowbd3_model *model) {
    const fb3_layout *layout = model->layout;
    double width = model->options.d_model, hidden = model->options.d_ff;
    double residual = 1.0 / sqrt(2.0 * model->options.n_layers); /* keeps the variance of the sum of layers */
    for (size_t i = 0; i < layout->layers; i++) {
        fill_normal(model, fb3_layer_tensor(layout, i, FB3_QKV), 1.0 / sqrt(width));
        fill_normal(model, fb3_layer_tensor(layout, i, FB3_OUT), residual / sqrt(width));
        fill_normal(model, fb3_layer_tensor(layout, i, FB3_UP), 1.0 / sqrt(width));
        fill_normal(model, fb3_layer_tensor(layout, i, FB3_DOWN), residual / sqrt(hidden));
        fill_ones(model, fb3_layer_tensor(layout, i, FB3_NORM1));
        fill_ones(model, fb3_layer_tensor(layout, i, FB3_NORM2));
    }
    fill_ones(model, fb3_final_norm(layout));
    fill_normal(model, fb3_slot_embedding(layout), 0.5);
    for (size_t s = 0; s < model->config.slots; s++) {
        bool features = model->features[s] != NULL;
        fill_normal(model, fb3_slot_tensor(layout, s, FB3_EMBEDDING), features ? 0.1 : 0.5);
        fill_normal(model, fb3_slot_tensor(layout, s, FB3_HEAD_WEIGHT), features ? 0.002 : 0.02);
        if (features) {
            fill_normal(model, fb3_slot_tensor(layout, s, FB3_EMBEDDING_FEATURES), 0.12);
            fill_normal(model, fb3_slot_tensor(layout, s, FB3_HEAD_FEATURES), 0.005);
        }
        fill_log_frequencies(model, s);
    }
}

/* ---- life -------------------------------------------------------------------------------------- */

flowbd3_status fb3_model_create_empty(flowbd3_model **out, flowbd3_tokenizer *tokenizer,
                                      const flowbd3_model_options *options, flowbd3_error *err) {
    *out = NULL;
    flowbd3_model_options o;
    flowbd3_status status = fb3_options_copy(&o, sizeof o, options, "flowbd3_model_options", err);
    if (status == FLOWBD3_OK)
        status = check_options(&o, fb3_tokenizer_rows(tokenizer), err);
    size_t slots = flowbd3_tokenizer_slots(tokenizer);
    if (status == FLOWBD3_OK)
        status = check_blocks(&o, slots, err);
    if (status != FLOWBD3_OK)
        return status;
    flowbd3_context *context = fb3_tokenizer_context(tokenizer);
    flowbd3_model *model = fb3_allocate_zero(context, 1, sizeof *model);
    if (model == NULL)
        return fb3_no_memory(err, "a model");
    atomic_init(&model->references, 1);
    model->context = fb3_context_retain(context);
    model->tokenizer = fb3_tokenizer_retain(tokenizer);
    model->options = o;
    model->options.columns = NULL; /* the caller's, until they are taken up */
    model->clip_high = 1.0;
    model->vocabulary = fb3_allocate(context, slots, sizeof *model->vocabulary);
    model->features = fb3_allocate_zero(context, slots, sizeof *model->features);
    if (model->vocabulary == NULL || model->features == NULL)
        status = fb3_no_memory(err, "a model");
    for (size_t s = 0; status == FLOWBD3_OK && s < slots; s++) {
        model->vocabulary[s] = flowbd3_tokenizer_vocabulary(tokenizer, s);
        status = fb3_token_features(&model->features[s], tokenizer, s, err);
    }
    model->config = (fb3_network_config){.slots = slots,
                                         .positions = o.sequence_length * slots,
                                         .width = o.d_model,
                                         .heads = o.n_heads,
                                         .layers = o.n_layers,
                                         .hidden = o.d_ff,
                                         .dropout = o.dropout > 0.0 ? (float)o.dropout : 0.0f,
                                         .vocabulary = model->vocabulary,
                                         .features = (const float *const *)model->features};
    model->blocking = (fb3_blocking){
        .slots = slots, .block = o.block_size, .length = o.sequence_length, .vocabulary = model->vocabulary};
    if (status == FLOWBD3_OK)
        status = fb3_model_set_columns(model, &o, err);
    if (status == FLOWBD3_OK)
        status = fb3_layout_create(&model->layout, context, &model->config, err);
    if (status != FLOWBD3_OK)
        flowbd3_model_destroy(&model);
    *out = model;
    return status;
}

flowbd3_status fb3_model_allocate(flowbd3_model *model, flowbd3_error *err) {
    model->parameters = fb3_allocate_floats(model->context, model->layout->size);
    return model->parameters != NULL ? FLOWBD3_OK : fb3_no_memory(err, "the model's parameters");
}

/* Products are slow without a kernel for the processor. */
static void warn_of_generic_kernel(flowbd3_context *context) {
    char text[128];
    bool generic;
    fb3_gemm_describe(text, sizeof text, &generic);
    if (generic)
        fb3_log(context, FLOWBD3_LOG_WARNING, "BLIS %s has no kernel for this processor: training is slow",
                text);
}

flowbd3_status flowbd3_model_create(flowbd3_model **out, flowbd3_tokenizer *tokenizer,
                                    const flowbd3_model_options *options, flowbd3_error *err) {
    if (out != NULL)
        *out = NULL;
    if (out == NULL || tokenizer == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_model_create: %s is NULL",
                        out == NULL ? "out" : "tokenizer");
    flowbd3_status status = fb3_model_create_empty(out, tokenizer, options, err);
    if (status != FLOWBD3_OK)
        return status;
    status = fb3_model_allocate(*out, err);
    if (status != FLOWBD3_OK) {
        flowbd3_model_destroy(out);
        return status;
    }
    warn_of_generic_kernel((*out)->context);
    initialise(*out);
    return FLOWBD3_OK;
}

flowbd3_model *fb3_model_retain(const flowbd3_model *model) {
    flowbd3_model *m = (flowbd3_model *)(uintptr_t)model;
    atomic_fetch_add_explicit(&m->references, 1, memory_order_relaxed);
    return m;
}

void flowbd3_model_destroy(flowbd3_model **model) {
    if (model == NULL || *model == NULL)
        return;
    flowbd3_model *m = *model;
    flowbd3_context *context = m->context;
    *model = NULL;
    if (atomic_fetch_sub_explicit(&m->references, 1, memory_order_acq_rel) != 1)
        return;
    fb3_release_floats(context, m->parameters);
    if (m->layout != NULL)
        fb3_layout_destroy(&m->layout);
    for (size_t s = 0; m->features != NULL && s < m->config.slots; s++)
        fb3_release_floats(context, m->features[s]);
    fb3_release(context, m->features);
    fb3_release(context, m->vocabulary);
    fb3_release(context, m->order);
    fb3_release(context, (void *)(uintptr_t)m->options.columns);
    flowbd3_tokenizer_destroy(&m->tokenizer);
    fb3_release(context, m);
    flowbd3_context_destroy(&context);
}

flowbd3_tokenizer *flowbd3_model_tokenizer(const flowbd3_model *model) {
    return model != NULL ? model->tokenizer : NULL;
}

flowbd3_status flowbd3_model_get_options(const flowbd3_model *model, flowbd3_model_options *options,
                                         flowbd3_error *err) {
    if (model == NULL || options == NULL || !fb3_options_give(options, &model->options, sizeof *options))
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT,
                        "flowbd3_model_get_options: expected a model and options with their struct_size set");
    return FLOWBD3_OK;
}

void flowbd3_model_clip(const flowbd3_model *model, double *low, double *high) {
    if (low != NULL)
        *low = model != NULL ? model->clip_low : 0.0;
    if (high != NULL)
        *high = model != NULL ? model->clip_high : 1.0;
}

double flowbd3_model_condition_dropout(const flowbd3_model *model) {
    return model != NULL ? model->condition_dropout : 0.0;
}

uint64_t flowbd3_model_parameters(const flowbd3_model *model) {
    return model != NULL ? fb3_layout_count(model->layout) : 0;
}
