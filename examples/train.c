/* flowbd3-train: learns a CSV file of flows. */
#include "configuration.h"
#include "csv_arguments.h"
#include "failure.h"
#include "interrupt.h"
#include "output_directory.h"
#include "plots.h"
#include "program_context.h"
#include "training_run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct arguments {
    char *data, *output_directory, *configuration;
    bool resume, no_plots;
    uint64_t threads;
    csv_arguments csv;
    training_settings settings;
} arguments;

enum { OWN_OPTIONS = 6, ALL_OPTIONS = OWN_OPTIONS + CSV_OPTIONS + TRAINING_OPTIONS };

static void list_options(program_option *options, arguments *a) {
    const program_option own[OWN_OPTIONS] = {
        {.name = "data",
         .kind = OPTION_TEXT,
         .value = &a->data,
         .argument = "FILE.csv",
         .help = "The flows to learn"},
        {.name = "output-dir",
         .kind = OPTION_TEXT,
         .value = &a->output_directory,
         .argument = "DIR",
         .help = "Where best.safetensors, latest.safetensors, config.json, history.csv and losses.png go"},
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

/* -1, or the status to exit with. */
static int read_arguments(arguments *a, program_option *options, int argc, char **argv) {
    int status = read_command_line("--data FILE.csv --output-dir DIR [OPTION...]\n"
                                   "Learns a CSV file of flows.\n",
                                   options, ALL_OPTIONS, argc, argv);
    if (status < 0)
        status = require_option(options, ALL_OPTIONS, "data");
    if (status < 0)
        status = require_option(options, ALL_OPTIONS, "output-dir");
    char earlier[PATH_MAX];
    const char *configuration = a->configuration;
    if (status < 0 && configuration == NULL && a->resume &&
        access(path_in(earlier, a->output_directory, "config.json"), F_OK) == 0)
        configuration = earlier;
    if (status < 0 && configuration != NULL)
        status = read_configuration(configuration, options, ALL_OPTIONS);
    return status < 0 ? parse_csv_arguments(&a->csv) : status;
}

/* ---- the table --------------------------------------------------------------------------------- */

static flowbd3_status read_table(flowbd3_table **table, flowbd3_context *context, const arguments *a,
                                 flowbd3_error *err) {
    progress_bar bar = {.unit = "rows"};
    flowbd3_csv_options options = csv_options(&a->csv);
    options.progress = show_progress;
    options.progress_user = &bar;
    flowbd3_status status = flowbd3_table_read_csv(table, context, a->data, &options, err);
    end_progress(&bar);
    return status == FLOWBD3_OK ? select_columns(table, &a->csv, a->data, err) : status;
}

/* ---- training ---------------------------------------------------------------------------------- */

static void say_what_is_trained(const training_run *run, const flowbd3_table *table,
                                const training_settings *s) {
    fprintf(stderr,
            "%zu rows, %zu columns; %llu parameters: %llu wide, %llu layers, %llu heads; %llu epochs\n",
            flowbd3_table_rows(table), flowbd3_table_columns(table),
            (unsigned long long)flowbd3_model_parameters(run->model), (unsigned long long)s->d_model,
            (unsigned long long)s->n_layers, (unsigned long long)s->n_heads, (unsigned long long)s->epochs);
}

static void say_what_came_out(const training_run *run, const arguments *a) {
    size_t count, best = 0;
    const flowbd3_epoch *epochs = flowbd3_trainer_history(run->trainer, &count);
    for (size_t i = 1; i < count; i++)
        if (!(epochs[i].validation_nelbo >= epochs[best].validation_nelbo))
            best = i;
    if (count > 0 && isfinite(epochs[best].validation_nelbo))
        fprintf(stderr, "best epoch %u of %zu: validation NELBO %.4f nats per flow\n", epochs[best].epoch,
                count, epochs[best].validation_nelbo);
    if (!flowbd3_trainer_finished(run->trainer))
        fprintf(stderr, "stopped after %zu epochs; --resume goes on from %s/latest.safetensors\n", count,
                a->output_directory);
}

/* The history and its picture, of a cancelled run too. 0 or an exit status. */
static int write_losses(const training_run *run, flowbd3_context *context, const arguments *a) {
    flowbd3_error err = {0};
    char path[PATH_MAX], message[256];
    size_t count;
    if (write_history(run, context, a->output_directory, &err) != FLOWBD3_OK)
        return library_failure(&err);
    const flowbd3_epoch *epochs = flowbd3_trainer_history(run->trainer, &count);
    if (a->no_plots || count == 0 || !plots_available())
        return EXIT_SUCCESS;
    return plot_losses(path_in(path, a->output_directory, "losses.png"), epochs, count, message) == 0
               ? EXIT_SUCCESS
               : failure("%s", message);
}

static int train(flowbd3_context *context, const flowbd3_table *table, arguments *a,
                 program_option *options) {
    flowbd3_error err = {0};
    training_run run = {0};
    char path[PATH_MAX];
    int status = make_output_directory(a->output_directory);
    if (status == EXIT_SUCCESS &&
        prepare_training(&run, table, &a->settings, a->output_directory, a->resume, &err) != FLOWBD3_OK)
        status = library_failure(&err);
    if (status == EXIT_SUCCESS)
        status = write_json(path_in(path, a->output_directory, "config.json"),
                            configuration_to_json(options, ALL_OPTIONS));
    if (status == EXIT_SUCCESS) {
        progress_bar bar = {.unit = "steps"};
        say_what_is_trained(&run, table, &a->settings);
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

int main(int argc, char **argv) {
    arguments a = {.threads = 0, .settings = TRAINING_SETTINGS_INIT};
    program_option options[ALL_OPTIONS];
    list_options(options, &a);
    int status = read_arguments(&a, options, argc, argv);
    if (status < 0) {
        catch_interrupts();
        flowbd3_error err = {0};
        flowbd3_context *context = NULL;
        flowbd3_table *table = NULL;
        status = create_program_context(&context, a.threads, &err) == FLOWBD3_OK &&
                         read_table(&table, context, &a, &err) == FLOWBD3_OK
                     ? train(context, table, &a, options)
                     : library_failure(&err);
        flowbd3_table_destroy(&table);
        flowbd3_context_destroy(&context);
    }
    release_csv_arguments(&a.csv);
    release_options(options, ALL_OPTIONS);
    return status;
}
