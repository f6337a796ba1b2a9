// States in the file: written behind, dropped past the limit, and read together with the tokens since.
#include <algorithm>
#include <cstring>

#include "base/fail.h"
#include "base/log.h"
#include "state/journal.h"
#include "state/state_file.h"

namespace fulmar {

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
        auto rows = checkpoint_.ask(node);
        rows.next();
        auto written = read_state(rows.blob(0), fmt::format("{}: a state of a session", database_.file())).state;
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

bool Journal::write_checkpoint(Node node, const State& state) {
  const std::vector<std::byte> bytes = write_state(state, StatePrecision::f32, {});
  Transaction change(database_);
  if (!turn(node) || !make_room(bytes.size())) return false;
  add_checkpoint_.run(node, Blob(bytes));
  drop_checkpoints_before(node);
  change.commit();
  return true;
}

// The state before on the same path, where no name or turn beside the path could need it.
void Journal::drop_checkpoints_before(Node node) {
  std::optional<Turn> here = turn(node);
  while (here && here->parent != 0) {
    const Node parent = here->parent;
    here = turn(parent);
    if (!here || here->refs > 1) return;
    if (!here->has_checkpoint) continue;
    if (!here->whole) drop_checkpoint_.run(parent);
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
    drop_checkpoint_.run(oldest);
  }
  return true;
}

void Journal::shrink() {
  if (limit_ == 0 || in_memory_ || file_bytes() <= limit_) return;
  const std::string give_back = fmt::format("PRAGMA incremental_vacuum({})", (file_bytes() - limit_) / page_bytes_ + 1);
  database_.run(give_back.c_str(), "the file could not be made smaller");
}

}  // namespace fulmar
