/* Memory of samplers whose rows obey: what one takes is what it says, and the n-th allocation fails, for
 * every n: a status, nothing leaked, nothing half made. */
#include "counted.h"
#include "flows.h"
#include "sampler/sampler.h"
#include "test_main.h"

#include <malloc.h>

static const flows_kind kinds[] = {{0, 1, FLOWBD3_COLUMNS_FIXED, true, 0.1F},
                                   {1, 1, FLOWBD3_COLUMNS_RANDOM, true, 0.1F},
                                   {5, 4, FLOWBD3_COLUMNS_RANDOM, true, 0.1F},
                                   {0, 4, FLOWBD3_COLUMNS_FIXED, true, 0.1F}};

static const char more[] = "{\"format\":\"flowbd3-rules\",\"version\":1,\"rules\":["
                           "{\"when\":{\"proto\":\"udp\"},\"then\":{\"state\":[\"CON\",\"URP\"]}}]}";
static const char *const given[] = {"pkts in [3,250]", "proto in tcp, udp"};
static const flowbd3_weight weights[] = {{"tcp", 2.0}, {"udp", 0.5}};

static flowbd3_sampler_options options_of(const flowbd3_rules *rules) {
    flowbd3_sampler_options o = FLOWBD3_SAMPLER_OPTIONS_INIT;
    o.given = given;
    o.n_given = FB3_COUNT(given);
    o.weighted = "proto";
    o.weights = weights;
    o.n_weights = FB3_COUNT(weights);
    o.rules = rules;
    o.complete = 1;
    o.batch_size = 1;
    return o;
}

/* ---- bytes ------------------------------------------------------------------------------------- */

static void *count_allocate(void *user, size_t size) {
    *(size_t *)user += size;
    return malloc(size);
}

static void *count_reallocate(void *user, void *memory, size_t size) {
    *(size_t *)user += size - malloc_usable_size(memory);
    return realloc(memory, size);
}

static void count_release(void *user, void *memory) {
    (void)user;
    free(memory);
}

START_TEST(a_sampler_takes_what_it_says) {
    size_t bytes = 0;
    flowbd3_context *context = NULL;
    flowbd3_context_options options = FLOWBD3_CONTEXT_OPTIONS_INIT;
    options.threads = 1;
    options.allocator = (flowbd3_allocator){count_allocate, count_reallocate, count_release, &bytes};
    ck_assert_int_eq(flowbd3_context_create(&context, &options, NULL), FLOWBD3_OK);
    flowbd3_table *table = flows_table(context);
    flowbd3_model *model = flows_model(table, &kinds[_i]);
    flowbd3_rules *rules = flows_read(context, more);
    for (uint32_t batch = 0; batch <= 4000; batch += 2000)
        for (int restrained = 0; restrained < 2; restrained++) {
            flowbd3_sampler_options o = FLOWBD3_SAMPLER_OPTIONS_INIT;
            if (restrained == 1)
                o = options_of(rules);
            o.batch_size = batch;
            uint64_t stated = 0;
            flowbd3_sampler *sampler = NULL;
            ck_assert_int_eq(flowbd3_sampler_memory(model, &o, &stated, NULL), FLOWBD3_OK);
            size_t before = bytes;
            ck_assert_int_eq(flowbd3_sampler_create(&sampler, model, &o, NULL), FLOWBD3_OK);
            double share = (double)(bytes - before) / (double)stated;
            ck_assert_msg(share >= 0.95 && share <= 1.02 + 16384.0 / (double)stated,
                          "kind %d, batch %u: %zu bytes, stated %llu", _i, batch, bytes - before,
                          (unsigned long long)stated);
            flowbd3_sampler_destroy(&sampler);
        }
    flowbd3_rules_destroy(&rules);
    flowbd3_model_destroy(&model);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
}
END_TEST

/* ---- allocations that fail --------------------------------------------------------------------- */

typedef flowbd3_status (*use)(flowbd3_sampler *sampler, const flowbd3_table *partial, flowbd3_table **out);

static flowbd3_status generate(flowbd3_sampler *sampler, const flowbd3_table *partial, flowbd3_table **out) {
    (void)partial;
    return flowbd3_sampler_generate(sampler, 3, out, NULL, NULL, NULL);
}

static flowbd3_status complete(flowbd3_sampler *sampler, const flowbd3_table *partial, flowbd3_table **out) {
    return flowbd3_sampler_complete(sampler, partial, out, NULL, NULL, NULL);
}

static const struct {
    const char *name;
    use use;
    size_t kind;
} uses[] = {{"generate", generate, 1},
            {"generate_sequences", generate, 2},
            {"complete", complete, 0},
            {"complete_tokens", complete, 1}};

static flowbd3_status run(size_t i, const flowbd3_model *model, const flowbd3_rules *rules,
                          const flowbd3_table *partial) {
    flowbd3_sampler_options o = options_of(rules);
    flowbd3_sampler *sampler = NULL;
    flowbd3_table *out = NULL;
    uint64_t bytes;
    flowbd3_status status = flowbd3_sampler_memory(model, &o, &bytes, NULL);
    if (status == FLOWBD3_OK)
        status = flowbd3_sampler_create(&sampler, model, &o, NULL);
    ck_assert_int_eq(status == FLOWBD3_OK, sampler != NULL);
    if (status == FLOWBD3_OK)
        status = uses[i].use(sampler, partial, &out);
    ck_assert_int_eq(status == FLOWBD3_OK, out != NULL);
    flowbd3_table_destroy(&out);
    flowbd3_sampler_destroy(&sampler);
    return status;
}

/* Every allocation of create that has no like among the first ones is near the end: those between, a row each
 * of a tile, are passed over in larger steps. */
START_TEST(every_allocation_fails_once) {
    counted l = {.left = -1};
    static const char csv[] = "dst,proto,src\n50,tcp,600\n,udp,\n70,tcp,\n";
    flowbd3_context *context = counted_context(&l);
    flowbd3_table *table = flows_table(context), *partial = NULL;
    flowbd3_model *model = flows_model(table, &kinds[uses[_i].kind]);
    flowbd3_rules *rules = flows_read(context, more);
    ck_assert_int_eq(flowbd3_table_parse_csv(&partial, context, csv, strlen(csv), NULL, NULL), FLOWBD3_OK);
    long alive = l.blocks, n = 0, all = 1000000;
    l.left = all;
    ck_assert_int_eq(run((size_t)_i, model, rules, partial), FLOWBD3_OK);
    all -= l.left;
    flowbd3_status status = FLOWBD3_ERROR_MEMORY;
    for (; status != FLOWBD3_OK; n += n < 60 || n > all - 30 ? 1 : 97) {
        l.left = n;
        status = run((size_t)_i, model, rules, partial);
        ck_assert_msg(status == FLOWBD3_OK || status == FLOWBD3_ERROR_MEMORY, "%s, allocation %ld: %s",
                      uses[_i].name, n, flowbd3_status_name(status));
        l.left = -1;
        ck_assert_msg(l.blocks == alive, "%s, allocation %ld: %ld leaked", uses[_i].name, n,
                      l.blocks - alive);
    }
    ck_assert_msg(n >= all, "%s: %ld of %ld allocations", uses[_i].name, n, all);
    flowbd3_rules_destroy(&rules);
    flowbd3_model_destroy(&model);
    flowbd3_table_destroy(&partial);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
    ck_assert_int_eq(l.blocks, 0);
}
END_TEST

int main(void) {
    setenv("CK_FORK", "no", 1);
    Suite *suite = suite_create("restrained_memory");
    TCase *tests = tcase_create("restrained_memory");
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, a_sampler_takes_what_it_says, 0, FB3_COUNT(kinds));
    tcase_add_loop_test(tests, every_allocation_fails_once, 0, FB3_COUNT(uses));
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
