// Combines sets of JSON values: scalars as automata, arrays and objects shape by shape.
#include "text/schema_sets.h"

#include <algorithm>
#include <utility>

#include "base/fail.h"
#include "text/schema_numbers.h"

namespace fulmar {
namespace {

template <typename Shape>
void add_shape(std::vector<Shape>& to, Shape shape) {
  StepBudget::spend(to.size());
  if (std::find(to.begin(), to.end(), shape) != to.end()) return;
  if (to.size() >= max_schema_shapes)
    fail(ErrorKind::bad_request, "allows more than {} forms of objects or arrays; make it simpler",
         max_schema_shapes);
  to.push_back(std::move(shape));
}

}  // namespace

TextSet TextSet::of(TextAutomaton automaton) {
  TextSet made;
  made.among = std::make_shared<const TextAutomaton>(std::move(automaton));
  return made;
}

bool TextSet::is_none() const {
  if (min > max) return true;
  return among != nullptr && automaton().empty();
}

bool TextSet::has(std::string_view text) const {
  const std::size_t size = characters_of(text).size();
  return size >= min && size <= max && (among == nullptr || among->has(text));
}

TextAutomaton TextSet::automaton() const {
  if (among == nullptr) return TextAutomaton::of_length(min, max);
  if (min == 0 && max == unbounded) return *among;
  return *among & TextAutomaton::of_length(min, max);
}

bool TextSet::operator==(const TextSet& other) const {
  if (min != other.min || max != other.max) return false;
  return among == other.among || (among != nullptr && other.among != nullptr && *among == *other.among);
}

TextSet operator&(const TextSet& a, const TextSet& b) {
  TextSet made;
  made.min = std::max(a.min, b.min);
  made.max = std::min(a.max, b.max);
  made.among = a.among == nullptr ? b.among : a.among;
  if (a.among != nullptr && b.among != nullptr)
    made.among = std::make_shared<const TextAutomaton>(*a.among & *b.among);
  if (made.min > made.max) return TextSet::none();
  return made;
}

TextSet operator|(const TextSet& a, const TextSet& b) {
  if (a.is_all() || b.is_none()) return a;
  if (b.is_all() || a.is_none()) return b;
  return TextSet::of(a.automaton() | b.automaton());
}

TextSet operator-(const TextSet& a, const TextSet& b) {
  if (b.is_none()) return a;
  if (b.is_all()) return TextSet::none();
  if (b.among == nullptr && (b.min == 0 || b.max == unbounded)) {
    TextSet outside;
    if (b.min == 0)
      outside.min = b.max + 1;
    else
      outside.max = b.min - 1;
    return a & outside;
  }
  return TextSet::of(a.automaton() - b.automaton());
}

NumberSet NumberSet::of(TextAutomaton automaton, uint32_t digits) {
  return {std::make_shared<const TextAutomaton>(std::move(automaton)), digits};
}

TextAutomaton NumberSet::automaton() const {
  return among == nullptr ? plain_numbers() : *among;
}

NumberSet operator&(const NumberSet& a, const NumberSet& b) {
  NumberSet made = a.among == nullptr ? b : a;
  if (a.among != nullptr && b.among != nullptr) made = NumberSet::of(*a.among & *b.among);
  made.digits = std::max(a.digits, b.digits);
  made.partial = a.partial || b.partial;
  return made;
}

NumberSet operator|(const NumberSet& a, const NumberSet& b) {
  NumberSet made = b.is_none() ? a : b;
  if (a.among == nullptr || b.among == nullptr)
    made = {};
  else if (!a.is_none() && !b.is_none())
    made = NumberSet::of(*a.among | *b.among);
  made.digits = std::max(a.digits, b.digits);
  made.partial = made.among != nullptr && (a.partial || b.partial);
  return made;
}

NumberSet operator-(const NumberSet& a, const NumberSet& b) {
  if (a.is_none()) return a;
  if (b.partial) fail(ErrorKind::bad_request, "negates a multipleOf of too many digits (not, oneOf and if do)");
  if (b.is_none()) return a;
  if (b.among == nullptr) return NumberSet::none();
  NumberSet made = NumberSet::of(a.automaton() - *b.among, std::max(a.digits, b.digits));
  made.partial = a.partial;
  return made;
}

const ObjectShape::Member* ObjectShape::find(std::string_view name) const {
  for (const Member& member : members)
    if (member.name == name) return &member;
  return nullptr;
}

Term ObjectShape::value_of(std::string_view name) const {
  if (const Member* member = find(name)) return member->value;
  for (const KeyClass& one : classes)
    if (one.keys.has(name)) return one.value;
  return SchemaTerms::nothing;
}

ValueSet ValueSet::all() {
  ValueSet made;
  made.null = made.no = made.yes = true;
  made.numbers = {};
  made.texts = {};
  made.arrays.resize(1);
  made.objects.resize(1);
  return made;
}

ValueSet SchemaSets::both(const ValueSet& a, const ValueSet& b) {
  ValueSet made;
  made.null = a.null && b.null;
  made.no = a.no && b.no;
  made.yes = a.yes && b.yes;
  made.numbers = a.numbers & b.numbers;
  made.texts = a.texts & b.texts;
  made.arrays = both(a.arrays, b.arrays);
  made.objects = both(a.objects, b.objects);
  return made;
}

ValueSet SchemaSets::either(const ValueSet& a, const ValueSet& b) {
  ValueSet made = a;
  made.null |= b.null;
  made.no |= b.no;
  made.yes |= b.yes;
  made.numbers = a.numbers | b.numbers;
  made.texts = a.texts | b.texts;
  for (const ArrayShape& shape : b.arrays) add_shape(made.arrays, shape);
  for (const ObjectShape& shape : b.objects) add_shape(made.objects, shape);
  return made;
}

ValueSet SchemaSets::less(const ValueSet& a, const ValueSet& b) {
  ValueSet made;
  made.null = a.null && !b.null;
  made.no = a.no && !b.no;
  made.yes = a.yes && !b.yes;
  made.numbers = a.numbers - b.numbers;
  made.texts = a.texts - b.texts;
  made.arrays = less(a.arrays, b.arrays);
  made.objects = less(a.objects, b.objects);
  return made;
}

template <typename Shape>
std::vector<Shape> SchemaSets::less(std::vector<Shape> from, const std::vector<Shape>& taken) {
  for (const Shape& shape : taken) {
    if (from.empty()) break;
    from = both(from, others(shape));
  }
  return from;
}

std::vector<ArrayShape> SchemaSets::both(const std::vector<ArrayShape>& a, const std::vector<ArrayShape>& b) {
  std::vector<ArrayShape> made;
  for (const ArrayShape& one : a)
    for (const ArrayShape& other : b)
      if (ArrayShape shape; both(one, other, shape)) add_shape(made, std::move(shape));
  return made;
}

bool SchemaSets::both(const ArrayShape& a, const ArrayShape& b, ArrayShape& made) {
  StepBudget::spend(50 + 20 * (a.prefix.size() + b.prefix.size()));
  made.min = std::max(a.min, b.min);
  made.max = std::min(a.max, b.max);
  const auto at = [](const ArrayShape& shape, std::size_t i) {
    return i < shape.prefix.size() ? shape.prefix[i] : shape.rest;
  };
  for (std::size_t i = 0; i < std::max(a.prefix.size(), b.prefix.size()) && i < made.max; ++i) {
    const Term item = terms_.all_of({at(a, i), at(b, i)});
    if (item == SchemaTerms::nothing) made.max = static_cast<uint32_t>(i);
    made.prefix.push_back(item);
  }
  made.rest = terms_.all_of({a.rest, b.rest});
  if (made.rest == SchemaTerms::nothing)
    made.max = std::min(made.max, static_cast<uint32_t>(made.prefix.size()));
  if (made.prefix.size() > made.max) made.prefix.resize(made.max);
  made.counts = a.counts;
  for (const ItemCount& count : b.counts)
    if (std::find(made.counts.begin(), made.counts.end(), count) == made.counts.end())
      made.counts.push_back(count);
  return made.min <= made.max;
}

// An array is not like the shape if its length is not, or an item is not, or a count is not.
std::vector<ArrayShape> SchemaSets::others(const ArrayShape& shape) {
  std::vector<ArrayShape> made;
  if (shape.min > 0) made.emplace_back().max = shape.min - 1;
  if (shape.max != unbounded) made.emplace_back().min = shape.max + 1;
  const auto size = static_cast<uint32_t>(shape.prefix.size());
  for (uint32_t i = 0; i < size; ++i) {
    const Term wrong = terms_.not_of(shape.prefix[i]);
    if (wrong == SchemaTerms::nothing) continue;
    ArrayShape other;
    other.prefix.assign(i, SchemaTerms::anything);
    other.prefix.push_back(wrong);
    other.min = i + 1;
    made.push_back(std::move(other));
  }
  if (const Term wrong = terms_.not_of(shape.rest); wrong == SchemaTerms::anything)
    made.emplace_back().min = size + 1;
  else if (wrong != SchemaTerms::nothing)
    made.emplace_back().counts.push_back({wrong, size, 1, unbounded});
  for (const ItemCount& count : shape.counts) {
    if (count.min > 0) made.emplace_back().counts.push_back({count.item, count.from, 0, count.min - 1});
    if (count.max != unbounded)
      made.emplace_back().counts.push_back({count.item, count.from, count.max + 1, unbounded});
  }
  return made;
}

std::vector<ObjectShape> SchemaSets::both(const std::vector<ObjectShape>& a,
                                          const std::vector<ObjectShape>& b) {
  std::vector<ObjectShape> made;
  for (const ObjectShape& one : a)
    for (const ObjectShape& other : b) both(one, other, made);
  return made;
}

void SchemaSets::both(const ObjectShape& a, const ObjectShape& b, std::vector<ObjectShape>& made) {
  // Each name of one is looked for among all of the other.
  StepBudget::spend(50 + 20 * (a.members.size() + b.members.size()) +
                    a.members.size() * b.members.size() / 4);
  ObjectShape shape;
  shape.min = std::max(a.min, b.min);
  shape.max = std::min(a.max, b.max);
  shape.open = a.open || b.open;
  if (shape.min > shape.max) return;
  for (const ObjectShape* from : {&a, &b}) {
    for (const ObjectShape::Member& member : from->members) {
      if (shape.find(member.name) != nullptr) continue;
      const ObjectShape& other = from == &a ? b : a;
      const ObjectShape::Member* twin = other.find(member.name);
      shape.members.push_back({member.name, terms_.all_of({member.value, other.value_of(member.name)}),
                               member.required || (twin != nullptr && twin->required)});
      if (shape.members.back().required && shape.members.back().value == SchemaTerms::nothing) return;
    }
  }
  shape.classes.clear();
  for (const ObjectShape::KeyClass& one : a.classes) {
    for (const ObjectShape::KeyClass& other : b.classes) {
      TextSet keys = one.keys & other.keys;
      if (!keys.is_none())
        shape.classes.push_back({std::move(keys), terms_.all_of({one.value, other.value})});
    }
  }
  // What one side wants of some name that it leaves open may be met by a member that the other side names.
  std::vector<ObjectShape> open{shape};
  for (const ObjectShape* from : {&a, &b}) {
    for (const ObjectShape::KeyClass& wanted : from->some) {
      std::vector<ObjectShape> next;
      for (const ObjectShape& one : open) {
        ObjectShape::KeyClass left = wanted;
        for (const ObjectShape::Member& member : one.members) {
          if (!left.keys.has(member.name)) continue;
          left.keys = left.keys - TextSet::of(TextAutomaton::one_of({&member.name, 1}));
          ObjectShape met = one;
          for (ObjectShape::Member& of_met : met.members) {
            if (of_met.name != member.name) continue;
            of_met.value = terms_.all_of({of_met.value, wanted.value});
            of_met.required = true;
            if (of_met.value != SchemaTerms::nothing) add_shape(next, met);
            break;
          }
        }
        ObjectShape rest = one;
        if (std::find(rest.some.begin(), rest.some.end(), left) == rest.some.end()) rest.some.push_back(left);
        if (!left.keys.is_none()) add_shape(next, std::move(rest));
      }
      open = std::move(next);
    }
  }
  for (ObjectShape& one : open) add_shape(made, std::move(one));
}

// An object is not like the shape if a member is missing, or a value is wrong, or there are too few or too
// many.
std::vector<ObjectShape> SchemaSets::others(const ObjectShape& shape) {
  std::vector<ObjectShape> made;
  if (shape.min > 0) made.emplace_back().max = shape.min - 1;
  if (shape.max != unbounded) made.emplace_back().min = shape.max + 1;
  std::vector<std::string> names;
  for (const ObjectShape::Member& member : shape.members) {
    names.push_back(member.name);
    const Term wrong = terms_.not_of(member.value);
    if (member.required)
      made.emplace_back().members.push_back({member.name, wrong, false});  // not there, or wrong
    else if (wrong != SchemaTerms::nothing)
      made.emplace_back().members.push_back({member.name, wrong, true});
  }
  const TextSet named = TextSet::of(TextAutomaton::one_of(names));
  for (const ObjectShape::KeyClass& one : shape.classes) {
    const Term wrong = terms_.not_of(one.value);
    if (wrong == SchemaTerms::nothing) continue;
    TextSet keys = one.keys - named;
    if (!keys.is_none()) made.emplace_back().some.push_back({std::move(keys), wrong});
  }
  for (const ObjectShape::KeyClass& wanted : shape.some) {
    ObjectShape other;
    other.classes = {{wanted.keys, terms_.not_of(wanted.value)},
                     {TextSet{} - wanted.keys, SchemaTerms::anything}};
    made.push_back(std::move(other));
  }
  return made;
}

}  // namespace fulmar
