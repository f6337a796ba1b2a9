// The hash that plays a model, and turns as an engine would keep them; see sessions.h.
#include "state/sessions.h"

#include <algorithm>
#include <chrono>

namespace fulmar::test {

std::vector<float> floats_of(const TokenHash& hash, size_t count) {
  std::minstd_rand random(hash.value().bytes[15] << 16 | hash.value().bytes[14] << 8 | hash.value().bytes[13] | 1);
  std::vector<float> floats(count);
  for (float& f : floats) f = static_cast<float>(random() % 2000) / 1000 - 1;
  return floats;
}

StatePtr feed(const StatePtr& from, const std::vector<Token>& tokens, size_t unfed, size_t floats) {
  auto made = from ? std::make_shared<State>(*from) : std::make_shared<State>();
  made->model = model;
  made->unfed.insert(made->unfed.end(), tokens.begin(), tokens.end());
  const size_t fed = made->unfed.size() - std::min(unfed, made->unfed.size());
  made->hash.add(std::span(made->unfed).first(fed));
  made->fed += fed;
  made->unfed.erase(made->unfed.begin(), made->unfed.begin() + static_cast<std::ptrdiff_t>(fed));
  made->floats.clear();
  if (made->fed > 0) made->floats = floats_of(made->hash, floats);
  return made;
}

bool stands_for(const StatePtr& state, const std::vector<Token>& text) {
  if (!state || state->model != model || state->tokens() != text.size()) return false;
  TokenHash hash;
  hash.add(std::span(text).first(state->fed));
  const bool fed = hash == state->hash && (state->fed == 0 ? state->floats.empty()
                                                           : state->floats == floats_of(hash, state->floats.size()));
  return fed && std::equal(state->unfed.begin(), state->unfed.end(), text.end() - static_cast<std::ptrdiff_t>(state->unfed.size()));
}

std::vector<Token> tokens_from(int first, size_t count) {
  std::vector<Token> tokens(count);
  for (size_t i = 0; i < count; ++i) tokens[i] = first + static_cast<Token>(i);
  return tokens;
}

FoundSession get(StateStore& store, const std::string& id) {
  for (;;) {
    FoundSession found = store.find(id);
    if (!found.coming) return found;
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
}

bool holds(StateStore& store, const std::string& id, const std::vector<Token>& text) {
  const FoundSession found = get(store, id);
  return found.known && !found.error && stands_for(found.state, text) && store.transcript(id).tokens == text;
}

KeptTurn turn_of(StateStore& store, const std::string& id, const std::vector<Token>& tokens, size_t unfed,
                 size_t floats) {
  const FoundSession found = get(store, id);
  return {.id = id, .parent = found.head, .tokens = tokens, .state = feed(found.state, tokens, unfed, floats), .note = "n"};
}
Outcome say(StateStore& store, const std::string& id, const std::vector<Token>& tokens, size_t floats) {
  return store.wait(store.put(turn_of(store, id, tokens, 1, floats)));
}

}  // namespace fulmar::test
