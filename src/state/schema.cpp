// Opening the store's file; see schema.h.
#include "state/schema.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>

#include "base/fail.h"
#include "base/platform.h"

namespace fulmar {
namespace {

namespace fs = std::filesystem;

constexpr int64_t application = 0x464c4d52;  // "FLMR", which SQLite keeps at byte 68 of the file

// Tokens are 32-bit numbers, the lowest byte first. `length`: tokens of the text up to the turn's end. `refs`: names and
// later turns that need it. `whole`: it has a checkpoint that cannot be made again. A checkpoint's bytes are `state` and
// then its `parts`, numbered node * 65536 + 0, 1, 2 ...; those of the nodes in `unfinished` were not all written. A document is
// about a turn, and the session's whose `id` it has.
constexpr const char* tables = R"(
  CREATE TABLE turns(node INTEGER PRIMARY KEY, parent INTEGER NOT NULL, length INTEGER NOT NULL, refs INTEGER NOT NULL,
                     whole INTEGER NOT NULL, model BLOB NOT NULL, created INTEGER NOT NULL, tokens BLOB NOT NULL,
                     note BLOB NOT NULL);
  CREATE TABLE sessions(id TEXT PRIMARY KEY, head INTEGER NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL)
      WITHOUT ROWID;
  CREATE TABLE checkpoints(node INTEGER PRIMARY KEY, state BLOB NOT NULL, parts INTEGER NOT NULL DEFAULT 0);
  CREATE TABLE parts(part INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
  CREATE TABLE unfinished(node INTEGER PRIMARY KEY);
  CREATE TABLE documents(node INTEGER PRIMARY KEY, id TEXT NOT NULL, bytes BLOB NOT NULL);
)";

// To version 2. Version 1 had every checkpoint in one piece, which `state` still may have.
constexpr const char* from_version_1 = R"(
  ALTER TABLE checkpoints ADD COLUMN parts INTEGER NOT NULL DEFAULT 0;
  CREATE TABLE parts(part INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
  CREATE TABLE unfinished(node INTEGER PRIMARY KEY);
)";

// To version 3. Version 2 had no documents.
constexpr const char* from_version_2 = R"(
  CREATE TABLE documents(node INTEGER PRIMARY KEY, id TEXT NOT NULL, bytes BLOB NOT NULL);
  PRAGMA user_version=3;
)";

uint32_t big_endian(const std::array<char, 100>& head, size_t at) {
  uint32_t value = 0;
  for (size_t i = at; i < at + 4; ++i) value = value << 8 | static_cast<unsigned char>(head[i]);
  return value;
}

// By the first bytes, before SQLite has the file: opening a database may already change it.
void refuse_foreign_file(const std::string& file) {
  std::error_code error;
  const fs::file_status status = fs::status(file, error);
  if (!fs::exists(status)) return;
  if (!fs::is_regular_file(status)) fail(ErrorKind::misuse, "{}: sessions cannot be kept here: it is no file", file);
  if (fs::file_size(file, error) == 0) return;
  std::array<char, 100> head{};
  std::ifstream stream(file, std::ios::binary);
  if (!stream) fail(ErrorKind::misuse, "{}: the store of sessions may not be read", file);
  stream.read(head.data(), head.size());
  if (stream.gcount() != static_cast<std::streamsize>(head.size()) || std::string_view(head.data(), 15) != "SQLite format 3")
    fail(ErrorKind::bad_file, "{}: is no store of sessions (no SQLite database): name another file with --sessions", file);
  if (big_endian(head, 68) != application)
    fail(ErrorKind::bad_file, "{}: is another program's database, no store of sessions: name another file with --sessions",
         file);
  const uint32_t schema = big_endian(head, 60);
  if (schema > store_schema)
    fail(ErrorKind::bad_file, "{}: is a store of sessions of version {}, and this program knows {}: a newer one wrote it; "
         "use that one, or name another file with --sessions", file, schema, store_schema);
}

void make_tables(Database& database) {
  constexpr const char* what = "the store of sessions could not be made";
  // Tokens of a turn fill a part of a page, a state many: 16 KiB suit both. Pages that are free can be given back.
  database.run("PRAGMA page_size=16384; PRAGMA auto_vacuum=INCREMENTAL", what);
  Transaction change(database);
  if (database.number("SELECT count(*) FROM sqlite_schema", what) == 0) {
    database.run(tables, what);
    database.run(fmt::format("PRAGMA application_id={}; PRAGMA user_version={}", application, store_schema).c_str(), what);
  }
  change.commit();
}

// Version 1 left files to whoever may read this user's.
void upgrade(Database& database, int64_t version) {
  constexpr const char* what = "the store of sessions could not be brought to this version";
  Transaction change(database);
  if (version == 1) database.run(from_version_1, what);
  database.run(from_version_2, what);
  change.commit();
  if (version > 1) return;
  using fs::perms;
  for (const char* ending : {"", "-wal"}) {
    std::error_code error;
    fs::permissions(database.path() + ending, perms::group_all | perms::others_all, fs::perm_options::remove, error);
  }
}

}  // namespace

StoreShares shares_of(uint64_t limit) {
  constexpr uint64_t mib = 1 << 20, log = 8 * mib, reserve = 16 * mib;
  if (limit == 0) return {0, log, reserve};
  StoreShares shares{0, std::min(log, limit / 4), std::min(reserve, limit / 16)};
  if (shares.reserve < mib) shares.reserve = 0;  // would be no help
  shares.pages = limit - shares.log - shares.reserve;
  return shares;
}

std::unique_ptr<Database> open_store_file(const std::string& file, uint64_t log_bytes) {
  const bool in_memory = file.empty();
  if (!in_memory) refuse_foreign_file(file);
  std::error_code error;
  // Not where it is there: closing a file that SQLite has open in this process would drop its lock.
  if (!in_memory && !fs::exists(file, error)) make_private_file(file, 0);
  auto database = std::make_unique<Database>(in_memory ? memory_file : file);
  constexpr const char* what = "the store of sessions could not be opened";
  if (database->read_only()) fail(ErrorKind::misuse, "{}: sessions cannot be kept here: the file may not be written", file);
  // Exclusive: no second server shares the file, and no shared memory is made beside it.
  database->run("PRAGMA locking_mode=EXCLUSIVE; PRAGMA foreign_keys=OFF; PRAGMA cache_size=-16384; PRAGMA temp_store=MEMORY",
                what);
  if (database->number("PRAGMA user_version", what) == 0) make_tables(*database);
  const int64_t version = database->number("PRAGMA user_version", what);
  if (version < 1 || version > store_schema)
    fail(ErrorKind::bad_file, "{}: is no store of sessions: name another file with --sessions", file);
  // Full: a commit is on the disk. What the log beside the file took for a large change is given back. What is deleted is
  // overwritten only on pages that are written anyway: filling a state's pages with zeros costs as much as writing it.
  database->run(fmt::format("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA fullfsync=1; PRAGMA secure_delete=FAST; "
                            "PRAGMA journal_size_limit={}", log_bytes).c_str(), what);
  Transaction alone(*database);  // takes the lock now, not with the first turn
  alone.commit();
  if (version < store_schema) upgrade(*database, version);
  return database;
}

}  // namespace fulmar
