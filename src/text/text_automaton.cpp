// Combines sets of texts, and brings automata into their smallest form.
#include "text/text_automaton.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/fail.h"
#include "base/utf8.h"

namespace fulmar {
namespace {

using State = TextAutomaton::State;
using Edge = TextAutomaton::Edge;

constexpr uint32_t no_state = UINT32_MAX;
// States times kinds of characters, while the smallest form is looked for.
constexpr std::size_t max_cells = std::size_t{1} << 21;

[[noreturn]] void fail_too_large() {
  fail(ErrorKind::bad_request, "needs an automaton of more than {} states; make it simpler",
       max_automaton_states);
}

thread_local StepBudget* budget = nullptr;

// Edges side by side that lead to the same place become one.
void join_edges(std::vector<Edge>& edges) {
  std::size_t kept = 0;
  for (const Edge& edge : edges) {
    if (kept != 0 && edges[kept - 1].to == edge.to && edges[kept - 1].last + 1 == edge.first)
      edges[kept - 1].last = edge.last;
    else
      edges[kept++] = edge;
  }
  edges.resize(kept);
}

// Without the states from which no text ends, and those that no text reaches; the others in the order of a
// search in breadth from the start.
std::vector<State> trimmed(const std::vector<State>& states) {
  std::vector<std::vector<uint32_t>> into(states.size());
  for (uint32_t from = 0; from < states.size(); ++from)
    for (const Edge& edge : states[from].edges) into[edge.to].push_back(from);
  std::vector<char> ends(states.size(), 0);
  std::vector<uint32_t> work;
  for (uint32_t at = 0; at < states.size(); ++at)
    if (states[at].accepts) ends[at] = 1, work.push_back(at);
  while (!work.empty()) {
    const uint32_t at = work.back();
    work.pop_back();
    for (const uint32_t from : into[at])
      if (!ends[from]) ends[from] = 1, work.push_back(from);
  }
  if (!ends[0]) return std::vector<State>(1);
  std::vector<uint32_t> number(states.size(), no_state), order{0};
  number[0] = 0;
  std::vector<State> kept;
  for (std::size_t i = 0; i < order.size(); ++i) {
    State state{states[order[i]].accepts, {}};
    for (Edge edge : states[order[i]].edges) {
      if (!ends[edge.to]) continue;
      if (number[edge.to] == no_state) {
        number[edge.to] = static_cast<uint32_t>(order.size());
        order.push_back(edge.to);
      }
      edge.to = number[edge.to];
      state.edges.push_back(edge);
    }
    join_edges(state.edges);
    kept.push_back(std::move(state));
  }
  return kept;
}

// Hopcroft's refinement. Characters that no state tells apart are one symbol; the state behind the last one
// is where texts go that cannot end any more.
class Refinement {
 public:
  explicit Refinement(const std::vector<State>& states) : states_(states), n_(states.size() + 1) {
    std::vector<uint32_t> borders{0};
    for (const State& state : states)
      for (const Edge& edge : state.edges) borders.insert(borders.end(), {edge.first, edge.last + 1});
    std::sort(borders.begin(), borders.end());
    borders.erase(std::unique(borders.begin(), borders.end()), borders.end());
    symbols_ = borders.size();
    if (n_ * symbols_ > max_cells) fail_too_large();
    StepBudget::spend(n_ * symbols_ * 2);
    std::vector<uint32_t> to(n_ * symbols_, static_cast<uint32_t>(n_ - 1));
    for (std::size_t from = 0; from < states.size(); ++from)
      for (const Edge& edge : states[from].edges)
        for (auto s = std::lower_bound(borders.begin(), borders.end(), edge.first) - borders.begin();
             s < static_cast<std::ptrdiff_t>(symbols_) && borders[s] <= edge.last; ++s)
          to[s * n_ + from] = edge.to;
    invert(to);
  }

  // The class of each state.
  std::vector<uint32_t> run() {
    class_of_.assign(n_, 1);
    members_.resize(2);
    for (uint32_t at = 0; at < n_; ++at) {
      class_of_[at] = at + 1 < n_ && states_[at].accepts ? 0 : 1;
      members_[class_of_[at]].push_back(at);
    }
    for (uint32_t s = 0; s < symbols_; ++s) work_.emplace_back(0, s), work_.emplace_back(1, s);
    waiting_.assign(2 * symbols_, 1);
    while (!work_.empty()) {
      const auto [which, symbol] = work_.back();
      work_.pop_back();
      waiting_[which * symbols_ + symbol] = 0;
      split_by(which, symbol);
    }
    return class_of_;
  }

 private:
  void invert(const std::vector<uint32_t>& to) {
    first_.assign(n_ * symbols_ + 1, 0);
    from_.resize(n_ * symbols_);
    for (std::size_t s = 0; s < symbols_; ++s)
      for (std::size_t from = 0; from < n_; ++from) ++first_[s * n_ + to[s * n_ + from] + 1];
    for (std::size_t i = 1; i < first_.size(); ++i) first_[i] += first_[i - 1];
    std::vector<uint32_t> next(first_.begin(), first_.end() - 1);
    for (std::size_t s = 0; s < symbols_; ++s)
      for (std::size_t from = 0; from < n_; ++from)
        from_[next[s * n_ + to[s * n_ + from]]++] = static_cast<uint32_t>(from);
  }

  void split_by(uint32_t which, uint32_t symbol) {
    std::map<uint32_t, std::vector<uint32_t>> hits;
    for (const uint32_t at : members_[which])
      for (uint32_t i = first_[symbol * n_ + at]; i < first_[symbol * n_ + at + 1]; ++i)
        hits[class_of_[from_[i]]].push_back(from_[i]);
    for (auto& [old, hit] : hits) {
      if (hit.size() == members_[old].size()) continue;
      const auto made = static_cast<uint32_t>(members_.size());
      for (const uint32_t at : hit) class_of_[at] = made;
      std::erase_if(members_[old], [&](uint32_t at) { return class_of_[at] == made; });
      members_.push_back(std::move(hit));
      waiting_.resize(members_.size() * symbols_, 0);
      const uint32_t smaller = members_[made].size() < members_[old].size() ? made : old;
      for (uint32_t s = 0; s < symbols_; ++s) {
        const uint32_t add = waiting_[old * symbols_ + s] ? made : smaller;
        if (std::exchange(waiting_[add * symbols_ + s], 1) == 0) work_.emplace_back(add, s);
      }
    }
  }

  const std::vector<State>& states_;
  std::size_t n_, symbols_ = 0;
  std::vector<uint32_t> first_, from_;  // by symbol and state: from where it is reached
  std::vector<uint32_t> class_of_;
  std::vector<std::vector<uint32_t>> members_;
  std::vector<std::pair<uint32_t, uint32_t>> work_;
  std::vector<char> waiting_;
};

std::vector<State> smallest(const std::vector<State>& all) {
  const std::vector<State> states = trimmed(all);
  if (states.size() == 1) return states;
  const std::vector<uint32_t> class_of = Refinement(states).run();
  std::vector<State> joined(states.size());
  std::vector<uint32_t> chosen(states.size() + 2, no_state);
  for (uint32_t at = 0; at < states.size(); ++at)
    if (chosen[class_of[at]] == no_state) chosen[class_of[at]] = at;
  for (uint32_t at = 0; at < states.size(); ++at) {
    joined[at] = states[at];
    for (Edge& edge : joined[at].edges) edge.to = chosen[class_of[edge.to]];
  }
  return trimmed(joined);
}

// The texts for which `keep` says yes, told whether either set has them.
template <typename Keep>
TextAutomaton combine(const TextAutomaton& a, const TextAutomaton& b, Keep keep) {
  const auto accepts = [](const TextAutomaton& of, uint32_t at) {
    return at != no_state && of.states()[at].accepts;
  };
  std::map<std::pair<uint32_t, uint32_t>, uint32_t> number{{{0, 0}, 0}};
  std::vector<std::pair<uint32_t, uint32_t>> order{{0, 0}};
  std::vector<State> states;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto [in_a, in_b] = order[i];
    State state{keep(accepts(a, in_a), accepts(b, in_b)), {}};
    static const std::vector<Edge> no_edges;
    const std::vector<Edge>& of_a = in_a == no_state ? no_edges : a.states()[in_a].edges;
    const std::vector<Edge>& of_b = in_b == no_state ? no_edges : b.states()[in_b].edges;
    for (std::size_t x = 0, y = 0, next = 0; next <= last_code_point;) {
      while (x < of_a.size() && of_a[x].last < next) ++x;
      while (y < of_b.size() && of_b[y].last < next) ++y;
      if (x == of_a.size() && y == of_b.size()) break;
      std::size_t last = last_code_point;
      const auto step = [&](const std::vector<Edge>& edges, std::size_t at) {
        if (at == edges.size()) return no_state;
        if (edges[at].first > next) {
          last = std::min<std::size_t>(last, edges[at].first - 1);
          return no_state;
        }
        last = std::min<std::size_t>(last, edges[at].last);
        return edges[at].to;
      };
      const std::pair<uint32_t, uint32_t> to{step(of_a, x), step(of_b, y)};
      // Where both are lost, or what is left can decide nothing, the texts are lost too.
      const bool lives = (to.first != no_state && (to.second != no_state || keep(true, false))) ||
                         (to.second != no_state && (to.first != no_state || keep(false, true)));
      if (lives) {
        const auto [found, is_new] = number.try_emplace(to, static_cast<uint32_t>(order.size()));
        if (is_new) order.push_back(to);
        if (order.size() > max_automaton_states) fail_too_large();
        state.edges.push_back({static_cast<uint32_t>(next), static_cast<uint32_t>(last), found->second});
      }
      next = last + 1;
    }
    StepBudget::spend(10 + 10 * state.edges.size());
    join_edges(state.edges);
    states.push_back(std::move(state));
  }
  return TextAutomaton(std::move(states));
}

}  // namespace

StepBudget::StepBudget(std::size_t steps)
    : steps_(budget ? std::min(steps, budget->left_) : steps), left_(steps_), before_(budget) {
  budget = this;
}
StepBudget::~StepBudget() {
  if (before_) before_->left_ -= steps_ - left_;
  budget = before_;
}

void StepBudget::spend(std::size_t steps) {
  if (budget == nullptr) return;
  if (steps > budget->left_)
    fail(ErrorKind::bad_request,
         "takes too long to make a grammar of, together with what comes before it; make it simpler");
  budget->left_ -= steps;
}

TextAutomaton::TextAutomaton(std::vector<State> states) : states_(smallest(states)) {
  if (states_.size() > max_automaton_states) fail_too_large();
}

TextAutomaton TextAutomaton::anything() {
  return of_length(0, unbounded);
}

TextAutomaton TextAutomaton::of_length(uint32_t min, uint32_t max) {
  if (min > max) return {};
  const uint32_t counted = max == unbounded ? min : max;
  if (counted >= max_automaton_states) fail_too_large();
  std::vector<State> states(counted + 1);
  for (uint32_t at = 0; at <= counted; ++at) {
    states[at].accepts = at >= min;
    if (at < counted || max == unbounded)
      states[at].edges.push_back({0, last_code_point, std::min(at + 1, counted)});
  }
  return TextAutomaton(std::move(states));
}

TextAutomaton TextAutomaton::one_of(std::span<const std::string> texts) {
  std::vector<State> states(1);
  for (const std::string& text : texts) {
    uint32_t at = 0;
    for (const char32_t c : characters_of(text)) {
      std::vector<Edge>& edges = states[at].edges;
      const auto found =
          std::find_if(edges.begin(), edges.end(), [&](const Edge& e) { return e.first == c; });
      if (found != edges.end()) {
        at = found->to;
        continue;
      }
      const auto made = static_cast<uint32_t>(states.size());
      edges.push_back({c, c, made});
      states.emplace_back();
      at = made;
      if (states.size() > 8 * max_automaton_states) fail_too_large();
    }
    states[at].accepts = true;
  }
  for (State& state : states)
    std::sort(state.edges.begin(), state.edges.end(),
              [](const Edge& a, const Edge& b) { return a.first < b.first; });
  return TextAutomaton(std::move(states));
}

bool TextAutomaton::has(std::string_view text) const {
  uint32_t at = 0;
  for (const char32_t c : characters_of(text)) {
    const std::vector<Edge>& edges = states_[at].edges;
    const auto found = std::find_if(edges.begin(), edges.end(),
                                    [&](const Edge& edge) { return edge.first <= c && c <= edge.last; });
    if (found == edges.end()) return false;
    at = found->to;
  }
  return states_[at].accepts;
}

TextAutomaton operator&(const TextAutomaton& a, const TextAutomaton& b) {
  return combine(a, b, [](bool in_a, bool in_b) { return in_a && in_b; });
}

TextAutomaton operator|(const TextAutomaton& a, const TextAutomaton& b) {
  return combine(a, b, [](bool in_a, bool in_b) { return in_a || in_b; });
}

TextAutomaton operator-(const TextAutomaton& a, const TextAutomaton& b) {
  return combine(a, b, [](bool in_a, bool in_b) { return in_a && !in_b; });
}

std::u32string characters_of(std::string_view text) {
  std::u32string characters;
  for (std::size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (length == 1 || !is_utf8(text.substr(at, length))) {
      characters.push_back(lead);
      ++at;
      continue;
    }
    char32_t c = lead & (0x7F >> length);
    for (std::size_t i = 1; i < length; ++i) c = c << 6 | (static_cast<unsigned char>(text[at + i]) & 0x3F);
    characters.push_back(c);
    at += length;
  }
  return characters;
}

}  // namespace fulmar
