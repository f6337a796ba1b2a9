// What is counted of all answers for GET /metrics, added to where it happens and read without stopping anybody.
#pragma once
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <iterator>

#include "base/histogram.h"
#include "fulmar/event.h"

namespace fulmar::api {

struct Measures {
  const double begun = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();  // Unix time
  // Of each text that is made, from when its request was understood.
  Histogram first_token{buckets::waits};
  Histogram between_tokens{buckets::steps};
  Histogram whole{buckets::waits};
  Histogram completion_tokens{buckets::tokens};
  Histogram prompt_tokens{buckets::tokens};  // of each prompt
  std::array<std::atomic<uint64_t>, 8> finished{};  // by Finish
};

// Of one text, from when its request was understood: hears its events, on the engine's thread.
class TextMeasure {
 public:
  void hear(const Event& event, bool first_of_its_prompt, Measures& measures) noexcept;

 private:
  using Clock = std::chrono::steady_clock;
  const Clock::time_point asked_ = Clock::now();
  Clock::time_point last_;  // when tokens came last
  uint32_t tokens_ = 0;
};

// "stop", as OpenAI's finish_reason has it where it has one.
constexpr const char* finish_names[] = {"", "stop", "tool_calls", "length", "pause", "abort", "error"};
static_assert(static_cast<size_t>(Finish::failed) + 1 == std::size(finish_names));

}  // namespace fulmar::api
