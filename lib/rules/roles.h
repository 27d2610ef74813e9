/* What the columns of a table of flows are, by the names that exporters give them. */
#ifndef FB3_RULES_ROLES_H
#define FB3_RULES_ROLES_H

#include "rules/rules.h"

typedef enum fb3_role {
    FB3_ROLE_PROTOCOL,
    FB3_ROLE_SOURCE_PORT,
    FB3_ROLE_DESTINATION_PORT,
    FB3_ROLE_PACKETS, /* of both directions, or of a flow that has one */
    FB3_ROLE_SOURCE_PACKETS,
    FB3_ROLE_DESTINATION_PACKETS,
    FB3_ROLE_BYTES,
    FB3_ROLE_SOURCE_BYTES,
    FB3_ROLE_DESTINATION_BYTES,
    FB3_ROLE_DURATION,
    FB3_ROLE_STATE, /* as Argus writes it: the flags of both sides of TCP with a '_' between */
    FB3_ROLES,
    /* Several columns may be these. */
    FB3_ROLE_TCP_FLAGS,
    FB3_ROLE_RATE,
    FB3_ROLE_NONE
} fb3_role;

typedef enum fb3_role_detail {
    FB3_PLAIN,
    FB3_BYTES_OF_IP,   /* of packets with their IP headers */
    FB3_BYTES_OF_LINK, /* of whole frames */
    FB3_BYTES_OF_PAYLOAD,
    FB3_FIRST_TO_LAST /* duration: from the first packet to the last, so that one packet takes 0 */
} fb3_role_detail;

/* The role of a column of the table, and a detail of it. */
fb3_role fb3_role_of_column(const flowbd3_table *table, size_t column, fb3_role_detail *detail);

#endif
