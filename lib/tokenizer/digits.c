/* Integers as digits. */
#include "tokenizer/tokenizer.h"

/* The digit of a place, counted from the highest. */
static unsigned digit_of(const fb3_digits *d, int64_t key, size_t place) {
    uint64_t value = (uint64_t)key - (uint64_t)d->origin;
    return (unsigned)(value >> (8 * (d->places - 1 - place)) & 0xff);
}

fb3_digits *fb3_digits_create(flowbd3_context *context, int64_t low, int64_t high) {
    fb3_digits *d = fb3_allocate_zero(context, 1, sizeof *d);
    if (d == NULL)
        return NULL;
    d->low = low;
    d->high = high;
    d->origin = low < 0 ? low : 0;
    uint64_t widest = (uint64_t)high - (uint64_t)d->origin;
    d->places = 1;
    while (d->places < FB3_SLOTS_MAX && widest >> (8 * d->places) != 0)
        d->places++;
    return d;
}

void fb3_digits_count(fb3_digits *d, int64_t key, uint64_t cells) {
    for (size_t p = 0; p < d->places; p++)
        d->counts[p][digit_of(d, key, p)] += cells;
}

void fb3_digits_settle(fb3_digits *d) {
    for (size_t p = 0; p < d->places; p++) {
        size_t tokens = 0;
        for (unsigned digit = 0; digit < FB3_DIGITS; digit++) {
            uint64_t cells = d->counts[p][digit];
            d->counts[p][digit] = 0;
            if (cells == 0)
                continue;
            d->digit[p][tokens] = (uint8_t)digit;
            d->counts[p][tokens++] = cells;
        }
        d->tokens[p] = tokens;
    }
}

flowbd3_status fb3_digits_fit(fb3_digits **out, flowbd3_context *context, const fb3_cells *cells,
                              flowbd3_error *err) {
    const fb3_distinct *distinct = &cells->distinct;
    if (!fb3_has_integers(cells->type))
        return fb3_fail_at(err, FLOWBD3_ERROR_ARGUMENT, 0, (int64_t)cells->column + 1,
                           "column '%.80s' is %s, expected integers for the codec digits", cells->name,
                           fb3_type_name(cells->type));
    fb3_digits *d = *out = fb3_digits_create(context, distinct->keys[0], distinct->keys[distinct->count - 1]);
    if (d == NULL)
        return fb3_no_memory(err, "the digits of a column");
    if (cells->digits != NULL)
        *d = *cells->digits;
    for (size_t i = 0; cells->digits == NULL && i < distinct->count; i++)
        fb3_digits_count(d, distinct->keys[i], distinct->before[i + 1] - distinct->before[i]);
    fb3_digits_settle(d);
    return FLOWBD3_OK;
}

/* The token whose digit is nearest. */
static uint16_t nearest(const fb3_digits *d, size_t place, unsigned digit) {
    size_t token = 0;
    while (token + 1 < d->tokens[place] && d->digit[place][token] < digit)
        token++;
    if (token > 0 && d->digit[place][token] > digit &&
        digit - d->digit[place][token - 1] < d->digit[place][token] - digit)
        token--;
    return (uint16_t)token;
}

void fb3_digits_tokens(const fb3_digits *d, int64_t key, uint16_t *tokens) {
    key = key < d->low ? d->low : key > d->high ? d->high : key;
    for (size_t p = 0; p < d->places; p++)
        tokens[p] = nearest(d, p, digit_of(d, key, p));
}

int64_t fb3_digits_key(const fb3_digits *d, const uint16_t *tokens) {
    uint64_t value = 0;
    for (size_t p = 0; p < d->places; p++)
        value = value << 8 | d->digit[p][tokens[p]];
    /* Digits may name a number beyond those that came. */
    uint64_t low = (uint64_t)d->low - (uint64_t)d->origin, high = (uint64_t)d->high - (uint64_t)d->origin;
    value = value < low ? low : value > high ? high : value;
    return (int64_t)(value + (uint64_t)d->origin);
}

double fb3_digits_centre(const fb3_digits *d, size_t token) {
    double width = (double)(UINT64_C(1) << (8 * (d->places - 1)));
    double low = (double)d->origin + (double)d->digit[0][token] * width, high = low + width - 1.0;
    return fb3_middle(low < (double)d->low ? (double)d->low : low,
                      high > (double)d->high ? (double)d->high : high);
}

fb3_interval fb3_digits_range(const fb3_digits *d, const uint16_t *tokens, size_t known) {
    uint64_t low = 0, high = 0;
    for (size_t p = 0; p < d->places; p++) {
        size_t last = d->tokens[p] - 1;
        low = low << 8 | d->digit[p][p < known ? tokens[p] : 0];
        high = high << 8 | d->digit[p][p < known ? tokens[p] : last];
    }
    uint64_t least = (uint64_t)d->low - (uint64_t)d->origin, most = (uint64_t)d->high - (uint64_t)d->origin;
    low = low < least ? least : low;
    high = high > most ? most : high;
    return (fb3_interval){(double)(int64_t)(low + (uint64_t)d->origin),
                          (double)(int64_t)(high + (uint64_t)d->origin)};
}
