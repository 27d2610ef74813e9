/* Options of CSV files, taken and checked. */
#include "table/csv.h"

#include <string.h>

flowbd3_status flowbd3_csv_options_init(flowbd3_csv_options *options, size_t size) {
    return fb3_options_init(options, size);
}

/* A character that no number and no name is made of. */
static bool separates(char c) {
    bool punctuation = c > ' ' && c < 0x7f;
    bool digit = c >= '0' && c <= '9';
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return (punctuation || c == ' ' || c == '\t') && !digit && !letter && strchr("+-._", c) == NULL;
}

static flowbd3_status check_lists(const flowbd3_csv_options *o, flowbd3_error *err) {
    if ((o->types == NULL && o->n_types != 0) || (o->missing == NULL && o->n_missing != 0))
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_csv_options: %s is NULL",
                        o->types == NULL && o->n_types != 0 ? "types" : "missing");
    for (size_t i = 0; i < o->n_types; i++) {
        if (o->types[i].name == NULL)
            return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_csv_options: types[%zu] has no name", i);
        if ((unsigned)o->types[i].type > FLOWBD3_TYPE_ADDRESS)
            return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT,
                            "flowbd3_csv_options: the type of '%.80s' is %d, expected 0 to 5",
                            o->types[i].name, (int)o->types[i].type);
    }
    for (size_t i = 0; i < o->n_missing; i++)
        if (o->missing[i] == NULL)
            return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "flowbd3_csv_options: missing[%zu] is NULL", i);
    return FLOWBD3_OK;
}

flowbd3_status fb3_csv_options_take(flowbd3_csv_options *to, const flowbd3_csv_options *from,
                                    flowbd3_error *err) {
    flowbd3_status status = fb3_options_copy(to, sizeof *to, from, "flowbd3_csv_options", err);
    if (status != FLOWBD3_OK)
        return status;
    if (to->delimiter == 0)
        to->delimiter = ',';
    if (to->quote == 0)
        to->quote = '"';
    if (!separates(to->delimiter))
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT,
                        "delimiter is character %d, expected a tab, a space or an ASCII punctuation mark "
                        "other than + - . _",
                        (int)(unsigned char)to->delimiter);
    if (!separates(to->quote) || to->quote == ' ' || to->quote == '\t' || to->quote == to->delimiter)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT,
                        "quote is character %d, expected an ASCII punctuation mark other than + - . _ and "
                        "the delimiter",
                        (int)(unsigned char)to->quote);
    if ((unsigned)to->header > FLOWBD3_CSV_HEADER_NO)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "header is %d, expected 0 or 1", (int)to->header);
    if ((unsigned)to->nonfinite > FLOWBD3_CSV_NONFINITE_TEXT)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "nonfinite is %d, expected 0 to 2", (int)to->nonfinite);
    return check_lists(to, err);
}

bool fb3_csv_is_missing(const flowbd3_csv_options *options, const char *text, size_t size) {
    if (size == 0)
        return true;
    for (size_t i = 0; i < options->n_missing; i++)
        if (strlen(options->missing[i]) == size && memcmp(options->missing[i], text, size) == 0)
            return true;
    return false;
}
