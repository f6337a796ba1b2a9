// adapter_config.json, which PEFT writes beside an adapter: how strongly its factors count.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weights/file_source.h"

namespace fulmar {

struct PeftConfig {
  double alpha = 0;                                    // lora_alpha
  std::optional<uint64_t> rank;                        // r, where all matrices have the same
  bool rank_stabilized = false;                        // use_rslora: alpha / sqrt(r) instead of alpha / r
  std::vector<std::pair<std::string, double>> alphas;  // alpha_pattern: by the endings of names

  // The s in W + s B A for factors of rank r. `module` is the matrix's name as PEFT has it.
  float scaling(std::string_view module, uint64_t r) const;
};

// Throws Error(bad_file) where the text is no such configuration, Error(unsupported) where the adapter is
// more than factors to be added.
PeftConfig parse_peft_config(const FileErrors& errors, std::string_view text);

}  // namespace fulmar
