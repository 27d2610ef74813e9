/* Sequences of calls of the whole interface: the bytes choose the next call and its arguments, good ones, bad
 * ones and NULL, when progress functions cancel, and when handles are given up. Whatever came before, a call
 * ends with a status and, when it fails, a message. Memory above 64 MiB in a piece is not to be had. */
#include "calls.h"

enum { MOST_CALLS = 24, MOST_PIECE = 1 << 26 };

static void *take(void *user, size_t size) {
    (void)user;
    return size <= MOST_PIECE ? malloc(size + (size == 0)) : NULL;
}

static void *take_again(void *user, void *memory, size_t size) {
    (void)user;
    return size <= MOST_PIECE ? realloc(memory, size + (size == 0)) : NULL;
}

static void give(void *user, void *memory) {
    (void)user;
    free(memory);
}

static void make_context(world *w) {
    flowbd3_context_options o = FLOWBD3_CONTEXT_OPTIONS_INIT;
    o.threads = 1;
    o.allocator = (flowbd3_allocator){take, take_again, give, NULL};
    check(flowbd3_context_create(&w->context, &o, NULL) == FLOWBD3_OK);
}

/* Handles keep what they need, so that any may go first. */
static void destroy(world *w, unsigned kind, size_t i) {
    switch (kind) {
    case 0:
        flowbd3_table_destroy(&w->tables[i]);
        break;
    case 1:
        flowbd3_rules_destroy(&w->rules[i]);
        break;
    case 2:
        flowbd3_tokenizer_destroy(&w->tokenizers[i]);
        break;
    case 3:
        flowbd3_model_destroy(&w->models[i]);
        break;
    case 4:
        flowbd3_trainer_destroy(&w->trainers[i]);
        break;
    case 5:
        flowbd3_sampler_destroy(&w->samplers[i]);
        break;
    case 6:
        flowbd3_evaluator_destroy(&w->evaluators[i]);
        break;
    case 7:
        flowbd3_calibration_destroy(&w->calibrations[i]);
        break;
    case 8:
        flowbd3_table_stream_destroy(&w->streams[i]);
        break;
    default:
        flowbd3_csv_writer_destroy(&w->writers[i]);
    }
}

enum { KINDS = 10 };

static void next_call(world *w) {
    unsigned number = fuzz_byte(&w->in) % (unsigned)(n_data_calls + n_model_calls + 1);
    if (number == n_data_calls + n_model_calls) {
        unsigned kind = fuzz_below(&w->in, KINDS + 1);
        if (kind < KINDS) {
            destroy(w, kind, fuzz_below(&w->in, PLACES));
        } else {
            flowbd3_context_destroy(&w->context);
            make_context(w);
        }
        return;
    }
    memset(&w->err, 0, sizeof w->err);
    flowbd3_status status =
        number < n_data_calls ? data_calls[number](w) : model_calls[number - n_data_calls](w);
    check(strcmp(flowbd3_status_name(status), "FLOWBD3_UNKNOWN") != 0);
    if (status != FLOWBD3_OK && w->err.status != FLOWBD3_OK) /* no details were asked for */
        check_error(status, &w->err);
    check(status != FLOWBD3_OK || w->err.status == FLOWBD3_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    world *w = calloc(1, sizeof *w);
    check(w != NULL);
    w->in = (fuzz_input){data, data + size};
    make_context(w);
    for (size_t i = 0; i < MOST_CALLS && w->in.at < w->in.end; i++)
        next_call(w);
    for (unsigned kind = 0; kind < KINDS; kind++)
        for (size_t i = 0; i < PLACES; i++)
            destroy(w, kind, i);
    flowbd3_context_destroy(&w->context);
    free(w);
    return 0;
}
