/* Every figure of the summary beside its floor. */
#include "report_sections.h"

#include <math.h>
#include <string.h>

static const char prefix[] = "summary.";

/* The key of figure i of the summary, or NULL for another figure. */
static const char *summary_key(const flowbd3_evaluator *evaluator, size_t i, double *value) {
    const char *name = flowbd3_evaluator_figure(evaluator, i, value);
    return name != NULL && strncmp(name, prefix, strlen(prefix)) == 0 ? name + strlen(prefix) : NULL;
}

static bool is_in_group(const char *key, const char *group) {
    const figure_words *words = words_of_figure(key);
    /* Rows are told at the top of the page. */
    if (strncmp(key, "rows_", 5) == 0)
        return false;
    return group == NULL ? words == NULL : words != NULL && strcmp(words->group, group) == 0;
}

/* Where it was computed. */
static void put_interval(html *page, const flowbd3_evaluator *evaluator, const char *key) {
    double low = find_figure(evaluator, "low", NULL, key), high = find_figure(evaluator, "high", NULL, key);
    if (!isfinite(low) || !isfinite(high))
        return;
    html_raw(page, "<small>95\u00a0% interval ");
    put_number(page, low);
    html_raw(page, " to ");
    put_number(page, high);
    html_raw(page, "</small>");
}

static void put_line(html *page, const flowbd3_evaluator *evaluator, const char *key, double value) {
    const figure_words *words = words_of_figure(key);
    preference better = words != NULL ? words->better : BETTER_UNSAID;
    html_raw(page, "<tr><th scope=\"row\">");
    if (words != NULL) {
        html_text(page, words->title);
        html_raw(page, " ");
    }
    html_raw(page, "<code>");
    html_text(page, key);
    html_raw(page, "</code>");
    if (words != NULL) {
        html_raw(page, "<small>");
        html_text(page, words->meaning);
        html_format(page, "%s%s</small>", better != BETTER_UNSAID ? "; " : "", words_of_better(better));
    }
    put_interval(page, evaluator, key);
    html_raw(page, "</th>");
    put_beside_floor(page, better, value, find_figure(evaluator, "floor", NULL, key));
    html_raw(page, "</tr>\n");
}

/* The figures of a group, NULL for those that are not known, under its name. */
static void put_group(html *page, const flowbd3_evaluator *evaluator, const char *group) {
    bool begun = false;
    for (size_t i = 0; i < flowbd3_evaluator_count(evaluator); i++) {
        double value;
        const char *key = summary_key(evaluator, i, &value);
        if (key == NULL || !is_in_group(key, group))
            continue;
        if (!begun)
            html_format(page, "<tr class=\"group\"><th colspan=\"4\" scope=\"rowgroup\">%s</th></tr>\n",
                        group != NULL ? group : "Others");
        begun = true;
        put_line(page, evaluator, key, value);
    }
}

void put_summary(html *page, const report_subject *subject) {
    html_raw(page, "<section id=\"figures\"><h2>Figures</h2>\n");
    if (subject->second != NULL)
        html_raw(page, "<p>The floor is the same figure of real rows in place of the generated ones, what a "
                       "perfect generator would get. The ratio is the value divided by the floor. Its colour "
                       "compares how far both are from perfect: the value at most <span class=\"ratio "
                       "good\">1.25 times</span> as far as the floor, at most <span class=\"ratio "
                       "fair\">twice</span>, or <span class=\"ratio poor\">farther</span>; none where that "
                       "does not apply or both are next to perfect.</p>\n");
    else
        html_raw(page, "<p>Without a second sample of real rows (<code>--train</code>) there is no floor to "
                       "read a figure beside.</p>\n");
    html_raw(page, "<div class=\"scroll\"><table class=\"figures\"><thead><tr><th>figure</th>"
                   "<th class=\"n\">value</th><th class=\"n\">floor</th><th class=\"n\">ratio</th>"
                   "</tr></thead>\n<tbody>\n");
    for (size_t g = 0; figure_groups[g] != NULL; g++)
        put_group(page, subject->evaluator, figure_groups[g]);
    put_group(page, subject->evaluator, NULL);
    html_raw(page, "</tbody></table></div></section>\n");
}
