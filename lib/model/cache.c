/* Keys and values of finished blocks. */
#include "model/network_internal.h"

struct fb3_cache {
    flowbd3_context *context;
    size_t layers, stride, layer_floats;
    size_t *used; /* [sequences] keys that are kept */
    float *floats;
};

static void measure(fb3_cache *cache, const fb3_network_config *config, size_t keys) {
    cache->layers = config->layers;
    cache->stride = fb3_stride(2 * config->width);
    cache->layer_floats = keys * cache->stride;
}

uint64_t fb3_cache_bytes(const fb3_network_config *config, size_t sequences, size_t keys) {
    fb3_cache cache = {.context = NULL};
    measure(&cache, config, keys);
    return (uint64_t)sequences *
           (cache.layers * cache.layer_floats * sizeof *cache.floats + sizeof *cache.used);
}

flowbd3_status fb3_cache_create(fb3_cache **out, flowbd3_context *context, const fb3_network_config *config,
                                size_t sequences, size_t keys, flowbd3_error *err) {
    fb3_cache *cache = fb3_allocate_zero(context, 1, sizeof *cache);
    *out = cache;
    if (cache == NULL)
        return fb3_no_memory(err, "the cache of keys and values");
    cache->context = fb3_context_retain(context);
    measure(cache, config, keys);
    cache->used = fb3_allocate_zero(context, sequences, sizeof *cache->used);
    cache->floats = fb3_allocate_floats(context, sequences * cache->layers * cache->layer_floats);
    if (cache->used == NULL || cache->floats == NULL) {
        fb3_cache_destroy(out);
        return fb3_no_memory(err, "the cache of keys and values");
    }
    return FLOWBD3_OK;
}

void fb3_cache_destroy(fb3_cache **cache) {
    if (*cache == NULL)
        return;
    flowbd3_context *context = (*cache)->context;
    fb3_release_floats(context, (*cache)->floats);
    fb3_release(context, (*cache)->used);
    fb3_release(context, *cache);
    flowbd3_context_destroy(&context);
    *cache = NULL;
}

fb3_cached_layer fb3_cache_layer(const fb3_cache *cache, size_t sequence, size_t layer) {
    return (fb3_cached_layer){.keys =
                                  cache->floats + (sequence * cache->layers + layer) * cache->layer_floats,
                              .stride = cache->stride,
                              .used = cache->used[sequence]};
}

size_t fb3_cache_used(const fb3_cache *cache, size_t sequence) {
    return cache->used[sequence];
}

void fb3_cache_keep(fb3_cache *cache, size_t sequence, size_t rows) {
    cache->used[sequence] += rows;
}

void fb3_cache_clear(fb3_cache *cache, size_t sequence) {
    cache->used[sequence] = 0;
}

void fb3_cache_truncate(fb3_cache *cache, size_t sequence, size_t used) {
    cache->used[sequence] = used;
}
