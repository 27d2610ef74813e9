/* Options of a program, from the command line and from a configuration file. */
#ifndef COMMAND_LINE_H
#define COMMAND_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum option_kind {
    OPTION_FLAG,   /* bool */
    OPTION_COUNT,  /* uint64_t */
    OPTION_REAL,   /* double */
    OPTION_CHOICE, /* uint64_t, index into choices */
    OPTION_TEXT,   /* char *, owned */
    OPTION_LIST,   /* text_list; may be repeated */
    OPTION_NAMES   /* text_list; may be repeated, and a command line separates texts by commas */
} option_kind;

typedef struct text_list {
    char **items; /* [count], owned */
    size_t count;
} text_list;

/* A word that stands for a count: "flow". */
typedef struct named_count {
    const char *name;
    uint64_t count;
} named_count;

/* What an option holds that nobody has set: COUNT_UNSET, NaN, NULL, false, no texts. */
#define COUNT_UNSET UINT64_MAX

/* Jansson's integers have 63 bits: the largest double below. */
#define LARGEST_SEED 9223372036854774784.0

enum { OTHER_NAMES = 2 };

typedef struct program_option {
    const char *name; /* "learning-rate"; in a configuration file "learning_rate" */
    option_kind kind;
    void *value;          /* of the type that kind says */
    const char *argument; /* for --help: "N" */
    const char *help;
    double least, most;                   /* of OPTION_COUNT and OPTION_REAL, both included */
    const char *const *choices;           /* of OPTION_CHOICE, NULL at the end */
    const named_count *words;             /* of OPTION_COUNT, accepted besides numbers, without a name at the
                                             end; or NULL */
    const char *other_names[OTHER_NAMES]; /* the reference system's names for it, accepted too; or NULL */
    bool configurable;                    /* may stand in a configuration file */
    bool given;                           /* stood on the command line */
} program_option;

/* Reads the command line into options[count]. Returns -1 when the program is to run, otherwise the status to
 * exit with: --help and --version have been answered, or what is wrong has been said. */
int read_command_line(const char *summary, program_option *options, size_t count, int argc, char **argv);

/* Says that an option without which the program cannot run is missing. -1 or an exit status. */
int require_option(const program_option *options, size_t count, const char *name);

/* Whether the option stood on the command line. */
bool is_given(const program_option *options, size_t count, const char *name);

/* Each sets an option, or returns false and says in expected[] what would have been right. */
bool set_count(const program_option *option, uint64_t value, char expected[256]);
bool set_real(const program_option *option, double value, char expected[256]);
bool set_choice(const program_option *option, const char *text, char expected[256]);
bool set_word(const program_option *option, const char *text, char expected[256]);
void set_text(const program_option *option, const char *text);
void add_text(text_list *list, const char *text, size_t length);

/* The word for the count that an option holds, or NULL. */
const char *word_of(const program_option *option);

void release_texts(text_list *list);
void release_options(const program_option *options, size_t count);

#endif
