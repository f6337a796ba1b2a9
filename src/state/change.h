// A change that was asked of the store, on its way to the file and back.
#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "fulmar/state_store.h"

namespace fulmar {

struct Fork {
  std::string from, to;
  bool replace;
  uint32_t back;
};
struct Erase {
  std::string id;
  bool also_below;
};
struct Read {  // of a transcript
  std::string id;
};
struct KeptDocument {
  std::string id, bytes;
};
struct ReadDocument {
  std::string id;
};
struct EraseOldest {  // of a store without a file that has grown too large
};

// What memory has to follow once the change is durable: a name stands for a turn, or is gone.
struct Named {
  std::string id;
  Node head = 0, parent = 0;
  uint64_t tokens = 0;
  Fingerprint model{};
  int64_t created = 0, updated = 0;
  StatePtr state{};  // null: it is not known, as of a turn some way back
  std::string note{};
  bool written = false;  // its checkpoint is in the file
};
struct Unnamed {
  std::string id;
};
using Effect = std::variant<Named, Unnamed>;

// The store's thread works on it; once `done` is set, under the store's lock, it does not change any more.
class PendingChange {
 public:
  std::variant<KeptTurn, Fork, Erase, Read, KeptDocument, ReadDocument, EraseOldest> what;
  std::chrono::steady_clock::time_point asked;
  Outcome outcome;
  Transcript transcript;
  std::optional<std::string> document;
  std::vector<Effect> effects;
  bool done = false;
};

}  // namespace fulmar
