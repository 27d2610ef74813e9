/* One row under rules: what its tokens leave of every cell, which tokens may still come, and its values. */
#include "tokenizer/tokenizer.h"

#include <math.h>

/* ---- restraints -------------------------------------------------------------------------------- */

/* Copies the rules of a list that all rows obey. */
static bool add_certain(flowbd3_rules *to, const flowbd3_rules *from) {
    for (size_t i = 0; from != NULL && i < from->count; i++)
        if (fb3_rule_is_certain(&from->rules[i]) && !fb3_rules_append_copy(to, &from->rules[i]))
            return false;
    return true;
}

static flowbd3_status bind(fb3_restraint *r, const flowbd3_rules *more, size_t count, flowbd3_error *err) {
    const flowbd3_tokenizer *t = r->tokenizer;
    flowbd3_context *context = t->context;
    flowbd3_rules *rules = fb3_rules_create(context);
    fb3_rule_column *columns = fb3_allocate(context, t->n_columns, sizeof *columns);
    flowbd3_status status = FLOWBD3_OK;
    bool fine = rules != NULL && columns != NULL && add_certain(rules, t->rules);
    for (size_t i = 0; fine && i < count; i++)
        fine = fb3_rules_append_copy(rules, &more->rules[i]);
    if (!fine)
        status = fb3_no_memory(err, "the rules of rows");
    for (size_t i = 0; fine && i < t->n_columns; i++)
        columns[i] = (fb3_rule_column){t->columns[i].name, t->columns[i].type, t->columns[i].decimals,
                                       t->columns[i].categories.dictionary};
    if (status == FLOWBD3_OK)
        status = fb3_bound_create(&r->bound, context, rules, columns, t->n_columns, false, err);
    if (status == FLOWBD3_OK && (r->start = fb3_domains_create(r->bound)) == NULL)
        status = fb3_no_memory(err, "the rules of rows");
    fb3_release(context, columns);
    flowbd3_rules_destroy(&rules);
    return status;
}

/* What the fitted table held, and of it what rows may hold that obey; false: none does. */
static bool start(fb3_restraint *r) {
    fb3_domains_reset(r->start);
    for (size_t i = 0; i < r->tokenizer->n_columns; i++) {
        const fb3_codec *codec = &r->tokenizer->columns[i];
        fb3_domain *domain = &r->start->columns[i];
        if (codec->missing == 0)
            fb3_domain_require(domain);
        if (domain->numeric) {
            fb3_interval range = fb3_codec_range(codec, NULL, 0);
            fb3_domain_cut(domain, range.low, range.high);
        }
    }
    return fb3_bound_narrow(r->bound, r->start->columns);
}

static void mark(bool *columns, size_t column) {
    if (column != SIZE_MAX)
        columns[column] = true;
}

static void mark_tests(bool *columns, const fb3_bound_test *tests, size_t count) {
    for (size_t i = 0; i < count; i++)
        columns[tests[i].column] = true;
}

/* Marks the columns that rules speak of. */
static void mark_bound(fb3_restraint *r) {
    for (size_t i = 0; i < r->bound->count; i++) {
        const fb3_bound_rule *b = &r->bound->bound[i];
        mark_tests(r->bound_to, b->when, b->rule->n_when);
        switch (b->rule->claim) {
        case FB3_CLAIM_TESTS:
            mark_tests(r->bound_to, b->tests, b->rule->n_tests);
            break;
        case FB3_CLAIM_COMPARISON:
            mark(r->bound_to, b->left);
            mark(r->bound_to, b->right);
            break;
        case FB3_CLAIM_DERIVED:
            mark(r->bound_to, b->column);
            mark(r->bound_to, b->a);
            mark(r->bound_to, b->b);
            break;
        }
    }
}

/* Whether the tokens of a row restrict one another at all. */
static bool restrains(const fb3_restraint *r) {
    if (r->bound->count > 0)
        return true;
    for (size_t i = 0; i < r->tokenizer->n_columns; i++)
        if (r->tokenizer->columns[i].slots != 1)
            return true;
    return false;
}

static void unbind(fb3_restraint *r) {
    fb3_domains_destroy(&r->start);
    fb3_bound_destroy(&r->bound);
}

/* Names the first of the rules with which no row is left. */
static flowbd3_status contradiction(fb3_restraint *r, const flowbd3_rules *more, flowbd3_error *err) {
    size_t count = more != NULL ? more->count : 0, at = 0;
    for (size_t k = 0; k <= count; k++) {
        unbind(r);
        flowbd3_status status = bind(r, more, k, err);
        if (status != FLOWBD3_OK)
            return status;
        at = k;
        if (!start(r))
            break;
    }
    if (at == 0)
        return fb3_fail(err, FLOWBD3_ERROR_RANGE, "no row obeys the tokenizer's own rules");
    const fb3_rule *rule = &more->rules[at - 1];
    return fb3_fail(err, FLOWBD3_ERROR_RANGE,
                    "no row that the model knows meets '%.100s' (%.60s) beside the other rules", rule->text,
                    rule->name);
}

flowbd3_status fb3_restraint_create(fb3_restraint **out, const flowbd3_tokenizer *tokenizer,
                                    const flowbd3_rules *more, flowbd3_error *err) {
    fb3_restraint *r = *out = fb3_allocate_zero(tokenizer->context, 1, sizeof *r);
    if (r == NULL)
        return fb3_no_memory(err, "the rules of rows");
    r->tokenizer = tokenizer;
    flowbd3_status status = bind(r, more, more != NULL ? more->count : 0, err);
    if (status == FLOWBD3_OK && !start(r))
        status = contradiction(r, more, err);
    r->bound_to = fb3_allocate_zero(tokenizer->context, tokenizer->n_columns, sizeof *r->bound_to);
    if (status == FLOWBD3_OK && r->bound_to == NULL)
        status = fb3_no_memory(err, "the rules of rows");
    if (status != FLOWBD3_OK) {
        fb3_restraint_destroy(out);
        return status;
    }
    mark_bound(r);
    r->restrains = restrains(r);
    return FLOWBD3_OK;
}

void fb3_restraint_destroy(fb3_restraint **restraint) {
    if (*restraint == NULL)
        return;
    flowbd3_context *context = (*restraint)->tokenizer->context;
    unbind(*restraint);
    fb3_release(context, (*restraint)->bound_to);
    fb3_release(context, *restraint);
    *restraint = NULL;
}

/* ---- rows -------------------------------------------------------------------------------------- */

flowbd3_status fb3_row_create(fb3_row **out, const fb3_restraint *restraint, flowbd3_error *err) {
    const flowbd3_tokenizer *t = restraint->tokenizer;
    fb3_row *row = *out = fb3_allocate_zero(t->context, 1, sizeof *row);
    if (row == NULL)
        return fb3_no_memory(err, "a row");
    row->restraint = restraint;
    row->domains = fb3_domains_create(restraint->bound);
    row->known = fb3_domains_create(restraint->bound);
    row->order = fb3_allocate(t->context, t->n_columns, sizeof *row->order);
    row->cells = fb3_allocate(t->context, t->n_columns, sizeof *row->cells);
    row->keys = fb3_allocate(t->context, t->n_columns, sizeof *row->keys);
    row->given = fb3_allocate_zero(t->context, t->n_columns, sizeof *row->given);
    if (row->domains == NULL || row->known == NULL || row->order == NULL || row->cells == NULL ||
        row->keys == NULL || row->given == NULL) {
        fb3_row_destroy(out);
        return fb3_no_memory(err, "a row");
    }
    for (size_t i = 0; i < t->n_columns; i++)
        if (!t->columns[i].derived)
            row->order[row->picked++] = i;
    return FLOWBD3_OK;
}

uint64_t fb3_row_bytes(const fb3_restraint *restraint) {
    const fb3_row *row = NULL;
    uint64_t of_column = sizeof *row->order + sizeof *row->cells + sizeof *row->keys + sizeof *row->given;
    return sizeof *row + 2 * fb3_domains_bytes(restraint->start) +
           restraint->tokenizer->n_columns * of_column;
}

void fb3_row_destroy(fb3_row **row) {
    if (*row == NULL)
        return;
    flowbd3_context *context = (*row)->restraint->tokenizer->context;
    fb3_domains_destroy(&(*row)->domains);
    fb3_domains_destroy(&(*row)->known);
    fb3_release(context, (*row)->order);
    fb3_release(context, (*row)->cells);
    fb3_release(context, (*row)->keys);
    fb3_release(context, (*row)->given);
    fb3_release(context, *row);
    *row = NULL;
}

void fb3_row_begin(fb3_row *row) {
    fb3_domains_copy(row->domains, row->restraint->start);
    memset(row->given, 0, row->restraint->tokenizer->n_columns * sizeof *row->given);
    row->dead = false;
}

bool fb3_row_set(fb3_row *row, size_t column, const fb3_cell *cell) {
    row->dead = row->dead || !fb3_domain_set(&row->domains->columns[column], cell);
    row->given[column] = true;
    return !row->dead;
}

bool fb3_row_narrow(fb3_row *row) {
    row->dead = row->dead || !fb3_bound_narrow(row->restraint->bound, row->domains->columns);
    return !row->dead;
}

static void leave_code(fb3_domain *domain, int32_t code) {
    fb3_cell cell = {.code = code};
    (void)fb3_domain_set(domain, &cell);
}

/* Whether a column of levels can be one number only, which rules have computed: it may lie between the fitted
 * values; and tokens[slots] of it. False too where there are no others than fitted values. */
static bool is_computed(const fb3_codec *codec, const fb3_domain *domain, uint16_t *tokens) {
    const fb3_levels *levels = &codec->levels;
    if (levels->count == 0 || domain->missing || !(domain->low == domain->high))
        return false;
    size_t level = fb3_levels_find(levels, fb3_key_at_least(codec->type, domain->low));
    const fb3_bin *bin = &levels->bins[level];
    fb3_levels_tokens(levels, level, tokens);
    return bin->knots > 1 || bin->low < bin->high;
}

void fb3_row_know(fb3_row *row, size_t slot, const uint16_t *tokens) {
    const flowbd3_tokenizer *t = row->restraint->tokenizer;
    const fb3_slot *s = &t->slots[slot];
    const fb3_codec *codec = &t->columns[s->column];
    fb3_domain *domain = &row->domains->columns[s->column];
    const uint16_t *own = tokens + codec->first_slot;
    if (row->given[s->column])
        return;
    if (fb3_codec_is_missing(codec, own)) {
        fb3_cell cell = {.missing = true};
        row->dead = row->dead || (s->place == 0 && !fb3_domain_set(domain, &cell));
        return;
    }
    fb3_domain_require(domain);
    uint16_t computed[FB3_SLOTS_MAX];
    if (is_computed(codec, domain, computed)) {
        row->dead = row->dead || own[s->place] != computed[s->place];
        return;
    }
    if (domain->numeric) {
        fb3_interval range = fb3_codec_range(codec, own, s->place + 1);
        fb3_domain_cut(domain, range.low, range.high);
    } else if (own[0] < codec->categories.dictionary->count) {
        leave_code(domain, own[0]);
    }
    row->dead = row->dead || fb3_domain_is_empty(domain);
}

size_t fb3_row_allow(fb3_row *row, size_t slot, const uint16_t *tokens, uint8_t *allowed) {
    const flowbd3_tokenizer *t = row->restraint->tokenizer;
    const fb3_slot *s = &t->slots[slot];
    const fb3_codec *codec = &t->columns[s->column];
    const fb3_domain *domain = &row->domains->columns[s->column];
    const uint16_t *own = tokens + codec->first_slot;
    size_t count = 0;
    bool missing = s->place > 0 && fb3_codec_is_missing(codec, own);
    if (!fb3_row_narrow(row)) {
        memset(allowed, 0, s->vocabulary);
        return 0;
    }
    uint16_t computed[FB3_SLOTS_MAX];
    if (is_computed(codec, domain, computed)) {
        memset(allowed, 0, s->vocabulary);
        allowed[computed[s->place]] = 1;
        return 1;
    }
    for (size_t token = 0; token < s->values; token++) {
        allowed[token] = missing ? token == 0 : fb3_codec_meets(codec, own, s->place, token, domain);
        count += allowed[token];
    }
    if (s->vocabulary > s->values)
        count += allowed[s->values] = domain->missing;
    return count;
}

/* ---- values ------------------------------------------------------------------------------------ */

/* Draws of one row before it is given up. Domains may be left too large: between 0 and a divisor that is not
 * too small there may be some that are, and a draw may hit them. */
enum { ATTEMPTS = 16 };

typedef struct picking {
    fb3_row *row;
    const uint16_t *tokens;
    flowbd3_decoding way;
    uint64_t seed, number;
    uint32_t attempt;
} picking;

/* The number that a value of a column is drawn by; the last attempts take the least and the greatest. */
static double uniform_of(const picking *p, size_t column) {
    if (p->attempt + 2 >= ATTEMPTS)
        return p->attempt + 1 == ATTEMPTS ? 1.0 - 0x1p-32 : 0.0;
    if (p->way == FLOWBD3_DECODE_CENTRE && p->attempt == 0)
        return 0.5;
    return fb3_uniform(p->seed, FB3_RANDOM_DECODE, p->number, (uint32_t)column | p->attempt << 16);
}

static bool pick(void *user, size_t column, const fb3_domain *domain, fb3_cell *cell) {
    picking *p = user;
    const fb3_codec *codec = &p->row->restraint->tokenizer->columns[column];
    const uint16_t *own = p->tokens + codec->first_slot;
    if (codec->derived) /* its sources do not tell: nothing computes it */
        return false;
    *cell = (fb3_cell){.missing = fb3_codec_is_missing(codec, own)};
    if (cell->missing)
        return domain->missing;
    int64_t *key = &p->row->keys[column];
    if (codec->categories.dictionary != NULL) {
        *key = cell->code = fb3_categories_code(&codec->categories, own[0], domain);
        return fb3_domain_has(domain, cell);
    }
    if (p->way == FLOWBD3_DECODE_CENTRE && p->attempt == 0) {
        *key = fb3_codec_centre(codec, own);
        cell->number = fb3_number_of_key(codec->type, *key);
        if (fb3_domain_has_number(domain, cell->number))
            return true;
    }
    if (!fb3_codec_draw_within(codec, own, domain, uniform_of(p, column), key))
        return false;
    cell->number = fb3_number_of_key(codec->type, *key);
    return fb3_domain_has_number(domain, cell->number);
}

/* The key of a number that was not picked: computed, or the only one there is. */
static int64_t key_of(const fb3_codec *codec, const uint16_t *own, double number) {
    const fb3_levels *levels = &codec->levels;
    if (codec->type != FLOWBD3_TYPE_REAL && levels->count > 0) { /* the one fitted value, to its last digit */
        const fb3_bin *bin = &levels->bins[fb3_levels_of_tokens(levels, own)];
        int64_t key = levels->knots[bin->knot];
        if (fb3_number_of_key(codec->type, key) == number)
            return key;
    }
    return fb3_codec_key(codec, number);
}

/* Decides the columns that no rule speaks of, so that the others are not looked at again after each. */
static bool pick_unbound(picking *p) {
    fb3_row *row = p->row;
    for (size_t i = 0; i < row->picked; i++) {
        fb3_domain *domain = &row->domains->columns[row->order[i]];
        fb3_cell cell = {.code = -1};
        if (row->restraint->bound_to[row->order[i]] || fb3_domain_only(domain, &cell))
            continue;
        if (!pick(p, row->order[i], domain, &cell) || !fb3_domain_set(domain, &cell))
            return false;
    }
    return true;
}

static bool attempt(picking *p) {
    fb3_row *row = p->row;
    for (size_t i = 0; i < row->restraint->tokenizer->n_columns; i++)
        row->keys[i] = INT64_MIN;
    return pick_unbound(p) && fb3_bound_settle(row->restraint->bound, row->domains->columns, row->order,
                                               row->picked, pick, p, row->cells);
}

bool fb3_row_settle(fb3_row *row, const uint16_t *tokens, flowbd3_decoding way, uint64_t seed,
                    uint64_t number) {
    const flowbd3_tokenizer *t = row->restraint->tokenizer;
    picking p = {row, tokens, way, seed, number, 0};
    for (size_t slot = 0; slot < t->n_slots; slot++)
        fb3_row_know(row, slot, tokens);
    if (!fb3_row_narrow(row))
        return false;
    fb3_domains_copy(row->known, row->domains);
    while (!attempt(&p)) {
        if (++p.attempt == ATTEMPTS)
            return false;
        fb3_domains_copy(row->domains, row->known);
    }
    for (size_t i = 0; i < t->n_columns; i++) {
        const fb3_codec *codec = &t->columns[i];
        const fb3_cell *cell = &row->cells[i];
        if (cell->missing || row->keys[i] != INT64_MIN)
            continue;
        row->keys[i] = codec->categories.dictionary != NULL
                           ? cell->code
                           : key_of(codec, tokens + codec->first_slot, cell->number);
    }
    return true;
}
