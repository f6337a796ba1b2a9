// How OpenAI words completions: the JSON of answers and of stream chunks.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "fulmar/event.h"

namespace fulmar::api {

struct Usage {
  uint64_t prompt = 0, completion = 0;
};

class Wording {
 public:
  Wording(bool chat, bool stream, bool include_usage, std::string_view model);

  // A stream's chunks, as JSON texts. `finish` is none until the choice's last one.
  std::string opening(uint32_t index) const;  // chat only: names the role
  std::string chunk(uint32_t index, std::string_view text, Finish finish) const;
  std::string usage_chunk(const Usage& usage) const;

  // The answer in one piece: its beginning; for each choice what stands before its text (escaped, comma separated) and
  // behind it; its end.
  std::string begin() const;
  std::string choice_begin(uint32_t index) const;
  std::string choice_end(Finish finish) const;
  std::string end(const Usage& usage) const;

 private:
  std::string around(std::string_view choices) const;

  bool chat_;
  std::string head_;  // up to "choices":
  std::string tail_;  // after the choices of a chunk
};

}  // namespace fulmar::api
