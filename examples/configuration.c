/* Configuration files. */
#include "configuration.h"
#include "failure.h"
#include "text_file.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- keys -------------------------------------------------------------------------------------- */

/* "learning_rate" for "learning-rate" */
static bool key_is(const char *key, const char *name) {
    for (; *key != '\0' && *name != '\0'; key++, name++)
        if (*key != (*name == '-' ? '_' : *name))
            return false;
    return *key == *name;
}

static void key_of(char key[64], const program_option *option) {
    snprintf(key, 64, "%s", option->other_names[0] != NULL ? option->other_names[0] : option->name);
    for (char *c = key; *c != '\0'; c++)
        *c = *c == '-' ? '_' : *c;
}

static bool is_called(const program_option *option, const char *key) {
    if (key_is(key, option->name))
        return true;
    for (size_t i = 0; i < OTHER_NAMES && option->other_names[i] != NULL; i++)
        if (key_is(key, option->other_names[i]))
            return true;
    return false;
}

static const program_option *find_option(const program_option *options, size_t count, const char *key) {
    for (size_t i = 0; i < count; i++)
        if (options[i].configurable && is_called(&options[i], key))
            return &options[i];
    return NULL;
}

static int unknown_key(const char *path, const char *key, const program_option *options, size_t count) {
    char keys[1024] = "";
    size_t used = 0;
    for (size_t i = 0; i < count && used < sizeof keys; i++)
        if (options[i].configurable) {
            char name[64];
            key_of(name, &options[i]);
            used += (size_t)snprintf(keys + used, sizeof keys - used, "%s%s", used > 0 ? ", " : "", name);
        }
    return failure("'%s': unknown key '%s'; there are %s", path, key, keys);
}

/* ---- reading ----------------------------------------------------------------------------------- */

static bool texts_from_json(const program_option *option, const json_t *value, char expected[256]) {
    size_t i;
    json_t *item;
    bool fine = json_is_array(value);
    json_array_foreach(value, i, item) fine = fine && json_is_string(item);
    if (!fine) {
        snprintf(expected, 256, "an array of strings");
        return false;
    }
    json_array_foreach(value, i, item)
        add_text(option->value, json_string_value(item), json_string_length(item));
    return true;
}

static bool set_from_json(const program_option *option, const json_t *value, char expected[256]) {
    switch (option->kind) {
    case OPTION_FLAG:
        snprintf(expected, 256, "true or false");
        *(bool *)option->value = json_is_true(value);
        return json_is_boolean(value);
    case OPTION_COUNT:
        if (json_is_string(value))
            return set_word(option, json_string_value(value), expected);
        return set_count(option,
                         json_is_integer(value) && json_integer_value(value) >= 0
                             ? (uint64_t)json_integer_value(value)
                             : COUNT_UNSET,
                         expected);
    case OPTION_REAL:
        return set_real(option, json_is_number(value) ? json_number_value(value) : (double)NAN, expected);
    case OPTION_CHOICE:
        return set_choice(option, json_is_string(value) ? json_string_value(value) : "", expected);
    case OPTION_TEXT:
        snprintf(expected, 256, "a string");
        if (json_is_string(value))
            set_text(option, json_string_value(value));
        return json_is_string(value);
    case OPTION_LIST:
    case OPTION_NAMES:
        return texts_from_json(option, value, expected);
    }
    return false;
}

static int read_members(const char *path, json_t *object, const program_option *options, size_t count) {
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value) {
        const program_option *option = find_option(options, count, key);
        char expected[256];
        if (option == NULL)
            return unknown_key(path, key, options, count);
        if (!option->given && !json_is_null(value) && !set_from_json(option, value, expected))
            return failure("'%s': %s: expected %s", path, key, expected);
    }
    return -1;
}

int read_configuration(const char *path, const program_option *options, size_t count) {
    json_error_t problem;
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return failure("cannot open '%s': %s", path, strerror(errno));
    json_t *object = json_loadf(file, JSON_REJECT_DUPLICATES, &problem);
    int reason = ferror(file) != 0 ? errno : 0; /* of a folder, say */
    fclose(file);
    int status;
    if (reason != 0)
        status = failure("cannot read '%s': %s", path, strerror(reason));
    else if (object == NULL)
        status = failure("'%s': line %d, column %d: %s", path, problem.line, problem.column, problem.text);
    else if (!json_is_object(object))
        status = failure("'%s': expected a JSON object", path);
    else
        status = read_members(path, object, options, count);
    json_decref(object);
    return status;
}

/* ---- writing ----------------------------------------------------------------------------------- */

static json_t *texts_to_json(const text_list *list) {
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(array, json_string(list->items[i]));
    return array;
}

static json_t *value_to_json(const program_option *option) {
    switch (option->kind) {
    case OPTION_FLAG:
        return json_boolean(*(const bool *)option->value);
    case OPTION_COUNT: {
        uint64_t count = *(const uint64_t *)option->value;
        if (word_of(option) != NULL)
            return json_string(word_of(option));
        return count != COUNT_UNSET ? json_integer((json_int_t)count) : json_null();
    }
    case OPTION_REAL: {
        double real = *(const double *)option->value;
        return isfinite(real) ? json_real(real) : json_null();
    }
    case OPTION_CHOICE:
        return json_string(option->choices[*(const uint64_t *)option->value]);
    case OPTION_TEXT: {
        const char *text = *(char *const *)option->value;
        return text != NULL ? json_string(text) : json_null();
    }
    case OPTION_LIST:
    case OPTION_NAMES:
        return texts_to_json(option->value);
    }
    return NULL;
}

json_t *configuration_to_json(const program_option *options, size_t count) {
    json_t *object = json_object();
    for (size_t i = 0; i < count; i++) {
        char key[64];
        key_of(key, &options[i]);
        if (options[i].configurable && json_object_set_new(object, key, value_to_json(&options[i])) != 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

int write_json(const char *path, json_t *json) {
    char *text = json != NULL ? json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) : NULL;
    int status = text != NULL ? write_text_file(path, text) : failure("out of memory for '%s'", path);
    free(text);
    json_decref(json);
    return status;
}
