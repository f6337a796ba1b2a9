// The line format of server-sent events, of which only `data` matters here.
#include "client/event_reader.h"

#include <algorithm>
#include <utility>

#include "client/failed.h"

namespace fulmar::client::impl {
namespace {

constexpr size_t most = 8 << 20;

void bound(size_t bytes) {
  if (bytes > most) throw Failed{FULMAR_CLIENT_TOO_LARGE, "the server sent an event of more than 8 MiB"};
}

}  // namespace

void EventReader::take(std::string_view bytes, const Event& event) {
  while (!bytes.empty()) {
    if (std::exchange(after_return_, false) && bytes.front() == '\n') {
      bytes.remove_prefix(1);
      continue;
    }
    const size_t end = bytes.find_first_of("\r\n");
    const std::string_view part = bytes.substr(0, end);
    bound(line_.size() + part.size());
    line_ += part;
    if (end == bytes.npos) return;
    after_return_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    take_line(event);
  }
}

void EventReader::end(const Event& event) {
  if (!line_.empty()) take_line(event);
  take_line(event);
}

void EventReader::take_line(const Event& event) {
  const std::string line = std::exchange(line_, {});
  if (line.empty()) {
    const std::string data = std::exchange(data_, {});
    if (std::exchange(has_data_, false)) event(data);
    return;
  }
  std::string_view value = line;
  if (!value.starts_with("data")) return;  // a comment, or a field that says nothing about the text
  value.remove_prefix(4);
  if (!value.empty() && !value.starts_with(':')) return;
  value.remove_prefix(std::min<size_t>(1, value.size()));
  if (value.starts_with(' ')) value.remove_prefix(1);
  bound(data_.size() + value.size());
  if (has_data_) data_ += '\n';
  has_data_ = true;
  data_ += value;
}

}  // namespace fulmar::client::impl
