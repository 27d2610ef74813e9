/* Condition dropout: flows some of whose columns are unknown, as Ho & Salimans 2022 drop the class in
 * training. The joint pass hides unknown tokens in both copies and does not score them. */
#include "tokenizer/tokenizer.h"
#include "trainer/trainer.h"

#include <math.h>

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
    if (model->columns < 2)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT,
                        "condition_dropout is %g, but the model learns one column alone",
                        o->condition_dropout);
    return FLOWBD3_OK;
}

/* Every subset of the columns but the empty one is as likely as another: with some chosen a column joins them
 * with probability 1/2; with none it does with that share of the subsets of the columns left which are not
 * empty, 2^(left - 1) / (2^left - 1). */
void fb3_condition_dropout(const flowbd3_trainer *t, uint16_t *tokens, uint64_t flow, uint32_t step) {
    const flowbd3_model *model = t->model;
    size_t left = model->columns, first;
    uint64_t index = flow * (left + 1), seed = t->options.seed;
    if (!(fb3_uniform(seed, FB3_RANDOM_CONDITION_DROPOUT, index++, step) < t->options.condition_dropout))
        return;
    bool none = true;
    for (size_t column = 0; left > 0; column++) {
        size_t slots = fb3_tokenizer_column_slots(model->tokenizer, column, &first);
        if (slots == 0)
            continue;
        double joins = none ? 0.5 / (1.0 - exp2(-(double)left)) : 0.5;
        left--;
        if (!(fb3_uniform(seed, FB3_RANDOM_CONDITION_DROPOUT, index++, step) < joins))
            continue;
        none = false;
        for (size_t slot = first; slot < first + slots; slot++)
            tokens[slot] = (uint16_t)model->vocabulary[slot];
    }
}
