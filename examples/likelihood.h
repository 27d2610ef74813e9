/* What a model says of tables: their likelihood, and whether its predictions for the real one hold. */
#ifndef LIKELIHOOD_H
#define LIKELIHOOD_H

#include <flowbd3/flowbd3.h>

#include <stdio.h>

typedef struct likelihood likelihood;

/* Files of flows, which are read in the model's own types. */
typedef struct likelihood_files {
    const char *model, *real, *generated;
    const char *train; /* NULL: none */
    uint64_t seed;     /* of masks and orders */
    flowbd3_csv_options csv;
} likelihood_files;

/* Scores the rows of all files and calibrates the model by the real ones. The caller owns *out. */
flowbd3_status measure_likelihood(likelihood **out, flowbd3_context *context, const likelihood_files *files,
                                  flowbd3_error *err);
void release_likelihood(likelihood **l);

/* A figure by its name in the report, "nelbo_gap" or "columns.NAME.pit_l1"; NaN for what is not there. */
double find_likelihood(const likelihood *l, const char *name);

/* Prints the figures; nothing where l is NULL. */
void print_likelihood(FILE *file, const likelihood *l);

/* The evaluator's report with the member likelihood where l is not NULL, to be freed; NULL without memory. */
char *report_with_likelihood(const char *report, const likelihood *l);

#endif
