// How models are told of tools that they may call, and how earlier calls stand in their history.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "fulmar/request.h"

namespace fulmar {

// JSON in Python's layout with an indent of 2, its numbers and texts as they are written. `json` is valid.
std::string indented_json(std::string_view json);

// The lines of a system's turn, behind its own text, that describe the tools and say how one is called. Texts in it are clean.
std::string tools_marked(std::span<const Tool> tools);
// The text of a system's turn of its own, as RWKV-Runner words it.
std::string tools_python(std::span<const Tool> tools);

// A call that was made, which begins with a line of its own. `arguments`: a JSON object as text, or empty.
std::string call_marked(std::string_view name, std::string_view arguments);
std::string call_python(std::string_view name, std::string_view arguments);

}  // namespace fulmar
