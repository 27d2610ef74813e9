/* Record batches of the Arrow C data interface made from bytes: a table or an error, and a table that is
 * exported comes back equal. The interface tells no sizes of buffers, so that buffers are as long as their
 * array's length and offset and texts end inside theirs; formats, counts, lengths, indices, missing parts and
 * what stands in the buffers are arbitrary as far as a consumer can tell. */
#include "../unit/compare_tables.h"
#include "fuzz.h"
#include "table/arrow.h"

enum { MOST_CHILDREN = 6, MOST_ROWS = 40, MOST_TEXT = 64, METADATA = 96 };

typedef struct field {
    struct ArrowSchema schema;
    struct ArrowArray array;
    char format[16], name[16], metadata[METADATA];
    void *owned[3];
    const void *buffers[3];
} field;

typedef struct batch {
    struct ArrowSchema schema, *schemas[MOST_CHILDREN];
    struct ArrowArray array, *arrays[MOST_CHILDREN];
    field children[MOST_CHILDREN], dictionaries[MOST_CHILDREN];
    void *validity;
    const void *buffers[1];
    unsigned released;
} batch;

static void release_schema(struct ArrowSchema *schema) {
    if (schema->private_data != NULL)
        ++*(unsigned *)schema->private_data;
    schema->release = NULL;
}

static void release_array(struct ArrowArray *array) {
    if (array->private_data != NULL)
        ++*(unsigned *)array->private_data;
    array->release = NULL;
}

/* Mostly what is right, otherwise something else. */
static int64_t count(fuzz_input *in, int64_t right) {
    static const int64_t odd[] = {-1, 0, 1, 2, 3, 4, INT64_MIN, INT64_MAX, INT32_MAX, (int64_t)1 << 61};
    return fuzz_seldom(in) ? odd[fuzz_below(in, sizeof odd / sizeof *odd)] : right;
}

/* ---- buffers, of which every byte is the heap's own, so that reading past one is seen ----------- */

static void fill(fuzz_input *in, uint8_t *bytes, size_t size) {
    uint8_t pattern = (uint8_t)fuzz_byte(in);
    for (size_t i = 0; i < size; i++)
        bytes[i] = pattern & 1 ? (uint8_t)fuzz_byte(in) : (uint8_t)(pattern >> 1);
}

static void *buffer(fuzz_input *in, size_t size) {
    uint8_t *bytes = fuzz_memory(size);
    fill(in, bytes, size);
    return bytes;
}

/* Offsets [elements + 1] of texts that begin anywhere, also before the first byte or in no order, but do not
 * end past MOST_TEXT. */
static void *offsets(fuzz_input *in, size_t elements, size_t width) {
    uint8_t *bytes = fuzz_memory((elements + 1) * width);
    bool ordered = !fuzz_seldom(in);
    int64_t last = 0;
    for (size_t i = 0; i <= elements; i++) {
        int64_t step = (int64_t)fuzz_below(in, 8);
        last = ordered ? last + step : (int64_t)fuzz_below(in, MOST_TEXT + 2) - 1;
        last = last > MOST_TEXT ? MOST_TEXT : last;
        memcpy(bytes + i * width, &last, width);
    }
    return bytes;
}

static size_t width_of(const char *format) {
    static const char letters[] = "bcCsSiIlLfgtnuUdzZvw";
    static const size_t widths[] = {1, 1, 1, 2, 2, 4, 4, 8, 8, 4, 8, 8, 8, 4, 8, 16, 4, 8, 16, 16};
    const char *found = *format != '\0' ? strchr(letters, *format) : NULL;
    return found != NULL ? widths[found - letters] : 16;
}

static bool has_texts(const char *format) {
    return strcmp(format, "u") == 0 || strcmp(format, "U") == 0;
}

static void make_buffers(fuzz_input *in, field *f, size_t elements) {
    size_t width = width_of(f->format);
    if (fuzz_byte(in) & 1)
        f->owned[0] = buffer(in, (elements + 7) / 8);
    size_t cells = *f->format == 'b' ? (elements + 7) / 8 : elements * width;
    f->owned[1] = has_texts(f->format) ? offsets(in, elements, width) : buffer(in, cells);
    f->owned[2] = buffer(in, MOST_TEXT);
    for (size_t i = 0; i < 3; i++)
        f->buffers[i] = i > 0 && fuzz_seldom(in) && fuzz_seldom(in) ? NULL : f->owned[i];
}

/* ---- fields ------------------------------------------------------------------------------------ */

static void make_format(fuzz_input *in, char format[16]) {
    static const char *const known[] = {"u", "U", "c", "C", "s", "S", "i",    "I",       "l",    "L",
                                        "f", "g", "b", "n", "u", "i", "tss:", "tsm:UTC", "tsu:", "tsn:CET"};
    unsigned choice = fuzz_below(in, 24);
    memset(format, 0, 16);
    if (choice < sizeof known / sizeof *known)
        memcpy(format, known[choice], strlen(known[choice]));
    else
        for (unsigned i = 0; i < choice % 5; i++)
            format[i] = (char)fuzz_byte(in);
}

static char *put(char *at, const char *text, int32_t length) {
    memcpy(at, &length, sizeof length);
    at += sizeof length;
    if (length > 0)
        memcpy(at, text, (size_t)length);
    return at + (length > 0 ? length : 0);
}

static const char *make_metadata(fuzz_input *in, char metadata[METADATA]) {
    static const char *const keys[] = {FB3_ARROW_TYPE, FB3_ARROW_DECIMALS, FB3_ARROW_FORM, "other"};
    static const char *const values[] = {"address", "2", "-1", "99999999999", "7", "x", "", "timestamp"};
    int32_t pairs = (int32_t)fuzz_below(in, 4) - 1;
    if (pairs == 0)
        return NULL;
    char *at = metadata + sizeof pairs;
    memcpy(metadata, &pairs, sizeof pairs);
    for (int32_t i = 0; i < pairs; i++) {
        const char *key = keys[fuzz_below(in, 4)], *value = values[fuzz_below(in, 8)];
        at = put(at, key, (int32_t)strlen(key));
        at = put(at, value, fuzz_seldom(in) ? -5 : (int32_t)strlen(value));
    }
    return metadata;
}

static void make_field(fuzz_input *in, field *f, size_t rows) {
    make_format(in, f->format);
    f->name[0] = (char)('a' + fuzz_below(in, 20));
    f->name[1] = (char)(fuzz_seldom(in) ? fuzz_byte(in) : 0);
    size_t offset = fuzz_below(in, 10);
    make_buffers(in, f, rows + offset);
    f->schema = (struct ArrowSchema){.format = fuzz_seldom(in) && fuzz_seldom(in) ? NULL : f->format,
                                     .name = fuzz_seldom(in) ? NULL : f->name,
                                     .metadata = make_metadata(in, f->metadata),
                                     .flags = count(in, ARROW_FLAG_NULLABLE),
                                     .release = fuzz_seldom(in) && fuzz_seldom(in) ? NULL : release_schema};
    int64_t right = *f->format == 'n' ? 0 : has_texts(f->format) ? 3 : 2;
    f->array = (struct ArrowArray){.length = (int64_t)rows,
                                   .null_count = count(in, -1),
                                   .offset = (int64_t)offset,
                                   .n_buffers = count(in, right),
                                   .buffers = fuzz_seldom(in) && fuzz_seldom(in) ? NULL : f->buffers,
                                   .release = fuzz_seldom(in) && fuzz_seldom(in) ? NULL : release_array};
    /* A length or an offset that cannot be: what is too long by its buffers alone cannot be told. */
    if (fuzz_seldom(in))
        f->array.length = fuzz_byte(in) & 1 ? -1 : INT64_MIN;
    if (fuzz_seldom(in) && fuzz_seldom(in))
        f->array.offset = fuzz_byte(in) & 1 ? -1 : INT64_MAX;
}

static void make_child(fuzz_input *in, batch *b, size_t i, size_t rows) {
    field *f = &b->children[i], *words = &b->dictionaries[i];
    make_field(in, f, fuzz_seldom(in) ? fuzz_below(in, MOST_ROWS) : rows);
    if (fuzz_byte(in) % 3 == 0) {
        make_field(in, words, fuzz_below(in, 12));
        f->schema.dictionary = fuzz_seldom(in) ? NULL : &words->schema;
        f->array.dictionary = fuzz_seldom(in) ? NULL : &words->array;
        if (fuzz_seldom(in))
            words->schema.dictionary = &words->schema;
    }
    b->schemas[i] = fuzz_seldom(in) && fuzz_seldom(in) ? NULL : &f->schema;
    b->arrays[i] = fuzz_seldom(in) && fuzz_seldom(in) ? NULL : &f->array;
}

/* ---- the batch --------------------------------------------------------------------------------- */

static void make_batch(fuzz_input *in, batch *b) {
    size_t children = fuzz_below(in, MOST_CHILDREN + 1), rows = fuzz_below(in, MOST_ROWS);
    size_t offset = fuzz_seldom(in) ? fuzz_below(in, 9) : 0;
    bool nulls = fuzz_seldom(in), known = fuzz_byte(in) & 1;
    if (nulls)
        b->validity = buffer(in, (rows + offset + 7) / 8);
    b->buffers[0] = b->validity;
    b->schema = (struct ArrowSchema){.format = fuzz_seldom(in) ? "+l" : "+s",
                                     .n_children = (int64_t)children,
                                     .children = b->schemas,
                                     .release = release_schema,
                                     .private_data = &b->released};
    b->array = (struct ArrowArray){.length = (int64_t)rows,
                                   .null_count = known ? 0 : -1,
                                   .offset = (int64_t)offset,
                                   .n_buffers = 1,
                                   .n_children = (int64_t)children,
                                   .buffers = b->buffers,
                                   .children = b->arrays,
                                   .release = release_array,
                                   .private_data = &b->released};
    for (size_t i = 0; i < children; i++)
        make_child(in, b, i, rows + offset);
    if (!nulls) { /* without a buffer the counts of the batch are against those of its children */
        b->array.length = count(in, b->array.length);
        b->array.offset = count(in, b->array.offset);
    }
    b->array.n_children = fuzz_seldom(in) ? fuzz_below(in, 9) : b->array.n_children;
    b->schema.n_children = fuzz_seldom(in) && children == 0 ? -1 : b->schema.n_children;
    b->array.buffers = fuzz_seldom(in) ? NULL : b->array.buffers;
    b->array.children = fuzz_seldom(in) ? NULL : b->array.children;
    b->schema.children = fuzz_seldom(in) ? NULL : b->schema.children;
}

static void free_batch(batch *b) {
    for (size_t i = 0; i < MOST_CHILDREN; i++)
        for (size_t k = 0; k < 3; k++) {
            free(b->children[i].owned[k]);
            free(b->dictionaries[i].owned[k]);
        }
    free(b->validity);
    free(b);
}

static void comes_back(flowbd3_context *context, const flowbd3_table *table) {
    struct ArrowSchema schema;
    struct ArrowArray array;
    flowbd3_table *again;
    check(flowbd3_table_export_arrow(table, &schema, &array, NULL) == FLOWBD3_OK);
    check(flowbd3_table_import_arrow(&again, context, &schema, &array, NULL) == FLOWBD3_OK);
    check(same_tables(table, again));
    flowbd3_table_destroy(&again);
}

/* What a batch of columns of nothing says that it has is all that it costs its producer. */
static void *at_most(void *user, size_t size) {
    return size <= *(size_t *)user ? malloc(size + (size == 0)) : NULL;
}

static void *again_at_most(void *user, void *memory, size_t size) {
    return size <= *(size_t *)user ? realloc(memory, size + (size == 0)) : NULL;
}

static void release(void *user, void *memory) {
    (void)user;
    free(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input in = {data, data + size};
    size_t most = (size_t)1 << 26;
    flowbd3_context_options limited = FLOWBD3_CONTEXT_OPTIONS_INIT;
    flowbd3_context *context;
    flowbd3_table *table;
    flowbd3_error err = {0};
    limited.threads = 1;
    limited.allocator = (flowbd3_allocator){at_most, again_at_most, release, &most};
    check(flowbd3_context_create(&context, &limited, NULL) == FLOWBD3_OK);
    batch *b = calloc(1, sizeof *b);
    check(b != NULL);
    make_batch(&in, b);
    flowbd3_status status = flowbd3_table_import_arrow(&table, context, &b->schema, &b->array, &err);
    check((status == FLOWBD3_OK) == (table != NULL) && b->released == (status == FLOWBD3_OK ? 2 : 0));
    if (status == FLOWBD3_OK)
        comes_back(context, table);
    else
        check_error(status, &err);
    flowbd3_table_destroy(&table);
    free_batch(b);
    flowbd3_context_destroy(&context);
    return 0;
}
