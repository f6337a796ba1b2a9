// Chunk sizes, extensions and trailers.
#include "http/chunks.h"

#include <algorithm>
#include <charconv>

#include "http/refusal.h"

namespace fulmar::http {
namespace {

constexpr size_t kDigits = 15;  // hexadecimal ones of a size: below 2^60

// Trailers come after the request was understood, so they may not say how to understand it (RFC 9110 6.5.1).
constexpr std::string_view kNoTrailers[] = {"Content-Length", "Transfer-Encoding", "Host",   "Authorization",
                                            "Content-Type",   "Content-Encoding",  "Trailer", "Expect"};

// *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )
bool is_extension(std::string_view text) {
  const auto skip_blanks = [&] {
    while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  };
  const auto take_token = [&] {
    size_t count = 0;
    while (count < text.size() && is_token(text.substr(count, 1))) ++count;
    text.remove_prefix(count);
    return count > 0;
  };
  const auto take_quoted = [&] {
    for (size_t i = 1; i < text.size(); ++i) {
      if (text[i] == '\\') {
        ++i;
      } else if (text[i] == '"') {
        text.remove_prefix(i + 1);
        return true;
      }
    }
    return false;
  };
  while (!text.empty()) {
    skip_blanks();
    if (!text.starts_with(';')) return false;
    text.remove_prefix(1);
    skip_blanks();
    if (!take_token()) return false;
    const std::string_view after_name = text;
    skip_blanks();
    if (!text.starts_with('=')) {
      text = after_name;
      continue;
    }
    text.remove_prefix(1);
    skip_blanks();
    if (text.starts_with('"') ? !take_quoted() : !take_token()) return false;
  }
  return true;
}

}  // namespace

std::string_view Chunks::next(std::string_view& bytes) {
  while (where_ != Where::done) {
    if (where_ == Where::data) {
      const std::string_view data = bytes.substr(0, static_cast<size_t>(std::min<uint64_t>(left_, bytes.size())));
      bytes.remove_prefix(data.size());
      left_ -= data.size();
      if (left_ == 0) where_ = Where::data_end;
      return data;
    }
    if (where_ == Where::data_end) {
      if (std::string_view("\r\n").substr(0, bytes.size()) != bytes.substr(0, 2))
        malformed("a chunk is longer than its size");
      if (bytes.size() < 2) return {};
      bytes.remove_prefix(2);
      where_ = Where::size;
      continue;
    }
    const auto line = lines_.next(bytes);
    if (!line) {
      spend(0, bytes.size());
      return {};
    }
    where_ == Where::size ? take_size(*line) : take_trailer(*line);
  }
  return {};
}

void Chunks::take_size(std::string_view line) {
  const size_t digits = std::min(line.find_first_not_of("0123456789abcdefABCDEF"), line.size());
  const std::string_view extension = line.substr(digits);
  if (digits == 0 || !is_extension(extension)) malformed("a chunk does not begin with its size");
  std::string_view size = line.substr(0, digits);
  while (size.size() > 1 && size.front() == '0') size.remove_prefix(1);
  if (size.size() > kDigits) malformed("a chunk's size is no size");
  spend(line.size() - size.size(), 0);
  std::from_chars(size.data(), size.data() + size.size(), left_, 16);
  where_ = left_ > 0 ? Where::data : Where::trailers;
}

void Chunks::take_trailer(std::string_view line) {
  if (line.empty()) {
    where_ = Where::done;
    return;
  }
  spend(line.size() + 2, 0);
  const FieldView field = split_field(line);
  for (const std::string_view name : kNoTrailers)
    if (same_word(field.name, name)) malformed("a field that may not be a trailer is one");
}

// `waiting` bytes are of a line whose end has not come.
void Chunks::spend(size_t bytes, size_t waiting) {
  spent_ += bytes;
  if (spent_ + waiting > most_overhead_)
    throw Refusal(431, "the body's chunk extensions and trailers are too large", "header_too_large");
}

}  // namespace fulmar::http
