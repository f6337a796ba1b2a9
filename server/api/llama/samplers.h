// llama.cpp's words for drawing: the order of what cuts, and settings that are as if nothing cut.
#pragma once
#include "answer/fields.h"
#include "fulmar/sampling.h"

namespace fulmar::api::llama {

// By the field `samplers`: those that are not named cut nothing, and the order is the rule's that has it. Throws
// Error(unsupported) for an order that no rule has, or one that names what there is not.
void read_samplers(const Fields& fields, Sampling& sampling);

// By which its clients' texts are drawn where the model's own rule is only everybody's.
inline PenaltyRule usual_rule(PenaltyRule own) {
  return own == PenaltyRule::openai ? PenaltyRule::llama : own;
}

// The order that a rule has, in those words.
json::array samplers_of(PenaltyRule rule);

// The settings that are always the same, as clients expect to find them.
json::object neutral_settings();

}  // namespace fulmar::api::llama
