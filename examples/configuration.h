/* Configuration files: one JSON object with a member per option. */
#ifndef CONFIGURATION_H
#define CONFIGURATION_H

#include "command_line.h"

#include <jansson.h>

/* Sets the configurable options that were not given on the command line. null leaves an option as it is.
 * -1, or the status to exit with: the line names the key and what was expected. */
int read_configuration(const char *path, const program_option *options, size_t count);

/* The configurable options as an object that read_configuration takes; NULL without memory. */
json_t *configuration_to_json(const program_option *options, size_t count);

/* Writes json to path and gives it up. 0, or the status to exit with. */
int write_json(const char *path, json_t *json);

#endif
