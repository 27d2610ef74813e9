/* Tokenizer: turns the columns of a table into tokens of their own vocabularies, and back. */
#ifndef FLOWBD3_TOKENIZER_H
#define FLOWBD3_TOKENIZER_H

#include <flowbd3/rules.h>
#include <flowbd3/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Immutable once created. Thread-safety: may be shared by any number of threads. Models keep it alive. */
typedef struct flowbd3_tokenizer flowbd3_tokenizer;

/* How the bins of a numeric column are cut. */
typedef enum flowbd3_binning {
    FLOWBD3_BINNING_AUTO =
        0, /* exact values where they fit, otherwise quantile bins with frequent values apart */
    FLOWBD3_BINNING_UNIFORM = 1,  /* bins of equal width between minimum and maximum */
    FLOWBD3_BINNING_QUANTILE = 2, /* bins of equal count */
    FLOWBD3_BINNING_KMEANS = 3    /* one-dimensional k-means (Lloyd), edges half-way between centres */
} flowbd3_binning;

/* How the cells of a column become tokens; docs/tokenizer.md, "Codecs". */
typedef enum flowbd3_codec {
    FLOWBD3_CODEC_AUTO = 0,  /* EXACT for categories and addresses; BINS for numbers, or FINE where another
                                column tells where inside a bin a value lies */
    FLOWBD3_CODEC_EXACT = 1, /* a token for every value */
    FLOWBD3_CODEC_BINS = 2,  /* numbers: one slot of at most `bins` tokens, by `binning` */
    FLOWBD3_CODEC_FINE = 3,  /* numbers: a slot of bins, and one of up to twice `bins` levels inside each */
    FLOWBD3_CODEC_DIGITS = 4 /* integers: a slot for every digit to the base 256, the highest first */
} flowbd3_codec;

/* A codec that the caller chooses. */
typedef struct flowbd3_column_codec {
    const char *name;    /* of the column */
    flowbd3_codec codec; /* AUTO: as without */
    uint32_t bins;       /* of this column; default 0 = that of the options */
} flowbd3_column_codec;

/* Where the rules come from that a tokenizer keeps. */
typedef enum flowbd3_relations {
    FLOWBD3_RELATIONS_SEARCH = 0, /* flowbd3_rules_search in the fitted table, beside those of `rules` */
    FLOWBD3_RELATIONS_OFF = 1     /* those of `rules` alone */
} flowbd3_relations;

typedef struct flowbd3_tokenizer_options {
    size_t struct_size;
    /* Of numeric columns and times; categories and addresses always get a token per value. */
    flowbd3_binning binning;
    /* Tokens of a numeric column, missing apart; 2 to 65000; default 0 = rows / 16, 64 to 256. */
    uint32_t bins;
    uint64_t seed; /* k-means, and which groups are kept */
    /* [n_group_by] columns whose equal cells make rows one group, for example the source host; missing cells
     * are equal. They are not tokenized. Default none: all rows are one group. */
    const char *const *group_by;
    size_t n_group_by;
    /* Column of numbers or times that orders the rows of a group. It is tokenized as the gap to the previous
     * row of the group, of times in nanoseconds, missing for the first. Default NULL: the table's order. */
    const char *order_by;
    /* [n_codecs] codecs of columns, the last one for a name counts; AUTO for the others. */
    const flowbd3_column_codec *codecs;
    size_t n_codecs;
    /* Rare-value protection: a category that came in fewer rows is never emitted, and neither is such a
     * number of an EXACT column; a number of a column of bins comes from a bin of so many rows or more, none
     * of which alone shapes it. The tokenizer does not hold such categories, except as keys of group_by and
     * in `rules`. FINE is BINS then, DIGITS is refused. Default 0: off. */
    uint32_t rare_rows;
    /* Rules that the rows obey. Those that no row of the fitted table violates, and those that are stated in
     * `rules` (may be NULL; copied), are kept: a numeric column that one of them computes from others has no
     * slot, decoded values obey, and samplers generate nothing else. Rules that speak of a column of group_by
     * or order_by are left aside. */
    const flowbd3_rules *rules;
    flowbd3_relations relations; /* default SEARCH */
} flowbd3_tokenizer_options;

#define FLOWBD3_TOKENIZER_OPTIONS_INIT                                                                  \
    {                                                                                                   \
        sizeof(flowbd3_tokenizer_options), FLOWBD3_BINNING_AUTO, 0, 0, NULL, 0, NULL, NULL, 0, 0, NULL, \
            FLOWBD3_RELATIONS_SEARCH                                                                    \
    }

FLOWBD3_API flowbd3_status flowbd3_tokenizer_options_init(flowbd3_tokenizer_options *options, size_t size);

/* Fits a tokenizer to a table. options may be NULL. The caller owns *out.
 * Errors: ARGUMENT (no rows or columns; a column of group_by or order_by that is not in the table, is named
 * twice, or leaves nothing to tokenize; an order_by of categories or addresses; a codec of no column, or one
 * that its column cannot have), RANGE (bins, codecs; a gap that its type cannot hold; rules that no row
 * obeys), SCHEMA (a rule of a column that is not there), FORMAT (a column that is all missing, a categorical
 * or EXACT one with more than 65000 values, one that names rows, one without a value of rare_rows rows, a
 * missing cell in order_by, no group of two rows to have a gap; names the column), MEMORY. */
FLOWBD3_API flowbd3_status flowbd3_tokenizer_create(flowbd3_tokenizer **out, const flowbd3_table *table,
                                                    const flowbd3_tokenizer_options *options,
                                                    flowbd3_error *err);

/* Fits a tokenizer to the rows of a stream, in memory that does not grow with them (docs/tokenizer.md,
 * "Streams"). The stream is read once, and once more when rules were found, or DIGITS are asked for, in more
 * than 131,072 rows; it is left at its end.
 *
 * Missing cells, digits after the point, the least and the greatest number, and the rows of every category
 * are those of all rows, and so is how often every number came in a column of up to 131,072 different ones.
 * Of one with more it is known up to a sketch: the rank of a number is off by 0.081 % of the column's cells
 * or more with probability 10^-6 at most. Rules, and columns that AUTO gives levels, are looked for in a
 * uniform sample of 131,072 rows by the option seed; the rows that obey a rule are then counted among all, so
 * that one row that does not is enough for it not to be kept. Of up to 131,072 rows the tokenizer is the one
 * that flowbd3_tokenizer_create fits to them as a table.
 *
 * Errors: those of flowbd3_tokenizer_create and of the stream; ARGUMENT (group_by or order_by; rare_rows with
 * a sketched column), FORMAT (no rows; other rows when read again). */
FLOWBD3_API flowbd3_status flowbd3_tokenizer_create_stream(flowbd3_tokenizer **out,
                                                           flowbd3_table_stream *stream,
                                                           const flowbd3_tokenizer_options *options,
                                                           flowbd3_error *err);
FLOWBD3_API void flowbd3_tokenizer_destroy(flowbd3_tokenizer **tokenizer);

/* The rules of its columns, with the share of the fitted table's rows that obey each; those that are certain
 * are kept. NULL: there are none. They live as long as the tokenizer. */
FLOWBD3_API const flowbd3_rules *flowbd3_tokenizer_rules(const flowbd3_tokenizer *tokenizer);

/* Slots of a flow: a column has one slot or more, or none when a rule computes it. Columns of group_by are
 * none of the tokenizer's columns. */
FLOWBD3_API size_t flowbd3_tokenizer_slots(const flowbd3_tokenizer *tokenizer);
FLOWBD3_API size_t flowbd3_tokenizer_columns(const flowbd3_tokenizer *tokenizer);
FLOWBD3_API const char *flowbd3_tokenizer_name(const flowbd3_tokenizer *tokenizer, size_t column);
FLOWBD3_API flowbd3_type flowbd3_tokenizer_type(const flowbd3_tokenizer *tokenizer, size_t column);

/* The columns of the fitted table, those of group_by and order_by included, as a table without rows: what a
 * table to encode must have. The caller owns *out. Errors: ARGUMENT, MEMORY. */
FLOWBD3_API flowbd3_status flowbd3_tokenizer_columns_table(const flowbd3_tokenizer *tokenizer,
                                                           flowbd3_table **out, flowbd3_error *err);

/* Tokens of a slot, of which each came in the fitted table; the mask token is apart. Tokens of numbers ascend
 * with them, that of missing cells is the last. 0 when out of range. */
FLOWBD3_API size_t flowbd3_tokenizer_vocabulary(const flowbd3_tokenizer *tokenizer, size_t slot);

/* Centre of a token's bin, in the unit of the column: the value of an exact token, the mid-point between the
 * edges of a bin; NaN for the token of missing cells, for categorical columns, and in a slot after the first
 * of its column. */
FLOWBD3_API double flowbd3_tokenizer_centre(const flowbd3_tokenizer *tokenizer, size_t slot, size_t token);

/* tokens[rows, slots] of a table that has the tokenizer's columns, by name; other columns, and those that
 * rules compute, are left aside.
 * A number outside the fitted range takes the nearest token. Gaps are those of this table, whose groups may
 * be others than the fitted table's; the rows stay in its order.
 * Errors: SCHEMA (column not there or of another type, those of group_by and order_by too; a category or a
 * missing cell that was not there when the tokenizer was fitted, with row and column), FORMAT (a missing cell
 * in order_by), RANGE (a gap that its type cannot hold), MEMORY. */
FLOWBD3_API flowbd3_status flowbd3_tokenizer_encode(const flowbd3_tokenizer *tokenizer,
                                                    const flowbd3_table *table, uint16_t *tokens,
                                                    flowbd3_error *err);

/* Which value a token becomes. */
typedef enum flowbd3_decoding {
    FLOWBD3_DECODE_DRAW = 0,  /* a value drawn inside the bin from its fitted empirical quantiles */
    FLOWBD3_DECODE_CENTRE = 1 /* the centre of the bin; where rounding leaves the bin, a value fitted in it */
} flowbd3_decoding;

/* The table of tokens[rows, slots]. Its rows obey the rules that are kept; a row whose tokens contradict them
 * has the values that it would have without, and what is computed from those. Draws depend on seed,
 * first_row + row and column alone. The values have the column's type and printed precision and, unless
 * computed in such a row, lie inside its fitted range. The column order_by holds the gaps themselves, and
 * those of group_by are not there. Errors: RANGE (a token outside its vocabulary, with row and column),
 * MEMORY. */
FLOWBD3_API flowbd3_status flowbd3_tokenizer_decode(const flowbd3_tokenizer *tokenizer,
                                                    const uint16_t *tokens, size_t rows,
                                                    flowbd3_decoding decoding, uint64_t seed,
                                                    uint64_t first_row, flowbd3_table **out,
                                                    flowbd3_error *err);

/* JSON text (format: docs/tokenizer.md), NUL-terminated, to be given back with flowbd3_string_destroy. */
FLOWBD3_API flowbd3_status flowbd3_tokenizer_to_json(const flowbd3_tokenizer *tokenizer, char **json,
                                                     flowbd3_error *err);
FLOWBD3_API flowbd3_status flowbd3_tokenizer_from_json(flowbd3_tokenizer **out, flowbd3_context *context,
                                                       const char *json, size_t size, flowbd3_error *err);
FLOWBD3_API flowbd3_status flowbd3_tokenizer_save(const flowbd3_tokenizer *tokenizer, const char *path,
                                                  flowbd3_error *err);
FLOWBD3_API flowbd3_status flowbd3_tokenizer_load(flowbd3_tokenizer **out, flowbd3_context *context,
                                                  const char *path, flowbd3_error *err);

#ifdef __cplusplus
}
#endif

#endif
