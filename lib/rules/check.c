/* The rows of a table against rules, in parallel over pieces of the table. */
#include "rules/rules.h"

#include <string.h>

enum { ROWS_OF_PIECE = 2048 };

/* A worker's share: sums and smallest row numbers, which come out the same whoever adds what. */
typedef struct worker_state {
    fb3_rule_count *counts; /* [bound->count] */
    fb3_cell *cells;        /* [n_columns] */
    uint64_t any;
} worker_state;

typedef struct checker {
    const fb3_bound *bound;
    const flowbd3_table *table;
    worker_state *workers;
} checker;

/* Keeps the FB3_ROWS_SHOWN smallest rows in ascending order. */
static void note_row(fb3_rule_count *count, uint64_t row) {
    size_t kept = count->n_rows, i = kept;
    if (kept == FB3_ROWS_SHOWN && row > count->rows[kept - 1])
        return;
    if (kept < FB3_ROWS_SHOWN)
        count->n_rows++;
    else
        i--;
    for (; i > 0 && count->rows[i - 1] > row; i--)
        count->rows[i] = count->rows[i - 1];
    count->rows[i] = row;
}

static bool check_row(const checker *c, worker_state *worker, size_t row) {
    bool violated = false;
    fb3_cells_of_row(worker->cells, c->table, row);
    for (size_t i = 0; i < c->bound->count; i++) {
        fb3_verdict verdict = fb3_bound_judge(c->bound, i, worker->cells);
        fb3_rule_count *count = &worker->counts[i];
        count->applies += verdict != FB3_SAYS_NOTHING;
        if (verdict != FB3_VIOLATED)
            continue;
        count->violated++;
        note_row(count, row);
        violated = true;
    }
    return violated;
}

static void check_piece(void *argument, size_t i, unsigned worker) {
    const checker *c = argument;
    size_t first = i * ROWS_OF_PIECE, end = first + ROWS_OF_PIECE;
    if (end > c->table->rows)
        end = c->table->rows;
    for (size_t row = first; row < end; row++)
        c->workers[worker].any += check_row(c, &c->workers[worker], row);
}

static void add_count(fb3_rule_count *sum, const fb3_rule_count *count) {
    sum->applies += count->applies;
    sum->violated += count->violated;
    for (size_t i = 0; i < count->n_rows; i++)
        note_row(sum, count->rows[i]);
}

flowbd3_status fb3_bound_check(const fb3_bound *bound, const flowbd3_table *table, fb3_rule_count *counts,
                               uint64_t *any, flowbd3_error *err) {
    flowbd3_context *context = bound->context;
    size_t threads = flowbd3_context_threads(context), n = bound->count;
    worker_state *workers = fb3_allocate_zero(context, threads, sizeof *workers);
    fb3_rule_count *all = fb3_allocate_zero(context, threads * n, sizeof *all);
    fb3_cell *cells = fb3_allocate_zero(context, threads * table->n_columns, sizeof *cells);
    bool there = workers != NULL && all != NULL && cells != NULL;
    if (there) {
        for (size_t i = 0; i < threads; i++)
            workers[i] = (worker_state){all + i * n, cells + i * table->n_columns, 0};
        checker c = {bound, table, workers};
        fb3_parallel(context, (table->rows + ROWS_OF_PIECE - 1) / ROWS_OF_PIECE, check_piece, &c);
        *any = 0;
        memset(counts, 0, n * sizeof *counts);
        for (size_t i = 0; i < threads; i++) {
            *any += workers[i].any;
            for (size_t j = 0; j < n; j++)
                add_count(&counts[j], &workers[i].counts[j]);
        }
    }
    fb3_release(context, workers);
    fb3_release(context, all);
    fb3_release(context, cells);
    return there ? FLOWBD3_OK : fb3_no_memory(err, "the check of rules");
}

flowbd3_status flowbd3_rules_check(const flowbd3_rules *rules, const flowbd3_table *table,
                                   flowbd3_rule_result *results, uint64_t *any, flowbd3_error *err) {
    if (rules == NULL || table == NULL || (results == NULL && rules->count != 0))
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_rules_check: %s is NULL",
                        rules == NULL   ? "rules"
                        : table == NULL ? "table"
                                        : "results");
    fb3_bound *bound;
    flowbd3_status status = fb3_bound_create_table(&bound, rules, table, false, err);
    if (status != FLOWBD3_OK)
        return status;
    uint64_t violating = 0;
    fb3_rule_count *counts = fb3_allocate_zero(table->context, bound->count, sizeof *counts);
    status = counts != NULL ? fb3_bound_check(bound, table, counts, &violating, err)
                            : fb3_no_memory(err, "the check of rules");
    for (size_t i = 0; results != NULL && i < bound->count && status == FLOWBD3_OK; i++)
        results[i] = (flowbd3_rule_result){counts[i].applies, counts[i].violated,
                                           counts[i].n_rows > 0 ? counts[i].rows[0] : UINT64_MAX};
    if (status == FLOWBD3_OK && any != NULL)
        *any = violating;
    fb3_release(table->context, counts);
    fb3_bound_destroy(&bound);
    return status;
}
