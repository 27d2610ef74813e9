/* What stands in for boosted trees where there is no XGBoost: nobody calls for a fit. */
#include "classifier.h"

const char *fb3_boosted_name(void) {
    return NULL;
}

flowbd3_status fb3_boosted_scores(double *scores, flowbd3_context *context, const fb3_pooled *pooled,
                                  size_t skip, const fb3_split *split, const double *y,
                                  fb3_objective objective, size_t classes, uint64_t seed,
                                  flowbd3_error *err) {
    (void)scores, (void)context, (void)pooled, (void)skip, (void)split, (void)y, (void)objective,
        (void)classes, (void)seed;
    return fb3_fail(err, FLOWBD3_ERROR_STATE, "this build of the library has no XGBoost");
}
