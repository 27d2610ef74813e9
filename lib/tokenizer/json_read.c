/* Tokenizers from JSON: everything is checked, so that whatever is let in can be used without a check. */
#include "tokenizer/json_internal.h"

#include <math.h>

enum { VERSION = 2 }; /* and 1, of columns with one slot */

/* Where the reader is, for messages: 1-based, 0 for not there yet. */
typedef struct reader {
    flowbd3_tokenizer *tokenizer;
    flowbd3_error *err;
    size_t column, token;
} reader;

static flowbd3_status bad(const reader *r, const char *what, const char *expected) {
    char place[64] = "";
    if (r->token != 0)
        snprintf(place, sizeof place, " column %zu, token %zu:", r->column, r->token - 1);
    else if (r->column != 0)
        snprintf(place, sizeof place, " column %zu:", r->column);
    return fb3_fail_at(r->err, FLOWBD3_ERROR_FORMAT, 0, (int64_t)r->column,
                       "tokenizer:%s %s is missing or wrong, expected %s", place, what, expected);
}

/* ---- members of objects ------------------------------------------------------------------------ */

bool fb3_json_count(const json_t *object, const char *key, uint64_t *count) {
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value) || json_integer_value(value) < 1)
        return false;
    *count = (uint64_t)json_integer_value(value);
    return true;
}

const char *fb3_json_category(const json_t *value, flowbd3_type type) {
    const char *text = fb3_json_text(value);
    char canonical[FB3_ADDRESS_TEXT] = "";
    if (text == NULL || type != FLOWBD3_TYPE_ADDRESS)
        return text;
    (void)fb3_address_canonical(canonical, text, strlen(text));
    return strcmp(text, canonical) == 0 ? text : NULL;
}

static bool get_number(const json_t *value, double *number) {
    *number = json_number_value(value);
    return json_is_number(value) && isfinite(*number);
}

bool fb3_json_key(const json_t *value, flowbd3_type type, int64_t *key) {
    double number;
    if (fb3_has_integers(type)) {
        *key = json_integer_value(value);
        return json_is_integer(value);
    }
    if (!get_number(value, &number))
        return false;
    *key = fb3_key_of_real(number);
    return true;
}

/* ---- tokens ------------------------------------------------------------------------------------ */

/* The count of a token, whose sum over the column may not pass rows. */
static flowbd3_status read_count(const reader *r, uint64_t *count, const json_t *token, uint64_t *left) {
    if (!fb3_json_count(token, "count", count) || *count > *left)
        return bad(r, "'count'", "an integer above 0, all of a column adding up to rows");
    *left -= *count;
    return FLOWBD3_OK;
}

static flowbd3_status read_values(const reader *r, fb3_levels *levels, fb3_bin *bin, flowbd3_type type,
                                  const json_t *token) {
    const json_t *values = json_object_get(token, "values"), *counts = json_object_get(token, "counts");
    uint64_t total = levels->counts[r->token - 1], sum = 0;
    if (counts != NULL ? json_array_size(counts) != bin->knots : bin->knots != 1)
        return bad(r, "'counts'", "as many integers as there are values");
    for (size_t i = 0; i < bin->knots; i++) {
        int64_t *key = &levels->knots[bin->knot + i];
        if (!fb3_json_key(json_array_get(values, i), type, key) || (i > 0 && *key <= key[-1]))
            return bad(r, "'values'", "ascending numbers of the column's type");
        uint64_t cells = total;
        const json_t *count = json_array_get(counts, i);
        if (counts != NULL)
            cells = json_is_integer(count) && json_integer_value(count) > 0
                        ? (uint64_t)json_integer_value(count)
                        : 0;
        if (cells == 0 || cells > total - sum)
            return bad(r, "'counts'", "integers above 0 that add up to the token's count");
        levels->cumulative[bin->knot + i] = sum += cells;
    }
    /* Values that are too rare to be emitted are counted, but not listed. */
    if (sum != total && r->tokenizer->rare_rows <= 1)
        return bad(r, "'counts'", "integers that add up to the token's count");
    return FLOWBD3_OK;
}

static flowbd3_status read_quantiles(const reader *r, fb3_levels *levels, fb3_bin *bin, flowbd3_type type,
                                     const json_t *token) {
    const json_t *quantiles = json_object_get(token, "quantiles");
    for (size_t i = 0; i < bin->knots; i++) {
        int64_t *key = &levels->knots[bin->knot + i];
        if (!fb3_json_key(json_array_get(quantiles, i), type, key) || (i > 0 && *key < key[-1]))
            return bad(r, "'quantiles'", "numbers of the column's type in ascending order");
    }
    return FLOWBD3_OK;
}

static flowbd3_status read_edges(const reader *r, fb3_levels *levels, fb3_bin *bin, flowbd3_type type,
                                 const json_t *token) {
    const json_t *low = json_object_get(token, "low"), *high = json_object_get(token, "high");
    if (low == NULL && high == NULL && bin->knots == 1) {
        bin->low = bin->high = fb3_number_of_key(type, levels->knots[bin->knot]);
        return FLOWBD3_OK;
    }
    if (!get_number(low, &bin->low) || !get_number(high, &bin->high) || bin->low > bin->high)
        return bad(r, "'low' or 'high'", "two numbers in ascending order");
    return FLOWBD3_OK;
}

static flowbd3_status read_from(const reader *r, fb3_levels *levels, flowbd3_type type, const json_t *token) {
    size_t i = r->token - 1;
    if (i == 0) {
        levels->first[0] = INT64_MIN;
        return FLOWBD3_OK;
    }
    const fb3_bin *before = &levels->bins[i - 1];
    int64_t last = levels->knots[before->knot + before->knots - 1];
    if (!fb3_json_key(json_object_get(token, "from"), type, &levels->first[i]) || levels->first[i] <= last ||
        levels->first[i] > levels->knots[levels->bins[i].knot])
        return bad(r, "'from'", "a number above the token before and not above this one's first value");
    return FLOWBD3_OK;
}

static const json_t *knots_of(const json_t *token, bool *discrete) {
    const json_t *values = json_object_get(token, "values");
    *discrete = values != NULL;
    return *discrete ? values : json_object_get(token, "quantiles");
}

static flowbd3_status read_levels(reader *r, fb3_levels *levels, flowbd3_type type, const json_t *tokens,
                                  uint64_t *left) {
    size_t knot = 0;
    for (size_t i = 0; i < levels->count; i++) {
        const json_t *token = json_array_get(tokens, i);
        fb3_bin *bin = &levels->bins[i];
        r->token = i + 1;
        bin->knot = knot;
        bin->knots = json_array_size(knots_of(token, &bin->discrete));
        knot += bin->knots;
        flowbd3_status status = read_count(r, &levels->counts[i], token, left);
        if (status == FLOWBD3_OK)
            status = bin->discrete ? read_values(r, levels, bin, type, token)
                                   : read_quantiles(r, levels, bin, type, token);
        if (status == FLOWBD3_OK)
            status = read_edges(r, levels, bin, type, token);
        if (status == FLOWBD3_OK)
            status = read_from(r, levels, type, token);
        if (status != FLOWBD3_OK)
            return status;
    }
    return FLOWBD3_OK;
}

/* Knots of all tokens of a numeric slot, each of which has an allowed number of them. */
static flowbd3_status count_knots(reader *r, const json_t *tokens, size_t values, size_t *n_knots) {
    *n_knots = 0;
    for (size_t i = 0; i < values; i++) {
        bool discrete;
        size_t knots = json_array_size(knots_of(json_array_get(tokens, i), &discrete));
        r->token = i + 1;
        if (knots < (discrete ? 1 : 2) || knots > FB3_KNOTS_MAX)
            return bad(r, discrete ? "'values'" : "'quantiles'",
                       discrete ? "1 to 33 numbers" : "2 to 33 numbers");
        *n_knots += knots;
    }
    r->token = 0;
    return FLOWBD3_OK;
}

/* Groups of neighbouring levels: how many levels each has. */
static flowbd3_status read_groups(const reader *r, fb3_levels *levels, const json_t *groups) {
    size_t level = 0;
    for (size_t g = 0; g < levels->n_groups; g++) {
        const json_t *value = json_array_get(groups, g);
        json_int_t size = json_is_integer(value) ? json_integer_value(value) : 0;
        if (size < 1 || (uint64_t)size > levels->count - level || size > FB3_TOKENS_MAX)
            return bad(r, "'groups'", "integers above 0 that add up to the tokens");
        level += (size_t)size;
        levels->groups[g + 1] = level;
    }
    return level == levels->count || levels->n_groups == 0
               ? FLOWBD3_OK
               : bad(r, "'groups'", "integers above 0 that add up to the tokens");
}

static flowbd3_status read_numeric(reader *r, fb3_codec *codec, const json_t *tokens, const json_t *groups,
                                   size_t count, uint64_t *left) {
    size_t n_knots = 0;
    flowbd3_status status = count_knots(r, tokens, count, &n_knots);
    if (status == FLOWBD3_OK &&
        !fb3_levels_allocate(&codec->levels, r->tokenizer->context, count, n_knots, json_array_size(groups)))
        status = fb3_no_memory(r->err, "the tokens of a tokenizer");
    if (status == FLOWBD3_OK)
        status = read_levels(r, &codec->levels, codec->type, tokens, left);
    return status == FLOWBD3_OK ? read_groups(r, &codec->levels, groups) : status;
}

/* Texts; the one after them may stand for rare ones. */
static flowbd3_status read_categorical(reader *r, fb3_categories *c, flowbd3_type type, const json_t *tokens,
                                       size_t count, uint64_t *left) {
    flowbd3_context *context = r->tokenizer->context;
    bool rare = r->tokenizer->rare_rows > 1 && count > 1 &&
                json_is_true(json_object_get(json_array_get(tokens, count - 1), "rare"));
    c->dictionary = fb3_dictionary_create(context);
    c->counts = fb3_allocate_zero(context, count, sizeof *c->counts);
    if (c->dictionary == NULL || c->counts == NULL)
        return fb3_no_memory(r->err, "the categories of a tokenizer");
    for (size_t i = 0; i < count - rare; i++) {
        const json_t *token = json_array_get(tokens, i);
        const char *text = fb3_json_category(json_object_get(token, "value"), type);
        int32_t code = -1;
        r->token = i + 1;
        flowbd3_status status = read_count(r, &c->counts[i], token, left);
        if (status != FLOWBD3_OK)
            return status;
        status = text != NULL ? fb3_dictionary_intern(c->dictionary, text, strlen(text), &code)
                              : FLOWBD3_ERROR_FORMAT;
        if (status == FLOWBD3_ERROR_MEMORY)
            return fb3_no_memory(r->err, "the categories of a tokenizer");
        if (status != FLOWBD3_OK || (size_t)code != i)
            return bad(r, "'value'", "a text that no other token of the slot has");
    }
    fb3_dictionary_seal(c->dictionary);
    if (!fb3_categories_sort(c, context))
        return fb3_no_memory(r->err, "the categories of a tokenizer");
    r->token = count;
    return rare ? read_count(r, &c->rare, json_array_get(tokens, count - 1), left) : FLOWBD3_OK;
}

/* The tokens of a column, those of its levels when it has two slots. */
static flowbd3_status read_tokens(reader *r, fb3_codec *codec, const json_t *slot) {
    const json_t *tokens = json_object_get(slot, "tokens"), *groups = json_object_get(slot, "groups");
    bool text = fb3_has_dictionary(codec->type), fine = codec->codec == FLOWBD3_CODEC_FINE;
    size_t count = json_array_size(tokens), most = fine ? UINT32_MAX : FB3_TOKENS_MAX;
    bool missing = count > 0 && json_is_true(json_object_get(json_array_get(tokens, count - 1), "missing"));
    if (count < 1 + (size_t)missing || count - missing > most)
        return bad(r, "'tokens'", fine ? "an array" : "an array of 1 to 65000, missing apart");
    if (fine ? json_array_size(groups) < 1 || json_array_size(groups) > FB3_TOKENS_MAX : groups != NULL)
        return bad(r, "'groups'", fine ? "an array of 1 to 65000" : "left out without the codec fine");
    uint64_t left = r->tokenizer->rows;
    flowbd3_status status =
        text ? read_categorical(r, &codec->categories, codec->type, tokens, count - missing, &left)
             : read_numeric(r, codec, tokens, groups, count - missing, &left);
    r->token = count;
    if (status == FLOWBD3_OK && missing)
        status = read_count(r, &codec->missing, json_array_get(tokens, count - 1), &left);
    if (status == FLOWBD3_OK && left != 0)
        status = bad(r, "'count'", "counts of a column that add up to rows");
    r->token = 0;
    return status;
}

/* ---- digits ------------------------------------------------------------------------------------ */

/* One place: digits that came, ascending, and how often. */
static flowbd3_status read_place(reader *r, fb3_digits *d, size_t place, const json_t *slot, uint64_t cells) {
    const json_t *digits = json_object_get(slot, "digits"), *counts = json_object_get(slot, "counts");
    size_t count = json_array_size(digits);
    if (count < 1 || count > FB3_DIGITS || json_array_size(counts) != count)
        return bad(r, "'digits' or 'counts'", "arrays of the same 1 to 256 members");
    for (size_t i = 0; i < count; i++) {
        const json_t *digit = json_array_get(digits, i), *came = json_array_get(counts, i);
        json_int_t value = json_is_integer(digit) ? json_integer_value(digit) : -1;
        if (value < 0 || value >= FB3_DIGITS || (i > 0 && value <= d->digit[place][i - 1]))
            return bad(r, "'digits'", "ascending integers from 0 to 255");
        if (!json_is_integer(came) || json_integer_value(came) < 1 ||
            (uint64_t)json_integer_value(came) > cells)
            return bad(r, "'counts'", "integers above 0 that add up to the cells that are there");
        d->digit[place][i] = (uint8_t)value;
        d->counts[place][i] = (uint64_t)json_integer_value(came);
        cells -= d->counts[place][i];
    }
    d->tokens[place] = count;
    return cells == 0 ? FLOWBD3_OK : bad(r, "'counts'", "integers that add up to the cells that are there");
}

/* The missing cells of a column, where they are not among the tokens. */
static flowbd3_status read_missing(const reader *r, fb3_codec *codec, const json_t *column) {
    if (json_object_get(column, "missing") != NULL &&
        (!fb3_json_count(column, "missing", &codec->missing) || codec->missing >= r->tokenizer->rows))
        return bad(r, "'missing'", "an integer above 0 and below rows");
    return FLOWBD3_OK;
}

static flowbd3_status read_digits(reader *r, fb3_codec *codec, const json_t *column, const json_t *slots) {
    int64_t low, high;
    if (!fb3_has_integers(codec->type))
        return bad(r, "'codec'", "digits for integers alone");
    if (!fb3_json_key(json_object_get(column, "low"), codec->type, &low) ||
        !fb3_json_key(json_object_get(column, "high"), codec->type, &high) || low > high)
        return bad(r, "'low' or 'high'", "two integers in ascending order");
    if (read_missing(r, codec, column) != FLOWBD3_OK)
        return FLOWBD3_ERROR_FORMAT;
    codec->digits = fb3_digits_create(r->tokenizer->context, low, high);
    if (codec->digits == NULL)
        return fb3_no_memory(r->err, "the digits of a column");
    if (json_array_size(slots) != codec->digits->places)
        return bad(r, "'slots'", "an array of as many as the range has digits");
    flowbd3_status status = FLOWBD3_OK;
    for (size_t p = 0; status == FLOWBD3_OK && p < codec->digits->places; p++)
        status =
            read_place(r, codec->digits, p, json_array_get(slots, p), r->tokenizer->rows - codec->missing);
    /* Digits that are all above or below the range would leave nothing of it. */
    uint16_t tokens[FB3_SLOTS_MAX];
    const int64_t ends[] = {low, high};
    for (size_t i = 0; status == FLOWBD3_OK && i < FB3_COUNT(ends); i++) {
        fb3_digits_tokens(codec->digits, ends[i], tokens);
        if (fb3_digits_key(codec->digits, tokens) != ends[i])
            status = bad(r, "'digits'", "some that stand for 'low' and some for 'high'");
    }
    return status;
}

/* ---- columns ----------------------------------------------------------------------------------- */

const char *fb3_json_type(const json_t *object, flowbd3_type *type, int *decimals, unsigned *form,
                          const char **member) {
    const char *text = fb3_json_text(json_object_get(object, "type"));
    const json_t *digits = json_object_get(object, "decimals");
    *decimals = 0;
    *form = 0;
    *member = "'type'";
    *type = text != NULL ? fb3_type_of_name(text) : FLOWBD3_TYPE_AUTO;
    if (*type == FLOWBD3_TYPE_AUTO)
        return "\"real\", \"integer\", \"categorical\", \"timestamp\" or \"address\"";
    bool time = *type == FLOWBD3_TYPE_TIMESTAMP;
    if (*type != FLOWBD3_TYPE_REAL && !time)
        return NULL;
    *member = "'decimals'";
    if (!json_is_integer(digits) || json_integer_value(digits) < (time ? 0 : -1) ||
        json_integer_value(digits) > (time ? FB3_TIME_DIGITS : 17))
        return time ? "an integer from 0 to 9" : "an integer from -1 to 17";
    *decimals = (int)json_integer_value(digits);
    if (!time)
        return NULL;
    *member = "'form'";
    text = fb3_json_text(json_object_get(object, "form"));
    *form = text != NULL ? fb3_time_form_of(text, strlen(text)) : FB3_TIME_FORMS;
    return *form < FB3_TIME_FORMS ? NULL : "a form of times like \"YYYY-MM-DDThh:mm:ssZ\"";
}

/* The member 'codec', which one-slot columns of numbers and texts need not have. */
static flowbd3_status read_codec(const reader *r, fb3_codec *codec, const json_t *value) {
    const char *text = fb3_json_text(value);
    bool category = fb3_has_dictionary(codec->type);
    codec->codec = category ? FLOWBD3_CODEC_EXACT : FLOWBD3_CODEC_BINS;
    if (value == NULL)
        return FLOWBD3_OK;
    for (int i = FLOWBD3_CODEC_EXACT; text != NULL && i <= FLOWBD3_CODEC_DIGITS; i++)
        if (strcmp(text, fb3_codec_name((flowbd3_codec)i)) == 0 && (!category || i == FLOWBD3_CODEC_EXACT)) {
            codec->codec = (flowbd3_codec)i;
            return FLOWBD3_OK;
        }
    return bad(r, "'codec'", category ? "\"exact\"" : "\"exact\", \"bins\", \"fine\" or \"digits\"");
}

/* A column that a rule computes. */
static flowbd3_status read_derived(const reader *r, fb3_codec *codec, const json_t *value) {
    codec->derived = true;
    codec->codec = FLOWBD3_CODEC_BINS;
    if (fb3_has_dictionary(codec->type) || json_array_size(json_object_get(value, "slots")) != 0)
        return bad(r, "'derived'", "numbers without slots");
    if (!get_number(json_object_get(value, "low"), &codec->range.low) ||
        !get_number(json_object_get(value, "high"), &codec->range.high) ||
        codec->range.low > codec->range.high)
        return bad(r, "'low' or 'high'", "two numbers in ascending order");
    return read_missing(r, codec, value);
}

/* The error of rules as one of the tokenizer that holds them. */
static flowbd3_status bad_rules(const reader *r, const flowbd3_error *inner) {
    if (inner->status == FLOWBD3_ERROR_MEMORY || inner->status == FLOWBD3_ERROR_VERSION) {
        if (r->err != NULL)
            *r->err = *inner;
        return inner->status;
    }
    return fb3_fail(r->err, FLOWBD3_ERROR_FORMAT, "tokenizer: 'relations': %s", inner->message);
}

/* Rules, among which those are that compute the columns without slots. */
static flowbd3_status read_rules(reader *r, const json_t *value) {
    flowbd3_tokenizer *t = r->tokenizer;
    flowbd3_error inner = {0};
    if (value != NULL && fb3_rules_from_json_value(&t->rules, t->context, value, &inner) != FLOWBD3_OK)
        return bad_rules(r, &inner);
    if (t->rules != NULL && t->rules->count == 0)
        flowbd3_rules_destroy(&t->rules);
    for (size_t i = 0; i < t->n_columns; i++) {
        bool derived;
        r->column = i + 1;
        flowbd3_status status = fb3_relations_compute(t->rules, t->columns[i].name, &derived, r->err);
        if (status != FLOWBD3_OK)
            return status;
        if (t->columns[i].derived && !derived)
            return bad(r, "'relations'", "a rule that computes the column");
    }
    r->column = 0;
    return FLOWBD3_OK;
}

/* What rows obey, of columns that have their slots. */
static flowbd3_status restrain(const reader *r) {
    flowbd3_error inner = {0};
    flowbd3_status status = fb3_restraint_create(&r->tokenizer->restraint, r->tokenizer, NULL, &inner);
    return status == FLOWBD3_OK ? status : bad_rules(r, &inner);
}

/* names: the set of those before. */
static flowbd3_status read_column(reader *r, size_t i, const json_t *value, json_t *names) {
    fb3_codec *codec = &r->tokenizer->columns[i];
    const char *name = fb3_json_text(json_object_get(value, "name"));
    r->column = i + 1;
    if (name == NULL || !fb3_is_utf8(name, strlen(name)) || json_object_get(names, name) != NULL)
        return bad(r, "'name'", "a text that no other column has");
    codec->name = fb3_duplicate(r->tokenizer->context, name);
    if (codec->name == NULL || json_object_set_new(names, name, json_true()) != 0)
        return fb3_no_memory(r->err, "the name of a column");
    const char *member,
        *expected = fb3_json_type(value, &codec->type, &codec->decimals, &codec->form, &member);
    if (expected != NULL)
        return bad(r, member, expected);
    if (json_is_true(json_object_get(value, "derived")))
        return read_derived(r, codec, value);
    flowbd3_status status = read_codec(r, codec, json_object_get(value, "codec"));
    const json_t *slots = json_object_get(value, "slots");
    if (status == FLOWBD3_OK && codec->codec == FLOWBD3_CODEC_DIGITS)
        return read_digits(r, codec, value, slots);
    if (status == FLOWBD3_OK && json_array_size(slots) != 1)
        status = bad(r, "'slots'", "an array of one");
    return status == FLOWBD3_OK ? read_tokens(r, codec, json_array_get(slots, 0)) : status;
}

static flowbd3_status read_columns(reader *r, const json_t *columns) {
    json_t *names = json_object();
    flowbd3_status status = names != NULL ? FLOWBD3_OK : fb3_no_memory(r->err, "the names of columns");
    for (size_t i = 0; status == FLOWBD3_OK && i < r->tokenizer->n_columns; i++)
        status = read_column(r, i, json_array_get(columns, i), names);
    json_decref(names);
    return status;
}

/* ---- the door ---------------------------------------------------------------------------------- */

flowbd3_status fb3_tokenizer_from_json_value(flowbd3_tokenizer **out, flowbd3_context *context,
                                             const json_t *value, flowbd3_error *err) {
    reader r = {NULL, err, 0, 0};
    *out = NULL;
    const char *format = fb3_json_text(json_object_get(value, "format"));
    const json_t *version = json_object_get(value, "version"), *columns = json_object_get(value, "columns");
    if (format == NULL || strcmp(format, "flowbd3-tokenizer") != 0)
        return bad(&r, "'format'", "\"flowbd3-tokenizer\"");
    if (!json_is_integer(version))
        return bad(&r, "'version'", "an integer");
    if (json_integer_value(version) < 1 || json_integer_value(version) > VERSION)
        return fb3_fail(err, FLOWBD3_ERROR_VERSION, "tokenizer: version is %lld, expected 1 to %d",
                        (long long)json_integer_value(version), VERSION);
    uint64_t rows;
    if (!fb3_json_count(value, "rows", &rows))
        return bad(&r, "'rows'", "an integer above 0");
    size_t count = json_array_size(columns);
    if (count < 1 || count > FB3_COLUMNS_MAX)
        return bad(&r, "'columns'", "an array of 1 to 65535");
    r.tokenizer = fb3_tokenizer_allocate(context, count);
    if (r.tokenizer == NULL)
        return fb3_no_memory(err, "a tokenizer");
    r.tokenizer->rows = rows;
    if (json_object_get(value, "rare_rows") != NULL &&
        !fb3_json_count(value, "rare_rows", &r.tokenizer->rare_rows)) {
        flowbd3_tokenizer_destroy(&r.tokenizer);
        return bad(&r, "'rare_rows'", "an integer above 0");
    }
    const json_t *sequence = json_object_get(value, "sequence");
    flowbd3_status status = read_columns(&r, columns);
    if (status == FLOWBD3_OK)
        status = read_rules(&r, json_object_get(value, "relations"));
    if (status == FLOWBD3_OK)
        status = fb3_tokenizer_make_slots(r.tokenizer, err);
    if (status == FLOWBD3_OK)
        status = restrain(&r);
    if (status == FLOWBD3_OK && sequence != NULL)
        status = fb3_json_read_sequence(r.tokenizer, sequence, err);
    if (status != FLOWBD3_OK)
        flowbd3_tokenizer_destroy(&r.tokenizer);
    *out = r.tokenizer;
    return status;
}

flowbd3_status flowbd3_tokenizer_from_json(flowbd3_tokenizer **out, flowbd3_context *context,
                                           const char *json, size_t size, flowbd3_error *err) {
    if (out != NULL)
        *out = NULL;
    if (out == NULL || context == NULL || json == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_tokenizer_from_json: %s is NULL",
                        out == NULL       ? "out"
                        : context == NULL ? "context"
                                          : "json");
    json_t *value;
    flowbd3_status status = fb3_json_load(&value, json, size, "tokenizer", "the text of a tokenizer", err);
    if (status == FLOWBD3_OK)
        status = fb3_tokenizer_from_json_value(out, context, value, err);
    json_decref(value);
    return status;
}

flowbd3_status flowbd3_tokenizer_load(flowbd3_tokenizer **out, flowbd3_context *context, const char *path,
                                      flowbd3_error *err) {
    if (out != NULL)
        *out = NULL;
    if (out == NULL || context == NULL || path == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_tokenizer_load: %s is NULL",
                        out == NULL       ? "out"
                        : context == NULL ? "context"
                                          : "path");
    char *text;
    size_t size;
    flowbd3_status status = fb3_file_read(&text, &size, context, path, err);
    if (status != FLOWBD3_OK)
        return status;
    flowbd3_error inner = {0};
    status = flowbd3_tokenizer_from_json(out, context, text, size, &inner);
    fb3_release(context, text);
    if (status == FLOWBD3_OK)
        return status;
    return fb3_fail_at(err, status, inner.row, inner.column, "'%.100s': %s", path, inner.message);
}
