/* The network against PyTorch: logits, loss, every gradient and ten AdamW steps (tests/golden/network.py). */
#include "test_main.h"
#include "trainer/trainer.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

enum { MOST_SLOTS = 4 };

typedef struct golden_case {
    json_t *json;
    size_t sequences, flows, vocabulary[MOST_SLOTS];
    fb3_network_config config;
    fb3_joint *joint;
    fb3_batch batch;
    flowbd3_model model;
    flowbd3_trainer trainer;
    fb3_network *network;
} golden_case;

static size_t integer(const json_t *json, const char *name) {
    return (size_t)json_integer_value(json_object_get(json, name));
}

static const json_t *element(const json_t *json, const char *name, size_t row, size_t column) {
    return json_array_get(json_array_get(json_object_get(json, name), row), column);
}

static void read_sequence(golden_case *c, size_t b) {
    uint16_t tokens[64], order[64];
    size_t count = c->flows * c->config.slots;
    ck_assert_uint_le(count, FB3_COUNT(tokens));
    for (size_t i = 0; i < count; i++) {
        tokens[i] = (uint16_t)json_integer_value(element(c->json, "tokens", b, i));
        order[i] = (uint16_t)json_integer_value(element(c->json, "order", b, i));
    }
    fb3_joint_add(c->joint, tokens, c->flows, order);
}

static void read_batch(golden_case *c) {
    size_t block = c->joint->blocking.block, blocks = (c->flows * c->config.slots + block - 1) / block;
    for (size_t b = 0; b < c->sequences; b++)
        read_sequence(c, b);
    ck_assert_uint_eq(c->joint->n_blocks, c->sequences * blocks);
    for (size_t i = 0; i < c->joint->n_blocks; i++) {
        const fb3_block *at = &c->joint->blocks[i];
        for (size_t k = 0; k < at->tokens; k++) {
            c->joint->masked[at->first + k] =
                (uint8_t)json_integer_value(element(c->json, "masked", i / blocks, i % blocks * block + k));
            c->joint->scale[at->first + k] =
                (float)(1.0 / json_number_value(element(c->json, "t", i / blocks, i % blocks)) /
                        (double)(c->sequences * c->flows));
        }
    }
    c->batch = fb3_joint_batch(c->joint);
}

static const fb3_tensor *find(const fb3_layout *layout, const char *name) {
    for (size_t i = 0; i < layout->n_tensors; i++)
        if (strcmp(layout->tensors[i].name, name) == 0)
            return &layout->tensors[i];
    ck_abort_msg("no tensor %s", name);
}

/* The formula of the script: number n of the tensor in the file, number k of its element. */
static void initialise(golden_case *c) {
    size_t n;
    json_t *tensor;
    json_array_foreach(json_object_get(c->json, "tensors"), n, tensor) {
        const fb3_tensor *t = find(c->model.layout, json_string_value(json_object_get(tensor, "name")));
        ck_assert_uint_eq(t->rows * t->columns, json_array_size(json_object_get(tensor, "gradient")));
        for (size_t k = 0; k < t->rows * t->columns; k++) {
            double w = 0.2 * sin(1.0 + 0.7 * (double)k + 1.3 * (double)n);
            if (strstr(t->name, "gain") != NULL)
                w += 1.0;
            c->trainer.parameters[t->offset + k / t->columns * t->stride + k % t->columns] = (float)w;
        }
    }
    ck_assert_uint_eq(n, c->model.layout->n_tensors);
}

static void open_case(golden_case *c, const char *name, json_t *file, flowbd3_context *context) {
    memset(c, 0, sizeof *c);
    c->json = json_object_get(file, name);
    c->sequences = integer(c->json, "sequences");
    c->flows = integer(c->json, "flows");
    c->config = (fb3_network_config){.slots = integer(c->json, "slots"),
                                     .positions = c->flows * integer(c->json, "slots"),
                                     .width = integer(c->json, "width"),
                                     .heads = integer(c->json, "heads"),
                                     .layers = integer(c->json, "layers"),
                                     .hidden = integer(c->json, "hidden"),
                                     .vocabulary = c->vocabulary};
    ck_assert_uint_le(c->config.slots, MOST_SLOTS);
    for (size_t s = 0; s < c->config.slots; s++)
        c->vocabulary[s] =
            (size_t)json_integer_value(json_array_get(json_object_get(c->json, "vocabulary"), s));
    fb3_blocking blocking = {c->config.slots, integer(c->json, "block"), c->flows, c->vocabulary};
    fb3_limits limits = fb3_joint_limits(&blocking, c->sequences, c->sequences * c->flows);
    ck_assert_int_eq(
        fb3_joint_create(&c->joint, context, &blocking, c->sequences, c->sequences * c->flows, NULL),
        FLOWBD3_OK);
    read_batch(c);
    ck_assert_int_eq(fb3_layout_create(&c->model.layout, context, &c->config, NULL), FLOWBD3_OK);
    ck_assert_int_eq(
        fb3_network_create(&c->network, context, &c->config, c->model.layout, &limits, true, NULL),
        FLOWBD3_OK);
    size_t size = c->model.layout->size;
    c->model.parameters = fb3_allocate_floats(context, size);
    c->trainer = (flowbd3_trainer){.context = context,
                                   .model = &c->model,
                                   .options = {.weight_decay = 0.01,
                                               .beta1 = 0.9,
                                               .beta2 = 0.999,
                                               .epsilon = 1e-8,
                                               .gradient_clip = 1.0,
                                               .ema_decay = -1.0},
                                   .parameters = c->model.parameters,
                                   .gradient = fb3_allocate_floats(context, size),
                                   .first_moment = fb3_allocate_floats(context, size),
                                   .second_moment = fb3_allocate_floats(context, size)};
    initialise(c);
}

static void close_case(golden_case *c) {
    flowbd3_context *context = c->trainer.context;
    fb3_release_floats(context, c->trainer.parameters);
    fb3_release_floats(context, c->trainer.gradient);
    fb3_release_floats(context, c->trainer.first_moment);
    fb3_release_floats(context, c->trainer.second_moment);
    fb3_joint_destroy(&c->joint);
    fb3_network_destroy(&c->network);
    fb3_layout_destroy(&c->model.layout);
}

static void check_near(double value, double expected, double tolerance, const char *what, size_t i) {
    ck_assert_msg(fabs(value - expected) <= tolerance * (1.0 + fabs(expected)),
                  "%s[%zu] is %.9g, expected %.9g", what, i, value, expected);
}

/* The file lists the logits of the masked tokens in the order of the rows. */
static void check_logits(golden_case *c) {
    size_t row = 0, next[MOST_SLOTS] = {0};
    fb3_network_prepare(c->network, c->trainer.parameters);
    fb3_network_logits(c->network, &c->batch);
    for (size_t at = 0; at < c->joint->rows; at++) {
        if (!c->joint->masked[at])
            continue;
        size_t slot = c->joint->slots[at], count, stride, j = next[slot]++;
        const uint32_t *positions;
        const float *logits = fb3_network_slot_logits(c->network, slot, &count, &stride, &positions);
        ck_assert_uint_lt(j, count);
        ck_assert_uint_eq(positions[j], at);
        for (size_t v = 0; v < c->vocabulary[slot]; v++)
            check_near((double)logits[j * stride + v], json_number_value(element(c->json, "logits", row, v)),
                       2e-6, "logits", at);
        row++;
    }
    ck_assert_uint_eq(row, json_array_size(json_object_get(c->json, "logits")));
}

static void check_tensors(const golden_case *c, const char *member, const float *slab, double tolerance) {
    size_t n;
    json_t *tensor;
    json_array_foreach(json_object_get(c->json, "tensors"), n, tensor) {
        const fb3_tensor *t = find(c->model.layout, json_string_value(json_object_get(tensor, "name")));
        const json_t *expected = json_object_get(tensor, member);
        ck_assert_uint_eq(json_array_size(expected), t->rows * t->columns);
        for (size_t k = 0; k < t->rows * t->columns; k++)
            check_near((double)slab[t->offset + k / t->columns * t->stride + k % t->columns],
                       json_number_value(json_array_get(expected, k)), tolerance, t->name, k);
    }
}

static void check_case(const char *name) {
    char path[512];
    const char *data = getenv("FLOWBD3_TEST_DATA");
    ck_assert_ptr_nonnull(data);
    snprintf(path, sizeof path, "%s/golden/network.json", data);
    json_error_t problem;
    json_t *file = json_load_file(path, 0, &problem);
    ck_assert_msg(file != NULL, "%s: %s", path, problem.text);
    flowbd3_context *context = NULL;
    ck_assert_int_eq(flowbd3_context_create(&context, NULL, NULL), FLOWBD3_OK);
    static golden_case c;
    open_case(&c, name, file, context);
    check_logits(&c);
    check_near(fb3_network_loss(c.network, c.trainer.parameters, &c.batch),
               json_number_value(json_object_get(c.json, "loss")), 2e-6, "loss", 0);
    for (size_t step = 0; step < 10; step++) {
        double loss =
            fb3_network_gradient(c.network, c.trainer.parameters, &c.batch, c.trainer.gradient, 0, 0);
        double norm = fb3_network_gradient_norm(c.network);
        if (step == 0)
            check_tensors(&c, "gradient", c.trainer.gradient, 2e-5);
        check_near(loss, json_number_value(json_array_get(json_object_get(c.json, "step_losses"), step)),
                   1e-4, "loss", step);
        check_near(norm, json_number_value(json_array_get(json_object_get(c.json, "step_norms"), step)), 1e-3,
                   "norm", step);
        fb3_optimiser_step(&c.trainer, 1e-2, norm);
    }
    check_tensors(&c, "after", c.trainer.parameters, 2e-4);
    close_case(&c);
    flowbd3_context_destroy(&context);
    json_decref(file);
}

START_TEST(one_block) {
    check_case("one_block");
}
END_TEST

START_TEST(two_blocks) {
    check_case("two_blocks");
}
END_TEST

START_TEST(blocks_smaller_than_a_flow) {
    check_case("small_blocks");
}
END_TEST

int main(void) {
    setenv("CK_FORK", "no", 1);
    Suite *suite = suite_create("network");
    TCase *tests = tcase_create("network");
    tcase_add_test(tests, one_block);
    tcase_add_test(tests, two_blocks);
    tcase_add_test(tests, blocks_smaller_than_a_flow);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
