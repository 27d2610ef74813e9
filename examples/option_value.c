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

bool set_count(const program_option *option, uint64_t value, char expected[256]) {
    if ((double)value < option->least || (double)value > option->most) {
        snprintf(expected, 256, "a whole number from %.0f to %.0f", option->least, option->most);
        return false;
    }
    *(uint64_t *)option->value = value;
    return true;
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

void release_options(const program_option *options, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (options[i].kind == OPTION_TEXT) {
            char **value = options[i].value;
            free(*value);
            *value = NULL;
        } else if (options[i].kind == OPTION_LIST || options[i].kind == OPTION_NAMES) {
            text_list *list = options[i].value;
            for (size_t k = 0; k < list->count; k++)
                free(list->items[k]);
            free(list->items);
            *list = (text_list){NULL, 0};
        }
    }
}
