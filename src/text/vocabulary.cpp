// Reads a vocabulary file and parses World syntax.
#include "text/vocabulary.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <stdexcept>

#include "base/fail.h"
#include "text/python_literal.h"

namespace fulmar {
namespace {

// One line's fields; throws std::invalid_argument with the reason. Appends the token's bytes to `text`.
Vocabulary::Entry parse_line(std::string_view line, std::string& text) {
  const auto number = [&](std::string_view field, const char* what) {
    uint32_t value = 0;
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
    if (error == std::errc::result_out_of_range)
      throw std::invalid_argument(fmt::format("{} is too large", what));
    if (error != std::errc()) throw std::invalid_argument(fmt::format("{} is missing", what));
    return std::pair(value, static_cast<std::size_t>(end - field.data()));
  };
  const auto skip_spaces = [&](std::size_t at) {
    while (at < line.size() && (line[at] == ' ' || line[at] == '\t')) ++at;
    return at;
  };
  Vocabulary::Entry entry;
  const auto [id, id_length] = number(line, "the id (the line's first field)");
  if (id > static_cast<uint32_t>(max_token_id)) {
    throw std::invalid_argument(fmt::format("id {} is past {}, the largest allowed", id, max_token_id));
  }
  entry.token = static_cast<Token>(id);
  std::size_t at = skip_spaces(id_length);
  if (at == id_length) throw std::invalid_argument("expected a space after the id");
  entry.begin = static_cast<uint32_t>(text.size());
  at += parse_python_literal(line.substr(at), text);
  entry.length = static_cast<uint32_t>(text.size() - entry.begin);
  if (entry.length == 0) throw std::invalid_argument(fmt::format("token {} has no bytes", id));
  if (entry.length > max_token_bytes)
    throw std::invalid_argument(
        fmt::format("token {} has {} bytes, at most {} are read", id, entry.length, max_token_bytes));
  at = skip_spaces(at);
  const auto [length, digits] = number(line.substr(at), "the byte length (the line's last field)");
  if (skip_spaces(at + digits) != line.size())
    throw std::invalid_argument("expected nothing after the byte length");
  if (length != entry.length) {
    throw std::invalid_argument(
        fmt::format("token {} has {} bytes, but the line says {}", id, entry.length, length));
  }
  return entry;
}

}  // namespace

Vocabulary parse_world_syntax(std::string_view file, const std::string& name) {
  if (file.starts_with(byte_order_mark)) file.remove_prefix(byte_order_mark.size());
  struct Line {
    Vocabulary::Entry entry;
    uint32_t number;
  };
  Vocabulary vocabulary;
  std::vector<Line> lines;
  vocabulary.text.reserve(file.size() / 2);
  for (uint32_t number = 1; !file.empty(); ++number) {
    const std::size_t end = std::min(file.find('\n'), file.size());
    std::string_view line = file.substr(0, end);
    file.remove_prefix(std::min(end + 1, file.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") == std::string_view::npos) continue;
    try {
      lines.push_back({parse_line(line, vocabulary.text), number});
      if (vocabulary.text.size() > max_token_bytes_together)
        throw std::invalid_argument(fmt::format("the tokens so far have more than {} MiB", max_token_bytes_together >> 20));
    } catch (const std::invalid_argument& reason) {
      fail(ErrorKind::bad_file, "{}:{}: {}; lines of a vocabulary read `ID 'TEXT' BYTELEN`", name, number,
           reason.what());
    }
  }
  if (lines.empty()) fail(ErrorKind::bad_file, "{}: the vocabulary has no tokens", name);

  // Duplicates are neighbours once sorted; of two lines the later one is at fault.
  const auto refuse_twins = [&](const char* what, auto&& same) {
    const auto twin = std::adjacent_find(lines.begin(), lines.end(), same);
    if (twin == lines.end()) return;
    const auto [first, second] = std::minmax(twin->number, (twin + 1)->number);
    fail(ErrorKind::bad_file, "{}:{}: the {} of token {} was already given on line {}", name, second, what,
         (twin + (twin->number < (twin + 1)->number))->entry.token, first);
  };
  std::ranges::sort(lines, {}, [](const Line& line) { return line.entry.token; });
  refuse_twins("id", [](const Line& a, const Line& b) { return a.entry.token == b.entry.token; });
  std::ranges::sort(lines, {}, [&](const Line& line) { return vocabulary.bytes(line.entry); });
  refuse_twins("text", [&](const Line& a, const Line& b) {
    return vocabulary.bytes(a.entry) == vocabulary.bytes(b.entry);
  });
  vocabulary.entries.reserve(lines.size());
  for (const Line& line : lines) vocabulary.entries.push_back(line.entry);
  return vocabulary;
}

std::string read_vocabulary_file(const std::filesystem::path& path) {
  std::error_code ignored;
  const std::string name = path.string();
  if (!std::filesystem::exists(path, ignored))
    fail(ErrorKind::not_found, "{}: no such vocabulary file", name);
  if (std::filesystem::is_directory(path, ignored)) {
    fail(ErrorKind::bad_file, "{}: this is a folder, not a vocabulary file", name);
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) fail(ErrorKind::bad_file, "{}: this file cannot be opened for reading", name);
  std::string content;
  constexpr std::size_t part = std::size_t{1} << 20;
  // In parts, because pipes have no size and a device never ends.
  do {
    const std::size_t have = content.size();
    content.resize(have + part);
    file.read(content.data() + have, static_cast<std::streamsize>(part));
    content.resize(have + static_cast<std::size_t>(file.gcount()));
    if (content.size() > max_vocabulary_bytes) {
      fail(ErrorKind::bad_file, "{}: a vocabulary file may have at most {} MiB", name,
           max_vocabulary_bytes >> 20);
    }
  } while (file);
  if (file.bad()) fail(ErrorKind::bad_file, "{}: reading failed", name);
  return content;
}

Vocabulary parse_vocabulary(std::string_view file, const std::string& name) {
  if (file.starts_with(vocabulary_magic)) return parse_vocabulary_table(file, name);
  return parse_world_syntax(file, name);
}

}  // namespace fulmar
