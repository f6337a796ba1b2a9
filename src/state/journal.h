// The tree of turns in the file: adding to it, naming and dropping turns, and making a state out of what is there.
#pragma once
#include <functional>
#include <optional>

#include "state/change.h"
#include "state/sqlite.h"
#include "state/state_file.h"

namespace fulmar {

// One thread's. Calls that change something happen in a transaction of the caller's, unless they say otherwise. What
// cannot be, as a turn on a name that was erased, is the outcome's error; what the file refuses is thrown.
class Journal {
 public:
  // `limit`: bytes of pages in use; 0: none.
  Journal(Database& database, uint64_t limit);

  void for_each_session(const std::function<void(Named)>& tell);

  // Puts outcome and effects into the change.
  void make(PendingChange& change, int64_t now);

  struct Loaded {
    StatePtr state;
    std::string note;
    uint32_t behind = 0;  // turns since the checkpoint
  };
  // Throws Error(bad_file) where the one checkpoint that cannot be made again is damaged.
  Loaded load(Node node);

  // A checkpoint that is being written: the file has so many of its bytes and parts. It counts when all are there.
  struct Writing {
    Node node;
    StateImage image;
    uint64_t bytes = 0, parts = 0;
  };
  enum class Written { more, all, nothing };
  // Goes on with it in a transaction of its own, of one part at least and no further one once `hurry` says so, and with
  // the last drops the checkpoint before where nobody else needs it. Nothing: the turn is gone, or the limit leaves no place.
  Written write_some(Writing& writing, const std::function<bool()>& hurry);
  // Drops what there is of those that were not written to their end; in a transaction of its own.
  void drop_unfinished();

  // Drops checkpoints, those of the oldest turns first, until `bytes` more have a place within the limit; false where
  // there are none left to drop.
  bool make_room(uint64_t bytes);
  // Gives some of the file's free pages back to the system where it reaches past the limit or has many, in a transaction
  // of its own; the log's next emptying makes the file smaller. False where there are none to give.
  bool shrink();
  // The transaction that changes were made in was not committed.
  void undone() { document_bytes_.reset(); }
  uint64_t file_bytes();
  uint64_t used_bytes();  // of them
  uint64_t page_bytes() const { return page_bytes_; }

 private:
  struct Turn {
    Node parent;
    uint64_t length;
    int64_t refs;
    bool whole;
    Fingerprint model;
    bool has_checkpoint;
  };
  struct Session {
    Node head;
    int64_t created;
  };
  std::optional<Turn> turn(Node node);
  std::optional<Session> session(const std::string& id);
  void put(const KeptTurn& turn, PendingChange& change, int64_t now);
  void fork(const Fork& fork, PendingChange& change, int64_t now);
  void erase(const Erase& erase, PendingChange& change);
  void erase_oldest(PendingChange& change);
  void erase_one(const std::string& id, Node head, PendingChange& change);
  void read(const std::string& id, PendingChange& change);
  // Documents: documents.cpp.
  void put_document(const KeptDocument& document, PendingChange& change);
  void read_document(const std::string& id, PendingChange& change);
  struct Document {
    Node node;
    std::string id;  // the name that it was put under
    uint64_t bytes;
  };
  std::optional<Document> document_at(Node node);
  void drop_document(Node node);
  void drop_oldest_document(PendingChange& change);
  uint64_t& document_bytes();  // of all

  void release(Node node);
  void drop_checkpoints_before(Node node);
  void drop_checkpoint(Node node);
  void add_part(Writing& writing);
  ReadState read_checkpoint(Node node);
  uint64_t pages_to_give_back();

  Database& database_;
  const uint64_t limit_, page_bytes_;
  const bool in_memory_;
  Node next_;
  Statement turn_, text_, add_turn_, add_ref_, drop_ref_, drop_turn_, session_, name_, unname_, below_, oldest_sessions_,
      checkpoint_, add_checkpoint_, drop_checkpoint_, oldest_checkpoint_, add_part_, drop_parts_, unfinished_, add_unfinished_,
      drop_unfinished_, page_count_, free_pages_, document_, oldest_document_, add_document_, drop_document_;
  std::optional<uint64_t> document_bytes_;
  std::vector<std::byte> read_, part_;  // kept, as memory that is had anew costs more than what is copied there
};

}  // namespace fulmar
