/* Train synthetic, test real (Esteban, Hyland and Rätsch 2017): a model of the other table's rows foretells a
 * column of the real ones. */
#include "classifier.h"

/* Classes with a score of their own; the rarer ones are one more. */
enum { MOST_CLASSES = 31 };

typedef struct foretelling {
    flowbd3_context *context;
    const fb3_pooled *pooled;
    size_t target;
    bool boosted;
    uint64_t seed;
    fb3_split split; /* rows of the other table, then real ones */
    double *y;       /* [split.n_train + split.n_test] */
    double *scores;  /* [split.n_test, outputs] */
    size_t outputs;
} foretelling;

/* ---- what is foretold ------------------------------------------------------------------------------- */

/* y of a category: its place by frequency in the real rows; the number of classes is put into outputs. A
 * missing cell is a category too. */
static bool place_classes(foretelling *f, const double *cells) {
    const fb3_pooled *pooled = f->pooled;
    size_t codes = pooled->features->list[f->target].n_categories + 2;
    fb3_frequency *list = fb3_allocate(f->context, codes, sizeof *list);
    double *place_of = fb3_allocate(f->context, codes, sizeof *place_of);
    bool whole = list != NULL && place_of != NULL;
    for (size_t code = 0; whole && code < codes; code++)
        list[code] = (fb3_frequency){0, code};
    for (size_t i = 0; whole && i < pooled->rows; i++)
        list[(size_t)cells[i]].count += !pooled->other[i];
    if (whole)
        fb3_sort_frequencies(list, codes);
    size_t kept = 0;
    while (whole && kept < codes && kept < MOST_CLASSES && list[kept].count > 0)
        kept++;
    for (size_t i = 0; whole && i < codes; i++)
        place_of[list[i].code] = (double)(i < kept ? i : kept);
    f->outputs = kept;
    for (size_t i = 0; whole && i < pooled->rows; i++) {
        f->y[i] = place_of[(size_t)cells[f->split.rows[i]]];
        f->outputs = f->y[i] >= (double)kept ? kept + 1 : f->outputs;
    }
    fb3_release(f->context, list);
    fb3_release(f->context, place_of);
    return whole;
}

/* The middle of the ranks of x, as a share of n. */
static double rank_in(const double *sorted, size_t n, double x) {
    size_t below = fb3_cells_below(sorted, n, x, false), up_to = fb3_cells_below(sorted, n, x, true);
    return (double)(below + up_to) / (2.0 * (double)n);
}

/* Leaves out the rows whose target is missing. */
static void keep_present(fb3_split *split, const double *cells) {
    size_t n = 0, train = 0;
    for (size_t i = 0; i < split->n_train + split->n_test; i++) {
        if (isnan(cells[split->rows[i]]))
            continue;
        train += i < split->n_train;
        split->rows[n++] = split->rows[i];
    }
    *split = (fb3_split){split->rows, train, n - train};
}

/* y of a number: its rank among the real rows' numbers, as a share of them. */
static bool place_numbers(foretelling *f, const double *cells) {
    f->outputs = 1;
    keep_present(&f->split, cells);
    size_t n = f->split.n_test, present = 0;
    double *real = fb3_allocate(f->context, n, sizeof *real);
    double *sorted = fb3_allocate(f->context, n, sizeof *sorted);
    uint32_t *order = fb3_allocate(f->context, n, sizeof *order);
    bool whole = real != NULL && sorted != NULL && order != NULL;
    for (size_t i = 0; whole && i < n; i++)
        real[i] = cells[f->split.rows[f->split.n_train + i]];
    whole = whole && fb3_sort_cells(f->context, real, n, sorted, order, &present);
    for (size_t i = 0; whole && n > 0 && i < f->split.n_train + n; i++)
        f->y[i] = rank_in(sorted, n, cells[f->split.rows[i]]);
    fb3_release(f->context, real);
    fb3_release(f->context, sorted);
    fb3_release(f->context, order);
    return whole;
}

/* ---- figures ---------------------------------------------------------------------------------------- */

/* The mean over the classes of the real rows of 2 hits / (foretold + there are); NaN with one class. */
static double macro_f1(const foretelling *f) {
    size_t hits[MOST_CLASSES + 1] = {0}, foretold[MOST_CLASSES + 1] = {0}, there[MOST_CLASSES + 1] = {0};
    const double *y = f->y + f->split.n_train;
    for (size_t i = 0; i < f->split.n_test; i++) {
        const double *scores = f->scores + i * f->outputs;
        size_t best = 0, truth = (size_t)y[i];
        for (size_t k = 1; k < f->outputs; k++)
            best = scores[k] > scores[best] ? k : best;
        foretold[best]++;
        there[truth]++;
        hits[best] += best == truth;
    }
    double sum = 0.0, classes = 0.0;
    for (size_t k = 0; k < f->outputs; k++) {
        if (there[k] == 0)
            continue;
        sum += 2.0 * (double)hits[k] / (double)(foretold[k] + there[k]);
        classes += 1.0;
    }
    return classes > 1.0 ? sum / classes : NAN;
}

/* The share of the variance that is explained; NaN where there is none. */
static double explained(const foretelling *f) {
    const double *y = f->y + f->split.n_train;
    fb3_sum sum = {0.0, 0.0}, errors = {0.0, 0.0}, squares = {0.0, 0.0};
    for (size_t i = 0; i < f->split.n_test; i++)
        fb3_sum_add(&sum, y[i]);
    double mean = fb3_sum_value(&sum) / (double)f->split.n_test;
    for (size_t i = 0; i < f->split.n_test; i++) {
        fb3_sum_add(&errors, (y[i] - f->scores[i]) * (y[i] - f->scores[i]));
        fb3_sum_add(&squares, (y[i] - mean) * (y[i] - mean));
    }
    /* Ranks are at least half a row apart. */
    double least = 1e-12 * (double)f->split.n_test;
    return fb3_sum_value(&squares) > least ? 1.0 - fb3_sum_value(&errors) / fb3_sum_value(&squares) : NAN;
}

/* ---- models ----------------------------------------------------------------------------------------- */

/* One against the rest for every class, or least squares. */
static bool linear_outputs(foretelling *f, bool numeric) {
    fb3_design design;
    size_t n = f->split.n_train;
    if (!fb3_design_create(&design, f->context, f->pooled, f->target))
        return false;
    double *weights = fb3_allocate(f->context, design.width, sizeof *weights);
    double *y = fb3_allocate(f->context, n, sizeof *y);
    bool whole = weights != NULL && y != NULL;
    for (size_t k = 0; whole && k < f->outputs; k++) {
        for (size_t i = 0; i < n; i++)
            y[i] = numeric ? f->y[i] : f->y[i] == (double)k ? 1.0 : 0.0;
        whole = fb3_linear_fit(weights, f->context, &design, f->split.rows, n, y,
                               numeric ? FB3_LOSS_SQUARED : FB3_LOSS_LOGISTIC);
        for (size_t i = 0; whole && i < f->split.n_test; i++)
            f->scores[i * f->outputs + k] = fb3_linear_score(&design, weights, f->split.rows[n + i]);
    }
    fb3_release(f->context, weights);
    fb3_release(f->context, y);
    fb3_design_destroy(&design, f->context);
    return whole;
}

static flowbd3_status find_outputs(foretelling *f, bool numeric, flowbd3_error *err) {
    f->scores = fb3_allocate(f->context, f->split.n_test * f->outputs, sizeof *f->scores);
    if (f->scores == NULL)
        return fb3_no_memory(err, "scores of rows");
    if (f->boosted)
        return fb3_boosted_scores(f->scores, f->context, f->pooled, f->target, &f->split, f->y,
                                  numeric ? FB3_OBJECTIVE_NUMBER : FB3_OBJECTIVE_CLASSES, f->outputs, f->seed,
                                  err);
    return linear_outputs(f, numeric) ? FLOWBD3_OK : fb3_no_memory(err, "a linear model");
}

static void split_tables(fb3_split *split, const fb3_pooled *pooled) {
    split->n_train = split->n_test = pooled->rows / 2;
    size_t train = 0, test = split->n_train;
    for (size_t i = 0; i < pooled->rows; i++)
        split->rows[pooled->other[i] ? train++ : test++] = (uint32_t)i;
}

flowbd3_status fb3_foretell(double *figure, flowbd3_context *context, const fb3_pooled *pooled, size_t target,
                            bool boosted, uint64_t seed, flowbd3_error *err) {
    const double *cells = pooled->cells + target * pooled->rows;
    bool numeric = pooled->features->list[target].numeric;
    foretelling f = {context, pooled, target, boosted, seed, {NULL, 0, 0}, NULL, NULL, 0};
    flowbd3_status status = FLOWBD3_OK;
    *figure = NAN;
    if (pooled->features->count < 2)
        return status;
    f.split.rows = fb3_allocate(context, pooled->rows, sizeof *f.split.rows);
    f.y = fb3_allocate(context, pooled->rows, sizeof *f.y);
    bool whole = f.split.rows != NULL && f.y != NULL;
    if (whole)
        split_tables(&f.split, pooled);
    whole = whole && (numeric ? place_numbers(&f, cells) : place_classes(&f, cells));
    if (!whole)
        status = fb3_no_memory(err, "targets of rows");
    else if (f.split.n_train > 0 && f.split.n_test > 0 && (numeric || f.outputs > 1))
        status = find_outputs(&f, numeric, err);
    if (status == FLOWBD3_OK && f.scores != NULL)
        *figure = numeric ? explained(&f) : macro_f1(&f);
    fb3_release(context, f.split.rows);
    fb3_release(context, f.y);
    fb3_release(context, f.scores);
    return status;
}
