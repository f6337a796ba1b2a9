// A checkpoint as llama.cpp wants it: its names and its layout, for writing GGUF.
#pragma once
#include <string>
#include <vector>

#include "weights/source.h"
#include "weights/write.h"

namespace fulmar {

struct GgufTensor {
  std::string name;  // llama.cpp's
  std::string from;  // BlinkDL's, the first where several are joined
  bool f32;          // llama.cpp computes with it in f32 and takes nothing else
};

struct GgufLayout {
  SourcePtr source;  // of the tensors below, by llama.cpp's names
  std::vector<GgufTensor> tensors;
};

// The tensors of a checkpoint with BlinkDL's names; `v7` tells rwkv7 from rwkv6. Those that llama.cpp has no
// name for are left out.
GgufLayout gguf_layout(const SourcePtr& source, bool v7, uint64_t head_size);

// Puts the vocabulary as llama.cpp's converter writes it: tokens escaped as Python's bytes literals, ids
// without text marked as unused, id 0 as the end of text where it stands for none. `size` ids in all.
void put_vocabulary(GgufHead& head, const EmbeddedVocabulary& vocabulary, uint64_t size);

}  // namespace fulmar
