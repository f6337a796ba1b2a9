// A grammar over a vocabulary: what an answer's next token may be. One Constraint serves all requests that ask for the
// same; each has a ConstraintRun of its own.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "text/token_mask.h"

namespace fulmar {

// What places and masks of one constraint take before it begins anew with those that are in use.
constexpr std::size_t max_constraint_bytes = std::size_t{4} << 20;
constexpr std::size_t max_constraints_memory = std::size_t{1} << 30;  // of all in use and kept
constexpr uint64_t max_read_work = 1 << 17;  // of GrammarMachine, for reading one token
constexpr std::size_t max_constraint_masks = 128;  // the last ones; of 8 KiB for a vocabulary of 65,536

// What the text has before what the grammar says.
enum class FormOpening : uint8_t {
  none,
  space,   // the one behind the speaker's name
  bracket  // the ">" that a thought's end mark owes, and white space: a few signs at most
};

// Bytes of memory of all constraints that know of it.
using ConstraintMemory = std::atomic<std::size_t>;

class Constraint {
 public:
  // Throws Error(bad_request) as compile_grammar() does.
  Constraint(const Grammar& grammar, std::shared_ptr<const TokenTrie> trie,
             std::shared_ptr<ConstraintMemory> memory = std::make_shared<ConstraintMemory>(0));
  ~Constraint();

  const TokenTrie& trie() const { return *trie_; }
  // What the masks of all its runs may cost from now on, and what reading tokens may, in GrammarMachine::work(): beyond, only
  // single bytes are allowed, and a token that cannot be read for less is an error. At first as much as they like.
  void allow(uint64_t work) const;

 private:
  friend class ConstraintRun;

  // What runs share: places and what was found out about them.
  struct Room {
    Room(std::shared_ptr<const GrammarProgram> program, std::shared_ptr<ConstraintMemory> memory);
    ~Room() { *memory -= counted; }
    // Of the memory that there is now, with the mutex held.
    void count();
    bool is_full() const { return counted > max_constraint_bytes; }

    const std::shared_ptr<ConstraintMemory> memory;
    std::atomic<std::size_t> counted = 0;  // bytes
    std::mutex mutex;
    GrammarMachine machine;
    std::unordered_map<GrammarMachine::Place, std::shared_ptr<const TokenSet>> masks;
    std::vector<GrammarMachine::Place> order;  // of the masks, a ring
    std::size_t next = 0, mask_bytes = 0;
  };
  std::shared_ptr<Room> room() const;
  // One with space, in place of this one.
  std::shared_ptr<Room> room_after(const std::shared_ptr<Room>& full) const;

  std::shared_ptr<const GrammarProgram> program_;
  std::shared_ptr<const TokenTrie> trie_;
  LoopSlices slices_;
  const std::shared_ptr<ConstraintMemory> memory_;
  mutable std::atomic<int64_t> mask_work_, read_work_;  // left of what is allowed
  mutable std::mutex mutex_;
  mutable std::shared_ptr<Room> room_;
};

// Where one text is. Not for several threads at once; runs of one constraint may be used by as many threads as there are.
class ConstraintRun {
 public:
  explicit ConstraintRun(std::shared_ptr<const Constraint> constraint, FormOpening opening = FormOpening::none);

  // Reads more of the text. False, and nothing changes, where the grammar does not go on so. Throws Error(bad_request) where
  // that takes too long.
  bool accept(std::string_view bytes);
  // Whether ways to read the text were left out, so that it may be that it cannot go on.
  bool is_cut() const;
  // Whether the text may end here.
  bool may_end() const { return may_end_; }
  // Whether it is whole, and nothing may follow.
  bool is_over() const { return place_ == GrammarMachine::ended; }
  const TokenTrie& trie() const { return *constraint_->trie_; }
  // The tokens that may come next. None of them ends the text: see may_end(). Throws Error(bad_request) where the text is
  // deeper in calls of the grammar than memory allows.
  std::shared_ptr<const TokenSet> mask();
  // The bytes that alone may come next, at most so many.
  std::string forced(std::size_t most);

 private:
  void make_space();
  void spend(std::atomic<int64_t>& allowed, uint64_t work);
  void keep(const std::shared_ptr<const TokenSet>& mask);

  std::shared_ptr<const Constraint> constraint_;
  std::shared_ptr<Constraint::Room> room_;
  GrammarMachine::Place place_;
  bool may_end_ = false;
};

}  // namespace fulmar
