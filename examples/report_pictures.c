/* Pictures of several columns together: correlations, principal components, pairs, curves. */
#include "report_sections.h"

#include "plots_values.h"

#include <math.h>
#include <stdlib.h>

static const char legend[] =
    "<p class=\"legend\"><i class=\"real\"></i>real <i class=\"generated\"></i>generated</p>\n";

void put_image(html *page, plot_image *image, const char *description, const char *name) {
    html_format(page, "<img width=\"%d\" height=\"%d\" alt=\"", image->width, image->height);
    html_text(page, description);
    html_text(page, name);
    html_raw(page, "\" src=\"");
    html_data_uri(page, image->type, image->bytes, image->size);
    html_raw(page, "\">");
    release_image(image);
}

static void put_figure(html *page, plot_image *image, const char *description) {
    html_raw(page, "<figure>");
    put_image(page, image, description, "");
    html_raw(page, "</figure>\n");
}

static int put_correlations(html *page, const report_subject *subject, char message[256]) {
    static const char *const description[] = {"Pearson correlations of the real columns",
                                              "Pearson correlations of the generated columns",
                                              "Pearson correlations, generated less real"};
    html_raw(page, "<section id=\"correlations\"><h2>Correlations</h2>\n<div class=\"grid\">\n");
    for (int which = 0; which < 3; which++) {
        plot_image image;
        if (image_of_correlations(&image, (plot_matrix)which, subject->evaluator, subject->real, message) !=
            0)
            return -1;
        put_figure(page, &image, description[which]);
    }
    html_raw(page, "</div></section>\n");
    return 0;
}

static int put_components(html *page, const report_subject *subject, char message[256]) {
    static const char *const description[] = {"Principal components of the real rows",
                                              "Principal components of the generated rows",
                                              "Principal components of both"};
    plot_image images[3] = {{0}};
    if (images_of_components(images, subject->real, subject->generated, message) != 0)
        return -1;
    html_raw(page,
             "<section id=\"components\"><h2>Principal components</h2>\n<p>Of the real numeric columns, "
             "standardised; those over many magnitudes are taken by their logarithm.</p>\n");
    html_raw(page, legend);
    html_raw(page, "<div class=\"grid\">\n");
    for (int i = 0; i < 3; i++)
        put_figure(page, &images[i], description[i]);
    html_raw(page, "</div></section>\n");
    return 0;
}

static void put_correlation_of(html *page, const char *role, double correlation) {
    html_format(page, "<span>%s ", role);
    put_number(page, correlation);
    html_raw(page, "</span> ");
}

static int put_pairs(html *page, const report_subject *subject, char message[256]) {
    enum { most = 6 };
    column_pair pairs[most];
    size_t count = find_worst_pairs(subject, pairs, most);
    html_raw(page,
             "<section id=\"pairs\"><h2>Pairs of columns</h2>\n<p>Those whose correlations differ most, "
             "worst first.</p>\n");
    html_raw(page, legend);
    html_raw(page, "<div class=\"grid\">\n");
    for (size_t i = 0; i < count; i++) {
        plot_image image;
        if (image_of_pair(&image, subject->real, pairs[i].first, pairs[i].second, subject->generated,
                          message) != 0)
            return -1;
        html_raw(page, "<figure>");
        put_image(page, &image, "Real and generated rows by two columns", "");
        html_raw(page, "<figcaption>correlation: ");
        put_correlation_of(page, "real", pairs[i].real);
        put_correlation_of(page, "generated", pairs[i].generated);
        html_raw(page, "</figcaption></figure>\n");
    }
    html_raw(page, "</div></section>\n");
    return 0;
}

/* ---- curves ------------------------------------------------------------------------------------- */

/* The numbers of an array, to be freed; NULL where it has none, or memory is short. */
static double *numbers_of(const json_t *array, size_t *n) {
    *n = json_array_size(array);
    double *numbers = *n > 0 ? malloc(*n * sizeof *numbers) : NULL;
    for (size_t i = 0; numbers != NULL && i < *n; i++)
        numbers[i] = json_number_value(json_array_get(array, i));
    return numbers;
}

static int put_curve(html *page, const json_t *curves, const char *key, const char *floor_key,
                     plot_curve curve, char message[256]) {
    double *value = numbers_of(json_object_get(curves, key), &curve.n);
    double *floor = numbers_of(json_object_get(curves, floor_key), &curve.n_floor);
    plot_image image;
    int result = 0;
    curve.value = value;
    curve.floor = floor;
    if (value != NULL) {
        result = image_of_curve(&image, &curve, message);
        if (result == 0)
            put_figure(page, &image, curve.title);
    }
    free(value);
    free(floor);
    return result;
}

static int put_curves(html *page, const json_t *curves, char message[256]) {
    html_raw(
        page,
        "<section id=\"curves\"><h2>Alpha-precision and beta-recall</h2>\n<p>Alpha-precision: how many "
        "generated rows lie in the "
        "region that holds the share alpha of the real rows. Beta-recall: how many real rows lie near a "
        "generated one that is in the region of the share beta. The diagonal is perfect; beta-recall of "
        "real rows themselves stays below it.</p>\n<p class=\"legend\"><i class=\"generated\"></i>generated "
        "<i class=\"real\"></i>floor</p>\n<div class=\"grid\">\n");
    int result = put_curve(
        page, curves, "alpha_precision", "floor_alpha_precision",
        (plot_curve){.title = "alpha-precision", .x = "alpha", .y = "share of generated rows"}, message);
    if (result == 0)
        result =
            put_curve(page, curves, "beta_recall", "floor_beta_recall",
                      (plot_curve){.title = "beta-recall", .x = "beta", .y = "share of real rows"}, message);
    html_raw(page, "</div></section>\n");
    return result;
}

int put_pictures(html *page, const report_subject *subject, const json_t *report, char message[256]) {
    const json_t *curves = json_object_get(report, "curves");
    size_t varying = count_varying_columns(subject->real);
    bool correlated =
        flowbd3_evaluator_matrix(subject->evaluator, "pearson", FLOWBD3_SAMPLE_REAL, NULL, NULL) != NULL;
    int result = 0;
    if (!plots_available())
        return 0;
    if (varying >= 1 && correlated)
        result = put_correlations(page, subject, message);
    if (result == 0 && varying >= 2)
        result = put_components(page, subject, message);
    if (result == 0 && varying >= 2 && correlated)
        result = put_pairs(page, subject, message);
    if (result == 0 && json_object_size(curves) > 0)
        result = put_curves(page, curves, message);
    return result;
}
