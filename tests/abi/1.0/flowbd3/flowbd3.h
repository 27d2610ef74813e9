/* libflowbd3: learns tables of network flows and generates new ones with a block diffusion transformer.
 *
 * table -> tokenizer -> model -> trainer; model -> sampler -> table; model, table -> scores, calibration;
 * tables -> evaluator.
 */
#ifndef FLOWBD3_FLOWBD3_H
#define FLOWBD3_FLOWBD3_H

#include <flowbd3/calibration.h>
#include <flowbd3/context.h>
#include <flowbd3/evaluator.h>
#include <flowbd3/model.h>
#include <flowbd3/rules.h>
#include <flowbd3/sampler.h>
#include <flowbd3/score.h>
#include <flowbd3/status.h>
#include <flowbd3/stream.h>
#include <flowbd3/table.h>
#include <flowbd3/tokenizer.h>
#include <flowbd3/trainer.h>
#include <flowbd3/version.h>

#endif
