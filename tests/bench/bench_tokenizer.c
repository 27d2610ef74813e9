/* Fits a tokenizer to a table of flows, encodes and decodes it, and prints rows per second, as JSON: of
 * fitting with and without the search for relations, beside the sort of every column of numbers by the C
 * library's qsort; of encoding and decoding, beside a copy of the columns' bytes.
 *
 *   bench-tokenizer [--threads N] [--seconds N] [--json FILE]     the best of as many runs as fit, of each */
#include "bench.h"

#include <math.h>
#include <stdio.h>

enum { ROWS = 100000, NUMBERS = 6, CATEGORIES = 2 };

static double uniform(size_t row, uint32_t column) {
    return fb3_uniform(11, FB3_RANDOM_SPLIT, row, column);
}

/* Two categories, three integers with frequent values, three reals with long tails. */
static flowbd3_table *make_flows(flowbd3_context *context) {
    static const char *const protocols[] = {"tcp", "udp", "icmp"}, *const states[] = {"CON", "FIN", "S_RA",
                                                                                      "INT"};
    static const char *const integers[] = {"port", "packets", "bytes"}, *const reals[] = {"duration", "rate",
                                                                                          "jitter"};
    static int32_t codes[CATEGORIES][ROWS];
    static int64_t whole[3][ROWS];
    static double real[3][ROWS];
    for (size_t r = 0; r < ROWS; r++) {
        double u = uniform(r, 0);
        codes[0][r] = u < 0.8 ? 0 : u < 0.98 ? 1 : 2;
        codes[1][r] = (int32_t)(4.0 * uniform(r, 1));
        whole[0][r] = uniform(r, 2) < 0.6 ? 443 : 1024 + (int64_t)(64512.0 * uniform(r, 3));
        whole[1][r] = 1 + (int64_t)(-8.0 * log(uniform(r, 4)));
        whole[2][r] = 40 + (int64_t)exp(12.0 * uniform(r, 5));
        for (uint32_t c = 0; c < 3; c++)
            real[c][r] = exp(4.0 * uniform(r, 6 + c)) - 1.0;
    }
    flowbd3_table *table = NULL;
    flowbd3_error err = {0};
    bench_check(flowbd3_table_create(&table, context, &err), &err);
    bench_check(flowbd3_table_add_codes(table, "protocol", codes[0], NULL, ROWS, protocols, 3, &err), &err);
    bench_check(flowbd3_table_add_codes(table, "state", codes[1], NULL, ROWS, states, 4, &err), &err);
    for (size_t c = 0; c < 3; c++) {
        bench_check(flowbd3_table_add_integer(table, integers[c], whole[c], NULL, ROWS, &err), &err);
        bench_check(flowbd3_table_add_real(table, reals[c], real[c], NULL, ROWS, &err), &err);
    }
    return table;
}

/* ---- the library ------------------------------------------------------------------------------- */

typedef struct work {
    const flowbd3_table *table;
    flowbd3_tokenizer *tokenizer;
    flowbd3_relations relations;
    uint16_t *tokens;
    double *numbers;      /* [ROWS] */
    char *bytes;          /* twice the columns */
    volatile char result; /* keeps the copy from being left out */
} work;

enum { COLUMN_BYTES = ROWS * (NUMBERS * 8 + CATEGORIES * 4) };

static void fit(work *w) {
    flowbd3_error err = {0};
    flowbd3_tokenizer_options options = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    options.relations = w->relations;
    flowbd3_tokenizer_destroy(&w->tokenizer);
    bench_check(flowbd3_tokenizer_create(&w->tokenizer, w->table, &options, &err), &err);
}

static void encode(work *w) {
    flowbd3_error err = {0};
    bench_check(flowbd3_tokenizer_encode(w->tokenizer, w->table, w->tokens, &err), &err);
}

static void decode(work *w) {
    flowbd3_table *decoded = NULL;
    flowbd3_error err = {0};
    bench_check(
        flowbd3_tokenizer_decode(w->tokenizer, w->tokens, ROWS, FLOWBD3_DECODE_DRAW, 0, 0, &decoded, &err),
        &err);
    flowbd3_table_destroy(&decoded);
}

/* ---- beside it --------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b) {
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Drawing the numbers is a tenth of it. */
static void sort_numbers(work *w) {
    for (uint32_t c = 0; c < NUMBERS; c++) {
        for (size_t i = 0; i < ROWS; i++)
            w->numbers[i] = uniform(i, c);
        qsort(w->numbers, ROWS, sizeof *w->numbers, compare);
    }
}

static void copy_columns(work *w) {
    memcpy(w->bytes + COLUMN_BYTES, w->bytes, COLUMN_BYTES);
    w->result = w->bytes[COLUMN_BYTES + ROWS];
}

/* ---- the clock --------------------------------------------------------------------------------- */

/* Rows per second of a task, the best run of as many as fit into the time. */
static double rate(work *w, void (*task)(work *), double seconds) {
    double best = 0.0, began = fb3_seconds();
    do {
        double started = fb3_seconds();
        task(w);
        best = fmax(best, ROWS / (fb3_seconds() - started));
    } while (fb3_seconds() - began < seconds);
    return best;
}

static void allocate(work *w) {
    w->tokens = malloc((size_t)ROWS * flowbd3_table_columns(w->table) * 2 * sizeof *w->tokens);
    w->numbers = malloc(ROWS * sizeof *w->numbers);
    w->bytes = calloc(2, COLUMN_BYTES);
    if (w->tokens == NULL || w->numbers == NULL || w->bytes == NULL)
        bench_fail("out of memory");
    memset(w->bytes, 1, (size_t)2 * COLUMN_BYTES); /* pages of its own */
}

int main(int argc, char **argv) {
    bench_options o = bench_parse(argc, argv, false);
    flowbd3_context *context = bench_context(&o);
    flowbd3_table *table = make_flows(context);
    work w = {.table = table, .relations = FLOWBD3_RELATIONS_SEARCH};
    double fitted_searching = rate(&w, fit, o.seconds), rss = bench_peak_rss_mb();
    w.relations = FLOWBD3_RELATIONS_OFF;
    double fitted = rate(&w, fit, o.seconds);
    if (flowbd3_tokenizer_slots(w.tokenizer) > 2 * flowbd3_table_columns(table))
        bench_fail("the tokenizer has more than two slots a column");
    allocate(&w);
    double encoded = rate(&w, encode, o.seconds), decoded = rate(&w, decode, o.seconds);
    bench_print(&o, "tokenizer", context,
                json_pack("{s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "rows", (json_int_t)ROWS,
                          "fit_rows_per_s", fitted_searching, "fit_without_search_rows_per_s", fitted,
                          "sort_rows_per_s", rate(&w, sort_numbers, 1.0), "encode_rows_per_s", encoded,
                          "decode_rows_per_s", decoded, "copy_rows_per_s", rate(&w, copy_columns, 1.0),
                          "peak_rss_mb", rss));
    free(w.tokens);
    free(w.numbers);
    free(w.bytes);
    flowbd3_tokenizer_destroy(&w.tokenizer);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
    return 0;
}
