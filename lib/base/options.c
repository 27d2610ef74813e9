/* Option structs that may be shorter or longer than the library's own. */
#include "base.h"

#include <string.h>

/* Whether a struct_size can be meant. */
static bool is_size(size_t size) {
    return size >= sizeof size && size <= 65536;
}

flowbd3_status fb3_options_copy(void *to, size_t to_size, const void *from, const char *name,
                                flowbd3_error *err) {
    memset(to, 0, to_size);
    if (from != NULL) {
        size_t size;
        memcpy(&size, from, sizeof size);
        if (!is_size(size))
            return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT,
                            "%s.struct_size is %zu, expected the size of the struct (%zu)", name, size,
                            to_size);
        const unsigned char *bytes = from;
        for (size_t i = to_size; i < size; i++)
            if (bytes[i] != 0)
                return fb3_fail(err, FLOWBD3_ERROR_VERSION,
                                "%s sets an option that this version of the library does not know", name);
        memcpy(to, from, size < to_size ? size : to_size);
    }
    memcpy(to, &to_size, sizeof to_size);
    return FLOWBD3_OK;
}

bool fb3_options_give(void *to, const void *from, size_t from_size) {
    size_t size;
    memcpy(&size, to, sizeof size);
    if (!is_size(size))
        return false;
    memset(to, 0, size);
    memcpy(to, from, size < from_size ? size : from_size);
    memcpy(to, &size, sizeof size);
    return true;
}

flowbd3_status fb3_options_init(void *options, size_t size) {
    if (options == NULL || !is_size(size))
        return FLOWBD3_ERROR_ARGUMENT;
    memset(options, 0, size);
    memcpy(options, &size, sizeof size);
    return FLOWBD3_OK;
}
