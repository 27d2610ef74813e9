/* Unmasking: every row starts as all masks, and its slots are drawn in a random order of its own.
 *
 * One slot a step is exact: the chain rule along a uniformly random order, in which every conditional is one
 * that the model was trained on (first-hitting sampling, Zheng et al. 2025). Several slots a step are drawn
 * independently of each other given those before. */
#include "sampler/sampler.h"

/* The row's order of slots (Fisher-Yates). */
static void shuffle(uint16_t *order, size_t slots, uint64_t seed, uint64_t row) {
    for (size_t i = 0; i < slots; i++) {
        size_t j = (size_t)(fb3_uniform(seed, FB3_RANDOM_ORDER, row, (uint32_t)i) * (double)(i + 1));
        if (j > i)
            j = i;
        order[i] = order[j];
        order[j] = (uint16_t)i;
    }
}

static void start(const flowbd3_sampler *s, fb3_sampler_worker *w, uint64_t first_row) {
    size_t slots = s->model->config.slots;
    for (size_t r = 0; r < s->tile; r++) {
        shuffle(w->order + r * slots, slots, s->options.seed, first_row + r);
        for (size_t i = 0; i < slots; i++)
            w->inputs[r * slots + i] = (uint16_t)s->model->vocabulary[i];
    }
}

/* Marks the slots whose turn it is: numbers from .. to - 1 of every row's order. */
static void choose(const flowbd3_sampler *s, fb3_sampler_worker *w, size_t from, size_t to) {
    size_t slots = s->model->config.slots;
    for (size_t i = 0; i < s->tile * slots; i++)
        w->wanted[i] = 0;
    for (size_t r = 0; r < s->tile; r++)
        for (size_t i = from; i < to; i++)
            w->wanted[r * slots + w->order[r * slots + i]] = 1;
}

static void draw(const flowbd3_sampler *s, fb3_sampler_worker *w, uint64_t first_row, size_t slot) {
    const flowbd3_sampler_options *o = &s->options;
    size_t slots = s->model->config.slots, count, stride;
    const uint32_t *positions;
    const float *logits = fb3_network_slot_logits(w->network, slot, &count, &stride, &positions);
    for (size_t i = 0; i < count; i++) {
        uint64_t row = first_row + positions[i] / slots;
        double u = fb3_uniform(o->seed, FB3_RANDOM_TOKEN, row, (uint32_t)slot);
        w->inputs[positions[i]] = fb3_draw_token(logits + i * stride, s->model->vocabulary[slot],
                                                 o->temperature, o->top_p, u, w->probabilities, w->ranking);
    }
}

void fb3_sampler_tile(const flowbd3_sampler *s, fb3_sampler_worker *w, uint64_t first_row, uint16_t *tokens) {
    size_t slots = s->model->config.slots, steps = s->options.steps;
    start(s, w, first_row);
    for (size_t step = 0; step < steps; step++) {
        choose(s, w, step * slots / steps, (step + 1) * slots / steps);
        fb3_network_logits(w->network, w->inputs, w->wanted, s->tile);
        for (size_t slot = 0; slot < slots; slot++)
            draw(s, w, first_row, slot);
    }
    for (size_t i = 0; i < s->tile * slots; i++)
        tokens[i] = w->inputs[i];
}
