// Documents: what callers keep about turns, in the same file and within the same limit; see journal.h.
#include "base/fail.h"
#include "state/journal.h"

namespace fulmar {
namespace {

constexpr uint64_t document_share = 4;  // the limit's part for all of them is one in so many
constexpr uint64_t most_documents = uint64_t{1} << 30;  // where there is no limit

}  // namespace

// Counted once, and after a transaction that came to nothing.
uint64_t& Journal::document_bytes() {
  if (!document_bytes_)
    document_bytes_ = static_cast<uint64_t>(
        database_.number("SELECT coalesce(sum(length(bytes)), 0) FROM documents", "the documents could not be counted"));
  return *document_bytes_;
}

std::optional<Journal::Document> Journal::document_at(Node node) {
  auto rows = document_.ask(node);
  if (!rows.next()) return std::nullopt;
  return Document{rows.number(0), rows.text(1), static_cast<uint64_t>(rows.number(2))};
}

void Journal::put_document(const KeptDocument& kept, PendingChange& change) {
  std::optional<Error>& error = change.outcome.error;
  const std::optional<Session> found = session(kept.id);
  if (!found) {
    error.emplace(ErrorKind::not_found, fmt::format("there is no session {} that a document could be about", kept.id));
    return;
  }
  const uint64_t most = limit_ == 0 ? most_documents : limit_ / document_share, size = kept.bytes.size();
  if (size > max_document || size > most) {
    error.emplace(ErrorKind::too_large,
                  size > max_document
                      ? fmt::format("the document of {} has {} bytes, more than {}", kept.id, size, max_document)
                      : fmt::format("the document of {} has {} bytes, and all documents together may have {}: raise "
                                    "--sessions-limit", kept.id, size, most));
    return;
  }
  drop_document(found->head);
  while (document_bytes() + size > most) drop_oldest_document(change);
  add_document_.run(found->head, std::string_view(kept.id), std::as_bytes(std::span(kept.bytes)));
  document_bytes() += size;
  change.outcome.node = found->head;
  change.outcome.count = 0;
}

void Journal::read_document(const std::string& id, PendingChange& change) {
  change.document.reset();
  const std::optional<Session> found = session(id);
  if (!found) return;
  const std::optional<Document> document = document_at(found->head);
  if (!document || document->id != id) return;
  size_t size = 0;
  database_.read_blob("documents", "bytes", document->node, read_, size);
  change.document.emplace(reinterpret_cast<const char*>(read_.data()), size);
}

void Journal::drop_document(Node node) {
  const std::optional<Document> document = document_at(node);
  if (!document) return;
  uint64_t& all = document_bytes();
  drop_document_.run(node);
  all -= document->bytes;
}

// With the session that it is about, where its name has not gone on since.
void Journal::drop_oldest_document(PendingChange& change) {
  std::optional<Document> oldest;
  {
    auto rows = oldest_document_.ask();
    if (rows.next()) oldest = Document{rows.number(0), rows.text(1), static_cast<uint64_t>(rows.number(2))};
  }
  if (!oldest) fail(ErrorKind::bad_file, "{}: is damaged: documents are counted that are not there", database_.file());
  const std::optional<Session> its = session(oldest->id);
  if (its && its->head == oldest->node) return erase_one(oldest->id, its->head, change);
  drop_document(oldest->node);
}

}  // namespace fulmar
