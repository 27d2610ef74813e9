/* Columns: their distributions and all their figures. */
#include "report_sections.h"

#include "plots_values.h"

#include <string.h>

enum { most_pictures = 60 };

/* A figure of the columns and, where there is one, its floor. */
static void put_figure(html *page, const report_subject *subject, const char *column, const char *key,
                       double value) {
    char floor[96];
    snprintf(floor, sizeof floor, "floor_%s", key);
    html_raw(page, "<tr><th scope=\"row\"><code>");
    html_text(page, key);
    html_raw(page, "</code></th><td class=\"n\">");
    put_number(page, value);
    html_raw(page, "</td><td class=\"n\">");
    put_number(page, find_figure(subject->evaluator, "columns", column, floor));
    html_raw(page, "</td></tr>\n");
}

static void put_all_figures(html *page, const report_subject *subject, const char *column) {
    size_t length = strlen(column);
    html_raw(page,
             "<details><summary>all figures</summary><div class=\"scroll\"><table class=\"cells\"><thead>"
             "<tr><th></th><th class=\"n\">value</th><th class=\"n\">floor</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < flowbd3_evaluator_count(subject->evaluator); i++) {
        double value;
        const char *name = flowbd3_evaluator_figure(subject->evaluator, i, &value);
        if (strncmp(name, "columns.", 8) != 0 || strncmp(name + 8, column, length) != 0 ||
            name[8 + length] != '.')
            continue;
        /* The last dot separates the key: the name of another column may begin with this one's. */
        const char *key = name + 9 + length;
        if (strchr(key, '.') == NULL && strncmp(key, "floor_", 6) != 0)
            put_figure(page, subject, column, key, value);
    }
    html_raw(page, "</tbody></table></div></details>");
}

static void put_caption(html *page, const report_subject *subject, size_t c) {
    const char *name = flowbd3_table_name(subject->real, c);
    bool numeric = column_is_numeric(subject->real, c);
    double value = find_figure(subject->evaluator, "columns", name, numeric ? "ks" : "tvd");
    double floor = find_figure(subject->evaluator, "columns", name, numeric ? "floor_ks" : "floor_tvd");
    html_raw(page, "<figcaption><table class=\"mini\"><tr><th scope=\"row\"><code>");
    html_text(page, name);
    html_format(page, "</code> %s</th>", numeric ? "KS" : "TVD");
    put_beside_floor(page, BETTER_LOWER, value, floor);
    html_raw(page, "</tr></table>");
    put_all_figures(page, subject, name);
    html_raw(page, "</figcaption>");
}

static int put_column(html *page, const report_subject *subject, size_t c, char message[256]) {
    plot_image image;
    html_raw(page, "<figure>");
    if (plots_available() && c < most_pictures) {
        if (image_of_column(&image, subject->real, c, subject->generated, message) != 0)
            return -1;
        put_image(page, &image, "Shares of real and generated rows by values of ",
                  flowbd3_table_name(subject->real, c));
    }
    put_caption(page, subject, c);
    html_raw(page, "</figure>\n");
    return 0;
}

int put_columns(html *page, const report_subject *subject, char message[256]) {
    size_t columns = flowbd3_table_columns(subject->real);
    html_raw(page, "<section id=\"columns\"><h2>Columns</h2>\n<p class=\"legend\">");
    if (plots_available())
        html_raw(page, "<i class=\"real\"></i>real <i class=\"generated\"></i>generated ");
    html_raw(page, "<span>KS or TVD of each, its floor, their ratio</span></p>\n");
    if (plots_available() && columns > most_pictures)
        html_format(page, "<p>The first %d of %zu columns have a picture.</p>\n", most_pictures, columns);
    html_raw(page, "<div class=\"grid\">\n");
    for (size_t c = 0; c < columns; c++)
        if (put_column(page, subject, c, message) != 0)
            return -1;
    html_raw(page, "</div></section>\n");
    return 0;
}
