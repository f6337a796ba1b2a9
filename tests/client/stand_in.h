// A server of one connection a thread that does what a script says, in place of Fulmar's, which never misbehaves.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace fulmar::test {

class Peer {
 public:
  virtual ~Peer() = default;
  virtual std::string request() = 0;  // one whole request, head and body; empty: there came none
  virtual bool send(std::string_view bytes) = 0;  // false: the client has gone
  virtual void wait_until_gone() = 0;  // for the client to close, or for the test to end
  virtual void reset() = 0;            // the end of the script will be no proper close
};

class StandIn {
 public:
  using Script = std::function<void(Peer&)>;

  explicit StandIn(Script script);
  ~StandIn();
  std::string port() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Responses as Fulmar and RWKV-Runner word them.
std::string json_response(int status, std::string_view body);
std::string stream_head(bool chunked = false);
std::string delta(std::string_view json_text);  // an event with a text, as it stands between JSON's quotes
std::string chunk(std::string_view bytes);
inline constexpr std::string_view finish = "data: {\"choices\":[{\"delta\":{},\"index\":0,\"finish_reason\":\"stop\"}]}\n\n";
inline constexpr std::string_view done = "data: [DONE]\n\n";

}  // namespace fulmar::test
