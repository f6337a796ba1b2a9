// Runs share one machine and its masks under a lock that is held for microseconds.
#include "text/constraint.h"

#include <algorithm>
#include <limits>

#include "base/fail.h"

namespace fulmar {
namespace {

constexpr uint32_t most_white = 4;  // behind a thought
constexpr int64_t unlimited_work = std::numeric_limits<int64_t>::max() / 2;

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

Constraint::Room::Room(std::shared_ptr<const GrammarProgram> program, std::shared_ptr<ConstraintMemory> all)
    : memory(std::move(all)), machine(std::move(program)) {
  count();
}

void Constraint::Room::count() {
  constexpr std::size_t mask_place_bytes = 64;  // of the tables around a mask
  const std::size_t now = machine.bytes() + mask_bytes + masks.size() * mask_place_bytes;
  *memory += now - counted;  // modulo, where it shrinks
  counted = now;
}

Constraint::Constraint(const Grammar& grammar, std::shared_ptr<const TokenTrie> trie, std::shared_ptr<ConstraintMemory> memory)
    : program_(std::make_shared<const GrammarProgram>(compile_grammar(opened(grammar)))),
      trie_(std::move(trie)),
      slices_(loop_slices(*program_, *trie_)),
      memory_(std::move(memory)),
      mask_work_(unlimited_work),
      read_work_(unlimited_work),
      room_(std::make_shared<Room>(program_, memory_)) {
  *memory_ += program_->bytes();
}

Constraint::~Constraint() { *memory_ -= program_->bytes(); }

void Constraint::allow(uint64_t work) const {
  mask_work_ = read_work_ = static_cast<int64_t>(work);
}

std::shared_ptr<Constraint::Room> Constraint::room() const {
  const std::lock_guard lock(mutex_);
  return room_;
}

std::shared_ptr<Constraint::Room> Constraint::room_after(const std::shared_ptr<Room>& full) const {
  const std::lock_guard lock(mutex_);
  if (room_ == full || room_->is_full()) {
    room_ = std::make_shared<Room>(program_, memory_);
    mask_work_ -= static_cast<int64_t>(room_->machine.work());
  }
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
  GrammarMachine& machine = room_->machine;
  const uint64_t before = machine.work();
  const auto most = static_cast<uint64_t>(std::clamp<int64_t>(constraint_->read_work_, 0, max_read_work));
  GrammarMachine::Place place = place_;
  for (const char byte : bytes) {
    place = machine.step(place, static_cast<unsigned char>(byte));
    if (place == GrammarMachine::dead || machine.work() - before > most) break;
  }
  const uint64_t work = machine.work() - before;
  spend(constraint_->read_work_, work);
  if (place == GrammarMachine::dead) return false;
  if (work > most)
    fail(ErrorKind::bad_request, "the form that was asked for can be read in so many ways that it takes too long; make it simpler");
  place_ = place;
  may_end_ = machine.may_end(place_);
  return true;
}

bool ConstraintRun::is_cut() const {
  const std::lock_guard lock(room_->mutex);
  return room_->machine.cuts() > 0;
}

// What was worked, in the room whose mutex is held.
void ConstraintRun::spend(std::atomic<int64_t>& allowed, uint64_t work) {
  if (work == 0) return;
  allowed -= static_cast<int64_t>(work);
  room_->count();
}

std::shared_ptr<const TokenSet> ConstraintRun::mask() {
  if (constraint_->mask_work_ > 0) make_space();
  const std::lock_guard lock(room_->mutex);
  Constraint::Room& room = *room_;
  if (const auto known = room.masks.find(place_); known != room.masks.end()) return known->second;
  const TokenTrie& trie = *constraint_->trie_;
  auto found = std::make_shared<TokenSet>((trie.vocab() + 63) / 64);
  auto most = static_cast<uint64_t>(std::clamp<int64_t>(constraint_->mask_work_, 0, max_mask_work));
  if (*constraint_->memory_ > max_constraints_memory) most = 0;
  const uint64_t before = room.machine.work();
  const bool whole = find_mask(room.machine, place_, trie, constraint_->slices_, most, *found);
  spend(constraint_->mask_work_, room.machine.work() - before);
  if (whole || most == max_mask_work) keep(found);
  return found;
}

void ConstraintRun::keep(const std::shared_ptr<const TokenSet>& mask) {
  Constraint::Room& room = *room_;
  room.masks[place_] = mask;
  if (room.order.size() < max_constraint_masks) {
    room.mask_bytes += mask->size() * sizeof(uint64_t);
    room.order.push_back(place_);
  } else {
    room.masks.erase(room.order[room.next]);
    room.order[room.next] = place_;
    room.next = (room.next + 1) % max_constraint_masks;
  }
  room.count();
}

// What has grown too large is left to those that are still in it; this run takes its place along.
void ConstraintRun::make_space() {
  std::shared_ptr<Constraint::Room> next;
  {
    const std::lock_guard lock(room_->mutex);
    if (room_->is_full()) next = constraint_->room_after(room_);
  }
  if (!next || next == room_) return;
  {
    const std::scoped_lock locks(room_->mutex, next->mutex);
    const uint64_t before = next->machine.work();
    place_ = next->machine.adopt(room_->machine, place_);
    constraint_->mask_work_ -= static_cast<int64_t>(next->machine.work() - before);
    next->count();
  }
  room_ = std::move(next);
}

std::string ConstraintRun::forced(std::size_t most) {
  const std::lock_guard lock(room_->mutex);
  std::string bytes;
  GrammarMachine& machine = room_->machine;
  const uint64_t before = machine.work();
  const auto most_work = static_cast<uint64_t>(std::clamp<int64_t>(constraint_->read_work_ / 2, 0, max_read_work / 2));
  GrammarMachine::Place place = place_;
  while (bytes.size() < most) {
    const std::optional<unsigned char> next = machine.forced(place);
    if (!next) break;
    place = machine.step(place, *next);
    if (place == GrammarMachine::dead || machine.work() - before > most_work) break;  // the rest is drawn
    bytes += static_cast<char>(*next);
  }
  spend(constraint_->read_work_, machine.work() - before);
  return bytes;
}

}  // namespace fulmar
