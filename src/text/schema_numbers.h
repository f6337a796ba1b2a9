// Sets of numbers as sets of their spellings: ranges, multiples and single values, by their decimal digits.
#pragma once
#include <string>
#include <string_view>

#include "text/schema_bounds.h"
#include "text/text_automaton.h"

namespace fulmar {

// A number as a schema has it, exact: -1.5e2 is {true, "150", ""}.
struct Decimal {
  bool negative = false;
  std::string whole;     // without leading zeros, but "0"
  std::string fraction;  // without zeros at its end

  // Of JSON's spelling. Throws Error(bad_request) where it has more than max_schema_digits.
  static Decimal of(std::string_view spelling);
  bool is_whole() const { return fraction.empty(); }
  bool operator==(const Decimal&) const = default;
};

// In plain spelling: -?(0|[1-9][0-9]*)(\.[0-9]+)?
TextAutomaton plain_numbers();
TextAutomaton whole_numbers();  // with zeros behind the point, or nothing
enum class Side : uint8_t { below, not_above, equal, not_below, above };
TextAutomaton numbers_beside(const Decimal& bound, Side side);
// All multiples of a divisor above 0; false where that takes too many states (max_schema_multiple).
bool multiples_of(const Decimal& divisor, TextAutomaton& made);
TextAutomaton some_multiples_of(const Decimal& divisor);  // zero, and those of one or two digits more

// What of a set of plain numbers is offered to a model: sets of whole numbers without a point, no -0, and no
// more digits than max_answer_digits or `digits`.
TextAutomaton offered_numbers(const TextAutomaton& numbers, uint32_t digits);

}  // namespace fulmar
