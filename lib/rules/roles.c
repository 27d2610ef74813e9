/* Names of columns: NetFlow v5 and v9, IPFIX, Argus, Zeek's conn.log, CICFlowMeter, nfdump. */
#include "rules/roles.h"

#include <string.h>

/* Names are in lower case, without blanks, '_' and '.'. The first line whose name is the column's, and whose
 * other name, if it has one, is that of another column, gives the role. */
typedef struct known_name {
    const char *name;
    fb3_role role;
    fb3_role_detail detail;
    const char *with;
} known_name;

static const known_name known_names[] = {
    {"proto", FB3_ROLE_PROTOCOL, FB3_PLAIN, NULL},
    {"protocol", FB3_ROLE_PROTOCOL, FB3_PLAIN, NULL},
    {"prot", FB3_ROLE_PROTOCOL, FB3_PLAIN, NULL},
    {"protocolidentifier", FB3_ROLE_PROTOCOL, FB3_PLAIN, NULL},
    {"pr", FB3_ROLE_PROTOCOL, FB3_PLAIN, "td"},

    {"sport", FB3_ROLE_SOURCE_PORT, FB3_PLAIN, NULL},
    {"srcport", FB3_ROLE_SOURCE_PORT, FB3_PLAIN, NULL},
    {"sourceport", FB3_ROLE_SOURCE_PORT, FB3_PLAIN, NULL},
    {"sourcetransportport", FB3_ROLE_SOURCE_PORT, FB3_PLAIN, NULL},
    {"l4srcport", FB3_ROLE_SOURCE_PORT, FB3_PLAIN, NULL},
    {"idorigp", FB3_ROLE_SOURCE_PORT, FB3_PLAIN, NULL},
    {"sp", FB3_ROLE_SOURCE_PORT, FB3_PLAIN, "dp"},

    {"dport", FB3_ROLE_DESTINATION_PORT, FB3_PLAIN, NULL},
    {"dsport", FB3_ROLE_DESTINATION_PORT, FB3_PLAIN, "sport"},
    {"dstport", FB3_ROLE_DESTINATION_PORT, FB3_PLAIN, NULL},
    {"destinationport", FB3_ROLE_DESTINATION_PORT, FB3_PLAIN, NULL},
    {"destinationtransportport", FB3_ROLE_DESTINATION_PORT, FB3_PLAIN, NULL},
    {"l4dstport", FB3_ROLE_DESTINATION_PORT, FB3_PLAIN, NULL},
    {"idrespp", FB3_ROLE_DESTINATION_PORT, FB3_PLAIN, NULL},
    {"dp", FB3_ROLE_DESTINATION_PORT, FB3_PLAIN, "sp"},

    {"totpkts", FB3_ROLE_PACKETS, FB3_PLAIN, NULL},
    {"totalpackets", FB3_ROLE_PACKETS, FB3_PLAIN, NULL},
    {"packets", FB3_ROLE_PACKETS, FB3_PLAIN, NULL},
    {"dpkts", FB3_ROLE_PACKETS, FB3_PLAIN, "doctets"},
    {"packetdeltacount", FB3_ROLE_SOURCE_PACKETS, FB3_PLAIN, "reversepacketdeltacount"},
    {"packettotalcount", FB3_ROLE_SOURCE_PACKETS, FB3_PLAIN, "reversepackettotalcount"},
    {"packetdeltacount", FB3_ROLE_PACKETS, FB3_PLAIN, NULL},
    {"packettotalcount", FB3_ROLE_PACKETS, FB3_PLAIN, NULL},

    {"srcpkts", FB3_ROLE_SOURCE_PACKETS, FB3_PLAIN, NULL},
    {"spkts", FB3_ROLE_SOURCE_PACKETS, FB3_PLAIN, NULL},
    {"origpkts", FB3_ROLE_SOURCE_PACKETS, FB3_PLAIN, NULL},
    {"inpkts", FB3_ROLE_SOURCE_PACKETS, FB3_PLAIN, NULL},
    {"ipkt", FB3_ROLE_SOURCE_PACKETS, FB3_PLAIN, NULL},
    {"initiatorpackets", FB3_ROLE_SOURCE_PACKETS, FB3_PLAIN, NULL},
    {"totalfwdpackets", FB3_ROLE_SOURCE_PACKETS, FB3_PLAIN, NULL},
    {"totalfwdpacket", FB3_ROLE_SOURCE_PACKETS, FB3_PLAIN, NULL},
    {"totfwdpkts", FB3_ROLE_SOURCE_PACKETS, FB3_PLAIN, NULL},

    {"dstpkts", FB3_ROLE_DESTINATION_PACKETS, FB3_PLAIN, NULL},
    {"dpkts", FB3_ROLE_DESTINATION_PACKETS, FB3_PLAIN, "spkts"},
    {"resppkts", FB3_ROLE_DESTINATION_PACKETS, FB3_PLAIN, NULL},
    {"outpkts", FB3_ROLE_DESTINATION_PACKETS, FB3_PLAIN, NULL},
    {"opkt", FB3_ROLE_DESTINATION_PACKETS, FB3_PLAIN, NULL},
    {"responderpackets", FB3_ROLE_DESTINATION_PACKETS, FB3_PLAIN, NULL},
    {"reversepacketdeltacount", FB3_ROLE_DESTINATION_PACKETS, FB3_PLAIN, NULL},
    {"reversepackettotalcount", FB3_ROLE_DESTINATION_PACKETS, FB3_PLAIN, NULL},
    {"totalbackwardpackets", FB3_ROLE_DESTINATION_PACKETS, FB3_PLAIN, NULL},
    {"totalbwdpackets", FB3_ROLE_DESTINATION_PACKETS, FB3_PLAIN, NULL},
    {"totbwdpkts", FB3_ROLE_DESTINATION_PACKETS, FB3_PLAIN, NULL},

    {"totbytes", FB3_ROLE_BYTES, FB3_BYTES_OF_LINK, NULL},
    {"totalbytes", FB3_ROLE_BYTES, FB3_PLAIN, NULL},
    {"bytes", FB3_ROLE_BYTES, FB3_BYTES_OF_IP, "bpp"},
    {"bytes", FB3_ROLE_BYTES, FB3_PLAIN, NULL},
    {"doctets", FB3_ROLE_BYTES, FB3_BYTES_OF_IP, NULL},
    {"octetdeltacount", FB3_ROLE_SOURCE_BYTES, FB3_BYTES_OF_IP, "reverseoctetdeltacount"},
    {"octettotalcount", FB3_ROLE_SOURCE_BYTES, FB3_BYTES_OF_IP, "reverseoctettotalcount"},
    {"octetdeltacount", FB3_ROLE_BYTES, FB3_BYTES_OF_IP, NULL},
    {"octettotalcount", FB3_ROLE_BYTES, FB3_BYTES_OF_IP, NULL},

    {"srcbytes", FB3_ROLE_SOURCE_BYTES, FB3_BYTES_OF_LINK, NULL},
    {"sbytes", FB3_ROLE_SOURCE_BYTES, FB3_BYTES_OF_LINK, NULL},
    {"origipbytes", FB3_ROLE_SOURCE_BYTES, FB3_BYTES_OF_IP, NULL},
    {"inbytes", FB3_ROLE_SOURCE_BYTES, FB3_BYTES_OF_IP, NULL},
    {"ibyt", FB3_ROLE_SOURCE_BYTES, FB3_BYTES_OF_IP, NULL},
    {"initiatoroctets", FB3_ROLE_SOURCE_BYTES, FB3_BYTES_OF_PAYLOAD, NULL},
    {"totallengthoffwdpackets", FB3_ROLE_SOURCE_BYTES, FB3_BYTES_OF_PAYLOAD, NULL},
    {"totallengthoffwdpacket", FB3_ROLE_SOURCE_BYTES, FB3_BYTES_OF_PAYLOAD, NULL},
    {"totlenfwdpkts", FB3_ROLE_SOURCE_BYTES, FB3_BYTES_OF_PAYLOAD, NULL},

    {"dstbytes", FB3_ROLE_DESTINATION_BYTES, FB3_BYTES_OF_LINK, NULL},
    {"dbytes", FB3_ROLE_DESTINATION_BYTES, FB3_BYTES_OF_LINK, NULL},
    {"respipbytes", FB3_ROLE_DESTINATION_BYTES, FB3_BYTES_OF_IP, NULL},
    {"outbytes", FB3_ROLE_DESTINATION_BYTES, FB3_BYTES_OF_IP, NULL},
    {"obyt", FB3_ROLE_DESTINATION_BYTES, FB3_BYTES_OF_IP, NULL},
    {"responderoctets", FB3_ROLE_DESTINATION_BYTES, FB3_BYTES_OF_PAYLOAD, NULL},
    {"reverseoctetdeltacount", FB3_ROLE_DESTINATION_BYTES, FB3_BYTES_OF_IP, NULL},
    {"reverseoctettotalcount", FB3_ROLE_DESTINATION_BYTES, FB3_BYTES_OF_IP, NULL},
    {"totallengthofbwdpackets", FB3_ROLE_DESTINATION_BYTES, FB3_BYTES_OF_PAYLOAD, NULL},
    {"totallengthofbwdpacket", FB3_ROLE_DESTINATION_BYTES, FB3_BYTES_OF_PAYLOAD, NULL},
    {"totlenbwdpkts", FB3_ROLE_DESTINATION_BYTES, FB3_BYTES_OF_PAYLOAD, NULL},

    {"dur", FB3_ROLE_DURATION, FB3_PLAIN, NULL},
    {"td", FB3_ROLE_DURATION, FB3_FIRST_TO_LAST, NULL},
    {"duration", FB3_ROLE_DURATION, FB3_FIRST_TO_LAST, "idorigp"},
    {"duration", FB3_ROLE_DURATION, FB3_FIRST_TO_LAST, "bpp"},
    {"duration", FB3_ROLE_DURATION, FB3_PLAIN, NULL},
    {"flowduration", FB3_ROLE_DURATION, FB3_FIRST_TO_LAST, NULL},
    /* nProbe writes durations of its own making. */
    {"flowdurationmilliseconds", FB3_ROLE_DURATION, FB3_PLAIN, "inpkts"},
    {"flowdurationmilliseconds", FB3_ROLE_DURATION, FB3_FIRST_TO_LAST, NULL},
    {"flowdurationmicroseconds", FB3_ROLE_DURATION, FB3_FIRST_TO_LAST, NULL},

    {"state", FB3_ROLE_STATE, FB3_PLAIN, "totpkts"},
    {"state", FB3_ROLE_STATE, FB3_PLAIN, "totbytes"},
    {"state", FB3_ROLE_STATE, FB3_PLAIN, "srcbytes"},

    {"tcpflags", FB3_ROLE_TCP_FLAGS, FB3_PLAIN, NULL},
    {"tcpcontrolbits", FB3_ROLE_TCP_FLAGS, FB3_PLAIN, NULL},
    {"flg", FB3_ROLE_TCP_FLAGS, FB3_PLAIN, "td"},
    {"finflagcount", FB3_ROLE_TCP_FLAGS, FB3_PLAIN, NULL},
    {"finflagcnt", FB3_ROLE_TCP_FLAGS, FB3_PLAIN, NULL},
    {"synflagcount", FB3_ROLE_TCP_FLAGS, FB3_PLAIN, NULL},
    {"synflagcnt", FB3_ROLE_TCP_FLAGS, FB3_PLAIN, NULL},
    {"rstflagcount", FB3_ROLE_TCP_FLAGS, FB3_PLAIN, NULL},
    {"rstflagcnt", FB3_ROLE_TCP_FLAGS, FB3_PLAIN, NULL},

    {"rate", FB3_ROLE_RATE, FB3_PLAIN, NULL},
    {"srcrate", FB3_ROLE_RATE, FB3_PLAIN, NULL},
    {"dstrate", FB3_ROLE_RATE, FB3_PLAIN, NULL},
    {"load", FB3_ROLE_RATE, FB3_PLAIN, NULL},
    {"srcload", FB3_ROLE_RATE, FB3_PLAIN, NULL},
    {"dstload", FB3_ROLE_RATE, FB3_PLAIN, NULL},
    {"sload", FB3_ROLE_RATE, FB3_PLAIN, "dload"},
    {"dload", FB3_ROLE_RATE, FB3_PLAIN, "sload"},
    {"bps", FB3_ROLE_RATE, FB3_PLAIN, NULL},
    {"pps", FB3_ROLE_RATE, FB3_PLAIN, NULL},
    {"flowbytes/s", FB3_ROLE_RATE, FB3_PLAIN, NULL},
    {"flowbyts/s", FB3_ROLE_RATE, FB3_PLAIN, NULL},
    {"flowpackets/s", FB3_ROLE_RATE, FB3_PLAIN, NULL},
    {"flowpkts/s", FB3_ROLE_RATE, FB3_PLAIN, NULL},
    {"fwdpackets/s", FB3_ROLE_RATE, FB3_PLAIN, NULL},
    {"fwdpkts/s", FB3_ROLE_RATE, FB3_PLAIN, NULL},
    {"bwdpackets/s", FB3_ROLE_RATE, FB3_PLAIN, NULL},
    {"bwdpkts/s", FB3_ROLE_RATE, FB3_PLAIN, NULL},
};

/* Whether a column's name is a known one, whatever its case, blanks, '_' and '.'. */
static bool is_name(const char *name, const char *known) {
    for (;; name++) {
        char c = *name;
        if (c == ' ' || c == '_' || c == '.')
            continue;
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        if (c != *known)
            return false;
        if (c == '\0')
            return true;
        known++;
    }
}

static bool has_name(const flowbd3_table *table, const char *known) {
    for (size_t i = 0; i < table->n_columns; i++)
        if (is_name(table->columns[i].name, known))
            return true;
    return false;
}

fb3_role fb3_role_of_column(const flowbd3_table *table, size_t column, fb3_role_detail *detail) {
    const fb3_column *c = &table->columns[column];
    for (size_t i = 0; i < FB3_COUNT(known_names); i++) {
        const known_name *known = &known_names[i];
        if (!is_name(c->name, known->name) || (known->with != NULL && !has_name(table, known->with)))
            continue;
        *detail = known->detail;
        return known->role;
    }
    *detail = FB3_PLAIN;
    return FB3_ROLE_NONE;
}
