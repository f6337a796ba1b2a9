// RWKV-Infer's words for what a model is loaded with, in ours.
#pragma once
#include <string>
#include <string_view>

namespace fulmar::api::infer {

// "fp16i8" becomes "auto fp16i8"; a whole strategy stays what it is. Throws Error(bad_request) naming the words there are.
std::string strategy_of(std::string_view word);

// Adapter::mode. Throws Error(bad_request) naming the words there are.
std::string adapter_mode_of(std::string_view word);

// What Python's codec unicode_escape makes of a text, but that characters beyond ASCII stay what they are: \n, \x0a, \12,
// \u000a, \U0000000a; a backslash before what is no escape stays. Throws Error(bad_request) for half an escape, for a code
// that is no character, and for \N{...}.
std::string unescaped(std::string_view text, std::string_view field);

}  // namespace fulmar::api::infer
