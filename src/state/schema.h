// The store's file: its tables, how a new one is made, and how one that is not ours is told.
#pragma once
#include <memory>

#include "state/sqlite.h"

namespace fulmar {

constexpr int64_t store_schema = 1;
constexpr const char* memory_file = ":memory:";  // Database::file() of a store without one

// Opens or makes the file and keeps others out of it; an empty name: in memory. Throws Error; a file that is another
// program's, a newer version's or no database at all stays as it is.
std::unique_ptr<Database> open_store_file(const std::string& file);

}  // namespace fulmar
