// The containers open_weights() chooses from: each reads the table of a mapped file and answers with a
// Source.
#pragma once
#include <memory>

#include "weights/file_source.h"

namespace fulmar {

using FilePtr = std::shared_ptr<const MappedFile>;

// An 8-byte little-endian length, a JSON header of that length, then the tensors' bytes.
// https://github.com/huggingface/safetensors#format
SourcePtr open_safetensors(const FileErrors& errors, FilePtr file);

// What torch.save writes since PyTorch 1.6: a zip of stored entries, one pickle and one entry per storage.
SourcePtr open_pth(const FileErrors& errors, FilePtr file);

}  // namespace fulmar
