/* Condition dropout: flows some of whose columns are unknown, as Ho & Salimans 2022 drop the class in
 * training. The joint pass hides unknown tokens in both copies and does not score them. */
#include "tokenizer/tokenizer.h"
#include "trainer/trainer.h"

flowbd3_status fb3_condition_dropout_check(const flowbd3_trainer_options *o, const flowbd3_model *model,
                                           flowbd3_error *err) {
    const fb3_blocking *blocking = &model->blocking;
    if (o->condition_dropout == 0.0)
        return FLOWBD3_OK;
    if (blocking->block == blocking->length * blocking->slots)
        return fb3_fail(
            err, FLOWBD3_ERROR_ARGUMENT,
            "condition_dropout is %g, but the model's block is a whole sequence, whose masks leave "
            "out any columns as it is",
            o->condition_dropout);
    if (fb3_model_columns(model) < 2)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT,
                        "condition_dropout is %g, but the model learns one column alone",
                        o->condition_dropout);
    return FLOWBD3_OK;
}

/* Of C columns 1 to C - 1 are dropped, every number with the same probability, every subset of that number
 * with the same probability (selection sampling, Knuth 3.4.2 S): a sampler leaves out few columns or many. */
void fb3_condition_dropout(const flowbd3_trainer *t, uint16_t *tokens, uint64_t flow, uint32_t step) {
    const flowbd3_model *model = t->model;
    size_t columns = fb3_model_columns(model), first;
    uint64_t index = flow * (columns + 2), seed = t->options.seed;
    if (!(fb3_uniform(seed, FB3_RANDOM_CONDITION_DROPOUT, index++, step) < t->options.condition_dropout))
        return;
    double u = fb3_uniform(seed, FB3_RANDOM_CONDITION_DROPOUT, index++, step);
    size_t most = columns - 1, k = 1 + (size_t)(u * (double)most);
    k = k < most ? k : most;
    for (size_t column = 0; k > 0; column++) {
        size_t slots = fb3_tokenizer_column_slots(model->tokenizer, column, &first);
        if (slots == 0)
            continue;
        double v = fb3_uniform(seed, FB3_RANDOM_CONDITION_DROPOUT, index++, step);
        if (v * (double)columns-- >= (double)k)
            continue;
        k--;
        for (size_t slot = first; slot < first + slots; slot++)
            tokens[slot] = (uint16_t)model->vocabulary[slot];
    }
}
