/* Conditions: what callers ask of the rows, as rules, given tokens, turns and weights. */
#include "sampler/sampler.h"

#include <math.h>
#include <string.h>

/* ---- reading a condition ----------------------------------------------------------------------- */

typedef struct condition {
    const flowbd3_tokenizer *tokenizer;
    const char *text, *rest; /* the whole, and what follows the name of the column */
    size_t column;
    flowbd3_error *err;
} condition;

static flowbd3_status bad(const condition *c, const char *expected) {
    return fb3_fail(c->err, FLOWBD3_ERROR_ARGUMENT, "condition '%.80s': expected %s", c->text, expected);
}

static bool begins(const char *text, const char *with) {
    return strncmp(text, with, strlen(with)) == 0;
}

/* The column whose name the text begins with, the longest of several, before a sign that belongs to no name.
 */
static bool find_column(condition *c) {
    size_t longest = 0;
    for (size_t i = 0; i < c->tokenizer->n_columns; i++) {
        const char *name = c->tokenizer->columns[i].name;
        size_t length = strlen(name);
        const char *rest = c->text + (begins(c->text, name) ? length : strlen(c->text));
        if (length > longest && (*rest == '=' || begins(rest, " in ") || strcmp(rest, " missing") == 0)) {
            longest = length;
            c->column = i;
            c->rest = rest;
        }
    }
    return longest > 0;
}

/* Where a value of a list ends: at a comma outside quotes, or at the end. */
static const char *end_of(const char *text) {
    bool quoted = false;
    for (; *text != '\0' && (quoted || *text != ','); text++)
        quoted = quoted != (*text == '"');
    return text;
}

/* A value without blanks and quotes around it. */
static void trim(const char **text, size_t *size) {
    while (*size > 0 && **text == ' ')
        ++*text, --*size;
    while (*size > 0 && (*text)[*size - 1] == ' ')
        --*size;
    if (*size >= 2 && **text == '"' && (*text)[*size - 1] == '"') {
        ++*text;
        *size -= 2;
    }
}

/* ---- what the model knows ---------------------------------------------------------------------- */

static flowbd3_status add_text(const condition *c, fb3_test *test, const char *text, size_t size) {
    const fb3_codec *codec = &c->tokenizer->columns[c->column];
    flowbd3_context *context = c->tokenizer->context;
    char *copy = fb3_allocate(context, size + 1, 1);
    if (copy == NULL)
        return fb3_no_memory(c->err, "a condition");
    memcpy(copy, text, size);
    copy[size] = '\0';
    int32_t token = fb3_categories_find(&codec->categories, copy);
    if (token < 0 || (size_t)token >= codec->categories.dictionary->count) {
        flowbd3_status status =
            fb3_fail(c->err, FLOWBD3_ERROR_RANGE,
                     "condition '%.60s': the model knows no value '%.40s' of column '%.60s'", c->text, copy,
                     codec->name);
        fb3_release(context, copy);
        return status;
    }
    test->texts[test->n_texts++] = copy;
    return FLOWBD3_OK;
}

/* Whether some value that the model can give lies between two numbers. */
static bool is_known(const fb3_codec *codec, double low, double high) {
    fb3_domain domain = {
        .numeric = true, .integer = codec->type != FLOWBD3_TYPE_REAL, .low = low, .high = high};
    if (codec->derived)
        return low <= codec->range.high && high >= codec->range.low;
    return fb3_codec_reaches(codec, &domain);
}

static flowbd3_status add_interval(const condition *c, fb3_test *test, double low, double high) {
    const fb3_codec *codec = &c->tokenizer->columns[c->column];
    if (!(low <= high))
        return bad(c, "[low,high] with low at most high");
    if (!is_known(codec, low, high)) {
        fb3_interval range = fb3_codec_range(codec, NULL, 0);
        return fb3_fail(c->err, FLOWBD3_ERROR_RANGE,
                        "condition '%.60s': the model knows no such value of column '%.60s', which goes from "
                        "%.10g to %.10g",
                        c->text, codec->name, range.low, range.high);
    }
    size_t at = test->n_intervals++;
    for (; at > 0 && test->intervals[at - 1].low > low; at--)
        test->intervals[at] = test->intervals[at - 1];
    test->intervals[at] = (fb3_interval){low, high};
    return FLOWBD3_OK;
}

/* Intervals that touch or overlap become one. */
static void join_intervals(fb3_test *test) {
    size_t count = 0;
    for (size_t i = 0; i < test->n_intervals; i++)
        if (count > 0 && test->intervals[i].low <= test->intervals[count - 1].high)
            test->intervals[count - 1].high = fmax(test->intervals[count - 1].high, test->intervals[i].high);
        else
            test->intervals[count++] = test->intervals[i];
    test->n_intervals = count;
}

static bool read_number(const char *text, size_t size, double *number) {
    int decimals;
    trim(&text, &size);
    return fb3_parse_real(text, size, number, &decimals);
}

static flowbd3_status read_range(const condition *c, fb3_test *test, const char *text) {
    const char *comma = strchr(text, ','), *end = text + strlen(text) - 1;
    double low = -INFINITY, high = INFINITY;
    size_t first = comma != NULL ? (size_t)(comma - text) : 0;
    size_t second = comma != NULL && end > comma ? (size_t)(end - comma - 1) : 0;
    if (comma == NULL || *end != ']' || (first > 0 && !read_number(text, first, &low)) ||
        (second > 0 && !read_number(comma + 1, second, &high)))
        return bad(c, "[low,high] with two numbers, either of which may be left out");
    return add_interval(c, test, low, high);
}

static flowbd3_status read_values(const condition *c, fb3_test *test, const char *text, bool list) {
    const fb3_codec *codec = &c->tokenizer->columns[c->column];
    bool more = true;
    for (flowbd3_status status = FLOWBD3_OK; more;) {
        const char *end = list ? end_of(text) : text + strlen(text), *value = text;
        size_t size = (size_t)(end - text);
        double number;
        trim(&value, &size);
        if (size == 0)
            return bad(c, "a value, or the word missing");
        if (codec->categories.dictionary != NULL)
            status = add_text(c, test, value, size);
        else if (read_number(value, size, &number))
            status = add_interval(c, test, number, number);
        else
            status = bad(c, "numbers, for the column is one of numbers");
        if (status != FLOWBD3_OK)
            return status;
        more = *end != '\0';
        text = end + 1;
    }
    return FLOWBD3_OK;
}

/* The test that a condition makes, which holds some memory even when it fails. */
static flowbd3_status read_test(const condition *c, fb3_test *test) {
    const fb3_codec *codec = &c->tokenizer->columns[c->column];
    flowbd3_context *context = c->tokenizer->context;
    size_t most = 1;
    for (const char *s = c->rest; *s != '\0'; s++)
        most += *s == ',';
    test->column = fb3_duplicate(context, codec->name);
    test->texts = fb3_allocate_zero(context, most, sizeof *test->texts);
    test->intervals = fb3_allocate(context, most, sizeof *test->intervals);
    if (test->column == NULL || test->texts == NULL || test->intervals == NULL)
        return fb3_no_memory(c->err, "a condition");
    if (strcmp(c->rest, " missing") == 0) {
        test->missing = true;
        if (codec->missing > 0)
            return FLOWBD3_OK;
        return fb3_fail(c->err, FLOWBD3_ERROR_RANGE,
                        "condition '%.80s': no cell of the column was missing in the training table",
                        c->text);
    }
    bool list = *c->rest != '=';
    const char *text = c->rest + (list ? strlen(" in ") : 1);
    while (*text == ' ')
        text++;
    if (list && *text == '[' && codec->categories.dictionary == NULL)
        return read_range(c, test, text + 1);
    flowbd3_status status = read_values(c, test, text, list);
    join_intervals(test);
    return status;
}

static flowbd3_status add_condition(flowbd3_rules *rules, const flowbd3_tokenizer *tokenizer,
                                    const char *text, flowbd3_error *err) {
    condition c = {.tokenizer = tokenizer, .text = text, .err = err};
    if (text == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "a condition is NULL");
    if (!find_column(&c))
        return bad(&c, "a column of the model, then =value, ' in a,b', ' in [low,high]' or ' missing'");
    const fb3_sequencing *sequencing = tokenizer->sequencing;
    if (sequencing != NULL && sequencing->order_by != NULL &&
        strcmp(sequencing->order_by, tokenizer->columns[c.column].name) == 0)
        return fb3_fail(
            err, FLOWBD3_ERROR_ARGUMENT,
            "condition '%.80s': column '%.60s' orders the rows, of which the model knows the gaps", text,
            sequencing->order_by);
    fb3_rule *rule = fb3_rules_append(rules);
    if (rule == NULL || (rule->tests = fb3_allocate_zero(rules->context, 1, sizeof *rule->tests)) == NULL)
        return fb3_no_memory(err, "a condition");
    rule->claim = FB3_CLAIM_TESTS;
    rule->n_tests = 1;
    rule->name = fb3_duplicate(rules->context, text);
    return rule->name != NULL ? read_test(&c, rule->tests) : fb3_no_memory(err, "a condition");
}

flowbd3_status fb3_conditions_create(flowbd3_rules **out, const flowbd3_tokenizer *tokenizer,
                                     const flowbd3_sampler_options *o, flowbd3_error *err) {
    *out = NULL;
    if (o->n_given > 0 && o->given == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "n_given is %zu, but given is NULL", o->n_given);
    flowbd3_rules *rules = fb3_rules_create(tokenizer->context);
    flowbd3_status status = rules != NULL ? FLOWBD3_OK : fb3_no_memory(err, "the conditions");
    for (size_t i = 0; status == FLOWBD3_OK && i < o->n_given; i++)
        status = add_condition(rules, tokenizer, o->given[i], err);
    if (status == FLOWBD3_OK && !fb3_rules_append_all(rules, o->rules))
        status = fb3_no_memory(err, "the rules of rows");
    if (status == FLOWBD3_OK)
        status = fb3_rules_finish(rules, err);
    if (status != FLOWBD3_OK)
        flowbd3_rules_destroy(&rules);
    *out = rules;
    return status;
}

/* ---- weights ----------------------------------------------------------------------------------- */

/* Factors of the values of a column; those that are not named have factor 1. */
static flowbd3_status weigh_values(double *factors, const flowbd3_tokenizer *t, size_t column,
                                   const flowbd3_sampler_options *o, flowbd3_error *err) {
    const fb3_codec *codec = &t->columns[column];
    for (size_t i = 0; i < o->n_weights; i++) {
        const flowbd3_weight *w = &o->weights[i];
        int32_t token = w->value != NULL ? fb3_categories_find(&codec->categories, w->value) : -1;
        if (token < 0)
            return fb3_fail(err, FLOWBD3_ERROR_RANGE,
                            "weights: the model knows no value '%.60s' of column '%.80s'",
                            w->value != NULL ? w->value : "(null)", codec->name);
        if (!(w->weight >= 0.0) || !isfinite(w->weight))
            return fb3_fail(err, FLOWBD3_ERROR_RANGE, "weights: that of '%.60s' is %g, expected 0 or more",
                            w->value, w->weight);
        factors[token] = w->weight;
    }
    double largest = 0.0;
    for (size_t v = 0; v < t->slots[codec->first_slot].vocabulary; v++)
        largest = fmax(largest, factors[v]);
    if (!(largest > 0.0))
        return fb3_fail(err, FLOWBD3_ERROR_RANGE, "weights: those of all values of column '%.80s' are 0",
                        codec->name);
    return FLOWBD3_OK;
}

static flowbd3_status find_weighted(size_t *column, const flowbd3_tokenizer *t,
                                    const flowbd3_sampler_options *o, flowbd3_error *err) {
    const char *name = o->weighted;
    for (*column = 0; *column < t->n_columns && strcmp(t->columns[*column].name, name) != 0; ++*column)
        ;
    if (*column == t->n_columns)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "weighted: the model has no column '%.80s'", name);
    if (t->columns[*column].categories.dictionary == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "weighted: column '%.80s' is not one of categories",
                        name);
    return FLOWBD3_OK;
}

flowbd3_status fb3_weights_create(double **out, size_t *slot, const flowbd3_tokenizer *t,
                                  const flowbd3_sampler_options *o, flowbd3_error *err) {
    *out = NULL;
    *slot = SIZE_MAX;
    if (o->weighted == NULL && o->n_weights > 0)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "weights are given, but weighted names no column");
    if (o->n_weights > 0 && o->weights == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "n_weights is %zu, but weights is NULL", o->n_weights);
    if (o->weighted == NULL)
        return FLOWBD3_OK;
    size_t column;
    flowbd3_status status = find_weighted(&column, t, o, err);
    if (status != FLOWBD3_OK)
        return status;
    *slot = t->columns[column].first_slot;
    const fb3_slot *s = &t->slots[*slot];
    double *factors = *out = fb3_allocate(t->context, s->vocabulary, sizeof *factors);
    if (factors == NULL)
        return fb3_no_memory(err, "the weights of values");
    /* Without weights every value becomes as frequent as the others. */
    for (size_t v = 0; v < s->vocabulary; v++)
        factors[v] = o->n_weights > 0 ? 1.0 : (double)t->rows / (double)s->counts[v];
    return weigh_values(factors, t, column, o, err);
}

/* ---- given tokens ------------------------------------------------------------------------------ */

/* The tokens of the columns whose cells can be one value only. */
static void fix_columns(flowbd3_sampler *s) {
    const flowbd3_tokenizer *t = s->model->tokenizer;
    for (size_t i = 0; i < t->n_columns; i++) {
        const fb3_codec *codec = &t->columns[i];
        uint16_t *tokens = s->fixed + codec->first_slot;
        fb3_cell cell;
        if (codec->derived || !fb3_domain_only(&s->restraint->start->columns[i], &cell))
            continue;
        if (cell.missing)
            fb3_codec_encode_missing(codec, tokens);
        else if (codec->categories.dictionary != NULL)
            tokens[0] = (uint16_t)cell.code;
        else
            fb3_codec_encode(codec, fb3_key_at_least(codec->type, cell.number), tokens);
    }
}

/* Shares of the levels of a column that conditions and further rules leave, of what the tokenizer's own rules
 * do, which its tokens have in them; whether any level is cut. */
static bool find_shares(const flowbd3_sampler *s, size_t column, double *shares) {
    const flowbd3_tokenizer *t = s->model->tokenizer;
    const fb3_codec *codec = &t->columns[column];
    bool cut = false;
    for (size_t level = 0; level < codec->levels.count; level++) {
        double own = fb3_levels_share(&codec->levels, level, codec, &t->restraint->start->columns[column]);
        double left = fb3_levels_share(&codec->levels, level, codec, &s->restraint->start->columns[column]);
        shares[level] = own > left ? left / own : own > 0.0;
        cut = cut || (left > 0.0 && left < own);
    }
    return cut;
}

/* Tokens of bins that are cut weigh as much as is left of them. Of finer codecs the tokens after the first
 * see to that. */
static flowbd3_status share_bins(flowbd3_sampler *s, flowbd3_error *err) {
    const flowbd3_tokenizer *t = s->model->tokenizer;
    for (size_t i = 0; i < t->n_columns && (s->options.n_given > 0 || s->options.rules != NULL); i++) {
        const fb3_codec *codec = &t->columns[i];
        if (codec->slots != 1 || codec->levels.count == 0)
            continue;
        double **shares = &s->weights[codec->first_slot];
        *shares = fb3_allocate(s->context, codec->levels.count + 1, sizeof **shares);
        if (*shares == NULL)
            return fb3_no_memory(err, "the conditions");
        (*shares)[codec->levels.count] = 1.0; /* missing cells */
        if (!find_shares(s, i, *shares)) {
            fb3_release(s->context, *shares);
            *shares = NULL;
        }
    }
    return FLOWBD3_OK;
}

/* Columns that conditions speak of are decided before the others, so that these are given them. */
static void give_turns(flowbd3_sampler *s, const flowbd3_rules *conditions, size_t n_given) {
    const flowbd3_tokenizer *t = s->model->tokenizer;
    for (size_t slot = 0; slot < t->n_slots; slot++) {
        s->turns[slot] = 2;
        for (size_t i = 0; conditions != NULL && i < n_given; i++)
            if (strcmp(conditions->rules[i].tests[0].column, t->columns[t->slots[slot].column].name) == 0)
                s->turns[slot] = 1;
        if (slot == s->weighted_slot)
            s->turns[slot] = 1;
    }
}

flowbd3_status fb3_sampler_take_conditions(flowbd3_sampler *s, flowbd3_error *err) {
    const flowbd3_tokenizer *t = s->model->tokenizer;
    flowbd3_rules *conditions;
    s->fixed = fb3_allocate(s->context, t->n_slots, sizeof *s->fixed);
    s->turns = fb3_allocate(s->context, t->n_slots, sizeof *s->turns);
    s->weights = fb3_allocate_zero(s->context, t->n_slots, sizeof *s->weights);
    double *factors = NULL;
    if (s->fixed == NULL || s->turns == NULL || s->weights == NULL)
        return fb3_no_memory(err, "the sampler");
    memset(s->fixed, 0xff, t->n_slots * sizeof *s->fixed);
    flowbd3_status status = fb3_conditions_create(&conditions, t, &s->options, err);
    if (status == FLOWBD3_OK)
        status = fb3_restraint_create(&s->restraint, t, conditions, err);
    if (status == FLOWBD3_OK)
        status = fb3_weights_create(&factors, &s->weighted_slot, t, &s->options, err);
    if (factors != NULL)
        s->weights[s->weighted_slot] = factors;
    if (status == FLOWBD3_OK)
        status = share_bins(s, err);
    if (status == FLOWBD3_OK) {
        if (s->options.n_given > 0)
            fix_columns(s);
        give_turns(s, conditions, s->options.n_given);
    }
    flowbd3_rules_destroy(&conditions);
    return status;
}

void fb3_sampler_release_conditions(flowbd3_sampler *s) {
    fb3_restraint_destroy(&s->restraint);
    fb3_release(s->context, s->fixed);
    fb3_release(s->context, s->turns);
    for (size_t slot = 0; s->weights != NULL && slot < s->sizes.slots; slot++)
        fb3_release(s->context, s->weights[slot]);
    fb3_release(s->context, s->weights);
}

/* ---- what a row is given ----------------------------------------------------------------------- */

uint16_t fb3_sampler_given_token(const flowbd3_sampler *s, uint64_t row, size_t slot) {
    if (s->partial.table != NULL && row < s->partial.rows) {
        uint16_t token = s->partial.tokens[row * s->sizes.slots + slot];
        if (token != UINT16_MAX)
            return token;
    }
    return s->fixed[slot];
}

uint8_t fb3_sampler_turn(const flowbd3_sampler *s, uint64_t row, size_t slot) {
    return fb3_sampler_given_token(s, row, slot) != UINT16_MAX ? 0 : s->turns[slot];
}

void fb3_sampler_take_turns(const flowbd3_sampler *s, uint16_t *order, uint64_t row) {
    if (s->sizes.held == 0 || s->model->options.column_order != FLOWBD3_COLUMNS_RANDOM)
        return;
    /* Insertion, which leaves equal turns in their order. */
    for (size_t i = 1; i < s->sizes.slots; i++)
        for (size_t k = i;
             k > 0 && fb3_sampler_turn(s, row, order[k]) < fb3_sampler_turn(s, row, order[k - 1]); k--) {
            uint16_t slot = order[k];
            order[k] = order[k - 1];
            order[k - 1] = slot;
        }
}
