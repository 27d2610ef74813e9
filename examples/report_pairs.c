/* The pairs of columns that differ most. */
#include "report_sections.h"

#include <math.h>

static double difference_of(const column_pair *pair) {
    return fabs(pair->generated - pair->real);
}

/* Keeps pairs[count] in order. */
static size_t insert(column_pair *pairs, size_t count, size_t most, column_pair pair) {
    size_t at = count < most ? count++ : most;
    while (at > 0 && difference_of(&pair) > difference_of(&pairs[at - 1])) {
        if (at < most)
            pairs[at] = pairs[at - 1];
        at--;
    }
    if (at < most)
        pairs[at] = pair;
    return count;
}

size_t find_worst_pairs(const report_subject *subject, column_pair *pairs, size_t most) {
    size_t n = 0, count = 0;
    const size_t *columns = NULL;
    const double *real =
        flowbd3_evaluator_matrix(subject->evaluator, "pearson", FLOWBD3_SAMPLE_REAL, &n, &columns);
    const double *generated =
        flowbd3_evaluator_matrix(subject->evaluator, "pearson", FLOWBD3_SAMPLE_GENERATED, NULL, NULL);
    if (real == NULL || generated == NULL || columns == NULL)
        return 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = i + 1; j < n; j++) {
            column_pair pair = {columns[i], columns[j], real[i * n + j], generated[i * n + j]};
            count = insert(pairs, count, most, pair);
        }
    }
    return count;
}

/* ---- two-dimensional distributions -------------------------------------------------------------- */

static void put_joint_pair(html *page, const json_t *pair) {
    const json_t *names = json_object_get(pair, "columns");
    for (size_t i = 0; i < 2; i++) {
        const char *name = json_string_value(json_array_get(names, i));
        html_raw(page, i == 0 ? "<tr><th scope=\"row\"><code>" : "</code> and <code>");
        html_text(page, name != NULL ? name : "");
    }
    html_raw(page, "</code></th>");
    put_beside_floor(page, BETTER_UP_TO_FLOOR, number_in(pair, "tvd"), number_in(pair, "floor_tvd"));
    html_raw(page, "</tr>\n");
}

void put_joint(html *page, const json_t *report) {
    enum { most = 12 };
    const json_t *pairs = json_object_get(report, "pairs");
    if (json_array_size(pairs) == 0)
        return;
    html_raw(page,
             "<section id=\"joint\"><h2>Joint distributions</h2>\n<p>Of all pairs of columns those whose "
             "two-dimensional histograms differ most: the share of the rows that would have to change."
             "</p>\n<div class=\"scroll\"><table class=\"figures\"><thead><tr><th>columns</th>"
             "<th class=\"n\">TVD</th><th class=\"n\">floor</th><th class=\"n\">ratio</th></tr></thead>\n"
             "<tbody>\n");
    for (size_t i = 0; i < json_array_size(pairs) && i < most; i++)
        put_joint_pair(page, json_array_get(pairs, i));
    html_raw(page, "</tbody></table></div></section>\n");
}
