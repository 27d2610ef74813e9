/* The levels of a numeric column: how often each came, and how values lie inside it. */
#include "tokenizer/tokenizer.h"

#include <math.h>

/* ---- memory ------------------------------------------------------------------------------------ */

bool fb3_levels_allocate(fb3_levels *levels, flowbd3_context *context, size_t count, size_t n_knots,
                         size_t groups) {
    levels->count = count;
    levels->n_knots = n_knots;
    levels->n_groups = groups;
    levels->counts = fb3_allocate_zero(context, count, sizeof *levels->counts);
    levels->first = fb3_allocate_zero(context, count, sizeof *levels->first);
    levels->bins = fb3_allocate_zero(context, count, sizeof *levels->bins);
    levels->knots = fb3_allocate_zero(context, n_knots, sizeof *levels->knots);
    levels->cumulative = fb3_allocate_zero(context, n_knots, sizeof *levels->cumulative);
    if (groups > 0)
        levels->groups = fb3_allocate_zero(context, groups + 1, sizeof *levels->groups);
    return levels->counts != NULL && levels->first != NULL && levels->bins != NULL && levels->knots != NULL &&
           levels->cumulative != NULL && (groups == 0 || levels->groups != NULL);
}

void fb3_levels_release(fb3_levels *levels, flowbd3_context *context) {
    fb3_release(context, levels->counts);
    fb3_release(context, levels->first);
    fb3_release(context, levels->bins);
    fb3_release(context, levels->knots);
    fb3_release(context, levels->cumulative);
    fb3_release(context, levels->groups);
}

/* ---- fitting ----------------------------------------------------------------------------------- */

/* What the levels of one column are made of. */
typedef struct fitting {
    const fb3_distinct *distinct;
    int decimals; /* of reals and times */
    size_t rare;  /* values of fewer cells do not show; 1: all do */
    bool exact;   /* every range is one value that shows, and those that do not which are nearest to it */
    fb3_range *ranges;
    size_t count;   /* of ranges */
    size_t *groups; /* [n_groups] range that each begins with */
    size_t n_groups;
} fitting;

static int64_t clamp(int64_t key, int64_t low, int64_t high) {
    return key < low ? low : key > high ? high : key;
}

static size_t cells_of(const fb3_distinct *distinct, size_t begin, size_t end) {
    return distinct->before[end] - distinct->before[begin];
}

/* Distinct values of a range that may show. */
static size_t frequent_values(const fitting *f, const fb3_range *range) {
    size_t count = 0;
    for (size_t i = range->begin; i < range->end; i++)
        count += cells_of(f->distinct, i, i + 1) >= f->rare;
    return count;
}

/* Whether the values of a range are all that its cells have, several of which have the same: integers, and
 * reals that came twice each or more on average. Reals that hardly repeat are samples of something
 * continuous, and so are integers of a sketch that has not every one between its ends. */
static bool repeats(const fitting *f, const fb3_range *range) {
    const fb3_distinct *d = f->distinct;
    size_t values = range->end - range->begin;
    bool integers = fb3_has_integers(d->type);
    if (d->sketched)
        return integers && (uint64_t)d->keys[range->end - 1] - (uint64_t)d->keys[range->begin] < values;
    return integers || cells_of(d, range->begin, range->end) >= 2 * values;
}

/* Few values that repeat are kept with their counts; of others quantiles say more than a list of past cells.
 */
static bool is_discrete(const fitting *f, const fb3_range *range) {
    size_t values = range->end - range->begin;
    if (frequent_values(f, range) == 0)
        return false;
    return f->exact || values == 1 || (values <= FB3_KNOTS_MAX && repeats(f, range));
}

static size_t knots_of(const fitting *f, const fb3_range *range) {
    if (is_discrete(f, range))
        return frequent_values(f, range);
    size_t knots = cells_of(f->distinct, range->begin, range->end);
    if (f->rare > 1) /* every knot is the mean of so many cells */
        knots = knots / f->rare;
    return knots < 2 ? 2 : knots < FB3_KNOTS_MAX ? knots : FB3_KNOTS_MAX;
}

/* The mean of the f->rare cells around cell number index of a range, no one's own value. */
static int64_t smoothed(const fitting *f, const fb3_range *range, size_t index) {
    const fb3_distinct *d = f->distinct;
    size_t begin = d->before[range->begin], cells = d->before[range->end] - begin;
    size_t width = f->rare < cells ? f->rare : cells, first = index > width / 2 ? index - width / 2 : 0;
    first = first + width > cells ? cells - width : first;
    double mean = 0.0;
    for (size_t i = first; i < first + width; i++)
        mean += fb3_number_of_key(d->type, fb3_order_statistic(d, begin + i)) / (double)width;
    int64_t low = fb3_order_statistic(d, begin + first),
            high = fb3_order_statistic(d, begin + first + width - 1);
    int64_t key = d->type == FLOWBD3_TYPE_REAL ? fb3_key_of_real(fb3_round_to_decimals(mean, f->decimals))
                                               : fb3_key_at_least(d->type, rint(mean));
    if (d->type == FLOWBD3_TYPE_TIMESTAMP)
        key = fb3_time_round(key, f->decimals);
    return clamp(key, low, high);
}

static void fill_values(const fitting *f, fb3_levels *levels, const fb3_bin *bin, const fb3_range *range) {
    uint64_t cells = 0;
    size_t knot = bin->knot;
    for (size_t i = range->begin; i < range->end; i++) {
        size_t here = cells_of(f->distinct, i, i + 1);
        if (here < f->rare)
            continue;
        levels->knots[knot] = f->distinct->keys[i];
        levels->cumulative[knot++] = cells += here;
    }
}

static void fill_quantiles(const fitting *f, fb3_levels *levels, const fb3_bin *bin, const fb3_range *range) {
    size_t begin = f->distinct->before[range->begin], cells = f->distinct->before[range->end] - begin;
    size_t parts = bin->knots - 1;
    for (size_t i = 0; i < bin->knots; i++) {
        /* The nearest cell to share i / (knots - 1), so that the ends are the least and the greatest. */
        size_t index = (cells - 1) / parts * i + ((cells - 1) % parts * i + parts / 2) / parts;
        levels->knots[bin->knot + i] =
            f->rare > 1 ? smoothed(f, range, index) : fb3_order_statistic(f->distinct, begin + index);
    }
}

/* Edges that tell no single cell's value apart are those of what is emitted. */
static void fill_level(const fitting *f, fb3_levels *levels, size_t level, size_t knot) {
    const fb3_range *range = &f->ranges[level];
    fb3_bin *bin = &levels->bins[level];
    *bin = (fb3_bin){range->low, range->high, knot, knots_of(f, range), is_discrete(f, range)};
    levels->counts[level] = cells_of(f->distinct, range->begin, range->end);
    levels->first[level] = range->first;
    if (bin->discrete)
        fill_values(f, levels, bin, range);
    else
        fill_quantiles(f, levels, bin, range);
    if (f->rare > 1) {
        bin->low = fb3_number_of_key(f->distinct->type, levels->knots[knot]);
        bin->high = fb3_number_of_key(f->distinct->type, levels->knots[knot + bin->knots - 1]);
    }
}

static size_t cells_in(const fitting *f, const fb3_range *range) {
    return cells_of(f->distinct, range->begin, range->end);
}

static void join(fb3_range *range, const fb3_range *next) {
    range->end = next->end;
    range->high = next->high;
}

/* Joins ranges of fewer than f->rare cells with the smaller of their neighbours. */
static void join_rare(fitting *f) {
    fb3_range *last = f->ranges; /* of those that stay */
    const fb3_range *end = f->ranges + f->count;
    for (const fb3_range *next = f->ranges + 1; next <= end;) {
        if (cells_in(f, last) < f->rare && last > f->ranges &&
            (next == end || cells_in(f, last - 1) <= cells_in(f, next))) {
            last--;
            join(last, last + 1);
        } else if (next == end) {
            break;
        } else if (cells_in(f, last) < f->rare) {
            join(last, next++);
        } else {
            *++last = *next++;
        }
    }
    f->count = (size_t)(last - f->ranges) + 1;
}

/* A range for every value that shows. */
static flowbd3_status take_frequent(fitting *f, const char *name, size_t column, flowbd3_error *err) {
    const fb3_distinct *d = f->distinct;
    size_t taken = 0; /* the last one */
    f->count = 0;
    for (size_t i = 0; i < d->count; i++) {
        if (cells_of(d, i, i + 1) < f->rare)
            continue;
        double value = fb3_number_of_key(d->type, d->keys[i]);
        fb3_range *range = &f->ranges[f->count];
        *range = (fb3_range){0, d->count, INT64_MIN, value, value};
        if (f->count++ > 0) {
            range->first = fb3_middle_key(d->type, d->keys[taken], d->keys[i]);
            range->begin = fb3_lower_bound(d->keys, range[-1].begin, d->count, range->first);
            range[-1].end = range->begin;
        }
        taken = i;
    }
    if (f->count == 0)
        return fb3_fail_at(err, FLOWBD3_ERROR_FORMAT, 0, (int64_t)column + 1,
                           "no value of column '%.80s' came in the %zu rows that rare_rows asks for", name,
                           f->rare);
    return FLOWBD3_OK;
}

/* Cells that a part of a range of reals that hardly repeat has at least: fewer would name single rows. */
enum { FINE_CELLS = 4 };

/* Cuts every range into as many as fine of its own, each of one value or more. */
static flowbd3_status refine(fitting *f, flowbd3_context *context, size_t fine, flowbd3_error *err) {
    f->n_groups = f->count;
    f->groups = fb3_allocate(context, f->n_groups + 1, sizeof *f->groups);
    fb3_range *ranges = fb3_allocate(context, f->distinct->count, sizeof *ranges);
    if (f->groups == NULL || ranges == NULL) {
        fb3_release(context, ranges);
        return fb3_no_memory(err, "the levels of a column");
    }
    size_t count = 0;
    for (size_t g = 0; g < f->n_groups; g++) {
        const fb3_range *range = &f->ranges[g];
        size_t values = range->end - range->begin, cells = cells_of(f->distinct, range->begin, range->end);
        size_t parts = repeats(f, range) ? values : cells / FINE_CELLS;
        parts = parts > values ? values : parts;
        parts = parts > fine ? fine : parts < 1 ? 1 : parts;
        f->groups[g] = count;
        fb3_cut_evenly(ranges, &count, f->distinct, range->begin, range->end, parts);
        ranges[f->groups[g]].first = range->first;
    }
    f->groups[f->n_groups] = count;
    fb3_release(context, f->ranges);
    f->ranges = ranges;
    f->count = count;
    return FLOWBD3_OK;
}

static flowbd3_status fill(fb3_levels *levels, const fitting *f, flowbd3_context *context,
                           flowbd3_error *err) {
    size_t n_knots = 0, knot = 0;
    for (size_t i = 0; i < f->count; i++)
        n_knots += knots_of(f, &f->ranges[i]);
    if (!fb3_levels_allocate(levels, context, f->count, n_knots, f->n_groups))
        return fb3_no_memory(err, "the levels of a column");
    for (size_t i = 0; i < f->count; i++) {
        fill_level(f, levels, i, knot);
        knot += levels->bins[i].knots;
    }
    if (f->n_groups > 0)
        memcpy(levels->groups, f->groups, (f->n_groups + 1) * sizeof *f->groups);
    return FLOWBD3_OK;
}

flowbd3_status fb3_levels_fit(fb3_levels *levels, flowbd3_context *context, const fb3_cells *cells,
                              flowbd3_codec codec, const flowbd3_tokenizer_options *options,
                              flowbd3_error *err) {
    const fb3_distinct *distinct = &cells->distinct;
    fitting f = {.distinct = distinct,
                 .decimals = cells->decimals,
                 .rare = options->rare_rows > 1 ? options->rare_rows : 1,
                 .exact = codec == FLOWBD3_CODEC_EXACT};
    size_t bins = options->bins;
    flowbd3_binning binning = options->binning;
    flowbd3_status status = FLOWBD3_OK;
    if (f.exact) {
        bins = distinct->count < 2 ? 2 : distinct->count;
        binning = FLOWBD3_BINNING_AUTO;
        if (bins > FB3_TOKENS_MAX || distinct->sketched)
            status = fb3_fail_at(err, FLOWBD3_ERROR_FORMAT, 0, (int64_t)cells->column + 1,
                                 "column '%.80s' has %s%zu values, expected at most %d for the codec exact",
                                 cells->name, distinct->sketched ? "more than " : "", bins, FB3_TOKENS_MAX);
    }
    if (status == FLOWBD3_OK && (f.ranges = fb3_allocate(context, bins, sizeof *f.ranges)) == NULL)
        status = fb3_no_memory(err, "the levels of a column");
    if (status == FLOWBD3_OK)
        status = fb3_binning(f.ranges, &f.count, distinct, context, binning, bins, options->seed, err);
    if (status == FLOWBD3_OK && f.rare > 1 && f.exact)
        status = take_frequent(&f, cells->name, cells->column, err);
    else if (status == FLOWBD3_OK && f.rare > 1)
        join_rare(&f);
    if (status == FLOWBD3_OK && codec == FLOWBD3_CODEC_FINE)
        status = refine(&f, context, 2 * bins < FB3_TOKENS_MAX ? 2 * bins : FB3_TOKENS_MAX, err);
    if (status == FLOWBD3_OK)
        status = fill(levels, &f, context, err);
    fb3_release(context, f.ranges);
    fb3_release(context, f.groups);
    return status;
}

/* ---- levels, keys and tokens ------------------------------------------------------------------- */

size_t fb3_levels_find(const fb3_levels *levels, int64_t key) {
    /* The last level whose first key is not above key; first[0] is below all. */
    const int64_t *first = levels->first;
    size_t level = 0, left = levels->count;
    while (left > 1) {
        size_t half = left / 2;
        level = first[level + half] <= key ? level + half : level;
        left -= half;
    }
    return level;
}

size_t fb3_levels_of_tokens(const fb3_levels *levels, const uint16_t *tokens) {
    if (levels->groups == NULL)
        return tokens[0];
    size_t begin = levels->groups[tokens[0]], last = levels->groups[tokens[0] + 1] - 1;
    return begin + tokens[1] < last ? begin + tokens[1] : last;
}

void fb3_levels_tokens(const fb3_levels *levels, size_t level, uint16_t *tokens) {
    tokens[0] = (uint16_t)level;
    if (levels->groups == NULL)
        return;
    size_t group = 0, left = levels->n_groups;
    while (left > 1) {
        size_t half = left / 2;
        group = levels->groups[group + half] <= level ? group + half : group;
        left -= half;
    }
    tokens[0] = (uint16_t)group;
    tokens[1] = (uint16_t)(level - levels->groups[group]);
}

/* ---- values ------------------------------------------------------------------------------------ */

static int64_t round_integer(const fb3_codec *codec, int64_t key) {
    return codec->type == FLOWBD3_TYPE_TIMESTAMP ? fb3_time_round(key, codec->decimals) : key;
}

/* The key share of the way from low to high, rounded as the column is. */
static int64_t between(const fb3_codec *codec, int64_t low, int64_t high, double share) {
    if (codec->type != FLOWBD3_TYPE_REAL) {
        uint64_t width = (uint64_t)high - (uint64_t)low;
        double offset = rint(share * (double)width); /* the width as a double may be 2^64 */
        uint64_t steps = offset < (double)width ? (uint64_t)offset : width;
        return round_integer(codec, (int64_t)((uint64_t)low + steps));
    }
    double value = fb3_real_of_key(low) * (1 - share) + fb3_real_of_key(high) * share;
    return fb3_key_of_real(fb3_round_to_decimals(value, codec->decimals));
}

/* A draw stays between the least and the greatest fitted value of the bin, which have its level, and so has
 * all that lies between them. */
int64_t fb3_levels_draw(const fb3_levels *levels, size_t level, const fb3_codec *codec, double uniform) {
    const fb3_bin *bin = &levels->bins[level];
    const int64_t *knots = levels->knots + bin->knot;
    if (bin->knots == 1)
        return knots[0];
    if (bin->discrete) {
        const uint64_t *cumulative = levels->cumulative + bin->knot;
        double target = uniform * (double)cumulative[bin->knots - 1];
        size_t i = 0;
        while (i + 1 < bin->knots && (double)cumulative[i] <= target)
            i++;
        return knots[i];
    }
    double place = uniform * (double)(bin->knots - 1);
    size_t i = (size_t)place < bin->knots - 2 ? (size_t)place : bin->knots - 2;
    int64_t key = between(codec, knots[i], knots[i + 1], place - (double)i);
    return clamp(key, knots[0], knots[bin->knots - 1]);
}

/* The centre, or where rounding it leaves the bin, the fitted value nearest to it. */
int64_t fb3_levels_centre(const fb3_levels *levels, size_t level, const fb3_codec *codec) {
    const fb3_bin *bin = &levels->bins[level];
    const int64_t *knots = levels->knots + bin->knot;
    if (bin->knots == 1 && bin->low == bin->high)
        return knots[0];
    double value = fb3_middle(bin->low, bin->high);
    int64_t key = codec->type == FLOWBD3_TYPE_REAL
                      ? fb3_key_of_real(fb3_round_to_decimals(value, codec->decimals))
                      : round_integer(codec, fb3_key_at_least(codec->type, rint(value)));
    const int64_t *last = levels->knots + levels->n_knots - 1;
    if (fb3_levels_find(levels, key) != level || key < levels->knots[0] || key > *last)
        key = clamp(key, knots[0], knots[bin->knots - 1]);
    return key;
}

/* ---- values inside a domain -------------------------------------------------------------------- */

static double number_of(const fb3_codec *codec, int64_t key) {
    return fb3_number_of_key(codec->type, key);
}

bool fb3_levels_meet(const fb3_levels *levels, size_t level, const fb3_codec *codec,
                     const fb3_domain *domain) {
    const fb3_bin *bin = &levels->bins[level];
    const int64_t *knots = levels->knots + bin->knot;
    double low = number_of(codec, knots[0]), high = number_of(codec, knots[bin->knots - 1]);
    if (!bin->discrete || bin->knots == 1)
        return fb3_domain_meets(domain, low, high);
    if (low > domain->high || high < domain->low)
        return false;
    for (size_t i = 0; i < bin->knots; i++)
        if (fb3_domain_has_number(domain, number_of(codec, knots[i])))
            return true;
    return false;
}

/* One of the values that are in the domain, by their frequencies. */
static bool draw_value(const fb3_levels *levels, const fb3_bin *bin, const fb3_codec *codec,
                       const fb3_domain *domain, double uniform, int64_t *key) {
    const int64_t *knots = levels->knots + bin->knot;
    const uint64_t *cumulative = levels->cumulative + bin->knot;
    uint64_t total = 0, reached = 0;
    for (size_t i = 0; i < bin->knots; i++)
        if (fb3_domain_has_number(domain, number_of(codec, knots[i])))
            total += cumulative[i] - (i > 0 ? cumulative[i - 1] : 0);
    for (size_t i = 0; i < bin->knots; i++) {
        if (!fb3_domain_has_number(domain, number_of(codec, knots[i])))
            continue;
        *key = knots[i];
        reached += cumulative[i] - (i > 0 ? cumulative[i - 1] : 0);
        if ((double)reached > uniform * (double)total)
            break;
    }
    return total > 0;
}

/* Share of the bin's cells below a number, by its quantiles. */
static double share_below(const int64_t *knots, size_t count, const fb3_codec *codec, double number) {
    for (size_t i = 0; i + 1 < count; i++) {
        double low = number_of(codec, knots[i]), high = number_of(codec, knots[i + 1]);
        if (number <= high)
            return ((double)i + (high > low ? fmax(number - low, 0.0) / (high - low) : 0.0)) /
                   (double)(count - 1);
    }
    return 1.0;
}

/* A unit of the last digit of a column; 0: it has no last digit. */
static double unit_of(const fb3_codec *codec) {
    if (codec->type != FLOWBD3_TYPE_REAL)
        return codec->type == FLOWBD3_TYPE_TIMESTAMP ? 0.0 : 1.0;
    return codec->decimals >= 0 ? pow(10.0, -codec->decimals) : 0.0;
}

/* A time of the column's digits at or next to a key, from low to high; false: there is none. */
static bool fit_time(const fb3_codec *codec, double low, double high, int64_t *key) {
    int64_t unit = 1, time = fb3_time_round(*key, codec->decimals);
    for (int i = codec->decimals; i < FB3_TIME_DIGITS; i++)
        unit *= 10;
    if (number_of(codec, time) < low && time <= INT64_MAX - unit)
        time += unit;
    else if (number_of(codec, time) > high && time >= INT64_MIN + unit)
        time -= unit;
    *key = time;
    return number_of(codec, time) >= low && number_of(codec, time) <= high;
}

/* A number of the column's precision at or next to a key, from low to high; false: there is none. */
static bool fit_between(const fb3_codec *codec, double low, double high, int64_t *key) {
    double number = number_of(codec, *key);
    if (number < low || number > high)
        number = number < low ? low : high;
    if (codec->type != FLOWBD3_TYPE_REAL) {
        if (number != number_of(codec, *key))
            *key = fb3_key_at_least(codec->type, number);
        return codec->type == FLOWBD3_TYPE_INTEGER || fit_time(codec, low, high, key);
    }
    double unit = unit_of(codec);
    double rounded = fb3_round_to_decimals(number, codec->decimals);
    if (rounded < low)
        rounded = fb3_round_to_decimals(rounded + unit, codec->decimals);
    else if (rounded > high)
        rounded = fb3_round_to_decimals(rounded - unit, codec->decimals);
    *key = fb3_key_of_real(rounded);
    return rounded >= low && rounded <= high;
}

/* Share of a bin's cells that print as numbers of a run. */
static double share_of_run(const fb3_levels *levels, const fb3_bin *bin, const fb3_codec *codec,
                           fb3_interval run) {
    const int64_t *knots = levels->knots + bin->knot;
    double half = 0.5 * unit_of(codec);
    return share_below(knots, bin->knots, codec, run.high + half) -
           share_below(knots, bin->knots, codec, run.low - half);
}

static const double least_share = 1e-12; /* of a number that any bin holds */

double fb3_levels_share(const fb3_levels *levels, size_t level, const fb3_codec *codec,
                        const fb3_domain *domain) {
    const fb3_bin *bin = &levels->bins[level];
    const int64_t *knots = levels->knots + bin->knot;
    double share = 0.0, high = number_of(codec, knots[bin->knots - 1]);
    if (!fb3_levels_meet(levels, level, codec, domain))
        return 0.0;
    if (bin->knots == 1)
        return 1.0;
    if (bin->discrete) {
        const uint64_t *cumulative = levels->cumulative + bin->knot;
        for (size_t i = 0; i < bin->knots; i++)
            if (fb3_domain_has_number(domain, number_of(codec, knots[i])))
                share += (double)(cumulative[i] - (i > 0 ? cumulative[i - 1] : 0));
        return share / (double)cumulative[bin->knots - 1];
    }
    fb3_interval run = fb3_domain_run(domain, number_of(codec, knots[0]), high);
    for (; run.low <= run.high; run = fb3_domain_run(domain, nextafter(run.high, (double)INFINITY), high))
        share += share_of_run(levels, bin, codec, run);
    return fmin(fmax(share, least_share), 1.0);
}

/* The run of the domain in a bin that a number falls in, by their shares of the bin; the number becomes its
 * place in the run. */
static fb3_interval choose_run(const fb3_levels *levels, const fb3_bin *bin, const fb3_codec *codec,
                               const fb3_domain *domain, double *uniform) {
    const int64_t *knots = levels->knots + bin->knot;
    double low = number_of(codec, knots[0]), high = number_of(codec, knots[bin->knots - 1]), total = 0.0;
    fb3_interval first = fb3_domain_run(domain, low, high), run = first;
    if (!(run.low <= run.high) || run.high >= fb3_domain_meet(domain, low, high).high)
        return run;
    for (; run.low <= run.high; run = fb3_domain_run(domain, nextafter(run.high, (double)INFINITY), high))
        total += fmax(share_of_run(levels, bin, codec, run), least_share);
    double left = *uniform * total;
    for (run = first;;) {
        double share = fmax(share_of_run(levels, bin, codec, run), least_share);
        fb3_interval next = fb3_domain_run(domain, nextafter(run.high, (double)INFINITY), high);
        if (left < share || !(next.low <= next.high)) {
            *uniform = fmin(left / share, 1.0);
            return run;
        }
        left -= share;
        run = next;
    }
}

bool fb3_levels_draw_within(const fb3_levels *levels, size_t level, const fb3_codec *codec,
                            const fb3_domain *domain, double uniform, int64_t *key) {
    const fb3_bin *bin = &levels->bins[level];
    if (bin->discrete)
        return draw_value(levels, bin, codec, domain, uniform, key);
    const int64_t *knots = levels->knots + bin->knot;
    double first = number_of(codec, knots[0]), last = number_of(codec, knots[bin->knots - 1]);
    fb3_interval run = choose_run(levels, bin, codec, domain, &uniform);
    if (run.low > run.high)
        return false;
    double from = run.low > first ? share_below(knots, bin->knots, codec, run.low) : 0.0;
    double to = run.high < last ? share_below(knots, bin->knots, codec, run.high) : 1.0;
    *key = fb3_levels_draw(levels, level, codec, from + uniform * (to - from));
    if (!fit_between(codec, run.low, run.high, key))
        return false;
    if (fb3_domain_has_number(domain, number_of(codec, *key)))
        return true;
    *key = fb3_key_at_least(codec->type, run.low);
    return fit_between(codec, run.low, run.high, key) &&
           fb3_domain_has_number(domain, number_of(codec, *key));
}
