// Reads a schema's keywords: what each of them leaves of all values.
#include <algorithm>
#include <array>

#include "base/fail.h"
#include "base/utf8.h"
#include "text/schema_formats.h"
#include "text/schema_keywords.h"
#include "text/schema_numbers.h"
#include "text/schema_values.h"

namespace fulmar {
namespace {

using Kind = JsonNode::Kind;

// Taken only where they say no more than additionalProperties, or items, would.
constexpr std::array refused = {"$dynamicRef", "$recursiveRef", "unevaluatedItems", "unevaluatedProperties"};

// Whether another keyword of this schema may name members or items too.
bool has_branches(const JsonNode& node) {
  for (const char* key :
       {"$ref", "allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "dependencies"})
    if (node.find(key) != nullptr) return true;
  return false;
}

// What a keyword says about arrays alone; all other values stay.
ValueSet only_arrays(std::vector<ArrayShape> arrays) {
  ValueSet made = ValueSet::all();
  made.arrays = std::move(arrays);
  return made;
}

}  // namespace

const JsonNode* keyword(const SchemaDocument& document, SchemaPlace at, std::string_view key,
                        JsonNode::Kind kind, std::string_view what) {
  const JsonNode* found = document.node(at).find(key);
  if (found != nullptr && !found->is(kind)) fail_at(document.path(at) + "." + std::string(key), what);
  return found;
}

std::optional<uint32_t> count_of(const SchemaDocument& document, SchemaPlace at, std::string_view key) {
  constexpr std::string_view what = "must be a whole number from 0 to 1000000";
  const JsonNode* found = keyword(document, at, key, Kind::number, what);
  if (found == nullptr) return {};
  const std::string path = document.path(at) + "." + std::string(key);
  try {
    const Decimal number = Decimal::of(found->text);
    if (number.negative || !number.is_whole() || number.whole.size() > 7) fail_at(path, what);
    uint32_t value = 0;
    for (const char c : number.whole) value = value * 10 + static_cast<uint32_t>(c - '0');
    if (value > max_grammar_repeats) fail_at(path, what);
    return value;
  } catch (const Error&) {
    rethrow_at(path);
  }
}

Term SchemaValues::term_of(SchemaPlace place) {
  std::vector<SchemaPlace> passed;
  for (;;) {
    const JsonNode& node = document_.node(place);
    if (node.is(Kind::yes)) return SchemaTerms::anything;
    if (node.is(Kind::no)) return SchemaTerms::nothing;
    if (!node.is(Kind::object)) fail_at(document_.path(place), "must be a schema: an object, true or false");
    if (node.keys.empty()) return SchemaTerms::anything;
    const JsonNode* reference = node.find("$ref");
    if (reference == nullptr || (node.keys.size() > 1 && !document_.only_reference(node)))
      return leaf(place, false);
    if (!reference->is(Kind::string)) fail_at(document_.path(place) + ".$ref", "must be a string");
    if (std::ranges::find(passed, place) != passed.end()) fail_at(document_.path(place) + ".$ref", "leads round in a circle");
    if (passed.size() == max_schema_chain)
      fail_at(document_.path(place) + ".$ref", fmt::format("is one of more than {} references, each of which leads to the next", max_schema_chain));
    passed.push_back(place);
    place = document_.target(place, reference->text);
  }
}

ValueSet SchemaValues::read(SchemaPlace at) {
  const JsonNode& node = document_.node(at);
  ValueSet values = ValueSet::all();
  for (const char* key : refused) {
    const JsonNode* found = node.find(key);
    if (found == nullptr || found->is(Kind::yes)) continue;
    const bool plain = std::string_view(key).starts_with("unevaluated") && !has_branches(node) &&
                       (node.find("contains") == nullptr || std::string_view(key) != "unevaluatedItems");
    if (!plain) fail_at(document_.path(at) + "." + key, "is not supported");
  }
  read_type(at, values);
  read_numbers(at, values);
  read_texts(at, values);
  if (node.find("const") != nullptr)
    values = sets_.both(values, of(value_term(document_.member(at, "const"))));
  if (keyword(document_, at, "enum", Kind::array, "must be a list of values") != nullptr)
    values = sets_.both(values, literals(document_.member(at, "enum")));
  if (!values.arrays.empty()) read_arrays(at, values);
  if (!values.objects.empty()) {
    read_objects(at, values);
    read_dependencies(at, values);
  }
  read_branches(at, values);
  return values;
}

void SchemaValues::read_type(SchemaPlace at, ValueSet& values) {
  const JsonNode& node = document_.node(at);
  const JsonNode* type = node.find("type");
  if (type == nullptr) return;
  ValueSet allowed;
  const std::string path = document_.path(at) + ".type";
  const auto allow = [&](const JsonNode& word) {
    const std::string_view name = word.is(Kind::string) ? std::string_view(word.text) : std::string_view();
    if (name == "null") {
      allowed.null = true;
    } else if (name == "boolean") {
      allowed.yes = allowed.no = true;
    } else if (name == "integer") {
      allowed.numbers = allowed.numbers | NumberSet::of(whole_numbers());
    } else if (name == "number") {
      allowed.numbers = {};
    } else if (name == "string") {
      allowed.texts = {};
    } else if (name == "array") {
      allowed.arrays.assign(1, {});
    } else if (name == "object") {
      allowed.objects.assign(1, {});
    } else {
      fail_at(path,
              "must be one of null, boolean, integer, number, string, array, object, or a list of them");
    }
  };
  if (type->is(Kind::array))
    for (const JsonNode& word : type->items) allow(word);
  else
    allow(*type);
  const JsonNode* nullable = node.find("nullable");
  if (nullable != nullptr && nullable->is(Kind::yes)) allowed.null = true;
  values = sets_.both(values, allowed);
}

void SchemaValues::read_numbers(SchemaPlace at, ValueSet& values) {
  const JsonNode& node = document_.node(at);
  struct Bound {
    const char *key, *exclusive_key;  // the second one was a flag in draft 4
    Side side, exclusive;
  };
  static constexpr Bound bounds[] = {{"minimum", "exclusiveMinimum", Side::not_below, Side::above},
                                     {"maximum", "exclusiveMaximum", Side::not_above, Side::below}};
  const auto cut = [&](const char* key, auto make) {
    try {
      const Decimal number = Decimal::of(keyword(document_, at, key, Kind::number, "must be a number")->text);
      const std::size_t digits = std::max(number.whole.size() + 1, number.fraction.size());
      values.numbers = values.numbers & NumberSet::of(make(number), static_cast<uint32_t>(digits));
    } catch (const Error&) {
      rethrow_at(document_.path(at) + "." + key);
    }
  };
  for (const Bound& bound : bounds) {
    const JsonNode* flag = node.find(bound.exclusive_key);
    const bool is_flag = flag != nullptr && (flag->is(Kind::yes) || flag->is(Kind::no));
    const Side side = is_flag && flag->is(Kind::yes) ? bound.exclusive : bound.side;
    if (node.find(bound.key) != nullptr)
      cut(bound.key, [&](const Decimal& number) { return numbers_beside(number, side); });
    if (flag != nullptr && !is_flag)
      cut(bound.exclusive_key,
          [&](const Decimal& number) { return numbers_beside(number, bound.exclusive); });
  }
  if (node.find("multipleOf") != nullptr) {
    bool partial = false;
    cut("multipleOf", [&](const Decimal& number) {
      if (number.negative || number == Decimal{false, "0", ""})
        fail(ErrorKind::bad_request, "must be above 0");
      TextAutomaton multiples;
      partial = !multiples_of(number, multiples);
      return partial ? some_multiples_of(number) : multiples;
    });
    values.numbers.partial |= partial;
  }
}

void SchemaValues::read_texts(SchemaPlace at, ValueSet& values) {
  TextSet lengths;
  lengths.min = count_of(document_, at, "minLength").value_or(0);
  lengths.max = count_of(document_, at, "maxLength").value_or(unbounded);
  values.texts = values.texts & lengths;
  const auto cut = [&](const char* key, auto make) {
    const JsonNode* word = keyword(document_, at, key, Kind::string, "must be a string");
    if (word == nullptr) return;
    try {
      values.texts = values.texts & make(word->text);
    } catch (const Error&) {
      rethrow_at(document_.path(at) + "." + key);
    }
  };
  cut("pattern", [](const std::string& pattern) { return matching(pattern); });
  cut("format", [](const std::string& name) { return texts_of_format(name); });
}

// prefixItems with items, or as it was up to 2019-09: items with additionalItems.
void SchemaValues::read_arrays(SchemaPlace at, ValueSet& values) {
  const JsonNode& node = document_.node(at);
  ArrayShape shape;
  shape.min = count_of(document_, at, "minItems").value_or(0);
  shape.max = count_of(document_, at, "maxItems").value_or(unbounded);
  const JsonNode* items = node.find("items");
  const char* first = "prefixItems";
  const char* rest = "items";
  if (items != nullptr && items->is(Kind::array)) first = "items", rest = "additionalItems";
  if (keyword(document_, at, first, Kind::array, "must be a list of schemas") != nullptr) {
    const SchemaPlace list = document_.member(at, first);
    for (std::size_t i = 0; i < document_.node(list).items.size(); ++i)
      shape.prefix.push_back(term_of(document_.item(list, i)));
  }
  if (node.find(rest) == nullptr) rest = "unevaluatedItems";
  if (node.find(rest) != nullptr) shape.rest = term_of(document_.member(at, rest));
  if (shape.rest == SchemaTerms::nothing)
    shape.max = std::min(shape.max, static_cast<uint32_t>(shape.prefix.size()));
  const JsonNode* unique = node.find("uniqueItems");
  if (unique != nullptr && !unique->is(Kind::no) && shape.max > 1)
    fail_at(document_.path(at) + ".uniqueItems", "is not supported for arrays of more than one item");
  if (node.find("contains") != nullptr) read_contains(at, shape);
  if (shape == ArrayShape{}) return;
  std::vector<ArrayShape> shapes;
  if (shape.min <= shape.max) shapes.push_back(std::move(shape));
  values = sets_.both(values, only_arrays(std::move(shapes)));
}

void SchemaValues::read_contains(SchemaPlace at, ArrayShape& shape) {
  ItemCount count;
  count.item = term_of(document_.member(at, "contains"));
  count.min = count_of(document_, at, "minContains").value_or(1);
  count.max = count_of(document_, at, "maxContains").value_or(unbounded);
  if (count.item == SchemaTerms::anything) {
    shape.min = std::max(shape.min, count.min);
    shape.max = std::min(shape.max, count.max);
  } else if (count.min > count.max || (count.item == SchemaTerms::nothing && count.min > 0)) {
    shape.min = 1;
    shape.max = 0;
  } else if (count.min > 0 || count.max != unbounded) {
    shape.counts.push_back(count);
  }
}

void SchemaValues::read_branches(SchemaPlace at, ValueSet& values) {
  const JsonNode& node = document_.node(at);
  if (const JsonNode* reference = keyword(document_, at, "$ref", Kind::string, "must be a string")) {
    values = sets_.both(values, of(term_of(document_.target(at, reference->text))));
  }
  for (const Term term : branches_of(at, "allOf")) values = sets_.both(values, of(term));
  if (node.find("anyOf") != nullptr) {
    ValueSet any;
    for (const Term term : branches_of(at, "anyOf")) any = sets_.either(any, sets_.both(values, of(term)));
    values = std::move(any);
  }
  if (node.find("oneOf") != nullptr) {
    try {
      values = sets_.both(values, one_of(branches_of(at, "oneOf")));
    } catch (const Error&) {
      rethrow_at(document_.path(at) + ".oneOf");
    }
  }
  if (node.find("not") != nullptr) values = sets_.less(values, of(term_of(document_.member(at, "not"))));
  if (node.find("if") != nullptr && (node.find("then") != nullptr || node.find("else") != nullptr)) {
    const Term condition = term_of(document_.member(at, "if"));
    ValueSet then = sets_.both(values, of(condition)), otherwise = sets_.less(values, of(condition));
    if (node.find("then") != nullptr) then = sets_.both(then, of(term_of(document_.member(at, "then"))));
    if (node.find("else") != nullptr)
      otherwise = sets_.both(otherwise, of(term_of(document_.member(at, "else"))));
    values = sets_.either(then, otherwise);
  }
}

std::vector<Term> SchemaValues::branches_of(SchemaPlace at, std::string_view key) {
  std::vector<Term> branches;
  if (keyword(document_, at, key, Kind::array, "must be a list of schemas") == nullptr) return branches;
  const SchemaPlace list = document_.member(at, key);
  for (std::size_t i = 0; i < document_.node(list).items.size(); ++i)
    branches.push_back(term_of(document_.item(list, i)));
  return branches;
}

// Exactly one of them: of each branch what is in no other one. Where two have nothing in common there is
// nothing to take.
ValueSet SchemaValues::one_of(const std::vector<Term>& branches) {
  const std::size_t count = branches.size();
  std::vector<ValueSet> left;
  for (const Term branch : branches) left.push_back(of(branch));
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = i + 1; j < count; ++j) {
      const ValueSet &one = of(branches[i]), &other = of(branches[j]);
      if (overlap(one, other) == Answer::no) continue;
      left[i] = sets_.less(left[i], other);
      left[j] = sets_.less(left[j], one);
    }
  }
  ValueSet made;
  for (const ValueSet& one : left) made = sets_.either(made, one);
  return made;
}

}  // namespace fulmar
