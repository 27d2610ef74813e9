/* Which columns are given, scored and unknown, and in which order they come. */
#include "scorer/scorer.h"
#include "tokenizer/tokenizer.h"

#include <string.h>

/* Index of the column names[i], which must be the tokenizer's and must not have come before. */
static flowbd3_status find_column(size_t *column, const flowbd3_tokenizer *tokenizer, const char *list,
                                  const char *const *names, size_t i, flowbd3_error *err) {
    const char *name = names[i] != NULL ? names[i] : "(null)";
    for (size_t k = 0; k < i; k++)
        if (strcmp(names[k], name) == 0)
            return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "%s: '%.80s' is named twice", list, name);
    for (*column = 0; *column < flowbd3_tokenizer_columns(tokenizer); ++*column)
        if (strcmp(flowbd3_tokenizer_name(tokenizer, *column), name) == 0)
            return FLOWBD3_OK;
    return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "%s: '%.80s' is no column of the model", list, name);
}

/* Gives a role to the slots of the named columns, all of which must be FB3_SCORED or `from`. */
static flowbd3_status set_role(fb3_scorer *s, const char *list, const char *const *names, size_t count,
                               fb3_role from, fb3_role to, flowbd3_error *err) {
    const flowbd3_tokenizer *tokenizer = s->model->tokenizer;
    if (count > 0 && names == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "%s is NULL, but %zu columns are announced", list,
                        count);
    for (size_t i = 0; i < count; i++) {
        size_t column;
        flowbd3_status status = find_column(&column, tokenizer, list, names, i, err);
        if (status != FLOWBD3_OK)
            return status;
        for (size_t slot = 0; slot < s->model->config.slots; slot++) {
            if (fb3_tokenizer_slot_column(tokenizer, slot) != column)
                continue;
            if (s->roles[slot] != from)
                return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "column '%.80s' is both given and scored",
                                names[i]);
            s->roles[slot] = to;
        }
    }
    return FLOWBD3_OK;
}

static flowbd3_status set_rank(fb3_scorer *s, flowbd3_error *err) {
    size_t count = s->options.n_order, slots = s->model->config.slots, place = 0;
    if (count == 0)
        return FLOWBD3_OK;
    if (s->options.order == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "order is NULL, but %zu columns are announced", count);
    s->rank = fb3_allocate(s->context, slots, sizeof *s->rank);
    if (s->rank == NULL)
        return fb3_no_memory(err, "the order of columns");
    for (size_t slot = 0; slot < slots; slot++)
        s->rank[slot] = slots + slot;
    for (size_t i = 0; i < count; i++) {
        size_t column;
        flowbd3_status status = find_column(&column, s->model->tokenizer, "order", s->options.order, i, err);
        if (status != FLOWBD3_OK)
            return status;
        for (size_t slot = 0; slot < slots; slot++)
            if (fb3_tokenizer_slot_column(s->model->tokenizer, slot) == column)
                s->rank[slot] = place++;
    }
    return FLOWBD3_OK;
}

/* With blocks that end inside a flow and a fixed order, given columns must lie in the block of the first
 * scored one or before, unknown ones in that of the last or behind. */
static flowbd3_status check_fixed_order(const fb3_scorer *s, flowbd3_error *err) {
    const flowbd3_model *model = s->model;
    if (!fb3_model_has_order(model) || model->options.column_order == FLOWBD3_COLUMNS_RANDOM)
        return FLOWBD3_OK;
    fb3_role reached = FB3_GIVEN;
    for (size_t i = 0; i < model->config.slots; i++) {
        fb3_role role = s->roles[model->order[i]];
        const char *name = flowbd3_tokenizer_name(
            model->tokenizer, fb3_tokenizer_slot_column(model->tokenizer, model->order[i]));
        if (role == FB3_GIVEN && reached != FB3_GIVEN)
            return fb3_fail(
                err, FLOWBD3_ERROR_ARGUMENT,
                "column '%.80s' cannot be given: the model takes in columns in a fixed order, and "
                "it comes behind one that is not",
                name);
        if (role == FB3_SCORED && reached == FB3_UNKNOWN)
            return fb3_fail(
                err, FLOWBD3_ERROR_ARGUMENT,
                "column '%.80s' cannot be scored: the model takes in columns in a fixed order, and "
                "it comes behind an unknown one",
                name);
        reached = role;
    }
    return FLOWBD3_OK;
}

flowbd3_status fb3_scorer_set_roles(fb3_scorer *s, flowbd3_error *err) {
    const flowbd3_score_options *o = &s->options;
    size_t slots = s->model->config.slots, scored = 0;
    s->roles = fb3_allocate(s->context, slots, sizeof *s->roles);
    if (s->roles == NULL)
        return fb3_no_memory(err, "the roles of columns");
    fb3_role others = o->n_scored > 0 ? FB3_UNKNOWN : FB3_SCORED;
    for (size_t slot = 0; slot < slots; slot++)
        s->roles[slot] = others;
    flowbd3_status status = set_role(s, "given", o->given, o->n_given, others, FB3_GIVEN, err);
    if (status == FLOWBD3_OK)
        status = set_role(s, "scored", o->scored, o->n_scored, others, FB3_SCORED, err);
    for (size_t slot = 0; slot < slots; slot++)
        scored += s->roles[slot] == FB3_SCORED;
    if (status == FLOWBD3_OK && scored == 0)
        status = fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "all columns are given: none is left to score");
    if (status == FLOWBD3_OK)
        status = set_rank(s, err);
    return status == FLOWBD3_OK ? check_fixed_order(s, err) : status;
}

void fb3_scorer_order(const fb3_scorer *s, uint16_t *order, uint64_t flow, uint32_t draw) {
    size_t slots = s->model->config.slots;
    fb3_model_order(s->model, order, s->options.seed, flow, draw);
    if (s->model->options.column_order != FLOWBD3_COLUMNS_RANDOM)
        return;
    /* Insertion sort by role, and by the given order when there is one; both keep what is equal in place. */
    for (size_t i = 1; i < slots; i++)
        for (size_t k = i; k > 0; k--) {
            static const int turn[] = {[FB3_GIVEN] = 0, [FB3_SCORED] = 1, [FB3_UNKNOWN] = 2};
            uint16_t a = order[k - 1], b = order[k];
            bool later = turn[s->roles[a]] > turn[s->roles[b]] ||
                         (s->roles[a] == s->roles[b] && s->rank != NULL && s->rank[a] > s->rank[b]);
            if (!later)
                break;
            order[k - 1] = b;
            order[k] = a;
        }
}
