/* What is trained on: rows as sequences, and batches of them. */
#include "tokenizer/tokenizer.h"
#include "trainer/trainer.h"

#include <math.h>
#include <string.h>
#include <zlib.h>

/* ---- sets of sequences ------------------------------------------------------------------------- */

size_t fb3_set_sequence(const fb3_set *set, size_t i) {
    return set->is_part ? (size_t)fb3_shuffle_at(&set->split, set->first + i) : i;
}

static size_t length_of(const fb3_flows *tokens, size_t sequence) {
    return fb3_flows_first(tokens, sequence + 1) - fb3_flows_first(tokens, sequence);
}

/* Whether the last sequence of all, which alone may have fewer flows, is among the first `count` of a set. */
static bool has_last(const fb3_set *set, const fb3_shuffle *order, size_t count) {
    uint64_t place = set->tokens->sequences - 1;
    if (set->is_part)
        place = fb3_shuffle_place(&set->split, place) - set->first;
    if (place >= set->count)
        return false;
    return (order != NULL ? fb3_shuffle_place(order, place) : place) < count;
}

size_t fb3_set_flows(const fb3_set *set, const fb3_shuffle *order, size_t count) {
    const fb3_flows *tokens = set->tokens;
    size_t flows = 0;
    if (tokens->first == NULL) {
        size_t last = tokens->sequences - 1;
        return count * tokens->length -
               (has_last(set, order, count) ? tokens->length - length_of(tokens, last) : 0);
    }
    for (size_t i = 0; i < count; i++)
        flows +=
            length_of(tokens, fb3_set_sequence(set, order != NULL ? (size_t)fb3_shuffle_at(order, i) : i));
    return flows;
}

/* All sequences of rows. */
static flowbd3_status take_rows(fb3_set *set, flowbd3_trainer *t, const fb3_rows *rows, flowbd3_error *err) {
    flowbd3_status status = rows->stream != NULL
                                ? fb3_flows_create_stream(&set->tokens, t->model, rows->stream, err)
                                : fb3_flows_create(&set->tokens, t->model, rows->table, false, err);
    if (status != FLOWBD3_OK)
        return status;
    set->count = set->tokens->sequences;
    set->flows = set->tokens->count;
    t->checksum = (uint32_t)crc32_z(t->checksum, (const void *)set->tokens->tokens,
                                    set->tokens->count * t->model->config.slots * sizeof(uint16_t));
    return FLOWBD3_OK;
}

/* Moves a random share of the sequences of train to validation, as flowbd3_table_split does with rows. */
static flowbd3_status hold_out(flowbd3_trainer *t, double share, flowbd3_error *err) {
    size_t count = t->train.count;
    if (count < 2)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT,
                        "validation_share is %g, but the training table is a single sequence", share);
    double wanted = nearbyint((1.0 - share) * (double)count);
    size_t left = wanted < 1.0 ? 1 : wanted > (double)(count - 1) ? count - 1 : (size_t)wanted;
    fb3_shuffle split = fb3_shuffle_of(count, t->options.seed, FB3_RANDOM_SPLIT, 0);
    t->validation = (fb3_set){t->train.tokens, true, split, left, count - left, 0};
    t->train = (fb3_set){t->train.tokens, true, split, 0, left, 0};
    t->validation.flows = fb3_set_flows(&t->validation, NULL, t->validation.count);
    t->train.flows = fb3_set_flows(&t->train, NULL, t->train.count);
    return FLOWBD3_OK;
}

flowbd3_status fb3_trainer_take_rows(flowbd3_trainer *t, const fb3_rows *train, const fb3_rows *validation,
                                     flowbd3_error *err) {
    flowbd3_status status = take_rows(&t->train, t, train, err);
    if (status == FLOWBD3_OK && fb3_rows_are_there(validation))
        status = take_rows(&t->validation, t, validation, err);
    else if (status == FLOWBD3_OK && t->options.validation_share > 0.0)
        status = hold_out(t, t->options.validation_share, err);
    return status;
}

void fb3_trainer_release_data(flowbd3_trainer *t) {
    if (t->validation.tokens != t->train.tokens)
        fb3_flows_destroy(&t->validation.tokens);
    fb3_flows_destroy(&t->train.tokens);
}

/* ---- batches ----------------------------------------------------------------------------------- */

fb3_shuffle fb3_trainer_order(const flowbd3_trainer *t, size_t epochs) {
    return fb3_shuffle_of(t->train.count, t->options.seed, FB3_RANDOM_SHUFFLE, (uint32_t)(epochs + 1));
}

static void add_sequence(flowbd3_trainer *t, const fb3_set *set, size_t sequence, uint32_t step) {
    size_t slots = t->model->config.slots, first = fb3_flows_first(set->tokens, sequence);
    size_t flows = length_of(set->tokens, sequence);
    const uint16_t *tokens = set->tokens->tokens + first * slots;
    if (t->known != NULL && set == &t->train) {
        memcpy(t->known, tokens, flows * slots * sizeof *tokens);
        for (size_t f = 0; f < flows; f++)
            fb3_condition_dropout(t, t->known + f * slots, first + f, step);
        tokens = t->known;
    }
    for (size_t f = 0; t->columns != NULL && f < flows; f++)
        fb3_model_order(t->model, t->columns + f * slots, t->options.seed, first + f, step);
    fb3_joint_add(t->joint, tokens, flows, t->columns);
}

fb3_batch fb3_trainer_batch(flowbd3_trainer *t, const fb3_set *set, const fb3_shuffle *order,
                            size_t *position, const fb3_noise *noise, fb3_purpose purpose, uint32_t step) {
    fb3_joint *joint = t->joint;
    fb3_joint_clear(joint);
    for (; *position < set->count; ++*position) {
        size_t i = order != NULL ? (size_t)fb3_shuffle_at(order, *position) : *position;
        size_t sequence = fb3_set_sequence(set, i);
        if (joint->flows > 0 && joint->flows + length_of(set->tokens, sequence) > t->options.batch_size)
            break;
        add_sequence(t, set, sequence, step);
    }
    fb3_mask_blocks(joint->masked, joint->scale, joint->blocks, joint->n_blocks, noise,
                    1.0f / (float)joint->flows, t->options.seed, purpose, step);
    return fb3_joint_batch(joint);
}
