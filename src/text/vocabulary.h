// A vocabulary as data: every token's bytes, sorted, and the kinds of file it is read from.
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
constexpr Token max_token_id = (1 << 20) - 1;  // tables by id stay below 32 MiB
constexpr std::size_t max_vocabulary_bytes = std::size_t{64} << 20;  // of a file
// Looking for the longest token goes over so many bytes for each byte of text at worst. World's longest has 128.
constexpr std::size_t max_token_bytes = 1024;
constexpr std::size_t max_token_bytes_together = std::size_t{16} << 20;  // a trie takes 9 for each
constexpr std::size_t max_bpe_json_bytes = std::size_t{16} << 20;  // parsed, up to 25 times that

// The whole content of a vocabulary file of any kind. Throws Error(not_found) or Error(bad_file).
std::string read_vocabulary_file(const std::filesystem::path& path);

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";  // some editors write it before a text

// Makes the tokenizer that the content of a file asks for; see open_tokenizer(). `name` is for messages.
std::shared_ptr<const Tokenizer> parse_tokenizer(std::string_view file, const std::string& name);

// The token-by-token kinds, by their first bytes. Throws Error(bad_file) naming file, line (or offset) and
// reason.
Vocabulary parse_vocabulary(std::string_view file, const std::string& name);

// World syntax: lines `ID PYTHON_LITERAL BYTELEN`, the literal a str or bytes of Python. `name` is for
// messages.
Vocabulary parse_world_syntax(std::string_view file, const std::string& name);

// The compact table that tools/vocab/make_world_table.py writes. Little-endian: 8 bytes magic, u32 number of
// tokens, u32 bytes of payload, u64 FNV-1a of the payload; then for each token, ascending by bytes, three
// varints (id, bytes shared with the token before, bytes that follow) and the bytes that follow.
constexpr std::string_view vocabulary_magic = "FULMVOC1";
Vocabulary parse_vocabulary_table(std::string_view file, const std::string& name);

}  // namespace fulmar
