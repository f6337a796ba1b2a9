// How safetensors spells element types, and tensors in block formats, for the reader and the writer.
#pragma once
#include <string_view>

#include "tensor/format.h"

namespace fulmar {

struct SafetensorsType {
  std::string_view name;
  Format format;
};
constexpr SafetensorsType safetensors_types[] = {
    {"F64", Format::f64}, {"F32", Format::f32},      {"F16", Format::f16}, {"BF16", Format::bf16},
    {"I64", Format::i64}, {"I32", Format::i32},      {"I16", Format::i16}, {"I8", Format::s8},
    {"U8", Format::u8},   {"BOOL", Format::boolean},
};

// A tensor in a block format is one of bytes (U8), as kernels read them. The metadata has an entry for it,
// this and the tensor's name, that says what they are: "i8 [768,768]".
constexpr std::string_view block_format_key = "fulmar.";

}  // namespace fulmar
