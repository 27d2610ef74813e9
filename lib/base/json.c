/* JSON texts and values. */
#include "base/json.h"

#include <string.h>

json_t *fb3_json_read(const char *text, size_t size, size_t flags, json_error_t *error, bool *no_memory) {
    json_t *value = json_loadb(text, size, flags, error);
    if (value == NULL)
        value = json_loadb(text, size, flags, error);
    /* Before the first token Jansson fails without a word. */
    *no_memory =
        value == NULL && (json_error_code(error) == json_error_out_of_memory || error->text[0] == '\0');
    return value;
}

flowbd3_status fb3_json_load(json_t **out, const char *text, size_t size, const char *subject,
                             const char *memory, flowbd3_error *err) {
    json_error_t error;
    bool no_memory;
    *out = fb3_json_read(text, size, JSON_REJECT_DUPLICATES, &error, &no_memory);
    if (no_memory)
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

typedef struct text_sink {
    fb3_buffer *text;
    bool full;
} text_sink;

static int append_text(const char *text, size_t size, void *user) {
    text_sink *sink = user;
    /* Jansson may call again after a failure. */
    sink->full = sink->full || !fb3_buffer_append(sink->text, text, size);
    return sink->full ? -1 : 0;
}

bool fb3_json_write(fb3_buffer *text, const json_t *value, size_t flags) {
    text_sink sink = {text, false};
    return json_dump_callback(value, append_text, &sink, flags) == 0 && !sink.full;
}

char *fb3_json_print(flowbd3_context *context, const json_t *value, size_t flags) {
    fb3_buffer text = {.context = context};
    if (value != NULL && fb3_json_write(&text, value, flags) && fb3_buffer_append(&text, "", 1))
        return text.data;
    fb3_buffer_release(&text);
    return NULL;
}

bool fb3_json_set(json_t *object, const char *key, json_t *value) {
    return json_object_set_new(object, key, value) == 0;
}

bool fb3_json_append(json_t *array, json_t *value) {
    return json_array_append_new(array, value) == 0;
}
