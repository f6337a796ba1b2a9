// Names, heads and the list of states used last; see levels.h.
#include "state/levels.h"

#include <algorithm>

namespace fulmar {
namespace {

// States that wait to be written after they fell off the list. Where the disk is slower than that, the oldest goes
// unwritten: its tokens are in the file.
constexpr size_t most_leaving = 8;

}  // namespace

Levels::Levels(const StoreOptions& options, bool writes)
    : options_(options),
      places_(std::max<size_t>(1, size_t{options.device_sessions} + options.memory_sessions)),
      writes_(writes) {}

void Levels::apply(const Effect& effect, Time now) {
  if (const auto* named = std::get_if<Named>(&effect)) return name(*named, now);
  unname(std::get<Unnamed>(effect).id);
}

void Levels::name(const Named& named, Time now) {
  const auto parent = heads_.find(named.parent);
  const uint32_t behind = parent == heads_.end() ? 1 : parent->second.behind + 1;
  Head& head = heads_[named.head];
  ++head.names;
  head.tokens = named.tokens;
  head.model = named.model;
  const auto [place, made] = sessions_.try_emplace(named.id);
  const Node before = made ? 0 : place->second.head;
  place->second = {named.head, named.created, named.updated};
  if (named.state) {
    head.note = named.note;
    head.state = named.state;
    bytes_ += head.state->bytes();
    ++leaving_;  // until use() gives it a place
    head.dirty = writes_ && !named.written;
    head.behind = named.written ? 0 : behind;
    use(named.head, head, now);
    if (head.dirty && head.behind >= options_.checkpoint_every) ask_to_write(named.head, head);
  }
  if (before != 0) let_go(before);
  trim();
}

void Levels::unname(const std::string& id) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  const Node head = found->second.head;
  sessions_.erase(found);
  let_go(head);
}

void Levels::let_go(Node node) {
  const auto found = heads_.find(node);
  if (found == heads_.end() || --found->second.names > 0) return;
  Head& head = found->second;
  if (head.listed) take_off(head);
  forget_state(head);
  heads_.erase(found);
}

// To the front of the list; the state is there.
void Levels::use(Node node, Head& head, Time now) {
  head.used = now;
  if (head.listed) {
    recent_.splice(recent_.begin(), recent_, head.place);
    return;
  }
  --leaving_;
  recent_.push_front(node);
  recent_bytes_ += head.state->bytes();
  head.place = recent_.begin();
  head.listed = true;
}

// From the list; the state is there still.
void Levels::take_off(Head& head) {
  recent_.erase(head.place);
  recent_bytes_ -= head.state->bytes();
  head.listed = false;
  ++leaving_;
}

void Levels::ask_to_write(Node node, Head& head) {
  if (!std::exchange(head.asked, true)) to_write_.push_back(node);
}

// Of a head that is not in the list.
void Levels::forget_state(Head& head) {
  if (!head.state) return;
  bytes_ -= head.state->bytes();
  --leaving_;
  head.state.reset();
  head.note.clear();
}

void Levels::trim() {
  const uint64_t most = options_.memory_bytes;
  while (recent_.size() > places_ || (most > 0 && recent_bytes_ > most && recent_.size() > 1)) {
    const Node node = recent_.back();
    Head& head = heads_.at(node);
    take_off(head);
    const bool room = leaving_ <= most_leaving && (most == 0 || leaving_ == 1 || bytes_ - recent_bytes_ <= most / 8);
    if (head.dirty && room)
      ask_to_write(node, head);
    else
      forget_state(head);
  }
}

FoundSession Levels::find(const std::string& id, Time now) {
  FoundSession found;
  const auto session = sessions_.find(id);
  if (session == sessions_.end()) {
    ++misses_;
    return found;
  }
  found.known = true;
  found.head = session->second.head;
  Head& head = heads_.at(found.head);
  if (head.error) {
    found.error = std::exchange(head.error, std::nullopt);
  } else if (head.state) {
    ++hits_;
    found.state = head.state;
    found.note = head.note;
    use(found.head, head, now);
    trim();
  } else {
    found.coming = true;
    if (!std::exchange(head.reading, true)) {
      ++reads_;
      to_read_.push_back(found.head);
    }
  }
  return found;
}

std::optional<Node> Levels::next_read() {
  while (!to_read_.empty()) {
    const Node node = to_read_.front();
    to_read_.pop_front();
    if (heads_.contains(node)) return node;
  }
  return std::nullopt;
}

void Levels::advance(Node turn, StatePtr state, const std::string& note, Time now) {
  const auto found = heads_.find(turn);
  if (found == heads_.end()) return;
  Head& head = found->second;
  if (head.model != state->model || head.tokens != state->tokens() || (head.state && head.state->fed >= state->fed)) return;
  if (head.listed) take_off(head);
  forget_state(head);
  head.state = std::move(state);
  head.note = note;
  bytes_ += head.state->bytes();
  ++leaving_;
  head.dirty = writes_;
  use(turn, head, now);
  if (head.dirty) ask_to_write(turn, head);
  trim();
}

void Levels::arrived(Node node, Journal::Loaded loaded, Time now) {
  const auto found = heads_.find(node);
  if (found == heads_.end()) return;
  Head& head = found->second;
  head.reading = false;
  if (head.state) return;  // it has come otherwise, and may have seen more
  head.state = std::move(loaded.state);
  head.note = std::move(loaded.note);
  head.behind = loaded.behind;
  head.dirty = false;  // nothing in it that the file has not
  bytes_ += head.state->bytes();
  ++leaving_;
  use(node, head, now);
  trim();
}

void Levels::missing(Node node, const Error& why) {
  const auto found = heads_.find(node);
  if (found == heads_.end()) return;
  found->second.reading = false;
  found->second.error = why;
}

Levels::Unwritten Levels::next_write() {
  while (!to_write_.empty()) {
    const Node node = to_write_.front();
    to_write_.pop_front();
    const auto found = heads_.find(node);
    if (found == heads_.end()) continue;
    Head& head = found->second;
    head.asked = false;
    if (!head.state || !head.dirty) continue;
    head.behind = 0;  // turns that come while it is written are not to ask for another one
    return {node, head.state};
  }
  return {};
}

void Levels::wrote(const Unwritten& written, bool kept, Time now) {
  const auto found = heads_.find(written.head);
  if (found == heads_.end()) return;
  Head& head = found->second;
  if (head.state && head.state != written.state) return;  // one that has seen more has come meanwhile
  if (kept) head.dirty = false;
  if (!head.listed)
    forget_state(head);
  else if (!kept)
    head.used = now;  // tried again when it has been idle once more
}

std::optional<Levels::Time> Levels::write_idle(Time now, std::chrono::duration<double> idle) {
  const auto wait = std::chrono::duration_cast<Time::duration>(idle);
  std::optional<Time> next;
  for (const Node node : recent_) {
    Head& head = heads_.at(node);
    if (!head.dirty || head.asked) continue;
    const Time due = head.used + wait;
    if (due <= now)
      ask_to_write(node, head);
    else
      next = next ? std::min(*next, due) : due;
  }
  return next;
}

void Levels::write_all() {
  for (const Node node : recent_)
    if (Head& head = heads_.at(node); head.dirty) ask_to_write(node, head);
}

SessionEntry Levels::entry_of(const std::string& id, const Session& session) const {
  const Head& head = heads_.at(session.head);
  SessionEntry entry;
  entry.id = id;
  entry.head = session.head;
  entry.model = head.model;
  entry.tokens = head.tokens;
  entry.created = session.created;
  entry.updated = session.updated;
  if (!head.state) return entry;
  entry.bytes = head.state->bytes();
  entry.on_device = head.state->on_device.load(std::memory_order_relaxed);
  entry.level = 2;
  auto place = recent_.begin();
  for (uint32_t i = 0; i < options_.device_sessions && place != recent_.end(); ++i, ++place)
    if (*place == session.head) entry.level = 1;
  return entry;
}

std::vector<SessionEntry> Levels::list(const std::string& after, size_t count) const {
  std::vector<SessionEntry> entries;
  for (auto at = sessions_.upper_bound(after); at != sessions_.end() && entries.size() < count; ++at)
    entries.push_back(entry_of(at->first, at->second));
  return entries;
}

std::optional<SessionEntry> Levels::entry(const std::string& id) const {
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? std::nullopt : std::optional(entry_of(id, found->second));
}

void Levels::count(StoreStats& stats) const {
  const size_t in_memory = recent_.size() + leaving_;
  stats.sessions = sessions_.size();
  stats.level1 = std::min<size_t>(recent_.size(), options_.device_sessions);
  stats.level2 = in_memory - stats.level1;
  stats.level3 = heads_.size() - in_memory;
  stats.hits = hits_;
  stats.reads = reads_;
  stats.misses = misses_;
  stats.memory_bytes = bytes_;
  stats.unwritten = leaving_;
  for (const Node node : recent_) stats.unwritten += heads_.at(node).dirty ? 1 : 0;
}

}  // namespace fulmar
