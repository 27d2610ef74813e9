/* The tokenizer room: columns become tokens of their own vocabularies, and come back. */
#ifndef FB3_TOKENIZER_H
#define FB3_TOKENIZER_H

#include "sequence/sequence.h"

#include <flowbd3/tokenizer.h>

#include <jansson.h>

/* ---- what other rooms use ---------------------------------------------------------------------- */

/* A reference more, dropped with flowbd3_tokenizer_destroy. */
flowbd3_tokenizer *fb3_tokenizer_retain(flowbd3_tokenizer *tokenizer);
flowbd3_context *fb3_tokenizer_context(const flowbd3_tokenizer *tokenizer);

/* counts[vocabulary] of a slot: how often each token came in the fitted table. NULL when out of range. */
const uint64_t *fb3_tokenizer_counts(const flowbd3_tokenizer *tokenizer, size_t slot);

/* Rows of the fitted table. */
uint64_t fb3_tokenizer_rows(const flowbd3_tokenizer *tokenizer);

/* Column of the tokenizer that a slot belongs to. */
size_t fb3_tokenizer_slot_column(const flowbd3_tokenizer *tokenizer, size_t slot);

/* Whether the tokens of a slot, that of missing cells apart, are in ascending order of value. */
bool fb3_tokenizer_is_ordered(const flowbd3_tokenizer *tokenizer, size_t slot);

/* Whether the last token of a slot stands for missing cells. */
bool fb3_tokenizer_has_missing(const flowbd3_tokenizer *tokenizer, size_t slot);

/* The tokenizer as a JSON value that the caller owns (NULL: no memory), and back. JSON_REAL_PRECISION(17)
 * prints it so that it reads back equal. */
json_t *fb3_tokenizer_to_json_value(const flowbd3_tokenizer *tokenizer);
flowbd3_status fb3_tokenizer_from_json_value(flowbd3_tokenizer **out, flowbd3_context *context,
                                             const json_t *value, flowbd3_error *err);

/* As flowbd3_tokenizer_encode, but a category or missing cell without a token gets the slot's mask,
 * flowbd3_tokenizer_vocabulary(slot), instead of failing. */
flowbd3_status fb3_tokenizer_encode_known(const flowbd3_tokenizer *tokenizer, const flowbd3_table *table,
                                          uint16_t *tokens, flowbd3_error *err);

/* ---- sequences (sequences.c) ------------------------------------------------------------------- */

/* Arranges a table as the tokenizer was told to (group_by, order_by). Without either: one group in the
 * table's order. Errors: SCHEMA (column not there or of another type), FORMAT (a missing cell in order_by),
 * MEMORY. */
flowbd3_status fb3_tokenizer_arrange(const flowbd3_tokenizer *tokenizer, const flowbd3_table *table,
                                     fb3_arrangement **out, flowbd3_error *err);

/* Slot of the gaps, or SIZE_MAX without order_by; its missing token marks the first flow of a group. */
size_t fb3_tokenizer_gap_slot(const flowbd3_tokenizer *tokenizer);

/* Sequence number for a context of length > 0 flows: a stored group is drawn with probability proportional to
 * the number of pieces of length flows that its rows are cut into, then one of its pieces uniformly. Piece c
 * has min(length, rows - c * length) flows and starts c * length mean gaps after the group's first time, give
 * or take half of one. Depends on seed and number alone. Without group_by and order_by the whole table is the
 * one stored group. */
fb3_sequence fb3_tokenizer_sequence(const flowbd3_tokenizer *tokenizer, size_t length, uint64_t seed,
                                    uint64_t number);

/* The table of tokens[rows, slots] that consists of whole sequences, whose flows add up to rows: decoded as
 * flowbd3_tokenizer_decode does, then gaps become times (the start of the sequence for its first flow, plus
 * the gaps for those after; a missing gap adds 0; rounded to the column's decimals), group columns are filled
 * with the stored group's key, and the columns stand in the order of the fitted table. Times past the end of
 * their type stay there. Errors: ARGUMENT (sequences that do not fit), RANGE (token), MEMORY. */
flowbd3_status fb3_tokenizer_decode_sequences(const flowbd3_tokenizer *tokenizer, const uint16_t *tokens,
                                              size_t rows, flowbd3_decoding decoding, uint64_t seed,
                                              uint64_t first_row, const fb3_sequence *sequences,
                                              size_t n_sequences, flowbd3_table **out, flowbd3_error *err);

/* ---- keys and edges (distinct.c) ---------------------------------------------------------------- */

/* Least key whose number is not below value. */
int64_t fb3_key_at_least(flowbd3_type type, double value);

/* Half-way between two finite numbers, without overflow. */
double fb3_middle(double low, double high);

/* ---- distinct values (distinct.c) -------------------------------------------------------------- */

typedef struct fb3_distinct {
    flowbd3_type type;
    int64_t *keys;  /* [count] ascending */
    size_t *before; /* [count + 1] cells with a smaller key; the last is rows */
    size_t count;
    size_t rows; /* cells that are there */
} fb3_distinct;

/* The distinct values of a numeric column. False: no memory. */
bool fb3_distinct_create(fb3_distinct *distinct, flowbd3_context *context, const flowbd3_table *table,
                         size_t column);
void fb3_distinct_release(fb3_distinct *distinct, flowbd3_context *context);

/* Key of the cell that comes after index smaller or equal ones. */
int64_t fb3_order_statistic(const fb3_distinct *distinct, size_t index);

/* First i >= begin with keys[i] >= key. */
size_t fb3_lower_bound(const int64_t *keys, size_t begin, size_t count, int64_t key);

/* ---- bins (binning.c, kmeans.c) ---------------------------------------------------------------- */

/* Neighbouring distinct values that share a token. */
typedef struct fb3_range {
    size_t begin, end; /* of fb3_distinct */
    int64_t first;     /* least key that is encoded as this token; INT64_MIN for the first one */
    double low, high;  /* edges of the bin */
} fb3_range;

/* Cuts the distinct values into *count <= bins ranges, ascending, none empty. */
flowbd3_status fb3_binning(fb3_range *ranges, size_t *count, const fb3_distinct *distinct,
                           flowbd3_context *context, flowbd3_binning binning, size_t bins, uint64_t seed,
                           flowbd3_error *err);

/* Edges [<= bins + 1] of bins between the least and the greatest value, ascending, without repetitions; how
 * many there are. The three follow scikit-learn's KBinsDiscretizer. */
size_t fb3_uniform_edges(double *edges, const fb3_distinct *distinct, size_t bins);
size_t fb3_quantile_edges(double *edges, const fb3_distinct *distinct, size_t bins);
/* 0: no memory. */
size_t fb3_kmeans_edges(double *edges, const fb3_distinct *distinct, size_t bins, uint64_t seed,
                        flowbd3_context *context);

/* Takes out the edges that are not above the one before; how many are left. */
size_t fb3_ascending_edges(double *edges, size_t count);

/* ---- tokenizers (tokenizer.c) ------------------------------------------------------------------ */

enum { FB3_TOKENS_MAX = 65000, FB3_KNOTS_MAX = 33 };

/* A token of a numeric slot: values between edges, and how they are distributed there. */
typedef struct fb3_bin {
    double low, high; /* edges */
    size_t knot;      /* its knots begin here ... */
    size_t knots;     /* ... and are so many, 1 to FB3_KNOTS_MAX */
    bool discrete;    /* the knots are all values there are; otherwise quantiles at 0, 1/(knots-1), ..., 1 */
} fb3_bin;

typedef struct fb3_slot {
    size_t column;
    size_t values;        /* tokens of values */
    size_t vocabulary;    /* values, and one more with a token for missing cells */
    uint64_t *counts;     /* [vocabulary] cells of the fitted table */
    int64_t *first;       /* [values] least key with this token; INT64_MIN for token 0. NULL: categorical */
    fb3_bin *bins;        /* [values]; NULL: categorical */
    int64_t *knots;       /* [n_knots] keys, ascending within a bin */
    uint64_t *cumulative; /* [n_knots] cells of the bin up to this value; discrete bins only */
    size_t n_knots;
    fb3_dictionary *dictionary; /* categorical: the text of each token */
    uint32_t *sorted;           /* [values] tokens in the order of their texts */
} fb3_slot;

typedef struct fb3_codec {
    char *name;
    flowbd3_type type;
    int decimals;  /* of real columns and of times */
    unsigned form; /* of times: flowbd3_time_form */
} fb3_codec;

struct flowbd3_tokenizer {
    flowbd3_context *context;
    atomic_uint references;
    size_t n_columns, n_slots;
    fb3_codec *columns;         /* [n_columns] */
    fb3_slot *slots;            /* [n_slots] */
    uint64_t rows;              /* of the fitted table */
    fb3_sequencing *sequencing; /* NULL: its rows are one group in its order */
};

/* A tokenizer with room for its columns, one slot each, all zero. NULL: no memory. */
flowbd3_tokenizer *fb3_tokenizer_allocate(flowbd3_context *context, size_t columns);

/* Memory for a numeric slot. False: no memory. */
bool fb3_slot_allocate(fb3_slot *slot, flowbd3_context *context, size_t values, bool missing, size_t n_knots);

/* ---- one slot (slot.c) ------------------------------------------------------------------------- */

flowbd3_status fb3_slot_fit(fb3_slot *slot, flowbd3_context *context, const flowbd3_table *table,
                            size_t column, const flowbd3_tokenizer_options *options, flowbd3_error *err);

/* Fills sorted of a categorical slot, which makes it ready for fb3_slot_find. False: no memory. */
bool fb3_slot_sort(fb3_slot *slot, flowbd3_context *context);

/* Token of a text in a categorical slot, or -1. */
int32_t fb3_slot_find(const fb3_slot *slot, const char *text);

/* Token of a key in a numeric slot. */
size_t fb3_slot_token(const fb3_slot *slot, int64_t key);

#endif
