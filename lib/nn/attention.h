/* How attention cuts its work: tiles of queries, tiles of keys. */
#ifndef FB3_ATTENTION_H
#define FB3_ATTENTION_H

#include "nn/nn.h"

enum {
    FB3_TILE_QUERIES = 16, /* lanes of a tile of scores */
    FB3_TILE_KEYS = 64,    /* its rows, which with their values fit the first cache */
    FB3_TILES = 8          /* tiles of queries that go over the keys together */
};

typedef struct fb3_stretch {
    uint32_t begin, end;
} fb3_stretch;

/* Up to FB3_TILE_QUERIES consecutive rows as lanes. A lane sees the keys before its `before`, and those from
 * own to end. Lanes behind the last row see what it sees. */
typedef struct fb3_query_tile {
    int32_t before[FB3_TILE_QUERIES], own[FB3_TILE_QUERIES], end[FB3_TILE_QUERIES];
    uint32_t first, count;                 /* rows */
    fb3_stretch seen[2];                   /* holds what any lane sees; the second one may be empty */
    uint32_t before_all, own_all, end_all; /* what every lane sees */
} fb3_query_tile;

#endif
