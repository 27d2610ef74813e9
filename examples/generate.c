/* flowbd3-generate: generates flows from a trained model. */
#include "command_line.h"
#include "failure.h"
#include "interrupt.h"
#include "program_context.h"
#include "progress_bar.h"
#include "stopwatch.h"

#include <flowbd3/flowbd3.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct arguments {
    char *model, *output;
    uint64_t n_samples, order, steps, sequence_flows, batch_size, seed, threads;
    double temperature, top_p, threshold, remask, loop_from, loop_to; /* 0: the library's default */
    bool centres;
} arguments;

/* As flowbd3_order. */
static const char *const orders[] = {
    "random",     "ancestral",      "confidence",        "margin",      "entropy", "threshold",
    "remask-cap", "remask-rescale", "remask-confidence", "remask-loop", NULL};

enum { OPTIONS = 16 };

static void list_options(program_option *options, arguments *a) {
    const program_option list[OPTIONS] = {
        {.name = "model",
         .kind = OPTION_TEXT,
         .value = &a->model,
         .argument = "FILE",
         .help = "A model of flowbd3-train: best.safetensors or latest.safetensors"},
        {.name = "output",
         .kind = OPTION_TEXT,
         .value = &a->output,
         .argument = "FILE.csv",
         .help = "Where the rows go"},
        {.name = "n-samples",
         .kind = OPTION_COUNT,
         .value = &a->n_samples,
         .least = 1,
         .most = 1e15,
         .argument = "N",
         .help = "Rows to generate (default: 1000)"},
        {.name = "temperature",
         .kind = OPTION_REAL,
         .value = &a->temperature,
         .least = 1e-3,
         .most = 1000,
         .argument = "T",
         .help = "Temperature of the draws; below 1 prefers the frequent (default: 1)"},
        {.name = "top-p",
         .kind = OPTION_REAL,
         .value = &a->top_p,
         .least = 1e-6,
         .most = 1,
         .argument = "P",
         .help = "Draw among the most probable values that together reach P (default: 1)"},
        {.name = "steps",
         .kind = OPTION_COUNT,
         .value = &a->steps,
         .least = 0,
         .most = 1e9,
         .argument = "N",
         .help =
             "Network evaluations per block, 0 = one per value; for ancestral and remask-*, time steps, 0 = "
             "2 and 4 per value (default: 0)"},
        {.name = "order",
         .kind = OPTION_CHOICE,
         .value = &a->order,
         .choices = orders,
         .argument = "ORDER",
         .help = "Order in which the values of a block are drawn: random, which is exact, ancestral, "
                 "confidence, margin, entropy, threshold, remask-cap, remask-rescale, remask-confidence or "
                 "remask-loop (default: random)"},
        {.name = "threshold",
         .kind = OPTION_REAL,
         .value = &a->threshold,
         .least = 1e-6,
         .most = 1,
         .argument = "P",
         .help =
             "Of --order threshold: draw all values at once whose largest probability reaches P (default: "
             "0.9)"},
        {.name = "remask",
         .kind = OPTION_REAL,
         .value = &a->remask,
         .least = 1e-6,
         .most = 1,
         .argument = "SHARE",
         .help = "Of --order remask-*: how strongly drawn values are masked again (default: 0.02, for "
                 "remask-confidence 0.2)"},
        {.name = "loop-from",
         .kind = OPTION_REAL,
         .value = &a->loop_from,
         .least = 1e-6,
         .most = 1,
         .argument = "TIME",
         .help = "Of --order remask-loop: when masking again begins; time runs from 1 to 0 (default: 0.55)"},
        {.name = "loop-to",
         .kind = OPTION_REAL,
         .value = &a->loop_to,
         .least = 1e-6,
         .most = 1,
         .argument = "TIME",
         .help = "Of --order remask-loop: when it ends (default: 0.05)"},
        {.name = "sequence-flows",
         .kind = OPTION_COUNT,
         .value = &a->sequence_flows,
         .least = 0,
         .most = 1048576,
         .argument = "N",
         .help = "Rows of every sequence, 0 = lengths as in training (default: 0)"},
        {.name = "seed",
         .kind = OPTION_COUNT,
         .value = &a->seed,
         .least = 0,
         .most = LARGEST_SEED,
         .argument = "N",
         .help = "Seed of the draws (default: 0)"},
        {.name = "threads",
         .kind = OPTION_COUNT,
         .value = &a->threads,
         .least = 0,
         .most = 1024,
         .argument = "N",
         .help = "Threads, 0 = all processors (default: 0); the rows do not depend on it"},
        {.name = "batch-size",
         .kind = OPTION_COUNT,
         .value = &a->batch_size,
         .least = 0,
         .most = 65536,
         .argument = "N",
         .help = "Rows in flight, 0 = chosen (default: 0); the rows do not depend on it"},
        {.name = "centres",
         .kind = OPTION_FLAG,
         .value = &a->centres,
         .help = "Give the centre of a bin instead of a value drawn inside it"},
    };
    memcpy(options, list, sizeof list);
}

static int read_arguments(program_option *options, int argc, char **argv) {
    int status = read_command_line("--model FILE --output FILE.csv [OPTION...]\n"
                                   "Generates flows from a trained model.\n",
                                   options, OPTIONS, argc, argv);
    if (status < 0)
        status = require_option(options, OPTIONS, "model");
    return status < 0 ? require_option(options, OPTIONS, "output") : status;
}

/* ---- generating -------------------------------------------------------------------------------- */

static flowbd3_sampler_options sampler_options(const arguments *a) {
    flowbd3_sampler_options options = FLOWBD3_SAMPLER_OPTIONS_INIT;
    options.steps = (uint32_t)a->steps;
    options.temperature = a->temperature;
    options.top_p = a->top_p;
    options.seed = a->seed;
    options.batch_size = (uint32_t)a->batch_size;
    options.decoding = a->centres ? FLOWBD3_DECODE_CENTRE : FLOWBD3_DECODE_DRAW;
    options.order = (flowbd3_order)a->order;
    options.threshold = a->threshold;
    options.remask = a->remask;
    options.loop_from = a->loop_from;
    options.loop_to = a->loop_to;
    options.sequence_flows = (uint32_t)a->sequence_flows;
    return options;
}

/* Says how much memory it takes where that is worth knowing beforehand. */
static flowbd3_status make_sampler(flowbd3_sampler **sampler, const flowbd3_model *model, const arguments *a,
                                   flowbd3_error *err) {
    flowbd3_sampler_options options = sampler_options(a);
    uint64_t bytes;
    flowbd3_status status = flowbd3_sampler_memory(model, &options, &bytes, err);
    if (status != FLOWBD3_OK)
        return status;
    if (bytes > 100000000)
        fprintf(stderr, "the sampler takes %.0f MB\n", (double)bytes / 1e6);
    return flowbd3_sampler_create(sampler, model, &options, err);
}

typedef struct destination {
    flowbd3_csv_writer *writer;
    flowbd3_error *err;
    flowbd3_status status; /* of the writer */
} destination;

static int write_chunk(void *user, const flowbd3_table *chunk) {
    destination *to = user;
    to->status = flowbd3_csv_writer_write(to->writer, chunk, to->err);
    return to->status != FLOWBD3_OK;
}

static flowbd3_status write_rows(flowbd3_sampler *sampler, destination *to, uint64_t rows,
                                 flowbd3_error *err) {
    progress_bar bar = {.unit = "rows"};
    flowbd3_error ignored;
    flowbd3_status status =
        flowbd3_sampler_stream(sampler, rows, write_chunk, to, show_progress, &bar, &ignored);
    end_progress(&bar);
    if (to->status != FLOWBD3_OK)
        return to->status;
    if (status == FLOWBD3_OK)
        return flowbd3_csv_writer_commit(to->writer, err);
    *err = ignored;
    return status;
}

/* The library draws whole sequences, several at a time, and may have drawn more rows than were asked for. */
static void say_what_it_took(const flowbd3_sampler *sampler, uint64_t rows, double seconds) {
    uint64_t drawn, evaluations = flowbd3_sampler_evaluations(sampler, &drawn);
    fprintf(stderr, "%llu rows in %.2f s, %.0f rows/s, %.2f network evaluations per row\n",
            (unsigned long long)rows, seconds, (double)drawn / seconds, (double)evaluations / (double)drawn);
}

static flowbd3_status generate(flowbd3_context *context, const arguments *a, flowbd3_error *err) {
    double began = seconds_now();
    flowbd3_model *model = NULL;
    flowbd3_sampler *sampler = NULL;
    destination to = {.err = err};
    flowbd3_status status = flowbd3_model_load(&model, context, a->model, err);
    if (status == FLOWBD3_OK)
        status = make_sampler(&sampler, model, a, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_csv_writer_create(&to.writer, context, a->output, NULL, err);
    if (status == FLOWBD3_OK)
        status = write_rows(sampler, &to, a->n_samples, err);
    if (status == FLOWBD3_OK)
        say_what_it_took(sampler, a->n_samples, seconds_now() - began);
    flowbd3_csv_writer_destroy(&to.writer);
    flowbd3_sampler_destroy(&sampler);
    flowbd3_model_destroy(&model);
    return status;
}

int main(int argc, char **argv) {
    arguments a = {.n_samples = 1000};
    program_option options[OPTIONS];
    list_options(options, &a);
    int status = read_arguments(options, argc, argv);
    if (status < 0) {
        catch_interrupts();
        flowbd3_error err = {0};
        flowbd3_context *context = NULL;
        status = create_program_context(&context, a.threads, &err) == FLOWBD3_OK &&
                         generate(context, &a, &err) == FLOWBD3_OK
                     ? EXIT_SUCCESS
                     : library_failure(&err);
        flowbd3_context_destroy(&context);
    }
    release_options(options, OPTIONS);
    return status;
}
