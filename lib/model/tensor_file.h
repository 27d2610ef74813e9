/* Tensor file: named float matrices and JSON text in one checked safetensors file (docs/model-file.md). */
#ifndef FB3_TENSOR_FILE_H
#define FB3_TENSOR_FILE_H

#include "base/base.h"

#include <jansson.h>

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "model files hold little-endian numbers, which are read and written as they lie in memory"
#endif

/* A matrix or vector of floats somewhere in memory. */
typedef struct fb3_tensor_view {
    const char *name;    /* letters, digits and _ . - : / */
    unsigned dimensions; /* 1: [shape[0]], 2: [shape[0], shape[1]] */
    uint64_t shape[2];   /* 1 or more each */
    size_t stride;       /* floats from row to row, at least shape[1]; ignored for vectors */
    float *data;
} fb3_tensor_view;

/* Writes metadata and tensors beside path and renames the file there. Every member of the object metadata
 * (NULL: none) becomes a string: strings as they are, other values as compact JSON. The names format,
 * version, checksum_header and checksums belong to the file itself. The tensors are written from where they
 * lie. Errors: ARGUMENT (a name, a shape, a member that is no JSON), LIMIT (a header that open would refuse),
 * IO, MEMORY. */
flowbd3_status fb3_tensor_file_save(flowbd3_context *context, const char *path, const json_t *metadata,
                                    const fb3_tensor_view *tensors, size_t n_tensors, flowbd3_error *err);

/* A file whose header and checksums have been verified. It stays open, and tensors are read from it when they
 * are asked for. Thread-safety: any number of readers. */
typedef struct fb3_tensor_file fb3_tensor_file;

/* Opens path and verifies every byte. Errors: IO, FORMAT, VERSION, CHECKSUM, MEMORY. */
flowbd3_status fb3_tensor_file_open(fb3_tensor_file **out, flowbd3_context *context, const char *path,
                                    flowbd3_error *err);
void fb3_tensor_file_close(fb3_tensor_file **file);

/* The metadata: an object of strings, those of the file itself included. Lives as long as the file. */
const json_t *fb3_tensor_file_metadata(const fb3_tensor_file *file);

/* Member of the metadata parsed as JSON; the caller owns the reference. Errors: FORMAT (absent or malformed),
 * MEMORY. */
flowbd3_status fb3_tensor_file_json(const fb3_tensor_file *file, const char *member, json_t **out,
                                    flowbd3_error *err);

size_t fb3_tensor_file_count(const fb3_tensor_file *file);
bool fb3_tensor_file_has(const fb3_tensor_file *file, const char *name);

/* Copies tensor view->name to view->data, whose contents are undefined after a failure; with NULL data only
 * the name and the shape are checked. Errors: FORMAT (absent, or of another shape), IO and CHECKSUM (the file
 * changed since it was opened). */
flowbd3_status fb3_tensor_file_copy(const fb3_tensor_file *file, const fb3_tensor_view *view,
                                    flowbd3_error *err);

#endif
