// Walks through the states of arrays with counted items, and of objects.
#include "text/schema_machine.h"

#include <algorithm>
#include <map>

#include "base/fail.h"

namespace fulmar {
namespace {

// Gives states numbers as they turn up.
template <typename Place>
class Places {
 public:
  uint32_t number(const Place& place) {
    const auto [found, is_new] = known_.try_emplace(place, static_cast<uint32_t>(order.size()));
    if (is_new) {
      if (order.size() >= max_shape_states)
        fail(ErrorKind::bad_request,
             "has members or items that can be there in more than {} ways; lower the counts, or require more "
             "of them",
             max_shape_states);
      order.push_back(place);
    }
    return found->second;
  }
  std::vector<Place> order;

 private:
  std::map<Place, uint32_t> known_;
};

struct InArray {
  uint32_t index = 0;
  std::vector<uint32_t> found;
  auto operator<=>(const InArray&) const = default;
};

class ArrayMachine {
 public:
  ArrayMachine(const ArrayShape& shape, SchemaTerms& terms) : shape_(shape), terms_(terms) {
    if (shape.counts.size() > max_shape_counts)
      fail(ErrorKind::bad_request, "counts items in more than {} ways with contains", max_shape_counts);
    counted_ = std::max(static_cast<uint32_t>(shape.prefix.size()), shape.min);
    if (shape.max != unbounded) counted_ = std::max(counted_, shape.max);
    for (const ItemCount& count : shape.counts) counted_ = std::max(counted_, count.from);
  }

  ShapeMachine run() {
    InArray start;
    start.found.resize(shape_.counts.size(), 0);
    places_.number(start);
    for (std::size_t i = 0; i < places_.order.size(); ++i) {
      const InArray at = places_.order[i];
      ShapeMachine::State state;
      state.accepts = at.index >= shape_.min;
      for (std::size_t c = 0; c < at.found.size(); ++c) state.accepts &= at.found[c] >= shape_.counts[c].min;
      if (at.index < shape_.max) {
        const Term item = at.index < shape_.prefix.size() ? shape_.prefix[at.index] : shape_.rest;
        InArray to = at;
        to.index = std::min(at.index + 1, counted_);
        add_items(state, at.index, 0, item, to);
      }
      StepBudget::spend(10 + 10 * state.edges.size());
      machine_.states.push_back(std::move(state));
    }
    return std::move(machine_);
  }

 private:
  // For every count, the item is one of those or is not.
  void add_items(ShapeMachine::State& state, uint32_t index, std::size_t c, Term item, InArray to) {
    if (item == SchemaTerms::nothing) return;
    if (c == shape_.counts.size()) {
      state.edges.push_back({0, item, places_.number(to)});
      return;
    }
    const ItemCount& count = shape_.counts[c];
    const bool limited = count.max != unbounded;
    const bool matters = index >= count.from && (limited || to.found[c] < count.min);
    const bool excluded = matters && limited;
    add_items(state, index, c + 1, excluded ? terms_.all_of({item, terms_.not_of(count.item)}) : item, to);
    if (!matters || (limited && to.found[c] == count.max)) return;
    ++to.found[c];
    add_items(state, index, c + 1, terms_.all_of({item, count.item}), to);
  }

  const ArrayShape& shape_;
  SchemaTerms& terms_;
  uint32_t counted_;  // from here on, one index is like the next
  Places<InArray> places_;
  ShapeMachine machine_;
};

struct InObject {
  uint32_t members = 0;  // any order: a bit for each that is there; else the first that may still come
  uint32_t least = 0;    // members with different names, of which more than `min` do not count
  uint32_t most = 0;     // all members, while there is a limit
  uint32_t others = 0;   // the parts of names from which one, not named in the schema, is counted in `least`
  bool met = false;      // what `some` wants
  bool skipped = false;  // the last thing was to leave a member out
  auto operator<=>(const InObject&) const = default;
};

// Names by their first character, in `name_parts` parts: those of different parts are different names.
constexpr uint32_t name_parts = 8;

TextSet names_of_part(uint32_t part) {
  std::vector<TextAutomaton::State> states(2);
  states[1] = {true, {{0, 0x10FFFF, 1}}};
  for (uint32_t c = 0; c < 128; ++c)
    if (c % (name_parts - 1) == part) states[0].edges.push_back({c, c, 1});
  if (part == name_parts - 1) {  // the empty name, and what is not ASCII
    states[0].accepts = true;
    states[0].edges.push_back({128, 0x10FFFF, 1});
  }
  return TextSet::of(TextAutomaton(std::move(states)));
}

class ObjectMachine {
 public:
  ObjectMachine(const ObjectShape& shape, bool any_order, SchemaTerms& terms) : shape_(shape) {
    std::vector<std::string> names;
    for (const ObjectShape::Member& member : shape.members) {
      names.push_back(member.name);
      if (member.value != SchemaTerms::nothing) members_.push_back(member);
    }
    any_order_ = any_order && members_.size() <= max_unordered_members;
    if (shape.some.size() > 1)
      fail(ErrorKind::bad_request,
           "combines several negations of additionalProperties, which is not supported");
    for (const ObjectShape::Member& member : members_) machine_.keys.push_back({true, member.name, {}});
    const TextSet named = names.empty() ? TextSet::none() : TextSet::of(TextAutomaton::one_of(names));
    for (const ObjectShape::KeyClass& one : shape.classes) add_class(one.keys - named, one.value, false);
    for (const ObjectShape::KeyClass& one : shape.classes)
      for (const ObjectShape::KeyClass& wanted : shape.some)
        add_class((one.keys & wanted.keys) - named, terms.all_of({one.value, wanted.value}), true);
    split_classes();
  }

  ShapeMachine run() {
    InObject start;
    start.met = shape_.some.empty();
    places_.number(start);
    for (std::size_t i = 0; i < places_.order.size(); ++i) {
      const InObject at = places_.order[i];
      ShapeMachine::State state;
      state.accepts = at.met && at.least == needed_ && all_required(at);
      if (shape_.max == unbounded || at.most < shape_.max) {
        add_members(state, at);
        if (!at.skipped) add_others(state, at);
      }
      add_skip(state, at);
      StepBudget::spend(10 + 10 * state.edges.size());
      machine_.states.push_back(std::move(state));
    }
    return std::move(machine_);
  }

 private:
  struct Class {
    uint32_t key;
    Term value;
    bool wanted;
    uint32_t part = 0;
  };

  void add_class(TextSet keys, Term value, bool wanted) {
    if (value == SchemaTerms::nothing || keys.is_none()) return;
    classes_.push_back({static_cast<uint32_t>(machine_.keys.size()), value, wanted, 0});
    machine_.keys.push_back({false, {}, std::move(keys)});
  }

  // Two members that the schema does not name could have one and the same name, so no more than one of a part
  // counts.
  void split_classes() {
    uint32_t required = 0;
    for (const ObjectShape::Member& member : members_) required += member.required;
    needed_ = shape_.min - std::min(shape_.min, required);
    const std::size_t parts = needed_ > 1 ? name_parts : 1, optional = members_.size() - required;
    if (needed_ > optional + parts && !classes_.empty())
      fail(ErrorKind::bad_request,
           "minProperties: at most {} members more than those under properties can be asked for, not {}",
           name_parts, shape_.min);
    if (parts == 1) return;
    for (const Class& one : classes_) {
      for (uint32_t part = 0; part < name_parts; ++part) {
        TextSet keys = machine_.keys[one.key].others & names_of_part(part);
        if (keys.is_none()) continue;
        parts_.push_back({static_cast<uint32_t>(machine_.keys.size()), one.value, one.wanted, part});
        machine_.keys.push_back({false, {}, std::move(keys)});
      }
    }
  }

  bool all_required(const InObject& at) const {
    if (!any_order_) return at.members == members_.size();
    for (std::size_t j = 0; j < members_.size(); ++j)
      if (members_[j].required && (at.members >> j & 1) == 0) return false;
    return true;
  }

  InObject after(const InObject& at, bool counts) const {
    InObject to = at;
    if (counts && at.least < needed_) ++to.least;
    if (to.least == needed_) to.others = 0;  // nothing depends on it any more
    if (shape_.max != unbounded) ++to.most;
    return to;
  }

  void add_members(ShapeMachine::State& state, const InObject& at) {
    const auto last = static_cast<uint32_t>(
        any_order_ ? members_.size() : std::min<std::size_t>(members_.size(), at.members + 1));
    for (uint32_t j = any_order_ ? 0 : at.members; j < last; ++j) {
      if (any_order_ && (at.members >> j & 1) != 0) continue;
      InObject to = after(at, !members_[j].required);
      to.members = any_order_ ? at.members | uint32_t{1} << j : j + 1;
      to.skipped = false;
      state.edges.push_back({j, members_[j].value, places_.number(to)});
    }
  }

  // In the schema's order a member that may be missing is left out in a step of its own, so that there are no
  // more steps than members. Others come before such steps, not between them: there is one way only.
  void add_skip(ShapeMachine::State& state, const InObject& at) {
    if (any_order_ || at.members == members_.size() || members_[at.members].required) return;
    InObject to = at;
    ++to.members;
    to.skipped = true;
    state.edges.push_back({ShapeMachine::skip, SchemaTerms::anything, places_.number(to)});
  }

  // What meets `some` comes last of the others: a later one could have the same name and take its place.
  void add_others(ShapeMachine::State& state, const InObject& at) {
    if (at.met && !shape_.some.empty()) return;
    for (const Class& one : at.least < needed_ && !parts_.empty() ? parts_ : classes_) {
      const uint32_t part = uint32_t{1} << one.part;
      InObject to = at;
      to.others |= part;
      to = after(to, (at.others & part) == 0);
      to.met = at.met || one.wanted;
      state.edges.push_back({one.key, one.value, places_.number(to)});
    }
  }

  const ObjectShape& shape_;
  std::vector<ObjectShape::Member> members_;
  std::vector<Class> classes_, parts_;
  bool any_order_ = false;
  uint32_t needed_ = 0;  // members beside those that are required
  Places<InObject> places_;
  ShapeMachine machine_;
};

}  // namespace

bool ShapeMachine::ends(const std::function<bool(Term)>& usable) const {
  std::vector<char> seen(states.size(), 0);
  std::vector<uint32_t> work{0};
  seen[0] = 1;
  while (!work.empty()) {
    const State& state = states[work.back()];
    work.pop_back();
    if (state.accepts) return true;
    for (const Edge& edge : state.edges) {
      if (seen[edge.to] || !usable(edge.value)) continue;
      seen[edge.to] = 1;
      work.push_back(edge.to);
    }
  }
  return false;
}

void ShapeMachine::prune(const std::function<bool(Term)>& usable) {
  for (State& state : states)
    std::erase_if(state.edges, [&](const Edge& edge) { return !usable(edge.value); });
  std::vector<std::vector<uint32_t>> into(states.size());
  std::vector<char> ends(states.size(), 0);
  std::vector<uint32_t> work;
  for (uint32_t at = 0; at < states.size(); ++at) {
    for (const Edge& edge : states[at].edges) into[edge.to].push_back(at);
    if (states[at].accepts) ends[at] = 1, work.push_back(at);
  }
  while (!work.empty()) {
    const uint32_t at = work.back();
    work.pop_back();
    for (const uint32_t from : into[at]) {
      if (ends[from]) continue;
      ends[from] = 1;
      work.push_back(from);
    }
  }
  for (State& state : states) std::erase_if(state.edges, [&](const Edge& edge) { return !ends[edge.to]; });
}

ShapeMachine machine_of(const ArrayShape& shape, SchemaTerms& terms) {
  return ArrayMachine(shape, terms).run();
}

ShapeMachine machine_of(const ObjectShape& shape, bool any_order, SchemaTerms& terms) {
  return ObjectMachine(shape, any_order, terms).run();
}

}  // namespace fulmar
