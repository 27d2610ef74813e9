/* Rows that obey rules and conditions while their tokens are drawn. (restrained.c) */
#ifndef FB3_RESTRAINED_H
#define FB3_RESTRAINED_H

#include "sampler/sampler.h"

/* The row of a flow of one sequence, as far as it is decided. */
typedef struct fb3_held_row {
    fb3_row *row;
    fb3_row *own;     /* the same under the tokenizer's rules alone; NULL: there are no others */
    uint64_t flow;    /* number of the flow in its sequence, + 1; 0: none */
    uint16_t *known;  /* [S] token + 1 of the slots that the row has taken in, 0: not yet */
    double log_mass;  /* of the attempt at hand */
    size_t cached;    /* keys that the cache had when the unit began */
    double log_total; /* of the attempts that were not kept, but might be chosen */
} fb3_held_row;

/* What one thread needs. */
struct fb3_restrained {
    fb3_held_row *rows; /* [tile] */
    /* [tile, block] see fb3_unmasking */
    uint32_t *run;
    uint8_t *turn, *fixed;
    const double **weights;
    uint16_t *tokens;  /* [S] of the flow at hand: decided ones, and masks */
    uint8_t *possible; /* [largest vocabulary] values that the tokenizer's own rules leave */
    uint16_t *chosen;  /* [tile, unit * block] of attempts not kept, the one that is chosen so far */
};

flowbd3_status fb3_restrained_create(fb3_restrained **out, const flowbd3_sampler *s, flowbd3_error *err);
void fb3_restrained_destroy(fb3_restrained **restrained, const flowbd3_sampler *s);

/* Bytes of it, further rules of the rows aside. */
uint64_t fb3_restrained_bytes(const fb3_sampler_sizes *sizes, const flowbd3_tokenizer *tokenizer);

/* allowed[vocabulary] (see fb3_allow) of a slot of a flow whose decided tokens are in r->tokens. number
 * counts the flow among all rows. */
bool fb3_restrained_allow(const flowbd3_sampler *s, fb3_restrained *r, size_t i, uint64_t flow,
                          uint64_t number, size_t slot, uint8_t *allowed);

/* Whether values are found for tokens[S] of row number `number` that obey. */
bool fb3_restrained_obeys(const flowbd3_sampler *s, fb3_restrained *r, size_t i, const uint16_t *tokens,
                          uint64_t number);

/* The row of a sequence begins anew. */
void fb3_restrained_forget(fb3_restrained *r, size_t i);

/* Before the first attempt of sequence i at a unit; whether an attempt tokens[count] is kept, whose mass is
 * in rows[i].log_mass, -INFINITY for one that does not obey; and after the last one: the choice among those
 * that were not kept. False: none obeyed. key numbers the unit among all. */
void fb3_restrained_start(fb3_restrained *r, size_t i);
bool fb3_restrained_offer(const flowbd3_sampler *s, fb3_restrained *r, size_t i, const uint16_t *tokens,
                          size_t count, uint64_t key, uint32_t attempt);
bool fb3_restrained_choice(const flowbd3_sampler *s, const fb3_restrained *r, size_t i, uint16_t *tokens,
                           size_t count);

#endif
