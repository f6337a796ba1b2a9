// Sessions: names for states that outlive a request, and with a file the program too.
//
// A session is a name in front of a tree of turns, as a branch is in git. A turn adds a child to the name's turn and
// moves the name; a fork is a second name for one turn; turns that no name and no later turn needs are dropped. What
// makes a turn durable is its tokens, a few hundred bytes; states are written behind, now and then. A session that is
// not in memory is therefore the last state written at or before its turn, and the tokens since as State::unfed.
//
// Any thread may call; unless it is said, no call waits for a disk. Changes are made by one thread, in the order they
// were asked for, and are seen by others (find, list) when they are durable and not before.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fulmar/error.h"
#include "fulmar/state.h"

namespace fulmar {

struct StoreOptions {
  std::string file;                // "" or "none": memory only
  uint32_t device_sessions = 16;   // so many states used last count as level 1
  uint32_t memory_sessions = 32;   // so many after those stay in host memory: level 2
  uint64_t memory_bytes = 0;       // of both together; 0: no bound but their number
  // Bytes of the file, its log and the room that is kept for a full disk; 0: no limit. Past it the states written first
  // are dropped, and their sessions are fed again from the tokens. Without a file, bytes of tokens in memory (0: 256 MiB),
  // past which the sessions used first are erased.
  uint64_t limit = 0;
  uint32_t checkpoint_every = 16;  // turns of a session after which its state is written
  double idle_seconds = 20;        // without a turn, after which it is
};

using Node = int64_t;  // a turn in the store; 0: none. Never given twice while a store is open

struct KeptTurn {
  std::string id;               // the name that is moved to this turn, or made
  Node parent = 0;              // FoundSession::head of what it goes on from; 0: it begins a text
  std::vector<Token> tokens{};  // that this turn adds to its parent's text: those fed, and then State::unfed of `state`
  StatePtr state{};             // after the turn
  std::string note{};           // the caller's own bytes, at most max_note
  // The state cannot be made again from the tokens, as one that was imported, mixed, or began from a tuned state: it is
  // durable with the turn, and stays. With parent 0 `tokens` may then be fewer than the state has seen.
  bool whole = false;
  // Whatever the name stands for is replaced. Else it must stand for `parent` still (for none: not exist): Error(conflict)
  // where it moved meanwhile, Error(not_found) where it was erased.
  bool replace = false;
  // The name is a new one, whatever it goes on from: Error(conflict) where there is one by now.
  bool fresh = false;
};
constexpr size_t max_note = 4096;
constexpr size_t max_document = size_t{16} << 20;

// A session that a mixture keeps is of use with the mixture's others alone, which is said in front of its note.
struct MixedNote {
  uint32_t stream = 0, streams = 1;  // which of how many
  std::string_view note;             // the caller's own
};
MixedNote read_mixed_note(std::string_view note);
std::string mixed_note(uint32_t stream, uint32_t streams, std::string_view note);
constexpr size_t max_mixed_note = max_note - 32;  // bytes of the caller's own

struct Outcome {
  std::optional<Error> error;  // nothing was changed then
  Node node = 0;               // of put and fork: what the name stands for
  uint64_t count = 0;          // of erase: sessions erased
};

// A change that was asked for.
class PendingChange;
using Ticket = std::shared_ptr<const PendingChange>;

struct FoundSession {
  bool known = false;          // there is a session of this name
  Node head = 0;               // its turn
  StatePtr state;              // where it is in memory
  std::string note;            // of the turn, with `state`
  bool coming = false;         // it is being read: subscribe, and ask again. Ask only for what could start now
  std::optional<Error> error;  // it could not be read. Told once: the next find() tries again
};

struct SessionEntry {
  std::string id;
  Node head = 0;
  Fingerprint model;
  uint64_t tokens = 0;               // of its text
  int level = 3;                     // 1, 2: in memory; 3: in the file
  bool on_device = false;            // State::on_device
  uint64_t bytes = 0;                // in memory, 0 on level 3
  int64_t created = 0, updated = 0;  // Unix time in milliseconds
};

struct Transcript {
  uint64_t unknown = 0;  // tokens at its front that only the imported state has seen
  std::vector<Token> tokens;
};

struct StoreStats {
  uint64_t sessions = 0;
  uint64_t level1 = 0, level2 = 0, level3 = 0;  // states on each; forks of one turn have one
  uint64_t hits = 0, reads = 0, misses = 0;     // find(): in memory, read from the file, no such session
  uint64_t memory_bytes = 0, file_bytes = 0;  // the latter with the log
  uint64_t queued = 0;         // changes that are not durable yet
  double lag_seconds = 0;      // since the oldest of them was asked for
  uint64_t unwritten = 0;      // states whose tokens are durable and they are not
  uint64_t checkpoints = 0;    // states written
  double checkpoint_seconds = 0, slowest_checkpoint = 0;  // in all, and the longest
  std::string last_error;      // what is wrong with the file; empty where nothing is
};

// That a turn of some sessions is under way: while it lives no other turn of them begins, in whatever engine. It must not
// outlive the store.
using Lease = std::shared_ptr<void>;

// Ends the calls when it dies, after one that is under way; so not inside one.
using Subscription = std::shared_ptr<void>;

class StateStore {
 public:
  // Throws Error: (bad_file) where the file is another program's, a newer version's or damaged, and stays as it is;
  // (unavailable) where another process has it open; (misuse) where it cannot be made or written.
  static std::shared_ptr<StateStore> open(const StoreOptions& options);
  virtual ~StateStore() = default;  // waits until what was asked for is done and states are written

  virtual FoundSession find(const std::string& id) = 0;

  // Whoever has begun a turn holds this until what is kept of it is durable, and looks with find() only then for what it
  // goes on from. All of the names or none: null while others have one; subscribers hear when to ask again. Forks, imports
  // and erasures ask for none.
  [[nodiscard]] virtual Lease lease(const std::vector<std::string>& ids) = 0;

  virtual Ticket put(KeptTurn turn) = 0;
  // Another value for a turn's state, which has seen more of the same text: those who go on from it have less to feed. It
  // is written behind where the file has none of this turn yet, and forgotten where the turn is gone. `note`: the turn's.
  virtual void advance(Node turn, StatePtr state, const std::string& note) = 0;
  // `to` becomes a second name of `from`'s turn, or of one so many turns `back`. Error(not_found) where there is no
  // such turn, Error(bad_request) where `to` exists and `replace` is not set.
  virtual Ticket fork(const std::string& from, const std::string& to, bool replace, uint32_t back = 0) = 0;
  // And with `also_below` all that begin with the id and a colon. Error(not_found) where there is nothing.
  virtual Ticket erase(const std::string& id, bool also_below = false) = 0;
  // The caller's own bytes about the turn that the name stands for, there as long as it does. All documents together have a
  // part of the limit, past which the sessions whose are oldest are erased with theirs. Error(not_found) where there is no
  // such session, Error(too_large) past max_document or that part.
  virtual Ticket put_document(const std::string& id, std::string bytes) = 0;

  // Nothing while it is on its way.
  virtual std::optional<Outcome> outcome(const Ticket& ticket) = 0;
  virtual Outcome wait(const Ticket& ticket) = 0;  // for threads that may wait for a disk

  // By name, from the first behind `after` on.
  virtual std::vector<SessionEntry> list(const std::string& after, size_t count) const = 0;
  virtual std::optional<SessionEntry> entry(const std::string& id) const = 0;
  // Throws Error(not_found). Waits for the disk.
  virtual Transcript transcript(const std::string& id) = 0;
  // Nothing where there is none, or the name stands for another turn by now. Waits for the disk.
  virtual std::optional<std::string> document(const std::string& id) = 0;
  virtual bool lasts() const = 0;  // whether what is kept is there when the program starts again

  // `changed` is called by the store's thread, without its lock, when outcomes are there, a state was read or a
  // lease that somebody else asked for has ended.
  [[nodiscard]] virtual Subscription subscribe(std::function<void()> changed) = 0;
  virtual StoreStats stats() const = 0;
};

// Throws Error(bad_request): a session's name is 1 to 256 bytes of UTF-8 without control characters. `param` is the field
// it came in. put, fork and erase check theirs, and find knows no other.
void check_session_id(const std::string& id, const std::string& param = "session_id");

}  // namespace fulmar
