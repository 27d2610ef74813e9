/* One column: which codec it has, and its tokens. */
#include "tokenizer/tokenizer.h"

#include <math.h>

/* ---- fitting ----------------------------------------------------------------------------------- */

const char *fb3_codec_name(flowbd3_codec codec) {
    static const char *const names[] = {"auto", "exact", "bins", "fine", "digits"};
    return names[codec];
}

flowbd3_codec fb3_codec_asked_for(const flowbd3_tokenizer_options *options, const char *name,
                                  uint32_t *bins) {
    flowbd3_codec codec = FLOWBD3_CODEC_AUTO;
    for (size_t i = 0; i < options->n_codecs; i++)
        if (strcmp(options->codecs[i].name, name) == 0) {
            codec = options->codecs[i].codec;
            *bins = options->codecs[i].bins != 0 ? options->codecs[i].bins : *bins;
        }
    return codec;
}

static flowbd3_status fit_numeric(fb3_codec *codec, flowbd3_context *context, const fb3_cells *cells,
                                  const flowbd3_tokenizer_options *options, flowbd3_error *err) {
    bool protect = options->rare_rows > 1;
    if (codec->codec == FLOWBD3_CODEC_DIGITS && protect)
        return fb3_fail_at(err, FLOWBD3_ERROR_ARGUMENT, 0, (int64_t)cells->column + 1,
                           "column '%.80s' has the codec digits, which cannot keep rare values apart",
                           codec->name);
    if (codec->codec == FLOWBD3_CODEC_DIGITS)
        return fb3_digits_fit(&codec->digits, context, cells, err);
    if (codec->codec == FLOWBD3_CODEC_FINE && protect) /* a bin has few rows more than its levels need */
        codec->codec = FLOWBD3_CODEC_BINS;
    return fb3_levels_fit(&codec->levels, context, cells, codec->codec, options, err);
}

/* The mean of count cells of a column, from number first on in ascending order. */
static double mean_of(const fb3_distinct *distinct, size_t first, size_t count) {
    double mean = 0.0;
    for (size_t i = first; i < first + count; i++)
        mean += fb3_number_of_key(distinct->type, fb3_order_statistic(distinct, i)) / (double)count;
    double low = fb3_number_of_key(distinct->type, fb3_order_statistic(distinct, first));
    double high = fb3_number_of_key(distinct->type, fb3_order_statistic(distinct, first + count - 1));
    return fmin(fmax(mean, low), high);
}

/* The range of a column that a rule computes. */
static void fit_range(fb3_codec *codec, const fb3_distinct *distinct, size_t rare_rows) {
    size_t count = rare_rows < 1 ? 1 : rare_rows < distinct->rows ? rare_rows : distinct->rows;
    codec->codec = FLOWBD3_CODEC_BINS;
    codec->range =
        (fb3_interval){mean_of(distinct, 0, count), mean_of(distinct, distinct->rows - count, count)};
}

/* Whether AUTO is free to add a slot: not of gaps, nor of bins that are asked for or protected. */
static bool may_get_levels(const fb3_codec *codec, const flowbd3_tokenizer_options *options) {
    return !fb3_has_dictionary(codec->type) && options->binning == FLOWBD3_BINNING_AUTO &&
           options->rare_rows <= 1 &&
           (options->order_by == NULL || strcmp(codec->name, options->order_by) != 0);
}

/* What cannot be fitted at all. */
static flowbd3_status check_cells(const fb3_cells *cells, const flowbd3_tokenizer_options *options,
                                  flowbd3_error *err) {
    int64_t column = (int64_t)cells->column + 1;
    if (cells->missing == cells->rows)
        return fb3_fail_at(err, FLOWBD3_ERROR_FORMAT, 0, column,
                           "every cell of column '%.80s' is missing, expected at least one value",
                           cells->name);
    if (cells->distinct.sketched && options->rare_rows > 1)
        return fb3_fail_at(err, FLOWBD3_ERROR_ARGUMENT, 0, column,
                           "column '%.80s' has too many values for rare_rows in a stream, which does not "
                           "count each of them",
                           cells->name);
    return FLOWBD3_OK;
}

flowbd3_status fb3_codec_fit(fb3_codec *codec, flowbd3_context *context, const fb3_cells *cells, bool derived,
                             bool levels, const flowbd3_tokenizer_options *options, flowbd3_error *err) {
    flowbd3_tokenizer_options o = *options;
    codec->type = cells->type;
    codec->decimals = cells->decimals;
    codec->form = cells->form;
    codec->missing = cells->missing;
    codec->name = fb3_duplicate(context, cells->name);
    if (codec->name == NULL)
        return fb3_no_memory(err, "the name of a column");
    flowbd3_status status = check_cells(cells, options, err);
    if (status != FLOWBD3_OK)
        return status;
    codec->derived = derived;
    if (derived) {
        fit_range(codec, &cells->distinct, options->rare_rows);
        return FLOWBD3_OK;
    }
    codec->codec = fb3_codec_asked_for(options, codec->name, &o.bins);
    bool text = fb3_has_dictionary(codec->type);
    if (text && codec->codec > FLOWBD3_CODEC_EXACT)
        return fb3_fail_at(err, FLOWBD3_ERROR_ARGUMENT, 0, (int64_t)cells->column + 1,
                           "column '%.80s' is %s, which the codec %s is not for", codec->name,
                           fb3_type_name(codec->type), fb3_codec_name(codec->codec));
    codec->automatic = codec->codec == FLOWBD3_CODEC_AUTO && may_get_levels(codec, options);
    if (codec->codec == FLOWBD3_CODEC_AUTO)
        codec->codec = text ? FLOWBD3_CODEC_EXACT : levels ? FLOWBD3_CODEC_FINE : FLOWBD3_CODEC_BINS;
    return text ? fb3_categories_fit(&codec->categories, context, cells, &o, err)
                : fit_numeric(codec, context, cells, &o, err);
}

void fb3_codec_release(fb3_codec *codec, flowbd3_context *context) {
    fb3_release(context, codec->name);
    fb3_levels_release(&codec->levels, context);
    fb3_release(context, codec->digits);
    fb3_categories_release(&codec->categories, context);
}

/* ---- slots ------------------------------------------------------------------------------------- */

size_t fb3_codec_values(const fb3_codec *codec, size_t place) {
    if (codec->digits != NULL)
        return codec->digits->tokens[place];
    if (codec->categories.dictionary != NULL)
        return codec->categories.dictionary->count + (codec->categories.rare > 0);
    const fb3_levels *levels = &codec->levels;
    if (levels->groups == NULL)
        return levels->count;
    if (place == 0)
        return levels->n_groups;
    size_t most = 0;
    for (size_t g = 0; g < levels->n_groups; g++)
        if (levels->groups[g + 1] - levels->groups[g] > most)
            most = levels->groups[g + 1] - levels->groups[g];
    return most;
}

void fb3_codec_counts(const fb3_codec *codec, size_t place, uint64_t *counts) {
    size_t values = fb3_codec_values(codec, place);
    memset(counts, 0, values * sizeof *counts);
    if (codec->digits != NULL)
        memcpy(counts, codec->digits->counts[place], values * sizeof *counts);
    if (codec->categories.dictionary != NULL) {
        memcpy(counts, codec->categories.counts, codec->categories.dictionary->count * sizeof *counts);
        if (codec->categories.rare > 0)
            counts[values - 1] = codec->categories.rare;
    }
    for (size_t level = 0; level < codec->levels.count; level++) {
        uint16_t tokens[FB3_SLOTS_MAX];
        fb3_levels_tokens(&codec->levels, level, tokens);
        counts[tokens[place]] += codec->levels.counts[level];
    }
    if (place > 0) /* a missing cell has token 0 there */
        counts[0] += codec->missing;
}

/* ---- tokens ------------------------------------------------------------------------------------ */

void fb3_codec_encode(const fb3_codec *codec, int64_t key, uint16_t *tokens) {
    if (codec->digits != NULL)
        fb3_digits_tokens(codec->digits, key, tokens);
    else
        fb3_levels_tokens(&codec->levels, fb3_levels_find(&codec->levels, key), tokens);
}

void fb3_codec_encode_missing(const fb3_codec *codec, uint16_t *tokens) {
    tokens[0] = (uint16_t)fb3_codec_values(codec, 0);
    for (size_t place = 1; place < codec->slots; place++)
        tokens[place] = 0;
}

bool fb3_codec_is_missing(const fb3_codec *codec, const uint16_t *tokens) {
    return codec->missing > 0 && tokens[0] == fb3_codec_values(codec, 0);
}

int64_t fb3_codec_key(const fb3_codec *codec, double number) {
    int64_t key = fb3_key_at_least(codec->type, number);
    return codec->type == FLOWBD3_TYPE_TIMESTAMP ? fb3_time_round(key, codec->decimals) : key;
}

/* Digits that never came together may make a time of more digits than the column has. */
static int64_t key_of_digits(const fb3_codec *codec, const uint16_t *tokens) {
    int64_t key = fb3_digits_key(codec->digits, tokens), time = key;
    if (codec->type == FLOWBD3_TYPE_TIMESTAMP)
        time = fb3_time_round(key, codec->decimals);
    return time < codec->digits->low || time > codec->digits->high ? key : time;
}

int64_t fb3_codec_draw(const fb3_codec *codec, const uint16_t *tokens, double uniform) {
    if (codec->categories.dictionary != NULL)
        return fb3_categories_code(&codec->categories, tokens[0], NULL);
    if (codec->digits != NULL)
        return key_of_digits(codec, tokens);
    return fb3_levels_draw(&codec->levels, fb3_levels_of_tokens(&codec->levels, tokens), codec, uniform);
}

int64_t fb3_codec_centre(const fb3_codec *codec, const uint16_t *tokens) {
    if (codec->levels.count == 0)
        return fb3_codec_draw(codec, tokens, 0.0);
    return fb3_levels_centre(&codec->levels, fb3_levels_of_tokens(&codec->levels, tokens), codec);
}

/* ---- tokens and domains ------------------------------------------------------------------------ */

fb3_interval fb3_codec_range(const fb3_codec *codec, const uint16_t *tokens, size_t known) {
    if (codec->derived)
        return codec->range;
    if (codec->digits != NULL)
        return fb3_digits_range(codec->digits, tokens, known);
    const fb3_levels *levels = &codec->levels;
    size_t first = 0, last = levels->count - 1;
    if (known >= codec->slots && known > 0) {
        first = last = fb3_levels_of_tokens(levels, tokens);
    } else if (known > 0) {
        first = levels->groups[tokens[0]];
        last = levels->groups[tokens[0] + 1] - 1;
    }
    const fb3_bin *bin = &levels->bins[last];
    return (fb3_interval){fb3_number_of_key(codec->type, levels->knots[levels->bins[first].knot]),
                          fb3_number_of_key(codec->type, levels->knots[bin->knot + bin->knots - 1])};
}

/* Whether digits leave a number between the least and the greatest that is in the domain. */
static bool digits_meet(const fb3_digits *digits, const uint16_t *before, size_t place, size_t token,
                        const fb3_domain *domain) {
    uint16_t tokens[FB3_SLOTS_MAX];
    if (place > 0)
        memcpy(tokens, before, place * sizeof *tokens);
    tokens[place] = (uint16_t)token;
    fb3_interval range = fb3_digits_range(digits, tokens, place + 1);
    return range.low <= range.high && fb3_domain_meets(domain, range.low, range.high);
}

/* Whether one of the levels of a group is, most of which are inside the domain or outside as a whole. */
static bool group_meets(const fb3_codec *codec, size_t group, const fb3_domain *domain) {
    const fb3_levels *levels = &codec->levels;
    uint16_t token = (uint16_t)group;
    fb3_interval range = fb3_codec_range(codec, &token, 1);
    if (!fb3_domain_meets(domain, range.low, range.high))
        return false;
    for (size_t level = levels->groups[group]; level < levels->groups[group + 1]; level++)
        if (fb3_levels_meet(levels, level, codec, domain))
            return true;
    return false;
}

bool fb3_codec_meets(const fb3_codec *codec, const uint16_t *before, size_t place, size_t token,
                     const fb3_domain *domain) {
    const fb3_levels *levels = &codec->levels;
    if (codec->categories.dictionary != NULL) /* rare texts are none of the dictionary's */
        return token < codec->categories.dictionary->count &&
               (domain->codes[token / 64] >> token % 64 & 1) != 0;
    if (codec->digits != NULL)
        return digits_meet(codec->digits, before, place, token, domain);
    if (levels->groups == NULL)
        return fb3_levels_meet(levels, token, codec, domain);
    if (place == 0)
        return group_meets(codec, token, domain);
    size_t level = levels->groups[before[0]] + token;
    return level < levels->groups[before[0] + 1] && fb3_levels_meet(levels, level, codec, domain);
}

/* Whether digits behind those of the places before lead to a number of the domain. */
static bool digits_reach(const fb3_codec *codec, uint16_t *tokens, size_t place, const fb3_domain *domain) {
    for (size_t token = 0; token < codec->digits->tokens[place]; token++) {
        if (!fb3_codec_meets(codec, tokens, place, token, domain))
            continue;
        tokens[place] = (uint16_t)token;
        if (place + 1 == codec->digits->places || digits_reach(codec, tokens, place + 1, domain))
            return true;
    }
    return false;
}

bool fb3_codec_reaches(const fb3_codec *codec, const fb3_domain *domain) {
    uint16_t tokens[FB3_SLOTS_MAX];
    int64_t key;
    if (codec->digits != NULL)
        return digits_reach(codec, tokens, 0, domain);
    for (size_t level = 0; level < codec->levels.count; level++)
        if (fb3_levels_meet(&codec->levels, level, codec, domain) &&
            fb3_levels_draw_within(&codec->levels, level, codec, domain, 0.5, &key))
            return true;
    return false;
}

bool fb3_codec_draw_within(const fb3_codec *codec, const uint16_t *tokens, const fb3_domain *domain,
                           double uniform, int64_t *key) {
    if (codec->digits == NULL)
        return fb3_levels_draw_within(&codec->levels, fb3_levels_of_tokens(&codec->levels, tokens), codec,
                                      domain, uniform, key);
    *key = key_of_digits(codec, tokens);
    return fb3_domain_has_number(domain, (double)*key);
}
