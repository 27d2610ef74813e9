/* The slab of parameters: one table of names, shapes and offsets. */
#include "model/network.h"

/* Tensors of a layer in the table: four matrices, then, among the undecayed, two gains. */
enum { LAYER_MATRICES = 4, LAYER_GAINS = 2 };

static void append(fb3_layout *layout, unsigned dimensions, size_t rows, size_t columns, bool decayed) {
    fb3_tensor *t = &layout->tensors[layout->n_tensors++];
    t->dimensions = dimensions;
    t->rows = rows;
    t->columns = columns;
    t->stride = fb3_stride(columns);
    t->offset = layout->size;
    t->decayed = decayed;
    layout->size += rows * t->stride;
    if (decayed)
        layout->decayed = layout->size;
}

/* Appends a tensor and names it. */
#define APPEND(layout, dimensions, rows, columns, decayed, ...)                                  \
    do {                                                                                         \
        append(layout, dimensions, rows, columns, decayed);                                      \
        snprintf((layout)->tensors[(layout)->n_tensors - 1].name, sizeof(layout)->tensors->name, \
                 __VA_ARGS__);                                                                   \
    } while (0)

static void append_matrices(fb3_layout *layout, const fb3_network_config *config) {
    size_t d = config->width, f = config->hidden;
    for (size_t i = 0; i < config->layers; i++) {
        APPEND(layout, 2, d, 3 * d, true, "layers.%zu.attention.qkv", i);
        APPEND(layout, 2, d, d, true, "layers.%zu.attention.out", i);
        APPEND(layout, 2, d, f, true, "layers.%zu.feed_forward.up", i);
        APPEND(layout, 2, f, d, true, "layers.%zu.feed_forward.down", i);
    }
}

/* The gains, and the slot embedding behind them. */
static void append_gains(fb3_layout *layout, const fb3_network_config *config) {
    size_t d = config->width;
    layout->gains = layout->n_tensors;
    for (size_t i = 0; i < config->layers; i++) {
        APPEND(layout, 1, 1, d, false, "layers.%zu.norm1.gain", i);
        APPEND(layout, 1, 1, d, false, "layers.%zu.norm2.gain", i);
    }
    APPEND(layout, 1, 1, d, false, "final_norm.gain");
    APPEND(layout, 2, config->slots, d, false, "slot_embedding");
}

static void append_slots(fb3_layout *layout, const fb3_network_config *config, enum fb3_slot_tensor which) {
    size_t d = config->width;
    for (size_t s = 0; s < config->slots; s++) {
        size_t values = config->vocabulary[s], index = layout->n_tensors;
        bool features = config->features != NULL && config->features[s] != NULL;
        if (which == FB3_HEAD_WEIGHT)
            APPEND(layout, 2, d, values, true, "head.%zu.weight", s);
        else if (which == FB3_HEAD_BIAS)
            APPEND(layout, 1, 1, values, false, "head.%zu.bias", s);
        else if (which == FB3_EMBEDDING)
            APPEND(layout, 2, values + 1, d, false, "embedding.%zu", s);
        else if (which == FB3_HEAD_FEATURES && features)
            APPEND(layout, 2, d, FB3_FEATURES, true, "head.%zu.features", s);
        else if (which == FB3_EMBEDDING_FEATURES && features)
            APPEND(layout, 2, FB3_FEATURES, d, false, "embedding.%zu.features", s);
        layout->slot_tensors[s * FB3_SLOT_TENSORS + which] = index < layout->n_tensors ? index : SIZE_MAX;
    }
}

flowbd3_status fb3_layout_create(fb3_layout **out, flowbd3_context *context, const fb3_network_config *config,
                                 flowbd3_error *err) {
    fb3_layout *layout = fb3_allocate_zero(context, 1, sizeof *layout);
    *out = layout;
    if (layout == NULL)
        return fb3_no_memory(err, "the table of parameters");
    layout->context = fb3_context_retain(context);
    layout->layers = config->layers;
    size_t most = config->layers * (LAYER_MATRICES + LAYER_GAINS) + FB3_SLOT_TENSORS * config->slots + 2;
    layout->tensors = fb3_allocate_zero(context, most, sizeof *layout->tensors);
    layout->slot_tensors =
        fb3_allocate(context, config->slots * FB3_SLOT_TENSORS, sizeof *layout->slot_tensors);
    if (layout->tensors == NULL || layout->slot_tensors == NULL) {
        fb3_layout_destroy(out);
        return fb3_no_memory(err, "the table of parameters");
    }
    append_matrices(layout, config);
    append_slots(layout, config, FB3_HEAD_WEIGHT);
    append_slots(layout, config, FB3_HEAD_FEATURES);
    append_gains(layout, config);
    append_slots(layout, config, FB3_HEAD_BIAS);
    append_slots(layout, config, FB3_EMBEDDING);
    append_slots(layout, config, FB3_EMBEDDING_FEATURES);
    return FLOWBD3_OK;
}

void fb3_layout_destroy(fb3_layout **layout) {
    if (*layout == NULL)
        return;
    flowbd3_context *context = (*layout)->context;
    fb3_release(context, (*layout)->tensors);
    fb3_release(context, (*layout)->slot_tensors);
    fb3_release(context, *layout);
    flowbd3_context_destroy(&context);
    *layout = NULL;
}

const fb3_tensor *fb3_layer_tensor(const fb3_layout *layout, size_t layer, enum fb3_layer_tensor which) {
    return which < FB3_NORM1 ? &layout->tensors[layer * LAYER_MATRICES + which]
                             : &layout->tensors[layout->gains + layer * LAYER_GAINS + which - FB3_NORM1];
}

const fb3_tensor *fb3_final_norm(const fb3_layout *layout) {
    return &layout->tensors[layout->gains + layout->layers * LAYER_GAINS];
}

const fb3_tensor *fb3_slot_embedding(const fb3_layout *layout) {
    return fb3_final_norm(layout) + 1;
}

const fb3_tensor *fb3_slot_tensor(const fb3_layout *layout, size_t slot, enum fb3_slot_tensor which) {
    size_t index = layout->slot_tensors[slot * FB3_SLOT_TENSORS + which];
    return index != SIZE_MAX ? &layout->tensors[index] : NULL;
}

uint64_t fb3_layout_count(const fb3_layout *layout) {
    uint64_t count = 0;
    for (size_t i = 0; i < layout->n_tensors; i++)
        count += (uint64_t)layout->tensors[i].rows * layout->tensors[i].columns;
    return count;
}
