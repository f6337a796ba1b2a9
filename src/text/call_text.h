// What the text of a tool's call says, in the forms in which models write them.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fulmar/request.h"

namespace fulmar {

// {"name": ..., "arguments": ...}, or a list of such; the arguments an object or an object as text, and in the call where they
// are none. OpenAI's way around it, {"function": {...}}, is taken too. Nothing where it is no call. `json` is valid.
std::optional<std::vector<ToolCall>> calls_of_json(std::string_view json);

// Whether text that goes on may be such JSON: by the name of the object's first member.
enum class Fits : uint8_t { no, more, yes };
Fits begins_call_json(std::string_view text);

// RWKV-Runner's: what stands in tool_call("key"="value", ...), as a JSON object. Values in quotes are strings, others what they
// are in JSON or Python. Nothing where it is malformed.
std::optional<std::string> arguments_of_python(std::string_view inside);
// And back: each value in quotes, whatever it is, as those models read it.
std::string python_of_arguments(std::string_view json);

// How long NAME, white space and the beginning of a block up to "tool_call(" are at the text's beginning.
struct PythonHead {
  Fits fits = Fits::no;
  size_t name = 0, length = 0;  // bytes
};
PythonHead python_head(std::string_view text);

}  // namespace fulmar
