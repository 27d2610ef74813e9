/* The products of a training step and of a sampler's evaluation one by one: medians of Gflop/s on one thread
 * and on all, each thread with a product of its own, and of BLIS's own product beside it on all. */
#include "bench.h"

/* Rows of an evaluation of a sampler (lib/sampler/sizes.c). */
enum { TILE_ROWS = 256 };

static const char *kind_of(const bench_product *p) {
    return p->transpose_b == FB3_TRANSPOSED ? "NT" : p->transpose_a == FB3_TRANSPOSED ? "TN" : "NN";
}

static json_t *list_products(const bench_products *products) {
    json_t *list = json_array();
    for (size_t i = 0; i < products->count; i++) {
        const bench_product *p = &products->list[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:I, s:I, s:f, s:f, s:f}", "matrix", p->matrix,
                                              "kind", kind_of(p), "m", (json_int_t)p->m, "n",
                                              (json_int_t)p->n, "k", (json_int_t)p->k, "one_gflops", p->one,
                                              "all_gflops", p->all, "blis_gflops", p->blis));
    }
    return list;
}

int main(int argc, char **argv) {
    bench_options o = bench_parse(argc, argv, true);
    const bench_config *c = o.config;
    flowbd3_context *context = bench_context(&o);
    size_t tokens = o.token_blocks ? 2 * c->columns - 1 : c->columns;
    bench_products train = bench_training_products(c, c->batch * tokens, flowbd3_context_threads(context));
    bench_products forward = bench_forward_products(c, TILE_ROWS);
    bench_product square = bench_square();
    double started = fb3_seconds();
    do {
        bench_measure(&train, &square, context);
        bench_measure(&forward, &square, context);
    } while (fb3_seconds() - started < o.seconds);
    bench_ceiling of_train = bench_medians(&train, &square), of_forward = bench_medians(&forward, &square);
    bench_print(&o, "gemm", context,
                json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:o, s:o}", "train_one_gflops",
                          of_train.one, "train_gflops", of_train.all, "train_blis_gflops", of_train.blis,
                          "forward_one_gflops", of_forward.one, "forward_gflops", of_forward.all,
                          "forward_blis_gflops", of_forward.blis, "square_one_gflops", square.one,
                          "square_gflops", square.all, "train", list_products(&train), "forward",
                          list_products(&forward)));
    flowbd3_context_destroy(&context);
    return 0;
}
