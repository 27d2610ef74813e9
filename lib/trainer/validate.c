/* Validation: the bound, and how much a block's loss varies. */
#include "trainer/trainer.h"

#include <math.h>

/* Flows that are validated at least, counting repeats, and most repeats. */
enum { VALIDATION_DRAWS = 2048, MOST_REPEATS = 8 };

/* Blocks of the usual size tell how the loss of one varies with what is masked. */
static void gather(fb3_moments *moments, const fb3_joint *joint) {
    for (size_t b = 0; b < joint->n_blocks; b++) {
        const fb3_block *block = &joint->blocks[b];
        size_t masked = 0;
        double sum = 0.0;
        if (block->tokens != moments->tokens)
            continue;
        for (size_t row = block->first; row < block->first + block->tokens; row++)
            if (joint->masked[row] != 0) {
                masked++;
                sum += (double)joint->losses[row];
            }
        fb3_moments_add(moments, masked, sum);
    }
}

bool fb3_trainer_validate(flowbd3_trainer *t, fb3_reporter *reporter, double *nelbo, fb3_moments *moments) {
    const fb3_noise unclipped = {.kind = FLOWBD3_NOISE_COUNT};
    size_t repeats = VALIDATION_DRAWS / t->validation.flows;
    repeats = repeats < 1 ? 1 : repeats > MOST_REPEATS ? MOST_REPEATS : repeats;
    double sum = 0.0;
    uint32_t number = 0;
    fb3_moments_init(moments, t->model->blocking.block);
    for (size_t r = 0; r < repeats; r++)
        for (size_t position = 0; position < t->validation.count; number++) {
            fb3_batch batch = fb3_trainer_batch(t, &t->validation, NULL, &position, &unclipped,
                                                FB3_RANDOM_VALIDATION, number);
            sum += (double)t->joint->flows * fb3_network_loss(t->network, t->model->parameters, &batch);
            gather(moments, t->joint);
            if (fb3_report(reporter, fb3_trainer_done(t), (double)NAN))
                return false;
        }
    *nelbo = sum / (double)(repeats * t->validation.flows);
    return true;
}
