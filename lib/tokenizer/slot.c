/* One slot fitted to a column: its tokens, how often they came, and how values lie inside them. */
#include "tokenizer/tokenizer.h"

#include <stdlib.h>

/* ---- numeric ----------------------------------------------------------------------------------- */

/* Few values that repeat are kept with their counts. Reals that hardly repeat are samples of something
 * continuous, of which quantiles say more than a list of past cells. */
static bool is_discrete(const fb3_distinct *distinct, const fb3_range *range) {
    size_t values = range->end - range->begin;
    size_t cells = distinct->before[range->end] - distinct->before[range->begin];
    return values == 1 ||
           (values <= FB3_KNOTS_MAX && (fb3_has_integers(distinct->type) || cells >= 2 * values));
}

static size_t knots_of(const fb3_distinct *distinct, const fb3_range *range) {
    size_t cells = distinct->before[range->end] - distinct->before[range->begin];
    if (is_discrete(distinct, range))
        return range->end - range->begin;
    return cells < FB3_KNOTS_MAX ? cells : FB3_KNOTS_MAX;
}

static void fill_knots(fb3_slot *slot, fb3_bin *bin, const fb3_distinct *distinct, const fb3_range *range) {
    size_t begin = distinct->before[range->begin], cells = distinct->before[range->end] - begin;
    for (size_t i = 0; i < bin->knots; i++) {
        if (bin->discrete) {
            slot->knots[bin->knot + i] = distinct->keys[range->begin + i];
            slot->cumulative[bin->knot + i] = distinct->before[range->begin + i + 1] - begin;
        } else {
            /* The nearest cell to share i / (knots - 1), so that the ends are the least and the greatest. */
            size_t parts = bin->knots - 1;
            size_t index = (cells - 1) / parts * i + ((cells - 1) % parts * i + parts / 2) / parts;
            slot->knots[bin->knot + i] = fb3_order_statistic(distinct, begin + index);
            slot->cumulative[bin->knot + i] = 0;
        }
    }
}

static void fill_bins(fb3_slot *slot, const fb3_distinct *distinct, const fb3_range *ranges) {
    size_t knot = 0;
    for (size_t i = 0; i < slot->values; i++) {
        const fb3_range *range = &ranges[i];
        slot->bins[i] =
            (fb3_bin){range->low, range->high, knot, knots_of(distinct, range), is_discrete(distinct, range)};
        slot->first[i] = range->first;
        slot->counts[i] = distinct->before[range->end] - distinct->before[range->begin];
        fill_knots(slot, &slot->bins[i], distinct, range);
        knot += slot->bins[i].knots;
    }
}

static flowbd3_status fit_numeric(fb3_slot *slot, flowbd3_context *context, const flowbd3_table *table,
                                  size_t column, const flowbd3_tokenizer_options *options,
                                  flowbd3_error *err) {
    fb3_distinct distinct;
    size_t count = 0, n_knots = 0, missing = flowbd3_table_missing(table, column);
    if (!fb3_distinct_create(&distinct, context, table, column))
        return fb3_no_memory(err, "the distinct values of a column");
    fb3_range *ranges = fb3_allocate(context, options->bins, sizeof *ranges);
    flowbd3_status status = ranges == NULL ? fb3_no_memory(err, "the bins of a column")
                                           : fb3_binning(ranges, &count, &distinct, context, options->binning,
                                                         options->bins, options->seed, err);
    for (size_t i = 0; i < count; i++)
        n_knots += knots_of(&distinct, &ranges[i]);
    if (status == FLOWBD3_OK && !fb3_slot_allocate(slot, context, count, missing != 0, n_knots))
        status = fb3_no_memory(err, "the tokens of a column");
    if (status == FLOWBD3_OK) {
        fill_bins(slot, &distinct, ranges);
        if (missing != 0)
            slot->counts[count] = missing;
    }
    fb3_release(context, ranges);
    fb3_distinct_release(&distinct, context);
    return status;
}

size_t fb3_slot_token(const fb3_slot *slot, int64_t key) {
    /* The last token whose first key is not above key; first[0] is below all. */
    const int64_t *first = slot->first;
    size_t token = 0, left = slot->values;
    while (left > 1) {
        size_t half = left / 2;
        token = first[token + half] <= key ? token + half : token;
        left -= half;
    }
    return token;
}

/* ---- categorical ------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b) {
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

bool fb3_slot_sort(fb3_slot *slot, flowbd3_context *context) {
    slot->sorted = fb3_allocate(context, slot->values, sizeof *slot->sorted);
    const char **texts = fb3_allocate(context, slot->values, sizeof *texts);
    if (slot->sorted == NULL || texts == NULL) {
        fb3_release(context, texts);
        return false;
    }
    for (size_t i = 0; i < slot->values; i++)
        texts[i] = fb3_dictionary_text(slot->dictionary, i);
    qsort(texts, slot->values, sizeof *texts, by_text);
    /* A text's place in memory tells its token: start[] ascends with it. */
    for (size_t i = 0; i < slot->values; i++) {
        size_t place = (size_t)(texts[i] - slot->dictionary->text.data), low = 0, high = slot->values;
        while (high - low > 1) {
            size_t middle = low + (high - low) / 2;
            if (slot->dictionary->start[middle] <= place)
                low = middle;
            else
                high = middle;
        }
        slot->sorted[i] = (uint32_t)low;
    }
    fb3_release(context, texts);
    return true;
}

int32_t fb3_slot_find(const fb3_slot *slot, const char *text) {
    size_t low = 0, high = slot->values;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(fb3_dictionary_text(slot->dictionary, slot->sorted[middle]), text);
        if (order == 0)
            return (int32_t)slot->sorted[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

/* cells[categories] of the table, and how many categories came at all. */
static size_t count_categories(uint64_t *cells, const flowbd3_table *table, size_t column) {
    const int32_t *codes = flowbd3_table_codes(table, column);
    size_t rows = flowbd3_table_rows(table), categories = flowbd3_table_categories(table, column), used = 0;
    for (size_t i = 0; i < rows; i++)
        if (codes[i] >= 0)
            cells[codes[i]]++;
    for (size_t i = 0; i < categories; i++)
        used += cells[i] != 0;
    return used;
}

/* Tokens in the order of the table's dictionary, for the categories that came. */
static flowbd3_status fill_categories(fb3_slot *slot, flowbd3_context *context, const flowbd3_table *table,
                                      size_t column, const uint64_t *cells, flowbd3_error *err) {
    size_t token = 0;
    for (size_t i = 0; i < flowbd3_table_categories(table, column); i++) {
        if (cells[i] == 0)
            continue;
        const char *text = flowbd3_table_category(table, column, i);
        int32_t code;
        flowbd3_status status = fb3_dictionary_intern(slot->dictionary, text, strlen(text), &code);
        if (status != FLOWBD3_OK)
            return fb3_dictionary_failure(err, status, flowbd3_table_name(table, column), 0,
                                          (int64_t)column + 1);
        slot->counts[token++] = cells[i];
    }
    fb3_dictionary_seal(slot->dictionary);
    return fb3_slot_sort(slot, context) ? FLOWBD3_OK : fb3_no_memory(err, "the categories of a column");
}

static flowbd3_status fit_categorical(fb3_slot *slot, flowbd3_context *context, const flowbd3_table *table,
                                      size_t column, flowbd3_error *err) {
    size_t categories = flowbd3_table_categories(table, column);
    size_t missing = flowbd3_table_missing(table, column);
    uint64_t *cells = fb3_allocate_zero(context, categories, sizeof *cells);
    if (cells == NULL)
        return fb3_no_memory(err, "the categories of a column");
    size_t used = count_categories(cells, table, column);
    flowbd3_status status = FLOWBD3_OK;
    if (used > FB3_TOKENS_MAX)
        status = fb3_fail_at(err, FLOWBD3_ERROR_FORMAT, 0, (int64_t)column + 1,
                             "%s column '%.80s' has %zu values, expected at most %d",
                             fb3_type_name(flowbd3_table_type(table, column)),
                             flowbd3_table_name(table, column), used, FB3_TOKENS_MAX);
    else if (!fb3_slot_allocate(slot, context, used, missing != 0, 0) ||
             (slot->dictionary = fb3_dictionary_create(context)) == NULL)
        status = fb3_no_memory(err, "the categories of a column");
    else
        status = fill_categories(slot, context, table, column, cells, err);
    if (status == FLOWBD3_OK && missing != 0)
        slot->counts[used] = missing;
    fb3_release(context, cells);
    return status;
}

/* ---- the door ---------------------------------------------------------------------------------- */

flowbd3_status fb3_slot_fit(fb3_slot *slot, flowbd3_context *context, const flowbd3_table *table,
                            size_t column, const flowbd3_tokenizer_options *options, flowbd3_error *err) {
    if (flowbd3_table_missing(table, column) == flowbd3_table_rows(table))
        return fb3_fail_at(err, FLOWBD3_ERROR_FORMAT, 0, (int64_t)column + 1,
                           "every cell of column '%.80s' is missing, expected at least one value",
                           flowbd3_table_name(table, column));
    if (fb3_has_dictionary(flowbd3_table_type(table, column)))
        return fit_categorical(slot, context, table, column, err);
    return fit_numeric(slot, context, table, column, options, err);
}
