/* flowbd3-evaluate: compares generated flows with real ones. */
#include "command_line.h"
#include "comparison.h"
#include "csv_arguments.h"
#include "csv_table.h"
#include "fail_if.h"
#include "failure.h"
#include "interrupt.h"
#include "likelihood.h"
#include "output_directory.h"
#include "plots.h"
#include "plots_values.h"
#include "program_context.h"
#include "progress_bar.h"
#include "relations.h"
#include "report_page.h"
#include "text_file.h"
#include "violations.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct arguments {
    char *real, *generated, *train, *rules, *violations, *model, *target, *json, *plots, *report;
    uint64_t rows, classifier_rows, threads, seed, bootstrap;
    bool reference_authenticity;
    text_list metrics, group_by, fail_if;
    char *order_by;
    uint32_t groups; /* flowbd3_metrics that metrics names; 0 = all */
    condition_list conditions;
    csv_arguments csv;
} arguments;

enum { OWN_OPTIONS = 20, ALL_OPTIONS = OWN_OPTIONS + CSV_OPTIONS };

static void list_options(program_option *options, arguments *a) {
    const program_option own[OWN_OPTIONS] = {
        {.name = "real",
         .kind = OPTION_TEXT,
         .value = &a->real,
         .argument = "FILE",
         .help = "Real flows, best those that the model has not seen"},
        {.name = "generated",
         .kind = OPTION_TEXT,
         .value = &a->generated,
         .argument = "FILE",
         .help = "Generated flows"},
        {.name = "train",
         .kind = OPTION_TEXT,
         .value = &a->train,
         .argument = "FILE",
         .help =
             "The flows that the generator has learned from: the floor is the distance of as many of them as "
             "there are generated ones, chosen by --seed, to --real; the figures of privacy take them all"},
        {.name = "rules",
         .kind = OPTION_TEXT,
         .value = &a->rules,
         .argument = "FILE|default",
         .help = "Count the violations of the rules of a JSON file, or of those known for usual columns of "
                 "flows"},
        {.name = "violations",
         .kind = OPTION_TEXT,
         .value = &a->violations,
         .argument = "FILE",
         .help = "Write the first generated rows that violate each rule, the rule in a column more"},
        {.name = "model",
         .kind = OPTION_TEXT,
         .value = &a->model,
         .argument = "FILE",
         .help = "The model that generated the flows: report the likelihood that it gives to the rows of all "
                 "files, and whether its predictions hold for the real ones"},
        {.name = "target",
         .kind = OPTION_TEXT,
         .value = &a->target,
         .argument = "COLUMN",
         .help =
             "A column that models of the generated flows and, with --train, of real ones foretell in the "
             "real flows"},
        {.name = "max-rows",
         .kind = OPTION_COUNT,
         .value = &a->rows,
         .least = 0,
         .most = UINT32_MAX,
         .argument = "N",
         .help = "Rows of each table that distances between rows are taken of, chosen by --seed, 0 = all "
                 "(default: 0)"},
        {.name = "reference-authenticity",
         .kind = OPTION_FLAG,
         .value = &a->reference_authenticity,
         .help = "Also authenticity_reference, the variant of synthcity; needs as many generated rows as "
                 "training rows"},
        {.name = "max-classifier-rows",
         .kind = OPTION_COUNT,
         .value = &a->classifier_rows,
         .least = 0,
         .most = UINT32_MAX,
         .argument = "N",
         .help = "Rows of each table that classifiers see, chosen by --seed; fewer than 5: no classifiers "
                 "(default: 10000)"},
        {.name = "json",
         .kind = OPTION_TEXT,
         .value = &a->json,
         .argument = "FILE",
         .help = "Write all figures as JSON"},
        {.name = "report",
         .kind = OPTION_TEXT,
         .value = &a->report,
         .argument = "DIR",
         .help = "Write report.html, a page with pictures that needs no other file, and report.json"},
        {.name = "fail-if",
         .kind = OPTION_LIST,
         .value = &a->fail_if,
         .argument = "EXPR",
         .help =
             "Exit with status 3 when a figure is beyond a limit: 'c2st_auc>0.65', 'columns.Dur.ks>=0.1'; "
             "several separated by commas; may be repeated"},
        {.name = "plots",
         .kind = OPTION_TEXT,
         .value = &a->plots,
         .argument = "DIR",
         .help = "Write pictures: distributions, correlations, principal components, summary statistics"},
        {.name = "metrics",
         .kind = OPTION_NAMES,
         .value = &a->metrics,
         .argument = "GROUP,...",
         .help = "Groups of figures: marginals, joint, classifier, neighbours, rules, sequences (default: "
                 "all)"},
        {.name = "group-by",
         .kind = OPTION_NAMES,
         .value = &a->group_by,
         .argument = "A,B",
         .help = "Columns whose equal cells make rows one sequence, such as the source host; taken besides "
                 "--columns (default: all rows are one)"},
        {.name = "order-by",
         .kind = OPTION_TEXT,
         .value = &a->order_by,
         .argument = "COLUMN",
         .help = "Column of numbers or times that orders the rows of a sequence; taken besides --columns. "
                 "Figures of sequences need --group-by or --order-by (default: the order of the file)"},
        {.name = "bootstrap",
         .kind = OPTION_COUNT,
         .value = &a->bootstrap,
         .least = 0,
         .most = 1000000,
         .argument = "N",
         .help = "Intervals of the figures by N resamplings of the generated rows, 0 = none (default: 0)"},
        {.name = "threads",
         .kind = OPTION_COUNT,
         .value = &a->threads,
         .least = 0,
         .most = 1024,
         .argument = "N",
         .help = "Threads, 0 = all processors (default: 0)"},
        {.name = "seed",
         .kind = OPTION_COUNT,
         .value = &a->seed,
         .least = 0,
         .most = LARGEST_SEED,
         .argument = "N",
         .help = "Seed of the choice of rows, resampled ones too (default: 0)"},
    };
    memcpy(options, own, sizeof own);
    list_csv_options(options + OWN_OPTIONS, &a->csv);
}

static int parse_metrics(arguments *a) {
    static const struct {
        const char *name;
        flowbd3_metrics group;
    } groups[] = {{"marginals", FLOWBD3_METRICS_MARGINALS},   {"joint", FLOWBD3_METRICS_JOINT},
                  {"classifier", FLOWBD3_METRICS_CLASSIFIER}, {"neighbours", FLOWBD3_METRICS_NEIGHBOURS},
                  {"rules", FLOWBD3_METRICS_RULES},           {"sequences", FLOWBD3_METRICS_SEQUENCES}};
    for (size_t i = 0; i < a->metrics.count; i++) {
        size_t g = 0;
        while (g < sizeof groups / sizeof *groups && strcmp(groups[g].name, a->metrics.items[i]) != 0)
            g++;
        if (g == sizeof groups / sizeof *groups)
            return usage_failure("--metrics: '%s' is not marginals, joint, classifier, neighbours, rules or "
                                 "sequences",
                                 a->metrics.items[i]);
        a->groups |= groups[g].group;
    }
    bool rules = a->groups == 0 || (a->groups & FLOWBD3_METRICS_RULES) != 0;
    if (a->violations != NULL && (a->rules == NULL || !rules))
        return usage_failure("--violations needs %s", rules ? "--rules" : "the metrics rules");
    uint32_t drawn = FLOWBD3_METRICS_MARGINALS | FLOWBD3_METRICS_JOINT;
    if (a->groups != 0 && a->plots != NULL && (a->groups & drawn) != drawn)
        return usage_failure("--plots: pictures need the metrics marginals and joint");
    return -1;
}

/* The model reads the files a second time, in types of its own. */
static int check_files(const arguments *a) {
    const char *const files[] = {a->real, a->generated, a->train};
    for (size_t i = 0; a->model != NULL && i < sizeof files / sizeof *files; i++) {
        struct stat info;
        if (files[i] != NULL && stat(files[i], &info) == 0 && S_ISFIFO(info.st_mode))
            return failure("--model: '%s' is a pipe, expected a file that can be read twice", files[i]);
    }
    return -1;
}

static int read_arguments(arguments *a, program_option *options, int argc, char **argv) {
    int status = read_command_line("--real FILE --generated FILE [OPTION...]\n"
                                   "Compares generated flows with real ones.\n",
                                   options, ALL_OPTIONS, argc, argv);
    if (status < 0)
        status = require_option(options, ALL_OPTIONS, "real");
    if (status < 0)
        status = require_option(options, ALL_OPTIONS, "generated");
    if (status < 0)
        status = parse_metrics(a);
    if (status < 0)
        status = parse_csv_arguments(&a->csv);
    if (status < 0)
        status = parse_conditions(&a->conditions, &a->fail_if);
    if (status < 0)
        status = check_files(a);
    if (status < 0 && a->plots != NULL && !plots_available())
        status = failure("--plots: this build has no PLplot");
    return status;
}

/* ---- tables ------------------------------------------------------------------------------------ */

typedef struct tables {
    flowbd3_table *real, *generated, *train, *second; /* second: as many rows of train as are generated */
} tables;

static flowbd3_status read_like(flowbd3_table **table, flowbd3_context *context, const char *path,
                                const flowbd3_table *real, flowbd3_csv_options options, flowbd3_error *err) {
    options.n_types = 0;
    flowbd3_status status = read_csv_like(table, context, path, real, LIKE_NUMBERS, options, err);
    return status == FLOWBD3_OK ? keep_columns_of(table, real, err) : status;
}

/* Rows are grouped and ordered by columns that need not be asked for. */
static flowbd3_status select_real_columns(flowbd3_table **real, const arguments *a, flowbd3_error *err) {
    char *order_by = a->order_by, *target = a->target;
    const text_list ordering = {&order_by, order_by != NULL}, targets = {&target, target != NULL};
    text_list needed = {NULL, 0};
    flowbd3_status status = check_columns(*real, "--group-by", &a->group_by, a->real, err);
    if (status == FLOWBD3_OK)
        status = check_columns(*real, "--order-by", &ordering, a->real, err);
    if (status == FLOWBD3_OK)
        status = check_columns(*real, "--target", &targets, a->real, err);
    for (size_t i = 0; i < a->group_by.count; i++)
        add_text(&needed, a->group_by.items[i], strlen(a->group_by.items[i]));
    if (order_by != NULL)
        add_text(&needed, order_by, strlen(order_by));
    if (status == FLOWBD3_OK)
        status = select_columns(real, &a->csv, &needed, a->real, err);
    release_texts(&needed);
    return status;
}

/* Rows chosen here and there would tear sequences apart. */
static flowbd3_status choose_second(flowbd3_table **out, const flowbd3_table *train, size_t rows,
                                    const arguments *a, flowbd3_error *err) {
    if (a->group_by.count == 0 && a->order_by == NULL)
        return choose_rows(out, train, rows, a->seed, err);
    size_t all = flowbd3_table_rows(train);
    return flowbd3_table_slice(out, train, 0, rows < all ? rows : all, err);
}

static flowbd3_status read_tables(tables *t, flowbd3_context *context, const arguments *a,
                                  flowbd3_error *err) {
    flowbd3_csv_options options = csv_options(&a->csv);
    flowbd3_status status = read_csv(&t->real, context, a->real, options, err);
    if (status == FLOWBD3_OK)
        status = select_real_columns(&t->real, a, err);
    if (status == FLOWBD3_OK)
        status = read_like(&t->generated, context, a->generated, t->real, options, err);
    if (status != FLOWBD3_OK || a->train == NULL)
        return status;
    status = read_like(&t->train, context, a->train, t->real, options, err);
    if (status == FLOWBD3_OK)
        status = choose_second(&t->second, t->train, flowbd3_table_rows(t->generated), a, err);
    return status;
}

static void release_tables(tables *t) {
    flowbd3_table_destroy(&t->real);
    flowbd3_table_destroy(&t->generated);
    flowbd3_table_destroy(&t->train);
    flowbd3_table_destroy(&t->second);
}

/* ---- results ----------------------------------------------------------------------------------- */

static int write_results(const flowbd3_evaluator *evaluator, flowbd3_context *context, const tables *t,
                         const flowbd3_rules *rules, const likelihood *l, const arguments *a) {
    flowbd3_error err = {0};
    char *text = NULL;
    if (flowbd3_evaluator_to_json(evaluator, &text, &err) != FLOWBD3_OK)
        return library_failure(&err);
    char *whole = report_with_likelihood(text, l);
    const report_subject subject = {.evaluator = evaluator,
                                    .real = t->real,
                                    .generated = t->generated,
                                    .second = t->second,
                                    .second_of = t->train != NULL ? flowbd3_table_rows(t->train) : 0,
                                    .real_name = a->real,
                                    .generated_name = a->generated,
                                    .second_name = a->train,
                                    .rules = rules,
                                    .json = whole};
    int status = whole == NULL ? failure("out of memory for the report") : EXIT_SUCCESS;
    if (status == EXIT_SUCCESS && a->json != NULL)
        status = write_text_file(a->json, whole);
    if (status == EXIT_SUCCESS && a->report != NULL)
        status = write_report(&subject, a->report);
    free(whole);
    flowbd3_string_destroy(context, &text);
    return status;
}

static int save_violations(const flowbd3_evaluator *evaluator, const tables *t, const flowbd3_rules *rules,
                           const arguments *a) {
    flowbd3_error err = {0};
    flowbd3_csv_options options = csv_options(&a->csv);
    return write_violations(a->violations, evaluator, rules, t->generated, &options, &err) == FLOWBD3_OK
               ? EXIT_SUCCESS
               : library_failure(&err);
}

/* Pictures of numbers are left out, with a line that says so, where there are none to draw. */
static int draw_pictures(const flowbd3_evaluator *evaluator, const tables *t, const char *directory) {
    char path[PATH_MAX], message[256];
    int status = make_output_directory(directory);
    if (status != EXIT_SUCCESS)
        return status;
    size_t varying = count_varying_columns(t->real);
    bool failed = plot_distributions(path_in(path, directory, "feature_distributions.png"), t->real,
                                     t->generated, message) != 0;
    if (!failed && varying >= 1)
        failed = plot_correlations(path_in(path, directory, "correlation_matrices.png"), evaluator, t->real,
                                   message) != 0 ||
                 plot_summary(path_in(path, directory, "summary_statistics.png"), t->real, t->generated,
                              message) != 0;
    if (!failed && varying >= 2)
        failed = plot_pca(path_in(path, directory, "pca.png"), t->real, t->generated, message) != 0;
    if (failed)
        return failure("%s", message);
    if (varying < 2)
        fprintf(stderr, "%s: too few numeric columns that vary\n",
                varying == 0 ? "only feature_distributions.png is drawn" : "pca.png is not drawn");
    return EXIT_SUCCESS;
}

static int show_results(const flowbd3_evaluator *evaluator, flowbd3_context *context, const tables *t,
                        const flowbd3_rules *rules, const likelihood *l, const arguments *a) {
    int status = EXIT_SUCCESS;
    print_comparison(stdout, evaluator, t->real);
    if (a->bootstrap > 0)
        print_intervals(stdout, evaluator);
    if (rules != NULL && (a->groups == 0 || (a->groups & FLOWBD3_METRICS_RULES) != 0))
        print_rules(stdout, evaluator, rules);
    print_likelihood(stdout, l);
    if (fflush(stdout) != 0)
        status = failure("cannot write the table: %s", strerror(errno));
    if (status == EXIT_SUCCESS && a->violations != NULL)
        status = save_violations(evaluator, t, rules, a);
    if (status == EXIT_SUCCESS && (a->json != NULL || a->report != NULL))
        status = write_results(evaluator, context, t, rules, l, a);
    if (status == EXIT_SUCCESS && a->plots != NULL)
        status = draw_pictures(evaluator, t, a->plots);
    if (status == EXIT_SUCCESS)
        status = judge_conditions(&a->conditions, evaluator, l);
    return status;
}

/* *l stays NULL without a model. */
static flowbd3_status take_likelihood(likelihood **l, flowbd3_context *context, const arguments *a,
                                      flowbd3_error *err) {
    const likelihood_files files = {.model = a->model,
                                    .real = a->real,
                                    .generated = a->generated,
                                    .train = a->train,
                                    .seed = a->seed,
                                    .csv = csv_options(&a->csv)};
    return a->model != NULL ? measure_likelihood(l, context, &files, err) : FLOWBD3_OK;
}

static int run(flowbd3_evaluator *evaluator, flowbd3_context *context, const tables *t,
               const flowbd3_rules *rules, const arguments *a) {
    flowbd3_error err = {0};
    progress_bar bar = {.unit = "parts"};
    likelihood *l = NULL;
    flowbd3_status done = take_likelihood(&l, context, a, &err);
    if (done == FLOWBD3_OK)
        done = flowbd3_evaluator_run(evaluator, t->generated, show_progress, &bar, &err);
    end_progress(&bar);
    int status =
        done == FLOWBD3_OK ? show_results(evaluator, context, t, rules, l, a) : library_failure(&err);
    release_likelihood(&l);
    return status;
}

/* What cannot be written is said before the work. */
static int check_outputs(const arguments *a) {
    const char *const files[] = {a->json, a->violations}, *const directories[] = {a->report, a->plots};
    int status = EXIT_SUCCESS;
    for (size_t i = 0; status == EXIT_SUCCESS && i < sizeof files / sizeof *files; i++)
        status = files[i] != NULL ? check_text_file(files[i]) : EXIT_SUCCESS;
    for (size_t i = 0; status == EXIT_SUCCESS && i < sizeof directories / sizeof *directories; i++)
        status = directories[i] != NULL ? make_output_directory(directories[i]) : EXIT_SUCCESS;
    return status;
}

static int evaluate(flowbd3_context *context, const arguments *a) {
    flowbd3_error err = {0};
    tables t = {0};
    flowbd3_rules *rules = NULL;
    flowbd3_evaluator *evaluator = NULL;
    flowbd3_evaluator_options options = FLOWBD3_EVALUATOR_OPTIONS_INIT;
    options.seed = a->seed;
    options.groups = a->groups;
    options.bootstrap = (uint32_t)a->bootstrap;
    options.group_by = (const char *const *)a->group_by.items;
    options.n_group_by = a->group_by.count;
    options.order_by = a->order_by;
    options.target = a->target;
    options.max_rows = a->rows;
    options.max_classifier_rows = a->classifier_rows;
    options.reference_authenticity = a->reference_authenticity;
    flowbd3_status done = read_tables(&t, context, a, &err);
    if (done == FLOWBD3_OK)
        done = read_rules(&rules, context, a->rules, t.real, &err);
    options.rules = rules;
    options.training = t.train;
    if (done == FLOWBD3_OK)
        done = flowbd3_evaluator_create(&evaluator, context, t.real, t.second, &options, &err);
    int status = done == FLOWBD3_OK ? check_conditions(&a->conditions, context, t.real, t.second, t.generated,
                                                       &options, a->model != NULL)
                                    : library_failure(&err);
    if (status < 0)
        status = check_outputs(a);
    if (status == EXIT_SUCCESS)
        status = run(evaluator, context, &t, rules, a);
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_rules_destroy(&rules);
    release_tables(&t);
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
        status = create_program_context(&context, a.threads, &err) == FLOWBD3_OK ? evaluate(context, &a)
                                                                                 : library_failure(&err);
        flowbd3_context_destroy(&context);
    }
    release_conditions(&a.conditions);
    release_csv_arguments(&a.csv);
    release_options(options, ALL_OPTIONS);
    return status;
}
