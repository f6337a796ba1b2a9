// What the names of Python's functions and classes mean to a reader that runs none of them.
#pragma once
#include <string_view>

namespace fulmar::pickle {

// Names under `torch` that are data: storage types and element types.
bool is_torch_name(std::string_view module, std::string_view name);

// Functions that make tensors of kinds that are read only as plain ones.
bool is_torch_tensor_kind(std::string_view module, std::string_view name);

// Calls that no settings of a trainer are made of, and functions of torch that might leave tensors behind
// which nobody would miss.
bool is_refused(std::string_view module, std::string_view name);

}  // namespace fulmar::pickle
