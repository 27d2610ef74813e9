/* A uniform sample of the rows of a stream: those of the least draws. */
#include "tokenizer/gather.h"

static int64_t draw_of(const fb3_row_sample *s, uint64_t row) {
    uint32_t word[4];
    fb3_random(word, s->seed, FB3_RANDOM_ROWS, row, 0);
    return (int64_t)((uint64_t)word[0] << 32 | word[1]);
}

static size_t rows_of(const fb3_row_sample *s) {
    return s->rows != NULL ? s->rows->rows : 0;
}

/* The greatest draw of the limit least ones. False: no memory. */
static bool find_greatest(fb3_row_sample *s) {
    size_t count = rows_of(s);
    int64_t *sorted = fb3_allocate(s->context, count, sizeof *sorted);
    if (sorted == NULL)
        return false;
    memcpy(sorted, s->draws, count * sizeof *sorted);
    fb3_sort_keys(sorted, count);
    s->greatest = sorted[s->limit - 1];
    s->full = true;
    fb3_release(s->context, sorted);
    return true;
}

/* Leaves the rows of the least draws. */
static flowbd3_status prune(fb3_row_sample *s, flowbd3_error *err) {
    size_t count = rows_of(s), kept = 0;
    if (count <= s->limit)
        return FLOWBD3_OK;
    size_t *rows = fb3_allocate(s->context, count, sizeof *rows);
    if (rows == NULL || !find_greatest(s)) {
        fb3_release(s->context, rows);
        return fb3_no_memory(err, "a sample of rows");
    }
    for (size_t i = 0; i < count && kept < s->limit; i++)
        if (s->draws[i] <= s->greatest) {
            s->draws[kept] = s->draws[i];
            rows[kept++] = i;
        }
    flowbd3_table *left;
    flowbd3_status status = flowbd3_table_take(&left, s->rows, rows, kept, err);
    if (status == FLOWBD3_OK) {
        flowbd3_table_destroy(&s->rows);
        s->rows = left;
    }
    fb3_release(s->context, rows);
    return status;
}

static bool reserve(fb3_row_sample *s, size_t rows) {
    if (rows <= s->capacity)
        return true;
    size_t capacity = rows + rows / 2;
    int64_t *draws = fb3_reallocate(s->context, s->draws, capacity, sizeof *draws);
    if (draws == NULL)
        return false;
    s->draws = draws;
    s->capacity = capacity;
    return true;
}

flowbd3_status fb3_row_sample_add(fb3_row_sample *s, const flowbd3_table *chunk, uint64_t first,
                                  flowbd3_error *err) {
    size_t before = rows_of(s), count = 0;
    size_t *rows = fb3_allocate(s->context, chunk->rows, sizeof *rows);
    if (rows == NULL || !reserve(s, before + chunk->rows)) {
        fb3_release(s->context, rows);
        return fb3_no_memory(err, "a sample of rows");
    }
    for (size_t row = 0; row < chunk->rows; row++) {
        int64_t draw = draw_of(s, first + row);
        if (s->full && draw > s->greatest)
            continue;
        s->draws[before + count] = draw;
        rows[count++] = row;
    }
    flowbd3_table *taken = NULL;
    flowbd3_status status = flowbd3_table_take(&taken, chunk, rows, count, err);
    if (status == FLOWBD3_OK && s->rows != NULL) {
        status = flowbd3_table_append(s->rows, taken, err);
        flowbd3_table_destroy(&taken);
    } else if (status == FLOWBD3_OK) {
        s->rows = taken;
    }
    fb3_release(s->context, rows);
    return status == FLOWBD3_OK && (rows_of(s) > 2 * s->limit || !s->full) ? prune(s, err) : status;
}

flowbd3_status fb3_row_sample_finish(fb3_row_sample *s, flowbd3_error *err) {
    return prune(s, err);
}

void fb3_row_sample_release(fb3_row_sample *s) {
    flowbd3_table_destroy(&s->rows);
    fb3_release(s->context, s->draws);
}
