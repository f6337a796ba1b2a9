// What became of one request.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fulmar::load {

enum class Fault : uint8_t {
  none,
  refused,    // no connection
  reset,      // the connection ended before the answer did
  status,     // another one than 200
  error,      // the answer said so itself, as an event
  timeout,
  malformed,  // no HTTP, no JSON, no UTF-8, or more than is kept
  empty,       // an answer without text
  interrupted  // by Ctrl-C, before it ended
};
constexpr std::string_view fault_names[] = {"none", "refused", "reset", "status", "error", "timeout", "malformed", "empty", "interrupted"};

struct Outcome {
  Fault fault = Fault::none;
  std::string why;       // a sentence
  double begin = 0;      // seconds after the run began, when it was sent
  double first = 0;      // seconds from there to the first text
  double end = 0;        // and to the end of the answer
  std::vector<float> gaps;  // between one piece of text and the next
  std::string text;
  std::optional<uint32_t> tokens;  // as the server counts them
  uint32_t pieces = 0;             // events with text
};

}  // namespace fulmar::load
