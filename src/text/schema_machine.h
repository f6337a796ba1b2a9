// A shape of arrays or objects as states: which items or members may come next, and where it may end.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "text/schema_bounds.h"
#include "text/schema_sets.h"

namespace fulmar {

struct ShapeMachine {
  struct Key {
    bool named = false;
    std::string name;
    TextSet others;  // where it is not named
  };
  static constexpr uint32_t skip = UINT32_MAX;  // a key: nothing is written
  struct Edge {
    uint32_t key;  // of objects
    Term value;
    uint32_t to;
  };
  struct State {
    bool accepts = false;
    std::vector<Edge> edges;
  };
  std::vector<Key> keys;
  std::vector<State> states;  // 0: nothing is there yet

  // Whether the end is reached over values for which `usable` holds.
  bool ends(const std::function<bool(Term)>& usable) const;
  // Without other values, and without states that then lead to no end.
  void prune(const std::function<bool(Term)>& usable);
};

ShapeMachine machine_of(const ArrayShape& shape, SchemaTerms& terms);
ShapeMachine machine_of(const ObjectShape& shape, bool any_order, SchemaTerms& terms);

}  // namespace fulmar
