/* What holds in every flow of sample_flows.h. */
#include "flow_checks.h"

#include <math.h>

double protocol_valid_share(const flowbd3_table *flows) {
    int64_t protocol = flowbd3_table_find(flows, "protocol");
    size_t rows = flowbd3_table_rows(flows), valid = 0;
    if (protocol < 0 || rows == 0)
        return (double)NAN;
    for (size_t i = 0; i < rows; i++) {
        double number = flowbd3_table_number(flows, i, (size_t)protocol);
        valid += number == 6.0 || number == 17.0 || number == 1.0;
    }
    return (double)valid / (double)rows;
}

double rate_consistent_share(const flowbd3_table *flows) {
    int64_t rate = flowbd3_table_find(flows, "packets_per_sec");
    int64_t duration = flowbd3_table_find(flows, "duration");
    int64_t packets = flowbd3_table_find(flows, "total_packets");
    size_t rows = flowbd3_table_rows(flows), consistent = 0;
    if (rate < 0 || duration < 0 || packets < 0 || rows == 0)
        return (double)NAN;
    for (size_t i = 0; i < rows; i++) {
        double count = flowbd3_table_number(flows, i, (size_t)packets);
        double product =
            flowbd3_table_number(flows, i, (size_t)rate) * flowbd3_table_number(flows, i, (size_t)duration);
        consistent += fabs(product - count) <= 0.05 * count;
    }
    return (double)consistent / (double)rows;
}
