/* Rules, how often they are violated, and rows that violate them. */
#include "report_sections.h"

#include <math.h>
#include <string.h>

/* Whether text names the column: a whole word, so that "Dur" is not found in "Duration". */
static bool is_named(const char *text, const char *column) {
    static const char word[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    size_t length = strlen(column);
    for (const char *at = strstr(text, column); at != NULL && length > 0; at = strstr(at + 1, column)) {
        bool begins = at == text || strchr(word, at[-1]) == NULL;
        bool ends = at[length] == '\0' || strchr(word, at[length]) == NULL;
        if (begins && ends)
            return true;
    }
    return false;
}

/* The cells of row in the columns that the rule names, then in the others. */
static void put_example(html *page, const flowbd3_table *table, const flowbd3_table *real, const char *rule,
                        const char *role, size_t row) {
    html_format(page, "<tr><th scope=\"row\">%s, row %zu</th>", role, row + 1);
    for (int named = 1; named >= 0; named--) {
        for (size_t c = 0; c < flowbd3_table_columns(real); c++) {
            const char *name = flowbd3_table_name(real, c);
            int64_t column = flowbd3_table_find(table, name);
            if (is_named(rule, name) != named)
                continue;
            html_raw(page, named ? "<td class=\"named\">" : "<td>");
            if (column >= 0)
                put_cell(page, table, row, (size_t)column,
                         flowbd3_table_type(real, c) == FLOWBD3_TYPE_INTEGER);
            html_raw(page, "</td>");
        }
    }
    html_raw(page, "</tr>\n");
}

static void put_examples_of(html *page, const json_t *results, const flowbd3_table *table,
                            const flowbd3_table *real, const char *rule, const char *role) {
    const json_t *rows = json_object_get(results, "rows");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        size_t row = (size_t)json_integer_value(json_array_get(rows, i));
        if (row < flowbd3_table_rows(table))
            put_example(page, table, real, rule, role, row);
    }
}

static void put_examples(html *page, const report_subject *subject, const json_t *result, const char *rule) {
    const json_t *generated = json_object_get(result, "generated"), *real = json_object_get(result, "real");
    if (json_array_size(json_object_get(generated, "rows")) +
            json_array_size(json_object_get(real, "rows")) ==
        0)
        return;
    html_raw(page, "<tr class=\"rows\"><td colspan=\"6\"><details><summary>rows that violate it</summary>"
                   "<div class=\"scroll\"><table class=\"cells\"><thead><tr><th></th>");
    for (int named = 1; named >= 0; named--) {
        for (size_t c = 0; c < flowbd3_table_columns(subject->real); c++) {
            const char *name = flowbd3_table_name(subject->real, c);
            if (is_named(rule, name) != named)
                continue;
            html_raw(page, "<th>");
            html_text(page, name);
            html_raw(page, "</th>");
        }
    }
    html_raw(page, "</tr></thead><tbody>\n");
    put_examples_of(page, generated, subject->generated, subject->real, rule, "generated");
    put_examples_of(page, real, subject->real, subject->real, rule, "real");
    html_raw(page, "</tbody></table></div></details></td></tr>\n");
}

static void put_rule(html *page, const report_subject *subject, const json_t *result, size_t i) {
    static const char *const figures[] = {"applies", "violated"};
    const char *name = flowbd3_rules_name(subject->rules, i), *text = flowbd3_rules_text(subject->rules, i);
    const flowbd3_evaluator *evaluator = subject->evaluator;
    html_raw(page, "<tr><th scope=\"row\"><code>");
    html_text(page, name);
    html_raw(page, "</code>");
    if (strcmp(name, text) != 0) {
        html_raw(page, "<small>");
        html_text(page, text);
        html_raw(page, "</small>");
    }
    html_raw(page, "</th>");
    for (size_t k = 0; k < sizeof figures / sizeof *figures; k++) {
        html_raw(page, "<td class=\"n\">");
        put_number(page, find_figure(evaluator, "rules", name, figures[k]));
        html_raw(page, "</td>");
    }
    put_beside_floor(page, BETTER_LOWER, find_figure(evaluator, "rules", name, "share"),
                     find_figure(evaluator, "rules", name, "real_share"));
    html_raw(page, "</tr>\n");
    put_examples(page, subject, result, text);
}

void put_rules(html *page, const report_subject *subject, const json_t *report) {
    const json_t *results = json_object_get(report, "rules");
    if (subject->rules == NULL || results == NULL)
        return;
    html_raw(page, "<section id=\"rules\"><h2>Rules</h2>\n");
    if (flowbd3_rules_count(subject->rules) == 0) {
        html_raw(page, "<p>No rule is known for these columns.</p></section>\n");
        return;
    }
    html_raw(page,
             "<p>Generated rows that a rule applies to, those of them that violate it, and the share of "
             "these beside that of the real rows.</p>\n<div class=\"scroll\"><table class=\"figures rules\">"
             "<thead><tr><th>rule</th><th class=\"n\">applies</th><th class=\"n\">violated</th>"
             "<th class=\"n\">share</th><th class=\"n\">real share</th><th class=\"n\">ratio</th></tr>"
             "</thead>\n<tbody>\n");
    for (size_t i = 0; i < flowbd3_rules_count(subject->rules); i++)
        put_rule(page, subject, json_object_get(results, flowbd3_rules_name(subject->rules, i)), i);
    html_raw(page, "</tbody></table></div></section>\n");
}
