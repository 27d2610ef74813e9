/* Rows that spread over the model's distribution more evenly than independent draws do. (strata.c)
 *
 * The random numbers with which FB3_STRATA rows draw are the points of a scrambled Sobol' net (Sobol' 1967,
 * Owen 1995), in an order drawn at random: those of one draw are one in each of FB3_STRATA equal parts of
 * (0, 1), those of two or more draws spread over the square and the cube. Every row by itself has
 * independent uniform numbers, so that it follows the model's distribution as before; what changes is that
 * the rows of a group are less alike than chance makes them, and frequencies nearer to the model's. */
#ifndef FB3_STRATA_H
#define FB3_STRATA_H

#include "base/base.h"

/* Rows of a group, and parts of (0, 1). */
enum { FB3_STRATA = 256 };

/* strata[draws, FB3_STRATA]: the part that each draw of each row of a group takes its random number from. */
void fb3_strata_fill(uint8_t *strata, size_t draws, uint64_t seed, uint64_t group);

#endif
