// Writes states as nodes inside each other where only one leads to them, and as rules where several do.
#include "text/node_graph.h"

#include <algorithm>
#include <map>
#include <utility>

namespace fulmar {
namespace {

constexpr std::size_t longest_sequence = 64;
constexpr int deepest = 32;  // nodes inside each other before a rule is begun

class GraphWriter {
 public:
  GraphWriter(GrammarBuilder& builder, const NodeGraph& graph, NodeId end, const std::string& name)
      : builder_(builder), graph_(graph), end_(end), name_(name), made_(graph.states.size()) {}

  NodeId run() {
    find_ends();
    if (!ends_[0]) return builder_.nothing();
    order();
    for (const uint32_t at : finished_) write(at);
    return reference(0);
  }

 private:
  struct Made {
    bool seen = false, open = false;
    bool shared = false;  // a rule
    bool has_rule = false;
    RuleId rule = 0;
    uint32_t into = 0;          // states that lead here
    int depth = 0;              // of nodes inside `parts`
    std::vector<NodeId> parts;  // a sequence
    std::vector<uint32_t> to;   // others, each once
  };

  // States from which nothing accepts are left out, with what leads to them.
  void find_ends() {
    std::vector<std::vector<uint32_t>> into(graph_.states.size());
    std::vector<uint32_t> work;
    ends_.assign(graph_.states.size(), 0);
    for (uint32_t at = 0; at < graph_.states.size(); ++at) {
      for (const NodeGraph::Edge& edge : graph_.states[at].edges) into[edge.to].push_back(at);
      if (graph_.states[at].accepts) work.push_back(at);
    }
    while (!work.empty()) {
      const uint32_t at = work.back();
      work.pop_back();
      if (std::exchange(ends_[at], 1) == 0) work.insert(work.end(), into[at].begin(), into[at].end());
    }
  }

  // In depth first; a state is finished after all that it leads to, but for those it leads back to.
  void order() {
    std::vector<std::pair<uint32_t, std::size_t>> stack;
    const auto enter = [&](uint32_t at) {
      Made& made = made_[at];
      made.seen = made.open = true;
      for (const NodeGraph::Edge& edge : graph_.states[at].edges)
        if (edge.to != at && ends_[edge.to] &&
            std::find(made.to.begin(), made.to.end(), edge.to) == made.to.end())
          made.to.push_back(edge.to);
      stack.emplace_back(at, 0);
    };
    enter(0);
    while (!stack.empty()) {
      auto& [at, next] = stack.back();
      if (next == made_[at].to.size()) {
        made_[at].open = false;
        finished_.push_back(at);
        stack.pop_back();
        continue;
      }
      const uint32_t to = made_[at].to[next++];
      if (++made_[to].into > 1 || made_[to].open) made_[to].shared = true;
      if (!made_[to].seen) enter(to);
    }
  }

  RuleId rule_of(uint32_t at) {
    Made& made = made_[at];
    if (!made.has_rule) made.rule = builder_.rule(name_);
    made.has_rule = true;
    return made.rule;
  }

  NodeId reference(uint32_t at) {
    if (made_[at].shared) return builder_.reference(rule_of(at));
    return builder_.sequence(made_[at].parts);
  }

  void write(uint32_t at) {
    Made& made = made_[at];
    const NodeGraph::State& state = graph_.states[at];
    std::map<uint32_t, std::vector<NodeId>> labels;
    for (const NodeGraph::Edge& edge : state.edges) labels[edge.to].push_back(edge.label);
    const auto loop = labels.find(at);
    std::vector<NodeId> parts;
    if (loop != labels.end()) parts.push_back(builder_.repeat(builder_.choice(loop->second), 0, unbounded));
    if (!state.accepts && made.to.size() == 1) {
      const uint32_t to = made.to[0];
      parts.push_back(builder_.choice(labels[to]));
      made.depth = made_[to].shared ? 1 : made_[to].depth;
      if (!made_[to].shared && made_[to].parts.size() < longest_sequence) {
        parts.insert(parts.end(), made_[to].parts.begin(), made_[to].parts.end());
      } else {
        parts.push_back(reference(to));
        ++made.depth;
      }
    } else {
      std::vector<NodeId> options;
      for (const uint32_t to : made.to) {
        options.push_back(builder_.sequence({builder_.choice(labels[to]), reference(to)}));
        made.depth = std::max(made.depth, made_[to].shared ? 1 : made_[to].depth + 2);
      }
      if (state.accepts) options.push_back(end_);
      parts.push_back(builder_.choice(options));
    }
    for (const uint32_t to : made.to)
      if (made_[to].into == 1) made_[to].parts.clear();  // used up
    made.parts = std::move(parts);
    // What is small is copied rather than made a rule.
    if (made.to.empty() && !made_[at].has_rule) made.shared = false;
    if (made.depth >= deepest) made.shared = true;
    if (!made.shared) return;
    builder_.define(rule_of(at), builder_.sequence(made.parts));
  }

  GrammarBuilder& builder_;
  const NodeGraph& graph_;
  NodeId end_;
  const std::string& name_;
  std::vector<Made> made_;
  std::vector<char> ends_;
  std::vector<uint32_t> finished_;
};

}  // namespace

NodeId add_graph(GrammarBuilder& builder, const NodeGraph& graph, NodeId end, const std::string& name) {
  return GraphWriter(builder, graph, end, name).run();
}

}  // namespace fulmar
