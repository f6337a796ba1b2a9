// What a caller says about an adapter: the file, how to read it, and how strongly it counts.
#pragma once
#include <string>

namespace fulmar {

struct Adapter {
  std::string file;
  // "lora", "dora", "bone" (or "disha"), "pissa" or "mole" where the file must be that; "auto", "hybrid" or
  // empty takes what the names of its tensors say.
  std::string mode;
  // The s in W + s B A, of LoRA and DoRA only. A trainer's lora_alpha / rank; servers of RWKV take 2 unless
  // told otherwise.
  float scaling = 2.0f;
};

}  // namespace fulmar
