// Counts in memory, and looks into the store where it has forgotten.
#include "answer/child_numbers.h"

#include <algorithm>
#include <charconv>

#include "answer/behalf.h"
#include "base/fail.h"

namespace fulmar::api {
namespace {

constexpr size_t remembered = 4096;  // names
constexpr size_t page = 1024;        // sessions asked for at once
constexpr uint32_t highest = 2'147'483'647;

// Names are their holders' own.
std::string key_of(const std::string& name) {
  return Behalf::tenant() + '/' + name;
}

uint32_t highest_in(const StateStore& sessions, const std::string& name) {
  const std::string front = name + ':';
  uint32_t most = 0;
  std::string after = front;
  for (bool more = true; more;) {
    const std::vector<SessionEntry> entries = sessions.list(after, page);
    for (const SessionEntry& entry : entries) {
      if (!entry.id.starts_with(front)) return most;
      uint32_t number = 0;
      const char* const end = entry.id.data() + entry.id.size();
      const auto [stop, error] = std::from_chars(entry.id.data() + front.size(), end, number);
      if (error == std::errc{} && stop == end) most = std::max(most, number);
    }
    more = entries.size() == page;
    if (more) after = entries.back().id;
  }
  return most;
}

}  // namespace

uint32_t ChildNumbers::next(const std::string& name, const StateStore& sessions) {
  const std::lock_guard lock(mutex_);
  const auto [place, added] = counts_.try_emplace(key_of(name));
  if (added) place->second.last = highest_in(sessions, name);
  if (place->second.last >= highest) fail(ErrorKind::bad_request, "session {} has a child of the highest number there is", name);
  place->second.used = ++uses_;
  uint32_t& number = ++place->second.last;
  // Somebody else may have given a session this name.
  while (sessions.entry(child_name(name, number)) && number < highest) ++number;
  const uint32_t given = number;
  if (counts_.size() > remembered)
    counts_.erase(std::ranges::min_element(counts_, {}, [](const auto& count) { return count.second.used; }));
  return given;
}

void ChildNumbers::forget(const std::string& name) {
  const std::lock_guard lock(mutex_);
  counts_.erase(key_of(name));
}

std::string child_name(const std::string& name, uint32_t number) {
  return name + ':' + std::to_string(number);
}

}  // namespace fulmar::api
