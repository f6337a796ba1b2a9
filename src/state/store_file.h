// The store's file in good times and bad ones: what it refuses changes nothing, what it refused does not come back, and
// when the disk is in order again, so is the store.
#pragma once
#include <memory>

#include "state/journal.h"
#include "state/reserve.h"
#include "state/schema.h"

namespace fulmar {

using Change = std::shared_ptr<PendingChange>;

// One thread's.
class StoreFile {
 public:
  // Of options whose file and limit are what they are to be: an empty file is in memory.
  explicit StoreFile(const StoreOptions& options);

  Journal& journal() { return journal_; }

  // Makes them together, or where the file does not take that, those it takes; the others have the error.
  void make(std::span<const Change> changes);
  // After changes, which do not look at the limit. What had to be erased, where there is no file: null for nothing.
  Change keep_to_limit();

  void begin_to_write(Node node, StatePtr state);  // throws Error
  bool writing() const { return writing_.has_value(); }
  // Nothing where it could not be written; see Journal::write_some.
  Journal::Written write_some(const std::function<bool()>& hurry);

  // A part of what can wait for a moment in which nobody asks for anything; false where nothing of it is left.
  bool tidy();
  // After trouble: whether it is over.
  void look_again();
  // What is wrong with the file; empty where nothing is.
  const std::string& trouble() const { return refused_.empty() ? behind_ : refused_; }
  uint64_t bytes();

 private:
  std::optional<Error> make_all(std::span<const Change> changes);
  std::optional<Error> make_with_room(std::span<const Change> changes);
  bool overwrite_refused();
  bool empty_log();

  const std::string file_;
  const uint64_t limit_;
  const StoreShares shares_;
  const std::unique_ptr<Database> database_;
  Journal journal_;
  Reserve reserve_;
  std::optional<Journal::Writing> writing_;
  std::string refused_, behind_;  // sentences: a change was, or what is written behind
  bool full_now_ = false;         // the disk, when a change was tried last
  bool full_ = false;             // it was, and nobody has seen room since
  uint64_t bytes_ = 0;
};

}  // namespace fulmar
