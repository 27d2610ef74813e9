/* The categories of a column: texts with a token of their own, and rare ones that share one. */
#include "tokenizer/tokenizer.h"

#include <stdlib.h>

void fb3_categories_release(fb3_categories *c, flowbd3_context *context) {
    fb3_release(context, c->counts);
    fb3_release(context, c->sorted);
    fb3_dictionary_release(&c->dictionary);
}

/* ---- finding a text ---------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b) {
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

bool fb3_categories_sort(fb3_categories *c, flowbd3_context *context) {
    size_t count = c->dictionary->count;
    c->sorted = fb3_allocate(context, count, sizeof *c->sorted);
    const char **texts = fb3_allocate(context, count, sizeof *texts);
    if (c->sorted == NULL || texts == NULL) {
        fb3_release(context, texts);
        return false;
    }
    for (size_t i = 0; i < count; i++)
        texts[i] = fb3_dictionary_text(c->dictionary, i);
    qsort(texts, count, sizeof *texts, by_text);
    /* A text's place in memory tells its code: start[] ascends with it. */
    for (size_t i = 0; i < count; i++) {
        size_t place = (size_t)(texts[i] - c->dictionary->text.data), low = 0, high = count;
        while (high - low > 1) {
            size_t middle = low + (high - low) / 2;
            if (c->dictionary->start[middle] <= place)
                low = middle;
            else
                high = middle;
        }
        c->sorted[i] = (uint32_t)low;
    }
    fb3_release(context, texts);
    return true;
}

int32_t fb3_categories_find(const fb3_categories *c, const char *text) {
    size_t low = 0, high = c->dictionary->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(fb3_dictionary_text(c->dictionary, c->sorted[middle]), text);
        if (order == 0)
            return (int32_t)c->sorted[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return c->rare > 0 ? (int32_t)c->dictionary->count : -1;
}

int32_t fb3_categories_code(const fb3_categories *c, size_t token, const fb3_domain *domain) {
    int32_t code = -1;
    if (token < c->dictionary->count)
        return (int32_t)token;
    for (size_t i = 0; i < c->dictionary->count; i++)
        if ((domain == NULL || (domain->codes[i / 64] >> i % 64 & 1) != 0) &&
            (code < 0 || c->counts[i] > c->counts[code]))
            code = (int32_t)i;
    return code;
}

/* ---- fitting ----------------------------------------------------------------------------------- */

static flowbd3_status take(fb3_categories *c, const fb3_cells *cells, size_t category, flowbd3_error *err) {
    int32_t code;
    flowbd3_status status =
        fb3_dictionary_intern(c->dictionary, fb3_dictionary_text(cells->dictionary, category),
                              fb3_dictionary_size(cells->dictionary, category), &code);
    if (status != FLOWBD3_OK)
        return fb3_dictionary_failure(err, status, cells->name, 0, (int64_t)cells->column + 1);
    c->counts[code] = cells->counts[category];
    return FLOWBD3_OK;
}

/* Tokens in the order of the table's dictionary, for the categories that came in at least `least` cells; the
 * others are only counted. */
static flowbd3_status fill(fb3_categories *c, flowbd3_context *context, const fb3_cells *cells,
                           uint64_t least, flowbd3_error *err) {
    flowbd3_status status = FLOWBD3_OK;
    for (size_t i = 0; status == FLOWBD3_OK && i < cells->dictionary->count; i++) {
        if (cells->counts[i] >= least)
            status = take(c, cells, i, err);
        else
            c->rare += cells->counts[i];
    }
    if (status != FLOWBD3_OK)
        return status;
    fb3_dictionary_seal(c->dictionary);
    return fb3_categories_sort(c, context) ? FLOWBD3_OK : fb3_no_memory(err, "the categories of a column");
}

/* Categories that came in so many cells or more. */
static size_t frequent(const fb3_cells *cells, uint64_t least) {
    size_t count = 0;
    for (size_t i = 0; i < cells->dictionary->count; i++)
        count += cells->counts[i] >= least;
    return count;
}

/* An identifier of rows: a thousand values or more, hardly any of which comes twice. */
static bool is_identifier(size_t values, size_t cells) {
    return values >= 1000 && (double)values >= 0.95 * (double)cells;
}

static flowbd3_status check(const fb3_cells *cells, size_t used, uint64_t least, flowbd3_error *err) {
    size_t there = cells->rows - cells->missing, kept = frequent(cells, least);
    int64_t column = (int64_t)cells->column + 1;
    if (kept == 0)
        return fb3_fail_at(err, FLOWBD3_ERROR_FORMAT, 0, column,
                           "no value of column '%.80s' came in the %llu rows that rare_rows asks for",
                           cells->name, (unsigned long long)least);
    if (least == 1 && is_identifier(used, there))
        return fb3_fail_at(err, FLOWBD3_ERROR_FORMAT, 0, column,
                           "column '%.80s' has %zu values in %zu rows: it names rows, which cannot be "
                           "learned; leave it out",
                           cells->name, used, there);
    if (kept > FB3_TOKENS_MAX)
        return fb3_fail_at(err, FLOWBD3_ERROR_FORMAT, 0, column,
                           "categorical column '%.80s' has %zu values, expected at most %d; rare_rows "
                           "leaves out rare ones",
                           cells->name, kept, FB3_TOKENS_MAX);
    return FLOWBD3_OK;
}

flowbd3_status fb3_categories_fit(fb3_categories *c, flowbd3_context *context, const fb3_cells *cells,
                                  const flowbd3_tokenizer_options *options, flowbd3_error *err) {
    size_t used = frequent(cells, 1);
    uint64_t least = options->rare_rows > 1 ? options->rare_rows : 1;
    flowbd3_status status = check(cells, used, least, err);
    if (status != FLOWBD3_OK)
        return status;
    c->counts = fb3_allocate_zero(context, used, sizeof *c->counts);
    c->dictionary = fb3_dictionary_create(context);
    return c->counts != NULL && c->dictionary != NULL ? fill(c, context, cells, least, err)
                                                      : fb3_no_memory(err, "the categories of a column");
}
