// A store's calls, waited for; see session_copy.h.
#include "session_copy.h"

#include <fmt/format.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <utility>

#include "base/fail.h"

namespace fulmar::tools {
namespace {

[[noreturn]] void no_session(const std::string& id) {
  fail(ErrorKind::not_found, "there is no session '{}'", id);
}

}  // namespace

std::shared_ptr<StateStore> open_sessions_if_there(const SessionFlags& flags) {
  SessionFlags named = flags;
  if (named.store.file.empty()) named.store.file = default_sessions_file();
  std::error_code error;
  const bool there = named.store.file != "none" && std::filesystem::exists(named.store.file, error);
  return there ? open_sessions(named) : nullptr;
}

std::vector<SessionEntry> all_sessions(const StateStore& store) {
  constexpr size_t at_once = 1000;
  std::vector<SessionEntry> all;
  while (true) {
    std::vector<SessionEntry> some = store.list(all.empty() ? std::string() : all.back().id, at_once);
    all.insert(all.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
    if (some.size() < at_once) return all;
  }
}

FoundSession read_session(StateStore& store, const std::string& id) {
  check_session_id(id);
  std::mutex mutex;
  std::condition_variable changed;
  bool news = false;
  const Subscription subscription = store.subscribe([&] {
    const std::lock_guard lock(mutex);
    news = true;
    changed.notify_one();
  });
  while (true) {
    FoundSession found = store.find(id);
    if (found.error) throw Error(*found.error);
    if (!found.known) no_session(id);
    if (!found.coming) return found;
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return std::exchange(news, false); });
  }
}

void copy_session(StateStore& from, const std::string& id, StateStore& to, const std::string& as) {
  const FoundSession found = read_session(from, id);
  // What was said last is of no use in it: without the turns before it cannot be taken back.
  const MixedNote mixed = read_mixed_note(found.note);
  put_session(to, as, found.state, from.transcript(id).tokens,
              mixed.streams > 1 ? mixed_note(mixed.stream, mixed.streams, {}) : std::string());
}

void refuse_existing(const StateStore& store, const std::string& id) {
  if (store.entry(id))
    fail(ErrorKind::bad_request, "there is a session '{}' already: take another name, or delete that one", id);
}

void put_session(StateStore& store, const std::string& id, StatePtr state, std::vector<Token> tokens, std::string note) {
  check_session_id(id);
  refuse_existing(store, id);
  KeptTurn turn;
  turn.id = id;
  turn.tokens = std::move(tokens);
  turn.state = std::move(state);
  turn.note = std::move(note);
  turn.whole = true;
  if (const Outcome outcome = store.wait(store.put(std::move(turn))); outcome.error) throw Error(*outcome.error);
}

std::string time_text(int64_t milliseconds) {
  using namespace std::chrono;
  const sys_seconds time(floor<seconds>(std::chrono::milliseconds(milliseconds)));
  const year_month_day day(floor<days>(time));
  const hh_mm_ss<seconds> clock(time - floor<days>(time));
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", static_cast<int>(day.year()),
                     static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count());
}

}  // namespace fulmar::tools
