// Reading slots, and waiting for the store; see keeping.h.
#include "engine/keeping.h"

#include <algorithm>
#include <utility>

#include "base/fail.h"
#include "base/pages.h"

namespace fulmar {
namespace {

const Tenant everybody;  // there is one password

bool is_kept(const Job& job) {
  return std::ranges::any_of(job.request->streams, [](const Stream& stream) { return !stream.keep.empty(); });
}

// What `before` has seen and then `fed`, without the numbers.
std::shared_ptr<State> grown(const StatePtr& before, const Fingerprint& model, std::span<const Token> lead,
                             std::span<const Token> fed) {
  auto state = std::make_shared<State>();
  state->model = model;
  if (before) {
    state->fed = before->fed;
    state->hash = before->hash;
  }
  for (const std::span<const Token> part : {lead, fed}) {
    state->fed += part.size();
    state->hash.add(part);
  }
  return state;
}

bool reads_for_others(const Generation& one) {
  const Siblings* const siblings = one.job().siblings.get();
  return siblings && siblings->reading && std::ranges::count(one.beginning().marks, siblings->read) > 0;
}

}  // namespace

// Of its streams, which have seen what they began from and then `fed`.
std::vector<StatePtr> Keeping::read_slots(const Generation& one, std::span<const Token> fed, std::span<const Token> unfed) {
  std::vector<StatePtr> states;
  for (size_t i = 0; i < one.slots().size(); ++i) {
    const auto state = grown(one.beginning().states[i], fingerprint_, one.own_lead(i), fed);
    state->unfed.assign(unfed.begin(), unfed.end());
    state->floats.reserve(model_.state_floats());
    use_large_pages(state->floats.data(), model_.state_floats() * sizeof(float));
    state->floats.resize(model_.state_floats());
    model_.read_slot(one.slots()[i], state->floats);
    states.push_back(state);
  }
  return states;
}

// A stop string began in tokens that the slots have seen: the states from before the answer, and the rest to be fed again.
std::vector<StatePtr> Keeping::fall_back(const Generation& one, std::span<const Token> unfed) const {
  const bool from_prompt = !one.prompt_states().empty();
  const std::vector<StatePtr>& before = from_prompt ? one.prompt_states() : one.beginning().states;
  std::vector<StatePtr> states;
  for (size_t i = 0; i < before.size(); ++i) {
    const auto state = grown(before[i], fingerprint_, {}, {});
    if (before[i]) state->floats = before[i]->floats;
    if (!from_prompt) state->unfed.assign(one.own_lead(i).begin(), one.own_lead(i).end());
    state->unfed.insert(state->unfed.end(), unfed.begin(), unfed.end());
    states.push_back(state);
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
    std::vector<StatePtr> states = read_slots(one, one.input_so_far(), {});
    for (size_t i = 0; beginning.cacheable && i < states.size(); ++i)
      prefixes_.insert(everybody, beginning.origins[i], std::span(prompt).first(read), states[i]);
    if (is_fork) siblings->states = states;
    if (is_end) one.keep_prompt_states(std::move(states));
  }
  one.pass_mark();
}

void Keeping::before_step(Generation& one) {
  Siblings* const siblings = one.job().siblings.get();
  if (!siblings || siblings->slots.empty() || siblings->slots[0] != one.slots()[0]) return;
  if (siblings->waiting > 0 && siblings->states.empty())
    siblings->states = read_slots(one, one.input_so_far(), {});
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
  before_step(one);
  give_up(one);
  const bool kept = is_kept(one.job()), reported = one.job().request->report_states;
  if (!one.leaves_states() || !(kept || reported || one.beginning().cacheable)) return false;
  const TurnTokens tokens = one.turn_tokens();
  const bool cached = cache_answers_ && one.beginning().cacheable && tokens.from_slots &&
                      tokens.fed.size() - one.input_so_far().size() >= worth_keeping;
  if (!(kept || reported || cached)) return false;
  std::vector<StatePtr> states =
      tokens.from_slots ? read_slots(one, tokens.fed, tokens.unfed) : fall_back(one, tokens.unfed);
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
    prefixes_.insert(everybody, one.beginning().origins[i], fed, std::move(state));
  }
}

void Keeping::put(Generation& one, const TurnTokens& tokens, const std::vector<StatePtr>& states) {
  const Request& request = *one.job().request;
  for (size_t i = 0; i < states.size(); ++i) {
    const Stream& stream = request.streams[i];
    if (stream.keep.empty()) continue;
    const Node parent = one.beginning().parents[i];
    const bool whole = parent == 0 && (stream.start || tuned_start_);  // tokens alone would not make it again
    tickets_.push_back(
        sessions_.put({stream.keep, parent, tokens.turn, states[i], request.note, whole, stream.replace}));
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
