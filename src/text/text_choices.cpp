// Makes automata of grammars without recursion: the places between their parts first, then sets of places.
#include <algorithm>
#include <map>
#include <utility>

#include "base/fail.h"
#include "text/text_automaton.h"

namespace fulmar {
namespace {

constexpr std::size_t max_places = 16 * max_automaton_states;
constexpr int max_nesting = 1000;  // of a grammar's nodes

// Every node of the grammar between two places, written out as often as it occurs.
class FromGrammar {
 public:
  explicit FromGrammar(const Grammar& grammar) : grammar_(grammar) {}

  TextAutomaton run() {
    const uint32_t start = choices_.add(), end = choices_.add();
    put(grammar_.rules[grammar_.root].body, start, end);
    return choices_.determine(start, end);
  }

 private:
  void put(NodeId id, uint32_t from, uint32_t to) {
    StepBudget::spend(4);
    if (++depth_ > max_nesting) fail(ErrorKind::bad_request, "nests deeper than {} levels", max_nesting);
    const Grammar::Node& node = grammar_.nodes[id];
    using enum Grammar::Kind;
    switch (node.kind) {
      case literal:
        for (const char32_t c : characters_of(std::string_view(grammar_.text).substr(node.first, node.count)))
          from = step(from, c, c);
        choices_.free(from, to);
        break;
      case bytes:
        for (uint32_t byte = 0; byte < 128; ++byte)
          if (grammar_.sets[node.first].has(static_cast<unsigned char>(byte)))
            choices_.edge(from, byte, byte, to);
        break;
      case chars:
        for (const CodePointSet::Range& range : grammar_.classes[node.first].ranges())
          choices_.edge(from, range.first, range.last, to);
        break;
      case sequence:
        for (uint32_t i = 0; i < node.count; ++i) {
          const uint32_t next = i + 1 == node.count ? to : choices_.add();
          put(grammar_.children[node.first + i], from, next);
          from = next;
        }
        if (node.count == 0) choices_.free(from, to);
        break;
      case choice:
        for (uint32_t i = 0; i < node.count; ++i) put(grammar_.children[node.first + i], from, to);
        break;
      case repeat:
        put_repeat(node, from, to);
        break;
      case rule:
        put(grammar_.rules[node.first].body, from, to);
        break;
    }
    --depth_;
  }

  void put_repeat(const Grammar::Node& node, uint32_t from, uint32_t to) {
    for (uint32_t i = 0; i < node.min; ++i) from = another(node.first, from);
    if (node.max == unbounded) {
      const uint32_t loop = choices_.add();
      choices_.free(from, loop);
      put(node.first, loop, loop);
      choices_.free(loop, to);
      return;
    }
    choices_.free(from, to);
    for (uint32_t i = node.min; i < node.max; ++i) {
      from = another(node.first, from);
      choices_.free(from, to);
    }
  }
  uint32_t another(NodeId node, uint32_t from) {
    const uint32_t next = choices_.add();
    put(node, from, next);
    return next;
  }
  uint32_t step(uint32_t from, uint32_t first, uint32_t last) {
    const uint32_t next = choices_.add();
    choices_.edge(from, first, last, next);
    return next;
  }

  const Grammar& grammar_;
  TextChoices choices_;
  int depth_ = 0;
};

}  // namespace

TextAutomaton TextAutomaton::of(const Grammar& grammar) {
  return FromGrammar(grammar).run();
}

uint32_t TextChoices::add() {
  if (places_.size() >= max_places)
    fail(ErrorKind::bad_request, "has more than {} parts when its repeats are written out; make it simpler",
         max_places);
  places_.emplace_back();
  return static_cast<uint32_t>(places_.size() - 1);
}

// Adds what is reached for free, in ascending order.
void TextChoices::close(std::vector<uint32_t>& set, std::vector<char>& seen) const {
  for (const uint32_t at : set) seen[at] = 1;
  for (std::size_t i = 0; i < set.size(); ++i)
    for (const uint32_t to : places_[set[i]].free)
      if (!std::exchange(seen[to], 1)) set.push_back(to);
  for (const uint32_t at : set) seen[at] = 0;
  std::sort(set.begin(), set.end());
}

TextAutomaton TextChoices::determine(uint32_t start, uint32_t end) const {
  using Set = std::vector<uint32_t>;
  std::vector<char> seen(places_.size(), 0);
  Set first{start};
  close(first, seen);
  std::map<Set, uint32_t> number{{first, 0}};
  std::vector<Set> order{first};
  std::vector<TextAutomaton::State> states;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const Set set = order[i];
    TextAutomaton::State state{std::binary_search(set.begin(), set.end(), end), {}};
    std::vector<TextAutomaton::Edge> edges;
    for (const uint32_t at : set)
      edges.insert(edges.end(), places_[at].edges.begin(), places_[at].edges.end());
    std::vector<uint32_t> borders;
    for (const TextAutomaton::Edge& edge : edges) borders.insert(borders.end(), {edge.first, edge.last + 1});
    std::sort(borders.begin(), borders.end());
    borders.erase(std::unique(borders.begin(), borders.end()), borders.end());
    for (std::size_t b = 0; b + 1 < borders.size(); ++b) {
      Set to;
      for (const TextAutomaton::Edge& edge : edges)
        if (edge.first <= borders[b] && borders[b] <= edge.last) to.push_back(edge.to);
      if (to.empty()) continue;
      std::sort(to.begin(), to.end());
      to.erase(std::unique(to.begin(), to.end()), to.end());
      close(to, seen);
      StepBudget::spend(to.size() + edges.size());
      const auto [found, is_new] = number.try_emplace(to, static_cast<uint32_t>(order.size()));
      if (is_new) order.push_back(std::move(to));
      if (order.size() > max_automaton_states)
        fail(ErrorKind::bad_request, "needs an automaton of more than {} states; make it simpler",
             max_automaton_states);
      state.edges.push_back({borders[b], borders[b + 1] - 1, found->second});
    }
    states.push_back(std::move(state));
  }
  return TextAutomaton(std::move(states));
}

}  // namespace fulmar
