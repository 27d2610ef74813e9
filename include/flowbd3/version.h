/* Version of the interface. meson reads the shared library's soversion from FLOWBD3_API_MAJOR.
 *
 * Changes of the interface, newest first:
 *   1.0.0  the interface that docs/abi.md keeps; since 0.4.0: flowbd3_calibration; groups, intervals,
 * sequences, training rows, classifiers and a target of the evaluator, flowbd3_evaluator_matrix (for
 *          flowbd3_evaluator_correlation), _curve and _violations; flowbd3_trainer_epochs and _get_epoch (for
 *          flowbd3_trainer_history); trainers and samplers keep their model alive
 *   0.4.0  streams: flowbd3_table_stream_csv and others, flowbd3_tokenizer_create_stream,
 *          flowbd3_trainer_create_stream; memory_budget of the trainer; FLOWBD3_KERNELS; checkpoints of
 *          0.3.0 are not taken up, rows come in another order
 *   0.3.0  rules; codecs, rare_rows, rules and relations of the tokenizer; conditions, rules, weights,
 *          attempts and guidance of the sampler, flowbd3_sampler_complete; condition_dropout; rules of the
 *          evaluator; time stamps and addresses; defaults of model and trainer by the rows;
 *          FLOWBD3_COLUMNS_AUTO is 0, FIXED 1, RANDOM 2
 *   0.2.0  sequences and blocks: new options of tokenizer, model, trainer and sampler; flowbd3_model_score,
 *          flowbd3_model_clip, flowbd3_sampler_memory, flowbd3_sampler_evaluations,
 *          flowbd3_tokenizer_columns_table; flowbd3_epoch has the clip and the variance of the loss;
 *          progress of training counts flows
 *   0.1.0  first interface: context, table, tokenizer, model, trainer, sampler, evaluator
 */
#ifndef FLOWBD3_VERSION_H
#define FLOWBD3_VERSION_H

#define FLOWBD3_API_MAJOR 1
#define FLOWBD3_API_MINOR 0
#define FLOWBD3_API_PATCH 0

#endif
