/* Gradients against central differences, for every kernel variant, and of the whole network with dropout. */
#include "model/network.h"
#include "test_main.h"

#include <math.h>
#include <string.h>

static float noise(uint32_t stream, size_t i) {
    return (float)(2.0 * fb3_uniform(11, FB3_RANDOM_INITIAL_WEIGHTS, i, stream) - 1.0);
}

static void fill(float *x, size_t count, uint32_t stream) {
    for (size_t i = 0; i < count; i++)
        x[i] = noise(stream, i);
}

static double dot(const float *a, const float *b, size_t count) {
    double sum = 0.0;
    for (size_t i = 0; i < count; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

/* f's value with x[i] moved by h. */
typedef double (*objective)(const void *problem, const float *x);

/* Every component of gradient agrees with the central difference of f at x[count]. */
static void check_gradient(objective f, const void *problem, const float *x, const float *gradient,
                           size_t count, double tolerance, const char *what) {
    float moved[4096];
    ck_assert_uint_le(count, FB3_COUNT(moved));
    memcpy(moved, x, count * sizeof *x);
    for (size_t i = 0; i < count; i++) {
        float h = 4e-3f;
        moved[i] = x[i] + h;
        double up = f(problem, moved), width = (double)moved[i];
        moved[i] = x[i] - h;
        width -= (double)moved[i];
        double numeric = (up - f(problem, moved)) / width;
        moved[i] = x[i];
        ck_assert_msg(fabs(numeric - (double)gradient[i]) <= tolerance * (1.0 + fabs(numeric)),
                      "%s: component %zu is %g, expected %g", what, i, (double)gradient[i], numeric);
    }
}

enum { ROWS = 3, WIDTH = 13, STRIDE = 16 };

typedef struct rms_problem {
    const fb3_kernels *k;
    const float *weights, *other; /* the gradient of the output; the operand that is not moved */
    bool move_gain;
} rms_problem;

static double rms_objective(const void *argument, const float *x) {
    const rms_problem *p = argument;
    float out[ROWS * STRIDE] = {0}, inverse[ROWS];
    p->k->rms_norm_forward(out, inverse, p->move_gain ? p->other : x, p->move_gain ? x : p->other, ROWS,
                           WIDTH, STRIDE);
    return dot(out, p->weights, ROWS * STRIDE);
}

START_TEST(rms_norm) {
    for (const fb3_kernels *const *k = fb3_kernels_all(); *k != NULL; k++) {
        float x[ROWS * STRIDE], gain[STRIDE], dout[ROWS * STRIDE], out[ROWS * STRIDE], inverse[ROWS];
        float dx[ROWS * STRIDE] = {0}, dgain[STRIDE] = {0};
        fill(x, ROWS * STRIDE, 1);
        fill(gain, STRIDE, 2);
        fill(dout, ROWS * STRIDE, 3);
        for (size_t r = 0; r < ROWS; r++)
            for (size_t i = WIDTH; i < STRIDE; i++)
                dout[r * STRIDE + i] = 0.0f;
        (*k)->rms_norm_forward(out, inverse, x, gain, ROWS, WIDTH, STRIDE);
        (*k)->rms_norm_backward(dx, dgain, dout, x, gain, inverse, ROWS, WIDTH, STRIDE);
        rms_problem p = {*k, dout, gain, false};
        check_gradient(rms_objective, &p, x, dx, ROWS * STRIDE, 2e-3, (*k)->name);
        p.other = x;
        p.move_gain = true;
        check_gradient(rms_objective, &p, gain, dgain, WIDTH, 2e-3, (*k)->name);
    }
}
END_TEST

typedef struct plain_problem {
    const fb3_kernels *k;
    const float *weights;
} plain_problem;

static double gelu_objective(const void *argument, const float *x) {
    const plain_problem *p = argument;
    float out[ROWS * STRIDE];
    p->k->gelu_forward(out, x, 1, ROWS * STRIDE, 0);
    return dot(out, p->weights, ROWS * STRIDE);
}

START_TEST(gelu) {
    for (const fb3_kernels *const *k = fb3_kernels_all(); *k != NULL; k++) {
        float x[ROWS * STRIDE], dout[ROWS * STRIDE], dx[ROWS * STRIDE], out[ROWS * STRIDE];
        fill(x, ROWS * STRIDE, 4);
        fill(dout, ROWS * STRIDE, 5);
        for (size_t i = 0; i < ROWS * STRIDE; i++)
            x[i] *= 4.0f;
        (*k)->gelu_forward(out, x, 1, ROWS * STRIDE, 0);
        for (size_t i = 0; i < ROWS * STRIDE; i++) {
            double v = (double)x[i], u = 0.7978845608028654 * (v + 0.044715 * v * v * v);
            ck_assert_double_eq_tol((double)out[i], 0.5 * v * (1.0 + tanh(u)), 2e-6);
        }
        memcpy(dx, x, sizeof x);
        (*k)->gelu_backward(dx, dout, 1, ROWS * STRIDE, 0);
        plain_problem p = {*k, dout};
        check_gradient(gelu_objective, &p, x, dx, ROWS * STRIDE, 2e-3, (*k)->name);
    }
}
END_TEST

static double cross_entropy_objective(const void *argument, const float *x) {
    const plain_problem *p = argument;
    static const uint16_t targets[ROWS] = {0, 12, 5};
    static const float scale[ROWS] = {1.0f, 0.25f, 2.0f};
    float logits[ROWS * STRIDE];
    memcpy(logits, x, sizeof logits);
    return p->k->cross_entropy(logits, p->weights, targets, scale, ROWS, WIDTH, STRIDE);
}

START_TEST(cross_entropy) {
    static const uint16_t targets[ROWS] = {0, 12, 5};
    static const float scale[ROWS] = {1.0f, 0.25f, 2.0f};
    for (const fb3_kernels *const *k = fb3_kernels_all(); *k != NULL; k++) {
        float x[ROWS * STRIDE], bias[STRIDE], dx[ROWS * STRIDE];
        fill(x, ROWS * STRIDE, 6);
        fill(bias, STRIDE, 7);
        memcpy(dx, x, sizeof x);
        double loss = (*k)->cross_entropy(dx, bias, targets, scale, ROWS, WIDTH, STRIDE), expected = 0.0;
        for (size_t r = 0; r < ROWS; r++) {
            double sum = 0.0;
            for (size_t i = 0; i < WIDTH; i++)
                sum += exp((double)x[r * STRIDE + i] + (double)bias[i]);
            expected +=
                (double)scale[r] * (log(sum) - (double)x[r * STRIDE + targets[r]] - (double)bias[targets[r]]);
            for (size_t i = WIDTH; i < STRIDE; i++)
                dx[r * STRIDE + i] = 0.0f;
        }
        ck_assert_double_eq_tol(loss, expected, 1e-5);
        plain_problem p = {*k, bias};
        check_gradient(cross_entropy_objective, &p, x, dx, ROWS * STRIDE, 2e-3, (*k)->name);
    }
}
END_TEST

enum { TOKENS = 6, HEADS = 2, HEAD_WIDTH = 4, D = HEADS * HEAD_WIDTH };

typedef struct attention_problem {
    const fb3_kernels *k;
    const float *weights;
    fb3_attention shape;
    fb3_dropout dropout;
} attention_problem;

static void attend(const attention_problem *p, float *out, float *weights, float *qkv) {
    float scratch[1024];
    ck_assert_uint_le(fb3_attention_scratch(&p->shape), FB3_COUNT(scratch));
    p->k->rope_forward(qkv, 3 * D, &p->shape);
    p->k->attention_forward(out, D, weights, qkv, 3 * D, &p->shape, &p->dropout, 3, scratch);
}

static double attention_objective(const void *argument, const float *x) {
    const attention_problem *p = argument;
    float qkv[TOKENS * 3 * D], out[TOKENS * D], weights[HEADS * TOKENS * TOKENS];
    memcpy(qkv, x, sizeof qkv);
    attend(p, out, weights, qkv);
    return dot(out, p->weights, TOKENS * D);
}

START_TEST(attention) {
    float angles[2 * TOKENS * HEAD_WIDTH / 2];
    for (size_t i = 0; i < TOKENS * HEAD_WIDTH / 2; i++) {
        angles[i] = cosf((float)i * 0.3f);
        angles[TOKENS * HEAD_WIDTH / 2 + i] = sinf((float)i * 0.3f);
    }
    for (const fb3_kernels *const *k = fb3_kernels_all(); *k != NULL; k++)
        for (size_t block = 1; block <= TOKENS; block++) { /* also blocks that do not divide the tokens */
            float qkv[TOKENS * 3 * D], dx[TOKENS * 3 * D], dout[TOKENS * D], out[TOKENS * D], scratch[1024];
            float weights[HEADS * TOKENS * TOKENS];
            fill(qkv, TOKENS * 3 * D, 8);
            fill(dout, TOKENS * D, 9);
            attention_problem p = {
                *k,
                dout,
                {TOKENS, block, HEADS, HEAD_WIDTH, angles, angles + TOKENS * HEAD_WIDTH / 2},
                {block % 2 == 0 ? 0.3f : 0.0f, 1, 2, 3}};
            memcpy(dx, qkv, sizeof qkv);
            attend(&p, out, weights, dx);
            (*k)->attention_backward(dx, 3 * D, weights, dout, D, &p.shape, &p.dropout, 3, scratch);
            (*k)->rope_backward(dx, 3 * D, &p.shape);
            check_gradient(attention_objective, &p, qkv, dx, TOKENS * 3 * D, 4e-3, (*k)->name);
        }
}
END_TEST

/* Masks repeat for a key, differ between keys and keep the mean. */
START_TEST(dropout_masks) {
    for (const fb3_kernels *const *k = fb3_kernels_all(); *k != NULL; k++) {
        enum { N = 20000 };
        static float a[N], b[N];
        fb3_dropout key = {0.1f, 42, 7, 3};
        double sum = 0.0;
        size_t dropped = 0;
        for (size_t i = 0; i < N; i++)
            a[i] = b[i] = 1.0f;
        (*k)->dropout(a, &key, 0, 20, N / 20, N / 20);
        for (size_t r = 0; r < 20; r++) /* row by row gives the same mask */
            (*k)->dropout(b + r * N / 20, &key, r, 1, N / 20, N / 20);
        ck_assert_mem_eq(a, b, sizeof a);
        for (size_t i = 0; i < N; i++) {
            sum += (double)a[i];
            dropped += a[i] == 0.0f;
            b[i] = 1.0f;
        }
        ck_assert_double_eq_tol(sum / N, 1.0, 0.015);
        ck_assert_double_eq_tol((double)dropped / N, 0.1, 0.0125); /* 6 standard errors */
        key.step++;
        (*k)->dropout(b, &key, 0, 20, N / 20, N / 20);
        ck_assert_mem_ne(a, b, sizeof a);
    }
}
END_TEST

/* ---- the whole network ------------------------------------------------------------------------- */

enum { SEQUENCES = 5, SLOTS = 3, BLOCKS = 2, T = SLOTS * BLOCKS };

START_TEST(network_with_dropout) {
    static const size_t vocabulary[SLOTS] = {5, 7, 4};
    static float numbers[8 * FB3_FEATURES];
    const float *const features[SLOTS] = {NULL, numbers, NULL}; /* slot 1 is ordered */
    fill(numbers, 7 * FB3_FEATURES, 30);
    fb3_network_config config = {SLOTS, BLOCKS, 8, 2, 2, 12, 0.2f, vocabulary, features};
    flowbd3_context *context = NULL;
    fb3_layout *layout = NULL;
    fb3_network *network = NULL;
    ck_assert_int_eq(flowbd3_context_create(&context, NULL, NULL), FLOWBD3_OK);
    ck_assert_int_eq(fb3_layout_create(&layout, context, &config, NULL), FLOWBD3_OK);
    ck_assert_int_eq(fb3_network_create(&network, context, &config, layout, SEQUENCES, true, NULL),
                     FLOWBD3_OK);
    float *parameters = fb3_allocate_floats(context, layout->size),
          *gradient = fb3_allocate_floats(context, layout->size);
    float *unused = fb3_allocate_floats(context, layout->size);
    for (size_t i = 0; i < layout->size; i++)
        parameters[i] = 0.4f * noise(20, i);
    uint16_t inputs[SEQUENCES * T], targets[SEQUENCES * T];
    uint8_t masked[SEQUENCES * T];
    float scale[SEQUENCES * BLOCKS];
    for (size_t i = 0; i < SEQUENCES * T; i++) {
        targets[i] = (uint16_t)(i * 7 % vocabulary[i % SLOTS]);
        masked[i] = i * 5 % 3 != 0;
        inputs[i] = masked[i] ? (uint16_t)vocabulary[i % SLOTS] : targets[i];
    }
    for (size_t i = 0; i < SEQUENCES * BLOCKS; i++)
        scale[i] = 0.3f + 0.1f * (float)i;
    fb3_batch batch = {SEQUENCES, inputs, targets, masked, scale};
    fb3_network_gradient(network, parameters, &batch, gradient, 9, 1);
    for (size_t n = 0; n < layout->n_tensors; n++) {
        const fb3_tensor *t = &layout->tensors[n];
        for (size_t j = 0; j < 25; j++) {
            size_t k = j * 37 % (t->rows * t->columns),
                   i = t->offset + k / t->columns * t->stride + k % t->columns;
            float before = parameters[i];
            double steps[2], numeric[2];
            for (int s = 0; s < 2; s++) { /* Richardson extrapolation of two central differences */
                float h = s == 0 ? 2e-2f : 1e-2f;
                parameters[i] = before + h;
                double up = fb3_network_gradient(network, parameters, &batch, unused, 9, 1),
                       width = (double)parameters[i];
                parameters[i] = before - h;
                steps[s] = width - (double)parameters[i];
                numeric[s] =
                    (up - fb3_network_gradient(network, parameters, &batch, unused, 9, 1)) / steps[s];
            }
            parameters[i] = before;
            double expected = (4.0 * numeric[1] - numeric[0]) / 3.0;
            ck_assert_msg(fabs(expected - (double)gradient[i]) < 3e-3 * (1.0 + fabs(expected)),
                          "%s[%zu] is %g, expected %g", t->name, k, (double)gradient[i], expected);
        }
    }
    fb3_release_floats(context, unused);
    fb3_release_floats(context, gradient);
    fb3_release_floats(context, parameters);
    fb3_network_destroy(&network);
    fb3_layout_destroy(&layout);
    flowbd3_context_destroy(&context);
}
END_TEST

int main(void) {
    setenv("CK_FORK", "no", 1);
    Suite *suite = suite_create("gradients");
    TCase *tests = tcase_create("gradients");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, rms_norm);
    tcase_add_test(tests, gelu);
    tcase_add_test(tests, cross_entropy);
    tcase_add_test(tests, attention);
    tcase_add_test(tests, dropout_masks);
    tcase_add_test(tests, network_with_dropout);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
