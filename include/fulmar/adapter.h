// What a caller says about an adapter: the file, how to read it, and how strongly it counts.
#pragma once
#include <optional>
#include <string>

namespace fulmar {

struct Adapter {
  std::string file;  // or the folder that PEFT left
  // "lora", "dora", "bone" (or "disha"), "pissa" or "mole" where the file must be that; "auto", "hybrid" or
  // empty takes what the names of its tensors say.
  std::string mode;
  // The s in W + s B A, of LoRA and DoRA only: a trainer's lora_alpha / rank. Nothing: what PEFT's
  // adapter_config.json beside the file says, else 2, which servers of RWKV take.
  std::optional<float> scaling;
  // Times that. 0: the adapter, whatever its kind, is left out; else 1 for those that have no scaling.
  float scale = 1;
};

}  // namespace fulmar
