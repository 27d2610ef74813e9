/* The order in which the blocks of a flow take in its columns. */
#include "model/model.h"
#include "tokenizer/tokenizer.h"

#include <string.h>

/* Index of a column of the tokenizer, or SIZE_MAX. */
static size_t find_column(const flowbd3_tokenizer *tokenizer, const char *name) {
    for (size_t i = 0; i < flowbd3_tokenizer_columns(tokenizer); i++)
        if (strcmp(flowbd3_tokenizer_name(tokenizer, i), name) == 0)
            return i;
    return SIZE_MAX;
}

/* Puts the slots of column behind the *count that order has; false when they are there already. */
static bool append_column(flowbd3_model *model, size_t column, size_t *count) {
    for (size_t slot = 0; slot < model->config.slots; slot++) {
        if (fb3_tokenizer_slot_column(model->tokenizer, slot) != column)
            continue;
        for (size_t i = 0; i < *count; i++)
            if (model->order[i] == slot)
                return false;
        model->order[(*count)++] = slot;
    }
    return true;
}

flowbd3_status fb3_model_set_columns(flowbd3_model *model, const flowbd3_model_options *options,
                                     flowbd3_error *err) {
    size_t named = options->n_columns, count = 0;
    if (named > 0 && (options->columns == NULL || options->column_order != FLOWBD3_COLUMNS_FIXED))
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT,
                        options->columns == NULL ? "n_columns is %zu, but columns is NULL"
                                                 : "columns names %zu in order, but column_order is random",
                        named);
    if ((named > 0 || options->column_order == FLOWBD3_COLUMNS_RANDOM) && !fb3_model_has_order(model))
        fb3_log(model->context, FLOWBD3_LOG_WARNING,
                "the order of columns has no effect: blocks of %zu tokens are whole flows of %zu",
                model->blocking.block, model->config.slots);
    model->order = fb3_allocate(model->context, model->config.slots, sizeof *model->order);
    const char **names = fb3_allocate_zero(model->context, named, sizeof *names);
    model->options.columns = names;
    if (model->order == NULL || names == NULL)
        return fb3_no_memory(err, "the order of columns");
    for (size_t i = 0; i < named; i++) {
        size_t column =
            options->columns[i] != NULL ? find_column(model->tokenizer, options->columns[i]) : SIZE_MAX;
        if (column == SIZE_MAX || !append_column(model, column, &count))
            return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "columns: '%.80s' %s",
                            options->columns[i] != NULL ? options->columns[i] : "(null)",
                            column == SIZE_MAX ? "is no column of the tokenizer" : "is named twice");
        names[i] = flowbd3_tokenizer_name(model->tokenizer, column);
    }
    for (size_t i = 0; i < flowbd3_tokenizer_columns(model->tokenizer); i++) {
        size_t first;
        model->columns += fb3_tokenizer_column_slots(model->tokenizer, i, &first) > 0;
        append_column(model, i, &count);
    }
    return FLOWBD3_OK;
}

bool fb3_model_has_order(const flowbd3_model *model) {
    return model->blocking.block % model->config.slots != 0;
}

/* Fisher-Yates over columns, of which every flow has as many numbers of its own; the slots of a column stay
 * together. */
static void shuffle(const flowbd3_model *model, uint16_t *order, uint64_t seed, uint64_t flow,
                    uint32_t step) {
    size_t columns = model->columns, slots = model->config.slots, first;
    uint16_t *column = order + slots - columns; /* the order's own end, which no slot overtakes */
    for (size_t i = 0, next = 0; i < columns; i++, next++) {
        while (fb3_tokenizer_column_slots(model->tokenizer, next, &first) == 0)
            next++;
        double u = fb3_uniform(seed, FB3_RANDOM_COLUMNS, flow * columns + i, step);
        size_t j = (size_t)(u * (double)(i + 1));
        if (j > i)
            j = i;
        column[i] = column[j];
        column[j] = (uint16_t)next;
    }
    for (size_t i = 0, n = 0; i < columns; i++) {
        size_t count = fb3_tokenizer_column_slots(model->tokenizer, column[i], &first);
        for (size_t place = 0; place < count; place++)
            order[n++] = (uint16_t)(first + place);
    }
}

void fb3_model_order(const flowbd3_model *model, uint16_t *order, uint64_t seed, uint64_t flow,
                     uint32_t step) {
    if (model->options.column_order == FLOWBD3_COLUMNS_RANDOM)
        shuffle(model, order, seed, flow, step);
    else
        for (size_t i = 0; i < model->config.slots; i++)
            order[i] = (uint16_t)model->order[i];
}
