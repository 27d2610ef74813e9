/* What holds in every flow of sample_flows.h. */
#ifndef FLOW_CHECKS_H
#define FLOW_CHECKS_H

#include <flowbd3/table.h>

/* Share of the rows whose protocol is 6, 17 or 1. NaN without the column. */
double protocol_valid_share(const flowbd3_table *flows);

/* Share of the rows where packets_per_sec duration is total_packets to 5 %. NaN without the columns. */
double rate_consistent_share(const flowbd3_table *flows);

#endif
