/* What is trained on: tables as sequences, and batches of them. */
#include "tokenizer/tokenizer.h"
#include "trainer/trainer.h"

#include <math.h>
#include <string.h>
#include <zlib.h>

/* ---- sets of sequences ------------------------------------------------------------------------- */

static size_t length_of(const fb3_set *set, size_t i) {
    const size_t *first = set->tokens->first + set->sequences[i];
    return first[1] - first[0];
}

static void count_flows(fb3_set *set) {
    set->flows = 0;
    for (size_t i = 0; i < set->count; i++)
        set->flows += length_of(set, i);
}

/* All sequences of a table. */
static flowbd3_status take_table(fb3_set *set, flowbd3_trainer *t, const flowbd3_table *table,
                                 flowbd3_error *err) {
    flowbd3_status status = fb3_flows_create(&set->tokens, t->model, table, false, err);
    if (status != FLOWBD3_OK)
        return status;
    set->count = set->tokens->sequences;
    set->sequences = fb3_allocate(t->context, set->count, sizeof *set->sequences);
    if (set->sequences == NULL)
        return fb3_no_memory(err, "the sequences");
    for (size_t i = 0; i < set->count; i++)
        set->sequences[i] = i;
    count_flows(set);
    t->checksum = (uint32_t)crc32_z(t->checksum, (const void *)set->tokens->tokens,
                                    set->tokens->count * t->model->config.slots * sizeof(uint16_t));
    return FLOWBD3_OK;
}

/* Moves a random share of the sequences of train to validation, as flowbd3_table_split does with rows. */
static flowbd3_status hold_out(flowbd3_trainer *t, double share, flowbd3_error *err) {
    size_t count = t->train.count, taken = 0;
    if (count < 2)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT,
                        "validation_share is %g, but the training table is a single sequence", share);
    double wanted = nearbyint((1.0 - share) * (double)count);
    size_t left = wanted < 1.0 ? 1 : wanted > (double)(count - 1) ? count - 1 : (size_t)wanted;
    size_t *order = fb3_allocate(t->context, count, sizeof *order);
    uint8_t *kept = fb3_allocate_zero(t->context, count, 1);
    fb3_set *v = &t->validation;
    v->tokens = t->train.tokens;
    v->count = count - left;
    v->sequences = fb3_allocate(t->context, v->count, sizeof *v->sequences);
    bool allocated = order != NULL && kept != NULL && v->sequences != NULL;
    if (allocated) {
        fb3_permutation(order, count, t->options.seed, FB3_RANDOM_SPLIT, 0);
        for (size_t i = 0; i < left; i++)
            kept[order[i]] = 1;
        t->train.count = 0;
        for (size_t i = 0; i < count; i++)
            if (kept[i] != 0)
                t->train.sequences[t->train.count++] = i;
            else
                v->sequences[taken++] = i;
        count_flows(&t->train);
        count_flows(v);
    }
    fb3_release(t->context, order);
    fb3_release(t->context, kept);
    return allocated ? FLOWBD3_OK : fb3_no_memory(err, "the validation sequences");
}

flowbd3_status fb3_trainer_take_tables(flowbd3_trainer *t, const flowbd3_table *train,
                                       const flowbd3_table *validation, flowbd3_error *err) {
    flowbd3_status status = take_table(&t->train, t, train, err);
    if (status == FLOWBD3_OK && validation != NULL && flowbd3_table_rows(validation) > 0)
        status = take_table(&t->validation, t, validation, err);
    else if (status == FLOWBD3_OK && t->options.validation_share > 0.0)
        status = hold_out(t, t->options.validation_share, err);
    return status;
}

void fb3_trainer_release_data(flowbd3_trainer *t) {
    if (t->validation.tokens != t->train.tokens)
        fb3_flows_destroy(&t->validation.tokens);
    fb3_flows_destroy(&t->train.tokens);
    fb3_release(t->context, t->validation.sequences);
    fb3_release(t->context, t->train.sequences);
}

/* ---- batches ----------------------------------------------------------------------------------- */

void fb3_trainer_order(flowbd3_trainer *t) {
    uint32_t epoch = (uint32_t)(t->n_history + 1);
    if (t->ordered_epoch == epoch)
        return;
    fb3_permutation(t->order, t->train.count, t->options.seed, FB3_RANDOM_SHUFFLE, epoch);
    t->ordered_epoch = epoch;
}

static void add_sequence(flowbd3_trainer *t, const fb3_set *set, size_t i, uint32_t step) {
    size_t slots = t->model->config.slots, first = set->tokens->first[set->sequences[i]];
    size_t flows = length_of(set, i);
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

fb3_batch fb3_trainer_batch(flowbd3_trainer *t, const fb3_set *set, const size_t *order, size_t *position,
                            const fb3_noise *noise, fb3_purpose purpose, uint32_t step) {
    fb3_joint *joint = t->joint;
    fb3_joint_clear(joint);
    for (; *position < set->count; ++*position) {
        size_t i = order != NULL ? order[*position] : *position;
        if (joint->flows > 0 && joint->flows + length_of(set, i) > t->options.batch_size)
            break;
        add_sequence(t, set, i, step);
    }
    fb3_mask_blocks(joint->masked, joint->scale, joint->blocks, joint->n_blocks, noise,
                    1.0f / (float)joint->flows, t->options.seed, purpose, step);
    return fb3_joint_batch(joint);
}
