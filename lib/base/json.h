/* JSON texts and values, on Jansson. (json.c) */
#ifndef FB3_JSON_H
#define FB3_JSON_H

#include "base/base.h"

#include <jansson.h>

/* The value of a text without repeated members, which the caller owns. subject names what is read in
 * messages, memory what there was no memory for. Errors: FORMAT, MEMORY. */
flowbd3_status fb3_json_load(json_t **out, const char *text, size_t size, const char *subject,
                             const char *memory, flowbd3_error *err);

/* json_loadb; *no_memory says why NULL was returned. What Jansson cannot allocate in the midst of a token it
 * takes for a syntax error, so a text that it refuses is parsed once more: only where memory stays short is
 * the file blamed. */
json_t *fb3_json_read(const char *text, size_t size, size_t flags, json_error_t *error, bool *no_memory);

/* A text that is there, is not empty and holds no NUL, or NULL. */
const char *fb3_json_text(const json_t *value);

/* Appends a value's text. False: no memory, or a value that has no text. json_dumps would leave out a name
 * that it had no memory for and go on. */
bool fb3_json_write(fb3_buffer *text, const json_t *value, size_t flags);

/* The same as a text of its own, freed with fb3_release; NULL: no memory. */
char *fb3_json_print(flowbd3_context *context, const json_t *value, size_t flags);

/* Sets key to a value that the object takes over, or appends one that the array takes over; NULL is one that
 * there was no memory for. False: no memory. */
bool fb3_json_set(json_t *object, const char *key, json_t *value);
bool fb3_json_append(json_t *array, json_t *value);

#endif
