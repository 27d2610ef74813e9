/* Any bytes as a tensor file, as they are and with the header's checksum made right: opened or refused with a
 * message; all that an opened file describes can be copied. */
#include "fuzz.h"
#include "model/tensor_file_internal.h"

#include <sys/mman.h>
#include <unistd.h>

static void copy_tensor(const fb3_tensor_file *file, const char *name, json_t *described, size_t size) {
    const json_t *shape = json_object_get(described, "shape");
    fb3_tensor_view view = {.name = name, .dimensions = (unsigned)json_array_size(shape)};
    size_t floats = 1;
    for (unsigned i = 0; i < view.dimensions; i++) {
        view.shape[i] = (uint64_t)json_integer_value(json_array_get(shape, i));
        floats *= (size_t)view.shape[i];
    }
    check(floats * sizeof(float) <= size);
    view.stride = (size_t)view.shape[1];
    view.data = malloc(floats * sizeof(float));
    check(view.data != NULL && fb3_tensor_file_copy(file, &view, NULL) == FLOWBD3_OK);
    view.shape[0]++;
    check(fb3_tensor_file_copy(file, &view, NULL) == FLOWBD3_ERROR_FORMAT);
    free(view.data);
}

static void read_all(const fb3_tensor_file *file, const uint8_t *data, size_t size) {
    uint64_t header_size;
    memcpy(&header_size, data, sizeof header_size);
    json_t *header = json_loadb((const char *)data + 8, (size_t)header_size, 0, NULL), *value;
    const char *name;
    check(header != NULL && json_object_size(header) == fb3_tensor_file_count(file) + 1);
    json_object_foreach(header, name, value) {
        if (fb3_tensor_file_has(file, name))
            copy_tensor(file, name, value, size);
    }
    json_object_foreach((json_t *)(uintptr_t)fb3_tensor_file_metadata(file), name, value) {
        json_t *parsed;
        (void)fb3_tensor_file_json(file, name, &parsed, NULL);
        json_decref(parsed);
    }
    json_decref(header);
}

static void try_bytes(flowbd3_context *context, const uint8_t *data, size_t size) {
    int descriptor = memfd_create("fuzz", MFD_CLOEXEC);
    check(descriptor >= 0 && write(descriptor, data, size) == (ssize_t)size);
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    fb3_tensor_file *file;
    flowbd3_error err = {0};
    flowbd3_status status = fb3_tensor_file_open(&file, context, path, &err);
    check((status == FLOWBD3_OK) == (file != NULL));
    if (status == FLOWBD3_OK)
        read_all(file, data, size);
    else
        check(err.status == status && err.message[0] != '\0');
    fb3_tensor_file_close(&file);
    (void)close(descriptor);
}

/* The same bytes with the header's size kept inside the file and its checksum right. */
static void try_corrected(flowbd3_context *context, const uint8_t *data, size_t size) {
    if (size < FB3_CHECKSUM_OFFSET + FB3_CHECKSUM_DIGITS)
        return;
    char *bytes = malloc(size), digits[FB3_CHECKSUM_DIGITS + 1];
    check(bytes != NULL);
    memcpy(bytes, data, size);
    uint64_t header_size;
    memcpy(&header_size, bytes, sizeof header_size);
    if (header_size > size - FB3_HEADER_SIZE_SIZE ||
        header_size < FB3_CHECKSUM_OFFSET + FB3_CHECKSUM_DIGITS - FB3_HEADER_SIZE_SIZE)
        header_size = size - FB3_HEADER_SIZE_SIZE;
    memcpy(bytes, &header_size, sizeof header_size);
    memcpy(bytes + FB3_HEADER_SIZE_SIZE, FB3_HEADER_BEGIN, sizeof FB3_HEADER_BEGIN - 1);
    fb3_print_checksum(digits, fb3_header_checksum(bytes, FB3_HEADER_SIZE_SIZE + (size_t)header_size));
    memcpy(bytes + FB3_CHECKSUM_OFFSET, digits, FB3_CHECKSUM_DIGITS);
    try_bytes(context, (const uint8_t *)bytes, size);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    flowbd3_context *context = fuzz_context();
    try_bytes(context, data, size);
    try_corrected(context, data, size);
    flowbd3_context_destroy(&context);
    return 0;
}
