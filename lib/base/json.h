/* JSON texts and values, on Jansson. (json.c) */
#ifndef FB3_JSON_H
#define FB3_JSON_H

#include "base/base.h"

#include <jansson.h>

/* The value of a text without repeated members, which the caller owns. subject names what is read in
 * messages, memory what there was no memory for. Errors: FORMAT, MEMORY. */
flowbd3_status fb3_json_load(json_t **out, const char *text, size_t size, const char *subject,
                             const char *memory, flowbd3_error *err);

/* A text that is there, is not empty and holds no NUL, or NULL. */
const char *fb3_json_text(const json_t *value);

/* Frees what json_dumps gave: the host program may have given Jansson an allocator of its own. NULL-safe. */
void fb3_json_text_release(char *text);

/* Sets key to a value that the object takes over, or appends one that the array takes over; NULL is one that
 * there was no memory for. False: no memory. */
bool fb3_json_set(json_t *object, const char *key, json_t *value);
bool fb3_json_append(json_t *array, json_t *value);

#endif
