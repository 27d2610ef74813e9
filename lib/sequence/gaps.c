/* Times as gaps to the row before, and back. */
#include "sequence/sequence.h"

#include <float.h>
#include <math.h>

/* ---- times to gaps ----------------------------------------------------------------------------- */

/* Whether the gap is a number of the column's type. Rounded to the column's decimals, 0.3 - 0.1 is 0.2. */
static bool put_gap(fb3_column *gaps, const fb3_column *times, size_t row, size_t before) {
    if (fb3_has_integers(times->type)) {
        uint64_t gap = (uint64_t)times->integer[row] - (uint64_t)times->integer[before];
        gaps->integer[row] = (int64_t)gap;
        return gap <= INT64_MAX;
    }
    double gap = times->real[row] - times->real[before];
    gaps->real[row] = fb3_round_to_decimals(gap, times->decimals);
    return isfinite(gap);
}

static void put_missing(fb3_column *gaps, size_t row) {
    gaps->valid[row] = 0;
    gaps->missing++;
    fb3_put_missing(gaps, row);
}

flowbd3_status fb3_gaps_create(fb3_column *gaps, const flowbd3_table *table, size_t order_by,
                               const fb3_arrangement *a, flowbd3_error *err) {
    const fb3_column *times = &table->columns[order_by];
    *gaps = (fb3_column){
        .name = times->name, .type = times->type, .decimals = times->decimals, .form = times->form};
    gaps->cells = fb3_allocate(table->context, a->rows, fb3_cell_size(times->type));
    gaps->valid = fb3_allocate(table->context, a->rows, 1);
    if (gaps->cells == NULL || gaps->valid == NULL)
        return fb3_no_memory(err, "the gaps between rows");
    for (size_t g = 0; g < a->groups; g++) {
        put_missing(gaps, a->order[a->first[g]]);
        for (size_t place = a->first[g] + 1; place < a->first[g + 1]; place++) {
            size_t row = a->order[place], before = a->order[place - 1];
            gaps->valid[row] = 1;
            if (!put_gap(gaps, times, row, before))
                return fb3_fail_at(err, FLOWBD3_ERROR_RANGE, (int64_t)row + 1, (int64_t)order_by + 1,
                                   "column '%.80s', row %zu: the gap to row %zu before it is out of range "
                                   "for a column of type %s",
                                   times->name, row + 1, before + 1, fb3_type_name(times->type));
        }
    }
    return FLOWBD3_OK;
}

/* ---- gaps to times ----------------------------------------------------------------------------- */

/* Gaps are never negative, so that times can only pass the upper end. Nanoseconds are rounded to the digits
 * of the second that the column has, whatever the start. */
static void to_integer_times(fb3_column *column, size_t row, const fb3_sequence *sequence) {
    int64_t time = sequence->integer_start;
    for (size_t i = row; i < row + sequence->flows; i++) {
        int64_t gap = i == row || fb3_is_missing(column, i) ? 0 : column->integer[i];
        time = gap > 0 && time > INT64_MAX - gap ? INT64_MAX : time + gap;
        if (column->type == FLOWBD3_TYPE_TIMESTAMP)
            time = fb3_time_round(time, column->decimals);
        column->integer[i] = time;
    }
}

/* Every time is rounded before the next gap is added, so that errors do not add up. */
static void to_real_times(fb3_column *column, size_t row, const fb3_sequence *sequence) {
    double time = sequence->start;
    for (size_t i = row; i < row + sequence->flows; i++) {
        double gap = i == row || fb3_is_missing(column, i) ? 0.0 : column->real[i];
        time = fb3_round_to_decimals(fmin(time + gap, DBL_MAX), column->decimals);
        column->real[i] = time;
    }
}

void fb3_gaps_to_times(fb3_column *column, const fb3_sequence *sequences, size_t n_sequences) {
    size_t row = 0;
    for (size_t i = 0; i < n_sequences; i++) {
        if (fb3_has_integers(column->type))
            to_integer_times(column, row, &sequences[i]);
        else
            to_real_times(column, row, &sequences[i]);
        row += sequences[i].flows;
    }
    column->missing = 0;
}
