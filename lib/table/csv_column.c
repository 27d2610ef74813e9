/* Columns of a CSV file while they are read: cells stored by type, types widened. */
#include "table/csv.h"

#include <math.h>
#include <string.h>

/* What the text of a cell is, from the narrowest kind. */
typedef enum kind { KIND_INTEGER, KIND_REAL, KIND_NONFINITE, KIND_TIMESTAMP, KIND_ADDRESS, KIND_TEXT } kind;

typedef struct cell {
    int64_t integer;
    double real;
    int decimals; /* of real, as in flowbd3_table_decimals */
    fb3_time time;
    char address[FB3_ADDRESS_TEXT]; /* canonical */
    size_t address_size;
} cell;

enum { MOST_DIGITS = 17 };

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static size_t sign_size(const char *text, size_t size) {
    return size > 0 && (*text == '-' || *text == '+');
}

static bool equals_ignoring_case(const char *text, size_t size, const char *lower) {
    if (strlen(lower) != size)
        return false;
    for (size_t i = 0; i < size; i++)
        if ((text[i] >= 'A' && text[i] <= 'Z' ? text[i] + ('a' - 'A') : text[i]) != lower[i])
            return false;
    return true;
}

static bool is_nonfinite(const char *text, size_t size) {
    size_t sign = sign_size(text, size);
    if (size == sign || is_digit(text[sign]))
        return false;
    return equals_ignoring_case(text + sign, size - sign, "nan") ||
           equals_ignoring_case(text + sign, size - sign, "inf") ||
           equals_ignoring_case(text + sign, size - sign, "infinity");
}

/* Digits after the point that print a number exactly, of which the text has fraction digits (-1: and an
 * exponent): "2.5e-05" needs 6. -1 when a double has fewer digits than that, or the text is better short. */
static int decimals_of(const char *text, size_t size, int fraction) {
    int digits = 0, after_point = 0, exponent = 0;
    size_t i = 0;
    for (bool point = false; i < size && text[i] != 'e' && text[i] != 'E'; i++) {
        point = point || text[i] == '.';
        after_point += point && is_digit(text[i]);
        digits += is_digit(text[i]) && (digits > 0 || text[i] != '0');
    }
    if (fraction < 0) {
        bool negative = memchr(text + i, '-', size - i) != NULL;
        for (; i < size; i++)
            if (is_digit(text[i]) && exponent < 1000)
                exponent = 10 * exponent + (text[i] - '0');
        after_point = negative ? after_point + exponent : after_point > exponent ? after_point - exponent : 0;
    }
    bool large = exponent > MOST_DIGITS;
    return large || digits > MOST_DIGITS || after_point > MOST_DIGITS ? -1 : after_point;
}

static bool parse_number(cell *c, const char *text, size_t size) {
    if (!fb3_parse_real(text, size, &c->real, &c->decimals))
        return false;
    if (c->decimals < 0 || size > MOST_DIGITS)
        c->decimals = decimals_of(text, size, c->decimals);
    return true;
}

/* Kind of a cell whose type is inferred. Zeros before the number mean something to whoever wrote them (codes,
 * postal codes), so such a cell is text. */
static kind classify(cell *c, const char *text, size_t size) {
    if (fb3_parse_integer(text, size, &c->integer))
        return KIND_INTEGER;
    size_t sign = sign_size(text, size);
    if (size > sign && (is_digit(text[sign]) || text[sign] == '.')) {
        bool zeros = size > sign + 1 && text[sign] == '0' && is_digit(text[sign + 1]);
        return !zeros && parse_number(c, text, size) ? KIND_REAL : KIND_TEXT;
    }
    return is_nonfinite(text, size) ? KIND_NONFINITE : KIND_TEXT;
}

/* Kind of a cell of which the caller knows that it is a number: zeros before it and a plus are allowed. */
static kind classify_number(cell *c, flowbd3_type type, const char *text, size_t size) {
    if (is_nonfinite(text, size))
        return KIND_NONFINITE;
    if (type == FLOWBD3_TYPE_REAL)
        return parse_number(c, text, size) ? KIND_REAL : KIND_TEXT;
    if (fb3_parse_integer(text, size, &c->integer))
        return KIND_INTEGER;
    bool negative = size > 0 && *text == '-';
    size_t sign = sign_size(text, size);
    while (size > sign + 1 && text[sign] == '0')
        sign++;
    if (size == sign || !is_digit(text[sign]) || !fb3_parse_integer(text + sign, size - sign, &c->integer))
        return KIND_TEXT;
    if (negative)
        c->integer = -c->integer;
    return KIND_INTEGER;
}

static kind classify_address(cell *c, const char *text, size_t size) {
    c->address_size = fb3_address_canonical(c->address, text, size);
    return c->address_size != 0 ? KIND_ADDRESS : KIND_TEXT;
}

/* Where the type is inferred, all times of a column have one form. */
static kind classify_time(cell *c, const fb3_csv_column *column, const char *text, size_t size) {
    return fb3_time_parse(&c->time, text, size) &&
                   (column->fixed || column->column.type == FLOWBD3_TYPE_AUTO ||
                    c->time.form == column->column.form)
               ? KIND_TIMESTAMP
               : KIND_TEXT;
}

/* Kind of a cell as its column needs it. */
static kind classify_for(cell *c, const fb3_csv_column *column, const char *text, size_t size) {
    flowbd3_type type = column->column.type;
    if (type == FLOWBD3_TYPE_TIMESTAMP)
        return classify_time(c, column, text, size);
    if (type == FLOWBD3_TYPE_ADDRESS)
        return classify_address(c, text, size);
    if (column->fixed)
        return classify_number(c, type, text, size);
    kind k = classify(c, text, size);
    if (k == KIND_TEXT && type == FLOWBD3_TYPE_AUTO)
        k = classify_time(c, column, text, size);
    if (k == KIND_TEXT && type == FLOWBD3_TYPE_AUTO)
        k = classify_address(c, text, size);
    return k;
}

/* ---- storing ----------------------------------------------------------------------------------- */

static bool reserve(fb3_csv_column *c, flowbd3_context *context, size_t rows) {
    if (rows <= c->capacity)
        return true;
    size_t capacity = c->capacity + c->capacity / 2;
    if (capacity < rows)
        capacity = rows;
    if (capacity < 256)
        capacity = 256;
    void *cells = fb3_reallocate(context, c->column.cells, capacity, fb3_cell_size(c->column.type));
    if (cells == NULL)
        return false;
    c->column.cells = cells;
    if (c->column.valid != NULL) {
        uint8_t *valid = fb3_reallocate(context, c->column.valid, capacity, 1);
        if (valid == NULL)
            return false;
        c->column.valid = valid;
    }
    c->capacity = capacity;
    return true;
}

static void write_missing(fb3_column *column, size_t row) {
    fb3_put_missing(column, row);
    column->valid[row] = 0;
}

static bool put_missing(fb3_csv_column *c, flowbd3_context *context, size_t row) {
    c->column.missing++;
    if (c->column.type == FLOWBD3_TYPE_AUTO)
        return true;
    if (c->column.valid == NULL) {
        c->column.valid = fb3_allocate(context, c->capacity, 1);
        if (c->column.valid == NULL)
            return false;
        memset(c->column.valid, 1, row);
    }
    write_missing(&c->column, row);
    return true;
}

/* Gives a column without cells its type; the rows before it are missing. */
static bool set_type(fb3_csv_column *c, flowbd3_context *context, flowbd3_type type, size_t row) {
    fb3_column *column = &c->column;
    column->type = type;
    if (fb3_has_dictionary(type) && column->dictionary == NULL &&
        (column->dictionary = fb3_dictionary_create(context)) == NULL)
        return false;
    if (!reserve(c, context, row + 1))
        return false;
    if (row == 0)
        return true;
    column->valid = fb3_allocate(context, c->capacity, 1);
    if (column->valid == NULL)
        return false;
    for (size_t i = 0; i < row; i++)
        write_missing(column, i);
    return true;
}

static void note_decimals(fb3_column *column, int decimals) {
    if (column->decimals >= 0 && (decimals < 0 || decimals > column->decimals))
        column->decimals = decimals;
}

/* The nearest doubles of the integers so far, as their texts would have given. */
static void widen_to_real(fb3_csv_column *c, size_t row) {
    fb3_column *column = &c->column;
    column->type = FLOWBD3_TYPE_REAL;
    column->decimals = c->long_integer ? -1 : 1;
    for (size_t i = 0; i < row; i++) {
        int64_t value = column->integer[i];
        bool there = column->valid == NULL || column->valid[i];
        column->real[i] = there ? (double)value : (double)NAN;
    }
}

/* Drops what was stored; the second reading fills the column. */
static void leave_for_second(fb3_csv_column *c, flowbd3_context *context) {
    fb3_release(context, c->column.cells);
    fb3_release(context, c->column.valid);
    c->column.cells = NULL;
    fb3_dictionary_release(&c->column.dictionary);
    c->column.valid = NULL;
    c->column.missing = 0;
    c->column.decimals = 0;
    c->column.form = 0;
    c->column.type = FLOWBD3_TYPE_CATEGORICAL;
    c->capacity = 0;
    c->again = true;
}

/* ---- one cell ---------------------------------------------------------------------------------- */

/* A text as a message may show it. */
static int shown(size_t size) {
    return size > 60 ? 60 : (int)size;
}

/* What a cell of a column is expected to be. */
static const char *expected_cell(flowbd3_type type) {
    switch (type) {
    case FLOWBD3_TYPE_INTEGER:
        return "a 64-bit integer";
    case FLOWBD3_TYPE_TIMESTAMP:
        return "a date and time like 2011-08-17 12:01:33.5";
    case FLOWBD3_TYPE_ADDRESS:
        return "an IPv4 or IPv6 address";
    default:
        return "a finite number";
    }
}

static flowbd3_status refuse(const fb3_csv_column *c, const char *text, size_t size, fb3_csv_place place,
                             flowbd3_error *err) {
    return fb3_fail_at(err, FLOWBD3_ERROR_FORMAT, place.line, place.column,
                       "line %lld, column '%.80s': '%.*s' is not %s", (long long)place.line, c->column.name,
                       shown(size), text, expected_cell(c->column.type));
}

static flowbd3_status put_text(fb3_csv_column *c, size_t row, const char *text, size_t size,
                               fb3_csv_place place, flowbd3_error *err) {
    flowbd3_status status = fb3_dictionary_intern(c->column.dictionary, text, size, &c->column.codes[row]);
    if (status == FLOWBD3_ERROR_FORMAT)
        return fb3_fail_at(err, status, place.line, place.column,
                           "line %lld, column '%.80s': the text is not valid UTF-8", (long long)place.line,
                           c->column.name);
    return status == FLOWBD3_OK
               ? status
               : fb3_dictionary_failure(err, status, c->column.name, place.line, place.column);
}

/* A cell that does not fit the type so far: the column widens. */
static flowbd3_status widen(fb3_csv_column *c, flowbd3_context *context, size_t row, kind k,
                            flowbd3_error *err) {
    static const flowbd3_type types[] = {[KIND_INTEGER] = FLOWBD3_TYPE_INTEGER,
                                         [KIND_REAL] = FLOWBD3_TYPE_REAL,
                                         [KIND_TIMESTAMP] = FLOWBD3_TYPE_TIMESTAMP,
                                         [KIND_ADDRESS] = FLOWBD3_TYPE_ADDRESS,
                                         [KIND_TEXT] = FLOWBD3_TYPE_CATEGORICAL};
    fb3_column *column = &c->column;
    if (k > KIND_NONFINITE && c->forgotten) {
        leave_for_second(c, context);
        return FLOWBD3_OK;
    }
    if (column->type == FLOWBD3_TYPE_ADDRESS) {
        /* All texts so far were canonical, so that the dictionary serves. */
        column->type = FLOWBD3_TYPE_CATEGORICAL;
        return FLOWBD3_OK;
    }
    if (k == KIND_REAL && column->type == FLOWBD3_TYPE_INTEGER) {
        widen_to_real(c, row);
        return FLOWBD3_OK;
    }
    if (!set_type(c, context, types[k], row))
        return fb3_no_memory(err, "a column");
    column->decimals = k == KIND_REAL ? 1 : 0;
    return FLOWBD3_OK;
}

static bool fits(flowbd3_type type, kind k) {
    return (type == FLOWBD3_TYPE_INTEGER && k == KIND_INTEGER) ||
           (type == FLOWBD3_TYPE_REAL && (k == KIND_INTEGER || k == KIND_REAL)) ||
           (type == FLOWBD3_TYPE_TIMESTAMP && k == KIND_TIMESTAMP) ||
           (type == FLOWBD3_TYPE_ADDRESS && k == KIND_ADDRESS);
}

/* Stores a value that fits its column, which has integers or reals. */
static void store_number(fb3_csv_column *c, size_t row, const cell *value, kind k, const char *text,
                         size_t size) {
    static const int64_t too_large = INT64_C(100000000000000000); /* 10^17: more than 17 digits */
    fb3_column *column = &c->column;
    if (k == KIND_TIMESTAMP) {
        column->integer[row] = value->time.nanoseconds;
        note_decimals(column, value->time.decimals);
        if (!c->forgotten)
            column->form = value->time.form;
    } else if (column->type == FLOWBD3_TYPE_INTEGER) {
        column->integer[row] = value->integer;
        c->long_integer = c->long_integer || value->integer >= too_large || value->integer <= -too_large;
    } else if (k == KIND_INTEGER) {
        column->real[row] = (double)value->integer;
        note_decimals(column, size > MOST_DIGITS ? decimals_of(text, size, 0) : 0);
    } else {
        column->real[row] = value->real;
        note_decimals(column, value->decimals);
    }
    c->forgotten = true;
}

static flowbd3_status put_value(fb3_csv_column *c, flowbd3_context *context,
                                const flowbd3_csv_options *options, size_t row, const char *text, size_t size,
                                fb3_csv_place place, flowbd3_error *err) {
    fb3_column *column = &c->column;
    cell value;
    kind k = classify_for(&value, c, text, size);
    if (k == KIND_NONFINITE && options->nonfinite == FLOWBD3_CSV_NONFINITE_TEXT)
        k = KIND_TEXT;
    if (c->fixed &&
        (k == KIND_TEXT || (k == KIND_NONFINITE && options->nonfinite == FLOWBD3_CSV_NONFINITE_ERROR)))
        return refuse(c, text, size, place, err);
    if (k == KIND_NONFINITE) {
        c->forgotten = true;
        if (c->nonfinite == 0)
            c->nonfinite = place.line;
        return put_missing(c, context, row) ? FLOWBD3_OK : fb3_no_memory(err, "a column");
    }
    if (!fits(column->type, k)) {
        flowbd3_status status = widen(c, context, row, k, err);
        if (status != FLOWBD3_OK || c->again)
            return status;
    }
    if (column->valid != NULL)
        column->valid[row] = 1;
    if (column->type == FLOWBD3_TYPE_CATEGORICAL)
        return put_text(c, row, text, size, place, err);
    if (column->type == FLOWBD3_TYPE_ADDRESS) {
        c->forgotten = c->forgotten || size != value.address_size || memcmp(text, value.address, size) != 0;
        return put_text(c, row, value.address, value.address_size, place, err);
    }
    store_number(c, row, &value, k, text, size);
    return FLOWBD3_OK;
}

flowbd3_status fb3_csv_column_put(fb3_csv_column *c, flowbd3_context *context,
                                  const flowbd3_csv_options *options, size_t row, const char *text,
                                  size_t size, fb3_csv_place place, flowbd3_error *err) {
    if (c->again || c->filled)
        return FLOWBD3_OK;
    fb3_column *column = &c->column;
    if (fb3_has_dictionary(column->type) && column->dictionary == NULL &&
        (column->dictionary = fb3_dictionary_create(context)) == NULL)
        return fb3_no_memory(err, "a dictionary of categories");
    if (column->type != FLOWBD3_TYPE_AUTO && !reserve(c, context, row + 1))
        return fb3_no_memory(err, "a column");
    if (fb3_csv_is_missing(options, text, size))
        return put_missing(c, context, row) ? FLOWBD3_OK : fb3_no_memory(err, "a column");
    if (column->type != FLOWBD3_TYPE_CATEGORICAL)
        return put_value(c, context, options, row, text, size, place, err);
    if (column->valid != NULL)
        column->valid[row] = 1;
    return put_text(c, row, text, size, place, err);
}

void fb3_csv_column_settle(fb3_csv_column *c) {
    if (c->column.type == FLOWBD3_TYPE_AUTO)
        c->column.type = FLOWBD3_TYPE_REAL;
    if (c->column.type == FLOWBD3_TYPE_REAL && c->column.decimals == 0)
        c->column.decimals = 1;
}

flowbd3_status fb3_csv_column_finish(fb3_csv_column *c, flowbd3_context *context, size_t rows,
                                     flowbd3_error *err) {
    if (c->again || c->filled)
        return FLOWBD3_OK;
    fb3_column *column = &c->column;
    if (column->type == FLOWBD3_TYPE_AUTO && !set_type(c, context, FLOWBD3_TYPE_REAL, rows))
        return fb3_no_memory(err, "a column");
    fb3_csv_column_settle(c);
    if (column->dictionary != NULL)
        fb3_dictionary_seal(column->dictionary);
    /* Shrinking rarely fails; when it does, the larger memory serves as well. */
    void *cells = fb3_reallocate(context, column->cells, rows, fb3_cell_size(column->type));
    if (cells != NULL)
        column->cells = cells;
    uint8_t *valid = column->valid != NULL ? fb3_reallocate(context, column->valid, rows, 1) : NULL;
    if (valid != NULL)
        column->valid = valid;
    c->capacity = rows;
    c->filled = true;
    return FLOWBD3_OK;
}
