#include "sample_flows.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct flow {
    double duration, total_bytes, packets_per_sec, bytes_per_sec, avg_packet_size, port_ratio;
    int64_t total_packets, protocol;
} flow;

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t random_word(uint64_t *state) {
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* On (0, 1), never an end. */
static double random_uniform(uint64_t *state) {
    return ((double)(random_word(state) >> 11) + 0.5) * 0x1p-53;
}

static double random_exponential(uint64_t *state, double mean) {
    return -mean * log(random_uniform(state));
}

/* Box and Muller 1958; the second value is not used. */
static double random_normal(uint64_t *state, double mean, double deviation) {
    double radius = sqrt(-2.0 * log(random_uniform(state)));
    return mean + deviation * radius * cos(2.0 * acos(-1.0) * random_uniform(state));
}

/* Arrivals of a Poisson process of rate 1 before time mean: exact, in time proportional to mean, which is 50
 * on average here. */
static int64_t random_poisson(uint64_t *state, double mean) {
    int64_t arrivals = 0;
    for (double time = random_exponential(state, 1.0); time < mean; time += random_exponential(state, 1.0))
        arrivals++;
    return arrivals;
}

static double six_decimals(double x) {
    return round(x * 1e6) / 1e6;
}

/* Rates and bytes come from the rounded values, so that the relations hold between the printed ones. */
static flow random_flow(uint64_t *state) {
    flow f;
    f.duration = six_decimals(random_exponential(state, 10.0));
    f.total_packets = random_poisson(state, fmax(1.0, 5.0 * f.duration));
    f.avg_packet_size = six_decimals(fmin(fmax(random_normal(state, 800.0, 300.0), 64.0), 1500.0));
    double packets = (double)f.total_packets;
    double bytes = packets * f.avg_packet_size + random_normal(state, 0.0, 50.0 * packets);
    f.total_bytes = six_decimals(fmax(bytes, 64.0 * packets));
    f.packets_per_sec = six_decimals(packets / fmax(f.duration, 0.001));
    f.bytes_per_sec = six_decimals(f.total_bytes / fmax(f.duration, 0.001));
    double u = random_uniform(state);
    f.protocol = u < 0.70 ? 6 : u < 0.95 ? 17 : 1;
    f.port_ratio = six_decimals(random_exponential(state, 1.0));
    return f;
}

/* Adds one real column; scratch[flows]. The fields of a flow are numbered by their offset. */
static flowbd3_status add_real(flowbd3_table *table, const char *name, const flow *f, size_t offset,
                               double *scratch, size_t flows, flowbd3_error *err) {
    for (size_t i = 0; i < flows; i++)
        scratch[i] = *(const double *)(const void *)((const char *)&f[i] + offset);
    flowbd3_status status = flowbd3_table_add_real(table, name, scratch, NULL, flows, err);
    if (status != FLOWBD3_OK)
        return status;
    return flowbd3_table_set_decimals(table, flowbd3_table_columns(table) - 1, 6, err);
}

static flowbd3_status add_integer(flowbd3_table *table, const char *name, const flow *f, size_t offset,
                                  int64_t *scratch, size_t flows, flowbd3_error *err) {
    for (size_t i = 0; i < flows; i++)
        scratch[i] = *(const int64_t *)(const void *)((const char *)&f[i] + offset);
    return flowbd3_table_add_integer(table, name, scratch, NULL, flows, err);
}

static flowbd3_status add_columns(flowbd3_table *table, const flow *f, void *scratch, size_t flows, bool all,
                                  flowbd3_error *err) {
    static const struct {
        const char *name;
        size_t offset;
        bool integer, only_with_all;
    } columns[] = {
        {"duration", offsetof(flow, duration), false, false},
        {"total_packets", offsetof(flow, total_packets), true, false},
        {"total_bytes", offsetof(flow, total_bytes), false, false},
        {"packets_per_sec", offsetof(flow, packets_per_sec), false, false},
        {"bytes_per_sec", offsetof(flow, bytes_per_sec), false, false},
        {"avg_packet_size", offsetof(flow, avg_packet_size), false, true},
        {"protocol", offsetof(flow, protocol), true, false},
        {"port_ratio", offsetof(flow, port_ratio), false, true},
    };
    flowbd3_status status = FLOWBD3_OK;
    for (size_t c = 0; c < sizeof columns / sizeof columns[0] && status == FLOWBD3_OK; c++) {
        if (columns[c].only_with_all && !all)
            continue;
        if (columns[c].integer)
            status = add_integer(table, columns[c].name, f, columns[c].offset, scratch, flows, err);
        else
            status = add_real(table, columns[c].name, f, columns[c].offset, scratch, flows, err);
    }
    return status;
}

static flowbd3_status failed(flowbd3_error *err, flowbd3_status status, const char *message) {
    if (err != NULL) {
        *err = (flowbd3_error){.status = status};
        snprintf(err->message, sizeof err->message, "%s", message);
    }
    return status;
}

flowbd3_status make_sample_flows(flowbd3_table **out, flowbd3_context *context, size_t flows, int features,
                                 uint64_t seed, flowbd3_error *err) {
    if (out == NULL)
        return failed(err, FLOWBD3_ERROR_ARGUMENT, "no place for the sample flows was given");
    *out = NULL;
    if (features != 6 && features != 8)
        return failed(err, FLOWBD3_ERROR_ARGUMENT, "sample flows have 6 or 8 features");
    if (flows == 0)
        return failed(err, FLOWBD3_ERROR_ARGUMENT, "at least one sample flow must be asked for");
    flow *f = calloc(flows, sizeof *f);
    void *scratch = calloc(flows, sizeof(double));
    flowbd3_table *table = NULL;
    flowbd3_status status = FLOWBD3_ERROR_MEMORY;
    if (f == NULL || scratch == NULL) {
        failed(err, status, "out of memory for the sample flows");
        goto done;
    }
    for (size_t i = 0; i < flows; i++)
        f[i] = random_flow(&seed);
    status = flowbd3_table_create(&table, context, err);
    if (status == FLOWBD3_OK)
        status = add_columns(table, f, scratch, flows, features == 8, err);
    if (status == FLOWBD3_OK) {
        *out = table;
        table = NULL;
    }
done:
    flowbd3_table_destroy(&table);
    free(scratch);
    free(f);
    return status;
}
