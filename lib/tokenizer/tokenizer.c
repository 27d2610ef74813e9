/* Tokenizers: fitted to a table, shared, and described. */
#include "tokenizer/tokenizer.h"

#include <math.h>

/* ---- memory ------------------------------------------------------------------------------------ */

flowbd3_tokenizer *fb3_tokenizer_allocate(flowbd3_context *context, size_t columns) {
    flowbd3_tokenizer *t = fb3_allocate_zero(context, 1, sizeof *t);
    if (t == NULL)
        return NULL;
    atomic_init(&t->references, 1);
    t->context = fb3_context_retain(context);
    t->columns = fb3_allocate_zero(context, columns, sizeof *t->columns);
    if (t->columns == NULL) {
        flowbd3_tokenizer_destroy(&t);
        return NULL;
    }
    t->n_columns = columns;
    return t;
}

/* Slots of a codec. */
static size_t slots_of(const fb3_codec *codec) {
    if (codec->derived)
        return 0;
    if (codec->digits != NULL)
        return codec->digits->places;
    return codec->levels.groups != NULL ? 2 : 1;
}

static bool make_slot(flowbd3_tokenizer *t, size_t column, size_t place) {
    const fb3_codec *codec = &t->columns[column];
    fb3_slot *slot = &t->slots[codec->first_slot + place];
    slot->column = column;
    slot->place = place;
    slot->values = fb3_codec_values(codec, place);
    slot->vocabulary = slot->values + (place == 0 && codec->missing > 0);
    slot->counts = fb3_allocate_zero(t->context, slot->vocabulary, sizeof *slot->counts);
    if (slot->counts == NULL)
        return false;
    fb3_codec_counts(codec, place, slot->counts);
    if (slot->vocabulary > slot->values)
        slot->counts[slot->values] = codec->missing;
    return true;
}

flowbd3_status fb3_tokenizer_make_slots(flowbd3_tokenizer *t, flowbd3_error *err) {
    size_t count = 0;
    for (size_t i = 0; i < t->n_columns; i++) {
        t->columns[i].first_slot = count;
        count += t->columns[i].slots = slots_of(&t->columns[i]);
    }
    if (count == 0)
        return fb3_fail(err, FLOWBD3_ERROR_ARGUMENT, "rules compute every column, expected one to learn");
    t->slots = fb3_allocate_zero(t->context, count, sizeof *t->slots);
    if (t->slots == NULL)
        return fb3_no_memory(err, "the slots of a tokenizer");
    t->n_slots = count;
    for (size_t i = 0; i < t->n_columns; i++)
        for (size_t place = 0; place < t->columns[i].slots; place++)
            if (!make_slot(t, i, place))
                return fb3_no_memory(err, "the slots of a tokenizer");
    return FLOWBD3_OK;
}

flowbd3_tokenizer *fb3_tokenizer_retain(flowbd3_tokenizer *tokenizer) {
    atomic_fetch_add_explicit(&tokenizer->references, 1, memory_order_relaxed);
    return tokenizer;
}

void flowbd3_tokenizer_destroy(flowbd3_tokenizer **tokenizer) {
    if (tokenizer == NULL || *tokenizer == NULL)
        return;
    flowbd3_tokenizer *t = *tokenizer;
    *tokenizer = NULL;
    if (atomic_fetch_sub_explicit(&t->references, 1, memory_order_acq_rel) != 1)
        return;
    flowbd3_context *context = t->context;
    fb3_restraint_destroy(&t->restraint);
    for (size_t i = 0; t->columns != NULL && i < t->n_columns; i++)
        fb3_codec_release(&t->columns[i], context);
    for (size_t i = 0; i < t->n_slots; i++)
        fb3_release(context, t->slots[i].counts);
    fb3_release(context, t->columns);
    fb3_release(context, t->slots);
    flowbd3_rules_destroy(&t->rules);
    fb3_sequencing_destroy(&t->sequencing);
    fb3_release(context, t);
    flowbd3_context_destroy(&context);
}

/* ---- describing -------------------------------------------------------------------------------- */

static const fb3_slot *slot_of(const flowbd3_tokenizer *tokenizer, size_t slot) {
    return tokenizer != NULL && slot < tokenizer->n_slots ? &tokenizer->slots[slot] : NULL;
}

size_t flowbd3_tokenizer_slots(const flowbd3_tokenizer *tokenizer) {
    return tokenizer != NULL ? tokenizer->n_slots : 0;
}

size_t flowbd3_tokenizer_columns(const flowbd3_tokenizer *tokenizer) {
    return tokenizer != NULL ? tokenizer->n_columns : 0;
}

const char *flowbd3_tokenizer_name(const flowbd3_tokenizer *tokenizer, size_t column) {
    return column < flowbd3_tokenizer_columns(tokenizer) ? tokenizer->columns[column].name : NULL;
}

flowbd3_type flowbd3_tokenizer_type(const flowbd3_tokenizer *tokenizer, size_t column) {
    return column < flowbd3_tokenizer_columns(tokenizer) ? tokenizer->columns[column].type
                                                         : FLOWBD3_TYPE_AUTO;
}

size_t flowbd3_tokenizer_vocabulary(const flowbd3_tokenizer *tokenizer, size_t slot) {
    const fb3_slot *s = slot_of(tokenizer, slot);
    return s != NULL ? s->vocabulary : 0;
}

double flowbd3_tokenizer_centre(const flowbd3_tokenizer *tokenizer, size_t slot, size_t token) {
    const fb3_slot *s = slot_of(tokenizer, slot);
    if (s == NULL || token >= s->values || s->place > 0)
        return (double)NAN;
    const fb3_codec *codec = &tokenizer->columns[s->column];
    const fb3_levels *levels = &codec->levels;
    if (codec->digits != NULL)
        return fb3_digits_centre(codec->digits, token);
    if (levels->count == 0)
        return (double)NAN;
    size_t first = levels->groups != NULL ? levels->groups[token] : token;
    size_t last = levels->groups != NULL ? levels->groups[token + 1] - 1 : token;
    return fb3_middle(levels->bins[first].low, levels->bins[last].high);
}

flowbd3_context *fb3_tokenizer_context(const flowbd3_tokenizer *tokenizer) {
    return tokenizer->context;
}

const uint64_t *fb3_tokenizer_counts(const flowbd3_tokenizer *tokenizer, size_t slot) {
    const fb3_slot *s = slot_of(tokenizer, slot);
    return s != NULL ? s->counts : NULL;
}

uint64_t fb3_tokenizer_rows(const flowbd3_tokenizer *tokenizer) {
    return tokenizer->rows;
}

size_t fb3_tokenizer_slot_column(const flowbd3_tokenizer *tokenizer, size_t slot) {
    return tokenizer->slots[slot].column;
}

size_t fb3_tokenizer_column_slots(const flowbd3_tokenizer *tokenizer, size_t column, size_t *first) {
    *first = tokenizer->columns[column].first_slot;
    return tokenizer->columns[column].slots;
}

bool fb3_tokenizer_is_ordered(const flowbd3_tokenizer *tokenizer, size_t slot) {
    const fb3_slot *s = slot_of(tokenizer, slot);
    return s != NULL && tokenizer->columns[s->column].categories.dictionary == NULL;
}

double fb3_tokenizer_place(const flowbd3_tokenizer *tokenizer, size_t slot, size_t token) {
    return tokenizer->slots[slot].place == 0 ? flowbd3_tokenizer_centre(tokenizer, slot, token)
                                             : (double)token;
}

bool fb3_tokenizer_has_missing(const flowbd3_tokenizer *tokenizer, size_t slot) {
    const fb3_slot *s = slot_of(tokenizer, slot);
    return s != NULL && s->vocabulary > s->values;
}

size_t fb3_tokenizer_hidden(const flowbd3_tokenizer *tokenizer, size_t slot) {
    const fb3_slot *s = &tokenizer->slots[slot];
    return tokenizer->columns[s->column].categories.rare > 0 ? s->values - 1 : SIZE_MAX;
}
