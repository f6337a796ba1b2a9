// The head of a request, up to the blank line: parsed strictly, so that nobody in front of this server can
// read another request in the same bytes than this server does (RFC 9112).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/limits.h"
#include "http/message.h"
#include "http/syntax.h"

namespace fulmar::http {

struct Head {
  std::string method;
  std::string target;  // a path with its query, or "*"; an absolute target's host is in `host`
  std::string host;    // without the port, as the client wrote it; empty where HTTP/1.0 names none
  std::string authority;  // with the port
  bool old = false;    // HTTP/1.0
  std::vector<Header> headers;
  std::optional<uint64_t> length;  // Content-Length
  bool chunked = false;
  bool keep_alive = true;

  bool has_body() const { return chunked || length.value_or(0) > 0; }
};

class HeadParser {
 public:
  explicit HeadParser(const Limits& limits) : limits_(limits) {}

  // Takes whole lines off the front of `bytes`. Throws a Refusal as soon as what has come cannot become a
  // request any more.
  void put(std::string_view& bytes);
  bool done() const { return done_; }
  Head& head() { return head_; }

 private:
  void take_line(std::string_view line);
  void take_request_line(std::string_view line);
  void take_target(std::string_view target);
  void take_field(std::string_view line);
  void finish();
  void find_host();
  void find_framing();

  const Limits& limits_;
  Lines lines_;
  Head head_;
  size_t taken_ = 0;  // bytes
  bool has_line_ = false, done_ = false;
};

// "name:port" or "[address]:port": the host, or nullopt where it is not that.
std::optional<std::string_view> host_of(std::string_view authority);

}  // namespace fulmar::http
