// Sessions first, then prefixes, then marks; see admission.h.
#include "engine/admission.h"

#include <algorithm>

#include "base/fail.h"
#include "engine/prompt.h"

namespace fulmar {
namespace {

const Tenant everybody;  // there is one password

}  // namespace

Verdict Admission::may_begin(const Job& job, size_t free_slots) {
  const Request& request = *job.request;
  if (job.siblings && job.siblings->reading) return Verdict::pass;
  for (const Stream& stream : request.streams)
    if (busy_.contains(stream.keep)) return Verdict::pass;
  if (request.streams.size() > free_slots) return Verdict::hold;
  found_.assign(request.streams.size(), {});
  bool coming = false;
  for (size_t i = 0; i < request.streams.size(); ++i) {
    if (request.streams[i].from.empty()) continue;
    found_[i] = sessions_.find(request.streams[i].from);
    coming |= found_[i].coming;
  }
  return coming ? Verdict::pass : Verdict::begin;
}

Beginning Admission::begin(const Job& job) {
  Beginning beginning;
  if (job.siblings) --job.siblings->waiting;
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
  for (const Stream& stream : job.request->streams)
    if (!stream.keep.empty()) busy_.insert(stream.keep);
  return beginning;
}

void Admission::leave(const Job& job) {
  for (const Stream& stream : job.request->streams) busy_.erase(stream.keep);
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
    beginning.states.push_back(found.known ? found.state : stream.start);
    beginning.parents.push_back(found.head);
    if (i == 0 && found.known && request.continued) beginning.prompt = request.continued;
  }
  for (const StatePtr& state : beginning.states)
    if (state) check_state(*state, limits_);  // adapters may have changed since it was submitted
}

// Where every stream has read a part of the prompt, the same for all. What a session goes on from is its own.
void Admission::find_prefix(const Job& job, Beginning& beginning) {
  const std::vector<Token>& tokens = beginning.prompt->tokens;
  const bool of_session = std::ranges::any_of(beginning.parents, [](Node node) { return node != 0; });
  const auto has_tail = [](const StatePtr& state) { return state && !state->unfed.empty(); };
  beginning.cacheable = job.request->use_prefix_cache && !job.request->embed && prefixes_.capacity() > 0 && !of_session &&
                        std::ranges::none_of(beginning.states, has_tail);
  beginning.origins = beginning.states;
  uint32_t shared = 0;
  if (beginning.cacheable && tokens.size() > 1) {
    const auto most = static_cast<uint32_t>(tokens.size()) - 1;
    std::vector<PrefixIndex::Hit> hits;
    for (const StatePtr& origin : beginning.origins) hits.push_back(prefixes_.find(everybody, origin, tokens, most));
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
  if (beginning.cacheable && shared >= beginning.read + worth_keeping && shared < size)
    marks.push_back(shared);  // where this prompt parts from another
  if (job.siblings && job.siblings->waiting > 0 && size > beginning.read + 1) {
    job.siblings->reading = true;
    job.siblings->read = size - 1;
    marks.push_back(size - 1);
  }
  const bool kept = std::ranges::any_of(job.request->streams, [](const Stream& s) { return !s.keep.empty(); });
  const bool may_fall_back = (kept || job.request->report_states) && !job.request->stop.empty();
  const auto is_known = [&](const StatePtr& origin) { return prefixes_.has(everybody, origin, beginning.prompt->tokens); };
  const bool is_news = beginning.cacheable && size >= beginning.read + worth_keeping &&
                       !std::ranges::all_of(beginning.origins, is_known);  // reading a slot costs milliseconds
  if (size > beginning.read && (is_news || may_fall_back))
    marks.push_back(size);
  std::ranges::sort(marks);
  marks.erase(std::ranges::unique(marks).begin(), marks.end());
}

}  // namespace fulmar
