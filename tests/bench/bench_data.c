/* What the trainer's data path takes: the share of a step that making its batch is, as JSON; or the table
 * that it is measured with, as a CSV file.
 *
 *   bench-data [--rows N] [--threads N] [--csv FILE]     default: 10,000,000 rows, all processors */
#include "model/model.h"
#include "trainer/trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 1 << 16 };

typedef struct source {
    flowbd3_context *context;
    size_t rows, next;
} source;

/* The columns of bench-csv. */
typedef struct cells {
    double duration[CHUNK], rate[CHUNK];
    int64_t ports[2][CHUNK], packets[CHUNK], bytes[CHUNK];
    uint8_t valid[CHUNK];
    const char *protocol[CHUNK], *state[CHUNK];
} cells;

static void make_cells(cells *c, size_t first, size_t rows) {
    static const char *const protocols[] = {"tcp", "udp", "icmp"}, *const states[] = {"CON", "FIN", "S_RA",
                                                                                      "INT"};
    for (size_t i = 0; i < rows; i++) {
        uint32_t r[4];
        fb3_random(r, 1, FB3_RANDOM_SUBSAMPLE, first + i, 0);
        double duration = -10.0 * log(fb3_uniform32(r[0]));
        c->packets[i] = 1 + (int64_t)(5.0 * duration * fb3_uniform32(r[1]));
        c->bytes[i] = c->packets[i] * (64 + (int64_t)(r[2] % 1436));
        c->duration[i] = nearbyint(duration * 1e6) / 1e6;
        c->rate[i] = nearbyint((double)c->bytes[i] / fmax(duration, 0.001) * 1e3) / 1e3;
        c->ports[0][i] = 1024 + (int64_t)(r[0] % 64512);
        c->ports[1][i] = (int64_t)(r[1] % 1024);
        c->valid[i] = r[3] % 50 != 0;
        c->protocol[i] = protocols[r[3] % 3];
        c->state[i] = states[r[3] / 3 % 4];
    }
}

static flowbd3_status make_table(flowbd3_table **out, flowbd3_context *context, const cells *c, size_t rows,
                                 flowbd3_error *err) {
    flowbd3_status status = flowbd3_table_create(out, context, err);
    flowbd3_table *t = *out;
    if (status == FLOWBD3_OK)
        status = flowbd3_table_add_real(t, "duration", c->duration, NULL, rows, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_table_set_decimals(t, 0, 6, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_table_add_categorical(t, "protocol", c->protocol, rows, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_table_add_integer(t, "source_port", c->ports[0], c->valid, rows, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_table_add_integer(t, "destination_port", c->ports[1], NULL, rows, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_table_add_categorical(t, "state", c->state, rows, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_table_add_integer(t, "packets", c->packets, NULL, rows, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_table_add_integer(t, "bytes", c->bytes, NULL, rows, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_table_add_real(t, "rate", c->rate, NULL, rows, err);
    return status == FLOWBD3_OK ? flowbd3_table_set_decimals(t, 7, 3, err) : status;
}

static flowbd3_status next(void *user, flowbd3_table **chunk, flowbd3_error *err) {
    static cells c;
    source *s = user;
    size_t rows = s->rows - s->next < CHUNK ? s->rows - s->next : CHUNK;
    if (rows == 0)
        return FLOWBD3_OK;
    make_cells(&c, s->next, rows);
    s->next += rows;
    return make_table(chunk, s->context, &c, rows, err);
}

static flowbd3_status rewind_source(void *user, flowbd3_error *err) {
    (void)err;
    ((source *)user)->next = 0;
    return FLOWBD3_OK;
}

static flowbd3_status write_csv(flowbd3_table_stream *stream, flowbd3_context *context, const char *path,
                                flowbd3_error *err) {
    flowbd3_csv_writer *writer;
    flowbd3_table *chunk = NULL;
    flowbd3_status status = flowbd3_csv_writer_create(&writer, context, path, NULL, err);
    while (status == FLOWBD3_OK) {
        status = flowbd3_table_stream_next(stream, &chunk, err);
        if (status != FLOWBD3_OK || chunk == NULL)
            break;
        status = flowbd3_csv_writer_write(writer, chunk, err);
        flowbd3_table_destroy(&chunk);
    }
    flowbd3_table_destroy(&chunk);
    if (status == FLOWBD3_OK)
        status = flowbd3_csv_writer_commit(writer, err);
    flowbd3_csv_writer_destroy(&writer);
    return status;
}

/* ---- batches ----------------------------------------------------------------------------------- */

typedef struct sizes {
    const char *name;
    uint32_t width, layers, heads, hidden, batch, block; /* block 0: a flow */
    uint32_t steps;
} sizes;

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Medians of the seconds of a batch and of the whole step, per row. */
static void time_steps(flowbd3_trainer *t, const sizes *z, double *batch, double *step) {
    double batches[1024], steps[1024];
    fb3_shuffle order = fb3_trainer_order(t, 0);
    size_t position = 0;
    for (uint32_t i = 0; i < z->steps; i++) {
        double began = fb3_seconds();
        fb3_batch b = fb3_trainer_batch(t, &t->train, &order, &position, &t->noise, FB3_RANDOM_MASK, i);
        batches[i] = (fb3_seconds() - began) / (double)t->joint->flows;
        (void)fb3_network_gradient(t->network, t->parameters, &b, t->gradient, 0, i);
        fb3_optimiser_step(t, 1e-4, fb3_network_gradient_norm(t->network));
        steps[i] = (fb3_seconds() - began) / (double)t->joint->flows;
    }
    qsort(batches, z->steps, sizeof *batches, ascending);
    qsort(steps, z->steps, sizeof *steps, ascending);
    *batch = batches[z->steps / 2];
    *step = steps[z->steps / 2];
}

static flowbd3_status measure(flowbd3_tokenizer *tokenizer, flowbd3_table_stream *stream, const sizes *z,
                              flowbd3_error *err) {
    flowbd3_model *model = NULL;
    flowbd3_trainer *trainer = NULL;
    flowbd3_model_options m = FLOWBD3_MODEL_OPTIONS_INIT;
    flowbd3_trainer_options o = FLOWBD3_TRAINER_OPTIONS_INIT;
    m.d_model = z->width;
    m.n_layers = z->layers;
    m.n_heads = z->heads;
    m.d_ff = z->hidden;
    m.block_size = z->block != 0 ? z->block : (uint32_t)flowbd3_tokenizer_slots(tokenizer);
    o.batch_size = z->batch;
    o.validation_share = 0.1;
    flowbd3_status status = flowbd3_model_create(&model, tokenizer, &m, err);
    if (status == FLOWBD3_OK)
        status = flowbd3_trainer_create_stream(&trainer, model, stream, NULL, &o, err);
    if (status == FLOWBD3_OK) {
        double batch, step;
        time_steps(trainer, z, &batch, &step);
        printf("{\"config\": \"%s\", \"block_size\": %u, \"batch_us_per_row\": %.3g, "
               "\"step_us_per_row\": %.4g, \"share\": %.2g}\n",
               z->name, m.block_size, 1e6 * batch, 1e6 * step, batch / step);
        (void)fflush(stdout);
    }
    flowbd3_trainer_destroy(&trainer);
    flowbd3_model_destroy(&model);
    return status;
}

static flowbd3_status measure_all(flowbd3_table_stream *stream, flowbd3_error *err) {
    static const sizes all[] = {{"quick", 512, 16, 16, 1024, 32, 1, 8},
                                {"default", 256, 6, 8, 1024, 64, 1, 24},
                                {"small", 64, 2, 4, 256, 64, 1, 800},
                                {"small", 64, 2, 4, 256, 64, 0, 1000}};
    flowbd3_tokenizer *tokenizer = NULL;
    flowbd3_tokenizer_options options = FLOWBD3_TOKENIZER_OPTIONS_INIT;
    options.relations = FLOWBD3_RELATIONS_OFF;
    flowbd3_status status = flowbd3_tokenizer_create_stream(&tokenizer, stream, &options, err);
    for (size_t i = 0; status == FLOWBD3_OK && i < FB3_COUNT(all); i++)
        status = measure(tokenizer, stream, &all[i], err);
    flowbd3_tokenizer_destroy(&tokenizer);
    return status;
}

int main(int argc, char **argv) {
    flowbd3_context_options options = FLOWBD3_CONTEXT_OPTIONS_INIT;
    source s = {.rows = 10000000};
    const char *csv = NULL;
    for (int i = 1; i < argc; i += 2) {
        bool given = i + 1 < argc;
        if (given && strcmp(argv[i], "--rows") == 0)
            s.rows = strtoul(argv[i + 1], NULL, 10);
        else if (given && strcmp(argv[i], "--threads") == 0)
            options.threads = (uint32_t)strtoul(argv[i + 1], NULL, 10);
        else if (given && strcmp(argv[i], "--csv") == 0)
            csv = argv[i + 1];
        else
            given = false;
        if (!given) {
            (void)fprintf(stderr, "usage: bench-data [--rows N] [--threads N] [--csv FILE]\n");
            return 2;
        }
    }
    flowbd3_error err = {0};
    flowbd3_table_stream *stream = NULL;
    flowbd3_table_source from = {sizeof from, &s, next, rewind_source, NULL};
    flowbd3_status status = flowbd3_context_create(&s.context, &options, &err);
    if (status == FLOWBD3_OK)
        status = flowbd3_table_stream_create(&stream, s.context, &from, &err);
    if (status == FLOWBD3_OK)
        status = csv != NULL ? write_csv(stream, s.context, csv, &err) : measure_all(stream, &err);
    if (status != FLOWBD3_OK)
        (void)fprintf(stderr, "bench-data: %s\n", err.message);
    flowbd3_table_stream_destroy(&stream);
    flowbd3_context_destroy(&s.context);
    return status != FLOWBD3_OK;
}
