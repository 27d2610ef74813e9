/* Classifier-free guidance (Ho & Salimans 2022, eq. 6): a sequence has a twin that goes through the network
 * beside it and sees masks in the place of everything that is conditioned. */
#include "sampler/sampler.h"

flowbd3_status fb3_guidance_check(const flowbd3_sampler_options *o, const flowbd3_model *model,
                                  const fb3_sampler_sizes *z, flowbd3_error *err) {
    if (o->guidance == 0.0)
        return FLOWBD3_OK;
    if (o->n_given == 0 && o->weighted == NULL && o->complete == 0)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT,
                        "guidance is %g, but there is no condition to guide by: neither given nor weighted "
                        "nor complete",
                        o->guidance);
    /* Masks of one block leave out any columns; clean copies were seen without some only if training dropped
     * them. */
    if (z->cached > 0 && model->condition_dropout == 0.0)
        return fb3_fail(err, FLOWBD3_ERROR_STATE,
                        "guidance is %g, but the model, of several blocks, was not trained with "
                        "condition_dropout",
                        o->guidance);
    return FLOWBD3_OK;
}

bool fb3_guidance_hides(const flowbd3_sampler *s, uint64_t row, size_t slot) {
    return fb3_sampler_turn(s, row, slot) < 2;
}

void fb3_guidance_apply(const flowbd3_sampler *s, fb3_sampler_worker *w, const float **logits,
                        const float *const *twin, const uint32_t *vocabulary, size_t n) {
    double strength = s->options.guidance;
    for (size_t k = 0; k < n; k++) {
        if (twin[k] == NULL)
            continue;
        float *guided = w->guided + k * s->sizes.vocabulary;
        for (size_t v = 0; v < vocabulary[k]; v++) {
            double given = (double)logits[k][v];
            guided[v] = (float)(given + strength * (given - (double)twin[k][v]));
        }
        logits[k] = guided;
    }
}
