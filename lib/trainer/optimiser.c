/* AdamW over the slab, in chunks that do not depend on the number of threads. */
#include "trainer/trainer.h"

#include <math.h>

double fb3_cosine_decay(double share, double final) {
    double cosine = 0.5 * (1.0 + cos(3.14159265358979323846 * (share < 1.0 ? share : 1.0)));
    return final + (1.0 - final) * cosine;
}

double fb3_learning_rate(const flowbd3_trainer_options *options, double step, double total) {
    double warmup = (double)options->warmup_steps;
    if (step < warmup)
        return options->learning_rate * (step + 1.0) / warmup;
    double rest = total - warmup;
    double progress = rest > 0.0 ? (step - warmup) / rest : 1.0;
    return options->learning_rate * fb3_cosine_decay(progress, options->final_learning_rate);
}

/* Chunks lie wholly inside or wholly outside the decayed part. */
enum { CHUNK = 1 << 16 };

typedef struct slab_chunk {
    size_t first, count;
    bool decayed;
} slab_chunk;

static size_t chunks_in(size_t floats) {
    return (floats + CHUNK - 1) / CHUNK;
}

static size_t chunks(const fb3_layout *layout) {
    return chunks_in(layout->decayed) + chunks_in(layout->size - layout->decayed);
}

static slab_chunk chunk_at(const fb3_layout *layout, size_t i) {
    size_t decayed = chunks_in(layout->decayed);
    bool inside = i < decayed;
    size_t first = inside ? i * CHUNK : layout->decayed + (i - decayed) * CHUNK;
    size_t end = inside ? layout->decayed : layout->size;
    return (slab_chunk){first, end - first < CHUNK ? end - first : CHUNK, inside};
}

typedef struct step_argument {
    flowbd3_trainer *trainer;
    fb3_adamw constants;
} step_argument;

static void step_task(void *argument, size_t i, unsigned worker) {
    (void)worker;
    const step_argument *a = argument;
    flowbd3_trainer *t = a->trainer;
    slab_chunk c = chunk_at(t->model->layout, i);
    fb3_adamw constants = a->constants;
    if (!c.decayed)
        constants.weight_decay = 0.0f;
    fb3_kernels_best()->adamw(
        t->parameters + c.first, t->gradient + c.first, t->first_moment + c.first, t->second_moment + c.first,
        t->parameters != t->model->parameters ? t->model->parameters + c.first : NULL, c.count, &constants);
}

void fb3_optimiser_step(flowbd3_trainer *trainer, double learning_rate, double norm) {
    const flowbd3_trainer_options *o = &trainer->options;
    double step = (double)trainer->state.step + 1.0, scale = 1.0;
    if (o->gradient_clip > 0.0 && o->gradient_clip / (norm + 1e-6) < 1.0)
        scale = o->gradient_clip / (norm + 1e-6);
    double ema = (1.0 + step) / (10.0 + step); /* follows closely at first, when the weights move fast */
    step_argument argument = {trainer,
                              {.learning_rate = (float)learning_rate,
                               .beta1 = (float)o->beta1,
                               .beta2 = (float)o->beta2,
                               .epsilon = (float)o->epsilon,
                               .weight_decay = o->weight_decay > 0.0 ? (float)o->weight_decay : 0.0f,
                               .correction1 = (float)(1.0 - pow(o->beta1, step)),
                               .correction2 = (float)(1.0 - pow(o->beta2, step)),
                               .gradient_scale = (float)scale,
                               .ema_decay = (float)(ema < o->ema_decay ? ema : o->ema_decay)}};
    fb3_parallel(trainer->context, chunks(trainer->model->layout), step_task, &argument);
    trainer->state.step++;
}
