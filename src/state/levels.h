// What the store knows without its file: every session's name and turn, and the states used last.
//
// Turns that names stand for are heads; forks share one. The heads whose states are in memory stand in a list, the one
// used last in front: its first places are level 1, the others level 2. A state that falls off its end is written first
// where that is still to be done, and leaves memory then.
#pragma once
#include <chrono>
#include <deque>
#include <list>
#include <map>
#include <unordered_map>

#include "state/change.h"
#include "state/journal.h"

namespace fulmar {

class Levels {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // `writes`: there is a file for states that leave.
  Levels(const StoreOptions& options, bool writes);

  void apply(const Effect& effect, Time now);
  FoundSession find(const std::string& id, Time now);
  // See StateStore.
  void advance(Node turn, StatePtr state, const std::string& note, Time now);

  // Turns to be read, and what came of it.
  std::optional<Node> next_read();
  void arrived(Node head, Journal::Loaded loaded, Time now);
  void missing(Node head, const Error& why);

  // States to be written, and whether they were.
  struct Unwritten {
    Node head = 0;
    StatePtr state;  // null: none waits
  };
  Unwritten next_write();
  void wrote(const Unwritten& written, bool kept, Time now);
  // Asks for the writing of those that were not used since; answers when to ask again.
  std::optional<Time> write_idle(Time now, std::chrono::duration<double> idle);
  void write_all();
  size_t reads_waiting() const { return to_read_.size(); }
  size_t writes_waiting() const { return to_write_.size(); }

  std::vector<SessionEntry> list(const std::string& after, size_t count) const;
  std::optional<SessionEntry> entry(const std::string& id) const;
  void count(StoreStats& stats) const;

 private:
  struct Session {
    Node head;
    int64_t created, updated;
  };
  struct Head {
    uint32_t names = 0;
    uint64_t tokens = 0;
    Fingerprint model;
    StatePtr state;  // null: in the file alone
    std::string note;
    std::list<Node>::iterator place;  // in recent_, where `listed`
    bool listed = false;              // else a state that is there is about to leave
    bool dirty = false;               // it is not in the file
    bool asked = false;               // it stands in to_write_
    bool reading = false;
    uint32_t behind = 0;              // turns since the state that is in the file, or on its way there
    Time used{};
    std::optional<Error> error;       // of the last reading
  };
  void name(const Named& named, Time now);
  void unname(const std::string& id);
  void let_go(Node node);  // of one name
  void use(Node node, Head& head, Time now);
  void ask_to_write(Node node, Head& head);
  void take_off(Head& head);
  void forget_state(Head& head);
  void trim();
  SessionEntry entry_of(const std::string& id, const Session& session) const;

  const StoreOptions options_;
  const size_t places_;
  const bool writes_;
  std::map<std::string, Session> sessions_;
  std::unordered_map<Node, Head> heads_;
  std::list<Node> recent_;
  std::deque<Node> to_read_, to_write_;
  size_t leaving_ = 0;  // states in memory that are not in recent_
  uint64_t bytes_ = 0, recent_bytes_ = 0;  // of all states in memory, and of those in recent_
  uint64_t hits_ = 0, reads_ = 0, misses_ = 0;
};

}  // namespace fulmar
