// Runs share one machine and its masks under a lock that is held for microseconds.
#include "text/constraint.h"

namespace fulmar {
namespace {

constexpr uint32_t most_white = 4;  // behind a thought

// A byte of its own leads to each opening, so that all share the places behind it.
Grammar opened(const Grammar& grammar) {
  GrammarBuilder builder;
  const auto choose = [&](FormOpening opening) {
    ByteSet byte;
    byte.add(static_cast<unsigned char>(opening));
    return builder.bytes(byte);
  };
  const NodeId root = builder.include(grammar);
  const NodeId white = builder.repeat(builder.chars({{' ', ' '}, {'\n', '\n'}}), 0, most_white);
  const NodeId any = builder.choice({builder.sequence({choose(FormOpening::none), root}),
                                     builder.sequence({choose(FormOpening::space), builder.literal(" "), root}),
                                     builder.sequence({choose(FormOpening::bracket), builder.literal(">"), white, root})});
  return builder.build(any, grammar.rules[grammar.root].name);
}

}  // namespace

Constraint::Constraint(const Grammar& grammar, std::shared_ptr<const TokenTrie> trie)
    : program_(std::make_shared<const GrammarProgram>(compile_grammar(opened(grammar)))),
      trie_(std::move(trie)),
      slices_(loop_slices(*program_, *trie_)),
      room_(std::make_shared<Room>(program_)) {}

std::shared_ptr<Constraint::Room> Constraint::room() const {
  const std::lock_guard lock(mutex_);
  return room_;
}

std::shared_ptr<Constraint::Room> Constraint::room_after(const std::shared_ptr<Room>& full) const {
  const std::lock_guard lock(mutex_);
  if (room_ == full) room_ = std::make_shared<Room>(program_);
  return room_;
}

ConstraintRun::ConstraintRun(std::shared_ptr<const Constraint> constraint, FormOpening opening)
    : constraint_(std::move(constraint)), room_(constraint_->room()) {
  const std::lock_guard lock(room_->mutex);
  place_ = room_->machine.step(room_->machine.start(), static_cast<unsigned char>(opening));
  may_end_ = room_->machine.may_end(place_);
}

bool ConstraintRun::accept(std::string_view bytes) {
  const std::lock_guard lock(room_->mutex);
  GrammarMachine::Place place = place_;
  for (const char byte : bytes) {
    place = room_->machine.step(place, static_cast<unsigned char>(byte));
    if (place == GrammarMachine::dead) return false;
  }
  place_ = place;
  may_end_ = room_->machine.may_end(place_);
  return true;
}

std::shared_ptr<const TokenSet> ConstraintRun::mask() {
  make_space();
  const std::lock_guard lock(room_->mutex);
  Constraint::Room& room = *room_;
  std::shared_ptr<const TokenSet>& known = room.masks[place_];
  if (known) return known;
  const TokenTrie& trie = *constraint_->trie_;
  auto made = std::make_shared<TokenSet>((trie.vocab() + 63) / 64);
  find_mask(room.machine, place_, trie, constraint_->slices_, *made);
  std::shared_ptr<const TokenSet> found = std::move(made);
  known = found;
  room.mask_bytes += found->size() * sizeof(uint64_t);
  if (room.order.size() < max_constraint_masks) {
    room.order.push_back(place_);
  } else {
    room.masks.erase(room.order[room.next]);
    room.mask_bytes -= found->size() * sizeof(uint64_t);
    room.order[room.next] = place_;
    room.next = (room.next + 1) % max_constraint_masks;
  }
  return found;
}

// What has grown too large is left to those that are still in it; this run takes its place along.
void ConstraintRun::make_space() {
  std::shared_ptr<Constraint::Room> next;
  {
    const std::lock_guard lock(room_->mutex);
    if (room_->bytes() > max_constraint_bytes) next = constraint_->room_after(room_);
  }
  if (!next || next == room_) return;
  {
    const std::scoped_lock locks(room_->mutex, next->mutex);
    place_ = next->machine.adopt(room_->machine, place_);
  }
  room_ = std::move(next);
}

std::string ConstraintRun::forced(std::size_t most) {
  const std::lock_guard lock(room_->mutex);
  std::string bytes;
  GrammarMachine::Place place = place_;
  while (bytes.size() < most) {
    const std::optional<unsigned char> next = room_->machine.forced(place);
    if (!next) break;
    bytes += static_cast<char>(*next);
    place = room_->machine.step(place, *next);
  }
  return bytes;
}

}  // namespace fulmar
