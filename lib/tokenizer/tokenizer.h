/* The tokenizer room: columns become tokens of their own vocabularies, and come back. */
#ifndef FB3_TOKENIZER_H
#define FB3_TOKENIZER_H

#include "rules/rules.h"
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

/* Slots of the tokenizer's column and the first of them. */
size_t fb3_tokenizer_column_slots(const flowbd3_tokenizer *tokenizer, size_t column, size_t *first);

/* Whether the tokens of a slot, that of missing cells apart, are in ascending order of value, given those of
 * the column's slots before it; and where a token stands in that order: the centre of its bin, or the number
 * of the token in a slot after the first. */
bool fb3_tokenizer_is_ordered(const flowbd3_tokenizer *tokenizer, size_t slot);
double fb3_tokenizer_place(const flowbd3_tokenizer *tokenizer, size_t slot, size_t token);

/* A token that stands for values which are not to be emitted; SIZE_MAX: the slot has none. */
size_t fb3_tokenizer_hidden(const flowbd3_tokenizer *tokenizer, size_t slot);

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

/* As flowbd3_tokenizer_encode of a tokenizer without sequences, for rows of a stream: the first one has the
 * number first_row, counted from 0. */
flowbd3_status fb3_tokenizer_encode_chunk(const flowbd3_tokenizer *tokenizer, const flowbd3_table *chunk,
                                          uint64_t first_row, uint16_t *tokens, flowbd3_error *err);

/* ---- rows that obey (rows.c) ------------------------------------------------------------------- */

/* What rows have to obey: the tokenizer's own rules that are certain, and more. Immutable. */
typedef struct fb3_restraint {
    const flowbd3_tokenizer *tokenizer;
    fb3_bound *bound;   /* to the tokenizer's columns */
    fb3_domains *start; /* what the cells of any row may be */
    bool *bound_to;     /* [columns] whether a rule speaks of it */
    bool restrains;     /* whether there is anything to obey, or a column has several slots */
} fb3_restraint;

/* more, or NULL: further rules, all of which count. Errors: SCHEMA (a rule names a column that is not there),
 * RANGE (no row of values that came in the fitted table obeys; names the rule), MEMORY. */
flowbd3_status fb3_restraint_create(fb3_restraint **out, const flowbd3_tokenizer *tokenizer,
                                    const flowbd3_rules *more, flowbd3_error *err);
void fb3_restraint_destroy(fb3_restraint **restraint);

/* A row that is being decided. One thread at a time. */
typedef struct fb3_row {
    const fb3_restraint *restraint;
    fb3_domains *domains;
    fb3_domains *known; /* of fb3_row_settle: what the tokens leave, before values are drawn */
    size_t *order;      /* [picked] columns that are not derived */
    size_t picked;
    fb3_cell *cells; /* [columns] of fb3_row_settle, ... */
    int64_t *keys;   /* ... and their keys, or codes, where they are not missing */
    bool *given;     /* [columns] whose cell was set */
    bool dead;       /* no row obeys */
} fb3_row;

flowbd3_status fb3_row_create(fb3_row **out, const fb3_restraint *restraint, flowbd3_error *err);
void fb3_row_destroy(fb3_row **row);
uint64_t fb3_row_bytes(const fb3_restraint *restraint);

/* Anything that the restraint leaves; then with a cell given; false: no row is left. */
void fb3_row_begin(fb3_row *row);
bool fb3_row_set(fb3_row *row, size_t column, const fb3_cell *cell);
bool fb3_row_narrow(fb3_row *row);

/* Takes in that a slot has its token in tokens[slots], those of the column before it being known. A cell that
 * was set stays what it is: it may lie between the values that its token stands for. */
void fb3_row_know(fb3_row *row, size_t slot, const uint16_t *tokens);

/* allowed[vocabulary] 1 for the tokens of a slot that leave a row that may obey; how many. Those of the
 * column's slots before it are in tokens[slots] and known. */
size_t fb3_row_allow(fb3_row *row, size_t slot, const uint16_t *tokens, uint8_t *allowed);

/* Values of tokens[slots] that obey all rules, drawn as those of row `number` in flowbd3_tokenizer_decode, in
 * cells and keys. False: there are none, or they were not found. */
bool fb3_row_settle(fb3_row *row, const uint16_t *tokens, flowbd3_decoding way, uint64_t seed,
                    uint64_t number);

/* ---- decoding (decode.c) ----------------------------------------------------------------------- */

/* How tokens become values. */
typedef struct fb3_decoder {
    const fb3_restraint *restraint; /* what rows obey */
    flowbd3_decoding way;
    uint64_t seed, first_row;
    const flowbd3_table *given; /* NULL, or a table whose cells that are there are row for row those of the
                                   table to come: columns of the tokenizer, by name ... */
    size_t given_row;           /* ... from this row of it on */
} fb3_decoder;

flowbd3_status fb3_tokenizer_decode_rows(const flowbd3_tokenizer *tokenizer, const uint16_t *tokens,
                                         size_t rows, const fb3_decoder *decoder, flowbd3_table **out,
                                         flowbd3_error *err);

/* The cell of a row of a table's column of_table, as a column of the tokenizer has it; false: it is missing
 * there, or there is no such column, -1. A text that the tokenizer does not know has code -1. */
bool fb3_tokenizer_cell(const flowbd3_tokenizer *tokenizer, size_t column, const flowbd3_table *table,
                        int64_t of_table, size_t row, fb3_cell *cell, int64_t *key);

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
                                              size_t rows, const fb3_decoder *decoder,
                                              const fb3_sequence *sequences, size_t n_sequences,
                                              flowbd3_table **out, flowbd3_error *err);

/* ---- keys and edges (distinct.c) ---------------------------------------------------------------- */

/* Least key whose number is not below value. */
int64_t fb3_key_at_least(flowbd3_type type, double value);

/* Half-way between two finite numbers, without overflow; and between two keys: above low, not above high. */
double fb3_middle(double low, double high);
int64_t fb3_middle_key(flowbd3_type type, int64_t low, int64_t high);

/* ---- distinct values (distinct.c) -------------------------------------------------------------- */

typedef struct fb3_distinct {
    flowbd3_type type;
    int64_t *keys;  /* [count] ascending */
    size_t *before; /* [count + 1] cells with a smaller key; the last is rows */
    size_t count;
    size_t rows;   /* cells that are there */
    bool sketched; /* some values stand for those near them, all but the least and the greatest */
} fb3_distinct;

/* Sorts keys[count] in place, ascending. */
void fb3_sort_keys(int64_t *keys, size_t count);

/* The distinct values of a numeric column. False: no memory. */
bool fb3_distinct_create(fb3_distinct *distinct, flowbd3_context *context, const flowbd3_table *table,
                         size_t column);
void fb3_distinct_release(fb3_distinct *distinct, flowbd3_context *context);

/* Key of the cell that comes after index smaller or equal ones. */
int64_t fb3_order_statistic(const fb3_distinct *distinct, size_t index);

/* First i >= begin with keys[i] >= key. */
size_t fb3_lower_bound(const int64_t *keys, size_t begin, size_t count, int64_t key);

/* ---- what a tokenizer is fitted to (cells.c) ---------------------------------------------------- */

typedef struct fb3_digits fb3_digits;

/* The cells of a column, in any order. */
typedef struct fb3_cells {
    const char *name;
    flowbd3_type type;
    int decimals;
    unsigned form;
    size_t column; /* of the table */
    size_t rows, missing;
    fb3_distinct distinct;            /* of numbers and times */
    const fb3_dictionary *dictionary; /* of texts */
    uint64_t *counts;                 /* [categories of the dictionary] */
    const fb3_digits *digits;         /* counted, not settled; NULL: distinct tells them */
} fb3_cells;

/* Those of a table's column, whose name and dictionary they share. On failure they can be released. */
flowbd3_status fb3_cells_create(fb3_cells *cells, flowbd3_context *context, const flowbd3_table *table,
                                size_t column, flowbd3_error *err);
void fb3_cells_release(fb3_cells *cells, flowbd3_context *context);

/* Rows, and the cells of all their columns. */
typedef struct fb3_material {
    const flowbd3_table *table; /* the rows, or some of them */
    size_t rows;                /* of which the cells are all */
    const fb3_cells *cells;     /* [columns of the table]; NULL: those of the table itself */
} fb3_material;

/* The cells of a column, which are made where they are not kept, until they are given back. */
flowbd3_status fb3_material_take(fb3_cells *cells, const fb3_material *material, size_t column,
                                 flowbd3_error *err);
void fb3_material_give_back(fb3_cells *cells, const fb3_material *material);

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

/* Cuts values begin to end into bins ranges of cell counts as equal as they get, appended to ranges[*count],
 * whose edges are their least and greatest values; 0 < bins <= end - begin. */
void fb3_cut_evenly(fb3_range *ranges, size_t *count, const fb3_distinct *distinct, size_t begin, size_t end,
                    size_t bins);

/* ---- columns of a tokenizer -------------------------------------------------------------------- */

enum { FB3_TOKENS_MAX = 65000, FB3_KNOTS_MAX = 33, FB3_SLOTS_MAX = 8, FB3_DIGITS = 256 };

/* A level of a numeric column: values between edges, and how they are distributed there. */
typedef struct fb3_bin {
    double low, high; /* edges */
    size_t knot;      /* its knots begin here ... */
    size_t knots;     /* ... and are so many, 1 to FB3_KNOTS_MAX */
    bool discrete;    /* the knots are all values there are; otherwise quantiles at 0, 1/(knots-1), ..., 1 */
} fb3_bin;

/* Levels in ascending order. In one slot a token is a level; in two slots the first token is a group of
 * neighbouring levels and the second the place inside the group. */
typedef struct fb3_levels {
    size_t count;
    uint64_t *counts;     /* [count] cells of the fitted table */
    int64_t *first;       /* [count] least key of this level; INT64_MIN for level 0 */
    fb3_bin *bins;        /* [count] */
    int64_t *knots;       /* [n_knots] keys, ascending within a bin */
    uint64_t *cumulative; /* [n_knots] cells of the bin up to this value; discrete bins only */
    size_t n_knots;
    size_t *groups; /* [n_groups + 1] level that each begins with; NULL: one slot */
    size_t n_groups;
} fb3_levels;

/* Texts in the order of their tokens. */
typedef struct fb3_categories {
    fb3_dictionary *dictionary;
    uint64_t *counts; /* [dictionary's] cells of the fitted table */
    uint32_t *sorted; /* [dictionary's] codes in the order of their texts */
    uint64_t rare; /* cells of texts that are not kept, whose token is the one after them; 0: there is none */
} fb3_categories;

/* Integers as digits to the base FB3_DIGITS, the highest first. */
struct fb3_digits {
    int64_t origin, low, high;                  /* digits are those of key - origin; the fitted range */
    size_t places;                              /* 1 to FB3_SLOTS_MAX */
    uint8_t digit[FB3_SLOTS_MAX][FB3_DIGITS];   /* [places][tokens] the digit of each token, ascending */
    size_t tokens[FB3_SLOTS_MAX];               /* that came in each place */
    uint64_t counts[FB3_SLOTS_MAX][FB3_DIGITS]; /* cells by token; until they are settled by digit */
};

typedef struct fb3_codec {
    char *name;
    flowbd3_type type;
    int decimals;        /* of real columns and of times */
    unsigned form;       /* of times: flowbd3_time_form */
    flowbd3_codec codec; /* what AUTO has become */
    bool automatic;      /* while it is fitted: bins that may get levels */
    size_t first_slot, slots;
    uint64_t missing;          /* cells; their token is the last one of the first slot. 0: there is none */
    bool derived;              /* a rule computes it: it has no slots, ... */
    fb3_interval range;        /* ... but the range that it had in the fitted table, or with rare_rows one
                                  between the means of so many least and greatest cells */
    fb3_levels levels;         /* numeric; none where digits is there */
    fb3_digits *digits;        /* DIGITS */
    fb3_categories categories; /* categorical */
} fb3_codec;

/* What a slot is to the network. */
typedef struct fb3_slot {
    size_t column, place; /* it is the place-th slot of its column */
    size_t values;        /* tokens of values */
    size_t vocabulary;    /* values, and one more with a token for missing cells */
    uint64_t *counts;     /* [vocabulary] cells of the fitted table, above 0 */
} fb3_slot;

struct flowbd3_tokenizer {
    flowbd3_context *context;
    atomic_uint references;
    size_t n_columns, n_slots;
    fb3_codec *columns;         /* [n_columns] */
    fb3_slot *slots;            /* [n_slots] column by column */
    uint64_t rows;              /* of the fitted table */
    uint64_t rare_rows;         /* values of fewer rows are not emitted */
    flowbd3_rules *rules;       /* of its columns; NULL: none. Those that are certain are kept */
    fb3_restraint *restraint;   /* of those */
    fb3_sequencing *sequencing; /* NULL: its rows are one group in its order */
};

/* A tokenizer with room for its columns, all zero and without slots. NULL: no memory. (tokenizer.c) */
flowbd3_tokenizer *fb3_tokenizer_allocate(flowbd3_context *context, size_t columns);

/* Makes the slots of columns that have been fitted or read. Errors: MEMORY, LIMIT. (tokenizer.c) */
flowbd3_status fb3_tokenizer_make_slots(flowbd3_tokenizer *tokenizer, flowbd3_error *err);

/* ---- fitting (fit.c) --------------------------------------------------------------------------- */

/* Takes up the options for so many rows of a table, or of one with these columns, and checks them. */
flowbd3_status fb3_tokenizer_take_options(flowbd3_tokenizer_options *to,
                                          const flowbd3_tokenizer_options *options,
                                          const flowbd3_table *table, size_t rows, flowbd3_error *err);

/* Fits a tokenizer to rows as they are tokenized. It takes over their rules and, on success, their
 * sequencing; either may be NULL. */
flowbd3_status fb3_tokenizer_fit(flowbd3_tokenizer **out, const fb3_material *material, flowbd3_rules *rules,
                                 fb3_sequencing **sequencing, const flowbd3_tokenizer_options *options,
                                 flowbd3_error *err);

/* ---- relations (relations.c) ------------------------------------------------------------------- */

/* The rules of a table as it is tokenized: those of the options that speak of no column of group_by or
 * order_by, and those that are found. NULL, or an empty list: none. */
flowbd3_status fb3_relations_find(flowbd3_rules **out, const flowbd3_table *table,
                                  const flowbd3_tokenizer_options *options, flowbd3_error *err);

/* Takes out of the rules that were found in rows the texts that came in fewer rows, which are not emitted
 * anyway, and leaves out those of which nothing is left or that a number of fewer rows bounds. Errors:
 * MEMORY. (protect.c) */
flowbd3_status fb3_relations_protect(flowbd3_rules *rules, const fb3_material *material, uint64_t rare_rows,
                                     flowbd3_error *err);

/* Whether certain rules compute a column in every row from others, which do not depend on it. Errors: MEMORY.
 */
flowbd3_status fb3_relations_compute(const flowbd3_rules *rules, const char *name, bool *derived,
                                     flowbd3_error *err);

/* ---- one column (codec.c) ---------------------------------------------------------------------- */

/* derived: a rule computes the column. levels: what is AUTO becomes FINE where it can. */
flowbd3_status fb3_codec_fit(fb3_codec *codec, flowbd3_context *context, const fb3_cells *cells, bool derived,
                             bool levels, const flowbd3_tokenizer_options *options, flowbd3_error *err);
const char *fb3_codec_name(flowbd3_codec codec);

/* What the options ask for in a column, and its bins where they are given. */
flowbd3_codec fb3_codec_asked_for(const flowbd3_tokenizer_options *options, const char *name, uint32_t *bins);

void fb3_codec_release(fb3_codec *codec, flowbd3_context *context);

/* Tokens of values in the slot place of the column, that of missing cells not counted; and how many cells
 * each had: counts[values]. */
size_t fb3_codec_values(const fb3_codec *codec, size_t place);
void fb3_codec_counts(const fb3_codec *codec, size_t place, uint64_t *counts);

/* tokens[slots] of a key of a numeric column, and of a missing cell where there are such. */
void fb3_codec_encode(const fb3_codec *codec, int64_t key, uint16_t *tokens);
void fb3_codec_encode_missing(const fb3_codec *codec, uint16_t *tokens);

/* Whether tokens[slots] stand for a missing cell. */
bool fb3_codec_is_missing(const fb3_codec *codec, const uint16_t *tokens);

/* A value that tokens[slots] stand for, drawn by a uniform number, or their centre: a key, or a code of the
 * dictionary. Tokens after the first that its group or number does not have count as the nearest it has. */
int64_t fb3_codec_draw(const fb3_codec *codec, const uint16_t *tokens, double uniform);
int64_t fb3_codec_centre(const fb3_codec *codec, const uint16_t *tokens);

/* Numbers from the least to the greatest that the first `known` tokens of a numeric column leave. */
fb3_interval fb3_codec_range(const fb3_codec *codec, const uint16_t *tokens, size_t known);

/* The key of a number, in the digits of the column. */
int64_t fb3_codec_key(const fb3_codec *codec, double number);

/* Whether a token of the slot place, after those before it, leaves a value of the domain. Digits may be said
 * to where they do not. */
bool fb3_codec_meets(const fb3_codec *codec, const uint16_t *before, size_t place, size_t token,
                     const fb3_domain *domain);

/* Whether tokens of a numeric column stand for a value of the domain. */
bool fb3_codec_reaches(const fb3_codec *codec, const fb3_domain *domain);

/* As fb3_codec_draw for a numeric column, inside a domain; false: it holds none of the values. */
bool fb3_codec_draw_within(const fb3_codec *codec, const uint16_t *tokens, const fb3_domain *domain,
                           double uniform, int64_t *key);

/* ---- columns that get levels (choose.c) --------------------------------------------------------- */

/* Sets chosen[columns of the tokenizer], all false, of automatic columns of bins for which another column
 * tells where inside a bin a value lies. columns: those of the table. Errors: MEMORY. */
flowbd3_status fb3_choose_levels(bool *chosen, const flowbd3_tokenizer *tokenizer, const flowbd3_table *table,
                                 const size_t *columns, flowbd3_error *err);

/* ---- levels (levels.c) ------------------------------------------------------------------------- */

flowbd3_status fb3_levels_fit(fb3_levels *levels, flowbd3_context *context, const fb3_cells *cells,
                              flowbd3_codec codec, const flowbd3_tokenizer_options *options,
                              flowbd3_error *err);

/* Memory for levels, of which groups is 0 for one slot. False: no memory. */
bool fb3_levels_allocate(fb3_levels *levels, flowbd3_context *context, size_t count, size_t n_knots,
                         size_t groups);
void fb3_levels_release(fb3_levels *levels, flowbd3_context *context);

/* Level of a key; level of tokens, the last of its group for a second token beyond it; and back. */
size_t fb3_levels_find(const fb3_levels *levels, int64_t key);
size_t fb3_levels_of_tokens(const fb3_levels *levels, const uint16_t *tokens);
void fb3_levels_tokens(const fb3_levels *levels, size_t level, uint16_t *tokens);

int64_t fb3_levels_draw(const fb3_levels *levels, size_t level, const fb3_codec *codec, double uniform);
int64_t fb3_levels_centre(const fb3_levels *levels, size_t level, const fb3_codec *codec);

/* Whether a level holds a number of the domain; what share of its cells is in the domain, above 0 where any
 * number is; and one of them, drawn. */
bool fb3_levels_meet(const fb3_levels *levels, size_t level, const fb3_codec *codec,
                     const fb3_domain *domain);
double fb3_levels_share(const fb3_levels *levels, size_t level, const fb3_codec *codec,
                        const fb3_domain *domain);
bool fb3_levels_draw_within(const fb3_levels *levels, size_t level, const fb3_codec *codec,
                            const fb3_domain *domain, double uniform, int64_t *key);

/* ---- categories (categories.c) ----------------------------------------------------------------- */

flowbd3_status fb3_categories_fit(fb3_categories *categories, flowbd3_context *context,
                                  const fb3_cells *cells, const flowbd3_tokenizer_options *options,
                                  flowbd3_error *err);

/* Fills sorted, which makes the categories ready for fb3_categories_find. False: no memory. */
bool fb3_categories_sort(fb3_categories *categories, flowbd3_context *context);
void fb3_categories_release(fb3_categories *categories, flowbd3_context *context);

/* Token of a text, or -1. */
int32_t fb3_categories_find(const fb3_categories *categories, const char *text);

/* Code of a token. That of rare texts, which are not kept and samplers do not draw, gives the most frequent
 * text of the domain, or with NULL of all; -1: the domain has none. */
int32_t fb3_categories_code(const fb3_categories *categories, size_t token, const fb3_domain *domain);

/* ---- digits (digits.c) ------------------------------------------------------------------------- */

/* Digits for numbers from low to high, of which none came yet; NULL: no memory. Cells of a key are counted,
 * and when all are, the digits that came are the tokens. */
fb3_digits *fb3_digits_create(flowbd3_context *context, int64_t low, int64_t high);
void fb3_digits_count(fb3_digits *digits, int64_t key, uint64_t cells);
void fb3_digits_settle(fb3_digits *digits);
flowbd3_status fb3_digits_fit(fb3_digits **digits, flowbd3_context *context, const fb3_cells *cells,
                              flowbd3_error *err);
void fb3_digits_tokens(const fb3_digits *digits, int64_t key, uint16_t *tokens);
int64_t fb3_digits_key(const fb3_digits *digits, const uint16_t *tokens);

/* From the least to the greatest number that the first `known` digits leave; low > high: none. */
fb3_interval fb3_digits_range(const fb3_digits *digits, const uint16_t *tokens, size_t known);

/* Middle of the numbers that begin with the digit of a token. */
double fb3_digits_centre(const fb3_digits *digits, size_t token);

#endif
