// Names and what they stand for. No answer is called, and none dies, with the lock held: answers call in here with theirs.
#include "answer/running.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "answer/behalf.h"

namespace fulmar::api {

namespace {

bool is_his(const std::string& tenant) {
  return Behalf::tenant().empty() || Behalf::tenant() == tenant;
}

}  // namespace

size_t PausedAnswer::bytes() const {
  size_t bytes = 0;
  for (const Request& request : rest) {
    bytes += (request.prompt->tokens.size() + request.drawn.size()) * sizeof(Token);
    for (const Stream& stream : request.streams)
      if (stream.start) bytes += stream.start->bytes();
  }
  return bytes;
}

void go_on_later(Request& rest, std::span<const Token> drawn, std::span<const StatePtr> states) {
  rest.prompt = std::make_shared<const Prompt>();
  rest.continued = nullptr;
  rest.drawn.insert(rest.drawn.end(), drawn.begin(), drawn.end());
  rest.max_tokens -= static_cast<uint32_t>(drawn.size());
  rest.streams.resize(states.size());
  for (size_t i = 0; i < rest.streams.size(); ++i) {
    Stream& stream = rest.streams[i];
    stream.from = stream.keep;
    stream.must_exist = !stream.keep.empty();
    stream.replace = stream.fresh = false;
    stream.start = stream.keep.empty() ? states[i] : nullptr;
  }
}

std::string Running::next_id() {
  const std::lock_guard lock(mutex_);
  if (count_ == 0)
    first_time_ = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  return fmt::format("req-{}-{}", first_time_, ++count_);
}

void Running::add(const std::string& id, std::weak_ptr<Stoppable> answer) {
  const std::lock_guard lock(mutex_);
  forget_old();
  running_.push_back({id, std::move(answer), Behalf::tenant()});
}

void Running::remove(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(running_, id, &Entry::id);
  if (found == running_.end()) return;
  last_ = std::move(*found);
  running_.erase(found);
}

std::vector<Running::Named> Running::find(const std::string& id) const {
  std::vector<Named> all;
  {
    const std::lock_guard lock(mutex_);
    for (const Entry& entry : running_)
      if (is_his(entry.tenant) && (id.empty() || entry.id == id)) all.push_back({entry.id, entry.answer.lock()});
  }
  std::erase_if(all, [](const Named& one) { return !one.answer || one.answer->is_over(); });
  return all;
}

std::string Running::last() const {
  const std::lock_guard lock(mutex_);
  return is_his(last_.tenant) ? last_.id : std::string();
}

void Running::keep(PausedAnswer paused) {
  const std::lock_guard lock(mutex_);
  const auto asked = std::ranges::find(running_, paused.id, &Entry::id);
  if (asked != running_.end()) paused.tenant = asked->tenant;
  paused_.push_back(std::move(paused));
  forget_old();
}

void Running::forget_old() {
  const auto now = PausedAnswer::Clock::now();
  std::erase_if(paused_, [&](const PausedAnswer& one) { return now - one.since > kPausedTime || one.engine.expired(); });
  size_t bytes = 0;
  for (const PausedAnswer& one : paused_) bytes += one.bytes();
  while (paused_.size() > kPausedAnswers || (bytes > kPausedBytes && paused_.size() > 1)) {
    bytes -= paused_.front().bytes();
    paused_.erase(paused_.begin());
  }
}

bool Running::is_paused(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  return std::ranges::find(paused_, id, &PausedAnswer::id) != paused_.end();
}

std::optional<PausedAnswer> Running::take(std::string_view id, std::string_view session) {
  const std::lock_guard lock(mutex_);
  forget_old();
  const auto is_meant = [&](const PausedAnswer& one) {
    if (!is_his(one.tenant)) return false;
    return id.empty() ? !session.empty() && one.session == session : one.id == id;
  };
  const auto found = std::find_if(paused_.rbegin(), paused_.rend(), is_meant);
  if (found == paused_.rend()) return std::nullopt;
  PausedAnswer taken = std::move(*found);
  paused_.erase(std::next(found).base());
  return taken;
}

std::vector<Running::Told> Running::paused() {
  const std::lock_guard lock(mutex_);
  forget_old();
  std::vector<Told> all;
  const auto now = PausedAnswer::Clock::now();
  for (const PausedAnswer& one : paused_)
    if (is_his(one.tenant)) all.push_back({one.id, one.session, one.rest.size(), std::chrono::ceil<std::chrono::seconds>(kPausedTime - (now - one.since))});
  return all;
}

}  // namespace fulmar::api
