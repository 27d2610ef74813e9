/* Train synthetic, test real (Esteban, Hyland and Rätsch 2017): a model of the other table's rows foretells a
 * column of the real ones. */
#include "classifier.h"

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
    while (whole && kept < codes && kept < FB3_MOST_CLASSES && list[kept].count > 0)
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

double fb3_macro_f1(const double *truth, const double *guess, const uint32_t *times, size_t n,
                    size_t classes) {
    uint64_t hits[FB3_MOST_CLASSES + 1] = {0}, guessed[FB3_MOST_CLASSES + 1] = {0},
                                     there[FB3_MOST_CLASSES + 1] = {0};
    for (size_t i = 0; i < n; i++) {
        uint32_t count = times != NULL ? times[i] : 1;
        guessed[(size_t)guess[i]] += count;
        there[(size_t)truth[i]] += count;
        hits[(size_t)truth[i]] += truth[i] == guess[i] ? count : 0;
    }
    double sum = 0.0, met = 0.0;
    for (size_t k = 0; k < classes; k++) {
        if (there[k] == 0)
            continue;
        sum += 2.0 * (double)hits[k] / (double)(guessed[k] + there[k]);
        met += 1.0;
    }
    return met > 1.0 ? sum / met : NAN;
}

double fb3_explained(const double *y, const double *scores, const uint32_t *times, size_t n) {
    fb3_sum sum = {0.0, 0.0}, errors = {0.0, 0.0}, squares = {0.0, 0.0};
    for (size_t i = 0; i < n; i++)
        fb3_sum_add(&sum, times != NULL ? times[i] * y[i] : y[i]);
    double mean = fb3_sum_value(&sum) / (double)n;
    for (size_t i = 0; i < n; i++) {
        double count = times != NULL ? times[i] : 1.0;
        fb3_sum_add(&errors, count * (y[i] - scores[i]) * (y[i] - scores[i]));
        fb3_sum_add(&squares, count * (y[i] - mean) * (y[i] - mean));
    }
    /* Ranks are at least half a row apart. */
    double least = 1e-12 * (double)n;
    return fb3_sum_value(&squares) > least ? 1.0 - fb3_sum_value(&errors) / fb3_sum_value(&squares) : NAN;
}

/* guess[n]: the class with the largest score of every row that is judged. */
static void guess_classes(double *guess, const foretelling *f) {
    for (size_t i = 0; i < f->split.n_test; i++) {
        const double *scores = f->scores + i * f->outputs;
        size_t best = 0;
        for (size_t k = 1; k < f->outputs; k++)
            best = scores[k] > scores[best] ? k : best;
        guess[i] = (double)best;
    }
}

/* Puts the figure into *figure. False when memory is short. */
static bool judge(double *figure, fb3_outcomes *outcomes, size_t kept, const foretelling *f, bool numeric) {
    const double *y = f->y + f->split.n_train;
    size_t n = f->split.n_test;
    if (numeric) {
        *figure = fb3_explained(y, f->scores, NULL, n);
        return outcomes == NULL || fb3_keep_explained(outcomes, f->context, kept, y, f->scores, n);
    }
    double *guess = fb3_allocate(f->context, n, sizeof *guess);
    bool whole = guess != NULL;
    if (whole) {
        guess_classes(guess, f);
        *figure = fb3_macro_f1(y, guess, NULL, n, f->outputs);
        whole = outcomes == NULL || fb3_keep_f1(outcomes, f->context, kept, y, guess, n, f->outputs);
    }
    fb3_release(f->context, guess);
    return whole;
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

flowbd3_status fb3_foretell(double *figure, fb3_outcomes *outcomes, size_t kept, flowbd3_context *context,
                            const fb3_pooled *pooled, size_t target, bool boosted, uint64_t seed,
                            flowbd3_error *err) {
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
    if (status == FLOWBD3_OK && f.scores != NULL && !judge(figure, outcomes, kept, &f, numeric))
        status = fb3_no_memory(err, "outcomes of rows");
    fb3_release(context, f.split.rows);
    fb3_release(context, f.y);
    fb3_release(context, f.scores);
    return status;
}
