/* The scorer room from inside. */
#ifndef FB3_SCORER_H
#define FB3_SCORER_H

#include <flowbd3/score.h>

#include "model/model.h"
#include "scorer/pit.h"

/* What is known of a column. */
typedef enum fb3_role { FB3_SCORED, FB3_GIVEN, FB3_UNKNOWN } fb3_role;

typedef struct fb3_scorer {
    flowbd3_context *context;
    const flowbd3_model *model;
    flowbd3_score_options options; /* defaults filled in */
    fb3_role *roles;               /* [S] */
    size_t *rank;                  /* [S] place in the given order; NULL: random orders */
    fb3_flows *flows;
    fb3_joint *joint;
    fb3_network *network;
    uint16_t *columns; /* [flows of a sequence, S] order of columns; NULL where it does not matter */
    size_t first_sequence, first_flow; /* of the joint, among all */
    bool fixed;                        /* neither masks nor orders are random */
    size_t *chain;          /* [rows of the joint] from a block's first row on, the scored ones in order */
    size_t *scored;         /* [blocks of the joint] how many those are */
    double *keys;           /* [rows of the joint] what the chain rule orders them by */
    double *sum, *before;   /* [flows of the joint] of the pass, and of the one it is paired with */
    fb3_reporter reporter;  /* counts flows, of a batch in draws a share */
    double *nll, *variance; /* [flows of the joint] accumulated; the second is the variance of the mean */
    fb3_place *places; /* [flows of the joint, S] taken in the place of scores by the chain rule, in whose
                          random orders the slots of a column then stay together; NULL: scores */
} fb3_scorer;

/* Checks the options, takes memory and reads the table; whatever came of it, fb3_scorer_end gives all back.
 * Between them fb3_scorer_run scores the table, and calls take for every batch: the flows of the sequences
 * first .. end - 1 are those of the joint. (scorer.c) */
typedef void (*fb3_scorer_take)(const fb3_scorer *scorer, size_t first, size_t end, void *user);
flowbd3_status fb3_scorer_begin(fb3_scorer *scorer, const flowbd3_table *table, flowbd3_error *err);
flowbd3_status fb3_scorer_run(fb3_scorer *scorer, const char *stage, fb3_scorer_take take, void *user,
                              flowbd3_error *err);
void fb3_scorer_end(fb3_scorer *scorer);

/* Flows of the joint at most. */
size_t fb3_scorer_flows(const fb3_scorer *scorer);

/* Takes up given, scored and order. (roles.c) */
flowbd3_status fb3_scorer_set_roles(fb3_scorer *scorer, flowbd3_error *err);

/* The order of columns of flow number flow in draw: given ones before scored ones before unknown ones. */
void fb3_scorer_order(const fb3_scorer *scorer, uint16_t *order, uint64_t flow, uint32_t draw);

/* Score the flows of the joint by all draws; false when that was cancelled. (draws.c) */
bool fb3_scorer_nelbo(fb3_scorer *scorer);
bool fb3_scorer_chain(fb3_scorer *scorer);

/* Fills the joint, which is as draw 0 orders it at first, anew with its sequences in the order of draw, where
 * there is one. (scorer.c) */
void fb3_scorer_lay_out(fb3_scorer *scorer, uint32_t draw);

/* Whether a row of the joint has a token that is scored. */
static inline bool fb3_is_scored(const fb3_scorer *s, size_t row) {
    const fb3_joint *j = s->joint;
    return s->roles[j->slots[row]] == FB3_SCORED && j->tokens[row] < j->blocking.vocabulary[j->slots[row]];
}

#endif
