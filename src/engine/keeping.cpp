// Reading slots, and waiting for the store; see keeping.h.
#include "engine/keeping.h"

#include <algorithm>
#include <utility>

#include "base/fail.h"

namespace fulmar {
namespace {

bool is_kept(const Job& job) {
  return std::ranges::any_of(job.request->streams, [](const Stream& stream) { return !stream.keep.empty(); });
}

// The state has seen what `before` had, and then these.
void grow(State& state, const StatePtr& before, const Fingerprint& model, std::initializer_list<std::span<const Token>> fed) {
  state.model = model;
  if (before) {
    state.fed = before->fed;
    state.hash = before->hash;
  }
  for (const std::span<const Token> part : fed) {
    state.fed += part.size();
    state.hash.add(part);
  }
}

void append(std::vector<Token>& tokens, std::span<const Token> more) {
  tokens.insert(tokens.end(), more.begin(), more.end());
}

bool reads_for_others(const Generation& one) {
  const Siblings* const siblings = one.job().siblings.get();
  return siblings && siblings->reading && std::ranges::count(one.beginning().marks, siblings->read) > 0;
}

}  // namespace

std::shared_ptr<State> Keeping::read_slot(const Generation& one, size_t stream, std::span<const Token> lead,
                                          std::span<const Token> fed) {
  std::shared_ptr<State> state = pool_->make(model_.state_floats());
  model_.read_slot(one.slots()[stream], state->floats);
  grow(*state, one.beginning().states[stream], fingerprint_, {lead, fed});
  return state;
}

// Of its streams, which have seen what they began from and then `fed` and `more`.
Keeping::States Keeping::read_slots(const Generation& one, std::span<const Token> fed, std::span<const Token> more) {
  States states;
  for (size_t i = 0; i < one.slots().size(); ++i) {
    states.push_back(read_slot(one, i, one.own_lead(i), fed));
    grow(*states[i], states[i], fingerprint_, {more});
  }
  return states;
}

// A stop string began in tokens that the slots have seen: states from before it, and the rest to be fed again.
Keeping::States Keeping::fall_back(const Generation& one, const TurnTokens& tokens) {
  const Snapshot& snapshot = one.snapshot();
  States states;
  for (size_t i = 0; i < one.slots().size(); ++i) {
    const StatePtr before = tokens.from_snapshot ? snapshot.states[i] : one.beginning().states[i];
    if (tokens.from_snapshot && !snapshot.shared) {
      states.push_back(snapshot.states[i]);
    } else {
      const auto& state = states.emplace_back(pool_->make(before ? before->floats.size() : 0));
      if (before) std::ranges::copy(before->floats, state->floats.begin());
      grow(*state, before, fingerprint_, {});
    }
    if (!tokens.from_snapshot) append(states[i]->unfed, one.own_lead(i));
    append(states[i]->unfed, tokens.unfed);
  }
  return states;
}

void Keeping::pass_mark(Generation& one) {
  const Beginning& beginning = one.beginning();
  const std::vector<Token>& prompt = beginning.prompt->tokens;
  const uint32_t read = one.read();
  Siblings* const siblings = one.job().siblings.get();
  const bool is_fork = siblings && siblings->reading && read == siblings->read, is_end = read == prompt.size();
  if (is_fork) {
    siblings->reading = false;
    siblings->slots.assign(one.slots().begin(), one.slots().end());
  }
  const bool shared_elsewhere = is_fork && one.job().request->report_states;
  if (beginning.cacheable || is_end || shared_elsewhere) {
    States states = read_slots(one, one.input_so_far());
    for (size_t i = 0; beginning.cacheable && i < states.size(); ++i)
      prefixes_.insert(one.job().request->tenant, beginning.origins[i], std::span(prompt).first(read), states[i]);
    if (is_fork) siblings->states.assign(states.begin(), states.end());
    if (is_end) one.keep_snapshot(std::move(states), true);
  }
  one.pass_mark();
}

void Keeping::pass_lead(Generation& one) {
  keep_lead(one);
  one.pass_lead();
}

// Of sessions whose states have not seen all of their texts: those that have seen more are theirs from now on.
void Keeping::keep_lead(const Generation& one) {
  for (size_t i = 0; i < one.slots().size(); ++i) {
    const uint32_t fed = one.lead_fed(i);
    const Node turn = one.beginning().parents[i];
    if (turn == 0 || fed < long_lead) continue;
    const std::span<const Token> unfed(one.beginning().states[i]->unfed);
    const auto state = read_slot(one, i, unfed.first(fed), {});
    append(state->unfed, unfed.subspan(fed));
    sessions_.advance(turn, state, one.beginning().notes[i]);
  }
}

void Keeping::before_step(Generation& one) {
  hand_on(one);
  if (one.wants_snapshot()) one.keep_snapshot(read_slots(one, one.input_so_far(), one.said_so_far()), false);
}

void Keeping::hand_on(Generation& one) {
  Siblings* const siblings = one.job().siblings.get();
  if (!siblings || siblings->slots.empty() || siblings->slots[0] != one.slots()[0]) return;
  if (siblings->waiting > 0 && siblings->states.empty()) {
    const States states = read_slots(one, one.input_so_far());
    siblings->states.assign(states.begin(), states.end());
  }
  siblings->slots.clear();
}

void Keeping::give_up(const Generation& one) {
  Siblings* const siblings = one.job().siblings.get();
  if (!siblings) return;
  if (reads_for_others(one)) siblings->reading = false;  // another will
  if (!siblings->slots.empty() && siblings->slots[0] == one.slots()[0]) siblings->slots.clear();
}

bool Keeping::end(Generation& one) {
  tickets_.clear();
  left_.clear();
  hand_on(one);
  give_up(one);
  if (!one.done() || one.paused()) keep_lead(one);  // its client went away, or wants the rest later
  const bool kept = is_kept(one.job()), reported = one.job().request->report_states || one.paused();
  if (!one.leaves_states() || !(kept || reported || one.beginning().cacheable)) return false;
  const TurnTokens tokens = one.turn_tokens();
  const bool cached = cache_answers_ && one.beginning().cacheable && tokens.from_slots &&
                      tokens.fed.size() - one.input_so_far().size() >= worth_keeping;
  if (!(kept || reported || cached)) return false;
  States read = tokens.from_slots ? read_slots(one, tokens.fed) : fall_back(one, tokens);
  if (tokens.from_slots)
    for (const auto& state : read) append(state->unfed, tokens.unfed);
  std::vector<StatePtr> states(read.begin(), read.end());
  if (kept && tokens.from_slots) left_ = states;
  if (cached) cache(one, tokens, states);
  if (kept) put(one, tokens, states);
  if (reported) one.set_states(std::move(states));
  return kept;
}

void Keeping::cache(const Generation& one, const TurnTokens& tokens, const std::vector<StatePtr>& states) {
  const std::span<const Token> fed = std::span(tokens.turn).first(tokens.turn.size() - tokens.unfed.size());
  for (size_t i = 0; i < states.size(); ++i) {
    StatePtr state = states[i];
    if (!tokens.unfed.empty()) {
      const auto without_tail = std::make_shared<State>(*state);
      without_tail->unfed.clear();
      state = without_tail;
    }
    prefixes_.insert(one.job().request->tenant, one.beginning().origins[i], fed, std::move(state));
  }
}

void Keeping::put(Generation& one, const TurnTokens& tokens, const std::vector<StatePtr>& states) {
  const Request& request = *one.job().request;
  for (size_t i = 0; i < states.size(); ++i) {
    const Stream& stream = request.streams[i];
    if (stream.keep.empty()) continue;
    const Node parent = one.beginning().parents[i];
    const bool whole = parent == 0 && (stream.start || tuned_start_);  // tokens alone would not make it again
    const auto streams = static_cast<uint32_t>(states.size());
    std::string note = streams == 1 ? request.note : mixed_note(static_cast<uint32_t>(i), streams, request.note);
    tickets_.push_back(sessions_.put({stream.keep, parent, tokens.turn, states[i], std::move(note), whole, stream.replace,
                                      stream.fresh}));
  }
  one.hold_end();
}

void Keeping::wait_for(std::unique_ptr<Generation> one) {
  one->deliver();  // the text; its end comes later
  waiting_.push_back({std::move(one), std::exchange(tickets_, {})});
}

void Keeping::settle(bool wait, const std::function<void(std::unique_ptr<Generation>)>& back) {
  for (Waiting& waiting : waiting_) {
    while (!waiting.tickets.empty()) {
      const std::optional<Outcome> outcome =
          wait ? sessions_.wait(waiting.tickets.back()) : sessions_.outcome(waiting.tickets.back());
      if (!outcome) break;
      waiting.tickets.pop_back();
      if (outcome->error) waiting.one->settle(&*outcome->error);
    }
    if (!waiting.tickets.empty()) continue;
    waiting.one->settle(nullptr);
    back(std::move(waiting.one));
  }
  std::erase_if(waiting_, [](const Waiting& waiting) { return !waiting.one; });
}

}  // namespace fulmar
