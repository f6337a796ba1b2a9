// ggml's element types by their numbers in files: which of them are formats of this program, and the bytes
// that a tensor of them takes.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "weights/file_source.h"

namespace fulmar {

// The format of type `id` in GGUF files; nothing for types this program does not read.
std::optional<Format> format_of_ggml(uint32_t id);
std::optional<uint32_t> ggml_of_format(Format format);  // the other way round
std::string ggml_type_name(uint32_t id);  // "Q4_K"; "type 99" for numbers that mean nothing here

// Bytes of a tensor in the file: rows of blocks for block formats. Throws where rows are no whole blocks.
uint64_t ggml_bytes(const FileErrors& errors, std::string_view name, const Shape& shape, Format format);

// A tensor of a ggml block format, from the file's rows of blocks to the format's own layout and back out.
Tensor pack_blocks(Format format, const Shape& shape, std::span<const std::byte> blocks);

// Every value times 2^exponent, by the scales of the blocks. `out` is as long as the tensor's data.
void scale_blocks(const FileErrors& errors, std::string_view name, const TensorRef& tensor, int exponent,
                  std::span<std::byte> out);

}  // namespace fulmar
