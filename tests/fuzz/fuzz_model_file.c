/* Model files and checkpoints with right checksums, of which everything else is arbitrary. The input is a
 * JSON object, whose members become those of the file. Special are own      the members and tensors are those
 * of a checkpoint of a tiny trainer, changed by the other members tensors  shapes by name; null takes one
 * away. Without own, those that the members call for are there too fill     what tensors are filled with odd,
 * with  a tensor that is filled with another number; without a number, with NaN A file is loaded as a model
 * that can be saved, sampled and scored, and resumed, or refused. */
#include "model/model.h"
#include "model/tensor_file.h"
#include "tiny.h"
#include "tokenizer/tokenizer.h"

#include <math.h>

enum { MOST_FLOATS = 1 << 15, MOST_TENSORS = 256, MOST_PARAMETERS = 50000 };

static flowbd3_context *context;
static flowbd3_table *train, *validation;
static json_t *own_members, *own_tensors;
static char own_path[TINY_PATH], input_path[TINY_PATH], again_path[TINY_PATH];

/* ---- the checkpoint that inputs start from ------------------------------------------------------ */

static json_t *shapes_of(const char *path) {
    FILE *file = fopen(path, "rb");
    uint64_t size = 0;
    check(file != NULL && fread(&size, sizeof size, 1, file) == 1);
    char *text = fuzz_memory((size_t)size);
    check(fread(text, 1, (size_t)size, file) == size && fclose(file) == 0);
    json_t *header = json_loadb(text, (size_t)size, 0, NULL), *shapes = json_object(), *tensor;
    const char *name;
    check(header != NULL && shapes != NULL && json_object_del(header, "__metadata__") == 0);
    json_object_foreach(header, name, tensor)
        check(json_object_set(shapes, name, json_object_get(tensor, "shape")) == 0);
    json_decref(header);
    free(text);
    return shapes;
}

static json_t *members_of(const char *path) {
    static const char *const members[] = {"model", "tokenizer", "clip", "training"};
    fb3_tensor_file *file;
    json_t *all = json_object(), *member;
    check(all != NULL && fb3_tensor_file_open(&file, context, path, NULL) == FLOWBD3_OK);
    for (size_t i = 0; i < FB3_COUNT(members); i++) {
        check(fb3_tensor_file_json(file, members[i], &member, NULL) == FLOWBD3_OK);
        check(json_object_set_new(all, members[i], member) == 0);
    }
    fb3_tensor_file_close(&file);
    return all;
}

static int cancel_late(void *user, const flowbd3_progress *progress) {
    (void)progress;
    return ++*(int *)user > 5;
}

static void start(void) {
    int calls = 0;
    context = fuzz_context();
    train = tiny_table(context, 0, TINY_ROWS);
    validation = tiny_table(context, 3, 6);
    tiny_path(own_path, "own");
    tiny_path(input_path, "input");
    tiny_path(again_path, "again");
    flowbd3_model *model = tiny_model(train, false);
    flowbd3_trainer *trainer = tiny_trainer(model, train, validation);
    (void)flowbd3_trainer_run(trainer, cancel_late, &calls, NULL);
    check(flowbd3_trainer_save(trainer, own_path, NULL) == FLOWBD3_OK);
    flowbd3_trainer_destroy(&trainer);
    flowbd3_model_destroy(&model);
    own_members = members_of(own_path);
    own_tensors = shapes_of(own_path);
}

/* ---- from input to file ------------------------------------------------------------------------- */

static uint32_t small(const json_t *object, const char *key, json_int_t most) {
    json_int_t value = json_integer_value(json_object_get(object, key));
    return value > 0 && value <= most ? (uint32_t)value : 0;
}

/* Shapes of the tensors that members call for, as far as they are those of a small model. */
static json_t *fitting_shapes(const json_t *members) {
    const json_t *sizes = json_object_get(members, "model");
    flowbd3_model_options o = tiny_options();
    flowbd3_tokenizer *tokenizer;
    flowbd3_model *model = NULL;
    o.d_model = small(sizes, "d_model", 16);
    o.n_heads = small(sizes, "n_heads", 16);
    o.n_layers = small(sizes, "n_layers", 3);
    o.d_ff = small(sizes, "d_ff", 64);
    char *text = json_dumps(json_object_get(members, "tokenizer"), 0);
    if (o.d_model == 0 || o.n_heads == 0 || o.n_layers == 0 || o.d_ff == 0 || text == NULL) {
        free(text);
        return json_object();
    }
    if (flowbd3_tokenizer_from_json(&tokenizer, context, text, strlen(text), NULL) == FLOWBD3_OK)
        (void)flowbd3_model_create(&model, tokenizer, &o, NULL);
    bool written = model != NULL && flowbd3_model_parameters(model) <= MOST_PARAMETERS &&
                   flowbd3_model_save(model, input_path, NULL) == FLOWBD3_OK;
    flowbd3_model_destroy(&model);
    flowbd3_tokenizer_destroy(&tokenizer);
    free(text);
    return written ? shapes_of(input_path) : json_object();
}

static float number_or(const json_t *number, float otherwise) {
    return json_is_number(number) ? (float)json_number_value(number) : otherwise;
}

/* A view of a tensor of one number; false when it is none or large. */
static bool make_view(fb3_tensor_view *view, const char *name, const json_t *shape, float value) {
    size_t floats = 1;
    *view = (fb3_tensor_view){.name = name, .dimensions = (unsigned)json_array_size(shape)};
    for (unsigned i = 0; i < 2; i++) {
        json_int_t length =
            i < view->dimensions ? json_integer_value(json_array_get(shape, i)) : (json_int_t)1;
        if (length < 1 || length > MOST_FLOATS)
            return false;
        view->shape[i] = (uint64_t)length;
        floats *= (size_t)length;
    }
    if (view->dimensions < 1 || view->dimensions > 2 || floats > MOST_FLOATS)
        return false;
    view->stride = (size_t)view->shape[1];
    view->data = fuzz_memory(floats * sizeof *view->data);
    for (size_t i = 0; i < floats; i++)
        view->data[i] = value;
    return true;
}

static bool write_file(const json_t *input, const json_t *members, json_t *shapes) {
    fb3_tensor_view views[MOST_TENSORS];
    size_t count = 0;
    const char *name, *odd = json_string_value(json_object_get(input, "odd"));
    float fill = number_or(json_object_get(input, "fill"), 0.01F);
    float with = number_or(json_object_get(input, "with"), (float)NAN);
    json_t *shape;
    bool written = json_object_size(shapes) <= MOST_TENSORS;
    if (written)
        json_object_foreach(shapes, name, shape) {
            bool is_odd = odd != NULL && strcmp(odd, name) == 0;
            count += make_view(&views[count], name, shape, is_odd ? with : fill);
        }
    written = written && fb3_tensor_file_save(context, input_path, members, views, count, NULL) == FLOWBD3_OK;
    for (size_t i = 0; i < count; i++)
        free(views[i].data);
    return written;
}

static bool make_file(json_t *input) {
    static const char *const special[] = {"own", "tensors", "fill", "odd", "with"};
    bool own = json_object_get(input, "own") != NULL;
    json_t *members = own ? json_deep_copy(own_members) : json_object(), *changes = json_copy(input);
    check(members != NULL && changes != NULL);
    for (size_t i = 0; i < FB3_COUNT(special); i++)
        (void)json_object_del(changes, special[i]);
    check(json_object_update_recursive(members, changes) == 0);
    json_t *shapes = own ? json_deep_copy(own_tensors) : fitting_shapes(members);
    const json_t *other_shapes = json_object_get(input, "tensors");
    check(shapes != NULL);
    if (json_is_object(other_shapes))
        check(json_object_update(shapes, (json_t *)(uintptr_t)other_shapes) == 0);
    bool written = write_file(input, members, shapes);
    json_decref(shapes);
    json_decref(changes);
    json_decref(members);
    return written;
}

/* ---- what a file is good for -------------------------------------------------------------------- */

static void sample_and_score(const flowbd3_model *model) {
    flowbd3_sampler_options options = FLOWBD3_SAMPLER_OPTIONS_INIT;
    flowbd3_sampler *sampler;
    flowbd3_table *rows = NULL;
    flowbd3_error err = {0};
    double nll[3];
    options.attempts = 2;
    flowbd3_status status = flowbd3_sampler_create(&sampler, model, &options, &err);
    if (status == FLOWBD3_OK)
        status = flowbd3_sampler_generate(sampler, 3, &rows, NULL, NULL, &err);
    if (status != FLOWBD3_OK)
        check_error(status, &err);
    if (rows != NULL && model->tokenizer->sequencing == NULL) {
        status = flowbd3_model_score(model, rows, NULL, nll, NULL, &err);
        if (status != FLOWBD3_OK)
            check_error(status, &err);
        for (size_t i = 0; status == FLOWBD3_OK && i < 3; i++)
            check(!isnan(nll[i]));
    }
    flowbd3_table_destroy(&rows);
    flowbd3_sampler_destroy(&sampler);
}

static void comes_back(const flowbd3_model *model) {
    flowbd3_model *again;
    check(flowbd3_model_save(model, again_path, NULL) == FLOWBD3_OK);
    check(flowbd3_model_load(&again, context, again_path, NULL) == FLOWBD3_OK);
    check(again->layout->size == model->layout->size &&
          memcmp(again->parameters, model->parameters, model->layout->size * sizeof(float)) == 0);
    flowbd3_model_destroy(&again);
}

static void load(void) {
    flowbd3_model *model;
    flowbd3_error err = {0};
    flowbd3_status status = flowbd3_model_load(&model, context, input_path, &err);
    check((status == FLOWBD3_OK) == (model != NULL));
    if (status != FLOWBD3_OK) {
        check_error(status, &err);
        return;
    }
    comes_back(model);
    if (flowbd3_model_parameters(model) <= MOST_PARAMETERS &&
        model->options.sequence_length * flowbd3_tokenizer_slots(model->tokenizer) <= 256)
        sample_and_score(model);
    flowbd3_model_destroy(&model);
}

/* What resumes goes on to the end, with finite weights. */
static void resume(void) {
    flowbd3_model *model;
    flowbd3_error err = {0};
    check(flowbd3_model_load(&model, context, own_path, NULL) == FLOWBD3_OK);
    flowbd3_trainer *trainer = tiny_trainer(model, train, validation);
    flowbd3_status status = flowbd3_trainer_resume(trainer, input_path, &err);
    if (status == FLOWBD3_OK)
        status = flowbd3_trainer_run(trainer, NULL, NULL, &err);
    if (status != FLOWBD3_OK)
        check_error(status, &err);
    for (size_t i = 0; i < model->layout->size; i++)
        check(isfinite(model->parameters[i]));
    flowbd3_trainer_destroy(&trainer);
    flowbd3_model_destroy(&model);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (context == NULL)
        start();
    json_t *input = json_loadb((const char *)data, size, 0, NULL);
    if (json_is_object(input) && make_file(input)) {
        load();
        if (json_object_get(input, "own") != NULL)
            resume();
    }
    json_decref(input);
    return 0;
}
