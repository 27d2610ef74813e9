/* Version of the interface. meson reads the shared library's soversion from FLOWBD3_API_MAJOR.
 *
 * Changes of the interface, newest first:
 *   0.1.0  first interface: context, table, tokenizer, model, trainer, sampler, evaluator
 */
#ifndef FLOWBD3_VERSION_H
#define FLOWBD3_VERSION_H

#define FLOWBD3_API_MAJOR 0
#define FLOWBD3_API_MINOR 1
#define FLOWBD3_API_PATCH 0

#endif
