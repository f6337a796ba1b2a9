// What a model's makers draw with, from the generation configs of Hugging Face's folders.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fulmar/sampling.h"

namespace fulmar {

struct GenerationConfig {
  // Fields that the file leaves out are neutral. With a penalty_decay it is one of RWKV's own, which mean the
  // rapid rule. Nothing where the file has none of the fields.
  std::optional<Sampling> sampling;
  std::vector<std::string> passed_over;  // sentences: a value of another type or out of its sampling_range
};

// Throws Error(bad_file) for what is no JSON object. `name` is for messages.
GenerationConfig read_generation_config(std::string_view json, const std::string& name);

}  // namespace fulmar
