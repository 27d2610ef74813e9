/* Matrix products against a naive one, with the operands' last floats before a guard page: a read past the
 * end of an operand, as some BLIS kernels do, is a crash here. Check does not fork: BLIS's threads do not
 * survive that. */
#include "base/base.h"
#include "nn/nn.h"
#include "test_main.h"

#include <flowbd3/context.h>

#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct guarded {
    char *pages;
    size_t size;
    float *data;
} guarded;

/* count floats that end where an unreadable page begins. */
static guarded guard(size_t count) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    guarded g = {.size = (count * sizeof(float) + page - 1) / page * page + page};
    g.pages = mmap(NULL, g.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(g.pages, MAP_FAILED);
    ck_assert_int_eq(mprotect(g.pages + g.size - page, page, PROT_NONE), 0);
    g.data = (float *)(void *)(g.pages + g.size - page) - count;
    return g;
}

static float *scratch;

enum { MOST = 96 * 64 }; /* elements of an operand */

static float elements[3][MOST]; /* what a, b and c begin with */

static void draw_elements(void) {
    for (uint32_t which = 0; which < 3; which++)
        for (size_t i = 0; i < MOST; i++)
            elements[which][i] = (float)(fb3_uniform(5, FB3_RANDOM_INITIAL_WEIGHTS, i, which) - 0.5);
}

static void check_product(fb3_transpose ta, fb3_transpose tb, size_t m, size_t n, size_t k, float beta) {
    size_t rows_a = ta == FB3_PLAIN ? m : k, columns_a = ta == FB3_PLAIN ? k : m;
    size_t rows_b = tb == FB3_PLAIN ? k : n, columns_b = tb == FB3_PLAIN ? n : k;
    guarded a = guard(rows_a * columns_a), b = guard(rows_b * columns_b), c = guard(m * n);
    memcpy(a.data, elements[0], rows_a * columns_a * sizeof(float));
    memcpy(b.data, elements[1], rows_b * columns_b * sizeof(float));
    memcpy(c.data, elements[2], m * n * sizeof(float));
    fb3_gemm(ta, tb, m, n, k, a.data, columns_a, b.data, columns_b, beta, c.data, n, scratch);
    double worst = 0.0; /* an assertion for every element would take most of the time */
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = (double)beta * (double)elements[2][i * n + j];
            for (size_t l = 0; l < k; l++)
                sum += (double)a.data[ta == FB3_PLAIN ? i * k + l : l * m + i] *
                       (double)b.data[tb == FB3_PLAIN ? l * n + j : j * k + l];
            worst = fmax(worst, fabs(sum - (double)c.data[i * n + j]));
            worst = isnan(c.data[i * n + j]) ? HUGE_VAL : worst;
        }
    ck_assert_msg(worst < 1e-4, "%d %d %zux%zux%zu", (int)ta, (int)tb, m, n, k);
    munmap(a.pages, a.size);
    munmap(b.pages, b.size);
    munmap(c.pages, c.size);
}

START_TEST(products_stay_inside_their_operands) {
    static const size_t widths[] = {1, 2, 7, 8, 15, 16, 17, 23, 31, 32, 39, 48, 64, 80, 96},
                        depths[] = {1, 3, 4, 5, 8, 12, 16, 20, 33, 64};
    draw_elements();
    for (size_t m = 1; m <= 50; m += 1 + m / 26)
        for (size_t i = 0; i < FB3_COUNT(widths); i++)
            for (size_t j = 0; j < FB3_COUNT(depths); j++)
                for (int t = 0; t < 3; t++) /* the library has no product with both transposed */
                    check_product(t == 2 ? FB3_TRANSPOSED : FB3_PLAIN, t == 1 ? FB3_TRANSPOSED : FB3_PLAIN, m,
                                  widths[i], depths[j], (float)(j % 2));
}
END_TEST

START_TEST(empty_products) {
    float c[4] = {1, 2, 3, 4};
    fb3_gemm(FB3_PLAIN, FB3_PLAIN, 0, 4, 4, c, 4, c, 4, 0.0f, c, 4, scratch);
    ck_assert(c[0] == 1.0f && c[3] == 4.0f);
}
END_TEST

START_TEST(environment_chooses_the_kernels) {
    const char *wanted = getenv("FLOWBD3_KERNELS"), *name = fb3_kernels_best()->name;
    ck_assert_ptr_ne(strstr(flowbd3_build_info(), name), NULL);
    if (wanted != NULL && fb3_instructions_best() == FB3_PORTABLE)
        ck_assert_str_eq(name, "portable");
    else if (wanted != NULL)
        ck_assert_str_eq(name, wanted);
    const fb3_kernels *const *all = fb3_kernels_all();
    for (size_t i = 0; i <= (size_t)fb3_instructions_best(); i++)
        ck_assert_ptr_ne(all[i], NULL);
    ck_assert_ptr_eq(all[fb3_instructions_best()], fb3_kernels_best());
    ck_assert_ptr_eq(all[fb3_instructions_best() + 1], NULL);
}
END_TEST

int main(void) {
    setenv("CK_FORK", "no", 1);
    scratch = aligned_alloc(64, (fb3_gemm_scratch() * sizeof *scratch + 63) / 64 * 64);
    Suite *suite = suite_create("gemm");
    TCase *tests = tcase_create("gemm");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, products_stay_inside_their_operands);
    tcase_add_test(tests, empty_products);
    tcase_add_test(tests, environment_chooses_the_kernels);
    suite_add_tcase(suite, tests);
    int failed = run_suite(suite);
    free(scratch);
    return failed;
}
