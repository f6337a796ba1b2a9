// Server-sent events: one JSON text per event, in the framing OpenAI's clients read.
#pragma once
#include <string>
#include <string_view>

#include "http/message.h"

namespace fulmar::http {

inline Response sse_head() {
  return {200,
          {{"Cache-Control", "no-cache"}, {"X-Accel-Buffering", "no"}},
          {},
          "text/event-stream; charset=utf-8"};
}

// `json` has no line break: serialized JSON escapes them.
inline std::string sse_event(std::string_view json) {
  std::string out = "data: ";
  out += json;
  return out += "\n\n";
}

// With a name, as Anthropic's clients read it.
inline std::string sse_event(std::string_view name, std::string_view json) {
  std::string out = "event: ";
  out.append(name).append("\n");
  return out += sse_event(json);
}

}  // namespace fulmar::http
