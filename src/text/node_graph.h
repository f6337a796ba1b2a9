// Parts of a grammar made of states: what leads from one to the next is a node, and so is the whole.
#pragma once
#include <string>
#include <vector>

#include "text/grammar.h"

namespace fulmar {

struct NodeGraph {
  struct Edge {
    NodeId label;
    uint32_t to;
  };
  struct State {
    bool accepts = false;
    std::vector<Edge> edges;
  };
  std::vector<State> states;  // 0 is where it begins
};

// All that leads from state 0 to one that accepts, with `end` behind it. States that several lead to, or that
// lead back to themselves, become rules with this name.
NodeId add_graph(GrammarBuilder& builder, const NodeGraph& graph, NodeId end, const std::string& name);

}  // namespace fulmar
