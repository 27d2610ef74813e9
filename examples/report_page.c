/* The report of a comparison as one HTML page. */
#include "report_page.h"
#include "report_sections.h"
#include "report_style.h"

#include "failure.h"
#include "output_directory.h"
#include "text_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* of: the rows of the file, where the table may be a part of it. */
static void put_file(html *page, const char *role, const char *name, const flowbd3_table *table, size_t of) {
    html_format(page, "<tr><th scope=\"row\">%s</th><td><code>", role);
    html_text(page, name);
    html_raw(page, "</code></td><td class=\"n\">");
    put_number(page, (double)flowbd3_table_rows(table));
    if (of != flowbd3_table_rows(table)) {
        html_raw(page, " of ");
        put_number(page, (double)of);
    }
    html_raw(page, of == 1 ? " row</td></tr>\n" : " rows</td></tr>\n");
}

/* Links to the sections that are in body; escapes keep names of columns from looking like one. */
static void put_links(html *page, const html *body) {
    static const char *const sections[][2] = {{"worst", "Discrepancies"},   {"figures", "Figures"},
                                              {"columns", "Columns"},       {"correlations", "Correlations"},
                                              {"components", "Components"}, {"pairs", "Pairs"},
                                              {"joint", "Joint"},           {"curves", "Curves"},
                                              {"rules", "Rules"},           {"likelihood", "Likelihood"}};
    html_raw(page, "<nav>");
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        char tag[64];
        snprintf(tag, sizeof tag, "<section id=\"%s\"", sections[i][0]);
        if (body->text != NULL && strstr(body->text, tag) != NULL)
            html_format(page, "<a href=\"#%s\">%s</a>", sections[i][0], sections[i][1]);
    }
    html_raw(page, "</nav>\n");
}

static void put_head(html *page, const report_subject *subject) {
    html_raw(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                   "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                   "<title>");
    html_text(page, subject->generated_name);
    html_raw(page, " against ");
    html_text(page, subject->real_name);
    html_raw(page, "</title>\n<style>\n");
    html_raw(page, report_style);
    html_raw(page, "</style>\n</head>\n<body>\n<header><h1>Generated against real flows</h1>\n"
                   "<div class=\"files scroll\"><table>\n");
    put_file(page, "generated", subject->generated_name, subject->generated,
             flowbd3_table_rows(subject->generated));
    put_file(page, "real", subject->real_name, subject->real, flowbd3_table_rows(subject->real));
    if (subject->second != NULL)
        put_file(page, "real, for the floor", subject->second_name, subject->second, subject->second_of);
    html_raw(page, "</table></div>\n");
    if (!plots_available())
        html_raw(page, "<p>Without pictures: this build has no PLplot.</p>\n");
}

/* Returns 0, or -1 and a message. */
static int put_sections(html *body, const report_subject *subject, const json_t *report, char message[256]) {
    put_worst(body, subject);
    put_summary(body, subject);
    int result = put_columns(body, subject, message);
    if (result == 0)
        result = put_pictures(body, subject, report, message);
    put_joint(body, report);
    put_rules(body, subject, report);
    put_likelihood(body, report);
    return result;
}

static int put_page(html *page, const report_subject *subject, const json_t *report, char message[256]) {
    html body = {0};
    int result = put_sections(&body, subject, report, message);
    put_head(page, subject);
    put_links(page, &body);
    html_raw(page, "</header>\n<main>\n");
    html_raw(page, body.text != NULL ? body.text : "");
    html_format(page,
                "</main>\n<footer>flowbd3 %s. report.json beside this page holds the same figures; "
                "docs/metrics.md defines them.</footer>\n</body>\n</html>",
                flowbd3_version());
    if (result == 0 && (page->failed || body.failed)) {
        snprintf(message, 256, "out of memory for the report");
        result = -1;
    }
    free(body.text);
    return result;
}

int write_report(const report_subject *subject, const char *directory) {
    char path[PATH_MAX], message[256];
    html page = {0};
    int status = make_output_directory(directory);
    if (status != EXIT_SUCCESS)
        return status;
    json_t *report = json_loads(subject->json, 0, NULL);
    if (report == NULL)
        return failure("out of memory for the report");
    status = put_page(&page, subject, report, message) == 0 ? EXIT_SUCCESS : failure("%s", message);
    json_decref(report);
    if (status == EXIT_SUCCESS)
        status = write_text_file(path_in(path, directory, "report.html"), page.text);
    if (status == EXIT_SUCCESS)
        status = write_text_file(path_in(path, directory, "report.json"), subject->json);
    free(page.text);
    return status;
}
