// The file of --api-key-file: who may use the server, which models, and how much of it.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "answer/fields.h"
#include "http/keys.h"

namespace fulmar::api {

// docs/http-api.md has both.
constexpr std::size_t kKeyFileBytes = std::size_t{1} << 20;
constexpr std::size_t kKeys = 1024;

// Of each entry of its list "keys"; docs/operating.md prints the table.
extern const FieldTable key_fields;

// Throws Error(misuse) that names the file, the entry and what is wrong with it; a member that is none of the table's is, for
// what it was to forbid would be allowed.
std::vector<http::Key> read_key_file(const std::string& path);

}  // namespace fulmar::api
