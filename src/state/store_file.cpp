// What is done where the file takes a change and where it does not; see store_file.h.
#include "state/store_file.h"

#include <algorithm>
#include <chrono>

#include "base/fail.h"
#include "base/log.h"

namespace fulmar {
namespace {

int64_t unix_milliseconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

// What one caller asked too much of, and the file has nothing to do with.
bool is_the_callers(const Error& error) {
  return error.kind() == ErrorKind::too_large || error.kind() == ErrorKind::unsupported;
}

}  // namespace

StoreFile::StoreFile(const StoreOptions& options)
    : file_(options.file),
      limit_(options.limit),
      shares_(shares_of(options.limit)),
      database_(open_store_file(file_, shares_.log)),
      journal_(*database_, file_.empty() ? limit_ : shares_.pages),
      reserve_(database_->path(), shares_.reserve) {
  try {
    journal_.drop_unfinished();
  } catch (const Error& error) {  // a full disk: with the next state that is written
    log_warning("{}", error.what());
  }
}

void StoreFile::make(std::span<const Change> changes) {
  std::optional<Error> trouble;
  const auto try_them = [&](std::span<const Change> some) {
    const std::optional<Error> error = make_with_room(some);
    if (error && !is_the_callers(*error)) trouble = error;
    return !error;
  };
  if (!try_them(changes) && changes.size() > 1) {
    trouble.reset();
    for (size_t i = 0; i < changes.size(); ++i) try_them(changes.subspan(i, 1));
  }
  if (trouble) {
    overwrite_refused();
    refused_ = trouble->what();
  } else if (std::any_of(changes.begin(), changes.end(), [](const Change& change) { return !change->effects.empty(); })) {
    refused_.clear();
    if (!file_.empty()) reserve_.make(false);
  }
  if (database_->log_pages() * journal_.page_bytes() >= shares_.log) empty_log();
}

// A full disk may still take it: the log begins anew once all in it is in the file, which may have free pages. What deletes
// sessions has the reserve too, and leaves free pages to those who come after it.
std::optional<Error> StoreFile::make_with_room(std::span<const Change> changes) {
  std::optional<Error> error = make_all(changes);
  if (!full_now_) return error;
  full_ = true;
  if (empty_log()) error = make_all(changes);
  const bool deletes = std::all_of(changes.begin(), changes.end(), [](const Change& change) {
    return std::holds_alternative<Erase>(change->what);
  });
  if (!error || !full_now_ || !deletes || !reserve_.give_up()) return error;
  log_warning("{}: the disk is full: sessions are deleted with the room that was kept for it", file_);
  empty_log();
  error = make_all(changes);
  if (!error) empty_log();
  return error;
}

// All of them or none; then the error is each one's outcome.
std::optional<Error> StoreFile::make_all(std::span<const Change> changes) {
  std::optional<Error> error;
  full_now_ = false;
  try {
    Transaction transaction(*database_);
    const int64_t now = unix_milliseconds();
    for (const Change& change : changes) journal_.make(*change, now);
    transaction.commit();
    return std::nullopt;
  } catch (const Error& thrown) {
    full_now_ = dynamic_cast<const DiskFull*>(&thrown) != nullptr;
    error = thrown;
  } catch (const std::exception& thrown) {
    error.emplace(ErrorKind::out_of_memory, fmt::format("a session was not kept: {}", thrown.what()));
  }
  journal_.undone();
  for (const Change& change : changes) {
    change->effects.clear();
    change->outcome = {};
    change->outcome.error = error;
  }
  return error;
}

// A change whose sync failed is refused, but the log has all of it: a program that opens the file after this one was
// killed would take it for one that was kept. The next change is written over it. So one that says what the file says
// already is, before anybody is told of the refusal: it makes the rest of the old one unreadable, whose checksums go on from
// its first page, and whether its own sync fails too is all the same. Only a power cut may find the old bytes on a disk
// that has not taken the new ones.
bool StoreFile::overwrite_refused() {
  if (file_.empty()) return true;
  try {
    Transaction nothing(*database_);
    database_->run(fmt::format("PRAGMA user_version={}", store_schema).c_str(), "a change could not be taken back");
    nothing.commit();
    return true;
  } catch (const Error&) {
    return false;
  }
}

Change StoreFile::keep_to_limit() {
  if (limit_ == 0 || !refused_.empty()) return nullptr;
  try {
    if (!file_.empty()) {
      Transaction transaction(*database_);
      journal_.make_room(0);
      transaction.commit();
    } else if (journal_.used_bytes() > limit_) {
      auto oldest = std::make_shared<PendingChange>();
      oldest->what = EraseOldest{};
      if (!make_all(std::span(&oldest, 1))) return oldest;
    }
  } catch (const Error& error) {
    log_warning("{}", error.what());
  }
  return nullptr;
}

void StoreFile::begin_to_write(Node node, StatePtr state) {
  try {
    writing_.emplace(Journal::Writing{.node = node, .image = StateImage(std::move(state))});
  } catch (const Error& error) {  // a state with infinite numbers: the session is its tokens
    log_warning("{}: {}", file_, error.what());
  }
}

Journal::Written StoreFile::write_some(const std::function<bool()>& hurry) {
  if (!writing_) return Journal::Written::nothing;
  Journal::Written written = Journal::Written::nothing;
  try {
    written = journal_.write_some(*writing_, hurry);
    if (written == Journal::Written::all) behind_.clear();
    if (database_->log_pages() * journal_.page_bytes() >= shares_.log / 2) empty_log();
  } catch (const std::exception& thrown) {
    if (dynamic_cast<const DiskFull*>(&thrown) != nullptr) full_ = true;
    written = Journal::Written::nothing;
    try {
      empty_log();
      journal_.drop_unfinished();
    } catch (const std::exception&) {  // with the next state that is written
    }
    behind_ = thrown.what();
  }
  if (written != Journal::Written::more) writing_.reset();
  return written;
}

bool StoreFile::empty_log() {
  if (file_.empty()) return false;
  try {
    database_->empty_log();
    behind_.clear();
    return true;
  } catch (const Error& error) {
    if (dynamic_cast<const DiskFull*>(&error) != nullptr) full_ = true;
    behind_ = error.what();
    return false;
  }
}

bool StoreFile::tidy() {
  if (file_.empty() || !trouble().empty()) return false;
  try {
    const bool more = journal_.shrink();
    const bool log = database_->log_pages() * journal_.page_bytes() >= shares_.log / 4;
    if (more || log) empty_log();
    return more;
  } catch (const Error& error) {
    behind_ = error.what();
    return false;
  }
}

void StoreFile::look_again() {
  if (trouble().empty() || !overwrite_refused()) return;
  if (full_ && !reserve_.room()) return;
  refused_.clear();
  behind_.clear();
  full_ = false;
  empty_log();
}

uint64_t StoreFile::bytes() {
  if (file_.empty()) return 0;
  try {
    bytes_ = journal_.file_bytes() + database_->log_bytes();
  } catch (const Error&) {  // a disk that fails: as large as it was
  }
  return bytes_;
}

}  // namespace fulmar
