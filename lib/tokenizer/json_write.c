/* Tokenizers as JSON (format: docs/tokenizer.md), and files of it. */
#include "tokenizer/json_internal.h"

#include <stdlib.h>

enum { VERSION = 1 };

json_t *fb3_json_number(flowbd3_type type, int64_t key) {
    return type == FLOWBD3_TYPE_REAL ? json_real(fb3_real_of_key(key)) : json_integer(key);
}

bool fb3_json_set(json_t *object, const char *key, json_t *value) {
    return json_object_set_new(object, key, value) == 0;
}

/* Arrays of a token's knots and, when discrete, of how often each came; false: no memory. */
static bool knot_arrays(json_t *knots, json_t *counts, const fb3_slot *slot, flowbd3_type type,
                        const fb3_bin *bin) {
    bool fine = knots != NULL && counts != NULL;
    for (size_t i = bin->knot; fine && i < bin->knot + bin->knots; i++) {
        uint64_t before = i > bin->knot ? slot->cumulative[i - 1] : 0;
        fine = json_array_append_new(knots, fb3_json_number(type, slot->knots[i])) == 0;
        if (fine && bin->discrete)
            fine =
                json_array_append_new(counts, json_integer((json_int_t)(slot->cumulative[i] - before))) == 0;
    }
    return fine;
}

static json_t *numeric_token(const fb3_slot *slot, flowbd3_type type, size_t token) {
    const fb3_bin *bin = &slot->bins[token];
    double value = fb3_number_of_key(type, slot->knots[bin->knot]);
    bool exact = bin->knots == 1 && bin->low == value && bin->high == value;
    json_t *object = json_object(), *knots = json_array(), *counts = json_array();
    bool fine = object != NULL && knot_arrays(knots, counts, slot, type, bin);
    fine = fine && fb3_json_set(object, "count", json_integer((json_int_t)slot->counts[token]));
    if (token > 0)
        fine = fine && fb3_json_set(object, "from", fb3_json_number(type, slot->first[token]));
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

static json_t *token_value(const fb3_slot *slot, flowbd3_type type, size_t token) {
    json_int_t count = (json_int_t)slot->counts[token];
    if (token == slot->values)
        return json_pack("{s:I, s:b}", "count", count, "missing", 1);
    if (slot->dictionary != NULL)
        return json_pack("{s:I, s:s}", "count", count, "value", fb3_dictionary_text(slot->dictionary, token));
    return numeric_token(slot, type, token);
}

static json_t *slot_value(const fb3_slot *slot, flowbd3_type type) {
    json_t *tokens = json_array();
    bool fine = tokens != NULL;
    for (size_t i = 0; fine && i < slot->vocabulary; i++)
        fine = json_array_append_new(tokens, token_value(slot, type, i)) == 0;
    if (!fine) {
        json_decref(tokens);
        return NULL;
    }
    return json_pack("{s:o}", "tokens", tokens);
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

static json_t *column_value(const flowbd3_tokenizer *tokenizer, size_t column) {
    const fb3_codec *codec = &tokenizer->columns[column];
    json_t *slots = json_array();
    bool fine = slots != NULL;
    for (size_t i = 0; fine && i < tokenizer->n_slots; i++)
        if (tokenizer->slots[i].column == column)
            fine = json_array_append_new(slots, slot_value(&tokenizer->slots[i], codec->type)) == 0;
    json_t *object = fine ? fb3_json_column(codec->name, codec->type, codec->decimals, codec->form) : NULL;
    fine = object != NULL && json_object_set(object, "slots", slots) == 0;
    json_decref(slots);
    if (!fine) {
        json_decref(object);
        return NULL;
    }
    return object;
}

json_t *fb3_tokenizer_to_json_value(const flowbd3_tokenizer *tokenizer) {
    json_t *columns = json_array();
    bool fine = columns != NULL;
    for (size_t i = 0; fine && i < tokenizer->n_columns; i++)
        fine = json_array_append_new(columns, column_value(tokenizer, i)) == 0;
    json_t *object = NULL;
    if (fine)
        object = json_pack("{s:s, s:i, s:I, s:O}", "format", "flowbd3-tokenizer", "version", VERSION, "rows",
                           (json_int_t)tokenizer->rows, "columns", columns);
    json_decref(columns);
    fine = object != NULL;
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
    char *text = value != NULL ? json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(value);
    if (text != NULL)
        *json = fb3_duplicate(tokenizer->context, text);
    free(text);
    return *json != NULL ? FLOWBD3_OK : fb3_no_memory(err, "the text of a tokenizer");
}

flowbd3_status flowbd3_tokenizer_save(const flowbd3_tokenizer *tokenizer, const char *path,
                                      flowbd3_error *err) {
    if (path == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_tokenizer_save: path is NULL");
    char *text;
    flowbd3_status status = flowbd3_tokenizer_to_json(tokenizer, &text, err);
    if (status != FLOWBD3_OK)
        return status;
    fb3_file *file;
    status = fb3_file_create(&file, tokenizer->context, path, err);
    if (status == FLOWBD3_OK)
        status = fb3_file_write(file, text, strlen(text), err);
    if (status == FLOWBD3_OK)
        status = fb3_file_write(file, "\n", 1, err);
    if (status == FLOWBD3_OK)
        status = fb3_file_commit(&file, err);
    else
        fb3_file_discard(&file);
    fb3_release(tokenizer->context, text);
    return status;
}
