/* Which columns of bins get levels: those of which another column tells where inside a bin a value lies. */
#include "tokenizer/tokenizer.h"

#include <math.h>
#include <stdlib.h>

/* Rows that are looked at, and what has to be found: bins of several values for a tenth of the cells, and in
 * them a rank correlation with another column of 0.3, six standard deviations off chance, or a quarter of the
 * numbers equal to its own. Flows of networks have 0.12 and 0.09 at most (docs/tokenizer.md). */
enum { SAMPLE = 16384 };
static const double CELLS = 0.1, CORRELATION = 0.3, DEVIATIONS = 6.0, EQUAL = 0.25;

typedef struct place {
    int64_t key; /* INT64_MIN: missing */
    uint32_t row;
} place;

typedef struct choosing {
    const flowbd3_tokenizer *tokenizer;
    size_t rows;    /* of the sample */
    place **places; /* [columns] [rows] in ascending order; NULL: not numeric, or computed by a rule */
    bool *chosen;   /* [columns] */
    atomic_bool no_memory;
} choosing;

/* One column, and how another one lies in its bins. Missing cells are a bin more, which does not count. */
typedef struct inside {
    size_t bins, rows;
    uint32_t *bin;       /* [rows] */
    size_t *begin, *end; /* [bins + 2] of the bins in sorted */
    place *sorted;       /* [rows] bin by bin */
    double *own, *other; /* [rows] ranks inside bins, from -1 to 1 */
    double *number;      /* [rows] */
} inside;

static int by_key(const void *a, const void *b) {
    const place *x = a, *y = b;
    return x->key != y->key ? (x->key < y->key ? -1 : 1) : x->row < y->row ? -1 : x->row > y->row;
}

/* rank[rows]: mean ranks of a column inside the bins. */
static void rank_inside(double *rank, const inside *in, const place *places) {
    memcpy(in->end, in->begin, (in->bins + 1) * sizeof *in->end);
    for (size_t i = 0; i < in->rows; i++)
        in->sorted[in->end[in->bin[places[i].row]]++] = places[i];
    for (size_t b = 0; b <= in->bins; b++)
        for (size_t i = in->begin[b], j; i < in->end[b]; i = j) {
            for (j = i + 1; j < in->end[b] && in->sorted[j].key == in->sorted[i].key;)
                j++;
            double below = (double)(i - in->begin[b]), above = (double)(in->end[b] - j);
            for (size_t k = i; k < j; k++)
                rank[in->sorted[k].row] = (below - above) / (double)(in->end[b] - in->begin[b]);
        }
}

/* Whether a bin, whose own ranks lie in sorted, holds more than one value. */
static bool is_open(const inside *in, size_t bin) {
    return bin < in->bins && in->begin[bin] < in->end[bin] &&
           in->sorted[in->begin[bin]].key != in->sorted[in->end[bin] - 1].key;
}

static bool tells(const inside *in, const bool *open, size_t n_open, const place *other, flowbd3_type type) {
    double own_square = 0.0, other_square = 0.0, product = 0.0, equal = 0.0, cells = (double)n_open;
    rank_inside(in->other, in, other);
    for (size_t i = 0; i < in->rows; i++) {
        size_t row = other[i].row;
        if (!open[in->bin[row]])
            continue;
        own_square += in->own[row] * in->own[row];
        other_square += in->other[row] * in->other[row];
        product += in->own[row] * in->other[row];
        equal += other[i].key != INT64_MIN && fb3_number_of_key(type, other[i].key) == in->number[row];
    }
    double square = own_square * other_square;
    double correlation = square > 0.0 ? fabs(product) / sqrt(square) : 0.0;
    return (correlation >= CORRELATION && correlation * sqrt(cells) >= DEVIATIONS) ||
           (equal >= EQUAL * cells && cells >= DEVIATIONS * DEVIATIONS);
}

static void look_inside(choosing *c, size_t column, inside *in, bool *open) {
    const fb3_codec *codec = &c->tokenizer->columns[column];
    const place *own = c->places[column];
    size_t n_open = 0;
    for (size_t i = 0; i < in->rows; i++) {
        bool missing = own[i].key == INT64_MIN && codec->missing > 0;
        size_t bin = missing ? in->bins : fb3_levels_find(&codec->levels, own[i].key);
        in->bin[own[i].row] = (uint32_t)bin;
        in->number[own[i].row] = fb3_number_of_key(codec->type, own[i].key);
        in->begin[bin + 1]++;
    }
    for (size_t b = 0; b <= in->bins; b++)
        in->begin[b + 1] += in->begin[b];
    rank_inside(in->own, in, own);
    for (size_t b = 0; b <= in->bins; b++) {
        open[b] = is_open(in, b);
        n_open += open[b] ? in->end[b] - in->begin[b] : 0;
    }
    for (size_t i = 0; (double)n_open >= CELLS * (double)in->rows && i < c->tokenizer->n_columns; i++)
        if (i != column && c->places[i] != NULL && !c->chosen[column])
            c->chosen[column] = tells(in, open, n_open, c->places[i], c->tokenizer->columns[i].type);
}

static void choose_column(void *argument, size_t column, unsigned worker) {
    (void)worker;
    choosing *c = argument;
    flowbd3_context *context = c->tokenizer->context;
    const fb3_codec *codec = &c->tokenizer->columns[column];
    if (c->places[column] == NULL || !codec->automatic || codec->levels.count == 0)
        return;
    inside in = {.bins = codec->levels.count, .rows = c->rows};
    bool *open = fb3_allocate(context, in.bins + 1, sizeof *open);
    in.bin = fb3_allocate(context, in.rows, sizeof *in.bin);
    in.begin = fb3_allocate_zero(context, in.bins + 2, sizeof *in.begin);
    in.end = fb3_allocate(context, in.bins + 2, sizeof *in.end);
    in.sorted = fb3_allocate(context, in.rows, sizeof *in.sorted);
    in.own = fb3_allocate(context, 3 * in.rows, sizeof *in.own);
    if (open == NULL || in.bin == NULL || in.begin == NULL || in.end == NULL || in.sorted == NULL ||
        in.own == NULL) {
        atomic_store(&c->no_memory, true);
    } else {
        in.other = in.own + in.rows;
        in.number = in.other + in.rows;
        look_inside(c, column, &in, open);
    }
    fb3_release(context, open);
    fb3_release(context, in.bin);
    fb3_release(context, in.begin);
    fb3_release(context, in.end);
    fb3_release(context, in.sorted);
    fb3_release(context, in.own);
}

/* Every step-th row of a numeric column, in ascending order. NULL: no memory. */
static place *sample(flowbd3_context *context, const flowbd3_table *table, size_t column, size_t rows,
                     size_t step) {
    const double *real = flowbd3_table_real(table, column);
    const int64_t *integer = flowbd3_table_integer(table, column);
    const uint8_t *valid = flowbd3_table_valid(table, column);
    place *places = fb3_allocate(context, rows, sizeof *places);
    for (size_t i = 0; places != NULL && i < rows; i++) {
        size_t row = i * step;
        places[i] = (place){INT64_MIN, (uint32_t)i};
        if (valid == NULL || valid[row])
            places[i].key = real != NULL ? fb3_key_of_real(real[row]) : integer[row];
    }
    if (places != NULL)
        qsort(places, rows, sizeof *places, by_key);
    return places;
}

flowbd3_status fb3_choose_levels(bool *chosen, const flowbd3_tokenizer *t, const flowbd3_table *table,
                                 const size_t *columns, flowbd3_error *err) {
    size_t rows = flowbd3_table_rows(table), step = (rows + SAMPLE - 1) / SAMPLE;
    choosing c = {.tokenizer = t, .rows = (rows + step - 1) / step, .chosen = chosen};
    c.places = fb3_allocate_zero(t->context, t->n_columns, sizeof *c.places);
    atomic_init(&c.no_memory, c.places == NULL);
    for (size_t i = 0; c.places != NULL && i < t->n_columns; i++)
        if (!t->columns[i].derived && !fb3_has_dictionary(t->columns[i].type)) {
            c.places[i] = sample(t->context, table, columns[i], c.rows, step);
            if (c.places[i] == NULL)
                atomic_store(&c.no_memory, true);
        }
    if (!atomic_load(&c.no_memory))
        fb3_parallel(t->context, t->n_columns, choose_column, &c);
    for (size_t i = 0; c.places != NULL && i < t->n_columns; i++)
        fb3_release(t->context, c.places[i]);
    fb3_release(t->context, c.places);
    return atomic_load(&c.no_memory) ? fb3_no_memory(err, "the columns of a tokenizer") : FLOWBD3_OK;
}
