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
constexpr std::size_t max_constraint_masks = 128;  // the last ones; of 8 KiB for a vocabulary of 65,536

// What the text has before what the grammar says.
enum class FormOpening : uint8_t {
  none,
  space,   // the one behind the speaker's name
  bracket  // the ">" that a thought's end mark owes, and white space: a few signs at most
};

class Constraint {
 public:
  // Throws Error(bad_request) as compile_grammar() does.
  Constraint(const Grammar& grammar, std::shared_ptr<const TokenTrie> trie);

  const TokenTrie& trie() const { return *trie_; }
  std::size_t bytes() const { return program_->bytes(); }  // of memory, but for what runs share

 private:
  friend class ConstraintRun;

  // What runs share: places and what was found out about them.
  struct Room {
    explicit Room(std::shared_ptr<const GrammarProgram> program) : machine(std::move(program)) {}
    std::size_t bytes() const { return machine.bytes() + mask_bytes; }

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
  mutable std::mutex mutex_;
  mutable std::shared_ptr<Room> room_;
};

// Where one text is. Not for several threads at once; runs of one constraint may be used by as many threads as there are.
class ConstraintRun {
 public:
  explicit ConstraintRun(std::shared_ptr<const Constraint> constraint, FormOpening opening = FormOpening::none);

  // Reads more of the text. False, and nothing changes, where the grammar does not go on so.
  bool accept(std::string_view bytes);
  // Whether the text may end here.
  bool may_end() const { return may_end_; }
  // Whether it is whole, and nothing may follow.
  bool is_over() const { return place_ == GrammarMachine::ended; }
  const TokenTrie& trie() const { return *constraint_->trie_; }
  // The tokens that may come next. None of them ends the text: see may_end().
  std::shared_ptr<const TokenSet> mask();
  // The bytes that alone may come next, at most so many.
  std::string forced(std::size_t most);

 private:
  void make_space();

  std::shared_ptr<const Constraint> constraint_;
  std::shared_ptr<Constraint::Room> room_;
  GrammarMachine::Place place_;
  bool may_end_ = false;
};

}  // namespace fulmar
