/* Values of options: checked, set, released. */
#include "command_line.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Programs end where they have no memory for their own arguments. */
static void *or_exit(void *memory) {
    if (memory == NULL) {
        fputs("out of memory\n", stderr);
        exit(EXIT_FAILURE);
    }
    return memory;
}

static void expect_count(const program_option *option, char expected[256]) {
    size_t used =
        (size_t)snprintf(expected, 256, "a whole number from %.0f to %.0f", option->least, option->most);
    for (const named_count *w = option->words; w != NULL && w->name != NULL; w++)
        used +=
            (size_t)snprintf(expected + used, 256 - used, "%s%s", w[1].name != NULL ? ", " : " or ", w->name);
}

bool set_count(const program_option *option, uint64_t value, char expected[256]) {
    if ((double)value < option->least || (double)value > option->most) {
        expect_count(option, expected);
        return false;
    }
    *(uint64_t *)option->value = value;
    return true;
}

bool set_word(const program_option *option, const char *text, char expected[256]) {
    for (const named_count *w = option->words; w != NULL && w->name != NULL; w++)
        if (strcmp(w->name, text) == 0) {
            *(uint64_t *)option->value = w->count;
            return true;
        }
    expect_count(option, expected);
    return false;
}

const char *word_of(const program_option *option) {
    for (const named_count *w = option->words; w != NULL && w->name != NULL; w++)
        if (w->count == *(const uint64_t *)option->value)
            return w->name;
    return NULL;
}

bool set_real(const program_option *option, double value, char expected[256]) {
    if (!(value >= option->least && value <= option->most)) {
        snprintf(expected, 256, "a number from %g to %g", option->least, option->most);
        return false;
    }
    /* As many digits as a configuration file holds: what is read back from one is equal. */
    char text[32];
    snprintf(text, sizeof text, "%.15g", value);
    *(double *)option->value = strtod(text, NULL);
    return true;
}

bool set_choice(const program_option *option, const char *text, char expected[256]) {
    size_t used = (size_t)snprintf(expected, 256, "one of");
    for (size_t i = 0; option->choices[i] != NULL; i++) {
        if (strcmp(option->choices[i], text) == 0) {
            *(uint64_t *)option->value = i;
            return true;
        }
        used += (size_t)snprintf(expected + used, 256 - used, "%s %s", i > 0 ? "," : "", option->choices[i]);
    }
    return false;
}

void set_text(const program_option *option, const char *text) {
    char **value = option->value;
    free(*value);
    *value = or_exit(strdup(text));
}

void add_text(text_list *list, const char *text, size_t length) {
    list->items = or_exit(realloc(list->items, (list->count + 1) * sizeof *list->items));
    list->items[list->count++] = or_exit(strndup(text, length));
}

void release_texts(text_list *list) {
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (text_list){NULL, 0};
}

void release_options(const program_option *options, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (options[i].kind == OPTION_TEXT) {
            char **value = options[i].value;
            free(*value);
            *value = NULL;
        } else if (options[i].kind == OPTION_LIST || options[i].kind == OPTION_NAMES) {
            release_texts(options[i].value);
        }
    }
}
