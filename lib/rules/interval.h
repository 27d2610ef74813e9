/* Arithmetic of intervals, rounded outwards: a result holds what the operation gives for any numbers of its
 * operands, exactly or in double arithmetic. Operands are not empty; their ends may be infinite, the numbers
 * in them are not. */
#ifndef FB3_INTERVAL_H
#define FB3_INTERVAL_H

#include "rules/rules.h"

fb3_interval fb3_interval_sum(fb3_interval a, fb3_interval b);
fb3_interval fb3_interval_difference(fb3_interval a, fb3_interval b);
fb3_interval fb3_interval_product(fb3_interval a, fb3_interval b);

/* a / b of all b but 0; empty when there is no other. */
fb3_interval fb3_interval_quotient(fb3_interval a, fb3_interval b);

/* All x with which x * b is in a. */
fb3_interval fb3_interval_factor(fb3_interval a, fb3_interval b);

/* scale * x + offset, and all x of which it is in y. What double arithmetic makes of it is granted, and the
 * slack of comparisons too. Exact for scale 1 and offset 0. */
fb3_interval fb3_interval_affine(fb3_interval x, double scale, double offset);
fb3_interval fb3_interval_affine_inverse(fb3_interval y, double scale, double offset);

/* Each end moved outwards by `absolute` and by a share of itself. */
fb3_interval fb3_interval_widen(fb3_interval x, double absolute, double share);

#endif
