/* A table handed out as a record batch of the Arrow C data interface.
 *
 * Every schema and array owns what it shows through private_data, so that a consumer may move children out
 * and release them one by one, as the specification allows. */
#include "table/arrow.h"
#include "table/table.h"

#include <string.h>

typedef struct schema_owner {
    flowbd3_context *context;
    char *name;
    fb3_buffer metadata;
    struct ArrowSchema *children; /* [n_children] */
    struct ArrowSchema **pointers;
    int64_t n_children;
    struct ArrowSchema dictionary;
} schema_owner;

typedef struct array_owner {
    flowbd3_context *context;
    void *memory[3]; /* the buffers */
    const void *buffers[3];
    struct ArrowArray *children; /* [n_children] */
    struct ArrowArray **pointers;
    int64_t n_children;
    struct ArrowArray dictionary;
} array_owner;

/* ---- release ----------------------------------------------------------------------------------- */

static void release_schema(struct ArrowSchema *schema) {
    schema_owner *owner = schema->private_data;
    flowbd3_context *context = owner->context;
    for (int64_t i = 0; i < owner->n_children; i++)
        if (owner->children[i].release != NULL)
            owner->children[i].release(&owner->children[i]);
    if (owner->dictionary.release != NULL)
        owner->dictionary.release(&owner->dictionary);
    fb3_release(context, owner->children);
    fb3_release(context, owner->pointers);
    fb3_release(context, owner->name);
    fb3_buffer_release(&owner->metadata);
    fb3_release(context, owner);
    schema->release = NULL;
    schema->private_data = NULL;
    flowbd3_context_destroy(&context);
}

static void release_array(struct ArrowArray *array) {
    array_owner *owner = array->private_data;
    flowbd3_context *context = owner->context;
    for (int64_t i = 0; i < owner->n_children; i++)
        if (owner->children[i].release != NULL)
            owner->children[i].release(&owner->children[i]);
    if (owner->dictionary.release != NULL)
        owner->dictionary.release(&owner->dictionary);
    for (size_t i = 0; i < FB3_COUNT(owner->memory); i++)
        fb3_release(context, owner->memory[i]);
    fb3_release(context, owner->children);
    fb3_release(context, owner->pointers);
    fb3_release(context, owner);
    array->release = NULL;
    array->private_data = NULL;
    flowbd3_context_destroy(&context);
}

/* ---- schema ------------------------------------------------------------------------------------ */

/* An empty schema that can be released, with room for children. */
static bool start_schema(struct ArrowSchema *schema, flowbd3_context *context, const char *format,
                         const char *name, size_t n_children) {
    *schema = (struct ArrowSchema){0};
    schema_owner *owner = fb3_allocate_zero(context, 1, sizeof *owner);
    if (owner == NULL)
        return false;
    owner->context = owner->metadata.context = fb3_context_retain(context);
    schema->private_data = owner;
    schema->release = release_schema;
    schema->format = format;
    schema->flags = ARROW_FLAG_NULLABLE;
    schema->name = owner->name = fb3_duplicate(context, name);
    owner->children = fb3_allocate_zero(context, n_children, sizeof *owner->children);
    owner->pointers = fb3_allocate(context, n_children, sizeof(void *));
    if (owner->name == NULL || owner->children == NULL || owner->pointers == NULL)
        return false;
    for (size_t i = 0; i < n_children; i++)
        owner->pointers[i] = &owner->children[i];
    owner->n_children = schema->n_children = (int64_t)n_children;
    schema->children = n_children != 0 ? owner->pointers : NULL;
    return true;
}

static bool append_text(fb3_buffer *buffer, const char *text) {
    int32_t size = (int32_t)strlen(text);
    return fb3_buffer_append(buffer, &size, sizeof size) && fb3_buffer_append(buffer, text, (size_t)size);
}

static bool append_pair(fb3_buffer *metadata, const char *key, const char *value) {
    return append_text(metadata, key) && append_text(metadata, value);
}

/* What Arrow has no type for: a count of pairs of key and value, then the pairs. */
static bool export_metadata(struct ArrowSchema *schema, const fb3_column *column) {
    bool time = column->type == FLOWBD3_TYPE_TIMESTAMP;
    if (!time && column->type != FLOWBD3_TYPE_ADDRESS)
        return true;
    fb3_buffer *metadata = &((schema_owner *)schema->private_data)->metadata;
    int32_t pairs = time ? 3 : 1;
    char decimals[] = {(char)('0' + (time ? column->decimals : 0)), '\0'};
    bool fine = fb3_buffer_append(metadata, &pairs, sizeof pairs) &&
                append_pair(metadata, FB3_ARROW_TYPE, fb3_type_name(column->type));
    if (time)
        fine = fine && append_pair(metadata, FB3_ARROW_DECIMALS, decimals) &&
               append_pair(metadata, FB3_ARROW_FORM, fb3_time_form_text(column->form));
    schema->metadata = metadata->data;
    return fine;
}

static const char *format_of(flowbd3_type type) {
    switch (type) {
    case FLOWBD3_TYPE_REAL:
        return "g";
    case FLOWBD3_TYPE_INTEGER:
        return "l";
    case FLOWBD3_TYPE_TIMESTAMP:
        return "tsn:UTC";
    default:
        return "i";
    }
}

static bool export_schema(struct ArrowSchema *schema, const flowbd3_table *table) {
    flowbd3_context *context = table->context;
    if (!start_schema(schema, context, "+s", "", table->n_columns))
        return false;
    schema->flags = 0;
    for (size_t i = 0; i < table->n_columns; i++) {
        const fb3_column *column = &table->columns[i];
        struct ArrowSchema *s = schema->children[i];
        if (!start_schema(s, context, format_of(column->type), column->name, 0) ||
            !export_metadata(s, column))
            return false;
        if (!fb3_has_dictionary(column->type))
            continue;
        schema_owner *owner = s->private_data;
        if (!start_schema(&owner->dictionary, context, "u", "", 0))
            return false;
        s->dictionary = &owner->dictionary;
    }
    return true;
}

/* ---- array ------------------------------------------------------------------------------------- */

static bool start_array(struct ArrowArray *array, flowbd3_context *context, size_t length, int64_t n_buffers,
                        size_t n_children) {
    *array = (struct ArrowArray){0};
    array_owner *owner = fb3_allocate_zero(context, 1, sizeof *owner);
    if (owner == NULL)
        return false;
    owner->context = fb3_context_retain(context);
    array->private_data = owner;
    array->release = release_array;
    array->length = (int64_t)length;
    array->n_buffers = n_buffers;
    array->buffers = owner->buffers;
    owner->children = fb3_allocate_zero(context, n_children, sizeof *owner->children);
    owner->pointers = fb3_allocate(context, n_children, sizeof(void *));
    if (owner->children == NULL || owner->pointers == NULL)
        return false;
    for (size_t i = 0; i < n_children; i++)
        owner->pointers[i] = &owner->children[i];
    owner->n_children = array->n_children = (int64_t)n_children;
    array->children = n_children != 0 ? owner->pointers : NULL;
    return true;
}

/* Buffer i of an array: size bytes that are zero. NULL when there is no memory. */
static void *add_buffer(struct ArrowArray *array, size_t i, size_t count, size_t size) {
    array_owner *owner = array->private_data;
    owner->memory[i] = fb3_allocate_zero(owner->context, count, size);
    owner->buffers[i] = owner->memory[i];
    return owner->memory[i];
}

static bool export_validity(struct ArrowArray *array, const fb3_column *column, size_t rows) {
    array->null_count = (int64_t)column->missing;
    if (column->missing == 0)
        return true;
    uint8_t *bits = add_buffer(array, 0, rows / 8 + 1, 1);
    if (bits == NULL)
        return false;
    for (size_t i = 0; i < rows; i++)
        if (column->valid[i])
            bits[i / 8] = (uint8_t)(bits[i / 8] | 1u << i % 8);
    return true;
}

static bool export_dictionary(struct ArrowArray *array, flowbd3_context *context,
                              const fb3_dictionary *dictionary) {
    size_t count = dictionary->count;
    if (!start_array(array, context, count, 3, 0))
        return false;
    int32_t *offsets = add_buffer(array, 1, count + 1, sizeof *offsets);
    char *text = add_buffer(array, 2, dictionary->text.size, 1);
    if (offsets == NULL || text == NULL)
        return false;
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        size_t size = fb3_dictionary_size(dictionary, i);
        memcpy(text + at, fb3_dictionary_text(dictionary, i), size);
        at += size;
        offsets[i + 1] = (int32_t)at;
    }
    return true;
}

static bool export_column(struct ArrowArray *array, flowbd3_context *context, const fb3_column *column,
                          size_t rows) {
    if (!start_array(array, context, rows, 2, 0) || !export_validity(array, column, rows))
        return false;
    size_t size = fb3_cell_size(column->type);
    void *cells = add_buffer(array, 1, rows, size);
    if (cells == NULL)
        return false;
    if (rows != 0)
        memcpy(cells, column->cells, rows * size);
    if (!fb3_has_dictionary(column->type))
        return true;
    /* Some consumers look indices up before they look at the mask. */
    int32_t *codes = cells;
    for (size_t i = 0; i < rows; i++)
        if (codes[i] < 0)
            codes[i] = 0;
    array_owner *owner = array->private_data;
    if (!export_dictionary(&owner->dictionary, context, column->dictionary))
        return false;
    array->dictionary = &owner->dictionary;
    return true;
}

static bool export_array(struct ArrowArray *array, const flowbd3_table *table) {
    if (!start_array(array, table->context, table->rows, 1, table->n_columns))
        return false;
    for (size_t i = 0; i < table->n_columns; i++)
        if (!export_column(array->children[i], table->context, &table->columns[i], table->rows))
            return false;
    return true;
}

flowbd3_status flowbd3_table_export_arrow(const flowbd3_table *table, struct ArrowSchema *schema,
                                          struct ArrowArray *array, flowbd3_error *err) {
    if (schema != NULL)
        *schema = (struct ArrowSchema){0};
    if (array != NULL)
        *array = (struct ArrowArray){0};
    if (table == NULL || schema == NULL || array == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT,
                        "flowbd3_table_export_arrow: table, schema or array is NULL");
    for (size_t i = 0; i < table->n_columns; i++)
        if (fb3_has_dictionary(table->columns[i].type) && table->columns[i].dictionary->text.size > INT32_MAX)
            return fb3_fail_at(err, FLOWBD3_ERROR_LIMIT, 0, (int64_t)i + 1,
                               "the categories of column '%.80s' take more than 2^31 - 1 bytes",
                               table->columns[i].name);
    if (export_schema(schema, table) && export_array(array, table))
        return FLOWBD3_OK;
    if (schema->release != NULL)
        schema->release(schema);
    if (array->release != NULL)
        array->release(array);
    return fb3_no_memory(err, "an Arrow record batch");
}
