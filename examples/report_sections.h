/* The sections of the report's page. */
#ifndef REPORT_SECTIONS_H
#define REPORT_SECTIONS_H

#include "comparison.h"
#include "figure_words.h"
#include "html.h"
#include "plots.h"
#include "report_page.h"

#include <jansson.h>
#include <stdbool.h>

/* ---- numbers and cells (report_numbers.c) ------------------------------------------------------- */

/* A number with four significant digits, a dash where it is NaN. */
void put_number(html *page, double value);

/* A figure of the report; NaN for null and for what is not there. */
double number_in(const json_t *object, const char *key);
/* "12.3 %" of a share. */
void put_percent(html *page, double share);
/* A value of a column as it would stand in a file: a time for times. */
void put_value(html *page, const flowbd3_table *table, size_t column, double value);
/* A cell of a table; whole: as a whole number where it is one, for a column that holds integers elsewhere. */
void put_cell(html *page, const flowbd3_table *table, size_t row, size_t column, bool whole);
/* Table cells with a value, its floor and their ratio, coloured by how far both are from perfect. */
void put_beside_floor(html *page, preference better, double value, double floor);

/* ---- pairs of columns (report_pairs.c) ---------------------------------------------------------- */

typedef struct column_pair {
    size_t first, second;   /* columns of real, numeric */
    double real, generated; /* Pearson's correlations */
} column_pair;

/* Fills pairs[most] with those whose correlations differ most, worst first. Returns how many there are. */
size_t find_worst_pairs(const report_subject *subject, column_pair *pairs, size_t most);

/* ---- sections ----------------------------------------------------------------------------------- */

/* The worst five discrepancies in words (report_worst.c). */
void put_worst(html *page, const report_subject *subject);

/* Every figure of the summary (report_summary.c). */
void put_summary(html *page, const report_subject *subject);

/* Pairs of columns by their two-dimensional histograms, where the report has them (report_pairs.c). */
void put_joint(html *page, const json_t *report);

/* Rules with rows that violate them (report_rules.c). report is the parsed JSON. */
void put_rules(html *page, const report_subject *subject, const json_t *report);

/* What the model says of the rows, where the report has it (report_likelihood.c). */
void put_likelihood(html *page, const json_t *report);

/* Columns with their distributions and figures (report_columns.c). Pictures are left out where there is no
 * PLplot. Returns 0, or -1 and a message. */
int put_columns(html *page, const report_subject *subject, char message[256]);

/* Correlations, principal components, pairs, curves (report_pictures.c). Returns 0, or -1 and a message. */
int put_pictures(html *page, const report_subject *subject, const json_t *report, char message[256]);

/* Appends a picture with its description and gives it back. */
void put_image(html *page, plot_image *image, const char *description, const char *name);

#endif
