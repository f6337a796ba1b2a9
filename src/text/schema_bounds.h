// What a JSON schema may cost, and how long the numbers of an answer to it are.
#pragma once
#include <cstddef>
#include <cstdint>

namespace fulmar {

// Of its JSON text.
constexpr std::size_t max_schema_bytes = std::size_t{256} << 10;
constexpr std::size_t max_schema_depth = 64;
constexpr std::size_t max_schema_nodes = 20'000;  // values

// While its parts are combined.
constexpr std::size_t max_form_steps = 8'000'000;    // of all schemas that are parts of one form
constexpr std::size_t max_schema_steps = 4'000'000;  // of about 50 ns, for all of it
constexpr int max_schema_chain = 256;             // schemas inside each other, by nesting or by references
constexpr std::size_t max_schema_terms = 20'000;  // schemas and combinations of them
constexpr std::size_t max_schema_shapes = 256;    // forms of objects, or of arrays, in one set of values
constexpr std::size_t max_shape_states = 4096;    // of one form: what may be there so far
constexpr std::size_t max_shape_counts = 3;       // of one array: items counted by `contains`
constexpr std::size_t max_schema_digits = 512;    // of a number, written out without its exponent
// multipleOf: its digits as a whole number without zeros at its end, times its places or those zeros and one. Of a longer
// one only some multiples are offered.
constexpr uint32_t max_schema_multiple = 5400;
constexpr std::size_t max_long_divisor = 30;  // digits

// Objects with so many named members take them in any order; where there are more, they stand in the schema's
// order.
constexpr std::size_t max_unordered_members = 6;
// Digits of a number in an answer before the point, and after it, unless the schema itself names longer ones.
constexpr uint32_t max_answer_digits = 20;
// Blanks behind a line break: no indentation needs more, and an answer cannot go on with blanks for ever.
constexpr uint32_t max_json_indent = 40;

}  // namespace fulmar
