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

flowbd3_status fb3_layout_create(fb3_layout **out, flowbd3_context *context, const fb3_network_config *config,
                                 flowbd3_error *err) {
    size_t d = config->width, f = config->hidden;
    fb3_layout *layout = fb3_allocate_zero(context, 1, sizeof *layout);
    size_t most = config->layers * (LAYER_MATRICES + LAYER_GAINS) + 3 * config->slots + 2;
    if (layout != NULL)
        layout->tensors = fb3_allocate_zero(context, most, sizeof *layout->tensors);
    if (layout == NULL || layout->tensors == NULL) {
        fb3_release(context, layout);
        return fb3_no_memory(err, "the table of parameters");
    }
    layout->context = fb3_context_retain(context);
    layout->layers = config->layers;
    layout->slots = config->slots;
    for (size_t i = 0; i < config->layers; i++) {
        APPEND(layout, 2, d, 3 * d, true, "layers.%zu.attention.qkv", i);
        APPEND(layout, 2, d, d, true, "layers.%zu.attention.out", i);
        APPEND(layout, 2, d, f, true, "layers.%zu.feed_forward.up", i);
        APPEND(layout, 2, f, d, true, "layers.%zu.feed_forward.down", i);
    }
    for (size_t s = 0; s < config->slots; s++)
        APPEND(layout, 2, d, config->vocabulary[s], true, "head.%zu.weight", s);
    for (size_t i = 0; i < config->layers; i++) {
        APPEND(layout, 1, 1, d, false, "layers.%zu.norm1.gain", i);
        APPEND(layout, 1, 1, d, false, "layers.%zu.norm2.gain", i);
    }
    APPEND(layout, 1, 1, d, false, "final_norm.gain");
    for (size_t s = 0; s < config->slots; s++)
        APPEND(layout, 1, 1, config->vocabulary[s], false, "head.%zu.bias", s);
    APPEND(layout, 2, config->slots, d, false, "slot_embedding");
    for (size_t s = 0; s < config->slots; s++)
        APPEND(layout, 2, config->vocabulary[s] + 1, d, false, "embedding.%zu", s);
    *out = layout;
    return FLOWBD3_OK;
}

void fb3_layout_destroy(fb3_layout **layout) {
    if (*layout == NULL)
        return;
    flowbd3_context *context = (*layout)->context;
    fb3_release(context, (*layout)->tensors);
    fb3_release(context, *layout);
    flowbd3_context_destroy(&context);
    *layout = NULL;
}

const fb3_tensor *fb3_layer_tensor(const fb3_layout *layout, size_t layer, enum fb3_layer_tensor which) {
    size_t gains = layout->layers * LAYER_MATRICES + layout->slots;
    return which < FB3_NORM1 ? &layout->tensors[layer * LAYER_MATRICES + which]
                             : &layout->tensors[gains + layer * LAYER_GAINS + which - FB3_NORM1];
}

const fb3_tensor *fb3_final_norm(const fb3_layout *layout) {
    return &layout->tensors[layout->layers * (LAYER_MATRICES + LAYER_GAINS) + layout->slots];
}

const fb3_tensor *fb3_slot_tensor(const fb3_layout *layout, size_t slot, enum fb3_slot_tensor which) {
    switch (which) {
    case FB3_HEAD_WEIGHT:
        return &layout->tensors[layout->layers * LAYER_MATRICES + slot];
    case FB3_HEAD_BIAS:
        return fb3_final_norm(layout) + 1 + slot;
    default:
        return fb3_final_norm(layout) + 2 + layout->slots + slot;
    }
}

const fb3_tensor *fb3_slot_embedding(const fb3_layout *layout) {
    return fb3_final_norm(layout) + 1 + layout->slots;
}

uint64_t fb3_layout_count(const fb3_layout *layout) {
    uint64_t count = 0;
    for (size_t i = 0; i < layout->n_tensors; i++)
        count += (uint64_t)layout->tensors[i].rows * layout->tensors[i].columns;
    return count;
}
