// Sessions first, then prefixes, then marks; see admission.h.
#include "engine/admission.h"

#include <algorithm>
#include <utility>

#include "base/fail.h"
#include "engine/prompt.h"

namespace fulmar {
namespace {

// So much longer is a prompt than the one token that is left to be fed where it is asked again, that this token is worth a
// step of its own the first time.
constexpr uint32_t worth_a_step = 256;

// A vector is of the whole text, and so are the scores of its tokens, which no state has.
bool uses_prefixes(const Request& request) {
  return request.use_prefix_cache && !request.embed && !request.report.prompt_logprobs;
}

bool has_tail(const StatePtr& state) {
  return state && !state->unfed.empty();
}

}  // namespace

Verdict Admission::may_begin(const Job& job, size_t free_slots) {
  const Request& request = *job.request;
  lease_.reset();
  if (job.siblings && job.siblings->reading) return Verdict::pass;
  Lease lease;
  if (!leases(request, lease)) return Verdict::pass;
  if (request.streams.size() > free_slots) return Verdict::hold;
  found_.assign(request.streams.size(), {});
  bool coming = false;
  for (size_t i = 0; i < request.streams.size(); ++i) {
    if (request.streams[i].from.empty()) continue;
    found_[i] = sessions_.find(request.streams[i].from);
    coming |= found_[i].coming;
  }
  if (coming || awaits_reader(job)) return Verdict::pass;
  lease_ = std::move(lease);
  return Verdict::begin;
}

// False where one of its sessions has a turn under way, here or in another engine of the same store.
bool Admission::leases(const Request& request, Lease& lease) const {
  std::vector<std::string> ids;
  for (const Stream& stream : request.streams)
    if (!stream.keep.empty()) ids.push_back(stream.keep);
  if (ids.empty()) return true;
  lease = sessions_.lease(ids);
  return lease != nullptr;
}

// What it would begin from is looked up once for each reader that it waits for.
bool Admission::awaits_reader(const Job& job) {
  if (readers_.awaits_still(job)) return true;
  const Request& request = *job.request;
  const std::vector<Token>& tokens = request.prompt->tokens;
  const uint64_t bytes = limits_.state_floats * sizeof(float) + sizeof(State) + tokens.size() * sizeof(Token);
  const bool has_state = job.siblings && !(job.siblings->states.empty() && job.siblings->slots.empty());
  if (readers_.none() || has_state || !uses_prefixes(request) || tokens.size() <= worth_waiting ||
      bytes * request.streams.size() > prefixes_.capacity())
    return false;
  std::vector<StatePtr> origins;
  for (size_t i = 0; i < request.streams.size(); ++i) {
    if (found_[i].known || has_tail(request.streams[i].start)) return false;
    origins.push_back(request.streams[i].start);
  }
  const auto most = static_cast<uint32_t>(tokens.size()) - 1;
  return readers_.awaits(job, origins, tokens, prefixes_.find(request.tenant, origins[0], tokens, most).tokens);
}

Beginning Admission::begin(const Job& job) {
  Beginning beginning;
  beginning.lease = std::exchange(lease_, nullptr);
  find_states(job, beginning);
  Siblings* const siblings = job.siblings.get();
  if (siblings && !(siblings->states.empty() && siblings->slots.empty())) {
    beginning.states = siblings->states;
    beginning.states.resize(job.request->streams.size());  // the slots know, where they are not read
    beginning.slots = siblings->slots;
    beginning.read = siblings->read;
  } else {
    find_prefix(job, beginning);
  }
  const bool nothing = beginning.read == beginning.prompt->tokens.size() &&
                       std::ranges::all_of(beginning.states, [](const StatePtr& s) { return !s || s->unfed.empty(); });
  if (nothing && job.request->max_tokens > 0)
    refuse_field("prompt", "there is nothing to read: the session's text was read to its end, and nothing was added");
  check_length(job, beginning);
  return beginning;
}

// Sessions come from files too, and may have been read whole only by states that are gone.
void Admission::check_length(const Job& job, const Beginning& beginning) const {
  const Request& request = *job.request;
  const size_t prompt = beginning.prompt->tokens.size();
  bool same_tails = true;
  for (size_t i = 0; i < beginning.states.size(); ++i) {
    const StatePtr &state = beginning.states[i], &first = beginning.states[0];
    const size_t unfed = state ? state->unfed.size() : 0;
    if (unfed > 0 && unfed + prompt > limits_.most_fed)
      refuse_field("session_id",
                   "{} tokens of {} were not read yet, and with the {} new ones they are more than the {} that a request may "
                   "have read, {} times --max-prompt-tokens: raise that",
                   unfed, request.streams[i].from.empty() ? "the state" : fmt::format("session '{}'", request.streams[i].from),
                   prompt, limits_.most_fed, prompts_fed);
    same_tails &= has_tail(state) == has_tail(first) && (!has_tail(state) || state->unfed == first->unfed);
  }
  if (!same_tails && beginning.read == prompt && request.max_tokens > 0)
    refuse_field("prompt", "is empty, but the states that are mixed end in different tokens that were not read yet");
}

void Admission::find_states(const Job& job, Beginning& beginning) const {
  const Request& request = *job.request;
  beginning.prompt = request.prompt;
  for (size_t i = 0; i < request.streams.size(); ++i) {
    const Stream& stream = request.streams[i];
    const FoundSession& found = found_[i];
    if (found.error) throw Error(*found.error);
    if (stream.must_exist && !found.known)
      throw Error(ErrorKind::not_found, fmt::format("there is no session '{}'", stream.from), "session_id");
    if (found.state && found.state->model != limits_.model)
      fail(ErrorKind::bad_request,
           "session '{}' is of another model, other adapters or another vocabulary (its fingerprint is {}, that of this "
           "server's model {}): take another session_id, or serve that model again",
           stream.from, found.state->model.hex(), limits_.model.hex());
    const MixedNote mixed = read_mixed_note(found.note);
    if (!stream.keep.empty() && mixed.streams > 1 && (mixed.streams != request.streams.size() || mixed.stream != i))
      throw Error(ErrorKind::bad_request,
                  fmt::format("session '{}' is one of {} that are mixed and go on together, as `fulmar chat` with as many "
                              "--state has them: take another session_id, or export it and import it as one of its own",
                              stream.from, mixed.streams),
                  "session_id");
    beginning.states.push_back(found.known ? found.state : stream.start);
    beginning.parents.push_back(found.head);
    beginning.notes.push_back(found.note);
    if (i == 0 && found.known && request.continued) beginning.prompt = request.continued;
  }
  for (const StatePtr& state : beginning.states)
    if (state) check_state(*state, limits_);  // adapters may have changed since it was submitted
}

// Where every stream has read a part of the prompt, the same for all. What a session goes on from is its own.
void Admission::find_prefix(const Job& job, Beginning& beginning) {
  const std::vector<Token>& tokens = beginning.prompt->tokens;
  const bool of_session = std::ranges::any_of(beginning.parents, [](Node node) { return node != 0; });
  beginning.cacheable = uses_prefixes(*job.request) && prefixes_.capacity() > 0 && !of_session &&
                        std::ranges::none_of(beginning.states, has_tail);
  beginning.origins = beginning.states;
  uint32_t shared = 0;
  if (beginning.cacheable && tokens.size() > 1) {
    const auto most = static_cast<uint32_t>(tokens.size()) - 1;
    std::vector<PrefixIndex::Hit> hits;
    for (const StatePtr& origin : beginning.origins) hits.push_back(prefixes_.find(job.request->tenant, origin, tokens, most));
    const PrefixIndex::Hit& first = hits[0];
    shared = first.shared;
    if (first.state && std::ranges::all_of(hits, [&](const auto& hit) { return hit.tokens == first.tokens; })) {
      for (size_t i = 0; i < hits.size(); ++i) beginning.states[i] = hits[i].state;
      beginning.read = first.tokens;
    }
  }
  add_marks(job, shared, beginning);
}

void Admission::add_marks(const Job& job, uint32_t shared, Beginning& beginning) const {
  const auto size = static_cast<uint32_t>(beginning.prompt->tokens.size());
  std::vector<uint32_t>& marks = beginning.marks;
  // Where this prompt parts from another; where it was asked before, the place that leaves a token to be fed.
  const uint32_t parting = std::min(shared, size > 0 ? size - 1 : 0);
  if (beginning.cacheable && parting >= beginning.read + worth_keeping) marks.push_back(parting);
  const uint32_t told = beginning.prompt->shared;
  if (beginning.cacheable && told > beginning.read && told < size) marks.push_back(told);
  if (job.siblings && job.siblings->waiting > 0 && size > beginning.read + 1) {
    job.siblings->reading = true;
    job.siblings->read = size - 1;
    marks.push_back(size - 1);
  }
  const auto is_known = [&](const StatePtr& origin) { return prefixes_.has(job.request->tenant, origin, beginning.prompt->tokens); };
  const bool is_news = beginning.cacheable && size >= beginning.read + worth_keeping && shared < size &&
                       !std::ranges::all_of(beginning.origins, is_known);  // reading a slot costs milliseconds
  if (is_news) marks.push_back(size >= beginning.read + worth_a_step ? size - 1 : size);
  std::ranges::sort(marks);
  marks.erase(std::ranges::unique(marks).begin(), marks.end());
}

}  // namespace fulmar
