/* The command line, read by popt. */
#include "command_line.h"
#include "failure.h"

#include <flowbd3/flowbd3.h>

#include <errno.h>
#include <math.h>
#include <popt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION_ASKED = 1, FIRST_OPTION = 2 };

/* ---- texts to values --------------------------------------------------------------------------- */

static bool count_from_text(const program_option *option, const char *text, char expected[256]) {
    uint64_t value = 0;
    if (set_word(option, text, expected))
        return true;
    bool fine = *text != '\0' && text[strspn(text, "0123456789")] == '\0';
    if (fine) {
        errno = 0;
        value = strtoull(text, NULL, 10);
        fine = errno == 0;
    }
    /* A number that is too large is out of range like any other. */
    return set_count(option, fine ? value : COUNT_UNSET, expected);
}

static bool real_from_text(const program_option *option, const char *text, char expected[256]) {
    char *end;
    double value = strtod(text, &end);
    bool fine = end != text && *end == '\0' && text[strspn(text, "+-.0123456789eE")] == '\0';
    return set_real(option, fine ? value : (double)NAN, expected);
}

static void names_from_text(text_list *list, const char *text) {
    for (;;) {
        size_t length = strcspn(text, ",");
        if (length > 0)
            add_text(list, text, length);
        if (text[length] == '\0')
            return;
        text += length + 1;
    }
}

static bool set_from_text(const program_option *option, const char *text, char expected[256]) {
    switch (option->kind) {
    case OPTION_FLAG:
        *(bool *)option->value = true;
        return true;
    case OPTION_COUNT:
        return count_from_text(option, text, expected);
    case OPTION_REAL:
        return real_from_text(option, text, expected);
    case OPTION_CHOICE:
        return set_choice(option, text, expected);
    case OPTION_TEXT:
        set_text(option, text);
        return true;
    case OPTION_LIST:
        add_text(option->value, text, strlen(text));
        return true;
    case OPTION_NAMES:
        names_from_text(option->value, text);
        return true;
    }
    return false;
}

/* ---- popt -------------------------------------------------------------------------------------- */

static struct poptOption popt_entry(const program_option *option, const char *name, int value) {
    return (struct poptOption){.longName = name,
                               .argInfo = option->kind == OPTION_FLAG ? POPT_ARG_NONE : POPT_ARG_STRING,
                               .val = value,
                               .descrip = option->help,
                               .argDescrip = option->argument};
}

/* The options, once for every name, then --version and --help. To be freed. */
static struct poptOption *popt_table(const program_option *options, size_t count) {
    struct poptOption *table = calloc((1 + OTHER_NAMES) * count + 3, sizeof *table);
    size_t n = 0;
    for (size_t i = 0; table != NULL && i < count; i++) {
        table[n++] = popt_entry(&options[i], options[i].name, FIRST_OPTION + (int)i);
        for (size_t k = 0; k < OTHER_NAMES && options[i].other_names[k] != NULL; k++) {
            table[n] = popt_entry(&options[i], options[i].other_names[k], FIRST_OPTION + (int)i);
            table[n++].argInfo |= POPT_ARGFLAG_DOC_HIDDEN;
        }
    }
    if (table == NULL)
        return NULL;
    table[n++] = (struct poptOption){.longName = "version",
                                     .argInfo = POPT_ARG_NONE,
                                     .val = VERSION_ASKED,
                                     .descrip = "Print the version and how the library was built"};
    table[n++] = (struct poptOption){NULL, '\0', POPT_ARG_INCLUDE_TABLE, poptHelpOptions, 0, "Help:", NULL};
    return table;
}

/* argv with '-' for '_' in the names of long options, in one piece of memory to be freed. */
static char **with_dashes(int argc, char **argv) {
    size_t size = ((size_t)argc + 1) * sizeof *argv;
    for (int i = 0; i < argc; i++)
        size += strlen(argv[i]) + 1;
    char **copy = malloc(size);
    if (copy == NULL)
        return NULL;
    char *text = (char *)(copy + argc + 1);
    for (int i = 0; i < argc; i++) {
        copy[i] = strcpy(text, argv[i]);
        text += strlen(text) + 1;
        if (strncmp(copy[i], "--", 2) == 0)
            for (char *c = copy[i]; *c != '\0' && *c != '='; c++)
                *c = *c == '_' ? '-' : *c;
    }
    copy[argc] = NULL;
    return copy;
}

static int read_options(poptContext popt, program_option *options) {
    int code;
    while ((code = poptGetNextOpt(popt)) >= 0) {
        if (code == VERSION_ASKED) {
            printf("%s %s\n%s\n", program_invocation_short_name, flowbd3_version(), flowbd3_build_info());
            return EXIT_SUCCESS;
        }
        program_option *option = &options[code - FIRST_OPTION];
        char *text = poptGetOptArg(popt), expected[256];
        bool fine = set_from_text(option, text, expected);
        int status = fine ? -1 : usage_failure("--%s: '%s' is not %s", option->name, text, expected);
        free(text);
        if (!fine)
            return status;
        option->given = true;
    }
    if (code < -1)
        return usage_failure("%s: %s", poptBadOption(popt, POPT_BADOPTION_NOALIAS), poptStrerror(code));
    if (poptPeekArg(popt) != NULL)
        return usage_failure("unexpected argument '%s'", poptPeekArg(popt));
    return -1;
}

int read_command_line(const char *summary, program_option *options, size_t count, int argc, char **argv) {
    struct poptOption *table = popt_table(options, count);
    char **arguments = with_dashes(argc, argv);
    int status;
    if (table == NULL || arguments == NULL) {
        status = failure("out of memory");
    } else {
        poptContext popt =
            poptGetContext(program_invocation_short_name, argc, (const char **)arguments, table, 0);
        poptSetOtherOptionHelp(popt, summary);
        status = read_options(popt, options);
        poptFreeContext(popt);
    }
    free(arguments);
    free(table);
    return status;
}

bool is_given(const program_option *options, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(options[i].name, name) == 0)
            return options[i].given;
    return false;
}

int require_option(const program_option *options, size_t count, const char *name) {
    return is_given(options, count, name) ? -1 : usage_failure("--%s is missing", name);
}
