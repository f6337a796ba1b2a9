// Status line, fields, and the three ways in which a body may end.
#include "client/response.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <utility>

#include "base/utf8.h"
#include "client/failed.h"

namespace fulmar::client::impl {
namespace {

constexpr size_t most_line = 16 << 10, most_head = 64 << 10;

[[noreturn]] void malformed(const std::string& what) {
  throw Failed{FULMAR_CLIENT_MALFORMED, "the server's answer is not HTTP: " + what};
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

std::string_view trimmed(std::string_view text) {
  const size_t begin = std::min(text.find_first_not_of(" \t"), text.size());
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

// All of `digits` as a number below 2^63.
bool whole_number(std::string_view digits, int base, uint64_t& out) {
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, out, base);
  return !digits.empty() && stop == end && error == std::errc() && out >> 63 == 0;
}

}  // namespace

bool ResponseReader::take_line(std::string_view& bytes, std::string& line) {
  const size_t end = bytes.find('\n');
  const std::string_view part = bytes.substr(0, end);
  if (line_.size() + part.size() > most_line) malformed("a line of it is longer than 16 KiB");
  line_ += part;
  bytes.remove_prefix(std::min(part.size() + 1, bytes.size()));
  if (end == bytes.npos) return false;
  if (line_.ends_with('\r')) line_.pop_back();
  line = std::exchange(line_, {});
  return true;
}

void ResponseReader::take_status(const std::string& line) {
  const std::string_view text = line;
  uint64_t code = 0;
  const bool good = text.starts_with("HTTP/1.") && text.size() >= 12 && text[8] == ' ' &&
                    (text.size() == 12 || text[12] == ' ') && whole_number(text.substr(9, 3), 10, code) && code >= 100;
  if (!good) malformed("it begins with \"" + shown(line) + "\"");
  status_ = static_cast<int>(code);
  where_ = Where::head;
}

void ResponseReader::take_field(const std::string& line) {
  const size_t colon = line.find(':');
  if (colon == line.npos) malformed("a header field without a colon, \"" + shown(line) + "\"");
  const std::string name = lower(trimmed(std::string_view(line).substr(0, colon)));
  const std::string_view value = trimmed(std::string_view(line).substr(colon + 1));
  if (name == "content-type") {
    content_type_ = lower(value);
  } else if (name == "transfer-encoding") {
    if (lower(value) != "chunked") malformed("the transfer coding \"" + shown(value) + "\" is not known");
    chunked_ = true;
  } else if (name == "content-length") {
    if (!whole_number(value, 10, left_)) malformed("its length is \"" + shown(value) + "\"");
    has_length_ = true;
  }
}

void ResponseReader::end_head() {
  head_bytes_ = 0;
  if (status_ < 200 && status_ != 101) {  // the response proper follows
    *this = {};
    return;
  }
  if (status_ == 204 || status_ == 304) {
    where_ = Where::done;
  } else if (chunked_) {
    where_ = Where::chunk_size;
  } else if (has_length_) {
    where_ = left_ == 0 ? Where::done : Where::length;
  } else {
    where_ = Where::until_end;
  }
}

void ResponseReader::take_chunk_size(const std::string& line) {
  const std::string_view size = trimmed(std::string_view(line).substr(0, line.find(';')));
  if (!whole_number(size, 16, left_)) malformed("the size of a chunk is \"" + shown(line) + "\"");
  where_ = left_ == 0 ? Where::trailers : Where::chunk;
}

void ResponseReader::take(std::string_view bytes, const Body& body) {
  std::string line;
  while (!bytes.empty() && where_ != Where::done) {
    if (where_ == Where::length || where_ == Where::chunk || where_ == Where::until_end) {
      const size_t count = where_ == Where::until_end ? bytes.size() : std::min<uint64_t>(bytes.size(), left_);
      if (where_ != Where::until_end && (left_ -= count) == 0)
        where_ = where_ == Where::length ? Where::done : Where::chunk_end;
      body(bytes.substr(0, count));
      bytes.remove_prefix(count);
      continue;
    }
    if (!take_line(bytes, line)) return;
    if (where_ == Where::head || where_ == Where::trailers) {
      head_bytes_ += line.size() + 2;
      if (head_bytes_ > most_head) malformed("its header has more than 64 KiB");
    }
    switch (where_) {
      case Where::status: take_status(line); break;
      case Where::head:
        if (line.empty()) {
          end_head();
        } else {
          take_field(line);
        }
        break;
      case Where::chunk_size: take_chunk_size(line); break;
      case Where::chunk_end:
        if (!line.empty()) malformed("a chunk is longer than it says");
        where_ = Where::chunk_size;
        break;
      default:
        if (line.empty()) where_ = Where::done;
    }
  }
}

void ResponseReader::end() {
  if (where_ == Where::until_end) where_ = Where::done;
  if (where_ == Where::done) return;
  const bool nothing = where_ == Where::status && line_.empty();
  throw Failed{FULMAR_CLIENT_DISCONNECTED, nothing ? "the server closed the connection without an answer"
                                                   : "the server closed the connection in the middle of its answer"};
}

}  // namespace fulmar::client::impl
