/* The context of a program. */
#ifndef PROGRAM_CONTEXT_H
#define PROGRAM_CONTEXT_H

#include <flowbd3/context.h>

/* Creates a context of so many threads, 0 = all processors, whose warnings go to standard error, each a line
 * that begins with the program's name. */
flowbd3_status create_program_context(flowbd3_context **out, uint64_t threads, flowbd3_error *err);

#endif
