/* What the model says: likelihood of the rows and calibration of its predictions. */
#include "report_sections.h"

#include <math.h>

static void put_number_cell(html *page, double value) {
    html_raw(page, "<td class=\"n\">");
    put_number(page, value);
    html_raw(page, "</td>");
}

/* A line of the table; nothing where there are no such rows. */
static void put_nelbo(html *page, const json_t *likelihood, const char *title, const char *key) {
    char error_key[64];
    snprintf(error_key, sizeof error_key, "%s_se", key);
    if (isnan(number_in(likelihood, key)))
        return;
    html_format(page, "<tr><th scope=\"row\">%s <code>%s</code></th>", title, key);
    put_number_cell(page, number_in(likelihood, key));
    put_number_cell(page, number_in(likelihood, error_key));
    html_raw(page, "</tr>\n");
}

/* The histogram as bars over a line where each bin holds the same share; twice that fills the height.
 */
static void put_histogram(html *page, const json_t *shares) {
    size_t bins = json_array_size(shares);
    html_raw(page,
             "<svg class=\"pit\" viewBox=\"0 0 120 30\" role=\"img\" aria-label=\"shares of cells in bins:");
    for (size_t i = 0; i < bins; i++)
        html_format(page, " %.3f", json_number_value(json_array_get(shares, i)));
    html_raw(page, "\">");
    for (size_t i = 0; i < bins; i++) {
        double times = json_number_value(json_array_get(shares, i)) * (double)bins;
        double height = 15.0 * fmin(times, 2.0), width = 120.0 / (double)bins;
        html_format(page, "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\"/>", (double)i * width,
                    30.0 - height, width - 1.0, height);
    }
    html_raw(page, "<path d=\"M0 15H120\"/></svg>");
}

static void put_calibration(html *page, const char *name, const json_t *column) {
    html_raw(page, "<tr><th scope=\"row\"><code>");
    html_text(page, name);
    html_raw(page, "</code></th><td>");
    put_histogram(page, json_object_get(column, "pit"));
    html_raw(page, "</td>");
    put_beside_floor(page, BETTER_UP_TO_FLOOR, number_in(column, "pit_l1"),
                     number_in(column, "pit_l1_floor"));
    html_raw(page, "</tr>\n");
}

void put_likelihood(html *page, const json_t *report) {
    const json_t *likelihood = json_object_get(report, "likelihood");
    json_t *columns = json_object_get(likelihood, "columns"), *column;
    const char *name;
    if (likelihood == NULL)
        return;
    html_raw(page,
             "<section id=\"likelihood\"><h2>Likelihood</h2>\n<p>How likely the model finds a row: the bound "
             "on its negative log-likelihood, in nats per flow, the mean of the rows and its standard error; "
             "lower is likelier. Training rows that are much likelier than real ones were memorised.</p>\n"
             "<div class=\"scroll\"><table class=\"figures likely\"><thead><tr><th>rows</th>"
             "<th class=\"n\">nats</th><th class=\"n\">error</th></tr></thead>\n<tbody>\n");
    put_nelbo(page, likelihood, "Real", "nelbo_real");
    put_nelbo(page, likelihood, "Generated", "nelbo_generated");
    put_nelbo(page, likelihood, "Training", "nelbo_train");
    put_nelbo(page, likelihood, "Real less training", "nelbo_gap");
    html_raw(
        page,
        "</tbody></table></div>\n<h2>Calibration</h2>\n<p>Where the cells of the real rows lie among "
        "the values that the model predicts, from its lowest to its highest. Where predictions hold, the "
        "histogram is flat (the line): humped, they are too wide; hollow, too narrow. The floor is the "
        "distance from flat that chance makes.</p>\n<div class=\"scroll\"><table class=\"calibration\">"
        "<thead><tr><th>column</th><th>histogram</th><th class=\"n\">distance</th>"
        "<th class=\"n\">floor</th><th class=\"n\">ratio</th></tr></thead>\n<tbody>\n");
    json_object_foreach(columns, name, column) put_calibration(page, name, column);
    html_raw(page, "</tbody></table></div></section>\n");
}
