// States in the file: written behind, dropped past the limit, and read together with the tokens since.
#include <algorithm>
#include <cstring>

#include "base/fail.h"
#include "base/log.h"
#include "state/journal.h"

namespace fulmar {
namespace {

// A part is what a change waits for that comes while a state is written; the most that one transaction takes is what it
// waits for where the change came too late.
constexpr uint64_t part_bytes = 512 << 10, most_parts = 4;
constexpr int64_t part_numbers = 1 << 16;  // of each node
constexpr uint64_t pages_at_once = 256;    // given back

}  // namespace

Journal::Loaded Journal::load(Node head) {
  Loaded loaded;
  auto state = std::make_shared<State>();
  std::vector<Node> path;  // the turns that the state has not seen, from the last one
  bool first = true;
  for (Node node = head; node != 0;) {
    const std::optional<Turn> here = turn(node);
    if (!here) fail(ErrorKind::bad_file, "{}: is damaged: a turn of a session is missing", database_.file());
    if (std::exchange(first, false)) state->model = here->model;
    if (here->has_checkpoint) {
      try {
        auto written = read_checkpoint(node).state;
        if (written->tokens() != here->length || written->model != here->model)
          fail(ErrorKind::bad_file, "{}: a state of a session is another turn's", database_.file());
        state = std::move(written);
        break;
      } catch (const Error& error) {
        if (here->whole) throw;
        log_warning("{}; it is made again from its tokens", error.what());
      }
    } else if (here->whole) {
      fail(ErrorKind::bad_file, "{}: is damaged: the state that a session began with is missing", database_.file());
    }
    path.push_back(node);
    node = here->parent;
  }
  for (auto node = path.rbegin(); node != path.rend(); ++node) {
    auto rows = text_.ask(*node);
    if (!rows.next()) continue;
    const Blob tokens = rows.blob(0);
    const size_t before = state->unfed.size();
    state->unfed.resize(before + tokens.size() / sizeof(Token));
    if (!tokens.empty()) std::memcpy(&state->unfed[before], tokens.data(), tokens.size());
  }
  auto rows = text_.ask(head);
  if (rows.next()) {
    const Blob note = rows.blob(1);
    loaded.note.assign(reinterpret_cast<const char*>(note.data()), note.size());
  }
  loaded.behind = static_cast<uint32_t>(path.size());
  loaded.state = std::move(state);
  return loaded;
}

ReadState Journal::read_checkpoint(Node node) {
  int64_t parts = 0;
  {
    auto rows = checkpoint_.ask(node);
    if (rows.next()) parts = rows.number(0);
  }
  size_t size = 0;
  database_.read_blob("checkpoints", "state", node, read_, size);
  for (int64_t part = 0; part < parts; ++part) database_.read_blob("parts", "bytes", node * part_numbers + part, read_, size);
  return read_state(std::span(read_).first(size), fmt::format("{}: a state of a session", database_.file()));
}

void Journal::add_part(Writing& writing) {
  if (writing.parts == part_numbers)
    fail(ErrorKind::too_large, "{}: a state of {} MiB is larger than a store takes", database_.file(),
         writing.image.size() >> 20);
  const auto count = static_cast<size_t>(std::min(part_bytes, writing.image.size() - writing.bytes));
  const auto number = writing.node * part_numbers + static_cast<int64_t>(writing.parts);
  add_part_.run(number, writing.image.piece(writing.bytes, count, part_));
  writing.bytes += count;
  ++writing.parts;
}

Journal::Written Journal::write_some(Writing& writing, const std::function<bool()>& hurry) {
  if (writing.bytes == 0) drop_unfinished();
  const Node node = writing.node;
  const uint64_t bytes = writing.bytes, parts = writing.parts, size = writing.image.size();
  try {
    Transaction change(database_);
    const std::optional<Turn> here = turn(node);
    if (!here) return Written::nothing;
    if (here->has_checkpoint) return Written::all;
    if (!make_room(size - bytes)) {
      drop_checkpoint(node);
      change.commit();
      return Written::nothing;
    }
    if (bytes == 0) add_unfinished_.run(node);
    do {
      add_part(writing);
    } while (writing.bytes < size && writing.parts - parts < most_parts && !hurry());
    if (writing.bytes == size) {
      drop_unfinished_.run(node);
      add_checkpoint_.run(node, static_cast<int64_t>(writing.parts));
      drop_checkpoints_before(node);
    }
    change.commit();
  } catch (...) {
    writing.bytes = bytes;
    writing.parts = parts;
    throw;
  }
  return writing.bytes == size ? Written::all : Written::more;
}

void Journal::drop_unfinished() {
  const auto next = [&]() -> Node {
    auto rows = unfinished_.ask();
    return rows.next() ? rows.number(0) : 0;
  };
  if (next() == 0) return;
  Transaction change(database_);
  while (const Node node = next()) drop_checkpoint(node);
  change.commit();
}

void Journal::drop_checkpoint(Node node) {
  drop_checkpoint_.run(node);
  drop_parts_.run(node * part_numbers, (node + 1) * part_numbers);
  drop_unfinished_.run(node);
}

// The state before on the same path, where no name or turn beside the path could need it.
void Journal::drop_checkpoints_before(Node node) {
  std::optional<Turn> here = turn(node);
  while (here && here->parent != 0) {
    const Node parent = here->parent;
    here = turn(parent);
    if (!here || here->refs > 1) return;
    if (!here->has_checkpoint) continue;
    if (!here->whole) drop_checkpoint(parent);
    return;
  }
}

uint64_t Journal::used_bytes() {
  auto pages = page_count_.ask();
  auto free = free_pages_.ask();
  if (!pages.next() || !free.next()) return 0;
  return static_cast<uint64_t>(pages.number(0) - free.number(0)) * page_bytes_;
}

// Asks for nothing that the disk could refuse.
uint64_t Journal::file_bytes() {
  auto pages = page_count_.ask();
  return pages.next() ? static_cast<uint64_t>(pages.number(0)) * page_bytes_ : 0;
}

bool Journal::make_room(uint64_t bytes) {
  if (limit_ == 0 || in_memory_) return true;
  while (used_bytes() + bytes > limit_) {
    Node oldest = 0;
    {
      auto rows = oldest_checkpoint_.ask();
      if (!rows.next()) return false;
      oldest = rows.number(0);
    }
    drop_checkpoint(oldest);
  }
  return true;
}

uint64_t Journal::pages_to_give_back() {
  constexpr uint64_t few = 256;
  auto pages = page_count_.ask();
  auto free = free_pages_.ask();
  if (!pages.next() || !free.next()) return 0;
  const auto all = static_cast<uint64_t>(pages.number(0)), unused = static_cast<uint64_t>(free.number(0));
  const uint64_t kept = std::max(few, all / 4), past = limit_ == 0 ? 0 : all - std::min(all, limit_ / page_bytes_);
  return std::min(unused, std::max(past, unused - std::min(unused, kept)));
}

bool Journal::shrink() {
  if (in_memory_) return false;
  const uint64_t many = pages_to_give_back();
  if (many == 0) return false;
  const uint64_t before = file_bytes();
  const std::string give_back = fmt::format("PRAGMA incremental_vacuum({})", std::min(many, pages_at_once));
  Transaction change(database_);
  database_.run(give_back.c_str(), "the file could not be made smaller");
  change.commit();
  return file_bytes() < before;
}

}  // namespace fulmar
