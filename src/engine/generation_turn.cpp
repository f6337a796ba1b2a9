// What is kept of a request's turn: its tokens, and where its states are.
#include <algorithm>

#include "engine/generation.h"

namespace fulmar {
namespace {

// Tokens of the answer from one snapshot to the next at least, which are fed again at most.
constexpr size_t between_snapshots = 16;

}  // namespace

bool Generation::leaves_states() const {
  return finish_ != Finish::failed && left() == 0 && !is_apart();
}

// A stop token is not among those said, and comes when all of them are fed.
size_t Generation::said_fed() const {
  const size_t said = said_.tokens().size();
  return stop_token_ ? said : said - (next_.size() - next_fed_);
}

bool Generation::wants_snapshot() const {
  if (!falls_back_ || done() || next_.size() != 1 || next_fed_ != 0 || !said_.begins_in_last(said_shown())) return false;
  return snapshot_.states.empty() || said_fed() - snapshot_.said >= between_snapshots;
}

void Generation::keep_snapshot(std::vector<std::shared_ptr<State>> states, bool shared) {
  snapshot_ = {std::move(states), said_fed(), shared};
}

TurnTokens Generation::turn_tokens() const {
  TurnTokens made;
  const std::vector<Token>& said = said_.tokens();
  const size_t said_fed = this->said_fed();
  std::span<const Token> kept = said;
  std::vector<Token> rest;
  if (stops_.stopped()) {
    std::string_view text;
    kept = said_.before(said_shown(), text);
    if (!text.empty()) rest = tokenizer_->encode_plain(text);
  }
  made.turn = prompt().tokens;
  made.turn.insert(made.turn.end(), kept.begin(), kept.end());
  made.turn.insert(made.turn.end(), rest.begin(), rest.end());
  made.from_slots = kept.size() >= said_fed;
  if (made.from_slots) {
    made.fed = input_;
    made.fed.insert(made.fed.end(), kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(said_fed));
    made.unfed.assign(kept.begin() + static_cast<std::ptrdiff_t>(said_fed), kept.end());
  } else {
    made.from_snapshot = !snapshot_.states.empty() && snapshot_.said <= kept.size();
    if (!made.from_snapshot) made.unfed = input_;
    const size_t seen = made.from_snapshot ? snapshot_.said : 0;
    made.unfed.insert(made.unfed.end(), kept.begin() + static_cast<std::ptrdiff_t>(seen), kept.end());
  }
  made.unfed.insert(made.unfed.end(), rest.begin(), rest.end());
  return made;
}

}  // namespace fulmar
