// Sets of just the values that a schema writes out: const and enum.
#include <fmt/format.h>

#include "base/fail.h"
#include "text/schema_numbers.h"
#include "text/schema_values.h"

namespace fulmar {

ValueSet SchemaValues::literal(SchemaPlace place) {
  const JsonNode& node = document_.node(place);
  ValueSet made;
  using Kind = JsonNode::Kind;
  switch (node.kind) {
    case Kind::null:
      made.null = true;
      break;
    case Kind::no:
      made.no = true;
      break;
    case Kind::yes:
      made.yes = true;
      break;
    case Kind::string:
      made.texts = TextSet::of(TextAutomaton::one_of({&node.text, 1}));
      break;
    case Kind::number: {
      const Decimal number = Decimal::of(node.text);
      made.numbers =
          NumberSet::of(numbers_beside(number, Side::equal),
                        static_cast<uint32_t>(std::max(number.whole.size(), number.fraction.size())));
      break;
    }
    case Kind::array: {
      ArrayShape& shape = made.arrays.emplace_back();
      for (std::size_t i = 0; i < node.items.size(); ++i)
        shape.prefix.push_back(value_term(document_.item(place, i)));
      shape.min = shape.max = static_cast<uint32_t>(node.items.size());
      shape.rest = SchemaTerms::nothing;
      break;
    }
    case Kind::object: {
      ObjectShape& shape = made.objects.emplace_back();
      for (std::size_t i = 0; i < node.items.size(); ++i)
        shape.members.push_back({node.keys[i], value_term(document_.item(place, i)), true});
      shape.classes[0].value = SchemaTerms::nothing;
      break;
    }
  }
  return made;
}

// All strings at once: a list of many would take one automaton each.
ValueSet SchemaValues::literals(SchemaPlace list) {
  ValueSet made;
  std::vector<std::string> texts;
  const std::size_t count = document_.node(list).items.size();
  for (std::size_t i = 0; i < count; ++i) {
    const JsonNode& node = document_.node(list).items[i];
    if (node.is(JsonNode::Kind::string))
      texts.push_back(node.text);
    else
      made = sets_.either(made, of(value_term(document_.item(list, i))));
  }
  if (!texts.empty()) made.texts = TextSet::of(TextAutomaton::one_of(texts));
  return made;
}

}  // namespace fulmar
