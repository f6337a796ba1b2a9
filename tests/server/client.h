// A small blocking HTTP client that can also misbehave, for the server tests. What it is answered must be what /openapi.json
// describes.
#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace fulmar::test {

struct Answer {
  int status = 0;                              // 0: the connection ended before a status line
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;                            // without chunk framing
  bool complete = false;                       // the body came to its end

  std::vector<std::string> events() const;  // what follows "data: " in a stream
};

class Client {
 public:
  // `is_described`: what it is asked is answered as /openapi.json says; false for a server with other routes.
  explicit Client(uint16_t port, bool is_described = true);
  ~Client();
  Client(Client&&) noexcept;

  bool send(std::string_view bytes);  // false: the server takes no more
  void send(std::string_view method, std::string_view path, std::string_view body = {},
            std::string_view more_headers = {});
  // Reads one answer; gives up after ten seconds of silence. `bodiless`: it answers HEAD.
  Answer receive(bool bodiless = false);
  // Reads until at least so many bytes have come since the last receive().
  void receive_bytes(size_t count);
  bool closed_by_server();  // reads until the end; false after ten seconds of silence
  void end_sending();
  void close();  // with what is unread, so that the server sees a reset
  void shrink_receive_buffer();

  Answer get(std::string_view path);
  Answer post(std::string_view path, std::string_view body);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fulmar::test
