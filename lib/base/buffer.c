/* Bytes that grow. */
#include "base.h"

#include <string.h>

bool fb3_buffer_reserve(fb3_buffer *buffer, size_t more) {
    if (more > PTRDIFF_MAX - buffer->size)
        return false;
    size_t needed = buffer->size + more;
    if (needed <= buffer->capacity)
        return true;
    size_t capacity = buffer->capacity < PTRDIFF_MAX / 2 ? 2 * buffer->capacity : needed;
    if (capacity < needed)
        capacity = needed;
    if (capacity < 256)
        capacity = 256;
    char *data = fb3_reallocate(buffer->context, buffer->data, capacity, 1);
    if (data == NULL)
        return false;
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

bool fb3_buffer_append(fb3_buffer *buffer, const void *data, size_t size) {
    if (!fb3_buffer_reserve(buffer, size))
        return false;
    if (size != 0)
        memcpy(buffer->data + buffer->size, data, size);
    buffer->size += size;
    return true;
}

void fb3_buffer_release(fb3_buffer *buffer) {
    fb3_release(buffer->context, buffer->data);
    buffer->data = NULL;
    buffer->size = buffer->capacity = 0;
}
