/* Reading a tensor file. */
#include "model/tensor_file_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

/* Bytes read at a time to verify a tensor. */
enum { CHUNK = 65536 };

struct fb3_tensor_file {
    flowbd3_context *context;
    char *path;
    int descriptor;
    uint64_t size, blob; /* of the file, and where its tensors begin */
    json_t *header, *checksums;
    const json_t *metadata; /* member of header */
};

/* What the header says about a tensor. */
typedef struct tensor_entry {
    const char *name;
    unsigned dimensions;
    uint64_t shape[2];
    uint64_t begin, end; /* in the blob */
    uint32_t checksum;
} tensor_entry;

static flowbd3_status open_regular(fb3_tensor_file *file, flowbd3_error *err) {
    /* O_NONBLOCK: a FIFO must not make the caller wait. */
    file->descriptor = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat info;
    if (file->descriptor < 0 || fstat(file->descriptor, &info) != 0)
        return fb3_io_failure(err, "open", file->path, errno);
    if (!S_ISREG(info.st_mode))
        return fb3_fail(err, FLOWBD3_ERROR_IO, "cannot read '%s': expected a regular file", file->path);
    file->size = (uint64_t)info.st_size;
    return FLOWBD3_OK;
}

static flowbd3_status read_at(const fb3_tensor_file *file, void *to, size_t size, uint64_t offset,
                              flowbd3_error *err) {
    char *next = to;
    while (size > 0) {
        ssize_t got = pread(file->descriptor, next, size < 1u << 30 ? size : 1u << 30, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fb3_io_failure(err, "read", file->path, errno);
        if (got == 0)
            return fb3_fail(err, FLOWBD3_ERROR_IO,
                            "cannot read '%s': it ends at byte %" PRIu64 ", it had %" PRIu64 " when opened",
                            file->path, offset, file->size);
        next += got;
        size -= (size_t)got;
        offset += (uint64_t)got;
    }
    return FLOWBD3_OK;
}

/* Tells a file of another kind, or of another version, from one that is damaged. */
static flowbd3_status check_beginning(const fb3_tensor_file *file, uint64_t *header_size,
                                      flowbd3_error *err) {
    static const size_t magic_size = sizeof FB3_HEADER_MAGIC - 1;
    char begin[FB3_CHECKSUM_OFFSET + 1] = {0};
    size_t have = file->size < FB3_CHECKSUM_OFFSET ? (size_t)file->size : FB3_CHECKSUM_OFFSET;
    flowbd3_status status = read_at(file, begin, have, 0, err);
    if (status != FLOWBD3_OK)
        return status;
    const char *text = begin + FB3_HEADER_SIZE_SIZE, *version = text + magic_size;
    size_t known = have < FB3_HEADER_SIZE_SIZE ? 0 : have - FB3_HEADER_SIZE_SIZE;
    if (known == 0 || memcmp(text, FB3_HEADER_MAGIC, known < magic_size ? known : magic_size) != 0)
        return fb3_fail(err, FLOWBD3_ERROR_FORMAT, "'%s' is not a flowbd3 model file", file->path);
    memcpy(header_size, begin, sizeof *header_size);
    if (*header_size > FB3_MAX_HEADER)
        return fb3_fail(err, FLOWBD3_ERROR_FORMAT,
                        "'%s' has a header of %" PRIu64 " bytes, expected at most %u", file->path,
                        *header_size, FB3_MAX_HEADER);
    if (have < FB3_CHECKSUM_OFFSET || *header_size > file->size - FB3_HEADER_SIZE_SIZE)
        return fb3_fail(err, FLOWBD3_ERROR_FORMAT,
                        "'%s' is cut short: it has %" PRIu64 " bytes, its header alone %" PRIu64, file->path,
                        file->size, *header_size + FB3_HEADER_SIZE_SIZE);
    size_t length = strcspn(version, "\"");
    if (version[length] == '"' &&
        (length != strlen(FB3_FORMAT_VERSION) || memcmp(version, FB3_FORMAT_VERSION, length) != 0))
        return fb3_fail(err, FLOWBD3_ERROR_VERSION, "'%s' has format version '%.*s', expected '%s'",
                        file->path, (int)length, version, FB3_FORMAT_VERSION);
    if (memcmp(text, FB3_HEADER_BEGIN, sizeof FB3_HEADER_BEGIN - 1) != 0 ||
        *header_size <= FB3_CHECKSUM_OFFSET + FB3_CHECKSUM_DIGITS - FB3_HEADER_SIZE_SIZE)
        return fb3_fail(err, FLOWBD3_ERROR_FORMAT, "'%s': the header does not begin with its checksum",
                        file->path);
    return FLOWBD3_OK;
}

static flowbd3_status verify_header(const fb3_tensor_file *file, const char *text, size_t size,
                                    flowbd3_error *err) {
    uint32_t expected, actual = fb3_header_checksum(text, size);
    if (fb3_parse_checksum(text + FB3_CHECKSUM_OFFSET, FB3_CHECKSUM_DIGITS, &expected) && actual == expected)
        return FLOWBD3_OK;
    return fb3_fail(err, FLOWBD3_ERROR_CHECKSUM, "'%s': the header has checksum %08x, expected %.8s",
                    file->path, actual, text + FB3_CHECKSUM_OFFSET);
}

static flowbd3_status read_header(fb3_tensor_file *file, flowbd3_error *err) {
    uint64_t header_size = 0;
    flowbd3_status status = check_beginning(file, &header_size, err);
    if (status != FLOWBD3_OK)
        return status;
    size_t size = FB3_HEADER_SIZE_SIZE + (size_t)header_size;
    char *text = fb3_allocate(file->context, size, 1);
    if (text == NULL)
        return fb3_no_memory(err, file->path);
    status = read_at(file, text, size, 0, err);
    if (status == FLOWBD3_OK)
        status = verify_header(file, text, size, err);
    if (status == FLOWBD3_OK)
        status = fb3_json_parse(&file->header, text + FB3_HEADER_SIZE_SIZE, (size_t)header_size, "the header",
                                file->path, err);
    fb3_release(file->context, text);
    file->blob = size;
    return status;
}

static flowbd3_status read_metadata(fb3_tensor_file *file, flowbd3_error *err) {
    json_t *metadata = json_object_get(file->header, FB3_METADATA), *value;
    const char *name;
    json_object_foreach(metadata, name, value) {
        if (!json_is_string(value))
            return fb3_fail(err, FLOWBD3_ERROR_FORMAT, "'%s': metadata member '%s' is not a string",
                            file->path, name);
    }
    file->metadata = metadata;
    flowbd3_status status = fb3_tensor_file_json(file, "checksums", &file->checksums, err);
    if (status == FLOWBD3_OK && json_object_size(file->checksums) != fb3_tensor_file_count(file))
        status = fb3_fail(err, FLOWBD3_ERROR_FORMAT,
                          "'%s' has %zu tensors and %zu checksums, expected one for each", file->path,
                          fb3_tensor_file_count(file), json_object_size(file->checksums));
    return status;
}

/* out[0 .. *count - 1] from an array of at most *count integers that are not negative. */
static bool read_integers(const json_t *array, uint64_t *out, size_t *count) {
    size_t size = json_array_size(array);
    if (size == 0 || size > *count)
        return false;
    for (size_t i = 0; i < size; i++) {
        const json_t *value = json_array_get(array, i);
        if (!json_is_integer(value) || json_integer_value(value) < 0)
            return false;
        out[i] = (uint64_t)json_integer_value(value);
    }
    *count = size;
    return true;
}

/* Entry name of the header, whose value is described. Its numbers have not been compared with the file yet.
 */
static flowbd3_status read_entry(const fb3_tensor_file *file, const char *name, const json_t *described,
                                 tensor_entry *out, flowbd3_error *err) {
    const char *type = json_string_value(json_object_get(described, "dtype"));
    uint64_t offsets[2];
    size_t dimensions = 2, n_offsets = 2;
    *out = (tensor_entry){.name = name, .shape = {1, 1}};
    if (json_object_size(described) != 3 || type == NULL ||
        !read_integers(json_object_get(described, "shape"), out->shape, &dimensions) ||
        !read_integers(json_object_get(described, "data_offsets"), offsets, &n_offsets) ||
        out->shape[0] == 0 || out->shape[1] == 0 || n_offsets != 2 || offsets[1] < offsets[0])
        return fb3_fail(err, FLOWBD3_ERROR_FORMAT,
                        "'%s': tensor '%s' is not described by dtype, a shape of one or two numbers above 0 "
                        "and two data_offsets",
                        file->path, name);
    out->dimensions = (unsigned)dimensions;
    out->begin = offsets[0];
    out->end = offsets[1];
    if (strcmp(type, "F32") != 0)
        return fb3_fail(err, FLOWBD3_ERROR_FORMAT, "'%s': tensor '%s' has dtype '%s', expected 'F32'",
                        file->path, name, type);
    const json_t *digits = json_object_get(file->checksums, name);
    if (!json_is_string(digits) ||
        !fb3_parse_checksum(json_string_value(digits), json_string_length(digits), &out->checksum))
        return fb3_fail(err, FLOWBD3_ERROR_FORMAT, "'%s': tensor '%s' has no checksum of eight digits",
                        file->path, name);
    return FLOWBD3_OK;
}

static flowbd3_status verify_checksum(const fb3_tensor_file *file, const tensor_entry *entry, uLong actual,
                                      flowbd3_error *err) {
    if (actual == entry->checksum)
        return FLOWBD3_OK;
    return fb3_fail(err, FLOWBD3_ERROR_CHECKSUM, "'%s': tensor '%s' has checksum %08lx, expected %08x",
                    file->path, entry->name, actual, entry->checksum);
}

/* Every entry well formed, one after the other from the blob's first byte to its last. */
static flowbd3_status check_entries(const fb3_tensor_file *file, flowbd3_error *err) {
    uint64_t position = 0;
    const char *name;
    json_t *described;
    json_object_foreach(file->header, name, described) {
        if (described == file->metadata)
            continue;
        tensor_entry entry;
        flowbd3_status status = read_entry(file, name, described, &entry, err);
        if (status != FLOWBD3_OK)
            return status;
        uint64_t size;
        if (__builtin_mul_overflow(entry.shape[0], entry.shape[1], &size) ||
            __builtin_mul_overflow(size, sizeof(float), &size) || size != entry.end - entry.begin ||
            entry.begin != position)
            return fb3_fail(err, FLOWBD3_ERROR_FORMAT,
                            "'%s': tensor '%s' [%" PRIu64 ", %" PRIu64 "] lies at %" PRIu64 "..%" PRIu64
                            ", expected its size from %" PRIu64 " on",
                            file->path, name, entry.shape[0], entry.shape[1], entry.begin, entry.end,
                            position);
        position = entry.end;
    }
    if (position != file->size - file->blob)
        return fb3_fail(err, FLOWBD3_ERROR_FORMAT, "'%s' has %" PRIu64 " bytes, expected %" PRIu64,
                        file->path, file->size, position + file->blob);
    return FLOWBD3_OK;
}

static flowbd3_status verify_tensor(const fb3_tensor_file *file, const tensor_entry *entry,
                                    unsigned char *chunk, flowbd3_error *err) {
    uLong crc = 0;
    for (uint64_t position = entry->begin; position < entry->end;) {
        uint64_t left = entry->end - position;
        size_t size = left < CHUNK ? (size_t)left : CHUNK;
        flowbd3_status status = read_at(file, chunk, size, file->blob + position, err);
        if (status != FLOWBD3_OK)
            return status;
        crc = crc32_z(crc, chunk, size);
        position += size;
    }
    return verify_checksum(file, entry, crc, err);
}

static flowbd3_status verify_tensors(const fb3_tensor_file *file, flowbd3_error *err) {
    unsigned char *chunk = fb3_allocate(file->context, CHUNK, 1);
    flowbd3_status status = chunk != NULL ? FLOWBD3_OK : fb3_no_memory(err, file->path);
    const char *name;
    json_t *described;
    json_object_foreach(file->header, name, described) {
        if (described == file->metadata || status != FLOWBD3_OK)
            continue;
        tensor_entry entry;
        status = read_entry(file, name, described, &entry, err);
        if (status == FLOWBD3_OK)
            status = verify_tensor(file, &entry, chunk, err);
    }
    fb3_release(file->context, chunk);
    return status;
}

flowbd3_status fb3_tensor_file_open(fb3_tensor_file **out, flowbd3_context *context, const char *path,
                                    flowbd3_error *err) {
    *out = NULL;
    fb3_tensor_file *file = fb3_allocate_zero(context, 1, sizeof *file);
    if (file == NULL)
        return fb3_no_memory(err, path);
    file->context = fb3_context_retain(context);
    file->descriptor = -1;
    file->path = fb3_duplicate(context, path);
    flowbd3_status status = file->path != NULL ? open_regular(file, err) : fb3_no_memory(err, path);
    if (status == FLOWBD3_OK)
        status = read_header(file, err);
    if (status == FLOWBD3_OK)
        status = read_metadata(file, err);
    if (status == FLOWBD3_OK)
        status = check_entries(file, err);
    if (status == FLOWBD3_OK)
        status = verify_tensors(file, err);
    if (status == FLOWBD3_OK)
        *out = file;
    else
        fb3_tensor_file_close(&file);
    return status;
}

void fb3_tensor_file_close(fb3_tensor_file **file) {
    fb3_tensor_file *f = *file;
    if (f == NULL)
        return;
    flowbd3_context *context = f->context;
    if (f->descriptor >= 0)
        (void)close(f->descriptor);
    json_decref(f->checksums);
    json_decref(f->header);
    fb3_release(context, f->path);
    fb3_release(context, f);
    flowbd3_context_destroy(&context);
    *file = NULL;
}

const json_t *fb3_tensor_file_metadata(const fb3_tensor_file *file) {
    return file->metadata;
}

flowbd3_status fb3_tensor_file_json(const fb3_tensor_file *file, const char *member, json_t **out,
                                    flowbd3_error *err) {
    *out = NULL;
    const json_t *text = json_object_get(file->metadata, member);
    if (text == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_FORMAT, "'%s' has no metadata member '%s'", file->path, member);
    return fb3_json_parse(out, json_string_value(text), json_string_length(text), member, file->path, err);
}

size_t fb3_tensor_file_count(const fb3_tensor_file *file) {
    return json_object_size(file->header) - 1;
}

/* The header's entry for a tensor, NULL for none. */
static json_t *find(const fb3_tensor_file *file, const char *name) {
    json_t *described = json_object_get(file->header, name);
    return described == file->metadata ? NULL : described;
}

bool fb3_tensor_file_has(const fb3_tensor_file *file, const char *name) {
    return find(file, name) != NULL;
}

static flowbd3_status check_shape(const fb3_tensor_file *file, const tensor_entry *entry,
                                  const fb3_tensor_view *view, flowbd3_error *err) {
    uint64_t columns = view->dimensions == 1 ? 1 : view->shape[1];
    if (entry->dimensions == view->dimensions && entry->shape[0] == view->shape[0] &&
        entry->shape[1] == columns)
        return FLOWBD3_OK;
    return fb3_fail(err, FLOWBD3_ERROR_FORMAT,
                    "'%s': tensor '%s' has %u dimensions [%" PRIu64 ", %" PRIu64 "], expected %u [%" PRIu64
                    ", %" PRIu64 "]",
                    file->path, entry->name, entry->dimensions, entry->shape[0], entry->shape[1],
                    view->dimensions, view->shape[0], columns);
}

flowbd3_status fb3_tensor_file_copy(const fb3_tensor_file *file, const fb3_tensor_view *view,
                                    flowbd3_error *err) {
    json_t *described = find(file, view->name);
    if (described == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_FORMAT, "'%s' has no tensor '%s'", file->path, view->name);
    tensor_entry entry;
    flowbd3_status status = read_entry(file, view->name, described, &entry, err);
    if (status == FLOWBD3_OK)
        status = check_shape(file, &entry, view, err);
    if (status != FLOWBD3_OK || view->data == NULL)
        return status;
    size_t rows, columns;
    fb3_tensor_rows(view, &rows, &columns);
    uint64_t position = file->blob + entry.begin;
    uLong crc = 0;
    for (size_t r = 0; r < rows; r++) {
        float *row = view->data + r * view->stride;
        status = read_at(file, row, columns * sizeof(float), position, err);
        if (status != FLOWBD3_OK)
            return status;
        crc = crc32_z(crc, (const unsigned char *)row, columns * sizeof(float));
        position += columns * sizeof(float);
    }
    return verify_checksum(file, &entry, crc, err);
}
