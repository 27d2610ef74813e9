/* Every picture of small and of odd tables: files of the right kind and size, and messages. */
#include "plots.h"
#include "sample_flows.h"
#include "test_main.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static flowbd3_context *context;
static char directory[] = "/tmp/flowbd3-plots-XXXXXX";
static char path[128], message[256];

static void begin(void) {
    ck_assert_int_eq(flowbd3_context_create(&context, NULL, NULL), FLOWBD3_OK);
    ck_assert_ptr_nonnull(mkdtemp(directory));
}

static void end(void) {
    /* Whatever was drawn has been looked at and removed; nothing else may be left. */
    ck_assert_int_eq(rmdir(directory), 0);
    flowbd3_context_destroy(&context);
}

static const char *place(const char *name) {
    snprintf(path, sizeof path, "%s/%s", directory, name);
    message[0] = '\0';
    return path;
}

static unsigned long big_endian(const unsigned char *bytes) {
    return (unsigned long)bytes[0] << 24 | (unsigned long)bytes[1] << 16 | (unsigned long)bytes[2] << 8 |
           bytes[3];
}

/* The picture at path is there, whole, and between 800 and 2000 pixels wide. Removes it. */
static void check_picture(int result) {
    ck_assert_msg(result == 0, "%s", message);
    FILE *file = fopen(path, "rb");
    ck_assert_ptr_nonnull(file);
    static unsigned char head[1024];
    size_t n = fread(head, 1, sizeof head, file);
    ck_assert_uint_eq(n, sizeof head);
    unsigned char tail[8];
    ck_assert_int_eq(fseek(file, -8, SEEK_END), 0);
    long size = ftell(file) + 8;
    ck_assert_uint_eq(fread(tail, 1, sizeof tail, file), sizeof tail);
    fclose(file);
    unlink(path);
    ck_assert_int_gt(size, 4000);
    ck_assert_int_lt(size, 8000000);
    if (strstr(path, ".png") != NULL) {
        ck_assert_int_eq(memcmp(head, "\x89PNG\r\n\x1a\n", 8), 0);
        ck_assert_uint_ge(big_endian(head + 16), 800);
        ck_assert_uint_le(big_endian(head + 16), 2000);
        ck_assert_uint_ge(big_endian(head + 20), 300);
        ck_assert_int_eq(memcmp(tail, "IEND\xae\x42\x60\x82", 8), 0);
    } else {
        head[sizeof head - 1] = '\0';
        ck_assert_ptr_nonnull(strstr((const char *)head, "<svg "));
        ck_assert_int_eq(memcmp(tail + 1, "</svg>\n", 7), 0);
    }
}

/* A picture in memory of the type that it says it is, with the size that it is to be shown at or a multiple.
 */
static void check_image(int result, plot_image *image) {
    ck_assert_msg(result == 0, "%s", message);
    ck_assert_uint_gt(image->size, 2000);
    ck_assert_uint_lt(image->size, 1000000);
    const unsigned char *bytes = (const unsigned char *)image->bytes;
    if (strcmp(image->type, "image/png") == 0) {
        ck_assert_int_eq(memcmp(bytes, "\x89PNG\r\n\x1a\n", 8), 0);
        ck_assert_int_eq(bytes[25], 6); /* red, green, blue, alpha */
        ck_assert_uint_ge(big_endian(bytes + 16), (unsigned)image->width);
        ck_assert_uint_eq(big_endian(bytes + 16) * (unsigned)image->height,
                          big_endian(bytes + 20) * (unsigned)image->width);
    } else {
        char size[64];
        ck_assert_str_eq(image->type, "image/svg+xml");
        snprintf(size, sizeof size, "viewBox=\"0 0 %d %d\"", image->width, image->height);
        ck_assert_ptr_nonnull(memmem(bytes, image->size, size, strlen(size)));
        ck_assert_int_eq(memcmp(bytes + image->size - 7, "</svg>\n", 7), 0);
    }
    ck_assert_int_ge(image->width, 300);
    ck_assert_int_le(image->width, 600);
    release_image(image);
    ck_assert_ptr_null(image->bytes);
}

/* A message that names the file, and no file. */
static void check_refused(int result, const char *part) {
    ck_assert_int_eq(result, -1);
    ck_assert_ptr_nonnull(strstr(message, path));
    ck_assert_msg(strstr(message, part) != NULL, "%s", message);
    ck_assert_ptr_null(strchr(message, '\n'));
    ck_assert_int_ne(access(path, F_OK), 0);
}

static flowbd3_table *parse(const char *text) {
    flowbd3_table *table = NULL;
    flowbd3_error err = {0};
    ck_assert_msg(flowbd3_table_parse_csv(&table, context, text, strlen(text), NULL, &err) == FLOWBD3_OK,
                  "%s", err.message);
    return table;
}

/* All pictures of two tables, as far as they can be drawn. */
static void draw_all(const flowbd3_table *real, const flowbd3_table *generated, bool numeric,
                     const char *ending) {
    char name[32];
    flowbd3_evaluator *evaluator = NULL;
    snprintf(name, sizeof name, "distributions.%s", ending);
    check_picture(plot_distributions(place(name), real, generated, message));
    if (!numeric)
        return;
    ck_assert_int_eq(flowbd3_evaluator_create(&evaluator, context, real, NULL, NULL, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_evaluator_run(evaluator, generated, NULL, NULL, NULL), FLOWBD3_OK);
    snprintf(name, sizeof name, "correlations.%s", ending);
    check_picture(plot_correlations(place(name), evaluator, real, message));
    snprintf(name, sizeof name, "pca.%s", ending);
    check_picture(plot_pca(place(name), real, generated, message));
    snprintf(name, sizeof name, "summary.%s", ending);
    check_picture(plot_summary(place(name), real, generated, message));
    flowbd3_evaluator_destroy(&evaluator);
}

START_TEST(sample_flows_are_drawn) {
    flowbd3_table *real = NULL, *generated = NULL;
    ck_assert_int_eq(make_sample_flows(&real, context, 300, 8, 1, NULL), FLOWBD3_OK);
    ck_assert_int_eq(make_sample_flows(&generated, context, 200, 8, 2, NULL), FLOWBD3_OK);
    draw_all(real, generated, true, "png");
    draw_all(real, generated, true, "svg");
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&generated);
}
END_TEST

/* The panels of a page. */
static void draw_images(const flowbd3_table *real, const flowbd3_table *generated) {
    plot_image image, images[3];
    flowbd3_evaluator *evaluator = NULL;
    ck_assert_int_eq(flowbd3_evaluator_create(&evaluator, context, real, NULL, NULL, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_evaluator_run(evaluator, generated, NULL, NULL, NULL), FLOWBD3_OK);
    for (size_t c = 0; c < flowbd3_table_columns(real); c++)
        check_image(image_of_column(&image, real, c, generated, message), &image);
    for (int which = 0; which < 3; which++)
        check_image(image_of_correlations(&image, (plot_matrix)which, evaluator, real, message), &image);
    ck_assert_msg(images_of_components(images, real, generated, message) == 0, "%s", message);
    for (int i = 0; i < 3; i++)
        check_image(0, &images[i]);
    for (size_t c = 0; c + 1 < flowbd3_table_columns(real); c++)
        if (flowbd3_table_codes(real, c) == NULL && flowbd3_table_codes(real, c + 1) == NULL)
            check_image(image_of_pair(&image, real, c, c + 1, generated, message), &image);
    flowbd3_evaluator_destroy(&evaluator);
}

START_TEST(images_are_drawn) {
    flowbd3_table *real = NULL, *generated = NULL;
    ck_assert_int_eq(make_sample_flows(&real, context, 300, 8, 1, NULL), FLOWBD3_OK);
    ck_assert_int_eq(make_sample_flows(&generated, context, 200, 8, 2, NULL), FLOWBD3_OK);
    draw_images(real, generated);
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&generated);
    real = parse("size,other,none,x\n0,0,,-1.7e308\n0,1e-12,,1.7e308\n0,1e12,,0\n0.5,3,,1\n1e9,,,2\n");
    draw_images(real, real);
    plot_image image = {0};
    generated = parse("size\n1\n2\n");
    ck_assert_int_eq(image_of_pair(&image, real, 0, 1, generated, message), -1);
    ck_assert_ptr_nonnull(strstr(message, "no column 'other'"));
    ck_assert_ptr_null(image.bytes);
    flowbd3_table_destroy(&real);
    flowbd3_table_destroy(&generated);
}
END_TEST

START_TEST(curves_are_drawn) {
    plot_image image;
    double value[100], floor[10];
    for (int k = 0; k < 100; k++)
        value[k] = k % 7 == 3 ? (double)NAN : 0.9 * (k + 1) / 100.0;
    for (int k = 0; k < 10; k++)
        floor[k] = (k + 1) / 10.0;
    plot_curve curve = {"title", "x", "y", value, floor, 100, 10};
    check_image(image_of_curve(&image, &curve, message), &image);
    curve.floor = NULL;
    curve.n = 1;
    check_image(image_of_curve(&image, &curve, message), &image);
}
END_TEST

START_TEST(losses_are_drawn) {
    flowbd3_epoch epochs[40];
    for (int i = 0; i < 40; i++)
        epochs[i] = (flowbd3_epoch){.epoch = (uint32_t)i + 1,
                                    .train_loss = 20.0 + 400.0 / (1 + i * i),
                                    .validation_nelbo = i % 2 == 0 ? 21.0 + 10.0 / (1 + i) : (double)NAN,
                                    .learning_rate = 3e-4 * (40 - i) / 40};
    check_picture(plot_losses(place("losses.png"), epochs, 40, message));
    check_picture(plot_losses(place("losses.svg"), epochs, 1, message));
    for (int i = 0; i < 40; i++)
        epochs[i].train_loss = epochs[i].validation_nelbo = epochs[i].learning_rate = (double)NAN;
    check_picture(plot_losses(place("losses.png"), epochs, 40, message));
    check_refused(plot_losses(place("losses.png"), epochs, 0, message), "no finished epoch");
}
END_TEST

START_TEST(odd_tables_are_drawn) {
    static const char *const text[] = {
        "all missing,constant,sparse,#1 <&> \xc3\xa4\n,5,1.5,-3\n,5,,-1.7e308\n,5,1e18,1.7e308\n",
        "a,b\n1,2\n",
        ("size,other,constant,none\n0,0,7,\n0,1e-12,7,\n0,1e12,7,\n0.5,3,7,\n7,9,7,\n8,1,7,\n9,1,7,\n"
         "1e9,7,7,\n"),
    };
    for (size_t i = 0; i < sizeof text / sizeof text[0]; i++) {
        flowbd3_table *table = parse(text[i]);
        draw_all(table, table, false, "png");
        draw_all(table, table, i == 2, "svg");
        check_picture(plot_summary(place("summary.svg"), table, table, message));
        flowbd3_table_destroy(&table);
    }
}
END_TEST

START_TEST(many_columns_and_categories_are_drawn) {
    enum { rows = 60, most = 60 };
    static const char *const sentence =
        "a category with a name that is so long that nobody would want to read all "
        "of it, \xe6\xbc\xa2\xe5\xad\x97 included, number";
    static char names[rows][160];
    const char *cells[rows];
    double numbers[rows];
    flowbd3_table *table = NULL;
    ck_assert_int_eq(flowbd3_table_create(&table, context, NULL), FLOWBD3_OK);
    for (int i = 0; i < rows; i++) {
        snprintf(names[i], sizeof names[i], "%s %d", sentence, i / 2);
        cells[i] = i % 9 == 0 ? NULL : names[i];
    }
    ck_assert_int_eq(flowbd3_table_add_categorical(table, "state", cells, rows, NULL), FLOWBD3_OK);
    for (int c = 0; c < most; c++) {
        char name[64];
        snprintf(name, sizeof name, "a_rather_long_name_of_column_%d", c);
        for (int i = 0; i < rows; i++)
            numbers[i] = sin(i * (c + 1.0)) * pow(10.0, c % 12);
        ck_assert_int_eq(flowbd3_table_add_real(table, name, numbers, NULL, rows, NULL), FLOWBD3_OK);
    }
    draw_all(table, table, true, "png");
    flowbd3_table_destroy(&table);
}
END_TEST

START_TEST(what_cannot_be_drawn_is_refused) {
    flowbd3_table *words = parse("a,b\nx,y\nx,z\n"), *numbers = parse("a,c\n1,2\n2,2\n");
    flowbd3_table *empty = NULL;
    flowbd3_evaluator *evaluator = NULL;
    ck_assert_int_eq(flowbd3_table_create(&empty, context, NULL), FLOWBD3_OK);
    ck_assert_int_eq(flowbd3_evaluator_create(&evaluator, context, words, NULL, NULL, NULL), FLOWBD3_OK);
    check_refused(plot_correlations(place("c.png"), evaluator, words, message), "not run");
    ck_assert_int_eq(flowbd3_evaluator_run(evaluator, words, NULL, NULL, NULL), FLOWBD3_OK);
    check_refused(plot_correlations(place("c.png"), evaluator, words, message), "no numeric columns");
    check_refused(plot_distributions(place("d.png"), empty, empty, message), "no columns");
    check_refused(plot_distributions(place("d.png"), words, numbers, message), "'a' holds numbers");
    check_refused(plot_distributions(place("d.png"), numbers, empty, message), "no column 'a'");
    check_refused(plot_pca(place("p.png"), words, words, message), "there are none");
    check_refused(plot_pca(place("p.png"), numbers, numbers, message), "there is one");
    check_refused(plot_pca(place("p.png"), numbers, empty, message), "no column 'a'");
    check_refused(plot_summary(place("s.png"), words, words, message), "no numeric columns");
    check_refused(plot_summary(place("s.gif"), numbers, numbers, message), ".png or .svg");
    check_refused(plot_summary(place("no/such/directory.png"), numbers, numbers, message), "No such file");
    flowbd3_evaluator_destroy(&evaluator);
    flowbd3_table_destroy(&empty);
    flowbd3_table_destroy(&words);
    flowbd3_table_destroy(&numbers);
}
END_TEST

int main(void) {
    if (!plots_available()) {
        puts("1..0 # SKIP no PLplot with its Cairo drivers");
        return 0;
    }
    Suite *suite = suite_create("plots");
    TCase *tests = tcase_create("all");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_test(tests, sample_flows_are_drawn);
    tcase_add_test(tests, images_are_drawn);
    tcase_add_test(tests, curves_are_drawn);
    tcase_add_test(tests, losses_are_drawn);
    tcase_add_test(tests, odd_tables_are_drawn);
    tcase_add_test(tests, many_columns_and_categories_are_drawn);
    tcase_add_test(tests, what_cannot_be_drawn_is_refused);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
