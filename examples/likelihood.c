/* What a model says of tables. */
#include "likelihood.h"
#include "csv_table.h"
#include "failure.h"
#include "progress_bar.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { REAL, GENERATED, TRAIN, SAMPLES };
static const char *const sample_names[SAMPLES] = {"real", "generated", "train"};

/* Nats per flow of the rows of a table: mean and its standard error. rows 0: there is none. */
typedef struct nelbo {
    size_t rows;
    double mean, error;
} nelbo;

struct likelihood {
    flowbd3_model *model;
    nelbo samples[SAMPLES];
    flowbd3_calibration *calibration; /* by the real rows */
};

void release_likelihood(likelihood **l) {
    if (*l == NULL)
        return;
    flowbd3_calibration_destroy(&(*l)->calibration);
    flowbd3_model_destroy(&(*l)->model);
    free(*l);
    *l = NULL;
}

/* ---- measuring --------------------------------------------------------------------------------- */

static flowbd3_status no_memory(flowbd3_error *err) {
    *err = (flowbd3_error){FLOWBD3_ERROR_MEMORY, 0, 0, "out of memory for the likelihood"};
    return err->status;
}

static flowbd3_status score(nelbo *n, const flowbd3_model *model, const flowbd3_table *table, uint64_t seed,
                            flowbd3_error *err) {
    progress_bar bar = {.unit = "rows"};
    flowbd3_score_options options = FLOWBD3_SCORE_OPTIONS_INIT;
    options.draws = 2; /* of a mean over rows the rows are the larger part of the error */
    options.seed = seed;
    options.progress = show_progress;
    options.progress_user = &bar;
    n->rows = flowbd3_table_rows(table);
    double *nll = calloc(n->rows + 1, sizeof *nll), squares = 0.0;
    if (nll == NULL)
        return no_memory(err);
    flowbd3_status status = flowbd3_model_score(model, table, &options, nll, NULL, err);
    end_progress(&bar);
    for (size_t i = 0; i < n->rows; i++)
        n->mean += nll[i] / (double)n->rows;
    for (size_t i = 0; i < n->rows; i++)
        squares += (nll[i] - n->mean) * (nll[i] - n->mean);
    n->error = n->rows > 1 ? sqrt(squares / (double)n->rows / (double)(n->rows - 1)) : (double)NAN;
    free(nll);
    return status;
}

static flowbd3_status calibrate(likelihood *l, const flowbd3_table *table, uint64_t seed,
                                flowbd3_error *err) {
    progress_bar bar = {.unit = "rows"};
    flowbd3_calibration_options options = FLOWBD3_CALIBRATION_OPTIONS_INIT;
    options.seed = seed;
    options.progress = show_progress;
    options.progress_user = &bar;
    flowbd3_status status = flowbd3_calibration_create(&l->calibration, l->model, table, &options, err);
    end_progress(&bar);
    return status;
}

/* Reads one of the files and scores it. */
static flowbd3_status measure(likelihood *l, int sample, const char *path, flowbd3_context *context,
                              const flowbd3_table *columns, const likelihood_files *files,
                              flowbd3_error *err) {
    flowbd3_table *table = NULL;
    flowbd3_csv_options csv = files->csv;
    csv.n_types = 0;
    flowbd3_status status = read_csv_like(&table, context, path, columns, LIKE_TYPES, csv, err);
    if (status == FLOWBD3_OK)
        status = score(&l->samples[sample], l->model, table, files->seed, err);
    if (status == FLOWBD3_OK && sample == REAL)
        status = calibrate(l, table, files->seed, err);
    if (status != FLOWBD3_OK)
        name_files(err, path, NULL);
    flowbd3_table_destroy(&table);
    return status;
}

flowbd3_status measure_likelihood(likelihood **out, flowbd3_context *context, const likelihood_files *files,
                                  flowbd3_error *err) {
    flowbd3_table *columns = NULL;
    likelihood *l = *out = calloc(1, sizeof *l);
    if (l == NULL)
        return no_memory(err);
    flowbd3_status status = flowbd3_model_load(&l->model, context, files->model, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_tokenizer_columns_table(flowbd3_model_tokenizer(l->model), &columns, err);
    if (status == FLOWBD3_OK)
        status = measure(l, REAL, files->real, context, columns, files, err);
    if (status == FLOWBD3_OK)
        status = measure(l, GENERATED, files->generated, context, columns, files, err);
    if (status == FLOWBD3_OK && files->train != NULL)
        status = measure(l, TRAIN, files->train, context, columns, files, err);
    flowbd3_table_destroy(&columns);
    if (status != FLOWBD3_OK)
        release_likelihood(out);
    return status;
}

/* ---- columns ----------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    flowbd3_calibration_figure figure;
    bool averaged;
} figures[] = {{"pit_l1", FLOWBD3_CALIBRATION_PIT_L1, true},
               {"pit_l1_floor", FLOWBD3_CALIBRATION_PIT_L1_FLOOR, true},
               {"pit_bias", FLOWBD3_CALIBRATION_PIT_BIAS, false},
               {"pit_bias_se", FLOWBD3_CALIBRATION_PIT_BIAS_ERROR, false},
               {"ece", FLOWBD3_CALIBRATION_ECE, true},
               {"ece_floor", FLOWBD3_CALIBRATION_ECE_FLOOR, true},
               {"unseen", FLOWBD3_CALIBRATION_UNSEEN, false}};
enum { FIGURES = sizeof figures / sizeof *figures };

static size_t count_columns(const likelihood *l) {
    return flowbd3_tokenizer_columns(flowbd3_model_tokenizer(l->model));
}

static const char *name_of(const likelihood *l, size_t column) {
    return flowbd3_tokenizer_name(flowbd3_model_tokenizer(l->model), column);
}

/* Over the columns that have the figure; NaN: none has. */
static double mean_over_columns(const likelihood *l, flowbd3_calibration_figure figure) {
    double sum = 0.0, count = 0.0;
    for (size_t i = 0; i < count_columns(l); i++) {
        double value = flowbd3_calibration_get(l->calibration, i, figure);
        sum += isfinite(value) ? value : 0.0;
        count += isfinite(value) ? 1.0 : 0.0;
    }
    return sum / count;
}

/* ---- text -------------------------------------------------------------------------------------- */

static void print_value(FILE *file, double value) {
    if (isfinite(value))
        fprintf(file, " %12.4g", value);
    else
        fprintf(file, " %12s", "-");
}

void print_likelihood(FILE *file, const likelihood *l) {
    if (l == NULL)
        return;
    int width = (int)strlen("calibration");
    for (size_t i = 0; i < count_columns(l); i++) {
        int length = (int)strnlen(name_of(l, i), 40);
        width = length > width ? length : width;
    }
    fprintf(file, "\n%-*s %12s %12s %12s\n", width, "likelihood", "nelbo", "nelbo_se", "rows");
    for (int s = 0; s < SAMPLES; s++)
        if (l->samples[s].rows > 0)
            fprintf(file, "%-*s %12.4f %12.4f %12zu\n", width, sample_names[s], l->samples[s].mean,
                    l->samples[s].error, l->samples[s].rows);
    fprintf(file, "\n%-*s", width, "calibration");
    for (int f = 0; f < FIGURES; f++)
        fprintf(file, " %12s", figures[f].name);
    fputc('\n', file);
    for (size_t i = 0; i < count_columns(l); i++) {
        if (flowbd3_calibration_histogram(l->calibration, i, NULL) == NULL) /* a rule computes it */
            continue;
        fprintf(file, "%-*s", width, name_of(l, i));
        for (int f = 0; f < FIGURES; f++)
            print_value(file, flowbd3_calibration_get(l->calibration, i, figures[f].figure));
        fputc('\n', file);
    }
}

/* ---- JSON -------------------------------------------------------------------------------------- */

/* Not 0: no memory. */
static int set_number(json_t *object, const char *prefix, const char *name, const char *suffix,
                      double value) {
    char key[64];
    snprintf(key, sizeof key, "%s%s%s", prefix, name, suffix);
    return json_object_set_new(object, key, isfinite(value) ? json_real(value) : json_null());
}

static json_t *column_object(const likelihood *l, size_t column) {
    const double *errors, *shares = flowbd3_calibration_histogram(l->calibration, column, &errors);
    json_t *object = json_object(), *histogram = json_array(), *error = json_array();
    int failed = 0;
    for (int f = 0; f < FIGURES; f++)
        failed |= set_number(object, "", figures[f].name, "",
                             flowbd3_calibration_get(l->calibration, column, figures[f].figure));
    for (size_t bin = 0; bin < flowbd3_calibration_bins(l->calibration); bin++) {
        failed |= json_array_append_new(histogram, json_real(shares[bin]));
        failed |= json_array_append_new(error, isfinite(errors[bin]) ? json_real(errors[bin]) : json_null());
    }
    failed |= json_object_set_new(object, "pit", histogram);
    failed |= json_object_set_new(object, "pit_se", error);
    if (!failed)
        return object;
    json_decref(object);
    return NULL;
}

static int set_columns(json_t *object, const likelihood *l) {
    json_t *columns = json_object();
    int failed = json_object_set_new(object, "columns", columns);
    for (size_t i = 0; !failed && i < count_columns(l); i++)
        if (flowbd3_calibration_histogram(l->calibration, i, NULL) != NULL)
            failed = json_object_set_new(columns, name_of(l, i), column_object(l, i));
    return failed;
}

static json_t *likelihood_object(const likelihood *l) {
    const nelbo *real = &l->samples[REAL], *train = &l->samples[TRAIN];
    json_t *object = json_object();
    int failed = 0;
    for (int s = 0; s < SAMPLES; s++) {
        const nelbo *n = &l->samples[s];
        failed |= set_number(object, "nelbo_", sample_names[s], "", n->rows > 0 ? n->mean : (double)NAN);
        failed |= set_number(object, "nelbo_", sample_names[s], "_se", n->rows > 0 ? n->error : (double)NAN);
    }
    bool both = train->rows > 0;
    failed |= set_number(object, "nelbo_gap", "", "", both ? real->mean - train->mean : (double)NAN);
    failed |=
        set_number(object, "nelbo_gap", "", "_se", both ? hypot(real->error, train->error) : (double)NAN);
    for (int f = 0; f < FIGURES; f++)
        if (figures[f].averaged)
            failed |=
                set_number(object, figures[f].name, "_mean", "", mean_over_columns(l, figures[f].figure));
    if (!failed && set_columns(object, l) == 0)
        return object;
    json_decref(object);
    return NULL;
}

double find_likelihood(const likelihood *l, const char *name) {
    static const char columns[] = "columns.";
    json_t *object = l != NULL ? likelihood_object(l) : NULL;
    const json_t *at = object;
    const char *key = strrchr(name, '.');
    if (key != NULL && strncmp(name, columns, strlen(columns)) == 0 && key > name + strlen(columns)) {
        size_t skipped = strlen(columns);
        char *column = strndup(name + skipped, (size_t)(key - name) - skipped);
        at = column != NULL ? json_object_get(json_object_get(object, "columns"), column) : NULL;
        name = key + 1;
        free(column);
    }
    const json_t *figure = json_object_get(at, name);
    double value = json_is_number(figure) ? json_number_value(figure) : (double)NAN;
    json_decref(object);
    return value;
}

char *report_with_likelihood(const char *report, const likelihood *l) {
    if (l == NULL)
        return strdup(report);
    json_t *object = json_loads(report, 0, NULL);
    char *text = NULL;
    if (json_object_set_new(object, "likelihood", likelihood_object(l)) == 0)
        text = json_dumps(object, JSON_INDENT(2));
    json_decref(object);
    return text;
}
