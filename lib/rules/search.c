/* The search for rules: the door, the rows that are looked at first, and the last count. */
#include "rules/search.h"

#include <stdlib.h>
#include <string.h>

/* ---- what the parts share ---------------------------------------------------------------------- */

typedef struct piece {
    fb3_task task;
    void *argument;
    size_t first;
} piece;

static void run_one(void *argument, size_t i, unsigned worker) {
    piece *p = argument;
    p->task(p->argument, p->first + i, worker);
}

static bool report(fb3_search *search, double share) {
    double part = search->from + share * (search->to - search->from);
    uint64_t done = (uint64_t)(part * (double)search->rows);
    return fb3_report(&search->reporter, done < search->rows ? done : search->rows - 1, (double)NAN);
}

bool fb3_search_run(fb3_search *search, size_t count, fb3_task task, void *argument) {
    size_t most = 4 * (size_t)flowbd3_context_threads(search->context);
    for (size_t first = 0; first < count; first += most) {
        if (report(search, (double)first / (double)count))
            return false;
        size_t n = count - first < most ? count - first : most;
        fb3_parallel(search->context, n, run_one, &(piece){task, argument, first});
    }
    return true;
}

flowbd3_status fb3_search_cancelled(flowbd3_error *err) {
    return fb3_fail(err, FLOWBD3_CANCELLED, "the search for rules was cancelled");
}

size_t fb3_search_column(const fb3_search *search, const char *name) {
    for (size_t i = 0; name != NULL && i < search->n_columns; i++)
        if (strcmp(search->table->columns[i].name, name) == 0)
            return i;
    return SIZE_MAX;
}

static bool speaks_of(const fb3_search *search, const size_t *columns, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(search->table->columns[columns[i]].name, name) == 0)
            return true;
    return false;
}

bool fb3_search_forbids(const fb3_search *search, const size_t *columns, size_t count) {
    for (size_t i = 0; search->given != NULL && i < search->given->n_forbidden; i++) {
        const fb3_forbidden_rule *forbidden = &search->given->forbidden[i];
        bool all = forbidden->n_columns > 0;
        for (size_t j = 0; j < forbidden->n_columns && all; j++)
            all = speaks_of(search, columns, count, forbidden->columns[j]);
        if (all)
            return true;
    }
    return false;
}

/* ---- sampled rows ------------------------------------------------------------------------------ */

enum { MOST_SAMPLED = 8192, LEAST_SAMPLED = 512, SAMPLED_CELLS = 1 << 23 };

/* One row of each of n_sample equal stretches of the table, in random order. */
static bool draw_sample(fb3_search *search) {
    size_t n = SAMPLED_CELLS / (search->n_columns + 1);
    n = n > MOST_SAMPLED ? MOST_SAMPLED : n;
    n = n < LEAST_SAMPLED ? LEAST_SAMPLED : n;
    n = n > search->rows ? search->rows : n;
    search->n_sample = n;
    search->sample = fb3_allocate(search->context, n, sizeof *search->sample);
    if (search->sample == NULL)
        return false;
    fb3_permutation(search->sample, n, search->options.seed, FB3_RANDOM_SUBSAMPLE, 0);
    double stretch = (double)search->rows / (double)n;
    for (size_t i = 0; i < n && n < search->rows; i++) {
        size_t k = search->sample[i];
        double u = fb3_uniform(search->options.seed, FB3_RANDOM_SUBSAMPLE, k, 1);
        size_t row = (size_t)(((double)k + u) * stretch);
        search->sample[i] = row < search->rows ? row : search->rows - 1;
    }
    return true;
}

static int compare_numbers(const void *x, const void *y) {
    double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

typedef struct profiling {
    fb3_search *search;
    double *scratch; /* [threads, n_sample] */
} profiling;

static void profile_column(void *argument, size_t i, unsigned worker) {
    profiling *p = argument;
    fb3_search *search = p->search;
    const fb3_column *column = &search->table->columns[i];
    fb3_profile *profile = &search->profiles[i];
    double *values = search->values + i * search->n_sample, *sorted = p->scratch + worker * search->n_sample;
    size_t n = 0;
    for (size_t k = 0; k < search->n_sample; k++) {
        values[k] = fb3_search_value(column, search->sample[k]);
        if (!isnan(values[k]))
            sorted[n++] = values[k];
    }
    qsort(sorted, n, sizeof *sorted, compare_numbers);
    profile->numeric = !fb3_has_dictionary(column->type);
    for (size_t k = 0; k < n; k++)
        profile->distinct += k == 0 || sorted[k] != sorted[k - 1];
    profile->low = n > 0 ? sorted[0] : 0.0;
    profile->high = n > 0 ? sorted[n - 1] : 0.0;
    if (column->type == FLOWBD3_TYPE_REAL && column->decimals >= 0)
        profile->blur = 0.5 * pow(10.0, -column->decimals);
}

/* Columns that rules of the user compute, and what from. */
static void mark_given(fb3_search *search) {
    for (size_t i = 0; i < search->n_columns; i++)
        search->sources[i][0] = search->sources[i][1] = SIZE_MAX;
    for (size_t i = 0; search->given != NULL && i < search->given->count; i++) {
        const fb3_rule *rule = &search->given->rules[i];
        if (rule->claim != FB3_CLAIM_DERIVED)
            continue;
        size_t column = fb3_search_column(search, rule->derived.column);
        search->profiles[column].derived = true;
        size_t a = fb3_search_column(search, rule->derived.a), b = fb3_search_column(search, rule->derived.b);
        if (fb3_search_depends(search, a, column) || (b != SIZE_MAX && fb3_search_depends(search, b, column)))
            continue;
        search->sources[column][0] = a;
        search->sources[column][1] = b;
    }
}

static flowbd3_status look_at_columns(fb3_search *search, flowbd3_error *err) {
    if (!draw_sample(search))
        return fb3_no_memory(err, "rows to look at");
    profiling p = {search, fb3_allocate(search->context, flowbd3_context_threads(search->context),
                                        search->n_sample * sizeof(double))};
    search->values =
        fb3_allocate(search->context, search->n_columns, search->n_sample * sizeof *search->values);
    search->profiles = fb3_allocate_zero(search->context, search->n_columns, sizeof *search->profiles);
    search->sources = fb3_allocate(search->context, search->n_columns, sizeof *search->sources);
    flowbd3_status status = FLOWBD3_OK;
    if (p.scratch == NULL || search->values == NULL || search->profiles == NULL || search->sources == NULL)
        status = fb3_no_memory(err, "rows to look at");
    else if (!fb3_search_run(search, search->n_columns, profile_column, &p))
        status = fb3_search_cancelled(err);
    if (status == FLOWBD3_OK)
        mark_given(search);
    fb3_release(search->context, p.scratch);
    return status;
}

/* ---- the last count ---------------------------------------------------------------------------- */

typedef struct counting {
    const fb3_search *search;
    const fb3_bound *bound;
    fb3_cell *cells;  /* [threads, n_columns] */
    uint64_t *counts; /* [threads, bound->count, 2] rows a rule applies to, and those that obey */
} counting;

static void count_piece(void *argument, size_t i, unsigned worker) {
    counting *c = argument;
    size_t first = i * FB3_SEARCH_PIECE, end = first + FB3_SEARCH_PIECE;
    fb3_cell *cells = c->cells + worker * c->search->n_columns;
    uint64_t *counts = c->counts + (size_t)worker * c->bound->count * 2;
    for (size_t row = first; row < end && row < c->search->rows; row++) {
        fb3_cells_of_row(cells, c->search->table, row);
        for (size_t k = 0; k < c->bound->count; k++) {
            fb3_verdict verdict = fb3_bound_judge(c->bound, k, cells);
            counts[2 * k] += verdict != FB3_SAYS_NOTHING;
            counts[2 * k + 1] += verdict == FB3_OBEYED;
        }
    }
}

static flowbd3_status count_rules(fb3_search *search, flowbd3_rules *rules, flowbd3_error *err) {
    fb3_bound *bound;
    flowbd3_status status = fb3_bound_create_table(&bound, rules, search->table, false, err);
    if (status != FLOWBD3_OK)
        return status;
    size_t threads = flowbd3_context_threads(search->context);
    counting c = {search, bound,
                  fb3_allocate(search->context, threads, (search->n_columns + 1) * sizeof(fb3_cell)),
                  fb3_allocate_zero(search->context, threads, (bound->count + 1) * 2 * sizeof(uint64_t))};
    if (c.cells == NULL || c.counts == NULL)
        status = fb3_no_memory(err, "the counts of rules");
    else if (!fb3_search_run(search, fb3_search_pieces(search), count_piece, &c))
        status = fb3_search_cancelled(err);
    for (size_t k = 0; k < bound->count && status == FLOWBD3_OK; k++) {
        fb3_rule *rule = &rules->rules[bound->bound[k].number];
        rule->applies = rule->obey = 0;
        for (size_t t = 0; t < threads; t++) {
            rule->applies += c.counts[(t * bound->count + k) * 2];
            rule->obey += c.counts[(t * bound->count + k) * 2 + 1];
        }
    }
    fb3_release(search->context, c.cells);
    fb3_release(search->context, c.counts);
    fb3_bound_destroy(&bound);
    return status;
}

uint64_t fb3_rules_least_rows(uint64_t rows) {
    return rows > 30000 ? rows / 1000 : 30;
}

void fb3_rules_drop_weak(flowbd3_rules *rules, double min_share, uint64_t min_rows) {
    size_t kept = 0;
    for (size_t i = 0; i < rules->count; i++) {
        fb3_rule *rule = &rules->rules[i];
        if (!rule->found ||
            (rule->applies >= min_rows && (double)rule->obey >= min_share * (double)rule->applies))
            rules->rules[kept++] = *rule;
        else
            fb3_rule_release(rule, rules->context);
    }
    rules->count = kept;
}

/* ---- what the user says ------------------------------------------------------------------------ */

static bool copy_given(flowbd3_rules *rules, const flowbd3_rules *given) {
    if (given != NULL)
        rules->search = given->search;
    return fb3_rules_append_all(rules, given) && fb3_rules_forbid_all(rules, given);
}

/* Whether a found rule is one of the given ones, some of which may have been found before, or of a name that
 * the user forbids. */
static bool is_unwanted(const flowbd3_rules *rules, size_t given, const fb3_rule *rule) {
    for (size_t i = 0; i < given; i++)
        if (strcmp(rules->rules[i].text, rule->text) == 0)
            return true;
    for (size_t i = 0; i < rules->n_forbidden; i++)
        if (rules->forbidden[i].name != NULL && strcmp(rules->forbidden[i].name, rule->name) == 0)
            return true;
    return false;
}

/* Moves the rules that were found behind the given ones. */
static flowbd3_status move_found(fb3_search *search, flowbd3_rules *rules, flowbd3_error *err) {
    size_t given = rules->count;
    flowbd3_status status = fb3_rules_finish(rules, err);
    if (status == FLOWBD3_OK)
        status = fb3_rules_finish(search->found, err);
    for (size_t i = 0; i < search->found->count && status == FLOWBD3_OK; i++) {
        fb3_rule *from = &search->found->rules[i];
        if (is_unwanted(rules, given, from))
            continue;
        fb3_rule *rule = fb3_rules_append(rules);
        if (rule == NULL)
            return fb3_no_memory(err, "a rule");
        *rule = *from;
        *from = (fb3_rule){0};
        rule->found = true;
        /* Its name may be one of the given ones. */
        fb3_release(rules->context, rule->name);
        rule->name = NULL;
    }
    return status == FLOWBD3_OK ? fb3_rules_finish(rules, err) : status;
}

/* ---- the door ---------------------------------------------------------------------------------- */

flowbd3_status flowbd3_rules_search_options_init(flowbd3_rules_search_options *options, size_t size) {
    return fb3_options_init(options, size);
}

static flowbd3_status read_options(fb3_search *search, const flowbd3_rules_search_options *options,
                                   flowbd3_error *err) {
    flowbd3_rules_search_options *o = &search->options;
    flowbd3_status status = fb3_options_copy(o, sizeof *o, options, "flowbd3_rules_search_options", err);
    if (status != FLOWBD3_OK)
        return status;
    if (o->min_share == 0.0)
        o->min_share = FB3_LEAST_SHARE;
    if (!(o->min_share > 0.5 && o->min_share <= 1.0))
        return fb3_fail(err, FLOWBD3_ERROR_RANGE, "min_share is %g, expected above 0.5 and at most 1",
                        o->min_share);
    if (o->min_rows == 0)
        o->min_rows = fb3_rules_least_rows(search->rows);
    return FLOWBD3_OK;
}

typedef flowbd3_status (*search_part)(fb3_search *search, flowbd3_error *err);

static flowbd3_status search_table(fb3_search *search, flowbd3_error *err) {
    static const struct {
        search_part part;
        double until;
    } parts[] = {{look_at_columns, 0.05},
                 {fb3_search_derived, 0.5},
                 {fb3_search_bounds, 0.65},
                 {fb3_search_implications, 0.85}};
    flowbd3_status status = FLOWBD3_OK;
    for (size_t i = 0; i < FB3_COUNT(parts) && status == FLOWBD3_OK; i++) {
        search->from = search->to;
        search->to = parts[i].until;
        status = parts[i].part(search, err);
    }
    return status;
}

static flowbd3_status run_search(fb3_search *search, flowbd3_rules *rules, flowbd3_error *err) {
    flowbd3_status status = FLOWBD3_OK;
    if (!copy_given(rules, search->given))
        return fb3_no_memory(err, "the given rules");
    /* Columns that are not there are an error before the search. */
    fb3_bound *bound;
    status = fb3_bound_create_table(&bound, rules, search->table, false, err);
    if (status != FLOWBD3_OK)
        return status;
    fb3_bound_destroy(&bound);
    if (rules->search)
        status = search_table(search, err);
    if (status == FLOWBD3_OK)
        status = move_found(search, rules, err);
    search->from = search->to;
    search->to = 1.0;
    if (status == FLOWBD3_OK)
        status = count_rules(search, rules, err);
    if (status == FLOWBD3_OK)
        fb3_rules_drop_weak(rules, search->options.min_share, search->options.min_rows);
    if (status == FLOWBD3_OK && fb3_report(&search->reporter, search->rows, (double)NAN))
        status = fb3_search_cancelled(err);
    return status;
}

flowbd3_status flowbd3_rules_search(flowbd3_rules **out, const flowbd3_table *table,
                                    const flowbd3_rules *given, const flowbd3_rules_search_options *options,
                                    flowbd3_error *err) {
    if (out == NULL)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_rules_search: out is NULL");
    *out = NULL;
    if (table == NULL || table->rows == 0)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_rules_search: the table %s",
                        table == NULL ? "is NULL" : "has no rows");
    fb3_search search = {.context = table->context,
                         .table = table,
                         .given = given,
                         .n_columns = table->n_columns,
                         .rows = table->rows};
    flowbd3_status status = read_options(&search, options, err);
    if (status != FLOWBD3_OK)
        return status;
    fb3_reporter_start(&search.reporter, search.options.progress, search.options.progress_user, "search",
                       table->rows);
    flowbd3_rules *rules = fb3_rules_create(table->context);
    search.found = fb3_rules_create(table->context);
    if (rules == NULL || search.found == NULL)
        status = fb3_no_memory(err, "rules");
    else
        status = run_search(&search, rules, err);
    fb3_release(search.context, search.sample);
    fb3_release(search.context, search.values);
    fb3_release(search.context, search.profiles);
    fb3_release(search.context, search.sources);
    flowbd3_rules_destroy(&search.found);
    if (status == FLOWBD3_OK)
        *out = rules;
    else
        flowbd3_rules_destroy(&rules);
    return status;
}
