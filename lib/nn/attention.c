/* Rotary positions and attention, compiled once per instruction set as FB3_VARIANT.
 *
 * Who sees whom is a list of groups (nn.h), so that no mask is ever laid out. Consecutive queries are taken
 * together in tiles, as lanes, over tiles of the keys that one of them sees; a score is hidden where its
 * query does not see its key, and tiles of keys that no query of a tile sees are not touched. The softmax
 * runs along (Milakov & Gimelshein 2018, Dao et al. 2022): memory grows with the rows, not with their square,
 * and the backward pass computes the weights again from the logarithms of their sums. */
#include "nn/attention.h"
#include "nn/small_products.h"

/* ---- rotary positions -------------------------------------------------------------------------- */

static void rotate(float *qkv, size_t stride, const uint32_t *positions, size_t rows,
                   const fb3_attention *shape, float direction) {
    size_t half = shape->head_width / 2, width = shape->heads * shape->head_width;
    for (size_t r = 0; r < rows; r++) {
        const float *restrict c = shape->cosine + positions[r] * half, *restrict s =
                                                                           shape->sine + positions[r] * half;
        for (size_t head = 0; head < 2 * shape->heads; head++) { /* those of q, then those of k */
            float *restrict a =
                qkv + r * stride + (head / shape->heads) * width + (head % shape->heads) * shape->head_width;
            float *restrict b = a + half;
            for (size_t i = 0; i < half; i++) {
                float x = a[i], y = b[i], sine = direction * s[i];
                a[i] = x * c[i] - y * sine;
                b[i] = y * c[i] + x * sine;
            }
        }
    }
}

void JOIN(fb3_rope_forward_, FB3_VARIANT)(float *qkv, size_t stride, const uint32_t *positions, size_t rows,
                                          const fb3_attention *shape) {
    rotate(qkv, stride, positions, rows, shape, 1.0f);
}

void JOIN(fb3_rope_backward_, FB3_VARIANT)(float *dqkv, size_t stride, const uint32_t *positions, size_t rows,
                                           const fb3_attention *shape) {
    rotate(dqkv, stride, positions, rows, shape, -1.0f);
}

/* ---- tiles ------------------------------------------------------------------------------------- */

enum { QUERIES = FB3_TILE_QUERIES, KEYS = FB3_TILE_KEYS };

static uint32_t smaller_of(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

static uint32_t larger_of(uint32_t a, uint32_t b) {
    return a > b ? a : b;
}

/* The keys of lane: those of the group, whose second stretch is empty when the first one reaches it. */
static void set_lane(fb3_query_tile *t, size_t lane, const fb3_query_group *g) {
    uint32_t end = g->own + g->owned;
    bool joined = g->owned == 0 || g->own <= g->before;
    t->before[lane] = (int32_t)(joined && g->owned > 0 ? larger_of(g->before, end) : g->before);
    t->own[lane] = (int32_t)(joined ? 0 : g->own);
    t->end[lane] = (int32_t)(joined ? 0 : end);
}

/* What some lane sees, and what all do. */
static void set_stretches(fb3_query_tile *t) {
    uint32_t before = 0, own = UINT32_MAX, end = 0;
    t->before_all = t->end_all = UINT32_MAX;
    t->own_all = 0;
    for (size_t l = 0; l < QUERIES; l++) {
        uint32_t lane_before = (uint32_t)t->before[l], lane_own = (uint32_t)t->own[l],
                 lane_end = (uint32_t)t->end[l];
        before = larger_of(before, lane_before);
        own = lane_end > 0 ? smaller_of(own, lane_own) : own;
        end = larger_of(end, lane_end);
        t->before_all = smaller_of(t->before_all, lane_before);
        t->own_all = larger_of(t->own_all, lane_own);
        t->end_all = smaller_of(t->end_all, lane_end);
    }
    bool joined = end == 0 || own <= before;
    t->seen[0] = (fb3_stretch){0, joined ? larger_of(before, end) : before};
    t->seen[1] = (fb3_stretch){joined ? 0 : own, joined ? 0 : end};
}

/* Lays out the tiles of a sequence; how many. */
static size_t lay_tiles(fb3_query_tile *tiles, const fb3_query_group *groups, size_t n_groups) {
    size_t lane = 0;
    fb3_query_tile *t = tiles;
    for (const fb3_query_group *g = groups; g < groups + n_groups; g++)
        for (size_t i = 0; i < g->queries; i++) {
            if (lane == 0)
                t->first = g->query + (uint32_t)i;
            set_lane(t, lane++, g);
            bool last = g + 1 == groups + n_groups && i + 1 == g->queries;
            if (lane < QUERIES && !last)
                continue;
            t->count = (uint32_t)lane;
            for (; lane < QUERIES; lane++)
                set_lane(t, lane, g);
            set_stretches(t++);
            lane = 0;
        }
    return (size_t)(t - tiles);
}

/* Lanes that a tile's queries take. */
static size_t lanes_of(const fb3_query_tile *t) {
    return (t->count + LANES - 1) / LANES * LANES;
}

/* The keys of stretch number which that lie in a tile of keys; false: none. */
static bool meet(fb3_stretch *part, const fb3_query_tile *t, size_t which, fb3_stretch keys) {
    part->begin = larger_of(t->seen[which].begin, keys.begin);
    part->end = smaller_of(t->seen[which].end, keys.end);
    return part->begin < part->end;
}

/* ---- weights ----------------------------------------------------------------------------------- */

/* Scores that are hidden, and what the largest score begins with. */
static const float hidden = -1e30f, lowest = -1e20f;

/* scores[keys, QUERIES] where a query does not see a key. */
static void hide(float *scores, const fb3_query_tile *t, fb3_stretch keys, size_t lanes) {
    if (keys.end <= t->before_all || (keys.begin >= t->own_all && keys.end <= t->end_all))
        return;
    for (size_t l = 0; l < lanes; l += LANES) {
        integers before = *(const integers *)(t->before + l), own = *(const integers *)(t->own + l);
        integers end = *(const integers *)(t->end + l);
        for (uint32_t j = keys.begin; j < keys.end; j++) {
            float *s = scores + (j - keys.begin) * QUERIES + l;
            integers key = (integers){0} + (int32_t)j;
            store(s, choose((key < before) | ((key >= own) & (key < end)), load(s), all_lanes(hidden)));
        }
    }
}

/* One head of one sequence. */
typedef struct pass {
    const fb3_attention *shape;
    const fb3_dropout *dropout;
    const fb3_query_tile *tiles;
    size_t n_tiles, first_row, head;
    float scale;            /* of the scores */
    const float *q, *k, *v; /* [rows or keys, head_width] */
    size_t stride_q, stride_kv;
} pass;

/* The factors of dropout for the weights of keys, [keys, QUERIES]. */
static void weight_factors(float *factors, const pass *a, const fb3_query_tile *t, fb3_stretch keys,
                           size_t lanes) {
    const fb3_attention *shape = a->shape;
    uint64_t row_draws = (shape->keys + DRAWS - 1) / DRAWS;
    for (size_t l = 0; l < lanes; l += LANES) {
        uint64_t row = (a->first_row + t->first + l) * shape->heads + a->head;
        for (uint32_t first = keys.begin / DRAWS * DRAWS; first < keys.end; first += DRAWS) {
            words word[4];
            random_lanes(word, a->dropout, a->dropout->stream << 40 | (row * row_draws + first / DRAWS),
                         shape->heads * row_draws);
            for (uint32_t j = larger_of(first, keys.begin); j < smaller_of(first + DRAWS, keys.end); j++)
                store(factors + (j - keys.begin) * QUERIES + l, dropout_lanes(word, j - first, a->dropout));
        }
    }
}

/* ---- forward ----------------------------------------------------------------------------------- */

/* The softmax of a tile of queries as far as it has come. */
typedef struct running {
    float largest[QUERIES], sum[QUERIES];
    bool begun;
} running;

/* Scores of n keys, times scale, become weights, as yet undivided by their sum; change[QUERIES] is what those
 * before have to be multiplied with. */
static void soften(running *r, float *restrict change, float *restrict p, size_t n, size_t lanes,
                   float scale) {
    for (size_t l = 0; l < lanes; l += LANES) {
        vector before = load(r->largest + l), largest = before;
        for (size_t j = 0; j < n; j++)
            largest = larger(largest, load(p + j * QUERIES + l) * scale);
        vector factor = exponential_lanes(before - largest), sum = load(r->sum + l) * factor;
        for (size_t j = 0; j < n; j++) {
            vector weight = exponential_lanes(load(p + j * QUERIES + l) * scale - largest);
            sum += weight;
            store(p + j * QUERIES + l, weight);
        }
        store(r->largest + l, largest);
        store(r->sum + l, sum);
        store(change + l, factor);
    }
}

static void scale_rows(float *x, size_t stride, const float *factors, size_t rows, size_t width) {
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < width; i++)
            x[r * stride + i] *= factors[r];
}

/* Takes keys up into the softmax of a tile of queries, qt[head_width, QUERIES], and into their rows of out.
 */
static void take_up(const pass *a, const fb3_query_tile *t, running *r, float *restrict out,
                    size_t stride_out, const float *restrict qt, fb3_stretch keys) {
    float p[KEYS * QUERIES] __attribute__((aligned(64))),
        factors[KEYS * QUERIES] __attribute__((aligned(64)));
    float change[QUERIES];
    size_t hw = a->shape->head_width, n = keys.end - keys.begin, lanes = lanes_of(t), s = a->stride_kv;
    product(p, QUERIES, a->k + keys.begin * s, s, PLAIN, qt, QUERIES, hw, n, lanes, false);
    hide(p, t, keys, lanes);
    soften(r, change, p, n, lanes, 1.0f);
    if (a->dropout->rate > 0.0f) {
        weight_factors(factors, a, t, keys, lanes);
        for (size_t j = 0; j < n * QUERIES; j += QUERIES)
            for (size_t l = j; l < j + lanes; l += LANES)
                store(p + l, load(p + l) * load(factors + l));
    }
    if (r->begun)
        scale_rows(out, stride_out, change, t->count, hw);
    product(out, stride_out, p, QUERIES, TRANSPOSED, a->v + keys.begin * s, s, n, t->count, hw, r->begun);
    r->begun = true;
}

static void begin(running *r) {
    for (size_t l = 0; l < QUERIES; l++) {
        r->largest[l] = lowest;
        r->sum[l] = 0.0f;
    }
    r->begun = false;
}

/* Divides out by the sums of the weights, and leaves the logarithms of the sums of exponentials. */
static void finish(const running *r, const fb3_query_tile *t, float *restrict out, size_t stride_out,
                   float *restrict log_sums, size_t width) {
    float inverse[QUERIES], logs[QUERIES];
    for (size_t l = 0; l < lanes_of(t); l += LANES) {
        store(inverse + l, 1.0f / load(r->sum + l));
        store(logs + l, load(r->largest + l) + logarithm_lanes(load(r->sum + l)));
    }
    scale_rows(out, stride_out, inverse, t->count, width);
    if (log_sums != NULL)
        memcpy(log_sums, logs, t->count * sizeof *logs);
}

/* Keys that some of the tiles see end before this one. */
static uint32_t last_key(const fb3_query_tile *tiles, size_t count) {
    uint32_t last = 0;
    for (size_t i = 0; i < count; i++)
        last = larger_of(last, larger_of(tiles[i].seen[0].end, tiles[i].seen[1].end));
    return last;
}

/* Has the keys and values of a tile fetched while the one before is worked on: when they were written long
 * ago nothing else does, since the rows of a head lie far apart. */
static void announce(const pass *a, uint32_t key, uint32_t last) {
    for (size_t j = key; j < smaller_of(key + KEYS, last); j++)
        for (size_t c = 0; c < a->shape->head_width; c += 16) {
            __builtin_prefetch(a->k + j * a->stride_kv + c);
            __builtin_prefetch(a->v + j * a->stride_kv + c);
        }
}

/* The tiles of a head, a few at a time over the keys, which stay in the cache meanwhile. */
static void attend(const pass *a, float *restrict out, size_t stride_out, float *restrict log_sums,
                   float *restrict qt) {
    size_t hw = a->shape->head_width;
    for (size_t first = 0; first < a->n_tiles; first += FB3_TILES) {
        const fb3_query_tile *t = a->tiles + first;
        size_t count = a->n_tiles - first < FB3_TILES ? a->n_tiles - first : FB3_TILES;
        running r[FB3_TILES];
        for (size_t i = 0; i < count; i++) {
            transpose_rows(qt + i * hw * QUERIES, QUERIES, a->q + t[i].first * a->stride_q, a->stride_q,
                           t[i].count, hw, lanes_of(&t[i]), a->scale);
            begin(&r[i]);
        }
        uint32_t last = last_key(t, count);
        for (uint32_t key = 0; key < last; key += KEYS) {
            announce(a, key + KEYS, last);
            for (size_t i = 0; i < 2 * count; i++) {
                fb3_stretch part;
                if (meet(&part, &t[i / 2], i % 2, (fb3_stretch){key, key + KEYS}))
                    take_up(a, &t[i / 2], &r[i / 2], out + t[i / 2].first * stride_out, stride_out,
                            qt + i / 2 * hw * QUERIES, part);
            }
        }
        for (size_t i = 0; i < count; i++)
            finish(&r[i], &t[i], out + t[i].first * stride_out, stride_out,
                   log_sums != NULL ? log_sums + t[i].first : NULL, hw);
    }
}

/* ---- few queries ------------------------------------------------------------------------------- */

/* Most rows that go over the keys one by one with their heads as lanes: from three on a tile is faster. */
enum { FEW = 2 };

/* out[width] = change out + p[n] v[n, width], where p are stride_p apart. */
static void sum_rows(float *restrict out, float change, const float *restrict p, size_t stride_p,
                     const float *restrict v, size_t stride_v, size_t n, size_t width) {
    size_t c = 0;
    for (; c + LANES <= width; c += LANES) {
        vector sum[4] = {load(out + c) * change}; /* four, or every product waits for the one before */
        size_t j = 0;
        for (; j + 4 <= n; j += 4)
            for (size_t i = 0; i < 4; i++)
                sum[i] += p[(j + i) * stride_p] * load(v + (j + i) * stride_v + c);
        for (; j < n; j++)
            sum[0] += p[j * stride_p] * load(v + j * stride_v + c);
        store(out + c, (sum[0] + sum[1]) + (sum[2] + sum[3]));
    }
    for (; c < width; c++) {
        out[c] *= change;
        for (size_t j = 0; j < n; j++)
            out[c] += p[j * stride_p] * v[j * stride_v + c];
    }
}

/* One query with up to QUERIES of its heads as lanes: out[heads, head_width], and so for q and a row of k and
 * v. Rows are read from end to end, since they come from far when there are many. */
static void attend_one(const fb3_query_tile *t, size_t lane, float *restrict out, const float *restrict q,
                       const float *restrict k, const float *restrict v, size_t stride_kv, size_t heads,
                       size_t width) {
    const fb3_stretch seen[] = {{0, (uint32_t)t->before[lane]},
                                {(uint32_t)t->own[lane], (uint32_t)t->end[lane]}};
    float p[KEYS * QUERIES] = {0}, change[QUERIES] = {0}, inverse[QUERIES] = {0};
    size_t lanes = (heads + LANES - 1) / LANES * LANES;
    running r;
    begin(&r);
    memset(out, 0, heads * width * sizeof *out);
    for (size_t i = 0; i < FB3_COUNT(seen); i++)
        for (size_t key = seen[i].begin; key < seen[i].end; key += KEYS) {
            size_t n = seen[i].end - key < KEYS ? seen[i].end - key : KEYS;
            for (size_t j = 0; j < n; j++) {
                for (size_t c = 0; c < heads * width; c += 16) { /* cache lines that nothing else announces */
                    __builtin_prefetch(k + (key + j + 2) * stride_kv + c);
                    __builtin_prefetch(v + (key + j) * stride_kv + c);
                }
                dot_rows(p + j * QUERIES, k + (key + j) * stride_kv, width, q, width, heads, width);
            }
            soften(&r, change, p, n, lanes, 1.0f / sqrtf((float)width));
            for (size_t head = 0; head < heads; head++)
                sum_rows(out + head * width, change[head], p + head, QUERIES,
                         v + key * stride_kv + head * width, stride_kv, n, width);
        }
    for (size_t l = 0; l < lanes; l += LANES)
        store(inverse + l, 1.0f / load(r.sum + l));
    scale_rows(out, width, inverse, heads, width);
}

/* ---- the forward pass -------------------------------------------------------------------------- */

void JOIN(fb3_attention_forward_,
          FB3_VARIANT)(float *restrict out, size_t stride_out, float *restrict log_sums, size_t stride_sums,
                       const float *restrict q, size_t stride_q, const float *restrict k,
                       const float *restrict v, size_t stride_kv, const fb3_query_group *groups,
                       size_t n_groups, const fb3_attention *shape, const fb3_dropout *dropout,
                       size_t first_row, float *restrict scratch) {
    size_t hw = shape->head_width;
    float *qt = scratch;
    fb3_query_tile *tiles = (void *)(qt + FB3_TILES * QUERIES * hw);
    size_t n_tiles = lay_tiles(tiles, groups, n_groups);
    bool few = n_tiles == 1 && tiles[0].count <= FEW && log_sums == NULL && dropout->rate <= 0.0f;
    for (size_t i = 0; few && i < tiles[0].count; i++)
        for (size_t head = 0, c = 0; head < shape->heads; head += QUERIES, c += QUERIES * hw)
            attend_one(tiles, i, out + i * stride_out + c, q + i * stride_q + c, k + c, v + c, stride_kv,
                       smaller_of((uint32_t)(shape->heads - head), QUERIES), hw);
    for (size_t head = 0, c = 0; !few && head < shape->heads; head++, c += hw) {
        pass a = {shape, dropout, tiles, n_tiles,  first_row, head, 1.0f / sqrtf((float)hw),
                  q + c, k + c,   v + c, stride_q, stride_kv};
        attend(&a, out + c, stride_out, log_sums != NULL ? log_sums + head * stride_sums : NULL, qt);
    }
}

/* ---- backward ---------------------------------------------------------------------------------- */

/* From scores[n, QUERIES] and the gradient dp of the weights after dropout: dp becomes the gradient of the
 * unscaled scores, the scores become the weights after dropout. */
static void soften_backward(float *restrict p, float *restrict dp, const float *restrict factors,
                            const float *log_sums, const float *deltas, size_t n, size_t lanes, float scale) {
    for (size_t l = 0; l < lanes; l += LANES) {
        vector log_sum = load(log_sums + l), delta = load(deltas + l);
        for (size_t j = l; j < l + n * QUERIES; j += QUERIES) {
            vector weight = exponential_lanes(load(p + j) - log_sum), factor = load(factors + j);
            store(p + j, weight * factor);
            store(dp + j, weight * scale * (load(dp + j) * factor - delta));
        }
    }
}

/* Where the gradients of a head go, and what they are made from besides its queries, keys and values. */
typedef struct gradients {
    const float *dout; /* [rows, head_width] */
    size_t stride_out;
    const float *log_sums, *deltas; /* [rows] */
    float *qt, *doutt;              /* [head_width, QUERIES] */
    float *dq;                      /* [rows, head_width] */
    float *dk, *dv;                 /* [keys from first_key on, head_width] */
    size_t stride_dkv;
    uint32_t first_key;
    bool add;
} gradients;

static void turn_queries(const pass *a, const fb3_query_tile *t, const gradients *g) {
    size_t hw = a->shape->head_width, lanes = lanes_of(t);
    transpose_rows(g->qt, QUERIES, a->q + t->first * a->stride_q, a->stride_q, t->count, hw, lanes, a->scale);
    transpose_rows(g->doutt, QUERIES, g->dout + t->first * g->stride_out, g->stride_out, t->count, hw, lanes,
                   1.0f);
}

/* What a tile of queries gives to the gradients by keys. */
static void give_back(const pass *a, const fb3_query_tile *t, const gradients *g, fb3_stretch keys) {
    float p[KEYS * QUERIES] __attribute__((aligned(64))), dp[KEYS * QUERIES] __attribute__((aligned(64)));
    float factors[KEYS * QUERIES] __attribute__((aligned(64)));
    float log_sums[QUERIES] = {0}, deltas[QUERIES] = {0};
    size_t hw = a->shape->head_width, n = keys.end - keys.begin, lanes = lanes_of(t), s = a->stride_kv;
    size_t to = (keys.begin - g->first_key) * g->stride_dkv;
    const float *k = a->k + keys.begin * s, *v = a->v + keys.begin * s;
    memcpy(log_sums, g->log_sums + t->first, t->count * sizeof *log_sums);
    memcpy(deltas, g->deltas + t->first, t->count * sizeof *deltas);
    product(p, QUERIES, k, s, PLAIN, g->qt, QUERIES, hw, n, lanes, false);
    product(dp, QUERIES, v, s, PLAIN, g->doutt, QUERIES, hw, n, lanes, false);
    hide(p, t, keys, lanes);
    if (a->dropout->rate > 0.0f)
        weight_factors(factors, a, t, keys, lanes);
    else
        for (size_t i = 0; i < n * QUERIES; i++)
            factors[i] = 1.0f;
    soften_backward(p, dp, factors, log_sums, deltas, n, lanes, a->scale);
    product(g->dq + t->first * hw, hw, dp, QUERIES, TRANSPOSED, k, s, n, t->count, hw, g->add);
    product(g->dk + to, g->stride_dkv, dp, QUERIES, PLAIN, a->q + t->first * a->stride_q, a->stride_q,
            t->count, n, hw, g->add);
    product(g->dv + to, g->stride_dkv, p, QUERIES, PLAIN, g->dout + t->first * g->stride_out, g->stride_out,
            t->count, n, hw, g->add);
}

static void copy_rows(float *restrict to, size_t stride_to, const float *restrict from, size_t stride_from,
                      size_t rows, size_t width) {
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < width; i++)
            to[r * stride_to + i] = from[r * stride_from + i];
}

/* Goes over the keys tile by tile, which stay in the cache while all queries that see them pass; k and v
 * become their gradients. */
static void give_back_all(const pass *a, gradients *g, float *k, float *v, size_t rows) {
    size_t hw = a->shape->head_width;
    memset(g->dq, 0, rows * hw * sizeof *g->dq);
    for (uint32_t key = 0; key < rows; key += KEYS) {
        uint32_t n = smaller_of((uint32_t)rows - key, KEYS);
        g->first_key = key;
        memset(g->dk, 0, n * hw * sizeof *g->dk);
        memset(g->dv, 0, n * hw * sizeof *g->dv);
        for (const fb3_query_tile *t = a->tiles; t < a->tiles + a->n_tiles; t++) {
            fb3_stretch part[2], keys = {key, key + n};
            bool first = meet(&part[0], t, 0, keys), second = meet(&part[1], t, 1, keys);
            if (first || second)
                turn_queries(a, t, g);
            if (first)
                give_back(a, t, g, part[0]);
            if (second)
                give_back(a, t, g, part[1]);
        }
        copy_rows(k + key * a->stride_kv, a->stride_kv, g->dk, hw, n, hw);
        copy_rows(v + key * a->stride_kv, a->stride_kv, g->dv, hw, n, hw);
    }
}

void JOIN(fb3_attention_backward_,
          FB3_VARIANT)(float *restrict qkv, size_t stride_qkv, const float *restrict out,
                       const float *restrict dout, size_t stride_out, const float *restrict log_sums,
                       size_t stride_sums, size_t rows, const fb3_query_group *groups, size_t n_groups,
                       const fb3_attention *shape, const fb3_dropout *dropout, size_t first_row,
                       float *restrict scratch) {
    size_t hw = shape->head_width, width = shape->heads * hw;
    float *qt = scratch, *doutt = qt + hw * QUERIES, *dk = doutt + hw * QUERIES, *dv = dk + KEYS * hw;
    float *dq = dv + KEYS * hw, *deltas = dq + rows * hw;
    fb3_query_tile *tiles = (void *)(deltas + rows);
    size_t n_tiles = lay_tiles(tiles, groups, n_groups);
    /* A sequence of one tile, which sees all keys, has its gradients by keys written into their place. */
    bool alone = n_tiles == 1 && rows <= KEYS && tiles[0].seen[0].end == rows;
    for (size_t head = 0; head < shape->heads; head++) {
        float *q = qkv + head * hw, *k = q + width, *v = k + width;
        const float *d = dout + head * hw;
        pass a = {shape, dropout, tiles, n_tiles,    first_row, head, 1.0f / sqrtf((float)hw),
                  q,     k,       v,     stride_qkv, stride_qkv};
        gradients g = {d,
                       stride_out,
                       log_sums + head * stride_sums,
                       deltas,
                       qt,
                       doutt,
                       dq,
                       alone ? k : dk,
                       alone ? v : dv,
                       alone ? stride_qkv : hw,
                       0,
                       !alone};
        dot_rows(deltas, d, stride_out, out + head * hw, stride_out, rows, hw); /* Dao et al. 2022, eq. 4 */
        if (alone) {
            turn_queries(&a, tiles, &g);
            give_back(&a, tiles, &g, tiles[0].seen[0]);
        } else
            give_back_all(&a, &g, k, v, rows);
        copy_rows(q, stride_qkv, dq, hw, rows, hw);
    }
}
