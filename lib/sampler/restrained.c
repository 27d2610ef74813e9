/* Rows that obey while their tokens are drawn: which values a token may take, which attempts are kept.
 *
 * A token is drawn among the values that leave a row which may obey. What the tokenizer's own rules forbid
 * was in no row that was learned: probability that the model has there is its error, and goes to the values
 * beside it, so that what came before stays as frequent as the model says. What conditions and further rules
 * forbid the model knows well, and draws among the rest do not follow its distribution given that the row
 * obeys: that is made good by keeping an attempt with the probability that the allowed values had, all
 * together (rejection), and of so many attempts none of which was kept, one by its weight (importance
 * resampling). */
#include "sampler/restrained.h"

#include <math.h>
#include <string.h>

/* ---- memory ------------------------------------------------------------------------------------ */

/* Tokens of a unit, the least run of blocks that ends with a flow, in a sequence. */
static size_t unit_tokens(const fb3_sampler_sizes *z) {
    return z->unit * z->block;
}

flowbd3_status fb3_restrained_create(fb3_restrained **out, const flowbd3_sampler *s, flowbd3_error *err) {
    const fb3_sampler_sizes *z = &s->sizes;
    flowbd3_context *context = s->context;
    fb3_restrained *r = *out = fb3_allocate_zero(context, 1, sizeof *r);
    if (r == NULL)
        return fb3_no_memory(err, "the sampler");
    size_t tokens = z->tile * z->block;
    r->rows = fb3_allocate_zero(context, z->tile, sizeof *r->rows);
    r->run = fb3_allocate(context, tokens, sizeof *r->run);
    r->turn = fb3_allocate(context, tokens, sizeof *r->turn);
    r->fixed = fb3_allocate(context, tokens, sizeof *r->fixed);
    r->weights = fb3_allocate_zero(context, tokens, sizeof *r->weights);
    r->tokens = fb3_allocate(context, z->slots, sizeof *r->tokens);
    r->possible = fb3_allocate(context, z->vocabulary, sizeof *r->possible);
    r->chosen = fb3_allocate(context, z->tile * unit_tokens(z), sizeof *r->chosen);
    if (r->rows == NULL || r->run == NULL || r->turn == NULL || r->fixed == NULL || r->weights == NULL ||
        r->tokens == NULL || r->possible == NULL || r->chosen == NULL) {
        fb3_restrained_destroy(out, s);
        return fb3_no_memory(err, "the sampler");
    }
    flowbd3_status status = FLOWBD3_OK;
    for (size_t i = 0; status == FLOWBD3_OK && i < z->tile; i++) {
        r->rows[i].known = fb3_allocate_zero(context, z->slots, sizeof *r->rows[i].known);
        status = r->rows[i].known != NULL ? fb3_row_create(&r->rows[i].row, s->restraint, err)
                                          : fb3_no_memory(err, "the sampler");
        if (status == FLOWBD3_OK && z->held > 1)
            status = fb3_row_create(&r->rows[i].own, s->model->tokenizer->restraint, err);
    }
    if (status != FLOWBD3_OK)
        fb3_restrained_destroy(out, s);
    return status;
}

void fb3_restrained_destroy(fb3_restrained **restrained, const flowbd3_sampler *s) {
    fb3_restrained *r = *restrained;
    if (r == NULL)
        return;
    for (size_t i = 0; r->rows != NULL && i < s->sizes.tile; i++) {
        fb3_row_destroy(&r->rows[i].row);
        fb3_row_destroy(&r->rows[i].own);
        fb3_release(s->context, r->rows[i].known);
    }
    void *const arrays[] = {r->rows,   r->run,      r->turn,  r->fixed, (void *)r->weights,
                            r->tokens, r->possible, r->chosen};
    for (size_t i = 0; i < FB3_COUNT(arrays); i++)
        fb3_release(s->context, arrays[i]);
    fb3_release(s->context, r);
    *restrained = NULL;
}

uint64_t fb3_restrained_bytes(const fb3_sampler_sizes *z, const flowbd3_tokenizer *tokenizer) {
    const fb3_restrained *r = NULL;
    uint64_t of_token = sizeof *r->run + sizeof *r->turn + sizeof *r->fixed + sizeof *r->weights;
    return z->tile * (z->block * of_token + sizeof *r->rows + z->slots * sizeof *r->rows->known +
                      unit_tokens(z) * sizeof *r->chosen + z->held * fb3_row_bytes(tokenizer->restraint)) +
           z->slots * sizeof *r->tokens + z->vocabulary * sizeof *r->possible;
}

/* ---- the row of a flow ------------------------------------------------------------------------- */

/* Starts the row of flow number flow of a sequence, whose number among all rows is number. */
static void begin_row(const flowbd3_sampler *s, fb3_held_row *held, uint64_t flow, uint64_t number) {
    fb3_row_begin(held->row);
    if (held->own != NULL)
        fb3_row_begin(held->own);
    memset(held->known, 0, s->sizes.slots * sizeof *held->known);
    held->flow = flow + 1;
    fb3_sampler_set_given(s, held->row, number);
}

/* Takes in the tokens[S] that are decided, others being their slot's mask. */
static void take_in(const flowbd3_sampler *s, fb3_held_row *held, const uint16_t *tokens) {
    const flowbd3_tokenizer *t = s->model->tokenizer;
    for (size_t slot = 0; slot < t->n_slots; slot++) {
        bool later = t->slots[slot].place > 0 && held->known[slot - 1] == 0;
        if (held->known[slot] != 0 || later || tokens[slot] == s->model->vocabulary[slot])
            continue;
        fb3_row_know(held->row, slot, tokens);
        if (held->own != NULL)
            fb3_row_know(held->own, slot, tokens);
        held->known[slot] = (uint16_t)(tokens[slot] + 1);
    }
}

/* Whether a token that the row knows is another one now. */
static bool has_changed(const flowbd3_sampler *s, const fb3_held_row *held, const uint16_t *tokens) {
    for (size_t slot = 0; slot < s->sizes.slots; slot++)
        if (held->known[slot] != 0 && held->known[slot] != tokens[slot] + 1)
            return true;
    return false;
}

bool fb3_restrained_allow(const flowbd3_sampler *s, fb3_restrained *r, size_t i, uint64_t flow,
                          uint64_t number, size_t slot, uint8_t *allowed) {
    fb3_held_row *held = &r->rows[i];
    if (held->flow != flow + 1 || has_changed(s, held, r->tokens))
        begin_row(s, held, flow, number);
    take_in(s, held, r->tokens);
    if (s->model->tokenizer->slots[slot].place > 0 && held->known[slot - 1] == 0)
        return false; /* drawn beside the token before it, of which nothing is known */
    uint16_t given = fb3_sampler_given_token(s, number, slot);
    if (given != UINT16_MAX) { /* even where it stands for no value that obeys: the cell is what counts */
        memset(allowed, 0, s->model->vocabulary[slot]);
        allowed[given] = fb3_row_narrow(held->row);
    } else {
        fb3_row_allow(held->row, slot, r->tokens, allowed);
    }
    if (held->own != NULL) {
        fb3_row_allow(held->own, slot, r->tokens, r->possible);
        for (size_t v = 0; v < s->model->vocabulary[slot]; v++)
            if (allowed[v] == FB3_NEVER && r->possible[v] != 0)
                allowed[v] = FB3_BARRED;
    }
    return true;
}

bool fb3_restrained_obeys(const flowbd3_sampler *s, fb3_restrained *r, size_t i, const uint16_t *tokens,
                          uint64_t number) {
    fb3_held_row *held = &r->rows[i];
    begin_row(s, held, 0, number);
    held->flow = 0;
    return fb3_row_settle(held->row, tokens, s->options.decoding, s->options.seed, number);
}

void fb3_restrained_forget(fb3_restrained *r, size_t i) {
    r->rows[i].flow = 0;
}

/* ---- attempts ---------------------------------------------------------------------------------- */

static double log_sum(double a, double b) {
    double most = fmax(a, b);
    return most == -INFINITY ? most : most + log(exp(a - most) + exp(b - most));
}

void fb3_restrained_start(fb3_restrained *r, size_t i) {
    r->rows[i].log_total = -INFINITY;
    r->rows[i].log_mass = 0.0;
}

bool fb3_restrained_offer(const flowbd3_sampler *s, fb3_restrained *r, size_t i, const uint16_t *tokens,
                          size_t count, uint64_t key, uint32_t attempt) {
    fb3_held_row *held = &r->rows[i];
    double weight = held->log_mass;
    held->log_mass = 0.0;
    if (weight == -INFINITY)
        return false;
    uint64_t seed = fb3_attempt_seed(s->options.seed, attempt);
    if (weight >= 0.0 || log(fb3_uniform(seed, FB3_RANDOM_ACCEPT, key, 0)) < weight)
        return true;
    held->log_total = log_sum(held->log_total, weight);
    if (log(fb3_uniform(seed, FB3_RANDOM_ACCEPT, key, 1)) < weight - held->log_total)
        memcpy(r->chosen + i * unit_tokens(&s->sizes), tokens, count * sizeof *tokens);
    return false;
}

bool fb3_restrained_choice(const flowbd3_sampler *s, const fb3_restrained *r, size_t i, uint16_t *tokens,
                           size_t count) {
    if (r->rows[i].log_total == -INFINITY)
        return false;
    memcpy(tokens, r->chosen + i * unit_tokens(&s->sizes), count * sizeof *tokens);
    return true;
}
