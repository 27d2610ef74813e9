/* The rows of a joint pass. */
#include "model/joint.h"

/* Whether a sequence can have more than one block, and so a clean copy. */
static bool has_clean_copies(const fb3_blocking *b) {
    return b->block < b->length * b->slots;
}

fb3_limits fb3_joint_limits(const fb3_blocking *b, size_t sequences, size_t flows) {
    size_t copies = has_clean_copies(b) ? 2 : 1;
    return (fb3_limits){.sequences = sequences,
                        .rows = copies * flows * b->slots,
                        .sequence_rows = copies * b->length * b->slots,
                        .keys = copies * b->length * b->slots,
                        .wanted = flows};
}

flowbd3_status fb3_joint_create(fb3_joint **out, flowbd3_context *context, const fb3_blocking *blocking,
                                size_t sequences, size_t flows, flowbd3_error *err) {
    fb3_joint *j = fb3_allocate_zero(context, 1, sizeof *j);
    *out = j;
    if (j == NULL)
        return fb3_no_memory(err, "a batch");
    j->context = fb3_context_retain(context);
    j->blocking = *blocking;
    size_t rows = fb3_joint_limits(blocking, sequences, flows).rows;
    size_t blocks = flows * blocking->slots / blocking->block + sequences;
    j->first = fb3_allocate_zero(context, sequences + 1, sizeof *j->first);
    j->first_group = fb3_allocate_zero(context, sequences + 1, sizeof *j->first_group);
    j->groups = fb3_allocate(context, 2 * blocks, sizeof *j->groups);
    j->blocks = fb3_allocate(context, blocks, sizeof *j->blocks);
    j->tokens = fb3_allocate(context, rows, sizeof *j->tokens);
    j->inputs = fb3_allocate(context, rows, sizeof *j->inputs);
    j->slots = fb3_allocate(context, rows, sizeof *j->slots);
    j->positions = fb3_allocate(context, rows, sizeof *j->positions);
    j->cells = fb3_allocate(context, rows, sizeof *j->cells);
    j->masked = fb3_allocate(context, rows, sizeof *j->masked);
    j->scale = fb3_allocate(context, rows, sizeof *j->scale);
    j->losses = fb3_allocate(context, rows, sizeof *j->losses);
    if (j->first == NULL || j->first_group == NULL || j->groups == NULL || j->blocks == NULL ||
        j->tokens == NULL || j->inputs == NULL || j->slots == NULL || j->positions == NULL ||
        j->cells == NULL || j->masked == NULL || j->scale == NULL || j->losses == NULL) {
        fb3_joint_destroy(out);
        return fb3_no_memory(err, "a batch");
    }
    return FLOWBD3_OK;
}

void fb3_joint_destroy(fb3_joint **joint) {
    fb3_joint *j = *joint;
    if (j == NULL)
        return;
    flowbd3_context *context = j->context;
    void *const arrays[] = {j->first, j->first_group, j->groups, j->blocks, j->tokens, j->inputs,
                            j->slots, j->positions,   j->cells,  j->masked, j->scale,  j->losses};
    for (size_t i = 0; i < FB3_COUNT(arrays); i++)
        fb3_release(context, arrays[i]);
    fb3_release(context, j);
    flowbd3_context_destroy(&context);
    *joint = NULL;
}

void fb3_joint_clear(fb3_joint *joint) {
    joint->sequences = joint->rows = joint->flows = joint->n_blocks = joint->n_groups = 0;
}

/* Appends a row for each of the first count tokens of the sequence. */
static void add_rows(fb3_joint *j, const uint16_t *tokens, size_t count, const uint16_t *order) {
    size_t slots = j->blocking.slots;
    for (size_t t = 0; t < count; t++) {
        size_t slot = order != NULL ? order[t] : t % slots, cell = t / slots * slots + slot;
        size_t row = j->rows++;
        j->tokens[row] = j->inputs[row] = tokens[cell];
        j->slots[row] = (uint16_t)slot;
        j->positions[row] = (uint32_t)cell;
        j->cells[row] = (uint32_t)(j->flows * slots + cell);
        j->masked[row] = 0;
        j->scale[row] = 0.0f;
    }
}

void fb3_joint_add(fb3_joint *j, const uint16_t *tokens, size_t flows, const uint16_t *order) {
    size_t total = flows * j->blocking.slots, block = j->blocking.block;
    size_t clean = (total - 1) / block * block; /* the last block has no clean copy */
    add_rows(j, tokens, clean, order);
    for (size_t begin = 0; begin < clean; begin += block)
        j->groups[j->n_groups++] = (fb3_query_group){
            .query = (uint32_t)begin, .queries = (uint32_t)block, .before = (uint32_t)(begin + block)};
    size_t noisy = j->rows;
    add_rows(j, tokens, total, order);
    for (size_t begin = 0; begin < total; begin += block) {
        size_t count = total - begin < block ? total - begin : block;
        j->groups[j->n_groups++] = (fb3_query_group){.query = (uint32_t)(clean + begin),
                                                     .queries = (uint32_t)count,
                                                     .before = (uint32_t)begin,
                                                     .own = (uint32_t)(clean + begin),
                                                     .owned = (uint32_t)count};
        j->blocks[j->n_blocks++] = (fb3_block){.first = noisy + begin, .tokens = count};
    }
    j->flows += flows;
    j->sequences++;
    j->first[j->sequences] = j->rows;
    j->first_group[j->sequences] = j->n_groups;
}

fb3_batch fb3_joint_batch(fb3_joint *j) {
    for (size_t b = 0; b < j->n_blocks; b++)
        for (size_t row = j->blocks[b].first; row < j->blocks[b].first + j->blocks[b].tokens; row++) {
            uint16_t mask = (uint16_t)j->blocking.vocabulary[j->slots[row]];
            j->inputs[row] = j->masked[row] != FB3_VISIBLE ? mask : j->tokens[row];
            j->masked[row] = j->masked[row] == FB3_MASKED && j->tokens[row] != mask;
        }
    return (fb3_batch){.sequences = j->sequences,
                       .first = j->first,
                       .inputs = j->inputs,
                       .slots = j->slots,
                       .positions = j->positions,
                       .groups = j->groups,
                       .first_group = j->first_group,
                       .masked = j->masked,
                       .targets = j->tokens,
                       .scale = j->scale,
                       .losses = j->losses};
}
