/* What the sources that write and read the JSON of a tokenizer share. */
#ifndef FB3_TOKENIZER_JSON_INTERNAL_H
#define FB3_TOKENIZER_JSON_INTERNAL_H

#include "base/json.h"
#include "tokenizer/tokenizer.h"

/* ---- reading (json_read.c) --------------------------------------------------------------------- */

enum { FB3_COLUMNS_MAX = 65535 };

/* An integer above 0. */
bool fb3_json_count(const json_t *object, const char *key, uint64_t *count);

/* A number of the type, as its key. */
bool fb3_json_key(const json_t *value, flowbd3_type type, int64_t *key);

/* The members 'type', 'decimals' and 'form' of a column; NULL when they are fine, otherwise what was expected
 * of *member. */
const char *fb3_json_type(const json_t *object, flowbd3_type *type, int *decimals, unsigned *form,
                          const char **member);

/* A text of a column of the type, addresses in canonical form, or NULL. */
const char *fb3_json_category(const json_t *value, flowbd3_type type);

/* ---- writing (json_write.c) -------------------------------------------------------------------- */

json_t *fb3_json_number(flowbd3_type type, int64_t key);

/* A column's name, type, decimals and form; NULL: no memory. */
json_t *fb3_json_column(const char *name, flowbd3_type type, int decimals, unsigned form);

/* ---- the member "sequence" (json_sequence.c) --------------------------------------------------- */

/* NULL: no memory. */
json_t *fb3_json_sequence(const fb3_sequencing *sequencing);

/* Reads the member into a tokenizer whose columns have been read. */
flowbd3_status fb3_json_read_sequence(flowbd3_tokenizer *tokenizer, const json_t *value, flowbd3_error *err);

#endif
