// Turns terms into sets of values, and looks for a value in them.
#include "text/schema_values.h"

#include <algorithm>
#include <utility>

#include "base/fail.h"
#include "text/schema_numbers.h"

namespace fulmar {
namespace {

// Counts how deep schemas are in each other while this one is looked at.
class Nested {
 public:
  explicit Nested(int& depth) : depth_(depth) {
    if (++depth_ > max_schema_chain)
      fail(ErrorKind::bad_request, "has more than {} schemas inside each other", max_schema_chain);
  }
  ~Nested() { --depth_; }
  Nested(const Nested&) = delete;

 private:
  int& depth_;
};

}  // namespace

Term SchemaValues::leaf(SchemaPlace place, bool is_value) {
  const auto [found, is_new] = leaf_of_.try_emplace({place, is_value}, static_cast<uint32_t>(leaves_.size()));
  if (is_new) leaves_.emplace_back(place, is_value);
  return terms_.schema(found->second);
}

Term SchemaValues::value_term(SchemaPlace place) {
  return leaf(place, true);
}

std::string SchemaValues::name_of(Term term) const {
  if (term == SchemaTerms::anything) return "any value";
  const SchemaTerms::Entry& entry = terms_[term];
  switch (entry.kind) {
    case SchemaTerms::Kind::schema:
    case SchemaTerms::Kind::not_schema:
      return document_.path(leaves_[entry.parts[0]].first);
    default:
      return entry.parts.empty() ? "nothing" : name_of(entry.parts[0]);
  }
}

const ValueSet& SchemaValues::of(Term term) {
  const auto [found, is_new] = values_.try_emplace(term);
  std::optional<ValueSet>& values = found->second;
  if (!is_new) {
    if (!values) fail_at(name_of(term), "refers to itself without an object or an array in between");
    return *values;
  }
  try {
    const Nested nested(depth_);
    const SchemaTerms::Entry entry = terms_[term];
    ValueSet made;
    switch (entry.kind) {
      case SchemaTerms::Kind::schema: {
        const auto [place, is_value] = leaves_[entry.parts[0]];
        made = is_value ? literal(place) : read(place);
        break;
      }
      case SchemaTerms::Kind::not_schema:
        made = sets_.less(ValueSet::all(), of(terms_.not_of(term)));
        break;
      case SchemaTerms::Kind::all:
        made = ValueSet::all();
        for (const Term part : entry.parts) made = sets_.both(made, of(part));
        break;
      case SchemaTerms::Kind::any:
        for (const Term part : entry.parts) made = sets_.either(made, of(part));
        break;
    }
    values = std::move(made);
  } catch (const Error&) {
    values_.erase(term);
    rethrow_at(name_of(term));
  }
  return *values;
}

bool SchemaValues::inhabited(Term term) {
  Search searched;
  return search(term, searched) != Answer::no;
}

// A value that is found needs no value of a term inside itself, so a term that is still open counts as having
// none. That is only so below the term; an answer that hung on it is not kept.
SchemaValues::Answer SchemaValues::search(Term term, Search& searched) {
  const auto known = inhabited_.find(term);
  if (known != inhabited_.end()) return known->second ? Answer::yes : Answer::no;
  const auto open = std::find(searched.open.begin(), searched.open.end(), term);
  if (open != searched.open.end()) {
    searched.hung = std::min(searched.hung, static_cast<std::size_t>(open - searched.open.begin()));
    return Answer::no;
  }
  const auto values = values_.find(term);
  if (values != values_.end() && !values->second) return Answer::unknown;
  const std::size_t depth = searched.open.size(), hung_before = std::exchange(searched.hung, SIZE_MAX);
  if (depth >= static_cast<std::size_t>(max_schema_chain))
    fail_at(name_of(term), fmt::format("has more than {} schemas inside each other", max_schema_chain));
  searched.open.push_back(term);
  const Answer answer = search_in(term, searched);
  searched.open.pop_back();
  const bool hangs = answer != Answer::yes && searched.hung < depth;
  if (answer == Answer::yes || (answer == Answer::no && !hangs)) inhabited_[term] = answer == Answer::yes;
  searched.hung = hangs ? std::min(hung_before, searched.hung) : hung_before;
  return answer;
}

SchemaValues::Answer SchemaValues::search_in(Term term, Search& searched) {
  try {
    return search(of(term), searched);
  } catch (const Error&) {
    rethrow_at(name_of(term));
  }
}

SchemaValues::Answer SchemaValues::search(const ValueSet& values, Search& searched) {
  if (values.null || values.no || values.yes || !values.texts.is_none()) return Answer::yes;
  if (values.numbers.among == nullptr ||
      !offered_numbers(*values.numbers.among, values.numbers.digits).empty())
    return Answer::yes;
  bool unknown = values.numbers.partial;
  const auto found = [&](Term term) {
    const Answer answer = search(term, searched);
    unknown |= answer == Answer::unknown;
    return answer == Answer::yes;
  };
  for (const ArrayShape& shape : values.arrays) {
    if (shape.counts.empty()) {
      bool all = true;
      for (uint32_t i = 0; all && i < shape.min && i < shape.prefix.size(); ++i) all = found(shape.prefix[i]);
      if (all && shape.min > shape.prefix.size()) all = found(shape.rest);
      if (all) return Answer::yes;
    } else if (machine_of(shape, terms_).ends(found)) {
      return Answer::yes;
    }
  }
  for (const ObjectShape& shape : values.objects)
    if (machine_of(shape, false, terms_).ends(found)) return Answer::yes;
  return unknown ? Answer::unknown : Answer::no;
}

SchemaValues::Answer SchemaValues::overlap(const ValueSet& a, const ValueSet& b) {
  Search searched;
  return search(sets_.both(a, b), searched);
}

ShapeMachine SchemaValues::machine(const ArrayShape& shape) {
  ShapeMachine made = machine_of(shape, terms_);
  made.prune([this](Term term) { return inhabited(term); });
  return made;
}

// Without members that the schema neither names nor speaks of.
ObjectShape SchemaValues::closed(const ObjectShape& shape) const {
  const auto untouched = [](const ObjectShape::KeyClass& one) { return one.value == SchemaTerms::anything; };
  const auto there_may_be = [](const ObjectShape::Member& one) { return one.value != SchemaTerms::nothing; };
  const auto named = std::count_if(shape.members.begin(), shape.members.end(), there_may_be);
  const bool closes = closed_ && !shape.open && named > 0 && shape.some.empty() && shape.min <= named &&
                      std::all_of(shape.classes.begin(), shape.classes.end(), untouched);
  ObjectShape made = shape;
  if (closes)
    for (ObjectShape::KeyClass& one : made.classes) one.value = SchemaTerms::nothing;
  return made;
}

ShapeMachine SchemaValues::machine(const ObjectShape& shape) {
  ShapeMachine made = machine_of(closed(shape), any_order_, terms_);
  made.prune([this](Term term) { return inhabited(term); });
  return made;
}

ArrayShape SchemaValues::usable(const ArrayShape& shape) {
  ArrayShape made = shape;
  if (made.prefix.size() > made.max) made.prefix.resize(made.max);
  for (std::size_t i = 0; i < made.prefix.size(); ++i) {
    if (inhabited(made.prefix[i])) continue;
    made.prefix.resize(i);
    made.max = static_cast<uint32_t>(i);
  }
  if (made.max > made.prefix.size() && !inhabited(made.rest))
    made.max = static_cast<uint32_t>(made.prefix.size());
  return made;
}

}  // namespace fulmar
