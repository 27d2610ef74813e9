/* Comparing a generated table with a real one. */
#include "comparison.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

flowbd3_status choose_rows(flowbd3_table **out, const flowbd3_table *table, size_t rows, uint64_t seed,
                           flowbd3_error *err) {
    size_t all = flowbd3_table_rows(table);
    if (rows >= all)
        return flowbd3_table_slice(out, table, 0, all, err);
    flowbd3_table *others = NULL;
    flowbd3_status status = flowbd3_table_split(out, &others, table, (double)rows / (double)all, seed, err);
    flowbd3_table_destroy(&others);
    return status;
}

double find_figure(const flowbd3_evaluator *evaluator, const char *group, const char *name, const char *key) {
    size_t size = strlen(group) + (name != NULL ? strlen(name) : 0) + strlen(key) + 3;
    char *flat = malloc(size);
    if (flat == NULL)
        return (double)NAN;
    snprintf(flat, size, "%s%s%s.%s", group, name != NULL ? "." : "", name != NULL ? name : "", key);
    double value = flowbd3_evaluator_get(evaluator, flat);
    free(flat);
    return value;
}

/* "1.234", or "-" for a figure that is not there. Returns text. */
static const char *figure_text(char text[32], double figure) {
    if (isfinite(figure))
        snprintf(text, 32, fabs(figure) < 1e7 && figure == floor(figure) ? "%.0f" : "%.4g", figure);
    else
        strcpy(text, "-");
    return text;
}

static void print_line(FILE *file, const char *name, int width, const char *kind, double value,
                       double floor) {
    char value_text[32], floor_text[32], ratio_text[32];
    fprintf(file, "%-*s %-5s %12s %12s %8s\n", width, name, kind, figure_text(value_text, value),
            figure_text(floor_text, floor),
            figure_text(ratio_text, floor > 0.0 ? value / floor : (double)NAN));
}

void print_heading(FILE *file, const char *first, int width) {
    fprintf(file, "%-*s %-5s %12s %12s %8s\n", width, first, "", "value", "floor", "ratio");
}

void print_summary_figure(FILE *file, const flowbd3_evaluator *evaluator, const char *figure, int width) {
    print_line(file, figure, width, "", find_figure(evaluator, "summary", NULL, figure),
               find_figure(evaluator, "floor", NULL, figure));
}

static const char summary[] = "summary.";

static bool is_summary(const char *name) {
    return strncmp(name, summary, strlen(summary)) == 0;
}

static int longest_name(const flowbd3_evaluator *evaluator) {
    size_t longest = 0;
    for (size_t i = 0; i < flowbd3_evaluator_count(evaluator); i++) {
        const char *name = flowbd3_evaluator_figure(evaluator, i, NULL);
        if (is_summary(name) && strlen(name + strlen(summary)) > longest)
            longest = strlen(name + strlen(summary));
    }
    return (int)longest;
}

static void print_summary(FILE *file, const flowbd3_evaluator *evaluator, int width) {
    for (size_t i = 0; i < flowbd3_evaluator_count(evaluator); i++) {
        const char *name = flowbd3_evaluator_figure(evaluator, i, NULL);
        if (is_summary(name))
            print_summary_figure(file, evaluator, name + strlen(summary), width);
    }
}

static void print_columns(FILE *file, const flowbd3_evaluator *evaluator, const flowbd3_table *real,
                          int width) {
    for (size_t i = 0; i < flowbd3_table_columns(real); i++) {
        const char *column = flowbd3_table_name(real, i);
        bool categorical = flowbd3_table_codes(real, i) != NULL;
        print_line(file, column, width, categorical ? "tvd" : "ks",
                   find_figure(evaluator, "columns", column, categorical ? "tvd" : "ks"),
                   find_figure(evaluator, "columns", column, categorical ? "floor_tvd" : "floor_ks"));
    }
}

void print_comparison(FILE *file, const flowbd3_evaluator *evaluator, const flowbd3_table *real) {
    int width = longest_name(evaluator);
    for (size_t i = 0; i < flowbd3_table_columns(real); i++) {
        int length = (int)strnlen(flowbd3_table_name(real, i), 40);
        width = length > width ? length : width;
    }
    print_heading(file, "figure", width);
    print_summary(file, evaluator, width);
    /* Every column has a share of missing cells when figures of columns were asked for. */
    if (!isfinite(flowbd3_evaluator_get(evaluator, "summary.missing_difference_mean")))
        return;
    fputc('\n', file);
    print_heading(file, "column", width);
    print_columns(file, evaluator, real, width);
}

void print_intervals(FILE *file, const flowbd3_evaluator *evaluator) {
    static const char prefix[] = "low.";
    int width = longest_name(evaluator);
    fprintf(file, "\n%-*s %12s %12s %12s\n", width, "figure", "2.5 %", "value", "97.5 %");
    for (size_t i = 0; i < flowbd3_evaluator_count(evaluator); i++) {
        double low;
        const char *name = flowbd3_evaluator_figure(evaluator, i, &low);
        if (strncmp(name, prefix, strlen(prefix)) != 0)
            continue;
        const char *figure = name + strlen(prefix);
        char text[3][32];
        fprintf(file, "%-*s %12s %12s %12s\n", width, figure, figure_text(text[0], low),
                figure_text(text[1], find_figure(evaluator, "summary", NULL, figure)),
                figure_text(text[2], find_figure(evaluator, "high", NULL, figure)));
    }
}

void print_rules(FILE *file, const flowbd3_evaluator *evaluator, const flowbd3_rules *rules) {
    fprintf(file, "\n%12s %12s %12s %12s  %s\n", "applies", "violated", "share", "real share", "rule");
    for (size_t i = 0; i < flowbd3_rules_count(rules); i++) {
        static const char *const figures[] = {"applies", "violated", "share", "real_share"};
        const char *rule = flowbd3_rules_name(rules, i);
        for (size_t k = 0; k < sizeof figures / sizeof *figures; k++) {
            char text[32];
            fprintf(file, "%12s ", figure_text(text, find_figure(evaluator, "rules", rule, figures[k])));
        }
        fprintf(file, " %s\n", rule);
    }
}
