// The radix tree and its bound; see prefix_index.h.
#include "engine/prefix_index.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace fulmar {
namespace {

size_t common(std::span<const Token> a, std::span<const Token> b) {
  return static_cast<size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

}  // namespace

PrefixIndex::~PrefixIndex() {
  clear();
}

PrefixIndex::Hit PrefixIndex::find(const Tenant& tenant, const StatePtr& origin, std::span<const Token> tokens,
                                   uint32_t most) {
  Hit hit;
  const auto root = roots_.find({tenant, origin.get()});
  if (root == roots_.end()) return hit;
  Node* found = nullptr;
  const Node* node = &root->second.node;
  for (std::span<const Token> left = tokens; !left.empty();) {
    const auto child = node->children.find(left[0]);
    if (child == node->children.end()) break;
    Node& next = *child->second;
    const size_t same = common(next.edge, left);
    hit.shared += static_cast<uint32_t>(same);
    if (same < next.edge.size()) break;
    left = left.subspan(same);
    node = &next;
    if (next.state && hit.shared <= most) {
      found = &next;
      hit.tokens = hit.shared;
    }
  }
  if (!found) return hit;
  hit.state = found->state;
  used_.splice(used_.begin(), used_, found->used);
  return hit;
}

bool PrefixIndex::has(const Tenant& tenant, const StatePtr& origin, std::span<const Token> tokens) const {
  const auto root = roots_.find({tenant, origin.get()});
  if (root == roots_.end()) return false;
  const Node* node = &root->second.node;
  while (!tokens.empty()) {
    const auto child = node->children.find(tokens[0]);
    if (child == node->children.end()) return false;
    node = child->second.get();
    if (common(node->edge, tokens) < node->edge.size()) return false;
    tokens = tokens.subspan(node->edge.size());
  }
  return node->state != nullptr;
}

void PrefixIndex::insert(const Tenant& tenant, const StatePtr& origin, std::span<const Token> tokens, StatePtr state) {
  if (tokens.empty() || state->bytes() + tokens.size_bytes() > most_) return;
  Root& root = roots_[{tenant, origin.get()}];
  root.origin = origin;
  Node* node = &root.node;
  for (std::span<const Token> left = tokens; !left.empty();) {
    std::unique_ptr<Node>& child = node->children[left[0]];
    if (!child) {
      child = std::make_unique<Node>();
      child->parent = node;
      child->edge.assign(left.begin(), left.end());
      bytes_ += left.size_bytes() + sizeof(Node);
      node = child.get();
      break;
    }
    const size_t same = common(child->edge, left);
    node = same < child->edge.size() ? split(child.get(), same) : child.get();
    left = left.subspan(same);
  }
  if (node->state) {
    bytes_ -= node->state->bytes();
    used_.splice(used_.begin(), used_, node->used);
  } else {
    node->used = used_.insert(used_.begin(), node);
  }
  node->state = std::move(state);
  bytes_ += node->state->bytes();
  while (bytes_ > most_ && used_.size() > 1) drop(used_.back());
}

// A node between it and its parent, `at` tokens behind the parent.
PrefixIndex::Node* PrefixIndex::split(Node* node, size_t at) {
  std::unique_ptr<Node>& place = node->parent->children.at(node->edge[0]);
  auto middle = std::make_unique<Node>();
  const auto cut = node->edge.begin() + static_cast<std::ptrdiff_t>(at);
  middle->parent = node->parent;
  middle->edge.assign(node->edge.begin(), cut);
  node->edge.erase(node->edge.begin(), cut);
  node->parent = middle.get();
  middle->children[node->edge[0]] = std::move(place);
  bytes_ += sizeof(Node);
  place = std::move(middle);
  return place.get();
}

void PrefixIndex::drop(Node* node) {
  bytes_ -= node->state->bytes();
  node->state.reset();
  used_.erase(node->used);
  prune(node);
}

// Takes out what leads to no state any more, and joins an edge that no longer parts.
void PrefixIndex::prune(Node* node) {
  while (node->parent && !node->state && node->children.empty()) {
    Node* const parent = node->parent;
    bytes_ -= node->edge.size() * sizeof(Token) + sizeof(Node);
    parent->children.erase(node->edge[0]);
    node = parent;
  }
  if (!node->parent) {
    if (node->children.empty())
      std::erase_if(roots_, [&](const auto& root) { return &root.second.node == node; });
    return;
  }
  if (node->state || node->children.size() != 1) return;
  std::unique_ptr<Node> child = std::move(node->children.begin()->second);
  child->edge.insert(child->edge.begin(), node->edge.begin(), node->edge.end());
  child->parent = node->parent;
  bytes_ -= sizeof(Node);
  std::unique_ptr<Node>& place = node->parent->children.at(child->edge[0]);
  place = std::move(child);  // and `node` is gone
}

// Without recursion: a tree may be as deep as a prompt is long.
void PrefixIndex::clear() {
  used_.clear();
  std::vector<std::unique_ptr<Node>> left;
  const auto take = [&left](Node& node) {
    for (auto& [token, child] : node.children) left.push_back(std::move(child));
  };
  for (auto& [key, root] : roots_) take(root.node);
  while (!left.empty()) {
    const std::unique_ptr<Node> node = std::move(left.back());
    left.pop_back();
    take(*node);
  }
  roots_.clear();
  bytes_ = 0;
}

}  // namespace fulmar
