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
    uint64_t n_samples, steps, batch_size, seed, threads;
    double temperature, top_p;
    bool centres;
} arguments;

enum { OPTIONS = 10 };

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
         .help = "Network evaluations per row, 0 = one per value, which is exact (default: 0)"},
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

static flowbd3_status generate(flowbd3_context *context, const arguments *a, flowbd3_error *err) {
    flowbd3_model *model = NULL;
    flowbd3_sampler *sampler = NULL;
    destination to = {.err = err};
    flowbd3_sampler_options options = FLOWBD3_SAMPLER_OPTIONS_INIT;
    options.steps = (uint32_t)a->steps;
    options.temperature = a->temperature;
    options.top_p = a->top_p;
    options.seed = a->seed;
    options.batch_size = (uint32_t)a->batch_size;
    options.decoding = a->centres ? FLOWBD3_DECODE_CENTRE : FLOWBD3_DECODE_DRAW;
    flowbd3_status status = flowbd3_model_load(&model, context, a->model, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_sampler_create(&sampler, model, &options, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_csv_writer_create(&to.writer, context, a->output, NULL, err);
    if (status == FLOWBD3_OK)
        status = write_rows(sampler, &to, a->n_samples, err);
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
        double began = seconds_now();
        if (create_program_context(&context, a.threads, &err) == FLOWBD3_OK &&
            generate(context, &a, &err) == FLOWBD3_OK) {
            double seconds = seconds_now() - began;
            fprintf(stderr, "%llu rows in %.2f s, %.0f rows/s\n", (unsigned long long)a.n_samples, seconds,
                    (double)a.n_samples / seconds);
            status = EXIT_SUCCESS;
        } else {
            status = library_failure(&err);
        }
        flowbd3_context_destroy(&context);
    }
    release_options(options, OPTIONS);
    return status;
}
