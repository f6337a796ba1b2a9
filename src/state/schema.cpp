// Opening the store's file; see schema.h.
#include "state/schema.h"

#include <array>
#include <filesystem>
#include <fstream>

#include "base/fail.h"

namespace fulmar {
namespace {

namespace fs = std::filesystem;

constexpr int64_t application = 0x464c4d52;  // "FLMR", which SQLite keeps at byte 68 of the file

// Tokens are 32-bit numbers, the lowest byte first. `length`: tokens of the text up to the turn's end. `refs`: names and
// later turns that need it. `whole`: it has a checkpoint that cannot be made again.
constexpr const char* tables = R"(
  CREATE TABLE turns(node INTEGER PRIMARY KEY, parent INTEGER NOT NULL, length INTEGER NOT NULL, refs INTEGER NOT NULL,
                     whole INTEGER NOT NULL, model BLOB NOT NULL, created INTEGER NOT NULL, tokens BLOB NOT NULL,
                     note BLOB NOT NULL);
  CREATE TABLE sessions(id TEXT PRIMARY KEY, head INTEGER NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL)
      WITHOUT ROWID;
  CREATE TABLE checkpoints(node INTEGER PRIMARY KEY, state BLOB NOT NULL);
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

}  // namespace

std::unique_ptr<Database> open_store_file(const std::string& file) {
  const bool in_memory = file.empty();
  if (!in_memory) refuse_foreign_file(file);
  auto database = std::make_unique<Database>(in_memory ? memory_file : file);
  constexpr const char* what = "the store of sessions could not be opened";
  if (database->read_only()) fail(ErrorKind::misuse, "{}: sessions cannot be kept here: the file may not be written", file);
  // Exclusive: no second server shares the file, and no shared memory is made beside it.
  database->run("PRAGMA locking_mode=EXCLUSIVE; PRAGMA foreign_keys=OFF; PRAGMA cache_size=-16384; PRAGMA temp_store=MEMORY",
                what);
  if (database->number("PRAGMA user_version", what) == 0) make_tables(*database);
  if (database->number("PRAGMA user_version", what) != store_schema)
    fail(ErrorKind::bad_file, "{}: is no store of sessions: name another file with --sessions", file);
  // Full: a commit is on the disk. What the log beside the file took for a large state is given back.
  database->run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA fullfsync=1; PRAGMA journal_size_limit=67108864",
                what);
  Transaction alone(*database);  // takes the lock now, not with the first turn
  alone.commit();
  return database;
}

}  // namespace fulmar
