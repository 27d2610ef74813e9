/* flowbd3-generate: generates flows from a trained model. */
#include "command_line.h"
#include "completion.h"
#include "failure.h"
#include "interrupt.h"
#include "program_context.h"
#include "progress_bar.h"
#include "row_conditions.h"
#include "stopwatch.h"

#include <flowbd3/flowbd3.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct arguments {
    char *model, *output, *partial;
    uint64_t n_samples, draws, order, steps, sequence_flows, batch_size, seed, threads;
    double temperature, top_p, threshold, remask, loop_from, loop_to; /* 0: the library's default */
    double guidance;
    bool centres;
    row_conditions conditions;
} arguments;

/* As flowbd3_order. */
static const char *const orders[] = {
    "random",     "ancestral",      "confidence",        "margin",      "entropy", "threshold",
    "remask-cap", "remask-rescale", "remask-confidence", "remask-loop", NULL};

/* As flowbd3_draws. */
static const char *const draws[] = {"stratified", "independent", NULL};

enum { OWN_OPTIONS = 19, OPTIONS = OWN_OPTIONS + CONDITION_OPTIONS };

static void list_options(program_option *options, arguments *a) {
    const program_option list[OWN_OPTIONS] = {
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
        {.name = "complete",
         .kind = OPTION_TEXT,
         .value = &a->partial,
         .argument = "PARTIAL.csv",
         .help =
             "Generate what this table has not: empty cells, and columns that are not there; its cells are "
             "kept, row for row"},
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
        {.name = "guidance",
         .kind = OPTION_REAL,
         .value = &a->guidance,
         .least = 0,
         .most = 1000,
         .argument = "W",
         .help =
             "Make rows more typical of their conditions than they are, at the price of diversity; models of "
             "several blocks need --condition-dropout in training (default: 0)"},
        {.name = "steps",
         .kind = OPTION_COUNT,
         .value = &a->steps,
         .least = 0,
         .most = 1e9,
         .argument = "N",
         .help =
             "Network evaluations per block, 0 = one per value; for ancestral and remask-*, time steps, 0 = "
             "2 and 4 per value (default: 0)"},
        {.name = "draws",
         .kind = OPTION_CHOICE,
         .value = &a->draws,
         .choices = draws,
         .argument = "DRAWS",
         .help = "stratified: rows spread evenly over what the model knows, or independent of each other "
                 "(default: stratified)"},
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
    list_condition_options(options + OWN_OPTIONS, &a->conditions);
}

static int read_arguments(arguments *a, program_option *options, int argc, char **argv) {
    int status = read_command_line("--model FILE --output FILE.csv [OPTION...]\n"
                                   "Generates flows from a trained model.\n",
                                   options, OPTIONS, argc, argv);
    if (status < 0)
        status = require_option(options, OPTIONS, "model");
    if (status < 0)
        status = require_option(options, OPTIONS, "output");
    return status < 0 ? parse_row_conditions(&a->conditions) : status;
}

/* ---- generating -------------------------------------------------------------------------------- */

static flowbd3_sampler_options sampler_options(const arguments *a, const flowbd3_rules *rules) {
    flowbd3_sampler_options options = FLOWBD3_SAMPLER_OPTIONS_INIT;
    options.steps = (uint32_t)a->steps;
    options.temperature = a->temperature;
    options.top_p = a->top_p;
    options.guidance = a->guidance;
    options.seed = a->seed;
    options.batch_size = (uint32_t)a->batch_size;
    options.decoding = a->centres ? FLOWBD3_DECODE_CENTRE : FLOWBD3_DECODE_DRAW;
    options.draws = (flowbd3_draws)a->draws;
    options.order = (flowbd3_order)a->order;
    options.threshold = a->threshold;
    options.remask = a->remask;
    options.loop_from = a->loop_from;
    options.loop_to = a->loop_to;
    options.sequence_flows = (uint32_t)a->sequence_flows;
    options.complete = a->partial != NULL;
    set_row_conditions(&options, &a->conditions, rules);
    return options;
}

/* Says how much memory it takes where that is worth knowing beforehand. */
static flowbd3_status make_sampler(flowbd3_sampler **sampler, flowbd3_context *context,
                                   const flowbd3_model *model, const arguments *a, flowbd3_error *err) {
    flowbd3_rules *rules = NULL;
    flowbd3_status status = read_row_rules(&rules, context, &a->conditions, model, err);
    flowbd3_sampler_options options = sampler_options(a, rules);
    uint64_t bytes = 0;
    if (status == FLOWBD3_OK)
        status = flowbd3_sampler_memory(model, &options, &bytes, err);
    if (bytes > 100000000)
        fprintf(stderr, "the sampler takes %.0f MB\n", (double)bytes / 1e6);
    if (status == FLOWBD3_OK)
        status = flowbd3_sampler_create(sampler, model, &options, err);
    flowbd3_rules_destroy(&rules);
    return status;
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

static flowbd3_status write_completed(flowbd3_context *context, flowbd3_sampler *sampler, destination *to,
                                      const partial_table *partial, flowbd3_error *err) {
    flowbd3_table *table = NULL;
    flowbd3_status status = complete_table(&table, context, sampler, partial, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_csv_writer_write(to->writer, table, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_csv_writer_commit(to->writer, err);
    flowbd3_table_destroy(&table);
    return status;
}

/* With partial, completes it. */
static flowbd3_status generate(flowbd3_context *context, const flowbd3_model *model, const arguments *a,
                               const partial_table *partial, flowbd3_error *err) {
    double began = seconds_now();
    uint64_t rows = partial != NULL ? flowbd3_table_rows(partial->cells) : a->n_samples;
    flowbd3_sampler *sampler = NULL;
    destination to = {.err = err};
    flowbd3_status status = make_sampler(&sampler, context, model, a, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_csv_writer_create(&to.writer, context, a->output, NULL, err);
    if (status == FLOWBD3_OK)
        status = partial != NULL ? write_completed(context, sampler, &to, partial, err)
                                 : write_rows(sampler, &to, rows, err);
    if (status == FLOWBD3_OK)
        say_what_it_took(sampler, rows, seconds_now() - began);
    flowbd3_csv_writer_destroy(&to.writer);
    flowbd3_sampler_destroy(&sampler);
    return status;
}

/* Rows of the table to complete are those of the output. -1 or an exit status. */
static int check_rows(const arguments *a, const program_option *options, const partial_table *partial) {
    size_t rows = flowbd3_table_rows(partial->cells);
    return is_given(options, OPTIONS, "n-samples") && a->n_samples != rows
               ? usage_failure("--n-samples: '%s' has %zu rows to complete", a->partial, rows)
               : -1;
}

static int run_program(flowbd3_context *context, const arguments *a, const program_option *options) {
    flowbd3_error err = {0};
    flowbd3_model *model = NULL;
    partial_table partial = {NULL, NULL, NULL};
    int status = -1;
    flowbd3_status done = flowbd3_model_load(&model, context, a->model, &err);
    if (done == FLOWBD3_OK && a->partial != NULL) {
        done = read_partial(&partial, context, a->partial, model, &err);
        if (done == FLOWBD3_OK)
            status = check_rows(a, options, &partial);
    }
    if (done == FLOWBD3_OK && status < 0)
        done = generate(context, model, a, a->partial != NULL ? &partial : NULL, &err);
    if (status < 0)
        status = done == FLOWBD3_OK ? EXIT_SUCCESS : library_failure(&err);
    release_partial(&partial);
    flowbd3_model_destroy(&model);
    return status;
}

int main(int argc, char **argv) {
    arguments a = {.n_samples = 1000};
    program_option options[OPTIONS];
    list_options(options, &a);
    int status = read_arguments(&a, options, argc, argv);
    if (status < 0) {
        catch_interrupts();
        flowbd3_error err = {0};
        flowbd3_context *context = NULL;
        status = create_program_context(&context, a.threads, &err) == FLOWBD3_OK
                     ? run_program(context, &a, options)
                     : library_failure(&err);
        flowbd3_context_destroy(&context);
    }
    release_row_conditions(&a.conditions);
    release_options(options, OPTIONS);
    return status;
}
