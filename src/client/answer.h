// What the server's response to a call means: text as it comes, a result, or why there is none.
#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "client/call.h"
#include "client/event_reader.h"
#include "client/response.h"

namespace fulmar::client::impl {

class Answer {
 public:
  using Say = std::function<void(std::string_view text)>;  // whole characters of the result, as they come

  explicit Answer(Call::Kind kind) : kind_(kind) {}

  // Both throw Failed.
  void take(const ResponseReader& head, std::string_view body, const Say& say);
  void end(const ResponseReader& head, const Say& say);

  // Nothing that follows can change it: [DONE] came.
  bool done() const { return done_; }
  // The server has no such path, and what was asked is asked of /health.
  bool wants_health() const { return wants_health_; }

 private:
  void take_event(std::string_view data, const Say& say);
  void say_characters(std::string_view bytes, const Say& say);
  void end_stream(const Say& say);
  [[noreturn]] void refuse(int status) const;

  const Call::Kind kind_;
  EventReader events_;
  std::string body_;  // of what is not streamed
  std::string tail_;  // the beginning of a character
  bool done_ = false, finished_ = false, has_choices_ = false, wants_health_ = false;
};

}  // namespace fulmar::client::impl
