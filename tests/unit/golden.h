/* Golden files of lines with a text and, behind a tab, what is expected of it. */
#ifndef GOLDEN_H
#define GOLDEN_H

#include <check.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Calls see for every line of tests/golden/NAME, and returns how many there were. */
static inline int for_each_golden(const char *name, void (*see)(const char *text, const char *expected)) {
    char path[PATH_MAX], line[256];
    int lines = 0;
    (void)snprintf(path, sizeof path, "%s/golden/%s", getenv("FLOWBD3_TEST_DATA"), name);
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "%s does not open", path);
    for (; fgets(line, sizeof line, file) != NULL; lines++) {
        char *tab = strchr(line, '\t');
        ck_assert_ptr_nonnull(tab);
        *tab = '\0';
        tab[1 + strcspn(tab + 1, "\n")] = '\0';
        see(line, tab + 1);
    }
    (void)fclose(file);
    return lines;
}

#endif
