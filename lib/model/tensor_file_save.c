/* Writing a tensor file. */
#include "base/json.h"
#include "model/tensor_file_internal.h"

#include <string.h>
#include <zlib.h>

/* The blob begins on a cache line. */
enum { ALIGNMENT = 64 };

static flowbd3_status check_view(const fb3_tensor_view *view, flowbd3_error *err) {
    const char *name = view->name;
    if (name[0] == '\0' ||
        name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                          "0123456789_.-:/")] != '\0' ||
        strcmp(name, FB3_METADATA) == 0)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT,
                        "'%s' is no name for a tensor, expected letters, digits and _ . - : /", name);
    if ((view->dimensions != 1 && view->dimensions != 2) || view->shape[0] == 0 ||
        (view->dimensions == 2 && (view->shape[1] == 0 || view->stride < view->shape[1])))
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT,
                        "tensor '%s' has %u dimensions [%llu, %llu] and stride %zu, expected one or two that "
                        "are not 0 and a stride of a row or more",
                        name, view->dimensions, (unsigned long long)view->shape[0],
                        (unsigned long long)view->shape[1], view->stride);
    return FLOWBD3_OK;
}

static uint32_t tensor_checksum(const fb3_tensor_view *view) {
    size_t rows, columns;
    fb3_tensor_rows(view, &rows, &columns);
    uLong crc = 0;
    for (size_t r = 0; r < rows; r++)
        crc = crc32_z(crc, (const unsigned char *)(view->data + r * view->stride), columns * sizeof(float));
    return (uint32_t)crc;
}

/* Adds the tensor's entry to the header and its checksum to checksums. */
static flowbd3_status add_tensor(json_t *header, json_t *checksums, const fb3_tensor_view *view,
                                 uint64_t *offset, flowbd3_error *err) {
    flowbd3_status status = check_view(view, err);
    if (status != FLOWBD3_OK)
        return status;
    if (json_object_get(header, view->name) != NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "two tensors have the name '%s'", view->name);
    uint64_t rows = view->shape[0], columns = view->dimensions == 2 ? view->shape[1] : 1, size, end;
    if (__builtin_mul_overflow(rows, columns, &size) || __builtin_mul_overflow(size, sizeof(float), &size) ||
        __builtin_add_overflow(*offset, size, &end) || end > INT64_MAX)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "tensor '%s' is larger than memory can be", view->name);
    char digits[FB3_CHECKSUM_DIGITS + 1];
    fb3_print_checksum(digits, tensor_checksum(view));
    json_int_t begin = (json_int_t)*offset;
    json_t *entry = view->dimensions == 1
                        ? json_pack("{s:s, s:[I], s:[I, I]}", "dtype", "F32", "shape", (json_int_t)rows,
                                    "data_offsets", begin, (json_int_t)end)
                        : json_pack("{s:s, s:[I, I], s:[I, I]}", "dtype", "F32", "shape", (json_int_t)rows,
                                    (json_int_t)columns, "data_offsets", begin, (json_int_t)end);
    *offset = end;
    if (json_object_set_new(header, view->name, entry) != 0 ||
        json_object_set_new(checksums, view->name, json_string(digits)) != 0)
        return fb3_no_memory(err, "the header of a model file");
    return FLOWBD3_OK;
}

static int ignore_text(const char *text, size_t size, void *user) {
    (void)text, (void)size, (void)user;
    return 0;
}

/* Sets member name of metadata to value's text, which must read back. */
static flowbd3_status add_json(json_t *metadata, flowbd3_context *context, const char *path, const char *name,
                               const json_t *value, flowbd3_error *err) {
    const size_t flags = JSON_COMPACT | JSON_ENCODE_ANY;
    fb3_buffer printed = {.context = context};
    json_t *back = NULL, *text = NULL;
    flowbd3_status status = FLOWBD3_OK;
    if (!fb3_json_write(&printed, value, flags))
        status = json_dump_callback(value, ignore_text, NULL, flags) == 0
                     ? fb3_no_memory(err, name)
                     : fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "metadata member '%s' cannot be written as JSON",
                                name);
    if (status == FLOWBD3_OK)
        status = fb3_json_parse(&back, printed.data, printed.size, name, path, err);
    if (status == FLOWBD3_ERROR_FORMAT)
        status = fb3_fail(err, FLOWBD3_ERROR_LIMIT,
                          "metadata member '%s' holds a NUL character, nests too deep or has too many values",
                          name);
    if (status == FLOWBD3_OK) {
        text = json_stringn(printed.data, printed.size);
        if (json_object_set_new(metadata, name, text) != 0)
            status = fb3_no_memory(err, name);
    }
    json_decref(back);
    fb3_buffer_release(&printed);
    return status;
}

static flowbd3_status add_member(json_t *metadata, flowbd3_context *context, const char *path,
                                 const char *name, json_t *value, flowbd3_error *err) {
    if (json_object_get(metadata, name) != NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "metadata member '%s' belongs to the file format", name);
    if (!json_is_string(value))
        return add_json(metadata, context, path, name, value, err);
    if (strlen(json_string_value(value)) != json_string_length(value))
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "metadata member '%s' holds a NUL character", name);
    if (json_object_set(metadata, name, value) != 0)
        return fb3_no_memory(err, name);
    return FLOWBD3_OK;
}

/* The header as a JSON object, its checksum zero. */
static flowbd3_status describe(json_t *header, flowbd3_context *context, const char *path,
                               const json_t *members, const fb3_tensor_view *tensors, size_t n_tensors,
                               flowbd3_error *err) {
    json_t *metadata = json_pack("{s:s, s:s, s:s}", "format", FB3_FORMAT_NAME, "version", FB3_FORMAT_VERSION,
                                 "checksum_header", "00000000");
    json_t *checksums = json_object();
    flowbd3_status status = FLOWBD3_OK;
    if (json_object_set_new(header, FB3_METADATA, metadata) != 0 || checksums == NULL)
        status = fb3_no_memory(err, "the header of a model file");
    uint64_t offset = 0;
    for (size_t i = 0; status == FLOWBD3_OK && i < n_tensors; i++)
        status = add_tensor(header, checksums, &tensors[i], &offset, err);
    if (status == FLOWBD3_OK)
        status = add_json(metadata, context, path, "checksums", checksums, err);
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)members, name, value) {
        if (status == FLOWBD3_OK)
            status = add_member(metadata, context, path, name, value, err);
    }
    json_decref(checksums);
    return status;
}

/* Header size, header, spaces up to the blob, and the checksum of it all. */
static flowbd3_status print_header(fb3_buffer *out, const json_t *header, const char *path,
                                   flowbd3_error *err) {
    static const char spaces[] = "                                                                ";
    bool written = fb3_buffer_append(out, "\0\0\0\0\0\0\0", FB3_HEADER_SIZE_SIZE) &&
                   fb3_json_write(out, header, JSON_COMPACT) &&
                   fb3_buffer_append(out, spaces, -out->size % ALIGNMENT);
    if (!written)
        return fb3_no_memory(err, "the header of a model file");
    uint64_t size = out->size - FB3_HEADER_SIZE_SIZE;
    json_t *back = NULL;
    flowbd3_status status =
        fb3_json_parse(&back, out->data + FB3_HEADER_SIZE_SIZE, (size_t)size, "the header", path, err);
    json_decref(back);
    if (status == FLOWBD3_ERROR_FORMAT || size > FB3_MAX_HEADER)
        return fb3_fail(err, FLOWBD3_ERROR_LIMIT,
                        "the header of '%s' would take %llu bytes or hold too many tensors, expected at most "
                        "%u bytes",
                        path, (unsigned long long)size, FB3_MAX_HEADER);
    if (status != FLOWBD3_OK)
        return status;
    memcpy(out->data, &size, sizeof size);
    char digits[FB3_CHECKSUM_DIGITS + 1];
    fb3_print_checksum(digits, fb3_header_checksum(out->data, out->size));
    memcpy(out->data + FB3_CHECKSUM_OFFSET, digits, FB3_CHECKSUM_DIGITS);
    return FLOWBD3_OK;
}

static flowbd3_status write_tensor(fb3_file *file, const fb3_tensor_view *view, flowbd3_error *err) {
    size_t rows, columns;
    fb3_tensor_rows(view, &rows, &columns);
    for (size_t r = 0; r < rows; r++) {
        flowbd3_status status =
            fb3_file_write(file, view->data + r * view->stride, columns * sizeof(float), err);
        if (status != FLOWBD3_OK)
            return status;
    }
    return FLOWBD3_OK;
}

flowbd3_status fb3_tensor_file_save(flowbd3_context *context, const char *path, const json_t *metadata,
                                    const fb3_tensor_view *tensors, size_t n_tensors, flowbd3_error *err) {
    fb3_buffer text = {.context = context};
    fb3_file *file = NULL;
    json_t *header = json_object();
    flowbd3_status status = header != NULL
                                ? describe(header, context, path, metadata, tensors, n_tensors, err)
                                : fb3_no_memory(err, "the header of a model file");
    if (status == FLOWBD3_OK)
        status = print_header(&text, header, path, err);
    json_decref(header);
    if (status == FLOWBD3_OK)
        status = fb3_file_create(&file, context, path, err);
    if (status == FLOWBD3_OK)
        status = fb3_file_write(file, text.data, text.size, err);
    for (size_t i = 0; status == FLOWBD3_OK && i < n_tensors; i++)
        status = write_tensor(file, &tensors[i], err);
    if (status == FLOWBD3_OK)
        status = fb3_file_commit(&file, err);
    fb3_file_discard(&file);
    fb3_buffer_release(&text);
    return status;
}
