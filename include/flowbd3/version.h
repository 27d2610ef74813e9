/* Version of the interface. meson reads the shared library's soversion from FLOWBD3_API_MAJOR.
 *
 * Changes of the interface, newest first:
 *   0.2.0  sequences and blocks: options of tokenizer (group_by, order_by), model (sequence_length,
 * block_size, column_order, columns), trainer (schedule, clip, resample, validation_share) and sampler (order
 * and what belongs to it, sequence_flows); flowbd3_model_score, flowbd3_model_clip, flowbd3_sampler_memory,
 *          flowbd3_sampler_evaluations; flowbd3_epoch has the clip and the variance of the loss; progress of
 *          training counts flows
 *   0.1.0  first interface: context, table, tokenizer, model, trainer, sampler, evaluator
 */
#ifndef FLOWBD3_VERSION_H
#define FLOWBD3_VERSION_H

#define FLOWBD3_API_MAJOR 0
#define FLOWBD3_API_MINOR 2
#define FLOWBD3_API_PATCH 0

#endif
