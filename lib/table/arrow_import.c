/* A record batch of the Arrow C data interface copied into a table. */
#include "table/arrow.h"
#include "table/table.h"

#include <math.h>
#include <string.h>

/* The cells of one child: element i of the batch is element first + i of the child's buffers. */
typedef struct child {
    const struct ArrowSchema *schema;
    const struct ArrowArray *array;
    const char *name; /* of the column, for messages too */
    int64_t number;   /* 1-based column */
    size_t first, rows;
    bool address; /* its texts are addresses */
    flowbd3_error *err;
} child;

static flowbd3_status refuse(const child *c, const char *problem) {
    return fb3_fail_at(c->err, FLOWBD3_ERROR_FORMAT, 0, c->number,
                       "Arrow column '%.80s' of format '%.20s': %s", c->name, c->schema->format, problem);
}

/* ---- buffers ----------------------------------------------------------------------------------- */

static bool bit(const void *bits, size_t i) {
    return ((const uint8_t *)bits)[i / 8] >> i % 8 & 1;
}

static bool is_valid(const struct ArrowArray *array, size_t i) {
    return array->null_count == 0 || array->n_buffers == 0 || array->buffers[0] == NULL ||
           bit(array->buffers[0], i);
}

/* Elements may stand on any byte: producers slice memory that they mapped. */
static uint64_t load(const void *buffer, size_t size, size_t i) {
    const char *from = (const char *)buffer + i * size;
    uint8_t one;
    uint16_t two;
    uint32_t four;
    uint64_t eight;
    switch (size) {
    case 1:
        memcpy(&one, from, 1);
        return one;
    case 2:
        memcpy(&two, from, 2);
        return two;
    case 4:
        memcpy(&four, from, 4);
        return four;
    default:
        memcpy(&eight, from, 8);
        return eight;
    }
}

/* Bytes of an integer format, 0 for another one. */
static size_t integer_size(const char *format) {
    static const char formats[] = "cCsSiIlL";
    const char *found = format[0] != '\0' && format[1] == '\0' ? strchr(formats, format[0]) : NULL;
    return found != NULL ? (size_t)1 << (found - formats) / 2 : 0;
}

static bool is_unsigned(const char *format) {
    return format[0] >= 'A' && format[0] <= 'Z';
}

static int64_t load_integer(const struct ArrowArray *array, const char *format, size_t size, size_t i) {
    uint64_t bits = load(array->buffers[1], size, i);
    unsigned unused = 64 - 8 * (unsigned)size;
    return is_unsigned(format) ? (int64_t)bits : (int64_t)(bits << unused) >> unused;
}

/* Whether the array has count elements from first on in n_buffers buffers. */
static bool has_buffers(const struct ArrowArray *array, int64_t n_buffers, size_t elements) {
    if (array->n_buffers != n_buffers || array->buffers == NULL)
        return false;
    for (int64_t i = 1; i < n_buffers && elements != 0; i++)
        if (array->buffers[i] == NULL && !(n_buffers == 3 && i == 2))
            return false;
    return true;
}

/* ---- formats and metadata ---------------------------------------------------------------------- */

/* Nanoseconds of the unit of a format of times; 0 for another format. */
static int64_t time_unit(const char *format) {
    static const char units[] = "smun";
    static const int64_t nanoseconds[] = {1000000000, 1000000, 1000, 1};
    if (format[0] != 't' || format[1] != 's' || format[2] == '\0' || format[3] != ':')
        return 0;
    const char *found = strchr(units, format[2]);
    return found != NULL ? nanoseconds[found - units] : 0;
}

/* The text at *at, which moves past it. */
static bool next_text(const char **at, const char **text, size_t *size) {
    int32_t length;
    memcpy(&length, *at, sizeof length);
    if (length < 0)
        return false;
    *text = *at + sizeof length;
    *size = (size_t)length;
    *at = *text + length;
    return true;
}

/* The value of a key in a field's metadata, whose end only its content tells; false: it is not there. */
static bool find_metadata(const struct ArrowSchema *schema, const char *key, const char **value,
                          size_t *size) {
    const char *at = schema->metadata, *name;
    size_t name_size;
    int32_t pairs = 0;
    if (at == NULL)
        return false;
    memcpy(&pairs, at, sizeof pairs);
    for (at += sizeof pairs; pairs > 0; pairs--) {
        if (!next_text(&at, &name, &name_size) || !next_text(&at, value, size))
            return false;
        if (name_size == strlen(key) && memcmp(name, key, name_size) == 0)
            return true;
    }
    return false;
}

static bool is_address(const struct ArrowSchema *schema) {
    const char *type, *name = fb3_type_name(FLOWBD3_TYPE_ADDRESS);
    size_t size;
    return find_metadata(schema, FB3_ARROW_TYPE, &type, &size) && size == strlen(name) &&
           memcmp(type, name, size) == 0;
}

/* ---- texts ------------------------------------------------------------------------------------- */

/* Text i of an utf8 ("u", 32-bit offsets) or large utf8 ("U") array; false when its offsets are not in order.
 */
static bool text_at(const struct ArrowArray *array, const char *format, size_t i, const char **text,
                    size_t *size) {
    size_t width = *format == 'U' ? 8 : 4;
    int64_t begin = (int64_t)load(array->buffers[1], width, i);
    int64_t end = (int64_t)load(array->buffers[1], width, i + 1);
    if (width == 4) {
        begin = (int32_t)begin;
        end = (int32_t)end;
    }
    if (begin < 0 || end < begin || (end > begin && array->buffers[2] == NULL))
        return false;
    *text = end > begin ? (const char *)array->buffers[2] + begin : "";
    *size = (size_t)(end - begin);
    return true;
}

static bool is_text(const char *format) {
    return strcmp(format, "u") == 0 || strcmp(format, "U") == 0;
}

/* Code of text i of an array, -1 for a missing or an empty one. */
static flowbd3_status intern_at(const child *c, const struct ArrowArray *array, const char *format, size_t i,
                                fb3_dictionary *dictionary, int32_t *code) {
    const char *text;
    size_t size;
    *code = -1;
    if (!is_valid(array, i))
        return FLOWBD3_OK;
    if (!text_at(array, format, i, &text, &size))
        return refuse(c, "its offsets are not in order");
    if (size == 0)
        return FLOWBD3_OK;
    char canonical[FB3_ADDRESS_TEXT];
    if (c->address) {
        size = fb3_address_canonical(canonical, text, size);
        text = canonical;
        if (size == 0)
            return refuse(c, "its metadata say addresses, but a text is none");
    }
    flowbd3_status status = fb3_dictionary_intern(dictionary, text, size, code);
    return status == FLOWBD3_OK ? status : fb3_dictionary_failure(c->err, status, c->name, 0, c->number);
}

/* ---- columns, by format ------------------------------------------------------------------------ */

static void put_missing(fb3_column *column, size_t row) {
    fb3_put_missing(column, row);
    column->valid[row] = 0;
    column->missing++;
}

static void copy_integers(const child *c, fb3_column *column) {
    const char *format = c->schema->format;
    size_t size = integer_size(format);
    for (size_t i = 0; i < c->rows; i++) {
        if (!is_valid(c->array, c->first + i))
            put_missing(column, i);
        else
            column->integer[i] = load_integer(c->array, format, size, c->first + i);
    }
}

/* The digits and the form that the metadata keep, or the fewest digits and that of ISO 8601. */
static void find_form(const child *c, fb3_column *column) {
    const char *text;
    size_t size;
    bool zone = c->schema->format[4] != '\0';
    column->decimals = fb3_time_decimals_of(column->integer, column->valid, c->rows);
    if (find_metadata(c->schema, FB3_ARROW_DECIMALS, &text, &size) && size == 1 && *text >= '0' &&
        *text <= '9')
        column->decimals = *text - '0';
    column->form = FB3_TIME_FORMS;
    if (find_metadata(c->schema, FB3_ARROW_FORM, &text, &size))
        column->form = fb3_time_form_of(text, size);
    if (column->form == FB3_TIME_FORMS)
        column->form = (unsigned)FLOWBD3_TIME_T | (zone ? (unsigned)FLOWBD3_TIME_Z : 0);
}

static flowbd3_status copy_times(const child *c, fb3_column *column) {
    int64_t unit = time_unit(c->schema->format);
    for (size_t i = 0; i < c->rows; i++) {
        if (!is_valid(c->array, c->first + i)) {
            put_missing(column, i);
            continue;
        }
        int64_t value = (int64_t)load(c->array->buffers[1], 8, c->first + i);
        /* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): the format is one of times */
        if (value > INT64_MAX / unit || value < INT64_MIN / unit)
            return fb3_fail_at(c->err, FLOWBD3_ERROR_FORMAT, (int64_t)i + 1, c->number,
                               "Arrow column '%.80s', row %zu: the time is not within the years 1678 to 2261",
                               c->name, i + 1);
        column->integer[i] = value * unit;
    }
    find_form(c, column);
    return FLOWBD3_OK;
}

static void copy_reals(const child *c, fb3_column *column) {
    for (size_t i = 0; i < c->rows; i++) {
        double value = (double)NAN;
        if (*c->schema->format != 'n' && is_valid(c->array, c->first + i)) {
            uint64_t bits = load(c->array->buffers[1], *c->schema->format == 'f' ? 4 : 8, c->first + i);
            uint32_t low = (uint32_t)bits;
            float narrow;
            if (*c->schema->format == 'L') {
                value = (double)bits;
            } else if (*c->schema->format == 'f') {
                memcpy(&narrow, &low, sizeof narrow);
                value = (double)narrow;
            } else {
                memcpy(&value, &bits, sizeof value);
            }
        }
        column->real[i] = value;
        if (!isfinite(value))
            put_missing(column, i);
    }
    column->decimals = fb3_decimals_of(column->real, c->rows);
}

static flowbd3_status copy_booleans(const child *c, fb3_column *column) {
    int32_t code[2];
    flowbd3_status status = fb3_dictionary_intern(column->dictionary, "false", 5, &code[0]);
    if (status == FLOWBD3_OK)
        status = fb3_dictionary_intern(column->dictionary, "true", 4, &code[1]);
    if (status != FLOWBD3_OK)
        return fb3_dictionary_failure(c->err, status, c->name, 0, c->number);
    for (size_t i = 0; i < c->rows; i++) {
        if (!is_valid(c->array, c->first + i))
            put_missing(column, i);
        else
            column->codes[i] = code[bit(c->array->buffers[1], c->first + i)];
    }
    return FLOWBD3_OK;
}

static flowbd3_status copy_texts(const child *c, fb3_column *column) {
    for (size_t i = 0; i < c->rows; i++) {
        flowbd3_status status =
            intern_at(c, c->array, c->schema->format, c->first + i, column->dictionary, &column->codes[i]);
        if (status != FLOWBD3_OK)
            return status;
        if (column->codes[i] < 0)
            put_missing(column, i);
    }
    return FLOWBD3_OK;
}

static flowbd3_status copy_indices(const child *c, fb3_column *column, const int32_t *map, size_t count) {
    const char *format = c->schema->format;
    size_t size = integer_size(format);
    for (size_t i = 0; i < c->rows; i++) {
        int64_t index = 0;
        bool valid = is_valid(c->array, c->first + i);
        if (valid)
            index = load_integer(c->array, format, size, c->first + i);
        if (valid && (index < 0 || (uint64_t)index >= count))
            return refuse(c, "an index is outside of its dictionary");
        column->codes[i] = valid ? map[index] : -1;
        if (column->codes[i] < 0)
            put_missing(column, i);
    }
    return FLOWBD3_OK;
}

static flowbd3_status copy_dictionary(const child *c, fb3_column *column, flowbd3_context *context) {
    const struct ArrowSchema *schema = c->schema->dictionary;
    const struct ArrowArray *array = c->array->dictionary;
    if (array == NULL || array->length < 0 || array->offset < 0 || array->length > INT32_MAX ||
        array->offset > PTRDIFF_MAX - array->length)
        return refuse(c, "its dictionary is not there, or of impossible length");
    if (schema->format == NULL || !is_text(schema->format) || schema->dictionary != NULL)
        return refuse(c, "its dictionary is not of utf8");
    size_t count = (size_t)array->length, first = (size_t)array->offset;
    if (!has_buffers(array, 3, count))
        return refuse(c, "its dictionary lacks buffers");
    int32_t *map = fb3_allocate(context, count, sizeof *map);
    if (map == NULL)
        return fb3_no_memory(c->err, "a dictionary of categories");
    flowbd3_status status = FLOWBD3_OK;
    for (size_t i = 0; i < count && status == FLOWBD3_OK; i++)
        status = intern_at(c, array, schema->format, first + i, column->dictionary, &map[i]);
    if (status == FLOWBD3_OK)
        status = copy_indices(c, column, map, count);
    fb3_release(context, map);
    return status;
}

/* ---- one child --------------------------------------------------------------------------------- */

static bool exceeds_int64(const child *c) {
    for (size_t i = 0; i < c->rows; i++)
        if (is_valid(c->array, c->first + i) && load(c->array->buffers[1], 8, c->first + i) > INT64_MAX)
            return true;
    return false;
}

/* The type that a child is read as; AUTO when it cannot be read. */
static flowbd3_type type_of(const child *c) {
    const char *format = c->schema->format;
    flowbd3_type texts = c->address ? FLOWBD3_TYPE_ADDRESS : FLOWBD3_TYPE_CATEGORICAL;
    if (c->schema->dictionary != NULL)
        return integer_size(format) != 0 ? texts : FLOWBD3_TYPE_AUTO;
    if (time_unit(format) != 0)
        return FLOWBD3_TYPE_TIMESTAMP;
    if (integer_size(format) != 0)
        return FLOWBD3_TYPE_INTEGER;
    if (strcmp(format, "f") == 0 || strcmp(format, "g") == 0 || strcmp(format, "n") == 0)
        return FLOWBD3_TYPE_REAL;
    if (is_text(format))
        return texts;
    return strcmp(format, "b") == 0 ? FLOWBD3_TYPE_CATEGORICAL : FLOWBD3_TYPE_AUTO;
}

static flowbd3_status copy_child(const child *c, fb3_column *column, flowbd3_context *context) {
    column->cells = fb3_allocate(context, c->rows, fb3_cell_size(column->type));
    column->valid = fb3_allocate(context, c->rows, 1);
    if (fb3_has_dictionary(column->type))
        column->dictionary = fb3_dictionary_create(context);
    if (column->cells == NULL || column->valid == NULL ||
        (fb3_has_dictionary(column->type) && column->dictionary == NULL))
        return fb3_no_memory(c->err, "a column");
    memset(column->valid, 1, c->rows);
    if (column->type == FLOWBD3_TYPE_TIMESTAMP)
        return copy_times(c, column);
    if (column->type == FLOWBD3_TYPE_INTEGER)
        copy_integers(c, column);
    else if (column->type == FLOWBD3_TYPE_REAL)
        copy_reals(c, column);
    else if (c->schema->dictionary != NULL)
        return copy_dictionary(c, column, context);
    else
        return *c->schema->format == 'b' ? copy_booleans(c, column) : copy_texts(c, column);
    return FLOWBD3_OK;
}

static flowbd3_status check_child(const child *c) {
    if (c->array->release == NULL || c->schema->release == NULL)
        return refuse(c, "it has been released");
    if (c->array->length < 0 || c->array->offset < 0 ||
        (uint64_t)c->array->length < (uint64_t)c->first + c->rows ||
        c->array->offset > PTRDIFF_MAX - c->array->length)
        return refuse(c, "it has fewer elements than the batch");
    if (*c->schema->format == 'n')
        return FLOWBD3_OK;
    int64_t n_buffers = is_text(c->schema->format) ? 3 : 2;
    return has_buffers(c->array, n_buffers, c->rows) ? FLOWBD3_OK : refuse(c, "it lacks buffers");
}

static flowbd3_status import_child(flowbd3_table *table, child *c) {
    c->address = is_address(c->schema);
    fb3_column column = {.type = type_of(c)};
    if (column.type == FLOWBD3_TYPE_AUTO)
        return refuse(c, "unsupported, expected integers, float32, float64, boolean, timestamp, utf8 or a "
                         "dictionary of it");
    flowbd3_status status = check_child(c);
    if (status != FLOWBD3_OK)
        return status;
    c->first += (size_t)c->array->offset;
    if (*c->schema->format == 'L' && c->schema->dictionary == NULL && exceeds_int64(c))
        column.type = FLOWBD3_TYPE_REAL;
    status = copy_child(c, &column, table->context);
    if (status == FLOWBD3_OK && (column.name = fb3_duplicate(table->context, c->name)) == NULL)
        status = fb3_no_memory(c->err, "a column name");
    if (status == FLOWBD3_OK && column.dictionary != NULL)
        fb3_dictionary_seal(column.dictionary);
    if (status == FLOWBD3_OK)
        status = fb3_table_adopt(table, &column, c->rows, c->err);
    fb3_column_release(table->context, &column);
    return status;
}

/* ---- the batch --------------------------------------------------------------------------------- */

static flowbd3_status check_batch(const struct ArrowSchema *schema, const struct ArrowArray *array,
                                  flowbd3_error *err) {
    if (schema->release == NULL || array->release == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "the Arrow %s has been released",
                        schema->release == NULL ? "schema" : "array");
    if (schema->format == NULL || strcmp(schema->format, "+s") != 0)
        return fb3_fail(err, FLOWBD3_ERROR_FORMAT,
                        "the Arrow format is '%.20s', expected '+s', a record batch",
                        schema->format != NULL ? schema->format : "NULL");
    if (schema->n_children < 0 || schema->n_children != array->n_children ||
        (schema->n_children != 0 && (schema->children == NULL || array->children == NULL)))
        return fb3_fail(err, FLOWBD3_ERROR_FORMAT, "the Arrow schema has %lld columns, the array %lld",
                        (long long)schema->n_children, (long long)array->n_children);
    if (array->length < 0 || array->offset < 0 || array->offset > PTRDIFF_MAX - array->length ||
        (array->n_buffers != 0 && array->buffers == NULL))
        return fb3_fail(err, FLOWBD3_ERROR_FORMAT, "the Arrow array has length %lld from offset %lld on",
                        (long long)array->length, (long long)array->offset);
    /* Without a mask the length is not yet known to be true, and none of its rows needs a look. */
    bool masked = array->null_count != 0 && array->n_buffers != 0 && array->buffers[0] != NULL;
    for (int64_t i = 0; masked && i < array->length; i++)
        if (!is_valid(array, (size_t)(array->offset + i)))
            return fb3_fail_at(err, FLOWBD3_ERROR_FORMAT, i + 1, 0,
                               "row %lld of the Arrow record batch is null", (long long)i + 1);
    return FLOWBD3_OK;
}

flowbd3_status flowbd3_table_import_arrow(flowbd3_table **out, flowbd3_context *context,
                                          struct ArrowSchema *schema, struct ArrowArray *array,
                                          flowbd3_error *err) {
    if (out != NULL)
        *out = NULL;
    if (out == NULL || context == NULL || schema == NULL || array == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT,
                        "flowbd3_table_import_arrow: out, context, schema or array is NULL");
    flowbd3_status status = check_batch(schema, array, err);
    if (status != FLOWBD3_OK)
        return status;
    flowbd3_table *table;
    status = flowbd3_table_create(&table, context, err);
    for (int64_t i = 0; i < schema->n_children && status == FLOWBD3_OK; i++) {
        char numbered[32];
        (void)snprintf(numbered, sizeof numbered, "c%lld", (long long)i + 1);
        child c = {.schema = schema->children[i],
                   .array = array->children[i],
                   .number = i + 1,
                   .first = (size_t)array->offset,
                   .rows = (size_t)array->length,
                   .err = err};
        if (c.schema == NULL || c.array == NULL || c.schema->format == NULL) {
            status = fb3_fail_at(err, FLOWBD3_ERROR_FORMAT, 0, i + 1, "Arrow column %lld is not there",
                                 (long long)i + 1);
            break;
        }
        bool named = c.schema->name != NULL && *c.schema->name != '\0';
        c.name = named ? c.schema->name : numbered;
        status = import_child(table, &c);
    }
    if (status != FLOWBD3_OK) {
        flowbd3_table_destroy(&table);
        return status;
    }
    array->release(array);
    schema->release(schema);
    *out = table;
    return FLOWBD3_OK;
}
