/* Completing a table: what it has is kept, what is missing is generated. */
#ifndef COMPLETION_H
#define COMPLETION_H

#include <flowbd3/flowbd3.h>

/* The same rows and columns twice: in the types of a model, and as they are written. */
typedef struct partial_table {
    flowbd3_table *cells, *texts;
    const char *path; /* where they are from; that of read_partial */
} partial_table;

/* Reads the rows of path, a file, of which model generates the cells that are missing: the columns that the
 * model has. Says which others are left out. */
flowbd3_status read_partial(partial_table *partial, flowbd3_context *context, const char *path,
                            const flowbd3_model *model, flowbd3_error *err);
void release_partial(partial_table *partial);

/* The completed rows of partial, with progress. A number that is kept is a category, its text as it was
 * written. The caller owns *out. */
flowbd3_status complete_table(flowbd3_table **out, flowbd3_context *context, flowbd3_sampler *sampler,
                              const partial_table *partial, flowbd3_error *err);

#endif
