/* Gradients against central differences, for every kernel variant, and of the whole network with dropout. */
#include "model/joint.h"
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
    float losses[ROWS];
    p->k->cross_entropy(logits, p->weights, targets, scale, losses, ROWS, WIDTH, STRIDE);
    double sum = 0.0;
    for (size_t r = 0; r < ROWS; r++)
        sum += (double)scale[r] * (double)losses[r];
    return sum;
}

START_TEST(cross_entropy) {
    static const uint16_t targets[ROWS] = {0, 12, 5};
    static const float scale[ROWS] = {1.0f, 0.25f, 2.0f};
    for (const fb3_kernels *const *k = fb3_kernels_all(); *k != NULL; k++) {
        float x[ROWS * STRIDE], bias[STRIDE], dx[ROWS * STRIDE], losses[ROWS];
        fill(x, ROWS * STRIDE, 6);
        fill(bias, STRIDE, 7);
        memcpy(dx, x, sizeof x);
        (*k)->cross_entropy(dx, bias, targets, scale, losses, ROWS, WIDTH, STRIDE);
        for (size_t r = 0; r < ROWS; r++) {
            double sum = 0.0;
            for (size_t i = 0; i < WIDTH; i++)
                sum += exp((double)x[r * STRIDE + i] + (double)bias[i]);
            double of_row = log(sum) - (double)x[r * STRIDE + targets[r]] - (double)bias[targets[r]];
            ck_assert_double_eq_tol((double)losses[r], of_row, 1e-5);
            for (size_t i = WIDTH; i < STRIDE; i++)
                dx[r * STRIDE + i] = 0.0f;
        }
        plain_problem p = {*k, bias};
        check_gradient(cross_entropy_objective, &p, x, dx, ROWS * STRIDE, 2e-3, (*k)->name);
    }
}
END_TEST

enum { MOST_ROWS = 22, HEADS = 2, HEAD_WIDTH = 4, D = HEADS * HEAD_WIDTH, SCRATCH = 8192 };

/* Attention of one sequence, whose rows are grouped in some way. */
typedef struct attention_problem {
    const fb3_kernels *k;
    const float *weights;
    fb3_attention shape;
    fb3_dropout dropout;
    size_t rows, n_groups;
    fb3_query_group groups[8];
    uint32_t positions[MOST_ROWS];
} attention_problem;

static void attend(const attention_problem *p, float *out, float *log_sums, float *qkv) {
    static float scratch[SCRATCH];
    ck_assert_uint_le(fb3_attention_forward_scratch(&p->shape, p->rows), FB3_COUNT(scratch));
    p->k->rope_forward(qkv, 3 * D, p->positions, p->rows, &p->shape);
    p->k->attention_forward(out, D, log_sums, MOST_ROWS, qkv, 3 * D, qkv + D, qkv + 2 * D, 3 * D, p->groups,
                            p->n_groups, &p->shape, &p->dropout, 3, scratch);
}

static double attention_objective(const void *argument, const float *x) {
    const attention_problem *p = argument;
    float qkv[MOST_ROWS * 3 * D], out[MOST_ROWS * D];
    memcpy(qkv, x, p->rows * 3 * D * sizeof *qkv);
    attend(p, out, NULL, qkv);
    return dot(out, p->weights, p->rows * D);
}

/* The definition: every pair of a query and a key that it sees, in double precision and without dropout. */
static void attend_naively(const attention_problem *p, double *out, const float *qkv) {
    for (const fb3_query_group *g = p->groups; g < p->groups + p->n_groups; g++)
        for (size_t i = g->query; i < g->query + g->queries; i++)
            for (size_t head = 0; head < HEADS; head++) {
                double sum = 0.0, *o = out + i * D + head * HEAD_WIDTH;
                memset(o, 0, HEAD_WIDTH * sizeof *o);
                for (size_t j = 0; j < p->rows; j++) {
                    if (j >= g->before && (j < g->own || j >= g->own + g->owned))
                        continue;
                    const float *q = qkv + i * 3 * D + head * HEAD_WIDTH,
                                *k = qkv + j * 3 * D + D + head * HEAD_WIDTH;
                    double weight = exp(dot(q, k, HEAD_WIDTH) / sqrt(HEAD_WIDTH));
                    sum += weight;
                    for (size_t d = 0; d < HEAD_WIDTH; d++)
                        o[d] += weight * (double)k[D + d];
                }
                for (size_t d = 0; d < HEAD_WIDTH; d++)
                    o[d] /= sum;
            }
}

static void check_attention(attention_problem *p) {
    float qkv[MOST_ROWS * 3 * D], dx[MOST_ROWS * 3 * D], dout[MOST_ROWS * D], out[MOST_ROWS * D];
    static float scratch[SCRATCH];
    double expected[MOST_ROWS * D];
    float log_sums[HEADS * MOST_ROWS];
    float angles[2 * MOST_ROWS * HEAD_WIDTH / 2];
    for (size_t i = 0; i < MOST_ROWS * HEAD_WIDTH / 2; i++) {
        angles[i] = cosf((float)i * 0.3f);
        angles[MOST_ROWS * HEAD_WIDTH / 2 + i] = sinf((float)i * 0.3f);
    }
    for (size_t i = 0; i < p->rows; i++)
        p->positions[i] = (uint32_t)(i * 5 % MOST_ROWS);
    p->shape = (fb3_attention){HEADS, HEAD_WIDTH, p->rows, angles, angles + MOST_ROWS * HEAD_WIDTH / 2};
    p->weights = dout;
    fill(qkv, p->rows * 3 * D, 8);
    fill(dout, p->rows * D, 9);
    memcpy(dx, qkv, sizeof qkv);
    attend(p, out, log_sums, dx);
    attend_naively(p, expected, dx);
    for (size_t i = 0; p->dropout.rate == 0.0f && i < p->rows * D; i++)
        ck_assert_double_eq_tol((double)out[i], expected[i], 2e-6);
    ck_assert_uint_le(fb3_attention_backward_scratch(&p->shape, p->rows), FB3_COUNT(scratch));
    p->k->attention_backward(dx, 3 * D, out, dout, D, log_sums, MOST_ROWS, p->rows, p->groups, p->n_groups,
                             &p->shape, &p->dropout, 3, scratch);
    p->k->rope_backward(dx, 3 * D, p->positions, p->rows, &p->shape);
    check_gradient(attention_objective, p, qkv, dx, p->rows * 3 * D, 4e-3, p->k->name);
}

START_TEST(attention) {
    static const struct {
        size_t rows, n_groups;
        fb3_query_group groups[8];
    } cases[] = {
        {6, 1, {{0, 6, 0, 0, 6}}},                                   /* all see all */
        {22, 1, {{0, 22, 22, 0, 0}}},                                /* more queries than one stretch */
        {6, 3, {{0, 1, 1, 0, 0}, {1, 4, 5, 0, 0}, {5, 1, 6, 0, 0}}}, /* causal blocks of 1, 4, 1 */
        {5, 3, {{0, 2, 2, 0, 0}, {2, 2, 0, 2, 2}, {4, 1, 2, 4, 1}}}, /* a joint pass, blocks of 2, 1 */
        {19, 3, {{0, 9, 9, 0, 0}, {9, 9, 0, 9, 9}, {18, 1, 9, 18, 1}}}};
    for (const fb3_kernels *const *k = fb3_kernels_all(); *k != NULL; k++)
        for (size_t c = 0; c < FB3_COUNT(cases); c++)
            for (int with_dropout = 0; with_dropout < 2; with_dropout++) {
                attention_problem p = {.k = *k,
                                       .dropout = {with_dropout ? 0.3f : 0.0f, 1, 2, 3},
                                       .rows = cases[c].rows,
                                       .n_groups = cases[c].n_groups};
                memcpy(p.groups, cases[c].groups, sizeof p.groups);
                check_attention(&p);
            }
}
END_TEST

/* Masks repeat for a key, differ between keys and keep the mean. */
START_TEST(dropout_masks) {
    for (const fb3_kernels *const *k = fb3_kernels_all(); *k != NULL; k++) {
        enum { N = 20000 };
        static float a[N], b[N], portable[N];
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
        if (k == fb3_kernels_all())
            memcpy(portable, a, sizeof a);
        ck_assert_mem_eq(a, portable, sizeof a);
        ck_assert_double_eq_tol(sum / N, 1.0, 0.015);
        ck_assert_double_eq_tol((double)dropped / N, 0.1, 0.0125); /* 6 standard errors */
        key.step++;
        (*k)->dropout(b, &key, 0, 20, N / 20, N / 20);
        ck_assert_mem_ne(a, b, sizeof a);
    }
}
END_TEST

/* ---- the whole network ------------------------------------------------------------------------- */

enum { SEQUENCES = 5, SLOTS = 3, FLOWS = 2, T = SLOTS * FLOWS };

/* Sequences of one and of two flows in blocks of two tokens, some of them masked. */
static fb3_batch make_batch(fb3_joint *joint) {
    for (size_t b = 0; b < SEQUENCES; b++) {
        uint16_t tokens[T];
        for (size_t i = 0; i < T; i++)
            tokens[i] = (uint16_t)((b * T + i) * 7 % joint->blocking.vocabulary[i % SLOTS]);
        fb3_joint_add(joint, tokens, b == 2 ? 1 : FLOWS, NULL);
    }
    for (size_t b = 0; b < joint->n_blocks; b++)
        for (size_t row = joint->blocks[b].first; row < joint->blocks[b].first + joint->blocks[b].tokens;
             row++) {
            joint->masked[row] = row * 5 % 3 != 0;
            joint->scale[row] = 0.3f + 0.1f * (float)b;
        }
    return fb3_joint_batch(joint);
}

/* What goes through the network in parts, of one sequence or two, has the same gradient but for rounding. */
static void check_parts(flowbd3_context *context, const fb3_network_config *config, const fb3_layout *layout,
                        const fb3_blocking *blocking, const float *parameters, const fb3_batch *batch,
                        const float *gradient, double total) {
    float *of_parts = fb3_allocate_floats(context, layout->size);
    for (size_t most = 1; most <= 2; most++) {
        fb3_network *network = NULL;
        fb3_limits limits = fb3_joint_limits(blocking, most, most * FLOWS);
        ck_assert_int_eq(fb3_network_create(&network, context, config, layout, &limits, true, NULL),
                         FLOWBD3_OK);
        double sum = fb3_network_gradient(network, parameters, batch, of_parts, 9, 1);
        ck_assert_double_eq_tol(sum, total, 1e-6 * total);
        double squares = 0.0;
        for (size_t n = 0; n < layout->n_tensors; n++)
            for (size_t row = 0; row < layout->tensors[n].rows; row++)
                for (size_t column = 0; column < layout->tensors[n].columns; column++) {
                    size_t i = layout->tensors[n].offset + row * layout->tensors[n].stride + column;
                    ck_assert_double_eq_tol((double)of_parts[i], (double)gradient[i],
                                            1e-6 * (1.0 + fabs((double)gradient[i])));
                    squares += (double)of_parts[i] * (double)of_parts[i];
                }
        ck_assert_double_eq_tol(fb3_network_gradient_norm(network), sqrt(squares), 1e-6 * sqrt(squares));
        fb3_network_destroy(&network);
    }
    fb3_release_floats(context, of_parts);
}

START_TEST(network_with_dropout) {
    static const size_t vocabulary[SLOTS] = {5, 7, 4};
    static float numbers[8 * FB3_FEATURES];
    const float *const features[SLOTS] = {NULL, numbers, NULL}; /* slot 1 is ordered */
    fill(numbers, 7 * FB3_FEATURES, 30);
    fb3_network_config config = {SLOTS, T, 8, 2, 2, 12, 0.2f, vocabulary, features};
    fb3_blocking blocking = {SLOTS, 2, FLOWS, vocabulary};
    fb3_limits limits = fb3_joint_limits(&blocking, SEQUENCES, SEQUENCES * FLOWS);
    flowbd3_context *context = NULL;
    fb3_layout *layout = NULL;
    fb3_network *network = NULL;
    fb3_joint *joint = NULL;
    ck_assert_int_eq(flowbd3_context_create(&context, NULL, NULL), FLOWBD3_OK);
    ck_assert_int_eq(fb3_layout_create(&layout, context, &config, NULL), FLOWBD3_OK);
    ck_assert_int_eq(fb3_network_create(&network, context, &config, layout, &limits, true, NULL), FLOWBD3_OK);
    ck_assert_int_eq(fb3_joint_create(&joint, context, &blocking, SEQUENCES, SEQUENCES * FLOWS, NULL),
                     FLOWBD3_OK);
    float *parameters = fb3_allocate_floats(context, layout->size),
          *gradient = fb3_allocate_floats(context, layout->size);
    float *unused = fb3_allocate_floats(context, layout->size);
    for (size_t i = 0; i < layout->size; i++)
        parameters[i] = 0.4f * noise(20, i);
    fb3_batch batch = make_batch(joint);
    double total = fb3_network_gradient(network, parameters, &batch, gradient, 9, 1);
    check_parts(context, &config, layout, &blocking, parameters, &batch, gradient, total);
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
    fb3_joint_destroy(&joint);
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
