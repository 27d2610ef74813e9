/* The sequence room: rows of a table become groups of rows in order, their times gaps, and back. */
#ifndef FB3_SEQUENCE_H
#define FB3_SEQUENCE_H

#include "table/table.h"

/* ---- rows in groups (arrangement.c) ------------------------------------------------------------ */

/* Rows of a table as groups of rows in order. */
typedef struct fb3_arrangement {
    flowbd3_context *context;
    size_t rows, groups;
    size_t *order; /* [rows] the table's row at each place: group by group, in order of first appearance */
    size_t *first; /* [groups + 1] place where each group begins; the last is rows */
} fb3_arrangement;

/* Columns of a table that make groups of its rows and order them. */
typedef struct fb3_criteria {
    size_t
        *group_by; /* [n_group_by] rows with equal cells in all of them are one group, missing cells equal */
    size_t n_group_by;
    size_t order_by; /* a numeric column; equal values stay in the table's order. SIZE_MAX: so do all */
} fb3_criteria;

/* A table without rows has no groups. Errors: FORMAT (a missing cell in the column that orders, with row and
 * column), MEMORY. */
flowbd3_status fb3_arrangement_create(fb3_arrangement **out, const flowbd3_table *table,
                                      const fb3_criteria *criteria, flowbd3_error *err);
void fb3_arrangement_destroy(fb3_arrangement **arrangement);

/* ---- sequences to generate (draw.c) ------------------------------------------------------------ */

/* A group of the fitted table. */
typedef struct fb3_group {
    uint64_t before;     /* rows of the stored groups before it */
    uint64_t rows;       /* 1 or more */
    int64_t first, last; /* keys of the ends of its times; 0 without them */
} fb3_group;

/* A sequence to generate: which stored group it is drawn from, how many flows, when the first begins. */
typedef struct fb3_sequence {
    size_t group;
    size_t flows;
    double start;          /* real times */
    int64_t integer_start; /* integer times, and nanoseconds */
} fb3_sequence;

/* A stored group with probability proportional to the number of pieces of length flows that its rows are cut
 * into, one of its pieces uniformly, and about when that began. Times of type AUTO: there are none. A
 * function of seed and number; length > 0, groups > 0. */
fb3_sequence fb3_sequence_draw(const fb3_group *group, size_t groups, flowbd3_type time, size_t length,
                               uint64_t seed, uint64_t number);

/* ---- gaps (gaps.c) ----------------------------------------------------------------------------- */

/* A column of gaps to the previous row of the same group, of the type and decimals of column order_by of the
 * table, of times in nanoseconds; missing for the first row of a group. It has the name of that column, on
 * loan. Errors: RANGE (a gap that the type does not hold, with row and column), MEMORY. */
flowbd3_status fb3_gaps_create(fb3_column *gaps, const flowbd3_table *table, size_t order_by,
                               const fb3_arrangement *arrangement, flowbd3_error *err);

/* Gaps, row after row of the sequences, to times, in the same cells: the start of a sequence for its first
 * row; a missing gap adds nothing, and what passes the greatest number stays there. */
void fb3_gaps_to_times(fb3_column *column, const fb3_sequence *sequences, size_t n_sequences);

/* ---- what a tokenizer keeps of them (sequencing.c) --------------------------------------------- */

enum { FB3_GROUPS_MAX = 4096 };

/* How the rows of a table become sequences, and groups of the fitted one: all, or FB3_GROUPS_MAX of them. */
typedef struct fb3_sequencing {
    flowbd3_context *context;
    char **columns; /* [n_columns] names of the fitted table */
    size_t n_columns;
    char *order_by;      /* NULL: none */
    flowbd3_type time;   /* type of that column; AUTO: none */
    flowbd3_table *keys; /* [groups, group columns] the cells that the rows of a group share */
    fb3_group *group;    /* [groups] */
    size_t groups;
} fb3_sequencing;

/* A cell of a key. */
typedef struct fb3_group_cell {
    bool there;
    union {
        double real;
        int64_t integer;
        const char *text; /* not empty */
    };
} fb3_group_cell;

/* Room for columns and groups, all zero, and keys without columns. NULL: no memory. */
fb3_sequencing *fb3_sequencing_allocate(flowbd3_context *context, size_t columns, size_t groups);
void fb3_sequencing_destroy(fb3_sequencing **sequencing);

/* Appends a group column with a cell for every stored group. Errors: ARGUMENT (name), FORMAT (text), MEMORY.
 */
flowbd3_status fb3_sequencing_add_key(fb3_sequencing *sequencing, const char *name, flowbd3_type type,
                                      int decimals, unsigned form, const fb3_group_cell *cells,
                                      flowbd3_error *err);

/* A table as it is tokenized: the columns of another one, on loan, with gaps in place of its times. */
typedef struct fb3_prepared {
    flowbd3_table table;
    fb3_column *columns; /* its own array of them; NULL: that of the other table, which has no times */
    fb3_column gaps;     /* cells and valid are its own */
} fb3_prepared;

void fb3_prepared_release(fb3_prepared *prepared);

/* Fits sequences to a table that has rows, and prepares it. Of more than FB3_GROUPS_MAX groups a sample by
 * seed is kept. Errors: ARGUMENT (columns not there, named twice, or that leave none; times that are
 * categories), FORMAT (a missing time, no group of two rows), RANGE (gaps), MEMORY. */
flowbd3_status fb3_sequencing_create(fb3_sequencing **out, fb3_prepared *prepared, const flowbd3_table *table,
                                     const char *const *group_by, size_t n_group_by, const char *order_by,
                                     uint64_t seed, flowbd3_error *err);

/* The same for another table. Errors: SCHEMA (column not there or of another type), FORMAT (a missing time),
 * RANGE (gaps), MEMORY. */
flowbd3_status fb3_sequencing_arrange(const fb3_sequencing *sequencing, const flowbd3_table *table,
                                      fb3_arrangement **out, flowbd3_error *err);
flowbd3_status fb3_sequencing_prepare(const fb3_sequencing *sequencing, const flowbd3_table *table,
                                      fb3_prepared *prepared, flowbd3_error *err);

/* A table of whole sequences as the fitted one was: times from gaps, cells of the groups, its order of
 * columns. Takes the columns of *table and destroys it, also on failure. Errors: MEMORY. */
flowbd3_status fb3_sequencing_restore(const fb3_sequencing *sequencing, flowbd3_table **table,
                                      const fb3_sequence *sequences, size_t n_sequences, flowbd3_table **out,
                                      flowbd3_error *err);

#endif
