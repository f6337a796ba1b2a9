// Server-sent events out of bytes that come in any pieces.
#pragma once
#include <functional>
#include <string>
#include <string_view>

namespace fulmar::load {

constexpr size_t most_event_bytes = 4 << 20;

class SseReader {
 public:
  // The data of each event; comments and fields of other names are passed over.
  using OnEvent = std::function<void(std::string_view data)>;
  explicit SseReader(OnEvent on_event) : on_event_(std::move(on_event)) {}

  // False: an event has more than most_event_bytes, and nothing more is read.
  bool push(std::string_view bytes);
  // The end of the stream. An event whose empty line never came counts: some servers end with a bare "data: [DONE]".
  void finish();

 private:
  void take_line(std::string_view line);
  void end_event();

  OnEvent on_event_;
  std::string line_, data_;
  bool has_data_ = false, after_return_ = false;  // the last byte was a carriage return, which a line feed may follow
};

}  // namespace fulmar::load
