// Server-sent events as their bytes come: the data of each, whatever ends its lines.
#pragma once
#include <functional>
#include <string>
#include <string_view>

namespace fulmar::client::impl {

class EventReader {
 public:
  using Event = std::function<void(std::string_view data)>;

  // Throws Failed where a line, or the data of an event, is longer than 8 MiB.
  void take(std::string_view bytes, const Event& event);
  // The stream ended: an event that no empty line follows counts as well.
  void end(const Event& event);

 private:
  void take_line(const Event& event);

  std::string line_, data_;
  bool has_data_ = false, after_return_ = false;
};

}  // namespace fulmar::client::impl
