/* The worst discrepancies of a comparison, in words. */
#include "report_sections.h"

#include "column_gap.h"
#include "plots_values.h"

#include <math.h>
#include <string.h>

enum { most_told = 5, most_pairs_told = 5 };

typedef enum discrepancy_kind { OF_COLUMN, OF_MISSING, OF_PAIR, OF_RULE, OF_TABLE } discrepancy_kind;

typedef struct discrepancy {
    discrepancy_kind kind;
    double value, floor; /* distances from perfect; floor NaN: there is none */
    double notable;      /* what the value is held against without a floor */
    double severity;     /* value by floor, or by notable */
    size_t index;        /* of the column in real, or of the rule */
    column_pair pair;
    const figure_words *words; /* of the table: which figure */
} discrepancy;

typedef struct worst {
    discrepancy list[most_told]; /* [count] worst first */
    size_t count;
    double rows; /* of the smaller table */
} worst;

/* What chance alone makes of a share of value between two samples: its standard error. */
static double error_of_share(double value, double rows) {
    return sqrt(2.0 * fmax(value * (1.0 - value), 0.0) / rows);
}

static void rank(worst *w, discrepancy d) {
    size_t at = w->count < most_told ? w->count++ : most_told;
    for (; at > 0 && d.severity > w->list[at - 1].severity; at--)
        if (at < most_told)
            w->list[at] = w->list[at - 1];
    if (at < most_told)
        w->list[at] = d;
}

/* A floor that is 0 by chance, or far below what chance makes, is no measure. */
static void consider(worst *w, discrepancy d) {
    if (!(d.value > 0.0))
        return;
    bool share = d.kind == OF_COLUMN || d.kind == OF_MISSING || d.kind == OF_RULE;
    double least = share ? error_of_share(d.value, w->rows) : d.kind == OF_PAIR ? 0.01 : 0.02;
    d.severity = d.value / (isfinite(d.floor) ? fmax(d.floor, least) : d.notable);
    rank(w, d);
}

/* A figure that is as bad below its floor as above. */
static void consider_near_floor(worst *w, discrepancy d) {
    if (isnan(d.value) || isnan(d.floor) || d.value == d.floor)
        return;
    d.severity = fmax(d.value, d.floor) / fmax(fmin(d.value, d.floor), 0.01);
    rank(w, d);
}

/* ---- what there is ------------------------------------------------------------------------------ */

static const double notable_distribution = 0.05, notable_missing = 0.01, notable_correlation = 0.1,
                    notable_violations = 0.01;

static void consider_column(worst *w, const report_subject *subject, size_t column) {
    const char *name = flowbd3_table_name(subject->real, column);
    bool numeric = column_is_numeric(subject->real, column);
    const flowbd3_evaluator *evaluator = subject->evaluator;
    consider(
        w, (discrepancy){.kind = OF_COLUMN,
                         .index = column,
                         .value = find_figure(evaluator, "columns", name, numeric ? "ks" : "tvd"),
                         .floor = find_figure(evaluator, "columns", name, numeric ? "floor_ks" : "floor_tvd"),
                         .notable = notable_distribution});
    consider(w, (discrepancy){.kind = OF_MISSING,
                              .index = column,
                              .value = find_figure(evaluator, "columns", name, "missing_difference"),
                              .floor = find_figure(evaluator, "columns", name, "floor_missing_difference"),
                              .notable = notable_missing});
}

/* Held against the largest difference of any pair of the two real samples. */
static void consider_pairs(worst *w, const report_subject *subject) {
    column_pair pairs[most_pairs_told];
    size_t count = find_worst_pairs(subject, pairs, most_pairs_told);
    double floor = find_figure(subject->evaluator, "floor", NULL, "corr_max");
    for (size_t i = 0; i < count; i++)
        consider(w, (discrepancy){.kind = OF_PAIR,
                                  .pair = pairs[i],
                                  .value = fabs(pairs[i].generated - pairs[i].real),
                                  .floor = floor,
                                  .notable = notable_correlation});
}

/* Of all rows those that violate the rule: one that is about a single row is not much. */
static double share_violating(const report_subject *subject, const char *rule, const char *key,
                              const flowbd3_table *table) {
    return find_figure(subject->evaluator, "rules", rule, key) / (double)flowbd3_table_rows(table);
}

static void consider_rules(worst *w, const report_subject *subject) {
    for (size_t i = 0; subject->rules != NULL && i < flowbd3_rules_count(subject->rules); i++) {
        const char *name = flowbd3_rules_name(subject->rules, i);
        double share = share_violating(subject, name, "violated", subject->generated);
        double real = share_violating(subject, name, "real_violated", subject->real);
        if (share > real)
            consider(w, (discrepancy){.kind = OF_RULE,
                                      .index = i,
                                      .value = share,
                                      .floor = subject->second != NULL ? real : (double)NAN,
                                      .notable = notable_violations});
    }
}

/* Figures of whole rows, which no column or pair tells. */
static void consider_table(worst *w, const report_subject *subject) {
    for (size_t i = 0; i < flowbd3_evaluator_count(subject->evaluator); i++) {
        double value;
        const char *name = flowbd3_evaluator_figure(subject->evaluator, i, &value);
        const figure_words *words = strncmp(name, "summary.", 8) == 0 ? words_of_figure(name + 8) : NULL;
        if (words == NULL || words->notable == 0.0)
            continue;
        double floor = find_figure(subject->evaluator, "floor", NULL, words->key);
        discrepancy d = {.kind = OF_TABLE, .words = words, .value = value, .floor = floor};
        if (words->better == BETTER_NEAR_FLOOR) {
            consider_near_floor(w, d);
            continue;
        }
        d.value = distance_from_perfect(words->better, value);
        d.floor = distance_from_perfect(words->better, floor);
        d.notable = words->notable;
        consider(w, d);
    }
}

static void find_worst(worst *w, const report_subject *subject) {
    *w = (worst){.rows = fmin((double)flowbd3_table_rows(subject->real),
                              (double)flowbd3_table_rows(subject->generated))};
    for (size_t c = 0; c < flowbd3_table_columns(subject->real); c++)
        consider_column(w, subject, c);
    consider_pairs(w, subject);
    consider_rules(w, subject);
    consider_table(w, subject);
}

/* ---- words -------------------------------------------------------------------------------------- */

/* "KS 0.12, floor 0.01, 12 times the floor" */
static void put_figures(html *page, const char *name, double value, double floor, const discrepancy *d) {
    html_raw(page, name);
    html_raw(page, " ");
    put_number(page, value);
    if (isfinite(floor)) {
        html_raw(page, ", floor ");
        put_number(page, floor);
    }
    if (isfinite(d->floor) && d->floor > 0.0 && d->value / d->floor >= 1.05)
        html_format(page, ", %.*f times the floor", d->value / d->floor < 9.95 ? 1 : 0, d->value / d->floor);
    else if (isfinite(d->floor) && d->floor > 0.0)
        html_raw(page, ", no more than the floor");
    html_raw(page, ": ");
}

static void put_name(html *page, const char *name) {
    html_raw(page, "<code>");
    html_text(page, name);
    html_raw(page, "</code>");
}

/* "24 % of the generated values are 60, 12 % of the real ones" */
static void put_gap_of_numbers(html *page, const report_subject *subject, size_t column,
                               const column_gap *gap) {
    put_percent(page, gap->generated);
    html_raw(page, gap->single ? " of the generated values are " : " of the generated values are at most ");
    put_value(page, subject->real, column, gap->value);
    html_raw(page, ", ");
    put_percent(page, gap->real);
    html_raw(page, " of the real ones");
    if (gap->single) {
        html_raw(page, gap->generated > gap->real ? "; it comes too often" : "; it comes too seldom");
        return;
    }
    html_format(page, "; generated values are too %s around the %.0f\u00a0%% quantile",
                gap->larger > 0.0 ? "large" : "small", 100.0 * gap->real);
}

static void put_gap_of_categories(html *page, const column_gap *gap) {
    if (gap->category != NULL)
        put_name(page, gap->category);
    else
        html_raw(page, "no value");
    html_raw(page, " stands in ");
    put_percent(page, gap->generated);
    html_raw(page, " of the generated rows, in ");
    put_percent(page, gap->real);
    html_raw(page, " of the real ones");
}

static void put_column(html *page, const report_subject *subject, const discrepancy *d) {
    bool numeric = column_is_numeric(subject->real, d->index);
    column_gap gap;
    put_name(page, flowbd3_table_name(subject->real, d->index));
    html_raw(page, ": ");
    put_figures(page, numeric ? "KS" : "TVD", d->value, d->floor, d);
    if (!find_column_gap(&gap, subject->real, d->index, subject->generated))
        html_raw(page, "one of the tables has no value at all");
    else if (numeric)
        put_gap_of_numbers(page, subject, d->index, &gap);
    else
        put_gap_of_categories(page, &gap);
}

static void put_missing(html *page, const report_subject *subject, const discrepancy *d) {
    const char *name = flowbd3_table_name(subject->real, d->index);
    put_name(page, name);
    html_raw(page, ": ");
    put_figures(page, "difference of missing cells", d->value, d->floor, d);
    put_percent(page, find_figure(subject->evaluator, "columns", name, "missing_generated"));
    html_raw(page, " of the generated cells are missing, ");
    put_percent(page, find_figure(subject->evaluator, "columns", name, "missing_real"));
    html_raw(page, " of the real ones");
}

static void put_pair(html *page, const report_subject *subject, const discrepancy *d) {
    put_name(page, flowbd3_table_name(subject->real, d->pair.first));
    html_raw(page, " and ");
    put_name(page, flowbd3_table_name(subject->real, d->pair.second));
    html_raw(page, ": ");
    put_figures(page, "difference of correlations", d->value, d->floor, d);
    html_raw(page, "their correlation is ");
    put_number(page, d->pair.generated);
    html_raw(page, ", in the real rows ");
    put_number(page, d->pair.real);
}

static void put_violations(html *page, const report_subject *subject, const discrepancy *d) {
    const char *name = flowbd3_rules_name(subject->rules, d->index);
    const flowbd3_evaluator *evaluator = subject->evaluator;
    double real = find_figure(evaluator, "rules", name, "real_violated");
    html_raw(page, "Rule ");
    put_name(page, name);
    html_raw(page, ": violated by ");
    put_number(page, find_figure(evaluator, "rules", name, "violated"));
    html_raw(page, " of the ");
    put_number(page, find_figure(evaluator, "rules", name, "applies"));
    html_raw(page, " generated rows that it applies to (");
    put_percent(page, find_figure(evaluator, "rules", name, "share"));
    html_raw(page, "), by ");
    if (real == 0.0) {
        html_raw(page, "no real one");
    } else {
        put_percent(page, find_figure(evaluator, "rules", name, "real_share"));
        html_raw(page, " of the real ones");
    }
}

static void put_table(html *page, const report_subject *subject, const discrepancy *d) {
    double floor = find_figure(subject->evaluator, "floor", NULL, d->words->key);
    html_text(page, d->words->title);
    html_raw(page, " (");
    put_name(page, d->words->key);
    html_raw(page, "): ");
    put_number(page, find_figure(subject->evaluator, "summary", NULL, d->words->key));
    if (isfinite(floor)) {
        html_raw(page, ", floor ");
        put_number(page, floor);
    }
    if (d->words->better == BETTER_NEAR_FLOOR)
        html_raw(page, ", best near it. ");
    else
        html_format(page, ", perfect is %s. ",
                    d->words->better == BETTER_HALF     ? "0.5"
                    : d->words->better == BETTER_HIGHER ? "1"
                                                        : "0");
    html_text(page, d->words->meaning);
}

static void put_discrepancy(html *page, const report_subject *subject, const discrepancy *d) {
    static void (*const put[])(html *, const report_subject *, const discrepancy *) = {
        put_column, put_missing, put_pair, put_violations, put_table};
    html_format(page, "<li class=\"%s\">",
                d->severity <= 1.25  ? "good"
                : d->severity <= 2.0 ? "fair"
                                     : "poor");
    put[d->kind](page, subject, d);
    html_raw(page, ".</li>\n");
}

void put_worst(html *page, const report_subject *subject) {
    worst w;
    find_worst(&w, subject);
    html_raw(page, "<section id=\"worst\"><h2>The largest discrepancies</h2>\n");
    if (w.count == 0) {
        html_raw(page, "<p>None: no column, pair of columns or rule differs.</p></section>\n");
        return;
    }
    if (subject->second != NULL)
        html_raw(page,
                 w.list[0].severity <= 2.0
                     ? "<p>None is more than twice what another sample of real rows gives.</p>\n"
                     : "<p>By how many times they exceed what another sample of real rows gives.</p>\n");
    else
        html_format(
            page,
            "<p>Against rules of thumb, since there is no floor: KS and TVD of %g, %g of missing cells, "
            "a correlation that differs by %g, violations in %g of the rows, an AUC that is 0.05 from "
            "0.5.%s</p>\n",
            notable_distribution, notable_missing, notable_correlation, notable_violations,
            w.list[0].severity < 1.0 ? " Nothing exceeds them." : "");
    html_raw(page, "<ol>\n");
    for (size_t i = 0; i < w.count; i++)
        put_discrepancy(page, subject, &w.list[i]);
    html_raw(page, "</ol></section>\n");
}
