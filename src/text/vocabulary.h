// A vocabulary as data: every token's bytes, sorted, and the two kinds of file it is read from.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace fulmar {

struct Vocabulary {
  struct Entry {
    Token token = 0;
    uint32_t begin = 0, length = 0;  // its bytes in `text`; never empty
  };
  std::string text;
  std::vector<Entry> entries;  // ascending by bytes; no two have the same bytes or the same id

  std::string_view bytes(const Entry& entry) const { return {text.data() + entry.begin, entry.length}; }
};

// Bounds on what a file may ask for.
constexpr Token max_token_id = (1 << 24) - 1;
constexpr std::size_t max_vocabulary_bytes = std::size_t{64} << 20;

// Reads either kind of file. Throws Error(not_found), or Error(bad_file) naming file, line (or offset) and
// reason.
Vocabulary read_vocabulary(const std::filesystem::path& path);

// World syntax: lines `ID PYTHON_LITERAL BYTELEN`, the literal a str or bytes of Python. `name` is for
// messages.
Vocabulary parse_world_syntax(std::string_view file, const std::string& name);

// The compact table that tools/vocab/make_world_table.py writes. Little-endian: 8 bytes magic, u32 number of
// tokens, u32 bytes of payload, u64 FNV-1a of the payload; then for each token, ascending by bytes, three
// varints (id, bytes shared with the token before, bytes that follow) and the bytes that follow.
constexpr std::string_view vocabulary_magic = "FULMVOC1";
Vocabulary parse_vocabulary_table(std::string_view file, const std::string& name);

}  // namespace fulmar
