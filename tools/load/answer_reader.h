// One answer as its bytes come: texts, their times and what is wrong with it. Knows nothing of sockets.
#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "outcome.h"
#include "sse_reader.h"

namespace fulmar::load {

class AnswerReader {
 public:
  // `outcome` is filled; `events`: the body is a stream of events, else one JSON text.
  AnswerReader(Outcome& outcome, bool events);
  AnswerReader(const AnswerReader&) = delete;
  AnswerReader& operator=(const AnswerReader&) = delete;

  // Bytes of the body that came `now` seconds after the request was sent. False: there is nothing more to hope for.
  bool push(std::string_view bytes, double now);
  // The body's end. `certain`: HTTP says that this is all, and the connection did not just close.
  void finish(double now, bool certain);
  bool done() const { return ended_; }  // the stream's end mark came

 private:
  void take(std::string_view json);
  void fault(Fault what, std::string why);

  Outcome& outcome_;
  const bool events_;
  bool ended_ = false;
  double now_ = 0, last_ = 0;
  std::string whole_;
  SseReader reader_;
};

}  // namespace fulmar::load
