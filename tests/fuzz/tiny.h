/* Tables and models so small that a fuzz target trains and samples in milliseconds. */
#ifndef TINY_H
#define TINY_H

#include "fuzz.h"

#include <unistd.h>

enum { TINY_ROWS = 24 };

/* proto and host; port, missing now and then; pkts; bytes = 40 pkts; dur; start, a second apart. */
static inline flowbd3_table *tiny_table(flowbd3_context *context, size_t first, size_t rows) {
    static const char *const protos[] = {"tcp", "udp", "a,b \"c\""}, *const hosts[] = {"10.0.0.1", "::1"};
    const char *proto[TINY_ROWS], *host[TINY_ROWS];
    int64_t port[TINY_ROWS], pkts[TINY_ROWS], bytes[TINY_ROWS], start[TINY_ROWS];
    uint8_t there[TINY_ROWS];
    double dur[TINY_ROWS];
    check(rows <= TINY_ROWS);
    for (size_t i = 0; i < rows; i++) {
        size_t k = first + i;
        proto[i] = protos[k % 3];
        host[i] = hosts[k / 2 % 2];
        there[i] = k % 5 != 0;
        port[i] = there[i] ? (int64_t)(k % 2 ? 53 : 1024 + k) : 0;
        pkts[i] = (int64_t)(1 + k * 7 % 5);
        bytes[i] = 40 * pkts[i];
        dur[i] = (double)(k * k % 11) / 4.0;
        start[i] = (int64_t)k * 1000000000;
    }
    flowbd3_table *t;
    check(flowbd3_table_create(&t, context, NULL) == FLOWBD3_OK);
    check(flowbd3_table_add_categorical(t, "proto", proto, rows, NULL) == FLOWBD3_OK);
    check(flowbd3_table_add_address(t, "host", host, rows, NULL) == FLOWBD3_OK);
    check(flowbd3_table_add_integer(t, "port", port, there, rows, NULL) == FLOWBD3_OK);
    check(flowbd3_table_add_integer(t, "pkts", pkts, NULL, rows, NULL) == FLOWBD3_OK);
    check(flowbd3_table_add_integer(t, "bytes", bytes, NULL, rows, NULL) == FLOWBD3_OK);
    check(flowbd3_table_add_real(t, "dur", dur, NULL, rows, NULL) == FLOWBD3_OK);
    check(flowbd3_table_add_timestamp(t, "start", start, NULL, rows, NULL) == FLOWBD3_OK);
    return t;
}

static inline flowbd3_model_options tiny_options(void) {
    flowbd3_model_options options = FLOWBD3_MODEL_OPTIONS_INIT;
    options.d_model = 4;
    options.n_heads = 1;
    options.n_layers = 1;
    options.d_ff = 4;
    return options;
}

/* sequences: flows of a host in the order of start. */
static inline flowbd3_model *tiny_model(const flowbd3_table *table, bool sequences) {
    static const char *const host[] = {"host"};
    flowbd3_tokenizer_options fitting = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    flowbd3_model_options options = tiny_options();
    flowbd3_tokenizer *tokenizer;
    flowbd3_model *model;
    fitting.bins = 4;
    if (sequences) {
        fitting.group_by = host;
        fitting.n_group_by = 1;
        fitting.order_by = "start";
        options.sequence_length = 4;
    }
    check(flowbd3_tokenizer_create(&tokenizer, table, &fitting, NULL) == FLOWBD3_OK);
    check(flowbd3_model_create(&model, tokenizer, &options, NULL) == FLOWBD3_OK);
    flowbd3_tokenizer_destroy(&tokenizer);
    return model;
}

/* A trainer of three epochs of three steps. */
static inline flowbd3_trainer *tiny_trainer(flowbd3_model *model, const flowbd3_table *train,
                                            const flowbd3_table *validation) {
    flowbd3_trainer_options options = FLOWBD3_TRAINER_OPTIONS_INIT;
    flowbd3_trainer *trainer;
    options.epochs = 3;
    options.batch_size = 8;
    options.patience = UINT32_MAX;
    check(flowbd3_trainer_create(&trainer, model, train, validation, &options, NULL) == FLOWBD3_OK);
    return trainer;
}

/* ---- a directory of the process's own, gone when it ends ---------------------------------------- */

enum { TINY_PATH = 256 };

static char tiny_directory_name[TINY_PATH / 2];

static inline void tiny_remove_directory(void) {
    static const char *const names[] = {"own", "input", "again", "latest", "table"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[TINY_PATH];
        (void)snprintf(path, sizeof path, "%s/%s", tiny_directory_name, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(tiny_directory_name);
}

/* The path of a file: "own", "input", "again", "latest" or "table". */
static inline void tiny_path(char path[TINY_PATH], const char *name) {
    if (*tiny_directory_name == '\0') {
        const char *parent = getenv("TMPDIR");
        (void)snprintf(tiny_directory_name, sizeof tiny_directory_name, "%s/flowbd3-fuzz-XXXXXX",
                       parent != NULL ? parent : "/tmp");
        check(mkdtemp(tiny_directory_name) != NULL && atexit(tiny_remove_directory) == 0);
    }
    (void)snprintf(path, TINY_PATH, "%s/%s", tiny_directory_name, name);
}

#endif
