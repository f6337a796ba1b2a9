// The containers open_weights() chooses from: each reads the table of a mapped file and answers with a
// Source.
#pragma once
#include <functional>
#include <memory>

#include "weights/file_source.h"

namespace fulmar {

using FilePtr = std::shared_ptr<const MappedFile>;

// An 8-byte little-endian length, a JSON header of that length, then the tensors' bytes.
// https://github.com/huggingface/safetensors#format
SourcePtr open_safetensors(const FileErrors& errors, FilePtr file);

// What torch.save writes since PyTorch 1.6: a zip of stored entries, one pickle and one entry per storage.
SourcePtr open_pth(const FileErrors& errors, FilePtr file);

// What it wrote before, and still writes where it is asked for the old way.
bool is_legacy_pth(std::string_view bytes);
SourcePtr open_legacy_pth(const FileErrors& errors, FilePtr file);

// llama.cpp's: metadata, a table of tensors, their bytes. The tensors have BlinkDL's names and layout.
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
SourcePtr open_gguf(const FileErrors& errors, FilePtr file);

// rwkv.cpp's. The tensors have BlinkDL's names and layout.
SourcePtr open_ggmf(const FileErrors& errors, FilePtr file);

// Chooses among all of these by the first bytes. Tensors of PyTorch's containers keep the names in the file.
SourcePtr open_container(const FileErrors& errors, FilePtr file);

// A checkpoint in several files, by the text of its index; `open_shard` opens the file of a plain name.
SourcePtr open_index(const FileErrors& errors, std::string_view index,
                     const std::function<SourcePtr(const std::string&)>& open_shard);

}  // namespace fulmar
