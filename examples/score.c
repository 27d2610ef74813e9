/* flowbd3-score: how unlikely a trained model finds the rows of a CSV file. */
#include "command_line.h"
#include "csv_arguments.h"
#include "csv_table.h"
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
    char *model, *data, *output;
    uint64_t method, draws, seed, threads;
    text_list order, given, scored;
    bool per_sequence;
    double unseen; /* 0: the library's default */
    csv_arguments csv;
} arguments;

/* As flowbd3_score_method. */
static const char *const methods[] = {"nelbo", "exact", NULL};

enum { OWN_OPTIONS = 12, ALL_OPTIONS = OWN_OPTIONS + CSV_OPTIONS };

static void list_options(program_option *options, arguments *a) {
    const program_option own[OWN_OPTIONS] = {
        {.name = "model",
         .kind = OPTION_TEXT,
         .value = &a->model,
         .argument = "FILE",
         .help = "A model of flowbd3-train: best.safetensors or latest.safetensors"},
        {.name = "data",
         .kind = OPTION_TEXT,
         .value = &a->data,
         .argument = "FILE.csv",
         .help = "The flows to score, with all columns of the model, which are read in its types"},
        {.name = "output",
         .kind = OPTION_TEXT,
         .value = &a->output,
         .argument = "FILE.csv",
         .help =
             "The same rows, in the same order and format, with the columns nll and, where masks or orders "
             "were drawn, nll_se: negative log-likelihood and its standard error in nats"},
        {.name = "method",
         .kind = OPTION_CHOICE,
         .value = &a->method,
         .choices = methods,
         .argument = "METHOD",
         .help = "nelbo, an upper bound that averages over all orders, or exact, the chain rule along one "
                 "(default: nelbo)"},
        {.name = "draws",
         .kind = OPTION_COUNT,
         .value = &a->draws,
         .least = 1,
         .most = 1048576,
         .argument = "N",
         .help = "Masks drawn for every block, an even number (default: 16); for exact, random orders that "
                 "are averaged (default: 1)"},
        {.name = "order",
         .kind = OPTION_NAMES,
         .value = &a->order,
         .argument = "A,B",
         .help = "For exact: columns in the order of the chain rule, the others follow (default: random "
                 "orders)"},
        {.name = "given",
         .kind = OPTION_NAMES,
         .value = &a->given,
         .argument = "A,B",
         .help = "Columns that are known: the others are scored given them"},
        {.name = "scored",
         .kind = OPTION_NAMES,
         .value = &a->scored,
         .argument = "A,B",
         .help = "Columns that are scored; those neither given nor scored are unknown (default: all that are "
                 "not given)"},
        {.name = "per-sequence",
         .kind = OPTION_FLAG,
         .value = &a->per_sequence,
         .help = "Give every row the sum over its sequence"},
        {.name = "unseen",
         .kind = OPTION_REAL,
         .value = &a->unseen,
         .least = 1e-6,
         .most = 1e9,
         .argument = "NATS",
         .help = "What a category costs that training did not have (default: the logarithm of its rows + 1)"},
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
         .help = "Threads, 0 = all processors (default: 0); the scores do not depend on it"},
    };
    memcpy(options, own, sizeof own);
    list_csv_options(options + OWN_OPTIONS, &a->csv);
}

static int read_arguments(arguments *a, program_option *options, int argc, char **argv) {
    static const char *const required[] = {"model", "data", "output"};
    int status = read_command_line("--model FILE --data FILE.csv --output FILE.csv [OPTION...]\n"
                                   "Scores flows: how unlikely a trained model finds them.\n",
                                   options, ALL_OPTIONS, argc, argv);
    for (size_t i = 0; status < 0 && i < sizeof required / sizeof *required; i++)
        status = require_option(options, ALL_OPTIONS, required[i]);
    if (status < 0 && a->order.count > 0 && a->method == FLOWBD3_SCORE_NELBO)
        status = usage_failure("--order: --method nelbo averages over all orders");
    return status < 0 ? parse_csv_arguments(&a->csv) : status;
}

/* ---- the table --------------------------------------------------------------------------------- */

/* A type that is asked for cannot be another one than the model's. */
static flowbd3_status check_types(const flowbd3_table *columns, const csv_arguments *csv,
                                  flowbd3_error *err) {
    for (size_t i = 0; i < csv->types.count; i++) {
        int64_t column = flowbd3_table_find(columns, csv->column_types[i].name);
        if (column >= 0 && flowbd3_table_type(columns, (size_t)column) != csv->column_types[i].type) {
            *err = (flowbd3_error){.status = FLOWBD3_ERROR_SCHEMA};
            snprintf(err->message, sizeof err->message,
                     "--type: the model has another type for column '%.100s'", csv->column_types[i].name);
            return err->status;
        }
    }
    return FLOWBD3_OK;
}

static flowbd3_status check_names(const flowbd3_table *table, const char *path, flowbd3_error *err) {
    static const char *const names[] = {"nll", "nll_se"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (flowbd3_table_find(table, names[i]) >= 0) {
            *err = (flowbd3_error){.status = FLOWBD3_ERROR_ARGUMENT};
            snprintf(err->message, sizeof err->message,
                     "'%.100s' has a column '%s' already (--drop leaves it out)", path, names[i]);
            return err->status;
        }
    return FLOWBD3_OK;
}

static flowbd3_status read_table(flowbd3_table **table, flowbd3_context *context, const flowbd3_model *model,
                                 const arguments *a, flowbd3_error *err) {
    flowbd3_table *columns = NULL;
    text_list needed = {NULL, 0};
    flowbd3_status status = flowbd3_tokenizer_columns_table(flowbd3_model_tokenizer(model), &columns, err);
    if (status == FLOWBD3_OK)
        status = check_types(columns, &a->csv, err);
    if (status == FLOWBD3_OK)
        status = read_csv_like(table, context, a->data, columns, LIKE_TYPES, csv_options(&a->csv), err);
    for (size_t i = 0; i < flowbd3_table_columns(columns); i++)
        add_text(&needed, flowbd3_table_name(columns, i), strlen(flowbd3_table_name(columns, i)));
    if (status == FLOWBD3_OK)
        status = select_columns(table, &a->csv, &needed, a->data, err);
    if (status == FLOWBD3_OK)
        status = check_names(*table, a->data, err);
    release_texts(&needed);
    flowbd3_table_destroy(&columns);
    return status;
}

/* ---- scores ------------------------------------------------------------------------------------ */

typedef struct scores {
    size_t rows;
    double *nll, *standard_error; /* [rows] */
} scores;

static flowbd3_status allocate_scores(scores *s, size_t rows, flowbd3_error *err) {
    s->rows = rows;
    s->nll = calloc(rows, sizeof *s->nll);
    s->standard_error = calloc(rows, sizeof *s->standard_error);
    if (s->nll != NULL && s->standard_error != NULL)
        return FLOWBD3_OK;
    *err = (flowbd3_error){FLOWBD3_ERROR_MEMORY, 0, 0, "out of memory for the scores"};
    return err->status;
}

static void release_scores(scores *s) {
    free(s->nll);
    free(s->standard_error);
}

static flowbd3_status score_rows(scores *s, const flowbd3_model *model, const flowbd3_table *table,
                                 const arguments *a, flowbd3_error *err) {
    progress_bar bar = {.unit = "rows"};
    flowbd3_score_options options = FLOWBD3_SCORE_OPTIONS_INIT;
    options.method = (flowbd3_score_method)a->method;
    options.draws = (uint32_t)a->draws;
    options.order = (const char *const *)a->order.items;
    options.n_order = a->order.count;
    options.given = (const char *const *)a->given.items;
    options.n_given = a->given.count;
    options.scored = (const char *const *)a->scored.items;
    options.n_scored = a->scored.count;
    options.per_sequence = a->per_sequence;
    options.unseen = a->unseen;
    options.seed = a->seed;
    options.progress = show_progress;
    options.progress_user = &bar;
    flowbd3_status status = flowbd3_model_score(model, table, &options, s->nll, s->standard_error, err);
    if (status != FLOWBD3_OK)
        name_files(err, a->data, NULL);
    end_progress(&bar);
    return status;
}

/* Six digits are more than what is drawn leaves certain. */
static flowbd3_status add_column(flowbd3_table *table, const char *name, const double *values, size_t rows,
                                 flowbd3_error *err) {
    flowbd3_status status = flowbd3_table_add_real(table, name, values, NULL, rows, err);
    return status == FLOWBD3_OK ? flowbd3_table_set_decimals(table, flowbd3_table_columns(table) - 1, 6, err)
                                : status;
}

/* Where nothing was drawn every error is 0. NaN, of a single random order, becomes a missing cell. */
static bool was_drawn(const scores *s) {
    for (size_t i = 0; i < s->rows; i++)
        if (s->standard_error[i] != 0.0)
            return true;
    return false;
}

static flowbd3_status add_scores(flowbd3_table *table, const scores *s, flowbd3_error *err) {
    flowbd3_status status = add_column(table, "nll", s->nll, s->rows, err);
    if (status == FLOWBD3_OK && was_drawn(s))
        status = add_column(table, "nll_se", s->standard_error, s->rows, err);
    return status;
}

static void say_what_came_out(const scores *s, double seconds) {
    double sum = 0.0;
    for (size_t i = 0; i < s->rows; i++)
        sum += s->nll[i];
    fprintf(stderr, "%zu rows in %.2f s, %.0f rows/s, mean nll %.4f nats\n", s->rows, seconds,
            (double)s->rows / seconds, sum / (double)s->rows);
}

/* ---- the program ------------------------------------------------------------------------------- */

/* The writer is made first: that a file cannot be written is not found out after the work. */
static flowbd3_status score_table(flowbd3_context *context, const flowbd3_model *model, flowbd3_table *table,
                                  const arguments *a, flowbd3_error *err) {
    double began = seconds_now();
    flowbd3_csv_writer *writer = NULL;
    flowbd3_csv_options options = csv_options(&a->csv);
    scores s = {0, NULL, NULL};
    flowbd3_status status = flowbd3_csv_writer_create(&writer, context, a->output, &options, err);
    if (status == FLOWBD3_OK)
        status = allocate_scores(&s, flowbd3_table_rows(table), err);
    if (status == FLOWBD3_OK)
        status = score_rows(&s, model, table, a, err);
    if (status == FLOWBD3_OK)
        status = add_scores(table, &s, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_csv_writer_write(writer, table, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_csv_writer_commit(writer, err);
    if (status == FLOWBD3_OK)
        say_what_came_out(&s, seconds_now() - began);
    flowbd3_csv_writer_destroy(&writer);
    release_scores(&s);
    return status;
}

static flowbd3_status score(flowbd3_context *context, const arguments *a, flowbd3_error *err) {
    flowbd3_model *model = NULL;
    flowbd3_table *table = NULL;
    flowbd3_status status = flowbd3_model_load(&model, context, a->model, err);
    if (status == FLOWBD3_OK)
        status = read_table(&table, context, model, a, err);
    if (status == FLOWBD3_OK)
        status = score_table(context, model, table, a, err);
    flowbd3_table_destroy(&table);
    flowbd3_model_destroy(&model);
    return status;
}

int main(int argc, char **argv) {
    arguments a = {.threads = 0};
    program_option options[ALL_OPTIONS];
    list_options(options, &a);
    int status = read_arguments(&a, options, argc, argv);
    if (status < 0) {
        catch_interrupts();
        flowbd3_error err = {0};
        flowbd3_context *context = NULL;
        status = create_program_context(&context, a.threads, &err) == FLOWBD3_OK &&
                         score(context, &a, &err) == FLOWBD3_OK
                     ? EXIT_SUCCESS
                     : library_failure(&err);
        flowbd3_context_destroy(&context);
    }
    release_csv_arguments(&a.csv);
    release_options(options, ALL_OPTIONS);
    return status;
}
