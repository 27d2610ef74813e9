/* Models and checkpoints as files: docs/model-file.md. */
#include "model/model.h"
#include "model/tensor_file.h"
#include "tokenizer/tokenizer.h"

#include <math.h>
#include <string.h>

/* ---- writing ----------------------------------------------------------------------------------- */

/* Names of the columns whose order was given. */
static json_t *columns_to_json(const flowbd3_model_options *o) {
    json_t *names = json_array();
    for (size_t i = 0; names != NULL && i < o->n_columns; i++)
        if (json_array_append_new(names, json_string(o->columns[i])) != 0) {
            json_decref(names);
            return NULL;
        }
    return names;
}

static json_t *options_to_json(const flowbd3_model_options *o) {
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:f, s:s, s:I, s:I, s:s, s:o}", "d_model", (json_int_t)o->d_model, "n_heads",
        (json_int_t)o->n_heads, "n_layers", (json_int_t)o->n_layers, "d_ff", (json_int_t)o->d_ff, "dropout",
        o->dropout > 0.0 ? o->dropout : 0.0, "norm", "rms", "sequence_length", (json_int_t)o->sequence_length,
        "block_size", (json_int_t)o->block_size, "column_order",
        o->column_order == FLOWBD3_COLUMNS_RANDOM ? "random" : "fixed", "columns", columns_to_json(o));
}

/* Names are views' until the file is written: one block of text for all. */
typedef struct view_list {
    fb3_tensor_view *views;
    char (*names)[96];
    size_t count;
} view_list;

static void append_views(view_list *list, const fb3_layout *layout, const char *prefix, float *floats) {
    for (size_t i = 0; i < layout->n_tensors; i++) {
        const fb3_tensor *t = &layout->tensors[i];
        char *name = list->names[list->count];
        snprintf(name, sizeof *list->names, "%s%s", prefix, t->name);
        fb3_tensor_view view = {.name = name, .dimensions = t->dimensions};
        view.data = floats != NULL ? floats + t->offset : NULL;
        view.shape[0] = t->dimensions == 2 ? t->rows : t->columns;
        view.shape[1] = t->columns;
        view.stride = t->stride;
        list->views[list->count++] = view;
    }
}

/* Views of the parameters (NULL: of names and shapes alone) and of every slab. */
static bool make_views(view_list *list, const fb3_layout *layout, float *parameters, const fb3_slab *slabs,
                       size_t n_slabs) {
    size_t most = (n_slabs + 1) * layout->n_tensors;
    *list = (view_list){.views = fb3_allocate(layout->context, most, sizeof *list->views),
                        .names = fb3_allocate(layout->context, most, sizeof *list->names)};
    if (list->views == NULL || list->names == NULL)
        return false;
    append_views(list, layout, "", parameters);
    for (size_t i = 0; i < n_slabs; i++)
        append_views(list, layout, slabs[i].prefix, slabs[i].floats);
    return true;
}

static void release_views(view_list *list, flowbd3_context *context) {
    fb3_release(context, list->views);
    fb3_release(context, list->names);
    *list = (view_list){NULL, NULL, 0};
}

flowbd3_status fb3_model_write(const flowbd3_model *model, const char *path, const json_t *training,
                               const fb3_slab *slabs, size_t n_slabs, flowbd3_error *err) {
    json_t *metadata = json_object();
    bool complete =
        metadata != NULL && json_object_set_new(metadata, "model", options_to_json(&model->options)) == 0 &&
        json_object_set_new(metadata, "tokenizer", fb3_tokenizer_to_json_value(model->tokenizer)) == 0 &&
        json_object_set_new(metadata, "clip", json_pack("[f, f]", model->clip_low, model->clip_high)) == 0 &&
        json_object_set_new(metadata, "library", json_string(flowbd3_version())) == 0;
    if (complete && model->condition_dropout > 0.0)
        complete =
            json_object_set_new(metadata, "guidance",
                                json_pack("{s:f}", "condition_dropout", model->condition_dropout)) == 0;
    if (complete && training != NULL)
        complete = json_object_set(metadata, "training", (json_t *)(uintptr_t)training) == 0;
    view_list list = {NULL, NULL, 0};
    complete = complete && make_views(&list, model->layout, model->parameters, slabs, n_slabs);
    flowbd3_status status =
        complete ? fb3_tensor_file_save(model->context, path, metadata, list.views, list.count, err)
                 : fb3_no_memory(err, "the model file");
    release_views(&list, model->context);
    json_decref(metadata);
    return status;
}

flowbd3_status flowbd3_model_save(const flowbd3_model *model, const char *path, flowbd3_error *err) {
    if (model == NULL || path == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_model_save: %s is NULL",
                        model == NULL ? "model" : "path");
    return fb3_model_write(model, path, NULL, NULL, 0, err);
}

/* ---- reading ----------------------------------------------------------------------------------- */

/* The order of columns that a file gives: names[n_columns] point into json. */
static flowbd3_status columns_from_json(flowbd3_model_options *o, const char ***names, const json_t *order,
                                        const json_t *json, flowbd3_context *context, const char *path,
                                        flowbd3_error *err) {
    const char *text = order != NULL ? json_string_value(order) : "fixed";
    if (text == NULL || (strcmp(text, "fixed") != 0 && strcmp(text, "random") != 0))
        return fb3_fail(err, FLOWBD3_ERROR_FORMAT, "'%s': model: column_order is neither fixed nor random",
                        path);
    o->column_order = strcmp(text, "random") == 0 ? FLOWBD3_COLUMNS_RANDOM : FLOWBD3_COLUMNS_FIXED;
    if (json != NULL && !json_is_array(json))
        return fb3_fail(err, FLOWBD3_ERROR_FORMAT, "'%s': model: columns is not a list of names", path);
    o->n_columns = json_array_size(json);
    *names = fb3_allocate_zero(context, o->n_columns, sizeof **names);
    if (*names == NULL)
        return fb3_no_memory(err, "the order of columns");
    for (size_t i = 0; i < o->n_columns; i++)
        (*names)[i] = json_string_value(json_array_get(json, i));
    o->columns = *names;
    return FLOWBD3_OK;
}

/* names: memory for the names of columns, which the caller releases; they point into json. */
static flowbd3_status options_from_json(flowbd3_model_options *o, const char ***names, const json_t *json,
                                        flowbd3_context *context, const char *path, flowbd3_error *err) {
    json_int_t d_model, n_heads, n_layers, d_ff, length = 1, block = 0;
    double dropout;
    const char *norm;
    json_t *order = NULL, *columns = NULL;
    json_error_t problem;
    if (json_unpack_ex((json_t *)(uintptr_t)json, &problem, JSON_STRICT,
                       "{s:I, s:I, s:I, s:I, s:F, s:s, s?I, s?I, s?o, s?o}", "d_model", &d_model, "n_heads",
                       &n_heads, "n_layers", &n_layers, "d_ff", &d_ff, "dropout", &dropout, "norm", &norm,
                       "sequence_length", &length, "block_size", &block, "column_order", &order, "columns",
                       &columns) != 0)
        return fb3_fail(err, FLOWBD3_ERROR_FORMAT, "'%s': model: %s", path, problem.text);
    if (strcmp(norm, "rms") != 0)
        return fb3_fail(err, FLOWBD3_ERROR_VERSION, "'%s': model: unknown norm '%s', expected 'rms'", path,
                        norm);
    const json_int_t sizes[] = {d_model, n_heads, n_layers, d_ff, length};
    for (size_t i = 0; i < FB3_COUNT(sizes); i++)
        if (sizes[i] < 1 || sizes[i] > UINT32_MAX || block < 0 || block > UINT32_MAX)
            return fb3_fail(err, FLOWBD3_ERROR_FORMAT, "'%s': model: a size is out of range", path);
    flowbd3_model_options_init(o, sizeof *o);
    o->d_model = (uint32_t)d_model;
    o->n_heads = (uint32_t)n_heads;
    o->n_layers = (uint32_t)n_layers;
    o->d_ff = (uint32_t)d_ff;
    o->sequence_length = (uint32_t)length;
    o->block_size = (uint32_t)block;
    /* In the options 0 would be the default. */
    o->dropout = dropout > 0.0 ? dropout : -1.0;
    return columns_from_json(o, names, order, columns, context, path, err);
}

/* The clip of a model file; files without one were trained on all shares. */
static flowbd3_status clip_from_file(flowbd3_model *model, const fb3_tensor_file *file, const char *path,
                                     flowbd3_error *err) {
    if (json_object_get(fb3_tensor_file_metadata(file), "clip") == NULL)
        return FLOWBD3_OK;
    json_t *json = NULL;
    flowbd3_status status = fb3_tensor_file_json(file, "clip", &json, err);
    double low, high;
    if (status == FLOWBD3_OK &&
        (json_unpack(json, "[F, F!]", &low, &high) != 0 || !(low >= 0.0 && low <= high && high <= 1.0)))
        status = fb3_fail(err, FLOWBD3_ERROR_FORMAT, "'%s': clip is not two shares in ascending order", path);
    if (status == FLOWBD3_OK) {
        model->clip_low = low;
        model->clip_high = high;
    }
    json_decref(json);
    return status;
}

/* What a model file says of guidance; files that say nothing were trained without condition dropout. */
static flowbd3_status guidance_from_file(flowbd3_model *model, const fb3_tensor_file *file, const char *path,
                                         flowbd3_error *err) {
    if (json_object_get(fb3_tensor_file_metadata(file), "guidance") == NULL)
        return FLOWBD3_OK;
    json_t *json = NULL;
    flowbd3_status status = fb3_tensor_file_json(file, "guidance", &json, err);
    double share = 0.0;
    if (status == FLOWBD3_OK &&
        (json_unpack(json, "{s:F!}", "condition_dropout", &share) != 0 || !(share >= 0.0 && share < 1.0)))
        status = fb3_fail(err, FLOWBD3_ERROR_FORMAT,
                          "'%s': guidance: condition_dropout is no share of 0 or more, below 1", path);
    if (status == FLOWBD3_OK)
        model->condition_dropout = share;
    json_decref(json);
    return status;
}

static bool all_finite(const flowbd3_model *model, const char **tensor) {
    for (size_t i = 0; i < model->layout->n_tensors; i++) {
        const fb3_tensor *t = &model->layout->tensors[i];
        for (size_t r = 0; r < t->rows; r++)
            for (size_t c = 0; c < t->columns; c++)
                if (!isfinite(model->parameters[t->offset + r * t->stride + c])) {
                    *tensor = t->name;
                    return false;
                }
    }
    return true;
}

static flowbd3_status not_finite(const char *path, const char *tensor, flowbd3_error *err) {
    return fb3_fail(err, FLOWBD3_ERROR_NUMERIC, "'%s': tensor %s holds a value that is not finite", path,
                    tensor);
}

/* Fills all views or, when a name or a shape does not fit, none. */
static flowbd3_status copy_views(const fb3_tensor_file *file, const view_list *list, flowbd3_error *err) {
    flowbd3_status status = FLOWBD3_OK;
    for (size_t i = 0; status == FLOWBD3_OK && i < list->count; i++) {
        fb3_tensor_view shape = list->views[i];
        shape.data = NULL;
        status = fb3_tensor_file_copy(file, &shape, err);
    }
    for (size_t i = 0; status == FLOWBD3_OK && i < list->count; i++)
        if (list->views[i].data != NULL)
            status = fb3_tensor_file_copy(file, &list->views[i], err);
    return status;
}

/* The failure inner of making a tokenizer or a model from what a file says is the file's. */
static flowbd3_status blame_file(flowbd3_status status, const flowbd3_error *inner, const char *path,
                                 flowbd3_error *err) {
    if (status == FLOWBD3_OK)
        return status;
    bool described_wrong = status == FLOWBD3_ERROR_RANGE || status == FLOWBD3_ERROR_ARGUMENT;
    return fb3_fail_at(err, described_wrong ? FLOWBD3_ERROR_FORMAT : status, inner->row, inner->column,
                       "'%.100s': %s", path, inner->message);
}

/* A model without memory for its parameters, as the file describes it. */
static flowbd3_status create_described(flowbd3_model **model, const fb3_tensor_file *file,
                                       flowbd3_context *context, const char *path, flowbd3_error *err) {
    json_t *of_tokenizer = NULL, *of_model = NULL;
    flowbd3_tokenizer *tokenizer = NULL;
    flowbd3_model_options options;
    const char **names = NULL;
    flowbd3_error inner = {0};
    flowbd3_status status = fb3_tensor_file_json(file, "model", &of_model, err);
    if (status == FLOWBD3_OK)
        status = options_from_json(&options, &names, of_model, context, path, err);
    if (status == FLOWBD3_OK)
        status = fb3_tensor_file_json(file, "tokenizer", &of_tokenizer, err);
    if (status == FLOWBD3_OK)
        status = blame_file(fb3_tokenizer_from_json_value(&tokenizer, context, of_tokenizer, &inner), &inner,
                            path, err);
    if (status == FLOWBD3_OK) {
        if (options.block_size == 0) /* a file from before blocks had a size: a flow */
            options.block_size = (uint32_t)flowbd3_tokenizer_slots(tokenizer);
        status = blame_file(fb3_model_create_empty(model, tokenizer, &options, &inner), &inner, path, err);
    }
    flowbd3_tokenizer_destroy(&tokenizer);
    fb3_release(context, names);
    json_decref(of_tokenizer);
    json_decref(of_model);
    return status;
}

/* Takes the parameters from the file. The model was made without memory for them: the file must first show
 * that it holds tensors of the sizes that its description claims. */
static flowbd3_status read_parameters(flowbd3_model *model, const fb3_tensor_file *file, const char *path,
                                      flowbd3_error *err) {
    view_list list = {NULL, NULL, 0};
    flowbd3_status status = make_views(&list, model->layout, NULL, NULL, 0) ? copy_views(file, &list, err)
                                                                            : fb3_no_memory(err, "the model");
    release_views(&list, model->context);
    if (status == FLOWBD3_OK)
        status = fb3_model_allocate(model, err);
    if (status == FLOWBD3_OK)
        status = make_views(&list, model->layout, model->parameters, NULL, 0)
                     ? copy_views(file, &list, err)
                     : fb3_no_memory(err, "the model");
    release_views(&list, model->context);
    const char *tensor;
    if (status == FLOWBD3_OK && !all_finite(model, &tensor))
        status = not_finite(path, tensor, err);
    return status;
}

flowbd3_status flowbd3_model_load(flowbd3_model **out, flowbd3_context *context, const char *path,
                                  flowbd3_error *err) {
    if (out != NULL)
        *out = NULL;
    if (out == NULL || context == NULL || path == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_model_load: %s is NULL",
                        out == NULL       ? "out"
                        : context == NULL ? "context"
                                          : "path");
    fb3_tensor_file *file = NULL;
    flowbd3_model *model = NULL;
    flowbd3_status status = fb3_tensor_file_open(&file, context, path, err);
    if (status == FLOWBD3_OK)
        status = create_described(&model, file, context, path, err);
    if (status == FLOWBD3_OK)
        status = clip_from_file(model, file, path, err);
    if (status == FLOWBD3_OK)
        status = guidance_from_file(model, file, path, err);
    if (status == FLOWBD3_OK)
        status = read_parameters(model, file, path, err);
    fb3_tensor_file_close(&file);
    if (status != FLOWBD3_OK)
        flowbd3_model_destroy(&model);
    *out = model;
    return status;
}

static flowbd3_status check_same(const flowbd3_model *model, const fb3_tensor_file *file, const char *path,
                                 flowbd3_error *err) {
    json_t *here = options_to_json(&model->options), *there = NULL;
    flowbd3_status status =
        here != NULL ? fb3_tensor_file_json(file, "model", &there, err) : fb3_no_memory(err, path);
    if (status == FLOWBD3_OK && json_equal(here, there) == 0)
        status = fb3_fail(err, FLOWBD3_ERROR_SCHEMA, "'%s' is of a model with other sizes", path);
    json_decref(here);
    json_decref(there);
    here = there = NULL;
    if (status == FLOWBD3_OK)
        status = fb3_tensor_file_json(file, "tokenizer", &there, err);
    if (status == FLOWBD3_OK && (here = fb3_tokenizer_to_json_value(model->tokenizer)) == NULL)
        status = fb3_no_memory(err, path);
    if (status == FLOWBD3_OK && json_equal(here, there) == 0)
        status = fb3_fail(err, FLOWBD3_ERROR_SCHEMA, "'%s' is of a model with another tokenizer", path);
    json_decref(here);
    json_decref(there);
    return status;
}

flowbd3_status fb3_model_read_training(const flowbd3_model *model, const char *path, json_t **training,
                                       flowbd3_error *err) {
    *training = NULL;
    fb3_tensor_file *file = NULL;
    flowbd3_status status = fb3_tensor_file_open(&file, model->context, path, err);
    if (status == FLOWBD3_OK && json_object_get(fb3_tensor_file_metadata(file), "training") == NULL)
        status =
            fb3_fail(err, FLOWBD3_ERROR_SCHEMA, "'%s' is a model, expected a checkpoint of a trainer", path);
    if (status == FLOWBD3_OK)
        status = check_same(model, file, path, err);
    if (status == FLOWBD3_OK)
        status = fb3_tensor_file_json(file, "training", training, err);
    fb3_tensor_file_close(&file);
    return status;
}

static size_t floats_of(const fb3_tensor_view *view) {
    return (size_t)view->shape[0] * (view->dimensions == 2 ? (size_t)view->shape[1] : 1);
}

/* Looks at all tensors of the views before any is filled. */
static flowbd3_status check_finite(const fb3_tensor_file *file, const view_list *list,
                                   flowbd3_context *context, const char *path, flowbd3_error *err) {
    size_t most = 0;
    for (size_t i = 0; i < list->count; i++)
        most = floats_of(&list->views[i]) > most ? floats_of(&list->views[i]) : most;
    float *floats = fb3_allocate(context, most, sizeof *floats);
    flowbd3_status status = floats != NULL ? FLOWBD3_OK : fb3_no_memory(err, "the checkpoint");
    for (size_t i = 0; status == FLOWBD3_OK && i < list->count; i++) {
        fb3_tensor_view view = list->views[i];
        view.data = floats;
        view.stride = (size_t)view.shape[1];
        status = fb3_tensor_file_copy(file, &view, err);
        for (size_t k = 0; status == FLOWBD3_OK && k < floats_of(&view); k++)
            if (!isfinite(floats[k]))
                status = not_finite(path, view.name, err);
    }
    fb3_release(context, floats);
    return status;
}

flowbd3_status fb3_model_read_slabs(flowbd3_model *model, const char *path, const fb3_slab *slabs,
                                    size_t n_slabs, flowbd3_error *err) {
    fb3_tensor_file *file = NULL;
    view_list list = {NULL, NULL, 0};
    flowbd3_status status = fb3_tensor_file_open(&file, model->context, path, err);
    if (status == FLOWBD3_OK && !make_views(&list, model->layout, model->parameters, slabs, n_slabs))
        status = fb3_no_memory(err, "the checkpoint");
    if (status == FLOWBD3_OK)
        status = check_finite(file, &list, model->context, path, err);
    if (status == FLOWBD3_OK)
        status = copy_views(file, &list, err);
    release_views(&list, model->context);
    fb3_tensor_file_close(&file);
    return status;
}
