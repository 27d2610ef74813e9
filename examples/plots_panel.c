#include "plots_panel.h"

#include "plots_axes.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double percent(size_t part, size_t all) {
    return all == 0 ? 0.0 : 100.0 * (double)part / (double)all;
}

/* ---- numbers ----------------------------------------------------------------------------------- */

static size_t below(const values *v, double x) {
    size_t low = 0, high = v->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (v->sorted[middle] < x)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static size_t equal_to(const values *v, double x) {
    return below(v, nextafter(x, INFINITY)) - below(v, x);
}

/* The distinct values of both samples in ascending order; 0 when there are more than panel_most_bars. */
static size_t few_values(double found[panel_most_bars], const values v[2]) {
    size_t at[2] = {0, 0}, n = 0;
    while (at[0] < v[0].count || at[1] < v[1].count) {
        double next = INFINITY;
        for (int i = 0; i < 2; i++)
            if (at[i] < v[i].count)
                next = fmin(next, v[i].sorted[at[i]]);
        if (n == panel_most_bars)
            return 0;
        found[n++] = next;
        for (int i = 0; i < 2; i++)
            at[i] = below(&v[i], nextafter(next, INFINITY));
    }
    return n;
}

static void value_bars(panel *p, const double *found, size_t n, const values v[2]) {
    p->bars = true;
    p->bins = n;
    for (size_t b = 0; b < n; b++) {
        snprintf(p->label[b], panel_label_size, "%.15g", found[b]);
        for (int i = 0; i < 2; i++)
            p->share[i][b] = percent(equal_to(&v[i], found[b]), v[i].rows);
    }
}

static void linear_edges(panel *p, double low, double high, bool whole) {
    if (!(high > low)) {
        double around = low == 0.0 ? 0.5 : 0.05 * fabs(low);
        low -= around;
        high += around;
    } else if (whole) { /* as many whole numbers in every bin */
        double width = ceil((high - low + 1.0) / panel_most_bins);
        p->bins = (size_t)ceil((high - low + 1.0) / width);
        for (size_t b = 0; b <= p->bins; b++)
            p->edge[b] = low - 0.5 + width * (double)b;
        return;
    }
    p->bins = panel_most_bins;
    for (size_t b = 0; b <= p->bins; b++)
        p->edge[b] = low + (high - low) * (double)b / (double)p->bins;
}

/* Equal factors; between whole numbers the edges are moved to halves, so that no bin is without one. */
static void log_edges(panel *p, double low, double high, bool whole) {
    p->log = true;
    if (whole) {
        low -= 0.5;
        high += 0.5;
    }
    size_t used = 0;
    for (size_t b = 0; b <= panel_most_bins; b++) {
        double edge = low * pow(high / low, (double)b / panel_most_bins);
        if (whole)
            edge = floor(edge) + 0.5;
        if (used == 0 || edge > p->edge[used - 1])
            p->edge[used++] = edge;
    }
    p->bins = used - 1;
}

static void fill_bins(panel *p, const values v[2]) {
    for (int i = 0; i < 2; i++) {
        size_t before = p->log ? below(&v[i], nextafter(0.0, 1.0)) : 0;
        p->zero[i] = p->log ? percent(before, v[i].rows) : 0.0;
        for (size_t b = 0; b < p->bins; b++) {
            /* The last bin holds its upper edge and, when clipped, all above; the first all below. */
            size_t up_to = b + 1 == p->bins ? v[i].count : below(&v[i], p->edge[b + 1]);
            p->share[i][b] = percent(up_to - before, v[i].rows);
            before = up_to;
        }
    }
}

static void histogram(panel *p, const values v[2], bool whole) {
    double low = INFINITY, high = -INFINITY, positive = INFINITY;
    for (int i = 0; i < 2; i++) {
        if (v[i].count == 0)
            continue;
        low = fmin(low, v[i].sorted[0]);
        high = fmax(high, v[i].sorted[v[i].count - 1]);
        size_t first = below(&v[i], nextafter(0.0, 1.0));
        if (first < v[i].count)
            positive = fmin(positive, v[i].sorted[first]);
    }
    if (low > high)
        return;
    bool heavy = values_heavy_tailed(&v[0]);
    bool log = low >= 0.0 && high > 50.0 * positive && heavy;
    double inner[2] = {values_quantile(&v[0], 0.01), values_quantile(&v[0], 0.99)};
    if (heavy && low < 0.0 && inner[0] < inner[1]) {
        p->clipped = true;
        low = fmax(low, inner[0]);
        high = fmin(high, inner[1]);
    }
    /* 40 times their difference is a number too. */
    low = fmax(low, -DBL_MAX / 200.0);
    high = fmin(high, DBL_MAX / 200.0);
    if (log)
        log_edges(p, positive, high, whole);
    else
        linear_edges(p, low, high, whole);
    fill_bins(p, v);
}

bool panel_of_numbers(panel *p, const flowbd3_table *real, size_t column, const flowbd3_table *generated,
                      size_t other_column) {
    const flowbd3_table *table[2] = {real, generated};
    size_t place[2] = {column, other_column};
    values v[2] = {{0}, {0}};
    bool good = true;
    *p = (panel){.name = flowbd3_table_name(real, column)};
    for (int i = 0; i < 2 && good; i++) {
        good = values_of_column(&v[i], table[i], place[i]);
        p->missing[i] = percent(v[i].rows - v[i].count, v[i].rows);
    }
    if (good) {
        bool whole = flowbd3_table_type(real, column) == FLOWBD3_TYPE_INTEGER &&
                     flowbd3_table_type(generated, other_column) == FLOWBD3_TYPE_INTEGER;
        double found[panel_most_bars];
        size_t n = whole ? few_values(found, v) : 0;
        if (n > 0)
            value_bars(p, found, n, v);
        else
            histogram(p, v, whole);
    }
    values_destroy(&v[0]);
    values_destroy(&v[1]);
    return good;
}

/* ---- categories -------------------------------------------------------------------------------- */

enum { most_named = 10 };

typedef struct counts {
    size_t *of; /* [categories] */
    size_t categories, rows, missing;
    const flowbd3_table *table;
    size_t column;
} counts;

static bool count_categories(counts *c, const flowbd3_table *table, size_t column) {
    *c = (counts){.categories = flowbd3_table_categories(table, column),
                  .rows = flowbd3_table_rows(table),
                  .table = table,
                  .column = column};
    c->of = calloc(c->categories + 1, sizeof *c->of);
    const int32_t *codes = flowbd3_table_codes(table, column);
    if (c->of == NULL || codes == NULL)
        return c->of != NULL && c->rows == 0;
    for (size_t i = 0; i < c->rows; i++) {
        if (codes[i] >= 0)
            c->of[codes[i]]++;
        else
            c->missing++;
    }
    return true;
}

static bool is_named(char *const *names, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* Adds the most frequent categories of c that are not there yet. */
static size_t name_most_frequent(const char *names[most_named], size_t n, const counts *c) {
    while (n < most_named) {
        const char *best = NULL;
        size_t most = 0;
        for (size_t k = 0; k < c->categories; k++) {
            if (c->of[k] <= most)
                continue;
            const char *name = flowbd3_table_category(c->table, c->column, k);
            if (!is_named((char *const *)names, n, name)) {
                best = name;
                most = c->of[k];
            }
        }
        if (best == NULL)
            break;
        names[n++] = best;
    }
    return n;
}

static size_t count_of(const counts *c, const char *name) {
    for (size_t k = 0; k < c->categories; k++)
        if (c->of[k] > 0 && strcmp(flowbd3_table_category(c->table, c->column, k), name) == 0)
            return c->of[k];
    return 0;
}

static void add_bar(panel *p, const char *label, const double share[2]) {
    /* Whole UTF-8 characters. */
    size_t n = strlen(label);
    if (n >= panel_label_size)
        for (n = panel_label_size - 1; n > 0 && ((unsigned char)label[n] & 0xc0) == 0x80; n--)
            ;
    snprintf(p->label[p->bins], panel_label_size, "%.*s", (int)n, label);
    for (int i = 0; i < 2; i++)
        p->share[i][p->bins] = share[i];
    p->bins++;
}

static void category_bars(panel *p, const counts c[2]) {
    const char *names[most_named];
    size_t n = name_most_frequent(names, name_most_frequent(names, 0, &c[0]), &c[1]);
    size_t rest[2] = {c[0].rows - c[0].missing, c[1].rows - c[1].missing};
    for (size_t b = 0; b < n; b++) {
        double share[2];
        for (int i = 0; i < 2; i++) {
            size_t count = count_of(&c[i], names[b]);
            share[i] = percent(count, c[i].rows);
            rest[i] -= count;
        }
        add_bar(p, names[b], share);
    }
    if (rest[0] + rest[1] > 0)
        add_bar(p, "all others", (double[]){percent(rest[0], c[0].rows), percent(rest[1], c[1].rows)});
}

bool panel_of_categories(panel *p, const flowbd3_table *real, size_t column, const flowbd3_table *generated,
                         size_t other_column) {
    counts c[2] = {{0}, {0}};
    *p = (panel){.name = flowbd3_table_name(real, column), .bars = true};
    bool good = count_categories(&c[0], real, column) && count_categories(&c[1], generated, other_column);
    if (good) {
        category_bars(p, c);
        for (int i = 0; i < 2; i++)
            p->missing[i] = percent(c[i].missing, c[i].rows);
    }
    free(c[0].of);
    free(c[1].of);
    return good;
}
