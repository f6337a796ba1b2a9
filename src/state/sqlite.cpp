// The calls to SQLite behind sqlite.h.
#include "state/sqlite.h"

#include <sqlite3.h>

#include <filesystem>
#include <system_error>

#include "base/fail.h"

namespace fulmar {
namespace {

// Why a file could not be read or written, in the system's words where it had some.
std::string reason(sqlite3* handle, int code) {
  const int system = handle != nullptr ? sqlite3_system_errno(handle) : 0;
  const bool of_system = (code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN;
  if (of_system && system != 0) return std::system_category().message(system);
  return handle != nullptr ? sqlite3_errmsg(handle) : sqlite3_errstr(code);
}

}  // namespace

Database::Database(const std::string& file) : file_(file) {
  const int code = sqlite3_open_v2(file.c_str(), &handle_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                                   nullptr);
  if (code == SQLITE_OK) {
    sqlite3_extended_result_codes(handle_, 1);
    const auto counts = [](void* self, sqlite3*, const char*, int pages) {
      Database& database = *static_cast<Database*>(self);
      database.log_pages_ = static_cast<uint64_t>(pages);
      database.has_log_ = true;
      return SQLITE_OK;
    };
    sqlite3_wal_hook(handle_, counts, this);  // in place of SQLite's own, which empties the log inside a commit
    return;
  }
  const std::string why = reason(handle_, code);
  sqlite3_close(handle_);
  fail(ErrorKind::misuse, "{}: sessions cannot be kept here: {}", file_, why);
}

Database::~Database() {
  sqlite3_close_v2(handle_);
}

bool Database::read_only() const {
  return sqlite3_db_readonly(handle_, "main") == 1;
}

bool Database::in_transaction() const {
  return sqlite3_get_autocommit(handle_) == 0;
}

std::string Database::path() const {
  const char* path = sqlite3_db_filename(handle_, "main");
  return path == nullptr ? "" : path;
}

bool Database::moved() const {
  int has_moved = 0;
  sqlite3_file_control(handle_, "main", SQLITE_FCNTL_HAS_MOVED, &has_moved);
  std::error_code error;
  return has_moved != 0 || (has_log_ && !std::filesystem::exists(path() + "-wal", error) && !error);
}

uint64_t Database::log_bytes() const {
  if (!has_log_) return 0;  // it may be the journal that a new file is made with
  sqlite3_file* log = nullptr;
  sqlite3_int64 bytes = 0;
  if (sqlite3_file_control(handle_, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) != SQLITE_OK || log == nullptr ||
      log->pMethods == nullptr || log->pMethods->xFileSize(log, &bytes) != SQLITE_OK)
    return 0;
  return static_cast<uint64_t>(bytes);
}

void Database::empty_log() {
  int pages = 0, moved = 0;
  const int code = sqlite3_wal_checkpoint_v2(handle_, "main", SQLITE_CHECKPOINT_PASSIVE, &pages, &moved);
  if (code != SQLITE_OK) raise(code, "what changed could not be brought into the file");
  if (moved >= pages) log_pages_ = 0;
}

void Database::read_blob(const char* table, const char* column, int64_t row, std::vector<std::byte>& bytes, size_t& used) {
  sqlite3_blob* blob = nullptr;
  int code = sqlite3_blob_open(handle_, "main", table, column, row, 0, &blob);
  if (code == SQLITE_OK) {
    const auto size = static_cast<size_t>(sqlite3_blob_bytes(blob));
    try {
      if (bytes.size() < used + size) bytes.resize(used + size);
    } catch (...) {
      sqlite3_blob_close(blob);
      throw;
    }
    if (size > 0) code = sqlite3_blob_read(blob, &bytes[used], static_cast<int>(size), 0);
    used += size;
  }
  sqlite3_blob_close(blob);
  if (code == SQLITE_ERROR) fail(ErrorKind::bad_file, "{}: is damaged: a piece of a state is missing", file_);
  if (code != SQLITE_OK) raise(code, "a state could not be read");
}

void Database::raise(int code, const char* what) const {
  const std::string why = reason(handle_, code);
  switch (code & 0xff) {
    case SQLITE_FULL:
      throw DiskFull(ErrorKind::unavailable,
                     fmt::format("{}: {}: the disk is full (make room there or delete sessions, and ask again)", file_, what));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      fail(ErrorKind::unavailable,
           "{}: another program has this store of sessions open: end that one, or give this one a file of its own with "
           "--sessions", file_);
    case SQLITE_NOTADB:
      fail(ErrorKind::bad_file, "{}: is no store of sessions (no SQLite database): name another file with --sessions",
           file_);
    case SQLITE_CORRUPT:
      fail(ErrorKind::bad_file, "{}: {}: the file is damaged ({})", file_, what, why);
    case SQLITE_NOMEM:
      fail(ErrorKind::out_of_memory, "{}: {}: memory ran out", file_, what);
    case SQLITE_TOOBIG:
      fail(ErrorKind::too_large, "{}: {}: it is larger than SQLite keeps in one piece", file_, what);
    case SQLITE_READONLY:
      fail(ErrorKind::unavailable, "{}: {}: the file may not be written", file_, what);
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      fail(ErrorKind::unavailable, "{}: {}: {} (is the disk in order?)", file_, what, why);
    default:
      fail(ErrorKind::internal, "{}: {}: {}", file_, what, why);
  }
}

void Database::run(const char* sql, const char* what) {
  const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) raise(code, what);
}

int64_t Database::number(const char* sql, const char* what) {
  Statement statement(*this, sql, what);
  auto rows = statement.ask();
  return rows.next() ? rows.number(0) : 0;
}

Transaction::Transaction(Database& database) : database_(database) {
  if (database.moved())
    fail(ErrorKind::unavailable, "{}: the file was moved or removed while it is in use, and nothing is kept: put it back, "
         "with its -wal beside it, or start the program again", database.file());
  database_.run("BEGIN IMMEDIATE", "a change could not begin");
}

Transaction::~Transaction() {
  // Some errors have undone it already.
  if (open_ && database_.in_transaction()) sqlite3_exec(database_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void Transaction::commit() {
  database_.run("COMMIT", "the change could not be kept");
  open_ = false;
}

Statement::Statement(Database& database, const char* sql, const char* what) : database_(database), what_(what) {
  check(sqlite3_prepare_v3(database.handle(), sql, -1, SQLITE_PREPARE_PERSISTENT, &statement_, nullptr));
}

Statement::~Statement() {
  sqlite3_finalize(statement_);
}

void Statement::check(int code) const {
  if (code != SQLITE_OK) database_.raise(code, what_);
}

void Statement::bind(int place, int64_t value) {
  check(sqlite3_bind_int64(statement_, place, value));
}

void Statement::bind(int place, std::string_view value) {
  check(sqlite3_bind_text64(statement_, place, value.data(), value.size(), SQLITE_STATIC, SQLITE_UTF8));
}

void Statement::bind(int place, Blob value) {
  // A null pointer would be NULL.
  check(sqlite3_bind_blob64(statement_, place, value.empty() ? "" : static_cast<const void*>(value.data()), value.size(),
                            SQLITE_STATIC));
}

Statement::Rows::~Rows() {
  sqlite3_reset(statement_.statement_);
  sqlite3_clear_bindings(statement_.statement_);
}

bool Statement::Rows::next() {
  const int code = sqlite3_step(statement_.statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) statement_.check(code);
  return false;
}

int64_t Statement::Rows::number(int column) const {
  return sqlite3_column_int64(statement_.statement_, column);
}

std::string Statement::Rows::text(int column) const {
  const unsigned char* text = sqlite3_column_text(statement_.statement_, column);
  return text == nullptr ? std::string()
                         : std::string(reinterpret_cast<const char*>(text),
                                       static_cast<size_t>(sqlite3_column_bytes(statement_.statement_, column)));
}

Blob Statement::Rows::blob(int column) const {
  const void* data = sqlite3_column_blob(statement_.statement_, column);
  return {static_cast<const std::byte*>(data), static_cast<size_t>(sqlite3_column_bytes(statement_.statement_, column))};
}

bool Statement::Rows::null(int column) const {
  return sqlite3_column_type(statement_.statement_, column) == SQLITE_NULL;
}

}  // namespace fulmar
