/* flowbd3-quick: makes flows, learns them, generates new ones and compares them with flows it has not seen.
 */
#include "comparison.h"
#include "configuration.h"
#include "failure.h"
#include "flow_checks.h"
#include "interrupt.h"
#include "output_directory.h"
#include "plots.h"
#include "program_context.h"
#include "sample_flows.h"
#include "stopwatch.h"
#include "training_run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What is trained by default, ... */
static const training_settings quick_settings = {
    .bins = 256,
    .binning = FLOWBD3_BINNING_AUTO,
    .block_size = BLOCK_OF_FLOW,
    .d_model = 64,
    .n_heads = 4,
    .n_layers = 3,
    .d_ff = 256,
    .dropout = 0.0, /* it blurs the relations between the features */
    .epochs = 180,
    .batch_size = 64,
    .learning_rate = 3e-3,
    .weight_decay = 0.01,
    .gradient_clip = 1.0,
    .warmup_steps = COUNT_UNSET,
    .ema_decay = 0.99,
    .train_split = 0.9,
};

/* ... and with --reference, as the reference system's quick script does. */
static const training_settings reference_settings = {
    .bins = 128,
    .binning = FLOWBD3_BINNING_QUANTILE,
    .block_size = BLOCK_OF_FLOW,
    .d_model = 512,
    .n_heads = 16,
    .n_layers = 16,
    .d_ff = 1024,
    .dropout = 0.1,
    .epochs = 10,
    .batch_size = 32,
    .learning_rate = 3e-5,
    .weight_decay = 0.01,
    .gradient_clip = 1.0,
    .warmup_steps = COUNT_UNSET,
    .ema_decay = 0.99,
    .train_split = 0.9,
};

/* ---- arguments --------------------------------------------------------------------------------- */

typedef struct arguments {
    char *output_directory;
    uint64_t n_flows, n_features, n_samples, epochs, seed, threads;
    bool reference, no_plots;
} arguments;

enum { OPTIONS = 9 };

static void list_options(program_option *options, arguments *a) {
    const program_option list[OPTIONS] = {
        {.name = "output-dir",
         .kind = OPTION_TEXT,
         .value = &a->output_directory,
         .argument = "DIR",
         .help = "Where everything goes (default: quick_output)"},
        {.name = "n-flows",
         .kind = OPTION_COUNT,
         .value = &a->n_flows,
         .least = 20,
         .most = 1e9,
         .argument = "N",
         .help = "Flows to make; a fifth of them is held out (default: 5000)"},
        {.name = "n-features",
         .kind = OPTION_COUNT,
         .value = &a->n_features,
         .least = 6,
         .most = 8,
         .argument = "6|8",
         .help = "Features of a flow, 6 or 8 (default: 6)"},
        {.name = "n-samples",
         .kind = OPTION_COUNT,
         .value = &a->n_samples,
         .least = 1,
         .most = 1e9,
         .argument = "N",
         .help = "Flows to generate (default: 1000)"},
        {.name = "epochs",
         .kind = OPTION_COUNT,
         .value = &a->epochs,
         .least = 1,
         .most = 999999,
         .argument = "N",
         .help = "Passes over the flows (default: 160, with --reference 10)"},
        {.name = "seed",
         .kind = OPTION_COUNT,
         .value = &a->seed,
         .least = 0,
         .most = LARGEST_SEED,
         .argument = "N",
         .help = "Seed of everything random (default: 0)"},
        {.name = "threads",
         .kind = OPTION_COUNT,
         .value = &a->threads,
         .least = 0,
         .most = 1024,
         .argument = "N",
         .help = "Threads, 0 = all processors (default: 0); the results do not depend on it"},
        {.name = "reference",
         .kind = OPTION_FLAG,
         .value = &a->reference,
         .help = "Train as the reference system's quick script does, which takes much longer"},
        {.name = "no-plots", .kind = OPTION_FLAG, .value = &a->no_plots, .help = "Draw no pictures"},
    };
    memcpy(options, list, sizeof list);
}

static int read_arguments(arguments *a, program_option *options, int argc, char **argv) {
    int status =
        read_command_line("[OPTION...]\n"
                          "Makes flows, learns them, generates new ones and compares them with flows "
                          "it has not seen.\n",
                          options, OPTIONS, argc, argv);
    if (status < 0 && a->n_features == 7)
        status = usage_failure("--n-features: '7' is not 6 or 8");
    return status;
}

static training_settings choose_settings(const arguments *a) {
    training_settings settings = a->reference ? reference_settings : quick_settings;
    settings.seed = a->seed;
    if (a->epochs != COUNT_UNSET)
        settings.epochs = a->epochs;
    return settings;
}

/* ---- stages ------------------------------------------------------------------------------------ */

typedef enum stage { MAKE_FLOWS, TRAIN, GENERATE, EVALUATE, DRAW, STAGES } stage;

static const char *const stage_names[STAGES] = {"flows", "train", "generate", "evaluate", "pictures"};

typedef struct quick {
    const arguments *arguments;
    training_settings settings;
    flowbd3_context *context;
    flowbd3_table *train, *test, *generated;
    training_run run;
    flowbd3_evaluator *evaluator;
    progress_bar bar;
    double seconds[STAGES];
} quick;

static flowbd3_status write_flows(const quick *q, const flowbd3_table *flows, const char *name,
                                  flowbd3_error *err) {
    char path[PATH_MAX];
    return flowbd3_table_write_csv(flows, path_in(path, q->arguments->output_directory, name), NULL, err);
}

static flowbd3_status make_flows(quick *q, flowbd3_error *err) {
    const arguments *a = q->arguments;
    flowbd3_table *flows = NULL;
    flowbd3_status status =
        make_sample_flows(&flows, q->context, a->n_flows, (int)a->n_features, a->seed, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_table_split(&q->train, &q->test, flows, 0.8, a->seed, err);
    if (status == FLOWBD3_OK)
        status = write_flows(q, q->train, "train_flows.csv", err);
    if (status == FLOWBD3_OK)
        status = write_flows(q, q->test, "test_flows.csv", err);
    flowbd3_table_destroy(&flows);
    return status;
}

static flowbd3_status train(quick *q, flowbd3_error *err) {
    q->bar.unit = "rows";
    flowbd3_status status = prepare_training(&q->run, q->context, &(training_rows){.table = q->train},
                                             &q->settings, q->arguments->output_directory, false, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_trainer_run(q->run.trainer, show_progress, &q->bar, err);
    return status;
}

static flowbd3_status generate(quick *q, flowbd3_error *err) {
    q->bar.unit = "rows";
    flowbd3_sampler *sampler = NULL;
    flowbd3_sampler_options options = FLOWBD3_SAMPLER_OPTIONS_INIT;
    options.seed = q->arguments->seed;
    flowbd3_status status = flowbd3_sampler_create(&sampler, q->run.model, &options, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_sampler_generate(sampler, q->arguments->n_samples, &q->generated, show_progress,
                                          &q->bar, err);
    if (status == FLOWBD3_OK)
        status = write_flows(q, q->generated, "generated_flows.csv", err);
    flowbd3_sampler_destroy(&sampler);
    return status;
}

/* The floor is the distance from the flows that were held out to as many of those that were learned as there
 * are generated ones. */
static flowbd3_status evaluate(quick *q, flowbd3_error *err) {
    q->bar.unit = "parts";
    flowbd3_table *second = NULL;
    flowbd3_evaluator_options options = FLOWBD3_EVALUATOR_OPTIONS_INIT;
    options.training = q->train;
    flowbd3_status status =
        choose_rows(&second, q->train, flowbd3_table_rows(q->generated), q->arguments->seed, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_evaluator_create(&q->evaluator, q->context, q->test, second, &options, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_evaluator_run(q->evaluator, q->generated, show_progress, &q->bar, err);
    flowbd3_table_destroy(&second);
    return status;
}

static flowbd3_status draw(quick *q, flowbd3_error *err) {
    const char *directory = q->arguments->output_directory;
    char path[PATH_MAX];
    if (q->arguments->no_plots || !plots_available()) {
        if (!q->arguments->no_plots)
            fputs("no pictures: PLplot is not here\n", stderr);
        return FLOWBD3_OK;
    }
    size_t count;
    flowbd3_epoch *epochs = epochs_of(q->run.trainer, &count, err);
    if (epochs == NULL)
        return err->status;
    bool drawn = plot_distributions(path_in(path, directory, "feature_distributions.png"), q->test,
                                    q->generated, err->message) == 0 &&
                 plot_distributions(path_in(path, directory, "feature_distributions.svg"), q->test,
                                    q->generated, err->message) == 0 &&
                 plot_correlations(path_in(path, directory, "correlation_matrices.png"), q->evaluator,
                                   q->test, err->message) == 0 &&
                 plot_pca(path_in(path, directory, "pca.png"), q->test, q->generated, err->message) == 0 &&
                 plot_losses(path_in(path, directory, "losses.png"), epochs, count, err->message) == 0 &&
                 plot_summary(path_in(path, directory, "summary_statistics.png"), q->test, q->generated,
                              err->message) == 0;
    free(epochs);
    return err->status = drawn ? FLOWBD3_OK : FLOWBD3_ERROR_IO;
}

static flowbd3_status run_stages(quick *q, flowbd3_error *err) {
    static flowbd3_status (*const stages[STAGES])(quick *, flowbd3_error *) = {make_flows, train, generate,
                                                                               evaluate, draw};
    for (int i = 0; i < STAGES; i++) {
        double began = seconds_now();
        flowbd3_status status = stages[i](q, err);
        end_progress(&q->bar);
        q->seconds[i] = seconds_now() - began;
        if (status != FLOWBD3_OK)
            return status;
        if (interrupted()) {
            *err = (flowbd3_error){FLOWBD3_CANCELLED, 0, 0, "cancelled"};
            return err->status;
        }
    }
    return FLOWBD3_OK;
}

/* ---- results ----------------------------------------------------------------------------------- */

static json_t *figure_to_json(double figure) {
    return isfinite(figure) ? json_real(figure) : json_null();
}

static double ks_ratio(const quick *q) {
    return flowbd3_evaluator_get(q->evaluator, "summary.ks_mean") /
           flowbd3_evaluator_get(q->evaluator, "floor.ks_mean");
}

static json_t *run_to_json(const quick *q) {
    const arguments *a = q->arguments;
    return json_pack("{s:I, s:I, s:I, s:b, s:I}", "n_flows", (json_int_t)a->n_flows, "n_features",
                     (json_int_t)a->n_features, "n_samples", (json_int_t)a->n_samples, "reference",
                     a->reference, "parameters", (json_int_t)flowbd3_model_parameters(q->run.model));
}

static json_t *checks_to_json(const quick *q) {
    return json_pack("{s:o, s:o, s:o}", "protocol_valid_share",
                     figure_to_json(protocol_valid_share(q->generated)), "rate_consistent_share",
                     figure_to_json(rate_consistent_share(q->generated)), "ks_ratio",
                     figure_to_json(ks_ratio(q)));
}

static json_t *seconds_to_json(const quick *q) {
    json_t *object = json_object();
    for (int i = 0; i < STAGES; i++)
        json_object_set_new(object, stage_names[i], json_real(q->seconds[i]));
    return object;
}

static json_t *evaluation_to_json(const quick *q) {
    char *text = NULL;
    if (flowbd3_evaluator_to_json(q->evaluator, &text, NULL) != FLOWBD3_OK)
        return NULL;
    json_t *object = json_loads(text, 0, NULL);
    flowbd3_string_destroy(q->context, &text);
    return object;
}

static int write_results(quick *q) {
    char path[PATH_MAX];
    const char *directory = q->arguments->output_directory;
    program_option options[TRAINING_OPTIONS];
    list_training_options(options, &q->settings);
    json_t *configuration = configuration_to_json(options, TRAINING_OPTIONS);
    json_t *results =
        json_pack("{s:o, s:O, s:o, s:o, s:o}", "run", run_to_json(q), "config", configuration, "evaluation",
                  evaluation_to_json(q), "checks", checks_to_json(q), "seconds", seconds_to_json(q));
    int status = write_json(path_in(path, directory, "config.json"), configuration);
    int written = write_json(path_in(path, directory, "quick_results.json"), results);
    return status != EXIT_SUCCESS ? status : written;
}

static void print_results(const quick *q) {
    static const char *const figures[] = {
        "ks_mean", "ks_max", "emd_scaled_mean", "corr_frobenius", "spearman_frobenius", "nearest_mean"};
    print_heading(stdout, "figure", 24);
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        print_summary_figure(stdout, q->evaluator, figures[i], 24);
    printf("\nprotocol is 6, 17 or 1:  %6.1f %% of the rows\n", 100.0 * protocol_valid_share(q->generated));
    printf("rates fit the counts:    %6.1f %% of the rows\n", 100.0 * rate_consistent_share(q->generated));
    printf("\nseconds:");
    double sum = 0.0;
    for (int i = 0; i < STAGES; i++) {
        printf(" %s %.1f,", stage_names[i], q->seconds[i]);
        sum += q->seconds[i];
    }
    printf(" in all %.1f\nwritten to %s\n", sum, q->arguments->output_directory);
}

static int run_quick(quick *q) {
    flowbd3_error err = {0};
    flowbd3_status done = create_program_context(&q->context, q->arguments->threads, &err);
    if (done == FLOWBD3_OK)
        done = run_stages(q, &err);
    int status = done == FLOWBD3_OK ? write_results(q) : library_failure(&err);
    if (status == EXIT_SUCCESS)
        print_results(q);
    flowbd3_evaluator_destroy(&q->evaluator);
    release_training(&q->run);
    flowbd3_table_destroy(&q->train);
    flowbd3_table_destroy(&q->test);
    flowbd3_table_destroy(&q->generated);
    flowbd3_context_destroy(&q->context);
    return status;
}

int main(int argc, char **argv) {
    arguments a = {.n_flows = 5000, .n_features = 6, .n_samples = 1000, .epochs = COUNT_UNSET};
    program_option options[OPTIONS];
    list_options(options, &a);
    int status = read_arguments(&a, options, argc, argv);
    if (status < 0) {
        if (a.output_directory == NULL)
            set_text(&options[0], "quick_output");
        status = make_output_directory(a.output_directory);
        quick q = {.arguments = &a, .settings = choose_settings(&a)};
        catch_interrupts();
        if (status == EXIT_SUCCESS)
            status = run_quick(&q);
    }
    release_options(options, OPTIONS);
    return status;
}
