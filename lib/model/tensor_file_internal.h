/* What the reader and the writer of tensor files share. */
#ifndef FB3_TENSOR_FILE_INTERNAL_H
#define FB3_TENSOR_FILE_INTERNAL_H

#include "model/tensor_file.h"

/* A file begins with the header's size, 8 bytes, and the header, which begins with FB3_HEADER_BEGIN and eight
 * digits: version and checksum are found without parsing. */
#define FB3_FORMAT_NAME    "flowbd3"
#define FB3_FORMAT_VERSION "1"
#define FB3_HEADER_MAGIC   "{\"__metadata__\":{\"format\":\"" FB3_FORMAT_NAME "\",\"version\":\""
#define FB3_HEADER_BEGIN   FB3_HEADER_MAGIC FB3_FORMAT_VERSION "\",\"checksum_header\":\""

#define FB3_METADATA         "__metadata__"
#define FB3_MAX_HEADER       100000000u /* bytes, the limit of the safetensors format */
#define FB3_CHECKSUM_DIGITS  8
#define FB3_HEADER_SIZE_SIZE 8
#define FB3_CHECKSUM_OFFSET  (FB3_HEADER_SIZE_SIZE + sizeof FB3_HEADER_BEGIN - 1)

/* CRC-32 of header size and header, the digits of the checksum taken as zeros. size reaches past them. */
uint32_t fb3_header_checksum(const char *begin, size_t size);

/* Eight lower-case hexadecimal digits. */
void fb3_print_checksum(char text[FB3_CHECKSUM_DIGITS + 1], uint32_t checksum);
bool fb3_parse_checksum(const char *text, size_t size, uint32_t *checksum);

/* A matrix without gaps is one long row. */
void fb3_tensor_rows(const fb3_tensor_view *view, size_t *rows, size_t *columns);

/* Parses JSON text within bounds on depth and on the memory it takes. what and path are for the message.
 * Errors: FORMAT, MEMORY. */
flowbd3_status fb3_json_parse(json_t **out, const char *text, size_t size, const char *what, const char *path,
                              flowbd3_error *err);

#endif
