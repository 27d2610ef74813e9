/* A program of the first day: compiled against the headers of 1.0 (tests/abi/1.0), it trains, generates,
 * scores and evaluates with whatever library it is run with. */
#include <flowbd3/flowbd3.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 600 };

static flowbd3_error err;

static void must(flowbd3_status status, const char *what) {
    if (status == FLOWBD3_OK)
        return;
    fprintf(stderr, "%s: %s: %s\n", what, flowbd3_status_name(status), err.message);
    exit(1);
}

#define MUST(call) must(call, #call)

static void expect(int holds, const char *what) {
    if (holds)
        return;
    fprintf(stderr, "%s does not hold\n", what);
    exit(1);
}

#define EXPECT(condition) expect(condition, #condition)

/* Packets, bytes (60 for every packet) and the protocol, which packets tell. */
static flowbd3_table *make_rows(flowbd3_context *context, unsigned seed) {
    static int64_t packets[ROWS], bytes[ROWS];
    static const char *protocols[ROWS];
    flowbd3_table *table = NULL;
    for (int i = 0; i < ROWS; i++) {
        seed = seed * 1664525u + 1013904223u;
        packets[i] = 1 + (seed >> 16) % 20;
        bytes[i] = 60 * packets[i];
        protocols[i] = packets[i] < 5 ? "udp" : "tcp";
    }
    MUST(flowbd3_table_create(&table, context, &err));
    MUST(flowbd3_table_add_integer(table, "packets", packets, NULL, ROWS, &err));
    MUST(flowbd3_table_add_integer(table, "bytes", bytes, NULL, ROWS, &err));
    MUST(flowbd3_table_add_categorical(table, "protocol", protocols, ROWS, &err));
    return table;
}

static int watch(void *user, const flowbd3_progress *progress) {
    ++*(int *)user;
    EXPECT(progress->struct_size >= sizeof *progress);
    return 0;
}

static flowbd3_model *learn(const flowbd3_table *table, flowbd3_tokenizer *tokenizer) {
    flowbd3_model_options sizes = FLOWBD3_MODEL_OPTIONS_INIT;
    flowbd3_trainer_options options = FLOWBD3_TRAINER_OPTIONS_INIT;
    flowbd3_epoch epoch = FLOWBD3_EPOCH_INIT;
    flowbd3_model *model = NULL;
    flowbd3_trainer *trainer = NULL;
    int calls = 0;
    sizes.d_model = 32;
    sizes.n_layers = 1;
    options.epochs = 30;
    options.validation_share = 0.1;
    MUST(flowbd3_model_create(&model, tokenizer, &sizes, &err));
    MUST(flowbd3_trainer_create(&trainer, model, table, NULL, &options, &err));
    MUST(flowbd3_trainer_run(trainer, watch, &calls, &err));
    EXPECT(calls > 0 && flowbd3_trainer_finished(trainer));
    MUST(flowbd3_trainer_get_epoch(trainer, flowbd3_trainer_epochs(trainer) - 1, &epoch, &err));
    EXPECT(isfinite(epoch.validation_nelbo));
    flowbd3_trainer_destroy(&trainer);
    MUST(flowbd3_model_get_options(model, &sizes, &err));
    EXPECT(sizes.d_model == 32 && sizes.n_heads > 0);
    return model;
}

static flowbd3_table *generate(const flowbd3_model *model) {
    static const char *const given[] = {"protocol=tcp"};
    flowbd3_sampler_options options = FLOWBD3_SAMPLER_OPTIONS_INIT;
    flowbd3_sampler *sampler = NULL;
    flowbd3_table *table = NULL;
    options.given = given;
    options.n_given = 1;
    MUST(flowbd3_sampler_create(&sampler, model, &options, &err));
    MUST(flowbd3_sampler_generate(sampler, 200, &table, NULL, NULL, &err));
    flowbd3_sampler_destroy(&sampler);
    for (size_t i = 0; i < 200; i++) { /* what was asked for, and the rule that the rows obey */
        const char *protocol = flowbd3_table_category(table, 2, (size_t)flowbd3_table_codes(table, 2)[i]);
        EXPECT(protocol[0] == 't');
        EXPECT(flowbd3_table_integer(table, 1)[i] == 60 * flowbd3_table_integer(table, 0)[i]);
    }
    return table;
}

static void judge(flowbd3_context *context, const flowbd3_model *model, const flowbd3_table *real,
                  const flowbd3_table *generated) {
    flowbd3_evaluator_options options = FLOWBD3_EVALUATOR_OPTIONS_INIT;
    flowbd3_score_options how = FLOWBD3_SCORE_OPTIONS_INIT;
    flowbd3_calibration_options bins = FLOWBD3_CALIBRATION_OPTIONS_INIT;
    flowbd3_evaluator *evaluator = NULL;
    flowbd3_calibration *calibration = NULL;
    static double nll[ROWS];
    options.groups = FLOWBD3_METRICS_MARGINALS | FLOWBD3_METRICS_JOINT;
    MUST(flowbd3_evaluator_create(&evaluator, context, real, NULL, &options, &err));
    MUST(flowbd3_evaluator_run(evaluator, generated, NULL, NULL, &err));
    EXPECT(flowbd3_evaluator_get(evaluator, "summary.ks_mean") < 1.0);
    EXPECT(flowbd3_evaluator_matrix(evaluator, "nmi", FLOWBD3_SAMPLE_REAL, NULL, NULL) != NULL);
    flowbd3_evaluator_destroy(&evaluator);
    MUST(flowbd3_model_score(model, real, &how, nll, NULL, &err));
    EXPECT(isfinite(nll[0]));
    MUST(flowbd3_calibration_create(&calibration, model, real, &bins, &err));
    EXPECT(flowbd3_calibration_bins(calibration) == 10);
    flowbd3_calibration_destroy(&calibration);
}

int main(void) {
    flowbd3_context_options threads = FLOWBD3_CONTEXT_OPTIONS_INIT;
    flowbd3_tokenizer_options bins = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    flowbd3_context *context = NULL;
    flowbd3_tokenizer *tokenizer = NULL;
    threads.threads = 1;
    MUST(flowbd3_context_create(&context, &threads, &err));
    flowbd3_table *real = make_rows(context, 1);
    MUST(flowbd3_tokenizer_create(&tokenizer, real, &bins, &err));
    flowbd3_model *model = learn(real, tokenizer);
    flowbd3_table *generated = generate(model);
    judge(context, model, real, generated);
    flowbd3_table_destroy(&generated);
    flowbd3_table_destroy(&real);
    flowbd3_model_destroy(&model);
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_context_destroy(&context);
    return 0;
}
