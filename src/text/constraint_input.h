// What an answer is to be, as a client says it, made into a grammar.
#pragma once
#include <string>

#include "fulmar/request.h"
#include "text/grammar.h"

namespace fulmar {

// A json_object with a text is an object that the text, a schema, allows.
// Throws Error(bad_request), whose sentence begins with where in the text the problem is.
Grammar grammar_of(const ConstraintInput& input);

// One text for inputs of one meaning, for looking up what was made of them before.
std::string key_of(const ConstraintInput& input);

constexpr std::size_t max_constraint_parts = 4096;  // of all kinds together
constexpr int max_constraint_depth = 32;

}  // namespace fulmar
