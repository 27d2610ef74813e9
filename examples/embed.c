/* A C program that learns columns it holds in memory and makes rows like them.
 *
 *   cc embed.c $(pkg-config --cflags --libs flowbd3) -o embed && ./embed */
#include <flowbd3/flowbd3.h>

#include <inttypes.h>
#include <stdio.h>

enum { ROWS = 1000, NEW_ROWS = 5 };

/* Flows of two services: short ones to the name server, long ones to the web. */
static flowbd3_status add_columns(flowbd3_table *table, flowbd3_error *err) {
    static double seconds[ROWS];
    static int64_t packets[ROWS];
    static const char *service[ROWS];
    for (int i = 0; i < ROWS; i++) {
        int web = i % 3 != 0, size = i * 7919 % 101;
        service[i] = web ? "web" : "dns";
        packets[i] = web ? 10 + size : 2;
        seconds[i] = web ? 0.05 * (double)packets[i] : 0.001 * (1 + size);
    }
    flowbd3_status status = flowbd3_table_add_real(table, "seconds", seconds, NULL, ROWS, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_table_add_integer(table, "packets", packets, NULL, ROWS, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_table_add_categorical(table, "service", service, ROWS, err);
    return status;
}

static flowbd3_status train(flowbd3_model **model, flowbd3_tokenizer **tokenizer, const flowbd3_table *table,
                            flowbd3_error *err) {
    flowbd3_model_options sizes = FLOWBD3_MODEL_OPTIONS_INIT;
    flowbd3_trainer_options schedule = FLOWBD3_TRAINER_OPTIONS_INIT;
    flowbd3_trainer *trainer = NULL;
    sizes.d_model = 32;
    sizes.n_layers = 2;
    sizes.n_heads = 2;
    schedule.epochs = 20;
    schedule.learning_rate = 3e-3;
    schedule.ema_decay = 0.9;
    flowbd3_status status = flowbd3_tokenizer_create(tokenizer, table, NULL, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_model_create(model, *tokenizer, &sizes, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_trainer_create(&trainer, *model, table, NULL, &schedule, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_trainer_run(trainer, NULL, NULL, err);
    flowbd3_trainer_destroy(&trainer);
    return status;
}

static void print_rows(const flowbd3_table *rows) {
    const double *seconds = flowbd3_table_real(rows, 0);
    const int64_t *packets = flowbd3_table_integer(rows, 1);
    const int32_t *service = flowbd3_table_codes(rows, 2);
    for (size_t i = 0; i < flowbd3_table_rows(rows); i++)
        printf("%7.3f s, %3" PRId64 " packets, %s\n", seconds[i], packets[i],
               flowbd3_table_category(rows, 2, (size_t)service[i]));
}

int main(void) {
    flowbd3_context *context = NULL;
    flowbd3_table *table = NULL, *rows = NULL;
    flowbd3_tokenizer *tokenizer = NULL;
    flowbd3_model *model = NULL;
    flowbd3_sampler *sampler = NULL;
    flowbd3_error err = {FLOWBD3_OK, 0, 0, ""};
    flowbd3_status status = flowbd3_context_create(&context, NULL, &err);
    if (status == FLOWBD3_OK)
        status = flowbd3_table_create(&table, context, &err);
    if (status == FLOWBD3_OK)
        status = add_columns(table, &err);
    if (status == FLOWBD3_OK)
        status = train(&model, &tokenizer, table, &err);
    if (status == FLOWBD3_OK)
        status = flowbd3_sampler_create(&sampler, model, NULL, &err);
    if (status == FLOWBD3_OK)
        status = flowbd3_sampler_generate(sampler, NEW_ROWS, &rows, NULL, NULL, &err);
    if (status == FLOWBD3_OK)
        print_rows(rows);
    else
        fprintf(stderr, "%s\n", err.message);
    flowbd3_table_destroy(&rows);
    flowbd3_sampler_destroy(&sampler);
    flowbd3_model_destroy(&model);
    flowbd3_tokenizer_destroy(&tokenizer);
    flowbd3_table_destroy(&table);
    flowbd3_context_destroy(&context);
    return status == FLOWBD3_OK ? 0 : 1;
}
