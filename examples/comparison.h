/* Comparing a generated table with a real one: what flowbd3-evaluate and flowbd3-quick have in common. */
#ifndef COMPARISON_H
#define COMPARISON_H

#include <flowbd3/flowbd3.h>

#include <stdio.h>

/* A table with as many of table's rows as rows says, chosen by seed, or with all of them when there are no
 * more. The caller owns *out. */
flowbd3_status choose_rows(flowbd3_table **out, const flowbd3_table *table, size_t rows, uint64_t seed,
                           flowbd3_error *err);

/* The figure group.name.key, or group.key where name is NULL; NaN for what is not there. */
double find_figure(const flowbd3_evaluator *evaluator, const char *group, const char *name, const char *key);

/* Prints the figures of the last run beside their floors: the summary, then a line per column when
 * figures of columns were asked for. */
void print_comparison(FILE *file, const flowbd3_evaluator *evaluator, const flowbd3_table *real);

/* The parts of it: the line of titles, and the line of one figure of the summary. */
void print_heading(FILE *file, const char *first, int width);
void print_summary_figure(FILE *file, const flowbd3_evaluator *evaluator, const char *figure, int width);

/* A line for every figure that has an interval: its value, and the ends of the interval. */
void print_intervals(FILE *file, const flowbd3_evaluator *evaluator);

/* A line for every rule: the generated rows that it applies to and that violate it, the share of these, and
 * that of the real rows. */
void print_rules(FILE *file, const flowbd3_evaluator *evaluator, const flowbd3_rules *rules);

#endif
