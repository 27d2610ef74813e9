/* Made-up flows of known distributions. */
#ifndef SAMPLE_FLOWS_H
#define SAMPLE_FLOWS_H

#include <flowbd3/table.h>

/* Makes flows rows, the same for the same seed on every machine whose mathematical library agrees.
 *
 *   duration         Exp, mean 10 s
 *   total_packets    Poisson, mean max(1, 5 duration); integer
 *   total_bytes      total_packets size + N(0, 50 total_packets), at least 64 total_packets
 *   packets_per_sec  total_packets / max(duration, 0.001)
 *   bytes_per_sec    total_bytes / max(duration, 0.001)
 *   avg_packet_size  the size: N(800, 300) clipped to [64, 1500]; only with 8 features
 *   protocol         6, 17, 1 with shares 0.70, 0.25, 0.05; integer
 *   port_ratio       Exp, mean 1; only with 8 features
 *
 * Real values have 6 decimals. features is 6 or 8. The caller owns *out. Errors: ARGUMENT (features, no
 * flows), MEMORY. */
flowbd3_status make_sample_flows(flowbd3_table **out, flowbd3_context *context, size_t flows, int features,
                                 uint64_t seed, flowbd3_error *err);

#endif
