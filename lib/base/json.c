/* JSON texts and values. */
#include "base/json.h"

#include <string.h>

flowbd3_status fb3_json_load(json_t **out, const char *text, size_t size, const char *subject,
                             const char *memory, flowbd3_error *err) {
    json_error_t error;
    *out = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (*out == NULL && json_error_code(&error) == json_error_out_of_memory)
        return fb3_no_memory(err, memory);
    if (*out == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_FORMAT, "%s: not JSON (line %d: %s)", subject, error.line,
                        error.text);
    return FLOWBD3_OK;
}

const char *fb3_json_text(const json_t *value) {
    const char *text = json_string_value(value);
    return text != NULL && *text != '\0' && strlen(text) == json_string_length(value) ? text : NULL;
}

void fb3_json_text_release(char *text) {
    json_free_t release;
    json_get_alloc_funcs(NULL, &release);
    if (text != NULL)
        release(text);
}

bool fb3_json_set(json_t *object, const char *key, json_t *value) {
    return json_object_set_new(object, key, value) == 0;
}

bool fb3_json_append(json_t *array, json_t *value) {
    return json_array_append_new(array, value) == 0;
}
