/* The options of the unmasking orders: what each uses, its range and its default. */
#include "sampler/unmasking.h"

#include "sampler/unmasking_orders.h"

enum { MOST_TIME_STEPS = 65536 }; /* steps times tokens number the random numbers of a block in 32 bits */

static flowbd3_status unused(const flowbd3_sampler_options *o, const char *name, flowbd3_error *err) {
    return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "%s is set, but order %s does not use it", name,
                    fb3_order_of(o)->name);
}

static flowbd3_status check_used(const flowbd3_sampler_options *o, flowbd3_error *err) {
    const fb3_order *order = fb3_order_of(o);
    if (o->steps != 0 && o->order == FLOWBD3_ORDER_THRESHOLD)
        return unused(o, "steps", err);
    if (o->threshold != 0.0 && o->order != FLOWBD3_ORDER_THRESHOLD)
        return unused(o, "threshold", err);
    if (o->remask != 0.0 && !order->remasks)
        return unused(o, "remask", err);
    if (o->loop_from != 0.0 && o->order != FLOWBD3_ORDER_REMASK_LOOP)
        return unused(o, "loop_from", err);
    if (o->loop_to != 0.0 && o->order != FLOWBD3_ORDER_REMASK_LOOP)
        return unused(o, "loop_to", err);
    return FLOWBD3_OK;
}

static void fill_defaults(flowbd3_sampler_options *o) {
    if (o->order == FLOWBD3_ORDER_THRESHOLD && o->threshold == 0.0)
        o->threshold = 0.9; /* Wu et al. 2025 */
    if (fb3_order_of(o)->remasks && o->remask == 0.0)
        o->remask = o->order == FLOWBD3_ORDER_REMASK_CONFIDENCE ? 0.2 : 0.02;
    if (o->order == FLOWBD3_ORDER_REMASK_LOOP && o->loop_from == 0.0)
        o->loop_from = 0.55; /* Wang et al. 2025, as is the next */
    if (o->order == FLOWBD3_ORDER_REMASK_LOOP && o->loop_to == 0.0)
        o->loop_to = 0.05;
}

static flowbd3_status check_range(const flowbd3_sampler_options *o, flowbd3_error *err) {
    const fb3_order *order = fb3_order_of(o);
    if (order->default_time_steps != 0 && o->steps > MOST_TIME_STEPS)
        return fb3_fail(err, FLOWBD3_ERROR_RANGE, "steps is %u, expected at most %d for order %s", o->steps,
                        MOST_TIME_STEPS, order->name);
    if (o->order == FLOWBD3_ORDER_THRESHOLD && !(o->threshold > 0.0 && o->threshold <= 1.0))
        return fb3_fail(err, FLOWBD3_ERROR_RANGE, "threshold is %g, expected above 0 and at most 1",
                        o->threshold);
    if (order->remasks && !(o->remask > 0.0 && o->remask <= 1.0))
        return fb3_fail(err, FLOWBD3_ERROR_RANGE, "remask is %g, expected above 0 and at most 1", o->remask);
    if (o->order != FLOWBD3_ORDER_REMASK_LOOP)
        return FLOWBD3_OK;
    if (!(o->loop_from > 0.0 && o->loop_from < 1.0))
        return fb3_fail(err, FLOWBD3_ERROR_RANGE, "loop_from is %g, expected between 0 and 1", o->loop_from);
    if (!(o->loop_to > 0.0 && o->loop_to < o->loop_from))
        return fb3_fail(err, FLOWBD3_ERROR_RANGE, "loop_to is %g, expected between 0 and loop_from, %g",
                        o->loop_to, o->loop_from);
    return FLOWBD3_OK;
}

flowbd3_status fb3_unmasking_check(flowbd3_sampler_options *o, flowbd3_error *err) {
    if (fb3_order_of(o) == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_RANGE, "order is %d, expected 0 to %d", (int)o->order,
                        FLOWBD3_ORDER_REMASK_LOOP);
    flowbd3_status status = check_used(o, err);
    if (status != FLOWBD3_OK)
        return status;
    fill_defaults(o);
    return check_range(o, err);
}

size_t fb3_unmasking_steps(const flowbd3_sampler_options *o, size_t tokens, size_t undecided) {
    size_t factor = fb3_order_of(o)->default_time_steps;
    if (factor == 0)
        return o->steps == 0 || o->steps > undecided ? undecided : o->steps;
    if (o->steps != 0)
        return o->steps;
    return factor * tokens < MOST_TIME_STEPS ? factor * tokens : MOST_TIME_STEPS;
}
