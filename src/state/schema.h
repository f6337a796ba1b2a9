// The store's file: its tables, how a new one is made, and how one that is not ours is told.
#pragma once
#include <memory>

#include "state/sqlite.h"

namespace fulmar {

constexpr int64_t store_schema = 3;
constexpr const char* memory_file = ":memory:";  // Database::file() of a store without one

// How large the files beside each other may be, in bytes.
struct StoreShares {
  uint64_t pages;    // in use of the file; 0: no bound
  uint64_t log;      // kept of the log's file when it begins anew
  uint64_t reserve;  // see reserve.h; 0: none
};
// Of a limit for all of them; 0: no limit.
StoreShares shares_of(uint64_t limit);

// Opens or makes the file and keeps others out of it; an empty name: in memory. An older version's is made one of this
// version. Files made here, the log among them, are for this user alone. Throws Error; a file that is another
// program's, a newer version's or no database at all stays as it is.
std::unique_ptr<Database> open_store_file(const std::string& file, uint64_t log_bytes);

}  // namespace fulmar
