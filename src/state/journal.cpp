// The statements behind the tree of turns; see journal.h.
#include "state/journal.h"

#include <algorithm>
#include <cstring>

#include "base/fail.h"
#include "state/schema.h"

namespace fulmar {
namespace {

constexpr const char* not_kept = "the turn could not be kept";
constexpr const char* not_read = "a session could not be read";
constexpr const char* not_written = "a state could not be written";

Blob bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

void append_tokens(std::vector<Token>& tokens, Blob blob) {
  const size_t before = tokens.size();
  tokens.resize(before + blob.size() / sizeof(Token));
  if (!blob.empty()) std::memcpy(&tokens[before], blob.data(), blob.size() / sizeof(Token) * sizeof(Token));
}

Fingerprint fingerprint_of(Blob blob) {
  Fingerprint model;
  if (blob.size() == model.bytes.size()) std::memcpy(model.bytes.data(), blob.data(), blob.size());
  return model;
}

// Why the turn itself can be none, whatever the store has; nothing where it can.
std::optional<Error> fault_of(const KeptTurn& turn) {
  const auto broken = [&](const char* what) {
    return Error(ErrorKind::internal, fmt::format("a turn of session {} was not kept: {}", turn.id, what));
  };
  try {
    check_session_id(turn.id);
  } catch (const Error& error) {
    return error;
  }
  if (!turn.state) return broken("it has no state");
  if (turn.note.size() > max_note) return broken("its note is too long");
  const std::vector<Token>& unfed = turn.state->unfed;
  const size_t common = std::min(unfed.size(), turn.tokens.size());
  if (!std::equal(unfed.end() - static_cast<std::ptrdiff_t>(common), unfed.end(),
                  turn.tokens.end() - static_cast<std::ptrdiff_t>(common)))
    return broken("its last tokens are not the state's unfed ones");
  return std::nullopt;
}

}  // namespace

Journal::Journal(Database& database, uint64_t limit)
    : database_(database),
      limit_(limit),
      page_bytes_(static_cast<uint64_t>(database.number("PRAGMA page_size", not_read))),
      in_memory_(database.file() == memory_file),
      next_(database.number("SELECT max(node) FROM turns", not_read) + 1),
      turn_(database,
            "SELECT parent, length, refs, whole, model, EXISTS(SELECT 1 FROM checkpoints c WHERE c.node = t.node) "
            "FROM turns t WHERE node = ?",
            not_read),
      text_(database, "SELECT tokens, note FROM turns WHERE node = ?", not_read),
      add_turn_(database, "INSERT INTO turns VALUES(?, ?, ?, 1, ?, ?, ?, ?, ?)", not_kept),
      add_ref_(database, "UPDATE turns SET refs = refs + 1 WHERE node = ?", not_kept),
      drop_ref_(database, "UPDATE turns SET refs = refs - 1 WHERE node = ? RETURNING refs, parent", not_kept),
      drop_turn_(database, "DELETE FROM turns WHERE node = ?", not_kept),
      session_(database, "SELECT head, created FROM sessions WHERE id = ?", not_read),
      name_(database,
            "INSERT INTO sessions VALUES(?, ?, ?, ?) "
            "ON CONFLICT(id) DO UPDATE SET head = excluded.head, updated = excluded.updated",
            not_kept),
      unname_(database, "DELETE FROM sessions WHERE id = ?", "a session could not be erased"),
      below_(database, "SELECT id, head FROM sessions WHERE id >= ? AND id < ?", not_read),
      oldest_sessions_(database, "SELECT id, head FROM sessions ORDER BY updated LIMIT ?", not_read),
      checkpoint_(database, "SELECT parts FROM checkpoints WHERE node = ?", not_read),
      add_checkpoint_(database, "INSERT INTO checkpoints VALUES(?, x'', ?)", not_written),
      drop_checkpoint_(database, "DELETE FROM checkpoints WHERE node = ?", not_written),
      oldest_checkpoint_(database,
                         "SELECT c.node FROM checkpoints c JOIN turns t ON t.node = c.node WHERE t.whole = 0 "
                         "ORDER BY c.node LIMIT 1",
                         not_written),
      add_part_(database, "INSERT INTO parts VALUES(?, ?)", not_written),
      drop_parts_(database, "DELETE FROM parts WHERE part >= ? AND part < ?", not_written),
      unfinished_(database, "SELECT node FROM unfinished LIMIT 1", not_read),
      add_unfinished_(database, "INSERT OR IGNORE INTO unfinished VALUES(?)", not_written),
      drop_unfinished_(database, "DELETE FROM unfinished WHERE node = ?", not_written),
      page_count_(database, "PRAGMA page_count", not_read),
      free_pages_(database, "PRAGMA freelist_count", not_read),
      document_(database, "SELECT node, id, length(bytes) FROM documents WHERE node = ?", not_read),
      oldest_document_(database, "SELECT node, id, length(bytes) FROM documents ORDER BY node LIMIT 1", not_read),
      add_document_(database, "INSERT INTO documents VALUES(?, ?, ?)", "a document could not be kept"),
      drop_document_(database, "DELETE FROM documents WHERE node = ?", "a document could not be erased") {}

void Journal::for_each_session(const std::function<void(Named)>& tell) {
  Statement all(database_,
                "SELECT s.id, s.head, s.created, s.updated, t.length, t.model FROM sessions s JOIN turns t "
                "ON t.node = s.head ORDER BY s.id",
                "the sessions could not be read");
  auto rows = all.ask();
  while (rows.next())
    tell({.id = rows.text(0),
          .head = rows.number(1),
          .tokens = static_cast<uint64_t>(rows.number(4)),
          .model = fingerprint_of(rows.blob(5)),
          .created = rows.number(2),
          .updated = rows.number(3)});
}

void Journal::make(PendingChange& change, int64_t now) {
  change.outcome = {};
  change.effects.clear();
  if (const auto* turn = std::get_if<KeptTurn>(&change.what)) return put(*turn, change, now);
  if (const auto* other = std::get_if<Fork>(&change.what)) return fork(*other, change, now);
  if (const auto* gone = std::get_if<Erase>(&change.what)) return erase(*gone, change);
  if (const auto* asked = std::get_if<Read>(&change.what)) return read(asked->id, change);
  if (const auto* document = std::get_if<KeptDocument>(&change.what)) return put_document(*document, change);
  if (const auto* wanted = std::get_if<ReadDocument>(&change.what)) return read_document(wanted->id, change);
  erase_oldest(change);
}

std::optional<Journal::Turn> Journal::turn(Node node) {
  auto rows = turn_.ask(node);
  if (!rows.next()) return std::nullopt;
  return Turn{rows.number(0), static_cast<uint64_t>(rows.number(1)), rows.number(2), rows.number(3) != 0,
              fingerprint_of(rows.blob(4)), rows.number(5) != 0};
}

std::optional<Journal::Session> Journal::session(const std::string& id) {
  auto rows = session_.ask(std::string_view(id));
  if (!rows.next()) return std::nullopt;
  return Session{rows.number(0), rows.number(1)};
}

void Journal::put(const KeptTurn& kept, PendingChange& change, int64_t now) {
  std::optional<Error>& error = change.outcome.error;
  error = fault_of(kept);
  if (error) return;
  const State& state = *kept.state;
  const std::optional<Session> before = session(kept.id);
  const std::optional<Turn> parent = kept.parent != 0 ? turn(kept.parent) : std::nullopt;
  if (kept.fresh && before) {
    error.emplace(ErrorKind::conflict, fmt::format("session {} was made by another request while this turn ran, which was to make "
                                               "it: nothing of the turn was kept; ask again", kept.id));
    return;
  }
  if (!kept.replace && before && before->head != kept.parent) {
    error.emplace(ErrorKind::conflict, fmt::format("session {} was changed by another request while this turn ran: nothing of "
                                               "the turn was kept; ask again", kept.id));
    return;
  }
  const bool may_be_new = kept.replace || kept.fresh;
  if ((kept.parent != 0 && !parent) || (!may_be_new && !before && kept.parent != 0)) {
    error.emplace(ErrorKind::not_found,
                  fmt::format("session {} was deleted while this turn ran: nothing of the turn was kept", kept.id));
    return;
  }
  const uint64_t length = (parent ? parent->length : 0) + kept.tokens.size();
  const bool as_long = kept.whole && !parent ? kept.tokens.size() <= state.tokens() : length == state.tokens();
  if (!as_long || (parent && parent->model != state.model)) {
    error.emplace(ErrorKind::internal,
                  fmt::format("a turn of session {} was not kept: {}", kept.id,
                              as_long ? "it is another model's"
                                      : fmt::format("its text has {} tokens and its state {}", length, state.tokens())));
    return;
  }
  const Node node = next_;
  add_turn_.run(node, kept.parent, static_cast<int64_t>(state.tokens()), int64_t{kept.whole},
                std::as_bytes(std::span(state.model.bytes)), now, std::as_bytes(std::span(kept.tokens)),
                bytes_of(kept.note));
  const bool onto_parent = before && before->head == kept.parent;  // whose name becomes a later turn: as many need it
  if (parent && !onto_parent) add_ref_.run(kept.parent);
  name_.run(std::string_view(kept.id), node, now, now);
  if (before && !onto_parent) release(before->head);
  if (kept.whole) {
    Writing writing{.node = node, .image = StateImage(kept.state)};
    if (!make_room(writing.image.size()))
      fail(ErrorKind::too_large, "{}: the state of session {} has {} MiB, for which its limit leaves no place, {} MiB for all: "
           "raise --sessions-limit", database_.file(), kept.id, (writing.image.size() >> 20) + 1, limit_ >> 20);
    while (writing.bytes < writing.image.size()) add_part(writing);
    add_checkpoint_.run(node, static_cast<int64_t>(writing.parts));
  }
  ++next_;
  change.outcome.node = node;
  change.effects.push_back(Named{kept.id, node, kept.parent, state.tokens(), state.model, before ? before->created : now,
                                 now, kept.state, kept.note, kept.whole});
}

void Journal::fork(const Fork& asked, PendingChange& change, int64_t now) {
  std::optional<Error>& error = change.outcome.error;
  try {
    check_session_id(asked.from, "from");
    check_session_id(asked.to, "to");
  } catch (const Error& refused) {
    error = refused;
    return;
  }
  const std::optional<Session> from = session(asked.from), to = session(asked.to);
  if (!from) {
    error.emplace(ErrorKind::not_found, fmt::format("there is no session {}", asked.from), "from");
    return;
  }
  if (to && !asked.replace) {
    error.emplace(ErrorKind::bad_request,
                  fmt::format("there is a session {} already: delete it first, or ask to replace it", asked.to), "to");
    return;
  }
  Node node = from->head;
  std::optional<Turn> meant = turn(node);
  for (uint32_t back = 0; back < asked.back && meant; ++back) {
    node = meant->parent;
    if (node == 0) {
      error.emplace(ErrorKind::not_found, fmt::format("session {} has only {} turns: there is none {} turns back",
                                                      asked.from, back + 1, asked.back), "back");
      return;
    }
    meant = turn(node);
  }
  if (!meant) fail(ErrorKind::bad_file, "{}: is damaged: a turn of session {} is missing", database_.file(), asked.from);
  add_ref_.run(node);
  name_.run(std::string_view(asked.to), node, now, now);
  if (to) release(to->head);
  change.outcome.node = node;
  change.effects.push_back(Named{.id = asked.to, .head = node, .parent = meant->parent, .tokens = meant->length,
                                 .model = meant->model, .created = to ? to->created : now, .updated = now});
}

void Journal::erase_one(const std::string& id, Node head, PendingChange& change) {
  unname_.run(std::string_view(id));
  if (const auto document = document_at(head); document && document->id == id) drop_document(head);
  release(head);
  ++change.outcome.count;
  change.effects.push_back(Unnamed{id});
}

void Journal::erase(const Erase& asked, PendingChange& change) {
  std::vector<std::pair<std::string, Node>> found;
  if (const auto one = session(asked.id)) found.emplace_back(asked.id, one->head);
  if (asked.also_below) {
    const std::string first = asked.id + ':', behind = asked.id + ';';  // which follows the colon
    auto rows = below_.ask(std::string_view(first), std::string_view(behind));
    while (rows.next()) found.emplace_back(rows.text(0), rows.number(1));
  }
  if (found.empty())
    change.outcome.error.emplace(ErrorKind::not_found, fmt::format("there is no session {}", asked.id), "session_id");
  for (const auto& [id, head] : found) erase_one(id, head, change);
}

void Journal::erase_oldest(PendingChange& change) {
  constexpr int64_t at_once = 16;
  while (used_bytes() > limit_ - limit_ / 8) {
    std::vector<std::pair<std::string, Node>> found;
    {
      auto rows = oldest_sessions_.ask(at_once);
      while (rows.next()) found.emplace_back(rows.text(0), rows.number(1));
    }
    if (found.empty()) return;
    for (const auto& [id, head] : found) erase_one(id, head, change);
  }
}

void Journal::read(const std::string& id, PendingChange& change) {
  change.transcript = {};
  const std::optional<Session> found = session(id);
  if (!found) {
    change.outcome.error.emplace(ErrorKind::not_found, fmt::format("there is no session {}", id), "session_id");
    return;
  }
  std::vector<Node> path;
  uint64_t length = 0;
  for (Node node = found->head; node != 0;) {
    const std::optional<Turn> here = turn(node);
    if (!here) fail(ErrorKind::bad_file, "{}: is damaged: a turn of session {} is missing", database_.file(), id);
    if (path.empty()) length = here->length;
    path.push_back(node);
    node = here->parent;
  }
  std::vector<Token>& tokens = change.transcript.tokens;
  for (auto node = path.rbegin(); node != path.rend(); ++node) {
    auto rows = text_.ask(*node);
    if (rows.next()) append_tokens(tokens, rows.blob(0));
  }
  change.transcript.unknown = length - std::min<uint64_t>(length, tokens.size());
}

// One need of the turn less. A turn that nothing needs is dropped, and needs its parent no more.
void Journal::release(Node node) {
  while (node != 0) {
    int64_t refs = 0;
    Node parent = 0;
    {
      auto rows = drop_ref_.ask(node);
      if (!rows.next()) return;
      refs = rows.number(0);
      parent = rows.number(1);
      while (rows.next()) {
      }
    }
    if (refs > 0) return;
    drop_checkpoint(node);
    drop_document(node);
    drop_turn_.run(node);
    node = parent;
  }
}

}  // namespace fulmar
