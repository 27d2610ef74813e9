/* Linear models with a quadratic penalty, by Newton's method: logistic regression as scikit-learn's
 * LogisticRegression(C=1), and least squares as its Ridge(alpha=1). */
#include "classifier.h"

enum { MOST_STEPS = 100, MOST_HALVINGS = 40 };

typedef struct problem {
    const fb3_design *design;
    const uint32_t *rows; /* [n] */
    const double *y;      /* [n] */
    size_t n;
    fb3_loss loss;
    double *weights, *tried, *gradient, *step; /* [width] */
    double *hessian;                           /* [width, width] its Cholesky factor, the lower triangle */
    double decrement;                          /* of the last step; infinite before the first */
} problem;

double fb3_linear_score(const fb3_design *design, const double *weights, size_t row) {
    const uint32_t *feature = design->feature + row * design->per_row;
    const double *value = design->value + row * design->per_row;
    double score = 0.0;
    for (size_t k = 0; k < design->per_row; k++)
        score += value[k] * weights[feature[k]];
    return score;
}

/* Loss of a row and its first two derivatives by the score. */
static double loss_of(fb3_loss loss, double score, double y, double *first, double *second) {
    if (loss == FB3_LOSS_SQUARED) {
        *first = score - y;
        *second = 1.0;
        return 0.5 * (score - y) * (score - y);
    }
    double margin = y > 0.5 ? score : -score, small = exp(-fabs(margin));
    double wrong = margin > 0.0 ? small / (1.0 + small) : 1.0 / (1.0 + small);
    *first = y > 0.5 ? -wrong : wrong;
    *second = wrong * (1.0 - wrong);
    return log1p(small) + (margin < 0.0 ? -margin : 0.0);
}

static double penalty(const problem *p, const double *weights) {
    double sum = 0.0;
    for (size_t j = 0; j + 1 < p->design->width; j++)
        sum += weights[j] * weights[j];
    return 0.5 * sum;
}

static double objective(const problem *p, const double *weights) {
    fb3_sum sum = {penalty(p, weights), 0.0};
    double first, second;
    for (size_t i = 0; i < p->n; i++)
        fb3_sum_add(&sum, loss_of(p->loss, fb3_linear_score(p->design, weights, p->rows[i]), p->y[i], &first,
                                  &second));
    return fb3_sum_value(&sum);
}

/* Gradient at the weights; returns the objective. */
static double differentiate(problem *p) {
    const fb3_design *d = p->design;
    fb3_sum sum = {penalty(p, p->weights), 0.0};
    for (size_t j = 0; j < d->width; j++)
        p->gradient[j] = j + 1 < d->width ? p->weights[j] : 0.0;
    for (size_t i = 0; i < p->n; i++) {
        const uint32_t *feature = d->feature + p->rows[i] * d->per_row;
        const double *value = d->value + p->rows[i] * d->per_row;
        double first, second;
        fb3_sum_add(&sum,
                    loss_of(p->loss, fb3_linear_score(d, p->weights, p->rows[i]), p->y[i], &first, &second));
        for (size_t k = 0; k < d->per_row; k++)
            p->gradient[feature[k]] += first * value[k];
    }
    return fb3_sum_value(&sum);
}

/* Hessian at the weights. */
static void curve(problem *p) {
    const fb3_design *d = p->design;
    memset(p->hessian, 0, d->width * d->width * sizeof *p->hessian);
    for (size_t j = 0; j + 1 < d->width; j++)
        p->hessian[j * d->width + j] = 1.0;
    for (size_t i = 0; i < p->n; i++) {
        const uint32_t *feature = d->feature + p->rows[i] * d->per_row;
        const double *value = d->value + p->rows[i] * d->per_row;
        double first, second;
        (void)loss_of(p->loss, fb3_linear_score(d, p->weights, p->rows[i]), p->y[i], &first, &second);
        for (size_t a = 0; a < d->per_row; a++) {
            double *line = p->hessian + feature[a] * d->width, by = second * value[a];
            for (size_t b = 0; b <= a; b++)
                line[feature[b]] += by * value[b];
        }
    }
}

/* Cholesky's factor L of the Hessian in its place. Rounding may leave a pivot that is not positive where the
 * curvature is spent: the step is short then, and right all the same. */
static void factorise(double *a, size_t n) {
    for (size_t j = 0; j < n; j++)
        for (size_t i = j; i < n; i++) {
            double sum = a[i * n + j];
            for (size_t k = 0; k < j; k++)
                sum -= a[i * n + k] * a[j * n + k];
            if (i == j)
                a[i * n + i] = sqrt(sum > 1e-12 ? sum : 1e-12);
            else
                a[i * n + j] = sum / a[j * n + j];
        }
}

/* x becomes the solution of L L' x = x. */
static void solve(const double *l, size_t n, double *x) {
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++)
            x[i] -= l[i * n + k] * x[k];
        x[i] /= l[i * n + i];
    }
    for (size_t i = n; i-- > 0;) {
        x[i] /= l[i * n + i];
        for (size_t k = 0; k < i; k++)
            x[k] -= l[i * n + k] * x[i];
    }
}

/* The step by the Hessian that is at hand; returns its product with the gradient, twice the gain that a
 * parabola promises. */
static double solve_step(problem *p) {
    double decrement = 0.0;
    memcpy(p->step, p->gradient, p->design->width * sizeof *p->step);
    solve(p->hessian, p->design->width, p->step);
    for (size_t j = 0; j < p->design->width; j++)
        decrement += p->step[j] * p->gradient[j];
    return decrement;
}

/* One step. The Hessian is that of an earlier one as long as the steps shrink fast; where the objective is
 * not yet flat to rounding, the step is halved until it takes that down as much as its slope promises (Armijo
 * 1966). False when there was nothing left to gain. */
static bool take_step(problem *p) {
    size_t width = p->design->width;
    double before = differentiate(p), decrement = isinf(p->decrement) ? INFINITY : solve_step(p);
    if (!(decrement < p->decrement / 16.0)) {
        curve(p);
        factorise(p->hessian, width);
        decrement = solve_step(p);
    }
    p->decrement = decrement;
    double length = 1.0;
    for (int halving = 0; halving < MOST_HALVINGS; halving++, length *= 0.5) {
        for (size_t j = 0; j < width; j++)
            p->tried[j] = p->weights[j] - length * p->step[j];
        if (!(decrement > 1e-12 * (1.0 + before)) ||
            objective(p, p->tried) <= before - 1e-4 * length * decrement)
            break;
    }
    memcpy(p->weights, p->tried, width * sizeof *p->weights);
    return decrement > 1e-19 * (1.0 + before);
}

static bool one_class(const double *y, size_t n) {
    for (size_t i = 1; i < n; i++)
        if (y[i] != y[0])
            return false;
    return true;
}

bool fb3_linear_fit(double *weights, flowbd3_context *context, const fb3_design *design, const uint32_t *rows,
                    size_t n, const double *y, fb3_loss loss) {
    size_t width = design->width;
    memset(weights, 0, width * sizeof *weights);
    if (loss == FB3_LOSS_LOGISTIC && one_class(y, n)) {
        weights[width - 1] = n > 0 && y[0] > 0.5 ? INFINITY : -INFINITY;
        return true;
    }
    problem p = {.design = design,
                 .rows = rows,
                 .y = y,
                 .n = n,
                 .loss = loss,
                 .weights = weights,
                 .decrement = INFINITY};
    p.step = fb3_allocate(context, width, sizeof *p.step);
    p.tried = fb3_allocate(context, width, sizeof *p.tried);
    p.gradient = fb3_allocate(context, width, sizeof *p.gradient);
    p.hessian = width <= SIZE_MAX / width ? fb3_allocate(context, width * width, sizeof *p.hessian) : NULL;
    bool whole = p.step != NULL && p.tried != NULL && p.gradient != NULL && p.hessian != NULL;
    for (int i = 0; whole && i < MOST_STEPS; i++)
        if (!take_step(&p))
            break;
    fb3_release(context, p.step);
    fb3_release(context, p.tried);
    fb3_release(context, p.gradient);
    fb3_release(context, p.hessian);
    return whole;
}
