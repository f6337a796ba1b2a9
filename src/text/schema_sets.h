// Sets of JSON values by type, and what is in two of them, in either, or in one but not in the other.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "text/schema_bounds.h"
#include "text/schema_terms.h"
#include "text/text_automaton.h"

namespace fulmar {

struct TextSet {
  uint32_t min = 0, max = unbounded;           // characters
  std::shared_ptr<const TextAutomaton> among;  // null: any text

  static TextSet of(TextAutomaton automaton);
  static TextSet none() { return of({}); }
  bool is_all() const { return among == nullptr && min == 0 && max == unbounded; }
  bool is_none() const;
  bool has(std::string_view text) const;
  TextAutomaton automaton() const;
  bool operator==(const TextSet& other) const;
};
TextSet operator&(const TextSet& a, const TextSet& b);
TextSet operator|(const TextSet& a, const TextSet& b);
TextSet operator-(const TextSet& a, const TextSet& b);

struct NumberSet {
  std::shared_ptr<const TextAutomaton> among;  // plain spellings; null: any number
  uint32_t digits = 0;                         // of the longest number that the schema names
  bool partial = false;                        // the schema allows others too, which cannot be told: never to be taken away

  static NumberSet of(TextAutomaton automaton, uint32_t digits = 0);
  static NumberSet none() { return of({}); }
  TextAutomaton automaton() const;
  bool is_none() const { return among != nullptr && among->empty(); }
};
NumberSet operator&(const NumberSet& a, const NumberSet& b);
NumberSet operator|(const NumberSet& a, const NumberSet& b);
NumberSet operator-(const NumberSet& a, const NumberSet& b);

// Of the items from `from` on, at least `min` and at most `max` are `item`.
struct ItemCount {
  Term item = 0;
  uint32_t from = 0, min = 0, max = unbounded;
  bool operator==(const ItemCount&) const = default;
};

struct ArrayShape {
  std::vector<Term> prefix;
  Term rest = SchemaTerms::anything;
  uint32_t min = 0, max = unbounded;  // items
  std::vector<ItemCount> counts;
  bool operator==(const ArrayShape&) const = default;
};

struct ObjectShape {
  struct Member {
    std::string name;
    Term value = SchemaTerms::anything;  // nothing: there is no such member
    bool required = false;
    bool operator==(const Member&) const = default;
  };
  struct KeyClass {
    TextSet keys;
    Term value = SchemaTerms::anything;
    bool operator==(const KeyClass&) const = default;
  };

  std::vector<Member> members;        // in the schema's order
  std::vector<KeyClass> classes{{}};  // of all other names, each in one of them
  std::vector<KeyClass> some;         // of those others, one at least is like this
  uint32_t min = 0, max = unbounded;  // members of all kinds
  bool open = false;                  // the schema says itself what others there may be
  bool operator==(const ObjectShape&) const = default;

  const Member* find(std::string_view name) const;
  Term value_of(std::string_view name) const;  // a member's, or its class's
};

struct ValueSet {
  bool null = false, no = false, yes = false;
  NumberSet numbers = NumberSet::none();
  TextSet texts = TextSet::none();
  std::vector<ArrayShape> arrays;  // an array is like one of them; none: no arrays
  std::vector<ObjectShape> objects;

  static ValueSet all();
};

// The algebra of sets; terms of what is inside are made in `terms`.
class SchemaSets {
 public:
  explicit SchemaSets(SchemaTerms& terms) : terms_(terms) {}

  ValueSet both(const ValueSet& a, const ValueSet& b);
  ValueSet either(const ValueSet& a, const ValueSet& b);
  ValueSet less(const ValueSet& a, const ValueSet& b);

  std::vector<ArrayShape> both(const std::vector<ArrayShape>& a, const std::vector<ArrayShape>& b);
  std::vector<ObjectShape> both(const std::vector<ObjectShape>& a, const std::vector<ObjectShape>& b);

 private:
  bool both(const ArrayShape& a, const ArrayShape& b, ArrayShape& made);
  void both(const ObjectShape& a, const ObjectShape& b, std::vector<ObjectShape>& made);
  std::vector<ArrayShape> others(const ArrayShape& shape);
  std::vector<ObjectShape> others(const ObjectShape& shape);
  template <typename Shape>
  std::vector<Shape> less(std::vector<Shape> from, const std::vector<Shape>& taken);

  SchemaTerms& terms_;
};

}  // namespace fulmar
