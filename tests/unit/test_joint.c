/* The joint pass and the cache: one pass over x_t + x_0 is the sum of the conditional losses computed block
 * by block, and the logits of a block after cached ones are those without a cache. */
#include "model/joint.h"
#include "test_main.h"

#include <math.h>
#include <string.h>

enum { SLOTS = 3, FLOWS = 5, T = SLOTS * FLOWS, SEQUENCES = 3, WIDTH = 16, MOST_VALUES = 7 };

static const size_t vocabulary[SLOTS] = {5, MOST_VALUES, 4};
static const size_t lengths[SEQUENCES] = {FLOWS, 1, 3};

static flowbd3_context *context;
static fb3_layout *layout;
static fb3_network_config config = {SLOTS, T, WIDTH, 4, 3, 24, 0.0f, vocabulary, NULL};
static float *parameters;

static double number(uint32_t stream, uint64_t i) {
    return fb3_uniform(5, FB3_RANDOM_INITIAL_WEIGHTS, i, stream);
}

static void set_up(void) {
    ck_assert_int_eq(flowbd3_context_create(&context, NULL, NULL), FLOWBD3_OK);
    ck_assert_int_eq(fb3_layout_create(&layout, context, &config, NULL), FLOWBD3_OK);
    parameters = fb3_allocate_floats(context, layout->size);
    for (size_t i = 0; i < layout->size; i++)
        parameters[i] = (float)(number(1, i) - 0.5);
}

static void tear_down(void) {
    fb3_release_floats(context, parameters);
    fb3_layout_destroy(&layout);
    flowbd3_context_destroy(&context);
}

/* Sequences of several lengths, every flow in a column order of its own, some tokens masked. */
static fb3_joint *make_joint(const fb3_blocking *blocking) {
    fb3_joint *joint = NULL;
    ck_assert_int_eq(fb3_joint_create(&joint, context, blocking, SEQUENCES, SEQUENCES * FLOWS, NULL),
                     FLOWBD3_OK);
    static const uint16_t orders[3][SLOTS] = {{0, 1, 2}, {2, 0, 1}, {1, 2, 0}};
    for (size_t b = 0; b < SEQUENCES; b++) {
        uint16_t tokens[T], order[T];
        for (size_t i = 0; i < T; i++) {
            tokens[i] = (uint16_t)(number(2, b * T + i) * (double)vocabulary[i % SLOTS]);
            order[i] = orders[(b + i / SLOTS) % 3][i % SLOTS];
        }
        fb3_joint_add(joint, tokens, lengths[b], order);
    }
    for (size_t row = 0; row < joint->rows; row++)
        joint->masked[row] = FB3_VISIBLE;
    for (size_t b = 0; b < joint->n_blocks; b++)
        for (size_t k = 0; k < joint->blocks[b].tokens; k++) {
            size_t row = joint->blocks[b].first + k;
            joint->masked[row] = number(3, row) < 0.6 ? FB3_MASKED : FB3_VISIBLE;
            joint->scale[row] = (float)(0.5 + number(4, b));
        }
    return joint;
}

static fb3_network *make_network(const fb3_limits *limits) {
    fb3_network *network = NULL;
    ck_assert_int_eq(fb3_network_create(&network, context, &config, layout, limits, false, NULL), FLOWBD3_OK);
    return network;
}

/* The noisy rows of block number block of a sequence that has clean rows before, taken from a joint, as a
 * sequence of their own: blocks that are clean, each seeing those up to itself, then the noisy one. */
typedef struct lone {
    size_t first[2], first_group[2], cached[1], count;
    uint16_t inputs[2 * T], targets[2 * T], slots[2 * T];
    uint32_t positions[2 * T];
    uint8_t masked[2 * T];
    float scale[2 * T], losses[2 * T];
    fb3_query_group groups[T + 1];
} lone;

static void append(lone *l, const fb3_joint *joint, size_t row, bool noisy) {
    size_t i = l->first[1]++;
    l->inputs[i] = noisy ? joint->inputs[row] : joint->tokens[row];
    l->targets[i] = joint->tokens[row];
    l->slots[i] = joint->slots[row];
    l->positions[i] = joint->positions[row];
    l->masked[i] = noisy ? joint->masked[row] : 0;
    l->scale[i] = joint->scale[row];
}

static void append_group(lone *l, size_t query, size_t queries, size_t before) {
    l->groups[l->first_group[1]++] =
        (fb3_query_group){(uint32_t)query, (uint32_t)queries, (uint32_t)before, 0, 0};
}

static fb3_batch lone_batch(lone *l) {
    return (fb3_batch){.sequences = 1,
                       .first = l->first,
                       .inputs = l->inputs,
                       .slots = l->slots,
                       .positions = l->positions,
                       .groups = l->groups,
                       .first_group = l->first_group,
                       .masked = l->masked,
                       .targets = l->targets,
                       .scale = l->scale,
                       .losses = l->losses,
                       .cached = l->cached};
}

/* Blocks of the joint that belong to one sequence lie behind one another: first .. end - 1. */
static size_t next_sequence(const fb3_joint *joint, size_t first, size_t sequence) {
    size_t end = first;
    while (end < joint->n_blocks && joint->blocks[end].first < joint->first[sequence + 1])
        end++;
    return end;
}

static const size_t blocks[] = {1, 2, SLOTS, 5, 2 * SLOTS, T - 1, T};

/* A whole-sequence block has no clean copy at all. */
START_TEST(rows_are_only_those_needed) {
    fb3_blocking blocking = {SLOTS, blocks[_i], FLOWS, vocabulary};
    fb3_joint *joint = make_joint(&blocking);
    size_t rows = 0;
    for (size_t b = 0; b < SEQUENCES; b++) {
        size_t tokens = lengths[b] * SLOTS,
               last = tokens % blocks[_i] != 0 ? tokens % blocks[_i] : blocks[_i];
        rows += tokens + (tokens - last);
    }
    ck_assert_uint_eq(joint->rows, rows);
    ck_assert_uint_le(rows, fb3_joint_limits(&blocking, SEQUENCES, SEQUENCES * FLOWS).rows);
    fb3_joint_destroy(&joint);
}
END_TEST

START_TEST(joint_loss_is_the_sum_of_conditional_losses) {
    fb3_blocking blocking = {SLOTS, blocks[_i], FLOWS, vocabulary};
    fb3_limits limits = fb3_joint_limits(&blocking, SEQUENCES, SEQUENCES * FLOWS);
    fb3_joint *joint = make_joint(&blocking);
    fb3_network *network = make_network(&limits);
    fb3_batch batch = fb3_joint_batch(joint);
    double whole = fb3_network_loss(network, parameters, &batch), sum = 0.0;
    for (size_t sequence = 0, first = 0; sequence < SEQUENCES; sequence++) {
        size_t end = next_sequence(joint, first, sequence);
        for (size_t b = first; b < end; b++) {
            static lone l;
            memset(&l, 0, sizeof l);
            for (size_t c = first; c < b; c++) { /* the clean tokens stand in the noisy copy too */
                for (size_t k = 0; k < joint->blocks[c].tokens; k++)
                    append(&l, joint, joint->blocks[c].first + k, false);
                append_group(&l, l.first[1] - joint->blocks[c].tokens, joint->blocks[c].tokens, l.first[1]);
            }
            for (size_t k = 0; k < joint->blocks[b].tokens; k++)
                append(&l, joint, joint->blocks[b].first + k, true);
            append_group(&l, l.first[1] - joint->blocks[b].tokens, joint->blocks[b].tokens, l.first[1]);
            fb3_batch alone = lone_batch(&l);
            sum += fb3_network_loss(network, parameters, &alone);
            for (size_t k = 0; k < joint->blocks[b].tokens; k++) {
                size_t row = joint->blocks[b].first + k, here = l.first[1] - joint->blocks[b].tokens + k;
                if (joint->masked[row])
                    ck_assert_double_eq_tol((double)joint->losses[row], (double)l.losses[here], 1e-5);
            }
        }
        first = end;
    }
    ck_assert_double_eq_tol(whole, sum, 1e-5 * fabs(sum));
    ck_assert_double_gt(sum, 1.0);
    fb3_network_destroy(&network);
    fb3_joint_destroy(&joint);
}
END_TEST

/* Logits of the masked rows of a batch by its rows, [rows, MOST_VALUES]. */
static void take_logits(const fb3_network *network, float *logits) {
    for (size_t slot = 0; slot < SLOTS; slot++) {
        size_t count, stride;
        const uint32_t *positions;
        const float *from = fb3_network_slot_logits(network, slot, &count, &stride, &positions);
        for (size_t i = 0; i < count; i++)
            memcpy(logits + positions[i] * MOST_VALUES, from + i * stride, vocabulary[slot] * sizeof *from);
    }
}

/* The first sequence block by block: each goes through the network as noise, then finished, into the cache.
 */
START_TEST(cached_logits_are_those_without_a_cache) {
    fb3_blocking blocking = {SLOTS, blocks[_i], FLOWS, vocabulary};
    fb3_limits limits = fb3_joint_limits(&blocking, SEQUENCES, SEQUENCES * FLOWS);
    limits.keys = T + blocks[_i];
    fb3_joint *joint = make_joint(&blocking);
    fb3_network *network = make_network(&limits);
    fb3_batch batch = fb3_joint_batch(joint);
    static float expected[SEQUENCES * 2 * T * MOST_VALUES], cached[2 * T * MOST_VALUES];
    fb3_network_prepare(network, parameters);
    fb3_network_logits(network, &batch);
    take_logits(network, expected);
    fb3_cache *cache = NULL;
    ck_assert_int_eq(fb3_cache_create(&cache, context, &config, 2, T + blocks[_i], NULL), FLOWBD3_OK);
    fb3_cache_keep(cache, 0, 1); /* another sequence's place, which must not matter */
    size_t end = next_sequence(joint, 0, 0), compared = 0;
    for (size_t b = 0; b < end; b++) {
        for (int finished = 0; finished < 2; finished++) {
            static lone l;
            memset(&l, 0, sizeof l);
            l.cached[0] = 1;
            for (size_t k = 0; k < joint->blocks[b].tokens; k++)
                append(&l, joint, joint->blocks[b].first + k, finished == 0);
            append_group(&l, 0, l.first[1], fb3_cache_used(cache, 1) + l.first[1]);
            fb3_batch alone = lone_batch(&l);
            alone.cache = cache;
            fb3_network_logits(network, &alone);
            take_logits(network, cached);
            if (finished == 1)
                fb3_cache_keep(cache, 1, l.first[1]);
            for (size_t k = 0; finished == 0 && k < joint->blocks[b].tokens; k++) {
                size_t row = joint->blocks[b].first + k;
                for (size_t v = 0; joint->masked[row] && v < vocabulary[joint->slots[row]]; v++, compared++)
                    ck_assert_double_eq_tol((double)cached[k * MOST_VALUES + v],
                                            (double)expected[row * MOST_VALUES + v], 1e-5);
            }
        }
    }
    ck_assert_uint_gt(compared, 20);
    ck_assert_uint_eq(fb3_cache_used(cache, 1), T);
    fb3_cache_clear(cache, 1);
    ck_assert_uint_eq(fb3_cache_used(cache, 1), 0);
    fb3_cache_destroy(&cache);
    fb3_network_destroy(&network);
    fb3_joint_destroy(&joint);
}
END_TEST

START_TEST(unknown_and_hidden_tokens_cost_nothing) {
    fb3_blocking blocking = {SLOTS, SLOTS, 1, vocabulary};
    fb3_joint *joint = NULL;
    ck_assert_int_eq(fb3_joint_create(&joint, context, &blocking, 1, 1, NULL), FLOWBD3_OK);
    const uint16_t tokens[SLOTS] = {(uint16_t)vocabulary[0], 2, 1}; /* the first one is unknown */
    fb3_joint_add(joint, tokens, 1, NULL);
    joint->masked[0] = FB3_MASKED;
    joint->masked[1] = FB3_HIDDEN;
    joint->masked[2] = FB3_MASKED;
    fb3_batch batch = fb3_joint_batch(joint);
    ck_assert_uint_eq(batch.masked[0], 0);
    ck_assert_uint_eq(batch.masked[1], 0);
    ck_assert_uint_eq(batch.masked[2], 1);
    for (size_t i = 0; i < SLOTS; i++)
        ck_assert_uint_eq(batch.inputs[i], vocabulary[i]);
    fb3_joint_destroy(&joint);
}
END_TEST

int main(void) {
    setenv("CK_FORK", "no", 1);
    Suite *suite = suite_create("joint");
    TCase *tests = tcase_create("joint");
    tcase_add_unchecked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, rows_are_only_those_needed, 0, FB3_COUNT(blocks));
    tcase_add_loop_test(tests, joint_loss_is_the_sum_of_conditional_losses, 0, FB3_COUNT(blocks));
    tcase_add_loop_test(tests, cached_logits_are_those_without_a_cache, 0, FB3_COUNT(blocks));
    tcase_add_test(tests, unknown_and_hidden_tokens_cost_nothing);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
