/* Conditions on figures that decide the exit status: --fail-if 'c2st_auc>0.65,columns.Dur.ks>=0.1'. */
#ifndef FAIL_IF_H
#define FAIL_IF_H

#include "command_line.h"
#include "likelihood.h"

#include <flowbd3/flowbd3.h>

enum { EXIT_CONDITION = 3 };

typedef struct condition {
    char *name;       /* as it was given; owned */
    bool less, equal; /* less: < or <=, otherwise > or >=; equal: with = */
    double limit;
} condition;

typedef struct condition_list {
    condition *items; /* [count] */
    size_t count;
} condition_list;

/* Takes texts apart: NAME<NUMBER, <=, > or >=, several separated by commas. Names may hold commas and signs
 * themselves. Returns -1, or the status to exit with. */
int parse_conditions(condition_list *conditions, const text_list *texts);

/* Whether all names are those of figures that evaluators made with options give for such tables, which a few
 * rows tell before any long work, if they do. second may be NULL. With model, names may begin with
 * "likelihood.", of which judge_conditions decides. Returns -1, or the status to exit with. */
int check_conditions(const condition_list *conditions, flowbd3_context *context, const flowbd3_table *real,
                     const flowbd3_table *second, const flowbd3_table *generated,
                     const flowbd3_evaluator_options *options, bool model);

/* Says which conditions hold for the figures of the last run and of l, which may be NULL. Returns 0,
 * EXIT_CONDITION when one holds, or EXIT_FAILED when the figure of one does not apply to the tables. */
int judge_conditions(const condition_list *conditions, const flowbd3_evaluator *evaluator,
                     const likelihood *l);

void release_conditions(condition_list *conditions);

#endif
