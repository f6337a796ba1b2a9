// States of texts that were read before, found by the tokens that a new text begins with.
//
// A radix tree over tokens for each state that texts began from; some of its nodes have the state after the tokens on the
// way there. Tokens are compared themselves, so a hit is a hit. Owned by the engine thread.
#pragma once
#include <list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "fulmar/state.h"

namespace fulmar {

// Whose texts: see Request::tenant.
using Tenant = std::string;
inline const Tenant everybody;  // there is one password

// A state is worth keeping where that saves so many tokens.
inline constexpr uint32_t worth_keeping = 8;

class PrefixIndex {
 public:
  // Keeps at most so many bytes of states and tokens; of those used longest ago it lets go first.
  explicit PrefixIndex(uint64_t bytes) : most_(bytes) {}
  ~PrefixIndex();

  struct Hit {
    uint32_t tokens = 0;  // that `state` has seen
    StatePtr state;       // null: none
    uint32_t shared = 0;  // tokens that this text has in common with one that is known
  };
  // The longest prefix of at most `most` tokens. `origin`: what the text begins from, null where that is what the model
  // starts from.
  Hit find(const Tenant& tenant, const StatePtr& origin, std::span<const Token> tokens, uint32_t most);
  // Whether it has just these tokens.
  bool has(const Tenant& tenant, const StatePtr& origin, std::span<const Token> tokens) const;
  // Replaces what it has for just these tokens, of which there is one at least.
  void insert(const Tenant& tenant, const StatePtr& origin, std::span<const Token> tokens, StatePtr state);
  void clear();

  uint64_t capacity() const { return most_; }
  uint64_t bytes() const { return bytes_; }
  uint64_t states() const { return used_.size(); }

 private:
  struct Node {
    Node* parent = nullptr;
    std::vector<Token> edge;  // from the parent to here; of the root none
    std::map<Token, std::unique_ptr<Node>> children;  // by the first token of their edges
    StatePtr state;
    std::list<Node*>::iterator used;  // in used_, with a state
  };
  struct Root {
    StatePtr origin;  // kept, so that its address stays its own
    Node node;
  };
  using Key = std::pair<Tenant, const State*>;

  Node* split(Node* node, size_t at);
  void drop(Node* node);
  void prune(Node* node);

  const uint64_t most_;
  uint64_t bytes_ = 0;
  std::map<Key, Root> roots_;
  std::list<Node*> used_;  // nodes with a state, the last used first
};

}  // namespace fulmar
