/* Figures of every pair of columns, of any kind: association, mutual information, two-dimensional histograms.
 */
#include "evaluator.h"

enum { CODES = FB3_KEPT_CATEGORIES + 3 };

_Static_assert(FB3_PAIR_BINS + 1 <= CODES, "a histogram has place for the codes of numbers");

/* Rows with each pair of codes; table[a * columns + b]. */
typedef struct histogram {
    uint32_t table[CODES * CODES];
    uint64_t row_sums[CODES], column_sums[CODES];
    size_t rows, columns; /* codes that are counted, the first ones */
    uint64_t total;
} histogram;

static void fill_histogram(histogram *h, const uint8_t *a, size_t a_codes, const uint8_t *b, size_t b_codes,
                           size_t n) {
    h->rows = a_codes;
    h->columns = b_codes;
    memset(h->table, 0, a_codes * b_codes * sizeof *h->table);
    for (size_t i = 0; i < n; i++)
        h->table[a[i] * b_codes + b[i]]++;
}

/* The sums over the first rows and columns, which are those that measures of the histogram are taken over. */
static void sum_histogram(histogram *h, size_t rows, size_t columns) {
    memset(h->row_sums, 0, sizeof h->row_sums);
    memset(h->column_sums, 0, sizeof h->column_sums);
    h->total = 0;
    for (size_t a = 0; a < rows; a++)
        for (size_t b = 0; b < columns; b++) {
            uint32_t count = h->table[a * h->columns + b];
            h->row_sums[a] += count;
            h->column_sums[b] += count;
            h->total += count;
        }
}

static size_t count_filled(const uint64_t *sums, size_t n) {
    size_t filled = 0;
    for (size_t k = 0; k < n; k++)
        filled += sums[k] > 0;
    return filled;
}

/* ---- measures -------------------------------------------------------------------------------------- */

/* In nats, of codes with counts sums[n]. */
static double entropy(const uint64_t *sums, size_t n, uint64_t total) {
    fb3_sum sum = {0.0, 0.0};
    for (size_t k = 0; k < n; k++)
        if (sums[k] > 0)
            fb3_sum_add(&sum, (double)sums[k] / (double)total * log((double)total / (double)sums[k]));
    return fb3_sum_value(&sum);
}

/* I(A; B) over the mean of H(A) and H(B); 1 where both are constant, as in scikit-learn. */
static double normalised_mutual_information(histogram *h) {
    sum_histogram(h, h->rows, h->columns);
    size_t a_filled = count_filled(h->row_sums, h->rows), b_filled = count_filled(h->column_sums, h->columns);
    if (a_filled <= 1 || b_filled <= 1)
        return a_filled == b_filled ? 1.0 : 0.0;
    fb3_sum sum = {0.0, 0.0};
    double n = (double)h->total;
    for (size_t a = 0; a < h->rows; a++)
        for (size_t b = 0; b < h->columns; b++) {
            uint64_t count = h->table[a * h->columns + b];
            uint64_t joint = count * h->total, apart = h->row_sums[a] * h->column_sums[b];
            if (count > 0 && joint != apart)
                fb3_sum_add(&sum, (double)count / n * log((double)joint / (double)apart));
        }
    double mean =
        0.5 * (entropy(h->row_sums, h->rows, h->total) + entropy(h->column_sums, h->columns, h->total));
    return fmin(fmax(fb3_sum_value(&sum) / mean, 0.0), 1.0);
}

/* Cramér's V with the correction for bias of Bergsma 2013 (J. Korean Stat. Soc. 42(3)); without, it grows
 * with the number of codes per row. Over the rows where neither is missing. */
static double cramer(histogram *h) {
    sum_histogram(h, h->rows - 1, h->columns - 1);
    double r = (double)count_filled(h->row_sums, h->rows - 1),
           c = (double)count_filled(h->column_sums, h->columns - 1), n = (double)h->total;
    if (r < 2.0 || c < 2.0)
        return 0.0;
    fb3_sum sum = {0.0, 0.0};
    for (size_t a = 0; a + 1 < h->rows; a++)
        for (size_t b = 0; b + 1 < h->columns; b++) {
            uint64_t count = h->table[a * h->columns + b];
            uint64_t joint = count * h->total, apart = h->row_sums[a] * h->column_sums[b];
            if (joint == apart)
                continue;
            double gap = joint > apart ? (double)(joint - apart) : (double)(apart - joint);
            fb3_sum_add(&sum, gap / n * (gap / n) / (double)apart);
        }
    double square = fmax(0.0, fb3_sum_value(&sum) - (r - 1.0) * (c - 1.0) / (n - 1.0));
    double most =
        fmin(r - 1.0 - (r - 1.0) * (r - 1.0) / (n - 1.0), c - 1.0 - (c - 1.0) * (c - 1.0) / (n - 1.0));
    return most > 0.0 ? fmin(sqrt(square / most), 1.0) : 0.0;
}

/* Half the sum of |p - q| over the cells of both histograms. */
static double total_variation(const histogram *p, uint64_t n, const histogram *q, uint64_t m) {
    uint64_t sum = 0;
    for (size_t k = 0; k < p->rows * p->columns; k++) {
        uint64_t left = p->table[k] * m, right = q->table[k] * n;
        sum += left > right ? left - right : right - left;
    }
    return 0.5 * (double)sum / ((double)n * (double)m);
}

/* ---- correlation ratio ----------------------------------------------------------------------------- */

/* Numbers and the codes of a categorical column. The rows that count have a number, and a code that is not
 * the last one, missing. */
typedef struct grouped {
    const double *x;
    const uint8_t *codes;
    size_t rows, missing;
    uint64_t sizes[CODES]; /* rows that count */
    double low, high;      /* of x over them */
} grouped;

static bool is_counted(const grouped *g, size_t row) {
    return !isnan(g->x[row]) && g->codes[row] != g->missing;
}

static uint64_t find_range(grouped *g) {
    uint64_t n = 0;
    double low = INFINITY, high = -INFINITY;
    for (size_t row = 0; row < g->rows; row++) {
        if (!is_counted(g, row))
            continue;
        double x = g->x[row];
        low = x < low ? x : low;
        high = x > high ? x : high;
        g->sizes[g->codes[row]]++;
    }
    for (size_t k = 0; k < g->missing; k++)
        n += g->sizes[k];
    g->low = low;
    g->high = high;
    return n;
}

/* sums[CODES] of scale x - centre by code; returns the sum of its squares. */
static double sum_groups(double *sums, const grouped *g, double scale, double centre) {
    fb3_sum groups[CODES] = {{0.0, 0.0}}, squares = {0.0, 0.0};
    for (size_t row = 0; row < g->rows; row++) {
        if (!is_counted(g, row))
            continue;
        double x = scale * g->x[row] - centre;
        fb3_sum_add(&groups[g->codes[row]], x);
        fb3_sum_add(&squares, x * x);
    }
    for (size_t k = 0; k < CODES; k++)
        sums[k] = fb3_sum_value(&groups[k]);
    return fb3_sum_value(&squares);
}

static double add_up(const double *sums) {
    fb3_sum sum = {0.0, 0.0};
    for (size_t k = 0; k < CODES; k++)
        fb3_sum_add(&sum, sums[k]);
    return fb3_sum_value(&sum);
}

/* eta: the root of the share of the variance of x that lies between the means of the groups (Pearson 1905).
 * 0 where x is constant. Scaled by a power of two, so that squares are in range, and taken about the mean, so
 * that nothing cancels. */
static double correlation_ratio(grouped g) {
    double n = (double)find_range(&g), sums[CODES];
    if (n < 2.0 || g.low == g.high)
        return 0.0;
    int exponent = -ilogb(fmax(fabs(g.low), fabs(g.high)));
    double scale = ldexp(1.0, exponent < 1000 ? exponent : 1000);
    (void)sum_groups(sums, &g, scale, 0.0);
    double centre = add_up(sums) / n;
    double squares = sum_groups(sums, &g, scale, centre);
    double rest = add_up(sums) / n; /* what rounding took from the centre */
    fb3_sum between = {0.0, 0.0};
    for (size_t k = 0; k < g.missing; k++)
        if (g.sizes[k] > 0) {
            double difference = sums[k] / (double)g.sizes[k] - rest;
            fb3_sum_add(&between, (double)g.sizes[k] * difference * difference);
        }
    double all = squares - n * rest * rest;
    return all > 0.0 ? fmin(sqrt(fb3_sum_value(&between) / all), 1.0) : 0.0;
}

/* ---- all pairs ------------------------------------------------------------------------------------- */

typedef struct pairs_argument {
    flowbd3_context *context;
    const fb3_features *features;
    const fb3_sample *sample[2]; /* the real one, the other */
    fb3_codes *codes;            /* [count] */
    size_t *numeric_place;       /* [count] in the correlation matrices */
    fb3_matrices *matrices;
    bool *failed; /* [count] */
} pairs_argument;

static void code_column(void *argument, size_t c, unsigned worker) {
    (void)worker;
    pairs_argument *pairs = argument;
    const fb3_sample *real = pairs->sample[0], *other = pairs->sample[1];
    pairs->failed[c] = !fb3_codes_create(&pairs->codes[c], pairs->context, &pairs->features->list[c],
                                         &real->columns[c], real->rows, &other->columns[c], other->rows);
}

static const uint8_t *codes_of(const pairs_argument *pairs, size_t c, size_t side) {
    return side == 0 ? pairs->codes[c].real : pairs->codes[c].other;
}

static double associate(const pairs_argument *pairs, size_t side, size_t i, size_t j, histogram *h) {
    const fb3_features *features = pairs->features;
    const fb3_sample *sample = pairs->sample[side];
    bool numbers_i = features->list[i].numeric, numbers_j = features->list[j].numeric;
    if (numbers_i && numbers_j)
        return sample->pearson[pairs->numeric_place[i] * features->n_numeric + pairs->numeric_place[j]];
    if (!numbers_i && !numbers_j)
        return cramer(h);
    size_t number = numbers_i ? i : j, category = numbers_i ? j : i;
    return correlation_ratio((grouped){.x = sample->columns[number].values,
                                       .codes = codes_of(pairs, category, side),
                                       .rows = sample->rows,
                                       .missing = pairs->codes[category].count - 1});
}

static void set_pair(double *matrix, size_t n, size_t i, size_t j, double value) {
    matrix[i * n + j] = matrix[j * n + i] = value;
}

/* Pair p of (0, 0), (0, 1), ..., (0, n - 1), (1, 1), ... */
static void compare_pair(void *argument, size_t p, unsigned worker) {
    (void)worker;
    pairs_argument *pairs = argument;
    size_t n = pairs->features->count, i = 0;
    for (; p >= n - i; i++)
        p -= n - i;
    size_t j = i + p;
    histogram h[2];
    for (size_t side = 0; side < 2; side++) {
        fill_histogram(&h[side], codes_of(pairs, i, side), pairs->codes[i].count, codes_of(pairs, j, side),
                       pairs->codes[j].count, pairs->sample[side]->rows);
        set_pair(pairs->matrices->nmi[side], n, i, j, i == j ? 1.0 : normalised_mutual_information(&h[side]));
        set_pair(pairs->matrices->association[side], n, i, j,
                 i == j ? 1.0 : associate(pairs, side, i, j, &h[side]));
    }
    set_pair(pairs->matrices->pair_tvd, n, i, j,
             total_variation(&h[0], pairs->sample[0]->rows, &h[1], pairs->sample[1]->rows));
}

uint64_t fb3_pair_steps(const fb3_features *features) {
    return features->count + features->count * (features->count + 1) / 2;
}

static flowbd3_status compare_all(pairs_argument *pairs, fb3_work *work, flowbd3_error *err) {
    const fb3_features *features = pairs->features;
    for (size_t i = 0; i < features->n_numeric; i++)
        pairs->numeric_place[features->numeric[i]] = i;
    bool whole = fb3_work_run(work, features->count, code_column, pairs);
    for (size_t c = 0; c < features->count; c++)
        if (pairs->failed[c])
            return fb3_no_memory(err, "the bins of a column");
    whole = whole && fb3_work_run(work, features->count * (features->count + 1) / 2, compare_pair, pairs);
    return whole ? FLOWBD3_OK : fb3_fail(err, FLOWBD3_CANCELLED, "the evaluation was cancelled");
}

static void summarise(fb3_summary *summary, const fb3_matrices *matrices, size_t n) {
    fb3_gap association = fb3_compare_matrices(matrices->association[0], matrices->association[1], n);
    fb3_gap nmi = fb3_compare_matrices(matrices->nmi[0], matrices->nmi[1], n);
    fb3_gap tvd = fb3_compare_matrices(matrices->pair_tvd, NULL, n);
    summary->association_frobenius = association.frobenius;
    summary->association_max = association.max;
    summary->association_mean = association.mean;
    summary->nmi_diff = nmi.mean;
    summary->nmi_diff_max = nmi.max;
    summary->pair_tvd_mean = tvd.mean;
    summary->pair_tvd_max = tvd.max;
}

static bool create_matrices(fb3_matrices *matrices, flowbd3_context *context, size_t n) {
    matrices->memory = fb3_allocate(context, 5 * n * n, sizeof *matrices->memory);
    double *memory = matrices->memory;
    if (memory == NULL)
        return false;
    for (size_t side = 0; side < 2; side++) {
        matrices->association[side] = memory + side * n * n;
        matrices->nmi[side] = memory + (2 + side) * n * n;
    }
    matrices->pair_tvd = memory + 4 * n * n;
    return true;
}

flowbd3_status fb3_compare_pairs(fb3_comparison *comparison, fb3_work *work, const fb3_pair *pair,
                                 flowbd3_error *err) {
    flowbd3_context *context = work->context;
    size_t n = pair->features->count;
    pairs_argument pairs = {
        context, pair->features, {pair->real, pair->other}, NULL, NULL, &comparison->matrices, NULL};
    pairs.codes = fb3_allocate_zero(context, n, sizeof *pairs.codes);
    pairs.numeric_place = fb3_allocate_zero(context, n, sizeof *pairs.numeric_place);
    pairs.failed = fb3_allocate_zero(context, n, sizeof *pairs.failed);
    flowbd3_status status = FLOWBD3_OK;
    if (pairs.codes == NULL || pairs.numeric_place == NULL || pairs.failed == NULL ||
        !create_matrices(&comparison->matrices, context, n))
        status = fb3_no_memory(err, "the matrices of pairs of columns");
    else
        status = compare_all(&pairs, work, err);
    if (status == FLOWBD3_OK)
        summarise(&comparison->summary, &comparison->matrices, n);
    for (size_t c = 0; pairs.codes != NULL && c < n; c++)
        fb3_codes_release(&pairs.codes[c], context);
    fb3_release(context, pairs.codes);
    fb3_release(context, pairs.numeric_place);
    fb3_release(context, pairs.failed);
    return status;
}
