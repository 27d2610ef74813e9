/* Tokenizers as JSON (format: docs/tokenizer.md), and files of it. */
#include "tokenizer/json_internal.h"

/* Columns of one slot without hidden values are those of version 1. */
enum { VERSION = 2 };

json_t *fb3_json_number(flowbd3_type type, int64_t key) {
    return type == FLOWBD3_TYPE_REAL ? json_real(fb3_real_of_key(key)) : json_integer(key);
}

/* Arrays of a token's knots and, when discrete, of how often each came; false: no memory. */
static bool knot_arrays(json_t *knots, json_t *counts, const fb3_levels *levels, flowbd3_type type,
                        const fb3_bin *bin) {
    bool fine = knots != NULL && counts != NULL;
    for (size_t i = bin->knot; fine && i < bin->knot + bin->knots; i++) {
        uint64_t before = i > bin->knot ? levels->cumulative[i - 1] : 0;
        fine = json_array_append_new(knots, fb3_json_number(type, levels->knots[i])) == 0;
        if (fine && bin->discrete)
            fine = json_array_append_new(counts,
                                         json_integer((json_int_t)(levels->cumulative[i] - before))) == 0;
    }
    return fine;
}

static json_t *level_value(const fb3_levels *levels, flowbd3_type type, size_t level) {
    const fb3_bin *bin = &levels->bins[level];
    double value = fb3_number_of_key(type, levels->knots[bin->knot]);
    bool exact = bin->knots == 1 && bin->low == value && bin->high == value;
    json_t *object = json_object(), *knots = json_array(), *counts = json_array();
    bool fine = object != NULL && knot_arrays(knots, counts, levels, type, bin);
    fine = fine && fb3_json_set(object, "count", json_integer((json_int_t)levels->counts[level]));
    if (level > 0)
        fine = fine && fb3_json_set(object, "from", fb3_json_number(type, levels->first[level]));
    if (!exact)
        fine = fine && fb3_json_set(object, "low", json_real(bin->low)) &&
               fb3_json_set(object, "high", json_real(bin->high));
    fine = fine && json_object_set(object, bin->discrete ? "values" : "quantiles", knots) == 0;
    if (bin->discrete && bin->knots > 1)
        fine = fine && json_object_set(object, "counts", counts) == 0;
    json_decref(knots);
    json_decref(counts);
    if (!fine) {
        json_decref(object);
        return NULL;
    }
    return object;
}

/* The one slot of a column, or the levels of two. */
static json_t *tokens_value(const fb3_codec *codec) {
    const fb3_categories *c = &codec->categories;
    json_t *tokens = json_array();
    bool fine = tokens != NULL;
    for (size_t i = 0; fine && i < codec->levels.count; i++)
        fine = fb3_json_append(tokens, level_value(&codec->levels, codec->type, i));
    for (size_t i = 0; fine && c->dictionary != NULL && i < c->dictionary->count; i++)
        fine = fb3_json_append(tokens, json_pack("{s:I, s:s}", "count", (json_int_t)c->counts[i], "value",
                                                 fb3_dictionary_text(c->dictionary, i)));
    if (fine && c->rare > 0)
        fine = fb3_json_append(tokens, json_pack("{s:I, s:b}", "count", (json_int_t)c->rare, "rare", 1));
    if (fine && codec->missing > 0)
        fine = fb3_json_append(tokens,
                               json_pack("{s:I, s:b}", "count", (json_int_t)codec->missing, "missing", 1));
    json_t *slot = fine ? json_pack("{s:O}", "tokens", tokens) : NULL;
    json_decref(tokens);
    return slot;
}

static json_t *groups_value(const fb3_levels *levels) {
    json_t *groups = json_array();
    for (size_t g = 0; groups != NULL && g < levels->n_groups; g++)
        if (!fb3_json_append(groups, json_integer((json_int_t)(levels->groups[g + 1] - levels->groups[g])))) {
            json_decref(groups);
            return NULL;
        }
    return groups;
}

static json_t *place_value(const fb3_digits *d, size_t place) {
    json_t *digits = json_array(), *counts = json_array();
    bool fine = digits != NULL && counts != NULL;
    for (size_t i = 0; fine && i < d->tokens[place]; i++)
        fine = fb3_json_append(digits, json_integer(d->digit[place][i])) &&
               fb3_json_append(counts, json_integer((json_int_t)d->counts[place][i]));
    json_t *slot = fine ? json_pack("{s:O, s:O}", "digits", digits, "counts", counts) : NULL;
    json_decref(digits);
    json_decref(counts);
    return slot;
}

json_t *fb3_json_column(const char *name, flowbd3_type type, int decimals, unsigned form) {
    json_t *object = json_pack("{s:s, s:s}", "name", name, "type", fb3_type_name(type));
    bool fine = object != NULL;
    if (fine && (type == FLOWBD3_TYPE_REAL || type == FLOWBD3_TYPE_TIMESTAMP))
        fine = fb3_json_set(object, "decimals", json_integer(decimals));
    if (fine && type == FLOWBD3_TYPE_TIMESTAMP)
        fine = fb3_json_set(object, "form", json_string(fb3_time_form_text(form)));
    if (!fine) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static json_t *slots_value(const fb3_codec *codec) {
    json_t *slots = json_array();
    bool fine = slots != NULL;
    for (size_t p = 0; fine && codec->digits != NULL && p < codec->digits->places; p++)
        fine = fb3_json_append(slots, place_value(codec->digits, p));
    if (fine && codec->digits == NULL) {
        json_t *slot = tokens_value(codec);
        fine = slot != NULL &&
               (codec->levels.groups == NULL || fb3_json_set(slot, "groups", groups_value(&codec->levels)));
        fine = fb3_json_append(slots, fine ? json_incref(slot) : NULL) && fine;
        json_decref(slot);
    }
    if (!fine) {
        json_decref(slots);
        return NULL;
    }
    return slots;
}

static bool set_digits(json_t *object, const fb3_codec *codec) {
    return fb3_json_set(object, "low", json_integer(codec->digits->low)) &&
           fb3_json_set(object, "high", json_integer(codec->digits->high)) &&
           (codec->missing == 0 || fb3_json_set(object, "missing", json_integer((json_int_t)codec->missing)));
}

static bool set_derived(json_t *object, const fb3_codec *codec) {
    return fb3_json_set(object, "derived", json_true()) &&
           fb3_json_set(object, "low", json_real(codec->range.low)) &&
           fb3_json_set(object, "high", json_real(codec->range.high)) &&
           (codec->missing == 0 || fb3_json_set(object, "missing", json_integer((json_int_t)codec->missing)));
}

static bool is_usual(const fb3_codec *codec) {
    return codec->codec == (codec->categories.dictionary != NULL ? FLOWBD3_CODEC_EXACT : FLOWBD3_CODEC_BINS);
}

static json_t *column_value(const fb3_codec *codec) {
    json_t *object = fb3_json_column(codec->name, codec->type, codec->decimals, codec->form);
    bool fine = object != NULL;
    if (fine && !is_usual(codec))
        fine = fb3_json_set(object, "codec", json_string(fb3_codec_name(codec->codec)));
    if (fine && codec->digits != NULL)
        fine = set_digits(object, codec);
    if (fine && codec->derived)
        fine = set_derived(object, codec);
    fine = fine && fb3_json_set(object, "slots", codec->derived ? json_array() : slots_value(codec));
    if (!fine) {
        json_decref(object);
        return NULL;
    }
    return object;
}

/* The least version of the format that can say it. */
static int version_of(const flowbd3_tokenizer *tokenizer) {
    bool usual = tokenizer->rare_rows <= 1 && tokenizer->rules == NULL;
    for (size_t i = 0; i < tokenizer->n_columns; i++)
        usual = usual && is_usual(&tokenizer->columns[i]);
    return usual ? 1 : VERSION;
}

json_t *fb3_tokenizer_to_json_value(const flowbd3_tokenizer *tokenizer) {
    json_t *columns = json_array();
    bool fine = columns != NULL;
    for (size_t i = 0; fine && i < tokenizer->n_columns; i++)
        fine = fb3_json_append(columns, column_value(&tokenizer->columns[i]));
    json_t *object = NULL;
    if (fine)
        object = json_pack("{s:s, s:i, s:I, s:O}", "format", "flowbd3-tokenizer", "version",
                           version_of(tokenizer), "rows", (json_int_t)tokenizer->rows, "columns", columns);
    json_decref(columns);
    fine = object != NULL;
    if (fine && tokenizer->rare_rows > 1)
        fine = fb3_json_set(object, "rare_rows", json_integer((json_int_t)tokenizer->rare_rows));
    if (fine && tokenizer->rules != NULL)
        fine = fb3_json_set(object, "relations", fb3_rules_to_json_value(tokenizer->rules));
    if (fine && tokenizer->sequencing != NULL)
        fine = fb3_json_set(object, "sequence", fb3_json_sequence(tokenizer->sequencing));
    if (!fine) {
        json_decref(object);
        return NULL;
    }
    return object;
}

flowbd3_status flowbd3_tokenizer_to_json(const flowbd3_tokenizer *tokenizer, char **json,
                                         flowbd3_error *err) {
    if (json == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_tokenizer_to_json: json is NULL");
    *json = NULL;
    if (tokenizer == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_tokenizer_to_json: tokenizer is NULL");
    json_t *value = fb3_tokenizer_to_json_value(tokenizer);
    *json = fb3_json_print(tokenizer->context, value, JSON_COMPACT | JSON_REAL_PRECISION(17));
    json_decref(value);
    return *json != NULL ? FLOWBD3_OK : fb3_no_memory(err, "the text of a tokenizer");
}

flowbd3_status flowbd3_tokenizer_save(const flowbd3_tokenizer *tokenizer, const char *path,
                                      flowbd3_error *err) {
    if (tokenizer == NULL || path == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_tokenizer_save: %s is NULL",
                        tokenizer == NULL ? "tokenizer" : "path");
    char *text;
    flowbd3_status status = flowbd3_tokenizer_to_json(tokenizer, &text, err);
    if (status != FLOWBD3_OK)
        return status;
    status = fb3_file_save(tokenizer->context, path, text, err);
    fb3_release(tokenizer->context, text);
    return status;
}
