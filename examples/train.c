/* flowbd3-train: learns a CSV file of flows. */
#include "configuration.h"
#include "csv_arguments.h"
#include "csv_table.h"
#include "failure.h"
#include "interrupt.h"
#include "output_directory.h"
#include "plots.h"
#include "program_context.h"
#include "relations.h"
#include "training_run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct arguments {
    char *data, *validation, *output_directory, *configuration;
    bool resume, list_relations, no_plots, stream, no_stream;
    uint64_t threads;
    csv_arguments csv;
    training_settings settings;
} arguments;

enum { OWN_OPTIONS = 10, ALL_OPTIONS = OWN_OPTIONS + CSV_OPTIONS + TRAINING_OPTIONS };

static void list_options(program_option *options, arguments *a) {
    const program_option own[OWN_OPTIONS] = {
        {.name = "data",
         .kind = OPTION_TEXT,
         .value = &a->data,
         .argument = "FILE.csv",
         .help = "The flows to learn"},
        {.name = "validation",
         .kind = OPTION_TEXT,
         .value = &a->validation,
         .argument = "FILE.csv",
         .help = "Flows that validate, in place of a share of the rows of --data",
         .configurable = true},
        {.name = "output-dir",
         .kind = OPTION_TEXT,
         .value = &a->output_directory,
         .argument = "DIR",
         .help = "Where best.safetensors, latest.safetensors, config.json, relations.json, history.csv and "
                 "losses.png go"},
        {.name = "config",
         .kind = OPTION_TEXT,
         .value = &a->configuration,
         .argument = "FILE.json",
         .help = "Options as JSON, learning_rate for --learning-rate; the command line comes first"},
        {.name = "resume",
         .kind = OPTION_FLAG,
         .value = &a->resume,
         .help = "Go on from DIR/latest.safetensors, with the options of DIR/config.json unless --config is "
                 "given"},
        {.name = "list-relations",
         .kind = OPTION_FLAG,
         .value = &a->list_relations,
         .help = "Print the relations of the rows, those that obey and that they apply to, and the share; no "
                 "training"},
        {.name = "stream",
         .kind = OPTION_FLAG,
         .value = &a->stream,
         .help = "Read the file chunk by chunk, several times, and keep the tokens alone (default: when it "
                 "has more than 128 MiB and there is no --group-by and no --order-by)",
         .configurable = true},
        {.name = "no-stream",
         .kind = OPTION_FLAG,
         .value = &a->no_stream,
         .help = "Read the file into memory, however large it is",
         .configurable = true},
        {.name = "no-plots", .kind = OPTION_FLAG, .value = &a->no_plots, .help = "Write no losses.png"},
        {.name = "threads",
         .kind = OPTION_COUNT,
         .value = &a->threads,
         .least = 0,
         .most = 1024,
         .argument = "N",
         .help = "Threads, 0 = all processors (default: 0); the model does not depend on it"},
    };
    memcpy(options, own, sizeof own);
    list_csv_options(options + OWN_OPTIONS, &a->csv);
    list_training_options(options + OWN_OPTIONS + CSV_OPTIONS, &a->settings);
}

static int check_arguments(const arguments *a, const program_option *options) {
    const training_settings *s = &a->settings;
    if (a->validation != NULL && is_given(options, ALL_OPTIONS, "train-split") && s->train_split < 1.0)
        return usage_failure("--train-split: all rows train where there is --validation");
    if (s->first_columns.count > 0 && s->column_order == FLOWBD3_COLUMNS_RANDOM)
        return usage_failure("--first-columns: a random --column-order has none");
    if (a->stream && a->no_stream)
        return usage_failure("--stream and --no-stream exclude each other");
    if (a->stream && (s->group_by.count > 0 || s->order_by != NULL))
        return usage_failure("--stream: %s needs all rows at once",
                             s->group_by.count > 0 ? "--group-by" : "--order-by");
    return -1;
}

/* -1, or the status to exit with. */
static int read_arguments(arguments *a, program_option *options, int argc, char **argv) {
    int status = read_command_line("--data FILE.csv --output-dir DIR [OPTION...]\n"
                                   "Learns a CSV file of flows.\n",
                                   options, ALL_OPTIONS, argc, argv);
    if (status < 0)
        status = require_option(options, ALL_OPTIONS, "data");
    if (status < 0 && (a->resume || !a->list_relations))
        status = require_option(options, ALL_OPTIONS, "output-dir");
    char earlier[PATH_MAX];
    const char *configuration = a->configuration;
    if (status < 0 && configuration == NULL && a->resume &&
        access(path_in(earlier, a->output_directory, "config.json"), F_OK) == 0)
        configuration = earlier;
    if (status < 0 && configuration != NULL)
        status = read_configuration(configuration, options, ALL_OPTIONS);
    if (status < 0)
        status = check_arguments(a, options);
    if (status < 0)
        status = parse_training_settings(&a->settings);
    return status < 0 ? parse_csv_arguments(&a->csv) : status;
}

/* ---- the rows ---------------------------------------------------------------------------------- */

/* Larger files are read as streams where they can be. */
static const uint64_t most_bytes = UINT64_C(128) << 20;

/* Rows are grouped and ordered by columns that need not be asked for. */
static flowbd3_status select_training_columns(flowbd3_table **table, arguments *a, flowbd3_error *err) {
    training_settings *s = &a->settings;
    const text_list order_by = {&s->order_by, s->order_by != NULL};
    text_list needed = {NULL, 0};
    flowbd3_status status = check_columns(*table, "--group-by", &s->group_by, a->data, err);
    if (status == FLOWBD3_OK)
        status = check_columns(*table, "--order-by", &order_by, a->data, err);
    for (size_t i = 0; i < s->group_by.count; i++)
        add_text(&needed, s->group_by.items[i], strlen(s->group_by.items[i]));
    if (s->order_by != NULL)
        add_text(&needed, s->order_by, strlen(s->order_by));
    if (status == FLOWBD3_OK)
        status = select_columns(table, &a->csv, &needed, a->data, err);
    if (status == FLOWBD3_OK)
        status = check_columns(*table, "--first-columns", &s->first_columns, a->data, err);
    if (status == FLOWBD3_OK)
        status = check_columns(*table, "--codec", &s->codec_columns, a->data, err);
    release_texts(&needed);
    return status;
}

static flowbd3_status read_tables(training_rows *rows, flowbd3_context *context, arguments *a,
                                  flowbd3_error *err) {
    flowbd3_csv_options options = csv_options(&a->csv);
    flowbd3_status status = read_csv(&rows->table, context, a->data, options, err);
    if (status == FLOWBD3_OK)
        status = select_training_columns(&rows->table, a, err);
    if (status != FLOWBD3_OK || a->validation == NULL)
        return status;
    options.n_types = 0;
    status =
        read_csv_like(&rows->validation_table, context, a->validation, rows->table, LIKE_TYPES, options, err);
    return status == FLOWBD3_OK ? keep_columns_of(&rows->validation_table, rows->table, err) : status;
}

static flowbd3_status open_streams(training_rows *rows, flowbd3_context *context, arguments *a,
                                   flowbd3_error *err) {
    flowbd3_csv_options options = csv_options(&a->csv);
    flowbd3_table *columns = NULL;
    flowbd3_status status = stream_csv(&rows->stream, context, a->data, NULL, options, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_table_stream_columns(rows->stream, &columns, err);
    if (status == FLOWBD3_OK)
        status = select_training_columns(&columns, a, err);
    if (status == FLOWBD3_OK)
        status = stream_columns_of(rows->stream, columns, err);
    options.n_types = 0;
    if (status == FLOWBD3_OK && a->validation != NULL) {
        status = stream_csv(&rows->validation_stream, context, a->validation, columns, options, err);
        if (status == FLOWBD3_OK)
            status = stream_columns_of(rows->validation_stream, columns, err);
    }
    flowbd3_table_destroy(&columns);
    return status;
}

static flowbd3_status read_rows(training_rows *rows, flowbd3_context *context, arguments *a,
                                flowbd3_error *err) {
    bool sequences = a->settings.group_by.count > 0 || a->settings.order_by != NULL;
    bool large = size_of_file(a->data) > most_bytes;
    bool streamed = a->stream || (large && !sequences && !a->no_stream);
    return streamed ? open_streams(rows, context, a, err) : read_tables(rows, context, a, err);
}

/* ---- training ---------------------------------------------------------------------------------- */

/* "sequences of up to 32 flows by host, in order of time", where flows are not independent. */
static void say_what_sequences_are(const training_settings *s) {
    if (s->sequence_length <= 1 && s->group_by.count == 0 && s->order_by == NULL)
        return;
    fprintf(stderr, "sequences of up to %llu flow%s", (unsigned long long)s->sequence_length,
            s->sequence_length == 1 ? "" : "s");
    for (size_t i = 0; i < s->group_by.count; i++)
        fprintf(stderr, "%s %s", i == 0 ? " by" : ",", s->group_by.items[i]);
    fprintf(stderr, ", in order of %s\n", s->order_by != NULL ? s->order_by : "the file");
}

static void say_what_blocks_are(const training_run *run) {
    flowbd3_model_options options = FLOWBD3_MODEL_OPTIONS_INIT;
    size_t slots = flowbd3_tokenizer_slots(run->tokenizer);
    if (flowbd3_model_get_options(run->model, &options, NULL) != FLOWBD3_OK || options.block_size == slots)
        return;
    fprintf(stderr, "blocks of %u tokens, %zu in a flow; columns in %s order\n", options.block_size, slots,
            options.column_order == FLOWBD3_COLUMNS_RANDOM ? "random" : "fixed");
}

static unsigned long long count_rows(const flowbd3_table *table, const flowbd3_table_stream *stream) {
    return stream != NULL ? flowbd3_table_stream_rows(stream) : flowbd3_table_rows(table);
}

/* "4000 rows and 400 that validate" */
static void say_which_rows(const training_rows *rows) {
    fprintf(stderr, "%llu rows", count_rows(rows->table, rows->stream));
    if (rows->validation_table != NULL || rows->validation_stream != NULL)
        fprintf(stderr, " and %llu that validate",
                count_rows(rows->validation_table, rows->validation_stream));
}

static void say_what_is_trained(const training_run *run, const training_settings *s) {
    fprintf(stderr, ", %zu columns; %llu parameters: %llu wide, %llu layers, %llu heads; %llu epochs\n",
            flowbd3_tokenizer_columns(run->tokenizer) + s->group_by.count,
            (unsigned long long)flowbd3_model_parameters(run->model), (unsigned long long)s->d_model,
            (unsigned long long)s->n_layers, (unsigned long long)s->n_heads, (unsigned long long)s->epochs);
    say_what_sequences_are(s);
    say_what_blocks_are(run);
}

static void say_what_came_out(const training_run *run, const arguments *a) {
    size_t count = flowbd3_trainer_epochs(run->trainer);
    flowbd3_epoch epoch = FLOWBD3_EPOCH_INIT, best = {.validation_nelbo = (double)NAN};
    const double as_good = 1.0025; /* flowbd3/trainer.h, best_path */
    for (size_t i = 0; i < count; i++) {
        (void)flowbd3_trainer_get_epoch(run->trainer, i, &epoch, NULL);
        if (!(epoch.validation_nelbo >= best.validation_nelbo))
            best = epoch;
    }
    if (isfinite(best.validation_nelbo))
        fprintf(stderr, "best epoch %u of %zu: validation NELBO %.4f nats per flow\n", best.epoch, count,
                best.validation_nelbo);
    if (flowbd3_trainer_finished(run->trainer) && epoch.epoch != best.epoch &&
        epoch.validation_nelbo < as_good * best.validation_nelbo)
        fprintf(stderr, "kept is the last epoch, %.4f, which is as good\n", epoch.validation_nelbo);
    if (!flowbd3_trainer_finished(run->trainer))
        fprintf(stderr, "stopped after %zu epochs; --resume goes on from %s/latest.safetensors\n", count,
                a->output_directory);
}

/* What is made of the rows is made of those of --data and, behind them, those of --validation. */
static int failure_in_rows(flowbd3_error *err, const arguments *a) {
    name_files(err, a->data, a->validation);
    return library_failure(err);
}

/* The history and its picture, of a cancelled run too. 0 or an exit status. */
static int write_losses(const training_run *run, flowbd3_context *context, const arguments *a) {
    flowbd3_error err = {0};
    char path[PATH_MAX], message[256];
    size_t count;
    if (write_history(run, context, a->output_directory, &err) != FLOWBD3_OK)
        return library_failure(&err);
    if (a->no_plots || flowbd3_trainer_epochs(run->trainer) == 0 || !plots_available())
        return EXIT_SUCCESS;
    flowbd3_epoch *epochs = epochs_of(run->trainer, &count, &err);
    if (epochs == NULL)
        return library_failure(&err);
    int status = plot_losses(path_in(path, a->output_directory, "losses.png"), epochs, count, message);
    free(epochs);
    return status == 0 ? EXIT_SUCCESS : failure("%s", message);
}

static int train(flowbd3_context *context, training_rows *rows, arguments *a, program_option *options) {
    flowbd3_error err = {0};
    training_run run = {0};
    char path[PATH_MAX];
    int status = make_output_directory(a->output_directory);
    if (status == EXIT_SUCCESS && prepare_training(&run, context, rows, &a->settings, a->output_directory,
                                                   a->resume, &err) != FLOWBD3_OK)
        status = failure_in_rows(&err, a);
    if (status == EXIT_SUCCESS)
        status = write_relations(flowbd3_tokenizer_rules(run.tokenizer), context,
                                 path_in(path, a->output_directory, "relations.json"), a->settings.rules,
                                 !a->settings.no_relations);
    if (status == EXIT_SUCCESS)
        status = write_json(path_in(path, a->output_directory, "config.json"),
                            configuration_to_json(options, ALL_OPTIONS));
    if (status == EXIT_SUCCESS) {
        progress_bar bar = {.unit = "rows"};
        say_which_rows(rows);
        say_what_is_trained(&run, &a->settings);
        release_rows(rows); /* their tokens are left */
        flowbd3_status trained = flowbd3_trainer_run(run.trainer, show_progress, &bar, &err);
        end_progress(&bar);
        status = trained == FLOWBD3_OK ? EXIT_SUCCESS : library_failure(&err);
        say_what_came_out(&run, a);
        int written = write_losses(&run, context, a);
        status = status != EXIT_SUCCESS ? status : written;
    }
    release_training(&run);
    return status;
}

static int list_relations(flowbd3_context *context, const training_rows *rows, const arguments *a) {
    flowbd3_error err = {0};
    flowbd3_tokenizer *tokenizer = NULL;
    int status = fit_tokenizer(&tokenizer, context, rows, &a->settings, &err) == FLOWBD3_OK
                     ? print_relations(stdout, flowbd3_tokenizer_rules(tokenizer), context)
                     : failure_in_rows(&err, a);
    flowbd3_tokenizer_destroy(&tokenizer);
    return status;
}

/* What to do with the rows. 0 or an exit status. */
static int run_program(flowbd3_context *context, training_rows *rows, arguments *a, program_option *options) {
    return a->list_relations ? list_relations(context, rows, a) : train(context, rows, a, options);
}

int main(int argc, char **argv) {
    arguments a = {.threads = 0, .settings = TRAINING_SETTINGS_INIT};
    program_option options[ALL_OPTIONS];
    list_options(options, &a);
    int status = read_arguments(&a, options, argc, argv);
    if (status < 0) {
        catch_interrupts();
        flowbd3_error err = {0};
        flowbd3_context *context = NULL;
        training_rows rows = {.table = NULL};
        status = create_program_context(&context, a.threads, &err) == FLOWBD3_OK &&
                         read_rows(&rows, context, &a, &err) == FLOWBD3_OK
                     ? run_program(context, &rows, &a, options)
                     : library_failure(&err);
        release_rows(&rows);
        flowbd3_context_destroy(&context);
    }
    release_csv_arguments(&a.csv);
    release_training_settings(&a.settings);
    release_options(options, ALL_OPTIONS);
    return status;
}
