/* Text that grows: escapes, what is no UTF-8, embedded files. */
#include "html.h"
#include "test_main.h"

#include <stdlib.h>
#include <string.h>

static void check_text(const char *text, const char *expected) {
    html page = {0};
    html_text(&page, text);
    html_raw(&page, "");
    ck_assert_str_eq(page.text, expected);
    ck_assert_uint_eq(page.size, strlen(expected));
    free(page.text);
}

START_TEST(markup_loses_its_meaning) {
    check_text("", "");
    check_text("a<b>&\"c\"'d'", "a&lt;b&gt;&amp;&quot;c&quot;&#39;d&#39;");
    check_text("</style><script>", "&lt;/style&gt;&lt;script&gt;");
    check_text("two\nlines\tand\r", "two lines and ");
    check_text("bell \a, delete \x7f", "bell \ufffd, delete \ufffd");
}
END_TEST

/* RFC 3629: shortest forms up to U+10FFFF without surrogates. */
START_TEST(only_utf8_is_kept) {
    check_text("\u00e4 \u20ac \U0001f600 \U0010ffff", "\u00e4 \u20ac \U0001f600 \U0010ffff");
    check_text("\xff", "\ufffd");
    check_text("a\xe4z", "a\ufffdz");
    check_text("\xc0\xaf", "\ufffd\ufffd");
    check_text("\xe0\x80\xaf", "\ufffd\ufffd\ufffd");
    check_text("\xed\xa0\x80", "\ufffd\ufffd\ufffd");
    check_text("\xf4\x90\x80\x80", "\ufffd\ufffd\ufffd\ufffd");
    check_text("\xe2\x82", "\ufffd\ufffd");
    check_text("\xf0\x9f\x98<", "\ufffd\ufffd\ufffd&lt;");
}
END_TEST

static void check_uri(const char *bytes, size_t size, const char *expected) {
    html page = {0};
    html_data_uri(&page, "image/png", bytes, size);
    ck_assert_str_eq(page.text, expected);
    free(page.text);
}

/* RFC 4648, section 10. */
START_TEST(files_are_embedded) {
    check_uri("", 0, "data:image/png;base64,");
    check_uri("f", 1, "data:image/png;base64,Zg==");
    check_uri("fo", 2, "data:image/png;base64,Zm8=");
    check_uri("foo", 3, "data:image/png;base64,Zm9v");
    check_uri("foob", 4, "data:image/png;base64,Zm9vYg==");
    check_uri("fooba", 5, "data:image/png;base64,Zm9vYmE=");
    check_uri("foobar", 6, "data:image/png;base64,Zm9vYmFy");
    check_uri("\0\xff\xfe", 3, "data:image/png;base64,AP/+");
}
END_TEST

START_TEST(text_grows) {
    html page = {0};
    for (int i = 0; i < 10000; i++) {
        html_format(&page, "%d,", i);
        html_text(&page, "<");
    }
    ck_assert(!page.failed);
    ck_assert_uint_eq(page.size, strlen(page.text));
    ck_assert_ptr_nonnull(strstr(page.text, ",&lt;9998,&lt;9999,&lt;"));
    free(page.text);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("html");
    TCase *tests = tcase_create("all");
    tcase_add_test(tests, markup_loses_its_meaning);
    tcase_add_test(tests, only_utf8_is_kept);
    tcase_add_test(tests, files_are_embedded);
    tcase_add_test(tests, text_grows);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
