// Lines, then events, by the rules of the HTML standard; see sse_reader.h.
#include "sse_reader.h"

namespace fulmar::load {

bool SseReader::push(std::string_view bytes) {
  while (!bytes.empty()) {
    if (after_return_ && bytes.front() == '\n') bytes.remove_prefix(1);
    after_return_ = false;
    const size_t end = bytes.find_first_of("\r\n");
    if (end == bytes.npos) {
      line_ += bytes;
      return line_.size() + data_.size() <= most_event_bytes;
    }
    if (line_.empty()) {
      take_line(bytes.substr(0, end));
    } else {
      line_ += bytes.substr(0, end);
      take_line(line_);
      line_.clear();
    }
    if (data_.size() > most_event_bytes) return false;
    after_return_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
  }
  return true;
}

void SseReader::finish() {
  if (!line_.empty()) take_line(line_);
  line_.clear();
  end_event();
}

void SseReader::take_line(std::string_view line) {
  if (line.empty()) return end_event();
  constexpr std::string_view field = "data";
  if (!line.starts_with(field)) return;
  line.remove_prefix(field.size());
  if (!line.empty() && line.front() != ':') return;  // a field of a longer name
  if (!line.empty()) line.remove_prefix(1);
  if (line.starts_with(' ')) line.remove_prefix(1);
  if (has_data_) data_ += '\n';
  data_ += line;
  has_data_ = true;
}

void SseReader::end_event() {
  if (has_data_) on_event_(data_);
  data_.clear();
  has_data_ = false;
}

}  // namespace fulmar::load
