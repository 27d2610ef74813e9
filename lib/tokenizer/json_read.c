/* Tokenizers from JSON: everything is checked, so that whatever is let in can be used without a check. */
#include "tokenizer/json_internal.h"

#include <math.h>

enum { VERSION = 1 };

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

const char *fb3_json_text(const json_t *value) {
    const char *text = json_string_value(value);
    return text != NULL && *text != '\0' && strlen(text) == json_string_length(value) ? text : NULL;
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

/* Fills the counts of a token, whose sum over the slot may not pass rows. */
static flowbd3_status read_count(reader *r, fb3_slot *slot, const json_t *token, uint64_t *left) {
    uint64_t *count = &slot->counts[r->token - 1];
    if (!fb3_json_count(token, "count", count) || *count > *left)
        return bad(r, "'count'", "an integer above 0, all of a slot adding up to rows");
    *left -= *count;
    return FLOWBD3_OK;
}

static flowbd3_status read_values(reader *r, fb3_slot *slot, fb3_bin *bin, flowbd3_type type,
                                  const json_t *token) {
    const json_t *values = json_object_get(token, "values"), *counts = json_object_get(token, "counts");
    uint64_t total = slot->counts[r->token - 1], sum = 0;
    if (counts != NULL ? json_array_size(counts) != bin->knots : bin->knots != 1)
        return bad(r, "'counts'", "as many integers as there are values");
    for (size_t i = 0; i < bin->knots; i++) {
        int64_t *key = &slot->knots[bin->knot + i];
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
        slot->cumulative[bin->knot + i] = sum += cells;
    }
    return sum == total ? FLOWBD3_OK : bad(r, "'counts'", "integers that add up to the token's count");
}

static flowbd3_status read_quantiles(reader *r, fb3_slot *slot, fb3_bin *bin, flowbd3_type type,
                                     const json_t *token) {
    const json_t *quantiles = json_object_get(token, "quantiles");
    for (size_t i = 0; i < bin->knots; i++) {
        int64_t *key = &slot->knots[bin->knot + i];
        if (!fb3_json_key(json_array_get(quantiles, i), type, key) || (i > 0 && *key < key[-1]))
            return bad(r, "'quantiles'", "numbers of the column's type in ascending order");
    }
    return FLOWBD3_OK;
}

static flowbd3_status read_edges(reader *r, fb3_slot *slot, fb3_bin *bin, flowbd3_type type,
                                 const json_t *token) {
    const json_t *low = json_object_get(token, "low"), *high = json_object_get(token, "high");
    if (low == NULL && high == NULL && bin->knots == 1) {
        bin->low = bin->high = fb3_number_of_key(type, slot->knots[bin->knot]);
        return FLOWBD3_OK;
    }
    if (!get_number(low, &bin->low) || !get_number(high, &bin->high) || bin->low > bin->high)
        return bad(r, "'low' or 'high'", "two numbers in ascending order");
    return FLOWBD3_OK;
}

static flowbd3_status read_from(reader *r, fb3_slot *slot, flowbd3_type type, const json_t *token) {
    size_t i = r->token - 1;
    if (i == 0) {
        slot->first[0] = INT64_MIN;
        return FLOWBD3_OK;
    }
    const fb3_bin *before = &slot->bins[i - 1];
    int64_t last = slot->knots[before->knot + before->knots - 1];
    if (!fb3_json_key(json_object_get(token, "from"), type, &slot->first[i]) || slot->first[i] <= last ||
        slot->first[i] > slot->knots[slot->bins[i].knot])
        return bad(r, "'from'", "a number above the token before and not above this one's first value");
    return FLOWBD3_OK;
}

static const json_t *knots_of(const json_t *token, bool *discrete) {
    const json_t *values = json_object_get(token, "values");
    *discrete = values != NULL;
    return *discrete ? values : json_object_get(token, "quantiles");
}

static flowbd3_status read_numeric(reader *r, fb3_slot *slot, flowbd3_type type, const json_t *tokens,
                                   uint64_t *left) {
    size_t knot = 0;
    for (size_t i = 0; i < slot->values; i++) {
        const json_t *token = json_array_get(tokens, i);
        fb3_bin *bin = &slot->bins[i];
        r->token = i + 1;
        bin->knot = knot;
        bin->knots = json_array_size(knots_of(token, &bin->discrete));
        knot += bin->knots;
        flowbd3_status status = read_count(r, slot, token, left);
        if (status == FLOWBD3_OK)
            status = bin->discrete ? read_values(r, slot, bin, type, token)
                                   : read_quantiles(r, slot, bin, type, token);
        if (status == FLOWBD3_OK)
            status = read_edges(r, slot, bin, type, token);
        if (status == FLOWBD3_OK)
            status = read_from(r, slot, type, token);
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

static flowbd3_status read_categorical(reader *r, fb3_slot *slot, flowbd3_type type, const json_t *tokens,
                                       uint64_t *left) {
    for (size_t i = 0; i < slot->values; i++) {
        const json_t *token = json_array_get(tokens, i);
        const char *text = fb3_json_category(json_object_get(token, "value"), type);
        int32_t code = -1;
        r->token = i + 1;
        flowbd3_status status = read_count(r, slot, token, left);
        if (status != FLOWBD3_OK)
            return status;
        status = text != NULL ? fb3_dictionary_intern(slot->dictionary, text, strlen(text), &code)
                              : FLOWBD3_ERROR_FORMAT;
        if (status == FLOWBD3_ERROR_MEMORY)
            return fb3_no_memory(r->err, "the categories of a tokenizer");
        if (status != FLOWBD3_OK || (size_t)code != i)
            return bad(r, "'value'", "a text that no other token of the slot has");
    }
    fb3_dictionary_seal(slot->dictionary);
    return fb3_slot_sort(slot, r->tokenizer->context)
               ? FLOWBD3_OK
               : fb3_no_memory(r->err, "the categories of a tokenizer");
}

static flowbd3_status read_slot(reader *r, fb3_slot *slot, const json_t *value) {
    flowbd3_context *context = r->tokenizer->context;
    flowbd3_type type = r->tokenizer->columns[slot->column].type;
    const json_t *tokens = json_object_get(value, "tokens");
    size_t count = json_array_size(tokens), n_knots = 0;
    bool missing = count > 0 && json_is_true(json_object_get(json_array_get(tokens, count - 1), "missing"));
    if (count < 1 + (size_t)missing || count - missing > FB3_TOKENS_MAX)
        return bad(r, "'tokens'", "an array of 1 to 65000, missing apart");
    flowbd3_status status = FLOWBD3_OK;
    if (!fb3_has_dictionary(type))
        status = count_knots(r, tokens, count - missing, &n_knots);
    if (status != FLOWBD3_OK)
        return status;
    if (!fb3_slot_allocate(slot, context, count - missing, missing, n_knots))
        return fb3_no_memory(r->err, "the tokens of a tokenizer");
    uint64_t left = r->tokenizer->rows;
    if (!fb3_has_dictionary(type))
        status = read_numeric(r, slot, type, tokens, &left);
    else if ((slot->dictionary = fb3_dictionary_create(context)) == NULL)
        status = fb3_no_memory(r->err, "the categories of a tokenizer");
    else
        status = read_categorical(r, slot, type, tokens, &left);
    r->token = count;
    if (status == FLOWBD3_OK && missing)
        status = read_count(r, slot, json_array_get(tokens, count - 1), &left);
    if (status == FLOWBD3_OK && left != 0)
        status = bad(r, "'count'", "counts of a slot that add up to rows");
    r->token = 0;
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

/* names: the set of those before. */
static flowbd3_status read_column(reader *r, size_t i, const json_t *value, json_t *names) {
    fb3_codec *codec = &r->tokenizer->columns[i];
    fb3_slot *slot = &r->tokenizer->slots[i];
    const char *name = fb3_json_text(json_object_get(value, "name"));
    r->column = i + 1;
    slot->column = i;
    if (name == NULL || !fb3_is_utf8(name, strlen(name)) || json_object_get(names, name) != NULL)
        return bad(r, "'name'", "a text that no other column has");
    codec->name = fb3_duplicate(r->tokenizer->context, name);
    if (codec->name == NULL || json_object_set_new(names, name, json_true()) != 0)
        return fb3_no_memory(r->err, "the name of a column");
    const char *member,
        *expected = fb3_json_type(value, &codec->type, &codec->decimals, &codec->form, &member);
    if (expected != NULL)
        return bad(r, member, expected);
    const json_t *slots = json_object_get(value, "slots");
    if (json_array_size(slots) != 1)
        return bad(r, "'slots'", "an array of one");
    return read_slot(r, slot, json_array_get(slots, 0));
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
    if (json_integer_value(version) != VERSION)
        return fb3_fail(err, FLOWBD3_ERROR_VERSION, "tokenizer: version is %lld, expected %d",
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
    const json_t *sequence = json_object_get(value, "sequence");
    flowbd3_status status = read_columns(&r, columns);
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
    json_error_t error;
    json_t *value = json_loadb(json, size, JSON_REJECT_DUPLICATES, &error);
    if (value == NULL && json_error_code(&error) == json_error_out_of_memory)
        return fb3_no_memory(err, "the text of a tokenizer");
    if (value == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_FORMAT, "tokenizer: not JSON (line %d: %s)", error.line,
                        error.text);
    flowbd3_status status = fb3_tokenizer_from_json_value(out, context, value, err);
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
