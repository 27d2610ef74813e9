/* Ctrl-C asks a program to end where everything is valid; a second one kills it. */
#ifndef INTERRUPT_H
#define INTERRUPT_H

#include <stdbool.h>

/* From now on SIGINT and SIGTERM only set a mark, each the first time it comes. */
void catch_interrupts(void);

bool interrupted(void);

#endif
